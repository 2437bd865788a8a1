/* SPDX-License-Identifier: MIT */
/*
 * taskstats.h: what a thread or a process has used, as <linux/taskstats.h> has it: for netlink
 * (net/genl.c).
 */
#ifndef NESTLING_TASK_TASKSTATS_H
#define NESTLING_TASK_TASKSTATS_H

#include <linux/taskstats.h>

#include "kernel/lib/types.h"

/* Fill in statistics, by a number of current's pid namespace: 0 or -ESRCH. */
int taskstats_of_thread(pid_t nr, struct taskstats *s);
int taskstats_of_process(pid_t nr, struct taskstats *s);

#endif
