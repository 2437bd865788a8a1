/* SPDX-License-Identifier: MIT */
/*
 * cpu_files.c: the files of version 1's cpu and pids: shares, quota, and the number of tasks. Times
 * are in microseconds, except those of cpu.stat, which are in ns.
 */
#include "kernel/fs/cgroup1/internal.h"

#define US 1000UL
/* in us: quotas, periods and bursts must be shorter */
#define US_MAX (1UL << 44)

/* ---- cpu ---- */

/* cpu.shares of an idle group */
#define IDLE_SHARES 3

int cg1_show_shares(struct seq *s, struct cgroup1 *g)
{
	seq_printf(s, "%u\n", g->sched.idle ? IDLE_SHARES : READ_ONCE(g->sched.shares));
	return 0;
}

int cg1_store_shares(struct file *f, struct cgroup1 *g, char *text)
{
	u64 v;

	return kstrtou64(text, 0, &v) ? -EINVAL : cgroup1_set_shares(g, v);
}

int cg1_show_idle(struct seq *s, struct cgroup1 *g)
{
	seq_printf(s, "%d\n", READ_ONCE(g->sched.idle));
	return 0;
}

int cg1_store_idle(struct file *f, struct cgroup1 *g, char *text)
{
	s64 v;

	return kstrtos64(text, 0, &v) || v < 0 || v > 1 ? -EINVAL : cgroup1_set_idle(g, v);
}

int cg1_show_quota(struct seq *s, struct cgroup1 *g)
{
	u64 quota = READ_ONCE(g->sched.quota);

	seq_printf(s, "%ld\n", quota == SCHED_QUOTA_NONE ? -1L : (s64)(quota / US));
	return 0;
}

int cg1_store_quota(struct file *f, struct cgroup1 *g, char *text)
{
	s64 v;

	if (kstrtos64(text, 0, &v) || v >= (s64)US_MAX)
		return -EINVAL;
	return cgroup1_set_quota(
		g, v < 0 ? SCHED_QUOTA_NONE : (u64)v * US, g->sched.period, g->sched.burst);
}

static int show_us(struct seq *s, const u64 *ns)
{
	seq_printf(s, "%lu\n", READ_ONCE(*ns) / US);
	return 0;
}

static int parse_us(const char *text, u64 *ns)
{
	if (kstrtou64(text, 0, ns) || *ns >= US_MAX)
		return -EINVAL;
	*ns *= US;
	return 0;
}

int cg1_show_period(struct seq *s, struct cgroup1 *g)
{
	return show_us(s, &g->sched.period);
}

int cg1_store_period(struct file *f, struct cgroup1 *g, char *text)
{
	u64 ns;
	int err = parse_us(text, &ns);

	return err ? err : cgroup1_set_quota(g, g->sched.quota, ns, g->sched.burst);
}

int cg1_show_burst(struct seq *s, struct cgroup1 *g)
{
	return show_us(s, &g->sched.burst);
}

int cg1_store_burst(struct file *f, struct cgroup1 *g, char *text)
{
	u64 ns;
	int err = parse_us(text, &ns);

	return err ? err : cgroup1_set_quota(g, g->sched.quota, g->sched.period, ns);
}

int cg1_show_cpu_stat(struct seq *s, struct cgroup1 *g)
{
	seq_printf(s,
		"nr_periods %lu\nnr_throttled %lu\nthrottled_time %lu\nnr_bursts %lu\n"
		"burst_time %lu\n",
		g->sched.nr_periods, g->sched.nr_throttled, g->sched.throttled_ns,
		g->sched.nr_bursts, g->sched.burst_ns);
	return 0;
}

/* ---- pids ---- */

int cg1_show_pids_max(struct seq *s, struct cgroup1 *g)
{
	s64 max = READ_ONCE(g->pids.max);

	if (max == PIDS_NO_LIMIT)
		seq_puts(s, "max\n");
	else
		seq_printf(s, "%ld\n", max);
	return 0;
}

int cg1_store_pids_max(struct file *f, struct cgroup1 *g, char *text)
{
	s64 v = PIDS_NO_LIMIT;

	if (strcmp(text, "max") != 0 && (kstrtos64(text, 0, &v) || v < 0 || v > PIDS_LIMIT_MAX))
		return -EINVAL;
	WRITE_ONCE(g->pids.max, v);
	return 0;
}

int cg1_show_pids_current(struct seq *s, struct cgroup1 *g)
{
	seq_printf(s, "%ld\n", atomic_read(&g->pids.count));
	return 0;
}

int cg1_show_pids_peak(struct seq *s, struct cgroup1 *g)
{
	seq_printf(s, "%ld\n", READ_ONCE(g->pids.peak));
	return 0;
}

int cg1_show_pids_events(struct seq *s, struct cgroup1 *g)
{
	seq_printf(s, "max %lu\n", READ_ONCE(g->pids.refused_local));
	return 0;
}
