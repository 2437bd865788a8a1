/* SPDX-License-Identifier: MIT */
/*
 * inet6_long: IPv6 options of many hundred bytes, which the receiver gets whole; SKF_AD_PAY_OFFSET,
 * which finds the payload behind extension headers and in fragments. The test writes the packets to
 * an AF_PACKET socket.
 */
#include "netns.h"
#include <linux/filter.h>
#include <linux/if_ether.h>

static unsigned char pkt[4000];
static unsigned len;

static void header(int next)
{
	memset(pkt, 0, sizeof(pkt));
	pkt[0] = 0x60;
	pkt[6] = (unsigned char)next;
	pkt[7] = 64;
	inet_pton(AF_INET6, "fd00::2", pkt + 8);
	inet_pton(AF_INET6, "fd00::1", pkt + 24);
	len = 40;
}

/* Adds an option header of @n bytes, padded. @kind: the protocol of the next header. */
static void options(int kind, unsigned n)
{
	unsigned at = len + 2, end = len + n;

	pkt[len] = (unsigned char)kind;
	pkt[len + 1] = (unsigned char)(n / 8 - 1);
	while (at < end) {
		unsigned part = end - at < 250 ? end - at : 250; /* Linux takes at most eight */

		if (part == 1) {
			pkt[at] = 0;
		} else {
			pkt[at] = 0x1e; /* unknown */
			pkt[at + 1] = (unsigned char)(part - 2);
			memset(pkt + at + 2, (int)(at & 0xff), part - 2);
		}
		at += part;
	}
	len = end;
}

static void fragment(int kind, unsigned off)
{
	pkt[len] = (unsigned char)kind;
	pkt[len + 2] = (unsigned char)(off >> 8);
	pkt[len + 3] = (unsigned char)off;
	len += 8;
}

static void udp(int port, unsigned n)
{
	unsigned char *u = pkt + len;
	unsigned sum = 8 + n + 17;

	u[2] = (unsigned char)(port >> 8);
	u[3] = (unsigned char)port;
	u[5] = (unsigned char)(8 + n);
	memset(u + 8, 'x', n);
	len += 8 + n;
	for (unsigned i = 8; i < 40; i += 2)
		sum += (unsigned)pkt[i] << 8 | pkt[i + 1];
	for (unsigned i = 0; i < 8 + n; i += 2)
		sum += (unsigned)u[i] << 8 | u[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum;
	u[6] = (unsigned char)(sum >> 8);
	u[7] = (unsigned char)sum;
}

static void finish(int fd, int ifindex)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IPV6),
		.sll_ifindex = ifindex,
		.sll_halen = 6,
		.sll_addr = { 2, 0, 0, 0, 0, 1 } };

	pkt[4] = (unsigned char)((len - 40) >> 8);
	pkt[5] = (unsigned char)(len - 40);
	NEED(sendto(fd, pkt, len, 0, SA(&a), sizeof(a)));
}

static void told(int fd, size_t room)
{
	static char control[20000];
	char buf[64];
	struct iovec v = { buf, sizeof(buf) };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room
	};
	ssize_t n;

	await(fd, POLLIN);
	n = recvmsg(fd, &m, MSG_DONTWAIT);
	say("got %zd, flags %x, control %zu", n, n < 0 ? 0 : m.msg_flags, m.msg_controllen);
	for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		const unsigned char *p = CMSG_DATA(c);
		size_t size = c->cmsg_len - CMSG_LEN(0);
		unsigned sum = 0;

		for (size_t i = 0; i < size; i++)
			sum = sum * 31 + p[i];
		say("  %d of %zu bytes: %x", c->cmsg_type, size, sum);
	}
}

static void receiving(int out, int ifindex)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(4000) };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	NEED(bind(fd, SA(&a), sizeof(a)));
	NEED(set(fd, SOL_IPV6, IPV6_RECVHOPOPTS, 1));
	NEED(set(fd, SOL_IPV6, IPV6_RECVDSTOPTS, 1));
	NEED(set(fd, SOL_IPV6, IPV6_RECVPKTINFO, 1));
	for (unsigned n = 480; n <= 1040; n += 8) {
		if (n > 512 && n % 128)
			continue;
		header(IPPROTO_DSTOPTS);
		options(IPPROTO_UDP, n);
		udp(4000, 4);
		finish(out, ifindex);
		told(fd, 20000);
	}
	NEED(set(fd, SOL_IPV6, IPV6_2292DSTOPTS, 1));
	header(IPPROTO_DSTOPTS);
	options(IPPROTO_UDP, 1200);
	udp(4000, 4);
	finish(out, ifindex);
	told(fd, 20000);
	header(IPPROTO_DSTOPTS);
	options(IPPROTO_UDP, 1200);
	udp(4000, 4);
	finish(out, ifindex);
	told(fd, 700);
	close(fd);
}

/* Prints the offset of the payload: the filter cuts the packet there. */
static void offset_of(int fd, int out, int ifindex, const char *what)
{
	char buf[4000];

	finish(out, ifindex);
	await(fd, POLLIN);
	say("%s: %zd", what, recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
}

static void offsets(int out, int ifindex)
{
	struct sock_filter insn[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 7), /* the hop limit: others have 255, or 1 */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 64, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PAY_OFFSET),
		BPF_STMT(BPF_RET | BPF_A, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog p = { 5, insn };
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IPV6),
		.sll_ifindex = (int)if_nametoindex("va0") };
	int fd = socket(AF_PACKET, SOCK_DGRAM, 0);

	NEED(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)));
	NEED(bind(fd, SA(&a), sizeof(a)));
	header(IPPROTO_UDP);
	udp(9, 20);
	offset_of(fd, out, ifindex, "udp");
	header(IPPROTO_HOPOPTS);
	options(IPPROTO_UDP, 16);
	udp(9, 20);
	offset_of(fd, out, ifindex, "hop-by-hop, udp");
	header(IPPROTO_HOPOPTS);
	options(IPPROTO_DSTOPTS, 8);
	options(IPPROTO_UDP, 24);
	udp(9, 20);
	offset_of(fd, out, ifindex, "hop-by-hop, destination, udp");
	header(IPPROTO_ROUTING);
	options(IPPROTO_UDP, 24);
	udp(9, 20);
	offset_of(fd, out, ifindex, "routing, udp");
	header(IPPROTO_FRAGMENT);
	fragment(IPPROTO_UDP, 8);
	len += 40;
	offset_of(fd, out, ifindex, "a later fragment");
	header(IPPROTO_DSTOPTS);
	options(59, 16);
	len += 40;
	offset_of(fd, out, ifindex, "destination, nothing");
	header(IPPROTO_DSTOPTS);
	options(IPPROTO_TCP, 16);
	pkt[len + 12] = 0x80;
	len += 60;
	offset_of(fd, out, ifindex, "destination, tcp");
	close(fd);
}

TEST(inet6_long)
{
	int out, ifindex;

	own_net();
	add_addr("va0", AF_INET6, "fd00::1", 64);
	ifindex = (int)if_nametoindex("vb0");
	out = NEED(socket(AF_PACKET, SOCK_DGRAM, 0));
	offsets(out, ifindex);
	receiving(out, ifindex);
	close(out);
}
