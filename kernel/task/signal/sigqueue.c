/* SPDX-License-Identifier: MIT */
/*
 * sigqueue.c: queues of pending signals, and TIF_SIGPENDING, which makes a task check them.
 *
 * A thread has a queue of its own and shares one with its process (signal->shared_pending). A queue
 * is a mask of the pending signals and a list of infos. A signal may be in the mask without an info
 * (SIGKILL, no memory, or the user's limit). sigsend.c queues signals, dequeue_signal() takes them.
 *
 * Invariants:
 * 1. TIF_SIGPENDING is set on every thread that was chosen to take an unblocked signal; only the
 *    thread itself clears it, in recalc_sigpending() or before it sleeps in the freezer or writes a
 *    core dump.
 * 2. user->sigpending counts the queued infos of the user; a preallocated one (POSIX timers) counts
 *    as long as it exists.
 * 3. A queue has a reference to each info in it. The last reference to a timer's info may be
 *    dropped by any task, without the receiver's lock: a timer on another process's CPU clock is
 *    handled where that process runs.
 *
 * Locks: sighand->lock for everything but allocation.
 */
#include "kernel/task/internal.h"

/* ---- infos ---- */

/* Returns the user of @t, with a reference. Takes alloc_lock. */
static struct user_struct *task_user(struct task *t)
{
	struct user_struct *u;

	spin_lock(&t->alloc_lock);
	u = (t->real_cred ? t->real_cred : t->cred)->user;
	atomic_inc(&u->usage);
	spin_unlock(&t->alloc_lock);
	return u;
}

struct sigqueue *sigqueue_new(struct task *t, int sig, bool override_limit)
{
	struct user_struct *u = task_user(t);
	struct sigqueue *q = NULL;
	s64 n = atomic_add_return(1, &u->sigpending);

	if (override_limit || (u64)n <= task_rlimit(t, RLIMIT_SIGPENDING))
		q = kzalloc(sizeof(*q), GFP_ATOMIC);
	if (!q) {
		atomic_dec(&u->sigpending);
		put_uid_user(u);
		return NULL;
	}
	INIT_LIST_HEAD(&q->list);
	atomic_set(&q->refs, 1);
	q->user = u;
	return q;
}

void sigqueue_put(struct sigqueue *q)
{
	if (!atomic_dec_and_test(&q->refs))
		return;
	atomic_dec(&q->user->sigpending);
	put_uid_user(q->user);
	kfree(q);
}

struct sigqueue *sigqueue_alloc(void)
{
	return sigqueue_new(current, 0, false);
}

static bool has_info(const struct sigpending *p, int sig)
{
	struct sigqueue *q;

	list_for_each_entry(q, &p->list, list)
		if (q->info.si_signo == sig)
			return true;
	return false;
}

void sigqueue_cancel(struct sigqueue *q)
{
	struct sighand_struct *sh = current->sighand;

	spin_lock(&sh->lock);
	if (!list_empty(&q->list)) {
		list_del_init(&q->list);
		if (!has_info(q->on, q->info.si_signo))
			q->on->signal &= ~sigmask_of(q->info.si_signo);
		sigqueue_put(q); /* not the last: the caller has one */
	}
	spin_unlock(&sh->lock);
}

void flush_sigqueue(struct sigpending *p)
{
	struct sigqueue *q, *next;

	p->signal = 0;
	list_for_each_entry_safe(q, next, &p->list, list) {
		list_del_init(&q->list);
		sigqueue_put(q);
	}
}

void flush_sigqueue_mask(u64 mask, struct sigpending *p)
{
	struct sigqueue *q, *next;

	if (!(p->signal & mask))
		return;
	p->signal &= ~mask;
	list_for_each_entry_safe(q, next, &p->list, list)
		if (sigmask_of(q->info.si_signo) & mask) {
			list_del_init(&q->list);
			q->flushed = true;
			sigqueue_put(q);
		}
}

/* ---- taking signals off queues ---- */

void collect_signal(int sig, struct sigpending *list, siginfo_t *info)
{
	struct sigqueue *q, *first = NULL;
	bool more = false;

	list_for_each_entry(q, &list->list, list) {
		if (q->info.si_signo != sig)
			continue;
		if (first) {
			more = true;
			break;
		}
		first = q;
	}
	if (!more)
		list->signal &= ~sigmask_of(sig);
	if (first) {
		list_del_init(&first->list);
		*info = first->info;
		WRITE_ONCE(first->unseen, 0);
		WRITE_ONCE(first->overrun_last,
			first->info.si_code == SI_TIMER ? first->info.si_overrun : 0);
		sigqueue_put(first);
		return;
	}
	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = SI_USER;
}

int dequeue_signal_locked(struct task *t, u64 mask, siginfo_t *info)
{
	struct sigpending *from = t->pending;
	int sig = next_signal(from->signal, mask);

	if (!sig) {
		from = &t->signal->shared_pending;
		sig = next_signal(from->signal, mask);
	}
	if (sig) {
		collect_signal(sig, from, info);
		if (sig == SIGALRM)
			WRITE_ONCE(t->signal->it_real_unseen, 0);
		if (SIG_KERNEL_STOP & sigmask_of(sig))
			t->jobctl |= JOBCTL_STOP_DEQUEUED;
	}
	recalc_sigpending();
	return sig;
}

int dequeue_signal(u64 mask, siginfo_t *info)
{
	int sig;

	spin_lock(&current->sighand->lock);
	sig = dequeue_signal_locked(current, ~mask | UNMASKABLE, info);
	spin_unlock(&current->sighand->lock);
	if (sig)
		process_timer_ops.taken(info);
	return sig;
}

/* ---- pending signals ---- */

static bool has_pending(struct task *t)
{
	u64 all = t->pending->signal | t->signal->shared_pending.signal;

	return (t->jobctl & JOBCTL_PENDING_MASK) || (all & ~t->blocked);
}

void recalc_sigpending(void)
{
	if (has_pending(current) || (current->signal->flags & SIGNAL_CLD_MASK))
		set_bit(TIF_SIGPENDING, &current->work_flags);
	else
		clear_bit(TIF_SIGPENDING, &current->work_flags);
}

void recalc_sigpending_and_wake(struct task *t)
{
	if (has_pending(t))
		signal_wake_up(t, false);
}

void signal_wake_up(struct task *t, bool fatal)
{
	u32 states = TASK_INTERRUPTIBLE;

	if (fatal)
		states |= TASK_WAKEKILL | TASK_STOPPED;
	if (fatal && !(t->jobctl & JOBCTL_PTRACE_FROZEN))
		states |= TASK_TRACED;
	set_bit(TIF_SIGPENDING, &t->work_flags);
	if (!wake_up_state(t, states))
		kick_process(t);
}

struct sighand_struct *lock_task_sighand(struct task *t)
{
	struct sighand_struct *sh;

	for (;;) {
		sh = READ_ONCE(t->sighand);
		if (!sh)
			return NULL;
		spin_lock(&sh->lock);
		if (sh == READ_ONCE(t->sighand))
			return sh;
		spin_unlock(&sh->lock);
	}
}

/* ---- the mask ---- */

/*
 * Wakes up other threads for those signals of the process that @t would have taken and blocks now.
 */
static void retarget_shared_pending(struct task *t, u64 which)
{
	struct task *other;

	which &= t->signal->shared_pending.signal;
	if (!which)
		return;
	for_each_thread(t->signal, other) {
		if (other == t || (other->flags & PF_EXITING) || !(which & ~other->blocked))
			continue;
		if (!signal_pending(other))
			signal_wake_up(other, false);
		which &= other->blocked;
		if (!which)
			break;
	}
}

void set_blocked_locked(u64 mask)
{
	u64 newly = mask & ~current->blocked;

	if (newly && signal_pending(current) && !thread_group_empty(current))
		retarget_shared_pending(current, newly);
	current->blocked = mask;
	recalc_sigpending();
}

void set_current_blocked(u64 mask)
{
	mask &= ~UNMASKABLE;
	if (mask == current->blocked)
		return;
	spin_lock(&current->sighand->lock);
	set_blocked_locked(mask);
	spin_unlock(&current->sighand->lock);
}

int set_user_sigmask(uaddr_t umask, size_t sigsetsize)
{
	u64 mask;

	if (!umask.v)
		return 0;
	if (sigsetsize != sizeof(mask))
		return -EINVAL;
	if (get_user(mask, umask))
		return -EFAULT;
	current->saved_sigmask = current->blocked;
	set_bit(TIF_RESTORE_SIGMASK, &current->work_flags);
	set_current_blocked(mask);
	return 0;
}

void restore_saved_sigmask_unless(bool interrupted)
{
	if (interrupted)
		return;
	if (test_and_clear_bit(TIF_RESTORE_SIGMASK, &current->work_flags))
		set_current_blocked(current->saved_sigmask);
}

/*
 * Makes the exiting thread take no more signals. Signals for which it was chosen go to other
 * threads.
 */
void exit_signals(struct task *t)
{
	bool stopped = false;

	spin_lock(&t->sighand->lock);
	t->flags |= PF_EXITING;
	if (!thread_group_empty(t) && !t->signal->group_exit) {
		if (signal_pending(t))
			retarget_shared_pending(t, ~t->blocked);
		if (t->jobctl & JOBCTL_STOP_PENDING)
			stopped = task_participate_group_stop(t);
	}
	spin_unlock(&t->sighand->lock);
	if (!stopped)
		return;
	read_lock(&tasklist_lock);
	do_notify_parent_cldstop(t, false, CLD_STOPPED);
	read_unlock(&tasklist_lock);
}

/* ---- work on the way to user mode ---- */

/*
 * Queues work for a thread and wakes it up. Returns false for an exiting thread, which does only
 * the work that it got earlier. Under sighand->lock.
 */
static bool interrupt_with_work(struct task *t, struct task_work *w)
{
	if (t->flags & PF_EXITING)
		return false;
	task_work_add(t, w);
	set_bit(TIF_SIGPENDING, &t->work_flags);
	wake_up_state(t, TASK_INTERRUPTIBLE);
	return true;
}

bool process_work_add(struct pid *tgid, struct task_work *w)
{
	struct sighand_struct *sh = NULL;
	struct task *leader, *t;
	bool given = false;

	read_lock(&tasklist_lock);
	leader = pid_task_locked(tgid, PIDTYPE_TGID);
	if (leader)
		sh = lock_task_sighand(leader);
	if (sh) {
		for_each_thread(leader->signal, t) {
			given = interrupt_with_work(t, w);
			if (given)
				break;
		}
		unlock_task_sighand(sh);
	}
	read_unlock(&tasklist_lock);
	return given;
}
