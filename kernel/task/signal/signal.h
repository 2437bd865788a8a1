/* SPDX-License-Identifier: MIT */
/*
 * signal.h: signals, their queues and the state that the threads of a process share.
 *
 * A system call that a signal interrupts returns -ERESTARTSYS (or its kin in types.h). On the way
 * to user mode do_signal() turns that into -EINTR or a restart (rax = orig_rax, rip -= 2), as Linux
 * does.
 */
#ifndef NESTLING_TASK_SIGNAL_H
#define NESTLING_TASK_SIGNAL_H

#include <asm/signal.h>
#include <asm/siginfo.h>
#include <linux/resource.h>

#include "kernel/sched/task.h"
#include "kernel/sched/timer.h"

struct user_struct;
struct tty_struct;
struct core_state;

#define NSIG_MAX 64
#define UNMASKABLE (sigmask_of(SIGKILL) | sigmask_of(SIGSTOP))

/* As rt_sigaction(2)'s kernel layout on x86-64. */
struct ksigaction {
	u64 handler; /* 0 SIG_DFL, 1 SIG_IGN */
	u64 flags;
	u64 restorer;
	u64 mask;
};

struct sighand_struct {
	atomic_t count;
	/* also all signal state of the threads that share it */
	spinlock_t lock;
	struct ksigaction action[NSIG_MAX];
	struct wait_queue_head signalfd_wqh;
	/* lock_task_sighand() looks without a reference */
	struct rcu_head rcu;
};

#define OVERRUN_MAX 0x7fffffffL
struct sigqueue {
	struct list_head list;
	siginfo_t info;
	struct user_struct *user;
	/* a timer's: expiries since it was last taken; racily */
	u8 unseen;
	/* a timer's: it was pending, and was dropped to be ignored; likewise */
	bool flushed;
	/*
	 * a timer's: of the one taken last; under its lock, and set under sighand->lock as that is
	 * taken
	 */
	s64 overrun_last;
	/* a timer's: the queue that it stands in, if it does */
	struct sigpending *on;
	/* the queue's that it stands in, and the POSIX timer's that it belongs to */
	atomic_t refs;
};

/* What the threads of one process share. Under sighand->lock unless said otherwise. */
struct signal_struct {
	atomic_t sigcnt;
	atomic_t live;  /* threads that have not begun to exit */
	int nr_threads; /* under tasklist_lock */
	/* of task->thread_node, under tasklist_lock */
	struct list_head threads;
	struct wait_queue_head wait_chldexit;
	struct task *curr_target;
	struct sigpending shared_pending;
	int group_exit_code;
	/* every thread is to die with group_exit_code */
	bool group_exit;
	/* how many were sent to it as to one of several */
	atomic_t multi_signals;
	int group_stop_count;
	u32 flags; /* SIGNAL_STOP_STOPPED, ... (signal.c) */
	struct task *group_exec_task;
	/* sessions and groups: under tasklist_lock */
	struct pid *pids[4]; /* PIDTYPE_* */
	bool leader;         /* session leader */
	struct tty_struct *
		tty; /* controlling terminal, or NULL; changed under tasklist_lock and the tty's lock */
	struct pid *tty_old_pgrp;
	bool is_child_subreaper, has_child_subreaper;
	struct rlimit64_pair {
		u64 cur, max;
	} rlim[RLIM_NLIMITS]; /* under alloc_lock of the group leader; read racily */
	/* times of dead threads and children, ns */
	u64 utime, stime, cutime, cstime, sum_exec;
	u64 nvcsw, nivcsw, cnvcsw, cnivcsw, min_flt, maj_flt, cmin_flt, cmaj_flt, inblock, oublock,
		cinblock, coublock, maxrss, cmaxrss;
	struct key *session_keyring, *process_keyring; /* references; under keys_mutex */
	/* execs; written by who has become the only thread, read racily */
	u32 exec_id;
	/* for process accounting, set by the last thread: how it ended */
	int acct_code;
	u64 acct_pages; /* and how large it was */
	u64 rchar, wchar, syscr, syscw, read_bytes, write_bytes;
	struct autogroup
		*autogroup; /* autogroup.c; a reference, under tasklist_lock. NULL: of the root
				      */
	/* this and the next two: time/posix_timer.c */
	struct list_head posix_timers;
	struct rb_root posix_timer_ids; /* the same, by their numbers */
	/* of any process, that wait for this one's CPU time */
	struct rb_root cpu_timers;
	int next_posix_timer_id;
	struct ktimer real_timer; /* ITIMER_REAL */
	u64 it_real_incr;
	/* its expiries since SIGALRM was last taken; racily */
	u8 it_real_unseen;
	bool it_real_again; /* it has expired since it was set */
	struct {
		u64 expires, incr; /* process CPU time ns; 0 off */
	} it[2];                   /* ITIMER_VIRTUAL, ITIMER_PROF */
	int oom_score_adj, oom_score_adj_min;
	bool oom_victim;
	struct core_state *core_state;
	struct mutex cred_guard_mutex; /* exec against ptrace attach */
	/*
	 * Memory and credentials change together in exec: see exec_hold(). Inside cred_guard_mutex;
	 * short.
	 */
	struct mutex exec_update_mutex;
	int group_stop_signr; /* the signal that stopped it, for wait */
	/* exec waits until so many other threads are left */
	int notify_count;
	u32 ptrace_options;
	struct exit_watch
		*exit_watch; /* spawn.h; set before its program runs, lives until it is told */
	struct rcu_head rcu;
};

enum pid_type { PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_PGID, PIDTYPE_SID, PIDTYPE_MAX };

/*
 * A process number that outlives reuse: groups and sessions keep theirs while they have members.
 * Counted.
 */
struct pid_namespace;
struct upid {
	pid_t nr;
	struct pid_namespace *ns;
};
struct pid {
	atomic_t count;
	pid_t nr; /* in the initial namespace */
	/* of the namespace it was made for: 0 the initial one */
	u32 level;
	struct list_head tasks[PIDTYPE_MAX]; /* of task->pid_links, under tasklist_lock */
	struct wait_queue_head wait_pidfd;
	/* never used again: the inode number of its pidfds */
	u64 ident;
	/* What is left of its task once that has been waited for: under tasklist_lock. */
	bool released;
	int exit_code; /* as wait(2) has it */
	u64 exit_cgroup;
	struct rcu_head rcu;
	/* its numbers in the namespaces of levels 1 to level */
	struct upid upper[];
};
pid_t pid_nr(struct
	pid *p); /* 0 for NULL; in the initial namespace: programs are told pid_vnr() (pid_ns.h) */
struct pid *get_pid(
	struct pid *p); /* the caller has a reference, or a lock under which there is one */
/*
 * What @t has now, with a reference: NULL once it is released. Takes tasklist_lock: its group and
 * session may change meanwhile.
 */
struct pid *get_task_pid(struct task *t, enum pid_type type);
void put_pid(struct pid *p);
/* By the number that current's pid namespace has for it: */
struct pid *find_get_pid(pid_t nr); /* a reference or NULL */
/* A task, with a reference (put_task), or NULL. */
struct task *find_get_task(pid_t pid);
struct task *pid_get_task(struct pid *p, enum pid_type type);
static inline struct pid *task_pgrp(struct task *t)
{
	return t->signal->pids[PIDTYPE_PGID];
}
static inline struct pid *task_session(struct task *t)
{
	return t->signal->pids[PIDTYPE_SID];
}
/* fn for every process (leader) with a group or session number; under tasklist_lock taken here. */
void for_each_in_pid(
	struct pid *p, enum pid_type type, void (*fn)(struct task *leader, void *arg), void *arg);
/* For who has it already. */
void for_each_in_pid_locked(
	struct pid *p, enum pid_type type, void (*fn)(struct task *leader, void *arg), void *arg);

static inline u64 rlimit(int which)
{
	return READ_ONCE(current->signal->rlim[which].cur);
}
static inline u64 task_rlimit(struct task *t, int which)
{
	return READ_ONCE(t->signal->rlim[which].cur);
}

/* ---- sending; all work with spinlocks held except sighand->lock ---- */
#define SEND_SIG_NOINFO ((const siginfo_t *)0)
#define SEND_SIG_PRIV ((const siginfo_t *)1)
int send_sig(int sig, struct task *t, const siginfo_t *info);       /* to one thread */
int send_sig_group(int sig, struct task *t, const siginfo_t *info); /* to its process */
/*
 * To its process as to one of a group, or of everybody: a child that is being born would have been
 * one of them (fork.c:link_task()). tasklist_lock held.
 */
int send_sig_one_of_many(int sig, struct task *t, const siginfo_t *info);
int kill_pgrp(struct pid *pgrp, int sig, const siginfo_t *info); /* 0, -ESRCH */
int kill_pid(struct pid *pid, int sig, const siginfo_t *info);
int kill_thread(struct task *t, int sig, const siginfo_t *info); /* with permission asked for */
void force_sig(int sig); /* to current, cannot be blocked or ignored */
void force_fatal_sig(int sig);
void kill_mm_users(struct mm *mm, int sig); /* every process that uses it */
/* Checks permission of current to signal @t: 0 or -EPERM. */
int check_kill_permission(int sig, const siginfo_t *info, struct task *t);

/*
 * Job control on terminals: does @t block or ignore @sig; has current's group nobody outside who
 * could continue it?
 */
bool sig_is_ignored(struct task *t, int sig);
bool is_current_pgrp_orphaned(void);

void recalc_sigpending(void);
void set_current_blocked(u64 mask);
void set_blocked_locked(u64 mask); /* the same with sighand->lock held */
/* ppoll, pselect, sigsuspend: set now, restored after delivery. 0 or -EFAULT, -EINVAL. */
int set_user_sigmask(uaddr_t mask, size_t sigsetsize);
void restore_saved_sigmask_unless(bool interrupted);
/*
 * Takes one pending signal out of @mask for current: its number with @info filled, or 0 (signalfd,
 * sigtimedwait).
 */
int dequeue_signal(u64 mask, siginfo_t *info);
size_t copy_siginfo_to_user(uaddr_t to, const siginfo_t *info); /* bytes not copied */
/* for a POSIX timer, which has the reference */
struct sigqueue *sigqueue_alloc(void);
void sigqueue_put(struct sigqueue *q);
/* takes a signal of current's process off the queue */
void sigqueue_cancel(struct sigqueue *q);
/*
 * A timer's signal, after @missed periods without one; all that goes by while it is queued, or was
 * dropped, counts as its overruns.
 */
void send_sigqueue(struct sigqueue *q, u64 missed, struct pid *pid, enum pid_type type);
/*
 * posix_timer.c: current has taken a signal (whose si_code is SI_TIMER, or SIGALRM: others need not
 * be told), and holds no lock. Where it is a timer's, what has passed until now is added to it, and
 * the timer does not rest any more.
 */
void timer_signal_taken(siginfo_t *info);
/* The same: current's process does not ignore @signo any more. Its timers go on at once. */
void timer_signal_wanted(int signo);

/* What do_signal() hands to arch_setup_frame(). */
struct ksignal {
	struct ksigaction ka;
	siginfo_t info;
	int sig;
};

/* Does the guest stack pointer lie where the alternate stack is? (own task) */
bool within_sig_stack(u64 sp);
/*
 * The same, and that makes a difference: with SS_AUTODISARM it is none while a handler runs on it.
 */
bool on_sig_stack(u64 sp);
/* The stack pointer for a frame of this action (SA_ONSTACK honoured). */
u64 sigsp(u64 sp, const struct ksignal *ks);

/* Timers that end in signals: the sched room's (kernel/sched). Called by fork, exec and exit. */
void process_timers_init(struct signal_struct *sig); /* a new process: no timers */
void process_timers_exec(
	struct signal_struct *sig); /* deletes POSIX timers; interval timers stay */
void process_timers_exit(struct signal_struct *sig); /* the last thread goes: all of them */
/* What timer_create(2) was asked for. */
struct posix_timer_info {
	int id, signo, notify /* SIGEV_* */, clock;
	u64 value;
	struct pid *target;
};
/*
 * Of each timer of a process, the youngest first, as they all were at one time; no lock is held. 0
 * or -ENOMEM.
 */
int posix_timers_tell(struct signal_struct *sig,
	void (*tell)(void *arg, const struct posix_timer_info *i), void *arg);
void cpu_timers_changed(struct signal_struct *sig); /* RLIMIT_CPU has: its threads look again */

/*
 * Of another task, which may be exiting: its sighand with the lock held, or NULL when it is gone.
 */
struct sighand_struct *lock_task_sighand(struct task *t);
static inline void unlock_task_sighand(struct sighand_struct *sh)
{
	spin_unlock(&sh->lock);
}

/*
 * To a thread of that process, which is woken for it from an interruptible sleep, as by a signal
 * that is none. False: there is none any more.
 */
bool process_work_add(struct pid *tgid, struct task_work *w);

#endif
