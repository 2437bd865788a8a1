/* SPDX-License-Identifier: MIT */
/*
 * sock_zerocopy: which sockets know SO_ZEROCOPY, whether or not it is granted; any user may set
 * SO_BUSY_POLL.
 */
#include "inet.h"

static const struct {
	const char *name;
	int family, type, protocol;
} kinds[] = {
	{ "tcp", AF_INET, SOCK_STREAM, 0 },
	{ "udp6", AF_INET6, SOCK_DGRAM, 0 },
	{ "raw tcp", AF_INET, SOCK_RAW, IPPROTO_TCP },
	{ "unix", AF_UNIX, SOCK_STREAM, 0 },
	{ "netlink", AF_NETLINK, SOCK_RAW, 0 },
};

static void busy_poll(void)
{
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	T(setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &(int){ 50 }, sizeof(int)));
	T(setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &(int){ -1 }, sizeof(int)));
}

TEST(sock_zerocopy)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int fd = socket(kinds[i].family, kinds[i].type, kinds[i].protocol);

		say("%s:", kinds[i].name);
		T(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &(int){ 0 }, sizeof(int)));
		T(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &(int){ 2 }, sizeof(int)));
		T(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &(int){ -1 }, sizeof(int)));
		close(fd);
	}
	busy_poll();
	CHILD({
		NEED(setresuid(65534, 65534, 65534));
		busy_poll();
	});
}
