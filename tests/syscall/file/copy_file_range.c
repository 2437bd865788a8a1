/* SPDX-License-Identifier: MIT */
/* copy_file_range(2): positions, offsets, overlap, errors. */
#include "t.h"

TEST(copy_file_range)
{
	loff_t a = 2, b = 5;
	int in, out, p[2];

	t_text("in", "0123456789");
	in = NEED(open("in", O_RDWR));
	out = NEED(open("out", O_RDWR | O_CREAT, 0600));
	T(copy_file_range(in, NULL, out, NULL, 4, 0));
	T(copy_file_range(in, &a, out, &b, 3, 0));
	say("%ld %ld", (long)a, (long)b);
	t_cat("out");
	T(lseek(in, 0, SEEK_CUR));
	T(lseek(out, 0, SEEK_CUR));
	T(copy_file_range(in, NULL, out, NULL, 100, 0));
	T(copy_file_range(in, NULL, out, NULL, 100, 0));
	a = 100;
	T(copy_file_range(in, &a, out, NULL, 100, 0));
	a = 0;
	b = 5;
	T(copy_file_range(in, &a, in, &b, 5, 0));
	t_cat("in");
	a = 0;
	b = 2;
	T(copy_file_range(in, &a, in, &b, 5, 0)); /* overlap */
	a = -1;
	T(copy_file_range(in, &a, out, NULL, 5, 0));
	T(copy_file_range(in, BAD, out, NULL, 5, 0));
	T(copy_file_range(in, NULL, out, NULL, 5, 1));
	T(copy_file_range(-1, NULL, out, NULL, 5, 0));
	T(copy_file_range(in, NULL, -1, NULL, 5, 0));
	T(copy_file_range(in, NULL, NEED(open("out", O_RDONLY)), NULL, 5, 0));
	T(copy_file_range(NEED(open("in", O_WRONLY)), NULL, out, NULL, 5, 0));
	T(copy_file_range(in, NULL, NEED(open("out", O_RDWR | O_APPEND)), NULL, 5, 0));
	T(copy_file_range(NEED(open(".", O_RDONLY)), NULL, out, NULL, 5, 0));
	NEED(pipe(p));
	T(copy_file_range(in, NULL, p[1], NULL, 5, 0));
	T(copy_file_range(in, NULL, out, NULL, 0, 0));
}
