/* SPDX-License-Identifier: MIT */
/*
 * ptrace.c: the tracee's side of ptrace(2): stops, events, attaching and detaching. The tracer's
 * requests are in ptrace_request.c.
 *
 * A tracee stops in ptrace_stop(), on its way to user mode or in the middle of a call that has an
 * event, and notifies its tracer as a stopped child notifies its parent. The tracer finds the stop
 * by wait(2), makes requests, and resumes the tracee with a signal number, which ptrace_stop()
 * returns.
 *
 * States: TASK_RUNNING -> TASK_TRACED (ptrace_stop, under sighand->lock) -> TASK_RUNNING (a
 * resuming request such as PTRACE_CONT, detaching, the tracer's death, or SIGKILL).
 *
 * Invariants:
 * 1. t->ptrace is not 0 exactly while t is in its tracer's ptraced list and t->parent is the
 *    tracer.
 * 2. The tracer accesses a tracee's registers only while the tracee is in TASK_TRACED and runs on
 *    no vCPU. While a request is served the tracee is frozen (JOBCTL_PTRACE_FROZEN), and not even
 *    SIGKILL wakes it. Exception: ptrace_unlink() clears the step flag that the tracer has set,
 *    even if the tracee runs when its tracer ends.
 *
 * Locks: tasklist_lock (write) for the relations of tracers and tracees; sighand->lock for stops.
 */
#include <linux/ptrace.h>

#include "gen/syscalls.h"
#include "kernel/cgroup/cgroup.h"
#include "kernel/task/internal.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/proc_event.h"
#include "kernel/task/seccomp/seccomp.h"
#include "kernel/vfs/landlock/landlock.h"

#define EFLAGS_TF 0x100UL

bool ptrace_reparented(struct task *t)
{
	return !same_thread_group(t->real_parent, t->parent);
}

bool ptrace_event_enabled(struct task *t, int event)
{
	return t->ptrace & PT_EVENT_FLAG(event);
}

/* ---- tracers and tracees ---- */

void ptrace_link(struct task *child, struct task *tracer, const struct cred *by)
{
	list_add_tail(&child->ptrace_entry, &tracer->ptraced);
	child->parent = tracer;
	child->ptracer_cred = get_cred(by);
}

static void stop_stepping(struct task *t)
{
	if (t->ptrace & PT_STEPPING)
		task_regs(t)->eflags &= ~EFLAGS_TF;
	t->ptrace &= ~(u32)PT_STEPPING;
	clear_bit(TIF_SINGLESTEP, &t->work_flags);
}

/*
 * Ends the tracing of @child. If the child's process is in a group stop, the child stops with it
 * again.
 */
void ptrace_unlink(struct task *child)
{
	struct sighand_struct *sh = child->sighand;

	clear_bit(TIF_SYSCALL_TRACE, &child->work_flags);
	clear_bit(TIF_SYSCALL_EMU, &child->work_flags);
	child->parent = child->real_parent;
	list_del_init(&child->ptrace_entry);
	put_cred(child->ptracer_cred);
	child->ptracer_cred = NULL;
	spin_lock(&sh->lock);
	stop_stepping(child);
	child->ptrace = 0;
	task_clear_jobctl_pending(child, JOBCTL_TRAP_STOP | JOBCTL_TRAP_NOTIFY | JOBCTL_TRAPPING |
						 JOBCTL_LISTENING | JOBCTL_PTRACE_FROZEN);
	if (!(child->flags & PF_EXITING) &&
		((child->signal->flags & SIGNAL_STOP_STOPPED) || child->signal->group_stop_count)) {
		child->jobctl |= JOBCTL_STOP_PENDING;
		if (!(child->jobctl & JOBCTL_STOP_SIGMASK))
			child->jobctl |= SIGSTOP;
	}
	if ((child->jobctl & JOBCTL_STOP_PENDING) || (READ_ONCE(child->state) & TASK_TRACED)) {
		set_bit(TIF_SIGPENDING, &child->work_flags);
		if (!wake_up_state(child, TASK_INTERRUPTIBLE | TASK_TRACED))
			kick_process(child);
	}
	spin_unlock(&sh->lock);
}

/*
 * Makes @child, a new child of current, a tracee of current's tracer, if the tracer has requested
 * that (@event, PTRACE_EVENT_*, is not 0) or current has (CLONE_PTRACE). Current's sighand->lock
 * and tasklist_lock (write) are held.
 */
void ptrace_fork(struct task *child, u64 clone_flags, int event)
{
	if (!current->ptrace || (!event && !(clone_flags & CLONE_PTRACE)))
		return;
	child->ptrace = current->ptrace & ~(u32)PT_STEPPING;
	ptrace_link(child, current->parent, current->ptracer_cred);
	if (child->ptrace & PT_SEIZED)
		child->jobctl |= JOBCTL_TRAP_STOP;
	else
		child->pending->signal |= sigmask_of(SIGSTOP);
	set_bit(TIF_SIGPENDING, &child->work_flags);
}

/*
 * True if the tracer ignores SIGCHLD or has set SA_NOCLDWAIT, so that it will not wait for its
 * child.
 */
static bool reaps_itself(struct task *tracer)
{
	const struct ksigaction *ka = &tracer->sighand->action[SIGCHLD - 1];
	bool ignores;

	spin_lock(&tracer->sighand->lock);
	ignores = ka->handler == 1 || (ka->flags & SA_NOCLDWAIT);
	spin_unlock(&tracer->sighand->lock);
	return ignores;
}

/*
 * Detaches one tracee. Returns true if the tracee is a zombie for which no parent waits: a thread
 * that is no leader, or a process whose parent ignores its end. Its exit_state is then EXIT_DEAD,
 * and the caller must reap it.
 */
static bool detach_locked(struct task *tracer, struct task *t)
{
	bool dead;

	ptrace_unlink(t);
	if (t->exit_state != EXIT_ZOMBIE)
		return false;
	dead = !thread_group_leader(t);
	if (!dead && thread_group_empty(t)) {
		if (!same_thread_group(t->real_parent, tracer)) {
			dead = do_notify_parent(t, t->exit_signal);
		} else {
			dead = reaps_itself(tracer);
			wake_up_parent(t, tracer);
		}
	}
	if (dead)
		t->exit_state = EXIT_DEAD;
	return dead;
}

void exit_ptrace(struct task *tracer, struct list_head *dead)
{
	struct task *t, *next;

	list_for_each_entry_safe(t, next, &tracer->ptraced, ptrace_entry) {
		if (t->ptrace & PT_EXITKILL)
			do_send_sig_info(SIGKILL, SEND_SIG_PRIV, t, true);
		if (detach_locked(tracer, t))
			list_add(&t->ptrace_entry, dead);
	}
}

/* ---- stopping ---- */

static bool killed(void)
{
	return current->pending->signal & sigmask_of(SIGKILL);
}

int ptrace_stop(int exit_code, int why, siginfo_t *info)
{
	bool group_stopped = false;

	if (!current->ptrace || killed())
		return exit_code;
	set_current_state(TASK_TRACED);
	current->ptrace_info = info;
	current->exit_code = exit_code;
	if (why == CLD_STOPPED && (current->jobctl & JOBCTL_STOP_PENDING))
		group_stopped = task_participate_group_stop(current);
	task_clear_jobctl_pending(current, JOBCTL_TRAP_STOP | JOBCTL_TRAPPING);
	if ((exit_code >> 8) == PTRACE_EVENT_STOP_CODE)
		task_clear_jobctl_pending(current, JOBCTL_TRAP_NOTIFY);
	spin_unlock(&current->sighand->lock);

	read_lock(&tasklist_lock);
	if (current->ptrace)
		do_notify_parent_cldstop(current, true, why);
	if (group_stopped && (!current->ptrace || ptrace_reparented(current)))
		do_notify_parent_cldstop(current, false, why);
	read_unlock(&tasklist_lock);
	cgroup_enter_frozen();
	schedule();
	cgroup_leave_frozen(true);

	spin_lock(&current->sighand->lock);
	exit_code = current->exit_code;
	current->exit_code = 0;
	current->ptrace_info = NULL;
	current->ptrace_message = 0;
	current->jobctl &= ~(u32)(JOBCTL_LISTENING | JOBCTL_PTRACE_FROZEN);
	recalc_sigpending();
	return exit_code;
}

int ptrace_notify(int exit_code)
{
	siginfo_t info;
	int ret;

	memset(&info, 0, sizeof(info));
	info.si_signo = SIGTRAP;
	info.si_code = exit_code;
	info.si_pid = task_pid_vnr(current);
	info.si_uid = from_kuid_munged(current_user_ns(), current_uid());
	spin_lock(&current->sighand->lock);
	ret = ptrace_stop(exit_code, CLD_TRAPPED, &info);
	spin_unlock(&current->sighand->lock);
	return ret;
}

void ptrace_event(int event, u64 message)
{
	if (!ptrace_event_enabled(current, event))
		return;
	current->ptrace_message = message;
	ptrace_notify((event << 8) | SIGTRAP);
}

/*
 * Returns the number of @pid in the pid namespace of current's tracer; 0: it has none there, or
 * there is no tracer.
 */
static pid_t nr_for_tracer(const struct pid *pid)
{
	const struct pid_namespace *ns;
	pid_t nr = 0;

	read_lock(&tasklist_lock);
	ns = current->ptrace ? task_active_pid_ns(current->parent) : NULL;
	if (ns)
		nr = pid_nr_ns(pid, ns);
	read_unlock(&tasklist_lock);
	return nr;
}

pid_t ptrace_own_nr(void)
{
	return nr_for_tracer(current->thread_pid);
}

void ptrace_event_pid(int event, const struct pid *pid)
{
	if (ptrace_event_enabled(current, event))
		ptrace_event(event, (u64)nr_for_tracer(pid));
}

int ptrace_signal(int signr, siginfo_t *info)
{
	current->jobctl |= JOBCTL_STOP_DEQUEUED;
	signr = ptrace_stop(signr, CLD_TRAPPED, info);
	if (!signr)
		return 0;
	if (signr != info->si_signo) {
		memset(info, 0, sizeof(*info));
		info->si_signo = signr;
		info->si_code = SI_USER;
		info->si_pid = task_tgid_vnr(current->parent);
		info->si_uid = from_kuid_munged(current_user_ns(), current->parent->cred->uid);
	}
	if (current->blocked & sigmask_of(signr)) {
		send_signal_locked(signr, info, current, false);
		return 0;
	}
	return signr;
}

void ptrace_trap_notify(struct task *t)
{
	task_set_jobctl_pending(t, JOBCTL_TRAP_NOTIFY);
	signal_wake_up(t, false);
	if (t->jobctl & JOBCTL_LISTENING)
		wake_up_state(t, TASK_TRACED);
}

/* ---- stops at system calls, called by entry.c ---- */

/* Stops current for its tracer at a system call. @message: PTRACE_EVENTMSG_SYSCALL_*. Sleeps. */
static void report_syscall(u64 message)
{
	int sig;

	if (!current->ptrace)
		return;
	current->ptrace_message = message;
	sig = ptrace_notify(SIGTRAP | ((current->ptrace & PT_TRACESYSGOOD) ? 0x80 : 0));
	/* A tracer that ends may leave SIGTRAP | 0x80, which is not a signal number. */
	if (sig && valid_signal(sig))
		send_sig(sig, current, SEND_SIG_PRIV);
}

long syscall_trace_enter(struct regs *regs)
{
	bool emulated = test_bit(TIF_SYSCALL_EMU, &current->work_flags);

	if (test_bit(TIF_USER_DISPATCH, &current->work_flags) && user_dispatch_takes(regs))
		return -1;
	if (emulated || test_bit(TIF_SYSCALL_TRACE, &current->work_flags)) {
		report_syscall(PTRACE_EVENTMSG_SYSCALL_ENTRY);
		if (emulated || fatal_signal_pending(current))
			return -1;
	}
	if (test_bit(TIF_SECCOMP, &current->work_flags) &&
		!(current->ptrace & PT_SUSPEND_SECCOMP) && !seccomp_check())
		return -1;
	return (int)regs->orig_rax; /* only the low 32 bits count, also of -1 */
}

void syscall_trace_leave(struct regs *regs)
{
	if (test_bit(TIF_SYSCALL_TRACE, &current->work_flags))
		report_syscall(PTRACE_EVENTMSG_SYSCALL_EXIT);
	else if (test_bit(TIF_SINGLESTEP, &current->work_flags) &&
		 !test_bit(TIF_SYSCALL_EMU, &current->work_flags))
		force_sig_fault(
			/* As on Linux, the step's address is the present rip. */
			SIGTRAP, TRAP_BRKPT, regs->rip, 0, 0);
}

/* ---- may current access @t? ---- */

static bool same_user(const struct cred *c, const struct cred *tc, bool attach)
{
	kuid_t uid = attach ? c->uid : c->fsuid;
	kgid_t gid = attach ? c->gid : c->fsgid;

	return uid == tc->euid && uid == tc->suid && uid == tc->uid && gid == tc->egid &&
	       gid == tc->sgid && gid == tc->gid;
}

/*
 * True if @t has no memory, if it is dumpable, or if @c has CAP_SYS_PTRACE in the user namespace in
 * which @t's program was started. A user namespace that @t has entered since then does not count:
 * otherwise the root of that namespace could take over a program that has entered it only to help
 * (nsenter).
 */
static bool shows_memory(struct task *t, const struct cred *c)
{
	bool shows = true;

	spin_lock(&t->alloc_lock);
	if (t->mm)
		shows = t->mm->dump_mode == 1 || cred_ns_capable(c, t->mm->user_ns, CAP_SYS_PTRACE);
	spin_unlock(&t->alloc_lock);
	return shows;
}

bool ptrace_may_access(struct task *t, bool attach)
{
	const struct cred *c = current_cred(), *tc;
	bool allowed;

	if (same_thread_group(t, current))
		return true;
	tc = get_task_cred(t);
	allowed = cred_ns_capable(c, tc->user_ns, CAP_SYS_PTRACE) ||
		  (same_user(c, tc, attach) && c->user_ns == tc->user_ns &&
			  cap_issubset(tc->cap_permitted, c->cap_effective));
	allowed = allowed && shows_memory(t, c) && landlock_may_trace(c->landlock, tc->landlock);
	put_cred(tc);
	return allowed;
}

int exec_hold(struct task *t)
{
	return mutex_lock_killable(&t->signal->exec_update_mutex);
}

void exec_release(struct task *t)
{
	mutex_unlock(&t->signal->exec_update_mutex);
}

struct mm *mm_access(struct task *t, bool attach)
{
	struct mm *mm = ERR_PTR(-EACCES);
	int err = exec_hold(t);

	if (err)
		return ERR_PTR(err);
	if (ptrace_may_access(t, attach))
		mm = get_task_mm(t);
	exec_release(t);
	return mm;
}

/* ---- attaching ---- */

/*
 * True if @t may trace current: @t has all capabilities of current or has CAP_SYS_PTRACE. In both
 * cases @t has no Landlock restriction that current lacks. So a privileged program does not give
 * its rights to a task that started it and traces it.
 */
static bool may_be_traced_by(struct task *t)
{
	const struct cred *c = get_task_cred(t), *own = current_cred();
	bool may = (c->user_ns == own->user_ns &&
			   cap_issubset(own->cap_permitted, c->cap_permitted)) ||
		   cred_ns_capable(c, own->user_ns, CAP_SYS_PTRACE);

	may = may && landlock_may_trace(c->landlock, own->landlock);

	put_cred(c);
	return may;
}

/* Serves PTRACE_TRACEME. Returns 0 or -EPERM. */
static long ptrace_traceme(void)
{
	long err = -EPERM;

	write_lock(&tasklist_lock);
	if (!current->ptrace && !(current->real_parent->flags & (PF_EXITING | PF_KTHREAD)) &&
		may_be_traced_by(current->real_parent)) {
		current->ptrace = PT_PTRACED;
		ptrace_link(current, current->real_parent, current->cred);
		err = 0;
	}
	write_unlock(&tasklist_lock);
	return err;
}

/* Moves a task from a group stop into a ptrace stop. tasklist_lock is held. */
static void trap_stopped_task(struct task *t)
{
	spin_lock(&t->sighand->lock);
	if ((READ_ONCE(t->state) & TASK_STOPPED) &&
		task_set_jobctl_pending(t, JOBCTL_TRAP_STOP | JOBCTL_TRAPPING)) {
		set_bit(TIF_SIGPENDING, &t->work_flags);
		wake_up_state(t, TASK_STOPPED);
	}
	spin_unlock(&t->sighand->lock);
}

/* Attaches current to @t. @flags: PT_*. tasklist_lock is held for writing. Returns 0 or -EPERM. */
static long attach_locked(struct task *t, u32 flags)
{
	if (t->exit_state || t->ptrace || !t->sighand)
		return -EPERM;
	t->ptrace = flags;
	ptrace_link(t, current, current->cred);
	if (!(flags & PT_SEIZED))
		send_sig(SIGSTOP, t, SEND_SIG_PRIV);
	trap_stopped_task(t);
	return 0;
}

/*
 * Checks the options of a tracer, which is current. PTRACE_O_SUSPEND_SECCOMP, used for checkpoints,
 * needs CAP_SYS_ADMIN and a tracer without seccomp. Returns 0, -EINVAL or -EPERM.
 */
long ptrace_check_options(u64 options)
{
	if (options & ~(u64)PTRACE_O_MASK)
		return -EINVAL;
	if (!(options & PTRACE_O_SUSPEND_SECCOMP))
		return 0;
	if (!capable(CAP_SYS_ADMIN) || current->seccomp_mode ||
		(current->ptrace & PT_SUSPEND_SECCOMP))
		return -EPERM;
	return 0;
}

/* Serves PTRACE_ATTACH and, with @seize, PTRACE_SEIZE. May sleep. Returns 0 or -errno. */
static long ptrace_attach(struct task *t, bool seize, u64 addr, u64 options)
{
	u32 flags = PT_PTRACED;
	long err;

	if (seize) {
		if (addr || (options & ~(u64)PTRACE_O_MASK))
			return -EIO;
		err = ptrace_check_options(options);
		if (err)
			return err;
		flags |= (u32)PT_SEIZED | ((u32)options << PT_OPT_SHIFT);
	}
	if ((t->flags & PF_KTHREAD) || same_thread_group(t, current))
		return -EPERM;
	if (mutex_lock_interruptible(&t->signal->cred_guard_mutex))
		return -ERESTARTNOINTR;
	err = -EPERM;
	if (ptrace_may_access(t, true)) {
		write_lock(&tasklist_lock);
		err = attach_locked(t, flags);
		write_unlock(&tasklist_lock);
	}
	mutex_unlock(&t->signal->cred_guard_mutex);
	if (err)
		return err;
	wait_for_trap(t);
	proc_event_ptrace(t, true);
	return 0;
}

/*
 * Serves PTRACE_DETACH. @sig: signal with which the tracee goes on, or 0. Returns 0, -EIO, or
 * -ESRCH if @t is not current's tracee. Takes tasklist_lock.
 */
static long ptrace_detach(struct task *t, u64 sig)
{
	bool dead;

	if (sig > NSIG_MAX)
		return -EIO;
	write_lock(&tasklist_lock);
	if (!t->ptrace || t->parent != current) {
		write_unlock(&tasklist_lock);
		return -ESRCH;
	}
	t->exit_code = (int)sig;
	dead = detach_locked(current, t);
	write_unlock(&tasklist_lock);
	proc_event_ptrace(t, false);
	if (dead)
		release_task(t);
	return 0;
}

/*
 * Checks that @t is current's tracee. Unless @running is true, also checks that @t is stopped and
 * on no vCPU, and keeps @t stopped until unfreeze(). Returns 0 or -ESRCH.
 */
static long check_tracee(struct task *t, bool running)
{
	bool ours, stopped = false;

	read_lock(&tasklist_lock);
	ours = t->ptrace && t->parent == current && t->sighand;
	if (ours) {
		spin_lock(&t->sighand->lock);
		stopped = (READ_ONCE(t->state) & TASK_TRACED) && !(t->jobctl & JOBCTL_LISTENING) &&
			  !(t->pending->signal & sigmask_of(SIGKILL));
		if (stopped && !running)
			t->jobctl |= JOBCTL_PTRACE_FROZEN;
		spin_unlock(&t->sighand->lock);
	}
	read_unlock(&tasklist_lock);
	if (!ours || (!running && !stopped))
		return -ESRCH;
	while (!running && READ_ONCE(t->on_cpu))
		yield();
	return 0;
}

/* Ends the freeze by check_tracee(). A SIGKILL that came meanwhile now wakes up the tracee. */
static void unfreeze(struct task *t)
{
	struct sighand_struct *sh = lock_task_sighand(t);

	if (!sh)
		return;
	t->jobctl &= ~(u32)JOBCTL_PTRACE_FROZEN;
	if (t->pending->signal & sigmask_of(SIGKILL))
		wake_up_state(t, TASK_TRACED);
	unlock_task_sighand(sh);
}

long sys_ptrace(long request, long pid, u64 addr, u64 data)
{
	bool running = request == PTRACE_KILL || request == PTRACE_INTERRUPT;
	struct task *t;
	long ret;

	if (request == PTRACE_TRACEME)
		return ptrace_traceme();
	t = find_get_task((pid_t)pid);
	if (!t)
		return -ESRCH;
	if (request == PTRACE_ATTACH || request == PTRACE_SEIZE) {
		ret = ptrace_attach(t, request == PTRACE_SEIZE, addr, data);
	} else {
		ret = check_tracee(t, running);
		if (!ret) {
			ret = request == PTRACE_DETACH ? ptrace_detach(t, data) :
							 ptrace_request(t, request, addr, data);
			/* After PTRACE_DETACH another tracer may have attached already. */
			if (!running && (ret || request != PTRACE_DETACH))
				unfreeze(t);
		}
	}
	put_task(t);
	return ret;
}
