/* SPDX-License-Identifier: MIT */
/*
 * account.c: CPU time of tasks, and the load of the machine.
 *
 * A task's time is split between user and kernel at every entry and exit (account_user_*) and at
 * every switch: the time since task->last_acct goes to the side that ends. It is also counted for
 * the vCPU (user, nice, system or idle). se.sum_exec is the sum that the scheduler itself keeps,
 * without the time that the host took (steal.c); the CPU-time clocks show it. At a switch, and
 * after a long time on one side, user and kernel time are corrected so that their sum is
 * se.sum_exec. The excess is time that the host took. If it has been charged to the task already
 * (acct_over), it is subtracted from the time that the task uses next. Time that is not charged is
 * the vCPU's "steal".
 *
 * The load average is updated when it is read or when a switch finds it five seconds old, with as
 * many steps as five-second periods have passed: a tickless idle machine needs no timer for it. A
 * step takes the average number of active tasks since the last step (account_active()): a sample of
 * one moment would always include the task whose wake-up triggered the step. Runnable tasks are
 * active, and uninterruptible sleepers without TASK_NOLOAD, which marks kernel threads that wait
 * for work.
 *
 * Locks: a task's times are written by the task itself, a vCPU's by the vCPU. load_lock protects
 * the load average.
 */
#include "arch/um/machine/arch.h"
#include "kernel/sched/internal.h"

#define LOAD_PERIOD (5 * NSEC_PER_SEC)
#define LOAD_SHIFT 11
#define LOAD_ONE (1UL << LOAD_SHIFT)

const struct sched_timer_ops *sched_timer_ops;

static DEFINE_SPINLOCK(load_lock);
/*
 * load: averages of 1, 5 and 15 minutes, with LOAD_SHIFT bits of fraction. load_at:
 * arch_cpu_clock() at the last step. Both are written under load_lock and also read without it.
 */
static u64 load[3], load_at;
static u64 sampled_at; /* time of the last sample; under load_lock */
/* Sum of the vCPUs' active_sum at sampled_at, in ns; under load_lock. */
static s64 sampled_sum;
/* exp(-5 s / 1, 5, 15 min), 11 bits of fraction */
static const u64 load_decay[3] = { 1884, 2014, 2037 };

static void count_stolen(struct rq *rq, u64 delta, u64 charged)
{
	if (charged < delta)
		rq->times.steal += delta - charged;
}

/*
 * Returns the part of @delta, the time since the last accounting, that counts as the task's: utime
 * + stime may reach se.sum_exec, which class_update_curr() has just updated.
 */
static u64 up_to_sum(struct rq *rq, struct task *t, u64 delta)
{
	s64 missing = (s64)(t->se.sum_exec - t->utime - t->stime);

	t->acct_over = missing < 0 ? (u64)-missing : 0;
	count_stolen(rq, delta, missing < 0 ? 0 : (u64)missing);
	return missing < 0 ? 0 : (u64)missing;
}

static __noinline u64 without_over(struct rq *rq, struct task *t, u64 delta)
{
	u64 back = min(t->acct_over, delta);

	t->acct_over -= back;
	rq->times.steal += back;
	return delta - back;
}

/*
 * Asks the host how much of the long time @delta it took, and returns the rest. If the rest is long
 * too, the task counts as computing.
 */
static __noinline u64 account_long(struct rq *rq, struct task *t, u64 delta, u64 now)
{
	spin_lock_raw(&rq->lock);
	class_update_curr(rq, arch_cpu_clock());
	spin_unlock_raw(&rq->lock);
	delta = up_to_sum(rq, t, delta);
	if (delta >= STEAL_LONG_NS)
		t->se.computed_at = now;
	return delta;
}

bool io_wait_begin(void)
{
	bool outer = current->in_iowait;

	current->in_iowait = true;
	return outer;
}

void io_wait_end(bool outer)
{
	current->in_iowait = outer;
}

/*
 * Returns the time since the last accounting, 0 if the vCPU-local clock is a little behind the
 * clock of the last switch.
 */
static inline u64 account_since(struct rq *rq, struct task *t, u64 now)
{
	s64 delta = (s64)(now - t->last_acct);

	t->last_acct = now;
	if (delta <= 0)
		return 0;
	if (unlikely(delta >= (s64)STEAL_LONG_NS))
		return account_long(rq, t, (u64)delta, now);
	if (unlikely(t->acct_over))
		return without_over(rq, t, (u64)delta);
	return (u64)delta;
}

void account_user_enter(u64 now)
{
	struct task *t = current;
	struct rq *rq = &runqueues[t->cpu];
	u64 delta = account_since(rq, t, now);

	t->stime += delta;
	rq->times.system += delta;
	boundary_leave_early(rq->cpu);
}

void account_user_exit(void)
{
	struct task *t = current;
	struct rq *rq = &runqueues[t->cpu];
	u64 delta = account_since(rq, t, arch_cpu_clock_local());

	boundary_pass(t->cpu);
	t->utime += delta;
	if (t->nice > 0)
		rq->times.nice += delta;
	else
		rq->times.user += delta;
}

void account_user_none(void)
{
	struct task *t = current;
	struct rq *rq = &runqueues[t->cpu];
	u64 delta = account_since(rq, t, arch_cpu_clock_local());

	boundary_pass(t->cpu);
	t->stime += delta;
	rq->times.system += delta;
}

/*
 * Accounts for the time in which the vCPU was idle: as iowait if a task that last ran there waits
 * for a disk. rq->lock held.
 */
void account_idle(struct rq *rq, u64 now)
{
	s64 delta = (s64)(now - rq->idle->last_acct);

	if (delta <= 0) /* the clock of another vCPU was ahead */
		return;
	if (rq->nr_iowait > 0)
		rq->times.iowait += (u64)delta;
	else
		rq->times.idle += (u64)delta;
	rq->idle->last_acct = now;
}

/* Accounts for a switch. class_update_curr() has updated prev's se.sum_exec. */
void account_switch(struct rq *rq, struct task *prev, struct task *next, u64 now)
{
	if (task_is_idle(prev)) {
		account_idle(rq, now);
	} else {
		u64 delta = up_to_sum(rq, prev, now - prev->last_acct);

		prev->stime += delta;
		rq->times.system += delta;
	}
	prev->last_acct = next->last_acct = now;
	if (now - READ_ONCE(load_at) >= LOAD_PERIOD)
		loadavg_update(now);
}

/*
 * Subtracts @ns from current's CPU time through steal_debt, like time that the host took: if it has
 * been charged already, it is subtracted from the time that current uses next.
 */
void sched_waited_on_host(u64 ns)
{
	struct rq *rq = this_rq();
	s64 since;

	arch_cpu_waited_for_disk(rq->cpu, ns);
	spin_lock_raw(&rq->lock);
	since = (s64)(arch_cpu_clock() - current->last_acct);
	/*
	 * @ns was measured on another clock. last_acct must not pass arch_cpu_clock()
	 * (account_switch()).
	 */
	ns = min(ns, (u64)max(since, 0L));
	rq->steal_debt += ns;
	rq->times.iowait += ns;
	current->last_acct += ns;
	spin_unlock_raw(&rq->lock);
}

void sched_cpu_times(int cpu, struct cpu_times *ct)
{
	struct rq *rq = cpu_rq(cpu);
	s64 idle_for;

	spin_lock_raw(&rq->lock);
	*ct = rq->times;
	idle_for = (s64)(arch_cpu_clock() - rq->idle->last_acct);
	if (rq->curr == rq->idle && idle_for > 0)
		*(rq->nr_iowait > 0 ? &ct->iowait : &ct->idle) += (u64)idle_for;
	spin_unlock_raw(&rq->lock);
}

void sched_cpu_stats(int cpu, struct sched_cpu_stats *st)
{
	struct rq *rq = cpu_rq(cpu);

	spin_lock_raw(&rq->lock);
	class_update_curr(rq, arch_cpu_clock());
	st->switches = rq->switches;
	st->run_ns = rq->run_ns;
	st->wait_ns = rq->wait_ns;
	st->slices = rq->slices;
	spin_unlock_raw(&rq->lock);
}

u64 task_sched_runtime(struct task *t)
{
	struct rq *rq = task_rq_lock(t);
	u64 sum;

	if (rq->curr == t)
		class_update_curr(rq, arch_cpu_clock());
	sum = t->se.sum_exec;
	spin_unlock_raw(&rq->lock);
	return sum;
}

u32 nr_running(void)
{
	u32 n = 0;

	for (int i = 0; i < nr_cpus; i++)
		n += READ_ONCE(cpu_rq(i)->nr_running);
	return n;
}

u64 nr_context_switches(void)
{
	u64 n = 0;

	for (int i = 0; i < nr_cpus; i++)
		n += READ_ONCE(cpu_rq(i)->switches);
	return n;
}

/*
 * Returns rq's active_sum extrapolated to @now. If concurrent changes spoil every attempt to read
 * it, the result is inexact, which the next sample corrects.
 */
static s64 active_until(const struct rq *rq, u64 now)
{
	s64 sum = 0;

	for (int i = 0; i < 8; i++) {
		u32 seq = smp_load_acquire(&rq->active_seq);
		s64 delta, nr;

		delta = (s64)(now - READ_ONCE(rq->active_at));
		nr = (s64)READ_ONCE(rq->nr_running) + READ_ONCE(rq->nr_uninterruptible);
		sum = READ_ONCE(rq->active_sum) + (delta > 0 ? nr * delta : 0);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(seq & 1) && seq == READ_ONCE(rq->active_seq))
			break;
	}
	return sum;
}

/*
 * Returns the mean number of active tasks since the last sample, with LOAD_SHIFT bits of fraction.
 * load_lock held.
 */
static u64 active_since_sample(u64 now)
{
	s64 sum = 0, delta;
	u64 elapsed = now - sampled_at;

	for (int i = 0; i < nr_cpus; i++)
		sum += active_until(cpu_rq(i), now);
	delta = sum - sampled_sum;
	sampled_sum = sum;
	sampled_at = now;
	/* @elapsed may be near 0: the last sample may have been taken late in its period. */
	return delta > 0 ? (u64)delta / max(elapsed >> LOAD_SHIFT, 1UL) : 0;
}

/*
 * Returns @old after @periods steps of load = load * @decay + @active * (1 - @decay), rounded
 * towards @active. All but @periods have LOAD_SHIFT bits of fraction.
 */
static u64 decayed(u64 old, u64 decay, u64 active, u64 periods)
{
	u64 keep = LOAD_ONE;

	for (; periods && keep; periods--)
		keep = (keep * decay + LOAD_ONE / 2) >> LOAD_SHIFT;
	return (old * keep + active * (LOAD_ONE - keep) + (active >= old ? LOAD_ONE - 1 : 0)) >>
	       LOAD_SHIFT;
}

/* Updates the load average. Called with runqueue locks held too, so load_lock is raw. */
void loadavg_update(u64 now)
{
	u64 periods, active;

	if (!spin_trylock_raw(&load_lock))
		return; /* another vCPU updates the load */
	if (!load_at)
		load_at = sampled_at = now;
	periods = now > load_at ? (now - load_at) / LOAD_PERIOD : 0;
	if (periods) {
		active = active_since_sample(now);
		for (int i = 0; i < 3; i++)
			load[i] = decayed(load[i], load_decay[i], active, min(periods, 2000UL));
		load_at += periods * LOAD_PERIOD;
	}
	spin_unlock_raw(&load_lock);
}

void sched_loadavg(u64 avg[3])
{
	loadavg_update(arch_cpu_clock());
	for (int i = 0; i < 3; i++)
		avg[i] = READ_ONCE(load[i]);
}
