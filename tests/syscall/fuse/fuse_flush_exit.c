/* SPDX-License-Identifier: MIT */
/*
 * fuse_flush_exit: a server answers no FLUSH, and processes end with many descriptors of its file.
 * The number of pending requests is bounded.
 */
#include "guest.h"

#include "fuse_server.h"

#define FILES 100
#define PROCESSES 60

static volatile int opened, flushes;

static void serve_one(const char *request)
{
	const struct fuse_in_header *h = (const void *)request;

	if (h->opcode == FUSE_FLUSH) {
		flushes++;
		return;
	}
	serve_file(h, 0644, 0);
	opened |= h->opcode == FUSE_OPEN;
}

TEST(fuse_flush_exit)
{
	int fd, last;

	if (in_guest()) {
		fuse_serve();
		fd = NEED(open("m/file", O_RDONLY));
		for (int k = 1; k < FILES; k++)
			NEED(dup(fd));
		for (int k = 0; k < PROCESSES; k++) {
			pid_t pid = NEED(fork());

			if (!pid)
				_exit(0);
			waitpid(pid, NULL, 0);
		}
		do {
			last = flushes;
			usleep(100000);
		} while (flushes != last);
	}
	GIS(flushes > 1000);
	GIS(flushes <= 4096);
	if (in_guest())
		umount2("m", MNT_FORCE | MNT_DETACH);
	_exit(0); /* without a FLUSH of this process */
}
