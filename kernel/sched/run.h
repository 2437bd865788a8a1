/* SPDX-License-Identifier: MIT */
/*
 * run.h: sleeping, waking up and giving way.
 *
 *      set_current_state(TASK_INTERRUPTIBLE);          as of now a wake-up counts
 *      if (!condition)
 *              schedule();                             returns after wake_up_process()
 *      __set_current_state(TASK_RUNNING);
 *
 * kernel/sched/lock.h has wait_event(), which is that loop.
 */
#ifndef NESTLING_SCHED_RUN_H
#define NESTLING_SCHED_RUN_H

#include "kernel/sched/task.h"

static inline u32 get_current_state(void)
{
	return current->state;
}
/* Sets the state with a full barrier, so that the condition is not tested early. */
#define set_current_state(s) ((void)__atomic_exchange_n(&current->state, (s), __ATOMIC_SEQ_CST))
#define __set_current_state(s) (current->state = (s))

void schedule(void);
/* Does the other half of schedule() for a new task, after arch_switch(). */
void schedule_tail(struct task *prev);
/* @idle runs on @cpu when nothing else can; at boot, before @cpu starts. */
void sched_init_idle(struct task *idle, int cpu);
bool need_resched(void); /* of current */
/* Does, when a vCPU has nothing to run, what may change that. */
void sched_before_idle(void);
/*
 * Frame the sleep of an idle vCPU (arch_idle): before its state becomes OS_CPU_IDLE and after it is
 * OS_CPU_KERNEL again.
 */
void sched_idle_enter(void);
void sched_idle_exit(void);
/* Ticks of accounting on the way out of and into guest code; @now: arch_cpu_clock_local(). */
void account_user_enter(u64 now);
void account_user_exit(void);
/* In place of account_user_exit() where no guest code has run. */
void account_user_none(void);
/* Passes a boundary: polls interrupts, reschedules. No spinlock held. */
void cond_resched(void);
void yield(void);
/* True if no task waits for this vCPU: until it is kicked, yield() would change nothing. */
bool sched_alone(void);
/*
 * Moves the fair tasks of this vCPU to @cpu if they may run there, current at its next boundary. No
 * lock held.
 */
void sched_join(int cpu);
/*
 * True if no task is queued and no timer is due for @ns, as far as known. So current may keep the
 * vCPU in a call of the host for so long.
 */
bool sched_spare(u64 ns);
/* Counts @ns of such a call as waiting for a disk instead of current's CPU time. */
void sched_waited_on_host(u64 ns);
/* Wakes @t up if its state is in @states. True if it did. Works with spinlocks held. */
bool wake_up_state(struct task *t, u32 states);
#define wake_up_process(t) wake_up_state(t, TASK_NORMAL)
void wake_up_new_task(struct task *t);
/* Initialises the scheduler's fields of a new task, from current. */
void sched_fork(struct task *t);
void sched_exit(struct task *t);
/* Ends current by its last schedule() (state TASK_DEAD). */
void __noreturn sched_dead(void);
/* True if @t has a signal to take: an interruptible sleep of its ends. */
bool signal_pending(struct task *t);
/* True if @t is to die: a killable sleep of its ends. */
bool fatal_signal_pending(struct task *t);
/*
 * Reschedules, then returns -EINTR for a task that is to die, else 0: for loops whose length an
 * image or a guest sets.
 */
static inline int boundary_or_killed(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}
/* Woken when the log has got a line: at a boundary, never inside printk(). */
extern struct wait_queue_head printk_wait;
/* Makes every vCPU execute a full barrier, also those in guest code. Sleeps until they have. */
void sched_barrier(void);

#endif
