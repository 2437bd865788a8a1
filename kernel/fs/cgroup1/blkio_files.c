/* SPDX-License-Identifier: MIT */
/*
 * blkio_files.c: the files of version 1's blkio (linux-doc's
 * admin-guide/cgroup-v1/blkio-controller): limits and statistics, a line for each disk.
 *
 * Only requests that a task submits itself and waits for (reads, direct writes, syncs) can be
 * attributed to a group, so all are counted as "Sync". Kernel threads belong to the top group.
 */
#include "kernel/block/block.h"
#include "kernel/fs/cgroup1/internal.h"

/* ---- limits ---- */

static int show_limit(struct seq *s, struct cgroup1 *g, u32 which)
{
	const struct io_node *n = __atomic_load_n(&g->io.nodes, __ATOMIC_ACQUIRE);

	for (; n; n = n->next) {
		u64 limit = READ_ONCE(n->limit[which]);

		if (limit != IO_NO_LIMIT)
			seq_printf(s, "%u:%u %lu\n", MAJOR(n->dev), MINOR(n->dev), limit);
	}
	return 0;
}

/*
 * Sets a limit from a text such as "8:0 1048576" (disk, then bytes/s or requests/s). As on Linux,
 * text after the number is ignored, and the number wraps at 64 bits. 0 means no limit.
 */
static int store_limit(struct cgroup1 *g, char *text, u32 which)
{
	u64 limit = 0;
	dev_t dev;
	int err = disk_parse_number(&text, &dev);

	if (err)
		return err;
	text += strspn(text, " \t");
	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++)
		limit = limit * 10 + (u64)(*text - '0');
	if (which >= IO_RIOPS && limit != IO_NO_LIMIT)
		limit = (u32)limit;
	return cgroup1_set_io(g, dev, which, limit ? limit : IO_NO_LIMIT);
}

#define LIMIT(name, which)                                                                         \
	int cg1_show_##name(struct seq *s, struct cgroup1 *g)                                      \
	{                                                                                          \
		return show_limit(s, g, which);                                                    \
	}                                                                                          \
	int cg1_store_##name(struct file *f, struct cgroup1 *g, char *text)                        \
	{                                                                                          \
		return store_limit(g, text, which);                                                \
	}
LIMIT(read_bps, IO_RBPS)
LIMIT(write_bps, IO_WBPS)
LIMIT(read_iops, IO_RIOPS)
LIMIT(write_iops, IO_WIOPS)

/* ---- figures ---- */

struct sum {
	struct seq *s;
	struct cgroup1 *g;
	bool below, ios;
	u64 total;
};

static void show_disk(struct sum *sum, dev_t dev, const u64 *v)
{
	u64 total = v[IO_READ] + v[IO_WRITE] + v[IO_DISCARD];
	const struct {
		const char *name;
		u64 v;
	} lines[] = { { "Read", v[IO_READ] }, { "Write", v[IO_WRITE] }, { "Sync", total },
		{ "Async", 0 }, { "Discard", v[IO_DISCARD] }, { "Total", total } };

	for (u32 i = 0; i < ARRAY_SIZE(lines); i++)
		seq_printf(sum->s, "%u:%u %s %lu\n", MAJOR(dev), MINOR(dev), lines[i].name,
			lines[i].v);
	sum->total += total;
}

/*
 * Shows the statistics of the top group, computed from the fields @f of disk_stat_fields():
 * requests and sectors of reads, then of writes, and from @f[11] on of discards.
 */
static void show_top(struct sum *sum, dev_t dev, const u64 *f)
{
	u64 all[IO_KINDS] = { sum->ios ? f[0] : f[2] << 9, sum->ios ? f[4] : f[6] << 9,
		sum->ios ? f[11] : f[13] << 9 };
	u64 bytes[IO_KINDS] = { 0 }, ios[IO_KINDS] = { 0 };
	const u64 *groups = sum->ios ? ios : bytes;

	cgroup1_add_io(sum->g, dev, bytes, ios);
	for (u32 i = 0; i < IO_KINDS && !sum->below; i++)
		all[i] -= min(all[i], groups[i]);
	show_disk(sum, dev, all);
}

static void show_group(struct sum *sum, dev_t dev)
{
	u64 bytes[IO_KINDS] = { 0 }, ios[IO_KINDS] = { 0 };
	const struct io_node *n = io_group_node(&sum->g->io, dev);

	if (sum->below)
		cgroup1_add_io(sum->g, dev, bytes, ios);
	for (u32 i = 0; i < IO_KINDS && n && !sum->below; i++) {
		bytes[i] = READ_ONCE(n->bytes[i]);
		ios[i] = READ_ONCE(n->ios[i]);
	}
	if (bytes[IO_READ] | bytes[IO_WRITE] | ios[IO_READ] | ios[IO_WRITE] | ios[IO_DISCARD] ||
		(n && !sum->below))
		show_disk(sum, dev, sum->ios ? ios : bytes);
}

static void show_one(const struct block_device *b, const u64 *v, void *arg)
{
	struct sum *sum = arg;

	if (sum->g->parent)
		show_group(sum, b->dev);
	else if (v[0] | v[4] | v[11])
		show_top(sum, b->dev, v);
}

static int show_figures(struct seq *s, struct cgroup1 *g, bool ios, bool below)
{
	struct sum sum = { s, g, below, ios, 0 };

	mutex_lock(&cgroup1_mutex);
	disks_stat(show_one, &sum);
	mutex_unlock(&cgroup1_mutex);
	seq_printf(s, "Total %lu\n", sum.total);
	return 0;
}

int cg1_show_io_bytes(struct seq *s, struct cgroup1 *g)
{
	return show_figures(s, g, false, false);
}

int cg1_show_io_bytes_below(struct seq *s, struct cgroup1 *g)
{
	return show_figures(s, g, false, true);
}

int cg1_show_ios(struct seq *s, struct cgroup1 *g)
{
	return show_figures(s, g, true, false);
}

int cg1_show_ios_below(struct seq *s, struct cgroup1 *g)
{
	return show_figures(s, g, true, true);
}
