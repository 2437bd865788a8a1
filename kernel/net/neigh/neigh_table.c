/* SPDX-License-Identifier: MIT */
/*
 * neigh_table.c: the entries of the neighbour table: the structures that they are kept in, the
 * limits of their number, their deadlines, and their removal. neigh.c has their states, requests
 * and packets.
 *
 * Invariants:
 * 1. A family has at most gc_thresh3 entries that were not set by hand; beyond that the least
 *    recently used one is removed.
 * 2. An entry with a deadline is in the tree by_deadline. An entry that was not set by hand is in
 *    its family's list lru, the least recently used first. So neither finding a deadline nor making
 *    room walks all entries under the lock. The collector's next run is a deadline, too.
 *
 * Locks: neigh_lock (spin) protects the table. neigh_bury() notifies listeners of removed entries
 * and frees them without it.
 */
#include <asm/errno.h>
#include <linux/rtnetlink.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/neigh/neigh_table.h"
#include "kernel/net/socket/skb.h"

#define NEIGH_BITS 8
#define NEIGH_BUCKETS (1U << NEIGH_BITS)
/* entries that are copied under the lock at once */
#define PIECE 64
/* shortest time between two requests, even if the sysctl is lower */
#define SHORTEST (100 * NSEC_PER_MSEC)
#define FAILED_TIME (60 * NSEC_PER_SEC)
/* with more than gc_thresh2 entries, a new one replaces those that were unused for so long */
#define IDLE (5 * NSEC_PER_SEC)

struct neigh_gc neigh_gc[2] = { { 128, 512, 1024, 30 }, { 128, 512, 1024, 30 } };

DEFINE_SPINLOCK(neigh_lock);
static struct hlist_head table[NEIGH_BUCKETS];
static u32 nr_neighs[2], nr_by_hand[2]; /* all; of these set by hand */
static struct rb_root by_deadline;
static struct list_head lru[2] = { LIST_HEAD_INIT(lru[0]), LIST_HEAD_INIT(lru[1]) };
struct ktimer neigh_timer;
static u64 timer_at = FOREVER;

/* ---- neigh_lock held ---- */

static struct hlist_head *bucket(const struct net_device *dev, const ip_addr *addr)
{
	return &table[(ip_hash(addr) ^ (u32)dev->ifindex * 0x85ebca6bU) >> (32 - NEIGH_BITS)];
}

struct neigh *neigh_find(const struct net_device *dev, const ip_addr *addr)
{
	struct neigh *n;

	hlist_for_each_entry(n, bucket(dev, addr), node)
		if (n->dev == dev && ip_equal(&n->addr, addr))
			return n;
	return NULL;
}

/* Returns the index of the entry's family in arrays of two. */
static u32 family(const struct neigh *n)
{
	return !ip_is_v4(&n->addr);
}

static void set_deadline(struct neigh *n, u64 at)
{
	struct rb_node **link = &by_deadline.node, *parent = NULL;

	if (n->deadline != FOREVER)
		rb_erase(&n->due, &by_deadline);
	n->deadline = at;
	if (at == FOREVER)
		return;
	while (*link) {
		parent = *link;
		link = at < rb_entry(parent, struct neigh, due)->deadline ? &parent->left :
									    &parent->right;
	}
	rb_link_node(&n->due, parent, link);
	rb_insert_color(&n->due, &by_deadline);
}

static void count_by_hand(struct neigh *n, u8 state)
{
	u32 was = !!(n->state & NUD_BY_HAND), is = !!(state & NUD_BY_HAND);

	nr_by_hand[family(n)] += is - was;
	n->net->neigh.by_hand += is - was;
}

void neigh_grave_init(struct neigh_grave *g)
{
	INIT_LIST_HEAD(&g->neighs);
	INIT_LIST_HEAD(&g->packets);
}

void neigh_drop(struct neigh *n, struct neigh_grave *g)
{
	hlist_del_init(&n->node);
	list_move_tail(&n->lru, &g->neighs);
	set_deadline(n, FOREVER);
	n->dev->nr_neighs--;
	n->net->neigh.nr--;
	nr_neighs[family(n)]--;
	count_by_hand(n, NUD_NONE);
	list_splice_tail_init(&n->queue, &g->packets);
}

static bool is_idle(const struct neigh *n, u64 now)
{
	return now - max(n->used, n->updated) > IDLE;
}

/* Makes room for another entry of a family. Returns false if there is no room. */
static bool make_room(u32 f, struct neigh_grave *dead)
{
	u32 soft = (u32)READ_ONCE(neigh_gc[f].thresh2), hard = (u32)READ_ONCE(neigh_gc[f].thresh3);
	u64 now = ktime_get();

	for (;;) {
		u32 there = nr_neighs[f] - nr_by_hand[f];
		struct neigh *oldest = list_first_entry_or_null(&lru[f], struct neigh, lru);

		if (!oldest || (there < hard && (there < soft || !is_idle(oldest, now))))
			return there < hard;
		neigh_drop(oldest, dead);
	}
}

struct neigh *neigh_create(struct net_device *dev, const ip_addr *addr, struct neigh_grave *dead)
{
	struct neigh *n;

	assert_spin_held(&neigh_lock);
	if (!make_room(!ip_is_v4(addr), dead))
		return NULL;
	n = kzalloc(sizeof(*n), GFP_ATOMIC);
	if (!n)
		return NULL;
	n->dev = dev;
	n->net = dev->net;
	n->addr = *addr;
	n->state = NUD_NONE;
	n->deadline = FOREVER;
	n->used = n->updated = ktime_get();
	INIT_LIST_HEAD(&n->queue);
	list_add_tail(&n->lru, &lru[family(n)]);
	hlist_add_head(&n->node, bucket(dev, addr));
	dev->nr_neighs++;
	n->net->neigh.nr++;
	nr_neighs[family(n)]++;
	return n;
}

static void arm(u64 at)
{
	if (at >= timer_at)
		return;
	timer_at = at;
	timer_start(&neigh_timer, at);
}

void neigh_set_state(struct neigh *n, u8 state, u64 lasts)
{
	u64 now = ktime_get();

	count_by_hand(n, state);
	if (state & NUD_BY_HAND)
		list_del_init(&n->lru);
	else if (list_empty(&n->lru))
		list_add_tail(&n->lru, &lru[family(n)]);
	if (n->state != state)
		n->updated = now;
	n->state = state;
	set_deadline(n, lasts == FOREVER ? FOREVER : now + lasts);
	if (state == NUD_REACHABLE)
		n->confirmed = now;
	arm(n->deadline);
}

/* Returns the value of a sysctl of the entry's device, at least 0. */
u32 neigh_param(const struct neigh *n, u32 key)
{
	return (u32)max(CONF_NEIGH(n->dev, ip_is_v4(&n->addr), key), 0);
}

/* Returns the time of the collector's first run after @at. */
static u64 next_collection(const struct neigh *n, u64 at)
{
	u64 interval = (u64)READ_ONCE(neigh_gc[family(n)].interval) * NSEC_PER_SEC;

	return (max(at, ktime_get()) / interval + 1) * interval;
}

static void collect_at(struct neigh *n, u64 at)
{
	set_deadline(n, next_collection(n, at));
	arm(n->deadline);
}

void neigh_set_stale(struct neigh *n)
{
	neigh_set_state(n, NUD_STALE, FOREVER);
	collect_at(n, max(n->used, n->confirmed) + neigh_param(n, NEIGH_STALE) * NSEC_PER_MSEC);
}

void neigh_set_failed(struct neigh *n)
{
	neigh_set_state(n, NUD_FAILED, FOREVER);
	collect_at(n, ktime_get() + FAILED_TIME);
}

u64 neigh_retrans_time(const struct neigh *n)
{
	return max(neigh_param(n, NEIGH_RETRANS) * NSEC_PER_MSEC, SHORTEST);
}

void neigh_set_reachable(struct neigh *n)
{
	neigh_set_state(n, NUD_REACHABLE, neigh_param(n, NEIGH_REACHABLE) * NSEC_PER_MSEC);
}

void neigh_set_delay(struct neigh *n)
{
	neigh_set_state(n, NUD_DELAY, neigh_param(n, NEIGH_DELAY) * NSEC_PER_MSEC);
}

void neigh_describe(const struct neigh *n, struct neigh_info *i)
{
	*i = (struct neigh_info){
		.addr = n->addr,
		.ifindex = n->dev->ifindex,
		.state = n->state,
		.flags = n->flags,
		.probes = n->probes,
		.used = n->used,
		.confirmed = n->confirmed,
		.updated = n->updated,
	};
	memcpy(i->mac, n->mac, ETH_ALEN);
	memcpy(i->dev, n->dev->name, IFNAMSIZ);
}

void neigh_touch(struct neigh *n)
{
	list_move_tail(&n->lru, &lru[family(n)]);
}

void neigh_collect(struct neigh *n, struct neigh_grave *dead)
{
	if (nr_neighs[family(n)] < (u32)READ_ONCE(neigh_gc[family(n)].thresh1))
		collect_at(n, 0);
	else
		neigh_drop(n, dead);
}

struct neigh *neigh_due(void)
{
	struct neigh *n = rb_entry_safe(rb_first(&by_deadline), struct neigh, due);

	if (n && n->deadline <= ktime_get())
		return n;
	timer_at = FOREVER;
	if (n)
		arm(n->deadline);
	return NULL;
}

/* ---- called without neigh_lock ---- */

/*
 * Reports removed entries with their last state to listeners, and frees them and the packets.
 * Called before this vCPU's next quiescent state, since entries refer to devices and namespaces.
 */
void neigh_bury(struct neigh_grave *g)
{
	struct neigh *n, *next;
	struct neigh_info info;

	list_for_each_entry_safe(n, next, &g->neighs, lru) {
		neigh_describe(n, &info);
		rtnl_notify_neigh(n->net, &info, RTM_DELNEIGH);
		list_del(&n->lru);
		kfree(n);
	}
	skb_free_list(&g->packets);
}

void neigh_forget(struct net_device *dev)
{
	struct hlist_node *next;
	struct neigh_grave dead;
	struct neigh *n;

	arp_forget(dev);
	neigh_grave_init(&dead);
	spin_lock(&neigh_lock);
	for (u32 b = 0; b < NEIGH_BUCKETS && dev->nr_neighs; b++)
		hlist_for_each_entry_safe(n, next, &table[b], node)
			if (n->dev == dev)
				neigh_drop(n, &dead);
	spin_unlock(&neigh_lock);
	neigh_bury(&dead);
}

void neigh_link_lost(struct net_device *dev)
{
	bool go4 = CONF4_AND(dev, CONF4_ARP_EVICT), go6 = CONF6_AND(dev, CONF6_NDISC_EVICT);
	struct hlist_node *next;
	struct neigh_grave dead;
	struct neigh *n;

	neigh_grave_init(&dead);
	spin_lock(&neigh_lock);
	for (u32 b = 0; b < NEIGH_BUCKETS && dev->nr_neighs; b++)
		hlist_for_each_entry_safe(n, next, &table[b], node)
			if (n->dev == dev && n->state != NUD_PERMANENT &&
				(ip_is_v4(&n->addr) ? go4 : go6))
				neigh_drop(n, &dead);
	spin_unlock(&neigh_lock);
	neigh_bury(&dead);
}

void neigh_net_end(struct net *net)
{
	struct hlist_node *next;
	struct neigh_grave dead;
	struct neigh *n;

	neigh_grave_init(&dead);
	spin_lock(&neigh_lock);
	for (u32 b = 0; b < NEIGH_BUCKETS && net->neigh.nr; b++)
		hlist_for_each_entry_safe(n, next, &table[b], node)
			if (n->net == net)
				neigh_drop(n, &dead);
	spin_unlock(&neigh_lock);
	neigh_bury(&dead);
}

/* A position in the entries of a namespace: a bucket, and how many of its entries were copied. */
struct position {
	u32 bucket, copied;
};

/* Copies at most PIECE entries of @net from @at on, and moves @at. Returns their number. */
static u32 copy_piece(struct net *net, struct position *at, struct neigh_info *info)
{
	struct neigh *n;
	u32 got = 0;

	spin_lock(&neigh_lock);
	while (at->bucket < NEIGH_BUCKETS && got < PIECE) {
		u32 seen = 0;

		hlist_for_each_entry(n, &table[at->bucket], node) {
			if (n->dev->net != net || seen++ < at->copied)
				continue;
			if (got == PIECE)
				break;
			neigh_describe(n, &info[got++]);
			at->copied++;
		}
		if (got < PIECE)
			*at = (struct position){ at->bucket + 1, 0 };
	}
	spin_unlock(&neigh_lock);
	return got;
}

int neigh_each(struct net *net, int (*fn)(const struct neigh_info *info, void *arg), void *arg)
{
	struct neigh_info *info = kcalloc(PIECE, sizeof(*info), GFP_KERNEL);
	struct position at = { 0 };
	int err = 0;
	u32 n;

	if (!info)
		return -ENOMEM;
	do {
		n = copy_piece(net, &at, info);
		for (u32 i = 0; i < n && !err; i++)
			err = fn(&info[i], arg);
		cond_resched();
	} while (n == PIECE && !err);
	kfree(info);
	return err;
}

int neigh_get(struct net_device *dev, const ip_addr *addr, struct neigh_info *info)
{
	struct neigh *n;

	spin_lock(&neigh_lock);
	n = neigh_find(dev, addr);
	if (n)
		neigh_describe(n, info);
	spin_unlock(&neigh_lock);
	return n ? 0 : -ENOENT;
}

int neigh_del(struct net_device *dev, const ip_addr *addr)
{
	struct neigh_info info;
	struct neigh_grave dead;
	bool was_valid = false;
	struct neigh *n;

	neigh_grave_init(&dead);
	spin_lock(&neigh_lock);
	n = neigh_find(dev, addr);
	if (n) {
		was_valid = n->state & NUD_VALID;
		neigh_set_state(n, NUD_FAILED, FOREVER);
		neigh_describe(n, &info);
		neigh_drop(n, &dead);
	}
	spin_unlock(&neigh_lock);
	if (was_valid)
		rtnl_notify_neigh(dev->net, &info, RTM_NEWNEIGH);
	neigh_bury(&dead);
	return n ? 0 : -ENOENT;
}
