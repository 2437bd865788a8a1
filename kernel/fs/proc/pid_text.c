/* SPDX-License-Identifier: MIT */
/*
 * pid_text.c: the small texts of /proc/PID: comm, cmdline, environ, oom_score and others. Formats:
 * proc(5).
 *
 * The caller of a show function holds a reference to the task and no lock. Values of a running task
 * are read without locks.
 */
#include <asm/errno.h>

#include "kernel/cgroup/cgroup.h"
#include "kernel/cgroup/v1.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/proc_event.h"
#include "kernel/task/process.h"
#include "kernel/time/time.h"

/* ---- small texts ---- */

int proc_show_comm(struct seq *s, struct task *t)
{
	seq_printf(s, "%s\n", t->comm);
	return 0;
}

int proc_store_comm(struct task *t, struct file *f, char *text)
{
	if (t->tgid != current->tgid)
		return -EINVAL;
	spin_lock(&t->alloc_lock);
	memset(t->comm, 0, sizeof(t->comm));
	strscpy(t->comm, text, sizeof(t->comm));
	spin_unlock(&t->alloc_lock);
	proc_event_comm(t);
	return 0;
}

/* Shows bytes [from, to) of the process's memory, but at most @max bytes. Returns 0 or -errno. */
static int show_memory(struct seq *s, struct mm *mm, u64 from, u64 to, u64 max)
{
	char *buf = get_free_page(GFP_KERNEL);

	if (!buf)
		return -ENOMEM;
	if (to > from + max)
		to = from + max;
	while (from < to) {
		ssize_t n = read_mm_anon(mm, from, buf, min_t(u64, PAGE_SIZE, to - from));

		if (n <= 0)
			break;
		seq_write(s, buf, (size_t)n);
		from += (u64)n;
	}
	free_page_addr(buf);
	return 0;
}

int proc_show_cmdline(struct seq *s, struct task *t)
{
	struct mm *mm = get_task_mm(t);
	u64 arg_start, arg_end;

	if (!mm)
		return 0;
	arg_start = mm->arg_start;
	arg_end = mm->arg_end;
	show_memory(s, mm, arg_start, arg_end, 1U << 20);
	/*
	 * If a program has overwritten the terminator of its arguments (setproctitle), its text
	 * continues in the environment. That text is not shown if only a part of the arguments was
	 * shown.
	 */
	if (s->len && !s->full && s->len == arg_end - arg_start && mm->env_start == arg_end &&
		seq_char(s, s->len - 1)) {
		size_t before = s->len, i;

		show_memory(s, mm, mm->env_start, mm->env_end, PAGE_SIZE);
		for (i = before; i < s->len && seq_char(s, i); i++)
			;
		s->len = i < s->len ? i + 1 : i;
	}
	mmput(mm);
	return 0;
}

int proc_show_environ(struct seq *s, struct mm *mm)
{
	return show_memory(s, mm, mm->env_start, mm->env_end, 1U << 20);
}

int proc_show_auxv(struct seq *s, struct mm *mm)
{
	seq_write(s, mm->auxv, mm->nr_auxv * sizeof(mm->auxv[0]));
	return 0;
}

int proc_show_wchan(struct seq *s, struct task *t)
{
	seq_puts(s, t->state == TASK_RUNNING || !t->wchan ? "0" : t->wchan);
	return 0;
}

int proc_show_syscall(struct seq *s, struct task *t)
{
	const struct regs *r = task_regs(t);

	bool running = t->state == TASK_RUNNING && t != current;

	if (running || (s64)t->syscall_nr < 0)
		seq_puts(s, running ? "running\n" : "-1 0x0 0x0\n");
	else
		seq_printf(s, "%ld 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx\n",
			t->syscall_nr, r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9, r->rsp,
			r->rip);
	return 0;
}

int proc_show_personality(struct seq *s, struct task *t)
{
	seq_printf(s, "%08x\n", t->personality);
	return 0;
}

int proc_show_oom_adj(struct seq *s, struct task *t)
{
	seq_printf(s, "%d\n", t->signal->oom_score_adj);
	return 0;
}

/* Parses a number between @least and @most. Returns 0 or -errno. */
static int parse_adj(char *text, s64 least, s64 most, s64 *v)
{
	int err = kstrtos64(strim(text), 0, v);

	if (err)
		return err;
	if (*v != (int)*v)
		return -ERANGE;
	return *v < least || *v > most ? -EINVAL : 0;
}

int proc_store_oom_adj(struct task *t, struct file *f, char *text)
{
	s64 v;
	int err = parse_adj(text, -1000, 1000, &v);

	if (err)
		return err;
	if (v < t->signal->oom_score_adj_min && !capable(CAP_SYS_RESOURCE))
		return -EACCES;
	t->signal->oom_score_adj = (int)v;
	if (capable(CAP_SYS_RESOURCE))
		t->signal->oom_score_adj_min = (int)v;
	return 0;
}

int proc_show_oom_score(struct seq *s, struct task *t)
{
	struct mm *mm = get_task_mm(t);
	struct meminfo mi;
	s64 score = 0;

	if (mm) {
		si_meminfo(&mi);
		score = (atomic_read(&mm->rss_anon) + atomic_read(&mm->rss_file) +
				atomic_read(&mm->rss_shmem)) *
			1000 / (s64)max_t(u64, mi.total, 1);
		mmput(mm);
	}
	score = (score + t->signal->oom_score_adj + 1000) * 2 / 3;
	seq_printf(s, "%ld\n", max_t(s64, score, 0));
	return 0;
}

static int show_group(struct seq *s, struct cgroup *c, const char *prefix)
{
	char *buf = get_free_page(GFP_KERNEL), *path;

	if (!buf)
		return -ENOMEM;
	path = cgroup_path(c, cgroup_ns_root(), buf, PAGE_SIZE);
	if (!IS_ERR(path))
		seq_printf(s, "%s%s%s\n", prefix, path,
			*prefix && READ_ONCE(c->dead) ? " (deleted)" : "");
	free_page_addr(buf);
	return IS_ERR(path) ? (int)PTR_ERR(path) : 0;
}

/*
 * Shows a line such as "3:freezer,name=systemd:/a" for each hierarchy of version 1, newest first.
 */
static int show_v1(struct seq *s, struct task *t)
{
	char *buf = get_free_page(GFP_KERNEL), label[CGROUP1_LABEL];
	struct cgroup1_hier *h;
	int err = buf ? 0 : -ENOMEM;

	mutex_lock(&cgroup1_mutex);
	for (u32 id = UINT32_MAX; !err && (h = cgroup1_before(id)); id = h->id) {
		struct cgroup1 *g = cgroup1_of_task(t, h);
		int n = cgroup1_path(g, cgroup1_ns_root(h), buf, PAGE_SIZE);

		cgroup1_label(h, label);
		if (n >= 0)
			seq_printf(s, "%u:%s:%s\n", h->id, label, buf);
		else
			err = n;
		cgroup1_put(g);
	}
	mutex_unlock(&cgroup1_mutex);
	if (buf)
		free_page_addr(buf);
	return err;
}

int proc_show_cgroup(struct seq *s, struct task *t)
{
	struct cgroup *c = task_get_cgroup(t);
	int err = show_v1(s, t);

	if (!err)
		err = show_group(s, c, "0::");
	cgroup_put(c);
	return err;
}

/*
 * Shows the task's group in the version 1 hierarchy that has the controller cpuset, and sets *err
 * to 0 or -errno. Returns false if there is no such hierarchy.
 */
static bool show_cpuset_v1(struct seq *s, struct task *t, int *err)
{
	char *buf = get_free_page(GFP_KERNEL);
	struct cgroup1_hier *h;
	struct cgroup1 *g;

	*err = -ENOMEM;
	mutex_lock(&cgroup1_mutex);
	h = cgroup1_owner(CG1_CPUSET);
	if (h && buf) {
		g = cgroup1_of_task(t, h);
		*err = cgroup1_path(g, cgroup1_ns_root(h), buf, PAGE_SIZE);
		if (*err >= 0)
			seq_printf(s, "%s\n", buf);
		cgroup1_put(g);
	}
	mutex_unlock(&cgroup1_mutex);
	if (buf)
		free_page_addr(buf);
	*err = min(*err, 0);
	return h;
}

/*
 * Shows the task's group in the cpuset hierarchy of version 1. Without one, shows the group of
 * version 2 that has the controller cpuset: the task's own, its nearest ancestor or the root.
 */
int proc_show_cpuset(struct seq *s, struct task *t)
{
	struct cgroup *own, *c;
	int err;

	if (show_cpuset_v1(s, t, &err))
		return err;
	own = c = task_get_cgroup(t);
	while (!cgroup_is_root(c) && !(cgroup_enabled(c) & CG_CPUSET))
		c = c->parent;
	err = show_group(s, c, "");
	cgroup_put(own);
	return err;
}

/* ---- scheduling ---- */

int proc_show_schedstat(struct seq *s, struct task *t)
{
	seq_printf(s, "%lu %lu %lu\n", task_sched_runtime(t), READ_ONCE(t->se.run_delay),
		READ_ONCE(t->se.nr_runs));
	return 0;
}

static void sched_number(struct seq *s, const char *name, u64 v)
{
	seq_printf(s, "%-45s:%21lu\n", name, v);
}

static void sched_time(struct seq *s, const char *name, u64 ns)
{
	seq_printf(s, "%-45s:%14lu.%06lu\n", name, ns / 1000000, ns % 1000000);
}

int proc_show_sched(struct seq *s, struct task *t)
{
	seq_printf(s, "%s (%d, #threads: %d)\n", t->comm, task_pid_nr_ns(t, seq_pid_ns(s)),
		t->signal->nr_threads);
	seq_puts(s, "-------------------------------------------------------------------\n");
	sched_time(s, "se.exec_start", t->se.exec_start);
	sched_time(s, "se.vruntime", t->se.vruntime);
	sched_time(s, "se.sum_exec_runtime", task_sched_runtime(t));
	sched_number(s, "nr_switches", t->nvcsw + t->nivcsw);
	sched_number(s, "nr_voluntary_switches", t->nvcsw);
	sched_number(s, "nr_involuntary_switches", t->nivcsw);
	sched_number(s, "se.load.weight", t->se.weight);
	sched_number(s, "policy", (u64)t->policy);
	sched_number(s, "prio", (u64)(t->rt_priority ? 99 - t->rt_priority : 120 + t->nice));
	return 0;
}

/* Shows where the task sleeps in the kernel. Shows nothing for a running task. */
int proc_show_stack(struct seq *s, struct task *t)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (t->state != TASK_RUNNING && t->wchan)
		seq_printf(s, "[<0>] %s\n", t->wchan);
	return 0;
}

int proc_show_autogroup(struct seq *s, struct task *t)
{
	int nice;
	u64 id;

	if (task_autogroup(t, &id, &nice))
		seq_printf(s, "/autogroup-%lu nice %d\n", id, nice);
	return 0;
}

/* most bytes of a written text that are read, as on Linux */
#define AUTOGROUP_TEXT 12

int proc_store_autogroup(struct task *t, struct file *f, char *text)
{
	bool cut = strlen(text) > AUTOGROUP_TEXT;
	int err;
	s64 v;

	if (cut)
		text[AUTOGROUP_TEXT] = 0;
	while (*text == ' ' || *text == '\t')
		text++;
	text[strcspn(text, " \t\n")] = 0;
	if (kstrtos64(text, 0, &v) || v != (int)v)
		return -EINVAL;
	err = task_set_autogroup_nice(t, (int)v);
	return err || !cut ? err : AUTOGROUP_TEXT;
}

static void show_timer(void *arg, const struct posix_timer_info *i)
{
	struct seq *s = arg;
	const char *how = i->notify & SIGEV_THREAD ? "thread" :
			  i->notify & SIGEV_NONE   ? "none" :
						     "signal";

	seq_printf(s, "ID: %d\nsignal: %d/%016lx\nnotify: %s/%s.%d\nClockID: %d\n", i->id, i->signo,
		i->value, how, i->notify & SIGEV_THREAD_ID ? "tid" : "pid",
		pid_nr_ns(i->target, seq_pid_ns(s)), i->clock);
}

int proc_show_timers(struct seq *s, struct task *t)
{
	return posix_timers_show(t->signal, show_timer, s);
}

int proc_show_timerslack(struct seq *s, struct task *t)
{
	if (t != current && !ns_capable_to(t, CAP_SYS_NICE))
		return -EPERM;
	seq_printf(s, "%lu\n", t->timer_slack_ns);
	return 0;
}

int proc_store_timerslack(struct task *t, struct file *f, char *text)
{
	u64 v;

	int err = kstrtou64(text, 10, &v);

	if (err)
		return err;
	if (t != current && !ns_capable_to(t, CAP_SYS_NICE))
		return -EPERM;
	WRITE_ONCE(t->timer_slack_ns, v ? v : t->default_timer_slack_ns);
	return 0;
}

/* ---- memory ---- */

int proc_show_coredump_filter(struct seq *s, struct task *t)
{
	struct mm *mm = get_task_mm(t);

	if (!mm)
		return 0;
	seq_printf(s, "%08x\n", mm->coredump_filter);
	mmput(mm);
	return 0;
}

int proc_store_coredump_filter(struct task *t, struct file *f, char *text)
{
	struct mm *mm;
	u64 v;
	int err = kstrtou64(text, 0, &v);

	if (err || v > 0xffffffff)
		return err ? err : -ERANGE;
	mm = get_task_mm(t);
	if (!mm)
		return -ESRCH;
	WRITE_ONCE(mm->coredump_filter, (u32)v & 0x1ff);
	mmput(mm);
	return 0;
}

/* Shows oom_score_adj on the older scale of oom_adj: -17 (never kill) to 15. */
int proc_show_legacy_oom_adj(struct seq *s, struct task *t)
{
	int v = t->signal->oom_score_adj;

	seq_printf(s, "%d\n", v == 1000 ? 15 : v * 17 / 1000);
	return 0;
}

int proc_store_legacy_oom_adj(struct task *t, struct file *f, char *text)
{
	char scaled[16];
	s64 v;
	int err = parse_adj(text, -17, 15, &v);

	if (err)
		return err;
	scnprintf(scaled, sizeof(scaled), "%ld", v == 15 ? 1000 : v * 1000 / 17);
	return proc_store_oom_adj(t, f, scaled);
}

#define CHILD_TEXT 12 /* most bytes of one child's pid */

int proc_show_children(struct seq *s, struct task *t)
{
	size_t n, room = 0;
	struct task *c;

	if (t != t->group_leader) /* only the leader lists children */
		return 0;
	for (;;) {
		n = 0;
		read_lock(&tasklist_lock);
		list_for_each_entry(c, &t->children, sibling)
			n++;
		if (n <= room)
			break;
		read_unlock(&tasklist_lock);
		room = n + 16;
		seq_reserve(s, room * CHILD_TEXT + 256);
		if (s->full)
			return 0;
	}
	list_for_each_entry(c, &t->children, sibling)
		seq_printf(s, "%d ", task_tgid_nr_ns(c, seq_pid_ns(s)));
	read_unlock(&tasklist_lock);
	return 0;
}
