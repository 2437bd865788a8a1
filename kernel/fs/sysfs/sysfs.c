/* SPDX-License-Identifier: MIT */
/*
 * sysfs.c: /sys, with the parts that lscpu, libc, systemd's tools and lsblk read: CPUs, block
 * devices (block.c), terminals, and the empty directories that programs probe for. As in /proc, it
 * is a tree of struct proc_entry (kernel/fs/proc), from which no entry is ever removed. Most
 * entries are added at boot (initcall level 5), others when their device appears.
 */
#include <asm/errno.h>
#include <linux/magic.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/fs/sysfs/device.h"
#include "kernel/fs/sysfs/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/vfs/mount/fsparam.h"

static struct proc_entry sysfs_root = {
	.name = "", .mode = S_IFDIR | 0555, .ino = 1, .fops = &sysfs_file_fops
};

DEFINE_MUTEX(sysfs_grow); /* held to add entries after boot */

int sysfs_show_number(struct seq *s, void *arg)
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

int sysfs_show_cpu_range(struct seq *s, void *arg)
{
	seq_printf(s, nr_cpus > 1 ? "0-%d\n" : "0\n", nr_cpus - 1);
	return 0;
}

static int show_newline(struct seq *s, void *arg)
{
	seq_puts(s, "\n");
	return 0;
}

int sysfs_show_cpu_mask(struct seq *s, void *arg)
{
	seq_printf(s, "%lx\n", 1UL << (long)arg);
	return 0;
}

int sysfs_show_all_cpus_mask(struct seq *s, void *arg)
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
		/* Selects the argument of show(). 0: the CPU's number; 1: the number 0. */
		int what;
	} files[] = {
		{ "topology/core_id", sysfs_show_number, 0 },
		{ "topology/physical_package_id", sysfs_show_number, 1 },
		{ "topology/die_id", sysfs_show_number, 1 },
		{ "topology/core_cpus", sysfs_show_cpu_mask, 0 },
		{ "topology/core_cpus_list", sysfs_show_number, 0 },
		{ "topology/thread_siblings", sysfs_show_cpu_mask, 0 },
		{ "topology/thread_siblings_list", sysfs_show_number, 0 },
		{ "topology/core_siblings", sysfs_show_all_cpus_mask, 0 },
		{ "topology/core_siblings_list", sysfs_show_cpu_range, 0 },
		{ "topology/package_cpus", sysfs_show_all_cpus_mask, 0 },
		{ "topology/package_cpus_list", sysfs_show_cpu_range, 0 },
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

/* ---- the only NUMA node ---- */

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

/* Counts all allocations as hits of the only node. */
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
		{ "online", sysfs_show_number, 0 },
		{ "possible", sysfs_show_number, 0 },
		{ "has_cpu", sysfs_show_number, 0 },
		{ "has_memory", sysfs_show_number, 0 },
		{ "has_normal_memory", sysfs_show_number, 0 },
		{ "node0/cpumap", sysfs_show_all_cpus_mask, 0 },
		{ "node0/cpulist", sysfs_show_cpu_range, 0 },
		{ "node0/distance", sysfs_show_number, 10 },
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
	int err = add_number("devices/system/cpu/online", 0, sysfs_show_cpu_range);

	if (!err)
		err = add_number("devices/system/cpu/possible", 0, sysfs_show_cpu_range);
	if (!err)
		err = add_number("devices/system/cpu/present", 0, sysfs_show_cpu_range);
	if (!err)
		err = add_number("devices/system/cpu/offline", 0, show_newline);
	if (!err)
		err = add_number("devices/system/cpu/kernel_max", MAX_CPUS - 1, sysfs_show_number);
	if (!err)
		err = add_node();
	for (cpu = 0; cpu < nr_cpus && !err; cpu++)
		err = add_cpu(cpu);
	return err;
}

int sysfs_create(const char *path, show_fn show, void *arg)
{
	return tree_create(&sysfs_root, path, 0444, show, NULL, arg);
}

int sysfs_show_when(const char *path, bool (*when)(void *arg), void *arg)
{
	return tree_show_when(&sysfs_root, path, when, arg);
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
	if (!err)
		err = tree_create(
			&sysfs_root, "kernel/address_bits", 0444, show_string, NULL, (void *)"64");
	if (!err)
		err = tree_create(&sysfs_root, "kernel/cpu_byteorder", 0444, show_string, NULL,
			(void *)"little");
	if (!err)
		err = tree_create(
			&sysfs_root, "kernel/fscaps", 0444, show_string, NULL, (void *)"1");
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

/*
 * Returns the user namespace that owns current's network namespace. As on Linux, the mounter must
 * have rights there, since sysfs shows network devices. Linux shows those of the mounter's network
 * namespace. Here each reader sees those of its own network namespace.
 */
static struct user_namespace *sysfs_owner(void)
{
	return current_ns_owner(NS_NET);
}

static const struct fs_param params[] = {
	FS_PARAM_END,
};

static struct file_system_type sysfs_type = {
	.name = "sysfs",
	.fs_flags = FS_USERNS_MOUNT | FS_USERNS_VISIBLE,
	.owner = sysfs_owner,
	.is_bare = tree_is_bare,
	.params = params,
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
	if (!err)
		err = sysfs_add_cpu_host();
	if (!err)
		err = sysfs_add_ksm();
	if (!err)
		err = sysfs_add_notes();
	return err ? err : sysfs_add_blocks();
}
INITCALL(5, sysfs_init);
