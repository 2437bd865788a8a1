/* SPDX-License-Identifier: MIT */
/*
 * mcast.h: the public header of multicast: the groups that a device has joined, for which members,
 * and from which sources.
 *
 * What the folder is for: memberships and their state (mcast.c), reports and answers to queries
 * (mcast_report.c), IGMP (igmp.c) and MLD (mld.c), the groups of sockets (mcast_sock.h), /proc
 * (mcast_proc.c).
 *
 *      a member -> mcast_change() -> the group's counts -> its state -> reports, later
 *
 * Types: struct mc_if, a family's part of a device; struct mc_group; struct mc_source; struct
 * mc_want, the source filter of a member: MCAST_INCLUDE accepts the listed sources, MCAST_EXCLUDE
 * all others (RFC 3376, 2). The state of a group is the union of its members' filters.
 *
 * Call sequence: mcast_register() and mcast_up() for a device; mcast_join() and mcast_change() for
 * members; mcast_heard_query() for a query. A timer of the namespace calls mcast_due(), which makes
 * packets that igmp_send() and mld_send() send. mcast_accepts() decides whether a received packet
 * is delivered.
 *
 * Locks: net->lock protects all these structures; no packet is sent under it. Functions take it
 * unless their comment says that it is held. None sleeps but mcast_net_end().
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

extern int sysctl_mld_qrv; /* for MLD, of the whole machine */
/* how often a change is reported, until a querier announces another number */
#define MCAST_QRV 2
#define MCAST_GROUPS_MAX 8192 /* limit for a device and a family */

/* A family's part of a device. */
struct mc_if {
	struct list_head groups; /* of mc_group, the newest first */
	struct rb_root by_addr;  /* the same groups, by address */
	u32 count;               /* number of groups that have members */
	/*
	 * number of all groups, including those without members whose leaving is not reported yet
	 */
	u32 kept;
	/* number of reports of each change (robustness variable) */
	u32 qrv;
	u64 interval; /* between queries, ns */
	/*
	 * times by ktime_get(), 0: none is pending. general_at: when a general query is to be
	 * answered; change_at: when changes are to be reported
	 */
	u64 general_at, change_at;
	/*
	 * latest value (ktime_get()) to which further changes may postpone change_at; 0: no change
	 * is pending
	 */
	u64 change_latest;
	u32 change_left; /* reports of changes left to send */
	/*
	 * [v - 1]: time (ktime_get()) until which reports are of version v, 1 or 2, since a querier
	 * of that version was heard
	 */
	u64 old_until[2];
};

struct mc_group {
	struct list_head list;
	struct rb_node node; /* in mc_if.by_addr */
	ip_addr addr;
	/* number of members; 0: kept until all reports are sent */
	u32 users;
	u32 excl; /* members in mode MCAST_EXCLUDE */
	u32 nr_sources;
	struct list_head sources; /* of mc_source */
	struct rb_root by_addr;   /* the same sources, by address */
	/* true: the state, as reported or about to be reported, is MCAST_EXCLUDE */
	bool excludes;
	/* how often the change of mode is still to be reported */
	u32 changes;
	/*
	 * time (ktime_get()) at which a query for the group is to be answered, or at which the
	 * group is to be reported to an older querier; 0: none is pending
	 */
	u64 report_at;
	u32 unsolicited; /* number of such reports left */
	/* the last report on the link came from us */
	bool reporter;
	/* the query that report_at answers was for some sources only */
	bool asked;
	/* the group's link address was added to the device */
	bool loaded;
};

struct mc_source {
	struct list_head list;
	struct rb_node node; /* in mc_group.by_addr */
	ip_addr addr;
	u32 n[2];    /* members that list the source, by mode */
	bool listed; /* in the list of the group's state */
	bool asked;  /* a query has asked for the source */
	u32 changes; /* reports left of its last change */
};

/* A multicast link address that the device is to receive. */
struct mc_mac {
	struct list_head list;
	u8 mac[6];
	/* groups, and the administrator, that need the address */
	u32 users;
	/* added by the administrator (SIOCADDMULTI) */
	bool by_hand;
};

/* A member's source filter for a group: accepts the listed sources, or all others. */
struct mc_want {
	u8 mode; /* MCAST_INCLUDE, MCAST_EXCLUDE */
	u32 n;
	const ip_addr *sources;
};

/*
 * Changes a member's source filter from @was (NULL: it joins) to @now (NULL: it leaves). Returns 0,
 * or -ENOMEM or -ENOBUFS with no change; leaving never fails. net->lock held.
 */
int mcast_change(struct net_device *dev, const ip_addr *group, const struct mc_want *was,
	const struct mc_want *now);
/* Join and leave a group for the kernel itself. Take net->lock. A failure to join is ignored. */
void mcast_join(struct net_device *dev, const ip_addr *group);
void mcast_leave(struct net_device *dev, const ip_addr *group);
/* Returns the solicited-node group of @addr (ndisc.c). */
ip_addr mcast_solicited_node(const ip_addr *addr);

/*
 * True if a member on @dev accepts packets from @source to @group. @proto: the protocol of the
 * packet.
 */
bool mcast_accepts(struct net_device *dev, const ip_addr *group, const ip_addr *source, u8 proto);

/* Sets up multicast on a device that is registered. */
void mcast_register(struct net_device *dev);
/* Reports the groups of a device that is set up, and joins the group of all hosts. */
void mcast_up(struct net_device *dev);
/* Ends reports of a device that is set down. */
void mcast_down(struct net_device *dev);
/* Frees the groups of a device that is removed. */
void mcast_forget(struct net_device *dev);
/* Joins or leaves the groups of routers, when a device begins (@on) or ceases to forward IPv6. */
void mcast_forwarding(struct net_device *dev, bool on);
/* Reports all IPv6 groups when duplicate address detection has given reports a source address. */
void mcast_have_address(struct net_device *dev);
/* Set up and stop the timer of a namespace. The second may sleep. */
void mcast_net_init(struct net *net);
void mcast_net_end(struct net *net);

/*
 * Adds a user of the link address @mac (6 bytes) of @dev. @by_hand: for SIOCADDMULTI, whose second
 * call for an address adds no user. net->lock held. Returns 0, -ENOMEM or -ENOBUFS.
 */
int mcast_mac_add(struct net_device *dev, const u8 *mac, bool by_hand);
/*
 * Removes a user of the link address @mac (6 bytes) of @dev. @by_hand: for SIOCDELMULTI. net->lock
 * held. Returns 0, or -ENOENT if there is no such user.
 */
int mcast_mac_del(struct net_device *dev, const u8 *mac, bool by_hand);
/* Computes the link address of a group, 6 bytes at @mac (neigh.c). */
void mcast_mac_of(const ip_addr *group, u8 *mac);

/* ---- between mcast.c, mcast_report.c, igmp.c and mld.c ---- */

/* A received query. */
struct mc_query {
	bool v6;
	u8 version;    /* version of the protocol */
	ip_addr group; /* any: a general query */
	u64 max_delay; /* ns */
	/* the querier's robustness variable, 0: unknown */
	u32 qrv;
	u64 interval;      /* between queries, ns */
	const u8 *sources; /* as received: 4 or 16 bytes each */
	/* number of sources */
	u32 n;
};
/* Schedules the answers to a query. Borrows @q. */
void mcast_heard_query(struct net_device *dev, const struct mc_query *q);
/* Records that another host has reported the group to an older querier. */
void mcast_heard_report(struct net_device *dev, const ip_addr *group);
/*
 * Returns the version of IGMP (1 to 3) or MLD (1, 2) that is used on the link at time @now.
 * net->lock held.
 */
u8 mcast_version(const struct net_device *dev, bool v6, u64 now);
/* Arms the timer for @at (ktime_get()) at the latest. net->lock held. */
void mcast_at(struct net *net, u64 at);
/* Returns a random number below @range, or 0 if @range is 0. */
u64 mcast_random(u64 range);
/* Decodes a number with three bits of exponent and four bits of mantissa (RFC 3376, 4.1.1). */
static inline u32 mcast_scaled(u8 v)
{
	return v < 128 ? v : ((v & 15U) | 16) << ((v >> 4 & 7) + 3);
}
/* True if the group is reported to the link. */
bool mcast_is_reported(const struct net_device *dev, const struct mc_group *g);
/* Frees @g if it has no members and its leaving was reported. net->lock held. */
void mcast_drop_idle(struct mc_if *m, struct mc_group *g);

/*
 * Adds the reports that are due to @out, as packets without a network header; skb->ip.daddr is
 * their destination (mcast_report.c). Returns the time (ktime_get()) of the next report; ~0: there
 * is none. net->lock held.
 */
u64 mcast_due(struct net_device *dev, bool v6, u64 now, struct list_head *out);
/*
 * igmp.c, mld.c: send a message by skb->dev, after adding headers and checksum; and receive one.
 * All consume it.
 */
void igmp_send(struct sk_buff *skb);
void mld_send(struct sk_buff *skb);
void igmp_rcv(struct net *net, struct sk_buff *skb);
void mld_rcv(struct net *net, struct sk_buff *skb);

#endif
