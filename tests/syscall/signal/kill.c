/* SPDX-License-Identifier: MIT */
/* kill(2), tkill(2), tgkill(2): targets, permissions, signal 0, groups, threads. */
#include "t.h"

static volatile int ready, got_it;
static pid_t tid;

static void *target(void *arg)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	tid = syscall(SYS_gettid);
	ready = 1;
	sigwait(&set, &sig);
	got_it = sig;
	return NULL;
}

static void threads(void)
{
	pthread_t t;

	NEED0(pthread_create(&t, NULL, target, NULL));
	while (!ready)
		usleep(1000);
	T(syscall(SYS_tgkill, getpid(), tid, 0));
	T(syscall(SYS_tgkill, getpid() + 1, tid, 0));
	T(syscall(SYS_tgkill, getpid(), 1, 0));
	T(syscall(SYS_tgkill, -1, tid, 0));
	T(syscall(SYS_tgkill, getpid(), 0, 0));
	T(syscall(SYS_tgkill, getpid(), tid, 65));
	T(syscall(SYS_tkill, tid, 0));
	T(syscall(SYS_tkill, 0, 0));
	T(syscall(SYS_tkill, 1 << 29, 0));
	T(kill(tid, 0)); /* a thread's number finds its process */
	T(syscall(SYS_tgkill, getpid(), tid, SIGUSR2));
	pthread_join(t, NULL);
	say("the thread got %s", t_signame(got_it));
}

static void groups(void)
{
	pid_t a = SPAWN({
		setpgid(0, 0);
		pause();
	});
	pid_t b = SPAWN({
		setpgid(0, a);
		pause();
	});

	setpgid(a, a);
	setpgid(b, a);
	T(kill(-a, 0));
	T(kill(-a, SIGTERM));
	t_wait("first", a);
	t_wait("second", b);
	T(kill(-a, SIGTERM));
	CHILD({
		setpgid(0, 0);
		t_handle(SIGUSR1, 0);
		T(kill(0, SIGUSR1));
		say("own group: %d", t_signals);
	});
}

static void permission(void)
{
	pid_t pid = SPAWN(pause());

	t_until(pid, 'S');
	CHILD({
		NEED(setuid(1001));
		T(kill(pid, 0));
		T(kill(pid, SIGTERM));
		T(kill(1, SIGTERM));
		T(kill(getpid(), 0));
		T(kill(1 << 29, 0));
	});
	CHILD({
		pid_t mine = SPAWN({
			NEED(setresuid(1001, 0, 0));
			pause();
		});

		t_until(mine, 'S');
		NEED(setuid(1001)); /* the target's real uid */
		T(kill(mine, SIGTERM));
		t_wait("target", mine);
	});
	kill(pid, SIGKILL);
	t_wait("victim", pid);
}

TEST(kill)
{
	T(kill(getpid(), 0));
	T(kill(getpid(), 65));
	T(kill(getpid(), -1));
	T(kill(1 << 29, SIGTERM));
	T(kill(INT32_MIN, SIGTERM));
	t_handle(SIGUSR1, 0);
	T(kill(getpid(), SIGUSR1));
	say("delivered before kill returns: %d", t_signals);
	threads();
	groups();
	permission();
}
