/* SPDX-License-Identifier: MIT */
/*
 * pid.h: process numbers: struct pid, and which tasks have one as thread, process, group or
 * session.
 *
 * A number is taken with alloc_pid(), made known with attach_pid(), and free again when the last
 * task that has it is detached. References (get_pid(), find_get_pid(), put_pid()) keep the struct,
 * not the number.
 *
 * Locks: tasklist_lock for the lists; pidmap_lock, a leaf, for the numbers.
 */
#ifndef NESTLING_IDENT_PID_H
#define NESTLING_IDENT_PID_H

#include "kernel/ident/thread_group.h"
#include "kernel/sched/task.h"

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
/* 0 for NULL; in the initial namespace: programs are told pid_vnr() (pid_ns.h) */
pid_t pid_nr(struct pid *p);
/* the caller has a reference, or a lock under which there is one */
struct pid *get_pid(struct pid *p);
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
/* fn for every process (leader) with a group or session number; under tasklist_lock taken here. */
void for_each_in_pid(
	struct pid *p, enum pid_type type, void (*fn)(struct task *leader, void *arg), void *arg);
/* For callers that hold the lock already. */
void for_each_in_pid_locked(
	struct pid *p, enum pid_type type, void (*fn)(struct task *leader, void *arg), void *arg);

/* ---- pid.c: attach and friends under tasklist_lock (write) ---- */
/*
 * Numbers in @ns and above, @want[0] in @ns itself and so on (0, or too few of them: the next
 * free); count 1. ERR_PTR(-EAGAIN,
 * -EEXIST, -EINVAL, -ENOMEM)
 */
struct pid *alloc_pid(struct pid_namespace *ns, const pid_t *want, u32 nr_want);
/*
 * Closes the namespace for new numbers; @zapper is woken when few are left. False: it was closed
 * before.
 */
bool pid_ns_close(struct pid_namespace *ns, struct task *zapper);
/* the first at or above *nr, with a reference; NULL */
struct pid *next_pid_ns(u64 *nr, struct pid_namespace *ns);
u32 pid_ns_count(struct pid_namespace *ns);
void free_pid(struct pid *p);
void attach_pid(struct task *t, enum pid_type type, struct pid *p);
/* frees the number when its last user has gone */
void detach_pid(struct task *t, enum pid_type type);
void change_pid(struct task *t, enum pid_type type, struct pid *p);
struct task *pid_task_locked(
	struct pid *p, enum pid_type type); /* no reference; tasklist_lock held */
struct task *find_task_locked(pid_t nr);
#define for_each_pid_task(t, p, type) list_for_each_entry(t, &(p)->tasks[type], pid_links[type])
#define for_each_process(t) list_for_each_entry(t, &all_processes, tasks)
#define for_each_thread(sig, t) list_for_each_entry(t, &(sig)->threads, thread_node)
extern int nr_threads; /* under tasklist_lock */
/* exec: two tasks change numbers; one hands its number over. */
void exchange_pids(struct task *a, struct task *b);
void transfer_pid(struct task *from, struct task *to, enum pid_type type);

u32 nr_processes(void);
u32 nr_threads_total(void);
u64 nr_forks(void); /* processes and threads made since boot */
pid_t last_pid(void);
extern int sysctl_pid_max;
/* What current's getpid() and its kin say; arch_answers_revoke() when that changes. */
void task_answers(struct answers *a);

#endif
