/* SPDX-License-Identifier: MIT */
/*
 * proc_iowait: a task waits for its writes to reach the disk, and no other task runs: /proc/stat
 * counts iowait and /proc/pressure/io a stall.
 */
#include "guest.h"

/* Returns the number in @file that is @words words after @what, or -1. */
static long number(const char *file, const char *what, int words)
{
	static char text[65536];
	int fd = NEED(open(file, O_RDONLY));
	ssize_t n = NEED(read(fd, text, sizeof(text) - 1));
	char *p;

	close(fd);
	text[n] = 0;
	p = strstr(text, what);
	if (!p)
		return -1;
	for (p += strlen(what); words; words--) {
		p += strspn(p, " ");
		p += strcspn(p, " \n");
	}
	return strtol(p, NULL, 10);
}

static long waited(void)
{
	return number("/proc/stat", "cpu ", 4);
}

static long stalled(void)
{
	return number("/proc/pressure/io", "total=", 0);
}

static void write_disk(long wait, long stall)
{
	static char buf[65536];
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600));

	while (waited() < wait || stalled() < stall) {
		for (int i = 0; i < 10; i++) {
			buf[0]++;
			NEED(pwrite(fd, buf, sizeof(buf), 0));
			NEED(fsync(fd));
		}
	}
	close(fd);
}

TEST(proc_iowait)
{
	alarm(100);
	if (in_guest())
		write_disk(waited() + 2, stalled() + 20000);
	say("time was spent waiting for a disk");
	say("tasks may be blocked: %d", number("/proc/stat", "procs_blocked", 0) >= 0);
}
