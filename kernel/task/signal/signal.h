/* SPDX-License-Identifier: MIT */
/*
 * signal.h: signals, their queues and the state that the threads of a process share.
 *
 * A system call that a signal interrupts returns -ERESTARTSYS (or another restart code of types.h).
 * On the way to user mode do_signal() turns that into -EINTR or a restart (rax = orig_rax, rip -=
 * 2), as Linux does.
 */
#ifndef NESTLING_TASK_SIGNAL_H
#define NESTLING_TASK_SIGNAL_H

#include <asm/signal.h>
#include <asm/siginfo.h>
#include <linux/resource.h>

#include "kernel/ident/pid.h"
#include "kernel/ident/thread_group.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/timer.h"
#include "kernel/task/entry.h"

struct user_struct;
struct tty_struct;
struct core_state;

/* signals that cannot be blocked */
#define UNMASKABLE (sigmask_of(SIGKILL) | sigmask_of(SIGSTOP))

#define OVERRUN_MAX 0x7fffffffL /* larger counts are cut to this */

/* A queued signal, or the signal of a POSIX timer, which exists as long as the timer. */
struct sigqueue {
	/* in sigpending.list; under sighand->lock */
	struct list_head list;
	siginfo_t info;
	/* the user whose RLIMIT_SIGPENDING counts this signal; a reference */
	struct user_struct *user;
	/* A timer's signal: expiries since a task last took it (at most 5); racy. */
	u8 unseen;
	/*
	 * A timer's signal: true if it was dropped, since the process ignored it when it was sent,
	 * or flushed it off its queue later. Its overruns are still counted. Under sighand->lock.
	 */
	bool flushed;
	/*
	 * A timer's signal: overruns at the last delivery. Written under sighand->lock when the
	 * signal is dequeued, and under the timer's lock afterwards; read racily.
	 */
	s64 overrun_last;
	/* A timer's signal: the queue that contains it, if @list is not empty. */
	struct sigpending *on;
	/* References: one of the queue that contains it, and one of its POSIX timer. */
	atomic_t refs;
};

/*
 * ---- sending; may be called with spinlocks held, but not sighand->lock ----
 *
 * @info: a siginfo, which is copied, or SEND_SIG_NOINFO (from current) or SEND_SIG_PRIV (from the
 * kernel). Functions that return int return 0 or -errno. 0 also for a signal that the receiver
 * ignores. -ESRCH: the target has ended; -EAGAIN: a queued real-time signal, as of sigqueue(3),
 * exceeds RLIMIT_SIGPENDING. The caller has a reference to @t. Only functions whose comment says so
 * check permissions.
 */
int send_sig(int sig, struct task *t, const siginfo_t *info);       /* sends to one thread */
int send_sig_group(int sig, struct task *t, const siginfo_t *info); /* sends to @t's process */
/*
 * Sends to @t's process a signal that other processes get too: those of a process group, or all
 * that kill(-1) means. If the process is forking, its fork is restarted after the signal
 * (fork.c:link_task()), since the child would miss the signal. tasklist_lock is held.
 */
int send_sig_one_of_many(int sig, struct task *t, const siginfo_t *info);
/*
 * Signal a group, a process or a thread, if current may do so: otherwise -EPERM, or -EINVAL for an
 * invalid signal. @sig 0 only checks. kill_pgrp() and kill_pid() take tasklist_lock; @pgrp and @pid
 * may be NULL (-ESRCH). kill_pgrp() returns 0 if it has signalled one process of the group.
 * kill_thread() returns 0 for a thread that has ended.
 */
int kill_pgrp(struct pid *pgrp, int sig, const siginfo_t *info);
int kill_pid(struct pid *pid, int sig, const siginfo_t *info);
int kill_thread(struct task *t, int sig, const siginfo_t *info);
/*
 * Force a signal on current, even if it is blocked or ignored. force_fatal_sig() always takes the
 * default action, even if there is a handler. Take sighand->lock.
 */
void force_sig(int sig);
void force_fatal_sig(int sig);
/* Sends @sig to each process with a thread that uses @mm, also to init. Takes tasklist_lock. */
void kill_mm_users(struct mm *mm, int sig);
/* Checks whether current may signal @t. Returns 0, -EPERM or -EINVAL (no such signal). */
int check_kill_permission(int sig, const siginfo_t *info, struct task *t);

/*
 * Tests of terminals for job control. sig_is_ignored() is true if @t blocks @sig or has set SIG_IGN
 * for it; takes sighand->lock. is_current_pgrp_orphaned() is true if no member of current's process
 * group has a parent in another group of the session; takes tasklist_lock.
 */
bool sig_is_ignored(struct task *t, int sig);
bool is_current_pgrp_orphaned(void);

/* Sets or clears current's TIF_SIGPENDING, as signals or stops are pending. sighand->lock held. */
void recalc_sigpending(void);
/*
 * Set current's mask of blocked signals (bit n - 1: signal n). set_current_blocked() takes
 * sighand->lock, and removes UNMASKABLE from @mask. The caller of set_blocked_locked() does both.
 */
void set_current_blocked(u64 mask);
void set_blocked_locked(u64 mask);
/*
 * Sets the mask for the length of a call such as ppoll(), pselect() or epoll_pwait(), read from
 * guest memory (a NULL @mask changes nothing). The old mask comes back when a signal's handler
 * returns, or by restore_saved_sigmask_unless(). May sleep. Returns 0, -EFAULT or -EINVAL.
 */
int set_user_sigmask(uaddr_t mask, size_t sigsetsize);
/*
 * Restores the mask from before set_user_sigmask(). @interrupted: true if a signal ended the call:
 * then does nothing, and the mask is restored after the signal was handled.
 */
void restore_saved_sigmask_unless(bool interrupted);
/*
 * Takes one of current's pending signals in @mask (never SIGKILL or SIGSTOP) off its queue, for
 * signalfd and sigtimedwait. Takes sighand->lock. Returns its number with @info filled in, or 0.
 */
int dequeue_signal(u64 mask, siginfo_t *info);
size_t copy_siginfo_to_user(uaddr_t to, const siginfo_t *info); /* returns bytes not copied */
/*
 * Allocates the signal of a POSIX timer, with one reference, the timer's, which sigqueue_put()
 * drops. Does not sleep. Returns NULL if there is no memory or the user's limit is reached.
 */
struct sigqueue *sigqueue_alloc(void);
void sigqueue_put(struct sigqueue *q);
/*
 * Takes @q, a timer's signal of current's process, off the queue that contains it, if any. The
 * caller has a reference. Takes sighand->lock.
 */
void sigqueue_cancel(struct sigqueue *q);
/*
 * Sends a timer's signal to the thread (@type PIDTYPE_PID) or process @pid. Takes tasklist_lock and
 * sighand->lock.
 * @missed: number of earlier periods for which no signal was sent. Periods that pass while the
 * signal is queued, or after it was dropped, count as its overruns.
 */
void send_sigqueue(struct sigqueue *q, u64 missed, struct pid *pid, enum pid_type type);

/* The signal that do_signal() passes to arch_setup_frame(). */
struct ksignal {
	struct ksigaction ka;
	siginfo_t info;
	int sig;
};

/* True if the guest stack pointer @sp lies within current's alternate stack. */
bool within_sig_stack(u64 sp);
/*
 * True if @sp is on the alternate stack, so that another frame there goes below it. False with
 * SS_AUTODISARM, since the alternate stack is then disabled while a handler runs on it.
 */
bool on_sig_stack(u64 sp);
/*
 * Returns the address below which a signal frame of @ks goes: the end of the alternate stack if the
 * action has SA_ONSTACK and that stack is not in use, else @sp.
 */
u64 sigsp(u64 sp, const struct ksignal *ks);

/* Operations of a process's timers that end in signals; kernel/time registers them. */
struct process_timer_ops {
	/* Initialises the timers of a new process: none. */
	void (*init)(struct signal_struct *sig);
	/* Deletes POSIX timers; interval timers stay. */
	void (*exec)(struct signal_struct *sig);
	/* Deletes all timers, when the last thread exits. */
	void (*exit)(struct signal_struct *sig);
	/*
	 * RLIMIT_CPU or RLIMIT_RTTIME has changed, so the threads must check their CPU time again.
	 */
	void (*limit_changed)(struct signal_struct *sig);
	/*
	 * Called when current has taken a signal off its queue, with no lock held. Only SIGALRM and
	 * signals with the si_code SI_TIMER have an effect. A timer of short period skips periods
	 * while its signal is not taken: taken() sets its next expiry to the end of the present
	 * period, and adds the skipped periods to the overruns in a POSIX timer's @info.
	 */
	void (*taken)(siginfo_t *info);
	/*
	 * Called when current's process stops ignoring @signo: timers with this signal stop
	 * skipping periods.
	 */
	void (*wanted)(int signo);
};
extern const struct process_timer_ops process_timer_ops;

/*
 * Returns the sighand of @t, which may be exiting, with its lock held, for unlock_task_sighand().
 * NULL: @t was released. The caller has a reference to @t.
 */
struct sighand_struct *lock_task_sighand(struct task *t);
static inline void unlock_task_sighand(struct sighand_struct *sh)
{
	spin_unlock(&sh->lock);
}

/*
 * Queues @w for a thread of the process @tgid, and wakes up the thread from an interruptible sleep
 * as a signal would. Takes tasklist_lock. Returns false, with @w not queued, if the process has no
 * thread any more.
 */
bool process_work_add(struct pid *tgid, struct task_work *w);

#endif
