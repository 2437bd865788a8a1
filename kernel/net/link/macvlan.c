/* SPDX-License-Identifier: MIT */
/*
 * macvlan.c: several devices on one card: each has its own address, and gets the frames for that
 * address from the card below.
 *
 *      bridge    the devices reach each other directly, without the card
 *      private   the devices do not reach each other at all
 *      vepa      a frame for another of the devices is sent by the card, to a switch that sends it
 *                back; when the switch returns a multicast, its sender does not get it
 *      passthru  a single device, which has the card's own address and gets all frames
 *
 * Multicasts and broadcasts are delivered to the other devices and sent by the card; a frame to a
 * device in bridge mode is delivered only. The card itself and the devices above it do not reach
 * each other, as in Linux.
 *
 * Locks: port->lock (spin) protects the list of members. Devices are made, changed and removed
 * under link.c's mutex; their modes are read without it. A port is freed a grace period after its
 * last member is removed.
 * Not supported: source mode, lists of addresses: EOPNOTSUPP.
 */
#include <asm/errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/link/link.h"
#include "kernel/net/netfilter/netfilter.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/net/socket/skb.h"
#include "kernel/sched/timer.h"

#define MACVLANS_MAX 1024U /* members of a card, at most */
#define MODES                                                                                      \
	(MACVLAN_MODE_PRIVATE | MACVLAN_MODE_VEPA | MACVLAN_MODE_BRIDGE | MACVLAN_MODE_PASSTHRU)

/* The members of a lower device; dev->port of that device. */
struct mv_port {
	/* macvlan_rx; the first member, as br_port.kind is */
	bool (*kind)(struct net_device *, struct sk_buff *);
	spinlock_t lock;
	struct list_head members;
	u32 nr;
	struct rcu_head rcu;
};

struct macvlan {
	struct list_head list;          /* under port->lock */
	struct net_device *dev, *lower; /* immutable, like port */
	struct mv_port *port;
	u32 mode;
	struct rcu_head rcu;
};

static struct macvlan *MACVLAN(const struct net_device *dev)
{
	return READ_ONCE(*(struct macvlan *const *)&dev->private);
}

/* Returns the member with the address @mac, if it is up. port->lock held. */
static struct macvlan *find(struct mv_port *port, const u8 *mac)
{
	struct macvlan *m;

	list_for_each_entry(m, &port->members, list)
		if (m->mode == MACVLAN_MODE_PASSTHRU || !memcmp(m->dev->addr, mac, ETH_ALEN))
			return READ_ONCE(m->dev->flags) & IFF_UP ? m : NULL;
	return NULL;
}

/* ---- frames ---- */

/* Delivers @skb to a member, and consumes it. */
static void hand_over(struct net_device *dev, struct sk_buff *skb)
{
	const u8 *dst = skb_pulled(skb, ETH_HLEN);

	nf_reset(skb);
	if (!eth_is_multicast(dst))
		skb->pkt_type = memcmp(dst, dev->addr, ETH_ALEN) ? PKT_OTHERHOST : PKT_HOST;
	netif_rx(dev, skb);
}

/* True if @m gets a multicast frame from @from (NULL: from outside). */
static bool hears(const struct macvlan *m, const struct macvlan *from)
{
	if (m == from || !(READ_ONCE(m->dev->flags) & IFF_UP))
		return false;
	return !from || (m->mode == MACVLAN_MODE_BRIDGE && from->mode == MACVLAN_MODE_BRIDGE);
}

/*
 * Delivers copies of the multicast frame @skb from @from (NULL: from outside) to all members that
 * get it. The link header is in the buffer before the packet.
 */
static void spread(struct mv_port *port, struct sk_buff *skb, const struct macvlan *from)
{
	LIST_HEAD(out);
	struct sk_buff *c, *next;
	struct macvlan *m;

	spin_lock(&port->lock);
	list_for_each_entry(m, &port->members, list) {
		c = hears(m, from) ? skb_clone(skb, GFP_ATOMIC) : NULL;
		if (!c)
			continue;
		c->dev = m->dev;
		list_add_tail(&c->list, &out);
	}
	spin_unlock(&port->lock);
	list_for_each_entry_safe(c, next, &out, list) {
		list_del_init(&c->list);
		hand_over(c->dev, c);
	}
}

/*
 * Returns the member whose address is @source, or NULL. In vepa mode this means that the switch
 * sent the member's frame back. port->lock held.
 */
static struct macvlan *sender(struct mv_port *port, const u8 *source)
{
	struct macvlan *m;

	list_for_each_entry(m, &port->members, list)
		if (!memcmp(m->dev->addr, source, ETH_ALEN))
			return m;
	return NULL;
}

/* rx_handler of a lower device: returns true if a macvlan has got the frame. Takes port->lock. */
static bool macvlan_rx(struct net_device *lower, struct sk_buff *skb)
{
	struct mv_port *port = READ_ONCE(*(struct mv_port *const *)&lower->port);
	struct net_device *to = NULL;
	const struct ethhdr *h;
	struct macvlan *m;

	/* the device may have become a bridge's port since rx_handler was read */
	if (!port || port->kind != macvlan_rx || skb->mac_len != ETH_HLEN)
		return false;
	h = (const struct ethhdr *)skb_pulled(skb, ETH_HLEN);
	spin_lock(&port->lock);
	m = eth_is_multicast(h->h_dest) ? NULL : find(port, h->h_dest);
	if (m)
		to = m->dev;
	m = sender(port, h->h_source);
	spin_unlock(&port->lock);
	if (to) {
		hand_over(to, skb);
		return true;
	}
	if (eth_is_multicast(h->h_dest))
		spread(port, skb, m && m->mode == MACVLAN_MODE_VEPA ? m : NULL);
	return false;
}

/* Returns a copy whose link header is pulled, as in a frame from outside, or NULL. */
static struct sk_buff *as_from_outside(const struct sk_buff *skb)
{
	struct sk_buff *c = skb_linear(skb, GFP_ATOMIC);
	const struct ethhdr *h;

	if (!c)
		return NULL;
	c->csum_ok = skb_sums_hold(c);
	h = (const struct ethhdr *)skb_payload(c);
	c->protocol = ntohs(h->h_proto);
	c->pkt_type = eth_is_multicast(h->h_dest) ? PKT_MULTICAST : PKT_HOST;
	if (!memcmp(h->h_dest, (u8[ETH_ALEN]){ 255, 255, 255, 255, 255, 255 }, ETH_ALEN))
		c->pkt_type = PKT_BROADCAST;
	c->mac_len = ETH_HLEN;
	skb_pull(c, ETH_HLEN);
	return c;
}

/*
 * Delivers a frame of @m directly to members in bridge mode: a multicast as copies, and another
 * frame if it is for one of them. Returns true if @skb was for one of them, and was consumed.
 */
static bool among_us(struct macvlan *m, struct sk_buff *skb)
{
	struct net_device *to = NULL;
	struct sk_buff *c;
	struct macvlan *o;
	struct ethhdr h;

	skb_copy(skb, 0, &h, sizeof(h));
	if (eth_is_multicast(h.h_dest)) {
		c = as_from_outside(skb);
		if (c)
			spread(m->port, c, m);
		kfree_skb(c);
		return false;
	}
	spin_lock(&m->port->lock);
	o = find(m->port, h.h_dest);
	if (o && o != m && o->mode == MACVLAN_MODE_BRIDGE)
		to = o->dev;
	spin_unlock(&m->port->lock);
	if (!to)
		return false;
	c = as_from_outside(skb);
	if (c)
		hand_over(to, c);
	kfree_skb(skb);
	return true;
}

static int macvlan_xmit(struct net_device *dev, struct sk_buff *skb)
{
	struct macvlan *m = MACVLAN(dev);

	if (!m || skb_len(skb) < ETH_HLEN) {
		kfree_skb(skb);
		return 0;
	}
	if (m->mode == MACVLAN_MODE_BRIDGE && among_us(m, skb))
		return 0;
	return dev_xmit(m->lower, skb);
}

/* ---- the device ---- */

static int read_mode(const void *data, u32 len, u32 *mode)
{
	u32 n;
	const u32 *v = data ? nl_nested(data, len, IFLA_MACVLAN_MODE, sizeof(*v), &n) : NULL;
	const u16 *flags =
		data ? nl_nested(data, len, IFLA_MACVLAN_FLAGS, sizeof(*flags), &n) : NULL;

	if (data && (nl_nested(data, len, IFLA_MACVLAN_MACADDR_MODE, 0, &n) || (flags && *flags)))
		return -EOPNOTSUPP;
	*mode = v ? *v : MACVLAN_MODE_VEPA;
	if (*mode == MACVLAN_MODE_SOURCE)
		return -EOPNOTSUPP;
	return *mode & MODES && !(*mode & (*mode - 1)) ? 0 : -EINVAL;
}

/* Checks that a device of @mode may be stacked on @lower beside the present members. */
static int may_join(const struct net_device *lower, u32 mode)
{
	const struct mv_port *port = lower->port;
	const struct macvlan *m;

	if (lower->type != ARPHRD_ETHER || lower->flags & IFF_LOOPBACK)
		return -EINVAL;
	if (!lower->rx_handler)
		return 0;
	if (lower->rx_handler != macvlan_rx)
		return -EBUSY;
	if (port->nr >= MACVLANS_MAX)
		return -ENOSPC;
	list_for_each_entry(m, &port->members, list)
		if (mode == MACVLAN_MODE_PASSTHRU || m->mode == MACVLAN_MODE_PASSTHRU)
			return -EINVAL;
	return 0;
}

static struct mv_port *port_of(struct net_device *lower)
{
	struct mv_port *port = lower->port;

	if (lower->rx_handler)
		return port;
	port = kzalloc(sizeof(*port), GFP_KERNEL | __GFP_ACCOUNT);
	if (!port)
		return NULL;
	spin_lock_init(&port->lock);
	INIT_LIST_HEAD(&port->members);
	port->kind = macvlan_rx;
	WRITE_ONCE(lower->port, port);
	WRITE_ONCE(lower->rx_handler, macvlan_rx);
	return port;
}

static int setup(struct net_device *dev, struct net_device *lower, const void *data, u32 len)
{
	struct net_device *real = lower;
	struct macvlan *m;
	u32 mode;
	int err = read_mode(data, len, &mode);

	/* a macvlan on a macvlan uses the lower device of that one */
	if (lower->ops->type == &macvlan_link)
		real = MACVLAN(lower)->lower;
	if (!err)
		err = may_join(real, mode);
	if (err)
		return err;
	m = kzalloc(sizeof(*m), GFP_KERNEL | __GFP_ACCOUNT);
	if (!m)
		return -ENOMEM;
	m->port = port_of(real);
	if (!m->port) {
		kfree(m);
		return -ENOMEM;
	}
	m->dev = dev;
	m->lower = real;
	m->mode = mode;
	INIT_LIST_HEAD(&m->list);
	if (mode == MACVLAN_MODE_PASSTHRU)
		memcpy(dev->addr, real->addr, ETH_ALEN);
	dev->mtu = real->mtu;
	dev->carrier = real->carrier && real->flags & IFF_UP;
	dev->oper_known = true;
	dev->private = m;
	m->port->nr++;
	return 0;
}

static int entered(struct net_device *dev)
{
	struct macvlan *m = MACVLAN(dev);

	spin_lock(&m->port->lock);
	list_add_tail(&m->list, &m->port->members);
	spin_unlock(&m->port->lock);
	netdev_count(m->lower, IFF_PROMISC, 1);
	return 0;
}

static void free_macvlan(struct rcu_head *h)
{
	kfree(container_of(h, struct macvlan, rcu));
}

static void free_port(struct rcu_head *h)
{
	kfree(container_of(h, struct mv_port, rcu));
}

static void remove(struct net_device *dev)
{
	struct macvlan *m = MACVLAN(dev);
	struct net_device *lower = m->lower;

	if (!list_empty(&m->list)) {
		spin_lock(&m->port->lock);
		list_del_init(&m->list);
		spin_unlock(&m->port->lock);
		netdev_count(lower, IFF_PROMISC, -1);
	}
	if (!--m->port->nr) {
		WRITE_ONCE(lower->rx_handler, NULL);
		WRITE_ONCE(lower->port, NULL);
		call_rcu(&m->port->rcu, free_port);
	}
	call_rcu(&m->rcu, free_macvlan);
}

static int change(struct net_device *dev, const void *data, u32 len)
{
	struct macvlan *m = MACVLAN(dev);
	u32 mode;
	int err = m ? read_mode(data, len, &mode) : -ENODEV;

	if (err)
		return err;
	if (mode != m->mode && (mode == MACVLAN_MODE_PASSTHRU || m->mode == MACVLAN_MODE_PASSTHRU))
		return -EINVAL;
	WRITE_ONCE(m->mode, mode);
	return 0;
}

static void fill(struct nl_builder *b, const struct net_device *dev)
{
	const struct macvlan *m = MACVLAN(dev);

	if (!m)
		return;
	nl_attr_u32(b, IFLA_MACVLAN_MODE, m->mode);
	nl_attr(b, IFLA_MACVLAN_FLAGS, &(u16){ 0 }, 2);
}

static struct net_device *lower_of(const struct net_device *dev)
{
	const struct macvlan *m = MACVLAN(dev);

	return m ? m->lower : NULL;
}

static void lower_changed(struct net_device *dev, struct net_device *lower)
{
	const struct macvlan *m = MACVLAN(dev);

	if (dev->mtu > lower->mtu)
		netdev_set_mtu(dev, lower->mtu);
	if (m && m->mode == MACVLAN_MODE_PASSTHRU && memcmp(dev->addr, lower->addr, ETH_ALEN) != 0)
		netdev_set_address(dev, lower->addr);
}

static int macvlan_open(struct net_device *dev)
{
	const struct macvlan *m = MACVLAN(dev);

	return m && READ_ONCE(m->lower->flags) & IFF_UP ? 0 : -ENETDOWN;
}

static int macvlan_set_mtu(struct net_device *dev, u32 mtu)
{
	const struct macvlan *m = MACVLAN(dev);

	return m && mtu > m->lower->mtu ? -EINVAL : 0;
}

static const struct netdev_ops macvlan_ops = {
	.type = &macvlan_link,
	.driver = "macvlan",
	.qdisc = "noqueue",
	.max_mtu = 65535,
	.xmit = macvlan_xmit,
	.open = macvlan_open,
	.set_mtu = macvlan_set_mtu,
};

const struct link_type macvlan_link = {
	.kind = "macvlan",
	.ops = &macvlan_ops,
	.setup = setup,
	.entered = entered,
	.remove = remove,
	.change = change,
	.fill = fill,
	.lower = lower_of,
	.lower_changed = lower_changed,
};
