/* SPDX-License-Identifier: MIT */
/*
 * nft_devices: `meta oifgroup` and `meta oifkind` read the group of a packet's device, and the kind
 * of a device that a program has made; a device without a kind, such as lo, matches none.
 */
#include "guest.h"
#include "netns.h"
#include "nft.h"

static int sender;

static int send_to(const char *addr)
{
	struct sockaddr_in a = at(addr, 7001);

	return (int)sendto(sender, "x", 1, MSG_DONTWAIT, SA(&a), sizeof(a));
}

static int group(const char *dev, uint32_t n)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWLINK,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };

	((struct ifinfomsg *)NLMSG_DATA(&m.h))->ifi_index = (int)if_nametoindex(dev);
	nl_add(&m, IFLA_GROUP, &n, 4);
	return nl_do(&m);
}

/* Replaces the rules: drops only what leaves by a device whose @key is the @n bytes at @v. */
static int drop_by(int key, const void *v, unsigned n)
{
	unsigned x;

	start();
	nft_table("t");
	nft_no_table("t");
	nft_table("t");
	nft_chain("t", "out", "filter", NF_INET_LOCAL_OUT, 0);
	x = nft_rule("t", "out");
	nft_meta(key);
	equal(v, n);
	drop_it();
	end(x);
	return finish();
}

TEST(nft_devices)
{
	const char veth[IFNAMSIZ] = "veth", none[IFNAMSIZ] = "";
	const uint32_t seven = 7;

	if (in_guest())
		own_net();
	nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	sender = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	G(group("va0", 7), "0");
	G(drop_by(NFT_META_OIFGROUP, &seven, 4), "0");
	G(send_to("10.9.0.2"), "-1 EPERM");
	G(send_to("127.0.0.1"), "1");
	G(group("va0", 0), "0");
	G(send_to("10.9.0.2"), "1");
	G(drop_by(NFT_META_OIFKIND, veth, sizeof(veth)), "0");
	G(send_to("10.9.0.2"), "-1 EPERM");
	G(send_to("127.0.0.1"), "1");
	G(drop_by(NFT_META_OIFKIND, none, sizeof(none)), "0");
	G(send_to("10.9.0.2"), "1");
	G(send_to("127.0.0.1"), "1");
}
