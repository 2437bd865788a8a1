/* SPDX-License-Identifier: MIT */
/*
 * wait.c: wait queues and completions (lock.h describes how to wait).
 *
 * A waiter queues itself, sets its state with a full barrier, then tests its condition. The waker
 * makes the condition true, then reads the queue. So either the waker finds the waiter, or the
 * waiter finds the condition true. Non-exclusive waiters come before exclusive ones; a wake-up
 * wakes all non-exclusive waiters and @nr exclusive ones, not counting those that were awake.
 *
 * Locks: q->lock; wake-up functions run under it.
 */
#include <asm/errno.h>

#include "kernel/sched/internal.h"

bool fatal_signal_pending(struct task *t);

void wait_queue_setup(struct wait_queue_head *q, const char *name)
{
	spin_lock_setup(&q->lock, name);
	INIT_LIST_HEAD(&q->head);
}

void init_wait_entry(struct wait_queue_entry *e)
{
	INIT_LIST_HEAD(&e->entry);
	e->func = default_wake_function;
	e->private = current;
	e->exclusive = false;
	e->events = 0;
}

static bool cares(const struct wait_queue_entry *e, u64 key)
{
	return likely(!e->events) || !key || key & e->events;
}

int default_wake_function(struct wait_queue_entry *e, u64 key)
{
	return cares(e, key) ? wake_up_state(e->private, TASK_NORMAL) : 0;
}

static void queue_entry(struct wait_queue_head *q, struct wait_queue_entry *e, bool exclusive)
{
	e->exclusive = exclusive;
	if (exclusive)
		list_add_tail(&e->entry, &q->head);
	else
		list_add(&e->entry, &q->head);
}

void add_wait_queue(struct wait_queue_head *q, struct wait_queue_entry *e)
{
	spin_lock(&q->lock);
	queue_entry(q, e, false);
	spin_unlock(&q->lock);
}

void add_wait_queue_exclusive(struct wait_queue_head *q, struct wait_queue_entry *e)
{
	spin_lock(&q->lock);
	queue_entry(q, e, true);
	spin_unlock(&q->lock);
}

void remove_wait_queue(struct wait_queue_head *q, struct wait_queue_entry *e)
{
	spin_lock(&q->lock);
	list_del_init(&e->entry);
	spin_unlock(&q->lock);
}

static void prepare(struct wait_queue_head *q, struct wait_queue_entry *e, u32 state, bool excl)
{
	spin_lock(&q->lock);
	if (list_empty(&e->entry))
		queue_entry(q, e, excl);
	set_current_state(state);
	spin_unlock(&q->lock);
}

void prepare_to_wait(struct wait_queue_head *q, struct wait_queue_entry *e, u32 state)
{
	prepare(q, e, state, false);
}

void prepare_to_wait_exclusive(struct wait_queue_head *q, struct wait_queue_entry *e, u32 state)
{
	prepare(q, e, state, true);
}

void finish_wait(struct wait_queue_head *q, struct wait_queue_entry *e)
{
	__set_current_state(TASK_RUNNING);
	remove_wait_queue(q, e);
}

static int wake_entry(struct wait_queue_entry *e, u32 states, u64 key)
{
	if (e->func == default_wake_function)
		return cares(e, key) ? wake_up_state(e->private, states) : 0;
	return e->func(e, key);
}

void wake_up_common_locked(struct wait_queue_head *q, u32 states, int nr, u64 key)
{
	struct wait_queue_entry *e, *n;

	list_for_each_entry_safe(e, n, &q->head, entry) {
		bool exclusive = e->exclusive; /* the wake function may free the entry */

		if (wake_entry(e, states, key) && exclusive && !--nr)
			break;
	}
}

void wake_up_common(struct wait_queue_head *q, u32 states, int nr, u64 key)
{
	if (!waitqueue_active(q))
		return;
	spin_lock(&q->lock);
	wake_up_common_locked(q, states, nr, key);
	spin_unlock(&q->lock);
}

bool wait_interrupted(u32 state)
{
	if (likely(!test_bit(TIF_SIGPENDING, &current->work_flags)))
		return false;
	if (state & TASK_INTERRUPTIBLE)
		return signal_pending(current);
	return (state & TASK_WAKEKILL) && fatal_signal_pending(current);
}

/* ---- completions ---- */

#define DONE_FOR_ALL 0x80000000U

void init_completion(struct completion *c)
{
	c->done = 0;
	init_waitqueue_head(&c->wait);
}

/*
 * Holds the queue's lock to the end: the waiter may free the completion as soon as it has read
 * c->done.
 */
void complete(struct completion *c)
{
	spin_lock(&c->wait.lock);
	if (c->done != DONE_FOR_ALL)
		c->done++;
	wake_up_common_locked(&c->wait, TASK_NORMAL, 1, 0);
	spin_unlock(&c->wait.lock);
}

void complete_all(struct completion *c)
{
	spin_lock(&c->wait.lock);
	c->done = DONE_FOR_ALL;
	wake_up_common_locked(&c->wait, TASK_NORMAL, 0, 0);
	spin_unlock(&c->wait.lock);
}

/* Sleeps in @state until the completion is done. Returns 0, or -ERESTARTSYS after a signal. */
static int wait_for(struct completion *c, u32 state)
{
	struct wait_queue_entry e;
	int err = 0;

	might_sleep();
	init_wait_entry(&e);
	e.exclusive = true;
	spin_lock(&c->wait.lock);
	while (!c->done) {
		if (list_empty(&e.entry))
			list_add_tail(&e.entry, &c->wait.head);
		set_current_state(state);
		if (wait_interrupted(state)) {
			err = -ERESTARTSYS;
			break;
		}
		spin_unlock(&c->wait.lock);
		schedule();
		spin_lock(&c->wait.lock);
	}
	__set_current_state(TASK_RUNNING);
	list_del_init(&e.entry);
	if (!err && c->done != DONE_FOR_ALL)
		c->done--;
	spin_unlock(&c->wait.lock);
	return err;
}

void wait_for_completion(struct completion *c)
{
	wait_for(c, TASK_UNINTERRUPTIBLE);
}

int wait_for_completion_killable(struct completion *c)
{
	return wait_for(c, TASK_KILLABLE);
}

int wait_for_completion_interruptible(struct completion *c)
{
	return wait_for(c, TASK_INTERRUPTIBLE);
}

int schedule_until(struct wait_until until)
{
	return until.real ? sched_timer_ops->sleep_real(until.at) : schedule_deadline(until.at);
}
