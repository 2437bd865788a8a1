/* SPDX-License-Identifier: MIT */
/* ksm.c: /sys/kernel/mm/ksm: settings and counters of kernel/mm/ksm/ksm.c. */
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

/* Shows a counter. @arg: its offset in bytes in struct ksm_numbers. */
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

static int show_profit(struct seq *s, void *arg)
{
	struct ksm_numbers k;

	ksm_numbers(&k);
	seq_printf(s, "%ld\n", k.profit);
	return 0;
}

static int show_advisor(struct seq *s, void *arg)
{
	seq_puts(s, READ_ONCE(ksm_advisor.on) ? "none [scan-time]\n" : "[none] scan-time\n");
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

static int store_pages_to_scan(char *text, size_t n, void *arg)
{
	return READ_ONCE(ksm_advisor.on) ? -EINVAL : store_value(text, n, arg);
}

static int store_long(char *text, size_t n, void *arg)
{
	u64 value;
	int err = number_in(text, ~0UL, &value);

	if (!err)
		ksm_set_pace(arg, value);
	return err;
}

/* Stores the lower 32 bits of the number, as on Linux. */
static int store_cpu(char *text, size_t n, void *arg)
{
	u64 value;
	int err = number_in(text, ~0UL, &value);

	if (!err)
		ksm_set_pace(arg, (u32)value);
	return err;
}

static int store_seconds(char *text, size_t n, void *arg)
{
	u64 value;

	return kstrtou64(text, 10, &value) || !value ? -EINVAL : store_long(text, n, arg);
}

/*
 * Parses a boolean by its first letter: 1, y, t for true, 0, n, f for false. Returns 0 or -EINVAL.
 */
static int truth_in(const char *text, bool *value)
{
	*value = strchr("1yYtT", *text) && *text;
	return *value || (*text && strchr("0nNfF", *text)) ? 0 : -EINVAL;
}

static int store_smart_scan(char *text, size_t n, void *arg)
{
	bool on;
	int err = truth_in(text, &on);

	if (!err)
		ksm_set_pace(arg, on);
	return err;
}

static int store_use_zero(char *text, size_t n, void *arg)
{
	bool on;
	int err = truth_in(text, &on);

	if (!err)
		ksm_set_use_zero(on);
	return err;
}

static int store_across_nodes(char *text, size_t n, void *arg)
{
	u64 value;
	int err = number_in(text, 1, &value);

	return err ? err : ksm_set_across_nodes(value);
}

static int store_advisor(char *text, size_t n, void *arg)
{
	size_t len = strlen(text);

	if (len && text[len - 1] == '\n')
		text[len - 1] = 0;
	if (strcmp(text, "none") && strcmp(text, "scan-time"))
		return -EINVAL;
	ksm_set_advisor(*text == 's');
	return 0;
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
	{ "pages_to_scan", show_value, store_pages_to_scan, &ksm_pages_to_scan },
	{ "sleep_millisecs", show_value, store_value, &ksm_sleep_ms },
	{ "max_page_sharing", show_figure, store_max_sharing, FIGURE(max_sharing) },
	{ "pages_shared", show_figure, NULL, FIGURE(shared) },
	{ "pages_sharing", show_figure, NULL, FIGURE(sharing) },
	{ "pages_unshared", show_figure, NULL, FIGURE(unshared) },
	{ "pages_volatile", show_figure, NULL, FIGURE(changed) },
	{ "pages_scanned", show_figure, NULL, FIGURE(scanned) },
	{ "full_scans", show_figure, NULL, FIGURE(rounds) },
	{ "pages_skipped", show_figure, NULL, FIGURE(skipped) },
	{ "smart_scan", show_value, store_smart_scan, &ksm_smart_scan },
	{ "merge_across_nodes", show_figure, store_across_nodes, FIGURE(across_nodes) },
	{ "use_zero_pages", show_figure, store_use_zero, FIGURE(use_zero) },
	{ "ksm_zero_pages", show_figure, NULL, FIGURE(zero) },
	{ "general_profit", show_profit, NULL, NULL },
	{ "stable_node_chains", show_figure, NULL, FIGURE(chains) },
	{ "stable_node_dups", show_figure, NULL, FIGURE(twins) },
	{ "stable_node_chains_prune_millisecs", show_value, store_value, &ksm_prune_ms },
	{ "advisor_mode", show_advisor, store_advisor, NULL },
	{ "advisor_max_cpu", show_value, store_cpu, &ksm_advisor.max_cpu },
	{ "advisor_min_pages_to_scan", show_value, store_long, &ksm_advisor.min_pages },
	{ "advisor_max_pages_to_scan", show_value, store_long, &ksm_advisor.max_pages },
	{ "advisor_target_scan_time", show_value, store_seconds, &ksm_advisor.seconds },
};

int sysfs_add_ksm(void)
{
	char path[80];
	int err = 0;

	for (u32 i = 0; i < ARRAY_SIZE(files) && !err; i++) {
		scnprintf(path, sizeof(path), "kernel/mm/ksm/%s", files[i].name);
		err = sysfs_create_rw(path, files[i].store ? 0644 : 0444, files[i].show,
			files[i].store, files[i].arg);
	}
	return err;
}
