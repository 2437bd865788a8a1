/* SPDX-License-Identifier: MIT */
/*
 * deadline.c: SCHED_DEADLINE: so much run time in each period, before everything else, the earliest deadline first.
 *
 * Such a task stands above all real-time priorities (DL_PRIO) while it has budget in its period. When the budget is used up, or it
 * yields, it competes as a fair task until its next period begins: it is not stopped, so time that nobody else wants is
 * not lost. All together may ask for 95 % of the vCPUs; more is refused. Like real-time tasks they are throttled where fair
 * ones would starve (class.c).
 *
 * States (t->dl_on): served -> budget used up, yields -> demoted -> next period -> served. It changes only while the task stands in no
 * queue: in dl_refresh(), before it is put into one.
 *
 * Locks: the runqueue's: dl_on, dl_start, dl_abs, dl_budget. dl_lock: the sum of bandwidths, outside of it.
 */
#include "kernel/sched/internal.h"

#define BW_SHIFT 20
#define MIN_RUNTIME 1024UL
#define MAX_PARAM BIT(62)

static DEFINE_SPINLOCK(dl_lock);
static u64 dl_total_bw;

static void replenish(struct task *t, u64 now)
{
	t->dl_start = now;
	t->dl_abs = now + t->dl_deadline;
	t->dl_budget = (s64)t->dl_runtime;
	t->dl_on = true;
}

void dl_begin(struct task *t)
{
	replenish(t, arch_cpu_clock());
}

void dl_refresh(struct task *t, u64 now, bool yields)
{
	if (now - t->dl_start >= t->dl_period)
		replenish(t, now);
	if (yields)
		t->dl_budget = 0;
	t->dl_on = t->dl_budget > 0;
}

u64 dl_time_left(const struct task *t, u64 now)
{
	u64 since = now - t->dl_start, used = 0;

	if (!t->dl_on) /* until it is served again */
		return since < t->dl_period ? t->dl_period - since : 0;
	if ((s64)(now - t->se.exec_start) > 0)
		used = now - t->se.exec_start;
	return t->dl_budget > (s64)used ? (u64)t->dl_budget - used : 0;
}

/* ---- who may ask for how much ---- */

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
	/* the shift must not overflow, and nobody waits for minutes */
	return *period > 1UL << 42 || *period < 100000 ? -EINVAL : 0;
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
