/* SPDX-License-Identifier: MIT */
/*
 * sysfs.c: /sys, as far as lscpu, libc, systemd's tools and lsblk look: CPUs, block devices, terminals, the empty places that programs
 * probe for. One fixed tree, built at boot from what is registered then (level 5), with the machinery of kernel/fs/proc.
 */
#include <asm/errno.h>
#include <linux/magic.h>

#include "arch/um/arch.h"
#include "kernel/block/block.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/fs/sysfs/device.h"
#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"

static struct proc_entry sysfs_root = { .name = "", .mode = S_IFDIR | 0555, .ino = 1 };

DEFINE_MUTEX(sysfs_grow); /* additions after boot */

static int show_number(struct seq *s, void *arg)
{
	seq_printf(s, "%ld\n", (long)arg);
	return 0;
}

static int show_string(struct seq *s, void *arg)
{
	seq_printf(s, "%s\n", (const char *)arg);
	return 0;
}

/* ---- CPUs ---- */

static int show_cpu_range(struct seq *s, void *arg)
{
	seq_printf(s, nr_cpus > 1 ? "0-%d\n" : "0\n", nr_cpus - 1);
	return 0;
}

static int show_newline(struct seq *s, void *arg)
{
	seq_puts(s, "\n");
	return 0;
}

static int show_cpu_mask(struct seq *s, void *arg)
{
	seq_printf(s, "%lx\n", 1UL << (long)arg);
	return 0;
}

static int show_all_cpus_mask(struct seq *s, void *arg)
{
	seq_printf(s, "%lx\n", nr_cpus >= 64 ? ~0UL : (1UL << nr_cpus) - 1);
	return 0;
}

static int add_number(const char *fmt_path, long value, show_fn show)
{
	return tree_create(&sysfs_root, fmt_path, 0444, show, NULL, (void *)value);
}

static int add_cpu(long cpu)
{
	static const struct {
		const char *name;
		show_fn show;
		int what; /* 0: the cpu's number, 1: zero */
	} files[] = {
		{ "topology/core_id", show_number, 0 },
		{ "topology/physical_package_id", show_number, 1 },
		{ "topology/die_id", show_number, 1 },
		{ "topology/core_cpus", show_cpu_mask, 0 },
		{ "topology/core_cpus_list", show_number, 0 },
		{ "topology/thread_siblings", show_cpu_mask, 0 },
		{ "topology/thread_siblings_list", show_number, 0 },
		{ "topology/core_siblings", show_all_cpus_mask, 0 },
		{ "topology/core_siblings_list", show_cpu_range, 0 },
		{ "topology/package_cpus", show_all_cpus_mask, 0 },
		{ "topology/package_cpus_list", show_cpu_range, 0 },
	};
	char path[96];
	u32 i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(files) && !err; i++) {
		scnprintf(path, sizeof(path), "devices/system/cpu/cpu%ld/%s", cpu, files[i].name);
		err = add_number(path, files[i].what ? 0 : cpu, files[i].show);
	}
	return err;
}

/* ---- the one node of memory ---- */

static void node_kb(struct seq *s, const char *name, u64 pages)
{
	seq_printf(s, "Node 0 %-14s %8lu kB\n", name, pages << 2);
}

static int show_node_meminfo(struct seq *s, void *arg)
{
	struct meminfo m;

	si_meminfo(&m);
	node_kb(s, "MemTotal:", m.total);
	node_kb(s, "MemFree:", m.free);
	node_kb(s, "MemUsed:", m.total - m.free);
	node_kb(s, "Dirty:", m.dirty);
	node_kb(s, "Writeback:", m.writeback);
	node_kb(s, "FilePages:", m.cached + m.buffers);
	node_kb(s, "AnonPages:", m.anon);
	node_kb(s, "Shmem:", m.shmem);
	node_kb(s, "Slab:", m.slab);
	return 0;
}

/* All memory comes from here, whoever asks. */
static int show_numastat(struct seq *s, void *arg)
{
	u64 hits = READ_ONCE(vmstat.pgalloc);

	seq_printf(s,
		"numa_hit %lu\nnuma_miss 0\nnuma_foreign 0\ninterleave_hit 0\nlocal_node %lu\n"
		"other_node 0\n",
		hits, hits);
	return 0;
}

static int add_node(void)
{
	static const struct {
		const char *path;
		show_fn show;
		long value;
	} files[] = {
		{ "online", show_number, 0 },
		{ "possible", show_number, 0 },
		{ "has_cpu", show_number, 0 },
		{ "has_memory", show_number, 0 },
		{ "has_normal_memory", show_number, 0 },
		{ "node0/cpumap", show_all_cpus_mask, 0 },
		{ "node0/cpulist", show_cpu_range, 0 },
		{ "node0/distance", show_number, 10 },
		{ "node0/meminfo", show_node_meminfo, 0 },
		{ "node0/numastat", show_numastat, 0 },
	};
	char path[96];
	int err = 0;

	for (u32 i = 0; i < ARRAY_SIZE(files) && !err; i++) {
		scnprintf(path, sizeof(path), "devices/system/node/%s", files[i].path);
		err = add_number(path, files[i].value, files[i].show);
	}
	return err;
}

static int add_cpus(void)
{
	long cpu;
	int err = add_number("devices/system/cpu/online", 0, show_cpu_range);

	if (!err)
		err = add_number("devices/system/cpu/possible", 0, show_cpu_range);
	if (!err)
		err = add_number("devices/system/cpu/present", 0, show_cpu_range);
	if (!err)
		err = add_number("devices/system/cpu/offline", 0, show_newline);
	if (!err)
		err = add_number("devices/system/cpu/kernel_max", MAX_CPUS - 1, show_number);
	if (!err)
		err = add_node();
	for (cpu = 0; cpu < nr_cpus && !err; cpu++)
		err = add_cpu(cpu);
	return err;
}

/* ---- block devices ---- */

static int show_bdev_size(struct seq *s, void *arg)
{
	struct block_device *b = arg;

	seq_printf(s, "%lu\n", b->nr_sectors);
	return 0;
}

static int show_bdev_dev(struct seq *s, void *arg)
{
	struct block_device *b = arg;

	seq_printf(s, "%u:%u\n", MAJOR(b->dev), MINOR(b->dev));
	return 0;
}

static int show_bdev_ro(struct seq *s, void *arg)
{
	struct block_device *b = arg;

	seq_printf(s, "%d\n", b->disk->ro);
	return 0;
}

static int show_bdev_part(struct seq *s, void *arg)
{
	struct block_device *b = arg;

	seq_printf(s, "%u\n", b->partno);
	return 0;
}

static int show_bdev_start(struct seq *s, void *arg)
{
	struct block_device *b = arg;

	seq_printf(s, "%lu\n", b->start);
	return 0;
}

static int show_block_size(struct seq *s, void *arg)
{
	struct block_device *b = arg;

	seq_printf(s, "%u\n", b->disk->logical_block_size);
	return 0;
}

static int show_discard(struct seq *s, void *arg)
{
	struct block_device *b = arg;

	seq_printf(s, "%u\n", b->disk->discard ? 512 : 0);
	return 0;
}

/* A link's target, which lives as long as the link: forever. */
static char *keep(const char *prefix, const char *rest)
{
	char buf[160];

	scnprintf(buf, sizeof(buf), "%s%s", prefix, rest);
	return kstrdup(buf);
}

static int add_file(const char *dir, const char *name, show_fn show, void *arg)
{
	char path[160];

	scnprintf(path, sizeof(path), "%s/%s", dir, name);
	return tree_create(&sysfs_root, path, 0444, show, NULL, arg);
}

static bool is_there(void *arg)
{
	struct block_device *b = arg;

	return !READ_ONCE(b->gone);
}

/* Partitions come and go after their first appearance. */
static int appear(const char *path, struct block_device *b)
{
	return b->partno && b->disk->minors == 1 ? sysfs_show_when(path, is_there, b) : 0;
}

static int add_links(struct block_device *b, const char *name, const char *dir_below_devices)
{
	char path[96];
	char *target = keep("../../devices/", dir_below_devices);
	int err;

	if (!target)
		return -ENOMEM;
	scnprintf(path, sizeof(path), "devices/%s/subsystem", dir_below_devices);
	err = tree_symlink(&sysfs_root, path,
		b->partno ? "../../../../../class/block" : "../../../../class/block");
	if (err)
		return err;
	scnprintf(path, sizeof(path), "class/block/%s", name);
	err = tree_symlink(&sysfs_root, path, target);
	if (!err)
		err = appear(path, b);
	scnprintf(path, sizeof(path), "dev/block/%u:%u", MAJOR(b->dev), MINOR(b->dev));
	if (!err)
		err = tree_symlink(&sysfs_root, path, target);
	return err ? err : appear(path, b);
}

/* The fields of /proc/diskstats behind the name. */
static int show_stat(struct seq *s, void *arg)
{
	const struct gendisk *d = ((struct block_device *)arg)->disk;
	u64 ms[2] = { d->stat.ns[0] / 1000000, d->stat.ns[1] / 1000000 };

	seq_printf(s, "%8lu 0 %8lu %8lu %8lu 0 %8lu %8lu %8lu %8lu %8lu 0 0 0 0 0 0\n",
		d->stat.ios[0], d->stat.sectors[0], ms[0], d->stat.ios[1], d->stat.sectors[1],
		ms[1], d->stat.inflight, ms[0] + ms[1], ms[0] + ms[1]);
	return 0;
}

/* ---- block devices as udev knows them ---- */

static int bdev_vars(char *to, size_t size, void *arg)
{
	struct block_device *b = arg;
	char name[24];
	int n;

	bdev_name(b, name, sizeof(name));
	n = scnprintf(to, size, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\nDEVTYPE=%s\n", MAJOR(b->dev),
		MINOR(b->dev), name, b->partno ? "partition" : "disk");
	if (b->partno)
		n += scnprintf(to + n, size - (size_t)n, "PARTN=%u\n", b->partno);
	return n;
}

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
	uevent_tell(&(struct sysfs_device){ path, "block", bdev_vars, b }, action, NULL);
}

static int show_readahead(struct seq *s, void *arg)
{
	const struct block_device *b = arg;

	seq_printf(s, "%u\n", b->disk->ra_sectors ? b->disk->ra_sectors / 2 : 128);
	return 0;
}

static int add_queue(struct block_device *b, const char *dir)
{
	int err = add_file(dir, "removable", show_number, (void *)0);

	if (!err)
		err = add_file(dir, "stat", show_stat, b);
	if (!err)
		err = add_file(dir, "queue/rotational", show_number, (void *)0);
	if (!err)
		err = add_file(dir, "queue/logical_block_size", show_block_size, b);
	if (!err)
		err = add_file(dir, "queue/physical_block_size", show_block_size, b);
	if (!err)
		err = add_file(dir, "queue/hw_sector_size", show_block_size, b);
	if (!err)
		err = add_file(dir, "queue/minimum_io_size", show_block_size, b);
	if (!err)
		err = add_file(dir, "queue/optimal_io_size", show_number, (void *)0);
	if (!err)
		err = add_file(dir, "queue/dma_alignment", show_number, (void *)511);
	if (!err)
		err = add_file(dir, "queue/read_ahead_kb", show_readahead, b);
	if (!err)
		err = add_file(dir, "queue/discard_granularity", show_discard, b);
	return err;
}

static int add_bdev(struct block_device *b)
{
	const char *disk = b->disk->name;
	char name[24], dir[96], link[64];
	char *target;
	int err;

	bdev_name(b, name, sizeof(name));
	if (b->partno)
		scnprintf(dir, sizeof(dir), "virtual/block/%s/%s", disk, name);
	else
		scnprintf(dir, sizeof(dir), "virtual/block/%s", disk);
	err = add_links(b, name, dir);
	if (b->partno)
		scnprintf(dir, sizeof(dir), "devices/virtual/block/%s/%s", disk, name);
	else
		scnprintf(dir, sizeof(dir), "devices/virtual/block/%s", disk);
	if (!err)
		err = add_file(dir, "size", show_bdev_size, b);
	if (!err)
		err = add_file(dir, "dev", show_bdev_dev, b);
	if (!err)
		err = add_file(dir, "ro", show_bdev_ro, b);
	if (!err)
		err = add_bdev_uevent(b, dir);
	if (!err && b->partno) {
		err = add_file(dir, "partition", show_bdev_part, b);
		if (!err)
			err = add_file(dir, "start", show_bdev_start, b);
		return err ? err : appear(dir, b);
	}
	if (!err)
		err = add_queue(b, dir);
	scnprintf(link, sizeof(link), "block/%s", disk);
	target = keep("../devices/virtual/block/", disk);
	if (!target)
		return -ENOMEM;
	return err ? err : tree_symlink(&sysfs_root, link, target);
}

int sysfs_create(const char *path, show_fn show, void *arg)
{
	return tree_create(&sysfs_root, path, 0444, show, NULL, arg);
}

int sysfs_show_when(const char *path, bool (*when)(void *arg), void *arg)
{
	struct proc_entry *e = tree_find(&sysfs_root, path);

	if (!e)
		return -ENOENT;
	e->when_arg = arg;
	WRITE_ONCE(e->when, when);
	return 0;
}

int sysfs_rename(const char *path, const char *name)
{
	return tree_rename(&sysfs_root, path, name);
}

int sysfs_create_rw(const char *path, umode_t mode, show_fn show, store_fn store, void *arg)
{
	return tree_create(&sysfs_root, path, mode, show, store, arg);
}

int sysfs_symlink_shown(const char *path, show_fn show, void *arg)
{
	return tree_symlink_shown(&sysfs_root, path, show, arg);
}
int sysfs_symlink(const char *path, const char *target)
{
	return tree_symlink(&sysfs_root, path, target);
}

int sysfs_mkdir(const char *path)
{
	return tree_mkdir(&sysfs_root, path);
}

static int add_disk_dirs(struct gendisk *d)
{
	u32 part;
	int err = 0;

	for (part = 0; part < ARRAY_SIZE(d->part) && !err; part++)
		if (d->part[part])
			err = add_bdev(d->part[part]);
	return err;
}

int sysfs_add_disk(struct gendisk *d)
{
	int err;

	mutex_lock(&sysfs_grow);
	err = add_disk_dirs(d);
	mutex_unlock(&sysfs_grow);
	for (u32 part = 0; part < ARRAY_SIZE(d->part) && !err; part++)
		if (d->part[part])
			bdev_event(d->part[part], "add");
	return err;
}

/* A block device of a disk that is known already. */
static void bdev_appeared(struct block_device *b)
{
	mutex_lock(&sysfs_grow);
	if (add_bdev(b))
		pr_warn("sysfs: no room for a partition\n");
	mutex_unlock(&sysfs_grow);
	bdev_event(b, "add");
}

static int add_blocks(void)
{
	u32 unit;
	int err = tree_mkdir(&sysfs_root, "block");

	for (unit = 0; unit < 16 && !err; unit++) {
		struct block_device *b = bdev_by_dev(MKDEV(98, unit * 16));

		if (b)
			err = sysfs_add_disk(b->disk);
	}
	disk_part_appeared = bdev_appeared;
	disk_event = bdev_event;
	return err;
}

/* ---- the rest ---- */

static int add_fixed(void)
{
	static const char *const dirs[] = {
		"bus",
		"class/net",
		"class/tty",
		"dev/char",
		"firmware",
		"fs/cgroup",
		"fs/ext4",
		"hypervisor",
		"kernel/mm",
		"kernel/security",
		"module",
		"power",
		"class/mem",
		"class/misc",
	};
	u32 i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(dirs) && !err; i++)
		err = tree_mkdir(&sysfs_root, dirs[i]);
	if (!err)
		err = tree_create(&sysfs_root, "kernel/mm/transparent_hugepage/enabled", 0444,
			show_string, NULL, (void *)"always madvise [never]");
	if (!err)
		err = tree_create(&sysfs_root, "devices/virtual/tty/console/active", 0444,
			show_string, NULL, (void *)"tty0");
	return err;
}

static int sysfs_fill_super(struct super_block *sb, void *data, bool silent)
{
	return tree_fill_super(sb, &sysfs_root, SYSFS_MAGIC);
}

static struct dentry *sysfs_mount(
	struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_single(t, flags, data, sysfs_fill_super);
}

static struct file_system_type sysfs_type = {
	.name = "sysfs",
	.fs_flags = FS_USERNS_MOUNT,
	.mount = sysfs_mount,
	.kill_sb = kill_anon_super,
};

static int sysfs_init(void)
{
	int err = register_filesystem(&sysfs_type);

	if (!err)
		err = add_fixed();
	if (!err)
		err = add_cpus();
	return err ? err : add_blocks();
}
INITCALL(5, sysfs_init);
