/* SPDX-License-Identifier: MIT */
/*
 * link.c: devices that programs make: dummy, which swallows what it gets, and veth, two cards with a wire between them (rtnetlink(7),
 * veth(4); ip link add, del, set netns).
 *
 * A device that was deleted stays in memory, on its namespace's list of dead ones, until the namespace ends or another device takes
 * its place: connections keep the device that they last sent by. One that is dead is down, so nothing leaves by it; ip.c refuses a device
 * that has gone over to another namespace.
 *
 * Invariants: 1. a veth's peer has it as its peer, or both have none. 2. At most LINKS_MAX devices, living and dead, per namespace.
 * Locks: link_mutex: who comes, goes, moves; peers change under it and are read without. net->lock inside it.
 */
#include <asm/errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/link.h"
#include "kernel/net/rtnl.h"
#include "kernel/net/skb.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/task.h"
#include "kernel/task/cred.h"
#include "kernel/task/nsproxy.h"
#include "kernel/task/signal.h"
#include "kernel/vfs/vfs.h"

#define LINKS_MAX 4096U

static DEFINE_MUTEX(link_mutex);

/* ---- dummy ---- */

static int dummy_xmit(struct net_device *dev, struct sk_buff *skb)
{
	kfree_skb(skb);
	return 0;
}

static const struct netdev_ops dummy_ops = {
	.driver = "dummy",
	.qdisc = "noqueue",
	.max_mtu = 65535,
	.xmit = dummy_xmit,
};

/* ---- veth ---- */

/* A copy of its own for the other side: who sent it may change what it shares. */
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
	c->csum_ok = true; /* it has not left this machine */
	eth_rx(peer, c);
	return 0;
}

static int veth_open(struct net_device *dev);
static void veth_stop(struct net_device *dev);

static const struct netdev_ops veth_ops = {
	.driver = "veth",
	.qdisc = "noqueue",
	.max_mtu = 65535,
	.xmit = veth_xmit,
	.open = veth_open,
	.stop = veth_stop,
};

/* There is a link while both ends are up. */
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

/* ---- coming and going; link_mutex held ---- */

static u32 count_links(const struct net *net, const struct list_head *head)
{
	const struct net_device *d;
	u32 n = 0;

	list_for_each_entry(d, head, list)
		n++;
	return n;
}

static struct net_device *new_device(struct net *net, const struct netdev_ops *ops)
{
	struct net_device *dev;
	bool full;

	spin_lock(&net->lock);
	full = count_links(net, &net->devices) + count_links(net, &net->dead) >= LINKS_MAX;
	dev = list_first_entry_or_null(&net->dead, struct net_device, list);
	if (dev)
		list_del(&dev->list);
	spin_unlock(&net->lock);
	if (dev) {
		synchronize_rcu(); /* whoever is sending by it has seen that it is down */
		netdev_init(dev, ops, ARPHRD_ETHER);
	} else if (!full)
		dev = netdev_alloc(ops, ARPHRD_ETHER);
	if (dev)
		eth_random(dev->addr);
	return dev;
}

static bool good_name(const char *name)
{
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		if (*name == '/' || *name == ':' || *name == ' ' || (u8)*name < 33)
			return false;
	return true;
}

/* Under @name, or under the first of @kind0, @kind1 ... that is free. A name with %d is a pattern too. */
static int enter(struct net *net, struct net_device *dev, const char *name, const char *kind)
{
	char text[IFNAMSIZ + 8];
	int err = -EEXIST;

	if (*name && !strchr(name, '%'))
		return good_name(name) ? netdev_register(net, dev, name) : -EINVAL;
	for (int i = 0; i < (int)LINKS_MAX && err == -EEXIST; i++) {
		snprintf(text, sizeof(text), "%.*s%d",
			*name ? (int)(strchr(name, '%') - name) : IFNAMSIZ, *name ? name : kind, i);
		if (strlen(text) >= IFNAMSIZ)
			return -EINVAL;
		err = netdev_register(net, dev, text);
	}
	return err;
}

static void bury(struct net *net, struct net_device *dev)
{
	spin_lock(&net->lock);
	list_add_tail(&dev->list, &net->dead);
	spin_unlock(&net->lock);
}

/* Down, without addresses, out of its namespace's list. */
static void take_out(struct net_device *dev)
{
	netdev_change_flags(dev, 0, IFF_UP);
	addrs_forget(dev);
	spin_lock(&dev->net->lock);
	list_del(&dev->list);
	spin_unlock(&dev->net->lock);
}

static void remove_one(struct net_device *dev)
{
	WRITE_ONCE(dev->private, NULL);
	take_out(dev);
	bury(dev->net, dev);
}

static void remove_link(struct net_device *dev)
{
	struct net_device *peer = dev->ops == &veth_ops ? dev->private : NULL;

	remove_one(dev);
	if (peer)
		remove_one(peer);
}

void links_forget(struct net *net)
{
	struct net_device *d, *n;

	mutex_lock(&link_mutex);
	list_for_each_entry_safe(d, n, &net->devices, list) {
		struct net_device *peer = d->ops == &veth_ops ? d->private : NULL;

		if (!peer)
			continue;
		WRITE_ONCE(d->private, NULL);
		if (peer->net == net)
			WRITE_ONCE(peer->private, NULL);
		else
			remove_one(peer);
	}
	mutex_unlock(&link_mutex);
}

/* ---- requests ---- */

/* A namespace that a request names by pid or descriptor, with a reference; NULL: none is named. ERR_PTR. */
static struct net *named_net(const u32 *pid, const u32 *fd)
{
	struct ns_common *ns = NULL;
	struct net *net;

	if (pid) {
		struct task *t = find_get_task((pid_t)*pid);

		if (!t)
			return ERR_PTR(-ESRCH);
		ns = ns_of_task(t, NS_NET);
		put_task(t);
		if (!ns)
			return ERR_PTR(-ESRCH);
	} else if (fd) {
		struct file *f = fget((int)*fd);

		if (!f)
			return ERR_PTR(-EBADF);
		ns = nsfs_file_ns(f);
		if (ns && ns->ops == init_net.ns.ops)
			ns_get(ns);
		else
			ns = NULL;
		fput(f);
		if (!ns)
			return ERR_PTR(-EINVAL);
	} else {
		return NULL;
	}
	net = container_of(ns, struct net, ns);
	if (!net_capable(net, CAP_NET_ADMIN)) {
		net_put(net);
		return ERR_PTR(-EPERM);
	}
	return net;
}

/* An attribute inside the attribute [p, p + len). */
static const void *nested(const void *p, u32 len, u16 type, u32 min, u32 *got)
{
	const u8 *at = p, *end = at + len;

	while (end - at >= (long)sizeof(struct rtattr)) {
		const struct rtattr *a = (const void *)at;

		if (a->rta_len < sizeof(*a) || a->rta_len > end - at)
			return NULL;
		if ((a->rta_type & 0x3fff) == type && a->rta_len - sizeof(*a) >= min) {
			*got = a->rta_len - (u32)sizeof(*a);
			return RTA_DATA(a);
		}
		if (RTA_ALIGN((u32)a->rta_len) > end - at)
			return NULL;
		at += RTA_ALIGN((u32)a->rta_len);
	}
	return NULL;
}

/* What is said of one device. */
struct wish {
	char name[IFNAMSIZ];
	const u8 *mac;
	const u32 *mtu, *pid, *fd;
};

static void read_wish(const void *attrs, u32 len, struct wish *w)
{
	u32 n;
	const void *p = nested(attrs, len, IFLA_IFNAME, 1, &n);

	*w = (struct wish){ .mac = nested(attrs, len, IFLA_ADDRESS, ETH_ALEN, &n) };
	if (p) {
		nested(attrs, len, IFLA_IFNAME, 1, &n);
		memcpy(w->name, p, min(n, (u32)IFNAMSIZ - 1));
	}
	w->mtu = nested(attrs, len, IFLA_MTU, sizeof(u32), &n);
	w->pid = nested(attrs, len, IFLA_NET_NS_PID, sizeof(u32), &n);
	w->fd = nested(attrs, len, IFLA_NET_NS_FD, sizeof(u32), &n);
}

static int make_one(struct net *net, const struct netdev_ops *ops, const struct wish *w,
	struct net_device **out)
{
	struct net *to = named_net(w->pid, w->fd);
	struct net_device *dev;
	int err = 0;

	if (IS_ERR(to))
		return (int)PTR_ERR(to);
	dev = new_device(to ? to : net, ops);
	if (!dev)
		err = -ENOMEM;
	if (dev && w->mac && (eth_is_multicast(w->mac) || !memcmp(w->mac, (u8[ETH_ALEN]){ 0 }, 6)))
		err = -EADDRNOTAVAIL;
	else if (dev && w->mac)
		memcpy(dev->addr, w->mac, ETH_ALEN);
	if (!err && w->mtu)
		err = netdev_set_mtu(dev, *w->mtu);
	if (!err)
		err = enter(to ? to : net, dev, w->name, ops->driver);
	if (err && dev)
		bury(to ? to : net, dev);
	if (to)
		net_put(to);
	*out = dev;
	return err;
}

static int make_veth(struct net *net, const struct wish *w, const void *data, u32 len)
{
	struct wish other = { .mac = NULL };
	struct net_device *a, *b;
	u32 n;
	const u8 *peer =
		data ? nested(data, len, VETH_INFO_PEER, sizeof(struct ifinfomsg), &n) : NULL;
	int err;

	if (peer)
		read_wish(
			peer + sizeof(struct ifinfomsg), n - (u32)sizeof(struct ifinfomsg), &other);
	err = make_one(net, &veth_ops, &other, &b);
	if (err)
		return err;
	b->carrier = false;
	err = make_one(net, &veth_ops, w, &a);
	if (err) {
		remove_one(b);
		return err;
	}
	a->carrier = false;
	WRITE_ONCE(a->private, b);
	WRITE_ONCE(b->private, a);
	return 0;
}

int link_create(struct net *net, const struct nlmsghdr *req)
{
	const u32 fixed = NLMSG_SPACE(sizeof(struct ifinfomsg));
	const u8 *attrs = (const u8 *)req + fixed;
	u32 len = req->nlmsg_len > fixed ? req->nlmsg_len - fixed : 0, n = 0, kind_len = 0,
	    data_len = 0;
	const void *info = nested(attrs, len, IFLA_LINKINFO, 0, &n);
	const char *kind = info ? nested(info, n, IFLA_INFO_KIND, 1, &kind_len) : NULL;
	const void *data = info ? nested(info, n, IFLA_INFO_DATA, 0, &data_len) : NULL;
	struct net_device *dev;
	struct wish w;
	int err;

	if (!kind)
		return -EOPNOTSUPP;
	kind_len = (u32)strnlen(kind, kind_len);
	read_wish(attrs, len, &w);
	mutex_lock(&link_mutex);
	if (kind_len == 5 && !memcmp(kind, "dummy", 5))
		err = make_one(net, &dummy_ops, &w, &dev);
	else if (kind_len == 4 && !memcmp(kind, "veth", 4))
		err = make_veth(net, &w, data, data_len);
	else
		err = -EOPNOTSUPP;
	mutex_unlock(&link_mutex);
	return err;
}

static bool is_made(const struct net_device *dev)
{
	return dev->ops == &veth_ops || dev->ops == &dummy_ops;
}

static struct net_device *look_up(struct net *net, int ifindex)
{
	struct net_device *dev;

	spin_lock(&net->lock);
	dev = netdev_by_index(net, ifindex);
	spin_unlock(&net->lock);
	return dev;
}

int link_delete(struct net *net, int ifindex)
{
	struct net_device *dev;
	int err = 0;

	mutex_lock(&link_mutex);
	dev = look_up(net, ifindex);
	if (!dev)
		err = -ENODEV;
	else if (!is_made(dev))
		err = -EOPNOTSUPP;
	else
		remove_link(dev);
	mutex_unlock(&link_mutex);
	return err;
}

/* lo and cards stay where they are. */
static int move(struct net *net, int ifindex, struct net *to)
{
	struct net_device *dev = look_up(net, ifindex);
	char name[IFNAMSIZ];
	int err;

	if (!dev)
		return -ENODEV;
	if (!is_made(dev))
		return -EINVAL;
	if (to == net)
		return 0;
	memcpy(name, dev->name, sizeof(name));
	take_out(dev);
	err = netdev_register(to, dev, name);
	if (err)
		netdev_register(net, dev, name);
	return err;
}

int link_move(struct net *net, int ifindex, const u32 *pid, const u32 *fd)
{
	struct net *to = named_net(pid, fd);
	int err;

	if (!to || IS_ERR(to))
		return to ? (int)PTR_ERR(to) : 0;
	mutex_lock(&link_mutex);
	err = move(net, ifindex, to);
	mutex_unlock(&link_mutex);
	net_put(to);
	return err;
}

int link_rename(struct net *net, int ifindex, const char *name)
{
	struct net_device *dev, *other;
	int err = 0;

	if (!good_name(name) || strlen(name) >= IFNAMSIZ || strchr(name, '%'))
		return -EINVAL;
	spin_lock(&net->lock);
	dev = netdev_by_index(net, ifindex);
	other = netdev_by_name(net, name);
	if (!dev)
		err = -ENODEV;
	else if (other && other != dev)
		err = -EEXIST;
	else if (other != dev && (dev->flags & (IFF_UP | IFF_LOOPBACK)))
		err = -EBUSY;
	else
		strscpy(dev->name, name, sizeof(dev->name));
	spin_unlock(&net->lock);
	return err;
}

const char *link_kind(const struct net_device *dev)
{
	return is_made(dev) ? dev->ops->driver : NULL;
}

const struct net_device *link_peer(const struct net_device *dev)
{
	return dev->ops == &veth_ops ? READ_ONCE(dev->private) : NULL;
}
