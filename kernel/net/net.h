/* SPDX-License-Identifier: MIT */
/*
 * net.h: a network namespace: its devices, addresses and routes. Sockets, ports and packets belong to one.
 *
 * Locks: net->lock (spin) guards devices, addresses and routes, all of which are few; nothing is called under it.
 */
#ifndef NESTLING_NET_NET_H
#define NESTLING_NET_NET_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/lock.h"
#include "kernel/net/addr.h"
#include "kernel/sched/task.h"
#include "kernel/task/nsproxy.h"

#define NSEC_PER_SEC 1000000000UL
#define NSEC_PER_MSEC 1000000UL

#define IFNAMSIZ 16
#define IFF_UP 0x1
#define IFF_BROADCAST 0x2
#define IFF_LOOPBACK 0x8
#define IFF_POINTOPOINT 0x10
#define IFF_RUNNING 0x40
#define IFF_NOARP 0x80
#define IFF_PROMISC 0x100
#define IFF_ALLMULTI 0x200
#define IFF_MULTICAST 0x1000
#define IFF_LOWER_UP 0x10000
#define ARPHRD_ETHER 1
#define ARPHRD_LOOPBACK 772
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd

struct sk_buff;
struct net_device;

struct net {
	struct ns_common ns; /* kernel/task/nsproxy.h */
	struct rcu_head rcu; /* packets on their way see its devices */
	spinlock_t lock;
	struct list_head devices; /* of net_device.list, by ifindex */
	struct list_head addrs;   /* of ifaddr.list, in the order of arrival */
	struct list_head routes;  /* of route.list, the most specific first */
	int next_ifindex;
	struct net_device *lo; /* immutable */
	/* /proc/sys/net/ipv4 */
	int port_min, port_max;
	int ping_gid_min, ping_gid_max;
	int default_ttl;
};
extern struct net init_net;
static inline struct net *net_get(struct net *net)
{
	ns_get(&net->ns);
	return net;
}
static inline void net_put(struct net *net)
{
	ns_put(&net->ns);
}
/* That of new sockets. One that clone or unshare makes is empty but for a lo that is down. */
static inline struct net *current_net(void)
{
	const struct nsproxy *p = current->nsproxy;

	return p ? container_of(p->ns[NS_NET], struct net, ns) : &init_net;
}
/* Rights over its devices, addresses, ports. */
static inline bool net_capable(const struct net *net, int cap)
{
	return ns_capable(net->ns.owner, cap);
}

/* ---- devices ---- */

struct netdev_stats {
	u64 rx_packets, tx_packets, rx_bytes, tx_bytes, rx_dropped, tx_dropped, rx_errors,
		tx_errors;
};
struct net_device {
	struct list_head list; /* under net->lock */
	struct net *net;       /* not a reference: devices end with their namespace */
	char name[IFNAMSIZ];
	int ifindex;
	u32 flags; /* IFF_*, under net->lock */
	u32 mtu;
	u16 type; /* ARPHRD_* */
	u8 addr[6];
	u32 txqlen;
	struct netdev_stats stats; /* counted without a lock: figures for people */
	/* Takes @skb, which begins with its network header (link header for ARPHRD_ETHER). 0 or -errno. */
	int (*xmit)(struct net_device *dev, struct sk_buff *skb);
};
/* Under net->lock. NULL. */
struct net_device *netdev_by_index(struct net *net, int ifindex);
struct net_device *netdev_by_name(struct net *net, const char *name);
/* 0 or -errno; brings lo its addresses. */
int netdev_change_flags(struct net_device *dev, u32 flags, u32 change);
/* A packet has come from @dev (or from this machine itself): processed by net_rx_flush(). */
void netif_rx(struct net_device *dev, struct sk_buff *skb);
/*
 * Processes what has come in on this vCPU, and what that brings forth. To be called with no lock held when packets may have
 * been sent; a call from within processing does nothing.
 */
void net_rx_flush(void);
/* Sends by a device that is up. Consumes @skb. 0 or -errno. */
int dev_xmit(struct net_device *dev, struct sk_buff *skb);

/* ---- addresses ---- */

struct ifaddr {
	struct list_head list; /* under net->lock */
	struct net_device *dev;
	ip_addr addr, peer, broadcast; /* peer: equal to addr without one */
	u8 prefix;                     /* of the family's 32 or 128 bits */
	u8 scope, flags;
	char label[IFNAMSIZ];
};
/* 0, -EEXIST, -ENOMEM; -EADDRNOTAVAIL. */
int addr_add(struct net_device *dev, const struct ifaddr *a);
int addr_del(struct net_device *dev, const ip_addr *addr, int prefix);
/* Is it an address of this machine (with @ifindex: of that device)? */
bool addr_is_local(struct net *net, const ip_addr *a, int ifindex);
bool addr_is_broadcast(struct net *net, const ip_addr *a);

/* ---- routes ---- */

struct route {
	struct list_head list; /* under net->lock */
	struct net_device *dev;
	ip_addr dst, gateway, prefsrc; /* any: none */
	u8 prefix;                     /* of 128 */
	u8 table, protocol, scope, type;
	u32 metric;
};
int route_add(struct net *net, const struct route *r);
int route_del(struct net *net, const struct route *r);

/* What is known of a way before and after looking it up. */
struct flow {
	ip_addr saddr, daddr; /* saddr any: chosen */
	int oif;              /* 0: any */
	u8 proto, tos, ttl;   /* ttl 0: the default */
	bool dont_fragment;
	bool dontroute;
	/* by route_output() */
	struct net_device *dev;
	ip_addr next_hop;
	u32 mtu;
	bool local; /* to this machine */
};
/* 0, -ENETUNREACH, -EINVAL, -EACCES. */
int route_output(struct net *net, struct flow *f);

/* inet_ioctl.c: the ioctls of devices that any socket answers; -ENOTTY: not one of these. */
long net_ioctl(struct net *net, u32 cmd, u64 arg);

#endif
