/* SPDX-License-Identifier: MIT */
/* session.c: setsid(2): makes a new session, with an autogroup of its own. Lock: tasklist_lock. */
#include "gen/syscalls.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/internal.h"
#include "kernel/task/proc_event.h"

long sys_setsid(void)
{
	struct task *leader = current->group_leader;
	struct signal_struct *sig = current->signal;
	struct autogroup *ag = autogroup_new();
	struct pid *pid;
	long err = -EPERM;

	write_lock(&tasklist_lock);
	pid = leader->thread_pid;
	if (sig->leader || !list_empty(&pid->tasks[PIDTYPE_PGID]))
		goto out;
	sig->leader = true;
	sig->tty = NULL;
	sig->tty_old_pgrp = NULL;
	change_pid(leader, PIDTYPE_SID, pid);
	change_pid(leader, PIDTYPE_PGID, pid);
	ag = autogroup_join(sig, ag);
	err = pid_vnr(pid);
out:
	write_unlock(&tasklist_lock);
	if (err > 0)
		proc_event_sid();
	autogroup_put(ag);
	return err;
}
