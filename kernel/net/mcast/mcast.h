/* SPDX-License-Identifier: MIT */
/*
 * mcast.h: which multicast groups a device is in, on whose behalf, and from which sources; what is
 * told of that on the link (igmp.c, mld.c) and believed of what others ask there.
 *
 *	socket (mcast_sock.c) or the kernel -> mcast_change() -> counts of the group -> its state -> reports, a moment later
 *
 * A member is in one of two modes (RFC 3376, 2): MCAST_INCLUDE, it wants the sources that it lists;
 * MCAST_EXCLUDE, all but those. The group's state is what its members want together.
 *
 * Locks: net->lock (net.h) guards all of it; nothing is sent under it. What is due is sent by a
 * timer of the namespace.
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
/* how often a change is told, until a querier says otherwise */
#define MCAST_QRV 2
#define MCAST_GROUPS_MAX 8192 /* of a device and a family */

/* A family's part of a device. */
struct mc_if {
	struct list_head groups; /* of mc_group, the newest first */
	struct rb_root by_addr;  /* the same */
	u32 count;               /* of those that somebody is in */
	/* of all, with those that are left but not told of */
	u32 kept;
	u32 qrv;
	u64 interval; /* between queries, ns */
	/*
	 * when to answer a question about all groups, and to tell of changes: ktime_get(); 0: not
	 */
	u64 general_at, change_at;
	/* change_at is not put off beyond this by further changes; 0: nothing new is to be told */
	u64 change_latest;
	u32 change_left; /* times */
	/* a querier of version 1, 2 has been heard: so long we talk like it */
	u64 old_until[2];
};

struct mc_group {
	struct list_head list;
	struct rb_node node; /* of mc_if.by_addr */
	ip_addr addr;
	u32 users; /* 0: it is kept until all has been told */
	u32 excl;  /* of them in MCAST_EXCLUDE */
	u32 nr_sources;
	struct list_head sources; /* of mc_source */
	struct rb_root by_addr;   /* the same */
	/* the state as the last report has it, or will */
	bool excludes;
	/* how often the change of mode is still to be told */
	u32 changes;
	/* when to answer a question about it, or to tell of it to an old querier; 0: not */
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
	/* one of the users is the administrator (SIOCADDMULTI) */
	bool by_hand;
};

/* What a member wants of a group. */
struct mc_want {
	u8 mode; /* MCAST_INCLUDE, MCAST_EXCLUDE */
	u32 n;
	const ip_addr *sources;
};

/*
 * A member's wants change from @was (NULL: it joins) to @now (NULL: it leaves): 0, -ENOMEM,
 * -ENOBUFS, and nothing has changed. Leaving never fails. net->lock held.
 */
int mcast_change(struct net_device *dev, const ip_addr *group, const struct mc_want *was,
	const struct mc_want *now);
/* The kernel's own memberships. They take net->lock. */
void mcast_join(struct net_device *dev, const ip_addr *group);
void mcast_leave(struct net_device *dev, const ip_addr *group);
/* The group in which neighbours look for @addr (ndisc.c). */
ip_addr mcast_solicited_node(const ip_addr *addr);

/* Does somebody on @dev want what @source sends to @group? Takes net->lock. */
bool mcast_accepts(struct net_device *dev, const ip_addr *group, const ip_addr *source, u8 proto);

/* A device's life: registered, up, down, gone; it forwards IPv6, or not any more. */
void mcast_register(struct net_device *dev);
void mcast_up(struct net_device *dev);
void mcast_down(struct net_device *dev);
void mcast_forget(struct net_device *dev);
void mcast_forwarding(struct net_device *dev, bool on);
/* A duplicate address test has ended: from now on reports have a sender. */
void mcast_have_address(struct net_device *dev);
void mcast_net_init(struct net *net);
void mcast_net_end(struct net *net); /* may sleep */

/* Link addresses: 0, -ENOMEM, -ENOBUFS; -ENOENT. net->lock held. */
int mcast_mac_add(struct net_device *dev, const u8 *mac, bool by_hand);
int mcast_mac_del(struct net_device *dev, const u8 *mac, bool by_hand);
/* The link address of a group (neigh.c). */
void mcast_mac_of(const ip_addr *group, u8 *mac);

/* ---- between mcast.c, mcast_report.c, igmp.c and mld.c ---- */

/* What a querier asks. */
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
/* The protocol's version that is spoken on the link now. */
u8 mcast_version(const struct net_device *dev, bool v6, u64 now);
/* Something is to be told of at @at. net->lock held. */
void mcast_at(struct net *net, u64 at);
/* Below @range; 0 for 0. */
u64 mcast_random(u64 range);
/* A number of three bits' exponent and four bits' mantissa (RFC 3376, 4.1.1). */
static inline u32 mcast_scaled(u8 v)
{
	return v < 128 ? v : ((v & 15U) | 16) << ((v >> 4 & 7) + 3);
}
bool mcast_is_told(const struct net_device *dev, const struct mc_group *g);
/* Those that nobody is in and that are told of are dropped. net->lock held. */
void mcast_drop_idle(struct mc_if *m, struct mc_group *g);

/*
 * mcast_report.c: what is due, as packets without a network header for mcast_send(): skb->ip.daddr
 * says to whom. net->lock held. The time of what is due next; ~0: nothing.
 */
u64 mcast_due(struct net_device *dev, bool v6, u64 now, struct list_head *out);
/* igmp.c, mld.c: with its headers and checksum, by skb->dev. Consumes it. */
void igmp_send(struct sk_buff *skb);
void mld_send(struct sk_buff *skb);
void igmp_rcv(struct net *net, struct sk_buff *skb);
void mld_rcv(struct net *net, struct sk_buff *skb);

#endif
