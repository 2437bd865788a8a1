/* SPDX-License-Identifier: MIT */
/*
 * pid_ns.h: pid namespaces: each process has a number in its own namespace and in each namespace
 * above.
 *
 * task->pid, task->tgid and pid->nr are the numbers in the initial namespace: for the kernel's own
 * use and its messages. Programs get pid_vnr() and related numbers, and numbers from programs go
 * through find_get_pid(), both in the namespace of current.
 *
 * The first process of a namespace is its init (child_reaper). Orphans become its children, and it
 * ignores signals from inside for which it has no handler. When init exits, the namespace ends: all
 * its processes are killed, and no more numbers are allocated.
 *
 * Locks: pidmap_lock for map, last_given and nr_pids; tasklist_lock for child_reaper.
 */
#ifndef NESTLING_IDENT_PID_NS_H
#define NESTLING_IDENT_PID_NS_H

#include "kernel/ident/ns.h"
#include "kernel/ident/pid.h"
#include "kernel/lib/radix.h"

#define MAX_PID_NS_LEVEL 32

struct pid_namespace {
	struct ns_common ns;
	struct pid_namespace *parent; /* a reference */
	u32 level;                    /* 0: the initial namespace */
	struct radix map;             /* number -> struct pid */
	pid_t last_given;             /* the last number allocated */
	u32 nr_pids;                  /* numbers in use */
	/* True once pid_ns_close() has stopped allocation; under pidmap_lock. */
	bool dying;
	struct task *child_reaper; /* init, or NULL before its fork */
	/*
	 * The namespace's init while it waits until the other processes have exited, or NULL; under
	 * pidmap_lock.
	 */
	struct task *zapper;
	/* vm.memfd_noexec of this namespace; the values of its ancestors apply as well. */
	int memfd_noexec;
	/*
	 * After reboot(2) inside: the signal by which the namespace's init then appears to have
	 * died; else 0.
	 */
	int reboot;
};
extern struct pid_namespace init_pid_ns;

/* Returns the namespace for which @p was made, without a reference. */
static inline struct pid_namespace *pid_ns_of(const struct pid *p)
{
	return p->level ? p->upper[p->level - 1].ns : &init_pid_ns;
}
/*
 * Returns the task's own namespace, without a reference, or NULL once the task is released. Called
 * with tasklist_lock held, or for current.
 */
static inline struct pid_namespace *task_active_pid_ns(const struct task *t)
{
	const struct pid *p = READ_ONCE(t->thread_pid);

	return p ? pid_ns_of(p) : NULL;
}
/* Returns task_active_pid_ns() with a reference, or NULL. Takes tasklist_lock. */
struct ns_common *task_active_pid_ns_get(struct task *t);
/* Returns @p's number in @ns, or 0 if @p is NULL or has none there. */
static inline pid_t pid_nr_ns(const struct pid *p, const struct pid_namespace *ns)
{
	if (!p || ns->level > p->level)
		return 0;
	if (!ns->level)
		return p->nr;
	return p->upper[ns->level - 1].ns == ns ? p->upper[ns->level - 1].nr : 0;
}
/* Returns the namespace of current without a reference, never NULL. */
static inline struct pid_namespace *current_pid_ns(void)
{
	struct pid_namespace *ns = task_active_pid_ns(current);

	return ns ? ns : &init_pid_ns; /* idle task, or released already */
}
/* Returns @p's number in current's namespace, or 0 if @p is NULL or has none there. */
static inline pid_t pid_vnr(const struct pid *p)
{
	return pid_nr_ns(p, current_pid_ns());
}
/*
 * Return the number of the thread, or of its process, in @ns; 0 if it is not visible there. The
 * caller keeps @t from being freed.
 */
pid_t task_pid_nr_ns(struct task *t, const struct pid_namespace *ns);
pid_t task_tgid_nr_ns(struct task *t, const struct pid_namespace *ns);
static inline pid_t task_pid_vnr(struct task *t)
{
	return task_pid_nr_ns(t, current_pid_ns());
}
static inline pid_t task_tgid_vnr(struct task *t)
{
	return task_tgid_nr_ns(t, current_pid_ns());
}
/*
 * Return the number in @ns, or in current's namespace, of the pid that has the number @nr in the
 * initial namespace; 0 if @nr is not in use, or the pid has no number there. In the initial
 * namespace they return @nr without a check.
 */
pid_t pid_from_global_ns(pid_t nr, const struct pid_namespace *ns);
pid_t pid_from_global(pid_t nr);
/* Looks up a number in @ns. Returns it with a reference, or NULL. */
struct pid *find_get_pid_ns(pid_t nr, struct pid_namespace *ns);
/* True if @ns is @top or a descendant of it. */
bool in_pidns(const struct pid_namespace *top, const struct pid_namespace *ns);
/* Returns the lowest process number >= @nr in @ns, or 0. For listing /proc. */
pid_t next_process_ns(pid_t nr, struct pid_namespace *ns);

#endif
