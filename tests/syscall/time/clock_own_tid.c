/* SPDX-License-Identifier: MIT */
/*
 * clock_own_tid: the clock of a process by the id of one of its threads: that thread may read it
 * so, and no other use is permitted. A thread cannot sleep on its own CPU clock.
 */
#include "t.h"

static int process_clock(pid_t pid)
{
	return (int)(~(unsigned)pid << 3) | 2;
}

static void try_all(const char *who, pid_t pid)
{
	struct timespec ts;
	int clock = process_clock(pid), id;

	say("%s", who);
	T(clock_gettime(clock, &ts));
	T(clock_gettime(clock & ~3, &ts));
	T(clock_gettime((clock & ~3) | 1, &ts));
	T(clock_gettime((clock & ~3) | 3, &ts));
	T(clock_gettime(clock | 4, &ts));
	T(clock_getres(clock, &ts));
	T(syscall(SYS_timer_create, clock, NULL, &id));
}

/* Sleeps of a microsecond, but by the clocks of the caller itself, which are refused. */
static void sleeps(void)
{
	static const char *const kinds[] = { "user and system", "user", "by the scheduler",
		"none" };
	pid_t self = (pid_t)syscall(SYS_gettid);
	struct timespec ts = { 0, 1000 }, bad = { 0, -1 };

	for (int kind = 0; kind < 4; kind++) {
		int zero = ~0U << 3 | 4 | kind, own = (int)(~(unsigned)self << 3) | 4 | kind;

		say("%s", kinds[kind]);
		T(syscall(SYS_clock_nanosleep, zero, 0, &ts, NULL));
		T(syscall(SYS_clock_nanosleep, zero, TIMER_ABSTIME, &ts, NULL));
		T(syscall(SYS_clock_nanosleep, own, 0, &ts, NULL));
		T(syscall(SYS_clock_nanosleep, own, TIMER_ABSTIME, &ts, NULL));
		T(syscall(SYS_clock_nanosleep, own, 0, &bad, NULL));
		T(syscall(SYS_clock_nanosleep, own, 0, (void *)1, NULL));
	}
}

static volatile pid_t main_tid, other_tid;
static pthread_barrier_t bar;

static void *idles(void *unused)
{
	other_tid = (pid_t)syscall(SYS_gettid);
	pthread_barrier_wait(&bar);
	pthread_barrier_wait(&bar);
	return NULL;
}

static void *asks(void *unused)
{
	try_all("a thread's own number", (pid_t)syscall(SYS_gettid));
	try_all("the leader's", main_tid);
	try_all("another's", other_tid);
	return NULL;
}

TEST(clock_own_tid)
{
	pthread_t a, b;

	main_tid = getpid();
	pthread_barrier_init(&bar, NULL, 2);
	NEED0(pthread_create(&a, NULL, idles, NULL));
	pthread_barrier_wait(&bar);
	NEED0(pthread_create(&b, NULL, asks, NULL));
	pthread_join(b, NULL);
	pthread_barrier_wait(&bar);
	pthread_join(a, NULL);
	/* a sleep on a clock that stands still never ends */
	alarm(60);
	sleeps();
}
