/* SPDX-License-Identifier: MIT */
/*
 * v1_memory.c: memory and hugetlb of cgroup version 1 (linux-doc's
 * admin-guide/cgroup-v1/{memory,hugetlb}). They are version 2's controllers under another name
 * (kernel/mm/group/memcg.c counts), with a joint limit of memory and swap, and with eventfds that
 * are signalled.
 *
 * The top group of a hierarchy is not charged and has no limits. The groups below it are charged
 * and reclaimed as groups below version 2's root. When a group's memory is used up, the charging
 * task has a victim killed, as in version 2. If memory.oom_control disables that (oom_waits), the
 * charging task waits until there is room.
 *
 * An eventfd is registered for a number of pages or for out of memory. It is signalled each time
 * that usage passes that number in either direction, or that the group is out of memory. All
 * eventfds of a group are also signalled when the group is removed.
 *
 * Locks: cgroup1_mutex protects max and both_max; cgroup1_lock protects membership of tasks;
 * cg1_watch_lock protects eventfds. The other settings are written without these.
 */
#include "kernel/cgroup/internal.h"
#include "kernel/cgroup/v1.h"
#include "kernel/mm/swap/swap.h"
#include "kernel/vfs/vfs.h"

/* Eventfds of one group; each is kept until the group is removed. */
#define WATCHES_MAX 1024
/* Interval, in ns, at which a task that is out of memory checks for room. */
#define LOOK_NS 10000000UL

struct watch {
	struct list_head list;
	struct file *eventfd; /* holds a reference */
	bool oom;
	u64 pages; /* if !oom: the threshold */
	bool above;
};

static DEFINE_SPINLOCK(cg1_watch_lock);

/* Slot of the hierarchy that has hugetlb, or -1; written under cgroup1_mutex, read racily. */
static int huge_slot = -1;

void cgroup1_memory_init(struct cgroup1 *g)
{
	mem_group_init(&g->mem, NULL);
	g->mem.v1 = true;
	INIT_LIST_HEAD(&g->watches);
}

/*
 * Sets the parent and the settings of a new group. A child of the top has version 2's root as its
 * parent, since the top is not charged.
 */
void cgroup1_inherit_memory(struct cgroup1 *g, struct cgroup1 *parent)
{
	g->mem.parent = parent->parent ? &parent->mem : &cgroup_root.mem;
	g->mem.oom_waits = READ_ONCE(parent->mem.oom_waits);
	g->mem.swappiness =
		parent->parent ? READ_ONCE(parent->mem.swappiness) : READ_ONCE(sysctl_swappiness);
}

void cgroup1_memory_owner(struct cgroup1_hier *h, bool on)
{
	if (h->controllers & CG1_HUGETLB)
		WRITE_ONCE(huge_slot, on ? (int)h->slot : -1);
	if (h->controllers & CG1_MEMORY)
		cgroup_switch_payers(CG_MEMORY, on);
}

void cgroup1_memory_moved(struct task *t, struct cgroup1 *g)
{
	WRITE_ONCE(t->mem_group, g ? &g->mem : NULL);
}

/*
 * Returns the group to which current's huge pages are charged, of either version, with a reference.
 * NULL: current is in the top or root group, which is not charged.
 */
struct mem_group *cgroup1_huge_payer(void)
{
	int slot = READ_ONCE(huge_slot);
	struct cgroup1 *g;
	struct cgroup *c;

	if (slot >= 0) {
		spin_lock(&cgroup1_lock);
		g = current->cg1[slot];
		if (g)
			cgroup1_get(g);
		spin_unlock(&cgroup1_lock);
		return g ? &g->mem : NULL;
	}
	c = task_get_cgroup(current);
	if (!cgroup_is_root(c))
		return &c->mem;
	cgroup_put(c);
	return NULL;
}

u64 cgroup1_own_pages(struct cgroup1 *g, const atomic64_t *of)
{
	const size_t at = (size_t)((const char *)of - (const char *)&g->mem);
	s64 n = atomic_read(of);
	struct cgroup1 *below;

	mutex_lock(&cgroup1_mutex);
	list_for_each_entry(below, &g->hier->groups, sibling) {
		if (below->parent == g)
			n -= atomic_read((const atomic64_t *)((const char *)&below->mem + at));
		/* There may be any number of groups. cgroup1_mutex keeps the list unchanged. */
		cond_resched();
	}
	mutex_unlock(&cgroup1_mutex);
	return n > 0 ? (u64)n : 0;
}

/* ---- eventfds ---- */

/* Returns the pages in use. */
static u64 usage_of(const struct cgroup1 *g)
{
	return (u64)max(atomic_read(&g->mem.usage), 0L);
}

/*
 * Sets the thresholds nearest to the present usage as the bounds whose crossing is reported. Under
 * cg1_watch_lock.
 */
static void set_bounds(struct cgroup1 *g)
{
	u64 below = 0, from = ~0UL;
	struct watch *w;

	list_for_each_entry(w, &g->watches, list) {
		if (w->oom)
			continue;
		if (w->above)
			below = max(below, w->pages);
		else
			from = min(from, w->pages);
	}
	WRITE_ONCE(g->mem.notify_below, below);
	WRITE_ONCE(g->mem.notify_from, from);
}

/*
 * Signals the eventfds whose threshold was crossed. Drops the reference of cgroup1_mem_crossed().
 */
static void notify_watches(struct work *work)
{
	struct cgroup1 *g = container_of(work, struct cgroup1, notify_work);
	struct watch *w;

	spin_lock(&cg1_watch_lock);
	g->notify_queued = false;
	list_for_each_entry(w, &g->watches, list)
		if (!w->oom && w->above != (usage_of(g) >= w->pages)) {
			w->above = !w->above;
			file_watch_ops->signal(w->eventfd, 1);
		}
	set_bounds(g);
	spin_unlock(&cg1_watch_lock);
	cgroup1_put(g);
}

/*
 * Reports a crossed threshold. May be called with any locks held. The group's charged pages keep it
 * alive.
 */
void cgroup1_mem_crossed(struct mem_group *m)
{
	struct cgroup1 *g = container_of(m, struct cgroup1, mem);

	if (xchg(&g->notify_queued, true) || !atomic_inc_not_zero(&g->refs))
		return;
	work_setup(&g->notify_work, notify_watches);
	work_queue(&g->notify_work);
}

/*
 * Adds an eventfd, and takes over the caller's reference to it. @pages: threshold, unless @oom.
 * Returns 0, or -errno: the caller keeps the reference.
 */
static int add_watch(struct cgroup1 *g, struct file *eventfd, bool oom, u64 pages)
{
	struct watch *w = kzalloc(sizeof(*w), GFP_KERNEL | __GFP_ACCOUNT);
	int err = 0;

	if (!w)
		return -ENOMEM;
	*w = (struct watch){ .eventfd = eventfd, .oom = oom, .pages = pages };
	spin_lock(&cg1_watch_lock);
	w->above = usage_of(g) >= pages;
	if (READ_ONCE(g->dead))
		err = -ENODEV;
	else if (g->nr_watches >= WATCHES_MAX)
		err = -ENOSPC;
	if (!err) {
		g->nr_watches++;
		list_add_tail(&w->list, &g->watches);
		set_bounds(g);
		if (oom && READ_ONCE(g->nr_oom))
			file_watch_ops->signal(eventfd, 1);
	}
	spin_unlock(&cg1_watch_lock);
	if (err)
		kfree(w);
	return err;
}

int cgroup1_watch_usage(struct cgroup1 *g, struct file *eventfd, u64 pages)
{
	return add_watch(g, eventfd, false, pages);
}

int cgroup1_watch_oom(struct cgroup1 *g, struct file *eventfd)
{
	return add_watch(g, eventfd, true, 0);
}

/* Takes an eventfd off the group's list. Returns NULL if there is none. */
static struct watch *take_watch(struct cgroup1 *g)
{
	struct watch *w = NULL;

	spin_lock(&cg1_watch_lock);
	if (!list_empty(&g->watches)) {
		w = list_first_entry(&g->watches, struct watch, list);
		list_del(&w->list);
	}
	set_bounds(g);
	spin_unlock(&cg1_watch_lock);
	return w;
}

void cgroup1_memory_exit(struct cgroup1 *g)
{
	struct watch *w;

	/* The pages that the group leaves behind are no longer protected. */
	WRITE_ONCE(g->mem.low, 0);
	mem_keeps_changed(&g->mem);
	while ((w = take_watch(g))) {
		file_watch_ops->signal(w->eventfd, 1);
		fput(w->eventfd);
		kfree(w);
		cond_resched();
	}
}

/* ---- out of memory ---- */

static void notify_oom(struct cgroup1 *g)
{
	struct watch *w;

	spin_lock(&cg1_watch_lock);
	list_for_each_entry(w, &g->watches, list)
		if (w->oom)
			file_watch_ops->signal(w->eventfd, 1);
	spin_unlock(&cg1_watch_lock);
}

/* True if the group has reached its limit of memory, or of memory and swap. */
static bool is_full(const struct cgroup1 *g)
{
	u64 both = usage_of(g) + (u64)max(atomic_read(&g->mem.swap), 0L);

	return usage_of(g) >= READ_ONCE(g->mem.max) || both >= READ_ONCE(g->mem.both_max);
}

/* Sleeps until the group has room, oom_waits is switched off, or current is killed. */
static void wait_for_room(struct cgroup1 *g)
{
	__atomic_add_fetch(&g->nr_oom, 1, __ATOMIC_RELAXED);
	while (READ_ONCE(g->mem.oom_waits) && is_full(g) && !wait_interrupted(TASK_WAKEKILL)) {
		set_current_state(TASK_KILLABLE);
		schedule_deadline(ktime_get() + LOOK_NS);
	}
	__atomic_sub_fetch(&g->nr_oom, 1, __ATOMIC_RELAXED);
}

static bool belongs_to(struct task *p, void *arg)
{
	struct cgroup1 *g = arg, *its = READ_ONCE(p->cg1[g->hier->slot]);

	return its && cgroup1_is_below(its, g);
}

static void log_use(void *arg)
{
	const struct mem_group *m = &((struct cgroup1 *)arg)->mem;
	u64 used = (u64)atomic_read(&m->usage);

	cgroup_task_ops->oom_print_use("memory", used, m->max, m->hits);
	cgroup_task_ops->oom_print_use(
		"memory+swap", used + (u64)atomic_read(&m->swap), m->both_max, m->both_hits);
}

static void scope_path(struct task *p, void *arg, char *buf, size_t size)
{
	struct cgroup1 *scope = arg, *g = p ? cgroup1_of_task(p, scope->hier) : scope;

	if (cgroup1_path(g, scope->hier->top, buf, size) < 0)
		strscpy(buf, "(too long)", size);
	if (p)
		cgroup1_put(g);
}

bool cgroup1_oom_kill(struct mem_group *m)
{
	struct cgroup1 *g = container_of(m, struct cgroup1, mem), *its;
	struct oom_scope scope = { .total = min(m->max, max_pfn),
		.in = belongs_to,
		.log_use = log_use,
		.path = scope_path,
		.arg = g };
	struct task *victim;
	bool any;

	notify_oom(g);
	if (READ_ONCE(m->oom_waits)) {
		wait_for_room(g);
		return true;
	}
	victim = cgroup_task_ops->oom_kill_within(&scope, &any);
	if (!victim)
		return any;
	its = cgroup1_of_task(victim, g->hier);
	mem_group_killed(&its->mem);
	cgroup1_put(its);
	put_task(victim);
	return true;
}
