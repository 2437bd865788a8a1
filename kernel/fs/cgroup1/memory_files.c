/* SPDX-License-Identifier: MIT */
/*
 * memory_files.c: the files of version 1's memory and hugetlb. Sizes are bytes, rounded down to
 * pages; a write may use k, m, g, t, or -1 for no limit. The top group shows the figures of the
 * machine, and has no limits. The files for kernel memory (memory.kmem.*) and memory pressure are
 * missing.
 */
#include "kernel/cgroup/cgroup.h"
#include "kernel/event/eventfd.h"
#include "kernel/fs/cgroup1/internal.h"
#include "kernel/mm/hugetlb/hugetlb.h"
#include "kernel/mm/swap/swap.h"

#define NO_LIMIT (INT64_MAX & ~(s64)(PAGE_SIZE - 1)) /* no limit, in bytes */

/* Returns a count of pages, 0 if it is below zero for a moment. */
static u64 pages_of(const atomic64_t *a)
{
	return (u64)max(atomic_read(a), 0L);
}

/* Reads a size in bytes; ~0 for "-1". Returns 0 or -EINVAL. */
static int parse_bytes(const char *text, u64 *bytes)
{
	*bytes = ~0UL;
	return !strcmp(text, "-1") ? 0 : kstrtosize(text, bytes) ? -EINVAL : 0;
}

static int show_bytes(struct seq *s, u64 pages)
{
	seq_printf(s, "%lu\n", pages >= MEM_NO_LIMIT ? (u64)NO_LIMIT : pages << PAGE_SHIFT);
	return 0;
}

/* ---- memory: usage and peaks, in pages ---- */

static u64 machine_pages(void)
{
	struct meminfo m;

	si_meminfo(&m);
	return m.cached + m.anon;
}

static u64 usage(const struct cgroup1 *g)
{
	return g->parent ? pages_of(&g->mem.usage) : machine_pages();
}

/* Returns the usage of memory and swap. */
static u64 both(const struct cgroup1 *g)
{
	return usage(g) + (g->parent ? pages_of(&g->mem.swap) : 0);
}

int cg1_show_mem_usage(struct seq *s, struct cgroup1 *g)
{
	return show_bytes(s, usage(g));
}

int cg1_show_mem_peak(struct seq *s, struct cgroup1 *g)
{
	return show_bytes(s, max(READ_ONCE(g->mem.peak), usage(g)));
}

/* Sets the peak to the present usage. The written text is ignored. */
int cg1_store_mem_peak(struct file *f, struct cgroup1 *g, char *text)
{
	WRITE_ONCE(g->mem.peak, pages_of(&g->mem.usage));
	return 0;
}

int cg1_show_both_usage(struct seq *s, struct cgroup1 *g)
{
	return show_bytes(s, both(g));
}

int cg1_show_both_peak(struct seq *s, struct cgroup1 *g)
{
	return show_bytes(s, max(READ_ONCE(g->mem.both_peak), both(g)));
}

int cg1_store_both_peak(struct file *f, struct cgroup1 *g, char *text)
{
	WRITE_ONCE(g->mem.both_peak, pages_of(&g->mem.usage) + pages_of(&g->mem.swap));
	return 0;
}

static int show_hits(struct seq *s, const u64 *hits)
{
	seq_printf(s, "%lu\n", READ_ONCE(*hits));
	return 0;
}

int cg1_show_mem_fails(struct seq *s, struct cgroup1 *g)
{
	return show_hits(s, &g->mem.hits);
}

int cg1_store_mem_fails(struct file *f, struct cgroup1 *g, char *text)
{
	WRITE_ONCE(g->mem.hits, 0);
	return 0;
}

int cg1_show_both_fails(struct seq *s, struct cgroup1 *g)
{
	return show_hits(s, &g->mem.both_hits);
}

int cg1_store_both_fails(struct file *f, struct cgroup1 *g, char *text)
{
	WRITE_ONCE(g->mem.both_hits, 0);
	return 0;
}

/* ---- memory: limits ---- */

int cg1_show_mem_limit(struct seq *s, struct cgroup1 *g)
{
	return show_bytes(s, READ_ONCE(g->mem.max));
}

int cg1_show_both_limit(struct seq *s, struct cgroup1 *g)
{
	return show_bytes(s, READ_ONCE(g->mem.both_max));
}

/*
 * Reclaims pages until the usage is at most @pages, without an OOM kill. The old limit stays in
 * force meanwhile. Returns 0, or -EBUSY if the usage is still larger.
 */
static int make_room(struct cgroup1 *g, u64 pages, bool swap_too)
{
	u64 has = swap_too ? both(g) : usage(g);

	if (has > pages)
		mem_group_shrink_to(
			&g->mem, pages - min(pages, swap_too ? pages_of(&g->mem.swap) : 0), false);
	return (swap_too ? both(g) : usage(g)) > pages ? -EBUSY : 0;
}

/*
 * Sets the limit of memory, or with @swap_too the limit of memory and swap together. The former may
 * not exceed the latter. Returns 0 or -errno. Takes cgroup1_mutex.
 */
static int store_limit(struct cgroup1 *g, char *text, bool swap_too)
{
	u64 bytes, pages;
	int err = g->parent ? parse_bytes(text, &bytes) : -EINVAL;

	if (err)
		return err;
	pages = min(bytes >> PAGE_SHIFT, MEM_NO_LIMIT);
	err = make_room(g, pages, swap_too);
	mutex_lock(&cgroup1_mutex);
	if (!err && (swap_too ? pages < g->mem.max : pages > g->mem.both_max))
		err = -EINVAL;
	if (!err)
		WRITE_ONCE(*(swap_too ? &g->mem.both_max : &g->mem.max), pages);
	mutex_unlock(&cgroup1_mutex);
	return err;
}

int cg1_store_mem_limit(struct file *f, struct cgroup1 *g, char *text)
{
	return store_limit(g, text, false);
}

int cg1_store_both_limit(struct file *f, struct cgroup1 *g, char *text)
{
	return store_limit(g, text, true);
}

/*
 * Shows the soft limit. Reclaim for other groups spares a group that uses less than it, like
 * memory.low of version 2.
 */
int cg1_show_soft_limit(struct seq *s, struct cgroup1 *g)
{
	u64 low = READ_ONCE(g->mem.low);

	return show_bytes(s, low ? low : MEM_NO_LIMIT);
}

int cg1_store_soft_limit(struct file *f, struct cgroup1 *g, char *text)
{
	u64 bytes;
	int err = parse_bytes(text, &bytes);

	if (!err && bytes >> PAGE_SHIFT >= MEM_NO_LIMIT)
		bytes = 0;
	if (err || !g->parent)
		return err;
	WRITE_ONCE(g->mem.low, bytes >> PAGE_SHIFT);
	mem_keeps_set(&g->mem);
	return 0;
}

int cg1_store_force_empty(struct file *f, struct cgroup1 *g, char *text)
{
	if (!g->parent)
		return -EINVAL;
	mem_group_shrink_to(&g->mem, 0, false);
	return 0;
}

/* ---- memory: files with a single valid value ---- */

int cg1_show_hierarchy(struct seq *s, struct cgroup1 *g)
{
	seq_puts(s, "1\n");
	return 0;
}

int cg1_store_hierarchy(struct file *f, struct cgroup1 *g, char *text)
{
	u64 v;

	return kstrtou64(text, 0, &v) || v != 1 ? -EINVAL : 0;
}

int cg1_show_move_charge(struct seq *s, struct cgroup1 *g)
{
	seq_puts(s, "0\n");
	return 0;
}

int cg1_store_move_charge(struct file *f, struct cgroup1 *g, char *text)
{
	u64 v;

	return kstrtou64(text, 0, &v) || v ? -EINVAL : 0;
}

/*
 * Shows swappiness. With 0, reclaim for the group's limits swaps out no pages. The other values do
 * not differ in their effect.
 */
int cg1_show_swappiness(struct seq *s, struct cgroup1 *g)
{
	seq_printf(
		s, "%d\n", g->parent ? READ_ONCE(g->mem.swappiness) : READ_ONCE(sysctl_swappiness));
	return 0;
}

int cg1_store_swappiness(struct file *f, struct cgroup1 *g, char *text)
{
	u64 v;

	if (kstrtou64(text, 0, &v) || v > 200)
		return -EINVAL;
	WRITE_ONCE(*(g->parent ? &g->mem.swappiness : &sysctl_swappiness), (int)v);
	return 0;
}

/* ---- memory: statistics ---- */

enum part { CACHE, RSS, SHMEM, MAPPED, DIRTY, WRITEBACK, SWAP, INACTIVE, ACTIVE, PARTS };

/* Returns one of @g's counts of pages: its own, or including the groups below. */
typedef u64 (*count_fn)(struct cgroup1 *g, const atomic64_t *of);

static u64 with_all_below(struct cgroup1 *g, const atomic64_t *of)
{
	return pages_of(of);
}

/* Returns @all - @less, at least 0. */
static u64 rest(u64 all, u64 less)
{
	return all - min(all, less);
}

/*
 * count_parts() fills p[PARTS] with the group's numbers of pages, except INACTIVE and ACTIVE.
 * count_machines() fills all of p[PARTS] with the machine's numbers of pages.
 */
static void count_parts(struct cgroup1 *g, count_fn count, u64 *p)
{
	const struct mem_group *m = &g->mem;
	u64 others = count(g, &m->sock) + count(g, &m->stat[MEM_KERNEL]);

	p[CACHE] = count(g, &m->file);
	p[RSS] = rest(count(g, &m->usage), p[CACHE] + others);
	p[SHMEM] = count(g, &m->shmem);
	p[MAPPED] = count(g, &m->stat[MEM_FILE_MAPPED]);
	p[DIRTY] = count(g, &m->stat[MEM_FILE_DIRTY]);
	p[WRITEBACK] = count(g, &m->stat[MEM_FILE_WRITEBACK]);
	p[SWAP] = count(g, &m->swap);
}

static void count_machines(u64 *p)
{
	struct meminfo m;

	si_meminfo(&m);
	p[CACHE] = m.cached;
	p[RSS] = m.anon;
	p[SHMEM] = m.shmem;
	p[MAPPED] = m.mapped;
	p[DIRTY] = m.dirty;
	p[WRITEBACK] = m.writeback;
	p[SWAP] = rest(m.swap_total, m.swap_free);
	p[INACTIVE] = m.inactive_file;
	p[ACTIVE] = m.active_file;
}

static void show_parts(struct seq *s, const char *total, const u64 *p)
{
	const struct {
		const char *name;
		u64 pages;
	} all[] = { { "cache", p[CACHE] }, { "rss", p[RSS] }, { "shmem", p[SHMEM] },
		{ "mapped_file", p[MAPPED] }, { "dirty", p[DIRTY] }, { "writeback", p[WRITEBACK] },
		{ "swap", p[SWAP] }, { "inactive_anon", p[SHMEM] }, { "active_anon", p[RSS] },
		{ "inactive_file", p[INACTIVE] }, { "active_file", p[ACTIVE] } };

	for (u32 i = 0; i < ARRAY_SIZE(all); i++)
		seq_printf(s, "%s%s %lu\n", total, all[i].name, all[i].pages << PAGE_SHIFT);
}

static void show_limits_above(struct seq *s, const struct cgroup1 *g)
{
	u64 mem = MEM_NO_LIMIT, with_swap = MEM_NO_LIMIT;

	for (; g; g = g->parent) {
		mem = min(mem, READ_ONCE(g->mem.max));
		with_swap = min(with_swap, READ_ONCE(g->mem.both_max));
	}
	seq_puts(s, "hierarchical_memory_limit ");
	show_bytes(s, mem);
	seq_puts(s, "hierarchical_memsw_limit ");
	show_bytes(s, with_swap);
}

int cg1_show_mem_stat(struct seq *s, struct cgroup1 *g)
{
	u64 own[PARTS], all[PARTS];

	if (g->parent) {
		count_parts(g, cgroup1_own_pages, own);
		count_parts(g, with_all_below, all);
		mem_group_lru(&g->mem, &all[INACTIVE], &all[ACTIVE]);
		own[INACTIVE] = READ_ONCE(g->mem.lru.counts[0]);
		own[ACTIVE] = READ_ONCE(g->mem.lru.counts[1]);
	} else {
		count_machines(own);
		count_machines(all);
	}
	show_parts(s, "", own);
	show_limits_above(s, g);
	show_parts(s, "total_", all);
	return 0;
}

/* ---- memory: OOM, notifications ---- */

int cg1_show_oom(struct seq *s, struct cgroup1 *g)
{
	seq_printf(s, "oom_kill_disable %d\nunder_oom %d\noom_kill %lu\n",
		READ_ONCE(g->mem.oom_waits), READ_ONCE(g->nr_oom) != 0,
		READ_ONCE(g->mem.local_events[MEM_OOM_KILL]));
	return 0;
}

int cg1_store_oom(struct file *f, struct cgroup1 *g, char *text)
{
	u64 v;

	if (kstrtou64(text, 0, &v) || v > 1 || !g->parent)
		return -EINVAL;
	WRITE_ONCE(g->mem.oom_waits, v);
	return 0;
}

/*
 * Registers @eventfd for events of @file, which must be a control file of this group. Both files
 * come from a write of "EVENTFD FILE ARGUMENT" to cgroup.event_control. Returns 0 or -errno. Takes
 * over the reference to @eventfd if it returns 0.
 */
static int watch(struct cgroup1 *g, struct file *eventfd, struct file *file, char *arg)
{
	const char *name = cg1_name_of(file, g);
	u64 bytes;

	if (!name)
		return -EINVAL;
	if (!strcmp(name, "memory.oom_control"))
		return cgroup1_watch_oom(g, eventfd);
	if (strcmp(name, "memory.usage_in_bytes") != 0 || parse_bytes(arg, &bytes))
		return -EINVAL;
	return cgroup1_watch_usage(g, eventfd, bytes >> PAGE_SHIFT);
}

/* Reads the next word of *text as a descriptor. Returns 0 or -EINVAL. */
static int take_fd(char **text, u64 *fd)
{
	char *word = strsep(text, " ");

	return !word || kstrtou64(word, 10, fd) || *fd > INT32_MAX ? -EINVAL : 0;
}

int cg1_store_event(struct file *f, struct cgroup1 *g, char *text)
{
	struct file *eventfd, *file;
	u64 fds[2];
	int err;

	if (take_fd(&text, &fds[0]) || take_fd(&text, &fds[1]))
		return -EINVAL;
	eventfd = eventfd_fget((int)fds[0]);
	if (IS_ERR(eventfd))
		return (int)PTR_ERR(eventfd);
	file = fget((int)fds[1]);
	err = file ? watch(g, eventfd, file, text ? strim(text) : "") : -EBADF;
	if (file)
		fput(file);
	if (err)
		fput(eventfd);
	return err;
}

/* ---- hugetlb ---- */

static int show_huge(struct seq *s, u64 pages)
{
	seq_printf(s, "%lu\n", pages >= HUGE_NO_LIMIT ? (u64)NO_LIMIT : pages << HPAGE_SHIFT);
	return 0;
}

static int store_huge(struct cgroup1 *g, const char *text, enum huge_kind kind)
{
	u64 bytes;
	int err = g->parent ? parse_bytes(text, &bytes) : -EINVAL;

	return err ? err :
		     huge_group_limit(&g->mem, kind, min_t(u64, bytes, NO_LIMIT) >> HPAGE_SHIFT);
}

#define HUGE(name, kind)                                                                           \
	int cg1_show_##name##_limit(struct seq *s, struct cgroup1 *g)                              \
	{                                                                                          \
		return show_huge(s, READ_ONCE(g->mem.huge.max[kind]));                             \
	}                                                                                          \
	int cg1_store_##name##_limit(struct file *f, struct cgroup1 *g, char *text)                \
	{                                                                                          \
		return store_huge(g, text, kind);                                                  \
	}                                                                                          \
	int cg1_show_##name##_usage(struct seq *s, struct cgroup1 *g)                              \
	{                                                                                          \
		return show_huge(s, pages_of(&g->mem.huge.pages[kind]));                           \
	}                                                                                          \
	int cg1_show_##name##_peak(struct seq *s, struct cgroup1 *g)                               \
	{                                                                                          \
		return show_huge(s, READ_ONCE(g->mem.huge.peak[kind]));                            \
	}                                                                                          \
	int cg1_store_##name##_peak(struct file *f, struct cgroup1 *g, char *text)                 \
	{                                                                                          \
		WRITE_ONCE(g->mem.huge.peak[kind], pages_of(&g->mem.huge.pages[kind]));            \
		return 0;                                                                          \
	}                                                                                          \
	int cg1_show_##name##_fails(struct seq *s, struct cgroup1 *g)                              \
	{                                                                                          \
		return show_hits(s, &g->mem.huge.hits[kind]);                                      \
	}                                                                                          \
	int cg1_store_##name##_fails(struct file *f, struct cgroup1 *g, char *text)                \
	{                                                                                          \
		WRITE_ONCE(g->mem.huge.hits[kind], 0);                                             \
		return 0;                                                                          \
	}
HUGE(huge, HUGE_USED)
HUGE(promised, HUGE_RESERVED)

/* Shows the usage of each NUMA node. This kernel has one node. */
int cg1_show_huge_numa(struct seq *s, struct cgroup1 *g)
{
	u64 own = cgroup1_own_pages(g, &g->mem.huge.pages[HUGE_USED]) << HPAGE_SHIFT;
	u64 all = pages_of(&g->mem.huge.pages[HUGE_USED]) << HPAGE_SHIFT;

	seq_printf(s, "total=%lu N0=%lu\nhierarchical_total=%lu N0=%lu\n", own, own, all, all);
	return 0;
}
