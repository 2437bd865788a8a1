/* SPDX-License-Identifier: MIT */
/*
 * A memfd that a mapping touches gets the pages that are touched and no others, wherever the
 * mapping lies.
 */
#include "t.h"

#define PAGES 16
/* pages: the places of the mapping that are tried */
#define SPAN 64

static void touched(char *at, int n, bool write)
{
	int fd = NEED(memfd_create("touched", MFD_CLOEXEC)), wrong = 0, hole = 0;
	struct stat st;
	char *p;

	NEED(ftruncate(fd, PAGES * 4096));
	p = mmap(at, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	for (int i = 0; i < n; i++) {
		if (write)
			p[i * 4096L] = 1;
		else
			wrong += p[i * 4096L];
		NEED(fstat(fd, &st));
		wrong += st.st_blocks != 8 * (i + 1);
		hole += lseek(fd, 0, SEEK_HOLE) != 4096L * (i + 1);
	}
	close(fd);
	if (wrong || hole)
		say("%d pages %s: %d wrong sizes, %d wrong holes", n, write ? "written" : "read",
			wrong, hole);
}

TEST(memfd_touch)
{
	char *at = t_pages(SPAN + PAGES);

	for (int i = 0; i < SPAN; i++) {
		touched(at + i * 4096L, 4, true);
		touched(at + i * 4096L, 4, false);
		touched(at + i * 4096L, PAGES - 1, true);
	}
	say("done");
}
