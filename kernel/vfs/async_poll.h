/* SPDX-License-Identifier: MIT */
/*
 * async_poll.h: waiting for events of a file without a sleeping task (asynchronous I/O).
 *
 *	async_poll_setup(&p, file, EPOLLIN | EPOLLERR | EPOLLHUP, done);
 *	mask = async_poll_start(&p);	> 0: these events are pending, done is not called
 *					  0: done(&p, mask) will be called once, by a worker that
 *					     may sleep
 *					< 0: -EINVAL, the file has too many wait queues
 *	async_poll_cancel(&p);		done is called soon, with the pending events,
 *					perhaps 0
 *
 * For a multishot poll (p->shot is set after setup) a worker calls shot(&p, mask) for each later
 * event. If shot returns false, or after a cancel, done is called and the poll has ended.
 * async_poll_start() always arms such a poll; > 0 means that events are pending already.
 *
 * p->task, if it is set after setup, is the waiting task. Events that this task causes itself are
 * reported on its way to user mode rather than by a worker, so that they have been reported when
 * its system call returns.
 *
 * The caller keeps the file, and keeps @p until start has returned and done has been called; done
 * may free @p. While it cancels, the caller must keep done from freeing @p, by a lock of its own.
 */
#ifndef NESTLING_VFS_ASYNC_POLL_H
#define NESTLING_VFS_ASYNC_POLL_H

#include "kernel/vfs/vfs.h"

/*
 * A file's poll() sets this bit when a worker called it and only the task itself can find the
 * events (signalfd). The task then polls again.
 */
#define ASYNC_POLL_ASK (1U << 25)

#define ASYNC_POLL_QUEUES 4

struct async_poll;
struct async_hook {
	struct wait_queue_entry wait;
	struct wait_queue_head *head; /* NULL: the queue was freed */
	struct async_poll *poll;
};
struct async_poll {
	struct file *file; /* no reference */
	u32 events;        /* EPOLL*, waited for */
	/* @mask: the pending ones of @events; it may be 0 only after a cancel. */
	void (*done)(struct async_poll *p, u32 mask);
	struct poll_table table;
	/* A task or NULL. It is only compared, but the armed poll holds a reference to it. */
	const struct task *task;
	struct task_work task_work;
	u32 state;                                    /* atomic; states: async_poll.c */
	bool (*shot)(struct async_poll *p, u32 mask); /* of a multishot poll, else NULL */
	bool cancelled, too_many;
	/*
	 * Multishot: an io_uring completion caused a wake-up, so the next report of events is the
	 * last, by done().
	 */
	bool once;
	u32 nr; /* of hooks in use */
	struct async_hook hooks[ASYNC_POLL_QUEUES];
	struct work work;
};

/*
 * The calls of the example above. async_poll_start() calls f_op->poll, so it may sleep; the others
 * do not.
 */
void async_poll_setup(struct async_poll *p, struct file *f, u32 events,
	void (*done)(struct async_poll *p, u32 mask));
int async_poll_start(struct async_poll *p);
void async_poll_cancel(struct async_poll *p);
/*
 * Multishot: takes the pending events from the worker, which then does not report them.
 * Returns the events, or 0 if the caller has taken none. Calls f_op->poll, so it may sleep.
 */
u32 async_poll_take(struct async_poll *p);
/*
 * Disarms the poll. Returns true if done will not be called; the caller then calls
 * async_poll_unhook(), which may wait for locks of wait queues. Returns false if done is about to
 * be called.
 */
bool async_poll_stop(struct async_poll *p);
void async_poll_unhook(struct async_poll *p);

#endif
