/* SPDX-License-Identifier: MIT */
/*
 * sysrq.h: actions for an administrator whose kernel may be in trouble; their output goes to the
 * log.
 */
#ifndef NESTLING_TASK_SYSRQ_H
#define NESTLING_TASK_SYSRQ_H

#include "kernel/lib/types.h"

/*
 * Performs the action of a SysRq key; h, or an unknown key, lists the keys. May sleep. Does not
 * return for b, c and o.
 */
void sysrq(char key);
/*
 * Prints a heading and as many lines as fit, one for each process, terminated. Takes tasklist_lock.
 * Returns the number of bytes.
 */
size_t tasks_table(char *buf, size_t size);
/*
 * Logs the kernel back-trace of the task @nr, a pid in the initial namespace. Takes tasklist_lock.
 * Returns 0 or -ESRCH.
 */
int task_kernel_stack(int nr);

#endif
