/* SPDX-License-Identifier: MIT */
/*
 * balance.c: chooses the vCPU of a task.
 *
 * Waking a sleeping vCPU costs tens of microseconds, switching to a task on the current vCPU about
 * four. So a woken task is queued on its waker's vCPU if that has nothing else to do, on the guess
 * that the waker is about to sleep. If the task still waits after SPREAD_DELAY_NS, an idle vCPU
 * gets it: the machine's deadline (sched_next) brings the busy vCPU to a boundary for that. A vCPU
 * that runs out of tasks takes a task from another vCPU by itself (balance_pull), but none that has
 * waited for less than that delay.
 *
 * If tasks make short system calls all the time, and the host has few CPUs, arch_tasks_share()
 * returns true: the tasks run better on one vCPU. Then they wait for that vCPU although another is
 * idle, and one vCPU may take over the tasks of another (sched_join()).
 *
 * With no vCPU idle, queues are evened out at the end of slices, when they differ by two tasks or
 * more. Only fair tasks and the highest real-time task move.
 *
 * A real-time task does not wait while a vCPU runs something less urgent. When it wakes up, such a
 * vCPU is chosen. When it loses its vCPU to a more urgent task, another vCPU is made to reschedule
 * (balance_push_rt). A vCPU that switches to a less urgent task first checks the tasks that wait on
 * other vCPUs (balance_pull_rt).
 *
 * Locks: the runqueues' (two, by number). State of other queues that is read without their lock is
 * a guess, which is checked again under the lock.
 */
#include "kernel/sched/internal.h"

static u64 online_mask(void)
{
	return nr_cpus == 64 ? ~0UL : BIT(nr_cpus) - 1;
}

/* Returns the vCPU of @mask with the fewest runnable tasks, or -1 if @mask is 0. */
static int least_loaded(u64 mask)
{
	int best = -1;
	u32 n = ~0U;

	for (; mask; mask &= mask - 1) {
		int cpu = __builtin_ctzl(mask);
		u32 r = READ_ONCE(cpu_rq(cpu)->nr_running);

		if (r < n) {
			n = r;
			best = cpu;
		}
	}
	return best;
}

static u64 allowed_mask(const struct task *t)
{
	u64 mask = READ_ONCE(t->cpus_allowed) & online_mask();

	return mask ? mask : online_mask();
}

int balance_any_allowed(const struct task *t)
{
	u64 mask = allowed_mask(t), idle = mask & READ_ONCE(idle_mask);

	return idle ? __builtin_ctzl(idle) : least_loaded(mask);
}

/*
 * Returns the vCPU of @mask that runs the least urgent work, preferring @prev; -1 if none runs
 * below priority @prio.
 */
static int least_urgent(u64 mask, int prio, int prev)
{
	int best = -1, least = prio;

	if (mask & BIT(prev)) {
		least = READ_ONCE(cpu_rq(prev)->running_prio);
		if (least < prio)
			best = prev;
		least = min(least, prio);
	}
	for (; mask; mask &= mask - 1) {
		int cpu = __builtin_ctzl(mask), p = READ_ONCE(cpu_rq(cpu)->running_prio);

		if (p < least) {
			least = p;
			best = cpu;
		}
	}
	return best;
}

static bool computes(const struct task *t, u64 now)
{
	return t->se.computed_at && (s64)(now - t->se.computed_at) < (s64)COMPUTES_NS;
}

/* True if @t is so much lighter than @curr that @t would hardly get the vCPU. Racy reads. */
static bool is_light(const struct task *t, const struct task *curr)
{
	return READ_ONCE(t->se.weight) < READ_ONCE(curr->se.weight) / LIGHT_PART;
}

/*
 * True if @t should wait for @cpu (its runqueue is locked, or it is this vCPU) instead of running
 * on @to, or on any idle vCPU if @to is -1. False for kernel threads, which make no system calls.
 * False also if @t or the running task computes or is real-time, or if @t is light: @t would wait
 * for long.
 */
static bool shares(const struct task *t, int cpu, int to)
{
	const struct task *curr = READ_ONCE(cpu_rq(cpu)->curr);
	u64 now;

	if (!t->mm || is_rt(t) || is_rt(curr) || is_light(t, curr) || !arch_tasks_share(cpu, to))
		return false;
	now = arch_cpu_clock();
	return !computes(t, now) && !computes(curr, now);
}

int balance_select(struct task *t)
{
	int here = smp_processor_id(), prev = READ_ONCE(t->cpu);
	struct rq *rq = cpu_rq(here);
	u64 mask, idle;

	if (nr_cpus == 1)
		return 0;
	mask = allowed_mask(t);
	if ((mask & BIT(here)) && READ_ONCE(rq->nr_running) <= 1 && !is_rt(rq->curr))
		return here;
	idle = mask & READ_ONCE(idle_mask);
	if (idle && (mask & BIT(here)) && shares(t, here, -1))
		return here;
	if (idle)
		return idle & BIT(prev) ? prev : __builtin_ctzl(idle);
	if (unlikely(is_rt(t))) {
		int cpu = least_urgent(mask, rt_prio(t), prev);

		if (cpu >= 0)
			return cpu;
	}
	if (!(mask & BIT(prev)))
		return least_loaded(mask);
	if ((mask & BIT(here)) && READ_ONCE(rq->nr_running) < READ_ONCE(cpu_rq(prev)->nr_running))
		return here;
	return prev;
}

/*
 * Returns a queued task of @from that may run on @cpu and has waited for long enough. Under from's
 * lock.
 */
static struct task *candidate(struct rq *from, int cpu, u64 now)
{
	struct task *t = NULL;

	while ((t = class_next_queued(from, t)) != NULL)
		if (cpu_allowed(t, cpu) && (s64)(now - t->se.queued_at) >= (s64)SPREAD_DELAY_NS &&
			!shares(t, from->cpu, cpu))
			return t;
	return NULL;
}

/*
 * Moves one task from @from to @to, if @from has at least @min_lead tasks more. Returns true if a
 * task was moved. No lock held.
 */
static bool move_one(struct rq *from, struct rq *to, u64 now, u32 min_lead)
{
	struct task *t = NULL;

	rq_lock_two(from, to);
	if (from->nr_running >= to->nr_running + min_lead)
		t = candidate(from, to->cpu, now);
	if (t) {
		psi_change(t, from->cpu, now, -1, 0, 0);
		class_dequeue(from, t);
		activate_task(from, to, t, false);
	}
	rq_unlock_two(from, to);
	return t != NULL;
}

void balance_pull(struct rq *rq)
{
	u64 now = arch_cpu_clock();

	for (int i = 1; i < nr_cpus; i++) {
		struct rq *from = cpu_rq((rq->cpu + i) % nr_cpus);

		if (!rq_queued(from) || task_is_idle(READ_ONCE(from->curr)))
			continue;
		if (move_one(from, rq, now, 0))
			return;
	}
}

/*
 * Moves to @to the queued task of @from whose priority exceeds that of the task that @to would run
 * next, if there is such a task. curr of @to competes if it @stays. Both runqueues are locked.
 */
static void take_rt(struct rq *from, struct rq *to, bool stays, u64 now)
{
	struct task *t = class_rt_above(from, class_rt_floor(to, stays), BIT(to->cpu));

	if (!t)
		return;
	psi_change(t, from->cpu, now, -1, 0, 0);
	class_dequeue(from, t);
	activate_task(from, to, t, false);
}

void balance_pull_rt(struct rq *rq, bool stays)
{
	u64 mask = READ_ONCE(rt_waiting) & ~BIT(rq->cpu), now = arch_cpu_clock();

	for (; mask; mask &= mask - 1) {
		struct rq *from = cpu_rq(__builtin_ctzl(mask));

		rq_lock_two(from, rq);
		take_rt(from, rq, stays, now);
		rq_unlock_two(from, rq);
		if (READ_ONCE(rt_waiting) & BIT(from->cpu))
			balance_push_rt(from); /* another vCPU may take the task */
	}
}

/* Makes vCPU @cpu reschedule if it still runs at a priority below @prio. Returns true if so. */
static bool call_for(int cpu, int prio)
{
	struct rq *to = cpu_rq(cpu);
	bool below;

	spin_lock_raw(&to->lock);
	below = class_rt_floor(to, true) < prio;
	if (below)
		resched_curr(to); /* @to then takes the task (do_schedule()) */
	spin_unlock_raw(&to->lock);
	return below;
}

void balance_push_rt(struct rq *rq)
{
	struct task *t;
	u64 mask = 0;
	int prio = 0, cpu;

	spin_lock_raw(&rq->lock);
	t = class_rt_above(rq, 0, online_mask() & ~BIT(rq->cpu));
	/*
	 * If the vCPU of @rq is idle, it takes the task soon, and pushes the tasks that are left.
	 */
	if (t && !task_is_idle(rq->curr)) {
		mask = allowed_mask(t) & ~BIT(rq->cpu);
		prio = rt_prio(t);
	}
	spin_unlock_raw(&rq->lock);
	while (mask) {
		cpu = least_urgent(mask, prio, __builtin_ctzl(mask));
		if (cpu < 0 || call_for(cpu, prio))
			return;
		mask &= ~BIT(cpu);
	}
}

void balance_tick(struct rq *rq, u64 now, bool slice_over)
{
	u64 idle = READ_ONCE(idle_mask) & ~BIT(rq->cpu);

	for (; idle && rq_queued(rq); idle &= idle - 1)
		if (move_one(rq, cpu_rq(__builtin_ctzl(idle)), now, 1))
			return;
	if (slice_over) {
		/*
		 * No queued task should move to an idle vCPU, but perhaps to a busy vCPU with fewer
		 * tasks.
		 */
		int cpu = least_loaded(online_mask() & ~READ_ONCE(idle_mask));

		if (cpu >= 0 && cpu != rq->cpu)
			move_one(rq, cpu_rq(cpu), now, 2);
	}
}

/* Moves all fair tasks that are allowed on @to's vCPU, however short they have waited. */
void balance_join(struct rq *from, struct rq *to)
{
	struct task *t, *next;

	rq_lock_two(from, to);
	for (t = class_next_queued(from, NULL); t; t = next) {
		u64 now = arch_cpu_clock();

		next = class_next_queued(from, t);
		if (is_rt(t) || !cpu_allowed(t, to->cpu))
			continue;
		psi_change(t, from->cpu, now, -1, 0, 0);
		class_dequeue(from, t);
		activate_task(from, to, t, false);
	}
	rq_unlock_two(from, to);
}

/* Considers only the first queued task. The next one is considered when the first is gone. */
u64 balance_delay(struct rq *rq, u64 now)
{
	u64 idle = READ_ONCE(idle_mask) & ~BIT(rq->cpu), waited;
	struct task *t;
	u64 left = ~0UL;

	if (!idle)
		return left;
	spin_lock_raw(&rq->lock);
	t = class_next_queued(rq, NULL);
	if (t && (READ_ONCE(t->cpus_allowed) & idle) && !shares(t, rq->cpu, -1)) {
		waited = now - t->se.queued_at;
		left = waited < SPREAD_DELAY_NS ? SPREAD_DELAY_NS - waited : SPREAD_DELAY_NS / 4;
	}
	spin_unlock_raw(&rq->lock);
	return left;
}
