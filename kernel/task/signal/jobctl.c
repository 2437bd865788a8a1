/* SPDX-License-Identifier: MIT */
/*
 * jobctl.c: stops and continues whole processes, and notifies their parents.
 *
 * A stop signal that a thread takes (do_signal_stop) makes all threads of the process stop on their
 * way to user mode; the last thread to stop notifies the parent. SIGCONT ends the stop (sigsend.c).
 * A traced thread stops for its tracer instead (ptrace.c).
 *
 * States of a thread: JOBCTL_STOP_PENDING is set -> TASK_STOPPED, and group_stop_count is
 * decremented. States of the process: group_stop_count is above 0 -> it is 0, and
 * SIGNAL_STOP_STOPPED is set.
 *
 * Invariants: JOBCTL_STOP_CONSUME is set on exactly group_stop_count threads. A stop signal that
 * was dequeued before a SIGCONT came has no effect, since SIGCONT clears JOBCTL_STOP_DEQUEUED.
 *
 * Locks: sighand->lock; tasklist_lock (read) outside it to notify parents.
 */
#include "kernel/cgroup/cgroup.h"
#include "kernel/task/internal.h"
#include "kernel/ident/pid_ns.h"

bool task_set_jobctl_pending(struct task *t, u32 mask)
{
	if ((t->pending->signal & sigmask_of(SIGKILL)) || (t->flags & PF_EXITING))
		return false;
	if (mask & JOBCTL_STOP_SIGMASK)
		t->jobctl &= ~JOBCTL_STOP_SIGMASK;
	t->jobctl |= mask;
	return true;
}

static DECLARE_WAIT_QUEUE_HEAD(trapping_wait);

void wait_for_trap(struct task *t)
{
	(void)wait_event_killable(&trapping_wait, !(READ_ONCE(t->jobctl) & JOBCTL_TRAPPING));
}

void task_clear_jobctl_pending(struct task *t, u32 mask)
{
	u32 before = t->jobctl;

	if (mask & JOBCTL_STOP_PENDING)
		mask |= JOBCTL_STOP_CONSUME | JOBCTL_STOP_DEQUEUED;
	t->jobctl &= ~mask;
	/*
	 * Without a pending stop the task will not stop, so an attaching tracer must not wait for
	 * that.
	 */
	if (!(t->jobctl & JOBCTL_PENDING_MASK))
		t->jobctl &= ~(u32)JOBCTL_TRAPPING;
	if (before & ~t->jobctl & JOBCTL_TRAPPING)
		wake_up_all(&trapping_wait);
}

/*
 * Counts the thread as stopped in its group stop. Returns true if it was the last one, so that the
 * whole process has stopped. sighand->lock is held.
 */
int task_participate_group_stop(struct task *t)
{
	struct signal_struct *sig = t->signal;
	bool consume = t->jobctl & JOBCTL_STOP_CONSUME;

	task_clear_jobctl_pending(t, JOBCTL_STOP_PENDING);
	if (!consume)
		return false;
	if (sig->group_stop_count > 0)
		sig->group_stop_count--;
	if (sig->group_stop_count || (sig->flags & SIGNAL_STOP_STOPPED))
		return false;
	sig->flags &= ~(SIGNAL_STOP_CONTINUED | SIGNAL_CLD_MASK);
	sig->flags |= SIGNAL_STOP_STOPPED;
	return true;
}

/* Makes every thread of current's process stop for the signal @signr. */
static void begin_group_stop(int signr)
{
	struct signal_struct *sig = current->signal;
	u32 mask = (u32)signr | JOBCTL_STOP_PENDING | JOBCTL_STOP_CONSUME;
	struct task *t;

	if (!(sig->flags & SIGNAL_STOP_STOPPED))
		sig->group_stop_signr = signr;
	sig->group_stop_count = 0;
	if (task_set_jobctl_pending(current, mask))
		sig->group_stop_count++;
	for_each_thread(sig, t) {
		if (t == current || (READ_ONCE(t->state) & TASK_STOPPED) ||
			!task_set_jobctl_pending(t, mask))
			continue;
		sig->group_stop_count++;
		if (t->ptrace & PT_SEIZED)
			ptrace_trap_notify(t);
		else
			signal_wake_up(t, false);
	}
}

bool do_signal_stop(int signr)
{
	struct signal_struct *sig = current->signal;
	bool stopped;

	if (!(current->jobctl & JOBCTL_STOP_PENDING)) {
		if (!(current->jobctl & JOBCTL_STOP_DEQUEUED) || sig->group_exit ||
			sig->group_exec_task)
			return false;
		begin_group_stop(signr);
	}
	if (current->ptrace) {
		task_set_jobctl_pending(current, JOBCTL_TRAP_STOP);
		return false;
	}
	stopped = task_participate_group_stop(current);
	set_current_state(TASK_STOPPED);
	spin_unlock(&current->sighand->lock);
	if (stopped) {
		read_lock(&tasklist_lock);
		do_notify_parent_cldstop(current, false, CLD_STOPPED);
		read_unlock(&tasklist_lock);
	}
	cgroup_enter_frozen();
	schedule();
	cgroup_leave_frozen(false);
	return true;
}

/* ---- freezing (kernel/cgroup/freezer.c) ---- */

bool task_set_freeze(struct task *t, bool on)
{
	struct sighand_struct *sh = lock_task_sighand(t);
	bool will;

	if (!sh)
		return false;
	will = !on || task_set_jobctl_pending(t, JOBCTL_TRAP_FREEZE);
	if (!on)
		t->jobctl &= ~(u32)JOBCTL_TRAP_FREEZE;
	if (will)
		signal_wake_up(t, false); /* the task enters or leaves the trap */
	unlock_task_sighand(sh);
	return will;
}

/*
 * Sleeps until a signal or the end of the freeze. Called with sighand->lock held, which it drops.
 * The caller's loop handles the cause of the wake-up.
 */
void do_freezer_trap(void)
{
	__set_current_state(TASK_INTERRUPTIBLE);
	clear_bit(TIF_SIGPENDING, &current->work_flags);
	spin_unlock(&current->sighand->lock);
	cgroup_enter_frozen();
	schedule();
	__set_current_state(TASK_RUNNING);
}

/*
 * Stops a traced thread for a pending group stop, or for the notification of one. Called with
 * sighand->lock held, which it drops.
 */
void do_jobctl_trap(void)
{
	struct signal_struct *sig = current->signal;
	int signr = (int)(current->jobctl & JOBCTL_STOP_SIGMASK);

	if (current->ptrace & PT_SEIZED) {
		if (!sig->group_stop_count && !(sig->flags & SIGNAL_STOP_STOPPED))
			signr = SIGTRAP;
		siginfo_t info;

		memset(&info, 0, sizeof(info));
		info.si_signo = signr;
		info.si_code = signr | (PTRACE_EVENT_STOP_CODE << 8);
		info.si_pid = task_pid_vnr(current);
		info.si_uid = from_kuid_munged(current_user_ns(), current_uid());
		ptrace_stop(info.si_code, CLD_STOPPED, &info);
	} else {
		ptrace_stop(signr, CLD_STOPPED, NULL);
	}
	current->exit_code = 0;
	spin_unlock(&current->sighand->lock);
}

static int cldstop_status(struct task *t, int why)
{
	switch (why) {
	case CLD_CONTINUED: return SIGCONT;
	case CLD_STOPPED:
		return t->signal->group_stop_signr ? t->signal->group_stop_signr : SIGSTOP;
	default: return t->exit_code & 0x7f;
	}
}

/*
 * Notifies @t's parent, or with @for_ptracer its tracer, of a stop or continuation (@why: CLD_*).
 * tasklist_lock is held, so that the parent is not released.
 */
void do_notify_parent_cldstop(struct task *t, bool for_ptracer, int why)
{
	struct task *parent;
	struct sighand_struct *sh;
	siginfo_t info;
	u64 utime, stime;

	if (for_ptracer) {
		parent = t->parent;
	} else {
		t = t->group_leader;
		parent = t->real_parent;
	}
	if (parent->flags & PF_KTHREAD)
		return;
	memset(&info, 0, sizeof(info));
	info.si_signo = SIGCHLD;
	info.si_code = why;
	info.si_pid =
		task_active_pid_ns(parent) ? task_pid_nr_ns(t, task_active_pid_ns(parent)) : 0;
	info.si_uid = from_kuid_munged(parent->cred->user_ns, t->cred->uid);
	info.si_status = cldstop_status(t, why);
	thread_group_times(t, &utime, &stime);
	info.si_utime = (s64)(utime / 10000000);
	info.si_stime = (s64)(stime / 10000000);
	sh = parent->sighand;
	spin_lock(&sh->lock);
	if (sh->action[SIGCHLD - 1].handler != 1 && !(sh->action[SIGCHLD - 1].flags & SA_NOCLDSTOP))
		send_signal_locked(SIGCHLD, &info, parent, true);
	wake_up_parent(t, parent);
	spin_unlock(&sh->lock);
}

/* ---- orphaned process groups ---- */

/*
 * True if the process group is about to become orphaned: no member will have a parent in another
 * group of its session (POSIX). tasklist_lock is held. @ignored, unless NULL, counts as dead.
 */
bool will_become_orphaned_pgrp(struct pid *pgrp, struct task *ignored)
{
	struct task *t;

	if (!pgrp)
		return true;
	for_each_pid_task(t, pgrp, PIDTYPE_PGID) {
		struct task *parent = t->real_parent;

		if (t == ignored || (t->exit_state && thread_group_empty(t)) ||
			parent->signal->flags & SIGNAL_UNKILLABLE || (parent->flags & PF_IDLE))
			continue;
		if (task_pgrp(parent) != pgrp && task_session(parent) == task_session(t))
			return false;
	}
	return true;
}

bool is_current_pgrp_orphaned(void)
{
	bool orphaned;

	read_lock(&tasklist_lock);
	orphaned = will_become_orphaned_pgrp(task_pgrp(current), NULL);
	read_unlock(&tasklist_lock);
	return orphaned;
}
