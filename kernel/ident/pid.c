/* SPDX-License-Identifier: MIT */
/*
 * pid.c: process numbers and their owners.
 *
 * A struct pid is a number that threads, processes, groups and sessions share. Fork allocates one
 * with alloc_pid(). attach_pid() makes the task visible under it, in the critical section that
 * links the task to its parent. The last detach_pid() frees the number. The struct itself stays
 * while a reference exists (a pidfd, a terminal, /proc).
 *
 * A struct pid has a number in the namespace it was made for and in each namespace above
 * (pid_ns.h), all of them from alloc_pid() to free_pid().
 *
 * Invariants:
 * 1. A number is in use while any of its four lists is not empty, or between alloc_pid() and
 *    free_pid() of a failed fork. Number 0, the group and session of kernel threads, is static.
 * 2. A new number is the lowest free number above the last one allocated. After the highest number
 *    the search continues at RESERVED_PIDS.
 *
 * Locks: pidmap_lock for number -> struct (never taken inside a runqueue's lock); tasklist_lock for
 * the lists.
 */
#include "kernel/ident/internal.h"
#include "kernel/lib/string.h"
#include "kernel/lib/sysctl.h"

#define RESERVED_PIDS 300
#define PID_MAX_LIMIT (4 * 1024 * 1024)

int sysctl_pid_max = 32768;
int nr_threads;
static DEFINE_SPINLOCK(pidmap_lock);

/*
 * Inserts @p under number @want, or under the next free one if that is 0. Returns the number,
 * -EEXIST, -ENOSPC or -ENOMEM. pidmap_lock is held.
 */
static s64 pid_insert(struct pid_namespace *ns, struct pid *p, pid_t want)
{
	u64 top = (u64)min(READ_ONCE(sysctl_pid_max), PID_MAX_LIMIT) - 1, low;
	s64 nr;

	if (want) {
		nr = radix_insert(&ns->map, want, p);
		return nr ? nr : want;
	}
	low = (u64)ns->last_given + 1;
	nr = radix_alloc(&ns->map, low, max(top, low), p);
	if (nr < 0 || nr > (s64)top) {
		if (nr > 0)
			radix_delete(&ns->map, nr);
		nr = radix_alloc(
			&ns->map, ns->last_given > RESERVED_PIDS ? RESERVED_PIDS : 2, top, p);
	}
	if (nr > 0)
		ns->last_given = (pid_t)nr;
	return nr;
}

static u64 total_forks; /* under pidmap_lock */

u64 nr_forks(void)
{
	return READ_ONCE(total_forks);
}

/* Returns the namespace at @level (0: the initial one) above @ns, or @ns itself. */
static struct pid_namespace *level_ns(struct pid_namespace *ns, u32 level)
{
	while (ns->level > level)
		ns = ns->parent;
	return ns;
}

/* Frees a number. pidmap_lock is held. */
static void remove_number(struct pid_namespace *ns, pid_t nr)
{
	radix_delete(&ns->map, (u64)nr);
	ns->nr_pids--;
	if (!ns->nr_pids && !ns->child_reaper) /* the fork of the first process failed */
		ns->last_given = 0;
	if (ns->nr_pids <= 2 && ns->zapper)
		wake_up_process(ns->zapper);
}

/* Removes the numbers at levels greater than @from; -1: all. pidmap_lock is held. */
static void remove_numbers(struct pid *p, struct pid_namespace *ns, int from)
{
	for (; ns && (int)ns->level > from; ns = ns->parent)
		remove_number(ns, ns->level ? p->upper[ns->level - 1].nr : p->nr);
}

/*
 * Inserts a number at every level, the innermost first. pidmap_lock is held. Returns 0 or -errno.
 */
static s64 insert_numbers(struct pid *p, struct pid_namespace *ns, const pid_t *want, u32 nr_want)
{
	for (int level = (int)ns->level; level >= 0; level--) {
		struct pid_namespace *at = level_ns(ns, (u32)level);
		pid_t wanted = ns->level - (u32)level < nr_want ? want[ns->level - (u32)level] : 0;
		s64 nr = -ENOMEM;

		if (!at->dying)
			nr = wanted > 1 && !at->last_given ? -EINVAL : pid_insert(at, p, wanted);
		if (nr < 0) {
			remove_numbers(p, ns, level);
			return nr;
		}
		at->nr_pids++;
		if (level)
			p->upper[level - 1] = (struct upid){ (pid_t)nr, at };
		else
			p->nr = (pid_t)nr;
		if (wanted && !at->last_given)
			at->last_given = wanted;
	}
	return 0;
}

struct pid *alloc_pid(struct pid_namespace *ns, const pid_t *want, u32 nr_want)
{
	struct pid *p = kzalloc(sizeof(*p) + ns->level * sizeof(p->upper[0]), GFP_KERNEL);
	s64 err;

	if (!p)
		return ERR_PTR(-ENOMEM);
	atomic_set(&p->count, 1);
	p->level = ns->level;
	for (int i = 0; i < PIDTYPE_MAX; i++)
		INIT_LIST_HEAD(&p->tasks[i]);
	init_waitqueue_head(&p->wait_pidfd);
	spin_lock(&pidmap_lock);
	err = insert_numbers(p, ns, want, nr_want);
	if (!err)
		p->ident = ++total_forks;
	spin_unlock(&pidmap_lock);
	if (!err) {
		ns_get(&ns->ns); /* the reference that put_pid() drops */
		return p;
	}
	kfree(p);
	return ERR_PTR(err == -ENOSPC ? -EAGAIN : err);
}

static void pid_free_rcu(struct rcu_head *h)
{
	struct pid *p = container_of(h, struct pid, rcu);

	ns_put(&pid_ns_of(p)->ns);
	kfree(p);
}

static struct pid **task_pid_slot(struct task *t, enum pid_type type)
{
	return type == PIDTYPE_PID ? &t->thread_pid : &t->signal->pids[type];
}

struct pid *get_pid(struct pid *p)
{
	if (p && atomic_inc_return(&p->count) <= 1)
		panic("get_pid: number %d was free", p->nr);
	return p;
}

struct pid *get_task_pid(struct task *t, enum pid_type type)
{
	struct pid *p;

	read_lock(&tasklist_lock);
	p = get_pid(*task_pid_slot(t, type));
	read_unlock(&tasklist_lock);
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
	remove_numbers(p, pid_ns_of(p), -1);
	spin_unlock(&pidmap_lock);
	put_pid(p);
}

pid_t pid_nr(struct pid *p)
{
	return p ? p->nr : 0;
}

pid_t last_pid(void)
{
	return READ_ONCE(current_pid_ns()->last_given);
}

void pid_forget(pid_t nr, u32 threads)
{
	spin_lock(&pidmap_lock);
	init_pid_ns.last_given = nr;
	/* The idents of struct pid repeat then; but no pidfd was made for such a thread. */
	total_forks -= threads;
	spin_unlock(&pidmap_lock);
}

/*
 * Shows /proc/sys/kernel/ns_last_pid, the last number allocated, which checkpoint and restore use.
 */
static int show_last_pid(char *buf, size_t size)
{
	return scnprintf(buf, size, "%d\n", last_pid());
}

static int store_last_pid(char *text)
{
	struct pid_namespace *ns = current_pid_ns();
	s64 nr;

	if (!ns_capable(ns->ns.owner, CAP_SYS_ADMIN) &&
		!ns_capable(ns->ns.owner, CAP_CHECKPOINT_RESTORE))
		return -EPERM;
	text[strcspn(text, " \t\n")] = 0;
	if (kstrtos64(text, 0, &nr) || nr < 0 || nr >= READ_ONCE(sysctl_pid_max))
		return -EINVAL;
	spin_lock(&pidmap_lock);
	ns->last_given = (pid_t)nr;
	spin_unlock(&pidmap_lock);
	return 0;
}

static const struct sysctl pid_sysctls[] = {
	{ .path = "kernel/ns_last_pid",
		.kind = SYSCTL_SHOW,
		.mode = 0666,
		.show = show_last_pid,
		.store = store_last_pid },
};

static int pid_sysctl_init(void)
{
	return sysctl_register(pid_sysctls, ARRAY_SIZE(pid_sysctls));
}
INITCALL(4, pid_sysctl_init);

struct pid *find_get_pid_ns(pid_t nr, struct pid_namespace *ns)
{
	struct pid *p;

	if (nr <= 0)
		return NULL;
	spin_lock(&pidmap_lock);
	p = get_pid(radix_lookup(&ns->map, nr));
	spin_unlock(&pidmap_lock);
	return p;
}

struct pid *find_get_pid(pid_t nr)
{
	return find_get_pid_ns(nr, current_pid_ns());
}

/* ---- namespaces: functions for pid_ns.c that need the lock ---- */

bool pid_ns_close(struct pid_namespace *ns, struct task *zapper)
{
	bool first;

	spin_lock(&pidmap_lock);
	first = !ns->dying;
	ns->dying = true;
	ns->zapper = zapper;
	spin_unlock(&pidmap_lock);
	return first;
}

struct pid *next_pid_ns(u64 *nr, struct pid_namespace *ns)
{
	struct pid *p;

	spin_lock(&pidmap_lock);
	p = get_pid(radix_next(&ns->map, nr));
	spin_unlock(&pidmap_lock);
	return p;
}

u32 pid_ns_count(struct pid_namespace *ns)
{
	u32 n;

	spin_lock(&pidmap_lock);
	n = ns->nr_pids;
	spin_unlock(&pidmap_lock);
	return n;
}

void attach_pid(struct task *t, enum pid_type type, struct pid *p)
{
	*task_pid_slot(t, type) = p;
	list_add_tail(&t->pid_links[type], &p->tasks[type]);
}

/* True if no task has the number in any role. tasklist_lock is held. */
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

/* Returns the task, without a reference: as long as it has the number, tasklist_lock keeps it. */
struct task *find_task_locked(pid_t nr)
{
	struct pid_namespace *ns = current_pid_ns();
	struct task *t;

	if (nr <= 0)
		return NULL;
	spin_lock(&pidmap_lock);
	t = pid_task_locked(radix_lookup(&ns->map, nr), PIDTYPE_PID);
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

void for_each_in_pid_locked(
	struct pid *p, enum pid_type type, void (*fn)(struct task *leader, void *arg), void *arg)
{
	struct task *t;

	if (!p)
		return;
	for_each_pid_task(t, p, type)
		fn(t, arg);
}

void for_each_in_pid(
	struct pid *p, enum pid_type type, void (*fn)(struct task *leader, void *arg), void *arg)
{
	read_lock(&tasklist_lock);
	for_each_in_pid_locked(p, type, fn, arg);
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
