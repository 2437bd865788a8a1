/* SPDX-License-Identifier: MIT */
/*
 * group.h: groups of tasks that share CPU time (the cpu controller): weights against other groups,
 * and a quota per period.
 *
 *      sched_group_init(&g); sched_group_link(&g, parent);        weight 100, no quota
 *      sched_move_task(t, &g);                                    NULL: in no group
 *
 * A task may have a group of the cpu controller and a group of its session (autogroup). It shares
 * CPU time in the controller's group if it has one, else in the session's group while
 * sched_sessions_count(true) is in force, else in no group.
 *
 * The creator of a group must not free it while it contains tasks or child groups. The functions
 * may be called with spinlocks held, except sched_group_exit() and sched_throttle(), which sleep.
 */
#ifndef NESTLING_SCHED_GROUP_H
#define NESTLING_SCHED_GROUP_H

#include "kernel/sched/lock.h"
#include "kernel/sched/timer.h"

struct task;

#define SCHED_GROUP_WEIGHT 100 /* the default, of 1 to 10000 */
#define SCHED_SHARES 1024      /* 1024 shares equal a weight of 100 */
#define SCHED_QUOTA_NONE (~0UL)
#define SCHED_PERIOD_DEFAULT 100000000UL /* ns */

struct sched_group {
	/* Weights, under weights_lock (group.c); load is also read racily. */
	struct sched_group *parent; /* NULL: below the root */
	u32 weight;                 /* set by cgroup version 2 */
	u32 shares;                 /* effective weight (SCHED_SHARES) */
	bool idle;                  /* competes like a SCHED_IDLE task */
	/* Sum of the weights of the group's runnable tasks and child groups, on all vCPUs. */
	s64 load;
	/* Quota: under bw_lock. */
	spinlock_t bw_lock;       /* raw */
	u64 quota, period, burst; /* ns; quota may be SCHED_QUOTA_NONE */
	/* ns left in this period; negative: an overrun, taken from the next. Read racily. */
	s64 runtime;
	s64 budget;     /* ns: runtime when the period began */
	u64 period_end; /* arch_cpu_clock() */
	/* True while no quota is left: its tasks sleep in sched_throttle(). Read racily. */
	bool throttled;
	u64 throttled_at; /* arch_cpu_clock() */
	/* Figures of cpu.stat since the group was made: numbers, and times in ns. */
	u64 nr_periods, nr_throttled, throttled_ns, nr_bursts, burst_ns;
	struct ktimer timer;         /* armed for period_end while throttled */
	struct wait_queue_head wait; /* tasks in sched_throttle() */
};

/* Initialises a zeroed group below the root, with weight 100 and no quota. */
void sched_group_init(struct sched_group *g);
/* Ends the use of an empty group before it is freed: resets it, waits for its timer. May sleep. */
void sched_group_exit(struct sched_group *g);
/* Sets weight 100 and no quota. */
void sched_group_reset(struct sched_group *g);
/* Makes @g compete within @parent (NULL: below the root), which must outlive it. */
void sched_group_link(struct sched_group *g, struct sched_group *parent);
/* Sets the weight, 1 to 10000. @idle: competes like a SCHED_IDLE task. */
void sched_group_set_weight(struct sched_group *g, u32 weight, bool idle);
/* Sets the weight in shares, 1 or more; SCHED_SHARES of them equal SCHED_GROUP_WEIGHT. */
void sched_group_set_shares(struct sched_group *g, u32 shares, bool idle);
/*
 * Sets the quota and begins a new period. Times in ns: @period from 1 ms to 1 s, @quota at least
 * 1 ms or SCHED_QUOTA_NONE, @burst at most @quota. Returns 0 or -EINVAL.
 */
int sched_group_set_quota(struct sched_group *g, u64 quota, u64 period, u64 burst);

/*
 * Set the cpu controller's group (NULL: none): sched_set_group() of a task that does not run yet,
 * sched_move_task() of any task.
 */
void sched_set_group(struct task *t, struct sched_group *g);
void sched_move_task(struct task *t, struct sched_group *g);
/*
 * Set the session's group (NULL: none): sched_set_session() of a task that is in no list yet,
 * sched_move_session() of any task. An exiting task can only be moved to NULL. The creator frees a
 * group only after a grace period (timer.h).
 */
void sched_set_session(struct task *t, struct sched_group *g);
void sched_move_session(struct task *t, struct sched_group *g);
/* Sets whether sessions' groups count. The caller then calls sched_regroup() for each task. */
void sched_sessions_count(bool count);
/* Makes @t share CPU time in the group that counts for it now. The caller has a reference. */
void sched_regroup(struct task *t);
/* Returns the shares of a group that weighs as much as a task of nice level @nice, -20 to 19. */
u32 sched_nice_shares(int nice);

/*
 * Sleeps while a group of current has used up its quota, unless current is killed. Called on the
 * way to user mode with TIF_CGROUP.
 */
void sched_throttle(void);

#endif
