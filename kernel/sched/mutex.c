/* SPDX-License-Identifier: MIT */
/*
 * mutex.c: locks with one owner, whose waiters sleep in the guest's scheduler.
 *
 * A free mutex is taken with one cmpxchg of m->owner. A contender spins for a moment while the
 * owner runs on another vCPU, then queues itself and sleeps. An unlock frees the mutex and wakes up
 * the first waiter, which competes with newcomers: that saves a switch for each unlock. A waiter
 * that has lost once sets `hungry` in its mutex_waiter. The next unlock then tries to make it the
 * owner. A newcomer may still win.
 *
 * Invariants:
 * 1. A waiter is in m->waiters from before its last read of m->owner until it owns the mutex or
 *    gives up.
 * 2. An unlock reads m->waiters after it has freed m->owner (full barriers on both sides), so no
 *    wake-up is lost.
 *
 * Locks: m->wait_lock (raw, since lockdep knows the mutex itself) for the list. waiter->task is not
 * freed before the waiter has left the list, under that lock.
 */
#include <asm/errno.h>

#include "kernel/lib/debug/contention.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/internal.h"

#define OWNER_SPINS 200

struct mutex_waiter {
	struct list_head list;
	struct task *task;
	bool hungry; /* under wait_lock */
};

void mutex_setup(struct mutex *m, const char *name)
{
	spin_lock_setup(&m->wait_lock, name);
	m->owner = NULL;
	INIT_LIST_HEAD(&m->waiters);
}

static bool try_take(struct mutex *m)
{
	return !READ_ONCE(m->owner) && cmpxchg(&m->owner, NULL, current) == NULL;
}

/*
 * Spins while the owner runs. Returns true if that took the mutex. The owner's struct task stays
 * valid: it is freed after a grace period, which cannot end before this vCPU passes a boundary (a
 * point where it takes interrupts, docs/architecture.md).
 */
static bool spin_on_owner(struct mutex *m)
{
	if (nr_cpus == 1)
		return false;
	for (int i = 0; i < OWNER_SPINS; i++) {
		struct task *o = READ_ONCE(m->owner);

		if (!o) {
			if (try_take(m))
				return true;
		} else if (!READ_ONCE(o->on_cpu)) {
			return false;
		}
		cpu_relax();
	}
	return false;
}

/* Queues current and sleeps in @state. Returns 0 as the owner, or -ERESTARTSYS after a signal. */
static int lock_slow(struct mutex *m, u32 state)
{
	struct mutex_waiter w = { .task = current };
	int err = 0;

	spin_lock_raw(&m->wait_lock);
	list_add_tail(&w.list, &m->waiters);
	for (;;) {
		set_current_state(state);
		if (READ_ONCE(m->owner) == current || try_take(m))
			break;
		if (wait_interrupted(state)) {
			err = -ERESTARTSYS;
			break;
		}
		spin_unlock_raw(&m->wait_lock);
		schedule();
		spin_lock_raw(&m->wait_lock);
		w.hungry = true;
	}
	__set_current_state(TASK_RUNNING);
	list_del(&w.list);
	spin_unlock_raw(&m->wait_lock);
	return err;
}

/*
 * Locks @m, sleeping in @state. Returns 0, or -ERESTARTSYS if a signal ended the sleep. @ip: the
 * caller's address, for the reports of lockdep and contention.
 */
static int do_lock(struct mutex *m, u32 state, const void *ip)
{
	int err = 0;
	u64 since;

	might_sleep();
	lockdep_acquire(m, lock_name(&m->wait_lock), false, false, ip);
	if (likely(try_take(m)))
		return 0;
	since = contention_begin();
	if (!spin_on_owner(m)) {
		BUG_ON(m->owner == current);
		err = lock_slow(m, state);
	}
	contention_end("mutex", ip, since);
	if (err)
		lockdep_release(m);
	return err;
}

void mutex_lock(struct mutex *m)
{
	do_lock(m, TASK_UNINTERRUPTIBLE, __builtin_return_address(0));
}

int mutex_lock_interruptible(struct mutex *m)
{
	return do_lock(m, TASK_INTERRUPTIBLE, __builtin_return_address(0));
}

int mutex_lock_killable(struct mutex *m)
{
	return do_lock(m, TASK_KILLABLE, __builtin_return_address(0));
}

bool mutex_trylock(struct mutex *m)
{
	if (!try_take(m))
		return false;
	lockdep_acquire(m, lock_name(&m->wait_lock), false, true, __builtin_return_address(0));
	return true;
}

static void unlock_slow(struct mutex *m)
{
	struct mutex_waiter *w;

	spin_lock_raw(&m->wait_lock);
	w = list_first_entry_or_null(&m->waiters, struct mutex_waiter, list);
	if (w) {
		if (w->hungry)
			(void)cmpxchg(&m->owner, NULL, w->task);
		wake_up_process(w->task);
	}
	spin_unlock_raw(&m->wait_lock);
}

void mutex_unlock(struct mutex *m)
{
	lockdep_release(m);
	BUG_ON(m->owner != current);
	__atomic_store_n(&m->owner, NULL, __ATOMIC_SEQ_CST);
	if (unlikely(!list_empty(&m->waiters)))
		unlock_slow(m);
}

void assert_mutex_held(const struct mutex *m)
{
#ifdef CONFIG_DEBUG
	BUG_ON(m->owner != current);
#endif
}
