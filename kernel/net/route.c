/* SPDX-License-Identifier: MIT */
/*
 * route.c: addresses of devices, and where a packet goes. Both lists are short: that of the addresses is walked for what is ours, that of
 * the routes (route_list.c), kept with the longest prefix first, for what is not.
 */
#include <asm/errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "kernel/net/frag.h"
#include "kernel/net/ip.h"
#include "kernel/net/net.h"
#include "kernel/net/rtnl.h"
#include "kernel/mm/mm.h"

/* Of a namespace: a list that is walked with its lock held. */
#define ADDRS_MAX 4096U
#define IPTOS_TOS_MASK_ 0x1c /* what a route may ask for, as Linux has it */
#define ADDR_METRIC 256      /* of the networks of IPv6 addresses, as Linux has it */

static u32 bits_of_128(const ip_addr *a, u32 prefix)
{
	return ip_is_v4(a) ? 96 + prefix : prefix;
}

/* ---- addresses ---- */

/* An address of a device; of lo's the whole network is ours, as 127.0.0.0/8. */
static bool covers(const struct ifaddr *i, const ip_addr *a)
{
	if (ip_equal(&i->addr, a))
		return true;
	return i->dev->flags & IFF_LOOPBACK && ip_is_v4(a) && ip_is_v4(&i->addr) &&
	       ip_prefix_equal(&i->addr, a, bits_of_128(a, i->prefix));
}

static struct ifaddr *find_local(struct net *net, const ip_addr *a, int ifindex)
{
	struct ifaddr *i;

	list_for_each_entry(i, &net->addrs, list)
		if ((!ifindex || i->dev->ifindex == ifindex) && !(i->flags & IFA_F_TENTATIVE) &&
			covers(i, a))
			return i;
	return NULL;
}

bool addr_is_local(struct net *net, const ip_addr *a, int ifindex)
{
	bool yes;

	spin_lock(&net->lock);
	yes = find_local(net, a, ifindex) != NULL;
	spin_unlock(&net->lock);
	return yes;
}

/* Those with the host's bits all ones are broadcasts of an IPv4 network, whatever else the address names as one. */
static bool is_broadcast_by(const struct ifaddr *i, const ip_addr *a)
{
	u32 host;

	if (!ip_is_v4(&i->addr))
		return false;
	if (ip_equal(&i->broadcast, a) && !ip_is_any(a))
		return true;
	host = htonl(i->prefix ? ~0U >> i->prefix : ~0U);
	return i->prefix < 31 && (a->w[3] & host) == host &&
	       ip_prefix_equal(&i->peer, a, bits_of_128(a, i->prefix));
}

bool addr_is_broadcast(struct net *net, const ip_addr *a)
{
	struct ifaddr *i;
	bool yes = ip_is_v4(a) && a->w[3] == ~0U;

	if (yes || !ip_is_v4(a))
		return yes;
	spin_lock(&net->lock);
	list_for_each_entry(i, &net->addrs, list)
		yes |= is_broadcast_by(i, a);
	spin_unlock(&net->lock);
	return yes;
}

static struct ifaddr *find_addr(const struct net_device *dev, const ip_addr *a)
{
	struct ifaddr *i;

	list_for_each_entry(i, &dev->net->addrs, list)
		if (i->dev == dev && ip_equal(&i->addr, a))
			return i;
	return NULL;
}

int addr_state(struct net_device *dev, const ip_addr *a)
{
	const struct ifaddr *i;
	int state = ADDR_NONE;

	netdev_lock_net(dev);
	i = find_addr(dev, a);
	if (i)
		state = i->flags & IFA_F_TENTATIVE ? ADDR_TENTATIVE : ADDR_VALID;
	spin_unlock(&dev->net->lock);
	return state;
}

bool addr_set_valid(struct net_device *dev, const ip_addr *a)
{
	struct ifaddr *i, copy;

	netdev_lock_net(dev);
	i = find_addr(dev, a);
	if (i) {
		i->flags &= (u8)~IFA_F_TENTATIVE;
		copy = *i;
	}
	spin_unlock(&dev->net->lock);
	if (i)
		rtnl_tell_addr(dev->net, &copy, RTM_NEWADDR);
	return i;
}

u64 addr_renew(struct net_device *dev, const ip_addr *a, u64 expires, u64 least)
{
	u64 then = 0;
	struct ifaddr *i;

	netdev_lock_net(dev);
	i = find_addr(dev, a);
	if (i && i->expires) { /* else somebody has set it by hand */
		if (expires < least && expires <= i->expires)
			expires = min(i->expires, least);
		then = i->expires = expires;
	}
	spin_unlock(&dev->net->lock);
	return then;
}

bool addr_ended(struct net_device *dev, const ip_addr *a)
{
	const struct ifaddr *i;
	bool ended;

	netdev_lock_net(dev);
	i = find_addr(dev, a);
	ended = i && i->expires && i->expires <= ktime_get();
	spin_unlock(&dev->net->lock);
	return ended;
}

u32 addr_count(struct net_device *dev)
{
	struct ifaddr *i;
	u32 n = 0;

	netdev_lock_net(dev);
	list_for_each_entry(i, &dev->net->addrs, list)
		n += i->dev == dev;
	spin_unlock(&dev->net->lock);
	return n;
}

/* An IPv6 address is asked for in a group (RFC 4291, 2.7.1). */
static void leave_group(const struct ifaddr *a)
{
	ip_addr group = mcast_solicited_node(&a->addr);

	if (a->in_group)
		mcast_leave(a->dev, &group);
}

static void let_go(struct net *net, struct ifaddr *a)
{
	leave_group(a);
	rtnl_tell_addr(net, a, RTM_DELADDR);
	kfree(a);
}

static void forget_addrs(struct net_device *dev, bool v4_too)
{
	struct ifaddr *i, *next;
	LIST_HEAD(gone);

	netdev_lock_net(dev);
	list_for_each_entry_safe(i, next, &dev->net->addrs, list)
		if (i->dev == dev && (v4_too || !ip_is_v4(&i->addr)))
			list_move_tail(&i->list, &gone);
	spin_unlock(&dev->net->lock);
	list_for_each_entry_safe(i, next, &gone, list)
		let_go(dev->net, i);
}

/* IPv6 addresses do not outlive a card's being up. */
void addrs6_forget(struct net_device *dev)
{
	forget_addrs(dev, false);
}

void addrs_forget(struct net_device *dev)
{
	forget_addrs(dev, true);
}

/* The network of an address, as a route of the kernel's own. Not for lo, whose networks are local as a whole. */
void addr_connected_route(const struct ifaddr *a, struct route *r)
{
	u32 bits = bits_of_128(&a->addr, a->prefix);
	bool v4 = ip_is_v4(&a->addr);

	*r = (struct route){
		.dev = a->dev,
		.dst = a->peer,
		.prefix = (u8)bits,
		.prefsrc = v4 ? a->addr : IP_ANY,
		.table = RT_TABLE_MAIN,
		.protocol = RTPROT_KERNEL,
		.scope = v4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.type = RTN_UNICAST,
		.metric = v4 ? 0 : ADDR_METRIC,
	};
	for (u32 i = 0; i < 4; i++) {
		u32 n = bits > i * 32 ? min(bits - i * 32, 32U) : 0;

		r->dst.w[i] &= n == 32 ? ~0U : htonl(~(n ? ~0U >> n : ~0U));
	}
}

/* Two addresses that one connected route serves. */
bool addr_same_network(const struct ifaddr *a, const struct ifaddr *b)
{
	return a->dev == b->dev && ip_is_v4(&a->addr) == ip_is_v4(&b->addr) &&
	       a->prefix == b->prefix &&
	       ip_prefix_equal(&a->peer, &b->peer, bits_of_128(&a->addr, a->prefix));
}

/* The further IPv4 addresses of a network hang on the first: the route is its, and they go with it. */
static bool is_secondary(const struct ifaddr *a)
{
	return ip_is_v4(&a->addr) && a->flags & IFA_F_SECONDARY;
}

/* In the list of its namespace, an IPv4 network's first address before all secondary ones. Returns the place it stands before. */
static struct list_head *place_addr(struct net *net, struct ifaddr *n)
{
	struct list_head *before = &net->addrs;
	struct ifaddr *i;

	n->flags &= ip_is_v4(&n->addr) ? (u8)~IFA_F_SECONDARY : 0xff;
	list_for_each_entry(i, &net->addrs, list) {
		if (ip_is_v4(&n->addr) && addr_same_network(i, n))
			n->flags |= IFA_F_SECONDARY;
		if (before == &net->addrs && i->dev == n->dev && is_secondary(i))
			before = &i->list;
	}
	return is_secondary(n) ? &net->addrs : before;
}

/*
 * The route to the network of an address, in one step with whatever else happens to it: a device that is down gets it when it comes up
 * (addrs_connect()). @n is memory for it. True: it is there, and @told says of what to tell. net->lock held.
 */
static bool connect_addr(const struct ifaddr *a, struct route *n, struct route *told)
{
	LIST_HEAD(gone);
	bool placed;

	if (!(a->dev->flags & IFF_UP) || is_secondary(a))
		return false;
	addr_connected_route(a, n);
	*told = *n;
	placed = !route_place(a->dev->net, n, NLM_F_CREATE | NLM_F_APPEND, &gone);
	routes_free(&gone);
	return placed;
}

static int check_addr(const struct net *net, const struct net_device *dev, const struct ifaddr *a)
{
	const struct ifaddr *i;
	u32 count = 0;

	if (dev->gone || dev->net != net)
		return -ENODEV;
	list_for_each_entry(i, &net->addrs, list) {
		if (i->dev == dev && ip_equal(&i->addr, &a->addr) && i->prefix == a->prefix)
			return -EEXIST;
		count++;
	}
	return count >= ADDRS_MAX ? -ENOBUFS : 0;
}

int addr_add(struct net_device *dev, const struct ifaddr *a)
{
	struct net *net = dev->net;
	struct ifaddr *n, copy;
	struct route *way, told;
	bool connected = false;
	ip_addr group;
	int err;

	if (a->prefix > (ip_is_v4(&a->addr) ? 32 : 128) || ip_is_any(&a->addr) ||
		ip_is_multicast(&a->addr))
		return -EADDRNOTAVAIL;
	n = kmalloc(sizeof(*n), GFP_ATOMIC); /* a router's words come from within a flush */
	way = kmalloc(sizeof(*way), GFP_ATOMIC);
	if (!n || !way) {
		kfree(n);
		kfree(way);
		return -ENOMEM;
	}
	*n = *a;
	n->dev = dev;
	n->in_group = !ip_is_v4(&a->addr) && dev->type == ARPHRD_ETHER && !(dev->flags & IFF_NOARP);
	if (ip_is_any(&n->peer))
		n->peer = n->addr;
	spin_lock(&net->lock);
	err = check_addr(net, dev, a);
	if (!err) {
		list_add_tail(&n->list, place_addr(net, n));
		copy = *n;
		connected = !(dev->flags & IFF_LOOPBACK) && connect_addr(n, way, &told);
	}
	spin_unlock(&net->lock);
	if (!connected)
		kfree(way);
	if (err) {
		kfree(n);
		return err;
	}
	if (copy.in_group) {
		group = mcast_solicited_node(&copy.addr);
		mcast_join(dev, &group);
	}
	rtnl_tell_addr(net, &copy, RTM_NEWADDR);
	if (connected)
		rtnl_tell_route(net, &told, RTM_NEWROUTE);
	return 0;
}

/* The next that has no route yet. net->lock held. */
static struct ifaddr *next_to_connect(const struct net_device *dev)
{
	struct ifaddr *i;

	list_for_each_entry(i, &dev->net->addrs, list)
		if (i->dev == dev && i->to_connect)
			return i;
	return NULL;
}

void addrs_connect(struct net_device *dev)
{
	struct net *net = dev->net;
	struct ifaddr *i;
	struct route *way, told;
	bool connected;

	spin_lock(&net->lock);
	list_for_each_entry(i, &net->addrs, list)
		i->to_connect |= i->dev == dev;
	spin_unlock(&net->lock);
	do {
		connected = false;
		way = kmalloc(sizeof(*way), GFP_ATOMIC);
		spin_lock(&net->lock);
		i = next_to_connect(dev);
		if (i) {
			i->to_connect = false;
			connected = way && connect_addr(i, way, &told);
		}
		spin_unlock(&net->lock);
		if (connected)
			rtnl_tell_route(net, &told, RTM_NEWROUTE);
		else
			kfree(way);
	} while (i);
}

/* What an IPv4 address that has left the list takes along: routes that name it as the source, the last one all of its device's. */
static void forget_routes_by(const struct ifaddr *a)
{
	struct net *net = a->dev->net;
	bool last = true, there = false;
	const struct ifaddr *i;
	LIST_HEAD(gone);

	spin_lock(&net->lock); /* at once: another address may come, and have its route */
	list_for_each_entry(i, &net->addrs, list) {
		last &= i->dev != a->dev || !ip_is_v4(&i->addr);
		there |= ip_equal(&i->addr, &a->addr);
	}
	if (last || !there)
		routes_forget_addr(a->dev, there ? NULL : &a->addr, last, &gone);
	spin_unlock(&net->lock);
	routes_free(&gone);
}

/* @prefix -1: any. The route stays while another address needs it. */
int addr_del(struct net_device *dev, const ip_addr *addr, int prefix)
{
	struct net *net = dev->net;
	struct ifaddr *i, *next, *found = NULL;
	struct route r, *way = NULL;
	bool shared = false;
	LIST_HEAD(gone);

	spin_lock(&net->lock);
	list_for_each_entry(i, &net->addrs, list)
		if (!found && i->dev == dev && ip_equal(&i->addr, addr) &&
			(prefix < 0 || i->prefix == prefix))
			found = i;
	if (found) {
		list_del(&found->list);
		list_for_each_entry_safe(i, next, &net->addrs, list) {
			if (!addr_same_network(i, found))
				continue;
			if (is_secondary(i) && !is_secondary(found))
				list_move_tail(&i->list, &gone);
			else
				shared = true;
		}
		addr_connected_route(found, &r);
		way = shared ? NULL : route_take(net, &r); /* at once, as it came */
	}
	spin_unlock(&net->lock);
	if (!found)
		return -EADDRNOTAVAIL;
	list_for_each_entry_safe(i, next, &gone, list) {
		forget_routes_by(i);
		let_go(net, i);
	}
	if (way) {
		rtnl_tell_route(net, way, RTM_DELROUTE);
		route_free(way);
	}
	if (ip_is_v4(&found->addr))
		forget_routes_by(found);
	let_go(net, found);
	return 0;
}

/* ---- ways ---- */

/* An address of @dev (any) to send from, of @dst's family; those that mean this machine only are for its own talk. */
static const struct ifaddr *source_of(
	struct net *net, const struct net_device *dev, const ip_addr *dst)
{
	const struct ifaddr *i, *best = NULL;
	bool near = ip_is_linklocal(dst) ||
		    (ip_is_multicast(dst) && (ntohl(dst->w[0]) >> 16 & 0xf) == 2);

	list_for_each_entry(i, &net->addrs, list) {
		if (ip_is_v4(&i->addr) != ip_is_v4(dst) || (dev && i->dev != dev))
			continue;
		if (i->scope == RT_SCOPE_HOST && !(dev && dev->flags & IFF_LOOPBACK))
			continue;
		if (i->flags & IFA_F_TENTATIVE)
			continue;
		if (!best || (near ? i->scope > best->scope : i->scope < best->scope))
			best = i;
	}
	return best;
}

bool addr_source(const struct net_device *dev, const ip_addr *dst, ip_addr *out)
{
	struct net *net = dev->net;
	const struct ifaddr *i;

	spin_lock(&net->lock);
	i = source_of(net, dev, dst);
	if (!i)
		i = source_of(net, NULL, dst);
	if (i)
		*out = i->addr;
	spin_unlock(&net->lock);
	return i;
}

/* All ones, or the broadcast address of a network that @dev is in. */
static bool is_broadcast_of(struct net *net, const struct net_device *dev, const ip_addr *a)
{
	const struct ifaddr *i;

	if (!ip_is_v4(a))
		return false;
	if (a->w[3] == ~0U)
		return true;
	list_for_each_entry(i, &net->addrs, list)
		if (i->dev == dev && is_broadcast_by(i, a))
			return true;
	return false;
}

static int take_device(struct net *net, struct flow *f, struct net_device *dev)
{
	if (!(dev->flags & IFF_UP))
		return -ENETUNREACH;
	f->dev = dev;
	f->mtu = dev->mtu;
	f->route_mtu = f->advmss = f->metric = 0;
	f->hoplimit = 0;
	f->next_hop = f->daddr;
	f->broadcast = is_broadcast_of(net, dev, &f->daddr);
	if (ip_is_any(&f->saddr)) {
		const struct ifaddr *i = source_of(net, dev, &f->daddr);

		if (!i)
			i = source_of(net, NULL, &f->daddr);
		if (i)
			f->saddr = i->addr;
		else if (ip_is_v4(&f->daddr)) /* as who asks for an address does */
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

/* What a route that leads nowhere says; -EAGAIN: the next table is asked. */
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
	return w->dev->flags & IFF_UP && (!f->oif || w->dev->ifindex == f->oif) &&
	       (!f->dontroute || ip_is_any(&w->gateway));
}

/* One of the route's ways, by weight, the same for all packets between two addresses. False: none that may be taken. */
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

static int take_route(
	struct net *net, struct flow *f, const struct route *r, const struct nexthop *way)
{
	int err;

	if (ip_is_any(&f->saddr) && !ip_is_any(&r->prefsrc))
		f->saddr = r->prefsrc;
	err = take_device(net, f, way->dev);
	if (err)
		return err;
	if (!ip_is_any(&way->gateway) && !ip_is_multicast(&f->daddr))
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

/* Of those with the longest prefix and the lowest metric, by the preference that routers give themselves (RFC 4191). */
static bool preferred(const struct route *a, const struct route *b)
{
	static const u8 rank[] = { 1, 2, 1, 0 }; /* medium, high, reserved, low */

	return a->prefix == b->prefix && a->metric == b->metric &&
	       rank[a->pref & 3] > rank[b->pref & 3];
}

static int by_table(struct net *net, struct flow *f, u32 table)
{
	const struct route *r, *best = NULL;
	struct nexthop way, best_way;
	u64 now = 0;
	int err;

	list_for_each_entry(r, &net->routes, list) {
		if (best && (r->prefix != best->prefix || r->metric != best->metric))
			break;
		if (r->table != table || ip_is_v4(&r->dst) != ip_is_v4(&f->daddr) ||
			!ip_prefix_equal(&r->dst, &f->daddr, r->prefix))
			continue;
		if (unlikely(r->expires)) {
			now = now ? now : ktime_get();
			if (r->expires <= now)
				continue;
		}
		if ((r->tos && r->tos != (f->tos & IPTOS_TOS_MASK_)) || !choose_way(r, f, &way))
			continue;
		if (best && !preferred(r, best))
			continue;
		best = r;
		best_way = way;
		if (ip_is_v4(&r->dst))
			break;
	}
	if (!best)
		return -ENETUNREACH;
	err = refusal(best->type);
	if (err)
		return err == -EAGAIN ? -ENETUNREACH : err;
	return take_route(net, f, best, &best_way);
}

int route_forward(struct net *net, struct flow *f)
{
	int err;

	f->local = f->broadcast = false;
	spin_lock(&net->lock);
	err = rules_route(net, f, by_table);
	spin_unlock(&net->lock);
	return err;
}

/* Where the packets of a group leave when nobody says: where their source is; of IPv6, by the first device that can. */
static struct net_device *device_for_group(struct net *net, const struct flow *f)
{
	const struct ifaddr *i = ip_is_any(&f->saddr) ? NULL : find_local(net, &f->saddr, 0);
	struct net_device *d;

	if (ip_is_v4(&f->daddr))
		return i ? i->dev : NULL;
	list_for_each_entry(d, &net->devices, list)
		if ((d->flags & (IFF_UP | IFF_MULTICAST)) == (IFF_UP | IFF_MULTICAST))
			return d;
	return NULL;
}

int route_output(struct net *net, struct flow *f)
{
	const struct ifaddr *i;
	struct net_device *dev;
	int err;

	f->local = false;
	if (ip_is_any(&f->daddr)) { /* to ourselves */
		bool v6 = !ip_is_v4(&f->daddr);

		f->daddr = v6 ? (ip_addr){ { 0, 0, 0, htonl(1) } } : ip_v4(htonl(0x7f000001));
	}
	spin_lock(&net->lock);
	i = find_local(net, &f->daddr, 0);
	dev = f->oif ? netdev_by_index(net, f->oif) : NULL;
	if (!f->oif && !i && ip_is_multicast(&f->daddr))
		dev = device_for_group(net, f);
	if (f->oif && !dev)
		err = -ENODEV;
	else if (i)
		err = to_ourselves(net, f, i);
	else if (dev &&
		 (ip_is_multicast(&f->daddr) || (ip_is_v4(&f->daddr) && f->daddr.w[3] == ~0U)))
		err = take_device(net, f, dev);
	else {
		err = rules_route(net, f, by_table);
		/* who says by which device means it, whatever the tables say: so does Linux for IPv4 */
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
