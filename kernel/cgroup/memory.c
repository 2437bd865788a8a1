/* SPDX-License-Identifier: MIT */
/*
 * memory.c: the memory controller's group side: keeps groups alive while they have pages, signals
 * events to the tasks that wait for them, and kills tasks when reclaim does not help. The counting
 * is in kernel/mm/group/memcg.c.
 *
 * The victim is the process with the highest OOM score in the group that is out of memory, or
 * below. Where memory.oom.group is set on the way up from the victim's group, the topmost such
 * group is killed as a whole.
 */
#include "kernel/cgroup/internal.h"
#include "kernel/cgroup/v1.h"

/* Return the group that contains @g, of version 2 or of version 1. */
static struct cgroup *owner(struct mem_group *g)
{
	return container_of(g, struct cgroup, mem);
}

static struct cgroup1 *owner1(struct mem_group *g)
{
	return container_of(g, struct cgroup1, mem);
}

/* Operations of struct mem_group_ops. tryget() is false if the group is being freed. */
static void hold(struct mem_group *g)
{
	if (g->v1)
		cgroup1_get(owner1(g));
	else
		cgroup_get(owner(g));
}

static bool tryget(struct mem_group *g)
{
	return atomic_inc_not_zero(g->v1 ? &owner1(g)->refs : &owner(g)->refs);
}

static void release(struct mem_group *g)
{
	if (g->v1)
		cgroup1_put(owner1(g));
	else
		cgroup_put(owner(g));
}

static void event(struct mem_group *g)
{
	if (g->v1)
		return; /* files of version 1 cannot be polled */
	cgroup_notify(owner(g), CGN_MEMORY);
	cgroup_notify(owner(g), CGN_MEMORY_LOCAL);
}

static void huge_event(struct mem_group *g)
{
	if (g->v1)
		return;
	cgroup_notify(owner(g), CGN_HUGETLB);
	cgroup_notify(owner(g), CGN_HUGETLB_LOCAL);
}

/* True if the process is in the group @arg or below. */
static bool belongs_to(struct task *p, void *arg)
{
	return p->cgroup && cgroup_is_descendant(p->cgroup, arg);
}

/*
 * Returns the topmost group on the way from @c up to @top that has memory.oom.group set, or NULL.
 */
static struct cgroup *unit_of(struct cgroup *c, struct cgroup *top)
{
	struct cgroup *unit = NULL;

	for (;; c = c->parent) {
		if (READ_ONCE(c->mem.oom_group))
			unit = c;
		if (c == top || cgroup_is_root(c))
			return unit;
	}
}

/*
 * Selects @p for the kill of a group: if it may be killed, counts and logs the kill and returns
 * true. The first victim, which oom_kill_in() has counted, is counted again, as on Linux.
 */
static bool dies_with_group(struct task *p)
{
	struct cgroup *c;

	if (!cgroup_task_ops->oom_may_kill(p) || !READ_ONCE(p->mm))
		return false;
	c = task_get_cgroup(p);
	mem_group_killed(&c->mem);
	cgroup_put(c);
	cgroup_task_ops->oom_print_killed(p);
	return true;
}

/* Writes the group's path, terminated, to the beginning of @buf. */
static void path_of(struct cgroup *c, char *buf, size_t size)
{
	char *text = cgroup_path(c, &cgroup_root, buf, size);

	if (IS_ERR(text))
		strscpy(buf, "(too long)", size);
	else
		memmove(buf, text, strlen(text) + 1);
}

void cgroup_memory_path(struct task *p, char *buf, size_t size)
{
	struct cgroup *c = task_get_cgroup(p);

	path_of(c, buf, size);
	cgroup_put(c);
}

/* Writes the path of the group of @p, or of the group @arg if @p is NULL. */
static void scope_path(struct task *p, void *arg, char *buf, size_t size)
{
	if (p)
		cgroup_memory_path(p, buf, size);
	else
		path_of(arg, buf, size);
}

static void log_use(void *arg)
{
	const struct mem_group *g = &((struct cgroup *)arg)->mem;

	cgroup_task_ops->oom_print_use(
		"memory", (u64)atomic_read(&g->usage), g->max, g->events[MEM_MAX]);
	cgroup_task_ops->oom_print_use(
		"swap", (u64)atomic_read(&g->swap), g->swap_max, g->swap_events[MEM_SWAP_MAX]);
}

/* Returns true if a process was killed, or one is still dying. */
static bool oom_kill_in(struct mem_group *g)
{
	struct cgroup *c = owner(g), *victims_group, *unit;
	struct oom_scope scope = { .total = min(g->max, max_pfn),
		.in = belongs_to,
		.log_use = log_use,
		.path = scope_path,
		.arg = c };
	struct task *victim;
	char path[OOM_PATH_MAX];
	bool any;

	if (g->v1)
		return cgroup1_oom_kill(g);
	victim = cgroup_task_ops->oom_kill_within(&scope, &any);
	if (!victim)
		return any;
	victims_group = task_get_cgroup(victim);
	mem_group_killed(&victims_group->mem);
	/* The victim may have left the domain; then it alone is killed. */
	unit = cgroup_is_descendant(victims_group, c) ? unit_of(victims_group, c) : NULL;
	if (unit) {
		mem_group_killed_all(&unit->mem);
		path_of(unit, path, sizeof(path));
		pr_info("Tasks in %s are going to be killed due to memory.oom.group set\n", path);
		cgroup_kill_those(unit, dies_with_group);
	}
	cgroup_put(victims_group);
	put_task(victim);
	return true;
}

static const struct mem_group_ops ops_for_mm = {
	.hold = hold,
	.release = release,
	.tryget = tryget,
	.event = event,
	.huge_event = huge_event,
	.oom_kill = oom_kill_in,
	.crossed = cgroup1_mem_crossed,
	.huge_begin = cgroup1_huge_payer,
};

static int memory_init(void)
{
	mem_group_ops = &ops_for_mm;
	return 0;
}
INITCALL(1, memory_init);
