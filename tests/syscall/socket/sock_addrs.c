/* SPDX-License-Identifier: MIT */
/*
 * sock_addrs: addresses that do not fit the socket: bind(), connect() and sendto() of each kind of
 * socket with each family of address and with lengths that are too short, too long, or just right,
 * each from a fresh socket.
 */
#include "inet.h"
#include <linux/netlink.h>
#include <linux/if_packet.h>
#include <sys/un.h>

static const struct {
	const char *name;
	int family, type, protocol;
} kinds[] = {
	{ "tcp", AF_INET, SOCK_STREAM, 0 },
	{ "udp", AF_INET, SOCK_DGRAM, 0 },
	{ "raw", AF_INET, SOCK_RAW, 253 },
	{ "tcp6", AF_INET6, SOCK_STREAM, 0 },
	{ "udp6", AF_INET6, SOCK_DGRAM, 0 },
	{ "raw6", AF_INET6, SOCK_RAW, 253 },
	{ "unix", AF_UNIX, SOCK_DGRAM, 0 },
	{ "unix stream", AF_UNIX, SOCK_STREAM, 0 },
	{ "netlink", AF_NETLINK, SOCK_RAW, 0 },
	{ "packet", AF_PACKET, SOCK_DGRAM, 0 },
};

enum { BIND, CONNECT, SENDTO, NR_CALLS };
static const char *const calls[] = { "bind", "connect", "sendto" };
static const int families[] = { AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, 99 };
static const int lengths[] = { -1, 0, 1, 2, 3, 8, 12, 15, 16, 19, 20, 23, 24, 28, 110, 111, 128,
	129 };

static int one(unsigned kind, unsigned call, int family, int len)
{
	_Alignas(8) char a[256] = { 0 };
	int fd = NEED(socket(
		    kinds[kind].family, kinds[kind].type | SOCK_NONBLOCK, kinds[kind].protocol)),
	    r;

	*(sa_family_t *)a = (sa_family_t)family;
	if (family == AF_INET)
		((struct sockaddr_in *)a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (family == AF_INET6)
		((struct sockaddr_in6 *)a)->sin6_addr = in6addr_loopback;
	if (family == AF_UNIX)
		strcpy(a + 2, "n/such/name"); /* as the shortest, a name here */
	if (call != BIND && (family == AF_INET || family == AF_INET6))
		((struct sockaddr_in *)a)->sin_port = htons(9); /* a closed port */
	errno = 0;
	if (call == BIND)
		r = syscall(SYS_bind, fd, a, len);
	else if (call == CONNECT)
		r = syscall(SYS_connect, fd, a, len);
	else
		r = syscall(SYS_sendto, fd, "x", 1, MSG_NOSIGNAL, a, len);
	r = r < 0 ? errno : 0;
	close(fd);
	return r;
}

TEST(sock_addrs)
{
	lo_up();
	for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (unsigned c = 0; c < NR_CALLS; c++)
			for (unsigned f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
				char line[1000];
				int n = sprintf(line, "%s %s family %d:", kinds[k].name, calls[c],
					    families[f]),
				    last = -1;

				for (unsigned l = 0; l < sizeof(lengths) / sizeof(lengths[0]);
					l++) {
					int r = one(k, c, families[f], lengths[l]);

					if (r != last) /* from this length on */
						n += sprintf(line + n, " %d:%s", lengths[l],
							strerrorname_np(r));
					last = r;
				}
				say("%s", line);
			}
}
