/* SPDX-License-Identifier: MIT */
/* frag.h: IP fragments of both versions (frag.c), and the path MTU to a destination (pmtu.c). */
#ifndef NESTLING_NET_FRAG_H
#define NESTLING_NET_FRAG_H

#include "kernel/net/net.h"
#include "kernel/net/socket/skb.h"

/*
 * Cuts @skb into fragments of at most @mtu bytes, network header included, and passes each to
 * @send, which consumes it. @skb begins with its network header; IPv6's may be followed by
 * hop-by-hop options, which each fragment repeats. Consumes @skb. Returns 0, -EMSGSIZE if @mtu is
 * too small, -ENOBUFS, or the first error of @send, after which the rest is dropped.
 */
int ip_fragment(struct sk_buff *skb, u32 mtu, const struct flow *f,
	int (*send)(struct sk_buff *skb, const struct flow *f));
/*
 * Consumes a fragment that ip.c has parsed. Returns the whole packet with its network header, owned
 * by the caller, once all its fragments have arrived, else NULL.
 */
struct sk_buff *ip_defrag(struct net *net, struct sk_buff *skb);
/*
 * Takes a fragment like ip_defrag(), but joins it only with fragments of the same @user: the
 * network layer (0), or a fanout group of AF_PACKET. Moves packets that the caller must free once
 * its locks are released, perhaps @skb too, to @dead.
 */
struct sk_buff *ip_defrag_for(
	struct net *net, u64 user, struct sk_buff *skb, struct list_head *dead);
/* Sets the defaults of a new namespace. */
void frags_net_init(struct net *net);
/* Drops all fragments of a namespace that ends. */
void frags_forget(struct net *net);
/*
 * Returns the number of incomplete packets on the machine, and the bytes that their fragments are
 * charged.
 */
void frag_usage(u32 *packets, u32 *memory);

/*
 * Caches, for mtu_expires seconds (sysctl), that the path to @dst carries packets of at most @mtu
 * bytes. Raises an @mtu below the least value to that value: min_pmtu (sysctl) for IPv4, or 1280.
 * Keeps an entry that has not expired unless @mtu is below it.
 */
void pmtu_learn(struct net *net, const ip_addr *dst, u32 mtu);
/* Returns the cached path MTU to @dst if it is below @mtu, else @mtu. */
u32 pmtu_of(struct net *net, const ip_addr *dst, u32 mtu);

#endif
