/* SPDX-License-Identifier: MIT */
/*
 * freezer.c: cgroup.freeze: the tasks of a group and of all groups below stop where they would
 * handle a signal, and continue when the freeze is lifted.
 *
 * A task that is to freeze has JOBCTL_TRAP_FREEZE; get_signal() puts it to sleep in
 * do_freezer_trap() (kernel/task/signal/jobctl.c), which only a fatal signal or the end of the
 * freeze wakes up. A task that is stopped or traced counts as frozen as well. A group counts as
 * frozen when it is to be frozen, and all its tasks and all groups below are frozen.
 *
 * Locks: cgroup_tasks_lock, then sighand->lock.
 */
#include "kernel/cgroup/freezer.h"
#include "kernel/cgroup/internal.h"

void cgroup_freeze_task(struct task *t, bool on)
{
	if (!(t->flags & PF_KTHREAD))
		cgroup_task_ops->set_freeze(t, on || t->cg1_freeze);
}

static bool all_frozen(struct cgroup *c)
{
	struct cgroup *child;

	if (!c->e_freeze || c->nr_frozen < c->nr_tasks)
		return false;
	list_for_each_entry(child, &c->children, sibling)
		if (!child->frozen)
			return false;
	return true;
}

/*
 * Updates @c and the groups above after tasks of @c came, went, froze or thawed. Each change of a
 * child calls this function, so the children's states are right already.
 */
void cgroup_update_frozen(struct cgroup *c)
{
	for (; c; c = c->parent) {
		bool now = all_frozen(c);

		if (now == c->frozen)
			return;
		c->frozen = now;
		cgroup_notify(c, CGN_EVENTS);
	}
}

static void mark(struct task *t, bool frozen)
{
	t->cg_frozen = frozen;
	t->cgroup->nr_frozen += frozen ? 1 : -1UL;
	if (t->cgroup->e_freeze)
		cgroup_update_frozen(t->cgroup);
}

void cgroup_enter_frozen(void)
{
	struct task *t = current;

	if (!t->cgroup)
		return;
	spin_lock(&cgroup_tasks_lock);
	if (!t->cg_frozen && !list_empty(&t->cg_list))
		mark(t, true);
	spin_unlock(&cgroup_tasks_lock);
}

/*
 * Notes that current leaves the trap. A task that continues in a group that is to be frozen enters
 * the trap again at once, so neither the task nor the group counts as thawed, unless the task is
 * being killed.
 */
void cgroup_leave_frozen(bool always)
{
	struct task *t = current;

	if (!READ_ONCE(t->cg_frozen))
		return;
	spin_lock(&cgroup_tasks_lock);
	if (t->cg_frozen && (always || !(t->cgroup->e_freeze || t->cg1_freeze) ||
				    !cgroup_task_ops->set_freeze(t, true)))
		mark(t, false);
	spin_unlock(&cgroup_tasks_lock);
}

/*
 * Sets whether @c is to be frozen. Returns false if that was set already, by @c or by an ancestor.
 */
static bool apply(struct cgroup *c, bool on)
{
	struct task *t;

	if (c->e_freeze == on)
		return false;
	c->e_freeze = on;
	list_for_each_entry(t, &c->tasks, cg_list)
		cgroup_freeze_task(t, on);
	return true;
}

static struct cgroup *leftmost(struct cgroup *c)
{
	while (!list_empty(&c->children))
		c = list_first_entry(&c->children, struct cgroup, sibling);
	return c;
}

/* Updates @frozen in the subtree from the leaves up, since it depends on the groups below. */
static void update_all(struct cgroup *top)
{
	struct cgroup *c = leftmost(top);

	for (;;) {
		cgroup_update_frozen(c);
		if (c == top)
			return;
		if (c->sibling.next == &c->parent->children)
			c = c->parent;
		else
			c = leftmost(list_entry(c->sibling.next, struct cgroup, sibling));
	}
}

void cgroup_set_freeze(struct cgroup *c, bool on)
{
	bool any = false;
	struct cgroup *at;

	mutex_lock(&cgroup_mutex);
	spin_lock(&cgroup_tasks_lock);
	if (!c->dead && c->freeze != on) {
		c->freeze = on;
		for (at = c; at; at = cgroup_next(at, c))
			any |= apply(at, at->freeze || (at->parent && at->parent->e_freeze));
		update_all(c);
		/*
		 * Notify even without a change, or a task that polls for the change would wait for
		 * ever.
		 */
		if (!any)
			cgroup_notify(c, CGN_EVENTS);
	}
	spin_unlock(&cgroup_tasks_lock);
	mutex_unlock(&cgroup_mutex);
}

void freeze_all_tasks(bool on)
{
	cgroup_set_freeze(&cgroup_root, on);
}

bool all_tasks_frozen(void)
{
	struct cgroup *at;
	struct task *t;
	bool all = true;

	mutex_lock(&cgroup_mutex);
	spin_lock(&cgroup_tasks_lock);
	for (at = &cgroup_root; at; at = cgroup_next(at, &cgroup_root))
		list_for_each_entry(t, &at->tasks, cg_list)
			all = all && (t->cg_frozen || (t->flags & PF_KTHREAD));
	spin_unlock(&cgroup_tasks_lock);
	mutex_unlock(&cgroup_mutex);
	return all;
}
