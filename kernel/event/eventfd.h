/* SPDX-License-Identifier: MIT */
/* eventfd.h: eventfd(2)'s counters, for rooms that add to them. */
#ifndef NESTLING_EVENT_EVENTFD_H
#define NESTLING_EVENT_EVENTFD_H

#include "kernel/lib/types.h"

struct file;

/*
 * Returns the file of current's eventfd @fd with a reference, or ERR_PTR(-EBADF: not open, -EINVAL:
 * no eventfd).
 */
struct file *eventfd_fget(int fd);
/*
 * Adds @n to the counter of @f, an eventfd, up to ULLONG_MAX. Spinlocks may be held. @key: bits
 * that the wake-up passes on beside EPOLLIN.
 */
void eventfd_signal_from(struct file *f, u64 n, u64 key);
static inline void eventfd_signal(struct file *f, u64 n)
{
	eventfd_signal_from(f, n, 0);
}

#endif
