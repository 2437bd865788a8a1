/* SPDX-License-Identifier: MIT */
/* kthread.h: threads of the kernel. */
#ifndef NESTLING_SCHED_KTHREAD_H
#define NESTLING_SCHED_KTHREAD_H

#include "kernel/lib/types.h"

struct task;

/*
 * Starts a kernel thread: @fn runs in a new task, which exits when @fn returns. The name is
 * formatted as by printf, and cut to 15 bytes. May sleep. Returns the task, without a reference: it
 * is valid while the thread runs. NULL: no memory.
 */
struct task *kthread_run(int (*fn)(void *), void *arg, const char *name, ...) __printf(3, 4);

#endif
