/* SPDX-License-Identifier: MIT */
/*
 * forward.c: the path of a frame through a bridge.
 *
 *     a frame from a port: netdev_io.c deliver() -> br_rx(port) -> the source is learnt
 *         -> sent by the port of the destination, or by all ports; or passed to the host (netif_rx)
 *     a frame of this machine: dev_xmit(bridge) -> br_xmit()
 *         -> sent by the port of the destination, or by all ports, but not passed to the host
 *
 * The ports are chosen under br->lock; each sends a clone of the frame, without the lock. Frames to
 * addresses that no bridge forwards (IEEE 802.1D, 7.12.6) are received by the port's own device,
 * except PAUSE frames, which are dropped.
 * Frames of the spanning tree are forwarded like others while it is switched off.
 */
#include <asm/errno.h>
#include <linux/rtnetlink.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/bridge/bridge.h"
#include "kernel/net/netfilter/netfilter.h"

#define VLAN_HLEN 4U

/* The decision about a frame. */
struct way {
	struct list_head out; /* clones, each with its port's device */
	/*
	 * the frame itself, to be sent by @to, or to be passed to the host (@up); the frame is
	 * dropped if neither is set
	 */
	struct sk_buff *skb;
	struct net_device *to;
	bool up;
	/* @learnt is new and must be reported */
	bool news;
	struct br_fdb_info learnt;
};

/* ---- sending ---- */

static bool may_leave(const struct br_port *p, const struct br_port *from)
{
	if (READ_ONCE(p->state) != BR_STATE_FORWARDING)
		return false;
	if (p == from)
		return p->flags & BIT(BRP_HAIRPIN);
	return !(from && from->flags & p->flags & BIT(BRP_ISOLATED));
}

/* Puts the pulled link header back in front of the frame. */
static void unpull_link_header(struct sk_buff *skb)
{
	if (!skb->mac_len)
		return;
	if (skb->room_pulled) {
		skb_push(skb, skb->mac_len);
	} else {
		skb->off -= skb->mac_len;
		skb->len += skb->mac_len;
	}
	skb->mac_len = 0;
	skb->room_pulled = false;
}

static void leave_by(struct net_device *dev, struct sk_buff *skb)
{
	unpull_link_header(skb);
	nf_reset(skb);
	skb->pkt_type = PKT_OUTGOING;
	if (!(READ_ONCE(dev->flags) & IFF_UP) ||
		(!skb->gso && skb_len(skb) > dev->mtu + ETH_HLEN + VLAN_HLEN)) {
		dev->stats.tx_dropped++;
		kfree_skb(skb);
		return;
	}
	dev_xmit(dev, skb);
}

static void carry_out(struct bridge *br, struct way *w)
{
	struct sk_buff *skb, *next;

	if (unlikely(w->news))
		br_fdb_notify(br->dev->net, &w->learnt, RTM_NEWNEIGH);
	list_for_each_entry_safe(skb, next, &w->out, list) {
		list_del_init(&skb->list);
		leave_by(skb->dev, skb);
	}
	if (w->skb && w->up)
		netif_rx(br->dev, w->skb);
	else if (w->skb && w->to)
		leave_by(w->to, w->skb);
	else
		kfree_skb(w->skb);
}

/* Adds a clone to be sent by @p, if the frame may leave by that port. */
static void add_way(
	struct br_port *p, const struct br_port *from, const struct sk_buff *skb, struct way *w)
{
	struct sk_buff *c;

	if (!may_leave(p, from))
		return;
	c = skb_clone(skb, GFP_ATOMIC);
	if (!c) {
		p->dev->stats.tx_dropped++;
		return;
	}
	c->dev = p->dev;
	list_add_tail(&c->list, &w->out);
}

/*
 * Adds clones for all ports whose flags accept frames of this kind; broadcasts and multicasts of
 * the bridge's own host are for all ports. br->lock held.
 */
static void flood(
	struct bridge *br, struct sk_buff *skb, const struct br_port *from, u32 kind, struct way *w)
{
	struct br_port *p;

	list_for_each_entry(p, &br->ports, list)
		if (p->flags & BIT(kind) || (!from && kind != BRP_UNICAST_FLOOD))
			add_way(p, from, skb, w);
}

/* Adds clones for the members of a group and for routers. br->lock held. */
static void send_to_group(struct bridge *br, struct sk_buff *skb, const struct br_port *from,
	const struct br_heard *h, struct way *w)
{
	struct br_member *m;
	struct br_port *p;

	if (h->group)
		list_for_each_entry(m, &h->group->members, list)
			add_way(m->port, from, skb, w);
	list_for_each_entry(p, &br->ports, list)
		if (br_leads_to_router(p, h->family) && !br_is_member(h->group, p))
			add_way(p, from, skb, w);
	w->up = from && ((h->group && h->group->host) || br_is_router(br, h->family));
}

static u32 flood_kind(const u8 *dst)
{
	static const u8 ones[ETH_ALEN] = { 255, 255, 255, 255, 255, 255 };

	if (!eth_is_multicast(dst))
		return BRP_UNICAST_FLOOD;
	return memcmp(dst, ones, ETH_ALEN) ? BRP_MCAST_FLOOD : BRP_BCAST_FLOOD;
}

/* Finds the ports for a frame, whose network header is at @off. br->lock held. */
static void find_way(struct bridge *br, struct sk_buff *skb, struct br_port *from,
	const struct ethhdr *eth, u32 off, struct way *w)
{
	const u8 *dst = eth->h_dest;
	struct br_fdb *e = eth_is_multicast(dst) ? NULL : br_fdb_find_locked(br, dst);
	struct br_heard h;

	if (flood_kind(dst) == BRP_MCAST_FLOOD) {
		br_snoop_look(br, from, skb, off, ntohs(eth->h_proto), &h);
		if (h.drop)
			return;
		if ((h.group || h.routers_only) && br_has_querier(br, h.family)) {
			send_to_group(br, skb, from, &h, w);
			return;
		}
	}
	if (!e) {
		flood(br, skb, from, flood_kind(dst), w);
		w->up = from && eth_is_multicast(dst);
		return;
	}
	e->used = ktime_get();
	if (from && e->local)
		w->up = true;
	else if (e->port && may_leave(e->port, from))
		w->to = e->port->dev;
}

int br_xmit(struct net_device *dev, struct sk_buff *skb)
{
	struct bridge *br = BRIDGE(dev);
	struct way w = { .skb = skb };
	struct ethhdr h;

	if (!br || skb_len(skb) < ETH_HLEN) {
		dev->stats.tx_dropped++;
		kfree_skb(skb);
		return 0;
	}
	INIT_LIST_HEAD(&w.out);
	skb_copy(skb, 0, &h, sizeof(h));
	skb->mac_len = 0;
	spin_lock(&br->lock);
	find_way(br, skb, NULL, &h, ETH_HLEN, &w);
	br_snoop_finish(br);
	carry_out(br, &w);
	return 0;
}

/* ---- receiving ---- */

/*
 * True for 01:80:c2:00:00:0X. The bridge does not forward frames to these addresses, unless
 * group_fwd_mask allows it.
 */
static bool is_link_local(const u8 *dst)
{
	static const u8 prefix[5] = { 0x01, 0x80, 0xc2, 0, 0 };

	return !memcmp(dst, prefix, sizeof(prefix)) && !(dst[5] & 0xf0);
}

static bool passes_on(const struct br_port *p, u8 last)
{
	return (!last && !p->br->stp.on) || (p->br->group_fwd_mask | p->group_fwd_mask) & BIT(last);
}

static bool is_sender(const u8 *mac)
{
	static const u8 zero[ETH_ALEN];

	return !eth_is_multicast(mac) && memcmp(mac, zero, ETH_ALEN) != 0;
}

/*
 * True if the port accepts frames from @source. A locked port accepts only sources whose entry in
 * the table has this port.
 */
static bool is_welcome(struct bridge *br, const struct br_port *p, const u8 *source)
{
	const struct br_fdb *e;

	if (!(p->flags & BIT(BRP_LOCKED)))
		return true;
	e = br_fdb_find_locked(br, source);
	return e && e->port == p && !e->local;
}

static void learn(struct bridge *br, struct br_port *p, const u8 *source, struct way *w)
{
	struct br_fdb *e;

	if (!(p->flags & BIT(BRP_LEARNING)) || !br_fdb_learn_locked(br, p, source))
		return;
	e = br_fdb_find_locked(br, source);
	w->news = e;
	if (e)
		br_fdb_info_locked(br, e, &w->learnt);
}

/* Learns the source of a frame that is received by the port itself. */
static void keep_on_port(struct bridge *br, struct br_port *p, const u8 *source)
{
	struct way w = { .skb = NULL };

	if (br->no_linklocal_learn || READ_ONCE(p->state) < BR_STATE_LEARNING ||
		READ_ONCE(p->state) > BR_STATE_FORWARDING)
		return;
	spin_lock(&br->lock);
	if (is_welcome(br, p, source))
		learn(br, p, source, &w);
	spin_unlock(&br->lock);
	if (w.news)
		br_fdb_notify(br->dev->net, &w.learnt, RTM_NEWNEIGH);
}

/*
 * Learns the source of a frame that has arrived by @p, and forwards the frame. Takes br->lock; the
 * frames leave without it. Consumes @skb.
 */
static void pass(struct bridge *br, struct br_port *p, struct sk_buff *skb, const struct ethhdr *h)
{
	struct way w = { .skb = skb };

	INIT_LIST_HEAD(&w.out);
	spin_lock(&br->lock);
	if (p->state < BR_STATE_LEARNING || p->state > BR_STATE_FORWARDING ||
		!is_welcome(br, p, h->h_source))
		goto out;
	learn(br, p, h->h_source, &w);
	if (p->state == BR_STATE_LEARNING)
		goto out;
	find_way(br, skb, p, h, 0, &w);
	if (w.to &&
		READ_ONCE(br->dev->flags) & IFF_PROMISC) { /* promiscuous: the host gets it, too */
		struct sk_buff *c = skb_clone(skb, GFP_ATOMIC);

		if (c) {
			c->dev = w.to;
			list_add_tail(&c->list, &w.out);
			w.to = NULL;
		}
		w.up = c;
	} else if (!w.to && READ_ONCE(br->dev->flags) & IFF_PROMISC) {
		w.up = true;
	}
out:
	br_snoop_finish(br);
	if (!w.up && !w.to && list_empty(&w.out))
		p->dev->stats.rx_dropped++;
	carry_out(br, &w);
}

bool br_rx(struct net_device *dev, struct sk_buff *skb)
{
	struct br_port *p = br_port_of(dev);
	struct ethhdr h;

	if (!p || skb->mac_len != ETH_HLEN)
		return false;
	memcpy(&h, skb_pulled(skb, ETH_HLEN), sizeof(h));
	if (!is_sender(h.h_source)) {
		dev->stats.rx_dropped++;
		kfree_skb(skb);
		return true;
	}
	if (is_link_local(h.h_dest) && !passes_on(p, h.h_dest[5])) {
		if (h.h_dest[5] == 1) { /* PAUSE is for the card */
			kfree_skb(skb);
			return true;
		}
		keep_on_port(p->br, p, h.h_source);
		if (p->br->stp.on && !memcmp(h.h_dest, p->br->group_addr, ETH_ALEN))
			br_bpdu_rx(p, skb, &h);
		return false;
	}
	if (!memcmp(h.h_dest, p->br->dev->addr, ETH_ALEN))
		skb->pkt_type = PKT_HOST;
	pass(p->br, p, skb, &h);
	return true;
}
