/* SPDX-License-Identifier: MIT */
/*
 * bdi.h: backing devices, to which dirty pages are written. Each disk has a struct backing_dev with
 * counts, limits and a flusher thread (kernel/vfs/writeback.c); writeback.c decides which files are
 * due.
 */
#ifndef NESTLING_MM_BDI_H
#define NESTLING_MM_BDI_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"

struct inode;

extern int sysctl_dirty_ratio, sysctl_dirty_background_ratio; /* percent of memory */
extern int sysctl_dirty_expire_centisecs, sysctl_dirty_writeback_centisecs;
extern u64 sysctl_dirty_bytes, sysctl_dirty_background_bytes;

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
	 * the inode to which its thread has a reference or is about to take one; cleared after that
	 * is dropped; only compared
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
 * continues. Otherwise a writer that wakes it for every file would have each file written alone.
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

#endif
