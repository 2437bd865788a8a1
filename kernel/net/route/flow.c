/* SPDX-License-Identifier: MIT */
/*
 * flow.c: the hash of a packet's flow. A flow is all packets with one pair of addresses and one
 * pair of ports, in both directions. Packets are distributed by flow over the queues of a card or
 * of /dev/net/tun, or the sockets of a group, so that the packets of a flow stay in order.
 *
 * A fragment is hashed by its addresses alone, unless skb->flow has the hash of the whole packet.
 * Locks: the caller owns the packet.
 */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "kernel/lib/string.h"
#include "kernel/net/net.h"
#include "kernel/net/link/netdev.h"
#include "kernel/net/socket/skb.h"

/* VLAN tags that are skipped before a frame's network header */
#define TAGS_MAX 2

static bool has_ports(u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE ||
	       proto == IPPROTO_SCTP || proto == IPPROTO_DCCP;
}

/* Hashes two ends of a flow, the smaller one first, so that both directions have one hash. */
static u32 hash_ends(const void *a, const void *b, u32 n, u32 seed)
{
	bool turned = memcmp(a, b, n) > 0;

	seed = hash_bytes(turned ? b : a, n, seed);
	return hash_bytes(turned ? a : b, n, seed);
}

/* Returns the hash of a packet's flow. All packets of protocols other than IP are one flow. */
u32 flow_hash(const struct sk_buff *skb, u32 net, u16 protocol)
{
	u32 len = skb_len(skb), at, hash;
	struct ipv6hdr h6;
	struct iphdr h;
	u8 proto, ports[4];

	if (protocol == ETH_P_IP && len >= net + sizeof(h)) {
		skb_copy(skb, net, &h, sizeof(h));
		hash = hash_ends(&h.saddr, &h.daddr, 4, 0);
		proto = h.frag_off & htons(0x3fff) ? 0 : h.protocol;
		at = net + h.ihl * 4U;
	} else if (protocol == ETH_P_IPV6 && len >= net + sizeof(h6)) {
		skb_copy(skb, net, &h6, sizeof(h6));
		hash = hash_ends(&h6.saddr, &h6.daddr, 16, 0);
		proto = h6.nexthdr;
		at = net + sizeof(h6);
	} else {
		return 1;
	}
	if (has_ports(proto) && len >= at + sizeof(ports)) {
		skb_copy(skb, at, ports, sizeof(ports));
		hash = hash_ends(ports, ports + 2, 2, hash);
	}
	return hash ? hash : 1;
}

u32 flow_of_frame(const struct net_device *dev, const struct sk_buff *skb)
{
	u32 at = ETH_HLEN;
	u8 type[2];

	if (dev->type != ARPHRD_ETHER)
		return flow_hash(skb, 0, skb->protocol);
	for (int tags = 0;; tags++, at += 4) {
		u16 protocol;

		if (skb_len(skb) < at)
			return 1;
		skb_copy(skb, at - 2, type, 2);
		protocol = (u16)(type[0] << 8 | type[1]);
		if ((protocol != ETH_P_8021Q && protocol != ETH_P_8021AD) || tags == TAGS_MAX)
			return flow_hash(skb, at, protocol);
	}
}
