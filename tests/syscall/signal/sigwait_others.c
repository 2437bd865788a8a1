/* SPDX-License-Identifier: MIT */
/*
 * sigwait_others: a thread waits for two signals and takes one. The other, for which it was chosen,
 * goes to a thread that can take it.
 */
#include "t.h"

#define ROUNDS 50

static volatile sig_atomic_t handled, taken;
static int turn[2];

static void on_usr2(int sig)
{
	handled++;
}

static void mask(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	pthread_sigmask(how, &set, NULL);
}

/* Takes SIGUSR2 by its handler, unless a thread waits for it. */
static void *handler(void *arg)
{
	mask(SIG_UNBLOCK, SIGUSR2);
	for (;;)
		pause();
	return NULL;
}

static void *sender(void *arg)
{
	for (int i = 1; i <= ROUNDS; i++) {
		T_WAIT(t_state(getpid()) == 'S'); /* it waits for them */
		kill(getpid(), SIGUSR2);
		kill(getpid(), SIGUSR1);
		T_WAIT(handled + taken == 2 * i);
		if (handled + taken != 2 * i)
			exit(1);
		NEED(write(turn[1], "x", 1));
	}
	return NULL;
}

TEST(sigwait_others)
{
	pthread_t h, s;
	cpu_set_t one;
	sigset_t set;
	char c;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	/* mostly both signals are pending before it runs */
	sched_setaffinity(0, sizeof(one), &one);
	NEED(pipe(turn));
	signal(SIGUSR2, on_usr2);
	mask(SIG_BLOCK, SIGUSR1);
	mask(SIG_BLOCK, SIGUSR2);
	NEED0(pthread_create(&h, NULL, handler, NULL));
	NEED0(pthread_create(&s, NULL, sender, NULL));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	for (int i = 0; i < ROUNDS; i++) {
		int sig = sigwaitinfo(&set, NULL);

		if (sig == SIGUSR2)
			sig = (taken++, sigwaitinfo(&set, NULL));
		if (sig != SIGUSR1)
			say("round %d: %s", i, t_signame(sig));
		taken++;
		NEED(read(turn[0], &c, 1));
	}
	pthread_join(s, NULL);
	say("all were taken: %d", handled + taken);
}
