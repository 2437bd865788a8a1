/* SPDX-License-Identifier: MIT */
/* ioprio.h: I/O priorities: what others may ask of ioprio.c. */
#ifndef NESTLING_TASK_IOPRIO_H
#define NESTLING_TASK_IOPRIO_H

int ioprio_check(int prio); /* may current use it? 0, -EINVAL, -EPERM */

#endif
