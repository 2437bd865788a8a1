/* SPDX-License-Identifier: MIT */
/*
 * perf.h: counters of software events (perf.c): the hooks for events in the lives of tasks. Without
 * counters a hook costs a test of a pointer.
 */
#ifndef NESTLING_TASK_PERF_H
#define NESTLING_TASK_PERF_H

#include "kernel/sched/sched.h"

/*
 * Makes events for a new task, not started yet, of those that count current with `inherit`. 0 or
 * -ENOMEM; after a failure perf_task_end() follows.
 */
int perf_inherit(struct task *child);
/* Called when current has a new program; @secret: its user may not look into it. */
void perf_exec(bool secret);
void perf_task_end(struct task *t); /* it ends, by itself, or was never started */
/* Serves prctl(PR_TASK_PERF_EVENTS_ENABLE, ..._DISABLE). */
void perf_switch_own(bool on);

static inline bool perf_counted(const struct task *t)
{
	return unlikely(READ_ONCE(t->perf));
}

#endif
