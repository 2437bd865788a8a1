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

/* True if timers on @clock would wake a suspended machine: they need CAP_WAKE_ALARM. */
static inline bool clock_is_alarm(int clock)
{
	return clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM;
}

struct signal_struct;

/*
 * Reads a guest's timespec (struct __kernel_timespec) as ns, at most TIME_MAX. This function and
 * the five that follow access guest memory at @ua, may sleep, and return 0 or -EFAULT. Those that
 * read return -EINVAL for a negative time or a fraction of a second that is too large.
 */
int get_timespec(uaddr_t ua, u64 *ns);
int put_timespec(uaddr_t ua, u64 ns);
/* struct __kernel_old_timeval; put_timeval() rounds @ns down to microseconds. */
int get_timeval(uaddr_t ua, u64 *ns);
int put_timeval(uaddr_t ua, u64 ns);
/* struct __kernel_itimerspec; @interval and @value in ns. */
int get_itimerspec(uaddr_t ua, u64 *interval, u64 *value);
int put_itimerspec(uaddr_t ua, u64 interval, u64 value);

/* Returns the ktime deadline that is @ns from now, or ~0 if it is TIME_MAX or later. */
u64 deadline_in(u64 ns);
/*
 * Returns the ktime deadline for the time @abs (ns) on @clock, which advances by itself (not a
 * CPU-time clock): 0 if @abs has passed, ~0 if it is TIME_MAX or later.
 */
u64 deadline_at(int clock, u64 abs);

/*
 * Reads any clock of clock_gettime(2), in ns. Returns 0, or -EINVAL for an unknown clock, or a
 * process or thread that current may not name. Takes tasklist_lock for a CPU-time clock.
 */
int clock_read(int clock, u64 *now);
/* True if @clock counts the CPU time of a process or thread. @clock need not exist. */
bool clock_is_cpu(int clock);

/*
 * A timer on a clock that advances by itself: like struct ktimer, but it follows clock_settime() if
 * it was armed for a point in real time. func runs at a boundary with no lock held, may not sleep,
 * and may re-arm the timer.
 */
struct clock_timer {
	struct ktimer timer;
	/* in the list whose timers clock_settime() arms again; under clock_timers_lock */
	struct list_head list;
	int clock;
	u64 abs; /* ns; expiry on @clock */
	void (*func)(struct clock_timer *ct);
};
/* Initialises a timer on @clock, as of clock_timer_base(), without arming it. */
void clock_timer_setup(struct clock_timer *ct, int clock, void (*func)(struct clock_timer *ct));
/*
 * Returns the clock on which a timer that a guest sets on @clock is armed. A relative timer of real
 * time is armed on the monotonic clock, since it does not follow clock_settime().
 */
int clock_timer_base(int clock, bool absolute);
/*
 * Arms the timer, or changes its expiry to the time @abs (ns) on its clock; it never expires if
 * @abs is TIME_MAX or later. The owner serialises calls for one timer. Callable with spinlocks
 * held.
 */
void clock_timer_start(struct clock_timer *ct, u64 abs);
/* Disarms the timer. Returns true if it was armed. Does not wait for func. */
bool clock_timer_cancel(struct clock_timer *ct);
/* As clock_timer_cancel(), but returns false if func is running, as timer_try_cancel() does. */
bool clock_timer_try_cancel(struct clock_timer *ct);
/* Disarms the timer and waits until func has ended. Nothing else arms it meanwhile. May sleep. */
void clock_timer_cancel_sync(struct clock_timer *ct);
/*
 * Called after a jump of real time: arms the timers of real time and TAI again, and calls the
 * watchers.
 */
void clock_was_set(void);
/*
 * Called after real time was slewed, or after TAI's offset has changed. The timers on them are
 * armed again. The watchers are not called, since real time has not jumped.
 */
void clock_has_moved(void);

/*
 * A watcher of jumps of real time. func runs under the spinlock clock_watches_lock, so it may not
 * sleep, and may not call clock_watch() or clock_unwatch().
 */
struct clock_watch {
	struct list_head list; /* under clock_watches_lock */
	void (*func)(struct clock_watch *w);
};
void clock_watch_setup(struct clock_watch *w, void (*func)(struct clock_watch *w));
/* Starts the watch. Does nothing if @w watches already. Takes clock_watches_lock. */
void clock_watch(struct clock_watch *w);
/* Ends the watch. No func of @w runs when it returns. @w need not be watching. */
void clock_unwatch(struct clock_watch *w);

/*
 * Makes the threads of @sig check their CPU-time timers at their next boundary, after an interval,
 * a timer or RLIMIT_CPU has changed. Takes tasklist_lock.
 */
void cpu_timers_changed(struct signal_struct *sig);
/* The arguments of timer_create(2). */
struct posix_timer_info {
	/*
	 * @signo has no meaning if @notify is SIGEV_NONE. @clock is -6 for the CPU time of the
	 * process itself, -2 for that of the thread that made the timer.
	 */
	int id, signo, clock;
	int notify; /* SIGEV_* */
	/* sigev_value; without an event in timer_create(), the id */
	u64 value;
	/* The receiver, a process or a thread; borrowed for the call. */
	struct pid *target;
};
/*
 * Calls @show for each timer of a process, newest first. All values are read at one moment. No lock
 * is held during the calls. Returns 0 or -ENOMEM. The caller holds a reference on a task of @sig.
 * May sleep.
 */
int posix_timers_show(struct signal_struct *sig,
	void (*show)(void *arg, const struct posix_timer_info *i), void *arg);
u64 process_cpu_time(struct signal_struct *sig); /* ns; takes tasklist_lock */

#endif
