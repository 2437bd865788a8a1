/* SPDX-License-Identifier: MIT */
/*
 * freezer.h: freezes all tasks of the instance except kernel threads, as a cgroup.freeze of the
 * root would do if the root had that file.
 */
#ifndef NESTLING_CGROUP_FREEZER_H
#define NESTLING_CGROUP_FREEZER_H

#include "kernel/lib/types.h"

/* Freezes or thaws all tasks; may sleep. Tasks stop at their next return to guest code. */
void freeze_all_tasks(bool on);
/* True if all tasks but kernel threads have stopped. May sleep. */
bool all_tasks_frozen(void);

#endif
