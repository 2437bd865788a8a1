/* SPDX-License-Identifier: MIT */
/*
 * clock_rules: clocks that can be set, slept on and timed; a timer on another process's CPU time;
 * ticks set in a timerfd.
 */
#include "t.h"
#include <sys/timerfd.h>
#include <sys/ioctl.h>

#define SET_TICKS _IOW('T', 0, uint64_t)

static void kinds(void)
{
	static const int clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
		CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
		CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI, 10, 12, -1, -5 };
	struct sigevent none = { .sigev_notify = SIGEV_NONE };
	struct timespec zero = { 0, 0 };
	char text[64];
	int id, i;

	for (i = 0; i < (int)(sizeof(clocks) / sizeof(clocks[0])); i++) {
		snprintf(text, sizeof(text), "a timer on clock %d", clocks[i]);
		if (TN(text, syscall(SYS_timer_create, clocks[i], &none, &id) ? -1 : 0) == 0)
			syscall(SYS_timer_delete, id);
		if (clocks[i] == CLOCK_REALTIME)
			continue;
		snprintf(text, sizeof(text), "setting clock %d", clocks[i]);
		TN(text, syscall(SYS_clock_settime, clocks[i], &zero));
	}
}

static void other_process(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec its = { { 0, 0 }, { 0, 30000000 } };
	struct timespec limit = { 20, 0 };
	sigset_t set;
	clockid_t clock;
	timer_t timer;
	pid_t child;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	child = SPAWN(for (;;));
	NEED0(clock_getcpuclockid(child, &clock));
	T(timer_create(clock, &ev, &timer));
	T(timer_settime(timer, 0, &its, NULL));
	T(sigtimedwait(&set, NULL, &limit));
	its.it_value.tv_sec = 1000;
	T(timer_settime(timer, 0, &its, NULL));
	kill(child, SIGKILL);
	t_wait("child", child);
	T(timer_delete(timer));
	T(clock_gettime(clock, &limit));
}

static void ticks(void)
{
	int fd = NEED(syscall(SYS_timerfd_create, CLOCK_MONOTONIC, TFD_NONBLOCK));
	uint64_t n = 5, seen = 0;

	T(ioctl(fd, SET_TICKS, &n));
	T(read(fd, &seen, sizeof(seen)));
	say("%d ticks", (int)seen);
	n = 0;
	T(ioctl(fd, SET_TICKS, &n));
	T(ioctl(fd, SET_TICKS, BAD));
	T(ioctl(fd, 1234, 0));
	close(fd);
}

TEST(clock_rules)
{
	kinds();
	other_process();
	ticks();
}
