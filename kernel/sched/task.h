/* SPDX-License-Identifier: MIT */
/*
 * task.h: struct task, one guest thread or kernel thread: its members, its references, the lists of
 * tasks, and work that it does on its way to user mode.
 *
 * Threads of one process share a struct signal_struct (thread group), sighand, mm, files. A kernel
 * thread has no mm.
 */
#ifndef NESTLING_SCHED_TASK_H
#define NESTLING_SCHED_TASK_H

#include "arch/um/machine/arch.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/debug/lockdep.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/types.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/timer.h"

struct mm;
struct files_struct;
struct fs_struct;
struct signal_struct;
struct sighand_struct;
struct cred;
struct nsproxy;
struct pid;
struct sem_undo_list;
struct seccomp_filter;
struct cgroup;
struct cgroup1;
struct sched_group;
struct mem_group;
struct io_group;
struct psi_group;

#define CGROUP1_MAX 16 /* hierarchies of version 1 */

/* Task states. */
#define TASK_RUNNING 0
#define TASK_INTERRUPTIBLE 1
#define TASK_UNINTERRUPTIBLE 2
#define TASK_STOPPED 4 /* job control */
#define TASK_TRACED 8
#define TASK_DEAD 16 /* the task never runs again */
#define TASK_WAKEKILL 32
#define TASK_NOLOAD 64 /* does not count for the load average */
#define TASK_KILLABLE (TASK_UNINTERRUPTIBLE | TASK_WAKEKILL)
#define TASK_IDLE (TASK_UNINTERRUPTIBLE | TASK_NOLOAD) /* a kernel thread without work */
#define TASK_NORMAL (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)

/*
 * task->flags. Those in PF_SHOWN have Linux's values: /proc/PID/stat shows them, and systemd uses
 * them to recognise kernel threads.
 */
#define PF_IDLE 0x02
#define PF_EXITING 0x04
#define PF_FORKNOEXEC 0x40
#define PF_SUPERPRIV 0x100
#define PF_DUMPCORE 0x200
#define PF_SIGNALED 0x400
#define PF_MEMALLOC 0x800 /* reclaiming: may use the reserves */
#define PF_KTHREAD 0x00200000
#define PF_SHOWN 0x00ffffff
/* The task exits and is left out of core dumps (under sighand->lock). */
#define PF_NO_MM 0x02000000
/* The task is reclaiming memory: reclaim must not recurse. */
#define PF_RECLAIM 0x08000000
/* The task writes back dirty pages, and may use a part of the reserve. */
#define PF_FLUSHER 0x10000000
/* A write beyond RLIMIT_FSIZE returns EFBIG and sends no signal. */
#define PF_NO_XFSZ 0x04000000

/*
 * task->work_flags: reasons to take the slow path to user mode. Other tasks set them with set_bit()
 * and then kick the vCPU.
 */
#define TIF_SIGPENDING 0
#define TIF_NEED_RESCHED 1
#define TIF_NOTIFY 2 /* task_work is queued */
#define TIF_RESTORE_SIGMASK 3
#define TIF_SYSCALL_TRACE 4
#define TIF_SECCOMP 5
/* Single-stepped: the tracer is also notified after each system call. */
#define TIF_SINGLESTEP 6
/* PTRACE_SYSEMU: the tracer serves the system calls. */
#define TIF_SYSCALL_EMU 7
#define TIF_USER_DISPATCH 8 /* calls may become SIGSYS: user_dispatch.c */
/*
 * The task has to act before user mode: its CPU quota, its deadline budget or another charge of a
 * group.
 */
#define TIF_CGROUP 9

/*
 * The account of a task's CPU time, and its place in the queue of fair tasks. Under the runqueue
 * lock. arch_cpu_clock() is a monotonic clock in ns, of its own scale (arch.h).
 */
struct sched_entity {
	struct rb_node node; /* in rq->fair, by vruntime */
	u64 vruntime;        /* ns of run time, scaled by the weight */
	/* While it runs: arch_cpu_clock() up to which sum_exec counts its time. */
	u64 exec_start;
	u64 sum_exec;    /* ns of CPU time since fork */
	u64 slice_start; /* sum_exec when the slice began */
	/* Slice in ns that sched_setattr() requested; 0: the default. No lock. */
	u64 slice;
	/* arch_cpu_clock() when it became runnable, or came to this vCPU's queue */
	u64 queued_at;
	/*
	 * arch_cpu_clock() when it began to wait for a CPU (became runnable, or lost its CPU while
	 * runnable). 0: it does not wait.
	 */
	u64 wait_since;
	u64 run_delay; /* ns since fork: runnable, not running */
	u64 nr_runs;   /* how often it was put on a CPU */
	/* sum_exec at the last wake-up, for RLIMIT_RTTIME */
	u64 woken_exec;
	/*
	 * arch_cpu_clock() at the end of its last long stretch in guest code or in the kernel, or
	 * 0.
	 */
	u64 computed_at;
	u32 weight; /* from the nice value; nice 0: 1024 */
	bool on_rq; /* queued or running, not asleep */
};

/* Of an interrupted system call, for restart_syscall(2). */
struct restart_block {
	long (*fn)(struct restart_block *rb); /* for sys_restart_syscall() */
	u64 arg[6];
};

#define sigmask_of(sig) (1UL << ((sig)-1))
/* A queue of pending signals; under sighand->lock. */
struct sigpending {
	struct list_head list; /* of sigqueue (kernel/task) */
	u64 signal;            /* mask of pending signals */
};

/* A function for task_work_add(), embedded in the caller's object. */
struct task_work {
	struct task_work *next;
	void (*func)(struct task_work *w);
};

struct perf_event;

struct futex_q;
/*
 * The members are grouped by purpose and lock. "Own" means: written by the task itself, or by other
 * tasks while this task cannot run. Other tasks read an own member racily if at all. The groups
 * that each system call and each switch access come first. Members that are accessed together share
 * cache lines.
 */
struct task {
	/*
	 * Whether and where the task runs: under the runqueue lock of @cpu, except where said. The
	 * task itself writes its state without the lock (set_current_state()); wakers write it
	 * under the lock.
	 */
	u32 state;
	int cpu;        /* vCPU on which it runs or ran last */
	bool on_cpu;    /* a vCPU uses the task's stack */
	u32 flags;      /* PF_*, own */
	u64 work_flags; /* TIF_*, atomic bits */

	/* Policy and priority: under the runqueue lock. */
	int policy;      /* SCHED_* */
	int nice;        /* -20 .. 19 */
	int rt_priority; /* 1 to 99 for FIFO and RR, else 0 */
	/* Priority lent by waiters for its PI locks or by sched_go_first(): 1 to 100, or 0. */
	int boost;
	bool sched_reset_on_fork; /* SCHED_FLAG_RESET_ON_FORK */

	/* Deadline (SCHED_DEADLINE, deadline.c): under the runqueue lock, except where said. */
	/* The parameters of sched_setattr(), in ns; written under policy_lock and rq->lock. */
	u64 dl_runtime, dl_deadline, dl_period;
	/* arch_cpu_clock() at the beginning, and at the deadline, of the current period */
	u64 dl_start, dl_abs;
	s64 dl_budget; /* ns left in this period; may be negative */
	/* SCHED_FLAG_RECLAIM, SCHED_FLAG_DL_OVERRUN; written as the parameters are */
	u32 dl_flags;
	/* True while it has budget left and therefore runs before the other classes. */
	bool dl_on;
	/* True while it sleeps until its next period; own. */
	bool dl_waits;
	/* True from an overrun of the budget until the task reports it; read racily. */
	bool dl_overran;

	/* Affinity (affinity.c): masks of vCPUs, under the runqueue lock. */
	/* The vCPUs on which the task may run: sched_within(cpus_wish, cpus_bound). */
	u64 cpus_allowed;
	/* cpus_wish: set by sched_setaffinity(). cpus_bound: the vCPUs of its cpuset. */
	u64 cpus_wish, cpus_bound;

	/* Position in the run queue: under the runqueue lock. */
	struct sched_entity se;
	struct list_head rt_node; /* link in rq->rt[] */
	/* The group in which the task shares CPU time: cpu_group, session_group, or NULL. */
	struct sched_group *sched_group;
	struct sched_group *cpu_group;     /* its group of the cpu controller, or NULL */
	struct sched_group *session_group; /* group of its session, or NULL */

	/* What the task waits for: pressure, /proc/stat and /proc/PID/wchan. */
	/*
	 * Group to whose pressure the task adds; NULL: only the machine's. Under the runqueue lock.
	 */
	struct psi_group *psi;
	/* own: true while the task waits for memory, and memstall_cpu counts it as stalled */
	bool memstall;
	bool in_iowait;    /* own: sleeps for a disk */
	int memstall_cpu;  /* own: vCPU that counts the stall */
	const char *wchan; /* NULL: nothing sets it */

	/* Counts of its switches, and the perf events that measure it. */
	/* nvcsw: switches to sleep. nivcsw: preemptions. Under the runqueue lock. */
	u64 nvcsw, nivcsw;
	u64 nr_moves; /* to another vCPU; runqueue lock */
	/* Events that count for the task, or NULL; under the lock of task/perf.c. */
	struct perf_event *perf;

	/* CPU time in ns, and the timers that the CPU time drives: own. */
	u64 utime, stime;
	/* arch_cpu_clock() of the last switch between user and kernel accounting */
	u64 last_acct;
	/* ns by which utime + stime exceed se.sum_exec, to be subtracted from what it uses next */
	u64 acct_over;
	/* ktime at which sched_timer_ops->cpu_timers() is called for the task, or ~0 */
	u64 cpu_timer_at;
	/* ktime of the last check of the process's CPU timers (time/cpu_timer.c), or its delay */
	u64 cpu_timers_seen;
	/* ktime since which the check has been delayed, or 0 */
	u64 cpu_timers_late;
	/* Timers on the task's CPU time, under the lock of time/posix_timer.c. */
	struct rb_root cpu_timers;
	u64 hung_switches, hung_since; /* owned by task/hung.c */
	/* ktime of its fork; an exec by another thread than the leader takes the leader's. */
	u64 start_time;
	u64 start_boottime; /* start_time in CLOCK_BOOTTIME */

	/* Registers and stacks: own. */
	struct arch_task arch;

	/* Identity and family: immutable, or under tasklist_lock, except where said. */
	atomic_t usage; /* get_task(), put_task() */
	/*
	 * In the initial pid namespace, immutable, except that exec by a non-leader swaps pids
	 * under tasklist_lock.
	 */
	pid_t pid, tgid;
	struct pid *thread_pid; /* NULL once it is released */
	/* entries in pid->tasks[], by PIDTYPE_* */
	struct list_head pid_links[4];
	struct task *group_leader;
	struct task *real_parent; /* the parent by fork */
	/* The task that reaps this one: its tracer, or real_parent. */
	struct task *parent;
	struct list_head children;    /* of child->sibling; processes only */
	struct list_head sibling;     /* in parent's children */
	struct list_head tasks;       /* all processes (leaders) */
	struct list_head thread_node; /* in signal->threads */
	char comm[16];                /* own */

	/*
	 * Exit: under tasklist_lock. exit_code: wait status; while the task stops for its tracer,
	 * the stop's code. exit_signal: signal for the parent; -1: not the leader. exit_state: 0
	 * or EXIT_* (task/internal.h).
	 */
	int exit_code, exit_signal, exit_state;
	/* Signal that the task gets when its parent ends (PR_SET_PDEATHSIG), or 0; own. */
	int pdeath_signal;
	/* signal->exec_id of its parent at fork; immutable */
	u32 parent_exec_id;

	/* Marks of fork, exec and prctl: own. */
	bool did_exec, no_new_privs, in_execve, vfork_child;
	/*
	 * True if it counts against the pids= limit (kernel/task/pids_limit.c); under
	 * tasklist_lock.
	 */
	bool is_counted;
	/* True if setuid() has exceeded the new user's RLIMIT_NPROC: the next exec() fails. */
	bool over_nproc;
	/* True if its system calls are traced (kernel/syscall/trace.c); racy. */
	bool traced_calls;
	bool no_tsc; /* PR_SET_TSC: rdtsc raises SIGSEGV */
	u32 personality;
	struct completion *vfork_done;
	/* Guest addresses of CLONE_CHILD_SETTID and of set_tid_address(2), or 0. */
	uaddr_t set_child_tid, clear_child_tid;

	/* Futexes: own, except where said. */
	uaddr_t robust_list; /* of set_robust_list(2), or 0 */
	/* The PI lock for which the task waits; under the lock of futex_pi.c. */
	struct futex_q *pi_wait;
	/* True once the exiting task has released the futexes that it owned. */
	bool futex_dead;

	/* Restartable sequences: own. */
	u32 rseq_sig;  /* precedes an abort handler */
	uaddr_t rseq;  /* the registered area, or 0 */
	u64 rseq_seen; /* nvcsw + nivcsw at the area's last update */

	/*
	 * Objects shared with other tasks: own. To read them, other tasks hold tasklist_lock or
	 * alloc_lock.
	 */
	spinlock_t alloc_lock;
	struct mm *mm;
	struct files_struct *files;
	struct fs_struct *fs;
	struct nsproxy *nsproxy;

	/* Credentials: replaced as a whole. Other tasks read the pointer under alloc_lock. */
	const struct cred *cred;
	/* Its own credentials while override_creds() is active, or NULL. */
	const struct cred *real_cred;
	/* own: id mapping of the mount through which the current call works; kernel/vfs/idmap.h */
	struct user_namespace *idmap;

	/* Signals: under sighand->lock, except where said. */
	struct signal_struct *signal;
	struct sighand_struct *sighand;
	u64 blocked, saved_sigmask, real_blocked; /* own writes under the lock */
	/* this thread's queue (kernel/task/signal/signal.h) */
	struct sigpending *pending;
	u64 sas_ss_sp, sas_ss_size; /* own */
	u32 sas_ss_flags;           /* own */
	u32 jobctl;
	struct restart_block restart; /* own */
	/* Works to run before the return to user mode: a lock-free list, pushed by any task. */
	struct task_work *works;

	/* Tracing: under tasklist_lock, except where said. */
	u32 ptrace;
	u64 ptrace_message;
	struct list_head ptraced, ptrace_entry;
	/* Credentials of the tracer when it attached; this task holds a reference. */
	const struct cred *ptracer_cred;
	void *ptrace_info;
	/* Debug registers, or NULL; ptrace_debug.c explains how they change. */
	struct hw_debug *hw_debug;
	/* own: number for /proc/PID/syscall; -1 in user mode */
	u64 syscall_nr;

	/* Control groups, version 2: under cgroup_tasks_lock. */
	/* Holds a reference until the task is freed. NULL: not yet attached, or an idle task. */
	struct cgroup *cgroup;
	/* Entry in cgroup->tasks; empty after cgroup_exit(). */
	struct list_head cg_list;
	bool cg_frozen;                  /* counted in cgroup->nr_frozen */
	u64 cg_exec, cg_utime, cg_stime; /* already flushed to the group */
	u64 cg_min_flt, cg_maj_flt;      /* already flushed to the group */

	/* Control groups, version 1: under cgroup1_lock, except where said. */
	/* For each hierarchy the task's group, with a reference. NULL: the root group. */
	struct cgroup1 *cg1[CGROUP1_MAX];
	/* Number of entries of cg1 that are not NULL. The task itself reads it without the lock. */
	u32 nr_cg1;
	/* True if one of its freezer groups is to be frozen. */
	bool cg1_freeze;
	/*
	 * The group whose pids count includes it until it is reaped, with a reference, or NULL.
	 * Under cgroup_threads.
	 */
	struct cgroup1 *cg1_pids;
	u64 cg1_exec, cg1_utime, cg1_stime; /* already flushed to the groups */

	/* Memory: own, except where said. */
	struct mem_group *mem_group; /* group charged for its memory, or NULL */
	/* True once the OOM killer has chosen it. Set by other tasks, never cleared. */
	bool memdie;
	/*
	 * True if a charge has met a limit since the current fault began; out_of_memory() uses it.
	 */
	bool memcg_oom;
	/* Pages charged above a high limit, for which the task must still wait (TIF_CGROUP). */
	u64 memcg_over;
	u64 min_flt, maj_flt; /* faults without and with I/O */
	u64 mempolicy;        /* kernel/mm/mempolicy.c */

	/* Disks: own, except where said. */
	/* The group whose disk limits apply, or NULL. */
	struct io_group *io_group;
	/*
	 * ktime until which the task must wait for its earlier reads and writes (TIF_CGROUP), or 0.
	 */
	u64 io_paid_at;
	u32 io_generation; /* of the limits when io_paid_at was set */
	/* Also written and read by other tasks, racily: kernel/task/ioprio.c. */
	int ioprio;
	u64 io_rchar, io_wchar, io_syscr, io_syscw, io_read_bytes, io_write_bytes;
	void *journal_info; /* its open handle of an ext4 journal */
	/* struct blk_plug: bios not yet submitted to a driver, or NULL. */
	void *plug;

	/* Rights: own; seccomp is synchronised between threads under sighand->lock. */
	int seccomp_mode;
	/* Number of filters; keeps its value when the exiting task drops the chain. */
	u32 seccomp_count;
	struct seccomp_filter *seccomp;
	u64 dispatch_offset, dispatch_len, dispatch_selector; /* user_dispatch.c */
	u32 prctl_bits;                                       /* PRCTL_* of task/internal.h */
	u32 loginuid, sessionid;                              /* kernel/fs/proc/pid_login.c */
	u8 reqkey_default;                                    /* KEYCTL_SET_REQKEY_KEYRING */
	struct key *thread_keyring;                           /* a reference, or NULL */

	/* Requests that outlive a call: own, except where said. */
	/* Pending requests of io_uring that the task has issued. */
	atomic_t uring_busy;
	/* The io_uring files that the task has registered for use by index, or NULL. */
	struct file **uring_rings;
	/* SEM_UNDO operations to apply when the task exits, or NULL. */
	struct sem_undo_list *sysvsem;

	/* Slack of its timers in ns: own; also written racily through /proc. */
	u64 timer_slack_ns;
	/* The value that PR_SET_TIMERSLACK with 0 restores: the parent's slack at fork. */
	u64 default_timer_slack_ns;

	/* How the task is freed, and debugging. */
	struct rcu_head rcu; /* for put_task() */
#ifdef CONFIG_DEBUG
	struct held_locks held; /* own (lockdep) */
#endif
};

/* Returns the guest registers of @t; another task reads them while @t cannot run. */
static inline struct regs *task_regs(struct task *t)
{
	return &t->arch.regs;
}
/*
 * True if the task may use the reserve of frames: it reclaims memory, or the OOM killer has chosen
 * it (memdie). Only a task itself changes its flags, so other tasks set memdie.
 */
static inline bool frees_memory(const struct task *t)
{
	return t->flags & PF_MEMALLOC || __atomic_load_n(&t->memdie, __ATOMIC_RELAXED);
}
/* True if the task was switched out since its rseq area was last updated. */
static inline bool rseq_stale(const struct task *t)
{
	return t->rseq.v && t->rseq_seen != t->nvcsw + t->nivcsw;
}

/* Takes a reference. The caller has a reference already, or a lock that keeps @t. */
static inline void get_task(struct task *t)
{
	atomic_inc(&t->usage);
}
/* Drops a reference. The last one frees @t after a grace period. Does not sleep. */
void put_task(struct task *t);
/* Returns a zeroed task with usage 1, kernel stack and fpu, or NULL: no memory. May sleep. */
struct task *task_alloc(void);
/*
 * Queues @w: its function runs in @t before @t returns to user mode or exits, may sleep, and may
 * free @w. Until it begins the caller keeps @w. Any lock may be held.
 */
void task_work_add(struct task *t, struct task_work *w);
/* Runs the works queued for current, the oldest first. May sleep. */
void task_work_run(void);
/* Makes @t check its work_flags soon: kicks its vCPU if it is running. Any lock may be held. */
void kick_process(struct task *t);

extern struct task init_task_storage; /* vCPU 0's idle task */
extern rwlock_t tasklist_lock;
extern struct list_head all_processes; /* list of task->tasks, under tasklist_lock */

#endif
