/* SPDX-License-Identifier: MIT */
/*
 * netdev.c: network devices, their namespaces, and lo: registers and removes devices, and sets
 * their flags, link addresses and carriers. netdev_io.c moves packets; netdev.h describes the
 * locks.
 */
#include <asm/errno.h>
#include <linux/sched.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/socket/errqueue.h"
#include "kernel/net/inet/frag.h"
#include "kernel/net/inet/icmp.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/link/link.h"
#include "kernel/net/neigh/neigh.h"
#include "kernel/net/netfilter/netfilter.h"
#include "kernel/net/net.h"
#include "kernel/net/netname.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/net/sched/qdisc.h"
#include "kernel/net/socket/skb.h"
#include "kernel/net/socket/sock_cgroup.h"
#include "kernel/net/link/vlan.h"
#include "kernel/sched/sched.h"

#define LO_MTU 65536

struct net init_net = { .ns = { .count = ATOMIC_INIT(2), .inum = 4026531840U } };

static int lo_xmit(struct net_device *dev, struct sk_buff *skb)
{
	skb->csum_ok = skb_sums_hold(skb);
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

	list_for_each_entry(d, &net->devs.list, list)
		if (d->ifindex == ifindex)
			return d;
	return NULL;
}

struct net_device *netdev_by_name(struct net *net, const char *name)
{
	struct net_device *d;
	struct altname *a;

	list_for_each_entry(d, &net->devs.list, list)
		if (!strncmp(d->name, name, IFNAMSIZ))
			return d;
	list_for_each_entry(d, &net->devs.list, list)
		list_for_each_entry(a, &d->altnames, list)
			if (!strcmp(a->name, name))
				return d;
	return NULL;
}

struct net_device *netdev_find(struct net *net, const char *name)
{
	struct net_device *d;

	spin_lock(&net->lock);
	d = netdev_by_name(net, name);
	spin_unlock(&net->lock);
	return d;
}

struct net_device *netdev_find_index(struct net *net, int ifindex)
{
	struct net_device *d;

	spin_lock(&net->lock);
	d = netdev_by_index(net, ifindex);
	spin_unlock(&net->lock);
	return d;
}

/* Adds lo's own addresses when it comes up, unless it has addresses. */
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

/* Updates the flags that follow from IFF_UP and the carrier. net->lock held. */
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
	routes_forget(dev, false);
	if (dev->ops->send)
		netdev_purge_tx(dev);
	qdisc_purge(dev);
}

/* Adds @by to the number of requests for a mode. net->lock held. */
static void count_mode(struct net_device *dev, u32 flag, int by)
{
	u32 *n = flag == IFF_PROMISC ? &dev->promisc : &dev->allmulti;

	*n += (u32)by;
	dev->flags = *n ? dev->flags | flag : dev->flags & ~flag;
}

static void count(struct net_device *dev, u64 id, u32 flag, int by)
{
	u32 was;

	netdev_lock_net(dev);
	was = dev->flags;
	if (!id || (dev->id == id && !dev->gone))
		count_mode(dev, flag, by);
	was ^= dev->flags;
	spin_unlock(&dev->net->lock);
	if (was && dev->ops->modes_changed)
		dev->ops->modes_changed(dev);
}

void netdev_count(struct net_device *dev, u32 flag, int by)
{
	count(dev, 0, flag, by);
}

void netdev_count_of(struct net_device *dev, u64 id, u32 flag, int by)
{
	count(dev, id, flag, by);
}

/*
 * Ends the modes that sockets have set, when the device leaves its namespace and may enter another.
 * Modes that were set by hand are kept. net->lock held.
 */
static void forget_modes(struct net_device *dev)
{
	static const u32 modes[] = { IFF_PROMISC, IFF_ALLMULTI };

	for (u32 i = 0; i < ARRAY_SIZE(modes); i++) {
		u32 n = modes[i] == IFF_PROMISC ? dev->promisc : dev->allmulti;

		count_mode(dev, modes[i], (dev->asked & modes[i] ? 1 : 0) - (int)n);
	}
}

/* Counts modes that are set by hand, each once. net->lock held. */
static void ask_for(struct net_device *dev, u32 flags, u32 change)
{
	static const u32 modes[] = { IFF_PROMISC, IFF_ALLMULTI };

	for (u32 i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!(change & modes[i] & (flags ^ dev->asked)))
			continue;
		dev->asked ^= modes[i];
		count_mode(dev, modes[i], flags & modes[i] ? 1 : -1);
	}
}

int netdev_change_flags(struct net_device *dev, u32 flags, u32 change)
{
	u32 was, now, shown;
	int err = 0;

	netdev_lock_net(dev);
	/* the request came too late: a dead device is never brought up again */
	if (dev->gone && flags & change & IFF_UP) {
		spin_unlock(&dev->net->lock);
		return -ENODEV;
	}
	was = dev->flags;
	shown = netdev_shown_flags(dev);
	ask_for(dev, flags, change);
	change &= ~(u32)(IFF_PROMISC | IFF_ALLMULTI);
	now = (dev->flags & ~change) | (flags & change);
	dev->flags = now;
	set_running(dev);
	spin_unlock(&dev->net->lock);
	if ((was ^ now) & IFF_PROMISC && dev->ops->modes_changed)
		dev->ops->modes_changed(dev);
	if (!(was & IFF_UP) && now & IFF_UP)
		err = went_up(dev);
	else if (was & IFF_UP && !(now & IFF_UP))
		went_down(dev);
	if (err)
		netdev_change_flags(dev, 0, IFF_UP);
	else if (shown != netdev_shown_flags(dev))
		rtnl_notify_link(dev, RTM_NEWLINK, shown ^ netdev_shown_flags(dev));
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
	if (mtu < MTU_MIN || mtu > dev->ops->max_mtu)
		return -EINVAL;
	if (dev->ops->set_mtu && dev->ops->set_mtu(dev, mtu))
		return -EINVAL;
	if (dev->mtu == mtu)
		return 0;
	WRITE_ONCE(dev->mtu, mtu);
	WRITE_ONCE(dev->conf.v6[CONF6_MTU], (int)mtu);
	rtnl_notify_link(dev, RTM_NEWLINK, 0);
	link_changed(dev);
	return 0;
}

int netdev_set_alias(struct net_device *dev, const char *text, u32 len)
{
	if (len >= IFALIAS_MAX)
		return -EINVAL;
	netdev_lock_net(dev);
	memset(dev->alias, 0, sizeof(dev->alias));
	memcpy(dev->alias, text, len);
	spin_unlock(&dev->net->lock);
	rtnl_notify_link(dev, RTM_NEWLINK, 0);
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
	dev->addr_assign = NETDEV_ADDR_SET;
	neigh_forget(dev);
	if (READ_ONCE(dev->flags) & IFF_UP)
		ndisc_notify(dev);
	rtnl_notify_link(dev, RTM_NEWLINK, 0);
	link_changed(dev);
	return 0;
}

void netdev_set_carrier(struct net_device *dev, bool on)
{
	bool changed;

	netdev_lock_net(dev);
	changed = dev->carrier != on;
	dev->carrier = on;
	dev->oper_known = true;
	set_running(dev);
	spin_unlock(&dev->net->lock);
	if (!on && dev->ops->send)
		netdev_purge_tx(dev);
	if (!on)
		qdisc_purge(dev);
	if (!changed)
		return;
	dev->carrier_changes++;
	if (!on && READ_ONCE(dev->flags) & IFF_UP)
		neigh_link_lost(dev);
	rtnl_notify_link(dev, RTM_NEWLINK, 0);
	link_carrier_changed(dev);
}

void netdev_init(struct net_device *dev, const struct netdev_ops *ops, u16 type)
{
	const u64 behind = offsetof(struct net_device, nr_neighs) + sizeof(dev->nr_neighs);

	/*
	 * The memory of a dead device (link.c) keeps its namespace pointer, which a late packet may
	 * still read, and its count of neighbours, to which a late call may have added one.
	 */
	memset(dev, 0, offsetof(struct net_device, net));
	memset((u8 *)dev + behind, 0, sizeof(*dev) - behind);
	dev->ops = ops;
	dev->type = type;
	dev->txqlen = 1000;
	dev->carrier = true;
	netdev_queue_init(&dev->first, dev, 0);
	dev->nr_queues = dev->num_tx = dev->num_rx = dev->real_tx = dev->real_rx = 1;
	INIT_LIST_HEAD(&dev->list);
	INIT_LIST_HEAD(&dev->altnames);
	INIT_LIST_HEAD(&dev->mc[0].groups);
	INIT_LIST_HEAD(&dev->mc[1].groups);
	INIT_LIST_HEAD(&dev->macs);
	INIT_LIST_HEAD(&dev->upper_link);
	dev->oper_known = ops->poll;
	if (type == ARPHRD_ETHER) {
		dev->flags = IFF_BROADCAST | IFF_MULTICAST;
		dev->mtu = ETH_DATA_LEN;
	}
}

struct net_device *netdev_alloc(const struct netdev_ops *ops, u16 type)
{
	struct net_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL | __GFP_ACCOUNT);

	if (dev)
		netdev_init(dev, ops, type);
	return dev;
}

/*
 * Returns the next unused index; devices are listed in the order of their indexes. net->lock held.
 */
static int free_index(struct net *net)
{
	int at = net->devs.next_ifindex > 0 ? net->devs.next_ifindex : 1;
	struct net_device *d;

	list_for_each_entry(d, &net->devs.list, list)
		if (d->ifindex == at)
			at = at == INT32_MAX ? 1 : at + 1;
	/* The index has wrapped around: there are more indexes than LINKS_MAX devices. */
	if (netdev_by_index(net, at))
		for (at = 1; netdev_by_index(net, at);)
			at++;
	net->devs.next_ifindex = at == INT32_MAX ? 1 : at + 1;
	return at;
}

static void enter_list(struct net *net, struct net_device *dev)
{
	struct list_head *before = &net->devs.list;
	struct net_device *d;

	list_for_each_entry_reverse(d, &net->devs.list, list) {
		if (d->ifindex < dev->ifindex)
			break;
		before = &d->list;
	}
	list_add_tail(&dev->list, before);
}

int netdev_register(struct net *net, struct net_device *dev, const char *name, int index)
{
	static atomic64_t ids;
	int err;

	dev->net = net;
	dev->id = (u64)atomic_inc_return(&ids);
	strscpy(dev->name, name, sizeof(dev->name));
	spin_lock(&net->lock);
	err = netdev_by_name(net, name)            ? -EEXIST :
	      index && netdev_by_index(net, index) ? -EBUSY :
						     0;
	if (!err) {
		if (index)
			dev->ifindex = index;
		else if (!dev->ifindex ||
			 netdev_by_index(
				 net, dev->ifindex)) /* a device that was moved keeps its index */
			dev->ifindex = free_index(net);
		netconf_new(dev);
		dev->gone = false;
		enter_list(net, dev);
	}
	spin_unlock(&net->lock);
	if (err)
		return err;
	netname_get(dev->name);
	netname_queues(dev->name, dev->real_rx, dev->real_tx);
	mcast_register(dev);
	netdev_uevent(dev, "add", NULL, NULL);
	if (!dev->moves) {
		netdev_queue_uevents(dev, false, 0, dev->real_rx);
		netdev_queue_uevents(dev, true, 0, dev->real_tx);
	}
	rtnl_notify_link(dev, RTM_NEWLINK, ~0U);
	return 0;
}

void netdev_unregister(struct net_device *dev)
{
	struct altname *a, *next;
	LIST_HEAD(names);

	spin_lock(&dev->net->lock);
	/* A request that found the device earlier may still try to add an address or a route. */
	dev->gone = true;
	spin_unlock(&dev->net->lock);
	netdev_change_flags(dev, 0, IFF_UP);
	qdisc_forget(dev);
	routes_forget(dev, true);
	addrs_forget(dev);
	mcast_forget(dev);
	packet_device_gone(dev);
	/* Also removes neighbours that were added by hand while the device was down. */
	neigh_forget(dev);
	rtnl_notify_link(dev, RTM_DELLINK, ~0U);
	if (!dev->moves) {
		netdev_queue_uevents(dev, false, dev->real_rx, 0);
		netdev_queue_uevents(dev, true, dev->real_tx, 0);
	}
	netdev_uevent(dev, "remove", NULL, NULL);
	netdev_lock_net(dev);
	forget_modes(dev);
	list_del_init(&dev->list);
	list_splice_tail_init(&dev->altnames, &names);
	spin_unlock(&dev->net->lock);
	list_for_each_entry_safe(a, next, &names, list)
		kfree(a);
	sock_cgroup_forget(dev);
	netname_put(dev->name);
}

/* ---- namespaces ---- */

static void net_end(struct work *w);

/* Initialises a namespace, which is all 0, and registers its lo. May sleep. Returns 0 or -errno. */
static int net_setup(struct net *net)
{
	struct net_device *lo = netdev_alloc(&lo_ops, ARPHRD_LOOPBACK);
	int err;

	if (!lo)
		return -ENOMEM;
	spin_lock_init(&net->lock);
	INIT_LIST_HEAD(&net->devs.list);
	INIT_LIST_HEAD(&net->devs.dead);
	work_setup(&net->end, net_end);
	INIT_LIST_HEAD(&net->addr.list);
	INIT_LIST_HEAD(&net->route.list);
	net->devs.next_ifindex = 1;
	net->ports.min = 32768;
	net->ports.max = 60999;
	net->ports.free = 1024;
	if (net != &init_net)
		net->tcp.reno = READ_ONCE(init_net.tcp.reno);
	net->ipv4.ping_gid_min = 1;
	net->ipv4.default_ttl = 64;
	net->icmp.echo_ignore_many = net->icmp.ignore_bogus = net->ipv4.tstamp_allow_data = 1;
	net->ipv4.min_pmtu = 552;
	net->ipv4.mtu_expires = 600;
	net->ipv4.min_adv_mss = 256;
	net->ipv4.udp_wmem_min = PAGE_SIZE;
	icmp_net_init(net);
	net->ipv6.auto_labels = LABELS_ON;
	net->ipv6.label_consistency = 1;
	net->ipv6.opts_max[0] = net->ipv6.opts_max[1] = 8;
	net->ipv6.opts_len[0] = net->ipv6.opts_len[1] = INT32_MAX;
	net->ipv6.idgen_retries = 3;
	net->ipv6.idgen_delay = 1;
	net->ipv6.min_adv_mss = 1220;
	net->ipv6.mtu_expires = 600;
	frags_net_init(net);
	tcp_net_init(net);
	nf_ct_conf_init(net);
	netconf_init(net);
	mcast_net_init(net);
	ndisc_net_init(net);
	addr_net_init(net);
	err = rules_init(net);
	if (err) {
		kfree(lo);
		return err;
	}
	lo->flags = IFF_LOOPBACK;
	lo->mtu = LO_MTU;
	net->lo = lo;
	return netdev_register(net, lo, "lo", 0);
}

static const struct ns_ops net_ns_ops;

static struct ns_common *net_copy(
	struct ns_common *old, struct user_namespace *owner, struct fs_struct *fs)
{
	struct net *net = kzalloc(sizeof(*net), GFP_KERNEL | __GFP_ACCOUNT);
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

/*
 * Dead devices that connections of other namespaces may still refer to. Their memory is reused for
 * new devices, and never freed.
 */
static LIST_HEAD(wanderers); /* of net_device.list, under wanderers_lock */
static DEFINE_SPINLOCK(wanderers_lock);

static void let_device_go(struct net_device *dev)
{
	list_del(&dev->list);
	if (!dev->wandered) {
		kfree(dev);
		return;
	}
	spin_lock(&wanderers_lock);
	list_add_tail(&dev->list, &wanderers);
	spin_unlock(&wanderers_lock);
}

struct net_device *netdev_take_wanderer(void)
{
	struct net_device *dev;

	spin_lock(&wanderers_lock);
	dev = list_first_entry_or_null(&wanderers, struct net_device, list);
	if (dev)
		list_del_init(&dev->list);
	spin_unlock(&wanderers_lock);
	return dev;
}

static void net_free_rcu(struct rcu_head *h)
{
	struct net *net = container_of(h, struct net, rcu);
	struct ifaddr *a, *na;
	struct route *r, *nr;
	struct net_device *d, *nd;

	list_for_each_entry_safe(a, na, &net->addr.list, list)
		ifaddr_free(a);
	prefix_free(&net->addr.hash);
	list_for_each_entry_safe(r, nr, &net->route.list, list)
		route_free(r);
	rules_free(net);
	route_tables_free(net);
	kfree(net->ports.reserved);
	list_splice_tail_init(&net->devs.dead, &net->devs.list);
	list_for_each_entry_safe(d, nd, &net->devs.list, list)
		let_device_go(d);
	kfree(net);
}

/*
 * Stops all packets of @net. A flush leaves packets for later only if their device is up
 * (spill_over()). Therefore all devices are taken down first, which every vCPU sees after a grace
 * period. Then the packets that flushes have left are dropped. Packets that are being processed are
 * done after another grace period. From then on no fragment, neighbour or connection is added.
 */
static void stop_packets(struct net *net)
{
	struct net_device *d;

	spin_lock(&net->lock);
	list_for_each_entry(d, &net->devs.list, list)
		WRITE_ONCE(d->flags, d->flags & ~(u32)IFF_UP);
	spin_unlock(&net->lock);
	synchronize_rcu();
	netdev_spill_forget(net);
	synchronize_rcu();
}

static void net_end(struct work *w)
{
	struct net *net = container_of(w, struct net, end);
	struct net_device *d;

	links_forget(net);
	nsids_forget(net);
	stop_packets(net);
	list_for_each_entry(d, &net->devs.dead, list)
		/* a call that had found the device may have added a neighbour late */
		neigh_forget(d);
	list_for_each_entry(d, &net->devs.list, list) {
		qdisc_forget(d);
		ndisc_down(d);
		mcast_forget(d);
		neigh_forget(d);
		netname_put(d->name);
	}
	neigh_net_end(net);
	mcast_net_end(net);
	flowlabel_net_end(net);
	ndisc_net_end(net);
	addr_net_end(net);
	frags_forget(net);
	nf_net_end(net);
	/*
	 * Done before the grace period: netdev_lock_net() must find a namespace that is not freed.
	 */
	spin_lock(&net->lock);
	list_for_each_entry(d, &net->devs.dead, list)
		if (d->wandered)
			WRITE_ONCE(d->net, &init_net);
	spin_unlock(&net->lock);
	call_rcu(&net->rcu, net_free_rcu);
}

/* Queues the end, which sleeps: the last reference may be dropped where sleeping is forbidden. */
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
	netdev_io_init();
	ns_register(NS_NET, &net_ns_ops, &init_net.ns);
	return net_setup(&init_net);
}
INITCALL(1, net_init);
