/* SPDX-License-Identifier: MIT */
/*
 * proc_event.c: fills in and sends the events of proc_event.h. Pids and user ids are those of the
 * initial namespaces.
 *
 * Locks: takes tasklist_lock for reading, to find a parent.
 */
#include <asm/errno.h>

#include "kernel/lib/string.h"
#include "kernel/ident/cred.h"
#include "kernel/task/internal.h"
#include "kernel/task/proc_event.h"

u32 proc_event_listeners;
const struct proc_event_ops *proc_event_ops;

static bool is_heard(void)
{
	return unlikely(READ_ONCE(proc_event_listeners));
}

static void put_parent(struct task *t, pid_t *pid, pid_t *tgid)
{
	read_lock(&tasklist_lock);
	if (t->real_parent) {
		*pid = t->real_parent->pid;
		*tgid = t->real_parent->tgid;
	}
	read_unlock(&tasklist_lock);
}

void proc_event_fork(struct task *child)
{
	struct proc_event ev = { .what = PROC_EVENT_FORK };

	if (!is_heard())
		return;
	put_parent(child, &ev.event_data.fork.parent_pid, &ev.event_data.fork.parent_tgid);
	ev.event_data.fork.child_pid = child->pid;
	ev.event_data.fork.child_tgid = child->tgid;
	proc_event_ops->send(&ev);
}

void proc_event_exec(void)
{
	struct proc_event ev = { .what = PROC_EVENT_EXEC };

	if (!is_heard())
		return;
	ev.event_data.exec.process_pid = current->pid;
	ev.event_data.exec.process_tgid = current->tgid;
	proc_event_ops->send(&ev);
}

static void send_ids(u32 what, u32 real, u32 effective)
{
	struct proc_event ev = { .what = what };

	ev.event_data.id.process_pid = current->pid;
	ev.event_data.id.process_tgid = current->tgid;
	ev.event_data.id.r.ruid = real;
	ev.event_data.id.e.euid = effective;
	proc_event_ops->send(&ev);
}

void proc_event_ids(const struct cred *old, const struct cred *new)
{
	if (!is_heard())
		return;
	if (old->uid != new->uid || old->euid != new->euid || old->suid != new->suid ||
		old->fsuid != new->fsuid)
		send_ids(PROC_EVENT_UID, new->uid, new->euid);
	if (old->gid != new->gid || old->egid != new->egid || old->sgid != new->sgid ||
		old->fsgid != new->fsgid)
		send_ids(PROC_EVENT_GID, new->gid, new->egid);
}

void proc_event_sid(void)
{
	struct proc_event ev = { .what = PROC_EVENT_SID };

	if (!is_heard())
		return;
	ev.event_data.sid.process_pid = current->tgid; /* the pid of the session's leader */
	ev.event_data.sid.process_tgid = current->tgid;
	proc_event_ops->send(&ev);
}

void proc_event_ptrace(struct task *tracee, bool attached)
{
	struct proc_event ev = { .what = PROC_EVENT_PTRACE };

	if (!is_heard())
		return;
	ev.event_data.ptrace.process_pid = tracee->pid;
	ev.event_data.ptrace.process_tgid = tracee->tgid;
	if (attached) {
		ev.event_data.ptrace.tracer_pid = current->pid;
		ev.event_data.ptrace.tracer_tgid = current->tgid;
	}
	proc_event_ops->send(&ev);
}

void proc_event_comm(struct task *t)
{
	struct proc_event ev = { .what = PROC_EVENT_COMM };

	if (!is_heard())
		return;
	ev.event_data.comm.process_pid = t->pid;
	ev.event_data.comm.process_tgid = t->tgid;
	spin_lock(&t->alloc_lock);
	memcpy(ev.event_data.comm.comm, t->comm,
		min(sizeof(t->comm), sizeof(ev.event_data.comm.comm)));
	spin_unlock(&t->alloc_lock);
	proc_event_ops->send(&ev);
}

void proc_event_coredump(void)
{
	struct proc_event ev = { .what = PROC_EVENT_COREDUMP };

	if (!is_heard())
		return;
	ev.event_data.coredump.process_pid = current->pid;
	ev.event_data.coredump.process_tgid = current->tgid;
	put_parent(
		current, &ev.event_data.coredump.parent_pid, &ev.event_data.coredump.parent_tgid);
	proc_event_ops->send(&ev);
}

void proc_event_exit(void)
{
	struct proc_event ev = { .what = PROC_EVENT_EXIT };

	if (!is_heard())
		return;
	ev.event_data.exit.process_pid = current->pid;
	ev.event_data.exit.process_tgid = current->tgid;
	ev.event_data.exit.exit_code = (u32)current->exit_code;
	ev.event_data.exit.exit_signal = (u32)current->exit_signal;
	/* A thread that ends is no child of the parent. */
	if (current == current->group_leader)
		put_parent(
			current, &ev.event_data.exit.parent_pid, &ev.event_data.exit.parent_tgid);
	proc_event_ops->send(&ev);
}
