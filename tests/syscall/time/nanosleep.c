/* SPDX-License-Identifier: MIT */
/* nanosleep(2), clock_nanosleep(2): durations, absolute times, remains, clocks, errors. */
#include "guest.h"

#include <linux/capability.h>

static int elapsed_ok(long start, long least)
{
	long took = now_ms() - start;

	return took >= least && took < least + 20000; /* a busy host is late, not that late */
}

/* Returns a child that is stopped while it sleeps @ms, or 0 if it had ended before. */
static pid_t stopped_sleeper(long ms)
{
	struct timespec ts = { 0, ms * 1000000 };
	pid_t pid = SPAWN(_exit(nanosleep(&ts, NULL) != 0));
	char state;

	T_WAIT((state = t_state(pid)) == 'S' || state == 'Z');
	if (state == 'S') {
		kill(pid, SIGSTOP);
		T_WAIT((state = t_state(pid)) == 'T' || state == 'Z');
	}
	if (state == 'T')
		return pid;
	waitpid(pid, NULL, 0);
	return 0;
}

/* A stop and continue does not end a sleep. */
static void stopped(void)
{
	long start;
	pid_t pid;

	do {
		start = now_ms();
		pid = stopped_sleeper(150);
	} while (!pid);
	kill(pid, SIGCONT);
	t_wait("stopped sleeper", pid);
	say("%d", now_ms() - start >= 150);
}

/* A host without a clock that can wake it says EOPNOTSUPP. */
static void alarms(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { { 0 } };
	struct timespec ts = { 0, 1000 }, bad = { 0, 1000000000 };

	G(syscall(SYS_clock_nanosleep, CLOCK_BOOTTIME_ALARM, 0, &ts, NULL), "0");
	NEED(syscall(SYS_capset, &h, none));
	G(syscall(SYS_clock_nanosleep, CLOCK_BOOTTIME_ALARM, 0, &ts, NULL), "-1 EPERM");
	G(syscall(SYS_clock_nanosleep, CLOCK_REALTIME_ALARM, TIMER_ABSTIME, &ts, NULL), "-1 EPERM");
	G(syscall(SYS_clock_nanosleep, CLOCK_REALTIME_ALARM, 2, &ts, NULL), "-1 EINVAL");
	T(syscall(SYS_clock_nanosleep, CLOCK_REALTIME_ALARM, 0, &bad, NULL));
	T(syscall(SYS_clock_nanosleep, CLOCK_REALTIME_ALARM, 0, BAD, NULL));
}

TEST(nanosleep)
{
	struct timespec ts = { 0, 30000000 }, rem = { 7, 7 }, bad = { 0, 1000000000 },
			neg = { -1, 0 }, zero = { 0, 0 };
	long start = now_ms();

	T(nanosleep(&ts, &rem));
	say("slept %d, remains untouched %ld", elapsed_ok(start, 30), (long)rem.tv_sec);
	T(nanosleep(&zero, NULL));
	T(nanosleep(&bad, NULL));
	T(nanosleep(&neg, NULL));
	T(nanosleep(BAD, NULL));
	start = now_ms();
	T(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &ts, NULL));
	say("%d", elapsed_ok(start, 30));
	start = now_ms();
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_nsec += 40000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL));
	say("%d", elapsed_ok(start, 39));
	T(syscall(
		SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL)); /* in the past */
	T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &zero, NULL));
	ts = (struct timespec){ 0, 1000000 };
	T(syscall(SYS_clock_nanosleep, CLOCK_BOOTTIME, 0, &ts, NULL));
	T(syscall(SYS_clock_nanosleep, CLOCK_TAI, 0, &ts, NULL));
	T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &ts, NULL));
	T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_COARSE, 0, &ts, NULL));
	T(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL));
	T(syscall(SYS_clock_nanosleep, 99, 0, &ts, NULL));
	T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &bad, NULL));
	T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, BAD, NULL));

	t_handle(SIGALRM, SA_RESTART);
	ts = (struct timespec){ 1000, 0 };
	t_alarm_asleep();
	T(nanosleep(&ts, &rem));
	say("remains %d", rem.tv_sec >= 900 && rem.tv_sec < 1000 && rem.tv_nsec > 0);
	t_alarm_asleep();
	T(nanosleep(&ts, BAD));
	t_alarm_asleep();
	T(nanosleep(&ts, NULL));
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += 1000;
	rem.tv_sec = 77;
	t_alarm_asleep();
	T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, &rem));
	say("absolute: remains untouched %ld", (long)rem.tv_sec);

	stopped();
	CHILD(alarms());
}
