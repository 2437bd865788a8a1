/* SPDX-License-Identifier: MIT */
/*
 * neigh.h: the door of neighbours: which MAC address belongs to an IP address on a link.
 *
 * What the folder is for: one table of all families and namespaces (neigh.c, neigh_table.c), ARP
 * (arp.c) and neighbour discovery (ndisc.c), which send requests and answers, and the ioctls of ARP
 * (arp_ioctl.c).
 *
 * Types: struct neigh (neigh_table.h), an entry with its state (NUD_*); struct neigh_info, a copy
 * of it for programs.
 *
 * Call sequence: neigh_output() sends a packet, or queues it and asks by arp_solicit() or
 * ndisc_solicit(); an answer comes by arp_rcv() or ndisc_rcv() and calls neigh_learn(), which sends
 * what waits. neigh_confirm() notes that a higher layer has received from the machine. A timer ends
 * states and repeats requests; neigh_forget() drops the entries of a device.
 *
 * Locks: neigh_lock (spin) for the table, net->lock outside of it; jobs_lock (ndisc.c, spin) for
 * the delayed jobs of neighbour discovery. Nothing is sent under either: packets and notifications
 * are collected first.
 *
 * May know: link/, inet/ (addresses), netlink/ to notify of changes.
 */
#ifndef NESTLING_NET_NEIGH_H
#define NESTLING_NET_NEIGH_H

#include <linux/neighbour.h>

#include "kernel/net/net.h"

/*
 * Sends @skb, which begins with its network header, to neighbour @to; the packet waits until the
 * address is known. Consumes it.
 */
int neigh_output(struct net_device *dev, const ip_addr *to, struct sk_buff *skb);

/* Flags for how far a message of ARP or ND is trusted. */
/* make an entry if there is none: the sender is about to send to us */
#define NEIGH_CREATE 1
/* an answer to our request: both directions work */
#define NEIGH_SOLICITED 2
#define NEIGH_OVERRIDE 4 /* the address may have moved */
/* the sender is a router; NEIGH_ISROUTER_KNOWN: the message has a router flag */
#define NEIGH_ROUTER 8
#define NEIGH_ISROUTER_KNOWN 16
/* the address may have moved, but not so soon after it has changed (locktime) */
#define NEIGH_UNLESS_NEW 32
void neigh_learn(struct net_device *dev, const ip_addr *addr, const u8 *mac, u32 how);
/* Notes that a higher layer has received from the neighbour. */
void neigh_confirm(struct net_device *dev, const ip_addr *addr);
/* Drops the neighbours of a device that is down, has another address, or ends. */
void neigh_forget(struct net_device *dev);
/*
 * Drops entries that are not permanent of a device that has lost its link, if its sysctls ask for
 * that.
 */
void neigh_link_lost(struct net_device *dev);
/*
 * Ends the table of @net. Nothing counts for it any more, not even a late call about a device that
 * was just leaving it.
 */
void neigh_net_end(struct net *net);

/* ---- for people: RTM_*NEIGH, /proc/net/arp ---- */
struct neigh_info {
	ip_addr addr;
	int ifindex;
	char dev[IFNAMSIZ];
	u8 mac[ETH_ALEN];
	u8 state, flags; /* NUD_*, NTF_* */
	u32 probes;
	u64 used, confirmed, updated; /* ktime_get() */
};
/* Lists the first entries of @net, at most @max, and returns their number. */
u32 neigh_list(struct net *net, struct neigh_info *info, u32 max);
int neigh_get(struct net_device *dev, const ip_addr *addr, struct neigh_info *info);
/*
 * Sets an entry by hand. @mac NULL: the known address stays, or none is needed. @nlflags:
 * NLM_F_CREATE, EXCL, REPLACE.
 */
int neigh_set(struct net_device *dev, const ip_addr *addr, const u8 *mac, u16 state, u8 flags,
	u32 nlflags);
/* Notifies RTNLGRP_NEIGH. RTM_GETNEIGH: asks programs that resolve addresses. */
void rtnl_tell_neigh(struct net *net, const struct neigh_info *info, u16 type);
int neigh_del(struct net_device *dev, const ip_addr *addr);

/*
 * /proc/sys/net/{ipv4,ipv6}/neigh/default/gc_*: limits on entries that were not set by hand, of
 * IPv4 and of IPv6. With fewer than thresh1 none is forgotten; above thresh2 those that were not
 * used for five seconds are, when another one comes; there are no more than thresh3. interval is in
 * seconds.
 */
extern struct neigh_gc {
	int thresh1, thresh2, thresh3, interval;
} neigh_gc[2];

/* ---- arp.c, ndisc.c ---- */
void arp_rcv(struct sk_buff *skb);
/* Asks for @addr: all on the link, or @mac alone, for a packet from @from (NULL: for none). */
void arp_solicit(struct net_device *dev, const ip_addr *addr, const u8 *mac, const ip_addr *from);
void arp_announce(struct net_device *dev); /* its addresses, to all */
/* Drops answers for others that wait. */
void arp_forget(struct net_device *dev);
void ndisc_rcv(struct sk_buff *skb); /* as ICMPv6 got it */
void ndisc_net_init(struct net *net);
void ndisc_net_end(struct net *net); /* may sleep */
void ndisc_up(struct net_device *dev);
void ndisc_down(struct net_device *dev);
/* Makes a new address for a device after conf/NAME/addr_gen_mode has changed. */
void ndisc_regenerate(struct net_device *dev);
/*
 * addr_gen.c: addr_gen() sets a->addr and a->flags of an address of @dev in network @prefix; @tries
 * earlier ones were taken. addr_gen_may() is true if @mode is possible. net->lock held.
 * addr_secret_show() and _store() serve the file of a secret, by its struct netname.
 */
void addr_gen(struct net_device *dev, const ip_addr *prefix, u32 tries, struct ifaddr *a);
bool addr_gen_may(const struct net_device *dev, int mode);
struct seq;
int addr_secret_show(struct seq *s, void *arg);
int addr_secret_store(char *text, size_t n, void *arg);
/*
 * Announce to the link all addresses of a device, or one that was added by hand, if ndisc_notify is
 * on.
 */
void ndisc_notify(struct net_device *dev);
void ndisc_added(struct net_device *dev, const ip_addr *addr);
void ndisc_solicit(struct net_device *dev, const ip_addr *addr, const u8 *mac);

#endif
