/* SPDX-License-Identifier: MIT */
/*
 * fasync.h: signals to the owners of open files (O_ASYNC). f_op->fasync adds a file to a list. An
 * event then signals the owner of each file on the list.
 */
#ifndef NESTLING_VFS_FASYNC_H
#define NESTLING_VFS_FASYNC_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"

struct file;

struct fasync_list {
	/*
	 * idle: files without a pending event. due: files whose owners have not been signalled yet
	 * for the last events. Under fasync.c's lock.
	 */
	struct list_head idle, due;
	struct list_head late; /* link among the lists of the worker */
	/* The events of @due: EPOLLHUP, EPOLLIN, EPOLLOUT. */
	int bands;
	u32 nr; /* files on both lists; under that lock */
};
void fasync_list_init(struct fasync_list *l);
/* True if the list is empty, so that no lock need be taken. */
static inline bool fasync_none(const struct fasync_list *l)
{
	return !READ_ONCE(l->nr);
}
/*
 * Adds @f to the list if @on, otherwise removes it. Events report @fd in si_fd. Takes no reference,
 * so f_op->release or f_op->fasync must remove @f. Returns 0 or -ENOMEM. May sleep if @on. The list
 * may be freed when its last file has been removed.
 */
int fasync_helper(int fd, struct file *f, bool on, struct fasync_list *l);
/* Signals the owner of each file on the list. @band: EPOLL*. Spinlocks may be held. */
void kill_fasync_list(struct fasync_list *l, int band);

#endif
