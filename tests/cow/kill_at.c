// SPDX-License-Identifier: MIT
/*
 * kill_at.c: kills a program at a chosen system call.
 *
 *	kill_at N COMMAND...	SIGKILL at the N-th stop (each call has two: before and after it).
 *                              Status 0: it was killed;
 *				1: it ended before, with success; 2: without. N 0: it runs to its
 *				end, and the number of its stops is printed
 *
 * KILL_WITH in the environment is another signal, by its number.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t start(char **command)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execvp(command[0], command);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid ||
		ptrace(PTRACE_SETOPTIONS, pid, 0,
			PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL))
		exit(3);
	ptrace(PTRACE_SYSCALL, pid, 0, 0);
	return pid;
}

/* Returns the signal that the tracee gets after this stop, or 0: only signals sent to it. */
static long signal_of(int status)
{
	int sig = WSTOPSIG(status);

	return status >> 16 || sig == SIGTRAP || sig == SIGSTOP || sig & 0x80 ? 0 : sig;
}

int main(int argc, char **argv)
{
	const char *with = getenv("KILL_WITH");
	int sig = with ? atoi(with) : SIGKILL;
	long at = argc > 2 ? atol(argv[1]) : -1, stops = 0;
	int status, ended = 0;
	pid_t pid, first;

	if (at < 0)
		return 3;
	first = start(argv + 2);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status)) {
			if (pid == first)
				ended = status;
			continue;
		}
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) && ++stops == at) {
			kill(first, sig);
			if (sig == SIGKILL)
				continue;
		}
		ptrace(PTRACE_SYSCALL, pid, 0, signal_of(status));
	}
	if (!at)
		printf("%ld\n", stops);
	if (WIFSIGNALED(ended) && WTERMSIG(ended) == sig)
		return 0;
	return WIFEXITED(ended) && !WEXITSTATUS(ended) ? 1 : 2;
}
