/* SPDX-License-Identifier: MIT */
/*
 * bpdu.c: builds and parses the frames of the spanning tree (bridge protocol data units). They are
 * LLC frames of IEEE 802.2: unnumbered information, with service access point 0x42 as source and
 * destination.
 * Source: IEEE 802.1D-1998, 9.3.
 */
#include <asm/byteorder.h>

#include "kernel/lib/string.h"
#include "kernel/net/bridge/bridge.h"

#define LLC_SAP 0x42
#define LLC_UI 0x03
#define TYPE_CONFIG 0
#define TYPE_NOTIFICATION 0x80
#define FLAG_CHANGE 1
#define FLAG_CHANGE_ACK 0x80
#define CONTROL 7 /* skb->priority, TC_PRIO_CONTROL */

struct llc_bpdu {
	u8 dsap, ssap, control;
	u8 protocol[2], version, type;
};
/* A configuration message behind struct llc_bpdu; big endian. */
struct config {
	u8 flags;
	u8 root[8], cost[4], bridge[8], port[2];
	u8 age[2], max_age[2], hello[2], forward_delay[2];
};
_Static_assert(sizeof(struct llc_bpdu) == 7 && sizeof(struct config) == 31, "no padding");

static u16 get16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static void put16(u8 *p, u32 v)
{
	p[0] = (u8)(v >> 8);
	p[1] = (u8)v;
}

static void put_config(struct config *c, const struct br_bpdu *b)
{
	c->flags = (b->change ? FLAG_CHANGE : 0) | (b->change_ack ? FLAG_CHANGE_ACK : 0);
	memcpy(c->root, b->v.root, sizeof(c->root));
	put16(c->cost, b->v.cost >> 16);
	put16(c->cost + 2, b->v.cost);
	memcpy(c->bridge, b->v.bridge, sizeof(c->bridge));
	put16(c->port, b->v.port);
	put16(c->age, b->age);
	put16(c->max_age, b->max_age);
	put16(c->hello, b->hello);
	put16(c->forward_delay, b->forward_delay);
}

struct sk_buff *br_bpdu_frame(const struct br_port *p, const struct br_bpdu *b)
{
	u32 len = sizeof(struct llc_bpdu) + (b->notification ? 0 : sizeof(struct config));
	struct sk_buff *skb = skb_alloc(len, GFP_ATOMIC);
	struct llc_bpdu *m;

	if (!skb)
		return NULL;
	m = (struct llc_bpdu *)skb_payload(skb);
	*m = (struct llc_bpdu){ LLC_SAP, LLC_SAP, LLC_UI, { 0, 0 }, 0,
		b->notification ? TYPE_NOTIFICATION : TYPE_CONFIG };
	if (!b->notification)
		put_config((struct config *)(m + 1), b);
	skb->len = len;
	skb->dev = p->dev;
	skb->protocol = ETH_P_802_2;
	skb->priority = CONTROL;
	eth_push(p->dev, skb, p->br->group_addr, (u16)len); /* 802.3: the length, not a protocol */
	return skb;
}

static void get_config(const struct config *c, struct br_bpdu *b)
{
	b->change = c->flags & FLAG_CHANGE;
	b->change_ack = c->flags & FLAG_CHANGE_ACK;
	memcpy(b->v.root, c->root, sizeof(c->root));
	b->v.cost = (u32)get16(c->cost) << 16 | get16(c->cost + 2);
	memcpy(b->v.bridge, c->bridge, sizeof(c->bridge));
	b->v.port = get16(c->port);
	b->age = get16(c->age);
	b->max_age = get16(c->max_age);
	b->hello = get16(c->hello);
	b->forward_delay = get16(c->forward_delay);
}

void br_bpdu_rx(struct br_port *p, const struct sk_buff *skb, const struct ethhdr *h)
{
	u32 len = min(ntohs(h->h_proto) + 0U, skb_len(skb));
	struct br_bpdu b = { 0 };
	struct llc_bpdu m;
	struct config c;

	if (ntohs(h->h_proto) > ETH_DATA_LEN || len < sizeof(m) || skb->vlan_proto)
		return;
	skb_copy(skb, 0, &m, sizeof(m));
	if (m.dsap != LLC_SAP || m.ssap != LLC_SAP || m.control != LLC_UI || m.protocol[0] ||
		m.protocol[1] || m.version)
		return;
	b.notification = m.type == TYPE_NOTIFICATION;
	if (m.type == TYPE_CONFIG && len >= sizeof(m) + sizeof(c)) {
		skb_copy(skb, sizeof(m), &c, sizeof(c));
		get_config(&c, &b);
	} else if (!b.notification) {
		return;
	}
	br_stp_heard(p, &b);
}
