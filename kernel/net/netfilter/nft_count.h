/* SPDX-License-Identifier: MIT */
/*
 * nft_count.h: counts the connections whose packets were seen: for iptables' connlimit (by address)
 * and nft's `ct count`.
 *
 * A list holds a reference to each connection and drops those that have ended (or never began)
 * whenever it is read, so its count is always right. Connections are counted as objects of the
 * namespace. Lock: nn->lock.
 */
#ifndef NESTLING_NETFILTER_NFT_COUNT_H
#define NESTLING_NETFILTER_NFT_COUNT_H

#include "kernel/net/netfilter/nft.h"

struct ct_seen;
/* Zeroes: an empty one, which may be copied. */
struct ct_list {
	struct ct_seen *first;
	u32 n;
};
/*
 * Adds the packet's connection to the list if it is not in it, and returns the list's number of
 * connections.
 */
u32 ct_list_see(const struct nft_pkt *p, struct ct_list *l);
void ct_list_end(struct nft_net *nn, struct ct_list *l);

/* Lists by an address. Zeroes: none. */
struct ct_counts {
	struct rb_root root;
	u32 n;
	/* the address that is checked next for being still there */
	ip_addr next;
};
u32 ct_counts_see(const struct nft_pkt *p, struct ct_counts *t, const ip_addr *a);
void ct_counts_end(struct nft_net *nn, struct ct_counts *t);

#endif
