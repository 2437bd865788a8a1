/* SPDX-License-Identifier: MIT */
/*
 * inet6_opts: options of IPv6 and of both families that choose a route or report on a packet: old
 * and new ancillary data, IPV6_DONTFRAG, the device, checksums.
 */
#include "netns.h"
#define OLD_PKTINFO 2
#define OLD_HOPLIMIT 8
#define RAW_LEVEL 255

static int put_number(int fd, int level, int opt, int v)
{
	return setsockopt(fd, level, opt, &v, sizeof(v));
}

static void get(int fd, int level, int opt)
{
	int v = 77;
	socklen_t n = sizeof(v);
	int r = getsockopt(fd, level, opt, &v, &n);

	say("get %d %d: %d %d %s", level, opt, r, r ? 0 : v, r ? t_errno(errno) : "");
}

static void ancillary(int fd)
{
	char buf[16], control[256];
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };

	NEED(recvmsg(fd, &m, 0));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		const unsigned char *p = CMSG_DATA(c);

		say("  %d %d len %d:", c->cmsg_level, c->cmsg_type, (int)c->cmsg_len);
		say("  %02x %02x .. %02x", p[0], p[1], p[c->cmsg_len - CMSG_LEN(0) - 1]);
	}
}

static void old_data(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t n = sizeof(a);
	int fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0)), out = NEED(socket(AF_INET6, SOCK_DGRAM, 0));

	NEED(bind(fd, SA(&a), sizeof(a)));
	NEED(getsockname(fd, SA(&a), &n));
	T(put_number(fd, SOL_IPV6, OLD_HOPLIMIT, 1));
	get(fd, SOL_IPV6, OLD_HOPLIMIT);
	NEED(sendto(out, "x", 1, 0, SA(&a), sizeof(a)));
	ancillary(fd);
	T(put_number(fd, SOL_IPV6, OLD_PKTINFO, 1));
	T(put_number(fd, SOL_IPV6, IPV6_RECVHOPLIMIT, 1));
	NEED(sendto(out, "x", 1, 0, SA(&a), sizeof(a)));
	ancillary(fd);
	close(fd);
	close(out);
}

static void uncut(void)
{
	static char big[8000];
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	int fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0));

	inet_pton(AF_INET6, "fd09::7", &a.sin6_addr);
	T(sendto(fd, big, sizeof(big), 0, SA(&a), sizeof(a)));
	get(fd, SOL_IPV6, IPV6_DONTFRAG);
	T(put_number(fd, SOL_IPV6, IPV6_DONTFRAG, 1));
	get(fd, SOL_IPV6, IPV6_DONTFRAG);
	T(sendto(fd, big, sizeof(big), 0, SA(&a), sizeof(a)));
	T(sendto(fd, big, 1400, 0, SA(&a), sizeof(a)));
	T(setsockopt(fd, SOL_IPV6, IPV6_DONTFRAG, big, 1));
	get(fd, SOL_IPV6, IPV6_DONTFRAG);
	close(fd);
}

static void device(int family)
{
	int level = family == AF_INET ? SOL_IP : SOL_IPV6,
	    opt = family == AF_INET ? IP_UNICAST_IF : IPV6_UNICAST_IF;
	int fd = NEED(socket(family, SOCK_DGRAM, 0)), va0 = (int)if_nametoindex("va0");
	struct sockaddr_in to = at("192.0.2.1", 9);
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };

	inet_pton(AF_INET6, "2001:db8::1", &to6.sin6_addr);
	get(fd, level, opt);
	T(put_number(fd, level, opt, va0));
	T(put_number(fd, level, opt, (int)htonl(99)));
	T(setsockopt(fd, level, opt, "\0\0\0\2xxxx", 8));
	T(sendto(fd, "x", 1, 0, family == AF_INET ? SA(&to) : SA(&to6),
		family == AF_INET ? sizeof(to) : sizeof(to6)));
	T(put_number(fd, level, opt, (int)htonl((uint32_t)va0)));
	get(fd, level, opt);
	T(put_number(fd, level, opt, 0));
	get(fd, level, opt);
	close(fd);
}

static void checksums(void)
{
	int fd = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6),
	    other = socket(AF_INET6, SOCK_RAW, 200);
	struct sockaddr_in6 self = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	unsigned char p[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	get(fd, RAW_LEVEL, IPV6_CHECKSUM);
	T(put_number(fd, RAW_LEVEL, IPV6_CHECKSUM, 2));
	T(put_number(fd, SOL_IPV6, IPV6_CHECKSUM, 2));
	get(other, SOL_IPV6, IPV6_CHECKSUM);
	T(put_number(other, SOL_IPV6, IPV6_CHECKSUM, 3));
	T(put_number(other, SOL_IPV6, IPV6_CHECKSUM, 4));
	get(other, SOL_IPV6, IPV6_CHECKSUM);
	T(sendto(other, p, sizeof(p), 0, SA(&self), sizeof(self)));
	memset(p, 0, sizeof(p));
	T(recv(other, p, sizeof(p), 0));
	say("%02x%02x%02x%02x %02x%02x%02x%02x", p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]);
	T(sendto(other, p, 5, 0, SA(&self), sizeof(self)));
	T(setsockopt(other, SOL_IPV6, IPV6_CHECKSUM, p, 3));
	T(put_number(other, SOL_IPV6, IPV6_CHECKSUM, -1));
	get(other, SOL_IPV6, IPV6_CHECKSUM);
	close(fd);
	close(other);
}

/* Tests values of length zero, and levels that are not the socket's. */
static void nothing(void)
{
	static const int opts[] = { IP_TOS, IP_TTL, IP_PKTINFO, IP_MTU_DISCOVER, IP_RECVERR,
		IP_RECVTTL, IP_RECVTOS, IP_MULTICAST_TTL, IP_MULTICAST_LOOP, IP_FREEBIND };
	int udp = NEED(socket(AF_INET, SOCK_DGRAM, 0)), tcp = NEED(socket(AF_INET, SOCK_STREAM, 0)),
	    v = 0;

	for (unsigned k = 0; k < sizeof(opts) / sizeof(opts[0]); k++)
		T(setsockopt(udp, SOL_IP, opts[k], &v, 0));
	get(udp, SOL_TCP, 5);
	get(udp, 58, 1);
	get(udp, 17, 5);
	get(tcp, 17, 1);
	get(tcp, 255, 1);
	T(setsockopt(udp, 17, 5, &v, 3));
	T(setsockopt(udp, 17, 5, &v, 4));
	T(put_number(udp, SOL_IP, 22, 1));
	close(udp);
	close(tcp);
}

TEST(inet6_opts)
{
	own_net();
	add_addr("va0", AF_INET6, "fd09::1", 64);
	old_data();
	uncut();
	device(AF_INET);
	device(AF_INET6);
	checksums();
	nothing();
}
