/* SPDX-License-Identifier: MIT */
/* many_copies: a packet for many sockets: each of them gets a copy, however many they are. */
#include "netns.h"

#define MANY 150

static int fds[MANY];

/* Reads from each socket. Returns how many had something. */
static int count(void)
{
	int got = 0;
	char b[100];

	for (int i = 0; i < MANY; i++)
		got += recv(fds[i], b, sizeof(b), MSG_DONTWAIT) > 0;
	return got;
}

static void raw(int family, int proto, const char *to)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = at("127.0.0.1", 0);
	int out = NEED(socket(family, SOCK_RAW, proto));

	for (int i = 0; i < MANY; i++)
		fds[i] = NEED(socket(family, SOCK_RAW, proto));
	inet_pton(AF_INET6, to, &six.sin6_addr);
	T(sendto(out, "hello", 5, 0, family == AF_INET ? SA(&four) : SA(&six),
		family == AF_INET ? sizeof(four) : sizeof(six)));
	say("raw: %d", count());
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	close(out);
}

TEST(many_copies)
{
	struct ip_mreqn r = { .imr_ifindex = 1 };
	struct sockaddr_in to = at("239.1.2.3", 777);
	int out;

	own_net();
	inet_pton(AF_INET, "239.1.2.3", &r.imr_multiaddr);
	out = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	NEED(setsockopt(out, SOL_IP, IP_MULTICAST_IF, &r, sizeof(r)));
	for (int i = 0; i < MANY; i++) {
		fds[i] = NEED(socket(AF_INET, SOCK_DGRAM, 0));
		NEED(setsockopt(fds[i], SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)));
		NEED(setsockopt(
			fds[i], SOL_IP, IP_MULTICAST_ALL, &(int){ i % 3 != 0 }, sizeof(int)));
		NEED(bind(fds[i], SA(&to), sizeof(to)));
		if (i % 3 != 1)
			NEED(setsockopt(fds[i], SOL_IP, IP_ADD_MEMBERSHIP, &r, sizeof(r)));
	}
	T(sendto(out, "hello", 5, 0, SA(&to), sizeof(to)));
	say("multicast: %d", count());
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	raw(AF_INET, 253, "::");
	raw(AF_INET6, 253, "::1");
}
