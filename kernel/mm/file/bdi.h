/* SPDX-License-Identifier: MIT */
/*
 * bdi.h: backing devices, to which dirty pages are written. Each disk has a struct backing_dev with
 * counts, limits and a flusher thread (kernel/vfs/writeback.c). kernel/mm/file/writeback.c decides
 * for the thread which files are due.
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
/* Bytes; 0: the ratio above counts instead. */
extern u64 sysctl_dirty_bytes, sysctl_dirty_background_bytes;

/*
 * A disk, or default_bdi for files without one. It is never freed: a new disk with the number of an
 * old one gets the old object. Locks: wb_lock for @dirty and @link, and to halve @written; all
 * other members are atomic or racy.
 */
struct backing_dev {
	dev_t dev;                /* 0: default_bdi */
	u32 ra_pages;             /* most pages to read ahead; 0: none */
	u32 min_ratio, max_ratio; /* percent of the limit on dirty pages */
	/* True if its flusher thread must check now; a racy hint. */
	bool wanted;
	/* True if inodes of its file systems are dirty. */
	bool metadata;
	/* True if the shrinker of inodes has met dirty inodes: the thread must write them now. */
	bool inodes_wanted;
	bool runs;                         /* true once its thread exists */
	atomic64_t nr_dirty, nr_writeback; /* pages */
	atomic64_t written;                /* pages written lately; halved at times */
	struct list_head dirty;            /* mappings with dirty pages, oldest first */
	struct list_head link;             /* in backing_devs (internal.h) */
	/* Its thread sleeps here, and tasks that wait for a change of @flushing. */
	struct wait_queue_head wait;
	/*
	 * The inode to which its thread has a reference, or is about to take one; NULL after the
	 * reference was dropped. Only compared.
	 */
	const struct inode *flushing;
};
extern struct backing_dev default_bdi;
/*
 * Returns the object of the disk @dev, made if it is missing; NULL: no memory. It is never freed,
 * so there is no reference to drop. May sleep.
 */
struct backing_dev *bdi_get(dev_t dev);
/*
 * Return limits, in pages, for the number of dirty pages and pages under writeback. dirty_limits()
 * stores the limits for all memory: from *background on, flushers write; from *limit on, writers
 * wait. bdi_limit() returns the share of one device in @limit.
 */
u64 bdi_limit(struct backing_dev *b, u64 limit);
void dirty_limits(u64 *background, u64 *limit);
/*
 * Returns the ktime of the next check by the device's thread (in vfs); ~0: only when it is woken.
 * @last: the ktime of its last check.
 */
u64 bdi_next_due(struct backing_dev *b, u64 last);
/*
 * Starts writeback of one mapping: one that is due at ktime @now or, with @all, the oldest. Called
 * by the device's thread only; may sleep. Returns false if there is none. Errors go to
 * mapping_set_error().
 */
bool bdi_flush_one(struct backing_dev *b, u64 now, bool all);
/*
 * True if the device has dirty pages, and more pages of all devices are dirty than the background
 * limit allows.
 */
bool bdi_is_over(struct backing_dev *b);
/*
 * True while the device has dirty pages, and the number of all dirty pages is not yet well below
 * the background limit: then the device's thread, once at work, continues. If it stopped at the
 * limit, the writer would wake it again for every file.
 */
bool bdi_is_near(struct backing_dev *b);
/* Wakes up the device's thread, for a check now. Does not sleep. */
void bdi_wake(struct backing_dev *b);
/*
 * Asks the device's thread to write dirty inodes, which the shrinker of inodes cannot free.
 * bdi_inodes_written() reports that this was done.
 */
void bdi_want_inodes(struct backing_dev *b);
void bdi_inodes_written(struct backing_dev *b);
/*
 * Notes that the device's thread is about to take a reference to @inode; NULL: that it has dropped
 * its reference. Wakes up bdi_wait_flushing().
 */
void bdi_set_flushing(struct backing_dev *b, const struct inode *inode);
/*
 * Waits until the device's thread has no reference to @inode, which is only compared and may be
 * freed already. A caller that drops the last other reference to a removed file and then calls this
 * function finds the file's blocks free on return. Sleeps; no lock may be held that writeback or
 * the removal needs.
 */
void bdi_wait_flushing(struct backing_dev *b, const struct inode *inode);

#endif
