/* SPDX-License-Identifier: MIT */
/* internal.h: shared by the files of kernel/time. */
#ifndef NESTLING_TIME_INTERNAL_H
#define NESTLING_TIME_INTERNAL_H

#include "kernel/time/time.h"

/* posix_timer.c: lets the CPU-time timers of @sig expire whose time has come (process time @exec); the least rest, or ~0. */
u64 posix_cpu_timers_check(struct signal_struct *sig, u64 exec);
void posix_timers_delete_all(struct signal_struct *sig);

/* The first of expires, expires + interval, ... that is after @now; *missed: how many of them lie before. */
u64 next_period(u64 expires, u64 interval, u64 now, u64 *missed);

/*
 * The next expiry, on that grid, of a timer that expires now; *missed: how many have passed already, *left_out: how many more before that
 * next one, which have not passed yet. *@unseen: how often it has expired since its signal was last taken. The longer nobody takes it (it is
 * blocked, ignored, the process is stopped), the longer the timer rests, up to 0.7 s: else such timers, of which a user may have
 * thousands, use up a vCPU. Whoever takes it, or ignores it no longer, ends that rest.
 */
u64 next_expiry(u64 expires, u64 interval, u64 now, u8 *unseen, u64 *missed, u64 *left_out);

/* What is told of the @rest of a timer that has expired before: never more than a period, where that is short and it may rest longer. */
u64 rest_of_period(u64 rest, u64 interval);

/* The real timer of current's process: SIGALRM was taken, or is not ignored any more. */
void real_timer_wanted(void);

struct __kernel_timex;
/* clock.c: ADJ_SETOFFSET. */
int clock_step(const struct __kernel_timex *tx);

/* ntp.c: adjtimex(2); the state of the clock (TIME_OK ...), or -errno. */
int ntp_adjust(struct __kernel_timex *tx);
void ntp_clear(void); /* the clock was set: what was to be corrected is void */

#define CLOCK_OF_FILE 3 /* the low bits of a clock number that names a descriptor: a PTP clock */

#endif
