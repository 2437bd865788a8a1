/* SPDX-License-Identifier: MIT */
/*
 * packet_reserve: PACKET_RESERVE beyond the range of tp_net: a packet finds no place in the ring,
 * and is counted as dropped.
 */
#include "netns.h"
#include <linux/if_ether.h>
#include <sys/mman.h>

static void ring(int version, int reserve, unsigned frame)
{
	struct tpacket_req3 q = {
		.tp_block_size = 1 << 18, .tp_block_nr = 2, .tp_frame_size = frame
	};
	struct sockaddr_ll a = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = 1
	};
	struct tpacket_stats_v3 st = { 0 };
	socklen_t n = version == TPACKET_V3 ? sizeof(st) : sizeof(struct tpacket_stats);
	struct sockaddr_in to = at("127.0.0.1", 777);
	int fd = NEED(socket(AF_PACKET, SOCK_RAW, 0)), udp = NEED(socket(AF_INET, SOCK_DGRAM, 0)),
	    r;

	NEED(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(int)));
	NEED(setsockopt(fd, SOL_PACKET, PACKET_RESERVE, &reserve, sizeof(int)));
	q.tp_frame_nr = q.tp_block_size / frame * q.tp_block_nr;
	r = setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q,
		version == TPACKET_V3 ? sizeof(q) : sizeof(struct tpacket_req));
	say("V%d, reserve %d, frames of %u: %d %s", version + 1, reserve, frame, r,
		r ? strerror(errno) : "");
	if (!r) {
		NEED(bind(fd, SA(&a), sizeof(a)));
		NEED(sendto(udp, "hello", 5, 0, SA(&to), sizeof(to)));
		NEED(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &n));
		say("  %u packets, %u lost", st.tp_packets, st.tp_drops);
	}
	close(udp);
	close(fd);
}

TEST(packet_reserve)
{
	own_net();
	for (int v = TPACKET_V1; v <= TPACKET_V3; v++) {
		ring(v, 100, 1 << 17);
		ring(v, 65000, 1 << 17);
		ring(v, 65400, 1 << 17);
		ring(v, 65536, 1 << 17);
		ring(v, 100000, 1 << 17);
		ring(v, 1 << 17, 1 << 17);
	}
}
