/* SPDX-License-Identifier: MIT */
/*
 * rwsem.c: reader-writer locks that sleep, in the order of arrival. A reader that finds a waiter
 * waits too, so writers are not starved. The release that admits a reader admits all readers up to
 * the next writer.
 *
 * A release makes the waiters holders (s->count) and takes them off the list before it wakes them:
 * a woken waiter with w.granted owns the lock and need not compete.
 *
 * Invariants: count > 0 readers, -1 a writer, 0 free; the list is empty when count is 0.
 * Locks: s->wait_lock (raw; lockdep knows the rwsem itself).
 */
#include <asm/errno.h>

#include "kernel/lib/debug/contention.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/internal.h"

struct rwsem_waiter {
	struct list_head list;
	struct task *task;
	bool write;
	/* True once the waiter holds the lock. Set under wait_lock, also read without it. */
	bool granted;
};

void rwsem_setup(struct rwsem *s, const char *name)
{
	spin_lock_setup(&s->wait_lock, name);
	s->count = 0;
	INIT_LIST_HEAD(&s->waiters);
}

static bool may_take(const struct rwsem *s, bool write)
{
	return write ? s->count == 0 : s->count >= 0;
}

static void take(struct rwsem *s, bool write)
{
	s->count = write ? -1 : s->count + 1;
}

/* Gives the lock to the waiters that may hold it now, and wakes them up; under wait_lock. */
static void grant(struct rwsem *s)
{
	while (!list_empty(&s->waiters)) {
		struct rwsem_waiter *w = list_first_entry(&s->waiters, struct rwsem_waiter, list);
		struct task *t = w->task;

		if (!may_take(s, w->write))
			return;
		take(s, w->write);
		list_del(&w->list);
		/* Once @granted is set, the task may run and exit. */
		get_task(t);
		smp_store_release(&w->granted, true);
		wake_up_process(t);
		put_task(t);
	}
}

/*
 * Sleeps in @state until the lock is granted. Called with wait_lock held, which it drops. Returns
 * 0, or -EINTR after a signal.
 */
static int wait_for(struct rwsem *s, bool write, u32 state)
{
	struct rwsem_waiter w = { .task = current, .write = write };

	list_add_tail(&w.list, &s->waiters);
	for (;;) {
		set_current_state(state);
		spin_unlock_raw(&s->wait_lock);
		if (smp_load_acquire(&w.granted))
			break;
		if (wait_interrupted(state)) {
			spin_lock_raw(&s->wait_lock);
			if (w.granted) {
				spin_unlock_raw(&s->wait_lock);
				break;
			}
			list_del(&w.list);
			/* Waiters behind this one may be able to hold the lock now. */
			grant(s);
			spin_unlock_raw(&s->wait_lock);
			__set_current_state(TASK_RUNNING);
			return -EINTR;
		}
		schedule();
		spin_lock_raw(&s->wait_lock);
		if (w.granted) {
			spin_unlock_raw(&s->wait_lock);
			break;
		}
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/*
 * Takes the lock, sleeping in @state. Returns 0, or -EINTR after a signal. @ip: the caller's
 * address, for the reports of lockdep and contention.
 */
static int down(struct rwsem *s, bool write, u32 state, const void *ip)
{
	u64 since;
	int err;

	might_sleep();
	lockdep_acquire(s, lock_name(&s->wait_lock), false, false, ip);
	spin_lock_raw(&s->wait_lock);
	if (list_empty(&s->waiters) && may_take(s, write)) {
		take(s, write);
		spin_unlock_raw(&s->wait_lock);
		return 0;
	}
	since = contention_begin();
	err = wait_for(s, write, state);
	contention_end(write ? "rwsem-w" : "rwsem-r", ip, since);
	if (err)
		lockdep_release(s);
	return err;
}

static bool try_down(struct rwsem *s, bool write, const void *ip)
{
	bool ok;

	spin_lock_raw(&s->wait_lock);
	ok = list_empty(&s->waiters) && may_take(s, write);
	if (ok)
		take(s, write);
	spin_unlock_raw(&s->wait_lock);
	if (ok)
		lockdep_acquire(s, lock_name(&s->wait_lock), false, true, ip);
	return ok;
}

void down_read(struct rwsem *s)
{
	down(s, false, TASK_UNINTERRUPTIBLE, __builtin_return_address(0));
}

int down_read_killable(struct rwsem *s)
{
	return down(s, false, TASK_KILLABLE, __builtin_return_address(0));
}

bool down_read_trylock(struct rwsem *s)
{
	return try_down(s, false, __builtin_return_address(0));
}

void down_write(struct rwsem *s)
{
	down(s, true, TASK_UNINTERRUPTIBLE, __builtin_return_address(0));
}

int down_write_killable(struct rwsem *s)
{
	return down(s, true, TASK_KILLABLE, __builtin_return_address(0));
}

bool down_write_trylock(struct rwsem *s)
{
	return try_down(s, true, __builtin_return_address(0));
}

void up_read(struct rwsem *s)
{
	lockdep_release(s);
	spin_lock_raw(&s->wait_lock);
	BUG_ON(s->count <= 0);
	s->count--;
	grant(s);
	spin_unlock_raw(&s->wait_lock);
}

void up_write(struct rwsem *s)
{
	lockdep_release(s);
	spin_lock_raw(&s->wait_lock);
	BUG_ON(s->count != -1);
	s->count = 0;
	grant(s);
	spin_unlock_raw(&s->wait_lock);
}

void downgrade_write(struct rwsem *s)
{
	spin_lock_raw(&s->wait_lock);
	BUG_ON(s->count != -1);
	s->count = 1;
	grant(s);
	spin_unlock_raw(&s->wait_lock);
}

void assert_rwsem_held(const struct rwsem *s)
{
#ifdef CONFIG_DEBUG
	BUG_ON(READ_ONCE(s->count) == 0);
#endif
}

void assert_rwsem_held_write(const struct rwsem *s)
{
#ifdef CONFIG_DEBUG
	BUG_ON(READ_ONCE(s->count) != -1);
#endif
}
