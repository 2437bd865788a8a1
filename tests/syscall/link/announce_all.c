/* SPDX-License-Identifier: MIT */
/*
 * announce_all: with arp_notify a device that comes up announces each of its IPv4 addresses, and
 * with ndisc_notify one that gets another link address each of its IPv6 addresses.
 */
#include "nd.h"

#define ADDRESSES 20
#define WAIT_MS 1500

/* Counts the addresses of which announcements come: their last byte is 1 to ADDRESSES. */
static void count(int fd, int at, const char *what)
{
	long end = now_ms() + WAIT_MS;
	bool seen[256] = { false };
	int n = 0;

	while (n < ADDRESSES && now_ms() < end) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		unsigned char m[512];
		ssize_t got;

		if (poll(&p, 1, 100) != 1)
			continue;
		got = recv(fd, m, sizeof(m), 0);
		if (got <= at || m[at] == 0 || m[at] > ADDRESSES || seen[m[at]])
			continue;
		if (at > 24 && m[40] != 136) /* no neighbour advertisement */
			continue;
		seen[m[at]] = true;
		n++;
	}
	say("%s: %d of %d", what, n, ADDRESSES);
}

TEST(announce_all)
{
	int arp;

	own_net();
	for (int i = 2; i <= ADDRESSES; i++) { /* the first exists */
		char text[64];

		snprintf(text, sizeof(text), "10.9.0.%d", i);
		add_addr("va0", AF_INET, text, 24);
	}
	nd_open();
	arp = packet_socket("vb0", SOCK_DGRAM, ETH_P_ARP);
	put_text("/proc/sys/net/ipv4/conf/va0/arp_notify", "1");
	set_up("va0", 0);
	set_up("va0", 1);
	count(arp, 17, "IPv4");
	for (int i = 1; i <= ADDRESSES; i++) {
		char text[64];

		snprintf(text, sizeof(text), "fd00::%x", i);
		add_addr("va0", AF_INET6, text, 64);
	}
	put_text("/proc/sys/net/ipv6/conf/va0/ndisc_notify", "1");
	set_mac("va0", 3);
	count(nd_fd, 40 + 8 + 15, "IPv6");
}
