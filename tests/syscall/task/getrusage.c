/* SPDX-License-Identifier: MIT */
/*
 * getrusage(2): the peak of memory, of a process after it has given the memory back, and of its
 * children and theirs.
 */
#include "t.h"

static void use(int mb)
{
	size_t n = (size_t)mb << 20;
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(p == MAP_FAILED ? -1 : 0);
	memset(p, 1, n);
	NEED(munmap(p, n));
}

static void about(const char *what, int who, int mb)
{
	struct rusage r;
	long kb = (long)mb << 10;

	NEED(getrusage(who, &r));
	if (r.ru_maxrss > kb - kb / 10 && r.ru_maxrss < kb + kb / 4 + 8192)
		say("%s: right", what);
	else
		say("%s: %ld kB", what, r.ru_maxrss);
}

TEST(getrusage)
{
	struct rusage r;

	CHILD({
		use(40);
		about("what was used", RUSAGE_SELF, 40);
		about("nobody yet", RUSAGE_CHILDREN, 0);
		t_wait("child", SPAWN(use(60)));
		about("the child", RUSAGE_CHILDREN, 60);
		t_wait("child", SPAWN(t_wait("grandchild", SPAWN(use(80)))));
		about("the grandchild", RUSAGE_CHILDREN, 80);
		about("still", RUSAGE_SELF, 40);
	});
	T(getrusage(5, &r));
	T(getrusage(RUSAGE_SELF, BAD));
	T(getrusage(-3, &r));
	T(getrusage(RUSAGE_THREAD, &r));
}
