/* SPDX-License-Identifier: MIT */
/*
 * addrs.c: the list of addresses of a namespace's devices, the routes to their networks, and their
 * lifetimes.
 *
 *     preferred -> (preferred_until) IFA_F_DEPRECATED -> (expires) removed
 *
 * Addresses that a router announces (ndisc.c) are tentative first. When a lifetime ends, a timer
 * wakes up a kernel thread, since lists may be long and the lifetimes of many namespaces may end at
 * once.
 * Locks: net->lock.
 */
#include <asm/errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "kernel/mm/mm.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/net.h"
#include "kernel/net/netlink/rtnl.h"

/* most addresses of a namespace: addr_source_of() walks them with net->lock held */
#define ADDRS_MAX 4096U
/* metric of routes to the networks of IPv6 addresses, as on Linux */
#define ADDR_METRIC 256
#define AGE_BATCH 32U /* expired addresses before the work yields */

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
		rtnl_notify_addr(dev->net, &copy, RTM_NEWADDR);
	return i;
}

bool addr_renew(struct net_device *dev, const ip_addr *a, u64 expires, u64 preferred, u64 least)
{
	struct ifaddr *i;
	bool renewed;

	netdev_lock_net(dev);
	i = addr_find_on(dev, a, -1);
	renewed = i && i->expires; /* else a user made it permanent */
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

/*
 * Returns the time at which the address expires or is deprecated, whichever is earlier; ~0: never.
 */
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

/* Leaves the solicited-node multicast group of an IPv6 address (RFC 4291, 2.7.1). */
static void leave_group(const struct ifaddr *a)
{
	ip_addr group = mcast_solicited_node(&a->addr);

	if (a->in_group)
		mcast_leave(a->dev, &group);
}

static void let_go(struct net *net, struct ifaddr *a)
{
	leave_group(a);
	rtnl_notify_addr(net, a, RTM_DELADDR);
	ifaddr_free(a);
}

/* True for a permanent address that is neither link-local nor loopback, so a user has set it. */
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
 * Fills in the route to the network of an address. Not used for lo, whose networks are local as a
 * whole.
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

/* True if both addresses have the same connected route. */
bool addr_same_network(const struct ifaddr *a, const struct ifaddr *b)
{
	return a->dev == b->dev && ip_is_v4(&a->addr) == ip_is_v4(&b->addr) &&
	       a->prefix == b->prefix &&
	       ip_prefix_equal(&a->peer, &b->peer, addr_bits_of(&a->addr, a->prefix));
}

/*
 * True for a further IPv4 address in a network. It depends on the network's first address, which
 * has the route, and is removed with it.
 */
static bool is_secondary(const struct ifaddr *a)
{
	return ip_is_v4(&a->addr) && a->flags & IFA_F_SECONDARY;
}

/*
 * Finds the place of @n in the list: a network's first IPv4 address goes before all secondary ones.
 * Sets or clears IFA_F_SECONDARY. Returns the list entry before which the caller inserts @n.
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
 * Adds the route to @a's network. A device that is down gets its routes later, by addrs_connect().
 * @n: memory for the route. Returns true if the route was added; *@added is then the route to
 * report. net->lock held.
 */
static bool connect_addr(const struct ifaddr *a, struct route *n, struct route *added)
{
	LIST_HEAD(gone);
	bool placed;

	if (!(a->dev->flags & IFF_UP) || a->dev->flags & IFF_LOOPBACK || is_secondary(a) ||
		a->flags & IFA_F_NOPREFIXROUTE)
		return false;
	addr_connected_route(a, n);
	*added = *n;
	placed = !route_place(a->dev->net, n, NLM_F_CREATE | NLM_F_APPEND, &gone);
	routes_free(&gone);
	return placed;
}

/*
 * Finds the address that @a would duplicate. An IPv4 address may exist with several prefix lengths.
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
	struct route *way, added;
	bool connected = false;
	ip_addr group;
	int err;

	if (a->prefix > (ip_is_v4(&a->addr) ? 32 : 128) || ip_is_any(&a->addr) ||
		ip_is_multicast(&a->addr))
		return -EADDRNOTAVAIL;
	n = kmalloc(sizeof(*n),
		/*
		 * GFP_ATOMIC, since router advertisements are handled in net_rx_flush(), which must
		 * not sleep
		 */
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
		/* from now on the device has its own settings, as on Linux */
		if (ip_is_v4(&n->addr))
			dev->conf.own4 = ~0UL;
		copy = *n;
		connected = connect_addr(n, way, &added);
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
	rtnl_notify_addr(net, &copy, RTM_NEWADDR);
	if (connected)
		rtnl_notify_route(net, &added, RTM_NEWROUTE);
	return 0;
}

/* Returns the next address of @dev whose route is still to be added. net->lock held. */
static struct ifaddr *next_to_connect(const struct net_device *dev)
{
	struct ifaddr *i;

	list_for_each_entry(i, &dev->net->addr.list, list)
		if (i->dev == dev && i->to_connect)
			return i;
	return NULL;
}

/* Adds the routes of @dev's addresses that are marked by to_connect. */
static void connect_marked(struct net_device *dev)
{
	struct net *net;
	struct ifaddr *i;
	struct route *way, added;
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
			connected = way && connect_addr(i, way, &added);
		}
		spin_unlock(&net->lock);
		if (connected)
			rtnl_notify_route(net, &added, RTM_NEWROUTE);
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
 * Removes the route to @a's network from the table and returns it, unless a primary address still
 * needs the route. net->lock held.
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
 * Copies lifetimes, flags and metric of @a to @i. Returns the route that @i loses by a change of
 * its metric or flags, or NULL. Sets to_connect if @i needs a new route. net->lock held.
 */
static struct route *replace(struct net *net, struct ifaddr *i, const struct ifaddr *a)
{
	bool v4 = ip_is_v4(&a->addr);
	/*
	 * As on Linux, an IPv6 address keeps its metric if the new metric is 0, and an IPv4 address
	 * keeps all flags except IFA_F_DEPRECATED.
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
		rtnl_notify_route(net, way, RTM_DELROUTE);
		route_free(way);
	}
	connect_marked(dev);
	rtnl_notify_addr(net, &copy, RTM_NEWADDR);
	return 0;
}

/*
 * Removes the routes whose source is @a, an IPv4 address that has left the list. If @a was the last
 * IPv4 address of its device, removes all IPv4 routes of the device.
 */
static void forget_routes_by(struct net *net, const struct ifaddr *a)
{
	bool last = true, there = false;
	const struct ifaddr *i;
	LIST_HEAD(gone);

	/*
	 * Holds the lock over check and removal. Otherwise another address could be added in
	 * between, and its route be removed.
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

/* An address that is being removed, with its secondary addresses and the route to its network. */
struct leaving {
	/* heir: the secondary address that became primary; heir.dev NULL: none did */
	struct ifaddr *addr, heir;
	struct list_head secondary;
	struct route *way;
};

/*
 * Makes @heir, the first secondary address, the network's primary address (promote_secondaries).
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

/*
 * Removes an address from the list. net->lock held. The caller then calls leave_done() without the
 * lock.
 */
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
	/* the route is removed before the lock is released, together with the address */
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
		rtnl_notify_route(net, l->way, RTM_DELROUTE);
		route_free(l->way);
	}
	if (ip_is_v4(&l->addr->addr))
		forget_routes_by(net, l->addr);
	let_go(net, l->addr);
	if (!l->heir.dev)
		return;
	connect_marked(l->heir.dev);
	rtnl_notify_addr(net, &l->heir, RTM_NEWADDR);
}

/*
 * Removes @found. net->lock is held, and dropped. Returns 0, or -EADDRNOTAVAIL if @found is NULL.
 */
static int remove_found(struct net *net, struct ifaddr *found)
{
	struct leaving l;

	if (found)
		leave(net, found, &l);
	spin_unlock(&net->lock);
	if (!found)
		return -EADDRNOTAVAIL;
	leave_done(net, &l);
	return 0;
}

/* Removes the address @addr with prefix length @prefix; -1: with any length. */
int addr_del(struct net_device *dev, const ip_addr *addr, int prefix)
{
	spin_lock(&dev->net->lock);
	return remove_found(dev->net, addr_find_on(dev, addr, prefix));
}

int addr4_del(struct net_device *dev, const struct addr4_match *m)
{
	struct ifaddr *i, *found = NULL;
	struct net *net = dev->net;

	spin_lock(&net->lock);
	list_for_each_entry(i, &net->addr.list, list)
		if (i->dev == dev && addr4_matches(i, m)) {
			found = i;
			break;
		}
	return remove_found(net, found);
}

/* ---- lifetimes ---- */

/*
 * Deprecates or removes one address whose lifetime has ended, and returns true. If there is none,
 * arms the timer for the next end of a lifetime and returns false.
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
		rtnl_notify_addr(net, &copy, RTM_NEWADDR);
	return due;
}

/* Queues the work, which takes over the caller's reference to @net until it has run. */
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

/* Queues the ageing of addresses, unless the namespace is being destroyed. */
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

/* ---- source addresses ---- */

/*
 * True if @i is a better source address than @best: by its scope, or with equal scope the IPv6
 * address that is not deprecated (RFC 6724).
 */
static bool better_source(const struct ifaddr *i, const struct ifaddr *best, bool near)
{
	if (i->scope == best->scope)
		return !ip_is_v4(&i->addr) && best->flags & IFA_F_DEPRECATED &&
		       !(i->flags & IFA_F_DEPRECATED);
	return near ? i->scope > best->scope : i->scope < best->scope;
}

/*
 * Chooses a source address of @dev (NULL: any device) for packets to @dst. Addresses of scope
 * "host" are used only if @dev is lo.
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
