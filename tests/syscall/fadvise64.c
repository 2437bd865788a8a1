/* SPDX-License-Identifier: MIT */
/* fadvise64(2), readahead(2): advice is taken or ignored, but checked. */
#include "t.h"

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
	/* a hole of a terabyte is not read */
	NEED(ftruncate(fd, 1l << 40));
	T(syscall(SYS_fadvise64, fd, 0, 0, POSIX_FADV_WILLNEED));
	T(readahead(fd, 0, 1l << 40));
	map = mmap(NULL, 1l << 39, PROT_READ, MAP_SHARED, fd, 0);
	T(madvise(map, 1l << 39, MADV_WILLNEED));
}
