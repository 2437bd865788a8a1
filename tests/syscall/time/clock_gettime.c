/* SPDX-License-Identifier: MIT */
/*
 * clock_gettime(2), clock_getres(2), gettimeofday(2), time(2), times(2): through the vDSO and as
 * real calls.
 */
#include "t.h"
#include <sys/times.h>

static long long ns(struct timespec ts)
{
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* Reads a clock by system call and by vDSO. Tries again if the host stood still in between. */
static void read_both(int clock, struct timespec *call, struct timespec *vdso)
{
	for (int i = 0; i < 20; i++) {
		NEED(syscall(SYS_clock_gettime, clock, call));
		NEED(clock_gettime(clock, vdso));
		if (ns(*vdso) - ns(*call) < 1000000000ll)
			break;
	}
}

static void each(void)
{
	static const int clocks[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99, -1 };
	char text[64];
	size_t i;

	for (i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		struct timespec a, b, res;
		long r;

		if (clocks[i] == 8 || clocks[i] == 9)
			continue; /* alarms need a clock chip */
		snprintf(text, sizeof(text), "clock_gettime(%d)", clocks[i]);
		r = TN(text, syscall(SYS_clock_gettime, clocks[i], &a));
		snprintf(text, sizeof(text), "clock_getres(%d)", clocks[i]);
		TN(text, syscall(SYS_clock_getres, clocks[i], &res));
		if (r == -1)
			continue;
		read_both(clocks[i], &a, &b); /* the vDSO agrees with the kernel */
		say("clock %d: close to the vDSO's %d, monotonic %d, fine %d", clocks[i],
			ns(b) - ns(a) < 1000000000ll, ns(b) - ns(a) >= 0, ns(res) <= 10000000);
	}
}

/* A caller that mixes system calls and the vDSO sees no step back. */
static void mixed(void)
{
	static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,
		CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI };
	struct timespec a, b, c;

	for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		int wrong = 0;

		for (int n = 0; n < 500; n++) {
			syscall(SYS_clock_gettime, clocks[i], &a);
			clock_gettime(clocks[i], &b);
			syscall(SYS_clock_gettime, clocks[i], &c);
			wrong += ns(b) < ns(a) || ns(c) < ns(b);
		}
		say("clock %d: out of order %d times", clocks[i], wrong);
	}
}

TEST(clock_gettime)
{
	struct timespec ts, last, rt;
	struct timeval tv, v;
	struct tms tms;
	time_t t;
	int i, backwards = 0;

	each();
	T(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, BAD));
	T(syscall(SYS_clock_getres, CLOCK_MONOTONIC, NULL));
	T(syscall(SYS_clock_getres, CLOCK_MONOTONIC, BAD));
	clock_gettime(CLOCK_MONOTONIC, &last);
	for (i = 0; i < 100000; i++) {
		clock_gettime(CLOCK_MONOTONIC, &ts);
		backwards += ns(ts) < ns(last);
		last = ts;
	}
	say("went backwards %d times", backwards);
	mixed();
	for (i = 0; i < 20; i++) { /* as read_both() */
		NEED(syscall(SYS_clock_gettime, CLOCK_REALTIME, &rt));
		NEED(syscall(SYS_gettimeofday, &tv, NULL));
		t = syscall(SYS_time, NULL);
		gettimeofday(&v, NULL);
		if (v.tv_sec - rt.tv_sec <= 1)
			break;
	}
	say("agree: %d %d", tv.tv_sec - rt.tv_sec <= 1, t - rt.tv_sec <= 1);
	say("the vDSO's agree: %d", v.tv_sec - tv.tv_sec <= 1);
	T(syscall(SYS_time, &t) == t);
	T(syscall(SYS_time, BAD));
	T(syscall(SYS_gettimeofday, BAD, NULL));
	T(syscall(SYS_gettimeofday, NULL, NULL));
	say("times: %d", syscall(SYS_times, &tms) != -1);
	T(syscall(SYS_times, BAD));
	OK(syscall(SYS_times, NULL));

	/* processor time runs only while we do */
	/* what a hypervisor takes on the way counts as ours */
	for (i = 0; i < 20; i++) {
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &last);
		sleep_ms(60);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
		if (ns(ts) - ns(last) < 50000000)
			break;
	}
	say("asleep it stands: %d", ns(ts) - ns(last) < 50000000);
	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	while (ns(ts) - ns(last) < 30000000);
	say("awake it runs");
	{
		clockid_t c;

		T(clock_getcpuclockid(getpid(), &c));
		T(clock_gettime(c, &ts));
		T(clock_getcpuclockid(1 << 29, &c));
		say("own thread: %d",
			!pthread_getcpuclockid(pthread_self(), &c) && !clock_gettime(c, &ts));
	}
	CHILD({
		NEED(setuid(65534));
		T(syscall(SYS_clock_settime, CLOCK_REALTIME, &rt));
		T(syscall(SYS_settimeofday, &tv, NULL));
	});
	T(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &rt));
	T(syscall(SYS_clock_settime, CLOCK_REALTIME, BAD));
	rt.tv_nsec = -1;
	T(syscall(SYS_clock_settime, CLOCK_REALTIME, &rt));
	T(syscall(SYS_clock_settime, 99, &rt));
	T(syscall(SYS_settimeofday, BAD, NULL));
}
