/* SPDX-License-Identifier: MIT */
/*
 * bdi.c: /sys/class/bdi: limits of dirty pages and of read-ahead for each disk
 * (Documentation/ABI/testing/sysfs-class-bdi). `stats` is an addition of this kernel: Linux has it
 * in debugfs.
 */
#include <asm/errno.h>

#include "kernel/fs/sysfs/device.h"
#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"

int sysfs_show_ra_kb(struct seq *s, void *arg)
{
	const struct backing_dev *b = arg;

	seq_printf(s, "%u\n", READ_ONCE(b->ra_pages) * (u32)(PAGE_SIZE / 1024));
	return 0;
}

#define RA_KB_MAX 32768

int sysfs_store_ra_kb(char *text, size_t n, void *arg)
{
	struct backing_dev *b = arg;
	u64 kb;

	if (kstrtou64(text, 10, &kb))
		return -EINVAL;
	WRITE_ONCE(b->ra_pages, (u32)(min_t(u64, kb, RA_KB_MAX) * 1024 / PAGE_SIZE));
	return 0;
}

static int show_min_ratio(struct seq *s, void *arg)
{
	seq_printf(s, "%u\n", ((struct backing_dev *)arg)->min_ratio);
	return 0;
}

static int show_max_ratio(struct seq *s, void *arg)
{
	seq_printf(s, "%u\n", ((struct backing_dev *)arg)->max_ratio);
	return 0;
}

static int store_min_ratio(char *text, size_t n, void *arg)
{
	struct backing_dev *b = arg;
	u64 v;

	if (kstrtou64(text, 10, &v) || v > b->max_ratio)
		return -EINVAL;
	WRITE_ONCE(b->min_ratio, (u32)v);
	return 0;
}

static int store_max_ratio(char *text, size_t n, void *arg)
{
	struct backing_dev *b = arg;
	u64 v;

	if (kstrtou64(text, 10, &v) || v > 100 || v < b->min_ratio)
		return -EINVAL;
	WRITE_ONCE(b->max_ratio, (u32)v);
	return 0;
}

/*
 * Shows the counts of dirty pages and pages under writeback, and the limits, which Linux has in
 * debugfs.
 */
static int show_bdi_stats(struct seq *s, void *arg)
{
	struct backing_dev *b = arg;
	u64 background, limit;

	dirty_limits(&background, &limit);
	seq_printf(s, "BdiDirty: %10lu kB\nBdiWriteback: %10lu kB\nBdiDirtyThresh: %10lu kB\n",
		(u64)atomic_read(&b->nr_dirty) * 4, (u64)atomic_read(&b->nr_writeback) * 4,
		bdi_limit(b, limit) * 4);
	return 0;
}

int sysfs_add_bdi(struct backing_dev *b)
{
	char path[64], target[64], *copy;
	static const struct {
		const char *name;
		show_fn show;
		store_fn store;
	} files[] = {
		{ "read_ahead_kb", sysfs_show_ra_kb, sysfs_store_ra_kb },
		{ "min_ratio", show_min_ratio, store_min_ratio },
		{ "max_ratio", show_max_ratio, store_max_ratio },
		{ "stats", show_bdi_stats, NULL },
	};
	int err = 0;

	for (u32 i = 0; i < ARRAY_SIZE(files) && !err; i++) {
		scnprintf(path, sizeof(path), "devices/virtual/bdi/%u:%u/%s", MAJOR(b->dev),
			MINOR(b->dev), files[i].name);
		err = sysfs_create_rw(
			path, files[i].store ? 0644 : 0444, files[i].show, files[i].store, b);
	}
	scnprintf(path, sizeof(path), "class/bdi/%u:%u", MAJOR(b->dev), MINOR(b->dev));
	scnprintf(target, sizeof(target), "../../devices/virtual/bdi/%u:%u", MAJOR(b->dev),
		MINOR(b->dev));
	copy = err ? NULL : kstrdup(target); /* never freed, like the device */
	if (!copy)
		return err ? err : -ENOMEM;
	return sysfs_symlink(path, copy);
}
