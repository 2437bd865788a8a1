/* SPDX-License-Identifier: MIT */
/* kill_long: SIGKILL ends a read or a write of many megabytes before all of them are copied. */
#include "guest.h"
#include <sys/mman.h>
#include <sys/uio.h>

#define MIB (1UL << 20)
#define WRITTEN (128 * MIB)
#define READ (192 * MIB)
#define TRIES 20

/* the first bytes that are read go here, which the parent sees */
static char *first;

/* Starts a child that reads or writes @bytes with one call. Returns its pid. */
static pid_t start(int fd, unsigned long bytes, bool write)
{
	static struct iovec iov[1024];
	static char buf[MIB];

	for (unsigned long i = 0; i < bytes / MIB; i++)
		iov[i] = (struct iovec){ i ? buf : first, MIB };
	return SPAWN({
		if (write)
			writev(fd, iov, (int)(bytes / MIB));
		else
			readv(fd, iov, (int)(bytes / MIB));
	});
}

static bool has_begun(int fd, bool write)
{
	struct stat st;

	return write ? !fstat(fd, &st) && st.st_size : *(volatile char *)first == 'x';
}

/*
 * Kills such a child once its call has copied something, and tries again if the call had ended by
 * then. The file is one of memory, or on a disk. A file to be read has a hole.
 */
static bool is_cut(unsigned long bytes, bool write, bool memory)
{
	for (int i = 0; i < TRIES; i++) {
		int fd = NEED(
			memory ? memfd_create("long", 0) : open("long", O_RDWR | O_CREAT, 0600));
		long at;
		pid_t pid;

		*first = 0;
		if (!write) {
			NEED(ftruncate(fd, (long)bytes));
			NEED(pwrite(fd, "x", 1, 0));
		}
		pid = start(fd, bytes, write);
		T_WAIT(has_begun(fd, write));
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
	first = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	say("write is cut: %d", is_cut(WRITTEN, true, true));
	say("read is cut: %d", is_cut(READ, false, false));
	GIS(is_cut(READ, false, true)); /* Linux reads all of it */
}
