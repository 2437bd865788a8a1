/* SPDX-License-Identifier: MIT */
/*
 * route_local.c: the table of local routes, as rtnetlink reports it. Lookups find the addresses of
 * this machine and broadcast addresses in the list of addresses (addrs.c). Linux has a separate
 * table of them; its entries are made here when the table is read.
 */
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "kernel/lib/string.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/net.h"

#define MROUTE_METRIC 256

struct local_table {
	struct route *out;
	u32 n, room;
};

static void put(struct local_table *t, const struct route *r)
{
	if (t->n < t->room)
		t->out[t->n++] = *r;
}

static void put_v4(
	struct local_table *t, const struct ifaddr *primary, u8 type, const ip_addr *dst, u8 prefix)
{
	struct route r = { .dev = primary->dev,
		.dst = *dst,
		.prefix = prefix,
		.prefsrc = primary->addr,
		.table = RT_TABLE_LOCAL,
		.protocol = RTPROT_KERNEL,
		.scope = type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK,
		.type = type };

	put(t, &r);
}

static void put_v6(
	struct local_table *t, struct net_device *dev, u8 type, const ip_addr *dst, u8 prefix)
{
	struct route r = { .dev = dev,
		.dst = *dst,
		.prefix = prefix,
		.table = RT_TABLE_LOCAL,
		.protocol = RTPROT_KERNEL,
		.type = type,
		.metric = type == RTN_MULTICAST ? MROUTE_METRIC : 0 };

	put(t, &r);
}

static const struct ifaddr *primary_of(struct net *net, const struct ifaddr *a)
{
	const struct ifaddr *i;

	if (a->flags & IFA_F_SECONDARY)
		list_for_each_entry(i, &net->addr.list, list)
			if (!(i->flags & IFA_F_SECONDARY) && addr_same_network(i, a))
				return i;
	return a;
}

/*
 * Adds the entries of an IPv4 address: the address itself, even while its device is down, the
 * broadcast addresses of its network, and for lo the whole network as local.
 */
static void ways_of_v4(struct net *net, struct local_table *t, const struct ifaddr *a)
{
	const struct ifaddr *p = primary_of(net, a);
	struct route network;

	put_v4(t, p, RTN_LOCAL, &a->addr, 128);
	if (!(a->dev->flags & IFF_UP))
		return;
	if (!ip_is_any(&a->broadcast) && a->broadcast.w[3] != ~0U)
		put_v4(t, p, RTN_BROADCAST, &a->broadcast, 128);
	addr_connected_route(a, &network);
	if (p != a || a->prefix == 32 || !(ntohl(network.dst.w[3]) >> 24))
		return;
	if (a->dev->flags & IFF_LOOPBACK)
		put_v4(t, a, RTN_LOCAL, &network.dst, network.prefix);
	network.dst.w[3] |= htonl(a->prefix ? ~0U >> a->prefix : ~0U);
	if (a->prefix < 31)
		put_v4(t, a, RTN_BROADCAST, &network.dst, 128);
}

/*
 * Adds the entries of an IPv6 address: the address itself, and the route to multicast groups, which
 * is added for each address of a device. The reader shows it once for each device.
 */
static void ways_of_v6(struct local_table *t, const struct ifaddr *a)
{
	const ip_addr groups = { { htonl(0xff000000U), 0, 0, 0 } };

	if (!(a->dev->flags & IFF_UP))
		return;
	if (!(a->flags & IFA_F_TENTATIVE))
		put_v6(t, a->dev, RTN_LOCAL, &a->addr, 128);
	if (a->dev->flags & IFF_MULTICAST && !(a->dev->flags & IFF_LOOPBACK))
		put_v6(t, a->dev, RTN_MULTICAST, &groups, 8);
}

u32 local_routes(struct net *net, struct route *out, u32 room)
{
	struct local_table t = { out, 0, room };
	const struct ifaddr *a;

	list_for_each_entry(a, &net->addr.list, list) {
		if (ip_is_v4(&a->addr))
			ways_of_v4(net, &t, a);
		else
			ways_of_v6(&t, a);
	}
	return t.n;
}
