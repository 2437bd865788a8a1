/* SPDX-License-Identifier: MIT */
/*
 * net.h: the public header of the network: struct net, a network namespace. Devices, addresses,
 * routes, sockets, ports and packets each belong to one namespace.
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
 * Names like ip_local_port_range in the comments of fields are files in /proc/sys/net.
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
/* number of netlink protocols; NETLINK_GENERIC is the last implemented one */
#define NL_PROTOCOLS 17

/* Devices (link/). Protected by net->lock. */
struct net_devs {
	struct list_head list; /* of net_device.list, by ifindex */
	struct list_head dead; /* deleted devices, to be used again */
	/*
	 * packet sockets of all protocols (taps), by packet_sock.tap; protected by packet_taps_lock
	 */
	struct hlist_head taps;
	int next_ifindex;
};

/* Addresses (ifaddr.h). Protected by net->lock. */
struct net_addrs {
	struct list_head list; /* of ifaddr.list, in order of addition */
	u32 nr;                /* number of addresses in `list` */
	/* the addresses of `list`, hashed by address and by network (addr_find.c) */
	struct prefix_hash hash;
	struct prefix_lens lo_lens; /* prefix lengths of lo's networks */
	/* an IPv4 address was added at some time; read without the lock */
	bool had_v4;
	struct ktimer timer; /* armed for the next end of a lifetime */
	struct work work;    /* removes the expired addresses */
};

/* Routes and rules (route/route.h). Protected by net->lock. */
struct net_routes {
	struct list_head rules; /* of policy routing, by priority */
	/* a rule was added or deleted at some time, so lookups must walk the rules */
	bool policy;
	bool policy_by_ports;      /* a rule matches protocols or ports */
	struct list_head list;     /* of route.list, the most specific first */
	struct prefix_hash by_net; /* routes of `list`, by table and network */
	u32 nr_ending;             /* number of routes with an expiry time */
	struct prefix_hash tables; /* tables that have, or had, a route */
	/* the main tables of IPv6 [0] and IPv4 [1]; NULL: not made yet */
	struct route_table *main[2];
	/* a route of type RTN_LOCAL was added at some time, so whole networks may be local */
	bool local;
	/*
	 * incremented by each change of routes, rules and addresses; a cached route that was made
	 * at another value is stale; read without the lock
	 */
	u32 gen;
};

/* Sysctls of ports and of bind(2). */
struct net_ports {
	int min, max; /* ip_local_port_range */
	int free;     /* ip_unprivileged_port_start */
	/* ip_local_reserved_ports, a bit for each port; NULL: none is reserved */
	u64 *reserved;
	int nonlocal_bind, nonlocal_bind6, v6only, autobind_reuse;
};

/* Other sysctls of IPv4. */
struct net_ipv4 {
	kgid_t ping_gid_min, ping_gid_max;      /* ping_group_range */
	int default_ttl;                        /* hops of sent packets */
	int min_pmtu, mtu_expires, min_adv_mss; /* route/; bytes, s, bytes */
	/* udp_wmem_min: bytes */
	int forward_use_pmtu, udp_wmem_min, tstamp_allow_data;
};

/*
 * A token bucket (icmp_limit.c). Tokens are nanoseconds: `saved` grows with time up to a limit, and
 * each message takes a cost from it. `at`: ktime_get() of the last update.
 */
struct icmp_bucket {
	u64 saved, at;
};

/* Sysctls and state of ICMP and ICMPv6 (icmp.c, icmp_limit.c). */
struct net_icmp {
	int ignore_bogus;      /* icmp_ignore_bogus_error_responses */
	int errors_by_inbound; /* icmp_errors_use_inbound_ifaddr */
	/* ignore echo requests: all of them; those to a broadcast or multicast address */
	int echo_ignore, echo_ignore_many, echo6_ignore, echo6_ignore_many;
	/* ms between two errors to one destination, of IPv4 and IPv6; 0: no limit */
	int ratelimit, ratelimit6;
	int ratemask;     /* rate-limited ICMP types, a bit each */
	u64 ratemask6[4]; /* rate-limited ICMPv6 types, a bit each */
	/* rate-limited messages to all destinations: at most a second, and at once */
	int msgs_per_sec, msgs_burst;
	struct icmp_bucket all; /* of them; under limit_lock */
};

/* Other sysctls of IPv6. */
struct net_ipv6 {
	/* number of exclusive leases of flow labels (flowlabel.c) */
	u32 exclusive_labels;
	/* auto_flowlabels: LABELS_* or another mode; flowlabel_reflect: REFLECT_* bits */
	int auto_labels, label_ranges, label_reflect, label_consistency;
	/*
	 * limits on the options in an extension header (ip6_ext.c), [0]: hop-by-hop header, [1]:
	 * destination options. opts_max: number of options; opts_len: bytes
	 */
	int opts_max[2], opts_len[2];
	/*
	 * for a stable-privacy address that is a duplicate. idgen_retries: number of further tries;
	 * idgen_delay: seconds between two tries
	 */
	int idgen_retries, idgen_delay;
	/* ipv6/route. min_adv_mss: bytes; mtu_expires: s; route_silent: skip_notify_on_dev_down */
	int min_adv_mss, mtu_expires, route_silent;
};
/* values of auto_labels; a socket's own setting overrides LABELS_ON, but not LABELS_FORCED */
#define LABELS_ON 1
#define LABELS_FORCED 3
#define REFLECT_FLOWS 1 /* bits of label_reflect */
#define REFLECT_RESETS 2
#define REFLECT_ECHOES 4

/* Reassembly queues of one address family (frag.c). Protected by frag.c's lock. */
struct net_frags {
	/*
	 * queues: of frag_queue.list, the oldest first; link: in the list of net_frags that have
	 * queues
	 */
	struct list_head queues, link;
	/* packets: number of queues; memory: sum of skb_truesize() of the fragments, bytes */
	u32 packets, memory;
	u64 high_thresh, low_thresh; /* ipfrag_*_thresh, bytes */
	/* ipfrag_time: s until an incomplete packet is dropped */
	int time;
};

/* Neighbours (neigh/). */
struct net_neigh {
	/* number of all entries, and of those set by hand; protected by neigh.c's lock */
	u32 nr, by_hand;
	/* delayed work of neighbour discovery; protected by ndisc.c's lock */
	struct list_head jobs;
	u32 nr_jobs; /* protected by ndisc.c's lock */
	/* armed for the next job; under ndisc.c's lock */
	struct ktimer timer;
};

/* Multicast (mcast/mcast.h). */
struct net_mc {
	struct ktimer timer;
	/* ktime_get() for which the timer is armed, 0: not armed; protected by net->lock */
	u64 next;
	int max_memberships, max_msf, qrv, link_local; /* sysctls igmp_* */
};

/* The packet filter (netfilter/netfilter.h). */
struct net_nf {
	/* bit n is set if lists[n] is not empty; tested for each packet without a lock */
	u64 hooks;
	/*
	 * a rule that looks up sockets was added at some time, so the filter sees reassembled
	 * packets
	 */
	bool whole;
	/*
	 * hook functions: the filter's, by family and hook number, then NAT's (index_of() in
	 * netfilter/core.c); replaced under a mutex, read without it, freed after a grace period
	 */
	struct nf_hooks *lists[2 * 2 * 5];
	/* tables of nftables; NULL: never needed so far */
	struct nft_net *nft;
	/* connection tracking; NULL: never needed so far */
	struct nf_ct_net *ct;
	struct nf_ct_conf { /* sysctls nf_conntrack_* */
		int acct, timestamp, events, checksum, log_invalid;
		/* tcp_timeout_max_retrans: s */
		int tcp_loose, tcp_max_retrans, tcp_timeout_max_retrans;
	} ct_conf;
};

struct net {
	struct ns_common ns;
	/* frees the namespace after a grace period, since packets in flight may still use it */
	struct rcu_head rcu;
	spinlock_t lock;
	struct net_device *lo; /* immutable */
	/* ends the namespace in a worker task, since ending it sleeps */
	struct work end;
	struct net_devs devs;
	struct net_addrs addr;
	struct net_routes route;
	struct net_ports ports;
	struct tcp_net tcp;
	struct net_ipv4 ipv4;
	struct net_icmp icmp;
	struct net_ipv6 ipv6;
	/* sysctls of all devices, and the defaults of new devices (netconf.h) */
	struct netconf conf_all, conf_default;
	struct net_frags frags[2]; /* [0]: IPv4, [1]: IPv6 */
	struct net_stats stats;    /* counted without a lock */
	struct net_neigh neigh;
	struct net_mc mc;
	struct net_nf nf;
	/* netlink's sockets, by protocol; protected by nl_lock */
	struct nl_hub *nl_hubs[NL_PROTOCOLS];
};
extern struct net init_net;
/* Takes a reference for the caller, and returns @net. */
static inline struct net *net_get(struct net *net)
{
	ns_get(&net->ns);
	return net;
}
/* Drops a reference. The last one queues net->end. */
static inline void net_put(struct net *net)
{
	ns_put(&net->ns);
}
/*
 * Returns current's namespace, which new sockets get, without a reference. A new namespace has one
 * device: lo, which is down.
 */
static inline struct net *current_net(void)
{
	const struct nsproxy *p = current->nsproxy;

	return p ? container_of(p->ns[NS_NET], struct net, ns) : &init_net;
}
/* True if @c may change the sysctls of current's namespace, for proc_let(). */
bool net_sysctl_may(const struct cred *c);
/* True if current has the capability @cap in the user namespace that owns @net. */
static inline bool net_capable(const struct net *net, int cap)
{
	return ns_capable(net->ns.owner, cap);
}
/*
 * Takes the lock of @dev's namespace. @dev stays in that namespace while the lock is held. The
 * caller releases it by `spin_unlock(&dev->net->lock)`.
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

struct sock_common;
/*
 * Handles the ioctls of devices, addresses and routes; @c's family decides which set of them
 * applies (inet_ioctl.c). @arg: address in program memory. May sleep. Returns 0 or -errno, -ENOTTY
 * for other commands.
 */
long net_ioctl(const struct sock_common *c, u32 cmd, u64 arg);
/*
 * Handles SIOCETHTOOL for @d (ethtool.c). @arg: the address in ifr_data. May sleep. Returns 0, for
 * some subcommands a positive value, or -errno; -EOPNOTSUPP: unknown subcommand.
 */
long ethtool_ioctl(struct net *net, struct net_device *d, u64 arg);

#endif
