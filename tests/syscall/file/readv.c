/* SPDX-License-Identifier: MIT */
/* readv(2) and writev(2): vectors, empty pieces, limits, bad pieces. */
#include "t.h"

static char a[4], b[8], c[16];

static void vectors(int fd)
{
	struct iovec v[3] = { { a, 3 }, { b, 0 }, { c, 15 } };
	struct iovec many[1025];
	int i;

	NEED(lseek(fd, 0, SEEK_SET));
	T(readv(fd, v, 3));
	say("'%s' '%s' '%s'", a, b, c);
	NEED(lseek(fd, 0, SEEK_SET));
	T(readv(fd, v, 0));
	T(readv(fd, NULL, 0));
	T(readv(fd, v, -1));
	for (i = 0; i < 1025; i++)
		many[i] = (struct iovec){ a, i % 2 };
	T(readv(fd, many, 1025));
	T(readv(fd, many, 1024));
	T(readv(fd, BAD, 1));
	v[2].iov_len = -1;
	T(readv(fd, v, 3));
	v[2].iov_len = INT64_MAX;
	T(readv(fd, v, 1));
	T(readv(-1, v, 1));
}

static void bad_pieces(int fd)
{
	struct iovec v[2] = { { a, 3 }, { BAD, 3 } };
	struct iovec w[2] = { { BAD, 3 }, { a, 3 } };

	NEED(lseek(fd, 0, SEEK_SET));
	T(readv(fd, v, 2));
	T(lseek(fd, 0, SEEK_CUR));
	T(readv(fd, w, 2));
	T(lseek(fd, 0, SEEK_CUR));
	w[0].iov_len = 0;
	T(readv(fd, w, 2));
}

static void pipes(void)
{
	struct iovec v[2] = { { "abc", 3 }, { "defgh", 5 } };
	struct iovec r[2] = { { a, 3 }, { c, 15 } };
	int p[2];

	NEED(pipe2(p, O_NONBLOCK));
	T(writev(p[1], v, 2));
	memset(c, 0, sizeof(c));
	T(readv(p[0], r, 2));
	say("'%.3s' '%s'", a, c);
	T(readv(p[0], r, 2));
	T(readv(p[1], r, 2));
	T(writev(p[0], v, 2));
}

TEST(readv)
{
	int fd;

	t_text("f", "0123456789");
	fd = NEED(open("f", O_RDWR));
	vectors(fd);
	bad_pieces(fd);
	pipes();
}
