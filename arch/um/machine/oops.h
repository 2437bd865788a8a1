/* SPDX-License-Identifier: MIT */
/* oops.h: what the machine can tell of a task for people to read (oops.c). */
#ifndef NESTLING_OOPS_H
#define NESTLING_OOPS_H

#include "kernel/lib/types.h"

struct ktimer;
struct task;

/*
 * Logs where another task stands in the kernel; of one that is running, nothing. The caller holds a
 * reference.
 */
void arch_dump_task(struct task *t);
/* Logs a program's registers, as they were when it came into the kernel last. */
void arch_dump_guest(struct task *t);
/* Logs a timer's function and how far away it is. */
void arch_print_timer(void (*func)(struct ktimer *t), s64 ns);

#endif
