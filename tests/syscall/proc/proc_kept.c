/* SPDX-License-Identifier: MIT */
/*
 * proc_kept: texts of many open files of /proc do not stay in memory after a read, and the rest of
 * each can still be read.
 */
#include "t.h"

#define FILES 600
#define AREAS 3000

static long available(void)
{
	static char text[8192];
	int fd = open("/proc/meminfo", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	char *at;

	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, "MemAvailable:");
	return at ? strtol(at + 13, NULL, 10) : 0;
}

/* Reads one byte of @path through each of @n open files, then the rest through the first. */
static void read_all(const char *path, int n)
{
	int fds[FILES], opened = 0, good = 0;
	long before = available(), taken;
	char a[128], b[128];

	while (opened < n && (fds[opened] = open(path, O_RDONLY)) != -1)
		good += read(fds[opened++], a, 1) == 1;
	taken = before - available();
	say("%s: %d opened, %d read, %s", path, opened, good,
		taken < 200L << 10 ? "memory is left" : "memory is gone");
	T(read(fds[0], a, 40));
	T(pread(fds[opened - 1], b, 40, 1));
	say("%s", memcmp(a, b, 40) ? "two texts" : "the same text");
	while (opened)
		close(fds[--opened]);
}

TEST(proc_kept)
{
	struct rlimit limit = { FILES + 40, FILES + 40 };
	char *p;

	NEED(setrlimit(RLIMIT_NOFILE, &limit));
	read_all("/proc/net/igmp", FILES);
	p = mmap(NULL, AREAS * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < AREAS; i += 2)
		NEED(mprotect(p + i * 4096, 4096, PROT_READ | PROT_WRITE));
	read_all("/proc/self/smaps", 200);
}
