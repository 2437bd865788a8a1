/* SPDX-License-Identifier: MIT */
/* mm_ops.h: the tables by which mm calls rooms above it. Each table is registered once, at boot. */
#ifndef NESTLING_MM_MM_OPS_H
#define NESTLING_MM_MM_OPS_H

#include "kernel/lib/alloc.h"
#include "kernel/lib/types.h"

struct address_space;
struct file;
struct file_ra;
struct inode;
struct mm;
struct user_namespace;
struct vm_area;

/*
 * Operations on files, which mm knows only as opaque pointers; vfs registers them. They return
 * pointers without a reference, except fget(). Only mmap(), touch(), may_watch(), fsync(),
 * fallocate(), put() and inode_put() may sleep.
 */
struct mm_file_ops {
	struct address_space *(*mapping)(struct file *f); /* f_mapping */
	loff_t (*size)(struct inode *i);                  /* i_size, in bytes */
	/* Returns current's open file @fd with a reference, or NULL. */
	struct file *(*fget)(int fd);
	void (*get)(struct file *f);
	void (*put)(struct file *f);
	/* f_op->mmap, with mmap_lock of the area's mm held for writing: 0, -ENODEV, ... */
	int (*mmap)(struct file *f, struct vm_area *vma);
	void (*touch)(struct file *f); /* updates atime */
	u64 (*ino)(struct file *f);
	dev_t (*dev)(struct file *f);
	struct file_ra *(*ra)(struct file *f);
	/* Records an error of writeback, -errno, for syncfs(2). In any context. */
	void (*wb_error)(struct inode *i, int err);
	bool (*may_exec)(struct file *f); /* false: on a noexec mount */
	/* True if current owns the file or may write to it: it may learn what is cached. */
	bool (*may_watch)(struct file *f);
	/* Returns bits: 1: open for reading, 2: for writing; 4: append only; 8: a swap area. */
	u32 (*mode)(struct file *f);
	/* Takes a reference for writeback; false: the inode is being freed. wb_lock is held. */
	bool (*inode_get)(struct inode *i);
	void (*inode_put)(struct inode *i); /* may sleep */
	/* For msync(MS_SYNC). Bytes, @end inclusive. 0 or -errno. */
	int (*fsync)(struct file *f, loff_t start, loff_t end);
	/* @mode: FALLOC_FL_*; the range in bytes. 0 or -errno. */
	int (*fallocate)(
		struct file *f, int mode, loff_t off, loff_t len); /* for madvise(MADV_REMOVE) */
};
extern const struct mm_file_ops *mm_file_ops;

/*
 * Operations on processes; kernel/task registers them. Before that there are no limits, and every
 * capability is granted.
 */
struct mm_task_ops {
	/* Returns the soft limit RLIMIT_* of current's process, in its own unit; ~0: none. */
	u64 (*rlimit)(int which);
	bool (*capable)(int cap); /* true: current has CAP_* */
	/* Takes a reference to @ns (NULL: to current's user namespace), and returns it. */
	struct user_namespace *(*ns_get)(struct user_namespace *ns);
	void (*ns_put)(struct user_namespace *ns);
	/*
	 * Chooses a process and kills it when no memory can be reclaimed for 2^@order frames. May
	 * sleep. Returns true if a process is dying, perhaps an earlier victim.
	 */
	bool (*oom_kill)(gfp_t gfp, u32 order);
};
extern const struct mm_task_ops *mm_task_ops;

/*
 * Operations of asynchronous I/O on an mm that has contexts; kernel/aio registers them before a
 * context exists.
 */
struct mm_aio_ops {
	/* Ends @mm's contexts. Called by the last mmput(), while the memory still exists. */
	void (*exit)(struct mm *mm);
	/*
	 * Notes that mremap() has moved the pages of a shared mapping to @vma. mmap_lock is held
	 * for writing.
	 */
	void (*moved)(struct vm_area *vma);
};
extern const struct mm_aio_ops *mm_aio_ops;

#endif
