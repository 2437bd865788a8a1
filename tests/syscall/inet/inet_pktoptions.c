/* SPDX-License-Identifier: MIT */
/*
 * inet_pktoptions: what a stream reports of its packets: IP_PKTOPTIONS, IPV6_2292PKTOPTIONS; and
 * which options a connection inherits from its listener.
 */
#include "inet.h"

#ifndef IP_PKTOPTIONS
#define IP_PKTOPTIONS 9
#endif

static int level, opt;

static void record(const struct cmsghdr *h)
{
	const unsigned char *data = CMSG_DATA(h);

	printf("\t%d/%d:", h->cmsg_level, h->cmsg_type);
	for (size_t i = 0; i < h->cmsg_len - CMSG_LEN(0); i++)
		printf(" %02x", data[i]);
	putchar('\n');
}

/* A record that did not fit is cut in the middle, and still the last. */
static void show(const char *who, int fd, socklen_t room)
{
	char buf[512] __attribute__((aligned(8)));
	struct msghdr m = { .msg_control = buf };
	socklen_t len = room;
	int r = getsockopt(fd, level, opt, buf, &len);

	printf("%s, %u: ", who, room);
	if (r) {
		say("%s", strerror(errno));
		return;
	}
	say("%u bytes", len);
	m.msg_controllen = len;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
		record(h);
}

static void want(int fd, int l, int o)
{
	int one = 1;

	NEED(setsockopt(fd, l, o, &one, sizeof(one)));
}

static void want_all(int fd)
{
	if (level == SOL_IP) {
		want(fd, level, IP_PKTINFO);
		want(fd, level, IP_RECVTTL);
		want(fd, level, IP_RECVTOS);
		return;
	}
	want(fd, level, IPV6_RECVPKTINFO);
	want(fd, level, IPV6_RECVHOPLIMIT);
	want(fd, level, IPV6_RECVTCLASS);
	want(fd, level, IPV6_2292PKTINFO);
	want(fd, level, IPV6_2292HOPLIMIT);
}

static void mark(int fd, int ttl, int tos)
{
	bool v6 = level == SOL_IPV6;

	NEED(setsockopt(fd, level, v6 ? IPV6_UNICAST_HOPS : IP_TTL, &ttl, sizeof(ttl)));
	NEED(setsockopt(fd, level, v6 ? IPV6_TCLASS : IP_TOS, &tos, sizeof(tos)));
}

static socklen_t loopback(struct sockaddr_storage *a, const char *mapped)
{
	struct sockaddr_in6 *a6 = (void *)a;
	struct sockaddr_in *a4 = (void *)a;

	memset(a, 0, sizeof(*a));
	if (level == SOL_IP) {
		*a4 = at("127.0.0.1", 0);
		return sizeof(*a4);
	}
	a6->sin6_family = AF_INET6;
	inet_pton(AF_INET6, mapped ? mapped : "::1", &a6->sin6_addr);
	return sizeof(*a6);
}

/* Sends a byte each way, so that each side has received a segment with the other's marks. */
static void talk(int a, int b)
{
	char c = 'x';

	NEED(write(a, &c, 1));
	NEED(read(b, &c, 1));
	NEED(write(b, &c, 1));
	NEED(read(a, &c, 1));
}

static void stream(int family)
{
	int l = socket(family, SOCK_STREAM, 0), c = socket(family, SOCK_STREAM, 0), a;
	struct sockaddr_storage ss;
	socklen_t n = loopback(&ss, NULL);

	show("fresh", c, 256);
	mark(c, 77, 0x28);
	NEED(bind(l, SA(&ss), n));
	NEED(listen(l, 4));
	NEED(getsockname(l, SA(&ss), &n));
	want_all(l);
	show("a listener", l, 256);
	NEED(connect(c, SA(&ss), n));
	a = accept(l, NULL, NULL);
	show("accepted", a, 256);
	for (socklen_t room = 0; room < 120; room += 7)
		show("accepted", a, room);
	show("who connected", c, 256);
	want_all(c);
	show("who connected and asks", c, 256);
	mark(c, 55, 0x48);
	talk(c, a);
	show("accepted, after data", a, 256);
	talk(c, a);
	show("who connected, after data", c, 256);
	close(a);
	close(c);
	close(l);
}

static void asked_later(int family)
{
	int l = socket(family, SOCK_STREAM, 0), c = socket(family, SOCK_STREAM, 0), a;
	struct sockaddr_storage ss;
	socklen_t n = loopback(&ss, NULL);

	NEED(bind(l, SA(&ss), n));
	NEED(listen(l, 4));
	NEED(getsockname(l, SA(&ss), &n));
	mark(c, 33, 0x20);
	NEED(connect(c, SA(&ss), n));
	a = accept(l, NULL, NULL);
	show("accepted, not asked", a, 256);
	want_all(a);
	show("accepted, asked later", a, 256);
	close(a);
	close(c);
	close(l);
}

static void mapped(void)
{
	int l = socket(AF_INET6, SOCK_STREAM, 0), c = socket(AF_INET6, SOCK_STREAM, 0), a;
	struct sockaddr_storage ss;
	socklen_t n = loopback(&ss, "::ffff:127.0.0.1");

	NEED(bind(l, SA(&ss), n));
	NEED(listen(l, 4));
	NEED(getsockname(l, SA(&ss), &n));
	want(l, SOL_IP, IP_PKTINFO);
	want(l, SOL_IP, IP_RECVTTL);
	want(l, SOL_IPV6, IPV6_RECVPKTINFO);
	NEED(connect(c, SA(&ss), n));
	a = accept(l, NULL, NULL);
	show("mapped, at level IPV6", a, 256);
	level = SOL_IP;
	opt = IP_PKTOPTIONS;
	show("mapped, at level IP", a, 256);
	close(a);
	close(c);
	close(l);
}

/*
 * A socket of both families has each family's options for itself; IPv4's address is told in IPv6's
 * form too.
 */
static void told(const char *who, int fd, int l4)
{
	int to = socket(AF_INET, SOCK_DGRAM, 0), to6 = socket(AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	struct sockaddr_in a4 = at("127.0.0.1", port_of(fd));
	struct sockaddr *dst = l4 ? SA(&a4) : SA(&a6);
	char buf[512] __attribute__((aligned(8))), c;
	struct iovec iov = { &c, 1 };
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = buf,
		.msg_controllen = sizeof(buf),
	};

	a6.sin6_port = htons((uint16_t)port_of(fd));
	NEED(sendto(l4 ? to : to6, "x", 1, 0, dst, l4 ? sizeof(a4) : sizeof(a6)));
	NEED(recvmsg(fd, &m, 0));
	say("%s, a datagram of IPv%d: %zu bytes", who, l4 ? 4 : 6, m.msg_controllen);
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
		record(h);
	close(to);
	close(to6);
}

static void datagrams(void)
{
	static const int opts[][2] = {
		{ SOL_IP, IP_PKTINFO },
		{ SOL_IP, IP_RECVTTL },
		{ SOL_IP, IP_RECVTOS },
		{ SOL_IPV6, IPV6_RECVPKTINFO },
		{ SOL_IPV6, IPV6_RECVHOPLIMIT },
		{ SOL_IPV6, IPV6_RECVTCLASS },
		{ SOL_IPV6, IPV6_2292PKTINFO },
		{ SOL_IPV6, IPV6_2292HOPLIMIT },
	};
	int all = socket(AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	char name[32];

	NEED(bind(all, SA(&any), sizeof(any)));
	for (size_t k = 0; k < sizeof(opts) / sizeof(opts[0]); k++) {
		int fd = socket(AF_INET6, SOCK_DGRAM, 0);

		NEED(bind(fd, SA(&any), sizeof(any)));
		want(fd, opts[k][0], opts[k][1]);
		want(all, opts[k][0], opts[k][1]);
		snprintf(name, sizeof(name), "option %d/%d", opts[k][0], opts[k][1]);
		told(name, fd, 0);
		told(name, fd, 1);
		close(fd);
	}
	told("all options", all, 0);
	told("all options", all, 1);
	close(all);
}

static const struct {
	const char *name;
	int level, opt;
} inherited[] = {
	{ "IP_PKTINFO", SOL_IP, IP_PKTINFO },
	{ "IP_RECVTTL", SOL_IP, IP_RECVTTL },
	{ "IP_RECVTOS", SOL_IP, IP_RECVTOS },
	{ "IP_RECVERR", SOL_IP, IP_RECVERR },
	{ "IP_RECVORIGDSTADDR", SOL_IP, IP_RECVORIGDSTADDR },
	{ "IP_FREEBIND", SOL_IP, IP_FREEBIND },
	{ "IP_MULTICAST_ALL", SOL_IP, IP_MULTICAST_ALL },
	{ "IP_MULTICAST_LOOP", SOL_IP, IP_MULTICAST_LOOP },
};

static void inheritance(void)
{
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), a, v;
	struct sockaddr_in sa = at("127.0.0.1", 0);
	socklen_t n = sizeof(sa);

	NEED(bind(l, SA(&sa), n));
	for (size_t k = 0; k < sizeof(inherited) / sizeof(inherited[0]); k++) {
		NEED(getsockopt(
			l, inherited[k].level, inherited[k].opt, &v, &(socklen_t){ sizeof(v) }));
		v = !v;
		NEED(setsockopt(l, inherited[k].level, inherited[k].opt, &v, sizeof(v)));
	}
	NEED(listen(l, 4));
	NEED(getsockname(l, SA(&sa), &n));
	NEED(connect(c, SA(&sa), n));
	a = accept(l, NULL, NULL);
	for (size_t k = 0; k < sizeof(inherited) / sizeof(inherited[0]); k++) {
		NEED(getsockopt(
			a, inherited[k].level, inherited[k].opt, &v, &(socklen_t){ sizeof(v) }));
		say("%s %d", inherited[k].name, v);
	}
	close(a);
	close(c);
	close(l);
}

TEST(inet_pktoptions)
{
	static const struct {
		int family, level, opt;
	} kinds[] = {
		{ AF_INET, SOL_IP, IP_PKTOPTIONS },
		{ AF_INET6, SOL_IPV6, IPV6_2292PKTOPTIONS },
	};

	lo_up();
	for (int k = 0; k < 2; k++) {
		int u = socket(kinds[k].family, SOCK_DGRAM, 0);

		level = kinds[k].level;
		opt = kinds[k].opt;
		show("datagrams", u, 256);
		close(u);
		stream(kinds[k].family);
		asked_later(kinds[k].family);
	}
	mapped();
	datagrams();
	inheritance();
}
