/* SPDX-License-Identifier: MIT */
/*
 * ids.c: the calls that return the numbers of threads, processes, groups and sessions, and those
 * that change groups. Locks: tasklist_lock for groups and sessions.
 */
#include "gen/syscalls.h"
#include "kernel/ident/internal.h"

long sys_getpid(void)
{
	return task_tgid_vnr(current);
}

long sys_gettid(void)
{
	return task_pid_vnr(current);
}

/*
 * Takes no lock, since it may run on every return to a guest (task_answers()). The parent's number
 * stays valid until its children have another parent, and its struct task a grace period longer.
 */
long sys_getppid(void)
{
	struct task *parent;
	pid_t nr;

	do {
		parent = READ_ONCE(current->real_parent);
		nr = task_tgid_vnr(parent);
	} while (unlikely(parent != READ_ONCE(current->real_parent)));
	return nr;
}

void task_answers(struct answers *a)
{
	a->pid = (u32)sys_getpid();
	a->tid = (u32)sys_gettid();
	a->ppid = (u32)sys_getppid();
	a->uid = (u32)sys_getuid();
	a->euid = (u32)sys_geteuid();
	a->gid = (u32)sys_getgid();
	a->egid = (u32)sys_getegid();
}

long sys_set_tid_address(uaddr_t tidptr)
{
	current->clear_child_tid = tidptr;
	return task_pid_vnr(current);
}

static long get_number(pid_t nr, enum pid_type type)
{
	struct task *t;
	long ret = -ESRCH;

	read_lock(&tasklist_lock);
	t = nr ? find_task_locked(nr) : current;
	if (t)
		ret = pid_vnr(t->signal->pids[type]);
	read_unlock(&tasklist_lock);
	return ret;
}

long sys_getpgid(pid_t pid)
{
	return get_number(pid, PIDTYPE_PGID);
}

long sys_getpgrp(void)
{
	return get_number(0, PIDTYPE_PGID);
}

long sys_getsid(pid_t pid)
{
	return get_number(pid, PIDTYPE_SID);
}

static int may_setpgid(struct task *t)
{
	if (!t)
		return -ESRCH;
	if (!thread_group_leader(t))
		return -EINVAL;
	if (same_thread_group(t->real_parent, current)) {
		if (task_session(t) != task_session(current))
			return -EPERM;
		if (!(t->flags & PF_FORKNOEXEC))
			return -EACCES;
	} else if (t != current->group_leader) {
		return -ESRCH;
	}
	return t->signal->leader ? -EPERM : 0;
}

long sys_setpgid(pid_t pid, pid_t pgid)
{
	struct task *t, *member;
	struct pid *pgrp, *found = NULL;
	long err;

	if (!pid)
		pid = task_tgid_vnr(current);
	if (!pgid)
		pgid = pid;
	if (pgid < 0)
		return -EINVAL;
	if (pgid != pid)
		found = find_get_pid(pgid);
	write_lock(&tasklist_lock);
	t = find_task_locked(pid);
	err = may_setpgid(t);
	if (err)
		goto out;
	pgrp = t->thread_pid;
	if (pgid != pid) {
		pgrp = found;
		member = pid_task_locked(found, PIDTYPE_PGID);
		err = -EPERM;
		if (!member || task_session(member) != task_session(current))
			goto out;
	}
	err = 0;
	if (task_pgrp(t) != pgrp)
		change_pid(t, PIDTYPE_PGID, pgrp);
out:
	write_unlock(&tasklist_lock);
	put_pid(found);
	return err;
}
