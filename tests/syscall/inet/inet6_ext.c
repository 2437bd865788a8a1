/* SPDX-License-Identifier: MIT */
/*
 * inet6_ext: IPv6 extension headers (RFC 3542): hop-by-hop and destination options of a socket and
 * of a single message, whole and in fragments, and what the receiver gets of them; what is refused,
 * and a user without rights.
 */
#include "netns.h"
#include <linux/filter.h>

static const unsigned char pads[16] = { 0, 0, 1, 4, 0, 0, 0, 0 };
/* unknown, and may be skipped */
static const unsigned char longer[16] = { 0, 1, 0x1e, 12, 7, 7, 7 };

static void get(int fd, int opt)
{
	unsigned char v[64];
	socklen_t n = sizeof(v);
	int r = getsockopt(fd, SOL_IPV6, opt, v, &n);

	say("get %d: %d %s, %d bytes, %02x %02x", opt, r, r ? t_errno(errno) : "", (int)n,
		n > 1 ? v[0] : 0, n > 1 ? v[1] : 0);
}

static void told(int fd)
{
	static char buf[9000];
	char control[512];
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };

	say("got %d", (int)NEED(recvmsg(fd, &m, 0)));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		const unsigned char *p = CMSG_DATA(c);

		say("  %d of %d bytes: %02x %02x %02x %02x %02x", c->cmsg_type,
			(int)(c->cmsg_len - CMSG_LEN(0)), p[0], p[1], p[2], p[3], p[4]);
	}
}

static void send_with(int fd, struct sockaddr_in6 *a, int type, const void *opts, unsigned n)
{
	char control[CMSG_SPACE(64)] = { 0 };
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_name = a,
		.msg_namelen = sizeof(*a),
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(n) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_IPV6;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), opts, n);
	T(sendmsg(fd, &m, 0));
}

static void bytes(const char *what, const unsigned char *p, unsigned n)
{
	char line[200] = "";

	for (unsigned i = 0; i < n; i++)
		sprintf(line + 3 * i, " %02x", p[i]);
	say("%s:%s", what, line);
}

/* The error of a closed port quotes the datagram with the @n bytes of options before it. */
static void quoted(int fd, int raw, unsigned n)
{
	static unsigned char buf[256];
	const unsigned char *ip = buf + 8;

	T(send(fd, "hello", 5, 0));
	T(recv(fd, buf, 1, 0));
	T(recv(raw, buf, sizeof(buf), 0));
	say("type %d code %d; version %d, %d bytes, first %d", buf[0], buf[1], ip[0] >> 4,
		ip[4] << 8 | ip[5], ip[6]);
	bytes("options", ip + 40, n);
	say("%.5s", (const char *)ip + 40 + n + 8);
}

static void refused(const struct sockaddr_in6 *to)
{
	int fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0));
	int raw = NEED(socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));
	struct sockaddr_in6 a = *to;

	a.sin6_port = htons(9);
	NEED(connect(fd, SA(&a), sizeof(a)));
	quoted(fd, raw, 0);
	T(setsockopt(fd, SOL_IPV6, IPV6_DSTOPTS, pads, 8));
	quoted(fd, raw, 8);
	T(setsockopt(fd, SOL_IPV6, IPV6_HOPOPTS, longer, 16));
	quoted(fd, raw, 24);
	close(fd);
	close(raw);
}

/* SKF_NET_OFF finds the IPv6 header and the options after it. */
static void headers(void)
{
	struct sock_filter load[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (unsigned)SKF_NET_OFF + 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x60, 0, 7),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (unsigned)SKF_NET_OFF + 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_HOPOPTS, 0, 5),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (unsigned)SKF_NET_OFF + 40),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_DSTOPTS << 8 | 1, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (unsigned)SKF_NET_OFF + 40 + 16),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { sizeof(load) / sizeof(load[0]), load };
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t n = sizeof(a);
	int in = NEED(socket(AF_INET6, SOCK_DGRAM, 0)), out = NEED(socket(AF_INET6, SOCK_DGRAM, 0));
	char buf[8];

	NEED(bind(in, SA(&a), sizeof(a)));
	NEED(getsockname(in, SA(&a), &n));
	T(setsockopt(in, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
	T(sendto(out, "no", 2, 0, SA(&a), sizeof(a)));
	T(recv(in, buf, sizeof(buf), MSG_DONTWAIT));
	T(setsockopt(out, SOL_IPV6, IPV6_HOPOPTS, pads, 8));
	T(sendto(out, "no", 2, 0, SA(&a), sizeof(a)));
	T(recv(in, buf, sizeof(buf), MSG_DONTWAIT));
	T(setsockopt(out, SOL_IPV6, IPV6_HOPOPTS, longer, 16));
	T(setsockopt(out, SOL_IPV6, IPV6_DSTOPTS, pads, 8));
	T(sendto(out, "yes", 3, 0, SA(&a), sizeof(a)));
	T(recv(in, buf, sizeof(buf), MSG_DONTWAIT));
	close(in);
	close(out);
}

TEST(inet6_ext)
{
	static char big[13000];
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t n = sizeof(a);
	int in, out, tcp;

	own_net();
	headers();
	in = NEED(socket(AF_INET6, SOCK_DGRAM, 0));
	out = NEED(socket(AF_INET6, SOCK_DGRAM, 0));
	tcp = NEED(socket(AF_INET6, SOCK_STREAM, 0));
	NEED(bind(in, SA(&a), sizeof(a)));
	NEED(getsockname(in, SA(&a), &n));
	T(set(in, SOL_IPV6, IPV6_RECVHOPOPTS, 1));
	T(set(in, SOL_IPV6, IPV6_RECVDSTOPTS, 1));
	T(set(in, SOL_IPV6, IPV6_RECVHOPLIMIT, 1));
	get(out, IPV6_HOPOPTS);
	T(setsockopt(out, SOL_IPV6, IPV6_HOPOPTS, pads, 7));
	T(setsockopt(out, SOL_IPV6, IPV6_HOPOPTS, pads, 12));
	T(setsockopt(out, SOL_IPV6, IPV6_HOPOPTS, longer, 8));
	T(setsockopt(out, SOL_IPV6, IPV6_HOPOPTS, pads, 16));
	get(out, IPV6_HOPOPTS);
	get(out, IPV6_DSTOPTS);
	T(sendto(out, "x", 1, 0, SA(&a), sizeof(a)));
	told(in);
	T(setsockopt(out, SOL_IPV6, IPV6_DSTOPTS, longer, 16));
	T(sendto(out, "xy", 2, 0, SA(&a), sizeof(a)));
	told(in);
	T(sendto(out, "xy", 2, MSG_MORE, SA(&a), sizeof(a)));
	T(sendto(out, "z", 1, 0, SA(&a), sizeof(a)));
	told(in);
	send_with(out, &a, IPV6_DSTOPTS, pads, 8);
	told(in);
	send_with(out, &a, IPV6_HOPOPTS, longer, 16);
	told(in);
	send_with(out, &a, IPV6_HOPOPTS, longer, 8);
	send_with(out, &a, IPV6_HOPOPTS, longer, 1);
	T(set(in, SOL_IPV6, IPV6_2292HOPOPTS, 1));
	T(setsockopt(out, SOL_IPV6, IPV6_DSTOPTS, NULL, 0));
	get(out, IPV6_DSTOPTS);
	T(sendto(out, "xy", 2, 0, SA(&a), sizeof(a)));
	told(in);
	T(setsockopt(out, SOL_IPV6, IPV6_HOPOPTS, NULL, 0));
	T(sendto(out, "xy", 2, 0, SA(&a), sizeof(a)));
	told(in);
	/* many in one call */
	T(setsockopt(out, SOL_IPV6, IPV6_HOPOPTS, longer, 16));
	T(set(out, IPPROTO_UDP, 103 /* UDP_SEGMENT */, 100));
	T(sendto(out, big, 250, 0, SA(&a), sizeof(a)));
	for (int i = 0; i < 3; i++)
		told(in);
	T(sendto(out, big, 100 * 129, 0, SA(&a), sizeof(a)));
	T(set(out, IPPROTO_UDP, 103, 0));
	/* in pieces: the bytes come */
	{
		struct ifreq r = { .ifr_name = "lo", .ifr_mtu = 1500 };

		T(setsockopt(out, SOL_IPV6, IPV6_HOPOPTS, longer, 16));
		NEED(ioctl(out, SIOCSIFMTU, &r));
		T(set(in, SOL_IPV6, IPV6_RECVHOPOPTS, 0));
		T(set(in, SOL_IPV6, IPV6_2292HOPOPTS, 0));
		T(sendto(out, big, 5000, 0, SA(&a), sizeof(a)));
		told(in);
	}
	refused(&a);
	T(NEED(setuid(65534)));
	T(setsockopt(out, SOL_IPV6, IPV6_HOPOPTS, pads, 8));
	send_with(out, &a, IPV6_DSTOPTS, pads, 8);
	close(tcp);
}
