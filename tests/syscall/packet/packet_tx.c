/* SPDX-License-Identifier: MIT */
/*
 * packet_tx: PACKET_TX_RING: frames that the program writes into shared memory, in three formats,
 * and that a send() without data transmits; invalid frames; offsets of the data; both rings in one
 * mapping; and lengths that lie, since the program writes them.
 */
#include "netns.h"
#include <linux/if_ether.h>

#define FRAME 2048
#define FRAMES 8
#define KIND 0x88b5

static int fd, sink;
static char *map;

static const unsigned char heading[14] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };

static int ring(int opt, int version, unsigned frames)
{
	struct tpacket_req3 q = { .tp_block_size = 4096,
		.tp_block_nr = frames / 2,
		.tp_frame_size = FRAME,
		.tp_frame_nr = frames };

	return setsockopt(fd, SOL_PACKET, opt, &q,
		version == TPACKET_V3 ? sizeof(q) : sizeof(struct tpacket_req));
}

static void make(int type, int version)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex("va0") };

	fd = NEED(socket(AF_PACKET, type, 0));
	NEED(set(fd, SOL_PACKET, PACKET_VERSION, version));
	if (type == SOCK_DGRAM)
		a.sll_protocol = htons(KIND);
	a.sll_halen = 6;
	memcpy(a.sll_addr, heading, 6);
	NEED(bind(fd, SA(&a), sizeof(a)));
}

static void make_ring(int type, int version)
{
	make(type, version);
	TN("tx ring", ring(PACKET_TX_RING, version, FRAMES));
	map = mmap(NULL, FRAME * FRAMES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	IS(map != MAP_FAILED);
}

static void done(void)
{
	munmap(map, FRAME * FRAMES);
	close(fd);
}

static ssize_t go(int type, const void *data, size_t n, int flags)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
		.sll_protocol = htons(KIND),
		.sll_ifindex = (int)if_nametoindex("va0"),
		.sll_halen = 6 };

	memcpy(a.sll_addr, heading, 6);
	return type == SOCK_DGRAM ? sendto(fd, data, n, flags, SA(&a), sizeof(a)) :
				    send(fd, data, n, flags);
}

/* Sets the length of frame @i, and requests that it is sent. */
static void ready(int version, int i, unsigned len)
{
	char *f = map + i * FRAME;

	if (version == TPACKET_V1) {
		((struct tpacket_hdr *)f)->tp_len = len;
		__atomic_store_n(&((struct tpacket_hdr *)f)->tp_status, TP_STATUS_SEND_REQUEST,
			__ATOMIC_RELEASE);
	} else if (version == TPACKET_V2) {
		((struct tpacket2_hdr *)f)->tp_len = len;
		__atomic_store_n(&((struct tpacket2_hdr *)f)->tp_status, TP_STATUS_SEND_REQUEST,
			__ATOMIC_RELEASE);
	} else {
		((struct tpacket3_hdr *)f)->tp_len = len;
		__atomic_store_n(&((struct tpacket3_hdr *)f)->tp_status, TP_STATUS_SEND_REQUEST,
			__ATOMIC_RELEASE);
	}
}

static char *bytes(int version, int i)
{
	return map + i * FRAME + (version == TPACKET_V3 ? 48 : 32);
}

/* Returns the status of frame @i, without the flag for its timestamp. */
static unsigned status(int version, int i)
{
	char *f = map + i * FRAME;
	unsigned s = version == TPACKET_V1 ? (unsigned)((struct tpacket_hdr *)f)->tp_status :
		     version == TPACKET_V2 ? ((struct tpacket2_hdr *)f)->tp_status :
					     ((struct tpacket3_hdr *)f)->tp_status;

	return s & 7;
}

static void statuses(int version)
{
	char line[64] = "";

	for (int i = 0; i < FRAMES; i++)
		sprintf(line + strlen(line), " %u", status(version, i));
	say("statuses%s", line);
}

static void fill(int type, int version, int i, const char *text)
{
	char *p = bytes(version, i);
	unsigned n = type == SOCK_RAW ? 14 : 0;

	memcpy(p, heading, n);
	memcpy(p + n, text, strlen(text));
	ready(version, i, n + (unsigned)strlen(text));
}

/* Prints the @frames frames that are on their way, and any others that come. */
static void came(int frames)
{
	char buf[4096];
	ssize_t n;

	for (int i = 0;; i++) {
		if (i < frames)
			await(sink, POLLIN);
		n = recv(sink, buf, sizeof(buf) - 1, MSG_DONTWAIT);
		if (n < 0)
			break;
		buf[n] = 0;
		say("  came: %zd %02x%02x %s", n, (unsigned char)buf[12], (unsigned char)buf[13],
			n > 14 ? buf + 14 : "");
	}
}

static void sending(int type, int version)
{
	say("type %d version %d", type, version + 1);
	make_ring(type, version);
	T(go(type, NULL, 0, MSG_DONTWAIT));
	fill(type, version, 0, "one");
	fill(type, version, 1, "second");
	T(events(fd) & POLLOUT);
	T(go(type, NULL, 0, 0));
	came(2);
	statuses(version);
	/* what is not its turn stays */
	fill(type, version, 3, "fourth");
	T(go(type, NULL, 0, 0));
	came(0);
	fill(type, version, 2, "third");
	T(go(type, NULL, 0, 0));
	came(2);
	/* The ring wraps. A send() with data takes the same path. */
	for (int i = 4; i < 12; i++)
		fill(type, version, i % FRAMES, "round");
	T(go(type, "not this", 8, 0));
	came(8);
	statuses(version);
	done();
	if (type != SOCK_DGRAM)
		return;
	make_ring(type, version);
	fill(type, version, 0, "to whom");
	T(send(fd, NULL, 0, 0));
	statuses(version);
	done();
}

static void wrong(int type, int version)
{
	say("wrong: type %d version %d", type, version + 1);
	make_ring(type, version);
	fill(type, version, 0, "good");
	ready(version, 1, FRAME);
	fill(type, version, 2, "behind");
	T(go(type, NULL, 0, 0));
	came(1);
	statuses(version);
	T(go(type, NULL, 0, 0));
	ready(version, 1, 1600);
	T(go(type, NULL, 0, 0));
	ready(version, 1, 0x7fffffff);
	T(go(type, NULL, 0, 0));
	ready(version, 1, 13);
	T(go(type, NULL, 0, 0));
	ready(version, 1, 0);
	T(go(type, NULL, 0, 0));
	came(type == SOCK_DGRAM ? 2 : 0);
	statuses(version);
	done();
	/* PACKET_LOSS: it is passed over */
	make(type, version);
	T(set(fd, SOL_PACKET, PACKET_LOSS, 1));
	TN("tx ring", ring(PACKET_TX_RING, version, FRAMES));
	T(set(fd, SOL_PACKET, PACKET_LOSS, 0));
	map = mmap(NULL, FRAME * FRAMES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	fill(type, version, 0, "good");
	ready(version, 1, FRAME);
	fill(type, version, 2, "behind");
	T(go(type, NULL, 0, 0));
	came(2);
	statuses(version);
	done();
}

/* PACKET_TX_HAS_OFF: the program says where the data begins. */
static void offsets(int version)
{
	static const int at[] = { 32, 31, 48, 47, 100, 0, -1, FRAME - 20, FRAME - 19, 65535 };

	say("offsets, version %d", version + 1);
	make(SOCK_RAW, version);
	NEED(set(fd, SOL_PACKET, PACKET_TX_HAS_OFF, 1));
	NEED(set(fd, SOL_PACKET, PACKET_LOSS, 1));
	NEED(ring(PACKET_TX_RING, version, FRAMES));
	map = mmap(NULL, FRAME * FRAMES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (unsigned k = 0; k < sizeof(at) / sizeof(at[0]); k++) {
		char *f = map + k % FRAMES * FRAME;
		ssize_t n;

		for (int i = 56; i + 20 < FRAME; i += 20) {
			memcpy(f + i, heading, 14);
			memcpy(f + i + 14, "......", 6);
		}
		if (at[k] >= 32 && at[k] < FRAME - 19) {
			memcpy(f + at[k], heading, 14);
			memcpy(f + at[k] + 14, "here!!", 6);
		}
		if (version == TPACKET_V1)
			((struct tpacket_hdr *)f)->tp_mac = (unsigned short)at[k];
		else if (version == TPACKET_V2)
			((struct tpacket2_hdr *)f)->tp_mac = (unsigned short)at[k];
		else
			((struct tpacket3_hdr *)f)->tp_mac = (unsigned short)at[k];
		ready(version, (int)k % FRAMES, 20);
		n = send(fd, NULL, 0, 0);
		say("at %d: %zd", at[k], n);
		came(n > 0);
	}
	done();
}

static void options(void)
{
	struct tpacket_req3 q = { .tp_block_size = 4096,
		.tp_block_nr = 2,
		.tp_frame_size = FRAME,
		.tp_frame_nr = 4,
		.tp_sizeof_priv = 8 };
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_ifindex = 777, .sll_halen = 6 };

	say("options");
	make(SOCK_RAW, TPACKET_V3);
	T(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &q, sizeof(q)));
	q.tp_sizeof_priv = 0;
	q.tp_retire_blk_tov = 10;
	T(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &q, sizeof(q)));
	q.tp_retire_blk_tov = 0;
	q.tp_feature_req_word = 1;
	T(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &q, sizeof(q)));
	q.tp_feature_req_word = 0;
	T(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &q, sizeof(q)));
	T(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &q, sizeof(q)));
	T(set(fd, SOL_PACKET, PACKET_VERSION, 0));
	T(set(fd, SOL_PACKET, PACKET_RESERVE, 0));
	T(set(fd, SOL_PACKET, PACKET_VNET_HDR, 1));
	T(set(fd, SOL_PACKET, PACKET_TX_HAS_OFF, 1));
	T(sendto(fd, NULL, 0, 0, SA(&a), sizeof(a)));
	T(sendto(fd, NULL, 0, 0, SA(&a), 10));
	a.sll_family = AF_INET;
	T(sendto(fd, NULL, 0, 0, SA(&a), sizeof(a)));
	close(fd);
	fd = NEED(socket(AF_PACKET, SOCK_RAW, 0));
	T(ring(PACKET_TX_RING, 0, FRAMES));
	T(send(fd, NULL, 0, 0));
	close(fd);
}

/* The receive ring comes before the send ring in the mapping. */
static void both(int version)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
		.sll_protocol = htons(KIND),
		.sll_ifindex = (int)if_nametoindex("va0") };
	struct tpacket2_hdr *rx;
	int other = NEED(socket(AF_PACKET, SOCK_RAW, 0));
	char frame[20], *all;

	say("both, version %d", version + 1);
	make(SOCK_RAW, version);
	TN("tx ring", ring(PACKET_TX_RING, version, FRAMES));
	map = mmap(NULL, FRAME * FRAMES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	fill(SOCK_RAW, version, 0, "kept");
	munmap(map, FRAME * FRAMES);
	TN("rx ring", ring(PACKET_RX_RING, version, 4));
	IS(mmap(NULL, FRAME * FRAMES, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	all = mmap(NULL, FRAME * (FRAMES + 4), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	IS(all != MAP_FAILED);
	NEED(bind(fd, SA(&a), sizeof(a)));
	map = all + FRAME * 4;
	T(send(fd, NULL, 0, 0));
	came(1);
	/* from the other end */
	memcpy(frame, heading, 14);
	memcpy(frame + 14, "inward", 6);
	a.sll_ifindex = (int)if_nametoindex("vb0");
	NEED(sendto(other, frame, 20, 0, SA(&a), sizeof(a)));
	T(await(fd, POLLIN) & POLLIN);
	rx = (void *)all;
	say("status %d len %u: %.6s", rx->tp_status & 1, rx->tp_len, all + rx->tp_net);
	TN("rx ring off, mapped", ring(PACKET_RX_RING, version, 0));
	munmap(all, FRAME * (FRAMES + 4));
	TN("rx ring off", ring(PACKET_RX_RING, version, 0));
	map = mmap(NULL, FRAME * FRAMES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	IS(map != MAP_FAILED);
	fill(SOCK_RAW, version, 1, "after");
	T(send(fd, NULL, 0, 0));
	came(1);
	done();
	close(other);
}

TEST(packet_tx)
{
	own_net();
	sink = packet_socket("vb0", SOCK_RAW, KIND);
	options();
	for (int v = 0; v < 3; v++) {
		sending(SOCK_RAW, v);
		sending(SOCK_DGRAM, v);
		wrong(SOCK_RAW, v);
		wrong(SOCK_DGRAM, v);
		offsets(v);
	}
	both(TPACKET_V2);
}
