/* SPDX-License-Identifier: MIT */
/* futex.h: what exit, exec and the scheduler call in the futex code (kernel/task/futex/futex.c). */
#ifndef NESTLING_TASK_FUTEX_H
#define NESTLING_TASK_FUTEX_H

#include "kernel/lib/types.h"

struct task;

/*
 * Gives up those futexes in current's robust list that current owns. Called at exit and exec, while
 * current still has its mm. May sleep.
 */
void futex_exit_task(void);
/*
 * Called when the priority of @t has changed, without its runqueue's lock. If @t waits for a PI
 * lock, the owner of that lock inherits the new priority. Does not sleep.
 */
void futex_pi_priority_changed(struct task *t);
/*
 * Wakes up to @nr waiters on a word of current's mm, those without FUTEX_PRIVATE_FLAG: used for
 * the clear_child_tid of an ending thread. May sleep. Returns the number of waiters woken up, or
 * -errno.
 */
int futex_wake_addr(uaddr_t addr, int nr);

#endif
