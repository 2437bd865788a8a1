/* SPDX-License-Identifier: MIT */
/*
 * inet_udp: UDP over loopback: names, whole and truncated datagrams, connected sockets, errors from
 * the peer, buffer limits. udp(7), ip(7).
 */
#include "inet.h"

static char buf[70000];

static void names(void)
{
	struct sockaddr_in a = at("127.0.0.1", 0), b;
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	socklen_t n = sizeof(b);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), other;

	T(getsockname(fd, SA(&b), &n));
	say("family %d port %d addr %s\n", b.sin_family, b.sin_port, inet_ntoa(b.sin_addr));
	T(getpeername(fd, SA(&b), &n));
	T(bind(fd, SA(&a), 3));
	T(bind(fd, SA(&six), sizeof(six)));
	a.sin_addr.s_addr = inet_addr("8.8.8.8");
	T(bind(fd, SA(&a), sizeof(a)));
	a = at("127.0.0.9", 0);
	T(bind(fd, SA(&a), sizeof(a)));
	T(bind(fd, SA(&a), sizeof(a)));
	T(port_of(fd) > 1024);
	a.sin_port = htons((uint16_t)port_of(fd));
	other = socket(AF_INET, SOCK_DGRAM, 0);
	T(bind(other, SA(&a), sizeof(a)));
	a.sin_addr.s_addr = htonl(INADDR_ANY);
	T(bind(other, SA(&a), sizeof(a)));
	a = at("127.0.0.10", port_of(fd));
	T(bind(other, SA(&a), sizeof(a)));
	close(other);
	other = socket(AF_INET, SOCK_DGRAM, 0);
	T(set(other, SOL_SOCKET, SO_REUSEADDR, 1));
	a = at("127.0.0.9", port_of(fd));
	T(bind(other, SA(&a), sizeof(a)));
	T(set(fd, SOL_SOCKET, SO_REUSEADDR, 1));
	T(bind(other, SA(&a), sizeof(a)));
	T(listen(fd, 1));
	T(accept(fd, NULL, NULL));
	close(other);
	close(fd);
}

static void datagrams(void)
{
	int a = bound(SOCK_DGRAM, "127.0.0.1"), b = socket(AF_INET, SOCK_DGRAM, 0), n = -1;
	struct sockaddr_in to = at("127.0.0.1", port_of(a)), from;
	socklen_t len = sizeof(from);

	T(sendto(b, "x", 1, 0, NULL, 0));
	T(sendto(b, "x", 1, 0, SA(&to), 5));
	T(sendto(b, "hello", 5, 0, SA(&to), sizeof(to)));
	T(port_of(b) > 1024);
	T(events(a));
	T(ioctl(a, FIONREAD, &n));
	T(n);
	T(recvfrom(a, buf, 2, MSG_PEEK, SA(&from), &len));
	say("from %s len %u same port %d\n", inet_ntoa(from.sin_addr), len,
		ntohs(from.sin_port) == port_of(b));
	T(recv(a, buf, 2, MSG_PEEK | MSG_TRUNC));
	T(recv(a, buf, 2, 0));
	T(recv(a, buf, 2, MSG_DONTWAIT));
	T(sendto(b, "", 0, 0, SA(&to), sizeof(to)));
	T(recv(a, buf, sizeof(buf), 0));
	T(sendto(b, buf, 65507, 0, SA(&to), sizeof(to)));
	T(recv(a, buf, sizeof(buf), 0));
	T(sendto(b, buf, 65508, 0, SA(&to), sizeof(to)));
	T(sendto(b, buf, sizeof(buf), 0, SA(&to), sizeof(to)));
	to.sin_port = 0;
	T(sendto(b, buf, 1, 0, SA(&to), sizeof(to)));
	to = at("255.255.255.255", 9);
	T(sendto(b, buf, 1, 0, SA(&to), sizeof(to)));
	T(send(b, "x", 1, MSG_OOB));
	T(recv(a, buf, 1, MSG_ERRQUEUE));
	close(a);
	close(b);
}

static void connected(void)
{
	int a = bound(SOCK_DGRAM, "127.0.0.1"), b = bound(SOCK_DGRAM, "127.0.0.1"),
	    c = bound(SOCK_DGRAM, "127.0.0.1");
	struct sockaddr_in to = at("127.0.0.1", port_of(b)), none = { .sin_family = AF_UNSPEC };
	struct sockaddr_in peer;
	socklen_t n = sizeof(peer);

	T(reach(a, 0)); /* a peer without a port is one */
	T(send(a, "nobody", 6, 0) == -1 && errno != ECONNREFUSED ? -1 : 0);
	T(getpeername(a, SA(&peer), &n));
	number(a, SOL_SOCKET, SO_ERROR);
	T(reach(a, port_of(b)));
	T(getpeername(a, SA(&peer), &n));
	T(ntohs(peer.sin_port) == port_of(b));
	T(send(a, "one", 3, 0));
	T(recv(b, buf, 9, 0));
	T(reach(b, port_of(c)));
	T(send(a, "two", 3, 0)); /* b listens to c only: refused */
	T(await(a, POLLERR));
	T(number(a, SOL_SOCKET, SO_ERROR));
	T(recv(b, buf, 9, MSG_DONTWAIT));
	to = at("127.0.0.1", port_of(b));
	T(sendto(c, "three", 5, 0, SA(&to), sizeof(to)));
	T(recv(b, buf, 9, 0));
	T(connect(b, SA(&none), sizeof(none)));
	T(getpeername(b, SA(&peer), &n));
	T(send(b, "x", 1, 0));
	close(b);
	T(send(a, "x", 1, 0));
	T(await(a, POLLERR));
	T(recv(a, buf, 1, 0));
	T(recv(a, buf, 1, MSG_DONTWAIT));
	T(shutdown(a, SHUT_RD));
	T(recv(a, buf, 1, 0));
	T(events(a));
	T(shutdown(a, SHUT_WR));
	T(send(a, "x", 1, MSG_NOSIGNAL));
	T(events(a));
	T(shutdown(bound(SOCK_DGRAM, "127.0.0.1"), SHUT_WR));
	close(a);
	close(c);
}

/* A receiver that does not read loses what does not fit, and gets no error. */
static void full(void)
{
	int a = bound(SOCK_DGRAM, "127.0.0.1"), b = socket(AF_INET, SOCK_DGRAM, 0), sent = 0,
	    got = 0;

	T(set(a, SOL_SOCKET, SO_RCVBUF, 20000));
	T(number(a, SOL_SOCKET, SO_RCVBUF));
	reach(b, port_of(a));
	for (int i = 0; i < 100; i++)
		sent += send(b, buf, 1000, MSG_DONTWAIT) == 1000;
	T(sent);
	while (recv(a, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		got++;
	say("%s\n", got > 5 && got < 50 ? "some got lost" :
		    got == 100          ? "none was lost" :
					  "too many were lost");
	close(a);
	close(b);
}

static void corked(void)
{
	int a = bound(SOCK_DGRAM, "127.0.0.1"), b = socket(AF_INET, SOCK_DGRAM, 0);
	struct iovec v[2] = { { (char *)"ab", 2 }, { (char *)"cde", 3 } };

	reach(b, port_of(a));
	T(send(b, "one ", 4, MSG_MORE));
	T(recv(a, buf, 9, MSG_DONTWAIT));
	T(send(b, "two", 3, 0));
	T(recv(a, buf, 20, 0));
	say("%.7s\n", buf);
	T(writev(b, v, 2));
	T(recv(a, buf, 20, 0));
	say("%.5s\n", buf);
	close(a);
	close(b);
}

/* Sends two parts with MSG_MORE and without, over loopback; prints how long the datagram is. */
static void long_cork(int family, size_t first, size_t second)
{
	static char text[65536], got[65536];
	struct sockaddr_storage a = { .ss_family = (sa_family_t)family };
	socklen_t len = sizeof(a);
	int s = NEED(socket(family, SOCK_DGRAM, 0)), c = NEED(socket(family, SOCK_DGRAM, 0));

	if (family == AF_INET)
		((struct sockaddr_in *)&a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		((struct sockaddr_in6 *)&a)->sin6_addr = in6addr_loopback;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7 / 5);
	T(setsockopt(c, SOL_SOCKET, SO_SNDBUF, &(int){ 1 << 19 }, sizeof(int)));
	NEED(bind(s, SA(&a), len));
	NEED(getsockname(s, SA(&a), &len));
	NEED(connect(c, SA(&a), len));
	T(send(c, text, first, MSG_MORE));
	T(send(c, text + first, second, 0));
	T(recv(s, got, sizeof(got), MSG_DONTWAIT));
	say("family %d, %d + %d: %d\n", family, (int)first, (int)second,
		!memcmp(text, got, first + second));
	close(s);
	close(c);
}

static void info(void)
{
	int a = bound(SOCK_DGRAM, "0.0.0.0"), b = socket(AF_INET, SOCK_DGRAM, 0);
	char ctl[256];
	struct iovec v = { buf, 100 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl)
	};
	struct sockaddr_in to = at("127.0.0.7", port_of(a));

	T(set(a, IPPROTO_IP, IP_PKTINFO, 1));
	T(set(a, IPPROTO_IP, IP_RECVTTL, 1));
	T(set(a, IPPROTO_IP, IP_RECVTOS, 1));
	T(set(a, IPPROTO_IP, IP_RECVORIGDSTADDR, 1));
	T(set(b, IPPROTO_IP, IP_TTL, 33));
	T(set(b, IPPROTO_IP, IP_TOS, 0x10));
	T(sendto(b, "x", 1, 0, SA(&to), sizeof(to)));
	T(recvmsg(a, &m, 0));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == IP_PKTINFO)
			say("pktinfo %s\n",
				inet_ntoa(((struct in_pktinfo *)CMSG_DATA(c))->ipi_addr));
		else if (c->cmsg_type == IP_TTL)
			say("ttl %d\n", *(int *)CMSG_DATA(c));
		else if (c->cmsg_type == IP_ORIGDSTADDR)
			say("sent to %s, len %d\n",
				memcmp(CMSG_DATA(c), &to, sizeof(to)) ? "another" : "that address",
				(int)c->cmsg_len);
		else
			say("type %d: %d\n", c->cmsg_type, *CMSG_DATA(c));
	}
	close(a);
	close(b);
}

TEST(inet_udp)
{
	lo_up();
	names();
	datagrams();
	connected();
	full();
	corked();
	for (int i = 0; i < 2; i++) {
		long_cork(i ? AF_INET6 : AF_INET, 60000, 5507);
		long_cork(i ? AF_INET6 : AF_INET, 60000, 5508);
		long_cork(i ? AF_INET6 : AF_INET, 1, 65526);
		long_cork(i ? AF_INET6 : AF_INET, 333, 65195);
	}
	info();
}
