/* SPDX-License-Identifier: MIT */
/*
 * taskstats.c: the resources that a thread or a process has used (reported by net/genl.c). Source:
 * accounting/taskstats-struct.rst of linux-doc.
 *
 * Not implemented, and 0: delays (as on a Linux whose kernel.task_delayacct is 0; the time of
 * waiting for a CPU is 0 too), memory by time (coremem, virtmem), cancelled writes. For a process
 * only times and switches are filled in, as on Linux.
 */
#include <linux/acct.h>

#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/task/internal.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/taskstats.h"
#include "kernel/vfs/super.h"

#define USEC 1000UL
#define SECOND 1000000000UL
#define KB_MASK (~1023UL) /* bytes are reported in whole KiB */

/*
 * Stores the peak sizes of the memory in KiB, and the program's file. Takes mmap_lock, and may
 * sleep.
 */
static void add_memory(struct taskstats *s, struct task *t)
{
	struct mm *mm = get_task_mm(t);
	u64 rss;

	if (!mm)
		return;
	rss = (u64)max(mm->rss_anon.v + mm->rss_file.v + mm->rss_shmem.v, 0L);
	s->hiwater_rss = max(READ_ONCE(mm->hiwater_rss), rss) * (PAGE_SIZE / 1024);
	s->hiwater_vm =
		max(READ_ONCE(mm->hiwater_vm), READ_ONCE(mm->total_vm)) * (PAGE_SIZE / 1024);
	down_read(&mm->mmap_lock);
	if (mm->exe_file) {
		s->ac_exe_dev = mm->exe_file->f_inode->i_sb->s_dev;
		s->ac_exe_inode = mm->exe_file->f_inode->i_ino;
	}
	up_read(&mm->mmap_lock);
	mmput(mm);
}

/* Stores user, pids, nice value, policy and name. Takes tasklist_lock. */
static void add_identity(struct taskstats *s, struct task *t)
{
	const struct cred *c = get_task_cred(t);

	s->ac_uid = from_kuid_munged(current_user_ns(), c->uid);
	s->ac_gid = from_kgid_munged(current_user_ns(), c->gid);
	put_cred(c);
	s->ac_pid = (u32)task_pid_vnr(t);
	s->ac_tgid = (u32)task_tgid_vnr(t);
	read_lock(&tasklist_lock);
	s->ac_ppid = t->real_parent ? (u32)task_tgid_vnr(t->real_parent) : 0;
	read_unlock(&tasklist_lock);
	s->ac_nice = (u8)t->nice;
	s->ac_sched = (u8)t->policy;
	strscpy(s->ac_comm, t->comm, sizeof(s->ac_comm));
}

/* Stores times in us, the start of the task in s, and cpu_run_* in ns. */
static void add_times(struct taskstats *s, struct task *t)
{
	u64 now = ktime_get(), utime, stime;
	u64 began = (ktime_get_real() - (now - t->start_time)) / SECOND;

	task_times(t, &utime, &stime);
	s->ac_utime = utime / USEC;
	s->ac_stime = stime / USEC;
	s->ac_etime = (now - t->start_time) / USEC;
	s->ac_tgetime = (now - t->group_leader->start_time) / USEC;
	s->ac_btime64 = began;
	s->ac_btime = (u32)min(began, (u64)UINT32_MAX);
	s->cpu_run_real_total = utime + stime;
	s->cpu_run_virtual_total = task_sched_runtime(t);
}

static void add_counts(struct taskstats *s, struct task *t)
{
	s->ac_flag =
		(u8)((thread_group_leader(t) && t->flags & PF_FORKNOEXEC ? AFORK : 0) |
			(t->flags & PF_SUPERPRIV ? ASU : 0) | (t->flags & PF_DUMPCORE ? ACORE : 0) |
			(t->flags & PF_SIGNALED ? AXSIG : 0));
	if (t->flags & PF_EXITING)
		s->ac_exitcode = (u32)t->exit_code;
	s->ac_minflt = READ_ONCE(t->min_flt);
	s->ac_majflt = READ_ONCE(t->maj_flt);
	s->nvcsw = READ_ONCE(t->nvcsw);
	s->nivcsw = READ_ONCE(t->nivcsw);
	s->read_char = READ_ONCE(t->io_rchar) & KB_MASK;
	s->write_char = READ_ONCE(t->io_wchar) & KB_MASK;
	s->read_syscalls = READ_ONCE(t->io_syscr);
	s->write_syscalls = READ_ONCE(t->io_syscw);
	s->read_bytes = READ_ONCE(t->io_read_bytes) & KB_MASK;
	s->write_bytes = READ_ONCE(t->io_write_bytes) & KB_MASK;
}

int taskstats_of_thread(pid_t nr, struct taskstats *s)
{
	struct task *t = find_get_task(nr);

	if (!t)
		return -ESRCH;
	memset(s, 0, sizeof(*s));
	s->version = TASKSTATS_VERSION;
	add_identity(s, t);
	add_times(s, t);
	add_counts(s, t);
	add_memory(s, t);
	put_task(t);
	return 0;
}

int taskstats_of_process(pid_t nr, struct taskstats *s)
{
	struct task *t = find_get_task(nr), *o;
	u64 utime, stime, now = ktime_get();

	if (!t)
		return -ESRCH;
	memset(s, 0, sizeof(*s));
	s->version = TASKSTATS_VERSION;
	thread_group_times(t, &utime, &stime);
	s->ac_utime = utime / USEC;
	s->ac_stime = stime / USEC;
	s->cpu_run_real_total = utime + stime;
	read_lock(&tasklist_lock);
	s->nvcsw = t->signal->nvcsw;
	s->nivcsw = t->signal->nivcsw;
	list_for_each_entry(o, &t->signal->threads, thread_node) {
		s->nvcsw += READ_ONCE(o->nvcsw);
		s->nivcsw += READ_ONCE(o->nivcsw);
		s->ac_etime += (now - o->start_time) / USEC;
		s->cpu_run_virtual_total += task_sched_runtime(o);
	}
	read_unlock(&tasklist_lock);
	put_task(t);
	return 0;
}
