/* SPDX-License-Identifier: MIT */
/*
 * v1.c: hierarchies of cgroup version 1: membership of tasks, and the agent that is started for a
 * group that became empty.
 *
 * There are at most CGROUP1_MAX hierarchies; a task has a pointer to its group in each.
 *
 * The agent is a process that the kernel starts, like the helper of core_pattern. It starts when
 * the last task has left a group that has notify_on_release and no children, or when the last child
 * of such an empty group was removed.
 *
 * Locks: cgroup1_mutex, cgroup_threads, tasklist_lock, cgroup_tasks_lock, cgroup1_lock,
 * sighand->lock.
 */
#include "kernel/cgroup/internal.h"
#include "kernel/cgroup/v1.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/user_ns.h"

DEFINE_MUTEX(cgroup1_mutex);
DEFINE_SPINLOCK(cgroup1_lock);
static struct cgroup1_hier *listed[CGROUP1_MAX]; /* by slot; under cgroup1_mutex */
static u32 last_id;                              /* under cgroup1_mutex */

/* ---- groups ---- */

struct cgroup1 *cgroup1_get(struct cgroup1 *g)
{
	atomic_inc(&g->refs);
	return g;
}

static void free_rcu(struct rcu_head *h)
{
	struct cgroup1 *g = container_of(h, struct cgroup1, rcu);

	io_group_free(&g->io);
	kfree(g);
}

void cgroup1_put(struct cgroup1 *g)
{
	while (g && atomic_dec_and_test(&g->refs)) {
		struct cgroup1 *parent = g->parent;

		simple_xattrs_free(&g->xattrs);
		cgroup1_free_rules(g);
		cgroup1_free_net(g);
		if (!parent) {
			kfree(g->hier->agent);
			kfree(g->hier);
		}
		kfree(g->name);
		call_rcu(&g->rcu, free_rcu);
		g = parent;
	}
}

static void release_work(struct work *w);

/* Makes a group without a parent, with a reference. Returns NULL if memory is short. */
static struct cgroup1 *group_alloc(struct cgroup1_hier *h, const char *name, u32 len)
{
	struct cgroup1 *g = kzalloc(sizeof(*g), GFP_KERNEL | __GFP_ACCOUNT);

	if (!g)
		return NULL;
	g->name = kmalloc(len + 1, GFP_KERNEL | __GFP_ACCOUNT);
	if (!g->name) {
		kfree(g);
		return NULL;
	}
	memcpy(g->name, name, len);
	g->name[len] = 0;
	atomic_set(&g->refs, 1);
	g->hier = h;
	simple_xattrs_init(&g->xattrs);
	INIT_LIST_HEAD(&g->rules);
	INIT_LIST_HEAD(&g->sibling);
	io_group_init(&g->io, NULL);
	pids_group_init(&g->pids, NULL);
	sched_group_init(&g->sched);
	cgroup1_memory_init(g);
	work_setup(&g->release, release_work);
	return g;
}

struct cgroup1 *cgroup1_mkdir(struct cgroup1 *parent, const char *name, u32 len)
{
	struct cgroup1 *g;
	int err;

	if (parent->level >= CGROUP1_DEPTH)
		return ERR_PTR(-EAGAIN);
	g = group_alloc(parent->hier, name, len);
	if (!g)
		return ERR_PTR(-ENOMEM);
	g->parent = cgroup1_get(parent);
	g->level = parent->level + 1;
	cgroup1_inherit_memory(g, parent);
	if (parent->parent) { /* the top neither counts nor shares */
		g->pids.parent = &parent->pids;
		sched_group_link(&g->sched, &parent->sched);
	}
	mutex_lock(&cgroup1_mutex);
	err = parent->dead ? -ENODEV : cgroup1_copy_rules(g, parent);
	if (!err)
		err = cgroup1_inherit_net(g, parent);
	if (err) {
		mutex_unlock(&cgroup1_mutex);
		cgroup1_put(g);
		return ERR_PTR(err);
	}
	g->hier->nr_groups++;
	list_add_tail(&g->sibling, &g->hier->groups);
	g->clone_children = parent->clone_children;
	cgroup1_inherit_cpuset(g, parent);
	spin_lock(&cgroup1_lock);
	g->notify = parent->notify;
	g->classid = parent->classid;
	parent->nr_children++;
	spin_unlock(&cgroup1_lock);
	mutex_unlock(&cgroup1_mutex);
	return g;
}

static void check_release(struct cgroup1 *g);

int cgroup1_rmdir(struct cgroup1 *g)
{
	int err = -EBUSY;

	mutex_lock(&cgroup1_mutex);
	spin_lock(&cgroup1_lock);
	if (!g->nr_tasks && !g->nr_children) {
		err = 0;
		WRITE_ONCE(g->dead, true);
		g->parent->nr_children--;
		check_release(g->parent);
	}
	spin_unlock(&cgroup1_lock);
	if (!err) {
		g->dir = NULL;
		g->hier->nr_groups--;
		list_del_init(&g->sibling);
		io_group_reset(&g->io);
		sched_group_exit(&g->sched);
	}
	mutex_unlock(&cgroup1_mutex);
	if (!err)
		cgroup1_memory_exit(g);
	return err;
}

void cgroup1_set_notify(struct cgroup1 *g, bool on)
{
	spin_lock(&cgroup1_lock);
	g->notify = on;
	spin_unlock(&cgroup1_lock);
}

/* ---- paths ---- */

/* Returns the ancestor at @level (0: the top), or @g itself, without a reference. */
static const struct cgroup1 *at_level(const struct cgroup1 *g, u32 level)
{
	while (g->level > level)
		g = g->parent;
	return g;
}

bool cgroup1_is_below(const struct cgroup1 *g, const struct cgroup1 *top)
{
	return g->level >= top->level && at_level(g, top->level) == top;
}

int cgroup1_path(const struct cgroup1 *g, const struct cgroup1 *root, char *buf, size_t size)
{
	u32 common = min_t(u32, g->level, root->level), level;
	size_t n = 0;

	while (at_level(g, common) != at_level(root, common))
		common--;
	for (level = common; level < root->level && n + 1 < size; level++)
		n += (size_t)scnprintf(buf + n, size - n, "/..");
	for (level = common; level < g->level && n + 1 < size; level++)
		n += (size_t)scnprintf(buf + n, size - n, "/%s", at_level(g, level + 1)->name);
	if (!n)
		n = (size_t)scnprintf(buf, size, "/");
	return n + 1 < size ? (int)n : -ENAMETOOLONG;
}

/* ---- hierarchies ---- */

/* Returns an unused slot, or -ENOSPC. Takes cgroup1_mutex. */
static int free_slot(void)
{
	int slot = -ENOSPC;

	mutex_lock(&cgroup1_mutex);
	for (u32 i = 0; i < CGROUP1_MAX && slot < 0; i++)
		if (!listed[i])
			slot = (int)i;
	mutex_unlock(&cgroup1_mutex);
	return slot;
}

struct cgroup1_hier *cgroup1_create(const char *name, u32 controllers)
{
	struct cgroup1_hier *h;
	int slot = free_slot();

	if (slot < 0)
		return ERR_PTR(slot);
	h = kzalloc(sizeof(*h), GFP_KERNEL | __GFP_ACCOUNT);
	if (!h)
		return ERR_PTR(-ENOMEM);
	h->top = group_alloc(h, "", 0);
	if (!h->top) {
		kfree(h);
		return ERR_PTR(-ENOMEM);
	}
	h->slot = (u32)slot;
	INIT_LIST_HEAD(&h->groups);
	h->controllers = controllers;
	h->nr_groups = 1;
	cgroup1_cpuset_top(h->top);
	h->top->prioidx = controllers & CG1_NET_PRIO ? 1 : 0;
	strscpy(h->name, name, sizeof(h->name));
	return h;
}

void cgroup1_list(struct cgroup1_hier *h, struct super_block *sb)
{
	assert_mutex_held(&cgroup1_mutex);
	h->id = ++last_id;
	h->sb = sb;
	listed[h->slot] = h;
	cgroup1_net_owner(h, true);
	cgroup1_blkio_owner(h, true);
	cgroup1_memory_owner(h, true);
}

void cgroup1_unlist(struct cgroup1_hier *h)
{
	assert_mutex_held(&cgroup1_mutex);
	if (listed[h->slot] != h)
		return;
	listed[h->slot] = NULL;
	cgroup1_net_owner(h, false);
	cgroup_take_back(cgroup1_taken(h->controllers));
	cgroup1_blkio_owner(h, false);
	cgroup1_memory_owner(h, false);
}

struct cgroup1_hier *cgroup1_find(const char *name, u32 controllers, bool none)
{
	assert_mutex_held(&cgroup1_mutex);
	for (u32 i = 0; i < CGROUP1_MAX; i++) {
		struct cgroup1_hier *h = listed[i];

		if (!h || (name && strcmp(h->name, name) != 0))
			continue;
		if ((!controllers && !none) || controllers == h->controllers)
			return h;
		if (name)
			return ERR_PTR(-EBUSY);
	}
	return NULL;
}

void cgroup1_label(const struct cgroup1_hier *h, char buf[CGROUP1_LABEL])
{
	int n = 0;

	buf[0] = 0;
	for (u32 i = 0; i < CG1_NR; i++)
		if (h->controllers & BIT(i))
			n += scnprintf(buf + n, CGROUP1_LABEL - (size_t)n, "%s%s", n ? "," : "",
				cgroup1_controllers[i]);
	if (h->name[0])
		scnprintf(buf + n, CGROUP1_LABEL - (size_t)n, "%sname=%s", n ? "," : "", h->name);
}

struct cgroup1_hier *cgroup1_owner(u32 controllers)
{
	assert_mutex_held(&cgroup1_mutex);
	for (u32 i = 0; i < CGROUP1_MAX; i++)
		if (listed[i] && (listed[i]->controllers & controllers))
			return listed[i];
	return NULL;
}

struct cgroup1_hier *cgroup1_before(u32 id)
{
	struct cgroup1_hier *best = NULL;

	assert_mutex_held(&cgroup1_mutex);
	for (u32 i = 0; i < CGROUP1_MAX; i++)
		if (listed[i] && listed[i]->id < id && (!best || listed[i]->id > best->id))
			best = listed[i];
	return best;
}

int cgroup1_set_agent(struct cgroup1_hier *h, const char *path)
{
	char *copy = kstrdup(path), *old;

	if (!copy)
		return -ENOMEM;
	mutex_lock(&cgroup1_mutex);
	old = h->agent;
	h->agent = copy;
	mutex_unlock(&cgroup1_mutex);
	kfree(old);
	return 0;
}

/* ---- the agent ---- */

struct agent {
	char *program, *path;
};

static void agent_free(struct agent *a)
{
	kfree(a->program);
	kfree(a->path);
	kfree(a);
}

/* Runs the agent, in the new process. */
static int run_agent(void *arg)
{
	static const char *const envp[] = { "HOME=/", "PATH=/sbin:/bin:/usr/sbin:/usr/bin", NULL };
	struct agent *a = arg;
	const char *argv[] = { a->program, a->path, NULL };
	int err = cgroup_task_ops->execve(argv[0], argv, envp);

	agent_free(a);
	return err;
}

/*
 * Returns the agent to start for @g, or NULL if there is none or memory is short. Takes
 * cgroup1_mutex.
 */
static struct agent *agent_for(struct cgroup1 *g)
{
	struct agent *a = kzalloc(sizeof(*a), GFP_KERNEL);
	char *buf = get_free_page(GFP_KERNEL);

	if (a && buf && cgroup1_path(g, g->hier->top, buf, PAGE_SIZE) > 0)
		a->path = kstrdup(buf);
	mutex_lock(&cgroup1_mutex);
	if (a && g->hier->agent && *g->hier->agent)
		a->program = kstrdup(g->hier->agent);
	mutex_unlock(&cgroup1_mutex);
	if (buf)
		free_page_addr(buf);
	if (a && a->program && a->path)
		return a;
	if (a)
		agent_free(a);
	return NULL;
}

/* True if the agent must be started for @g, which has become empty. Under cgroup1_lock. */
static bool is_released(const struct cgroup1 *g)
{
	return g->notify && g->parent && !g->dead && !g->nr_tasks && !g->nr_children;
}

static void check_release(struct cgroup1 *g)
{
	if (g->queued || !is_released(g))
		return;
	g->queued = true;
	cgroup1_get(g);
	work_queue(&g->release);
}

static void release_work(struct work *w)
{
	struct cgroup1 *g = container_of(w, struct cgroup1, release);
	struct agent *a;
	bool still;

	spin_lock(&cgroup1_lock);
	g->queued = false;
	still = is_released(g);
	spin_unlock(&cgroup1_lock);
	a = still ? agent_for(g) : NULL;
	if (a && cgroup_task_ops->spawn_helper(run_agent, a))
		agent_free(a);
	cgroup1_put(g);
}

/* ---- members ---- */

/* Moves @t to @to (NULL: the top) in the hierarchy of @slot. Under cgroup1_lock. */
static void put_into(struct task *t, u32 slot, struct cgroup1 *to)
{
	struct cgroup1 *from = t->cg1[slot];
	u32 controllers;

	if (from == to)
		return;
	controllers = (from ? from : to)->hier->controllers;
	if (controllers & CG1_CPUACCT)
		cgroup1_flush_usage(t, from);
	t->cg1[slot] = to;
	if (controllers & CG1_BLKIO)
		cgroup1_blkio_moved(t, to);
	if (controllers & CG1_MEMORY)
		cgroup1_memory_moved(t, to);
	if (controllers & CG1_CPU)
		cgroup1_cpu_moved(t, to);
	if (controllers & CG1_CPUSET)
		cgroup1_cpuset_moved(t, to);
	if (to) {
		cgroup1_get(to)->nr_tasks++;
		t->nr_cg1++;
	}
	if (from) {
		t->nr_cg1--;
		from->nr_tasks--;
		check_release(from);
		cgroup1_put(from);
	}
}

void cgroup1_fork(struct task *t)
{
	if (likely(!READ_ONCE(current->nr_cg1)))
		return;
	spin_lock(&cgroup_tasks_lock);
	spin_lock(&cgroup1_lock);
	for (u32 i = 0; i < CGROUP1_MAX; i++) {
		put_into(t, i, current->cg1[i]);
		if (t->cg1[i] && (t->cg1[i]->hier->controllers & CG1_FREEZER))
			cgroup1_freeze_as_group(t, t->cg1[i]->hier);
	}
	spin_unlock(&cgroup1_lock);
	spin_unlock(&cgroup_tasks_lock);
}

/*
 * Removes an exiting task from its groups. Before, cgroup_exit() has taken the task off the list of
 * its version 2 group. A concurrent migration either finds it gone from that list, or came first
 * and has written the group that this function reads.
 */
void cgroup1_exit(struct task *t)
{
	if (likely(!READ_ONCE(t->nr_cg1)))
		return;
	spin_lock(&cgroup1_lock);
	for (u32 i = 0; i < CGROUP1_MAX; i++)
		put_into(t, i, NULL);
	spin_unlock(&cgroup1_lock);
}

struct cgroup1 *cgroup1_group_of(const struct task *t, const struct cgroup1_hier *h)
{
	struct cgroup1 *g = READ_ONCE(t->cg1[h->slot]);

	return g ? g : h->top;
}

struct cgroup1 *cgroup1_of_task(struct task *t, struct cgroup1_hier *h)
{
	struct cgroup1 *g;

	spin_lock(&cgroup1_lock);
	g = cgroup1_get(cgroup1_group_of(t, h));
	spin_unlock(&cgroup1_lock);
	return g;
}

void cgroup1_copy(struct task *t, struct cgroup1 *to[CGROUP1_MAX])
{
	spin_lock(&cgroup1_lock);
	for (u32 i = 0; i < CGROUP1_MAX; i++)
		to[i] = t->cg1[i] ? cgroup1_get(t->cg1[i]) : NULL;
	spin_unlock(&cgroup1_lock);
}

/* True if @cr may move @t: it is root, or has the task's uid or saved uid. */
static bool may_move(const struct cred *cr, struct task *t)
{
	const struct cred *its = get_task_cred(t);
	bool may = cr->euid == 0 || cr->euid == its->uid || cr->euid == its->suid;

	put_cred(its);
	return may;
}

/* Moves a process or a thread; cgroup1_mutex is held. */
static void attach_locked(struct cgroup1 *g, struct task *t, bool process)
{
	struct task *other;

	down_write(&cgroup_threads);
	read_lock(&tasklist_lock);
	/*
	 * cgroup_tasks_lock keeps each task on its group's list during the loop: see
	 * cgroup1_exit().
	 */
	spin_lock(&cgroup_tasks_lock);
	spin_lock(&cgroup1_lock);
	list_for_each_entry(other, &t->signal->threads, thread_node)
		if ((process || other == t) && !(other->flags & PF_EXITING) &&
			!list_empty(&other->cg_list)) {
			put_into(other, g->hier->slot, g->parent ? g : NULL);
			if (g->hier->controllers & CG1_PIDS)
				cgroup1_pids_moved(other, g->parent ? g : NULL);
			if (g->hier->controllers & CG1_FREEZER)
				cgroup1_freeze_as_group(other, g->hier);
		}
	spin_unlock(&cgroup1_lock);
	spin_unlock(&cgroup_tasks_lock);
	read_unlock(&tasklist_lock);
	up_write(&cgroup_threads);
}

int cgroup1_attach(struct cgroup1 *g, pid_t nr, bool process, const struct cred *cr)
{
	struct task *t = nr ? find_get_task(nr) : current;
	int err = 0;

	if (!t)
		return -ESRCH;
	if (!nr)
		get_task(t);
	if (t->flags & PF_KTHREAD)
		err = -EINVAL;
	else if (!may_move(cr, t))
		err = -EACCES;
	mutex_lock(&cgroup1_mutex);
	if (!err && g->dead)
		err = -ENODEV;
	if (!err && g->hier->controllers & CG1_CPUSET)
		err = cgroup1_cpuset_has_room(g);
	if (!err) {
		attach_locked(g, t, process);
		cgroup1_mark_moved(g, t, process);
	}
	mutex_unlock(&cgroup1_mutex);
	put_task(t);
	return err;
}

s64 cgroup1_collect(struct cgroup1 *g, bool processes, pid_t **out)
{
	s64 n = 0, room = (s64)nr_threads_total() + 64; /* room for tasks that are born meanwhile */
	struct task *leader, *t;

	*out = kmalloc((size_t)room * sizeof(pid_t), GFP_KERNEL);
	if (!*out)
		return -ENOMEM;
	read_lock(&tasklist_lock);
	list_for_each_entry(leader, &all_processes, tasks)
		list_for_each_entry(t, &leader->signal->threads, thread_node)
			if (n < room && cgroup1_group_of(t, g->hier) == g &&
				!list_empty(&t->cg_list))
				(*out)[n++] = processes ? t->tgid : t->pid;
	read_unlock(&tasklist_lock);
	return cgroup_sort_unique(*out, n);
}
