/* SPDX-License-Identifier: MIT */
/*
 * qdisc.c: trees of queueing disciplines: how packets pass through a tree, and how trees are made
 * and freed. qdisc.h describes both.
 *
 * States of a tree: made (qdisc_root_make()) -> used by the device (qdisc_root_swap()) -> dead
 * (qdisc_root_swap() to another tree, or qdisc_forget()) -> freed after a grace period.
 *
 * A sender runs the tree while packets may leave. Otherwise the timer runs it (qdisc_wait()), or
 * the card when its queue has room again (qdisc_more()). A run ends after RUN_MAX packets and the
 * timer continues it, so that no task sends for all others. Timers get at most half of a vCPU's
 * time. Beyond that a kernel thread runs the tree, so that frames that circle between devices take
 * no more CPU time than one task.
 */
#include "kernel/net/sched/qdisc.h"

#include <asm/errno.h>
#include <linux/if_ether.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/net/link/gso.h"
#include "kernel/net/link/link.h"

#define RUN_MAX 64U
/* frames in a card's own queue; the others stay in the tree, where qdiscs can reorder them */
#define CARD_MOST 128U
#define ROOT_BYTES (32UL << 20)
#define NR_MAX 2048U /* limit of qdiscs of a device */

static atomic64_t all_bytes;  /* true sizes of packets in all trees */
static atomic64_t all_config; /* memory of all trees, bytes */
/*
 * ktime_get() until which timers of each vCPU have used up their share; written by that vCPU only
 */
static u64 timers_paid[MAX_CPUS];

/* ---- packets; root->lock held ---- */

static u64 memory(void)
{
	return nr_managed_frames() * PAGE_SIZE;
}

/*
 * Charges a packet to the tree and to all trees. Returns false if there is no room. The common
 * limit does not apply to devices of the first namespace, so other namespaces cannot stop them.
 */
static bool charge(struct qdisc_root *r, const struct sk_buff *skb)
{
	u64 n = skb_truesize(skb);

	if ((u64)atomic_read(&r->memory) + n > min(ROOT_BYTES, memory() / 16) ||
		((u64)atomic_read(&all_bytes) + n > memory() / 8 &&
			READ_ONCE(r->dev->net) != &init_net))
		return false;
	atomic_add((long)n, &r->memory);
	atomic_add((long)n, &all_bytes);
	return true;
}

static void uncharge(struct qdisc_root *r, const struct sk_buff *skb)
{
	atomic_sub((long)skb_truesize(skb), &r->memory);
	atomic_sub((long)skb_truesize(skb), &all_bytes);
}

/* Uncharges and frees dropped packets. No lock is held. */
static void free_drops(struct qdisc_root *r, struct list_head *drops)
{
	struct sk_buff *skb;

	list_for_each_entry(skb, drops, list)
		uncharge(r, skb);
	skb_free_list(drops);
}

int qdisc_refuse(struct sk_buff *skb, struct qdisc_tx *tx)
{
	list_add_tail(&skb->list, &tx->drops);
	return -ENOBUFS;
}

static void left(struct qdisc *q, u32 packets, u32 bytes)
{
	q->st.qlen -= packets;
	q->st.backlog -= bytes;
}

int qdisc_enqueue(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx)
{
	u32 len = skb_len(skb);
	int err;

	q->st.qlen++;
	q->st.backlog += len;
	err = q->ops->enqueue(q, skb, tx);
	if (err) {
		left(q, 1, len);
		q->st.drops++;
	}
	return err;
}

struct sk_buff *qdisc_peek(struct qdisc *q, struct qdisc_tx *tx)
{
	if (!q->stash && q->st.qlen)
		q->stash = q->ops->dequeue(q, tx);
	return q->stash;
}

struct sk_buff *qdisc_dequeue(struct qdisc *q, struct qdisc_tx *tx)
{
	struct sk_buff *skb = qdisc_peek(q, tx);

	if (skb) {
		q->stash = NULL;
		left(q, 1, skb_len(skb));
		q->st.bytes += skb_len(skb);
		q->st.packets++;
	}
	return skb;
}

void qdisc_forgo(struct qdisc *q, u32 len)
{
	q->st.drops++;
	for (struct qdisc *a = q; a; a = a->up)
		left(a, 1, len);
}

void qdisc_lose(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx)
{
	qdisc_forgo(q, skb_len(skb));
	list_add_tail(&skb->list, &tx->drops);
}

void qdisc_drop(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx)
{
	for (struct qdisc *a = q->up; a; a = a->up)
		a->st.drops++;
	qdisc_lose(q, skb, tx);
}

bool qdisc_add(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx)
{
	if (!charge(q->root, skb)) {
		kfree_skb(skb); /* a copy: no error is returned for it */
		return false;
	}
	for (struct qdisc *a = q; a; a = a->up) {
		a->st.qlen++;
		a->st.backlog += skb_len(skb);
	}
	return true;
}

/* True if the card takes another packet, in any of its queues. */
static bool card_takes(struct net_device *dev)
{
	return !dev->ops->send || netdev_tx_waiting(dev) < min(CARD_MOST, READ_ONCE(dev->txqlen));
}

/* Sends packets as long as any may leave; releases root->lock while it sends. root->lock held. */
static void run(struct qdisc_root *r, struct qdisc_tx *tx)
{
	struct sk_buff *skb;

	for (u32 n = 0; !r->dead && r->q->st.qlen && card_takes(r->dev); n++) {
		tx->now = ktime_get();
		tx->next = ~0UL;
		if (n == RUN_MAX) {
			timer_start(&r->timer, tx->now);
			return;
		}
		skb = qdisc_dequeue(r->q, tx);
		if (!skb) {
			if (tx->next != ~0UL)
				timer_start(&r->timer, max(tx->next, tx->now + 1000));
			return;
		}
		uncharge(r, skb);
		spin_unlock(&r->lock);
		netdev_xmit_now(r->dev, skb);
		spin_lock(&r->lock);
	}
}

static void qdisc_run(struct qdisc_root *r)
{
	struct qdisc_tx tx;

	INIT_LIST_HEAD(&tx.drops);
	spin_lock(&r->lock);
	/* another vCPU that runs the tree finds the packets */
	if (!r->running) {
		r->running = true;
		run(r, &tx);
		r->running = false;
	}
	spin_unlock(&r->lock);
	free_drops(r, &tx.drops);
}

static void free_root(struct rcu_head *h);

static void put_root(struct qdisc_root *r)
{
	if (atomic_dec_and_test(&r->refs))
		call_rcu(&r->rcu, free_root);
}

/* Runs a tree in a kernel thread. If the device is gone, the tree is dead and empty. */
static void run_by_thread(struct work *w)
{
	struct qdisc_root *r = container_of(w, struct qdisc_root, work);

	qdisc_run(r);
	net_rx_flush();
	put_root(r);
	/* a worker with endless work must reschedule here */
	cond_resched();
}

/*
 * Runs the tree when its timer expires. A timer that is due again when it has run would run again
 * before the vCPU returns to a program. Packets that come back to a delay (as in a circle of
 * bridges with netem) would occupy the vCPU for ever, so a worker takes over when timers have used
 * up their share.
 */
static void run_by_time(struct ktimer *t)
{
	struct qdisc_root *r = container_of(t, struct qdisc_root, timer);
	u64 now = ktime_get(), *paid = &timers_paid[smp_processor_id()];

	if (*paid > now) {
		atomic_inc(&r->refs);
		if (!work_queue(&r->work))
			put_root(r);
		return;
	}
	qdisc_run(r);
	net_rx_flush();
	*paid = max(*paid, now - min(now, NSEC_PER_MSEC)) + 2 * (ktime_get() - now);
}

void qdisc_more(struct net_device *dev)
{
	struct qdisc_root *r = READ_ONCE(dev->qdisc);

	if (r && READ_ONCE(r->q->st.qlen))
		qdisc_run(r);
}

/* Enqueues one frame and runs the tree. Consumes @skb. Returns 0 or -ENOBUFS. */
static int send_one(struct qdisc_root *r, struct sk_buff *skb)
{
	struct qdisc_tx tx;
	int err = -ENOBUFS;
	bool in;

	INIT_LIST_HEAD(&tx.drops);
	skb->dev = r->dev;
	if (READ_ONCE(r->late))
		skb_orphan(skb);
	spin_lock(&r->lock);
	/*
	 * A task that takes down the device or the tree sets these flags first, and then drops the
	 * queued packets.
	 */
	in = !r->dead && READ_ONCE(r->dev->flags) & IFF_UP && charge(r, skb);
	if (in) {
		tx.now = ktime_get();
		err = qdisc_enqueue(r->q, skb, &tx);
	} else {
		r->q->st.drops++;
	}
	spin_unlock(&r->lock);
	free_drops(r, &tx.drops);
	if (in)
		qdisc_run(r);
	else
		kfree_skb(skb);
	return err;
}

/* Cuts a GSO packet into its segments, since qdiscs choose, delay and count frames. */
static int send_cut(struct qdisc_root *r, struct sk_buff *skb)
{
	LIST_HEAD(cut);
	int err = gso_cut(skb, r->dev->type == ARPHRD_ETHER ? ETH_HLEN : 0, &cut);
	bool some = false;

	while (!list_empty(&cut)) {
		struct sk_buff *s = list_first_entry(&cut, struct sk_buff, list);
		int e;

		list_del_init(&s->list);
		e = send_one(r, s);
		some |= !e;
		err = err ? err : e;
	}
	return gso_sent(err, some);
}

int qdisc_xmit(struct net_device *dev, struct sk_buff *skb)
{
	struct qdisc_root *r = READ_ONCE(dev->qdisc);

	if (!r || !r->q->ops->enqueue)
		return netdev_xmit_now(dev, skb);
	return skb->gso ? send_cut(r, skb) : send_one(r, skb);
}

/* Drops all packets in @q itself, and the packet that its parent has peeked at. */
static void reset(struct qdisc *q, struct list_head *drops)
{
	if (q->stash)
		list_add_tail(&q->stash->list, drops);
	q->stash = NULL;
	if (q->ops->reset)
		q->ops->reset(q, drops);
	q->st.qlen = q->st.backlog = 0;
}

static void purge(struct qdisc_root *r, bool for_good)
{
	struct qdisc *q;
	LIST_HEAD(drops);

	spin_lock(&r->lock);
	r->dead |= for_good;
	list_for_each_entry(q, &r->all, list)
		reset(q, &drops);
	spin_unlock(&r->lock);
	free_drops(r, &drops);
}

void qdisc_purge(struct net_device *dev)
{
	struct qdisc_root *r = READ_ONCE(dev->qdisc);

	if (r)
		purge(r, false);
}

/* ---- trees; link.c's mutex held ---- */

bool qdisc_charge(struct qdisc *q, u64 n)
{
	if (n > memory() / 32 || ((u64)atomic_read(&all_config) + n > memory() / 32 &&
					 q->root->dev->net != &init_net))
		return false;
	atomic_add((long)n, &all_config);
	q->cost += (u32)n;
	return true;
}

void qdisc_uncharge(struct qdisc *q, u64 n)
{
	atomic_sub((long)n, &all_config);
	q->cost -= (u32)n;
}

static void free_one(struct qdisc *q)
{
	if (q->ops->destroy)
		q->ops->destroy(q);
	atomic_sub((long)q->cost, &all_config);
	kfree(q);
}

static struct qdisc *child_of(const struct qdisc *q)
{
	struct qdisc *c;

	list_for_each_entry(c, &q->root->all, list)
		if (c->up == q)
			return c;
	return NULL;
}

struct qdisc *qdisc_make(struct qdisc_root *root, const struct qdisc_ops *ops, struct qdisc *up,
	u32 parent, u32 handle, const void *opt, u32 len)
{
	struct qdisc *q, *c;
	int err = -ENOBUFS;

	if (root->nr >= NR_MAX)
		return ERR_PTR(-ENOSPC);
	q = kzalloc(sizeof(*q) + ops->size, GFP_KERNEL | __GFP_ACCOUNT);
	if (!q)
		return ERR_PTR(-ENOBUFS);
	q->ops = ops;
	q->root = root;
	q->up = up;
	q->parent = parent;
	q->handle = handle;
	root->nr++;
	if (qdisc_charge(q, ksize(q)))
		err = ops->init ? ops->init(q, opt, len) : 0;
	if (err) {
		while ((c = child_of(q)))
			qdisc_free(c);
		root->nr--;
		free_one(q);
		return ERR_PTR(err);
	}
	spin_lock(&root->lock);
	if (up)
		list_add_tail(&q->list, &root->all);
	else
		list_add(&q->list, &root->all); /* the root comes first in a dump */
	spin_unlock(&root->lock);
	return q;
}

struct qdisc *qdisc_default(struct qdisc *up, u32 minor)
{
	struct qdisc *q =
		qdisc_make(up->root, &pfifo_qdisc, up, TC_H_MAKE(up->handle, minor), 0, NULL, 0);

	return IS_ERR(q) ? NULL : q;
}

static void free_leaf(struct qdisc *q)
{
	struct qdisc_root *r = q->root;
	LIST_HEAD(drops);

	spin_lock(&r->lock);
	reset(q, &drops);
	list_del_init(&q->list);
	spin_unlock(&r->lock);
	r->nr--;
	free_drops(r, &drops);
	free_one(q);
}

/* Frees @q and all qdiscs below it, from the bottom up, without recursion. */
void qdisc_free(struct qdisc *q)
{
	struct qdisc *at = q, *up, *c;

	while (at) {
		while ((c = child_of(at)))
			at = c;
		up = at == q ? NULL : at->up;
		free_leaf(at);
		at = up;
	}
}

void qdisc_swap(struct qdisc *q, struct qdisc **slot, struct qdisc *with)
{
	struct qdisc_root *r = q->root;
	struct qdisc *old;

	spin_lock(&r->lock);
	old = *slot;
	*slot = with;
	if (old)
		for (struct qdisc *a = q; a; a = a->up)
			left(a, old->st.qlen, old->st.backlog);
	spin_unlock(&r->lock);
	qdisc_free(old);
}

struct qdisc_root *qdisc_root_make(struct net_device *dev)
{
	struct qdisc_root *r = kzalloc(sizeof(*r), GFP_KERNEL | __GFP_ACCOUNT);

	if (!r)
		return NULL;
	r->dev = dev;
	spin_lock_init(&r->lock);
	INIT_LIST_HEAD(&r->all);
	timer_setup(&r->timer, run_by_time);
	work_setup(&r->work, run_by_thread);
	atomic_set(&r->refs, 1);
	return r;
}

static void free_root(struct rcu_head *h)
{
	struct qdisc_root *r = container_of(h, struct qdisc_root, rcu);
	struct qdisc *q, *next;

	list_for_each_entry_safe(q, next, &r->all, list)
		free_one(q);
	kfree(r);
}

void qdisc_root_swap(struct net_device *dev, struct qdisc_root *root)
{
	struct qdisc_root *old = dev->qdisc;

	WRITE_ONCE(dev->qdisc, root);
	if (!old)
		return;
	purge(old, true);
	/* waits for the timer function, which may queue the work */
	timer_cancel_sync(&old->timer);
	put_root(old);
}

void qdisc_forget(struct net_device *dev)
{
	qdisc_root_swap(dev, NULL);
}

const char *qdisc_kind(const struct net_device *dev)
{
	const struct qdisc_root *r = READ_ONCE(dev->qdisc);

	return r ? r->q->ops->kind : dev->ops->qdisc;
}

/* ---- functions for all kinds ---- */

u32 qdisc_mtu(const struct net_device *dev)
{
	return dev->mtu + (dev->type == ARPHRD_NONE ? 0 : ETH_HLEN);
}

void qdisc_rate_read(struct qdisc_rate *r, const struct tc_ratespec *s, const void *rate64)
{
	u64 more = 0;

	if (rate64)
		memcpy(&more, rate64, sizeof(more));
	r->bytes = max((u64)s->rate, more);
	r->overhead = s->overhead;
	r->mpu = s->mpu;
	r->link = s->linklayer & TC_LINKLAYER_MASK;
}

void qdisc_rate_write(const struct qdisc_rate *r, struct tc_ratespec *s)
{
	*s = (struct tc_ratespec){
		.linklayer = r->link,
		.overhead = r->overhead,
		.mpu = r->mpu,
		.rate = (u32)min(r->bytes, 0xffffffffUL),
	};
}

u64 qdisc_rate_time(const struct qdisc_rate *r, u32 len)
{
	u64 n = max((u64)len + r->overhead, (u64)r->mpu);

	if (r->link == TC_LINKLAYER_ATM)
		n = (n + 47) / 48 * 53;
	return r->bytes ? n * NSEC_PER_SEC / r->bytes : n;
}

/*
 * Returns how many bytes the rate allows in @ns. @ns is at most 2^38, the longest time of a bucket,
 * and is split into whole seconds and the rest.
 */
u64 qdisc_rate_bytes(const struct qdisc_rate *r, u64 ns)
{
	u64 whole = ns / NSEC_PER_SEC, n;

	if (r->bytes > 1UL << 32) /* no packet is longer than 2^32 bytes */
		n = whole || r->bytes >> 43 ? 1UL << 32 :
					      ns * (r->bytes >> 10) / (NSEC_PER_SEC >> 10);
	else
		n = whole * r->bytes + ns % NSEC_PER_SEC * r->bytes / NSEC_PER_SEC;
	if (r->link == TC_LINKLAYER_ATM)
		n = n / 53 * 48;
	return n > r->overhead ? n - r->overhead : 0;
}

void qdisc_chance_init(struct qdisc_chance *c)
{
	arch_random(&c->state, sizeof(c->state));
}

/*
 * Returns a pseudorandom number (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
 * Generators, 2014).
 */
u32 qdisc_chance(struct qdisc_chance *c)
{
	u64 z = c->state += 0x9e3779b97f4a7c15UL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9UL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebUL;
	return (u32)((z ^ z >> 31) >> 32);
}

/*
 * Sets CE in an IPv4 header and updates its checksum (RFC 1624). Returns false for a packet without
 * ECN.
 */
static bool mark4(struct sk_buff *skb, u32 at, u8 *h)
{
	u32 sum = (u32)(h[10] << 8 | h[11]);

	if (!(h[1] & 3))
		return false;
	if ((h[1] & 3) != 3) /* the word grows by 1 or 2 */
		sum += (h[1] & 3) == 2 ? 0xfffe : 0xfffd;
	sum = (sum & 0xffff) + (sum >> 16);
	h[10] = (u8)(sum >> 8);
	h[11] = (u8)sum;
	h[1] |= 3;
	skb_write(skb, at, h, 12);
	return true;
}

bool qdisc_mark(struct sk_buff *skb)
{
	u32 at = skb->dev->type == ARPHRD_ETHER ? ETH_HLEN : 0;
	u8 h[20];

	if ((skb->protocol != ETH_P_IP && skb->protocol != ETH_P_IPV6) ||
		skb_len(skb) < at + sizeof(h))
		return false;
	if (skb_headlen(skb) < at + sizeof(h) && !skb_own_payload(skb))
		return false;
	skb_copy(skb, at, h, sizeof(h));
	if (h[0] >> 4 == 4)
		return mark4(skb, at, h);
	if (h[0] >> 4 != 6 || !(h[1] & 0x30))
		return false;
	h[1] |= 0x30;
	skb_write(skb, at, h, 2);
	return true;
}
