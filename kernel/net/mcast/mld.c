/* SPDX-License-Identifier: MIT */
/*
 * mld.c: sends and receives packets of MLD: ICMPv6 behind a router alert option. mcast.c decides
 * when they are sent, mcast_report.c fills them in.
 * Sources: RFC 2710, 3810, 2711.
 */
#include <linux/icmpv6.h>
#include <linux/if_addr.h>

#include "kernel/net/inet/ip.h"
#include "kernel/net/mcast/mcast.h"

#define MLD_QUERY 130
#define MLD_V1_REPORT 131
#define V1_SIZE 24U
#define V2_QUERY 28U
#define MESSAGE_MAX 1500

/* Returns a link-local address of the device that is not tentative, or the any address. */
static ip_addr source_of(struct net_device *dev)
{
	struct ifaddr *a;
	ip_addr found = IP_ANY;

	netdev_lock_net(dev);
	list_for_each_entry(a, &dev->net->addr.list, list)
		if (a->dev == dev && ip_is_linklocal(&a->addr) && !(a->flags & IFA_F_TENTATIVE) &&
			ip_is_any(&found))
			found = a->addr;
	spin_unlock(&dev->net->lock);
	return found;
}

void mld_send(struct sk_buff *skb)
{
	static const u8 alert[8] = { IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0 };
	struct net_device *dev = skb->dev;
	struct flow f = {
		.saddr = source_of(dev),
		.daddr = skb->ip.daddr,
		.next_hop = skb->ip.daddr,
		.dev = dev,
		.mtu = dev->mtu,
		.proto = 0, /* a hop-by-hop header is first */
		.ttl = 1,
	};
	u32 pseudo = csum_pseudo(&f.saddr, &f.daddr, IPPROTO_ICMPV6, skb->len);
	u16 sum = csum_fold(skb_sum(skb, 0, skb->len, pseudo));

	memcpy(skb_payload(skb) + 2, &sum, 2);
	memcpy(skb_push(skb, sizeof(alert)), alert, sizeof(alert));
	icmp_count_out(dev->net, skb_payload(skb)[0], true);
	ip_send(dev->net, skb, &f);
}

/*
 * Returns the delay of the query @m, in ns. The message has milliseconds; in version 2 (@v2) large
 * values have an exponent of three bits and a mantissa of twelve (RFC 3810, 5.1.3).
 */
static u64 delay_of(const u8 *m, bool v2)
{
	u32 v = (u32)m[4] << 8 | m[5];

	if (v2 && v >= 0x8000)
		v = ((v & 0xfff) | 0x1000) << ((v >> 12 & 7) + 3);
	return v * NSEC_PER_MSEC;
}

static void query(struct net_device *dev, const u8 *m, u32 len)
{
	struct mc_query q = { .v6 = true, .version = 2, .max_delay = delay_of(m, len >= V2_QUERY) };

	memcpy(&q.group, m + 8, 16);
	if (!ip_is_any(&q.group) && !ip_is_multicast(&q.group))
		return;
	if (len == V1_SIZE) {
		q.version = 1;
	} else if (len < V2_QUERY) {
		return;
	} else {
		q.qrv = m[24] & 7;
		q.interval = mcast_scaled(m[25]) * NSEC_PER_SEC;
		q.n = (u32)m[26] << 8 | m[27];
		q.sources = m + V2_QUERY;
		if (q.n > (len - V2_QUERY) / 16 || (q.n && ip_is_any(&q.group)))
			return;
	}
	mcast_heard_query(dev, &q);
}

void mld_rcv(struct net *net, struct sk_buff *skb)
{
	u32 len = min(skb_len(skb), (u32)MESSAGE_MAX);
	bool near = ip_is_linklocal(&skb->ip.saddr) && skb->ip.ttl == 1;
	u8 m[MESSAGE_MAX];
	ip_addr group;

	if (len >= V1_SIZE) {
		skb_copy(skb, 0, m, len);
		memcpy(&group, m + 8, 16);
		if (m[0] == MLD_QUERY && near && skb->ip.alert_mld)
			query(skb->dev, m, len);
		else if (m[0] == MLD_V1_REPORT && ip_is_multicast(&group) &&
			 (ip_is_any(&skb->ip.saddr) || ip_is_linklocal(&skb->ip.saddr)) &&
			 (skb->pkt_type == PKT_MULTICAST || skb->pkt_type == PKT_BROADCAST))
			mcast_heard_report(skb->dev, &group);
	}
	kfree_skb(skb);
}
