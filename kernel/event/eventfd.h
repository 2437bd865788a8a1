/* SPDX-License-Identifier: MIT */
/* eventfd.h: counters to which other rooms add, eventfd(2). */
#ifndef NESTLING_EVENT_EVENTFD_H
#define NESTLING_EVENT_EVENTFD_H

#include "kernel/lib/types.h"

struct file;

/* Returns the eventfd @fd with a reference, or ERR_PTR(-EBADF, -EINVAL). */
struct file *eventfd_fget(int fd);
/* Adds @n; works with spinlocks held. @key: passed to waiters beside EPOLLIN. */
void eventfd_signal_from(struct file *f, u64 n, u64 key);
static inline void eventfd_signal(struct file *f, u64 n)
{
	eventfd_signal_from(f, n, 0);
}

#endif
