/* SPDX-License-Identifier: MIT */
/*
 * mmap_place: mmap(2) without an address takes the highest hole that is large enough. Random maps,
 * unmaps and mremaps are checked against a model (a byte a page) of the addresses below the first
 * area. Thousands of areas must not slow it down.
 */
#include "t.h"

#define ROOM 40000 /* pages below the top that the model knows */
#define OPS 6000
#define AREAS 20000

static unsigned char used[ROOM]; /* by distance from the top */
static char *top;
static long lowest; /* pages in use reach down so far */
static unsigned int seed = 4711;

static unsigned int rnd(unsigned int n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* Maps pages with a random protection, so that neighbours mostly do not become one area. */
static char *map(long pages)
{
	return (char *)NEED(mmap(NULL, pages * PAGE, rnd(2) ? PROT_READ : PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
}

/* Returns the distance of the lowest page of the highest hole of @pages. */
static long expected(long pages)
{
	long run = 0;

	for (long i = 0; i < ROOM; i++) {
		run = used[i] ? 0 : run + 1;
		if (run == pages)
			return i;
	}
	return -1;
}

static void mark(char *p, long pages, int value)
{
	long at = (top - p) / PAGE - 1;

	for (long i = 0; i < pages; i++)
		if (at - i >= 0 && at - i < ROOM)
			used[at - i] = value;
	if (value && at > lowest)
		lowest = at;
}

static int map_one(void)
{
	long pages = 1 + rnd(6), want = expected(pages);
	char *p = map(pages);

	mark(p, pages, 1);
	return p == top - (want + 1) * PAGE;
}

/* Unmaps some pages, maybe of several areas. */
static void unmap_one(void)
{
	long pages = 1 + rnd(5), at = rnd(lowest - pages) + pages;
	char *p = top - (at + 1) * PAGE;

	NEED(munmap(p, pages * PAGE));
	mark(p, pages, 0);
}

/* Grows an area that cannot grow in its place: it moves to where a new area would be. */
static int move_one(void)
{
	long at = 1 + rnd(lowest), want;
	char *p = top - (at + 1) * PAGE, *q;

	if (!used[at] || !used[at - 1])
		return 1;
	want = expected(9);
	q = mremap(p, PAGE, 9 * PAGE, MREMAP_MAYMOVE);
	if (q == MAP_FAILED)
		return 0;
	mark(p, 1, 0);
	mark(q, 9, 1);
	return q == top - (want + 1) * PAGE;
}

static void model(void)
{
	int wrong = 0;

	/* holes above: fill them, the next area is the lowest */
	top = map(1);
	for (char *p = top; p >= top;)
		p = map(1);
	top = map(1);
	for (int i = 0; i < OPS; i++) {
		if (lowest > 10 && (lowest > ROOM - 20 || rnd(5) < 2))
			unmap_one();
		else if (lowest > 10 && rnd(4) == 0)
			wrong += !move_one();
		else
			wrong += !map_one();
	}
	say("%d areas are elsewhere", wrong);
}

static void many(void)
{
	int fd = NEED(memfd_create("pages", 0)), n = 0;
	char *first, *p = NULL;

	NEED(ftruncate(fd, PAGE));
	first = (char *)NEED(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	for (n = 1; n < AREAS; n++) {
		p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
		if (p == MAP_FAILED)
			break;
	}
	say("%d areas of one page", n);
	NEED(munmap(first, PAGE));
	say("the highest hole again: %d", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == first);
	NEED(munmap(p, PAGE));
	say("the lowest: %d", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == p);
	close(fd);
}

TEST(mmap_place)
{
	CHILD(model());
	CHILD(many());
}
