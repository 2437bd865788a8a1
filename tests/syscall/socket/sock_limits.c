/* SPDX-License-Identifier: MIT */
/*
 * sock_limits: options that restrict a socket's packets: ports within a range
 * (IP_LOCAL_PORT_RANGE), an address without a port (IP_BIND_ADDRESS_NO_PORT), the least TTL, a
 * saved SYN, a mark for one message, sticky sources, datagrams without a checksum.
 */
#include "netns.h"
#include <netinet/udp.h>

#define PORT_RANGE 51

static void ranges(int type)
{
	int fds[5], in = 0;
	struct sockaddr_in a = at("127.0.0.1", 0);

	for (int k = 0; k < 5; k++) {
		int port;

		fds[k] = NEED(socket(AF_INET, type, 0));
		if (set(fds[k], SOL_IP, PORT_RANGE, 40003 << 16 | 40000))
			continue; /* a kernel before 6.3 */
		if (k == 4) {
			TN("fifth", bind(fds[k], SA(&a), sizeof(a)));
			continue;
		}
		NEED(bind(fds[k], SA(&a), sizeof(a)));
		port = port_of(fds[k]);
		in += port >= 40000 && port <= 40003;
	}
	T(in);
	for (int k = 0; k < 5; k++)
		close(fds[k]);
}

static void no_port(int type)
{
	struct sockaddr_in a = at("127.0.0.3", 0), to = at("127.0.0.1", 0);
	int l = listener(1), fd = NEED(socket(AF_INET, type, 0));
	socklen_t n = sizeof(a);

	to.sin_port = htons((uint16_t)port_of(l));
	T(set(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1));
	T(number(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT));
	T(bind(fd, SA(&a), sizeof(a)));
	T(port_of(fd));
	T(connect(fd, SA(&to), sizeof(to)));
	T(getsockname(fd, SA(&a), &n));
	IS(a.sin_port != 0);
	say("from %s", inet_ntoa(a.sin_addr));
	close(fd);
	close(l);
}

static void least_ttl(void)
{
	int l = listener(1), fd = NEED(socket(AF_INET, SOCK_STREAM, 0)), c;

	T(set(l, SOL_IP, IP_MINTTL, 255));
	T(number(l, SOL_IP, IP_MINTTL));
	T(set(fd, SOL_IP, IP_TTL, 255));
	T(reach(fd, port_of(l)));
	c = NEED(accept(l, NULL, NULL));
	T(number(c, SOL_IP, IP_MINTTL));
	T(set(fd, SOL_IP, IP_TTL, 254));
	T(send(fd, "x", 1, 0));
	T(set(c, SOL_SOCKET, SO_RCVLOWAT, 1));
	{
		struct pollfd p = { c, POLLIN, 0 };

		T(poll(&p, 1, 300)); /* it is not heard */
		T(set(fd, SOL_IP, IP_TTL, 255));
		T(poll(&p, 1, 100000)); /* sent again, it is */
	}
	close(c);
	close(fd);
	close(l);
}

static void kept_syn(void)
{
	int l = listener(1), fd = NEED(socket(AF_INET, SOCK_STREAM, 0)), c;
	unsigned char syn[120];
	socklen_t n = sizeof(syn);

	T(getsockopt(l, SOL_TCP, TCP_SAVED_SYN, syn, &n));
	T(n);
	T(set(l, SOL_TCP, TCP_SAVE_SYN, 1));
	T(number(l, SOL_TCP, TCP_SAVE_SYN));
	T(reach(fd, port_of(l)));
	c = NEED(accept(l, NULL, NULL));
	n = 10;
	T(getsockopt(c, SOL_TCP, TCP_SAVED_SYN, syn, &n));
	n = sizeof(syn);
	T(getsockopt(c, SOL_TCP, TCP_SAVED_SYN, syn, &n));
	IS(n >= 40 && syn[0] == 0x45 && syn[9] == 6);
	IS(n == 20U + (syn[32] >> 4) * 4U && syn[33] == 2);
	IS(syn[20] << 8 == (port_of(fd) & 0xff00));
	n = sizeof(syn);
	T(getsockopt(c, SOL_TCP, TCP_SAVED_SYN, syn, &n));
	T(n);
	close(c);
	close(fd);
	close(l);
}

static void one_mark(void)
{
	char control[CMSG_SPACE(4)] = { 0 }, buf[8], got[64];
	int in = bound(SOCK_DGRAM, "127.0.0.1"), out = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	struct sockaddr_in a = at("127.0.0.1", port_of(in));
	struct iovec v = { buf, 3 };
	struct msghdr m = { .msg_name = &a,
		.msg_namelen = sizeof(a),
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct msghdr r = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = got, .msg_controllen = sizeof(got)
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SO_MARK;
	c->cmsg_len = CMSG_LEN(4);
	memcpy(CMSG_DATA(c), &(int){ 77 }, 4);
	T(set(in, SOL_SOCKET, SO_RCVMARK, 1));
	T(set(out, SOL_SOCKET, SO_MARK, 5));
	T(sendmsg(out, &m, 0));
	T(recvmsg(in, &r, 0));
	T(*(int *)CMSG_DATA(CMSG_FIRSTHDR(&r)));
	T(sendto(out, "x", 1, 0, SA(&a), sizeof(a)));
	r.msg_controllen = sizeof(got);
	T(recvmsg(in, &r, 0));
	T(*(int *)CMSG_DATA(CMSG_FIRSTHDR(&r)));
	close(in);
	close(out);
}

static void sticky(void)
{
	struct in6_pktinfo p = { .ipi6_ifindex = 1 };
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT },
			    from;
	int in = NEED(socket(AF_INET6, SOCK_DGRAM, 0)), out = NEED(socket(AF_INET6, SOCK_DGRAM, 0));
	socklen_t n = sizeof(a);
	char text[64], c;

	NEED(bind(in, SA(&a), sizeof(a)));
	NEED(getsockname(in, SA(&a), &n));
	T(setsockopt(out, SOL_IPV6, IPV6_PKTINFO, &p, sizeof(p)));
	T(sendto(out, "x", 1, 0, SA(&a), sizeof(a)));
	n = sizeof(from);
	T(recvfrom(in, &c, 1, 0, SA(&from), &n));
	say("from %s", inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof(text)));
	p.ipi6_ifindex = if_nametoindex("va0");
	T(setsockopt(out, SOL_IPV6, IPV6_PKTINFO, &p, sizeof(p)));
	inet_pton(AF_INET6, "2001:db8::1", &a.sin6_addr);
	T(sendto(out, "x", 1, 0, SA(&a), sizeof(a)));
	close(in);
	close(out);
}

/* Prints the sizes of buffers for small values, and for negative ones, which mean the largest. */
static void buffers(int opt)
{
	static const int asked[] = { 0, 1, 1152, 1153, 2304, 2305, 5000, -1, -8192 };
	int fd = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));

	for (size_t k = 0; k < sizeof(asked) / sizeof(*asked); k++) {
		int n = 0;
		socklen_t len = sizeof(n);

		T(set(fd, SOL_SOCKET, opt, asked[k]));
		NEED(getsockopt(fd, SOL_SOCKET, opt, &n, &len));
		say("%d: %d", asked[k], n > 100000 ? -1 : n);
	}
	close(fd);
}

static void lo_mtu(int mtu)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_mtu = mtu };
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));

	NEED(ioctl(fd, SIOCSIFMTU, &r));
	close(fd);
}

/* Prints the reported size of the largest fragment. */
static void fragments(int family)
{
	static char big[5000];
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in a4 = at("127.0.0.1", 0);
	struct sockaddr *a = family == AF_INET ? SA(&a4) : SA(&a6);
	socklen_t n = family == AF_INET ? sizeof(a4) : sizeof(a6);
	int in = NEED(socket(family, SOCK_DGRAM, 0)), out = NEED(socket(family, SOCK_DGRAM, 0));
	int level = family == AF_INET ? SOL_IP : SOL_IPV6,
	    opt = family == AF_INET ? IP_RECVFRAGSIZE : IPV6_RECVFRAGSIZE;
	char control[64];
	struct iovec v = { big, sizeof(big) };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = 64
	};
	struct cmsghdr *c;

	NEED(bind(in, a, n));
	NEED(getsockname(in, a, &n));
	T(set(in, level, opt, 1));
	T(family == AF_INET ? 0 : set(out, SOL_IPV6, IPV6_MTU, 1320));
	T(sendto(out, big, sizeof(big), 0, a, n));
	T(recvmsg(in, &m, 0));
	c = CMSG_FIRSTHDR(&m);
	say("  %d", c ? *(int *)CMSG_DATA(c) : -1);
	close(in);
	close(out);
}

/* A datagram that is larger than the buffer has room in an empty one. */
static void too_small(int type, int protocol)
{
	struct sockaddr_in a = at("127.0.0.1", 0);
	socklen_t n = sizeof(a);
	static char big[48000];
	int in = NEED(socket(AF_INET, type, protocol)), out = NEED(socket(AF_INET, type, protocol));

	T(set(in, SOL_SOCKET, SO_RCVBUF, 1));
	NEED(bind(in, SA(&a), n));
	NEED(getsockname(in, SA(&a), &n));
	for (size_t size = 3000; size <= 48000; size *= 4) {
		int got = 0;

		for (int k = 0; k < 3; k++)
			NEED(sendto(out, big, size, 0, SA(&a), n));
		lo_settled();
		while (recv(in, big, sizeof(big), MSG_DONTWAIT) > 0)
			got++;
		say("of three with %d: %d", (int)size, got);
	}
	close(in);
	close(out);
}

TEST(sock_limits)
{
	own_net();
	ranges(SOCK_STREAM);
	ranges(SOCK_DGRAM);
	no_port(SOCK_STREAM);
	no_port(SOCK_DGRAM);
	least_ttl();
	kept_syn();
	one_mark();
	sticky();
	buffers(SO_SNDBUF);
	buffers(SO_RCVBUF);
	too_small(SOCK_DGRAM, 0);
	too_small(SOCK_RAW, 200);
	lo_mtu(1500);
	fragments(AF_INET);
	fragments(AF_INET6);
}
