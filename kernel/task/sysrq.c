/* SPDX-License-Identifier: MIT */
/*
 * sysrq.c: the actions of SysRq keys, from /proc/sysrq-trigger and the management console. The
 * lines in the log have Linux's words. Not here: keys for keyboards, for hardware, or for
 * facilities that Nestling lacks (h lists the keys that have an action). Process 1 survives e, i
 * and k.
 */
#include "arch/um/machine/oops.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/timer.h"
#include "kernel/task/internal.h"
#include "kernel/task/sysrq.h"
#include "kernel/vfs/super.h"

static void show_help(void)
{
	pr_info("sysrq: HELP : loglevel(0-9) reboot(b) crash(c) terminate-all-tasks(e) "
		"memory-full-oom-kill(f) help(h) kill-all-tasks(i) thaw-filesystems(j) sak(k) "
		"show-running-tasks(l) show-memory-usage(m) nice-all-RT-tasks(n) poweroff(o) "
		"show-registers(p) show-all-timers(q) sync(s) show-task-states(t) unmount(u) "
		"show-blocked-tasks(w) dump-trace-ring(z) \n");
}

static void set_loglevel(char key)
{
	console_loglevel = key - '0';
	pr_info("sysrq: Loglevel set to %d\n", console_loglevel);
}

/* Signals all processes except process 1 and kernel threads. */
static void signal_all(int sig, const char *what)
{
	struct task *t;

	pr_info("sysrq: %s\n", what);
	read_lock(&tasklist_lock);
	for_each_process(t)
		if (!(t->flags & PF_KTHREAD) && !same_thread_group(t, init_process))
			send_sig_one_of_many(sig, t, SEND_SIG_PRIV);
	read_unlock(&tasklist_lock);
}

static void show_memory(void)
{
	struct meminfo m;

	si_meminfo(&m);
	pr_info("sysrq: Show Memory\n");
	pr_info("total:%lukB free:%lukB available:%lukB cached:%lukB anon:%lukB shmem:%lukB\n",
		m.total * 4, m.free * 4, m.available * 4, m.cached * 4, m.anon * 4, m.shmem * 4);
	pr_info("dirty:%lukB writeback:%lukB slab:%lukB pagetables:%lukB kernelstack:%lukB\n",
		m.dirty * 4, m.writeback * 4, m.slab * 4, m.page_tables * 4, m.kernel_stack * 4);
}

static void show_task(struct task *t)
{
	const struct task *parent = t->parent;

	pr_info("task:%-15s state:%c pid:%-5d tgid:%-5d ppid:%-5d flags:%#lx wait:%s\n", t->comm,
		task_state_char(t), t->pid, t->tgid, parent ? parent->tgid : 0, (u64)t->flags,
		t->state != TASK_RUNNING && t->wchan ? t->wchan : "-");
}

static void show_tasks(const char *what, bool (*wanted)(struct task *t))
{
	struct task *p, *t;

	pr_info("sysrq: %s\n", what);
	read_lock(&tasklist_lock);
	for_each_process(p)
		for_each_thread(p->signal, t)
			if (!wanted || wanted(t))
				show_task(t);
	read_unlock(&tasklist_lock);
}

static bool is_blocked(struct task *t)
{
	return task_state_char(t) == 'D';
}

static bool is_running(struct task *t)
{
	return t->state == TASK_RUNNING;
}

/*
 * Gives real-time tasks the normal policy, so that other tasks run again if real-time tasks use up
 * all vCPUs.
 */
static void nice_all(void)
{
	struct task *p, *t;

	pr_info("sysrq: Nice All RT Tasks\n");
	read_lock(&tasklist_lock);
	for_each_process(p)
		for_each_thread(p->signal, t)
			if (!(t->flags & PF_KTHREAD) &&
				(t->policy == SCHED_FIFO || t->policy == SCHED_RR))
				sched_setscheduler(t, SCHED_NORMAL, 0);
	read_unlock(&tasklist_lock);
}

/*
 * Shows the registers of programs that run or are runnable, as they were at the last entry into the
 * kernel.
 */
static void show_registers(void)
{
	struct task *p, *t;

	pr_info("sysrq: Show Regs\n");
	read_lock(&tasklist_lock);
	for_each_process(p)
		for_each_thread(p->signal, t)
			if (is_running(t) && t->mm)
				arch_dump_guest(t);
	read_unlock(&tasklist_lock);
}

static void show_timers(void)
{
	static struct timer_info list[TIMERS_SHOWN]; /* under own_list */
	static DEFINE_MUTEX(own_list);
	u64 now = ktime_get();

	pr_info("sysrq: Show clockevent devices & pending hrtimers (no others)\n");
	mutex_lock(&own_list);
	for (int cpu = 0; cpu < MAX_CPUS; cpu++) {
		u32 more, n = timers_list(cpu, list, TIMERS_SHOWN, &more);

		if (n)
			pr_info("cpu: %d, now %lu ns\n", cpu, (unsigned long)now);
		for (u32 i = 0; i < n; i++)
			arch_print_timer(list[i].func, (s64)(list[i].expires - now));
		if (more)
			pr_info(" and %u more\n", more);
	}
	mutex_unlock(&own_list);
}

/* Prints all lines in the trace ring. Readers of the ring still get them. */
static void show_trace(void)
{
	/* Under own_buf; longer than any line. */
	static char buf[1024];
	static DEFINE_MUTEX(own_buf);
	u64 pos = 0, end = ~0UL, lost;
	char *line, *at;
	size_t n;

	pr_info("sysrq: Dump trace ring\n");
	if (!trace_ring_there())
		pr_info("   (there is none: nothing has been traced)\n");
	mutex_lock(&own_buf);
	/*
	 * Records written from now on are not shown: they may be written faster than this loop
	 * reads.
	 */
	trace_read(&end, buf, 0, &lost);
	while (pos < end && (n = trace_read(&pos, buf, sizeof(buf) - 1, &lost))) {
		buf[n] = 0;
		for (at = buf; (line = strsep(&at, "\n"));)
			if (*line)
				pr_info("%s\n", line);
	}
	mutex_unlock(&own_buf);
}

static void secure_access(void)
{
	pr_info("sysrq: SAK\n");
	if (task_tty_ops)
		task_tty_ops->sak();
}

void sysrq(char key)
{
	switch (key) {
	case '0' ... '9': set_loglevel(key); return;
	case 'b': pr_info("sysrq: Resetting\n"); kernel_restart();
	case 'c': panic("sysrq triggered crash");
	case 'e': signal_all(SIGTERM, "Terminate All Tasks"); return;
	case 'f':
		pr_info("sysrq: Manual OOM execution\n");
		if (!oom_kill(GFP_KERNEL, 0))
			pr_info("sysrq: no process can be killed\n");
		return;
	case 'i': signal_all(SIGKILL, "Kill All Tasks"); return;
	case 'j':
		pr_info("sysrq: Emergency Thaw of all frozen filesystems\n");
		thaw_all();
		pr_info("Emergency Thaw complete\n");
		return;
	case 'k': secure_access(); return;
	case 'l': show_tasks("Show Running Tasks", is_running); return;
	case 'm': show_memory(); return;
	case 'n': nice_all(); return;
	case 'o': pr_info("sysrq: Power Off\n"); kernel_power_off();
	case 'p': show_registers(); return;
	case 'q': show_timers(); return;
	case 's':
		pr_info("sysrq: Emergency Sync\n");
		sync_all();
		pr_info("Emergency Sync complete\n");
		return;
	case 't': show_tasks("Show State", NULL); return;
	case 'u':
		pr_info("sysrq: Emergency Remount R/O\n");
		sync_and_quiesce_all(false);
		pr_info("Emergency Remount complete\n");
		return;
	case 'w': show_tasks("Show Blocked State", is_blocked); return;
	case 'z': show_trace(); return;
	}
	show_help();
}

size_t tasks_table(char *buf, size_t size)
{
	size_t n = scnprintf(buf, size, "%7s %7s %7s S %s\n", "PID", "PPID", "THREADS", "COMMAND");
	struct task *p, *t;

	read_lock(&tasklist_lock);
	for_each_process(p) {
		int threads = 0;

		for_each_thread(p->signal, t)
			threads++;
		n += scnprintf(buf + n, size - n, "%7d %7d %7d %c %s\n", p->tgid,
			p->parent ? p->parent->tgid : 0, threads, task_state_char(p), p->comm);
	}
	read_unlock(&tasklist_lock);
	return n;
}

int task_kernel_stack(int nr)
{
	struct task *t;

	read_lock(&tasklist_lock);
	t = find_task_locked(nr);
	if (t)
		get_task(t);
	read_unlock(&tasklist_lock);
	if (!t)
		return -ESRCH;
	show_task(t);
	arch_dump_task(t);
	put_task(t);
	return 0;
}
