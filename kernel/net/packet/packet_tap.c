/* SPDX-License-Identifier: MIT */
/*
 * packet_tap.c: gives copies of the packets that devices send and receive to the AF_PACKET sockets
 * that tap them.
 *
 * A socket gets a clone that begins with the link header (SOCK_RAW) or behind it (SOCK_DGRAM). lo
 * has no link header; zeros are put in its place, as on Linux. An outgoing packet is given to taps
 * for all protocols (ETH_P_ALL) only, and not to its sender. packet.h describes the locks.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/packet/packet.h"
#include "kernel/sched/sched.h"

DEFINE_SPINLOCK(packet_taps_lock);
/* number of taps; while it is 0, devices call no function of this file */
u32 packet_taps;

/* ---- taps ---- */

static void tap(struct packet_sock *p)
{
	if (p->running || !p->proto)
		return;
	hlist_add_head(&p->tap, &p->c.net->devs.taps);
	p->running = true;
	packet_taps++;
	if (p->fanout)
		packet_fanout_listen(p, true);
}

static void untap(struct packet_sock *p)
{
	if (!p->running)
		return;
	hlist_del_init(&p->tap);
	p->running = false;
	packet_taps--;
	if (p->fanout)
		packet_fanout_listen(p, false);
}

int packet_look(struct packet_sock *p, int ifindex, u16 proto)
{
	struct net *net = p->c.net;
	struct net_device *d;
	bool up = true, found = true;

	if (ifindex) {
		spin_lock(&net->lock);
		d = netdev_by_index(net, ifindex);
		found = d;
		up = d && d->flags & IFF_UP;
		spin_unlock(&net->lock);
	}
	if (!found)
		return -ENODEV;
	spin_lock(&packet_taps_lock);
	untap(p);
	p->ifindex = ifindex;
	p->proto = proto;
	if (up)
		tap(p);
	spin_unlock(&packet_taps_lock);
	return up || !proto ? 0 : -ENETDOWN;
}

void packet_for_each(struct net *net, void (*fn)(const struct packet_sock *p, void *arg), void *arg)
{
	struct packet_sock *p;

	spin_lock(&packet_taps_lock);
	hlist_for_each_entry(p, &net->devs.taps, tap)
		fn(p, arg);
	spin_unlock(&packet_taps_lock);
}

void packet_look_away(struct packet_sock *p)
{
	spin_lock(&packet_taps_lock);
	untap(p);
	spin_unlock(&packet_taps_lock);
}

void packet_device_gone(struct net_device *dev)
{
	struct packet_sock *p;
	struct hlist_node *next;

	spin_lock(&packet_taps_lock);
	hlist_for_each_entry_safe(p, next, &dev->net->devs.taps, tap) {
		if (p->ifindex != dev->ifindex)
			continue;
		untap(p);
		p->ifindex = -1;
		WRITE_ONCE(p->c.err, -ENETDOWN);
		wake_up(&p->c.wait);
	}
	spin_unlock(&packet_taps_lock);
}

/* ---- metadata of a packet ---- */

void packet_address(const struct sk_buff *skb, struct sockaddr_ll *a)
{
	*a = (struct sockaddr_ll){
		.sll_family = AF_PACKET,
		.sll_protocol = htons(skb->protocol),
		.sll_ifindex = skb->pkt.ifindex,
		.sll_hatype = skb->pkt.hatype,
		.sll_pkttype = skb->pkt_type,
		.sll_halen = skb->pkt.hatype == ARPHRD_NONE ? 0 : ETH_ALEN,
	};
	memcpy(a->sll_addr, skb->pkt.source, ETH_ALEN);
}

u32 packet_status(const struct sk_buff *skb)
{
	bool transport = skb->protocol == ETH_P_IP || skb->protocol == ETH_P_IPV6;

	/* checksums are never filled in on lo */
	return TP_STATUS_USER |
	       (skb->vlan_proto ? TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID : 0) |
	       ((skb->csum_ok || skb->csum_head) && transport ? TP_STATUS_CSUMNOTREADY : 0);
}

/* Returns a clone that begins with the link header, or NULL. */
static struct sk_buff *with_link_header(struct net_device *dev, struct sk_buff *skb, bool out)
{
	struct sk_buff *c = skb_clone(skb, GFP_ATOMIC);
	struct ethhdr *h;

	if (!c)
		return NULL;
	if (c->mac_len && !skb_headlen(c)) { /* the link header is in the buffer */
		c->off -= c->mac_len;
		c->len += c->mac_len;
	} else if (dev->type != ARPHRD_NONE && (dev->type != ARPHRD_ETHER || !out)) {
		h = skb_push(c, sizeof(*h));
		memset(h, 0, sizeof(*h));
		h->h_proto = htons(c->protocol);
	}
	if (out)
		c->pkt_type = PKT_OUTGOING;
	c->dev = dev;
	c->pkt = (struct packet_meta){ .ifindex = dev->ifindex, .hatype = dev->type };
	if (dev->type != ARPHRD_NONE)
		skb_copy(c, ETH_ALEN, c->pkt.source, ETH_ALEN);
	return c;
}

static void wake(struct packet_sock *p)
{
	wake_up_common(&p->c.wait, TASK_NORMAL, 0, EPOLLIN | EPOLLRDNORM);
	if (unlikely(!fasync_none(&p->c.async)))
		kill_fasync_list(&p->c.async, EPOLLIN | EPOLLRDNORM);
}

static bool has_room(const struct packet_sock *p, const struct sk_buff *c)
{
	return !p->rmem || p->rmem + skb_truesize(c) <= p->c.rcvbuf;
}

/* Adds @c to the queue. Returns false if there is no room. q_lock held. */
static bool enqueue(struct packet_sock *p, struct sk_buff *c)
{
	if (!has_room(p, c))
		return false;
	p->rmem += skb_truesize(c);
	c->dropped = p->drops;
	list_add_tail(&c->list, &p->rq);
	return true;
}

/* Puts a copy of @all into a socket's queue or ring. packet_taps_lock held. */
static void show(struct packet_sock *p, const struct sk_buff *all)
{
	u32 link = packet_link_len(all->pkt.hatype);
	u32 net = p->c.type == SOCK_RAW ? link : 0, keep;
	struct sk_buff *c = skb_clone(all, GFP_ATOMIC);
	struct filter_view v = { .skb = c, .net = (s32)net, .pkt_type = all->pkt_type };
	const struct sk_filter *f = READ_ONCE(p->c.filter);
	struct sockaddr_ll from;
	/* a packet that the ring truncates is also queued whole */
	bool taken, whole = false;

	if (!c)
		return;
	if (!net)
		skb_pull(c, link);
	keep = f ? min(sock_filter_view(f, &v, skb_len(c)), skb_len(c)) : skb_len(c);
	if (!keep) {
		kfree_skb(c);
		return;
	}
	c->pkt.len = skb_len(c);
	if (p->vnet)
		c = packet_vnet_show(c);
	if (!c)
		return;
	if (!c->stamp)
		c->stamp = ktime_get_real();
	spin_lock(&p->q_lock);
	p->packets++;
	if (p->ring) {
		packet_address(c, &from);
		whole = p->copy_thresh && has_room(p, c) && packet_ring_cuts(p, keep, net);
		taken = packet_ring_put(p, c, &from, keep, net, whole);
		if (taken && whole)
			enqueue(p, c);
	} else {
		skb_trim(c, keep);
		taken = enqueue(p, c);
	}
	if (!taken)
		p->drops++;
	if (!taken || (p->ring && !whole))
		kfree_skb(c);
	spin_unlock(&p->q_lock);
	wake(p);
}

static void show_group(struct packet_fanout *f, struct sk_buff *all, struct list_head *dead)
{
	struct sk_buff *whole = packet_fanout_whole(f, all, dead);

	if (!whole)
		return;
	show(packet_fanout_pick(f, whole, packet_link_len(whole->pkt.hatype)), whole);
	if (whole != all)
		list_add_tail(&whole->list, dead);
}

static bool wants(const struct packet_sock *p, const struct net_device *dev,
	const struct sk_buff *skb, bool out)
{
	if (p->c.net != dev->net || (p->ifindex && p->ifindex != dev->ifindex))
		return false;
	/* the first member acts for the whole group */
	if (p->fanout && !packet_fanout_is_first(p))
		return false;
	if (out && p->fanout)
		return p->proto == ETH_P_ALL && packet_fanout_wants_sent(p->fanout, skb->owner);
	if (out)
		return p->proto == ETH_P_ALL && !p->ignore_outgoing && skb->owner != p;
	return p->proto == ETH_P_ALL || p->proto == skb->protocol;
}

/*
 * Shows a packet to the taps of the namespace that want it. @out: @dev is about to send it. Takes
 * packet_taps_lock. Does not consume @skb.
 */
static void look(struct net_device *dev, struct sk_buff *skb, bool out)
{
	struct sk_buff *all = NULL;
	struct packet_sock *p;
	struct net *net = READ_ONCE(dev->net);
	LIST_HEAD(dead);

	if (hlist_empty(&net->devs.taps)) /* the namespace has no taps */
		return;
	spin_lock(&packet_taps_lock);
	hlist_for_each_entry(p, &net->devs.taps, tap) {
		if (!wants(p, dev, skb, out))
			continue;
		if (!all)
			all = with_link_header(dev, skb, out);
		if (!all)
			break;
		if (p->fanout)
			show_group(p->fanout, all, &dead);
		else
			show(p, all);
	}
	spin_unlock(&packet_taps_lock);
	skb_free_list(&dead);
	kfree_skb(all);
}

void packet_tap_out(struct net_device *dev, struct sk_buff *skb)
{
	u16 protocol = skb->protocol;
	struct ethhdr h;

	/* A sender of raw frames may not have set their protocol. */
	if (dev->type == ARPHRD_ETHER) {
		skb_copy(skb, 0, &h, sizeof(h));
		skb->protocol = ntohs(h.h_proto);
	}
	look(dev, skb, true);
	skb->protocol = protocol;
}

void packet_tap_in(struct sk_buff *skb)
{
	look(skb->dev, skb, false);
}
