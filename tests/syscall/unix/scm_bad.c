/* SPDX-License-Identifier: MIT */
/*
 * scm_bad: control messages whose memory cannot be written: what recvmsg(2) returns, and that no
 * descriptor is left open whose number the program was not told.
 */
#include "scm.h"

static void open_ones(void)
{
	char line[200] = "";

	for (int fd = 0; fd < 40; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			snprintf(line + strlen(line), sizeof(line) - strlen(line), " %d", fd);
	say(" open:%s", line);
}

static void take(int s, void *control, size_t len)
{
	char byte;
	struct iovec v = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = len
	};

	T(recvmsg(s, &m, MSG_DONTWAIT));
	say(" flags %#x, control length %zu", m.msg_flags, m.msg_controllen);
	open_ones();
}

TEST(scm_bad)
{
	int s[2], fds[3] = { 0, 1, 2 }, on = 1, off = 0;
	char *end = t_pages(1) + PAGE;
	socklen_t len = sizeof(int);

	close_range(3, ~0U, 0);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED(send_fds(s[0], fds, 3, 0));
	take(s[1], BAD, 100);
	NEED(send_fds(s[0], fds, 3, 0));
	take(s[1], end - sizeof(struct cmsghdr), 100);
	NEED(send_fds(s[0], fds, 3, 0));
	take(s[1], end - CMSG_LEN(4), 100);
	close_range(s[1] + 1, ~0U, 0);
	NEED(send_fds(s[0], fds, 3, 0));
	take(s[1], end - CMSG_LEN(12), CMSG_SPACE(12));
	close_range(s[1] + 1, ~0U, 0);
	NEED(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	NEED(send_fds(s[0], fds, 3, 0));
	take(s[1], BAD, 100);
	NEED(send_fds(s[0], fds, 3, 0));
	take(s[1], end - CMSG_SPACE(sizeof(struct ucred)), 100);
	NEED(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &off, sizeof(off)));
	NEED(setsockopt(s[1], SOL_SOCKET, 76 /* SO_PASSPIDFD */, &on, sizeof(on)));
	NEED(send(s[0], "x", 1, 0));
	take(s[1], BAD, 100);
	NEED(send(s[0], "x", 1, 0));
	take(s[1], end - sizeof(struct cmsghdr), 100);
	T(getsockopt(s[1], SOL_SOCKET, 77 /* SO_PEERPIDFD */, BAD, &len));
	open_ones();
}
