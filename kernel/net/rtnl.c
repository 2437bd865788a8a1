/* SPDX-License-Identifier: MIT */
/*
 * rtnl.c: what rtnetlink(7) says and changes: links, addresses, routes. ip(8) and glibc's getifaddrs() and getaddrinfo() ask here.
 *
 * Lists are copied under net->lock, a bounded number of entries at a time, and told without it. Attributes of requests are the program's:
 * each is checked against what is left of its message.
 */
#include <asm/errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/in_route.h>
#include <linux/rtnetlink.h>

#include "arch/um/arch.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/link.h"
#include "kernel/net/rtnl.h"
#include "kernel/net/socket.h"

#define OPER_DOWN 2
#define OPER_UP 6

/* ---- building ---- */

void *nl_begin(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 type, u16 flags, u32 body)
{
	struct nlmsghdr *h = (void *)(b->buf + b->len);

	b->msg = b->len;
	memset(h, 0, NLMSG_SPACE(body));
	h->nlmsg_type = type;
	h->nlmsg_flags = flags;
	h->nlmsg_seq = req->nlmsg_seq;
	h->nlmsg_pid = portid;
	b->len += NLMSG_SPACE(body);
	return NLMSG_DATA(h);
}

void nl_attr(struct nl_builder *b, u16 type, const void *data, u32 n)
{
	struct rtattr *a = (void *)(b->buf + b->len);

	memset(a, 0, RTA_SPACE(n));
	a->rta_type = type;
	a->rta_len = (u16)RTA_LENGTH(n);
	memcpy(RTA_DATA(a), data, n);
	b->len += RTA_SPACE(n);
}

void nl_attr_u32(struct nl_builder *b, u16 type, u32 v)
{
	nl_attr(b, type, &v, sizeof(v));
}

u32 nl_nest(struct nl_builder *b, u16 type)
{
	u32 at = b->len;

	nl_attr(b, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void nl_nest_end(struct nl_builder *b, u32 at)
{
	((struct rtattr *)(b->buf + at))->rta_len = (u16)(b->len - at);
}

void nl_end(struct nl_builder *b)
{
	((struct nlmsghdr *)(b->buf + b->msg))->nlmsg_len = b->len - b->msg;
}

static void nl_attr_addr(struct nl_builder *b, u16 type, const ip_addr *a)
{
	if (ip_is_v4(a))
		nl_attr(b, type, &a->w[3], 4);
	else
		nl_attr(b, type, a, 16);
}

/* Of devices that programs make. */
static void put_link_info(struct nl_builder *b, const struct net_device *d)
{
	const char *kind = link_kind(d);
	const struct net_device *peer = link_peer(d);
	struct {
		struct rtattr a;
		char kind[IFNAMSIZ];
	} info = { .a = { .rta_type = IFLA_INFO_KIND } };

	if (peer)
		nl_attr_u32(b, IFLA_LINK, (u32)peer->ifindex);
	if (!kind)
		return;
	strscpy(info.kind, kind, sizeof(info.kind));
	info.a.rta_len = (u16)(sizeof(info.a) + strlen(kind) + 1);
	nl_attr(b, IFLA_LINKINFO, &info, RTA_ALIGN((u32)info.a.rta_len));
}

static void put_link(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	static const u8 zero[ETH_ALEN], ones[ETH_ALEN] = { 255, 255, 255, 255, 255, 255 };
	const struct net_device *d = what;
	struct ifinfomsg *i = nl_begin(b, req, portid, RTM_NEWLINK, flags, sizeof(*i));
	const struct netdev_stats *st = &d->stats;
	struct rtnl_link_stats64 s = {
		.rx_packets = st->rx_packets,
		.tx_packets = st->tx_packets,
		.rx_bytes = st->rx_bytes,
		.tx_bytes = st->tx_bytes,
		.rx_errors = st->rx_errors,
		.tx_errors = st->tx_errors,
		.rx_dropped = st->rx_dropped,
		.tx_dropped = st->tx_dropped,
	};
	bool lo = d->flags & IFF_LOOPBACK;
	u8 oper = !(d->flags & IFF_RUNNING) ? OPER_DOWN : lo ? 0 : OPER_UP;

	i->ifi_type = d->type;
	i->ifi_index = d->ifindex;
	i->ifi_flags = d->flags;
	nl_attr(b, IFLA_IFNAME, d->name, (u32)strlen(d->name) + 1);
	nl_attr_u32(b, IFLA_TXQLEN, d->txqlen);
	nl_attr(b, IFLA_OPERSTATE, &oper, 1);
	nl_attr(b, IFLA_LINKMODE, &(u8){ 0 }, 1);
	nl_attr_u32(b, IFLA_MTU, d->mtu);
	nl_attr_u32(b, IFLA_GROUP, 0);
	nl_attr(b, IFLA_QDISC, d->ops->qdisc, (u32)strlen(d->ops->qdisc) + 1);
	nl_attr(b, IFLA_CARRIER, &(u8){ d->carrier }, 1);
	nl_attr_u32(b, IFLA_MIN_MTU, 68);
	nl_attr_u32(b, IFLA_MAX_MTU, d->ops->max_mtu);
	nl_attr(b, IFLA_ADDRESS, d->addr, ETH_ALEN);
	nl_attr(b, IFLA_BROADCAST, lo ? zero : ones, ETH_ALEN);
	nl_attr(b, IFLA_STATS64, &s, sizeof(s));
	put_link_info(b, d);
	nl_end(b);
}

/* An address, with what of its device it needs. */
struct addr_entry {
	struct ifaddr a;
	int ifindex;
};

static void put_addr(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	const struct addr_entry *e = what;
	const struct ifaddr *a = &e->a;
	struct ifaddrmsg *m = nl_begin(b, req, portid, RTM_NEWADDR, flags, sizeof(*m));
	bool v4 = ip_is_v4(&a->addr), ends = a->expires && a->expires != ~0UL;
	u32 left = ends ? (u32)((a->expires - min(a->expires, ktime_get())) / NSEC_PER_SEC) : ~0U;
	struct ifa_cacheinfo life = { .ifa_prefered = left, .ifa_valid = left };

	m->ifa_family = v4 ? AF_INET : AF_INET6;
	m->ifa_prefixlen = a->prefix;
	m->ifa_flags = a->flags | (ends ? 0U : IFA_F_PERMANENT);
	m->ifa_scope = a->scope;
	m->ifa_index = (u32)e->ifindex;
	nl_attr_addr(b, IFA_ADDRESS, &a->peer);
	if (v4) {
		nl_attr_addr(b, IFA_LOCAL, &a->addr);
		if (!ip_is_any(&a->broadcast))
			nl_attr_addr(b, IFA_BROADCAST, &a->broadcast);
		nl_attr(b, IFA_LABEL, a->label, (u32)strlen(a->label) + 1);
	}
	nl_attr_u32(b, IFA_FLAGS, m->ifa_flags);
	nl_attr(b, IFA_CACHEINFO, &life, sizeof(life));
	nl_end(b);
}

struct route_entry {
	struct route r;
	int ifindex;
};

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
	nl_attr_u32(b, RTA_TABLE, r->table);
	if (m->rtm_dst_len)
		nl_attr_addr(b, RTA_DST, &r->dst);
	if (r->metric)
		nl_attr_u32(b, RTA_PRIORITY, r->metric);
	if (!ip_is_any(&r->prefsrc))
		nl_attr_addr(b, RTA_PREFSRC, &r->prefsrc);
	if (!ip_is_any(&r->gateway))
		nl_attr_addr(b, RTA_GATEWAY, &r->gateway);
	nl_attr_u32(b, RTA_OIF, (u32)e->ifindex);
	nl_end(b);
}

/*
 * The answer to `ip route get`: a route made for one packet. As in Linux, an IPv4 one says that it is such a clone (without that iproute2
 * shows an origin and a scope, which it has not).
 */
static void put_way(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	const struct rta_cacheinfo info = { .rta_clntref = 1 };
	const struct route_entry *e = what;
	struct rtmsg *m;

	put_route(b, req, portid, flags, what);
	if (!ip_is_v4(&e->r.dst))
		return;
	m = NLMSG_DATA((struct nlmsghdr *)(b->buf + b->msg));
	m->rtm_flags = RTM_F_CLONED | (e->r.type == RTN_LOCAL ? RTCF_LOCAL : 0U);
	nl_attr_u32(b, RTA_UID, 0);
	nl_attr(b, RTA_CACHEINFO, &info, sizeof(info));
	nl_end(b);
}

/* ---- requests ---- */

const void *nl_find(const struct nlmsghdr *req, u32 fixed, u16 type, u32 min, u32 *len)
{
	u32 at = NLMSG_SPACE(fixed);

	while (at + sizeof(struct rtattr) <= req->nlmsg_len) {
		const struct rtattr *a = (const void *)((const u8 *)req + at);

		if (a->rta_len < sizeof(*a) || a->rta_len > req->nlmsg_len - at)
			return NULL;
		if ((a->rta_type & 0x3fff) == type && a->rta_len - sizeof(*a) >= min) {
			if (len)
				*len = a->rta_len - (u32)sizeof(*a);
			return RTA_DATA(a);
		}
		at += RTA_ALIGN((u32)a->rta_len);
	}
	return NULL;
}

bool rtnl_attr_addr(const struct nlmsghdr *req, u32 fixed, u16 type, u8 family, ip_addr *out)
{
	u32 size = family == AF_INET ? 4 : 16;
	const void *p = nl_find(req, fixed, type, size, NULL);
	u32 v4;

	if (!p)
		return false;
	if (family == AF_INET) {
		memcpy(&v4, p, 4);
		*out = ip_v4(v4);
	} else {
		memcpy(out, p, 16);
	}
	return true;
}

/* The device that a link request means, by number or by name. */
static struct net_device *link_of(struct net *net, const struct nlmsghdr *req, int *err)
{
	const struct ifinfomsg *i = NLMSG_DATA(req);
	char name[IFNAMSIZ] = { 0 };
	struct net_device *d = NULL;
	const void *p;
	u32 n;

	p = nl_find(req, sizeof(*i), IFLA_IFNAME, 1, &n);
	*err = -EINVAL;
	if (!i->ifi_index && !p)
		return NULL;
	if (p)
		memcpy(name, p, min(n, (u32)sizeof(name) - 1));
	spin_lock(&net->lock);
	d = i->ifi_index ? netdev_by_index(net, i->ifi_index) : netdev_by_name(net, name);
	spin_unlock(&net->lock);
	*err = d ? 0 : -ENODEV;
	return d;
}

/* ---- asking ---- */

static int dump_links(struct net *net, rtnl_emit_fn emit, void *arg)
{
	struct net_device *d, copy;
	int err = 0, index = 0;

	for (;;) {
		bool found = false;

		spin_lock(&net->lock);
		list_for_each_entry(d, &net->devices, list) {
			if (!found && d->ifindex > index) {
				copy = *d;
				found = true;
			}
		}
		spin_unlock(&net->lock);
		if (!found || err)
			return err;
		index = copy.ifindex;
		err = emit(arg, put_link, &copy);
	}
}

/* How long a list is, and some more: it may grow until it is copied. */
static u32 room_for(struct net *net, const struct list_head *list)
{
	const struct list_head *p;
	u32 n = 16;

	spin_lock(&net->lock);
	list_for_each(p, list)
		n++;
	spin_unlock(&net->lock);
	return n;
}

static int dump_addrs(struct net *net, u8 family, rtnl_emit_fn emit, void *arg)
{
	u32 room = room_for(net, &net->addrs), n = 0;
	struct addr_entry *all = kcalloc(room, sizeof(*all), GFP_KERNEL);
	struct ifaddr *a;
	int err = 0;

	if (!all)
		return -ENOMEM;
	spin_lock(&net->lock);
	list_for_each_entry(a, &net->addrs, list)
		if (n < room && (!family || (family == AF_INET) == ip_is_v4(&a->addr)))
			all[n++] = (struct addr_entry){ *a, a->dev->ifindex };
	spin_unlock(&net->lock);
	for (u32 i = 0; i < n && !err; i++)
		err = emit(arg, put_addr, &all[i]);
	kfree(all);
	return err;
}

static int dump_routes(struct net *net, u8 family, rtnl_emit_fn emit, void *arg)
{
	u32 room = room_for(net, &net->routes), n = 0;
	struct route_entry *all = kcalloc(room, sizeof(*all), GFP_KERNEL);
	struct route *r;
	int err = 0;

	if (!all)
		return -ENOMEM;
	spin_lock(&net->lock);
	list_for_each_entry(r, &net->routes, list)
		if (n < room && (!family || (family == AF_INET) == ip_is_v4(&r->dst)))
			all[n++] = (struct route_entry){ *r, r->dev->ifindex };
	spin_unlock(&net->lock);
	for (u32 i = 0; i < n && !err; i++)
		err = emit(arg, put_route, &all[i]);
	kfree(all);
	return err;
}

static u8 family_of(const struct nlmsghdr *req)
{
	return req->nlmsg_len > NLMSG_HDRLEN ? *(const u8 *)NLMSG_DATA(req) : 0;
}

int rtnl_dump(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg)
{
	switch (req->nlmsg_type) {
	case RTM_GETLINK: return dump_links(net, emit, arg);
	case RTM_GETADDR: return dump_addrs(net, family_of(req), emit, arg);
	case RTM_GETROUTE: return dump_routes(net, family_of(req), emit, arg);
	case RTM_GETNEIGH: return rtnl_dump_neigh(net, req, emit, arg);
	case RTM_GETRULE: return rules_dump(net, family_of(req), emit, arg);
	case RTM_GETQDISC: return 0; /* there are none */
	}
	return -EOPNOTSUPP;
}

/* ip route get: the way to one address. */
static int get_route(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg)
{
	const struct rtmsg *m = NLMSG_DATA(req);
	struct route_entry e = { .r = { .table = RT_TABLE_MAIN, .type = RTN_UNICAST } };
	struct flow f = { 0 };
	int err;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return -EINVAL;
	if (!rtnl_attr_addr(req, sizeof(*m), RTA_DST, m->rtm_family, &f.daddr))
		return -EINVAL;
	err = route_output(net, &f);
	if (err)
		return err;
	e.r.dst = f.daddr;
	e.r.prefix = 128;
	e.r.prefsrc = f.saddr;
	if (!ip_equal(&f.next_hop, &f.daddr))
		e.r.gateway = f.next_hop;
	if (f.local) {
		e.r.type = RTN_LOCAL;
		if (!ip_is_v4(&f.daddr)) /* Linux looks both IPv4 tables up in one */
			e.r.table = RT_TABLE_LOCAL;
	}
	e.ifindex = f.dev->ifindex;
	return emit(arg, put_way, &e);
}

int rtnl_get(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg)
{
	struct net_device *d;
	int err;

	switch (req->nlmsg_type) {
	case RTM_GETLINK:
		if (req->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
			return -EINVAL;
		d = link_of(net, req, &err);
		return d ? emit(arg, put_link, d) : err;
	case RTM_GETROUTE: return get_route(net, req, emit, arg);
	case RTM_GETNEIGH: return rtnl_get_neigh(net, req, emit, arg);
	}
	return -EOPNOTSUPP;
}

/* ---- changing ---- */

static int set_link(struct net *net, const struct nlmsghdr *req)
{
	const struct ifinfomsg *i = NLMSG_DATA(req);
	const u32 *mtu;
	const char *name;
	const u8 *mac;
	struct net_device *d;
	u32 change, n;
	int err;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*i)))
		return -EINVAL;
	d = link_of(net, req, &err);
	if (!d)
		return req->nlmsg_type == RTM_SETLINK  ? err :
		       req->nlmsg_flags & NLM_F_CREATE ? link_create(net, req) :
							 -ENODEV;
	if (req->nlmsg_flags & NLM_F_CREATE && req->nlmsg_flags & NLM_F_EXCL)
		return -EEXIST;
	change = i->ifi_change ? i->ifi_change : i->ifi_flags;
	change &= ~(u32)NETDEV_KERNELS_FLAGS;
	if (change & ~(u32)NETDEV_USERS_FLAGS)
		return -EOPNOTSUPP;
	mtu = nl_find(req, sizeof(*i), IFLA_MTU, sizeof(*mtu), NULL);
	err = mtu ? netdev_set_mtu(d, *mtu) : 0;
	mac = nl_find(req, sizeof(*i), IFLA_ADDRESS, ETH_ALEN, NULL);
	if (!err && mac)
		err = netdev_set_address(d, mac);
	name = nl_find(req, sizeof(*i), IFLA_IFNAME, 1, &n);
	if (!err && name && i->ifi_index && strnlen(name, n) < n)
		err = link_rename(net, i->ifi_index, name);
	if (!err)
		err = netdev_change_flags(d, i->ifi_flags, change);
	if (!err)
		err = link_move(net, d->ifindex,
			nl_find(req, sizeof(*i), IFLA_NET_NS_PID, sizeof(u32), NULL),
			nl_find(req, sizeof(*i), IFLA_NET_NS_FD, sizeof(u32), NULL));
	return err;
}

static int del_link(struct net *net, const struct nlmsghdr *req)
{
	struct net_device *d;
	int err;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return -EINVAL;
	d = link_of(net, req, &err);
	return d ? link_delete(net, d->ifindex) : err;
}

static int change_addr(struct net *net, const struct nlmsghdr *req)
{
	const struct ifaddrmsg *m = NLMSG_DATA(req);
	struct ifaddr a = { 0 };
	struct net_device *d;
	bool has_local, has_addr;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) ||
		(m->ifa_family != AF_INET && m->ifa_family != AF_INET6))
		return -EINVAL;
	has_addr = rtnl_attr_addr(req, sizeof(*m), IFA_ADDRESS, m->ifa_family, &a.peer);
	has_local = rtnl_attr_addr(req, sizeof(*m), IFA_LOCAL, m->ifa_family, &a.addr);
	if (!has_addr && !has_local)
		return -EINVAL;
	if (!has_local)
		a.addr = a.peer;
	rtnl_attr_addr(req, sizeof(*m), IFA_BROADCAST, m->ifa_family, &a.broadcast);
	a.prefix = m->ifa_prefixlen;
	a.scope = m->ifa_scope;
	spin_lock(&net->lock);
	d = netdev_by_index(net, (int)m->ifa_index);
	spin_unlock(&net->lock);
	if (!d)
		return -ENODEV;
	strscpy(a.label, d->name, sizeof(a.label));
	return req->nlmsg_type == RTM_NEWADDR ? addr_add(d, &a) : addr_del(d, &a.addr, a.prefix);
}

static int change_route(struct net *net, const struct nlmsghdr *req)
{
	const struct rtmsg *m = NLMSG_DATA(req);
	struct route r = { 0 };
	const u32 *n;
	struct flow f = { 0 };

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) ||
		(m->rtm_family != AF_INET && m->rtm_family != AF_INET6))
		return -EINVAL;
	if (m->rtm_dst_len > (m->rtm_family == AF_INET ? 32 : 128))
		return -EINVAL;
	if (!rtnl_attr_addr(req, sizeof(*m), RTA_DST, m->rtm_family, &r.dst))
		r.dst = m->rtm_family == AF_INET ? ip_v4(0) : IP_ANY;
	rtnl_attr_addr(req, sizeof(*m), RTA_GATEWAY, m->rtm_family, &r.gateway);
	rtnl_attr_addr(req, sizeof(*m), RTA_PREFSRC, m->rtm_family, &r.prefsrc);
	r.prefix = (u8)(m->rtm_dst_len + (m->rtm_family == AF_INET ? 96 : 0));
	n = nl_find(req, sizeof(*m), RTA_TABLE, sizeof(*n), NULL);
	r.table = n ? *n : m->rtm_table;
	if (!r.table)
		r.table = RT_TABLE_MAIN;
	r.protocol = m->rtm_protocol;
	r.scope = m->rtm_scope;
	r.type = m->rtm_type ? m->rtm_type : RTN_UNICAST;
	n = nl_find(req, sizeof(*m), RTA_PRIORITY, sizeof(*n), NULL);
	r.metric = n ? *n : 0;
	n = nl_find(req, sizeof(*m), RTA_OIF, sizeof(*n), NULL);
	spin_lock(&net->lock);
	r.dev = n ? netdev_by_index(net, (int)*n) : NULL;
	spin_unlock(&net->lock);
	if (n && !r.dev)
		return -ENODEV;
	if (req->nlmsg_type == RTM_DELROUTE)
		return route_del(net, &r);
	if (r.type != RTN_UNICAST)
		return -EOPNOTSUPP;
	if (!r.dev && !ip_is_any(&r.gateway)) { /* the gateway's device */
		f.daddr = r.gateway;
		if (route_output(net, &f))
			return -ENETUNREACH;
		r.dev = f.dev;
	}
	return r.dev ? route_add(net, &r) : -ENODEV;
}

int rtnl_change(struct net *net, const struct nlmsghdr *req)
{
	switch (req->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_SETLINK: return set_link(net, req);
	case RTM_DELLINK: return del_link(net, req);
	case RTM_NEWADDR:
	case RTM_DELADDR: return change_addr(net, req);
	case RTM_NEWROUTE:
	case RTM_DELROUTE: return change_route(net, req);
	case RTM_NEWRULE:
	case RTM_DELRULE: return rules_change(net, req);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH: return rtnl_change_neigh(net, req);
	}
	return -EOPNOTSUPP;
}
