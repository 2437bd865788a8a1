/* SPDX-License-Identifier: MIT */
/*
 * timer.h: one-shot kernel timers, work for kernel threads, grace periods. A timer belongs to the
 * vCPU that armed it. Its function runs at a boundary of that vCPU (run.h) with no lock held, may
 * not sleep, and may re-arm or free its timer. The functions of this header do not sleep except
 * where said, and may be called with spinlocks held.
 */
#ifndef NESTLING_SCHED_TIMER_H
#define NESTLING_SCHED_TIMER_H

#include "kernel/lib/rbtree.h"
#include "kernel/lib/types.h"

#define NSEC_PER_SEC 1000000000UL
#define TIME_MAX ((u64)INT64_MAX)

struct ktimer {
	struct rb_node node;
	u64 expires; /* ktime_get() scale */
	void (*func)(struct ktimer *t);
	/* The vCPU whose timer_base (timer.c) has the timer; the base's lock protects the timer. */
	int cpu;
	bool armed; /* under the lock of the base */
};
/*
 * Initialises a timer that is not armed. The caller owns the timer, and calls timer_cancel_sync()
 * before it frees it.
 */
void timer_setup(struct ktimer *t, void (*func)(struct ktimer *t));
/*
 * Arms the timer, or changes its expiry. @expires: ktime_get() scale, in ns. If it has passed, the
 * function runs at the next boundary.
 */
void timer_start(struct ktimer *t, u64 expires);
/* Disarms the timer. Returns true if it was armed. Does not wait for a function that is running. */
bool timer_cancel(struct ktimer *t);
/*
 * Disarms the timer. Returns false if its function is running: the caller then lets go of the locks
 * that the function takes, and calls again.
 */
bool timer_try_cancel(struct ktimer *t);
/*
 * Disarms the timer, waits for its function if that is running, and disarms the timer again if the
 * function has re-armed it. May sleep. Not for the function itself.
 */
void timer_cancel_sync(struct ktimer *t);
/* True if the timer is armed. Racy: it may expire at any time. */
bool timer_armed(const struct ktimer *t);

#define TIMERS_SHOWN 64 /* per vCPU, by sysrq.c */
struct timer_info {
	u64 expires; /* ktime_get() scale */
	void (*func)(struct ktimer *t);
};
/*
 * Copies the first @max timers of a vCPU, soonest first, to @to. Returns how many; *more is set to
 * the number that did not fit.
 */
u32 timers_list(int cpu, struct timer_info *to, u32 max, u32 *more);

/*
 * Work for a kernel thread: @func runs in a task, with no lock held, and may sleep. It may free its
 * work.
 */
struct work {
	struct work *next; /* in work.c's queue; work_lock */
	void (*func)(struct work *w);
	u32 queued; /* 1: in the queue; work_lock */
};
/* Initialises a work that is not queued. */
void work_setup(struct work *w, void (*func)(struct work *w));
/*
 * Queues the work. Returns false if it was queued already. Work that is running may be queued, and
 * then runs once more afterwards. Callable with spinlocks held.
 */
bool work_queue(struct work *w);
/* Waits until the work is neither queued nor running. May sleep. */
void work_flush(struct work *w);

/*
 * Link of an object whose @func runs after a grace period. A grace period ends once every vCPU has
 * passed a boundary: then no lock-free reader can hold the object any more.
 */
struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *h);
};
/*
 * Runs @func(@h) after a grace period, at a boundary, with no lock held: it may not sleep. @h is
 * part of the object, which no new reader can find.
 */
void call_rcu(struct rcu_head *h, void (*func)(struct rcu_head *h));
void synchronize_rcu(void); /* sleeps for a grace period */

/* Runs what is due at a boundary of this vCPU: timers, RCU, slices. @now: ktime. No lock held. */
void timers_run(u64 now);
/* Returns the ktime at which this vCPU next has work to do (timers, slices, quotas, RCU), or ~0. */
u64 timers_next(void);

#endif
