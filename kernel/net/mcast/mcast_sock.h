/* SPDX-License-Identifier: MIT */
/*
 * mcast_sock.h: the multicast groups of a socket (mcast_sock.c). inet_setsockopt() calls
 * inet_mc_set() first, with op held. inet_wants_group() decides whether a multicast is queued at
 * the socket. Locks: memberships change under op and c.lock.
 */
#ifndef NESTLING_NET_MCAST_SOCK_H
#define NESTLING_NET_MCAST_SOCK_H

#include "kernel/net/inet/inet_sock.h"

/* net.ipv6.mld_max_msf: most sources in a filter of an IPv6 group */
extern int sysctl_mld_max_msf;
/* True unless @skb is for a multicast group that the socket does not accept. Takes c.lock. */
bool inet_wants_group(struct inet_sock *i, const struct sk_buff *skb);
/*
 * Finds the device for @group: that with @ifindex, or with the address @by_addr (network byte
 * order), or if both are 0 the device of the route to @group. Returns 0 or -ENODEV. *@out becomes
 * its ifindex, *@id its dev->id.
 */
int inet_mc_device(
	struct inet_sock *i, const ip_addr *group, int ifindex, u32 by_addr, int *out, u64 *id);
/*
 * Sets an option about groups and sources. @val: in program memory. May sleep. op held. Returns 0
 * or -errno, -ENOPROTOOPT for another option.
 */
int inet_mc_set(struct inet_sock *i, bool v6, int opt, uaddr_t val, u32 len);
/*
 * Serves IP_MSFILTER and MCAST_MSFILTER: the value in program memory contains the request, and is
 * overwritten by the answer. *@len: its length, before and after. May sleep. Takes op. Returns 0 or
 * -errno, -ENOPROTOOPT for another option.
 */
int inet_mc_get(struct socket *s, int level, int opt, uaddr_t val, u32 *len);
/* Leaves all groups of a socket that no other task uses. */
void inet_mc_drop(struct inet_sock *i);
/* Leaves the IPv6 groups of a socket. op held. */
void inet_mc_drop_v6(struct inet_sock *i);

#endif
