/* SPDX-License-Identifier: MIT */
/*
 * fragments: fragments of a datagram arrive in any order, several times, or overlap: when a
 * datagram results, and which bytes it has.
 */
#include "netns.h"
#include <netinet/ip.h>
#include <netinet/udp.h>

#define LEN 4096 /* of UDP, header and all */
#define PIECE 8

static int out, in;
static unsigned char whole[LEN];

static void piece(int id, int from, int len, int more)
{
	struct sockaddr_in to = at("127.0.0.1", 0);
	unsigned char p[20 + LEN] = { 0x45 };
	struct iphdr *h = (void *)p;

	h->id = htons((uint16_t)id);
	h->frag_off = htons((uint16_t)(from / 8 | (more ? 0x2000 : 0)));
	h->ttl = 9;
	h->protocol = IPPROTO_UDP;
	h->saddr = h->daddr = htonl(0x7f000001);
	memcpy(p + 20, whole + from, (size_t)len);
	NEED(sendto(out, p, 20 + (size_t)len, 0, SA(&to), sizeof(to)));
}

static void nth(int id, int n)
{
	piece(id, n * PIECE, PIECE, n < LEN / PIECE - 1);
}

static void arrived(const char *what)
{
	static unsigned char b[LEN];
	ssize_t n = recv(in, b, sizeof(b), MSG_DONTWAIT);

	say("%s: %zd %s", what, n,
		n > 0 ? memcmp(b, whole + 8, (size_t)n) ? "others" : "the same" : "");
}

/* Sends pieces @from to @to - 1. */
static void some(int id, int from, int to)
{
	for (int i = from; i < to; i++)
		nth(id, i);
}

/*
 * Fragments whose bytes have all arrived. They are ignored if those bytes came in order at the end
 * of what was there; otherwise they count as an overlap.
 */
static void inside(void)
{
	const int n = LEN / PIECE;

	some(20, 0, 8);
	piece(20, 2 * PIECE, 2 * PIECE, 1);
	piece(20, 0, 8 * PIECE, 1);
	some(20, 8, n);
	arrived("inside of what came in order");
	piece(21, 0, 8 * PIECE, 1);
	nth(21, 3);
	nth(21, 7);
	some(21, 8, n);
	arrived("inside of one");
	nth(22, 1);
	nth(22, 0);
	piece(22, 0, 2 * PIECE, 1);
	some(22, 2, n);
	arrived("inside of two in another order");
	nth(23, n - 1);
	some(23, 0, 4);
	piece(23, 0, 2 * PIECE, 1);
	some(23, 4, n - 1);
	arrived("inside of two before the end");
	some(24, 0, 4);
	some(24, 8, 12);
	piece(24, 9 * PIECE, 2 * PIECE, 1);
	piece(24, PIECE, 2 * PIECE, 1);
	some(24, 4, 8);
	some(24, 12, n);
	arrived("inside of both of two runs");
	some(25, 0, 4);
	piece(25, 2 * PIECE, 4 * PIECE, 1);
	some(25, 4, n);
	arrived("over the end of a run");
	some(26, 0, 8);
	piece(26, 6 * PIECE, 2 * PIECE, 0);
	some(26, 8, n);
	arrived("an early end inside");
	some(27, 1, n);
	piece(27, LEN - 2 * PIECE, 2 * PIECE, 0);
	nth(27, 0);
	arrived("the end again");
	some(28, 1, n - 1);
	piece(28, LEN - 2 * PIECE, 2 * PIECE, 0);
	nth(28, n - 1);
	nth(28, 0);
	arrived("over the last");
	some(29, 0, n - 1);
	piece(29, PIECE, PIECE, 0);
	nth(29, n - 1);
	arrived("an end before what is there");
}

TEST(fragments)
{
	struct sockaddr_in a = at("127.0.0.1", 777);
	struct udphdr *u = (void *)whole;
	const int n = LEN / PIECE;

	own_net();
	out = NEED(socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
	in = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	NEED(bind(in, SA(&a), sizeof(a)));
	for (int i = 8; i < LEN; i++)
		whole[i] = (unsigned char)(i * 7 + i / 256);
	u->source = htons(1);
	u->dest = htons(777);
	u->len = htons(LEN);
	for (int i = 0; i < n; i++)
		nth(1, i);
	arrived("in order");
	for (int i = n; i--;)
		nth(2, i);
	arrived("from the end");
	for (int i = 0; i < n; i += 2)
		nth(3, i);
	for (int i = n - 1; i > 0; i -= 2)
		nth(3, i);
	arrived("even and odd");
	for (int i = 0; i < n; i++)
		nth(4, i * 37 % n);
	arrived("mixed");
	for (int i = 0; i < n - 1; i++) {
		nth(5, i);
		nth(5, i / 2);
	}
	arrived("but the last");
	nth(5, n - 1);
	arrived("each again");
	nth(6, 3);
	piece(6, 2 * PIECE, 2 * PIECE, 1);
	for (int i = 0; i < n; i++)
		if (i != 3)
			nth(6, i);
	arrived("overlap behind");
	nth(7, n - 1);
	piece(7, LEN - 2 * PIECE, PIECE, 0);
	for (int i = 0; i < n - 1; i++)
		nth(7, i);
	arrived("another end");
	nth(8, 9);
	piece(8, 5 * PIECE, PIECE, 0);
	for (int i = 0; i < n; i++)
		if (i != 9)
			nth(8, i);
	arrived("the end before what is there");
	inside();
}
