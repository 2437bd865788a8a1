/* SPDX-License-Identifier: MIT */
/*
 * sysctl.c: /proc/sys/kernel and others: variables of the kernel itself. Names and meanings:
 * proc(5), linux-doc's admin-guide/sysctl.
 *
 * A variable that has an effect on Linux and would have none here is not in the table, so that
 * programs notice that it is missing.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/sysctl.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/userfault/userfault.h"
#include "kernel/sched/sched.h"
#include "kernel/task/exec/exec.h"
#include "kernel/task/process.h"
#include "kernel/vfs/limits.h"

static int sysctl_show(struct seq *s, void *arg)
{
	const struct sysctl *c = arg;
	char buf[256];
	int n;

	switch (c->kind) {
	case SYSCTL_INT: seq_printf(s, "%d\n", READ_ONCE(*(int *)c->data)); break;
	case SYSCTL_U64: seq_printf(s, "%lu\n", READ_ONCE(*(u64 *)c->data)); break;
	case SYSCTL_STRING: seq_printf(s, "%s\n", (char *)c->data); break;
	case SYSCTL_WORDS:
	case SYSCTL_SHOW:
		n = c->show(buf, sizeof(buf));
		seq_write(s, buf, (size_t)max(n, 0));
		break;
	}
	return 0;
}

int sysctl_number(const char *text, s64 *v)
{
	return *text == '+' ? -EINVAL : kstrtos64(text, 0, v);
}

static int sysctl_store(char *text, size_t n, void *arg)
{
	const struct sysctl *c = arg;
	s64 v;

	if (c->kind != SYSCTL_STRING)
		text += strspn(text, " \t");
	if (c->kind == SYSCTL_SHOW || c->kind == SYSCTL_WORDS)
		return c->store ? c->store(text) : -EINVAL;
	if (c->kind == SYSCTL_STRING) {
		strscpy(c->data, text, (size_t)c->max);
	} else {
		size_t end = strcspn(text, " \t\n");

		text[end] = 0;
		if (sysctl_number(text, &v) || v < c->min || v > c->max)
			return -EINVAL;
		if (c->kind == SYSCTL_INT)
			WRITE_ONCE(*(int *)c->data, (int)v);
		else
			WRITE_ONCE(*(u64 *)c->data, (u64)v);
	}
	if (c->changed)
		c->changed();
	return 0;
}

static int add_table(const struct sysctl *table, u32 n)
{
	char path[96];
	int err = 0;

	for (; n && !err; n--, table++) {
		scnprintf(path, sizeof(path), "sys/%s", table->path);
		err = proc_create(path, table->mode, sysctl_show,
			table->mode & 0222 ? sysctl_store : NULL, (void *)table);
		if (!err && table->kind == SYSCTL_STRING)
			err = proc_is_text(path, (u32)table->max);
		if (!err && table->kind == SYSCTL_WORDS)
			err = proc_is_words(path);
	}
	return err;
}
const struct sysctl_hooks sysctl_hooks = { .add = add_table };

/* ---- the table ---- */

static int show_random_uuid(char *buf, size_t size)
{
	u8 u[16];

	arch_random(u, sizeof(u));
	u[6] = (u[6] & 0x0f) | 0x40;
	u[8] = (u[8] & 0x3f) | 0x80;
	return scnprintf(buf, size,
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\n", u[0],
		u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13],
		u[14], u[15]);
}

static int show_boot_id(char *buf, size_t size)
{
	static char id[64];
	static u32 boot; /* value of machine_boot for @id */

	if (!id[0] || boot != machine_boot)
		show_random_uuid(id, sizeof(id));
	boot = machine_boot;
	return scnprintf(buf, size, "%s", id);
}

static int show_cap_last(char *buf, size_t size)
{
	return scnprintf(buf, size, "%d\n", CAP_LAST_CAP);
}

static int show_ngroups(char *buf, size_t size)
{
	return scnprintf(buf, size, "65536\n");
}

static int show_entropy(char *buf, size_t size)
{
	return scnprintf(buf, size, "256\n");
}

static int show_file_nr(char *buf, size_t size)
{
	return scnprintf(buf, size, "%lu\t0\t%lu\n", nr_files(), sysctl_file_max);
}

/* Shows 0. The variable has no effect, as on Linux. */
static int show_auto_msgmni(char *buf, size_t size)
{
	return scnprintf(buf, size, "0\n");
}

static int store_auto_msgmni(char *text)
{
	s64 v;

	text[strcspn(text, " \t\n")] = 0;
	return sysctl_number(text, &v) || v < 0 || v > 1 ? -EINVAL : 0;
}

/* Shows nothing: the numbers of /proc/vmstat are always exact, so a refresh has nothing to do. */
static int show_stat_refresh(char *buf, size_t size)
{
	return 0;
}

static int store_stat_refresh(char *text)
{
	return 0;
}

static int show_core_modes(char *buf, size_t size)
{
	return scnprintf(buf, size, "file\npipe\n");
}

static int show_overflow_id(char *buf, size_t size)
{
	return scnprintf(buf, size, "65534\n");
}

#define NUM SYSCTL_NUM
#define TEXT(p, m, v)                                                                              \
	{                                                                                          \
		.path = p, .kind = SYSCTL_STRING, .mode = m, .data = v, .max = sizeof(v)           \
	}
#define WORDS(p, fn)                                                                               \
	{                                                                                          \
		.path = p, .kind = SYSCTL_WORDS, .mode = 0444, .show = fn                          \
	}
#define SHOW(p, fn)                                                                                \
	{                                                                                          \
		.path = p, .kind = SYSCTL_SHOW, .mode = 0444, .show = fn                           \
	}

static int drop_what;

static void do_drop_caches(void)
{
	drop_caches(drop_what);
}

static const struct sysctl table[] = {
	{ .path = "vm/drop_caches",
		.kind = SYSCTL_INT,
		.mode = 0200,
		.data = &drop_what,
		.min = 1,
		.max = 4,
		.changed = do_drop_caches },
	TEXT("kernel/ostype", 0444, init_uts.name.sysname),
	TEXT("kernel/arch", 0444, init_uts.name.machine),
	TEXT("kernel/osrelease", 0444, init_uts.name.release),
	TEXT("kernel/version", 0444, init_uts.name.version),
	TEXT("kernel/core_pattern", 0644, core_pattern),
	NUM("kernel/core_pipe_limit", sysctl_core_pipe_limit, 0, 0x7fffffff),
	WORDS("kernel/core_modes", show_core_modes),
	{ .path = "kernel/auto_msgmni",
		.kind = SYSCTL_SHOW,
		.mode = 0644,
		.show = show_auto_msgmni,
		.store = store_auto_msgmni },
	{ .path = "vm/stat_refresh",
		.kind = SYSCTL_SHOW,
		.mode = 0600,
		.show = show_stat_refresh,
		.store = store_stat_refresh },
	NUM("kernel/pid_max", sysctl_pid_max, 301, 4194304),
	NUM("kernel/randomize_va_space", sysctl_randomize_va_space, 0, 2),
	NUM("kernel/sched_rt_period_us", sysctl_sched_rt_period_us, 1000, 1000000),
	NUM("kernel/sched_rt_runtime_us", sysctl_sched_rt_runtime_us, -1, 1000000),
	SHOW("kernel/cap_last_cap", show_cap_last),
	SHOW("kernel/ngroups_max", show_ngroups),
	SHOW("kernel/overflowuid", show_overflow_id),
	SHOW("kernel/overflowgid", show_overflow_id),
	SHOW("fs/overflowuid", show_overflow_id),
	SHOW("fs/overflowgid", show_overflow_id),
	WORDS("kernel/random/boot_id", show_boot_id),
	WORDS("kernel/random/uuid", show_random_uuid),
	SHOW("kernel/random/entropy_avail", show_entropy),
	SHOW("kernel/random/poolsize", show_entropy),
	NUM("vm/overcommit_memory", sysctl_overcommit_memory, 0, 2),
	NUM("vm/max_map_count", sysctl_max_map_count, 0, 0x7fffffff),
	NUM("fs/nr_open", sysctl_nr_open, 64, 1 << 30),
	SHOW("fs/file-nr", show_file_nr),
	NUM("fs/leases-enable", sysctl_leases_enable, 0, 1),
	NUM("fs/lease-break-time", sysctl_lease_break_time, 0, 0x7fffffff),
	NUM("fs/protected_symlinks", sysctl_protected_symlinks, 0, 1),
	NUM("fs/protected_hardlinks", sysctl_protected_hardlinks, 0, 1),
	NUM("fs/protected_fifos", sysctl_protected_fifos, 0, 2),
	NUM("fs/protected_regular", sysctl_protected_regular, 0, 2),
};

/* ---- names of a UTS namespace ---- */

static const struct {
	const char *path;
	enum uts_field which;
} uts_fields[] = {
	{ "sys/kernel/hostname", UTS_HOSTNAME },
	{ "sys/kernel/domainname", UTS_DOMAINNAME },
};

static int show_uts(struct seq *s, void *arg)
{
	char name[65];

	uts_get(*(enum uts_field *)arg, name);
	seq_printf(s, "%s\n", name);
	return 0;
}

static int store_uts(char *text, size_t n, void *arg)
{
	char name[65] = { 0 };

	memcpy(name, text, min(n, sizeof(name) - 1));
	uts_set(*(enum uts_field *)arg, name);
	return 0;
}

static int sysctl_init(void)
{
	int err = sysctl_register(table, ARRAY_SIZE(table));

	for (u32 i = 0; !err && i < ARRAY_SIZE(uts_fields); i++) {
		err = proc_create(uts_fields[i].path, 0644, show_uts, store_uts,
			(void *)&uts_fields[i].which);
		if (!err)
			err = proc_is_text(uts_fields[i].path, sizeof(init_uts.name.nodename));
		if (!err)
			err = proc_may_change(uts_fields[i].path,
				&uts_changes[uts_fields[i].which].count,
				&uts_changes[uts_fields[i].which].wait);
	}
	return err;
}
INITCALL(3, sysctl_init);
