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
 * Goes to @deadline (guest's; ~0: ever), before which the only vCPU has nothing to do, unless
 * something has come from outside.
 */
void timetravel_idle(u64 deadline);

void timetravel_call(void); /* a system call begins, in frozen time */
/*
 * Prepares for guest code to run on, in frozen time. Returns the host time at which it must come
 * back, 0: there is a timer due.
 */
u64 timetravel_enter(void);

/* Moves all clocks on, in a machine that is idle (time.c). */
void time_skip(u64 ns);
/* Does the part of cpuclock.c or entry.c in that. */
void cpu_clock_skip(u64 ns);

#endif
