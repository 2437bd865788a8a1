/* SPDX-License-Identifier: MIT */
/*
 * sched.h: the public header of kernel/sched, which runs tasks on vCPUs. It includes the headers
 * that nearly every user of the scheduler needs:
 *
 *      task.h          struct task, its references, its work on the way to user mode
 *      run.h           schedule(), states, wake-ups, boundaries
 *      lock.h          mutexes, rwsems, completions, wait queues
 *      timer.h         timers in ktime, work, RCU
 *      kthread.h       kthread_run()
 *      policy.h        nice values, real-time priorities, deadlines, affinity
 *      stats.h         CPU times, load, counts
 *      sched_ops.h     tables by which sched calls rooms above it
 *
 * Apart from these: group.h (CPU shares and quotas of control groups) and psi.h (pressure).
 * internal.h is for the files of sched only.
 *
 * A task sleeps and runs again like this:
 *
 *      wait_event()                    wait.c: queues itself, sets its state
 *      schedule()                      core.c: class_pick() takes the next task, arch_switch()
 *      wake_up()                       another task: balance_select() chooses a vCPU
 *      class_enqueue()                 class.c: the queue of that vCPU, which is kicked if the task
 *                                      preempts what runs there
 *
 * The kernel is not preemptible: a task gives up its vCPU only where it sleeps and at boundaries
 * (cond_resched(), the way back into guest code).
 *
 * Locks: each runqueue has a raw spin lock, under which its tasks' scheduling members change.
 * tasklist_lock protects families and lists of tasks. kernel/lib/lock_order has the order.
 *
 * sched may include headers of arch/um/machine, skas and lib. It calls higher rooms only through
 * the tables of sched_ops.h.
 */
#ifndef NESTLING_SCHED_H
#define NESTLING_SCHED_H

#include "kernel/sched/kthread.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/policy.h"
#include "kernel/sched/run.h"
#include "kernel/sched/sched_ops.h"
#include "kernel/sched/stats.h"
#include "kernel/sched/task.h"
#include "kernel/sched/timer.h"

#endif
