/* SPDX-License-Identifier: MIT */
/*
 * prefix.h: a hash of networks (address and prefix length). A search for the networks that contain
 * an address costs one lookup for each prefix length in use, not one for each network.
 *
 *      struct prefix_hash h;           all 0: empty
 *      prefix_set(&n, space, &net, 96 + 24);
 *      prefix_ready(&h) && prefix_add(&h, &n, NULL);
 *      for (bits = prefix_longest(&lens, 128); bits >= 0; bits = prefix_longest(&lens, bits - 1))
 *         for (p = prefix_first(&h, space, bits, &addr); p; p = prefix_next(&h, p))
 *
 * A space is a number that the owner of the hash chooses (a table of routes, a kind of addresses);
 * a search in one space finds no network of another. Nodes of one network are found in the order
 * that the owner gives them. The hash has a random key, so no sender can choose which networks
 * share a bucket. It grows with its content.
 * Locks: the owner holds its own lock around each call. No function sleeps.
 */
#ifndef NESTLING_NET_PREFIX_H
#define NESTLING_NET_PREFIX_H

#include "kernel/lib/list.h"
#include "kernel/net/inet/addr.h"

struct prefix_node {
	struct list_head list; /* in the list of a bucket */
	ip_addr net;           /* the bits behind the prefix are 0 */
	u32 space;
	u8 bits; /* prefix length; IPv4's are 96 to 128 */
};
struct prefix_hash {
	struct list_head *buckets; /* NULL: no node was ever added */
	u32 size, nr;              /* numbers of buckets and of nodes */
};
/* The prefix lengths in use, and how many nodes there are of each. */
struct prefix_lens {
	u64 set[3];  /* a bit for each length in use */
	u16 nr[129]; /* number of nodes, by length */
};

/*
 * Makes the first buckets. Returns true if the hash has buckets, which prefix_add() requires;
 * false: no memory.
 */
bool prefix_ready(struct prefix_hash *h);
/* Frees the buckets of a hash. The nodes are the owner's. */
void prefix_free(struct prefix_hash *h);
/* Sets up a node for the first @bits bits (of 128) of @net. */
void prefix_set(struct prefix_node *n, u32 space, const ip_addr *net, u32 bits);
/*
 * Adds @n before @before, a node of the same network; NULL: behind all nodes of the network.
 * prefix_ready() must have returned true.
 */
void prefix_add(struct prefix_hash *h, struct prefix_node *n, struct prefix_node *before);
/* Removes a node that is in the hash. */
void prefix_del(struct prefix_hash *h, struct prefix_node *n);
/*
 * Returns the first node in @space of the network with the first @bits bits of @a. NULL: there is
 * none.
 */
struct prefix_node *prefix_first(
	const struct prefix_hash *h, u32 space, u32 bits, const ip_addr *a);
/* Returns the node behind @n that has the space and network of @n. NULL: there is none. */
struct prefix_node *prefix_next(const struct prefix_hash *h, const struct prefix_node *n);

/* Count and uncount a node of prefix length @bits (of 128). */
void prefix_len_add(struct prefix_lens *l, u32 bits);
void prefix_len_del(struct prefix_lens *l, u32 bits);
/* Returns the longest length in use that is at most @most; -1: there is none. */
int prefix_longest(const struct prefix_lens *l, int most);

#endif
