/* SPDX-License-Identifier: MIT */
/*
 * pidfd_clone: clone(2) with CLONE_PIDFD and CLONE_THREAD makes a pidfd of the thread, since Linux
 * 6.9.
 */
#include "newer.h"
#include <linux/sched.h>
#include <poll.h>

static int ends(void *told)
{
	char c;

	return read(*(int *)told, &c, 1) != 1;
}

TEST(pidfd_clone)
{
	static char stack[16384] __attribute__((aligned(16)));
	int fd = -1, told[2];
	struct pollfd p;

	NEED(pipe(told));
	have = clone(ends, stack + sizeof(stack),
		       CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			       CLONE_SYSVSEM | CLONE_PIDFD,
		       told, &fd) > 0;
	p = (struct pollfd){ fd, POLLIN, 0 };
	CHECK(fcntl(p.fd, F_GETFL) & O_EXCL, O_EXCL);
	CHECK(fcntl(p.fd, F_GETFD), FD_CLOEXEC);
	CHECK(poll(&p, 1, 0), 0);
	NEED(write(told[1], "e", 1));
	CHECK(poll(&p, 1, 5000), 1);
}
