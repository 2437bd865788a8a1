/* SPDX-License-Identifier: MIT */
/*
 * frag_expired: a packet whose fragments did not all arrive in time: its sender gets an ICMP error,
 * if the first fragment has arrived (RFC 1122, 3.3.2, RFC 8200, 4.5).
 */
#include "wire.h"
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>

static uint16_t sum(const void *p, unsigned n)
{
	const unsigned char *b = p;
	uint32_t s = 0;

	for (unsigned i = 0; i < n; i++)
		s += i & 1 ? b[i] : (uint32_t)b[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return htons((uint16_t)~s);
}

static void head(unsigned char *f, int proto)
{
	memcpy(f, "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
	f[12] = (unsigned char)(proto >> 8);
	f[13] = (unsigned char)proto;
}

/* Sends a fragment of 64 bytes that begins with @first. */
static void piece4(int id, int off, int more, int proto, int first, const char *to)
{
	unsigned char f[14 + 20 + 64] = { 0 };
	struct iphdr *h = (void *)(f + 14);

	head(f, ETH_P_IP);
	*h = (struct iphdr){ .version = 4,
		.ihl = 5,
		.tot_len = htons(84),
		.id = htons((uint16_t)id),
		.frag_off = htons((uint16_t)(off / 8 | (more ? IP_MF : 0))),
		.ttl = 9,
		.protocol = (uint8_t)proto,
		.saddr = inet_addr("10.9.0.2"),
		.daddr = inet_addr(to) };
	h->check = sum(h, 20);
	memset(f + 34, id, 64);
	f[34] = (unsigned char)first;
	NEED(send(wire, f, sizeof(f), 0));
}

/* Options for the destination are followed by an ICMPv6 message of type @first. */
static void piece6(int id, int off, int more, int proto, int first)
{
	unsigned char f[14 + 40 + 8 + 64] = { 0 };
	struct ip6_hdr *h = (void *)(f + 14);
	struct ip6_frag *g = (void *)(h + 1);

	head(f, ETH_P_IPV6);
	h->ip6_flow = htonl(0x60000000);
	h->ip6_plen = htons(72);
	h->ip6_nxt = IPPROTO_FRAGMENT;
	h->ip6_hlim = 9;
	inet_pton(AF_INET6, "fd00::2", &h->ip6_src);
	inet_pton(AF_INET6, "fd00::1", &h->ip6_dst);
	g->ip6f_nxt = (uint8_t)proto;
	g->ip6f_offlg = htons((uint16_t)(off | more));
	g->ip6f_ident = htonl((uint32_t)id);
	memset(f + 62, id, 64);
	f[62] = (unsigned char)first;
	if (proto == IPPROTO_DSTOPTS) {
		memcpy(f + 62, "\x3a\0\1\4\0\0\0\0", 8);
		f[70] = (unsigned char)first;
	}
	NEED(send(wire, f, sizeof(f), 0));
}

/*
 * Prints the ICMP errors by the identification of the fragment: @want of them, however late, and
 * those that come soon after them.
 */
static void answers(int want)
{
	unsigned char f[2000];
	long end = now_ms() + 30000;
	char lines[64][100];
	int n, count = 0;

	while (now_ms() < end && count < 64) {
		n = wire_read(f, sizeof(f), 100);
		if (count >= want && end > now_ms() + 500)
			end = now_ms() + 500;
		if (n >= 34 + 28 && f[12] == 8 && !f[13] && f[23] == IPPROTO_ICMP)
			snprintf(lines[count++], 100, "  packet %3d: type %d code %d quotes %d",
				f[34 + 8 + 4] << 8 | f[34 + 8 + 5], f[34], f[35], n - 42);
		else if (n >= 54 + 56 && f[12] == 0x86 && f[13] == 0xdd &&
			 f[20] == IPPROTO_ICMPV6 && f[54] < 128)
			snprintf(lines[count++], 100, "  packet %3d: type %d code %d quotes %d",
				f[54 + 8 + 40 + 7], f[54], f[55], n - 62);
	}
	qsort(lines, (size_t)count, sizeof(lines[0]), (int (*)(const void *, const void *))strcmp);
	for (int i = 0; i < count; i++)
		say("%s", lines[i]);
}

TEST(frag_expired)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWNEIGH,
				    .nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct ndmsg)) } };
	struct in6_addr peer;

	wire_open();
	add_addr("va0", AF_INET6, "fd00::1", 64);
	inet_pton(AF_INET6, "fd00::2", &peer);
	*(struct ndmsg *)NLMSG_DATA(&m.h) = (struct ndmsg){ .ndm_family = AF_INET6,
		.ndm_ifindex = (int)if_nametoindex("va0"),
		.ndm_state = NUD_PERMANENT };
	nl_add(&m, NDA_DST, &peer, 16);
	nl_add(&m, NDA_LLADDR, "\2\0\0\0\0\2", 6);
	NEED0(nl_do(&m));
	put_text("/proc/sys/net/ipv4/ipfrag_time", "1");
	put_text("/proc/sys/net/ipv6/ip6frag_time", "1");
	put_text("/proc/sys/net/ipv4/icmp_ratelimit", "0");
	put_text("/proc/sys/net/ipv6/icmp/ratelimit", "0");
	T_WAIT(link_runs("va0"));
	say("IPv4");
	piece4(1, 0, 1, IPPROTO_UDP, 1, "10.9.0.1");
	piece4(2, 64, 1, IPPROTO_UDP, 1, "10.9.0.1"); /* not the first */
	piece4(3, 0, 1, IPPROTO_ICMP, ICMP_ECHO, "10.9.0.1");
	piece4(4, 0, 1, IPPROTO_ICMP, ICMP_TIME_EXCEEDED, "10.9.0.1"); /* an error itself */
	piece4(5, 128, 0, IPPROTO_TCP, 1, "10.9.0.1");
	piece4(5, 0, 1, IPPROTO_TCP, 1, "10.9.0.1");
	piece4(6, 0, 1, IPPROTO_UDP, 1, "10.9.0.255"); /* a broadcast */
	answers(3);
	say("IPv6");
	piece6(11, 0, 1, IPPROTO_UDP, 1);
	piece6(12, 64, 1, IPPROTO_UDP, 1);
	piece6(13, 0, 1, IPPROTO_ICMPV6, ICMP6_ECHO_REQUEST);
	piece6(14, 0, 1, IPPROTO_ICMPV6, ICMP6_TIME_EXCEEDED);
	piece6(15, 0, 1, IPPROTO_DSTOPTS, ICMP6_ECHO_REQUEST);
	piece6(16, 0, 1, IPPROTO_DSTOPTS, ICMP6_TIME_EXCEEDED);
	answers(3);
}
