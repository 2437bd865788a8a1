/* SPDX-License-Identifier: MIT */
/*
 * link_index: interface indexes that are requested, for a new device and for a move to another
 * namespace; and AF_PACKET sockets that are bound to an index when another device gets it.
 */
#include "netns.h"
#include <linux/if_ether.h>

static int make_pair(const char *a, int index, const char *b, int other)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWLINK,
				    .nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };
	struct rtattr *info, *data, *peer;
	struct ifinfomsg *p;

	((struct ifinfomsg *)NLMSG_DATA(&m.h))->ifi_index = index;
	nl_add(&m, IFLA_IFNAME, a, (unsigned)strlen(a) + 1);
	info = nl_add(&m, IFLA_LINKINFO, NULL, 0);
	nl_add(&m, IFLA_INFO_KIND, "veth", 4);
	data = nl_add(&m, IFLA_INFO_DATA, NULL, 0);
	peer = nl_add(&m, VETH_INFO_PEER, NULL, 0);
	p = (void *)((char *)&m + m.h.nlmsg_len);
	memset(p, 0, sizeof(*p));
	p->ifi_index = other;
	m.h.nlmsg_len += sizeof(*p);
	nl_add(&m, IFLA_IFNAME, b, (unsigned)strlen(b) + 1);
	nl_nested(&m, peer);
	nl_nested(&m, data);
	nl_nested(&m, info);
	return nl_do(&m);
}

/* Makes a pair; no index is requested for its other end. */
static int make(const char *name, int index)
{
	char other[IFNAMSIZ];

	snprintf(other, sizeof(other), "%s-", name);
	return make_pair(name, index, other, 0);
}

static int unmake(const char *name)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_DELLINK,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };

	nl_add(&m, IFLA_IFNAME, name, (unsigned)strlen(name) + 1);
	return nl_do(&m);
}

static int move(const char *name, int ns, int index)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWLINK,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };

	nl_add(&m, IFLA_IFNAME, name, (unsigned)strlen(name) + 1);
	nl_add(&m, IFLA_NET_NS_FD, &ns, 4);
	if (index)
		nl_add(&m, IFLA_NEW_IFINDEX, &index, 4);
	return nl_do(&m);
}

static int index_of(const char *name)
{
	return (int)if_nametoindex(name);
}

static const char *names(void)
{
	struct if_nameindex *all = if_nameindex();
	static char text[256];

	text[0] = 0;
	for (struct if_nameindex *i = all; i && i->if_index; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %u:%s", i->if_index,
			i->if_name);
	if_freenameindex(all);
	return text;
}

static void made(void)
{
	T(make("b77", 77));
	T(make("c77", 77));
	T(make("b77", 78));
	T(make("minus", -5));
	T(make("b50", 50));
	say("%d %d", index_of("b77"), index_of("b50"));
	T(make("next", 0));
	say("%d", index_of("next"));
	T(make_pair("p90", 90, "q91", 91));
	T(make_pair("p92", 92, "q90", 90));
	T(make_pair("p0", 0, "q93", 93));
	say("%d %d %d", index_of("p90"), index_of("q91"), index_of("q93") == 93);
	say("%s", names());
}

static void moved(void)
{
	int here = NEED(open("/proc/self/ns/net", O_RDONLY)), there;

	NEED(unshare(CLONE_NEWNET));
	there = NEED(open("/proc/self/ns/net", O_RDONLY));
	NEED(make("first", 90));
	NEED(setns(here, CLONE_NEWNET));
	T(move("p90", there, 1));
	T(move("p90", there, -1));
	T(move("p90", there, 90));
	T(move("p90", there, 123));
	T(move("q91", there, 0));
	T(move("q91", here, 0));
	NEED(setns(there, CLONE_NEWNET));
	say("%d %d%s", index_of("p90"), index_of("q91"), names());
	NEED(setns(here, CLONE_NEWNET));
}

static int member(int fd, int opt, int index)
{
	struct packet_mreq r = { .mr_ifindex = index, .mr_type = PACKET_MR_PROMISC };

	return setsockopt(fd, SOL_PACKET, opt, &r, sizeof(r));
}

/* Returns IFLA_PROMISCUITY of a device. */
static int promiscuity(int index)
{
	static char buf[16384];
	struct nl_msg m = { .h = { .nlmsg_type = RTM_GETLINK,
				    .nlmsg_flags = NLM_F_REQUEST,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)) } };
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), n, got = -1;
	struct nlmsghdr *h = (void *)buf;

	((struct ifinfomsg *)NLMSG_DATA(&m.h))->ifi_index = index;
	NEED(send(fd, &m, m.h.nlmsg_len, 0));
	n = NEED(recv(fd, buf, sizeof(buf), 0)) - (int)NLMSG_LENGTH(sizeof(struct ifinfomsg));
	close(fd);
	for (struct rtattr *a = IFLA_RTA(NLMSG_DATA(h)); RTA_OK(a, n); a = RTA_NEXT(a, n))
		if (a->rta_type == IFLA_PROMISCUITY)
			memcpy(&got, RTA_DATA(a), 4);
	return got;
}

static int bound_to(int fd)
{
	struct sockaddr_ll a = { 0 };
	socklen_t n = sizeof(a);

	NEED(getsockname(fd, SA(&a), &n));
	return a.sll_ifindex;
}

static void watched(void)
{
	int old = NEED(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL))),
	    young = NEED(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL))),
	    looks = NEED(socket(AF_PACKET, SOCK_RAW, 0));
	struct sockaddr_ll a = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = 200
	};
	char c;

	NEED(make("w", 200));
	set_up("w", 1);
	NEED(bind(looks, SA(&a), sizeof(a)));
	T(member(old, PACKET_ADD_MEMBERSHIP, 200));
	T(member(old, PACKET_ADD_MEMBERSHIP, 200));
	say("%d", promiscuity(200));
	T(member(old, PACKET_DROP_MEMBERSHIP, 200));
	say("%d", promiscuity(200));
	NEED(unmake("w") ? -1 : 0);
	T(recv(looks, &c, 1, 0));
	say("%d", bound_to(looks));
	NEED(make("x", 200));
	set_up("x", 1);
	T(member(young, PACKET_ADD_MEMBERSHIP, 200));
	say("%d", promiscuity(200));
	T(member(old, PACKET_DROP_MEMBERSHIP, 200));
	say("%d", promiscuity(200));
	T(member(old, PACKET_ADD_MEMBERSHIP, 200));
	say("%d", promiscuity(200));
	close(old);
	say("%d", promiscuity(200));
	T(member(young, PACKET_DROP_MEMBERSHIP, 200));
	say("%d", promiscuity(200));
}

TEST(link_index)
{
	own_net();
	made();
	moved();
	watched();
}
