/* SPDX-License-Identifier: MIT */
/*
 * behind_eof: bytes that a mapping has written behind the end of a file, in its last page, read as
 * zeros once the file is longer.
 */
#include "guest.h"

#define SIZE 100

enum { TRUNCATE, WRITE, WRITE_PAGE, FALLOCATE, WAYS };

static const char *const names[] = { "ftruncate", "a write in the same page",
	"a write in the next page", "fallocate" };

static int grow(int fd, int way)
{
	switch (way) {
	case TRUNCATE: return ftruncate(fd, 3 * PAGE);
	case WRITE: return pwrite(fd, "end", 3, 3000) == 3 ? 0 : -1;
	case WRITE_PAGE: return pwrite(fd, "end", 3, PAGE + 10) == 3 ? 0 : -1;
	default: return fallocate(fd, 0, 0, 3 * PAGE);
	}
}

/*
 * Hosts before Linux 6.13 (tmpfs: later) leave the bytes there: only the guest is asked for zeros.
 */
static void one(const char *what, int fd, int way)
{
	char buf[PAGE] = { 0 };
	int wrong = 0;
	char *p;

	NEED(fd);
	NEED(ftruncate(fd, 0));
	NEED(ftruncate(fd, SIZE));
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(p == MAP_FAILED ? -1 : 0);
	memset(p, 'a', PAGE);
	if (grow(fd, way)) {
		say("%s, %s: %s", what, names[way], t_errno(errno));
		return;
	}
	NEED(pread(fd, buf, way == WRITE ? 3000 : PAGE, 0));
	for (int i = SIZE; i < PAGE; i++)
		wrong += buf[i] || (way == WRITE && i >= 3000 ? 0 : p[i]);
	say("%s, %s: %s", what, names[way], wrong && in_guest() ? "not zeros" : "zeros");
	say("within the file: %c%c", buf[0], buf[SIZE - 1]);
	munmap(p, PAGE);
}

TEST(behind_eof)
{
	int file = NEED(open("f", O_RDWR | O_CREAT, 0600)), memory = NEED(memfd_create("m", 0));

	for (int way = 0; way < WAYS; way++) {
		one("a file", file, way);
		one("memory", memory, way);
	}
}
