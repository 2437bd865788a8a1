/* SPDX-License-Identifier: MIT */
/*
 * netlink.c: the family AF_BRIDGE of rtnetlink, as bridge(8) and others use it: ports (RTM_GETLINK,
 * RTM_SETLINK), the forwarding table (RTM_GETNEIGH, RTM_NEWNEIGH, RTM_DELNEIGH), and the messages
 * to listeners about their changes.
 *
 * Devices are found under net->lock. A bridge's table is copied before it is put into messages.
 * nl_find() checks attributes against the length of their message.
 */
#include <asm/errno.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/bridge/bridge.h"
#include "kernel/net/netlink/bridge_rtnl.h"
#include "kernel/net/socket/socket.h"

#define USER_HZ 100
#define NLM_F_BULK_DELETE 0x200
#define LIST_MAX (BR_LEARNED_MAX + BR_BY_HAND_MAX + BR_PORTS_MAX + 1)

/* ---- ports ---- */

struct port_ref {
	struct net *net;
	int ifindex;
	u16 type;
};

/* Puts a port, or nothing if the device is no longer a port. */
static void put_port(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	const struct port_ref *r = what;
	const struct br_port *p;
	struct net_device *d;
	struct ifinfomsg *i;
	u32 nest;

	spin_lock(&r->net->lock);
	d = netdev_by_index(r->net, r->ifindex);
	/* the port may be removed during a dump */
	p = d ? br_port_of(d) : NULL;
	if (p) {
		i = nl_begin(b, req, portid, r->type, flags, sizeof(*i));
		i->ifi_family = AF_BRIDGE;
		i->ifi_type = d->type;
		i->ifi_index = d->ifindex;
		i->ifi_flags = netdev_shown_flags(d);
		nl_attr(b, IFLA_IFNAME, d->name, (u32)strlen(d->name) + 1);
		nl_attr_u32(b, IFLA_MASTER, (u32)p->br->dev->ifindex);
		nl_attr_u32(b, IFLA_MTU, d->mtu);
		nl_attr(b, IFLA_OPERSTATE, &(u8){ netdev_operstate(d) }, 1);
		nl_attr(b, IFLA_ADDRESS, d->addr, ETH_ALEN);
		if (link_peer(d))
			nl_attr_u32(b, IFLA_LINK, (u32)link_peer(d)->ifindex);
		nest = nl_nest(b, IFLA_PROTINFO | NLA_F_NESTED);
		br_fill_port(b, d);
		nl_nest_end(b, nest);
		nl_end(b);
	}
	spin_unlock(&r->net->lock);
}

void br_notify_port(struct br_port *p)
{
	struct port_ref r = { p->dev->net, p->dev->ifindex, RTM_NEWLINK };

	rtnl_notify(p->dev->net, RTNLGRP_LINK, put_port, &r);
}

int br_dump_ports(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg)
{
	struct port_ref r = { .net = net, .type = RTM_NEWLINK };
	struct net_device *d;
	int err = 0, at = 0;

	do {
		int next = 0;

		spin_lock(&net->lock);
		list_for_each_entry(d, &net->devs.list, list)
			if (d->ifindex > at && (!next || d->ifindex < next) && br_port_of(d))
				next = d->ifindex;
		spin_unlock(&net->lock);
		if (!next)
			break;
		r.ifindex = at = next;
		err = emit(arg, put_port, &r);
	} while (!err);
	return err;
}

/*
 * Checks IFLA_AF_SPEC. VLANs and modes are not supported. IFLA_BRIDGE_FLAGS (master, self) is
 * accepted, and ignored.
 */
static int check_af_spec(const struct nlmsghdr *req)
{
	u32 n, m;
	const void *spec = nl_find(req, sizeof(struct ifinfomsg), IFLA_AF_SPEC, 0, &n);

	if (!spec)
		return 0;
	if (nl_nested(spec, n, IFLA_BRIDGE_VLAN_INFO, 0, &m) ||
		nl_nested(spec, n, IFLA_BRIDGE_MODE, 0, &m) ||
		nl_nested(spec, n, IFLA_BRIDGE_VLAN_TUNNEL_INFO, 0, &m))
		return -EOPNOTSUPP;
	return 0;
}

int br_change_links(struct net *net, const struct nlmsghdr *req)
{
	const struct ifinfomsg *i = NLMSG_DATA(req);
	struct net_device *d;
	const void *info;
	u32 n;
	int err;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*i)))
		return -EINVAL;
	if (req->nlmsg_type != RTM_SETLINK)
		return -EOPNOTSUPP;
	d = netdev_find_index(net, i->ifi_index);
	if (!d)
		return -ENODEV;
	err = check_af_spec(req);
	info = nl_find(req, sizeof(*i), IFLA_PROTINFO, 1, &n);
	if (err || !info)
		return err;
	if (!br_port_of(d))
		return -EOPNOTSUPP;
	if (n < sizeof(struct rtattr)) { /* the old format has the state alone */
		struct {
			struct rtattr a;
			u8 state;
		} one = { { RTA_LENGTH(1), IFLA_BRPORT_STATE }, *(const u8 *)info };

		return link_change_port(d, &one, RTA_LENGTH(1));
	}
	return link_change_port(d, info, n);
}

/* ---- the forwarding table ---- */

static u32 ticks_ago(u64 then)
{
	return (u32)((ktime_get() - then) / (NSEC_PER_SEC / USER_HZ));
}

static void put_fdb_as(struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags,
	const struct br_fdb_info *e, u16 type)
{
	struct ndmsg *m = nl_begin(b, req, portid, type, flags, sizeof(*m));
	struct nda_cacheinfo c = { .ndm_used = ticks_ago(e->used),
		.ndm_updated = ticks_ago(e->updated) };

	m->ndm_family = AF_BRIDGE;
	m->ndm_ifindex = e->ifindex;
	m->ndm_flags = e->sticky ? NTF_STICKY : 0;
	m->ndm_state = e->local ? NUD_PERMANENT :
		       e->fixed ? NUD_NOARP :
		       e->old   ? NUD_STALE :
				  NUD_REACHABLE;
	nl_attr(b, NDA_LLADDR, e->mac, ETH_ALEN);
	nl_attr_u32(b, NDA_MASTER, (u32)e->master);
	nl_attr_u32(b, NDA_FLAGS_EXT, 0);
	nl_attr(b, NDA_CACHEINFO, &c, sizeof(c));
	nl_end(b);
}

static void put_fdb(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	put_fdb_as(b, req, portid, flags, what, RTM_NEWNEIGH);
}

static void put_fdb_gone(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	put_fdb_as(b, req, portid, flags, what, RTM_DELNEIGH);
}

void br_fdb_notify(struct net *net, const struct br_fdb_info *info, u16 type)
{
	rtnl_notify(net, RTNLGRP_NEIGH, type == RTM_NEWNEIGH ? put_fdb : put_fdb_gone, info);
}

/* The filter of a dump: a bridge and a port; 0: any. */
struct fdb_filter {
	int master, port;
};

static void read_filter(const struct nlmsghdr *req, struct fdb_filter *f)
{
	u32 len = req->nlmsg_len - NLMSG_HDRLEN, fixed = sizeof(struct ifinfomsg);
	const struct ifinfomsg *i = NLMSG_DATA(req);
	const struct ndmsg *m = NLMSG_DATA(req);
	const u32 *master;

	*f = (struct fdb_filter){ 0, 0 };
	if (len == sizeof(*m) || len == sizeof(*m) + RTA_LENGTH(sizeof(u32))) {
		f->port = m->ndm_ifindex;
		master = nl_find(req, sizeof(*m), NDA_MASTER, sizeof(*master), NULL);
	} else if (len >= fixed) {
		f->port = i->ifi_index;
		master = nl_find(req, fixed, IFLA_MASTER, sizeof(*master), NULL);
	} else {
		return;
	}
	f->master = master ? (int)*master : 0;
}

/*
 * Lists the table of the bridge with the next ifindex after *@at. Returns false if there is none.
 */
static bool next_table(struct net *net, int *at, struct br_fdb_info *all, u32 *n)
{
	struct bridge *br, *next = NULL;
	struct net_device *d;

	spin_lock(&net->lock);
	list_for_each_entry(d, &net->devs.list, list) {
		br = d->ifindex > *at ? BRIDGE(d) : NULL;
		if (br && (!next || d->ifindex < next->dev->ifindex))
			next = br;
	}
	if (next) {
		*at = next->dev->ifindex;
		*n = br_fdb_list(next, all, LIST_MAX);
	}
	spin_unlock(&net->lock);
	return next;
}

int br_dump_fdb(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg)
{
	struct br_fdb_info *all = kcalloc(LIST_MAX, sizeof(*all), GFP_KERNEL);
	struct fdb_filter f;
	int err = 0, at = 0;
	u32 n;

	if (!all)
		return -ENOMEM;
	read_filter(req, &f);
	while (!err && next_table(net, &at, all, &n)) {
		if (f.master && at != f.master)
			continue;
		for (u32 i = 0; i < n && !err; i++)
			if (!f.port || f.port == all[i].ifindex)
				err = emit(arg, put_fdb, &all[i]);
	}
	kfree(all);
	return err;
}

int br_get_fdb(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg)
{
	const struct ndmsg *m = NLMSG_DATA(req);
	const u32 *master;
	struct br_fdb_info info;
	struct net_device *d;
	struct br_port *p;
	struct bridge *br;
	struct br_fdb *e;
	const u8 *mac;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return -EINVAL;
	mac = nl_find(req, sizeof(*m), NDA_LLADDR, ETH_ALEN, NULL);
	master = nl_find(req, sizeof(*m), NDA_MASTER, sizeof(*master), NULL);
	if (!mac || (!master && !m->ndm_ifindex))
		return -EINVAL;
	d = netdev_find_index(net, master ? (int)*master : m->ndm_ifindex);
	if (!d)
		return -ENODEV;
	p = br_port_of(d);
	br = p ? p->br : BRIDGE(d);
	if (!br)
		return -EOPNOTSUPP;
	spin_lock(&br->lock);
	e = br_fdb_find_locked(br, mac);
	if (e)
		br_fdb_info_locked(br, e, &info);
	spin_unlock(&br->lock);
	return e ? emit(arg, put_fdb, &info) : -ENOENT;
}

/*
 * Finds the bridge, and the port if any, of a request to change the table. With "master" or without
 * flags, @m names a port, and the table is that of its bridge. With "self", @m names the bridge.
 */
static int target(struct net *net, const struct ndmsg *m, struct bridge **br, struct br_port **p)
{
	struct net_device *d = netdev_find_index(net, m->ndm_ifindex);

	if (!d)
		return -ENODEV;
	*p = br_port_of(d);
	if (*p && (!m->ndm_flags || m->ndm_flags & NTF_MASTER)) {
		*br = (*p)->br;
		return 0;
	}
	*p = NULL;
	*br = m->ndm_flags & NTF_SELF ? BRIDGE(d) : NULL;
	return *br ? 0 : m->ndm_flags & NTF_MASTER ? -EINVAL : -EOPNOTSUPP;
}

int br_change_fdb(struct net *net, const struct nlmsghdr *req)
{
	const struct ndmsg *m = NLMSG_DATA(req);
	struct br_fdb_wish w;
	struct br_port *p = NULL;
	struct bridge *br;
	u32 n = 0;
	int err;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) || !m->ndm_ifindex)
		return -EINVAL;
	w = (struct br_fdb_wish){
		.mac = nl_find(req, sizeof(*m), NDA_LLADDR, ETH_ALEN, &n),
		.state = m->ndm_state,
		.flags = m->ndm_flags,
		.nlflags = req->nlmsg_flags,
	};
	link_lock();
	err = target(net, m, &br, &p);
	if (!err && req->nlmsg_type == RTM_DELNEIGH && req->nlmsg_flags & NLM_F_BULK_DELETE)
		br_fdb_flush(br, p, BR_FLUSH_ALL);
	else if (!err && (!w.mac || n != ETH_ALEN))
		err = -EINVAL;
	else if (!err && nl_find(req, sizeof(*m), NDA_VLAN, 0, NULL))
		err = -EOPNOTSUPP;
	else if (!err)
		err = req->nlmsg_type == RTM_NEWNEIGH ? br_fdb_add(br, p, &w) :
							br_fdb_del(br, p, w.mac);
	link_unlock();
	return err;
}
