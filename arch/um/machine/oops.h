/* SPDX-License-Identifier: MIT */
/* oops.h: reports about a task for the log (oops.c). */
#ifndef NESTLING_OOPS_H
#define NESTLING_OOPS_H

#include "kernel/lib/types.h"

struct ktimer;
struct task;

/*
 * Logs the kernel back-trace of another task; of a running task, only a heading. The caller holds a
 * reference.
 */
void arch_dump_task(struct task *t);
/* Logs a program's registers as of its last entry into the kernel. */
void arch_dump_guest(struct task *t);
/* Logs a timer's function and the time until it expires, @ns. */
void arch_print_timer(void (*func)(struct ktimer *t), s64 ns);

#endif
