/* SPDX-License-Identifier: MIT */
/*
 * netconf.h: the values in /proc/sys/net/{ipv4,ipv6}/conf/NAME, of a device, of all devices ("all")
 * and of future devices ("default"). They are single words, read without a lock.
 */
#ifndef NESTLING_NET_NETCONF_H
#define NESTLING_NET_NETCONF_H

/*
 * The values in /proc/sys/net/{ipv4,ipv6}/neigh/NAME. Each family has its own, in netconf.v4 from
 * CONF4_NEIGH on and in netconf.v6 from CONF6_NEIGH on.
 */
enum {
	NEIGH_ASK_ALL, /* requests to all machines, at most */
	/* requests to the known address, at most; they are sent before requests to all machines */
	NEIGH_ASK_ONE,
	NEIGH_RETRANS, /* time between requests, ms */
	/* time for which a machine counts as reachable after a confirmation, ms */
	NEIGH_REACHABLE,
	/* time for which a stale address is used before it is probed, ms */
	NEIGH_DELAY,
	NEIGH_ASK_APP, /* requests to programs, at most */
	/* requests to all machines after the known address has not answered, at most */
	NEIGH_ASK_AGAIN,
	/* time for which an unused entry is kept, ms */
	NEIGH_STALE,
	/* limit of an entry's packets that wait for an answer, bytes */
	NEIGH_QUEUE,
	/* time after a change of the MAC address in which it does not change again, 1/100 s */
	NEIGH_LOCK,
	/* longest delay of an answer for another machine, 1/100 s */
	NEIGH_PROXY,
	/* limit of answers that wait for this delay */
	NEIGH_PROXIED,
	NEIGH_WORDS
};
/* Indexes of netconf.v4: the files in ipv4/conf/NAME; netconf.c has their names and ranges. */
enum {
	CONF4_FORWARDING,
	CONF4_RP_FILTER,
	CONF4_ACCEPT_LOCAL,
	CONF4_ROUTE_LOCALNET,
	CONF4_SEND_REDIRECTS,
	CONF4_PROXY_ARP,
	CONF4_ARP_NOTIFY,
	CONF4_ARP_IGNORE,
	CONF4_FORCE_IGMP,
	CONF4_PROMOTE,
	CONF4_ACCEPT_REDIRECTS,
	CONF4_ACCEPT_SOURCE_ROUTE,
	CONF4_LOG_MARTIANS,
	CONF4_ARP_EVICT,
	CONF4_TAG,         /* not used by the kernel */
	CONF4_BOOTP_RELAY, /* without effect, as on Linux */
	CONF4_ARP_ANNOUNCE,
	CONF4_ARP_FILTER,
	CONF4_ARP_ACCEPT,
	CONF4_DROP_GRATUITOUS,
	CONF4_PROXY_ARP_PVLAN,
	CONF4_MEDIUM_ID,
	CONF4_SHARED_MEDIA,
	CONF4_SRC_VALID_MARK,
	CONF4_BC_FORWARDING,
	CONF4_MC_FORWARDING,
	CONF4_DROP_L2_MULTICAST,
	CONF4_IGNORE_LINKDOWN,
	CONF4_IGMP2_INTERVAL, /* ms */
	CONF4_IGMP3_INTERVAL,
	CONF4_NEIGH, /* NEIGH_WORDS words begin here */
	CONF4_NR = CONF4_NEIGH + NEIGH_WORDS
};
/* Indexes of netconf.v6: the files in ipv6/conf/NAME; netconf.c has their names and ranges. */
enum {
	CONF6_FORWARDING,
	CONF6_DISABLE,
	CONF6_ACCEPT_RA,
	CONF6_ACCEPT_DAD,
	CONF6_AUTOCONF,
	CONF6_ADDR_GEN_MODE,
	CONF6_FORCE_MLD,
	CONF6_ACCEPT_REDIRECTS,
	CONF6_ACCEPT_SOURCE_ROUTE,
	CONF6_USE_TEMPADDR,
	CONF6_PROXY_NDP,
	CONF6_NDISC_EVICT,
	CONF6_HOP_LIMIT,
	CONF6_MTU, /* at most the device's MTU */
	CONF6_DAD_TRANSMITS,
	CONF6_ENHANCED_DAD,
	CONF6_KEEP_ADDR,
	CONF6_MAX_ADDRESSES,
	CONF6_OIF_ADDRS_ONLY,
	CONF6_RS_COUNT,
	CONF6_RS_DELAY,
	CONF6_RS_INTERVAL,
	CONF6_RS_MAX_INTERVAL,
	CONF6_RA_DEFRTR,
	CONF6_RA_METRIC,
	CONF6_RA_RTR_PREF,
	CONF6_RA_PINFO,
	CONF6_RA_PIO_LIFE,
	CONF6_RA_MTU,
	CONF6_RA_MIN_HOP_LIMIT,
	CONF6_RA_MIN_LFT,
	CONF6_RA_FROM_LOCAL,
	CONF6_RA_INFO_MIN,
	CONF6_RA_INFO_MAX,
	CONF6_FORCE_TLLAO,
	CONF6_NDISC_NOTIFY,
	CONF6_NDISC_TCLASS,
	CONF6_DROP_UNSOLICITED_NA,
	CONF6_ACCEPT_UNTRACKED_NA,
	CONF6_SUPPRESS_FRAG,
	CONF6_MLDV1_INTERVAL,
	CONF6_MLDV2_INTERVAL,
	CONF6_IGNORE_LINKDOWN,
	CONF6_DROP_UNICAST,
	CONF6_MC_FORWARDING,
	CONF6_NEIGH,
	CONF6_NR = CONF6_NEIGH + NEIGH_WORDS
};
struct netconf {
	int v4[CONF4_NR], v6[CONF6_NR];
	/* bit n: v4[n] was set for this device, and does not follow "default"; under net->lock */
	u64 own4;
	struct addr_secret { /* addr_gen.c; under net->lock */
		u64 key[2];
		bool set;
	} secret;
};

struct net;
struct net_device;
/*
 * Sets up the values of a namespace. Except in the first one, values are taken over from a
 * namespace as devconf_inherit_init_net selects; by default those of IPv4 from the first one.
 */
void netconf_init(struct net *net);
/*
 * Gives a device that enters its namespace the "default" values of that namespace, and the
 * "default" values of the first namespace for neighbours. net->lock held.
 */
void netconf_new(struct net_device *dev);

/*
 * The effective value of a setting for a device. _OR: the device's or that of "all" is set; _AND:
 * both are set; _MAX: the greater of both; _FIRST: that of "all", or if it is 0 the device's;
 * CONF4, CONF6, CONF_NEIGH: the device's.
 */
#define CONF4_OR(dev, key)                                                                         \
	(READ_ONCE((dev)->conf.v4[key]) || READ_ONCE((dev)->net->conf_all.v4[key]))
#define CONF4_AND(dev, key)                                                                        \
	(READ_ONCE((dev)->conf.v4[key]) && READ_ONCE((dev)->net->conf_all.v4[key]))
#define CONF6_AND(dev, key)                                                                        \
	(READ_ONCE((dev)->conf.v6[key]) && READ_ONCE((dev)->net->conf_all.v6[key]))
#define CONF6_OR(dev, key)                                                                         \
	(READ_ONCE((dev)->conf.v6[key]) || READ_ONCE((dev)->net->conf_all.v6[key]))
#define CONF6_FIRST(dev, key)                                                                      \
	(READ_ONCE((dev)->net->conf_all.v6[key]) ?: READ_ONCE((dev)->conf.v6[key]))
#define CONF4_MAX(dev, key)                                                                        \
	max(READ_ONCE((dev)->conf.v4[key]), READ_ONCE((dev)->net->conf_all.v4[key]))
#define CONF4_FIRST(dev, key)                                                                      \
	(READ_ONCE((dev)->net->conf_all.v4[key]) ?: READ_ONCE((dev)->conf.v4[key]))
#define CONF4(dev, key) READ_ONCE((dev)->conf.v4[key])
#define CONF_NEIGH(dev, v4_, key)                                                                  \
	((v4_) ? READ_ONCE((dev)->conf.v4[CONF4_NEIGH + (key)]) :                                  \
		 READ_ONCE((dev)->conf.v6[CONF6_NEIGH + (key)]))
#define CONF6(dev, key) READ_ONCE((dev)->conf.v6[key])

#endif
