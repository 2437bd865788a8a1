/* SPDX-License-Identifier: MIT */
/*
 * route_list.c: the routes of a namespace: adding, replacing and deleting them as in rtnetlink(7)
 * (ip-route(8): add, append, replace, change), and their nexthops. route.c looks routes up.
 *
 * The routes are in one list, the longest prefix first, then the lowest metric, then the oldest;
 * and in a hash by table and network, where lookups find them. A route's key is destination, table,
 * metric and TOS. Several IPv4 routes may have one key, and the first one is used; IPv6 routes of
 * one key by gateways are nexthops of one route. An expired route is skipped, and freed when the
 * next route is added.
 *
 * A struct nexthops is immutable: to add or remove a nexthop, a new struct is made. When a device
 * goes down, its routes are dropped. A route with several nexthops is kept, and the nexthop by that
 * device is dead until the device comes up again (may_take() in route.c tests the device). Locks:
 * net->lock.
 */
#include <asm/errno.h>
#include <linux/rtnetlink.h>

#include "arch/um/machine/arch.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/mm/mm.h"

#define ROUTES_MAX 8192U /* routes of a namespace, at most */

struct nexthops *nexthops_alloc(u32 nr)
{
	struct nexthops *h =
		kzalloc(sizeof(*h) + nr * sizeof(h->hop[0]), GFP_ATOMIC | __GFP_ACCOUNT);

	if (h) {
		atomic_set(&h->refs, 1);
		h->nr = nr;
	}
	return h;
}

struct nexthops *nexthops_get(struct nexthops *h)
{
	if (h)
		atomic_inc(&h->refs);
	return h;
}

void nexthops_put(struct nexthops *h)
{
	if (h && atomic_dec_and_test(&h->refs))
		kfree(h);
}

void route_free(struct route *r)
{
	nexthops_put(r->hops);
	kfree(r);
}

static void free_routes(struct list_head *gone)
{
	struct route *r, *next;

	list_for_each_entry_safe(r, next, gone, list)
		route_free(r);
}

static struct nexthop way_of(const struct route *r)
{
	return (struct nexthop){
		.dev = r->dev,
		.ifindex = r->dev ? r->dev->ifindex : 0,
		.gateway = r->gateway,
		.weight = 1,
		.flags = r->flags,
	};
}

struct nexthop route_way(const struct route *r, u32 n)
{
	return r->hops ? r->hops->hop[n] : way_of(r);
}

static bool way_equal(const struct nexthop *a, const struct nexthop *b)
{
	return a->dev == b->dev && ip_equal(&a->gateway, &b->gateway);
}

static bool ways_equal(const struct route *a, const struct route *b, bool weights)
{
	if (route_ways(a) != route_ways(b))
		return false;
	for (u32 n = 0; n < route_ways(a); n++) {
		struct nexthop x = route_way(a, n), y = route_way(b, n);

		if (!way_equal(&x, &y) || (weights && x.weight != y.weight))
			return false;
	}
	return true;
}

static bool same_key(const struct route *a, const struct route *b)
{
	return a->prefix == b->prefix && ip_equal(&a->dst, &b->dst) && a->metric == b->metric &&
	       a->table == b->table && a->tos == b->tos;
}

/*
 * Adds the nexthops of @from that @to does not have. Returns 0, -EEXIST (@to has all of them),
 * -ENOBUFS or -ENOMEM.
 */
static int join_ways(struct route *to, const struct route *from)
{
	struct nexthops *h = nexthops_alloc(route_ways(to) + route_ways(from));
	u32 n = route_ways(to), had = n;

	if (!h)
		return -ENOMEM;
	for (u32 k = 0; k < n; k++)
		h->hop[k] = route_way(to, k);
	for (u32 k = 0; k < route_ways(from); k++) {
		struct nexthop w = route_way(from, k);
		bool has = false;

		for (u32 o = 0; o < had; o++)
			has |= way_equal(&h->hop[o], &w);
		if (!has)
			h->hop[n++] = w;
	}
	h->nr = n;
	if (n == had || n > HOPS_MAX) {
		nexthops_put(h);
		return n == had ? -EEXIST : -ENOBUFS;
	}
	nexthops_put(to->hops);
	to->hops = h;
	return 0;
}

/* Removes the nexthops by @dev and @gateway (NULL: any). Returns false if none is left. */
static bool leave_ways(struct route *r, const struct net_device *dev, const ip_addr *gateway)
{
	struct nexthops *h = nexthops_alloc(r->hops->nr);
	u32 n = 0;

	for (u32 k = 0; h && k < r->hops->nr; k++) {
		const struct nexthop *w = &r->hops->hop[k];

		if ((!dev || w->dev == dev) && (!gateway || ip_equal(&w->gateway, gateway)))
			continue;
		h->hop[n++] = *w;
	}
	if (!n) { /* none is left, or no memory */
		kfree(h);
		return false;
	}
	r->dev = h->hop[0].dev;
	r->gateway = h->hop[0].gateway;
	r->flags = h->hop[0].flags;
	h->nr = n;
	nexthops_put(r->hops);
	r->hops = h;
	if (n == 1) {
		nexthops_put(h);
		r->hops = NULL;
	}
	return true;
}

/*
 * True if two routes of one key are nexthops of one route: IPv6 routes by gateways, except those
 * that routers advertise.
 */
static bool may_join(const struct route *a, const struct route *b)
{
	return !ip_is_v4(&a->dst) && !ip_is_any(&a->gateway) && !ip_is_any(&b->gateway) &&
	       a->type == b->type && a->protocol != RTPROT_RA && b->protocol != RTPROT_RA;
}

/* ---- tables ---- */

/* if there are more tables than this, empty ones are removed */
#define TABLES_MAX 4096

struct route_table *route_table_find(const struct net *net, bool v4, u32 table)
{
	struct prefix_node *n;

	if (likely(table == RT_TABLE_MAIN))
		return net->route.main[v4];
	n = prefix_first(&net->route.tables, table, v4, &IP_ANY);
	return n ? container_of(n, struct route_table, node) : NULL;
}

bool route_has_table(const struct net *net, bool v4, u32 table)
{
	assert_spin_held(&net->lock);
	return table == RT_TABLE_MAIN || table == RT_TABLE_LOCAL ||
	       route_table_find(net, v4, table);
}

/* Makes the table of @n if it does not exist. Returns true if it exists. */
static bool make_table(struct net *net, const struct route *n)
{
	bool v4 = ip_is_v4(&n->dst);
	struct route_table *t;

	if (!prefix_ready(&net->route.by_net) || !prefix_ready(&net->route.tables))
		return false;
	if (route_table_find(net, v4, n->table))
		return true;
	t = kzalloc(sizeof(*t), GFP_ATOMIC | __GFP_ACCOUNT);
	if (!t)
		return false;
	prefix_set(&t->node, n->table, &IP_ANY, v4);
	prefix_add(&net->route.tables, &t->node, NULL);
	if (n->table == RT_TABLE_MAIN)
		net->route.main[v4] = t;
	return true;
}

static void drop_if_many(struct net *net, struct route_table *t)
{
	if (t->routes || net->route.tables.nr <= TABLES_MAX || t->node.space == RT_TABLE_MAIN)
		return;
	prefix_del(&net->route.tables, &t->node);
	kfree(t);
}

void route_tables_free(struct net *net)
{
	struct prefix_node *n, *next;

	for (u32 i = 0; i < net->route.tables.size; i++)
		list_for_each_entry_safe(n, next, &net->route.tables.buckets[i], list)
			kfree(container_of(n, struct route_table, node));
	prefix_free(&net->route.tables);
	prefix_free(&net->route.by_net);
	net->route.main[0] = net->route.main[1] = NULL;
}

/* ---- the list and the hash ---- */

/* Returns the first route to @r's network in @r's table, or NULL. */
static struct route *first_of(const struct net *net, const struct route *r)
{
	struct prefix_node *p = prefix_first(&net->route.by_net, r->table, r->prefix, &r->dst);

	return p ? container_of(p, struct route, node) : NULL;
}

static struct route *next_of(const struct net *net, const struct route *r)
{
	struct prefix_node *p = prefix_next(&net->route.by_net, &r->node);

	return p ? container_of(p, struct route, node) : NULL;
}

/* Adds a route of the list to the hash, before @before. Its table must exist. */
static void index_route(struct net *net, struct route *n, struct route *before)
{
	struct route_table *t = route_table_find(net, ip_is_v4(&n->dst), n->table);

	prefix_set(&n->node, n->table, &n->dst, n->prefix);
	prefix_add(&net->route.by_net, &n->node, before ? &before->node : NULL);
	prefix_len_add(&t->lens, n->prefix);
	t->routes++;
	net->route.nr_ending += !!n->expires;
	route_changed(net);
}

/* Removes a route from the list and the hash. */
static void leave_list(struct net *net, struct route *r)
{
	struct route_table *t = route_table_find(net, ip_is_v4(&r->dst), r->table);

	assert_spin_held(&net->lock);
	list_del(&r->list);
	prefix_del(&net->route.by_net, &r->node);
	prefix_len_del(&t->lens, r->prefix);
	t->routes--;
	net->route.nr_ending -= !!r->expires;
	drop_if_many(net, t);
	route_changed(net);
}

static void leave_for(struct net *net, struct route *r, struct list_head *gone)
{
	leave_list(net, r);
	list_add_tail(&r->list, gone);
}

/* The routes of the list with the key of a new route. */
struct place {
	struct route *first; /* the first route with that key */
	struct route *same;  /* the one with equal nexthops */
};

static void drop_ended(struct net *net, struct list_head *gone)
{
	u64 now = net->route.nr_ending ? ktime_get() : 0;
	struct route *i, *next;

	if (!net->route.nr_ending)
		return;
	list_for_each_entry_safe(i, next, &net->route.list, list)
		if (i->expires && i->expires <= now)
			leave_for(net, i, gone);
}

static void find_place(struct net *net, const struct route *r, struct place *p)
{
	struct route *i;

	*p = (struct place){ 0 };
	for (i = first_of(net, r); i; i = next_of(net, i)) {
		if (!same_key(i, r))
			continue;
		if (!p->first)
			p->first = i;
		if (!p->same && i->type == r->type && ways_equal(i, r, true))
			p->same = i;
	}
}

/*
 * True if the new route @n is inserted before @i. @n is inserted behind routes of its key, or with
 * @in_front before them.
 */
static bool route_precedes(const struct route *n, const struct route *i, bool in_front)
{
	if (i->prefix != n->prefix)
		return i->prefix < n->prefix;
	return i->metric > n->metric || (i->metric == n->metric && in_front && same_key(i, n));
}

/* Inserts a route behind those with longer prefixes or lower metrics. */
static void enter_route(struct net *net, struct route *n, bool in_front)
{
	struct list_head *before = &net->route.list;
	struct route *i, *of = first_of(net, n);

	list_for_each_entry(i, &net->route.list, list) {
		if (route_precedes(n, i, in_front)) {
			before = &i->list;
			break;
		}
	}
	list_add_tail(&n->list, before);
	while (of && !route_precedes(n, of, in_front))
		of = next_of(net, of);
	index_route(net, n, of);
}

/* True if one of the route's devices was removed from @net after the caller had found it. */
static bool way_gone(const struct net *net, const struct route *n)
{
	bool gone = false;

	for (u32 k = 0; k < (n->hops ? n->hops->nr : 1); k++) {
		const struct net_device *dev = n->hops ? n->hops->hop[k].dev : n->dev;

		gone |= dev && (dev->gone || dev->net != net);
	}
	return gone;
}

/*
 * Inserts a route; net->lock held. Returns 0 if @n is in the list, -errno, or 1 if its nexthops
 * were added to another route.
 */
int route_place(struct net *net, struct route *n, u16 flags, struct list_head *gone)
{
	bool v4 = ip_is_v4(&n->dst);
	struct route *i, *next;
	struct place p;
	int err;

	assert_spin_held(&net->lock);
	if (way_gone(net, n))
		return -ENODEV;
	drop_ended(net, gone);
	net->route.local |= n->type == RTN_LOCAL;
	find_place(net, n, &p);
	if (!p.first && !(flags & NLM_F_CREATE) && (v4 || flags & NLM_F_REPLACE))
		return -ENOENT;
	if (p.first && flags & NLM_F_EXCL)
		return -EEXIST;
	if (p.first && flags & NLM_F_REPLACE) {
		if (v4 && p.same && p.same != p.first)
			return -EEXIST;
		list_add_tail(&n->list, &p.first->list);
		index_route(net, n, p.first);
		leave_for(net, p.first, gone);
		for (i = first_of(net, n); i; i = next) {
			next = next_of(net, i);
			if (!v4 && i != n && same_key(i, n))
				leave_for(net, i, gone);
		}
		return 0;
	}
	if (p.same)
		return -EEXIST;
	if (p.first && may_join(p.first, n)) {
		err = join_ways(p.first, n);
		route_changed(net);
		return err ? err : 1;
	}
	if (net->route.by_net.nr >= ROUTES_MAX)
		return -ENOBUFS;
	if (!make_table(net, n))
		return -ENOMEM;
	enter_route(net, n, v4 && p.first && !(flags & NLM_F_APPEND));
	return 0;
}

int route_change(struct net *net, const struct route *r, u16 flags)
{
	struct route *n = kmalloc(sizeof(*n), GFP_ATOMIC | __GFP_ACCOUNT);
	LIST_HEAD(gone);
	int err;

	if (!n)
		return -ENOMEM;
	*n = *r;
	nexthops_get(n->hops);
	spin_lock(&net->lock);
	err = route_place(net, n, flags, &gone);
	spin_unlock(&net->lock);
	if (err)
		route_free(n);
	free_routes(&gone);
	if (err < 0)
		return err;
	rtnl_notify_route(net, r, RTM_NEWROUTE);
	return 0;
}

/* Adds a route of the kernel. Routes of the same key by other nexthops are kept. */
int route_add(struct net *net, const struct route *r)
{
	return route_change(net, r, NLM_F_CREATE | NLM_F_APPEND);
}

u8 way_state(const struct net_device *dev)
{
	if (!(dev->flags & IFF_UP))
		return RTNH_F_DEAD | RTNH_F_LINKDOWN;
	return dev->carrier ? 0 : RTNH_F_LINKDOWN;
}

/*
 * True if the route is to be dropped with the device. An IPv4 route with several nexthops is
 * dropped if the device is removed. Other routes are dropped if no nexthop is left, or none is
 * alive.
 */
static bool ends_with(struct route *r, const struct net_device *dev, bool for_good)
{
	bool uses = false, alive = false;

	if (!r->hops)
		return r->dev == dev;
	for (u32 n = 0; n < r->hops->nr; n++) {
		uses |= r->hops->hop[n].dev == dev;
		alive |= !(way_state(r->hops->hop[n].dev) & RTNH_F_DEAD);
	}
	if (uses && for_good && !ip_is_v4(&r->dst))
		return !leave_ways(r, dev, NULL);
	return uses && (for_good || !alive);
}

void routes_forget(struct net_device *dev, bool for_good)
{
	struct net *net = dev->net;
	struct route *r, *next;
	LIST_HEAD(gone);

	spin_lock(&net->lock);
	list_for_each_entry_safe(r, next, &net->route.list, list)
		if (ends_with(r, dev, for_good))
			leave_for(net, r, &gone);
	/* other routes may have lost nexthops */
	route_changed(net);
	spin_unlock(&net->lock);
	list_for_each_entry(r, &gone, list)
		if (!ip_is_v4(&r->dst) && !READ_ONCE(net->ipv6.route_silent))
			rtnl_notify_route(net, r, RTM_DELROUTE);
	free_routes(&gone);
}

void routes_forget_addr(struct net *net, const struct net_device *dev, const ip_addr *addr,
	bool last, struct list_head *gone)
{
	struct route *r, *next;

	assert_spin_held(&net->lock);
	list_for_each_entry_safe(r, next, &net->route.list, list)
		if (ip_is_v4(&r->dst) && ((addr && ip_equal(&r->prefsrc, addr)) ||
						 (last && !r->hops && r->dev == dev)))
			leave_for(net, r, gone);
}

void routes_free(struct list_head *gone)
{
	free_routes(gone);
}

/*
 * True if @r describes the route @i. If @r has several nexthops, @i must have the same ones. If
 * only @i has several, @r is compared with the first one, for IPv6 with each.
 */
static bool is_like(const struct route *i, const struct route *r)
{
	bool v6 = !ip_is_v4(&i->dst), way = false;

	if (i->prefix != r->prefix || !ip_equal(&i->dst, &r->dst) || i->table != r->table)
		return false;
	if ((r->type && i->type != r->type) || (r->protocol && i->protocol != r->protocol) ||
		(r->metric && i->metric != r->metric) ||
		(!ip_is_any(&r->prefsrc) && !ip_equal(&i->prefsrc, &r->prefsrc)))
		return false;
	if (!v6 && (i->tos != r->tos || (r->scope != RT_SCOPE_NOWHERE && i->scope != r->scope)))
		return false;
	if (r->hops)
		return ways_equal(i, r, false);
	for (u32 n = 0; n < (v6 ? route_ways(i) : 1); n++) {
		struct nexthop w = route_way(i, n);

		way |= (!r->dev || w.dev == r->dev) &&
		       (ip_is_any(&r->gateway) || ip_equal(&w.gateway, &r->gateway));
	}
	return way;
}

struct route *route_take(struct net *net, const struct route *r)
{
	struct route *i;

	assert_spin_held(&net->lock);
	for (i = first_of(net, r); i && !is_like(i, r); i = next_of(net, i))
		;
	if (i)
		leave_list(net, i);
	return i;
}

int route_del(struct net *net, const struct route *r)
{
	struct route *found;
	bool one_way = false;

	spin_lock(&net->lock);
	for (found = first_of(net, r); found && !is_like(found, r); found = next_of(net, found))
		;
	if (found && found->hops && !r->hops && !ip_is_any(&r->gateway) && !ip_is_v4(&r->dst))
		one_way = leave_ways(found, r->dev, &r->gateway);
	if (found && !one_way)
		leave_list(net, found);
	route_changed(net);
	spin_unlock(&net->lock);
	if (!found)
		return -ESRCH;
	rtnl_notify_route(net, one_way ? r : found, RTM_DELROUTE);
	if (!one_way)
		route_free(found);
	return 0;
}
