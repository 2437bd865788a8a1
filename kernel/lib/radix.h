/* SPDX-License-Identifier: MIT */
/*
 * radix.h: a sparse array of pointers indexed by u64, 64 slots a node, and an id allocator on top
 * of it. Used by the page cache, pid maps and tables of ids. No locks: the owner locks, for lookups
 * too, since removed nodes are freed at once. Nothing sleeps: nodes come from kmalloc(GFP_ATOMIC).
 */
#ifndef NESTLING_LIB_RADIX_H
#define NESTLING_LIB_RADIX_H

#include "kernel/lib/types.h"

struct radix_node;
struct radix {
	struct radix_node *root;
	u32 height;
};
#define RADIX_INIT                                                                                 \
	{                                                                                          \
		NULL, 0                                                                            \
	}

/* Returns the item, or NULL. */
void *radix_lookup(const struct radix *r, u64 index);
/*
 * Copies the items at @index, @index + 1 and so on to @items: up to the first missing one, the end
 * of a node, or @nr items. Returns how many. So more may follow after a short run.
 */
u32 radix_run(const struct radix *r, u64 index, u32 nr, void **items);
/* Inserts @item, which is not NULL. Returns 0, -EEXIST, -ENOMEM. */
int radix_insert(struct radix *r, u64 index, void *item);
/*
 * Replaces an existing item by @item, which is not NULL, and returns the old one. NULL: there was
 * none, and nothing is replaced.
 */
void *radix_replace(struct radix *r, u64 index, void *item);
/* Removes and returns the item, or returns NULL if there is none. */
void *radix_delete(struct radix *r, u64 index);
/* Returns the first item with index >= *index, and sets *index to its index; or NULL. */
void *radix_next(const struct radix *r, u64 *index);
/*
 * Inserts @item, which is not NULL, at the lowest free index in [min, max]. Returns the index,
 * -ENOSPC or -ENOMEM.
 */
s64 radix_alloc(struct radix *r, u64 min, u64 max, void *item);

#endif
