/* SPDX-License-Identifier: MIT */
/*
 * ports.c: who has which port, and who gets a packet.
 *
 * A port may be shared: by sockets of different addresses, by SO_REUSEADDR and SO_REUSEPORT under the rules of socket(7) and
 * ip(7), and by connections to different peers. A packet goes to the connection that has its four numbers, else to the
 * socket whose binding fits best. However many share its port, it meets those alone that could be meant: sockets with a peer are found
 * by the four numbers, others by their own address and port. Locks: table->lock for all of it.
 */
#include <asm/errno.h>

#include "arch/um/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/filter.h"
#include "kernel/net/inet.h"

struct port_table tcp_ports = { .lock = SPINLOCK_INIT(tcp_ports.lock), .stream = true };
struct port_table udp_ports = { .lock = SPINLOCK_INIT(udp_ports.lock) };
struct port_table udplite_ports = { .lock = SPINLOCK_INIT(udplite_ports.lock) };
struct port_table raw_socks = { .lock = SPINLOCK_INIT(raw_socks.lock) };

static struct hlist_head *port_bucket(struct port_table *t, const struct net *net, u16 port)
{
	return &t->by_port[(port ^ ((u64)net >> 8)) % TABLE_SIZE];
}

/*
 * Multilinear, with a key that nobody knows: whoever chooses addresses and ports, two connections share a bucket as seldom as random
 * ones do.
 */
static u64 ports_part(struct port_table *t, u16 lport, u16 rport)
{
	while (unlikely(!t->peer_key[PEER_WORDS]))
		arch_random(t->peer_key, sizeof(t->peer_key));
	return t->peer_key[PEER_WORDS] + t->peer_key[8] * ((u32)lport << 16 | rport);
}

/* 0 for IP_ANY. @at: 0 for the local address, 4 for the other. */
static u64 addr_part(const struct port_table *t, u32 at, const ip_addr *a)
{
	u64 h = 0;

	for (u32 i = 0; i < 4; i++)
		h += t->peer_key[at + i] * a->w[i];
	return h;
}

static u32 bucket_of(u64 parts)
{
	return parts >> 32 & (TABLE_SIZE - 1);
}

static u32 keyed_hash(
	struct port_table *t, const ip_addr *local, u16 lport, const ip_addr *remote, u16 rport)
{
	return bucket_of(
		ports_part(t, lport, rport) + addr_part(t, 0, local) + addr_part(t, 4, remote));
}

static struct hlist_head *peer_bucket(
	struct port_table *t, const ip_addr *local, u16 lport, const ip_addr *remote, u16 rport)
{
	return &t->by_peer[keyed_hash(t, local, lport, remote, rport)];
}

static ip_addr net_as_addr(const struct net *net)
{
	return (ip_addr){ { (u32)(u64)net, (u32)((u64)net >> 32), 0, 0 } };
}

/* Of listeners at that address, any or one: their children, and who has the port elsewhere, do not stand in a SYN's way. */
static struct hlist_head *listen_bucket(
	struct port_table *t, const struct net *net, const ip_addr *local, u16 port)
{
	ip_addr whose = net_as_addr(net);

	return &t->listeners[keyed_hash(t, ip_is_any(local) ? &IP_ANY : local, port, &whose, 0)];
}

/* The same with a peer, of datagrams: by what they are bound to. */
static struct hlist_head *flow_bucket(
	struct port_table *t, const ip_addr *laddr, u16 lport, const ip_addr *remote, u16 rport)
{
	return peer_bucket(t, ip_is_any(laddr) ? &IP_ANY : laddr, lport, remote, rport);
}

struct hlist_head *inet_raw_bucket(const struct net *net, u32 proto)
{
	return listen_bucket(&raw_socks, net, &IP_ANY, (u16)proto);
}

/* ---- conflicts ---- */

/* Does @from, the any-address of the one, stand for the other's addresses too? That of IPv4 may be bound by IPv6's sockets. */
static bool any_covers(const struct inet_sock *any, const ip_addr *from,
	const struct inet_sock *other, const ip_addr *addr)
{
	bool v6 = any->v6 && !ip_is_v4(from);

	if (v6 && !any->v6only)
		return true;
	if (v6)
		return other->v6 && !ip_is_v4(addr);
	return !other->v6 || ip_is_v4(addr) || (ip_is_any(addr) && !other->v6only);
}

static bool addresses_overlap(const struct inet_sock *a, const ip_addr *addr,
	const struct inet_sock *b, const ip_addr *baddr)
{
	if (a->bound_if && b->bound_if && a->bound_if != b->bound_if)
		return false;
	if (ip_is_any(addr))
		return any_covers(a, addr, b, baddr);
	if (ip_is_any(baddr))
		return any_covers(b, baddr, a, addr);
	return ip_equal(addr, baddr);
}

/* @i comes to where @o is. Who was given a program before has begun a group, and joins no other. */
static bool may_share(const struct inet_sock *i, const struct inet_sock *o)
{
	if (i->c.reuseport && o->c.reuseport && i->uid == o->uid && !i->own_group)
		return true;
	return i->c.reuseaddr && o->c.reuseaddr && !(i->table->stream && o->listening);
}

/* Has @o, if that is its port, what @i wants? @shares: not where they may share it. */
static bool in_the_way(
	const struct inet_sock *i, const ip_addr *laddr, const struct inet_sock *o, bool shares)
{
	return o != i && o->net == i->net && !(shares && may_share(i, o)) &&
	       addresses_overlap(i, laddr, o, &o->laddr);
}

static bool conflicts(const struct inet_sock *i, const ip_addr *laddr, u16 port)
{
	const struct inet_sock *o;

	hlist_for_each_entry(o, port_bucket(i->table, i->net, port), port_node)
		if (o->lport == port && in_the_way(i, laddr, o, true))
			return true;
	return false;
}

/* ---- binding ---- */

/* One of those that share a port with @i (SO_REUSEPORT)? */
static bool same_group(const struct inet_sock *i, const struct inet_sock *o)
{
	return o->lport == i->lport && o->net == i->net && o->c.reuseport && i->c.reuseport &&
	       o->uid == i->uid && o->v6 == i->v6 && ip_equal(&o->laddr, &i->laddr) && !o->rport;
}

static void join_group(struct inet_sock *i)
{
	struct inet_sock *o;

	hlist_for_each_entry(o, port_bucket(i->table, i->net, i->lport), port_node)
		if (o != i && !i->reuse && o->reuse && same_group(i, o))
			i->reuse = filter_get(o->reuse);
}

static void set_program(struct inet_sock *i, struct sk_filter *f)
{
	filter_put(i->reuse);
	i->reuse = filter_get(f);
}

int inet_reuse_program(struct inet_sock *i, struct sk_filter *f)
{
	struct inet_sock *o;
	int err = 0;

	spin_lock(&i->table->lock);
	if (!i->c.reuseport)
		err = -EINVAL;
	else if (!f && !i->reuse)
		err = -ENOENT;
	if (!err) {
		hlist_for_each_entry(o, port_bucket(i->table, i->net, i->lport), port_node)
			if (o != i && i->in_table && same_group(i, o))
				set_program(o, f);
		set_program(i, f);
		i->own_group |= !i->in_table;
	}
	spin_unlock(&i->table->lock);
	filter_put(f);
	return err;
}

static void leave_peer(struct inet_sock *i)
{
	if (!hlist_unhashed(&i->peer_node))
		hlist_del_init(&i->peer_node);
	if (!hlist_unhashed(&i->listen_node))
		hlist_del_init(&i->listen_node);
}

/* Among those without a peer, who came last before the others: a program counts them in that order. */
static void enter_by_age(struct inet_sock *i, struct hlist_head *h)
{
	struct hlist_node **at = &h->first;

	while (*at && container_of(*at, struct inet_sock, listen_node)->entered > i->entered)
		at = &(*at)->next;
	hlist_add_at(&i->listen_node, at);
}

/* Is the peer one by its port? Of a ping socket that is a number which no packet bears. */
static bool has_flow(const struct inet_sock *i)
{
	return i->rport && i->table != &ping_ids;
}

/* A socket of datagrams has a port, or another peer or none: it goes to where packets look for it. */
static void place_dgram(struct inet_sock *i)
{
	if (i->table->stream || !i->in_table || !i->lport)
		return;
	leave_peer(i);
	if (has_flow(i))
		hlist_add_head(&i->peer_node,
			flow_bucket(i->table, &i->laddr, i->lport, &i->raddr, i->rport));
	else
		enter_by_age(i, listen_bucket(i->table, i->net, &i->laddr, i->lport));
}

void inet_enter_list(struct inet_sock *i, struct hlist_head *h)
{
	assert_spin_held(&i->table->lock);
	i->in_table = true;
	i->entered = ++i->table->entered;
	hlist_add_head(&i->port_node, h);
}

static void hash_port(struct inet_sock *i, const ip_addr *laddr, u16 port, bool by_user)
{
	i->laddr = i->saddr = *laddr;
	i->lport = port;
	i->port_by_user = by_user;
	inet_enter_list(i, port_bucket(i->table, i->net, port));
	place_dgram(i);
}

static void enter_port(struct inet_sock *i, const ip_addr *laddr, u16 port, bool by_user)
{
	hash_port(i, laddr, port, by_user);
	if (unlikely(i->c.reuseport))
		join_group(i);
}

static u32 random_below(u32 n)
{
	u32 r;

	arch_random(&r, sizeof(r));
	return r % n;
}

/* The ports that may be chosen for it: the first, and how many. */
static u32 port_range(const struct inet_sock *i, u32 *n)
{
	u32 low = (u32)READ_ONCE(i->net->port_min), high = (u32)READ_ONCE(i->net->port_max);
	u32 l = READ_ONCE(i->range_low), h = READ_ONCE(i->range_high);

	high = max(low, high); /* one may be new already, the other not yet */
	if (l >= low && l <= high)
		low = l;
	if (h >= low && h <= high)
		high = h;
	*n = high - low + 1;
	return low;
}

/* Only connections whose port nobody has asked for have it: one more is no harm. */
static bool is_shareable(const struct inet_sock *i, const struct inet_sock *o)
{
	return o->net != i->net || (!o->port_by_user && o->rport);
}

static bool peer_taken(
	struct inet_sock *i, const ip_addr *saddr, u16 lport, const ip_addr *raddr, u16 rport)
{
	const struct inet_sock *o;

	hlist_for_each_entry(o, peer_bucket(i->table, saddr, lport, raddr, rport), peer_node)
		if (o != i && o->net == i->net && o->lport == lport && o->rport == rport &&
			ip_equal(&o->saddr, saddr) && ip_equal(&o->raddr, raddr))
			return true;
	return false;
}

/* Who wants a port of our choice: at an address, or (NULL) for a connection. */
struct choosing {
	struct inet_sock *i;
	const ip_addr *laddr;
	const ip_addr *saddr, *raddr;
	u16 rport;
	bool shares; /* one that another socket has will do, where they may share it */
};

/* Of the ports that have @port's bucket those that cannot be had: bit n of n * TABLE_SIZE and what is left of @port. */
static u64 taken_beside(const struct choosing *c, u16 port)
{
	const struct inet_sock *i = c->i, *o;
	u64 taken = 0;

	BUILD_BUG_ON(TABLE_SIZE * 64 != 1 << 16);
	hlist_for_each_entry(o, port_bucket(i->table, i->net, port), port_node)
		if (c->laddr ? in_the_way(i, c->laddr, o, c->shares) : !is_shareable(i, o))
			taken |= 1UL << o->lport / TABLE_SIZE;
	return taken;
}

static bool may_choose(const struct choosing *c, u16 port, u64 taken)
{
	return !(taken >> port / TABLE_SIZE & 1) && !port_is_reserved(c->i->net, port) &&
	       (c->laddr || !peer_taken(c->i, c->saddr, port, c->raddr, c->rport));
}

/*
 * A free one, from a random start; 0: there is none. All ports of a bucket together: where most are taken each of thousands of looks would be at all
 * sockets of a bucket, with the table locked.
 */
static u16 choose(const struct choosing *c)
{
	u32 n, low = port_range(c->i, &n), start = random_below(n);

	for (u32 k = 0; k < TABLE_SIZE; k++) {
		u32 first = (start + k) % TABLE_SIZE, m = (n - first + TABLE_SIZE - 1) / TABLE_SIZE;
		u64 taken;

		if (first >= n)
			continue;
		taken = taken_beside(c, (u16)(low + first));
		for (u32 j = 0; j < m; j++) {
			u16 port = (u16)(low + first + (start / TABLE_SIZE + j) % m * TABLE_SIZE);

			if (may_choose(c, port, taken))
				return port;
		}
	}
	return 0;
}

/* One of TCP's that another socket has is given out only where ip_autobind_reuse says so, and no other is left. */
static u16 choose_for(struct inet_sock *i, const ip_addr *laddr)
{
	bool stream = i->table->stream;
	struct choosing c = { .i = i, .laddr = laddr, .shares = !stream };
	u16 port = choose(&c);

	if (port || !stream || !READ_ONCE(i->net->autobind_reuse))
		return port;
	c.shares = true;
	return choose(&c);
}

int inet_get_port(struct inet_sock *i, const ip_addr *laddr, u16 port, bool by_user)
{
	int err = 0;

	spin_lock(&i->table->lock);
	if (i->lport)
		err = -EINVAL;
	else if (port)
		err = conflicts(i, laddr, port) ? -EADDRINUSE : 0;
	else
		port = choose_for(i, laddr);
	if (!err && !port)
		err = -EADDRINUSE;
	if (!err)
		enter_port(i, laddr, port, by_user);
	spin_unlock(&i->table->lock);
	return err;
}

static int set_peer_locked(
	struct inet_sock *i, const ip_addr *saddr, const ip_addr *raddr, u16 rport)
{
	if (i->table->stream) {
		if (!i->lport) {
			struct choosing c = { i, NULL, saddr, raddr, rport, false };
			u16 port = choose(&c);

			if (!port)
				return -EADDRNOTAVAIL;
			enter_port(i, &i->laddr, port, false);
		} else if (peer_taken(i, saddr, i->lport, raddr, rport)) {
			return -EADDRNOTAVAIL;
		}
		hlist_add_head(&i->peer_node, peer_bucket(i->table, saddr, i->lport, raddr, rport));
	}
	i->saddr = *saddr;
	i->raddr = *raddr;
	i->rport = rport;
	place_dgram(i);
	return 0;
}

int inet_set_peer(struct inet_sock *i, const ip_addr *saddr, const ip_addr *raddr, u16 rport)
{
	int err;

	spin_lock(&i->table->lock);
	err = set_peer_locked(i, saddr, raddr, rport);
	spin_unlock(&i->table->lock);
	return err;
}

void inet_drop_peer(struct inet_sock *i)
{
	spin_lock(&i->table->lock);
	i->raddr = IP_ANY;
	i->rport = 0;
	i->saddr = i->laddr;
	place_dgram(i);
	spin_unlock(&i->table->lock);
}

static void leave_port(struct inet_sock *i)
{
	if (i->in_table)
		hlist_del_init(&i->port_node);
	i->in_table = false;
}

void inet_unhash(struct inet_sock *i)
{
	spin_lock(&i->table->lock);
	leave_port(i);
	leave_peer(i);
	spin_unlock(&i->table->lock);
}

int inet_enter_child(
	struct inet_sock *i, const ip_addr *local, u16 lport, const ip_addr *remote, u16 rport)
{
	int err = -EADDRINUSE;

	spin_lock(&i->table->lock);
	if (!peer_taken(i, local, lport, remote, rport)) {
		bool by_user = i->port_by_user;

		hash_port(i, local, lport,
			by_user); /* it shares the listener's, but is of no group */
		err = set_peer_locked(i, local, remote, rport);
	}
	spin_unlock(&i->table->lock);
	return err;
}

int inet_start_listening(struct inet_sock *i)
{
	const struct inet_sock *o;
	int err = 0;

	spin_lock(&i->table->lock);
	hlist_for_each_entry(o, port_bucket(i->table, i->net, i->lport), port_node)
		if (o != i && o->listening && o->lport == i->lport && o->net == i->net &&
			!(o->c.reuseport && i->c.reuseport) &&
			addresses_overlap(i, &i->laddr, o, &o->laddr))
			err = -EADDRINUSE;
	if (!err) {
		i->listening = true;
		i->raddr = IP_ANY;
		i->rport = 0;
		if (hlist_unhashed(&i->listen_node))
			hlist_add_head(&i->listen_node,
				listen_bucket(i->table, i->net, &i->laddr, i->lport));
	}
	spin_unlock(&i->table->lock);
	return err;
}

void inet_stop_listening(struct inet_sock *i)
{
	spin_lock(&i->table->lock);
	if (!hlist_unhashed(&i->listen_node))
		hlist_del_init(&i->listen_node);
	i->listening = false;
	spin_unlock(&i->table->lock);
}

void inet_forget_peer(struct inet_sock *i)
{
	bool keeps;

	spin_lock(&i->table->lock);
	keeps = i->port_by_user && i->lport && !i->accepted; /* that port is the listener's */
	leave_peer(i);
	if (!keeps)
		leave_port(i);
	if (i->accepted) {
		i->laddr = i->listened_at;
		i->port_by_user = i->accepted = false;
	}
	i->raddr = IP_ANY;
	i->rport = 0;
	i->saddr = i->laddr;
	if (!keeps && i->lport)
		i->old_port = i->lport;
	if (!keeps)
		i->lport = 0;
	else if (!i->in_table)
		enter_port(i, &i->laddr, i->lport, true);
	else if (unlikely(i->c.reuseport))
		join_group(i);
	spin_unlock(&i->table->lock);
}

/* ---- lookup ---- */

static bool family_takes(const struct inet_sock *i, const ip_addr *addr)
{
	if (!i->v6 || ip_is_v4(&i->laddr))
		return ip_is_v4(addr);
	return !ip_is_v4(addr) || !i->v6only;
}

bool inet_matches(const struct inet_sock *i, struct net *net, const ip_addr *local, u16 lport,
	const ip_addr *remote, u16 rport, int ifindex)
{
	if (i->net != net || i->lport != lport || !family_takes(i, local))
		return false;
	if (i->bound_if && i->bound_if != ifindex)
		return false;
	if (!ip_is_any(&i->laddr) && !ip_equal(&i->laddr, local))
		return false;
	return !has_flow(i) || (i->rport == rport && ip_equal(&i->raddr, remote));
}

/* How well it fits: the more it has said, the better. */
static int fitness(const struct inet_sock *i)
{
	return (has_flow(i) ? 8 : 0) + (ip_is_any(&i->laddr) ? 0 : 4) + (i->bound_if ? 2 : 0) +
	       (i->v6 ? 0 : 1);
}

struct inet_sock *inet_lookup_peer(struct port_table *t, struct net *net, const ip_addr *local,
	u16 lport, const ip_addr *remote, u16 rport, int ifindex)
{
	struct inet_sock *i, *found = NULL;

	spin_lock(&t->lock);
	hlist_for_each_entry(i, peer_bucket(t, local, lport, remote, rport), peer_node) {
		if (i->net == net && i->lport == lport && i->rport == rport &&
			ip_equal(&i->saddr, local) && ip_equal(&i->raddr, remote) &&
			(!i->bound_if || i->bound_if == ifindex)) {
			found = i;
			inet_get(i);
			break;
		}
	}
	spin_unlock(&t->lock);
	return found;
}

/* What is looked for, and the packet where there is one. */
struct wanted {
	struct net *net;
	const ip_addr *local, *remote;
	u16 lport, rport;
	int ifindex;
	const struct sk_buff *skb;
	u32 skip;
};

static bool candidate(const struct port_table *t, const struct inet_sock *i, const struct wanted *w)
{
	return (!t->stream || i->listening) &&
	       inet_matches(i, w->net, w->local, w->lport, w->remote, w->rport, w->ifindex);
}

/*
 * Of several that fit equally (SO_REUSEPORT) a flow gets one by its numbers, and always the same while they do not change; or
 * the one that a program names. Those that want what comes in on this processor (SO_INCOMING_CPU) are before the others.
 */
struct choice {
	u32 hash, n; /* of @n that fit as well as @best */
	u32 here;    /* so many of them want this processor */
	struct inet_sock *best;
	bool by_index; /* a program has named the one at @n, counted from the one that came first */
};

static bool wants_here(const struct inet_sock *i)
{
	return unlikely(i->c.rare.cpu_wanted) &&
	       (u32)READ_ONCE(i->c.rare.incoming_cpu) == (u32)smp_processor_id();
}

/* False: it has been found, and is in @c. */
static bool consider(
	const struct port_table *t, struct inet_sock *i, const struct wanted *w, struct choice *c)
{
	int better;

	if (!candidate(t, i, w))
		return true;
	better = c->best ? fitness(i) - fitness(c->best) : 1;
	if (c->by_index && !better && !c->n--) {
		c->best = i;
		return false;
	}
	if (c->by_index)
		return true;
	if (better > 0) {
		c->n = 1;
		c->here = wants_here(i);
		c->best = i;
	} else if (better == 0 && i->c.reuseport) {
		c->n++;
		if (wants_here(i) ? (c->hash >> 8) % ++c->here == 0 :
				    !c->here && (c->hash >> 8) % c->n == 0)
			c->best = i;
	}
	return true;
}

/* Those of @h by peer_node, or by listen_node. */
static void look_at_peers(
	struct port_table *t, const struct wanted *w, struct hlist_head *h, struct choice *c)
{
	struct inet_sock *i;

	hlist_for_each_entry(i, h, peer_node)
		consider(t, i, w, c);
}

static void look_at_list(
	struct port_table *t, const struct wanted *w, struct hlist_head *h, struct choice *c)
{
	struct inet_sock *i;

	hlist_for_each_entry(i, h, listen_node)
		if (!consider(t, i, w, c))
			return;
}

static void look_at_listeners(
	struct port_table *t, const struct wanted *w, const ip_addr *at, struct choice *c)
{
	look_at_list(t, w, listen_bucket(t, w->net, at, w->lport), c);
}

/* A program chooses in the group of @c->best; what it names is not there: that one stays. */
static void ask_program(struct port_table *t, const struct wanted *w, struct choice *c)
{
	struct filter_view v = {
		.skb = w->skb,
		.back = -(s32)w->skip,
		.net = -(s32)(skb_network_back(w->skb) + w->skip),
	};
	u32 index = sock_filter_view(c->best->reuse, &v, skb_len(w->skb) - w->skip);

	if (index >= c->n)
		return;
	c->n -= index + 1; /* those that came last stand first */
	c->by_index = true;
	look_at_listeners(t, w, &c->best->laddr, c);
}

/*
 * Who has the packet's sender as its peer fits better than who has none, and one at its address better than one at any: fitness(). Four buckets at most,
 * flow_bucket() and listen_bucket() of both addresses, whose hashes have parts in common.
 */
static void look_at_dgrams(struct port_table *t, const struct wanted *w, struct choice *c)
{
	ip_addr whose = net_as_addr(w->net);
	u64 flow = ports_part(t, w->lport, w->rport) + addr_part(t, 4, w->remote),
	    here = addr_part(t, 0, w->local), none;

	look_at_peers(t, w, &t->by_peer[bucket_of(flow + here)], c);
	if (!c->best)
		look_at_peers(t, w, &t->by_peer[bucket_of(flow)], c);
	if (c->best)
		return;
	none = ports_part(t, w->lport, 0) + addr_part(t, 4, &whose);
	look_at_list(t, w, &t->listeners[bucket_of(none + here)], c);
	if (!c->best)
		look_at_list(t, w, &t->listeners[bucket_of(none)], c);
}

static struct inet_sock *lookup(struct port_table *t, const struct wanted *w)
{
	struct choice c = { .hash = (ip_hash(w->remote) ^ w->rport) * 0x9e3779b1U };

	spin_lock(&t->lock);
	if (t->stream) {
		look_at_listeners(t, w, w->local, &c);
		look_at_listeners(t, w, &IP_ANY, &c);
	} else {
		look_at_dgrams(t, w, &c);
	}
	if (c.best && unlikely(c.best->reuse) && w->skb && c.best->c.reuseport && !c.best->rport)
		ask_program(t, w, &c);
	if (c.best)
		inet_get(c.best);
	spin_unlock(&t->lock);
	return c.best;
}

struct inet_sock *inet_lookup_port(struct port_table *t, struct net *net, const ip_addr *local,
	u16 lport, const ip_addr *remote, u16 rport, int ifindex)
{
	struct wanted w = { net, local, remote, lport, rport, ifindex, NULL, 0 };

	return lookup(t, &w);
}

struct inet_sock *inet_lookup_packet(
	struct port_table *t, struct net *net, const struct sk_buff *skb, u32 skip)
{
	bool proxy = unlikely(skb->proxy_port);
	struct wanted w = { net, proxy ? &skb->proxy : &skb->ip.daddr, &skb->ip.saddr,
		proxy ? skb->proxy_port : skb->dport, skb->sport, skb->dev->ifindex, skb, skip };

	return lookup(t, &w);
}

static bool is_for(const struct inet_sock *i, struct net *net, const struct sk_buff *skb)
{
	return inet_matches(
		i, net, &skb->ip.daddr, skb->dport, &skb->ip.saddr, skb->sport, skb->dev->ifindex);
}

void inet_lookup_all(
	struct port_table *t, struct net *net, const struct sk_buff *skb, struct list_head *copies)
{
	const ip_addr *at[] = { &skb->ip.daddr, &IP_ANY }, *from = &skb->ip.saddr;
	struct inet_sock *i;

	spin_lock(&t->lock);
	for (u32 k = 0; k < ARRAY_SIZE(at); k++) {
		hlist_for_each_entry(
			i, flow_bucket(t, at[k], skb->dport, from, skb->sport), peer_node)
			if (is_for(i, net, skb))
				dgram_copy_for(i, skb, copies);
		hlist_for_each_entry(i, listen_bucket(t, net, at[k], skb->dport), listen_node)
			if (is_for(i, net, skb))
				dgram_copy_for(i, skb, copies);
	}
	spin_unlock(&t->lock);
}
