/* SPDX-License-Identifier: MIT */
/*
 * gso.c: segments of a TCP connection that wait behind each other for a card that cuts segments itself leave as one frame of up to
 * 64 KiB, with one header.
 *
 * They are joined here, at the card's queue, and not made large by TCP: so its windows, its scoreboard and what it sends again count in
 * real segments, and what a packet filter or a socket of AF_PACKET sees is what travels. A join costs a comparison of headers; what it
 * saves is a host call and the host's own work for each segment.
 *
 * Joined are segments of full size in a row, and one shorter at the end, whose headers differ only in what the cutting writes anew:
 * lengths, sequence numbers, checksums, and PSH on the last. Only those are asked whose checksum is the card's to fill in
 * (skb->csum_head): their headers are our own, and as tcp_out.c and ip.c write them.
 * Locks: the caller owns the packets.
 */
#include "kernel/net/gso.h"

#include <linux/if_ether.h>

#include "kernel/lib/string.h"

#define IP_BYTES 65535U
#define V4_LEN 20U
#define V6_LEN 40U
#define ONLY_ACK 0x10
#define PUSH 0x08

static const u8 *header(const struct sk_buff *skb)
{
	return skb->room + skb->head;
}

/* Where TCP begins in the frame, 0: not a segment that can be joined. */
static u32 tcp_at(const struct sk_buff *skb)
{
	const u8 *h = header(skb);
	u32 at, len = skb_headlen(skb);

	if (!skb->csum_head || !skb->len)
		return 0;
	at = (u32)skb->csum_head - skb->head;
	if (at != ETH_HLEN + (skb->protocol == ETH_P_IP ? V4_LEN : V6_LEN) || len < at + 20)
		return 0;
	if (at + (h[at + 12] >> 4) * 4U != len || (h[at + 13] & ~PUSH) != ONLY_ACK)
		return 0;
	/* without an identification, which would have to count up */
	if (skb->protocol == ETH_P_IP &&
		(h[ETH_HLEN + 4] || h[ETH_HLEN + 5] || h[ETH_HLEN + 6] != 0x40))
		return 0;
	return at;
}

static u32 seq_of(const struct sk_buff *skb, u32 at)
{
	u32 be;

	memcpy(&be, header(skb) + at + 4, 4);
	return ntohl(be);
}

/* The same but for lengths, checksums, sequence number and PSH. */
static bool alike(const u8 *a, const u8 *b, u32 at, u32 len, bool v6)
{
	const u32 ip = ETH_HLEN;

	if (memcmp(a, b, ip + (v6 ? 4 : 2)))
		return false;
	if (v6 ? memcmp(a + ip + 6, b + ip + 6, V6_LEN - 6) :
		 memcmp(a + ip + 4, b + ip + 4, 6) || memcmp(a + ip + 12, b + ip + 12, 8))
		return false;
	return !memcmp(a + at, b + at, 4) && !memcmp(a + at + 8, b + at + 8, 5) &&
	       !memcmp(a + at + 14, b + at + 14, 2) &&
	       !memcmp(a + at + 18, b + at + 18, len - at - 18);
}

/* Does @next continue what @prev ends? @first: of the frame. */
static bool continues(const struct sk_buff *first, const struct sk_buff *prev,
	const struct sk_buff *next, u32 at, bool v6)
{
	if (prev->len != first->len || next->len > first->len || header(prev)[at + 13] & PUSH)
		return false;
	if (next->protocol != first->protocol || skb_headlen(next) != skb_headlen(first) ||
		tcp_at(next) != at)
		return false;
	return seq_of(next, at) == seq_of(prev, at) + prev->len &&
	       alike(header(first), header(next), at, skb_headlen(first), v6);
}

static void put16(u8 *at, u16 host)
{
	at[0] = (u8)(host >> 8);
	at[1] = (u8)host;
}

/* Headers for @payload bytes, of which the last segment's flags are @flags. */
static void write_head(
	u8 *head, const struct sk_buff *first, u32 at, u32 payload, u8 flags, bool v6)
{
	u32 len = skb_headlen(first), tcp_len = len - at + payload,
	    tail[2] = { htonl(tcp_len), htonl(6) };
	u8 *ip = head + ETH_HLEN;
	u32 sum;
	u16 check;

	memcpy(head, header(first), len);
	head[at + 13] = flags;
	if (v6) {
		put16(ip + 4, (u16)tcp_len);
		sum = csum_partial(ip + 8, 32, 0);
	} else {
		put16(ip + 2, (u16)(V4_LEN + tcp_len));
		put16(ip + 10, 0);
		check = csum_fold(csum_partial(ip, V4_LEN, 0));
		memcpy(ip + 10, &check, 2);
		sum = csum_partial(ip + 12, 8, 0);
	}
	check = (u16)~csum_fold(
		csum_partial(tail, sizeof(tail), sum)); /* of the pseudo header alone */
	memcpy(head + at + 16, &check, 2);
}

void gso_join(const struct list_head *queue, const struct sk_buff *first, u32 most, u8 *head,
	struct gso_frame *f)
{
	const struct sk_buff *prev = first;
	u32 at = tcp_at(first), payload = first->len;
	bool v6 = first->protocol == ETH_P_IPV6;

	*f = (struct gso_frame){ .packets = 1, .head_len = skb_headlen(first), .v6 = v6 };
	if (first->csum_head)
		f->csum_start = (u16)(first->csum_head - first->head);
	while (at && f->packets < most && prev->list.next != queue) {
		const struct sk_buff *next = list_next_entry(prev, list);

		if (f->head_len - ETH_HLEN + payload + next->len > IP_BYTES ||
			!continues(first, prev, next, at, v6))
			break;
		payload += next->len;
		prev = next;
		f->packets++;
	}
	if (f->packets == 1)
		return;
	f->seg = (u16)first->len;
	write_head(head, first, at, payload, header(prev)[at + 13], v6);
}
