/* SPDX-License-Identifier: MIT */
/*
 * uring_drain: io_uring: a request with IOSQE_IO_DRAIN waits for all earlier requests, and later
 * ones wait for it, also if it has begun long ago. The order of the completions shows it.
 */
#include "uring_time.h"

TEST(uring_drain)
{
	struct __kernel_timespec late = after(300), soon = after(50);

	open_ring(16, 0, 0);
	add_timeout(&late, 1, IOSQE_IO_DRAIN);
	T(enter(1, 0, 0));
	add_timeout(&soon, 2, 0);
	T(enter(1, 0, 0));
	tell("nothing was active", 2);

	add_timeout(&late, 1, IOSQE_IO_DRAIN);
	add_timeout(&soon, 2, 0);
	T(enter(2, 0, 0));
	tell("submitted together", 2);

	add_timeout(&late, 1, 0);
	add_timeout(&late, 2, IOSQE_IO_DRAIN);
	add_timeout(&soon, 3, 0);
	T(enter(3, 0, 0));
	tell("while it waits", 3);

	add_timeout(&soon, 1, 0);
	add_timeout(&late, 2, IOSQE_IO_DRAIN);
	T(enter(2, 0, 0));
	tell("after it has begun", 1);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 3);
	add_timeout(&soon, 4, 0);
	T(enter(2, 0, 0));
	tell("after it has begun", 3);
	close_ring();
}
