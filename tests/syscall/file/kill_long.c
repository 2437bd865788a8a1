/* SPDX-License-Identifier: MIT */
/* kill_long: SIGKILL ends a read or a write of many megabytes before all of them are copied. */
#include "t.h"
#include <sys/uio.h>

#define MIB (1UL << 20)
#define WRITTEN (128 * MIB)
#define READ (192 * MIB)
#define TRIES 60

static struct iovec iov[1024];

/* Starts a child that reads or writes iov[]. Returns its pid. */
static pid_t start(int fd, unsigned long bytes, bool write)
{
	static char buf[MIB];

	for (unsigned long i = 0; i < bytes / MIB; i++)
		iov[i] = (struct iovec){ buf, MIB };
	return SPAWN({
		if (write)
			writev(fd, iov, (int)(bytes / MIB));
		else
			readv(fd, iov, (int)(bytes / MIB));
	});
}

/*
 * Kills such a child after some time, and tries other times until it was in the middle. The file is
 * one of memory to be written, and one with a hole on a disk to be read.
 */
static bool is_cut(unsigned long bytes, bool write)
{
	for (int i = 0; i < TRIES; i++) {
		int fd = NEED(
			write ? memfd_create("long", 0) : open("long", O_RDWR | O_CREAT, 0600));
		long at;
		pid_t pid;

		if (!write)
			NEED(ftruncate(fd, (long)bytes));
		pid = start(fd, bytes, write);
		usleep(200 + i % 20 * 300);
		kill(pid, SIGKILL);
		NEED(waitpid(pid, NULL, 0));
		at = lseek(fd, 0, SEEK_CUR);
		close(fd);
		if (at && at < (long)bytes)
			return true;
	}
	return false;
}

TEST(kill_long)
{
	say("write is cut: %d", is_cut(WRITTEN, true));
	say("read is cut: %d", is_cut(READ, false));
}
