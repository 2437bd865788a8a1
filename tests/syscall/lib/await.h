/* SPDX-License-Identifier: MIT */
/* await.h: waiting for signals. */
#ifndef TESTS_SYSCALL_AWAIT_H
#define TESTS_SYSCALL_AWAIT_H

#include "t.h"

/*
 * Waits until a handler has set *@seen to at least @n. Returns false if it has not within 100
 * seconds. No signal is lost between the check and the sleep.
 */
static T_UNUSED bool t_await_signal(volatile sig_atomic_t *seen, int n)
{
	struct timespec left = { 100, 0 };
	long end = now_ms() + 100000;
	sigset_t all, was;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	while (*seen < n && now_ms() < end)
		ppoll(NULL, 0, &left, &was);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return *seen >= n;
}

#endif
