/* SPDX-License-Identifier: MIT */
/* await.h: waiting for what has no descriptor to poll, and is no state of a child (t_until): for signals, and for what only can be looked at. */
#ifndef TESTS_SYSCALL_AWAIT_H
#define TESTS_SYSCALL_AWAIT_H

#include "t.h"

/* Waits for what only can be looked at, with no event that tells of it; gives up after ten seconds. */
#define AWAIT(cond)                                                                                \
	do {                                                                                       \
		long end_ = now_ms() + 10000;                                                      \
		while (!(cond) && now_ms() < end_)                                                 \
			sleep_ms(1);                                                               \
		if (!(cond))                                                                       \
			say("never: %s", #cond);                                                   \
	} while (0)

/* Waits until a handler has set @seen to @n at least; false: not in ten seconds. No signal is missed between the look and the sleep. */
static T_UNUSED bool t_await_signal(volatile sig_atomic_t *seen, int n)
{
	struct timespec left = { 10, 0 };
	long end = now_ms() + 10000;
	sigset_t all, was;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	while (*seen < n && now_ms() < end)
		ppoll(NULL, 0, &left, &was);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return *seen >= n;
}

#endif
