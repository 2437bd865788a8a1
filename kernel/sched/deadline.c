/* SPDX-License-Identifier: MIT */
/*
 * deadline.c: SCHED_DEADLINE: a task gets a run time in each period, before all other tasks. The
 * task with the earliest deadline runs first.
 *
 * A deadline task outranks all real-time priorities (DL_PRIO) while it has budget in its period.
 * When the budget is used up, or the task yields, it sleeps on its way to user mode until its next
 * period begins (dl_throttle()). In the kernel, where it may hold locks, it runs until then as a
 * fair task. With SCHED_FLAG_RECLAIM it is not stopped: as a fair task it takes time that no other
 * task wants. All deadline tasks together may reserve 95 % of the vCPUs; more is refused (-EBUSY).
 * Like real-time tasks they are throttled while fair tasks would starve (class.c).
 *
 * t->dl_on is true while the task has budget. It becomes false when the budget is used up or the
 * task yields, and true when the next period begins. It changes only while the task is in no queue,
 * in dl_begin() and dl_refresh(). TIF_CGROUP makes the task call dl_throttle().
 *
 * Locks: the runqueue's lock protects dl_on, dl_start, dl_abs and dl_budget. dl_lock protects the
 * sum of bandwidths, and is taken before a runqueue's lock.
 */
#include <linux/sched.h>

#include "kernel/sched/internal.h"

/* A bandwidth of 1 << BW_SHIFT is a whole vCPU. */
#define BW_SHIFT 20
u32 sysctl_dl_period_min_us = DL_PERIOD_MIN_US, sysctl_dl_period_max_us = DL_PERIOD_MAX_US;

#define MIN_RUNTIME 1024UL /* ns */
#define MAX_PARAM BIT(62)  /* ns; deadlines and periods are below */

static DEFINE_SPINLOCK(dl_lock);
static u64 dl_total_bw; /* sum of the tasks' bandwidths */

/*
 * Begins a period at @start. @debt: the time used beyond the last period's budget, as a negative
 * number, or 0.
 */
static void replenish(struct task *t, u64 start, s64 debt)
{
	t->dl_start = start;
	t->dl_abs = start + t->dl_deadline;
	t->dl_budget = (s64)t->dl_runtime + debt;
	t->dl_on = t->dl_budget > 0;
	t->dl_waits = false;
}

void dl_begin(struct task *t)
{
	replenish(t, arch_cpu_clock(), 0);
}

static u64 period_end(const struct task *t)
{
	return t->dl_start + t->dl_period;
}

/*
 * Updates @t's period and dl_on before it is queued. If @t slept until its next period and wakes up
 * less than a period late, that period begins where the last one ended; else it begins now.
 */
void dl_refresh(struct task *t, u64 now)
{
	u64 late = now - period_end(t);

	if (now - t->dl_start < t->dl_period)
		t->dl_on = t->dl_budget > 0;
	else if (t->dl_waits && late < t->dl_period)
		replenish(t, period_end(t), min(t->dl_budget, 0L));
	else
		replenish(t, now, 0);
	if (!t->dl_on)
		set_bit(TIF_CGROUP, &t->work_flags);
}

void dl_charge(struct task *t, u64 ns)
{
	bool had = t->dl_budget > 0;

	t->dl_budget -= (s64)ns;
	if (t->dl_budget > 0)
		return;
	if (had && t->dl_budget < 0)
		WRITE_ONCE(t->dl_overran, true);
	set_bit(TIF_CGROUP, &t->work_flags);
}

u64 dl_time_left(const struct task *t, u64 now)
{
	u64 since = now - t->dl_start, used = 0;

	if (!t->dl_on) /* ns until the next period begins */
		return since < t->dl_period ? t->dl_period - since : 0;
	if ((s64)(now - t->se.exec_start) > 0)
		used = now - t->se.exec_start;
	return t->dl_budget > (s64)used ? (u64)t->dl_budget - used : 0;
}

/* ---- no budget left ---- */

static bool must_wait(const struct task *t)
{
	return t->policy == SCHED_DEADLINE && t->dl_budget <= 0 &&
	       !(t->dl_flags & SCHED_FLAG_RECLAIM) && arch_cpu_clock() - t->dl_start < t->dl_period;
}

static void settle(struct task *t, int a, int b)
{
	if (t->policy == SCHED_DEADLINE)
		dl_refresh(t, arch_cpu_clock());
}

void dl_throttle(void)
{
	struct task *t = current;
	struct wait_queue_head none;

	init_waitqueue_head(&none);
	while (must_wait(t) && !wait_interrupted(TASK_WAKEKILL)) {
		u64 left = period_end(t) - arch_cpu_clock(), until = ktime_get();

		if (left <= t->dl_period) /* the period has not ended meanwhile */
			until += left;
		WRITE_ONCE(t->dl_waits, true);
		(void)WAIT_EVENT_(&none, !must_wait(t), TASK_WAKEKILL, until, false, 0);
	}
	if (t->dl_budget <= 0) {
		sched_change(t, settle, 0, 0);
		clear_bit(TIF_CGROUP, &t->work_flags);
	}
	WRITE_ONCE(t->dl_waits, false);
}

static void give_up_budget(struct task *t, int a, int b)
{
	if (t->policy == SCHED_DEADLINE && t->dl_budget > 0)
		dl_charge(t, (u64)t->dl_budget);
}

void dl_yield(void)
{
	sched_change(current, give_up_budget, 0, 0);
}

/* ---- reservations ---- */

static u64 bandwidth(u64 runtime, u64 period)
{
	return (runtime << BW_SHIFT) / period;
}

int dl_check(u64 runtime, u64 deadline, u64 *period)
{
	if (!*period)
		*period = deadline;
	if (!deadline || runtime < MIN_RUNTIME || deadline >= MAX_PARAM || *period >= MAX_PARAM)
		return -EINVAL;
	if (deadline > *period || runtime > deadline)
		return -EINVAL;
	/*
	 * The shift in bandwidth() must not overflow, and no task may sleep for minutes without
	 * reacting to signals.
	 */
	return *period > READ_ONCE(sysctl_dl_period_max_us) * 1000UL ||
			       *period < READ_ONCE(sysctl_dl_period_min_us) * 1000UL ?
		       -EINVAL :
		       0;
}

static u64 own_bandwidth(const struct task *t)
{
	return t->policy == SCHED_DEADLINE ? bandwidth(t->dl_runtime, t->dl_period) : 0;
}

int dl_reserve(struct task *t, u64 runtime, u64 period)
{
	u64 limit = ((u64)nr_cpus << BW_SHIFT) / 100 * 95, sum;
	int err = 0;

	spin_lock(&dl_lock);
	sum = dl_total_bw - own_bandwidth(t) + (period ? bandwidth(runtime, period) : 0);
	if (period && sum > limit)
		err = -EBUSY;
	else
		dl_total_bw = sum;
	spin_unlock(&dl_lock);
	return err;
}
