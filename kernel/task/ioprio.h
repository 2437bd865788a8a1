/* SPDX-License-Identifier: MIT */
/* ioprio.h: I/O priorities (ioprio.c), for rooms that take them in requests. */
#ifndef NESTLING_TASK_IOPRIO_H
#define NESTLING_TASK_IOPRIO_H

/*
 * Checks whether current may use the priority, class and level as in ioprio_set(2). Returns 0,
 * -EINVAL or -EPERM.
 */
int ioprio_check(int prio);

#endif
