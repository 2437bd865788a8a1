/* SPDX-License-Identifier: MIT */
/*
 * run.h: sleeping, waking up and rescheduling.
 *
 *      set_current_state(TASK_INTERRUPTIBLE);          from here on a wake-up counts
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
/*
 * Sets the state with a full barrier after it, so that the condition is read after the state is
 * visible.
 */
#define set_current_state(s) ((void)__atomic_exchange_n(&current->state, (s), __ATOMIC_SEQ_CST))
#define __set_current_state(s) (current->state = (s))

/*
 * Lets other tasks run. Unless its state is TASK_RUNNING, current sleeps until a wake-up, or does
 * not sleep at all if a pending signal ends a sleep in that state. May also return early: the
 * caller tests its condition again. No spinlock held.
 */
void schedule(void);
/* Completes schedule() in a new task, after arch_switch() to it. */
void schedule_tail(struct task *prev);
/* Makes @idle the task that runs on @cpu when no other can. Called at boot, before @cpu starts. */
void sched_init_idle(struct task *idle, int cpu);
/* True if current must reschedule at its next boundary (TIF_NEED_RESCHED). */
bool need_resched(void);
/* Called when a vCPU has nothing to run: does deferred work, which may make tasks runnable. */
void sched_before_idle(void);
/*
 * Frame the sleep of an idle vCPU (arch_idle()). The first is called before the vCPU's state
 * becomes OS_CPU_IDLE, the second after it is OS_CPU_KERNEL again.
 */
void sched_idle_enter(void);
void sched_idle_exit(void);
/* Account CPU time on the way into guest code and back; @now: arch_cpu_clock_local(). */
void account_user_enter(u64 now);
void account_user_exit(void);
/* Called in place of account_user_exit() where no guest code has run. */
void account_user_none(void);
/*
 * A boundary, where a vCPU holds no pointer of an RCU reader: polls interrupts, runs due timers,
 * and reschedules if needed. No spinlock held. cond_resched() keeps current runnable whatever its
 * state. yield() sets that state to TASK_RUNNING, and lets queued tasks of equal rank run.
 */
void cond_resched(void);
void yield(void);
/*
 * True if no other task is queued on this vCPU and current is no SCHED_DEADLINE task. Until the
 * vCPU is kicked, sched_yield(2) would change nothing.
 */
bool sched_alone(void);
/*
 * Moves the fair tasks (neither real-time nor deadline) of this vCPU to @cpu if they are allowed
 * there; current moves at its next boundary. No lock held.
 */
void sched_join(int cpu);
/*
 * True if sched_alone(), current need not reschedule, and this vCPU has no timer or other work due
 * within @ns: current may then block its vCPU in a host call for that time.
 */
bool sched_spare(u64 ns);
/* Accounts @ns of such a host call as waiting for a disk (iowait), not as current's CPU time. */
void sched_waited_on_host(u64 ns);
/*
 * Wakes @t up if its state is in @states. Returns true if it did. Callable with spinlocks held. The
 * caller has a reference to @t, or a lock that keeps it.
 */
bool wake_up_state(struct task *t, u32 states);
#define wake_up_process(t) wake_up_state(t, TASK_NORMAL)
/* Makes a new task runnable for the first time. Callable with spinlocks held. */
void wake_up_new_task(struct task *t);
/* Initialises the scheduler's members of a new task from those of current. */
void sched_fork(struct task *t);
/* Gives back the bandwidth of an exiting SCHED_DEADLINE task. */
void sched_exit(struct task *t);
/* Ends current: sets TASK_DEAD and calls schedule() for the last time. */
void __noreturn sched_dead(void);
/* True if a signal is pending that ends an interruptible sleep of @t. */
bool signal_pending(struct task *t);
/* True if @t is being killed: a killable sleep of @t ends. */
bool fatal_signal_pending(struct task *t);
/*
 * Reschedules if needed. Returns -EINTR if current is being killed, else 0. For loops whose length
 * a disk image or a guest determines.
 */
static inline int boundary_or_killed(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}
/* Woken up at a boundary, never inside printk(), when the log has a new line. */
extern struct wait_queue_head printk_wait;
/*
 * Makes every vCPU execute a full barrier, also those in guest code. Sleeps until all have done so.
 */
void sched_barrier(void);

#endif
