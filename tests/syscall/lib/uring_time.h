/* SPDX-License-Identifier: MIT */
/* uring_time.h: timeouts of io_uring, and the order of their completions. */
#ifndef TESTS_SYSCALL_URING_TIME_H
#define TESTS_SYSCALL_URING_TIME_H

#include "uring.h"

static T_UNUSED struct __kernel_timespec after(int ms)
{
	return (struct __kernel_timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000LL };
}

/* Prints the next @n completions. */
static T_UNUSED void tell(const char *what, unsigned n)
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

/* Adds a TIMEOUT whose end is a success, so that it does not break a chain. */
static T_UNUSED void add_timeout(
	const struct __kernel_timespec *ts, uint64_t data, unsigned char flags)
{
	struct io_uring_sqe *s = add(IORING_OP_TIMEOUT, -1, ts, 1, 0, data);

	s->timeout_flags = IORING_TIMEOUT_ETIME_SUCCESS;
	s->flags = flags;
}

#endif
