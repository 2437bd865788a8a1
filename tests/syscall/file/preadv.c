/* SPDX-License-Identifier: MIT */
/* preadv(2), pwritev(2), preadv2(2), pwritev2(2): offsets, the position, flags. */
#include "t.h"

static char a[8], b[8];

static void plain(int fd)
{
	struct iovec v[2] = { { a, 3 }, { b, 4 } };
	struct iovec w[2] = { { "<<", 2 }, { ">>", 2 } };

	T(preadv(fd, v, 2, 2));
	say("'%s' '%s'", a, b);
	T(preadv(fd, v, 2, 8));
	T(preadv(fd, v, 2, -1));
	T(preadv(fd, v, 2, 100));
	T(preadv(fd, BAD, 2, 0));
	T(preadv(fd, v, -1, 0));
	T(pwritev(fd, w, 2, 4));
	T(pwritev(fd, w, 2, -1));
	T(lseek(fd, 0, SEEK_CUR));
	t_cat("f");
}

static void second(int fd)
{
	struct iovec v[2] = { { a, 3 }, { b, 4 } };
	struct iovec w[2] = { { "<<", 2 }, { ">>", 2 } };

	T(preadv2(fd, v, 2, 1, 0));
	T(preadv2(fd, v, 2, -1, 0)); /* at the position */
	T(lseek(fd, 0, SEEK_CUR));
	T(preadv2(fd, v, 2, 0, 0x40000000));
	T(pwritev2(fd, w, 2, -1, 0));
	T(lseek(fd, 0, SEEK_CUR));
	T(pwritev2(fd, w, 2, 0, RWF_APPEND));
	T(pwritev2(fd, w, 2, 0, RWF_SYNC));
	T(pwritev2(fd, w, 2, 2, RWF_DSYNC));
	T(preadv2(fd, v, 2, 0, RWF_HIPRI));
	t_cat("f");
}

TEST(preadv)
{
	struct iovec v = { a, 3 };
	int fd, p[2];

	t_text("f", "0123456789");
	fd = NEED(open("f", O_RDWR));
	plain(fd);
	second(fd);
	NEED(pipe(p));
	T(preadv(p[0], &v, 1, 0));
	T(pwritev(p[1], &v, 1, 0));
	NEED(write(p[1], "pipe", 4));
	T(preadv2(p[0], &v, 1, -1, 0));
	T(preadv2(p[0], &v, 1, 0, 0));
	T(preadv(-1, &v, 1, 0));
}
