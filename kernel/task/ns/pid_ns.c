/* SPDX-License-Identifier: MIT */
/*
 * pid_ns.c: making, joining and ending pid namespaces; see pid_ns.h and pid_namespaces(7).
 *
 * The last thread of the namespace's init ends it, in exit_notify(). It closes the namespace for
 * new pids, and ignores SIGCHLD so that its children need no wait. It kills every process that has
 * a pid there, reaps zombies, and sleeps until only its own pids are left. A process whose parent
 * is outside the namespace is reaped by that parent.
 *
 * Locks: tasklist_lock protects child_reaper; pid.c protects the pids.
 */
#include "kernel/ident/pid_ns.h"
#include "kernel/task/internal.h"

static struct ns_common *pid_ns_copy(
	struct ns_common *old, struct user_namespace *owner, struct fs_struct *fs);

static void pid_ns_free(struct ns_common *ns)
{
	struct pid_namespace *p = container_of(ns, struct pid_namespace, ns);

	for (;;) {
		struct pid_namespace *up = p->parent;

		ns_fini(&p->ns);
		kfree(p);
		if (!up || !atomic_dec_and_test(&up->ns.count))
			return;
		p = up;
	}
}

static struct ns_common *pid_ns_parent(struct ns_common *ns)
{
	struct pid_namespace *up = container_of(ns, struct pid_namespace, ns)->parent;

	return up ? &up->ns : NULL;
}

/*
 * Sets the pid namespace for current's children. It must be current's own or below it, since
 * children in another one would have no pid in their parent's namespace. Returns 0 or -errno.
 */
static int pid_ns_install(struct nsset *set, struct ns_common *ns)
{
	int err = ns_install_default(set, ns);

	if (err)
		return err;
	return in_pidns(current_pid_ns(), container_of(ns, struct pid_namespace, ns)) ? 0 : -EINVAL;
}

static const struct ns_ops pid_ns_ops = {
	.name = "pid",
	.flag = CLONE_NEWPID,
	.count = UCOUNT_PID,
	.copy = pid_ns_copy,
	.free = pid_ns_free,
	.install = pid_ns_install,
	.parent = pid_ns_parent,
};

static struct ns_common *pid_ns_copy(
	struct ns_common *old, struct user_namespace *owner, struct fs_struct *fs)
{
	struct pid_namespace *up = container_of(old, struct pid_namespace, ns), *p;
	int err;

	if (!in_userns(up->ns.owner, owner) || current_pid_ns() != up)
		return ERR_PTR(-EINVAL);
	if (up->level >= MAX_PID_NS_LEVEL)
		return ERR_PTR(-ENOSPC);
	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return ERR_PTR(-ENOMEM);
	err = ns_init(&p->ns, &pid_ns_ops, owner);
	if (err) {
		kfree(p);
		return ERR_PTR(err);
	}
	p->parent = up;
	ns_get(&up->ns);
	p->level = up->level + 1;
	p->memfd_noexec = READ_ONCE(up->memfd_noexec);
	return &p->ns;
}

/* ---- the end ---- */

/* Sends SIGKILL to all processes of @ns except current. May sleep. */
static void kill_all(struct pid_namespace *ns)
{
	struct pid *p;

	for (u64 nr = 2; (p = next_pid_ns(&nr, ns)); nr++) {
		struct task *t = pid_get_task(p, PIDTYPE_PID);

		put_pid(p);
		if (!t)
			continue;
		if (!same_thread_group(t, current))
			send_sig_group(SIGKILL, t, SEND_SIG_PRIV);
		put_task(t);
		cond_resched();
	}
}

void zap_pid_ns(struct task *t)
{
	struct pid_namespace *ns = task_active_pid_ns(t);
	u32 mine = thread_group_leader(t) ?
			   1 :
			   /* a leader that has ended first is a zombie until this thread is gone */
			   2;

	pid_ns_close(ns, t);
	spin_lock(&t->sighand->lock);
	t->sighand->action[SIGCHLD - 1].handler = 1;
	spin_unlock(&t->sighand->lock);
	kill_all(ns);
	for (;;) {
		zap_wait();
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (pid_ns_count(ns) <= mine)
			break;
		/*
		 * The end of a child that its tracer has reaped wakes up no task here, so check
		 * again.
		 */
		schedule_deadline(ktime_get() + 100000000);
	}
	__set_current_state(TASK_RUNNING);
	pid_ns_close(ns, NULL);
	if (ns->reboot)
		t->signal->group_exit_code = ns->reboot;
}

static int pid_ns_init(void)
{
	ns_register(NS_PID, &pid_ns_ops, &init_pid_ns.ns);
	return 0;
}
INITCALL(1, pid_ns_init);
