/* SPDX-License-Identifier: MIT */
/*
 * second-pages.c: maps every second page of a file of 1 GiB, each with a call of its own, which
 * makes twice as many host mappings as the host allows a process. All keep their contents. Run by
 * tests/mm/map-count.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096L
#define PAGES (1L << 18)

static char *at;

static void fail(const char *what, long i)
{
	printf("%s of page %ld\n", what, i);
	perror(what);
	exit(1);
}

/* Makes a file that is a hole. Each mapped page gets its number + 1 later. */
static int make_file(const char *name)
{
	int f = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (f < 0 || ftruncate(f, PAGES * PAGE))
		fail("file", 0);
	return f;
}

static void check(long i)
{
	if (*(volatile long *)(at + i * PAGE) != i + 1)
		fail("content", i);
}

int main(int argc, char **argv)
{
	int f = make_file(argc > 1 ? argv[1] : "pages");
	/* for an order that no read-ahead or fault-around expects */
	long i, step = 7919;

	at = mmap(
		NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		fail("room", 0);
	for (i = 0; i < PAGES; i += 2) {
		char *m = mmap(at + i * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			f, i * PAGE);

		if (m == MAP_FAILED)
			fail("mmap", i);
		*(long *)m = i + 1;
	}
	puts("mapped");
	for (i = 0; i < PAGES; i += 2)
		check(i);
	puts("in order");
	for (long n = 0; n < PAGES / 16; n++)
		check(n * step % PAGES & ~1L);
	puts("out of order");
	if (munmap(at, PAGES * PAGE))
		fail("munmap", 0);
	unlink(argc > 1 ? argv[1] : "pages");
	puts("unmapped");
	return 0;
}
