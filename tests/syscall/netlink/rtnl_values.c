/* SPDX-License-Identifier: MIT */
/*
 * rtnl_values: values that devices refuse: attributes that cannot be set, names and aliases that
 * are too long, addresses that are too short.
 */
#include "netns.h"

#ifndef IFLA_PROTO_DOWN
#define IFLA_PROTO_DOWN 39
#endif

static void give(const char *what, int type, const void *data, unsigned n)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_SETLINK,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };
	int err;

	((struct ifinfomsg *)NLMSG_DATA(&m.h))->ifi_index = (int)if_nametoindex("vb0");
	nl_add(&m, type, data, n);
	err = nl_do(&m);
	say("%s: %s, vb0 is %s", what, err ? t_errno(-err) : "0",
		if_nametoindex("vb0") ? "there" : "not there");
}

TEST(rtnl_values)
{
	char long_text[256];

	memset(long_text, 'x', sizeof(long_text));
	own_net();
	give("protocols down", IFLA_PROTO_DOWN, "\1", 1);
	give("protocols up", IFLA_PROTO_DOWN, "", 1);
	give("no carrier", IFLA_CARRIER, "", 1);
	give("a carrier", IFLA_CARRIER, "\1", 1);
	give("a short address", IFLA_ADDRESS, "\2", 1);
	give("an address", IFLA_ADDRESS, "\2\0\0\0\0\7", 6);
	give("a long name", IFLA_IFNAME, "abcdefghijklmnop", 17);
	give("a long name without an end", IFLA_IFNAME, long_text, 16);
	give("a long alias", IFLA_IFALIAS, long_text, 256);
	give("an alias", IFLA_IFALIAS, long_text, 255);
	give("its own name", IFLA_IFNAME, "vb0", 4);
}
