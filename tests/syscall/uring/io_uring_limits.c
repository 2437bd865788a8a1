/* SPDX-License-Identifier: MIT */
/*
 * io_uring_limits: the memory of io_uring's rings and tables is bounded for all users together, and
 * is freed. Guests only: the host's bounds differ.
 */
#include "guest.h"
#include <linux/io_uring.h>

#define MOST 600
static int rings[MOST];

/* Makes rings of the largest size, each with a table of buffers. Returns how many it made. */
static int fill(void)
{
	static struct iovec vec[1 << 14];
	static char byte;
	int n = 0;

	for (int i = 0; i < 1 << 14; i++)
		vec[i] = (struct iovec){ &byte, 1 };
	while (n < MOST) {
		struct io_uring_params p = { 0 };
		int fd = (int)syscall(SYS_io_uring_setup, 32768, &p);

		if (fd == -1)
			break;
		rings[n++] = fd;
		if (syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS, vec, 1 << 14) == -1)
			break;
	}
	return n;
}

static void drain(int n)
{
	while (n)
		close(rings[--n]);
}

TEST(io_uring_limits)
{
	int first = 0, again = 0;

	if (in_guest()) {
		first = fill();
		GIS(errno == ENOMEM);
		drain(first);
		again = fill();
		drain(again);
	} else {
		GIS(errno == ENOMEM);
	}
	GIS(first > 2 && first < MOST);
	GIS(again == first);
	G(syscall(SYS_io_uring_setup, 32768, &(struct io_uring_params){ 0 }) > 0, "1");
}
