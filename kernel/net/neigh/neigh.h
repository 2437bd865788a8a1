/* SPDX-License-Identifier: MIT */
/*
 * neigh.h: the public header of neighbours: the MAC addresses of the IP addresses on a link.
 *
 * What the folder is for: one table of all families and namespaces (neigh.c, neigh_table.c), ARP
 * (arp.c) and neighbour discovery (ndisc.c), which send requests and answers, and the ioctls of ARP
 * (arp_ioctl.c).
 *
 * Types: struct neigh (neigh_table.h), an entry with its state (NUD_*); struct neigh_info, a copy
 * of it for programs.
 *
 * Call sequence: neigh_output() sends a packet, or queues it and sends a request by arp_solicit()
 * or ndisc_solicit(); arp_rcv() or ndisc_rcv() receives the answer and calls neigh_learn(), which
 * sends the waiting packets. neigh_confirm() records that a higher layer has received something
 * from the machine. A timer ends states and repeats requests; neigh_forget() drops the entries of a
 * device.
 *
 * Locks: neigh_lock (spin) for the table, inside net->lock; jobs_lock (ndisc.c, spin) for the
 * delayed jobs of neighbour discovery. No packet or notification is sent under either lock: they
 * are collected first.
 *
 * May know: link/, inet/ (addresses), netlink/ to notify of changes.
 */
#ifndef NESTLING_NET_NEIGH_H
#define NESTLING_NET_NEIGH_H

#include <linux/neighbour.h>

#include "kernel/net/net.h"

/*
 * Sends @skb, which begins with its network header, to neighbour @to. The packet waits until the
 * MAC address is known. Consumes it. Does not sleep; a socket's c.lock may be held. Returns 0 (also
 * for a packet that waits) or -errno.
 */
int neigh_output(struct net_device *dev, const ip_addr *to, struct sk_buff *skb);

/* Flags of neigh_learn(): how an ARP or ND message is used. */
/* make an entry if there is none: the sender is about to send packets to us */
#define NEIGH_CREATE 1
/* the message answers our request: both directions work */
#define NEIGH_SOLICITED 2
#define NEIGH_OVERRIDE 4 /* the MAC address may have changed */
#define NEIGH_ROUTER 8   /* the sender is a router */
/* the message has a router flag, so NEIGH_ROUTER is valid */
#define NEIGH_ISROUTER_KNOWN 16
/* the MAC address may have changed, but only if the last change is old enough (locktime) */
#define NEIGH_UNLESS_NEW 32
/*
 * Updates the entry of @addr by a message that carried its MAC address @mac (6 bytes, NULL: none).
 * @how: NEIGH_*. Sends the waiting packets. No lock is held.
 */
void neigh_learn(struct net_device *dev, const ip_addr *addr, const u8 *mac, u32 how);
/* Records that a higher layer has received something from the neighbour. */
void neigh_confirm(struct net_device *dev, const ip_addr *addr);
/* Drops the neighbours of a device that is down, has another address, or is being removed. */
void neigh_forget(struct net_device *dev);
/*
 * Drops the entries of a device that has lost its carrier, except permanent ones, unless
 * {arp,ndisc}_evict_nocarrier is 0.
 */
void neigh_link_lost(struct net_device *dev);
/*
 * Ends the table of @net. Nothing is charged to @net afterwards, not even for a late call about a
 * device that has just left it.
 */
void neigh_net_end(struct net *net);

/* ---- for programs: RTM_*NEIGH, /proc/net/arp ---- */
struct neigh_info {
	ip_addr addr;
	int ifindex;
	char dev[IFNAMSIZ];
	u8 mac[ETH_ALEN];
	u8 state, flags;              /* NUD_*, NTF_* */
	u32 probes;                   /* requests without an answer */
	u64 used, confirmed, updated; /* ktime_get() */
};
/*
 * Calls @fn with a copy of each entry of @net, until it does not return 0. @fn may sleep; an entry
 * that is added or removed meanwhile may be left out, or another entry come twice. Returns what @fn
 * returned last, or -ENOMEM.
 */
int neigh_each(struct net *net, int (*fn)(const struct neigh_info *info, void *arg), void *arg);
/* Copies the entry of @addr to *@info. Returns 0 or -ENOENT. */
int neigh_get(struct net_device *dev, const ip_addr *addr, struct neigh_info *info);
/*
 * Sets an entry by hand. @mac NULL: the known MAC address is kept, or none is needed. @state: one
 * NUD_*. @nlflags: NLM_F_CREATE, NLM_F_EXCL; an entry that exists is changed without NLM_F_REPLACE,
 * too. No lock is held. Returns 0, -EINVAL, -EEXIST, -ENOENT or -ENOBUFS.
 */
int neigh_set(struct net_device *dev, const ip_addr *addr, const u8 *mac, u16 state, u8 flags,
	u32 nlflags);
/*
 * Notifies RTNLGRP_NEIGH. @type: RTM_NEWNEIGH, RTM_DELNEIGH; RTM_GETNEIGH requests programs to
 * resolve the address. neigh_lock is not held.
 */
void rtnl_notify_neigh(struct net *net, const struct neigh_info *info, u16 type);
/* Removes the entry of @addr. Returns 0 or -ENOENT. */
int neigh_del(struct net_device *dev, const ip_addr *addr);

/*
 * /proc/sys/net/{ipv4,ipv6}/neigh/default/gc_*, for IPv4 and IPv6: limits on the entries that were
 * not set by hand. Below thresh1 no entry is collected. Above thresh2, a new entry replaces those
 * that were not used for five seconds. There are at most thresh3. interval is in seconds.
 */
extern struct neigh_gc {
	int thresh1, thresh2, thresh3, interval;
} neigh_gc[2];

/* ---- arp.c, ndisc.c ---- */
/* Receives an ARP packet, whose link header was pulled, and consumes it. */
void arp_rcv(struct sk_buff *skb);
/*
 * Requests the MAC address of @addr: from all machines on the link, or from @mac alone (6 bytes).
 * @from: the source of the waiting packet, or NULL.
 */
void arp_solicit(struct net_device *dev, const ip_addr *addr, const u8 *mac, const ip_addr *from);
/*
 * Announces the IPv4 addresses of @dev to all machines on the link, with no lock held. An address
 * that is added or removed meanwhile may be left out.
 */
void arp_announce(struct net_device *dev);
/* Drops the delayed answers for other machines. */
void arp_forget(struct net_device *dev);
/*
 * Receives a message of neighbour discovery, and consumes it. @skb is parsed and begins with its
 * ICMPv6 header, whose checksum icmp6_rcv() has checked.
 */
void ndisc_rcv(struct sk_buff *skb);
/* Sets up the timer of a new namespace. */
void ndisc_net_init(struct net *net);
/* Stops the timer of a namespace that ends. May sleep. */
void ndisc_net_end(struct net *net);
/* Begins neighbour discovery on a device that has come up. No lock is held. */
void ndisc_up(struct net_device *dev);
/*
 * Ends neighbour discovery on a device. Removes its IPv6 addresses, except permanent ones if
 * keep_addr_on_down is set. No lock is held.
 */
void ndisc_down(struct net_device *dev);
/* Makes a new address for a device whose conf/NAME/addr_gen_mode was changed. */
void ndisc_regenerate(struct net_device *dev);
/*
 * addr_gen.c: Generates an address of @dev in network @prefix: sets a->addr and a->flags. @tries:
 * number of addresses made before, which are in use elsewhere. Takes net->lock.
 */
void addr_gen(struct net_device *dev, const ip_addr *prefix, u32 tries, struct ifaddr *a);
/* addr_gen.c: True if addr_gen_mode of @dev can be set to @mode. net->lock held. */
bool addr_gen_may(const struct net_device *dev, int mode);
struct seq;
/* addr_gen.c: Prints the file stable_secret of the device or default @arg, a struct netname. */
int addr_secret_show(struct seq *s, void *arg);
/*
 * addr_gen.c: Sets the secret of the device or default @arg, a struct netname, from @text. Takes
 * net->lock. Returns 0 or -EIO.
 */
int addr_secret_store(char *text, size_t n, void *arg);
/* Announces the IPv6 addresses of @dev to the link, if the sysctl ndisc_notify is on. */
void ndisc_notify(struct net_device *dev);
/* Announces @addr, which was added by hand, to the link, if the sysctl ndisc_notify is on. */
void ndisc_added(struct net_device *dev, const ip_addr *addr);
/* Requests the MAC address of @addr, as arp_solicit() does. */
void ndisc_solicit(struct net_device *dev, const ip_addr *addr, const u8 *mac);

#endif
