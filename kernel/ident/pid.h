/* SPDX-License-Identifier: MIT */
/*
 * pid.h: process numbers: struct pid, and the tasks that have one as thread, process, group or
 * session.
 *
 * alloc_pid() allocates a number, attach_pid() gives it to a task, and it is free again when its
 * last task is detached. References (get_pid(), find_get_pid(), put_pid()) keep the struct, not the
 * number.
 *
 * Locks: tasklist_lock for the lists; pidmap_lock, a leaf, for the numbers.
 */
#ifndef NESTLING_IDENT_PID_H
#define NESTLING_IDENT_PID_H

#include "kernel/ident/thread_group.h"
#include "kernel/sched/sched.h"

struct pid_namespace;
/* A number in one namespace. */
struct upid {
	pid_t nr;
	struct pid_namespace *ns;
};
/*
 * A process number. Groups and sessions keep the number while they have members. A reference keeps
 * only the struct: the number may then be free, or in use by another struct. The struct has a
 * reference to its namespace.
 */
struct pid {
	atomic_t count; /* get_pid(), put_pid() */
	pid_t nr;       /* in the initial namespace */
	/* level of the namespace for which the struct was made; 0: the initial namespace */
	u32 level;
	/* of task->pid_links, indexed by PIDTYPE_*; under tasklist_lock */
	struct list_head tasks[PIDTYPE_MAX];
	/* woken up when a task that has the number exits */
	struct wait_queue_head wait_pidfd;
	/* Inode number of the pidfds of this struct; unique among structs that have had pidfds. */
	u64 ident;
	/* Set with the exit status below once the task was waited for; under tasklist_lock. */
	bool released;
	int exit_code;   /* in wait(2)'s format */
	u64 exit_cgroup; /* id of its group, or 0 */
	struct rcu_head rcu;
	/* Its numbers in the namespaces of levels 1 to @level. */
	struct upid upper[];
};
/*
 * Returns the number in the initial namespace, or 0 if @p is NULL. For numbers passed to programs
 * see pid_vnr() (pid_ns.h).
 */
pid_t pid_nr(struct pid *p);
/*
 * Takes a reference, and returns @p, which may be NULL. The caller has a reference, or holds a lock
 * that guarantees one.
 */
struct pid *get_pid(struct pid *p);
/*
 * Returns @t's pid of this type, with a reference, or NULL if @t is released. Takes tasklist_lock,
 * since group and session may change meanwhile.
 */
struct pid *get_task_pid(struct task *t, enum pid_type type);
/* Drops a reference; @p may be NULL. Callable with spinlocks held. */
void put_pid(struct pid *p);
/* Looks up a number in current's pid namespace. Returns it with a reference, or NULL. */
struct pid *find_get_pid(pid_t nr);
/*
 * Return, with a reference (put_task()), the thread that has a number in current's pid namespace,
 * or the first task that has @p as its @type; or NULL. They take tasklist_lock.
 */
struct task *find_get_task(pid_t pid);
struct task *pid_get_task(struct pid *p, enum pid_type type);
/*
 * Calls @fn for the leader of each process whose group or session (@type: PIDTYPE_PGID,
 * PIDTYPE_SID) is @p, which may be NULL. Takes tasklist_lock for reading, so @fn may not sleep.
 */
void for_each_in_pid(
	struct pid *p, enum pid_type type, void (*fn)(struct task *leader, void *arg), void *arg);
/* Does for_each_in_pid() for a caller that holds tasklist_lock. */
void for_each_in_pid_locked(
	struct pid *p, enum pid_type type, void (*fn)(struct task *leader, void *arg), void *arg);

/* ---- numbers ---- */
/*
 * Allocates a number in @ns and in each namespace above it. @want lists @nr_want wanted numbers:
 * @want[0] for @ns itself, @want[1] for its parent and so on; 0 or a missing entry means the next
 * free number. Returns the struct with one reference, which free_pid() drops; or ERR_PTR(): -EAGAIN
 * (no number is free), -EEXIST (a wanted number is in use), -EINVAL (the first number wanted in a
 * namespace is not 1), or -ENOMEM (no memory, or a namespace is closed). May sleep.
 */
struct pid *alloc_pid(struct pid_namespace *ns, const pid_t *want, u32 nr_want);
/*
 * Stops allocation in @ns, and makes every free_pid() that leaves at most two numbers wake up
 * @zapper (NULL: none), which the caller keeps. Returns false if the namespace was closed already.
 * Takes pidmap_lock, as do the three functions that follow.
 */
bool pid_ns_close(struct pid_namespace *ns, struct task *zapper);
/*
 * Returns the first pid of @ns whose number is at least *nr, with a reference, and sets *nr to that
 * number. NULL: there is none.
 */
struct pid *next_pid_ns(u64 *nr, struct pid_namespace *ns);
/* Returns the number of pids in use in @ns. */
u32 pid_ns_count(struct pid_namespace *ns);
/* Frees the number of @p, which no task has, and drops the reference of alloc_pid(). */
void free_pid(struct pid *p);

/* ---- tasks; the caller holds tasklist_lock for writing, if nothing else is said ---- */
/*
 * Makes @p the pid of @t of this type. Takes no reference: the number keeps @p while a task has it.
 */
void attach_pid(struct task *t, enum pid_type type, struct pid *p);
/* Detaches @t from its pid of @type, and frees the number if no task has it any more. */
void detach_pid(struct task *t, enum pid_type type);
/* Does detach_pid() and then, if @p is not NULL, attach_pid(). */
void change_pid(struct task *t, enum pid_type type, struct pid *p);
/*
 * Return the task that pid_get_task() and find_get_task() would find, but without a reference.
 * tasklist_lock is held, for reading or writing, and keeps the task.
 */
struct task *pid_task_locked(
	struct pid *p, enum pid_type type); /* no reference; tasklist_lock held */
struct task *find_task_locked(pid_t nr);
/* Loops; tasklist_lock is held, for reading or writing. */
#define for_each_pid_task(t, p, type) list_for_each_entry(t, &(p)->tasks[type], pid_links[type])
#define for_each_process(t) list_for_each_entry(t, &all_processes, tasks)
#define for_each_thread(sig, t) list_for_each_entry(t, &(sig)->threads, thread_node)
extern int nr_threads; /* all tasks; under tasklist_lock */
/*
 * For exec by another thread than the leader. exchange_pids() exchanges the PIDTYPE_PID pids of two
 * tasks. transfer_pid() puts @to in the place of @from in the list of @from's pid of @type.
 */
void exchange_pids(struct task *a, struct task *b);
void transfer_pid(struct task *from, struct task *to, enum pid_type type);

/* Return counts for the whole machine: of processes (takes tasklist_lock), and of all tasks. */
u32 nr_processes(void);
u32 nr_threads_total(void);
u64 nr_forks(void); /* processes and threads made since boot */
/* Returns the last number allocated in current's pid namespace. */
pid_t last_pid(void);
/*
 * Makes @nr the last allocated number in the initial namespace, and subtracts @threads kernel
 * threads from the count of forks.
 */
void pid_forget(pid_t nr, u32 threads);
/* kernel.pid_max: numbers are below it */
extern int sysctl_pid_max;
/*
 * Fills in the results of current's getpid() and related calls, which the machine may then return
 * without the kernel. A change of one of them is followed by arch_answers_revoke().
 */
void task_answers(struct answers *a);

#endif
