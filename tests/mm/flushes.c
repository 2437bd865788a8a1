/* SPDX-License-Identifier: MIT */
/*
 * flushes DISK: calls that make data durable, each between two marks on DISK (a sector of text at
 * its beginning), for tests/mm/flushes to count what reached the host between them.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define LOOPS 200

static char block[4096] __attribute__((aligned(4096)));
static int disk;

static void mark(const char *name)
{
	static char sector[4096] __attribute__((aligned(4096)));

	memset(sector, 0, sizeof(sector));
	snprintf(sector, sizeof(sector), "mark %s\n", name);
	if (pwrite(disk, sector, sizeof(sector), 0) != sizeof(sector))
		perror("mark");
}

static void must(const char *what, long r)
{
	if (r < 0) {
		perror(what);
		exit(1);
	}
}

static long overwrite(int fd, int flags)
{
	struct iovec v = { block, sizeof(block) };

	block[0]++;
	usleep(20000); /* changes its times too */
	return pwritev2(fd, &v, 1, 0, flags);
}

/* Returns how often the threads that write dirty pages back have gone to sleep. */
static long flusher_sleeps(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	long sum = 0;

	while (proc && (d = readdir(proc))) {
		char name[300], line[200];
		bool flusher = false;
		long n;
		FILE *f;

		snprintf(name, sizeof(name), "/proc/%s/status", d->d_name);
		f = *d->d_name >= '1' && *d->d_name <= '9' ? fopen(name, "r") : NULL;
		while (f && fgets(line, sizeof(line), f)) {
			flusher |= !strncmp(line, "Name:\tflush-", 12);
			if (flusher && sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
				sum += n;
		}
		if (f)
			fclose(f);
	}
	if (proc)
		closedir(proc);
	return sum;
}

/*
 * A program that writes and syncs in turn must do the I/O itself: to wake a thread would cost more
 * than the write.
 */
static void write_and_sync(int fd)
{
	long before = flusher_sleeps(), more;

	for (int i = 0; i < LOOPS; i++) {
		must("write", pwrite(fd, block, sizeof(block), 0));
		must("fsync", fsync(fd));
	}
	more = flusher_sleeps() - before;
	if (!before || more > LOOPS / 4)
		printf("flush threads slept %ld times before, %ld meanwhile\n", before, more);
}

int main(int argc, char **argv)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600), d, s;
	char *map;

	disk = open(argv[1], O_WRONLY | O_DSYNC);
	must("open", fd < 0 ? fd : disk);
	must("fallocate", write(fd, block, sizeof(block)));
	sync();
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	d = open("file", O_RDWR | O_DSYNC);
	s = open("file", O_RDWR | O_SYNC);
	mark("write");
	must("write", overwrite(fd, 0));
	mark("fsync");
	must("fsync", fsync(fd));
	mark("fsync-again");
	must("fsync", fsync(fd));
	must("write", overwrite(fd, 0));
	mark("fdatasync");
	must("fdatasync", fdatasync(fd));
	mark("fdatasync-grown");
	must("write", pwrite(fd, block, sizeof(block), 8192));
	must("fdatasync", fdatasync(fd));
	mark("o-dsync");
	must("O_DSYNC", overwrite(d, 0));
	mark("o-sync");
	must("O_SYNC", overwrite(s, 0));
	mark("rwf-dsync");
	must("RWF_DSYNC", overwrite(fd, RWF_DSYNC));
	mark("rwf-sync");
	must("RWF_SYNC", overwrite(fd, RWF_SYNC));
	must("write", overwrite(fd, 0));
	mark("sync-file-range");
	must("sync_file_range", sync_file_range(fd, 0, 4096,
					SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
						SYNC_FILE_RANGE_WAIT_AFTER));
	map[1]++;
	mark("msync-async");
	must("msync", msync(map, 4096, MS_ASYNC));
	mark("msync-sync");
	must("msync", msync(map, 4096, MS_SYNC));
	must("write", overwrite(fd, 0));
	mark("syncfs");
	must("syncfs", syncfs(fd));
	must("write", overwrite(fd, 0));
	mark("sync");
	sync();
	mark("end");
	write_and_sync(fd);
	return 0;
}
