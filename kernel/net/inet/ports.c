/* SPDX-License-Identifier: MIT */
/*
 * ports.c: which sockets may share a port.
 *
 * Sockets may share a port if their addresses differ, by SO_REUSEADDR and SO_REUSEPORT under the
 * rules of socket(7) and ip(7), and as connections to different peers. Sockets of one kind have
 * equal options, device and user. A socket that requests a port is compared with one socket of each
 * kind at that port, however many share it. ports_crowd.c keeps the tables for this: kinds, places
 * (one kind and one address) and ways (sockets that receive the same packets). ports_find.c finds
 * the socket that a packet is for.
 * Locks: table->lock protects all tables; a search for a free port drops it at times.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/inet/ports.h"

struct port_table tcp_ports = { .lock = SPINLOCK_INIT(tcp_ports.lock), .stream = true };
struct port_table udp_ports = { .lock = SPINLOCK_INIT(udp_ports.lock) };
struct port_table udplite_ports = { .lock = SPINLOCK_INIT(udplite_ports.lock) };
struct port_table raw_socks = { .lock = SPINLOCK_INIT(raw_socks.lock) };

struct hlist_head *inet_raw_bucket(const struct net *net, u32 proto)
{
	return way_bucket(&raw_socks, net, &IP_ANY, (u16)proto, &IP_ANY, 0);
}

/* ---- conflicts ---- */

/*
 * True if socket @any, bound to the any-address @from, receives packets to @addr of socket @other.
 * An IPv6 socket may be bound to the any-address of IPv4.
 */
static bool any_covers(const struct inet_sock *any, const ip_addr *from,
	const struct inet_sock *other, const ip_addr *addr)
{
	bool v6 = any->v6 && !ip_is_v4(from);

	if (v6 && !any->opts.v6only)
		return true;
	if (v6)
		return other->v6 && !ip_is_v4(addr);
	return !other->v6 || ip_is_v4(addr) || (ip_is_any(addr) && !other->opts.v6only);
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

/*
 * How a socket may get a port that another socket has (may_share()).
 * SHARE_NOT: not at all; the kernel chooses a port for TCP.
 * SHARE_SAID: by SO_REUSEADDR or SO_REUSEPORT; bind(2) has named the port, or the kernel chooses it
 * for a datagram socket.
 * SHARE_CHOSEN: by SO_REUSEADDR, but not from a member of its SO_REUSEPORT group; the kernel
 * chooses a port for TCP, and none is free.
 */
enum port_share { SHARE_NOT, SHARE_SAID, SHARE_CHOSEN };

/*
 * True if the options of @i and @o let them share a port. A socket to which a BPF program was
 * attached before it was bound has a SO_REUSEPORT group of its own, so SO_REUSEPORT does not let it
 * share a port. A TCP socket joins the group of another one only at a port that bind(2) has named.
 */
static bool may_share(const struct inet_sock *i, const struct inet_sock *o, enum port_share how)
{
	bool group = i->c.reuseport && o->c.reuseport && i->uid == o->uid && !i->in.own_group;

	if (how == SHARE_NOT || group)
		return how == SHARE_SAID;
	return i->c.reuseaddr && o->c.reuseaddr && !(i->table->stream && o->listening);
}

/* True if @o, which has the port that @i requests, prevents @i from getting it. */
static bool in_the_way(const struct inet_sock *i, const ip_addr *laddr, const struct inet_sock *o,
	enum port_share shares)
{
	return o != i && o->net == i->net && !may_share(i, o, shares) &&
	       addresses_overlap(i, laddr, o, &o->laddr);
}

static bool any_in_the_way(const struct inet_sock *i, const ip_addr *laddr, const ip_addr *at,
	u16 port, enum port_share shares)
{
	const struct inet_sock *o;

	hlist_for_each_entry(o, place_bucket(i->table, i->net, at, port), in.place.node)
		if (o->lport == port && in_the_way(i, laddr, o, shares))
			return true;
	return false;
}

/*
 * True if another socket prevents @i from getting @port. For the any-address one socket of each
 * kind decides; for another address only sockets at that address and at the any-address matter.
 */
static bool conflicts(
	const struct inet_sock *i, const ip_addr *laddr, u16 port, enum port_share shares)
{
	const struct inet_sock *o;

	if (!ip_is_any(laddr))
		return any_in_the_way(i, laddr, laddr, port, shares) ||
		       any_in_the_way(i, laddr, &IP_ANY, port, shares);
	hlist_for_each_entry(o, kind_bucket(i->table, i->net, port), in.kind.node)
		if (o->lport == port && in_the_way(i, laddr, o, shares))
			return true;
	return false;
}

/* ---- binding ---- */

void inet_enter_list(struct inet_sock *i, struct hlist_head *h)
{
	assert_spin_held(&i->table->lock);
	i->in.in_table = true;
	i->in.entered = i->in.age = ++i->table->entered;
	hlist_add_head(&i->in.port_node, h);
}

static void hash_port(struct inet_sock *i)
{
	inet_enter_list(i, port_bucket(i->table, i->net, i->lport));
	ports_join(i);
}

/* Gives the socket its port and enters it into the table. After -ENOMEM nothing has changed. */
static int enter_port(struct inet_sock *i, const ip_addr *laddr, u16 port, bool by_user)
{
	ip_addr was = i->laddr;
	int err;

	i->laddr = *laddr;
	i->lport = port;
	err = unlikely(i->c.reuseport) ? group_enter(i) : 0;
	if (err) {
		i->laddr = was;
		i->lport = 0;
		return err;
	}
	i->saddr = *laddr;
	i->in.by_user = by_user;
	hash_port(i);
	return 0;
}

static u32 random_below(u32 n)
{
	u32 r;

	arch_random(&r, sizeof(r));
	return r % n;
}

/*
 * Returns the first port that the kernel may choose for the socket. Sets *@n to the number of such
 * ports.
 */
static u32 port_range(const struct inet_sock *i, u32 *n)
{
	u32 low = (u32)READ_ONCE(i->net->ports.min), high = (u32)READ_ONCE(i->net->ports.max);
	u32 l = READ_ONCE(i->opts.range_low), h = READ_ONCE(i->opts.range_high);

	/* a program may have set only one of the two sysctls so far */
	high = max(low, high);
	if (l >= low && l <= high)
		low = l;
	if (h >= low && h <= high)
		high = h;
	*n = high - low + 1;
	return low;
}

/*
 * True if a connection may share the port of @o, because the kernel chose that port for a
 * connection.
 */
static bool is_shareable(const struct inet_sock *i, const struct inet_sock *o)
{
	return o->net != i->net || (o->in.traits & PORT_LENDS);
}

static bool peer_taken(
	struct inet_sock *i, const ip_addr *saddr, u16 lport, const ip_addr *raddr, u16 rport)
{
	const struct inet_sock *o;

	hlist_for_each_entry(
		o, peer_bucket(i->table, i->net, saddr, lport, raddr, rport), in.peer_node)
		if (o != i && o->net == i->net && o->lport == lport && o->rport == rport &&
			ip_equal(&o->saddr, saddr) && ip_equal(&o->raddr, raddr))
			return true;
	return false;
}

/* A search for a free port: for bind(2) to @laddr, or (@laddr NULL) for a connection. */
struct choosing {
	struct inet_sock *i;
	const ip_addr *laddr;
	const ip_addr *saddr, *raddr;
	u16 rport;
	/* how the port may be shared with another socket */
	enum port_share shares;
};

/* buckets that are searched before table->lock is dropped */
#define AT_ONCE 32

static bool wants_any(const struct choosing *c)
{
	return c->laddr && ip_is_any(c->laddr);
}

static bool bars(const struct choosing *c, const struct inet_sock *o)
{
	if (!c->laddr)
		return !is_shareable(c->i, o);
	if (wants_any(c))
		return in_the_way(c->i, c->laddr, o, c->shares);
	/* @o may bar the port: conflicts() compares the addresses later */
	return o->net == c->i->net;
}

/*
 * Returns the ports in @port's bucket that are taken, or may be taken. Bit n is port n * TABLE_SIZE
 * + @port % TABLE_SIZE.
 */
static u64 taken_beside(const struct choosing *c, u16 port)
{
	const struct inet_sock *i = c->i, *o;
	u64 taken = 0;

	BUILD_BUG_ON(TABLE_SIZE * 64 != 1 << 16);
	hlist_for_each_entry(o, kind_bucket(i->table, i->net, port), in.kind.node)
		if (bars(c, o))
			taken |= 1UL << o->lport / TABLE_SIZE;
	return taken;
}

static bool may_choose(const struct choosing *c, u16 port, u64 taken)
{
	bool barred = taken >> port / TABLE_SIZE & 1;

	if (barred && c->laddr && !wants_any(c))
		barred = conflicts(c->i, c->laddr, port, c->shares);
	return !barred && !port_is_reserved(c->i->net, port) &&
	       (c->laddr || !peer_taken(c->i, c->saddr, port, c->raddr, c->rport));
}

/*
 * Chooses a free port in the bucket of port @low + @first. Returns 0 if none is free there. The
 * kernel may choose the @n ports from @low on. @start: the offset from @low, chosen at random, at
 * which the search of all buckets began.
 */
static u16 choose_beside(const struct choosing *c, u32 low, u32 first, u32 n, u32 start)
{
	u32 m = (n - first + TABLE_SIZE - 1) / TABLE_SIZE;
	u64 taken = taken_beside(c, (u16)(low + first));

	for (u32 j = 0; j < m; j++) {
		u16 port = (u16)(low + first + (start / TABLE_SIZE + j) % m * TABLE_SIZE);

		if (may_choose(c, port, taken))
			return port;
	}
	return 0;
}

/*
 * Chooses a free port, from a random start; returns 0 if there is none. It checks all ports of a
 * bucket together, since a search port by port would walk a bucket for each port. It drops the
 * table's lock at times, but not between the choice of a port and its use. Meanwhile the socket's
 * mutex, inet_sock.op, keeps out other calls for this socket.
 */
static u16 choose(const struct choosing *c)
{
	u32 n, low = port_range(c->i, &n), start = random_below(n);
	u16 port = 0;

	for (u32 k = 0; k < TABLE_SIZE && !port; k++) {
		u32 first = (start + k) % TABLE_SIZE;

		if (k % AT_ONCE == AT_ONCE - 1) {
			spin_unlock(&c->i->table->lock);
			cond_resched();
			spin_lock(&c->i->table->lock);
		}
		if (first < n)
			port = choose_beside(c, low, first, n, start);
	}
	return port;
}

/*
 * Chooses a port for bind(2). A TCP port of another socket is given only if ip_autobind_reuse is
 * set and no other port is left.
 */
static u16 choose_for(struct inet_sock *i, const ip_addr *laddr)
{
	bool stream = i->table->stream;
	struct choosing c = { .i = i, .laddr = laddr, .shares = stream ? SHARE_NOT : SHARE_SAID };
	u16 port = choose(&c);

	if (port || !stream || !READ_ONCE(i->net->ports.autobind_reuse))
		return port;
	c.shares = SHARE_CHOSEN;
	return choose(&c);
}

int inet_get_port(struct inet_sock *i, const ip_addr *laddr, u16 port, bool by_user)
{
	int err = 0;

	spin_lock(&i->table->lock);
	if (port && conflicts(i, laddr, port, SHARE_SAID))
		err = -EADDRINUSE;
	else if (!port && !i->lport)
		port = choose_for(i, laddr);
	if (i->lport)
		err = -EINVAL;
	else if (!port)
		err = -EADDRINUSE;
	if (!err)
		err = enter_port(i, laddr, port, by_user);
	spin_unlock(&i->table->lock);
	return err;
}

int inet_autobind(struct inet_sock *i)
{
	int err = 0;

	if (likely(i->lport))
		return 0;
	mutex_lock(&i->op);
	if (!i->lport)
		err = inet_get_port(i, &i->laddr, 0, false);
	mutex_unlock(&i->op);
	return err == -EADDRINUSE ? -EAGAIN : err;
}

/*
 * Prepares a TCP socket for its peer: keeps the port it has, or chooses one. Removes the socket
 * from kinds, places and ways. Returns 0 or -EADDRNOTAVAIL.
 */
static int port_for_peer(struct inet_sock *i, const ip_addr *saddr, const ip_addr *raddr, u16 rport)
{
	struct choosing c = { i, NULL, saddr, raddr, rport, SHARE_NOT };
	u16 port;

	if (i->lport) {
		if (peer_taken(i, saddr, i->lport, raddr, rport))
			return -EADDRNOTAVAIL;
		if (i->in.in_table)
			ports_leave(i);
		return 0;
	}
	port = choose(&c);
	if (!port)
		return -EADDRNOTAVAIL;
	i->lport = port;
	i->in.by_user = false;
	inet_enter_list(i, port_bucket(i->table, i->net, port));
	return 0;
}

/*
 * Sets the address of a datagram socket, which is bound to the any-address, to @addr, until the
 * socket drops its peer. The socket leaves its SO_REUSEPORT group, since all members of a group
 * have one address.
 */
static void take_address(struct inet_sock *i, const ip_addr *addr)
{
	if (i->in.group)
		group_leave(i);
	i->laddr = *addr;
	i->in.addr_by_connect = true;
}

static int set_peer_locked(
	struct inet_sock *i, const ip_addr *saddr, const ip_addr *raddr, u16 rport)
{
	bool stream = i->table->stream;
	int err = stream ? port_for_peer(i, saddr, raddr, rport) : 0;

	if (err)
		return err;
	if (!stream && port_is_placed(i))
		ports_leave(i);
	if (!stream && ip_is_any(&i->laddr))
		take_address(i, saddr);
	i->saddr = *saddr;
	i->raddr = *raddr;
	i->rport = rport;
	if (port_is_placed(i))
		ports_join(i);
	if (stream)
		hlist_add_head(&i->in.peer_node,
			peer_bucket(i->table, i->net, saddr, i->lport, raddr, rport));
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

/*
 * Makes the socket the youngest at its port and address, without a group, as on Linux. Its place in
 * /proc does not change.
 */
static void begin_again(struct inet_sock *i)
{
	if (i->in.group)
		group_leave(i);
	if (i->in.addr_by_connect)
		i->laddr = IP_ANY;
	i->in.addr_by_connect = false;
	i->in.age = ++i->table->entered;
}

void inet_drop_peer(struct inet_sock *i)
{
	spin_lock(&i->table->lock);
	if (port_is_placed(i))
		ports_leave(i);
	if (i->in.addr_by_connect || i->in.group)
		begin_again(i);
	i->raddr = IP_ANY;
	i->rport = 0;
	i->saddr = i->laddr;
	if (port_is_placed(i))
		ports_join(i);
	spin_unlock(&i->table->lock);
}

static void leave_port(struct inet_sock *i)
{
	if (port_is_placed(i)) {
		ports_leave(i);
		if (i->in.group)
			group_leave(i);
	}
	if (i->in.in_table)
		hlist_del_init(&i->in.port_node);
	i->in.in_table = false;
}

void inet_unhash(struct inet_sock *i)
{
	spin_lock(&i->table->lock);
	leave_port(i);
	hlist_del_init(&i->in.peer_node);
	hlist_del_init(&i->in.way.node); /* a raw socket's link in its bucket */
	spin_unlock(&i->table->lock);
}

/* Enters a listener's child. It shares the listener's port, but joins no group. */
int inet_enter_child(
	struct inet_sock *i, const ip_addr *local, u16 lport, const ip_addr *remote, u16 rport)
{
	int err = -EADDRINUSE;

	spin_lock(&i->table->lock);
	if (!peer_taken(i, local, lport, remote, rport)) {
		i->laddr = *local;
		i->lport = lport;
		inet_enter_list(i, port_bucket(i->table, i->net, lport));
		i->saddr = *local;
		i->raddr = *remote;
		i->rport = rport;
		ports_join(i);
		hlist_add_head(&i->in.peer_node,
			peer_bucket(i->table, i->net, local, lport, remote, rport));
		err = 0;
	}
	spin_unlock(&i->table->lock);
	return err;
}

static bool listener_in_the_way(const struct inet_sock *i, const struct inet_sock *o)
{
	return o != i && o->listening && o->lport == i->lport && o->net == i->net &&
	       !(o->c.reuseport && i->c.reuseport && o->uid == i->uid) &&
	       addresses_overlap(i, &i->laddr, o, &o->laddr);
}

static bool may_listen(const struct inet_sock *i)
{
	const ip_addr *at[] = { &i->laddr, &IP_ANY };
	const struct inet_sock *o;

	hlist_for_each_entry(o, kind_bucket(i->table, i->net, i->lport), in.kind.node)
		if (ip_is_any(&i->laddr) && listener_in_the_way(i, o))
			return false;
	for (u32 k = 0; k < ARRAY_SIZE(at); k++)
		hlist_for_each_entry(
			o, place_bucket(i->table, i->net, at[k], i->lport), in.place.node)
			if (listener_in_the_way(i, o))
				return false;
	return true;
}

int inet_start_listening(struct inet_sock *i)
{
	int err;

	spin_lock(&i->table->lock);
	err = may_listen(i) ? 0 : -EADDRINUSE;
	ports_leave(i);
	if (!err && i->c.reuseport)
		err = group_enter(i);
	if (!err) {
		i->listening = true;
		i->raddr = IP_ANY;
		i->rport = 0;
	}
	ports_join(i);
	spin_unlock(&i->table->lock);
	return err;
}

void inet_stop_listening(struct inet_sock *i)
{
	spin_lock(&i->table->lock);
	if (port_is_placed(i))
		ports_leave(i);
	i->listening = false;
	if (port_is_placed(i))
		ports_join(i);
	spin_unlock(&i->table->lock);
}

/* Keeps the bound port of a connection that has ended; other sockets may share it again. */
static void keep_port(struct inet_sock *i)
{
	if (unlikely(i->c.reuseport) && group_enter(i) && i->in.group)
		group_leave(i); /* no memory: it joins no group */
	if (i->in.in_table)
		ports_join(i);
	else
		hash_port(i);
}

void inet_forget_peer(struct inet_sock *i)
{
	bool keeps;

	spin_lock(&i->table->lock);
	/* keeps: the program chose the port; a child has its listener's port */
	keeps = i->in.by_user && i->lport && !i->accepted;
	hlist_del_init(&i->in.peer_node);
	if (!keeps)
		leave_port(i);
	else if (i->in.in_table)
		ports_leave(i);
	if (i->accepted) {
		i->laddr = i->listened_at;
		i->in.by_user = i->accepted = false;
	}
	i->raddr = IP_ANY;
	i->rport = 0;
	i->saddr = i->laddr;
	if (!keeps && i->lport)
		i->in.old_port = i->lport;
	if (keeps)
		keep_port(i);
	else
		i->lport = 0;
	spin_unlock(&i->table->lock);
}

/* ---- options ---- */

void inet_change_begin(struct inet_sock *i)
{
	spin_lock(&i->table->lock);
	if (port_is_placed(i))
		ports_leave(i);
}

void inet_change_end(struct inet_sock *i)
{
	bool shares = i->c.reuseport && !i->accepted && (!i->table->stream || !i->rport);

	if (port_is_placed(i)) {
		if (!i->c.reuseport && i->in.group)
			group_leave(i);
		else if (shares && !i->in.group)
			(void)group_enter(i); /* no memory: it joins no group */
		ports_join(i);
	}
	spin_unlock(&i->table->lock);
}
