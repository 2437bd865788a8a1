/* SPDX-License-Identifier: MIT */
/*
 * netlink_room: netlink between programs: a waiting message counts with the memory that it takes,
 * so that small messages fill a queue as large ones do.
 */
#include "t.h"

#include <linux/netlink.h>
#include <sys/socket.h>

static int to;
static struct sockaddr_nl at = { .nl_family = AF_NETLINK };

/* Returns how many messages of @n bytes fit into the receiver's queue. */
static int fit(int n)
{
	static char buf[65536];
	int fd = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK)), sent = 0;

	while (sent < 100000 && sendto(fd, buf, n, MSG_DONTWAIT, (void *)&at, sizeof(at)) == n)
		sent++;
	say("after messages of %d bytes: %s", n, strerror(errno));
	close(fd);
	return sent;
}

static int drain(void)
{
	char buf[16];
	int n = 0;

	while (recv(to, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		n++;
	return n;
}

TEST(netlink_room)
{
	socklen_t len = sizeof(at);
	int rcvbuf = 32768, n;

	to = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK));
	NEED(bind(to, (void *)&at, sizeof(at)));
	NEED(getsockname(to, (void *)&at, &len));
	NEED(setsockopt(to, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf)));
	n = fit(1);
	say("a byte each: at least 50: %d, fewer than 200: %d", n >= 50, n < 200);
	say("all come: %d", drain() == n);
	n = fit(1000);
	say("1000 bytes each: at least 20: %d, fewer than 66: %d", n >= 20, n < 66);
	drain();
	n = fit(30000);
	say("30000 bytes each: %d", n >= 1 && n <= 3);
	say("all come: %d", drain() == n);
	n = fit(1);
	say("room again: %d", n >= 50);
}
