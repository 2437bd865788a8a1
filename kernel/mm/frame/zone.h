/* SPDX-License-Identifier: MIT */
/*
 * zone.h: the interface between the blocks of free frames (buddy.c) and the allocator in front of
 * them (page_alloc.c). The functions take zone.lock.
 */
#ifndef NESTLING_MM_ZONE_H
#define NESTLING_MM_ZONE_H

#include "kernel/mm/internal.h"

#define NR_KINDS 2
/* holds at least one frame that the host backs */
#define USED 0
/* all of it reads as zeros and is not backed */
#define FRESH 1

struct zone {
	spinlock_t lock;
	struct list_head free[MAX_ORDER + 1][NR_KINDS];
	u64 *used_bits;
	u64 nr_free;      /* wild + free */
	u64 nr_used_free; /* free frames with their bit set */
	pfn_t wild, end;  /* frames [wild, end) were never handed out */
	/* those in [end, limit) are not the guest's (plug.c) */
	pfn_t limit;
	u64 managed; /* written under the lock, read without */
};
extern struct zone zone; /* others read its counts, without the lock */

/*
 * Allocates 2^order frames if @reserve stay free. Each has PG_zero if it is known to be zero. NULL:
 * there are none.
 */
struct page *zone_alloc(u32 order, u64 reserve);
u32 zone_alloc_frames(struct page **p, u32 max, u64 reserve); /* single ones: how many */
/* Frees a block without users, its flags cleared. */
void zone_free(struct page *p, u32 order);
/* Frees single frames, PG_zero where they are still zero. */
void zone_free_frames(struct page *const *p, u32 n);
/*
 * Takes the frames from @pfn on, at most @n, that lie in one free block, as zone_alloc() does, and
 * returns their number. 0: @pfn is in use, or less than @reserve would stay free.
 */
u32 zone_take_at(pfn_t pfn, u32 n, u64 reserve);
void zone_set_marks(void); /* page_alloc.c: zone.managed has changed */

#endif
