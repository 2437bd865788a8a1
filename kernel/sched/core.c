/* SPDX-License-Identifier: MIT */
/*
 * core.c: the core of the scheduler: the switch, waking and sleeping.
 *
 * Interface (run.h, policy.h): schedule(), cond_resched(), yield(), wake_up_state(),
 * wake_up_new_task(), sched_fork(), sched_dead(); for the machine (arch.h): schedule_tail(),
 * sched_init_idle(), need_resched(), sched_idle_enter/exit().
 *
 * States of a task (task->state, se.on_rq, on_cpu):
 *      new        RUNNING, not on_rq     -> wake_up_new_task: queued
 *                 after sched_fork
 *      queued     RUNNING, on_rq         -> schedule() on its vCPU: running
 *                 in its vCPU's queue
 *      running    any, on_rq, on_cpu     -> schedule(): queued, asleep, moving or dead
 *                 rq->curr
 *      asleep     not RUNNING, not on_rq -> wake_up_state: queued
 *                 in no queue
 *      moving     RUNNING, not on_rq     -> finish_switch: queued elsewhere
 *                 must leave its vCPU
 *      dead       DEAD, not on_rq        finish_switch drops the scheduler's reference
 * A task that sets its state and is woken before it calls schedule() stays running: the waker finds
 * it on_rq.
 *
 * Invariants:
 * 1. rq->lock is held over the switch, and the next task releases it (finish_switch). So a vCPU
 *    that holds the lock of t->cpu and sees t not on_rq knows that the stack of t is not in use: no
 *    task ever runs on two vCPUs.
 * 2. t->cpu changes only while t is in no queue, with the locks of both vCPUs held.
 * 3. A queued task is allowed on its vCPU (cpus_allowed changes under the lock, and moves it).
 * 4. A vCPU with an idle task as curr and a queued task has TIF_NEED_RESCHED set.
 *
 * Preemption happens at boundaries only: TIF_NEED_RESCHED is set, and the vCPU is kicked if it is
 * in guest code. On a vCPU with an empty queue, curr has no slice: the vCPU is kicked when a task
 * is queued for it. The host is called only for a vCPU that sleeps or is in guest code
 * (arch_kick_cpu checks).
 *
 * Locks: rq->lock (raw). Two of them are taken in the order of the vCPU numbers.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/trace.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/internal.h"

struct rq runqueues[MAX_CPUS];
struct boundary boundaries[MAX_CPUS];
u64 idle_mask;
struct task init_task_storage;
DEFINE_RWLOCK(tasklist_lock);
LIST_HEAD(all_processes);
DECLARE_WAIT_QUEUE_HEAD(printk_wait);

/* ---- locks of runqueues ---- */

void rq_lock_two(struct rq *a, struct rq *b)
{
	spin_lock_raw(a->cpu < b->cpu ? &a->lock : &b->lock);
	if (a != b)
		spin_lock_raw(a->cpu < b->cpu ? &b->lock : &a->lock);
}

void rq_unlock_two(struct rq *a, struct rq *b)
{
	spin_unlock_raw(&a->lock);
	if (a != b)
		spin_unlock_raw(&b->lock);
}

struct rq *task_rq_lock(struct task *t)
{
	for (;;) {
		struct rq *rq = cpu_rq(READ_ONCE(t->cpu));

		spin_lock_raw(&rq->lock);
		if (likely(rq->cpu == t->cpu))
			return rq;
		spin_unlock_raw(&rq->lock);
	}
}

/* ---- boundaries ---- */

bool need_resched(void)
{
	return test_bit(TIF_NEED_RESCHED, &current->work_flags);
}

const struct sched_idle_ops *sched_idle_ops;
const struct sched_plug_ops *sched_plug_ops;

void sched_before_idle(void)
{
	if (sched_idle_ops)
		sched_idle_ops->before_idle();
}

void sched_idle_enter(void)
{
	int cpu = smp_processor_id();

	set_bit(cpu, &idle_mask);
	boundary_leave(cpu);
}

void sched_idle_exit(void)
{
	int cpu = smp_processor_id();

	boundary_pass(cpu);
	clear_bit(cpu, &idle_mask);
}

/*
 * Returns a cheap ktime_get(), exact to some hundred nanoseconds: arch_cpu_clock() minus a
 * difference that is at most a millisecond old.
 */
static u64 ktime_near(struct rq *rq)
{
	u64 now = arch_cpu_clock();

	if (unlikely(now - rq->ktime_at >= MSEC)) {
		rq->ktime_behind = now - ktime_get();
		rq->ktime_at = now;
	}
	return now - rq->ktime_behind;
}

/*
 * Does the work that is due at each boundary in the kernel. No lock is held. current's state may
 * already be that of a sleeper.
 */
static void boundary(void)
{
	struct rq *rq = this_rq();

	machine_stop_poll();
	boundary_pass(rq->cpu);
	if (irq_pending() || ktime_near(rq) >= timers_expire(rq->cpu))
		irq_poll();
	if (unlikely(printk_take_wake()))
		wake_up_all(&printk_wait);
}

/*
 * Returns ns until current's CPU quota or deadline budget must be checked, even if no other task is
 * queued on the vCPU; ~0: never.
 */
static u64 check_in(void)
{
	struct task *t = current;
	u64 left = ~0UL;

	if (unlikely(t->sched_group))
		left = group_check_in(t, arch_cpu_clock());
	if (unlikely(t->policy == SCHED_DEADLINE && t->dl_on && t->dl_budget > 0))
		left = min(left, dl_time_left(t, arch_cpu_clock()));
	return left;
}

void sched_tick(void)
{
	struct rq *rq = this_rq();
	bool over;
	u64 now;

	if (unlikely(!check_in())) {
		spin_lock_raw(&rq->lock);
		class_update_curr(rq, arch_cpu_clock());
		spin_unlock_raw(&rq->lock);
	}
	if (likely(!rq_queued(rq)) || task_is_idle(current))
		return;
	now = arch_cpu_clock();
	over = !class_slice_left(rq, now);
	if (over)
		set_bit(TIF_NEED_RESCHED, &current->work_flags);
	if (nr_cpus > 1)
		balance_tick(rq, now, over);
}

u64 sched_next(void)
{
	struct rq *rq = this_rq();
	u64 now, left = check_in();

	if (rq_queued(rq) && !task_is_idle(current)) {
		now = arch_cpu_clock();
		left = min(left, class_slice_left(rq, now));
		if (nr_cpus > 1)
			left = min(left, balance_delay(rq, now));
	}
	if (!left)
		return 0; /* at once, without reading the clock */
	return left == ~0UL ? left : ktime_get() + left;
}

void resched_curr(struct rq *rq)
{
	if (test_and_set_bit(TIF_NEED_RESCHED, &rq->curr->work_flags))
		return;
	if (rq->cpu != smp_processor_id())
		arch_kick_cpu(rq->cpu);
}

void kick_process(struct task *t)
{
	if (READ_ONCE(t->on_cpu) && t != current)
		arch_kick_cpu(READ_ONCE(t->cpu));
}

/* ---- the switch ---- */

static bool signal_keeps_awake(const struct task *t)
{
	if (!test_bit(TIF_SIGPENDING, &t->work_flags))
		return false;
	if (t->state & TASK_INTERRUPTIBLE)
		return true;
	return (t->state & TASK_WAKEKILL) && wait_interrupted(t->state);
}

void sched_join(int cpu)
{
	struct rq *rq = this_rq();

	balance_join(rq, cpu_rq(cpu));
	rq->join = cpu + 1;
	set_bit(TIF_NEED_RESCHED, &current->work_flags);
}

static bool joins(const struct rq *rq, const struct task *t)
{
	return rq->join && !is_rt(t) && cpu_allowed(t, rq->join - 1);
}

/*
 * Takes @prev off the vCPU: to one of the states queued, asleep, moving and dead (top of this
 * file).
 */
static void put_prev(struct rq *rq, struct task *prev, bool preempted, bool yields)
{
	if (task_is_idle(prev))
		return;
	if (prev->state != TASK_RUNNING && !preempted) {
		if (signal_keeps_awake(prev)) {
			prev->state = TASK_RUNNING;
		} else {
			class_sleep_curr(rq, prev);
			rq->nr_uninterruptible += task_is_load(prev);
			rq->nr_iowait += prev->in_iowait;
			return;
		}
	}
	if (unlikely(!cpu_allowed(prev, rq->cpu) || joins(rq, prev)) &&
		prev->state == TASK_RUNNING) {
		class_sleep_curr(rq, prev);
		rq->moving = prev;
		rq->moving_to = rq->join - 1;
		return;
	}
	class_put_curr(rq, prev, yields);
}

/*
 * Takes the task to run next off the queue; with @yields, another one than @prev if possible.
 * Returns the idle task if none is queued. rq->lock held.
 */
static struct task *pick_next(struct rq *rq, struct task *prev, bool yields)
{
	struct task *next, *other;

	next = class_pick(rq);
	if (!next)
		return rq->idle;
	if (next == prev && yields && !is_rt(prev)) {
		other = class_pick(rq);
		if (other) {
			class_put_curr(rq, prev, true);
			return other;
		}
	}
	return next;
}

/*
 * Queues a task that must leave its vCPU on @wish if it is allowed there (-1: no wish), else on
 * another vCPU. No lock held.
 */
static void enqueue_elsewhere(struct task *t, int wish)
{
	for (;; wish = -1) {
		struct rq *from = cpu_rq(t->cpu);
		struct rq *to = cpu_rq(wish >= 0 ? wish : balance_any_allowed(t));

		rq_lock_two(from, to);
		if (cpu_allowed(t, to->cpu)) {
			activate_task(from, to, t, false);
			rq_unlock_two(from, to);
			if (unlikely(READ_ONCE(rt_waiting) & BIT(to->cpu)))
				balance_push_rt(to);
			return;
		}
		rq_unlock_two(from, to);
	}
}

/* Finishes the switch from @prev, on the stack of the task that runs now. */
static void finish_switch(struct task *prev)
{
	struct rq *rq = this_rq();
	struct task *moving = rq->moving;
	int moving_to = rq->moving_to;
	bool dead = prev->state == TASK_DEAD;

	rq->moving = NULL;
	smp_store_release(&prev->on_cpu, false);
	spin_unlock_raw(&rq->lock);
	if (unlikely(moving))
		enqueue_elsewhere(moving, moving_to);
	if (unlikely(READ_ONCE(rt_waiting))) {
		if (READ_ONCE(rt_waiting) & BIT(rq->cpu))
			balance_push_rt(rq);
		balance_pull_rt(rq, true);
	}
	if (unlikely(dead))
		put_task(prev);
}

void schedule_tail(struct task *prev)
{
	finish_switch(prev);
}

/*
 * Sets rq->running_prio. A full barrier if the priority sinks: either a vCPU that queues a
 * real-time task sees the lower priority (balance_push_rt), or this vCPU sees that the task waits.
 */
void set_running_prio(struct rq *rq, int prio)
{
	bool sinks = rq->running_prio > max(prio, 0);

	WRITE_ONCE(rq->running_prio, prio);
	if (sinks)
		smp_mb();
}

/* Makes @next rq->curr, at @now (arch_cpu_clock()). rq->lock held. */
static void start_running(struct rq *rq, struct task *next, u64 now)
{
	rq->curr = next;
	set_running_prio(rq, task_is_idle(next) ? -1 : rt_prio(next));
	next->on_cpu = true;
	next->se.exec_start = now;
	next->se.slice_start = next->se.sum_exec;
	next->se.nr_runs++;
	if (next->se.wait_since) {
		s64 waited = (s64)(now - next->se.wait_since);

		next->se.wait_since = 0;
		if (waited > 0) {
			next->se.run_delay += (u64)waited;
			rq->wait_ns += (u64)waited;
		}
	}
	rq->slices += !task_is_idle(next);
	rq->switches++;
#ifdef CONFIG_DEBUG
	lockdep_switch(rq->cpu, &next->held);
#endif
}

/*
 * The body of schedule(), cond_resched() and yield(). @preempted: current stays queued whatever its
 * state. @yields: other tasks go first. No spinlock held.
 */
static void do_schedule(bool preempted, bool yields)
{
	struct task *prev = current, *next;
	struct rq *rq = this_rq();
	u64 now;

	might_sleep();
	if (spin_depth())
		panic("schedule() with a spinlock held, in %s", prev->comm);
	boundary();
	if (unlikely(READ_ONCE(rt_waiting) & ~BIT(rq->cpu)))
		balance_pull_rt(rq, preempted || prev->state == TASK_RUNNING);
	if (nr_cpus > 1 && !rq_queued(rq) && (task_is_idle(prev) || prev->state != TASK_RUNNING))
		balance_pull(rq);
	spin_lock_raw(&rq->lock);
	now = arch_cpu_clock();
	clear_bit(TIF_NEED_RESCHED, &prev->work_flags);
	class_update_curr(rq, now);
	account_active(rq, now);
	put_prev(rq, prev, preempted, yields);
	rq->join = 0;
	next = pick_next(rq, prev, yields);
	rq->hurried = false;
	if (next == prev) {
		if (class_slice_left(rq, now) == 0)
			prev->se.slice_start = prev->se.sum_exec;
		if (!task_is_idle(prev))
			/* A deadline task may have lost its priority: store the present one. */
			set_running_prio(rq, rt_prio(prev));
		spin_unlock_raw(&rq->lock);
		/*
		 * A call_for() by another vCPU after the balance_pull_rt() above had no effect:
		 * TIF_NEED_RESCHED was cleared under the lock after the call.
		 */
		if (unlikely(READ_ONCE(rt_waiting) & ~BIT(rq->cpu)))
			balance_pull_rt(rq, true);
		return;
	}
	if (prev->state == TASK_RUNNING || preempted)
		prev->nivcsw++;
	else
		prev->nvcsw++;
	TRACE(switch, "vcpu%d %s[%d] -> %s[%d]", rq->cpu, prev->comm, prev->pid, next->comm,
		next->pid);
	account_switch(rq, prev, next, now);
	if (task_is_idle(prev))
		steal_after_idle_locked(rq, now);
	psi_switch(prev, next, rq->cpu, now);
	if (prev->se.on_rq)
		prev->se.wait_since = now;
	start_running(rq, next, now);
	if (unlikely(next->sched_group))
		group_start(next);
	finish_switch(arch_switch(prev, next));
}

void schedule(void)
{
	if (unlikely(current->plug) && current->state != TASK_RUNNING && sched_plug_ops->submit())
		return;
	do_schedule(false, false);
}

/* Reschedules. If no other task is queued on this vCPU, only does the work of a boundary. */
void yield(void)
{
	might_sleep();
	__set_current_state(TASK_RUNNING);
	if (rq_queued(this_rq()) || need_resched())
		do_schedule(false, true);
	else
		boundary();
}

bool sched_alone(void)
{
	return !rq_queued(this_rq()) && current->policy != SCHED_DEADLINE;
}

bool sched_spare(u64 ns)
{
	return sched_alone() && !need_resched() && timers_next() > ktime_get() + ns;
}

void cond_resched(void)
{
	might_sleep();
	if (unlikely(need_resched())) {
		/*
		 * The switch may last, and other tasks may wait for pages whose reads are still in
		 * the plug.
		 */
		if (unlikely(current->plug) && current->state == TASK_RUNNING)
			sched_plug_ops->submit();
		do_schedule(true, false);
		return;
	}
	boundary();
	if (unlikely(rq_queued(this_rq())) && !sched_next())
		sched_tick();
}

void sched_dead(void)
{
	set_current_state(TASK_DEAD);
	do_schedule(false, false);
	panic("a dead task runs");
}

/* ---- waking ---- */

void activate_task(struct rq *from, struct rq *to, struct task *t, bool wakeup)
{
	bool first = !rq_queued(to);

	class_migrate(from, to, t);
	t->nr_moves += t->cpu != to->cpu;
	t->cpu = to->cpu;
	t->se.queued_at = arch_cpu_clock();
	if (!t->se.wait_since)
		t->se.wait_since = t->se.queued_at;
	psi_change(t, to->cpu, t->se.queued_at, 1, 0, 0);
	if (wakeup)
		t->se.woken_exec = t->se.sum_exec;
	account_active(to, t->se.queued_at);
	class_enqueue(to, t, wakeup);
	if (class_should_preempt(to, t))
		resched_curr(to);
	else if (first && to->cpu != smp_processor_id())
		arch_kick_cpu(to->cpu); /* curr runs without a slice timer */
}

/* Ends the wait of a task for a disk: idle time of @from up to now counts as iowait. */
static __noinline void end_iowait(struct rq *from, struct task *t)
{
	u64 now = arch_cpu_clock();

	if (from->curr == from->idle)
		account_idle(from, now);
	from->nr_iowait--;
	psi_change(t, from->cpu, now, 0, 0, -1);
}

/*
 * Wakes @t up. Both runqueues are locked. Returns false if the caller must choose the vCPU again.
 */
static bool wake_up_locked(struct rq *from, struct rq *to, struct task *t)
{
	if (t->se.on_rq) {
		t->state = TASK_RUNNING;
		return true;
	}
	if (t->on_cpu || !cpu_allowed(t, to->cpu))
		return false;
	if (task_is_load(t)) {
		account_active(from, arch_cpu_clock());
		from->nr_uninterruptible--;
	}
	if (t->in_iowait)
		end_iowait(from, t);
	t->state = TASK_RUNNING;
	activate_task(from, to, t, true);
	return true;
}

bool wake_up_state(struct task *t, u32 states)
{
	bool woken = false, done = false;

	/* Orders the caller's condition before the state; see set_current_state(). */
	smp_mb();
	while (!done) {
		struct rq *from = cpu_rq(READ_ONCE(t->cpu)), *to;

		if (!(READ_ONCE(t->state) & states))
			return false;
		to = cpu_rq(balance_select(t));
		rq_lock_two(from, to);
		if (t->cpu == from->cpu) {
			woken = t->state & states;
			if (woken)
				TRACE(wake, "%s[%d] on vcpu%d by %s[%d]", t->comm, t->pid, to->cpu,
					current->comm, current->pid);
			done = !woken || wake_up_locked(from, to, t);
		}
		rq_unlock_two(from, to);
		if (done && woken && unlikely(READ_ONCE(rt_waiting) & BIT(to->cpu)))
			balance_push_rt(to);
	}
	return woken;
}

void wake_up_new_task(struct task *t)
{
	struct rq *rq, *to;

	t->cpu = smp_processor_id();
	/*
	 * Take vruntime from current again, on the scale of this queue. Since sched_fork() the
	 * parent may have moved to another vCPU, and the scales of two vCPUs may differ by hours.
	 */
	t->se.vruntime = current->se.vruntime;
	for (;;) {
		rq = this_rq();
		to = cpu_rq(cpu_allowed(t, rq->cpu) ? rq->cpu : balance_any_allowed(t));
		rq_lock_two(rq, to);
		if (cpu_allowed(t, to->cpu))
			break;
		rq_unlock_two(rq, to);
	}
	t->state = TASK_RUNNING;
	activate_task(rq, to, t, false);
	rq_unlock_two(rq, to);
	if (unlikely(READ_ONCE(rt_waiting) & BIT(to->cpu)))
		balance_push_rt(to);
}

/* ---- birth ---- */

void sched_fork(struct task *t)
{
	struct task *p = current;
	bool reset = p->sched_reset_on_fork;

	t->state = TASK_RUNNING;
	t->on_cpu = false;
	t->cpu = p->cpu;
	t->policy = (reset && rt_policy(p->policy)) || p->policy == SCHED_DEADLINE ? SCHED_NORMAL :
										     p->policy;
	t->dl_on = t->dl_waits = t->dl_overran = false;
	t->nice = reset && p->nice < 0 ? 0 : p->nice;
	t->rt_priority = rt_policy(t->policy) ? p->rt_priority : 0;
	t->boost = 0;
	t->sched_reset_on_fork = false;
	t->cpus_wish = p->cpus_wish;
	t->cpus_bound = p->cpus_bound;
	t->cpus_allowed = sched_within(t->cpus_wish, t->cpus_bound);
	memset(&t->se, 0, sizeof(t->se));
	t->se.weight = class_weight(t);
	t->se.slice = reset ? 0 : p->se.slice;
	INIT_LIST_HEAD(&t->rt_node);
	t->sched_group = t->cpu_group = t->session_group = NULL;
	t->psi = NULL;
	t->memstall = false;
	t->work_flags = 0;
	t->nvcsw = t->nivcsw = 0;
	t->utime = t->stime = 0;
	t->last_acct = t->acct_over = 0;
	t->in_iowait = false;
	t->cpu_timer_at = p->cpu_timer_at;
	t->start_time = ktime_get();
	t->start_boottime = ktime_get_boottime();
#ifdef CONFIG_DEBUG
	memset(&t->held, 0, sizeof(t->held));
#endif
}

void sched_exit(struct task *t)
{
	if (t->policy == SCHED_DEADLINE)
		sched_setscheduler(t, SCHED_NORMAL, 0);
	t->cpu_timer_at = ~0UL;
}

/* Sets the members of an idle task. */
static void init_fields(struct task *idle, int cpu)
{
	atomic_set(&idle->usage, 1);
	idle->flags = PF_KTHREAD | PF_IDLE;
	idle->cpu = cpu;
	idle->on_cpu = true;
	idle->policy = SCHED_NORMAL;
	idle->cpus_allowed = idle->cpus_wish = idle->cpus_bound = ~0UL;
	idle->cpu_timer_at = ~0UL;
	idle->se.weight = NICE_0_WEIGHT;
	idle->last_acct = arch_cpu_clock();
	spin_lock_init(&idle->alloc_lock);
	INIT_LIST_HEAD(&idle->children);
	INIT_LIST_HEAD(&idle->sibling);
	INIT_LIST_HEAD(&idle->rt_node);
}

/* Runs for vCPU 0 before the allocator works, so it uses static data only. */
void sched_init_idle(struct task *idle, int cpu)
{
	struct rq *rq = cpu_rq(cpu);

	init_fields(idle, cpu);
	task_hooks.init_idle(idle);
	snprintf(idle->comm, sizeof(idle->comm), "swapper/%d", cpu);
	rq->cpu = cpu;
	rq->idle = rq->curr = idle;
	rq->running_prio = -1;
	class_init(rq);
	boundaries[cpu].count = cpu ? 1 : 0;
#ifdef CONFIG_DEBUG
	lockdep_switch(cpu, &idle->held);
#endif
}
