/* SPDX-License-Identifier: MIT */
/*
 * freezer.h: all tasks of the instance but the kernel's own, stopped as if by cgroup.freeze of the
 * root, which has none.
 */
#ifndef NESTLING_CGROUP_FREEZER_H
#define NESTLING_CGROUP_FREEZER_H

#include "kernel/lib/types.h"

/* May sleep. Tasks stop at their next return to guest code. */
void freeze_all_tasks(bool on);
bool all_tasks_frozen(void);

#endif
