/* SPDX-License-Identifier: MIT */
/*
 * nft_ext_long: before connection tracking, a rule makes an IPv6 extension header longer than its
 * packet. Such a packet has no transport header and belongs to no connection. The host's side only
 * prints, since the result is up to the rule.
 */
#include "guest.h"
#include "inet.h"
#include "nft.h"

static void chain(const char *name, int priority)
{
	nft_chain("t", name, "filter", NF_INET_PRE_ROUTING, priority);
}

static unsigned rule(const char *in)
{
	return nft_rule("t", in);
}

/* Makes rules that set the first extension header's length to 2048, then track connections. */
static int rules(void)
{
	unsigned x;

	nft_family = NFPROTO_IPV6;
	start();
	nft_table("t");
	chain("first", -300);
	chain("later", 0);
	x = rule("first");
	nft_load(NFT_PAYLOAD_NETWORK_HEADER, 6, 1);
	equal("\x3c", 1);
	nft_immediate(NFT_REG_1, "\xff", 1);
	nft_store(NFT_PAYLOAD_NETWORK_HEADER, 41, 1);
	end(x);
	x = rule("later");
	nft_ct_state();
	end(x);
	return finish();
}

/* Sends a packet of @proto, with destination options before it, to this host. */
static void send_odd(int raw, unsigned char proto)
{
	unsigned char b[40 + 8 + 32] = { 0x60, 0, 0, 0, 0, 40, 60, 64, [23] = 1, [39] = 1 };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	b[40] = proto;
	b[42] = 1; /* four bytes of padding */
	b[43] = 4;
	b[48 + 12] = 0x50;
	sendto(raw, b, sizeof(b), 0, SA(&to), sizeof(to));
}

static bool round_trip(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
		.sin6_port = htons(4247),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int in = NEED(socket(AF_INET6, SOCK_DGRAM, 0)),
	    out_fd = NEED(socket(AF_INET6, SOCK_DGRAM, 0));
	char c = 0;

	NEED(bind(in, SA(&a), sizeof(a)));
	NEED(sendto(out_fd, "x", 1, 0, SA(&a), sizeof(a)));
	NEED(recv(in, &c, 1, 0));
	close(in);
	close(out_fd);
	return c == 'x';
}

TEST(nft_ext_long)
{
	int raw = -1;

	if (in_guest()) {
		NEED(unshare(CLONE_NEWNET));
		lo_up();
		raw = NEED(socket(AF_INET6, SOCK_RAW, IPPROTO_RAW));
		nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	}
	G(rules(), "0");
	if (in_guest()) {
		send_odd(raw, IPPROTO_TCP);
		send_odd(raw, IPPROTO_UDP);
		send_odd(raw, IPPROTO_ICMPV6);
	}
	GIS(round_trip());
}
