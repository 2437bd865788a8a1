/* SPDX-License-Identifier: MIT */
/*
 * route.c: looks up the route of a packet. An address of this machine is found among the addresses
 * (addr_find.c), any other one in the tables that the rules select (rules.c). A table costs one
 * lookup for each prefix length of its routes, the longest first (prefix.h).
 *
 * The owner of a namespace makes its routes and rules. A thousand rules may each select a table
 * with thousands of unusable routes to one network. Therefore each lookup counts its steps
 * (flow.steps) and ends beyond LOOK_MAX, and the steps of a lookup for a packet are charged to the
 * packet.
 */
#include <asm/errno.h>
#include <linux/rtnetlink.h>

#include "kernel/net/inet/frag.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/net.h"
#include "kernel/net/netlink/rtnl.h"

/*
 * Fills in the result for a destination on @dev's link, and chooses a source address if there is
 * none. net->lock held. Returns 0, -ENETUNREACH if @dev is down, or -EADDRNOTAVAIL.
 */
static int take_device(struct net *net, struct flow *f, struct net_device *dev)
{
	if (!(dev->flags & IFF_UP))
		return -ENETUNREACH;
	f->dev = dev;
	f->mtu = ip_is_v4(&f->daddr) ? dev->mtu : netdev_mtu6(dev);
	f->route_mtu = f->advmss = f->metric = 0;
	f->hoplimit = 0;
	f->next_hop = f->daddr;
	f->broadcast = addr_is_broadcast_of(net, dev, &f->daddr, &f->steps);
	if (ip_is_any(&f->saddr)) {
		const struct ifaddr *i = addr_source_by(net, dev, &f->daddr);

		f->steps += net->addr.nr;
		if (i)
			f->saddr = i->addr;
		/* the source of a host without an address */
		else if (ip_is_v4(&f->daddr))
			f->saddr = ip_v4(0);
		else if (ip_is_multicast(&f->daddr))
			f->saddr = IP_ANY;
		else
			return -EADDRNOTAVAIL;
	}
	return 0;
}

static int to_ourselves(struct net *net, struct flow *f, const struct ifaddr *i)
{
	f->local = true;
	if (ip_is_any(&f->saddr))
		f->saddr = i->addr;
	return take_device(net, f, net->lo);
}

/* Returns the error of a route without a next hop; -EAGAIN: the next table is to be searched. */
static int refusal(u8 type)
{
	switch (type) {
	case RTN_BLACKHOLE: return -EINVAL;
	case RTN_UNREACHABLE: return -EHOSTUNREACH;
	case RTN_PROHIBIT: return -EACCES;
	case RTN_THROW: return -EAGAIN;
	}
	return 0;
}

static bool may_take(const struct nexthop *w, const struct flow *f)
{
	if (!w->dev->carrier && (ip_is_v4(&f->daddr) ? CONF4(w->dev, CONF4_IGNORE_LINKDOWN) :
						       CONF6(w->dev, CONF6_IGNORE_LINKDOWN)))
		return false;
	return w->dev->flags & IFF_UP && (!f->oif || w->dev->ifindex == f->oif) &&
	       (!f->dontroute || ip_is_any(&w->gateway));
}

/*
 * Chooses a nexthop of the route by weight, and always the same one for a pair of addresses.
 * Returns false if none is usable.
 */
static bool choose_way(const struct route *r, const struct flow *f, struct nexthop *way)
{
	u32 all = 0, at;

	if (likely(!r->hops)) {
		*way = route_way(r, 0);
		return may_take(way, f);
	}
	for (u32 n = 0; n < r->hops->nr; n++)
		all += may_take(&r->hops->hop[n], f) ? r->hops->hop[n].weight : 0;
	if (!all)
		return false;
	at = (ip_hash(&f->daddr) ^ (ip_is_any(&f->saddr) ? 0 : ip_hash(&f->saddr) * 31)) *
	     0x9e3779b1U;
	at = (at ^ at >> 15) % all;
	for (u32 n = 0; n < r->hops->nr; n++) {
		*way = r->hops->hop[n];
		if (!may_take(way, f))
			continue;
		if (at < way->weight)
			break;
		at -= way->weight;
	}
	return true;
}

/*
 * Fills in the result by route @r and its nexthop @way. net->lock held. Returns what take_device()
 * returns.
 */
static int take_route(
	struct net *net, struct flow *f, const struct route *r, const struct nexthop *way)
{
	bool local = r->type == RTN_LOCAL;
	int err;

	if (ip_is_any(&f->saddr) && !ip_is_any(&r->prefsrc))
		f->saddr = r->prefsrc;
	else if (ip_is_any(&f->saddr) && local && ip_is_v4(&f->daddr))
		f->saddr = f->daddr;
	f->local = local;
	err = take_device(net, f, local ? net->lo : way->dev);
	if (err)
		return err;
	if (!ip_is_any(&way->gateway) && !ip_is_multicast(&f->daddr) && !(way->flags & WAY_OURS))
		f->next_hop = way->gateway;
	if (r->mtu)
		f->mtu = min(f->mtu, r->mtu);
	f->route_mtu = r->mtu;
	f->advmss = r->advmss;
	f->hoplimit = r->hoplimit;
	f->metric = r->metric;
	f->protocol = r->protocol;
	f->prefix = (u8)(r->prefix - (ip_is_v4(&r->dst) ? 96 : 0));
	return 0;
}

/*
 * True if @a is better than @b by the preference that routers announce (RFC 4191). Routes of
 * different prefix lengths or metrics are not compared by it.
 */
static bool preferred(const struct route *a, const struct route *b)
{
	static const u8 rank[] = { 1, 2, 1, 0 }; /* medium, high, reserved, low */

	return a->prefix == b->prefix && a->metric == b->metric &&
	       rank[a->pref & 3] > rank[b->pref & 3];
}

/*
 * Returns the best usable route of the network with the first @bits bits of the destination. NULL:
 * there is none.
 */
static const struct route *best_of(const struct net *net, struct flow *f, u32 table, u32 bits,
	u64 *now, struct nexthop *best_way)
{
	struct prefix_node *n = prefix_first(&net->route.by_net, table, bits, &f->daddr);
	const struct route *r, *best = NULL;
	struct nexthop way;

	for (; n && f->steps <= LOOK_MAX; n = prefix_next(&net->route.by_net, n)) {
		r = container_of(n, struct route, node);
		f->steps += route_ways(r);
		if (best && r->metric != best->metric)
			break;
		if (ip_is_v4(&r->dst) != ip_is_v4(&f->daddr))
			continue;
		if (unlikely(r->expires)) {
			*now = *now ? *now : ktime_get();
			if (r->expires <= *now)
				continue;
		}
		if ((r->tos && r->tos != (f->tos & IPTOS_RT)) || !choose_way(r, f, &way))
			continue;
		if (best && !preferred(r, best))
			continue;
		best = r;
		*best_way = way;
		if (ip_is_v4(&r->dst))
			break;
	}
	return best;
}

/*
 * Looks up the destination in one table, and fills in the result. net->lock held. Returns 0,
 * -ENETUNREACH (the next table is to be searched), or another error of route_output().
 */
static int by_table(struct net *net, struct flow *f, u32 table)
{
	const struct route_table *t = route_table_find(net, ip_is_v4(&f->daddr), table);
	const struct route *best = NULL;
	struct nexthop way = { 0 };
	u64 now = 0;
	int err, bits;

	if (!t)
		return -ENETUNREACH;
	for (bits = prefix_longest(&t->lens, 128); bits >= 0 && !best;
		bits = prefix_longest(&t->lens, bits - 1)) {
		f->steps++;
		best = best_of(net, f, table, (u32)bits, &now, &way);
	}
	if (!best)
		return -ENETUNREACH;
	err = refusal(best->type);
	if (err)
		return err == -EAGAIN ? -ENETUNREACH : err;
	return take_route(net, f, best, &way);
}

bool route_makes_local(struct net *net, const ip_addr *a)
{
	struct flow f = { .daddr = *a, .saddr = *a };

	assert_spin_held(&net->lock);
	if (!by_table(net, &f, RT_TABLE_LOCAL))
		return f.local;
	/* Linux has both tables in one until a rule is added. */
	return !net->route.policy && !by_table(net, &f, RT_TABLE_MAIN) && f.local;
}

int route_forward(struct net *net, struct flow *f)
{
	int err;

	f->local = f->broadcast = false;
	f->steps = 0;
	spin_lock(&net->lock);
	err = rules_route(net, f, by_table);
	spin_unlock(&net->lock);
	return err;
}

/*
 * Returns the device for multicasts that neither a route nor an option sets: the device of the
 * source address; for IPv6 the first device that supports multicast.
 */
static struct net_device *device_for_group(struct net *net, const struct flow *f)
{
	const struct ifaddr *i = ip_is_any(&f->saddr) ? NULL : addr_find_local(net, &f->saddr, 0);
	struct net_device *d;

	if (ip_is_v4(&f->daddr))
		return i && ip_is_v4(&f->saddr) ? i->dev : NULL;
	list_for_each_entry(d, &net->devs.list, list)
		if ((d->flags & (IFF_UP | IFF_MULTICAST)) == (IFF_UP | IFF_MULTICAST))
			return d;
	return NULL;
}

void route_changed(struct net *net)
{
	assert_spin_held(&net->lock);
	WRITE_ONCE(net->route.gen, net->route.gen + 1);
}

bool route_is_old(const struct net *net, const struct flow *f)
{
	return READ_ONCE(net->route.gen) != f->gen;
}

int route_output(struct net *net, struct flow *f)
{
	const struct ifaddr *i;
	struct net_device *dev;
	bool to_many;
	int err;

	f->local = false;
	f->steps = 0;
	if (ip_is_any(&f->daddr)) { /* the destination is this machine */
		bool v6 = !ip_is_v4(&f->daddr);

		if (v6)
			f->daddr = (ip_addr){ { 0, 0, 0, htonl(1) } };
		else if (!ip_is_any(&f->saddr) && ip_is_v4(&f->saddr))
			/* the destination is our source address */
			f->daddr = f->saddr;
		else
			f->daddr = ip_v4(htonl(0x7f000001));
	}
	spin_lock(&net->lock);
	f->gen = net->route.gen;
	i = addr_find_local(net, &f->daddr, 0);
	dev = f->oif ? netdev_by_index(net, f->oif) : NULL;
	to_many = ip_is_multicast(&f->daddr) || (ip_is_v4(&f->daddr) && f->daddr.w[3] == ~0U);
	if (!f->oif && !i && to_many)
		dev = device_for_group(net, f);
	if (f->oif && !dev)
		err = -ENODEV;
	else if (i)
		err = to_ourselves(net, f, i);
	else if (dev && to_many)
		err = take_device(net, f, dev);
	else {
		err = rules_route(net, f, by_table);
		/* As on Linux, IPv4 uses a given output device even if there is no route. */
		if (err && dev && dev != net->lo && ip_is_v4(&f->daddr) && !f->no_guess) {
			f->table = 0;
			err = take_device(net, f, dev);
		}
	}
	spin_unlock(&net->lock);
	if (!err && !f->local)
		f->mtu = pmtu_of(net, &f->daddr, f->mtu);
	return err;
}
