/* SPDX-License-Identifier: MIT */
/*
 * port_table.h: the ports of a protocol: which sockets have them, and which socket a packet is for.
 *
 * Call sequence: inet_init_ports() for a new socket; inet_get_port(), inet_set_peer(),
 * inet_start_listening() or inet_enter_child() give it numbers; inet_lookup_packet() and its
 * relatives find it; inet_unhash() removes it.
 * Files: ports.c (which sockets may share a port), ports_crowd.c (the place of a socket),
 * ports_group.c (SO_REUSEPORT), ports_find.c (lookups), ports_walk.c (walks), ports_reserved.c.
 * They share ports.h.
 * Locks: port_table.lock (spin), innermost of a socket's locks; these functions take it unless they
 * say that it is held.
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

/* The ports of one protocol. All protected by lock. */
struct port_table {
	spinlock_t lock;
	/* sockets with a local port, by in.port_node */
	struct hlist_head by_port[TABLE_SIZE];
	/* one of each set of equal sockets, by in.kind */
	struct hlist_head kinds[TABLE_SIZE];
	/* one of each set of equal sockets with address and port, by in.place */
	struct hlist_head places[WAYS_SIZE];
	/* streams that have a peer, by in.peer_node */
	struct hlist_head by_peer[WAYS_SIZE];
	/* listeners, and datagram sockets that packets may be for, by in.way */
	struct hlist_head ways[WAYS_SIZE];
	/* key of the hashes of the last three; all 0 until the first use */
	u64 peer_key[PEER_WORDS + 1];
	struct hlist_head raw; /* raw sockets, which have no ports */
	/* sockets that have ever entered by_port or raw */
	u64 entered;
	bool stream;
};
extern struct port_table tcp_ports, udp_ports, udplite_ports, raw_socks;
/* Ping sockets: an identifier is a port. */
extern struct port_table ping_ids;

/* ---- ports.c ---- */

/* Prepares a new socket. */
void inet_init_ports(struct inet_sock *i);
/* Gives the socket port @port, or for 0 one of the kernel's choice. 0 or -EADDRINUSE. */
int inet_get_port(struct inet_sock *i, const ip_addr *laddr, u16 port, bool by_user);
/* Sets peer and source; a stream without a port gets one. 0 or -EADDRNOTAVAIL. */
int inet_set_peer(struct inet_sock *i, const ip_addr *saddr, const ip_addr *raddr, u16 rport);
/* Drops the peer of a datagram socket. The port stays. */
void inet_drop_peer(struct inet_sock *i);
/* Takes the socket out of the table. */
void inet_unhash(struct inet_sock *i);
/* Enters a listener's child with its four numbers. 0 or -EADDRINUSE. */
int inet_enter_child(
	struct inet_sock *i, const ip_addr *local, u16 lport, const ip_addr *remote, u16 rport);
/* Makes the socket a listener. 0 or -EADDRINUSE. */
int inet_start_listening(struct inet_sock *i);
void inet_stop_listening(struct inet_sock *i);
/* Drops the peer of a connection that has ended, and frees its port if the kernel chose it. */
void inet_forget_peer(struct inet_sock *i);
/*
 * Enclose a change of a property that decides about sharing a port: SO_REUSEADDR, SO_REUSEPORT, the
 * device, the family, the preferred processor. table->lock is held in between.
 */
void inet_change_begin(struct inet_sock *i);
void inet_change_end(struct inet_sock *i);

/* ---- ports_find.c ---- */

/* Each of these returns the socket that a packet is for, with a reference, or NULL. */
struct inet_sock *inet_lookup_peer(struct port_table *t, struct net *net, const ip_addr *local,
	u16 lport, const ip_addr *remote, u16 rport, int ifindex);
struct inet_sock *inet_lookup_port(struct port_table *t, struct net *net, const ip_addr *local,
	u16 lport, const ip_addr *remote, u16 rport, int ifindex);
/*
 * Looks up by the numbers of @skb. A program may choose by its payload, @skip bytes from its front.
 */
struct inet_sock *inet_lookup_packet(
	struct port_table *t, struct net *net, const struct sk_buff *skb, u32 skip);
/* Collects all sockets that a packet to a group is for. */
struct dgram_crowd;
void inet_lookup_all(
	struct port_table *t, struct net *net, const struct sk_buff *skb, struct dgram_crowd *c);
/* True if the socket takes packets between these addresses and ports. table->lock held. */
bool inet_matches(const struct inet_sock *i, struct net *net, const ip_addr *local, u16 lport,
	const ip_addr *remote, u16 rport, int ifindex);

/* ---- ports_group.c ---- */

/*
 * Sets the program that chooses among the sockets of @i's port, NULL: none; takes the reference.
 * 0, -EINVAL: the port is not shared, -ENOENT: there was no program to drop.
 */
int inet_reuse_program(struct inet_sock *i, struct sk_filter *f);
/* Drops a group of the socket's own, when the last reference has gone. */
void ports_drop_group(struct inet_sock *i);

/* ---- ports_reserved.c: ip_local_reserved_ports ---- */

/* True if the kernel may not choose @port. */
bool port_is_reserved(const struct net *net, u16 port);
/* Shows a map of @nr bits as a list of ranges, "1,5-9". */
void bits_show(struct seq *s, const u64 *bits, u32 nr);
/*
 * Parses such a list into a map; the text continues if @cut. Returns the bytes parsed, or -EINVAL.
 */
ssize_t bits_take(char *text, size_t n, bool cut, u64 *bits, u32 nr);
int ports_show_reserved(struct seq *s, void *arg);
ssize_t ports_store_reserved(char *text, size_t n, bool cut, loff_t pos); /* proc_is_list() */

/* ---- ports_walk.c ---- */

/* Enters by_port's or raw's list @h. table->lock held. */
void inet_enter_list(struct inet_sock *i, struct hlist_head *h);
/* Returns the bucket of raw sockets of @net for protocol @proto, linked by in.way.node. */
struct hlist_head *inet_raw_bucket(const struct net *net, u32 proto);
/*
 * A walk over all sockets that have a port, or are raw, some at a time:
 *
 *      struct port_walk w = { .table = t };
 *      while (ports_walk(&w, 128, fn, arg))       calls @fn with table->lock held, for 128 at most;
 *         false at the end cond_resched();
 *      ports_walk_end(&w);
 *
 * A socket that is there from the walk's beginning to its end is met once. A socket that enters
 * meanwhile is not met, so the walk ends.
 */
struct port_walk {
	struct port_table *table;
	u32 bucket;
	/* in.entered of the last socket there when the walk began */
	u64 newest;
	/* in.entered of the last socket that was met in the bucket, 0: none yet */
	u64 behind;
	/* last socket of the walk, with a reference, NULL: none */
	struct inet_sock *at;
};
bool ports_walk(
	struct port_walk *w, u32 most, void (*fn)(struct inet_sock *i, void *arg), void *arg);
void ports_walk_end(struct port_walk *w);
/* Returns how many sockets of a family are in @t (net_proc.c). May sleep. */
u32 net_count_socks(struct port_table *t, bool v6);

#endif
