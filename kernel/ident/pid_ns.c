/* SPDX-License-Identifier: MIT */
/*
 * pid_ns.c: the numbers of tasks in pid namespaces (pid_ns.h). kernel/task/ns/pid_ns.c creates and
 * ends namespaces.
 *
 * Locks: tasklist_lock where another task's pid must stay valid.
 */
#include "kernel/ident/pid_ns.h"
#include "kernel/ident/internal.h"

struct pid_namespace init_pid_ns = {
	.ns = { .count = ATOMIC_INIT(2), .inum = 4026531836U, .owner = &init_user_ns },
	.map = RADIX_INIT,
	.last_given = 1, /* 1 is reserved for init */
};

bool in_pidns(const struct pid_namespace *top, const struct pid_namespace *ns)
{
	while (ns->level > top->level)
		ns = ns->parent;
	return ns == top;
}

struct ns_common *task_active_pid_ns_get(struct task *t)
{
	struct ns_common *ns;

	read_lock(&tasklist_lock);
	ns = t->thread_pid ? ns_get(&pid_ns_of(t->thread_pid)->ns) : NULL;
	read_unlock(&tasklist_lock);
	return ns;
}

/* ---- numbers of tasks ---- */

pid_t task_pid_nr_ns(struct task *t, const struct pid_namespace *ns)
{
	return ns->level ? pid_nr_ns(READ_ONCE(t->thread_pid), ns) : t->pid;
}

pid_t task_tgid_nr_ns(struct task *t, const struct pid_namespace *ns)
{
	if (!ns->level)
		return t->tgid;
	return pid_nr_ns(READ_ONCE(t->signal->pids[PIDTYPE_TGID]), ns);
}

pid_t pid_from_global_ns(pid_t nr, const struct pid_namespace *ns)
{
	struct pid *p;

	if (!ns->level)
		return nr;
	p = find_get_pid_ns(nr, &init_pid_ns);
	nr = pid_nr_ns(p, ns);
	put_pid(p);
	return nr;
}

pid_t pid_from_global(pid_t nr)
{
	return pid_from_global_ns(nr, current_pid_ns());
}

pid_t next_process_ns(pid_t from, struct pid_namespace *ns)
{
	u64 nr = (u64)from;
	struct pid *p;

	while ((p = next_pid_ns(&nr, ns))) {
		struct task *t = pid_get_task(p, PIDTYPE_TGID);

		put_pid(p);
		if (t) {
			put_task(t);
			return (pid_t)nr;
		}
		nr++;
	}
	return 0;
}
