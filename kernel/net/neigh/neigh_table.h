/* SPDX-License-Identifier: MIT */
/* neigh_table.h: the entries of the neighbour table, for neigh.c and neigh_table.c. */
#ifndef NESTLING_NET_NEIGH_TABLE_H
#define NESTLING_NET_NEIGH_TABLE_H

#include <linux/rtnetlink.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/rbtree.h"
#include "kernel/net/neigh/neigh.h"

#define BY_HAND_MAX 1024U /* limit for a namespace */
#define FOREVER (~0UL)

#define NUD_VALID (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)
#define NUD_BY_HAND (NUD_PERMANENT | NUD_NOARP)

struct neigh {
	struct hlist_node node;
	/* node in by_deadline, unless deadline is FOREVER */
	struct rb_node due;
	/* in the family's list by use, the newest last; entries set by hand are in no list */
	struct list_head lru;
	struct net_device *dev;
	struct net *net; /* namespace of dev when the entry was made */
	ip_addr addr;
	u8 mac[ETH_ALEN];
	u8 state, flags; /* NUD_*, NTF_* */
	u32 probes;      /* requests without an answer */
	/* ktime_get() at the end of the present state, or FOREVER */
	u64 deadline;
	/* ktime_get() of the last use, confirmation, and change of state or MAC address */
	u64 used, confirmed, updated;
	struct list_head queue; /* packets that wait for the MAC address */
	u32 queued;             /* bytes, sum of skb_truesize() */
};

/*
 * Entries that were removed from the table, and their waiting packets, to be passed to neigh_bury()
 * after neigh_lock is released.
 */
struct neigh_grave {
	struct list_head neighs; /* in neigh.lru */
	struct list_head packets;
};

extern spinlock_t neigh_lock;
extern struct ktimer neigh_timer;

/* ---- neigh_lock held ---- */

/* Returns the entry, valid while the lock is held, or NULL. */
struct neigh *neigh_find(const struct net_device *dev, const ip_addr *addr);
/*
 * Creates an entry, for which another one may be removed into @dead. NULL: there is no room, or no
 * memory.
 */
struct neigh *neigh_create(struct net_device *dev, const ip_addr *addr, struct neigh_grave *dead);
/* Removes the entry and its waiting packets from the table into @g. */
void neigh_drop(struct neigh *n, struct neigh_grave *g);
/* Sets the state. @lasts: its time in ns; FOREVER: until an event. */
void neigh_set_state(struct neigh *n, u8 state, u64 lasts);
/*
 * Set a state with its deadline. REACHABLE and DELAY last for the time in their sysctl. STALE and
 * FAILED last until the collector's first run (every gc_interval) after gc_stale_time without use
 * or after a minute.
 */
void neigh_set_stale(struct neigh *n);
void neigh_set_failed(struct neigh *n);
void neigh_set_reachable(struct neigh *n);
void neigh_set_delay(struct neigh *n);
/* Returns the sysctl @key (NEIGH_*, in the units of netconf.h) of its device, at least 0. */
u32 neigh_param(const struct neigh *n, u32 key);
/* Returns the time in ns between two requests. */
u64 neigh_retrans_time(const struct neigh *n);
/* Copies the entry to *@i. */
void neigh_describe(const struct neigh *n, struct neigh_info *i);
/* Marks @n as the most recently used entry. Not to be called for entries set by hand. */
void neigh_touch(struct neigh *n);
/*
 * Removes an entry in state STALE or FAILED, whose deadline has passed, into @dead. With fewer than
 * gc_thresh1 entries, sets its next deadline instead.
 */
void neigh_collect(struct neigh *n, struct neigh_grave *dead);
/*
 * Returns the first entry whose deadline has passed. NULL: there is none; the timer is set for the
 * next deadline.
 */
struct neigh *neigh_due(void);

/* ---- called without neigh_lock ---- */

void neigh_grave_init(struct neigh_grave *g);
/*
 * Reports removed entries with their last state to listeners, and frees them and the packets. Must
 * be called before this vCPU's next quiescent state, since entries refer to devices and namespaces.
 */
void neigh_bury(struct neigh_grave *g);

#endif
