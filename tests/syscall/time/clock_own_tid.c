/* SPDX-License-Identifier: MIT */
/*
 * clock_own_tid: the clock of a process by the id of one of its threads: that thread may read it
 * so, and no other use is permitted.
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
}
