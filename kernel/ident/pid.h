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

/*
 * A process number. The struct may outlive the number's reuse by another struct; groups and
 * sessions keep the number while they have members. Refcounted.
 */
struct pid_namespace;
struct upid {
	pid_t nr;
	struct pid_namespace *ns;
};
struct pid {
	atomic_t count;
	pid_t nr; /* in the initial namespace */
	/* level of the namespace for which the struct was made; 0: the initial namespace */
	u32 level;
	struct list_head tasks[PIDTYPE_MAX]; /* of task->pid_links, under tasklist_lock */
	struct wait_queue_head wait_pidfd;
	/* Unique since boot: the inode number of the pidfds of this struct. */
	u64 ident;
	/* Set with the exit status below once the task was waited for; under tasklist_lock. */
	bool released;
	int exit_code; /* in wait(2)'s format */
	u64 exit_cgroup;
	struct rcu_head rcu;
	/* Its numbers in the namespaces of levels 1 to @level. */
	struct upid upper[];
};
/*
 * Returns the number in the initial namespace, or 0 if @p is NULL. For numbers passed to programs
 * see pid_vnr() (pid_ns.h).
 */
pid_t pid_nr(struct pid *p);
/* Takes a reference. The caller has one, or holds a lock that guarantees one. */
struct pid *get_pid(struct pid *p);
/*
 * Returns @t's pid of this type, with a reference, or NULL if @t is released. Takes tasklist_lock,
 * since group and session may change meanwhile.
 */
struct pid *get_task_pid(struct task *t, enum pid_type type);
void put_pid(struct pid *p);
/* Look up a number in current's pid namespace. */
struct pid *find_get_pid(pid_t nr); /* with a reference, or NULL */
/* Return a task with a reference (put_task), or NULL. */
struct task *find_get_task(pid_t pid);
struct task *pid_get_task(struct pid *p, enum pid_type type);
/*
 * Calls @fn for the leader of each process whose group or session (@type) is @p. Takes
 * tasklist_lock.
 */
void for_each_in_pid(
	struct pid *p, enum pid_type type, void (*fn)(struct task *leader, void *arg), void *arg);
/* Like for_each_in_pid(), for callers that hold tasklist_lock. */
void for_each_in_pid_locked(
	struct pid *p, enum pid_type type, void (*fn)(struct task *leader, void *arg), void *arg);

/* ---- attach_pid() and related calls: tasklist_lock held for writing ---- */
/*
 * Allocates a number in @ns and in each namespace above it. @want lists wanted numbers: @want[0]
 * for @ns itself, @want[1] for its parent and so on; 0 or a missing entry means the next free
 * number. Refcount 1. Returns ERR_PTR(-EAGAIN, -EEXIST, -EINVAL or -ENOMEM) on failure.
 */
struct pid *alloc_pid(struct pid_namespace *ns, const pid_t *want, u32 nr_want);
/*
 * Stops allocation in @ns, and sets the task to be woken up when few numbers are left. Returns
 * false if the namespace was closed already.
 */
bool pid_ns_close(struct pid_namespace *ns, struct task *zapper);
/* Returns the first pid of @ns whose number is at least *nr, with a reference, or NULL. */
struct pid *next_pid_ns(u64 *nr, struct pid_namespace *ns);
u32 pid_ns_count(struct pid_namespace *ns);
void free_pid(struct pid *p);
void attach_pid(struct task *t, enum pid_type type, struct pid *p);
/* Detaches @t, and frees the number if no task has it any more. */
void detach_pid(struct task *t, enum pid_type type);
void change_pid(struct task *t, enum pid_type type, struct pid *p);
struct task *pid_task_locked(
	struct pid *p, enum pid_type type); /* no reference; tasklist_lock held */
struct task *find_task_locked(pid_t nr);
#define for_each_pid_task(t, p, type) list_for_each_entry(t, &(p)->tasks[type], pid_links[type])
#define for_each_process(t) list_for_each_entry(t, &all_processes, tasks)
#define for_each_thread(sig, t) list_for_each_entry(t, &(sig)->threads, thread_node)
extern int nr_threads; /* under tasklist_lock */
/* For exec: exchange the pids of two tasks, or move one from @from to @to. */
void exchange_pids(struct task *a, struct task *b);
void transfer_pid(struct task *from, struct task *to, enum pid_type type);

u32 nr_processes(void);
u32 nr_threads_total(void);
u64 nr_forks(void); /* processes and threads made since boot */
pid_t last_pid(void);
/*
 * Makes @nr the last allocated number in the initial namespace, and subtracts @threads kernel
 * threads from the count of forks.
 */
void pid_forget(pid_t nr, u32 threads);
extern int sysctl_pid_max;
/*
 * Fills in the results of current's getpid() and related calls. arch_answers_revoke() is called
 * when they change.
 */
void task_answers(struct answers *a);

#endif
