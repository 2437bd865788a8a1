/* SPDX-License-Identifier: MIT */
/*
 * socketpair_order: socketpair(2) reserves two descriptors and writes their numbers before it makes
 * the sockets: which error comes first, and what a failed call leaves.
 */
#include "t.h"
#include <netinet/in.h>
#include <sys/socket.h>

static void left(const char *what, const int *p)
{
	say("%s: %d %d", what, p[0], p[1]);
	for (int fd = 3; fd < 12; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			say("  %d is open", fd);
}

TEST(socketpair_order)
{
	struct rlimit most = { 4, 4 };
	int p[2] = { -1, -1 }, *part;
	char *end;

	close_range(3, ~0U, 0);
	T(socketpair(AF_UNIX, SOCK_STREAM | 0x100, 0, BAD));
	T(socketpair(AF_MAX, SOCK_STREAM, 0, BAD));
	T(socketpair(AF_INET, SOCK_STREAM, 0, BAD));
	T(socketpair(AF_UNIX, SOCK_STREAM, 0, BAD));
	left("bad memory", p);
	T(socketpair(AF_INET, SOCK_STREAM, 0, p));
	left("inet", p);
	p[0] = p[1] = -1;
	T(socketpair(AF_UNIX, 77, 0, p));
	left("type", p);
	p[0] = p[1] = -1;
	T(socketpair(AF_UNIX, SOCK_STREAM, 77, p));
	left("protocol", p);
	end = t_pages(1) + PAGE;
	part = (int *)(void *)(end - sizeof(int));
	T(socketpair(AF_UNIX, SOCK_STREAM, 0, part));
	left("half", p);
	T(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p));
	left("made", p);
	T(fcntl(p[1], F_GETFD));
	NEED(setrlimit(RLIMIT_NOFILE, &most));
	T(socketpair(AF_MAX, SOCK_STREAM, 0, BAD));
	close(p[1]);
	T(socketpair(AF_MAX, SOCK_STREAM, 0, BAD));
	close(p[0]);
	T(socketpair(AF_UNIX, SOCK_STREAM, 0, BAD));
}
