/* SPDX-License-Identifier: MIT */
/*
 * nd.h: neighbour discovery by hand: IPv6 packets that the test sends to va0 through vb0 (netns.h),
 * and packets that va0 sends. A packet begins with the IPv6 header, at PACKET_AT begins its
 * content. Errors end the test.
 */
#ifndef TESTS_SYSCALL_ND_H
#define TESTS_SYSCALL_ND_H

#include "netns.h"
#include <linux/if_ether.h>

#define CONF6 "/proc/sys/net/ipv6/conf/"
#define VA_LL "fe80::ff:fe00:1" /* the link-local address of va0 */
#define VB_LL "fe80::ff:fe00:2"
#define PACKET_AT 40

static int nd_fd; /* a packet socket at vb0 */

/* Opens nd_fd. The test stays on its CPU from now on. */
static T_UNUSED void nd_open(void)
{
	t_one_cpu();
	nd_fd = packet_socket("vb0", SOCK_DGRAM, ETH_P_IPV6);
}

/* Writes a number to /proc/sys/net/ipv6/conf/DEV/NAME. get6() returns it. */
static T_UNUSED void conf6(const char *dev, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), CONF6 "%s/%s", dev, name);
	put_text(path, value);
}

static T_UNUSED int get6(const char *dev, const char *name)
{
	char path[128], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), CONF6 "%s/%s", dev, name);
	fd = NEED(open(path, O_RDONLY));
	NEED(read(fd, text, sizeof(text) - 1));
	close(fd);
	return atoi(text);
}

/* Adds the 16-bit words of @n bytes to @sum. */
static T_UNUSED unsigned nd_sum(const unsigned char *p, unsigned n, unsigned sum)
{
	for (unsigned i = 0; i < n; i += 2)
		sum += (unsigned)p[i] << 8 | (i + 1 < n ? p[i + 1] : 0);
	return sum;
}

/* Writes the IPv6 header of a packet with @n bytes of protocol @proto. @hops: its hop limit. */
static T_UNUSED void nd_head(
	unsigned char *p, const char *from, const char *to, unsigned n, int proto, int hops)
{
	memset(p, 0, PACKET_AT);
	p[0] = 0x60;
	p[4] = (unsigned char)(n >> 8);
	p[5] = (unsigned char)n;
	p[6] = (unsigned char)proto;
	p[7] = (unsigned char)hops;
	inet_pton(AF_INET6, from, p + 8);
	inet_pton(AF_INET6, to, p + 24);
}

/*
 * Fills in the checksum of @n bytes of ICMPv6 or UDP (@proto 58 or 17) at offset @at of the packet.
 */
static T_UNUSED void nd_check(unsigned char *p, unsigned at, unsigned n, int proto)
{
	unsigned char *sum_at = p + at + (proto == 17 ? 6 : 2);
	unsigned sum = nd_sum(p + 8, 32, n + (unsigned)proto);

	sum_at[0] = sum_at[1] = 0;
	sum = nd_sum(p + at, n, sum);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum_at[0] = (unsigned char)(~sum >> 8);
	sum_at[1] = (unsigned char)~sum;
}

/* Sends a packet of @n bytes to va0 alone, or to all nodes. */
static T_UNUSED void nd_put(const unsigned char *p, unsigned n, int all)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IPV6),
		.sll_ifindex = (int)if_nametoindex("vb0"),
		.sll_halen = 6,
		.sll_addr = { 2, 0, 0, 0, 0, 1 } };

	if (all)
		memcpy(to.sll_addr, "\x33\x33\0\0\0\1", 6);
	NEED(sendto(nd_fd, p, n, 0, SA(&to), sizeof(to)));
}

/*
 * Sends an ICMPv6 message of @n bytes (472 at most), as a neighbour does. @to: a multicast address,
 * or one of va0.
 */
static T_UNUSED void nd_send(const char *from, const char *to, const void *m, unsigned n)
{
	unsigned char p[512];

	nd_head(p, from, to, n, 58, 255);
	memcpy(p + PACKET_AT, m, n);
	nd_check(p, PACKET_AT, n, 58);
	nd_put(p, PACKET_AT + n, !strncmp(to, "ff", 2));
}

/*
 * Reads the next packet that va0 sends with this ICMPv6 type (or with protocol @proto, if that is
 * not 58), within @ms. Discards others. Returns its length, or 0 if none comes.
 */
static T_UNUSED int nd_get(int proto, int type, unsigned char *p, unsigned size, int ms)
{
	long end = now_ms() + ms;

	for (;;) {
		struct sockaddr_ll a;
		socklen_t len = sizeof(a);
		struct pollfd f = { .fd = nd_fd, .events = POLLIN };
		long left = end - now_ms();
		int n;

		if (poll(&f, 1, left > 0 ? (int)left : 0) != 1)
			return 0;
		n = (int)NEED(recvfrom(nd_fd, p, size, 0, SA(&a), &len));
		if (a.sll_pkttype == PACKET_OUTGOING || n <= PACKET_AT || p[6] != proto)
			continue;
		if (proto != 58 || p[PACKET_AT] == type)
			return n;
	}
}

/*
 * Waits until all packets sent before have been processed: an echo request behind them is answered.
 * Packets that arrive meanwhile can still be read.
 */
static T_UNUSED void nd_settle(const char *from, const char *to)
{
	unsigned char p[2048], m[8] = { 128 };
	int own = nd_fd;

	nd_open();
	nd_send(from, to, m, sizeof(m));
	NEED(nd_get(58, 129, p, sizeof(p), 100000) ? 0 : -1);
	close(nd_fd);
	nd_fd = own;
}

/* Discards all packets that have arrived. */
static T_UNUSED void nd_drain(void)
{
	char b[2048];

	while (recv(nd_fd, b, sizeof(b), MSG_DONTWAIT) >= 0)
		;
}

/*
 * Returns the first option of this kind behind the @head bytes of a message in a packet of @n
 * bytes, or NULL.
 */
static T_UNUSED const unsigned char *nd_option(
	const unsigned char *p, int n, unsigned head, int kind)
{
	for (const unsigned char *o = p + PACKET_AT + head; o + 8 <= p + n && o[1]; o += o[1] * 8)
		if (o[0] == kind)
			return o;
	return NULL;
}

/*
 * Returns the flags of an address of the device @of in /proc/net/if_inet6, or -1 if it is not
 * there.
 */
static T_UNUSED int flags_of_dev(const char *of, const char *addr)
{
	unsigned char bin[16];
	char line[128], want[33], text[33], dev[17];
	int flags, found = -1;
	FILE *f = fopen("/proc/net/if_inet6", "r");

	inet_pton(AF_INET6, addr, bin);
	for (int i = 0; i < 16; i++)
		snprintf(want + 2 * i, 3, "%02x", bin[i]);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%32s %*x %*x %*x %x %16s", text, (unsigned *)&flags, dev) == 3 &&
			!strcmp(text, want) && !strcmp(dev, of))
			found = flags;
	if (f)
		fclose(f);
	return found;
}

/* Returns the flags of an address of va0, or -1. */
static T_UNUSED int flags_of(const char *addr)
{
	return flags_of_dev("va0", addr);
}

#define TENTATIVE 0x40
/* Waits until both devices can send and va0's link-local address is usable. */
static T_UNUSED void nd_ready(void)
{
	T_WAIT(link_runs("va0") && link_runs("vb0"));
	T_WAIT(flags_of(VA_LL) >= 0 && !(flags_of(VA_LL) & TENTATIVE));
}

#endif
