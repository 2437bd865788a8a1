/* SPDX-License-Identifier: MIT */
/*
 * link.c: devices that programs make (rtnetlink(7); ip link add, del, set netns, set master):
 * makes, removes and moves devices, and makes a device a port of another. Each kind has its own
 * file and a struct link_type (link.h); link_stack.c records which device is stacked on which.
 *
 * A device that was deleted stays in memory, on its namespace's list of dead devices, until the
 * namespace ends or the memory is reused for a new device: connections keep a pointer to the device
 * that they last sent by. A dead device is down, so no packet is sent by it; ip.c refuses a device
 * that has moved to another namespace.
 *
 * Invariants:
 * 1. The peer of a veth's peer is that veth, unless the veth has no peer.
 * 2. No memory is allocated for a device in a namespace that has LINKS_MAX devices, living and
 *    dead. A device that is moved to the namespace is not refused.
 *
 * Locks: link_mutex protects the making, removing and moving of devices. Peers change under
 * link_mutex and are read without it. net->lock is taken inside link_mutex.
 */
#include <asm/errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/link/link.h"
#include "kernel/net/netfilter/netfilter.h"
#include "kernel/net/netname.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/net/socket/skb.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/task/ns/nsproxy.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/vfs.h"

#define LINKS_MAX 4096U
/* most queues in a request; programs see the number, but these queues do not exist */
#define QUEUES_MAX 4096U

static DEFINE_MUTEX(link_mutex);
static const struct link_type *const types[] = { &dummy_link, &veth_link, &bridge_link, &vlan_link,
	&macvlan_link };

/* ---- making and removing; link_mutex held ---- */

static u32 count_links(const struct net *net, const struct list_head *head)
{
	const struct net_device *d;
	u32 n = 0;

	list_for_each_entry(d, head, list)
		n++;
	return n;
}

/*
 * Moves the device to @net. While a caller holds its namespace's lock (netdev_lock_net()), the
 * device stays in that namespace.
 */
static void set_net(struct net_device *dev, struct net *net)
{
	struct net *old = dev->net;

	spin_lock(&old->lock);
	WRITE_ONCE(dev->net, net);
	spin_unlock(&old->lock);
}

/*
 * Returns a device of @type that is in no list, in the memory of a dead device if there is one.
 * NULL: no memory, or too many devices. The mutex is held; may sleep.
 */
static struct net_device *new_device(struct net *net, const struct link_type *type)
{
	struct net_device *dev;
	bool full, wandered;

	spin_lock(&net->lock);
	full = count_links(net, &net->devs.list) + count_links(net, &net->devs.dead) >= LINKS_MAX;
	dev = list_first_entry_or_null(&net->devs.dead, struct net_device, list);
	if (dev)
		list_del(&dev->list);
	spin_unlock(&net->lock);
	if (!dev && !full) {
		dev = netdev_take_wanderer();
		if (dev)
			set_net(dev, net);
	}
	if (dev) {
		/* After this every sender by the device has seen that the device is down. */
		synchronize_rcu();
		/* other namespaces may still refer to the device */
		wandered = dev->wandered;
		netdev_init(dev, type->ops, type->type ? type->type : ARPHRD_ETHER);
		dev->wandered = wandered;
	} else if (!full) {
		dev = netdev_alloc(type->ops, type->type ? type->type : ARPHRD_ETHER);
	}
	if (dev && dev->type == ARPHRD_ETHER) {
		eth_random(dev->addr);
		dev->addr_assign = NETDEV_ADDR_RANDOM;
	}
	return dev;
}

/*
 * Registers the device under @name; if @name is empty, under the first free name of the pattern
 * made of @kind and %d. A @name with %d is such a pattern itself.
 */
static int enter(
	struct net *net, struct net_device *dev, const char *name, const char *kind, int index)
{
	const char *at = strchr(name, '%');
	char text[IFNAMSIZ + 8];
	int err = -EEXIST;

	if ((*name && !link_good_name(name)) || (at && (at[1] != 'd' || strchr(at + 2, '%'))))
		return -EINVAL;
	if (*name && !at)
		return netdev_register(net, dev, name, index);
	for (int i = 0; i < (int)LINKS_MAX && err == -EEXIST; i++) {
		snprintf(text, sizeof(text), "%.*s%d%s", at ? (int)(at - name) : IFNAMSIZ,
			at ? name : kind, i, at ? at + 2 : "");
		if (strlen(text) >= IFNAMSIZ)
			return -EINVAL;
		err = netdev_register(net, dev, text, index);
	}
	return err;
}

static void bury(struct net *net, struct net_device *dev)
{
	spin_lock(&net->lock);
	list_add_tail(&dev->list, &net->devs.dead);
	spin_unlock(&net->lock);
}

void link_lock(void)
{
	mutex_lock(&link_mutex);
}

void link_unlock(void)
{
	mutex_unlock(&link_mutex);
}

void link_assert_locked(void)
{
	assert_mutex_held(&link_mutex);
}

/* Removes a device from its master. */
void link_leave_master(struct net_device *dev)
{
	struct net_device *master = dev->master;

	if (!master)
		return;
	WRITE_ONCE(dev->rx_handler, NULL);
	master->ops->type->del_port(master, dev);
	WRITE_ONCE(dev->master, NULL);
}

static void remove_link(struct net_device *dev);

static void remove_one(struct net_device *dev)
{
	const struct link_type *type = dev->ops->type;
	struct net_device *upper;

	link_leave_master(dev);
	while ((upper = link_next_upper(dev, NULL)))
		remove_link(upper);
	netdev_change_flags(dev, 0, IFF_UP);
	link_step_off(dev);
	if (type->remove)
		type->remove(dev);
	WRITE_ONCE(dev->private, NULL);
	netdev_unregister(dev);
	bury(dev->net, dev);
}

static void remove_link(struct net_device *dev)
{
	struct net_device *peer = dev->ops->type == &veth_link ? dev->private : NULL;

	/* neither end finds the other from now on */
	if (peer) {
		WRITE_ONCE(dev->private, NULL);
		WRITE_ONCE(peer->private, NULL);
		remove_one(peer);
	}
	remove_one(dev);
}

/* Moves a card to the first namespace. */
static void send_home(struct net_device *dev)
{
	struct net_device *upper;
	char name[IFNAMSIZ];
	int err;

	link_leave_master(dev);
	while ((upper = link_next_upper(dev, NULL)))
		remove_link(upper);
	memcpy(name, dev->name, sizeof(name));
	dev->moves = true;
	netdev_unregister(dev);
	set_net(dev, &init_net);
	err = netdev_register(&init_net, dev, name, 0);
	for (int i = 0; i < (int)LINKS_MAX && err == -EEXIST; i++) {
		snprintf(name, sizeof(name), "dev%d", i);
		err = netdev_register(&init_net, dev, name, 0);
	}
	dev->moves = false;
}

void links_forget(struct net *net)
{
	struct net_device *d;

	mutex_lock(&link_mutex);
	do {
		bool found = false;

		list_for_each_entry(d, &net->devs.list, list) {
			if (d != net->lo) {
				found = true;
				break;
			}
		}
		if (!found)
			break;
		if (d->ops->type)
			remove_link(d);
		else
			send_home(d);
	} while (true);
	mutex_unlock(&link_mutex);
}

void link_pull_out(struct net_device *dev)
{
	struct net_device *upper;

	mutex_lock(&link_mutex);
	link_leave_master(dev);
	while ((upper = link_next_upper(dev, NULL)))
		remove_link(upper);
	netdev_unregister(dev);
	set_net(dev, &init_net);
	mutex_unlock(&link_mutex);
}

/* ---- requests ---- */

struct net *link_named_net(const u32 *pid, const u32 *fd, bool admin)
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
	if (admin && !net_capable(net, CAP_NET_ADMIN)) {
		net_put(net);
		return ERR_PTR(-EPERM);
	}
	return net;
}

/* The parsed request for one device. */
struct wish {
	char name[IFNAMSIZ];
	int index; /* 0: any */
	const u8 *mac;
	const u32 *mtu, *pid, *fd, *group, *txqlen, *num_tx, *num_rx;
	const char *alias;
	u32 alias_len;
	struct net_device *lower;
	const void *data; /* IFLA_INFO_DATA */
	u32 data_len;
};

static void read_wish(const void *attrs, u32 len, struct wish *w)
{
	u32 n;
	const void *p = nl_nested(attrs, len, IFLA_IFNAME, 1, &n);

	*w = (struct wish){ .mac = nl_nested(attrs, len, IFLA_ADDRESS, ETH_ALEN, &n) };
	if (p) {
		nl_nested(attrs, len, IFLA_IFNAME, 1, &n);
		memcpy(w->name, p, min(n, (u32)IFNAMSIZ - 1));
	}
	w->mtu = nl_nested(attrs, len, IFLA_MTU, sizeof(u32), &n);
	w->pid = nl_nested(attrs, len, IFLA_NET_NS_PID, sizeof(u32), &n);
	w->fd = nl_nested(attrs, len, IFLA_NET_NS_FD, sizeof(u32), &n);
	w->group = nl_nested(attrs, len, IFLA_GROUP, sizeof(u32), &n);
	w->txqlen = nl_nested(attrs, len, IFLA_TXQLEN, sizeof(u32), &n);
	w->num_tx = nl_nested(attrs, len, IFLA_NUM_TX_QUEUES, sizeof(u32), &n);
	w->num_rx = nl_nested(attrs, len, IFLA_NUM_RX_QUEUES, sizeof(u32), &n);
	w->alias = nl_nested(attrs, len, IFLA_IFALIAS, 1, &w->alias_len);
	if (!w->alias)
		w->alias_len = 0;
}

/* Runs the kind's setup, and registers the device. link_mutex held. */
static int enter_link(struct net *net, struct net_device *dev, const struct wish *w)
{
	const struct link_type *type = dev->ops->type;
	int err = w->lower && w->lower->level >= NEST_MAX ? -EMLINK : 0;

	if (!w->lower && type->lower && type != &veth_link)
		return -EINVAL;
	if (!err && type->setup)
		err = type->setup(dev, w->lower, w->data, w->data_len);
	if (err)
		return err;
	if (w->group)
		dev->group = *w->group;
	if (w->txqlen)
		dev->txqlen = *w->txqlen;
	if (w->num_tx)
		dev->num_tx = dev->real_tx = *w->num_tx;
	if (w->num_rx)
		dev->num_rx = dev->real_rx = *w->num_rx;
	if (w->mac) {
		memcpy(dev->addr, w->mac, ETH_ALEN);
		dev->addr_assign = NETDEV_ADDR_SET;
	}
	if (w->mtu)
		dev->mtu = *w->mtu;
	if (w->alias)
		memcpy(dev->alias, w->alias, w->alias_len);
	link_step_on(dev);
	err = enter(net, dev, w->name, type->kind, w->index);
	if (err) {
		link_step_off(dev);
		if (type->remove)
			type->remove(dev);
		WRITE_ONCE(dev->private, NULL);
	} else if (type->entered) {
		err = type->entered(dev);
		if (err)
			remove_one(dev);
	}
	return err;
}

static int check_wish(const struct link_type *type, const struct wish *w)
{
	if (w->mac && (eth_is_multicast(w->mac) || !memcmp(w->mac, (u8[ETH_ALEN]){ 0 }, 6)))
		return -EADDRNOTAVAIL;
	if ((w->num_tx && (!*w->num_tx || *w->num_tx > QUEUES_MAX)) ||
		(w->num_rx && (!*w->num_rx || *w->num_rx > QUEUES_MAX)))
		return -EINVAL;
	if (w->mtu && (*w->mtu < 68 || *w->mtu > type->ops->max_mtu))
		return -EINVAL;
	return w->alias_len >= IFALIAS_MAX ? -EINVAL : 0;
}

static int make_one(struct net *net, const struct link_type *type, const struct wish *w,
	struct net_device **out)
{
	struct net_device *dev = NULL;
	int err = check_wish(type, w);

	if (!err) {
		dev = new_device(net, type);
		err = dev ? 0 : -ENOMEM;
	}
	if (dev) {
		dev->net = net;
		err = enter_link(net, dev, w);
		if (err && list_empty(&dev->list))
			bury(net, dev);
	}
	*out = dev;
	return err;
}

/*
 * Makes the device in the requested namespace, which is returned in *to, with a reference; NULL:
 * none was requested.
 */
static int make_there(struct net *net, const struct link_type *type, const struct wish *w,
	struct net_device **out, struct net **to)
{
	struct net *there = link_named_net(w->pid, w->fd, true);
	int err;

	*to = NULL;
	if (IS_ERR(there))
		return (int)PTR_ERR(there);
	err = make_one(there ? there : net, type, w, out);
	if (err && there)
		net_put(there);
	else
		*to = there;
	return err;
}

/*
 * Makes both ends of a veth: *@out is the one that @w describes. *@to as for link_create(). The
 * mutex is held. Returns 0 or -errno.
 */
static int make_veth(
	struct net *net, const struct wish *w, struct net_device **out, struct net **to)
{
	struct wish other = { .mac = NULL };
	struct net *others;
	struct net_device *a, *b;
	u32 n;
	const u8 *peer = w->data ? nl_nested(w->data, w->data_len, VETH_INFO_PEER,
					   sizeof(struct ifinfomsg), &n) :
				   NULL;
	int err;

	if (peer)
		read_wish(
			peer + sizeof(struct ifinfomsg), n - (u32)sizeof(struct ifinfomsg), &other);
	/* as on Linux, the peer's index counts only if the device's own index is given */
	if (peer && w->index)
		other.index = ((const struct ifinfomsg *)peer)->ifi_index;
	if (other.index < 0)
		return -EINVAL;
	err = make_there(net, &veth_link, &other, &b, &others);
	if (err)
		return err;
	b->carrier = false;
	err = make_there(net, &veth_link, w, &a, to);
	if (err) {
		remove_one(b);
	} else {
		a->carrier = false;
		WRITE_ONCE(a->private, b);
		WRITE_ONCE(b->private, a);
		*out = a;
	}
	if (others)
		net_put(others);
	return err;
}

static const struct link_type *find_type(const char *kind, u32 len)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strlen(types[i]->kind) == len && !memcmp(types[i]->kind, kind, len))
			return types[i];
	return NULL;
}

bool link_type_known(const char *kind, u32 len)
{
	return find_type(kind, len);
}

int link_create(
	struct net *net, const struct nlmsghdr *req, struct net_device **dev, struct net **to)
{
	const u32 fixed = NLMSG_SPACE(sizeof(struct ifinfomsg));
	const u8 *attrs = (const u8 *)req + fixed;
	u32 len = req->nlmsg_len > fixed ? req->nlmsg_len - fixed : 0, n = 0, kind_len = 0;
	const void *info = nl_nested(attrs, len, IFLA_LINKINFO, 0, &n);
	const char *kind = info ? nl_nested(info, n, IFLA_INFO_KIND, 1, &kind_len) : NULL;
	const u32 *lower = nl_nested(attrs, len, IFLA_LINK, sizeof(*lower), &(u32){ 0 });
	const struct link_type *type;
	struct wish w;
	int err = 0;

	if (!kind)
		return -EOPNOTSUPP;
	kind_len = (u32)strnlen(kind, kind_len);
	read_wish(attrs, len, &w);
	w.index = ((const struct ifinfomsg *)NLMSG_DATA(req))->ifi_index;
	if (w.index < 0)
		return -EINVAL;
	w.data = info ? nl_nested(info, n, IFLA_INFO_DATA, 0, &w.data_len) : NULL;
	type = find_type(kind, kind_len);
	mutex_lock(&link_mutex);
	if (lower && type && type->lower) {
		w.lower = netdev_find_index(net, (int)*lower);
		err = w.lower ? 0 : -ENODEV;
	}
	if (!err && kind_len == 4 && !memcmp(kind, "veth", 4))
		err = make_veth(net, &w, dev, to);
	else if (!err)
		err = type ? make_there(net, type, &w, dev, to) : -EOPNOTSUPP;
	mutex_unlock(&link_mutex);
	return err;
}

int link_make(struct net *net, const struct link_type *type, const char *name, const void *data,
	u32 len, struct net_device **dev)
{
	struct wish w = { .data = data, .data_len = len };

	assert_mutex_held(&link_mutex);
	strscpy(w.name, name, sizeof(w.name));
	return make_one(net, type, &w, dev);
}

void link_remove(struct net_device *dev)
{
	assert_mutex_held(&link_mutex);
	remove_link(dev);
}

int link_delete(struct net *net, int ifindex)
{
	struct net_device *dev;
	int err = 0;

	mutex_lock(&link_mutex);
	dev = netdev_find_index(net, ifindex);
	if (!dev)
		err = -ENODEV;
	else if (!dev->ops->type)
		err = -EOPNOTSUPP;
	else
		remove_link(dev);
	mutex_unlock(&link_mutex);
	return err;
}

static int change_port(struct net_device *dev, const void *data, u32 len)
{
	const struct link_type *master = dev->master ? dev->master->ops->type : NULL;

	return master && master->change_port ? master->change_port(dev, data, len) : -EOPNOTSUPP;
}

int link_change_port(struct net_device *dev, const void *data, u32 len)
{
	int err;

	mutex_lock(&link_mutex);
	err = change_port(dev, data, len);
	mutex_unlock(&link_mutex);
	return err;
}

int link_change(struct net_device *dev, const void *info, u32 len)
{
	const struct link_type *type;
	u32 n = 0, kn = 0;
	const char *kind = nl_nested(info, len, IFLA_INFO_KIND, 1, &kn);
	const void *data = nl_nested(info, len, IFLA_INFO_DATA, 0, &n);
	int err = 0;

	mutex_lock(&link_mutex);
	type = dev->ops->type;
	if (netdev_find_index(dev->net, dev->ifindex) != dev) /* removed since the lookup */
		err = -ENODEV;
	else if (data && (!kind || !type || find_type(kind, (u32)strnlen(kind, kn)) != type))
		err = -EOPNOTSUPP;
	else if (data)
		err = type->change ? type->change(dev, data, n) : -EOPNOTSUPP;
	data = nl_nested(info, len, IFLA_INFO_SLAVE_DATA, 0, &n);
	if (!err && data)
		err = change_port(dev, data, n);
	mutex_unlock(&link_mutex);
	if (!err)
		rtnl_notify_link(dev, RTM_NEWLINK, 0);
	return err;
}

/*
 * Moves a device to another namespace. lo and devices that are bound to their namespace are
 * refused. link_mutex held.
 */
static int move(struct net *net, int ifindex, struct net *to, const char *name, int index)
{
	struct net_device *dev = netdev_find_index(net, ifindex);
	char old[IFNAMSIZ];
	int err;

	if (!dev)
		return -ENODEV;
	if (dev->flags & IFF_LOOPBACK || (dev->ops->type && dev->ops->type->bound))
		return -EINVAL;
	spin_lock(&to->lock);
	err = netdev_by_name(to, *name ? name : dev->name) ? -EEXIST :
	      index && netdev_by_index(to, index)          ? -EBUSY :
							     0;
	spin_unlock(&to->lock);
	if (err)
		return err;
	memcpy(old, dev->name, sizeof(old));
	link_leave_master(dev);
	dev->wandered = dev->moves = true;
	netdev_unregister(dev);
	set_net(dev, to);
	err = netdev_register(to, dev, *name ? name : old, index);
	if (err) {
		set_net(dev, net);
		netdev_register(net, dev, old, 0);
	}
	dev->moves = false;
	return err;
}

int link_move(struct net *net, int ifindex, const struct nlmsghdr *req, struct net **moved)
{
	const u32 fixed = sizeof(struct ifinfomsg);
	u32 n;
	const char *p = nl_find(req, fixed, IFLA_IFNAME, 1, &n);
	struct net *to = link_named_net(nl_find(req, fixed, IFLA_NET_NS_PID, sizeof(u32), NULL),
		nl_find(req, fixed, IFLA_NET_NS_FD, sizeof(u32), NULL), true);
	const int *index = nl_find(req, fixed, IFLA_NEW_IFINDEX, sizeof(*index), NULL);
	char name[IFNAMSIZ] = { 0 };
	int err = 0;

	*moved = NULL;
	if (!to || IS_ERR(to))
		return to ? (int)PTR_ERR(to) : 0;
	if (p)
		memcpy(name, p, min(n, (u32)IFNAMSIZ - 1));
	if (*name && (!link_good_name(name) || strchr(name, '%')))
		err = -EINVAL;
	if (index && *index <= 0)
		err = -ERANGE;
	mutex_lock(&link_mutex);
	if (!err && to != net) {
		err = move(net, ifindex, to, name, index ? *index : 0);
		*moved = err ? NULL : to;
	}
	mutex_unlock(&link_mutex);
	if (!*moved)
		net_put(to);
	return err;
}

/* ---- ports of a master ---- */

static int enter_master(struct net_device *m, struct net_device *dev)
{
	const struct link_type *type = m->ops->type;
	int err = link_may_stand(m, dev->level + 1U, dev);

	if (!err)
		err = type->add_port(m, dev);
	if (err)
		return err;
	link_stand(m, dev->level + 1U);
	WRITE_ONCE(dev->master, m);
	type->port_entered(dev);
	return 0;
}

int link_set_master(struct net *net, struct net_device *dev, int master)
{
	struct net_device *m = NULL;
	int err = 0;

	mutex_lock(&link_mutex);
	if (netdev_find_index(net, dev->ifindex) != dev) { /* removed since the lookup */
		err = -ENODEV;
	} else if (master) {
		m = netdev_find_index(net, master);
		if (!m)
			err = -EINVAL;
		else if (!m->ops->type || !m->ops->type->add_port)
			err = -EOPNOTSUPP;
	}
	if (!err && m != dev->master) {
		link_leave_master(dev);
		if (m)
			err = enter_master(m, dev);
		rtnl_notify_link(dev, RTM_NEWLINK, 0);
	}
	mutex_unlock(&link_mutex);
	return err;
}

const char *link_kind(const struct net_device *dev)
{
	return dev->ops->type ? dev->ops->type->kind : NULL;
}

const struct net_device *link_peer(const struct net_device *dev)
{
	const struct link_type *type = dev->ops->type;

	return type && type->lower ? type->lower(dev) : NULL;
}
