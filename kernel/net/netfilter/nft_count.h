/* SPDX-License-Identifier: MIT */
/*
 * nft_count.h: counts connections whose packets were seen: by address for iptables' connlimit, and
 * for nft's `ct count`.
 *
 * A list holds a reference to each connection. Each read first drops connections that have ended,
 * and those whose first packet was dropped, so the count is right. Each entry counts as an object
 * of the namespace.
 * Lock: nn->lock, held in the _see functions, and in the _end functions while packets may use the
 * list. No function sleeps.
 */
#ifndef NESTLING_NETFILTER_NFT_COUNT_H
#define NESTLING_NETFILTER_NFT_COUNT_H

#include "kernel/net/netfilter/nft.h"

struct ct_seen;
/* All zero: an empty list, which may be copied. */
struct ct_list {
	struct ct_seen *first;
	u32 n;
};
/*
 * Adds the packet's connection to the list unless it is there already. Returns the number of
 * connections in the list, one more if there was no memory or room to add the connection.
 */
u32 ct_list_see(const struct nft_pkt *p, struct ct_list *l);
/* Empties the list. */
void ct_list_end(struct nft_net *nn, struct ct_list *l);

/* A list for each address. All zero: no list. */
struct ct_counts {
	struct rb_root root;
	u32 n;
	/* address at which the next sweep begins */
	ip_addr next;
};
/*
 * Adds the packet's connection to the list of @a. Returns the number of connections in that list, 0
 * for a packet without a connection, ~0 if there is no memory or room for a new list.
 */
u32 ct_counts_see(const struct nft_pkt *p, struct ct_counts *t, const ip_addr *a);
/* Empties all lists. */
void ct_counts_end(struct nft_net *nn, struct ct_counts *t);

#endif
