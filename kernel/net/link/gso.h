/* SPDX-License-Identifier: MIT */
/*
 * gso.h: many segments of TCP in one packet, and packets of a card's queue that are sent as one
 * frame. See gso.c.
 */
#ifndef NESTLING_NET_GSO_H
#define NESTLING_NET_GSO_H

#include <asm/errno.h>

#include "kernel/net/socket/skb.h"

/* A frame made of the first @packets packets of the queue. */
struct gso_frame {
	u32 packets;
	u32 head_len; /* bytes of the frame's headers */
	/*
	 * offset of the transport header, whose checksum the card fills in; 0: no checksum is
	 * missing
	 */
	u16 csum_start;
	/* bytes of each segment's payload, 0: the frame is not to be cut */
	u16 seg;
	bool v6;
};

/*
 * Joins @first and packets behind it in @queue, at most @most in all, into one frame, which *@f
 * describes. A frame of more than one packet has its headers written to @head (SKB_ROOM bytes); the
 * payloads stay in the packets' buffers. The packets stay in the queue.
 */
void gso_join(const struct list_head *queue, const struct sk_buff *first, u32 most, u8 *head,
	struct gso_frame *f);

/*
 * Does in software what the card cannot: cuts @skb, which it consumes, into segments with their
 * checksums, and appends them to @to. With skb->gso 0 there is one segment. @l2: bytes before the
 * network header, without those of VLAN tags, of which there may be two. Does not sleep. Returns 0,
 * -EINVAL (neither TCP nor UDP, or too many segments) or -ENOBUFS. Segments made before the error
 * are in @to.
 */
int gso_cut(struct sk_buff *skb, u32 l2, struct list_head *to);
/*
 * Returns the result of sending a packet in pieces. @err: the first error of a piece; @some: some
 * pieces were sent. If the device's queue had room for some of the pieces, the packet counts as
 * sent: otherwise TCP would count no byte of it as sent, and ignore the peer's acknowledgements of
 * the sent pieces.
 */
static inline int gso_sent(int err, bool some)
{
	return err == -ENOBUFS && some ? 0 : err;
}
/*
 * Returns the length in bytes of the longest segment of @skb, without a link header. @skb begins
 * with its network header.
 */
u32 gso_segment_len(const struct sk_buff *skb);

/*
 * A TCP or UDP packet whose checksum the device is to fill in; offsets in bytes from the packet's
 * front.
 */
struct gso_about {
	bool tcp, v6;
	u32 ip, csum_start, head_len; /* head_len: the end of the headers */
};
/*
 * Describes a packet with @l2 bytes before its network header. Returns false if it is neither TCP
 * nor UDP, a fragment, or too short.
 */
bool gso_about(const struct sk_buff *skb, u32 l2, struct gso_about *a);
/*
 * Writes the pseudo header's sum in the place of the checksum. @frame: the packet, in one piece, as
 * @a describes it.
 */
void gso_pseudo_sum(u8 *frame, const struct gso_about *a);

#endif
