/* SPDX-License-Identifier: MIT */
/*
 * block.c: /sys/block, /sys/class/block and /sys/dev/block: disks, their partitions and the
 * features of their queues.
 *
 * Meaning of the files: Documentation/ABI/stable/sysfs-block. Files about hardware queues (mq/,
 * wbt_lat_usec) are missing, as on Linux for devices without them. No entry is ever freed. The
 * entries of removed partitions are hidden.
 */
#include <asm/errno.h>

#include "kernel/block/block.h"
#include "kernel/fs/sysfs/device.h"
#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"

/*
 * Functions add_...() return 0 or -errno. sysfs_grow is held after boot. @dir: a path below /sys.
 */
static int add_file(const char *dir, const char *name, show_fn show, void *arg)
{
	char path[160];

	scnprintf(path, sizeof(path), "%s/%s", dir, name);
	return sysfs_create(path, show, arg);
}

/* ---- a disk or a partition ---- */

static int show_size(struct seq *s, void *arg)
{
	const struct block_device *b = arg;

	seq_printf(s, "%lu\n", b->nr_sectors);
	return 0;
}

static int show_dev(struct seq *s, void *arg)
{
	const struct block_device *b = arg;

	seq_printf(s, "%u:%u\n", MAJOR(b->dev), MINOR(b->dev));
	return 0;
}

static int show_ro(struct seq *s, void *arg)
{
	const struct block_device *b = arg;

	seq_printf(s, "%d\n", bdev_read_only(b));
	return 0;
}

static int show_partno(struct seq *s, void *arg)
{
	const struct block_device *b = arg;

	seq_printf(s, "%u\n", b->partno);
	return 0;
}

static int show_start(struct seq *s, void *arg)
{
	const struct block_device *b = arg;

	seq_printf(s, "%lu\n", b->start);
	return 0;
}

/* Shows the fields that follow the name in /proc/diskstats. */
static int show_stat(struct seq *s, void *arg)
{
	u64 v[DISK_STAT_FIELDS];

	disk_stat_fields(arg, v);
	for (u32 i = 0; i < DISK_STAT_FIELDS; i++)
		seq_printf(s, i ? " %8lu" : "%8lu", v[i]);
	seq_puts(s, "\n");
	return 0;
}

static int show_inflight(struct seq *s, void *arg)
{
	const struct block_device *b = arg;

	seq_printf(
		s, "%8lu %8lu\n", READ_ONCE(b->stat.inflight[0]), READ_ONCE(b->stat.inflight[1]));
	return 0;
}

static int show_serial(struct seq *s, void *arg)
{
	const struct block_device *b = arg;

	if (b->disk->serial)
		seq_printf(s, "%s\n", b->disk->serial);
	return 0;
}

static int show_diskseq(struct seq *s, void *arg)
{
	const struct block_device *b = arg;

	seq_printf(s, "%lu\n", READ_ONCE(b->disk->diskseq));
	return 0;
}

static int show_range(struct seq *s, void *arg)
{
	const struct block_device *b = arg;

	seq_printf(s, "%u\n", b->disk->minors);
	return 0;
}

static int show_zero(struct seq *s, void *arg)
{
	seq_puts(s, "0\n");
	return 0;
}

struct named_file {
	const char *name;
	show_fn show;
};

static int add_files(const char *dir, const struct named_file *files, u32 n, struct block_device *b)
{
	int err = 0;

	for (u32 i = 0; i < n && !err; i++)
		err = add_file(dir, files[i].name, files[i].show, b);
	return err;
}

static const struct named_file bdev_files[] = {
	{ "size", show_size },
	{ "dev", show_dev },
	{ "ro", show_ro },
	{ "stat", show_stat },
	{ "inflight", show_inflight },
	{ "alignment_offset", show_zero },
	{ "discard_alignment", show_zero },
};
static const struct named_file part_files[] = {
	{ "partition", show_partno },
	{ "start", show_start },
};
static const struct named_file disk_files[] = {
	{ "removable", show_zero },
	{ "hidden", show_zero },
	{ "range", show_range },
	{ "diskseq", show_diskseq },
	{ "serial", show_serial },
};

/* ---- the queue of a disk ---- */

enum limit {
	LIMIT_ZERO,
	LIMIT_ONE,
	LIMIT_BLOCK,
	LIMIT_DISCARD_GRAIN,
	LIMIT_DISCARD_MAX,
	LIMIT_ZEROES_MAX,
	LIMIT_DMA,
	LIMIT_MAX_KB,
	LIMIT_SEGMENTS,
	LIMIT_SEGMENT_SIZE,
	LIMIT_REQUESTS,
};

/* Files of queue/, each of which shows one number. */
static const struct queue_file {
	const char *name;
	enum limit limit;
} queue_files[] = {
	{ "add_random", LIMIT_ZERO },
	{ "chunk_sectors", LIMIT_ZERO },
	{ "dax", LIMIT_ZERO },
	{ "discard_granularity", LIMIT_DISCARD_GRAIN },
	{ "discard_max_bytes", LIMIT_DISCARD_MAX },
	{ "discard_max_hw_bytes", LIMIT_DISCARD_MAX },
	{ "discard_zeroes_data", LIMIT_ZERO },
	{ "dma_alignment", LIMIT_DMA },
	{ "hw_sector_size", LIMIT_BLOCK },
	{ "io_poll", LIMIT_ZERO },
	{ "iostats", LIMIT_ONE },
	{ "logical_block_size", LIMIT_BLOCK },
	{ "max_discard_segments", LIMIT_ONE },
	{ "max_hw_sectors_kb", LIMIT_MAX_KB },
	{ "max_integrity_segments", LIMIT_ZERO },
	{ "max_sectors_kb", LIMIT_MAX_KB },
	{ "max_segment_size", LIMIT_SEGMENT_SIZE },
	{ "max_segments", LIMIT_SEGMENTS },
	{ "minimum_io_size", LIMIT_BLOCK },
	{ "nomerges", LIMIT_ZERO },
	{ "nr_requests", LIMIT_REQUESTS },
	{ "nr_zones", LIMIT_ZERO },
	{ "optimal_io_size", LIMIT_ZERO },
	{ "physical_block_size", LIMIT_BLOCK },
	{ "rotational", LIMIT_ZERO },
	{ "rq_affinity", LIMIT_ZERO },
	{ "stable_writes", LIMIT_ZERO },
	{ "virt_boundary_mask", LIMIT_ZERO },
	{ "write_same_max_bytes", LIMIT_ZERO },
	{ "write_zeroes_max_bytes", LIMIT_ZEROES_MAX },
	{ "zone_append_max_bytes", LIMIT_ZERO },
	{ "zone_write_granularity", LIMIT_ZERO },
};

/* Returns the number of a file in queue/. */
static u64 limit_value(const struct gendisk *d, enum limit limit)
{
	switch (limit) {
	case LIMIT_ZERO: break;
	case LIMIT_ONE: return 1;
	case LIMIT_BLOCK: return d->logical_block_size;
	case LIMIT_DISCARD_GRAIN: return d->discard ? d->logical_block_size : 0;
	case LIMIT_DISCARD_MAX: return d->discard ? BIO_MAX_RANGE : 0;
	case LIMIT_ZEROES_MAX: return d->write_zeroes ? BIO_MAX_RANGE : 0;
	case LIMIT_DMA: return 511;
	case LIMIT_MAX_KB: return BIO_MAX_VECS * (PAGE_SIZE / 1024);
	case LIMIT_SEGMENTS: return BIO_MAX_VECS;
	case LIMIT_SEGMENT_SIZE: return BIO_MAX_SEGMENT;
	case LIMIT_REQUESTS: return d->nr_requests ? d->nr_requests : 1;
	}
	return 0;
}

/* The argument of show_limit(). */
struct limit_of {
	const struct gendisk *disk;
	enum limit limit;
};

static int show_limit(struct seq *s, void *arg)
{
	const struct limit_of *l = arg;

	seq_printf(s, "%lu\n", limit_value(l->disk, l->limit));
	return 0;
}

static int show_scheduler(struct seq *s, void *arg)
{
	seq_puts(s, "[none]\n");
	return 0;
}

static int show_zoned(struct seq *s, void *arg)
{
	seq_puts(s, "none\n");
	return 0;
}

static int show_write_cache(struct seq *s, void *arg)
{
	const struct block_device *b = arg;

	seq_puts(s, b->disk->write_cache ? "write back\n" : "write through\n");
	return 0;
}

static int show_fua(struct seq *s, void *arg)
{
	const struct block_device *b = arg;

	seq_printf(s, "%d\n", b->disk->write_cache);
	return 0;
}

static const struct named_file queue_texts[] = {
	{ "queue/scheduler", show_scheduler },
	{ "queue/zoned", show_zoned },
	{ "queue/write_cache", show_write_cache },
	{ "queue/fua", show_fua },
};

static int add_queue(struct block_device *b, const char *dir)
{
	struct limit_of *l = kmalloc(ARRAY_SIZE(queue_files) * sizeof(*l), GFP_KERNEL);
	char path[160];
	int err = add_files(dir, queue_texts, ARRAY_SIZE(queue_texts), b);

	if (!l)
		return -ENOMEM;
	for (u32 i = 0; i < ARRAY_SIZE(queue_files) && !err; i++) {
		l[i] = (struct limit_of){ b->disk, queue_files[i].limit };
		scnprintf(path, sizeof(path), "%s/queue/%s", dir, queue_files[i].name);
		err = sysfs_create(path, show_limit, &l[i]);
	}
	scnprintf(path, sizeof(path), "%s/queue/read_ahead_kb", dir);
	if (!err)
		err = sysfs_create_rw(
			path, 0644, sysfs_show_ra_kb, sysfs_store_ra_kb, b->disk->bdi);
	return err ? err : sysfs_add_bdi(b->disk->bdi);
}

/* ---- block devices as udev sees them ---- */

/* Writes the variables of an event, a line each. Returns their length. @arg: the device. */
static int bdev_vars(char *to, size_t size, void *arg)
{
	struct block_device *b = arg;
	char name[24];
	int n;

	bdev_name(b, name, sizeof(name));
	n = scnprintf(to, size, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\nDEVTYPE=%s\nDISKSEQ=%lu\n",
		MAJOR(b->dev), MINOR(b->dev), name, b->partno ? "partition" : "disk",
		READ_ONCE(b->disk->diskseq));
	if (b->partno)
		n += scnprintf(to + n, size - (size_t)n, "PARTN=%u\n", b->partno);
	return n;
}

/* Writes the device's path below /sys. */
static void bdev_path(struct block_device *b, char *path, size_t size)
{
	char name[24];

	bdev_name(b, name, sizeof(name));
	scnprintf(path, size,
		b->partno ? "/devices/virtual/block/%s/%s" : "/devices/virtual/block/%s",
		b->disk->name, name);
}

static int add_bdev_uevent(struct block_device *b, const char *dir)
{
	struct sysfs_device *d = kzalloc(sizeof(*d), GFP_KERNEL);
	char path[96];

	if (!d)
		return -ENOMEM;
	bdev_path(b, path, sizeof(path));
	*d = (struct sysfs_device){ kstrdup(path), "block", bdev_vars, b };
	return d->devpath ? sysfs_add_uevent(dir, d) : -ENOMEM;
}

static void bdev_event(struct block_device *b, const char *action)
{
	char path[96];

	bdev_path(b, path, sizeof(path));
	uevent_send(&(struct sysfs_device){ path, "block", bdev_vars, b }, action, NULL);
}

/* ---- links to devices ---- */

/*
 * Returns a link's target, @prefix and @rest joined, or NULL. Neither the link nor its target is
 * ever freed.
 */
static char *keep(const char *prefix, const char *rest)
{
	char buf[160];

	scnprintf(buf, sizeof(buf), "%s%s", prefix, rest);
	return kstrdup(buf);
}

static bool is_there(void *arg)
{
	struct block_device *b = arg;

	return !READ_ONCE(b->gone);
}

/*
 * Makes the entry at @path visible only while the device exists, since partitions and some disks
 * (ubd) can be removed and added again.
 */
static int appear(const char *path, struct block_device *b)
{
	return sysfs_show_when(path, is_there, b);
}

static int add_links(struct block_device *b, const char *name, const char *dir_below_devices)
{
	char path[96];
	char *target = keep("../../devices/", dir_below_devices);
	int err;

	if (!target)
		return -ENOMEM;
	scnprintf(path, sizeof(path), "devices/%s/subsystem", dir_below_devices);
	err = sysfs_symlink(
		path, b->partno ? "../../../../../class/block" : "../../../../class/block");
	if (err)
		return err;
	scnprintf(path, sizeof(path), "class/block/%s", name);
	err = sysfs_symlink(path, target);
	if (!err)
		err = appear(path, b);
	scnprintf(path, sizeof(path), "dev/block/%u:%u", MAJOR(b->dev), MINOR(b->dev));
	if (!err)
		err = sysfs_symlink(path, target);
	return err ? err : appear(path, b);
}

static int add_disk_only(struct block_device *b, const char *dir)
{
	char link[96], number[32], *target = keep("../devices/virtual/block/", b->disk->name), *bdi;
	int err = add_files(dir, disk_files, ARRAY_SIZE(disk_files), b);

	if (!err)
		err = add_queue(b, dir);
	scnprintf(number, sizeof(number), "%u:%u", MAJOR(b->dev), MINOR(b->dev));
	bdi = keep("../../bdi/", number);
	if (!target || !bdi)
		return -ENOMEM;
	scnprintf(link, sizeof(link), "%s/bdi", dir);
	if (!err)
		err = sysfs_symlink(link, bdi);
	scnprintf(link, sizeof(link), "block/%s", b->disk->name);
	if (!err)
		err = sysfs_symlink(link, target);
	return err ? err : appear(link, b);
}

static int add_bdev(struct block_device *b)
{
	static const char devices[] = "devices/";
	char name[24], dir[96];
	int err;

	bdev_name(b, name, sizeof(name));
	scnprintf(dir, sizeof(dir), "%svirtual/block/%s%s%s", devices, b->disk->name,
		b->partno ? "/" : "", b->partno ? name : "");
	err = add_links(b, name, dir + sizeof(devices) - 1);
	if (!err)
		err = add_files(dir, bdev_files, ARRAY_SIZE(bdev_files), b);
	if (!err)
		err = add_bdev_uevent(b, dir);
	if (!err && b->partno)
		err = add_files(dir, part_files, ARRAY_SIZE(part_files), b);
	else if (!err)
		err = add_disk_only(b, dir);
	return err ? err : appear(dir, b);
}

int sysfs_add_disk(struct gendisk *d)
{
	int err = 0;

	mutex_lock(&sysfs_grow);
	for (u32 part = 0; part < ARRAY_SIZE(d->part) && !err; part++)
		if (d->part[part])
			err = add_bdev(d->part[part]);
	mutex_unlock(&sysfs_grow);
	return err;
}

/* Adds the entries of a block device (a new partition) that has appeared on a known disk. */
static void bdev_appeared(struct block_device *b)
{
	mutex_lock(&sysfs_grow);
	if (add_bdev(b))
		pr_warn("sysfs: no room for a partition\n");
	mutex_unlock(&sysfs_grow);
	bdev_event(b, "add");
}

static const struct disk_sysfs_ops ops_for_disks = {
	.part_appeared = bdev_appeared,
	.event = bdev_event,
};

int sysfs_add_blocks(void)
{
	u32 unit;
	int err = sysfs_mkdir("block");

	for (unit = 0; unit < 16 && !err; unit++) {
		struct block_device *b = bdev_by_dev(MKDEV(98, unit * 16));

		if (b)
			err = sysfs_add_disk(b->disk);
	}
	disk_sysfs_ops = &ops_for_disks;
	return err;
}
