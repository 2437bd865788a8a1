/* SPDX-License-Identifier: MIT */
/* ksm.c: /sys/kernel/mm/ksm: what kernel/mm/ksm.c does, and how much of it. */
#include <asm/errno.h>

#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"

static int number_in(char *text, u64 max, u64 *value)
{
	int err = kstrtou64(text, 10, value);

	return err ? err : *value > max ? -EINVAL : 0;
}

/* A figure, by where it is in struct ksm_numbers. */
static int show_figure(struct seq *s, void *arg)
{
	struct ksm_numbers k;

	ksm_numbers(&k);
	seq_printf(s, "%lu\n", *(u64 *)((char *)&k + (u64)arg));
	return 0;
}

static int show_value(struct seq *s, void *arg)
{
	seq_printf(s, "%lu\n", READ_ONCE(*(u64 *)arg));
	return 0;
}

static int store_value(char *text, size_t n, void *arg)
{
	u64 value;
	int err = number_in(text, UINT32_MAX, &value);

	if (!err)
		ksm_set_pace(arg, value);
	return err;
}

static int store_run(char *text, size_t n, void *arg)
{
	u64 value;
	int err = number_in(text, UINT32_MAX, &value);

	return err ? err : ksm_set_run(value);
}

static int store_max_sharing(char *text, size_t n, void *arg)
{
	u64 value;
	int err = number_in(text, INT32_MAX, &value);

	return err ? err : ksm_set_max_sharing(value);
}

#define FIGURE(f) (void *)offsetof(struct ksm_numbers, f)

static const struct {
	const char *name;
	show_fn show;
	store_fn store;
	void *arg;
} files[] = {
	{ "run", show_figure, store_run, FIGURE(run) },
	{ "pages_to_scan", show_value, store_value, &ksm_pages_to_scan },
	{ "sleep_millisecs", show_value, store_value, &ksm_sleep_ms },
	{ "max_page_sharing", show_figure, store_max_sharing, FIGURE(max_sharing) },
	{ "pages_shared", show_figure, NULL, FIGURE(shared) },
	{ "pages_sharing", show_figure, NULL, FIGURE(sharing) },
	{ "pages_unshared", show_figure, NULL, FIGURE(unshared) },
	{ "pages_volatile", show_figure, NULL, FIGURE(changed) },
	{ "pages_scanned", show_figure, NULL, FIGURE(scanned) },
	{ "full_scans", show_figure, NULL, FIGURE(rounds) },
};

int sysfs_add_ksm(void)
{
	char path[64];
	int err = 0;

	for (u32 i = 0; i < ARRAY_SIZE(files) && !err; i++) {
		scnprintf(path, sizeof(path), "kernel/mm/ksm/%s", files[i].name);
		err = sysfs_create_rw(path, files[i].store ? 0644 : 0444, files[i].show,
			files[i].store, files[i].arg);
	}
	return err;
}
