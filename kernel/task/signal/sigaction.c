/* SPDX-License-Identifier: MIT */
/*
 * sigaction.c: the calls by which a process controls its signals: actions, masks, alternate stacks,
 * waiting.
 *
 * Locks: sighand->lock for actions and queues; only the thread itself changes its mask and
 * alternate stack.
 *
 * Masks are 8 bytes; any other sigsetsize is EINVAL, as on Linux.
 */
#include <linux/time_types.h>

#include "gen/syscalls.h"
#include "kernel/task/internal.h"

#define KNOWN_SA_FLAGS                                                                             \
	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER |         \
		SA_RESETHAND | SA_EXPOSE_TAGBITS | 0x04000000UL)

static bool ignores(int sig, u64 handler)
{
	return handler == 1 || (!handler && SIG_KERNEL_IGNORE & sigmask_of(sig));
}

/*
 * Drops pending signals @sig if the new action ignores them, as POSIX demands. sighand->lock is
 * held.
 */
static void drop_if_ignored(int sig)
{
	struct task *t;

	if (!ignores(sig, current->sighand->action[sig - 1].handler))
		return;
	flush_sigqueue_mask(sigmask_of(sig), &current->signal->shared_pending);
	for_each_thread(current->signal, t)
		flush_sigqueue_mask(sigmask_of(sig), t->pending);
}

long sys_rt_sigaction(int sig, uaddr_t act, uaddr_t oldact, size_t sigsetsize)
{
	struct ksigaction new, old;
	struct ksigaction *ka;

	if (sigsetsize != sizeof(u64))
		return -EINVAL;
	if (act.v && copy_from_user(&new, act, sizeof(new)))
		return -EFAULT;
	if (!valid_signal(sig) || sig < 1 || (act.v && (sigmask_of(sig) & UNMASKABLE)))
		return -EINVAL;
	ka = &current->sighand->action[sig - 1];
	spin_lock(&current->sighand->lock);
	old = *ka;
	if (act.v) {
		new.flags &= KNOWN_SA_FLAGS;
		new.mask &= ~UNMASKABLE;
		*ka = new;
		drop_if_ignored(sig);
	}
	spin_unlock(&current->sighand->lock);
	if (act.v && ignores(sig, old.handler) && !ignores(sig, new.handler))
		process_timer_ops.wanted(sig);
	if (oldact.v && copy_to_user(oldact, &old, sizeof(old)))
		return -EFAULT;
	return 0;
}

long sys_rt_sigprocmask(int how, uaddr_t uset, uaddr_t oldset, size_t sigsetsize)
{
	u64 set, old = current->blocked;

	if (sigsetsize != sizeof(u64))
		return -EINVAL;
	if (uset.v) {
		if (get_user(set, uset))
			return -EFAULT;
		set &= ~UNMASKABLE;
		if (how == SIG_BLOCK)
			set |= old;
		else if (how == SIG_UNBLOCK)
			set = old & ~set;
		else if (how != SIG_SETMASK)
			return -EINVAL;
		set_current_blocked(set);
	}
	return oldset.v ? put_user(old, oldset) : 0;
}

long sys_rt_sigpending(uaddr_t uset, size_t sigsetsize)
{
	u64 set;

	if (sigsetsize > sizeof(u64))
		return -EINVAL;
	spin_lock(&current->sighand->lock);
	set = (current->pending->signal | current->signal->shared_pending.signal) &
	      current->blocked;
	spin_unlock(&current->sighand->lock);
	return copy_to_user(uset, &set, sigsetsize) ? -EFAULT : 0;
}

static void sleep_until_signal(void)
{
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (signal_pending(current))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

long sys_rt_sigsuspend(uaddr_t uset, size_t sigsetsize)
{
	u64 set;

	if (sigsetsize != sizeof(u64))
		return -EINVAL;
	if (get_user(set, uset))
		return -EFAULT;
	current->saved_sigmask = current->blocked;
	set_current_blocked(set);
	sleep_until_signal();
	set_bit(TIF_RESTORE_SIGMASK, &current->work_flags);
	return -ERESTARTNOHAND;
}

long sys_pause(void)
{
	sleep_until_signal();
	return -ERESTARTNOHAND;
}

/* ---- waiting for a signal without a handler ---- */

/* Dequeues one of the signals of @mask. Returns its number, or 0 if none is pending. */
static int take_signal(u64 mask, siginfo_t *info)
{
	int sig;

	spin_lock(&current->sighand->lock);
	sig = dequeue_signal_locked(current, ~mask, info);
	spin_unlock(&current->sighand->lock);
	if (sig)
		process_timer_ops.taken(info);
	return sig;
}

/*
 * Sleeps until @deadline with the signals of @mask unblocked. Returns a signal, which it dequeues,
 * or 0. Senders treat these signals as blocked, so that they are queued and have no other effect.
 */
static int wait_signal(u64 mask, siginfo_t *info, u64 deadline)
{
	int sig;

	spin_lock(&current->sighand->lock);
	current->real_blocked = current->blocked;
	current->blocked &= ~mask;
	recalc_sigpending();
	spin_unlock(&current->sighand->lock);

	set_current_state(TASK_INTERRUPTIBLE);
	if (!signal_pending(current))
		schedule_deadline(deadline);
	__set_current_state(TASK_RUNNING);

	spin_lock(&current->sighand->lock);
	/*
	 * Signals for which this thread was chosen, but which it does not take, go to other
	 * threads.
	 */
	set_blocked_locked(current->real_blocked);
	current->real_blocked = 0;
	sig = dequeue_signal_locked(current, ~mask, info);
	spin_unlock(&current->sighand->lock);
	if (sig)
		process_timer_ops.taken(info);
	return sig;
}

/*
 * Reads a relative timeout. *@deadline: in ns of ktime_get(), ~0 is never. Returns 0, -EFAULT or
 * -EINVAL.
 */
static int read_deadline(uaddr_t uts, u64 *deadline)
{
	struct __kernel_timespec ts;

	if (copy_from_user(&ts, uts, sizeof(ts)))
		return -EFAULT;
	if (ts.tv_sec < 0 || ts.tv_nsec < 0 || ts.tv_nsec >= 1000000000L)
		return -EINVAL;
	if (ts.tv_sec > 9000000000L)
		*deadline = ~0UL;
	else
		*deadline = ktime_get() + (u64)ts.tv_sec * 1000000000UL + (u64)ts.tv_nsec;
	return 0;
}

long sys_rt_sigtimedwait(uaddr_t uset, uaddr_t uinfo, uaddr_t uts, size_t sigsetsize)
{
	u64 deadline = ~0UL, mask;
	siginfo_t info;
	int sig, err;

	if (sigsetsize != sizeof(u64))
		return -EINVAL;
	if (get_user(mask, uset))
		return -EFAULT;
	if (uts.v) {
		err = read_deadline(uts, &deadline);
		if (err)
			return err;
	}
	mask &= ~UNMASKABLE;
	sig = take_signal(mask, &info);
	if (!sig && deadline > ktime_get()) {
		sig = wait_signal(mask, &info, deadline);
		if (!sig && deadline > ktime_get())
			return -EINTR;
	}
	if (!sig)
		return -EAGAIN;
	if (uinfo.v && copy_siginfo_to_user(uinfo, &info))
		return -EFAULT;
	return sig;
}

/* ---- alternate stacks ---- */

/*
 * Sets the alternate stack. Returns 0, -EPERM if current runs on the present one, -EINVAL, or
 * -ENOMEM if the new one is too small.
 */
static int set_altstack(const stack_t *ss)
{
	u32 flags = (u32)ss->ss_flags, mode = flags & ~(u32)SS_AUTODISARM;
	u64 sp = (u64)ss->ss_sp, size = ss->ss_size;

	if (on_sig_stack(task_regs(current)->rsp))
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE)
		sp = size = 0;
	else if (size < 2048) /* MINSIGSTKSZ */
		return -ENOMEM;
	current->sas_ss_sp = sp;
	current->sas_ss_size = size;
	current->sas_ss_flags = flags;
	return 0;
}

long sys_sigaltstack(uaddr_t uss, uaddr_t uold)
{
	stack_t new, old;
	int err;

	if (uss.v && copy_from_user(&new, uss, sizeof(new)))
		return -EFAULT;
	memset(&old, 0, sizeof(old));
	old.ss_sp = (void *)current->sas_ss_sp;
	old.ss_size = current->sas_ss_size;
	old.ss_flags = (int)(current->sas_ss_flags & SS_AUTODISARM);
	if (!current->sas_ss_size)
		old.ss_flags |= SS_DISABLE;
	else if (on_sig_stack(task_regs(current)->rsp))
		old.ss_flags |= SS_ONSTACK;
	if (uss.v) {
		err = set_altstack(&new);
		if (err)
			return err;
	}
	return uold.v && copy_to_user(uold, &old, sizeof(old)) ? -EFAULT : 0;
}

/* ---- infos to and from the guest ---- */

BUILD_BUG_ON(sizeof(siginfo_t) != 128);

size_t copy_siginfo_to_user(uaddr_t to, const siginfo_t *info)
{
	return copy_to_user(to, info, sizeof(*info));
}

int copy_siginfo_from_user(siginfo_t *info, uaddr_t from)
{
	return copy_from_user(info, from, sizeof(*info)) ? -EFAULT : 0;
}

/* ---- exec ---- */

void flush_signal_handlers(struct task *t, bool force_default)
{
	for (int i = 0; i < NSIG_MAX; i++) {
		struct ksigaction *ka = &t->sighand->action[i];

		if (force_default || ka->handler != 1)
			ka->handler = 0;
		ka->flags = 0;
		ka->restorer = 0;
		ka->mask = 0;
	}
}
