/* SPDX-License-Identifier: MIT */
/*
 * inet_orders: findings of random calls on TCP and UDP sockets: which error comes first, and what a
 * failed call leaves behind.
 */
#include "inet.h"

union any {
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static union any v4(const char *addr, int port)
{
	return (union any){ .v4 = at(addr, port) };
}

static union any v6(const char *addr, int port)
{
	union any a = { .v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) } };

	inet_pton(AF_INET6, addr, &a.v6.sin6_addr);
	return a;
}

static socklen_t size(const union any *a)
{
	return a->v4.sin_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
}

static int do_bind(int fd, union any a)
{
	return bind(fd, SA(&a), size(&a));
}
static int do_connect(int fd, union any a)
{
	return connect(fd, SA(&a), size(&a));
}
static ssize_t send_to(int fd, const char *text, int flags, union any a)
{
	return sendto(fd, text, strlen(text), flags | MSG_NOSIGNAL, SA(&a), size(&a));
}

static int nonblocking(int family, int type)
{
	return socket(family, type | SOCK_NONBLOCK, 0);
}

static int unspec(int fd)
{
	union any a = { .v4 = { .sin_family = AF_UNSPEC } };

	return connect(fd, SA(&a), sizeof(a.v4));
}

static void wait_for(int fd, short events)
{
	struct pollfd p = { fd, events, 0 };

	poll(&p, 1, 5000);
}

/* Prints the socket's own address, or its peer's. */
static void name(const char *what, int fd, bool peer)
{
	struct sockaddr_storage a = { 0 };
	socklen_t n = sizeof(a);
	char text[64];
	int r = peer ? getpeername(fd, SA(&a), &n) : getsockname(fd, SA(&a), &n);

	say("%s: %s", what, r ? t_errno(errno) : addr_text(&a, text));
}

/* Makes a connection: p[0] was accepted, p[1] has connected, from port @from unless that is 0. */
static void make_pair(int family, int p[2], int from)
{
	union any a = family == AF_INET ? v4("127.0.0.1", 2001) : v6("::1", 2001);
	int l = socket(family, SOCK_STREAM, 0);

	set(l, SOL_SOCKET, SO_REUSEADDR, 1);
	do_bind(l, a);
	listen(l, 5);
	p[1] = socket(family, SOCK_STREAM, 0);
	if (from)
		do_bind(p[1], family == AF_INET ? v4("127.0.0.1", from) : v6("::1", from));
	do_connect(p[1], a);
	p[0] = accept(l, NULL, NULL);
	close(l);
}

static void close_pair(int p[2])
{
	close(p[0]);
	close(p[1]);
}

static void reset(int fd)
{
	struct linger on = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &on, sizeof(on));
	close(fd);
}

/* ---- ports ---- */

static void ended_connections(void)
{
	int p[2], s;
	char b;

	say("a connection that was reset has no port any more, but one that was asked for");
	make_pair(AF_INET, p, 0);
	reset(p[0]);
	wait_for(p[1], POLLIN);
	T(do_bind(p[1], v4("127.0.0.1", 2002)));
	say("port %d", port_of(p[1]));
	T(read(p[1], &b, 1));
	T(do_connect(p[1], v4("127.0.0.1", 2001)));
	close(p[1]);
	make_pair(AF_INET6, p, 0);
	reset(p[1]);
	wait_for(p[0], POLLIN);
	T(do_bind(p[0], v6("::1", 2003)));
	say("port %d", port_of(p[0]));
	close(p[0]);
	make_pair(AF_INET, p, 2004);
	T(do_bind(p[1], v4("127.0.0.1", 2002)));
	reset(p[0]);
	wait_for(p[1], POLLIN);
	T(do_bind(p[1], v4("127.0.0.1", 2002)));
	close(p[1]);

	say("nor has a listener that was shut down");
	s = socket(AF_INET, SOCK_STREAM, 0);
	listen(s, 1);
	T(do_bind(s, v4("127.0.0.1", 2005)));
	T(shutdown(s, SHUT_RD));
	T(do_bind(s, v4("127.0.0.1", 2005)));
	T(listen(s, 1));
	T(shutdown(s, SHUT_RD));
	T(do_bind(s, v4("127.0.0.1", 2006)));
	close(s);

	say("a datagram socket has one once it was to be connected");
	s = socket(AF_INET, SOCK_DGRAM, 0);
	T(do_connect(s, v6("::1", 1)));
	T(do_bind(s, v4("127.0.0.1", 2007)));
	close(s);
}

static void bind_orders(void)
{
	union any far = v6("fe80::1", 0);
	int p[2], s;

	say("bind: IPv6 looks at the socket before the address, IPv4 after it");
	make_pair(AF_INET6, p, 0);
	T(do_bind(p[1], v6("2001:db8::1", 2010)));
	T(do_bind(p[1], v6("ff02::1", 2010)));
	close_pair(p);
	make_pair(AF_INET, p, 0);
	T(do_bind(p[1], v4("10.1.1.1", 2010)));
	close_pair(p);
	s = socket(AF_INET6, SOCK_STREAM, 0);
	far.v6.sin6_scope_id = 99;
	T(do_bind(s, far));
	/* on Linux the socket keeps that device from now on */
	close(s);
	s = socket(AF_INET6, SOCK_STREAM, 0);
	T(do_bind(s, v6("2001:db8::1", 0)));
	say("v6only %d", number(s, IPPROTO_IPV6, IPV6_V6ONLY));
	T(do_bind(s, v6("::1", 0)));
	say("v6only %d", number(s, IPPROTO_IPV6, IPV6_V6ONLY));
	T(do_connect(s, v4("127.0.0.1", 2011)));
	T(do_connect(s, v6("::ffff:127.0.0.1", 2011)));
	close(s);
	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		s = nonblocking(AF_INET6, type);
		T(do_bind(s, v6("::ffff:127.0.0.1", 0)));
		say("v6only %d", number(s, IPPROTO_IPV6, IPV6_V6ONLY));
		T(do_connect(s, v6("::1", 2011)));
		if (type == SOCK_DGRAM)
			T(send_to(s, "x", 0, v6("::1", 2011)));
		close(s);
	}
}

/* ---- addresses that stand for others ---- */

static void sources(void)
{
	int to = socket(AF_INET, SOCK_DGRAM, 0), s = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in from = { 0 };
	socklen_t n = sizeof(from);
	char text[64];

	say("a group that a socket is bound to is no source");
	do_bind(to, v4("127.0.0.1", 2020));
	T(do_bind(s, v4("224.0.0.1", 2021)));
	T(send_to(s, "x", 0, v4("127.0.0.1", 2020)));
	wait_for(to, POLLIN);
	T(recvfrom(to, text, 9, MSG_DONTWAIT, SA(&from), &n));
	say("from %s", inet_ntop(AF_INET, &from.sin_addr, text, sizeof(text)));
	name("bound to", s, false);
	close(s);

	say("0.0.0.0 is this machine");
	s = socket(AF_INET, SOCK_DGRAM, 0);
	do_bind(s, v4("127.0.0.2", 0));
	T(do_connect(s, v4("0.0.0.0", 2020)));
	name("peer", s, true);
	close(s);

	say("a broadcast leaves where its source is");
	s = socket(AF_INET, SOCK_DGRAM, 0);
	T(do_connect(s, v4("255.255.255.255", 2020)));
	do_bind(s, v4("127.0.0.1", 0));
	close(s);
	s = socket(AF_INET, SOCK_DGRAM, 0);
	do_bind(s, v4("127.0.0.1", 0));
	T(do_connect(s, v4("255.255.255.255", 2020)));
	T(set(s, SOL_SOCKET, SO_BROADCAST, 1));
	T(do_connect(s, v4("255.255.255.255", 2020)));
	close(s);
	close(to);
}

/* ---- control messages ---- */

static ssize_t with(int fd, size_t len, int flags, int level, int type, int value, size_t size)
{
	static char data[4096];
	char ctl[64] __attribute__((aligned(8))) = { 0 };
	struct iovec v = { data, len };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = ctl,
		.msg_controllen = CMSG_SPACE(size) };
	struct cmsghdr *c = (void *)ctl;

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), &value, size);
	return sendmsg(fd, &m, flags | MSG_NOSIGNAL);
}

static void control(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_mtu = 1500 };
	static char data[3000];
	int p[2], s = nonblocking(AF_INET, SOCK_STREAM), any = socket(AF_INET6, SOCK_DGRAM, 0);

	say("wrong control messages: a missing peer is reported first");
	T(with(s, 1, 0, SOL_SOCKET, 99, 1, 4));
	close(s);
	make_pair(AF_INET, p, 0);
	T(with(p[0], 1, 0, SOL_SOCKET, 99, 1, 4));
	T(with(p[0], 1, 0, IPPROTO_IP, 99, 1, 4));
	T(shutdown(p[0], SHUT_WR));
	T(with(p[0], 1, 0, SOL_SOCKET, 99, 1, 4));
	close_pair(p);
	s = socket(AF_INET, SOCK_DGRAM, 0);
	T(with(s, 1, 0, SOL_SOCKET, 99, 1, 4));
	T(with(s, 1, MSG_OOB, SOL_SOCKET, 99, 1, 4));
	T(do_connect(s, v4("127.0.0.1", 2030)));
	T(with(s, 1, 0, SOL_SOCKET, 99, 1, 4));
	T(with(s, 1, 0, IPPROTO_IP, 99, 1, 4));

	say("an error that waits is told when all else is right");
	T(send(s, "x", 1, 0));
	wait_for(s, POLLERR);
	T(with(s, 1, 0, SOL_SOCKET, 99, 1, 4));
	T(send_to(s, "x", 0, v4("10.1.1.1", 1)));
	T(send_to(s, "x", 0, v4("10.1.1.1", 0)));
	T(send(s, "x", 1, 0));
	T(send(s, "x", 1, 0));
	close(s);

	say("IPV6_DONTFRAG");
	T(ioctl(any, SIOCSIFMTU, &r));
	do_bind(any, v6("::1", 2031));
	s = socket(AF_INET6, SOCK_DGRAM, 0);
	do_connect(s, v6("::1", 2031));
	T(with(s, 3000, 0, IPPROTO_IPV6, IPV6_DONTFRAG, 1, 4));
	T(with(s, 3000, 0, IPPROTO_IPV6, IPV6_DONTFRAG, 0, 4));
	T(set(s, IPPROTO_IPV6, IPV6_DONTFRAG, 1));
	T(send(s, data, sizeof(data), 0));
	T(with(s, 3000, 0, IPPROTO_IPV6, IPV6_DONTFRAG, 0, 4));
	T(with(s, 1, 0, IPPROTO_IPV6, IPV6_DONTFRAG, 2, 4));
	T(with(s, 1, 0, IPPROTO_IPV6, IPV6_DONTFRAG, 1, 2));
	r.ifr_mtu = 65536;
	T(ioctl(any, SIOCSIFMTU, &r));
	close(s);
	close(any);
}

/* ---- datagrams ---- */

static void datagrams(void)
{
	int to = socket(AF_INET6, SOCK_DGRAM, 0), s = socket(AF_INET6, SOCK_DGRAM, 0);
	char b[9] = "";

	say("MSG_OOB is nothing to UDP over IPv6");
	do_bind(to, v6("::", 2040));
	T(send_to(s, "x", MSG_OOB, v6("::1", 2040)));
	T(send_to(s, "x", MSG_OOB, v6("::ffff:127.0.0.1", 2040)));
	wait_for(to, POLLIN);
	T(recv(to, b, 9, MSG_DONTWAIT));
	close(s);

	say("what has been begun takes no other address");
	s = socket(AF_INET, SOCK_DGRAM, 0);
	T(send_to(s, "a", MSG_MORE, v4("127.0.0.1", 2040)));
	T(send_to(s, "b", MSG_MORE, v4("10.1.1.1", 1)));
	T(send_to(s, "c", 0, v4("10.1.1.1", 0)));
	wait_for(to, POLLIN);
	T(recv(to, b, 9, MSG_DONTWAIT));
	say("%.3s", b);
	close(s);
	close(to);
}

/* ---- connections ---- */

static void states(void)
{
	int p[2], s, l;

	say("shut down before connect() was asked how it went");
	s = nonblocking(AF_INET, SOCK_STREAM);
	T(do_connect(s, v4("127.0.0.1", 2050)));
	wait_for(s, POLLOUT);
	T(shutdown(s, SHUT_WR));
	T(do_connect(s, v4("127.0.0.1", 2050)));
	T(listen(s, 1));
	T(unspec(s));
	T(do_connect(s, v4("127.0.0.1", 2050)));
	close(s);
	l = socket(AF_INET, SOCK_STREAM, 0);
	do_bind(l, v4("127.0.0.1", 2051));
	listen(l, 5);
	s = nonblocking(AF_INET, SOCK_STREAM);
	T(do_connect(s, v4("127.0.0.1", 2051)));
	wait_for(s, POLLOUT);
	T(shutdown(s, SHUT_WR));
	T(do_connect(s, v4("127.0.0.1", 2051)));
	close(s);

	say("MSG_FASTOPEN without a name");
	s = nonblocking(AF_INET, SOCK_STREAM);
	T(send(s, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL));
	T(do_connect(s, v4("127.0.0.1", 2051)));
	wait_for(s, POLLOUT);
	T(send(s, "x", 1, MSG_FASTOPEN));
	T(send(s, "x", 1, MSG_FASTOPEN));
	close(s);
	close(l);

	say("the error of a connection that was given up stays while it listens");
	make_pair(AF_INET, p, 0);
	T(unspec(p[0]));
	T(recv(p[0], NULL, 0, MSG_DONTWAIT));
	close_pair(p);
	make_pair(AF_INET, p, 0);
	T(unspec(p[0]));
	T(listen(p[0], 1));
	say("error %d", number(p[0], SOL_SOCKET, SO_ERROR));
	say("error %d", number(p[0], SOL_SOCKET, SO_ERROR));
	close_pair(p);
	make_pair(AF_INET, p, 0);
	T(unspec(p[0]));
	number(p[0], SOL_SOCKET, SO_ERROR);
	T(recv(p[0], NULL, 0, MSG_DONTWAIT));
	close_pair(p);
}

/* ---- options ---- */

static void options(void)
{
	int p[2], s = socket(AF_INET6, SOCK_DGRAM, 0);

	say("options");
	T(set(s, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
	T(setsockopt(s, IPPROTO_IPV6, IPV6_RECVPKTINFO, NULL, 4));
	say("pktinfo %d", number(s, IPPROTO_IPV6, IPV6_RECVPKTINFO));
	T(setsockopt(s, IPPROTO_IPV6, IPV6_RECVPKTINFO, NULL, 3));
	T(setsockopt(s, IPPROTO_IPV6, IPV6_UNICAST_HOPS, NULL, 4));
	say("hops %d", number(s, IPPROTO_IPV6, IPV6_UNICAST_HOPS));
	say("mtu %d", number(s, IPPROTO_IPV6, IPV6_MTU));
	T(do_connect(s, v6("::1", 2060)));
	say("mtu %d", number(s, IPPROTO_IPV6, IPV6_MTU));
	close(s);
	s = socket(AF_INET, SOCK_DGRAM, 0);
	T(do_connect(s, v4("127.0.0.1", 2060)));
	say("mtu %d", number(s, IPPROTO_IP, IP_MTU));
	say("hdrincl %d", number(s, IPPROTO_IP, IP_HDRINCL));
	close(s);
	make_pair(AF_INET6, p, 0);
	say("discover %d %d", number(p[0], IPPROTO_IPV6, IPV6_MTU_DISCOVER),
		number(p[1], IPPROTO_IPV6, IPV6_MTU_DISCOVER));
	close_pair(p);
	T(accept4(-1, NULL, NULL, 1));
	T(accept4(0x7000, NULL, NULL, SOCK_NONBLOCK | 1));
}

TEST(inet_orders)
{
	alarm(60);
	if (unshare(CLONE_NEWNET))
		NEED(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	lo_up();
	ended_connections();
	bind_orders();
	sources();
	control();
	datagrams();
	states();
	options();
}
