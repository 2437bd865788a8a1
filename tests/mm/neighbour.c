/* SPDX-License-Identifier: MIT */
/*
 * neighbour: measures how often a process reads and drops a page while a group reads a file: first
 * a file that fits into its limit, then a larger file, for which the group reclaims from itself all
 * the time. A large cache exists in both cases. Prints the reads a second of both.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIECE (1 << 20)

static char data[PIECE];

static void need(int yes, const char *what)
{
	if (!yes) {
		printf("%s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static void put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);

	need(fd >= 0 && write(fd, text, strlen(text)) > 0, file);
	close(fd);
}

/* Opens a file without blocks, which reads as zeros that are cached like other pages. */
static int hole(const char *name, off_t size)
{
	int fd = open(name, O_RDWR | O_CREAT, 0600);

	need(fd >= 0 && !ftruncate(fd, size), name);
	return fd;
}

static void read_all(int fd, off_t size)
{
	for (off_t at = 0; at < size; at += PIECE)
		need(pread(fd, data, PIECE, at) == PIECE, "read");
}

static long reads(int seconds)
{
	int fd = hole("/small", 1 << 12);
	struct timespec t;
	long n = 0, end;

	clock_gettime(CLOCK_MONOTONIC, &t);
	end = t.tv_sec * 1000 + t.tv_nsec / 1000000 + seconds * 1000;
	do {
		need(pread(fd, data, 1, 0) == 1, "read");
		need(!posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), "fadvise");
		n++;
		clock_gettime(CLOCK_MONOTONIC, &t);
	} while (t.tv_sec * 1000 + t.tv_nsec / 1000000 < end);
	close(fd);
	return n;
}

/*
 * Returns the reads a second of this process while a member of the group reads a file of @size
 * bytes again and again.
 */
static long beside(const char *name, off_t size)
{
	pid_t pid = fork();
	long n;

	if (!pid) {
		put("/cg/full/cgroup.procs", "0");
		for (int fd = hole(name, size);;)
			read_all(fd, size);
	}
	n = reads(3);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return n / 3;
}

int main(int argc, char **argv)
{
	off_t large = argc > 1 ? atol(argv[1]) << 20 : 256 << 20;
	long fits, reclaims;

	need(!mkdir("/cg", 0755) && !mount("none", "/cg", "cgroup2", 0, NULL), "cgroup2");
	put("/cg/cgroup.subtree_control", "+memory");
	need(!mkdir("/cg/full", 0755), "mkdir");
	put("/cg/full/memory.max", "4M");
	read_all(hole("/large", large), large);
	fits = beside("/fits", 1 << 20); /* busy too, but needs no reclaim */
	reclaims = beside("/own", 64 << 20);
	printf("%ld %ld\n", fits, reclaims);
	return 0;
}
