/* SPDX-License-Identifier: MIT */
/*
 * fork.c: new tasks from the current one: fork, vfork, clone, clone3, unshare.
 *
 * kernel_clone() copies or shares each part of current (copy_*), then links the child in one
 * critical section (link_task()), and starts it. Each step that can fail has a label that undoes
 * the steps before it.
 *
 * Invariants:
 * 1. A child that is linked will run: wake_up_new_task() always follows.
 * 2. A thread is not added to a process that is ending: current's SIGKILL is pending then, and is
 *    checked under sighand->lock.
 * 3. A signal to a process group reaches the child or is still pending in the parent, which then
 *    restarts the fork. Other signals that come meanwhile belong to the parent alone, which handles
 *    them after the fork: so a timer with a period shorter than a fork() cannot make it restart for
 *    ever.
 *
 * Locks: tasklist_lock (write), then sighand->lock, around the link.
 */
#include <linux/ptrace.h>

#include "gen/syscalls.h"
#include "kernel/cgroup/cgroup.h"
#include "kernel/lib/trace.h"
#include "kernel/task/audit/audit.h"
#include "kernel/task/internal.h"
#include "kernel/task/perf.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/proc_event.h"
#include "kernel/task/seccomp/seccomp.h"
#include "kernel/task/ns/nsproxy.h"
#include "kernel/vfs/super.h"
#include "kernel/vfs/vfs.h"

#define EFLAGS_TF 0x100UL

/* Checks a combination of CLONE_* flags. Returns 0, -EINVAL or -EPERM. */
static int check_flags(u64 flags, const struct clone_args_k *args)
{
	if ((flags & (CLONE_NEWNS | CLONE_NEWUSER)) && (flags & CLONE_FS))
		return -EINVAL;
	if ((flags & CLONE_NEWIPC) && (flags & CLONE_SYSVSEM))
		return -EINVAL;
	if ((flags & CLONE_THREAD) &&
		((flags & (CLONE_NEWUSER | CLONE_NEWPID)) ||
			current->nsproxy->ns[NS_PID] != &current_pid_ns()->ns))
		return -EINVAL;
	if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && (flags & CLONE_CLEAR_SIGHAND))
		return -EINVAL;
	if ((flags & CLONE_PARENT) && (current->signal->flags & SIGNAL_UNKILLABLE))
		return -EINVAL;
	if ((flags & CLONE_PIDFD) && (flags & CLONE_DETACHED))
		return -EINVAL;
	if ((flags & CLONE_SETTLS) && args->tls >= arch_task_size())
		return -EPERM;
	return 0;
}

int sysctl_threads_max;

static int threads_max_init(void)
{
	sysctl_threads_max = (int)min(nr_managed_frames() / 16 + 256, 0x3fffffffUL);
	return 0;
}
INITCALL(1, threads_max_init);

/* Checks the limits for one more task. Returns 0 or -EAGAIN. */
static int check_limits(void)
{
	const struct cred *c = current_cred();

	if (READ_ONCE(nr_threads) >= READ_ONCE(sysctl_threads_max))
		return -EAGAIN;
	if (current->policy == SCHED_DEADLINE && !current->sched_reset_on_fork)
		/* An admitted deadline holds for one task only. */
		return -EAGAIN;
	if ((u64)atomic_read(&c->user->processes) >= rlimit(RLIMIT_NPROC) && c->user->uid != 0 &&
		!capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN))
		return -EAGAIN;
	current->over_nproc = false;
	return 0;
}

/* Copies members that each task has for itself. */
static void copy_own_fields(struct task *t, u64 flags)
{
	task_init_common(t);
	memcpy(t->comm, current->comm, sizeof(t->comm));
	t->flags |= PF_FORKNOEXEC;
	t->personality = current->personality;
	t->traced_calls = current->traced_calls;
	t->no_tsc = current->no_tsc;
	t->timer_slack_ns = current->timer_slack_ns;
	t->default_timer_slack_ns = current->timer_slack_ns;
	t->loginuid = current->loginuid;
	t->sessionid = current->sessionid;
	t->prctl_bits = current->prctl_bits;
	t->mempolicy = current->mempolicy;
	t->ioprio = READ_ONCE(current->ioprio);
	t->blocked = current->blocked;
	t->sas_ss_flags = 2; /* SS_DISABLE */
	if ((flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM) {
		t->sas_ss_sp = current->sas_ss_sp;
		t->sas_ss_size = current->sas_ss_size;
		t->sas_ss_flags = current->sas_ss_flags;
	}
	t->rseq = (flags & CLONE_VM) ? UNULL : current->rseq;
	t->rseq_sig = current->rseq_sig;
	t->rseq_seen = ~0UL;
}

/*
 * The copy_*() functions give the child @t its own copy of a part of current or, by @flags
 * (CLONE_*), a reference to current's. They may sleep. They return 0 or -errno.
 */
static int copy_sighand(struct task *t, u64 flags)
{
	struct sighand_struct *sh;

	if (flags & CLONE_SIGHAND) {
		atomic_inc(&current->sighand->count);
		t->sighand = current->sighand;
		return 0;
	}
	sh = sighand_alloc();
	if (!sh)
		return -ENOMEM;
	spin_lock(&current->sighand->lock);
	memcpy(sh->action, current->sighand->action, sizeof(sh->action));
	spin_unlock(&current->sighand->lock);
	t->sighand = sh;
	if (flags & CLONE_CLEAR_SIGHAND)
		flush_signal_handlers(t, false);
	return 0;
}

static int copy_signal(struct task *t, u64 flags)
{
	struct signal_struct *sig, *old = current->signal;

	if (flags & CLONE_THREAD) {
		atomic_inc(&old->sigcnt);
		t->signal = old;
		return 0;
	}
	sig = signal_alloc();
	if (!sig)
		return -ENOMEM;
	spin_lock(&current->group_leader->alloc_lock);
	memcpy(sig->rlim, old->rlim, sizeof(sig->rlim));
	spin_unlock(&current->group_leader->alloc_lock);
	sig->oom_score_adj = old->oom_score_adj;
	sig->oom_score_adj_min = old->oom_score_adj_min;
	sig->nr_threads = 1;
	keys_fork(sig, old);
	t->signal = sig;
	return 0;
}

static int copy_mm(struct task *t, u64 flags)
{
	struct mm *mm = current->mm;

	if (flags & CLONE_VM) {
		mmget(mm);
	} else {
		mm = mm_dup(mm);
		if (IS_ERR(mm))
			return PTR_ERR(mm);
	}
	t->mm = mm;
	return 0;
}

static int copy_files(struct task *t, u64 flags)
{
	struct files_struct *f = current->files;

	if (flags & CLONE_FILES) {
		atomic_inc(&f->count);
	} else {
		f = files_dup(f, ~0U);
		if (IS_ERR_OR_NULL(f))
			return f ? PTR_ERR(f) : -ENOMEM;
	}
	t->files = f;
	return 0;
}

static int copy_fs(struct task *t, u64 flags)
{
	struct fs_struct *fs = current->fs;

	if (flags & CLONE_FS) {
		if (!fs_share(fs))
			return -EAGAIN;
	} else {
		fs = fs_dup(fs);
		if (IS_ERR_OR_NULL(fs))
			return fs ? PTR_ERR(fs) : -ENOMEM;
	}
	t->fs = fs;
	return 0;
}

static int copy_ipc(struct task *t, u64 flags)
{
	return task_ipc_ops ? task_ipc_ops->fork(t, flags) : 0;
}

static void put_ipc(struct task *t)
{
	if (task_ipc_ops && t->sysvsem)
		task_ipc_ops->unshare_sem(t);
}

static int copy_regs(struct task *t, const struct clone_args_k *args)
{
	/*
	 * A step flag that the tracer has set is not inherited. It is read first, as the tracer may
	 * end meanwhile.
	 */
	bool stepped = READ_ONCE(current->ptrace) & PT_STEPPING;
	int err = arch_task_fork(t);

	if (err)
		return err;
	if (stepped)
		task_regs(t)->eflags &= ~EFLAGS_TF;
	if (args->stack)
		task_regs(t)->rsp = args->stack;
	if (args->flags & CLONE_SETTLS) {
		task_regs(t)->fs_base = args->tls;
		task_regs(t)->fs = 0;
	}
	return 0;
}

/*
 * Makes a pidfd for the child, with CLONE_THREAD one of the thread. Reserves the descriptor *fd and
 * returns the pidfd's file, which link_task() installs, or ERR_PTR.
 */
static struct file *make_pidfd(struct pid *pid, const struct clone_args_k *args, int *fd)
{
	struct file *f;
	int err;

	*fd = get_unused_fd(O_CLOEXEC);
	if (*fd < 0)
		return ERR_PTR(*fd);
	f = pidfd_file(pid, O_RDWR | O_CLOEXEC | (args->flags & CLONE_THREAD ? PIDFD_THREAD : 0));
	err = IS_ERR(f) ? PTR_ERR(f) : put_user(*fd, args->pidfd);
	if (!err)
		return f;
	if (!IS_ERR(f))
		fput(f);
	put_unused_fd(*fd);
	return ERR_PTR(err);
}

/*
 * Sets the parent and the signal for it. A process also gets the mark that a subreaper among its
 * ancestors gives to its descendants. tasklist_lock is held for writing.
 */
static void choose_parent(struct task *t, const struct clone_args_k *args)
{
	if (args->flags & (CLONE_PARENT | CLONE_THREAD)) {
		t->real_parent = current->real_parent;
		t->parent_exec_id = current->parent_exec_id;
		t->exit_signal =
			(args->flags & CLONE_THREAD) ? -1 : current->group_leader->exit_signal;
	} else {
		t->real_parent = current;
		t->parent_exec_id = current->signal->exec_id;
		t->exit_signal = args->exit_signal;
	}
	t->parent = t->real_parent;
	if (!(args->flags & CLONE_THREAD))
		t->signal->has_child_subreaper = t->real_parent->signal->has_child_subreaper ||
						 t->real_parent->signal->is_child_subreaper;
}

/* Makes a new thread stop if its process is stopping or has stopped. */
static void join_group_stop(struct task *t)
{
	struct signal_struct *sig = t->signal;

	if (sig->group_stop_count) {
		sig->group_stop_count++;
		t->jobctl = (current->jobctl & JOBCTL_STOP_SIGMASK) | JOBCTL_STOP_PENDING |
			    JOBCTL_STOP_CONSUME;
	} else if (sig->flags & SIGNAL_STOP_STOPPED) {
		t->jobctl = SIGSTOP | JOBCTL_STOP_PENDING;
	} else {
		return;
	}
	set_bit(TIF_SIGPENDING, &t->work_flags);
}

/*
 * Links a new thread, as link_process() links a new process. tasklist_lock (writing) and
 * sighand->lock are held.
 */
static void link_thread(struct task *t)
{
	struct signal_struct *sig = t->signal;

	sig->nr_threads++;
	atomic_inc(&sig->live);
	t->group_leader = current->group_leader;
	autogroup_link(t);
	list_add_tail(&t->thread_node, &sig->threads);
	join_group_stop(t);
}

/* Links the leader of a new process. tasklist_lock (writing) is held. */
static void link_process(struct task *t)
{
	struct signal_struct *sig = t->signal, *old = current->signal;

	t->group_leader = t;
	sig->tty = old->tty;
	autogroup_fork(sig, old);
	autogroup_link(t);
	list_add_tail(&t->thread_node, &sig->threads);
	list_add_tail(&t->sibling, &t->real_parent->children);
	list_add_tail(&t->tasks, &all_processes);
	attach_pid(t, PIDTYPE_TGID, t->thread_pid);
	if (pid_nr_ns(t->thread_pid, pid_ns_of(t->thread_pid)) == 1) {
		pid_ns_of(t->thread_pid)->child_reaper = t;
		sig->flags |= SIGNAL_UNKILLABLE;
	}
	if (old->pids[PIDTYPE_PGID])
		attach_pid(t, PIDTYPE_PGID, old->pids[PIDTYPE_PGID]);
	if (old->pids[PIDTYPE_SID])
		attach_pid(t, PIDTYPE_SID, old->pids[PIDTYPE_SID]);
}

/*
 * True if @ns or a namespace above it is ending. The init of such a namespace kills all linked
 * tasks under tasklist_lock, and no task may be added afterwards.
 */
static bool ns_is_dying(const struct pid_namespace *ns)
{
	for (; ns; ns = ns->parent)
		if (READ_ONCE(ns->dying))
			return true;
	return false;
}

/*
 * Returns -ERESTARTNOINTR if a signal is pending, so that it is handled before the fork, else 0.
 * Sets *@seen to the count of group signals so far, for link_task().
 */
static int signals_first(u64 flags, s32 *seen)
{
	int err = 0;

	*seen = 0;
	if (flags & CLONE_THREAD)
		return 0;
	spin_lock(&current->sighand->lock);
	recalc_sigpending();
	if (signal_pending(current))
		err = -ERESTARTNOINTR;
	*seen = atomic_read(&current->signal->multi_signals);
	spin_unlock(&current->sighand->lock);
	return err;
}

/*
 * Links @t, so that other tasks can find it. Returns 0; -ERESTARTNOINTR: a signal must be handled
 * first, either a group signal that the child should have got too, or a fatal one; -ENOMEM: the pid
 * namespace is ending; -EAGAIN: pids= allows no more tasks. @seen: from signals_first().
 */
static int link_task(struct task *t, const struct clone_args_k *args, int event, s32 seen)
{
	int err = 0;

	get_task(t); /* release_task() drops it */
	write_lock(&tasklist_lock);
	spin_lock(&current->sighand->lock);
	recalc_sigpending();
	if (fatal_signal_pending(current) ||
		(!(args->flags & CLONE_THREAD) && signal_pending(current) &&
			atomic_read(&current->signal->multi_signals) != seen)) {
		err = -ERESTARTNOINTR;
		goto out;
	}
	if (ns_is_dying(pid_ns_of(t->thread_pid))) {
		err = -ENOMEM;
		goto out;
	}
	if (!guest_tasks_add(t)) {
		err = -EAGAIN;
		goto out;
	}
	seccomp_fork(t);
	choose_parent(t, args);
	if (args->flags & CLONE_THREAD)
		link_thread(t);
	else
		link_process(t);
	attach_pid(t, PIDTYPE_PID, t->thread_pid);
	nr_threads++;
	ptrace_fork(t, args->flags, event);
out:
	spin_unlock(&current->sighand->lock);
	write_unlock(&tasklist_lock);
	if (err == -EAGAIN)
		audit_refused("fork", current);
	if (err)
		put_task(t);
	return err;
}

/* Undoes copy_namespaces(), copy_fs() and copy_files(), as far as they were done. */
static void put_shared(struct task *t)
{
	nsproxy_put(t->nsproxy);
	t->nsproxy = NULL;
	if (t->fs)
		fs_put(t->fs);
	if (t->files)
		files_put(t->files);
	t->fs = NULL;
	t->files = NULL;
}

/*
 * Makes a linked child that has not run yet. @event: PTRACE_EVENT_* for the tracer, or 0. May
 * sleep. Returns the child, without a reference for the caller, or ERR_PTR.
 */
static struct task *copy_process(const struct clone_args_k *args, int event)
{
	struct file *pidfile = NULL;
	struct pid *pid;
	struct task *t;
	int fd = -1, err;
	s32 seen;

	err = signals_first(args->flags, &seen);
	if (!err)
		err = check_limits();
	if (err)
		return ERR_PTR(err);
	t = task_alloc();
	if (!t)
		return ERR_PTR(-EAGAIN);
	sched_fork(t);
	copy_own_fields(t, args->flags);
	err = copy_creds(t, args->flags, args->flags & CLONE_NEWUSER && current_chrooted());
	if (err) {
		put_task(t);
		return ERR_PTR(err);
	}
	err = -ENOMEM;
	t->pending = pending_alloc();
	if (!t->pending)
		goto err_creds;
	err = copy_sighand(t, args->flags);
	if (err)
		goto err_creds;
	err = copy_signal(t, args->flags);
	if (err)
		goto err_sighand;
	err = copy_fs(t, args->flags);
	if (!err)
		err = copy_files(t, args->flags);
	if (err)
		goto err_shared;
	err = copy_namespaces(args->flags, t, t->cred->user_ns);
	if (!err)
		err = copy_ipc(t, args->flags);
	if (err)
		goto err_shared;
	err = copy_mm(t, args->flags);
	if (err)
		goto err_ipc;
	if (t->nsproxy->ns[NS_TIME] != current->nsproxy->ns[NS_TIME])
		t->nsproxy->ns[NS_TIME]->ops->enter(t->nsproxy->ns[NS_TIME], t->mm);
	err = copy_regs(t, args);
	if (err)
		goto err_mm;
	pid = alloc_pid(container_of(t->nsproxy->ns[NS_PID], struct pid_namespace, ns),
		args->set_tid, args->nr_set_tid);
	err = PTR_ERR(pid);
	if (IS_ERR(pid))
		goto err_mm;
	t->thread_pid = pid;
	t->pid = pid->nr;
	t->tgid = (args->flags & CLONE_THREAD) ? current->tgid : pid->nr;
	if (args->flags & CLONE_PIDFD) {
		pidfile = make_pidfd(pid, args, &fd);
		err = PTR_ERR(pidfile);
		if (IS_ERR(pidfile))
			goto err_pid;
	}
	t->set_child_tid = (args->flags & CLONE_CHILD_SETTID) ? args->child_tid : UNULL;
	t->clear_child_tid = (args->flags & CLONE_CHILD_CLEARTID) ? args->child_tid : UNULL;
	err = perf_counted(current) ? perf_inherit(t) : 0;
	if (!err)
		err = cgroup_can_fork(t, args->cgroup);
	if (err)
		goto err_perf;
	err = link_task(t, args, event, seen);
	if (err) {
		cgroup_cancel_fork(t, args->cgroup);
		goto err_perf;
	}
	cgroup_post_fork(t, args->cgroup);
	proc_event_fork(t);
	audit_fork(t);
	if (pidfile)
		fd_install(fd, pidfile);
	return t;

err_perf:
	if (perf_counted(t))
		perf_task_end(t);
	if (pidfile) {
		fput(pidfile);
		put_unused_fd(fd);
	}
err_pid:
	free_pid(pid);
err_mm:
	mmput(t->mm);
	t->mm = NULL;
err_ipc:
	put_ipc(t);
err_shared:
	put_shared(t);
err_sighand:
	sighand_put(t->sighand);
	t->sighand = NULL;
err_creds:
	atomic_dec(&t->cred->user->processes);
	put_task(t);
	return ERR_PTR(err);
}

void vfork_finish(struct task *t)
{
	struct completion *done;

	spin_lock(&t->alloc_lock);
	done = t->vfork_done;
	t->vfork_done = NULL;
	if (done)
		complete(done);
	spin_unlock(&t->alloc_lock);
}

/* Waits until the child of a vfork execs or exits, or until current is killed. */
static void wait_for_vfork(struct task *child, struct completion *done)
{
	int err;

	cgroup_enter_frozen();
	err = wait_for_completion_killable(done);
	cgroup_leave_frozen(false);
	if (err) {
		spin_lock(&child->alloc_lock);
		child->vfork_done = NULL;
		spin_unlock(&child->alloc_lock);
	} else {
		/*
		 * complete() in the child may not have returned yet. The child calls it under
		 * alloc_lock.
		 */
		spin_lock(&child->alloc_lock);
		spin_unlock(&child->alloc_lock);
	}
}

/* Returns the PTRACE_EVENT_* of the call, or 0. */
static int clone_event(const struct clone_args_k *args)
{
	if (args->flags & CLONE_UNTRACED)
		return 0;
	if (args->flags & CLONE_VFORK)
		return PTRACE_EVENT_VFORK;
	return args->exit_signal != SIGCHLD ? PTRACE_EVENT_CLONE : PTRACE_EVENT_FORK;
}

pid_t kernel_clone(const struct clone_args_k *args)
{
	int event = clone_event(args), err = check_flags(args->flags, args);
	struct completion vfork;
	struct task *t;
	struct pid *pid;
	pid_t nr;

	if (err)
		return err;
	if (event && !ptrace_event_enabled(current, event))
		event = 0;
	t = copy_process(args, event);
	if (IS_ERR(t))
		return PTR_ERR(t);
	nr = task_pid_vnr(t);
	pid = get_pid(t->thread_pid);
	get_task(t);
	if (args->flags & CLONE_PARENT_SETTID)
		(void)put_user(nr, args->parent_tid);
	if (args->flags & CLONE_VFORK) {
		init_completion(&vfork);
		t->vfork_done = &vfork;
		t->vfork_child = true;
	}
	if (t->set_child_tid.v) {
		pid_t own = pid_nr_ns(t->thread_pid, pid_ns_of(t->thread_pid));

		access_mm(t->mm, t->set_child_tid.v, &own, sizeof(own), true, false);
	}
	TRACE(fork, "%s[%d] -> %d", current->comm, current->pid, t->pid);
	wake_up_new_task(t);
	if (event)
		ptrace_event_pid(event, pid);
	if (args->flags & CLONE_VFORK) {
		wait_for_vfork(t, &vfork);
		ptrace_event_pid(PTRACE_EVENT_VFORK_DONE, pid);
	}
	put_pid(pid);
	put_task(t);
	return nr;
}

long sys_fork(void)
{
	struct clone_args_k args = { .exit_signal = SIGCHLD };

	return kernel_clone(&args);
}

long sys_vfork(void)
{
	struct clone_args_k args = { .flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD };

	return kernel_clone(&args);
}

long sys_clone(u64 flags, u64 newsp, uaddr_t parent_tid, uaddr_t child_tid, u64 tls)
{
	struct clone_args_k args = {
		.flags = (u32)flags & ~(u64)CSIGNAL,
		.pidfd = parent_tid,
		.child_tid = child_tid,
		.parent_tid = parent_tid,
		.exit_signal = (int)(flags & CSIGNAL),
		.stack = newsp,
		.tls = tls,
	};

	if (flags & CLONE_PIDFD && flags & CLONE_PARENT_SETTID)
		return -EINVAL;
	return kernel_clone(&args);
}

/* Checks the arguments of clone3(2). Returns 0 or -EINVAL. */
static int check_clone_args(const struct clone_args *a)
{
	if (a->flags & ~(0xffffffffUL | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP))
		return -EINVAL;
	if (a->flags & (CLONE_DETACHED | (CSIGNAL & ~(u64)CLONE_NEWTIME)))
		return -EINVAL;
	if ((a->flags & (CLONE_THREAD | CLONE_PARENT)) && a->exit_signal)
		return -EINVAL;
	if ((a->flags & CLONE_PIDFD) && (a->flags & CLONE_PARENT_SETTID) &&
		a->pidfd == a->parent_tid)
		return -EINVAL;
	if (a->exit_signal > NSIG_MAX)
		return -EINVAL;
	if (!a->stack != !a->stack_size)
		return -EINVAL;
	if (a->stack && !access_ok(UADDR(a->stack), a->stack_size))
		return -EINVAL;
	if (a->set_tid_size > 32 || !a->set_tid != !a->set_tid_size)
		return -EINVAL;
	return 0;
}

/*
 * Reads a pid for each level of pid namespaces, from the innermost on. Each level needs rights in
 * the user namespace that owns it. Returns 0 or -errno.
 */
static int read_set_tid(struct clone_args_k *args, const struct clone_args *a)
{
	struct pid_namespace *ns =
		container_of(current->nsproxy->ns[NS_PID], struct pid_namespace, ns);
	/* The child's new namespace is the innermost level. */
	bool fresh = a->flags & CLONE_NEWPID;

	if (a->set_tid_size > ns->level + 1 + fresh)
		return -EINVAL;
	if (copy_from_user(args->set_tid, UADDR(a->set_tid), a->set_tid_size * sizeof(pid_t)))
		return -EFAULT;
	args->nr_set_tid = (u32)a->set_tid_size;
	for (u32 i = 0; i < args->nr_set_tid; i++) {
		struct user_namespace *owner = i || !fresh ? ns->ns.owner : current_user_ns();

		if (args->set_tid[i] < 1 || args->set_tid[i] >= sysctl_pid_max)
			return -EINVAL;
		if (!i && fresh && args->set_tid[i] != 1)
			return -EINVAL;
		if (!(fresh && !i && (a->flags & CLONE_NEWUSER)) &&
			!ns_capable(owner, CAP_SYS_ADMIN) &&
			!ns_capable(owner, CAP_CHECKPOINT_RESTORE))
			return -EPERM;
		if (i || !fresh)
			ns = ns->parent;
	}
	return 0;
}

/* Returns the control group for the child, with a reference, or ERR_PTR. */
static struct cgroup *clone_cgroup(const struct clone_args *a)
{
	struct cgroup *c;
	bool may = false;

	if (a->cgroup > INT32_MAX)
		return ERR_PTR(-EINVAL);
	c = cgroup_of_fd((int)a->cgroup, &may);
	if (IS_ERR(c) || may)
		return c;
	cgroup_put(c);
	return ERR_PTR(-EACCES);
}

long sys_clone3(uaddr_t uargs, size_t size)
{
	struct clone_args_k args = { 0 };
	struct clone_args a;
	pid_t nr;
	int err;

	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	err = copy_struct_from_user(&a, sizeof(a), uargs, size);
	if (!err)
		err = check_clone_args(&a);
	if (err)
		return err;
	if (a.set_tid) {
		err = read_set_tid(&args, &a);
		if (err)
			return err;
	}
	if (a.flags & CLONE_INTO_CGROUP) {
		args.cgroup = clone_cgroup(&a);
		if (IS_ERR(args.cgroup))
			return PTR_ERR(args.cgroup);
	}
	args.flags = a.flags;
	args.pidfd = UADDR(a.pidfd);
	args.child_tid = UADDR(a.child_tid);
	args.parent_tid = UADDR(a.parent_tid);
	args.exit_signal = (int)a.exit_signal;
	args.stack = a.stack + a.stack_size;
	args.tls = a.tls;
	nr = kernel_clone(&args);
	cgroup_put(args.cgroup);
	return nr;
}
