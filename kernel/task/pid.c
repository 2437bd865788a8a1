/* SPDX-License-Identifier: MIT */
/*
 * pid.c: process numbers, and who has which.
 *
 * A struct pid is a number that threads, processes, groups and sessions share. Fork takes one with alloc_pid(), makes the task
 * known by attach_pid() in the same critical section that links it to its parent, and the last detach_pid() gives the number
 * back. The struct itself lives on while anybody (a pidfd, a terminal, /proc) has a reference.
 *
 * Invariants:
 * 1. A number is in use while any of its four lists is not empty, or between alloc_pid() and free_pid() of a failed fork.
 *    Number 0, the group of who has joined none, is static.
 * 2. A new number is the lowest free one above the last one given, and from RESERVED_PIDS on after the first round.
 *
 * Locks: pidmap_lock (innermost) for number -> struct; tasklist_lock for the lists.
 */
#include "kernel/task/exec.h"
#include "kernel/task/internal.h"

#define RESERVED_PIDS 300
#define PID_MAX_LIMIT (4 * 1024 * 1024)

int sysctl_pid_max = 32768;
int nr_threads;
static DEFINE_SPINLOCK(pidmap_lock);
static struct radix pid_map = RADIX_INIT; /* under pidmap_lock */
static pid_t last_given = 1;              /* under pidmap_lock; 1 is kept for init */

static s64 pid_insert(struct pid *p, pid_t want)
{
	u64 top = (u64)min(READ_ONCE(sysctl_pid_max), PID_MAX_LIMIT) - 1;
	s64 nr;

	if (want) {
		nr = radix_insert(&pid_map, want, p);
		return nr ? nr : want;
	}
	nr = radix_alloc(&pid_map, (u64)last_given + 1, max(top, (u64)last_given + 1), p);
	if (nr < 0 || nr > (s64)top) {
		if (nr > 0)
			radix_delete(&pid_map, nr);
		nr = radix_alloc(&pid_map, last_given > RESERVED_PIDS ? RESERVED_PIDS : 2, top, p);
	}
	if (nr > 0)
		last_given = (pid_t)nr;
	return nr;
}

static u64 total_forks; /* under pidmap_lock */

u64 nr_forks(void)
{
	return READ_ONCE(total_forks);
}

struct pid *alloc_pid(pid_t want)
{
	struct pid *p = kzalloc(sizeof(*p), GFP_KERNEL);
	s64 nr;

	if (!p)
		return ERR_PTR(-ENOMEM);
	atomic_set(&p->count, 1);
	for (int i = 0; i < PIDTYPE_MAX; i++)
		INIT_LIST_HEAD(&p->tasks[i]);
	init_waitqueue_head(&p->wait_pidfd);
	spin_lock(&pidmap_lock);
	nr = pid_insert(p, want);
	p->nr = (pid_t)nr;
	total_forks++;
	spin_unlock(&pidmap_lock);
	if (nr > 0)
		return p;
	kfree(p);
	return ERR_PTR(nr == -ENOSPC ? -EAGAIN : nr);
}

static void pid_free_rcu(struct rcu_head *h)
{
	kfree(container_of(h, struct pid, rcu));
}

struct pid *get_pid(struct pid *p)
{
	if (p)
		atomic_inc(&p->count);
	return p;
}

void put_pid(struct pid *p)
{
	if (p && atomic_dec_and_test(&p->count))
		call_rcu(&p->rcu, pid_free_rcu);
}

void free_pid(struct pid *p)
{
	spin_lock(&pidmap_lock);
	radix_delete(&pid_map, p->nr);
	spin_unlock(&pidmap_lock);
	put_pid(p);
}

pid_t pid_nr(struct pid *p)
{
	return p ? p->nr : 0;
}

pid_t last_pid(void)
{
	return READ_ONCE(last_given);
}

struct pid *find_get_pid(pid_t nr)
{
	struct pid *p;

	if (nr <= 0)
		return NULL;
	spin_lock(&pidmap_lock);
	p = get_pid(radix_lookup(&pid_map, nr));
	spin_unlock(&pidmap_lock);
	return p;
}

static struct pid **task_pid_slot(struct task *t, enum pid_type type)
{
	return type == PIDTYPE_PID ? &t->thread_pid : &t->signal->pids[type];
}

void attach_pid(struct task *t, enum pid_type type, struct pid *p)
{
	*task_pid_slot(t, type) = p;
	list_add_tail(&t->pid_links[type], &p->tasks[type]);
}

static bool pid_unused(const struct pid *p)
{
	for (int i = 0; i < PIDTYPE_MAX; i++)
		if (!list_empty(&p->tasks[i]))
			return false;
	return true;
}

void change_pid(struct task *t, enum pid_type type, struct pid *p)
{
	struct pid **slot = task_pid_slot(t, type), *old = *slot;

	list_del_init(&t->pid_links[type]);
	*slot = NULL;
	if (p)
		attach_pid(t, type, p);
	if (old && old->nr && pid_unused(old))
		free_pid(old);
}

void detach_pid(struct task *t, enum pid_type type)
{
	change_pid(t, type, NULL);
}

struct task *pid_task_locked(struct pid *p, enum pid_type type)
{
	if (!p || list_empty(&p->tasks[type]))
		return NULL;
	return list_first_entry(&p->tasks[type], struct task, pid_links[type]);
}

/* Without a reference of the pid: tasklist_lock keeps it in the map as long as it has a task. */
struct task *find_task_locked(pid_t nr)
{
	struct task *t;

	if (nr <= 0)
		return NULL;
	spin_lock(&pidmap_lock);
	t = pid_task_locked(radix_lookup(&pid_map, nr), PIDTYPE_PID);
	spin_unlock(&pidmap_lock);
	return t;
}

struct task *find_get_task(pid_t pid)
{
	struct task *t;

	read_lock(&tasklist_lock);
	t = find_task_locked(pid);
	if (t)
		get_task(t);
	read_unlock(&tasklist_lock);
	return t;
}

struct task *pid_get_task(struct pid *p, enum pid_type type)
{
	struct task *t;

	read_lock(&tasklist_lock);
	t = pid_task_locked(p, type);
	if (t)
		get_task(t);
	read_unlock(&tasklist_lock);
	return t;
}

void for_each_in_pid(
	struct pid *p, enum pid_type type, void (*fn)(struct task *leader, void *arg), void *arg)
{
	struct task *t;

	if (!p)
		return;
	read_lock(&tasklist_lock);
	for_each_pid_task(t, p, type)
		fn(t, arg);
	read_unlock(&tasklist_lock);
}

u32 nr_threads_total(void)
{
	return READ_ONCE(nr_threads);
}

u32 nr_processes(void)
{
	struct task *t;
	u32 n = 0;

	read_lock(&tasklist_lock);
	for_each_process(t)
		n++;
	read_unlock(&tasklist_lock);
	return n;
}

/* ---- exec by a thread that is not the leader; tasklist_lock held for writing ---- */

void exchange_pids(struct task *a, struct task *b)
{
	struct pid *pa = a->thread_pid, *pb = b->thread_pid;

	list_del_init(&a->pid_links[PIDTYPE_PID]);
	list_del_init(&b->pid_links[PIDTYPE_PID]);
	attach_pid(a, PIDTYPE_PID, pb);
	attach_pid(b, PIDTYPE_PID, pa);
	a->pid = pb->nr;
	b->pid = pa->nr;
}

void transfer_pid(struct task *from, struct task *to, enum pid_type type)
{
	if (list_empty(&from->pid_links[type]))
		return;
	list_insert_between(
		&to->pid_links[type], from->pid_links[type].prev, &from->pid_links[type]);
	list_del_init(&from->pid_links[type]);
}
