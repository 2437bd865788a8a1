/* SPDX-License-Identifier: MIT */
/*
 * futex_async.h: waits for the first of several words without a sleeping task, for io_uring; and
 * passes on wake-ups (kernel/task/futex/futex_async.c).
 *
 *	a = ...(futex_async_size(nr)), zeroed;	futex_async_setup(a, nr);
 *	futex_async_word(a, i, ...);		for each word; or futex_async_import(): all
 *	                                        words, in the format of futex_waitv(2)
 *	ret = futex_async_queue(a);		by the task in whose memory the words are
 *	futex_async_end(a);			once futex_async_woken() is true, after
 *	                                        futex_async_wait_queue() was woken
 *	futex_async_destroy(a);			passes a wake-up that was not collected
 *	                                        to the next waiter
 */
#ifndef NESTLING_TASK_FUTEX_ASYNC_H
#define NESTLING_TASK_FUTEX_ASYNC_H

#include "arch/um/machine/uaccess.h"
#include "kernel/sched/lock.h"

struct futex_async;

/* Bytes that the caller allocates for @nr words, and the number of words of @a. */
size_t futex_async_size(u32 nr);
u32 futex_async_nr(const struct futex_async *a);
/* Prepares a zeroed @a for words of current's mm, of which it keeps the struct. */
void futex_async_setup(struct futex_async *a, u32 nr);
/*
 * Sets word @i, with the arguments of futex_wait(2) and its flags. May sleep. Returns 0, -EINVAL or
 * -EFAULT, as does futex_async_import() for all words.
 */
int futex_async_word(struct futex_async *a, u32 i, uaddr_t addr, u64 val, u64 mask, u32 flags);
int futex_async_import(struct futex_async *a, uaddr_t waiters);
/*
 * Queues the waiter on all words. May sleep. Returns 0; 1 plus the index of a word that was woken
 * up meanwhile; -EAGAIN if a word has another value; or another -errno. Except after 0 it is in no
 * queue.
 */
int futex_async_queue(struct futex_async *a);
/*
 * futex_async_queued() is true from a successful futex_async_queue() until futex_async_end(),
 * futex_async_woken() once a word was woken up.
 */
bool futex_async_queued(const struct futex_async *a);
bool futex_async_woken(struct futex_async *a);
/*
 * Ends the wait and takes the waiter off all queues. Returns the index of the last word that was
 * woken up, or -1.
 */
int futex_async_end(struct futex_async *a);
/* Ends the wait, if it is still going on, and releases what @a refers to. The caller frees @a. */
void futex_async_destroy(struct futex_async *a);
struct wait_queue_head *futex_async_wait_queue(struct futex_async *a);
bool futex_async_right(u32 flags, u64 val, u64 mask); /* true if valid for a word */

#endif
