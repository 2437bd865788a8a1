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
#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"

struct address_space;
struct backing_dev;
struct file;
struct huge_file;
struct inode;
struct page;

/*
 * Readahead state of one open file: the window [start, start + size) of pages, whose last @async
 * pages were read ahead of requests. Read and written without a lock.
 */
struct file_ra {
	u64 start;
	u32 size, async;
	u64 prev; /* the page read last; ~0: none */
	/* faults on a mapping without a cached page */
	u32 misses;
	u8 advice; /* RA_* */
};
/* POSIX_FADV_RANDOM: reads only the requested pages */
#define RA_RANDOM 1
#define RA_SEQUENTIAL 2 /* twice the window */
#define RA_NOREUSE 4    /* pages that were read need not be kept */

/* A request to write dirty pages. */
struct writeback_control {
	bool sync;       /* the caller waits for the end: fsync */
	u64 nr_to_write; /* pages to write at most; decremented */
	u64 start, end;  /* byte range, end inclusive */
};

/*
 * Operations of a file system. They may sleep, unless a comment forbids it. @file is NULL for reads
 * that belong to no open file. Optional operations are NULL if the file system does not need them.
 */
struct address_space_operations {
	/*
	 * Starts to fill a locked page, which is unlocked at the end of the read (perhaps later),
	 * with PG_uptodate or PG_error set. Returns 0 or -errno; the page is unlocked after an
	 * error too.
	 */
	int (*readpage)(struct file *file, struct page *page);
	/*
	 * Of memory-only files: fills a locked page with a copy of @data, and leaves it locked.
	 * Returns 0, or -errno after it has removed the page from the cache.
	 */
	int (*fillpage)(struct page *page, const void *data);
	/*
	 * Starts reads of pages [index, index + nr), which it adds by add_to_page_cache(). It may
	 * do nothing. NULL: pages are read by readpage.
	 */
	void (*readahead)(struct address_space *m, struct file *file, u64 index, u32 nr);
	/*
	 * Starts to write dirty pages of the range, at most nr_to_write, which it decrements. A
	 * caller that needs their ends waits for them. Returns 0 or the first error.
	 */
	int (*writepages)(struct address_space *m, struct writeback_control *wbc);
	/*
	 * Begins a write of [pos, pos + len) within one page. Returns 0, and in *page the page:
	 * locked, with a reference, and uptodate if the write does not replace all of it. Otherwise
	 * -errno. *fsdata is for write_end.
	 */
	int (*write_begin)(struct file *file, struct address_space *m, loff_t pos, u32 len,
		struct page **page, void **fsdata);
	/*
	 * Ends a write after @copied bytes were copied to the page: unlocks and puts the page,
	 * extends i_size. Returns @copied or -errno.
	 */
	int (*write_end)(struct file *file, struct address_space *m, loff_t pos, u32 len,
		u32 copied, struct page *page, void *fsdata);
	/*
	 * Called before a shared mapping makes the page dirty: allocates its blocks. Called with
	 * mmap_lock held for reading and the page not locked; returns 0 with the page locked, or
	 * -errno (SIGBUS) with the page not locked.
	 */
	int (*page_mkwrite)(struct file *file, struct page *page);
	/*
	 * Called when the locked page leaves the cache from byte @offset on (truncate): drops
	 * page->private.
	 */
	void (*invalidatepage)(struct page *page, u32 offset);
	/*
	 * Drops page->private of a clean locked page if that is possible at once. Returns true if
	 * it has: reclaim may free the page.
	 */
	bool (*releasepage)(struct page *page);
	/*
	 * Finds the frames of a region (direct.c) that hold pages [index, index + n). Returns n,
	 * from 1 to @nr. *pfn: the first of n frames in a row, or 0 if these n pages must be read.
	 * invalidate_lock is held for reading. NULL: no pages are in a region.
	 */
	u32 (*direct)(struct address_space *m, u64 index, u32 nr, pfn_t *pfn);
	/*
	 * True for tmpfs: the pages are the only copy of the data, so reclaim never drops them, and
	 * they are never written back.
	 */
	bool memory_only;
	/* True for FUSE: a process provides the content, perhaps never, so waiters are killable. */
	bool from_process;
	/*
	 * True for memfd_secret: the content is accessed only through a mapping, and not by
	 * get_user_page(), which debuggers and devices use.
	 */
	bool secret;
};

struct address_space {
	struct inode *host; /* the file; immutable */
	const struct address_space_operations *a_ops;
	spinlock_t lock;
	struct radix pages;   /* index -> struct page *, under @lock */
	u64 nrpages, nrdirty; /* under @lock */
	atomic_t nrwriteback; /* pages under writeback */
	/* areas that map the file, by vm_area.shared; under i_mmap_sem */
	struct list_head i_mmap_list;
	struct rwsem i_mmap_sem;
	/*
	 * Truncation and hole punching hold it for writing, from before they drop pages until they
	 * have freed the blocks. A reader holds it for reading while it adds a page to read into.
	 */
	struct rwsem invalidate_lock;
	gfp_t gfp; /* for its pages */
	/* the newest error of writeback; under @lock; see mapping_wb_check() */
	int wb_err;
	u32 wb_err_seq; /* number of errors so far; under @lock */
	/* the value of wb_err_seq up to which errors were reported to files; protected by @lock */
	u32 wb_err_seen;
	/* all dirty pages lie in this range of indices; under @lock */
	u64 dirty_first, dirty_last;
	/* device to which its pages are written, or NULL */
	struct backing_dev *bdi;
	/* list of mappings with dirty pages, under wb_lock */
	struct list_head dirty_link;
	u64 dirtied_when; /* ktime, also of a flush; wb_lock */
	/* Number of shared writable mappings; negative: such mappings are denied, as by seals. */
	atomic_t i_mmap_writable;
	/* Called when a page has become dirty; NULL, or set by vfs. */
	void (*mark_inode_dirty)(struct inode *inode);
	/* a file of huge pages (hugetlb.h), which are not in @pages; or NULL */
	struct huge_file *huge;
};
/* Initialises a mapping of @host: no pages, bdi NULL, mark_inode_dirty NULL, gfp GFP_KERNEL. */
void address_space_init(
	struct address_space *m, struct inode *host, const struct address_space_operations *ops);
/* Returns i_size of the host inode in bytes, by mm_file_ops. */
loff_t mapping_size(struct address_space *m);

/*
 * Counts a writable mapping in i_mmap_writable, before the file's mmap operation checks its seals.
 * Returns false if the file is being sealed. Sealing holds i_mmap_sem for writing, requires that
 * there is no such mapping, and calls mapping_allow_writable() at its end.
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
/*
 * Denies shared writable mappings. Returns false, without effect, if there are such mappings, or
 * they are denied already.
 */
static inline bool mapping_deny_writable(struct address_space *m)
{
	return cmpxchg(&m->i_mmap_writable.v, 0, -1) == 0;
}
/* Ends what mapping_deny_writable() began. */
static inline void mapping_allow_writable(struct address_space *m)
{
	atomic_inc(&m->i_mmap_writable);
}

#endif
