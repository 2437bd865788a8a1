/* SPDX-License-Identifier: MIT */
/*
 * addrs.c: addresses of devices: a list for each namespace, with the routes to their networks, and
 * their lifetimes.
 *
 *	added -> preferred -> (preferred_until) IFA_F_DEPRECATED -> (expires) gone
 *
 * Addresses from a router (ndisc.c) are tentative first. A timer wakes a kernel thread when a
 * lifetime ends, since lists may be long and many namespaces' lifetimes may end at once.
 * Locks: net->lock.
 */
#include <asm/errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "kernel/mm/mm.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/net.h"
#include "kernel/net/netlink/rtnl.h"

/* addresses of a namespace at most: the choice of a source walks them with net->lock held */
#define ADDRS_MAX 4096U
/* metric of the networks of IPv6 addresses, as on Linux */
#define ADDR_METRIC 256
#define AGE_BATCH 32U /* addresses at once, then the work yields */

int addr_state(struct net_device *dev, const ip_addr *a)
{
	const struct ifaddr *i;
	int state = ADDR_NONE;

	netdev_lock_net(dev);
	i = addr_find_on(dev, a, -1);
	if (i)
		state = i->flags & IFA_F_TENTATIVE ? ADDR_TENTATIVE : ADDR_VALID;
	spin_unlock(&dev->net->lock);
	return state;
}

bool addr_read(struct net_device *dev, const ip_addr *a, struct ifaddr *out)
{
	const struct ifaddr *i;

	netdev_lock_net(dev);
	i = addr_find_on(dev, a, -1);
	if (i)
		*out = *i;
	spin_unlock(&dev->net->lock);
	return i;
}

bool addr_set_valid(struct net_device *dev, const ip_addr *a)
{
	struct ifaddr *i, copy;

	netdev_lock_net(dev);
	i = addr_find_on(dev, a, -1);
	if (i) {
		i->flags &= (u16)~IFA_F_TENTATIVE;
		copy = *i;
	}
	spin_unlock(&dev->net->lock);
	if (i)
		rtnl_tell_addr(dev->net, &copy, RTM_NEWADDR);
	return i;
}

bool addr_renew(struct net_device *dev, const ip_addr *a, u64 expires, u64 preferred, u64 least)
{
	struct ifaddr *i;
	bool renewed;

	netdev_lock_net(dev);
	i = addr_find_on(dev, a, -1);
	renewed = i && i->expires; /* else it was set by hand */
	if (renewed) {
		if (expires < least && expires <= i->expires)
			expires = min(i->expires, least);
		i->expires = expires;
		i->preferred_until = preferred == ~0UL ? 0 : preferred;
		i->flags &= (u16)~IFA_F_DEPRECATED;
		timer_start(&dev->net->addr.timer, 0);
	}
	spin_unlock(&dev->net->lock);
	return renewed;
}

int addr_set_lifetimes(struct ifaddr *a, u32 valid, u32 preferred)
{
	u64 now = ktime_get();

	if (!valid || preferred > valid)
		return -EINVAL;
	a->expires = valid == ~0U ? 0 : now + valid * NSEC_PER_SEC;
	a->preferred_until = preferred == ~0U || !preferred ? 0 : now + preferred * NSEC_PER_SEC;
	a->flags |= preferred ? 0 : IFA_F_DEPRECATED;
	return 0;
}

/* Returns when the address expires or is deprecated, the earlier of the two. ~0: never. */
static u64 next_change(const struct ifaddr *a)
{
	return min(a->expires ? a->expires : ~0UL, a->preferred_until ? a->preferred_until : ~0UL);
}

u32 addr6_count(struct net_device *dev)
{
	struct ifaddr *i;
	u32 n = 0;

	netdev_lock_net(dev);
	list_for_each_entry(i, &dev->net->addr.list, list)
		n += i->dev == dev && !ip_is_v4(&i->addr);
	spin_unlock(&dev->net->lock);
	return n;
}

bool addr6_is_near(struct net_device *dev, const ip_addr *a)
{
	const struct ifaddr *i;
	bool yes = false;

	netdev_lock_net(dev);
	list_for_each_entry(i, &dev->net->addr.list, list)
		yes |= i->dev == dev && !ip_is_v4(&i->addr) &&
		       ip_prefix_equal(&i->peer, a, i->prefix);
	spin_unlock(&dev->net->lock);
	return yes;
}

/* Leaves the solicited-node group of an IPv6 address (RFC 4291, 2.7.1). */
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
	ifaddr_free(a);
}

/* True for an IPv6 address that was set without lifetime and is not made by the kernel itself. */
static bool is_lasting(const struct ifaddr *i)
{
	return !i->expires && !ip_is_linklocal(&i->addr) && !ip_is_loopback(&i->addr);
}

static void forget_addrs(struct net_device *dev, bool v4_too, bool keep)
{
	struct ifaddr *i, *next;
	LIST_HEAD(gone);

	netdev_lock_net(dev);
	list_for_each_entry_safe(i, next, &dev->net->addr.list, list) {
		if (i->dev != dev || (!v4_too && ip_is_v4(&i->addr)) || (keep && is_lasting(i)))
			continue;
		addr_leave(dev->net, i);
		list_move_tail(&i->list, &gone);
	}
	spin_unlock(&dev->net->lock);
	list_for_each_entry_safe(i, next, &gone, list)
		let_go(dev->net, i);
}

void addrs6_forget(struct net_device *dev, bool keep)
{
	forget_addrs(dev, false, keep);
}

void addrs_forget(struct net_device *dev)
{
	forget_addrs(dev, true, false);
}

/*
 * Fills in the route that the kernel adds to the network of an address. Not for lo, whose networks
 * are local as a whole.
 */
void addr_connected_route(const struct ifaddr *a, struct route *r)
{
	u32 bits = addr_bits_of(&a->addr, a->prefix);
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
		.metric = a->metric ? a->metric :
			  v4        ? 0 :
				      ADDR_METRIC,
	};
	for (u32 i = 0; i < 4; i++) {
		u32 n = bits > i * 32 ? min(bits - i * 32, 32U) : 0;

		r->dst.w[i] &= n == 32 ? ~0U : htonl(~(n ? ~0U >> n : ~0U));
	}
}

bool addr_on_link(struct net_device *dev, const ip_addr *a, const ip_addr *b)
{
	const struct ifaddr *i;
	bool found = false;

	netdev_lock_net(dev);
	list_for_each_entry(i, &dev->net->addr.list, list) {
		u32 bits = addr_bits_of(&i->addr, i->prefix);

		found |= i->dev == dev && ip_is_v4(&i->addr) &&
			 ip_prefix_equal(&i->peer, a, bits) &&
			 (!b || ip_prefix_equal(&i->peer, b, bits));
	}
	spin_unlock(&dev->net->lock);
	return found;
}

/* True if one connected route serves both addresses. */
bool addr_same_network(const struct ifaddr *a, const struct ifaddr *b)
{
	return a->dev == b->dev && ip_is_v4(&a->addr) == ip_is_v4(&b->addr) &&
	       a->prefix == b->prefix &&
	       ip_prefix_equal(&a->peer, &b->peer, addr_bits_of(&a->addr, a->prefix));
}

/*
 * True for a further IPv4 address of a network: it depends on the first one, which has the route,
 * and is removed with it.
 */
static bool is_secondary(const struct ifaddr *a)
{
	return ip_is_v4(&a->addr) && a->flags & IFA_F_SECONDARY;
}

/*
 * Adds an address to the list of its namespace, an IPv4 network's first address before all
 * secondary ones. Returns the list entry that it is put before.
 */
static struct list_head *place_addr(struct net *net, struct ifaddr *n)
{
	struct list_head *before = &net->addr.list;
	struct ifaddr *i;

	net->addr.had_v4 |= ip_is_v4(&n->addr);
	n->flags &= ip_is_v4(&n->addr) ? (u16)~IFA_F_SECONDARY : 0xffff;
	list_for_each_entry(i, &net->addr.list, list) {
		if (ip_is_v4(&n->addr) && addr_same_network(i, n))
			n->flags |= IFA_F_SECONDARY;
		if (before == &net->addr.list && i->dev == n->dev && is_secondary(i))
			before = &i->list;
	}
	return is_secondary(n) ? &net->addr.list : before;
}

/*
 * Adds the route to an address's network, under the lock hold that changes the address. A device
 * that is down gets it when it comes up (addrs_connect()). @n is memory for it. Returns true if the
 * route was added; @told is then the route to report. net->lock held.
 */
static bool connect_addr(const struct ifaddr *a, struct route *n, struct route *told)
{
	LIST_HEAD(gone);
	bool placed;

	if (!(a->dev->flags & IFF_UP) || a->dev->flags & IFF_LOOPBACK || is_secondary(a) ||
		a->flags & IFA_F_NOPREFIXROUTE)
		return false;
	addr_connected_route(a, n);
	*told = *n;
	placed = !route_place(a->dev->net, n, NLM_F_CREATE | NLM_F_APPEND, &gone);
	routes_free(&gone);
	return placed;
}

/*
 * Finds the address that @a would duplicate: an IPv4 address may exist with several prefixes.
 * net->lock held.
 */
static struct ifaddr *find_twin(const struct net_device *dev, const struct ifaddr *a)
{
	return addr_find_on(dev, &a->addr, ip_is_v4(&a->addr) ? a->prefix : -1);
}

static int check_addr(const struct net *net, const struct net_device *dev, const struct ifaddr *a)
{
	if (dev->gone || dev->net != net)
		return -ENODEV;
	if (find_twin(dev, a))
		return -EEXIST;
	return net->addr.nr >= ADDRS_MAX ? -ENOBUFS : 0;
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
	n = kmalloc(sizeof(*n),
		/* a router's words come from within a flush */
		GFP_ATOMIC | __GFP_ACCOUNT);
	way = kmalloc(sizeof(*way), GFP_ATOMIC | __GFP_ACCOUNT);
	if (n)
		*n = *a;
	if (!n || !addr_places_alloc(n) || !way) {
		ifaddr_free(n);
		kfree(way);
		return -ENOMEM;
	}
	n->dev = dev;
	n->in_group = !ip_is_v4(&a->addr) && dev->type == ARPHRD_ETHER && !(dev->flags & IFF_NOARP);
	if (ip_is_any(&n->peer))
		n->peer = n->addr;
	spin_lock(&net->lock);
	err = check_addr(net, dev, a);
	if (!err && !addr_enter(net, n))
		err = -ENOMEM;
	if (!err) {
		list_add_tail(&n->list, place_addr(net, n));
		/* The device's words are its own from now on, as on Linux. */
		if (ip_is_v4(&n->addr))
			dev->conf.own4 = ~0UL;
		copy = *n;
		connected = connect_addr(n, way, &told);
		if (next_change(n) != ~0UL)
			timer_start(&net->addr.timer, 0); /* the timer finds the next lifetime */
	}
	spin_unlock(&net->lock);
	if (!connected)
		kfree(way);
	if (err) {
		ifaddr_free(n);
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

/* Returns the next address that has no route yet. net->lock held. */
static struct ifaddr *next_to_connect(const struct net_device *dev)
{
	struct ifaddr *i;

	list_for_each_entry(i, &dev->net->addr.list, list)
		if (i->dev == dev && i->to_connect)
			return i;
	return NULL;
}

/* Enters the routes of the device's addresses that wait for theirs. */
static void connect_marked(struct net_device *dev)
{
	struct net *net;
	struct ifaddr *i;
	struct route *way, told;
	bool connected;

	do {
		connected = false;
		way = kmalloc(sizeof(*way), GFP_ATOMIC);
		/* the device may have moved to another namespace */
		netdev_lock_net(dev);
		net = dev->net;
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

void addrs_connect(struct net_device *dev)
{
	struct net *net = dev->net;
	struct ifaddr *i;

	spin_lock(&net->lock);
	list_for_each_entry(i, &net->addr.list, list)
		i->to_connect |= i->dev == dev;
	spin_unlock(&net->lock);
	connect_marked(dev);
}

/*
 * Takes out the route to the address's network, unless another address needs it. Secondary
 * addresses do not. net->lock held.
 */
static struct route *disconnect(struct net *net, const struct ifaddr *a)
{
	const struct ifaddr *i;
	struct route r;

	if (a->flags & IFA_F_NOPREFIXROUTE)
		return NULL;
	list_for_each_entry(i, &net->addr.list, list)
		if (i != a && addr_same_network(i, a) && i->metric == a->metric &&
			!is_secondary(i) && !(i->flags & IFA_F_NOPREFIXROUTE))
			return NULL;
	addr_connected_route(a, &r);
	return route_take(net, &r);
}

/*
 * Replaces @i by @a, and returns the route that @i loses by that. If @i is to have another, it is
 * marked. net->lock held.
 */
static struct route *replace(struct net *net, struct ifaddr *i, const struct ifaddr *a)
{
	bool v4 = ip_is_v4(&a->addr);
	/*
	 * As on Linux, an IPv6 address keeps its metric if the new one is 0, and an IPv4 address
	 * keeps its flags.
	 */
	u32 metric = a->metric || v4 ? a->metric : i->metric;
	u16 kept = v4 ? (u16)~IFA_F_DEPRECATED : IFA_F_TENTATIVE;
	u16 flags = (u16)((i->flags & kept) | (a->flags & (v4 ? IFA_F_DEPRECATED : 0xffff)));
	struct route *way = NULL;

	if (i->metric != metric || flags & IFA_F_NOPREFIXROUTE)
		way = disconnect(net, i);
	i->to_connect |= way || i->flags & IFA_F_NOPREFIXROUTE;
	i->metric = metric;
	i->expires = a->expires;
	i->preferred_until = a->preferred_until;
	i->flags = flags;
	timer_start(&net->addr.timer, 0);
	return way;
}

int addr_replace(struct net_device *dev, const struct ifaddr *a)
{
	struct ifaddr *i, copy;
	struct route *way = NULL;
	struct net *net;

	netdev_lock_net(dev);
	net = dev->net;
	i = find_twin(dev, a);
	if (i) {
		way = replace(net, i, a);
		copy = *i;
	}
	spin_unlock(&net->lock);
	if (!i)
		return -ENOENT;
	if (way) {
		rtnl_tell_route(net, way, RTM_DELROUTE);
		route_free(way);
	}
	connect_marked(dev);
	rtnl_tell_addr(net, &copy, RTM_NEWADDR);
	return 0;
}

/*
 * Removes the routes that name an IPv4 address as their source, after the address has left the
 * list. With a device's last address all routes of the device are removed.
 */
static void forget_routes_by(struct net *net, const struct ifaddr *a)
{
	bool last = true, there = false;
	const struct ifaddr *i;
	LIST_HEAD(gone);

	/*
	 * Looks and removes under one hold of the lock: another address may come, and have its
	 * route.
	 */
	spin_lock(&net->lock);
	list_for_each_entry(i, &net->addr.list, list) {
		last &= i->dev != a->dev || !ip_is_v4(&i->addr);
		there |= ip_equal(&i->addr, &a->addr);
	}
	if (last || !there)
		routes_forget_addr(net, a->dev, there ? NULL : &a->addr, last, &gone);
	spin_unlock(&net->lock);
	routes_free(&gone);
}

/*
 * An address that leaves, with those that hang on it, and the route that goes unless another
 * address needs it.
 */
struct leaving {
	/* heir.dev NULL: none of the others takes its place */
	struct ifaddr *addr, heir;
	struct list_head secondary;
	struct route *way;
};

/*
 * Makes the first of the secondary addresses the network's primary one (promote_secondaries).
 * net->lock held.
 */
static void promote(struct net *net, struct ifaddr *heir, struct leaving *l)
{
	struct list_head *before = &net->addr.list;
	struct ifaddr *i;

	list_del(&heir->list);
	heir->flags &= (u16)~IFA_F_SECONDARY;
	heir->to_connect = true;
	list_for_each_entry(i, &net->addr.list, list)
		if (before == &net->addr.list && i->dev == heir->dev && is_secondary(i))
			before = &i->list;
	list_add_tail(&heir->list, before);
	l->heir = *heir;
}

/* Removes an address; net->lock held. leave_done() follows without it. */
static void leave(struct net *net, struct ifaddr *a, struct leaving *l)
{
	bool shared = false, promotes = CONF4_OR(a->dev, CONF4_PROMOTE);
	struct ifaddr *i, *next, *heir = NULL;
	struct route r;

	l->addr = a;
	l->heir.dev = NULL;
	INIT_LIST_HEAD(&l->secondary);
	list_del(&a->list);
	addr_leave(net, a);
	list_for_each_entry_safe(i, next, &net->addr.list, list) {
		if (!addr_same_network(i, a))
			continue;
		if (!is_secondary(i) || is_secondary(a))
			shared |= !(i->flags & IFA_F_NOPREFIXROUTE) && i->metric == a->metric;
		else if (promotes)
			heir = heir ? heir : i;
		else {
			addr_leave(net, i);
			list_move_tail(&i->list, &l->secondary);
		}
	}
	if (heir)
		promote(net, heir, l);
	addr_connected_route(a, &r);
	/* removed in one step with the address */
	l->way = shared || a->flags & IFA_F_NOPREFIXROUTE ? NULL : route_take(net, &r);
}

static void leave_done(struct net *net, struct leaving *l)
{
	struct ifaddr *i, *next;

	list_for_each_entry_safe(i, next, &l->secondary, list) {
		forget_routes_by(net, i);
		let_go(net, i);
	}
	if (l->way) {
		rtnl_tell_route(net, l->way, RTM_DELROUTE);
		route_free(l->way);
	}
	if (ip_is_v4(&l->addr->addr))
		forget_routes_by(net, l->addr);
	let_go(net, l->addr);
	if (!l->heir.dev)
		return;
	connect_marked(l->heir.dev);
	rtnl_tell_addr(net, &l->heir, RTM_NEWADDR);
}

/* Removes an address. @prefix -1: any. */
int addr_del(struct net_device *dev, const ip_addr *addr, int prefix)
{
	struct net *net = dev->net;
	struct ifaddr *found;
	struct leaving l;

	spin_lock(&net->lock);
	found = addr_find_on(dev, addr, prefix);
	if (found)
		leave(net, found, &l);
	spin_unlock(&net->lock);
	if (!found)
		return -EADDRNOTAVAIL;
	leave_done(net, &l);
	return 0;
}

/* ---- lifetimes ---- */

/*
 * Processes the first lifetime that is over and returns true; or sets the timer for the next and
 * returns false.
 */
static bool age_one(struct net *net)
{
	struct ifaddr *i, *due = NULL, copy;
	u64 now = ktime_get(), next = ~0UL;
	bool gone = false;
	struct leaving l;

	spin_lock(&net->lock);
	list_for_each_entry(i, &net->addr.list, list) {
		if (!due && next_change(i) <= now)
			due = i;
		next = min(next, next_change(i));
	}
	if (due) {
		gone = due->expires && due->expires <= now;
		if (gone) {
			leave(net, due, &l);
		} else {
			due->preferred_until = 0;
			due->flags |= IFA_F_DEPRECATED;
			copy = *due;
		}
	} else if (next != ~0UL) {
		timer_start(&net->addr.timer, next);
	}
	spin_unlock(&net->lock);
	if (gone)
		leave_done(net, &l);
	else if (due)
		rtnl_tell_addr(net, &copy, RTM_NEWADDR);
	return due;
}

/* Takes the reference, which is the work's while it is queued or runs. */
static void age_later(struct net *net)
{
	if (!work_queue(&net->addr.work))
		net_put(net);
}

static void age(struct work *w)
{
	struct net *net = container_of(w, struct net, addr.work);
	bool more = true;

	for (u32 n = 0; more && n < AGE_BATCH; n++)
		more = age_one(net);
	net_rx_flush();
	if (more)
		age_later(net);
	else
		net_put(net);
	cond_resched();
}

/* Runs the ageing of addresses, unless the namespace ends, and with it all of them. */
static void addr_tick(struct ktimer *t)
{
	struct net *net = container_of(t, struct net, addr.timer);

	if (atomic_inc_not_zero(&net->ns.count))
		age_later(net);
}

void addr_net_init(struct net *net)
{
	timer_setup(&net->addr.timer, addr_tick);
	work_setup(&net->addr.work, age);
}

void addr_net_end(struct net *net)
{
	timer_cancel_sync(&net->addr.timer);
}

/* ---- to send from ---- */

/*
 * True if @i is the better source: by its scope, or with equal scope the IPv6 address that is not
 * deprecated (RFC 6724).
 */
static bool better_source(const struct ifaddr *i, const struct ifaddr *best, bool near)
{
	if (i->scope == best->scope)
		return !ip_is_v4(&i->addr) && best->flags & IFA_F_DEPRECATED &&
		       !(i->flags & IFA_F_DEPRECATED);
	return near ? i->scope > best->scope : i->scope < best->scope;
}

/*
 * Chooses an address of @dev (any) to send from, of @dst's family. Addresses that mean only this
 * machine are used only for sending to it.
 */
const struct ifaddr *addr_source_of(
	struct net *net, const struct net_device *dev, const ip_addr *dst)
{
	const struct ifaddr *i, *best = NULL;
	bool near = ip_is_linklocal(dst) ||
		    (ip_is_multicast(dst) && (ntohl(dst->w[0]) >> 16 & 0xf) == 2);

	list_for_each_entry(i, &net->addr.list, list) {
		if (ip_is_v4(&i->addr) != ip_is_v4(dst) || (dev && i->dev != dev))
			continue;
		if (i->scope == RT_SCOPE_HOST && !(dev && dev->flags & IFF_LOOPBACK))
			continue;
		if (i->flags & IFA_F_TENTATIVE)
			continue;
		if (!best || better_source(i, best, near))
			best = i;
	}
	return best;
}

const struct ifaddr *addr_source_by(
	struct net *net, const struct net_device *dev, const ip_addr *dst)
{
	const struct ifaddr *i = addr_source_of(net, dev, dst);

	if (i || (!ip_is_v4(dst) && CONF6(dev, CONF6_OIF_ADDRS_ONLY)))
		return i;
	return addr_source_of(net, NULL, dst);
}

bool addr_source(const struct net_device *dev, const ip_addr *dst, ip_addr *out)
{
	struct net *net = dev->net;
	const struct ifaddr *i;

	spin_lock(&net->lock);
	i = addr_source_by(net, dev, dst);
	if (i)
		*out = i->addr;
	spin_unlock(&net->lock);
	return i;
}
