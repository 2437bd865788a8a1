/* SPDX-License-Identifier: MIT */
/*
 * clock.c: reads the time of day on both sides of an instance, for bench/state.
 *
 *	clock              in the guest: prints it, in ns
 *	clock watch FILE   in the guest: sleeps again and again for 0.1 ms, and writes the time to
 *	                   FILE when more than GAP has passed since it ran last
 *	clock run WORD...  on the host: prints the time and executes a command
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ns: a longer gap between two looks at the clock is a save or a restore */
#define GAP 20000000

extern char **environ;

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int watch(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	const struct timespec pause = { .tv_nsec = 100000 };
	long long last = now(), t;

	while (fd >= 0) {
		nanosleep(&pause, NULL);
		t = now();
		if (t - last > GAP) {
			char text[32];
			int n = snprintf(text, sizeof(text), "%lld\n", t);

			if (pwrite(fd, text, (size_t)n, 0) != n)
				break;
		}
		last = t;
	}
	perror(name);
	return 1;
}

static int run(char **argv)
{
	int status;
	pid_t pid;

	printf("%lld\n", now());
	fflush(stdout);
	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ)) {
		perror(argv[0]);
		return 127;
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "watch"))
		return watch(argv[2]);
	if (argc > 2 && !strcmp(argv[1], "run"))
		return run(argv + 2);
	printf("%lld\n", now());
	return 0;
}
