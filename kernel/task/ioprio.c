/* SPDX-License-Identifier: MIT */
/*
 * ioprio.c: ioprio_set and ioprio_get. Classes and levels are checked, kept in task->ioprio,
 * inherited and returned. The disks' queues ignore them and take requests in the order of arrival,
 * as Linux does without an I/O scheduler.
 *
 * Lock: tasklist_lock (reading) during the search for processes; task->ioprio is read and written
 * atomically.
 */
#include <linux/ioprio.h>

#include "gen/syscalls.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/internal.h"
#include "kernel/task/ioprio.h"

#define LEVELS 8

int ioprio_check(int prio)
{
	int class = prio >> IOPRIO_CLASS_SHIFT, level = prio & (LEVELS - 1);

	switch (class) {
	case IOPRIO_CLASS_RT: return capable(CAP_SYS_ADMIN) || capable(CAP_SYS_NICE) ? 0 : -EPERM;
	case IOPRIO_CLASS_BE:
	case IOPRIO_CLASS_IDLE: return 0;
	case IOPRIO_CLASS_NONE: return level ? -EINVAL : 0;
	default: return -EINVAL;
	}
}

struct walk {
	int which;
	struct pid *pgrp;
	kuid_t uid;
	bool set;
	int prio;
	long result; /* -ESRCH while no task was found */
};

static int set_one(struct task *t, int prio)
{
	const struct cred *c = get_task_cred(t);
	bool mine = c->uid == current_euid() || c->uid == current_uid();

	put_cred(c);
	if (!mine && !capable(CAP_SYS_NICE))
		return -EPERM;
	WRITE_ONCE(t->ioprio, prio);
	return 0;
}

/*
 * Returns the more urgent of two priorities. The class decides first, then the level. A priority
 * without a class counts as best effort.
 */
static int best(int a, int b)
{
	if (a >> IOPRIO_CLASS_SHIFT == IOPRIO_CLASS_NONE)
		a = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4);
	if (b >> IOPRIO_CLASS_SHIFT == IOPRIO_CLASS_NONE)
		b = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4);
	return min(a, b);
}

/*
 * Gets or sets the priority of a task. Returns false if an error ends the walk, w->result then has
 * the error.
 */
static bool visit(struct walk *w, struct task *t)
{
	int prio = READ_ONCE(t->ioprio);

	if (w->set)
		w->result = set_one(t, w->prio);
	else
		w->result = w->result == -ESRCH ? prio : best((int)w->result, prio);
	return w->result >= 0;
}

/* True if the walk by group or user selects @t. tasklist_lock is held. */
static bool in_walk(const struct walk *w, struct task *leader, struct task *t)
{
	const struct cred *c;
	bool same;

	if (w->which == IOPRIO_WHO_PGRP)
		return task_pgrp(leader) == w->pgrp;
	c = get_task_cred(t);
	same = c->uid == w->uid;
	put_cred(c);
	return same && task_pid_vnr(t); /* not of an outer pid namespace */
}

/* Visits every thread that the walk selects, up to the first error. Takes tasklist_lock. */
static void walk_all(struct walk *w)
{
	struct task *leader, *t;

	read_lock(&tasklist_lock);
	for_each_process(leader)
		for_each_thread(leader->signal, t)
			if (in_walk(w, leader, t) && !visit(w, t))
				goto out;
out:
	read_unlock(&tasklist_lock);
}

/* Gets or sets the priority of one thread. @who: the number of the thread, or 0 for current. */
static long walk_process(struct walk *w, int who)
{
	struct task *t = current;

	if (who)
		t = find_get_task(who);
	else
		get_task(t);
	if (!t)
		return -ESRCH;
	visit(w, t);
	put_task(t);
	return w->result;
}

/*
 * Gets or sets the priority of the selected threads. @who: the number of a thread or process group,
 * or a user ID in current's user namespace, by w->which. 0 selects current's own, except that in
 * ioprio_set() it is user 0. Returns w->result or -errno: -ESRCH if no thread is selected.
 */
static long walk(struct walk *w, int who)
{
	w->result = -ESRCH;
	switch (w->which) {
	case IOPRIO_WHO_PROCESS: return walk_process(w, who);
	case IOPRIO_WHO_PGRP:
		w->pgrp = who ? find_get_pid(who) : get_task_pid(current, PIDTYPE_PGID);
		if (!w->pgrp)
			return -ESRCH;
		break;
	case IOPRIO_WHO_USER:
		/* Linux takes 0 for the caller's user only in ioprio_get(), else for user 0. */
		w->uid = who || w->set ? make_kuid(current_user_ns(), (u32)who) : current_uid();
		if (!uid_valid(w->uid))
			return -ESRCH;
		break;
	default: return -EINVAL;
	}
	walk_all(w);
	if (w->pgrp)
		put_pid(w->pgrp);
	return w->result;
}

long sys_ioprio_set(int which, int who, int prio)
{
	struct walk w = { .which = which, .set = true, .prio = prio };
	int err = ioprio_check(prio);

	return err ? err : walk(&w, who);
}

long sys_ioprio_get(int which, int who)
{
	struct walk w = { .which = which };

	return walk(&w, who);
}
