/* SPDX-License-Identifier: MIT */
/*
 * policy.h: in which order tasks run, and where: nice values, real-time priorities, deadlines,
 * slices and affinity, as set by system calls and control groups.
 */
#ifndef NESTLING_SCHED_POLICY_H
#define NESTLING_SCHED_POLICY_H

#include "kernel/lib/types.h"

struct task;

extern u32 sysctl_dl_period_min_us, sysctl_dl_period_max_us;
#define DL_PERIOD_MIN_US 100
/* Upper limit of a period: no task may sleep for minutes without reacting to signals. */
#define DL_PERIOD_MAX_US 4194304
extern int sysctl_sched_rt_runtime_us, sysctl_sched_rt_period_us; /* -1: no throttling */
#define SCHED_RR_TIMESLICE_MS 100
extern int sysctl_sched_rr_timeslice; /* ms */
void set_user_nice(struct task *t, int nice);
int sched_setscheduler(struct task *t, int policy, int prio); /* 0, -EINVAL */
/*
 * Sets the slice after which a fair task yields to others, in ns: 0.1 to 100 ms, or 0 for the
 * default.
 */
void sched_set_slice(struct task *t, u64 ns);
u64 sched_slice(const struct task *t);
/*
 * Sets SCHED_DEADLINE; a @period of 0 means @deadline. Returns 0, -EINVAL, -EBUSY (too little
 * bandwidth is left) or -EPERM (the task is not allowed on all vCPUs).
 */
int sched_set_deadline(struct task *t, u64 runtime, u64 deadline, u64 period, u64 flags);
/*
 * SCHED_DEADLINE: dl_yield() gives up the rest of current's budget. dl_throttle() sleeps until
 * current's next period if no budget is left.
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
/* Returns the priority at which @t runs: 1 to 99, or 0 for a fair task. */
int sched_rt_prio(const struct task *t);
int sched_setaffinity(struct task *t, u64 mask); /* 0, -EINVAL, -EBUSY */
/*
 * Sets the vCPUs (at least one) to which @t's group restricts it: sched_setaffinity() chooses only
 * among these. Callable with spinlocks held.
 */
void sched_set_bound(struct task *t, u64 mask);
u64 sched_rr_interval(struct task *t); /* ns; 0 for FIFO */

#endif
