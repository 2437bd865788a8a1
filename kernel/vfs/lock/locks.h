/* SPDX-License-Identifier: MIT */
/*
 * locks.h: record locks as data, and the algebra of their ranges (lock_range.c, pure).
 */
#ifndef NESTLING_VFS_LOCKS_H
#define NESTLING_VFS_LOCKS_H

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

enum { FLK_POSIX, FLK_OFD, FLK_FLOCK };
enum { FLK_READ, FLK_WRITE, FLK_NONE };

struct file_lock {
	struct list_head list; /* of the inode's locks, under their lock */
	struct list_head all;  /* of /proc/locks */
	/* files_struct (POSIX) or file (OFD, flock) */
	const void *owner;
	u8 kind, type;
	/* bytes, end inclusive; FLK_END: to the end of the file, whatever that will be */
	loff_t start, end;
	pid_t pid;
	struct inode *inode;
};
#define FLK_END ((loff_t)(~0UL >> 1))

static inline bool locks_overlap(const struct file_lock *a, const struct file_lock *b)
{
	return a->start <= b->end && b->start <= a->end;
}
/* True if @req would have to wait for @held. */
bool locks_conflict(const struct file_lock *held, const struct file_lock *req);

/*
 * Applies @req to the locks of its owner in @list, which is sorted by start for each owner: merges
 * with neighbours of its type, cuts others where they overlap. What goes is put on @gone. @spare:
 * two zeroed locks, which are used (set to NULL) as needed: one for the lock itself, one for the
 * second half of a lock that is cut in two. Never fails.
 */
void lock_range_apply(struct list_head *list, const struct file_lock *req,
	struct file_lock *spare[2], struct list_head *gone);

#endif
