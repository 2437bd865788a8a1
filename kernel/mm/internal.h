/* SPDX-License-Identifier: MIT */
/*
 * internal.h: what the files of kernel/mm share and nobody else sees.
 */
#ifndef NESTLING_MM_INTERNAL_H
#define NESTLING_MM_INTERNAL_H

#include "kernel/mm/mm.h"

#include "arch/um/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

/* ---- buddy.c ---- */

#define MAX_ORDER 10 /* the largest block: 4 MiB */

/* Watermarks in frames. GFP_USER and GFP_KERNEL stop at min; GFP_ATOMIC may use half of what is below it. */
struct zone_marks {
	u64 min, low, high;
};
extern struct zone_marks zone_marks;

void buddy_init(pfn_t first, pfn_t end);
/* 2^order frames that are one extent, each with a reference of its own; PG_zero tells which are known to be zero. NULL. */
struct page *alloc_extent(gfp_t gfp, u32 order);
/* Gives a frame back that nobody has written since it was PG_zero. */
void free_fresh_page(struct page *p);
u64 nr_free_frames(void);
u64 nr_free_resident(void); /* free frames that the host backs, as far as we know */
u64 nr_managed_frames(void);
/* Takes free resident blocks out, for give-back: number of blocks stored in @pfn, @order (at most @max). */
u32 buddy_isolate_resident(pfn_t *pfn, u8 *order, u32 max, u64 frames);
/* Puts an isolated block back; @fresh: it reads as zeros now. */
void buddy_return(pfn_t pfn, u32 order, bool fresh);

/* ---- reclaim.c ---- */

/* Frees frames for an allocation of 2^order; number freed. May sleep. */
u64 try_to_free_pages(gfp_t gfp, u32 order);
void wake_kswapd(void);

/* ---- slab.c ---- */

void slab_init(void);
u64 nr_slab_frames(void);
/* Gives empty slabs back; frames freed. */
u64 slab_shrink(void);

/* ---- page.c ---- */

void page_waits_init(void);

void wait_on_page_bit(struct page *p, int bit);
/* Clears @bit and wakes whoever waits for any bit of the page. */
void clear_page_bit_wake(struct page *p, int bit);

#define count_vm(field, n) ((void)__atomic_fetch_add(&vmstat.field, (n), __ATOMIC_RELAXED))

static inline void clear_page(void *p)
{
	u64 n = PAGE_SIZE / 8;

	__asm__ volatile("rep stosq" : "+D"(p), "+c"(n) : "a"(0UL) : "memory");
}

static inline void copy_page(void *dst, const void *src)
{
	u64 n = PAGE_SIZE / 8;

	__asm__ volatile("rep movsq" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
}

#endif
