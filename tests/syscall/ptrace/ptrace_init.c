/* SPDX-License-Identifier: MIT */
/*
 * ptrace_init: a traced init of a pid namespace dies of a SIGKILL from outside, also if that was
 * pending before its first stop.
 */
#include "guest.h"

#include <sched.h>
#include <sys/ptrace.h>

/* Makes a child with CLONE_PTRACE, which our tracer traces and which would stop at once. */
static void make_and_kill(void)
{
	long pid;

	ptrace(PTRACE_TRACEME);
	pid = syscall(SYS_clone, CLONE_NEWPID | CLONE_PTRACE | SIGCHLD, 0, 0, 0, 0);
	if (!pid)
		for (;;)
			pause();
	kill((pid_t)pid, SIGKILL);
	_exit(pid < 0);
}

TEST(ptrace_init)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = in_guest() ? fork() : 0;
		int status = SIGKILL, killed = !in_guest();

		if (in_guest() && !pid)
			make_and_kill();
		while (in_guest() && (pid = waitpid(-1, &status, __WALL)) > 0) {
			killed |= WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
			if (WIFSTOPPED(status)) /* it came that far before the signal did */
				kill(pid, SIGKILL);
		}
		say("killed: %d", killed);
	}
}
