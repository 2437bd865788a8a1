/* SPDX-License-Identifier: MIT */
/*
 * thread_group.h: state that the threads of a process share: signal_struct and sighand_struct.
 *
 * kernel/task/signal queues and delivers signals. Layers below kernel/task read limits, numbers and
 * the session in these structs.
 */
#ifndef NESTLING_IDENT_THREAD_GROUP_H
#define NESTLING_IDENT_THREAD_GROUP_H

#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/resource.h>

#include "kernel/sched/sched.h"
#include "kernel/sched/timer.h"

struct core_state;
struct pid;
struct tty_struct;

enum pid_type { PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_PGID, PIDTYPE_SID, PIDTYPE_MAX };

#define NSIG_MAX 64
/* Special values in place of a siginfo_t: a signal from kill(), or from the kernel. */
#define SEND_SIG_NOINFO ((const siginfo_t *)0)
#define SEND_SIG_PRIV ((const siginfo_t *)1)

/* Layout of the kernel's rt_sigaction(2) structure on x86-64. */
struct ksigaction {
	u64 handler; /* 0 SIG_DFL, 1 SIG_IGN */
	u64 flags;
	u64 restorer;
	u64 mask; /* bit n - 1: signal n */
};

struct sighand_struct {
	atomic_t count;
	/* Also protects the signal state of all threads that share this struct. */
	spinlock_t lock;
	struct ksigaction action[NSIG_MAX];
	struct wait_queue_head signalfd_wqh;
	/* lock_task_sighand() reads the struct without a reference, so it is freed by RCU. */
	struct rcu_head rcu;
};

/* State that the threads of a process share. Under sighand->lock unless said otherwise. */
struct signal_struct {
	/* references; the last one to be dropped frees the struct after a grace period */
	atomic_t sigcnt;
	atomic_t live;  /* threads that have not begun to exit */
	int nr_threads; /* under tasklist_lock */
	/* List of task->thread_node, under tasklist_lock. */
	struct list_head threads;
	struct wait_queue_head wait_chldexit; /* its threads in wait(2) */
	struct sigpending shared_pending;     /* signals to the process */
	int group_exit_code;                  /* in wait(2)'s format */
	/* True once all threads must exit, with group_exit_code. */
	bool group_exit;
	/*
	 * Number of signals that were sent to this process among several receivers (kill(-1),
	 * groups).
	 */
	atomic_t multi_signals;
	/* threads that have yet to stop (jobctl.c) */
	int group_stop_count;
	u32 flags; /* SIGNAL_* of task/internal.h */
	/* the thread whose exec kills all others, or NULL */
	struct task *group_exec_task;
	/* Sessions and groups: under tasklist_lock. */
	struct pid *pids[4]; /* PIDTYPE_* */
	bool leader;         /* session leader */
	/* Controlling terminal, or NULL; under tasklist_lock (dev/tty_jobctl.c). */
	struct tty_struct *tty;
	/* Foreground group of a lost controlling terminal: a reference, or NULL. */
	struct pid *tty_old_pgrp;
	/* is_: PR_SET_CHILD_SUBREAPER is set. has_: an ancestor has or had that flag set. */
	bool is_child_subreaper, has_child_subreaper;
	/*
	 * Resource limits: written under alloc_lock of the group leader (RLIMIT_CPU and
	 * RLIMIT_RTTIME also by time/cpu_timer.c, under sighand->lock); read racily.
	 */
	struct rlimit64_pair {
		u64 cur, max;
	} rlim[RLIM_NLIMITS];
	/* Usage of threads and children that have exited; times in ns. */
	u64 utime, stime, cutime, cstime, sum_exec;
	/*
	 * Usage of threads that have exited and, with c in front, of children. Switches and faults
	 * are numbers, blocks are of 512 bytes, maxrss is in pages.
	 */
	u64 nvcsw, nivcsw, cnvcsw, cnivcsw, min_flt, maj_flt, cmin_flt, cmaj_flt, inblock, oublock,
		cinblock, coublock, maxrss, cmaxrss;
	/* References, or NULL; under keys_mutex. */
	struct key *session_keyring, *process_keyring;
	/* Number of execs. Written by the only remaining thread, read without a lock. */
	u32 exec_id;
	/* For process accounting: exit code of the last thread. */
	int acct_code;
	/* total_vm in pages at the exit of the last thread */
	u64 acct_pages;
	/* I/O of threads that have exited: bytes; syscr, syscw: numbers of calls */
	u64 rchar, wchar, syscr, syscw, read_bytes, write_bytes;
	/*
	 * The session's scheduling group (autogroup.c), a reference; NULL: the root group. Under
	 * tasklist_lock.
	 */
	struct autogroup *autogroup;
	/* posix_timers, posix_timer_ids and cpu_timers belong to time/posix_timer.c. */
	struct list_head posix_timers;
	struct rb_root posix_timer_ids; /* by timer id */
	/* Timers, of any process, on this process's CPU time. */
	struct rb_root cpu_timers;
	int next_posix_timer_id;  /* where the search for an id begins */
	struct ktimer real_timer; /* ITIMER_REAL */
	u64 it_real_incr;         /* ns; 0: no period */
	/* Expiries since SIGALRM was last delivered; read and written without a lock. */
	u8 it_real_unseen;
	bool it_real_again; /* expired since it was set */
	struct {
		u64 expires, incr; /* ns of process CPU time; 0: off */
	} it[2];                   /* ITIMER_VIRTUAL, ITIMER_PROF */
	/* -1000 to 1000, /proc/PID/oom_score_adj; _min: the lowest without CAP_SYS_RESOURCE */
	int oom_score_adj, oom_score_adj_min;
	/* ktime at which the OOM killer has chosen the process, or 0 */
	u64 oom_since;
	bool oom_skip; /* a victim that nothing waits for any more */
	/* the core dump that is being written, or NULL */
	struct core_state *core_state;
	struct mutex cred_guard_mutex; /* exec against ptrace attach */
	/*
	 * Held while exec changes memory and credentials together: see exec_hold(). Taken inside
	 * cred_guard_mutex, for a short time.
	 */
	struct mutex exec_update_mutex;
	int group_stop_signr; /* signal that stopped it, for wait(2) */
	/*
	 * Number of threads that the exec of group_exec_task still waits for; -1: it waits for the
	 * leader to become a zombie (de_thread.c).
	 */
	int notify_count;
	/*
	 * Called when the process exits (spawn.h); set before its program runs, and kept until it
	 * was called.
	 */
	struct exit_watch *exit_watch;
	struct rcu_head rcu;
};

/* Return the process group and session of @t without a reference; tasklist_lock keeps them. */
static inline struct pid *task_pgrp(struct task *t)
{
	return t->signal->pids[PIDTYPE_PGID];
}
static inline struct pid *task_session(struct task *t)
{
	return t->signal->pids[PIDTYPE_SID];
}
static inline bool same_thread_group(const struct task *a, const struct task *b)
{
	return a->signal == b->signal;
}
static inline bool thread_group_leader(const struct task *t)
{
	return t->group_leader == t;
}
/* True if @t is the only thread of its process. tasklist_lock is held, or @t is current. */
static inline bool thread_group_empty(const struct task *t)
{
	return list_is_singular(&t->signal->threads);
}
/* Returns the thread's number in the initial pid namespace. */
static inline pid_t task_pid(const struct task *t)
{
	return t->pid;
}

/* Return the soft limit RLIMIT_@which of current or @t, without a lock; ~0: unlimited. */
static inline u64 rlimit(int which)
{
	return READ_ONCE(current->signal->rlim[which].cur);
}
static inline u64 task_rlimit(struct task *t, int which)
{
	return READ_ONCE(t->signal->rlim[which].cur);
}

#endif
