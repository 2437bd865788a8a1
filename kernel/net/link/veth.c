/* SPDX-License-Identifier: MIT */
/*
 * veth.c: dummy, a device that drops each packet it is to send, and veth, two devices with a wire
 * between them (veth(4)).
 * Locks: peers change under link.c's mutex and are read without it.
 */
#include "kernel/lib/printk.h"
#include "kernel/mm/mm.h"
#include "kernel/net/link/link.h"
#include "kernel/net/netfilter/netfilter.h"
#include "kernel/net/socket/skb.h"

/* ---- dummy ---- */

static int dummy_xmit(struct net_device *dev, struct sk_buff *skb)
{
	kfree_skb(skb);
	return 0;
}

static const struct netdev_ops dummy_ops = {
	.type = &dummy_link,
	.driver = "dummy",
	.qdisc = "noqueue",
	.max_mtu = 65535,
	.xmit = dummy_xmit,
};

const struct link_type dummy_link = { .kind = "dummy", .ops = &dummy_ops };

/* ---- veth ---- */

/* Delivers a copy to the peer, since the sender may change shared bytes. */
static int veth_xmit(struct net_device *dev, struct sk_buff *skb)
{
	struct net_device *peer = READ_ONCE(dev->private);
	struct sk_buff *c = NULL;

	if (peer && READ_ONCE(peer->flags) & IFF_UP)
		c = skb_linear(skb, GFP_ATOMIC);
	kfree_skb(skb);
	if (!c) {
		dev->stats.tx_dropped++;
		return 0;
	}
	c->csum_ok = skb_sums_hold(c);
	if (peer->net != dev->net)
		nf_reset(c);
	eth_rx(peer, c);
	return 0;
}

static int veth_open(struct net_device *dev);
static void veth_stop(struct net_device *dev);

static const struct netdev_ops veth_ops = {
	.type = &veth_link,
	.driver = "veth",
	.qdisc = "noqueue",
	.max_mtu = 65535,
	.takes_tags = true,
	.xmit = veth_xmit,
	.open = veth_open,
	.stop = veth_stop,
};

/* Brings an end up. The carrier is on while both ends are up. */
static int veth_open(struct net_device *dev)
{
	struct net_device *peer = READ_ONCE(dev->private);
	bool both = peer && peer->flags & IFF_UP;

	netdev_set_carrier(dev, both);
	if (both)
		netdev_set_carrier(peer, true);
	return 0;
}

static void veth_stop(struct net_device *dev)
{
	struct net_device *peer = READ_ONCE(dev->private);

	netdev_set_carrier(dev, false);
	if (peer)
		netdev_set_carrier(peer, false);
}

static struct net_device *veth_peer(const struct net_device *dev)
{
	return READ_ONCE(dev->private);
}

const struct link_type veth_link = { .kind = "veth", .ops = &veth_ops, .lower = veth_peer };
