/* SPDX-License-Identifier: MIT */
/* cpu_files.c: the files of the cpu controller: weights, quota, and the used CPU time. */
#include "kernel/fs/cgroup2/internal.h"

#define US 1000UL

int cg_show_cpu_stat(struct seq *s, struct cgroup *c)
{
	const struct sched_group *g = &c->sched;
	struct cgroup_times ct;

	cgroup_cpu_times(c, &ct);
	seq_printf(s, "usage_usec %lu\nuser_usec %lu\nsystem_usec %lu\nnice_usec %lu\n",
		ct.exec / US, ct.utime / US, ct.stime / US, ct.nice / US);
	if (!cgroup_is_root(c) && cgroup_enabled(c) & CG_CPU)
		seq_printf(s,
			"nr_periods %lu\nnr_throttled %lu\nthrottled_usec %lu\nnr_bursts "
			"%lu\nburst_usec %lu\n",
			g->nr_periods, g->nr_throttled, g->throttled_ns / US, g->nr_bursts,
			g->burst_ns / US);
	return 0;
}

int cg_show_cpu_weight(struct seq *s, struct cgroup *c)
{
	seq_printf(s, "%u\n", c->sched.idle ? 0 : c->sched.weight);
	return 0;
}

static int set_weight(struct cgroup *c, u64 weight)
{
	if (weight < 1 || weight > 10000)
		return -ERANGE;
	if (c->sched.idle)
		return -EINVAL;
	sched_group_set_weight(&c->sched, (u32)weight, false);
	return 0;
}

int cg_store_cpu_weight(struct file *f, struct cgroup *c, char *text)
{
	u64 v;

	return kstrtou64(text, 0, &v) ? -EINVAL : set_weight(c, v);
}

/*
 * Returns the weight of a nice level: 100 at nice 0, and 5/4 of the weight of the next higher nice
 * level, like the scheduler's weights.
 */
static u32 weight_of_nice(int nice)
{
	u64 w = 102400;

	for (; nice < 0; nice++)
		w += w / 4;
	for (; nice > 0; nice--)
		w = w * 4 / 5;
	return (u32)clamp((w + 512) / 1024, 1UL, 10000UL);
}

int cg_show_cpu_weight_nice(struct seq *s, struct cgroup *c)
{
	u32 best = ~0U;
	int nice, at = 0;

	for (nice = -20; nice < 20; nice++) {
		u32 w = weight_of_nice(nice);
		u32 off = w > c->sched.weight ? w - c->sched.weight : c->sched.weight - w;

		if (off < best) {
			best = off;
			at = nice;
		}
	}
	seq_printf(s, "%d\n", at);
	return 0;
}

int cg_store_cpu_weight_nice(struct file *f, struct cgroup *c, char *text)
{
	s64 v;

	if (kstrtos64(text, 0, &v))
		return -EINVAL;
	if (v < -20 || v > 19)
		return -ERANGE;
	return set_weight(c, weight_of_nice((int)v));
}

int cg_show_cpu_idle(struct seq *s, struct cgroup *c)
{
	seq_printf(s, "%d\n", c->sched.idle);
	return 0;
}

int cg_store_cpu_idle(struct file *f, struct cgroup *c, char *text)
{
	s64 v;

	if (kstrtos64(text, 0, &v) || v < 0 || v > 1)
		return -EINVAL;
	if (c->sched.idle != v)
		sched_group_set_weight(&c->sched, SCHED_GROUP_WEIGHT, v);
	return 0;
}

int cg_show_cpu_max(struct seq *s, struct cgroup *c)
{
	if (c->sched.quota == SCHED_QUOTA_NONE)
		seq_printf(s, "max %lu\n", c->sched.period / US);
	else
		seq_printf(s, "%lu %lu\n", c->sched.quota / US, c->sched.period / US);
	return 0;
}

int cg_store_cpu_max(struct file *f, struct cgroup *c, char *text)
{
	u64 quota, period = c->sched.period / US;
	char *first = strsep(&text, " \t");

	if (cg_parse_max(first, ~0UL, &quota) || (text && kstrtou64(strim(text), 0, &period)))
		return -EINVAL;
	if (period > 1000000 || (quota != ~0UL && quota > 1UL << 44))
		return -EINVAL;
	return sched_group_set_quota(&c->sched, quota == ~0UL ? SCHED_QUOTA_NONE : quota * US,
		period * US, quota == ~0UL ? 0 : min(c->sched.burst, quota * US));
}

int cg_show_cpu_max_burst(struct seq *s, struct cgroup *c)
{
	seq_printf(s, "%lu\n", c->sched.burst / US);
	return 0;
}

int cg_store_cpu_max_burst(struct file *f, struct cgroup *c, char *text)
{
	u64 v;

	if (kstrtou64(text, 0, &v) || v > 1UL << 44 || (c->sched.quota == SCHED_QUOTA_NONE && v))
		return -EINVAL;
	return sched_group_set_quota(&c->sched, c->sched.quota, c->sched.period, v * US);
}
