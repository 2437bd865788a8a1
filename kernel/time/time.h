/* SPDX-License-Identifier: MIT */
/*
 * time.h: clocks and timers as guests see them. Inside the kernel a time is nanoseconds in a u64;
 * TIME_MAX is "never".
 */
#ifndef NESTLING_TIME_H
#define NESTLING_TIME_H

#include <linux/time.h>
#include <linux/time_types.h>

#include "kernel/lib/types.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/timer.h"

#define USER_HZ 100

struct signal_struct;

/*
 * Reads a guest's timespec (struct __kernel_timespec) as nanoseconds, at most TIME_MAX. Returns 0,
 * -EFAULT, -EINVAL.
 */
int get_timespec(uaddr_t ua, u64 *ns);
int put_timespec(uaddr_t ua, u64 ns); /* 0 or -EFAULT */
/* Read and write struct __kernel_old_timeval. */
int get_timeval(uaddr_t ua, u64 *ns);
int put_timeval(uaddr_t ua, u64 ns);
/* Read and write struct __kernel_itimerspec. */
int get_itimerspec(uaddr_t ua, u64 *interval, u64 *value);
int put_itimerspec(uaddr_t ua, u64 interval, u64 value);

/* Returns the ktime deadline that is @ns from now. ~0: beyond all times. */
u64 deadline_in(u64 ns);
/*
 * Returns the ktime deadline for the time @abs on @clock, which advances by itself (not a CPU-time
 * clock).
 */
u64 deadline_at(int clock, u64 abs);

/* Reads any clock of clock_gettime(2). Returns 0 or -EINVAL. */
int clock_read(int clock, u64 *now);
bool clock_is_cpu(int clock);

/*
 * A timer on a clock that advances by itself: like struct ktimer, but it follows clock_settime() if
 * it was armed for a point in real time. func runs at a boundary and may re-arm it.
 */
struct clock_timer {
	struct ktimer timer;
	/* in the list whose timers clock_settime() arms again; under clock_timers_lock */
	struct list_head list;
	int clock;
	u64 abs; /* ns; expiry on @clock */
	void (*func)(struct clock_timer *ct);
};
void clock_timer_setup(struct clock_timer *ct, int clock, void (*func)(struct clock_timer *ct));
/*
 * Returns the clock on which a timer that a guest sets on @clock is armed. A relative timer of real
 * time is armed on the monotonic clock, since it does not follow clock_settime().
 */
int clock_timer_base(int clock, bool absolute);
void clock_timer_start(struct clock_timer *ct, u64 abs);
bool clock_timer_cancel(struct clock_timer *ct);
void clock_timer_cancel_sync(struct clock_timer *ct);
void clock_was_set(void); /* for a jump of real time */
/*
 * Called after real time was slewed, or after TAI's offset has changed. Timers follow. Watchers are
 * not called, since real time has not jumped.
 */
void clock_has_moved(void);

/*
 * A watcher of jumps of real time. func runs under clock_watches_lock, which clock_unwatch() takes
 * too.
 */
struct clock_watch {
	struct list_head list; /* under clock_watches_lock */
	void (*func)(struct clock_watch *w);
};
void clock_watch_setup(struct clock_watch *w, void (*func)(struct clock_watch *w));
void clock_watch(struct clock_watch *w); /* @w may be watching already */
void clock_unwatch(struct clock_watch *w);

/*
 * Makes the threads of @sig check their CPU-time timers at their next boundary, after an interval,
 * a timer or RLIMIT_CPU has changed.
 */
void cpu_timers_changed(struct signal_struct *sig);
/* The arguments of timer_create(2). */
struct posix_timer_info {
	int id, signo, clock;
	int notify; /* SIGEV_* */
	u64 value;
	struct pid *target;
};
/*
 * Calls @tell for each timer of a process, newest first. All values are read at one moment. No lock
 * is held during the calls. Returns 0 or -ENOMEM.
 */
int posix_timers_show(struct signal_struct *sig,
	void (*tell)(void *arg, const struct posix_timer_info *i), void *arg);
u64 process_cpu_time(struct signal_struct *sig); /* ns; takes tasklist_lock */

#endif
