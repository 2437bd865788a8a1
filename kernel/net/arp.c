/* SPDX-License-Identifier: MIT */
/*
 * arp.c: the address resolution protocol for IPv4 on Ethernet: questions, answers, and what is learnt from both. neigh.c keeps it.
 *
 * We answer for any address of this machine that is asked for on a card, as Linux does. What others announce of themselves
 * (gratuitous ARP) changes an entry that we have and makes no new one; who asks us is learnt. We answer for others where conf/NAME/proxy_arp
 * says so and the way to them is by another device.
 * Sources: RFC 826, 5227.
 */
#include <asm/errno.h>

#include "kernel/lib/printk.h"
#include "kernel/net/ip.h"
#include "kernel/net/neigh.h"

#define ARPOP_REQUEST 1
#define ARPOP_REPLY 2

/* <linux/if_arp.h> needs libc. */
struct arp_packet {
	u16 hrd, pro;
	u8 hln, pln;
	u16 op;
	u8 sha[ETH_ALEN];
	u8 sip[4];
	u8 tha[ETH_ALEN];
	u8 tip[4];
} __attribute__((packed));
BUILD_BUG_ON(sizeof(struct arp_packet) != 28);

static ip_addr addr_of(const u8 *p)
{
	u32 be;

	memcpy(&be, p, 4);
	return ip_v4(be);
}

/* @tha NULL: not known, it asks for it. */
static void send(struct net_device *dev, u16 op, const ip_addr *sip, const u8 *tha,
	const ip_addr *tip, const u8 *to)
{
	static const u8 ones[ETH_ALEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct sk_buff *skb = skb_alloc(0, GFP_ATOMIC);
	struct arp_packet *a;

	if (!skb)
		return;
	a = skb_push(skb, sizeof(*a));
	*a = (struct arp_packet){
		.hrd = htons(ARPHRD_ETHER),
		.pro = htons(ETH_P_IP),
		.hln = ETH_ALEN,
		.pln = 4,
		.op = htons(op),
	};
	memcpy(a->sha, dev->addr, ETH_ALEN);
	memcpy(a->sip, &sip->w[3], 4);
	if (tha)
		memcpy(a->tha, tha, ETH_ALEN);
	memcpy(a->tip, &tip->w[3], 4);
	skb->protocol = ETH_P_ARP;
	eth_send(dev, skb, to ? to : ones, ETH_P_ARP);
}

void arp_solicit(struct net_device *dev, const ip_addr *addr, const u8 *mac)
{
	ip_addr source = ip_v4(0);

	if (addr_source(dev, addr, &source))
		send(dev, ARPOP_REQUEST, &source, mac, addr, mac);
}

void arp_announce(struct net_device *dev)
{
	struct net *net = dev->net;
	ip_addr all[8];
	struct ifaddr *i;
	u32 n = 0;

	spin_lock(&net->lock);
	list_for_each_entry(i, &net->addrs, list)
		if (i->dev == dev && ip_is_v4(&i->addr) && n < ARRAY_SIZE(all))
			all[n++] = i->addr;
	spin_unlock(&net->lock);
	for (u32 k = 0; k < n; k++)
		send(dev, ARPOP_REQUEST, &all[k], NULL, &all[k], NULL);
	net_rx_flush();
}

/* Is @a a whole packet of ours to look at? */
static bool sane(const struct net_device *dev, const struct arp_packet *a)
{
	ip_addr sip = addr_of(a->sip), tip = addr_of(a->tip);

	return a->hrd == htons(ARPHRD_ETHER) && a->pro == htons(ETH_P_IP) && a->hln == ETH_ALEN &&
	       a->pln == 4 && !eth_is_multicast(a->sha) && !ip_is_multicast(&tip) &&
	       !ip_is_loopback(&tip) && !ip_is_multicast(&sip) && !ip_is_loopback(&sip) &&
	       memcmp(a->sha, dev->addr, ETH_ALEN) != 0;
}

/* We are on the way to who is asked for, and are to say so (proxy_arp). */
static bool answers_for(struct net_device *dev, const ip_addr *sip, const ip_addr *tip)
{
	struct flow f = { .saddr = *sip, .daddr = *tip, .iif = dev->ifindex };

	return CONF4_OR(dev, CONF4_PROXY_ARP) && CONF4(dev, CONF4_FORWARDING) && !ip_is_any(sip) &&
	       !route_forward(dev->net, &f) && f.dev != dev;
}

static void process(struct net_device *dev, const struct arp_packet *a, bool unicast)
{
	ip_addr sip = addr_of(a->sip), tip = addr_of(a->tip);
	bool ours = addr_is_local(
			    dev->net, &tip, CONF4_MAX(dev, CONF4_ARP_IGNORE) ? dev->ifindex : 0) ||
		    answers_for(dev, &sip, &tip);

	if (a->op == htons(ARPOP_REQUEST) && ours) {
		send(dev, ARPOP_REPLY, &tip, a->sha, &sip, a->sha);
		if (!ip_is_any(&sip)) /* a probe for a free address has none */
			neigh_learn(dev, &sip, a->sha, NEIGH_CREATE | NEIGH_OVERRIDE);
	} else if (!ip_is_any(&sip) && sip.w[3] != ~0U) {
		bool answer = a->op == htons(ARPOP_REPLY) && unicast;

		neigh_learn(
			dev, &sip, a->sha, NEIGH_OVERRIDE | (answer ? (u32)NEIGH_SOLICITED : 0));
	}
}

void arp_rcv(struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	struct arp_packet tmp;
	const struct arp_packet *a = skb_header(skb, sizeof(*a), &tmp);

	if (a && dev->type == ARPHRD_ETHER && skb->pkt_type != PKT_OTHERHOST &&
		!(dev->flags & IFF_NOARP) && sane(dev, a) &&
		(a->op == htons(ARPOP_REQUEST) || a->op == htons(ARPOP_REPLY)))
		process(dev, a, skb->pkt_type == PKT_HOST);
	kfree_skb(skb);
}
