/* SPDX-License-Identifier: MIT */
/*
 * timer_crowd: many timers with periods of a nanosecond: on CPU clocks, which run on while they are
 * read, and on others. Their owner goes on, and so do other tasks; a signal that was ignored comes
 * as soon as it is no longer ignored.
 */
#include "t.h"

#define TIMERS 1000

static timer_t ids[TIMERS];

static void arm(int clock)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec ns = { { 0, 1 }, { 0, 1 } };

	for (int i = 0; i < TIMERS; i++) {
		NEED(timer_create(clock, &ev, &ids[i]));
		NEED(timer_settime(ids[i], 0, &ns, NULL));
	}
}

static void drop(void)
{
	int gone = 0;

	for (int i = 0; i < TIMERS; i++)
		gone += !timer_delete(ids[i]);
	say("deleted: %d", gone);
}

static bool additions(void)
{
	volatile unsigned sum = 0;

	for (unsigned i = 0; i < 20000000; i++)
		sum += i;
	return sum;
}

static volatile int taken;

static void take(int sig)
{
	taken += sig == SIGUSR1;
}

static void crowd(const char *what, int clock, void (*action)(int))
{
	signal(SIGUSR1, action);
	arm(clock);
	say("%s: additions done: %d", what, additions());
	drop();
}

static void crowds(void)
{
	crowd("process, ignored", CLOCK_PROCESS_CPUTIME_ID, SIG_IGN);
	crowd("thread, ignored", CLOCK_THREAD_CPUTIME_ID, SIG_IGN);
	crowd("monotonic, ignored", CLOCK_MONOTONIC, SIG_IGN);
	crowd("process, taken", CLOCK_PROCESS_CPUTIME_ID, take);
	crowd("thread, taken", CLOCK_THREAD_CPUTIME_ID, take);
	t_block(SIGUSR1);
	crowd("process, blocked", CLOCK_PROCESS_CPUTIME_ID, SIG_DFL);
	crowd("thread, blocked", CLOCK_THREAD_CPUTIME_ID, SIG_DFL);
	crowd("monotonic, blocked", CLOCK_MONOTONIC, SIG_DFL);
}

/*
 * Arms timers 20 ms apart, not in their order, from one reading of the clock. True if all were
 * armed before the first was due.
 */
static bool arm_five(int clock, timer_t *id)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct timespec base, now;

	NEED(clock_gettime(clock, &base));
	for (int i = 0; i < 5; i++) {
		long ns = base.tv_nsec + (i * 3 % 5 + 1) * 20000000;
		struct itimerspec when = { { 0, 0 },
			{ base.tv_sec + ns / 1000000000, ns % 1000000000 } };

		ev.sigev_value.sival_int = i;
		NEED(timer_create(clock, &ev, &id[i]));
		NEED(timer_settime(id[i], TIMER_ABSTIME, &when, NULL));
	}
	NEED(clock_gettime(clock, &now));
	return (now.tv_sec - base.tv_sec) * 1000000000 + now.tv_nsec - base.tv_nsec < 20000000;
}

/* Checks that several timers of a clock expire in their order. */
static void order(int clock)
{
	sigset_t set;
	siginfo_t info;
	timer_t id[5];

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	NEED(sigprocmask(SIG_BLOCK, &set, NULL));
	while (!arm_five(clock, id)) {
		for (int i = 0; i < 5; i++)
			NEED(timer_delete(id[i]));
		while (sigtimedwait(&set, &info, &(struct timespec){ 0, 0 }) == SIGUSR1)
			;
	}
	for (int i = 0; i < 5; i++) {
		while (sigtimedwait(&set, &info, &(struct timespec){ 0, 0 }) != SIGUSR1)
			;
		say("timer %d", info.si_value.sival_int);
		NEED(timer_delete(id[info.si_value.sival_int]));
	}
	NEED(sigprocmask(SIG_UNBLOCK, &set, NULL));
}

/*
 * Ignores a timer's signal for so long that the kernel suspends the timer: a process that no longer
 * ignores it gets its period again.
 */
static void heard_again(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec ms = { { 0, 1000000 }, { 0, 1000000 } };
	timer_t id;

	signal(SIGUSR1, SIG_IGN);
	NEED(timer_create(CLOCK_MONOTONIC, &ev, &id));
	NEED(timer_settime(id, 0, &ms, NULL));
	sleep_ms(1500);
	signal(SIGUSR1, take);
	while (taken < 20)
		pause();
	say("taken: %d", taken >= 20);
	NEED(timer_delete(id));
}

TEST(timer_crowd)
{
	CHILD(crowds());
	CHILD(order(CLOCK_PROCESS_CPUTIME_ID));
	CHILD(order(CLOCK_THREAD_CPUTIME_ID));
	CHILD(order(CLOCK_MONOTONIC));
	CHILD(heard_again());
}
