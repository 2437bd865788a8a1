/* SPDX-License-Identifier: MIT */
/*
 * net.h: the door of the network: struct net, a network namespace. Devices, addresses, routes,
 * sockets, ports and packets each belong to one namespace.
 *
 * The folders, from the packet's end to the program's:
 *     link/       devices: Ethernet, tun, veth, VLANs, macvlan
 *     bridge/     bridges, whose ports are devices
 *     sched/      queueing disciplines of devices
 *     neigh/      ARP and neighbour discovery
 *     route/      where a packet goes next
 *     netfilter/  the packet filter, connection tracking, NAT
 *     inet/       IPv4 and IPv6, UDP, raw and ping sockets
 *     mcast/      multicast groups
 *     tcp/        TCP
 *     packet/     AF_PACKET, and BPF programs on sockets
 *     unix/       AF_UNIX
 *     netlink/    AF_NETLINK and its protocols
 *     socket/     sockets as files, options of all families, skbs
 *     proc/       /proc/net and /proc/sys/net
 *
 * Call sequence: clone and unshare make a namespace by net_ns_ops (netdev.c); current_net() is the
 * namespace of new sockets. net_get() and net_put() count users. After the last net_put(), net->end
 * takes the devices down in a context that may sleep.
 * Locks: net->lock (spin) protects devices, addresses and routes. While it is held, no function is
 * called that takes another lock, except the neighbours' lock. The comment of a group of fields
 * names any other lock. A sysctl is one word, read and written without a lock.
 */
#ifndef NESTLING_NET_NET_H
#define NESTLING_NET_NET_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/lock.h"
#include "kernel/net/inet/addr.h"
#include "kernel/net/inet/ifaddr.h"
#include "kernel/net/link/netdev.h"
#include "kernel/net/route/prefix.h"
#include "kernel/net/route/route.h"
#include "kernel/net/stats.h"
#include "kernel/net/tcp/tcp_net.h"
#include "kernel/sched/sched.h"
#include "kernel/task/ns/nsproxy.h"

#define NSEC_PER_MSEC 1000000UL
/* protocols of netlink; NETLINK_GENERIC is the last that is built */
#define NL_PROTOCOLS 17

/* Devices (link/). Protected by net->lock. */
struct net_devs {
	struct list_head list; /* of net_device.list, by ifindex */
	struct list_head dead; /* devices that were deleted (link.c) */
	/* sockets that see all packets, by packet_sock.tap; protected by packet_taps_lock */
	struct hlist_head taps;
	int next_ifindex;
};

/* Addresses (ifaddr.h). Protected by net->lock. */
struct net_addrs {
	struct list_head list; /* of ifaddr.list, in the order of arrival */
	u32 nr;
	/* the addresses of the list, by address and by network (addr_find.c) */
	struct prefix_hash hash;
	struct prefix_lens lo_lens; /* lengths of lo's networks */
	/* there has been an IPv4 address; read without the lock */
	bool had_v4;
	struct ktimer timer; /* the next end of a lifetime */
	struct work work;    /* removes addresses then */
};

/* Routes and rules (route/route.h). Protected by net->lock. */
struct net_routes {
	struct list_head rules; /* of policy routing, by priority */
	/* the rules are not those of the beginning any more */
	bool policy;
	bool policy_by_ports;      /* a rule matches protocols or ports */
	struct list_head list;     /* of route.list, the most specific first */
	struct prefix_hash by_net; /* of the list, by table and network */
	u32 nr_ending;             /* routes that have an end */
	struct prefix_hash tables; /* tables that ever had a route */
	/* the tables main of IPv6 and of IPv4, NULL: not made yet */
	struct route_table *main[2];
	/* a route of type RTN_LOCAL was added, so that whole networks may be this machine's */
	bool local;
	/*
	 * counts changes of routes, rules and addresses; read without the lock by users of an older
	 * answer
	 */
	u32 gen;
};

/* Sysctls of ports, and of what may be bound to. */
struct net_ports {
	int min, max; /* ip_local_port_range */
	int free;     /* ip_unprivileged_port_start */
	/* ip_local_reserved_ports, a bit for each port, NULL: none */
	u64 *reserved;
	int nonlocal_bind, nonlocal_bind6, v6only, autobind_reuse;
};

/* Other sysctls of IPv4. */
struct net_ipv4 {
	kgid_t ping_gid_min, ping_gid_max; /* ping_group_range */
	int default_ttl;
	int min_pmtu, mtu_expires, min_adv_mss; /* route/; bytes, s, bytes */
	int forward_use_pmtu, udp_wmem_min, tstamp_allow_data;
};

/* Sysctls of ICMP and ICMPv6 (icmp.c, icmp_limit.c). */
struct net_icmp {
	int ignore_bogus;      /* icmp_ignore_bogus_error_responses */
	int errors_by_inbound; /* icmp_errors_use_inbound_ifaddr */
	/* echo requests get no answer; echo requests to many get none */
	int echo_ignore, echo_ignore_many, echo6_ignore, echo6_ignore_many;
	u64 ratemask6[4]; /* types that are limited, a bit each */
};

/* Other sysctls of IPv6. */
struct net_ipv6 {
	/* exclusive leases of flow labels (flowlabel.c) */
	u32 exclusive_labels;
	int auto_labels, label_ranges, label_reflect, label_consistency; /* LABELS_*, REFLECT_* */
	/* options in an extension header at most: their number, their bytes (ip6_ext.c) */
	int opts_max[2], opts_len[2];
	/* for addresses made by a secret that turn out to be taken: tries, and s between them */
	int idgen_retries, idgen_delay;
	int min_adv_mss, mtu_expires, route_silent; /* ipv6/route: bytes, s */
};
/* auto_labels, unless a socket has its own setting */
#define LABELS_ON 1
#define LABELS_FORCED 3
#define REFLECT_FLOWS 1 /* label_reflect */
#define REFLECT_RESETS 2
#define REFLECT_ECHOES 4

/* Fragments of one family that wait for the rest (frag.c). Protected by frag.c's lock. */
struct net_frags {
	struct list_head queues, link;
	u32 packets, memory;         /* datagrams in the making; bytes */
	u64 high_thresh, low_thresh; /* ipfrag_*_thresh, bytes */
	/* s until an incomplete datagram is dropped */
	int time;
};

/* Neighbours (neigh/). */
struct net_neigh {
	/* number of entries; of those set by hand; protected by neigh.c's lock */
	u32 nr, by_hand;
	/* what neighbour discovery does later; protected by ndisc.c's lock */
	struct list_head jobs;
	u32 nr_jobs;         /* protected as jobs are */
	struct ktimer timer; /* of the next job; protected as jobs are */
};

/* Multicast (mcast/mcast.h). */
struct net_mc {
	struct ktimer timer;
	/* ktime_get() for which the timer is armed, 0: it is not; protected by net->lock */
	u64 next;
	int max_memberships, max_msf, qrv, link_local; /* sysctls igmp_* */
};

/* The packet filter (netfilter/netfilter.h). */
struct net_nf {
	/* bit n is set when lists[n] is not empty; read without a lock for each packet */
	u64 hooks;
	/* a rule has looked for a socket, so fragments are put together before the filter */
	bool whole;
	/* hooks by family and number, and NAT's (netfilter/core.c) */
	struct nf_hooks *lists[2 * 2 * 5];
	struct nft_net *nft; /* tables of nftables */
	/* connections, NULL: conntrack was never needed */
	struct nf_ct_net *ct;
	struct nf_ct_conf { /* sysctls nf_conntrack_* */
		int acct, timestamp, events, checksum, log_invalid;
		int tcp_loose, tcp_max_retrans, tcp_timeout_max_retrans;
	} ct_conf;
};

struct net {
	struct ns_common ns;
	struct rcu_head rcu; /* packets on their way see its devices */
	spinlock_t lock;
	struct net_device *lo; /* immutable */
	struct work end;       /* the namespace's end, which sleeps */
	struct net_devs devs;
	struct net_addrs addr;
	struct net_routes route;
	struct net_ports ports;
	struct tcp_net tcp;
	struct net_ipv4 ipv4;
	struct net_icmp icmp;
	struct net_ipv6 ipv6;
	/* sysctls of all devices, and of new ones (netconf.h) */
	struct netconf conf_all, conf_default;
	struct net_frags frags[2]; /* of IPv4, of IPv6 */
	struct net_stats stats;    /* counted without a lock */
	struct net_neigh neigh;
	struct net_mc mc;
	struct net_nf nf;
	struct nl_hub *nl_hubs[NL_PROTOCOLS]; /* netlink's sockets; protected by nl_lock */
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
/* Returns the namespace of new sockets. A fresh one has nothing but a lo that is down. */
static inline struct net *current_net(void)
{
	const struct nsproxy *p = current->nsproxy;

	return p ? container_of(p->ns[NS_NET], struct net, ns) : &init_net;
}
/* True if @c may change the sysctls of current's namespace, for proc_let(). */
bool net_sysctl_may(const struct cred *c);
/* True if current has @cap over the namespace's devices, addresses and ports. */
static inline bool net_capable(const struct net *net, int cap)
{
	return ns_capable(net->ns.owner, cap);
}
/*
 * Takes the lock of @dev's namespace, and returns with @dev in that namespace for as long as the
 * lock is held. `spin_unlock(&dev->net->lock)` gives it back.
 */
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

/*
 * Handles the ioctls of devices, addresses and routes, as the family of @c does (inet_ioctl.c).
 * -ENOTTY for others.
 */
struct sock_common;
long net_ioctl(const struct sock_common *c, u32 cmd, u64 arg);
/* Handles SIOCETHTOOL (ethtool.c). @arg: the address in ifr_data. */
long ethtool_ioctl(struct net *net, struct net_device *d, u64 arg);

#endif
