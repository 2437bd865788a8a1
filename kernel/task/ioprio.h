/* SPDX-License-Identifier: MIT */
/* ioprio.h: I/O priorities (ioprio.c), for rooms that take them in requests. */
#ifndef NESTLING_TASK_IOPRIO_H
#define NESTLING_TASK_IOPRIO_H

/* 0; current may not use it: -EINVAL, -EPERM */
int ioprio_check(int prio);

#endif
