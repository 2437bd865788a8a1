/* SPDX-License-Identifier: MIT */
/*
 * control.c: files that control the pool of huge pages: in /proc/sys/vm, in
 * /sys/kernel/mm/hugepages, and in /sys/devices/system/node for the only NUMA node (linux-doc,
 * admin-guide/mm/hugetlbpage).
 */
#include <asm/errno.h>

#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/sysctl.h"
#include "kernel/mm/hugetlb/hugetlb.h"

enum { TOTAL, FREE, RESERVED, SURPLUS, OVERCOMMIT };

static u64 number(u64 which)
{
	struct hugetlb_numbers n;

	hugetlb_numbers(&n);
	switch (which) {
	case TOTAL: return n.total - n.surplus;
	case FREE: return n.free;
	case RESERVED: return n.reserved;
	case SURPLUS: return n.surplus;
	default: return n.overcommit;
	}
}

static int set_number(u64 which, char *text)
{
	u64 v;

	if (kstrtou64(text, 0, &v))
		return -EINVAL;
	if (which == TOTAL)
		hugetlb_resize(v);
	else
		hugetlb_set_overcommit(v);
	return 0;
}

/* ---- /proc/sys/vm ---- */

static int show_total(char *buf, size_t size)
{
	return scnprintf(buf, size, "%lu\n", number(TOTAL));
}

static int store_total(char *text)
{
	return set_number(TOTAL, text);
}

static int show_overcommit(char *buf, size_t size)
{
	return scnprintf(buf, size, "%lu\n", number(OVERCOMMIT));
}

static int store_overcommit(char *text)
{
	return set_number(OVERCOMMIT, text);
}

#define POOL(p, name)                                                                              \
	{                                                                                          \
		.path = p, .kind = SYSCTL_SHOW, .mode = 0644, .show = show_##name,                 \
		.store = store_##name                                                              \
	}
static const struct sysctl sysctls[] = {
	POOL("vm/nr_hugepages", total),
	/* does what nr_hugepages does: with one NUMA node, memory policies have no effect */
	POOL("vm/nr_hugepages_mempolicy", total),
	POOL("vm/nr_overcommit_hugepages", overcommit),
	SYSCTL_NUM("vm/hugetlb_shm_group", sysctl_hugetlb_shm_group, 0, 0x7fffffff),
};

/* ---- /sys ---- */

static int show_number(struct seq *s, void *arg)
{
	seq_printf(s, "%lu\n", number((u64)arg));
	return 0;
}

static int store_number(char *text, size_t n, void *arg)
{
	return set_number((u64)arg, text);
}

static const struct {
	const char *name;
	u64 which;
	/* store: writable; node: also in node0's directory */
	bool store, node;
} files[] = {
	{ "nr_hugepages", TOTAL, true, true },
	{ "nr_hugepages_mempolicy", TOTAL, true, false },
	{ "nr_overcommit_hugepages", OVERCOMMIT, true, false },
	{ "free_hugepages", FREE, false, true },
	{ "resv_hugepages", RESERVED, false, false },
	{ "surplus_hugepages", SURPLUS, false, true },
};

static int add_files(const char *dir, bool node)
{
	char path[96];
	int err = 0;

	for (u32 i = 0; i < ARRAY_SIZE(files) && !err; i++) {
		if (node && !files[i].node)
			continue;
		snprintf(
			path, sizeof(path), "%s/hugepages/hugepages-2048kB/%s", dir, files[i].name);
		err = sysfs_create_rw(path, files[i].store ? 0644 : 0444, show_number,
			files[i].store ? store_number : NULL, (void *)files[i].which);
	}
	return err;
}

static int control_init(void)
{
	int err = sysctl_register(sysctls, ARRAY_SIZE(sysctls));

	if (!err)
		err = add_files("kernel/mm", false);
	return err ? err : add_files("devices/system/node/node0", true);
}
INITCALL(5, control_init);
