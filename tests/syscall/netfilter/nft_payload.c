/* SPDX-License-Identifier: MIT */
/*
 * nft_payload: `payload set` of nf_tables: what a rule writes into a packet, and the checksums that
 * follow. A packet socket that captures beside it, with a clone that shares the bytes, gets the old
 * bytes.
 */
#include "guest.h"
#include "inet.h"
#include "nft.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>

#define PORT 7100
#define BIG 1200

static void chain(const char *name, int hook)
{
	nft_chain("t", name, "filter", hook, 0);
}

/*
 * Adds a rule that writes the @n bytes at @v to @offset of each packet's transport or network
 * header (@transport false). @sum: the offset of the checksum to correct.
 */
static void write_at(const char *c, bool transport, int offset, const void *v, unsigned n, int sum)
{
	unsigned x, d, e;

	x = nft_rule("t", c);
	nft_immediate(NFT_REG_1, v, n);
	e = expr("payload", &d);
	be32(NFTA_PAYLOAD_SREG, NFT_REG_1);
	be32(NFTA_PAYLOAD_BASE,
		transport ? NFT_PAYLOAD_TRANSPORT_HEADER : NFT_PAYLOAD_NETWORK_HEADER);
	be32(NFTA_PAYLOAD_OFFSET, offset);
	be32(NFTA_PAYLOAD_LEN, n);
	be32(NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
	be32(NFTA_PAYLOAD_CSUM_OFFSET, sum);
	end(d);
	end(e);
	end(x);
}

static int tap, to, from;

static unsigned sum16(const unsigned char *p, unsigned n, unsigned sum)
{
	for (unsigned i = 0; i < n; i++)
		sum += i & 1 ? p[i] : p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/*
 * Prints a captured frame: its direction, fields that a rule may have written, and whether its
 * checksums hold.
 */
static void show(void)
{
	unsigned char f[2048], *ip = f + 14, *udp = ip + 20;
	struct sockaddr_ll a;
	socklen_t alen = sizeof(a);
	int n = (int)recvfrom(tap, f, sizeof(f), 0, SA(&a), &alen), len = n - 34;
	unsigned pseudo = 17 + (unsigned)len;

	if (n < 14 + 28 + 30) {
		say("captured %d", n);
		return;
	}
	say("%s: ttl %d, %.6s ... %.4s, header %s, datagram %s",
		a.sll_pkttype == PACKET_OUTGOING ? "out" : "in", ip[8], udp + 8, f + n - 4,
		sum16(ip, 20, 0) == 0xffff ? "right" : "wrong",
		(!udp[6] && !udp[7]) ||
				sum16(udp, (unsigned)len, sum16(ip + 12, 8, pseudo)) == 0xffff ?
			"right" :
			"wrong");
}

/* Sends a datagram of @n bytes, which is captured as it leaves and as it comes, and received. */
static void one(int n)
{
	char buf[BIG] = { 0 };
	struct sockaddr_in a = at("127.0.0.1", PORT);

	memset(buf, 'x', sizeof(buf));
	memcpy(buf, "abcdef", 6);
	memcpy(buf + n - 4, "wxyz", 4);
	NEED(sendto(from, buf, n, 0, SA(&a), sizeof(a)));
	show();
	show();
	memset(buf, 0, sizeof(buf));
	n = (int)NEED(recv(to, buf, sizeof(buf), 0));
	say("got %.6s ... %.4s", buf, buf + n - 4);
}

static void new_table(void)
{
	nft_table("t");
	chain("in", NF_INET_LOCAL_IN);
	chain("out", NF_INET_LOCAL_OUT);
}

static void over(void)
{
	start();
	nft_no_table("t");
	finish();
}

/* Tests writes by rules of the chain @way, with a short and a long datagram: equal results. */
static void written(const char *way, bool out)
{
	static const char *const lines[2][3] = {
		{ "out: ttl 64, abcdef ... wxyz, header right, datagram right",
			"in: ttl 64, abcdef ... wxyz, header right, datagram right",
			"got aQRSTf ... wxyz" },
		{ "out: ttl 9, aQRSTf ... wxyz, header right, datagram right",
			"in: ttl 9, aQRSTf ... wxyz, header right, datagram right",
			"got aQRSTf ... wxyz" },
	};

	if (in_guest()) {
		start();
		new_table();
		write_at(way, true, 9, "QRST", 4, 6); /* at an odd byte */
		write_at(way, false, 8, "\x09", 1, 10);
		if (finish())
			say("batch: %s", t_errno(errno));
	}
	for (int i = 0; i < 2; i++) {
		if (in_guest())
			one(i ? BIG : 40);
		for (int k = 0; !in_guest() && k < 3; k++)
			say("%s", lines[out][k]);
	}
	if (in_guest())
		over();
}

/* Tests a write far after the headers, where the packet's own buffer ends. */
static void far_behind(void)
{
	static const char *const lines[] = {
		"out: ttl 64, abcdef ... wxyz, header right, datagram right",
		"in: ttl 64, abcdef ... wxyz, header right, datagram right",
		"got abcdef ... QRST",
	};

	if (in_guest()) {
		start();
		new_table();
		write_at("in", true, 8 + 236, "QRST", 4, 6);
		if (finish())
			say("batch: %s", t_errno(errno));
		one(240);
		over();
	}
	for (int k = 0; !in_guest() && k < 3; k++)
		say("%s", lines[k]);
}

static void setup(void)
{
	struct sockaddr_in a = at("127.0.0.1", PORT);
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	struct timeval ten = { .tv_sec = 10 };

	NEED(unshare(CLONE_NEWNET));
	lo_up();
	nl = NEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	to = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	from = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	NEED(bind(to, SA(&a), sizeof(a)));
	tap = NEED(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)));
	ll.sll_protocol = htons(ETH_P_ALL);
	ll.sll_ifindex = (int)if_nametoindex("lo");
	NEED(bind(tap, SA(&ll), sizeof(ll)));
	setsockopt(tap, SOL_SOCKET, SO_RCVTIMEO, &ten, sizeof(ten));
	setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &ten, sizeof(ten));
}

TEST(nft_payload)
{
	if (in_guest())
		setup();
	written("in", false);
	written("out", true);
	far_behind();
}
