/* SPDX-License-Identifier: MIT */
/*
 * rtnl_neigh.c: the neighbour table as programs see it: RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH
 * (rtnetlink(7); ip neigh), /proc/net/arp.
 */
#include <asm/errno.h>
#include <linux/rtnetlink.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/mm/mm.h"
#include "kernel/net/neigh/neigh.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/net/socket/socket.h"

#define USER_HZ 100
#define NUD_HAS_MAC (NUD_PERMANENT | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY | NUD_NOARP)

static u32 ticks_ago(u64 then)
{
	return (u32)((ktime_get() - then) / (NSEC_PER_SEC / USER_HZ));
}

static void put_neigh(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	const struct neigh_info *n = what;
	struct ndmsg *m = nl_begin(b, req, portid, RTM_NEWNEIGH, flags, sizeof(*m));
	struct nda_cacheinfo c = {
		.ndm_confirmed = ticks_ago(n->confirmed),
		.ndm_used = ticks_ago(n->used),
		.ndm_updated = ticks_ago(n->updated),
	};
	bool v4 = ip_is_v4(&n->addr);

	m->ndm_family = v4 ? AF_INET : AF_INET6;
	m->ndm_ifindex = n->ifindex;
	m->ndm_state = n->state;
	m->ndm_flags = n->flags;
	m->ndm_type = RTN_UNICAST;
	nl_attr(b, NDA_DST, v4 ? (const void *)&n->addr.w[3] : &n->addr, v4 ? 4 : 16);
	if (n->state & NUD_HAS_MAC)
		nl_attr(b, NDA_LLADDR, n->mac, ETH_ALEN);
	nl_attr(b, NDA_CACHEINFO, &c, sizeof(c));
	nl_attr_u32(b, NDA_PROBES, n->probes);
	nl_end(b);
}

static void put_neigh_gone(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	put_neigh(b, req, portid, flags, what);
	((struct nlmsghdr *)b->buf)->nlmsg_type = RTM_DELNEIGH;
}

static void put_neigh_wanted(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	put_neigh(b, req, portid, flags | NLM_F_REQUEST, what);
	((struct nlmsghdr *)b->buf)->nlmsg_type = RTM_GETNEIGH;
}

void rtnl_notify_neigh(struct net *net, const struct neigh_info *info, u16 type)
{
	rtnl_notify(net, RTNLGRP_NEIGH,
		type == RTM_NEWNEIGH ? put_neigh :
		type == RTM_GETNEIGH ? put_neigh_wanted :
				       put_neigh_gone,
		info);
}

/* A dump, with its filter: a family, a device, a master of devices; 0: any. */
struct wish {
	u8 family;
	int ifindex, master;
	struct net *net;
	rtnl_emit_fn emit;
	void *arg; /* of emit */
};

static int master_of(struct net *net, int ifindex)
{
	const struct net_device *d;
	int master;

	spin_lock(&net->lock);
	d = netdev_by_index(net, ifindex);
	master = d && d->master ? d->master->ifindex : 0;
	spin_unlock(&net->lock);
	return master;
}

static bool wanted(const struct neigh_info *n, const struct wish *w)
{
	if (w->family && (w->family == AF_INET) != ip_is_v4(&n->addr))
		return false;
	if (w->ifindex && w->ifindex != n->ifindex)
		return false;
	return !w->master || w->master == master_of(w->net, n->ifindex);
}

static int emit_wanted(const struct neigh_info *n, void *wish)
{
	const struct wish *w = wish;

	return wanted(n, w) ? w->emit(w->arg, put_neigh, n) : 0;
}

static int number(const struct nlmsghdr *req, u16 type)
{
	const int *v = nl_find(req, sizeof(struct ndmsg), type, sizeof(*v), NULL);

	return v ? *v : 0;
}

int rtnl_dump_neigh(struct net *net, const struct nlmsghdr *req, struct rtnl_dump *d,
	rtnl_emit_fn emit, void *arg)
{
	struct ndmsg m = { 0 };
	struct wish w;

	if (req->nlmsg_len >= NLMSG_LENGTH(sizeof(m)))
		memcpy(&m, NLMSG_DATA(req), sizeof(m));
	else if (req->nlmsg_len > NLMSG_HDRLEN)
		m.ndm_family = *(const u8 *)NLMSG_DATA(req);
	w = (struct wish){ m.ndm_family, number(req, NDA_IFINDEX), number(req, NDA_MASTER), net,
		emit, arg };
	d->each = w.ifindex || w.master ? NLM_F_DUMP_FILTERED : 0;
	if ((m.ndm_family && m.ndm_family != AF_INET && m.ndm_family != AF_INET6) ||
		m.ndm_flags & NTF_PROXY)
		return 0;
	return neigh_each(net, emit_wanted, &w);
}

/* Parses the device and the address of a request. */
static int parse(
	struct net *net, const struct nlmsghdr *req, struct net_device **dev, ip_addr *addr)
{
	const struct ndmsg *m = NLMSG_DATA(req);

	if (req->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return -EINVAL;
	if (m->ndm_family != AF_INET && m->ndm_family != AF_INET6)
		return -EOPNOTSUPP;
	if (!rtnl_attr_addr(req, sizeof(*m), NDA_DST, m->ndm_family, addr))
		return -EINVAL;
	if (m->ndm_flags & NTF_PROXY)
		return -EOPNOTSUPP;
	*dev = netdev_find_index(net, m->ndm_ifindex);
	return *dev ? 0 : -ENODEV;
}

int rtnl_get_neigh(struct net *net, const struct nlmsghdr *req, rtnl_emit_fn emit, void *arg)
{
	struct net_device *dev;
	struct neigh_info info;
	ip_addr addr;
	int err = parse(net, req, &dev, &addr);

	if (!err)
		err = neigh_get(dev, &addr, &info);
	return err ? err : emit(arg, put_neigh, &info);
}

int rtnl_change_neigh(struct net *net, const struct nlmsghdr *req, const char **why)
{
	const struct ndmsg *m = NLMSG_DATA(req);
	struct net_device *dev;
	const u8 *mac;
	ip_addr addr;
	int err = parse(net, req, &dev, &addr);

	if (err)
		return err;
	if (req->nlmsg_type == RTM_DELNEIGH)
		return neigh_del(dev, &addr);
	if (dev->type != ARPHRD_ETHER)
		return -EINVAL;
	mac = nl_find(req, sizeof(*m), NDA_LLADDR, ETH_ALEN, NULL);
	if (!mac && nl_find(req, sizeof(*m), NDA_LLADDR, 0, NULL)) {
		*why = "Invalid link address";
		return -EINVAL;
	}
	err = neigh_set(dev, &addr, mac, m->ndm_state, m->ndm_flags, req->nlmsg_flags);
	if (err == -EINVAL && !mac && m->ndm_state & NUD_PERMANENT)
		*why = "No link layer address given";
	return err;
}

/* ---- /proc/net/arp ---- */

#define ATF_COM 2
#define ATF_PERM 4

static int show_arp_line(const struct neigh_info *e, void *seq)
{
	const u8 *a = (const u8 *)&e->addr.w[3], *h = e->mac;
	struct seq *s = seq;
	char ip[16];

	if (!ip_is_v4(&e->addr) || e->state & NUD_NOARP)
		return 0;
	snprintf(ip, sizeof(ip), "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
	seq_printf(s,
		"%-16s 0x1         0x%x         %02x:%02x:%02x:%02x:%02x:%02x     *        %s\n",
		ip,
		e->state & NUD_PERMANENT ? ATF_COM | ATF_PERM :
		e->state & NUD_HAS_MAC   ? ATF_COM :
					   0,
		h[0], h[1], h[2], h[3], h[4], h[5], e->dev);
	return 0;
}

static int show_arp(struct seq *s, void *arg)
{
	seq_puts(s,
		"IP address       HW type     Flags       HW address            Mask     Device\n");
	return neigh_each(current_net(), show_arp_line, s);
}

static int rtnl_neigh_init(void)
{
	return proc_create(".net/arp", 0444, show_arp, NULL, NULL);
}
INITCALL(3, rtnl_neigh_init);
