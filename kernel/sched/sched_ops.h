/* SPDX-License-Identifier: MIT */
/*
 * sched_ops.h: tables by which the scheduler calls rooms above it. task_hooks is bound by the
 * linker; each of the other tables is registered once, at boot.
 */
#ifndef NESTLING_SCHED_OPS_H
#define NESTLING_SCHED_OPS_H

#include "kernel/lib/types.h"

struct task;

struct sched_idle_ops {
	/*
	 * Called at a boundary of a vCPU that is about to go idle, with no lock held; does work
	 * that was put off.
	 */
	void (*before_idle)(void);
};
struct sched_plug_ops {
	/*
	 * Submits the plug of a task that is about to sleep or to reschedule. True if the plug was
	 * not empty: the task must then test its condition again.
	 */
	bool (*submit)(void);
};
struct sched_timer_ops {
	/*
	 * Called at a boundary of current when ktime has reached current->cpu_timer_at, the expiry
	 * that kernel/time computed. No lock held.
	 */
	void (*cpu_timers)(u64 now);
	/*
	 * Sleeps until @at (ns) of the real-time clock and follows clock_settime(): 0 (woken up) or
	 * -ETIMEDOUT. The caller has set its task state.
	 */
	int (*sleep_real)(u64 at);
};
extern const struct sched_idle_ops *sched_idle_ops;   /* kernel/net */
extern const struct sched_plug_ops *sched_plug_ops;   /* kernel/block */
extern const struct sched_timer_ops *sched_timer_ops; /* kernel/time */

/*
 * Operations of kernel/task on tasks that the scheduler makes and ends; kernel/task/init_task.c
 * defines the table. The scheduler owns the reference that task_alloc() returns: it drops it after
 * the task's last switch (TASK_DEAD).
 */
struct task_hooks {
	/*
	 * Sets static credentials and signal state of an idle task. Runs before the allocator
	 * works.
	 */
	void (*init_idle)(struct task *t);
	/* Sets pid, credentials, signal state of a new kernel thread. Returns 0 or -errno. */
	int (*init_kthread)(struct task *t);
	void (*kthread_exit)(int code) __noreturn; /* after its function has returned */
	/* Frees kernel/task's parts of @t after the last reference was dropped. */
	void (*free)(struct task *t);
};
extern const struct task_hooks task_hooks;

#endif
