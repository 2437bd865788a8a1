/* SPDX-License-Identifier: MIT */
/* nsfs.h: descriptors for namespaces: of a task, for pidfds; of a socket. */
#ifndef NESTLING_TASK_NSFS_H
#define NESTLING_TASK_NSFS_H

#include "kernel/lib/types.h"

struct ns_common;
struct task;

/* A new descriptor for @ns, or -errno. */
long nsfs_fd(struct ns_common *ns);

/*
 * A descriptor for the @nth namespace of PIDFD_GET_*_NAMESPACE, from 1 on: -ENOTTY, -EACCES,
 * -ESRCH, ...
 */
long nsfs_task_fd(struct task *t, u32 nth);

#endif
