/* SPDX-License-Identifier: MIT */
/*
 * v1_cpuset.c: cpuset of cgroup version 1 (linux-doc's admin-guide/cgroup-v1/cpusets): the vCPUs on
 * which the tasks of a group run, and the memory nodes that they use. There is only one node.
 *
 * A new group has neither vCPUs nor nodes, unless cgroup.clone_children gives it those of its
 * parent. It takes no task until it has both. A group gets only what its parent has (EACCES), and
 * cannot lose what its children have (EBUSY). An exclusive group shares nothing with its siblings
 * (EINVAL). The top has all vCPUs and nodes, which cannot be changed.
 *
 * vCPUs are always balanced: there are no scheduling domains.
 *
 * Locks: cgroup1_mutex protects all settings. Changes of cpus and moves of tasks also hold
 * cgroup1_lock, so that a task that moves does not miss a change.
 */
#include "kernel/cgroup/internal.h"
#include "kernel/cgroup/v1.h"

static u64 all_cpus(void)
{
	return nr_cpus == 64 ? ~0UL : BIT(nr_cpus) - 1;
}

void cgroup1_cpuset_top(struct cgroup1 *top)
{
	top->cpus = all_cpus();
	top->mems = 1;
	top->cpuset_flags = CS1_CPU_EXCLUSIVE | CS1_MEM_EXCLUSIVE;
}

/* True if a child of @parent is exclusive. cgroup1_mutex is held. */
static bool has_exclusive_child(const struct cgroup1 *parent)
{
	const struct cgroup1 *g;

	list_for_each_entry(g, &parent->hier->groups, sibling) {
		if (g->parent == parent &&
			g->cpuset_flags & (CS1_CPU_EXCLUSIVE | CS1_MEM_EXCLUSIVE))
			return true;
		/* There may be any number of groups. cgroup1_mutex keeps the list unchanged. */
		cond_resched();
	}
	return false;
}

/*
 * Sets up the flags of a new group, and with clone_children its vCPUs and nodes. @g may already be
 * in the hierarchy's list.
 */
void cgroup1_inherit_cpuset(struct cgroup1 *g, const struct cgroup1 *parent)
{
	assert_mutex_held(&cgroup1_mutex);
	g->cpuset_flags = parent->cpuset_flags & (CS1_SPREAD_PAGE | CS1_SPREAD_SLAB);
	if (!parent->clone_children || !(g->hier->controllers & CG1_CPUSET) ||
		has_exclusive_child(parent))
		return;
	g->cpus = parent->cpus;
	g->mems = parent->mems;
}

int cgroup1_cpuset_has_room(const struct cgroup1 *g)
{
	return g->cpus && g->mems ? 0 : -ENOSPC;
}

/*
 * Applies the group's vCPUs to @t (@g NULL: all vCPUs). An exiting task that leaves its group keeps
 * its vCPUs, since that no longer matters.
 */
void cgroup1_cpuset_moved(struct task *t, struct cgroup1 *g)
{
	if (g || !(t->flags & PF_EXITING))
		sched_set_bound(t, g ? g->cpus : ~0UL);
}

/* ---- settings ---- */

/* A set of settings that a group would get: masks of vCPUs and nodes, CS1_*. */
struct trial {
	u64 cpus, mems;
	u32 flags;
};

/* True if the set @t, or a sibling that has @flags, is exclusive. */
static bool exclusive(const struct trial *t, u32 flags)
{
	return (t->flags | flags) & (CS1_CPU_EXCLUSIVE | CS1_MEM_EXCLUSIVE);
}

/* True if the settings have no vCPU, memory node or exclusive flag that the set @of lacks. */
static bool is_part(u64 cpus, u64 mems, u32 flags, const struct trial *of)
{
	return !(cpus & ~of->cpus) && !(mems & ~of->mems) &&
	       !(flags & ~of->flags & (CS1_CPU_EXCLUSIVE | CS1_MEM_EXCLUSIVE));
}

/*
 * Checks a set against the group's children and siblings. Returns 0, -EBUSY or -EINVAL.
 * cgroup1_mutex is held.
 */
static int check_others(const struct cgroup1 *g, const struct trial *t)
{
	const struct cgroup1 *o;
	int err = 0;

	list_for_each_entry(o, &g->hier->groups, sibling) {
		cond_resched();
		if (o->parent == g && !is_part(o->cpus, o->mems, o->cpuset_flags, t))
			return -EBUSY;
		if (o == g || o->parent != g->parent || !exclusive(t, o->cpuset_flags))
			continue;
		if ((t->flags | o->cpuset_flags) & CS1_CPU_EXCLUSIVE && t->cpus & o->cpus)
			err = -EINVAL;
		if ((t->flags | o->cpuset_flags) & CS1_MEM_EXCLUSIVE && t->mems & o->mems)
			err = -EINVAL;
	}
	return err;
}

/* Checks a set. Returns 0, or -errno as cgroup1_set_cpus() (v1.h). cgroup1_mutex is held. */
static int check(const struct cgroup1 *g, const struct trial *t)
{
	const struct cgroup1 *up = g->parent;
	struct trial above;
	int err;

	if (g->dead)
		return -ENODEV;
	err = check_others(g, t);
	if (err == -EBUSY || !up)
		return err;
	above = (struct trial){ up->cpus, up->mems, up->cpuset_flags };
	if (!is_part(t->cpus, t->mems, t->flags, &above))
		return -EACCES;
	if (!err && READ_ONCE(g->nr_tasks) && (!t->cpus || !t->mems))
		err = -ENOSPC;
	return err;
}

/* Applies the vCPUs to all tasks of @g. The groups below have vCPUs of their own. */
static void apply(struct cgroup1 *g, u64 cpus)
{
	struct task *leader, *t;

	read_lock(&tasklist_lock);
	spin_lock(&cgroup_tasks_lock);
	spin_lock(&cgroup1_lock);
	WRITE_ONCE(g->cpus, cpus);
	if (g->nr_tasks)
		list_for_each_entry(leader, &all_processes, tasks)
			list_for_each_entry(t, &leader->signal->threads, thread_node)
				if (READ_ONCE(t->cg1[g->hier->slot]) == g)
					sched_set_bound(t, cpus);
	spin_unlock(&cgroup1_lock);
	spin_unlock(&cgroup_tasks_lock);
	read_unlock(&tasklist_lock);
}

/* Checks and applies a set. cgroup1_mutex is held. Returns 0, or -errno with nothing changed. */
static int set(struct cgroup1 *g, const struct trial *t)
{
	int err = check(g, t);

	if (err)
		return err;
	WRITE_ONCE(g->mems, t->mems);
	WRITE_ONCE(g->cpuset_flags, t->flags);
	if (g->cpus != t->cpus)
		apply(g, t->cpus);
	return 0;
}

int cgroup1_set_cpus(struct cgroup1 *g, u64 cpus)
{
	int err;

	if (!g->parent)
		return -EACCES;
	mutex_lock(&cgroup1_mutex);
	err = set(g, &(struct trial){ cpus, g->mems, g->cpuset_flags });
	mutex_unlock(&cgroup1_mutex);
	return err;
}

int cgroup1_set_mems(struct cgroup1 *g, u64 mems)
{
	int err;

	if (!g->parent)
		return -EACCES;
	mutex_lock(&cgroup1_mutex);
	err = set(g, &(struct trial){ g->cpus, mems, g->cpuset_flags });
	mutex_unlock(&cgroup1_mutex);
	return err;
}

int cgroup1_set_cpuset_flag(struct cgroup1 *g, u32 flag, bool on)
{
	u32 flags;
	int err;

	mutex_lock(&cgroup1_mutex);
	flags = on ? g->cpuset_flags | flag : g->cpuset_flags & ~flag;
	err = set(g, &(struct trial){ g->cpus, g->mems, flags });
	mutex_unlock(&cgroup1_mutex);
	return err;
}
