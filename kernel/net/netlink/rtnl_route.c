/* SPDX-License-Identifier: MIT */
/*
 * rtnl_route.c: shows routes over rtnetlink(7) (rtnl_route_change.c changes them), with several
 * nexthops (RTA_MULTIPATH), metrics (mtu, advmss, hoplimit), preference and expiry. Dumps have the
 * order of Linux's trees: by address, and for one address by length, the longest prefix first. An
 * IPv6 prefix comes behind all prefixes that it contains.
 */
#include <asm/errno.h>
#include <linux/in_route.h>
#include <linux/rtnetlink.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/netlink/netlink.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/net/socket/socket.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/user_ns.h"

#define TICK (NSEC_PER_SEC / 100)

/* ---- building messages ---- */

struct route_entry {
	struct route r;
	int ifindex;
};

static u8 reported_flags(u8 flags)
{
	return flags & RTNH_F_ONLINK;
}

/*
 * Returns the RTNH_F_* state to report. A nexthop without carrier is also reported as dead if
 * ignore_routes_with_linkdown is set.
 */
static u8 reported_state(const struct net_device *dev, bool v4)
{
	u8 state = way_state(dev);
	int ignored = v4 ? CONF4(dev, CONF4_IGNORE_LINKDOWN) : CONF6(dev, CONF6_IGNORE_LINKDOWN);

	return state & RTNH_F_LINKDOWN && ignored ? state | RTNH_F_DEAD : state;
}

/*
 * Returns the flags of the whole route: of an IPv4 route with several nexthops, the flags that all
 * of them have.
 */
static u8 route_flags(const struct route *r)
{
	u8 state = RTNH_F_LINKDOWN;

	if (r->type == RTN_LOCAL && ip_is_v4(&r->dst))
		return reported_flags(r->flags);
	if (!r->hops)
		return reported_flags(r->flags) |
		       (r->dev && !route_leads_nowhere(r->type) ?
				       reported_state(r->dev, ip_is_v4(&r->dst)) :
				       0);
	for (u32 n = 0; n < r->hops->nr; n++)
		state &= reported_state(r->hops->hop[n].dev, ip_is_v4(&r->dst));
	return ip_is_v4(&r->dst) ? state : 0;
}

static void put_ways(struct nl_builder *b, const struct route *r)
{
	u32 at = nl_nest_plain(b, RTA_MULTIPATH);

	for (u32 n = 0; n < route_ways(r); n++) {
		struct nexthop w = route_way(r, n);
		struct rtnexthop *h = (void *)(b->buf + b->len);
		u32 from = b->len;

		memset(h, 0, sizeof(*h));
		h->rtnh_hops = (u8)(w.weight - 1);
		h->rtnh_flags = reported_flags(w.flags) | reported_state(w.dev, ip_is_v4(&r->dst));
		h->rtnh_ifindex = w.ifindex;
		b->len += sizeof(*h);
		rtnl_put_gateway(b, &w.gateway, ip_is_v4(&r->dst));
		h->rtnh_len = (u16)(b->len - from);
	}
	nl_nest_end(b, at);
}

static void put_metrics(struct nl_builder *b, const struct route *r)
{
	u32 at;

	if (!r->mtu && !r->advmss && !r->hoplimit)
		return;
	at = nl_nest_plain(b, RTA_METRICS);
	if (r->mtu)
		nl_attr_u32(b, RTAX_MTU, r->mtu);
	if (r->advmss)
		nl_attr_u32(b, RTAX_ADVMSS, r->advmss);
	if (r->hoplimit)
		nl_attr_u32(b, RTAX_HOPLIMIT, r->hoplimit);
	nl_nest_end(b, at);
}

static void put_end(struct nl_builder *b, const struct route *r)
{
	u64 now = ktime_get();
	struct rta_cacheinfo info = { 0 };

	if (r->expires)
		info.rta_expires = (int)((r->expires - min(r->expires, now)) / TICK);
	nl_attr(b, RTA_CACHEINFO, &info, sizeof(info));
	nl_attr(b, RTA_PREF, &r->pref, 1);
}

static void put_route(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	const struct route_entry *e = what;
	const struct route *r = &e->r;
	struct rtmsg *m = nl_begin(b, req, portid, RTM_NEWROUTE, flags, sizeof(*m));
	bool v4 = ip_is_v4(&r->dst);

	m->rtm_family = v4 ? AF_INET : AF_INET6;
	m->rtm_dst_len = v4 ? (u8)(r->prefix - 96) : r->prefix;
	m->rtm_table = r->table < 256 ? (u8)r->table : RT_TABLE_COMPAT;
	m->rtm_protocol = r->protocol;
	m->rtm_scope = r->scope;
	m->rtm_type = r->type;
	m->rtm_tos = r->tos;
	m->rtm_flags = route_flags(r);
	nl_attr_u32(b, RTA_TABLE, r->table);
	if (m->rtm_dst_len)
		nl_attr_addr(b, RTA_DST, &r->dst);
	if (v4 && r->metric)
		nl_attr_u32(b, RTA_PRIORITY, r->metric);
	put_metrics(b, r);
	if (!v4)
		nl_attr_u32(b, RTA_PRIORITY, r->metric);
	if (!ip_is_any(&r->prefsrc))
		nl_attr_addr(b, RTA_PREFSRC, &r->prefsrc);
	if (r->hops)
		put_ways(b, r);
	if (!r->hops)
		rtnl_put_gateway(b, &r->gateway, v4);
	if (!r->hops && (!v4 || !route_leads_nowhere(r->type)))
		nl_attr_u32(b, RTA_OIF, (u32)e->ifindex);
	if (!v4)
		put_end(b, r);
	nl_end(b);
}

/* The answer to RTM_GETROUTE: a nexthop, and values of the request. */
struct way {
	struct route_entry e;
	ip_addr src;
	u32 iif, mark;
	kuid_t uid;
};

/*
 * Puts the answer to `ip route get`, a route for one packet. As on Linux, an IPv4 route is flagged
 * as a clone (RTM_F_CLONED); otherwise iproute2 would show its origin and scope.
 */
static void put_way(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	const struct rta_cacheinfo info = { .rta_clntref = 1 };
	const struct way *w = what;
	const struct route_entry *e = &w->e;
	bool v4 = ip_is_v4(&e->r.dst);
	struct rtmsg *m;

	put_route(b, req, portid, flags, e);
	m = NLMSG_DATA((struct nlmsghdr *)(b->buf + b->msg));
	if (!v4 || !ip_is_any(&w->src)) {
		m->rtm_src_len = v4 ? 32 : 128;
		nl_attr_addr(b, RTA_SRC, &w->src);
	}
	if (w->iif)
		nl_attr_u32(b, RTA_IIF, w->iif);
	if (!v4) {
		nl_end(b);
		return;
	}
	if (w->mark)
		nl_attr_u32(b, RTA_MARK, w->mark);
	m->rtm_flags = RTM_F_CLONED | (e->r.type == RTN_LOCAL ? RTCF_LOCAL : 0U);
	if (!w->iif)
		nl_attr_u32(b, RTA_UID, from_kuid_munged(current_user_ns(), w->uid));
	nl_attr(b, RTA_CACHEINFO, &info, sizeof(info));
	nl_end(b);
}

static void put_route_gone(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	put_route(b, req, portid, flags, what);
	((struct nlmsghdr *)b->buf)->nlmsg_type = RTM_DELROUTE;
}

void rtnl_notify_route(struct net *net, const struct route *r, u16 type)
{
	struct route_entry e = { *r, r->dev ? r->dev->ifindex : 0 };

	rtnl_notify(net, ip_is_v4(&r->dst) ? RTNLGRP_IPV4_ROUTE : RTNLGRP_IPV6_ROUTE,
		type == RTM_NEWROUTE ? put_route : put_route_gone, &e);
}

/* ---- GET requests ---- */

static bool comes_before(const struct route *a, const struct route *b)
{
	bool v4 = ip_is_v4(&a->dst);
	int by_addr;

	if (v4 != ip_is_v4(&b->dst))
		return v4;
	/* Linux's order: its tables are in a hash of 256 buckets */
	if (a->table != b->table)
		return (u8)a->table == (u8)b->table ? a->table < b->table :
						      (u8)a->table < (u8)b->table;
	by_addr = memcmp(&a->dst, &b->dst, sizeof(a->dst));
	if (!v4 && a->prefix != b->prefix &&
		ip_prefix_equal(&a->dst, &b->dst, min(a->prefix, b->prefix)))
		return a->prefix > b->prefix;
	return by_addr ? by_addr < 0 : a->prefix > b->prefix;
}

/*
 * Sorts entries. The sort is stable, since the list has equal entries in the order of their
 * metrics.
 */
static void sort_entries(struct route_entry **all, u32 n, struct route_entry **room)
{
	for (u32 run = 1; run < n; run *= 2) {
		for (u32 at = 0; at < n; at += 2 * run) {
			u32 a = at, mid = min(at + run, n), b = mid, end = min(mid + run, n);

			for (u32 k = at; k < end; k++) {
				bool take_b = b < end &&
					      (a == mid || comes_before(&all[b]->r, &all[a]->r));

				room[k] = take_b ? all[b++] : all[a++];
			}
		}
		memcpy(all, room, n * sizeof(*all));
	}
}

/* The filter of a strict dump; 0: anything. */
struct wish {
	u8 family, protocol, type;
	u32 table, flags;
	int oif;
};

static bool leaves_by(const struct route *r, int oif)
{
	if (ip_is_v4(&r->dst) && route_leads_nowhere(r->type))
		/* of these types only IPv6 routes have a device (lo) */
		return false;
	for (u32 n = 0; n < route_ways(r); n++)
		if (route_way(r, n).ifindex == oif)
			return true;
	return false;
}

static bool wanted(const struct route *r, const struct wish *w)
{
	if (w->flags || (w->family && (w->family == AF_INET) != ip_is_v4(&r->dst)))
		return false; /* there are no cached routes */
	return (!w->table || r->table == w->table) &&
	       (!w->protocol || r->protocol == w->protocol) && (!w->type || r->type == w->type) &&
	       (!w->oif || leaves_by(r, w->oif));
}

static bool has_table(struct net *net, const struct wish *w)
{
	bool has;

	spin_lock(&net->lock);
	has = route_has_table(net, w->family == AF_INET, w->table);
	spin_unlock(&net->lock);
	return has;
}

static int read_wish(
	struct net *net, const struct nlmsghdr *req, struct rtnl_dump *d, struct wish *w)
{
	const u32 *table = nl_find(req, sizeof(struct rtmsg), RTA_TABLE, sizeof(u32), NULL);
	const u32 *oif = nl_find(req, sizeof(struct rtmsg), RTA_OIF, sizeof(u32), NULL);
	const struct rtmsg *m = NLMSG_DATA(req);
	u8 family = req->nlmsg_len > NLMSG_HDRLEN ? m->rtm_family : 0;

	*w = (struct wish){ .family = family == AF_INET || family == AF_INET6 ? family : 0 };
	if (!d->strict)
		return 0;
	w->table = table ? *table : m->rtm_table;
	w->protocol = m->rtm_protocol;
	w->type = m->rtm_type;
	w->flags = m->rtm_flags;
	w->oif = oif ? (int)*oif : 0;
	d->each = NLM_F_DUMP_FILTERED;
	if (w->oif && !netdev_find_index(net, w->oif))
		return -ENODEV;
	if (w->table || w->protocol || w->type || w->flags || w->oif)
		d->done = NLM_F_DUMP_FILTERED;
	return w->family && w->table && !has_table(net, w) ? -ENOENT : 0;
}

/*
 * True if the dump already contains an equal entry of table local. Several addresses may share a
 * broadcast address; their entries are adjacent, and only one is shown.
 */
static bool is_in_dump(struct route_entry *const *order, u32 at)
{
	const struct route *r = &order[at]->r;

	while (r->table == RT_TABLE_LOCAL && at--) {
		const struct route *o = &order[at]->r;

		if (o->table != r->table || o->prefix != r->prefix || !ip_equal(&o->dst, &r->dst))
			return false;
		if (!o->hops && !r->hops && o->dev == r->dev && o->type == r->type &&
			o->tos == r->tos && o->metric == r->metric && o->protocol == r->protocol &&
			ip_equal(&o->gateway, &r->gateway) && ip_equal(&o->prefsrc, &r->prefsrc))
			return true;
	}
	return false;
}

/* Copies the selected routes of the list and of table local. net->lock held. */
static u32 pick_routes(struct net *net, const struct wish *wish, struct route_entry *all, u32 room,
	struct route *local, u32 local_room)
{
	u32 n = 0, nr_local = local_routes(net, local, local_room);
	u64 now = ktime_get();
	struct route *r;

	list_for_each_entry(r, &net->route.list, list) {
		if (n == room || !wanted(r, wish) || (r->expires && r->expires <= now))
			continue;
		all[n] = (struct route_entry){ *r, r->dev->ifindex };
		nexthops_get(all[n++].r.hops);
	}
	for (u32 k = 0; k < nr_local && n < room; k++)
		if (wanted(&local[k], wish))
			all[n++] = (struct route_entry){ local[k], local[k].dev->ifindex };
	return n;
}

int rtnl_dump_routes(struct net *net, const struct nlmsghdr *req, struct rtnl_dump *d,
	rtnl_emit_fn emit, void *arg)
{
	u32 local_room = rtnl_room_for(net, &net->addr.list) * 4;
	u32 room = rtnl_room_for(net, &net->route.list) + local_room, n = 0;
	struct route *local = kcalloc(local_room, sizeof(*local), GFP_KERNEL);
	struct route_entry *all = kcalloc(room, sizeof(*all), GFP_KERNEL);
	struct route_entry **order =
		kcalloc((size_t)room * 2, sizeof(struct route_entry *), GFP_KERNEL);
	struct wish wish;
	int err = read_wish(net, req, d, &wish);

	if (!all || !order || !local)
		err = -ENOMEM;
	if (!err) {
		spin_lock(&net->lock);
		n = pick_routes(net, &wish, all, room, local, local_room);
		spin_unlock(&net->lock);
		for (u32 k = 0; k < n; k++)
			order[k] = &all[k];
		sort_entries(order, n, order + room);
	}
	for (u32 i = 0; i < n; i++)
		if (!err && !is_in_dump(order, i))
			err = emit(arg, put_route, order[i]);
	for (u32 i = 0; i < n; i++)
		nexthops_put(all[i].r.hops);
	kfree(order);
	kfree(all);
	kfree(local);
	return err;
}

/* Reads the user, protocol and ports of the packet of a lookup. Returns 0 or -errno. */
static int look_for(const struct nlmsghdr *req, struct flow *f)
{
	const u32 fixed = sizeof(struct rtmsg), *uid = nl_find(req, fixed, RTA_UID, 4, NULL);
	const u16 *sport = nl_find(req, fixed, RTA_SPORT, 2, NULL);
	const u16 *dport = nl_find(req, fixed, RTA_DPORT, 2, NULL);
	const u8 *proto = nl_find(req, fixed, RTA_IP_PROTO, 1, NULL);
	u8 icmp = ip_is_v4(&f->daddr) ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	if (proto && *proto != IPPROTO_TCP && *proto != IPPROTO_UDP && *proto != icmp)
		return -EOPNOTSUPP;
	f->proto = proto ? *proto : 0;
	f->sport = sport ? ntohs(*sport) : 0;
	f->dport = dport ? ntohs(*dport) : 0;
	f->owned = true;
	f->uid = uid ? make_kuid(current_user_ns(), *uid) : current_cred()->euid;
	return 0;
}

static bool is_an_address(struct net *net, const ip_addr *a)
{
	bool yes;

	spin_lock(&net->lock);
	yes = addr_find_local(net, a, 0) != NULL;
	spin_unlock(&net->lock);
	return yes;
}

/*
 * Looks up the route of a packet of this machine, or with RTA_IIF of a packet to be forwarded.
 * Returns 0 or -errno.
 */
static int look_up(struct net *net, const struct nlmsghdr *req, struct flow *f)
{
	const struct rtmsg *m = NLMSG_DATA(req);
	const u32 *oif = nl_find(req, sizeof(*m), RTA_OIF, sizeof(u32), NULL);
	const u32 *iif = nl_find(req, sizeof(*m), RTA_IIF, sizeof(u32), NULL);
	const u32 *mark = nl_find(req, sizeof(*m), RTA_MARK, sizeof(u32), NULL);
	struct net_device *in = NULL;
	int err;

	if (!rtnl_attr_addr(req, sizeof(*m), RTA_DST, m->rtm_family, &f->daddr))
		return -EINVAL;
	if (!rtnl_attr_addr(req, sizeof(*m), RTA_SRC, m->rtm_family, &f->saddr))
		f->saddr = IP_ANY;
	else if (m->rtm_family == AF_INET && !iif && !addr_is_local(net, &f->saddr, 0))
		return -ENETUNREACH;
	err = look_for(req, f);
	if (err)
		return err;
	f->tos = m->rtm_tos & ~3;
	f->mark = mark ? *mark : 0;
	f->oif = oif ? (int)*oif : 0;
	if (iif && *iif) {
		in = netdev_find_index(net, (int)*iif);
		if (!in)
			return -ENODEV;
	}
	if (!in || in == net->lo)
		return route_output(net, f);
	f->iif = (int)*iif;
	if (is_an_address(net, &f->daddr))
		return route_output(net, f);
	if (!nl_find(req, sizeof(*m), RTA_UID, 4, NULL))
		f->uid = (u32)-1; /* the packet comes from another machine */
	return route_forward(net, f);
}

int rtnl_get_route(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg)
{
	const struct rtmsg *m = NLMSG_DATA(req);
	struct way w = { .e.r = { .table = RT_TABLE_MAIN, .type = RTN_UNICAST }, .src = IP_ANY };
	struct route *r = &w.e.r;
	struct flow f = { 0 };
	int err;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return -EINVAL;
	err = look_up(net, req, &f);
	if (err)
		return err;
	(void)rtnl_attr_addr(req, sizeof(*m), RTA_SRC, m->rtm_family, &w.src);
	w.iif = (u32)f.iif;
	w.mark = f.mark;
	w.uid = f.uid;
	if (ip_is_v4(&f.daddr) ? m->rtm_flags & RTM_F_LOOKUP_TABLE && !f.local : f.table != 0)
		r->table = f.table;
	r->dst = f.daddr;
	r->prefix = 128;
	if (!w.iif && (!ip_is_v4(&f.daddr) || !ip_equal(&w.src, &f.saddr)))
		r->prefsrc = f.saddr;
	r->mtu = f.route_mtu;
	r->advmss = f.advmss;
	if (!ip_is_v4(&f.daddr)) {
		r->metric = f.metric;
		r->protocol = f.local && !f.table ? RTPROT_KERNEL : f.protocol;
	}
	if (!ip_equal(&f.next_hop, &f.daddr))
		r->gateway = f.next_hop;
	if (f.local) {
		r->type = RTN_LOCAL;
		/* Until a rule is added, Linux has IPv4's tables local and main in one. */
		if (!ip_is_v4(&f.daddr) || net->route.policy)
			r->table = f.table ? f.table : RT_TABLE_LOCAL;
	}
	w.e.ifindex = f.dev->ifindex;
	return emit(arg, put_way, &w);
}
