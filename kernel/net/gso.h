/* SPDX-License-Identifier: MIT */
/* gso.h: packets of a card's queue that leave as one frame. See gso.c. */
#ifndef NESTLING_NET_GSO_H
#define NESTLING_NET_GSO_H

#include "kernel/net/skb.h"

/* One frame: @packets packets of the queue, from the first on. */
struct gso_frame {
	u32 packets;
	u32 head_len; /* of its headers */
	u16 csum_start; /* of the transport's header, whose checksum is left to the card; 0: there is none left */
	u16 seg; /* payload of each segment, 0: it is not to be cut */
	bool v6;
};

/*
 * What @first and the packets behind it in @queue make, of at most @most packets. With more than one, the frame's headers are written
 * to @head (SKB_ROOM bytes); the payloads follow each other in the packets' buffers.
 */
void gso_join(const struct list_head *queue, const struct sk_buff *first, u32 most, u8 *head,
	struct gso_frame *f);

#endif
