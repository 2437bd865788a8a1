/* SPDX-License-Identifier: MIT */
/*
 * ptrace_pid_ns: PTRACE_GETEVENTMSG: a tracer outside of a pid namespace gets the pids of its own
 * namespace for the init inside.
 */
#include "t.h"
#include <sys/ptrace.h>

static void tracee(int go)
{
	char c;

	NEED(read(go, &c, 1));
	if (!NEED(fork()))
		_exit(1);
	if (!NEED(vfork()))
		_exit(2);
	execl("/proc/self/exe", "ptrace_pid_ns", "again", NULL);
	_exit(9);
}

static unsigned long message(pid_t pid)
{
	unsigned long msg = 0;

	NEED(ptrace(PTRACE_GETEVENTMSG, pid, 0, &msg));
	return msg;
}

/* Waits for the first stop of a new tracee, by the pid in the event's message. Returns the pid. */
static pid_t born(const char *what, pid_t pid)
{
	pid_t child = (pid_t)message(pid);
	int status;

	if (waitpid(child, &status, __WALL) != child) {
		say("%s: no child of that number: %s", what, t_errno(errno));
		exit(1); /* the tracee dies with us */
	}
	say("%s: a child of that number, event %d", what, status >> 16);
	NEED(ptrace(PTRACE_DETACH, child, 0, 0));
	return child;
}

static void follow(pid_t pid)
{
	pid_t child = 0;
	int status;

	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		switch (status >> 16) {
		case PTRACE_EVENT_FORK: born("fork", pid); break;
		case PTRACE_EVENT_VFORK: child = born("vfork", pid); break;
		case PTRACE_EVENT_VFORK_DONE:
			say("vfork done: the same %d", message(pid) == (unsigned long)child);
			break;
		case PTRACE_EVENT_EXEC:
			say("exec: its own %d", message(pid) == (unsigned long)pid);
			break;
		}
		ptrace(PTRACE_CONT, pid, 0, 0);
	}
	t_status("tracee", status);
}

TEST(ptrace_pid_ns)
{
	int go[2];
	pid_t pid;

	if (t_argc > 1)
		_exit(17);
	NEED(pipe(go));
	pid = (pid_t)NEED(syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0));
	if (!pid)
		tracee(go[0]);
	NEED(ptrace(PTRACE_SEIZE, pid, 0,
		PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE |
			PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL));
	NEED(write(go[1], "x", 1));
	follow(pid);
}
