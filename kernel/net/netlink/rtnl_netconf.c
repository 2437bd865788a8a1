/* SPDX-License-Identifier: MIT */
/*
 * rtnl_netconf.c: RTM_GETNETCONF: some words of /proc/sys/net/ipv4/conf and ipv6/conf, of each
 * device, "all" and "default", as `ip netconf` shows them. A word of a feature that is not built
 * (multicast routing) is 0. Listeners are not notified of changes.
 */
#include <asm/errno.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>

#include "kernel/net/internal.h"
#include "kernel/net/netlink/rtnl.h"

/* The settings of a device, of "all" or of "default". */
struct words {
	bool v6;
	int ifindex;
	struct netconf conf;
};

static void put_words(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	const struct words *w = what;
	struct netconfmsg *m = nl_begin(b, req, portid, RTM_NEWNETCONF, flags, sizeof(*m));
	const int *v4 = w->conf.v4;

	m->ncm_family = w->v6 ? AF_INET6 : AF_INET;
	nl_attr_u32(b, NETCONFA_IFINDEX, (u32)w->ifindex);
	nl_attr_u32(b, NETCONFA_FORWARDING,
		(u32)(w->v6 ? w->conf.v6[CONF6_FORWARDING] : v4[CONF4_FORWARDING]));
	if (!w->v6)
		nl_attr_u32(b, NETCONFA_RP_FILTER, (u32)v4[CONF4_RP_FILTER]);
	nl_attr_u32(b, NETCONFA_MC_FORWARDING, 0);
	if (!w->v6)
		nl_attr_u32(b, NETCONFA_BC_FORWARDING, (u32)v4[CONF4_BC_FORWARDING]);
	nl_attr_u32(b, NETCONFA_PROXY_NEIGH, w->v6 ? 0 : (u32)v4[CONF4_PROXY_ARP]);
	nl_attr_u32(b, NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN,
		(u32)(w->v6 ? w->conf.v6[CONF6_IGNORE_LINKDOWN] : v4[CONF4_IGNORE_LINKDOWN]));
	nl_end(b);
}

/*
 * Reads the settings of the device w->ifindex, of "all" or of "default". Returns false if there is
 * no such device.
 */
static bool read_words(struct net *net, struct words *w)
{
	struct net_device *d = NULL;

	if (w->ifindex == NETCONFA_IFINDEX_ALL || w->ifindex == NETCONFA_IFINDEX_DEFAULT) {
		w->conf = w->ifindex == NETCONFA_IFINDEX_ALL ? net->conf_all : net->conf_default;
		return true;
	}
	spin_lock(&net->lock);
	d = netdev_by_index(net, w->ifindex);
	if (d)
		w->conf = d->conf;
	spin_unlock(&net->lock);
	return d;
}

/*
 * Sets w->ifindex to the next entry of a dump: devices by number, then "all", then "default".
 * Returns true if there is one.
 */
static bool next_words(struct net *net, struct words *w)
{
	const struct net_device *d;
	int at = w->ifindex, next = 0;

	if (at == NETCONFA_IFINDEX_DEFAULT)
		return false;
	if (at == NETCONFA_IFINDEX_ALL) {
		w->ifindex = NETCONFA_IFINDEX_DEFAULT;
		return true;
	}
	spin_lock(&net->lock);
	list_for_each_entry(d, &net->devs.list, list)
		if (d->ifindex > at && (!next || d->ifindex < next))
			next = d->ifindex;
	spin_unlock(&net->lock);
	w->ifindex = next ? next : NETCONFA_IFINDEX_ALL;
	return true;
}

static int dump_family(struct net *net, bool v6, rtnl_emit_fn emit, void *arg)
{
	struct words w = { .v6 = v6 };
	int err = 0;

	while (!err && next_words(net, &w))
		if (read_words(net, &w))
			err = emit(arg, put_words, &w);
	return err;
}

/*
 * Dumps both families if the request names neither. A strict request consists of the header alone,
 * padded to a whole word.
 */
int rtnl_dump_netconf(struct net *net, const struct nlmsghdr *req, const struct rtnl_dump *d,
	rtnl_emit_fn emit, void *arg)
{
	const struct netconfmsg *m = NLMSG_DATA(req);
	u8 family = req->nlmsg_len >= NLMSG_LENGTH(sizeof(*m)) ? m->ncm_family : AF_UNSPEC;
	int err;

	if (d->strict && req->nlmsg_len != NLMSG_SPACE(sizeof(*m)))
		return -EINVAL;
	err = family == AF_INET6 ? 0 : dump_family(net, false, emit, arg);
	return err || family == AF_INET ? err : dump_family(net, true, emit, arg);
}

int rtnl_get_netconf(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg)
{
	const struct netconfmsg *m = NLMSG_DATA(req);
	struct words w = { 0 };
	const int *ifindex;

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return -EINVAL;
	if (m->ncm_family != AF_INET && m->ncm_family != AF_INET6)
		return -EOPNOTSUPP;
	ifindex = nl_find(req, sizeof(*m), NETCONFA_IFINDEX, sizeof(*ifindex), NULL);
	if (!ifindex)
		return -EINVAL;
	w.v6 = m->ncm_family == AF_INET6;
	w.ifindex = *ifindex;
	if (!read_words(net, &w))
		return w.v6 ? -EINVAL : -ENODEV;
	return emit(arg, put_words, &w);
}
