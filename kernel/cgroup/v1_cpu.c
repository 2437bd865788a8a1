/* SPDX-License-Identifier: MIT */
/*
 * v1_cpu.c: cpu and pids of cgroup version 1 (linux-doc's admin-guide/cgroup-v1/{pids,cgroups},
 * scheduler/sched-design-CFS, sched-bwc): version 2's controllers under another name.
 *
 * A controller belongs to one of the two versions. A hierarchy that is made with a controller takes
 * it from version 2, provided no group below the root has it enabled there, and gives it back when
 * it ends. Version 2 keeps counting tasks, but then its limits apply to no task.
 *
 * cpu: the top is no group of the scheduler and has no settings. The share of time that a group's
 * quota gives may not be larger than that of the nearest group above with a quota.
 *
 * pids: a task keeps the group that counts it until it is reaped, when it is no longer a member of
 * any group. A refused fork is reported in the group of the forking task, whichever group's limit
 * was reached.
 *
 * Locks: cgroup1_mutex protects settings; cgroup1_lock protects the membership of moving tasks;
 * cgroup_threads protects task->cg1_pids.
 */
#include "kernel/cgroup/internal.h"
#include "kernel/cgroup/v1.h"

/* Bits of the fraction in part(). A quota is at most 2^44 us, so the shift fits in 64 bits. */
#define PART_SHIFT 18

u32 cgroup1_taken(u32 controllers)
{
	return (controllers & CG1_CPUSET ? CG_CPUSET : 0) | (controllers & CG1_CPU ? CG_CPU : 0) |
	       (controllers & CG1_BLKIO ? CG_IO : 0) | (controllers & CG1_PIDS ? CG_PIDS : 0) |
	       (controllers & CG1_MEMORY ? CG_MEMORY : 0) |
	       (controllers & CG1_HUGETLB ? CG_HUGETLB : 0);
}

/* ---- pids ---- */

int cgroup1_charge_pids(struct task *t)
{
	struct cgroup1 *g = current->cg1_pids;

	t->cg1_pids = NULL;
	if (likely(!g))
		return 0;
	if (pids_try_charge(&g->pids)) {
		__atomic_add_fetch(&g->pids.refused_local, 1, __ATOMIC_RELAXED);
		return -EAGAIN;
	}
	t->cg1_pids = cgroup1_get(g);
	return 0;
}

void cgroup1_uncharge_pids(struct task *t)
{
	struct cgroup1 *g = t->cg1_pids;

	if (likely(!g))
		return;
	t->cg1_pids = NULL;
	pids_uncharge(&g->pids);
	cgroup1_put(g);
}

void cgroup1_pids_moved(struct task *t, struct cgroup1 *g)
{
	struct cgroup1 *from = t->cg1_pids;

	if (from == g)
		return;
	if (g)
		pids_charge_force(&cgroup1_get(g)->pids);
	t->cg1_pids = g;
	if (from)
		pids_uncharge(&from->pids);
	cgroup1_put(from);
}

/* ---- cpu ---- */

/* Moves @t to the scheduler's group of @g. A new task does not run yet and is on no runqueue. */
void cgroup1_cpu_moved(struct task *t, struct cgroup1 *g)
{
	sched_move_task(t, g ? &g->sched : NULL);
}

/* Returns 0 if @g's settings may be changed, or -errno. Under cgroup1_mutex. */
static int may_set(const struct cgroup1 *g)
{
	if (g->dead)
		return -ENODEV;
	return g->parent ? 0 : -EINVAL;
}

int cgroup1_set_shares(struct cgroup1 *g, u64 shares)
{
	int err;

	mutex_lock(&cgroup1_mutex);
	err = may_set(g);
	if (!err && g->sched.idle)
		err = -EINVAL;
	if (!err)
		sched_group_set_shares(&g->sched, (u32)clamp(shares, 2UL, 1UL << 18), false);
	mutex_unlock(&cgroup1_mutex);
	return err;
}

int cgroup1_set_idle(struct cgroup1 *g, bool idle)
{
	int err;

	mutex_lock(&cgroup1_mutex);
	err = may_set(g);
	if (!err && g->sched.idle != idle)
		sched_group_set_shares(&g->sched, SCHED_SHARES, idle);
	mutex_unlock(&cgroup1_mutex);
	return err;
}

/* Returns a quota as a fraction of one CPU's time, in units of 2^-PART_SHIFT; ~0: no limit. */
static u64 part(u64 quota, u64 period)
{
	return quota == SCHED_QUOTA_NONE ? ~0UL : (quota / 1000 << PART_SHIFT) / (period / 1000);
}

static u64 part_above(const struct cgroup1 *g)
{
	for (g = g->parent; g && g->parent; g = g->parent)
		if (g->sched.quota != SCHED_QUOTA_NONE)
			return part(g->sched.quota, g->sched.period);
	return ~0UL;
}

/*
 * True if a group below @g has a quota that is a larger fraction than @most. cgroup1_mutex is held.
 */
static bool some_has_more(struct cgroup1 *g, u64 most)
{
	struct cgroup1 *below;

	list_for_each_entry(below, &g->hier->groups, sibling) {
		u64 has = part(below->sched.quota, below->sched.period);

		/* There may be any number of groups. cgroup1_mutex keeps the list unchanged. */
		cond_resched();
		if (below != g && has != ~0UL && has > most && cgroup1_is_below(below, g))
			return true;
	}
	return false;
}

int cgroup1_set_quota(struct cgroup1 *g, u64 quota, u64 period, u64 burst)
{
	u64 new;
	int err;

	if (period < 1000000 || period > 1000000000)
		return -EINVAL;
	mutex_lock(&cgroup1_mutex);
	new = part(quota, period);
	err = may_set(g);
	if (!err && new != ~0UL && (new > part_above(g) || some_has_more(g, new)))
		err = -EINVAL;
	if (!err)
		err = sched_group_set_quota(&g->sched, quota, period, burst);
	mutex_unlock(&cgroup1_mutex);
	return err;
}
