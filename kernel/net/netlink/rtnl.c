/* SPDX-License-Identifier: MIT */
/*
 * rtnl.c: rtnetlink(7): serves the requests about addresses, and dispatches others: those about
 * devices to rtnl_link.c, routes to rtnl_route.c, neighbours to rtnl_neigh.c, rules to rules.c.
 * ip(8) and glibc's getifaddrs() and getaddrinfo() send them. Listeners are notified of changes
 * (RTNLGRP_*; ip monitor).
 *
 * Lists are copied under net->lock, each as a whole (rtnl_room_for()), and put into messages
 * without it. Attributes of requests come from the program: each is checked against the rest of its
 * message.
 */
#include <asm/errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/netlink/bridge_rtnl.h"
#include "kernel/net/link/link.h"
#include "kernel/net/neigh/neigh.h"
#include "kernel/net/netlink/netlink.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/net/socket/socket.h"

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

	if (unlikely(n > sizeof(b->buf) || RTA_SPACE(n) > sizeof(b->buf) - b->len))
		return;
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

u32 nl_nest_plain(struct nl_builder *b, u16 type)
{
	u32 at = b->len;

	nl_attr(b, type, NULL, 0);
	return at;
}

u32 nl_nest(struct nl_builder *b, u16 type)
{
	u32 at = b->len;

	nl_attr(b, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void nl_nest_end(struct nl_builder *b, u32 at)
{
	if (likely(b->len > at))
		((struct rtattr *)(b->buf + at))->rta_len = (u16)(b->len - at);
}

void nl_end(struct nl_builder *b)
{
	((struct nlmsghdr *)(b->buf + b->msg))->nlmsg_len = b->len - b->msg;
}

void nl_attr_addr(struct nl_builder *b, u16 type, const ip_addr *a)
{
	if (ip_is_v4(a))
		nl_attr(b, type, &a->w[3], 4);
	else
		nl_attr(b, type, a, 16);
}

/* An address, with the part of its device that a message needs. */
struct addr_entry {
	struct ifaddr a;
	int ifindex;
};

/* Returns the seconds until @then (ktime_get()), rounded up; 0: it has passed. */
static u32 seconds_to(u64 then)
{
	u64 now = ktime_get();

	return then > now ? (u32)((then - now + NSEC_PER_SEC - 1) / NSEC_PER_SEC) : 0;
}

/*
 * Returns the seconds for which the address stays preferred. A permanent IPv4 address is shown as
 * preferred for ever.
 */
static u32 seconds_preferred(const struct ifaddr *a, bool ends)
{
	if (ip_is_v4(&a->addr) && !ends)
		return ~0U;
	if (a->preferred_until)
		return seconds_to(a->preferred_until);
	return a->flags & IFA_F_DEPRECATED ? 0 : ~0U;
}

static void put_addr(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	const struct addr_entry *e = what;
	const struct ifaddr *a = &e->a;
	struct ifaddrmsg *m = nl_begin(b, req, portid, RTM_NEWADDR, flags, sizeof(*m));
	bool v4 = ip_is_v4(&a->addr), ends = a->expires && a->expires != ~0UL;
	struct ifa_cacheinfo life = { .ifa_prefered = seconds_preferred(a, ends),
		.ifa_valid = ends ? seconds_to(a->expires) : ~0U };

	m->ifa_family = v4 ? AF_INET : AF_INET6;
	m->ifa_prefixlen = a->prefix;
	m->ifa_flags = (u8)(a->flags | (ends ? 0U : IFA_F_PERMANENT));
	m->ifa_scope = a->scope;
	m->ifa_index = (u32)e->ifindex;
	nl_attr_addr(b, IFA_ADDRESS, &a->peer);
	if (v4) {
		nl_attr_addr(b, IFA_LOCAL, &a->addr);
		if (!ip_is_any(&a->broadcast))
			nl_attr_addr(b, IFA_BROADCAST, &a->broadcast);
		if (a->label[0])
			nl_attr(b, IFA_LABEL, a->label, (u32)strlen(a->label) + 1);
	}
	nl_attr_u32(b, IFA_FLAGS, a->flags | (ends ? 0U : IFA_F_PERMANENT));
	if (a->metric)
		nl_attr_u32(b, IFA_RT_PRIORITY, a->metric);
	nl_attr(b, IFA_CACHEINFO, &life, sizeof(life));
	nl_end(b);
}

void rtnl_notify(struct net *net, u32 group, rtnl_put_fn put, const void *what)
{
	static const struct nlmsghdr none;
	struct nl_builder *b;

	if (!nl_has_listeners(net, NETLINK_ROUTE, group))
		return;
	b = kzalloc(sizeof(*b), GFP_ATOMIC);
	if (!b) {
		nl_broadcast_lost(net, NETLINK_ROUTE, group);
		return;
	}
	put(b, &none, 0, 0, what);
	if (b->len)
		nl_broadcast(net, NETLINK_ROUTE, group, b->buf, b->len);
	kfree(b);
}

static void put_addr_gone(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	put_addr(b, req, portid, flags, what);
	((struct nlmsghdr *)b->buf)->nlmsg_type = RTM_DELADDR;
}

void rtnl_notify_addr(struct net *net, const struct ifaddr *a, u16 type)
{
	struct addr_entry e = { *a, a->dev->ifindex };

	rtnl_notify(net, ip_is_v4(&a->addr) ? RTNLGRP_IPV4_IFADDR : RTNLGRP_IPV6_IFADDR,
		type == RTM_NEWADDR ? put_addr : put_addr_gone, &e);
}

/* ---- requests ---- */

const void *nl_nested(const void *p, u32 len, u16 type, u32 min, u32 *got)
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

/* ---- GET requests ---- */

u32 rtnl_room_for(struct net *net, const struct list_head *list)
{
	const struct list_head *p;
	u32 n = 16;

	spin_lock(&net->lock);
	list_for_each(p, list)
		n++;
	spin_unlock(&net->lock);
	return n;
}

static u8 family_of(const struct nlmsghdr *req)
{
	return req->nlmsg_len > NLMSG_HDRLEN ? *(const u8 *)NLMSG_DATA(req) : 0;
}

/* Serves RTM_GETADDR with NLM_F_DUMP. */
static int dump_addrs(struct net *net, const struct nlmsghdr *req, struct rtnl_dump *d,
	rtnl_emit_fn emit, void *arg)
{
	u32 room = rtnl_room_for(net, &net->addr.list), n = 0;
	struct addr_entry *all = kcalloc(room, sizeof(*all), GFP_KERNEL);
	u8 family = family_of(req);
	int err = 0, ifindex = 0;
	struct ifaddr *a;

	if (family != AF_INET && family != AF_INET6)
		family = 0;
	if (d->strict)
		ifindex = (int)((const struct ifaddrmsg *)NLMSG_DATA(req))->ifa_index;
	if (ifindex) {
		d->each = d->done = NLM_F_DUMP_FILTERED;
		if (!netdev_find_index(net, ifindex))
			err = -ENODEV;
	}
	if (!all)
		return -ENOMEM;
	spin_lock(&net->lock);
	list_for_each_entry(a, &net->addr.list, list)
		if (n < room && (!family || (family == AF_INET) == ip_is_v4(&a->addr)) &&
			(!ifindex || a->dev->ifindex == ifindex))
			all[n++] = (struct addr_entry){ *a, a->dev->ifindex };
	spin_unlock(&net->lock);
	for (u32 i = 0; i < n && !err; i++)
		err = emit(arg, put_addr, &all[i]);
	kfree(all);
	return err;
}

/* Answers with one IPv6 address; IPv4 has no such request. */
static int get_addr(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg)
{
	const struct ifaddrmsg *m = NLMSG_DATA(req);
	struct addr_entry e = { 0 };
	const struct ifaddr *a;
	ip_addr addr;

	if (family_of(req) != AF_INET6)
		return -EOPNOTSUPP;
	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) ||
		(!rtnl_attr_addr(req, sizeof(*m), IFA_LOCAL, AF_INET6, &addr) &&
			!rtnl_attr_addr(req, sizeof(*m), IFA_ADDRESS, AF_INET6, &addr)))
		return -EINVAL;
	spin_lock(&net->lock);
	list_for_each_entry(a, &net->addr.list, list)
		if (!e.ifindex && ip_equal(&a->addr, &addr) &&
			(!m->ifa_index || a->dev->ifindex == (int)m->ifa_index))
			e = (struct addr_entry){ *a, a->dev->ifindex };
	spin_unlock(&net->lock);
	return e.ifindex ? emit(arg, put_addr, &e) : -EADDRNOTAVAIL;
}

int rtnl_dump(struct net *net, const struct nlmsghdr *req, struct rtnl_dump *d, rtnl_emit_fn emit,
	void *arg)
{
	int err = d->strict ? rtnl_check_dump(req) : 0;

	if (err)
		return err;
	switch (req->nlmsg_type) {
	case RTM_GETLINK:
		if (family_of(req) == AF_BRIDGE)
			return br_dump_ports(net, req, emit, arg);
		return rtnl_dump_links(net, req, d, emit, arg);
	case RTM_GETADDR: return dump_addrs(net, req, d, emit, arg);
	case RTM_GETROUTE: return rtnl_dump_routes(net, req, d, emit, arg);
	case RTM_GETNEIGH:
		if (family_of(req) == AF_BRIDGE)
			return br_dump_fdb(net, req, emit, arg);
		return rtnl_dump_neigh(net, req, d, emit, arg);
	case RTM_GETMDB:
		return family_of(req) == AF_BRIDGE ? br_dump_mdb(net, req, emit, arg) : -EOPNOTSUPP;
	case RTM_GETRULE: return rules_dump(net, family_of(req), emit, arg);
	case RTM_GETNSID: return nsid_dump(net, emit, arg);
	case RTM_GETSTATS: return rtnl_dump_stats(net, req, d, emit, arg);
	case RTM_GETNETCONF: return rtnl_dump_netconf(net, req, d, emit, arg);
	case RTM_GETQDISC: return rtnl_dump_qdiscs(net, req, emit, arg);
	case RTM_GETTCLASS: return rtnl_dump_classes(net, req, emit, arg);
	}
	return -EOPNOTSUPP;
}

int rtnl_get(struct net *net, const struct nlmsghdr *req, bool strict, rtnl_emit_fn emit, void *arg)
{
	int err = strict ? rtnl_check_get(req) : 0;

	if (err)
		return err;
	switch (req->nlmsg_type) {
	case RTM_GETLINK: return rtnl_get_link(net, req, emit, arg);
	case RTM_GETADDR: return get_addr(net, req, emit, arg);
	case RTM_GETSTATS: return rtnl_get_stats(net, req, strict, emit, arg);
	case RTM_GETNSID: return nsid_ask(net, req, emit, arg);
	case RTM_GETROUTE: return rtnl_get_route(net, req, emit, arg);
	case RTM_GETNETCONF: return rtnl_get_netconf(net, req, emit, arg);
	case RTM_GETQDISC:
	case RTM_GETTCLASS: return rtnl_get_qdisc(net, req, emit, arg);
	case RTM_GETNEIGH:
		if (family_of(req) == AF_BRIDGE)
			return br_get_fdb(net, req, emit, arg);
		return rtnl_get_neigh(net, req, emit, arg);
	}
	return -EOPNOTSUPP;
}

/* ---- NEW and DEL requests ---- */

/*
 * Flags that programs may set. Addresses that programs add have no duplicate address detection,
 * with or without IFA_F_NODAD. An IPv6 address with this flag is not announced either (new_addr()).
 */
#define ADDR_FLAGS_OF(v4) (IFA_F_NOPREFIXROUTE | ((v4) ? 0U : (u32)IFA_F_NODAD))

/* Reads the flags, metric and lifetimes of an address from @req. Returns 0 or -EINVAL. */
static int addr_details(const struct nlmsghdr *req, struct ifaddr *a)
{
	const struct ifaddrmsg *m = NLMSG_DATA(req);
	const struct ifa_cacheinfo *life =
		nl_find(req, sizeof(*m), IFA_CACHEINFO, sizeof(*life), NULL);
	const u32 *flags = nl_find(req, sizeof(*m), IFA_FLAGS, sizeof(*flags), NULL);
	const u32 *metric = nl_find(req, sizeof(*m), IFA_RT_PRIORITY, sizeof(*metric), NULL);

	a->metric = metric ? *metric : 0;
	a->flags = (u16)((flags ? *flags : m->ifa_flags) & ADDR_FLAGS_OF(m->ifa_family == AF_INET));
	return life ? addr_set_lifetimes(a, life->ifa_valid, life->ifa_prefered) : 0;
}

/* Returns the reason why a change failed with @err: the entry exists already, or does not exist. */
static const char *why_not(int err, u16 type, bool v4)
{
	switch (err) {
	case -EEXIST:
		return v4 ? "ipv4: Address already assigned" : "ipv6: address already assigned";
	case -EADDRNOTAVAIL:
		if (type == RTM_DELADDR)
			return v4 ? "ipv4: Address not found" : "ipv6: address not found";
	}
	return NULL;
}

static int new_addr(
	struct net_device *d, const struct nlmsghdr *req, struct ifaddr *a, const char **why)
{
	bool replaces = (req->nlmsg_flags & (NLM_F_REPLACE | NLM_F_EXCL)) == NLM_F_REPLACE,
	     v4 = ip_is_v4(&a->addr);
	int err;

	if (!v4 && ip_is_multicast(&a->addr))
		*why = "ipv6: Cannot assign multicast address without \"IFA_F_MCAUTOJOIN\" flag";
	err = addr_add(d, a);
	if (err == -EEXIST && replaces)
		return addr_replace(d, a);
	if (!err && !v4 && !(a->flags & IFA_F_NODAD)) {
		ndisc_added(d, &a->addr);
		net_rx_flush();
	}
	if (err && !*why)
		*why = why_not(err, RTM_NEWADDR, v4);
	return err;
}

/*
 * Copies the label of an IPv4 address from @req to @label. Returns 1, 0 if there is none, or
 * -ERANGE if it is empty or too long.
 */
static int label_of(const struct nlmsghdr *req, char label[IFNAMSIZ])
{
	u32 len;
	const char *p = nl_find(req, sizeof(struct ifaddrmsg), IFA_LABEL, 0, &len);

	if (!p)
		return 0;
	if (!len)
		return -ERANGE;
	len -= !p[len - 1];
	if (len >= IFNAMSIZ)
		return -ERANGE;
	memcpy(label, p, len);
	label[len] = 0;
	return 1;
}

/*
 * Serves RTM_DELADDR. @a: the address of @req. @labelled: the address must have its label.
 */
static int gone_addr(
	struct net_device *d, const struct nlmsghdr *req, const struct ifaddr *a, bool labelled)
{
	const struct ifaddrmsg *m = NLMSG_DATA(req);
	struct addr4_match which = { .label = labelled ? a->label : NULL, .prefix = a->prefix };

	if (m->ifa_family != AF_INET)
		return addr_del(d, &a->addr, a->prefix);
	if (nl_find(req, sizeof(*m), IFA_LOCAL, 4, NULL))
		which.local = &a->addr;
	if (nl_find(req, sizeof(*m), IFA_ADDRESS, 4, NULL))
		which.peer = &a->peer;
	return addr4_del(d, &which);
}

/* Serves RTM_NEWADDR and RTM_DELADDR, as rtnl_change() does. */
static int change_addr(struct net *net, const struct nlmsghdr *req, const char **why)
{
	const struct ifaddrmsg *m = NLMSG_DATA(req);
	struct ifaddr a = { 0 };
	struct net_device *d;
	bool has_local, has_addr, v4;
	int err, labelled;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) ||
		(m->ifa_family != AF_INET && m->ifa_family != AF_INET6))
		return -EINVAL;
	v4 = m->ifa_family == AF_INET;
	labelled = v4 ? label_of(req, a.label) : 0;
	if (labelled < 0)
		return labelled;
	has_addr = rtnl_attr_addr(req, sizeof(*m), IFA_ADDRESS, m->ifa_family, &a.peer);
	has_local = rtnl_attr_addr(req, sizeof(*m), IFA_LOCAL, m->ifa_family, &a.addr);
	if (!has_addr && !has_local && !(v4 && req->nlmsg_type == RTM_DELADDR))
		return -EINVAL;
	if (!has_local)
		a.addr = a.peer;
	rtnl_attr_addr(req, sizeof(*m), IFA_BROADCAST, m->ifa_family, &a.broadcast);
	a.prefix = m->ifa_prefixlen;
	a.scope = m->ifa_scope;
	if (req->nlmsg_type == RTM_NEWADDR && a.prefix > (v4 ? 32 : 128)) {
		*why = v4 ? "ipv4: Invalid prefix length" : "ipv6: Invalid prefix length";
		return -EINVAL;
	}
	err = req->nlmsg_type == RTM_NEWADDR ? addr_details(req, &a) : 0;
	if (err) {
		*why = v4 ? "ipv4: address lifetime invalid" : "ipv6: address lifetime invalid";
		return err;
	}
	d = netdev_find_index(net, (int)m->ifa_index);
	if (!d) {
		*why = v4 ? "ipv4: Device not found" : "ipv6: Unable to find the interface";
		return -ENODEV;
	}
	if (!labelled)
		strscpy(a.label, d->name, sizeof(a.label));
	if (req->nlmsg_type == RTM_NEWADDR)
		return new_addr(d, req, &a, why);
	err = gone_addr(d, req, &a, labelled);
	*why = why_not(err, RTM_DELADDR, v4);
	return err;
}

int rtnl_change(struct net *net, const struct nlmsghdr *req, const char **why)
{
	switch (req->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_SETLINK:
	case RTM_NEWLINKPROP:
	case RTM_DELLINKPROP:
	case RTM_DELLINK:
		if (family_of(req) == AF_BRIDGE)
			return br_change_links(net, req);
		return rtnl_change_link(net, req, why);
	case RTM_NEWNSID: return nsid_set(net, req);
	case RTM_NEWADDR:
	case RTM_DELADDR: return change_addr(net, req, why);
	case RTM_NEWROUTE:
	case RTM_DELROUTE: return rtnl_change_route(net, req, why);
	case RTM_NEWRULE:
	case RTM_DELRULE: return rules_change(net, req);
	case RTM_NEWQDISC:
	case RTM_DELQDISC:
	case RTM_NEWTCLASS:
	case RTM_DELTCLASS: return rtnl_change_qdisc(net, req);
	case RTM_NEWMDB:
	case RTM_DELMDB: return family_of(req) == AF_BRIDGE ? br_change_mdb(net, req) : -EOPNOTSUPP;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		if (family_of(req) == AF_BRIDGE)
			return br_change_fdb(net, req);
		return rtnl_change_neigh(net, req, why);
	}
	return -EOPNOTSUPP;
}
