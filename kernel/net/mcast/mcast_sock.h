/* SPDX-License-Identifier: MIT */
/*
 * mcast_sock.h: the multicast groups of a socket (mcast_sock.c). inet_setsockopt() calls this file
 * first, with op held. inet_wants_group() decides whether a packet to a group is queued. Locks:
 * memberships change under op and c.lock.
 */
#ifndef NESTLING_NET_MCAST_SOCK_H
#define NESTLING_NET_MCAST_SOCK_H

#include "kernel/net/inet/inet_sock.h"

extern int sysctl_mld_max_msf;
/* True unless @skb is for a multicast group that the socket does not accept. */
bool inet_wants_group(struct inet_sock *i, const struct sk_buff *skb);
/* Finds the device of a group, by number, address or route: 0 or -ENODEV; its number and id. */
int inet_mc_device(
	struct inet_sock *i, const ip_addr *group, int ifindex, u32 by_addr, int *out, u64 *id);
/* Sets an option about groups and sources; -ENOPROTOOPT for other options. op held. */
int inet_mc_set(struct inet_sock *i, bool v6, int opt, uaddr_t val, u32 len);
/*
 * Reads IP_MSFILTER and MCAST_MSFILTER, and writes the answer over the question. -ENOPROTOOPT for
 * other options.
 */
int inet_mc_get(struct socket *s, int level, int opt, uaddr_t val, u32 *len);
/* Leaves all groups of a socket that has no other user. */
void inet_mc_drop(struct inet_sock *i);
/* Leaves all groups of IPv6. op held. */
void inet_mc_drop_v6(struct inet_sock *i);

#endif
