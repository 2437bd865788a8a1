/* SPDX-License-Identifier: MIT */
/* getpriority(2), setpriority(2): nice values of processes, groups and users, permissions. */
#include "guest.h"
#include <sys/time.h>

/*
 * More CPU time is taken from all other tasks: capabilities in a user namespace do not permit it.
 */
static void in_user_namespace(void)
{
	struct sched_param fifo = { 1 }, idle = { 0 };

	if (in_guest())
		NEED(unshare(CLONE_NEWUSER));
	G(setpriority(PRIO_PROCESS, 0, -1), "-1 EACCES");
	G(sched_setscheduler(0, SCHED_FIFO, &fifo), "-1 EPERM");
	G(sched_setscheduler(0, SCHED_IDLE, &idle), "0");
	G(sched_setscheduler(0, SCHED_OTHER, &idle), "-1 EPERM");
	G(setpriority(PRIO_PROCESS, 0, 5), "0");
	G(setpriority(PRIO_PROCESS, 0, 4), "-1 EACCES");
	G(syscall(SYS_settimeofday, NULL, NULL), "-1 EPERM");
}

/* A user's tasks are those of the caller's pid namespace. */
static void in_pid_namespace(void)
{
	pid_t out;

	if (getuid()) {
		say("not root");
		return;
	}
	out = SPAWN({
		NEED(setuid(55556));
		pause();
	});
	t_until(out, 'S');
	NEED(setpriority(PRIO_PROCESS, out, 3));
	CHILD({
		NEED(unshare(CLONE_NEWPID));
		CHILD({
			T(syscall(SYS_getpriority, PRIO_USER, 55556));
			T(setpriority(PRIO_USER, 55556, 9));
			NEED(setuid(55556));
			T(syscall(SYS_getpriority, PRIO_USER, 0));
			T(setpriority(PRIO_USER, 0, 5));
		});
	});
	T(syscall(SYS_getpriority, PRIO_PROCESS, out));
	T(setpriority(PRIO_USER, 55556, 11));
	T(syscall(SYS_getpriority, PRIO_PROCESS, out));
	t_kill(out);
}

TEST(setpriority)
{
	pid_t pid;

	setpriority(PRIO_PROCESS, 0, 0);              /* whatever the tests are run at */
	T(syscall(SYS_getpriority, PRIO_PROCESS, 0)); /* 20 - nice */
	T(setpriority(PRIO_PROCESS, 0, 5));
	T(syscall(SYS_getpriority, PRIO_PROCESS, 0));
	CHILD(T(syscall(SYS_getpriority, PRIO_PROCESS, 0)));
	T(setpriority(PRIO_PROCESS, 0, 100));
	T(syscall(SYS_getpriority, PRIO_PROCESS, 0));
	T(setpriority(PRIO_PROCESS, 0, -100));
	T(syscall(SYS_getpriority, PRIO_PROCESS, 0));
	T(setpriority(PRIO_PROCESS, 0, 0));
	pid = SPAWN({
		setpgid(0, 0);
		pause();
	});
	t_until(pid, 'S');
	setpgid(pid, pid);
	T(setpriority(PRIO_PGRP, pid, 7));
	T(syscall(SYS_getpriority, PRIO_PGRP, pid));
	T(syscall(SYS_getpriority, PRIO_PROCESS, pid));
	T(syscall(SYS_getpriority, PRIO_USER, 55555));
	CHILD({
		NEED(setuid(55555));
		T(syscall(SYS_getpriority, PRIO_USER, 0));
		T(setpriority(PRIO_PROCESS, 0, -1));
		T(setpriority(PRIO_PROCESS, 0, 3));
		T(setpriority(PRIO_PROCESS, 0, 2));
		T(setpriority(PRIO_PROCESS, pid, 10));
		T(setpriority(PRIO_USER, 0, 4));
		T(syscall(SYS_getpriority, PRIO_PROCESS, 0));
	});
	kill(pid, SIGKILL);
	t_wait("child", pid);
	T(syscall(SYS_getpriority, 9, 0));
	T(setpriority(9, 0, 0));
	T(syscall(SYS_getpriority, PRIO_PROCESS, 1 << 29));
	T(setpriority(PRIO_PROCESS, 1 << 29, 0));
	CHILD(in_user_namespace());
	in_pid_namespace();
}
