/* SPDX-License-Identifier: MIT */
/* lseek(2): whence, ranges, holes, descriptors that cannot seek. */
#include "t.h"

TEST(lseek)
{
	int fd, p[2];

	t_text("f", "0123456789");
	fd = NEED(open("f", O_RDWR));
	T(lseek(fd, 4, SEEK_SET));
	T(lseek(fd, 3, SEEK_CUR));
	T(lseek(fd, -7, SEEK_CUR));
	T(lseek(fd, -1, SEEK_CUR));
	T(lseek(fd, 0, SEEK_CUR));
	T(lseek(fd, -3, SEEK_END));
	T(lseek(fd, 5, SEEK_END));
	T(lseek(fd, -11, SEEK_END));
	T(lseek(fd, -1, SEEK_SET));
	T(lseek(fd, INT64_MIN, SEEK_CUR));
	T(lseek(fd, 0, 5));
	T(lseek(fd, 0, -1));
	T(lseek(fd, 0, 77));
	T(lseek(fd, INT64_MAX, SEEK_CUR));
	T(lseek(fd, 0, SEEK_CUR));
	T(lseek(fd, 0, SEEK_DATA));
	T(lseek(fd, 3, SEEK_DATA));
	T(lseek(fd, 0, SEEK_HOLE));
	T(lseek(fd, 10, SEEK_DATA));
	T(lseek(fd, 10, SEEK_HOLE));
	T(lseek(fd, 11, SEEK_HOLE));
	T(lseek(fd, -1, SEEK_DATA));
	NEED(pwrite(fd, "x", 1, 1 << 20));
	T(lseek(fd, 1 << 20, SEEK_DATA));
	T(lseek(fd, (1 << 20) + 1, SEEK_DATA));
	T(lseek(-1, 0, SEEK_SET));
	T(lseek(NEED(open("f", O_PATH)), 0, SEEK_SET));
	NEED(pipe(p));
	T(lseek(p[0], 0, SEEK_SET));
	T(lseek(p[1], 0, SEEK_CUR));
	T(lseek(NEED(open("/dev/null", O_RDWR)), 0, SEEK_SET));

	/* copies and children share the position */
	T(lseek(NEED(dup(fd)), 7, SEEK_SET));
	T(lseek(fd, 0, SEEK_CUR));
	CHILD(lseek(fd, 2, SEEK_CUR));
	T(lseek(fd, 0, SEEK_CUR));
	T(lseek(NEED(open("f", O_RDONLY)), 0, SEEK_CUR));

	/* what was written to a file that has no name any more is data, too */
	fd = NEED(open("gone", O_RDWR | O_CREAT, 0600));
	NEED(unlink("gone"));
	NEED(pwrite(fd, "x", 1, (1 << 20) - 1));
	T(lseek(fd, 0, SEEK_DATA) >= 0);
	T(lseek(fd, (1 << 20) - 1, SEEK_DATA));
}
