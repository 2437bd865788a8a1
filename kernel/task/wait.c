/* SPDX-License-Identifier: MIT */
/*
 * wait.c: wait4 and waitid: report state changes of children and tracees to parents and tracers.
 *
 * do_wait() searches the children and the tracees of all threads of the process for a task that
 * matches and has a state to report: it ended (wait_zombie), stopped (wait_stopped) or was
 * continued (wait_continued). If there is none, do_wait() sleeps on signal->wait_chldexit and
 * searches again.
 *
 * Invariants:
 * 1. A task claims a zombie by changing exit_state from EXIT_ZOMBIE under tasklist_lock; the
 *    claiming task reaps it.
 * 2. A stop is reported once: group_stop_signr or exit_code becomes 0. With WNOWAIT the code stays.
 *
 * Locks: tasklist_lock (read) during the search; the function that finds a state to report drops
 * it. sighand->lock for stops.
 */
#include <linux/wait.h>

#include "gen/syscalls.h"
#include "kernel/task/internal.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/waitid.h"
#include "kernel/vfs/vfs.h"

struct wait_opts {
	enum pid_type type; /* PIDTYPE_MAX: any child */
	struct pid *pid;
	int flags; /* W*, __W* */
	bool want_rusage;
	struct rusage64_k rusage;
	/* results */
	int status; /* as wait4 returns it */
	int cause;  /* CLD_* */
	pid_t child;
	kuid_t uid;
	int notask_error;
};

static bool eligible_pid(const struct wait_opts *wo, struct task *p)
{
	if (wo->type == PIDTYPE_MAX)
		return true;
	if (wo->type == PIDTYPE_PID)
		return p->thread_pid == wo->pid;
	return p->signal->pids[wo->type] == wo->pid;
}

static bool eligible_child(const struct wait_opts *wo, bool ptrace, struct task *p)
{
	if (!eligible_pid(wo, p))
		return false;
	if (ptrace || (wo->flags & __WALL))
		return true;
	return (p->exit_signal != SIGCHLD) == !!(wo->flags & __WCLONE);
}

/*
 * Stores pid, user and state of @p. tasklist_lock is held: without it another thread may reap @p,
 * which then has no pid any more.
 */
static void found(struct wait_opts *wo, struct task *p, int status, int cause)
{
	wo->child = task_pid_vnr(p);
	wo->uid = from_kuid_munged(current_user_ns(), p->cred->uid);
	wo->status = status;
	wo->cause = cause;
}

/*
 * Stores the resource usage of @p. tasklist_lock is not held: the caller has claimed @p, or has a
 * reference. Returns the pid.
 */
static int found_usage(struct wait_opts *wo, struct task *p)
{
	if (wo->want_rusage)
		getrusage_of(p, RUSAGE_BOTH_K, &wo->rusage);
	return wo->child;
}

/*
 * Reports the state of @p without reaping @p (a stop, or WNOWAIT). Drops tasklist_lock. Returns the
 * pid.
 */
static int leave(struct wait_opts *wo, struct task *p)
{
	get_task(p);
	read_unlock(&tasklist_lock);
	found_usage(wo, p);
	put_task(p);
	return wo->child;
}

/*
 * Adds the resources that the child and its own children have used to the totals of current's
 * process.
 */
static void account_child(struct task *p)
{
	struct signal_struct *us = current->signal, *c = p->signal;
	u64 utime, stime;

	thread_group_times(p, &utime, &stime);
	spin_lock(&current->sighand->lock);
	us->cutime += utime + c->cutime;
	us->cstime += stime + c->cstime;
	us->cmin_flt += p->min_flt + c->min_flt + c->cmin_flt;
	us->cmaj_flt += p->maj_flt + c->maj_flt + c->cmaj_flt;
	us->cnvcsw += p->nvcsw + c->nvcsw + c->cnvcsw;
	us->cnivcsw += p->nivcsw + c->nivcsw + c->cnivcsw;
	us->cinblock += (p->io_read_bytes >> 9) + c->inblock + c->cinblock;
	us->coublock += (p->io_write_bytes >> 9) + c->oublock + c->coublock;
	us->cmaxrss = max(us->cmaxrss, max(c->maxrss, c->cmaxrss));
	spin_unlock(&current->sighand->lock);
}

static int zombie_status(struct task *p)
{
	return p->signal->group_exit ? p->signal->group_exit_code : p->exit_code;
}

static int exit_cause(int status)
{
	if (!(status & 0x7f))
		return CLD_EXITED;
	return (status & 0x80) ? CLD_DUMPED : CLD_KILLED;
}

/*
 * Gives a dead tracee back to its parent after its tracer has seen the end. Returns true if the
 * parent does not wait for it, so that the caller must reap it.
 */
static bool give_back_to_parent(struct task *p)
{
	bool reap;

	write_lock(&tasklist_lock);
	ptrace_unlink(p);
	reap = do_notify_parent(p, p->exit_signal);
	p->exit_state = reap ? EXIT_DEAD : EXIT_ZOMBIE;
	write_unlock(&tasklist_lock);
	return reap;
}

/*
 * The functions wait_*() report a child @p that has ended, stopped or continued, if the caller
 * waits for that. They are called with tasklist_lock held for reading, and drop it if they report.
 * They return the child's pid, or 0: nothing to report.
 */
static int wait_zombie(struct wait_opts *wo, struct task *p)
{
	int state = ptrace_reparented(p) && thread_group_leader(p) ? EXIT_TRACE : EXIT_DEAD;

	if (!(wo->flags & WEXITED))
		return 0;
	if (wo->flags & WNOWAIT) {
		found(wo, p, zombie_status(p), exit_cause(zombie_status(p)));
		return leave(wo, p);
	}
	if (cmpxchg(&p->exit_state, EXIT_ZOMBIE, state) != EXIT_ZOMBIE)
		return 0;
	found(wo, p, zombie_status(p), exit_cause(zombie_status(p)));
	read_unlock(&tasklist_lock);

	if (state == EXIT_DEAD && thread_group_leader(p))
		account_child(p);
	found_usage(wo, p);
	if (state == EXIT_DEAD || give_back_to_parent(p))
		release_task(p);
	return wo->child;
}

/*
 * Returns a pointer to the code of @p's stop, or NULL if @p has not stopped. sighand->lock is held.
 */
static int *stopped_code(struct task *p, bool ptrace)
{
	if (ptrace) {
		if ((READ_ONCE(p->state) & TASK_TRACED) && !(p->jobctl & JOBCTL_LISTENING))
			return &p->exit_code;
	} else if (p->signal->flags & SIGNAL_STOP_STOPPED) {
		return &p->signal->group_stop_signr;
	}
	return NULL;
}

/* Reports a stop of @p. Returns 0, or the pid after dropping tasklist_lock. */
static int wait_stopped(struct wait_opts *wo, bool ptrace, struct task *p)
{
	struct sighand_struct *sh;
	int *where, code = 0;

	if (!ptrace && !(wo->flags & WUNTRACED))
		return 0;
	sh = lock_task_sighand(p);
	if (!sh)
		return 0;
	where = stopped_code(p, ptrace);
	if (where) {
		code = *where;
		if (code && !(wo->flags & WNOWAIT))
			*where = 0;
	}
	unlock_task_sighand(sh);
	if (!code)
		return 0;
	found(wo, p, (code << 8) | 0x7f, ptrace ? CLD_TRAPPED : CLD_STOPPED);
	return leave(wo, p);
}

/* Reports that @p has continued. Returns as wait_stopped(). */
static int wait_continued(struct wait_opts *wo, struct task *p)
{
	struct sighand_struct *sh;
	bool continued;

	if (!(wo->flags & WCONTINUED) || !(READ_ONCE(p->signal->flags) & SIGNAL_STOP_CONTINUED))
		return 0;
	sh = lock_task_sighand(p);
	if (!sh)
		return 0;
	continued = p->signal->flags & SIGNAL_STOP_CONTINUED;
	if (continued && !(wo->flags & WNOWAIT))
		p->signal->flags &= ~SIGNAL_STOP_CONTINUED;
	unlock_task_sighand(sh);
	if (!continued)
		return 0;
	found(wo, p, 0xffff, CLD_CONTINUED);
	return leave(wo, p);
}

/*
 * Handles one child. Returns 0 if there is nothing to report; otherwise the result, after dropping
 * tasklist_lock. @ptrace: current is the child's tracer.
 */
static int consider(struct wait_opts *wo, bool ptrace, struct task *p)
{
	int state = READ_ONCE(p->exit_state); /* read once: it may change */
	bool foreign = false;                 /* a task of another process traces it */
	int ret;

	if (state == EXIT_DEAD || !eligible_child(wo, ptrace, p))
		return 0;
	if (state == EXIT_TRACE) {
		if (!ptrace)
			wo->notask_error = 0;
		return 0;
	}
	if (!ptrace && p->ptrace) {
		foreign = ptrace_reparented(p);
		ptrace = !foreign;
	}
	if (state == EXIT_ZOMBIE) {
		bool whole = !(thread_group_leader(p) && !thread_group_empty(p));

		/*
		 * The end is reported to the tracer first. Stops and continuations are reported to
		 * both.
		 */
		if (foreign && whole) {
			wo->notask_error = 0;
			return 0;
		}
		if (whole)
			/*
			 * If this returns 0, another thread has claimed the zombie. No wake-up will
			 * follow, so notask_error stays -ECHILD.
			 */
			return (wo->flags & WEXITED) ? wait_zombie(wo, p) : 0;
		if (!ptrace || (wo->flags & (WCONTINUED | WEXITED)))
			wo->notask_error = 0;
	} else {
		wo->notask_error = 0;
	}
	ret = wait_stopped(wo, ptrace, p);
	return ret ? ret : wait_continued(wo, p);
}

/* Looks at the children and tracees of @t. tasklist_lock is held. Returns as consider(). */
static int search_thread(struct wait_opts *wo, struct task *t)
{
	struct task *p;
	int ret;

	list_for_each_entry(p, &t->children, sibling) {
		ret = consider(wo, false, p);
		if (ret)
			return ret;
	}
	list_for_each_entry(p, &t->ptraced, ptrace_entry) {
		ret = consider(wo, true, p);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * Searches all children once. Returns a pid with tasklist_lock dropped, 0 if there is nothing to
 * report yet, or -ECHILD.
 */
static int search(struct wait_opts *wo)
{
	struct task *t;
	int ret;

	wo->notask_error = -ECHILD;
	read_lock(&tasklist_lock);
	if (wo->type != PIDTYPE_MAX && (!wo->pid || list_empty(&wo->pid->tasks[wo->type])))
		goto none;
	for_each_thread(current->signal, t) {
		if ((wo->flags & __WNOTHREAD) && t != current)
			continue;
		ret = search_thread(wo, t);
		if (ret)
			return ret;
	}
none:
	read_unlock(&tasklist_lock);
	return wo->notask_error;
}

/*
 * Waits for a child as @wo requests. Returns its pid; 0: WNOHANG and none is ready; or -errno.
 * Sleeps.
 */
static int do_wait(struct wait_opts *wo)
{
	struct wait_queue_entry we;
	int ret;

	init_wait_entry(&we);
	for (;;) {
		prepare_to_wait(&current->signal->wait_chldexit, &we, TASK_INTERRUPTIBLE);
		ret = search(wo);
		if (ret || (wo->flags & WNOHANG))
			break;
		if (signal_pending(current)) {
			ret = -ERESTARTSYS;
			break;
		}
		schedule();
	}
	finish_wait(&current->signal->wait_chldexit, &we);
	return ret;
}

void zap_wait(void)
{
	struct wait_opts wo = { .type = PIDTYPE_MAX, .flags = WEXITED | WNOHANG | __WALL };

	while (do_wait(&wo) > 0)
		cond_resched();
}

/* ---- the calls ---- */

static struct pid *group_or(pid_t nr)
{
	return nr ? find_get_pid(nr) : get_task_pid(current, PIDTYPE_PGID);
}

long sys_wait4(pid_t pid, uaddr_t ustatus, int options, uaddr_t uru)
{
	struct wait_opts wo = { .flags = options | WEXITED, .want_rusage = uru.v };
	long ret;

	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (pid == (pid_t)0x80000000)
		return -ESRCH;
	if (pid == -1) {
		wo.type = PIDTYPE_MAX;
	} else if (pid > 0) {
		wo.type = PIDTYPE_PID;
		wo.pid = find_get_pid(pid);
	} else {
		wo.type = PIDTYPE_PGID;
		wo.pid = group_or(-pid);
	}
	ret = do_wait(&wo);
	put_pid(wo.pid);
	if (ret <= 0)
		return ret;
	if (ustatus.v && put_user(wo.status, ustatus))
		return -EFAULT;
	if (uru.v && copy_to_user(uru, &wo.rusage, sizeof(wo.rusage)))
		return -EFAULT;
	return ret;
}

/*
 * Sets the children to wait for, by the arguments of waitid(2). Takes a reference to wo->pid.
 * Returns 0 or -errno.
 */
static int waitid_target(struct wait_opts *wo, int which, pid_t id)
{
	struct file *f;
	struct pid *p;

	switch (which) {
	case P_ALL: wo->type = PIDTYPE_MAX; return 0;
	case P_PID:
		if (id <= 0)
			return -EINVAL;
		wo->type = PIDTYPE_PID;
		wo->pid = find_get_pid(id);
		return 0;
	case P_PGID:
		if (id < 0)
			return -EINVAL;
		wo->type = PIDTYPE_PGID;
		wo->pid = group_or(id);
		return 0;
	case P_PIDFD:
		if (id < 0)
			return -EINVAL;
		f = fget(id);
		p = f ? pidfd_pid(f) : ERR_PTR(-EBADF);
		wo->type = PIDTYPE_PID;
		wo->pid = IS_ERR(p) ? NULL : get_pid(p);
		if (f && !IS_ERR(p) && (f->f_flags & O_NONBLOCK))
			wo->flags |= WNOHANG;
		if (f)
			fput(f);
		return IS_ERR(p) ? PTR_ERR(p) : 0;
	}
	return -EINVAL;
}

/* Fills @info for waitid(2), with zeroes if no child was found. */
static void waitid_info(siginfo_t *info, const struct wait_opts *wo)
{
	memset(info, 0, sizeof(*info));
	if (!wo->child)
		return;
	info->si_signo = SIGCHLD;
	info->si_code = wo->cause;
	info->si_pid = wo->child;
	info->si_uid = wo->uid;
	switch (wo->cause) {
	case CLD_EXITED: info->si_status = (wo->status >> 8) & 0xff; break;
	case CLD_CONTINUED: info->si_status = SIGCONT; break;
	case CLD_STOPPED:
	case CLD_TRAPPED: info->si_status = wo->status >> 8; break;
	default: info->si_status = wo->status & 0x7f;
	}
}

/*
 * Waits, and stores the result in *wo. Returns 0 or -errno; 0 with wo->child 0: nothing to report
 * (WNOHANG).
 */
static long do_waitid(struct wait_opts *wo, int which, pid_t id, int options)
{
	bool nonblocking;
	long ret;

	if (options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD |
			      __WCLONE | __WALL))
		return -EINVAL;
	if (!(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	ret = waitid_target(wo, which, id);
	if (ret)
		return ret;
	nonblocking = (wo->flags & WNOHANG) && !(options & WNOHANG);
	ret = do_wait(wo);
	put_pid(wo->pid);
	if (!ret && nonblocking)
		return -EAGAIN;
	return min(ret, 0L);
}

long waitid_look(int which, pid_t id, int options, siginfo_t *info)
{
	struct wait_opts wo = { .flags = options | WNOHANG };
	long err = do_waitid(&wo, which, id, options | WNOHANG);

	if (!err)
		waitid_info(info, &wo);
	return err;
}

long sys_waitid(int which, pid_t id, uaddr_t uinfo, int options, uaddr_t uru)
{
	struct wait_opts wo = { .flags = options, .want_rusage = uru.v };
	long err = do_waitid(&wo, which, id, options);
	siginfo_t info;

	if (!err && wo.child && uru.v && copy_to_user(uru, &wo.rusage, sizeof(wo.rusage)))
		return -EFAULT;
	waitid_info(&info, &wo);
	if (uinfo.v && copy_siginfo_to_user(uinfo, &info)) /* all zero after an error */
		return -EFAULT;
	return err;
}
