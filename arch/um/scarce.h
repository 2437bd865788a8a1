/* SPDX-License-Identifier: MIT */
/* scarce.h: tasks that wait for a process of the host's (scarce.c). */
#ifndef NESTLING_SCARCE_H
#define NESTLING_SCARCE_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/types.h"

struct task;
struct space;

/*
 * The space of @t, which is current; NULL: a signal kills it, or has just been sent for want of a
 * space. Sleeps.
 */
struct space *space_of(struct task *t);
/* For current, whose space has no runner on this vCPU, and the host gives none. Sleeps. */
void wait_for_host(struct task *t);
/*
 * Ends the instance if the zygote has died, or if @t, whose space is lost, is process 1: with a
 * line that says how.
 */
void space_lost(struct task *t);
/* True if a task has waited for the host a moment ago. */
bool host_is_scarce(void);

extern u32 host_waiters; /* tasks that sleep until the host has a process for them */
void scarce_leave(void);
void scarce_share(struct task *t);

/* For a vCPU without a guest: the space of the last one may be taken away. */
static inline void scarce_idle(void)
{
	if (unlikely(READ_ONCE(host_waiters)))
		scarce_leave();
}

/*
 * Before guest code of current runs: a space that it has had for a while is given up for tasks
 * that wait. May sleep.
 */
static inline void scarce_before_guest(struct task *t)
{
	if (unlikely(READ_ONCE(host_waiters)))
		scarce_share(t);
}

#endif
