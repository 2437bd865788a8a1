/* SPDX-License-Identifier: MIT */
/*
 * uring_linked_time: io_uring: the relative time of a TIMEOUT or LINK_TIMEOUT that a link delays
 * counts from its start. The order of the completions shows it.
 */
#include "uring_time.h"

TEST(uring_linked_time)
{
	struct __kernel_timespec first = after(300), middle = after(450), limit = after(300);
	char c;
	int fds[2];

	NEED(pipe(fds));
	open_ring(16, 0, 0);
	add_timeout(&first, 1, IOSQE_IO_LINK);
	add_timeout(&first, 3, 0);
	add_timeout(&middle, 2, 0);
	T(enter(3, 0, 0));
	tell("a chain of two", 3);

	add_timeout(&first, 1, IOSQE_IO_LINK);
	add(IORING_OP_READ, fds[0], &c, 1, 0, 3)->flags = IOSQE_IO_LINK;
	add(IORING_OP_LINK_TIMEOUT, -1, &limit, 1, 0, 4);
	add_timeout(&middle, 2, 0);
	T(enter(4, 0, 0));
	tell("a limit", 2);
	/* the read and its limit end together, in any order */
	while (ready() < 2)
		enter(0, 2, IORING_ENTER_GETEVENTS);
	reap_sorted("a limit");

	add_timeout(&first, 1, 0);
	add_timeout(&first, 3, IOSQE_IO_DRAIN);
	T(enter(2, 0, 0));
	tell("a drain", 1);
	add_timeout(&limit, 4, 0);
	T(enter(1, 0, 0));
	tell("a drain", 2);
	close_ring();
}
