/* SPDX-License-Identifier: MIT */
/*
 * io_files.c: io.stat and io.max: how much a group, with the groups below it, reads from and writes
 * to each disk, and its limits per second. Formats: linux-doc's admin-guide/cgroup-v2. io.weight
 * and io.latency do not exist: the kernel has no request queue in which it could choose among
 * groups.
 */
#include "kernel/block/block.h"
#include "kernel/fs/cgroup2/internal.h"

static const char *const names[IO_LIMITS] = { "rbps", "wbps", "riops", "wiops" };

static void show_stat(struct seq *s, dev_t dev, const u64 *bytes, const u64 *ios)
{
	if (bytes[IO_READ] | bytes[IO_WRITE] | ios[IO_READ] | ios[IO_WRITE])
		seq_printf(s, "%u:%u rbytes=%lu wbytes=%lu rios=%lu wios=%lu dbytes=%lu dios=%lu\n",
			MAJOR(dev), MINOR(dev), bytes[IO_READ], bytes[IO_WRITE], ios[IO_READ],
			ios[IO_WRITE], bytes[IO_DISCARD], ios[IO_DISCARD]);
}

/*
 * Shows a disk's line for the root group, computed from the disk's statistics @v: reads (requests,
 * merges, sectors of 512 bytes, ms), then writes, and from @v[11] on discards.
 */
static void show_disk(const struct block_device *b, const u64 *v, void *seq)
{
	const u64 bytes[IO_KINDS] = { v[2] << 9, v[6] << 9, v[13] << 9 };
	const u64 ios[IO_KINDS] = { v[0], v[4], v[11] };

	show_stat(seq, b->dev, bytes, ios);
}

int cg_show_io_stat(struct seq *s, struct cgroup *c)
{
	if (cgroup_is_root(c)) {
		disks_stat(show_disk, s);
		return 0;
	}
	for (const struct io_node *n = __atomic_load_n(&c->io.nodes, __ATOMIC_ACQUIRE); n;
		n = n->next)
		if (bdev_by_dev(n->dev))
			show_stat(s, n->dev, n->bytes, n->ios);
	return 0;
}

int cg_show_io_max(struct seq *s, struct cgroup *c)
{
	for (const struct io_node *n = __atomic_load_n(&c->io.nodes, __ATOMIC_ACQUIRE); n;
		n = n->next) {
		bool any = false;

		for (u32 i = 0; i < IO_LIMITS; i++)
			any |= READ_ONCE(n->limit[i]) != IO_NO_LIMIT;
		if (!any)
			continue;
		seq_printf(s, "%u:%u", MAJOR(n->dev), MINOR(n->dev));
		for (u32 i = 0; i < IO_LIMITS; i++) {
			u64 limit = READ_ONCE(n->limit[i]);

			if (limit == IO_NO_LIMIT)
				seq_printf(s, " %s=max", names[i]);
			else
				seq_printf(s, " %s=%lu", names[i], limit);
		}
		seq_puts(s, "\n");
	}
	return 0;
}

/* Parses one limit, such as "rbps=1048576", into limit[]. Returns 0 or -errno. */
static int parse_limit(char *word, u64 *limit)
{
	char *name = strsep(&word, "=");
	u64 v = IO_NO_LIMIT;

	if (!word || (strcmp(word, "max") != 0 && kstrtou64(word, 10, &v)))
		return -EINVAL;
	if (!v)
		return -ERANGE;
	for (u32 i = 0; i < IO_LIMITS && v > 1; i++)
		if (!strcmp(name, names[i])) {
			limit[i] = i < IO_RIOPS || v == IO_NO_LIMIT ? v : min(v, (u64)~0U);
			return 0;
		}
	return -EINVAL;
}

int cg_store_io_max(struct file *f, struct cgroup *c, char *text)
{
	u64 limit[IO_LIMITS] = { IO_NO_LIMIT, IO_NO_LIMIT, IO_NO_LIMIT, IO_NO_LIMIT };
	const struct io_node *n;
	char *word;
	dev_t dev;
	int err = disk_parse_number(&text, &dev);

	if (err)
		return err;
	n = io_group_node(&c->io, dev);
	if (n)
		memcpy(limit, n->limit, sizeof(limit));
	while ((word = strsep(&text, " \t")))
		if (*word && (err = parse_limit(word, limit)))
			return err;
	return io_group_limit(&c->io, dev, limit);
}
