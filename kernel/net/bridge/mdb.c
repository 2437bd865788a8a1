/* SPDX-License-Identifier: MIT */
/*
 * mdb.c: a bridge's multicast groups over rtnetlink (RTM_GETMDB, RTM_NEWMDB, RTM_DELMDB: `bridge
 * mdb`), and the messages to RTNLGRP_MDB about their changes.
 *
 * A table is copied under br->lock before it is put into messages. Requests for groups of
 * link-layer (MAC) addresses, and for source-specific members, are refused.
 */
#include <asm/errno.h>
#include <linux/rtnetlink.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/bridge/bridge.h"
#include "kernel/net/netlink/bridge_rtnl.h"
#include "kernel/net/socket/socket.h"

#define IN_A_MESSAGE 32U

/* The part of a bridge's table that is put into one message. */
struct part {
	int bridge;
	u32 n;
	const struct br_mdb_info *info;
	/* The part lists routers instead of members: @info has their ports. */
	bool routers;
};

static void put_begin(struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags,
	u16 type, int bridge)
{
	struct br_port_msg *m = nl_begin(b, req, portid, type, flags, sizeof(*m));

	m->family = AF_BRIDGE;
	m->ifindex = (u32)bridge;
}

/* Appends @n bytes, a multiple of 4, without an attribute header, to a nest that was just begun. */
static void put_raw(struct nl_builder *b, const void *p, u32 n)
{
	if (n > sizeof(b->buf) - b->len)
		return;
	memcpy(b->buf + b->len, p, n);
	b->len += n;
}

static void put_entry(struct nl_builder *b, const struct br_mdb_info *i)
{
	struct br_mdb_entry e;
	u32 nest;

	memset(&e, 0, sizeof(e)); /* clears the padding, too */
	e.ifindex = (u32)i->ifindex;
	e.state = i->state;
	e.flags = i->flags;
	if (ip_is_v4(&i->group)) {
		e.addr.u.ip4 = i->group.w[3];
		e.addr.proto = htons(ETH_P_IP);
	} else {
		memcpy(&e.addr.u.ip6, &i->group, sizeof(i->group));
		e.addr.proto = htons(ETH_P_IPV6);
	}
	nest = nl_nest_plain(b, MDBA_MDB_ENTRY_INFO);
	put_raw(b, &e, sizeof(e));
	nl_attr_u32(b, MDBA_MDB_EATTR_TIMER, (u32)br_ticks_until(i->until));
	if (i->protocol)
		nl_attr(b, MDBA_MDB_EATTR_RTPROT, &i->protocol, 1);
	nl_nest_end(b, nest);
}

static void put_router(struct nl_builder *b, const struct br_mdb_info *i)
{
	u32 nest = nl_nest_plain(b, MDBA_ROUTER_PORT);

	put_raw(b, &i->ifindex, sizeof(i->ifindex));
	nl_attr_u32(b, MDBA_ROUTER_PATTR_TIMER, (u32)br_ticks_until(i->until));
	nl_attr(b, MDBA_ROUTER_PATTR_TYPE, &i->state, 1);
	nl_nest_end(b, nest);
}

static void put_part(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	const struct part *t = what;
	u32 nest, entry;

	put_begin(b, req, portid, flags, RTM_GETMDB, t->bridge);
	nest = nl_nest_plain(b, t->routers ? MDBA_ROUTER : MDBA_MDB);
	for (u32 i = 0; i < t->n; i++) {
		if (t->routers) {
			put_router(b, &t->info[i]);
			continue;
		}
		entry = nl_nest_plain(b, MDBA_MDB_ENTRY);
		put_entry(b, &t->info[i]);
		nl_nest_end(b, entry);
	}
	nl_nest_end(b, nest);
	nl_end(b);
}

/* ---- notifications ---- */

static void put_news(struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags,
	const struct br_mdb_info *i, u16 type)
{
	u32 nest, entry;

	put_begin(b, req, portid, flags, type, i->master);
	nest = nl_nest_plain(b, MDBA_MDB);
	entry = nl_nest_plain(b, MDBA_MDB_ENTRY);
	put_entry(b, i);
	nl_nest_end(b, entry);
	nl_nest_end(b, nest);
	nl_end(b);
}

static void put_new(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	put_news(b, req, portid, flags, what, RTM_NEWMDB);
}

static void put_del(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	put_news(b, req, portid, flags, what, RTM_DELMDB);
}

void br_mdb_notify(const struct bridge *br, const struct br_mdb_info *info, u16 type)
{
	rtnl_notify(br->dev->net, RTNLGRP_MDB, type == RTM_NEWMDB ? put_new : put_del, info);
}

/* ---- RTM_GETMDB ---- */

/* Writes at most @room members to @to. Returns the number of all members. br->lock held. */
static u32 list_members(const struct bridge *br, struct br_mdb_info *to, u32 room)
{
	const struct br_group *g;
	const struct br_member *m;
	u32 n = 0;

	list_for_each_entry(g, &br->snoop.groups, list) {
		if (g->host && n++ < room)
			br_member_info(br, g, NULL, &to[n - 1]);
		list_for_each_entry(m, &g->members, list)
			if (n++ < room)
				br_member_info(br, g, m, &to[n - 1]);
	}
	return n;
}

static u32 list_routers(const struct bridge *br, struct br_mdb_info *to, u32 room)
{
	const struct br_port *p;
	u32 n = 0;

	list_for_each_entry(p, &br->ports, list)
		if ((br_leads_to_router(p, SNOOP_V4) || br_leads_to_router(p, SNOOP_V6)) &&
			n++ < room)
			to[n - 1] = (struct br_mdb_info){
				.ifindex = p->dev->ifindex,
				.state = p->snoop.router,
				.until = max(p->snoop.router_until[SNOOP_V4],
					p->snoop.router_until[SNOOP_V6]),
			};
	return n;
}

/*
 * Copies the members, or the routers, of the bridge with ifindex @index, and sets *n, which is 0 on
 * entry, to their number. The caller frees the array. NULL: no memory.
 */
static struct br_mdb_info *copy_table(struct net *net, int index, bool routers, u32 *n)
{
	struct br_mdb_info *all = NULL;
	struct net_device *d;
	u32 room = 0;

	do {
		const struct bridge *br;

		kfree(all);
		room = *n + IN_A_MESSAGE;
		all = kcalloc(room, sizeof(*all), GFP_KERNEL);
		*n = 0;
		if (!all)
			break;
		spin_lock(&net->lock);
		d = netdev_by_index(net, index);
		br = d ? BRIDGE(d) : NULL;
		if (br) {
			spin_lock(&((struct bridge *)br)->lock);
			*n = routers ? list_routers(br, all, room) : list_members(br, all, room);
			spin_unlock(&((struct bridge *)br)->lock);
		}
		spin_unlock(&net->lock);
	} while (*n > room);
	return all;
}

static int dump_table(struct net *net, int index, bool routers, rtnl_emit_fn emit, void *arg)
{
	u32 n = 0, at = 0;
	struct br_mdb_info *all = copy_table(net, index, routers, &n);
	int err = all ? 0 : -ENOMEM;

	for (; !err && at < n; at += IN_A_MESSAGE) {
		struct part t = { index, min(n - at, IN_A_MESSAGE), all + at, routers };

		err = emit(arg, put_part, &t);
	}
	kfree(all);
	return err;
}

int br_dump_mdb(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg)
{
	const struct br_port_msg *m = NLMSG_DATA(req);
	int only = req->nlmsg_len >= NLMSG_LENGTH(sizeof(*m)) ? (int)m->ifindex : 0;
	struct net_device *d;
	int err = 0, at = 0;

	do {
		int next = 0;

		spin_lock(&net->lock);
		list_for_each_entry(d, &net->devs.list, list)
			if (d->ifindex > at && (!next || d->ifindex < next) && is_bridge(d) &&
				(!only || d->ifindex == only))
				next = d->ifindex;
		spin_unlock(&net->lock);
		if (!next)
			break;
		at = next;
		err = dump_table(net, at, false, emit, arg);
		if (!err)
			err = dump_table(net, at, true, emit, arg);
	} while (!err);
	return err;
}

/* ---- RTM_NEWMDB and RTM_DELMDB ---- */

/*
 * Reads the group that @e names. Returns 0, -EINVAL, or -EOPNOTSUPP for a group that is a
 * link-layer address.
 */
static int group_of(const struct br_mdb_entry *e, ip_addr *group)
{
	if (e->addr.proto == htons(ETH_P_IP))
		*group = ip_v4(e->addr.u.ip4);
	else if (e->addr.proto == htons(ETH_P_IPV6))
		memcpy(group, &e->addr.u.ip6, sizeof(*group));
	else
		return e->addr.proto ? -EINVAL : -EOPNOTSUPP;
	if (!ip_is_multicast(group) || ip_is_v4(group) != (e->addr.proto == htons(ETH_P_IP)))
		return -EINVAL;
	if (ip_is_v4(group) ? ntohl(group->w[3]) >> 8 == 0xe00000 :
			      group->w[0] == htonl(0xff020000) && !group->w[1] && !group->w[2] &&
				      group->w[3] == htonl(1))
		return -EINVAL;
	return 0;
}

static int change(struct bridge *br, struct br_port *p, const struct br_mdb_entry *e, u16 type)
{
	ip_addr group;
	int err = group_of(e, &group);

	if (!err && e->vid)
		err = -EINVAL; /* VLANs are not supported */
	if (!err && type == RTM_NEWMDB && !p && e->state != MDB_TEMPORARY)
		/* the host's memberships are temporary */
		err = -EINVAL;
	if (err)
		return err;
	spin_lock(&br->lock);
	if (!br->snoop.on)
		err = -EINVAL;
	else if (type == RTM_DELMDB)
		err = br_group_del(br, p, &group);
	else
		err = br_group_add(br, p, &group, e->state);
	br_snoop_finish(br);
	return err;
}

int br_change_mdb(struct net *net, const struct nlmsghdr *req)
{
	const struct br_port_msg *m = NLMSG_DATA(req);
	const struct br_mdb_entry *e;
	struct br_mdb_entry copy;
	struct net_device *d, *port;
	const void *more;
	struct br_port *p;
	u32 n = 0, left;
	int err = -EINVAL;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) || !m->ifindex)
		return -EINVAL;
	e = nl_find(req, sizeof(*m), MDBA_SET_ENTRY, sizeof(*e), &n);
	if (!e || n != sizeof(*e) || !e->ifindex || e->state > MDB_PERMANENT)
		return -EINVAL;
	memcpy(&copy, e, sizeof(copy));
	more = nl_find(req, sizeof(*m), MDBA_SET_ENTRY_ATTRS, 0, &left);
	if (more && left)
		return -EOPNOTSUPP; /* sources are not supported */
	link_lock();
	d = netdev_find_index(net, (int)m->ifindex);
	port = netdev_find_index(net, (int)copy.ifindex);
	p = port ? br_port_of(port) : NULL;
	if (!d)
		err = -ENODEV;
	else if (!is_bridge(d))
		err = -EOPNOTSUPP;
	else if (!port)
		err = -ENODEV;
	else if (BRIDGE(d) && (port == d || (p && p->br == BRIDGE(d))))
		err = change(BRIDGE(d), port == d ? NULL : p, &copy, req->nlmsg_type);
	link_unlock();
	net_rx_flush();
	return err;
}
