/* SPDX-License-Identifier: MIT */
/*
 * seccomp.c: strict mode and filters: classic BPF programs over struct seccomp_data (seccomp(2)).
 *
 * A task has a chain of filters, the newest first, shared with the children that it forks. Every
 * filter of the chain runs on every call; the result with the highest precedence counts. The
 * reference to a chain is held on its newest filter. A task drops its chain when it exits, not when
 * it is reaped, so that a listener learns early that no task has the filter any more.
 *
 * Invariant: an installed program has been checked. Jumps go forward and stay inside the program,
 * loads read aligned words of the data, indices of scratch memory are below 16, and the last
 * instruction returns. So run_filter() needs no checks except for division by zero.
 *
 * At most one filter of a chain has a listener, which decides calls for it (seccomp_notify.c).
 *
 * Locks: sighand->lock where a chain is replaced; programs are immutable.
 */
#include <linux/audit.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>

#include "gen/syscalls.h"
#include "kernel/lib/bpf.h"
#include "kernel/lib/string.h"
#include "kernel/lib/sysctl.h"
#include "kernel/task/internal.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/seccomp/seccomp.h"
#include "kernel/vfs/vfs.h"

#define MAX_INSNS_PER_PATH 32768

struct seccomp_filter {
	atomic_t usage;
	struct seccomp_filter *prev;
	/*
	 * len: number of instructions of this filter. total: of the whole chain, with a penalty for
	 * each filter.
	 */
	u32 len, total;
	bool log;
	/* The queue for SECCOMP_FILTER_FLAG_NEW_LISTENER, or NULL. */
	struct notify_queue *notify;
	struct sock_filter insn[];
};

/* Drops a reference to a chain of filters; @f may be NULL. Does not sleep. */
static void filter_put(struct seccomp_filter *f)
{
	while (f && atomic_dec_and_test(&f->usage)) {
		struct seccomp_filter *prev = f->prev;

		if (f->notify)
			notify_orphan(f->notify);
		kfree(f);
		f = prev;
	}
}

int seccomp_mode(const struct task *t)
{
	return t->seccomp_mode;
}

u32 seccomp_filters(const struct task *t)
{
	return READ_ONCE(t->seccomp_count);
}

void seccomp_fork(struct task *child)
{
	child->no_new_privs = current->no_new_privs;
	child->seccomp_mode = current->seccomp_mode;
	child->seccomp = current->seccomp;
	child->seccomp_count = current->seccomp_count;
	if (child->seccomp)
		atomic_inc(&child->seccomp->usage);
	if (child->seccomp_mode)
		set_bit(TIF_SECCOMP, &child->work_flags);
}

void seccomp_exit(struct task *t)
{
	struct seccomp_filter *f;

	spin_lock(&t->sighand->lock);
	f = t->seccomp;
	t->seccomp = NULL;
	spin_unlock(&t->sighand->lock);
	filter_put(f);
}

void seccomp_free(struct task *t)
{
	filter_put(t->seccomp);
	t->seccomp = NULL;
}

/* ---- checking a program ---- */

/*
 * True if seccomp allows the instruction, by rules beyond those of classic BPF: it may load only
 * words of the data, and may not compute a modulus.
 */
static bool may_use(const struct sock_filter *f)
{
	switch (f->code) {
	case BPF_LD | BPF_W | BPF_ABS: return !(f->k & 3) && f->k < sizeof(struct seccomp_data);
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM: return true;
	}
	return BPF_CLASS(f->code) > BPF_LDX &&
	       !(BPF_CLASS(f->code) == BPF_ALU && BPF_OP(f->code) == BPF_MOD);
}

static int check_program(const struct seccomp_filter *f)
{
	for (u32 pc = 0; pc < f->len; pc++)
		if (!may_use(&f->insn[pc]))
			return -EINVAL;
	return bpf_check(f->insn, f->len);
}

/* ---- running it ---- */

struct call_input {
	struct bpf_input in;
	const u32 *data;
};

static bool load_word(const struct bpf_input *in, const struct sock_filter *i, u32 x, u32 *a)
{
	*a = container_of(in, const struct call_input, in)->data[i->k / 4];
	return true;
}

/*
 * Runs a filter and returns its result. A division by zero ends it with 0, SECCOMP_RET_KILL_THREAD.
 */
static u32 run_filter(const struct seccomp_filter *f, const struct seccomp_data *sd)
{
	struct call_input c = { { sizeof(*sd), load_word }, (const u32 *)sd };

	return bpf_run(f->insn, &c.in);
}

/* ---- deciding a call ---- */

static void fill_data(struct seccomp_data *sd)
{
	const struct regs *r = task_regs(current);

	*sd = (struct seccomp_data){
		.nr = (int)r->orig_rax,
		.arch = AUDIT_ARCH_X86_64,
		.instruction_pointer = r->rip,
		.args = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 },
	};
}

/*
 * Runs all filters and returns the action that counts: the lower as a signed number, the higher its
 * precedence. Sets *match to the filter that returned it.
 */
static u32 run_chain(const struct seccomp_data *sd, struct seccomp_filter **match)
{
	u32 result = SECCOMP_RET_ALLOW;

	for (struct seccomp_filter *f = current->seccomp; f; f = f->prev) {
		u32 r = run_filter(f, sd);

		if ((s32)(r & SECCOMP_RET_ACTION_FULL) < (s32)(result & SECCOMP_RET_ACTION_FULL)) {
			result = r;
			*match = f;
		}
	}
	return result;
}

static void sigsys_info(siginfo_t *info, u32 data)
{
	const struct regs *r = task_regs(current);

	memset(info, 0, sizeof(*info));
	info->si_signo = SIGSYS;
	info->si_code = SYS_SECCOMP;
	info->si_errno = (int)data;
	info->si_call_addr = (void *)r->rip;
	info->si_arch = AUDIT_ARCH_X86_64;
	info->si_syscall = (int)r->orig_rax;
}

/*
 * Ends current, or with @process its process with a core dump, because of a filter. @data:
 * SECCOMP_RET_DATA of the filter's result. Does not return.
 */
static void kill_now(bool process, u32 data)
{
	siginfo_t info;

	pr_notice("%s[%d]: killed by its seccomp filter at call %lld\n", current->comm,
		current->pid, (long long)task_regs(current)->orig_rax);
	if (!process)
		do_exit(SIGSYS);
	sigsys_info(&info, data);
	/* The number of the call, for the core dump. */
	task_regs(current)->rax = task_regs(current)->orig_rax;
	current->flags |= PF_SIGNALED;
	coredump(&info);
	do_group_exit(SIGSYS);
}

static void send_sigsys(u32 data)
{
	siginfo_t info;

	sigsys_info(&info, data);
	force_sig_info(&info);
}

/*
 * Lets the tracer decide the call. Sleeps. Returns true if the call may proceed; otherwise rax has
 * its result.
 */
static bool ask_tracer(u32 data)
{
	struct regs *r = task_regs(current);

	if (!ptrace_event_enabled(current, PTRACE_EVENT_SECCOMP)) {
		r->rax = (u64)-ENOSYS;
		return false;
	}
	ptrace_event(PTRACE_EVENT_SECCOMP, data);
	return !fatal_signal_pending(current) && (s64)r->orig_rax >= 0;
}

/* Returns true if strict mode permits the system call. Else does not return: current ends. */
static bool check_strict(void)
{
	switch (task_regs(current)->orig_rax) {
	case 0:  /* read */
	case 1:  /* write */
	case 60: /* exit */
	case 15: /* rt_sigreturn */ return true;
	}
	do_exit(SIGKILL);
}

/*
 * Lets the listener decide the call. Returns true if the call may proceed. The listener may answer
 * with an error that restarts the call. As on Linux, that works only while a signal is pending;
 * otherwise the program gets the error number itself.
 */
static bool ask_listener(struct notify_queue *q, const struct seccomp_data *sd)
{
	struct regs *r = task_regs(current);
	bool go = notify_call(q, sd, &r->rax);

	if (!go && !signal_pending(current) && r->rax + ERESTART_RESTARTBLOCK < 8)
		r->orig_rax = -1UL;
	return go;
}

/*
 * Runs the filters on a call. Returns true if the call may proceed. An unknown action kills the
 * process. @again: a tracer (SECCOMP_RET_TRACE) may have changed the call, which is now filtered a
 * second time, and a second SECCOMP_RET_TRACE lets it proceed.
 */
static bool check_filters(bool again)
{
	struct regs *r = task_regs(current);
	struct seccomp_filter *match = NULL;
	struct seccomp_data sd;
	u32 result, data;

	fill_data(&sd);
	result = run_chain(&sd, &match);
	data = result & SECCOMP_RET_DATA;
	switch (result & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG: return true;
	case SECCOMP_RET_ERRNO: r->rax = (u64) - (s64)min(data, (u32)MAX_ERRNO); return false;
	case SECCOMP_RET_TRACE: return again || (ask_tracer(data) && check_filters(true));
	case SECCOMP_RET_TRAP:
		r->rax = r->orig_rax; /* as before the call began */
		send_sigsys(data);
		return false;
	case SECCOMP_RET_USER_NOTIF: return ask_listener(match->notify, &sd);
	case SECCOMP_RET_KILL_THREAD: kill_now(atomic_read(&current->signal->live) == 1, data);
	}
	kill_now(true, data);
	return false;
}

bool seccomp_check(void)
{
	if (current->seccomp_mode == SECCOMP_MODE_STRICT)
		return check_strict();
	return check_filters(false);
}

/* ---- installing ---- */

/*
 * Reads a filter from guest memory and checks it. Returns it with one reference, or ERR_PTR. May
 * sleep.
 */
static struct seccomp_filter *read_filter(uaddr_t uprog)
{
	struct {
		u16 len;
		u8 pad[6];
		u64 filter;
	} prog;
	struct seccomp_filter *f;
	size_t bytes;
	int err;

	if (copy_from_user(&prog, uprog, sizeof(prog)))
		return ERR_PTR(-EFAULT);
	if (!prog.len || prog.len > BPF_MAXINSNS)
		return ERR_PTR(-EINVAL);
	if (!current->no_new_privs && !ns_capable(current_user_ns(), CAP_SYS_ADMIN))
		return ERR_PTR(-EACCES);
	bytes = prog.len * sizeof(struct sock_filter);
	f = kmalloc(sizeof(*f) + bytes, GFP_KERNEL | __GFP_ACCOUNT);
	if (!f)
		return ERR_PTR(-ENOMEM);
	memset(f, 0, sizeof(*f));
	atomic_set(&f->usage, 1);
	f->len = prog.len;
	err = copy_from_user(f->insn, UADDR(prog.filter), bytes) ? -EFAULT : check_program(f);
	if (!err)
		return f;
	kfree(f);
	return ERR_PTR(err);
}

static void set_mode(struct task *t, int mode)
{
	t->seccomp_mode = mode;
	set_bit(TIF_SECCOMP, &t->work_flags);
}

/*
 * Checks whether all threads can take over current's chain, which requires that each thread's chain
 * is a part of it. Returns 0, or the pid of a thread whose chain is not a part of it.
 */
static pid_t first_unsyncable(void)
{
	struct task *t;

	for_each_thread(current->signal, t) {
		struct seccomp_filter *f = current->seccomp;

		if (t == current || (t->flags & PF_EXITING) ||
			t->seccomp_mode == SECCOMP_MODE_DISABLED)
			continue;
		while (f && f != t->seccomp)
			f = f->prev;
		if (t->seccomp_mode == SECCOMP_MODE_STRICT || (t->seccomp && !f))
			return task_pid_vnr(t);
	}
	return 0;
}

/* Gives current's filters to the other threads. sighand->lock is held. */
static void sync_threads(void)
{
	struct task *t;

	for_each_thread(current->signal, t) {
		struct seccomp_filter *old = t->seccomp;

		if (t == current || (t->flags & PF_EXITING))
			continue;
		atomic_inc(&current->seccomp->usage);
		t->seccomp = current->seccomp;
		t->seccomp_count = current->seccomp_count;
		filter_put(old);
		t->no_new_privs |= current->no_new_privs;
		set_mode(t, SECCOMP_MODE_FILTER);
	}
	arch_answers_revoke();
}

static bool has_listener(const struct seccomp_filter *f)
{
	while (f && !f->notify)
		f = f->prev;
	return f;
}

/*
 * Installs a filter. Returns 0 or -errno, or the pid of a thread that prevents TSYNC. Current's
 * chain is read under the lock, since TSYNC by another thread changes it too.
 */
static long install(struct seccomp_filter *f, u32 flags)
{
	struct seccomp_filter *prev;
	pid_t unsyncable = 0;
	long err = 0;

	spin_lock(&current->sighand->lock);
	prev = current->seccomp;
	f->total = f->len + 4 + (prev ? prev->total : 0);
	if (flags & SECCOMP_FILTER_FLAG_TSYNC)
		unsyncable = first_unsyncable();
	if (f->notify && has_listener(prev)) {
		err = -EBUSY;
	} else if (f->total > MAX_INSNS_PER_PATH) {
		err = -ENOMEM;
	} else if (current->seccomp_mode == SECCOMP_MODE_STRICT) {
		err = -EINVAL;
	} else if (unsyncable) {
		err = (flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH) ? -ESRCH : unsyncable;
	} else {
		f->prev = prev;
		current->seccomp = f;
		current->seccomp_count++;
		set_mode(current, SECCOMP_MODE_FILTER);
		if (flags & SECCOMP_FILTER_FLAG_TSYNC)
			sync_threads();
	}
	spin_unlock(&current->sighand->lock);
	return err;
}

/* Installs @f with a listener. Returns the listener's descriptor, or -errno. */
static long install_with_listener(struct seccomp_filter *f, u32 flags)
{
	struct file *file;
	long err, fd;

	f->notify = notify_alloc(flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	if (!f->notify)
		return -ENOMEM;
	fd = get_unused_fd(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = notify_file(f->notify);
	err = IS_ERR(file) ? PTR_ERR(file) : 0;
	if (err)
		goto err_put_fd;
	err = install(f, flags);
	if (err)
		goto err_put_file;
	fd_install((int)fd, file);
	return fd;
err_put_file:
	fput(file);
err_put_fd:
	put_unused_fd((int)fd);
	return err;
}

#define FILTER_FLAGS                                                                               \
	(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |    \
		SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC_ESRCH |               \
		SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)

/*
 * True if the flags can be combined. With a listener and TSYNC the result could be a descriptor or
 * the pid of a thread, so these two need a further flag.
 */
static bool flags_fit(u32 flags)
{
	bool listener = flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;

	if (flags & ~(u32)FILTER_FLAGS)
		return false;
	if (listener && (flags & SECCOMP_FILTER_FLAG_TSYNC) &&
		!(flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH))
		return false;
	return listener || !(flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
}

/*
 * Serves SECCOMP_SET_MODE_FILTER. May sleep. Returns 0, the listener's descriptor, the pid of a
 * thread that cannot follow, or -errno.
 */
static long set_filter(u32 flags, uaddr_t uprog)
{
	bool listener = flags & SECCOMP_FILTER_FLAG_NEW_LISTENER,
	     sync = flags & SECCOMP_FILTER_FLAG_TSYNC;
	struct seccomp_filter *f;
	long ret;

	if (!flags_fit(flags))
		return -EINVAL;
	f = read_filter(uprog);
	if (IS_ERR(f))
		return PTR_ERR(f);
	/*
	 * A thread in the middle of an exec has checked no_new_privs already. It must not get a
	 * filter that would apply to a program with more privileges.
	 */
	if (sync && mutex_lock_killable(&current->signal->cred_guard_mutex)) {
		filter_put(f);
		return -ERESTARTNOINTR;
	}
	f->log = flags & SECCOMP_FILTER_FLAG_LOG;
	ret = listener ? install_with_listener(f, flags) : install(f, flags);
	if (sync)
		mutex_unlock(&current->signal->cred_guard_mutex);
	if (ret < 0 || (ret && !listener))
		filter_put(f); /* not installed, so it has no @prev */
	return ret;
}

/*
 * Sets strict mode. Returns 0, or -EINVAL in filter mode. TSYNC by another thread sets that mode
 * under the lock.
 */
static long set_strict(void)
{
	long err = -EINVAL;

	spin_lock(&current->sighand->lock);
	if (current->seccomp_mode != SECCOMP_MODE_FILTER) {
		set_mode(current, SECCOMP_MODE_STRICT);
		err = 0;
	}
	spin_unlock(&current->sighand->lock);
	return err;
}

/* Checks whether an action exists. Returns 0, -EFAULT, or -EOPNOTSUPP for an unknown action. */
static long action_available(uaddr_t uaction)
{
	u32 action;

	if (get_user(action, uaction))
		return -EFAULT;
	switch (action) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_USER_NOTIF:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ALLOW: return 0;
	}
	return -EOPNOTSUPP;
}

static long notif_sizes(uaddr_t to)
{
	struct seccomp_notif_sizes sizes = { sizeof(struct seccomp_notif),
		sizeof(struct seccomp_notif_resp), sizeof(struct seccomp_data) };

	return copy_to_user(to, &sizes, sizeof(sizes)) ? -EFAULT : 0;
}

long prctl_set_seccomp(u64 mode, uaddr_t filter)
{
	if (mode == SECCOMP_MODE_STRICT)
		return set_strict();
	return mode == SECCOMP_MODE_FILTER ? set_filter(0, filter) : -EINVAL;
}

/* ---- requests of tracers ---- */

static bool may_see_filters(void)
{
	return capable(CAP_SYS_ADMIN) && current->seccomp_mode == SECCOMP_MODE_DISABLED;
}

/* Returns filter number @off of @t's chain, where 0 is the oldest, with a reference, or ERR_PTR. */
static struct seccomp_filter *get_filter(struct task *t, u64 off)
{
	struct seccomp_filter *f = ERR_PTR(-EINVAL);
	struct sighand_struct *sh;
	u64 n;

	sh = lock_task_sighand(t);
	if (!sh)
		return f;
	if (t->seccomp_mode == SECCOMP_MODE_FILTER) {
		/* An exiting task has dropped its filters. */
		n = t->seccomp ? t->seccomp_count : 0;
		f = off < n ? t->seccomp : ERR_PTR(-ENOENT);
		for (; off + 1 < n; n--)
			f = f->prev;
		if (!IS_ERR(f))
			atomic_inc(&f->usage);
	}
	unlock_task_sighand(sh);
	return f;
}

long seccomp_copy_filter(struct task *t, u64 off, uaddr_t to)
{
	struct seccomp_filter *f = may_see_filters() ? get_filter(t, off) : ERR_PTR(-EACCES);
	long ret;

	if (IS_ERR(f))
		return PTR_ERR(f);
	ret = f->len;
	if (to.v && copy_to_user(to, f->insn, f->len * sizeof(struct sock_filter)))
		ret = -EFAULT;
	filter_put(f);
	return ret;
}

long seccomp_copy_metadata(struct task *t, u64 size, uaddr_t to)
{
	struct {
		u64 off, flags;
	} md;
	struct seccomp_filter *f;

	if (!may_see_filters())
		return -EACCES;
	size = min(size, sizeof(md));
	if (size < sizeof(md.off))
		return -EINVAL;
	if (get_user(md.off, to))
		return -EFAULT;
	f = get_filter(t, md.off);
	if (IS_ERR(f))
		return PTR_ERR(f);
	md.flags = f->log ? SECCOMP_FILTER_FLAG_LOG : 0;
	filter_put(f);
	return copy_to_user(to, &md, size) ? -EFAULT : (long)size;
}

long sys_seccomp(u32 op, int flags, uaddr_t args)
{
	switch (op) {
	case SECCOMP_SET_MODE_STRICT: return flags || args.v ? -EINVAL : set_strict();
	case SECCOMP_SET_MODE_FILTER: return set_filter((u32)flags, args);
	case SECCOMP_GET_ACTION_AVAIL: return flags ? -EINVAL : action_available(args);
	case SECCOMP_GET_NOTIF_SIZES: return flags ? -EINVAL : notif_sizes(args);
	}
	return -EINVAL;
}

/* ---- /proc/sys/kernel/seccomp ---- */

static int show_actions(char *buf, size_t size)
{
	return scnprintf(
		buf, size, "kill_process kill_thread trap errno user_notif trace log allow\n");
}

static const struct sysctl seccomp_sysctls[] = {
	{ .path = "kernel/seccomp/actions_avail",
		.kind = SYSCTL_WORDS,
		.mode = 0444,
		.show = show_actions },
};

static int seccomp_sysctl_init(void)
{
	return sysctl_register(seccomp_sysctls, ARRAY_SIZE(seccomp_sysctls));
}
INITCALL(4, seccomp_sysctl_init);
