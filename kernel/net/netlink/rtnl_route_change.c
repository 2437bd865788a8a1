/* SPDX-License-Identifier: MIT */
/*
 * rtnl_route_change.c: RTM_NEWROUTE and RTM_DELROUTE of rtnetlink(7): reads a request into a route,
 * checks its nexthops and changes the table. A value that would have no effect is refused.
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

/* metric of IPv6 routes that name none, as on Linux */
#define USER_METRIC 1024
#define MTU_MAX (65535 - 15)

static const u32 *number(const struct nlmsghdr *req, u16 type)
{
	return nl_find(req, sizeof(struct rtmsg), type, sizeof(u32), NULL);
}

static int no_way(u8 family)
{
	return family == AF_INET ? -ENETUNREACH : -EHOSTUNREACH;
}

/*
 * Resolves a gateway that is an IPv4 address of this machine: the destination is on the link of the
 * device that has the address.
 */
static int by_ourselves(struct net *net, struct nexthop *w)
{
	struct ifaddr *i;

	spin_lock(&net->lock);
	i = addr_find_local(net, &w->gateway, w->ifindex);
	if (i)
		w->dev = i->dev;
	spin_unlock(&net->lock);
	if (!i)
		return -ENETUNREACH;
	w->ifindex = w->dev->ifindex;
	w->flags |= WAY_OURS;
	return 0;
}

/* Checks that a gateway is on the link of the nexthop's device; without a device looks one up. */
static int check_gateway(struct net *net, struct nexthop *w, u8 family)
{
	struct flow f = { .daddr = w->gateway, .oif = w->ifindex, .no_guess = true };
	bool v4 = ip_is_v4(&w->gateway);

	if (ip_is_multicast(&w->gateway))
		return -EINVAL;
	if (addr_is_local(net, &w->gateway, 0))
		return !v4 || w->flags & RTNH_F_ONLINK ? -EINVAL : by_ourselves(net, w);
	if (w->flags & RTNH_F_ONLINK)
		return w->dev ? 0 : -ENODEV;
	if (ip_is_linklocal(&w->gateway) && !v4)
		return w->dev ? 0 : -EINVAL;
	if (route_output(net, &f) || !ip_equal(&f.next_hop, &w->gateway))
		return no_way(v4 ? family : AF_INET6);
	if (f.broadcast)
		return -EINVAL;
	w->dev = f.dev;
	w->ifindex = f.dev->ifindex;
	return 0;
}

static int check_way(struct net *net, struct nexthop *w, u8 family, const char **why)
{
	int err;

	w->dev = w->ifindex ? netdev_find_index(net, w->ifindex) : NULL;
	if (w->ifindex && !w->dev)
		return -ENODEV;
	if (!ip_is_any(&w->gateway)) {
		err = check_gateway(net, w, family);
		if (err) {
			*why = family == AF_INET ? "Nexthop has invalid gateway" : NULL;
			return err;
		}
	}
	if (!w->dev)
		return -ENODEV;
	if (w->dev->flags & IFF_UP)
		return 0;
	*why = family == AF_INET ? "Device for nexthop is not up" : NULL;
	return -ENETDOWN;
}

/* Parses a hop of RTA_MULTIPATH, at @p with @len bytes left. */
static int read_hop(const void *p, u32 len, u8 family, struct nexthop *w)
{
	const struct rtnexthop *h = p;
	u32 got;

	if (len < sizeof(*h) || h->rtnh_len < sizeof(*h) || h->rtnh_len > len)
		return -EINVAL;
	*w = (struct nexthop){ .ifindex = h->rtnh_ifindex,
		.weight = h->rtnh_hops + 1U,
		.flags = h->rtnh_flags & RTNH_F_ONLINK };
	len = h->rtnh_len - (u32)sizeof(*h);
	if (h->rtnh_flags & ~RTNH_F_ONLINK)
		return -EINVAL;
	if (nl_nested(h + 1, len, RTA_ENCAP, 0, &got))
		return -EOPNOTSUPP;
	return rtnl_read_gateway(h + 1, len, family, &w->gateway);
}

/* Counts the nexthops of a multipath route. */
static int count_hops(const u8 *p, u32 len)
{
	int n = 0;

	while (len >= sizeof(struct rtnexthop)) {
		const struct rtnexthop *h = (const void *)p;
		u32 step = RTNH_ALIGN((u32)h->rtnh_len);

		if (h->rtnh_len < sizeof(*h) || h->rtnh_len > len)
			return -EINVAL;
		n++;
		p += min(step, len);
		len -= min(step, len);
	}
	return n && n <= (int)HOPS_MAX ? n : -EINVAL;
}

/*
 * Reads the nexthops of RTA_MULTIPATH, and checks them, into @r. If there are several, r->hops is a
 * reference of the caller. Returns 0 or -errno.
 */
static int read_hops(
	struct net *net, const u8 *p, u32 len, u8 family, struct route *r, const char **why)
{
	int n = count_hops(p, len), err = 0;
	struct nexthops *h;

	if (n < 0)
		return n;
	h = nexthops_alloc((u32)n);
	if (!h)
		return -ENOMEM;
	for (int k = 0; k < n && !err; k++) {
		u32 step = min(RTNH_ALIGN((u32)((const struct rtnexthop *)p)->rtnh_len), len);

		err = read_hop(p, len, family, &h->hop[k]);
		if (!err)
			err = check_way(net, &h->hop[k], family, why);
		p += step;
		len -= step;
	}
	if (err) {
		nexthops_put(h);
		return err;
	}
	r->dev = h->hop[0].dev;
	r->gateway = h->hop[0].gateway;
	r->flags = h->hop[0].flags;
	if (n == 1)
		nexthops_put(h);
	else
		r->hops = h;
	return 0;
}

/* Reads the metrics that have an effect. */
static int read_metrics(const struct nlmsghdr *req, struct route *r)
{
	u32 len, got;
	const u8 *p = nl_find(req, sizeof(struct rtmsg), RTA_METRICS, 0, &len);

	for (u16 type = 1; p && type <= RTAX_MAX; type++) {
		const u32 *v = nl_nested(p, len, type, sizeof(*v), &got);

		if (!v || !*v)
			continue;
		switch (type) {
		case RTAX_MTU: r->mtu = min(*v, (u32)MTU_MAX); break;
		case RTAX_ADVMSS: r->advmss = min(*v, 65535U - 40); break;
		case RTAX_HOPLIMIT:
			if (*v > 255)
				return -EINVAL;
			r->hoplimit = (u8)*v;
			break;
		default: return -EOPNOTSUPP;
		}
	}
	return 0;
}

/* Reads the values that a request to add and a request to delete have in common. */
static int read_route(const struct nlmsghdr *req, struct route *r, const char **why)
{
	const struct rtmsg *m = NLMSG_DATA(req);
	const u32 *n;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) ||
		(m->rtm_family != AF_INET && m->rtm_family != AF_INET6))
		return -EINVAL;
	if (m->rtm_dst_len > (m->rtm_family == AF_INET ? 32 : 128) || m->rtm_src_len) {
		*why = m->rtm_family == AF_INET ? "Invalid prefix length" : NULL;
		return -EINVAL;
	}
	if (nl_find(req, sizeof(*m), RTA_NH_ID, 0, NULL) ||
		nl_find(req, sizeof(*m), RTA_ENCAP, 0, NULL))
		return -EOPNOTSUPP;
	if (!rtnl_attr_addr(req, sizeof(*m), RTA_DST, m->rtm_family, &r->dst))
		r->dst = m->rtm_family == AF_INET ? ip_v4(0) : IP_ANY;
	if (m->rtm_family == AF_INET && m->rtm_dst_len < 32 &&
		ntohl(r->dst.w[3]) & ~0U >> m->rtm_dst_len) {
		*why = "Invalid prefix for given prefix length";
		return -EINVAL;
	}
	if (rtnl_read_gateway(m + 1, req->nlmsg_len - (u32)NLMSG_LENGTH(sizeof(*m)), m->rtm_family,
		    &r->gateway))
		return -EINVAL;
	rtnl_attr_addr(req, sizeof(*m), RTA_PREFSRC, m->rtm_family, &r->prefsrc);
	r->prefix = (u8)(m->rtm_dst_len + (m->rtm_family == AF_INET ? 96 : 0));
	n = number(req, RTA_TABLE);
	r->table = n ? *n : m->rtm_table;
	if (!r->table)
		r->table = RT_TABLE_MAIN;
	r->protocol = m->rtm_protocol;
	r->scope = m->rtm_scope;
	r->type = m->rtm_type;
	if (m->rtm_family == AF_INET)
		r->tos = m->rtm_tos & IPTOS_RT;
	r->flags = (u8)m->rtm_flags & RTNH_F_ONLINK;
	n = number(req, RTA_PRIORITY);
	r->metric = n ? *n : 0;
	return 0;
}

static int del_route(struct net *net, const struct nlmsghdr *req, struct route *r, const char **why)
{
	const struct rtmsg *m = NLMSG_DATA(req);
	const u32 *oif = number(req, RTA_OIF);
	u32 len;
	const u8 *hops = nl_find(req, sizeof(*m), RTA_MULTIPATH, 0, &len);
	int err = 0;

	r->dev = oif ? netdev_find_index(net, (int)*oif) : NULL;
	if (oif && *oif && !r->dev)
		return -ENODEV;
	if (hops)
		err = read_hops(net, hops, len, m->rtm_family, r, why);
	if (!err)
		err = route_del(net, r);
	nexthops_put(r->hops);
	return err;
}

/*
 * True if a local route of IPv4 has a malformed part: the scope must be host, and there are no
 * gateway and no nexthops.
 */
static bool local_is_odd(const struct route *r, const void *hops, const char **why)
{
	if (r->scope != RT_SCOPE_HOST)
		*why = "Invalid scope";
	else if (hops)
		*why = "Route with host scope can not have multiple nexthops";
	else if (!ip_is_any(&r->gateway))
		*why = "Route with host scope can not have a gateway";
	else
		return false;
	return true;
}

/*
 * Adds, replaces or changes a route, and drops the reference to r->hops. Returns 0 or -errno; for
 * some errors sets *@why to a text.
 */
static int new_route(struct net *net, const struct nlmsghdr *req, struct route *r, const char **why)
{
	const struct rtmsg *m = NLMSG_DATA(req);
	const u32 *oif = number(req, RTA_OIF), *end = number(req, RTA_EXPIRES);
	const u8 *pref = nl_find(req, sizeof(*m), RTA_PREF, 1, NULL);
	struct nexthop way = {
		.gateway = r->gateway, .ifindex = oif ? (int)*oif : 0, .flags = r->flags
	};
	u32 len;
	const u8 *hops = nl_find(req, sizeof(*m), RTA_MULTIPATH, 0, &len);
	int err = read_metrics(req, r);

	if (err)
		return err;
	if (!r->type)
		r->type = RTN_UNICAST;
	if (m->rtm_family == AF_INET6) {
		r->metric = r->metric ? r->metric : USER_METRIC;
		r->scope = RT_SCOPE_UNIVERSE;
		r->pref = pref && *pref != 2 ? *pref & 3 : 0;
		r->expires = end && *end ? ktime_get() + *end * NSEC_PER_SEC : 0;
	}
	if (route_leads_nowhere(r->type) && m->rtm_family == AF_INET &&
		(!ip_is_any(&r->gateway) || way.ifindex || hops)) {
		*why = "Gateway, device and multipath can not be specified for this route type";
		return -EINVAL;
	}
	if (route_leads_nowhere(r->type)) {
		r->dev = net->lo; /* lo is never removed */
		r->gateway = IP_ANY;
	} else if (r->type != RTN_UNICAST && r->type != RTN_LOCAL) {
		return -EOPNOTSUPP;
	} else if (r->type == RTN_LOCAL && m->rtm_family == AF_INET && local_is_odd(r, hops, why)) {
		return -EINVAL;
	} else if (hops) {
		err = read_hops(net, hops, len, m->rtm_family, r, why);
	} else {
		err = check_way(net, &way, m->rtm_family, why);
		r->dev = way.dev;
		r->flags = way.flags;
	}
	if (!err && !ip_is_any(&r->prefsrc) && !addr_is_local(net, &r->prefsrc, 0))
		err = -EINVAL;
	if (!err)
		err = route_change(net, r, req->nlmsg_flags);
	nexthops_put(r->hops);
	return err;
}

int rtnl_change_route(struct net *net, const struct nlmsghdr *req, const char **why)
{
	struct route r = { 0 };
	int err = read_route(req, &r, why);

	if (err)
		return err;
	return req->nlmsg_type == RTM_DELROUTE ? del_route(net, req, &r, why) :
						 new_route(net, req, &r, why);
}
