/* SPDX-License-Identifier: MIT */
/*
 * route_local: the local table: the addresses of this machine, broadcasts, and the routes of
 * groups; ip-route(8).
 */
#include "netns.h"

static int quiet, has_late, link_down;

static void show_route(const struct nlmsghdr *h)
{
	const struct rtmsg *r = NLMSG_DATA(h);
	struct rtattr *a = RTM_RTA(r);
	int left = (int)RTM_PAYLOAD(h);
	char line[512] = "", dst[64] = "0", text[64], name[IFNAMSIZ];

	if (r->rtm_table != RT_TABLE_LOCAL)
		return;
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		char *out = line + strlen(line);

		switch (a->rta_type) {
		case RTA_DST: inet_ntop(r->rtm_family, RTA_DATA(a), dst, sizeof(dst)); break;
		case RTA_PREFSRC:
			sprintf(out, " src %s", inet_ntop(r->rtm_family, RTA_DATA(a), text, 64));
			break;
		case RTA_OIF:
			/* in the order in which their links came up */
			if (r->rtm_type != RTN_MULTICAST)
				sprintf(out, " dev %s",
					if_indextoname(*(unsigned *)RTA_DATA(a), name));
			break;
		case RTA_PRIORITY: sprintf(out, " metric %d", *(int *)RTA_DATA(a)); break;
		case RTA_PREF: sprintf(out, " pref %d", *(unsigned char *)RTA_DATA(a)); break;
		case RTA_TABLE:
		case RTA_CACHEINFO: break;
		default: sprintf(out, " attribute %d", a->rta_type);
		}
	}
	if (!strcmp(dst, "10.9.0.255"))
		link_down = (int)r->rtm_flags & RTNH_F_LINKDOWN;
	has_late |= !strcmp(dst, "fd77::1");
	if (!quiet && strncmp(dst, "fe80", 4)) /* the default if no other address has it */
		say("  %s/%d type %d proto %d scope %d flags %d%s", dst, r->rtm_dst_len,
			r->rtm_type, r->rtm_protocol, r->rtm_scope, (int)r->rtm_flags, line);
}

/* Prints routes. @strict: only those of @type, and only of table local. */
static void show(const char *what, int family, int strict, int type)
{
	struct rtmsg r = { .rtm_family = (unsigned char)family,
		.rtm_table = strict ? RT_TABLE_LOCAL : 0,
		.rtm_type = (unsigned char)type };

	if (!quiet)
		say("%s", what);
	dump_routes(&r, strict, show_route);
}

/*
 * Linux changes some routes later: for IPv6 addresses that become usable, and links that are lost.
 */
static void await_route(int family, const int *what)
{
	quiet = 1;
	T_WAIT((show("", family, 0, 0), *what));
	quiet = 0;
}

static void add_with_broadcast(const char *dev, const char *addr, int prefix, const char *broadcast)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWADDR,
				    .nlmsg_flags = NLM_F_CREATE,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)) } };
	struct ifaddrmsg *a = NLMSG_DATA(&m.h);
	char bin[4];

	a->ifa_family = AF_INET;
	a->ifa_prefixlen = (unsigned char)prefix;
	a->ifa_index = if_nametoindex(dev);
	inet_pton(AF_INET, addr, bin);
	nl_add(&m, IFA_LOCAL, bin, 4);
	inet_pton(AF_INET, broadcast, bin);
	nl_add(&m, IFA_BROADCAST, bin, 4);
	NEED0(nl_do(&m));
}

TEST(route_local)
{
	own_net();
	show("one address", AF_INET, 0, 0);
	add_addr("va0", AF_INET, "10.9.0.77", 24);
	add_addr("va0", AF_INET, "10.9.0.1", 16);
	add_addr("vb0", AF_INET, "10.7.0.3", 31);
	add_addr("vb0", AF_INET, "10.6.0.3", 32);
	add_with_broadcast("vb0", "10.5.0.3", 24, "10.5.0.127");
	add_with_broadcast("vb0", "10.5.0.4", 24, "10.5.0.255");
	add_addr("lo", AF_INET, "10.4.0.3", 24);
	show("many", AF_INET, 0, 0);
	show("the local ones", AF_INET, 1, RTN_LOCAL);
	show("the broadcasts", AF_INET, 1, RTN_BROADCAST);
	add_addr("va0", AF_INET6, "fd77::1", 64);
	add_addr("lo", AF_INET6, "fd78::1", 128);
	await_route(AF_INET6, &has_late);
	show("IPv6", AF_INET6, 0, 0);
	show("IPv6, to groups", AF_INET6, 1, RTN_MULTICAST);
	set_up("vb0", 0);
	await_route(AF_INET, &link_down);
	show("vb0 is down", AF_INET, 0, 0);
	show("vb0 is down, IPv6", AF_INET6, 1, RTN_MULTICAST);
}
