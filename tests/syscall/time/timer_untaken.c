/* SPDX-License-Identifier: MIT */
/*
 * timer_untaken: timers with periods of microseconds whose signals are not taken: others go on
 * beside them. The rest and the overruns of such a timer follow its period, and once its signal is
 * taken the next come at their times.
 */
#include "t.h"

#define BLOCKED 20
#define SILENT 200

static void pin(void)
{
	cpu_set_t set;
	int cpu = 0;

	NEED(sched_getaffinity(0, sizeof(set), &set));
	while (!CPU_ISSET(cpu, &set))
		cpu++;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	NEED(sched_setaffinity(0, sizeof(set), &set));
}

static void untaken_itimer(void)
{
	struct itimerval us = { { 0, 1 }, { 0, 1 } };

	t_block(SIGALRM);
	NEED(setitimer(ITIMER_REAL, &us, NULL));
}

static void ignored_itimer(void)
{
	signal(SIGALRM, SIG_IGN);
	untaken_itimer();
}

static void silent_timers(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_NONE };
	struct itimerspec ns = { { 0, 1 }, { 0, 1 } };
	timer_t id;

	for (int i = 0; i < SILENT; i++) {
		NEED(timer_create(CLOCK_MONOTONIC, &ev, &id));
		NEED(timer_settime(id, 0, &ns, NULL));
	}
}

static bool additions(void)
{
	volatile unsigned sum = 0;

	for (unsigned i = 0; i < 20000000; i++)
		sum += i;
	return sum;
}

/* Prints whether work is done on the CPU of @n processes that arm timers and sleep. */
static void beside(const char *what, void (*arm)(void), int n)
{
	pid_t pid[BLOCKED];

	for (int i = 0; i < n; i++)
		pid[i] = SPAWN({
			arm();
			pause();
		});
	for (int i = 0; i < n; i++)
		t_until(pid[i], 'S');
	say("%s: additions done: %d", what, additions());
	for (int i = 0; i < n; i++) {
		NEED(kill(pid[i], SIGKILL));
		NEED(waitpid(pid[i], NULL, 0));
	}
}

static void told(void)
{
	struct itimerspec ms = { { 0, 1000000 }, { 0, 1000000 } }, rest;
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	bool less = true;
	sigset_t set;
	long begin, n;
	timer_t id;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	t_block(SIGUSR1);
	NEED(timer_create(CLOCK_MONOTONIC, &ev, &id));
	begin = now_ms();
	NEED(timer_settime(id, 0, &ms, NULL));
	for (int i = 0; i < 60; i++) {
		sleep_ms(1);
		NEED(timer_gettime(id, &rest));
		less &= !rest.it_value.tv_sec && rest.it_value.tv_nsec <= 1000000;
	}
	say("never more than a period is left: %d", less);
	NEED(sigwaitinfo(&set, NULL));
	n = 1 + timer_getoverrun(id);
	say("periods that have passed: %s", n > 55 ? "more than 55" : "55 or fewer");
	while (n < 160) {
		NEED(sigwaitinfo(&set, NULL));
		n += 1 + timer_getoverrun(id);
	}
	begin = now_ms() - begin;
	say("%s", begin + 1 < n    ? "more periods than milliseconds" :
		  begin < n + 1000 ? "a period in a millisecond" :
				     "some are lost");
	NEED(timer_delete(id));
}

/* Checks that all periods that have passed are counted, and no others. */
static void counted(int how)
{
	struct itimerspec period = { { 0, 100000 }, { 0, 100000 } }, off = { 0 };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
	long ahead = 0, behind = 0, told = 0;
	sigset_t set;
	timer_t id;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	t_block(SIGUSR2);
	NEED(timer_create(CLOCK_MONOTONIC, &ev, &id));
	for (int i = 0; i < 10; i++) {
		long begin, until, before, n;
		siginfo_t info;

		before = now_us();
		NEED(timer_settime(id, 0, &period, NULL));
		begin = now_us();
		if (how)
			signal(SIGUSR2, SIG_IGN);
		sleep_ms(11);
		if (how)
			signal(SIGUSR2, SIG_DFL);
		until = now_us();
		NEED(sigwaitinfo(&set, &info));
		n = timer_getoverrun(id);
		told += info.si_overrun == n;
		behind += n + 1 < (until - begin) / 100;
		ahead += n + 1 > (long)(now_us() - before) / 100;
		NEED(timer_settime(id, 0, &off, NULL));
	}
	say("%s: told in the signal %ld, too many %ld, too few %ld",
		how ? "ignored for a while" : "blocked", told, ahead, behind);
	NEED(timer_delete(id));
}

TEST(timer_untaken)
{
	counted(0);
	counted(1);
	pin();
	beside("blocked", untaken_itimer, BLOCKED);
	beside("ignored", ignored_itimer, BLOCKED);
	beside("without signals", silent_timers, 1);
	told();
}
