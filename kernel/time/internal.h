/* SPDX-License-Identifier: MIT */
/* internal.h: declarations shared by the files of kernel/time. */
#ifndef NESTLING_TIME_INTERNAL_H
#define NESTLING_TIME_INTERNAL_H

#include "kernel/task/signal/signal.h"
#include "kernel/time/time.h"

/*
 * posix_timer.c: sends the signals of the CPU-time timers that are due: those of @sig, current's
 * process, at the process time @exec (ns), and those of current. Returns the ns of CPU time until
 * the next expiry, ~0 if there is none, or 0 if some timers are still due. The caller holds no
 * lock.
 */
u64 posix_cpu_timers_check(struct signal_struct *sig, u64 exec);
/* Deletes the POSIX timers of @sig and takes their signals off the queues. May sleep. */
void posix_timers_delete_all(struct signal_struct *sig);

/*
 * For sched_timer_ops: sleeps until @at (ns) of real time, and returns -ETIMEDOUT; or until a
 * wake-up, and returns 0. The caller has set its task state.
 */
int sleep_until_real(u64 at);
/* For process_timer_ops: current has taken the signal of a timer. The caller holds no lock. */
void timer_signal_taken(siginfo_t *info);
/*
 * For process_timer_ops: current's process does not ignore @signo any more. The caller holds no
 * lock; may sleep.
 */
void timer_signal_wanted(int signo);

/*
 * Returns the first of expires + interval, expires + 2 * interval, ... after @now. *missed: how
 * many of these times have passed. All times are ns; @interval is not 0.
 */
u64 next_period(u64 expires, u64 interval, u64 now, u64 *missed);

/*
 * Returns the next time of the series expires, expires + interval, ... at which a timer that
 * expires now is to expire again. *missed: periods that have passed already. *left_out: further
 * periods that are skipped although they have not passed yet. *unseen: expiries since the timer's
 * signal was last taken. The longer the signal is not taken (blocked, ignored, the process is
 * stopped), the longer the timer rests, up to 0.7 s. Otherwise such timers, of which a user may
 * have thousands, would use up a vCPU. The rest ends when the signal is taken, or is no longer
 * ignored. @interval is not 0.
 */
u64 next_expiry(u64 expires, u64 interval, u64 now, u8 *unseen, u64 *missed, u64 *left_out);

/*
 * Returns the remaining time that a guest reads of a timer that has expired before. @rest: ns until
 * its next expiry, or 0 if it is not armed. If the period @interval is so short that the timer may
 * rest, the result is at most a period.
 */
u64 rest_of_period(u64 rest, u64 interval);

/*
 * Ends the rest of the real timer of current's process: SIGALRM was taken, or is not ignored any
 * more.
 */
void real_timer_wanted(void);

struct __kernel_timex;
/*
 * clock.c: serves ADJ_SETOFFSET: moves real time by tx->time. Returns 0, -EINVAL, or -EPERM without
 * CAP_SYS_TIME.
 */
int clock_step(const struct __kernel_timex *tx);

/*
 * Serves adjtimex(2) (ntp.c): applies *tx, and overwrites it with the state of the clock. Returns
 * TIME_OK or TIME_ERROR; or -EPERM or -EINVAL, with *tx unchanged.
 */
int ntp_adjust(struct __kernel_timex *tx);
/* Drops pending corrections, since the clock was set. */
void ntp_clear(void);

/* low three bits of a clock number that names a file descriptor: a PTP clock */
#define CLOCK_OF_FILE 3

#endif
