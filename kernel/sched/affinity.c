/* SPDX-License-Identifier: MIT */
/*
 * affinity.c: the vCPUs on which a task may run: those that sched_setaffinity(2) asked for, within
 * those of its control group (cpuset).
 *
 * t->cpus_allowed is the intersection of the wish (t->cpus_wish) and the bound (t->cpus_bound). A
 * wish outside the bound is refused. If a new bound leaves nothing of an old wish, the bound alone
 * counts, until the wish can be followed again.
 *
 * Locks: the runqueue's lock protects all three masks. A mask that is read without the lock is
 * checked again under the lock.
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

/* Moves @t from @rq to @to; both are locked. */
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

/*
 * Sets the masks of @t. If @wish or @bound is 0, that mask stays unchanged. Returns 0; -EINVAL if a
 * new wish lies outside the bound; or -EBUSY if a new wish would keep a deadline task from a vCPU.
 * Takes the locks of two runqueues.
 */
static int set_masks(struct task *t, u64 wish, u64 bound)
{
	u64 w, b, mask;
	struct rq *rq, *to;

	for (;;) {
		w = wish ? wish : READ_ONCE(t->cpus_wish);
		b = bound ? bound : READ_ONCE(t->cpus_bound);
		mask = sched_within(w, b);
		if (wish && t->policy == SCHED_DEADLINE && (mask & wish) != all_cpus())
			return -EBUSY; /* a deadline task needs all vCPUs */
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
		/* @t may now be allowed on a vCPU that runs a less urgent task. */
		balance_push_rt(to);
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

void sched_go_first(struct task *t)
{
	sched_boost(t, DL_PRIO);
}
