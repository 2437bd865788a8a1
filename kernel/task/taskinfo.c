/* SPDX-License-Identifier: MIT */
/*
 * taskinfo.c: information on another task, for /proc, reclaim and tracers. Each function returns a
 * copy or a reference.
 */
#include "kernel/task/internal.h"

struct mm *get_task_mm(struct task *t)
{
	struct mm *mm;

	spin_lock(&t->alloc_lock);
	mm = (t->flags & PF_KTHREAD) ? NULL : t->mm;
	if (mm)
		mmget(mm);
	spin_unlock(&t->alloc_lock);
	return mm;
}

/* Returns the letter of the task's state in the third field of /proc/PID/stat (proc(5)). */
char task_state_char(struct task *t)
{
	u32 state = READ_ONCE(t->state);

	if (t->exit_state & EXIT_ZOMBIE)
		return 'Z';
	if (t->exit_state || (state & TASK_DEAD))
		return 'X';
	if (state & TASK_TRACED)
		return 't';
	if (state & TASK_STOPPED)
		return 'T';
	if (state & TASK_UNINTERRUPTIBLE)
		return (state & TASK_NOLOAD) ? 'I' : 'D';
	return (state & TASK_INTERRUPTIBLE) ? 'S' : 'R';
}
