/* SPDX-License-Identifier: MIT */
/* internal.h: shared by the files of kernel/time. */
#ifndef NESTLING_TIME_INTERNAL_H
#define NESTLING_TIME_INTERNAL_H

#include "kernel/task/signal/signal.h"
#include "kernel/time/time.h"

/*
 * Expires the CPU-time timers of @sig that are due at the process time @exec. Returns the shortest
 * rest, or ~0 (posix_timer.c).
 */
u64 posix_cpu_timers_check(struct signal_struct *sig, u64 exec);
void posix_timers_delete_all(struct signal_struct *sig);

/* For sched_timer_ops. */
int sleep_until_real(u64 at);
/* For process_timer_ops. */
void timer_signal_taken(siginfo_t *info);
void timer_signal_wanted(int signo);

/*
 * Returns the first of expires, expires + interval, ... that is after @now; *missed: how many of
 * them are before.
 */
u64 next_period(u64 expires, u64 interval, u64 now, u64 *missed);

/*
 * Returns the next expiry, on that grid, of a timer that expires now. *missed: periods that have
 * passed already; *left_out: further ones before the next expiry, which have not passed yet.
 * *@unseen: expiries since its signal was last taken. The longer the signal is not taken (blocked,
 * ignored, the process is stopped), the longer the timer rests, up to 0.7 s: else such timers, of
 * which a user may have thousands, would use up a vCPU. The rest ends when the signal is taken, or
 * no longer ignored.
 */
u64 next_expiry(u64 expires, u64 interval, u64 now, u8 *unseen, u64 *missed, u64 *left_out);

/*
 * Returns the @rest that a timer shows which has expired before: never more than a period, if that
 * is short and the timer may rest longer.
 */
u64 rest_of_period(u64 rest, u64 interval);

/*
 * Ends the rest of the real timer of current's process: SIGALRM was taken, or is not ignored any
 * more.
 */
void real_timer_wanted(void);

struct __kernel_timex;
/* clock.c: ADJ_SETOFFSET. */
int clock_step(const struct __kernel_timex *tx);

/* Implements adjtimex(2) (ntp.c). Returns the state of the clock (TIME_OK ...), or -errno. */
int ntp_adjust(struct __kernel_timex *tx);
/* Drops pending corrections, since the clock was set. */
void ntp_clear(void);

/* Low bits of a clock number that names a descriptor: a PTP clock. */
#define CLOCK_OF_FILE 3

#endif
