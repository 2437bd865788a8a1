/* SPDX-License-Identifier: MIT */
/*
 * tree.c: the tree of groups: making and removing groups, enabling controllers for their children,
 * threaded subtrees.
 *
 * A group is live, then dead (removed from the tree: no children, no tasks), then freed with its
 * last reference. A controller is enabled in a group if its parent's subtree_control has it. A
 * group without the controller still counts, so that its figures are right when it is enabled
 * later; its limits are those of the nearest ancestor with the controller.
 *
 * Rules (linux-doc, admin-guide/cgroup-v2): a group other than the root has either tasks or
 * controllers for its children, except inside a threaded subtree for controllers that may divide a
 * process.
 *
 * Locks: cgroup_mutex; cgroup_tasks_lock for members and counts of tasks.
 */
#include "kernel/cgroup/internal.h"

DEFINE_MUTEX(cgroup_mutex);
DEFINE_SPINLOCK(cgroup_tasks_lock);

struct cgroup cgroup_root = {
	.refs = ATOMIC_INIT(1),
	.id = 1,
	.children = LIST_HEAD_INIT(cgroup_root.children),
	.sibling = LIST_HEAD_INIT(cgroup_root.sibling),
	.tasks = LIST_HEAD_INIT(cgroup_root.tasks),
	.max_depth = ~0UL,
	.max_descendants = ~0UL,
	.e_cpus = ~0UL,
	.files_lock = SPINLOCK_INIT(cgroup_root.files_lock),
};
u32 cgroup_given_away;
static u64 next_id = 2; /* under cgroup_mutex */
const struct cgroup_program_ops *cgroup_program_ops;

/* ---- life ---- */

static void init_parts(struct cgroup *c)
{
	u32 i;

	for (i = 0; i < CGN_NR; i++)
		init_waitqueue_head(&c->notify[i].wait);
	simple_xattrs_init(&c->xattrs);
	INIT_LIST_HEAD(&c->programs);
	pids_group_init(&c->pids, c->parent ? cgroup_pids(c->parent) : NULL);
	sched_group_init(&c->sched);
	mem_group_init(&c->mem, c->parent ? &c->parent->mem : NULL);
	io_group_init(
		&c->io, cgroup_is_root(c) || cgroup_is_root(c->parent) ? NULL : &c->parent->io);
	c->mem.io = cgroup_is_root(c) ? NULL : &c->io;
}

static int tree_init(void)
{
	init_parts(&cgroup_root);
	return 0;
}
INITCALL(1, tree_init);

struct cgroup *cgroup_get(struct cgroup *c)
{
	if (c != &cgroup_root)
		atomic_inc(&c->refs);
	return c;
}

static void free_rcu(struct rcu_head *h)
{
	struct cgroup *c = container_of(h, struct cgroup, rcu);

	psi_group_free(&c->psi);
	io_group_free(&c->io);
	kfree(c->name);
	kfree(c);
}

/* Adds to the counts of all groups above @c. Does not sleep. */
static void count_descendants(struct cgroup *c, s64 live, s64 dying)
{
	for (c = c->parent; c; c = c->parent) {
		__atomic_add_fetch(&c->nr_descendants, (u64)live, __ATOMIC_RELAXED);
		__atomic_add_fetch(&c->nr_dying, (u64)dying, __ATOMIC_RELAXED);
	}
}

/*
 * Drops a reference. The last may be dropped with locks held, since this function does not sleep.
 */
void cgroup_put(struct cgroup *c)
{
	while (c && c != &cgroup_root && atomic_dec_and_test(&c->refs)) {
		struct cgroup *parent = c->parent;

		count_descendants(c, 0, -1);
		simple_xattrs_free(&c->xattrs);
		call_rcu(&c->rcu, free_rcu);
		c = parent;
	}
}

struct cgroup *task_get_cgroup(struct task *t)
{
	struct cgroup *c;

	spin_lock(&cgroup_tasks_lock);
	c = cgroup_get(t->cgroup ? t->cgroup : &cgroup_root);
	spin_unlock(&cgroup_tasks_lock);
	return c;
}

/* ---- finding groups ---- */

bool cgroup_is_descendant(const struct cgroup *c, const struct cgroup *ancestor)
{
	for (; c; c = c->parent)
		if (c == ancestor)
			return true;
	return false;
}

/* Returns the lowest group that contains both, without a reference. */
static struct cgroup *common_ancestor(struct cgroup *a, struct cgroup *b)
{
	while (!cgroup_is_descendant(a, b))
		b = b->parent;
	return b;
}

/*
 * Writes "/" and @name in front of @p, in a buffer that begins at @start. Returns the new beginning
 * of the text, or NULL if the buffer is too short or @p is NULL.
 */
static char *prepend(char *p, const char *start, const char *name)
{
	size_t n = strlen(name);

	if (!p || (size_t)(p - start) < n + 1)
		return NULL;
	for (p -= n; n--;)
		p[n] = name[n];
	*--p = '/';
	return p;
}

char *cgroup_path(struct cgroup *c, struct cgroup *root, char *buf, size_t size)
{
	struct cgroup *top = common_ancestor(c, root), *up;
	char *p = buf + size - 1;

	*p = 0;
	if (c == top && root == top)
		p = prepend(p, buf, "");
	for (up = c; up != top; up = up->parent)
		p = prepend(p, buf, up->name);
	for (up = root; up != top; up = up->parent)
		p = prepend(p, buf, "..");
	return p ? p : ERR_PTR(-ENAMETOOLONG);
}

/* Returns a child without a reference, or NULL. cgroup_mutex is held. */
static struct cgroup *find_child(struct cgroup *parent, const char *name, u32 len)
{
	struct cgroup *c;

	list_for_each_entry(c, &parent->children, sibling)
		if (strlen(c->name) == len && !memcmp(c->name, name, len))
			return c;
	return NULL;
}

struct cgroup *cgroup_child(struct cgroup *parent, const char *name, u32 len)
{
	struct cgroup *c;

	mutex_lock(&cgroup_mutex);
	c = find_child(parent, name, len);
	if (c)
		cgroup_get(c);
	mutex_unlock(&cgroup_mutex);
	return c;
}

struct cgroup *cgroup_next(struct cgroup *c, struct cgroup *top)
{
	if (!list_empty(&c->children))
		return list_first_entry(&c->children, struct cgroup, sibling);
	for (; c != top; c = c->parent)
		if (c->sibling.next != &c->parent->children)
			return list_entry(c->sibling.next, struct cgroup, sibling);
	return NULL;
}

/* ---- domains and threads ---- */

static bool has_tasks(struct cgroup *c)
{
	return READ_ONCE(c->nr_tasks);
}

/*
 * True if @c is the top of a threaded subtree. Always false for the root group, to which the rules
 * for such a top do not apply.
 */
static bool is_thread_root(struct cgroup *c)
{
	if (c->threaded || cgroup_is_root(c))
		return false;
	return c->nr_threaded_children || (has_tasks(c) && c->control & CG_THREADED);
}

bool cgroup_valid_domain(struct cgroup *c)
{
	if (c->threaded)
		return false;
	for (c = c->parent; c; c = c->parent)
		if (c->threaded || is_thread_root(c))
			return false;
	return true;
}

bool cgroup_may_divide(const struct cgroup *c)
{
	if (cgroup_is_root(c))
		return true;
	return !(c->control & ~CG_THREADED) && !READ_ONCE(c->nr_populated_domain_children);
}

/* Returns the nearest group upwards that is not threaded, without a reference. */
static struct cgroup *domain_of(struct cgroup *c)
{
	while (c->threaded)
		c = c->parent;
	return c;
}

const char *cgroup_type(struct cgroup *c)
{
	if (c->threaded)
		return "threaded";
	if (!cgroup_valid_domain(c))
		return "domain invalid";
	return is_thread_root(c) ? "domain threaded" : "domain";
}

int cgroup_set_threaded(struct cgroup *c)
{
	struct cgroup *dom;
	int err = 0;

	mutex_lock(&cgroup_mutex);
	if (c->dead) {
		err = -ENODEV;
	} else if (!c->threaded) {
		dom = domain_of(c->parent);
		if (READ_ONCE(c->nr_populated) || c->control & ~CG_THREADED ||
			!cgroup_valid_domain(dom) || !cgroup_may_divide(dom)) {
			err = -EOPNOTSUPP;
		} else {
			c->threaded = true;
			c->parent->nr_threaded_children++;
		}
	}
	mutex_unlock(&cgroup_mutex);
	return err;
}

/* ---- making and removing ---- */

/* True if a control file of @c is called @name when @controllers are enabled in @c. */
static bool is_file(const struct cgroup *c, u32 controllers, const char *name, u32 len)
{
	return cgroup_file_ops && cgroup_file_ops->is_file(c, controllers, name, len);
}

/* Checks depth and descendants of the groups above a new one. Returns 0 or -EAGAIN. */
static int check_limits(struct cgroup *parent)
{
	struct cgroup *c;
	u64 depth = 1;

	if (parent->level >= CGROUP_DEPTH)
		return -EAGAIN;
	for (c = parent; c; c = c->parent, depth++)
		if (c->nr_descendants >= c->max_descendants || depth > c->max_depth)
			return -EAGAIN;
	return 0;
}

struct cgroup *cgroup_mkdir(struct cgroup *parent, const char *name, u32 len)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_ACCOUNT; /* any user may make a tree */
	struct cgroup *c;
	int err = -ENOMEM;

	if (memchr(name, '\n', len))
		return ERR_PTR(-EINVAL);
	c = kzalloc(sizeof(*c), gfp);
	if (c)
		c->name = kmalloc(len + 1, gfp);
	if (!c || !c->name || psi_group_init(&c->psi, cgroup_psi(parent), gfp))
		goto err_free;
	memcpy(c->name, name, len);
	c->name[len] = 0;
	mutex_lock(&cgroup_mutex);
	err = parent->dead ? -ENODEV : check_limits(parent);
	if (!err && (find_child(parent, name, len) ||
			    is_file(parent, cgroup_enabled(parent), name, len)))
		err = -EEXIST;
	if (err) {
		mutex_unlock(&cgroup_mutex);
		goto err_free;
	}
	atomic_set(&c->refs, 2); /* one for the tree, one for the caller */
	c->id = next_id++;
	c->parent = cgroup_get(parent);
	c->level = parent->level + 1;
	INIT_LIST_HEAD(&c->children);
	INIT_LIST_HEAD(&c->tasks);
	c->max_depth = c->max_descendants = ~0UL;
	spin_lock_init(&c->files_lock);
	init_parts(c);
	spin_lock(&cgroup_tasks_lock);
	c->e_freeze = parent->e_freeze;
	c->frozen = c->e_freeze;
	c->e_cpus = parent->e_cpus;
	/* Under cgroup_tasks_lock, since cgroup_update_frozen() walks the list. */
	list_add_tail(&c->sibling, &parent->children);
	spin_unlock(&cgroup_tasks_lock);
	count_descendants(c, 1, 0);
	cgroup_apply_sched(c);
	mutex_unlock(&cgroup_mutex);
	return c;

err_free:
	if (c) {
		psi_group_free(&c->psi);
		kfree(c->name);
	}
	kfree(c);
	return ERR_PTR(err);
}

int cgroup_rmdir(struct cgroup *c)
{
	int err = 0;

	mutex_lock(&cgroup_mutex);
	if (c->dead)
		err = -ENODEV;
	else if (!list_empty(&c->children) || READ_ONCE(c->nr_populated))
		err = -EBUSY;
	if (err) {
		mutex_unlock(&cgroup_mutex);
		return err;
	}
	WRITE_ONCE(c->dead, true);
	if (c->threaded)
		c->parent->nr_threaded_children--;
	count_descendants(c, -1, 1);
	sched_group_exit(&c->sched);
	io_group_reset(&c->io);
	/* the pages that the group leaves behind are no longer protected */
	WRITE_ONCE(c->mem.min, 0);
	WRITE_ONCE(c->mem.low, 0);
	mem_keeps_changed(&c->mem);
	spin_lock(&cgroup_tasks_lock);
	list_del_init(&c->sibling);
	cgroup_update_frozen(c->parent);
	spin_unlock(&cgroup_tasks_lock);
	mutex_unlock(&cgroup_mutex);
	for (u32 i = 0; i < CGN_NR; i++)
		cgroup_notify(c, i);
	if (cgroup_program_ops)
		cgroup_program_ops->drop(c);
	cgroup_put(c); /* the tree's reference */
	return 0;
}

/* ---- controllers ---- */

/* True if a child has enabled a controller of @mask for its own children. */
static bool child_uses(struct cgroup *c, u32 mask)
{
	struct cgroup *child;

	list_for_each_entry(child, &c->children, sibling)
		if (child->control & mask)
			return true;
	return false;
}

/*
 * Checks whether @c, with the tasks that it has, may enable @mask for its children. Returns 0 or
 * -errno.
 */
static int check_enable(struct cgroup *c, u32 mask)
{
	if (!mask || cgroup_is_root(c))
		return 0;
	if (!cgroup_valid_domain(domain_of(c)))
		return -EOPNOTSUPP;
	if (mask & ~CG_THREADED) {
		if (c->threaded || is_thread_root(c))
			return -EOPNOTSUPP;
	} else if (c->threaded || cgroup_may_divide(c)) {
		/* Allowed beside tasks: threads compete with groups of threads anyway. */
		return 0;
	}
	return has_tasks(c) ? -EBUSY : 0;
}

/* True if a group below @c's children has the name of a file that the controllers in @mask add. */
static bool names_taken(struct cgroup *c, u32 mask)
{
	struct cgroup *child, *g;

	list_for_each_entry(child, &c->children, sibling)
		list_for_each_entry(g, &child->children, sibling)
			if (is_file(child, child->threaded ? mask & CG_THREADED : mask, g->name,
				    (u32)strlen(g->name)))
				return true;
	return false;
}

/* Resets the children's settings of the controllers in @mask, which are being disabled. */
static void reset(struct cgroup *c, u32 mask)
{
	struct cgroup *child;

	list_for_each_entry(child, &c->children, sibling) {
		if (mask & CG_PIDS)
			child->pids.max = PIDS_NO_LIMIT;
		if (mask & CG_MEMORY)
			mem_group_reset(&child->mem);
		if (mask & CG_HUGETLB)
			huge_group_reset(&child->mem);
		if (mask & CG_IO)
			io_group_reset(&child->io);
		if (mask & CG_CPU)
			sched_group_reset(&child->sched);
		if (mask & CG_CPUSET)
			child->cpus = child->mems = 0;
	}
}

int cgroup_set_control(struct cgroup *c, u32 on, u32 off)
{
	struct cgroup *at;
	int err = 0;

	mutex_lock(&cgroup_mutex);
	on &= ~c->control;
	off &= c->control;
	if (c->dead)
		err = -ENODEV;
	else if (on & ~cgroup_enabled(c))
		err = -ENOENT;
	else if (child_uses(c, off))
		err = -EBUSY;
	else
		err = check_enable(c, on);
	if (!err && on && names_taken(c, on))
		err = -EEXIST;
	if (!err && (on || off)) {
		reset(c, off);
		WRITE_ONCE(c->control, (c->control | on) & ~off);
		if ((on | off) & CG_CPU)
			for (at = c; at; at = cgroup_next(at, c))
				cgroup_apply_sched(at);
		if (off & CG_CPUSET)
			cgroup_apply_cpus(c);
	}
	mutex_unlock(&cgroup_mutex);
	return err;
}

int cgroup_give_away(u32 controllers)
{
	int err = 0;

	mutex_lock(&cgroup_mutex);
	if (cgroup_root.control & controllers && !list_empty(&cgroup_root.children)) {
		err = -EBUSY;
	} else {
		WRITE_ONCE(cgroup_root.control, cgroup_root.control & ~controllers);
		WRITE_ONCE(cgroup_given_away, cgroup_given_away | controllers);
	}
	mutex_unlock(&cgroup_mutex);
	return err;
}

void cgroup_take_back(u32 controllers)
{
	mutex_lock(&cgroup_mutex);
	WRITE_ONCE(cgroup_given_away, cgroup_given_away & ~controllers);
	mutex_unlock(&cgroup_mutex);
}

/*
 * Returns the scheduler's group of @c or of its nearest ancestor, whichever has the cpu controller.
 * NULL: the root.
 */
static struct sched_group *sched_group_of(struct cgroup *c)
{
	for (; c && !cgroup_is_root(c); c = c->parent)
		if (cgroup_enabled(c) & CG_CPU)
			return &c->sched;
	return NULL;
}

struct sched_group *cgroup_sched_group(struct cgroup *c)
{
	return sched_group_of(c);
}

void cgroup_apply_sched(struct cgroup *c)
{
	struct sched_group *g = sched_group_of(c);
	struct task *t;

	if (g == &c->sched)
		sched_group_link(g, sched_group_of(c->parent));
	spin_lock(&cgroup_tasks_lock);
	list_for_each_entry(t, &c->tasks, cg_list)
		sched_move_task(t, g);
	spin_unlock(&cgroup_tasks_lock);
	if (!cgroup_is_root(c) && g != &c->sched)
		sched_group_link(&c->sched, NULL);
}
