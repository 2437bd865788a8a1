/* SPDX-License-Identifier: MIT */
/*
 * task.h: struct task, one guest thread or kernel thread, and the scheduler's door.
 *
 * Threads of one process share a struct signal_struct (thread group), sighand, mm, files. A kernel thread has no mm.
 * Fields are grouped by the lock that protects them. "own" means: touched by the task itself, or while it cannot run.
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
struct futex_state;
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
#define TASK_DEAD 16 /* never runs again */
#define TASK_WAKEKILL 32
#define TASK_NOLOAD 64 /* does not count for the load average */
#define TASK_KILLABLE (TASK_UNINTERRUPTIBLE | TASK_WAKEKILL)
#define TASK_IDLE (TASK_UNINTERRUPTIBLE | TASK_NOLOAD) /* a kernel thread without work */
#define TASK_NORMAL (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)

/* task->flags. Those of PF_SHOWN have Linux's values: /proc/PID/stat tells them, and systemd knows kernel threads by them. */
#define PF_IDLE 0x02
#define PF_EXITING 0x04
#define PF_FORKNOEXEC 0x40
#define PF_SUPERPRIV 0x100
#define PF_DUMPCORE 0x200
#define PF_SIGNALED 0x400
#define PF_MEMALLOC 0x800 /* may dip into reserves: reclaim */
#define PF_KTHREAD 0x00200000
#define PF_SHOWN 0x00ffffff
#define PF_VFORK_DONE 0x01000000
#define PF_NO_MM                                                                                   \
	0x02000000 /* lets its mm go: no part of a core dump any more (under sighand->lock) */

#define PF_RECLAIM 0x08000000 /* frees memory just now: does not begin anew inside */
#define PF_FLUSHER 0x10000000 /* writes dirty pages: a part of the reserve is for it */
#define PF_NO_XFSZ 0x04000000 /* EFBIG alone says that a file may not grow so much */

/* task->work_flags: reasons for the slow way to user mode; set by others with set_bit, then kick. */
#define TIF_SIGPENDING 0
#define TIF_NEED_RESCHED 1
#define TIF_NOTIFY 2 /* task_work is queued */
#define TIF_RESTORE_SIGMASK 3
#define TIF_SYSCALL_TRACE 4
#define TIF_SECCOMP 5
#define TIF_SINGLESTEP 6    /* the tracer steps: it is told behind a system call, too */
#define TIF_SYSCALL_EMU 7   /* the tracer serves the calls: PTRACE_SYSEMU */
#define TIF_USER_DISPATCH 8 /* calls may become SIGSYS: user_dispatch.c */
#define TIF_CGROUP                                                                                 \
	9 /* a group it is in, or its deadline, has something to say before it goes to user mode */

struct sched_entity {
	struct rb_node node;
	u64 vruntime;    /* weighted ns */
	u64 exec_start;  /* when it was put on the CPU */
	u64 sum_exec;    /* ns, all */
	u64 slice_start; /* sum_exec when its slice began */
	u64 slice;       /* ns that sched_setattr() asked for, 0: the usual; racy */
	u64 queued_at;   /* arch_cpu_clock() when it became runnable */
	u64 wait_since;  /* the same, or when it lost the CPU while runnable; 0: it does not wait */
	u64 run_delay;   /* ns, all: runnable and not running */
	u64 nr_runs;     /* how often it was put on a CPU */
	u64 woken_exec;  /* sum_exec when it slept last: RLIMIT_RTTIME */
	u64 computed_at; /* arch_cpu_clock() at the end of a long time in guest code, or in the kernel, or 0 */
	u32 weight;
	bool on_rq;
};

struct restart_block {
	long (*fn)(struct restart_block *rb); /* sys_restart_syscall calls it */
	u64 arg[6];
};

#define sigmask_of(sig) (1UL << ((sig)-1))
struct sigpending {
	struct list_head list; /* of sigqueue (kernel/task) */
	u64 signal;            /* mask of what is pending */
};

struct task_work {
	struct task_work *next;
	void (*func)(struct task_work *w);
};

struct perf_event;

struct futex_q;
struct task {
	/* scheduler: under the runqueue lock of task->cpu, except where said */
	u32 state; /* written by the task itself (set_current_state), and by wakers under the rq lock */
	int cpu;        /* the vCPU it runs on or ran on last */
	bool on_cpu;    /* its stack is in use by a vCPU */
	u32 flags;      /* PF_*, own */
	u64 work_flags; /* TIF_*, atomic bits */
	int policy;     /* SCHED_* */
	int nice;       /* -20 .. 19 */
	int rt_priority;
	u64 dl_runtime, dl_deadline, dl_period; /* SCHED_DEADLINE: ns of each period */
	u64 dl_start, dl_abs;                   /* of this period: when it began, its deadline */
	s64 dl_budget;                          /* what is left of it */
	u32 dl_flags;                           /* SCHED_FLAG_RECLAIM, SCHED_FLAG_DL_OVERRUN */
	bool dl_on;                             /* served before all others: deadline.c */
	bool dl_waits;                          /* for its next period */
	bool dl_overran;                        /* its budget since it was last told */
	int boost; /* 0, or the real-time priority that waiters for its PI locks lend it */
	bool sched_reset_on_fork;
	u64 cpus_allowed;          /* mask of vCPUs */
	u64 cpus_wish, cpus_bound; /* what it is made of: affinity.c */
	struct sched_entity se;
	struct list_head rt_node; /* run list of FIFO/RR */
	struct psi_group *psi; /* whose pressure it adds to, NULL: the machine's only; likewise */
	bool memstall;         /* own: waits for memory, counted on memstall_cpu */
	int memstall_cpu;
	struct sched_group *sched_group; /* NULL: in none; under the runqueue lock */
	u64 nvcsw, nivcsw;
	u64 nr_moves;            /* to another vCPU */
	struct perf_event *perf; /* what counts it: task/perf.c, under its lock; NULL: nothing */
	u64 hung_switches, hung_since; /* task/hung.c's */
	u64 utime, stime;              /* ns, own */
	u64 last_acct;                 /* own: when user/kernel accounting last switched */
	u64 acct_over;                 /* own: utime and stime have this more than se.sum_exec */
	u64 cpu_timer_at;    /* own: ktime at which sched_timer_ops is called for it; ~0 none */
	u64 cpu_timers_seen; /* own: when it was called last */
	struct rb_root
		cpu_timers; /* that wait for its CPU time: time/posix_timer.c's, under its lock */
	bool in_iowait;     /* own: sleeps for a disk */
	u64 start_time;     /* ktime, immutable */
	u64 start_boottime;

	struct arch_task arch; /* own */

	/* identity: immutable, or under tasklist_lock */
	atomic_t usage;
	pid_t pid,
		tgid; /* in the initial pid namespace, immutable (tgid: exec by a non-leader swaps pids under tasklist_lock) */
	struct pid *thread_pid;
	struct list_head pid_links[4]; /* in pid->tasks[], by PIDTYPE_*; under tasklist_lock */
	struct task *group_leader;
	struct task *real_parent;  /* who forked it */
	struct task *parent;       /* who waits for it (the tracer, or real_parent) */
	struct list_head children; /* of sibling; processes only */
	struct list_head sibling;
	struct list_head tasks;       /* all processes (leaders) */
	struct list_head thread_node; /* in signal->threads */
	char comm[16];                /* own; read racily */
	int exit_code, exit_signal, exit_state;
	int pdeath_signal;
	u32 parent_exec_id; /* its parent's signal->exec_id when it was born; immutable */
	bool did_exec, no_new_privs, in_execve, vfork_child;
	bool over_nproc;   /* setuid() has made it one too many of its user's: exec() says so */
	bool traced_calls; /* kernel/syscall/trace.c: of who is followed; racy */
	bool no_tsc;       /* own: PR_SET_TSC; rdtsc is a SIGSEGV */
	u32 personality;
	struct completion *vfork_done;
	uaddr_t set_child_tid, clear_child_tid;
	uaddr_t robust_list;
	struct futex_q *pi_wait; /* where it waits for a PI lock; of futex_pi.c, under its lock */
	bool futex_dead;         /* it exits, and has told of the futexes that it owned */
	uaddr_t rseq; /* own: the registered area, its signature, nvcsw + nivcsw when it was up to date */
	u32 rseq_sig;
	u64 rseq_seen;

	/* own; others take tasklist_lock or task_lock (alloc_lock) to look */
	spinlock_t alloc_lock;
	struct mm *mm;
	struct files_struct *files;
	struct fs_struct *fs;
	struct nsproxy *nsproxy;
	const struct cred *cred; /* replaced as a whole; readers under alloc_lock or own */
	/* its own, while it acts as somebody else (override_creds()); NULL: cred is */
	const struct cred *real_cred;
	struct user_namespace
		*idmap; /* own: of the mount that it works through: kernel/vfs/idmap.h */

	/* signals: under sighand->lock */
	struct signal_struct *signal;
	struct sighand_struct *sighand;
	u64 blocked, saved_sigmask, real_blocked; /* own writes under the lock */
	struct sigpending *pending; /* this thread's queue (kernel/task/signal/signal.h) */
	u64 sas_ss_sp, sas_ss_size;
	u32 sas_ss_flags;
	u32 jobctl;
	struct restart_block restart;
	struct key *thread_keyring; /* a reference; its own */
	u8 reqkey_default;          /* KEYCTL_SET_REQKEY_KEYRING, its own */
	struct task_work *works;    /* atomic list */

	/* ptrace: under tasklist_lock */
	u32 ptrace;
	u64 ptrace_message;
	struct list_head ptraced, ptrace_entry;
	const struct cred *ptracer_cred; /* whoever began to trace it had these; a reference */
	void *ptrace_info;

	/* cgroups: under cgroup_tasks_lock */
	struct cgroup
		*cgroup; /* a reference until it is freed; NULL: not born yet, or an idle task */
	struct list_head cg_list; /* of cgroup->tasks; empty from cgroup_exit() on */
	struct cgroup1 *cg1
		[CGROUP1_MAX]; /* version 1, by slot: references; NULL: the top. Under cgroup1_lock */
	u32 nr_cg1;            /* of them that are not NULL; read racily by itself */
	/* version 1: what was flushed to its group of cpuacct, under cgroup1_lock */
	struct cgroup1 *
		cg1_pids; /* counts it until it is reaped, a reference; NULL: none. Under cgroup_threads */
	u64 cg1_exec, cg1_utime, cg1_stime;
	bool cg1_freeze;                 /* its group of version 1's freezer is to be frozen */
	bool cg_frozen;                  /* counted in cgroup->nr_frozen */
	u64 cg_exec, cg_utime, cg_stime; /* what was flushed to the group already */
	u64 cg_min_flt, cg_maj_flt;      /* likewise */
	struct mem_group *mem_group;     /* own; who pays for its memory. NULL: nobody */
	bool memdie;    /* chosen to die for others' memory; others set it, never cleared */
	bool memcg_oom; /* own: a charge has met a limit since this fault began, for out_of_memory() */
	u64 memcg_over; /* own: pages above memory.high that it has to pay for, TIF_CGROUP */
	struct io_group *io_group; /* own; whose limits on disks count. NULL: nobody's */
	u64 io_paid_at; /* own: until when it waits for what it has read and written, TIF_CGROUP; 0: it need not */
	u32 io_generation; /* own: of the limits that say so */

	int seccomp_mode; /* own; threads are synchronised under sighand->lock */
	struct seccomp_filter *seccomp;
	u32 seccomp_count; /* of the chain; stays when it exits and has none any more */
	u64 dispatch_offset, dispatch_len, dispatch_selector; /* own: user_dispatch.c */
	u32 prctl_bits;                                       /* own: PRCTL_* of task/internal.h */
	struct hw_debug *hw_debug; /* ptrace_debug.c; NULL: nothing is set */

	struct futex_state *futex;     /* own */
	atomic_t uring_busy;           /* requests of io_uring that wait in its name */
	struct file **uring_rings;     /* own: io_uring's registered rings, or NULL */
	struct sem_undo_list *sysvsem; /* own: what SEM_UNDO takes back at exit; NULL: nothing */
	u64 min_flt, maj_flt;          /* own */
	u64 io_rchar, io_wchar, io_syscr, io_syscw, io_read_bytes, io_write_bytes;
	u64 timer_slack_ns;
	u64 default_timer_slack_ns; /* PR_SET_TIMERSLACK 0: the parent's slack at fork */
	u32 loginuid, sessionid;    /* own: kernel/fs/proc/pid_login.c */
	u64 mempolicy;              /* own: kernel/mm/mempolicy.c */
	int ioprio;                 /* read and written racily: kernel/task/ioprio.c */
	void *journal_info;         /* open ext4 handle */
	void *plug;        /* own (struct blk_plug): what it has submitted and no driver has yet */
	u64 syscall_nr;    /* for /proc/PID/syscall, -1 in user mode */
	const char *wchan; /* what it waits for, for /proc/PID/wchan */
	struct rcu_head rcu; /* put_task */
#ifdef CONFIG_DEBUG
	struct held_locks held; /* own (lockdep) */
#endif
};

static inline struct regs *task_regs(struct task *t)
{
	return &t->arch.regs;
}
/* May it dip into the reserve, because that frees memory? flags are a task's own, so others set memdie. */
static inline bool frees_memory(const struct task *t)
{
	return t->flags & PF_MEMALLOC || __atomic_load_n(&t->memdie, __ATOMIC_RELAXED);
}
/* Has it been switched out since its rseq area was brought up to date? */
static inline bool rseq_stale(const struct task *t)
{
	return t->rseq.v && t->rseq_seen != t->nvcsw + t->nivcsw;
}
static inline u32 get_current_state(void)
{
	return current->state;
}
/* A full barrier follows, so that the condition tested next is not read early. */
#define set_current_state(s) ((void)__atomic_exchange_n(&current->state, (s), __ATOMIC_SEQ_CST))
#define __set_current_state(s) (current->state = (s))

/* ---- the scheduler ---- */
void schedule(void);
void cond_resched(void); /* a boundary: polls interrupts, gives way; no spinlock held */
void yield(void);
/* Nobody waits for this vCPU: until it is kicked, yield() would change nothing. */
bool sched_alone(void);
/* The fair tasks of this vCPU are to go on on @cpu, as far as they may, current at its next boundary. No lock held. */
void sched_join(int cpu);
/* The same for @ns, as far as one knows: nobody is queued, no timer is due. So current may keep the vCPU in a call of the host for so long. */
bool sched_spare(u64 ns);
/* It has, for @ns: that is waiting for a disk, not current's CPU time. */
void sched_waited_on_host(u64 ns);
/* What rooms above do at the scheduler's moments; each registers its table once, at boot. */
struct sched_idle_ops {
	/* A vCPU is about to go idle, at a boundary: does what was put off until there is time. */
	void (*before_idle)(void);
};
struct sched_plug_ops {
	/* A task with a plug is about to sleep or to give way: submits what is in the plug. True: there was something, look again. */
	bool (*submit)(void);
};
struct sched_timer_ops {
	/* At a boundary of current when ktime has reached current->cpu_timer_at (kernel/time sets both). No lock held. */
	void (*cpu_timers)(u64 now);
};
extern const struct sched_idle_ops *sched_idle_ops;   /* kernel/net */
extern const struct sched_plug_ops *sched_plug_ops;   /* kernel/block */
extern const struct sched_timer_ops *sched_timer_ops; /* kernel/time */
/* Wakes @t when its state is in @states: true when it did. Works with spinlocks held. */
bool wake_up_state(struct task *t, u32 states);
#define wake_up_process(t) wake_up_state(t, TASK_NORMAL)
void wake_up_new_task(struct task *t);
void sched_fork(struct task *t); /* scheduler fields of a new task, from current */
void sched_exit(struct task *t);
void __noreturn sched_dead(void); /* last schedule of current (state TASK_DEAD) */
extern u32 sysctl_dl_period_min_us, sysctl_dl_period_max_us;
#define DL_PERIOD_MIN_US 100
#define DL_PERIOD_MAX_US 4194304 /* no more: nobody sleeps for minutes, deaf to signals */
extern int sysctl_sched_rt_runtime_us, sysctl_sched_rt_period_us; /* -1: no throttling */
#define SCHED_RR_TIMESLICE_MS 100
extern int sysctl_sched_rr_timeslice; /* ms */
void set_user_nice(struct task *t, int nice);
int sched_setscheduler(struct task *t, int policy, int prio); /* 0, -EINVAL */
/* How long it runs, as a fair task, before it makes room for another: ns, 0.1 to 100 ms; 0: as usual. */
void sched_set_slice(struct task *t, u64 ns);
u64 sched_slice(const struct task *t);
/* SCHED_DEADLINE; @period 0: as the deadline. 0, -EINVAL, -EBUSY (more than there is), -EPERM (not allowed on all vCPUs). */
int sched_set_deadline(struct task *t, u64 runtime, u64 deadline, u64 period, u64 flags);
/* Of current, a task of SCHED_DEADLINE: gives up what is left of its budget; sleeps until its next period when there is none. */
void dl_yield(void);
void dl_throttle(void);
/* Lends @t a real-time priority (0: none): true when that changes what it runs at. Under pi_lock (kernel/task/futex/futex_pi.c). */
bool sched_boost(struct task *t, int prio);
int sched_rt_prio(const struct task *t); /* what it runs at: 1 to 99, or 0 for a fair task */
int sched_setaffinity(struct task *t, u64 mask); /* 0, -EINVAL, -EBUSY */
/* The vCPUs of its group, never none: what was asked for with sched_setaffinity() counts within them. With spinlocks held. */
void sched_set_bound(struct task *t, u64 mask);
u64 sched_rr_interval(struct task *t); /* ns; 0 for FIFO */
/* True if @t has a signal to take: an interruptible sleep of its ends. */
bool signal_pending(struct task *t);
/* True if @t is to die: a killable sleep of its ends. */
bool fatal_signal_pending(struct task *t);
/* Reschedules, then returns -EINTR for a task that is to die, else 0: for loops whose length an image or a guest sets. */
static inline int boundary_or_killed(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}
/* Queues @w, which runs before @t returns to user mode or exits; any lock may be held. */
void task_work_add(struct task *t, struct task_work *w);
void task_work_run(void); /* runs what is queued for current */
/* Makes @t look at its work_flags soon: kicks its vCPU when it runs in guest code. */
void kick_process(struct task *t);
/* Numbers for /proc/stat, loadavg, uptime. */
struct cpu_times {
	u64 user, nice, system, idle, iowait, steal; /* ns */
};
void sched_cpu_times(int cpu, struct cpu_times *ct);
/* For /proc/schedstat: what the tasks of a vCPU ran and waited, ns. */
struct sched_cpu_stats {
	u64 switches, run_ns, wait_ns, slices;
};
void sched_cpu_stats(int cpu, struct sched_cpu_stats *st);
/* Every vCPU executes a full barrier, those in guest code too; sleeps until they have. */
void sched_barrier(void);
/* CPU time of @t, also while it runs: ns. */
u64 task_sched_runtime(struct task *t);
/* What current sleeps for in between is a disk: /proc/stat, pressure. The first's result is for the second. */
bool io_wait_begin(void);
void io_wait_end(bool outer);

void sched_loadavg(u64 avg[3]); /* fixed point, 11 bits of fraction */
u64 nr_context_switches(void);
u32 nr_running(void);

static inline void get_task(struct task *t)
{
	atomic_inc(&t->usage);
}
void put_task(struct task *t); /* frees through a grace period */
struct task *task_alloc(void); /* zeroed, usage 1, kernel stack and fpu; NULL */

/* Kernel threads: fn runs in a task of its own; it ends by returning. Named as printf. NULL when out of memory. */
struct task *kthread_run(int (*fn)(void *), void *arg, const char *name, ...) __printf(3, 4);

/*
 * What the task room does for the tasks that sched makes and ends; kernel/task/init_task.c defines the table. The reference that
 * task_alloc() gives is the scheduler's own: schedule_tail() drops it after the task's last switch (TASK_DEAD).
 */
struct task_hooks {
	void (*init_idle)(
		struct task *t); /* static credentials and signal state; memory need not work yet */
	int (*init_kthread)(struct task *
			t); /* pid, credentials, signal state of a new kernel thread: 0 or -errno */
	void (*kthread_exit)(int code) __noreturn; /* a kernel thread's function has returned */
	void (*free)(struct task *t); /* the last reference is gone: what the task room gave it */
};
extern const struct task_hooks task_hooks;

extern struct task init_task_storage; /* vCPU 0's idle task */
extern rwlock_t tasklist_lock;
extern struct list_head all_processes; /* of task->tasks, under tasklist_lock */

#endif
