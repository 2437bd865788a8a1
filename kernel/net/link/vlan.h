/* SPDX-License-Identifier: MIT */
/*
 * vlan.h: tags of VLANs, in frames and beside them. See vlan.c. No function sleeps; skb->vlan_proto
 * and vlan_tci are in host byte order.
 */
#ifndef NESTLING_NET_VLAN_H
#define NESTLING_NET_VLAN_H

#include "kernel/net/socket/skb.h"

#define VLAN_TAG 4U /* bytes of a tag */

/*
 * Passes @skb, which has arrived with a tag, to the device of that VLAN, which consumes it. Returns
 * false if there is none.
 */
bool vlan_rx(struct sk_buff *skb);
/*
 * Removes the priority tags of a frame that neither a VLAN nor a bridge has taken, so that the
 * device itself can receive it. Returns false if @skb was consumed: by a VLAN device below a
 * priority tag, or because a tag is truncated or there is no memory.
 */
bool vlan_rx_priority(struct sk_buff *skb);
/*
 * Moves the tag of a frame, whose bytes are all in a buffer of its own, into the skb's metadata.
 * Returns false, with nothing changed, if the frame is truncated or its buffer is shared.
 */
bool vlan_strip(struct sk_buff *skb);
/*
 * Moves the tag of a packet, whose link header was pulled and announces a tag, into the skb's
 * metadata. Returns true if the tag is complete and there was memory.
 */
bool vlan_untag(struct sk_buff *skb);
/*
 * Puts the tag of a frame back into its bytes. Returns false if there is no room, so that the frame
 * must be dropped.
 */
bool vlan_insert(struct sk_buff *skb);

#endif
