/* SPDX-License-Identifier: MIT */
/*
 * forward_reserved: a router forwards packets to 240.0.0.0/4 and 0.0.0.0/8 like any others, but not
 * the limited broadcast.
 */
#include "netns.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>

static int in, away;

/*
 * Sends a packet into the router by vb0, with the router's MAC. Prints whether the router solicits
 * the target on the other side.
 */
static void through(const char *from, const char *to, int tries)
{
	unsigned char f[64] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 28, 0, 1, 0,
		0, 9, 17 };
	struct pollfd p = { .fd = away, .events = POLLIN };
	unsigned char g[64];
	bool asked = false;
	char text[64];
	unsigned sum = 0;
	int n;

	inet_pton(AF_INET, from, f + 26);
	inet_pton(AF_INET, to, f + 30);
	f[37] = 9;
	f[39] = 8;
	for (int i = 14; i < 34; i += 2)
		sum += f[i] << 8 | f[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	f[24] = ~sum >> 8;
	f[25] = ~sum;
	/* a device that has just come up may lose the first */
	while (!asked && tries--) {
		NEED(send(in, f, 42, 0));
		while (!asked && poll(&p, 1, 300) > 0) { /* others are asked for again */
			n = (int)recv(away, g, sizeof(g), 0);
			asked = n >= 42 && g[21] == ARPOP_REQUEST &&
				!strcmp(inet_ntop(AF_INET, g + 38, text, sizeof(text)), to);
		}
	}
	say("%s to %s: %s", from, to, asked ? "asked for" : "nobody asks");
}

TEST(forward_reserved)
{
	own_net();
	veth_pair("va1", "vb1");
	set_up("va1", 1);
	set_up("vb1", 1);
	add_addr("vb0", AF_INET, "245.99.0.1", 16);
	add_addr("va1", AF_INET, "240.5.6.1", 24);
	add_addr("va1", AF_INET, "0.200.0.1", 16);
	add_addr("va1", AF_INET, "10.8.0.1", 24);
	put_text("/proc/sys/net/ipv4/ip_forward", "1");
	in = packet_socket("va0", SOCK_RAW, 0);
	away = packet_socket("vb1", SOCK_RAW, ETH_P_ARP);
	through("245.99.101.2", "10.8.0.9", 20);
	through("245.99.101.2", "240.5.6.9", 20);
	through("245.99.101.2", "0.200.3.4", 20);
	through("245.99.101.2", "255.255.255.255", 1);
}
