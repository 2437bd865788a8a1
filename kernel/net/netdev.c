/* SPDX-License-Identifier: MIT */
/*
 * netdev.c: network devices, the namespace they live in, lo, and the way of received packets to the network layer.
 *
 *	dev_xmit() -> lo -> netif_rx() -> this vCPU's backlog -> net_rx_flush() -> ip_rcv()
 *
 * A packet to this machine is processed by the vCPU that sent it, after the sender has given up its locks: no wake-up of
 * a thread, no lock but the receiving socket's. What processing sends (acknowledgements) goes to the end of the backlog.
 * Locks: a backlog belongs to its vCPU; kernel code is not preempted, and nothing in a flush sleeps.
 */
#include <asm/errno.h>
#include <linux/sched.h>

#include "arch/um/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/ip.h"
#include "kernel/net/net.h"
#include "kernel/net/skb.h"
#include "kernel/sched/task.h"

#define LO_MTU 65536

struct net init_net = { .ns = { .count = ATOMIC_INIT(2), .inum = 4026531840U } };

static struct backlog {
	struct list_head queue;
	bool running;
} backlogs[MAX_CPUS];

/* ---- receiving ---- */

void netif_rx(struct net_device *dev, struct sk_buff *skb)
{
	struct backlog *b = &backlogs[smp_processor_id()];

	skb->dev = dev;
	dev->stats.rx_packets++;
	dev->stats.rx_bytes += skb_len(skb);
	list_add_tail(&skb->list, &b->queue);
}

void net_rx_flush(void)
{
	struct backlog *b = &backlogs[smp_processor_id()];

	if (b->running)
		return;
	b->running = true;
	while (!list_empty(&b->queue)) {
		struct sk_buff *skb = list_first_entry(&b->queue, struct sk_buff, list);

		list_del_init(&skb->list);
		ip_rcv(skb);
	}
	b->running = false;
}

/* ---- sending ---- */

int dev_xmit(struct net_device *dev, struct sk_buff *skb)
{
	if (!(READ_ONCE(dev->flags) & IFF_UP)) {
		kfree_skb(skb);
		return -ENETDOWN;
	}
	dev->stats.tx_packets++;
	dev->stats.tx_bytes += skb_len(skb);
	return dev->xmit(dev, skb);
}

static int lo_xmit(struct net_device *dev, struct sk_buff *skb)
{
	skb->csum_ok = true;
	netif_rx(dev, skb);
	return 0;
}

/* ---- devices ---- */

struct net_device *netdev_by_index(struct net *net, int ifindex)
{
	struct net_device *d;

	list_for_each_entry(d, &net->devices, list)
		if (d->ifindex == ifindex)
			return d;
	return NULL;
}

struct net_device *netdev_by_name(struct net *net, const char *name)
{
	struct net_device *d;

	list_for_each_entry(d, &net->devices, list)
		if (!strncmp(d->name, name, IFNAMSIZ))
			return d;
	return NULL;
}

/* Its own addresses come with lo's coming up, unless it has some. */
static int lo_addresses(struct net_device *lo)
{
	struct ifaddr v4 = {
		.addr = ip_v4(htonl(0x7f000001)),
		.prefix = 8,
		.scope = RT_SCOPE_HOST,
		.label = "lo",
	};
	struct ifaddr v6 = {
		.addr = { { 0, 0, 0, htonl(1) } },
		.prefix = 128,
		.scope = RT_SCOPE_HOST,
		.label = "lo",
	};
	int err = addr_add(lo, &v4);

	if (err && err != -EEXIST)
		return err;
	err = addr_add(lo, &v6);
	return err == -EEXIST ? 0 : err;
}

int netdev_change_flags(struct net_device *dev, u32 flags, u32 change)
{
	struct net *net = dev->net;
	u32 was;

	spin_lock(&net->lock);
	was = dev->flags;
	dev->flags = (was & ~change) | (flags & change);
	if (dev->flags & IFF_UP)
		dev->flags |= IFF_RUNNING | IFF_LOWER_UP;
	else
		dev->flags &= ~(u32)(IFF_RUNNING | IFF_LOWER_UP);
	spin_unlock(&net->lock);
	if (dev->flags & IFF_LOOPBACK && !(was & IFF_UP) && flags & change & IFF_UP)
		return lo_addresses(dev);
	return 0;
}

static void netdev_register(struct net *net, struct net_device *dev)
{
	dev->net = net;
	spin_lock(&net->lock);
	dev->ifindex = net->next_ifindex++;
	list_add_tail(&dev->list, &net->devices);
	spin_unlock(&net->lock);
}

/* ---- namespaces ---- */

static int net_setup(struct net *net)
{
	struct net_device *lo = kzalloc(sizeof(*lo), GFP_KERNEL);

	if (!lo)
		return -ENOMEM;
	spin_lock_init(&net->lock);
	INIT_LIST_HEAD(&net->devices);
	INIT_LIST_HEAD(&net->addrs);
	INIT_LIST_HEAD(&net->routes);
	net->next_ifindex = 1;
	net->port_min = 32768;
	net->port_max = 60999;
	net->ping_gid_min = 1;
	net->default_ttl = 64;
	strscpy(lo->name, "lo", sizeof(lo->name));
	lo->flags = IFF_LOOPBACK;
	lo->type = ARPHRD_LOOPBACK;
	lo->mtu = LO_MTU;
	lo->txqlen = 1000;
	lo->xmit = lo_xmit;
	net->lo = lo;
	netdev_register(net, lo);
	return 0;
}

static const struct ns_ops net_ns_ops;

static struct ns_common *net_copy(
	struct ns_common *old, struct user_namespace *owner, struct fs_struct *fs)
{
	struct net *net = kzalloc(sizeof(*net), GFP_KERNEL);
	int err = -ENOMEM;

	if (!net)
		return ERR_PTR(-ENOMEM);
	err = ns_init(&net->ns, &net_ns_ops, owner);
	if (err)
		goto err_free;
	err = net_setup(net);
	if (!err)
		return &net->ns;
	ns_fini(&net->ns);
err_free:
	kfree(net);
	return ERR_PTR(err);
}

static void net_free_rcu(struct rcu_head *h)
{
	struct net *net = container_of(h, struct net, rcu);
	struct ifaddr *a, *na;
	struct route *r, *nr;
	struct net_device *d, *nd;

	list_for_each_entry_safe(a, na, &net->addrs, list)
		kfree(a);
	list_for_each_entry_safe(r, nr, &net->routes, list)
		kfree(r);
	list_for_each_entry_safe(d, nd, &net->devices, list)
		kfree(d);
	kfree(net);
}

static void net_free(struct ns_common *ns)
{
	ns_fini(ns);
	call_rcu(&container_of(ns, struct net, ns)->rcu, net_free_rcu);
}

static const struct ns_ops net_ns_ops = {
	.name = "net",
	.flag = CLONE_NEWNET,
	.count = UCOUNT_NET,
	.copy = net_copy,
	.free = net_free,
	.install = ns_install_default,
};

static int net_init(void)
{
	for (int i = 0; i < MAX_CPUS; i++)
		INIT_LIST_HEAD(&backlogs[i].queue);
	ns_register(NS_NET, &net_ns_ops, &init_net.ns);
	return net_setup(&init_net);
}
INITCALL(1, net_init);
