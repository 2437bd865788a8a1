/* SPDX-License-Identifier: MIT */
/*
 * rtnl_link.c: devices as rtnetlink messages: RTM_NEWLINK, SETLINK, DELLINK, GETLINK, alternative
 * names (RTM_NEWLINKPROP), numbers of namespaces (RTM_NEWNSID), and notifications about devices
 * (RTNLGRP_LINK).
 *
 * A device is described under net->lock, directly in the message. Attributes of requests come from
 * the program: each is checked against the rest of its message.
 */
#include <asm/errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/link/link.h"
#include "kernel/net/neigh/neigh.h"
#include "kernel/net/netlink/netlink.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/net/sched/qdisc.h"
#include "kernel/net/socket/socket.h"

/* The device that a message is about. */
struct link_ref {
	struct net *net;
	int ifindex;
	/* a device that is no longer in the list, or NULL */
	struct net_device *gone;
	u16 type;
	u32 change;
};

/* ---- building messages ---- */

static struct rtnl_link_stats64 counters(const struct net_device *d)
{
	struct netdev_stats sum, *st = &sum;

	netdev_sum(d, st);
	return (struct rtnl_link_stats64){
		.rx_packets = st->rx_packets,
		.tx_packets = st->tx_packets,
		.rx_bytes = st->rx_bytes,
		.tx_bytes = st->tx_bytes,
		.rx_errors = st->rx_errors,
		.tx_errors = st->tx_errors,
		.rx_dropped = st->rx_dropped,
		.tx_dropped = st->tx_dropped,
		.multicast = st->multicast,
	};
}

static void put_stats(struct nl_builder *b, const struct net_device *d)
{
	struct rtnl_link_stats64 s = counters(d);
	struct rtnl_link_stats s32;
	const u64 *from = (const u64 *)&s;
	u32 *to = (u32 *)&s32;

	/* both structures have these fields in the same order */
	for (u32 i = 0; i < sizeof(s32) / sizeof(u32); i++)
		to[i] = (u32)from[i];
	nl_attr(b, IFLA_STATS64, &s, sizeof(s));
	nl_attr(b, IFLA_STATS, &s32, sizeof(s32));
}

/* Writes IFLA_LINKINFO: attributes of @d's type, and those of its master's type for a port. */
static void put_info(struct nl_builder *b, const struct net_device *d)
{
	const struct net_device *master = READ_ONCE(d->master);
	const struct link_type *type = d->ops->type, *slave = master ? master->ops->type : NULL;
	u32 info, data;

	if (!type && !slave)
		return;
	info = nl_nest_plain(b, IFLA_LINKINFO);
	if (type) {
		nl_attr(b, IFLA_INFO_KIND, type->kind, (u32)strlen(type->kind) + 1);
		if (type->fill) {
			data = nl_nest_plain(b, IFLA_INFO_DATA);
			type->fill(b, d);
			nl_nest_end(b, data);
		}
	}
	if (slave && slave->fill_port) {
		nl_attr(b, IFLA_INFO_SLAVE_KIND, slave->kind, (u32)strlen(slave->kind) + 1);
		data = nl_nest_plain(b, IFLA_INFO_SLAVE_DATA);
		slave->fill_port(b, d);
		nl_nest_end(b, data);
	}
	nl_nest_end(b, info);
}

static void put_names(struct nl_builder *b, const struct net_device *d)
{
	const struct altname *a;
	u32 list;

	if (list_empty(&d->altnames))
		return;
	list = nl_nest(b, IFLA_PROP_LIST);
	list_for_each_entry(a, &d->altnames, list)
		nl_attr(b, IFLA_ALT_IFNAME, a->name, (u32)strlen(a->name) + 1);
	nl_nest_end(b, list);
}

static void put_lower(struct nl_builder *b, const struct net_device *d)
{
	const struct net_device *peer = link_peer(d);
	int id;

	if (!peer)
		return;
	nl_attr_u32(b, IFLA_LINK, (u32)peer->ifindex);
	if (peer->net == d->net)
		return;
	id = nsid_get(d->net, peer->net);
	nl_attr_u32(b, IFLA_LINK_NETNSID, (u32)id);
}

static void put_af_spec(struct nl_builder *b, const struct net_device *d)
{
	u32 spec = nl_nest_plain(b, IFLA_AF_SPEC), inet6 = nl_nest_plain(b, AF_INET6);
	u8 mode = (u8)CONF6(d, CONF6_ADDR_GEN_MODE);

	nl_attr_u32(b, IFLA_INET6_FLAGS, d->flags & IFF_UP ? 0x80000000U : 0);
	nl_attr(b, IFLA_INET6_ADDR_GEN_MODE, &mode, 1);
	nl_nest_end(b, inet6);
	nl_nest_end(b, spec);
}

static void put_device(struct nl_builder *b, const struct net_device *d)
{
	static const u8 zero[ETH_ALEN], ones[ETH_ALEN] = { 255, 255, 255, 255, 255, 255 };
	const struct net_device *master = READ_ONCE(d->master);
	static const struct rtnl_link_ifmap map;
	u32 addr_len = d->type == ARPHRD_NONE ? 0 : ETH_ALEN;
	/* read once, since another vCPU may replace the qdisc meanwhile */
	const char *qdisc = qdisc_kind(d);

	nl_attr(b, IFLA_IFNAME, d->name, (u32)strlen(d->name) + 1);
	nl_attr_u32(b, IFLA_TXQLEN, d->txqlen);
	nl_attr(b, IFLA_OPERSTATE, &(u8){ netdev_operstate(d) }, 1);
	nl_attr(b, IFLA_LINKMODE, &(u8){ 0 }, 1);
	nl_attr_u32(b, IFLA_MTU, d->mtu);
	nl_attr_u32(b, IFLA_MIN_MTU, d->flags & IFF_LOOPBACK ? 0 : MTU_MIN);
	nl_attr_u32(b, IFLA_MAX_MTU, d->flags & IFF_LOOPBACK ? 0 : d->ops->max_mtu);
	nl_attr_u32(b, IFLA_GROUP, d->group);
	nl_attr_u32(b, IFLA_PROMISCUITY, d->promisc);
	nl_attr_u32(b, IFLA_ALLMULTI, d->allmulti);
	nl_attr_u32(b, IFLA_NUM_TX_QUEUES, d->num_tx);
	nl_attr_u32(b, IFLA_NUM_RX_QUEUES, d->num_rx);
	put_lower(b, d);
	if (master)
		nl_attr_u32(b, IFLA_MASTER, (u32)master->ifindex);
	nl_attr(b, IFLA_CARRIER, &(u8){ d->carrier }, 1);
	nl_attr(b, IFLA_QDISC, qdisc, (u32)strlen(qdisc) + 1);
	if (d->alias[0])
		nl_attr(b, IFLA_IFALIAS, d->alias, (u32)strlen(d->alias) + 1);
	nl_attr_u32(b, IFLA_CARRIER_CHANGES, d->carrier_changes);
	nl_attr(b, IFLA_PROTO_DOWN, &(u8){ 0 }, 1);
	nl_attr(b, IFLA_MAP, &map, sizeof(map));
	if (addr_len) {
		nl_attr(b, IFLA_ADDRESS, d->addr, addr_len);
		nl_attr(b, IFLA_BROADCAST, d->flags & IFF_LOOPBACK ? zero : ones, addr_len);
	}
	put_stats(b, d);
	put_info(b, d);
	put_af_spec(b, d);
	put_names(b, d);
}

/* Puts a device into a message, or nothing if the device was removed. */
static void put_link(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	const struct link_ref *r = what;
	struct net_device *d;
	struct ifinfomsg *i;

	spin_lock(&r->net->lock);
	d = r->gone ? r->gone : netdev_by_index(r->net, r->ifindex);
	if (d) {
		i = nl_begin(b, req, portid, r->type, flags, sizeof(*i));
		i->ifi_type = d->type;
		i->ifi_index = d->ifindex;
		i->ifi_flags = netdev_shown_flags(d);
		i->ifi_change = r->change;
		put_device(b, d);
		nl_end(b);
	}
	spin_unlock(&r->net->lock);
}

void rtnl_notify_link(struct net_device *dev, u16 type, u32 change)
{
	struct link_ref r = { dev->net, dev->ifindex, dev, type, change };

	rtnl_notify(dev->net, RTNLGRP_LINK, put_link, &r);
}

/* ---- GET requests ---- */

/* Finds the device that a request is about: by number, name or alternative name. */
static struct net_device *link_of(struct net *net, const struct nlmsghdr *req, int *err)
{
	const struct ifinfomsg *i = NLMSG_DATA(req);
	char name[128] = { 0 };
	struct net_device *d = NULL;
	const void *p;
	u32 n;

	p = nl_find(req, sizeof(*i), IFLA_IFNAME, 1, &n);
	if (!p)
		p = nl_find(req, sizeof(*i), IFLA_ALT_IFNAME, 1, &n);
	*err = -EINVAL;
	if (!i->ifi_index && !p)
		return NULL;
	if (p)
		memcpy(name, p, min(n, (u32)sizeof(name) - 1));
	d = i->ifi_index ? netdev_find_index(net, i->ifi_index) : netdev_find(net, name);
	*err = d ? 0 : -ENODEV;
	return d;
}

/* True if the dump's filter includes the device. */
static bool wanted(const struct net_device *d, const struct nlmsghdr *req, struct rtnl_dump *dump)
{
	const u32 *master, fixed = sizeof(struct ifinfomsg);
	const char *kind;
	const void *info;
	u32 n = 0, len = 0;

	if (req->nlmsg_len < NLMSG_LENGTH(fixed))
		return true;
	master = nl_find(req, fixed, IFLA_MASTER, sizeof(*master), NULL);
	if (master && *master)
		dump->each = NLM_F_DUMP_FILTERED;
	if (master && *master && (!d->master || d->master->ifindex != (int)*master))
		return false;
	info = nl_find(req, fixed, IFLA_LINKINFO, 0, &n);
	kind = info ? nl_nested(info, n, IFLA_INFO_KIND, 1, &len) : NULL;
	if (!kind)
		return true;
	len = (u32)strnlen(kind, len);
	/* An unknown kind filters nothing: the program has to filter. */
	if (!link_type_known(kind, len))
		return true;
	dump->each = NLM_F_DUMP_FILTERED;
	return d->ops->type && strlen(d->ops->type->kind) == len &&
	       !memcmp(d->ops->type->kind, kind, len);
}

/*
 * Returns the next number after @at that a device has; 0: there is none. Sets *want to true if the
 * dump includes it.
 */
static int next_device(
	struct net *net, int at, const struct nlmsghdr *req, struct rtnl_dump *dump, bool *want)
{
	const struct net_device *d;
	int next = 0;

	spin_lock(&net->lock);
	list_for_each_entry(d, &net->devs.list, list) {
		if (d->ifindex > at && (!next || d->ifindex < next)) {
			next = d->ifindex;
			*want = !req || wanted(d, req, dump);
		}
	}
	spin_unlock(&net->lock);
	return next;
}

int rtnl_dump_links(struct net *net, const struct nlmsghdr *req, struct rtnl_dump *dump,
	rtnl_emit_fn emit, void *arg)
{
	struct link_ref r = { .net = net, .type = RTM_NEWLINK };
	bool want;
	int err = 0;

	while (!err) {
		r.ifindex = next_device(net, r.ifindex, req, dump, &want);
		if (!r.ifindex)
			break;
		err = want ? emit(arg, put_link, &r) : 0;
	}
	return err;
}

int rtnl_get_link(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg)
{
	struct link_ref r = { .net = net, .type = RTM_NEWLINK };
	struct net_device *d;
	int err;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return -EINVAL;
	d = link_of(net, req, &err);
	if (!d)
		return err;
	r.ifindex = d->ifindex;
	return emit(arg, put_link, &r);
}

/* ---- RTM_GETSTATS ---- */

#define STATS_ALL ((1U << IFLA_STATS_MAX) - 1)

/*
 * Puts the device's statistics into a message. Nestling has none that are special to a type of
 * device (IFLA_STATS_LINK_XSTATS) or counted by hardware.
 */
static void put_link_stats(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	const struct link_ref *r = what;
	struct rtnl_link_stats64 s;
	struct if_stats_msg *m;
	struct net_device *d;

	spin_lock(&r->net->lock);
	d = netdev_by_index(r->net, r->ifindex);
	if (d)
		s = counters(d);
	spin_unlock(&r->net->lock);
	if (!d)
		return;
	m = nl_begin(b, req, portid, r->type, flags, sizeof(*m));
	m->ifindex = (u32)r->ifindex;
	m->filter_mask = r->change;
	if (r->change & IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64))
		nl_attr(b, IFLA_STATS_LINK_64, &s, sizeof(s));
	nl_end(b);
}

static int check_stats(const struct nlmsghdr *req, bool strict, bool dump)
{
	const struct if_stats_msg *m = NLMSG_DATA(req);

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return -EINVAL;
	if (strict && (m->pad1 || m->pad2 || (dump && m->ifindex) || m->filter_mask & ~STATS_ALL))
		return -EINVAL;
	return m->filter_mask ? 0 : -EINVAL;
}

int rtnl_dump_stats(struct net *net, const struct nlmsghdr *req, struct rtnl_dump *dump,
	rtnl_emit_fn emit, void *arg)
{
	const struct if_stats_msg *m = NLMSG_DATA(req);
	struct link_ref r = { .net = net, .type = RTM_NEWSTATS };
	int err = check_stats(req, dump->strict, true);
	bool want;

	if (!err)
		r.change = m->filter_mask;
	while (!err) {
		r.ifindex = next_device(net, r.ifindex, NULL, dump, &want);
		if (!r.ifindex)
			break;
		err = emit(arg, put_link_stats, &r);
	}
	return err;
}

int rtnl_get_stats(
	struct net *net, const struct nlmsghdr *req, bool strict, rtnl_emit_fn emit, void *arg)
{
	const struct if_stats_msg *m = NLMSG_DATA(req);
	struct link_ref r = { .net = net, .type = RTM_NEWSTATS };
	int err;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) || !m->ifindex)
		return -EINVAL;
	if (!netdev_find_index(net, (int)m->ifindex))
		return -ENODEV;
	err = check_stats(req, strict, false);
	r.ifindex = (int)m->ifindex;
	r.change = m->filter_mask;
	return err ? err : emit(arg, put_link_stats, &r);
}

/* ---- NEW, SET and DEL requests ---- */

/* Refuses values that no device accepts, and attributes that are too short or too long. */
static int check_values(const struct nlmsghdr *req)
{
	const u32 fixed = sizeof(struct ifinfomsg);
	const char *name, *alias;
	u32 n, alias_len;

	if (nl_find(req, fixed, IFLA_PROTO_DOWN, 0, NULL) ||
		nl_find(req, fixed, IFLA_CARRIER, 0, NULL))
		return -EOPNOTSUPP;
	if (nl_find(req, fixed, IFLA_ADDRESS, 0, &n) && n < ETH_ALEN)
		return -EINVAL;
	name = nl_find(req, fixed, IFLA_IFNAME, 0, &n);
	alias = nl_find(req, fixed, IFLA_IFALIAS, 0, &alias_len);
	return (name && strnlen(name, n) >= IFNAMSIZ) || (alias && alias_len > 255) ? -ERANGE : 0;
}

/* Returns the reason why the MTU was refused. NULL: the MTU is not the reason. */
static const char *why_no_mtu(const struct net_device *d, const struct nlmsghdr *req)
{
	const u32 *mtu = nl_find(req, sizeof(struct ifinfomsg), IFLA_MTU, sizeof(*mtu), NULL);

	if (mtu && *mtu < MTU_MIN)
		return "mtu less than device minimum";
	return mtu && *mtu > d->ops->max_mtu ? "mtu greater than device maximum" : NULL;
}

/* Sets all values of a request except the flags, which are set last. */
static int set_values(struct net *net, struct net_device *d, const struct nlmsghdr *req)
{
	const u32 fixed = sizeof(struct ifinfomsg);
	const u32 *v = nl_find(req, fixed, IFLA_MTU, sizeof(*v), NULL);
	const u8 *mac = nl_find(req, fixed, IFLA_ADDRESS, ETH_ALEN, NULL);
	const char *alias;
	u32 n;
	int err;

	link_lock();
	err = v ? netdev_set_mtu(d, *v) : 0;
	if (!err && mac && memcmp(mac, d->addr, ETH_ALEN) != 0)
		err = netdev_set_address(d, mac);
	link_unlock();
	v = nl_find(req, fixed, IFLA_GROUP, sizeof(*v), NULL);
	if (v)
		d->group = *v;
	v = nl_find(req, fixed, IFLA_TXQLEN, sizeof(*v), NULL);
	if (v)
		d->txqlen = *v;
	alias = nl_find(req, fixed, IFLA_IFALIAS, 0, &n);
	if (!err && alias)
		err = netdev_set_alias(d, alias, n && !alias[n - 1] ? n - 1 : n);
	v = nl_find(req, fixed, IFLA_MASTER, sizeof(*v), NULL);
	if (!err && v)
		err = link_set_master(net, d, (int)*v);
	return err;
}

/* Applies IFLA_AF_SPEC: for IPv6, the mode of generating addresses. */
static int set_af_spec(struct net_device *d, const struct nlmsghdr *req)
{
	u32 n, m;
	const void *spec = nl_find(req, sizeof(struct ifinfomsg), IFLA_AF_SPEC, 0, &n);
	const void *inet6 = spec ? nl_nested(spec, n, AF_INET6, 0, &m) : NULL;
	const u8 *mode = inet6 ? nl_nested(inet6, m, IFLA_INET6_ADDR_GEN_MODE, 1, &n) : NULL;
	bool ok, changed;

	if (!mode)
		return 0;
	netdev_lock_net(d);
	ok = *mode <= IN6_ADDR_GEN_MODE_RANDOM && addr_gen_may(d, *mode);
	changed = ok && d->conf.v6[CONF6_ADDR_GEN_MODE] != *mode;
	if (ok)
		d->conf.v6[CONF6_ADDR_GEN_MODE] = *mode;
	spin_unlock(&d->net->lock);
	if (changed)
		ndisc_regenerate(d);
	return ok ? 0 : -EINVAL;
}

static int set_flags(struct net_device *d, const struct nlmsghdr *req)
{
	const struct ifinfomsg *i = NLMSG_DATA(req);
	u32 change = i->ifi_change ? i->ifi_change : i->ifi_flags;
	int err;

	if (!i->ifi_flags && !i->ifi_change)
		return 0;
	change &= NETDEV_USERS_FLAGS;
	link_lock();
	err = netdev_change_flags(d, i->ifi_flags, change);
	link_unlock();
	return err;
}

/* Applies the rest of a request to a new device. If that fails, the device is removed again. */
static int configure(struct net *net, struct net_device *d, const struct nlmsghdr *req)
{
	const u32 *v = nl_find(req, sizeof(struct ifinfomsg), IFLA_MASTER, sizeof(*v), NULL);
	int err = set_af_spec(d, req);

	if (!err)
		err = set_flags(d, req);
	if (!err && v)
		err = link_set_master(d->net, d, (int)*v);
	if (err)
		link_delete(d->net, d->ifindex);
	return err;
}

/* True if the message names a kind that does not exist. */
static bool strange_kind(const struct nlmsghdr *req)
{
	u32 n, len = 0;
	const void *info = nl_find(req, sizeof(struct ifinfomsg), IFLA_LINKINFO, 0, &n);
	const char *kind = info ? nl_nested(info, n, IFLA_INFO_KIND, 1, &len) : NULL;

	return kind && !link_type_known(kind, (u32)strnlen(kind, len));
}

static int new_link(struct net *net, const struct nlmsghdr *req, const char **why)
{
	struct net_device *d;
	struct net *to;
	int err = link_create(net, req, &d, &to);

	if (err) {
		*why = strange_kind(req) ? "Unknown device type" : NULL;
		return err;
	}
	err = configure(net, d, req);
	if (to)
		net_put(to);
	return err;
}

static int set_name(struct net *net, struct net_device *d, const struct nlmsghdr *req)
{
	const struct ifinfomsg *i = NLMSG_DATA(req);
	u32 n;
	const char *p = nl_find(req, sizeof(*i), IFLA_IFNAME, 1, &n);
	char name[IFNAMSIZ] = { 0 };

	if (!p || !i->ifi_index)
		return 0;
	memcpy(name, p, min(n, (u32)sizeof(name) - 1));
	return *name && strcmp(name, d->name) != 0 ? link_rename(net, d->ifindex, name) : 0;
}

/* Applies a request to a device. */
static int change_one(struct net *net, struct net_device *d, const struct nlmsghdr *req)
{
	const struct ifinfomsg *i = NLMSG_DATA(req);
	const void *info;
	struct net *to;
	u32 n;
	int err = link_move(net, d->ifindex, req, &to);

	if (!err && !to)
		err = set_name(net, d, req);
	if (to)
		net = to;
	info = nl_find(req, sizeof(*i), IFLA_LINKINFO, 0, &n);
	if (!err && info && req->nlmsg_type == RTM_NEWLINK)
		err = link_change(d, info, n);
	if (!err)
		err = set_values(net, d, req);
	if (!err)
		err = set_af_spec(d, req);
	if (!err)
		err = set_flags(d, req);
	if (to)
		net_put(to);
	return err;
}

/* ---- groups ---- */

/*
 * Returns IFLA_GROUP of a request that names no device; NULL: it has no group, or names a device.
 */
static const u32 *group_of(const struct nlmsghdr *req)
{
	const struct ifinfomsg *i = NLMSG_DATA(req);

	if (i->ifi_index || nl_find(req, sizeof(*i), IFLA_IFNAME, 0, NULL) ||
		nl_find(req, sizeof(*i), IFLA_ALT_IFNAME, 0, NULL))
		return NULL;
	return nl_find(req, sizeof(*i), IFLA_GROUP, sizeof(u32), NULL);
}

/* Returns the device of the group with the next number after @after, or NULL. */
static struct net_device *next_of_group(struct net *net, u32 group, int after)
{
	struct net_device *d, *next = NULL;

	spin_lock(&net->lock);
	list_for_each_entry(d, &net->devs.list, list)
		if (d->group == group && d->ifindex > after &&
			(!next || d->ifindex < next->ifindex))
			next = d;
	spin_unlock(&net->lock);
	return next;
}

/* Changes all devices of the group, up to the first that fails. */
static int change_group(struct net *net, u32 group, const struct nlmsghdr *req)
{
	struct net_device *d;
	int err = 0;

	for (int at = 0; !err && (d = next_of_group(net, group, at));) {
		at = d->ifindex;
		err = change_one(net, d, req);
	}
	return err;
}

/*
 * Removes all devices of the group, or none if one of them was not made by a program. Group 0, to
 * which devices belong by default, cannot be removed.
 */
static int del_group(struct net *net, u32 group)
{
	struct net_device *d;

	if (!group)
		return -EPERM;
	if (!next_of_group(net, group, 0))
		return -ENODEV;
	for (int at = 0; (d = next_of_group(net, group, at)); at = d->ifindex)
		if (!d->ops->type)
			return -EOPNOTSUPP;
	while ((d = next_of_group(net, group, 0)))
		if (link_delete(net, d->ifindex))
			break;
	return 0;
}

/* Serves RTM_NEWLINK and RTM_SETLINK, as rtnl_change() does. */
static int set_link(struct net *net, const struct nlmsghdr *req, const char **why)
{
	const u32 *group;
	struct net_device *d;
	int err;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return -EINVAL;
	err = check_values(req);
	if (err)
		return err;
	d = link_of(net, req, &err);
	group = d || req->nlmsg_type == RTM_SETLINK || req->nlmsg_flags & NLM_F_CREATE ?
			NULL :
			group_of(req);
	if (group)
		return change_group(net, *group, req);
	if (!d)
		return req->nlmsg_type == RTM_SETLINK  ? err :
		       req->nlmsg_flags & NLM_F_CREATE ? new_link(net, req, why) :
							 -ENODEV;
	if (req->nlmsg_type == RTM_NEWLINK && req->nlmsg_flags & NLM_F_EXCL)
		return -EEXIST;
	if (req->nlmsg_type == RTM_NEWLINK && req->nlmsg_flags & NLM_F_REPLACE)
		return -EOPNOTSUPP; /* a device cannot be replaced */
	err = change_one(net, d, req);
	if (err)
		*why = why_no_mtu(d, req);
	return err;
}

static int del_link(struct net *net, const struct nlmsghdr *req)
{
	struct net_device *d;
	const u32 *group;
	int err;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return -EINVAL;
	group = group_of(req);
	if (group)
		return del_group(net, *group);
	d = link_of(net, req, &err);
	return d ? link_delete(net, d->ifindex) : err;
}

/* Adds or removes alternative names: IFLA_PROP_LIST of IFLA_ALT_IFNAME. */
static int change_props(struct net *net, const struct nlmsghdr *req)
{
	const u8 *list, *at;
	struct net_device *d;
	u32 n;
	int err;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return -EINVAL;
	d = link_of(net, req, &err);
	list = nl_find(req, sizeof(struct ifinfomsg), IFLA_PROP_LIST, 0, &n);
	if (!d || !list)
		return d ? 0 : err;
	for (at = list; !err && list + n - at >= (long)sizeof(struct rtattr);) {
		const struct rtattr *a = (const void *)at;
		char name[128] = { 0 };

		if (a->rta_len <= sizeof(*a) || a->rta_len > list + n - at ||
			(a->rta_type & 0x3fff) != IFLA_ALT_IFNAME)
			return -EINVAL;
		if (strnlen(RTA_DATA(a), a->rta_len - sizeof(*a)) >= sizeof(name))
			return -ERANGE;
		memcpy(name, RTA_DATA(a),
			min((u32)a->rta_len - (u32)sizeof(*a), (u32)sizeof(name) - 1));
		err = req->nlmsg_type == RTM_NEWLINKPROP ? link_add_name(d, name) :
							   link_del_name(d, name);
		at += min((long)RTA_ALIGN((u32)a->rta_len), (long)(list + n - at));
	}
	if (!err)
		rtnl_notify_link(d, RTM_NEWLINK, 0);
	return err;
}

int rtnl_change_link(struct net *net, const struct nlmsghdr *req, const char **why)
{
	switch (req->nlmsg_type) {
	case RTM_DELLINK: return del_link(net, req);
	case RTM_NEWLINKPROP:
	case RTM_DELLINKPROP: return change_props(net, req);
	}
	return set_link(net, req, why);
}
