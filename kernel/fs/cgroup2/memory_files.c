/* SPDX-License-Identifier: MIT */
/*
 * memory_files.c: the files of the memory controller: usage, limits, events, statistics, reclaim on
 * demand.
 */
#include "kernel/fs/cgroup2/internal.h"

static u64 pages_of(const atomic64_t *a)
{
	s64 n = atomic_read(a);

	return n > 0 ? (u64)n : 0;
}

int cg_show_memory_current(struct seq *s, struct cgroup *c)
{
	seq_printf(s, "%lu\n", pages_of(&c->mem.usage) << PAGE_SHIFT);
	return 0;
}

/* Shows the peak usage. If this open file was written to, it is the peak since its last write. */
int cg_show_memory_peak(struct seq *s, struct cgroup *c)
{
	const struct cg_open *o = container_of(s, struct cg_open, seq);

	seq_printf(s, "%lu\n", mem_watch_peak(&c->mem, &o->peak) << PAGE_SHIFT);
	return 0;
}

int cg_store_memory_peak(struct file *f, struct cgroup *c, char *text)
{
	struct cg_open *o = f->private_data;

	mem_watch_begin(&c->mem, &o->peak);
	return 0;
}

static int show_limit(struct seq *s, u64 pages)
{
	if (pages >= MEM_NO_LIMIT)
		seq_puts(s, "max\n");
	else
		seq_printf(s, "%lu\n", pages << PAGE_SHIFT);
	return 0;
}

/* Parses "max", or bytes with k, m, g or t, rounded down to pages. Returns 0 or -EINVAL. */
static int parse_bytes(char *text, u64 *pages)
{
	u64 v;

	if (!strcmp(text, "max")) {
		*pages = MEM_NO_LIMIT;
		return 0;
	}
	if (kstrtosize(text, &v))
		return -EINVAL;
	*pages = min(v >> PAGE_SHIFT, MEM_NO_LIMIT);
	return 0;
}

#define LIMIT(name)                                                                                \
	int cg_show_memory_##name(struct seq *s, struct cgroup *c)                                 \
	{                                                                                          \
		return show_limit(s, READ_ONCE(c->mem.name));                                      \
	}
LIMIT(min)
LIMIT(low)
LIMIT(high)
LIMIT(max)

static int store_bytes(u64 *to, char *text)
{
	u64 pages;
	int err = parse_bytes(text, &pages);

	if (!err)
		WRITE_ONCE(*to, pages);
	return err;
}

int cg_store_memory_min(struct file *f, struct cgroup *c, char *text)
{
	int err = store_bytes(&c->mem.min, text);

	if (!err)
		mem_keeps_set(&c->mem);
	return err;
}

int cg_store_memory_low(struct file *f, struct cgroup *c, char *text)
{
	int err = store_bytes(&c->mem.low, text);

	if (!err)
		mem_keeps_set(&c->mem);
	return err;
}

/*
 * Sets a limit. cgroup_mutex is released at once, since the reclaim that the caller does next takes
 * long and may kill tasks.
 */
static int store_limit(struct cgroup *c, u64 *to, char *text)
{
	int err = cg_begin(c, CG_MEMORY);

	if (!err) {
		err = store_bytes(to, text);
		cg_end();
	}
	return err;
}

int cg_store_memory_high(struct file *f, struct cgroup *c, char *text)
{
	int err = store_limit(c, &c->mem.high, text);

	if (!err)
		mem_group_shrink_to(&c->mem, READ_ONCE(c->mem.high), false);
	return err;
}

int cg_store_memory_max(struct file *f, struct cgroup *c, char *text)
{
	int err = store_limit(c, &c->mem.max, text);

	if (!err)
		mem_group_shrink_to(&c->mem, READ_ONCE(c->mem.max), true);
	return err;
}

/* ---- swap areas ---- */

int cg_show_memory_swap_current(struct seq *s, struct cgroup *c)
{
	seq_printf(s, "%lu\n", pages_of(&c->mem.swap) << PAGE_SHIFT);
	return 0;
}

int cg_show_memory_swap_peak(struct seq *s, struct cgroup *c)
{
	const struct cg_open *o = container_of(s, struct cg_open, seq);

	seq_printf(s, "%lu\n", mem_swap_watch_peak(&c->mem, &o->peak) << PAGE_SHIFT);
	return 0;
}

int cg_store_memory_swap_peak(struct file *f, struct cgroup *c, char *text)
{
	struct cg_open *o = f->private_data;

	mem_swap_watch_begin(&c->mem, &o->peak);
	return 0;
}

LIMIT(swap_max)
LIMIT(swap_high)

/* Sets the limit of swap. Pages above it that are already swapped out stay there. */
int cg_store_memory_swap_max(struct file *f, struct cgroup *c, char *text)
{
	return store_bytes(&c->mem.swap_max, text);
}

int cg_store_memory_swap_high(struct file *f, struct cgroup *c, char *text)
{
	return store_bytes(&c->mem.swap_high, text);
}

int cg_show_memory_swap_events(struct seq *s, struct cgroup *c)
{
	const u64 *e = c->mem.swap_events;

	seq_printf(s, "high %lu\nmax %lu\nfail %lu\n", READ_ONCE(e[MEM_SWAP_HIGH]),
		READ_ONCE(e[MEM_SWAP_MAX]), READ_ONCE(e[MEM_SWAP_FAIL]));
	return 0;
}

/* ---- groups that are OOM-killed as a whole, events ---- */

int cg_show_memory_oom_group(struct seq *s, struct cgroup *c)
{
	seq_printf(s, "%d\n", c->mem.oom_group);
	return 0;
}

int cg_store_memory_oom_group(struct file *f, struct cgroup *c, char *text)
{
	s64 v;

	if (kstrtos64(text, 0, &v) || v < 0 || v > 1)
		return -EINVAL;
	WRITE_ONCE(c->mem.oom_group, v);
	return 0;
}

static int show_event_list(struct seq *s, const u64 *e)
{
	seq_printf(s, "low %lu\nhigh %lu\nmax %lu\noom %lu\noom_kill %lu\noom_group_kill %lu\n",
		READ_ONCE(e[MEM_LOW]), READ_ONCE(e[MEM_HIGH]), READ_ONCE(e[MEM_MAX]),
		READ_ONCE(e[MEM_OOM]), READ_ONCE(e[MEM_OOM_KILL]),
		READ_ONCE(e[MEM_OOM_GROUP_KILL]));
	return 0;
}

int cg_show_memory_events(struct seq *s, struct cgroup *c)
{
	return show_event_list(s, c->mem.events);
}

int cg_show_memory_events_local(struct seq *s, struct cgroup *c)
{
	return show_event_list(s, c->mem.local_events);
}

static void show_pages(struct seq *s, const char *name, u64 pages)
{
	seq_printf(s, "%s %lu\n", name, pages << PAGE_SHIFT);
}

/* Statistics of a group, in pages. The root group shows those of the machine. */
struct figures {
	u64 anon, file, shmem, sock, kernel, stack, tables, slab, reclaimable;
	u64 mapped, dirty, writeback, swapcached;
	u64 scanned, stolen;
};

static void group_figures(struct cgroup *c, struct figures *f)
{
	const struct mem_group *g = &c->mem;
	u64 usage = pages_of(&g->usage);

	*f = (struct figures){
		.file = pages_of(&g->file),
		.shmem = pages_of(&g->shmem),
		.sock = pages_of(&g->sock),
		.kernel = pages_of(&g->stat[MEM_KERNEL]),
		.slab = pages_of(&g->stat[MEM_SLAB]),
		.reclaimable = pages_of(&g->stat[MEM_SLAB_RECLAIMABLE]),
		.mapped = pages_of(&g->stat[MEM_FILE_MAPPED]),
		.dirty = pages_of(&g->stat[MEM_FILE_DIRTY]),
		.writeback = pages_of(&g->stat[MEM_FILE_WRITEBACK]),
		.scanned = pages_of(&g->stat[MEM_SCANNED]),
		.stolen = pages_of(&g->stat[MEM_STOLEN]),
	};
	f->anon = usage - min(usage, f->file + f->sock + f->kernel);
}

static void root_figures(struct figures *f)
{
	struct meminfo m;

	si_meminfo(&m);
	*f = (struct figures){
		.anon = m.anon,
		.file = m.cached,
		.shmem = m.shmem,
		.kernel = m.slab + m.page_tables + m.kernel_stack,
		.stack = m.kernel_stack,
		.tables = m.page_tables,
		.slab = m.slab,
		.reclaimable = m.slab_reclaimable,
		.mapped = m.mapped,
		.dirty = m.dirty,
		.writeback = m.writeback,
		.swapcached = m.swap_cached,
		.scanned = vmstat.scan_kswapd + vmstat.scan_direct,
		.stolen = vmstat.steal_kswapd + vmstat.steal_direct,
	};
}

static void show_lists(struct seq *s, struct cgroup *c, const struct figures *f)
{
	u64 inactive, active;

	mem_group_lru(&c->mem, &inactive, &active);
	show_pages(s, "inactive_anon", f->shmem);
	show_pages(s, "active_anon", f->anon);
	show_pages(s, "inactive_file", inactive);
	show_pages(s, "active_file", active);
	seq_puts(s, "unevictable 0\n");
}

int cg_show_memory_stat(struct seq *s, struct cgroup *c)
{
	struct cgroup_times used;
	struct figures f;

	if (cgroup_is_root(c))
		root_figures(&f);
	else
		group_figures(c, &f);
	cgroup_cpu_times(c, &used);
	show_pages(s, "anon", f.anon);
	show_pages(s, "file", f.file);
	show_pages(s, "kernel", f.kernel);
	show_pages(s, "kernel_stack", f.stack);
	show_pages(s, "pagetables", f.tables);
	seq_puts(s, "sec_pagetables 0\npercpu 0\n");
	show_pages(s, "sock", f.sock);
	seq_puts(s, "vmalloc 0\n");
	show_pages(s, "shmem", f.shmem);
	seq_puts(s, "zswap 0\nzswapped 0\n");
	show_pages(s, "file_mapped", f.mapped);
	show_pages(s, "file_dirty", f.dirty);
	show_pages(s, "file_writeback", f.writeback);
	show_pages(s, "swapcached", f.swapcached);
	seq_puts(s, "anon_thp 0\nfile_thp 0\nshmem_thp 0\n");
	show_lists(s, c, &f);
	show_pages(s, "slab_reclaimable", f.reclaimable);
	show_pages(s, "slab_unreclaimable", f.slab - min(f.slab, f.reclaimable));
	show_pages(s, "slab", f.slab);
	seq_printf(s, "pgscan %lu\npgsteal %lu\npgfault %lu\npgmajfault %lu\n", f.scanned, f.stolen,
		used.faults, used.major);
	return 0;
}

/* True if all words are "swappiness=N" with a valid N. The value has no effect. */
static bool options_fit(char *text)
{
	char *word;
	s64 v;

	while ((word = strsep(&text, " ")))
		if (*word && (strncmp(word, "swappiness=", 11) != 0 ||
				     kstrtos64(word + 11, 0, &v) || v < 0 || v > 200))
			return false;
	return true;
}

int cg_store_memory_reclaim(struct file *f, struct cgroup *c, char *text)
{
	char *size = strsep(&text, " ");
	u64 v, got = 0, pages;

	if (!options_fit(text) || kstrtosize(size, &v))
		return -EINVAL;
	pages = v >> PAGE_SHIFT;
	for (int i = 0; i < 16 && got < pages; i++) {
		u64 n;

		if (wait_interrupted(TASK_INTERRUPTIBLE))
			return -EINTR;
		n = mem_group_reclaim(&c->mem, pages - got);
		got += n;
		if (!n && i > 2)
			break;
	}
	return got < pages ? -EAGAIN : 0;
}
