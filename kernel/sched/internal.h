/* SPDX-License-Identifier: MIT */
/*
 * internal.h: declarations shared by the files of kernel/sched: the runqueue.
 *
 * Times inside the scheduler, and every @now, are arch_cpu_clock() in ns, unless a comment says
 * ktime: the deadlines that the scheduler returns to the machine (timers_next()) are ktime_get().
 */
#ifndef NESTLING_SCHED_INTERNAL_H
#define NESTLING_SCHED_INTERNAL_H

#include <linux/sched.h>

#include "kernel/sched/sched.h"

#define MSEC 1000000UL
#define RT_PRIOS 100
#define NICE_0_WEIGHT 1024
#define IDLE_WEIGHT 3

/* Default slice of a fair task while other tasks are queued. */
#define SLICE_NS (4 * MSEC)
#define SLICE_MIN_NS (MSEC / 10)
#define SLICE_MAX_NS (100 * MSEC)
#define RR_SLICE_NS ((u64)READ_ONCE(sysctl_sched_rr_timeslice) * MSEC)
/* ns of vruntime by which curr must be ahead before a woken task preempts it */
#define WAKEUP_GRAN_NS MSEC
/*
 * A waker runs at least this long. Less than SPREAD_DELAY_NS, or an idle vCPU would take the woken
 * task away from its waker.
 */
#define WAKER_RUNS_NS 40000UL
/* ns of vruntime by which a woken task is placed at most before the queue's minimum */
#define SLEEPER_CREDIT_NS (3 * MSEC)
/* How long a woken task waits for its waker's vCPU before an idle vCPU takes it. */
#define SPREAD_DELAY_NS 50000UL
/*
 * A task may be left waiting for a busy vCPU although another is idle (arch_tasks_share()), but not
 * if its weight is below the running task's weight divided by this number.
 */
#define LIGHT_PART 4
/* How long after a long stretch without a system call a task still counts as computing. */
#define COMPUTES_NS (50 * MSEC)

struct rq {
	/*
	 * Raw, and held across the switch. Protects all members below except those with another
	 * rule.
	 */
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
	/* Real-time class, without curr: a list of task->rt_node for each priority. */
	struct list_head rt[RT_PRIOS + 1];
	u64 rt_bits[2]; /* bit n: rt[n] is not empty */
	u32 nr_rt;
	/*
	 * rt_start: beginning of the real-time period, on arch_cpu_clock() minus @stolen. rt_used:
	 * ns that real-time tasks have used in the period.
	 */
	u64 rt_start, rt_used;
	/* rt_prio() of curr, or -1 while idle. Other vCPUs read it racily. */
	int running_prio;
	/* True if curr must make room for a woken task after WAKER_RUNS_NS. Own vCPU only. */
	bool hurried;
	/* curr if it must leave this vCPU: finish_switch() queues it on another vCPU. */
	struct task *moving;
	int moving_to; /* vCPU preferred for @moving, or -1 */
	/* Number + 1 of the vCPU to which curr moves at the next switch; 0: none. Own vCPU only. */
	int join;
	/* Statistics. */
	/*
	 * Uninterruptible sleepers that slept on this vCPU. May be negative, since tasks migrate.
	 */
	s64 nr_uninterruptible;
	/* Active tasks times ns, up to active_at: see account_active(). */
	s64 active_sum;
	u64 active_at;
	/*
	 * Odd while active_sum and active_at change: loadavg_update() reads both without the lock.
	 */
	u32 active_seq;
	s64 nr_iowait; /* tasks that sleep for a disk */
	u64 switches;
	u64 run_ns, wait_ns, slices; /* see sched_cpu_stats */
	/* Written by the own vCPU, and under lock for idle time. */
	struct cpu_times times;
	/*
	 * For ktime_near(). ktime_at: arch_cpu_clock() at the last measurement. ktime_behind:
	 * arch_cpu_clock() minus ktime at that time. Own vCPU only.
	 */
	u64 ktime_at, ktime_behind;
	/* arch_cpu_clock() of going idle, or 0 */
	u64 last_idle;
	/*
	 * For steal.c. steal_looked: arch_cpu_clock() when the host's count was last read.
	 * steal_debt: stolen ns not yet subtracted from a task.
	 */
	u64 steal_looked, steal_debt;
	u64 stolen; /* ns since boot; other vCPUs read racily */
} __aligned(64);

/* Counts boundaries of a vCPU: even in the kernel, odd in guest code or idle. Own vCPU writes. */
struct boundary {
	u64 count;
	u64 pad[7];
} __aligned(64);

extern struct rq runqueues[MAX_CPUS];
extern struct boundary boundaries[MAX_CPUS];
extern u64 idle_mask; /* atomic: vCPUs that sleep in arch_idle */
/* atomic: vCPUs with a queued real-time task; used with several vCPUs only */
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
/* Deadline tasks are above all real-time priorities: the index of their list in rq->rt. */
#define DL_PRIO RT_PRIOS
static inline bool rt_policy(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}
/*
 * Returns the priority at which the task runs, its own or a lent one: 1 to 99, DL_PRIO for a
 * deadline task with budget, or 0 for a fair task.
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
 * Marks the start of a stretch in the kernel: a boundary, or the return from guest code or sleep. A
 * full barrier, like boundary_leave(): a vCPU that sees the new count sees all earlier writes of
 * this vCPU.
 */
static inline void boundary_pass(int cpu)
{
	u64 *c = &boundaries[cpu].count;

	__atomic_store_n(c, (*c + 2) & ~1UL, __ATOMIC_SEQ_CST);
}
/* Marks that this vCPU enters guest code or sleeps: it holds no pointer of an RCU reader. */
static inline void boundary_leave(int cpu)
{
	u64 *c = &boundaries[cpu].count;

	__atomic_store_n(c, (*c + 2) | 1, __ATOMIC_SEQ_CST);
}
/*
 * Like boundary_leave() without its barrier, for a caller whose later code has one before guest
 * code runs (skas_run()).
 */
static inline void boundary_leave_early(int cpu)
{
	u64 *c = &boundaries[cpu].count;

	smp_store_release(c, (*c + 2) | 1);
}

/* class.c: the queues of a vCPU. All functions are called under rq->lock. */
void class_init(struct rq *rq);
u32 class_weight(const struct task *t);
/* The accounting reads the host's steal time after a stretch of this length in one mode. */
#define STEAL_LONG_NS 2000000UL
/*
 * steal.c: returns how many of the @delta ns that @t ran until @now the host took, at most @delta.
 * rq->lock held.
 */
u64 steal_take_locked(struct rq *rq, struct task *t, u64 delta, u64 now);
/*
 * Called when an idle vCPU is about to run a task: forgets the time that the host took from the
 * idle vCPU, so that no task is charged. rq->lock held.
 */
void steal_after_idle_locked(struct rq *rq, u64 now);
/* Charges curr for the time since exec_start, which becomes @now. */
void class_update_curr(struct rq *rq, u64 now);
/* Queues a runnable task. @wakeup: it has slept. */
void class_enqueue(struct rq *rq, struct task *t, bool wakeup);
void class_dequeue(struct rq *rq, struct task *t);               /* @t is queued, not curr */
void class_put_curr(struct rq *rq, struct task *t, bool yields); /* curr returns to its queue */
void class_sleep_curr(struct rq *rq, struct task *t);            /* curr sleeps or dies */
/* Takes the next task to run off its queue and returns it. NULL: no task is queued. */
struct task *class_pick(struct rq *rq);
/*
 * Returns the queued task that would run after @after (NULL: the first), or NULL at the end. Of the
 * real-time tasks only the first is returned.
 */
struct task *class_next_queued(struct rq *rq, const struct task *after);
bool class_should_preempt(struct rq *rq, const struct task *t); /* true if @t preempts curr */
/*
 * Returns the priority above which a real-time task would be the next to run on @rq. curr's
 * priority counts if @curr_stays.
 */
int class_rt_floor(const struct rq *rq, bool curr_stays);
/*
 * Returns the queued task with the highest priority above @floor that may run on one of @cpus, or
 * NULL.
 */
struct task *class_rt_above(struct rq *rq, int floor, u64 cpus);
u64 class_slice_left(const struct rq *rq, u64 now); /* ns left of curr's slice; ~0: no limit */
void class_migrate(
	struct rq *from, struct rq *to, struct task *t); /* converts vruntime to the scale of @to */

static inline bool class_is_fair(const struct task *t)
{
	return !is_rt(t);
}

/* group.c: the functions below are called under the task's runqueue lock. */
/* Adds @weight (negative: subtracts) to the load of @t's group, if it has one. */
void group_load_add(struct task *t, s64 weight);
static inline void rq_load_add(struct rq *rq, struct task *t, s64 weight)
{
	rq->load += (u64)weight;
	if (unlikely(t->sched_group))
		group_load_add(t, weight);
}
/*
 * Returns the weight of @t among all tasks, through all its groups; only ratios of it mean
 * something.
 */
u64 group_share(const struct task *t);
/* Charges the groups of @t for @ns of run time. */
void group_charge(struct task *t, u64 ns, u64 now);
/* Called when @t is put on a CPU: sets TIF_CGROUP if one of its groups is throttled. */
void group_start(struct task *t);
/* Returns ns until a quota of @t's groups must be checked; ~0: never. */
u64 group_check_in(const struct task *t, u64 now);

/* dl_*: deadline.c, for SCHED_DEADLINE tasks, under rq->lock */
void dl_begin(struct task *t);                   /* begins the first period now */
void dl_refresh(struct task *t, u64 now);        /* called before @t is queued */
void dl_charge(struct task *t, u64 ns);          /* subtracts @ns from the budget */
u64 dl_time_left(const struct task *t, u64 now); /* ns until the next check */
/*
 * Reserves @runtime of each @period (ns); a @period of 0 gives the reservation back. Returns 0 or
 * -EBUSY. policy_lock is held, and no runqueue's lock.
 */
int dl_reserve(struct task *t, u64 runtime, u64 period);

/*
 * psi.c: change the counts of @cpu's psi_cpu by -1, 0 or 1 in the groups of @t, or for a switch
 * from @prev to @next. Called under the lock of @cpu's runqueue.
 */
void psi_change(struct task *t, int cpu, u64 now, int runnable, int running, int iowait);
void psi_switch(struct task *prev, struct task *next, int cpu, u64 now);

/* balance.c, called with no lock held */
int balance_select(struct task *t); /* returns a vCPU for a waking task */
/* Takes a task from another vCPU when @rq has none. No lock held. */
void balance_pull(struct rq *rq);
/*
 * Takes real-time tasks that wait on other vCPUs and outrank what @rq would run next; called before
 * @rq picks a task. curr competes if it @stays. No lock held.
 */
void balance_pull_rt(struct rq *rq, bool stays);
/*
 * Makes a vCPU that runs a less urgent task reschedule, so that it takes a real-time task waiting
 * in @rq. No lock held.
 */
void balance_push_rt(struct rq *rq);
void balance_tick(
	struct rq *rq, u64 now, bool slice_over); /* at a boundary of rq with tasks queued */
/* Moves all fair tasks of @from that are allowed on @to's vCPU. No lock held. */
void balance_join(struct rq *from, struct rq *to);
/* Returns ns until the first queued task should move to an idle vCPU, or ~0 for never. */
u64 balance_delay(struct rq *rq, u64 now);
/* Returns a vCPU on which @t may run, an idle one if possible. */
int balance_any_allowed(const struct task *t);

/*
 * Returns the vCPUs that a task with affinity @wish may use inside its group's @bound (affinity.c).
 */
u64 sched_within(u64 wish, u64 bound);

/* core.c; @a and @b may be one runqueue */
void rq_lock_two(struct rq *a, struct rq *b);
void rq_unlock_two(struct rq *a, struct rq *b);
/* Locks the runqueue of t->cpu and returns it. t->cpu and the queue are stable until the unlock. */
struct rq *task_rq_lock(struct task *t);
/* Stores rt_prio() of the task that @rq runs, or -1 while it is idle. rq->lock held. */
void set_running_prio(struct rq *rq, int prio);
/*
 * Takes @t out of its queue, calls @change under the runqueue's lock, and queues @t again. The
 * caller holds no lock.
 */
void sched_change(struct task *t, void (*change)(struct task *t, int a, int b), int a, int b);
/* Makes curr reschedule at its next boundary. rq->lock held. */
void resched_curr(struct rq *rq);
/* Makes @t, which is in no queue, runnable on @to. Both runqueues are locked. */
void activate_task(struct rq *from, struct rq *to, struct task *t, bool wakeup);
void sched_tick(void); /* at every boundary: slices, balancing */
/* Returns the ktime at which sched_tick has work to do, or ~0. */
u64 sched_next(void);

/* account.c */
/* Account for idle time up to @now, and for a switch. rq->lock held. */
void account_idle(struct rq *rq, u64 now);
void account_switch(struct rq *rq, struct task *prev, struct task *next, u64 now);
/* Updates the load average. Any lock may be held. */
void loadavg_update(u64 now);
/* True if @t sleeps uninterruptibly without TASK_NOLOAD, and so counts for the load average. */
static inline bool task_is_load(const struct task *t)
{
	return (t->state & TASK_IDLE) == TASK_UNINTERRUPTIBLE;
}
/*
 * Adds the activity since the last change to active_sum. Called before each change of the number of
 * active tasks. rq->lock held.
 */
static inline void account_active(struct rq *rq, u64 now)
{
	s64 delta = (s64)(now - rq->active_at);

	if (delta <= 0) /* the clock of another vCPU was ahead */
		return;
	WRITE_ONCE(rq->active_seq, rq->active_seq + 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	WRITE_ONCE(rq->active_sum,
		rq->active_sum + ((s64)rq->nr_running + rq->nr_uninterruptible) * delta);
	WRITE_ONCE(rq->active_at, now);
	smp_store_release(&rq->active_seq, rq->active_seq + 1);
}

/* timer.c */
/*
 * Returns the ktime at which timers_run() of this vCPU has work to do. Time slices are not
 * included.
 */
u64 timers_expire(int cpu);

/* rcu.c */
/* Runs what is due at a boundary of @cpu, the own vCPU. No lock held. */
void rcu_check(int cpu);
/* True if a function of call_rcu() waits on @cpu. */
bool rcu_waiting(int cpu);
/* Returns the ktime at which rcu_check() has work to do, or ~0. */
u64 rcu_next(int cpu);

#endif
