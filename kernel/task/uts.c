/* SPDX-License-Identifier: MIT */
/*
 * uts.c: the names of the system (uname, sethostname, setdomainname), and what it has and does (sysinfo, getrandom, kcmp).
 * Locks: uts_lock for the names.
 */
#include <linux/kcmp.h>
#include <linux/random.h>
#include <linux/sysinfo.h>

#include "gen/syscalls.h"
#include "kernel/task/internal.h"
#include "kernel/vfs/vfs.h"

#define UTS_MAX 64

static DEFINE_SPINLOCK(uts_lock);
struct uts_namespace init_uts = {
	.sysname = "Linux",
	.nodename = "(none)",
	.release = "6.1.0-nestling",
	.version = "#1 SMP Nestling",
	.machine = "x86_64",
	.domainname = "(none)",
};

long sys_uname(uaddr_t to)
{
	struct uts_namespace copy;

	spin_lock(&uts_lock);
	copy = init_uts;
	spin_unlock(&uts_lock);
	return copy_to_user(to, &copy, sizeof(copy)) ? -EFAULT : 0;
}

static long set_uts_name(char field[UTS_MAX + 1], uaddr_t from, int len)
{
	char name[UTS_MAX + 1] = { 0 };

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > UTS_MAX)
		return -EINVAL;
	if (copy_from_user(name, from, (size_t)len))
		return -EFAULT;
	spin_lock(&uts_lock);
	memcpy(field, name, sizeof(name));
	spin_unlock(&uts_lock);
	return 0;
}

long sys_sethostname(uaddr_t name, int len)
{
	return set_uts_name(init_uts.nodename, name, len);
}

long sys_setdomainname(uaddr_t name, int len)
{
	return set_uts_name(init_uts.domainname, name, len);
}

long sys_sysinfo(uaddr_t to)
{
	struct meminfo mi;
	struct sysinfo si;
	u64 avg[3];

	memset(&si, 0, sizeof(si));
	si_meminfo(&mi);
	sched_loadavg(avg);
	si.uptime = (s64)(ktime_get_boottime() / 1000000000UL);
	for (int i = 0; i < 3; i++)
		si.loads[i] = avg[i] << (SI_LOAD_SHIFT - 11);
	si.totalram = mi.total * PAGE_SIZE;
	si.freeram = mi.free * PAGE_SIZE;
	si.sharedram = mi.shmem * PAGE_SIZE;
	si.bufferram = mi.buffers * PAGE_SIZE;
	si.procs = (u16)nr_threads_total();
	si.mem_unit = 1;
	return copy_to_user(to, &si, sizeof(si)) ? -EFAULT : 0;
}

long sys_getrandom(uaddr_t buf, size_t count, int flags)
{
	u8 chunk[256];
	size_t done = 0;

	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) ||
		(flags & (GRND_INSECURE | GRND_RANDOM)) == (GRND_INSECURE | GRND_RANDOM))
		return -EINVAL;
	count = min(count, (size_t)INT32_MAX);
	while (done < count) {
		size_t n = min(count - done, sizeof(chunk));
		size_t left;

		arch_random(chunk, n);
		left = copy_to_user(uaddr_add(buf, done), chunk, n);
		done += n - left;
		if (left)
			return done ? (long)done : -EFAULT;
		if (done < count && signal_pending(current))
			break;
		cond_resched();
	}
	return (long)done;
}

/* ---- kcmp ---- */

static long order(const void *a, const void *b)
{
	static u64 secret; /* so that addresses are not told */
	u64 x, y;

	if (a == b)
		return 0;
	if (!READ_ONCE(secret)) {
		u64 fresh;

		arch_random(&fresh, sizeof(fresh));
		cmpxchg(&secret, 0UL, fresh | 1);
	}
	x = ((u64)a ^ secret) * (secret | 1);
	y = ((u64)b ^ secret) * (secret | 1);
	return x < y ? 1 : 2;
}

static long compare_files(struct task *t1, struct task *t2, u64 fd1, u64 fd2)
{
	struct file *f1 = fget_task(t1, (int)fd1), *f2 = fget_task(t2, (int)fd2);
	long ret = f1 && f2 ? order(f1, f2) : -EBADF;

	if (f1)
		fput(f1);
	if (f2)
		fput(f2);
	return ret;
}

static long compare(struct task *t1, struct task *t2, int type, u64 i1, u64 i2)
{
	switch (type) {
	case KCMP_FILE: return compare_files(t1, t2, i1, i2);
	case KCMP_VM: return order(t1->mm, t2->mm);
	case KCMP_FILES: return order(t1->files, t2->files);
	case KCMP_FS: return order(t1->fs, t2->fs);
	case KCMP_SIGHAND: return order(t1->sighand, t2->sighand);
	case KCMP_SYSVSEM: return order(t1->sysvsem, t2->sysvsem);
	case KCMP_IO: return -EOPNOTSUPP;
	}
	return -EINVAL;
}

long sys_kcmp(pid_t pid1, pid_t pid2, int type, u64 i1, u64 i2)
{
	struct task *t1 = find_get_task(pid1), *t2 = find_get_task(pid2);
	long ret = -ESRCH;

	if (t1 && t2) {
		ret = -EPERM;
		if (ptrace_may_access(t1, false) && ptrace_may_access(t2, false))
			ret = compare(t1, t2, type, i1, i2);
	}
	if (t1)
		put_task(t1);
	if (t2)
		put_task(t2);
	return ret;
}
