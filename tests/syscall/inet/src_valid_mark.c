/* SPDX-License-Identifier: MIT */
/*
 * src_valid_mark: rp_filter looks up the reverse route with a packet's mark only if
 * conf/NAME/src_valid_mark is set (WireGuard's tools set it). A packet filter must mark the
 * packets, so the host's side prints what Linux does.
 */
#include "guest.h"
#include "put.h"
#include "wire.h"

#include "nft.h"
#include <linux/fib_rules.h>

#define CONF "/proc/sys/net/ipv4/conf/"
#define TABLE 100
#define MARK 5

/* Adds a rule that marks all packets that come. Returns 0, or -1 with errno. */
static int mark_all(void)
{
	unsigned x, e, d;
	uint32_t mark = MARK;

	start();
	nft_table("t");
	nft_chain("t", "pre", "filter", NF_INET_PRE_ROUTING, -150);
	x = nft_rule("t", "pre");
	nft_immediate(NFT_REG_1, &mark, sizeof(mark));
	e = expr("meta", &d);
	be32(NFTA_META_KEY, NFT_META_MARK);
	be32(NFTA_META_SREG, NFT_REG_1);
	end(d);
	end(e);
	end(x);
	return finish();
}

/*
 * Packets with the mark use a table with a route to 10.3.0.0/24 over va0. Other packets have no
 * route there.
 */
static void ways(void)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWROUTE,
				    .nlmsg_flags = NLM_F_CREATE,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)) } },
		      r = { .h = { .nlmsg_type = RTM_NEWRULE,
				    .nlmsg_flags = NLM_F_CREATE,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct fib_rule_hdr)) } };
	struct rtmsg *way = NLMSG_DATA(&m.h);
	struct fib_rule_hdr *rule = NLMSG_DATA(&r.h);
	unsigned index = if_nametoindex("va0"), mark = MARK;

	*way = (struct rtmsg){ .rtm_family = AF_INET,
		.rtm_dst_len = 24,
		.rtm_table = TABLE,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST };
	nl_add(&m, RTA_DST, (unsigned char[]){ 10, 3, 0, 0 }, 4);
	nl_add(&m, RTA_OIF, &index, 4);
	NEED0(nl_do(&m));
	*rule = (struct fib_rule_hdr){ .family = AF_INET, .table = TABLE, .action = FR_ACT_TO_TBL };
	nl_add(&r, FRA_FWMARK, &mark, 4);
	NEED0(nl_do(&r));
}

static int came(int fd)
{
	unsigned char f[43] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 29, 0, 0, 0,
		0, 64, 17, 0, 0, 10, 3, 0, 5, 10, 9, 0, 1, 0, 9, 0, 99, 0, 9, 0, 0, 'x' };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	wire_put_sum(f + 24, wire_sum(f + 14, 20, 0));
	NEED(send(wire, f, sizeof(f), 0));
	return poll(&p, 1, 500) > 0 && recv(fd, &c, 1, 0) == 1;
}

TEST(src_valid_mark)
{
	struct sockaddr_in a = at("0.0.0.0", 99);
	int fd;

	wire_open();
	ways();
	fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	NEED(bind(fd, SA(&a), sizeof(a)));
	nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	NEED(put(CONF "all/rp_filter", "0"));
	NEED(put(CONF "va0/rp_filter", "0"));
	T(came(fd));
	NEED(put(CONF "va0/rp_filter", "1"));
	T(came(fd));
	G(mark_all(), "0");
	GIS(!came(fd));
	G(put(CONF "va0/src_valid_mark", "1"), "1");
	GIS(came(fd));
}
