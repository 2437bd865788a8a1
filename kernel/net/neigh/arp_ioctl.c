/* SPDX-License-Identifier: MIT */
/*
 * arp_ioctl.c: SIOCGARP, SIOCSARP and SIOCDARP, by which arp(8) shows and changes IPv4's
 * neighbours. Source: arp(7).
 */
#include <asm/errno.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/sockios.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/ioctl.h"
#include "kernel/net/neigh/neigh.h"
#include "kernel/ident/cred.h"

#define ATF_COM 0x02
#define ATF_PERM 0x04
#define ATF_PUBL 0x08
#define ATF_NETMASK 0x20
#define ATF_DONTPUB 0x40

/* struct arpreq; <linux/if_arp.h> needs libc. */
struct arpreq {
	struct {
		u16 family, port;
		u32 addr;
		u8 zero[8];
	} pa;
	struct {
		u16 family;
		u8 data[14];
	} ha;
	int flags;
	u8 netmask[16];
	char dev[IFNAMSIZ];
};
BUILD_BUG_ON(sizeof(struct arpreq) != 68);

/* Finds the device that the request names, or else the one by which the address is reached. */
static int find_device(struct net *net, const struct arpreq *r, struct net_device **dev)
{
	struct flow f = { .daddr = ip_v4(r->pa.addr) };
	int err;

	if (r->dev[0]) {
		*dev = netdev_find(net, r->dev);
		return *dev ? 0 : -ENODEV;
	}
	err = route_output(net, &f);
	*dev = f.dev;
	return err;
}

static long get(struct net_device *dev, struct arpreq *r, u64 arg)
{
	ip_addr addr = ip_v4(r->pa.addr);
	struct neigh_info n;

	if (neigh_get(dev, &addr, &n))
		return -ENXIO;
	r->ha.family = dev->type;
	memset(r->ha.data, 0, sizeof(r->ha.data));
	memcpy(r->ha.data, n.mac, ETH_ALEN);
	r->flags = n.state & NUD_PERMANENT ? ATF_PERM | ATF_COM :
		   n.state & (NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY) ? ATF_COM :
										   0;
	strscpy(r->dev, dev->name, sizeof(r->dev));
	return put_user(*r, UADDR(arg));
}

static long set(struct net_device *dev, const struct arpreq *r)
{
	ip_addr addr = ip_v4(r->pa.addr);
	const u8 *mac =
		/* NULL: the entry keeps its address */
		r->flags & (ATF_COM | ATF_PERM) ? r->ha.data : NULL;

	if (dev->type != ARPHRD_ETHER || (r->ha.family && r->ha.family != dev->type))
		return -EINVAL;
	return neigh_set(dev, &addr, mac, r->flags & ATF_PERM ? NUD_PERMANENT : NUD_STALE, 0,
		NLM_F_CREATE | NLM_F_REPLACE);
}

long arp_ioctl(struct net *net, u32 cmd, u64 arg)
{
	struct net_device *dev;
	struct arpreq r;
	ip_addr addr;
	int err;

	if (cmd != SIOCGARP && !net_capable(net, CAP_NET_ADMIN))
		return -EPERM;
	if (get_user(r, UADDR(arg)))
		return -EFAULT;
	if (r.pa.family != AF_INET)
		return -EPFNOSUPPORT;
	if (!(r.flags & ATF_PUBL) && r.flags & (ATF_NETMASK | ATF_DONTPUB))
		return -EINVAL;
	r.dev[IFNAMSIZ - 1] = 0;
	if (cmd == SIOCGARP && !r.dev[0])
		return -ENODEV;
	/* As in rtnetlink, published (proxy) entries are not supported. */
	if (r.flags & ATF_PUBL)
		return -EOPNOTSUPP;
	err = find_device(net, &r, &dev);
	if (err)
		return err;
	if (cmd == SIOCGARP)
		return get(dev, &r, arg);
	if (cmd == SIOCSARP)
		return set(dev, &r);
	addr = ip_v4(r.pa.addr);
	err = neigh_del(dev, &addr);
	return err == -ENOENT ? -ENXIO : err;
}
