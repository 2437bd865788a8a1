/* SPDX-License-Identifier: MIT */
/*
 * address_space.h: a file as mm sees it: its cached pages, the areas that map it, and the
 * operations by which its file system reads and writes pages.
 *
 * mm knows the file itself only as an opaque struct inode and struct file, by mm_file_ops
 * (kernel/mm/mm_ops.h).
 *
 * Locks: lock (spins) for the pages and counts, i_mmap_sem (sleeps) for the areas, invalidate_lock
 * (sleeps) against truncation.
 */
#ifndef NESTLING_MM_ADDRESS_SPACE_H
#define NESTLING_MM_ADDRESS_SPACE_H

#include "arch/um/machine/pmap.h"
#include "kernel/lib/alloc.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/radix.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"

struct address_space;
struct backing_dev;
struct file;
struct huge_file;
struct inode;
struct page;

/*
 * Readahead of one open file: a window [start, start + size), whose last @async pages were read
 * before they were asked for. Racy.
 */
struct file_ra {
	u64 start;
	u32 size, async;
	u64 prev;   /* the page that was read last; ~0: none */
	u32 misses; /* faults on a mapping that found nothing */
	u8 advice;  /* RA_* */
};
/* POSIX_FADV_RANDOM: reads only the requested pages */
#define RA_RANDOM 1
#define RA_SEQUENTIAL 2 /* twice the window */
#define RA_NOREUSE 4    /* reading it is no reason to keep it */

struct writeback_control {
	bool sync;       /* wait for it: fsync, sync */
	u64 nr_to_write; /* decremented */
	u64 start, end;  /* byte range, end inclusive */
};

struct address_space_operations {
	/*
	 * Fills a locked page and unlocks it when done (SetPageUptodate or SetPageError). 0 or
	 * -errno (page unlocked too).
	 */
	int (*readpage)(struct file *file, struct page *page);
	/*
	 * Of memory-only files: as readpage, but with what @data has; the page stays locked. 0, or
	 * -errno and it has left the cache.
	 */
	int (*fillpage)(struct page *page, const void *data);
	/*
	 * Starts reads for pages [index, index+nr) that it adds to the cache with
	 * add_to_page_cache; may do nothing. NULL: by readpage.
	 */
	void (*readahead)(struct address_space *m, struct file *file, u64 index, u32 nr);
	/* Writes dirty pages of the range out. */
	int (*writepages)(struct address_space *m, struct writeback_control *wbc);
	/*
	 * A write of [pos, pos+len) within one page: returns the page locked and prepared (uptodate
	 * where needed).
	 */
	int (*write_begin)(struct file *file, struct address_space *m, loff_t pos, u32 len,
		struct page **page, void **fsdata);
	/*
	 * @copied bytes were put there; unlocks and puts the page, extends i_size. Returns @copied
	 * or -errno.
	 */
	int (*write_end)(struct file *file, struct address_space *m, loff_t pos, u32 len,
		u32 copied, struct page *page, void *fsdata);
	/*
	 * A shared mapping is about to dirty the page (blocks must exist). Page locked on return. 0
	 * or -errno (SIGBUS).
	 */
	int (*page_mkwrite)(struct file *file, struct page *page);
	/* The page leaves the cache from @offset on (truncate); drops page->private. */
	void (*invalidatepage)(struct page *page, u32 offset);
	bool (*releasepage)(struct page *page); /* may reclaim take it? */
	/*
	 * Tells whether pages [index, index + n) can be frames of a region (direct.c): returns n (1
	 * to @nr), *pfn the first of n frames in a row, or 0: those n are to be read.
	 * invalidate_lock is held for reading. NULL: never.
	 */
	u32 (*direct)(struct address_space *m, u64 index, u32 nr, pfn_t *pfn);
	/* tmpfs: pages are the data, never dropped while in the cache; no write-back */
	bool memory_only;
	/* FUSE: a page's content may never come, so a waiter can be killed */
	bool from_process;
	/*
	 * reached only by mapping a page, not by get_user_page(), so by no debugger and no device
	 */
	bool secret;
};

struct address_space {
	struct inode *host;
	const struct address_space_operations *a_ops;
	spinlock_t lock;
	struct radix pages;   /* index -> struct page *, under @lock */
	u64 nrpages, nrdirty; /* under @lock */
	atomic_t nrwriteback;
	/* VMAs that map it, by vm_pgoff; under i_mmap_sem */
	struct rb_root i_mmap;
	struct list_head i_mmap_list; /* the tree's areas as a list */
	struct rwsem i_mmap_sem;
	/*
	 * for writing: truncation and holes, from before pages go until blocks have gone; for
	 * reading: adding a page to be read
	 */
	struct rwsem invalidate_lock;
	gfp_t gfp;
	/* the newest error of write-back, under @lock; see mapping_wb_check() */
	int wb_err;
	u32 wb_err_seq; /* how many there were, under @lock */
	/* the value of wb_err_seq up to which errors were reported to files; protected by @lock */
	u32 wb_err_seen;
	u64 dirty_first, dirty_last; /* all dirty pages lie within, under @lock */
	/* where its pages are written to; NULL: nowhere in particular */
	struct backing_dev *bdi;
	/* list of mappings with dirty pages, under wb_lock */
	struct list_head dirty_link;
	u64 dirtied_when; /* ktime, under wb_lock */
	/* shared writable mappings, for seals and denials */
	atomic_t i_mmap_writable;
	void (*mark_inode_dirty)(struct inode *inode); /* set by vfs: pages became dirty */
	/* hugetlb.h: a file of huge pages, which @pages knows nothing of; NULL */
	struct huge_file *huge;
};
void address_space_init(
	struct address_space *m, struct inode *host, const struct address_space_operations *ops);
/* Returns i_size of the host inode, which vfs provides through mm_ops. */
loff_t mapping_size(struct address_space *m);

/*
 * Counts a writable mapping in i_mmap_writable, before the file's mmap operation checks its seals.
 * Returns false if the file is being sealed. Sealing holds i_mmap_sem for writing and requires that
 * there is none; mapping_allow_writable() follows.
 */
static inline bool mapping_count_writable(struct address_space *m)
{
	s32 c = atomic_read(&m->i_mmap_writable);

	while (c >= 0)
		if (__atomic_compare_exchange_n(&m->i_mmap_writable.v, &c, c + 1, false,
			    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			return true;
	return false;
}
static inline bool mapping_deny_writable(struct address_space *m)
{
	return cmpxchg(&m->i_mmap_writable.v, 0, -1) == 0;
}
static inline void mapping_allow_writable(struct address_space *m)
{
	atomic_inc(&m->i_mmap_writable);
}

#endif
