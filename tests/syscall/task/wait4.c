/* SPDX-License-Identifier: MIT */
/*
 * wait4(2): choice of the child, options, statuses, stopped and continued, EINTR, rusage, threads.
 */
#include "t.h"

static void which(void)
{
	pid_t a, b, me = getpid();
	int status;

	T(waitpid(-1, &status, 0));
	T(waitpid(-1, &status, WNOHANG));
	T(waitpid(getpid(), &status, 0));
	T(waitpid(1 << 29, &status, 0));
	T(waitpid(-1, &status, 0x100));
	T(syscall(SYS_wait4, INT32_MIN, &status, 0, NULL));
	a = SPAWN(_exit(1));
	b = SPAWN({
		setpgid(0, 0);
		_exit(2);
	});
	t_until(a, 'Z');
	t_until(b, 'Z');
	T(waitpid(-b, &status, 0) == b);
	T(waitpid(-b, &status, 0));
	T(waitpid(0, &status, 0) == a);
	T(waitpid(0, &status, 0));
	a = SPAWN(pause());
	T(waitpid(a, &status, WNOHANG));
	T(waitpid(-1, &status, WNOHANG));
	kill(a, SIGTERM);
	T(waitpid(a, BAD, 0));
	T(waitpid(a, &status, 0)); /* the fault did reap it, as on Linux */
	a = SPAWN(kill(me, 0));
	T(syscall(SYS_wait4, a, NULL, 0, NULL) == a);
}

static void statuses(void)
{
	CHILD(raise(SIGTERM));
	CHILD(raise(SIGKILL));
	CHILD(abort());
	CHILD(*(volatile int *)0 = 1);
	CHILD(__builtin_trap());
	CHILD({
		int zero = 0, one = 1, rest = 0;

		__asm__ volatile("idivl %2" : "+a"(one), "+d"(rest) : "r"(zero));
	});
	CHILD(raise(SIGRTMIN + 3));
}

static void stops(void)
{
	int status;
	pid_t pid = SPAWN(for (;;) pause());

	/* no orphaned group, so that SIGTSTP stops it */
	setpgid(pid, pid);
	kill(pid, SIGSTOP);
	T(waitpid(pid, &status, WUNTRACED) == pid);
	t_status("child", status);
	T(waitpid(pid, &status, WUNTRACED | WNOHANG)); /* told once */
	kill(pid, SIGCONT);
	T(waitpid(pid, &status, WCONTINUED) == pid);
	t_status("child", status);
	T(waitpid(pid, &status, WCONTINUED | WNOHANG));
	kill(pid, SIGTSTP);
	T(waitpid(pid, &status, WUNTRACED) == pid);
	t_status("child", status);
	kill(pid, SIGTERM);
	T(waitpid(pid, &status, WNOHANG)); /* stopped: not yet */
	kill(pid, SIGKILL);
	T(waitpid(pid, &status, 0) == pid);
	t_status("child", status);
}

static void interrupted(void)
{
	pid_t pid = SPAWN(pause()), me = getpid(), other;
	int status;

	t_handle(SIGALRM, 0);
	other = SPAWN({
		t_until(me, 'S');
		kill(me, SIGALRM);
	});
	T(waitpid(pid, &status, 0));
	NEED(waitpid(other, NULL, 0));
	t_handle(SIGALRM, SA_RESTART);
	ualarm(30000, 0);
	SPAWN({
		sleep_ms(100);
		kill(pid, SIGTERM);
	});
	T(waitpid(pid, &status, 0) == pid);
	say("signals %d", t_signals);
	wait(NULL);
}

static pid_t from_thread;
static void *forker(void *arg)
{
	from_thread = SPAWN(_exit(21));
	return NULL;
}

static void threads(void)
{
	pthread_t t;
	int status;

	/* a child of one thread is waited for by another, unless __WNOTHREAD */
	NEED0(pthread_create(&t, NULL, forker, NULL));
	pthread_join(t, NULL);
	T(waitpid(from_thread, &status, 0) == from_thread);
	t_status("thread's child", status);
}

static void usage(void)
{
	struct rusage ru;
	pid_t pid = SPAWN({
		volatile long i;

		for (i = 0; i < 100000000; i++)
			;
	});
	int status;

	memset(&ru, 0xff, sizeof(ru));
	T(wait4(pid, &status, 0, &ru) == pid);
	say("used time: %d", ru.ru_utime.tv_sec > 0 || ru.ru_utime.tv_usec > 1000);
	pid = SPAWN(_exit(0));
	T(wait4(pid, &status, 0, BAD));
}

TEST(wait4)
{
	which();
	statuses();
	stops();
	interrupted();
	threads();
	usage();
}
