/* SPDX-License-Identifier: MIT */
/*
 * timer.h: one-shot kernel timers, work for kernel threads, grace periods. A timer belongs to the
 * vCPU that armed it; its function runs at a boundary of that vCPU with no lock held, and may not
 * sleep. It may re-arm or free its timer. Functions here do not sleep except where said, and may be
 * called with spinlocks held.
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
	/*
	 * The vCPU that armed the timer last: the base of that vCPU holds it, and its lock protects
	 * it.
	 */
	int cpu;
	bool armed; /* under the lock of that base */
};
/*
 * Initialises a timer that is not armed. It is the caller's: before it is freed,
 * timer_cancel_sync() makes sure that it is not in use.
 */
void timer_setup(struct ktimer *t, void (*func)(struct ktimer *t));
/*
 * Arms the timer, or changes its expiry. @expires: ktime_get() scale, in ns. If it has passed, the
 * function runs at the next boundary.
 */
void timer_start(struct ktimer *t, u64 expires);
/* Disarms the timer. Returns true if it was armed. Does not wait for a function that is running. */
bool timer_cancel(struct ktimer *t);
/* Cancels the timer, and waits until its function runs on no other vCPU. May sleep. */
void timer_cancel_sync(struct ktimer *t);
/* Racy: the timer may expire at any time. */
bool timer_armed(const struct ktimer *t);

#define TIMERS_SHOWN 64
struct timer_info {
	u64 expires;
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
	struct work *next;
	void (*func)(struct work *w);
	u32 queued;
};
/* Initialises a work that is not queued. */
void work_setup(struct work *w, void (*func)(struct work *w));
/* Queues the work. Returns false if it was queued already. Callable with spinlocks held. */
bool work_queue(struct work *w);
/* Waits until the work is neither queued nor running. May sleep. */
void work_flush(struct work *w);

/*
 * Link of an object whose @func runs after a grace period: once every vCPU has passed a boundary,
 * when no lock-free reader can hold the object any more.
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
