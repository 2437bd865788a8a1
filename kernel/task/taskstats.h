/* SPDX-License-Identifier: MIT */
/*
 * taskstats.h: the resources that a thread or a process has used, as struct taskstats of
 * <linux/taskstats.h>, for netlink (net/genl.c).
 */
#ifndef NESTLING_TASK_TASKSTATS_H
#define NESTLING_TASK_TASKSTATS_H

#include <linux/taskstats.h>

#include "kernel/lib/types.h"

/*
 * Fill in the statistics of the thread or process that has the pid @nr in current's namespace. May
 * sleep. Return 0 or -ESRCH.
 */
int taskstats_of_thread(pid_t nr, struct taskstats *s);
int taskstats_of_process(pid_t nr, struct taskstats *s);

#endif
