/* SPDX-License-Identifier: MIT */
/* pwrite64(2): holes, O_APPEND, offsets out of range. */
#include "t.h"

TEST(pwrite64)
{
	char *p = t_pages(1);
	int fd;

	fd = NEED(open("f", O_RDWR | O_CREAT, 0600));
	T(pwrite(fd, "abc", 3, 5));
	t_cat("f");
	T(pwrite(fd, "xy", 2, 0));
	T(lseek(fd, 0, SEEK_CUR));
	t_cat("f");
	T(pwrite(fd, "abc", 3, -1));
	T(pwrite(fd, "abc", 3, INT64_MAX));
	T(pwrite(fd, "abc", 0, INT64_MAX));
	T(pwrite(fd, BAD, 3, 0));
	memset(p, '-', PAGE);
	T(pwrite(fd, p + PAGE - 2, 6, 2));
	t_cat("f");
	NEED(fcntl(fd, F_SETFL, O_APPEND));
	T(pwrite(fd, "end", 3, 0)); /* Linux appends in spite of the offset */
	t_cat("f");
	T(pwrite(NEED(open("f", O_RDONLY)), "x", 1, 0));
	T(pwrite(-1, "x", 1, 0));
}
