/* SPDX-License-Identifier: MIT */
/*
 * inet_opts: options of AF_INET sockets: defaults, limits and errors; kinds of sockets that can be
 * made. ip(7), tcp(7), socket(7).
 */
#include "inet.h"
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>

static const struct {
	const char *name;
	int level, opt, low, high;
} opts[] = {
	{ "TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 0, 1 },
	{ "TCP_MAXSEG", IPPROTO_TCP, TCP_MAXSEG, 88, 32767 },
	{ "TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, 1, 32767 },
	{ "TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, 1, 32767 },
	{ "TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, 1, 127 },
	{ "TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT, 1, 127 },
	{ "TCP_LINGER2", IPPROTO_TCP, TCP_LINGER2, 0, 60 },
	{ "TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 100000 },
	{ "TCP_QUICKACK", IPPROTO_TCP, TCP_QUICKACK, 0, 1 },
	{ "IP_TTL", IPPROTO_IP, IP_TTL, 1, 255 },
	{ "IP_TOS", IPPROTO_IP, IP_TOS, 0, 252 },
	{ "IP_MULTICAST_TTL", IPPROTO_IP, IP_MULTICAST_TTL, 0, 255 },
	{ "IP_MULTICAST_LOOP", IPPROTO_IP, IP_MULTICAST_LOOP, 0, 1 },
	{ "IP_PKTINFO", IPPROTO_IP, IP_PKTINFO, 0, 1 },
	{ "IP_RECVTTL", IPPROTO_IP, IP_RECVTTL, 0, 1 },
	{ "IP_RECVERR", IPPROTO_IP, IP_RECVERR, 0, 1 },
	{ "IP_MTU_DISCOVER", IPPROTO_IP, IP_MTU_DISCOVER, 0, 5 },
	{ "IP_FREEBIND", IPPROTO_IP, IP_FREEBIND, 0, 1 },
	{ "SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 0, 1 },
	{ "SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, 0, 1 },
	{ "SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, 0, 1 },
	{ "SO_BROADCAST", SOL_SOCKET, SO_BROADCAST, 0, 1 },
	{ "SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, 0, 1 },
};

static void each(int type)
{
	for (size_t i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
		int fd = socket(AF_INET, type, 0), level = opts[i].level, opt = opts[i].opt, low,
		    high, over;

		if (level == IPPROTO_TCP && type != SOCK_STREAM)
			continue;
		say("%s first %d", opts[i].name, number(fd, level, opt));
		low = set(fd, level, opt, opts[i].low);
		say(" low %d is %d", low, number(fd, level, opt));
		high = set(fd, level, opt, opts[i].high);
		say(" high %d is %d", high, number(fd, level, opt));
		over = opt == IP_TTL ? set(fd, level, opt, 256) : 0;
		say(" over %d\n", over);
		close(fd);
	}
}

static void errors(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), v = 1;
	socklen_t n = sizeof(v);
	char name[32] = "none-such";

	T(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &v, 1));
	T(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, BAD, 4));
	T(setsockopt(fd, IPPROTO_TCP, 9999, &v, 4));
	T(setsockopt(fd, IPPROTO_IP, 9999, &v, 4));
	T(setsockopt(fd, 9999, 1, &v, 4));
	T(setsockopt(fd, IPPROTO_UDP, UDP_CORK, &v, 4));
	T(getsockopt(fd, IPPROTO_TCP, 9999, &v, &n));
	T(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &v, BAD));
	T(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, BAD, &n));
	n = 2;
	T(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &v, &n));
	T(n);
	n = (socklen_t)-1;
	T(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &v, &n));
	T(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, 9));
	T(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	n = sizeof(name);
	T(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &n));
	say("%s %u\n", name, n);
	T(set(fd, IPPROTO_IP, IP_HDRINCL, 1));
	T(set(fd, IPPROTO_IP, IP_MULTICAST_TTL, 1));
	T(number(fd, IPPROTO_IP, IP_MTU));
	T(number(fd, IPPROTO_IPV6, IPV6_V6ONLY));
	close(fd);
}

static void kinds(void)
{
	T(socket(AF_INET, SOCK_SEQPACKET, 0));
	T(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
	T(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP));
	T(socket(AF_INET, SOCK_STREAM, 300));
	T(socket(AF_INET, SOCK_STREAM, -1));
	T(socket(AF_INET, SOCK_RDM, 0));
	T(socket(AF_INET, SOCK_RAW, 0));
	OK(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
	OK(socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP));
	T(socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){ 0, 0 }));
}

static void connected(void)
{
	struct tcp_info info;
	socklen_t n = sizeof(info);
	int p[2];

	tcp_pair(p);
	T(number(p[0], IPPROTO_IP, IP_MTU));
	T(number(p[0], IPPROTO_TCP, TCP_MAXSEG) > 20000);
	T(getsockopt(p[0], IPPROTO_TCP, TCP_INFO, &info, &n));
	T(info.tcpi_state);
	T(info.tcpi_options & 7);
	n = 1;
	T(getsockopt(p[0], IPPROTO_TCP, TCP_INFO, &info, &n));
	T(n);
	close(p[0]);
	close(p[1]);
}

/* True if an IPv6 socket accepts an IPv4 connection, or if there is no IPv6. */
static bool dual(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any };
	int s = socket(AF_INET6, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), k;
	socklen_t n = sizeof(a);
	bool ok = true;

	set(s, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (s < 0 || bind(s, SA(&a), sizeof(a)))
		return true;
	listen(s, 1);
	getsockname(s, SA(&a), &n);
	ok &= n == sizeof(a) && a.sin6_family == AF_INET6;
	ok &= !reach(c, ntohs(a.sin6_port));
	k = accept(s, SA(&a), &n);
	ok &= k >= 0 && IN6_IS_ADDR_V4MAPPED(&a.sin6_addr);
	close(k);
	close(c);
	close(s);
	return ok;
}

/* Sends a datagram with one ancillary record of @level. */
static ssize_t send_beside(int fd, int level, int type, const void *data, unsigned n)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	struct sockaddr_in b = at("127.0.0.1", 9);
	char control[CMSG_SPACE(16)] = { 0 };
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_name = level == SOL_IP ? (void *)&b : &a,
		.msg_namelen = level == SOL_IP ? sizeof(b) : sizeof(a),
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(n) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	a.sin6_addr = in6addr_loopback;
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), data, n);
	return sendmsg(fd, &m, 0);
}

/* Capabilities in the caller's user namespace do not count for a socket of another namespace. */
static void from_elsewhere(void)
{
	static const unsigned char unknown[] = { 0x99, 4, 0, 0 };
	static const unsigned char pads[] = { 0, 0, 1, 4, 0, 0, 0, 0 };
	int four = NEED(socket(AF_INET, SOCK_DGRAM, 0)),
	    six = NEED(socket(AF_INET6, SOCK_DGRAM, 0));

	CHILD({
		NEED(unshare(CLONE_NEWUSER | CLONE_NEWNET));
		T(send_beside(four, SOL_IP, IP_RETOPTS, unknown, 4));
		T(send_beside(six, SOL_IPV6, IPV6_HOPOPTS, pads, 8));
	});
	close(four);
	close(six);
}

TEST(inet_opts)
{
	lo_up();
	each(SOCK_STREAM);
	each(SOCK_DGRAM);
	errors();
	kinds();
	connected();
	T(dual());
	from_elsewhere();
}
