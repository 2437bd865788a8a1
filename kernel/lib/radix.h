/* SPDX-License-Identifier: MIT */
/*
 * radix.h: a sparse array of pointers indexed by u64, 64 slots a node, and an id allocator on top of it.
 * Used by the page cache, pid maps and tables of ids. No locks: the owner locks. Allocates nodes with kmalloc.
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

/* NULL when there is none. */
void *radix_lookup(const struct radix *r, u64 index);
/*
 * The items of @index, @index + 1 and so on into @items, up to the first that is missing and at most @nr: how many. There may be more: a run
 * ends where a node does.
 */
u32 radix_run(const struct radix *r, u64 index, u32 nr, void **items);
/* 0, -EEXIST, -ENOMEM. @item is not NULL. */
int radix_insert(struct radix *r, u64 index, void *item);
/* Replaces what is there (must be there); the old item. */
void *radix_replace(struct radix *r, u64 index, void *item);
/* Removes and returns; NULL when there was none. */
void *radix_delete(struct radix *r, u64 index);
/* The first item with index >= *index, which is set to its index; NULL when there is none. */
void *radix_next(const struct radix *r, u64 *index);
/* Inserts at the lowest free index in [min, max]; the index, -ENOSPC or -ENOMEM. */
s64 radix_alloc(struct radix *r, u64 min, u64 max, void *item);

#endif
