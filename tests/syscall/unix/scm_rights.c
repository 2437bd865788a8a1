/* SPDX-License-Identifier: MIT */
/* SCM_RIGHTS: passing descriptors, close on exec, truncation, errors, descriptors in flight. */
#include "scm.h"

static int recv_fds(int sock, int *fds, size_t room, int flags, int *msg_flags)
{
	char control[CMSG_SPACE(300 * sizeof(int))] = { 0 }, byte;
	struct iovec v = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room
	};
	struct cmsghdr *c;
	int n;

	if (recvmsg(sock, &m, flags) == -1)
		return -1;
	*msg_flags = m.msg_flags & ~MSG_CMSG_CLOEXEC;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return 0;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	return n;
}

TEST(scm_rights)
{
	int s[2], got[300], in[300], flags, fd, i;
	char buf[32] = "";

	t_text("f", "passed on");
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	fd = NEED(open("f", O_RDONLY));
	T(send_fds(s[0], &fd, 1, 0));
	close(fd); /* lives in flight */
	T(recv_fds(s[1], got, 300, 0, &flags));
	say("flags %#x, close on exec %d", flags, fcntl(got[0], F_GETFD));
	T(read(got[0], buf, 6));
	fd = got[0];
	T(send_fds(s[0], &fd, 1, 0));
	T(recv_fds(s[1], got, 300, MSG_CMSG_CLOEXEC, &flags));
	say("close on exec %d, one position: %ld", fcntl(got[0], F_GETFD),
		(long)lseek(got[0], 0, SEEK_CUR));
	CHILD({
		int own = NEED(open("f", O_RDONLY));

		NEED(lseek(own, 2, SEEK_SET));
		NEED(send_fds(s[0], &own, 1, 0));
	});
	T(recv_fds(s[1], got, 300, 0, &flags));
	say("from a dead child: %ld", (long)lseek(got[0], 0, SEEK_CUR));

	for (i = 0; i < 3; i++)
		in[i] = fd;
	NEED(send_fds(s[0], in, 3, 0));
	/* 16 bytes of header, room for 2 by padding */
	T(recv_fds(s[1], got, CMSG_SPACE(sizeof(int)), 0, &flags));
	say("truncated %d", !!(flags & MSG_CTRUNC));
	NEED(send_fds(s[0], in, 3, 0));
	T(recv_fds(s[1], got, 0, 0, &flags));
	say("truncated %d", !!(flags & MSG_CTRUNC));
	NEED(send_fds(s[0], in, 1, 0));
	T(recv(s[1], buf, 1, 0)); /* read away: closed */
	for (i = 0; i < 254; i++)
		in[i] = fd;
	T(send_fds(s[0], in, 253, 0));
	T(recv_fds(s[1], got, CMSG_SPACE(253 * sizeof(int)), 0, &flags));
	T(send_fds(s[0], in, 254, 0));
	in[0] = -1;
	T(send_fds(s[0], in, 1, 0));
	in[0] = 999;
	T(send_fds(s[0], in, 1, 0));
	in[0] = s[0]; /* a socket through itself */
	T(send_fds(s[0], in, 1, 0));
	in[0] = s[1];
	T(send_fds(s[0], in, 1, 0));
	close(s[0]);
	close(s[1]); /* a cycle that only holds itself */

	/* two messages with rights are not merged by one read */
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	NEED(send(s[0], "ab", 2, 0));
	NEED(send_fds(s[0], &fd, 1, 0));
	NEED(send(s[0], "cd", 2, 0));
	T(recv(s[1], buf, 32, 0));
	T(recv(s[1], buf, 32, MSG_DONTWAIT));
	CHILD({
		struct rlimit lim = { 12, 12 };

		close_range(3, ~0u, 0);
		NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
		NEED(setrlimit(RLIMIT_NOFILE, &lim));
		for (i = 0; i < 20; i++)
			in[i] = 1;
		NEED(send_fds(s[0], in, 20, 0));
		T(recv_fds(
			s[1], got, CMSG_SPACE(20 * sizeof(int)), 0, &flags)); /* no more numbers */
		say("truncated %d", !!(flags & MSG_CTRUNC));
	});
}
