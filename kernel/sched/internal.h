/* SPDX-License-Identifier: MIT */
/*
 * internal.h: declarations shared by the files of kernel/sched: the runqueue.
 *
 * Time inside the scheduler is arch_cpu_clock(); only deadlines handed to the machine are on
 * ktime_get()'s scale.
 */
#ifndef NESTLING_SCHED_INTERNAL_H
#define NESTLING_SCHED_INTERNAL_H

#include <linux/sched.h>

#include "kernel/sched/sched.h"

#define MSEC 1000000UL
#define RT_PRIOS 100
#define NICE_0_WEIGHT 1024
#define IDLE_WEIGHT 3

#define SLICE_NS (4 * MSEC) /* of a fair task that is not alone */
#define SLICE_MIN_NS (MSEC / 10)
#define SLICE_MAX_NS (100 * MSEC)
#define RR_SLICE_NS ((u64)READ_ONCE(sysctl_sched_rr_timeslice) * MSEC)
/* a wake-up preempts a task that is this much ahead */
#define WAKEUP_GRAN_NS MSEC
/* a waker runs at least so long: less than SPREAD_DELAY_NS, or a pair would be parted */
#define WAKER_RUNS_NS 40000UL
#define SLEEPER_CREDIT_NS (3 * MSEC)
/* time that a woken task waits for its waker's vCPU before an idle one gets it */
#define SPREAD_DELAY_NS 50000UL
/*
 * A task waits for a busy vCPU although one is idle, unless its weight is less than this part of
 * the running task's.
 */
#define LIGHT_PART 4
/* time for which a task counts as computing after a long stretch without a call */
#define COMPUTES_NS (50 * MSEC)

struct rq {
	/* Raw: held across the switch. Protects all below unless marked. */
	spinlock_t lock;
	int cpu;
	struct task *curr, *idle;
	u32 nr_running; /* runnable tasks, curr included, idle not */
	/* Fair class: queued tasks by vruntime, without curr. */
	struct rb_root fair;
	struct rb_node *fair_first;
	u32 nr_fair;
	u64 min_vruntime; /* never goes back */
	u64 load;         /* weights of queued tasks and curr */
	/* Real-time class: a list for each priority, 99 first, without curr. */
	struct list_head rt[RT_PRIOS + 1];
	u64 rt_bits[2];
	u32 nr_rt;
	/* ns: start of the period, and what real-time tasks have used of it */
	u64 rt_start, rt_used;
	/* rt_prio() of curr, -1: idle; other vCPUs read it racily */
	int running_prio;
	/* curr shall give way after WAKER_RUNS_NS; own vCPU */
	bool hurried;
	/* Curr, if it must leave this vCPU: it is queued elsewhere after the switch. */
	struct task *moving;
	int moving_to; /* preferred vCPU for it, or -1 */
	/* The vCPU, plus 1, that curr joins when it is put; own vCPU. */
	int join;
	/* statistics */
	/* Sleepers counted as load. May be negative, since tasks migrate. */
	s64 nr_uninterruptible;
	/* ns of tasks that ran, were runnable or counted as load, until active_at */
	s64 active_sum;
	u64 active_at; /* time up to which active_sum counts */
	/* odd while both change: loadavg_update() reads without the lock */
	u32 active_seq;
	s64 nr_iowait;
	u64 switches;
	u64 run_ns, wait_ns, slices;
	struct cpu_times times;     /* own vCPU writes, other vCPUs read racily */
	u64 ktime_at, ktime_behind; /* own vCPU: ktime_near() */
	u64 last_idle;              /* clock when it went idle, 0: not idle */
	/* Time that the host took (steal.c). */
	u64 steal_looked, steal_debt;
	u64 stolen; /* in all; other vCPUs read it racily */
} __aligned(64);

/* Boundary counters: even in the kernel, odd in guest code or idle. Own vCPU writes. */
struct boundary {
	u64 count;
	u64 pad[7];
} __aligned(64);

extern struct rq runqueues[MAX_CPUS];
extern struct boundary boundaries[MAX_CPUS];
extern u64 idle_mask; /* atomic: vCPUs that sleep in arch_idle */
/* atomic, with several vCPUs: those with a real-time task in their queue */
extern u64 rt_waiting;

static inline struct rq *this_rq(void)
{
	return &runqueues[smp_processor_id()];
}
static inline struct rq *cpu_rq(int cpu)
{
	return &runqueues[cpu];
}
static inline u32 rq_queued(const struct rq *rq)
{
	return READ_ONCE(rq->nr_fair) + READ_ONCE(rq->nr_rt);
}
/* Above all real-time priorities: the list of deadline tasks. */
#define DL_PRIO RT_PRIOS
static inline bool rt_policy(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}
/*
 * Returns the priority at which the task runs, lent or its own: 1 to 99, DL_PRIO, or 0 for a fair
 * task.
 */
static inline int rt_prio(const struct task *t)
{
	if (t->policy == SCHED_DEADLINE && t->dl_on)
		return DL_PRIO;
	return max(rt_policy(t->policy) ? t->rt_priority : 0, t->boost);
}
static inline bool is_rt(const struct task *t)
{
	return rt_prio(t) != 0;
}
static inline bool task_is_idle(const struct task *t)
{
	return t->flags & PF_IDLE;
}
static inline bool cpu_allowed(const struct task *t, int cpu)
{
	return READ_ONCE(t->cpus_allowed) & BIT(cpu);
}
/*
 * Stays in, or enters, the kernel. A full barrier, like boundary_leave(): a vCPU that sees the new
 * count sees all earlier writes of this vCPU.
 */
static inline void boundary_pass(int cpu)
{
	u64 *c = &boundaries[cpu].count;

	__atomic_store_n(c, (*c + 2) & ~1UL, __ATOMIC_SEQ_CST);
}
/* Leaves for guest code or for sleep: the vCPU holds no reference of RCU. */
static inline void boundary_leave(int cpu)
{
	u64 *c = &boundaries[cpu].count;

	__atomic_store_n(c, (*c + 2) | 1, __ATOMIC_SEQ_CST);
}
/* Leaves without a barrier, if one follows before guest code runs: skas_run() has several. */
static inline void boundary_leave_early(int cpu)
{
	u64 *c = &boundaries[cpu].count;

	smp_store_release(c, (*c + 2) | 1);
}

/* class.c: the queues; all under rq->lock. */
void class_init(struct rq *rq);
u32 class_weight(const struct task *t);
/*
 * Returns how much of the @delta ns that @t has run until @now the host took, at most @delta.
 * rq->lock held. steal.c.
 */
/* accounting asks the host after so long a time */
#define STEAL_LONG_NS 2000000UL
u64 steal_take_locked(struct rq *rq, struct task *t, u64 delta, u64 now);
void steal_after_idle_locked(struct rq *rq, u64 now);
/* Charges curr for the time since exec_start. */
void class_update_curr(struct rq *rq, u64 now);
void class_enqueue(struct rq *rq, struct task *t, bool wakeup);
void class_dequeue(struct rq *rq, struct task *t);               /* queued, not curr */
void class_put_curr(struct rq *rq, struct task *t, bool yields); /* curr returns to its queue */
void class_sleep_curr(struct rq *rq, struct task *t);            /* curr leaves */
struct task *class_pick(struct rq *rq); /* removes the next curr, or NULL */
/*
 * Iterates over queued tasks in the order of running, with only the first real-time task. NULL at
 * the end.
 */
struct task *class_next_queued(struct rq *rq, const struct task *after);
bool class_should_preempt(struct rq *rq, const struct task *t); /* true if t preempts curr */
/*
 * Returns the priority that a real-time task must exceed to run next on @rq; curr counts if
 * @curr_stays.
 */
int class_rt_floor(const struct rq *rq, bool curr_stays);
/*
 * Returns the queued task with the highest priority above @floor that may run on one of @cpus, or
 * NULL.
 */
struct task *class_rt_above(struct rq *rq, int floor, u64 cpus);
u64 class_slice_left(const struct rq *rq, u64 now); /* curr's, in ns; ~0: no limit */
void class_migrate(
	struct rq *from, struct rq *to, struct task *t); /* vruntime on the other queue's scale */

static inline bool class_is_fair(const struct task *t)
{
	return !is_rt(t);
}

/* group.c; under the runqueue lock of the task */
void group_load_add(struct task *t, s64 weight);
static inline void rq_load_add(struct rq *rq, struct task *t, s64 weight)
{
	rq->load += (u64)weight;
	if (unlikely(t->sched_group))
		group_load_add(t, weight);
}
u64 group_share(const struct task *t);
void group_charge(struct task *t, u64 ns, u64 now);
void group_start(struct task *t);
u64 group_check_in(const struct task *t, u64 now);

/* deadline.c; under rq->lock, for a task with that policy. */
void dl_begin(struct task *t);                           /* begins its first period now */
void dl_refresh(struct task *t, u64 now);                /* before it is queued */
void dl_charge(struct task *t, u64 ns);                  /* it has run */
u64 dl_time_left(const struct task *t, u64 now);         /* ns until it must be queued again */
int dl_check(u64 runtime, u64 deadline, u64 *period);    /* no lock; returns 0 or -EINVAL */
int dl_reserve(struct task *t, u64 runtime, u64 period); /* No lock; period 0 gives back; -EBUSY. */

/* psi.c; under the lock of @cpu's runqueue */
void psi_change(struct task *t, int cpu, u64 now, int runnable, int running, int iowait);
void psi_switch(struct task *prev, struct task *next, int cpu, u64 now);

/* balance.c */
int balance_select(struct task *t); /* vCPU of a waking task; no lock held */
/* Takes a task from another vCPU when rq has none; no lock held. */
void balance_pull(struct rq *rq);
/*
 * Takes more urgent tasks from where they wait, before rq chooses. Keeps curr if it @stays; no lock
 * held.
 */
void balance_pull_rt(struct rq *rq, bool stays);
/*
 * Tells a vCPU that runs something less urgent to take a real-time task that waits in rq; no lock
 * held.
 */
void balance_push_rt(struct rq *rq);
void balance_tick(
	struct rq *rq, u64 now, bool slice_over); /* at a boundary of rq with tasks queued */
/* moves all fair tasks that may; no lock held */
void balance_join(struct rq *from, struct rq *to);
/* Returns in how many ns a queued task wants an idle vCPU; ~0: none does. */
u64 balance_delay(struct rq *rq, u64 now);
int balance_any_allowed(const struct task *t);

/* Returns the vCPUs that a task with this wish may use within this bound (affinity.c). */
u64 sched_within(u64 wish, u64 bound);

/* core.c */
void rq_lock_two(struct rq *a, struct rq *b);
void rq_unlock_two(struct rq *a, struct rq *b);
/* Locks the runqueue of t->cpu; both are then stable. */
struct rq *task_rq_lock(struct task *t);
/* Takes t out of its place, calls @change under the lock, and puts it back. No lock is held. */
void sched_change(struct task *t, void (*change)(struct task *t, int a, int b), int a, int b);
/* Makes curr look for a better task at its next boundary; under its lock. */
void resched_curr(struct rq *rq);
/* Makes t, which is in no queue, runnable on @to. Both locked. */
void activate_task(struct rq *from, struct rq *to, struct task *t, bool wakeup);
void sched_tick(void); /* at every boundary: slices and balance */
/* Returns the ktime at which sched_tick has work to do, or ~0. */
u64 sched_next(void);

/* account.c */
void account_idle(struct rq *rq, u64 now);
void account_switch(struct rq *rq, struct task *prev, struct task *next, u64 now);
void loadavg_update(u64 now);
/* True for a sleeper that the load average counts. */
static inline bool task_is_load(const struct task *t)
{
	return (t->state & TASK_IDLE) == TASK_UNINTERRUPTIBLE;
}
/* Adds the activity since the last change. Called before each change. rq->lock held. */
static inline void account_active(struct rq *rq, u64 now)
{
	s64 delta = (s64)(now - rq->active_at);

	if (delta <= 0) /* another vCPU's clock */
		return;
	WRITE_ONCE(rq->active_seq, rq->active_seq + 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	WRITE_ONCE(rq->active_sum,
		rq->active_sum + ((s64)rq->nr_running + rq->nr_uninterruptible) * delta);
	WRITE_ONCE(rq->active_at, now);
	smp_store_release(&rq->active_seq, rq->active_seq + 1);
}

/* timer.c */
/* Returns the ktime at which timers_run() of this vCPU has work to do, slices aside. */
u64 timers_expire(int cpu);

/* rcu.c */
void rcu_check(int cpu);
bool rcu_waiting(int cpu);
/* ktime at which rcu_check is needed, or ~0 */
u64 rcu_next(int cpu);

#endif
