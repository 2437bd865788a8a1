/* SPDX-License-Identifier: MIT */
/* frag.h: IP fragments of both versions; and the path MTU to a destination (pmtu.c). */
#ifndef NESTLING_NET_FRAG_H
#define NESTLING_NET_FRAG_H

#include "kernel/net/net.h"
#include "kernel/net/socket/skb.h"

/*
 * Cuts @skb, which begins with a network header (of IPv6 without options), to pieces of at most
 * @mtu and sends each. Consumes it. 0, -errno.
 */
int ip_fragment(struct sk_buff *skb, u32 mtu, const struct flow *f,
	int (*send)(struct sk_buff *skb, const struct flow *f));
/*
 * Takes a fragment, as ip.c has parsed it. The whole packet with its network header once all are
 * there, else NULL.
 */
struct sk_buff *ip_defrag(struct net *net, struct sk_buff *skb);
/*
 * Takes a fragment like ip_defrag(), among those of an owner with the number @user. Packets to
 * free, @skb too, are moved to @dead.
 */
struct sk_buff *ip_defrag_for(
	struct net *net, u64 user, struct sk_buff *skb, struct list_head *dead);
void frags_net_init(struct net *net);
/* Drops the fragments of a namespace that ends. */
void frags_forget(struct net *net);
void frag_usage(u32 *packets, u32 *memory);

/*
 * Caches for ten minutes that a router on the path to @dst accepts packets of @mtu bytes at most.
 */
void pmtu_learn(struct net *net, const ip_addr *dst, u32 mtu);
/* Returns the known path MTU, at most @mtu. */
u32 pmtu_of(struct net *net, const ip_addr *dst, u32 mtu);

#endif
