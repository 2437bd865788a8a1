/* SPDX-License-Identifier: MIT */
/*
 * async_poll.h: waiting for events of a file without a sleeping task (asynchronous I/O).
 *
 *	async_poll_setup(&p, file, EPOLLIN | EPOLLERR | EPOLLHUP, done);
 *	mask = async_poll_start(&p);	> 0: the events are there, done is not called
 *					  0: done(&p, mask) will be called once, by a worker that
 *					     may sleep
 *					< 0: -EINVAL, the file has too many wait queues
 *	async_poll_cancel(&p);		done is called soon, with the events that are there,
 *					perhaps 0
 *
 * With several shots (p->shot is set after setup) a worker calls shot(&p, mask) for each later
 * event. If shot returns false, or after a cancel, done is called and the poll has ended. In this
 * mode start always arms; > 0 means that events are there already.
 *
 * p->task, if it is set after setup, is the waiting task. Events that this task causes itself are
 * reported on its way to user mode rather than by a worker, so it finds them reported when its call
 * has returned.
 *
 * The caller keeps the file, and keeps @p until start has returned and done has been called; done
 * may free @p. Cancelling needs @p alive: the caller's own lock must keep done from freeing it
 * meanwhile.
 */
#ifndef NESTLING_VFS_ASYNC_POLL_H
#define NESTLING_VFS_ASYNC_POLL_H

#include "kernel/vfs/vfs.h"

/*
 * poll() returns this in a worker if only the task can find the events (signalfd): the task polls
 * again.
 */
#define ASYNC_POLL_ASK (1U << 25)

#define ASYNC_POLL_QUEUES 4

struct async_poll;
struct async_hook {
	struct wait_queue_entry wait;
	struct wait_queue_head *head; /* NULL: the queue has gone */
	struct async_poll *poll;
};
struct async_poll {
	struct file *file;
	u32 events;
	void (*done)(struct async_poll *p, u32 mask);
	struct poll_table table;
	/* a task or NULL; only compared. While it is armed there is a reference */
	const struct task *task;
	struct task_work task_work;
	u32 state;                                    /* atomic: async_poll.c */
	bool (*shot)(struct async_poll *p, u32 mask); /* several shots, else NULL */
	bool cancelled, too_many;
	/* with several shots: a completion has woken it, and this shot is the last */
	bool once;
	u32 nr;
	struct async_hook hooks[ASYNC_POLL_QUEUES];
	struct work work;
};

void async_poll_setup(struct async_poll *p, struct file *f, u32 events,
	void (*done)(struct async_poll *p, u32 mask));
int async_poll_start(struct async_poll *p);
void async_poll_cancel(struct async_poll *p);
/*
 * With several shots: returns the events that woke it and that the worker has not reported yet; the
 * worker does not report them any more. Else 0.
 */
u32 async_poll_take(struct async_poll *p);
/*
 * Disarms the poll. Returns true if done will not be called: then the caller calls
 * async_poll_unhook(), which may wait for locks of queues. False: done is about to be called.
 */
bool async_poll_stop(struct async_poll *p);
void async_poll_unhook(struct async_poll *p);

#endif
