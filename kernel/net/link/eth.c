/* SPDX-License-Identifier: MIT */
/*
 * eth.c: Ethernet: turns frames of cards into packets and back, and MAC addresses into text.
 * Source: IEEE 802.3, RFC 894.
 *
 * The header of a received frame is checked once, in this file; it stays in the buffer before the
 * packet (skb->mac_len). A frame for another machine is dropped, unless the device is promiscuous
 * (a bridge's port, for example), or is a virtual device while there are taps: AF_PACKET sees such
 * frames there.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/string.h"
#include "kernel/net/net.h"
#include "kernel/net/socket/skb.h"
#include "kernel/net/link/vlan.h"

static const u8 all_ones[ETH_ALEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static u8 to_whom(const struct net_device *dev, const u8 *dst)
{
	if (!memcmp(dst, dev->addr, ETH_ALEN))
		return PKT_HOST;
	if (!eth_is_multicast(dst))
		return PKT_OTHERHOST;
	return memcmp(dst, all_ones, ETH_ALEN) ? PKT_MULTICAST : PKT_BROADCAST;
}

static bool looked_at(const struct net_device *dev)
{
	return READ_ONCE(dev->flags) & IFF_PROMISC || (READ_ONCE(packet_taps) && !dev->ops->send);
}

/*
 * Returns the protocol of a frame. If the field holds a length instead, the frame is 802.2's, or
 * Novell's, whose payload begins with two bytes of ones.
 */
static u16 protocol_of(const struct ethhdr *h, u32 len)
{
	const u8 *payload = (const u8 *)(h + 1);
	u16 p = ntohs(h->h_proto);

	if (p >= ETH_P_802_3_MIN)
		return p;
	return len >= ETH_HLEN + 2 && payload[0] == 0xff && payload[1] == 0xff ? ETH_P_802_3 :
										 ETH_P_802_2;
}

void eth_rx(struct net_device *dev, struct sk_buff *skb)
{
	const struct ethhdr *h = (const struct ethhdr *)skb_payload(skb);

	if (skb->len < ETH_HLEN) {
		dev->stats.rx_errors++;
		kfree_skb(skb);
		return;
	}
	skb->pkt_type = to_whom(dev, h->h_dest);
	if (skb->pkt_type == PKT_OTHERHOST && !looked_at(dev)) {
		kfree_skb(skb);
		return;
	}
	if (skb->pkt_type == PKT_MULTICAST)
		dev->stats.multicast++;
	if (unlikely(h->h_proto == htons(ETH_P_8021Q)) && !skb->vlan_proto) {
		if (!vlan_strip(skb)) {
			dev->stats.rx_errors++;
			kfree_skb(skb);
			return;
		}
		h = (const struct ethhdr *)skb_payload(skb);
	}
	skb->protocol = protocol_of(h, skb->len);
	skb->mac_len = ETH_HLEN;
	skb_pull(skb, ETH_HLEN);
	netif_rx(dev, skb);
}

void eth_push(const struct net_device *dev, struct sk_buff *skb, const u8 *dst, u16 protocol)
{
	struct ethhdr *h = skb_push(skb, ETH_HLEN);

	memcpy(h->h_dest, dst, ETH_ALEN);
	memcpy(h->h_source, dev->addr, ETH_ALEN);
	h->h_proto = htons(protocol);
}

int eth_send(struct net_device *dev, struct sk_buff *skb, const u8 *dst, u16 protocol)
{
	eth_push(dev, skb, dst, protocol);
	return dev_xmit(dev, skb);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int eth_parse(const char *s, u8 mac[ETH_ALEN])
{
	u8 any = 0;

	for (int i = 0; i < ETH_ALEN; i++, s += 3) {
		int high = hex_digit(s[0]), low = high < 0 ? -1 : hex_digit(s[1]);

		if (low < 0 || s[2] != (i < ETH_ALEN - 1 ? ':' : 0))
			return -EINVAL;
		mac[i] = (u8)(high << 4 | low);
		any |= mac[i];
	}
	return any && !eth_is_multicast(mac) ? 0 : -EINVAL;
}

void eth_random(u8 mac[ETH_ALEN])
{
	arch_random(mac, ETH_ALEN);
	mac[0] = (u8)((mac[0] & 0xfe) | 2);
}
