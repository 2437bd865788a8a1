/* SPDX-License-Identifier: MIT */
/*
 * netdev.c: network devices, the namespace they live in, lo, and the way of packets between devices and the network layer.
 *
 *	dev_xmit() -> lo -> netif_rx() -> this vCPU's backlog -> net_rx_flush() -> ip_rcv()
 *	dev_xmit() -> a card's queue ----------------------------> net_rx_flush() -> its send(), many packets at once
 *	interrupt -> netdev_poll() -> its poll() -> netif_rx() --> net_rx_flush() -> ip_rcv(), arp_rcv()
 *
 * A packet to this machine is processed by the vCPU that sent it, after the sender has given up its locks: no wake-up of
 * a thread, no lock but the receiving socket's. What processing sends (acknowledgements) goes to the end of the backlog.
 *
 * States of a card's queue: empty -> waiting (listed with a vCPU) -> in send() (tx_busy) -> empty, or stopped until
 * netdev_tx_wake(). Of its receiving: interrupt on -> polling (the interrupt's vCPU, a few rounds) -> on again, or the thread polls.
 * Locks: a backlog belongs to its vCPU; kernel code is not preempted, and nothing in a flush sleeps. netdev.h has the rest.
 */
#include <asm/errno.h>
#include <linux/sched.h>

#include "arch/um/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/errqueue.h"
#include "kernel/net/frag.h"
#include "kernel/net/gso.h"
#include "kernel/net/ip.h"
#include "kernel/net/link.h"
#include "kernel/net/neigh.h"
#include "kernel/net/netfilter.h"
#include "kernel/net/net.h"
#include "kernel/net/netname.h"
#include "kernel/net/rtnl.h"
#include "kernel/net/skb.h"
#include "kernel/sched/task.h"

#define LO_MTU 65536
#define POLL_BUDGET 64 /* frames in a round */
#define POLL_ROUNDS 4  /* of them in a row, before a thread takes over */

struct net init_net = { .ns = { .count = ATOMIC_INIT(2), .inum = 4026531840U } };

static struct backlog {
	struct list_head queue;
	struct list_head senders; /* of net_device.tx_link */
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

void netif_loop(struct net_device *dev, struct sk_buff *skb)
{
	skb->dev = dev;
	list_add_tail(&skb->list, &backlogs[smp_processor_id()].queue);
}

static void deliver(struct sk_buff *skb)
{
	bool (*handler)(struct net_device * dev, struct sk_buff * skb) =
		READ_ONCE(skb->dev->rx_handler);

	if (unlikely(READ_ONCE(packet_taps)) && skb->pkt_type != PKT_LOOPBACK)
		packet_tap_in(skb);
	if (unlikely(handler) && skb->pkt_type != PKT_LOOPBACK && handler(skb->dev, skb))
		return;
	switch (skb->protocol) {
	case ETH_P_IP:
	case ETH_P_IPV6: ip_rcv(skb); break;
	case ETH_P_ARP: arp_rcv(skb); break;
	default: skb->dev->stats.rx_dropped++; kfree_skb(skb);
	}
}

static void process_backlog(struct backlog *b)
{
	while (!list_empty(&b->queue)) {
		struct sk_buff *skb = list_first_entry(&b->queue, struct sk_buff, list);

		list_del_init(&skb->list);
		deliver(skb);
	}
}

static void flush_tx(struct net_device *dev);

static void process_senders(struct backlog *b)
{
	while (!list_empty(&b->senders)) {
		struct net_device *dev = list_first_entry(&b->senders, struct net_device, tx_link);

		list_del_init(&dev->tx_link);
		xchg(&dev->tx_listed, 0);
		flush_tx(dev);
	}
}

void net_rx_flush(void)
{
	struct backlog *b = &backlogs[smp_processor_id()];

	if (b->running)
		return;
	b->running = true;
	do {
		process_backlog(b);
		process_senders(b);
	} while (!list_empty(&b->queue));
	b->running = false;
}

/*
 * dev->polling. The card raises its interrupt once, and arms it when poll() finds nothing more: one that comes before the poller has
 * gone must not be lost, so it leaves word.
 */
enum { POLL_IDLE, POLLING, POLL_AGAIN };

/* True: there may be more. */
static bool poll_once(struct net_device *dev)
{
	u32 n;

	xchg(&dev->polling, POLLING);
	n = dev->ops->poll(dev, POLL_BUDGET);
	net_rx_flush();
	return n == POLL_BUDGET || cmpxchg(&dev->polling, POLLING, POLL_IDLE) != POLLING;
}

static void poll_thread(struct work *w)
{
	struct net_device *dev = container_of(w, struct net_device, poll_work);

	while (poll_once(dev))
		cond_resched();
}

void netdev_poll(struct net_device *dev)
{
	if (xchg(&dev->polling, POLL_AGAIN) != POLL_IDLE)
		return;
	for (int i = 0; i < POLL_ROUNDS; i++)
		if (!poll_once(dev))
			return;
	work_queue(&dev->poll_work);
}

/* ---- sending ---- */

/* One vCPU at a time sends; who comes meanwhile leaves what it has to that one. */
static void flush_tx(struct net_device *dev)
{
	LIST_HEAD(batch);

	spin_lock(&dev->tx_lock);
	while (!dev->tx_busy && !dev->tx_stopped && !list_empty(&dev->txq)) {
		u32 sent;

		dev->tx_busy = true;
		dev->tx_woken = false;
		list_splice_tail_init(&dev->txq, &batch);
		spin_unlock(&dev->tx_lock);
		sent = dev->ops->send(dev, &batch);
		spin_lock(&dev->tx_lock);
		dev->tx_busy = false;
		dev->txq_len -= sent;
		if (!list_empty(&batch)) {
			dev->tx_stopped = !dev->tx_woken;
			list_splice_tail_init(&dev->txq, &batch);
			list_splice_tail_init(&batch, &dev->txq);
		}
	}
	spin_unlock(&dev->tx_lock);
}

void netdev_tx_wake(struct net_device *dev)
{
	spin_lock(&dev->tx_lock);
	dev->tx_stopped = false;
	dev->tx_woken = true;
	spin_unlock(&dev->tx_lock);
	flush_tx(dev);
}

static void purge_tx(struct net_device *dev)
{
	LIST_HEAD(batch);

	spin_lock(&dev->tx_lock);
	list_splice_tail_init(&dev->txq, &batch);
	dev->txq_len = 0;
	dev->tx_stopped = false;
	spin_unlock(&dev->tx_lock);
	skb_free_list(&batch);
}

static int queue_tx(struct net_device *dev, struct sk_buff *skb)
{
	bool full;

	skb->dev = dev;
	spin_lock(&dev->tx_lock);
	full = dev->txq_len >= dev->txqlen;
	if (!full) {
		list_add_tail(&skb->list, &dev->txq);
		dev->txq_len++;
	}
	spin_unlock(&dev->tx_lock);
	if (full) {
		dev->stats.tx_dropped++;
		kfree_skb(skb);
		return -ENOBUFS;
	}
	if (!xchg(&dev->tx_listed, 1))
		list_add_tail(&dev->tx_link, &backlogs[smp_processor_id()].senders);
	return 0;
}

/* The sender wants to know when. */
static void stamp(struct sk_buff *skb)
{
	if (skb->stamp_wanted & SKB_STAMP_SCHED)
		errq_sent(skb, SCM_TSTAMP_SCHED);
	if (skb->stamp_wanted & SKB_STAMP_SENT)
		errq_sent(skb, SCM_TSTAMP_SND);
	skb->stamp_for = NULL;
}

/* To a card, what somebody else was to cut or to sum up. */
static int xmit_cut(struct net_device *dev, struct sk_buff *skb)
{
	LIST_HEAD(cut);
	int err = gso_cut(skb, ETH_HLEN, &cut);

	while (!list_empty(&cut)) {
		struct sk_buff *s = list_first_entry(&cut, struct sk_buff, list);
		int e;

		list_del_init(&s->list);
		e = dev_xmit(dev, s);
		err = err ? err : e;
	}
	return err;
}

/* A card can be asked only with headers as our own TCP writes them. */
static bool to_be_cut(const struct net_device *dev, const struct sk_buff *skb)
{
	return unlikely(skb->gso || skb->csum_owed) && dev->ops->send &&
	       !(dev->csum_out && skb->csum_head);
}

int dev_xmit(struct net_device *dev, struct sk_buff *skb)
{
	if (!(READ_ONCE(dev->flags) & IFF_UP)) {
		kfree_skb(skb);
		return -ENETDOWN;
	}
	if (!dev->carrier) { /* as a queue that nobody empties */
		dev->stats.tx_dropped++;
		kfree_skb(skb);
		return 0;
	}
	if (to_be_cut(dev, skb))
		return xmit_cut(dev, skb);
	dev->stats.tx_packets++;
	dev->stats.tx_bytes += skb_len(skb);
	if (unlikely(skb->stamp_for))
		stamp(skb);
	if (unlikely(READ_ONCE(packet_taps)))
		packet_tap_out(dev, skb);
	return dev->ops->send ? queue_tx(dev, skb) : dev->ops->xmit(dev, skb);
}

static int lo_xmit(struct net_device *dev, struct sk_buff *skb)
{
	skb->csum_ok = true;
	if (unlikely(READ_ONCE(lo_impaired)))
		lo_impair(dev, skb);
	else
		netif_rx(dev, skb);
	return 0;
}

static const struct netdev_ops lo_ops = {
	.driver = "loopback",
	.qdisc = "noqueue",
	.max_mtu = 0x7fffffff,
	.xmit = lo_xmit,
};

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
	struct altname *a;

	list_for_each_entry(d, &net->devices, list)
		if (!strncmp(d->name, name, IFNAMSIZ))
			return d;
	list_for_each_entry(d, &net->devices, list)
		list_for_each_entry(a, &d->altnames, list)
			if (!strcmp(a->name, name))
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

/* What follows from IFF_UP and the link. net->lock held. */
static void set_running(struct net_device *dev)
{
	const u32 on = IFF_RUNNING | IFF_LOWER_UP;

	assert_spin_held(&dev->net->lock);
	if (dev->flags & IFF_UP && dev->carrier)
		dev->flags |= on;
	else
		dev->flags &= ~on;
}

static int went_up(struct net_device *dev)
{
	int err = dev->ops->open ? dev->ops->open(dev) : 0;

	if (err)
		return err;
	mcast_up(dev);
	if (dev->flags & IFF_LOOPBACK)
		return lo_addresses(dev);
	addrs_connect(dev);
	if (!CONF6(dev, CONF6_DISABLE))
		ndisc_up(dev);
	if (CONF4_OR(dev, CONF4_ARP_NOTIFY))
		arp_announce(dev);
	return 0;
}

void netdev_ipv6_switched(struct net_device *dev)
{
	if (!(READ_ONCE(dev->flags) & IFF_UP))
		return;
	if (CONF6(dev, CONF6_DISABLE))
		ndisc_down(dev);
	else if (dev->flags & IFF_LOOPBACK)
		lo_addresses(dev);
	else
		ndisc_up(dev);
}

static void went_down(struct net_device *dev)
{
	if (dev->ops->stop)
		dev->ops->stop(dev);
	ndisc_down(dev);
	mcast_down(dev);
	neigh_forget(dev);
	routes_forget(dev);
	if (dev->ops->send)
		purge_tx(dev);
}

int netdev_change_flags(struct net_device *dev, u32 flags, u32 change)
{
	struct net *net = dev->net;
	u32 was, now;
	int err = 0;

	spin_lock(&net->lock);
	was = dev->flags;
	now = (was & ~change) | (flags & change);
	dev->flags = now;
	set_running(dev);
	spin_unlock(&net->lock);
	if (!(was & IFF_UP) && now & IFF_UP)
		err = went_up(dev);
	else if (was & IFF_UP && !(now & IFF_UP))
		went_down(dev);
	if (err)
		netdev_change_flags(dev, 0, IFF_UP);
	else if (was != READ_ONCE(dev->flags))
		rtnl_tell_link(dev, RTM_NEWLINK, was ^ READ_ONCE(dev->flags));
	if ((was ^ now) & IFF_UP && !err)
		link_changed(dev);
	return err;
}

u8 netdev_operstate(const struct net_device *dev)
{
	const struct net_device *lower = link_peer(dev);

	if (!(dev->flags & IFF_UP))
		return IF_OPER_DOWN;
	if (!dev->carrier)
		return lower && lower->ifindex != dev->ifindex ? IF_OPER_LOWERLAYERDOWN :
								 IF_OPER_DOWN;
	return dev->oper_known ? IF_OPER_UP : IF_OPER_UNKNOWN;
}

int netdev_set_mtu(struct net_device *dev, u32 mtu)
{
	if (mtu < 68 || mtu > dev->ops->max_mtu)
		return -EINVAL;
	if (dev->ops->set_mtu && dev->ops->set_mtu(dev, mtu))
		return -EINVAL;
	if (dev->mtu == mtu)
		return 0;
	WRITE_ONCE(dev->mtu, mtu);
	rtnl_tell_link(dev, RTM_NEWLINK, 0);
	link_changed(dev);
	return 0;
}

int netdev_set_alias(struct net_device *dev, const char *text, u32 len)
{
	if (len >= IFALIAS_MAX)
		return -EINVAL;
	spin_lock(&dev->net->lock);
	memset(dev->alias, 0, sizeof(dev->alias));
	memcpy(dev->alias, text, len);
	spin_unlock(&dev->net->lock);
	rtnl_tell_link(dev, RTM_NEWLINK, 0);
	return 0;
}

int netdev_set_address(struct net_device *dev, const u8 *mac)
{
	u8 any = 0;

	if (dev->type != ARPHRD_ETHER)
		return -EOPNOTSUPP;
	for (int i = 0; i < ETH_ALEN; i++)
		any |= mac[i];
	if (!any || eth_is_multicast(mac))
		return -EADDRNOTAVAIL;
	if (dev->ops->set_address)
		dev->ops->set_address(dev, mac);
	memcpy(dev->addr, mac, ETH_ALEN);
	neigh_forget(dev);
	rtnl_tell_link(dev, RTM_NEWLINK, 0);
	link_changed(dev);
	return 0;
}

void netdev_set_carrier(struct net_device *dev, bool on)
{
	bool changed;

	spin_lock(&dev->net->lock);
	changed = dev->carrier != on;
	dev->carrier = on;
	dev->oper_known = true;
	set_running(dev);
	spin_unlock(&dev->net->lock);
	if (!on && dev->ops->send)
		purge_tx(dev);
	if (!changed)
		return;
	dev->carrier_changes++;
	rtnl_tell_link(dev, RTM_NEWLINK, 0);
	link_changed(dev);
}

void netdev_init(struct net_device *dev, const struct netdev_ops *ops, u16 type)
{
	/* one that comes back (link.c) is in its namespace all the time: a packet may still name it */
	memset(dev, 0, offsetof(struct net_device, net));
	memset(&dev->net + 1, 0,
		sizeof(*dev) - offsetof(struct net_device, net) - sizeof(dev->net));
	dev->ops = ops;
	dev->type = type;
	dev->txqlen = 1000;
	dev->carrier = true;
	spin_lock_init(&dev->tx_lock);
	INIT_LIST_HEAD(&dev->txq);
	INIT_LIST_HEAD(&dev->tx_link);
	INIT_LIST_HEAD(&dev->list);
	INIT_LIST_HEAD(&dev->altnames);
	INIT_LIST_HEAD(&dev->mc[0].groups);
	INIT_LIST_HEAD(&dev->mc[1].groups);
	INIT_LIST_HEAD(&dev->macs);
	INIT_LIST_HEAD(&dev->upper_link);
	work_setup(&dev->poll_work, poll_thread);
	dev->oper_known = ops->poll;
	if (type == ARPHRD_ETHER) {
		dev->flags = IFF_BROADCAST | IFF_MULTICAST;
		dev->mtu = ETH_DATA_LEN;
	}
}

struct net_device *netdev_alloc(const struct netdev_ops *ops, u16 type)
{
	struct net_device *dev = kmalloc(sizeof(*dev), GFP_KERNEL);

	if (dev)
		netdev_init(dev, ops, type);
	return dev;
}

int netdev_register(struct net *net, struct net_device *dev, const char *name)
{
	static atomic64_t ids;
	bool taken;

	dev->net = net;
	dev->id = (u64)atomic_inc_return(&ids);
	strscpy(dev->name, name, sizeof(dev->name));
	spin_lock(&net->lock);
	taken = netdev_by_name(net, name);
	if (!taken) {
		if (!dev->ifindex ||
			netdev_by_index(net, dev->ifindex)) /* one that has moved keeps it */
			dev->ifindex = net->next_ifindex++;
		net->next_ifindex = max(net->next_ifindex, dev->ifindex + 1);
		dev->conf = net->conf_default;
		list_add_tail(&dev->list, &net->devices);
	}
	spin_unlock(&net->lock);
	if (taken)
		return -EEXIST;
	netname_get(dev->name);
	mcast_register(dev);
	netdev_uevent(dev, "add", NULL);
	rtnl_tell_link(dev, RTM_NEWLINK, ~0U);
	return 0;
}

void netdev_unregister(struct net_device *dev)
{
	struct altname *a, *next;
	LIST_HEAD(names);

	netdev_change_flags(dev, 0, IFF_UP);
	addrs_forget(dev);
	mcast_forget(dev);
	rtnl_tell_link(dev, RTM_DELLINK, ~0U);
	netdev_uevent(dev, "remove", NULL);
	spin_lock(&dev->net->lock);
	list_del_init(&dev->list);
	list_splice_tail_init(&dev->altnames, &names);
	spin_unlock(&dev->net->lock);
	list_for_each_entry_safe(a, next, &names, list)
		kfree(a);
	netname_put(dev->name);
}

/* ---- namespaces ---- */

static void net_end(struct work *w);

static int net_setup(struct net *net)
{
	struct net_device *lo = netdev_alloc(&lo_ops, ARPHRD_LOOPBACK);
	int err;

	if (!lo)
		return -ENOMEM;
	spin_lock_init(&net->lock);
	INIT_LIST_HEAD(&net->devices);
	INIT_LIST_HEAD(&net->dead);
	work_setup(&net->end, net_end);
	INIT_LIST_HEAD(&net->addrs);
	INIT_LIST_HEAD(&net->routes);
	net->next_ifindex = 1;
	net->port_min = 32768;
	net->port_max = 60999;
	net->ping_gid_min = 1;
	net->default_ttl = 64;
	netconf_init(net);
	mcast_net_init(net);
	ndisc_net_init(net);
	err = rules_init(net);
	if (err) {
		kfree(lo);
		return err;
	}
	lo->flags = IFF_LOOPBACK;
	lo->mtu = LO_MTU;
	net->lo = lo;
	return netdev_register(net, lo, "lo");
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
	rules_free(net);
	list_splice_tail_init(&net->dead, &net->devices);
	list_for_each_entry_safe(d, nd, &net->devices, list)
		kfree(d);
	kfree(net);
}

static void net_end(struct work *w)
{
	struct net *net = container_of(w, struct net, end);
	struct net_device *d;

	links_forget(net);
	nsids_forget(net);
	list_for_each_entry(d, &net->devices, list) {
		ndisc_down(d);
		mcast_forget(d);
		neigh_forget(d);
		netname_put(d->name);
	}
	mcast_net_end(net);
	ndisc_net_end(net);
	frags_forget(net);
	nf_net_end(net);
	call_rcu(&net->rcu, net_free_rcu);
}

/* The last reference may go where nobody can sleep. */
static void net_free(struct ns_common *ns)
{
	ns_fini(ns);
	work_queue(&container_of(ns, struct net, ns)->end);
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
	for (int i = 0; i < MAX_CPUS; i++) {
		INIT_LIST_HEAD(&backlogs[i].queue);
		INIT_LIST_HEAD(&backlogs[i].senders);
	}
	ns_register(NS_NET, &net_ns_ops, &init_net.ns);
	return net_setup(&init_net);
}
INITCALL(1, net_init);
