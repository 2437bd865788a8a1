/* SPDX-License-Identifier: MIT */
/*
 * qdisc.h: the door of queueing disciplines: which of a device's packets goes first, when, and
 * which is dropped (tc(8)).
 *
 * What the folder is for: the tree of a device and its running (qdisc.c), rtnetlink's view of it
 * (qdisc_rtnl.c), and a file for each kind: pfifo and bfifo, prio, tbf, htb, fq_codel, netem.
 *
 *      without a tree  dev_xmit() -> netdev_xmit_now()
 *      with one        dev_xmit() -> qdisc_xmit() -> enqueue()
 *                      qdisc_run() -> dequeue() -> netdev_xmit_now()
 *
 * Types: struct qdisc_root, a device's tree; struct qdisc, which may have classes with another
 * below each; struct qdisc_ops, a kind; struct qdisc_tx, one run of the tree.
 *
 * Call sequence: qdisc_rtnl.c makes and changes trees; qdisc_xmit() enqueues and runs. A kind's
 * enqueue() takes a packet or refuses it; dequeue() returns one, or none and sets tx->next to the
 * time to try again. Packets that it drops go onto tx->drops. Counts (qlen, backlog, bytes sent)
 * are the tree's: parents and kinds call qdisc_enqueue(), qdisc_dequeue(), qdisc_drop() and
 * qdisc_lose().
 *
 * Invariants:
 * 1. A qdisc's qlen and backlog count packets in it and below, and those that its parent peeked at
 *    (stash).
 * 2. One vCPU at a time dequeues, so packets leave in the tree's order.
 * 3. A packet in a tree is charged to it and to all trees together; past either bound packets are
 *    refused (past the second not on devices of the first namespace). Settings are bounded too,
 *    since a namespace's owner need not be root of the machine.
 *
 * Locks: trees are made, changed and reported under link.c's mutex. root->lock (spin; inside a
 * socket's lock, with only timers' locks inside it) protects the packets and the fields that
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

struct qdisc_tx {
	u64 now; /* ktime_get() */
	/* the first time at which a waiting packet may leave; ~0: none waits for a time */
	u64 next;
	struct list_head drops;
};

struct qdisc_ops {
	const char *kind;
	u32 size; /* bytes of the kind's private part */
	/*
	 * Sets up a new qdisc with TCA_OPTIONS (NULL: none), before any other code can find it.
	 * Returns 0 or -errno; after an error destroy() is called, too.
	 */
	int (*init)(struct qdisc *q, const void *opt, u32 len);
	int (*change)(struct qdisc *q, const void *opt, u32 len); /* NULL: -EINVAL */
	void (*destroy)(struct qdisc *q);                         /* NULL is fine */
	/*
	 * Takes @skb, which is counted already. Returns 0, or -ENOBUFS by qdisc_refuse(). NULL
	 * (noqueue): nothing waits.
	 */
	int (*enqueue)(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx);
	struct sk_buff *(*dequeue)(struct qdisc *q, struct qdisc_tx *tx);
	/*
	 * Moves the qdisc's own packets to @drops; the qdiscs below are reset by their own reset().
	 */
	void (*reset)(struct qdisc *q, struct list_head *drops);
	void (*fill)(struct nl_builder *b, const struct qdisc *q); /* TCA_OPTIONS; NULL */
	/* TCA_STATS_APP: how many bytes; NULL is fine. */
	u32 (*app)(const struct qdisc *q, void *to);
	const struct qdisc_class_ops *classes; /* NULL: it has none */
};

#define QDISC_APP_MAX 64

/* A class is its number's minor part. */
struct qdisc_class_ops {
	/*
	 * Finds the place from which the qdisc below a class hangs. ERR_PTR(-ENOENT): there is no
	 * such class; -EINVAL: nothing can hang there.
	 */
	struct qdisc **(*leaf)(struct qdisc *q, u32 minor);
	/* a removed child qdisc is replaced by a pfifo; else by none */
	bool refill;
	bool (*has)(const struct qdisc *q, u32 minor);
	u32 (*next)(const struct qdisc *q, u32 minor); /* the class behind this one; 0: no more */
	void (*fill)(struct nl_builder *b, struct tcmsg *m, struct qdisc *q, u32 minor);
	/* Makes a class, or changes an existing one; NULL: -EOPNOTSUPP. */
	int (*change)(struct qdisc *q, u32 minor, u32 parent, const void *opt, u32 len);
	int (*remove)(struct qdisc *q, u32 minor);
};

/* Statistics that tc shows of a qdisc or class; counted under the root's lock. */
struct qdisc_stats {
	u64 bytes;
	u32 packets, drops, overlimits, requeues, qlen, backlog;
};

struct qdisc {
	struct list_head list; /* of root->all; under link.c's mutex */
	const struct qdisc_ops *ops;
	struct qdisc_root *root;
	/* the parent of its class; NULL: the root */
	struct qdisc *up;
	/* handle 0: its parent has made it, and programs do not see it */
	u32 handle, parent;
	u32 cost; /* of its memory */
	struct qdisc_stats st;
	/* the next packet, which its parent has looked at */
	struct sk_buff *stash;
	u64 own[];
};

struct qdisc_root {
	struct net_device *dev;
	struct qdisc *q;
	spinlock_t lock;
	bool running; /* a vCPU takes packets out */
	bool dead;    /* no packet is added any more */
	/* packets may be delayed for long, without a sender that waits for them (netem) */
	bool late;
	u32 nr; /* qdiscs in the tree; under link.c's mutex */
	struct ktimer timer;
	struct work work; /* sends for the timer */
	/* one for the device, and one for the work while queued or running */
	atomic_t refs;
	atomic64_t memory; /* true sizes of its packets */
	struct list_head all;
	struct rcu_head rcu;
};

/* ---- for kinds; under root->lock ---- */

int qdisc_enqueue(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx);
struct sk_buff *qdisc_dequeue(struct qdisc *q, struct qdisc_tx *tx);
/* Returns the packet that qdisc_dequeue() will give. NULL. */
struct sk_buff *qdisc_peek(struct qdisc *q, struct qdisc_tx *tx);
/* Refuses @skb for enqueue(). -ENOBUFS. */
int qdisc_refuse(struct sk_buff *skb, struct qdisc_tx *tx);
/* Drops a packet that was queued before; only @q counts it. */
void qdisc_drop(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx);
void qdisc_lose(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx);
/* Uncounts a packet of @len bytes that a qdisc below @q has refused. */
void qdisc_forgo(struct qdisc *q, u32 len);
/* Enqueues a copy at @q: false, with @skb dropped, where there is no room. */
bool qdisc_add(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx);
/* Notes that a packet may leave at @when. */
static inline void qdisc_wait(struct qdisc_tx *tx, u64 when)
{
	tx->next = min(tx->next, when);
}

/* ---- for kinds, making and changing; under link.c's mutex ---- */

/* Makes a pfifo for a class, as long as the device's queue. NULL: no memory. */
struct qdisc *qdisc_default(struct qdisc *up, u32 minor);
/* Makes a qdisc of any kind for a class. Returns it or ERR_PTR. */
struct qdisc *qdisc_make(struct qdisc_root *root, const struct qdisc_ops *ops, struct qdisc *up,
	u32 parent, u32 handle, const void *opt, u32 len);
/* Frees @q, which has no parent any more, with all qdiscs below it. @q may be NULL. */
void qdisc_free(struct qdisc *q);
/* Puts @with (NULL: nothing) into *@slot, and frees the qdisc that was there. */
void qdisc_swap(struct qdisc *q, struct qdisc **slot, struct qdisc *with);
/* Charges @q with @n more bytes. Returns true unless all qdiscs together are over the limit. */
bool qdisc_charge(struct qdisc *q, u64 n);
void qdisc_uncharge(struct qdisc *q, u64 n);

/*
 * Appends statistics to a message, with the kind's own in @app. @s is qdisc_no_stats for a qdisc
 * that has no counters.
 */
void qdisc_put_stats(struct nl_builder *b, const struct qdisc_stats *s, const void *app, u32 len);
extern const struct qdisc_stats qdisc_no_stats;

/* Rates, as struct tc_ratespec and a number of 64 bits have them. */
struct qdisc_rate {
	u64 bytes; /* in a second */
	u16 overhead, mpu;
	u8 link; /* TC_LINKLAYER_* */
};
void qdisc_rate_read(struct qdisc_rate *r, const struct tc_ratespec *s, const void *rate64);
void qdisc_rate_write(const struct qdisc_rate *r, struct tc_ratespec *s);
u64 qdisc_rate_time(const struct qdisc_rate *r, u32 len); /* nanoseconds */
u64 qdisc_rate_bytes(const struct qdisc_rate *r, u64 ns); /* the other way round */
/* Converts ticks of 64 ns, as tc counts them. */
static inline u64 qdisc_ticks_ns(u32 ticks)
{
	return (u64)ticks << 6;
}
static inline u32 qdisc_ns_ticks(u64 ns)
{
	return (u32)(ns >> 6);
}

/* Numbers by chance, not for secrets. */
struct qdisc_chance {
	u64 state;
};
void qdisc_chance_init(struct qdisc_chance *c);
u32 qdisc_chance(struct qdisc_chance *c);

/* Marks a packet as congestion experienced. Returns true if the packet supports ECN. */
bool qdisc_mark(struct sk_buff *skb);

/* Returns a frame's greatest length, with the bytes before its network header. */
u32 qdisc_mtu(const struct net_device *dev);

extern const struct qdisc_ops noqueue_qdisc, pfifo_qdisc, bfifo_qdisc, pfifo_fast_qdisc, tbf_qdisc,
	netem_qdisc, fq_codel_qdisc, prio_qdisc, htb_qdisc;
/* Sets the limit of a queue of one of the first two kinds; others stay. */
void fifo_set_limit(struct qdisc *q, u32 limit);

/* ---- for the rest ---- */

/* qdisc.c: Sends by the tree of @dev, for dev_xmit(). Consumes @skb. 0 or -errno. */
int qdisc_xmit(struct net_device *dev, struct sk_buff *skb);
/* Goes on when there may be room in the card's queue again. */
void qdisc_more(struct net_device *dev);
/* Drops the queued packets when the device is down. */
void qdisc_purge(struct net_device *dev);
/* Drops the tree. link.c's mutex held, or no other task can find the device. */
void qdisc_forget(struct net_device *dev);
/* Returns the queue's name for programs. */
const char *qdisc_kind(const struct net_device *dev);

struct qdisc_root *qdisc_root_make(struct net_device *dev); /* NULL */
/* Replaces the tree of @dev by @root (each may be NULL); the old tree ends. */
void qdisc_root_swap(struct net_device *dev, struct qdisc_root *root);

#endif
