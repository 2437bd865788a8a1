/* SPDX-License-Identifier: MIT */
/*
 * clock_set: timers when real time is set: those armed for a point in time expire with the jump,
 * those armed for a span do not. Guests only, since the host's clock must not change.
 */
#include "guest.h"

#include <pthread.h>
#include <sys/timerfd.h>
#include <sys/timex.h>

static void jump(long seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += seconds;
	GNEED(clock_settime(CLOCK_REALTIME, &now));
}

/* Steps of the clock that no clock can make, the last of which is 2^64 ns: none has an effect. */
static void impossible_steps(void)
{
	static const long steps[] = { LONG_MAX, LONG_MIN, -LONG_MAX, 1L << 33, -(1L << 33),
		1L << 55, 18446744074 };
	struct timespec was, now;
	struct timex tx;

	clock_gettime(CLOCK_REALTIME, &was);
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		tx = (struct timex){ .modes = ADJ_SETOFFSET | ADJ_NANO, .time.tv_sec = steps[i] };
		tx.time.tv_usec = i % 2 ? 999999999 : 0;
		G(adjtimex(&tx), "-1 EINVAL");
	}
	tx = (struct timex){ .modes = ADJ_SETOFFSET, .time = { -1, 999999 } };
	GIS(adjtimex(&tx) >= 0);
	clock_gettime(CLOCK_REALTIME, &now);
	GIS(now.tv_sec >= was.tv_sec - 1 && now.tv_sec < was.tv_sec + 60);
}

static bool ticked(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, 0) == 1;
}

static void arm_fd(int fd, int flags, long in)
{
	struct itimerspec its = { .it_value.tv_sec = in };
	struct timespec now = { 0 };

	if (flags & TFD_TIMER_ABSTIME)
		clock_gettime(CLOCK_REALTIME, &now);
	its.it_value.tv_sec += now.tv_sec;
	NEED(timerfd_settime(fd, flags, &its, NULL));
}

static long left(timer_t id)
{
	struct itimerspec its;

	NEED(timer_gettime(id, &its));
	return its.it_value.tv_sec;
}

/* Arms the timer to expire at once and then each @every seconds. Waits for the first expiry. */
static void expire(int fd, int flags, long every)
{
	struct itimerspec its = { .it_interval.tv_sec = every };
	struct pollfd p = { fd, POLLIN, 0 };

	clock_gettime(CLOCK_REALTIME, &its.it_value);
	NEED(timerfd_settime(fd, TFD_TIMER_ABSTIME | flags, &its, NULL));
	NEED(poll(&p, 1, -1));
}

/*
 * The clock is set when the timer has expired and was not read: a read still reports the jump, and
 * so does setting the timer.
 */
static void expired_before(void)
{
	struct itimerspec its;
	uint64_t n;

	for (int every = 0; every < 20; every += 10) {
		int fd = NEED(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));

		expire(fd, TFD_TIMER_CANCEL_ON_SET, every);
		jump(100);
		NEED(timerfd_gettime(fd, &its));
		GIS(read(fd, &n, 8) == -1 && errno == ECANCELED);
		expire(fd, TFD_TIMER_CANCEL_ON_SET, every);
		jump(-100);
		clock_gettime(CLOCK_REALTIME, &its.it_value);
		its.it_value.tv_sec += 500;
		G(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &its, NULL),
			"-1 ECANCELED");
		GIS(!timerfd_gettime(fd, &its) && its.it_value.tv_sec > 400);
		GIS(read(fd, &n, 8) == -1 && errno == EAGAIN);
		close(fd);
	}
}

/* The clock is set back behind an expiry that was not read: it does not count, and comes again. */
static void expires_again(void)
{
	int fd = NEED(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));
	uint64_t n;

	expire(fd, 0, 1000);
	jump(-100);
	GIS(read(fd, &n, 8) == 0);
	GIS(!ticked(fd));
	jump(200);
	T_WAIT(!in_guest() || ticked(fd));
	GIS(read(fd, &n, 8) == 8 && n == 1);
	jump(-100);
	close(fd);
}

#define SLEEPERS 3
static int asleep = SLEEPERS;

/* Each sleep is so short that it ends while the clock is being set. */
static void *sleep_often(void *arg)
{
	struct timespec ts;

	for (int i = 0; i < 300; i++) {
		clock_gettime(CLOCK_REALTIME, &ts);
		ts.tv_nsec = ts.tv_nsec / 1000 * 1000 + 20000;
		if (ts.tv_nsec < 1000000000)
			clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &ts, NULL);
	}
	__atomic_fetch_sub(&asleep, 1, __ATOMIC_SEQ_CST);
	return arg;
}

/* Timers that expire while the clock is being set: each sleep ends once, and the machine lives. */
static void sleepers(void)
{
	pthread_t thread[SLEEPERS];
	struct timespec now;

	for (int i = 0; in_guest() && i < SLEEPERS; i++)
		pthread_create(&thread[i], NULL, sleep_often, NULL);
	while (in_guest() && __atomic_load_n(&asleep, __ATOMIC_SEQ_CST)) {
		clock_gettime(CLOCK_REALTIME, &now);
		now.tv_nsec += 10000;
		if (now.tv_nsec < 1000000000)
			GNEED(clock_settime(CLOCK_REALTIME, &now));
	}
	for (int i = 0; in_guest() && i < SLEEPERS; i++)
		pthread_join(thread[i], NULL);
	GIS(!asleep);
}

static int zone(int minutes, int dst)
{
	struct timezone tz = { minutes, dst };

	return (int)syscall(SYS_settimeofday, NULL, &tz);
}

static bool zone_is(int minutes, int dst)
{
	struct timezone tz = { -1, -1 };
	struct timeval tv;

	NEED(syscall(SYS_gettimeofday, &tv, &tz));
	return tz.tz_minuteswest == minutes && tz.tz_dsttime == dst;
}

/*
 * Checks that the time zone is kept as it was set. The first zone that is set without a time would
 * move the clock, so the first comes with the time.
 */
static void zones(void)
{
	struct timezone tz = { 60, 1 }, wrong = { 901, 0 };
	struct timeval tv;
	time_t then;

	gettimeofday(&tv, NULL);
	then = tv.tv_sec;
	G(syscall(SYS_settimeofday, &tv, &tz), "0");
	GIS(zone_is(60, 1));
	G(zone(-900, 0), "0");
	GIS(zone_is(-900, 0));
	G(zone(900, 3), "0");
	GIS(zone_is(900, 3));
	G(zone(901, 0), "-1 EINVAL");
	G(zone(-901, 0), "-1 EINVAL");
	G(syscall(SYS_settimeofday, &tv, &wrong), "-1 EINVAL");
	G(syscall(SYS_settimeofday, NULL, BAD), "-1 EFAULT");
	tv.tv_usec = 1000001;
	G(syscall(SYS_settimeofday, &tv, BAD), "-1 EINVAL");
	GIS(zone_is(900, 3));
	GIS(time(NULL) - then < 300);
	G(zone(0, 0), "0");
}

TEST(clock_set)
{
	int rel = NEED(timerfd_create(CLOCK_REALTIME, 0));
	int abs = NEED(timerfd_create(CLOCK_REALTIME, 0));
	int far = NEED(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec its = { .it_value.tv_sec = 50, .it_interval.tv_sec = 50 };
	struct itimerval itv = { .it_value.tv_sec = 50 };
	uint64_t n;
	timer_t id, idle;

	impossible_steps();
	t_handle(SIGUSR1, 0);
	t_handle(SIGALRM, 0);
	NEED(timer_create(CLOCK_REALTIME, &ev, &id));
	NEED(timer_settime(id, 0, &its, NULL));
	ev.sigev_notify = SIGEV_NONE;
	NEED(timer_create(CLOCK_REALTIME, &ev, &idle));
	NEED(timer_settime(idle, 0, &its, NULL));
	NEED(setitimer(ITIMER_REAL, &itv, NULL));
	arm_fd(rel, 0, 50);
	arm_fd(abs, TFD_TIMER_ABSTIME, 50);
	arm_fd(far, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, 5000);
	G(clock_settime(CLOCK_REALTIME, &(struct timespec){ 0 }),
		"-1 EINVAL"); /* before the machine was started */
	jump(100);
	GIS(ticked(abs));
	GIS(!ticked(rel));
	GIS(read(far, &n, 8) == -1 && errno == ECANCELED);
	GIS(t_signals == 0);
	GIS(left(id) > 40 && left(id) <= 50);
	GIS(left(idle) > 40 && left(idle) <= 50);
	jump(-100);
	GIS(!ticked(rel));
	GIS(left(id) > 40 && left(id) <= 50);
	NEED(timer_delete(id));
	NEED(timer_delete(idle));
	expired_before();
	expires_again();
	sleepers();
	zones();
}
