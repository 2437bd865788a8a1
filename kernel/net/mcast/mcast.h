/* SPDX-License-Identifier: MIT */
/*
 * mcast.h: the door of multicast: which groups a device is in, for which members, and from which
 * sources.
 *
 * What the folder is for: memberships and their state (mcast.c), reports and answers to queries
 * (mcast_report.c), IGMP (igmp.c) and MLD (mld.c), the groups of sockets (mcast_sock.h), /proc
 * (mcast_proc.c).
 *
 *      a member -> mcast_change() -> the group's counts -> its state -> reports, later
 *
 * Types: struct mc_if, a family's part of a device; struct mc_group, struct mc_source; struct
 * mc_want, what a member wants: MCAST_INCLUDE, the sources that it lists, or MCAST_EXCLUDE, all but
 * those (RFC 3376, 2). A group's state is what its members want together.
 *
 * Call sequence: mcast_register() and mcast_up() for a device; mcast_join() and mcast_change() for
 * members; mcast_heard_query() for a query; a timer of the namespace calls mcast_due(), whose
 * packets igmp_send() and mld_send() send. mcast_accepts() decides whether a received packet is
 * delivered.
 *
 * Locks: net->lock protects all these structures; nothing is sent under it.
 *
 * May know: link/, inet/ to send.
 */
#ifndef NESTLING_NET_MCAST_H
#define NESTLING_NET_MCAST_H

#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/net/inet/addr.h"

struct net;
struct net_device;
struct sk_buff;
struct seq;

extern int sysctl_mld_qrv; /* MLD's, the machine's */
/* times that a change is reported, until a querier announces another number */
#define MCAST_QRV 2
#define MCAST_GROUPS_MAX 8192 /* of a device and a family */

/* A family's part of a device. */
struct mc_if {
	struct list_head groups; /* of mc_group, the newest first */
	struct rb_root by_addr;  /* the groups, by address */
	u32 count;               /* groups that have members */
	/* number of all groups, also of those that are left but not yet reported */
	u32 kept;
	u32 qrv;
	u64 interval; /* between queries, ns */
	/*
	 * ktime_get() when a general query is to be answered, and when changes are to be reported;
	 * 0: not
	 */
	u64 general_at, change_at;
	/*
	 * ktime_get() beyond which further changes do not put off change_at; 0: no change is
	 * pending
	 */
	u64 change_latest;
	u32 change_left; /* times */
	/*
	 * ktime_get() until which reports are of version 1 and 2, since a querier of that version
	 * was heard
	 */
	u64 old_until[2];
};

struct mc_group {
	struct list_head list;
	struct rb_node node; /* of mc_if.by_addr */
	ip_addr addr;
	/* members; 0: kept until all reports are sent */
	u32 users;
	u32 excl; /* of them in MCAST_EXCLUDE */
	u32 nr_sources;
	struct list_head sources; /* of mc_source */
	struct rb_root by_addr;   /* the sources, by address */
	/* the reported state, or the one of the pending report */
	bool excludes;
	/* times that the change of mode is still to be reported */
	u32 changes;
	/*
	 * ktime_get() when a query for the group is to be answered, or when the group is to be
	 * reported to an old querier; 0: not
	 */
	u64 report_at;
	u32 unsolicited; /* more such reports */
	bool reporter;   /* the last word about it was ours */
	bool asked;      /* the question was about some sources */
	bool loaded;     /* its link address is in the device's list */
};

struct mc_source {
	struct list_head list;
	struct rb_node node; /* of mc_group.by_addr */
	ip_addr addr;
	u32 n[2];    /* members that list it, by mode */
	bool listed; /* in the state's list */
	bool asked;
	u32 changes;
};

/* A link address that the device's card is to let in. */
struct mc_mac {
	struct list_head list;
	u8 mac[6];
	u32 users;
	/* the administrator is a user (SIOCADDMULTI) */
	bool by_hand;
};

/* A member's source filter for a group. */
struct mc_want {
	u8 mode; /* MCAST_INCLUDE, MCAST_EXCLUDE */
	u32 n;
	const ip_addr *sources;
};

/*
 * Changes a member's source filter from @was (NULL: it joins) to @now (NULL: it leaves): 0, or
 * -ENOMEM or -ENOBUFS, and nothing has changed. Leaving never fails. net->lock held.
 */
int mcast_change(struct net_device *dev, const ip_addr *group, const struct mc_want *was,
	const struct mc_want *now);
/* Join and leave for the kernel itself. They take net->lock. */
void mcast_join(struct net_device *dev, const ip_addr *group);
void mcast_leave(struct net_device *dev, const ip_addr *group);
/* Returns the solicited-node group of @addr (ndisc.c). */
ip_addr mcast_solicited_node(const ip_addr *addr);

/*
 * True if the filter of a member on @dev accepts packets from @source to @group. Takes net->lock.
 */
bool mcast_accepts(struct net_device *dev, const ip_addr *group, const ip_addr *source, u8 proto);

/* Follow a device's life: registered, up, down, gone; it begins or ceases to forward IPv6. */
void mcast_register(struct net_device *dev);
void mcast_up(struct net_device *dev);
void mcast_down(struct net_device *dev);
void mcast_forget(struct net_device *dev);
void mcast_forwarding(struct net_device *dev, bool on);
/* Notes that a test for duplicate addresses has ended: from now on reports have a sender. */
void mcast_have_address(struct net_device *dev);
void mcast_net_init(struct net *net);
void mcast_net_end(struct net *net); /* may sleep */

/* Add and remove link addresses: 0, -ENOMEM, -ENOBUFS; -ENOENT. net->lock held. */
int mcast_mac_add(struct net_device *dev, const u8 *mac, bool by_hand);
int mcast_mac_del(struct net_device *dev, const u8 *mac, bool by_hand);
/* Computes the link address of a group (neigh.c). */
void mcast_mac_of(const ip_addr *group, u8 *mac);

/* ---- between mcast.c, mcast_report.c, igmp.c and mld.c ---- */

/* A querier's question. */
struct mc_query {
	bool v6;
	u8 version;    /* of the protocol */
	ip_addr group; /* any: all */
	u64 max_delay; /* ns */
	u32 qrv;
	u64 interval;      /* between queries, ns */
	const u8 *sources; /* as on the wire */
	u32 n;
};
void mcast_heard_query(struct net_device *dev, const struct mc_query *q);
/* Notes that another host has reported the group to an old querier. */
void mcast_heard_report(struct net_device *dev, const ip_addr *group);
/* Returns the version of the protocol in use on the link now. */
u8 mcast_version(const struct net_device *dev, bool v6, u64 now);
/* Makes the timer run at @at. net->lock held. */
void mcast_at(struct net *net, u64 at);
/* Returns a random number below @range; 0 for 0. */
u64 mcast_random(u64 range);
/* Decodes a number with three bits of exponent and four bits of mantissa (RFC 3376, 4.1.1). */
static inline u32 mcast_scaled(u8 v)
{
	return v < 128 ? v : ((v & 15U) | 16) << ((v >> 4 & 7) + 3);
}
bool mcast_is_told(const struct net_device *dev, const struct mc_group *g);
/* Drops @g if it has no members and all has been reported. net->lock held. */
void mcast_drop_idle(struct mc_if *m, struct mc_group *g);

/*
 * Collects reports that are due, as packets without a network header; skb->ip.daddr is their
 * destination (mcast_report.c). net->lock held. Returns the time of the next ones; ~0: none.
 */
u64 mcast_due(struct net_device *dev, bool v6, u64 now, struct list_head *out);
/*
 * igmp.c, mld.c: Send a message by skb->dev, with headers and checksum, and receive one. They
 * consume it.
 */
void igmp_send(struct sk_buff *skb);
void mld_send(struct sk_buff *skb);
void igmp_rcv(struct net *net, struct sk_buff *skb);
void mld_rcv(struct net *net, struct sk_buff *skb);

#endif
