/* SPDX-License-Identifier: MIT */
/*
 * time_ns.c: time namespaces: with offsets for the monotonic and the boot clock, as if the machine
 * had been started at another time (time_namespaces(7)).
 *
 * unshare(CLONE_NEWTIME) makes a namespace for children. Its offsets are set through
 * /proc/PID/timens_offsets until the first process enters it (by fork or setns). The kernel itself
 * uses only the machine's times. time_ns_read() adds the offset when a program reads a clock.
 * time_ns_abs() subtracts it when a program gives a point in time. A process outside the initial
 * namespace has a vDSO page that makes a system call for each read of a clock.
 *
 * Locks: offset_lock for the offsets and @frozen while they may still change; later they are read
 * without it.
 */
#include <asm/errno.h>
#include <linux/sched.h>
#include <linux/time.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/ident/cred.h"
#include "kernel/task/ns/nsproxy.h"
#include "kernel/task/signal/signal.h"

struct time_namespace {
	struct ns_common ns;
	s64 mono, boot; /* offsets in ns; under offset_lock */
	/* True after a process has entered it: the offsets are final. Under offset_lock. */
	bool frozen;
};

static DEFINE_MUTEX(offset_lock);
static const struct ns_ops time_ns_ops;
static struct time_namespace init_time_ns = {
	.ns = { .count = ATOMIC_INIT(3), .inum = 4026531834U }, .frozen = true
};

static struct ns_common *time_ns_copy(
	struct ns_common *old, struct user_namespace *owner, struct fs_struct *fs)
{
	struct time_namespace *from = container_of(old, struct time_namespace, ns);
	struct time_namespace *t = kzalloc(sizeof(*t), GFP_KERNEL);
	int err;

	if (!t)
		return ERR_PTR(-ENOMEM);
	err = ns_init(&t->ns, &time_ns_ops, owner);
	if (err) {
		kfree(t);
		return ERR_PTR(err);
	}
	t->mono = from->mono;
	t->boot = from->boot;
	return &t->ns;
}

static void time_ns_free(struct ns_common *ns)
{
	ns_fini(ns);
	kfree(container_of(ns, struct time_namespace, ns));
}

/*
 * Freezes the offsets of @ns. Unmaps the vDSO's clock page from @mm, so that the next access maps
 * the page of @ns.
 */
static void time_ns_enter(struct ns_common *ns, struct mm *mm)
{
	mutex_lock(&offset_lock);
	container_of(ns, struct time_namespace, ns)->frozen = true;
	mutex_unlock(&offset_lock);
	if (mm && mm->vdso_base)
		zap_special_mapping(mm, mm->vdso_base - PAGE_SIZE);
}

static int time_ns_install(struct nsset *set, struct ns_common *ns)
{
	int err;

	if (!list_is_singular(&current->signal->threads))
		return -EUSERS;
	err = ns_install_default(set, ns);
	if (!err)
		time_ns_enter(ns, current->mm);
	return err;
}

static const struct ns_ops time_ns_ops = {
	.name = "time",
	.flag = CLONE_NEWTIME,
	.count = UCOUNT_TIME,
	.copy = time_ns_copy,
	.free = time_ns_free,
	.install = time_ns_install,
	.enter = time_ns_enter,
};

/* ---- clocks ---- */

static const struct time_namespace *current_time_ns(void)
{
	const struct nsproxy *p = current->nsproxy;

	return p ? container_of(p->ns[NS_TIME], struct time_namespace, ns) : &init_time_ns;
}

bool time_ns_is_initial(void)
{
	return current_time_ns() == &init_time_ns;
}

/* Returns the offset in ns of the clock CLOCK_* in current's namespace. */
static s64 offset_of(int clock)
{
	const struct time_namespace *t = current_time_ns();

	if (likely(t == &init_time_ns))
		return 0;
	switch (clock) {
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE: return t->mono;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM: return t->boot;
	}
	return 0;
}

u64 time_ns_read(int clock, u64 now)
{
	return now + (u64)offset_of(clock);
}

u64 time_ns_abs(int clock, u64 abs)
{
	s64 off = offset_of(clock);

	if (!off || abs >= TIME_MAX)
		return abs;
	if (off > 0)
		return abs > (u64)off ? abs - (u64)off : min(abs, 1UL);
	return min(abs + (u64)-off, TIME_MAX);
}

/* ---- /proc/PID/timens_offsets ---- */

static struct time_namespace *child_ns(struct task *t)
{
	struct ns_common *ns = ns_of_task(t, NS_TIME_CHILD);

	return ns ? container_of(ns, struct time_namespace, ns) : NULL;
}

static int put_offset(char *buf, size_t size, const char *name, s64 off)
{
	s64 sec = off / (s64)NSEC_PER_SEC, ns = off % (s64)NSEC_PER_SEC;

	if (ns < 0) {
		ns += (s64)NSEC_PER_SEC;
		sec--;
	}
	return scnprintf(buf, size, "%-10s %10lld %9lld\n", name, (long long)sec, (long long)ns);
}

int time_ns_show(struct task *t, char *buf, size_t size)
{
	struct time_namespace *ns = child_ns(t);
	int n;

	if (!ns)
		return 0;
	n = put_offset(buf, size, "monotonic", ns->mono);
	n += put_offset(buf + n, size - (size_t)n, "boottime", ns->boot);
	ns_put(&ns->ns);
	return n;
}

static bool is_word(const char *w, const char *name, const char *number)
{
	return !strcmp(w, name) || !strcmp(w, number);
}

/*
 * Parses "monotonic SECONDS NANOSECONDS", where the clock's number may replace its name. Returns 0,
 * -EINVAL or -ERANGE.
 */
static int parse_line(char *line, s64 *mono, s64 *boot)
{
	char *w[3] = { NULL }, *word;
	u64 now = 0;
	s64 sec, ns, *to;
	int n = 0;

	while ((word = strsep(&line, " \t")))
		if (*word) {
			if (n == 3)
				return -EINVAL;
			w[n++] = word;
		}
	if (n != 3 || kstrtos64(w[1], 10, &sec) || kstrtos64(w[2], 10, &ns) || ns < 0 ||
		ns >= (s64)NSEC_PER_SEC)
		return -EINVAL;
	if (is_word(w[0], "monotonic", "1"))
		to = mono;
	else if (is_word(w[0], "boottime", "7"))
		to = boot;
	else
		return -EINVAL;
	now = to == mono ? ktime_get() : ktime_get_boottime();
	/*
	 * The clock must neither be negative, nor so large that it would overflow in a machine's
	 * lifetime.
	 */
	if (sec > (s64)(TIME_MAX / NSEC_PER_SEC / 2) || sec < -(s64)(TIME_MAX / NSEC_PER_SEC / 2))
		return -ERANGE;
	if (sec * (s64)NSEC_PER_SEC + ns + (s64)now < 0)
		return -ERANGE;
	*to = sec * (s64)NSEC_PER_SEC + ns;
	return 0;
}

int time_ns_store(struct task *t, const struct cred *opener, char *text)
{
	struct time_namespace *ns = child_ns(t);
	s64 mono, boot;
	char *line;
	int err = -EPERM;

	if (!ns)
		return -ESRCH;
	mono = ns->mono;
	boot = ns->boot;
	if (!cred_ns_capable(opener, ns->ns.owner, CAP_SYS_TIME))
		goto out;
	err = 0;
	while (!err && (line = strsep(&text, "\n")))
		if (*line)
			err = parse_line(line, &mono, &boot);
	if (err)
		goto out;
	mutex_lock(&offset_lock);
	if (ns->frozen) {
		err = -EACCES;
	} else {
		ns->mono = mono;
		ns->boot = boot;
	}
	mutex_unlock(&offset_lock);
out:
	ns_put(&ns->ns);
	return err;
}

static int time_ns_init(void)
{
	ns_register(NS_TIME, &time_ns_ops, &init_time_ns.ns);
	ns_register(NS_TIME_CHILD, &time_ns_ops, &init_time_ns.ns);
	return 0;
}
INITCALL(1, time_ns_init);
