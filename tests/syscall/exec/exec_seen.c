/* SPDX-License-Identifier: MIT */
/*
 * exec_seen: what a parent sees that waited for an exec. It waits at a pipe whose write end is
 * close-on-exec, as subprocess, Go and many shells do. At once /proc/PID/exe is the new program.
 */
#include "t.h"

static bool is_program(pid_t pid, const char *want)
{
	char path[64], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = 0;
	return !strcmp(target, want);
}

static void rounds(const char *what, const char *program, bool vforked)
{
	static char *argv[3];
	int seen = 0, i;

	argv[0] = "exec_seen";
	argv[1] = "wait";
	for (i = 0; i < 40; i++) {
		int told[2], hold[2];
		pid_t pid;
		char c;

		NEED(pipe2(told, O_CLOEXEC));
		NEED(pipe(hold));
		pid = vforked ? vfork() : fork();
		if (!pid) {
			dup2(hold[0], 0);
			close(hold[1]);
			execv(program, argv);
			_exit(127);
		}
		close(told[1]);
		close(hold[0]);
		while (read(told[0], &c, 1) < 0)
			;
		seen += is_program(pid, program);
		close(hold[1]);
		close(told[0]);
		waitpid(pid, NULL, 0);
	}
	say("%s: the new program in %d of %d", what, seen, i);
}

TEST(exec_seen)
{
	char program[PATH_MAX];

	if (t_argc > 1) {
		char c;

		(void)!read(0, &c, 1);
		_exit(0);
	}
	NEED(getcwd(program, sizeof(program) - 8) ? 0 : -1);
	strcat(program, "/copy");
	/* so that the link's target differs from its own */
	t_copy_self(program);
	rounds("fork", program, false);
	rounds("vfork", program, true);
}
