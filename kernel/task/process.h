/* SPDX-License-Identifier: MIT */
/*
 * process.h: the public header of kernel/task: fork, exec, exit, wait, and information about
 * processes.
 */
#ifndef NESTLING_TASK_PROCESS_H
#define NESTLING_TASK_PROCESS_H

#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/task/signal/signal.h"

struct file;
struct oom_scope; /* kernel/cgroup/cgroup.h */

/*
 * Makes current, a kernel thread, run the program @path. May sleep. Returns 0 or -errno. After 0
 * the caller returns from its kthread function and enters user mode.
 */
int kernel_execve(const char *path, const char *const *argv, const char *const *envp);
/*
 * Makes the task with pid 1, with its own files and fs. It runs @fn, which ends with
 * kernel_execve(). Returns the task, without a reference, or NULL: no memory. May sleep.
 */
struct task *kernel_spawn_init(int (*fn)(void *));
/*
 * Makes a process of the kernel's own, with its own files, init's root and umask 022. The process
 * runs @fn(@arg), which ends with kernel_execve(). May sleep. Returns 0 or -errno.
 */
int kernel_spawn_helper(int (*fn)(void *), void *arg);

/*
 * do_group_exit() ends current's process, do_exit() the current thread. @code: wait status, as
 * wait(2) returns it. No lock is held.
 */
void do_group_exit(int code) __noreturn;
void do_exit(int code) __noreturn;

/* Operations of terminals for processes; kernel/dev registers them. */
struct task_tty_ops {
	/*
	 * Takes the controlling terminal from the session of current, a session leader that exits
	 * (@on_exit is true). The foreground group gets SIGHUP. No lock is held.
	 */
	void (*leave)(bool on_exit);
	/*
	 * Writes the device number of a terminal, and its foreground group. tasklist_lock is held.
	 */
	void (*describe)(const struct tty_struct *tty, dev_t *dev, struct pid **pgrp);
	/*
	 * Secure access key: kills the tasks whose controlling terminal is the console's, or that
	 * have the console open.
	 */
	void (*sak)(void);
};
extern const struct task_tty_ops *task_tty_ops;

extern int sysctl_oom_kill_allocating_task, sysctl_panic_on_oom, sysctl_oom_dump_tasks;
extern int sysctl_threads_max;
extern struct task *init_process; /* pid 1 */

/* Return what /proc/PID/stat shows: the letter of the state, CPU times. @t is referenced. */
char task_state_char(struct task *t);
void task_times(struct task *t, u64 *utime, u64 *stime);         /* of one thread; ns */
void thread_group_times(struct task *t, u64 *utime, u64 *stime); /* of the whole process; ns */
/*
 * Returns the task's mm with mmget(), or NULL (a kernel thread, or exiting). Takes alloc_lock of
 * @t, and does not sleep. The caller's mmput() may sleep.
 */
struct mm *get_task_mm(struct task *t);
/*
 * True if current may read the state of @t or, with @attach, trace it. The caller has a reference
 * to @t. Does not sleep.
 */
bool ptrace_may_access(struct task *t, bool attach);
/*
 * Prevents @t from changing its memory, credentials and dumpability by an exec, until
 * exec_release(): from the check of current's access to @t to the end of the access. May sleep.
 * Returns 0, or -ERESTARTSYS if current is being killed. A caller may hold only one task at a time.
 */
int exec_hold(struct task *t);
void exec_release(struct task *t);
/*
 * Returns the memory of @t with mmget(), if current may access it; NULL if @t has none; or
 * ERR_PTR(-EACCES, -ERESTARTSYS). May sleep. @attach as for ptrace_may_access().
 */
struct mm *mm_access(struct task *t, bool attach);
extern char core_pattern[128];
extern int sysctl_core_uses_pid, sysctl_core_pipe_limit, suid_dumpable, cad_restarts,
	sysctl_dmesg_restrict;

/* Operations of the IPC room in a task's life; NULL before it registers them. */
struct task_ipc_ops {
	/* Gives @child its list of SEM_UNDOs. Returns 0 or -ENOMEM. unshare_sem() undoes it. */
	int (*fork)(struct task *child, u64 clone_flags);
	/* Drops what @t, which is current and exits, has in the IPC room. No lock is held. */
	void (*exit)(struct task *t);
	/*
	 * Drops the reference of @t to its list of SEM_UNDOs; the last user applies and frees them.
	 * @t is current, or a child that never ran. No lock is held.
	 */
	void (*unshare_sem)(struct task *t);
};
extern const struct task_ipc_ops *task_ipc_ops;
/*
 * Operations of io_uring for a task that has requests; kernel/io_uring registers them before a
 * request exists.
 */
struct task_uring_ops {
	/* Ends current's pending requests, at exit or exec. */
	void (*end)(struct task *t);
};
extern const struct task_uring_ops *task_uring_ops;

/* The operation of /proc for pidfds; kernel/fs/proc registers it. */
struct task_proc_ops {
	/*
	 * Returns the process to whose directory /proc/PID the file refers, without a reference;
	 * NULL for other files.
	 */
	struct pid *(*dir_pid)(const struct file *f);
};
extern const struct task_proc_ops *task_proc_ops;

/* What uname(2) returns, terminated strings. nodename and domainname are under uts_lock. */
struct new_utsname_k {
	char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};
struct uts_namespace {
	struct ns_common ns;
	struct new_utsname_k name;
};
extern struct uts_namespace init_uts;
enum uts_field { UTS_HOSTNAME, UTS_DOMAINNAME, NR_UTS_FIELDS };
/*
 * Counts changes of one name in any namespace. A waiter reads @count and then waits until @count
 * changes.
 */
struct uts_change {
	u32 count; /* written under uts_lock */
	struct wait_queue_head wait;
};
extern struct uts_change uts_changes[NR_UTS_FIELDS];
/*
 * Read and write a field of current's namespace: 65 bytes, terminated. They check no rights: the
 * file in /proc/sys does. Neither sleeps.
 */
void uts_get(enum uts_field which, char name[65]);
void uts_set(enum uts_field which, const char name[65]);

/*
 * Kills the process in @scope with the highest badness (oom.c). May sleep. Returns the process with
 * a reference, or NULL. Sets *any to true if a process of @scope is dying, perhaps an earlier
 * victim.
 */
struct task *oom_kill_within(const struct oom_scope *scope, bool *any);
/*
 * Logs a counter of a group, for oom_scope.log_use(): pages in use, the limit, and the number of
 * failed charges.
 */
void oom_print_use(const char *what, u64 pages, u64 limit, u64 refused);
/* Logs that @p is killed with its memory group. */
void oom_print_killed(struct task *p);
/*
 * Kills the process with the highest badness when the machine is out of memory for 2^@order frames
 * with @gfp. May sleep. Returns true if a process is dying, perhaps an earlier victim. For
 * mm_task_ops.
 */
bool oom_kill_any(u32 gfp, u32 order);
/* True unless @p is a kernel thread, is process 1, or has an oom_score_adj of -1000. */
bool oom_may_kill(const struct task *p);
/*
 * Begins (@on) or ends a freeze of @t by its control group. Takes sighand->lock. Returns false if
 * the task is about to end, and so will not freeze.
 */
bool task_set_freeze(struct task *t, bool on);
/*
 * For a task of SCHED_DEADLINE that has used up its runtime: signals the overrun and sleeps until
 * the next period. Called on the way to user mode with TIF_CGROUP.
 */
void sched_deadline_over(void);

/* Shut down in order: sync, then stop all tasks, then arch_power_off(). */
void kernel_power_off(void) __noreturn;
void kernel_restart(void) __noreturn;
struct iov_iter;
/*
 * Copies the next records, as syslog(2) does. Each record is given to one reader only. Sleeps while
 * there is no record. Returns bytes or -errno.
 */
ssize_t syslog_read(struct iov_iter *to);
/* True if syslog_read() would not wait. */
bool syslog_unread(void);
/* True if current may read all records, by kernel.dmesg_restrict and current's capabilities. */
bool syslog_may_read_all(void);
/* Returns the sequence number of the first record after the last SYSLOG_ACTION_CLEAR. */
u64 syslog_cleared(void);
/* Sends SIGINT to init or, if cad_restarts is set, begins a restart. Does not sleep. */
void ctrl_alt_del(void);
/* Sends a signal to init, which is dropped unless init has a handler for it. Does not sleep. */
void signal_init(int sig);
/*
 * Does what ctrl_alt_del() does, and makes every later restart end the instance instead. @value,
 * unless 0, is sent to init with the signal.
 */
void end_instance(int value);

#ifndef PIDFD_THREAD /* newer than the headers of the build */
#define PIDFD_THREAD O_EXCL
#endif
/*
 * Makes a pidfd of the process, or of the thread with PIDFD_THREAD in @flags, which may have
 * O_NONBLOCK too. Takes its own reference to @pid. May sleep. Returns ERR_PTR on failure.
 */
struct file *pidfd_file(struct pid *pid, u32 flags);

/*
 * autogroup.c: reads the number and nice level of the task's autogroup. Returns false if the task
 * is in the root group, which has neither. Both functions take tasklist_lock.
 */
bool task_autogroup(struct task *t, u64 *id, int *nice);
/*
 * Sets the nice level of the task's autogroup, -20 to 19. Returns 0, -EINVAL, -EPERM or -EAGAIN
 * (too soon after the last change).
 */
int task_set_autogroup_nice(struct task *t, int nice);

#endif
