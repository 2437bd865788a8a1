/* SPDX-License-Identifier: MIT */
/*
 * inet_corners: corner cases of Internet sockets: addresses that each kind may bind and connect to,
 * the state after a failed connection, unknown protocols, requests of a ping socket, wrong
 * checksums of a program.
 */
#include "inet.h"
#include "put.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

static const struct kind {
	const char *name;
	int family, type, protocol;
} kinds[] = {
	{ "udp", AF_INET, SOCK_DGRAM, 0 },
	{ "tcp", AF_INET, SOCK_STREAM, 0 },
	{ "raw", AF_INET, SOCK_RAW, IPPROTO_ICMP },
	{ "ping", AF_INET, SOCK_DGRAM, IPPROTO_ICMP },
	{ "udp6", AF_INET6, SOCK_DGRAM, 0 },
	{ "tcp6", AF_INET6, SOCK_STREAM, 0 },
	{ "raw6", AF_INET6, SOCK_RAW, IPPROTO_ICMPV6 },
	{ "ping6", AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6 },
};

static const char *const addresses[] = { "0.0.0.0", "127.0.0.1", "127.1.2.3", "127.255.255.255",
	"255.255.255.255", "224.0.0.1", "192.168.1.1", "::", "::1", "::ffff:127.0.0.1",
	"::ffff:1.2.3.4", "ff01::1", "ff02::1", "ff05::2", "fe80::1", "2001:db8::1" };

union any {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t parse(const char *text, union any *a)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, text, &a->in.sin_addr) == 1) {
		a->sa.sa_family = AF_INET;
		return sizeof(a->in);
	}
	NEED(inet_pton(AF_INET6, text, &a->in6.sin6_addr) == 1 ? 0 : -1);
	a->sa.sa_family = AF_INET6;
	return sizeof(a->in6);
}

static void name(int fd)
{
	char text[INET6_ADDRSTRLEN];
	union any a;
	socklen_t len = sizeof(a);

	NEED(getsockname(fd, &a.sa, &len));
	say("is %s", a.sa.sa_family == AF_INET ?
			     inet_ntop(AF_INET, &a.in.sin_addr, text, sizeof(text)) :
			     inet_ntop(AF_INET6, &a.in6.sin6_addr, text, sizeof(text)));
}

static void try(const struct kind *k, const char *text)
{
	union any a, none = { .sa.sa_family = AF_UNSPEC };
	socklen_t len = parse(text, &a);
	int fd = NEED(socket(k->family, k->type, k->protocol));

	say("%s %s", k->name, text);
	T(bind(fd, &a.sa, len));
	name(fd);
	close(fd);
	fd = NEED(socket(k->family, k->type, k->protocol));
	T(bind(fd, &a.sa, len - 1));
	close(fd);
	fd = NEED(socket(k->family, k->type, k->protocol));
	T(connect(fd, &a.sa, len));
	name(fd);
	T(send(fd, "abcdefghabcdefghabcdefgh", 24, MSG_NOSIGNAL | MSG_DONTWAIT));
	T(connect(fd, &none.sa, sizeof(none.sa)));
	name(fd);
	T(send(fd, "abcdefghabcdefghabcdefgh", 24, MSG_NOSIGNAL | MSG_DONTWAIT));
	if (len == sizeof(a.in)) /* the any-address of no family */
		T(bind(fd, &none.sa, sizeof(a.in)));
	close(fd);
}

static void protocols(void)
{
	static const int numbers[] = { -1, 0, 1, 255, 256, 262, 263 };

	for (size_t k = 0; k < sizeof(numbers) / sizeof(*numbers); k++) {
		say("protocol %d", numbers[k]);
		OK(socket(AF_INET, SOCK_RAW, numbers[k]));
		OK(socket(AF_INET6, SOCK_RAW, numbers[k]));
	}
}

/* An echo request with a wrong checksum gets no answer. A raw socket refuses MSG_OOB. */
static void sums(void)
{
	int fd = NEED(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	struct sockaddr_in to = at("127.0.0.1", 0);
	struct icmphdr h = { .type = ICMP_ECHO };
	char buf[100];

	h.checksum = htons(0xf7ff);
	T(sendto(fd, &h, sizeof(h), 0, SA(&to), sizeof(to)));
	T(recv(fd, buf, sizeof(buf), 0));
	T(recv(fd, buf, sizeof(buf), 0));
	h.checksum = 0;
	T(sendto(fd, &h, sizeof(h), 0, SA(&to), sizeof(to)));
	T(recv(fd, buf, sizeof(buf), 0));
	T(recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
	T(recv(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_OOB));
	close(fd);
}

static void requests(void)
{
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP)), one = 1, v = -1;
	struct sockaddr_in to = at("127.0.0.1", 0);
	struct icmphdr h = { .type = ICMP_ECHO };
	char buf[100], control[100];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct in_pktinfo info;
	socklen_t len = sizeof(v);

	T(send(fd, &h, sizeof(h) - 1, 0));
	T(send(fd, &h, sizeof(h), 0));
	T(send(fd, BAD, sizeof(h), 0));
	h.code = 1;
	T(send(fd, &h, sizeof(h), 0));
	h.code = 0;
	T(setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)));
	T(sendto(fd, &h, sizeof(h), 0, SA(&to), sizeof(to)));
	T(recvmsg(fd, &m, 0));
	memcpy(&info, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(info));
	say("at %#x for %#x", ntohl(info.ipi_spec_dst.s_addr), ntohl(info.ipi_addr.s_addr));
	T(recv(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_OOB));
	close(fd);
	fd = NEED(socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6));
	T(getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v, &len));
	say("IPv6 only: %d", v);
	close(fd);
}

/* An attempt that has failed leaves no name. */
static void failed(int flags)
{
	int fd = NEED(socket(AF_INET, SOCK_STREAM | flags, 0));
	struct sockaddr_in to = at("127.0.0.1", 1), any = at("127.0.0.2", 4321);
	struct pollfd p = { fd, POLLOUT, 0 };

	T(connect(fd, SA(&to), sizeof(to)));
	if (flags) {
		NEED(poll(&p, 1, -1));
		name(fd);
		T(connect(fd, SA(&to), sizeof(to)));
	}
	name(fd);
	T(bind(fd, SA(&any), sizeof(any)));
	name(fd);
	T(connect(fd, SA(&to), sizeof(to)));
	if (flags) {
		NEED(poll(&p, 1, -1));
		T(connect(fd, SA(&to), sizeof(to)));
	}
	name(fd);
	T(port_of(fd));
	close(fd);
}

/* Sets a missing device for multicast, which changes nothing: packets go where they went. */
static void group_device(void)
{
	int fd = bound(SOCK_DGRAM, "0.0.0.0"), from = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	struct sockaddr_in to = at("224.0.2.1", port_of(fd));
	struct ip_mreqn r = { { to.sin_addr.s_addr }, { 0 }, 1 };
	char c;

	T(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &r, sizeof(r)));
	T(setsockopt(from, IPPROTO_IP, IP_MULTICAST_IF, &r, sizeof(r)));
	r.imr_ifindex = 77;
	T(setsockopt(from, IPPROTO_IP, IP_MULTICAST_IF, &r, sizeof(r)));
	T(sendto(from, "x", 1, 0, SA(&to), sizeof(to)));
	T(recv(fd, &c, 1, MSG_DONTWAIT));
	close(fd);
	close(from);
}

static void options(void)
{
	static const int clamps[] = { -2, 1, 1151, 1152, 5000, 0 };
	int fd = NEED(socket(AF_INET, SOCK_STREAM, 0));

	T(number(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP));
	for (size_t k = 0; k < sizeof(clamps) / sizeof(*clamps); k++) {
		T(set(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, clamps[k]));
		T(number(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP));
	}
	close(fd);
	fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0));
	T(set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, 1));
	T(set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, 77));
	T(number(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF));
	T(set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, 0));
	T(number(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF));
	close(fd);
}

/* A ping socket's peer may have a port, which means nothing. */
static void echo_with_port(void)
{
	struct sockaddr_in to = at("127.0.0.1", 7), name;
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
	socklen_t n = sizeof(name);
	char b[64] = { 8 };

	T(connect(fd, SA(&to), sizeof(to)));
	T(send(fd, b, 8, 0));
	lo_settled();
	T(recv(fd, b, sizeof(b), MSG_DONTWAIT));
	T(getpeername(fd, SA(&name), &n));
	say("port %d", ntohs(name.sin_port));
	close(fd);
}

/* A namespace that never had an address of IPv4: any may be bound to. */
static void before_addresses(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW };
	struct sockaddr_in a = at("192.0.2.1", 0);

	for (size_t k = 0; k < sizeof(types) / sizeof(*types); k++) {
		int fd = NEED(socket(AF_INET, types[k], types[k] == SOCK_RAW ? IPPROTO_UDP : 0));

		T(bind(fd, SA(&a), sizeof(a)));
		close(fd);
	}
}

TEST(inet_corners)
{
	NEED(unshare(CLONE_NEWNET));
	before_addresses();
	lo_up();
	before_addresses(); /* that it is over */
	put("/proc/sys/net/ipv4/ping_group_range", "0 1000");
	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
		for (size_t a = 0; a < sizeof(addresses) / sizeof(*addresses); a++)
			if (kinds[k].family == AF_INET6 || !strchr(addresses[a], ':'))
				try(&kinds[k], addresses[a]);
	protocols();
	sums();
	requests();
	options();
	group_device();
	echo_with_port();
	failed(0);
	failed(SOCK_NONBLOCK);
}
