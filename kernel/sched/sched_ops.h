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
	 * Does the work that kernel/net has deferred on this vCPU. Called with no lock held, before
	 * the vCPU goes idle, and before the machine powers off or restarts.
	 */
	void (*before_idle)(void);
};
struct sched_plug_ops {
	/*
	 * Submits current's plug before current sleeps or reschedules; may itself sleep. Returns
	 * true if the plug was not empty: current is then TASK_RUNNING, and must test again whether
	 * it has to sleep.
	 */
	bool (*submit)(void);
};
struct sched_timer_ops {
	/*
	 * Checks current's CPU timers at a boundary, when ktime has reached current->cpu_timer_at,
	 * which the caller has set to ~0. @now: ktime in ns. No lock held; must not sleep.
	 */
	void (*cpu_timers)(u64 now);
	/*
	 * Sleeps until the real-time clock reaches @at (ns), also if clock_settime() changes the
	 * clock meanwhile. Returns -ETIMEDOUT, or 0 if the task was woken up before. The caller has
	 * set its task state.
	 */
	int (*sleep_real)(u64 at);
};
/* NULL until the room named behind the pointer registers its table. */
extern const struct sched_idle_ops *sched_idle_ops;   /* kernel/net */
extern const struct sched_plug_ops *sched_plug_ops;   /* kernel/block */
extern const struct sched_timer_ops *sched_timer_ops; /* kernel/time */

/*
 * Operations of kernel/task on tasks that the scheduler makes and ends; kernel/task/init_task.c
 * defines the table. The reference that task_alloc() returns belongs to the scheduler, which drops
 * the reference after the task's last switch (TASK_DEAD).
 */
struct task_hooks {
	/*
	 * Sets static credentials and signal state of an idle task. Allocates nothing: for vCPU 0
	 * it runs before the allocator works.
	 */
	void (*init_idle)(struct task *t);
	/* Sets pid, credentials and signal state of a new kernel thread. Returns 0 or -errno. */
	int (*init_kthread)(struct task *t);
	/* Ends current, a kernel thread whose function has returned @code. */
	void (*kthread_exit)(int code) __noreturn;
	/*
	 * Frees kernel/task's parts of @t, a grace period (RCU) after the last reference was
	 * dropped.
	 */
	void (*free)(struct task *t);
};
extern const struct task_hooks task_hooks;

#endif
