/* SPDX-License-Identifier: MIT */
/*
 * psi.c: measures what tasks wait for.
 *
 * Each group counts, for each vCPU, its tasks that are runnable, that run, and that wait for a disk
 * or for memory. The states follow from the counts: "some" holds while at least one task waits for
 * a resource, "full" while no task makes progress because of it. At each change the time since the
 * last one is added to the states that held. Totals are the vCPUs' times, weighted by how long each
 * was not idle. Averages are updated at intervals of two seconds or more: when they are read, or
 * when a change finds them old.
 *
 * A trigger reads, ten times in each window, how much time was added to its state, and adds a share
 * of the last window's growth for the part of the window that has not passed yet. A trigger of an
 * unprivileged task reads every two seconds, and its window is a multiple of that.
 *
 * Locks: counts and times under the runqueue's lock of their vCPU; totals under g->lock (raw).
 */
#include <asm/errno.h>

#include "kernel/lib/alloc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/internal.h"
#include "kernel/sched/psi.h"

#define FOLD_NS (2 * NSEC_PER_SEC)
#define FIXED 2048UL          /* 1 in an average and in decays[] */
#define WINDOW_MIN 500000UL   /* us */
#define WINDOW_MAX 10000000UL /* us */
#define WINDOW_STEP 2000000UL /* us; for tasks without privilege */

static struct psi_cpu system_cpus[MAX_CPUS];
struct psi_group psi_system = {
	.cpu = system_cpus,
	.lock = SPINLOCK_INIT(psi_system.lock),
};
/* exp(-2 s / 10, 60, 300 s), 11 bits of fraction */
static const u64 decays[3] = { 1677, 1981, 2034 };

/* ---- counting; under the runqueue's lock ---- */

/* Returns bits of the states that hold on the vCPU of @c. */
static u32 states_of(const struct psi_group *g, const struct psi_cpu *c)
{
	u32 m = 0;

	if (!psi_group_on(g))
		return 0;
	if (c->iowait)
		m |= BIT(2 * PSI_IO) | (c->runnable ? 0 : BIT(2 * PSI_IO + 1));
	if (c->memstall)
		m |= BIT(2 * PSI_MEM) |
		     (c->runnable > c->memstall_runnable ? 0 : BIT(2 * PSI_MEM + 1));
	if (c->runnable > c->running)
		m |= BIT(2 * PSI_CPU);
	if (g->parent && c->runnable && !c->running)
		m |= BIT(2 * PSI_CPU + 1);
	if (c->iowait || c->memstall || c->runnable)
		m |= BIT(PSI_NONIDLE);
	return m;
}

/*
 * Adds the time since the last change to the states that held. @now: arch_cpu_clock(). The
 * runqueue's lock is held.
 */
static void account(struct psi_cpu *c, u64 now)
{
	u64 ns = now - c->since;

	if ((s64)ns <= 0)
		return;
	for (u32 m = c->mask; m; m &= m - 1)
		c->times[__builtin_ctz(m)] += ns;
	c->since = now;
}

void psi_change(struct task *t, int cpu, u64 now, int runnable, int running, int iowait)
{
	struct psi_group *g;

	for (g = t->psi ? t->psi : &psi_system; g; g = g->parent) {
		struct psi_cpu *c = &g->cpu[cpu];

		account(c, now);
		c->runnable += (u32)runnable;
		c->running += (u32)running;
		c->iowait += (u32)iowait;
		if (unlikely(t->memstall))
			c->memstall_runnable += (u32)runnable;
		c->mask = states_of(g, c);
		if (!c->since)
			c->since = now;
	}
}

/* Counts a switch on @cpu: @prev sleeps, has exited, or is still runnable. */
void psi_switch(struct task *prev, struct task *next, int cpu, u64 now)
{
	if (!task_is_idle(prev))
		psi_change(prev, cpu, now, prev->se.on_rq ? 0 : -1, -1,
			!prev->se.on_rq && prev->in_iowait && prev->state != TASK_RUNNING);
	if (!task_is_idle(next))
		psi_change(next, cpu, now, 0, 1, 0);
}

/* Adds @delta stalls of @t, which is runnable, on @cpu. The runqueue's lock is held. */
static void count_memstall(struct task *t, int cpu, int delta)
{
	struct psi_group *g;
	u64 now = arch_cpu_clock();

	for (g = t->psi ? t->psi : &psi_system; g; g = g->parent) {
		struct psi_cpu *c = &g->cpu[cpu];

		account(c, now);
		c->memstall += (u32)delta;
		c->memstall_runnable += (u32)delta;
		c->mask = states_of(g, c);
	}
}

bool psi_memstall_enter(void)
{
	struct task *t = current;
	struct rq *rq;

	if (t->memstall || task_is_idle(t))
		return false;
	rq = task_rq_lock(t);
	count_memstall(t, rq->cpu, 1);
	t->memstall = true;
	t->memstall_cpu = rq->cpu;
	spin_unlock_raw(&rq->lock);
	return true;
}

/*
 * Ends a stall. If the task has migrated since its stall began, the new vCPU counts it as runnable,
 * and the old vCPU counts it as stalled.
 */
void psi_memstall_leave(bool was)
{
	struct task *t = current;
	struct rq *rq, *first;
	struct psi_group *g;

	if (!was)
		return;
	rq = task_rq_lock(t);
	first = cpu_rq(t->memstall_cpu);
	if (first == rq) {
		count_memstall(t, rq->cpu, -1);
		t->memstall = false;
		spin_unlock_raw(&rq->lock);
		return;
	}
	spin_unlock_raw(&rq->lock);
	rq_lock_two(this_rq(), first);
	for (g = t->psi ? t->psi : &psi_system; g; g = g->parent) {
		struct psi_cpu *here = &g->cpu[this_rq()->cpu], *there = &g->cpu[first->cpu];
		u64 now = arch_cpu_clock();

		account(here, now);
		account(there, now);
		here->memstall_runnable--;
		there->memstall--;
		here->mask = states_of(g, here);
		there->mask = states_of(g, there);
	}
	t->memstall = false;
	rq_unlock_two(this_rq(), first);
}

/*
 * Locks and returns the runqueue of @t. *stall is the runqueue of the vCPU that counts @t as
 * stalled, also locked. *stall may be the returned runqueue.
 */
static struct rq *lock_task_and_stall(struct task *t, struct rq **stall)
{
	for (;;) {
		struct rq *rq = cpu_rq(READ_ONCE(t->cpu));

		*stall = READ_ONCE(t->memstall) ? cpu_rq(READ_ONCE(t->memstall_cpu)) : rq;
		rq_lock_two(rq, *stall);
		if (t->cpu == rq->cpu && (t->memstall ? t->memstall_cpu : rq->cpu) == (*stall)->cpu)
			return rq;
		rq_unlock_two(rq, *stall);
	}
}

/*
 * Adds the task to the stalled tasks of its groups, or removes it; psi_change() counts whether it
 * is runnable. Under the lock of memstall_cpu's runqueue.
 */
static void change_stall(struct task *t, u64 now, int delta)
{
	struct psi_group *g;

	for (g = t->psi ? t->psi : &psi_system; t->memstall && g; g = g->parent) {
		struct psi_cpu *c = &g->cpu[t->memstall_cpu];

		account(c, now);
		c->memstall += (u32)delta;
		c->mask = states_of(g, c);
	}
}

/*
 * Moves a task, which may be waiting for memory, to another group. The old group may be freed soon,
 * so none of its counts keep the task.
 */
void psi_move_task(struct task *t, struct psi_group *g)
{
	struct rq *rq, *stall;
	bool run, on;
	int iowait;
	u64 now;

	rq = lock_task_and_stall(t, &stall);
	now = arch_cpu_clock();
	run = t->se.on_rq;
	on = rq->curr == t;
	iowait = !run && t->in_iowait;
	psi_change(t, rq->cpu, now, -(int)run, -(int)on, -iowait);
	change_stall(t, now, -1);
	t->psi = g;
	change_stall(t, now, 1);
	psi_change(t, rq->cpu, now, run, on, iowait);
	rq_unlock_two(rq, stall);
}

/* ---- totals and averages ---- */

#define WEIGHT_BITS 16

/*
 * Returns a vCPU's time in state @s. Though read racily, the result never decreases. Under g->lock.
 */
static u64 time_in(const struct psi_cpu *c, u32 s, u64 now)
{
	u64 ns = READ_ONCE(c->times[s]), rest = now - READ_ONCE(c->since);

	if (READ_ONCE(c->mask) & BIT(s) && (s64)rest > 0)
		ns += rest;
	return max(ns, c->seen[s]);
}

/*
 * Returns by how many bits weights (us) are shifted right so that their products with times fit
 * into 64 bits, even if the group was not read for weeks.
 */
static u32 weight_shift(const struct psi_group *g, u64 now)
{
	u64 most = 1;

	for (int cpu = 0; cpu < nr_cpus; cpu++) {
		const struct psi_cpu *c = &g->cpu[cpu];

		most = max(most, (time_in(c, PSI_NONIDLE, now) - c->seen[PSI_NONIDLE]) / 1000);
	}
	return most >> WEIGHT_BITS ? 64 - WEIGHT_BITS - (u32)__builtin_clzl(most) : 0;
}

/* Updates the totals; under g->lock. */
static void collect(struct psi_group *g, u64 now)
{
	u64 delta[PSI_STATES] = { 0 }, weights = 0;
	u32 shift = weight_shift(g, now);

	for (int cpu = 0; cpu < nr_cpus; cpu++) {
		struct psi_cpu *c = &g->cpu[cpu];
		u64 at[PSI_STATES + 1], weight;

		for (u32 s = 0; s <= PSI_STATES; s++)
			at[s] = time_in(c, s, now);
		weight = (at[PSI_NONIDLE] - c->seen[PSI_NONIDLE]) / 1000 >> shift;
		weights += weight;
		for (u32 s = 0; s < PSI_STATES; s++)
			delta[s] += (at[s] - c->seen[s]) / 1000 * weight;
		memcpy(c->seen, at, sizeof(at));
	}
	for (u32 s = 0; weights && s < PSI_STATES; s++)
		g->total[s] += delta[s] / weights * 1000;
}

/* Updates the averages if FOLD_NS have passed. @now: arch_cpu_clock(). g->lock held. */
static void fold(struct psi_group *g, u64 now)
{
	u64 passed = now - g->avg_at, periods = passed / FOLD_NS;

	if (!g->avg_at) {
		g->avg_at = now;
		return;
	}
	if ((s64)passed <= 0 || !periods)
		return;
	for (u32 s = 0; s < PSI_STATES; s++) {
		u64 lost = g->total[s] - g->avg_total[s];
		u64 percent = min(lost / 1000 * 100 * FIXED / (passed / 1000), 100 * FIXED);

		for (u32 i = 0; i < 3; i++) {
			u64 keep = FIXED;

			for (u64 n = min(periods, 2000UL); n && keep; n--)
				keep = keep * decays[i] / FIXED;
			g->avg[s][i] = (g->avg[s][i] * keep + percent * (FIXED - keep)) / FIXED;
		}
		g->avg_total[s] = g->total[s];
	}
	g->avg_at = now;
}

static void update(struct psi_group *g)
{
	u64 now = arch_cpu_clock();

	collect(g, now);
	fold(g, now);
}

int psi_show(struct psi_group *g, enum psi_resource r, char *buf, size_t size)
{
	int n = 0;

	spin_lock_raw(&g->lock);
	update(g);
	for (u32 full = 0; full < 2; full++) {
		const u64 *a = g->avg[2 * r + full];

		n += scnprintf(buf + n, size - (size_t)n,
			"%s avg10=%lu.%02lu avg60=%lu.%02lu avg300=%lu.%02lu total=%lu\n",
			full ? "full" : "some", a[0] / FIXED, a[0] % FIXED * 100 / FIXED,
			a[1] / FIXED, a[1] % FIXED * 100 / FIXED, a[2] / FIXED,
			a[2] % FIXED * 100 / FIXED, g->total[2 * r + full] / 1000);
	}
	spin_unlock_raw(&g->lock);
	return n;
}

/* ---- triggers ---- */

struct psi_trigger {
	struct psi_group *group;
	u32 state;                     /* index in group->total */
	u64 threshold, window, period; /* ns */
	struct ktimer timer;
	struct wait_queue_head wait;
	/*
	 * Used by the timer's function only. start: ktime at which the window began. start_total:
	 * the state's total at that time. last_growth: growth of the total in the last window, in
	 * ns. last_event: ktime at which the trigger fired last, or 0.
	 */
	u64 start, start_total, last_growth, last_event;
	bool event; /* atomic: fired since the last take */
};

/* The timer's function: fires the trigger if the threshold was reached in the window. */
static void trigger_tick(struct ktimer *k)
{
	struct psi_trigger *t = container_of(k, struct psi_trigger, timer);
	u64 now = ktime_get(), passed = now - t->start, total, growth;

	spin_lock_raw(&t->group->lock);
	update(t->group);
	total = t->group->total[t->state];
	spin_unlock_raw(&t->group->lock);
	growth = total - t->start_total;
	if (passed >= t->window) {
		t->last_growth = growth;
		t->start = now;
		t->start_total = total;
	} else {
		growth += t->last_growth / 1000 * (t->window - passed) / (t->window / 1000);
	}
	if (growth >= t->threshold && now - t->last_event >= t->window) {
		t->last_event = now;
		WRITE_ONCE(t->event, true);
		wake_up_all(&t->wait);
	}
	timer_start(&t->timer, now + t->period);
}

struct psi_trigger *psi_trigger_create(
	struct psi_group *g, enum psi_resource r, const char *text, bool privileged)
{
	u64 v[2] = { 0, 0 }, full;
	struct psi_trigger *t;

	full = !strncmp(text, "full ", 5);
	if (!full && strncmp(text, "some ", 5) != 0)
		return ERR_PTR(-EINVAL);
	text += 5;
	for (u32 i = 0; i < 2; i++) {
		if (*text < '0' || *text > '9')
			return ERR_PTR(-EINVAL);
		while (*text >= '0' && *text <= '9' && v[i] < 1UL << 32)
			v[i] = v[i] * 10 + (u64)(*text++ - '0');
		if (*text != (i ? 0 : ' '))
			return ERR_PTR(-EINVAL);
		text++;
	}
	if (v[1] < WINDOW_MIN || v[1] > WINDOW_MAX || !v[0] || v[0] > v[1] ||
		(!privileged && v[1] % WINDOW_STEP))
		return ERR_PTR(-EINVAL);
	t = kzalloc(sizeof(*t), 0);
	if (!t)
		return ERR_PTR(-ENOMEM);
	t->group = g;
	t->state = 2 * (u32)r + (u32)full;
	t->threshold = v[0] * 1000;
	t->window = v[1] * 1000;
	t->period = privileged ? t->window / 10 : WINDOW_STEP * 1000;
	init_waitqueue_head(&t->wait);
	timer_setup(&t->timer, trigger_tick);
	t->start = ktime_get();
	spin_lock_raw(&g->lock);
	update(g);
	t->start_total = g->total[t->state];
	spin_unlock_raw(&g->lock);
	timer_start(&t->timer, t->start + t->period);
	return t;
}

void psi_trigger_destroy(struct psi_trigger *t)
{
	if (!t)
		return;
	timer_cancel_sync(&t->timer);
	kfree(t);
}

struct wait_queue_head *psi_trigger_wait(struct psi_trigger *t)
{
	return &t->wait;
}

bool psi_trigger_take(struct psi_trigger *t)
{
	return xchg(&t->event, false);
}

/* ---- groups ---- */

int psi_group_init(struct psi_group *g, struct psi_group *parent, u32 gfp)
{
	g->parent = parent;
	spin_lock_init(&g->lock);
	g->cpu = kzalloc((size_t)nr_cpus * sizeof(*g->cpu), gfp);
	return g->cpu ? 0 : -ENOMEM;
}

void psi_group_set(struct psi_group *g, bool on)
{
	WRITE_ONCE(g->off, !on);
	for (int cpu = 0; cpu < nr_cpus; cpu++) {
		struct rq *rq = cpu_rq(cpu);

		spin_lock_raw(&rq->lock);
		account(&g->cpu[cpu], arch_cpu_clock());
		g->cpu[cpu].mask = states_of(g, &g->cpu[cpu]);
		spin_unlock_raw(&rq->lock);
	}
}

void psi_group_free(struct psi_group *g)
{
	kfree(g->cpu);
}
