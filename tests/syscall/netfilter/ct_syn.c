/* SPDX-License-Identifier: MIT */
/*
 * ct_syn: an unanswered TCP connection expires at its time, however often the first packet is sent
 * again. Then a translating rule that was added later is consulted. The host's side prints what
 * Linux does.
 */
#include "guest.h"
#include "inet.h"
#include "nft.h"

#include <linux/netfilter/nfnetlink_conntrack.h>

/* Connections are tracked as long as a rule asks for their state; what comes in goes. */
static int rules(void)
{
	unsigned x;

	start();
	nft_table("t");
	nft_chain("t", "in", "filter", NF_INET_LOCAL_IN, 0);
	be32(NFTA_CHAIN_POLICY, NF_DROP);
	x = nft_rule("t", "in");
	nft_ct_state();
	end(x);
	return finish();
}

static int left;

static void see(const struct nlmsghdr *h)
{
	const char *end = (const char *)h + h->nlmsg_len;
	const struct nlattr *a =
		(const void *)((const char *)h + NLMSG_SPACE(sizeof(struct nfgenmsg)));

	for (; (const char *)a < end; a = (const void *)((const char *)a + NLA_ALIGN(a->nla_len)))
		if ((a->nla_type & NLA_TYPE_MASK) == CTA_TIMEOUT)
			left = (int)ntohl(*(const uint32_t *)(a + 1));
}

static int seconds(void)
{
	left = -1;
	dump(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, AF_INET, see);
	return left;
}

static void syn(int fd)
{
	unsigned char p[40] = { 0x45, 0, 0, 0, 0, 1, 0, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1,
		3, 0xe8, 7, 0xd0, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff };
	struct sockaddr_in a = at("127.0.0.1", 0);
	unsigned sum = 0x7f00 + 1 + 0x7f00 + 1 + 6 + 20;

	p[36] = p[37] = 0;
	for (int i = 20; i < 40; i += 2)
		sum += p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	p[36] = ~sum >> 8;
	p[37] = ~sum;
	NEED(sendto(fd, p, sizeof(p), 0, SA(&a), sizeof(a)));
}

TEST(ct_syn)
{
	int fd = -1, before = 0;

	if (in_guest()) {
		NEED(unshare(CLONE_NEWNET));
		lo_up();
		nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
		fd = NEED(socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
	}
	G(rules(), "0");
	if (in_guest())
		syn(fd);
	GIS((before = seconds()) > 0);
	if (in_guest()) {
		usleep(2200000);
		syn(fd);
	}
	GIS(seconds() <= before - 2);
}
