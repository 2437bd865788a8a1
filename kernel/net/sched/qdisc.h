/* SPDX-License-Identifier: MIT */
/*
 * qdisc.h: the public header of queueing disciplines (qdiscs): which of a device's packets leaves
 * first, when, and which is dropped (tc(8)).
 *
 * What the folder is for: the tree of qdiscs of a device and its running (qdisc.c), rtnetlink's
 * view of it (qdisc_rtnl.c), and a file for each kind: pfifo and bfifo, prio, tbf, htb, fq_codel,
 * netem.
 *
 *      without a tree  dev_xmit() -> netdev_xmit_now()
 *      with a tree     dev_xmit() -> qdisc_xmit() -> enqueue()
 *                      qdisc_run() -> dequeue() -> netdev_xmit_now()
 *
 * Types: struct qdisc_root, a device's tree; struct qdisc, which may have classes, each with
 * another qdisc below it; struct qdisc_ops, a kind; struct qdisc_tx, one run of a tree.
 *
 * Call sequence: qdisc_rtnl.c makes and changes trees; qdisc_xmit() enqueues a packet and runs the
 * tree. A kind's enqueue() accepts or refuses a packet. Its dequeue() returns a packet; or NULL,
 * and sets tx->next to the time to try again. It puts packets that it drops on tx->drops. The
 * common code keeps the counters (qlen, backlog, bytes sent): a kind calls qdisc_enqueue(),
 * qdisc_dequeue(), qdisc_drop() and qdisc_lose().
 *
 * Invariants:
 * 1. A qdisc's qlen and backlog count the packets in it and below it, also a packet that its parent
 *    has peeked at (stash).
 * 2. One vCPU at a time dequeues, so packets leave in the tree's order.
 * 3. A packet in a tree is charged to the tree and to all trees together. Beyond either limit
 *    packets are refused, but the common limit does not apply to devices of the first namespace.
 *    Settings are limited too, since the owner of a namespace need not be root of the machine.
 *
 * Locks: trees are made, changed and reported under link.c's mutex. root->lock (spin; inside of a
 * socket's lock, with only timers' locks inside of it) protects the packets and the fields that
 * sending reads. Nothing is sent or freed under it. A tree's memory is freed after a grace period.
 *
 * May know: link/ and netlink/; nothing of protocols but what flow_hash() reads.
 */
#ifndef NESTLING_NET_SCHED_QDISC_H
#define NESTLING_NET_SCHED_QDISC_H

#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "kernel/net/net.h"
#include "kernel/net/netlink/rtnl.h"
#include "kernel/net/socket/skb.h"

struct qdisc;

/* A run of a tree. */
struct qdisc_tx {
	u64 now; /* ktime_get() of the run */
	/*
	 * earliest time (ktime_get()) at which a queued packet may leave; ~0: no packet waits for a
	 * time
	 */
	u64 next;
	/* dropped packets, to be freed after root->lock is released */
	struct list_head drops;
};

struct qdisc_ops {
	const char *kind;
	u32 size; /* bytes of the kind's part, qdisc.own */
	/*
	 * Sets up a new qdisc with TCA_OPTIONS (NULL: none), before other code can find it. Returns
	 * 0 or -errno; after an error destroy() is called too.
	 */
	int (*init)(struct qdisc *q, const void *opt, u32 len);
	/* Changes settings by TCA_OPTIONS. Returns 0 or -errno. NULL: -EINVAL. */
	int (*change)(struct qdisc *q, const void *opt, u32 len);
	/* Frees what init() made, also after init() has failed. May be NULL. */
	void (*destroy)(struct qdisc *q);
	/*
	 * Accepts @skb, which qlen and backlog count already, and returns 0; or returns
	 * qdisc_refuse(). NULL (noqueue): packets are sent at once.
	 */
	int (*enqueue)(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx);
	/*
	 * Returns the next packet that may leave now, or NULL. root->lock held, as for enqueue()
	 * and reset().
	 */
	struct sk_buff *(*dequeue)(struct qdisc *q, struct qdisc_tx *tx);
	/* Moves the qdisc's own packets to @drops. The qdiscs below have a reset() of their own. */
	void (*reset)(struct qdisc *q, struct list_head *drops);
	/*
	 * Writes TCA_OPTIONS. root->lock held, as for app() and for fill() of a class. May be NULL.
	 */
	void (*fill)(struct nl_builder *b, const struct qdisc *q);
	/*
	 * Writes TCA_STATS_APP to @to, at most QDISC_APP_MAX bytes, and returns their number. May
	 * be NULL.
	 */
	u32 (*app)(const struct qdisc *q, void *to);
	const struct qdisc_class_ops *classes; /* NULL: the kind has no classes */
};

#define QDISC_APP_MAX 64

/* Operations on classes. A class is named by the minor part of its number. */
struct qdisc_class_ops {
	/*
	 * Returns the pointer to the qdisc below a class; ERR_PTR(-ENOENT) if there is no such
	 * class, ERR_PTR(-EINVAL) if it cannot have a qdisc.
	 */
	struct qdisc **(*leaf)(struct qdisc *q, u32 minor);
	/* a removed child qdisc is replaced by a pfifo; else nothing replaces it */
	bool refill;
	/* True if there is a class @minor. */
	bool (*has)(const struct qdisc *q, u32 minor);
	u32 (*next)(const struct qdisc *q, u32 minor); /* the class after @minor; 0: no more */
	/* Completes the message *@m about class @minor, and appends its attributes. */
	void (*fill)(struct nl_builder *b, struct tcmsg *m, struct qdisc *q, u32 minor);
	/*
	 * Makes class @minor below @parent, or changes it, by TCA_OPTIONS. Returns 0 or -errno.
	 * NULL: -EOPNOTSUPP.
	 */
	int (*change)(struct qdisc *q, u32 minor, u32 parent, const void *opt, u32 len);
	/* Removes a class. Returns 0 or -errno. */
	int (*remove)(struct qdisc *q, u32 minor);
};

/* Statistics of a qdisc or class, as tc shows them. Protected by root->lock. */
struct qdisc_stats {
	u64 bytes; /* sent */
	/* packets: sent; qlen: packets in the qdisc; backlog: bytes in the qdisc */
	u32 packets, drops, overlimits, requeues, qlen, backlog;
};

struct qdisc {
	/* in root->all; protected by link.c's mutex */
	struct list_head list;
	const struct qdisc_ops *ops;
	struct qdisc_root *root;
	/* the qdisc above this one; NULL: this is the root */
	struct qdisc *up;
	/* handle 0: made by its parent, and not shown to programs */
	u32 handle, parent;
	u32 cost; /* bytes of memory charged for the qdisc */
	struct qdisc_stats st;
	/* packet at which the parent has peeked, the next to leave; or NULL */
	struct sk_buff *stash;
	u64 own[];
};

struct qdisc_root {
	struct net_device *dev;
	struct qdisc *q; /* the root qdisc */
	spinlock_t lock;
	bool running; /* a vCPU is dequeuing; under lock */
	/* the tree was replaced: no packet is added */
	bool dead;
	/* packets may wait for long, so senders are not charged for them meanwhile (netem) */
	bool late;
	u32 nr; /* qdiscs in the tree; link.c's mutex */
	struct ktimer timer;
	struct work work; /* runs the tree instead of the timer */
	/* references: one of the device, and one of the work while it is queued or runs */
	atomic_t refs;
	atomic64_t memory; /* skb_truesize() of the tree's packets */
	/* all qdiscs of the tree, the root first (qdisc.list) */
	struct list_head all;
	struct rcu_head rcu;
};

/* ---- for kinds; root->lock held ---- */

/* Adds @skb to @q, and counts it. Consumes it. Returns 0, or the error of the kind's enqueue(). */
int qdisc_enqueue(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx);
/* Removes the next packet that may leave now, uncounts it, and returns it; NULL: there is none. */
struct sk_buff *qdisc_dequeue(struct qdisc *q, struct qdisc_tx *tx);
/* Returns the packet that qdisc_dequeue() would return, or NULL. */
struct sk_buff *qdisc_peek(struct qdisc *q, struct qdisc_tx *tx);
/* Refuses @skb on behalf of enqueue(): puts it on tx->drops. Returns -ENOBUFS. */
int qdisc_refuse(struct sk_buff *skb, struct qdisc_tx *tx);
/*
 * Drop a packet that was queued before. qdisc_drop() counts the drop at @q and all its parents,
 * qdisc_lose() at @q alone.
 */
void qdisc_drop(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx);
void qdisc_lose(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx);
/*
 * Counts a drop at @q, and uncounts in @q and its parents a packet of @len bytes, which a qdisc
 * below @q has refused.
 */
void qdisc_forgo(struct qdisc *q, u32 len);
/*
 * Counts @skb, a copy that @q has made of a packet, in qlen and backlog of @q and its parents. If
 * the limit on packets in the tree does not allow it, frees @skb and returns false.
 */
bool qdisc_add(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx);
/* Makes the tree run again at @when (ktime_get()), when a packet may leave. */
static inline void qdisc_wait(struct qdisc_tx *tx, u64 when)
{
	tx->next = min(tx->next, when);
}

/* ---- for kinds, in making and changing; link.c's mutex held ---- */

/*
 * Makes a pfifo for class @minor of @up, whose limit is the device's txqlen. Returns NULL if that
 * fails.
 */
struct qdisc *qdisc_default(struct qdisc *up, u32 minor);
/*
 * Makes a qdisc of kind @ops below @up (NULL: a root). @opt: TCA_OPTIONS, @len bytes, or NULL.
 * Returns it or ERR_PTR. May sleep.
 */
struct qdisc *qdisc_make(struct qdisc_root *root, const struct qdisc_ops *ops, struct qdisc *up,
	u32 parent, u32 handle, const void *opt, u32 len);
/*
 * Frees @q, which its parent does not point to any more, with all qdiscs below it. @q may be NULL.
 */
void qdisc_free(struct qdisc *q);
/*
 * Sets *@slot, a pointer in @q, to @with (which may be NULL), and frees the qdisc that *@slot
 * pointed to.
 */
void qdisc_swap(struct qdisc *q, struct qdisc **slot, struct qdisc *with);
/*
 * Charges @n bytes of memory to @q. Returns false if @n is too much for one qdisc, or if all qdiscs
 * together would exceed their limit, which does not apply to devices of the first namespace.
 */
bool qdisc_charge(struct qdisc *q, u64 n);
/* Ends the charge of @n bytes. */
void qdisc_uncharge(struct qdisc *q, u64 n);

/*
 * Appends statistics to a message, and those of the kind in @app. @s: qdisc_no_stats for a qdisc
 * without counters.
 */
void qdisc_put_stats(struct nl_builder *b, const struct qdisc_stats *s, const void *app, u32 len);
extern const struct qdisc_stats qdisc_no_stats;

/* A rate: a struct tc_ratespec with its 64-bit extension. */
struct qdisc_rate {
	u64 bytes; /* per second */
	u16 overhead, mpu;
	u8 link; /* TC_LINKLAYER_* */
};
/* Convert a rate from and to the form of messages. @rate64: an u64 in bytes/s, or NULL. */
void qdisc_rate_read(struct qdisc_rate *r, const struct tc_ratespec *s, const void *rate64);
void qdisc_rate_write(const struct qdisc_rate *r, struct tc_ratespec *s);
u64 qdisc_rate_time(const struct qdisc_rate *r, u32 len); /* ns that @len bytes take */
u64 qdisc_rate_bytes(const struct qdisc_rate *r, u64 ns); /* bytes that @ns allow */
/* Convert between ns and the ticks of 64 ns that tc uses. */
static inline u64 qdisc_ticks_ns(u32 ticks)
{
	return (u64)ticks << 6;
}
static inline u32 qdisc_ns_ticks(u64 ns)
{
	return (u32)(ns >> 6);
}

/* A pseudorandom generator; not for secrets. */
struct qdisc_chance {
	u64 state;
};
void qdisc_chance_init(struct qdisc_chance *c);
/* Returns the next number, of 32 random bits. */
u32 qdisc_chance(struct qdisc_chance *c);

/*
 * Sets "congestion experienced" in a packet, which begins with its link header if skb->dev has one.
 * Returns false if the packet does not support ECN, or there is no memory.
 */
bool qdisc_mark(struct sk_buff *skb);

/* Returns the largest length of a frame in bytes, including the link-layer header. */
u32 qdisc_mtu(const struct net_device *dev);

extern const struct qdisc_ops noqueue_qdisc, pfifo_qdisc, bfifo_qdisc, pfifo_fast_qdisc, tbf_qdisc,
	netem_qdisc, fq_codel_qdisc, prio_qdisc, htb_qdisc;
/* Sets the limit of a pfifo (packets) or bfifo (bytes); does nothing to other kinds. */
void fifo_set_limit(struct qdisc *q, u32 limit);

/* ---- for other folders ---- */

/*
 * qdisc.c: Enqueues @skb in the tree of @dev, for dev_xmit(). Spinlocks may be held, as in the next
 * two. Consumes @skb. Returns 0 or -errno.
 */
int qdisc_xmit(struct net_device *dev, struct sk_buff *skb);
/* Runs the tree of @dev again, after the card's queue has got room. */
void qdisc_more(struct net_device *dev);
/* Drops all queued packets, when the device is down. */
void qdisc_purge(struct net_device *dev);
/*
 * Removes and frees the tree. link.c's mutex held, unless no other task can find the device. May
 * sleep.
 */
void qdisc_forget(struct net_device *dev);
/* Returns the name of the device's root qdisc, as programs see it. */
const char *qdisc_kind(const struct net_device *dev);

/* Returns a tree without a qdisc yet, owned by the caller. NULL: no memory. link.c's mutex held. */
struct qdisc_root *qdisc_root_make(struct net_device *dev);
/*
 * Replaces the tree of @dev by @root, which then belongs to the device, and frees the old tree.
 * Both may be NULL. link.c's mutex held; may sleep.
 */
void qdisc_root_swap(struct net_device *dev, struct qdisc_root *root);

#endif
