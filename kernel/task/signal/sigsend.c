/* SPDX-License-Identifier: MIT */
/*
 * sigsend.c: sending signals, to a thread, a process, a group; and signals that a task causes
 * itself (force_*).
 *
 * send_signal_locked() drops an ignored signal (prepare_signal(), where stop and continue signals
 * also cancel each other), or queues it. Then complete_signal() chooses the thread to take it, or
 * begins to kill the process.
 *
 * Invariants:
 * 1. A fatal signal whose action is the default and that dumps no core ends all threads at once:
 *    each has SIGKILL pending. If the taker is traced, only SIGKILL does this.
 * 2. A standard signal is queued once. A real-time signal is queued as often as it is sent. If its
 *    entry cannot be allocated, the sender gets EAGAIN. A signal of kill(2), or one that has no
 *    siginfo (SEND_SIG_*), is then only marked as pending.
 * 3. The init of a pid namespace gets only signals that it has a handler for, and those that its
 *    own instructions cause. SIGKILL and SIGSTOP reach it only from the kernel, or from outside its
 *    namespace.
 *
 * Locks: sighand->lock of the receiver, inside tasklist_lock during a walk over a group.
 */
#include "gen/syscalls.h"
#include "kernel/lib/trace.h"
#include "kernel/task/internal.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/vfs/landlock/landlock.h"

static bool info_is_special(const siginfo_t *info)
{
	return info == SEND_SIG_NOINFO || info == SEND_SIG_PRIV;
}

static bool info_from_user(const siginfo_t *info)
{
	return info != SEND_SIG_PRIV && (info_is_special(info) || info->si_code <= 0);
}

/* ---- is the signal ignored? sighand->lock of @t is held ---- */

static u64 handler_of(struct task *t, int sig)
{
	return t->sighand->action[sig - 1].handler;
}

/*
 * True if @t's handler, or its default action, ignores the signal. @force: SIGKILL and SIGSTOP
 * reach init.
 */
static bool handler_ignores(struct task *t, int sig, bool force)
{
	u64 handler = handler_of(t, sig);
	bool only_kernel = sigmask_of(sig) & UNMASKABLE;

	if ((t->signal->flags & SIGNAL_UNKILLABLE) && handler == 0 && !(force && only_kernel))
		return true;
	if (t->flags & PF_KTHREAD)
		return true;
	return handler == 1 || (handler == 0 && (SIG_KERNEL_IGNORE & sigmask_of(sig)));
}

bool sig_ignored(struct task *t, int sig, bool force)
{
	if ((t->blocked | t->real_blocked) & sigmask_of(sig))
		return false;
	if (t->ptrace && sig != SIGKILL)
		return false;
	return handler_ignores(t, sig, force);
}

bool sig_is_ignored(struct task *t, int sig)
{
	bool ignored;

	spin_lock(&t->sighand->lock);
	ignored = (t->blocked & sigmask_of(sig)) || t->sighand->action[sig - 1].handler == 1;
	spin_unlock(&t->sighand->lock);
	return ignored;
}

/* Drops pending signals in @mask of @t's process. */
static void flush_group(struct task *t, u64 mask)
{
	struct task *other;

	flush_sigqueue_mask(mask, &t->signal->shared_pending);
	for_each_thread(t->signal, other)
		flush_sigqueue_mask(mask, other->pending);
}

/*
 * Continues all threads because of SIGCONT, even if that is ignored or blocked. A thread of the
 * process notifies the parent later.
 */
static void continue_group(struct task *t)
{
	struct signal_struct *sig = t->signal;
	struct task *other;
	u32 why = 0;

	flush_group(t, SIG_KERNEL_STOP);
	for_each_thread(sig, other) {
		task_clear_jobctl_pending(other, JOBCTL_STOP_PENDING);
		if (other->ptrace & PT_SEIZED)
			ptrace_trap_notify(other);
		else
			wake_up_state(other, TASK_STOPPED);
	}
	if (sig->flags & SIGNAL_STOP_STOPPED)
		why = SIGNAL_CLD_CONTINUED;
	else if (sig->group_stop_count)
		why = SIGNAL_CLD_STOPPED;
	if (!why)
		return;
	sig->flags &= ~(SIGNAL_STOP_STOPPED | SIGNAL_STOP_CONTINUED | SIGNAL_CLD_MASK);
	sig->flags |= why | SIGNAL_STOP_CONTINUED;
	sig->group_stop_count = 0;
	sig->group_stop_signr = 0;
}

/*
 * Applies the effects of a signal that is being sent: stop signals and SIGCONT cancel each other.
 * Returns false if the signal is dropped. @force as for handler_ignores().
 */
static bool prepare_signal(int sig, struct task *t, bool force)
{
	if (t->signal->group_exit)
		return t->signal->core_state && sig == SIGKILL;
	if (SIG_KERNEL_STOP & sigmask_of(sig))
		flush_group(t, sigmask_of(SIGCONT));
	else if (sig == SIGCONT)
		continue_group(t);
	return !sig_ignored(t, sig, force);
}

/* ---- choosing a thread; sighand->lock is held ---- */

/* True if the thread can take the signal soon. */
static bool wants_signal(int sig, struct task *t)
{
	if ((t->blocked & sigmask_of(sig)) || (t->flags & PF_EXITING))
		return false;
	if (sig == SIGKILL)
		return true;
	if (READ_ONCE(t->state) & (TASK_STOPPED | TASK_TRACED))
		return false;
	return t == current || !signal_pending(t);
}

/*
 * Returns the thread to be woken for a signal of @t or, with @group, of its process; NULL: none
 * takes it now.
 */
static struct task *choose_thread(int sig, struct task *t, bool group)
{
	struct signal_struct *signal = t->signal;
	struct task *other;

	if (wants_signal(sig, t))
		return t;
	if (!group || thread_group_empty(t))
		return NULL;
	for_each_thread(signal, other)
		if (wants_signal(sig, other))
			return other;
	return NULL;
}

/* True if @t has the default action for the signal, and that action ends the process. */
static bool sig_fatal(struct task *t, int sig)
{
	return !((SIG_KERNEL_IGNORE | SIG_KERNEL_STOP) & sigmask_of(sig)) &&
	       handler_of(t, sig) == 0;
}

/* Ends all threads of @t's process, with the exit code @sig. */
static void kill_group_now(int sig, struct task *t)
{
	struct signal_struct *signal = t->signal;
	struct task *other;

	begin_group_exit(signal, sig);
	for_each_thread(signal, other) {
		task_clear_jobctl_pending(other, JOBCTL_PENDING_MASK);
		other->pending->signal |= sigmask_of(SIGKILL);
		signal_wake_up(other, true);
	}
}

void complete_signal(int sig, struct task *t, bool group)
{
	struct task *taker = choose_thread(sig, t, group);

	if (!taker)
		return;
	/* Threads of a process that is dumping core get SIGKILL too. */
	if (sig_fatal(taker, sig) && (!taker->signal->group_exit || taker->signal->core_state) &&
		(sig == SIGKILL || !(taker->signal->flags & SIGNAL_UNKILLABLE)) &&
		!(taker->real_blocked & sigmask_of(sig)) && (sig == SIGKILL || !taker->ptrace) &&
		!(SIG_KERNEL_COREDUMP & sigmask_of(sig))) {
		kill_group_now(sig, taker);
		return;
	}
	signal_wake_up(taker, sig == SIGKILL);
}

void zap_other_threads(struct task *t)
{
	struct task *other;

	t->signal->group_stop_count = 0;
	for_each_thread(t->signal, other) {
		if (other == t)
			continue;
		task_clear_jobctl_pending(other, JOBCTL_PENDING_MASK);
		if (other->exit_state)
			continue;
		other->pending->signal |= sigmask_of(SIGKILL);
		signal_wake_up(other, true);
	}
}

/* ---- queueing ---- */

/*
 * True if current is outside the pid namespace of @t and has no pid there. Then SIGKILL and SIGSTOP
 * reach even the init of that namespace.
 */
static bool sent_from_above(struct task *t)
{
	const struct pid_namespace *ns = task_active_pid_ns(t);

	return ns && ns->level && !task_pid_nr_ns(current, ns);
}

/*
 * True if translate_sender() must change the pid and uid in the info, which are a sender's. As on
 * Linux it also changes those of a message queue's signal and of a child's stop, although these ids
 * are already the receiver's. Between namespaces most of them then become unmapped.
 */
static bool info_has_sender(const siginfo_t *info)
{
	if (info->si_signo == SIGCHLD && info->si_code > 0)
		return info->si_code >= CLD_TRAPPED;
	return info->si_code <= 0 && info->si_code != SI_TIMER && info->si_code != SI_SIGIO;
}

/* Translates the sender's ids from current's namespaces to the receiver's. */
static void translate_sender(siginfo_t *to, struct task *t)
{
	struct user_namespace *theirs = t->cred->user_ns;

	if (theirs != current_user_ns())
		to->si_uid = from_kuid_munged(theirs, make_kuid(current_user_ns(), to->si_uid));
	if (sent_from_above(t))
		to->si_pid = 0;
}

/* Fills in the siginfo that @t gets, from the one that a caller has passed. */
static void fill_info(siginfo_t *to, int sig, const siginfo_t *info, struct task *t)
{
	if (info == SEND_SIG_NOINFO) {
		to->si_signo = sig;
		to->si_code = SI_USER;
		to->si_pid = task_tgid_nr_ns(current, task_active_pid_ns(t));
		to->si_uid = from_kuid_munged(t->cred->user_ns, current_uid());
	} else if (info == SEND_SIG_PRIV) {
		to->si_signo = sig;
		to->si_code = SI_KERNEL;
	} else {
		*to = *info;
		to->si_signo = sig;
		if (info_has_sender(info))
			translate_sender(to, t);
	}
}

static void signalfd_notify(struct task *t)
{
	if (waitqueue_active(&t->sighand->signalfd_wqh))
		wake_up_common(&t->sighand->signalfd_wqh, TASK_NORMAL, 0, 1 /* EPOLLIN */);
}

int send_signal_locked(int sig, const siginfo_t *info, struct task *t, bool group)
{
	struct sigpending *to = group ? &t->signal->shared_pending : t->pending;
	bool special = info_is_special(info), rt = sig >= SIGRTMIN;
	struct sigqueue *q = NULL;

	assert_spin_held(&t->sighand->lock);
	TRACE(signal, "%d for %s[%d] from %s[%d]", sig, t->comm, t->pid, current->comm,
		current->pid);
	if (!prepare_signal(sig, t, !info_from_user(info) || sent_from_above(t)))
		return 0;
	if (!rt && (to->signal & sigmask_of(sig)))
		return 0;
	if (sig != SIGKILL && !(t->flags & PF_KTHREAD)) {
		q = sigqueue_new(t, sig, !rt && (special || info->si_code >= 0));
		if (!q && rt && !special && info->si_code != SI_USER)
			return -EAGAIN;
	}
	if (q) {
		fill_info(&q->info, sig, info, t);
		list_add_tail(&q->list, &to->list);
	}
	to->signal |= sigmask_of(sig);
	signalfd_notify(t);
	complete_signal(sig, t, group);
	return 0;
}

int do_send_sig_info(int sig, const siginfo_t *info, struct task *t, bool group)
{
	struct sighand_struct *sh = lock_task_sighand(t);
	int err;

	if (!sh)
		return -ESRCH;
	err = send_signal_locked(sig, info, t, group);
	unlock_task_sighand(sh);
	return err;
}

int send_sig(int sig, struct task *t, const siginfo_t *info)
{
	return do_send_sig_info(sig, info, t, false);
}

int send_sig_group(int sig, struct task *t, const siginfo_t *info)
{
	return do_send_sig_info(sig, info, t, true);
}

/*
 * Counts overruns of a signal that was sent before and was not taken yet, even if the signal is
 * ignored (as since Linux 6.13). Under sighand->lock.
 */
static void count_overruns(struct sigqueue *q, u64 missed)
{
	s64 n = (s64)min(missed, (u64)OVERRUN_MAX);

	if (!list_empty(&q->list) || q->flushed)
		n += q->info.si_overrun + 1L;
	q->info.si_overrun = (int)min(n, OVERRUN_MAX);
}

void send_sigqueue(struct sigqueue *q, u64 missed, struct pid *pid, enum pid_type type)
{
	bool group = type != PIDTYPE_PID;
	struct sighand_struct *sh = NULL;
	struct sigpending *to;
	struct task *t;
	int sig = q->info.si_signo;
	bool heard;

	read_lock(&tasklist_lock);
	t = pid_task_locked(pid, type);
	/*
	 * The running thread is preferred: a profiler with a timer of CPU time sees the thread that
	 * used the time.
	 */
	/* current->sighand is NULL after its release. */
	if (t && group && same_thread_group(t, current) && current->sighand)
		t = current;
	if (t)
		sh = lock_task_sighand(t);
	if (!sh)
		goto out;
	heard = prepare_signal(sig, t, false);
	count_overruns(q, missed);
	q->flushed = !heard;
	if (!heard || !list_empty(&q->list))
		goto out_unlock;
	q->on = to = group ? &t->signal->shared_pending : t->pending;
	atomic_inc(&q->refs);
	list_add_tail(&q->list, &to->list);
	to->signal |= sigmask_of(sig);
	signalfd_notify(t);
	complete_signal(sig, t, group);
out_unlock:
	unlock_task_sighand(sh);
out:
	read_unlock(&tasklist_lock);
}

/* ---- permissions ---- */

static bool kill_allowed_by_cred(struct task *t)
{
	const struct cred *c = current_cred(), *tc = get_task_cred(t);
	bool same = c->euid == tc->suid || c->euid == tc->uid || c->uid == tc->suid ||
		    c->uid == tc->uid;

	put_cred(tc);
	return same || ns_capable_to(t, CAP_KILL);
}

static bool kill_in_scope(struct task *t)
{
	const struct cred *tc = get_task_cred(t);
	bool may = landlock_may_signal(current_cred()->landlock, tc->landlock);

	put_cred(tc);
	return may;
}

int check_kill_permission(int sig, const siginfo_t *info, struct task *t)
{
	if (!valid_signal(sig))
		return -EINVAL;
	if (!info_from_user(info) || same_thread_group(current, t))
		return 0;
	if (landlocked() && !kill_in_scope(t))
		return -EPERM;
	if (kill_allowed_by_cred(t))
		return 0;
	if (sig == SIGCONT && task_session(t) == task_session(current))
		return 0;
	return -EPERM;
}

/*
 * Sends a signal to the process of @t, if current may. Returns 0 or -errno. tasklist_lock is held.
 */
static int group_send_checked(int sig, const siginfo_t *info, struct task *t)
{
	int err = check_kill_permission(sig, info, t);

	return err || !sig ? err : do_send_sig_info(sig, info, t, true);
}

int send_sig_one_of_many(int sig, struct task *t, const siginfo_t *info)
{
	int err = do_send_sig_info(sig, info, t, true);

	if (!err)
		atomic_inc(&t->signal->multi_signals);
	return err;
}

/*
 * Sends a signal to @t's process as one of many, if current may; signal 0 only checks. Returns 0 or
 * -errno.
 */
static int send_as_one_of_many(int sig, const siginfo_t *info, struct task *t)
{
	int err = check_kill_permission(sig, info, t);

	return err || !sig ? err : send_sig_one_of_many(sig, t, info);
}

int kill_pgrp_locked(struct pid *pgrp, int sig, const siginfo_t *info)
{
	bool success = false;
	int err = -ESRCH;
	struct task *t;

	for_each_pid_task(t, pgrp, PIDTYPE_PGID) {
		err = send_as_one_of_many(sig, info, t);
		success |= !err;
	}
	return success ? 0 : err;
}

int kill_pgrp(struct pid *pgrp, int sig, const siginfo_t *info)
{
	int err = -ESRCH;

	if (!pgrp)
		return err;
	read_lock(&tasklist_lock);
	err = kill_pgrp_locked(pgrp, sig, info);
	read_unlock(&tasklist_lock);
	return err;
}

int kill_pid(struct pid *pid, int sig, const siginfo_t *info)
{
	int err = -ESRCH;
	struct task *t;

	read_lock(&tasklist_lock);
	t = pid_task_locked(pid, PIDTYPE_PID);
	if (t)
		err = group_send_checked(sig, info, t);
	read_unlock(&tasklist_lock);
	return err;
}

/*
 * Signals all processes that current may signal, except init, kernel threads and current's own.
 * tasklist_lock is held. Returns 0 or -errno. As on Linux, returns 0 also if current may signal
 * none of them.
 */
static int kill_everybody(int sig, const siginfo_t *info)
{
	int err = -ESRCH, count = 0;
	struct task *t;

	for_each_process(t) {
		int e;

		if (task_pid_vnr(t) <= 1 || (t->flags & PF_KTHREAD) ||
			same_thread_group(t, current))
			continue;
		e = send_as_one_of_many(sig, info, t);
		count++;
		if (e != -EPERM)
			err = e;
	}
	return count ? (err == -ESRCH ? 0 : err) : -ESRCH;
}

/* Sends a signal to the processes that kill(2)'s argument @nr selects. Returns 0 or -errno. */
static int kill_something(int sig, const siginfo_t *info, pid_t nr)
{
	struct pid *pid = NULL;
	int err;

	if (nr == (pid_t)0x80000000)
		return -ESRCH;
	if (nr > 0) {
		pid = find_get_pid(nr);
		err = pid ? kill_pid(pid, sig, info) : -ESRCH;
	} else if (nr == -1) {
		read_lock(&tasklist_lock);
		err = kill_everybody(sig, info);
		read_unlock(&tasklist_lock);
	} else {
		pid = nr ? find_get_pid(-nr) : get_task_pid(current, PIDTYPE_PGID);
		err = pid ? kill_pgrp(pid, sig, info) : -ESRCH;
	}
	put_pid(pid);
	return err;
}

/* ---- signals that current has caused itself ---- */

enum forced { FORCE_HANDLED, FORCE_DEFAULT };

/*
 * Sends current a signal that it cannot block or ignore and, with FORCE_DEFAULT, cannot handle. A
 * blocked or ignored signal gets its default action, even if it has a handler. Takes sighand->lock.
 */
static void force_info(const siginfo_t *info, enum forced how)
{
	int sig = info->si_signo;
	struct sighand_struct *sh = current->sighand;
	struct ksigaction *ka = &sh->action[sig - 1];
	bool blocked, ignored;

	spin_lock(&sh->lock);
	blocked = current->blocked & sigmask_of(sig);
	ignored = ka->handler == 1;
	if (blocked || ignored || how == FORCE_DEFAULT) {
		ka->handler = 0;
		current->blocked &= ~sigmask_of(sig);
	}
	if (ka->handler == 0 && (!current->ptrace || how == FORCE_DEFAULT))
		current->signal->flags &= ~SIGNAL_UNKILLABLE;
	send_signal_locked(sig, info, current, false);
	recalc_sigpending();
	spin_unlock(&sh->lock);
}

void force_sig_info(const siginfo_t *info)
{
	force_info(info, FORCE_HANDLED);
}

static void kernel_info(siginfo_t *info, int sig)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = SI_KERNEL;
}

void force_sig(int sig)
{
	siginfo_t info;

	kernel_info(&info, sig);
	force_info(&info, FORCE_HANDLED);
}

void force_fatal_sig(int sig)
{
	siginfo_t info;

	kernel_info(&info, sig);
	force_info(&info, FORCE_DEFAULT);
}

void force_sig_fault(int sig, int code, u64 addr, int trapno, u64 error)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = sig;
	info.si_code = code;
	info.si_addr = (void *)addr;
	if (sig == SIGBUS && code == BUS_MCEERR_AR)
		info.si_addr_lsb = (short)mm_page_shift(current->mm, addr);
	force_info(&info, FORCE_HANDLED);
}

/* ---- all users of an address space ---- */

void kill_mm_users(struct mm *mm, int sig)
{
	struct sighand_struct *sh;
	struct task *p, *t;

	read_lock(&tasklist_lock);
	for_each_process(p) {
		for_each_thread(p->signal, t) {
			if (READ_ONCE(t->mm) != mm || (t->flags & PF_KTHREAD))
				continue;
			sh = lock_task_sighand(t);
			if (sh) {
				t->signal->flags &= ~SIGNAL_UNKILLABLE;
				send_signal_locked(sig, SEND_SIG_PRIV, t, true);
				unlock_task_sighand(sh);
			}
			break;
		}
	}
	read_unlock(&tasklist_lock);
}

void do_space_died(void)
{
	if (!current->mm)
		return;
	pr_err("%s[%d]: its address space is lost: killed\n", current->comm, current->pid);
	kill_mm_users(current->mm, SIGKILL);
}

/* ---- system calls ---- */

static void user_info(siginfo_t *info, int sig, int code)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = code;
	info->si_pid = task_tgid_vnr(current);
	info->si_uid = from_kuid_munged(current_user_ns(), current_uid());
}

long sys_kill(pid_t pid, int sig)
{
	siginfo_t info;

	user_info(&info, sig, SI_USER);
	return kill_something(sig, &info, pid);
}

int kill_thread(struct task *t, int sig, const siginfo_t *info)
{
	int err = check_kill_permission(sig, info, t);

	if (!err && sig) {
		err = do_send_sig_info(sig, info, t, false);
		/* @t is exiting: success, as if it had been killed. */
		if (err == -ESRCH)
			err = 0;
	}
	return err;
}

/* Signals the thread @pid, if it belongs to the process @tgid (0: any). Returns 0 or -errno. */
static long send_specific(pid_t tgid, pid_t pid, int sig, const siginfo_t *info)
{
	struct task *t = find_get_task(pid);
	long err = -ESRCH;

	if (!t)
		return err;
	if (tgid <= 0 || task_tgid_vnr(t) == tgid)
		err = kill_thread(t, sig, info);
	put_task(t);
	return err;
}

long sys_tkill(pid_t tid, int sig)
{
	siginfo_t info;

	if (tid <= 0)
		return -EINVAL;
	user_info(&info, sig, SI_TKILL);
	return send_specific(0, tid, sig, &info);
}

long sys_tgkill(pid_t tgid, pid_t tid, int sig)
{
	siginfo_t info;

	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	user_info(&info, sig, SI_TKILL);
	return send_specific(tgid, tid, sig, &info);
}

/*
 * True if an info from the guest looks like one of the kernel's or of kill(). Such an info is
 * allowed only for the calling thread itself.
 */
static bool info_is_forged(const siginfo_t *info, pid_t to)
{
	return (info->si_code >= 0 || info->si_code == SI_TKILL) && task_pid_vnr(current) != to;
}

long sys_rt_sigqueueinfo(pid_t pid, int sig, uaddr_t uinfo)
{
	siginfo_t info;
	struct pid *p;
	long err;

	if (copy_siginfo_from_user(&info, uinfo))
		return -EFAULT;
	info.si_signo = sig;
	if (info_is_forged(&info, pid))
		return -EPERM;
	p = find_get_pid(pid);
	err = p ? kill_pid(p, sig, &info) : -ESRCH;
	put_pid(p);
	return err;
}

long sys_rt_tgsigqueueinfo(pid_t tgid, pid_t tid, int sig, uaddr_t uinfo)
{
	siginfo_t info;

	if (copy_siginfo_from_user(&info, uinfo))
		return -EFAULT;
	info.si_signo = sig;
	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	if (info_is_forged(&info, tid))
		return -EPERM;
	return send_specific(tgid, tid, sig, &info);
}
