/* SPDX-License-Identifier: MIT */
/*
 * cpuset_files.c: the files of version 1's cpuset. Memory pressure is not measured, vCPUs are
 * always balanced, and there are no scheduling domains of several levels: writing another value to
 * these files fails with EOPNOTSUPP or EINVAL.
 */
#include "arch/um/machine/arch.h"
#include "kernel/fs/cgroup1/internal.h"
#include "kernel/lib/number_list.h"

static int show_list(struct seq *s, u64 mask)
{
	char text[NUMBER_LIST_TEXT];

	number_list_text(text, sizeof(text), mask);
	seq_printf(s, "%s\n", text);
	return 0;
}

static int parse_list(const struct cgroup1 *g, char *text, u32 nr, u64 *mask, bool *beyond)
{
	return g->parent ? number_list_parse(text, nr, mask, beyond) : -EACCES;
}

int cg1_show_cpus(struct seq *s, struct cgroup1 *g)
{
	return show_list(s, READ_ONCE(g->cpus));
}

int cg1_store_cpus(struct file *f, struct cgroup1 *g, char *text)
{
	bool beyond;
	u64 mask;
	int err = parse_list(g, text, (u32)nr_cpus, &mask, &beyond);

	return err ? err : cgroup1_set_cpus(g, mask);
}

int cg1_show_mems(struct seq *s, struct cgroup1 *g)
{
	return show_list(s, READ_ONCE(g->mems));
}

int cg1_store_mems(struct file *f, struct cgroup1 *g, char *text)
{
	bool beyond;
	u64 mask;
	int err = parse_list(g, text, NUMBER_LIST_NODES, &mask, &beyond);

	if (!err && (beyond || mask & ~1UL))
		err = -EINVAL;
	return err ? err : cgroup1_set_mems(g, mask);
}

#define FLAG(name, flag)                                                                           \
	int cg1_show_##name(struct seq *s, struct cgroup1 *g)                                      \
	{                                                                                          \
		seq_printf(s, "%d\n", !!(READ_ONCE(g->cpuset_flags) & (flag)));                    \
		return 0;                                                                          \
	}                                                                                          \
	int cg1_store_##name(struct file *f, struct cgroup1 *g, char *text)                        \
	{                                                                                          \
		u64 v;                                                                             \
                                                                                                   \
		return kstrtou64(text, 0, &v) ? -EINVAL : cgroup1_set_cpuset_flag(g, flag, v);     \
	}
FLAG(cpu_exclusive, CS1_CPU_EXCLUSIVE)
FLAG(mem_exclusive, CS1_MEM_EXCLUSIVE)
FLAG(mem_hardwall, CS1_MEM_HARDWALL)
FLAG(memory_migrate, CS1_MEMORY_MIGRATE)
FLAG(spread_page, CS1_SPREAD_PAGE)
FLAG(spread_slab, CS1_SPREAD_SLAB)

/* ---- files with a single valid value ---- */

int cg1_show_balance(struct seq *s, struct cgroup1 *g)
{
	seq_puts(s, "1\n");
	return 0;
}

int cg1_store_balance(struct file *f, struct cgroup1 *g, char *text)
{
	u64 v;

	if (kstrtou64(text, 0, &v))
		return -EINVAL;
	return v ? 0 : -EOPNOTSUPP;
}

int cg1_show_relax(struct seq *s, struct cgroup1 *g)
{
	seq_puts(s, "-1\n");
	return 0;
}

int cg1_store_relax(struct file *f, struct cgroup1 *g, char *text)
{
	s64 v;

	return kstrtos64(text, 0, &v) || v != -1 ? -EINVAL : 0;
}

int cg1_show_pressure(struct seq *s, struct cgroup1 *g)
{
	seq_puts(s, "0\n");
	return 0;
}

int cg1_store_pressure(struct file *f, struct cgroup1 *g, char *text)
{
	u64 v;

	if (kstrtou64(text, 0, &v))
		return -EINVAL;
	return v ? -EOPNOTSUPP : 0;
}
