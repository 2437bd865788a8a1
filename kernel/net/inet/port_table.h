/* SPDX-License-Identifier: MIT */
/*
 * port_table.h: the ports of a protocol: which sockets have them, and which socket a packet is for.
 *
 * Call sequence: inet_init_ports() for a new socket; inet_get_port(), inet_set_peer(),
 * inet_start_listening() or inet_enter_child() give it ports and addresses; the functions
 * inet_lookup_*() find the socket; inet_unhash() removes it.
 * Files: ports.c (which sockets may share a port), ports_crowd.c (the places of a socket),
 * ports_group.c (SO_REUSEPORT), ports_find.c (lookups), ports_walk.c (walks), ports_reserved.c.
 * These files share the header ports.h.
 * Locks: port_table.lock (spin), the innermost of a socket's locks. Functions take it unless their
 * comment says that it is held, and do not sleep. Ports are in host byte order.
 */
#ifndef NESTLING_NET_PORT_TABLE_H
#define NESTLING_NET_PORT_TABLE_H

#include "kernel/net/inet/inet_sock.h"

struct seq;
struct sk_filter;

#define TABLE_BITS 10
#define TABLE_SIZE (1 << TABLE_BITS)
#define WAYS_SIZE 4096
#define PEER_WORDS 10 /* two addresses, two ports, a namespace */

/* The ports of one protocol, over all namespaces. All fields are protected by `lock`. */
struct port_table {
	spinlock_t lock;
	/* sockets with a local port, by in.port_node */
	struct hlist_head by_port[TABLE_SIZE];
	/* one of each set of sockets of the same kind (ports_crowd.c), by in.kind */
	struct hlist_head kinds[TABLE_SIZE];
	/* one of each set of sockets of the same kind and address, by in.place */
	struct hlist_head places[WAYS_SIZE];
	/* TCP sockets that have a peer, by in.peer_node */
	struct hlist_head by_peer[WAYS_SIZE];
	/* listeners, and datagram sockets that can receive, by in.way */
	struct hlist_head ways[WAYS_SIZE];
	/* secret key for the hashes of `places`, by_peer and `ways`; all 0 until the first use */
	u64 peer_key[PEER_WORDS + 1];
	struct hlist_head raw; /* raw sockets, which have no ports */
	/* number of entries into by_port and raw so far, for inet_place.entered */
	u64 entered;
	/* TCP's ports */
	bool stream;
};
extern struct port_table tcp_ports, udp_ports, udplite_ports, raw_socks;
/* Ping sockets; the identifier of an echo request is their port. */
extern struct port_table ping_ids;

/* ---- ports.c, and inet_init_ports() of ports_crowd.c ---- */

/* Prepares the inet_place of a new socket. */
void inet_init_ports(struct inet_sock *i);
/*
 * Binds the socket to @laddr and @port, or for 0 to a port of the kernel's choice. @by_user:
 * bind(2) named the port. Returns 0, -EADDRINUSE, -ENOMEM, or -EINVAL if it has a port already.
 */
int inet_get_port(struct inet_sock *i, const ip_addr *laddr, u16 port, bool by_user);
/*
 * Binds a socket without a port to one of the kernel's choice, before it sends. Takes op. Returns
 * 0, -EAGAIN if no port is free, or -ENOMEM.
 */
int inet_autobind(struct inet_sock *i);
/*
 * Sets the peer and the source address; a TCP socket without a port gets one. Returns 0, or for a
 * TCP socket -EADDRNOTAVAIL if no port is free, or another socket has these addresses and ports.
 */
int inet_set_peer(struct inet_sock *i, const ip_addr *saddr, const ip_addr *raddr, u16 rport);
/* Drops the peer of a datagram socket. The port stays. */
void inet_drop_peer(struct inet_sock *i);
/* Removes the socket from the table, so that no lookup finds it. */
void inet_unhash(struct inet_sock *i);
/* Enters a listener's child with its addresses and ports. Returns 0 or -EADDRINUSE. */
int inet_enter_child(
	struct inet_sock *i, const ip_addr *local, u16 lport, const ip_addr *remote, u16 rport);
/* Makes a bound socket a listener. Returns 0, -EADDRINUSE, or -ENOMEM. */
int inet_start_listening(struct inet_sock *i);
/* Ends listening: lookups no longer find the socket as a listener. It keeps its port. */
void inet_stop_listening(struct inet_sock *i);
/* Drops the peer of a connection that has ended, and frees its port if the kernel chose it. */
void inet_forget_peer(struct inet_sock *i);
/*
 * Enclose a change of a property that affects the sharing of ports: SO_REUSEADDR, SO_REUSEPORT, the
 * device, the family, the preferred CPU. table->lock is held in between.
 */
void inet_change_begin(struct inet_sock *i);
void inet_change_end(struct inet_sock *i);

/* ---- ports_find.c ---- */

/*
 * Return the socket that a packet is for, with a reference, or NULL. inet_lookup_peer() finds only
 * a socket that is connected to @remote. @ifindex: the device that received the packet.
 */
struct inet_sock *inet_lookup_peer(struct port_table *t, struct net *net, const ip_addr *local,
	u16 lport, const ip_addr *remote, u16 rport, int ifindex);
struct inet_sock *inet_lookup_port(struct port_table *t, struct net *net, const ip_addr *local,
	u16 lport, const ip_addr *remote, u16 rport, int ifindex);
/*
 * Looks up the socket for the addresses and ports of @skb, as inet_lookup_port() does. If sockets
 * share the port, a program may choose one by the payload, which begins @skip bytes behind the
 * front of @skb.
 */
struct inet_sock *inet_lookup_packet(
	struct port_table *t, struct net *net, const struct sk_buff *skb, u32 skip);
struct dgram_crowd;
/* Adds to @c all sockets that a multicast or broadcast packet is for, each with a reference. */
void inet_lookup_all(
	struct port_table *t, struct net *net, const struct sk_buff *skb, struct dgram_crowd *c);
/* True if the socket receives packets between these addresses and ports. table->lock held. */
bool inet_matches(const struct inet_sock *i, struct net *net, const ip_addr *local, u16 lport,
	const ip_addr *remote, u16 rport, int ifindex);

/* ---- ports_group.c ---- */

/*
 * Sets the program that chooses among the sockets that share @i's port, NULL: none. Consumes the
 * reference to @f. Returns 0, -EINVAL if the port is not shared, -ENOENT if there was no program to
 * remove, or -ENOMEM.
 */
int inet_reuse_program(struct inet_sock *i, struct sk_filter *f);
/* Drops a group that the unbound socket has begun, when its last reference is dropped. */
void ports_drop_group(struct inet_sock *i);

/* ---- ports_reserved.c: ip_local_reserved_ports ---- */

/* True if the kernel must not choose @port by itself. Takes no lock. */
bool port_is_reserved(const struct net *net, u16 port);
/* Shows the set bits among @nr as a list of ranges, "1,5-9". */
void bits_show(struct seq *s, const u64 *bits, u32 nr);
/*
 * Parses a list of ranges in the @n bytes of @text, and sets their bits among the @nr at @bits.
 * @cut: the program has written more than the part in @text. Returns the number of bytes parsed, or
 * -EINVAL.
 */
ssize_t bits_take(char *text, size_t n, bool cut, u64 *bits, u32 nr);
/* Prints the file ip_local_reserved_ports of current's namespace. Returns 0. */
int ports_show_reserved(struct seq *s, void *arg);
/*
 * Sets the reserved ports of current's namespace from @text, for proc_is_list(). May sleep. Returns
 * the number of bytes used, -EINVAL or -ENOMEM.
 */
ssize_t ports_store_reserved(char *text, size_t n, bool cut, loff_t pos);

/* ---- ports_walk.c ---- */

/* Adds the socket to @h, which is a bucket of by_port, or raw. table->lock held. */
void inet_enter_list(struct inet_sock *i, struct hlist_head *h);
/*
 * Returns the bucket of raw sockets of @net and protocol @proto, linked by in.way.node. The lock of
 * raw_socks is held.
 */
struct hlist_head *inet_raw_bucket(const struct net *net, u32 proto);
/*
 * A walk over all sockets that have a port or are raw, some at a time:
 *
 *      struct port_walk w = { .table = t };
 *      while (ports_walk(&w, 128, fn, arg))       calls @fn with table->lock held, for 128 at most;
 *         cond_resched();                         returns false at the end
 *      ports_walk_end(&w);
 *
 * The walk visits a socket once if it is in the table from beginning to end. It does not visit a
 * socket that enters the table meanwhile, so the walk ends.
 */
struct port_walk {
	struct port_table *table;
	u32 bucket;
	/* in.entered of the newest socket when the walk began */
	u64 newest;
	/* in.entered of the socket visited last in this bucket, 0: none yet */
	u64 behind;
	/* socket visited last, with a reference, NULL: none */
	struct inet_sock *at;
};
bool ports_walk(
	struct port_walk *w, u32 most, void (*fn)(struct inet_sock *i, void *arg), void *arg);
/* Ends a walk, also before it has visited all sockets: drops w->at. */
void ports_walk_end(struct port_walk *w);
/* Returns the number of sockets of a family in @t (net_proc.c). May sleep. */
u32 net_count_socks(struct port_table *t, bool v6);
/*
 * Returns the number of TCP connections, of both families, in ESTABLISHED and CLOSE-WAIT
 * (net_proc.c). May sleep.
 */
u32 net_count_established(void);

#endif
