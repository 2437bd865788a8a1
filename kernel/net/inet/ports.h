/* SPDX-License-Identifier: MIT */
/*
 * ports.h: internal interface of ports.c (which sockets may share a port), ports_crowd.c (the
 * places of a socket), ports_group.c (SO_REUSEPORT) and ports_find.c (which socket a packet is
 * for). table->lock is held in all functions. Ports are in host byte order.
 */
#ifndef NESTLING_NET_PORTS_H
#define NESTLING_NET_PORTS_H

#include "kernel/net/inet/inet.h"

/* ---- ports_crowd.c ---- */

/* bits of inet_place.traits, by which sockets at one port differ */
#define PORT_LISTENS 1U
/* a connection whose port the kernel chose, so that other connections may share it */
#define PORT_LENDS 2U

/* True if packets carry the peer's port. Packets of a ping socket do not. */
static inline bool has_flow(const struct inet_sock *i)
{
	return i->rport && i->table != &ping_ids;
}
/* True if the socket is in kinds and places: it has a port, and is not raw. */
static inline bool port_is_placed(const struct inet_sock *i)
{
	return i->in.in_table && i->lport && i->table != &raw_socks;
}

/*
 * A hash of addresses, ports and namespace is the sum of three parts, which several lookups share.
 * Returns the part for the ports and the namespace.
 */
u64 ports_part(struct port_table *t, const struct net *net, u16 lport, u16 rport);
/*
 * Returns the part for address @a; 0 for IP_ANY. @at: the first word of peer_key for @a: 0 for the
 * local address, 4 for the remote one.
 */
u64 addr_part(const struct port_table *t, u32 at, const ip_addr *a);
/* Returns the index in `ways`, `places` and by_peer for a hash, the sum of its parts. */
static inline u32 way_of(u64 parts)
{
	return parts >> 32 & (WAYS_SIZE - 1);
}
/* Return a bucket of by_port, kinds, places and by_peer. */
struct hlist_head *port_bucket(struct port_table *t, const struct net *net, u16 port);
struct hlist_head *kind_bucket(struct port_table *t, const struct net *net, u16 port);
struct hlist_head *place_bucket(
	struct port_table *t, const struct net *net, const ip_addr *laddr, u16 port);
struct hlist_head *peer_bucket(struct port_table *t, const struct net *net, const ip_addr *local,
	u16 lport, const ip_addr *remote, u16 rport);
/*
 * Returns a bucket of table->ways. For a datagram socket without a peer, @rport is 0 and @remote
 * IP_ANY.
 */
struct hlist_head *way_bucket(struct port_table *t, const struct net *net, const ip_addr *laddr,
	u16 lport, const ip_addr *remote, u16 rport);

/*
 * Adds a socket to `kinds`, `places` and `ways`. The properties that select its buckets there do
 * not change until ports_leave().
 */
void ports_join(struct inet_sock *i);
/* Removes a socket from `kinds`, `places` and `ways`. */
void ports_leave(struct inet_sock *i);
/*
 * Returns the next of the sockets that @first represents in a bucket of ways: for (o = first; o; o
 * = way_next(o)).
 */
struct inet_sock *way_next(const struct inet_sock *o);

/* ---- ports_group.c ---- */

/* Adds a bound socket to the group of sockets that share its port. Returns 0 or -ENOMEM. */
int group_enter(struct inet_sock *i);
/* Removes the socket from its group, whose last member frees it. */
void group_leave(struct inet_sock *i);
/* Adds a member to its group's candidates for packets. */
void group_offer(struct inet_sock *i);
/* Removes a member from its group's candidates for packets. */
void group_withdraw(struct inet_sock *i);
/* Returns the member for a flow with this hash, without a reference. The group has a candidate. */
struct inet_sock *group_pick(const struct reuse_group *g, u32 hash);
/*
 * Returns the member that the group's program chooses, without a reference; NULL: none. @skip:
 * bytes from the front of @skb to the payload.
 */
struct inet_sock *group_ask(const struct reuse_group *g, const struct sk_buff *skb, u32 skip);

#endif
