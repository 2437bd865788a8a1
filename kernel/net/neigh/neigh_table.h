/* SPDX-License-Identifier: MIT */
/* neigh_table.h: what neigh.c and neigh_table.c share. */
#ifndef NESTLING_NET_NEIGH_TABLE_H
#define NESTLING_NET_NEIGH_TABLE_H

#include <linux/rtnetlink.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/rbtree.h"
#include "kernel/net/neigh/neigh.h"

#define BY_HAND_MAX 1024U /* of a namespace */
#define FOREVER (~0UL)

#define NUD_VALID (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)
#define NUD_BY_HAND (NUD_PERMANENT | NUD_NOARP)

struct neigh {
	struct hlist_node node;
	/* place in by_deadline, unless deadline is FOREVER */
	struct rb_node due;
	struct list_head lru; /* empty of those by hand */
	struct net_device *dev;
	struct net *net; /* namespace of dev when the entry was made */
	ip_addr addr;
	u8 mac[ETH_ALEN];
	u8 state, flags;
	u32 probes;
	u64 deadline; /* of its state */
	u64 used, confirmed, updated;
	struct list_head queue;
	u32 queued; /* true sizes of the waiting packets, bytes */
};

/*
 * Entries that have left the table, and the packets that waited: for neigh_bury(), after the lock
 * is dropped.
 */
struct neigh_grave {
	struct list_head neighs; /* by neigh.lru */
	struct list_head packets;
};

extern spinlock_t neigh_lock;
extern struct ktimer neigh_timer;

/* ---- neigh_lock held ---- */

struct neigh *neigh_find(const struct net_device *dev, const ip_addr *addr);
/* Creates an entry, for which another may have to go; NULL: there is no room. */
struct neigh *neigh_create(struct net_device *dev, const ip_addr *addr, struct neigh_grave *dead);
void neigh_drop(struct neigh *n, struct neigh_grave *g);
/* Sets the state. @lasts: ns, FOREVER: until something happens. */
void neigh_set_state(struct neigh *n, u8 state, u64 lasts);
void neigh_set_stale(struct neigh *n);
void neigh_set_failed(struct neigh *n);
void neigh_set_reachable(struct neigh *n);
void neigh_set_delay(struct neigh *n);
u32 neigh_param(const struct neigh *n, u32 key); /* value of its device's sysctl */
u64 neigh_retrans_time(const struct neigh *n);
void neigh_describe(const struct neigh *n, struct neigh_info *i);
/* Marks @n as the most recently used entry. Not for entries set by hand. */
void neigh_touch(struct neigh *n);
/* Lets the collector free an entry that is past its time, unless there are few entries. */
void neigh_collect(struct neigh *n, struct neigh_grave *dead);
/*
 * Returns the first entry with a deadline that has passed. NULL: none, and the timer is set for the
 * next deadline.
 */
struct neigh *neigh_due(void);

/* ---- without it ---- */

void neigh_grave_init(struct neigh_grave *g);
/*
 * Tells listeners of removed entries, with their last state. Before the next boundary: the entries
 * name devices and namespaces.
 */
void neigh_bury(struct neigh_grave *g);

#endif
