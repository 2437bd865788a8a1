/* SPDX-License-Identifier: MIT */
/*
 * rtnl_strict: strict dumps of rtnetlink (NETLINK_GET_STRICT_CHK): what filters leave, how filtered
 * dumps are marked (NLM_F_DUMP_FILTERED), which headers and attributes are refused; and the same
 * dumps without strict checks.
 */
#include "netns.h"
#include <linux/fib_rules.h>
#include <linux/neighbour.h>

#ifndef NLM_F_DUMP_FILTERED
#define NLM_F_DUMP_FILTERED 0x20
#endif

static int nl, strict;

/* Prints how many messages came ("all": whether any did), their mark, and how the dump ended. */
static void ask(const char *what, struct nl_msg *m)
{
	char buf[65536];
	int count = 0, done = 0;
	unsigned flags = 0;

	m->h.nlmsg_flags |= NLM_F_REQUEST;
	NEED(send(nl, m, m->h.nlmsg_len, 0));
	while (!done) {
		struct nlmsghdr *h = (void *)buf;
		int n = (int)NEED(recv(nl, buf, sizeof(buf), 0));

		for (; NLMSG_OK(h, (unsigned)n); h = NLMSG_NEXT(h, n)) {
			int err = *(int *)NLMSG_DATA(h);

			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
				say("%s: %d, filtered %d; %s %s, filtered %d", what,
					strncmp(what, "all", 3) ? count : !!count,
					!!(flags & NLM_F_DUMP_FILTERED),
					h->nlmsg_type == NLMSG_DONE ? "done" : "error",
					err ? t_errno(-err) : "0",
					!!(h->nlmsg_flags & NLM_F_DUMP_FILTERED));
				done = 1;
				continue;
			}
			count++;
			flags |= h->nlmsg_flags;
			if (!(h->nlmsg_flags & NLM_F_MULTI)) {
				say("%s: one of type %d", what, h->nlmsg_type);
				done = 1;
			}
		}
	}
}

static struct nl_msg msg(int type, int flags, size_t fixed)
{
	struct nl_msg m = { .h = { .nlmsg_type = (unsigned short)type,
				    .nlmsg_flags = (unsigned short)flags,
				    .nlmsg_len = NLMSG_LENGTH(fixed) } };

	return m;
}

static void add32(struct nl_msg *m, int type, unsigned v)
{
	nl_add(m, type, &v, 4);
}

/* @h is the header; what follows @family fills in. */
#define DUMP(what, type, fixed, family, ...)                                                       \
	do {                                                                                       \
		struct nl_msg m = msg(type, NLM_F_DUMP, sizeof(fixed));                            \
		T_UNUSED fixed *h = NLMSG_DATA(&m.h);                                              \
		*(unsigned char *)h = family;                                                      \
		__VA_ARGS__;                                                                       \
		ask(what, &m);                                                                     \
	} while (0)
#define LINKS(what, ...) DUMP(what, RTM_GETLINK, struct ifinfomsg, 0, __VA_ARGS__)
#define ADDRS(what, ...) DUMP(what, RTM_GETADDR, struct ifaddrmsg, __VA_ARGS__)
#define ROUTES(what, ...) DUMP(what, RTM_GETROUTE, struct rtmsg, __VA_ARGS__)
#define NEIGHS(what, ...) DUMP(what, RTM_GETNEIGH, struct ndmsg, AF_INET, __VA_ARGS__)
#define RULES(what, ...) DUMP(what, RTM_GETRULE, struct fib_rule_hdr, __VA_ARGS__)

static void add_kind(struct nl_msg *m, const char *kind)
{
	struct rtattr *info = nl_add(m, IFLA_LINKINFO, NULL, 0);

	nl_add(m, IFLA_INFO_KIND, kind, (unsigned)strlen(kind) + 1);
	nl_nested(m, info);
}

static void links(void)
{
	LINKS("veth", add_kind(&m, "veth"));
	LINKS("all for a kind that there is not", add_kind(&m, "none"));
	LINKS("of no master", add32(&m, IFLA_MASTER, 99));
	if (!strict)
		return;
	LINKS("by name", nl_add(&m, IFLA_IFNAME, "lo", 3));
	LINKS("by MTU", add32(&m, IFLA_MTU, 1500));
	LINKS("by number", h->ifi_index = 1);
	LINKS("by type", h->ifi_type = 1);
	LINKS("by flags", h->ifi_flags = 1);
	LINKS("by change", h->ifi_change = 1);
	LINKS("by a short master", nl_add(&m, IFLA_MASTER, "", 1));
}

static void addrs(int va)
{
	ADDRS("of a device", AF_INET, h->ifa_index = (unsigned)va);
	if (!strict)
		return;
	ADDRS("of none", AF_INET, h->ifa_index = 99);
	ADDRS("of none, both families", 0, h->ifa_index = 99);
	ADDRS("by prefix", AF_INET, h->ifa_prefixlen = 24);
	ADDRS("by flags", AF_INET, h->ifa_flags = 1);
	ADDRS("by scope", AF_INET, h->ifa_scope = 1);
	ADDRS("by address", AF_INET, add32(&m, IFA_LOCAL, 5));
}

static void routes(int va)
{
	if (!strict)
		return;
	ROUTES("table 77", AF_INET, add32(&m, RTA_TABLE, 77));
	ROUTES("table 77 in the header", AF_INET, h->rtm_table = 77);
	ROUTES("table 78", AF_INET, add32(&m, RTA_TABLE, 78));
	ROUTES("table 78, any family", 0, add32(&m, RTA_TABLE, 78));
	ROUTES("table 77, any family", 0, add32(&m, RTA_TABLE, 77));
	ROUTES("table 77, IPv6", AF_INET6, add32(&m, RTA_TABLE, 77));
	ROUTES("static", AF_INET, h->rtm_protocol = RTPROT_STATIC);
	ROUTES("unreachable", AF_INET, h->rtm_type = RTN_UNREACHABLE);
	ROUTES("static by a device", AF_INET, h->rtm_protocol = RTPROT_STATIC,
		add32(&m, RTA_OIF, (unsigned)va));
	ROUTES("static by lo", AF_INET, h->rtm_protocol = RTPROT_STATIC, add32(&m, RTA_OIF, 1));
	ROUTES("by none", AF_INET, add32(&m, RTA_OIF, 99));
	ROUTES("cached", AF_INET, h->rtm_flags = RTM_F_CLONED);
	ROUTES("another flag", AF_INET, h->rtm_flags = 1);
	ROUTES("by prefix", AF_INET, h->rtm_dst_len = 24);
	ROUTES("by source", AF_INET, h->rtm_src_len = 24);
	ROUTES("by TOS", AF_INET, h->rtm_tos = 4);
	ROUTES("by scope", AF_INET, h->rtm_scope = 4);
	ROUTES("by destination", AF_INET, add32(&m, RTA_DST, 5));
	ROUTES("by priority", AF_INET, add32(&m, RTA_PRIORITY, 5));
	ROUTES("by a short table", AF_INET, nl_add(&m, RTA_TABLE, "", 1));
}

static void neighs(int va)
{
	NEIGHS("all", );
	NEIGHS("of a device", add32(&m, NDA_IFINDEX, (unsigned)va));
	NEIGHS("of none", add32(&m, NDA_IFINDEX, 99));
	NEIGHS("of any", add32(&m, NDA_IFINDEX, 0));
	NEIGHS("of no master", add32(&m, NDA_MASTER, 99));
	NEIGHS("of a device in the header", h->ndm_ifindex = va);
	if (!strict)
		return;
	NEIGHS("by state", h->ndm_state = NUD_REACHABLE);
	NEIGHS("by type", h->ndm_type = 1);
	NEIGHS("proxies", h->ndm_flags = NTF_PROXY);
	NEIGHS("by flags", h->ndm_flags = NTF_USE);
	NEIGHS("by address", add32(&m, NDA_DST, 5));
}

static void rules(void)
{
	RULES("all", AF_INET, );
	RULES("by action", AF_INET, h->action = 1);
	RULES("of a family that has none", 99, );
	if (strict)
		RULES("by table", AF_INET, add32(&m, FRA_TABLE, 5));
}

/* Requests dumps with a header that is too short. */
static void short_ones(void)
{
	static const int types[] = { RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH,
		RTM_GETRULE };

	for (int k = 0; k < 5; k++) {
		struct nl_msg m = msg(types[k], NLM_F_DUMP, 1);

		m.room[0] = AF_INET;
		ask("short", &m);
	}
}

static void one(void)
{
	struct nl_msg m;
	struct in6_addr a = IN6ADDR_LOOPBACK_INIT;

	for (int k = 0; k < 4; k++) {
		m = msg(RTM_GETLINK, 0, sizeof(struct ifinfomsg));
		*(struct ifinfomsg *)NLMSG_DATA(&m.h) = (struct ifinfomsg){
			.ifi_index = 1, .ifi_type = k == 1, .ifi_flags = k == 2
		};
		if (k == 3)
			add32(&m, IFLA_MTU, 5);
		ask("a link", &m);
	}
	for (int k = 0; k < 3; k++) {
		m = msg(RTM_GETADDR, 0, sizeof(struct ifaddrmsg));
		((struct ifaddrmsg *)NLMSG_DATA(&m.h))->ifa_family = k == 2 ? AF_INET : AF_INET6;
		a.s6_addr[0] = (unsigned char)k;
		nl_add(&m, IFA_ADDRESS, &a, k == 2 ? 4 : 16);
		ask("an address", &m);
	}
}

/* Requests counters only, which bits of a mask select. */
static void counters(void)
{
	static const struct {
		unsigned char index, pad;
		unsigned mask;
	} q[] = { { 1, 0, 1 }, { 99, 0, 1 }, { 0, 0, 1 }, { 1, 0, 0 }, { 1, 0, 2 }, { 1, 1, 1 },
		{ 1, 0, 0x1ff }, { 1, 0, 1 } };

	for (unsigned k = 0; k < sizeof(q) / sizeof(q[0]); k++) {
		struct nl_msg m = msg(RTM_GETSTATS, 0, k == 7 ? 8 : sizeof(struct if_stats_msg));
		struct if_stats_msg *h = NLMSG_DATA(&m.h);

		h->pad1 = q[k].pad;
		h->ifindex = q[k].index;
		h->filter_mask = q[k].mask;
		ask("counters", &m);
		m.h.nlmsg_flags = NLM_F_DUMP;
		if (q[k].index != 99)
			ask("all counters", &m);
	}
}

static void counter_of_lo(void)
{
	struct nl_msg m = msg(RTM_GETSTATS, NLM_F_REQUEST, sizeof(struct if_stats_msg));
	struct if_stats_msg *h = NLMSG_DATA(&m.h);
	char buf[4096];
	struct rtattr *a = (void *)(buf + NLMSG_SPACE(sizeof(*h)));
	struct rtnl_link_stats64 s;

	h->ifindex = 1;
	h->filter_mask = 1;
	NEED(send(nl, &m, m.h.nlmsg_len, 0));
	NEED(recv(nl, buf, sizeof(buf), 0));
	memcpy(&s, RTA_DATA(a), sizeof(s));
	h = NLMSG_DATA((struct nlmsghdr *)buf);
	say("device %u, mask %x, attribute %d: sent %d, got %d", h->ifindex, h->filter_mask,
		a->rta_type, (int)s.tx_packets, (int)s.rx_packets);
}

static void add_route(const char *to, int type, unsigned table, int dev)
{
	struct nl_msg m = msg(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct rtmsg));
	unsigned dst = inet_addr(to);

	*(struct rtmsg *)NLMSG_DATA(&m.h) = (struct rtmsg){ .rtm_family = AF_INET,
		.rtm_dst_len = 24,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_type = (unsigned char)type,
		.rtm_scope = dev ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE };
	nl_add(&m, RTA_DST, &dst, 4);
	add32(&m, RTA_TABLE, table);
	if (dev)
		add32(&m, RTA_OIF, (unsigned)dev);
	NEED0(nl_do(&m));
}

static void add_neigh(const char *addr, int dev)
{
	struct nl_msg m = msg(RTM_NEWNEIGH, NLM_F_CREATE, sizeof(struct ndmsg));
	unsigned dst = inet_addr(addr);

	*(struct ndmsg *)NLMSG_DATA(&m.h) = (struct ndmsg){
		.ndm_family = AF_INET, .ndm_ifindex = dev, .ndm_state = NUD_PERMANENT
	};
	nl_add(&m, NDA_DST, &dst, 4);
	nl_add(&m, NDA_LLADDR, "\2\0\0\0\0\11", 6);
	NEED0(nl_do(&m));
}

TEST(rtnl_strict)
{
	int va, vb;

	own_net();
	va = (int)if_nametoindex("va0");
	vb = (int)if_nametoindex("vb0");
	add_addr("vb0", AF_INET, "10.9.1.1", 24);
	add_route("192.0.2.0", RTN_UNICAST, RT_TABLE_MAIN, vb);
	add_route("198.51.100.0", RTN_UNREACHABLE, RT_TABLE_MAIN, 0);
	add_route("203.0.113.0", RTN_UNICAST, 77, va);
	add_neigh("10.9.0.9", va);
	add_neigh("10.9.1.9", vb);
	for (strict = 0; strict < 2; strict++) {
		say("strict %d", strict);
		nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
		NEED(set(nl, 270, 12 /* NETLINK_GET_STRICT_CHK */, strict));
		links();
		addrs(va);
		routes(va);
		neighs(va);
		rules();
		if (strict)
			short_ones();
		one();
		counters();
		counter_of_lo();
		close(nl);
	}
}
