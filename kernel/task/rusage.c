/* SPDX-License-Identifier: MIT */
/*
 * rusage.c: resources that threads, processes and their children have used, for getrusage and
 * /proc.
 *
 * Times are in nanoseconds: t->utime for a live thread, signal->utime for dead threads, cutime for
 * children that were waited for.
 * Locks: sighand->lock is held during a sum, so that a thread that ends is counted exactly once,
 * and a child whole.
 */
#include "gen/syscalls.h"
#include "kernel/task/internal.h"

void task_times(struct task *t, u64 *utime, u64 *stime)
{
	*utime = READ_ONCE(t->utime);
	*stime = READ_ONCE(t->stime);
}

void thread_group_times(struct task *t, u64 *utime, u64 *stime)
{
	struct sighand_struct *sh = lock_task_sighand(t);
	struct signal_struct *sig = t->signal;
	struct task *other;

	*utime = sig->utime;
	*stime = sig->stime;
	if (!sh)
		return;
	for_each_thread(sig, other) {
		*utime += READ_ONCE(other->utime);
		*stime += READ_ONCE(other->stime);
	}
	unlock_task_sighand(sh);
}

static void put_time(s64 tv[2], u64 ns)
{
	tv[0] = (s64)(ns / 1000000000UL);
	tv[1] = (s64)(ns % 1000000000UL / 1000);
}

static void add_thread(struct task *t, struct rusage64_k *ru, u64 *utime, u64 *stime)
{
	*utime += READ_ONCE(t->utime);
	*stime += READ_ONCE(t->stime);
	ru->ru_nvcsw += (s64)t->nvcsw;
	ru->ru_nivcsw += (s64)t->nivcsw;
	ru->ru_minflt += (s64)t->min_flt;
	ru->ru_majflt += (s64)t->maj_flt;
	ru->ru_inblock += (s64)(t->io_read_bytes >> 9);
	ru->ru_oublock += (s64)(t->io_write_bytes >> 9);
}

/* Adds what the process of @t has used. Takes sighand->lock. */
static void add_self(struct task *t, struct rusage64_k *ru, u64 *utime, u64 *stime)
{
	struct sighand_struct *sh = lock_task_sighand(t);
	struct signal_struct *sig = t->signal;
	struct task *other;

	*utime += sig->utime;
	*stime += sig->stime;
	ru->ru_nvcsw += (s64)sig->nvcsw;
	ru->ru_nivcsw += (s64)sig->nivcsw;
	ru->ru_minflt += (s64)sig->min_flt;
	ru->ru_majflt += (s64)sig->maj_flt;
	ru->ru_inblock += (s64)sig->inblock;
	ru->ru_oublock += (s64)sig->oublock;
	if (!sh)
		return;
	for_each_thread(sig, other)
		add_thread(other, ru, utime, stime);
	unlock_task_sighand(sh);
}

/*
 * Adds what the children that were waited for have used. Returns the largest RSS that one of them
 * had, in pages. Takes sighand->lock.
 */
static u64 add_children(struct task *t, struct rusage64_k *ru, u64 *utime, u64 *stime)
{
	struct sighand_struct *sh = lock_task_sighand(t);
	struct signal_struct *sig = t->signal;
	u64 maxrss = sig->cmaxrss;

	*utime += sig->cutime;
	*stime += sig->cstime;
	ru->ru_nvcsw += (s64)sig->cnvcsw;
	ru->ru_nivcsw += (s64)sig->cnivcsw;
	ru->ru_minflt += (s64)sig->cmin_flt;
	ru->ru_majflt += (s64)sig->cmaj_flt;
	ru->ru_inblock += (s64)sig->cinblock;
	ru->ru_oublock += (s64)sig->coublock;
	if (sh)
		unlock_task_sighand(sh);
	return maxrss;
}

/* Returns the largest RSS of @t's memory so far in pages, or 0 if @t has no memory. */
static u64 live_maxrss(struct task *t)
{
	struct mm *mm = get_task_mm(t);
	u64 rss;

	if (!mm)
		return 0;
	rss = max((u64)(mm->rss_anon.v + mm->rss_file.v + mm->rss_shmem.v), mm->hiwater_rss);
	mmput(mm);
	return rss;
}

void getrusage_of(struct task *t, int who, struct rusage64_k *ru)
{
	u64 utime = 0, stime = 0, maxrss = 0;

	memset(ru, 0, sizeof(*ru));
	if (who == RUSAGE_THREAD)
		add_thread(t, ru, &utime, &stime);
	if (who == RUSAGE_SELF || who == RUSAGE_BOTH_K)
		add_self(t, ru, &utime, &stime);
	if (who == RUSAGE_CHILDREN || who == RUSAGE_BOTH_K)
		maxrss = add_children(t, ru, &utime, &stime);
	if (who != RUSAGE_CHILDREN)
		maxrss = max(maxrss, max(t->signal->maxrss, live_maxrss(t)));
	put_time(ru->ru_utime, utime);
	put_time(ru->ru_stime, stime);
	ru->ru_maxrss = (s64)(maxrss * (PAGE_SIZE / 1024));
}

long sys_getrusage(int who, uaddr_t uru)
{
	struct rusage64_k ru;

	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
		return -EINVAL;
	getrusage_of(current, who, &ru);
	return copy_to_user(uru, &ru, sizeof(ru)) ? -EFAULT : 0;
}
