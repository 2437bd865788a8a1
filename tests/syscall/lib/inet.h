/* SPDX-License-Identifier: MIT */
/*
 * inet.h: shared by tests of AF_INET: a loopback that is up, addresses on it, connected pairs.
 * Ports are in host order. bound(), listener() and tcp_pair() print errors and go on.
 */
#ifndef TESTS_SYSCALL_INET_H
#define TESTS_SYSCALL_INET_H

#include "t.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define SA(x) ((struct sockaddr *)(x))

/* Brings lo up, which is down at the boot of a guest. */
static T_UNUSED void lo_up(void)
{
	struct ifreq r = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	ioctl(fd, SIOCGIFFLAGS, &r);
	if (!(r.ifr_flags & IFF_UP)) {
		r.ifr_flags |= IFF_UP;
		ioctl(fd, SIOCSIFFLAGS, &r);
	}
	close(fd);
}

/* Returns the socket address of an IPv4 address and a port. */
static T_UNUSED struct sockaddr_in at(const char *addr, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	inet_pton(AF_INET, addr, &a.sin_addr);
	return a;
}

/* Returns an IPv4 or IPv6 address as text, in @text; "" for an address of another family. */
static T_UNUSED const char *addr_text(const struct sockaddr_storage *a, char text[64])
{
	text[0] = 0;
	if (a->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, text, 64);
	else if (a->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, text, 64);
	return text;
}

/* Returns the port to which the socket is bound, or -errno. */
static T_UNUSED int port_of(int fd)
{
	struct sockaddr_in a = { 0 };
	socklen_t n = sizeof(a);

	return getsockname(fd, SA(&a), &n) ? -errno : ntohs(a.sin_port);
}

/* Returns a socket of type @type, bound to a free port of @addr. */
static T_UNUSED int bound(int type, const char *addr)
{
	struct sockaddr_in a = at(addr, 0);
	int fd = socket(AF_INET, type, 0);

	if (bind(fd, SA(&a), sizeof(a)))
		say("bind %s: %s\n", addr, strerror(errno));
	return fd;
}

/* Returns a socket that listens on a free port of 127.0.0.1. */
static T_UNUSED int listener(int backlog)
{
	int fd = bound(SOCK_STREAM, "127.0.0.1");

	if (listen(fd, backlog))
		say("listen: %s\n", strerror(errno));
	return fd;
}

/* Connects to a port of 127.0.0.1. Returns the result of connect(). */
static T_UNUSED int reach(int fd, int port)
{
	struct sockaddr_in a = at("127.0.0.1", port);

	return connect(fd, SA(&a), sizeof(a));
}

/* Makes a connection: fds[0] has connected, fds[1] was accepted. */
static T_UNUSED void tcp_pair(int fds[2])
{
	int l = listener(1);

	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (reach(fds[0], port_of(l)))
		say("connect: %s\n", strerror(errno));
	fds[1] = accept(l, NULL, NULL);
	close(l);
}

/* Returns the poll(2) events of @fd now, or -errno. */
static T_UNUSED int events(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

/*
 * Waits until all packets that were sent over lo before have arrived, and the replies to them. lo
 * keeps the order of packets from one CPU, so a datagram is sent behind them, twice. The caller
 * stays on its CPU from then on.
 */
static T_UNUSED void lo_settled(void)
{
	int fd = bound(SOCK_DGRAM, "127.0.0.1"), cpu = sched_getcpu();
	struct pollfd p = { .fd = fd, .events = POLLIN };
	cpu_set_t set;
	char c;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	NEED(sched_setaffinity(0, sizeof(set), &set));
	NEED(reach(fd, port_of(fd)));
	for (int i = 0; i < 2; i++) {
		NEED(send(fd, "x", 1, 0));
		NEED(poll(&p, 1, 100000) == 1 ? 0 : -1);
		NEED(recv(fd, &c, 1, 0));
	}
	close(fd);
}

/*
 * Returns the events of @fd, once they contain @want (POLL*) or nothing has happened for 20
 * seconds.
 */
static T_UNUSED int await(int fd, int want)
{
	struct epoll_event e = { .events = EPOLLET | EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP };
	int ep = epoll_create1(0), got;

	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
	do
		got = events(fd);
	while ((got & want) != want && epoll_wait(ep, &e, 1, 20000) > 0);
	close(ep);
	return got;
}

/* Returns the value of a socket option, or -errno. */
static T_UNUSED int number(int fd, int level, int opt)
{
	int v = -77;
	socklen_t n = sizeof(v);

	return getsockopt(fd, level, opt, &v, &n) ? -errno : v;
}

/* Sets a socket option. Returns the result of setsockopt(). */
static T_UNUSED int set(int fd, int level, int opt, int v)
{
	return setsockopt(fd, level, opt, &v, sizeof(v));
}

#endif
