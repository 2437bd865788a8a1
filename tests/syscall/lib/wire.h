/* SPDX-License-Identifier: MIT */
/*
 * wire.h: the test itself is the peer. Packets that the stack sends by va0 (own_net()) to 10.9.0.2
 * and up come out of vb0, which has no address, and frames that the test writes there come in. The
 * test makes and reads TCP segments by hand. MACs of peers are static neighbour entries, so the
 * stack sends no ARP requests. Errors end the test.
 */
#ifndef TESTS_SYSCALL_WIRE_H
#define TESTS_SYSCALL_WIRE_H

#include "netns.h"
#include <linux/if_ether.h>
#include <net/if_arp.h>

#define W_FIN 1
#define W_SYN 2
#define W_RST 4
#define W_PSH 8
#define W_ACK 16
#define W_ECE 64
#define W_CWR 128

/* A TCP segment in either direction. Numbers are in host order. */
struct seg {
	int peer;          /* last byte of 10.9.0.peer */
	uint16_t our, its; /* ports: of the stack, of the peer */
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t win;
	uint8_t opts[40];
	unsigned nopts, len; /* length of the payload */
};

/* packet socket at vb0 */
static int wire;

/* Adds the peer 10.9.0.@last. */
static T_UNUSED void wire_peer(int last)
{
	struct arpreq r = { .arp_ha = { .sa_family = ARPHRD_ETHER,
				    .sa_data = { 2, 0, 0, 0, 0, 2 } },
		.arp_flags = ATF_PERM | ATF_COM,
		.arp_dev = "va0" };
	int fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	char text[16];

	sprintf(text, "10.9.0.%d", last);
	*(struct sockaddr_in *)&r.arp_pa = at(text, 0);
	NEED(ioctl(fd, SIOCSARP, &r));
	close(fd);
}

/* Makes the namespace with the peer 10.9.0.2, and opens @wire. The test stays on its CPU. */
static T_UNUSED void wire_open(void)
{
	t_one_cpu();
	own_net();
	wire_peer(2);
	wire = packet_socket("vb0", SOCK_RAW, ETH_P_ALL);
}

/*
 * Reads the next frame that comes to vb0 within @ms into the @size bytes at @f. Returns its length,
 * or 0.
 */
static T_UNUSED int wire_read(unsigned char *f, size_t size, int ms)
{
	struct timespec t;
	long until, now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	until = t.tv_sec * 1000 + t.tv_nsec / 1000000 + ms;
	for (;;) {
		struct pollfd p = { .fd = wire, .events = POLLIN };
		struct sockaddr_ll a;
		socklen_t alen = sizeof(a);
		int n;

		clock_gettime(CLOCK_MONOTONIC, &t);
		now = t.tv_sec * 1000 + t.tv_nsec / 1000000;
		if (poll(&p, 1, now < until ? (int)(until - now) : 0) <= 0)
			return 0;
		n = (int)NEED(recvfrom(wire, f, size, 0, SA(&a), &alen));
		if (a.sll_pkttype != PACKET_OUTGOING)
			return n;
	}
}

/* Sends an ARP request. Its answer comes behind the stack's reactions to all frames before it. */
static T_UNUSED void wire_ask(void)
{
	static const unsigned char ask[42] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0,
		6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 10, 9, 0, 2, 0, 0, 0, 0, 0, 0, 10, 9, 0, 1 };

	NEED(send(wire, ask, sizeof(ask), 0));
}

/* True if the frame of @n bytes is an ARP answer. */
static T_UNUSED bool wire_is_answer(const unsigned char *f, int n)
{
	return n >= 42 && f[12] == 8 && f[13] == 6 && f[21] == 2;
}

/* Waits until all frames sent before have been processed; discards frames that arrive meanwhile. */
static T_UNUSED void wire_settle(void)
{
	unsigned char f[2048];
	int n;

	wire_ask();
	do {
		n = wire_read(f, sizeof(f), 100000);
		NEED(n ? 0 : -1);
	} while (!wire_is_answer(f, n));
}

/* Adds @n bytes to a checksum, which wire_put_sum() stores. */
static T_UNUSED uint32_t wire_sum(const unsigned char *p, unsigned n, uint32_t sum)
{
	for (unsigned i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	return sum;
}

static T_UNUSED void wire_put_sum(unsigned char *at, uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	at[0] = (unsigned char)(sum >> 8);
	at[1] = (unsigned char)sum;
}

/*
 * Sends an IPv4 packet from 10.9.0.@peer with the @n bytes behind the first 34 of @f. Fills in the
 * Ethernet and IP headers there.
 */
static T_UNUSED void wire_ip(unsigned char *f, int proto, int peer, unsigned n)
{
	static const unsigned char head[34] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0,
		0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 10, 9, 0, 0, 10, 9, 0, 1 };

	memcpy(f, head, sizeof(head));
	f[16] = (unsigned char)((20 + n) >> 8);
	f[17] = (unsigned char)(20 + n);
	f[23] = (unsigned char)proto;
	f[29] = (unsigned char)peer;
	wire_put_sum(f + 24, wire_sum(f + 14, 20, 0));
	NEED(send(wire, f, 34 + n, 0));
}

/*
 * Waits until all frames sent before have been processed and the stack's reactions can be read: an
 * echo request behind them is answered, twice.
 */
static T_UNUSED void wire_quiet(void)
{
	unsigned char f[2048];
	int own = wire, n;

	wire = packet_socket("vb0", SOCK_RAW, ETH_P_ALL);
	for (int i = 0; i < 2; i++) {
		memcpy(f + 34, (unsigned char[]){ 8, 0, 0, 0, 'q', 't', 0, (unsigned char)i }, 8);
		wire_put_sum(f + 36, wire_sum(f + 34, 8, 0));
		wire_ip(f, 1, 2, 8);
		do {
			n = wire_read(f, sizeof(f), 100000);
			NEED(n ? 0 : -1);
		} while (n < 42 || f[12] != 8 || f[13] || f[23] != 1 || f[34] || f[38] != 'q' ||
			 f[41] != i);
	}
	close(wire);
	wire = own;
}

/* Sends a segment from the peer, whose payload is s->len bytes 'x' (about 1900 at most). */
static T_UNUSED void seg_send(const struct seg *s)
{
	unsigned char f[2048] = { 0 }, *t = f + 34,
		      pseudo[12] = { 10, 9, 0, (unsigned char)s->peer, 10, 9, 0, 1, 0, 6 };
	unsigned opts = (s->nopts + 3) & ~3U, n = 20 + opts + s->len;
	uint16_t ports[2] = { htons(s->its), htons(s->our) }, win = htons(s->win);
	uint32_t seqs[2] = { htonl(s->seq), htonl(s->ack) };

	memcpy(t, ports, 4);
	memcpy(t + 4, seqs, 8);
	t[12] = (unsigned char)((20 + opts) << 2);
	t[13] = s->flags;
	memcpy(t + 14, &win, 2);
	memset(t + 20, 1, opts);
	memcpy(t + 20, s->opts, s->nopts);
	memset(t + 20 + opts, 'x', s->len);
	pseudo[10] = (unsigned char)(n >> 8);
	pseudo[11] = (unsigned char)n;
	wire_put_sum(t + 16, wire_sum(t, n, wire_sum(pseudo, 12, 0)));
	wire_ip(f, 6, s->peer, n);
}

static unsigned char seg_frame[70000];

/* Reads seg_frame, a frame of @n bytes. True if it is a TCP segment, which goes to *@s. */
static T_UNUSED bool seg_of_frame(struct seg *s, int n)
{
	const unsigned char *f = seg_frame, *t = f + 34;
	uint32_t w;
	uint16_t h;

	if (n < 54 || f[12] != 8 || f[13] != 0 || f[23] != 6)
		return false;
	*s = (struct seg){ .peer = f[33], .flags = t[13] };
	memcpy(&h, t, 2);
	s->our = ntohs(h);
	memcpy(&h, t + 2, 2);
	s->its = ntohs(h);
	memcpy(&w, t + 4, 4);
	s->seq = ntohl(w);
	memcpy(&w, t + 8, 4);
	s->ack = ntohl(w);
	memcpy(&h, t + 14, 2);
	s->win = ntohs(h);
	s->nopts = (t[12] >> 4) * 4 - 20;
	memcpy(s->opts, t + 20, s->nopts);
	s->len = (unsigned)((f[16] << 8 | f[17]) - 40) - s->nopts;
	return true;
}

/* Reads the next TCP segment that the stack sends within @ms. False if none comes. */
static T_UNUSED bool seg_read(struct seg *s, int ms)
{
	int n;

	do {
		n = wire_read(seg_frame, sizeof(seg_frame), ms);
		if (!n)
			return false;
	} while (!seg_of_frame(s, n));
	return true;
}

/*
 * Reads the next TCP segment that comes before the answer to wire_ask(). False if the answer comes
 * first.
 */
static T_UNUSED bool seg_before_answer(struct seg *s)
{
	for (;;) {
		int n = wire_read(seg_frame, sizeof(seg_frame), 100000);

		NEED(n ? 0 : -1);
		if (wire_is_answer(seg_frame, n))
			return false;
		if (seg_of_frame(s, n))
			return true;
	}
}

/* Returns option @kind of @s, or NULL. */
static T_UNUSED const uint8_t *seg_opt(const struct seg *s, int kind)
{
	for (unsigned i = 0; i < s->nopts && s->opts[i]; i += s->opts[i] == 1 ? 1 :
							      s->opts[i + 1]  ? s->opts[i + 1] :
										1)
		if (s->opts[i] == kind)
			return s->opts + i;
	return NULL;
}

/* Returns a segment that answers @s, with the given sequence number and flags. */
static T_UNUSED struct seg seg_answer(const struct seg *s, uint32_t seq, uint8_t flags)
{
	return (struct seg){ .peer = s->peer,
		.our = s->our,
		.its = s->its,
		.seq = seq,
		.ack = s->seq + s->len + !!(s->flags & (W_SYN | W_FIN)),
		.flags = flags,
		.win = 60000 };
}

/*
 * Returns a socket of the stack that has connected to port @port of the peer, whose SYN has the
 * @nopts bytes of options at @opts. *last becomes the peer's next segment, an ACK without data.
 */
static T_UNUSED int seg_connected(
	uint16_t port, const uint8_t *opts, unsigned nopts, struct seg *last)
{
	int fd = NEED(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	struct sockaddr_in a = at("10.9.0.2", port);
	struct seg s;

	if (connect(fd, SA(&a), sizeof(a)) && errno != EINPROGRESS)
		say("connect: %s", strerror(errno));
	do
		NEED(seg_read(&s, 100000) ? 0 : -1);
	while (s.its != port || !(s.flags & W_SYN));
	*last = seg_answer(&s, 1000, W_SYN | W_ACK);
	memcpy(last->opts, opts, nopts);
	last->nopts = nopts;
	seg_send(last);
	NEED(seg_read(&s, 100000) ? 0 : -1);
	last->seq++;
	last->flags = W_ACK;
	last->nopts = 0;
	return fd;
}

/* Closes with a reset, so that no segment of the connection is sent again. */
static T_UNUSED void seg_abort(int fd)
{
	struct linger l = { 1, 0 };

	NEED(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	close(fd);
}

/* Returns a non-blocking socket of the stack that listens on 10.9.0.1. */
static T_UNUSED int seg_listener(uint16_t port, int backlog)
{
	int fd = NEED(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	struct sockaddr_in a = at("10.9.0.1", port);

	NEED(bind(fd, SA(&a), sizeof(a)));
	NEED(listen(fd, backlog));
	return fd;
}

#endif
