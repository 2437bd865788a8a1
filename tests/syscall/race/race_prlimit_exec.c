/* SPDX-License-Identifier: MIT */
/*
 * race_prlimit_exec: limits of a process are queried while its threads exec, one after the other:
 * each becomes the leader.
 */
#include "t.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/uio.h>

#define ROUNDS 150

static volatile int over;
static pid_t child;

static void *ask(void *arg)
{
	struct rlimit r;
	char c;
	struct iovec to = { &c, 1 }, from = { (void *)4096, 1 };

	while (!over) {
		prlimit(child, RLIMIT_NOFILE, NULL, &r);
		process_vm_readv(child, &to, 1, &from, 1, 0); /* checks its credentials */
	}
	return NULL;
}

static char *again[4], count[16];

static void *execute(void *arg)
{
	execv("/proc/self/exe", again);
	return NULL;
}

/* Runs as the new program: another thread of it executes it again, @left times. */
static void next(int left)
{
	pthread_t t;

	if (!left)
		_exit(7);
	snprintf(count, sizeof(count), "%d", left - 1);
	again[0] = t_argv[0];
	again[1] = count;
	NEED0(pthread_create(&t, NULL, execute, NULL));
	for (;;)
		pause();
}

TEST(race_prlimit_exec)
{
	pthread_t asks[2];
	int status;

	if (t_argc > 1)
		next(atoi(t_argv[1]));
	child = NEED(fork());
	if (!child)
		next(ROUNDS);
	for (int k = 0; k < 2; k++)
		NEED0(pthread_create(&asks[k], NULL, ask, NULL));
	NEED(waitpid(child, &status, 0));
	over = 1;
	for (int k = 0; k < 2; k++)
		pthread_join(asks[k], NULL);
	say("exited %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}
