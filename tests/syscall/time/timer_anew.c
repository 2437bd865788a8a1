/* SPDX-License-Identifier: MIT */
/*
 * timer_anew: a POSIX timer is set anew, stopped or deleted while its signal is pending: since
 * Linux 6.13 that signal is not delivered. Other signals of that number are.
 */
#include "recorded.h"

static const char expected[] =
#include "timer_anew.inc"
	;

static sigset_t set;
static int id;

static void create(int sig)
{
	struct sigevent ev = {
		.sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig, .sigev_value.sival_int = 7
	};

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_BLOCK, &set, NULL);
	NEED(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id));
}

static void start(long ns, long period)
{
	struct itimerspec t = { { 0, period }, { ns / 1000000000, ns % 1000000000 } };

	NEED(syscall(SYS_timer_settime, id, 0, &t, NULL));
}

/* Starts the timer, and waits until its signal is pending. */
static void expire(int sig)
{
	sigset_t now;

	start(1000000, 0);
	do {
		usleep(1000);
		sigpending(&now);
	} while (!sigismember(&now, sig));
}

static void take(const char *what)
{
	struct timespec none = { 0, 0 };
	siginfo_t si = { 0 };
	int r = sigtimedwait(&set, &si, &none);

	if (r < 0)
		say("%s: %s", what, t_errno(errno));
	else
		say("%s: signal, code %d, value %d, overrun %d", what, si.si_code,
			si.si_code == SI_TIMER ? si.si_value.sival_int : 0,
			si.si_code == SI_TIMER ? si.si_overrun : 0);
}

static void with(int sig)
{
	struct itimerspec bad = { { 0, -1 }, { 0, 1 } };
	struct timespec while_ = { 30, 0 };
	siginfo_t si;

	create(sig);
	expire(sig);
	take("left alone");
	expire(sig);
	start(0, 0);
	take("stopped");
	expire(sig);
	start(1000000000000, 0);
	take("set anew");
	T(syscall(SYS_timer_getoverrun, id));
	expire(sig);
	start(1000, 0);
	say("comes again: %d", sigtimedwait(&set, &si, &while_) == sig);
	take("once");
	expire(sig);
	T(syscall(SYS_timer_settime, id, 0, &bad, NULL));
	take("after a refused setting");
	NEED(raise(sig));
	expire(sig);
	usleep(3000);
	start(0, 0);
	take("another's signal stays");
	take("and is the only one");
	expire(sig);
	T(syscall(SYS_timer_delete, id));
	take("deleted");
}

TEST(timer_anew)
{
	if (older_than(6, 13))
		RECORDED(expected);
	with(SIGUSR1);
	with(SIGRTMIN + 1);
}
