/* SPDX-License-Identifier: MIT */
/*
 * clocks.c: timers and sleeps. Monotonic time stands still while the instance is only a saved
 * state, so no timer may expire early, twice, or much too late.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>

#include "works.h"

#define PERIOD (7 * MS)
#define LATEST (120 * SEC) /* the host may be busy */

/*
 * Fails unless a periodic timer expired once for each period between @start and now. It may be one
 * short of the periods until @before, a moment before the last expiration was read.
 */
static void check_total(const char *what, int64_t total, int64_t start, int64_t before)
{
	int64_t after = now(CLOCK_MONOTONIC);

	if (total > (after - start) / PERIOD)
		BAD("%s: %ld expirations after %ld ns", what, total, after - start);
	if (total < (before - start) / PERIOD - 1)
		BAD("%s: only %ld expirations after %ld ns", what, total, before - start);
}

static void run_timerfd(void)
{
	int64_t start = now(CLOCK_MONOTONIC), total = 0;
	struct itimerspec every = { in_ns(PERIOD), in_ns(start + PERIOD) };
	int fd = timerfd_create(CLOCK_MONOTONIC, 0), epoll = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN };

	MUST(!timerfd_settime(fd, TFD_TIMER_ABSTIME, &every, NULL));
	MUST(!epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	for (;; done()) {
		uint64_t n;
		int64_t before;

		MUST(epoll_wait(epoll, &event, 1, -1) == 1);
		before = now(CLOCK_MONOTONIC);
		MUST(read(fd, &n, sizeof(n)) == sizeof(n));
		total += n;
		check_total("timerfd", total, start, before);
	}
}
WORK(timerfd, run_timerfd, NULL);

static void run_timer(void)
{
	int64_t start = now(CLOCK_MONOTONIC), total = 0;
	struct itimerspec every = { in_ns(PERIOD), in_ns(start + PERIOD) };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	sigset_t set;
	timer_t timer;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	MUST(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	MUST(!timer_settime(timer, TIMER_ABSTIME, &every, NULL));
	for (;; done()) {
		siginfo_t info;
		int64_t before = now(CLOCK_MONOTONIC);

		MUST(sigwaitinfo(&set, &info) == SIGRTMIN);
		total += 1 + info.si_overrun;
		check_total("timer_create", total, start, before - PERIOD);
	}
}
WORK(timer, run_timer, NULL);

static int64_t alarms;

static void on_alarm(int sig)
{
	alarms++;
	done();
}

static void run_itimer(void)
{
	struct itimerval every = { { 0, PERIOD / 1000 }, { 0, PERIOD / 1000 } };
	struct sigaction act = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	int64_t start = now(CLOCK_MONOTONIC);
	volatile double x = 1.5;

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	for (;;) {
		int64_t seen = alarms;

		for (int i = 0; i < 2000; i++)
			x = x * 1.0000001;
		if (x > 1e9)
			x = 1.5;
		if (seen > (now(CLOCK_MONOTONIC) - start) / PERIOD)
			BAD("%ld alarms, too many", seen);
		if (seen % 3 == 0)
			pause();
	}
}
WORK(itimer, run_itimer, NULL);

static void slept(const char *how, int64_t start, int64_t wanted)
{
	int64_t took = now(CLOCK_MONOTONIC) - start;

	if (took < wanted || took > wanted + LATEST)
		BAD("%s: %ld ns, not %ld", how, took, wanted);
	done();
}

static void run_sleep(void)
{
	uint64_t row = 1;

	for (;;) {
		int64_t ns = MS + chance(&row, 6000) * 1000, start = now(CLOCK_MONOTONIC);
		struct timespec t = in_ns(ns), end = in_ns(start + ns);
		struct timeval tv = { 0, ns / 1000 };
		sigset_t none;

		MUST(!nanosleep(&t, NULL));
		slept("nanosleep", start, ns);
		start = now(CLOCK_MONOTONIC);
		end = in_ns(start + ns);
		MUST(!clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL));
		slept("clock_nanosleep", start, ns);
		start = now(CLOCK_MONOTONIC);
		MUST(!poll(NULL, 0, ns / MS));
		slept("poll", start, ns / MS * MS);
		start = now(CLOCK_MONOTONIC);
		MUST(!ppoll(NULL, 0, &t, NULL));
		slept("ppoll", start, ns);
		start = now(CLOCK_MONOTONIC);
		MUST(!select(0, NULL, NULL, NULL, &tv));
		slept("select", start, ns / 1000 * 1000);
		start = now(CLOCK_MONOTONIC);
		sigemptyset(&none);
		sigaddset(&none, SIGUSR1);
		MUST(sigtimedwait(&none, NULL, &t) < 0);
		slept("sigtimedwait", start, ns);
	}
}
WORK(sleep, run_sleep, NULL);

/* The clocks of the vDSO and of the kernel agree, and never go back. */
static void run_clock(void)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW };
	int64_t last[3] = { 0 };

	for (;; done())
		for (int i = 0; i < 3; i++) {
			int64_t a = now(clocks[i]), b, c;
			struct timespec t;

			MUST(!syscall(SYS_clock_gettime, clocks[i], &t));
			b = t.tv_sec * SEC + t.tv_nsec;
			c = now(clocks[i]);
			if (a < last[i] || b < a || c < b)
				BAD("clock %d: %ld %ld %ld %ld", clocks[i], last[i], a, b, c);
			last[i] = c;
		}
}
WORK(clock, run_clock, NULL);

/* The clock never goes back between two readings in the vDSO. */
static void run_vdso(void)
{
	for (;; done()) {
		int64_t last = now(CLOCK_MONOTONIC);

		for (int i = 0; i < 10000; i++) {
			int64_t t = now(CLOCK_MONOTONIC);

			if (t < last)
				BAD("the clock went from %ld back to %ld", last, t);
			last = t;
		}
	}
}
WORK(vdso, run_vdso, NULL);
