/* SPDX-License-Identifier: MIT */
/* sysrq.h: what people ask of a kernel that may be in trouble; the answers go to the log. */
#ifndef NESTLING_TASK_SYSRQ_H
#define NESTLING_TASK_SYSRQ_H

#include "kernel/lib/types.h"

/* Performs the action of a SysRq key; h, or an unknown key, lists the keys. May sleep. */
void sysrq(char key);
/* Prints a line for each process, below a heading, as far as there is room. Returns the bytes. */
size_t tasks_table(char *buf, size_t size);
/*
 * Logs the kernel back-trace of a task. Returns 0 or -ESRCH. @nr is a pid of the first namespace.
 */
int task_kernel_stack(int nr);

#endif
