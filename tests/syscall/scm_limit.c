/* SPDX-License-Identifier: MIT */
/* Descriptors in flight count against their sender's RLIMIT_NOFILE, until they are taken, or thrown away. */
#include "t.h"
#include <sys/socket.h>

static int send_fd(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(sock, &m, MSG_DONTWAIT);
}

static void fill(const char *what, int sock)
{
	int n = 0;

	while (n < 40 && send_fd(sock, 0) == 1)
		n++;
	say("%s: %d, then %s", what, n, n < 40 ? t_errno(errno) : "nothing");
}

TEST(scm_limit)
{
	struct rlimit some = { 20, 20 };
	char c;
	int s[2];

	if (getuid()) {
		say("not root");
		return;
	}
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	fill("root", s[0]);
	close(s[0]);
	close(s[1]);
	NEED(setgroups(0, NULL));
	NEED(setresgid(64321, 64321, 64321));
	NEED(setresuid(64321, 64321, 64321));
	NEED(setrlimit(RLIMIT_NOFILE, &some));
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	fill("nobody", s[0]);
	T(send(s[0], "y", 1, 0));
	T(recv(s[1], &c, 1, 0)); /* one is thrown away */
	fill("after one", s[0]);
	close(s[0]);
	close(s[1]);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	fill("after all", s[0]);
}
