/* SPDX-License-Identifier: MIT */
/*
 * gap MS COMMAND...: runs the command and prints four numbers: its time in milliseconds; the
 * longest time in which this program, which sleeps for a millisecond again and again, did not run;
 * how many milliseconds the command lived after SIGKILL, which it gets after MS (0: never); its
 * status.
 */
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	double start = now(), last = start, longest = 0, killed = 0, limit = atof(argv[1]);
	pid_t pid = fork();
	int st = 0;

	if (!pid) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	while (waitpid(pid, &st, WNOHANG) == 0) {
		struct timespec ms = { 0, 1000000 };
		double t;

		nanosleep(&ms, NULL);
		t = now();
		longest = t - last > longest ? t - last : longest;
		last = t;
		if (limit && !killed && t - start > limit) {
			kill(pid, SIGKILL);
			killed = now();
		}
	}
	last = now();
	printf("%d %d %d %d\n", (int)(last - start), (int)longest,
		killed ? (int)(last - killed) : 0,
		WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st));
	return 0;
}
