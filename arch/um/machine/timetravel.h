/* SPDX-License-Identifier: MIT */
/*
 * timetravel.h: clocks that do not wait. time-travel: an idle machine goes to its next timer at
 * once. time-travel=inf-cpu: besides, the clocks stand still while anything runs (time_frozen), but
 * for CALL_NS that every system call takes; so what happens when does not depend on the host. Both
 * want one vCPU.
 */
#ifndef NESTLING_TIMETRAVEL_H
#define NESTLING_TIMETRAVEL_H

#include "kernel/lib/types.h"

/* time-travel=inf-cpu was given; constant after boot, as time_travels (arch.h) */
extern bool time_frozen;
/* the guest's monotonic clock in frozen time; written by the only vCPU */
extern u64 frozen_now;

/* Begins, after the parameters and the host's clocks are known; refuses several vCPUs. */
void timetravel_init(void);

/*
 * Skips to @deadline (guest's time; ~0: none), before which the only vCPU has no work, unless an
 * event has come from outside.
 */
void timetravel_idle(u64 deadline);

void timetravel_call(void); /* a system call begins, in frozen time */
/*
 * Prepares for guest code to run on in frozen time. Returns the host time at which it must come
 * back, or 0 if a timer is due.
 */
u64 timetravel_enter(void);

/* Moves all clocks on, in a machine that is idle (time.c). */
void time_skip(u64 ns);
/* Do the parts of time_skip() in cpuclock.c and in entry.c. */
void cpu_clock_skip(u64 ns);

#endif
