/* SPDX-License-Identifier: MIT */
/*
 * pids.h: the pids controller of both versions, which limits the number of tasks of a group and all
 * groups below. A task counts from its birth until it is reaped.
 *
 * No lock: counts are atomic, and a limit that is set meanwhile applies to the next fork.
 */
#ifndef NESTLING_CGROUP_PIDS_H
#define NESTLING_CGROUP_PIDS_H

#include "kernel/lib/atomic.h"

#define PIDS_NO_LIMIT INT64_MAX
#define PIDS_LIMIT_MAX 4194304 /* no machine has more tasks than that */

struct pids_group {
	/* the nearest group above that counts, or NULL; immutable */
	struct pids_group *parent;
	atomic64_t count; /* tasks of this group and all below */
	s64 max;          /* or PIDS_NO_LIMIT */
	s64 peak;         /* highest count */
	/*
	 * refused: forks that the limit of this group or of one below refused. refused_local: forks
	 * that this group's limit refused (version 1: forks of this group's tasks). Atomic;
	 * incremented by tasks.c and v1_cpu.c, not by pids.c.
	 */
	u64 refused, refused_local;
};

/* Sets up a group without tasks or limit. @parent may be NULL; it must live as long as @g. */
void pids_group_init(struct pids_group *g, struct pids_group *parent);
/*
 * Charges a task to @g and all groups above. Returns NULL on success, else the group whose limit
 * refuses the task. Does nothing if @g is NULL. The caller counts the refusal.
 */
struct pids_group *pids_try_charge(struct pids_group *g);
/* Charge a task regardless of limits, and uncharge one; @g may be NULL. */
void pids_charge_force(struct pids_group *g);
void pids_uncharge(struct pids_group *g);

#endif
