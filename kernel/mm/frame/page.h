/* SPDX-License-Identifier: MIT */
/*
 * page.h: struct page, the kernel's descriptor of one frame of memory: flags, references, and its
 * place in a file's cache.
 *
 * get_page() and put_page() count references; the last one frees the frame. lock_page() sleeps. It
 * keeps content, mapping and index of a cached page unchanged during I/O and truncation.
 */
#ifndef NESTLING_MM_PAGE_H
#define NESTLING_MM_PAGE_H

#include "arch/um/layout.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

struct address_space;
struct mem_group;

/* page->flags */
/* lock_page(): I/O or truncation is in progress */
#define PG_locked 0
#define PG_uptodate 1  /* content is valid */
#define PG_dirty 2     /* content is newer than the disk's */
#define PG_writeback 3 /* being written to the disk */
#define PG_error 4     /* a read or write failed */
#define PG_referenced 5
#define PG_lru 6
#define PG_active 7
#define PG_slab 8
#define PG_buddy 9
#define PG_anon 11
#define PG_private 12 /* page->private belongs to the file system */
#define PG_reserved 13
#define PG_zero 14 /* known to read as zeros */
#define PG_waiters 15
#define PG_readahead 18 /* a read of it starts the next readahead */
/* a frame of a region other than 0, in use: its content is read-only (region.h) */
#define PG_direct 20
/* reclaim has removed its mappings: the next mapping counts as a use */
#define PG_idle 21
/* a frame of a huge page (hugetlb.h); the last put_page() gives it back to that page */
#define PG_huge 22
/* program text with patched call sites in some mm: page_text_changed() before it changes */
#define PG_patched 19
/* anonymous: shared by a fork, and without a sole owner since (cow.c) */
#define PG_forked 23
/* merged by ksm.c, which has a reference: not written while this is set */
#define PG_ksm 24
/* kernel memory that is charged to a memory group */
#define PG_kmem 25

struct page {
	u64 flags; /* PG_*, atomic bits */
	/* changed by get_page() and put_page() */
	atomic_t refcount;
	/* number of page table entries that map the frame */
	atomic_t mapcount;
	/* the file in whose cache it is, or NULL (also of anonymous pages); under mapping->lock */
	struct address_space *mapping;
	u64 index; /* page number in the mapping */
	/* in a list of reclaim (lru_lock), or in a free list of buddy.c (zone.lock) */
	struct list_head lru;
	u64 private; /* of the file system, buddy.c or slab.c */
	/* the memory group that is charged for it, or NULL (memcg.c) */
	struct mem_group *memcg;
};

extern struct page *mem_map; /* struct pages of region 0, by pfn */
extern u64 max_pfn;          /* frames of region 0 */
/* Convert between a frame's number and its page. The frame, of any region, exists (pfn_valid()). */
struct page *pfn_to_page(pfn_t pfn);
pfn_t page_to_pfn(const struct page *p);
static inline void *pfn_to_virt(pfn_t pfn)
{
	return (void *)(KERNEL_MAP_BASE + (pfn << PAGE_SHIFT));
}
static inline void *page_address(const struct page *p)
{
	return pfn_to_virt(page_to_pfn(p));
}
/* Returns the page that contains @p, an address of the direct map. */
struct page *virt_to_page(const void *p);
/* True if these bytes lie in frames of region 0, not in stacks or static data. */
static inline bool in_direct_map(const void *p, size_t n)
{
	u64 off = (u64)p - KERNEL_MAP_BASE, size = max_pfn << PAGE_SHIFT;

	return off < size && n <= size - off;
}

/* Takes a reference. The caller has a reference already, or a lock that keeps one. */
static inline void get_page(struct page *p)
{
	atomic_inc(&p->refcount);
}
/* Drops a reference; the last one frees the frame. Does not sleep. */
void put_page(struct page *p);
/*
 * Puts the references of page table entries to @n pages. A frame that is freed and still known to
 * read as zeros keeps PG_zero. Does not sleep.
 */
void free_page_batch(struct page **pages, u32 n);

/*
 * Sleeps until the page is locked. The caller has a reference. Any task or interrupt may unlock it.
 */
void lock_page(struct page *p);
/*
 * As lock_page(), for a page of a file whose content a process must provide (FUSE). Returns 0, or
 * -EINTR with the page not locked if current is killed.
 */
int lock_page_killable(struct page *p);
/* True if it has locked the page. Does not sleep. */
bool trylock_page(struct page *p);
void unlock_page(struct page *p);
/*
 * Ends the read of a locked page and unlocks it. @err: 0 sets PG_uptodate, -errno sets PG_error. In
 * any context.
 */
void end_page_read(struct page *p, int err);
/* Sleep until the page is not locked, or not under writeback. The caller has a reference. */
void wait_on_page_locked(struct page *p);
void wait_on_page_writeback(struct page *p);
/*
 * Ends what set_page_writeback() began: clears PG_writeback, wakes up the waiters, and puts the
 * reference. In any context.
 */
void end_page_writeback(struct page *p);
#define PAGE_FLAG_OPS(Name, bit)                                                                   \
	static inline bool Page##Name(const struct page *p)                                        \
	{                                                                                          \
		return test_bit(bit, &p->flags);                                                   \
	}                                                                                          \
	static inline void SetPage##Name(struct page *p)                                           \
	{                                                                                          \
		set_bit(bit, &p->flags);                                                           \
	}                                                                                          \
	static inline void ClearPage##Name(struct page *p)                                         \
	{                                                                                          \
		clear_bit(bit, &p->flags);                                                         \
	}
PAGE_FLAG_OPS(Locked, PG_locked)
PAGE_FLAG_OPS(Uptodate, PG_uptodate)
PAGE_FLAG_OPS(Dirty, PG_dirty)
PAGE_FLAG_OPS(Writeback, PG_writeback)
PAGE_FLAG_OPS(Error, PG_error)
PAGE_FLAG_OPS(Private, PG_private)
PAGE_FLAG_OPS(Anon, PG_anon)
PAGE_FLAG_OPS(Direct, PG_direct)

#endif
