/* SPDX-License-Identifier: MIT */
/* eventfd2(2), eventfd(2): counting, semaphores, limits, blocking, polling. */
#include "t.h"
#include <sys/eventfd.h>

TEST(eventfd)
{
	struct pollfd p = { .events = POLLIN | POLLOUT };
	uint64_t n = 5, max = UINT64_MAX;
	int fd;

	fd = NEED(eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC));
	p.fd = fd;
	T(fcntl(fd, F_GETFD));
	T(read(fd, &n, 8));
	say("%lu", (long)n);
	T(read(fd, &n, 8));
	n = 2;
	T(write(fd, &n, 8));
	T(write(fd, &n, 8));
	T(poll(&p, 1, 0));
	say("%#x", p.revents);
	T(read(fd, &n, 8));
	say("%lu", (long)n);
	T(poll(&p, 1, 0));
	say("%#x", p.revents);
	T(write(fd, &max, 8));
	max--;
	T(write(fd, &max, 8));
	T(poll(&p, 1, 0));
	say("%#x", p.revents);
	n = 1;
	T(write(fd, &n, 8));
	n = 0;
	T(write(fd, &n, 8));
	T(write(fd, &n, 4));
	T(write(fd, BAD, 8));
	T(read(fd, &n, 4));
	T(read(fd, BAD, 8));
	fd = NEED(eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK));
	for (int i = 0; i < 4; i++) {
		n = 0;
		T(read(fd, &n, 8));
		say("%lu", (long)n);
	}
	T(eventfd(0, 0x100));
	OK(syscall(SYS_eventfd, 7));
	fd = NEED(eventfd(0, 0));
	{
		pid_t me = getpid(), pid = SPAWN({
			uint64_t one = 1;

			t_until(me, 'S');
			NEED(write(fd, &one, 8));
		});

		T(read(fd, &n, 8));
		say("%lu", (long)n);
		t_wait("writer", pid);
		n = UINT64_MAX - 1;
		NEED(write(fd, &n, 8));
		pid = SPAWN({
			t_until(me, 'S');
			NEED(read(fd, &n, 8));
		});
		n = 9;
		T(write(fd, &n, 8)); /* waits for room */
		t_wait("reader", pid);
		T(read(fd, &n, 8));
		say("%lu", (long)n);
	}
}

/* Each buffer of a writev(2) is a write of its own. */
TEST(eventfd_writev)
{
	uint64_t values[3] = { 3, 4, UINT64_MAX }, n = 0;
	struct iovec v[3] = { { values, 8 }, { values + 1, 8 }, { values + 2, 8 } };
	int fd = NEED(eventfd(0, EFD_NONBLOCK));

	T(writev(fd, v, 2));
	T(read(fd, &n, 8));
	say("%lu", (long)n);
	T(writev(fd, v, 3)); /* the third value is refused */
	T(read(fd, &n, 8));
	say("%lu", (long)n);
	v[1].iov_len = 4;
	T(writev(fd, v, 2));
	T(read(fd, &n, 8));
	say("%lu", (long)n);
	v[0].iov_len = 4;
	T(writev(fd, v, 2));
	T(writev(fd, v, 0));
	values[0] = UINT64_MAX - 1;
	v[0].iov_len = v[1].iov_len = 8;
	T(writev(fd, v, 2)); /* no room for the second value */
	T(read(fd, &n, 8));
	say("%#lx", (long)n);
	T(readv(fd, v, 1));
}
