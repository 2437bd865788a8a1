/* SPDX-License-Identifier: MIT */
/*
 * target.c: a program to fuzz, which does what its input says. With -DSERVER it has a fork server
 * as from afl-cc; with -DCASE that also takes inputs in shared memory; with -DEARLY the program
 * first moves to offset 5 of its standard input. Its input is otherwise the file of an argument
 * "--in=FILE", or standard input.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/afl-nestling/protocol.h"

#define MAP 128

static unsigned char none[MAP], *map = none;
static const unsigned char *cases;

static size_t get_input(int argc, char **argv, char *buf, size_t size)
{
	int fd = argc > 1 ? open(argv[1] + 5, O_RDONLY) : 0;
	ssize_t n;

	if (cases) {
		unsigned int len;

		memcpy(&len, cases, sizeof(len));
		n = len < size ? len : size;
		memcpy(buf, cases + sizeof(len), (size_t)n);
		return (size_t)n;
	}
	n = read(fd, buf, size);
	return n > 0 ? (size_t)n : 0;
}

static int work(int argc, char **argv)
{
	char buf[64] = "";
	size_t n = get_input(argc, argv, buf, sizeof(buf) - 1);

	map[1 + n % (MAP - 1)]++;
	if (!strncmp(buf, "CRASH", 5))
		raise(SIGSEGV);
	if (!strncmp(buf, "HANG", 4))
		for (;;)
			pause();
	if (!strncmp(buf, "PARENT", 6))
		kill(getppid(), SIGKILL);
	if (!strncmp(buf, "PANIC", 5)) {
		int fd = open("/proc/sysrq-trigger", O_WRONLY);

		return write(fd, "c", 1) == 1 ? 8 : 6;
	}
	if (!strncmp(buf, "HALT", 4))
		return system("/bin/busybox poweroff -f || poweroff -f");
	/* the file must not be there: a run must leave nothing for the next */
	if (!strncmp(buf, "TRACE", 5))
		return open("/dev/shm/afl-trace", O_CREAT | O_EXCL | O_WRONLY, 0600) < 0 ? 9 : 5;
	return buf[0] == 'E' ? 7 : 0;
}

#ifdef SERVER
static void serve(void)
{
	const char *id = getenv(AFL_MAP_ENV), *case_id = getenv(AFL_CASE_ENV);
	unsigned int word = AFL_OPTIONS | AFL_OPTION_MAP_SIZE | afl_put_map_size(MAP);
	pid_t pid;
	int status;

	if (!id)
		exit(3);
	map = shmat(atoi(id), NULL, 0);
	map[0] = 1;
#ifdef CASE
	if (case_id)
		word |= AFL_OPTION_CASE;
#endif
	if (write(AFL_STATUS_FD, &word, 4) != 4)
		exit(4);
	if (word & AFL_OPTION_CASE & -!!case_id) {
		if (read(AFL_CONTROL_FD, &word, 4) != 4 || !(word & AFL_OPTION_CASE))
			exit(5);
		cases = shmat(atoi(case_id), NULL, SHM_RDONLY);
	}
	while (read(AFL_CONTROL_FD, &word, 4) == 4) {
		pid = fork();
		if (!pid) {
			close(AFL_CONTROL_FD);
			close(AFL_STATUS_FD);
			return;
		}
		if (write(AFL_STATUS_FD, &pid, 4) != 4 || waitpid(pid, &status, 0) != pid ||
			write(AFL_STATUS_FD, &status, 4) != 4)
			exit(6);
	}
	exit(0);
}
#endif

int main(int argc, char **argv)
{
#ifdef EARLY
	lseek(0, 5, SEEK_SET);
#endif
#ifdef SERVER
	serve();
#endif
	return work(argc, argv);
}
