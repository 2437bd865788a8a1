/* SPDX-License-Identifier: MIT */
/*
 * group.h: groups of tasks that share CPU time (the cpu controller): weights against other groups,
 * and a quota per period.
 *
 *      sched_group_init(&g); sched_group_link(&g, parent);        weight 100, no quota
 *      sched_move_task(t, &g);                                    NULL: in no group
 *
 * A task may have a group of the cpu controller and one of its session. The first comes first, and
 * the second counts while sched_sessions_count(true).
 *
 * The owner keeps a group alive while tasks or groups below are in it.
 */
#ifndef NESTLING_SCHED_GROUP_H
#define NESTLING_SCHED_GROUP_H

#include "kernel/sched/lock.h"
#include "kernel/sched/timer.h"

struct task;

#define SCHED_GROUP_WEIGHT 100 /* 1 to 10000 */
#define SCHED_SHARES 1024      /* equivalent of that weight */
#define SCHED_QUOTA_NONE (~0UL)
#define SCHED_PERIOD_DEFAULT 100000000UL /* ns */

struct sched_group {
	/* Weights, under weights_lock (group.c); load is also read racily. */
	struct sched_group *parent; /* NULL: below the root */
	u32 weight;                 /* as set by version 2 */
	u32 shares;                 /* the effective weight */
	bool idle;                  /* as SCHED_IDLE against others */
	/* Weights of the runnable tasks and groups in it, on all vCPUs. */
	s64 load;
	bool linked;
	/* quota: under bw_lock */
	spinlock_t bw_lock;       /* raw */
	u64 quota, period, burst; /* ns; quota may be SCHED_QUOTA_NONE */
	s64 runtime;              /* left in this period; read racily */
	u64 period_end;           /* clock of the scheduler */
	bool throttled;           /* read racily */
	u64 throttled_at;
	u64 nr_periods, nr_throttled, throttled_ns, nr_bursts, burst_ns;
	struct ktimer timer; /* the end of the period, while throttled */
	struct wait_queue_head wait;
};

void sched_group_init(struct sched_group *g);
void sched_group_exit(struct sched_group *g); /* for an empty group, before it is freed */
void sched_group_reset(struct sched_group *g);
void sched_group_link(struct sched_group *g, struct sched_group *parent);
void sched_group_set_weight(struct sched_group *g, u32 weight, bool idle);
void sched_group_set_shares(struct sched_group *g, u32 shares, bool idle);          /* finer */
int sched_group_set_quota(struct sched_group *g, u64 quota, u64 period, u64 burst); /* -EINVAL */

/* Set the controller's group of a task that does not run yet, and of any task. */
void sched_set_group(struct task *t, struct sched_group *g);
void sched_move_task(struct task *t, struct sched_group *g);
/*
 * Set the session's group of a task that is in no list yet, and of any task. A task that exits gets
 * none any more. Its owner frees a group after a grace period.
 */
void sched_set_session(struct task *t, struct sched_group *g);
void sched_move_session(struct task *t, struct sched_group *g);
/* Says whether sessions' groups count; sched_regroup() then applies it to each task. */
void sched_sessions_count(bool count);
void sched_regroup(struct task *t);
/* Returns the shares of a group that is worth a task of this nice level, from -20 to 19. */
u32 sched_nice_shares(int nice);

/* Sleeps while the group has used up its quota. On the way to user mode with TIF_CGROUP. */
void sched_throttle(void);

#endif
