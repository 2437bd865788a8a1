/* SPDX-License-Identifier: MIT */
/* internal.h: declarations shared by the files of kernel/task. */
#ifndef NESTLING_TASK_INTERNAL_H
#define NESTLING_TASK_INTERNAL_H

#include <asm/errno.h>
#include <asm/ptrace.h>
#include <linux/sched.h>
#include <linux/signal.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/task/entry.h"
#include "kernel/task/process.h"
#include "kernel/task/signal/signal.h"
#include "kernel/task/signal/sigselect.h"

struct user_regs_struct;

/* ---- keyrings.c: a process's keyrings; only keys_fork() may sleep ---- */
/* Makes a new process share the session keyring of @old, its parent's signal_struct. */
void keys_fork(struct signal_struct *sig, struct signal_struct *old);
void keys_exec(struct task *t); /* drops thread and process keyrings */
/*
 * Drop the references of a process to its session and process keyrings, and of a thread to its
 * thread keyring.
 */
void keys_exit_signal(struct signal_struct *sig);
void keys_exit_task(struct task *t);

/* ---- autogroup.c ---- */
struct autogroup;
/*
 * Makes the group of a new session, with one reference. May sleep. NULL: no memory, so the session
 * uses the root group.
 */
struct autogroup *autogroup_new(void);
/* Drops a reference; @ag may be NULL. The group is freed after a grace period. */
void autogroup_put(struct autogroup *ag);
/* The next three functions are called under tasklist_lock, held for writing. */
/*
 * Moves a process with all of its threads to @ag (NULL: the root group), and takes over its
 * reference. Returns the group that the process had before, with its reference.
 */
struct autogroup *autogroup_join(struct signal_struct *sig, struct autogroup *ag);
/* Makes a new process inherit the autogroup of @old. */
void autogroup_fork(struct signal_struct *sig, struct signal_struct *old);
/* Puts a new task, which is in no list yet, into the group of its process. */
void autogroup_link(struct task *t);

/* ---- acct.c: called by the last thread of a process, before and after exit_mm() ---- */
/* @code: wait status. acct_process() writes the record, and may sleep. */
void acct_collect(struct task *t, int code);
void acct_process(struct task *t);

/* ---- pids_limit.c: tasks of the guest's programs; tasklist_lock held for writing ---- */
/* Counts a task that is about to be linked. Returns false, without effect, if pids= is reached. */
bool guest_tasks_add(struct task *t);
void guest_tasks_remove(const struct task *t);
/* Returns the highest number of counted tasks so far; no lock is needed. */
u32 guest_tasks_most(void);

/* ---- mm_hooks.c ---- */
/* Sets the mode of PR_SET_DUMPABLE, 0 to 2, of which only 1 makes @mm dumpable. */
void set_dumpable(struct mm *mm, u32 mode);

/* ---- prctl_mm.c ---- */
/* Serves prctl(PR_SET_MM). May sleep. 0 or -errno. */
long prctl_set_mm(u64 which, u64 addr, u64 a4, u64 a5);

/* ---- pid_ns.c, wait.c ---- */
/*
 * Kills and reaps the other processes of a pid namespace. Called by @t, the last thread of the
 * namespace's init, when it ends. Sleeps.
 */
void zap_pid_ns(struct task *t);
/* wait.c: reaps the children of current that have died. */
void zap_wait(void);

/* ---- init_task.c ---- */
/* Each *_alloc() makes an object with one reference, and may sleep. NULL: no memory. */
struct signal_struct *signal_alloc(void);
struct sighand_struct *sighand_alloc(void);
void sighand_put(struct sighand_struct *sh);
void signal_put(struct signal_struct *sig);
void task_init_common(struct task *t); /* sets up lists, counts and locks */
/* Makes an empty queue, to be freed with kfree(). May sleep. NULL: no memory. */
struct sigpending *pending_alloc(void);

/* ---- fork.c ---- */
struct clone_args_k {
	u64 flags;
	uaddr_t pidfd, child_tid, parent_tid;
	int exit_signal;
	u64 stack; /* 0: the parent's */
	u64 tls;
	pid_t set_tid[33]; /* the innermost namespace's pid first */
	u32 nr_set_tid;
	struct cgroup *cgroup; /* the child's group; NULL: the parent's */
};
/*
 * Makes a child of current. May sleep, with CLONE_VFORK until the child has given the memory back.
 * Returns its pid in current's namespace, or -errno.
 */
pid_t kernel_clone(const struct clone_args_k *args);
/*
 * Notes that the child @t no longer uses its parent's memory, and wakes up the parent. Does not
 * sleep.
 */
void vfork_finish(struct task *t);

/* ---- exec and exit ---- */
/*
 * Prepares current for leaving its mm: clears clear_child_tid, gives up robust futexes. May sleep.
 */
void exit_mm_release(void);
/*
 * For exec: ends all other threads of current's process and makes current its leader. Sleeps. 0, or
 * -EAGAIN: the process is ending, or another thread executes a program.
 */
int de_thread(void);

/* ---- exit.c, wait.c ---- */
/* Releases a dead task that no parent waits for any more. Takes tasklist_lock. May sleep. */
void release_task(struct task *t);
/*
 * Notifies @t's parent of its end by the signal @sig; tasklist_lock is held for writing. Returns
 * true if no parent will wait, so that the caller must reap the task.
 */
bool do_notify_parent(struct task *t, int sig);
/* Wakes up the threads of @parent's process that wait for children, since @t has changed. */
void wake_up_parent(struct task *t, struct task *parent);
/*
 * True if no member of the group has a parent in another group of its session. @ignored, unless
 * NULL, counts as dead. will_become_orphaned_pgrp() is called with tasklist_lock held.
 * is_current_pgrp_orphaned(), for current's group, takes tasklist_lock.
 */
bool will_become_orphaned_pgrp(struct pid *pgrp, struct task *ignored);
bool is_current_pgrp_orphaned(void);
/* Values of task->exit_state. */
#define EXIT_DEAD 16   /* a task has claimed it and releases it */
#define EXIT_ZOMBIE 32 /* its parent has not waited for it yet */
/* The task's tracer, which is not its parent, has seen its end and is about to detach. */
#define EXIT_TRACE 48
/* As kill_pgrp(), with tasklist_lock held. */
int kill_pgrp_locked(struct pid *pgrp, int sig, const siginfo_t *info);

#define RUSAGE_BOTH_K (-2)
/* struct rusage as x86-64 has it. */
struct rusage64_k {
	s64 ru_utime[2], ru_stime[2];
	s64 ru_maxrss, ru_ixrss, ru_idrss, ru_isrss, ru_minflt, ru_majflt, ru_nswap;
	s64 ru_inblock, ru_oublock, ru_msgsnd, ru_msgrcv, ru_nsignals, ru_nvcsw, ru_nivcsw;
};

/*
 * Fills in the figures of @t, its process or its children: @who is RUSAGE_*, or RUSAGE_BOTH_K for
 * process and children. ru_maxrss is in KiB. May take sighand->lock, and sleep.
 */
void getrusage_of(struct task *t, int who, struct rusage64_k *ru);

/*
 * ---- rseq.c: makes the restartable sequence of @t, of any process, restart before @t next runs
 * guest code ----
 */
static inline void rseq_outdate(struct task *t)
{
	WRITE_ONCE(t->rseq_seen, ~0UL);
}

/* ---- signal_struct.flags, under sighand->lock ---- */
#define SIGNAL_STOP_STOPPED 0x1 /* a job control stop is in effect */
/* SIGCONT came, and no wait with WCONTINUED has reported that yet. */
#define SIGNAL_STOP_CONTINUED 0x2
#define SIGNAL_CLD_STOPPED 0x10 /* the parent is not yet notified */
#define SIGNAL_CLD_CONTINUED 0x20
#define SIGNAL_CLD_MASK (SIGNAL_CLD_STOPPED | SIGNAL_CLD_CONTINUED)
#define SIGNAL_UNKILLABLE 0x40 /* init: default actions do not affect it */

/* Marks a process as ending: it cannot be stopped or continued any more. sighand->lock held. */
static inline void begin_group_exit(struct signal_struct *sig, int code)
{
	sig->group_exit = true;
	sig->group_exit_code = code;
	sig->group_stop_count = 0;
	sig->flags &= ~(u32)(SIGNAL_STOP_STOPPED | SIGNAL_STOP_CONTINUED | SIGNAL_CLD_MASK);
}

/* ---- task->jobctl, under sighand->lock ---- */
#define JOBCTL_STOP_SIGMASK 0xffU
/* A stop signal was taken off the queue. SIGCONT clears this bit. */
#define JOBCTL_STOP_DEQUEUED BIT(16)
#define JOBCTL_STOP_PENDING BIT(17) /* the thread must stop for its group */
#define JOBCTL_STOP_CONSUME BIT(18) /* still counted in group_stop_count */
#define JOBCTL_TRAP_STOP BIT(19)    /* ptrace: PTRACE_EVENT_STOP */
#define JOBCTL_TRAP_NOTIFY BIT(20)
/* The thread is on the way from group stop to ptrace stop. */
#define JOBCTL_TRAPPING BIT(21)
#define JOBCTL_LISTENING BIT(22)
#define JOBCTL_TRAP_FREEZE BIT(23) /* its control group is frozen */
/* The task's tracer is accessing it, so SIGKILL must not wake it up yet. */
#define JOBCTL_PTRACE_FROZEN BIT(24)
#define JOBCTL_PENDING_MASK                                                                        \
	((u32)(JOBCTL_STOP_PENDING | JOBCTL_TRAP_STOP | JOBCTL_TRAP_NOTIFY | JOBCTL_TRAP_FREEZE))

/* ---- signal files ---- */
#define SIG_KERNEL_SYNC                                                                            \
	(sigmask_of(SIGSEGV) | sigmask_of(SIGBUS) | sigmask_of(SIGILL) | sigmask_of(SIGTRAP) |     \
		sigmask_of(SIGFPE) | sigmask_of(SIGSYS))
#define SIG_KERNEL_STOP                                                                            \
	(sigmask_of(SIGSTOP) | sigmask_of(SIGTSTP) | sigmask_of(SIGTTIN) | sigmask_of(SIGTTOU))
#define SIG_KERNEL_IGNORE                                                                          \
	(sigmask_of(SIGCONT) | sigmask_of(SIGCHLD) | sigmask_of(SIGWINCH) | sigmask_of(SIGURG))
#define SIG_KERNEL_COREDUMP                                                                        \
	(sigmask_of(SIGQUIT) | sigmask_of(SIGILL) | sigmask_of(SIGTRAP) | sigmask_of(SIGABRT) |    \
		sigmask_of(SIGFPE) | sigmask_of(SIGSEGV) | sigmask_of(SIGBUS) |                    \
		sigmask_of(SIGSYS) | sigmask_of(SIGXCPU) | sigmask_of(SIGXFSZ))

static inline bool valid_signal(int sig)
{
	return sig >= 0 && sig <= NSIG_MAX;
}

/*
 * The functions from here to send_signal_locked() are called with sighand->lock held, and do not
 * sleep. sig_ignored() is true if @t would drop the signal. @force: SIGKILL and SIGSTOP reach init
 * too.
 */
bool sig_ignored(struct task *t, int sig, bool force);
void signal_wake_up(struct task *t, bool fatal); /* for a new signal; @fatal: SIGKILL */
/* Wakes up @t if a signal that it does not block is pending. */
void recalc_sigpending_and_wake(struct task *t);
/*
 * Takes a pending signal of @t, which is current, that is not in @mask off its queue, and fills in
 * @info. Returns the signal's number, or 0.
 */
int dequeue_signal_locked(struct task *t, u64 mask, siginfo_t *info);
/* Drop all signals of a queue, or those of @mask. */
void flush_sigqueue(struct sigpending *p);
void flush_sigqueue_mask(u64 mask, struct sigpending *p);
/* Queues a signal for @t, or with @group for its process. Returns 0 or -EAGAIN. */
int send_signal_locked(int sig, const siginfo_t *info, struct task *t, bool group);
/* As send_signal_locked(), but takes sighand->lock itself; -ESRCH: @t was released. */
int do_send_sig_info(int sig, const siginfo_t *info, struct task *t, bool group);
/* Forces a signal on current, even if it is blocked or ignored. Takes sighand->lock. */
void force_sig_info(const siginfo_t *info);
/*
 * fault_log.c: log_bad_frame() logs that the signal frame at @frame is unreadable.
 * log_fatal_signal() logs the signal that kills current, with registers, if
 * kernel.print-fatal-signals is set.
 */
void log_bad_frame(u64 frame);
void log_fatal_signal(int sig);
/* Wakes up a thread for a signal that was queued, or kills the process. sighand->lock held. */
void complete_signal(int sig, struct task *t, bool group);
/* Sends SIGKILL to all other threads; sighand->lock held. */
void zap_other_threads(struct task *t);
/*
 * jobctl.c: counts @t as stopped in its group stop. Returns true if its whole process has stopped
 * now. sighand->lock is held for this function and the next two.
 */
int task_participate_group_stop(struct task *t);
void task_clear_jobctl_pending(struct task *t, u32 mask);
/*
 * Sets the bits of @mask (JOBCTL_*); a signal number in @mask replaces the old one. Returns false,
 * and changes nothing, if @t is being killed or exits.
 */
bool task_set_jobctl_pending(struct task *t, u32 mask);
/* Waits until JOBCTL_TRAPPING is cleared, or current is being killed. */
void wait_for_trap(struct task *t);
/*
 * Stop current, with sighand->lock held. do_signal_stop() returns true if it has stopped, and then
 * has dropped the lock; do_jobctl_trap() and do_freezer_trap() drop it in any case. All may sleep.
 */
bool do_signal_stop(int signr);
void do_jobctl_trap(void);
void do_freezer_trap(void);
/*
 * Notifies @t's parent, or with @for_ptracer its tracer, of a stop or continuation (@why: CLD_*).
 * tasklist_lock is held.
 */
void do_notify_parent_cldstop(struct task *t, bool for_ptracer, int why);
/* Resets the handlers of @t's process; with @force_default ignored signals too. */
void flush_signal_handlers(struct task *t, bool force_default);
/* Marks @t, which is current, as exiting, so that it takes no more signals. Takes sighand->lock. */
void exit_signals(struct task *t);
/*
 * Makes an entry with one reference, charged to @t's user. Does not sleep. NULL: no memory, or
 * RLIMIT_SIGPENDING is reached and not overridden.
 */
struct sigqueue *sigqueue_new(struct task *t, int sig, bool override_limit);
/* Takes one pending @sig off the queue @list, and fills in @info. sighand->lock is held. */
void collect_signal(int sig, struct sigpending *list, siginfo_t *info);
/* Copies a siginfo from guest memory. Returns 0 or -EFAULT. May sleep. */
int copy_siginfo_from_user(siginfo_t *info, uaddr_t from);
/* Blocks the signals of the handler's mask after its frame was built; @failed: forces SIGSEGV. */
void signal_setup_done(bool failed, struct ksignal *ks);
/*
 * Takes current's signals until one has a handler. Returns true with *ks filled in; false: none is
 * left. May sleep, and does not return if a signal ends current.
 */
bool get_signal(struct ksignal *ks);
/* Writes a core dump of current's process if it is wanted. Sleeps. */
void coredump(const siginfo_t *info);
/* Called by an exiting thread: waits while another thread of its process writes a core dump. */
void coredump_wait_exit(void);

/* ---- ptrace.c ---- */
/*
 * Stops for the tracer with the signal @signr and returns the signal to deliver, or 0.
 * sighand->lock is held; it may be dropped and retaken.
 */
int ptrace_signal(int signr, siginfo_t *info);
/*
 * Stops for the tracer. sighand->lock is held; it may be dropped and retaken. Returns the signal
 * that the tracer wants delivered, or 0.
 */
int ptrace_stop(int exit_code, int why, siginfo_t *info);
/*
 * Stop current for its tracer, if it has one (ptrace_event*(): and if the tracer wants the event).
 * Take sighand->lock, and sleep.
 */
int ptrace_notify(int exit_code);
void ptrace_event(int event, u64 message);
void ptrace_event_pid(int event, const struct pid *pid); /* @pid as numbered for the tracer */
pid_t ptrace_own_nr(void);                               /* current's pid for its tracer, or 0 */
bool ptrace_event_enabled(struct task *t, int event);
void ptrace_fork(struct task *child, u64 clone_flags, int event); /* auto-attaches; tasklist_lock */
void exit_ptrace(struct task *tracer, struct list_head *dead);    /* under tasklist_lock (write) */
/*
 * Begin and end the tracing of @child by @tracer, under tasklist_lock (write). @by: credentials of
 * the caller of ptrace(2). They limit the privileges that the tracee may gain at exec.
 */
void ptrace_link(struct task *child, struct task *tracer, const struct cred *by);
void ptrace_unlink(struct task *child);
/*
 * Makes @t, which was attached by PTRACE_SEIZE, report a change of its group stop to its tracer.
 * sighand->lock is held.
 */
void ptrace_trap_notify(struct task *t);
/* True if @t's tracer is not its parent. */
bool ptrace_reparented(struct task *t);
/*
 * ptrace_request.c, ptrace_regs.c: serve requests of ptrace(2) for @child, which is stopped. May
 * sleep. Return the result of the call, or -errno.
 */
long ptrace_request(struct task *child, long request, u64 addr, u64 data);
long ptrace_regset(struct task *child, long request, u64 type, uaddr_t uiov);
long ptrace_regs_request(struct task *child, long request, u64 addr, u64 data);
/*
 * Returns @t's FPU image from byte 512 on, and writes the image's first 512 bytes to @head. The
 * mask of enabled features (XCR0) is put into bytes that the CPU leaves unused, as debuggers
 * expect.
 */
#define XSTATE_BV_OFFSET 512
const void *fpu_image(struct task *t, u8 head[XSTATE_BV_OFFSET]);
/* user_dispatch.c: requests of ptrace(2) for the settings of PR_SET_SYSCALL_USER_DISPATCH. */
#define PTRACE_SET_DISPATCH 0x4210
#define PTRACE_GET_DISPATCH 0x4211
#define PTRACE_SET_SYSCALL_INFO 0x4212 /* Linux 6.16 */
long user_dispatch_ptrace(struct task *t, u32 request, u64 size, uaddr_t data);
/* Sets what PR_SET_SYSCALL_USER_DISPATCH sets. 0, -EINVAL or -EFAULT. */
long user_dispatch_set(struct task *t, u64 mode, u64 offset, u64 len, u64 selector);
void user_dispatch_clear(struct task *t);
/* True if current's system call must not be served: a signal is pending instead. May sleep. */
bool user_dispatch_takes(struct regs *r);
/* Bits of task->prctl_bits, which fork inherits. */
#define PRCTL_MCE_PROCESS BIT(0)
#define PRCTL_MCE_EARLY BIT(1)
#define PRCTL_IO_FLUSHER BIT(2)

/*
 * core_name.c: expand core_pattern. core_name() writes the file's name to @buf. core_words() sets
 * @argv to the words of a pattern with '|', with NULL behind the last; they are in @text, which has
 * CORE_WORDS_SIZE bytes. @sig: the signal.
 */
#define CORE_MAX_WORDS 64 /* a pattern has 127 bytes */
#define CORE_WORDS_SIZE (4 * PATH_MAX)
void core_name(char *buf, size_t size, int sig);
void core_words(char *text, const char *argv[CORE_MAX_WORDS + 1], int sig);
/* core_pipe.c: starts the program and returns the pipe to its standard input, or ERR_PTR. */
struct file *core_pipe_open(const char *const *argv);
/*
 * Counts a program that is about to receive a core dump. Returns false if kernel.core_pipe_limit is
 * reached. After true, the caller must call core_pipe_end() with the pipe (NULL: there is none).
 */
bool core_pipe_begin(void);
void core_pipe_end(struct file *f);
/*
 * ptrace_debug.c: read and write the debug register @n (0 to 7) of @t, a stopped tracee or, at
 * exec, current. hw_debug_poke() may sleep, and returns 0, -EIO, -EINVAL or -ENOMEM.
 */
u64 hw_debug_peek(const struct task *t, u32 n);
long hw_debug_poke(struct task *t, u32 n, u64 value);
void hw_debug_free(struct task *t);
void fill_user_regs(struct user_regs_struct *ur, const struct regs *r);
#define PTRACE_EVENT_STOP_CODE 128
/* Bits of task->ptrace. Options of PTRACE_SETOPTIONS are shifted up by PT_OPT_SHIFT. */
#define PT_PTRACED 0x1
#define PT_OPT_SHIFT 3
#define PT_EVENT_FLAG(e) (1U << (PT_OPT_SHIFT + (e)))
#define PT_TRACESYSGOOD PT_EVENT_FLAG(0)
#define PT_SEIZED BIT(16)
/* The trap flag (TF) was set for the tracer, not by the guest. */
#define PT_STEPPING BIT(17)
#define PT_EXITKILL (1U << (PT_OPT_SHIFT + 20))
#define PT_SUSPEND_SECCOMP (1U << (PT_OPT_SHIFT + 21))
/* Checks whether current may set these PTRACE_O_* as a tracer. Returns 0, -EINVAL or -EPERM. */
long ptrace_check_options(u64 options);

/* ---- oom_reap.c ---- */
/*
 * Asks the thread oom_reaper to free the memory of @victim, a process that the OOM killer has
 * chosen, if the process has not ended in time. Does not sleep; tasklist_lock may be held for
 * reading.
 */
void oom_reap_overdue(const struct task *victim);

/* ---- process_madvise.c ---- */
/*
 * True if all processes that use the mm are dying. A vfork() child shares it with its parent, which
 * may live. Takes tasklist_lock.
 */
bool mm_users_are_dying(const struct mm *mm);

/* ---- pidfd.c ---- */
struct file;
/* Returns the pid of a pidfd, without a reference; ERR_PTR(-EBADF): @f is no pidfd. */
struct pid *pidfd_pid(const struct file *f);
/* Stores what pidfds of a released task report. Under tasklist_lock (write). */
void pidfd_keep_exit(struct task *t);
/*
 * Wakes up pollers of pidfds at the end of a process, or at the end of a thread for which there are
 * pidfds (PIDFD_THREAD).
 */
void pidfd_notify(struct task *t);

#endif
