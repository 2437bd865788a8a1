/* SPDX-License-Identifier: MIT */
/*
 * timer.h: one-shot kernel timers. A timer belongs to the vCPU that armed it; its function runs at
 * a boundary of that vCPU with no lock held, and may not sleep. It may re-arm itself.
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
	/* base that guards it: the vCPU that armed it last */
	int cpu;
	bool armed; /* under that base's lock */
};
void timer_setup(struct ktimer *t, void (*func)(struct ktimer *t));
void timer_start(struct ktimer *t, u64 expires); /* arms it, or moves its expiry */
/* True if it was armed and has not run; does not wait. */
bool timer_cancel(struct ktimer *t);
/* Cancels, and waits until its function does not run on another vCPU; may sleep. */
void timer_cancel_sync(struct ktimer *t);
bool timer_armed(const struct ktimer *t);

#define TIMERS_SHOWN 64
struct timer_info {
	u64 expires;
	void (*func)(struct ktimer *t);
};
/*
 * Lists the first @max timers of a vCPU, soonest first. Returns how many; *more: how many others.
 */
u32 timers_list(int cpu, struct timer_info *to, u32 max, u32 *more);

/* Work for a kernel thread: runs in a task, may sleep. */
struct work {
	struct work *next;
	void (*func)(struct work *w);
	u32 queued;
};
void work_setup(struct work *w, void (*func)(struct work *w));
/* Queues; false if it was queued already. Callable with spinlocks held. */
bool work_queue(struct work *w);
/* Waits until it is neither queued nor running. */
void work_flush(struct work *w);

/*
 * Grace period: func runs once every vCPU has passed a boundary. For lock-free readers and frames.
 */
struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *h);
};
void call_rcu(struct rcu_head *h, void (*func)(struct rcu_head *h));
void synchronize_rcu(void); /* sleeps for a grace period */

/* Runs the timers of this vCPU that have expired. */
void timers_run(u64 now);
/* Returns the next deadline of this vCPU (timers and time slice); ~0: there is none. */
u64 timers_next(void);

#endif
