/* SPDX-License-Identifier: MIT */
/*
 * hostfs.c DIR: what files in DIR cost; prints "NAME VALUE UNIT" lines. bench/hostfs has made
 * DIR/tree, 20000 small files in 200 folders, and DIR/big, 256 MiB that the host has in memory.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MIB (1 << 20)
#define BIG 256
#define STATS 200000

static char buf[MIB];
static long found;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void walk(int dir, int with_stat)
{
	DIR *d = fdopendir(dir);
	struct dirent *e;
	struct stat st;

	if (!d)
		die("fdopendir");
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		found++;
		if (with_stat && fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			die(e->d_name);
		if (e->d_type == DT_DIR)
			walk(openat(dir, e->d_name, O_RDONLY | O_DIRECTORY), with_stat);
	}
	closedir(d);
}

static void tree(const char *name, int with_stat)
{
	double start = now();

	found = 0;
	walk(open("tree", O_RDONLY | O_DIRECTORY), with_stat);
	printf("%s %.1f ms\n", name, (now() - start) * 1e3);
}

static void transfer(const char *name, const char *file, int flags, int n)
{
	int fd = open(file, flags, 0600);
	double start = now();

	if (fd < 0)
		die(file);
	for (int i = 0; i < n; i++)
		if ((flags & O_WRONLY ? write(fd, buf, MIB) : read(fd, buf, MIB)) != MIB)
			die(file);
	printf("%s %.0f MiB/s\n", name, n / (now() - start));
	close(fd);
}

int main(int argc, char **argv)
{
	struct stat st;
	double start;
	int fd;

	if (argc < 2 || chdir(argv[1]))
		die("chdir");
	memset(buf, 'x', sizeof(buf));
	tree("walk-and-stat-first", 1);
	tree("walk-and-stat-again", 1);
	tree("walk-again", 0);
	transfer("read-1MiB-first", "big", O_RDONLY, BIG);
	transfer("read-1MiB-again", "big", O_RDONLY, BIG);
	transfer("write-1MiB-new", "new", O_WRONLY | O_CREAT | O_TRUNC, BIG);
	transfer("write-1MiB-over", "new", O_WRONLY, BIG);
	start = now();
	for (int i = 0; i < STATS; i++)
		if (stat("tree/d0/f0", &st))
			die("stat");
	printf("stat-cached %.0f ns\n", (now() - start) / STATS * 1e9);
	start = now();
	for (int i = 0; i < 20000; i++) {
		fd = open("tree/d0/f0", O_RDONLY);
		if (fd < 0 || read(fd, buf, 4096) < 0)
			die("open");
		close(fd);
	}
	printf("open-read-close %.0f ns\n", (now() - start) / 20000 * 1e9);
	start = now();
	fd = open("small", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	for (int i = 0; i < 50000; i++)
		if (write(fd, buf, 100) != 100)
			die("small");
	close(fd);
	printf("write-100-bytes %.0f ns\n", (now() - start) / 50000 * 1e9);
	start = now();
	for (int i = 0; i < 5000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "made%d", i);
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
		if (fd < 0 || close(fd) || unlink(name))
			die(name);
	}
	printf("create-and-unlink %.0f ns\n", (now() - start) / 5000 * 1e9);
	unlink("new");
	unlink("small");
	return 0;
}
