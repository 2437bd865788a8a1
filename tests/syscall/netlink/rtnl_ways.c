/* SPDX-License-Identifier: MIT */
/*
 * rtnl_ways: routes while their devices come and go: the route of an address, multipath routes with
 * dead nexthops or nexthops without carrier, and the lifetime of such a route; addresses of one
 * network that come and go at the same time keep its route.
 */
#include "netns.h"
#include <linux/if_addr.h>
#include <pthread.h>

static int nl;

static int say_ways(char *to, struct rtattr *a)
{
	struct rtnexthop *h = RTA_DATA(a);
	int left = (int)RTA_PAYLOAD(a), n = 0;

	for (; RTNH_OK(h, left); left -= RTNH_ALIGN(h->rtnh_len), h = RTNH_NEXT(h)) {
		char name[IFNAMSIZ] = "?";

		if_indextoname((unsigned)h->rtnh_ifindex, name);
		n += sprintf(to + n, " [%s %d flags %x]", name, h->rtnh_hops, h->rtnh_flags);
	}
	return n;
}

/* Writes the main table's routes to prefixes of @bits bits to @to, in one line. */
static void routes(int family, int bits, char *to)
{
	struct {
		struct nlmsghdr h;
		struct rtmsg r;
	} q = { { sizeof(q), RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 },
		{ .rtm_family = (unsigned char)family } };
	char buf[32768];

	*to = 0;
	NEED(send(nl, &q, sizeof(q), 0));
	for (;;) {
		struct nlmsghdr *h = (void *)buf;
		int n = (int)NEED(recv(nl, buf, sizeof(buf), 0));

		for (; NLMSG_OK(h, (unsigned)n); h = NLMSG_NEXT(h, n)) {
			struct rtmsg *r = NLMSG_DATA(h);
			struct rtattr *a = RTM_RTA(r);
			int left = RTM_PAYLOAD(h);

			if (h->nlmsg_type == NLMSG_DONE)
				return;
			if (r->rtm_table != RT_TABLE_MAIN || r->rtm_dst_len != bits)
				continue;
			to += sprintf(to, " flags %x", r->rtm_flags);
			for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
				if (a->rta_type == RTA_MULTIPATH)
					to += say_ways(to, a);
			to += sprintf(to, ";");
		}
	}
}

/* Waits until the routes are @want, since links change with a delay, and prints the routes. */
static void expect(const char *what, int family, int bits, const char *want)
{
	char got[1024];

	T_WAIT((routes(family, bits, got), !strcmp(got, want)));
	say("%s:%s", what, *got ? got : " none");
}

static void add_ways(int family, const char *to, int bits, const char *a, const char *b)
{
	struct nl_msg m = nl_route(to, bits);
	struct rtattr *ways;
	char bin[16];

	m.h.nlmsg_flags |= NLM_F_EXCL;
	ways = nl_add(&m, RTA_MULTIPATH, NULL, 0);
	for (int k = 0; k < 2; k++) {
		struct rtnexthop *h = (void *)((char *)&m + m.h.nlmsg_len);

		*h = (struct rtnexthop){ .rtnh_hops = (unsigned char)k,
			.rtnh_ifindex = (int)if_nametoindex(k ? "vb0" : "va0") };
		m.h.nlmsg_len += sizeof(*h);
		inet_pton(family, k ? b : a, bin);
		nl_add(&m, RTA_GATEWAY, bin, family == AF_INET ? 4 : 16);
		h->rtnh_len = (unsigned short)((char *)&m + m.h.nlmsg_len - (char *)h);
	}
	nl_nested(&m, ways);
	NEED0(nl_do(&m));
}

static void del_link(const char *name)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_DELLINK,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };

	((struct ifinfomsg *)NLMSG_DATA(&m.h))->ifi_index = (int)if_nametoindex(name);
	NEED0(nl_do(&m));
}

#define BOTH " flags 0 [va0 0 flags 0] [vb0 1 flags 0];"
#define B_DEAD " [va0 0 flags 10] [vb0 1 flags 11];"
#define A_DEAD " [va0 0 flags 11] [vb0 1 flags 10];"

static void of_addresses(void)
{
	set_up("va0", 0);
	set_up("vb0", 0);
	add_addr("va0", AF_INET, "10.8.0.1", 23);
	expect("a device that is down", AF_INET, 23, "");
	set_up("va0", 1);
	expect("up, without its link", AF_INET, 23, " flags 10;");
	set_up("vb0", 1);
	expect("up", AF_INET, 23, " flags 0;");
	set_up("va0", 0);
	expect("down", AF_INET, 23, "");
	set_up("va0", 1);
	expect("up again", AF_INET, 23, " flags 0;");
}

static void add_both(void)
{
	add_ways(AF_INET, "192.0.2.0", 26, "10.9.0.7", "10.7.0.7");
	expect("two ways", AF_INET, 26, BOTH);
}

static void of_several(void)
{
	add_addr("vb0", AF_INET, "10.7.0.1", 24);
	add_addr("va0", AF_INET6, "2001:db8:5::1", 64);
	add_addr("vb0", AF_INET6, "2001:db8:6::1", 64);
	add_both();
	add_ways(AF_INET6, "2001:db8:9::", 60, "2001:db8:5::7", "2001:db8:6::7");
	expect("two ways of IPv6", AF_INET6, 60, BOTH);
	set_up("vb0", 0);
	expect("one is dead", AF_INET, 26, " flags 10" B_DEAD);
	expect("one is dead", AF_INET6, 60, " flags 0" B_DEAD);
	set_up("vb0", 1);
	expect("it lives", AF_INET, 26, BOTH);
	expect("it lives", AF_INET6, 60, BOTH);
	set_up("va0", 0);
	expect("the first is dead", AF_INET, 26, " flags 10" A_DEAD);
	set_up("vb0", 0);
	expect("both are", AF_INET, 26, "");
	expect("both are", AF_INET6, 60, "");
	set_up("va0", 1);
	set_up("vb0", 1);
	expect("both are up again", AF_INET, 26, "");
	add_both();
	set_up("vb0", 0);
	expect("dead", AF_INET, 26, " flags 10" B_DEAD);
	del_link("vb0");
	expect("the device is gone", AF_INET, 26, "");
}

static void *come_and_go(void *arg)
{
	const char *addr = arg;

	for (int k = 0; k < 200; k++) {
		struct nl_msg m = { .h = { .nlmsg_type = k & 1 ? RTM_DELADDR : RTM_NEWADDR,
					    .nlmsg_flags = NLM_F_CREATE,
					    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)) } };
		struct ifaddrmsg *a = NLMSG_DATA(&m.h);
		uint32_t bin = inet_addr(addr);

		a->ifa_family = AF_INET;
		a->ifa_prefixlen = 25;
		a->ifa_index = if_nametoindex("va0");
		nl_add(&m, IFA_LOCAL, &bin, 4);
		/* a secondary one may have gone with the first */
		nl_do(&m);
	}
	return NULL;
}

static void at_once(void)
{
	char got[1024];
	int wrong = 0;

	for (int round = 0; round < 10; round++) {
		pthread_t t[2];

		pthread_create(&t[0], NULL, come_and_go, "10.6.0.1");
		pthread_create(&t[1], NULL, come_and_go, "10.6.0.2");
		pthread_join(t[0], NULL);
		pthread_join(t[1], NULL);
		routes(AF_INET, 25, got);
		wrong += *got != 0;
		add_addr("va0", AF_INET, "10.6.0.3", 25);
		routes(AF_INET, 25, got);
		wrong += strcmp(got, " flags 0;") != 0;
		pthread_create(&t[0], NULL, come_and_go, "10.6.0.1");
		pthread_create(&t[1], NULL, come_and_go, "10.6.0.3");
		pthread_join(t[0], NULL);
		pthread_join(t[1], NULL);
	}
	say("at once: %d wrong", wrong);
}

TEST(rtnl_ways)
{
	own_net();
	nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	of_addresses();
	at_once();
	of_several();
}
