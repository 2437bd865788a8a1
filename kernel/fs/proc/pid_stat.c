/* SPDX-License-Identifier: MIT */
/*
 * pid_stat.c: /proc/PID/stat, statm, status, limits, io: what ps, top and libc read. Formats:
 * proc(5).
 *
 * Values of a running task are read without locks, so they may be from different moments. stat of a
 * process shows the sums of its threads.
 */
#include <asm/errno.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/time.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/ns/nsproxy.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/process.h"
#include "kernel/task/seccomp/seccomp.h"

#define TICK_NS 10000000UL /* USER_HZ is 100 */

/* Values that both stat and status show. */
struct gathered {
	pid_t ppid, pgrp, session, tracer;
	int tty_nr, tpgid, threads;
	u32 filters;
	u64 pending, shared_pending, blocked, ignored, caught, queued;
};

/* Returns a terminal's device number in the form in which stat shows it. */
static int tty_number(dev_t dev)
{
	u32 ma = MAJOR(dev), mi = MINOR(dev);

	return (int)((mi & 0xff) | (ma << 8) | ((mi & ~0xffU) << 12));
}

/* Fills *g. Takes tasklist_lock, then sighand->lock. Without a sighand the signals stay 0. */
static void gather(struct task *t, struct gathered *g, const struct pid_namespace *ns)
{
	struct sighand_struct *sh;
	struct pid *foreground;
	dev_t tty;
	int i;

	memset(g, 0, sizeof(*g));
	read_lock(&tasklist_lock);
	g->ppid = t->real_parent ? task_tgid_nr_ns(t->real_parent, ns) : 0;
	g->tracer = t->ptrace && t->parent ? task_pid_nr_ns(t->parent, ns) : 0;
	g->pgrp = pid_nr_ns(task_pgrp(t), ns);
	g->session = pid_nr_ns(task_session(t), ns);
	g->threads = t->signal->nr_threads;
	g->tpgid = -1;
	if (t->signal->tty) {
		task_tty_ops->describe(t->signal->tty, &tty, &foreground);
		g->tty_nr = tty_number(tty);
		g->tpgid = pid_nr_ns(foreground, ns);
	}
	read_unlock(&tasklist_lock);
	sh = lock_task_sighand(t);
	if (!sh)
		return;
	g->pending = t->pending->signal;
	g->shared_pending = t->signal->shared_pending.signal;
	g->blocked = t->blocked;
	g->filters = seccomp_filters(t);
	for (i = 1; i <= NSIG_MAX; i++) {
		u64 h = sh->action[i - 1].handler;

		if (h == 1)
			g->ignored |= sigmask_of(i);
		else if (h)
			g->caught |= sigmask_of(i);
	}
	unlock_task_sighand(sh);
}

static s64 rss_pages(struct mm *mm)
{
	return atomic_read(&mm->rss_anon) + atomic_read(&mm->rss_file) +
	       atomic_read(&mm->rss_shmem);
}

/* ---- stat ---- */

/* CPU times in ns, and numbers of faults. */
struct group_sums {
	u64 utime, stime, min_flt, maj_flt;
};

/* Fills *sum for the process of @t (@whole), or for @t alone. */
static void sum_times(struct task *t, bool whole, struct group_sums *sum)
{
	struct task *other;

	if (!whole) {
		task_times(t, &sum->utime, &sum->stime);
		sum->min_flt = t->min_flt;
		sum->maj_flt = t->maj_flt;
		return;
	}
	thread_group_times(t, &sum->utime, &sum->stime);
	read_lock(&tasklist_lock);
	sum->min_flt = t->signal->min_flt;
	sum->maj_flt = t->signal->maj_flt;
	list_for_each_entry(other, &t->signal->threads, thread_node) {
		sum->min_flt += other->min_flt;
		sum->maj_flt += other->maj_flt;
	}
	read_unlock(&tasklist_lock);
}

/* Returns the priority as stat shows it: 0 to 39, or below 0 for real-time tasks. */
static int priority_of(const struct task *t)
{
	int rt = sched_rt_prio(t);

	return rt ? -1 - rt : 20 + t->nice;
}

static int show_stat(struct seq *s, struct task *t, bool whole)
{
	const struct pid_namespace *ns = seq_pid_ns(s);
	struct mm *mm = get_task_mm(t);
	struct group_sums sum;
	struct gathered g;
	bool may = ptrace_may_access(t, false);
	const struct regs *r = task_regs(t);

	gather(t, &g, ns);
	sum_times(t, whole, &sum);
	seq_printf(s, "%d (%s) %c %d %d %d %d %d %u ", task_pid_nr_ns(t, ns), t->comm,
		task_state_char(t), g.ppid, g.pgrp, g.session, g.tty_nr, g.tpgid,
		t->flags & PF_SHOWN);
	seq_printf(s, "%lu %lu %lu %lu ", sum.min_flt, t->signal->cmin_flt, sum.maj_flt,
		t->signal->cmaj_flt);
	seq_printf(s, "%lu %lu %lu %lu ", sum.utime / TICK_NS, sum.stime / TICK_NS,
		t->signal->cutime / TICK_NS, t->signal->cstime / TICK_NS);
	seq_printf(s, "%d %d %d 0 %lu ", priority_of(t), t->nice, g.threads,
		time_ns_read(CLOCK_BOOTTIME, t->start_boottime) / TICK_NS);
	seq_printf(s, "%lu %ld %lu ", mm ? mm->total_vm << PAGE_SHIFT : 0, mm ? rss_pages(mm) : 0,
		t->signal->rlim[RLIMIT_RSS].cur);
	seq_printf(s, "%lu %lu %lu %lu %lu ",
		mm && may ? mm->start_code :
		mm        ? 1 :
			    0,
		mm && may ? mm->end_code :
		mm        ? 1 :
			    0,
		mm && may ? mm->start_stack : 0, may && t->state != TASK_RUNNING && mm ? r->rsp : 0,
		may && t->state != TASK_RUNNING && mm ? r->rip : 0);
	seq_printf(s, "%lu %lu %lu %lu %d 0 0 ", g.pending & 0x7fffffff, g.blocked & 0x7fffffff,
		g.ignored & 0x7fffffff, g.caught & 0x7fffffff,
		t->wchan && t->state != TASK_RUNNING);
	seq_printf(s, "%d %d %d %d 0 0 0 ", t->exit_signal, t->cpu, t->rt_priority, t->policy);
	if (mm && may)
		seq_printf(s, "%lu %lu %lu %lu %lu %lu %lu ", mm->start_data, mm->end_data,
			mm->start_brk, mm->arg_start, mm->arg_end, mm->env_start, mm->env_end);
	else
		seq_puts(s, "0 0 0 0 0 0 0 ");
	seq_printf(s, "%d\n", may ? t->exit_code : 0);
	if (mm)
		mmput(mm);
	return 0;
}

int proc_pid_stat(struct seq *s, struct task *t)
{
	return show_stat(s, t, true);
}

int proc_tid_stat(struct seq *s, struct task *t)
{
	return show_stat(s, t, false);
}

int proc_pid_statm(struct seq *s, struct task *t)
{
	struct mm *mm = get_task_mm(t);

	if (!mm) {
		seq_puts(s, "0 0 0 0 0 0 0\n");
		return 0;
	}
	seq_printf(s, "%lu %ld %ld %lu 0 %lu 0\n", mm->total_vm, rss_pages(mm),
		(s64)(atomic_read(&mm->rss_file) + atomic_read(&mm->rss_shmem)),
		(PAGE_ALIGN(mm->end_code) - (mm->start_code & PAGE_MASK)) >> PAGE_SHIFT,
		mm->data_vm + mm->stack_vm);
	mmput(mm);
	return 0;
}

/* ---- status ---- */

static const char *state_name(char c)
{
	switch (c) {
	case 'R': return "R (running)";
	case 'S': return "S (sleeping)";
	case 'D': return "D (disk sleep)";
	case 'T': return "T (stopped)";
	case 't': return "t (tracing stop)";
	case 'Z': return "Z (zombie)";
	case 'I': return "I (idle)";
	}
	return "X (dead)";
}

/*
 * Returns the size of the task's descriptor table, or 0. alloc_lock is held meanwhile, since the
 * table may be freed when the task ends.
 */
static u32 fd_room(struct task *t)
{
	u32 n;

	spin_lock(&t->alloc_lock);
	n = t->files ? t->files->fdt.max_fds : 0;
	spin_unlock(&t->alloc_lock);
	return n;
}

/* Returns the task's umask, or -1 if it has ended. */
static int umask_of(struct task *t)
{
	int umask;

	spin_lock(&t->alloc_lock);
	umask = t->fs ? (int)t->fs->umask : -1;
	spin_unlock(&t->alloc_lock);
	return umask;
}

static void status_ids(struct seq *s, struct task *t)
{
	const struct user_namespace *ns = seq_user_ns(s);
	const struct cred *c = get_task_cred(t);
	u32 i;

	seq_printf(s, "Uid:\t%u\t%u\t%u\t%u\n", from_kuid_munged(ns, c->uid),
		from_kuid_munged(ns, c->euid), from_kuid_munged(ns, c->suid),
		from_kuid_munged(ns, c->fsuid));
	seq_printf(s, "Gid:\t%u\t%u\t%u\t%u\n", from_kgid_munged(ns, c->gid),
		from_kgid_munged(ns, c->egid), from_kgid_munged(ns, c->sgid),
		from_kgid_munged(ns, c->fsgid));
	seq_printf(s, "FDSize:\t%u\nGroups:\t", fd_room(t));
	for (i = 0; c->group_info && i < c->group_info->ngroups; i++)
		seq_printf(s, "%u ", from_kgid_munged(ns, c->group_info->gid[i]));
	seq_puts(s, "\n");
	put_cred(c);
}

static void status_memory(struct seq *s, struct mm *mm)
{
	u64 text = (PAGE_ALIGN(mm->end_code) - (mm->start_code & PAGE_MASK)) >> 10;
	u64 exec = mm->exec_vm << 2;
	s64 rss = rss_pages(mm);

	text = min(text, exec);
	seq_printf(s, "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\n",
		max(mm->hiwater_vm, mm->total_vm) << 2, mm->total_vm << 2);
	seq_printf(s, "VmLck:\t%8lu kB\nVmPin:\t       0 kB\n", mm->locked_vm << 2);
	seq_printf(s, "VmHWM:\t%8lu kB\nVmRSS:\t%8ld kB\n", max(mm->hiwater_rss, (u64)rss) << 2,
		rss << 2);
	seq_printf(s, "RssAnon:\t%8ld kB\nRssFile:\t%8ld kB\nRssShmem:\t%8ld kB\n",
		(s64)atomic_read(&mm->rss_anon) << 2, (s64)atomic_read(&mm->rss_file) << 2,
		(s64)atomic_read(&mm->rss_shmem) << 2);
	seq_printf(s, "VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\nVmLib:\t%8lu kB\n",
		mm->data_vm << 2, mm->stack_vm << 2, text, exec - text);
	seq_printf(s, "VmPTE:\t%8lu kB\nVmSwap:\t%8ld kB\nHugetlbPages:\t%8ld kB\n",
		mm->pmap.nr_tables << 2, (s64)atomic_read(&mm->swapents) << 2,
		(s64)atomic_read(&mm->hugetlb) << 2);
	seq_printf(s, "CoreDumping:\t0\nTHP_enabled:\t0\n");
}

static void status_signals(struct seq *s, struct task *t, const struct gathered *g)
{
	seq_printf(s, "Threads:\t%d\nSigQ:\t%ld/%lu\n", g->threads,
		t->cred->user ? (s64)atomic_read(&t->cred->user->sigpending) : 0,
		t->signal->rlim[RLIMIT_SIGPENDING].cur);
	seq_printf(s,
		"SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%"
		"016lx\n",
		g->pending, g->shared_pending, g->blocked, g->ignored, g->caught);
}

static void status_caps(struct seq *s, struct task *t, u32 filters)
{
	const struct cred *c = get_task_cred(t);

	seq_printf(s,
		"CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\nCapAmb:\t%"
		"016lx\n",
		c->cap_inheritable, c->cap_permitted, c->cap_effective, c->cap_bset,
		c->cap_ambient);
	put_cred(c);
	seq_printf(s, "NoNewPrivs:\t%d\nSeccomp:\t%d\nSeccomp_filters:\t%u\n", t->no_new_privs,
		seccomp_mode(t), filters);
	seq_puts(s, "Speculation_Store_Bypass:\tvulnerable\n");
}

/* Prints a mask of CPUs as a list, such as "0-3". */
static void cpu_list(struct seq *s, u64 mask)
{
	int i = 0, first = 1;

	while (i < nr_cpus) {
		int from = i;

		if (!(mask >> i & 1)) {
			i++;
			continue;
		}
		while (i < nr_cpus && mask >> i & 1)
			i++;
		seq_printf(s, first ? "%d" : ",%d", from);
		if (i - 1 > from)
			seq_printf(s, "-%d", i - 1);
		first = 0;
	}
}

/*
 * Prints the task's pids in the reader's namespace and in each namespace below it, down to the
 * task's own.
 */
static void status_ns_numbers(struct seq *s, struct task *t, const struct pid_namespace *ns)
{
	static const struct {
		const char *name;
		enum pid_type type;
	} lines[] = { { "NStgid", PIDTYPE_TGID }, { "NSpid", PIDTYPE_PID },
		{ "NSpgid", PIDTYPE_PGID }, { "NSsid", PIDTYPE_SID } };

	/* four numbers in each of at most 33 namespaces */
	seq_reserve(s, 2048);
	read_lock(&tasklist_lock);
	for (u32 i = 0; i < ARRAY_SIZE(lines); i++) {
		const struct pid *p = lines[i].type == PIDTYPE_PID ? t->thread_pid :
								     t->signal->pids[lines[i].type];
		u32 own = t->thread_pid ? t->thread_pid->level : 0;

		seq_printf(s, "%s:\t%d", lines[i].name, pid_nr_ns(p, ns));
		for (u32 level = ns->level; level < own; level++)
			seq_printf(s, "\t%d", p && level < p->level ? p->upper[level].nr : 0);
		seq_puts(s, "\n");
	}
	read_unlock(&tasklist_lock);
}

/* Prints the name, with the escapes \n and \\, so that it cannot end the line. */
static void status_name(struct seq *s, const struct task *t)
{
	char name[sizeof(t->comm)];

	memcpy(name, t->comm, sizeof(name));
	name[sizeof(name) - 1] = 0;
	seq_puts(s, "Name:\t");
	for (const char *c = name; *c; c++) {
		if (*c == '\n')
			seq_puts(s, "\\n");
		else if (*c == '\\')
			seq_puts(s, "\\\\");
		else
			seq_write(s, c, 1);
	}
	seq_puts(s, "\n");
}

int proc_pid_status(struct seq *s, struct task *t)
{
	const struct pid_namespace *ns = seq_pid_ns(s);
	struct mm *mm = get_task_mm(t);
	struct gathered g;
	u64 cpus = t->cpus_allowed & (nr_cpus == 64 ? ~0UL : BIT(nr_cpus) - 1);
	int umask = umask_of(t);

	gather(t, &g, ns);
	status_name(s, t);
	if (mm || umask >= 0)
		seq_printf(s, "Umask:\t%04o\n", max(umask, 0));
	seq_printf(s, "State:\t%s\n", state_name(task_state_char(t)));
	seq_printf(s, "Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n",
		task_tgid_nr_ns(t, ns), task_pid_nr_ns(t, ns), g.ppid, g.tracer);
	status_ids(s, t);
	status_ns_numbers(s, t, ns);
	seq_printf(s, "Kthread:\t%d\n", t->flags & PF_KTHREAD ? 1 : 0);
	if (mm) {
		status_memory(s, mm);
		mmput(mm);
	}
	status_signals(s, t, &g);
	status_caps(s, t, g.filters);
	seq_printf(s, "Cpus_allowed:\t%lx\nCpus_allowed_list:\t", cpus);
	cpu_list(s, cpus);
	seq_puts(s, "\nMems_allowed:\t1\nMems_allowed_list:\t0\n");
	seq_printf(s, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n", t->nvcsw,
		t->nivcsw);
	return 0;
}

/* ---- limits, io ---- */

static const struct {
	const char *name, *unit;
} limit_names[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = { "Max cpu time", "seconds" },
	[RLIMIT_FSIZE] = { "Max file size", "bytes" },
	[RLIMIT_DATA] = { "Max data size", "bytes" },
	[RLIMIT_STACK] = { "Max stack size", "bytes" },
	[RLIMIT_CORE] = { "Max core file size", "bytes" },
	[RLIMIT_RSS] = { "Max resident set", "bytes" },
	[RLIMIT_NPROC] = { "Max processes", "processes" },
	[RLIMIT_NOFILE] = { "Max open files", "files" },
	[RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" },
	[RLIMIT_AS] = { "Max address space", "bytes" },
	[RLIMIT_LOCKS] = { "Max file locks", "locks" },
	[RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
	[RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" },
	[RLIMIT_NICE] = { "Max nice priority", "" },
	[RLIMIT_RTPRIO] = { "Max realtime priority", "" },
	[RLIMIT_RTTIME] = { "Max realtime timeout", "us" },
};

static void limit_value(struct seq *s, u64 v)
{
	if (v == ~0UL)
		seq_printf(s, "%-20s ", "unlimited");
	else
		seq_printf(s, "%-20lu ", v);
}

int proc_pid_limits(struct seq *s, struct task *t)
{
	u32 i;

	seq_printf(s, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (i = 0; i < RLIM_NLIMITS; i++) {
		seq_printf(s, "%-25s ", limit_names[i].name);
		limit_value(s, t->signal->rlim[i].cur);
		limit_value(s, t->signal->rlim[i].max);
		seq_printf(s, limit_names[i].unit[0] ? "%-10s\n" : "%s\n", limit_names[i].unit);
	}
	return 0;
}

static int show_io(struct seq *s, const u64 v[6])
{
	seq_printf(s,
		"rchar: %lu\nwchar: %lu\nsyscr: %lu\nsyscw: %lu\nread_bytes: %lu\nwrite_bytes: "
		"%lu\ncancelled_write_bytes: 0\n",
		v[0], v[1], v[2], v[3], v[4], v[5]);
	return 0;
}

int proc_tid_io(struct seq *s, struct task *t)
{
	u64 v[6] = { t->io_rchar, t->io_wchar, t->io_syscr, t->io_syscw, t->io_read_bytes,
		t->io_write_bytes };

	return show_io(s, v);
}

int proc_pid_io(struct seq *s, struct task *t)
{
	struct signal_struct *sig = t->signal;
	u64 v[6] = { sig->rchar, sig->wchar, sig->syscr, sig->syscw, sig->read_bytes,
		sig->write_bytes };
	struct task *o;

	read_lock(&tasklist_lock);
	list_for_each_entry(o, &sig->threads, thread_node) {
		v[0] += o->io_rchar;
		v[1] += o->io_wchar;
		v[2] += o->io_syscr;
		v[3] += o->io_syscw;
		v[4] += o->io_read_bytes;
		v[5] += o->io_write_bytes;
	}
	read_unlock(&tasklist_lock);
	return show_io(s, v);
}
