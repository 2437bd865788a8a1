/* SPDX-License-Identifier: MIT */
/*
 * reclaim SECONDS: cuts and removes files while their pages are reclaimed: three processes cut, two
 * make memory short.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (1 << 16)

static time_t end;
static char buf[CHUNK];

static void fill(int fd, int chunks)
{
	while (chunks--)
		if (write(fd, buf, CHUNK) != CHUNK)
			err(1, "write");
}

/*
 * Makes clean pages, which are reclaimed first, and cuts them from the end, piece by piece and all
 * at once.
 */
static void cutter(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT, 0600), n = 0;

	if (fd < 0)
		err(1, "%s", name);
	for (; time(NULL) < end; n++) {
		fill(fd, 32);
		if (n % 4 == 0)
			fsync(fd);
		for (int left = 32; left; left -= 4)
			if (ftruncate(fd, (off_t)left * CHUNK))
				err(1, "ftruncate");
		lseek(fd, 0, SEEK_SET);
		ftruncate(fd, 0);
	}
	unlink(name);
	_exit(0);
}

/* Reads more pages than memory has room for. */
static void reader(const char *name, int chunks)
{
	int fd = open(name, O_RDWR | O_CREAT, 0600);

	fill(fd, chunks);
	while (time(NULL) < end) {
		lseek(fd, 0, SEEK_SET);
		while (time(NULL) < end && read(fd, buf, CHUNK) > 0)
			;
	}
	unlink(name);
	_exit(0);
}

int main(int argc, char **argv)
{
	int status, bad = 0;

	end = time(NULL) + atoi(argv[1]);
	if (!fork())
		cutter("cut1");
	if (!fork())
		cutter("cut2");
	if (!fork())
		cutter("cut3");
	if (!fork())
		reader("read1", 600);
	if (!fork())
		reader("read2", 600);
	while (wait(&status) > 0)
		bad |= status;
	printf("reclaim %s\n", bad ? "failed" : "done");
	return bad != 0;
}
