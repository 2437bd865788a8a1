/* SPDX-License-Identifier: MIT */
/*
 * fork_areas: an area with pages that a child inherits stays an area of its own: it does not merge
 * with a new neighbour, or with another inherited area, as it would in the parent. Pieces of the
 * area do merge again.
 */
#include "t.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static char *base;

/* Prints the areas in the 16 pages from base, in pages. */
static void show(const char *what)
{
	char line[512], text[256] = "";
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long from, to, at = (unsigned long)base;

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx", &from, &to) == 2 && from >= at && to <= at + 16 * PAGE)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %lu-%lu",
				(from - at) / PAGE, (to - at) / PAGE);
	fclose(f);
	say("%s:%s", what, text);
}

static char *map(int at, int pages)
{
	return mmap(base + at * PAGE, pages * PAGE, RW, ANON | MAP_FIXED, -1, 0);
}

/* Maps room of 16 pages without neighbours. */
static void begin(void)
{
	base = mmap(NULL, 24 * PAGE, PROT_NONE, ANON, -1, 0);
	munmap(base, 24 * PAGE);
	base += 4 * PAGE;
}

static void beside(bool touched)
{
	char *p;

	begin();
	p = map(4, 3);
	if (touched)
		memset(p, 1, PAGE);
	CHILD({
		map(7, 3);
		show("child, mapped behind");
		map(1, 3);
		show("child, mapped before");
		map(10, 2);
		show("child, mapped behind that");
		memset(map(12, 1), 1, PAGE);
		show("child, and touched");
	});
	map(7, 3);
	show("parent, mapped behind");
	CHILD(map(10, 1); show("grandchild"));
}

static void pieces(void)
{
	char *p;

	begin();
	p = map(0, 6);
	memset(p, 1, 6 * PAGE);
	mprotect(p + 2 * PAGE, 2 * PAGE, PROT_READ);
	show("three");
	CHILD({
		mprotect(p + 2 * PAGE, 2 * PAGE, RW);
		show("child, like their neighbours again");
		mprotect(p + PAGE, PAGE, PROT_NONE);
		show("child, cut");
		mprotect(p + PAGE, PAGE, RW);
		show("child, whole");
		munmap(p + PAGE, PAGE);
		map(1, 1);
		show("child, another in the middle");
		madvise(p + 4 * PAGE, 2 * PAGE, MADV_DONTNEED);
		CHILD(map(6, 2); show("grandchild, pages given back"));
	});
	mprotect(p + 2 * PAGE, 2 * PAGE, RW);
	show("parent, one again");
}

static void wiped(void)
{
	char *p;

	begin();
	p = map(0, 2);
	memset(p, 1, 2 * PAGE);
	madvise(p, 2 * PAGE, MADV_WIPEONFORK);
	CHILD({
		madvise(p, 2 * PAGE, MADV_KEEPONFORK);
		map(2, 2);
		show("child, wiped");
	});
}

TEST(fork_areas)
{
	say("touched");
	beside(true);
	say("untouched");
	beside(false);
	pieces();
	wiped();
}
