/* SPDX-License-Identifier: MIT */
/*
 * tasks.c: membership of tasks in groups: forks, exits, migrations, lists of members, killing all,
 * and the CPU time of members.
 *
 * A fork holds cgroup_threads for reading from cgroup_can_fork() on, so that a migration (or a
 * kill) sees all threads of a process, and no thread is added meanwhile. A fork into another group
 * holds cgroup_mutex as well, since that group may be empty and could be removed. A dying task
 * leaves its group's list in cgroup_exit(), before its parent learns of its death: an empty group
 * can be removed as soon as the last child was waited for.
 *
 * CPU time: a task's time is added to its group and all groups above when it leaves; the time of
 * live tasks is added up when the file is read.
 *
 * Locks: cgroup_mutex, cgroup_threads, cgroup_tasks_lock, then a task's sighand->lock or runqueue.
 */
#include "kernel/cgroup/internal.h"

#include "kernel/cgroup/v1.h"
#include "kernel/lib/sort.h"
#include "kernel/ident/pid_ns.h"

DEFINE_RWSEM(cgroup_threads);
const struct cgroup_file_ops *cgroup_file_ops;
const struct cgroup_task_ops *cgroup_task_ops;

struct cgroup *cgroup_of_fd(int fd, bool *may_fork_into)
{
	return cgroup_file_ops ? cgroup_file_ops->of_fd(fd, may_fork_into) : ERR_PTR(-EBADF);
}

/* ---- notifications ---- */

struct notice {
	struct work work;
	struct cgroup *cgroup;
	u32 which;
};

static void send_notice(struct work *w)
{
	struct notice *n = container_of(w, struct notice, work);

	if (cgroup_file_ops)
		cgroup_file_ops->notify_inode(n->cgroup, n->which);
	cgroup_put(n->cgroup);
	kfree(n);
}

void cgroup_notify(struct cgroup *c, u32 which)
{
	struct notice *n;

	if (cgroup_is_root(c))
		/* The root has no files that are notified. */
		return;
	__atomic_add_fetch(&c->notify[which].seq, 1, __ATOMIC_RELAXED);
	wake_up_all(&c->notify[which].wait);
	if (!READ_ONCE(c->dir))
		/* No inode of the group's files exists, so inotify watches none. */
		return;
	n = kzalloc(sizeof(*n), GFP_ATOMIC);
	if (!n)
		return;
	n->cgroup = cgroup_get(c);
	n->which = which;
	work_setup(&n->work, send_notice);
	work_queue(&n->work);
}

/* ---- membership; under cgroup_tasks_lock ---- */

/* Counts that @c has got its first task (@yes), or lost its last, in @c and the groups above. */
static void set_populated(struct cgroup *c, bool yes)
{
	struct cgroup *child = NULL;

	for (; c; child = c, c = c->parent) {
		bool was = c->nr_populated;

		c->nr_populated += yes ? 1 : -1UL;
		if (child && !child->threaded)
			c->nr_populated_domain_children += yes ? 1 : -1UL;
		if (was == !!c->nr_populated)
			return;
		cgroup_notify(c, CGN_EVENTS);
	}
}

void cgroup_link_task(struct cgroup *c, struct task *t)
{
	list_add_tail(&t->cg_list, &c->tasks);
	if (!c->nr_tasks++)
		set_populated(c, true);
}

void cgroup_unlink_task(struct task *t)
{
	struct cgroup *c = t->cgroup;

	list_del_init(&t->cg_list);
	if (t->cg_frozen)
		c->nr_frozen--;
	if (!--c->nr_tasks)
		set_populated(c, false);
}

/* Adds the resources that @t has used since the last call to its group and all groups above. */
void cgroup_flush_times(struct task *t)
{
	u64 exec = task_sched_runtime(t), utime = READ_ONCE(t->utime), stime = READ_ONCE(t->stime);
	u64 minor = READ_ONCE(t->min_flt), major = READ_ONCE(t->maj_flt);
	struct cgroup *c;

	for (c = t->cgroup; c; c = c->parent) {
		c->past_exec += exec - t->cg_exec;
		c->past_utime += utime - t->cg_utime;
		c->past_stime += stime - t->cg_stime;
		if (t->nice > 0)
			c->past_nice += utime - t->cg_utime;
		c->past_faults += minor - t->cg_min_flt + major - t->cg_maj_flt;
		c->past_major += major - t->cg_maj_flt;
	}
	t->cg_exec = exec;
	t->cg_utime = utime;
	t->cg_stime = stime;
	t->cg_min_flt = minor;
	t->cg_maj_flt = major;
}

void cgroup_cpu_times(struct cgroup *c, struct cgroup_times *ct)
{
	struct cgroup *at;
	struct task *t;

	mutex_lock(&cgroup_mutex);
	spin_lock(&cgroup_tasks_lock);
	*ct = (struct cgroup_times){ c->past_exec, c->past_utime, c->past_stime, c->past_nice,
		c->past_faults, c->past_major };
	for (at = c; at; at = cgroup_next(at, c))
		list_for_each_entry(t, &at->tasks, cg_list) {
			u64 utime = READ_ONCE(t->utime) - t->cg_utime;
			u64 major = READ_ONCE(t->maj_flt) - t->cg_maj_flt;

			ct->exec += task_sched_runtime(t) - t->cg_exec;
			ct->faults += READ_ONCE(t->min_flt) - t->cg_min_flt + major;
			ct->major += major;
			ct->utime += utime;
			ct->stime += READ_ONCE(t->stime) - t->cg_stime;
			if (t->nice > 0)
				ct->nice += utime;
		}
	spin_unlock(&cgroup_tasks_lock);
	mutex_unlock(&cgroup_mutex);
}

static struct mem_group *mem_group_of(struct cgroup *c)
{
	return cgroup_is_root(c) ? NULL : &c->mem;
}

static struct io_group *io_group_of(struct cgroup *c)
{
	return cgroup_is_root(c) ? NULL : &c->io;
}

/* True if a hierarchy of version 1 has @controller. */
static bool given_away(u32 controller)
{
	return READ_ONCE(cgroup_given_away) & controller;
}

/* Makes @t charge its version 2 group for @controllers, or (@away) no group. */
static void switch_payers(struct task *t, u32 controllers, bool away)
{
	if (controllers & CG_IO)
		WRITE_ONCE(t->io_group, away ? NULL : io_group_of(t->cgroup));
	if (controllers & CG_MEMORY)
		WRITE_ONCE(t->mem_group, away ? NULL : mem_group_of(t->cgroup));
}

void cgroup_switch_payers(u32 controllers, bool away)
{
	struct task *leader, *t;

	down_write(&cgroup_threads);
	read_lock(&tasklist_lock);
	spin_lock(&cgroup_tasks_lock);
	list_for_each_entry(leader, &all_processes, tasks)
		list_for_each_entry(t, &leader->signal->threads, thread_node)
			if (!list_empty(&t->cg_list))
				switch_payers(t, controllers, away);
	spin_unlock(&cgroup_tasks_lock);
	read_unlock(&tasklist_lock);
	up_write(&cgroup_threads);
}

/* ---- birth and death ---- */

/* Checks the destination of a migration from @from. Returns 0 or -errno. cgroup_mutex is held. */
static int check_destination(struct cgroup *dst, struct cgroup *from, bool process)
{
	struct cgroup *to;

	if (dst->dead)
		return -ENODEV;
	for (to = dst; to->threaded; to = to->parent)
		;
	if (!cgroup_valid_domain(to))
		return -EOPNOTSUPP;
	for (; from->threaded; from = from->parent)
		;
	/* a thread may only move within the domain of its process */
	if (!process && from != to)
		return -EOPNOTSUPP;
	return dst->threaded || !dst->control || cgroup_may_divide(dst) ? 0 : -EBUSY;
}

/*
 * Checks a fork into @into as if the child moved there from its parent's group. The right to write
 * to @into was checked when its descriptor was opened. Returns 0 or -errno. cgroup_mutex is held.
 */
static int check_fork_into(struct cgroup *into, bool process)
{
	struct cgroup *common = current->cgroup;

	while (!cgroup_is_descendant(into, common))
		common = common->parent;
	if (cgroup_file_ops && !cgroup_file_ops->may_write(current_cred(), common))
		return -EACCES;
	if (cgroup_leaves(cgroup_ns_top(), current->cgroup, into))
		return -ENOENT;
	return check_destination(into, current->cgroup, process);
}

/* Drops the locks of cgroup_can_fork(). */
static void fork_unlock(struct cgroup *into)
{
	up_read(&cgroup_threads);
	if (into)
		mutex_unlock(&cgroup_mutex);
}

/* Counts a fork refused by the limit of @at, in @at and the groups above. */
static void note_refusal(struct cgroup *at)
{
	__atomic_add_fetch(&at->pids.refused_local, 1, __ATOMIC_RELAXED);
	cgroup_notify(at, CGN_PIDS_LOCAL);
	for (; !cgroup_is_root(at); at = at->parent) {
		__atomic_add_fetch(&at->pids.refused, 1, __ATOMIC_RELAXED);
		cgroup_notify(at, CGN_PIDS);
	}
}

/*
 * Charges a fork to @c, and to current's group in the hierarchy of version 1 that has pids. Returns
 * 0 or -EAGAIN.
 */
static int charge_pids(struct task *t, struct cgroup *c)
{
	struct pids_group *full = pids_try_charge(cgroup_pids(c));

	if (full) {
		note_refusal(container_of(full, struct cgroup, pids));
		return -EAGAIN;
	}
	if (!cgroup1_charge_pids(t))
		return 0;
	pids_uncharge(cgroup_pids(c));
	return -EAGAIN;
}

static void uncharge_pids(struct task *t)
{
	pids_uncharge(cgroup_pids(t->cgroup));
	cgroup1_uncharge_pids(t);
}

int cgroup_can_fork(struct task *t, struct cgroup *into)
{
	struct cgroup *c;
	int err;

	if (into)
		mutex_lock(&cgroup_mutex);
	down_read(&cgroup_threads);
	c = into ? into : current->cgroup;
	err = into ? check_fork_into(into, t->signal != current->signal) : 0;
	if (!err)
		err = charge_pids(t, c);
	if (err) {
		fork_unlock(into);
		return err;
	}
	t->cgroup = cgroup_get(c);
	t->mem_group = given_away(CG_MEMORY) ? NULL : mem_group_of(c);
	t->io_group = given_away(CG_IO) ? NULL : io_group_of(c);
	t->psi = cgroup_psi(c);
	sched_set_group(t, cgroup_sched_group(c));
	return 0;
}

void cgroup_cancel_fork(struct task *t, struct cgroup *into)
{
	uncharge_pids(t);
	fork_unlock(into);
	cgroup_put(t->cgroup);
	t->cgroup = NULL;
}

void cgroup_post_fork(struct task *t, struct cgroup *into)
{
	struct cgroup *c = t->cgroup;

	spin_lock(&cgroup_tasks_lock);
	cgroup_link_task(c, t);
	/*
	 * The scheduler's group and the vCPUs are read here, not in cgroup_can_fork(): a controller
	 * that was enabled or disabled since then has moved only the tasks on the list
	 * (cgroup_apply_sched()).
	 */
	sched_move_task(t, cgroup_sched_group(c));
	if (!given_away(CG_CPUSET))
		sched_set_bound(t, c->e_cpus);
	if (c->e_freeze)
		cgroup_freeze_task(t, true);
	if (c->frozen)
		cgroup_update_frozen(c);
	spin_unlock(&cgroup_tasks_lock);
	cgroup1_fork(t);
	fork_unlock(into);
}

void cgroup_kthread(struct task *t)
{
	spin_lock(&cgroup_tasks_lock);
	t->cgroup = &cgroup_root;
	cgroup_link_task(&cgroup_root, t);
	spin_unlock(&cgroup_tasks_lock);
}

void cgroup_exit(struct task *t)
{
	struct cgroup *c;

	if (!t->cgroup)
		return;
	spin_lock(&cgroup_tasks_lock);
	/* A migration that found the task before it began to exit has ended by now. */
	c = t->cgroup;
	cgroup_flush_times(t);
	cgroup_unlink_task(t);
	t->cg_frozen = false;
	if (c->e_freeze)
		cgroup_update_frozen(c);
	spin_unlock(&cgroup_tasks_lock);
	cgroup1_exit(t);
}

void cgroup_release(struct task *t)
{
	if (t->cgroup)
		uncharge_pids(t);
}

void cgroup_free(struct task *t)
{
	cgroup_put(t->cgroup);
	t->cgroup = NULL;
}

/* ---- migration ---- */

/*
 * Moves a task, unless it is exiting. The caller holds cgroup_threads for writing and
 * cgroup_tasks_lock.
 */
static void move_task(struct cgroup *dst, struct task *t)
{
	struct cgroup *from = t->cgroup;

	if (from == dst || (t->flags & PF_EXITING) || list_empty(&t->cg_list))
		return;
	cgroup_flush_times(t);
	cgroup_unlink_task(t);
	pids_charge_force(cgroup_pids(dst));
	pids_uncharge(cgroup_pids(from));
	t->cgroup = cgroup_get(dst);
	if (!given_away(CG_MEMORY))
		WRITE_ONCE(t->mem_group, mem_group_of(dst));
	if (!given_away(CG_IO))
		WRITE_ONCE(t->io_group, io_group_of(dst));
	cgroup_link_task(dst, t);
	/*
	 * A frozen task stays stopped in @dst. If @dst is not to be frozen, the task notices that
	 * itself and calls cgroup_leave_frozen().
	 */
	dst->nr_frozen += t->cg_frozen;
	if (!given_away(CG_CPU))
		sched_move_task(t, cgroup_sched_group(dst));
	psi_move_task(t, cgroup_psi(dst));
	if (!given_away(CG_CPUSET))
		sched_set_bound(t, dst->e_cpus);
	if (from->e_freeze != dst->e_freeze)
		cgroup_freeze_task(t, dst->e_freeze);
	cgroup_update_frozen(from);
	cgroup_update_frozen(dst);
	cgroup_put(from);
}

/*
 * Moves a process or a thread. Returns 0 or -errno. cgroup_mutex is held. @may: as for
 * cgroup_attach().
 */
static int attach_locked(struct cgroup *dst, struct task *t, bool process,
	int (*may)(struct cgroup *from, struct cgroup *to, void *arg), void *arg)
{
	struct task *other;
	int err;

	if (t->flags & PF_KTHREAD)
		return -EINVAL;
	if ((t->flags & PF_EXITING) && !process)
		return -ESRCH;
	err = may ? may(t->cgroup, dst, arg) : 0;
	if (!err)
		err = check_destination(dst, t->cgroup, process);
	if (err)
		return err;
	down_write(&cgroup_threads);
	read_lock(&tasklist_lock);
	spin_lock(&cgroup_tasks_lock);
	if (process) {
		list_for_each_entry(other, &t->signal->threads, thread_node)
			move_task(dst, other);
	} else {
		move_task(dst, t);
	}
	spin_unlock(&cgroup_tasks_lock);
	read_unlock(&tasklist_lock);
	up_write(&cgroup_threads);
	return 0;
}

/* Returns a reference to a live thread of a process whose leader has ended, or NULL. */
static struct task *remaining_thread(struct task *leader)
{
	struct task *t, *found = NULL;

	read_lock(&tasklist_lock);
	list_for_each_entry(t, &leader->signal->threads, thread_node)
		if (!(t->flags & PF_EXITING)) {
			found = t;
			get_task(t);
			break;
		}
	read_unlock(&tasklist_lock);
	return found;
}

int cgroup_attach(struct cgroup *dst, pid_t nr, bool process,
	int (*may)(struct cgroup *from, struct cgroup *to, void *arg), void *arg)
{
	struct task *t, *goes_on = NULL;
	int err = -ESRCH;

	if (nr) {
		t = find_get_task(nr);
		if (!t)
			return -ESRCH;
	} else {
		t = current;
		get_task(t);
	}
	mutex_lock(&cgroup_mutex);
	if (!t->exit_state)
		err = attach_locked(dst, t, process, may, arg);
	else if (process && (goes_on = remaining_thread(t)))
		err = attach_locked(dst, goes_on, process, may, arg);
	else if (process && t->cgroup)
		/* A zombie cannot move; only the permission is checked. */
		err = may ? may(t->cgroup, dst, arg) : 0;
	mutex_unlock(&cgroup_mutex);
	if (goes_on)
		put_task(goes_on);
	put_task(t);
	return err;
}

/* ---- lists ---- */

/* Returns the number of tasks in @c, and in the groups below if @below. cgroup_mutex is held. */
static u64 count_tasks(struct cgroup *c, bool below)
{
	struct cgroup *at;
	u64 n = 0;

	for (at = c; at; at = below ? cgroup_next(at, c) : NULL)
		n += at->nr_tasks;
	return n;
}

s64 cgroup_sort_unique(pid_t *all, s64 n)
{
	s64 kept = 0;

	sort_numbers(all, n);
	for (s64 i = 0; i < n; i++)
		if (!kept || all[kept - 1] != all[i])
			all[kept++] = all[i];
	return kept;
}

/* Does what cgroup_collect() does. cgroup_mutex is held. */
static s64 collect_locked(struct cgroup *c, bool processes, bool below, pid_t **out)
{
	struct cgroup *at;
	s64 n = 0, room;
	struct task *t;

	room = (s64)count_tasks(c, below) + 64; /* room for tasks that are born meanwhile */
	*out = kmalloc((size_t)room * sizeof(pid_t), GFP_KERNEL);
	if (!*out)
		return -ENOMEM;
	spin_lock(&cgroup_tasks_lock);
	for (at = c; at; at = below ? cgroup_next(at, c) : NULL)
		list_for_each_entry(t, &at->tasks, cg_list)
			if (n < room)
				(*out)[n++] = processes ? t->tgid : t->pid;
	spin_unlock(&cgroup_tasks_lock);
	return cgroup_sort_unique(*out, n);
}

s64 cgroup_collect(struct cgroup *c, bool processes, bool below, pid_t **out)
{
	s64 n;

	mutex_lock(&cgroup_mutex);
	n = collect_locked(c, processes, below, out);
	mutex_unlock(&cgroup_mutex);
	return n;
}

/*
 * Kills the processes for which @who returns true. No task forks meanwhile: a task that was forking
 * either has its child in the list already, or sees its own fatal signal before it forks.
 */
void cgroup_kill_those(struct cgroup *c, bool (*who)(struct task *p))
{
	pid_t *all;
	s64 n, i;

	mutex_lock(&cgroup_mutex);
	down_write(&cgroup_threads);
	n = collect_locked(c, true, true, &all);
	for (i = 0; i < n; i++) {
		struct pid *pid = find_get_pid_ns(all[i], &init_pid_ns);
		struct task *t = pid ? pid_get_task(pid, PIDTYPE_TGID) : NULL;

		if (pid)
			put_pid(pid);
		if (!t)
			continue;
		if (!(t->flags & PF_KTHREAD) && (!who || who(t)))
			cgroup_task_ops->kill(t);
		put_task(t);
	}
	if (n >= 0)
		kfree(all);
	up_write(&cgroup_threads);
	mutex_unlock(&cgroup_mutex);
}

void cgroup_kill(struct cgroup *c)
{
	cgroup_kill_those(c, NULL);
}
