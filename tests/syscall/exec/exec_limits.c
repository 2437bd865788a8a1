/* SPDX-License-Identifier: MIT */
/*
 * How much execve takes: long arguments, many arguments, the stack limit, an empty argv, what exec
 * takes away.
 */
#include "t.h"
#include <sys/timerfd.h>

TEST(exec_limits)
{
	static char *argv[30005], *envp[] = { NULL, NULL };
	char *text = malloc(131072 + 1);
	struct rlimit lim;
	struct itimerspec its = { { 0, 0 }, { 0, 400000000 } };
	sigset_t set;
	timer_t id;
	pthread_t t;
	int i;

	if (t_argc > 1) {
		long sum = 0;

		for (i = 1; i < t_argc; i++)
			sum += strlen(t_argv[i]);
		say("%d arguments, %ld bytes", t_argc, sum);
		if (!strcmp(t_argv[1], "timers")) {
			say("alone: %d", access("/proc/self/task", F_OK) == 0);
			/*
			 * the timer of before would go off, if it has not yet: either way nothing
			 * of it is left
			 */
			sleep_ms(500);
			sigpending(&set);
			say("of the timer: %d", sigismember(&set, SIGUSR1));
		}
		return;
	}
	argv[0] = "exec_limits";
	memset(text, 'x', 131072);
	text[131071] = 0;
	argv[1] = text;
	CHILD(execve("/proc/self/exe", argv, envp));
	text[131071] = 'x';
	text[131072] = 0;
	CHILD(T(execve("/proc/self/exe", argv, envp)));
	for (i = 1; i <= 30000; i++)
		argv[i] = "argument";
	CHILD(execve("/proc/self/exe", argv, envp));
	text[1000] = 0;
	for (i = 1; i <= 3000; i++)
		argv[i] = text;
	argv[3001] = NULL;
	CHILD(T(execve("/proc/self/exe", argv, envp))); /* over a quarter of the stack limit */
	argv[1001] = NULL;
	CHILD(execve("/proc/self/exe", argv, envp));
	CHILD({
		getrlimit(RLIMIT_STACK, &lim);
		lim.rlim_cur = 1 << 20;
		NEED(setrlimit(RLIMIT_STACK, &lim));
		T(execve("/proc/self/exe", argv, envp));
	});
	argv[1] = "timers";
	argv[2] = NULL;
	CHILD({
		struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };

		t_block(SIGUSR1);
		NEED(timer_create(CLOCK_MONOTONIC, &ev, &id));
		NEED(timer_settime(id, 0, &its, NULL));
		NEED0(pthread_create(&t, NULL, t_sleeper, NULL));
		NEED(mlockall(MCL_CURRENT | MCL_FUTURE));
		execve("/proc/self/exe", argv, envp);
	});
}
