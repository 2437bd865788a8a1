/* SPDX-License-Identifier: MIT */
/*
 * files.c: the control files of a group: the core files, the files of the pids controller, and the
 * table of all files. Formats: linux-doc's admin-guide/cgroup-v2.
 */
#include "kernel/fs/cgroup2/internal.h"

static const struct {
	const char *name;
	u32 bit;
} controllers[] = {
	{ "cpuset", CG_CPUSET },
	{ "cpu", CG_CPU },
	{ "io", CG_IO },
	{ "memory", CG_MEMORY },
	{ "hugetlb", CG_HUGETLB },
	{ "pids", CG_PIDS },
};

/* ---- helpers ---- */

int cg_parse_max(char *text, u64 max, u64 *v)
{
	if (!strcmp(text, "max")) {
		*v = max;
		return 0;
	}
	return kstrtou64(text, 0, v) ? -EINVAL : 0;
}

void cg_show_max(struct seq *s, u64 v, u64 max)
{
	if (v >= max)
		seq_puts(s, "max\n");
	else
		seq_printf(s, "%lu\n", v);
}

static int show_controllers(struct seq *s, u32 mask)
{
	bool first = true;

	for (u32 i = 0; i < ARRAY_SIZE(controllers); i++) {
		if (!(mask & controllers[i].bit))
			continue;
		seq_printf(s, "%s%s", first ? "" : " ", controllers[i].name);
		first = false;
	}
	if (mask)
		seq_puts(s, "\n");
	return 0;
}

/* ---- the core ---- */

static int show_type(struct seq *s, struct cgroup *c)
{
	mutex_lock(&cgroup_mutex);
	seq_printf(s, "%s\n", cgroup_type(c));
	mutex_unlock(&cgroup_mutex);
	return 0;
}

static int store_type(struct file *f, struct cgroup *c, char *text)
{
	return strcmp(text, "threaded") != 0 ? -EINVAL : cgroup_set_threaded(c);
}

static int show_available(struct seq *s, struct cgroup *c)
{
	return show_controllers(s, cgroup_enabled(c));
}

static int show_control(struct seq *s, struct cgroup *c)
{
	return show_controllers(s, READ_ONCE(c->control));
}

static int store_control(struct file *f, struct cgroup *c, char *text)
{
	u32 on = 0, off = 0, i;
	char *word;

	while ((word = strsep(&text, " \t"))) {
		if (!*word)
			continue;
		for (i = 0; i < ARRAY_SIZE(controllers); i++)
			if (!strcmp(word + 1, controllers[i].name))
				break;
		if (i == ARRAY_SIZE(controllers) || (*word != '+' && *word != '-'))
			return -EINVAL;
		if (*word == '+') {
			on |= controllers[i].bit;
			off &= ~controllers[i].bit;
		} else {
			off |= controllers[i].bit;
			on &= ~controllers[i].bit;
		}
	}
	return cgroup_set_control(c, on, off);
}

static int show_events(struct seq *s, struct cgroup *c)
{
	seq_printf(s, "populated %d\nfrozen %d\n", READ_ONCE(c->nr_populated) != 0,
		READ_ONCE(c->frozen));
	return 0;
}

static int show_max_descendants(struct seq *s, struct cgroup *c)
{
	cg_show_max(s, c->max_descendants, INT32_MAX);
	return 0;
}

static int show_max_depth(struct seq *s, struct cgroup *c)
{
	cg_show_max(s, c->max_depth, INT32_MAX);
	return 0;
}

static int store_limit(u64 *to, char *text)
{
	s64 low;
	u64 v;

	if (cg_parse_max(text, ~0UL, &v))
		return kstrtos64(text, 0, &low) || low >= 0 ? -EINVAL : -ERANGE;
	if (v != ~0UL && v > INT32_MAX)
		return -ERANGE;
	WRITE_ONCE(*to, v);
	return 0;
}

static int store_max_descendants(struct file *f, struct cgroup *c, char *text)
{
	return store_limit(&c->max_descendants, text);
}

static int store_max_depth(struct file *f, struct cgroup *c, char *text)
{
	return store_limit(&c->max_depth, text);
}

static int show_stat(struct seq *s, struct cgroup *c)
{
	seq_printf(s, "nr_descendants %lu\nnr_dying_descendants %lu\n", c->nr_descendants,
		c->nr_dying);
	return 0;
}

static int show_freeze(struct seq *s, struct cgroup *c)
{
	seq_printf(s, "%d\n", c->freeze);
	return 0;
}

static int store_freeze(struct file *f, struct cgroup *c, char *text)
{
	s64 v;

	if (kstrtos64(text, 0, &v))
		return -EINVAL;
	if (v < 0 || v > 1)
		return -ERANGE;
	cgroup_set_freeze(c, v);
	return 0;
}

static int store_kill(struct file *f, struct cgroup *c, char *text)
{
	s64 v;

	if (kstrtos64(text, 0, &v))
		return -EINVAL;
	if (v != 1)
		return -ERANGE;
	if (c->threaded)
		return -EOPNOTSUPP;
	cgroup_kill(c);
	return 0;
}

/* ---- pids ---- */

static int show_pids_max(struct seq *s, struct cgroup *c)
{
	cg_show_max(s, (u64)READ_ONCE(c->pids.max), PIDS_NO_LIMIT);
	return 0;
}

static int store_pids_max(struct file *f, struct cgroup *c, char *text)
{
	u64 v;

	if (cg_parse_max(text, PIDS_NO_LIMIT, &v) || (v > PIDS_LIMIT_MAX && v != PIDS_NO_LIMIT))
		return -EINVAL;
	WRITE_ONCE(c->pids.max, (s64)v);
	return 0;
}

static int show_pids_current(struct seq *s, struct cgroup *c)
{
	seq_printf(s, "%ld\n", atomic_read(&c->pids.count));
	return 0;
}

static int show_pids_peak(struct seq *s, struct cgroup *c)
{
	seq_printf(s, "%ld\n", READ_ONCE(c->pids.peak));
	return 0;
}

/*
 * Show how many forks were refused by the limits of this group and the groups below it, and how
 * many by this group's own limit (pids.events.local).
 */
static int show_pids_events(struct seq *s, struct cgroup *c)
{
	seq_printf(s, "max %lu\n", READ_ONCE(c->pids.refused));
	return 0;
}

static int show_pids_events_local(struct seq *s, struct cgroup *c)
{
	seq_printf(s, "max %lu\n", READ_ONCE(c->pids.refused_local));
	return 0;
}

/* ---- changing settings ---- */

int cg_begin(struct cgroup *c, u32 controller)
{
	mutex_lock(&cgroup_mutex);
	if (!c->dead && (!controller || cgroup_enabled(c) & controller))
		return 0;
	mutex_unlock(&cgroup_mutex);
	return -ENODEV;
}

void cg_end(void)
{
	mutex_unlock(&cgroup_mutex);
}

/* ---- the table of files; procs.c relies on cgroup.procs being the first ---- */

#define NR CGF_NOT_ON_ROOT
#define NS CGF_DELEGATED
#define SET (NR | CGF_SETTING)

const struct cg_file cg_files[] = {
	{ "cgroup.procs", 0644, 0, NS, -1, cg_show_procs, cg_store_procs },
	{ "cgroup.threads", 0644, 0, NS, -1, cg_show_threads, cg_store_threads },
	{ "cgroup.type", 0644, 0, NR, -1, show_type, store_type },
	{ "cgroup.controllers", 0444, 0, 0, -1, show_available, NULL },
	{ "cgroup.subtree_control", 0644, 0, NS, -1, show_control, store_control },
	{ "cgroup.events", 0444, 0, NR, CGN_EVENTS, show_events, NULL },
	{ "cgroup.max.descendants", 0644, 0, 0, -1, show_max_descendants, store_max_descendants },
	{ "cgroup.max.depth", 0644, 0, 0, -1, show_max_depth, store_max_depth },
	{ "cgroup.stat", 0444, 0, 0, -1, show_stat, NULL },
	{ "cgroup.freeze", 0644, 0, NR, -1, show_freeze, store_freeze },
	{ "cgroup.kill", 0200, 0, NR, -1, NULL, store_kill },
	{ "cpuset.cpus", 0644, CG_CPUSET, NR, -1, cg_show_cpuset_cpus, cg_store_cpuset_cpus },
	{ "cpuset.mems", 0644, CG_CPUSET, NR, -1, cg_show_cpuset_mems, cg_store_cpuset_mems },
	{ "cpuset.cpus.effective", 0444, CG_CPUSET, 0, -1, cg_show_cpuset_cpus_effective, NULL },
	{ "cpuset.mems.effective", 0444, CG_CPUSET, 0, -1, cg_show_cpuset_mems_effective, NULL },
	{ "cpuset.cpus.partition", 0644, CG_CPUSET, NR, -1, cg_show_cpuset_partition,
		cg_store_cpuset_partition },
	{ "cpu.stat", 0444, 0, 0, -1, cg_show_cpu_stat, NULL },
	{ "cpu.weight", 0644, CG_CPU, SET, -1, cg_show_cpu_weight, cg_store_cpu_weight },
	{ "cpu.weight.nice", 0644, CG_CPU, SET, -1, cg_show_cpu_weight_nice,
		cg_store_cpu_weight_nice },
	{ "cpu.max", 0644, CG_CPU, SET, -1, cg_show_cpu_max, cg_store_cpu_max },
	{ "cpu.max.burst", 0644, CG_CPU, SET, -1, cg_show_cpu_max_burst, cg_store_cpu_max_burst },
	{ "cpu.idle", 0644, CG_CPU, SET, -1, cg_show_cpu_idle, cg_store_cpu_idle },
	{ "cgroup.pressure", 0644, 0, 0, -1, cg_show_pressure, cg_store_pressure },
	{ "cpu.pressure", 0644, 0, CGF_PRESSURE, -1, cg_show_cpu_pressure, cg_store_cpu_pressure },
	{ "memory.pressure", 0644, 0, CGF_PRESSURE, -1, cg_show_memory_pressure,
		cg_store_memory_pressure },
	{ "io.pressure", 0644, 0, CGF_PRESSURE, -1, cg_show_io_pressure, cg_store_io_pressure },
	{ "io.stat", 0444, CG_IO, 0, -1, cg_show_io_stat, NULL },
	{ "io.max", 0644, CG_IO, SET, -1, cg_show_io_max, cg_store_io_max },
	{ "memory.current", 0444, CG_MEMORY, NR, -1, cg_show_memory_current, NULL },
	{ "memory.peak", 0644, CG_MEMORY, NR, -1, cg_show_memory_peak, cg_store_memory_peak },
	{ "memory.min", 0644, CG_MEMORY, SET, -1, cg_show_memory_min, cg_store_memory_min },
	{ "memory.low", 0644, CG_MEMORY, SET, -1, cg_show_memory_low, cg_store_memory_low },
	{ "memory.high", 0644, CG_MEMORY, NR, -1, cg_show_memory_high, cg_store_memory_high },
	{ "memory.max", 0644, CG_MEMORY, NR, -1, cg_show_memory_max, cg_store_memory_max },
	{ "memory.events", 0444, CG_MEMORY, NR, CGN_MEMORY, cg_show_memory_events, NULL },
	{ "memory.events.local", 0444, CG_MEMORY, NR, CGN_MEMORY_LOCAL, cg_show_memory_events_local,
		NULL },
	{ "memory.stat", 0444, CG_MEMORY, 0, -1, cg_show_memory_stat, NULL },
	{ "memory.oom.group", 0644, CG_MEMORY, SET | NS, -1, cg_show_memory_oom_group,
		cg_store_memory_oom_group },
	{ "memory.swap.current", 0444, CG_MEMORY, NR, -1, cg_show_memory_swap_current, NULL },
	{ "memory.swap.high", 0644, CG_MEMORY, SET, -1, cg_show_memory_swap_high,
		cg_store_memory_swap_high },
	{ "memory.swap.max", 0644, CG_MEMORY, SET, -1, cg_show_memory_swap_max,
		cg_store_memory_swap_max },
	{ "memory.swap.peak", 0644, CG_MEMORY, NR, -1, cg_show_memory_swap_peak,
		cg_store_memory_swap_peak },
	{ "memory.swap.events", 0444, CG_MEMORY, NR, -1, cg_show_memory_swap_events, NULL },
	{ "memory.reclaim", 0200, CG_MEMORY, NS, -1, NULL, cg_store_memory_reclaim },
	{ "hugetlb.2MB.max", 0644, CG_HUGETLB, SET, -1, cg_show_huge_max, cg_store_huge_max },
	{ "hugetlb.2MB.rsvd.max", 0644, CG_HUGETLB, SET, -1, cg_show_huge_rsvd_max,
		cg_store_huge_rsvd_max },
	{ "hugetlb.2MB.current", 0444, CG_HUGETLB, NR, -1, cg_show_huge_current, NULL },
	{ "hugetlb.2MB.rsvd.current", 0444, CG_HUGETLB, NR, -1, cg_show_huge_rsvd_current, NULL },
	{ "hugetlb.2MB.events", 0444, CG_HUGETLB, NR, CGN_HUGETLB, cg_show_huge_events, NULL },
	{ "hugetlb.2MB.events.local", 0444, CG_HUGETLB, NR, CGN_HUGETLB_LOCAL,
		cg_show_huge_events_local, NULL },
	{ "hugetlb.2MB.numa_stat", 0444, CG_HUGETLB, NR, -1, cg_show_huge_numa_stat, NULL },
	{ "pids.max", 0644, CG_PIDS, SET, -1, show_pids_max, store_pids_max },
	{ "pids.current", 0444, CG_PIDS, NR, -1, show_pids_current, NULL },
	{ "pids.peak", 0444, CG_PIDS, NR, -1, show_pids_peak, NULL },
	{ "pids.events", 0444, CG_PIDS, NR, CGN_PIDS, show_pids_events, NULL },
	{ "pids.events.local", 0444, CG_PIDS, NR, CGN_PIDS_LOCAL, show_pids_events_local, NULL },
};
const u32 nr_cg_files = ARRAY_SIZE(cg_files);
_Static_assert(ARRAY_SIZE(cg_files) <= CG_MAX_FILES, "cgroup->files has room for them");

static bool of_kind(const struct cgroup *c, const struct cg_file *cf)
{
	return !(cf->flags & (cgroup_is_root(c) ? CGF_NOT_ON_ROOT : CGF_ONLY_ON_ROOT));
}

bool cg_is_file(const struct cgroup *c, u32 controllers, const char *name, u32 len)
{
	for (u32 i = 0; i < nr_cg_files; i++) {
		const struct cg_file *cf = &cg_files[i];

		if (strlen(cf->name) == len && !memcmp(cf->name, name, len))
			return of_kind(c, cf) && (!cf->controller || cf->controller & controllers);
	}
	return false;
}

bool cg_file_here(const struct cgroup *c, const struct cg_file *cf)
{
	if (!of_kind(c, cf))
		return false;
	if (cf->flags & CGF_PRESSURE && !psi_group_on(c->parent ? &c->psi : &psi_system))
		return false;
	return !cf->controller || cgroup_enabled(c) & cf->controller;
}
