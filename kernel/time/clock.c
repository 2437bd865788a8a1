/* SPDX-License-Identifier: MIT */
/*
 * clock.c: reads and sets clocks.
 *
 * Real time, monotonic and boot time come from the machine (arch.h). TAI is real time with an
 * offset that adjtimex() sets, zero until then. Clock numbers below zero name the CPU time of a
 * process or thread, in Linux's encoding: ~pid << 3, bit 2 for a thread, the low two bits for the
 * kind of time (0: user and system, 1: user, 2: the scheduler's sum). 3 in the low bits would name
 * a PTP clock by its descriptor; there are none.
 *
 * ntp.c disciplines real time.
 */
#include <asm/errno.h>
#include <linux/timex.h>
#include <linux/times.h>

#include "arch/um/machine/arch.h"
#include "arch/um/machine/uaccess.h"
#include "kernel/lib/string.h"
#include "kernel/ident/cred.h"
#include "kernel/task/ns/nsproxy.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/process.h"
#include "kernel/task/signal/signal.h"
#include "kernel/time/internal.h"
#include "kernel/time/time.h"
#include "gen/syscalls.h"

#define COARSE_RES 4000000UL /* ns */
/*
 * Real time cannot be set to this value (ns) or a later one: 30 years before the clock overflows.
 */
#define SETTABLE ((TIME_MAX / NSEC_PER_SEC - 30UL * 365 * 24 * 3600) * NSEC_PER_SEC)

/* ---- guest structures ---- */

/* Converts to ns, at most TIME_MAX. */
static u64 to_ns(u64 sec, u64 nsec)
{
	if (sec >= TIME_MAX / NSEC_PER_SEC)
		return TIME_MAX;
	return sec * NSEC_PER_SEC + nsec;
}

/* Converts to ns. Returns 0, or -EINVAL for an invalid time. */
static int timespec_ns(const struct __kernel_timespec *ts, u64 *ns)
{
	if (ts->tv_sec < 0 || (u64)ts->tv_nsec >= NSEC_PER_SEC)
		return -EINVAL;
	*ns = to_ns((u64)ts->tv_sec, (u64)ts->tv_nsec);
	return 0;
}

static struct __kernel_timespec ns_timespec(u64 ns)
{
	return (struct __kernel_timespec){
		.tv_sec = (s64)(ns / NSEC_PER_SEC),
		.tv_nsec = (long long)(ns % NSEC_PER_SEC),
	};
}

int get_timespec(uaddr_t ua, u64 *ns)
{
	struct __kernel_timespec ts;

	if (copy_from_user(&ts, ua, sizeof(ts)))
		return -EFAULT;
	return timespec_ns(&ts, ns);
}

int put_timespec(uaddr_t ua, u64 ns)
{
	struct __kernel_timespec ts = ns_timespec(ns);

	return copy_to_user(ua, &ts, sizeof(ts)) ? -EFAULT : 0;
}

int get_timeval(uaddr_t ua, u64 *ns)
{
	struct __kernel_old_timeval tv;

	if (copy_from_user(&tv, ua, sizeof(tv)))
		return -EFAULT;
	if (tv.tv_sec < 0 || (u64)tv.tv_usec >= 1000000)
		return -EINVAL;
	*ns = to_ns((u64)tv.tv_sec, (u64)tv.tv_usec * 1000);
	return 0;
}

int put_timeval(uaddr_t ua, u64 ns)
{
	struct __kernel_old_timeval tv = {
		.tv_sec = (long)(ns / NSEC_PER_SEC),
		.tv_usec = (long)(ns % NSEC_PER_SEC / 1000),
	};

	return copy_to_user(ua, &tv, sizeof(tv)) ? -EFAULT : 0;
}

int get_itimerspec(uaddr_t ua, u64 *interval, u64 *value)
{
	struct __kernel_itimerspec its;
	int err;

	if (copy_from_user(&its, ua, sizeof(its)))
		return -EFAULT;
	err = timespec_ns(&its.it_interval, interval);
	return err ? err : timespec_ns(&its.it_value, value);
}

int put_itimerspec(uaddr_t ua, u64 interval, u64 value)
{
	struct __kernel_itimerspec its = {
		.it_interval = ns_timespec(interval),
		.it_value = ns_timespec(value),
	};

	return copy_to_user(ua, &its, sizeof(its)) ? -EFAULT : 0;
}

/* ---- reading ---- */

u64 deadline_in(u64 ns)
{
	u64 d;

	return check_add_overflow(ktime_get(), ns, &d) || d >= TIME_MAX ? ~0UL : d;
}

u64 deadline_at(int clock, u64 abs)
{
	u64 now;

	if (abs >= TIME_MAX || clock_read(clock, &now))
		return ~0UL;
	return abs > now ? deadline_in(abs - now) : 0;
}

bool clock_is_cpu(int clock)
{
	return clock < 0 || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID;
}

/*
 * Returns the thread or process that a dynamic clock number names, with a reference, or NULL. A
 * thread must belong to current's process, and a process must be named by its leader's pid.
 */
static struct task *clock_task(int clock)
{
	pid_t pid = ~(clock >> 3);
	struct task *t;

	if ((clock & 3) > 2)
		return NULL;
	t = find_get_task(pid ? pid : task_pid_vnr(current));
	if (!t)
		return NULL;
	if (clock & 4 ? t->tgid != current->tgid : pid && t->pid != t->tgid) {
		put_task(t);
		return NULL;
	}
	return t;
}

/*
 * Reads the CPU clock of a process or thread, in ns. Returns 0, or -EINVAL if the number is invalid
 * or names no task.
 */
static int read_dynamic(int clock, u64 *now)
{
	struct task *t = clock_task(clock);
	u64 ut, st;

	if (!t)
		return -EINVAL;
	if ((clock & 3) == 2)
		*now = clock & 4 ? task_sched_runtime(t) : process_cpu_time(t->signal);
	else if (clock & 4)
		task_times(t, &ut, &st);
	else
		thread_group_times(t, &ut, &st);
	if ((clock & 3) != 2)
		*now = (clock & 3) == 0 ? ut + st : ut;
	put_task(t);
	return 0;
}

int clock_read(int clock, u64 *now)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_ALARM: *now = ktime_get_real(); return 0;
	case CLOCK_TAI: *now = ktime_get_tai(); return 0;
	case CLOCK_REALTIME_COARSE: *now = ktime_get_real_coarse(); return 0;
	case CLOCK_MONOTONIC: *now = ktime_get(); return 0;
	case CLOCK_MONOTONIC_RAW: *now = ktime_get_raw(); return 0;
	case CLOCK_MONOTONIC_COARSE: *now = ktime_get_coarse(); return 0;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM: *now = ktime_get_boottime(); return 0;
	case CLOCK_PROCESS_CPUTIME_ID: *now = process_cpu_time(current->signal); return 0;
	case CLOCK_THREAD_CPUTIME_ID: *now = task_sched_runtime(current); return 0;
	default: return clock < 0 ? read_dynamic(clock, now) : -EINVAL;
	}
}

/*
 * Returns the clock number to read for @which. A process clock that has current's pid means
 * current's process, even if current is not its leader. Linux accepts such a number only for
 * reading.
 */
static int own_clock(int which)
{
	bool process = which < 0 && !(which & 4) && (which & 3) <= 2;

	return process && ~(which >> 3) == task_pid_vnr(current) ? -8 | (which & 7) : which;
}

long sys_clock_gettime(int which, uaddr_t tp)
{
	u64 now;
	int err = clock_read(own_clock(which), &now);

	return err ? err : put_timespec(tp, time_ns_read(which, now));
}

long sys_clock_getres(int which, uaddr_t tp)
{
	u64 now, res = 1;
	int err = clock_read(which, &now);

	if (err)
		return err;
	/* Coarse clocks, user time and system time have the resolution of a tick. */
	if (which == CLOCK_REALTIME_COARSE || which == CLOCK_MONOTONIC_COARSE ||
		(which < 0 && (which & 3) < 2))
		res = COARSE_RES;
	return tp.v ? put_timespec(tp, res) : 0;
}

/* The time zone: two words that the kernel stores and returns. Only set_zone() uses them, once. */
struct zone {
	s32 minuteswest, dsttime;
};
#define ZONE_MAX (15 * 60) /* minutes */

static DEFINE_SPINLOCK(zone_lock);
static struct zone zone; /* zone and zone_known: under zone_lock */
static bool zone_known;

long sys_gettimeofday(uaddr_t tv, uaddr_t tz)
{
	struct zone z;

	if (tv.v && put_timeval(tv, ktime_get_real()))
		return -EFAULT;
	spin_lock(&zone_lock);
	z = zone;
	spin_unlock(&zone_lock);
	if (tz.v && copy_to_user(tz, &z, sizeof(z)))
		return -EFAULT;
	return 0;
}

long sys_time(uaddr_t tloc)
{
	s64 sec = (s64)(ktime_get_real() / NSEC_PER_SEC);

	if (tloc.v && put_user(sec, tloc))
		return -EFAULT;
	return sec;
}

/* Converts ns to ticks of USER_HZ. */
static u64 ticks(u64 ns)
{
	return ns / (NSEC_PER_SEC / USER_HZ);
}

long sys_times(uaddr_t buf)
{
	struct signal_struct *sig = current->signal;
	u64 ut, st;
	struct tms t;

	if (buf.v) {
		thread_group_times(current, &ut, &st);
		t.tms_utime = (long)ticks(ut);
		t.tms_stime = (long)ticks(st);
		t.tms_cutime = (long)ticks(READ_ONCE(sig->cutime));
		t.tms_cstime = (long)ticks(READ_ONCE(sig->cstime));
		if (copy_to_user(buf, &t, sizeof(t)))
			return -EFAULT;
	}
	return (long)ticks(time_ns_read(CLOCK_BOOTTIME, ktime_get_boottime()));
}

/* ---- setting ---- */

/* Sets real time, in ns since 1970. Returns 0, -EINVAL (out of range) or -EPERM. */
static long set_real(u64 ns)
{
	if (ns >= SETTABLE)
		return -EINVAL;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	if (ns < ktime_get())
		/* the boot would be before 1970 */
		return -EINVAL;
	arch_set_realtime_offset((s64)(ns - ktime_get_real()));
	ntp_clear();
	clock_was_set();
	return 0;
}

long sys_clock_settime(int which, uaddr_t tp)
{
	u64 ns;
	int err;

	/* Clocks of CPU time cannot be set: -EPERM if the clock exists, else -EINVAL. */
	if (which < 0) {
		err = get_timespec(tp, &ns);
		return err == -EFAULT ? err : clock_read(which, &ns) ? -EINVAL : -EPERM;
	}
	if (which != CLOCK_REALTIME)
		return -EINVAL;
	err = get_timespec(tp, &ns);
	return err ? err : set_real(ns);
}

/*
 * Sets the zone. @alone: the caller sets no time with it. If the first zone is set alone, the clock
 * was started with local time, so the clock is corrected; errors of the correction are ignored.
 * (Therefore systemd sets a zone of 0 first.) Returns 0 or -EINVAL.
 */
static int set_zone(const struct zone *z, bool alone)
{
	bool first;

	if (z->minuteswest < -ZONE_MAX || z->minuteswest > ZONE_MAX)
		return -EINVAL;
	spin_lock(&zone_lock);
	first = !zone_known;
	zone_known = true;
	zone = *z;
	spin_unlock(&zone_lock);
	if (first && alone && z->minuteswest)
		set_real(ktime_get_real() + (u64)((s64)z->minuteswest * 60 * (s64)NSEC_PER_SEC));
	return 0;
}

long sys_settimeofday(uaddr_t tv, uaddr_t tz)
{
	struct zone z;
	u64 ns = 0;
	int err = tv.v ? get_timeval(tv, &ns) : 0;

	if (err)
		return err;
	if (tz.v && copy_from_user(&z, tz, sizeof(z)))
		return -EFAULT;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	err = tz.v ? set_zone(&z, !tv.v) : 0;
	return err || !tv.v ? err : set_real(ns);
}

int clock_step(const struct __kernel_timex *tx)
{
	u64 unit = tx->modes & ADJ_NANO ? 1 : 1000, now = ktime_get_real();
	s64 ns = (s64)(now % NSEC_PER_SEC), sec = (s64)(now / NSEC_PER_SEC);

	if (tx->time.tv_usec < 0 || (u64)tx->time.tv_usec >= NSEC_PER_SEC / unit)
		return -EINVAL;
	ns += tx->time.tv_usec * (s64)unit;
	if (check_add_overflow(sec, (s64)tx->time.tv_sec, &sec) || sec < 0)
		return -EINVAL;
	return (int)set_real(to_ns((u64)sec, (u64)ns));
}

/* Returns 0 if the clock can be adjusted, or -errno. */
static int adjustable(int which)
{
	u64 now;

	if (which == CLOCK_REALTIME)
		return 0;
	if (which < 0 && (which & 7) != CLOCK_OF_FILE)
		return -EOPNOTSUPP;
	return clock_read(which, &now) ? -EINVAL : -EOPNOTSUPP;
}

/* Serves adjtimex(2). Returns the clock's state (TIME_*) or -errno. */
static long adjust(int which, uaddr_t ua)
{
	struct __kernel_timex tx;
	int state;

	if (copy_from_user(&tx, ua, sizeof(tx)))
		return -EFAULT;
	state = adjustable(which);
	if (state)
		return state;
	state = ntp_adjust(&tx);
	if (state >= 0 && copy_to_user(ua, &tx, sizeof(tx)))
		return -EFAULT;
	return state;
}

long sys_adjtimex(uaddr_t tx)
{
	return adjust(CLOCK_REALTIME, tx);
}

long sys_clock_adjtime(int which, uaddr_t tx)
{
	return adjust(which, tx);
}
