/* SPDX-License-Identifier: MIT */
/*
 * uts.c: the names of the system (uname, sethostname, setdomainname), and sysinfo, getrandom and
 * kcmp.
 * Locks: uts_lock protects the names.
 */
#include <linux/kcmp.h>
#include <linux/personality.h>
#include <linux/random.h>
#include <linux/sysinfo.h>

#include "gen/syscalls.h"
#include "kernel/lib/release.h"
#include "kernel/task/internal.h"
#include "kernel/task/ns/nsproxy.h"
#include "kernel/vfs/vfs.h"

#define UTS_MAX 64

static DEFINE_SPINLOCK(uts_lock);
struct uts_change uts_changes[NR_UTS_FIELDS] = {
	[UTS_HOSTNAME] = { .wait = WAIT_QUEUE_HEAD_INIT(uts_changes[UTS_HOSTNAME].wait) },
	[UTS_DOMAINNAME] = { .wait = WAIT_QUEUE_HEAD_INIT(uts_changes[UTS_DOMAINNAME].wait) },
};
static const struct ns_ops uts_ops;
struct uts_namespace init_uts = {
	.ns = { .count = ATOMIC_INIT(2), .inum = 4026531838U },
	.name = {
		.sysname = "Linux",
		.nodename = "(none)",
		.release = KERNEL_RELEASE,
		.version = "#1 SMP Nestling",
		.machine = "x86_64",
		.domainname = "(none)",
	},
};

static struct uts_namespace *current_uts(void)
{
	struct nsproxy *p = current->nsproxy;

	return p ? container_of(p->ns[NS_UTS], struct uts_namespace, ns) : &init_uts;
}

static struct ns_common *uts_copy(
	struct ns_common *old, struct user_namespace *owner, struct fs_struct *fs)
{
	struct uts_namespace *from = container_of(old, struct uts_namespace, ns), *u;
	int err;

	u = kzalloc(sizeof(*u), GFP_KERNEL);
	if (!u)
		return ERR_PTR(-ENOMEM);
	err = ns_init(&u->ns, &uts_ops, owner);
	if (err) {
		kfree(u);
		return ERR_PTR(err);
	}
	spin_lock(&uts_lock);
	u->name = from->name;
	spin_unlock(&uts_lock);
	return &u->ns;
}

static void uts_free(struct ns_common *ns)
{
	ns_fini(ns);
	kfree(container_of(ns, struct uts_namespace, ns));
}

static const struct ns_ops uts_ops = {
	.name = "uts",
	.flag = CLONE_NEWUTS,
	.count = UCOUNT_UTS,
	.copy = uts_copy,
	.free = uts_free,
	.install = ns_install_default,
};

static int uts_init(void)
{
	ns_register(NS_UTS, &uts_ops, &init_uts.ns);
	return 0;
}
INITCALL(1, uts_init);

static char *uts_field(struct uts_namespace *u, enum uts_field which)
{
	return which == UTS_HOSTNAME ? u->name.nodename : u->name.domainname;
}

void uts_get(enum uts_field which, char name[UTS_MAX + 1])
{
	spin_lock(&uts_lock);
	memcpy(name, uts_field(current_uts(), which), UTS_MAX + 1);
	spin_unlock(&uts_lock);
}

void uts_set(enum uts_field which, const char name[UTS_MAX + 1])
{
	spin_lock(&uts_lock);
	memcpy(uts_field(current_uts(), which), name, UTS_MAX + 1);
	WRITE_ONCE(uts_changes[which].count, uts_changes[which].count + 1);
	spin_unlock(&uts_lock);
	wake_up_all(&uts_changes[which].wait);
}

/*
 * Makes the release for personality UNAME26, for programs that cannot parse 3.0 and later: 6.12.0-x
 * becomes 2.6.(60 + 12).0-x, as on Linux.
 */
static void old_release(char *release, size_t size)
{
	const char *rest = release;
	char text[UTS_MAX + 1];
	u32 patch = 0;

	while (*rest && *rest != '.')
		rest++;
	for (rest += *rest == '.'; *rest >= '0' && *rest <= '9'; rest++)
		patch = patch * 10 + (u32)(*rest - '0');
	while (*rest == '.' || (*rest >= '0' && *rest <= '9'))
		rest++;
	snprintf(text, sizeof(text), "2.6.%u%s", patch + 60, rest);
	/* strscpy() also clears the bytes after the NUL, which are copied to the guest. */
	strscpy(release, text, size);
}

long sys_uname(uaddr_t to)
{
	struct new_utsname_k copy;

	spin_lock(&uts_lock);
	copy = current_uts()->name;
	spin_unlock(&uts_lock);
	if (current->personality & UNAME26)
		old_release(copy.release, sizeof(copy.release));
	if ((current->personality & PER_MASK) == PER_LINUX32)
		memcpy(copy.machine, "i686", sizeof("i686"));
	return copy_to_user(to, &copy, sizeof(copy)) ? -EFAULT : 0;
}

/*
 * Sets a name of current's namespace. @from: user address of @len bytes, not terminated. Returns 0,
 * -EPERM, -EINVAL or -EFAULT.
 */
static long set_uts_name(enum uts_field which, uaddr_t from, int len)
{
	char name[UTS_MAX + 1] = { 0 };

	if (!ns_capable(current_uts()->ns.owner, CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > UTS_MAX)
		return -EINVAL;
	if (copy_from_user(name, from, (size_t)len))
		return -EFAULT;
	uts_set(which, name);
	return 0;
}

long sys_sethostname(uaddr_t name, int len)
{
	return set_uts_name(UTS_HOSTNAME, name, len);
}

long sys_setdomainname(uaddr_t name, int len)
{
	return set_uts_name(UTS_DOMAINNAME, name, len);
}

long sys_sysinfo(uaddr_t to)
{
	u64 since = time_ns_read(CLOCK_BOOTTIME, ktime_get_boottime());
	struct meminfo mi;
	struct sysinfo si;
	u64 avg[3];

	memset(&si, 0, sizeof(si));
	si_meminfo(&mi);
	sched_loadavg(avg);
	si.uptime = (s64)(since / 1000000000UL + !!(since % 1000000000UL)); /* rounded up */
	for (int i = 0; i < 3; i++)
		si.loads[i] = avg[i] << (SI_LOAD_SHIFT - 11);
	si.totalram = mi.total * PAGE_SIZE;
	si.freeram = mi.free * PAGE_SIZE;
	si.sharedram = mi.shmem * PAGE_SIZE;
	si.bufferram = mi.buffers * PAGE_SIZE;
	si.totalswap = mi.swap_total * PAGE_SIZE;
	si.freeswap = mi.swap_free * PAGE_SIZE;
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

/*
 * Compares two kernel pointers, in a secret order that does not change. Returns 0 if they are
 * equal, 1 if @a comes before @b, else 2.
 */
static long order(const void *a, const void *b)
{
	static u64 secret; /* hides the order of addresses */
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

/*
 * Compares a file of @t1 with a file that an epoll file of @t2 watches. Returns as kcmp(2), or
 * -errno.
 */
static long compare_watched(struct task *t1, struct task *t2, u64 fd1, uaddr_t uslot)
{
	struct kcmp_epoll_slot slot;
	struct file *f, *ep, *target;
	long ret = -EBADF;

	if (copy_from_user(&slot, uslot, sizeof(slot)))
		return -EFAULT;
	f = fget_task(t1, (int)fd1);
	ep = fget_task(t2, (int)slot.efd);
	if (f && ep) {
		target = file_watch_ops->target(ep, (int)slot.tfd, slot.toff);
		ret = IS_ERR(target) ? PTR_ERR(target) : order(f, target);
		if (!IS_ERR(target))
			fput(target);
	}
	if (f)
		fput(f);
	if (ep)
		fput(ep);
	return ret;
}

/* Compares the objects of the kind @type (KCMP_*) of two tasks. Returns as kcmp(2), or -errno. */
static long compare(struct task *t1, struct task *t2, int type, u64 i1, u64 i2)
{
	switch (type) {
	case KCMP_FILE: return compare_files(t1, t2, i1, i2);
	case KCMP_VM: return order(t1->mm, t2->mm);
	case KCMP_FILES: return order(t1->files, t2->files);
	case KCMP_FS: return order(t1->fs, t2->fs);
	case KCMP_SIGHAND: return order(t1->sighand, t2->sighand);
	case KCMP_SYSVSEM: return order(t1->sysvsem, t2->sysvsem);
	/* No task has an I/O context. Linux treats two missing contexts as equal. */
	case KCMP_IO: return 0;
	case KCMP_EPOLL_TFD: return compare_watched(t1, t2, i1, UADDR(i2));
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
