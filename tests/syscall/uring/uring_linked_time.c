/* SPDX-License-Identifier: MIT */
/*
 * uring_linked_time: io_uring: the relative time of a TIMEOUT or LINK_TIMEOUT that a link delays
 * counts from its start. The order of the completions shows it.
 */
#include "uring.h"

static struct __kernel_timespec after(int ms)
{
	return (struct __kernel_timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000LL };
}

/* Prints the next @n completions. */
static void tell(const char *what, unsigned n)
{
	while (n--) {
		const struct io_uring_cqe *c;

		while (__atomic_load_n(cq_tail, __ATOMIC_ACQUIRE) == *cq_head)
			enter(0, 1, IORING_ENTER_GETEVENTS);
		c = &cqes[*cq_head & (p.cq_entries - 1)];
		say("%s: %lld: %s", what, (long long)c->user_data,
			c->res < 0 ? t_errno(-c->res) : "done");
		__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	}
}

static void add_timeout(const struct __kernel_timespec *ts, uint64_t data, unsigned char flags)
{
	struct io_uring_sqe *s = add(IORING_OP_TIMEOUT, -1, ts, 1, 0, data);

	s->timeout_flags = IORING_TIMEOUT_ETIME_SUCCESS;
	s->flags = flags;
}

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
