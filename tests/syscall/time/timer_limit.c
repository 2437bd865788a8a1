/* SPDX-License-Identifier: MIT */
/* Every timer counts against RLIMIT_SIGPENDING, also one that sends nothing. */
#include "t.h"

static void fill(int how)
{
	struct sigevent e = { .sigev_notify = how, .sigev_signo = SIGUSR1 };
	int ids[5];

	for (int i = 0; i < 5; i++)
		T(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &ids[i]) ? -1 : 0);
	T(syscall(SYS_timer_delete, ids[0]));
	T(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &ids[0]) ? -1 : 0);
	T(syscall(SYS_timer_getoverrun, ids[1]));
}

TEST(timer_limit)
{
	struct rlimit three = { 3, 3 };

	if (getuid())
		return;
	t_become(64321, 64321);
	NEED(setrlimit(RLIMIT_SIGPENDING, &three));
	CHILD(fill(SIGEV_NONE));
	CHILD(fill(SIGEV_SIGNAL));
}
