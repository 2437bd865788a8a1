/* SPDX-License-Identifier: MIT */
/*
 * ptrace_parent_stop: a child that another process traces stops and continues. Its parent is
 * notified as without the tracer (a shell under strace -f has job control), and of its end once the
 * tracer has been.
 */
#include "t.h"
#include <sys/ptrace.h>

#ifndef PTRACE_LISTEN
#define PTRACE_LISTEN 0x4208
#endif

static void told(const char *who, pid_t pid, int flags)
{
	int st = 0;
	pid_t got = waitpid(pid, &st, flags);

	if (got != pid)
		say("%s: %s", who, got ? t_errno(errno) : "nothing");
	else if (WIFSTOPPED(st))
		say("%s: stopped by %d, event %d", who, WSTOPSIG(st), st >> 16);
	else if (WIFCONTINUED(st))
		say("%s: went on", who);
	else if (WIFEXITED(st))
		say("%s: exited %d", who, WEXITSTATUS(st));
	else
		say("%s: %x", who, st);
}

/* Sends a byte through a pipe, for which the other side waits by hear(). */
static void tell(const int *p)
{
	NEED(write(p[1], "x", 1));
}

static void hear(const int *p)
{
	char c;

	if (read(p[0], &c, 1) != 1)
		_exit(9);
}

static int go[2], stopped[2], resumed[2], ended[2], over[2], names[2];

static void child(void)
{
	hear(go);
	raise(SIGSTOP);
	hear(ended);
	_exit(7);
}

static void parent(void)
{
	pid_t pid = NEED(fork());

	if (!pid)
		child();
	NEED(write(names[1], &pid, sizeof(pid)));
	hear(stopped);
	told("parent", pid, WUNTRACED);
	told("parent again", pid, WUNTRACED | WNOHANG);
	NEED(kill(pid, SIGCONT));
	hear(resumed);
	told("parent", pid, WCONTINUED);
	told("parent again", pid, WUNTRACED | WCONTINUED | WNOHANG);
	tell(ended);
	hear(over);
	told("parent", pid, 0);
	_exit(0);
}

TEST(ptrace_parent_stop)
{
	pid_t pid, mother;

	NEED(pipe(go));
	NEED(pipe(stopped));
	NEED(pipe(resumed));
	NEED(pipe(ended));
	NEED(pipe(over));
	NEED(pipe(names));
	mother = NEED(fork());
	if (!mother)
		parent();
	NEED(read(names[0], &pid, sizeof(pid)));
	T(ptrace(PTRACE_SEIZE, pid, NULL, NULL));
	tell(go);
	told("tracer", pid, __WALL);
	T(ptrace(PTRACE_CONT, pid, NULL, (long)SIGSTOP));
	told("tracer", pid, __WALL);
	T(ptrace(PTRACE_LISTEN, pid, NULL, NULL));
	tell(stopped);
	told("tracer", pid, __WALL); /* SIGCONT ends the stop */
	T(ptrace(PTRACE_CONT, pid, NULL, NULL));
	told("tracer", pid, __WALL); /* and is a signal */
	T(ptrace(PTRACE_CONT, pid, NULL, (long)SIGCONT));
	tell(resumed);
	told("tracer", pid, __WALL);
	tell(over);
	NEED(waitpid(mother, NULL, 0));
}
