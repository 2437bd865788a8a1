/* SPDX-License-Identifier: MIT */
/*
 * perf.h: counters of software events (perf.c): what fork, exec and exit call. Without counters a
 * hook costs a test of a pointer. The functions take perf_lock, a mutex, so they may sleep.
 */
#ifndef NESTLING_TASK_PERF_H
#define NESTLING_TASK_PERF_H

#include "kernel/sched/sched.h"

/*
 * Makes events for @child, a new task that does not run yet: a copy of each event with `inherit`
 * that counts current. Returns 0 or -ENOMEM; after a failure perf_task_end() must follow.
 */
int perf_inherit(struct task *child);
/*
 * Called when current has a new program. @secret: current's user may not read the program's memory,
 * so events of other users are detached.
 */
void perf_exec(bool secret);
void perf_task_end(struct task *t); /* @t ends, or will never run */
/* Serves prctl(PR_TASK_PERF_EVENTS_ENABLE, ..._DISABLE). */
void perf_switch_own(bool on);

/* True if events count @t: only then need the functions above be called. */
static inline bool perf_counted(const struct task *t)
{
	return unlikely(READ_ONCE(t->perf));
}

#endif
