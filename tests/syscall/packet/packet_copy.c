/* SPDX-License-Identifier: MIT */
/*
 * packet_copy: PACKET_COPY_THRESH: a packet that is too long for a frame of the ring can also be
 * received whole.
 */
#include "netns.h"
#include <linux/if_ether.h>
#include <sys/mman.h>

#define FRAME 256

static void sent(int n)
{
	struct sockaddr_in to = at("127.0.0.1", 777);
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	char b[1000] = "text";

	NEED(sendto(fd, b, (size_t)n, 0, SA(&to), sizeof(to)));
	close(fd);
}

/* Prints the status and lengths of a frame. */
static void frame(const char *ring, int i, int version)
{
	const struct tpacket_hdr *h1 = (const void *)(ring + i * FRAME);
	const struct tpacket2_hdr *h2 = (const void *)h1;

	say(" frame %d: status %lx, %u bytes of %u", i,
		(version ? h2->tp_status : h1->tp_status) &
			(TP_STATUS_USER | TP_STATUS_COPY | TP_STATUS_LOSING),
		version ? h2->tp_snaplen : h1->tp_snaplen, version ? h2->tp_len : h1->tp_len);
}

static void received(int version)
{
	struct tpacket_req q = { 8192, 2, FRAME, 64 };
	struct sockaddr_ll a = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = 1
	};
	struct tpacket_stats st;
	socklen_t n = sizeof(st);
	int fd = NEED(socket(AF_PACKET, SOCK_DGRAM, 0)), most = 500;
	char b[2000], *ring;

	NEED(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(int)));
	NEED(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)));
	ring = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(ring == MAP_FAILED ? -1 : 0);
	NEED(bind(fd, SA(&a), sizeof(a)));
	sent(900);
	T(recv(fd, b, sizeof(b), MSG_DONTWAIT));
	T(setsockopt(fd, SOL_PACKET, PACKET_COPY_THRESH, &most, sizeof(most)));
	sent(900);
	sent(20);
	for (int i = 0; i < 4; i++)
		frame(ring, i, version);
	for (int i = 0; i < 3; i++)
		T(recv(fd, b, sizeof(b), MSG_DONTWAIT));
	T(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &n));
	say("%u packets, %u lost", st.tp_packets, st.tp_drops);
	munmap(ring, 16384);
	close(fd);
}

TEST(packet_copy)
{
	struct sockaddr_in here = at("127.0.0.1", 777);

	own_net();
	NEED(bind(NEED(socket(AF_INET, SOCK_DGRAM, 0)), SA(&here), sizeof(here)));
	received(TPACKET_V1);
	received(TPACKET_V2);
}
