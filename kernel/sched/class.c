/* SPDX-License-Identifier: MIT */
/*
 * class.c: the order in which runnable tasks run: the queues of one vCPU.
 *
 * Real-time tasks (FIFO, RR) come first, by priority, then by arrival. All others are fair: each
 * has a virtual run time that advances with the time it runs, divided by its weight (nice levels
 * are 5:4 steps from 1024 at nice 0; SCHED_IDLE weighs 3). The task that is furthest behind runs
 * next.
 *
 * Life of a runnable task: class_enqueue -> queued -> class_pick -> curr -> class_put_curr ->
 * queued ..., or class_sleep_curr -> gone. class_dequeue takes a queued task away.
 *
 * Invariants:
 * 1. curr is in no queue.
 * 2. rq->nr_running counts the queued tasks and curr (not idle).
 * 3. rq->load is the sum of the weights of the fair tasks among them.
 * 4. se.vruntime is on the scale of the queue of task->cpu.
 *
 * A woken sleeper is placed at most SLEEPER_CREDIT_NS behind the others, so that it runs soon but
 * does not gain run time by sleeping longer. It preempts its waker only if the waker is
 * WAKEUP_GRAN_NS ahead: a pair that talks through a pipe then switches once per message, when the
 * waker goes to sleep.
 *
 * Real-time tasks together may use 950 ms of each second while fair ones wait
 * (kernel.sched_rt_runtime_us), so a loop at a real-time priority cannot take over the machine. The
 * second is measured in the vCPU's own time: time that the host gives to other threads (steal.c)
 * counts neither as used nor as passed. Otherwise a loop on a busy host would never use up its
 * share. A task counts as real-time while waiters for its PI locks lend it their priority
 * (task->boost).
 *
 * All functions are called under rq->lock.
 */
#include "kernel/lib/printk.h"
#include "kernel/sched/group.h"
#include "kernel/sched/internal.h"

u64 rt_waiting;
int sysctl_sched_rt_runtime_us = 950000, sysctl_sched_rt_period_us = 1000000;
static u32 nice_weight[40];
int sysctl_sched_rr_timeslice = SCHED_RR_TIMESLICE_MS;

/* Fills the table of weights: a step of the nice value is a factor of 1.25. */
static void weights_init(void)
{
	if (nice_weight[20])
		return;
	nice_weight[20] = NICE_0_WEIGHT;
	for (int i = 19; i >= 0; i--)
		nice_weight[i] = nice_weight[i + 1] + nice_weight[i + 1] / 4;
	for (int i = 21; i < 40; i++)
		nice_weight[i] = nice_weight[i - 1] * 4 / 5;
}

void class_init(struct rq *rq)
{
	weights_init();
	rq->fair = RB_ROOT;
	for (int i = 0; i <= RT_PRIOS; i++)
		INIT_LIST_HEAD(&rq->rt[i]);
}

u32 sched_nice_shares(int nice)
{
	return max(nice_weight[nice + 20] * SCHED_SHARES / NICE_0_WEIGHT, 1U);
}

u32 class_weight(const struct task *t)
{
	return t->policy == SCHED_IDLE ? IDLE_WEIGHT : nice_weight[t->nice + 20];
}

static struct task *fair_task(struct rb_node *n)
{
	return container_of(n, struct task, se.node);
}

static void fair_insert(struct rq *rq, struct task *t)
{
	struct rb_node **link = &rq->fair.node, *parent = NULL;
	bool first = true;

	while (*link) {
		parent = *link;
		if ((s64)(t->se.vruntime - fair_task(parent)->se.vruntime) < 0) {
			link = &parent->left;
		} else {
			link = &parent->right;
			first = false;
		}
	}
	rb_link_node(&t->se.node, parent, link);
	rb_insert_color(&t->se.node, &rq->fair);
	if (first)
		rq->fair_first = &t->se.node;
	rq->nr_fair++;
}

static void fair_remove(struct rq *rq, struct task *t)
{
	if (rq->fair_first == &t->se.node)
		rq->fair_first = rb_next(&t->se.node);
	rb_erase(&t->se.node, &rq->fair);
	rq->nr_fair--;
}

/* Returns the link before which a deadline task goes in a list that is sorted by deadline. */
static struct list_head *dl_place(struct list_head *l, const struct task *t)
{
	struct task *at;

	list_for_each_entry(at, l, rt_node)
		if ((s64)(t->dl_abs - at->dl_abs) < 0)
			return &at->rt_node;
	return l;
}

static void rt_insert(struct rq *rq, struct task *t, bool front)
{
	struct list_head *l = &rq->rt[rt_prio(t)];

	if (rt_prio(t) == DL_PRIO)
		list_add_tail(&t->rt_node, dl_place(l, t));
	else if (front)
		list_add(&t->rt_node, l);
	else
		list_add_tail(&t->rt_node, l);
	rq->rt_bits[rt_prio(t) / 64] |= BIT(rt_prio(t) % 64);
	if (!rq->nr_rt++ && nr_cpus > 1)
		set_bit(rq->cpu, &rt_waiting);
}

static void rt_remove(struct rq *rq, struct task *t)
{
	list_del_init(&t->rt_node);
	if (list_empty(&rq->rt[rt_prio(t)]))
		rq->rt_bits[rt_prio(t) / 64] &= ~BIT(rt_prio(t) % 64);
	if (!--rq->nr_rt && nr_cpus > 1)
		clear_bit(rq->cpu, &rt_waiting);
}

static int rt_highest(const struct rq *rq)
{
	if (rq->rt_bits[1])
		return 127 - __builtin_clzl(rq->rt_bits[1]);
	return 63 - __builtin_clzl(rq->rt_bits[0]);
}

static void update_min_vruntime(struct rq *rq)
{
	struct task *c = rq->curr;
	bool fair_curr = c && !task_is_idle(c) && c->se.on_rq && !is_rt(c);
	u64 v = rq->min_vruntime;

	if (fair_curr)
		v = c->se.vruntime;
	if (rq->fair_first) {
		u64 f = fair_task(rq->fair_first)->se.vruntime;

		if (!fair_curr || (s64)(f - v) < 0)
			v = f;
	}
	if ((s64)(v - rq->min_vruntime) > 0)
		rq->min_vruntime = v;
}

/* Returns by how much vruntime advances in @ns of run time at @weight. */
static u64 weighted(u64 ns, u32 weight)
{
	return weight == NICE_0_WEIGHT ? ns : ns * NICE_0_WEIGHT / weight;
}

/* ---- throttling ---- */

/* True if the real-time tasks have used up their share of the period. */
static bool rt_throttled(const struct rq *rq)
{
	return sysctl_sched_rt_runtime_us >= 0 &&
	       rq->rt_used >= (u64)sysctl_sched_rt_runtime_us * 1000;
}

static u64 rt_period(void)
{
	return (u64)sysctl_sched_rt_period_us * 1000;
}

/* Returns the vCPU's own time at @now: without the time that the host took. */
static u64 rt_clock(const struct rq *rq, u64 now)
{
	return now - rq->stolen;
}

/* Returns ns until real-time tasks of a throttled queue may run again. */
static u64 throttled_for(const struct rq *rq, u64 now)
{
	u64 since = rt_clock(rq, now) - rq->rt_start;

	return since < rt_period() ? rt_period() - since : 0;
}

/* Returns ns for which real-time tasks may still run in this period; ~0: no limit. */
static u64 rt_time_left(const struct rq *rq, u64 now)
{
	u64 runtime = (u64)sysctl_sched_rt_runtime_us * 1000, used = rq->rt_used;

	if (sysctl_sched_rt_runtime_us < 0 || !rq->nr_fair)
		return ~0UL;
	if ((s64)(now - rq->curr->se.exec_start) > 0)
		used += now - rq->curr->se.exec_start;
	return used < runtime ? runtime - used : 0;
}

/*
 * Charges @delta ns of @t to the real-time period. If the period is over, begins a new one first.
 */
static void rt_charge(struct rq *rq, const struct task *t, u64 delta, u64 now)
{
	if (rt_clock(rq, now) - rq->rt_start >= rt_period()) {
		rq->rt_start = rt_clock(rq, now);
		rq->rt_used = 0;
	}
	if (!task_is_idle(t) && (s64)delta > 0 && is_rt(t))
		rq->rt_used += delta;
}

void class_update_curr(struct rq *rq, u64 now)
{
	struct task *t = rq->curr;
	u64 delta = now - t->se.exec_start;

	if (task_is_idle(t) || (s64)delta <= 0) {
		rt_charge(rq, t, delta, now);
		return;
	}
	t->se.exec_start = now;
	delta -= steal_take_locked(rq, t, delta, now);
	rt_charge(rq, t, delta, now);
	WRITE_ONCE(t->se.sum_exec, t->se.sum_exec + delta);
	if (t->policy == SCHED_DEADLINE)
		dl_charge(t, delta);
	rq->run_ns += delta;
	if (is_rt(t))
		return;
	if (unlikely(t->sched_group)) {
		group_charge(t, delta, now);
		t->se.vruntime += delta * (NICE_0_WEIGHT << 10) / group_share(t);
	} else {
		t->se.vruntime += weighted(delta, t->se.weight);
	}
	update_min_vruntime(rq);
}

/* Sets the vruntime of a task that enters the queue. */
static void place(struct rq *rq, struct task *t, bool wakeup)
{
	u64 floor = rq->min_vruntime - (wakeup ? SLEEPER_CREDIT_NS : 0);

	if ((s64)(t->se.vruntime - floor) < 0)
		t->se.vruntime = floor;
}

void class_enqueue(struct rq *rq, struct task *t, bool wakeup)
{
	t->se.weight = class_weight(t);
	if (unlikely(t->policy == SCHED_DEADLINE))
		dl_refresh(t, arch_cpu_clock());
	if (is_rt(t)) {
		rt_insert(rq, t, false);
	} else {
		place(rq, t, wakeup);
		fair_insert(rq, t);
		rq_load_add(rq, t, (s64)t->se.weight);
	}
	t->se.on_rq = true;
	rq->nr_running++;
}

void class_dequeue(struct rq *rq, struct task *t)
{
	if (is_rt(t)) {
		rt_remove(rq, t);
	} else {
		fair_remove(rq, t);
		rq_load_add(rq, t, -(s64)t->se.weight);
	}
	t->se.on_rq = false;
	rq->nr_running--;
}

void class_put_curr(struct rq *rq, struct task *t, bool yields)
{
	bool used_up = t->se.sum_exec - t->se.slice_start >= RR_SLICE_NS;

	if (unlikely(t->policy == SCHED_DEADLINE)) {
		if (!is_rt(t))
			rq_load_add(rq, t, -(s64)t->se.weight);
		dl_refresh(t, arch_cpu_clock());
		if (!is_rt(t))
			rq_load_add(rq, t, (s64)t->se.weight);
	}
	if (is_rt(t))
		rt_insert(rq, t, !yields && !(t->policy == SCHED_RR && used_up));
	else
		fair_insert(rq, t);
}

void class_sleep_curr(struct rq *rq, struct task *t)
{
	if (!is_rt(t))
		rq_load_add(rq, t, -(s64)t->se.weight);
	t->se.on_rq = false;
	rq->nr_running--;
	update_min_vruntime(rq);
}

struct task *class_pick(struct rq *rq)
{
	struct task *t;

	if (rq->nr_rt && !(rt_throttled(rq) && rq->nr_fair)) {
		t = list_first_entry(&rq->rt[rt_highest(rq)], struct task, rt_node);
		rt_remove(rq, t);
		return t;
	}
	if (!rq->fair_first)
		return NULL;
	t = fair_task(rq->fair_first);
	fair_remove(rq, t);
	return t;
}

/* Returns how much of the @slice (ns) curr has left at @now. */
static u64 slice_left(const struct rq *rq, u64 slice, u64 now)
{
	const struct task *t = rq->curr;
	u64 used = t->se.sum_exec - t->se.slice_start;

	if ((s64)(now - t->se.exec_start) > 0)
		used += now - t->se.exec_start;
	return used < slice ? slice - used : 0;
}

/*
 * True if the waker, which is curr, keeps the vCPU until it has run for WAKER_RUNS_NS, although the
 * woken task is far behind it. Sets rq->hurried in this case. Otherwise a writer would lose the
 * vCPU to its reader at each write. Some more writes delay the reader only a little.
 */
static bool waker_keeps_cpu(struct rq *rq)
{
	if (rq->cpu != smp_processor_id() || !slice_left(rq, WAKER_RUNS_NS, arch_cpu_clock()))
		return false;
	rq->hurried = true;
	return true;
}

bool class_should_preempt(struct rq *rq, const struct task *t)
{
	const struct task *c = rq->curr;

	if (task_is_idle(c))
		return true;
	if (is_rt(t) && !is_rt(c))
		return !rt_throttled(rq) || !throttled_for(rq, arch_cpu_clock());
	if (is_rt(t) && rt_prio(t) == rt_prio(c))
		return rt_prio(t) == DL_PRIO && (s64)(t->dl_abs - c->dl_abs) < 0;
	if (is_rt(t))
		return rt_prio(t) > rt_prio(c);
	if (is_rt(c) || t->policy == SCHED_BATCH || t->policy == SCHED_IDLE)
		return false;
	if (c->policy == SCHED_IDLE)
		return true;
	return (s64)(c->se.vruntime - t->se.vruntime) >
		       (s64)weighted(WAKEUP_GRAN_NS, t->se.weight) &&
	       !waker_keeps_cpu(rq);
}

struct task *class_next_queued(struct rq *rq, const struct task *after)
{
	struct rb_node *n;

	if (!after && rq->nr_rt)
		return list_first_entry(&rq->rt[rt_highest(rq)], struct task, rt_node);
	if (!after || is_rt(after))
		n = rq->fair_first;
	else
		n = rb_next(&after->se.node);
	return n ? fair_task(n) : NULL;
}

int class_rt_floor(const struct rq *rq, bool curr_stays)
{
	int prio = curr_stays && !task_is_idle(rq->curr) ? rt_prio(rq->curr) : 0;

	if (rt_throttled(rq) && rq->nr_fair)
		return DL_PRIO;
	return rq->nr_rt ? max(prio, rt_highest(rq)) : prio;
}

struct task *class_rt_above(struct rq *rq, int floor, u64 cpus)
{
	struct task *t;

	for (int p = rq->nr_rt ? rt_highest(rq) : 0; p > floor; p--)
		list_for_each_entry(t, &rq->rt[p], rt_node)
			if (READ_ONCE(t->cpus_allowed) & cpus)
				return t;
	return NULL;
}

u64 sched_slice(const struct task *t)
{
	u64 own = READ_ONCE(t->se.slice);

	return own ? own : SLICE_NS;
}

u64 class_slice_left(const struct rq *rq, u64 now)
{
	const struct task *t = rq->curr;
	u64 left;

	if (task_is_idle(t))
		return ~0UL;
	if (!is_rt(t)) {
		left = slice_left(rq, rq->hurried ? WAKER_RUNS_NS : sched_slice(t), now);
		if (t->policy == SCHED_DEADLINE)
			left = min(left, dl_time_left(t, now));
		return rq->nr_rt && rt_throttled(rq) ? min(left, throttled_for(rq, now)) : left;
	}
	left = rt_time_left(rq, now);
	if (t->policy == SCHED_DEADLINE)
		left = min(left, dl_time_left(t, now));
	if (t->policy == SCHED_RR && rq->nr_rt)
		left = min(left, slice_left(rq, RR_SLICE_NS, now));
	return left;
}

void class_migrate(struct rq *from, struct rq *to, struct task *t)
{
	if (from != to)
		t->se.vruntime += to->min_vruntime - from->min_vruntime;
}
