/* SPDX-License-Identifier: MIT */
/* nsfs.h: descriptors for the namespaces of a task, for pidfds. */
#ifndef NESTLING_TASK_NSFS_H
#define NESTLING_TASK_NSFS_H

#include "kernel/lib/types.h"

struct task;

/* A descriptor for the @nth namespace of PIDFD_GET_*_NAMESPACE, from 1 on: -ENOTTY, -EACCES, -ESRCH, ... */
long nsfs_task_fd(struct task *t, u32 nth);

#endif
