/* SPDX-License-Identifier: MIT */
/* nsfs.h: descriptors for namespaces: of a task, for pidfds; of a socket. */
#ifndef NESTLING_TASK_NSFS_H
#define NESTLING_TASK_NSFS_H

#include "kernel/lib/types.h"

struct ns_common;
struct task;

/* Makes a descriptor of @ns, or returns -errno. */
long nsfs_fd(struct ns_common *ns);

/*
 * Makes a descriptor of the @nth namespace of PIDFD_GET_*_NAMESPACE, from 1 on: -ENOTTY, -EACCES,
 * -ESRCH, ...
 */
long nsfs_task_fd(struct task *t, u32 nth);

#endif
