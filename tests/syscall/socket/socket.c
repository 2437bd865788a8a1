/* SPDX-License-Identifier: MIT */
/* socket(2), socketpair(2): families, types, flags, errors. */
#include "t.h"
#include <sys/socket.h>

static int option(int fd, int name)
{
	int v = -77;
	socklen_t n = sizeof(v);

	return getsockopt(fd, SOL_SOCKET, name, &v, &n) == -1 ? -errno : v;
}

TEST(socket)
{
	int fd, s[2];

	fd = OK(socket(AF_UNIX, SOCK_STREAM, 0));
	T(fcntl(fd, F_GETFD));
	T(fcntl(fd, F_GETFL));
	T(option(fd, SO_TYPE));
	T(option(fd, SO_DOMAIN));
	T(option(fd, SO_PROTOCOL));
	T(option(fd, SO_ACCEPTCONN));
	T(option(fd, SO_ERROR));
	fd = OK(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	T(fcntl(fd, F_GETFD));
	T(fcntl(fd, F_GETFL));
	T(option(fd, SO_TYPE));
	OK(socket(AF_UNIX, SOCK_SEQPACKET, 0));
	OK(socket(AF_UNIX, SOCK_STREAM, AF_UNIX));
	T(option(socket(AF_UNIX, SOCK_RAW, 0), SO_TYPE)); /* a datagram socket */
	T(socket(AF_UNIX, SOCK_STREAM, 7));
	T(socket(AF_UNIX, SOCK_RDM, 0));
	T(socket(AF_UNIX, 99, 0));
	T(socket(AF_UNIX, SOCK_STREAM | 0x100, 0));
	T(socket(-1, SOCK_STREAM, 0));
	T(socket(99, SOCK_STREAM, 0));
	T(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	T(socketpair(AF_UNIX, SOCK_STREAM, 0, BAD));
	T(socketpair(AF_NETLINK, SOCK_RAW, 0, s));
	T(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, s));
	T(fcntl(s[1], F_GETFD));
	T(lseek(s[0], 0, SEEK_SET));
}
