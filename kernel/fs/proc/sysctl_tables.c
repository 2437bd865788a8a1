/* SPDX-License-Identifier: MIT */
/*
 * sysctl_tables.c: variables in /proc/sys that belong to layers below kernel/fs: panic, log,
 * scheduler, memory, open files. Names and meanings: proc(5), linux-doc's admin-guide/sysctl.
 *
 * A variable does what it does on Linux, or nothing if this kernel lacks the feature. A variable
 * without effect can still be read and written. If this kernel supports only one value, writes of
 * others fail.
 */
#include <asm/errno.h>

#include "arch/um/layout.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/sysctl.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/swap/swap.h"
#include "kernel/mm/userfault/userfault.h"
#include "kernel/sched/sched.h"
#include "kernel/task/process.h"
#include "kernel/vfs/limits.h"

/* ---- kernel ---- */

static int tainted, sysrq_mask = 1, kptr_restrict, sysctl_writes_strict = 1;
static int numa_balancing, zone_reclaim_mode; /* no effect with one NUMA node */
static int panic_on_warn, panic_on_oops = 1, modules_disabled = 1;
static int urandom_reseed_secs = 60, write_wakeup_threshold = 256;
static int printk_default = 4, printk_minimum = 1, printk_boot = 7;
static char modprobe_path[128] = "/sbin/modprobe", poweroff_cmd[128] = "/sbin/poweroff";

static int show_printk(char *buf, size_t size)
{
	return scnprintf(buf, size, "%d\t%d\t%d\t%d\n", console_loglevel, printk_default,
		printk_minimum, printk_boot);
}

/* Parses one number, and moves *text to the text after it. Returns 0 or -EINVAL. */
static int next_number(char **text, s64 *v)
{
	char *p = *text + strspn(*text, " \t"), *end = p + strcspn(p, " \t\n");
	bool more = *end;
	int err;

	*end = 0;
	*text = more ? end + 1 : end;
	err = *p ? sysctl_number(p, v) : -EINVAL;
	return err ? -EINVAL : 0;
}

static int store_printk(char *text)
{
	int *to[] = { &console_loglevel, &printk_default, &printk_minimum, &printk_boot };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(to) && text[strspn(text, " \t\n")]; i++) {
		s64 v;

		if (next_number(&text, &v) || v < 0 || v > 15)
			return -EINVAL;
		WRITE_ONCE(*to[i], (int)v);
	}
	return i ? 0 : -EINVAL;
}

static int show_tainted(char *buf, size_t size)
{
	return scnprintf(buf, size, "%d\n", tainted);
}

/* Sets bits of the taint mask. No write can clear them. */
static int store_tainted(char *text)
{
	s64 v;

	if (next_number(&text, &v) || v < 0 || v > 0x3ffff)
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	tainted |= (int)v;
	return 0;
}

static int show_cad_pid(char *buf, size_t size)
{
	return scnprintf(buf, size, "1\n");
}

static int show_rr_timeslice(char *buf, size_t size)
{
	return scnprintf(buf, size, "%d\n", READ_ONCE(sysctl_sched_rr_timeslice));
}

/*
 * Sets a bound (us) for SCHED_DEADLINE periods. A task whose period is out of bounds keeps that
 * period. Returns 0 or -EINVAL.
 */
static int store_period(char *text, u32 least, u32 most, u32 *to)
{
	s64 v;

	if (next_number(&text, &v) || v < least || v > most)
		return -EINVAL;
	WRITE_ONCE(*to, (u32)v);
	return 0;
}

static int show_dl_max(char *buf, size_t size)
{
	return scnprintf(buf, size, "%u\n", READ_ONCE(sysctl_dl_period_max_us));
}

static int store_dl_max(char *text)
{
	return store_period(text, READ_ONCE(sysctl_dl_period_min_us), DL_PERIOD_MAX_US,
		&sysctl_dl_period_max_us);
}

static int show_dl_min(char *buf, size_t size)
{
	return scnprintf(buf, size, "%u\n", READ_ONCE(sysctl_dl_period_min_us));
}

static int store_dl_min(char *text)
{
	return store_period(text, DL_PERIOD_MIN_US, READ_ONCE(sysctl_dl_period_max_us),
		&sysctl_dl_period_min_us);
}

/* Sets the time slice (ms). Zero or less sets the default. */
static int store_rr_timeslice(char *text)
{
	s64 v;

	if (next_number(&text, &v) || v > 100000)
		return -EINVAL;
	WRITE_ONCE(sysctl_sched_rr_timeslice, v > 0 ? (int)v : SCHED_RR_TIMESLICE_MS);
	return 0;
}

/* ---- vm ---- */

static int page_cluster = 3, stat_interval = 1, laptop_mode, watermark_scale = 10;
static int mmap_min_addr = MMAP_MIN_ADDR, legacy_va_layout;

static void clear_dirty_bytes(void)
{
	WRITE_ONCE(sysctl_dirty_bytes, 0);
}

static void clear_dirty_ratio(void)
{
	if (sysctl_dirty_bytes)
		WRITE_ONCE(sysctl_dirty_ratio, 0);
}

static void clear_background_bytes(void)
{
	WRITE_ONCE(sysctl_dirty_background_bytes, 0);
}

static void clear_background_ratio(void)
{
	if (sysctl_dirty_background_bytes)
		WRITE_ONCE(sysctl_dirty_background_ratio, 0);
}

static void clear_overcommit_kbytes(void)
{
	WRITE_ONCE(sysctl_overcommit_kbytes, 0);
}

static void clear_overcommit_ratio(void)
{
	WRITE_ONCE(sysctl_overcommit_ratio, 0);
}

/* ---- fs ---- */

static int show_dentry_state(char *buf, size_t size)
{
	u64 nr, unused;

	dcache_stats(&nr, &unused);
	return scnprintf(buf, size, "%lu\t%lu\t45\t0\t0\t0\n", nr, unused);
}

static int show_inode_nr(char *buf, size_t size)
{
	u64 nr, unused;

	inode_stats(&nr, &unused);
	return scnprintf(buf, size, "%lu\t%lu\n", nr, unused);
}

static int show_inode_state(char *buf, size_t size)
{
	u64 nr, unused;

	inode_stats(&nr, &unused);
	return scnprintf(buf, size, "%lu\t%lu\t0\t0\t0\t0\t0\n", nr, unused);
}

#define NUM SYSCTL_NUM
#define BIG SYSCTL_BIG
#define INT_MAX_ 0x7fffffff
#define HOOKED(p, k, v, lo, hi, fn)                                                                \
	{                                                                                          \
		.path = p, .kind = k, .mode = 0644, .data = &(v), .min = lo, .max = hi,            \
		.changed = fn                                                                      \
	}
#define TEXT(p, v)                                                                                 \
	{                                                                                          \
		.path = p, .kind = SYSCTL_STRING, .mode = 0644, .data = v, .max = sizeof(v)        \
	}
#define SHOW(p, sh)                                                                                \
	{                                                                                          \
		.path = p, .kind = SYSCTL_SHOW, .mode = 0444, .show = sh                           \
	}
#define BOTH(p, sh, st)                                                                            \
	{                                                                                          \
		.path = p, .kind = SYSCTL_SHOW, .mode = 0644, .show = sh, .store = st              \
	}

static const struct sysctl tables[] = {
	NUM("kernel/core_uses_pid", sysctl_core_uses_pid, 0, 1),
	NUM("kernel/ctrl-alt-del", cad_restarts, 0, 1),
	SHOW("kernel/cad_pid", show_cad_pid),
	NUM("kernel/dmesg_restrict", sysctl_dmesg_restrict, 0, 1),
	NUM("kernel/kptr_restrict", kptr_restrict, 0, 2),
	TEXT("kernel/modprobe", modprobe_path),
	NUM("kernel/modules_disabled", modules_disabled, 1, 1),
	NUM("kernel/panic", panic_timeout, -0x80000000L, INT_MAX_),
	NUM("kernel/panic_on_oops", panic_on_oops, 1, 1),
	NUM("kernel/panic_on_warn", panic_on_warn, 0, 1),
	TEXT("kernel/poweroff_cmd", poweroff_cmd),
	BOTH("kernel/printk", show_printk, store_printk),
	NUM("kernel/printk_delay", sysctl_printk_delay, 0, 10000),
	NUM("kernel/printk_ratelimit", sysctl_printk_ratelimit, 0, INT_MAX_),
	NUM("kernel/printk_ratelimit_burst", sysctl_printk_ratelimit_burst, 0, INT_MAX_),
	NUM("kernel/random/urandom_min_reseed_secs", urandom_reseed_secs, 0, INT_MAX_),
	NUM("kernel/random/write_wakeup_threshold", write_wakeup_threshold, 0, 256),
	NUM("kernel/numa_balancing", numa_balancing, 0, 3),
	BOTH("kernel/sched_deadline_period_max_us", show_dl_max, store_dl_max),
	BOTH("kernel/sched_deadline_period_min_us", show_dl_min, store_dl_min),
	BOTH("kernel/sched_rr_timeslice_ms", show_rr_timeslice, store_rr_timeslice),
	NUM("kernel/sysctl_writes_strict", sysctl_writes_strict, 1, 1),
	NUM("kernel/sysrq", sysrq_mask, 0, INT_MAX_),
	BOTH("kernel/tainted", show_tainted, store_tainted),
	NUM("kernel/threads-max", sysctl_threads_max, 20, 0x3fffffff),
	NUM("vm/admin_reserve_kbytes", sysctl_admin_reserve_kbytes, 0, INT_MAX_),
	HOOKED("vm/dirty_background_bytes", SYSCTL_U64, sysctl_dirty_background_bytes, 1, INT64_MAX,
		clear_background_ratio),
	HOOKED("vm/dirty_background_ratio", SYSCTL_INT, sysctl_dirty_background_ratio, 0, 100,
		clear_background_bytes),
	HOOKED("vm/dirty_bytes", SYSCTL_U64, sysctl_dirty_bytes, 2 * PAGE_SIZE, INT64_MAX,
		clear_dirty_ratio),
	HOOKED("vm/dirty_ratio", SYSCTL_INT, sysctl_dirty_ratio, 0, 100, clear_dirty_bytes),
	NUM("vm/dirty_expire_centisecs", sysctl_dirty_expire_centisecs, 0, INT_MAX_),
	NUM("vm/dirty_writeback_centisecs", sysctl_dirty_writeback_centisecs, 0, INT_MAX_),
	NUM("vm/laptop_mode", laptop_mode, 0, INT_MAX_),
	NUM("vm/legacy_va_layout", legacy_va_layout, 0, 0),
	HOOKED("vm/min_free_kbytes", SYSCTL_INT, sysctl_min_free_kbytes, 0, INT_MAX_,
		mm_min_free_changed),
	NUM("vm/mmap_min_addr", mmap_min_addr, MMAP_MIN_ADDR, MMAP_MIN_ADDR),
	NUM("vm/oom_dump_tasks", sysctl_oom_dump_tasks, 0, 1),
	NUM("vm/oom_kill_allocating_task", sysctl_oom_kill_allocating_task, 0, 1),
	HOOKED("vm/overcommit_kbytes", SYSCTL_U64, sysctl_overcommit_kbytes, 0, INT64_MAX,
		clear_overcommit_ratio),
	HOOKED("vm/overcommit_ratio", SYSCTL_INT, sysctl_overcommit_ratio, 0, INT_MAX_,
		clear_overcommit_kbytes),
	NUM("vm/page-cluster", page_cluster, 0, 31),
	NUM("vm/panic_on_oom", sysctl_panic_on_oom, 0, 2),
	NUM("vm/unprivileged_userfaultfd", sysctl_unprivileged_userfaultfd, 0, 1),
	NUM("vm/stat_interval", stat_interval, 0, INT_MAX_),
	NUM("vm/swappiness", sysctl_swappiness, 0, 200),
	NUM("vm/user_reserve_kbytes", sysctl_user_reserve_kbytes, 0, INT_MAX_),
	NUM("vm/vfs_cache_pressure", sysctl_vfs_cache_pressure, 0, INT_MAX_),
	NUM("vm/watermark_scale_factor", watermark_scale, 1, 3000),
	NUM("vm/zone_reclaim_mode", zone_reclaim_mode, 0, INT_MAX_),
	SHOW("fs/dentry-state", show_dentry_state),
	BIG("fs/file-max", sysctl_file_max, 0, INT64_MAX),
	SHOW("fs/inode-nr", show_inode_nr),
	SHOW("fs/inode-state", show_inode_state),
	NUM("fs/suid_dumpable", suid_dumpable, 0, 2),
};

static int tables_init(void)
{
	return sysctl_register(tables, ARRAY_SIZE(tables));
}
INITCALL(3, tables_init);
