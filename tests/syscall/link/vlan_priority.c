/* SPDX-License-Identifier: MIT */
/*
 * vlan_priority: tags in front of tags: a priority tag (VLAN 0) is ignored, whatever follows; any
 * other tag selects its VLAN.
 */
#include "netns.h"
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include "recorded.h"

/* sent after all others; only the lower device gets it */
#define LAST 0x88b6

/*
 * For hosts without VLANs: what Linux answers. A tag is shown beside the frame to a reader of the
 * lower device, and counts no byte.
 */
static const char expected[] =
#include "vlan_priority.inc"
	;

static int add_vlan(const char *lower, const char *name, unsigned short id)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWLINK,
				    .nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };
	struct rtattr *info, *data;
	unsigned index = if_nametoindex(lower);

	nl_add(&m, IFLA_IFNAME, name, (unsigned)strlen(name) + 1);
	nl_add(&m, IFLA_LINK, &index, 4);
	info = nl_add(&m, IFLA_LINKINFO, NULL, 0);
	nl_add(&m, IFLA_INFO_KIND, "vlan", 4);
	data = nl_add(&m, IFLA_INFO_DATA, NULL, 0);
	nl_add(&m, IFLA_VLAN_ID, &id, 2);
	nl_nested(&m, data);
	nl_nested(&m, info);
	if (nl_do(&m))
		return -1;
	set_up(name, 1);
	return 0;
}

static int tap(const char *dev)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(dev) };
	int fd = NEED(socket(AF_PACKET, SOCK_DGRAM, 0));

	NEED(bind(fd, (void *)&a, sizeof(a)));
	return fd;
}

/* Prints the test's own frames until the last has come. The stacks send other frames. */
static void heard(int fd, const char *dev, int flags)
{
	struct sockaddr_ll a;
	socklen_t len = sizeof(a);
	char b[100];
	ssize_t n;

	while (len = sizeof(a), (n = recvfrom(fd, b, sizeof(b), flags, (void *)&a, &len)) >= 0) {
		unsigned proto = ntohs(a.sll_protocol);

		if (proto == LAST)
			return;
		if (proto == 0x88b5 || proto == ETH_P_8021Q)
			say("  %s: %04x, %zd bytes, type %d", dev, proto, n, a.sll_pkttype);
	}
}

static void try(const char *what, const unsigned short *tags, unsigned n)
{
	unsigned char f[100] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	int out = NEED(socket(AF_PACKET, SOCK_RAW, 0)), low = tap("vb0"), v5 = tap("vb0.5");
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex("va0") };
	unsigned at = 12;

	for (unsigned i = 0; i < n; i++) {
		f[at++] = 0x81;
		f[at++] = 0;
		f[at++] = (unsigned char)(tags[i] >> 8);
		f[at++] = (unsigned char)tags[i];
	}
	f[at++] = 0x88;
	f[at++] = 0xb5;
	say("%s", what);
	NEED(sendto(out, f, at + 40, 0, (void *)&to, sizeof(to)));
	f[12] = LAST >> 8;
	f[13] = LAST & 0xff;
	NEED(sendto(out, f, 60, 0, (void *)&to, sizeof(to)));
	heard(low, "vb0", 0);
	heard(v5, "vb0.5", MSG_DONTWAIT);
	close(out);
	close(low);
	close(v5);
}

TEST(vlan_priority)
{
	own_net();
	if (add_vlan("vb0", "vb0.5", 5)) {
		if (older_than(99, 0))
			RECORDED(expected);
		NEED(-1);
	}
	try("VLAN 5", (unsigned short[]){ 5 }, 1);
	try("VLAN 5 with a priority", (unsigned short[]){ 0x6005 }, 1);
	try("a priority alone", (unsigned short[]){ 0x6000 }, 1);
	try("a priority before VLAN 5", (unsigned short[]){ 0x6000, 5 }, 2);
	try("two priorities before VLAN 5", (unsigned short[]){ 0x6000, 0x2000, 5 }, 3);
	try("a priority before VLAN 6", (unsigned short[]){ 0x6000, 6 }, 2);
	try("a priority in VLAN 5", (unsigned short[]){ 5, 0x6000 }, 2);
	try("VLAN 5 in VLAN 6", (unsigned short[]){ 6, 5 }, 2);
}
