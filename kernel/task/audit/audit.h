/* SPDX-License-Identifier: MIT */
/*
 * audit.h: lines of the audit (kernel/task/audit/line.h) about processes. Each is written by the
 * task that causes it, with no lock held. Without audit= it costs a test of one word.
 *
 * Process numbers and user ids are those of the first namespaces.
 */
#ifndef NESTLING_TASK_AUDIT_AUDIT_H
#define NESTLING_TASK_AUDIT_AUDIT_H

#include "kernel/task/audit/line.h"

struct task;

/* Begins a line with the process and the user of current. */
bool audit_begin_task(struct audit *a, const char *event);

/* Logs the start of a process, as a copy of its parent; threads are not logged. */
void audit_fork(const struct task *child);
/* Current runs another program. */
void audit_exec(void);
/* A process was refused @what, a word, by a limit that the host has set. Any lock may be held. */
void audit_refused(const char *what, const struct task *t);
/* The last thread of a process ends; it has its memory still. */
void audit_exit(int code);

/* usage.c: notes the memory in use, and @more frames that are free again by now. */
void audit_note_memory(u64 more);
/* Logs, at the instance's end, its peak use of resources. */
void audit_usage(void);

#endif
