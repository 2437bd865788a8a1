/* SPDX-License-Identifier: MIT */
/*
 * affinity.c: on which vCPUs a task may run: what was asked for it (sched_setaffinity(2)), within what its control group has (cpuset).
 *
 * t->cpus_allowed is what the wish (t->cpus_wish) and the bound (t->cpus_bound) have in common. A wish that has nothing of the bound is
 * refused; where a new bound leaves nothing of an old wish, the bound alone counts, and the wish again as soon as it can be followed.
 *
 * Locks: the runqueue's, over all three masks. What is read without it is looked at again under it.
 */
#include <asm/errno.h>
#include <linux/sched.h>

#include "kernel/sched/internal.h"

static u64 all_cpus(void)
{
	return nr_cpus == 64 ? ~0UL : BIT(nr_cpus) - 1;
}

u64 sched_within(u64 wish, u64 bound)
{
	u64 both = wish & bound & all_cpus();

	return both ? both : bound & all_cpus();
}

/* @t is of @rq, and belongs to @to; both are locked. */
static void move_to_allowed(struct task *t, struct rq *rq, struct rq *to)
{
	if (rq != to && rq->curr == t) {
		resched_curr(rq); /* schedule() moves it */
	} else if (rq != to && t->se.on_rq) {
		psi_change(t, rq->cpu, arch_cpu_clock(), -1, 0, 0);
		class_dequeue(rq, t);
		activate_task(rq, to, t, false);
	}
}

/* 0 for a wish or a bound: what it was. */
static int set_masks(struct task *t, u64 wish, u64 bound)
{
	u64 w, b, mask;
	struct rq *rq, *to;

	for (;;) {
		w = wish ? wish : READ_ONCE(t->cpus_wish);
		b = bound ? bound : READ_ONCE(t->cpus_bound);
		mask = sched_within(w, b);
		if (wish && t->policy == SCHED_DEADLINE && (mask & wish) != all_cpus())
			return -EBUSY; /* what it was promised is promised of all */
		if (wish && !(mask & wish))
			return -EINVAL;
		rq = cpu_rq(READ_ONCE(t->cpu));
		to = cpu_rq(mask & BIT(rq->cpu) ? rq->cpu : __builtin_ctzl(mask));
		rq_lock_two(rq, to);
		if (t->cpu == rq->cpu && (wish || t->cpus_wish == w) &&
			(bound || t->cpus_bound == b))
			break;
		rq_unlock_two(rq, to);
	}
	t->cpus_wish = w;
	t->cpus_bound = b;
	t->cpus_allowed = mask;
	move_to_allowed(t, rq, to);
	rq_unlock_two(rq, to);
	if (unlikely(READ_ONCE(rt_waiting) & BIT(to->cpu)))
		balance_push_rt(to); /* it may be allowed where something less urgent runs now */
	return 0;
}

int sched_setaffinity(struct task *t, u64 mask)
{
	int err = mask ? set_masks(t, mask, 0) : -EINVAL;

	if (!err && t == current)
		cond_resched();
	return err;
}

void sched_set_bound(struct task *t, u64 mask)
{
	if (READ_ONCE(t->cpus_bound) != mask)
		(void)set_masks(t, 0, mask);
}
