/* SPDX-License-Identifier: MIT */
/*
 * timerfd_create(2), timerfd_settime(2), timerfd_gettime(2): expirations, polling, absolute times.
 */
#include "t.h"
#include <sys/timerfd.h>

/* An expiry wakes all readers; those that come too late wait on. */
static void *reads(void *arg)
{
	int fd = *(int *)arg;
	uint64_t n;
	long failed = 0;

	for (int i = 0; i < 100; i++)
		failed += read(fd, &n, 8) != 8;
	return (void *)failed;
}

static void shared(void)
{
	struct itimerspec often = { .it_value.tv_nsec = 1000000, .it_interval.tv_nsec = 1000000 };
	int fd = NEED(timerfd_create(CLOCK_MONOTONIC, 0));
	pthread_t t[4];
	void *failed;

	NEED(timerfd_settime(fd, 0, &often, NULL));
	for (int i = 0; i < 4; i++)
		NEED0(pthread_create(&t[i], NULL, reads, &fd));
	for (int i = 0; i < 4; i++) {
		NEED0(pthread_join(t[i], &failed));
		say("reads that failed: %ld", (long)failed);
	}
	close(fd);
}

TEST(timerfd)
{
	struct itimerspec once = { { 0, 0 }, { 0, 20000000 } }, far = { { 0, 0 }, { 1000, 0 } },
			  fast = { { 0, 1000000 }, { 0, 1000000 } }, off = { 0 }, got;
	struct itimerspec bad = { { 0, 0 }, { 0, 1000000000 } }, abs = { 0 };
	struct pollfd p = { .events = POLLIN };
	uint64_t n = 0;
	int fd;

	T(timerfd_create(CLOCK_MONOTONIC, 0x100));
	T(timerfd_create(99, 0));
	T(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
	OK(timerfd_create(CLOCK_REALTIME, 0));
	OK(timerfd_create(CLOCK_BOOTTIME, 0));
	fd = NEED(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
	p.fd = fd;
	T(fcntl(fd, F_GETFD));
	T(read(fd, &n, 8));
	T(timerfd_settime(fd, 0, &far, NULL));
	T(timerfd_gettime(fd, &got));
	say("runs %d", got.it_value.tv_sec > 700);
	T(read(fd, &n, 8));
	T(poll(&p, 1, 0));
	T(timerfd_settime(fd, 0, &once, NULL));
	T(poll(&p, 1, 100000));
	T(read(fd, &n, 8));
	say("%lu", (long)n);
	T(read(fd, &n, 8));
	T(timerfd_settime(fd, 0, &fast, NULL));
	sleep_ms(50);
	T(read(fd, &n, 8));
	say("many %d", n >= 20);
	T(timerfd_settime(fd, 0, &off, &got));
	say("interval %ld", got.it_interval.tv_nsec);
	T(timerfd_gettime(fd, &got));
	say("off %ld", got.it_value.tv_nsec);
	abs.it_value.tv_sec = 1;
	T(timerfd_settime(fd, TFD_TIMER_ABSTIME, &abs, NULL)); /* long past */
	T(poll(&p, 1, 1000));
	T(read(fd, &n, 4));
	T(read(fd, BAD, 8));
	fcntl(fd, F_SETFL, 0);
	T(timerfd_settime(fd, 0, &once, NULL));
	T(read(fd, &n, 16)); /* blocks */
	T(write(fd, &n, 8));
	T(timerfd_settime(fd, 0, &bad, NULL));
	T(timerfd_settime(fd, 0x100, &once, NULL));
	T(timerfd_settime(fd, 0, BAD, NULL));
	T(timerfd_settime(1, 0, &once, NULL));
	T(timerfd_settime(-1, 0, &once, NULL));
	T(timerfd_gettime(1, &got));
	T(timerfd_gettime(fd, BAD));

	/* setting it again forgets what has expired */
	NEED(timerfd_settime(fd, 0, &once, NULL));
	sleep_ms(40);
	NEED(timerfd_settime(fd, 0, &off, NULL));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	T(read(fd, &n, 8));
	shared();
}
