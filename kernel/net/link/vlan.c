/* SPDX-License-Identifier: MIT */
/*
 * vlan.c: VLANs of a card (IEEE 802.1Q): a device that sends and receives the frames with its tag
 * through the device below it.
 *
 *	out   dev_xmit(eth0.5) -> skb->vlan_tci = 5 -> dev_xmit(eth0) -> tag put into the bytes,
 *	      unless eth0 takes it as metadata
 *	in    eth_rx(eth0): tag taken out of the bytes -> deliver() -> vlan_rx() -> eth0.5
 *
 * A tag is metadata of the skb (skb.h) while the frame is in this machine, so that AF_PACKET
 * reports it as Linux does, and a bridge or a veth passes it on unchanged. A priority tag (VLAN 0)
 * is treated as no tag.
 * Not supported: 802.1ad, GVRP, MVRP, priorities mapped to tags: EOPNOTSUPP, EPROTONOSUPPORT.
 * Locks: vlans_lock (spin) for the table; values change under link.c's mutex and are read without
 * it.
 */
#include <asm/errno.h>
#include <linux/if_link.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/link/link.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/net/socket/skb.h"
#include "kernel/net/link/vlan.h"
#include "kernel/sched/timer.h"

#define VLAN_BITS 7
#define VID_MAX 4094
#define VID_MASK 0xfffU
#define FLAGS_KNOWN (VLAN_FLAG_REORDER_HDR | VLAN_FLAG_LOOSE_BINDING)

struct vlan {
	struct hlist_node node;
	struct net_device *dev, *lower; /* immutable, like id */
	u16 id;
	u32 flags;
	bool lower_up; /* state at the last notification */
	/* this device keeps the lower one in promiscuous mode (watch()) */
	bool watching;
	struct rcu_head rcu;
};

static DEFINE_SPINLOCK(vlans_lock);
static struct hlist_head table[1 << VLAN_BITS];

static struct vlan *VLAN(const struct net_device *dev)
{
	return READ_ONCE(*(struct vlan *const *)&dev->private);
}

static struct hlist_head *bucket(const struct net_device *lower, u16 id)
{
	return &table[((u32)(u64)lower / 64 * 0x85ebca6bU ^ id * 0x9e3779b1U) >> (32 - VLAN_BITS)];
}

static struct net_device *find(const struct net_device *lower, u16 id)
{
	struct net_device *dev = NULL;
	struct vlan *v;

	spin_lock(&vlans_lock);
	hlist_for_each_entry(v, bucket(lower, id), node)
		if (v->lower == lower && v->id == id)
			dev = v->dev;
	spin_unlock(&vlans_lock);
	return dev;
}

/* ---- frames ---- */

bool vlan_rx(struct sk_buff *skb)
{
	struct net_device *dev = find(skb->dev, skb->vlan_tci & VID_MASK);
	const u8 *dst = skb->mac_len ? skb_pulled(skb, skb->mac_len) : NULL;

	if (!dev)
		return false;
	if (!(READ_ONCE(dev->flags) & IFF_UP)) {
		dev->stats.rx_dropped++;
		kfree_skb(skb);
		return true;
	}
	skb->vlan_proto = 0;
	if (dst && skb->pkt_type == PKT_OTHERHOST && !memcmp(dst, dev->addr, ETH_ALEN))
		skb->pkt_type = PKT_HOST;
	if (skb->pkt_type == PKT_MULTICAST)
		dev->stats.multicast++;
	netif_rx(dev, skb);
	return true;
}

static int vlan_xmit(struct net_device *dev, struct sk_buff *skb)
{
	struct vlan *v = VLAN(dev);

	if (!v) {
		kfree_skb(skb);
		return 0;
	}
	if (skb->vlan_proto && !vlan_insert(skb)) { /* an inner tag */
		dev->stats.tx_dropped++;
		kfree_skb(skb);
		return -ENOBUFS;
	}
	skb->vlan_proto = ETH_P_8021Q;
	skb->vlan_tci = v->id;
	return dev_xmit(v->lower, skb);
}

bool vlan_strip(struct sk_buff *skb)
{
	u8 *p = skb_payload(skb);

	if (skb->len < ETH_HLEN + VLAN_TAG || atomic_read(&skb->buf->refs) != 1)
		return false;
	skb->vlan_proto = (u16)(p[12] << 8 | p[13]);
	skb->vlan_tci = (u16)(p[14] << 8 | p[15]);
	memmove(p + VLAN_TAG, p, 2UL * ETH_ALEN);
	skb->off += VLAN_TAG;
	skb->len -= VLAN_TAG;
	return true;
}

/*
 * Takes a tag out of the frame's bytes: an inner tag, or the tag of a frame that one macvlan sent
 * to another.
 */
bool vlan_untag(struct sk_buff *skb)
{
	u8 *p;

	if (skb->mac_len != ETH_HLEN || skb->room_pulled || skb_headlen(skb) ||
		skb->len < VLAN_TAG || !skb_own_payload(skb))
		return false;
	p = skb_payload(skb);
	skb->vlan_proto = ETH_P_8021Q;
	skb->vlan_tci = (u16)(p[0] << 8 | p[1]);
	skb->protocol = (u16)(p[2] << 8 | p[3]);
	memmove(p - ETH_HLEN + VLAN_TAG, p - ETH_HLEN, 2UL * ETH_ALEN);
	skb_pull(skb, VLAN_TAG);
	return true;
}

/*
 * Handles a tagged frame that no VLAN device has taken: removes a priority tag (VLAN 0), and
 * continues with the payload behind it, which may begin with another tag. Returns false if @skb was
 * consumed.
 */
bool vlan_rx_priority(struct sk_buff *skb)
{
	while (skb->vlan_proto && !(skb->vlan_tci & VID_MASK) && skb->protocol == ETH_P_8021Q) {
		if (!vlan_untag(skb)) {
			skb->dev->stats.rx_dropped++;
			kfree_skb(skb);
			return false;
		}
		if (vlan_rx(skb))
			return false;
	}
	if (skb->vlan_proto && skb->vlan_tci & VID_MASK) /* the VLAN has no device */
		skb->pkt_type = PKT_OTHERHOST;
	return true;
}

bool vlan_insert(struct sk_buff *skb)
{
	u8 h[ETH_HLEN], *to;

	/* no room: many tags in front of headers that fill room[] */
	if (skb->head < VLAN_TAG)
		return false;
	if (skb_len(skb) >= ETH_HLEN) {
		skb_copy(skb, 0, h, sizeof(h));
		skb_pull(skb, ETH_HLEN);
		to = skb_push(skb, ETH_HLEN + VLAN_TAG);
		memcpy(to, h, 2UL * ETH_ALEN);
		to[12] = (u8)(skb->vlan_proto >> 8);
		to[13] = (u8)skb->vlan_proto;
		to[14] = (u8)(skb->vlan_tci >> 8);
		to[15] = (u8)skb->vlan_tci;
		memcpy(to + 16, h + 12, 2);
		skb->room_pulled = false;
		skb->mac_len = 0;
	}
	skb->vlan_proto = 0;
	return true;
}

/* ---- the device ---- */

/*
 * True if the map of priorities in nest @attr, if there is one, has only entries that map to 0, as
 * all priorities do without a map.
 */
static bool maps_to_zero(const void *data, u32 len, u16 attr)
{
	u32 n;
	const u8 *at = nl_nested(data, len, attr, 0, &n), *end = at + n;

	while (at && end - at >= (long)sizeof(struct rtattr)) {
		const struct rtattr *a = (const void *)at;
		struct ifla_vlan_qos_mapping m;

		if (a->rta_len < sizeof(*a) || a->rta_len > end - at ||
			a->rta_len < RTA_LENGTH(sizeof(m)))
			return false;
		memcpy(&m, RTA_DATA(a), sizeof(m));
		if (m.to)
			return false;
		at += min((long)RTA_ALIGN((u32)a->rta_len), (long)(end - at));
	}
	return true;
}

static int set_flags(struct vlan *v, const void *data, u32 len)
{
	struct ifla_vlan_flags f;
	const void *p;
	u32 n;

	if (!maps_to_zero(data, len, IFLA_VLAN_EGRESS_QOS) ||
		!maps_to_zero(data, len, IFLA_VLAN_INGRESS_QOS))
		return -EOPNOTSUPP;
	p = nl_nested(data, len, IFLA_VLAN_FLAGS, sizeof(f), &n);
	if (!p)
		return 0;
	memcpy(&f, p, sizeof(f));
	if (f.flags & f.mask & ~(u32)FLAGS_KNOWN ||
		(f.mask & VLAN_FLAG_REORDER_HDR && !(f.flags & VLAN_FLAG_REORDER_HDR)))
		return -EOPNOTSUPP;
	WRITE_ONCE(v->flags, (v->flags & ~f.mask) | (f.flags & f.mask));
	return 0;
}

static int check(const struct net_device *lower, const void *data, u32 len, u16 *id)
{
	const u16 *v, *proto;
	u32 n;

	v = data ? nl_nested(data, len, IFLA_VLAN_ID, sizeof(*v), &n) : NULL;
	if (!v)
		return -EINVAL;
	if (*v > VID_MAX)
		return -ERANGE;
	proto = nl_nested(data, len, IFLA_VLAN_PROTOCOL, sizeof(*proto), &n);
	if (proto && *proto != htons(ETH_P_8021Q))
		return -EPROTONOSUPPORT;
	if (lower->type != ARPHRD_ETHER)
		return -EOPNOTSUPP;
	*id = *v;
	return find(lower, *v) ? -EEXIST : 0;
}

/* link_type.setup: makes the struct vlan of a new device on @lower. */
static int setup(struct net_device *dev, struct net_device *lower, const void *data, u32 len)
{
	struct vlan *v;
	u16 id;
	int err = check(lower, data, len, &id);

	if (err)
		return err;
	v = kzalloc(sizeof(*v), GFP_KERNEL | __GFP_ACCOUNT);
	if (!v)
		return -ENOMEM;
	v->dev = dev;
	v->lower = lower;
	v->id = id;
	v->flags = VLAN_FLAG_REORDER_HDR;
	v->lower_up = lower->flags & IFF_UP;
	err = set_flags(v, data, len);
	if (err) {
		kfree(v);
		return err;
	}
	memcpy(dev->addr, lower->addr, ETH_ALEN);
	dev->addr_assign = NETDEV_ADDR_STOLEN;
	dev->mtu = lower->mtu;
	dev->carrier = lower->carrier && lower->flags & IFF_UP;
	dev->oper_known = true;
	dev->private = v;
	return 0;
}

/*
 * Sets or ends promiscuous mode of the lower device. The mode is needed while this device is up and
 * has an address other than the lower one's, or is promiscuous itself.
 */
static void watch(struct vlan *v, const u8 *addr, bool up)
{
	bool on = up && (READ_ONCE(v->dev->flags) & IFF_PROMISC ||
				memcmp(addr, v->lower->addr, ETH_ALEN) != 0);

	if (xchg(&v->watching, on) != on)
		netdev_count(v->lower, IFF_PROMISC, on ? 1 : -1);
}

static int entered(struct net_device *dev)
{
	struct vlan *v = VLAN(dev);

	if (dev->mtu > v->lower->mtu)
		return -ERANGE;
	spin_lock(&vlans_lock);
	hlist_add_head(&v->node, bucket(v->lower, v->id));
	spin_unlock(&vlans_lock);
	return 0;
}

static void free_vlan(struct rcu_head *h)
{
	kfree(container_of(h, struct vlan, rcu));
}

static void remove(struct net_device *dev)
{
	struct vlan *v = VLAN(dev);

	watch(v, dev->addr, false);
	spin_lock(&vlans_lock);
	if (!hlist_unhashed(&v->node))
		hlist_del_init(&v->node);
	spin_unlock(&vlans_lock);
	call_rcu(&v->rcu, free_vlan);
}

static int change(struct net_device *dev, const void *data, u32 len)
{
	return VLAN(dev) ? set_flags(VLAN(dev), data, len) : -ENODEV;
}

static void fill(struct nl_builder *b, const struct net_device *dev)
{
	const struct vlan *v = VLAN(dev);
	struct ifla_vlan_flags f = { .mask = ~0U };

	if (!v)
		return;
	f.flags = v->flags;
	nl_attr(b, IFLA_VLAN_PROTOCOL, &(u16){ htons(ETH_P_8021Q) }, 2);
	nl_attr(b, IFLA_VLAN_ID, &v->id, 2);
	nl_attr(b, IFLA_VLAN_FLAGS, &f, sizeof(f));
}

static struct net_device *lower_of(const struct net_device *dev)
{
	const struct vlan *v = VLAN(dev);

	return v ? v->lower : NULL;
}

/*
 * Follows the lower device: its state, a smaller MTU, and its address unless this device was given
 * its own.
 */
static void lower_changed(struct net_device *dev, struct net_device *lower)
{
	struct vlan *v = VLAN(dev);
	bool up = READ_ONCE(lower->flags) & IFF_UP, was;

	if (!v)
		return;
	was = xchg(&v->lower_up, up);
	if (dev->addr_assign == NETDEV_ADDR_STOLEN &&
		memcmp(dev->addr, lower->addr, ETH_ALEN) != 0) {
		netdev_set_address(dev, lower->addr);
		dev->addr_assign = NETDEV_ADDR_STOLEN;
	}
	if (dev->mtu > lower->mtu)
		netdev_set_mtu(dev, lower->mtu);
	if (up != was && !(v->flags & VLAN_FLAG_LOOSE_BINDING))
		netdev_change_flags(dev, up ? IFF_UP : 0, IFF_UP);
}

static int vlan_open(struct net_device *dev)
{
	struct vlan *v = VLAN(dev);

	if (!v || (!(READ_ONCE(v->lower->flags) & IFF_UP) && !(v->flags & VLAN_FLAG_LOOSE_BINDING)))
		return -ENETDOWN;
	watch(v, dev->addr, true);
	return 0;
}

static void vlan_stop(struct net_device *dev)
{
	struct vlan *v = VLAN(dev);

	if (v)
		watch(v, dev->addr, false);
}

static int vlan_set_mtu(struct net_device *dev, u32 mtu)
{
	struct vlan *v = VLAN(dev);

	return v && mtu > v->lower->mtu ? -ERANGE : 0;
}

static void vlan_set_address(struct net_device *dev, const u8 *mac)
{
	struct vlan *v = VLAN(dev);

	if (v)
		watch(v, mac, READ_ONCE(dev->flags) & IFF_UP);
}

static void vlan_modes_changed(struct net_device *dev)
{
	struct vlan *v = VLAN(dev);

	if (v)
		watch(v, dev->addr, READ_ONCE(dev->flags) & IFF_UP);
}

static const struct netdev_ops vlan_ops = {
	.type = &vlan_link,
	.driver = "802.1Q VLAN Support",
	.qdisc = "noqueue",
	.max_mtu = 65535,
	.takes_tags = true,
	.xmit = vlan_xmit,
	.open = vlan_open,
	.stop = vlan_stop,
	.set_mtu = vlan_set_mtu,
	.set_address = vlan_set_address,
	.modes_changed = vlan_modes_changed,
};

const struct link_type vlan_link = {
	.kind = "vlan",
	.ops = &vlan_ops,
	.setup = setup,
	.entered = entered,
	.remove = remove,
	.change = change,
	.fill = fill,
	.lower = lower_of,
	.lower_changed = lower_changed,
};
