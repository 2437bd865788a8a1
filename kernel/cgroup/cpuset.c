/* SPDX-License-Identifier: MIT */
/*
 * cpuset.c: the cpuset controller: on which vCPUs the tasks of a group run.
 *
 * A group has what was written to it (cgroup->cpus) as far as its parent has it, and all that its
 * parent has where that leaves nothing (->e_cpus, the file cpuset.cpus.effective). Without the
 * controller it is as its parent. A task's own affinity counts within that
 * (kernel/sched/affinity.c). Memory nodes are followed in the same way, but there is only one.
 *
 * Vcpus neither come nor go, and there are no partitions: a group never has for itself what it has.
 *
 * Locks: cgroup_mutex; cgroup_tasks_lock for e_cpus, so that who is born or moves sees it and is
 * seen.
 */
#include "kernel/cgroup/internal.h"

static u64 effective(const struct cgroup *c)
{
	u64 up = c->parent->e_cpus, own = cgroup_enabled(c) & CG_CPUSET ? c->cpus & up : 0;

	return own ? own : up;
}

void cgroup_apply_cpus(struct cgroup *top)
{
	struct cgroup *at;
	struct task *t;

	assert_mutex_held(&cgroup_mutex);
	spin_lock(&cgroup_tasks_lock);
	for (at = top; at; at = cgroup_next(at, top)) {
		if (cgroup_is_root(at) || at->e_cpus == effective(at))
			continue;
		at->e_cpus = effective(at);
		list_for_each_entry(t, &at->tasks, cg_list)
			sched_set_bound(t, at->e_cpus);
	}
	spin_unlock(&cgroup_tasks_lock);
}

/*
 * As on Linux a group with tasks in it or below keeps its wish: it may be changed, but not taken
 * back.
 */
static int may_set(const struct cgroup *c, u64 old, u64 mask)
{
	if (c->dead || !(cgroup_enabled(c) & CG_CPUSET))
		return -ENODEV;
	return old && !mask && READ_ONCE(c->nr_populated) ? -ENOSPC : 0;
}

int cgroup_set_cpus(struct cgroup *c, u64 mask)
{
	int err;

	mutex_lock(&cgroup_mutex);
	err = may_set(c, c->cpus, mask);
	if (!err) {
		WRITE_ONCE(c->cpus, mask);
		cgroup_apply_cpus(c);
	}
	mutex_unlock(&cgroup_mutex);
	return err;
}

int cgroup_set_mems(struct cgroup *c, u64 mask)
{
	int err;

	mutex_lock(&cgroup_mutex);
	err = may_set(c, c->mems, mask);
	if (!err)
		WRITE_ONCE(c->mems, mask);
	mutex_unlock(&cgroup_mutex);
	return err;
}
