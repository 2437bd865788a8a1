/* SPDX-License-Identifier: MIT */
/* perf_task.c: events of a task at its fork, exec and exit (perf.c has the rest). */
#include <asm/errno.h>

#include "kernel/task/internal.h"
#include "kernel/task/perf.h"
#include "kernel/task/perf_event.h"

/*
 * Copies an event for @child. The copy joins the group of @leader, an event of @child, or leads a
 * group if @leader is NULL. Returns the copy, or NULL if there is no memory.
 */
static struct perf_event *copy_event(
	struct perf_event *e, struct task *child, struct perf_event *leader)
{
	struct perf_event *c = perf_event_new(child);

	if (!c)
		return NULL;
	c->config = e->config;
	c->inherit = true;
	c->inherit_thread = e->inherit_thread;
	c->on_exec = e->on_exec;
	c->off_exec = e->off_exec;
	c->exclude_kernel = e->exclude_kernel;
	c->root = e->root ? e->root : e;
	perf_bind(c); /* cannot fail: @child does not run yet */
	list_add_tail(&c->sibling, &c->root->children);
	if (leader) {
		c->leader = leader;
		list_add_tail(&c->group, &leader->group);
	}
	/* the leader of an original that is copied alone may be off */
	c->enabled = leader || e->leader == e ? e->enabled : e->counting;
	perf_restate(c);
	return c;
}

/* Copies the event, and its group if it leads one, for @child. Returns 0 or -ENOMEM. */
static int inherit_group(struct perf_event *e, struct task *child)
{
	struct perf_event *c = copy_event(e, child, NULL), *s;

	if (!c)
		return -ENOMEM;
	if (e->leader == e)
		list_for_each_entry(s, &e->group, group)
			if (!s->gone && !copy_event(s, child, c))
				return -ENOMEM;
	return 0;
}

/* True if the event is not copied along with its leader. */
static bool comes_alone(const struct perf_event *e)
{
	return e->leader == e || e->leader->gone;
}

int perf_inherit(struct task *child)
{
	bool thread = child->signal == current->signal;
	struct perf_event *e;
	int err = 0;

	mutex_lock(&perf_lock);
	for (e = current->perf; e && !err; e = e->next_of_task)
		if (comes_alone(e) && e->inherit && (thread || !e->inherit_thread))
			err = inherit_group(e, child);
	mutex_unlock(&perf_lock);
	return err;
}

static void exec_one(struct perf_event *e, bool secret)
{
	if (secret || e->off_exec) {
		perf_event_end(e);
	} else if (e->on_exec) {
		e->on_exec = false;
		perf_set_one(e, true);
	}
}

void perf_exec(bool secret)
{
	struct perf_event *e, *next;

	mutex_lock(&perf_lock);
	for (e = current->perf; e; e = next) {
		next = e->next_of_task;
		exec_one(e, secret);
	}
	mutex_unlock(&perf_lock);
}

void perf_task_end(struct task *t)
{
	mutex_lock(&perf_lock);
	while (t->perf)
		perf_event_end(t->perf);
	mutex_unlock(&perf_lock);
}
