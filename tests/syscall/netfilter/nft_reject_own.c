/* SPDX-License-Identifier: MIT */
/*
 * nft_reject_own: an output rule rejects each packet, and turns each rejection, which the rule sees
 * too, into a packet that is to be rejected again: a reset becomes a SYN, an ICMP error an echo
 * request. The first rejection is the last. The host's side only prints.
 */
#include "guest.h"
#include "inet.h"
#include "nft.h"

/*
 * Adds rules that write @what, @n bytes, to @off of the transport header of @proto's packets, and
 * then reject the packets.
 */
static int rules(unsigned char proto, int off, const void *what, unsigned n, int type)
{
	unsigned x, d, e;

	start();
	nft_table("t");
	nft_chain("t", "out", "filter", NF_INET_LOCAL_OUT, 0);
	x = nft_rule("t", "out");
	nft_meta(NFT_META_L4PROTO);
	equal(&proto, 1);
	nft_immediate(NFT_REG_1, what, n);
	nft_store(NFT_PAYLOAD_TRANSPORT_HEADER, off, n);
	e = expr("reject", &d);
	be32(NFTA_REJECT_TYPE, type);
	attr(NFTA_REJECT_ICMP_CODE, "\3", 1);
	end(d);
	end(e);
	end(x);
	return finish();
}

static int no_rules(void)
{
	start();
	nft_no_table("t");
	return finish();
}

/* Sends a SYN. Returns the result of sendto(). */
static int request(int raw)
{
	struct sockaddr_in to = at("127.0.0.1", 0);
	struct tcphdr h = { .source = htons(4246), .dest = htons(4246), .doff = 5, .syn = 1 };

	return sendto(raw, &h, sizeof(h), 0, SA(&to), sizeof(to));
}

/* Sends an echo request. Returns the result of sendto(). */
static int ask(int raw)
{
	struct sockaddr_in to = at("127.0.0.1", 0);

	return sendto(raw, "\10\0\367\377\0\0\0\0", 8, 0, SA(&to), sizeof(to));
}

static bool answered(int raw)
{
	char b[64];
	int n;

	ask(raw);
	do
		n = recv(raw, b, sizeof(b), 0);
	while (n >= 28 && b[20]);
	return n == 28;
}

TEST(nft_reject_own)
{
	int tcp = -1, raw = -1;

	if (in_guest()) {
		NEED(unshare(CLONE_NEWNET));
		lo_up();
		tcp = NEED(socket(AF_INET, SOCK_RAW, IPPROTO_TCP));
		raw = NEED(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
		nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	}
	G(rules(IPPROTO_TCP, 13, "\2", 1, NFT_REJECT_TCP_RST), "0");
	G(request(tcp), "-1 EPERM");
	G(no_rules(), "0");
	G(rules(IPPROTO_ICMP, 0, "\10", 1, NFT_REJECT_ICMP_UNREACH), "0");
	G(ask(raw), "-1 EPERM");
	G(no_rules(), "0");
	GIS(answered(raw));
}
