/* SPDX-License-Identifier: MIT */
/*
 * cpuset_files.c: the files of the cpuset controller. Lists of numbers are those of linux-doc's cpuset(7): "0-3,5", "all", "N" for the last,
 * and "0-7:2/4", which is the first two of each four.
 */
#include "kernel/fs/cgroup2/internal.h"

#define NODES_MAX 1024 /* numbers up to there are nodes that the machine has not */

struct range {
	u32 start, end, used, group;
};

/* "N" is the last of @nr. */
static int take_number(char **text, u32 nr, u32 *v)
{
	char *p = *text;
	u64 n = 0;

	if (*p == 'N') {
		*v = nr - 1;
		*text = p + 1;
		return 0;
	}
	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++) {
		n = n * 10 + (u64)(*p - '0');
		if (n > UINT32_MAX)
			return -EOVERFLOW;
	}
	*v = (u32)n;
	*text = p;
	return 0;
}

static bool ends(char c)
{
	return !c || c == ',' || c == ' ' || c == '\t' || c == '\n';
}

static int take_range(char **text, u32 nr, struct range *r)
{
	int err;

	*r = (struct range){ 0, nr - 1, 1, 1 };
	if (!strncmp(*text, "all", 3) && (ends((*text)[3]) || (*text)[3] == ':')) {
		*text += 3;
	} else {
		err = take_number(text, nr, &r->start);
		if (err)
			return err;
		r->end = r->start;
		if (ends(**text))
			return 0;
		if (*(*text)++ != '-')
			return -EINVAL;
		err = take_number(text, nr, &r->end);
		if (err)
			return err;
	}
	if (ends(**text))
		return 0;
	if (*(*text)++ != ':')
		return -EINVAL;
	err = take_number(text, nr, &r->used);
	if (err)
		return err;
	if (*(*text)++ != '/')
		return -EINVAL;
	err = take_number(text, nr, &r->group);
	return err ? err : ends(**text) ? 0 : -EINVAL;
}

/* Which of @nr things a list names; those from 64 on are in *@beyond. */
static int parse_list(char *text, u32 nr, u64 *mask, bool *beyond)
{
	struct range r;
	int err;

	*mask = 0;
	*beyond = false;
	for (;;) {
		while (*text && ends(*text))
			text++;
		if (!*text)
			return 0;
		err = take_range(&text, nr, &r);
		if (err)
			return err;
		if (r.start > r.end || !r.group || r.used > r.group)
			return -EINVAL;
		if (r.end >= nr)
			return -ERANGE;
		for (u32 i = r.start; i <= r.end; i++) {
			if ((i - r.start) % r.group >= r.used)
				continue;
			if (i < 64)
				*mask |= BIT(i);
			else
				*beyond = true;
		}
	}
}

static void show_list(struct seq *s, u64 mask)
{
	const char *comma = "";

	while (mask) {
		u32 from = (u32)__builtin_ctzl(mask), to = from;

		while (to < 63 && mask & BIT(to + 1))
			to++;
		seq_printf(s, to > from ? "%s%u-%u" : "%s%u", comma, from, to);
		mask &= to == 63 ? 0 : ~0UL << (to + 1);
		comma = ",";
	}
	seq_puts(s, "\n");
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
	int err = parse_list(text, (u32)nr_cpus, &mask, &beyond);

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
	int err = parse_list(text, NODES_MAX, &mask, &beyond);

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
