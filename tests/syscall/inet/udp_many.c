/* SPDX-License-Identifier: MIT */
/*
 * udp_many: many datagram sockets at one port: which socket gets a packet, by addresses and peers,
 * and after those have changed; and that the cost of a packet does not depend on sockets that do
 * not get it. Times are checked in the guest only.
 */
#include "guest.h"
#include "netns.h"

#define PORT 4000
/* half of the sockets are bound to different addresses, half have different peers */
#define MANY 4000
#define ROUNDS 10
#define PACKETS 50
#define ENOUGH 3

static int fds[16], nr;

/* Adds a socket at @addr to fds, and prints nothing. Returns its index. */
static int fresh(int family, const char *addr)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	struct sockaddr_in four = at(addr, PORT);
	int fd = NEED(socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0));

	NEED(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)));
	if (family == AF_INET6) {
		NEED(setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &(int){ 0 }, sizeof(int)));
		inet_pton(AF_INET6, addr, &six.sin6_addr);
		NEED(bind(fd, SA(&six), sizeof(six)));
	} else {
		NEED(bind(fd, SA(&four), sizeof(four)));
	}
	fds[nr] = fd;
	return nr++;
}

static void to_peer(int k, const char *addr, int port)
{
	struct sockaddr_in a = at(addr, port);

	NEED(connect(fds[k], SA(&a), sizeof(a)));
}

static void to_nobody(int k)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	NEED(connect(fds[k], &none, sizeof(none)));
}

static void who(int port, const char *addr)
{
	struct sockaddr_in from = at("127.0.0.1", port), to = at(addr, PORT);
	int out = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	struct ip_mreqn r = { .imr_ifindex = 1 };
	char c;

	NEED(setsockopt(out, SOL_SOCKET, SO_BROADCAST, &(int){ 1 }, sizeof(int)));
	NEED(setsockopt(out, SOL_IP, IP_MULTICAST_IF, &r, sizeof(r)));
	NEED(bind(out, SA(&from), sizeof(from)));
	NEED(sendto(out, "x", 1, 0, SA(&to), sizeof(to)));
	lo_settled();
	say("from %d to %s:", port, addr);
	for (int k = 0; k < nr; k++)
		if (recv(fds[k], &c, 1, 0) == 1)
			say("  %d", k);
	close(out);
}

static void all_ways(const char *what)
{
	say("%s", what);
	who(71, "127.0.0.1");
	who(72, "127.0.0.1");
	who(71, "127.0.0.2");
	who(71, "127.0.0.3");
}

static void receivers(void)
{
	struct ip_mreqn r = { .imr_ifindex = 1 };
	int any = fresh(AF_INET, "0.0.0.0"), one, two, group[3];

	all_ways("any:");
	one = fresh(AF_INET, "127.0.0.1");
	all_ways("127.0.0.1:");
	to_peer(one, "127.0.0.1", 71);
	all_ways("that one has a peer:");
	to_peer(one, "127.0.0.1", 72);
	all_ways("another:");
	two = fresh(AF_INET, "127.0.0.2");
	to_nobody(one);
	all_ways("none, and 127.0.0.2:");
	close(fds[any]);
	fds[any] = -1;
	fresh(AF_INET6, "::");
	all_ways("any of IPv6:");
	fresh(AF_INET6, "::ffff:127.0.0.3");
	all_ways("an address of IPv4 by IPv6:");
	to_peer(two, "127.0.0.1", 70);
	all_ways("a peer that is not there:");

	inet_pton(AF_INET, "239.1.2.3", &r.imr_multiaddr);
	for (int k = 0; k < 3; k++) {
		group[k] = fresh(AF_INET, k ? "239.1.2.3" : "0.0.0.0");
		NEED(setsockopt(fds[group[k]], SOL_IP, IP_ADD_MEMBERSHIP, &r, sizeof(r)));
	}
	say("to many:");
	who(71, "239.1.2.3");
	who(71, "127.255.255.255");
	to_peer(group[2], "127.0.0.1", 72);
	who(71, "239.1.2.3");
	who(72, "239.1.2.3");
	to_nobody(group[2]);
	who(71, "239.1.2.3");
}

/* ---- times ---- */

static int listens(const char *addr, int port, int *out)
{
	struct sockaddr_in a = at(addr, port), from;
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	socklen_t n = sizeof(from);

	NEED(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)));
	NEED(bind(fd, SA(&a), sizeof(a)));
	*out = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	NEED(connect(*out, SA(&a), sizeof(a)));
	NEED(getsockname(*out, SA(&from), &n));
	return fd;
}

static long trip(int out, int in)
{
	struct timespec a, b;
	char c;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < PACKETS; i++) {
		NEED(send(out, "x", 1, 0));
		NEED(recv(in, &c, 1, 0));
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	return (b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec;
}

static void crowd(void)
{
	struct sockaddr_in peer = at("127.0.0.1", 0);

	for (int k = 0; k < MANY; k++) {
		struct sockaddr_in a = at("127.0.0.1", PORT + 1);
		int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

		if (k % 2)
			a.sin_addr.s_addr = htonl(0x7f010000U + (unsigned)k);
		NEED(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)));
		NEED(bind(fd, SA(&a), sizeof(a)));
		peer.sin_port = htons((unsigned short)(1000 + k));
		if (k % 2 == 0)
			NEED(connect(fd, SA(&peer), sizeof(peer)));
	}
}

/*
 * True if a packet costs hardly more among many sockets. Compares the fastest rounds, since other
 * work on the machine makes some rounds slow, and none fast.
 */
static bool pays_for_none(void)
{
	struct rlimit l = { MANY + 64, MANY + 64 };
	long alone = LONG_MAX, among = LONG_MAX;
	int in[2], out[2];

	NEED(setrlimit(RLIMIT_NOFILE, &l));
	in[0] = listens("127.0.0.9", PORT + 2, &out[0]);
	in[1] = listens("127.0.0.9", PORT + 1, &out[1]);
	crowd();
	for (int k = 0; k < ROUNDS; k++) {
		long a = trip(out[0], in[0]), b = trip(out[1], in[1]);

		alone = a < alone ? a : alone;
		among = b < among ? b : among;
	}
	if (among > ENOUGH * alone)
		say("a packet: %ld ns alone, %ld ns among %d", alone / PACKETS, among / PACKETS,
			MANY);
	return among <= ENOUGH * alone;
}

TEST(udp_many)
{
	own_net();
	receivers();
	GIS(pays_for_none());
}
