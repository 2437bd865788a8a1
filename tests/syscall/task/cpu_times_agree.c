/* SPDX-License-Identifier: MIT */
/*
 * cpu_times_agree: the sum of user and system time of getrusage() agrees with the process's clock,
 * also if the machine below takes time away between short turns and idleness.
 */
#include "t.h"
#include <sys/resource.h>

static long long clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long rusage_ns(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000000LL +
	       (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1000LL;
}

static void burn(long long ns)
{
	long long end = clock_ns() + ns;

	while (clock_ns() < end)
		;
}

/* Reads both once, at a moment when the machine below took no time in between. */
static void look(long long *by_clock, long long *by_rusage)
{
	do {
		*by_clock = clock_ns();
		*by_rusage = rusage_ns();
	} while (clock_ns() - *by_clock > 2000000);
}

TEST(cpu_times_agree)
{
	long long by_clock, by_rusage, clock_then, rusage_then;

	look(&clock_then, &rusage_then);
	for (int i = 0; i < 150; i++) {
		usleep(500 + (unsigned)i % 5 * 1500);
		burn(i % 3 ? 200000 : 4000000);
	}
	look(&by_clock, &by_rusage);
	by_clock -= clock_then;
	by_rusage -= rusage_then;
	say("together they are the clock's, to a fifth: %d",
		llabs(by_rusage - by_clock) < by_clock / 5);
}
