/* SPDX-License-Identifier: MIT */
/*
 * zone.h: the interface between the blocks of free frames (buddy.c) and the allocator in front of
 * them (page_alloc.c). The functions take zone.lock.
 */
#ifndef NESTLING_MM_ZONE_H
#define NESTLING_MM_ZONE_H

#include "kernel/mm/internal.h"

#define NR_KINDS 2
/* kinds of free blocks; USED: the host has memory for at least one of its frames */
#define USED 0
/* all frames of the block read as zeros, and the host has no memory for them */
#define FRESH 1

struct zone {
	spinlock_t lock;
	struct list_head free[MAX_ORDER + 1][NR_KINDS];
	u64 *used_bits;
	u64 nr_free; /* free frames, with those from wild on */
	/* free frames with the used bit: the host has memory for them */
	u64 nr_used_free;
	pfn_t wild, end; /* frames [wild, end) were never allocated */
	/* frames [end, limit) belong to the host (plug.c) */
	pfn_t limit;
	u64 managed; /* frames; written under @lock */
};
extern struct zone zone; /* counts are also read without the lock */

/*
 * Allocates 2^order frames if @reserve frames stay free. PG_zero is set on each frame that is known
 * to be zero; references are not set. NULL: impossible.
 */
struct page *zone_alloc(u32 order, u64 reserve);
/* Allocates up to @max single frames in the same way. Returns how many it stored in @p. */
u32 zone_alloc_frames(struct page **p, u32 max, u64 reserve);
/* Frees a block of frames that have no users and no flags. */
void zone_free(struct page *p, u32 order);
/* Frees single frames. PG_zero must be set only on frames that still are zero. */
void zone_free_frames(struct page *const *p, u32 n);
/*
 * Allocates frames from @pfn on, at most @n, as zone_alloc() does, as far as they lie in one free
 * block. Returns their number. 0: @pfn is in use, or less than @reserve would stay free.
 */
u32 zone_take_at(pfn_t pfn, u32 n, u64 reserve);
/* page_alloc.c: recomputes the watermarks after a change of managed. Does not take zone.lock. */
void zone_set_marks(void);

#endif
