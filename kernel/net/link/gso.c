/* SPDX-License-Identifier: MIT */
/*
 * gso.c: many segments of a TCP connection in one packet, of up to 64 KiB, with one header
 * (skb->gso is the payload of each segment); and many datagrams of UDP (UDP_SEGMENT). No card
 * segments UDP packets: these stay whole on lo only.
 *
 *	gso_join	for a card that cuts segments itself: makes one frame of consecutive packets
 *	                in its queue
 *	gso_cut		for other devices: makes the segments, with checksums; also for a single
 *	                packet whose checksum is not filled in yet
 *
 * TCP makes such packets for a card that cuts (tcp_seg_goal()); its windows and its scoreboard
 * count segments nevertheless. A card may also receive such packets. They stay whole up to a socket
 * and through virtual devices, and are cut before another card. AF_PACKET shows each packet as it
 * arrives, as Linux does.
 *
 * Packets are joined if their segments have full size, except a shorter one at the end, if they
 * follow each other, and if their headers differ only in fields that segmentation rewrites:
 * lengths, sequence numbers, checksums, and PSH on the last. Only packets are considered whose
 * checksum the card fills in (skb->csum_head): their headers are written by tcp_out.c and ip.c.
 *
 * Locks: the caller owns the packets.
 */
#include "kernel/net/link/gso.h"

#include <asm/errno.h>
#include <linux/if_ether.h>
#include <linux/in.h>

#include "kernel/lib/string.h"

#define IP_BYTES 65535U
#define V4_LEN 20U
#define V6_LEN 40U
/* segments of one packet, if each has TCP's smallest payload (48 bytes, of which 40 are options) */
#define SEGMENTS_MAX 8192U
#define ONLY_ACK 0x10
#define PUSH 0x08
#define FIN 0x01
#define CWR 0x80

static const u8 *header(const struct sk_buff *skb)
{
	return skb->room + skb->head;
}

/* Returns where TCP begins in the frame, or 0 if the frame is not a segment that can be joined. */
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
	/*
	 * Packets with an identification are not joined: each segment would need the next number.
	 */
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

/* True if the headers differ only in lengths, checksums, sequence number and PSH. */
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

static u32 segment(const struct sk_buff *skb)
{
	return skb->gso ? skb->gso : skb->len;
}

/* True if @next continues the data of @prev. @first: the first packet of the frame. */
static bool continues(const struct sk_buff *first, const struct sk_buff *prev,
	const struct sk_buff *next, u32 at, bool v6)
{
	u32 seg = segment(first);

	if (prev->len % seg || segment(next) > seg || header(prev)[at + 13] & PUSH)
		return false;
	if (next->len > seg && segment(next) != seg)
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

/* Writes the frame's headers for @payload bytes; @flags are the TCP flags of the last segment. */
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
		csum_partial(tail, sizeof(tail), sum)); /* the sum of the pseudo header alone */
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
	f->seg = first->gso;
	if (f->packets == 1)
		return;
	f->seg = (u16)segment(first);
	write_head(head, first, at, payload, header(prev)[at + 13], v6);
}

/* ---- cutting ---- */

/* A packet that is to be cut. */
struct cut {
	u8 head[SKB_ROOM]; /* the packet's headers */
	/* offsets of the IP and transport headers; the end of the headers */
	u32 ip, transport, len;
	u8 proto;
	bool v6;
};

/*
 * Copies and parses the headers of a packet with @l2 bytes before its network header, and perhaps
 * VLAN tags. Returns false if it is neither TCP nor UDP, or its headers do not fit into SKB_ROOM
 * bytes.
 */
static bool read_heads(const struct sk_buff *skb, u32 l2, struct cut *c)
{
	u32 n = min(skb_len(skb), (u32)SKB_ROOM);
	const u8 *ip;

	skb_copy(skb, 0, c->head, n);
	for (int i = 0; l2 && i < 2 && n > l2 + 4; i++) {
		u32 type = (u32)c->head[l2 - 2] << 8 | c->head[l2 - 1];

		if (type == ETH_P_8021Q || type == ETH_P_8021AD)
			l2 += 4;
	}
	if (n < l2 + V4_LEN + 8)
		return false;
	ip = c->head + l2;
	c->ip = l2;
	c->v6 = ip[0] >> 4 == 6;
	c->proto = c->v6 ? ip[6] : ip[9];
	c->transport = l2 + (c->v6 ? V6_LEN : (ip[0] & 15) * 4U);
	if ((c->proto != IPPROTO_TCP && c->proto != IPPROTO_UDP) || c->transport < l2 + V4_LEN)
		return false;
	if (n < c->transport + (c->proto == IPPROTO_TCP ? 20 : 8))
		return false;
	c->len = c->transport +
		 (c->proto == IPPROTO_TCP ? (c->head[c->transport + 12] >> 4) * 4U : 8);
	if (c->proto == IPPROTO_TCP && c->len < c->transport + 20)
		return false; /* finish() writes to the whole header */
	return c->len <= n && c->len >= skb_headlen(skb);
}

/*
 * Fills in lengths, flags and checksums of the segment @s, whose payload begins @off bytes into the
 * packet's payload.
 */
static void finish(struct sk_buff *s, const struct cut *c, u32 off, u32 index, bool last)
{
	u8 *h = s->room + s->head, *ip = h + c->ip, *th = h + c->transport;
	u32 len = skb_len(s) - c->transport, tail[2] = { htonl(len), htonl(c->proto) }, be, sum;
	u16 check;

	if (c->v6) {
		put16(ip + 4, (u16)len);
		sum = csum_partial(ip + 8, 32, 0);
	} else {
		put16(ip + 2, (u16)(c->transport - c->ip + len));
		put16(ip + 4, (u16)((ip[4] << 8 | ip[5]) + index));
		put16(ip + 10, 0);
		check = csum_fold(csum_partial(ip, c->transport - c->ip, 0));
		memcpy(ip + 10, &check, 2);
		sum = csum_partial(ip + 12, 8, 0);
	}
	if (c->proto == IPPROTO_TCP) {
		memcpy(&be, th + 4, 4);
		be = htonl(ntohl(be) + off);
		memcpy(th + 4, &be, 4);
		th[13] &= (u8) ~((last ? 0 : FIN | PUSH) | (index ? CWR : 0));
	}
	if (c->proto == IPPROTO_UDP)
		put16(th + 4, (u16)len);
	th += c->proto == IPPROTO_TCP ? 16 : 6;
	put16(th, 0);
	sum = csum_partial(tail, sizeof(tail), sum);
	check = csum_fold(skb_sum(s, c->transport, len, sum));
	if (!check && c->proto == IPPROTO_UDP)
		check = 0xffff;
	memcpy(th, &check, 2);
}

/*
 * True if this segment carries the timestamp request of the whole packet: the first segment of
 * datagrams, the last segment of a stream.
 */
static bool stamped(const struct cut *c, u32 off, bool last)
{
	return c->proto == IPPROTO_TCP ? last : !off;
}

/* Returns a packet with the headers of @c and @len bytes of @skb's payload from @off, or NULL. */
static struct sk_buff *slice(const struct sk_buff *skb, const struct cut *c, u32 off, u32 len)
{
	struct sk_buff *s = skb_clone(skb, GFP_ATOMIC);

	if (!s)
		return NULL;
	s->head = SKB_ROOM;
	memcpy(skb_push(s, c->len), c->head, c->len);
	s->off = skb->off + c->len - skb_headlen(skb) + off;
	s->len = len;
	s->gso = 0;
	s->csum_head = 0;
	s->csum_owed = s->room_pulled = false;
	return s;
}

int gso_cut(struct sk_buff *skb, u32 l2, struct list_head *to)
{
	struct cut c;
	u32 all, seg, off = 0, index = 0;
	int err = read_heads(skb, l2, &c) ? 0 : -EINVAL;

	all = err ? 0 : skb_len(skb) - c.len;
	seg = skb->gso ? skb->gso : max(all, 1U);
	if (all / seg > SEGMENTS_MAX)
		err = -EINVAL;
	while (!err && (!index || off < all)) {
		u32 n = min(seg, all - off);
		struct sk_buff *s = slice(skb, &c, off, n);

		if (!s) {
			err = -ENOBUFS;
			break;
		}
		finish(s, &c, off, index++, off + n == all);
		if (unlikely(skb->stamp_for) && stamped(&c, off, off + n == all))
			s->stamp_for = skb->stamp_for;
		list_add_tail(&s->list, to);
		off += n;
	}
	kfree_skb(skb);
	return err;
}

u32 gso_segment_len(const struct sk_buff *skb)
{
	struct cut c;

	return read_heads(skb, 0, &c) ? c.len + skb->gso : skb_len(skb);
}

bool gso_about(const struct sk_buff *skb, u32 l2, struct gso_about *a)
{
	struct cut c;

	if (skb_len(skb) < l2 + V4_LEN || !read_heads(skb, l2, &c))
		return false;
	if (!c.v6 && ((c.head[c.ip + 6] & 0x3f) || c.head[c.ip + 7]))
		return false;
	*a = (struct gso_about){ c.proto == IPPROTO_TCP, c.v6, c.ip, c.transport, c.len };
	return true;
}

void gso_pseudo_sum(u8 *frame, const struct gso_about *a)
{
	const u8 *ip = frame + a->ip;
	u32 total = a->v6 ? (u32)ip[4] << 8 | ip[5] : (u32)ip[2] << 8 | ip[3],
	    len = a->v6 ? total : total - (a->csum_start - a->ip),
	    tail[2] = { htonl(len), htonl(a->tcp ? IPPROTO_TCP : IPPROTO_UDP) };
	u32 sum = a->v6 ? csum_partial(ip + 8, 32, 0) : csum_partial(ip + 12, 8, 0);
	u16 check = (u16)~csum_fold(csum_partial(tail, sizeof(tail), sum));

	memcpy(frame + a->csum_start + (a->tcp ? 16 : 6), &check, 2);
}
