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
#include "kernel/net/inet/addr.h"
#include "kernel/net/link/netdev.h"
#include "kernel/net/route/prefix.h"
#include "kernel/net/stats.h"
#include "kernel/net/tcp/tcp_net.h"
#include "kernel/sched/task.h"
#include "kernel/task/ns/nsproxy.h"

#define NSEC_PER_SEC 1000000000UL
#define NSEC_PER_MSEC 1000000UL
#define NL_PROTOCOLS 17 /* of netlink: NETLINK_GENERIC is the last that we have */

struct net {
	struct ns_common ns; /* kernel/task/ns/nsproxy.h */
	struct rcu_head rcu; /* packets on their way see its devices */
	spinlock_t lock;
	struct list_head devices; /* of net_device.list, by ifindex */
	struct list_head dead;    /* those that were deleted (link.c) */
	struct hlist_head
		packet_taps; /* of packet_sock.tap: who looks at all packets, under packet_taps_lock */
	struct work end;     /* own: what sleeps when the namespace ends */
	struct list_head addrs; /* of ifaddr.list, in the order of arrival */
	u32 nr_addrs;
	struct prefix_hash addr_hash;       /* addr_find.c: the same by what they say */
	struct prefix_lens lo_lens;         /* of the networks of lo's */
	struct list_head rules;             /* rules.c: of policy routing, by priority */
	bool policy;                        /* they are not the first ones any more */
	bool policy_by_ports;               /* nor without protocols and ports */
	struct list_head routes;            /* of route.list, the most specific first */
	struct prefix_hash by_net;          /* the same by table and network */
	u32 nr_ending;                      /* of them, those that have an end */
	struct prefix_hash tables;          /* that a route has been in (route_list.c): they stay */
	struct route_table *main_tables[2]; /* of these, main of IPv6 and of IPv4; NULL: not yet */
	bool had_v4;                        /* there was an address of IPv4 */
	bool local_routes; /* there was one of type RTN_LOCAL: whole networks may be this machine's */
	int next_ifindex;
	struct net_device *lo; /* immutable */
	/* /proc/sys/net/ipv4 */
	int port_min, port_max, port_free; /* from port_free on a port needs no capability */
	int nonlocal_bind, nonlocal_bind6, v6only;
	u32 exclusive_labels; /* that are held, flowlabel.c's */
	bool reno;            /* TCP's congestion control of a new socket, instead of CUBIC */
	struct tcp_net tcp;
	kgid_t ping_gid_min, ping_gid_max;
	u64 *reserved_ports; /* a bit each: ip_local_reserved_ports; NULL: none */
	int default_ttl;
	int min_pmtu, mtu_expires, min_adv_mss; /* route/; mtu_expires in seconds */
	int forward_use_pmtu, autobind_reuse, udp_wmem_min, tstamp_allow_data;
	int bogus_errors_ok,
		errors_by_inbound; /* icmp_ignore_bogus_error_responses, icmp_errors_use_inbound_ifaddr */
	/* icmp_echo_ignore_all and its kin: who asks for an echo gets none, and not where he asked many */
	int echo_ignore, echo_ignore_many, echo6_ignore, echo6_ignore_many;
	u64 icmp6_ratemask[4]; /* types that count (icmp_limit.c), a bit each */
	int auto_labels, label_ranges, label_reflect,
		label_consistency; /* IPv6's flow labels: FLOW_* */
	/* options in extension headers for us: so many, in so many bytes (ip6_ext.c) */
	int opts6_max[2], opts6_len[2];
	int idgen_retries,
		idgen_delay; /* when somebody has an address that a secret made; seconds */
	int min_adv_mss6, mtu_expires6, route6_silent; /* ipv6/route */
	struct netconf conf_all, conf_default;
	struct net_frags { /* packets in the making, of IPv4 and of IPv6; under frag.c's lock */
		struct list_head queues, link;
		u32 packets, memory;
		u64 high_thresh, low_thresh; /* /proc/sys/net/ipv4/ipfrag_* */
		int time;
	} frags[2];
	struct net_stats stats;
	u32 nr_neighs, neighs_by_hand; /* under neigh.c's lock */
	/* what neighbour discovery has to do later; under ndisc.c's lock */
	struct list_head nd_jobs;
	u32 nr_nd_jobs;
	struct ktimer nd_timer;
	struct ktimer addr_timer; /* lifetimes of addresses: when, */
	struct work addr_work;    /* and what is done then */
	/* multicast (mcast.h) */
	struct ktimer mc_timer;
	u64 mc_next; /* when it is armed for, 0: it is not; under lock */
	int igmp_max_memberships, igmp_max_msf, igmp_qrv, igmp_link_local;
	/* the packet filter (netfilter.h) */
	u64 nf_hooks; /* bit n: nf_lists[n] is not empty */
	bool nf_whole; /* a rule has looked for a socket: fragments are put together before the filter, from then on */
	struct nf_hooks
		*nf_lists[2 * 2 * 5]; /* by family and hook, and those of NAT: netfilter/core.c */
	struct nft_net *nft;
	struct nf_ct_net *ct;                 /* NULL: nobody has asked */
	struct nl_hub *nl_hubs[NL_PROTOCOLS]; /* netlink's sockets; under nl_lock */
	struct nf_ct_conf {                   /* /proc/sys/net/netfilter/nf_conntrack_* */
		int acct, timestamp, events, checksum, log_invalid;
		int tcp_loose, tcp_max_retrans, tcp_timeout_max_retrans;
	} ct_conf;
};
#define LABELS_ON 1 /* of auto_labels: unless a socket says otherwise */
#define LABELS_FORCED 3
#define REFLECT_FLOWS 1 /* of label_reflect */
#define REFLECT_RESETS 2
#define REFLECT_ECHOES 4
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
/* For proc_let(): whose settings current's network namespace has are its owner's. */
bool net_sysctl_may(const struct cred *c);
/* Rights over its devices, addresses, ports. */
static inline bool net_capable(const struct net *net, int cap)
{
	return ns_capable(net->ns.owner, cap);
}

/* ---- addresses ---- */

struct ifaddr {
	struct list_head list; /* under net->lock */
	struct net_device *dev;
	ip_addr addr, peer, broadcast; /* peer: equal to addr without one */
	u8 prefix;                     /* of the family's 32 or 128 bits */
	bool in_group;                 /* its device is in its solicited-node group */
	bool to_connect;               /* its network's route has not come yet */
	u8 scope;
	u16 flags;           /* IFA_F_TENTATIVE: not to be used yet */
	u32 metric;          /* of its network's route; 0: the usual one */
	u64 expires;         /* ktime_get(): it goes; 0 or ~0 (a router's): never */
	u64 preferred_until; /* ktime_get(): it is IFA_F_DEPRECATED then; 0: for ever, or over */
	struct addr_places *places; /* of who is in the list: addr_find.c */
	char label[IFNAMSIZ];
};
/* 0, -EEXIST, -ENOMEM; -EADDRNOTAVAIL. */
int addr_add(struct net_device *dev, const struct ifaddr *a);
int addr_del(struct net_device *dev, const ip_addr *addr, int prefix);
/* Is it an address of this machine (with @ifindex: of that device)? */
bool addr_is_local(struct net *net, const ip_addr *a, int ifindex);
bool addr_is_broadcast(struct net *net, const ip_addr *a);
/* What @a is on this very device. */
enum { ADDR_NONE, ADDR_TENTATIVE, ADDR_VALID };
int addr_state(struct net_device *dev, const ip_addr *a);
/* A copy of it. False: it is not there. */
bool addr_read(struct net_device *dev, const ip_addr *a, struct ifaddr *out);
/* It is tentative no more. False: it is not there. */
bool addr_set_valid(struct net_device *dev, const ip_addr *a);
/*
 * A router says that it is preferred until @preferred, and ends at @expires, but not earlier than it does and than @least (ktime_get(); ~0: never).
 * False: it is not there, or was set by hand to stay.
 */
bool addr_renew(struct net_device *dev, const ip_addr *a, u64 expires, u64 preferred, u64 least);
/* Lifetimes, flags and metric of an address that is there become those of @a, and who listens is told. 0 or -ENOENT. */
int addr_replace(struct net_device *dev, const struct ifaddr *a);
/* For @a of @seconds each, ~0 for ever: 0 or -EINVAL. */
int addr_set_lifetimes(struct ifaddr *a, u32 valid, u32 preferred);
/* The addresses of a namespace whose time is over leave, by a timer. */
void addr_net_init(struct net *net);
void addr_net_end(struct net *net); /* may sleep */
u32 addr6_count(struct net_device *dev);
/* Is @a in the network of an IPv6 address of @dev? */
bool addr6_is_near(struct net_device *dev, const ip_addr *a);
/* Those of IPv6; @keep: but what somebody has set by hand to stay, link-local ones excepted. */
void addrs6_forget(struct net_device *dev, bool keep);
void addrs_forget(struct net_device *dev);
/* An address of @dev, or any, to send to @dst from. False: there is none of that family. */
bool addr_source(const struct net_device *dev, const ip_addr *dst, ip_addr *out);
/* Is @a, and @b (NULL: nobody), in the network of an IPv4 address of @dev? */
bool addr_on_link(struct net_device *dev, const ip_addr *a, const ip_addr *b);

/* For who holds net->lock; what they return stays while it does. NULL: none. */
struct ifaddr *addr_find_local(struct net *net, const ip_addr *a, int ifindex);
/* The first of @dev's that is @a, with that prefix (-1: any). */
struct ifaddr *addr_find_on(const struct net_device *dev, const ip_addr *a, int prefix);
/*
 * addr_find.c: @a, which stands in the list of addresses, is found by what it says from now on, or no more. Room for that is made before, without the
 * lock: false: no memory.
 */
bool addr_places_alloc(struct ifaddr *a);
bool addr_enter(struct net *net, struct ifaddr *a);
void addr_leave(struct net *net, struct ifaddr *a);
void ifaddr_free(struct ifaddr *a); /* one that is in no list; NULL is fine */
/* The first @bits (of 128) that an address of @prefix bits of its own family has. */
static inline u32 addr_bits_of(const ip_addr *a, u32 prefix)
{
	return ip_is_v4(a) ? 96 + prefix : prefix;
}
const struct ifaddr *addr_source_of(
	struct net *net, const struct net_device *dev, const ip_addr *dst);
/* One to send from by @dev: one of its own, else any, which use_oif_addrs_only forbids IPv6. */
const struct ifaddr *addr_source_by(
	struct net *net, const struct net_device *dev, const ip_addr *dst);
/* All ones, or the broadcast address of a network that @dev is in. */
bool addr_is_broadcast_of(/* *steps is added to */
	struct net *net, const struct net_device *dev, const ip_addr *a, u32 *steps);

/* ---- routes ---- */

/* One of several ways of a route. */
#define WAY_OURS                                                                                   \
	0x80 /* of its flags, never told: the gateway is an IPv4 address of our own, so who is meant is on the link */
struct nexthop {
	struct net_device *dev;
	int ifindex;
	ip_addr gateway; /* any: none */
	u32 weight;      /* from 1 */
	u8 flags;        /* RTNH_F_ONLINK, WAY_OURS */
};
/* Never changed; who has a route beyond net->lock has a reference. */
struct nexthops {
	atomic_t refs;
	u32 nr;
	struct nexthop hop[];
};
#define HOPS_MAX 64U
struct nexthops *nexthops_alloc(u32 nr); /* NULL */
struct nexthops *nexthops_get(struct nexthops *h);
void nexthops_put(struct nexthops *h); /* NULL is fine, for both */

struct route {
	struct list_head list; /* under net->lock, as is */
	struct prefix_node
		node; /* of net->by_net: of the same network the lowest metric first, then as in the list */
	struct net_device *dev;
	ip_addr dst, gateway, prefsrc; /* any: none */
	u8 prefix;                     /* of 128 */
	u8 protocol, scope, type;
	u8 tos;
	u8 pref;     /* of IPv6: ICMPV6_ROUTER_PREF_* */
	u8 flags;    /* RTNH_F_ONLINK, WAY_OURS */
	u8 hoplimit; /* 0: the default, as the next two */
	u32 mtu, advmss;
	u32 table;
	u32 metric;
	u64 expires;           /* ktime, 0: never */
	struct nexthops *hops; /* more than one way; dev and gateway are the first one's. NULL */
};
/*
 * By NLM_F_CREATE, _EXCL, _REPLACE and _APPEND, as rtnetlink has them; it takes a reference to r->hops of its own. 0, -EEXIST, -ENOENT, -ENOMEM,
 * -ENOBUFS.
 */
int route_change(struct net *net, const struct route *r, u16 flags);
int route_add(struct net *net, const struct route *r);
/*
 * The first one like @r: with its destination and table, and where @r says one (not 0, NULL, any, RT_SCOPE_NOWHERE) its type, scope, origin,
 * metric, source, device and gateway. 0 or -ESRCH.
 */
int route_del(struct net *net, const struct route *r);
/*
 * The same for who has net->lock, and tells of it later: @n, made by kmalloc(), has its place (0), or has not (-errno, or 1: its ways are another's
 * now); what it took the place of is in @gone. The one that is like @r, out of the list; NULL.
 */
int route_place(struct net *net, struct route *n, u16 flags, struct list_head *gone);
struct route *route_take(struct net *net, const struct route *r);
void route_free(struct route *r);
/* A table: how many routes it has of each length. */
struct route_table {
	struct prefix_node
		node; /* of net->tables: its number is the space, its length says whether it is IPv4's */
	struct prefix_lens lens;
	u32 routes;
};
/* NULL: there was no route in it yet. net->lock held. */
struct route_table *route_table_find(const struct net *net, bool v4, u32 table);
/* Was there ever a route in that table? net->lock held. And at the namespace's end. */
bool route_has_table(const struct net *net, bool v4, u32 table);
void route_tables_free(struct net *net);
/* How many ways there are, and one of them. */
static inline u32 route_ways(const struct route *r)
{
	return r->hops ? r->hops->nr : 1;
}
struct nexthop route_way(const struct route *r, u32 n);
/* RTNH_F_DEAD, RTNH_F_LINKDOWN: what @dev cannot do at present. */
u8 way_state(const struct net_device *dev);
/* A device has gone down, or (@for_good) goes: its routes end. It is up: those of its addresses are there. */
void routes_forget(struct net_device *dev, bool for_good);
/* Those that the IPv4 address @addr (NULL: none), gone from @dev, takes along; @last: it was the only one there. net->lock held. */
void routes_forget_addr(struct net *net, const struct net_device *dev, const ip_addr *addr,
	bool last, struct list_head *gone);
void routes_free(struct list_head *gone);
void addrs_connect(struct net_device *dev);
void addr_connected_route(const struct ifaddr *a, struct route *r);
bool addr_same_network(const struct ifaddr *a, const struct ifaddr *b);
/* route_local.c: table local as it is told, into @out; each address makes at most four, some of them the same. How many. net->lock held. */
u32 local_routes(struct net *net, struct route *out, u32 room);

/* What is known of a way before and after looking it up. */
struct flow {
	ip_addr saddr, daddr; /* saddr any: chosen */
	int oif;              /* 0: any */
	int iif;              /* where it came from; 0: it begins here */
	u8 proto, tos, ttl;   /* ttl 0: the default */
	bool dont_fragment; /* says so on the way; what is too large for the way is cut all the same, unless */
	bool no_fragment; /* EMSGSIZE then */
	bool dontroute;
	bool no_guess; /* who is not on any way is not taken to be on oif's link either */
	bool loop;     /* to a group: to members on this machine, too */
	bool stays;    /* and to no other: TTL 0 */
	u32 mark;
	u16 sport, dport;     /* of TCP and UDP; 0: not known, or none */
	u32 uid, gid;         /* whose socket it is, when `owned` */
	u32 classid, prioidx; /* of that socket: net_cls, net_prio; 0: none */
	u32 label;            /* of IPv6's flow, 20 bits */
	bool owned;
	struct ip6_ext *
		ext; /* headers between IPv6's and the transport's; whoever fills it in has the reference. NULL */
	struct ip4_opts *opts; /* IPv4's options, the same */
	/* by route_output() */
	struct net_device *dev;
	ip_addr next_hop;
	u32 mtu;
	u32 route_mtu, advmss, metric; /* as the route says; 0: nothing */
	u8 hoplimit;                   /* the same */
	u8 protocol;                   /* who made the route: RTPROT_* */
	u8 prefix;                     /* of the route, in bits of its family */
	u32 table; /* where it was found, once rules were asked; 0: they were not */
	u32 steps; /* what it has cost to look, in routes, addresses and rules that were looked at */
	bool local;     /* to this machine */
	bool broadcast; /* to all on the link */
};
/*
 * 0, -ENETUNREACH, -EHOSTUNREACH, -EINVAL, -EACCES. Who makes rules and routes such that more than LOOK_MAX steps would be needed is told that there is no way.
 */
#define LOOK_MAX 65536U
int route_output(struct net *net, struct flow *f);

/* The way of a packet that came by @f->iif from @f->saddr and is for somebody else. The same, and -EHOSTUNREACH. */
int route_forward(struct net *net, struct flow *f);
/* Does the table of local ways, which a program has added to, make @a this machine's? net->lock held. */
bool route_makes_local(struct net *net, const ip_addr *a);

/* rules.c: asks @look for each table that the rules name, until one does not say -ENETUNREACH. net->lock held. */
int rules_route(
	struct net *net, struct flow *f, int (*look)(struct net *net, struct flow *f, u32 table));
int rules_init(struct net *net);
void rules_free(struct net *net);

/* inet_ioctl.c: the ioctls of devices, addresses and routes, as the family of @c answers them; -ENOTTY: not one of these. */
struct sock_common;
long net_ioctl(const struct sock_common *c, u32 cmd, u64 arg);
/* ethtool.c: SIOCETHTOOL; @arg points at what is behind ifr_data. */
long ethtool_ioctl(struct net *net, struct net_device *d, u64 arg);

/* Takes the lock of @dev's namespace, in which it stays as long as that is held: `spin_unlock(&dev->net->lock)` lets go of the same. */
static inline void netdev_lock_net(const struct net_device *dev)
{
	for (;;) {
		struct net *net = READ_ONCE(dev->net);

		spin_lock(&net->lock);
		if (likely(READ_ONCE(dev->net) == net))
			return;
		spin_unlock(&net->lock);
	}
}

#endif
