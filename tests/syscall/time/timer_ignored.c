/* SPDX-License-Identifier: MIT */
/*
 * timer_ignored: a timer's signal is blocked, pending, and then ignored for a while: its overruns
 * are not forgotten (since Linux 6.13).
 */
#include "recorded.h"

#define PERIOD_MS 10

static const char expected[] = "pending: 1\n"
			       "those before are counted: 1\n";

static int pending(void)
{
	sigset_t set;

	NEED(sigpending(&set));
	return sigismember(&set, SIGUSR1);
}

TEST(timer_ignored)
{
	struct itimerspec its = { { 0, PERIOD_MS * 1000000 }, { 0, PERIOD_MS * 1000000 } };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct timespec limit = { 100, 0 };
	long begin;
	siginfo_t info;
	timer_t timer;
	sigset_t set;

	if (older_than(6, 13))
		RECORDED(expected);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	NEED(sigprocmask(SIG_BLOCK, &set, NULL));
	t_handle(SIGUSR1, 0);
	NEED(timer_create(CLOCK_MONOTONIC, &ev, &timer));
	NEED(timer_settime(timer, 0, &its, NULL));
	begin = now_ms();
	T_WAIT(now_ms() - begin >= 50 * PERIOD_MS);
	say("pending: %d", pending());
	NEED(signal(SIGUSR1, SIG_IGN) == SIG_ERR ? -1 : 0);
	t_handle(SIGUSR1, 0);
	T_WAIT(pending());
	NEED(sigtimedwait(&set, &info, &limit));
	say("those before are counted: %d", info.si_overrun >= 25);
	NEED(timer_delete(timer));
}
