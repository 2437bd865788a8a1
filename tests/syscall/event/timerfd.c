/* SPDX-License-Identifier: MIT */
/*
 * timerfd_create(2), timerfd_settime(2), timerfd_gettime(2): expirations, polling, absolute times.
 */
#include "t.h"
#include <linux/capability.h>
#include <sys/ioctl.h>
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

struct shared_timer {
	int fd;
	bool soon;
	pthread_barrier_t start, end;
};

#define ROUNDS 6000

static void *sets(void *arg)
{
	const struct itimerspec hour = { .it_value.tv_sec = 3600 },
				soon = { .it_value.tv_nsec = 1 };
	struct shared_timer *s = arg;
	bool mine_is_soon = __atomic_exchange_n(&s->soon, false, __ATOMIC_RELAXED);

	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&s->start);
		timerfd_settime(s->fd, 0, mine_is_soon ? &soon : &hour, NULL);
		pthread_barrier_wait(&s->end);
	}
	return NULL;
}

/* An expiry of one thread's setting is not counted for the setting of another thread. */
static void set_by_two(void)
{
	struct shared_timer s = { .fd = NEED(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)),
		.soon = true };
	struct itimerspec left;
	int early = 0;
	pthread_t t[2];
	uint64_t n;

	NEED0(pthread_barrier_init(&s.start, NULL, 3));
	NEED0(pthread_barrier_init(&s.end, NULL, 3));
	for (int i = 0; i < 2; i++)
		NEED0(pthread_create(&t[i], NULL, sets, &s));
	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&s.start);
		pthread_barrier_wait(&s.end);
		NEED(timerfd_gettime(s.fd, &left));
		early += left.it_value.tv_sec > 0 && read(s.fd, &n, 8) > 0;
	}
	say("expired an hour early: %d", early);
	for (int i = 0; i < 2; i++)
		NEED0(pthread_join(t[i], NULL));
	pthread_barrier_destroy(&s.start);
	pthread_barrier_destroy(&s.end);
	close(s.fd);
}

/* Ticks that TFD_IOC_SET_TICKS has set may be read before a one-shot timer expires. */
static void given_ticks(void)
{
	struct itimerspec far = { .it_value.tv_sec = 1000 }, left;
	int fd = NEED(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
	uint64_t n = 3;

	NEED(timerfd_settime(fd, 0, &far, NULL));
	T(ioctl(fd, _IOW('T', 0, uint64_t), &n));
	T(read(fd, &n, 8));
	say("ticks %d", (int)n);
	NEED(timerfd_gettime(fd, &left));
	say("runs %d", left.it_value.tv_sec > 700);
	close(fd);
}

/* A timer that wakes the machine is set only with CAP_WAKE_ALARM, even if it exists. */
static void alarm_capability(void)
{
	struct itimerspec far = { .it_value.tv_sec = 1000 }, bad = { .it_value.tv_sec = -1 }, left;
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { { 0 } };
	int fd, status;

	if (geteuid())
		return;
	fd = NEED(timerfd_create(CLOCK_BOOTTIME_ALARM, 0));
	T(timerfd_settime(fd, 0, &far, NULL));
	if (!fork()) {
		NEED(syscall(SYS_capset, &h, none));
		T(timerfd_settime(fd, 0, &far, NULL));
		T(timerfd_settime(fd, 0, &bad, NULL));
		T(timerfd_gettime(fd, &left));
		say("runs %d", left.it_value.tv_sec > 700);
		_exit(0);
	}
	wait(&status);
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
	set_by_two();
	given_ticks();
	alarm_capability();
}
