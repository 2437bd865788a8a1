/* SPDX-License-Identifier: MIT */
/*
 * mktree DIR N: makes a tree of N files like those of a large source tree: 20 files a directory,
 * directories three deep, sizes from 0 to 31 KiB with a mean of about 3.3 KiB. Each run makes equal
 * names and contents.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char text[32768];
static uint32_t state = 1;

static uint32_t next(void)
{
	state = state * 1664525 + 1013904223;
	return state >> 8;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Most files are small, a few large. */
static size_t next_size(void)
{
	uint32_t n = next() % 100;

	return n < 60 ? next() % 2048 : n < 90 ? next() % 8192 : next() % 31744;
}

static void make_file(const char *dir, int i)
{
	char path[512];
	size_t n = next_size();
	int fd;

	snprintf(path, sizeof(path), "%s/file_%d.c", dir, i);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0 || (n && write(fd, text + next() % (sizeof(text) - n), n) != (ssize_t)n) ||
		close(fd))
		fail(path);
}

static void make_dir(const char *path)
{
	if (mkdir(path, 0755))
		fail(path);
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 0;
	char path[256];

	if (n <= 0)
		return 2;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 40 == 39 ? '\n' : (char)('a' + next() % 26);
	make_dir(argv[1]);
	for (int i = 0; i < n; i++) {
		int dir = i / 20;

		if (i % 400 == 0) {
			snprintf(path, sizeof(path), "%s/part_%d", argv[1], dir / 20);
			make_dir(path);
		}
		if (i % 20 == 0) {
			snprintf(path, sizeof(path), "%s/part_%d/sub_%d", argv[1], dir / 20, dir);
			make_dir(path);
		}
		make_file(path, i);
	}
	return 0;
}
