/* SPDX-License-Identifier: MIT */
/*
 * exit_signal: a child's exit signal is for the parent that made it: if the parent has executed
 * another program since, that gets SIGCHLD.
 */
#include "t.h"

static volatile sig_atomic_t chosen, usual;

static void count(int sig)
{
	*(sig == SIGUSR1 ? &chosen : &usual) += 1;
}

/* Lets the child and the sibling that it makes end, both of which have chosen SIGUSR1. */
static void see_them_off(int go)
{
	signal(SIGUSR1, count);
	signal(SIGCHLD, count);
	NEED(write(go, "x", 1));
	NEED(waitpid(-1, NULL, __WALL));
	NEED(waitpid(-1, NULL, __WALL));
	say("the chosen one %s, SIGCHLD %s", chosen ? "came" : "never", usual ? "came" : "never");
}

static pid_t clone_as(unsigned long flags)
{
	return (pid_t)NEED(syscall(SYS_clone, flags, 0, 0, 0, 0));
}

static void parent(bool exec)
{
	int go[2];
	char c, fd[16];

	NEED(pipe(go));
	if (!clone_as(SIGUSR1)) {
		NEED(read(go[0], &c, 1));
		clone_as(CLONE_PARENT);
		_exit(0);
	}
	if (!exec)
		return see_them_off(go[1]);
	snprintf(fd, sizeof(fd), "%d", go[1]);
	execl("/proc/self/exe", "exit_signal", fd, NULL);
	say("exec: %s", t_errno(errno));
}

TEST(exit_signal)
{
	if (t_argc > 1)
		return see_them_off(atoi(t_argv[1]));
	CHILD(parent(false));
	CHILD(parent(true));
}
