/* SPDX-License-Identifier: MIT */
/*
 * futex_async.h: waiting for the first of several words without a task that sleeps (io_uring), and
 * waking (kernel/task/futex/futex_async.c).
 *
 *	a = ...(futex_async_size(nr)), zeroed;	futex_async_setup(a, nr);
 *	futex_async_word(a, i, ...);		each word; or futex_async_import(): all, as
 *	                                        futex_waitv(2) has them
 *	ret = futex_async_queue(a);		by the task whose words they are
 *	futex_async_end(a);			once futex_async_woken(), of which
 *	                                        futex_async_wait_queue() tells
 *	futex_async_destroy(a);			a wake-up that was not collected goes to the next
 *	                                        waiter
 */
#ifndef NESTLING_TASK_FUTEX_ASYNC_H
#define NESTLING_TASK_FUTEX_ASYNC_H

#include "arch/um/machine/uaccess.h"
#include "kernel/sched/lock.h"

struct futex_async;

size_t futex_async_size(u32 nr);
u32 futex_async_nr(const struct futex_async *a);
void futex_async_setup(struct futex_async *a, u32 nr);
/* Sets a word, with the arguments of futex_wait(2) and its flags: 0, -EINVAL or -EFAULT. */
int futex_async_word(struct futex_async *a, u32 i, uaddr_t addr, u64 val, u64 mask, u32 flags);
int futex_async_import(struct futex_async *a, uaddr_t waiters);
/*
 * Queues. 0: queued; 1 + the place of a word that was woken meanwhile; -EAGAIN: a word has another
 * value; other -errno.
 */
int futex_async_queue(struct futex_async *a);
bool futex_async_queued(const struct futex_async *a);
bool futex_async_woken(struct futex_async *a);
/*
 * Ends the wait, after which nothing is queued. Returns the place of the last word that was woken,
 * or -1.
 */
int futex_async_end(struct futex_async *a);
void futex_async_destroy(struct futex_async *a);
struct wait_queue_head *futex_async_wait_queue(struct futex_async *a);
bool futex_async_right(u32 flags, u64 val, u64 mask); /* could they be a word's? */

#endif
