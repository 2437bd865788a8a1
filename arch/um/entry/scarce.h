/* SPDX-License-Identifier: MIT */
/*
 * scarce.h: tasks that wait for a host process (scarce.c). A space is an mm's address space on the
 * host: a mapper process, and a runner process for each vCPU that runs it. The zygote forks the
 * mappers.
 */
#ifndef NESTLING_SCARCE_H
#define NESTLING_SCARCE_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/types.h"

struct task;
struct space;

/*
 * Returns the space of @t, which must be current; waits until @t gets one. Returns NULL if a signal
 * kills @t, perhaps the SIGKILL sent for lack of a space. Ends the instance if the zygote has died,
 * or if @t is process 1 and has waited for too long. The space stays that of @t's mm until this
 * vCPU calls pmap_space() for another mm. May sleep; no lock held.
 */
struct space *space_of(struct task *t);
/*
 * Called when the host has refused a runner for current's space on this vCPU: frees a host process
 * if it can, and otherwise sleeps for a moment. The caller then tries again. When @t, which is
 * current, has waited for too long, kills it, or ends the instance if @t is process 1. Ends the
 * instance also if the zygote has died. May sleep; no lock held.
 */
void wait_for_host(struct task *t);
/*
 * Ends the instance with a line that names the cause if the zygote has died, or if @t, whose space
 * is lost, is process 1 and the cause is known. Otherwise returns. Blocks on the host for 10 ms.
 */
void space_lost(struct task *t);
/* True if a task has waited for a host process within the last GAP_NS (scarce.c). */
bool host_is_scarce(void);

/* number of tasks that sleep without a space because host processes are scarce, or were shared */
extern u32 host_waiters;
/* The rare parts of the two functions below. */
void scarce_leave(void);
void scarce_share(struct task *t);

/* Lets other tasks take the space that this idle vCPU ran last. */
static inline void scarce_idle(void)
{
	if (unlikely(READ_ONCE(host_waiters)))
		scarce_leave();
}

/*
 * Gives up the space of @t, current, for waiting tasks if @t has had it for SHARE_NS (20 ms).
 * Called before guest code runs. May sleep.
 */
static inline void scarce_before_guest(struct task *t)
{
	if (unlikely(READ_ONCE(host_waiters)))
		scarce_share(t);
}

#endif
