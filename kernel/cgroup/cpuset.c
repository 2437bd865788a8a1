/* SPDX-License-Identifier: MIT */
/*
 * cpuset.c: the cpuset controller, which restricts the vCPUs on which the tasks of a group run.
 *
 * The effective vCPUs of a group (cgroup->e_cpus, the file cpuset.cpus.effective) are those of
 * cgroup->cpus that its parent has too. If there are none, they are all that its parent has. A
 * group without the controller has the vCPUs of its parent. A task's own affinity counts within
 * that set (kernel/sched/affinity.c). Memory nodes follow these rules too, but there is only one
 * node.
 *
 * The set of vCPUs never changes, and there are no partitions: no group has a vCPU for itself.
 *
 * Locks: cgroup_mutex; cgroup_tasks_lock for e_cpus, so that a task which is born or moves sees a
 * change and is seen by it.
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
 * Checks a change of the wanted vCPUs. Returns 0 or -errno. As on Linux, a group with tasks in it
 * or below may change them, but not clear them.
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
