/* SPDX-License-Identifier: MIT */
/*
 * policy.h: in which order tasks run, and where: nice values, real-time priorities, deadlines,
 * slices and affinity, as set by system calls and control groups.
 */
#ifndef NESTLING_SCHED_POLICY_H
#define NESTLING_SCHED_POLICY_H

#include "kernel/lib/types.h"

struct task;

/* Limits of the period of a deadline task, in us; within DL_PERIOD_MIN_US and DL_PERIOD_MAX_US. */
extern u32 sysctl_dl_period_min_us, sysctl_dl_period_max_us;
#define DL_PERIOD_MIN_US 100
/* Upper limit of a period: no task may sleep for minutes without reacting to signals. */
#define DL_PERIOD_MAX_US 4194304
/* How long real-time tasks may run in each period, in us. A runtime of -1: no throttling. */
extern int sysctl_sched_rt_runtime_us, sysctl_sched_rt_period_us;
#define SCHED_RR_TIMESLICE_MS 100
extern int sysctl_sched_rr_timeslice; /* ms */
/*
 * The functions below check no rights, and do not sleep except where said. The caller has a
 * reference to @t, or @t is current. set_user_nice() clamps @nice to -20 to 19.
 */
void set_user_nice(struct task *t, int nice);
/*
 * Sets a policy other than SCHED_DEADLINE. @prio: 1 to 99 for FIFO and RR, else 0. Returns 0 or
 * -EINVAL.
 */
int sched_setscheduler(struct task *t, int policy, int prio);
/*
 * Sets the slice after which a fair task yields to other tasks, in ns, clamped to 0.1 to 100 ms; 0:
 * the default.
 */
void sched_set_slice(struct task *t, u64 ns);
/* Returns the slice in ns. */
u64 sched_slice(const struct task *t);
/*
 * Checks the times of a deadline task (ns), and sets a @period of 0 to @deadline. Returns 0 or
 * -EINVAL.
 */
int dl_check(u64 runtime, u64 deadline, u64 *period);
/*
 * Sets SCHED_DEADLINE, with times in ns; a @period of 0 means @deadline. @flags:
 * SCHED_FLAG_RECLAIM, SCHED_FLAG_DL_OVERRUN. Returns 0, -EINVAL, -EBUSY (too little bandwidth is
 * left) or -EPERM (the task is not allowed on all vCPUs).
 */
int sched_set_deadline(struct task *t, u64 runtime, u64 deadline, u64 period, u64 flags);
/*
 * For SCHED_DEADLINE: dl_yield() gives up the rest of current's budget. dl_throttle() sleeps until
 * current's next period if no budget is left, unless current is killed or has SCHED_FLAG_RECLAIM.
 */
void dl_yield(void);
void dl_throttle(void);
/*
 * Lends @t a real-time priority (0: none). Returns true if @t now runs at another priority. Under
 * pi_lock (kernel/task/futex/futex_pi.c).
 */
bool sched_boost(struct task *t, int prio);
/* Makes a kernel thread run before all other tasks. It must sleep whenever it has no work. */
void sched_go_first(struct task *t);
/*
 * Returns the priority at which @t runs: 1 to 99, 100 for a deadline task with budget, or 0 for a
 * fair task.
 */
int sched_rt_prio(const struct task *t);
/*
 * Sets the vCPUs on which @t wishes to run: bits of @mask. If @t is current, it moves at once, and
 * the call may sleep. Returns 0, -EINVAL (its group allows none of them) or -EBUSY (a deadline task
 * needs all vCPUs).
 */
int sched_setaffinity(struct task *t, u64 mask);
/*
 * Sets the vCPUs (at least one) to which @t's group restricts it: sched_setaffinity() chooses only
 * among these. Callable with spinlocks held.
 */
void sched_set_bound(struct task *t, u64 mask);
/* Returns the slice for sched_rr_get_interval(2), in ns; 0: FIFO and deadline tasks have none. */
u64 sched_rr_interval(struct task *t);

#endif
