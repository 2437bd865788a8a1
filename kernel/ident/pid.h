/* SPDX-License-Identifier: MIT */
/*
 * pid.h: process numbers: struct pid, and the tasks that have one as thread, process, group or
 * session.
 *
 * alloc_pid() takes a number, attach_pid() makes it known, and it is free again when the last task
 * that has it is detached. References (get_pid(), find_get_pid(), put_pid()) keep the struct, not
 * the number.
 *
 * Locks: tasklist_lock for the lists; pidmap_lock, a leaf, for the numbers.
 */
#ifndef NESTLING_IDENT_PID_H
#define NESTLING_IDENT_PID_H

#include "kernel/ident/thread_group.h"
#include "kernel/sched/sched.h"

/*
 * A process number that outlives reuse: groups and sessions keep theirs while they have members.
 * Refcounted.
 */
struct pid_namespace;
struct upid {
	pid_t nr;
	struct pid_namespace *ns;
};
struct pid {
	atomic_t count;
	pid_t nr; /* in the initial namespace */
	/* level of its namespace; 0: the initial one */
	u32 level;
	struct list_head tasks[PIDTYPE_MAX]; /* of task->pid_links, under tasklist_lock */
	struct wait_queue_head wait_pidfd;
	/* unique for ever: the inode number of its pidfds */
	u64 ident;
	/* Result of its task once that was waited for; under tasklist_lock. */
	bool released;
	int exit_code; /* in wait(2)'s format */
	u64 exit_cgroup;
	struct rcu_head rcu;
	/* its numbers in the namespaces of levels 1 to level */
	struct upid upper[];
};
/* Returns the number in the initial namespace, 0 for NULL. Programs get pid_vnr() (pid_ns.h). */
pid_t pid_nr(struct pid *p);
/* Takes a reference. The caller has one, or a lock under which one exists. */
struct pid *get_pid(struct pid *p);
/*
 * Returns the pid that @t has now, with a reference, or NULL once it is released. Takes
 * tasklist_lock, since its group and session may change meanwhile.
 */
struct pid *get_task_pid(struct task *t, enum pid_type type);
void put_pid(struct pid *p);
/* Look up the number of current's pid namespace: */
struct pid *find_get_pid(pid_t nr); /* with a reference, or NULL */
/* Return a task with a reference (put_task), or NULL. */
struct task *find_get_task(pid_t pid);
struct task *pid_get_task(struct pid *p, enum pid_type type);
/*
 * Calls fn for every process (leader) with a group or session number, under tasklist_lock, which it
 * takes.
 */
void for_each_in_pid(
	struct pid *p, enum pid_type type, void (*fn)(struct task *leader, void *arg), void *arg);
/* For callers that hold tasklist_lock. */
void for_each_in_pid_locked(
	struct pid *p, enum pid_type type, void (*fn)(struct task *leader, void *arg), void *arg);

/* ---- pid.c: attach and friends under tasklist_lock (write) ---- */
/*
 * Allocates numbers in @ns and above, @want[0] in @ns itself and so on (0, or too few of them: the
 * next free number); count 1. ERR_PTR(-EAGAIN, -EEXIST, -EINVAL, -ENOMEM).
 */
struct pid *alloc_pid(struct pid_namespace *ns, const pid_t *want, u32 nr_want);
/*
 * Stops allocation, and names the task to wake up when few numbers are left. Returns false if it
 * was closed before.
 */
bool pid_ns_close(struct pid_namespace *ns, struct task *zapper);
/* Returns the first pid at or above *nr, with a reference, or NULL. */
struct pid *next_pid_ns(u64 *nr, struct pid_namespace *ns);
u32 pid_ns_count(struct pid_namespace *ns);
void free_pid(struct pid *p);
void attach_pid(struct task *t, enum pid_type type, struct pid *p);
/* Frees the number when no task has it any more. */
void detach_pid(struct task *t, enum pid_type type);
void change_pid(struct task *t, enum pid_type type, struct pid *p);
struct task *pid_task_locked(
	struct pid *p, enum pid_type type); /* no reference; tasklist_lock held */
struct task *find_task_locked(pid_t nr);
#define for_each_pid_task(t, p, type) list_for_each_entry(t, &(p)->tasks[type], pid_links[type])
#define for_each_process(t) list_for_each_entry(t, &all_processes, tasks)
#define for_each_thread(sig, t) list_for_each_entry(t, &(sig)->threads, thread_node)
extern int nr_threads; /* under tasklist_lock */
/* For exec: exchange the numbers of two tasks, or hand one over. */
void exchange_pids(struct task *a, struct task *b);
void transfer_pid(struct task *from, struct task *to, enum pid_type type);

u32 nr_processes(void);
u32 nr_threads_total(void);
u64 nr_forks(void); /* processes and threads made since boot */
pid_t last_pid(void);
/*
 * Makes @nr the last number that was given in the first namespace, and takes the last @threads
 * kernel threads out of the count of forks.
 */
void pid_forget(pid_t nr, u32 threads);
extern int sysctl_pid_max;
/*
 * Fills in the answers of current's getpid() and related calls; arch_answers_revoke() when they
 * change.
 */
void task_answers(struct answers *a);

#endif
