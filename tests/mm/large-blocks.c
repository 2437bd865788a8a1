/* SPDX-License-Identifier: MIT */
/*
 * large-blocks.c: writes a long file in order, cuts it inside a block, continues it, and compares
 * it by read() and in a mapping.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE (2UL << 20)
#define SIZE (21UL << 20)
#define CUT (9 * 1048576UL + 4096 * 3 + 77)
#define CHUNK 65536

static char buf[CHUNK];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Fills @buf: each eight bytes hold their offset and @life, which differs after a cut. */
static void fill(uint64_t at, uint64_t life)
{
	for (unsigned i = 0; i < CHUNK / 8; i++)
		((uint64_t *)buf)[i] = ((at & ~7UL) + i * 8) ^ life << 56;
}

static void append(int f, uint64_t from, uint64_t life)
{
	for (uint64_t at = from; at < SIZE;) {
		uint64_t skip = at % CHUNK, n = CHUNK - skip;

		fill(at - skip, life);
		if (n > SIZE - at)
			n = SIZE - at;
		if (write(f, buf + skip, n) != (ssize_t)n)
			fail("write");
		at += n;
	}
}

static int right(const char *p, uint64_t at, uint64_t n)
{
	for (uint64_t i = 0; i < n; i += 509) {
		uint64_t pos = at + i, life = pos < CUT ? 1 : 2;
		uint64_t word = (pos & ~7UL) ^ life << 56;

		if ((uint8_t)p[i] != (uint8_t)(word >> pos % 8 * 8))
			return 0;
	}
	return 1;
}

static int file_right(int f, uint64_t size)
{
	uint64_t at;

	for (at = 0; at < size; at += CHUNK) {
		ssize_t n = pread(f, buf, CHUNK, at);

		if (n <= 0 || !right(buf, at, n))
			return 0;
	}
	return pread(f, buf, CHUNK, size) == 0;
}

static int test_file(void)
{
	int f = open("large.dat", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *m;

	if (f < 0)
		fail("large.dat");
	append(f, 0, 1);
	fill(SIZE - CHUNK, 1);
	m = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, f, 0);
	puts(m != MAP_FAILED && !memcmp(m + SIZE - CHUNK, buf, CHUNK) ? "whole" : "broken");
	if (ftruncate(f, CUT) || lseek(f, 0, SEEK_END) != CUT)
		fail("ftruncate");
	puts(file_right(f, CUT) ? "cut" : "cut wrong");
	append(f, CUT, 2);
	puts(file_right(f, SIZE) ? "continued" : "continued wrong");
	puts(right(m, 0, SIZE) ? "mapped" : "mapped wrong");
	munmap(m, SIZE);
	close(f);
	return 0;
}

/* Prints "large" if this host can put a part of a memory file on a large page, else "small". */
static int test_host(void)
{
	int f = memfd_create("large", MFD_CLOEXEC);
	char *area = mmap(NULL, 2 * LARGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = (char *)(((uintptr_t)area + LARGE - 1) & ~(LARGE - 1));

	if (f < 0 || ftruncate(f, LARGE) || area == MAP_FAILED ||
		mmap(at, LARGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, f, 0) != at)
		fail("memfd");
	*at = 1;
	puts(madvise(at, LARGE, 25 /* MADV_COLLAPSE */) ? "small" : "large");
	return 0;
}

int main(int argc, char **argv)
{
	return argc > 1 && !strcmp(argv[1], "host") ? test_host() : test_file();
}
