/* SPDX-License-Identifier: MIT */
/*
 * mseal: sealed areas cannot be unmapped, shrunk or moved, nor get other rights; all other
 * operations work.
 */
#include "newer.h"

#define MSEAL 462

static size_t pg;

static char *map(size_t n, int prot)
{
	char *p = mmap(NULL, n * pg, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(p == MAP_FAILED ? -1 : 0);
	return p;
}

static void ranges(char *p)
{
	CHECK(syscall(MSEAL, p, pg, 1), -EINVAL);
	CHECK(syscall(MSEAL, p + 1, pg, 0), -EINVAL);
	CHECK(syscall(MSEAL, p, 0, 0), 0);
	CHECK(syscall(MSEAL, p, -1L, 0), -EINVAL);
	CHECK(syscall(MSEAL, p, -4096L, 0), -EINVAL);
	munmap(p + 10 * pg, pg);
	CHECK(syscall(MSEAL, p + 9 * pg, 3 * pg, 0), -ENOMEM);
	CHECK(syscall(MSEAL, p + pg, pg, 0), 0);
	CHECK(syscall(MSEAL, p + pg, pg - 1, 0), 0);
}

static void refused(char *p)
{
	CHECK(munmap(p, 3 * pg), -EPERM);
	CHECK(munmap(p + pg, pg), -EPERM);
	CHECK(mprotect(p + pg, pg, PROT_NONE), -EPERM);
	CHECK(mprotect(p + pg, pg, PROT_READ | PROT_WRITE), -EPERM);
	CHECK(mprotect(p, 3 * pg, PROT_READ), -EPERM);
	CHECK((long)mremap(p + pg, pg, 2 * pg, MREMAP_MAYMOVE), -EPERM);
	CHECK((long)mremap(p + pg, pg, pg, 0), -EPERM);
	CHECK((long)mremap(p + pg, pg, pg, MREMAP_MAYMOVE | MREMAP_FIXED, p + 12 * pg), -EPERM);
	CHECK((long)mremap(p + 3 * pg, pg, pg, MREMAP_MAYMOVE | MREMAP_FIXED, p + pg), -EPERM);
	CHECK((long)mremap(p + pg, pg, pg, MREMAP_MAYMOVE | MREMAP_DONTUNMAP), -EPERM);
	CHECK((long)mmap(p, 4 * pg, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
		-EPERM);
	CHECK((long)mmap(p + pg, pg, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
		-EPERM);
}

static void allowed(char *p)
{
	p[pg] = 7;
	HOLDS(p[pg] == 7);
	CHECK(mlock(p + pg, pg), 0);
	CHECK(munlock(p + pg, pg), 0);
	CHECK(madvise(p + pg, pg, MADV_DONTNEED), 0);
	HOLDS(p[pg] == 0);
	CHECK(munmap(p + 2 * pg, pg), 0);
	CHECK(mprotect(p + 3 * pg, pg, PROT_READ), 0);
}

static void advice(void)
{
	static const int forbidden[] = { MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_DONTFORK,
		MADV_WIPEONFORK, 24 };
	char *p = map(2, PROT_READ);

	CHECK(syscall(MSEAL, p, pg, 0), 0);
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(*forbidden); i++)
		CHECK(madvise(p, pg, forbidden[i]), -EPERM);
	CHECK(madvise(p, pg, MADV_WILLNEED), 0);
	CHECK(madvise(p, pg, MADV_SEQUENTIAL), 0);
	CHECK(madvise(p + pg, pg, MADV_DONTNEED), 0);
	p = mmap(NULL, pg, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(syscall(MSEAL, p, pg, 0), 0);
	CHECK(madvise(p, pg, MADV_DONTNEED), 0);
}

static void heap(void)
{
	char *top = sbrk(0), *page;

	sbrk(3 * (intptr_t)pg);
	page = (char *)(((uintptr_t)top + pg - 1) & ~(pg - 1));
	CHECK(syscall(MSEAL, page, pg, 0), 0);
	HOLDS(syscall(SYS_brk, top) != (long)top);
}

static bool shown(const char *p)
{
	char line[256], start[32];
	FILE *f = fopen("/proc/self/smaps", "re");
	bool in = false, yes = false;

	snprintf(start, sizeof(start), "%lx-", (unsigned long)p);
	while (f && fgets(line, sizeof(line), f)) {
		if (strchr(line, '-') && line[0] != 'V')
			in = !strncmp(line, start, strlen(start));
		if (in && !strncmp(line, "VmFlags:", 8))
			yes = strstr(line, " sl") != NULL;
	}
	fclose(f);
	return yes;
}

static void inherited(char *p)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(munmap(p + pg, pg) == -1 && errno == EPERM ? 0 : 1);
	waitpid(pid, &status, 0);
	HOLDS(status == 0);
}

TEST(mseal)
{
	char *p;

	have = known(MSEAL);
	pg = (size_t)sysconf(_SC_PAGESIZE);
	p = map(16, PROT_READ | PROT_WRITE);
	ranges(p);
	/* what follows would be done to memory that is not sealed */
	if (!have)
		_exit(77);
	refused(p);
	HOLDS(shown(p + pg));
	HOLDS(p[0] == 0);
	inherited(p);
	p = map(5, PROT_READ | PROT_WRITE);
	CHECK(syscall(MSEAL, p + pg, pg, 0), 0);
	allowed(p);
	advice();
	heap();
}
