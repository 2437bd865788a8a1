/* SPDX-License-Identifier: MIT */
/*
 * group.c: groups that share CPU time.
 *
 * Weights: a vCPU has one queue of tasks, not a tree of queues. A task in a group advances its
 * virtual time with an effective weight: its share of its group's weight, which in turn is a share
 * of the parent's: weight(task) * weight(group) / load(group) * ..., where a group's load is the
 * sum of the weights of everything runnable in it on all vCPUs. So groups share CPU time by their
 * weights wherever their tasks compete, at the cost of one multiplication a level.
 *
 * Quota: the time that a task runs is subtracted from the time that its group and the groups above
 * have left in the period. A group with nothing left is throttled: its tasks sleep on their way to
 * user mode until the period ends, never inside the kernel where they may hold locks. Overrun is
 * subtracted from the next period.
 *
 * Locks, both raw and taken under a runqueue's lock: weights_lock protects parents, weights and
 * loads, g->bw_lock protects the quota.
 */
#include <asm/errno.h>

#include "kernel/lib/printk.h"
#include "kernel/sched/group.h"
#include "kernel/sched/internal.h"

#define SHARE_SHIFT 10 /* fraction bits of a task's share */
/* Shortest time between two checks of a quota. */
#define MIN_CHECK_NS 200000UL

static DEFINE_SPINLOCK(weights_lock); /* raw */

/* ---- weights ---- */

static s64 group_weight(const struct sched_group *g)
{
	return g->idle ? IDLE_WEIGHT : max((s64)g->shares * NICE_0_WEIGHT / SCHED_SHARES, 2L);
}

/*
 * Changes the load of @g by @delta. When the load of @g becomes or was 0, the load of its parent
 * changes by the weight of @g.
 */
static void change_load(struct sched_group *g, s64 delta)
{
	while (g && delta) {
		s64 old = g->load;

		WRITE_ONCE(g->load, old + delta);
		if (!old == !g->load)
			return;
		delta = g->load ? group_weight(g) : -group_weight(g);
		g = g->parent;
	}
}

void group_load_add(struct task *t, s64 weight)
{
	if (likely(!t->sched_group))
		return;
	spin_lock_raw(&weights_lock);
	change_load(t->sched_group, weight);
	spin_unlock_raw(&weights_lock);
}

/*
 * Returns the effective weight of @t among all tasks, with SHARE_SHIFT bits of fraction, at least
 * 1. Reads loads racily: a share is wrong for a moment only.
 */
u64 group_share(const struct task *t)
{
	u64 share = (u64)t->se.weight << SHARE_SHIFT;
	s64 part = t->se.weight;
	const struct sched_group *g;

	for (g = t->sched_group; g; g = READ_ONCE(g->parent)) {
		s64 load = max(READ_ONCE(g->load), part);

		part = group_weight(g);
		share = share * (u64)part / (u64)max(load, 1L);
	}
	return max(share, 1UL);
}

void sched_group_link(struct sched_group *g, struct sched_group *parent)
{
	spin_lock_raw(&weights_lock);
	if (g->parent != parent) {
		if (g->load)
			change_load(g->parent, -group_weight(g));
		WRITE_ONCE(g->parent, parent);
		if (g->load)
			change_load(g->parent, group_weight(g));
	}
	spin_unlock_raw(&weights_lock);
}

void sched_group_set_weight(struct sched_group *g, u32 weight, bool idle)
{
	WRITE_ONCE(g->weight, weight);
	sched_group_set_shares(g, max(weight * SCHED_SHARES / SCHED_GROUP_WEIGHT, 1U), idle);
}

void sched_group_set_shares(struct sched_group *g, u32 shares, bool idle)
{
	s64 old;

	spin_lock_raw(&weights_lock);
	old = group_weight(g);
	WRITE_ONCE(g->shares, shares);
	WRITE_ONCE(g->idle, idle);
	if (g->load)
		change_load(g->parent, group_weight(g) - old);
	spin_unlock_raw(&weights_lock);
}

/* ---- quota ---- */

/*
 * Counts the period that has ended as a burst if more than the quota was used. What was used beyond
 * the budget does not count: it is charged to later periods. Under bw_lock.
 */
static void count_burst(struct sched_group *g)
{
	s64 over = g->budget - max(g->runtime, 0L) - (s64)g->quota;

	if (over > 0) {
		g->nr_bursts++;
		g->burst_ns += (u64)over;
	}
}

/*
 * Refills g->runtime for the periods that have ended. Returns true if the group may run. Under
 * bw_lock.
 */
static bool refill(struct sched_group *g, u64 now)
{
	u64 periods;
	s64 most;

	if (g->quota == SCHED_QUOTA_NONE)
		return true;
	if ((s64)(now - g->period_end) >= 0) {
		count_burst(g);
		periods = (now - g->period_end) / g->period + 1;
		most = (s64)(g->quota + g->burst);
		/*
		 * Limit first: then the product below cannot exceed quota + burst, for any number
		 * of periods.
		 */
		g->runtime = periods > (u64)(most - g->runtime) / g->quota ?
				     most :
				     g->runtime + (s64)(periods * g->quota);
		g->budget = g->runtime;
		g->period_end += periods * g->period;
		/* Several periods that ended at once count as one: no task ran in the others. */
		g->nr_periods++;
	}
	return g->runtime > 0;
}

/* Converts @at to ktime. @at and the present time @now are of arch_cpu_clock(). */
static u64 ktime_of_clock(u64 at, u64 now)
{
	return ktime_get() + (at > now ? at - now : 0);
}

/* Ends the throttling. Under bw_lock. The caller then calls wake_waiters() without it. */
static void unthrottle(struct sched_group *g, u64 now)
{
	g->throttled_ns += now - g->throttled_at;
	WRITE_ONCE(g->throttled, false);
}

static void wake_waiters(struct sched_group *g)
{
	spin_lock(&g->wait.lock);
	wake_up_common_locked(&g->wait, TASK_WAKEKILL, 0x7fffffff, 0);
	spin_unlock(&g->wait.lock);
}

/* The timer's function: begins a new period of a throttled group. */
static void period_over(struct ktimer *t)
{
	struct sched_group *g = container_of(t, struct sched_group, timer);
	u64 now = arch_cpu_clock();
	bool wake = false;

	spin_lock_raw(&g->bw_lock);
	if (g->throttled) {
		wake = refill(g, now);
		if (wake)
			unthrottle(g, now);
		else
			timer_start(&g->timer, ktime_of_clock(g->period_end, now));
	}
	spin_unlock_raw(&g->bw_lock);
	if (wake)
		wake_waiters(g);
}

/* Subtracts @ns from what @g has left. */
static void charge_one(struct sched_group *g, u64 ns, u64 now)
{
	spin_lock_raw(&g->bw_lock);
	refill(g, now);
	/*
	 * Throttled groups are charged too: their tasks keep running while they are in the kernel.
	 */
	g->runtime -= (s64)ns;
	if (g->quota != SCHED_QUOTA_NONE && g->runtime <= 0 && !g->throttled) {
		WRITE_ONCE(g->throttled, true);
		g->throttled_at = now;
		g->nr_throttled++;
		timer_start(&g->timer, ktime_of_clock(g->period_end, now));
	}
	spin_unlock_raw(&g->bw_lock);
}

static bool limited(const struct sched_group *g)
{
	return READ_ONCE(g->quota) != SCHED_QUOTA_NONE;
}

/* Charges all groups of @t for @ns of run time. Under its runqueue's lock. */
void group_charge(struct task *t, u64 ns, u64 now)
{
	struct sched_group *g;

	for (g = t->sched_group; g; g = READ_ONCE(g->parent)) {
		if (!limited(g))
			continue;
		charge_one(g, ns, now);
		if (READ_ONCE(g->throttled))
			set_bit(TIF_CGROUP, &t->work_flags);
	}
}

/* Returns the innermost throttled group of @t, or NULL. Takes no lock. */
static struct sched_group *throttled_group(const struct task *t)
{
	struct sched_group *g;

	for (g = t->sched_group; g; g = READ_ONCE(g->parent))
		if (READ_ONCE(g->throttled))
			return g;
	return NULL;
}

/*
 * Called when @t is put on a CPU: makes @t call sched_throttle() if one of its groups is throttled.
 */
void group_start(struct task *t)
{
	if (t->mm && throttled_group(t))
		set_bit(TIF_CGROUP, &t->work_flags);
}

/* Returns ns until a quota of @t's groups must be checked; ~0: never. */
u64 group_check_in(const struct task *t, u64 now)
{
	s64 ran = max((s64)(now - t->se.exec_start), 0L);
	struct sched_group *g;
	u64 left = ~0UL;

	for (g = t->sched_group; g; g = READ_ONCE(g->parent))
		if (limited(g)) {
			s64 rest = READ_ONCE(g->runtime) / nr_cpus;

			rest = max(rest, (s64)MIN_CHECK_NS) - ran;
			left = min(left, (u64)max(rest, 0L));
		}
	return left;
}

/*
 * Removes the entry at the wake-up, under the queue's lock. The sleeper may have been moved to
 * another group meanwhile, and this group may be freed before the sleeper runs. sched_group_exit()
 * wakes up all sleepers, so an entry that is still queued is in a live group.
 */
static int wake_throttled(struct wait_queue_entry *e, u64 key)
{
	struct task *t = e->private;

	list_del_init(&e->entry);
	return wake_up_state(t, TASK_WAKEKILL);
}

/*
 * True if the entry is still queued. Checks both pointers: list_del_init() writes them one after
 * the other.
 */
static bool still_queued(const struct wait_queue_entry *e)
{
	return READ_ONCE(e->entry.next) != &e->entry || READ_ONCE(e->entry.prev) != &e->entry;
}

void sched_throttle(void)
{
	struct wait_queue_entry e;
	struct sched_group *g;

	clear_bit(TIF_CGROUP, &current->work_flags);
	while ((g = throttled_group(current)) && !wait_interrupted(TASK_WAKEKILL)) {
		init_wait_entry(&e);
		e.func = wake_throttled;
		prepare_to_wait(&g->wait, &e, TASK_WAKEKILL);
		if (READ_ONCE(g->throttled))
			schedule();
		if (still_queued(&e))
			finish_wait(&g->wait, &e);
		set_current_state(TASK_RUNNING);
	}
}

int sched_group_set_quota(struct sched_group *g, u64 quota, u64 period, u64 burst)
{
	bool wake;

	if (period < 1000000 || period > 1000000000)
		return -EINVAL;
	if (quota != SCHED_QUOTA_NONE && (quota < 1000000 || burst > quota))
		return -EINVAL;
	spin_lock_raw(&g->bw_lock);
	g->quota = quota;
	g->period = period;
	g->burst = burst;
	g->runtime = g->budget = quota == SCHED_QUOTA_NONE ? 0 : (s64)quota;
	g->period_end = arch_cpu_clock() + period;
	wake = g->throttled;
	if (wake)
		unthrottle(g, arch_cpu_clock());
	spin_unlock_raw(&g->bw_lock);
	if (wake)
		wake_waiters(g);
	return 0;
}

/* ---- life ---- */

void sched_group_init(struct sched_group *g)
{
	g->weight = SCHED_GROUP_WEIGHT;
	g->shares = SCHED_SHARES;
	g->quota = SCHED_QUOTA_NONE;
	g->period = SCHED_PERIOD_DEFAULT;
	spin_lock_init(&g->bw_lock);
	timer_setup(&g->timer, period_over);
	init_waitqueue_head(&g->wait);
}

void sched_group_reset(struct sched_group *g)
{
	sched_group_set_weight(g, SCHED_GROUP_WEIGHT, false);
	sched_group_set_quota(g, SCHED_QUOTA_NONE, SCHED_PERIOD_DEFAULT, 0);
}

void sched_group_exit(struct sched_group *g)
{
	sched_group_reset(g);
	timer_cancel_sync(&g->timer);
}

/* ---- the group of a task ---- */

/* Read without a lock; sched_regroup() corrects tasks that read an old value. */
static bool sessions_count;

static struct sched_group *group_of(const struct task *t)
{
	if (t->cpu_group || !READ_ONCE(sessions_count))
		return t->cpu_group;
	return t->session_group;
}

/* Makes @t share CPU time in the group that group_of() returns. Under the runqueue's lock. */
static void regroup_locked(struct rq *rq, struct task *t)
{
	struct sched_group *g = group_of(t);

	if (t->sched_group == g)
		return;
	class_update_curr(rq, arch_cpu_clock());
	if (t->se.on_rq && class_is_fair(t))
		group_load_add(t, -(s64)t->se.weight);
	t->sched_group = g;
	if (t->se.on_rq && class_is_fair(t))
		group_load_add(t, (s64)t->se.weight);
}

void sched_regroup(struct task *t)
{
	struct rq *rq = task_rq_lock(t);

	regroup_locked(rq, t);
	spin_unlock_raw(&rq->lock);
}

void sched_sessions_count(bool count)
{
	WRITE_ONCE(sessions_count, count);
}

void sched_set_session(struct task *t, struct sched_group *g)
{
	t->session_group = g;
	t->sched_group = group_of(t);
}

void sched_move_session(struct task *t, struct sched_group *g)
{
	struct rq *rq = task_rq_lock(t);

	if (!g || !(READ_ONCE(t->flags) & PF_EXITING))
		t->session_group = g;
	regroup_locked(rq, t);
	spin_unlock_raw(&rq->lock);
}

void sched_set_group(struct task *t, struct sched_group *g)
{
	t->cpu_group = g;
	t->sched_group = group_of(t);
}

void sched_move_task(struct task *t, struct sched_group *g)
{
	struct rq *rq;

	if (READ_ONCE(t->cpu_group) == g)
		return;
	rq = task_rq_lock(t);
	t->cpu_group = g;
	regroup_locked(rq, t);
	spin_unlock_raw(&rq->lock);
	if (g && READ_ONCE(g->throttled)) {
		set_bit(TIF_CGROUP, &t->work_flags);
		kick_process(t);
	}
}
