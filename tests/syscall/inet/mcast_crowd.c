/* SPDX-License-Identifier: MIT */
/*
 * mcast_crowd: a packet for more than a thousand datagram and raw sockets: each gets each packet
 * once, in order, also the rest when some are closed.
 */
#include "netns.h"

#define SOCKS 1200
#define PACKETS 3
#define PORT 6000
#define PROTO 253

static int fds[SOCKS];

static int receiver(bool raw)
{
	struct sockaddr_in a = at("0.0.0.0", PORT);
	struct ip_mreqn r = { .imr_ifindex = 1 };
	int fd = NEED(socket(AF_INET, raw ? SOCK_RAW : SOCK_DGRAM, raw ? PROTO : 0));

	NEED(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)));
	if (!raw)
		NEED(bind(fd, SA(&a), sizeof(a)));
	inet_pton(AF_INET, "239.1.1.1", &r.imr_multiaddr);
	NEED(setsockopt(fd, SOL_IP, IP_ADD_MEMBERSHIP, &r, sizeof(r)));
	return fd;
}

static void send_all(bool raw)
{
	struct sockaddr_in to = at("239.1.1.1", PORT);
	struct ip_mreqn r = { .imr_ifindex = 1 };
	int fd = NEED(socket(AF_INET, raw ? SOCK_RAW : SOCK_DGRAM, raw ? PROTO : 0));

	NEED(setsockopt(fd, SOL_IP, IP_MULTICAST_IF, &r, sizeof(r)));
	for (char k = 0; k < PACKETS; k++)
		NEED(sendto(fd, &k, 1, 0, SA(&to), sizeof(to)));
	close(fd);
}

/* True if the socket has received all packets, each once and in order. */
static bool has_all(int fd, bool raw)
{
	char buf[64];

	for (int k = 0; k < PACKETS; k++)
		if (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) != (raw ? 21 : 1) ||
			buf[raw ? 20 : 0] != k)
			return false;
	return recv(fd, buf, sizeof(buf), MSG_DONTWAIT) == -1;
}

static void crowd(const char *what, bool raw)
{
	int n = 0;

	for (int i = 0; i < SOCKS; i++)
		fds[i] = receiver(raw);
	send_all(raw);
	for (int i = 0; i < SOCKS; i++)
		n += has_all(fds[i], raw);
	say("%s: all packets: %d", what, n);
	for (int i = 0; i < SOCKS; i += 2)
		close(fds[i]);
	send_all(raw);
	n = 0;
	for (int i = 1; i < SOCKS; i += 2)
		n += has_all(fds[i], raw);
	say("%s: of those that are left: %d", what, n);
	for (int i = 1; i < SOCKS; i += 2)
		close(fds[i]);
}

TEST(mcast_crowd)
{
	own_net();
	NEED(t_soft_limit(RLIMIT_NOFILE, SOCKS + 64));
	crowd("datagrams", false);
	crowd("raw", true);
}
