/* SPDX-License-Identifier: MIT */
/*
 * edges: buffers that end at an inaccessible page, for calls that transfer as much as fits:
 * getdents64(2), vmsplice(2), getrandom(2).
 */
#include "t.h"

static char buf[8192];

/* Entries come whole, and the rest comes with the next call. */
static void directory(char *end)
{
	int fd, names = 0, n, first;
	char name[32];

	NEED(mkdir("d", 0755));
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "d/file%d", i);
		t_text(name, "");
	}
	fd = NEED(open("d", O_RDONLY | O_DIRECTORY));
	T(syscall(SYS_getdents64, fd, end, 4096));
	T(syscall(SYS_getdents64, fd, end - 10, 4096));
	T(syscall(SYS_getdents64, fd, end - 10, 10));
	first = syscall(SYS_getdents64, fd, end - 1000, 4096);
	say("a part: %d", first > 900 && first <= 1000);
	for (int at = 0; at < first; at += *(unsigned short *)(end - 1000 + at + 16))
		names++;
	while ((n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
		for (int at = 0; at < n; at += *(unsigned short *)(buf + at + 16))
			names++;
	say("%d names", names);
	close(fd);
}

static void pages(char *end)
{
	struct iovec v[2] = { { buf, 10 }, { end - 3, 10 } };
	int p[2];

	NEED(pipe2(p, O_NONBLOCK));
	T(vmsplice(p[1], v, 2, 0));
	T(read(p[0], buf, sizeof(buf)));
	T(vmsplice(p[1], v + 1, 1, 0));
	T(read(p[0], buf, sizeof(buf)));
	v[1].iov_base = end;
	T(vmsplice(p[1], v + 1, 1, 0));
	T(syscall(SYS_getrandom, end - 10, 100, 0));
	T(syscall(SYS_getrandom, end, 100, 0));
	T(syscall(SYS_memfd_create, "x", ~0));
	T(syscall(SYS_memfd_create, "x", 1U << 26));
	close(p[0]);
	close(p[1]);
}

TEST(edges)
{
	char *end = t_pages(2) + 2 * PAGE;

	directory(end);
	pages(end);
}
