/* SPDX-License-Identifier: MIT */
/*
 * timetravel.h: clocks that do not wait. time-travel: an idle machine skips to its next timer at
 * once. time-travel=inf-cpu: in addition, the clocks stop while anything runs (time_frozen), except
 * that every system call takes 1 us. So timing does not depend on the host, with one exception: for
 * each second of the host's time that a task computes without a call, the clocks advance by a
 * second. Both modes require one vCPU.
 */
#ifndef NESTLING_TIMETRAVEL_H
#define NESTLING_TIMETRAVEL_H

#include "kernel/lib/types.h"

/* time-travel=inf-cpu was given; constant after boot, as time_travels (arch.h) */
extern bool time_frozen;
/* the guest's monotonic clock in frozen time, ns; written by the only vCPU */
extern u64 frozen_now;

/* Starts time travel once the parameters and the host's clocks are known. Refuses several vCPUs. */
void timetravel_init(void);

/*
 * Skips to @deadline (ktime_get(), ns; ~0: none, blocks on the host), unless an event has come from
 * outside. Called by the only vCPU, which has no work before that time.
 */
void timetravel_idle(u64 deadline);

void timetravel_call(void); /* frozen time: a system call begins */
/*
 * Called in frozen time before guest code runs on. Returns the time of os_clock_mono() at which it
 * must return to the kernel, or 0 if a timer is due.
 */
u64 timetravel_enter(void);

/* Advances all clocks of an idle machine (time.c). */
void time_skip(u64 ns);
/* Does the part of time_skip() in cpuclock.c. */
void cpu_clock_skip(u64 ns);

#endif
