/* SPDX-License-Identifier: MIT */
/*
 * locks.h: record locks as data, and the arithmetic of their ranges (lock_range.c, which has no
 * other state).
 */
#ifndef NESTLING_VFS_LOCKS_H
#define NESTLING_VFS_LOCKS_H

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

enum { FLK_POSIX, FLK_OFD, FLK_FLOCK }; /* kind */
enum { FLK_READ, FLK_WRITE, FLK_NONE }; /* type; FLK_NONE: a request to unlock */

struct file_lock {
	struct list_head list; /* locks of the inode, under their lock */
	struct list_head all;  /* all locks, for /proc/locks */
	/* The owner: a files_struct for POSIX locks, a file for OFD and flock locks. */
	const void *owner;
	u8 kind, type;
	/* Bytes; end is inclusive. FLK_END: up to the end of the file, even when it grows. */
	loff_t start, end;
	pid_t pid;           /* the holder's, for F_GETLK; -1: OFD */
	struct inode *inode; /* no reference: the owner's file has one */
};
#define FLK_END ((loff_t)(~0UL >> 1))

static inline bool locks_overlap(const struct file_lock *a, const struct file_lock *b)
{
	return a->start <= b->end && b->start <= a->end;
}
/* True if @req must wait for @held. */
bool locks_conflict(const struct file_lock *held, const struct file_lock *req);

/*
 * Applies @req to the locks of its owner in @list, which is sorted by start within each owner.
 * Merges adjacent locks of one type; shortens or splits overlapping locks of another type. Locks
 * that are no longer needed move to @gone. @spare: two zeroed locks, of which one becomes the new
 * lock and the other the second half of a lock that is split; used entries are set to NULL. Never
 * fails.
 */
void lock_range_apply(struct list_head *list, const struct file_lock *req,
	struct file_lock *spare[2], struct list_head *gone);

#endif
