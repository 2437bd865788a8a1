/* SPDX-License-Identifier: MIT */
/*
 * hugetlb_files.c: the files of the hugetlb controller: huge pages in use and reserved, their
 * limits, and the number of refused requests. There is one huge page size.
 */
#include "kernel/fs/cgroup2/internal.h"
#include "kernel/mm/hugetlb/hugetlb.h"

static int show_pages(struct seq *s, const struct cgroup *c, enum huge_kind kind)
{
	seq_printf(s, "%lu\n", (u64)atomic_read(&c->mem.huge.pages[kind]) << HPAGE_SHIFT);
	return 0;
}

static int show_limit(struct seq *s, const struct cgroup *c, enum huge_kind kind)
{
	u64 pages = READ_ONCE(c->mem.huge.max[kind]);

	if (pages == HUGE_NO_LIMIT)
		seq_puts(s, "max\n");
	else
		seq_printf(s, "%lu\n", pages << HPAGE_SHIFT);
	return 0;
}

/*
 * Sets a limit: "max", or bytes with k, m, g or t, rounded down to huge pages. Returns 0 or -errno:
 * -EBUSY if the usage is already above the limit.
 */
static int store_limit(struct cgroup *c, char *text, enum huge_kind kind)
{
	u64 v;

	if (!strcmp(text, "max"))
		return huge_group_limit(&c->mem, kind, HUGE_NO_LIMIT);
	return kstrtosize(text, &v) ? -EINVAL : huge_group_limit(&c->mem, kind, v >> HPAGE_SHIFT);
}

#define LIMIT(name, kind)                                                                          \
	int cg_show_huge_##name(struct seq *s, struct cgroup *c)                                   \
	{                                                                                          \
		return show_limit(s, c, kind);                                                     \
	}                                                                                          \
	int cg_store_huge_##name(struct file *f, struct cgroup *c, char *text)                     \
	{                                                                                          \
		return store_limit(c, text, kind);                                                 \
	}
LIMIT(max, HUGE_USED)
LIMIT(rsvd_max, HUGE_RESERVED)

int cg_show_huge_current(struct seq *s, struct cgroup *c)
{
	return show_pages(s, c, HUGE_USED);
}

int cg_show_huge_rsvd_current(struct seq *s, struct cgroup *c)
{
	return show_pages(s, c, HUGE_RESERVED);
}

int cg_show_huge_events(struct seq *s, struct cgroup *c)
{
	seq_printf(s, "max %lu\n", READ_ONCE(c->mem.huge.refused));
	return 0;
}

int cg_show_huge_events_local(struct seq *s, struct cgroup *c)
{
	seq_printf(s, "max %lu\n", READ_ONCE(c->mem.huge.refused_local));
	return 0;
}

/* Shows the usage of each NUMA node. This kernel has one node. */
int cg_show_huge_numa_stat(struct seq *s, struct cgroup *c)
{
	u64 bytes = (u64)atomic_read(&c->mem.huge.pages[HUGE_USED]) << HPAGE_SHIFT;

	seq_printf(s, "total=%lu N0=%lu\n", bytes, bytes);
	return 0;
}
