/* SPDX-License-Identifier: MIT */
/*
 * race_exit: processes and threads that end at the moment when they are signalled, waited for, or
 * end each other.
 */
#include "t.h"

static void *exits(void *arg)
{
	syscall(SYS_exit_group, (int)(intptr_t)arg);
	return NULL;
}

static void *nothing(void *arg)
{
	return NULL;
}

static void *execs(void *arg)
{
	execl("/proc/self/exe", "race_exit", "child", NULL);
	return NULL;
}

static void *killer(void *arg)
{
	syscall(SYS_kill, getpid(), SIGKILL);
	return NULL;
}

static int run(void *(*fn)(void *), int threads)
{
	int status, i;
	pthread_t t;
	pid_t pid = SPAWN({
		/* no more of them once the first is in exec: clone(2) is EAGAIN then */
		for (i = 0; i < threads; i++)
			if (pthread_create(&t, NULL, fn, (void *)7))
				break;
		syscall(SYS_exit_group, 7);
	});

	NEED(waitpid(pid, &status, 0));
	return status;
}

TEST(race_exit)
{
	int i, n, status, ok;

	if (t_argc > 1)
		_exit(7);
	for (i = ok = 0; i < 50; i++)
		ok += run(exits, 8) == 7 << 8;
	say("%d of 50: eight threads end the process at once", ok);
	for (i = ok = 0; i < 50; i++)
		ok += run(nothing, 8) == 7 << 8;
	say("%d of 50: the process ends while its threads do", ok);
	for (i = ok = 0; i < 30; i++) {
		status = run(execs, 4);
		ok += status == 7 << 8;
	}
	say("%d of 30: several threads call exec while the process ends", ok);
	for (i = ok = 0; i < 50; i++) {
		status = run(killer, 4);
		ok += status == 7 << 8 || status == SIGKILL;
	}
	say("%d of 50: killed while ending", ok);
	for (i = ok = 0; i < 100; i++) {
		pid_t pid = SPAWN(_exit(3));

		kill(pid, SIGKILL);
		NEED(waitpid(pid, &status, 0));
		ok += status == 3 << 8 || status == SIGKILL;
	}
	say("%d of 100: killed at birth", ok);
	for (i = ok = 0; i < 20; i++) { /* parents that end before their children */
		pid_t pid = SPAWN({
			for (n = 0; n < 5; n++)
				SPAWN(usleep(n * 100));
		});

		NEED(waitpid(pid, &status, 0));
		ok += status == 0;
	}
	say("%d of 20: parents first", ok);
	for (i = ok = 0; i < 50; i++) { /* stop, continue and kill in a burst */
		pid_t pid = SPAWN(for (;;) pause());

		kill(pid, SIGSTOP);
		kill(pid, SIGCONT);
		kill(pid, SIGSTOP);
		kill(pid, SIGKILL);
		NEED(waitpid(pid, &status, 0));
		ok += status == SIGKILL;
	}
	say("%d of 50: stopped and killed", ok);
}
