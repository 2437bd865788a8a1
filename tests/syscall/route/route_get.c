/* SPDX-License-Identifier: MIT */
/*
 * route_get: RTM_GETROUTE: by device, mark, source, class and input device, with and without policy
 * rules; a named device without a route.
 */
#include "netns.h"
#include <linux/fib_rules.h>

static int nl;

static void ask(struct nl_msg *m, int type, int flags, int len)
{
	memset(m, 0, sizeof(*m));
	m->h = (struct nlmsghdr){ NLMSG_LENGTH(len), type, NLM_F_REQUEST | flags, 1, 0 };
}

static void add_ip(struct nl_msg *m, int type, int family, const char *text)
{
	unsigned char a[16];

	inet_pton(family, text, a);
	nl_add(m, type, a, family == AF_INET ? 4 : 16);
}

static void number_of(struct nl_msg *m, int type, unsigned n)
{
	nl_add(m, type, &n, 4);
}

struct question {
	const char *to, *from, *in, *out;
	unsigned mark, tos;
};

static void show(const struct rtattr *a, int family)
{
	char text[64];

	switch (a->rta_type) {
	case RTA_SRC: say(" from"); break;
	case RTA_PREFSRC: say(" src"); break;
	case RTA_GATEWAY: say(" via"); break;
	case RTA_TABLE: say(" table %u", *(unsigned *)RTA_DATA(a)); return;
	case RTA_MARK: say(" mark %u", *(unsigned *)RTA_DATA(a)); return;
	case RTA_IIF: say(" in %d", *(int *)RTA_DATA(a) > 1); return;
	case RTA_UID: say(" uid"); return;
	case RTA_OIF: say(" dev %s", if_indextoname(*(unsigned *)RTA_DATA(a), text)); return;
	default: return;
	}
	say(" %s", inet_ntop(family, RTA_DATA(a), text, sizeof(text)));
}

static void get(const struct question *q)
{
	static const int order[] = { RTA_SRC, RTA_IIF, RTA_GATEWAY, RTA_OIF, RTA_TABLE, RTA_PREFSRC,
		RTA_MARK, RTA_UID };
	int family = strchr(q->to, ':') ? AF_INET6 : AF_INET, n;
	struct nl_msg m;
	struct rtmsg *r;
	char buf[4096];
	struct nlmsghdr *h = (void *)buf;

	ask(&m, RTM_GETROUTE, 0, sizeof(*r));
	r = NLMSG_DATA(&m.h);
	r->rtm_family = family;
	r->rtm_flags = RTM_F_LOOKUP_TABLE;
	r->rtm_tos = q->tos;
	r->rtm_dst_len = family == AF_INET ? 32 : 128;
	add_ip(&m, RTA_DST, family, q->to);
	if (q->from) {
		r->rtm_src_len = r->rtm_dst_len;
		add_ip(&m, RTA_SRC, family, q->from);
	}
	if (q->in)
		number_of(&m, RTA_IIF, if_nametoindex(q->in));
	if (q->out)
		number_of(&m, RTA_OIF, if_nametoindex(q->out));
	if (q->mark)
		number_of(&m, RTA_MARK, q->mark);
	say("%s from %s in %s out %s mark %u tos %u:", q->to, q->from ? q->from : "-",
		q->in ? q->in : "-", q->out ? q->out : "-", q->mark, q->tos);
	send(nl, &m, m.h.nlmsg_len, 0);
	n = recv(nl, buf, sizeof(buf), 0);
	if (n <= 0 || h->nlmsg_type == NLMSG_ERROR) {
		say(" %s\n", t_errno(-((struct nlmsgerr *)NLMSG_DATA(h))->error));
		return;
	}
	r = NLMSG_DATA(h);
	for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		n = (int)RTM_PAYLOAD(h);
		for (struct rtattr *a = RTM_RTA(r); RTA_OK(a, n); a = RTA_NEXT(a, n))
			if (a->rta_type == order[i])
				show(a, family);
	}
	say(" type %d\n", r->rtm_type);
}

static void all(void)
{
	static const struct question questions[] = {
		{ "172.16.0.9" },
		{ "172.16.0.9", "172.16.0.3" },
		{ "172.16.0.9", "1.2.3.4" },
		{ "172.16.0.9", .out = "v1" },
		{ "172.16.0.9", .mark = 100 },
		{ "172.16.0.9", "172.17.0.9", "v1" },
		{ "9.9.9.9" },
		{ "9.9.9.9", .out = "v0" },
		{ "9.9.9.9", .out = "v1" },
		{ "9.9.9.9", .mark = 100 },
		{ "9.9.9.9", .mark = 101 },
		{ "9.9.9.9", .tos = 0x10 },
		{ "9.9.9.9", "172.17.0.9", "v1" },
		{ "127.0.0.1" },
		{ "172.16.0.1" },
		{ "2001:db8:1::9" },
		{ "2001:db8:1::9", "2001:db8:1::1" },
		{ "2001:db8:9::9" },
		{ "2001:db8:9::9", .out = "v0" },
		{ "::1" },
	};

	for (unsigned i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		get(&questions[i]);
}

static void rule(int family, int type, const char *dev, unsigned mark, int tos, unsigned table)
{
	struct nl_msg m;
	struct fib_rule_hdr *r;

	ask(&m, RTM_NEWRULE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sizeof(*r));
	r = NLMSG_DATA(&m.h);
	r->family = family;
	r->action = FR_ACT_TO_TBL;
	r->tos = tos;
	number_of(&m, FRA_TABLE, table);
	number_of(&m, FRA_PRIORITY, table * 10);
	if (dev)
		nl_add(&m, type, dev, (unsigned)strlen(dev) + 1);
	if (mark)
		number_of(&m, FRA_FWMARK, mark);
	say("rule %u: %d\n", table, nl_do(&m));
}

static void by_default(int family, unsigned table, const char *via)
{
	struct nl_msg m;
	struct rtmsg *r;

	ask(&m, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sizeof(*r));
	r = NLMSG_DATA(&m.h);
	*r = (struct rtmsg){ .rtm_family = family,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_type = RTN_UNICAST,
		.rtm_flags = RTNH_F_ONLINK };
	add_ip(&m, RTA_GATEWAY, family, via);
	number_of(&m, RTA_OIF, if_nametoindex("v0"));
	number_of(&m, RTA_TABLE, table);
	say("route %u: %d\n", table, nl_do(&m));
}

/* A socket that is bound to a device sends by it, whatever the destination. */
static void without_way(void)
{
	struct sockaddr_in a = at("9.9.9.9", 9);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	T(sendto(fd, "x", 1, 0, SA(&a), sizeof(a)));
	T(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "v0", 3));
	T(sendto(fd, "x", 1, 0, SA(&a), sizeof(a)));
	T(connect(fd, SA(&a), sizeof(a)));
	close(fd);
}

/* With an address of our own as the gateway, the destination is on the link. */
static void by_ourselves(void)
{
	static const struct question q = { "10.54.0.1" };
	struct nl_msg m;
	struct rtmsg *r;

	ask(&m, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sizeof(*r));
	r = NLMSG_DATA(&m.h);
	*r = (struct rtmsg){ .rtm_family = AF_INET,
		.rtm_dst_len = 32,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_type = RTN_UNICAST };
	add_ip(&m, RTA_DST, AF_INET, q.to);
	add_ip(&m, RTA_GATEWAY, AF_INET, "172.16.0.1");
	say("route by ourselves: %d\n", nl_do(&m));
	get(&q);
}

TEST(route_get)
{
	own_net();
	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	lo_up();
	veth_pair("v0", "v1");
	put_text("/proc/sys/net/ipv6/conf/v0/accept_dad", "0");
	put_text("/proc/sys/net/ipv4/conf/all/forwarding", "1");
	put_text("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	put_text("/proc/sys/net/ipv4/conf/v1/rp_filter", "0");
	set_up("v0", 1);
	set_up("v1", 1);
	add_addr("v0", AF_INET, "172.16.0.1", 24);
	add_addr("v0", AF_INET, "172.16.0.3", 24);
	add_addr("v1", AF_INET, "172.17.0.1", 24);
	add_addr("v0", AF_INET6, "2001:db8:1::1", 64);
	all();
	without_way();
	by_ourselves();
	rule(AF_INET, FRA_OIFNAME, "v0", 0, 0, 100);
	rule(AF_INET6, FRA_OIFNAME, "v0", 0, 0, 100);
	rule(AF_INET, 0, NULL, 100, 0, 101);
	rule(AF_INET, 0, NULL, 0, 0x10, 102);
	rule(AF_INET, FRA_IIFNAME, "v1", 0, 0, 103);
	for (unsigned t = 100; t < 104; t++)
		by_default(AF_INET, t, "172.16.0.2");
	by_default(AF_INET6, 100, "2001:db8:1::2");
	all();
	close(nl);
}
