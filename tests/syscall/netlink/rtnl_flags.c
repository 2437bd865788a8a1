/* SPDX-License-Identifier: MIT */
/*
 * rtnl_flags: NLM_F_CREATE, _EXCL, _REPLACE and _APPEND for objects that exist and that do not:
 * addresses, neighbours, devices.
 */
#include "netns.h"
#include <linux/neighbour.h>

static const unsigned short flags[] = { 0, NLM_F_EXCL, NLM_F_CREATE, NLM_F_CREATE | NLM_F_EXCL,
	NLM_F_REPLACE, NLM_F_CREATE | NLM_F_REPLACE, NLM_F_APPEND, NLM_F_CREATE | NLM_F_APPEND,
	NLM_F_CREATE | NLM_F_EXCL | NLM_F_REPLACE };
#define NR (sizeof(flags) / sizeof(flags[0]))

static int address(int family, const char *text, unsigned f)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWADDR,
				    .nlmsg_flags = flags[f],
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)) } };
	struct ifaddrmsg *a = NLMSG_DATA(&m.h);
	char bin[16];

	a->ifa_family = (unsigned char)family;
	a->ifa_prefixlen = family == AF_INET ? 24 : 64;
	a->ifa_index = if_nametoindex("va0");
	a->ifa_flags = family == AF_INET6 ? 2 /* IFA_F_NODAD */ : 0;
	inet_pton(family, text, bin);
	nl_add(&m, IFA_LOCAL, bin, family == AF_INET ? 4 : 16);
	return nl_do(&m);
}

static int neighbour(const char *text, unsigned f)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWNEIGH,
				    .nlmsg_flags = flags[f],
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ndmsg)) } };
	struct ndmsg *n = NLMSG_DATA(&m.h);
	char bin[4];

	n->ndm_family = AF_INET;
	n->ndm_ifindex = (int)if_nametoindex("va0");
	n->ndm_state = NUD_PERMANENT;
	inet_pton(AF_INET, text, bin);
	nl_add(&m, NDA_DST, bin, 4);
	nl_add(&m, NDA_LLADDR, "\2\0\0\0\0\11", 6);
	return nl_do(&m);
}

static int device(const char *name, unsigned f)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWLINK,
				    .nlmsg_flags = flags[f],
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };

	nl_add(&m, IFLA_IFNAME, name, (unsigned)strlen(name) + 1);
	return nl_do(&m);
}

TEST(rtnl_flags)
{
	char text[32];

	own_net();
	for (unsigned f = 0; f < NR; f++) {
		say("flags %x", flags[f]);
		snprintf(text, sizeof(text), "10.20.%u.1", f);
		say("  IPv4: %d, there: %d", address(AF_INET, text, f),
			address(AF_INET, "10.9.0.1", f));
		snprintf(text, sizeof(text), "fd00:%u::1", f);
		say("  IPv6: %d, there: %d", address(AF_INET6, text, f),
			address(AF_INET6, "fd00:0::1", f));
		snprintf(text, sizeof(text), "10.9.0.%u", f + 100);
		say("  neighbour: %d, there: %d", neighbour(text, f), neighbour("10.9.0.102", f));
		say("  device that is there: %d", device("va0", f));
	}
}
