/* SPDX-License-Identifier: MIT */
/*
 * cpu_host.c: the host's information about its CPUs, on which guests run:
 * /sys/devices/system/cpu/vulnerabilities, and the caches of each vCPU. The texts are read from the
 * host at boot. A file that the host lacks is missing in the guest too. Which vCPUs share a cache
 * follows from the guest's topology: all vCPUs are cores of one package, and all cores share the
 * caches from the third level on.
 */
#include "arch/um/machine/arch.h"
#include "arch/um/machine/host_cpu.h"
#include "kernel/fs/sysfs/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"

#define SHARED_LEVEL 3
#define INDEX_MAX 8

static int show_text(struct seq *s, void *arg)
{
	seq_printf(s, "%s\n", (const char *)arg);
	return 0;
}

/*
 * Copies the text of the host's file @path, below devices/system/cpu, into *text, or sets it to
 * NULL if the host lacks the file. Returns 0 or -ENOMEM.
 */
static int take_text(const char *path, char **text)
{
	char buf[256];

	*text = NULL;
	if (arch_host_cpu(path, buf, sizeof(buf)) < 0)
		return 0;
	*text = kstrdup(buf);
	return *text ? 0 : -ENOMEM;
}

static int add_text(const char *path, char *text)
{
	char full[128];

	scnprintf(full, sizeof(full), "devices/system/cpu/%s", path);
	return text ? sysfs_create(full, show_text, text) : 0;
}

static int add_vulnerabilities(void)
{
	static const char *const names[] = { "gather_data_sampling", "ghostwrite",
		"indirect_target_selection", "itlb_multihit", "l1tf", "mds", "meltdown",
		"mmio_stale_data", "old_microcode", "reg_file_data_sampling", "retbleed",
		"spec_rstack_overflow", "spec_store_bypass", "spectre_v1", "spectre_v2", "srbds",
		"tsa", "tsx_async_abort", "vmscape" };
	char path[64], *text;
	int err = 0;

	for (u32 i = 0; i < ARRAY_SIZE(names) && !err; i++) {
		scnprintf(path, sizeof(path), "vulnerabilities/%s", names[i]);
		err = take_text(path, &text);
		if (!err)
			err = add_text(path, text);
	}
	return err;
}

static int add_sharing(const char *index, long cpu, bool shared)
{
	char path[128];
	int err;

	scnprintf(path, sizeof(path), "devices/system/cpu/%s/shared_cpu_list", index);
	err = sysfs_create(path, shared ? sysfs_show_cpu_range : sysfs_show_number, (void *)cpu);
	if (err)
		return err;
	scnprintf(path, sizeof(path), "devices/system/cpu/%s/shared_cpu_map", index);
	err = sysfs_create(
		path, shared ? sysfs_show_all_cpus_mask : sysfs_show_cpu_mask, (void *)cpu);
	if (err)
		return err;
	scnprintf(path, sizeof(path), "devices/system/cpu/%s/id", index);
	return sysfs_create(path, sysfs_show_number, (void *)(shared ? 0L : cpu));
}

enum { LEVEL, TYPE, SIZE, LINE, SETS, WAYS, LINES, NR_TEXTS };
static const char *const names[NR_TEXTS] = { "level", "type", "size", "coherency_line_size",
	"number_of_sets", "ways_of_associativity", "physical_line_partition" };

/* Copies the texts about cache number @nth of the host's first CPU. Returns 0 or -ENOMEM. */
static int take_cache(u32 nth, char *texts[NR_TEXTS])
{
	char path[64];
	int err = 0;

	for (u32 i = 0; i < NR_TEXTS && !err && (!i || texts[LEVEL]); i++) {
		scnprintf(path, sizeof(path), "cpu0/cache/index%u/%s", nth, names[i]);
		err = take_text(path, &texts[i]);
	}
	return err;
}

static int add_cache(long cpu, u32 nth, char *const texts[NR_TEXTS])
{
	char path[96], index[64];
	int err = 0;

	scnprintf(index, sizeof(index), "cpu%ld/cache/index%u", cpu, nth);
	for (u32 i = 0; i < NR_TEXTS && !err; i++) {
		scnprintf(path, sizeof(path), "%s/%s", index, names[i]);
		err = add_text(path, texts[i]);
	}
	return err ? err : add_sharing(index, cpu, texts[LEVEL][0] - '0' >= SHARED_LEVEL);
}

int sysfs_add_cpu_host(void)
{
	char *texts[NR_TEXTS];
	int err = add_vulnerabilities();

	for (u32 i = 0; i < INDEX_MAX && !err; i++) {
		err = take_cache(i, texts);
		if (err || !texts[LEVEL])
			break;
		for (long cpu = 0; cpu < nr_cpus && !err; cpu++)
			err = add_cache(cpu, i, texts);
	}
	return err;
}
