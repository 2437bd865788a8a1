/* SPDX-License-Identifier: MIT */
/*
 * clock_orders: CPU clocks that exist or do not: which error comes first, and their resolution; the
 * maximum of the interval timers.
 */
#include "t.h"
#include <sys/timex.h>

/* the scheduler's time of the calling thread */
#define OWN_THREAD (-2)
#define OWN_USER (-7) /* the user time of the calling process */
#define NOBODYS (-1000000000)

static void errors(void)
{
	struct timespec ts = { 0, -1 }, res = { 0 }, tick = { 0 };
	struct timex tx = { 0 };

	T(syscall(SYS_clock_settime, OWN_THREAD, &ts));
	T(syscall(SYS_clock_settime, OWN_THREAD, BAD));
	T(syscall(SYS_clock_settime, NOBODYS, &ts));
	T(syscall(SYS_clock_nanosleep, NOBODYS, 0, BAD, NULL));
	T(syscall(SYS_clock_nanosleep, NOBODYS, 0, &ts, NULL));
	ts.tv_nsec = 0;
	T(syscall(SYS_clock_nanosleep, NOBODYS, 0, &ts, NULL));
	T(syscall(SYS_clock_adjtime, OWN_THREAD, &tx));
	T(syscall(SYS_clock_adjtime, NOBODYS, &tx));
	T(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &tx));
	T(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, BAD));
	T(syscall(SYS_clock_adjtime, NOBODYS, BAD));
	T(syscall(SYS_clock_getres, OWN_USER, &res));
	NEED(syscall(SYS_clock_getres, CLOCK_REALTIME_COARSE, &tick));
	IS(res.tv_sec == tick.tv_sec && res.tv_nsec == tick.tv_nsec);
	T(syscall(SYS_clock_getres, OWN_THREAD, &res));
	say("%ld ns", res.tv_nsec);
}

/* A timer has its number before its clock is looked at. */
static void numbers(void)
{
	struct sigevent none = { .sigev_notify = SIGEV_NONE }, odd = { .sigev_notify = 99 };
	struct itimerspec idle = { { 5, 0 }, { 0, 0 } }, now;
	int a = -5, b = -5;

	T(syscall(SYS_timer_create, NOBODYS, &none, &a));
	say("number %d", a);
	T(syscall(SYS_timer_create, NOBODYS, &none, BAD));
	T(syscall(SYS_timer_create, NOBODYS, &odd, &b));
	T(syscall(SYS_timer_create, CLOCK_MONOTONIC_RAW, &odd, &b));
	say("number %d", b);
	T(syscall(SYS_timer_create, CLOCK_MONOTONIC, &none, &b));
	IS(b > a);
	T(syscall(SYS_timer_settime, b, 0, &idle, NULL));
	T(syscall(SYS_timer_gettime, b, &now));
	say("a timer that is not set has a period of %ld", now.it_interval.tv_sec);
}

/* Asks for a step of zero without the right to set the clock, which is not changed. */
static void step_of_nothing(void)
{
	CHILD({
		struct timex tx = { .modes = 0x8000 | 0x2000 | ADJ_OFFSET | ADJ_SETOFFSET };

		NEED(setuid(1000));
		NEED(geteuid() ? 0 : -1);
		T(adjtimex(&tx));
		tx.modes = 0x8000 | 0x2000 | ADJ_OFFSET;
		IS(adjtimex(&tx) >= 0);
	});
}

static void longest(void)
{
	struct itimerval it = { { 0, 0 }, { LONG_MAX, 0 } };

	T(setitimer(ITIMER_REAL, &it, NULL));
	T(getitimer(ITIMER_REAL, &it));
	IS(it.it_value.tv_sec > 9000000000 && it.it_value.tv_sec <= 9223372036);
}

TEST(clock_orders)
{
	errors();
	numbers();
	step_of_nothing();
	longest();
}
