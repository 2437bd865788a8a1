/* SPDX-License-Identifier: MIT */
/*
 * poll.h: tests whether a file can be read or written at once, and watches files.
 *
 * f_op->poll() returns EPOLLIN and so on. By poll_wait() it adds the caller to each wait queue that
 * is woken up when that result changes.
 */
#ifndef NESTLING_VFS_POLL_H
#define NESTLING_VFS_POLL_H

#include "kernel/lib/types.h"
#include "kernel/vfs/file/file.h"

struct wait_queue_head;

struct poll_table {
	/* Adds the caller to the wait queue @q. NULL: the caller needs only the present events. */
	void (*queue)(struct file *f, struct wait_queue_head *q, struct poll_table *pt);
	u64 key; /* events that the caller waits for */
	/*
	 * The file's poll() must not wait for other processes. It returns the events known now, and
	 * wakes up the queue when it learns of more.
	 */
	bool no_wait;
};
/*
 * Adds the caller to @q, which exists as long as @f. @pt and @q may be NULL. f_op->poll() calls it
 * before it tests the file, so that no event is missed.
 */
static inline void poll_wait(struct file *f, struct wait_queue_head *q, struct poll_table *pt)
{
	if (pt && pt->queue && q)
		pt->queue(f, q, pt);
}
u32 vfs_default_poll(void); /* always readable and writable */
/* Returns EPOLL* of @f. @pt NULL: only the present events. May sleep. */
static inline u32 vfs_poll(struct file *f, struct poll_table *pt)
{
	return f->f_op->poll ? f->f_op->poll(f, pt) : vfs_default_poll();
}

/*
 * epoll's operations, for the files that it watches. kernel/event registers them before any file is
 * watched.
 */
struct file_watch_ops {
	/*
	 * Removes all watches of @f, which is about to be freed. Its f_ep is not empty. May sleep.
	 */
	void (*release)(struct file *f);
	/*
	 * Returns file number @nth among those that the epoll file @ep watches as descriptor @fd,
	 * with a reference. ERR_PTR(-EINVAL): @ep is no epoll file; ERR_PTR(-ENOENT): no such file.
	 */
	struct file *(*target)(struct file *ep, int fd, u32 nth);
	/* Adds @n to the counter. Spinlocks may be held. */
	void (*signal)(struct file *eventfd, u64 n);
};
extern const struct file_watch_ops *file_watch_ops;

#endif
