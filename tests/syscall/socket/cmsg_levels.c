/* SPDX-License-Identifier: MIT */
/*
 * cmsg_levels: control messages of levels that are not the socket's are ignored; and those of
 * SOL_SOCKET that each family knows.
 */
#include "inet.h"

/* Sends a byte with one control message of four zeros; "sent", or the error. */
static const char *attempt(int fd, const void *to, socklen_t to_len, int level, int type)
{
	char c[64] = "";
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_name = (void *)to,
		.msg_namelen = to_len,
		.msg_control = c,
		.msg_controllen = CMSG_SPACE(4) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = level;
	h->cmsg_type = type;
	h->cmsg_len = CMSG_LEN(4);
	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? t_errno(errno) : "sent";
}

/* Tries each level with a few types, and whether the message left. */
static void try(const char *who, int fd, const void *to, socklen_t to_len)
{
	static const int levels[] = { IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_IPV6, 99, -1 };
	static const int types[] = { 3, 21, 61 };
	char b[16];

	for (unsigned l = 0; l < 6; l++) {
		char text[64] = "";

		for (unsigned i = 0; i < 3; i++) {
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s",
				attempt(fd, to, to_len, levels[l], types[i]));
			while (recv(fd, b, sizeof(b), MSG_DONTWAIT) > 0)
				;
		}
		say("%s, level %d:%s", who, levels[l], text);
	}
}

/* Of SOL_SOCKET: descriptors, ids, a mark. */
static void try_socket(const char *who, int fd, const void *to, socklen_t to_len)
{
	static const int types[] = { SCM_RIGHTS, SCM_CREDENTIALS };
	char b[16];

	for (unsigned i = 0; i < 2; i++) {
		say("%s, type %d: %s", who, types[i],
			attempt(fd, to, to_len, SOL_SOCKET, types[i]));
		while (recv(fd, b, sizeof(b), MSG_DONTWAIT) > 0)
			;
	}
}

static void both(const char *who, int fd, const void *to, socklen_t to_len)
{
	try(who, fd, to, to_len);
	try_socket(who, fd, to, to_len);
	close(fd);
}

TEST(cmsg_levels)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in a;
	socklen_t n = sizeof(a6);
	int p[2], fd;

	lo_up();
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	both("unix", p[0], NULL, 0);
	fd = bound(SOCK_DGRAM, "127.0.0.1");
	a = at("127.0.0.1", port_of(fd));
	both("UDP", fd, &a, sizeof(a));
	fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0));
	NEED(bind(fd, SA(&a6), sizeof(a6)));
	NEED(getsockname(fd, SA(&a6), &n));
	both("UDP over IPv6", fd, &a6, sizeof(a6));
	fd = listener(1);
	p[0] = NEED(socket(AF_INET, SOCK_STREAM, 0));
	NEED(reach(p[0], port_of(fd)));
	both("TCP", p[0], NULL, 0);
}
