/* SPDX-License-Identifier: MIT */
/*
 * exit.c: the end of threads and processes.
 *
 * do_exit() gives back the task's resources (signals, memory, files). Then exit_notify() hands its
 * children to a new parent and notifies its own parent, and the task sleeps for ever.
 * release_task() frees the remaining zombie. The parent's wait calls it, or exit_notify() itself if
 * no parent will wait.
 *
 * States (task->exit_state): 0 -> EXIT_ZOMBIE (exit_notify) -> EXIT_DEAD. The task that sets
 * EXIT_DEAD, by cmpxchg under tasklist_lock, releases it.
 *
 * Invariants:
 * 1. A leader is released last: while it is a zombie with live threads, its parent is not notified.
 * 2. A released task is in no list, has no sighand, and keeps its signal_struct until the last
 *    reference goes.
 * 3. Times of a released thread are in signal->utime and so on: their sum never decreases.
 *
 * Locks: tasklist_lock (write) for parents and children, sighand->lock inside it.
 */
#include <linux/ptrace.h>

#include "gen/syscalls.h"
#include "kernel/lib/trace.h"
#include "kernel/task/futex/futex.h"
#include "kernel/cgroup/cgroup.h"
#include "kernel/mm/debug/userbreak.h"
#include "kernel/task/audit/audit.h"
#include "kernel/task/internal.h"
#include "kernel/task/perf.h"
#include "kernel/task/proc_event.h"
#include "kernel/task/spawn.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/seccomp/seccomp.h"
#include "kernel/task/ns/nsproxy.h"
#include "kernel/vfs/vfs.h"

const struct task_tty_ops *task_tty_ops;
const struct task_ipc_ops *task_ipc_ops;
const struct task_uring_ops *task_uring_ops;

/* ---- release ---- */

/*
 * Takes a dead task off all lists. @leader: the process ends with it. tasklist_lock is held for
 * writing.
 */
static void unhash_process(struct task *t, bool leader)
{
	nr_threads--;
	guest_tasks_remove(t);
	pidfd_notify(t); /* pollers get POLLHUP */
	detach_pid(t, PIDTYPE_PID);
	if (leader) {
		detach_pid(t, PIDTYPE_TGID);
		detach_pid(t, PIDTYPE_PGID);
		detach_pid(t, PIDTYPE_SID);
		list_del_init(&t->tasks);
		list_del_init(&t->sibling);
	}
	list_del_init(&t->thread_node);
}

/* Adds a dead thread's figures to those of its process. sighand->lock is held. */
static void account_dead_thread(struct signal_struct *sig, struct task *t)
{
	sig->utime += t->utime;
	sig->stime += t->stime;
	sig->sum_exec += t->se.sum_exec;
	sig->nvcsw += t->nvcsw;
	sig->nivcsw += t->nivcsw;
	sig->min_flt += t->min_flt;
	sig->maj_flt += t->maj_flt;
	sig->rchar += t->io_rchar;
	sig->wchar += t->io_wchar;
	sig->syscr += t->io_syscr;
	sig->syscw += t->io_syscw;
	sig->read_bytes += t->io_read_bytes;
	sig->write_bytes += t->io_write_bytes;
	sig->inblock += t->io_read_bytes >> 9;
	sig->oublock += t->io_write_bytes >> 9;
}

/* Removes @t from its process. tasklist_lock is held for writing. */
static void exit_signal_state(struct task *t)
{
	struct sighand_struct *sh = t->sighand;
	struct signal_struct *sig = t->signal;
	bool leader = thread_group_leader(t);

	spin_lock(&sh->lock);
	account_dead_thread(sig, t);
	sig->nr_threads--;
	unhash_process(t, leader);
	if (leader) {
		sig->tty = NULL;
	} else {
		if (sig->notify_count > 0 && !--sig->notify_count)
			wake_up_process(sig->group_exec_task);
	}
	flush_sigqueue(t->pending);
	if (leader)
		flush_sigqueue(&sig->shared_pending);
	WRITE_ONCE(t->sighand, NULL);
	spin_unlock(&sh->lock);
	sighand_put(sh);
}

/*
 * True if the caller must release the leader of @t as well, after the removal of @t: the leader was
 * a zombie that only waited for its threads, and no parent waits for the leader.
 */
static bool leader_is_free(struct task *t, struct task *leader)
{
	if (leader == t || leader->exit_state != EXIT_ZOMBIE || !thread_group_empty(leader))
		return false;
	if (!do_notify_parent(leader, leader->exit_signal))
		return false;
	leader->exit_state = EXIT_DEAD;
	return true;
}

void release_task(struct task *t)
{
	while (t) {
		struct task *leader;

		atomic_dec(&t->cred->user->processes);
		cgroup_release(t);
		write_lock(&tasklist_lock);
		if (t->ptrace)
			ptrace_unlink(t);
		leader = t->group_leader;
		pidfd_keep_exit(t);
		exit_signal_state(t);
		if (!leader_is_free(t, leader))
			leader = NULL;
		write_unlock(&tasklist_lock);
		put_task(t);
		t = leader;
	}
}

/* ---- notifying the parent ---- */

/* Fills in the siginfo with which @t's parent learns of its end. */
static void child_info(siginfo_t *info, struct task *t, int sig)
{
	const struct pid_namespace *to = task_active_pid_ns(t->parent);
	u64 utime, stime;
	int code = t->signal->group_exit ? t->signal->group_exit_code : t->exit_code;

	memset(info, 0, sizeof(*info));
	thread_group_times(t, &utime, &stime);
	info->si_signo = sig;
	info->si_pid = task_pid_nr_ns(t, to ? to : &init_pid_ns);
	info->si_uid = from_kuid_munged(t->parent->cred->user_ns, t->cred->uid);
	info->si_utime = (s64)(utime / 10000000);
	info->si_stime = (s64)(stime / 10000000);
	info->si_status = code & 0x7f;
	if (code & 0x80)
		info->si_code = CLD_DUMPED;
	else if (code & 0x7f)
		info->si_code = CLD_KILLED;
	else {
		info->si_code = CLD_EXITED;
		info->si_status = code >> 8;
	}
}

void wake_up_parent(struct task *t, struct task *parent)
{
	wake_up_all(&parent->signal->wait_chldexit);
}

bool do_notify_parent(struct task *t, int sig)
{
	struct task *parent = t->parent;
	struct sighand_struct *sh = parent->sighand;
	bool autoreap = false;
	siginfo_t info;

	if (thread_group_leader(t) && thread_group_empty(t)) {
		struct exit_watch *w = t->signal->exit_watch;

		pidfd_notify(t);
		/* The watcher is notified once, even if a tracer waits for the task first. */
		t->signal->exit_watch = NULL;
		if (w)
			w->ended(w,
				t->signal->group_exit ? t->signal->group_exit_code : t->exit_code);
	}
	if (parent->flags & PF_KTHREAD)
		return true;
	/*
	 * If the parent has executed another program since the fork, that program may have other
	 * rights, and the child's choice of signal does not apply to it.
	 */
	if (sig != SIGCHLD && t->parent_exec_id != READ_ONCE(parent->signal->exec_id))
		sig = SIGCHLD;
	child_info(&info, t, sig);
	spin_lock(&sh->lock);
	if (!t->ptrace && sig == SIGCHLD) {
		struct ksigaction *ka = &sh->action[SIGCHLD - 1];

		autoreap = ka->handler == 1 || (ka->flags & SA_NOCLDWAIT);
		if (ka->handler == 1)
			sig = 0;
	}
	if (sig > 0 && valid_signal(sig))
		send_signal_locked(sig, &info, parent, true);
	wake_up_parent(t, parent);
	spin_unlock(&sh->lock);
	return autoreap;
}

/* ---- children ---- */

/* Returns a thread of the process that is not exiting, or NULL. tasklist_lock is held. */
static struct task *live_thread(struct signal_struct *sig)
{
	struct task *t;

	for_each_thread(sig, t)
		if (!(t->flags & PF_EXITING))
			return t;
	return NULL;
}

/*
 * Returns the new parent of @father's children: another thread of @father's process, the nearest
 * ancestor in its pid namespace that is a subreaper, or the namespace's init. Threads that are
 * exiting are passed over; if init has no other thread, returns the idle task. tasklist_lock is
 * held.
 */
static struct task *find_new_reaper(struct task *father)
{
	struct pid_namespace *ns = task_active_pid_ns(father);
	struct task *t = live_thread(father->signal), *up;

	if (t)
		return t;
	if (father->signal->has_child_subreaper) {
		for (up = father->real_parent;
			up && !(up->flags & PF_KTHREAD) && task_active_pid_ns(up) == ns;
			up = up->real_parent) {
			if (up->signal->is_child_subreaper) {
				t = live_thread(up->signal);
				if (t)
					return t;
			}
			if (up == ns->child_reaper || !up->signal->has_child_subreaper)
				break;
		}
	}
	/* In a namespace that ends, its init reaps all processes. */
	if (ns->zapper)
		return ns->zapper;
	t = ns->child_reaper ? live_thread(ns->child_reaper->signal) : NULL;
	return t ? t : &init_task_storage;
}

/* True if a process of the group is stopped. tasklist_lock is held. */
static bool has_stopped_jobs(struct pid *pgrp)
{
	struct task *t;

	for_each_pid_task(t, pgrp, PIDTYPE_PGID)
		if (t->signal->flags & SIGNAL_STOP_STOPPED)
			return true;
	return false;
}

/*
 * Sends SIGHUP to a process group with stopped members that becomes orphaned, as POSIX demands, and
 * SIGCONT so that they handle SIGHUP. @parent: the exiting parent of @t; NULL: @t itself exits.
 */
static void kill_orphaned_pgrp(struct task *t, struct task *parent)
{
	struct pid *pgrp = task_pgrp(t);
	struct task *ignored = t;

	if (parent)
		ignored = NULL; /* @t stays, and its parent exits */
	else
		parent = t->real_parent;
	if (!pgrp || task_pgrp(parent) == pgrp || task_session(parent) != task_session(t))
		return;
	if (!will_become_orphaned_pgrp(pgrp, ignored) || !has_stopped_jobs(pgrp))
		return;
	kill_pgrp_locked(pgrp, SIGHUP, SEND_SIG_PRIV);
	kill_pgrp_locked(pgrp, SIGCONT, SEND_SIG_PRIV);
}

/*
 * Notifies the new parent of @p, which is in another process than @father, if @p has died. Adds @p
 * to @dead if the caller must release it. Signals @p's process group if it becomes orphaned.
 */
static void reparent_leader(struct task *father, struct task *p, struct list_head *dead)
{
	if (p->exit_state == EXIT_DEAD)
		return;
	p->exit_signal = SIGCHLD;
	if (!p->ptrace && p->exit_state == EXIT_ZOMBIE && thread_group_empty(p) &&
		do_notify_parent(p, p->exit_signal)) {
		p->exit_state = EXIT_DEAD;
		list_add(&p->ptrace_entry, dead);
	}
	kill_orphaned_pgrp(p, father);
}

/*
 * Gives @p a new parent. getppid() returns the new parent before @p's threads get their
 * pdeath_signal, which they get if current may send it to them.
 */
static void reparent_process(struct task *p, struct task *reaper)
{
	struct task *t;

	for_each_thread(p->signal, t) {
		t->real_parent = reaper;
		if (!t->ptrace)
			t->parent = reaper;
	}
	arch_answers_revoke();
	for_each_thread(p->signal, t)
		if (t->pdeath_signal &&
			!check_kill_permission(t->pdeath_signal, SEND_SIG_NOINFO, t))
			send_sig_group(t->pdeath_signal, t, SEND_SIG_NOINFO);
}

/*
 * Gives the children of the exiting @father to another parent, and detaches its tracees. Adds tasks
 * that are to be released to @dead. tasklist_lock is held for writing.
 */
static void forget_original_parent(struct task *father, struct list_head *dead)
{
	struct task *reaper, *p;

	if (!list_empty(&father->ptraced))
		exit_ptrace(father, dead);
	if (list_empty(&father->children))
		return;
	reaper = find_new_reaper(father);
	list_for_each_entry(p, &father->children, sibling) {
		reparent_process(p, reaper);
		if (!same_thread_group(reaper, father))
			reparent_leader(father, p, dead);
	}
	list_splice_tail_init(&father->children, &reaper->children);
}

/*
 * Makes the exiting @t a zombie and notifies its parent, or releases it. @group_dead: it is the
 * last thread. Sleeps.
 */
static void exit_notify(struct task *t, bool group_dead)
{
	struct task *p, *next;
	LIST_HEAD(dead);
	bool autoreap = true;

	if (group_dead && task_active_pid_ns(t)->child_reaper == t->group_leader)
		zap_pid_ns(t);
	write_lock(&tasklist_lock);
	forget_original_parent(t, &dead);
	if (group_dead && !(t->flags & PF_KTHREAD))
		kill_orphaned_pgrp(t->group_leader, NULL);
	t->exit_state = EXIT_ZOMBIE;
	if (t->ptrace) {
		int sig = thread_group_leader(t) && thread_group_empty(t) && !ptrace_reparented(t) ?
				  t->exit_signal :
				  SIGCHLD;

		autoreap = do_notify_parent(t, sig);
	} else if (thread_group_leader(t)) {
		autoreap = thread_group_empty(t) && do_notify_parent(t, t->exit_signal);
	}
	if (!thread_group_leader(t))
		pidfd_notify(t); /* wakes up pollers of the thread's pidfds */
	if (autoreap) {
		t->exit_state = EXIT_DEAD;
		list_add(&t->ptrace_entry, &dead);
	}
	if (t->signal->notify_count < 0 && t->signal->group_exec_task)
		wake_up_process(t->signal->group_exec_task);
	write_unlock(&tasklist_lock);

	list_for_each_entry_safe(p, next, &dead, ptrace_entry) {
		list_del_init(&p->ptrace_entry);
		release_task(p);
	}
}

/* ---- giving resources back ---- */

void exit_mm_release(void)
{
	struct task *t = current;

	if (unlikely(user_breaks_on))
		user_breaks_task_gone(t);
	if (t->mm) {
		futex_exit_task();
		if (t->clear_child_tid.v && atomic_read(&t->mm->mm_users) > 1) {
			u32 zero = 0;

			if (!put_user(zero, t->clear_child_tid))
				futex_wake_addr(t->clear_child_tid, 1);
		}
		t->clear_child_tid = UNULL;
	}
}

/* Drops the mm of @t, which is current. Sleeps. */
static void exit_mm(struct task *t)
{
	struct mm *mm = t->mm;

	exit_mm_release();
	vfork_finish(t);
	if (!mm)
		return;
	/* From now on the FPU state is not kept in the registers of the mm's host process. */
	arch_exec_regs(0, 0);
	spin_lock(&t->alloc_lock);
	t->mm = NULL;
	spin_unlock(&t->alloc_lock);
	mmput(mm);
}

/* Closes the files of @t, which is current, and drops its fs. May sleep. */
static void exit_files_fs(struct task *t)
{
	struct files_struct *files = t->files;

	spin_lock(&t->alloc_lock);
	t->files = NULL;
	spin_unlock(&t->alloc_lock);
	if (files)
		files_put(files);
	/* The last files are closed while the process still has its root directory. */
	task_work_run();
	fs_exchange(NULL);
}

/* Raises the process's record of its largest RSS, in pages. */
static void note_maxrss(struct task *t)
{
	struct mm *mm = t->mm;
	u64 rss;

	if (!mm)
		return;
	rss = (u64)(mm->rss_anon.v + mm->rss_file.v + mm->rss_shmem.v);
	t->signal->maxrss = max(t->signal->maxrss, max(rss, mm->hiwater_rss));
}

/*
 * Ends the process with its last thread @t, which is current and still has its mm. @code: the
 * thread's wait status.
 */
static void exit_last_thread(struct task *t, int code)
{
	spin_lock(&t->sighand->lock);
	/* The process ends with the status of its last thread, as since Linux 6.0. */
	if (!t->signal->group_exit)
		begin_group_exit(t->signal, code);
	spin_unlock(&t->sighand->lock);
	if (init_process && same_thread_group(t, init_process))
		panic("Attempted to kill init! exitcode=0x%08x",
			t->signal->group_exit ? t->signal->group_exit_code : code);
	process_timer_ops.exit(t->signal);
	note_maxrss(t);
	acct_collect(t, code);
	audit_exit(t->signal->group_exit_code);
}

void do_exit(int code)
{
	struct task *t = current;
	bool group_dead;

	if (t->flags & PF_EXITING)
		panic("%s[%d] exits twice", t->comm, t->pid);
	TRACE(exit, "%s[%d] %#x", t->comm, t->pid, (u32)code);
	/* This comes before any change of memory that the dump shows: words of futexes, of TIDs. */
	coredump_wait_exit();
	ptrace_event(PTRACE_EVENT_EXIT, (u64)code);
	exit_signals(t);
	seccomp_exit(t);
	group_dead = atomic_dec_and_test(&t->signal->live);
	if (group_dead)
		exit_last_thread(t, code);
	t->exit_code = code;
	if (atomic_read(&t->uring_busy) || t->uring_rings)
		task_uring_ops->end(t);
	exit_mm(t);
	if (group_dead)
		acct_process(t);
	if (task_ipc_ops)
		task_ipc_ops->exit(t);
	exit_files_fs(t);
	if (group_dead && t->signal->leader && task_tty_ops)
		task_tty_ops->leave(true);
	exit_namespaces(t);
	task_work_run();
	cgroup_exit(t);
	/* PF_EXITING must be visible before t->perf is read: see perf_bind(). */
	smp_mb();
	if (perf_counted(t))
		perf_task_end(t);
	proc_event_exit();
	/* Leave the session's autogroup, which may be freed together with the signal_struct. */
	sched_move_session(t, NULL);
	exit_notify(t, group_dead);
	sched_exit(t);
	sched_dead();
}

void do_group_exit(int code)
{
	struct signal_struct *sig = current->signal;

	spin_lock(&current->sighand->lock);
	if (sig->group_exit) {
		code = sig->group_exit_code;
	} else if (sig->group_exec_task) {
		code = 0;
	} else {
		begin_group_exit(sig, code);
		zap_other_threads(current);
	}
	spin_unlock(&current->sighand->lock);
	do_exit(code);
}

long sys_exit(int status)
{
	do_exit((status & 0xff) << 8);
}

long sys_exit_group(int status)
{
	do_group_exit((status & 0xff) << 8);
}
