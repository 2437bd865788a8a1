/* SPDX-License-Identifier: MIT */
/*
 * clock_other: a sleep until another process has used some CPU time, of which its threads use more
 * than one second in a second. The sleeper, which has one thread, does not sleep much longer.
 */
#include "t.h"

#include <pthread.h>

#define THREADS 4
#define TIME_NS 1500000000L

static void *compute(void *arg)
{
	for (;;)
		;
	return arg;
}

static void many(void)
{
	pthread_t t;

	for (int i = 1; i < THREADS; i++)
		pthread_create(&t, NULL, compute, NULL);
	compute(NULL);
}

static long ns(const struct timespec *t)
{
	return t->tv_sec * 1000000000 + t->tv_nsec;
}

TEST(clock_other)
{
	struct timespec until, now;
	pid_t child = SPAWN(many());
	clockid_t clock;

	NEED0(clock_getcpuclockid(child, &clock));
	NEED(clock_gettime(clock, &until));
	until.tv_sec += (until.tv_nsec + TIME_NS) / 1000000000;
	until.tv_nsec = (until.tv_nsec + TIME_NS) % 1000000000;
	T(clock_nanosleep(clock, TIMER_ABSTIME, &until, NULL));
	NEED(clock_gettime(clock, &now));
	IS(ns(&now) >= ns(&until));
	IS(ns(&now) - ns(&until) < TIME_NS / 4);
	kill(child, SIGKILL);
	t_wait("child", child);
}
