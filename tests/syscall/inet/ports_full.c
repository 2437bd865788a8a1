/* SPDX-License-Identifier: MIT */
/*
 * ports_full: the last free ports of a range are found, for sockets and for connections; without a
 * free port the calls fail. Guests only.
 */
#include "guest.h"

#include "netns.h"

#define LOW 40000
#define N 200

static int own(int type, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((unsigned short)port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = NEED(socket(AF_INET, type, 0)), err = bind(fd, (void *)&a, sizeof(a));

	if (err)
		close(fd);
	return err ? -1 : fd;
}

static int port_at(int fd)
{
	struct sockaddr_in a;
	socklen_t n = sizeof(a);

	NEED(getsockname(fd, (void *)&a, &n));
	return ntohs(a.sin_port);
}

static int connection(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(7000),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = NEED(socket(AF_INET, SOCK_STREAM, 0)), err = connect(fd, (void *)&a, sizeof(a));

	if (err)
		close(fd);
	return err ? -1 : fd;
}

static void full(const char *what, int type)
{
	bool seen[N] = { false };
	int fd[N], got = 0, port;

	for (int i = 0; i < N; i++) {
		fd[i] = NEED(own(type, 0));
		port = port_at(fd[i]) - LOW;
		if (port >= 0 && port < N && !seen[port]) {
			seen[port] = true;
			got++;
		}
	}
	say("%s: %d ports", what, got);
	TN("one more", own(type, 0));
	if (type == SOCK_STREAM)
		TN("a connection", connection());
	for (int i = 0; i < N; i += 37) {
		port = port_at(fd[i]);
		close(fd[i]);
		fd[i] = type == SOCK_STREAM && i % 2 ? connection() : own(type, 0);
		say("the one that is free: %d", fd[i] >= 0 && port_at(fd[i]) == port);
	}
	TN("one more", own(type, 0));
	for (int i = 0; i < N; i++)
		close(fd[i]);
}

static void expected(const char *what, int type)
{
	say("%s: %d ports", what, N);
	say("one more = -1 EADDRINUSE");
	if (type == SOCK_STREAM)
		say("a connection = -1 EADDRNOTAVAIL");
	for (int i = 0; i < N; i += 37)
		say("the one that is free: 1");
	say("one more = -1 EADDRINUSE");
}

TEST(ports_full)
{
	if (!in_guest()) {
		expected("datagrams", SOCK_DGRAM);
		expected("streams", SOCK_STREAM);
		return;
	}
	own_net();
	put_text("/proc/sys/net/ipv4/ip_local_port_range", "40000 40199");
	NEED(listen(NEED(own(SOCK_STREAM, 7000)), 64));
	full("datagrams", SOCK_DGRAM);
	full("streams", SOCK_STREAM);
}
