/* SPDX-License-Identifier: MIT */
/*
 * tasks.c: /proc/nestling/tasks: a line for each thread, so that `nestctl watch` and `top` read one
 * file instead of one for each process.
 *
 *      PID TID PPID CPU STATE RUNNING USER-NS SYSTEM-NS NAME
 *
 * CPU is the vCPU on which the thread runs or ran last. RUNNING is 1 while it occupies that vCPU.
 * PPID is 0 without a parent in the reader's pid namespace. Control characters of a name are shown
 * as '?'. The file costs nothing while it is not read: its values are the scheduler's own.
 *
 * Lock: tasklist_lock, for reading, while the lines are written to a buffer. Figures of a running
 * task are read without locks.
 */
#include <asm/errno.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/task/process.h"

/* bytes, enough for about 4,000 threads. Further threads are left out. */
#define TASKS_SIZE (256UL << 10)
#define LINE_MAX 160

static size_t task_line(char *buf, size_t size, struct task *t, const struct pid_namespace *ns)
{
	pid_t parent = t->real_parent ? task_tgid_nr_ns(t->real_parent, ns) : 0;
	char name[sizeof(t->comm)];
	u64 user, system;

	strscpy(name, t->comm, sizeof(name));
	for (char *p = name; *p; p++)
		if ((u8)*p < ' ' || *p == 0x7f)
			*p = '?';
	task_times(t, &user, &system);
	return (size_t)scnprintf(buf, size, "%d %d %d %d %c %d %lu %lu %s\n",
		task_tgid_nr_ns(t, ns), task_pid_nr_ns(t, ns), parent, READ_ONCE(t->cpu),
		task_state_char(t), READ_ONCE(t->on_cpu), user, system, name);
}

static int show_tasks(struct seq *s, void *arg)
{
	const struct pid_namespace *ns = seq_pid_ns(s);
	char *buf = kmalloc(TASKS_SIZE, GFP_KERNEL);
	struct task *p, *t;
	size_t n = 0;

	if (!buf)
		return -ENOMEM;
	read_lock(&tasklist_lock);
	for_each_process(p) {
		for_each_thread(p->signal, t) {
			if (n < TASKS_SIZE - LINE_MAX && task_pid_nr_ns(t, ns))
				n += task_line(buf + n, TASKS_SIZE - n, t, ns);
		}
	}
	read_unlock(&tasklist_lock);
	seq_write(s, buf, n);
	kfree(buf);
	return 0;
}

static int tasks_init(void)
{
	return proc_create("nestling/tasks", 0400, show_tasks, NULL, NULL);
}
INITCALL(3, tasks_init);
