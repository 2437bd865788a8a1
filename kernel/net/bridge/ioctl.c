/* SPDX-License-Identifier: MIT */
/*
 * ioctl.c: the ioctls of brctl(8), on any socket. SIOCBR* make and delete bridges, and add and
 * remove ports. The older ioctls take a vector of numbers, of which the first selects the call:
 * SIOCGIFBR and SIOCSIFBR are about all bridges, SIOCDEVPRIVATE about one.
 * Source: <linux/if_bridge.h>.
 */
#include <asm/errno.h>
#include <linux/if_link.h>
#include <linux/sockios.h>

#include "arch/um/machine/arch.h"
#include "arch/um/machine/uaccess.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/bridge/bridge.h"
#include "kernel/net/netlink/bridge_rtnl.h"
#include "kernel/ident/cred.h"

#define LIST_MAX 1024U

/* struct ifreq with the members used in this file; <linux/if.h> needs libc. */
struct br_ifreq {
	char name[IFNAMSIZ];
	union {
		int ifindex;
		u64 data;
		u8 pad[24];
	};
};
BUILD_BUG_ON(sizeof(struct br_ifreq) != 40);

static int get_name(u64 arg, char *name)
{
	if (copy_from_user(name, UADDR(arg), IFNAMSIZ))
		return -EFAULT;
	name[IFNAMSIZ - 1] = 0;
	return 0;
}

static int make(struct net *net, const char *name)
{
	struct net_device *dev;
	int err;

	link_lock();
	err = *name ? link_make(net, &bridge_link, name, NULL, 0, &dev) : -EINVAL;
	link_unlock();
	return err;
}

static int delete (struct net *net, const char *name)
{
	struct net_device *d;
	int err = 0;

	link_lock();
	d = netdev_find(net, name);
	if (!d)
		err = -ENXIO;
	else if (!is_bridge(d))
		err = -EPERM;
	else if (d->flags & IFF_UP)
		err = -EBUSY;
	else
		link_remove(d);
	link_unlock();
	return err;
}

/* Finds the bridge called @name and the device @ifindex. Returns 0 or -errno. */
static int find(struct net *net, const char *name, int ifindex, struct net_device **br,
	struct net_device **port)
{
	int err = -ENODEV;

	spin_lock(&net->lock);
	*br = netdev_by_name(net, name);
	*port = netdev_by_index(net, ifindex);
	if (*br)
		err = !is_bridge(*br) ? -EOPNOTSUPP : *port ? 0 : -EINVAL;
	spin_unlock(&net->lock);
	return err;
}

static int change_port(struct net *net, const char *name, int ifindex, bool add)
{
	struct net_device *br, *port;
	int err = find(net, name, ifindex, &br, &port);

	if (err)
		return err;
	if (!add && port->master != br)
		return -EINVAL;
	if (add && port->master)
		return -EBUSY;
	return link_set_master(net, port, add ? br->ifindex : 0);
}

/* ---- the older calls ---- */

static long list_bridges(struct net *net, u64 to, u32 room)
{
	int *all;
	struct net_device *d;
	u32 n = 0;
	long err = 0;

	if (room > LIST_MAX)
		return -ENOMEM;
	all = kcalloc(max(room, 1U), sizeof(*all), GFP_KERNEL);
	if (!all)
		return -ENOMEM;
	spin_lock(&net->lock);
	list_for_each_entry(d, &net->devs.list, list)
		if (is_bridge(d) && n < room)
			all[n++] = d->ifindex;
	spin_unlock(&net->lock);
	if (copy_to_user(UADDR(to), all, n * sizeof(*all)))
		err = -EFAULT;
	kfree(all);
	return err ? err : (long)n;
}

static long all_bridges(struct net *net, u64 arg)
{
	char name[IFNAMSIZ];
	u64 args[3];
	int err;

	if (copy_from_user(args, UADDR(arg), sizeof(args)))
		return -EFAULT;
	switch (args[0]) {
	case BRCTL_GET_VERSION: return BRCTL_VERSION;
	case BRCTL_GET_BRIDGES: return list_bridges(net, args[1], (u32)min(args[2], ~0U + 0UL));
	case BRCTL_ADD_BRIDGE:
	case BRCTL_DEL_BRIDGE:
		if (!net_capable(net, CAP_NET_ADMIN))
			return -EPERM;
		err = get_name(args[1], name);
		if (err)
			return err;
		return args[0] == BRCTL_ADD_BRIDGE ? make(net, name) : delete (net, name);
	}
	return -EOPNOTSUPP;
}

/*
 * Data for the program's memory. It is written when no lock is held, since the pages may belong to
 * a slow or hostile file system.
 */
struct answer {
	u64 to;
	void *data; /* allocated; NULL: there is no data */
	u64 len;
};

static int answer(struct answer *a, u64 to, const void *data, u64 len)
{
	*a = (struct answer){ to, kmemdup(data, len, GFP_KERNEL), len };
	return a->data ? 0 : -ENOMEM;
}

static long get_info(struct bridge *br, u64 to, struct answer *a)
{
	const struct br_stp *t = &br->stp;
	struct __bridge_info i = {
		.root_path_cost = t->root_cost,
		.max_age = t->max_age,
		.hello_time = t->hello,
		.forward_delay = t->forward_delay,
		.bridge_max_age = br->max_age,
		.bridge_hello_time = br->hello,
		.bridge_forward_delay = br->forward_delay,
		.topology_change = t->change,
		.topology_change_detected = t->change_detected,
		.root_port = (u8)t->root_port,
		.stp_enabled = t->on,
		.ageing_time = br->ageing,
		.hello_timer_value = (u32)br_ticks_until(t->hello_at),
		.tcn_timer_value = (u32)br_ticks_until(t->tcn_at),
		.topology_change_timer_value = (u32)br_ticks_until(t->change_at),
	};

	br_id(br, (u8 *)&i.bridge_id);
	memcpy(&i.designated_root, t->root, sizeof(t->root));
	return answer(a, to, &i, sizeof(i));
}

/* Lists the ifindexes of the ports, indexed by port number. */
static long list_ports(struct bridge *br, u64 to, u64 room, struct answer *a)
{
	u32 n = (u32)min(room ? room : 256UL, LIST_MAX + 0UL);
	int *all = kcalloc(n, sizeof(*all), GFP_KERNEL);
	struct br_port *p;

	if (!all)
		return -ENOMEM;
	spin_lock(&br->lock);
	list_for_each_entry(p, &br->ports, list)
		if (p->no < n)
			all[p->no] = p->dev->ifindex;
	spin_unlock(&br->lock);
	*a = (struct answer){ to, all, n * sizeof(*all) };
	return n;
}

static long get_port_info(struct bridge *br, u64 to, u64 no, struct answer *a)
{
	struct __port_info i = { 0 };
	struct br_port *p, *found = NULL;

	spin_lock(&br->lock);
	list_for_each_entry(p, &br->ports, list)
		if (p->no == no)
			found = p;
	if (found) {
		const struct br_port_stp *t = &found->stp;

		memcpy(&i.designated_root, t->best.root, sizeof(t->best.root));
		memcpy(&i.designated_bridge, t->best.bridge, sizeof(t->best.bridge));
		i.port_id = br_port_id(found);
		i.designated_port = t->best.port;
		i.designated_cost = t->best.cost;
		i.path_cost = found->cost;
		i.state = found->state;
		i.top_change_ack = t->change_ack;
		i.config_pending = t->pending;
		i.message_age_timer_value = (u32)br_ticks_until(t->age_at);
		i.forward_delay_timer_value = (u32)br_ticks_until(t->forward_at);
		i.hold_timer_value = (u32)br_ticks_until(t->hold_at);
	}
	spin_unlock(&br->lock);
	return found ? answer(a, to, &i, sizeof(i)) : -EINVAL;
}

/*
 * Serves BRCTL_GET_FDB_ENTRIES: at most @room entries from number @from on. link.c's mutex held.
 * Returns the number of entries in @a, or -ENOMEM.
 */
static long list_fdb(struct bridge *br, u64 to, u64 room, u64 from, struct answer *a)
{
	u32 most = (u32)min(room, LIST_MAX + 0UL), n, done = 0;
	struct br_fdb_info *all = kcalloc(2 * BR_LEARNED_MAX, sizeof(*all), GFP_KERNEL);
	struct __fdb_entry *list = kcalloc(max(most, 1U), sizeof(*list), GFP_KERNEL);

	if (!all || !list) {
		kfree(all);
		kfree(list);
		return -ENOMEM;
	}
	n = br_fdb_list(br, all, 2 * BR_LEARNED_MAX);
	for (u64 i = from; i < n && done < most; i++) {
		struct __fdb_entry e = {
			.port_no = (u8)all[i].port_no,
			.port_hi = (u8)(all[i].port_no >> 8),
			.is_local = all[i].local,
			.ageing_timer_value =
				all[i].fixed ? 0 : (u32)((ktime_get() - all[i].updated) / BR_TICK),
		};

		if (!all[i].port_no)
			continue; /* omits the bridge's own addresses */
		memcpy(e.mac_addr, all[i].mac, ETH_ALEN);
		list[done++] = e;
	}
	kfree(all);
	*a = (struct answer){ to, list, done * sizeof(*list) };
	return done;
}

/* Returns the attribute (IFLA_BR_*) that the call BRCTL_SET_* @call sets; 0: it sets none. */
static u16 value_of(u64 call)
{
	switch (call) {
	case BRCTL_SET_BRIDGE_FORWARD_DELAY: return IFLA_BR_FORWARD_DELAY;
	case BRCTL_SET_BRIDGE_HELLO_TIME: return IFLA_BR_HELLO_TIME;
	case BRCTL_SET_BRIDGE_MAX_AGE: return IFLA_BR_MAX_AGE;
	case BRCTL_SET_AGEING_TIME: return IFLA_BR_AGEING_TIME;
	case BRCTL_SET_BRIDGE_STP_STATE: return IFLA_BR_STP_STATE;
	case BRCTL_SET_BRIDGE_PRIORITY: return IFLA_BR_PRIORITY;
	}
	return 0;
}

static int set_value(struct bridge *br, u64 call, u64 v)
{
	return value_of(call) ? br_set_value(br, value_of(call), v) : -EOPNOTSUPP;
}

static int set_port_value(struct bridge *br, u64 call, u64 no, u64 v)
{
	struct br_port *p;

	list_for_each_entry(p, &br->ports, list)
		if (p->no == no)
			return br_port_set_value(p,
				call == BRCTL_SET_PATH_COST ? IFLA_BRPORT_COST :
							      IFLA_BRPORT_PRIORITY,
				v);
	return -EINVAL;
}

/* Serves a call about one bridge. link.c's mutex is held, so the bridge is not removed. */
static long ask(struct bridge *br, const u64 *args, struct answer *a)
{
	switch (args[0]) {
	case BRCTL_GET_BRIDGE_INFO: return get_info(br, args[1], a);
	case BRCTL_GET_PORT_LIST: return list_ports(br, args[1], args[2], a);
	case BRCTL_GET_PORT_INFO: return get_port_info(br, args[1], args[2], a);
	case BRCTL_GET_FDB_ENTRIES: return list_fdb(br, args[1], args[2], args[3], a);
	}
	if (!net_capable(br->dev->net, CAP_NET_ADMIN))
		return -EPERM;
	if (args[0] == BRCTL_SET_PORT_PRIORITY || args[0] == BRCTL_SET_PATH_COST)
		return set_port_value(br, args[0], args[1], args[2]);
	return set_value(br, args[0], args[1]);
}

static long one_bridge(struct net *net, u64 arg)
{
	struct net_device *d;
	struct answer a = { 0 };
	struct br_ifreq r;
	u64 args[4];
	long err;

	if (get_user(r, UADDR(arg)))
		return -EFAULT;
	r.name[IFNAMSIZ - 1] = 0;
	d = netdev_find(net, r.name);
	if (!d || !is_bridge(d))
		return d ? -EOPNOTSUPP : -ENODEV;
	if (copy_from_user(args, UADDR(r.data), sizeof(args)))
		return -EFAULT;
	if (args[0] == BRCTL_ADD_IF || args[0] == BRCTL_DEL_IF) {
		if (!net_capable(net, CAP_NET_ADMIN))
			return -EPERM;
		return change_port(net, r.name, (int)args[1], args[0] == BRCTL_ADD_IF);
	}
	link_lock();
	err = BRIDGE(d) ? ask(BRIDGE(d), args, &a) : -ENODEV;
	link_unlock();
	if (a.data && copy_to_user(UADDR(a.to), a.data, a.len))
		err = -EFAULT;
	kfree(a.data);
	return err;
}

long br_ioctl(struct net *net, u32 cmd, u64 arg)
{
	char name[IFNAMSIZ];
	struct br_ifreq r;
	int err;

	if (cmd == SIOCGIFBR || cmd == SIOCSIFBR)
		return all_bridges(net, arg);
	if (cmd == SIOCDEVPRIVATE)
		return one_bridge(net, arg);
	if (!net_capable(net, CAP_NET_ADMIN))
		return -EPERM;
	if (cmd == SIOCBRADDBR || cmd == SIOCBRDELBR) {
		err = get_name(arg, name);
		if (err)
			return err;
		return cmd == SIOCBRADDBR ? make(net, name) : delete (net, name);
	}
	if (get_user(r, UADDR(arg)))
		return -EFAULT;
	r.name[IFNAMSIZ - 1] = 0;
	return change_port(net, r.name, r.ifindex, cmd == SIOCBRADDIF);
}
