/* SPDX-License-Identifier: MIT */
/* setitimer(2), getitimer(2), alarm(2): one shot, intervals, kinds, rest, errors. */
#include "t.h"

static void spin_until(int n)
{
	while (t_signals < n)
		__asm__ volatile("" ::: "memory");
}

/* True if @left is what remains of @of on a busy machine. */
static bool about(long left, long of)
{
	return left > of - 300 && left <= of;
}

TEST(setitimer)
{
	struct itimerval once = { { 0, 0 }, { 0, 20000 } }, every = { { 0, 5000 }, { 0, 5000 } },
			 off = { 0 }, got;
	struct itimerval cpu = { { 0, 0 }, { 0, 200000 } };
	struct itimerval far = { { 3, 0 }, { 1000, 0 } }, bad = { { 0, 0 }, { 0, 1000000 } },
			 neg = { { 0, 0 }, { -1, 0 } };
	sigset_t none, alarms;

	if (t_argc > 1) {
		pause();
		return;
	}
	t_handle(SIGALRM, 0);
	t_handle(SIGVTALRM, 0);
	t_handle(SIGPROF, 0);
	sigemptyset(&none);
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarms, NULL); /* it is not to come before we wait */
	T(setitimer(ITIMER_REAL, &once, NULL));
	sigsuspend(&none);
	sigprocmask(SIG_UNBLOCK, &alarms, NULL);
	say("%d %s", t_signals, t_signame(t_last_signal));
	getitimer(ITIMER_REAL, &got);
	say("disarmed %d", !got.it_value.tv_sec && !got.it_value.tv_usec);
	t_signals = 0;
	T(setitimer(ITIMER_REAL, &every, NULL));
	spin_until(5);
	T(setitimer(ITIMER_REAL, &off, &got));
	say("interval %ld", (long)got.it_interval.tv_usec);
	t_signals = 0;
	T(setitimer(ITIMER_VIRTUAL, &cpu, NULL));
	sleep_ms(300);
	say("asleep: %d", t_signals);
	spin_until(1);
	say("%s", t_signame(t_last_signal));
	t_signals = 0;
	T(setitimer(ITIMER_PROF, &every, NULL));
	spin_until(3);
	T(setitimer(ITIMER_PROF, &off, NULL));
	say("%s", t_signame(t_last_signal));
	T(setitimer(ITIMER_REAL, &far, NULL));
	T(getitimer(ITIMER_REAL, &got));
	say("%d %ld", about(got.it_value.tv_sec, 1000), (long)got.it_interval.tv_sec);
	IS(about(alarm(0), 1000)); /* it is the same timer */
	T(getitimer(ITIMER_REAL, &got));
	say("%ld %ld", (long)got.it_value.tv_sec, (long)got.it_interval.tv_sec);
	T(alarm(1000));
	IS(about(alarm(500), 1000));
	IS(about(alarm(0), 500));
	T(alarm(0));
	T(setitimer(3, &once, NULL));
	T(getitimer(-1, &got));
	T(setitimer(ITIMER_REAL, &bad, NULL));
	T(setitimer(ITIMER_REAL, &neg, NULL));
	T(setitimer(ITIMER_REAL, BAD, NULL));
	T(getitimer(ITIMER_REAL, BAD));
	T(setitimer(ITIMER_REAL, NULL, &got) == 0); /* disarms */
	alarm(1000);
	CHILD(T(alarm(0))); /* not inherited */
	IS(about(alarm(0), 1000));
	CHILD({ /* survives exec */
		signal(SIGALRM, SIG_DFL);
		setitimer(ITIMER_REAL, &once, NULL);
		execl("/proc/self/exe", "setitimer", "wait", NULL);
	});
}
