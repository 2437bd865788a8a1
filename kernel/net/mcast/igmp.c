/* SPDX-License-Identifier: MIT */
/*
 * igmp.c: sends and receives packets of IGMP. mcast.c decides when they are sent, mcast_report.c
 * fills them in.
 * Sources: RFC 1112, 2236, 3376; the router alert: RFC 2113.
 */
#include <linux/in.h>
#include <linux/ip.h>

#include "kernel/net/inet/ip.h"
#include "kernel/net/mcast/mcast.h"

#define IGMP_QUERY 0x11
#define IGMP_V1_REPORT 0x12
#define IGMP_V2_REPORT 0x16
#define V3_QUERY 12U
#define MESSAGE_MAX 1500
#define DECISECOND (NSEC_PER_SEC / 10)

struct alert_header {
	struct iphdr ip;
	u8 alert[4];
};

void igmp_send(struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	struct net *net = dev->net;
	struct flow f = {
		.saddr = ip_v4(0),
		.daddr = skb->ip.daddr,
		.next_hop = skb->ip.daddr,
		.dev = dev,
		.mtu = dev->mtu,
		.proto = IPPROTO_IGMP,
		.ttl = 1,
	};
	struct alert_header *h;
	u16 sum = csum_fold(skb_sum(skb, 0, skb->len, 0));

	memcpy(skb_payload(skb) + 2, &sum, 2);
	addr_source(dev, &f.daddr, &f.saddr);
	h = skb_push(skb, sizeof(*h));
	*h = (struct alert_header){
		.ip = {
			.version = 4,
			.ihl = sizeof(*h) / 4,
			.tos = 0xc0,
			.tot_len = htons(skb_len(skb)),
			.frag_off = htons(0x4000),
			.ttl = 1,
			.protocol = IPPROTO_IGMP,
			.saddr = f.saddr.w[3],
			.daddr = f.daddr.w[3],
		},
		.alert = { 0x94, 4 },
	};
	h->ip.check = csum_fold(csum_partial(h, sizeof(*h), 0));
	IP_STATS(net, false).out_requests++;
	ip_send_raw(net, skb, &f);
}

static void query(struct net_device *dev, const u8 *m, u32 len)
{
	struct mc_query q = { .version = 3, .group = ip_v4(0), .max_delay = m[1] * DECISECOND };

	memcpy(&q.group.w[3], m + 4, 4);
	if (len == 8) {
		q.version = m[1] ? 2 : 1;
		if (!m[1])
			q.max_delay = 100 * DECISECOND;
	} else if (len < V3_QUERY) {
		return;
	} else {
		q.max_delay = max(mcast_scaled(m[1]), 1U) * DECISECOND;
		q.qrv = m[8] & 7;
		q.interval = mcast_scaled(m[9]) * NSEC_PER_SEC;
		q.n = (u32)m[10] << 8 | m[11];
		q.sources = m + V3_QUERY;
		if (q.n > (len - V3_QUERY) / 4 || (q.n && ip_is_any(&q.group)))
			return;
	}
	mcast_heard_query(dev, &q);
}

void igmp_rcv(struct net *net, struct sk_buff *skb)
{
	u32 len = min(skb_len(skb), (u32)MESSAGE_MAX);
	u8 m[MESSAGE_MAX];
	ip_addr group = ip_v4(0);

	if (len >= 8 && !csum_fold(skb_sum(skb, 0, skb_len(skb), 0))) {
		skb_copy(skb, 0, m, len);
		memcpy(&group.w[3], m + 4, 4);
		if (m[0] == IGMP_QUERY)
			query(skb->dev, m, len);
		else if ((m[0] == IGMP_V1_REPORT || m[0] == IGMP_V2_REPORT) &&
			 (skb->pkt_type == PKT_MULTICAST || skb->pkt_type == PKT_BROADCAST))
			mcast_heard_report(skb->dev, &group);
	}
	kfree_skb(skb);
}
