/* SPDX-License-Identifier: MIT */
/*
 * every-other: drops, then protects, every second page, without a fault in between: more pieces
 * than the host allows mappings.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096L
#define PAGES (140 * 1024L)

static int dropped(void)
{
	char *p = mmap(
		NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long wrong = 0;

	if (p == MAP_FAILED)
		return 1;
	for (long i = 0; i < PAGES; i++)
		p[i * PAGE] = 1;
	for (long i = 0; i < PAGES; i += 2)
		if (madvise(p + i * PAGE, PAGE, MADV_DONTNEED))
			return 1;
	for (long i = 0; i < PAGES; i++)
		wrong += p[i * PAGE] != (i & 1);
	munmap(p, PAGES * PAGE);
	return wrong != 0;
}

static int protected(void)
{
	long pages = 64 * 1024, wrong = 0;
	char *p = mmap(
		NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 1;
	for (long i = 0; i < pages; i++)
		p[i * PAGE] = 1;
	for (long i = 0; i < pages - 1100; i += 2)
		if (mprotect(p + i * PAGE, PAGE, PROT_READ))
			return 1;
	for (long i = 0; i < pages; i++)
		wrong += p[i * PAGE] != 1;
	return wrong != 0;
}

int main(void)
{
	puts(dropped() ? "not dropped" : "dropped");
	fflush(stdout);
	puts(protected() ? "not protected" : "protected");
	return 0;
}
