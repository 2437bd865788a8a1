/* SPDX-License-Identifier: MIT */
/*
 * fasync.h: signals to the owners of open files (O_ASYNC): f_op->fasync puts a file on a list, and
 * an event signals the owner of each file on it.
 */
#ifndef NESTLING_VFS_FASYNC_H
#define NESTLING_VFS_FASYNC_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"

struct file;

struct fasync_list {
	/*
	 * files without a pending event; files to be signalled for the last event. Under fasync.c's
	 * lock
	 */
	struct list_head idle, due;
	struct list_head late; /* in the worker's list if any are due */
	int bands;             /* EPOLLHUP, EPOLLIN, EPOLLOUT of the event */
	u32 nr;
};
void fasync_list_init(struct fasync_list *l);
/* True if the list is empty, so that no lock need be taken. */
static inline bool fasync_none(const struct fasync_list *l)
{
	return !READ_ONCE(l->nr);
}
/*
 * Puts @f there or takes it away: 0 or -ENOMEM. The list may go when its last file has gone from
 * it.
 */
int fasync_helper(int fd, struct file *f, bool on, struct fasync_list *l);
/* Signals each owner on the list. @band: EPOLL*. May be called with spinlocks held. */
void kill_fasync_list(struct fasync_list *l, int band);

#endif
