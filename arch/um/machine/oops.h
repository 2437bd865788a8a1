/* SPDX-License-Identifier: MIT */
/* oops.h: what the machine can tell of a task for people to read (oops.c). */
#ifndef NESTLING_OOPS_H
#define NESTLING_OOPS_H

#include "kernel/lib/types.h"

struct ktimer;
struct task;

/*
 * Where another task stands in the kernel, into the log; of one that is running, nothing. The
 * caller holds a reference.
 */
void arch_dump_task(struct task *t);
/* A program's registers, as it came into the kernel last. */
void arch_dump_guest(struct task *t);
/* A timer's function and how far away it is, into the log. */
void arch_print_timer(void (*func)(struct ktimer *t), s64 ns);

#endif
