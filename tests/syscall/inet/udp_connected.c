/* SPDX-License-Identifier: MIT */
/*
 * udp_connected: connect(2) of a datagram socket that is bound to any address gives it the source
 * address; AF_UNSPEC takes that away again.
 */
#include "netns.h"

static int any_port(int family, int port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in b = at("0.0.0.0", port);
	int fd = NEED(socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0));

	if (port < 0)
		return fd;
	NEED(family == AF_INET6 ? bind(fd, SA(&a), sizeof(a)) : bind(fd, SA(&b), sizeof(b)));
	return fd;
}

static void name(int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);
	char t[64];

	NEED(getsockname(fd, SA(&a), &n));
	say("  at %s, %s port", addr_text(&a, t),
		((struct sockaddr_in *)&a)->sin_port ? "a" : "no");
}

static int port_number(int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);

	NEED(getsockname(fd, SA(&a), &n));
	return ntohs(((struct sockaddr_in *)&a)->sin_port);
}

/* Sends a datagram from the peer to each of some local addresses. Prints which @fd gets. */
static void hears(int fd, const char *peer, int peer_port)
{
	static const char *const to[] = { "127.0.0.1", "127.0.0.2", "10.9.9.1" };
	int port = port_number(fd), one = 1;
	char c;

	for (int k = 0; k < 3; k++) {
		struct sockaddr_in from = at(peer, peer_port), dest = at(to[k], port);
		int out = NEED(socket(AF_INET, SOCK_DGRAM, 0));

		NEED(setsockopt(out, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
		NEED(bind(out, SA(&from), sizeof(from)));
		NEED(port ? (int)sendto(out, "x", 1, 0, SA(&dest), sizeof(dest)) : 0);
		lo_settled();
		say("  from %s to %s: %d", peer, to[k], recv(fd, &c, 1, 0) == 1);
		close(out);
	}
}

static void unspec(int fd)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	T(connect(fd, &none, sizeof(none)));
}

static void way(int family, int port, const char *what)
{
	struct sockaddr_in peer = at("127.0.0.1", 78), other = at("10.9.9.1", 78);
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(78) };
	int fd = any_port(family, port);

	say("%s", what);
	name(fd);
	for (int k = 0; k < 2; k++) {
		inet_pton(AF_INET6, k ? "::ffff:10.9.9.1" : "::ffff:127.0.0.1", &six.sin6_addr);
		if (family == AF_INET6)
			T(connect(fd, SA(&six), sizeof(six)));
		else
			T(connect(fd, SA(k ? &other : &peer), sizeof(peer)));
		name(fd);
		hears(fd, k ? "10.9.9.1" : "127.0.0.1", 78);
	}
	unspec(fd);
	name(fd);
	hears(fd, "127.0.0.1", 79);
	T(connect(fd, family == AF_INET6 ? SA(&six) : SA(&other), sizeof(six)));
	name(fd);
	hears(fd, "10.9.9.1", 78);
	close(fd);
}

static void own_address(int port)
{
	struct sockaddr_in a = at("127.0.0.2", port), peer = at("127.0.0.1", 78);
	int fd = NEED(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));

	say("an address, %s port", port ? "a" : "no");
	NEED(bind(fd, SA(&a), sizeof(a)));
	T(connect(fd, SA(&peer), sizeof(peer)));
	name(fd);
	unspec(fd);
	name(fd);
	T(connect(fd, SA(&peer), sizeof(peer)));
	name(fd);
	close(fd);
}

/* The bound address makes a socket a member of a group: connect() ends that. */
static void group(const char *addr, int leaves)
{
	struct sockaddr_in a = at(addr, 4100), peer = at("127.0.0.1", 78);
	int fd[3], one = 1, got[3] = { 0 };
	char c;

	say("a group at %s", addr);
	for (int k = 0; k < 3; k++) {
		fd[k] = NEED(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
		NEED(setsockopt(fd[k], SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)));
		NEED(bind(fd[k], SA(&a), sizeof(a)));
	}
	NEED(connect(fd[1], SA(&peer), sizeof(peer)));
	if (leaves)
		unspec(fd[1]);
	name(fd[1]);
	a = at("127.0.0.1", 4100);
	for (int k = 0; k < 64; k++) {
		int out = NEED(socket(AF_INET, SOCK_DGRAM, 0));

		NEED(sendto(out, "x", 1, 0, SA(&a), sizeof(a)));
		close(out);
	}
	lo_settled();
	for (int k = 0; k < 3; k++)
		while (recv(fd[k], &c, 1, 0) == 1)
			got[k]++;
	say("  %d %d %d", got[0] > 0, got[1] > 0, got[2] > 0);
	for (int k = 0; k < 3; k++)
		close(fd[k]);
}

/* Prints at which addresses other sockets may bind the port. */
static void beside(int connected)
{
	struct sockaddr_in peer = at("127.0.0.1", 78), two = at("127.0.0.2", 4100),
			   one = at("127.0.0.1", 4100);
	int fd = any_port(AF_INET, 4100), fd2 = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	if (connected)
		NEED(connect(fd, SA(&peer), sizeof(peer)));
	T(bind(fd2, SA(&one), sizeof(one)));
	T(bind(fd2, SA(&two), sizeof(two)));
	close(fd2);
	close(fd);
}

TEST(udp_connected)
{
	own_net();
	add_addr("lo", AF_INET, "10.9.9.1", 32);
	way(AF_INET, 4100, "IPv4");
	way(AF_INET, -1, "IPv4, not bound");
	way(AF_INET, 0, "IPv4, bound to no port");
	way(AF_INET6, 4100, "IPv6");
	own_address(4100);
	own_address(0);
	group("0.0.0.0", 0);
	group("0.0.0.0", 1);
	group("127.0.0.1", 0);
	beside(0);
	beside(1);
}
