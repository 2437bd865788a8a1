/* SPDX-License-Identifier: MIT */
/*
 * v1_controllers.c: controllers of cgroup version 1 that version 2 has built in or implements in
 * another way (linux-doc's admin-guide/cgroup-v1/{cpuacct,freezer-subsystem}).
 *
 * cpuacct reports the processor time that the tasks of a group and of the groups below have used. A
 * task outside the top records how much of its time its group has already counted; the rest is
 * added to its group and all above, except the top, when it leaves. The top shows the time of the
 * machine.
 *
 * freezer stops the tasks of a group and those below as cgroup.freeze does, by the same trap
 * (freezer.c): a task stops while its group of either version is to be frozen. Unlike Linux's, it
 * lets a killed task end.
 */
#include "kernel/cgroup/internal.h"
#include "kernel/cgroup/v1.h"

const char *const cgroup1_controllers[CG1_NR] = { "cpuset", "cpu", "cpuacct", "blkio", "memory",
	"devices", "freezer", "net_cls", "perf_event", "net_prio", "hugetlb", "pids" };

/* ---- cpuacct ---- */

static struct cgroup1_usage usage_of(struct task *t)
{
	return (struct cgroup1_usage){ task_sched_runtime(t), READ_ONCE(t->utime),
		READ_ONCE(t->stime) };
}

static void add_since_flush(
	struct cgroup1_usage *to, struct task *t, const struct cgroup1_usage *now)
{
	to->exec += now->exec - t->cg1_exec;
	to->utime += now->utime - t->cg1_utime;
	to->stime += now->stime - t->cg1_stime;
}

/* Adds the time of @t since the last call to @from (NULL: the top) and the groups above. */
void cgroup1_flush_usage(struct task *t, struct cgroup1 *from)
{
	struct cgroup1_usage now = usage_of(t);

	for (; from && from->parent; from = from->parent)
		add_since_flush(&from->past, t, &now);
	t->cg1_exec = now.exec;
	t->cg1_utime = now.utime;
	t->cg1_stime = now.stime;
}

static void usage_of_top(struct cgroup1_usage *u)
{
	struct cgroup_times all;

	cgroup_cpu_times(&cgroup_root, &all);
	*u = (struct cgroup1_usage){ all.exec, all.utime, all.stime };
}

/*
 * Sets *u to the usage of the present and former tasks of @g and the groups below, since @g was
 * made. tasklist_lock and cgroup1_lock are held.
 */
static void usage_below(struct cgroup1 *g, struct cgroup1_usage *u)
{
	struct task *leader, *t;

	*u = g->past;
	list_for_each_entry(leader, &all_processes, tasks)
		list_for_each_entry(t, &leader->signal->threads, thread_node) {
			struct cgroup1_usage now;

			if (!cgroup1_is_below(cgroup1_group_of(t, g->hier), g))
				continue;
			now = usage_of(t);
			add_since_flush(u, t, &now);
		}
}

void cgroup1_usage(struct cgroup1 *g, struct cgroup1_usage *u)
{
	if (!g->parent) {
		usage_of_top(u);
		return;
	}
	read_lock(&tasklist_lock);
	spin_lock(&cgroup1_lock);
	usage_below(g, u);
	u->exec -= g->base.exec;
	u->utime -= g->base.utime;
	u->stime -= g->base.stime;
	spin_unlock(&cgroup1_lock);
	read_unlock(&tasklist_lock);
}

/* Resets the usage. The top's usage is the machine's and cannot be reset, as on Linux. */
void cgroup1_reset_usage(struct cgroup1 *g)
{
	if (!g->parent)
		return;
	read_lock(&tasklist_lock);
	spin_lock(&cgroup1_lock);
	usage_below(g, &g->base);
	spin_unlock(&cgroup1_lock);
	read_unlock(&tasklist_lock);
}

/* ---- freezer ---- */

bool cgroup1_freezes(const struct cgroup1 *g)
{
	for (; g; g = g->parent)
		if (READ_ONCE(g->freeze))
			return true;
	return false;
}

void cgroup1_freeze_as_group(struct task *t, const struct cgroup1_hier *h)
{
	bool on = cgroup1_freezes(cgroup1_group_of(t, h));

	if (t->cg1_freeze == on)
		return;
	t->cg1_freeze = on;
	cgroup_freeze_task(t, t->cgroup->e_freeze);
}

/* Freezes or thaws a subtree. No task is created meanwhile: cgroup_threads is held. */
static void freeze_below(struct cgroup1 *g)
{
	struct task *leader, *t;

	spin_lock(&cgroup1_lock);
	list_for_each_entry(leader, &all_processes, tasks)
		list_for_each_entry(t, &leader->signal->threads, thread_node)
			if (!list_empty(&t->cg_list) &&
				cgroup1_is_below(cgroup1_group_of(t, g->hier), g))
				cgroup1_freeze_as_group(t, g->hier);
	spin_unlock(&cgroup1_lock);
}

void cgroup1_set_freeze(struct cgroup1 *g, bool on)
{
	mutex_lock(&cgroup1_mutex);
	down_write(&cgroup_threads);
	read_lock(&tasklist_lock);
	spin_lock(&cgroup_tasks_lock);
	if (g->freeze != on) {
		WRITE_ONCE(g->freeze, on);
		freeze_below(g);
	}
	spin_unlock(&cgroup_tasks_lock);
	read_unlock(&tasklist_lock);
	up_write(&cgroup_threads);
	mutex_unlock(&cgroup1_mutex);
}

bool cgroup1_is_frozen(struct cgroup1 *g)
{
	struct task *leader, *t;
	bool all = cgroup1_freezes(g);

	read_lock(&tasklist_lock);
	spin_lock(&cgroup_tasks_lock);
	spin_lock(&cgroup1_lock);
	list_for_each_entry(leader, &all_processes, tasks)
		list_for_each_entry(t, &leader->signal->threads, thread_node)
			if (all && !list_empty(&t->cg_list) && !t->cg_frozen &&
				cgroup1_is_below(cgroup1_group_of(t, g->hier), g))
				all = false;
	spin_unlock(&cgroup1_lock);
	spin_unlock(&cgroup_tasks_lock);
	read_unlock(&tasklist_lock);
	return all;
}
