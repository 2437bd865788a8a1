/* SPDX-License-Identifier: MIT */
/*
 * mm.h: frames, slabs, address spaces, and the page cache.
 *
 * mm knows files only as struct address_space (whose operations the upper layer registers) and an
 * opaque struct file.
 * Locks: kernel/lib/lock_order has the order.
 */
#ifndef NESTLING_MM_H
#define NESTLING_MM_H

#include "arch/um/layout.h"
#include "arch/um/machine/pmap.h"
#include "kernel/lib/alloc.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/radix.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"

struct file;
struct inode;
struct task;
struct address_space;
struct vm_area;
struct core_state;
struct uffd;
struct mem_group;

/* ---- frames ---- */

/* page->flags */
/* lock_page(): I/O or truncation in progress */
#define PG_locked 0
#define PG_uptodate 1  /* holds the file's data */
#define PG_dirty 2     /* newer than the disk */
#define PG_writeback 3 /* on its way to the disk */
#define PG_error 4     /* a read or write failed */
#define PG_referenced 5
#define PG_lru 6
#define PG_active 7
#define PG_slab 8
#define PG_buddy 9
#define PG_resident 10 /* the host backs it */
#define PG_anon 11
#define PG_private 12 /* page->private belongs to the file system */
#define PG_reserved 13
#define PG_zero 14 /* known to be zero on the host */
#define PG_waiters 15
#define PG_mappedrw 17  /* a shared writable mapping may dirty it */
#define PG_readahead 18 /* reaching it starts the next read-ahead */
/* a frame of another region, in use: its content can only be read (region.c) */
#define PG_direct 20
/* reclaim has taken its mappings away: mapping it again is a use */
#define PG_idle 21
/* of a huge page (hugetlb.h), which gets it back with the last reference */
#define PG_huge 22
/* text with patched call sites somewhere: page_text_changed() when it changes */
#define PG_patched 19
/* anonymous: shared by a fork, without a sole owner since (cow.c) */
#define PG_forked 23
/* merged by ksm.c, which has a reference: never written while it is set */
#define PG_ksm 24
/* the kernel's own, for which a memory group pays */
#define PG_kmem 25

struct page {
	u64 flags;         /* PG_*, atomic bits */
	atomic_t refcount; /* get_page, put_page */
	atomic_t mapcount; /* page table entries that point here */
	/* page cache, shmem: under mapping->lock; anonymous: NULL */
	struct address_space *mapping;
	u64 index;            /* page offset in the mapping */
	struct list_head lru; /* under the lru lock; buddy free lists */
	u64 private;          /* fs data, buddy order, slab */
	/* the group that pays for it, or NULL (memcg.c) */
	struct mem_group *memcg;
};

extern struct page *mem_map; /* of region 0, indexed by pfn */
extern u64 max_pfn;          /* frames of region 0 */
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
struct page *virt_to_page(const void *p); /* of direct-map addresses */
/* True if these bytes lie in frames of region 0, not in stacks or static data. */
static inline bool in_direct_map(const void *p, size_t n)
{
	u64 off = (u64)p - KERNEL_MAP_BASE, size = max_pfn << PAGE_SHIFT;

	return off < size && n <= size - off;
}

/* ---- frames of other regions, region.c ---- */

/* how often the host has failed to give pages of a region: see region_lost() */
extern u32 region_lost_count;
/*
 * Adds a region that arch has set up: @map is all zeros, @lost has a bit for each frame. At boot
 * only.
 */
void mm_add_region(pfn_t start, u64 nr, struct page *map, const u8 *lost);
/* Returns which region a frame belongs to (0: physmem), and its offset in the region's file. */
u32 pfn_region(pfn_t pfn, u64 *offset);
bool pfn_valid(pfn_t pfn);
/*
 * Takes an unused frame of another region for its first user: one reference, PG_direct. NULL: it is
 * in use, or lost.
 */
struct page *region_page_take(pfn_t pfn);
bool region_addr_lost(const void *p);
/*
 * True if bytes that were just read at @p (an address of the direct map) were zeros in place of the
 * file's content, because the host has cut the file or cannot read it. Called after reading; nearly
 * always it is one comparison.
 */
static inline bool region_lost(const void *p)
{
	return unlikely(__atomic_load_n(&region_lost_count, __ATOMIC_ACQUIRE)) &&
	       region_addr_lost(p);
}

#define MM_MAX_ORDER 10 /* the largest block of frames: 4 MiB */
/* For /proc: free blocks of 2^order frames; watermarks in frames; frames in a vCPU's cache. */
struct mm_zone_info {
	u64 min, low, high;
	u32 cache_max, cache_batch;
};
u64 mm_free_blocks(u32 order);
void mm_zone_info(struct mm_zone_info *z);
u32 mm_cached_frames(int cpu);
extern int sysctl_min_free_kbytes;
void mm_min_free_changed(void); /* the watermarks follow it */

/*
 * Takes over frames [first_free, end) from arch, once the direct map stands; there can be up to
 * @limit of them (max_pfn).
 */
void mm_init_frames(pfn_t first_free, pfn_t end, pfn_t limit);
/* Returns the size of memory (MemTotal): less than max_pfn, and it may change. */
u64 nr_managed_frames(void);
/*
 * plug.c: take @n frames from the guest for the host, or give it as many. May sleep, reclaim and
 * ask the host. On -errno nothing has changed. -ENOMEM: that many cannot be taken, *most can;
 * -ERANGE: more than the guest has or can do without; others: the host's error.
 */
int mm_unplug(u64 n, u64 *most);
int mm_plug(u64 n, u64 *most);
struct page *alloc_pages(gfp_t gfp, u32 order); /* refcount 1; NULL */
void free_pages(struct page *p, u32 order);
#define alloc_page(gfp) alloc_pages(gfp, 0)
void *get_free_pages(gfp_t gfp, u32 order); /* kernel address or NULL */
void free_pages_addr(void *p, u32 order);
static inline void get_page(struct page *p)
{
	atomic_inc(&p->refcount);
}
void put_page(struct page *p); /* the last one frees */
/* Puts pages that entries have named, the untouched ones as fresh. */
void free_page_batch(struct page **pages, u32 n);
#define get_free_page(gfp) get_free_pages(gfp, 0)
#define free_page_addr(p) free_pages_addr(p, 0)

void lock_page(struct page *p);
/* Locks a page, for pages that a process may owe (FUSE). 0 or -EINTR. */
int lock_page_killable(struct page *p);
bool trylock_page(struct page *p);
void unlock_page(struct page *p);
/* Ends the read of a locked page: it is up to date, or bad if @err is not 0, and unlocked. */
void end_page_read(struct page *p, int err);
void wait_on_page_locked(struct page *p);
void wait_on_page_writeback(struct page *p);
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

/* ---- slabs: kernel/lib/alloc.h ---- */

/* Caches of objects that can be dropped under pressure (dentries, inodes). */
struct shrinker {
	u64 (*count)(void);
	u64 (*scan)(u64 nr); /* freed */
	struct list_head list;
};
void register_shrinker(struct shrinker *s);
/* vm.drop_caches: clean pages of files, and caches of objects. */
#define DROP_PAGES 1
#define DROP_SLAB 2
void drop_caches(int what);
extern int sysctl_dirty_ratio, sysctl_dirty_background_ratio; /* percent of memory */
extern int sysctl_dirty_expire_centisecs, sysctl_dirty_writeback_centisecs;
extern u64 sysctl_dirty_bytes, sysctl_dirty_background_bytes;

/* ---- where dirty pages go ---- */

/*
 * A disk, or default_bdi for files without one. Never freed: a new disk with the number of an old
 * one gets its object. Locks: wb_lock for @dirty, @written and @link; the rest is atomic or racy by
 * nature.
 */
struct backing_dev {
	dev_t dev;                /* 0: default_bdi */
	u32 ra_pages;             /* read-ahead at most; 0: none */
	u32 min_ratio, max_ratio; /* percent of the limit on dirty pages */
	bool wanted;              /* its thread is to look now: a racy hint */
	/* inodes of its file systems are dirty */
	bool metadata;
	/* the shrinker of inodes met dirty ones: they are written now */
	bool inodes_wanted;
	bool runs; /* has its thread */
	atomic64_t nr_dirty, nr_writeback;
	atomic64_t written;     /* pages, lately: halved as they grow */
	struct list_head dirty; /* mappings with dirty pages, oldest first */
	struct list_head link;
	/* its thread, and waiters for `flushing` */
	struct wait_queue_head wait;
	/*
	 * its thread has a reference, or is about to: set before, cleared behind that. Only
	 * compared
	 */
	const struct inode *flushing;
};
extern struct backing_dev default_bdi;
struct backing_dev *bdi_get(dev_t dev); /* found or made; NULL: no memory */
/*
 * Return the bounds within which dirty and written-back pages are kept, in frames: the first for
 * one device, the second for all of memory.
 */
u64 bdi_limit(struct backing_dev *b, u64 limit);
void dirty_limits(u64 *background, u64 *limit);
/* Returns the ktime of the next work of the device's thread (in vfs); ~0: when it is woken. */
u64 bdi_next_due(struct backing_dev *b, u64 last);
/* Starts writing one mapping out that is due, or (@all) the oldest: false when there is none. */
bool bdi_flush_one(struct backing_dev *b, u64 now, bool all);
/* True if more is dirty than the background limit allows. */
bool bdi_is_over(struct backing_dev *b);
/*
 * True if the dirty pages are not yet well below that limit: the device's thread, once at work,
 * goes on. Otherwise a writer whose every file wakes it would have each file written alone.
 */
bool bdi_is_near(struct backing_dev *b);
void bdi_wake(struct backing_dev *b);
/*
 * Asks the device's thread, for the shrinker of inodes, to write dirty inodes, which are in its
 * way. The thread reports that by bdi_inodes_written().
 */
void bdi_want_inodes(struct backing_dev *b);
void bdi_inodes_written(struct backing_dev *b);
/*
 * Notes for the device's thread that it is about to take a reference to @inode; NULL: it has none
 * any more.
 */
void bdi_set_flushing(struct backing_dev *b, const struct inode *inode);
/*
 * Waits until its thread has no reference on @inode, whose memory may be gone. After the last other
 * reference on a removed file was dropped, its space is then free. Sleeps; hold nothing that a
 * write or a removal could wait for.
 */
void bdi_wait_flushing(struct backing_dev *b, const struct inode *inode);

/* ---- files as mm sees them ---- */

/*
 * Read-ahead of one open file: a window [start, start + size), whose last @async pages were read
 * before they were asked for. Racy.
 */
struct file_ra {
	u64 start;
	u32 size, async;
	u64 prev;   /* the page that was read last; ~0: none */
	u32 misses; /* faults on a mapping that found nothing */
	u8 advice;  /* RA_* */
};
/* POSIX_FADV_RANDOM: only what is asked for */
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
	/* of these, up to the newest that a file was told of, under @lock */
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

struct iov_iter;
/* Returns i_size of the host inode, which vfs provides through mm_ops. */
loff_t mapping_size(struct address_space *m);
/* vfs registers what mm must know of files (Law: lower layers call up only through tables). */
struct mm_file_ops {
	struct address_space *(*mapping)(struct file *f);
	loff_t (*size)(struct inode *i);
	struct file *(*fget)(int fd); /* of current; a reference, or NULL */
	void (*get)(struct file *f);
	void (*put)(struct file *f);
	int (*mmap)(struct file *f, struct vm_area *vma); /* f_op->mmap: 0, -ENODEV, ... */
	void (*touch)(struct file *f);                    /* atime */
	u64 (*ino)(struct file *f);
	dev_t (*dev)(struct file *f);
	struct file_ra *(*ra)(struct file *f);
	void (*wb_error)(struct inode *i, int err); /* for syncfs; from interrupts, too */
	bool (*may_exec)(struct file *f);           /* not on a noexec mount */
	/* true if current owns the file or may write to it */
	bool (*may_watch)(struct file *f);
	/* 1: opened for reading, 2: for writing; 4: all writes append; 8: a swap area */
	u32 (*mode)(struct file *f);
	/* a reference for write-back; false: it is being freed. wb_lock is held */
	bool (*inode_get)(struct inode *i);
	void (*inode_put)(struct inode *i);                     /* may sleep */
	int (*fsync)(struct file *f, loff_t start, loff_t end); /* msync(MS_SYNC) */
	int (*fallocate)(
		struct file *f, int mode, loff_t off, loff_t len); /* madvise(MADV_REMOVE) */
};
extern const struct mm_file_ops *mm_file_ops;

/*
 * Page cache: find returns a page with a reference, or NULL; grab finds or adds it, locked; read
 * makes it uptodate, with a reference, or ERR_PTR.
 */
struct page *find_get_page(struct address_space *m, u64 index);
struct page *find_lock_page(struct address_space *m, u64 index);
/*
 * Counts a writable mapping in i_mmap_writable, before its file is asked (and looks at its seals).
 * False: the file is just being sealed. Sealing holds i_mmap_sem for writing and requires that
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
struct page *grab_cache_page(struct address_space *m, u64 index);
u32 find_get_pages(struct address_space *m, u64 index, u64 end, u32 nr,
	struct page **pages); /* ascending, how many */
/*
 * Collects the pages from @pos on, at most @nr, up to the first that is missing, or fewer: their
 * number. For a caller that copies from @pos at once.
 */
u32 find_get_run(struct address_space *m, u64 pos, u32 nr, struct page **pages);
struct page *read_cache_page(struct address_space *m, u64 index, struct file *file);
/* Inserts a locked new page (takes a reference): 0, -EEXIST, -ENOMEM. */
int add_to_page_cache(struct page *p, struct address_space *m, u64 index);
void delete_from_page_cache(struct page *p); /* locked; drops the cache's reference */
/* Marks a page dirty and calls mark_inode_dirty(). True: it was clean. */
bool set_page_dirty(struct page *p);
/* Clears the dirty mark and write-protects the page's mappings. True: it was dirty. */
bool clear_page_dirty_for_io(struct page *p);
void set_page_writeback(struct page *p);
/*
 * Removes patched call sites from a locked page that was or will be written to. Only needed while
 * it is PG_patched.
 */
void page_text_changed(struct page *p);
/* Drops pages from @start (bytes) on, zeroing the tail of a partial page; unmaps them first. */
void truncate_inode_pages(struct address_space *m, loff_t start);
void truncate_inode_pages_range(
	struct address_space *m, loff_t start, loff_t end); /* end inclusive */
/* Unmaps and drops pages beyond @size, which i_size has changed to. */
void truncate_pagecache(struct address_space *m, loff_t size);
/*
 * Zeroes what mappings have written behind i_size, @size, in its last page, before i_size grows. No
 * page of the file is locked.
 */
void pagecache_zero_tail(struct address_space *m, loff_t size);
void unmap_mapping_range(struct address_space *m, u64 first_index, u64 nr); /* nr 0: to the end */
/* Drops clean pages not in use (drop_caches, DONTNEED, O_DIRECT); number dropped. */
u64 invalidate_mapping_pages(struct address_space *m, u64 start, u64 end);
/*
 * Drops pages [start, end] (indexes), mapped or not, unless they are dirty: 0, or -EBUSY when some
 * had to stay. Waits for write-back.
 */
int drop_clean_pages(struct address_space *m, u64 start, u64 end);
/* Finds the next dirty page at or after *index (<= end), with a reference; sets *index past it. */
struct page *next_dirty_page(struct address_space *m, u64 *index, u64 end);
bool mapping_has_dirty(struct address_space *m);
void mapping_set_error(struct address_space *m, int err);
/*
 * Errors of writeback, once per open file: open stores mapping_wb_sample(m) in the file; fsync,
 * msync and sync_file_range return mapping_wb_check(m, &file's), which is the newest error since,
 * or 0. An unreported error is reported to a later opener.
 */
u32 mapping_wb_sample(struct address_space *m);
int mapping_wb_check(struct address_space *m, u32 *since);
/*
 * Allocates pages [index, index+nr) in contiguous frames and adds them to the cache, locked, up to
 * the first that is there already. For a_ops->readahead. @pages gets them, each with a reference
 * for the caller. Returns their number.
 */
u32 page_cache_alloc_run(struct address_space *m, u64 index, u32 nr, struct page **pages);
/*
 * direct.c: Called before the content of a locked page of the cache is changed. Returns that page
 * or, for a frame that can only be read, a locked copy in its place, to which the reference moves.
 * ERR_PTR(-ENOMEM or -EIO): @p is unlocked and put.
 */
struct page *cache_page_own(struct page *p);
/* Returns the number of frames in the cache that cost no memory of the guest's. */
u64 nr_direct_pages(void);
/*
 * Read and write through the cache: the usual read_iter and write_iter of disk files and tmpfs.
 * They return bytes or -errno, and advance *pos.
 */
ssize_t filemap_read(struct file *f, struct address_space *m, struct iov_iter *to, loff_t *pos);
ssize_t filemap_write(struct file *f, struct address_space *m, struct iov_iter *from, loff_t *pos);
int filemap_write_and_wait_range(struct address_space *m, loff_t start, loff_t end);
int filemap_fdatawait_range(struct address_space *m, loff_t start, loff_t end);
void force_readahead(struct address_space *m, struct file *f, u64 index, u64 nr);
/*
 * Writes all dirty pages of every mapping out (sync; vfs writes the inodes and file systems by
 * itself).
 */
void sync_mappings(bool wait);
/* Stops a writer while too much is dirty. */
void balance_dirty_pages(struct address_space *m);
u64 nr_dirty_pages(void);

/* ---- guest address spaces ---- */

#define VM_READ 0x1
#define VM_WRITE 0x2
#define VM_EXEC 0x4
#define VM_SHARED 0x8
#define VM_ACCESS (VM_READ | VM_WRITE | VM_EXEC)
#define VM_MAYREAD 0x10
#define VM_MAYWRITE 0x20
#define VM_MAYEXEC 0x40
#define VM_GROWSDOWN 0x100
#define VM_LOCKONFAULT 0x80000
#define VM_HUGEPAGE 0x20000000
#define VM_NOHUGEPAGE 0x40000000
#define VM_MERGEABLE 0x80000000UL
#define VM_SEQ_READ 0x8000
#define VM_RAND_READ 0x10000
#define VM_UFFD_MISSING 0x200
#define VM_PFNMAP 0x400
#define VM_UFFD_WP 0x1000
#define VM_UFFD_MINOR BIT(37)
#define VM_LOCKED 0x2000
#define VM_IO 0x4000
#define VM_DONTCOPY 0x20000
#define VM_DONTEXPAND 0x40000
#define VM_ACCOUNT 0x100000
/* private memory of /dev/zero: vm_file is its name only */
#define VM_ANON_FILE BIT(38)
#define VM_SEALED BIT(39) /* mseal: stays where and what it is */
/* anonymous: pages go under pressure (droppable.c) */
#define VM_DROPPABLE BIT(40)
#define VM_NORESERVE 0x200000
#define VM_SYNC 0x800000 /* MAP_SYNC was asked for: not on a disk */
#define VM_HUGETLB 0x400000
#define VM_WIPEONFORK 0x2000000
#define VM_DONTDUMP 0x4000000
#define VM_STACK 0x8000000
#define VM_SPECIAL_NAME 0x10000000 /* vm_name is its name in maps ("[vdso]") */

struct vm_area;
struct vm_operations {
	/*
	 * Special mappings: the page for @index (a reference), or ERR_PTR(-EFAULT: SIGBUS). NULL
	 * op: page cache or anonymous.
	 */
	struct page *(*fault)(struct vm_area *vma, u64 index);
	void (*open)(struct vm_area *vma); /* split, fork */
	void (*close)(struct vm_area *vma);
};
struct vm_area {
	struct rb_node vm_rb;     /* mm->mm_rb by vm_start; under mmap_lock */
	struct list_head vm_list; /* sorted */
	/* under mmap_lock (write) and page_table_lock */
	u64 vm_start, vm_end;
	u64 vm_flags;
	struct mm *vm_mm;
	u64 vm_pgoff;                     /* in pages */
	struct file *vm_file;             /* a reference, or NULL */
	struct address_space *vm_mapping; /* of vm_file, or shmem's */
	const struct vm_operations *vm_ops;
	void *vm_private;
	const char *vm_name;
	/* userfault.c: the descriptor that handles its faults, or NULL; under mmap_lock */
	struct uffd *vm_uffd;
	u64 vm_policy; /* mempolicy.c; 0: the thread's */
	/* fork.c: which area that a child got with pages; 0: none */
	u64 vm_family;
	struct list_head shared; /* mapping->i_mmap_list, under i_mmap_sem */
	/* size of the next anonymous reservation: grows while the range proves dense */
	u32 extent_order;
	/* faults on shared memory, each on the page behind the last one's: filefault.c */
	u32 streak;
	/* where a sequential toucher would fault next */
	u64 next_fault;
	/* the page of the last fault on shared memory */
	u64 last_fault;
};

#define MM_AUXV 52 /* words: as many as Linux keeps */
struct mm {
	atomic_t mm_users; /* tasks; the last mmput unmaps all */
	atomic_t mm_count; /* plus lazy references; the last frees */
	struct rwsem mmap_lock;
	spinlock_t page_table_lock; /* the entries of pmap */
	struct pmap pmap;
	struct rb_root mm_rb; /* VMAs, under mmap_lock */
	struct list_head mmap_list;
	/* userfault_event.c: noted, not yet sent; under mmap_lock */
	struct list_head uffd_events;
	u32 map_count;
	u64 mmap_base, task_size; /* immutable after exec */
	/* where the search for free areas may begin (vma.c); under mmap_lock */
	u64 free_mark, free_largest;
	u64 start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	u64 arg_start, arg_end, env_start, env_end;          /* under mmap_lock */
	u64 total_vm, locked_vm, data_vm, stack_vm, exec_vm; /* pages, under mmap_lock */
	atomic64_t rss_anon, rss_file, rss_shmem;
	atomic64_t swapents; /* entries of pages in swap areas */
	u64 swap_cursor;     /* where swap_out.c goes on; a hint */
	atomic64_t hugetlb;  /* frames of huge pages: no part of the RSS */
	u64 hiwater_rss, hiwater_vm;
	u64 auxv[MM_AUXV];
	u32 nr_auxv;
	struct file *exe_file; /* under mmap_lock */
	u64 def_flags;
	/*
	 * a task with CAP_SYS_PTRACE there may look at it though it is not dumpable; until the last
	 * mmput()
	 */
	struct user_namespace *user_ns;
	bool dumpable;
	/* mm_reap() has been at it: what it lacks may have been there */
	bool reaped;
	/* it has, or had, areas for ksm.c; set once, under mmap_lock */
	bool mergeable;
	/* PR_SET_MEMORY_MERGE: all that can be is; under mmap_lock */
	bool merge_all;
	/* PR_SET_MDWE's bits: nothing becomes executable that is or was writable */
	u8 mdwe;
	/* prctl(PR_SET_THP_DISABLE): only remembered, there are no huge pages */
	bool thp_disabled;
	u32 dump_mode; /* prctl(PR_SET_DUMPABLE) */
	/* which kinds of mappings a dump holds, /proc/PID/coredump_filter */
	u32 coredump_filter;
	struct core_state *core_state;
	/* all mms, for reclaim and OOM; under mm_list_lock */
	struct list_head mm_list;
	struct list_head droppable; /* droppable.c, under a lock of its own */
	u64 vdso_base;
	/* of call sites (arch/um/patch/patch.c), or NULL; set once */
	struct patch *patch;
	/* a thread has, or had, debug registers: no more sites are patched */
	bool watched;
	/*
	 * modify_ldt(2) (arch/um/machine/ldt.c), or NULL; set once; what it holds is under
	 * pmap.lock
	 */
	struct ldt *ldt;
	u64 owner_pid;
	/* MEMBARRIER_CMD_REGISTER_* that were made; atomic */
	u32 membarrier;
	/* anon.c: whether new small areas are filled at once; hints, */
	u8 eager, eager_made;
	u64 small_start, small_end; /* as is which was made last */
	/* address of the last fault that found nothing to do; a hint */
	u64 last_spurious;
	/* pages accounted by VM_ACCOUNT, under mmap_lock */
	u64 committed;
	struct list_head aio_contexts; /* kernel/aio, under its lock */
};

struct mm *mm_alloc(void);         /* users 1, empty */
struct mm *mm_dup(struct mm *old); /* fork: COW copy of all VMAs; ERR_PTR */
void mmget(struct mm *mm);
void mmput(struct mm *mm); /* may sleep */
void mmgrab(struct mm *mm);
void mmdrop(struct mm *mm);

/*
 * Takes the space of an mm that no vCPU runs now; the mm gets another when it runs again. False:
 * there was none.
 */
bool mm_take_idle_space(void);

/* Finds the first area with vm_end > addr; under mmap_lock. */
struct vm_area *find_vma(struct mm *mm, u64 addr);
/* Does mmap(2) for the kernel; takes mmap_lock. Address or -errno. */
u64 do_mmap(struct mm *mm, struct file *file, u64 addr, u64 len, int prot, int flags, u64 pgoff);
int do_munmap(struct mm *mm, u64 addr, u64 len);
/* Replaces up_write() after an unmap or a move: sends the events of a userfaultfd, and waits. */
void mmap_write_unlock(struct mm *mm);
/* Unmaps under mmap_lock (writing). */
int munmap_checked(struct mm *mm, u64 addr, u64 len);
/* Unmaps whole pages that end within the address space, which is not checked any more. */
int munmap_locked(struct mm *mm, u64 start, u64 len);
/* Returns the bits that a child, or the next program, inherits. */
static inline u8 mdwe_inherited(u8 bits)
{
	return bits & 2 ? 0 : bits;
}
/* Set up a new program's areas for exec: a stack that grows down below @top, and the brk area. */
int mm_setup_stack(struct mm *mm, u64 top, u64 flags);
int vm_brk(struct mm *mm, u64 addr, u64 len, u64 flags);
/* A VMA whose pages come from vm_ops->fault (vdso). ERR_PTR. */
/* Drops the pages of the special mapping at @addr: they are asked for anew. */
void zap_special_mapping(struct mm *mm, u64 addr);
struct vm_area *install_special_mapping(struct mm *mm, u64 addr, u64 len, u64 flags,
	const struct vm_operations *ops, void *private, const char *name);
/* Maps what the program will surely touch, in a fresh image that nothing has run yet. */
void mm_prefault(struct mm *mm, struct file *exe);
u64 get_unmapped_area(struct mm *mm, u64 hint, u64 len, u64 align);
/* Does madvise(2) for any mm. */
int mm_madvise(struct mm *mm, u64 addr, u64 len, int advice);
/*
 * Returns the page shift of the area at @addr, or PAGE_SHIFT if nothing is mapped. Takes mmap_lock.
 */
u32 mm_page_shift(struct mm *mm, u64 addr);
/*
 * Frees the private memory of a mm whose process is dying; a touch of it is -EFAULT from then on.
 */
void mm_reap(struct mm *mm);
/* mempolicy.c: Prints a policy (vm_policy) as in /proc/PID/numa_maps, "bind=static:0". */
void mm_policy_text(u64 policy, char *buf, size_t size);
/*
 * mempolicy.c: get_user_nodes() reads a mask of nodes that a guest names: 0, -EINVAL, -EFAULT.
 * mm_page_node() returns where a page is: 0, -ENOENT (nowhere yet), -EFAULT.
 */
int get_user_nodes(uaddr_t from, u64 maxnode, u64 *nodes);
int mm_page_node(struct mm *mm, u64 addr);
/*
 * Faults in a page of any mm and returns a reference. For access_mm, pin_user_page, core dumps
 * (FOLL_DUMP: NULL for holes).
 */
#define FOLL_WRITE 1
#define FOLL_FORCE 2
#define FOLL_DUMP 4
/* of anonymous areas alone: no file has to be read */
#define FOLL_ANON 8
/* Returns a page with a reference. ERR_PTR(-EFAULT), also for secret memory; ... */
struct page *get_user_page(struct mm *mm, u64 addr, u32 flags);
/*
 * Takes pages of current from @addr's on, each with a reference, and returns their number (1 to
 * @nr; less if one cannot be had), or -EFAULT.
 */
s32 get_user_pages(u64 addr, u32 nr, u32 flags, struct page **pages);
/*
 * True for memory of memfd_secret: its pages are reached only through entries of a mapping process.
 */
static inline bool vma_is_secret(const struct vm_area *v)
{
	return v->vm_mapping && v->vm_mapping->a_ops->secret;
}
/* Makes @v locked memory, as with MAP_LOCKED, for f_op->mmap. 0 or -EAGAIN (RLIMIT_MEMLOCK). */
int mm_lock_area(struct vm_area *v);
/* Makes one page of the mm accessible, for uaccess. 0 or -errno. */
int user_fault_in(struct mm *mm, u64 addr, bool write);

/*
 * task registers what mm must know of processes. Until then there are no limits and everybody is
 * capable.
 */
struct mm_task_ops {
	/* of current's process: RLIMIT_* of <linux/resource.h> */
	u64 (*rlimit)(int which);
	bool (*capable)(int cap);
	/* a reference; NULL: current's */
	struct user_namespace *(*ns_get)(struct user_namespace *ns);
	void (*ns_put)(struct user_namespace *ns);
	/*
	 * Chooses a process and kills it when nothing can be reclaimed: true when one was killed.
	 */
	bool (*oom_kill)(gfp_t gfp, u32 order);
};
extern const struct mm_task_ops *mm_task_ops;

/*
 * What asynchronous I/O does for an mm that has contexts; kernel/aio registers it before there are
 * any.
 */
struct mm_aio_ops {
	/* the last user has gone, the memory still stands */
	void (*exit)(struct mm *mm);
	/*
	 * mremap() has brought the pages of a shared mapping to @vma, which is linked; mmap_lock is
	 * held for writing.
	 */
	void (*moved)(struct vm_area *vma);
};
extern const struct mm_aio_ops *mm_aio_ops;

/*
 * Makes a nameless file of tmpfs: shared anonymous memory, memfd. ERR_PTR(-ENOSYS) before tmpfs is
 * there.
 */
struct file *shmem_file_setup(const char *name, loff_t size, u64 flags);
/* Files without a name in memory; kernel/fs/tmpfs registers it. */
struct shmem_ops {
	struct file *(*file_setup)(const char *name, loff_t size, u64 flags);
};
extern const struct shmem_ops *shmem_ops;

/* Overcommit (vm.overcommit_memory 0/1/2), and the killer of last resort. */
extern int sysctl_overcommit_memory, sysctl_overcommit_ratio;
extern u64 sysctl_overcommit_kbytes;
extern int sysctl_admin_reserve_kbytes, sysctl_user_reserve_kbytes;
extern int sysctl_vfs_cache_pressure;
extern u32 sysctl_max_map_count;
int vm_enough_memory(u64 pages); /* 0 or -ENOMEM; accounts */
void vm_unacct_memory(u64 pages);
u64 vm_committed(void);
u64 vm_commit_limit(void);
/* Kills a process for its memory (mm_task_ops): true when one was killed. */
bool oom_kill(gfp_t gfp, u32 order);

struct meminfo {
	u64 total, free, available, cached, buffers, shmem, slab, slab_reclaimable, anon, mapped,
		dirty, writeback, active_anon, inactive_anon, active_file, inactive_file,
		page_tables, kernel_stack, committed, commit_limit, swap_total, swap_free,
		swap_cached; /* pages */
};
void si_meminfo(struct meminfo *mi);
struct vmstat_counters {
	u64 pgfault, pgmajfault, pgpgin, pgpgout, pgalloc, pgfree, oom_kill, dirtied, written,
		pgactivate, pgdeactivate, scan_kswapd, scan_direct, steal_kswapd, steal_direct,
		allocstall, slabs_scanned, drop_pagecache, drop_slab, pswpin, pswpout;
};
extern struct vmstat_counters vmstat;

/*
 * For /proc/nestling: what the frames are used for; the kinds from free to huge, and what is in
 * none of them, make total.
 */
struct memory_kinds {
	/* large: blocks of kmalloc above 8 KiB */
	u64 total, free, anon, file, shmem, slab, large, tables, huge;
	/* of the free ones: the host has given memory for them */
	u64 free_backed;
	/* page cache in frames of an image, beyond total */
	u64 direct;
	u64 frame_table; /* struct page, beyond total */
};
void mm_memory_kinds(struct memory_kinds *k);
/*
 * Faults of guests by kind, fault_count.c. A line: KIND FAULTS MAJOR MICROSECONDS LONGEST; 0: none,
 * -1: past the last.
 */
extern bool faults_counted;
void fault_counts_reset(void);
int fault_count_line(int i, char *buf, size_t size);

/* ksm.c: equal pages become one. */
enum { KSM_STOP, KSM_MERGE, KSM_PART };
/* pages, but for run, max_sharing and rounds */
struct ksm_numbers {
	u64 run, max_sharing, shared, sharing, unshared, changed, scanned, rounds, skipped;
	u64 across_nodes, use_zero;
	u64 zero; /* that are the one page of zeros now */
	/* contents that have more than one merged page, and these */
	u64 chains, twins;
	s64 profit; /* bytes */
};
#define KSM_PAGES_TO_SCAN 100
/* between two sleeps of ksmd; how long one is */
extern u64 ksm_pages_to_scan, ksm_sleep_ms;
/* how long an unmapped merged page may stay */
extern u64 ksm_prune_ms;
extern u64 ksm_smart_scan;
extern struct ksm_advisor {
	bool on;
	u64 max_cpu;                       /* percent */
	u64 min_pages, max_pages, seconds; /* how long a round is to take */
} ksm_advisor;                             /* read without a lock */
void ksm_set_advisor(bool on);
void ksm_set_pace(u64 *what, u64 value); /* @what: a field of ksm_advisor */
int ksm_set_across_nodes(u64 value);     /* 0, -EINVAL, -EBUSY: pages are merged */
void ksm_set_use_zero(bool on);
bool ksm_is_zero(const struct page *p);      /* of an entry's page */
bool ksm_may_merge(const struct vm_area *v); /* under mmap_lock */
/* True if ksm looks at pages of the area. */
bool ksm_watches(const struct vm_area *v);
/* Returns how many bytes ksm.c needs for records of so many pages. */
u64 ksm_overhead(u64 pages);
void ksm_numbers(struct ksm_numbers *k);
int ksm_set_all(struct mm *mm, bool on);             /* prctl(PR_SET_MEMORY_MERGE): 0 or -errno */
void ksm_exec(struct mm *new, const struct mm *old); /* @new is not published yet */
/* Sets /sys/kernel/mm/ksm/run, KSM_*: 0, -EINVAL, -ENOMEM; may sleep long. */
int ksm_set_run(u64 value);
/* Sets how many entries may share a merged page: 0, -EINVAL; -EBUSY: there are merged pages. */
int ksm_set_max_sharing(u64 value);

/* For /proc/PID/smaps and pagemap. */
struct mem_walk_stats {
	u64 rss, pss_shift12, pss_anon, pss_shmem, shared_clean, shared_dirty, private_clean,
		private_dirty, referenced, anonymous, swap, swap_pss_shift12, shared_hugetlb,
		private_hugetlb, active, ksm;
	/* pages: merged ones of zeros; those that ksm.c looks at */
	u64 ksm_zero, ksm_watched;
	/* of the small page that is mapped most often: no sum */
	u64 most_maps;
};
void vma_stats(struct vm_area *vma, struct mem_walk_stats *st); /* under mmap_lock */
/* Fills in /proc/PID/pagemap's entries for @nr pages from @va on; under mmap_lock. */
void mm_pagemap(struct mm *mm, u64 va, u64 nr, u64 *out, bool pfns);
int mm_status_vma_flags(u64 vm_flags, char *buf, size_t size); /* "rd wr mr mw ..." */

/*
 * Handles a fault of guest code: 0 when resolved; else a signal to force: SIGSEGV or SIGBUS with
 * *code set.
 */
int handle_fault(struct mm *mm, u64 addr, u64 error, int *code);
/* Handles a SIGBUS. True: the access may be tried again; false: the guest gets the signal. */
bool handle_bus_error(struct mm *mm, u64 addr);

#endif
