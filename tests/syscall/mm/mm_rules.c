/* SPDX-License-Identifier: MIT */
/*
 * mm_rules: rules of the memory calls that are easily forgotten: limits of arguments, holes, locks,
 * the state after an error.
 */
#include "t.h"

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)

static void map(const char *what, size_t len, int prot, int flags, int fd, off_t off)
{
	void *p = mmap(NULL, len, prot, flags, fd, off);

	say("%s: %s", what, p == MAP_FAILED ? t_errno(errno) : "ok");
	if (p != MAP_FAILED)
		munmap(p, len);
}

static char *anon(int pages)
{
	return mmap(NULL, pages * PAGE, RW, ANON, -1, 0);
}

static long locked_kb(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");
	long kb = -1;

	while (fgets(line, sizeof(line), f))
		sscanf(line, "VmLck: %ld", &kb);
	fclose(f);
	return kb;
}

static void mapping(int fd)
{
	map("shared and private", PAGE, RW, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0);
	map("sizes of huge pages", PAGE, PROT_READ, MAP_SHARED_VALIDATE | 21 << 26, fd, 0);
	map("what nobody knows", PAGE, PROT_READ, MAP_SHARED_VALIDATE | 1 << 25, fd, 0);
	map("synchronous", PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0);
	map("huge, a file of none", PAGE, PROT_READ, MAP_PRIVATE | MAP_HUGETLB, fd, 0);
	map("behind the largest file", PAGE, RW, MAP_PRIVATE, fd, -PAGE);
	map("the largest file's end", PAGE, RW, MAP_PRIVATE, fd, (1L << 62));
	map("all there is", -1UL, RW, ANON, -1, 0);
}

static void locking(void)
{
	struct rlimit none = { 0, 0 };
	unsigned char core[4];
	char *p = anon(8);

	NEED(munmap(p + 4 * PAGE, PAGE));
	T(mlock(p, 8 * PAGE)); /* as far as the hole */
	T(locked_kb());
	T(munlock(p + 2 * PAGE, 6 * PAGE));
	T(locked_kb());
	T(munlock(p, 2 * PAGE));
	T(locked_kb());
	CHILD({
		T(mlockall(MCL_FUTURE | MCL_ONFAULT));
		p = anon(4);
		NEED(mincore(p, 4 * PAGE, core));
		say("on fault: %d%d", core[0] & 1, core[3] & 1);
		T(mlockall(MCL_FUTURE));
		p = anon(4);
		NEED(mincore(p, 4 * PAGE, core));
		say("at once: %d%d", core[0] & 1, core[3] & 1);
		CHILD(T(locked_kb()));
	});
	CHILD({
		NEED(setrlimit(RLIMIT_MEMLOCK, &none));
		NEED(setresuid(54321, 54321, 54321));
		T(mlock(p, PAGE));
		T(mlock(p, 0));
		T(munlock(p, PAGE));
		T(mlockall(MCL_CURRENT));
	});
}

static void breaks(void)
{
	char *start = sbrk(0);

	T(syscall(SYS_brk, start + 3 * PAGE + 10) - (long)start);
	T(syscall(SYS_brk, -1L) - (long)start); /* and nothing is unmapped */
	T(syscall(SYS_brk, 1L) - (long)start);
	T(syscall(SYS_brk, 1L << 47) - (long)start);
	start[3 * PAGE] = 1;
	T(syscall(SYS_brk, start) - (long)start);
}

TEST(mm_rules)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600));
	unsigned char core[4];
	char *p = anon(4);

	NEED(ftruncate(fd, PAGE));
	mapping(fd);
	locking();
	breaks();
	T(mincore(p, -1UL, core));
	T(mincore(p, -PAGE, core));
	T(mincore(p, 1UL << 46, core));
	close(fd);
}
