/* SPDX-License-Identifier: MIT */
/*
 * race_attach_kill: PTRACE_ATTACH of a stopped process returns, although another process kills it
 * at that moment.
 */
#include "t.h"
#include <sys/ptrace.h>

#define ROUNDS 2000 /* as many of them as there is time for */
#define MS 2000

static volatile int round_of_tracer, round_of_killer, last;
static volatile pid_t target;

static void *tracer(void *arg)
{
	bool done = false;

	for (int i = 1; !done; i++) {
		while (round_of_killer < i)
			sched_yield();
		ptrace(PTRACE_SEIZE, target, 0, 0);
		done = last;
		round_of_tracer = i;
	}
	return arg;
}

static void rounds(void)
{
	long end = now_ms() + MS;
	pthread_t t;

	NEED0(pthread_create(&t, NULL, tracer, NULL));
	for (int i = 1; !last; i++) {
		pid_t pid = SPAWN(for (;;) raise(SIGSTOP));

		NEED(waitpid(pid, NULL, WUNTRACED));
		target = pid;
		last = i == ROUNDS || now_ms() > end;
		round_of_killer = i;
		for (volatile int k = 0; k < i % 64 * 20; k++)
			;
		NEED(kill(pid, SIGKILL));
		while (round_of_tracer < i)
			sched_yield();
		while (waitpid(pid, &(int){ 0 }, __WALL) != -1)
			;
	}
	NEED0(pthread_join(t, NULL));
	_exit(0);
}

TEST(race_attach_kill)
{
	pid_t pid = SPAWN(rounds());

	T_WAIT(t_state(pid) == 'Z');
	kill(pid, SIGKILL);
	t_wait("who attaches", pid);
}
