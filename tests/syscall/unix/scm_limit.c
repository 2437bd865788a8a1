/* SPDX-License-Identifier: MIT */
/*
 * scm_limit: descriptors in flight count against their sender's RLIMIT_NOFILE, until they are
 * received, or discarded.
 */
#include "scm.h"

static void fill(const char *what, int sock)
{
	int n = 0;

	while (n < 40 && send_fds(sock, &(int){ 0 }, 1, MSG_DONTWAIT) == 1)
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
	t_become(64321, 64321);
	NEED(setrlimit(RLIMIT_NOFILE, &some));
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	fill("nobody", s[0]);
	T(send(s[0], "y", 1, 0));
	T(recv(s[1], &c, 1, 0)); /* a message with descriptors is discarded */
	fill("after one", s[0]);
	close(s[0]);
	close(s[1]);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	fill("after all", s[0]);
}
