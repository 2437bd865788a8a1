/* SPDX-License-Identifier: MIT */
/*
 * de_thread.c: reduces a process to one thread at exec. All other threads die, and the thread that
 * executes becomes the leader, with the leader's pid.
 *
 * States: group_exec_task is set and all other threads are killed -> notify_count threads are left,
 * and each release decrements it -> the old leader is a zombie (with notify_count -1, exit_notify()
 * wakes this thread) -> the two threads exchange their places -> the old leader is released.
 *
 * Invariant: while group_exec_task is set no other thread can exec, and do_group_exit() by another
 * thread ends only that thread.
 */
#include "kernel/task/exec/exec.h"
#include "kernel/ident/pid_ns.h"

/*
 * Waits until all other threads except the leader have been released. A traced thread that has
 * ended is released only when its tracer has waited for it. Called with sighand->lock held, and
 * drops that lock. If current is being killed, stops waiting and sets *@killed to true.
 */
static void wait_for_others(struct signal_struct *sig, struct sighand_struct *sh, bool *killed)
{
	while (sig->notify_count) {
		set_current_state(TASK_KILLABLE);
		spin_unlock(&sh->lock);
		schedule();
		if (fatal_signal_pending(current)) {
			*killed = true;
			return;
		}
		spin_lock(&sh->lock);
	}
	spin_unlock(&sh->lock);
}

/*
 * Makes @t the leader in all lists. tasklist_lock is held for writing. @leader, the old leader, is
 * a zombie.
 */
static void become_leader(struct task *t, struct task *leader)
{
	t->start_time = leader->start_time;
	t->start_boottime = leader->start_boottime;
	exchange_pids(t, leader);
	transfer_pid(leader, t, PIDTYPE_TGID);
	transfer_pid(leader, t, PIDTYPE_PGID);
	transfer_pid(leader, t, PIDTYPE_SID);
	list_insert_between(&t->tasks, leader->tasks.prev, &leader->tasks);
	list_del_init(&leader->tasks);
	list_insert_between(&t->sibling, leader->sibling.prev, &leader->sibling);
	list_del_init(&leader->sibling);
	t->group_leader = t;
	leader->group_leader = t;
	t->exit_signal = SIGCHLD;
	leader->exit_signal = -1;
	leader->exit_state = EXIT_DEAD;
	/* The old leader's tracer may be waiting for the old leader, whose end is not reported. */
	if (leader->ptrace)
		wake_up_parent(leader, leader->parent);
	if (init_process == leader)
		init_process = t;
	if (pid_ns_of(leader->thread_pid)->child_reaper == leader)
		pid_ns_of(leader->thread_pid)->child_reaper = t;
}

/*
 * Waits for the end of the leader, and makes current the leader. Takes tasklist_lock. Returns 0, or
 * -EAGAIN if current is being killed.
 */
static int replace_leader(struct task *leader)
{
	struct signal_struct *sig = current->signal;

	for (;;) {
		write_lock(&tasklist_lock);
		sig->notify_count = -1;
		if (leader->exit_state)
			break;
		set_current_state(TASK_KILLABLE);
		write_unlock(&tasklist_lock);
		schedule();
		if (fatal_signal_pending(current))
			return -EAGAIN;
	}
	__set_current_state(TASK_RUNNING);
	become_leader(current, leader);
	write_unlock(&tasklist_lock);
	release_task(leader);
	return 0;
}

static int end_exec(struct signal_struct *sig, int err)
{
	write_lock(&tasklist_lock);
	sig->group_exec_task = NULL;
	sig->notify_count = 0;
	write_unlock(&tasklist_lock);
	return err;
}

int de_thread(void)
{
	struct signal_struct *sig = current->signal;
	struct sighand_struct *sh = current->sighand;
	bool leader = thread_group_leader(current), killed = false;

	spin_lock(&sh->lock);
	if (sig->group_exit || sig->group_exec_task) {
		spin_unlock(&sh->lock);
		return -EAGAIN;
	}
	if (sig->nr_threads == 1) {
		spin_unlock(&sh->lock);
		current->exit_signal = SIGCHLD;
		return 0;
	}
	sig->group_exec_task = current;
	zap_other_threads(current);
	sig->notify_count = sig->nr_threads - (leader ? 1 : 2);
	wait_for_others(sig, sh, &killed);
	if (killed)
		return end_exec(sig, -EAGAIN);
	if (!leader && replace_leader(current->group_leader))
		return end_exec(sig, -EAGAIN);
	current->exit_signal = SIGCHLD;
	return end_exec(sig, 0);
}
