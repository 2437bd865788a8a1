/* SPDX-License-Identifier: MIT */
/*
 * nsfs.h: descriptors of namespaces: of a given namespace (a socket's, for instance), and of a
 * task's, for pidfds.
 */
#ifndef NESTLING_TASK_NSFS_H
#define NESTLING_TASK_NSFS_H

#include "kernel/lib/types.h"

struct ns_common;
struct task;

/* Makes a descriptor of @ns, of which it takes its own reference, or returns -errno. May sleep. */
long nsfs_fd(struct ns_common *ns);

/*
 * Makes a descriptor of @t's namespace of one kind, for the @nth ioctl PIDFD_GET_*_NAMESPACE,
 * counted from 1. May sleep. Returns the descriptor or -errno: -ENOTTY, -EACCES, -ESRCH and others.
 */
long nsfs_task_fd(struct task *t, u32 nth);

#endif
