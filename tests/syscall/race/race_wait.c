/* SPDX-License-Identifier: MIT */
/*
 * race_wait: two threads wait for the same last child: one gets it, and the other gets ECHILD, in
 * either order. A process in a pid namespace of its own looks at children that another process
 * reaps.
 */
#include "t.h"

#define ROUNDS 8000 /* as many of them as there is time for */
#define MS 3000

static pthread_barrier_t turn;
static volatile int got, none, last;

/* Waits for a child at once with the other thread. True if that was the last time. */
static bool wait_once(void)
{
	bool done;

	pthread_barrier_wait(&turn);
	done = last;
	if (waitpid(-1, NULL, 0) > 0)
		__atomic_add_fetch(&got, 1, __ATOMIC_SEQ_CST);
	else if (errno == ECHILD)
		__atomic_add_fetch(&none, 1, __ATOMIC_SEQ_CST);
	pthread_barrier_wait(&turn);
	return done;
}

static void *waiter(void *arg)
{
	while (!wait_once())
		;
	return arg;
}

/* Makes a child per round, for which two threads wait at once: exactly one of them gets it. */
static void rounds(void)
{
	long end = now_ms() + MS;
	pthread_t other;
	int bad = 0;

	NEED0(pthread_barrier_init(&turn, NULL, 2));
	NEED0(pthread_create(&other, NULL, waiter, NULL));
	for (int i = 0; i < ROUNDS && !last; i++) {
		got = none = 0;
		if (!NEED(fork())) {
			for (volatile int k = 0; k < i % 50 * 100; k++)
				;
			_exit(0);
		}
		last = i == ROUNDS - 1 || now_ms() > end;
		wait_once();
		bad += got != 1 || none != 1;
	}
	NEED0(pthread_join(other, NULL));
	_exit(bad ? 1 : 0);
}

static volatile bool over;

static void *looks(void *arg)
{
	siginfo_t si;

	while (!over)
		if (!waitid(P_ALL, 0, &si, WEXITED | WSTOPPED | WNOHANG | WNOWAIT))
			got += si.si_pid != 0;
	return arg;
}

static void looked_at(void)
{
	long end = now_ms() + MS / 3;
	pthread_t other;

	NEED0(pthread_create(&other, NULL, looks, NULL));
	while (now_ms() < end) {
		pid_t pid = SPAWN(raise(SIGSTOP));

		t_kill(pid);
	}
	over = true;
	NEED0(pthread_join(other, NULL));
	_exit(waitpid(-1, NULL, 0) == -1 && errno == ECHILD ? 0 : 1);
}

TEST(race_wait)
{
	pid_t pid = SPAWN(rounds());

	T_WAIT(t_state(pid) == 'Z');
	kill(pid, SIGKILL);
	t_wait("two waiters", pid);
	NEED(unshare(CLONE_NEWPID));
	CHILD(looked_at());
}
