/* SPDX-License-Identifier: MIT */
/*
 * acct.c: process accounting: acct(2) names a file, and each process that ends appends a struct
 * acct_v3 to it.
 *
 *	acct_collect(task, code)    by the last thread, while it has its memory
 *	acct_process(task)          by the last thread, without its memory: writes the record
 *
 * A file system that is nearly full suspends accounting until there is room again, which is checked
 * at intervals (kernel.acct). Records are appended by O_APPEND, so writing needs no lock. Source:
 * acct(5); the encodings from linux/acct.h.
 *
 * Locks: acct_lock protects the file and the state of suspension; no record is written under it.
 *
 * Not implemented: one file per pid namespace, ac_tty.
 */
#include <linux/acct.h>
#include <linux/fcntl.h>

#include "gen/syscalls.h"
#include "kernel/lib/string.h"
#include "kernel/lib/sysctl.h"
#include "kernel/mm/mm.h"
#include "kernel/task/internal.h"
#include "kernel/vfs/super.h"

#define TICK_NS (1000000000UL / AHZ)

static DEFINE_SPINLOCK(acct_lock);
static struct file *acct_file; /* holds a reference; NULL: off */
/*
 * acct_active: accounting is not suspended. acct_checked: ktime in ns of the last check for free
 * space. Both are under acct_lock.
 */
static bool acct_active;
static u64 acct_checked;
/*
 * The sysctl kernel.acct: percent of free space at which to resume, percent at which to suspend,
 * seconds between checks. Read without a lock.
 */
static int acct_limits[] = { 4, 2, 30 };

/* ---- encodings ---- */

/*
 * Encodes a number, rounded, as thirteen bits of fraction and three bits of an exponent to the base
 * 8. A number that is too large becomes 0xffff.
 */
static comp_t encode_comp(u64 v)
{
	u32 exp = 0;
	bool round = false;

	while (v > 0x1fff) {
		round = v & 4;
		v >>= 3;
		exp++;
	}
	if (round && ++v > 0x1fff) {
		v >>= 3;
		exp++;
	}
	return exp > 7 ? 0xffff : (comp_t)(exp << 13 | v);
}

/* Encodes a number, rounded down, as the bits of an IEEE float: the kernel does not use floats. */
static u32 encode_float(u64 v)
{
	u32 exp = 127 + 63;

	if (!v)
		return 0;
	while (!(v >> 63)) {
		v <<= 1;
		exp--;
	}
	return exp << 23 | (u32)(v >> 40 & 0x7fffff);
}

/* ---- the record ---- */

void acct_collect(struct task *t, int code)
{
	struct signal_struct *sig = t->signal;

	sig->acct_code = sig->group_exit ? sig->group_exit_code : code;
	sig->acct_pages = t->mm ? READ_ONCE(t->mm->total_vm) : 0;
}

/*
 * Fills the record of the process of @t, which is current and the last thread. Takes tasklist_lock.
 */
static void fill_record(struct acct_v3 *a, struct task *t)
{
	struct signal_struct *sig = t->signal;
	u64 utime, stime, elapsed = ktime_get() - t->group_leader->start_time;
	u32 etime = encode_float(elapsed / TICK_NS);

	memset(a, 0, sizeof(*a));
	thread_group_times(t, &utime, &stime);
	a->ac_flag =
		(char)((t->flags & PF_FORKNOEXEC ? AFORK : 0) |
			(t->flags & PF_SUPERPRIV ? ASU : 0) | (t->flags & PF_DUMPCORE ? ACORE : 0) |
			(t->flags & PF_SIGNALED ? AXSIG : 0));
	a->ac_version = 3 | ACCT_BYTEORDER;
	a->ac_exitcode = (u32)sig->acct_code;
	a->ac_uid = current_uid();
	a->ac_gid = current_cred()->gid;
	a->ac_pid = (u32)t->tgid;
	read_lock(&tasklist_lock);
	a->ac_ppid = t->real_parent ? (u32)t->real_parent->tgid : 0;
	read_unlock(&tasklist_lock);
	a->ac_btime = (u32)((ktime_get_real() - elapsed) / 1000000000UL);
	memcpy(&a->ac_etime, &etime, sizeof(etime));
	a->ac_utime = encode_comp(utime / TICK_NS);
	a->ac_stime = encode_comp(stime / TICK_NS);
	a->ac_mem = encode_comp(sig->acct_pages * (PAGE_SIZE / 1024));
	a->ac_minflt = encode_comp(sig->min_flt + t->min_flt);
	a->ac_majflt = encode_comp(sig->maj_flt + t->maj_flt);
	strscpy(a->ac_comm, t->comm, sizeof(a->ac_comm));
}

static u64 percent_of(u64 blocks, int percent)
{
	return blocks * (u64)max(percent, 0) / 100;
}

/*
 * True if the file system has room for records. The result is kept for the number of seconds in
 * kernel.acct, and longer if statfs fails. May sleep.
 */
static bool has_room(struct file *f)
{
	u64 now = ktime_get(), period = (u64)max(READ_ONCE(acct_limits[2]), 0) * 1000000000UL;
	struct kstatfs k;
	bool active;

	spin_lock(&acct_lock);
	active = acct_active;
	if (now - acct_checked < period) {
		spin_unlock(&acct_lock);
		return active;
	}
	acct_checked = now;
	spin_unlock(&acct_lock);
	if (vfs_statfs(&f->f_path, &k))
		return active;
	if (active)
		active = k.f_bavail > percent_of(k.f_blocks, READ_ONCE(acct_limits[1]));
	else
		active = k.f_bavail >= percent_of(k.f_blocks, READ_ONCE(acct_limits[0]));
	spin_lock(&acct_lock);
	acct_active = active;
	spin_unlock(&acct_lock);
	return active;
}

static struct file *get_acct_file(void)
{
	struct file *f;

	spin_lock(&acct_lock);
	f = acct_file;
	if (f)
		get_file(f);
	spin_unlock(&acct_lock);
	return f;
}

void acct_process(struct task *t)
{
	struct rlimit64_pair *limit = &t->signal->rlim[RLIMIT_FSIZE];
	struct acct_v3 a;
	struct file *f;
	loff_t pos = 0;
	u64 cur;

	if (!READ_ONCE(acct_file) || (t->flags & PF_KTHREAD))
		return;
	f = get_acct_file();
	if (!f)
		return;
	if (has_room(f)) {
		fill_record(&a, t);
		/* No other thread of the process is left, so the limit needs no lock. */
		cur = limit->cur;
		WRITE_ONCE(limit->cur, ~0UL);
		kernel_write(f, &a, sizeof(a), &pos);
		WRITE_ONCE(limit->cur, cur);
	}
	fput(f);
}

/* ---- the call ---- */

/* Returns the opened regular file, with a reference, or ERR_PTR. May sleep. */
static struct file *open_acct_file(uaddr_t path)
{
	char *name = getname(path);
	struct file *f;

	if (IS_ERR(name))
		return ERR_CAST(name);
	f = filp_open(name, O_WRONLY | O_APPEND | O_LARGEFILE, 0);
	putname(name);
	if (IS_ERR(f) || S_ISREG(f->f_inode->i_mode))
		return f;
	fput(f);
	return ERR_PTR(-EACCES);
}

long sys_acct(uaddr_t path)
{
	struct file *f = NULL, *old;

	if (!capable(CAP_SYS_PACCT))
		return -EPERM;
	if (path.v) {
		f = open_acct_file(path);
		if (IS_ERR(f))
			return PTR_ERR(f);
	}
	spin_lock(&acct_lock);
	old = acct_file;
	acct_file = f;
	acct_active = true;
	acct_checked = ktime_get();
	spin_unlock(&acct_lock);
	if (old)
		fput(old);
	return 0;
}

static int show_limits(char *buf, size_t size)
{
	return scnprintf(buf, size, "%d\t%d\t%d\n", acct_limits[0], acct_limits[1], acct_limits[2]);
}

/*
 * Sets the first one, two or three limits. Returns 0, or -EINVAL: no number, or an invalid one. The
 * numbers before an invalid one are set.
 */
static int store_limits(char *text)
{
	char *word;
	u32 i = 0;
	s64 v;

	while (i < ARRAY_SIZE(acct_limits) && (word = strsep(&text, " \t\n"))) {
		if (!*word)
			continue;
		if (kstrtos64(word, 0, &v) || v < INT32_MIN || v > INT32_MAX)
			return -EINVAL;
		WRITE_ONCE(acct_limits[i], (int)v);
		i++;
	}
	return i ? 0 : -EINVAL;
}

static const struct sysctl knobs[] = {
	{ .path = "kernel/acct",
		.kind = SYSCTL_SHOW,
		.mode = 0644,
		.show = show_limits,
		.store = store_limits },
};

static int acct_init(void)
{
	return sysctl_register(knobs, ARRAY_SIZE(knobs));
}
INITCALL(4, acct_init);
