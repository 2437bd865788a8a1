/* SPDX-License-Identifier: MIT */
/*
 * Requests of io_uring that wait: what stands behind one that drains.
 */
#include "uring.h"

static const char expected[] =
#include "uring_waits.inc"
	;

/* The second reader gets what the one behind it writes. */
static void behind_a_drain(void)
{
	int a[2], b[2];
	char c, d;

	NEED(pipe(a));
	NEED(pipe(b));
	open_ring(8, 0, 0);
	add(IORING_OP_READ, a[0], &c, 1, 0, 1);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2)->flags = IOSQE_IO_DRAIN;
	add(IORING_OP_READ, b[0], &d, 1, 0, 3);
	add(IORING_OP_WRITE, b[1], "x", 1, 0, 4);
	go("behind a drain", 0);
	NEED(write(a[1], "x", 1));
	NEED(enter(0, 4, IORING_ENTER_GETEVENTS));
	reap_sorted("behind a drain");
	add(IORING_OP_READ, a[0], &c, 1, 0, 1);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2)->flags = IOSQE_IO_LINK;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 3)->flags = IOSQE_IO_DRAIN;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 4);
	go("a drain in a chain", 0);
	NEED(write(a[1], "x", 1));
	NEED(enter(0, 4, IORING_ENTER_GETEVENTS));
	reap("a drain in a chain");
	close_ring();
}

TEST(uring_waits)
{
	if (refused()) {
		NEED(write(1, expected, sizeof(expected) - 1));
		return;
	}
	alarm(30);
	behind_a_drain();
}
