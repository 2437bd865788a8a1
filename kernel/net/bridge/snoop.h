/* SPDX-License-Identifier: MIT */
/*
 * snoop.h: multicast snooping. A bridge learns from passing IGMP and MLD messages (RFC 4541) which
 * ports lead to members of a multicast group, and which to routers.
 *
 *     snoop.c        groups, members, routers; the timer that expires them
 *     snoop_rx.c     messages of IGMP, MLD and PIM that pass the bridge
 *     snoop_query.c  the bridge as querier
 *     mdb.c          groups over rtnetlink: `bridge mdb`
 *
 * While there is a querier, which keeps members up to date, a frame to a group is sent to the ports
 * of its members and of routers only. Otherwise it is sent to all ports. Sources of a group are not
 * distinguished: reports of IGMPv3 and MLDv2 count as reports of version 2 and 1.
 *
 * Locks: br->lock protects all these structures. Times are values of ktime_get(); 0: the time has
 * passed, or there is none. Queries and notifications are gathered under the lock, and sent by
 * br_snoop_finish().
 */
#ifndef NESTLING_NET_BRIDGE_SNOOP_H
#define NESTLING_NET_BRIDGE_SNOOP_H

#include <linux/if_bridge.h>

#include "kernel/lib/list.h"
#include "kernel/net/inet/addr.h"
#include "kernel/sched/timer.h"

struct bridge;
struct br_port;
struct sk_buff;

enum { SNOOP_V4, SNOOP_V6, SNOOP_FAMILIES };

#define SNOOP_HASH_BITS 6
#define SNOOP_MEMBERS_MAX_ALL 32768U /* members of all bridges */

/* The series of general queries on a port, or to the bridge's own host. */
struct br_query {
	u64 at;   /* time of the next query */
	u32 sent; /* queries sent since the series began */
};

/* A port's part of snooping. */
struct br_port_snoop {
	u8 router; /* MDB_RTR_TYPE_* */
	/* the port leads to a router of the family until this time */
	u64 router_until[SNOOP_FAMILIES];
	struct br_query query[SNOOP_FAMILIES];
};

/* A family's part of a bridge. */
struct br_snoop_family {
	/* another querier is active until this time */
	u64 other_until;
	/*
	 * Another querier has appeared: until this time, not all members have answered its first
	 * query.
	 */
	u64 unsure_until;
	/* the bridge itself leads to a router until this time */
	u64 router_until;
	/* the elected querier; the any address: none */
	ip_addr querier;
	/* source address of own queries; the any address: none is usable */
	ip_addr source;
	struct br_query own; /* queries to the bridge's own host */
};

struct br_snoop {
	/*
	 * on: snooping is on; querier: the bridge may be the querier; use_ifaddr: its IGMP queries
	 * have its IPv4 address as source, not 0.0.0.0
	 */
	bool on, querier, use_ifaddr;
	u8 router; /* MDB_RTR_TYPE_* of the bridge itself */
	/*
	 * hash_max: limit of groups; last_member_count: number of last_member_intervals between a
	 * leave message and the end of the membership; startup_count: number of general queries at
	 * startup_interval
	 */
	u32 hash_max, last_member_count, startup_count;
	/* in ticks of BR_TICK ns */
	u64 last_member_interval, membership_interval, querier_interval, query_interval,
		response_interval, startup_interval;
	struct hlist_head hash[1 << SNOOP_HASH_BITS];
	struct list_head groups; /* of br_group.list, the newest first */
	u32 nr_groups;
	struct br_snoop_family family[SNOOP_FAMILIES];
	struct ktimer timer;
	/* time for which timer is armed; 0: not armed */
	u64 next;
	u64 looked; /* time of the last run of the timer */
	/* queries to be sent, each by its skb->dev */
	struct list_head out;
	/* notifications to be sent, of struct news (snoop.c) */
	struct list_head news;
};

struct br_group {
	struct hlist_node node;
	struct list_head list;
	ip_addr addr;
	bool host;                /* the bridge's own host is a member */
	u64 host_until;           /* expiry of the host's membership */
	struct list_head members; /* of br_member, the newest first */
};

struct br_member {
	struct list_head list;
	struct br_port *port;
	u64 until;    /* 0: permanent */
	bool by_hand; /* RTPROT_STATIC, else RTPROT_KERNEL */
	bool fast_leave;
};

/*
 * A member, as it is reported to programs. @master: index of the bridge; @ifindex: of its port, or
 * the bridge.
 */
struct br_mdb_info {
	int ifindex, master;
	ip_addr group;
	/* MDB_PERMANENT, MDB_FLAGS_*, RTPROT_*; protocol 0: the host's membership */
	u8 state, flags, protocol;
	u64 until;
};

/* The result of reading a multicast frame. */
struct br_heard {
	bool drop; /* malformed: not forwarded */
	/* to be sent to routers only, if the group has no members */
	bool routers_only;
	/* SNOOP_FAMILIES: neither IPv4 nor IPv6 */
	int family;
	/* valid while br->lock is held; NULL: there is none */
	struct br_group *group;
};

/* ---- snoop.c ---- */
/* Sets the defaults of a new bridge. */
void br_snoop_init(struct bridge *br);
void br_snoop_end(struct bridge *br); /* the bridge has no ports; may sleep */
/* Joins the group of all snoopers when the bridge is set up, and leaves it when it is set down. */
void br_snoop_up(struct bridge *br, bool up);
/*
 * Sets IFLA_BR_MCAST_* to @v, intervals in ticks. Returns 0 or -errno; -ENOENT: @attr is another
 * attribute.
 */
int br_snoop_set(struct bridge *br, u16 attr, u64 v);
/*
 * Releases br->lock, which the caller holds, then sends the queries and notifications that were
 * gathered under it.
 */
void br_snoop_finish(struct bridge *br);
/* Returns the value of IFLA_BR_MCAST_*, intervals in ticks. */
u64 br_snoop_value(const struct bridge *br, u16 attr);
/* Sets a port's MDB_RTR_TYPE_*. Takes br->lock. Returns 0 or -EINVAL. */
int br_snoop_set_router(struct br_port *p, u64 type);
/* The functions from here on are called with br->lock held. */
/* Sets the defaults of a new port. */
void br_snoop_init_port(struct br_port *p);
/*
 * br_snoop_port_up(): the state of a port has changed from disabled or blocking to one that is not
 * disabled: starts the port's queries. br_snoop_port_down(): a port was disabled, or removed
 * (@gone): drops its members, the permanent ones only with @gone.
 */
void br_snoop_port_up(struct br_port *p);
void br_snoop_port_down(struct br_port *p, bool gone);
/* Returns the group, valid while the lock is held, or NULL. */
struct br_group *br_group_find(struct bridge *br, const ip_addr *addr);
/* Adds @p (NULL: the bridge's host) to @group. Returns 0, -ENOMEM or -E2BIG. */
int br_group_join(struct bridge *br, struct br_port *p, const ip_addr *group);
/*
 * Ends the membership of @p (NULL: of the host) by its own message: at once, or after a query
 * without an answer.
 */
void br_group_leave(struct bridge *br, struct br_port *p, const ip_addr *group);
/*
 * Add and remove a member by hand. @state: MDB_PERMANENT or MDB_TEMPORARY. br_group_add() returns
 * 0, -EEXIST, -ENOMEM or -E2BIG. br_group_del() returns 0, or -EINVAL if there is no such member.
 */
int br_group_add(struct bridge *br, struct br_port *p, const ip_addr *group, u8 state);
int br_group_del(struct bridge *br, struct br_port *p, const ip_addr *group);
/* Handles a query for @group (any: a general query), whose answers come within @delay (ns). */
void br_heard_query(struct bridge *br, struct br_port *p, const ip_addr *source, int family,
	const ip_addr *group, u64 delay);
/*
 * Records that @p (NULL: the host) leads to a router, until querier_interval has passed. Does
 * nothing if a program has set whether it leads to one (MDB_RTR_TYPE_DISABLED, MDB_RTR_TYPE_PERM).
 */
void br_heard_router(struct bridge *br, struct br_port *p, int family);
/* True if a querier keeps the members of the family's groups up to date. */
bool br_has_querier(const struct bridge *br, int family);
/* True if the bridge's host is a router of the family, or leads to one. */
bool br_is_router(const struct bridge *br, int family);
/* True if @p leads to a router of the family. */
bool br_leads_to_router(const struct br_port *p, int family);
/* True if @g is not NULL and @p is a member of it. */
bool br_is_member(const struct br_group *g, const struct br_port *p);
/* Makes the timer run at @at (ktime_get()) or earlier, but not within 20 ms of its previous run. */
void br_snoop_at(struct bridge *br, u64 at);
/* Describes the member @m (NULL: the bridge's host) of @g in *@info. */
void br_member_info(const struct bridge *br, const struct br_group *g, const struct br_member *m,
	struct br_mdb_info *info);

/* ---- snoop_rx.c; br->lock held ---- */
/*
 * Reads a multicast frame from @p (NULL: from the bridge's host). Its network header, of @protocol
 * (ETH_P_*, host order), is at @off bytes. h->group is valid while the lock is held.
 */
void br_snoop_look(struct bridge *br, struct br_port *p, const struct sk_buff *skb, u32 off,
	u16 protocol, struct br_heard *h);

/* ---- snoop_query.c ---- */
/* Looks up the source addresses of queries. Takes net->lock, and then br->lock. */
void br_query_sources(struct bridge *br);
/*
 * Starts the series of queries again on @p (NULL: on all ports and to the host). br->lock is held,
 * as for the other functions of snoop_query.c below.
 */
void br_query_start(struct bridge *br, struct br_port *p);
/* Sends the general queries of @p (NULL: those to the host) that are due at @now, ktime_get(). */
void br_query_due(struct bridge *br, struct br_port *p, int family, u64 now);
/* Sends a query for @group to @p (NULL: to the host). */
void br_query_group(struct bridge *br, struct br_port *p, const ip_addr *group);

/* ---- mdb.c ---- */
/* Sends @info to RTNLGRP_MDB, as RTM_NEWMDB or RTM_DELMDB (@type). br->lock is not held. */
void br_mdb_notify(const struct bridge *br, const struct br_mdb_info *info, u16 type);

#endif
