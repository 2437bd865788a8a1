/* SPDX-License-Identifier: MIT */
/*
 * arp.c: the address resolution protocol for IPv4 on Ethernet: sends and answers requests, and
 * learns from both. neigh.c keeps the entries.
 *
 * - Requests for any address of this machine are answered on each card, as Linux does, unless
 *   conf/NAME/arp_ignore or arp_filter forbid it.
 * - A machine that sends us a request is learnt. An announcement (gratuitous ARP) changes an
 *   existing entry, and makes a new one if arp_accept is set.
 * - With proxy_arp, we answer for another machine if the route to it uses another device than the
 *   one that received the request; with proxy_arp_pvlan, if it uses that device. Such an answer is
 *   delayed (proxy_delay) unless the request was sent to us alone, so that a nearer machine answers
 *   first.
 * - If the MAC address of an entry has just changed, it does not change again at once (locktime),
 *   unless the owner of the IP address announces it.
 *
 * Locks: later_lock (spin) protects the delayed answers. They are sent without the lock.
 * Sources: RFC 826, 5227.
 */
#include <asm/errno.h>
#include <linux/rtnetlink.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/mm.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/neigh/neigh.h"

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

/* Sends an ARP packet. @tha NULL: the MAC address is unknown, and the packet requests it. */
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

/*
 * Chooses the sender address of a request. @from: the source of the waiting packet, or NULL.
 * Returns false if the device has no address.
 */
static bool asks_from(
	struct net_device *dev, const ip_addr *addr, const ip_addr *from, ip_addr *source)
{
	int announce = CONF4_MAX(dev, CONF4_ARP_ANNOUNCE);

	*source = ip_v4(0);
	if (!from || announce == 2 || !addr_is_local(dev->net, from, 0) ||
		(announce == 1 && !addr_on_link(dev, addr, from)))
		return addr_source(dev, addr, source);
	*source = *from;
	return true;
}

void arp_solicit(struct net_device *dev, const ip_addr *addr, const u8 *mac, const ip_addr *from)
{
	ip_addr source;

	if (asks_from(dev, addr, from, &source))
		send(dev, ARPOP_REQUEST, &source, mac, addr, mac);
}

/* Copies up to @max IPv4 addresses of @dev, without the first @skip ones. Returns their number. */
static u32 copy_addresses(struct net_device *dev, u32 skip, ip_addr *to, u32 max)
{
	struct net *net = dev->net;
	struct ifaddr *i;
	u32 n = 0;

	spin_lock(&net->lock);
	list_for_each_entry(i, &net->addr.list, list)
		if (i->dev == dev && ip_is_v4(&i->addr) && (!skip || !skip--) && n < max)
			to[n++] = i->addr;
	spin_unlock(&net->lock);
	return n;
}

void arp_announce(struct net_device *dev)
{
	ip_addr some[8];
	u32 n, done = 0;

	do {
		n = copy_addresses(dev, done, some, ARRAY_SIZE(some));
		for (u32 k = 0; k < n; k++)
			send(dev, ARPOP_REQUEST, &some[k], NULL, &some[k], NULL);
		done += n;
	} while (n == ARRAY_SIZE(some));
	net_rx_flush();
}

/* ---- delayed answers for other machines ---- */

/* limit for all devices: the owner of a namespace sets the limit of a device */
#define LATER_MAX 4096U

struct later {
	struct list_head list;
	struct net_device *dev;
	struct arp_packet asked;
	u64 at;
};

static DEFINE_SPINLOCK(later_lock);
static LIST_HEAD(later);
static u32 nr_later;
static struct ktimer later_timer;

static void answer(struct net_device *dev, const struct arp_packet *a)
{
	ip_addr sip = addr_of(a->sip), tip = addr_of(a->tip);

	send(dev, ARPOP_REPLY, &tip, a->sha, &sip, a->sha);
}

/* Removes and returns an answer that is due. NULL: there is none; the timer is set for the next. */
static struct later *take_due(void)
{
	struct later *l, *due = NULL;
	u64 now = ktime_get(), next = ~0UL;

	spin_lock(&later_lock);
	list_for_each_entry(l, &later, list) {
		if (!due && l->at <= now)
			due = l;
		next = min(next, l->at);
	}
	if (due) {
		list_del(&due->list);
		nr_later--;
	} else if (next != ~0UL) {
		timer_start(&later_timer, next);
	}
	spin_unlock(&later_lock);
	return due;
}

static void later_tick(struct ktimer *t)
{
	struct later *l;

	while ((l = take_due())) {
		answer(l->dev, &l->asked);
		kfree(l);
	}
	net_rx_flush();
}

/*
 * Queues an answer for a random time within @delay (ns), so that not all proxies answer at once. As
 * on Linux, one more than proxy_qlen may wait.
 */
static void answer_later(struct net_device *dev, const struct arp_packet *a, u64 delay)
{
	u64 most = (u64)max(CONF_NEIGH(dev, true, NEIGH_PROXIED), 0), there = 0, r;
	struct later *l, *mine = kmalloc(sizeof(*mine), GFP_ATOMIC);

	if (!mine)
		return;
	arch_random(&r, sizeof(r));
	*mine = (struct later){ .dev = dev, .asked = *a, .at = ktime_get() + r % delay };
	spin_lock(&later_lock);
	list_for_each_entry(l, &later, list)
		there += l->dev == dev;
	if (there <= most && nr_later < LATER_MAX) {
		list_add_tail(&mine->list, &later);
		nr_later++;
		/* the timer handler finds the next answer */
		timer_start(&later_timer, 0);
		mine = NULL;
	}
	spin_unlock(&later_lock);
	kfree(mine);
}

void arp_forget(struct net_device *dev)
{
	struct later *l, *next;

	spin_lock(&later_lock);
	list_for_each_entry_safe(l, next, &later, list) {
		if (l->dev != dev)
			continue;
		list_del(&l->list);
		nr_later--;
		kfree(l);
	}
	spin_unlock(&later_lock);
}

static int arp_init(void)
{
	timer_setup(&later_timer, later_tick);
	return 0;
}
INITCALL(1, arp_init);

/* ---- receiving ---- */

/* True if @a is a complete ARP packet for IPv4 on Ethernet. */
static bool sane(const struct net_device *dev, const struct arp_packet *a)
{
	ip_addr sip = addr_of(a->sip), tip = addr_of(a->tip);

	return a->hrd == htons(ARPHRD_ETHER) && a->pro == htons(ETH_P_IP) && a->hln == ETH_ALEN &&
	       a->pln == 4 && !eth_is_multicast(a->sha) && !ip_is_multicast(&tip) &&
	       !ip_is_loopback(&tip) && !ip_is_multicast(&sip) && !ip_is_loopback(&sip) &&
	       memcmp(a->sha, dev->addr, ETH_ALEN) != 0;
}

/*
 * True if machines that receive a request on @in receive it on @out, too, and so answer by
 * themselves (medium_id).
 */
static bool same_medium(const struct net_device *in, const struct net_device *out)
{
	int id = CONF4(in, CONF4_MEDIUM_ID), other = CONF4(out, CONF4_MEDIUM_ID);

	return id && (id == -1 || other == id || other == -1);
}

/*
 * True if the route to the requested address leads through this machine, and proxy_arp or
 * proxy_arp_pvlan permits an answer for it.
 */
static bool answers_for(struct net_device *dev, const ip_addr *sip, const ip_addr *tip)
{
	struct flow f = { .saddr = *sip, .daddr = *tip, .iif = dev->ifindex };

	if (!CONF4(dev, CONF4_FORWARDING) || ip_is_any(sip) || route_forward(dev->net, &f))
		return false;
	if (f.dev == dev)
		return CONF4_OR(dev, CONF4_PROXY_ARP_PVLAN) && !ip_equal(sip, tip);
	return CONF4_OR(dev, CONF4_PROXY_ARP) && !same_medium(dev, f.dev);
}

static bool only_here(struct net *net, const ip_addr *tip)
{
	const struct ifaddr *i;
	bool only;

	spin_lock(&net->lock);
	i = addr_find_local(net, tip, 0);
	only = !i || i->scope >= RT_SCOPE_HOST;
	spin_unlock(&net->lock);
	return only;
}

/*
 * True if arp_ignore and arp_filter permit an answer to @sip with the MAC address of our own @tip.
 */
static bool may_reply(struct net_device *dev, ip_addr *sip, const ip_addr *tip)
{
	struct flow f = { .saddr = *tip, .daddr = *sip };

	switch (CONF4_MAX(dev, CONF4_ARP_IGNORE)) {
	case 1:
		if (!addr_is_local(dev->net, tip, dev->ifindex))
			return false;
		break;
	case 2:
		if (!addr_is_local(dev->net, tip, dev->ifindex) ||
			(!ip_is_any(sip) && !addr_on_link(dev, tip, sip)))
			return false;
		break;
	case 3:
		if (only_here(dev->net, tip))
			return false;
		break;
	case 8: return false;
	}
	if (!CONF4_OR(dev, CONF4_ARP_FILTER) || ip_is_any(sip))
		return true;
	return !route_output(dev->net, &f) && f.dev == dev;
}

static bool is_gratuitous(const struct arp_packet *a)
{
	return !memcmp(a->sip, a->tip, sizeof(a->sip)) &&
	       (a->op == htons(ARPOP_REQUEST) || !memcmp(a->sha, a->tha, sizeof(a->sha)));
}

/* True if an unsolicited message may make a new entry (arp_accept). */
static bool accepts(struct net_device *dev, const struct arp_packet *a, const ip_addr *sip)
{
	int accept = CONF4_MAX(dev, CONF4_ARP_ACCEPT);

	if ((accept != 1 && accept != 2) || (accept == 2 && !addr_on_link(dev, sip, NULL)))
		return false;
	return (a->op == htons(ARPOP_REPLY) || is_gratuitous(a)) &&
	       !addr_is_local(dev->net, sip, 0) && !addr_is_broadcast(dev->net, sip);
}

/*
 * Handles a valid ARP packet: answers a request for this machine, and learns the sender. @unicast:
 * it was sent to this machine alone.
 */
static void process(struct net_device *dev, const struct arp_packet *a, bool unicast)
{
	ip_addr sip = addr_of(a->sip), tip = addr_of(a->tip);
	u64 delay = (u64)max(CONF_NEIGH(dev, true, NEIGH_PROXY), 0) * (NSEC_PER_SEC / 100);
	bool asked = a->op == htons(ARPOP_REQUEST),
	     ours = asked && addr_is_local(dev->net, &tip, 0);

	if (ip_equal(&sip, &tip) && CONF4_OR(dev, CONF4_DROP_GRATUITOUS))
		return;
	if (ours && !may_reply(dev, &sip, &tip))
		return;
	if (ours || (asked && answers_for(dev, &sip, &tip))) {
		if (ours || unicast || !delay)
			answer(dev, a);
		else
			answer_later(dev, a, delay);
		/* a probe for an unused address has no sender */
		if (!ip_is_any(&sip))
			neigh_learn(dev, &sip, a->sha, NEIGH_CREATE | NEIGH_OVERRIDE);
	} else if (!ip_is_any(&sip) && sip.w[3] != ~0U) {
		u32 how = NEIGH_OVERRIDE;

		how |= !asked && unicast ? NEIGH_SOLICITED : 0;
		how |= accepts(dev, a, &sip) ? NEIGH_CREATE : 0;
		how |= is_gratuitous(a) ? 0 : NEIGH_UNLESS_NEW;
		neigh_learn(dev, &sip, a->sha, how);
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
