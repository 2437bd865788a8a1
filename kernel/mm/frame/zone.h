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
	/* Free blocks of each order and kind, by page->lru. */
	struct list_head free[MAX_ORDER + 1][NR_KINDS];
	/* Bit n: the host has memory for frame n, as far as is known. */
	u64 *used_bits;
	/* Free frames: includes [wild, end), excludes the frames in vCPUs' caches. */
	u64 nr_free;
	/* Free frames whose bit in used_bits is set. */
	u64 nr_used_free;
	pfn_t wild, end; /* frames [wild, end) were never allocated */
	/* Frames [end, limit) belong to the host (plug.c). */
	pfn_t limit;
	/* Number of frames that this allocator manages, free or allocated. */
	u64 managed;
};
/* All members are under @lock; counts are also read without the lock. */
extern struct zone zone;

/*
 * Allocates 2^order frames if @reserve frames stay free. Sets PG_zero on each frame that is known
 * to be zero, and no references. Returns NULL if fewer than 2^order + @reserve frames are free, or
 * no block is large enough.
 */
struct page *zone_alloc(u32 order, u64 reserve);
/*
 * Allocates up to @max single frames into @p, as zone_alloc() does, while more than @reserve frames
 * are free. Returns the number of frames.
 */
u32 zone_alloc_frames(struct page **p, u32 max, u64 reserve);
/* Frees a block of frames that have no users and no flags. */
void zone_free(struct page *p, u32 order);
/* Frees single frames. PG_zero must be set only on frames that still are zero. */
void zone_free_frames(struct page *const *p, u32 n);
/*
 * Allocates frames from @pfn on, at most @n, as zone_alloc() does, as far as they lie in one free
 * block. Returns their number. 0: @pfn is in no free block, or fewer than @n + @reserve frames are
 * free.
 */
u32 zone_take_at(pfn_t pfn, u32 n, u64 reserve);
/* page_alloc.c: recomputes the watermarks after a change of zone.managed. Takes no lock. */
void zone_set_marks(void);

#endif
