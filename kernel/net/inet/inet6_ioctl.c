/* SPDX-License-Identifier: MIT */
/*
 * inet6_ioctl.c: IPv6 addresses and routes by ioctls of an AF_INET6 socket (struct in6_ifreq,
 * struct in6_rtmsg), as ifconfig and route use them.
 * Sources: netdevice(7), <linux/ipv6_route.h>; the error codes were tested on a Linux host.
 */
#include <asm/errno.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/ioctl.h"
#include "kernel/net/neigh/neigh.h"
#include "kernel/net/link/netdev.h"
#include "kernel/ident/cred.h"

#define RTF_GATEWAY 2
#define RTF_REJECT 0x200
#define METRIC_BY_HAND 1024

/* <linux/ipv6.h> and <linux/ipv6_route.h> need libc. */
struct in6_ifreq {
	ip_addr addr;
	u32 prefix;
	int ifindex;
};
struct in6_rtmsg {
	ip_addr dst, src, gateway;
	u32 type;
	u16 dst_len, src_len;
	u32 metric;
	u64 info;
	u32 flags;
	int ifindex;
};
BUILD_BUG_ON(sizeof(struct in6_rtmsg) != 80);

/* Serves SIOCSIFADDR and SIOCDIFADDR of IPv6. @arg: a struct in6_ifreq of the program. */
static long change_addr(struct net *net, u32 cmd, u64 arg)
{
	struct net_device *d;
	struct in6_ifreq r;
	struct ifaddr a;
	int err;

	if (!net_capable(net, CAP_NET_ADMIN))
		return -EPERM;
	if (get_user(r, UADDR(arg)))
		return -EFAULT;
	if (r.prefix > 128)
		return -EINVAL;
	if (ip_is_v4(&r.addr))
		return -EADDRNOTAVAIL;
	d = netdev_find_index(net, r.ifindex);
	if (!d)
		return -ENODEV;
	if (cmd == SIOCDIFADDR)
		return addr_del(d, &r.addr, (int)r.prefix);
	a = (struct ifaddr){
		.addr = r.addr,
		.prefix = (u8)r.prefix,
		.scope = ip_is_linklocal(&r.addr) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
	};
	strscpy(a.label, d->name, sizeof(a.label));
	err = addr_add(d, &a);
	if (!err) {
		ndisc_added(d, &a.addr);
		net_rx_flush();
	}
	return err;
}

/* Serves SIOCADDRT and SIOCDELRT of IPv6. @arg: a struct in6_rtmsg of the program. */
static long change_route(struct net *net, u32 cmd, u64 arg)
{
	struct route r = { .table = RT_TABLE_MAIN, .type = RTN_UNICAST };
	struct flow f = { 0 };
	struct in6_rtmsg m;
	int err;

	if (!net_capable(net, CAP_NET_ADMIN))
		return -EPERM;
	if (get_user(m, UADDR(arg)))
		return -EFAULT;
	if (m.dst_len > 128 || m.src_len || ip_is_v4(&m.dst) ||
		(m.flags & RTF_GATEWAY && ip_is_v4(&m.gateway)))
		return -EINVAL;
	for (u32 i = 0; i < m.dst_len; i++)
		((u8 *)&r.dst)[i / 8] |= ((const u8 *)&m.dst)[i / 8] & (0x80U >> i % 8);
	r.prefix = (u8)m.dst_len;
	r.metric = m.metric;
	if (m.flags & RTF_REJECT) {
		r.type = RTN_UNREACHABLE;
		r.dev = net->lo;
	} else if (m.flags & RTF_GATEWAY) {
		r.gateway = m.gateway;
	}
	if (m.ifindex && !r.dev) {
		r.dev = netdev_find_index(net, m.ifindex);
		if (!r.dev)
			return cmd == SIOCADDRT ? -ENODEV : -ESRCH;
	}
	if (cmd == SIOCDELRT) {
		r.type = 0;
		r.scope = RT_SCOPE_NOWHERE;
		return route_del(net, &r);
	}
	if (r.type == RTN_UNICAST && m.flags & RTF_GATEWAY) {
		f.daddr = m.gateway;
		f.oif = m.ifindex;
		err = route_output(net, &f);
		if (err || f.local)
			return -EHOSTUNREACH;
		r.dev = f.dev;
	}
	if (!r.dev)
		return -ENODEV;
	r.protocol = RTPROT_BOOT;
	r.metric = m.metric ? m.metric : METRIC_BY_HAND;
	return route_add(net, &r);
}

long inet6_ioctl(struct net *net, u32 cmd, u64 arg)
{
	switch (cmd) {
	case SIOCSIFADDR:
	case SIOCDIFADDR: return change_addr(net, cmd, arg);
	case SIOCSIFDSTADDR: return -ENODEV; /* for tunnels, which do not exist */
	case SIOCADDRT:
	case SIOCDELRT: return change_route(net, cmd, arg);
	}
	return -ENOTTY;
}
