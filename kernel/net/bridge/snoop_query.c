/* SPDX-License-Identifier: MIT */
/*
 * snoop_query.c: a bridge as querier (mcast_querier). It queries members on each port and its own
 * host, so that its table stays valid where no router sends queries.
 *
 * After its start the querier sends startup_count queries at intervals of startup_interval, then
 * one every query_interval. While there is another querier, the bridge sends none (snoop.c).
 * Sources: RFC 2236, 2710.
 */
#include <linux/in.h>
#include <linux/ip.h>

#include "kernel/lib/string.h"
#include "kernel/net/bridge/bridge.h"
#include "kernel/net/inet/ip.h"

#define IGMP_QUERY 0x11
#define MLD_QUERY 130
#define TICK_MS 10U
#define DECISECOND 10U /* a tenth of a second, in ticks */

struct igmp_frame {
	struct ethhdr eth;
	struct iphdr ip;
	u8 alert[4];
	u8 type, code;
	u16 sum;
	u32 group;
} __attribute__((packed));
struct mld_frame {
	struct ethhdr eth;
	u8 version[4];
	u16 len;
	u8 next, hops;
	u8 from[16], to[16];
	u8 alert[8];
	u8 type, code;
	u16 sum, delay, reserved;
	u8 group[16];
} __attribute__((packed));
#define MLD_LEN 24U

void br_query_sources(struct bridge *br)
{
	ip_addr near = { { htonl(0xff020000), 0, 0, htonl(1) } }, many = ip_v4(htonl(0xe0000001));
	ip_addr v4 = ip_v4(0), v6 = IP_ANY;

	if (br->snoop.use_ifaddr)
		addr_source(br->dev, &many, &v4);
	if (!addr_source(br->dev, &near, &v6) || !ip_is_linklocal(&v6))
		v6 = IP_ANY;
	spin_lock(&br->lock);
	br->snoop.family[SNOOP_V4].source = v4;
	br->snoop.family[SNOOP_V6].source = v6;
	spin_unlock(&br->lock);
}

/*
 * Writes an IGMPv2 query, all but the sender's MAC address, to a zeroed frame. @group: any for a
 * general query.
 */
static void fill_igmp(const struct bridge *br, struct igmp_frame *f, const ip_addr *group)
{
	bool general = ip_is_any(group);
	ip_addr to = general ? ip_v4(htonl(0xe0000001)) : *group;
	u64 delay = general ? br->snoop.response_interval : br->snoop.last_member_interval;

	mcast_mac_of(&to, f->eth.h_dest);
	f->eth.h_proto = htons(ETH_P_IP);
	f->ip = (struct iphdr){
		.version = 4,
		.ihl = 6,
		.tos = 0xc0,
		.tot_len = htons(sizeof(*f) - ETH_HLEN),
		.frag_off = htons(0x4000),
		.ttl = 1,
		.protocol = IPPROTO_IGMP,
		.saddr = br->snoop.family[SNOOP_V4].source.w[3],
		.daddr = to.w[3],
	};
	memcpy(f->alert, (u8[4]){ 0x94, 4, 0, 0 }, sizeof(f->alert));
	f->ip.check = csum_fold(csum_partial(&f->ip, sizeof(f->ip) + sizeof(f->alert), 0));
	f->type = IGMP_QUERY;
	f->code = (u8)min(delay / DECISECOND, 255UL);
	f->group = general ? 0 : group->w[3];
	f->sum = csum_fold(csum_partial(&f->type, 8, 0));
}

static void fill_mld(const struct bridge *br, struct mld_frame *f, const ip_addr *group)
{
	bool general = ip_is_any(group);
	ip_addr to = { { htonl(0xff020000), 0, 0, htonl(1) } };
	const ip_addr *from = &br->snoop.family[SNOOP_V6].source;
	u64 delay = general ? br->snoop.response_interval : br->snoop.last_member_interval;

	if (!general)
		to = *group;
	mcast_mac_of(&to, f->eth.h_dest);
	f->eth.h_proto = htons(ETH_P_IPV6);
	f->version[0] = 0x60;
	f->len = htons(sizeof(f->alert) + MLD_LEN);
	f->hops = 1;
	memcpy(f->from, from, sizeof(f->from));
	memcpy(f->to, &to, sizeof(f->to));
	memcpy(f->alert, (u8[8]){ IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0 }, sizeof(f->alert));
	f->type = MLD_QUERY;
	f->delay = htons(min(delay * TICK_MS, 0xffffUL));
	memcpy(f->group, group, sizeof(f->group));
	f->sum = csum_fold(
		csum_partial(&f->type, MLD_LEN, csum_pseudo(from, &to, IPPROTO_ICMPV6, MLD_LEN)));
}

/* Sends a query by @p (NULL: to the host) for @group (any: a general query). */
static void ask(struct bridge *br, struct br_port *p, int family, const ip_addr *group)
{
	u32 len = family == SNOOP_V4 ? sizeof(struct igmp_frame) : sizeof(struct mld_frame);
	struct sk_buff *skb = skb_alloc(len, GFP_ATOMIC);
	struct ethhdr *h;

	if (!skb)
		return;
	h = memset(skb_payload(skb), 0, len);
	skb->len = len;
	if (family == SNOOP_V4)
		fill_igmp(br, (struct igmp_frame *)h, group);
	else
		fill_mld(br, (struct mld_frame *)h, group);
	memcpy(h->h_source, br->dev->addr, ETH_ALEN);
	skb->protocol = ntohs(h->h_proto);
	skb->dev = p ? p->dev : br->dev;
	list_add_tail(&skb->list, &br->snoop.out);
}

/* True if this bridge is up and the querier of @family; for IPv6 it must have a source address. */
static bool may_ask(const struct bridge *br, int family)
{
	const struct br_snoop_family *f = &br->snoop.family[family];

	return br->snoop.on && br->snoop.querier && READ_ONCE(br->dev->flags) & IFF_UP &&
	       !f->other_until && (family == SNOOP_V4 || !ip_is_any(&f->source));
}

static bool passes(const struct br_port *p)
{
	return p->state != BR_STATE_DISABLED && p->state != BR_STATE_BLOCKING;
}

void br_query_due(struct bridge *br, struct br_port *p, int family, u64 now)
{
	struct br_query *q = p ? &p->snoop.query[family] : &br->snoop.family[family].own;
	const struct br_snoop *s = &br->snoop;

	if (!q->at)
		return;
	if (now >= q->at) {
		q->at = 0;
		if (!may_ask(br, family) || (p && !passes(p)))
			return;
		ask(br, p, family, &IP_ANY);
		if (q->sent < s->startup_count)
			q->sent++;
		q->at = now +
			max(q->sent < s->startup_count ? s->startup_interval : s->query_interval,
				100UL) *
				BR_TICK;
	}
	br_snoop_at(br, q->at);
}

/*
 * Starts a series of queries at once. A series for IPv6 starts even without a source address:
 * br_query_due() checks again, after the timer has looked for an address.
 */
static void start(struct bridge *br, struct br_query *q, int family)
{
	q->sent = 0;
	q->at = may_ask(br, family) || family == SNOOP_V6 ? ktime_get() + 1 : 0;
	if (q->at)
		br_snoop_at(br, q->at);
}

void br_query_start(struct bridge *br, struct br_port *p)
{
	if (!br->snoop.on || !br->snoop.querier)
		return;
	for (int f = 0; f < SNOOP_FAMILIES; f++) {
		if (p) {
			start(br, &p->snoop.query[f], f);
			continue;
		}
		start(br, &br->snoop.family[f].own, f);
		list_for_each_entry(p, &br->ports, list)
			start(br, &p->snoop.query[f], f);
		p = NULL;
	}
}

void br_query_group(struct bridge *br, struct br_port *p, const ip_addr *group)
{
	int family = ip_is_v4(group) ? SNOOP_V4 : SNOOP_V6;

	if (may_ask(br, family))
		ask(br, p, family, group);
}
