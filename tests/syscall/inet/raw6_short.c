/* SPDX-License-Identifier: MIT */
/*
 * raw6_short: raw sockets send IPv6 packets with headers of their own that are too short, or just
 * long enough; and the peer's address.
 */
#include "netns.h"

/* Prints the results of connect() to @port and of getpeername(), which fails for port 0. */
static void peer(in_port_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = NEED(socket(AF_INET, SOCK_RAW, IPPROTO_UDP));
	socklen_t n = sizeof(to);

	T(connect(fd, SA(&to), sizeof(to)));
	T(getpeername(fd, SA(&to), &n));
	close(fd);
}

TEST(raw6_short)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	unsigned char p[64] = { 0x60, 0, 0, 0, 0, 0, 59, 64 };
	int fd;

	own_net();
	p[23] = p[39] = 1; /* from ::1 to ::1 */
	fd = NEED(socket(AF_INET6, SOCK_RAW, IPPROTO_RAW));
	T(setsockopt(fd, SOL_IPV6, IPV6_HDRINCL, &(int){ 1 }, sizeof(int)));
	T(sendto(fd, p, 0, 0, SA(&to), sizeof(to)));
	T(sendto(fd, p, 1, 0, SA(&to), sizeof(to)));
	T(sendto(fd, p, 8, 0, SA(&to), sizeof(to)));
	T(sendto(fd, p, 39, 0, SA(&to), sizeof(to)));
	T(sendto(fd, p, 40, 0, SA(&to), sizeof(to)));
	T(sendto(fd, p, 64, 0, SA(&to), sizeof(to)));
	T(shutdown(fd, SHUT_WR));
	T(sendto(fd, p, 39, 0, SA(&to), sizeof(to)));
	T(sendto(fd, p, 40, 0, SA(&to), sizeof(to)));
	T(setsockopt(fd, SOL_IPV6, IPV6_HDRINCL, &(int){ 0 }, sizeof(int)));
	close(fd);
	peer(0);
	peer(9);
}
