/* SPDX-License-Identifier: MIT */
/* scm.h: sends descriptors through a socket. */
#ifndef TESTS_SYSCALL_SCM_H
#define TESTS_SYSCALL_SCM_H

#include "t.h"

#include <sys/socket.h>

/*
 * Sends a byte with @n descriptors (300 at most), with sendmsg()'s @flags. Returns the result of
 * sendmsg().
 */
static T_UNUSED long send_fds(int sock, const int *fds, int n, int flags)
{
	char control[CMSG_SPACE(300 * sizeof(int))] = { 0 };
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	return sendmsg(sock, &m, flags);
}

#endif
