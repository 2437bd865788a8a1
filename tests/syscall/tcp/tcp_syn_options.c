/* SPDX-License-Identifier: MIT */
/*
 * tcp_syn_options: lengths of the first packets of a connection, and their options, in which order;
 * with and without some of them.
 */
#include "netns.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>

static int tap;

/* Prints length and options of the next TCP packet with SYN. */
static void show(const char *what)
{
	unsigned char f[256], *tcp = f + 34;
	struct pollfd p = { .fd = tap, .events = POLLIN };
	char kinds[64] = "";
	int n = 0, k = 0;

	do {
		struct sockaddr_ll a;
		socklen_t alen = sizeof(a);

		if (poll(&p, 1, 100000) <= 0)
			break;
		n = (int)recvfrom(tap, f, sizeof(f), 0, SA(&a), &alen);
		if (a.sll_pkttype == PACKET_OUTGOING)
			n = 0;
	} while (n < 54 || f[23] != 6 || !(tcp[13] & 2));
	for (int i = 20; i < (tcp[12] >> 4) * 4; i += tcp[i] < 2 ? 1 : tcp[i + 1] ? tcp[i + 1] : 1)
		k += sprintf(kinds + k, " %d", tcp[i]);
	say("%s: %d bytes, options%s", what, n - 14, kinds);
}

static void one(const char *what)
{
	struct sockaddr_in a = at("127.0.0.1", 7101);
	int l = NEED(socket(AF_INET, SOCK_STREAM, 0)), c = NEED(socket(AF_INET, SOCK_STREAM, 0));

	NEED(setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)));
	NEED(bind(l, SA(&a), sizeof(a)));
	NEED(listen(l, 1));
	NEED(connect(c, SA(&a), sizeof(a)));
	say("%s", what);
	show("SYN");
	show("SYN, ACK");
	close(c);
	close(l);
}

#define IPV4 "/proc/sys/net/ipv4/"

TEST(tcp_syn_options)
{
	own_net();
	tap = packet_socket("lo", SOCK_RAW, ETH_P_ALL);
	one("all");
	put_text(IPV4 "tcp_timestamps", "0");
	one("no times");
	put_text(IPV4 "tcp_sack", "0");
	one("no acknowledgements of pieces");
	put_text(IPV4 "tcp_timestamps", "1");
	one("times only");
	put_text(IPV4 "tcp_sack", "1");
	put_text(IPV4 "tcp_window_scaling", "0");
	one("no scale");
	put_text(IPV4 "tcp_window_scaling", "1");
}
