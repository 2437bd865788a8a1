/* SPDX-License-Identifier: MIT */
/*
 * bridge.c: bridges and their ports: adding and removing ports, and the address, MTU and carrier
 * that a bridge takes from its ports. A bridge has the smallest of its ports' addresses and the
 * smallest of their MTUs, unless the administrator has set these. Its carrier is on while a port
 * forwards.
 *
 * stp.c sets the states of ports. Without a spanning tree, ports in a loop forward for ever; the
 * bounds in netdev_io.c keep that from exhausting the machine.
 * Locks: bridge.h. Address and MTU are updated under link.c's mutex, without br->lock. The carrier
 * is updated without the mutex, since timers update it, too.
 */
#include "kernel/net/bridge/bridge.h"
#include "kernel/net/netname.h"

#include <asm/errno.h>
#include <linux/rtnetlink.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"

#define COST_10G 2U
#define COST_UNKNOWN 100U

struct br_port *br_port_of(const struct net_device *dev)
{
	const struct net_device *master = READ_ONCE(dev->master);

	struct br_port *p = READ_ONCE(*(struct br_port *const *)&dev->port);

	return master && is_bridge(master) && p && p->kind == br_rx ? p : NULL;
}

void br_id(const struct bridge *br, u8 id[8])
{
	id[0] = (u8)(br->priority >> 8);
	id[1] = (u8)br->priority;
	memcpy(id + 2, br->id_mac, ETH_ALEN);
}

/* ---- values computed from the ports ---- */

struct sum {
	u8 mac[ETH_ALEN];
	u32 mtu;
	bool any, live;
};

static void add_up(struct bridge *br, struct sum *s)
{
	struct br_port *p;

	*s = (struct sum){ .mtu = ETH_DATA_LEN };
	spin_lock(&br->lock);
	list_for_each_entry(p, &br->ports, list) {
		if (!s->any || memcmp(p->dev->addr, s->mac, ETH_ALEN) < 0)
			memcpy(s->mac, p->dev->addr, ETH_ALEN);
		s->mtu = s->any ? min(s->mtu, p->dev->mtu) : p->dev->mtu;
		s->live |= p->state == BR_STATE_FORWARDING;
		s->any = true;
	}
	spin_unlock(&br->lock);
}

static void follow_address(struct bridge *br, const u8 *mac)
{
	struct net_device *dev = br->dev;

	if (memcmp(br->id_mac, mac, ETH_ALEN) != 0)
		br_stp_set_id(br, br->priority, mac);
	if (!memcmp(dev->addr, mac, ETH_ALEN))
		return;
	/* without ports the address is all zero */
	if (netdev_set_address(dev, mac))
		memcpy(dev->addr, mac, ETH_ALEN);
	dev->addr_assign = NETDEV_ADDR_RANDOM;
}

void br_follow_states(struct bridge *br)
{
	struct sum s;

	add_up(br, &s);
	/* Two vCPUs may run this loop: the one that sets the carrier last checks it again. */
	while (s.live != READ_ONCE(br->dev->carrier)) {
		netdev_set_carrier(br->dev, s.live);
		add_up(br, &s);
	}
}

static void follow_ports(struct bridge *br)
{
	struct sum s;

	link_assert_locked();
	add_up(br, &s);
	br->following = true;
	if (!br->mac_set)
		follow_address(br, s.mac);
	if (!br->mtu_set)
		netdev_set_mtu(br->dev, s.mtu);
	br->following = false;
	br_fdb_own(br);
	add_up(br, &s);
	netdev_set_carrier(br->dev, s.live);
	br_follow_states(br);
}

/* Also called by timers of the spanning tree, if the port is a device stacked on another bridge. */
static void port_carrier(struct net_device *dev)
{
	struct br_port *p = br_port_of(dev);

	if (p)
		br_stp_settle(p->br);
}

static void port_changed(struct net_device *dev)
{
	struct br_port *p = br_port_of(dev);

	if (!p)
		return;
	br_stp_settle(p->br);
	follow_ports(p->br);
}

/* ---- adding and removing ports; link.c's mutex held ---- */

static u32 cost_of(const struct net_device *dev)
{
	const char *kind = link_kind(dev);

	return !kind || !strcmp(kind, "veth") ? COST_10G : COST_UNKNOWN;
}

/*
 * Gives a port the lowest unused number, and adds it to the list, which is sorted by number.
 * br->lock held.
 */
static void enter(struct bridge *br, struct br_port *p)
{
	struct list_head *at = &br->ports;
	struct br_port *o;

	p->no = 1;
	list_for_each_entry(o, &br->ports, list) {
		if (o->no != p->no)
			break;
		p->no++;
		at = &o->list;
	}
	list_add(&p->list, at);
	br->nr_ports++;
}

static int may_enter(const struct bridge *br, const struct net_device *port)
{
	if (port->flags & IFF_LOOPBACK || port->type != ARPHRD_ETHER)
		return -EINVAL;
	if (is_bridge(port))
		return -ELOOP;
	if (port->rx_handler)
		return -EBUSY;
	return br->nr_ports >= BR_PORTS_MAX ? -EXFULL : 0;
}

/* link_type.add_port: makes @port a port of the bridge, in state disabled. link.c's mutex held. */
static int add_port(struct net_device *dev, struct net_device *port)
{
	struct bridge *br = BRIDGE(dev);
	struct br_port *p;
	int err = br ? may_enter(br, port) : -ENODEV;

	if (err)
		return err;
	p = kzalloc(sizeof(*p), GFP_KERNEL | __GFP_ACCOUNT);
	if (!p)
		return -ENOMEM;
	p->kind = br_rx;
	p->br = br;
	p->dev = port;
	p->priority = 0x80 >> 2;
	p->cost = cost_of(port);
	p->flags = BIT(BRP_LEARNING) | BIT(BRP_UNICAST_FLOOD) | BIT(BRP_MCAST_FLOOD) |
		   BIT(BRP_BCAST_FLOOD);
	spin_lock(&br->lock);
	enter(br, p);
	br_stp_init_port(p);
	br_snoop_init_port(p);
	spin_unlock(&br->lock);
	netdev_count(port, IFF_PROMISC, 1);
	netdev_count(port, IFF_ALLMULTI, 1);
	WRITE_ONCE(port->port, p);
	return 0;
}

/* Completes the addition of a port: directs its frames to the bridge, and notifies listeners. */
static void port_entered(struct net_device *port)
{
	WRITE_ONCE(port->rx_handler, br_rx);
	port_changed(port);
	netname_is_port(port->master->name, port->name);
	br_notify_port(port->port);
}

static void free_port(struct rcu_head *h)
{
	kfree(container_of(h, struct br_port, rcu));
}

static void del_port(struct net_device *dev, struct net_device *port)
{
	struct br_port *p = port->port;
	struct bridge *br = p->br;

	WRITE_ONCE(port->port, NULL);
	spin_lock(&br->lock);
	p->state = BR_STATE_DISABLED;
	p->gone = true;
	list_del(&p->list);
	br->nr_ports--;
	br_snoop_port_down(p, true);
	br_snoop_finish(br);
	br_stp_port_left(br);
	br_fdb_flush(br, p, BR_FLUSH_ALL);
	netdev_count(port, IFF_PROMISC, -1);
	netdev_count(port, IFF_ALLMULTI, -1);
	follow_ports(br);
	call_rcu(&p->rcu, free_port);
}

/* ---- the device ---- */

/* link_type.setup: makes the struct bridge of a new device. */
static int setup(struct net_device *dev, struct net_device *lower, const void *data, u32 len)
{
	struct bridge *br = kzalloc(sizeof(*br), GFP_KERNEL | __GFP_ACCOUNT);
	int err = 0;

	if (!br)
		return -ENOMEM;
	br->dev = dev;
	spin_lock_init(&br->lock);
	INIT_LIST_HEAD(&br->ports);
	timer_setup(&br->gc, br_fdb_gc);
	br->ageing = 30000;
	br->forward_delay = 1500;
	br->hello = 200;
	br->max_age = 2000;
	br->priority = 0x8000;
	memcpy(br->group_addr, (u8[ETH_ALEN]){ 0x01, 0x80, 0xc2, 0, 0, 0 }, ETH_ALEN);
	br_stp_init(br);
	br_snoop_init(br);
	dev->private = br;
	if (data)
		err = br_change(dev, data, len);
	if (err) {
		dev->private = NULL;
		br->closing = true;
		br_stp_end(br);
		br_snoop_end(br);
		kfree(br);
	}
	return err;
}

static int entered(struct net_device *dev)
{
	struct bridge *br = BRIDGE(dev);

	if (dev->addr_assign == NETDEV_ADDR_SET) {
		br->mac_set = true;
		br_stp_set_id(br, br->priority, dev->addr);
	}
	br_fdb_own(br);
	return 0;
}

static void free_bridge(struct rcu_head *h)
{
	kfree(container_of(h, struct bridge, rcu));
}

static void remove(struct net_device *dev)
{
	struct bridge *br = BRIDGE(dev);
	struct br_port *p, *next;

	list_for_each_entry_safe(p, next, &br->ports, list) {
		struct net_device *port = p->dev;

		link_leave_master(port);
		rtnl_notify_link(port, RTM_NEWLINK, 0);
	}
	spin_lock(&br->lock);
	br->closing = true;
	spin_unlock(&br->lock);
	timer_cancel_sync(&br->gc);
	br_stp_end(br);
	br_snoop_end(br);
	br_fdb_flush(br, NULL, BR_FLUSH_ALL);
	call_rcu(&br->rcu, free_bridge);
}

static int bridge_open(struct net_device *dev)
{
	struct bridge *br = BRIDGE(dev);

	if (!br)
		return 0;
	br_snoop_up(br, br->snoop.on);
	br_stp_up(br);
	if (br->nr_ports)
		follow_ports(br);
	return 0;
}

static void bridge_stop(struct net_device *dev)
{
	struct bridge *br = BRIDGE(dev);

	if (!br)
		return;
	br_snoop_up(br, false);
	br_stp_down(br);
	if (br->nr_ports)
		follow_ports(br);
}

static int bridge_set_mtu(struct net_device *dev, u32 mtu)
{
	struct bridge *br = BRIDGE(dev);

	if (br && !br->following)
		br->mtu_set = true;
	return 0;
}

static void bridge_set_address(struct net_device *dev, const u8 *mac)
{
	struct bridge *br = BRIDGE(dev);

	if (!br || br->following)
		return;
	br->mac_set = true;
	br_stp_set_id(br, br->priority, mac);
	memcpy(dev->addr, mac, ETH_ALEN);
	br_fdb_own(br);
}

static const struct netdev_ops bridge_ops = {
	.type = &bridge_link,
	.driver = "bridge",
	.qdisc = "noqueue",
	.max_mtu = 65535,
	.takes_tags = true,
	.xmit = br_xmit,
	.open = bridge_open,
	.stop = bridge_stop,
	.set_mtu = bridge_set_mtu,
	.set_address = bridge_set_address,
};

const struct link_type bridge_link = {
	.kind = "bridge",
	.ops = &bridge_ops,
	.setup = setup,
	.entered = entered,
	.remove = remove,
	.change = br_change,
	.fill = br_fill,
	.add_port = add_port,
	.port_entered = port_entered,
	.del_port = del_port,
	.change_port = br_change_port,
	.fill_port = br_fill_port,
	.port_changed = port_changed,
	.port_carrier = port_carrier,
	.bound = true,
};
