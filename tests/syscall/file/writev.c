/* SPDX-License-Identifier: MIT */
/* writev(2): order, empty vectors, O_APPEND, bad pieces. */
#include "t.h"

TEST(writev)
{
	struct iovec v[4] = { { "one ", 4 }, { NULL, 0 }, { "two ", 4 }, { "three", 5 } };
	struct iovec bad[2] = { { "keep", 4 }, { BAD, 4 } };
	struct iovec first[2] = { { BAD, 4 }, { "lost", 4 } };
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600));

	T(writev(fd, v, 4));
	t_cat("f");
	T(writev(fd, v, 0));
	T(writev(fd, v, -1));
	T(writev(fd, v, 1025));
	T(writev(fd, BAD, 2));
	T(writev(fd, bad, 2));
	t_cat("f");
	T(writev(fd, first, 2));
	T(lseek(fd, 0, SEEK_CUR));
	NEED(lseek(fd, 0, SEEK_SET));
	T(writev(fd, v + 3, 1));
	t_cat("f");
	NEED(fcntl(fd, F_SETFL, O_APPEND));
	T(writev(fd, v, 1));
	t_cat("f");
	v[0].iov_len = v[2].iov_len = INT64_MAX;
	T(writev(fd, v, 4));
	T(writev(NEED(open("f", O_RDONLY)), v + 3, 1));
	T(writev(-1, v + 3, 1));
}
