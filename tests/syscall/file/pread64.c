/* SPDX-License-Identifier: MIT */
/* pread64(2) and pwrite64(2): the position stays, negative offsets, O_APPEND. */
#include "t.h"

TEST(pread64)
{
	char buf[32] = "", *p = t_pages(1);
	int fd, fds[2];

	t_text("f", "0123456789");
	fd = NEED(open("f", O_RDWR));
	T(pread(fd, buf, 4, 3));
	say("%s", buf);
	T(pread(fd, buf, 10, 8));
	T(pread(fd, buf, 10, 10));
	T(pread(fd, buf, 10, 1000));
	T(pread(fd, buf, 10, -1));
	T(pread(fd, buf, 10, INT64_MAX));
	T(pread(fd, BAD, 10, 0));
	T(pread(fd, BAD, 10, 100));
	T(pread(fd, p + PAGE - 3, 10, 0));
	T(pread(fd, buf, 0, 0));
	T(pread(-1, buf, 1, 0));
	T(lseek(fd, 0, SEEK_CUR));
	NEED(pipe(fds));
	T(pread(fds[0], buf, 1, 0));
	T(pwrite(fds[1], buf, 1, 0));
	T(pread(NEED(open(".", O_RDONLY)), buf, 1, 0));
}
