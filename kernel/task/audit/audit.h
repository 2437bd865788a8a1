/* SPDX-License-Identifier: MIT */
/*
 * audit.h: lines of the audit (kernel/task/audit/line.h) about processes. Each line is written by
 * the task that causes it, with no lock held, except by audit_refused(). Without audit= a call
 * costs a test of one word. A line for which there is no memory counts as lost.
 *
 * Process numbers and user ids are those of the initial namespaces.
 */
#ifndef NESTLING_TASK_AUDIT_AUDIT_H
#define NESTLING_TASK_AUDIT_AUDIT_H

#include "kernel/task/audit/line.h"

struct task;

/*
 * Begins a line with the process and the user of current. May sleep. Returns false if there is no
 * memory; after true, audit_end() ends the line.
 */
bool audit_begin_task(struct audit *a, const char *event);

/* Logs the start of a process, as a copy of its parent; threads are not logged. */
void audit_fork(const struct task *child);
/* Logs that current runs another program. */
void audit_exec(void);
/*
 * Logs that @t's process was refused an operation by a limit that the user of the host has set.
 * @what: the operation, one word. May be called with any lock held.
 */
void audit_refused(const char *what, const struct task *t);
/* Logs the end of a process. Called by its last thread, which still has its memory. */
void audit_exit(int code);

/*
 * usage.c: raises the recorded maximum of memory to the frames in use now plus @more, the frames by
 * which current's mm was larger at its peak. Does not sleep.
 */
void audit_note_memory(u64 more);
/* Logs the peak use of resources, at the instance's end. */
void audit_usage(void);

#endif
