/* SPDX-License-Identifier: MIT */
/* fadvise64(2), readahead(2): advice is taken or ignored, but checked. */
#include "t.h"

/* Prints which of the file's first pages are in memory after POSIX_FADV_DONTNEED of a range. */
static void dropped(int fd, const char *what, long off, long len)
{
	enum { PAGES = 8, SIZE = PAGES * 4096 - 1000 };
	static char data[4096];
	unsigned char in[PAGES];
	char text[PAGES + 1] = "";
	void *map;

	for (long at = 0; at < SIZE;
		/* a write for each page: Linux keeps together what a call writes */
		at += 4096)
		NEED(pwrite(fd, data, SIZE - at < 4096 ? SIZE - at : 4096, at));
	NEED(fsync(fd));
	NEED(syscall(SYS_fadvise64, fd, off, len, POSIX_FADV_DONTNEED));
	map = mmap(NULL, PAGES * 4096, PROT_READ, MAP_SHARED, fd, 0);
	NEED(mincore(map, PAGES * 4096, in));
	for (int i = 0; i < PAGES; i++)
		text[i] = in[i] & 1 ? 'x' : '-';
	NEED(munmap(map, PAGES * 4096));
	say("DONTNEED %s: %s", what, text);
}

/* Whole pages go, and the last one of the file. */
static void parts(void)
{
	int fd = NEED(open("parts", O_RDWR | O_CREAT, 0600));

	dropped(fd, "100 bytes", 0, 100);
	dropped(fd, "a page but one byte", 0, 4095);
	dropped(fd, "a page", 0, 4096);
	dropped(fd, "a page that is not in line", 1, 4096);
	dropped(fd, "100 bytes in the middle", 9000, 100);
	dropped(fd, "two halves and a page", 2048, 8192);
	dropped(fd, "100 bytes at the end", 8 * 4096 - 1100, 100);
	dropped(fd, "the last page", 7 * 4096, 3096);
	dropped(fd, "the last page but one byte", 7 * 4096, 3095);
	dropped(fd, "from the third on", 2 * 4096, 0);
	dropped(fd, "all", 0, 0);
	close(fd);
}

TEST(fadvise64)
{
	int fd, p[2], i;
	char text[32];
	void *map;

	t_text("f", "0123456789");
	fd = NEED(open("f", O_RDWR));
	for (i = -1; i < 8; i++) {
		snprintf(text, sizeof(text), "fadvise64 %d", i);
		TN(text, syscall(SYS_fadvise64, fd, 0, 0, i));
	}
	T(syscall(SYS_fadvise64, fd, 100, 100, POSIX_FADV_DONTNEED));
	T(syscall(SYS_fadvise64, fd, 0, -1, POSIX_FADV_NORMAL));
	T(syscall(SYS_fadvise64, -1, 0, 0, POSIX_FADV_NORMAL));
	NEED(pipe(p));
	T(syscall(SYS_fadvise64, p[0], 0, 0, POSIX_FADV_NORMAL));
	T(readahead(fd, 0, 4096));
	T(readahead(fd, 100000, 4096));
	T(readahead(-1, 0, 4096));
	T(readahead(p[0], 0, 4096));
	T(readahead(NEED(open("f", O_WRONLY)), 0, 4096));
	T(readahead(fd, -2, 0x90)); /* wraps: nothing to read */
	T(readahead(fd, -1, 0));
	T(readahead(fd, 0, -1));
	T(readahead(fd, 0, INT64_MAX));
	for (i = 0; i < 6; i++) {
		TN("off the end", syscall(SYS_fadvise64, fd, -2l, 0x90, i));
		TN("to the end", syscall(SYS_fadvise64, fd, 1l, INT64_MAX, i));
		TN("negative", syscall(SYS_fadvise64, fd, -5000l, 1l, i));
	}
	t_cat("f");
	/* must not read a hole of a terabyte */
	NEED(ftruncate(fd, 1l << 40));
	T(syscall(SYS_fadvise64, fd, 0, 0, POSIX_FADV_WILLNEED));
	T(readahead(fd, 0, 1l << 40));
	map = mmap(NULL, 1l << 39, PROT_READ, MAP_SHARED, fd, 0);
	T(madvise(map, 1l << 39, MADV_WILLNEED));
	parts();
}
