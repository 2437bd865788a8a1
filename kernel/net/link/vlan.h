/* SPDX-License-Identifier: MIT */
/* vlan.h: tags of VLANs, in frames and beside them. See vlan.c. */
#ifndef NESTLING_NET_VLAN_H
#define NESTLING_NET_VLAN_H

#include "kernel/net/socket/skb.h"

#define VLAN_TAG 4U /* bytes of a tag */

/* @skb has come with a tag: to the device of that VLAN, which consumes it. False: there is none. */
bool vlan_rx(struct sk_buff *skb);
/*
 * What neither a VLAN nor a bridge has taken: without priority tags, for the device itself. False:
 * it is consumed, a VLAN has it.
 */
bool vlan_rx_priority(struct sk_buff *skb);
/*
 * The tag of a frame that lies in its buffer whole, and alone, goes beside the bytes. False: it is
 * cut off.
 */
bool vlan_strip(struct sk_buff *skb);
/*
 * Removes the tag of a packet whose link header was pulled and says that a tag follows. False: it
 * is cut off.
 */
bool vlan_untag(struct sk_buff *skb);
/*
 * The tag of a frame goes back among the bytes. False: there is no room, the frame has to be
 * dropped.
 */
bool vlan_insert(struct sk_buff *skb);

#endif
