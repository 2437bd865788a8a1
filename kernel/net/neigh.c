/* SPDX-License-Identifier: MIT */
/*
 * neigh.c: the neighbour table (RFC 4861, 7.3; arp(7)).
 *
 *	neigh_output(dev, to, skb)       the MAC address is known: the frame goes. Else it waits and somebody is asked
 *	neigh_learn(dev, addr, mac, how) a message says where it is
 *	neigh_confirm(dev, addr)         what is above has heard from it
 *
 * States:
 *	(none) -> INCOMPLETE   neigh_output(): asks programs (app_solicit), then all, a second apart (retrans_time_ms), three times
 *	                       (mcast_solicit); packets wait
 *	INCOMPLETE -> REACHABLE (answer), STALE (they asked us), FAILED (nobody answers; who waits hears EHOSTUNREACH)
 *	REACHABLE -> STALE     after half a minute without a confirmation (base_reachable_time_ms)
 *	STALE -> DELAY         neigh_output(): it is used as it is, for five seconds without a word (delay_first_probe_time)
 *	DELAY -> PROBE         asks that machine alone, three times (ucast_solicit), then programs, then all (mcast_resolicit)
 *	PROBE -> REACHABLE, FAILED
 *	STALE -> gone          after a minute without use (gc_stale_time); so is FAILED. A collector looks every gc_interval, and does nothing
 *	                       while there are few (gc_thresh1)
 *	FAILED -> INCOMPLETE   neigh_output()
 *	PERMANENT, NOARP       set by hand, never change
 *	any -> gone (RTM_DELNEIGH, with the state that it had) when the device goes down or gets another address, by hand, or to make room
 *	any but PERMANENT -> gone when the device loses its link, unless conf/NAME/{arp,ndisc}_evict_nocarrier is 0
 *
 * Invariants: 1. packets wait in INCOMPLETE entries only. 2. There are at most gc_thresh3 entries of a family that nobody has set by hand; the
 * least recently used makes room. By hand a namespace has at most BY_HAND_MAX, so it cannot take all from the others. 3. The packets that
 * wait for one cost at most unres_qlen_bytes, or there is one. 4. An entry with a deadline stands in the tree by_deadline, one that was not set
 * by hand in its family's list lru, the least recently used first, so that time and room cost no walk over all of them under the lock: the
 * collector's turn is a deadline, too.
 * Locks: neigh_lock (spin) for all of it. Nothing is sent under it: what is to be done is taken out first.
 */
#include <asm/errno.h>
#include <linux/rtnetlink.h>

#include "arch/um/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/ip.h"
#include "kernel/net/neigh.h"
#include "kernel/net/skb.h"

#define NEIGH_BITS 8
#define NEIGH_BUCKETS (1U << NEIGH_BITS)
#define BY_HAND_MAX 1024U /* of a namespace */
#define SHORTEST                                                                                   \
	(100 * NSEC_PER_MSEC) /* between two questions: who sets the time may ask for a thousand at once */
#define FAILED_TIME (60 * NSEC_PER_SEC)
#define IDLE (5 * NSEC_PER_SEC) /* above gc_thresh2 who was used before that goes */
#define FOREVER (~0UL)

#define NUD_VALID (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)
#define NUD_BY_HAND (NUD_PERMANENT | NUD_NOARP)

struct neigh {
	struct hlist_node node;
	struct rb_node due;   /* of by_deadline, unless deadline is FOREVER */
	struct list_head lru; /* empty of those by hand */
	struct net_device *dev;
	struct net *net; /* that dev was in when this was made */
	ip_addr addr;
	u8 mac[ETH_ALEN];
	u8 state, flags;
	u32 probes;
	u64 deadline; /* of its state */
	u64 used, confirmed, updated;
	struct list_head queue;
	u32 queued; /* what that costs */
};

struct neigh_gc neigh_gc[2] = { { 128, 512, 1024, 30 }, { 128, 512, 1024, 30 } };

static DEFINE_SPINLOCK(neigh_lock);
static struct hlist_head table[NEIGH_BUCKETS];
static u32 nr_neighs[2], nr_by_hand[2]; /* all; of these by hand */
static struct rb_root by_deadline;
static struct list_head lru[2] = { LIST_HEAD_INIT(lru[0]), LIST_HEAD_INIT(lru[1]) };
static struct ktimer neigh_timer;
static u64 timer_at = FOREVER;

/* ---- the table; neigh_lock held ---- */

static struct hlist_head *bucket(const struct net_device *dev, const ip_addr *addr)
{
	return &table[(ip_hash(addr) ^ (u32)dev->ifindex * 0x85ebca6bU) >> (32 - NEIGH_BITS)];
}

static struct neigh *find(const struct net_device *dev, const ip_addr *addr)
{
	struct neigh *n;

	hlist_for_each_entry(n, bucket(dev, addr), node)
		if (n->dev == dev && ip_equal(&n->addr, addr))
			return n;
	return NULL;
}

/* Its family's part of what there are two of. */
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
	n->net->neighs_by_hand += is - was;
}

/* What has left the table, and the packets that waited: for bury(), once the lock is given up. */
struct grave {
	struct list_head neighs; /* by neigh.lru */
	struct list_head packets;
};

static void grave_init(struct grave *g)
{
	INIT_LIST_HEAD(&g->neighs);
	INIT_LIST_HEAD(&g->packets);
}

static void drop(struct neigh *n, struct grave *g)
{
	hlist_del_init(&n->node);
	list_move_tail(&n->lru, &g->neighs);
	set_deadline(n, FOREVER);
	n->dev->nr_neighs--;
	n->net->nr_neighs--;
	nr_neighs[family(n)]--;
	count_by_hand(n, NUD_NONE);
	list_splice_tail_init(&n->queue, &g->packets);
}

static bool is_idle(const struct neigh *n, u64 now)
{
	return now - max(n->used, n->updated) > IDLE;
}

/* For another one of a family. False: there may be none. */
static bool make_room(u32 f, struct grave *dead)
{
	u32 soft = (u32)READ_ONCE(neigh_gc[f].thresh2), hard = (u32)READ_ONCE(neigh_gc[f].thresh3);
	u64 now = ktime_get();

	for (;;) {
		u32 there = nr_neighs[f] - nr_by_hand[f];
		struct neigh *oldest = list_first_entry_or_null(&lru[f], struct neigh, lru);

		if (!oldest || (there < hard && (there < soft || !is_idle(oldest, now))))
			return there < hard;
		drop(oldest, dead);
	}
}

static struct neigh *create(struct net_device *dev, const ip_addr *addr, struct grave *dead)
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
	n->net->nr_neighs++;
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

static void set_state(struct neigh *n, u8 state, u64 lasts)
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

/* What its device's sysctls say of it. */
static u32 param(const struct neigh *n, u32 key)
{
	return (u32)max(CONF_NEIGH(n->dev, ip_is_v4(&n->addr), key), 0);
}

/* When the collector looks next, at @at or later. */
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

static void set_stale(struct neigh *n)
{
	set_state(n, NUD_STALE, FOREVER);
	collect_at(n, max(n->used, n->confirmed) + param(n, NEIGH_STALE) * NSEC_PER_MSEC);
}

static void set_failed(struct neigh *n)
{
	set_state(n, NUD_FAILED, FOREVER);
	collect_at(n, ktime_get() + FAILED_TIME);
}

static u64 retrans_time(const struct neigh *n)
{
	return max(param(n, NEIGH_RETRANS) * NSEC_PER_MSEC, SHORTEST);
}

static void set_reachable(struct neigh *n)
{
	set_state(n, NUD_REACHABLE, param(n, NEIGH_REACHABLE) * NSEC_PER_MSEC);
}

static void set_delay(struct neigh *n)
{
	set_state(n, NUD_DELAY, param(n, NEIGH_DELAY) * NSEC_PER_MSEC);
}

static void describe(const struct neigh *n, struct neigh_info *i)
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

/* Who listens hears of them, with the state that they had. Without the lock, and before the next boundary: they name devices and namespaces. */
static void bury(struct grave *g)
{
	struct neigh *n, *next;
	struct neigh_info info;

	list_for_each_entry_safe(n, next, &g->neighs, lru) {
		describe(n, &info);
		rtnl_tell_neigh(n->net, &info, RTM_DELNEIGH);
		list_del(&n->lru);
		kfree(n);
	}
	skb_free_list(&g->packets);
}

/* Who is to be asked; neigh_lock held. */
enum ask { ASK_NOBODY, ASK_ONE, ASK_APP, ASK_ALL };

static enum ask next_question(const struct neigh *n)
{
	u64 one = param(n, NEIGH_ASK_ONE), app = one + param(n, NEIGH_ASK_APP);
	u64 all = app + param(n, n->state == NUD_PROBE ? NEIGH_ASK_AGAIN : NEIGH_ASK_ALL);

	if (n->state == NUD_PROBE && n->probes < one)
		return ASK_ONE;
	if (n->probes < app)
		return ASK_APP;
	return n->probes < all ? ASK_ALL : ASK_NOBODY;
}

/* ---- asking and sending, without the lock ---- */

/* Who has sent a packet of IPv4, which begins with its header, in @to; NULL. */
static const ip_addr *sender_of(const struct sk_buff *skb, ip_addr *to)
{
	u32 be;

	if (skb->protocol != ETH_P_IP || skb_len(skb) < 16)
		return NULL;
	skb_copy(skb, 12, &be, sizeof(be));
	*to = ip_v4(be);
	return to;
}

/* @from: who waits for it; NULL. */
static void solicit(struct net *net, struct net_device *dev, enum ask whom,
	const struct neigh_info *about, const ip_addr *from)
{
	const u8 *mac = whom == ASK_ONE ? about->mac : NULL;

	if (whom == ASK_NOBODY)
		return;
	if (whom == ASK_APP)
		rtnl_tell_neigh(net, about, RTM_GETNEIGH);
	else if (ip_is_v4(&about->addr))
		arp_solicit(dev, &about->addr, mac, from);
	else
		ndisc_solicit(dev, &about->addr, mac);
}

static void send_all(struct net_device *dev, struct list_head *queue, const u8 *mac)
{
	struct sk_buff *skb, *next;

	list_for_each_entry_safe(skb, next, queue, list) {
		list_del_init(&skb->list);
		eth_send(dev, skb, mac, skb->protocol);
	}
}

/* Those who sent them hear of it, in the namespace that the device was in then: it may be another one's by now. */
static void fail_all(struct net *net, struct net_device *dev, struct list_head *queue)
{
	struct sk_buff *skb, *next;

	list_for_each_entry_safe(skb, next, queue, list) {
		list_del_init(&skb->list);
		icmp_no_host(net, dev, skb);
		kfree_skb(skb);
	}
}

/* ---- output ---- */

static void enqueue(struct neigh *n, struct sk_buff *skb, struct grave *dead)
{
	u32 cost = skb_truesize(skb), most = param(n, NEIGH_QUEUE);

	while (!list_empty(&n->queue) && (u64)n->queued + cost > most) { /* the oldest goes */
		struct sk_buff *oldest = list_first_entry(&n->queue, struct sk_buff, list);

		n->queued -= skb_truesize(oldest);
		list_move_tail(&oldest->list, &dead->packets);
	}
	if (!skb->destructor) /* TCP's: nothing keeps the socket that wants the time while it waits */
		skb->stamp_for = NULL;
	list_add_tail(&skb->list, &n->queue);
	n->queued += cost;
}

/* Who is to be asked now, the first question. */
static enum ask wait_for_answer(struct neigh *n, struct sk_buff *skb, struct grave *dead)
{
	enum ask whom = ASK_NOBODY;

	if (n->state != NUD_INCOMPLETE) {
		n->probes = param(n, NEIGH_ASK_ONE); /* as if that one had been asked already */
		set_state(n, NUD_INCOMPLETE, retrans_time(n));
		whom = next_question(n);
		n->probes++;
	}
	enqueue(n, skb, dead);
	return whom;
}

static int resolve(struct net_device *dev, const ip_addr *to, struct sk_buff *skb)
{
	enum ask whom = ASK_NOBODY;
	struct neigh_info info;
	struct net *net = NULL;
	u8 mac[ETH_ALEN];
	ip_addr sender;
	const ip_addr *from = sender_of(skb, &sender);
	bool known = false;
	struct grave dead;
	struct neigh *n;

	grave_init(&dead);
	spin_lock(&neigh_lock);
	n = find(dev, to);
	if (!n)
		n = create(dev, to, &dead);
	if (n) {
		n->used = ktime_get();
		if (!(n->state & NUD_BY_HAND))
			list_move_tail(&n->lru, &lru[family(n)]);
		known = n->state & NUD_VALID;
		if (n->state == NUD_STALE)
			set_delay(n);
		if (known)
			memcpy(mac, n->mac, ETH_ALEN);
		else
			whom = wait_for_answer(n, skb, &dead);
		if (whom != ASK_NOBODY) {
			describe(n, &info);
			net = n->net;
		}
	}
	spin_unlock(&neigh_lock);
	bury(&dead);
	solicit(net, dev, whom, &info, from);
	if (known)
		return eth_send(dev, skb, mac, skb->protocol);
	if (!n)
		kfree_skb(skb);
	return n ? 0 : -ENOBUFS;
}

/* RFC 1112, 6.4; RFC 2464, 7. */
void mcast_mac_of(const ip_addr *group, u8 *mac)
{
	const u8 *a = (const u8 *)&group->w[3];

	if (ip_is_v4(group)) {
		mac[0] = 0x01;
		mac[1] = 0x00;
		mac[2] = 0x5e;
		mac[3] = a[1] & 0x7f;
		memcpy(mac + 4, a + 2, 2);
	} else {
		mac[0] = mac[1] = 0x33;
		memcpy(mac + 2, a, 4);
	}
}

int neigh_output(struct net_device *dev, const ip_addr *to, struct sk_buff *skb)
{
	u8 mac[ETH_ALEN];

	if (ip_is_multicast(to))
		mcast_mac_of(to, mac);
	else if (dev->flags & IFF_NOARP)
		memcpy(mac, dev->addr, ETH_ALEN);
	else
		return resolve(dev, to, skb);
	return eth_send(dev, skb, mac, skb->protocol);
}

/* ---- learning ---- */

static bool should_know(const struct net_device *dev)
{
	return dev->flags & IFF_UP && !(dev->flags & (IFF_NOARP | IFF_LOOPBACK));
}

/* What one message changes. True: packets that waited may go. */
static bool learn(struct neigh *n, const u8 *mac, u32 how)
{
	bool valid = n->state & NUD_VALID;
	bool differs = !valid || (mac && memcmp(n->mac, mac, ETH_ALEN) != 0);
	u64 now = ktime_get();

	if (n->state & NUD_BY_HAND || (!mac && !valid))
		return false;
	if (how & NEIGH_ISROUTER_KNOWN)
		n->flags = how & NEIGH_ROUTER ? NTF_ROUTER : 0;
	if (valid && differs && how & NEIGH_UNLESS_NEW &&
		now - n->updated < param(n, NEIGH_LOCK) * (NSEC_PER_SEC / 100))
		return false; /* of several answers the first one counts */
	if (valid && differs && !(how & NEIGH_OVERRIDE)) { /* not from that one: let it be asked */
		if (n->state == NUD_REACHABLE)
			set_stale(n);
		return false;
	}
	if (differs) {
		memcpy(n->mac, mac, ETH_ALEN);
		n->updated = now;
	}
	if (how & NEIGH_SOLICITED)
		set_reachable(n);
	else if (differs)
		set_stale(n);
	return true;
}

void neigh_learn(struct net_device *dev, const ip_addr *addr, const u8 *mac, u32 how)
{
	LIST_HEAD(queue);
	u8 to[ETH_ALEN], was = NUD_NONE;
	struct neigh_info info = { .state = NUD_NONE };
	struct grave dead;
	struct neigh *n;

	if (!should_know(dev) || (mac && eth_is_multicast(mac)))
		return;
	grave_init(&dead);
	spin_lock(&neigh_lock);
	n = find(dev, addr);
	if (!n && how & NEIGH_CREATE && mac)
		n = create(dev, addr, &dead);
	if (n && n->state == NUD_NONE) /* we had not asked */
		how &= ~(u32)NEIGH_SOLICITED;
	if (n)
		was = n->state;
	if (n && learn(n, mac, how)) {
		list_splice_tail_init(&n->queue, &queue);
		n->queued = 0;
		memcpy(to, n->mac, ETH_ALEN);
	}
	if (n)
		describe(n, &info);
	spin_unlock(&neigh_lock);
	bury(&dead);
	if (info.state != was)
		rtnl_tell_neigh(dev->net, &info, RTM_NEWNEIGH);
	send_all(dev, &queue, to);
}

void neigh_confirm(struct net_device *dev, const ip_addr *addr)
{
	struct neigh *n;

	spin_lock(&neigh_lock);
	n = find(dev, addr);
	if (n && n->state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE))
		set_reachable(n);
	spin_unlock(&neigh_lock);
}

/* ---- time ---- */

/* What the deadline of one entry asks for, to be done without the lock. */
struct due {
	struct net_device *dev;
	struct net *net;
	ip_addr sender;
	const ip_addr *from; /* NULL, or `sender`: of the packet that has begun to wait last */
	enum ask whom;
	bool tell;
	struct neigh_info info;
	struct list_head failed;
	struct grave dead;
};

static void give_up(struct neigh *n, struct due *d)
{
	set_failed(n);
	list_splice_tail_init(&n->queue, &d->failed);
	n->queued = 0;
}

static void collect(struct neigh *n, struct due *d)
{
	if (nr_neighs[family(n)] < (u32)READ_ONCE(neigh_gc[family(n)].thresh1))
		collect_at(n, 0);
	else
		drop(n, &d->dead);
}

static void expire(struct neigh *n, struct due *d)
{
	d->dev = n->dev;
	switch (n->state) {
	case NUD_REACHABLE: set_stale(n); return;
	case NUD_DELAY:
		n->probes = 0;
		n->state = NUD_PROBE;
		break;
	case NUD_INCOMPLETE:
	case NUD_PROBE: break;
	default: collect(n, d); return;
	}
	d->whom = next_question(n);
	if (d->whom == ASK_NOBODY) {
		give_up(n, d);
		return;
	}
	n->probes++;
	if (!list_empty(&n->queue))
		d->from = sender_of(list_last_entry(&n->queue, struct sk_buff, list), &d->sender);
	set_state(n, n->state, retrans_time(n));
}

/* The first entry whose time has come; the next time, when there is none. */
static struct neigh *find_due(u64 now, u64 *next)
{
	struct neigh *n = rb_entry_safe(rb_first(&by_deadline), struct neigh, due);

	*next = n ? n->deadline : FOREVER;
	return *next <= now ? n : NULL;
}

static bool do_due(void)
{
	struct due d = { .whom = ASK_NOBODY };
	struct neigh *n;
	u64 next;

	INIT_LIST_HEAD(&d.failed);
	grave_init(&d.dead);
	spin_lock(&neigh_lock);
	n = find_due(ktime_get(), &next);
	if (n) {
		struct net *net = n->dev->net;

		d.tell = n->state & (NUD_REACHABLE | NUD_INCOMPLETE | NUD_PROBE);
		d.net = net;
		expire(n, &d);
		if (d.tell || d.whom != ASK_NOBODY)
			describe(n, &d.info);
	} else {
		timer_at = FOREVER;
		if (next != FOREVER)
			arm(next);
	}
	spin_unlock(&neigh_lock);
	if (d.tell && d.info.state & (NUD_STALE | NUD_FAILED))
		rtnl_tell_neigh(d.net, &d.info, RTM_NEWNEIGH);
	solicit(d.net, d.dev, d.whom, &d.info, d.from);
	fail_all(d.net, d.dev, &d.failed);
	bury(&d.dead);
	return n;
}

static void neigh_tick(struct ktimer *t)
{
	while (do_due())
		;
	net_rx_flush();
}

/* ---- by hand, and for people ---- */

void neigh_forget(struct net_device *dev)
{
	struct hlist_node *next;
	struct grave dead;
	struct neigh *n;

	arp_forget(dev);
	grave_init(&dead);
	spin_lock(&neigh_lock);
	for (u32 b = 0; b < NEIGH_BUCKETS && dev->nr_neighs; b++)
		hlist_for_each_entry_safe(n, next, &table[b], node)
			if (n->dev == dev)
				drop(n, &dead);
	spin_unlock(&neigh_lock);
	bury(&dead);
}

void neigh_link_lost(struct net_device *dev)
{
	bool go4 = CONF4_AND(dev, CONF4_ARP_EVICT), go6 = CONF6_AND(dev, CONF6_NDISC_EVICT);
	struct hlist_node *next;
	struct grave dead;
	struct neigh *n;

	grave_init(&dead);
	spin_lock(&neigh_lock);
	for (u32 b = 0; b < NEIGH_BUCKETS && dev->nr_neighs; b++)
		hlist_for_each_entry_safe(n, next, &table[b], node)
			if (n->dev == dev && n->state != NUD_PERMANENT &&
				(ip_is_v4(&n->addr) ? go4 : go6))
				drop(n, &dead);
	spin_unlock(&neigh_lock);
	bury(&dead);
}

void neigh_net_end(struct net *net)
{
	struct hlist_node *next;
	struct grave dead;
	struct neigh *n;

	grave_init(&dead);
	spin_lock(&neigh_lock);
	for (u32 b = 0; b < NEIGH_BUCKETS && net->nr_neighs; b++)
		hlist_for_each_entry_safe(n, next, &table[b], node)
			if (n->net == net)
				drop(n, &dead);
	spin_unlock(&neigh_lock);
	bury(&dead);
}

u32 neigh_list(struct net *net, struct neigh_info *info, u32 max)
{
	struct neigh *n;
	u32 got = 0;

	spin_lock(&neigh_lock);
	for (u32 b = 0; b < NEIGH_BUCKETS; b++)
		hlist_for_each_entry(n, &table[b], node)
			if (n->dev->net == net && got < max)
				describe(n, &info[got++]);
	spin_unlock(&neigh_lock);
	return got;
}

int neigh_get(struct net_device *dev, const ip_addr *addr, struct neigh_info *info)
{
	struct neigh *n;

	spin_lock(&neigh_lock);
	n = find(dev, addr);
	if (n)
		describe(n, info);
	spin_unlock(&neigh_lock);
	return n ? 0 : -ENOENT;
}

static int set_locked(struct neigh *n, const u8 *mac, u16 state, u8 flags)
{
	if (mac)
		memcpy(n->mac, mac, ETH_ALEN);
	else if (state & NUD_VALID && !(n->state & NUD_VALID) && !(state & NUD_NOARP))
		return -EINVAL;
	n->flags = flags;
	n->probes = 0;
	switch (state) {
	case NUD_REACHABLE: set_reachable(n); break;
	case NUD_DELAY: set_delay(n); break;
	case NUD_PROBE:
	case NUD_INCOMPLETE: set_state(n, (u8)state, 0); break;
	case NUD_NONE:
	case NUD_FAILED: set_failed(n); break;
	case NUD_STALE: set_stale(n); break;
	default: set_state(n, (u8)state, FOREVER);
	}
	return 0;
}

static bool may_set(const struct net *net, const struct neigh *n, u16 state)
{
	return !(state & NUD_BY_HAND) || (n && n->state & NUD_BY_HAND) ||
	       net->neighs_by_hand < BY_HAND_MAX;
}

static bool worth_telling(const struct neigh_info *before, const struct neigh_info *now)
{
	return (before->state | now->state) & NUD_VALID &&
	       (before->state != now->state || before->flags != now->flags ||
		       memcmp(before->mac, now->mac, ETH_ALEN) != 0);
}

int neigh_set(struct net_device *dev, const ip_addr *addr, const u8 *mac, u16 state, u8 flags,
	u32 nlflags)
{
	LIST_HEAD(queue);
	struct neigh_info info;
	struct grave dead;
	struct neigh_info before = { .state = NUD_NONE };
	u8 to[ETH_ALEN];
	struct neigh *n;
	int err = 0;

	if (state & ~0xffU || (state & (state - 1)))
		return -EINVAL;
	grave_init(&dead);
	spin_lock(&neigh_lock);
	n = find(dev, addr);
	if (n && nlflags & NLM_F_EXCL)
		err = -EEXIST;
	else if (!n && !(nlflags & NLM_F_CREATE))
		err = -ENOENT;
	else if (!n && state & NUD_VALID && !mac && !(state & NUD_NOARP))
		err = -EINVAL;
	else if (!may_set(dev->net, n, state))
		err = -ENOBUFS;
	else if (!n)
		n = create(dev, addr, &dead);
	if (n)
		describe(n, &before);
	if (!err)
		err = n ? set_locked(n, mac, state, flags) : -ENOBUFS;
	if (!err)
		describe(n, &info);
	if (!err && n->state & NUD_VALID) {
		list_splice_tail_init(&n->queue, &queue);
		n->queued = 0;
		memcpy(to, n->mac, ETH_ALEN);
	}
	spin_unlock(&neigh_lock);
	bury(&dead); /* who made room: another neighbour, another namespace's */
	if (!err && worth_telling(&before, &info))
		rtnl_tell_neigh(dev->net, &info, RTM_NEWNEIGH);
	send_all(dev, &queue, to);
	net_rx_flush();
	return err;
}

int neigh_del(struct net_device *dev, const ip_addr *addr)
{
	struct neigh_info info;
	struct grave dead;
	bool tell = false;
	struct neigh *n;

	grave_init(&dead);
	spin_lock(&neigh_lock);
	n = find(dev, addr);
	if (n) {
		tell = n->state & NUD_VALID;
		set_state(n, NUD_FAILED, FOREVER);
		describe(n, &info);
		drop(n, &dead);
	}
	spin_unlock(&neigh_lock);
	if (tell)
		rtnl_tell_neigh(dev->net, &info, RTM_NEWNEIGH);
	bury(&dead);
	return n ? 0 : -ENOENT;
}

static int neigh_init(void)
{
	timer_setup(&neigh_timer, neigh_tick);
	return 0;
}
INITCALL(1, neigh_init);
