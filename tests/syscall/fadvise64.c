/* SPDX-License-Identifier: MIT */
/* fadvise64(2), readahead(2): advice is taken or ignored, but checked. */
#include "t.h"

TEST(fadvise64)
{
	int fd, p[2], i;
	char text[32];

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
	t_cat("f");
}
