/* SPDX-License-Identifier: MIT */
/*
 * pidfd_clone: clone(2) with CLONE_PIDFD and CLONE_THREAD makes a pidfd of the thread, since Linux
 * 6.9.
 */
#include "newer.h"
#include <linux/sched.h>
#include <poll.h>

static volatile int goes_on = 1;

static int ends(void *arg)
{
	while (goes_on)
		usleep(1000);
	return 0;
}

TEST(pidfd_clone)
{
	static char stack[16384] __attribute__((aligned(16)));
	int fd = -1;
	struct pollfd p;

	have = clone(ends, stack + sizeof(stack),
		       CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			       CLONE_SYSVSEM | CLONE_PIDFD,
		       NULL, &fd) > 0;
	p = (struct pollfd){ have ? fd : -1, POLLIN, 0 };
	CHECK(fcntl(p.fd, F_GETFL) & O_EXCL, O_EXCL);
	CHECK(fcntl(p.fd, F_GETFD), FD_CLOEXEC);
	CHECK(poll(&p, 1, 50), 0);
	goes_on = 0;
	CHECK(poll(&p, 1, 5000), 1);
}
