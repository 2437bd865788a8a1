/* SPDX-License-Identifier: MIT */
/* timer_create(2), timer_settime(2), timer_gettime(2), timer_getoverrun(2), timer_delete(2). */
#include "guest.h"

#include <pthread.h>

static volatile int value, code, overrun;
static void with_info(int sig, siginfo_t *si, void *context)
{
	t_signals++;
	value = si->si_value.sival_int;
	code = si->si_code;
	if (si->si_overrun > overrun)
		/* later signals may come before anybody looks */
		overrun = si->si_overrun;
}

static long create(int clock, void *ev, int *id)
{
	return syscall(SYS_timer_create, clock, ev, id);
}

/*
 * The signal goes to a thread that uses the process's time (Linux since 6.4): sooner or later to
 * every thread that runs.
 */
#define SPINNERS 3
static __thread bool i_heard;
static int nr_heard;

static void hear(int sig)
{
	if (!i_heard)
		__atomic_fetch_add(&nr_heard, 1, __ATOMIC_SEQ_CST);
	i_heard = true;
}

static void *spin(void *arg)
{
	while (__atomic_load_n(&nr_heard, __ATOMIC_SEQ_CST) < SPINNERS)
		;
	return NULL;
}

static void spread(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
	struct itimerspec often = { { 0, 1000000 }, { 0, 1000000 } };
	pthread_t t[SPINNERS];
	int id;

	signal(SIGUSR2, hear);
	NEED(create(CLOCK_PROCESS_CPUTIME_ID, &ev, &id));
	for (int i = 0; i < SPINNERS; i++)
		pthread_create(&t[i], NULL, spin, NULL);
	NEED(syscall(SYS_timer_settime, id, 0, &often, NULL));
	for (int i = 0; i < SPINNERS; i++)
		pthread_join(t[i], NULL);
	NEED(syscall(SYS_timer_delete, id));
}

static const struct itimerspec once = { { 0, 0 }, { 0, 20000000 } };

/* Arms the timer and waits for its signal, which is blocked until then. */
static void expire(int id, int sig)
{
	sigset_t blocked, none;

	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, sig);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	T(syscall(SYS_timer_settime, id, 0, &once, NULL));
	sigsuspend(&none);
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

TEST(timer_create)
{
	struct sigaction sa = { .sa_sigaction = with_info, .sa_flags = SA_SIGINFO };
	struct sigevent ev = {
		.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77
	};
	struct itimerspec fast = { { 0, 1000000 }, { 0, 1000000 } },
			  far = { { 0, 0 }, { 1000, 0 } }, storm = { { 0, 500 }, { 0, 1000 } },
			  off = { 0 }, got;
	struct itimerspec bad = { { 0, 0 }, { 0, 1000000000 } }, past = { { 0, 0 }, { 1, 0 } };
	siginfo_t si;
	sigset_t set;
	int id, id2, i, n;

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	T(create(CLOCK_MONOTONIC, &ev, &id));
	T(syscall(SYS_timer_settime, id, 0, &far, NULL));
	T(syscall(SYS_timer_gettime, id, &got));
	say("runs %d", got.it_value.tv_sec > 700 && got.it_value.tv_sec <= 1000);
	expire(id, SIGUSR1);
	say("signals %d value %d code %d", t_signals, value, code);
	T(syscall(SYS_timer_gettime, id, &got));
	say("over %ld", got.it_value.tv_nsec);

	/* overruns are counted while the signal waits */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	T(syscall(SYS_timer_settime, id, 0, &fast, NULL));
	sleep_ms(50);
	t_signals = 0;
	overrun = 0;
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	n = syscall(SYS_timer_getoverrun, id);
	say("one signal at least %d, overruns %d %d", t_signals >= 1, overrun >= 20, n >= 0);
	T(syscall(SYS_timer_settime, id, 0, &off, &got));
	say("interval %ld", got.it_interval.tv_nsec);

	/* none of them is lost where they are too many for an interrupt each */
	sigprocmask(SIG_BLOCK, &set, NULL);
	T(syscall(SYS_timer_settime, id, 0, &storm, NULL));
	sleep_ms(20);
	n = sigwaitinfo(&set, &si);
	T(syscall(SYS_timer_settime, id, 0, &off, NULL));
	say("a storm, overruns %d", n == SIGUSR1 && si.si_overrun >= 30000);
	while (sigtimedwait(&set, NULL, &(struct timespec){ 0 }) > 0)
		;
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	t_signals = 0;
	T(syscall(SYS_timer_settime, id, TIMER_ABSTIME, &past, NULL));
	while (!t_signals)
		;
	T(syscall(SYS_timer_settime, id, 0, &bad, NULL));
	T(syscall(SYS_timer_settime, id, 0, BAD, NULL));
	T(syscall(SYS_timer_settime, id, 0, NULL, NULL));
	T(syscall(SYS_timer_gettime, id, BAD));
	T(syscall(SYS_timer_delete, id));
	T(syscall(SYS_timer_delete, id));
	T(syscall(SYS_timer_settime, id, 0, &once, NULL));
	T(syscall(SYS_timer_gettime, id, &got));
	T(syscall(SYS_timer_getoverrun, id));

	/* without an event it is SIGALRM with the number as value */
	T(create(CLOCK_REALTIME, NULL, &id));
	t_signals = 0;
	expire(id, SIGALRM);
	say("%d value is the id %d", t_signals, value == id);
	T(syscall(SYS_timer_delete, id));

	ev.sigev_notify = SIGEV_NONE;
	T(create(CLOCK_MONOTONIC, &ev, &id));
	T(syscall(SYS_timer_settime, id, 0, &once, NULL));
	sleep_ms(40);
	T(syscall(SYS_timer_gettime, id, &got));
	say("silent, over %ld", got.it_value.tv_nsec);

	ev.sigev_notify = SIGEV_THREAD_ID;
	ev._sigev_un._tid = syscall(SYS_gettid);
	T(create(CLOCK_MONOTONIC, &ev, &id2));
	t_signals = 0;
	expire(id2, SIGUSR1);
	say("to the thread %d", t_signals);
	ev._sigev_un._tid = 1 << 29;
	T(create(CLOCK_MONOTONIC, &ev, &id2));
	ev.sigev_notify = 77;
	T(create(CLOCK_MONOTONIC, &ev, &id2));
	T(create(CLOCK_MONOTONIC_RAW, &ev, &id2));
	ev.sigev_notify = SIGEV_SIGNAL;
	ev.sigev_signo = 65;
	T(create(CLOCK_MONOTONIC, &ev, &id2));
	T(create(99, NULL, &id2));
	T(create(CLOCK_MONOTONIC, BAD, &id2));
	T(create(CLOCK_MONOTONIC, NULL, BAD));
	T(create(CLOCK_PROCESS_CPUTIME_ID, NULL, &id2));
	t_signals = 0;
	T(syscall(SYS_timer_settime, id2, 0, &once, NULL));
	while (!t_signals)
		;
	say("processor time timer fired");
	T(create(CLOCK_BOOTTIME, NULL, &id2));
	CHILD(T(syscall(SYS_timer_gettime, id, &got))); /* not inherited */
	for (i = 0; i < 3; i++)
		NEED(create(CLOCK_MONOTONIC, NULL, &id));
	if (in_guest())
		spread();
	say("every thread that ran has heard");
}
