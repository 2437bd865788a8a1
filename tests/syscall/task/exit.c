/* SPDX-License-Identifier: MIT */
/* exit(2), exit_group(2): statuses, threads, what is closed and released. */
#include "t.h"

static void *spinner(void *arg)
{
	for (;;)
		__asm__ volatile("" ::: "memory");
	return NULL;
}

static void *end_thread(void *arg)
{
	syscall(SYS_exit, 33);
	return NULL;
}

static void *end_group(void *arg)
{
	syscall(SYS_exit_group, 44);
	return NULL;
}

static void *end_last(void *arg)
{
	t_until(getpid(), 'Z');
	syscall(SYS_exit, 7);
	return NULL;
}

/* The status that a parent gets if the leader exits with 3 and the last thread with 7. */
static void last_thread(void)
{
	siginfo_t si;
	pthread_t t;
	pid_t pid = SPAWN({
		NEED0(pthread_create(&t, NULL, end_last, NULL));
		syscall(SYS_exit, 3);
	});

	NEED(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT));
	say("waitid: code %d status %d", si.si_code, si.si_status);
	t_wait("leader 3, last thread 7", pid);
}

TEST(exit)
{
	pthread_t t;
	int p[2], status, i;
	char c;

	CHILD(syscall(SYS_exit, 1));
	CHILD(syscall(SYS_exit_group, 255));
	CHILD(syscall(SYS_exit, 256));
	CHILD(syscall(SYS_exit_group, -1));
	CHILD({
		for (i = 0; i < 4; i++)
			NEED0(pthread_create(&t, NULL, t_sleeper, NULL));
		syscall(SYS_exit_group, 5);
	});
	CHILD({
		NEED0(pthread_create(&t, NULL, spinner, NULL));
		sleep_ms(20);
		syscall(SYS_exit_group, 6);
	});
	CHILD({
		NEED0(pthread_create(&t, NULL, end_group, NULL));
		for (;;)
			__asm__ volatile("" ::: "memory");
	});
	CHILD({
		NEED0(pthread_create(&t, NULL, end_thread, NULL));
		pthread_join(t, NULL);
		say("only the thread ended");
		syscall(SYS_exit, 8);
	});
	/* the leader's status is the process's only if it is the last or exit_group was called */
	CHILD({
		NEED0(pthread_create(&t, NULL, end_group, NULL));
		syscall(SYS_exit, 9);
	});

	last_thread();

	/* all descriptors are closed */
	NEED(pipe(p));
	CHILD(NEED(write(p[1], "x", 1)));
	close(p[1]);
	T(read(p[0], &c, 1));
	T(read(p[0], &c, 1));

	/* a zombie keeps its pid until it is waited for */
	{
		pid_t pid = SPAWN(_exit(3));

		t_until(pid, 'Z');
		T(kill(pid, 0));
		T(kill(pid, SIGKILL));
		T(waitpid(pid, &status, 0) == pid);
		t_status("zombie", status);
		T(kill(pid, 0));
	}

	/* SIGCHLD ignored: no zombies */
	signal(SIGCHLD, SIG_IGN);
	{
		pid_t pid = SPAWN(_exit(3));

		T(waitpid(pid, &status, 0));
	}
	signal(SIGCHLD, SIG_DFL);
	{
		struct sigaction sa = { .sa_handler = t_on_signal, .sa_flags = SA_NOCLDWAIT };

		NEED(sigaction(SIGCHLD, &sa, NULL));
		T(waitpid(SPAWN(_exit(3)), &status, 0));
		say("SIGCHLD came: %d", t_signals);
	}
}
