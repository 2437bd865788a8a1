/* SPDX-License-Identifier: MIT */
/*
 * prio.c: the scheduling properties of a task: policy, priority, nice value, deadline reservation
 * and slice (policy.h).
 *
 * Locks: policy_lock is taken before rq->lock.
 */
#include <asm/errno.h>
#include "arch/um/machine/arch.h"
#include "kernel/lib/trace.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/internal.h"

void sched_change(struct task *t, void (*change)(struct task *t, int a, int b), int a, int b)
{
	struct rq *rq = task_rq_lock(t);
	bool queued = t->se.on_rq && rq->curr != t, running = rq->curr == t;

	class_update_curr(rq, arch_cpu_clock());
	if (queued)
		class_dequeue(rq, t);
	if (running && !is_rt(t))
		rq_load_add(rq, t, -(s64)t->se.weight);
	change(t, a, b);
	t->se.weight = class_weight(t);
	if (running && !is_rt(t)) {
		rq_load_add(rq, t, (s64)t->se.weight);
		if ((s64)(t->se.vruntime - rq->min_vruntime) < 0)
			t->se.vruntime = rq->min_vruntime;
	}
	if (queued) {
		class_enqueue(rq, t, false);
		if (class_should_preempt(rq, t))
			resched_curr(rq);
	}
	if (running) {
		set_running_prio(rq, rt_prio(t));
		if (rq_queued(rq) || READ_ONCE(rt_waiting))
			resched_curr(rq);
	}
	spin_unlock_raw(&rq->lock);
	if (queued && unlikely(READ_ONCE(rt_waiting) & BIT(rq->cpu)))
		balance_push_rt(rq);
}

static void change_nice(struct task *t, int nice, int unused)
{
	t->nice = nice;
}

void set_user_nice(struct task *t, int nice)
{
	sched_change(t, change_nice, clamp(nice, -20, 19), 0);
}

static void change_boost(struct task *t, int prio, int unused)
{
	t->boost = prio;
}

bool sched_boost(struct task *t, int prio)
{
	int before = rt_prio(t);

	if (t->boost == prio)
		return false;
	sched_change(t, change_boost, prio, 0);
	return rt_prio(t) != before;
}

int sched_rt_prio(const struct task *t)
{
	return rt_prio(t);
}

static void change_policy(struct task *t, int policy, int prio)
{
	t->policy = policy;
	t->rt_priority = prio;
}

/*
 * Protects policies. A task's reservation follows from its policy: both must change together, or
 * two concurrent changes would count the reservation twice.
 */
static DEFINE_SPINLOCK(policy_lock);

/* Arguments of sched_set_deadline(), ns, for change_deadline(); protected by policy_lock. */
static struct {
	u64 runtime, deadline, period;
	u32 flags;
} new_dl;

/* The task may be queued by its deadline already, so its fields change under rq->lock. */
static void change_deadline(struct task *t, int unused1, int unused2)
{
	t->dl_runtime = new_dl.runtime;
	t->dl_deadline = new_dl.deadline;
	t->dl_period = new_dl.period;
	t->dl_flags = new_dl.flags;
	change_policy(t, SCHED_DEADLINE, 0);
	dl_begin(t);
}

static bool allowed_everywhere(const struct task *t)
{
	u64 all = nr_cpus == 64 ? ~0UL : BIT(nr_cpus) - 1;

	return (READ_ONCE(t->cpus_allowed) & all) == all;
}

/* Wakes up a task that waits for its next period, so that dl_throttle() tests its policy again. */
static void end_dl_wait(struct task *t)
{
	if (READ_ONCE(t->dl_waits))
		wake_up_state(t, TASK_WAKEKILL);
}

int sched_set_deadline(struct task *t, u64 runtime, u64 deadline, u64 period, u64 flags)
{
	int err = dl_check(runtime, deadline, &period);

	if (err)
		return err;
	if (!allowed_everywhere(t))
		return -EPERM;
	spin_lock(&policy_lock);
	err = dl_reserve(t, runtime, period);
	if (!err) {
		new_dl.runtime = runtime;
		new_dl.deadline = deadline;
		new_dl.period = period;
		new_dl.flags = (u32)flags;
		sched_change(t, change_deadline, 0, 0);
	}
	spin_unlock(&policy_lock);
	end_dl_wait(t);
	/* The stub must no longer answer the task's sched_yield(). */
	kick_process(t);
	return err;
}

int sched_setscheduler(struct task *t, int policy, int prio)
{
	bool rt = rt_policy(policy);

	if (!rt && policy != SCHED_NORMAL && policy != SCHED_BATCH && policy != SCHED_IDLE)
		return -EINVAL;
	if (rt ? prio < 1 || prio >= RT_PRIOS : prio != 0)
		return -EINVAL;
	spin_lock(&policy_lock);
	dl_reserve(t, 0, 0);
	sched_change(t, change_policy, policy, prio);
	spin_unlock(&policy_lock);
	end_dl_wait(t);
	return 0;
}

void sched_set_slice(struct task *t, u64 ns)
{
	WRITE_ONCE(t->se.slice, ns ? clamp(ns, SLICE_MIN_NS, SLICE_MAX_NS) : 0);
}

u64 sched_rr_interval(struct task *t)
{
	switch (t->policy) {
	case SCHED_DEADLINE:
	case SCHED_FIFO: return 0;
	case SCHED_RR: return RR_SLICE_NS;
	default: return sched_slice(t);
	}
}
