/* SPDX-License-Identifier: MIT */
/*
 * cpuset_files.c: the files of the cpuset controller.
 */
#include "kernel/fs/cgroup2/internal.h"
#include "kernel/lib/number_list.h"

static void show_list(struct seq *s, u64 mask)
{
	char text[NUMBER_LIST_TEXT];

	number_list_text(text, sizeof(text), mask);
	seq_printf(s, "%s\n", text);
}

int cg_show_cpuset_cpus(struct seq *s, struct cgroup *c)
{
	show_list(s, READ_ONCE(c->cpus));
	return 0;
}

int cg_store_cpuset_cpus(struct file *f, struct cgroup *c, char *text)
{
	bool beyond;
	u64 mask;
	int err = number_list_parse(text, (u32)nr_cpus, &mask, &beyond);

	return err ? err : cgroup_set_cpus(c, mask);
}

int cg_show_cpuset_cpus_effective(struct seq *s, struct cgroup *c)
{
	show_list(s, READ_ONCE(c->e_cpus) & (nr_cpus == 64 ? ~0UL : BIT(nr_cpus) - 1));
	return 0;
}

int cg_show_cpuset_mems(struct seq *s, struct cgroup *c)
{
	show_list(s, READ_ONCE(c->mems));
	return 0;
}

int cg_store_cpuset_mems(struct file *f, struct cgroup *c, char *text)
{
	bool beyond;
	u64 mask;
	int err = number_list_parse(text, NUMBER_LIST_NODES, &mask, &beyond);

	if (!err && (beyond || mask & ~1UL))
		err = -EINVAL;
	return err ? err : cgroup_set_mems(c, mask);
}

int cg_show_cpuset_mems_effective(struct seq *s, struct cgroup *c)
{
	show_list(s, 1);
	return 0;
}

int cg_show_cpuset_partition(struct seq *s, struct cgroup *c)
{
	seq_puts(s, "member\n");
	return 0;
}

int cg_store_cpuset_partition(struct file *f, struct cgroup *c, char *text)
{
	if (!strcmp(text, "member"))
		return 0;
	return !strcmp(text, "root") || !strcmp(text, "isolated") ? -EOPNOTSUPP : -EINVAL;
}
