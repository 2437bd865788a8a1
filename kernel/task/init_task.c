/* SPDX-License-Identifier: MIT */
/*
 * init_task.c: the first tasks, kernel threads, and how every task is set up and freed.
 *
 * - Idle tasks (pid 0) share static credentials and signal state.
 * - A kernel thread is a process of its own, a child of the first kernel thread (kthreadd, process
 *   2). No parent waits for it: it reaps itself.
 * - Process 1 begins as a kernel function with files of its own and enters guest code once
 *   kernel_execve() has succeeded.
 *
 * Life of a task: task_alloc() makes it with a reference for the scheduler. task_init_common() sets
 * it up. Fork links it with a second reference, which release_task() drops. The last reference
 * calls task_free().
 */
#include "kernel/cgroup/cgroup.h"
#include "kernel/task/internal.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/seccomp/seccomp.h"
#include "kernel/vfs/vfs.h"

struct task *init_process;
/* The first kernel thread, which never ends. Set before there is a second one. */
static struct task *kthreadd;

static struct sighand_struct init_sighand = {
	.count = ATOMIC_INIT(1),
	.lock = SPINLOCK_INIT(init_sighand.lock),
	.signalfd_wqh = WAIT_QUEUE_HEAD_INIT(init_sighand.signalfd_wqh),
};
static struct signal_struct init_signals = {
	.sigcnt = ATOMIC_INIT(1),
	.live = ATOMIC_INIT(1),
	.threads = LIST_HEAD_INIT(init_signals.threads),
	.shared_pending.list = LIST_HEAD_INIT(init_signals.shared_pending.list),
	.posix_timers = LIST_HEAD_INIT(init_signals.posix_timers),
	.wait_chldexit = WAIT_QUEUE_HEAD_INIT(init_signals.wait_chldexit),
	.cred_guard_mutex = MUTEX_INIT(init_signals.cred_guard_mutex),
	.exec_update_mutex = MUTEX_INIT(init_signals.exec_update_mutex),
};
/* The group and session of all processes that have joined no other: number 0, as on Linux. */
static struct pid pid_zero = {
	.count = ATOMIC_INIT(1),
	.tasks = { LIST_HEAD_INIT(pid_zero.tasks[0]), LIST_HEAD_INIT(pid_zero.tasks[1]),
		LIST_HEAD_INIT(pid_zero.tasks[2]), LIST_HEAD_INIT(pid_zero.tasks[3]) },
	.wait_pidfd = WAIT_QUEUE_HEAD_INIT(pid_zero.wait_pidfd),
};
static struct sigpending idle_pending = { .list = LIST_HEAD_INIT(idle_pending.list) };

static void init_links(struct task *t)
{
	INIT_LIST_HEAD(&t->children);
	INIT_LIST_HEAD(&t->sibling);
	INIT_LIST_HEAD(&t->tasks);
	INIT_LIST_HEAD(&t->thread_node);
	INIT_LIST_HEAD(&t->ptraced);
	INIT_LIST_HEAD(&t->ptrace_entry);
	INIT_LIST_HEAD(&t->cg_list);
	for (int i = 0; i < PIDTYPE_MAX; i++)
		INIT_LIST_HEAD(&t->pid_links[i]);
	spin_lock_init(&t->alloc_lock);
}

static void init_idle(struct task *t)
{
	init_links(t);
	t->cred = &init_cred;
	t->nsproxy = &init_nsproxy;
	t->signal = &init_signals;
	t->sighand = &init_sighand;
	t->pending = &idle_pending;
	t->group_leader = t->real_parent = t->parent = t;
	t->flags |= PF_KTHREAD | PF_IDLE;
	t->syscall_nr = ~0UL;
	if (!t->comm[0])
		strscpy(t->comm, "swapper", sizeof(t->comm));
}

/*
 * Sets the limits of process 1 and of the kernel's own processes, some by the number of page
 * frames. A fork then replaces them by the parent's.
 */
static void rlimits_init(struct signal_struct *sig)
{
	static const struct {
		int which;
		u64 cur, max;
	} given[] = {
		{ RLIMIT_STACK, 8 << 20, RLIM64_INFINITY },
		{ RLIMIT_CORE, 0, RLIM64_INFINITY },
		{ RLIMIT_NOFILE, 1024, 4096 },
		{ RLIMIT_MEMLOCK, 8 << 20, 8 << 20 },
		{ RLIMIT_MSGQUEUE, 819200, 819200 },
		{ RLIMIT_NICE, 0, 0 },
		{ RLIMIT_RTPRIO, 0, 0 },
	};
	u64 tasks = nr_managed_frames() / 16 > 1024 ? nr_managed_frames() / 16 : 1024;

	for (int i = 0; i < RLIM_NLIMITS; i++)
		sig->rlim[i].cur = sig->rlim[i].max = RLIM64_INFINITY;
	for (u32 i = 0; i < ARRAY_SIZE(given); i++) {
		sig->rlim[given[i].which].cur = given[i].cur;
		sig->rlim[given[i].which].max = given[i].max;
	}
	sig->rlim[RLIMIT_NPROC].cur = sig->rlim[RLIMIT_NPROC].max = tasks / 2;
	sig->rlim[RLIMIT_SIGPENDING] = sig->rlim[RLIMIT_NPROC];
}

struct signal_struct *signal_alloc(void)
{
	struct signal_struct *sig = kzalloc(sizeof(*sig), GFP_KERNEL);

	if (!sig)
		return NULL;
	atomic_set(&sig->sigcnt, 1);
	atomic_set(&sig->live, 1);
	INIT_LIST_HEAD(&sig->threads);
	INIT_LIST_HEAD(&sig->shared_pending.list);
	INIT_LIST_HEAD(&sig->posix_timers);
	init_waitqueue_head(&sig->wait_chldexit);
	mutex_init(&sig->cred_guard_mutex);
	mutex_init(&sig->exec_update_mutex);
	rlimits_init(sig);
	process_timer_ops.init(sig);
	return sig;
}

static void signal_free_rcu(struct rcu_head *h)
{
	kfree(container_of(h, struct signal_struct, rcu));
}

void signal_put(struct signal_struct *sig)
{
	if (!sig || !atomic_dec_and_test(&sig->sigcnt))
		return;
	keys_exit_signal(sig);
	autogroup_put(sig->autogroup);
	call_rcu(&sig->rcu, signal_free_rcu);
}

struct sighand_struct *sighand_alloc(void)
{
	struct sighand_struct *sh = kzalloc(sizeof(*sh), GFP_KERNEL);

	if (!sh)
		return NULL;
	atomic_set(&sh->count, 1);
	spin_lock_init(&sh->lock);
	init_waitqueue_head(&sh->signalfd_wqh);
	return sh;
}

static void sighand_free_rcu(struct rcu_head *h)
{
	kfree(container_of(h, struct sighand_struct, rcu));
}

void sighand_put(struct sighand_struct *sh)
{
	if (sh && atomic_dec_and_test(&sh->count)) {
		wake_up_common(&sh->signalfd_wqh, TASK_NORMAL, 0, WAKE_QUEUE_GONE);
		call_rcu(&sh->rcu, sighand_free_rcu);
	}
}

void task_init_common(struct task *t)
{
	init_links(t);
	t->start_time = ktime_get();
	t->start_boottime = ktime_get_boottime();
	t->syscall_nr = ~0UL;
	t->timer_slack_ns = 50000;
	t->default_timer_slack_ns = 50000;
	t->loginuid = t->sessionid = (u32)-1;
}

struct sigpending *pending_alloc(void)
{
	struct sigpending *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (p)
		INIT_LIST_HEAD(&p->list);
	return p;
}

/*
 * Sets up a process of the kernel's own with the pid @want (0: any), without linking it. Returns 0
 * or -errno. After -errno the caller puts @t->sighand, and task_free() frees the rest.
 */
static int init_kernel_process(struct task *t, pid_t want)
{
	struct pid *pid;

	task_init_common(t);
	t->cred = get_cred(&init_cred);
	t->nsproxy = &init_nsproxy;
	atomic_inc(&init_nsproxy.count);
	t->signal = signal_alloc();
	t->sighand = sighand_alloc();
	t->pending = pending_alloc();
	if (!t->signal || !t->sighand || !t->pending)
		return -ENOMEM;
	pid = alloc_pid(&init_pid_ns, &want, 1);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	t->pid = t->tgid = pid->nr;
	t->thread_pid = pid;
	t->group_leader = t;
	t->exit_signal = SIGCHLD;
	t->real_parent = t->parent = &init_task_storage;
	t->signal->nr_threads = 1;
	atomic_inc(&t->cred->user->processes);
	return 0;
}

/*
 * Adds the kernel thread @t to the lists of processes. Takes tasklist_lock, and a reference to @t.
 */
static void link_kernel_process(struct task *t)
{
	get_task(t); /* release_task() drops it */
	write_lock(&tasklist_lock);
	list_add_tail(&t->tasks, &all_processes);
	list_add_tail(&t->thread_node, &t->signal->threads);
	list_add_tail(&t->sibling, &t->real_parent->children);
	attach_pid(t, PIDTYPE_PID, t->thread_pid);
	attach_pid(t, PIDTYPE_TGID, t->thread_pid);
	attach_pid(t, PIDTYPE_PGID, &pid_zero);
	attach_pid(t, PIDTYPE_SID, &pid_zero);
	nr_threads++;
	write_unlock(&tasklist_lock);
	cgroup_kthread(t);
}

/* The fs_struct of the first kernel thread; set once, before process 1 runs. */
static struct fs_struct *kernel_fs;

/*
 * Sets up a kernel thread, with the fs_struct of the first kernel thread and no files. The files of
 * the process that happens to make the thread (for a mount's journal, a loop device, a worker)
 * would stay open after that process ends: a reader of a pipe would never see its end.
 */
static int init_kthread(struct task *t)
{
	struct fs_struct *fs = current->flags & PF_KTHREAD ? current->fs : kernel_fs;
	int err = init_kernel_process(t, 0);

	if (err) {
		sighand_put(t->sighand);
		t->sighand = NULL;
		return err;
	}
	t->flags |= PF_KTHREAD;
	t->blocked = ~0UL;
	if (kthreadd)
		t->real_parent = t->parent = kthreadd;
	else
		kthreadd = t;
	if (fs) {
		t->fs = fs;
		atomic_inc(&fs->users);
	}
	link_kernel_process(t);
	return 0;
}

static void __noreturn kthread_exit(int code)
{
	do_exit((code & 0xff) << 8);
}

static void task_free(struct task *t)
{
	if (t->cred)
		exit_creds(t);
	cgroup_free(t);
	keys_exit_task(t);
	signal_put(t->signal);
	seccomp_free(t);
	hw_debug_free(t);
	kfree(t->pending);
}

const struct task_hooks task_hooks = {
	.init_idle = init_idle,
	.init_kthread = init_kthread,
	.kthread_exit = kthread_exit,
	.free = task_free,
};

/* Runs the function of process 1 on its own kernel stack. */
static void init_entry(void *arg)
{
	int (*fn)(void *) = (int (*)(void *))arg;
	int err = fn(NULL);

	if (err)
		panic("process 1 could not start: error %d", err);
	arch_entry.return_to_user();
}

struct task *kernel_spawn_init(int (*fn)(void *))
{
	struct task *t = task_alloc();

	if (!t)
		return NULL;
	sched_fork(t);
	if (init_kernel_process(t, 1))
		goto err_put;
	t->fs = fs_dup(current->fs);
	if (IS_ERR_OR_NULL(t->fs))
		goto err_fs;
	t->files = files_alloc();
	if (!t->files)
		goto err_files;
	kernel_fs = current->fs;
	atomic_inc(&kernel_fs->users);
	strscpy(t->comm, "init", sizeof(t->comm));
	t->signal->flags |= SIGNAL_UNKILLABLE;
	link_kernel_process(t);
	init_process = t;
	init_pid_ns.child_reaper = t;
	arch_task_start(t, init_entry, (void *)fn);
	wake_up_new_task(t);
	return t;

err_files:
	fs_put(t->fs);
err_fs:
	t->fs = NULL;
	atomic_dec(&t->cred->user->processes);
	free_pid(t->thread_pid);
err_put:
	sighand_put(t->sighand);
	put_task(t);
	return NULL;
}

struct helper_start {
	int (*fn)(void *);
	void *arg;
};

static void helper_entry(void *arg)
{
	struct helper_start start = *(struct helper_start *)arg;

	kfree(arg);
	if (start.fn(start.arg))
		do_exit(127 << 8);
	arch_entry.return_to_user();
}

/*
 * Returns a copy of process 1's fs_struct for a helper, with its root directory but with a new
 * working directory and umask.
 */
static struct fs_struct *helper_fs(void)
{
	struct fs_struct *of, *fs = NULL;

	spin_lock(&init_process->alloc_lock);
	of = init_process->fs;
	if (of)
		atomic_inc(&of->users);
	spin_unlock(&init_process->alloc_lock);
	if (of)
		fs = fs_dup(of);
	fs_put(of);
	if (!fs)
		return NULL;
	fs->umask = 022;
	path_put(&fs->pwd);
	fs->pwd = fs->root;
	path_get(&fs->pwd);
	return fs;
}

int kernel_spawn_helper(int (*fn)(void *), void *arg)
{
	struct helper_start *start = kmalloc(sizeof(*start), GFP_KERNEL);
	struct task *t = task_alloc();
	int err = -ENOMEM;

	if (!t || !start)
		goto err_free;
	*start = (struct helper_start){ fn, arg };
	sched_fork(t);
	err = init_kernel_process(t, 0);
	if (err)
		goto err_free;
	err = -ENOMEM;
	t->fs = helper_fs();
	t->files = files_alloc();
	if (!t->fs || !t->files)
		goto err_parts;
	strscpy(t->comm, "helper", sizeof(t->comm));
	link_kernel_process(t);
	arch_task_start(t, helper_entry, start);
	wake_up_new_task(t);
	return 0;

err_parts:
	if (t->files)
		files_put(t->files);
	if (t->fs)
		fs_put(t->fs);
	t->files = NULL;
	t->fs = NULL;
	atomic_dec(&t->cred->user->processes);
	free_pid(t->thread_pid);
err_free:
	if (t) {
		sighand_put(t->sighand);
		t->sighand = NULL;
		put_task(t);
	}
	kfree(start);
	return err;
}
