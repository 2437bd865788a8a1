/* SPDX-License-Identifier: MIT */
/*
 * ports_crowd.c: three hash tables of the sockets that have a port, for different lookups. They
 * hold sets of equal sockets, so that no lookup visits every socket that shares the port. A set is
 * called:
 *
 *     kind   hashed by port: sockets with equal options, device and user, whose addresses agree in
 *            family and in being the any-address
 *     place  hashed by address and port: sockets of one kind, one address and one SO_REUSEPORT
 *            group
 *     way    hashed by address, port and peer: listeners and datagram sockets that receive the same
 *            packets, the youngest first
 *
 * Only one socket of each set is linked in the bucket. A walk over the bucket thus visits one
 * socket for each combination of the properties that define a set, however many sockets share the
 * port. ports_leave() is called before such a property changes, ports_join() afterwards.
 * Locks: table->lock.
 */
#include "arch/um/machine/arch.h"
#include "kernel/net/inet/ports.h"

/* ---- hashes ---- */

/*
 * Part of a multilinear hash with a secret key. Whatever addresses and ports an attacker chooses,
 * two connections share a bucket no more often than random ones.
 */
u64 ports_part(struct port_table *t, const struct net *net, u16 lport, u16 rport)
{
	while (unlikely(!t->peer_key[PEER_WORDS]))
		arch_random(t->peer_key, sizeof(t->peer_key));
	return t->peer_key[PEER_WORDS] + t->peer_key[8] * ((u32)lport << 16 | rport) +
	       t->peer_key[9] * (u32)((u64)net >> 6);
}

u64 addr_part(const struct port_table *t, u32 at, const ip_addr *a)
{
	u64 h = 0;

	for (u32 i = 0; i < 4; i++)
		h += t->peer_key[at + i] * a->w[i];
	return h;
}

static u32 port_index(const struct net *net, u16 port)
{
	return (port ^ ((u64)net >> 8)) % TABLE_SIZE;
}

struct hlist_head *port_bucket(struct port_table *t, const struct net *net, u16 port)
{
	return &t->by_port[port_index(net, port)];
}

struct hlist_head *kind_bucket(struct port_table *t, const struct net *net, u16 port)
{
	return &t->kinds[port_index(net, port)];
}

static u32 keyed_hash(struct port_table *t, const struct net *net, const ip_addr *local, u16 lport,
	const ip_addr *remote, u16 rport)
{
	u64 parts = ports_part(t, net, lport, rport);

	return way_of(parts + addr_part(t, 0, local) + addr_part(t, 4, remote));
}

struct hlist_head *peer_bucket(struct port_table *t, const struct net *net, const ip_addr *local,
	u16 lport, const ip_addr *remote, u16 rport)
{
	return &t->by_peer[keyed_hash(t, net, local, lport, remote, rport)];
}

struct hlist_head *way_bucket(struct port_table *t, const struct net *net, const ip_addr *laddr,
	u16 lport, const ip_addr *remote, u16 rport)
{
	return &t->ways[keyed_hash(
		t, net, ip_is_any(laddr) ? &IP_ANY : laddr, lport, remote, rport)];
}

struct hlist_head *place_bucket(
	struct port_table *t, const struct net *net, const ip_addr *laddr, u16 port)
{
	const ip_addr *at = ip_is_any(laddr) ? &IP_ANY : laddr;

	return &t->places[keyed_hash(t, net, at, port, &IP_ANY, 0)];
}

/* ---- which sockets are equal ---- */

static u32 traits_of(const struct inet_sock *i)
{
	bool stream = i->table->stream;

	return (stream && i->listening ? PORT_LISTENS : 0) |
	       (stream && !i->in.by_user && i->rport ? PORT_LENDS : 0) | (u32)i->v6 << 2 |
	       (u32)i->opts.v6only << 3 | (u32)i->c.reuseaddr << 4 | (u32)i->c.reuseport << 5 |
	       (u32)ip_is_v4(&i->laddr) << 6 | (u32)ip_is_any(&i->laddr) << 7;
}

static bool same_kind(const struct inet_sock *a, const struct inet_sock *b)
{
	return a->lport == b->lport && a->net == b->net && a->in.traits == b->in.traits &&
	       a->bound_if == b->bound_if && a->uid == b->uid;
}

static bool same_place(const struct inet_sock *a, const struct inet_sock *b)
{
	return same_kind(a, b) && a->in.group == b->in.group && ip_equal(&a->laddr, &b->laddr);
}

static bool same_way(const struct inet_sock *a, const struct inet_sock *b)
{
	bool flow = has_flow(a);

	return a->lport == b->lport && a->net == b->net && a->bound_if == b->bound_if &&
	       a->v6 == b->v6 && a->opts.v6only == b->opts.v6only && a->in.group == b->in.group &&
	       ip_equal(&a->laddr, &b->laddr) && flow == has_flow(b) &&
	       (!flow || (a->rport == b->rport && ip_equal(&a->raddr, &b->raddr)));
}

/* ---- crowds: kinds and places ---- */

static void crowd_enter(struct hlist_head *h, struct port_crowd *c, struct port_crowd *like)
{
	if (like)
		list_add_tail(&c->kin, &like->kin);
	else
		hlist_add_head(&c->node, h);
}

static void crowd_leave(struct port_crowd *c)
{
	if (!hlist_unhashed(&c->node) && !list_empty(&c->kin))
		hlist_add_at(
			&list_first_entry(&c->kin, struct port_crowd, kin)->node, c->node.pprev);
	hlist_del_init(&c->node);
	list_del_init(&c->kin);
}

static void enter_kind(struct inet_sock *i)
{
	struct hlist_head *h = kind_bucket(i->table, i->net, i->lport);
	struct port_crowd *like = NULL;
	struct inet_sock *o;

	hlist_for_each_entry(o, h, in.kind.node)
		if (same_kind(o, i))
			like = &o->in.kind;
	crowd_enter(h, &i->in.kind, like);
}

static void enter_place(struct inet_sock *i)
{
	struct hlist_head *h = place_bucket(i->table, i->net, &i->laddr, i->lport);
	struct port_crowd *like = NULL;
	struct inet_sock *o;

	hlist_for_each_entry(o, h, in.place.node)
		if (same_place(o, i))
			like = &o->in.place;
	crowd_enter(h, &i->in.place, like);
}

/* ---- rows: ways ---- */

static struct inet_sock *row_entry(struct rb_node *n)
{
	return rb_entry_safe(n, struct inet_sock, in.way.at);
}

static void row_insert(struct rb_root *all, struct inet_sock *i)
{
	struct rb_node **link = &all->node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = i->in.age > row_entry(parent)->in.age ? &parent->left : &parent->right;
	}
	rb_link_node(&i->in.way.at, parent, link);
	rb_insert_color(&i->in.way.at, all);
}

/*
 * Makes @heir, instead of @leader, the socket that is linked in the bucket and has the set's tree.
 */
static void row_hand_over(struct inet_sock *leader, struct inet_sock *heir)
{
	heir->in.way.all = leader->in.way.all;
	hlist_add_at(&heir->in.way.node, leader->in.way.node.pprev);
	hlist_del_init(&leader->in.way.node);
}

static void row_enter(struct hlist_head *h, struct inet_sock *i)
{
	struct inet_sock *o, *like = NULL;

	hlist_for_each_entry(o, h, in.way.node)
		if (same_way(o, i))
			like = o;
	i->in.way.in = true;
	i->in.way.all = RB_ROOT;
	row_insert(like ? &like->in.way.all : &i->in.way.all, i);
	if (!like)
		hlist_add_head(&i->in.way.node, h);
	else if (i->in.age > like->in.age)
		row_hand_over(like, i);
}

static struct inet_sock *row_leader(struct inet_sock *i)
{
	struct rb_node *n = &i->in.way.at;

	while (n->parent)
		n = n->parent;
	while (n->left)
		n = n->left;
	return row_entry(n);
}

static void row_leave(struct inet_sock *i)
{
	struct inet_sock *leader = row_leader(i), *heir;

	i->in.way.in = false;
	rb_erase(&i->in.way.at, &leader->in.way.all);
	if (leader != i)
		return;
	heir = row_entry(rb_first(&i->in.way.all));
	if (heir)
		row_hand_over(i, heir);
	hlist_del_init(&i->in.way.node);
}

struct inet_sock *way_next(const struct inet_sock *o)
{
	return row_entry(rb_next(&o->in.way.at));
}

/* ---- functions for the other files ---- */

void inet_init_ports(struct inet_sock *i)
{
	INIT_HLIST_NODE(&i->in.port_node);
	INIT_HLIST_NODE(&i->in.peer_node);
	INIT_HLIST_NODE(&i->in.kind.node);
	INIT_HLIST_NODE(&i->in.place.node);
	INIT_HLIST_NODE(&i->in.way.node);
	INIT_LIST_HEAD(&i->in.kind.kin);
	INIT_LIST_HEAD(&i->in.place.kin);
	i->in.group_cpu = -1;
}

void ports_join(struct inet_sock *i)
{
	assert_spin_held(&i->table->lock);
	i->in.traits = traits_of(i);
	enter_kind(i);
	enter_place(i);
	if (i->table->stream && !i->listening)
		return;
	if (has_flow(i))
		row_enter(
			way_bucket(i->table, i->net, &i->laddr, i->lport, &i->raddr, i->rport), i);
	else
		row_enter(way_bucket(i->table, i->net, &i->laddr, i->lport, &IP_ANY, 0), i);
	if (i->in.group && !has_flow(i))
		group_offer(i);
}

void ports_leave(struct inet_sock *i)
{
	assert_spin_held(&i->table->lock);
	crowd_leave(&i->in.kind);
	crowd_leave(&i->in.place);
	if (i->in.way.in)
		row_leave(i);
	if (i->in.group)
		group_withdraw(i);
}
