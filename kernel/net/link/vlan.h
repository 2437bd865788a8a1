/* SPDX-License-Identifier: MIT */
/* vlan.h: tags of VLANs, in frames and beside them. See vlan.c. */
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
 * Removes priority tags of a frame that neither a VLAN nor a bridge has taken, for the device
 * itself. Returns false if a VLAN has consumed it.
 */
bool vlan_rx_priority(struct sk_buff *skb);
/*
 * Moves the tag of a frame, which is whole and alone in its buffer, into the skb's metadata.
 * Returns false if the frame is cut off.
 */
bool vlan_strip(struct sk_buff *skb);
/*
 * Removes the tag of a packet whose link header was pulled and announces a tag. Returns true if the
 * tag is complete.
 */
bool vlan_untag(struct sk_buff *skb);
/*
 * Puts the tag of a frame back into its bytes. Returns false if there is no room, and the frame
 * must be dropped.
 */
bool vlan_insert(struct sk_buff *skb);

#endif
