/* SPDX-License-Identifier: MIT */
/* sysrq.h: what people ask of a kernel that may be in trouble; the answers go to the log. */
#ifndef NESTLING_TASK_SYSRQ_H
#define NESTLING_TASK_SYSRQ_H

#include "kernel/lib/types.h"

/* What the key of SysRq does; h, or one that does nothing: tells which there are. May sleep. */
void sysrq(char key);
/* A line for each process, below a heading; what does not fit is left out. How many bytes. */
size_t tasks_table(char *buf, size_t size);
/* Where a task stands in the kernel: 0 or -ESRCH. @nr is of the first namespace. */
int task_kernel_stack(int nr);

#endif
