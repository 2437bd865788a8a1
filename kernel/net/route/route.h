/* SPDX-License-Identifier: MIT */
/*
 * route.h: the public header of routing: finds the next hop of a packet.
 *
 * What the folder is for: the tables of routes of a namespace (route_list.c, prefix.c), the table
 * of local addresses (route_local.c), policy rules (rules.c), the lookup itself (route.c),
 * forwarding (forward.c), path MTUs (pmtu.c).
 *
 * Types: struct route, with struct nexthops if it has several nexthops; struct flow, the key and
 * the result of a lookup.
 * Call sequence: a sender fills in the key of a struct flow and calls route_output(), which fills
 * in the result; forward.c calls route_forward() for a packet of another machine. rtnetlink and the
 * ioctls change routes by route_change() and route_del().
 * Locks: net->lock (spin) protects routes, rules and tables. Functions take it unless their comment
 * says that it is held. struct nexthops is immutable; a user without the lock holds a reference. No
 * function sleeps but rules_init(). May know: inet/ (addresses), link/ (devices), neigh/; of
 * sockets only the values in struct flow.
 */
#ifndef NESTLING_NET_ROUTE_H
#define NESTLING_NET_ROUTE_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/net/inet/addr.h"
#include "kernel/net/link/netdev.h"
#include "kernel/net/route/prefix.h"

struct net;

/* ---- routes ---- */

/*
 * A flag in nexthop.flags and route.flags that is not reported to programs: the gateway is an IPv4
 * address of this machine, so the destination is on the link.
 */
#define WAY_OURS 0x80
/* the bits of IPv4's TOS that routes and rules match; the others are ignored */
#define IPTOS_RT 0x1c

/* A nexthop of a route. */
struct nexthop {
	struct net_device *dev;
	int ifindex;     /* of dev; kept when dev is removed */
	ip_addr gateway; /* any: none */
	u32 weight;      /* share of the flows, at least 1 */
	u8 flags;        /* RTNH_F_ONLINK, WAY_OURS */
};
/* The nexthops of a route. Immutable, with a refcount. */
struct nexthops {
	atomic_t refs;
	u32 nr;
	struct nexthop hop[];
};
#define HOPS_MAX 64U
/* Returns @nr nexthops, all 0, with one reference; NULL: no memory. */
struct nexthops *nexthops_alloc(u32 nr);
/* Take and drop a reference. NULL is allowed. nexthops_get() returns @h. */
struct nexthops *nexthops_get(struct nexthops *h);
void nexthops_put(struct nexthops *h);

struct route {
	struct list_head list; /* in net->route.list */
	/*
	 * node in net->route.by_net: among the routes of a network the lowest metric is first, and
	 * equal ones are in the order of the list
	 */
	struct prefix_node node;
	struct net_device *dev;
	ip_addr dst, gateway, prefsrc; /* any: none */
	u8 prefix;                     /* bits of dst, of 128 */
	u8 protocol, scope, type;      /* RTPROT_*, RT_SCOPE_*, RTN_* */
	u8 tos;                        /* 0: all */
	u8 pref;                       /* IPv6: ICMPV6_ROUTER_PREF_* */
	u8 flags;                      /* RTNH_F_ONLINK, WAY_OURS */
	u8 hoplimit;                   /* hops, 0: the default */
	u32 mtu, advmss;               /* bytes, 0: the default */
	u32 table;                     /* RT_TABLE_* */
	u32 metric;
	u64 expires; /* ktime_get(), 0: never */
	/*
	 * the nexthops, of which dev and gateway are the first; NULL: the route has one nexthop
	 * only
	 */
	struct nexthops *hops;
};
/*
 * Adds a copy of a route, or replaces one, by rtnetlink's NLM_F_CREATE, _EXCL, _REPLACE and
 * _APPEND, and notifies listeners. Takes a reference to r->hops. Returns 0, -EEXIST, -ENOENT,
 * -ENODEV (a device is gone), -ENOMEM or -ENOBUFS.
 */
int route_change(struct net *net, const struct route *r, u16 flags);
/*
 * Adds a route of the kernel. Routes of the same key by other nexthops are kept. Returns what
 * route_change() returns.
 */
int route_add(struct net *net, const struct route *r);
/*
 * Deletes the first route with the destination and table of @r (IPv4: and its TOS), and with its
 * type, scope (IPv4), protocol, metric, source, device, gateway and hops where @r has one (not 0,
 * NULL, any, RT_SCOPE_NOWHERE). If @r has a gateway but no hops, an IPv6 route with several
 * nexthops loses only that nexthop. Notifies listeners. Returns 0 or -ESRCH.
 */
int route_del(struct net *net, const struct route *r);
/*
 * Does what route_change() does, for a caller that holds net->lock and notifies listeners later. @n
 * was allocated by kmalloc(). Returns 0 if @n is in the list now. Otherwise @n is not in the list:
 * returns -errno, or 1 if its nexthops were added to another route. Replaced routes are added to
 * @gone.
 */
int route_place(struct net *net, struct route *n, u16 flags, struct list_head *gone);
/*
 * Removes the first route that matches @r by the rules of route_del(), with all its nexthops, and
 * returns it, owned by the caller; NULL: there is none. net->lock held.
 */
struct route *route_take(struct net *net, const struct route *r);
/* Frees a route that is in no list, and drops its reference to nexthops. */
void route_free(struct route *r);
/* Frees all routes of the list @gone. */
void routes_free(struct list_head *gone);

/* A table that has routes, or had some. */
struct route_table {
	/*
	 * node in net->route.tables: the space is the table's number, and the prefix length
	 * distinguishes IPv4 from IPv6
	 */
	struct prefix_node node;
	struct prefix_lens lens; /* the prefix lengths of the table's routes */
	u32 routes;
};
/* Returns the table, or NULL if it never had a route. net->lock held. */
struct route_table *route_table_find(const struct net *net, bool v4, u32 table);
/* True if the table ever had a route, or is main or local. net->lock held. */
bool route_has_table(const struct net *net, bool v4, u32 table);
/* Frees all tables at the namespace's end. */
void route_tables_free(struct net *net);

/* Returns the number of nexthops of a route. */
static inline u32 route_ways(const struct route *r)
{
	return r->hops ? r->hops->nr : 1;
}
/* Returns nexthop @n, which is below route_ways(). */
struct nexthop route_way(const struct route *r, u32 n);
/* Returns the restrictions of @dev at present: RTNH_F_DEAD, RTNH_F_LINKDOWN. */
u8 way_state(const struct net_device *dev);
/* Drops the routes of a device that has gone down, or is being removed (@for_good). */
void routes_forget(struct net_device *dev, bool for_good);
/*
 * Moves to @gone the routes that are dropped with IPv4 address @addr of @dev: those with this
 * preferred source (NULL: none), and if it was @dev's only IPv4 address (@last), those by @dev.
 * net->lock held.
 */
void routes_forget_addr(struct net *net, const struct net_device *dev, const ip_addr *addr,
	bool last, struct list_head *gone);
/*
 * Writes the entries of table local, as rtnetlink reports them, to @out: at most @room. An address
 * has up to four entries, some of which are equal to others. Returns their number. net->lock held
 * (route_local.c).
 */
u32 local_routes(struct net *net, struct route *out, u32 room);

/* ---- lookups ---- */

/* The key and the result of a lookup. */
struct flow {
	/* the key */
	ip_addr saddr, daddr; /* saddr any: to be chosen */
	/* ifindex of the device that must send the packet, 0: any */
	int oif;
	/* ifindex of the device that received the packet, 0: this machine sends it */
	int iif;
	u8 proto, tos, ttl; /* ttl 0: the default */
	/*
	 * set IPv4's DF; a packet that is too large is fragmented nevertheless, unless no_fragment
	 */
	bool dont_fragment;
	bool no_fragment; /* larger packets fail with EMSGSIZE */
	bool dontroute;   /* may send to machines on the link only */
	/* a destination without a route is not assumed to be on oif's link */
	bool no_guess;
	/* multicasts are also delivered to members on this machine */
	bool loop;
	/* multicasts are for members on this machine only: TTL 0 */
	bool stays;
	u32 mark;
	/* ports of TCP and UDP, 0: unknown, or none */
	u16 sport, dport;
	/* ids of the socket's creator, if `owned` */
	u32 uid, gid;
	/* net_cls and net_prio of the socket's cgroup, 0: none */
	u32 classid, prioidx;
	u32 label; /* IPv6's flow label, 20 bits */
	bool owned;
	/* extension headers, NULL: none; the caller holds the reference */
	struct ip6_ext *ext;
	/* IPv4's options, NULL: none; the caller holds the reference */
	struct ip4_opts *opts;
	/* the result, filled in by route_output() */
	struct net_device *dev;
	ip_addr next_hop;
	u32 gen;                       /* net_routes.gen at the lookup */
	u32 mtu;                       /* bytes */
	u32 route_mtu, advmss, metric; /* values of the route, 0: unset */
	u8 hoplimit;                   /* hop limit of the route, 0: unset */
	u8 protocol;                   /* RTPROT_* of the route */
	u8 prefix;                     /* prefix length; of IPv4 0 to 32 */
	/* table of the route, 0: no rule was used */
	u32 table;
	/* steps of the lookup: routes, addresses and rules visited */
	u32 steps;
	bool local;     /* the destination is this machine */
	bool broadcast; /* the destination is a broadcast address */
};
/* Limit of flow.steps. A destination whose lookup needs more is unreachable. */
#define LOOK_MAX 65536U
/*
 * Finds the route of @f, and fills in its result. A destination that is the any address becomes one
 * of this machine. Returns 0, -ENETUNREACH, -EHOSTUNREACH, -EINVAL, -EACCES, -ENODEV (there is no
 * device f->oif) or -EADDRNOTAVAIL (there is no source address). f->dev has no reference
 * (netdev_find()).
 */
int route_output(struct net *net, struct flow *f);
/* Records a change after which the results of lookups may differ. net->lock held. */
void route_changed(struct net *net);
/* True if route_output() may have another result now. */
bool route_is_old(const struct net *net, const struct flow *f);
/*
 * Finds the route of a packet for another machine. @f: f->iif has received it from f->saddr.
 * Returns the errors of route_output().
 */
int route_forward(struct net *net, struct flow *f);
/*
 * True if @a is an address of this machine by the local routes that programs have added. net->lock
 * held.
 */
bool route_makes_local(struct net *net, const ip_addr *a);

/* ---- rules.c ---- */

/*
 * Calls @look for each table that the rules select, until it returns a value other than
 * -ENETUNREACH, and returns that value. Returns -ENETUNREACH if the rules end, and -ENETUNREACH,
 * -EACCES or -EINVAL for a rule that rejects the packet. net->lock held.
 */
int rules_route(
	struct net *net, struct flow *f, int (*look)(struct net *net, struct flow *f, u32 table));
/* Makes the first rules of a namespace. May sleep. Returns 0 or -ENOMEM. */
int rules_init(struct net *net);
/* Frees all rules of a namespace. */
void rules_free(struct net *net);

#endif
