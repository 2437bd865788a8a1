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
#include "kernel/sched/task.h"

#include <linux/errno.h>

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

/* ---- filemap.c, readahead.c, writeback.c ---- */

#define PAGE_TRUNCATED (-600) /* the page left its mapping meanwhile: look it up again. Never leaves mm. */
int page_make_uptodate(struct address_space *m, struct page *p, struct file *file);
/* Takes a clean page out of the cache if only the cache and the caller hold it (locked). */
bool remove_unused_page(struct page *p);
/* The same, after the file system agreed; false when it is dirty, mapped or in use. */
bool try_drop_clean_page(struct page *p, struct address_space *m);
void page_cache_readahead(struct address_space *m, struct file *f, u64 index, u64 wanted);
void page_cache_readahead_next(struct address_space *m, struct file *f, struct page *p);
void cancel_dirty_page(struct page *p); /* it leaves the cache; locked */
void wake_flusher(void);
u64 nr_writeback_pages(void);

/* ---- lru.c ---- */

void lru_add(struct page *p);
void lru_del(struct page *p);
void mark_page_accessed(struct page *p);
u64 nr_lru_pages(bool active);
/* Up to @nr pages of the cold end, each with a reference, taken off the list (lru_putback). */
u32 lru_isolate(struct page **pages, u32 nr);
void lru_putback(struct page *p, bool active);

/* ---- rmap.c ---- */

/* Takes the right to write away from all shared mappings of the page (locked); afterwards a write faults. */
void page_mkclean(struct page *p);
/* The same for a range of pages at the price of one flush for each mm. */
void mapping_wrprotect_range(struct address_space *m, u64 first, u64 last);
/* Removes all mappings of a page of the cache (locked). */
void page_unmap_all(struct page *p);

/* ---- stats.c ---- */

void count_cached(struct address_space *m, s64 n);
extern atomic64_t nr_anon_pages, nr_mapped_pages, nr_file_pages, nr_shmem_pages, nr_table_pages;

/* ---- page.c ---- */

void page_waits_init(void);

void wait_on_page_bit(struct page *p, int bit);
/* Clears @bit and wakes whoever waits for any bit of the page. */
void clear_page_bit_wake(struct page *p, int bit);

static inline void sleep_ns(u64 ns)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule_deadline(ktime_get() + ns);
}

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
