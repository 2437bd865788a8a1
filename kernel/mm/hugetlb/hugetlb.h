/* SPDX-License-Identifier: MIT */
/*
 * hugetlb.h: huge pages of 2 MiB that an administrator has set aside, and promises of such pages to
 * files and mappings. (Linux calls a promise a reservation.)
 *
 * A huge page is 512 contiguous frames, so that its 512 entries fill one leaf table, and one mmap()
 * on the host maps it. Each frame has its own refcount: code that pins, copies or maps single pages
 * needs no knowledge of huge pages. PG_huge shows put_page() that the frame belongs to a huge page;
 * the page goes back to the pool when all of its 512 frames have no references.
 *
 *	hugetlb_pool.c    the pool: vm.nr_hugepages, surplus, promises, quotas of mounts
 *	hugetlb_file.c    pages of a file, promises to files and to private mappings
 *	hugetlb_fault.c   faults, copies on write, fork
 *	hugetlb_group.c   limits for groups of tasks
 *	kernel/fs/hugetlbfs    the file system, and the counts that guests read and write
 *
 * A huge index counts huge pages. Functions that return int return 0 or -errno.
 *
 * Locks: mmap_lock, then huge_file.lock, then i_mmap_sem, pmap->lock and page_table_lock; the locks
 * of the pool and the quotas are innermost.
 */
#ifndef NESTLING_MM_HUGETLB_H
#define NESTLING_MM_HUGETLB_H

#include "kernel/mm/mm.h"

#define HPAGE_ORDER 9
#define HPAGE_FRAMES (1UL << HPAGE_ORDER)
#define HPAGE_SHIFT (PAGE_SHIFT + HPAGE_ORDER)
#define HPAGE_SIZE (1UL << HPAGE_SHIFT)
#define HPAGE_MASK (~(HPAGE_SIZE - 1))

/* ---- the pool ---- */

struct hugetlb_numbers {
	u64 total, free, reserved, surplus, overcommit; /* huge pages */
};
void hugetlb_numbers(struct hugetlb_numbers *n);
/*
 * Sets vm.nr_hugepages as near to @count as free memory and pages in use allow. May sleep, and
 * stops early if current is killed.
 */
void hugetlb_resize(u64 count);
/* Sets vm.nr_overcommit_hugepages, the limit of surplus pages. */
void hugetlb_set_overcommit(u64 count);

/*
 * Quota of a mount: how many pages its files may have together (max), and how many are kept for
 * them (min). All members are under the pool's lock.
 */
struct huge_quota {
	u64 max, min; /* huge pages; max ~0: no limit */
	/*
	 * Huge pages. used: those in files or promised. reserved: those of min that are not used
	 * yet.
	 */
	u64 used, reserved;
	bool gone; /* unmounted: freed with its last page */
};
/*
 * Makes a mount's quota, in huge pages. May sleep. NULL: no memory, or @min pages cannot be kept
 * for it.
 */
struct huge_quota *huge_quota_new(u64 max, u64 min);
/* Drops a quota at unmount; @q may be NULL. Files may still use it: its last page frees it. */
void huge_quota_put(struct huge_quota *q);
/* Returns how many huge pages are in files of the mount or promised. */
u64 huge_quota_used(struct huge_quota *q);

/* ---- files ---- */

/* The huge pages of a file; part of its inode. */
struct huge_file {
	struct mutex lock;
	/* for each huge index a page or a promise; under @lock */
	struct radix slots;
	/* number of slots with a page; changed under @lock */
	u64 pages;
	struct huge_quota *quota; /* of the mount, or NULL; immutable */
	/*
	 * true for a shared memory segment: its pages are promised when the segment is made, and
	 * mappings promise no more
	 */
	bool prepaid;
};
/* Initialises a file without pages. @quota may be NULL. */
void huge_file_init(struct huge_file *f, struct huge_quota *quota);
/*
 * Promises pages [first, end), huge indices, so that a later touch finds a page for each. Under
 * f->lock. May sleep. 0 or -ENOMEM, after which some promises may stay.
 */
int huge_file_promise(struct huge_file *f, u64 first, u64 end);
/*
 * Makes the page at the huge index @index if it is missing. Takes f->lock, and may sleep. Returns
 * 0, -ENOSPC (the pool or a limit) or -ENOMEM.
 */
int huge_file_allocate(struct huge_file *f, u64 index);
/*
 * Returns the frame at @index (counted in small pages), with a reference, or NULL for a hole. Takes
 * f->lock.
 */
struct page *huge_file_frame(struct huge_file *f, u64 index);
/*
 * Drops pages [first, end), huge indices, and all their mappings; with @promises also the promises
 * there. May sleep. The caller holds f->lock, and has set i_size under the same hold: otherwise a
 * mapping that extends the file in between would lose its new promise.
 */
void huge_file_drop(
	struct huge_file *f, struct address_space *m, u64 first, u64 end, bool promises);
/*
 * Makes @v, a new mapping of a file of huge pages, an area of huge pages with its promises. For
 * f_op->mmap, under m->huge->lock and mmap_lock (writing). 0, -EINVAL (not aligned), -ENOMEM (the
 * pool is too small).
 */
int hugetlb_mmap(struct address_space *m, struct vm_area *v);
/*
 * Makes a nameless file of huge pages of @size bytes. @promise: promises all of its pages now. May
 * sleep. Returns a reference, or ERR_PTR(-ENOMEM, ...).
 */
struct file *hugetlb_file_setup(const char *name, loff_t size, bool promise);
/* The operation behind hugetlb_file_setup(); kernel/fs/hugetlbfs registers it. */
struct hugetlb_ops {
	struct file *(*file_setup)(const char *name, loff_t size, bool promise);
};
extern const struct hugetlb_ops *hugetlb_ops;
/*
 * True if @log is 0 (the default size) or log2 of the supported size. @log is the size field in the
 * flags of mmap, shmget or memfd_create, shifted down.
 */
static inline bool hugetlb_size_known(u32 log)
{
	return !log || log == HPAGE_SHIFT;
}
/*
 * vm.hugetlb_shm_group: the group of users that may make shared memory of huge pages without
 * CAP_IPC_LOCK.
 */
extern int sysctl_hugetlb_shm_group;

#endif
