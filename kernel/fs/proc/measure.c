/* SPDX-License-Identifier: MIT */
/*
 * measure.c: /proc/nestling: optional counts of hostcalls, locks and faults, and memory by kind,
 * which is always counted.
 *
 * Writing "on" to the file of a count (hostcalls, locks, faults) starts it, "off" stops it, "reset"
 * sets it to 0. count= on the command line starts counts at boot. The cost of a disabled count is
 * documented where it is counted: doors.c, contention.h and fault.c.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/debug/contention.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/debug/leak.h"
#include "kernel/mm/mm.h"

static void count_contention(bool on)
{
	WRITE_ONCE(contention_counted, on);
}

static void count_faults(bool on)
{
	WRITE_ONCE(faults_counted, on);
}

static const struct count {
	const char *name, *path, *heading;
	void (*set)(bool on);
	void (*reset)(void);
	int (*line)(int i, char *buf, size_t size);
} counts[] = {
	{ "hostcalls", "nestling/hostcalls", "     calls kind\n", arch_count_host_calls,
		arch_reset_host_calls, arch_host_call_line },
	{ "locks", "nestling/locks", "kind        waits           us   longest place\n",
		count_contention, contention_reset, contention_line },
	{ "faults", "nestling/faults",
		"kind             faults      major           us   longest\n", count_faults,
		fault_counts_reset, fault_count_line },
};

static int show_count(struct seq *s, void *arg)
{
	const struct count *c = arg;
	char buf[200];
	int n;

	seq_puts(s, c->heading);
	for (int i = 0; (n = c->line(i, buf, sizeof(buf))) >= 0; i++)
		seq_write(s, buf, (size_t)n);
	return 0;
}

static int store_count(char *text, size_t n, void *arg)
{
	const struct count *c = arg;

	if (!strcmp(text, "reset"))
		c->reset();
	else if (!strcmp(text, "on") || !strcmp(text, "off"))
		c->set(text[1] == 'n');
	else
		return -EINVAL;
	return 0;
}

/* Starts the counts named in "NAME,NAME...". Returns 0 or -errno. */
static int set_count(const char *value)
{
	while (*value) {
		size_t n = strcspn(value, ","), i = 0;

		while (i < ARRAY_SIZE(counts) &&
			(strlen(counts[i].name) != n || strncmp(counts[i].name, value, n)))
			i++;
		if (i == ARRAY_SIZE(counts))
			refuse("count=%s: not hostcalls, locks or faults", value);
		counts[i].set(true);
		value += n + (value[n] == ',');
	}
	return 0;
}
PARAM("count=", set_count, "hostcalls,locks,faults: counts in /proc/nestling from the start");

/* ---- memory ---- */

static void kind_line(struct seq *s, const char *name, u64 frames)
{
	seq_printf(s, "%-12s %10lu kB\n", name, frames << (PAGE_SHIFT - 10));
}

static int show_memory(struct seq *s, void *arg)
{
	struct memory_kinds k;
	u64 known;

	mm_memory_kinds(&k);
	known = k.free + k.anon + k.file + k.shmem + k.slab + k.large + k.tables + k.huge;
	kind_line(s, "total", k.total);
	kind_line(s, "free", k.free);
	kind_line(s, "anonymous", k.anon);
	kind_line(s, "files", k.file);
	kind_line(s, "shared", k.shmem);
	kind_line(s, "objects", k.slab);
	kind_line(s, "blocks", k.large);
	kind_line(s, "page-tables", k.tables);
	kind_line(s, "huge", k.huge);
	kind_line(s, "other", k.total - min(k.total, known));
	seq_puts(s, "besides:\n");
	kind_line(s, "free-backed", k.free_backed);
	kind_line(s, "images", k.direct);
	kind_line(s, "frame-table", k.frame_table);
	return 0;
}

/* ---- leaks, in debug builds ---- */

static int show_leaks(struct seq *s, void *arg)
{
	u64 found = leak_scan();
	char line[400];

	seq_printf(s, "%lu objects\n", found);
	for (int i = 0, n; (n = leak_line(i, line, sizeof(line))) >= 0; i++)
		seq_write(s, line, (size_t)n);
	return 0;
}

static int store_leaks(char *text, size_t n, void *arg)
{
	if (strcmp(text, "test"))
		return -EINVAL;
	leak_one();
	return 0;
}

static int measure_init(void)
{
	int err = 0;

	for (u32 i = 0; i < ARRAY_SIZE(counts) && !err; i++)
		err = proc_create(
			counts[i].path, 0600, show_count, store_count, (void *)&counts[i]);
	if (LEAK_SCAN && !err)
		err = proc_create("nestling/leaks", 0600, show_leaks, store_leaks, NULL);
	return err ? err : proc_create("nestling/memory", 0444, show_memory, NULL, NULL);
}
INITCALL(3, measure_init);
