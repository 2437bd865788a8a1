/* SPDX-License-Identifier: MIT */
/*
 * qdisc_htb.c: hierarchical token buckets: a tree of classes. Each class has a rate, and a ceiling
 * up to which it may borrow from its parent what the parent's other children leave unused. Packets
 * wait in the leaves, each of which has a qdisc of its own.
 *
 * The next leaf is chosen among those that have packets and may send: leaves that need not borrow
 * come first, then those that borrow from the nearest ancestor; among equals the best priority
 * comes first, and leaves of equal priority take turns by bytes (the quantum). A leaf may send if
 * it has tokens of its ceiling, and tokens of its rate or a parent that may send. So each dequeue
 * walks the leaves that have packets, at most CLASSES_MAX. Tokens are nanoseconds of the rate.
 *
 * A packet's priority names its leaf; else the packet goes to the default class. Without a default
 * class it leaves at once, unshaped (direct). There are no filters.
 * Locks: qdisc.h.
 */
#include <asm/errno.h>

#include "kernel/lib/string.h"
#include "kernel/net/sched/qdisc.h"

#define CLASSES_MAX 512U
#define HASH 64U
#define DEPTH 8U /* levels of classes; leaves have level 0 */
#define PRIOS 8U
#define SAVED_MAX (60 * (s64)NSEC_PER_SEC)
#define VERSION 0x30011U
#define QUANTUM_MIN 1000U
#define QUANTUM_MAX 200000U

struct class
{
	struct hlist_node hash;
	struct list_head all; /* in htb.all, in order of creation */
	/* in htb.busy, the leaves with packets; else empty */
	struct list_head busy;
	u32 minor;
	struct class *parent; /* NULL: the qdisc itself */
	u32 children, level, prio, quantum;
	struct qdisc_rate rate, ceil;
	s64 depth, ceil_depth, tokens, ceil_tokens; /* ns of rate and ceil */
	u64 since;
	s32 deficit;
	struct qdisc *below; /* qdisc of a leaf */
	struct qdisc_stats st;
	u32 lends, borrows;
};

struct htb {
	u32 r2q, def, direct_len, direct, direct_waiting;
	u32 nr;
	struct list_head direct_queue, all, busy;
	struct hlist_head hash[HASH];
};

static struct htb *HTB(const struct qdisc *q)
{
	return (struct htb *)q->own;
}

static struct class *find(const struct qdisc *q, u32 minor)
{
	struct class *c;

	hlist_for_each_entry(c, &HTB(q)->hash[minor % HASH], hash)
		if (c->minor == minor)
			return c;
	return NULL;
}

/* ---- settings ---- */

static int htb_init(struct qdisc *q, const void *opt, u32 len)
{
	struct htb *h = HTB(q);
	const struct tc_htb_glob *g;
	const void *p;
	u32 n;

	INIT_LIST_HEAD(&h->direct_queue);
	INIT_LIST_HEAD(&h->all);
	INIT_LIST_HEAD(&h->busy);
	g = opt ? nl_nested(opt, len, TCA_HTB_INIT, sizeof(*g), &n) : NULL;
	if (!g || g->version != VERSION >> 16)
		return -EINVAL;
	if (nl_nested(opt, len, TCA_HTB_OFFLOAD, 0, &n))
		return -EOPNOTSUPP;
	h->r2q = max(g->rate2quantum, 1U);
	h->def = g->defcls;
	p = nl_nested(opt, len, TCA_HTB_DIRECT_QLEN, sizeof(u32), &n);
	h->direct_len = q->root->dev->txqlen;
	if (p)
		memcpy(&h->direct_len, p, sizeof(u32));
	return 0;
}

static void htb_destroy(struct qdisc *q)
{
	struct class *c, *next;

	if (HTB(q)->all.next)
		list_for_each_entry_safe(c, next, &HTB(q)->all, all)
			kfree(c);
}

static void htb_fill(struct nl_builder *b, const struct qdisc *q)
{
	const struct htb *h = HTB(q);
	struct tc_htb_glob g = { .version = VERSION,
		.rate2quantum = h->r2q,
		.defcls = h->def,
		.direct_pkts = h->direct };
	u32 at = nl_nest_plain(b, TCA_OPTIONS);

	nl_attr(b, TCA_HTB_INIT, &g, sizeof(g));
	nl_attr_u32(b, TCA_HTB_DIRECT_QLEN, h->direct_len);
	nl_nest_end(b, at);
}

/* ---- packets ---- */

/* Returns the leaf for a packet, or NULL if the packet leaves directly. */
static struct class *class_of(const struct qdisc *q, const struct sk_buff *skb)
{
	struct class *c = NULL;

	if (skb->priority == q->handle)
		return NULL;
	if (TC_H_MAJ(skb->priority) == q->handle)
		c = find(q, TC_H_MIN(skb->priority));
	if (!c || c->level)
		c = find(q, TC_H_MIN(HTB(q)->def));
	return c && !c->level ? c : NULL;
}

static int enqueue_direct(struct htb *h, struct sk_buff *skb, struct qdisc_tx *tx)
{
	if (h->direct_waiting >= h->direct_len)
		return qdisc_refuse(skb, tx);
	list_add_tail(&skb->list, &h->direct_queue);
	h->direct_waiting++;
	h->direct++;
	return 0;
}

static int htb_enqueue(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx)
{
	struct class *c = class_of(q, skb);
	int err;

	if (!c)
		return enqueue_direct(HTB(q), skb, tx);
	err = c->below ? qdisc_enqueue(c->below, skb, tx) : qdisc_refuse(skb, tx);
	if (err)
		c->st.drops++;
	else if (list_empty(&c->busy) && c->below->st.qlen)
		list_add_tail(&c->busy, &HTB(q)->busy);
	return err;
}

static s64 with_passed(s64 tokens, u64 passed, s64 depth)
{
	return min(tokens + (s64)min(passed, (u64)SAVED_MAX), depth);
}

/*
 * True if @c may send with its own tokens. Else *@may_borrow is true if it may borrow from its
 * parent, and *@wait is the ns until it has tokens: of its rate, or, if it may not borrow, of its
 * ceiling.
 */
static bool has_tokens(const struct class *c, u64 now, u64 *wait, bool *may_borrow)
{
	u64 passed = now - min(c->since, now);
	s64 have = with_passed(c->ceil_tokens, passed, c->ceil_depth);

	*may_borrow = have >= 0;
	if (have < 0) {
		*wait = (u64)-have;
		return false;
	}
	have = with_passed(c->tokens, passed, c->depth);
	*wait = have < 0 ? (u64)-have : 0;
	return have >= 0;
}

/*
 * Returns the number of levels from the leaf up to the class that lends to it; 0: the leaf need not
 * borrow. Returns DEPTH + 1 if the leaf may not send; it is tried again at tx->next.
 */
static u32 far(const struct class *leaf, struct qdisc_tx *tx)
{
	u64 wait, soonest = ~0UL;
	u32 n = 0;

	for (const struct class *c = leaf; c; c = c->parent, n++) {
		bool may_borrow;

		if (has_tokens(c, tx->now, &wait, &may_borrow))
			return n;
		soonest = min(soonest, wait);
		if (!may_borrow)
			break;
	}
	qdisc_wait(tx, tx->now + soonest);
	return DEPTH + 1;
}

static struct class *choose(struct htb *h, struct qdisc_tx *tx, u32 *by)
{
	struct class *c, *next, *best = NULL;
	u32 n, best_n = DEPTH + 1;

	list_for_each_entry_safe(c, next, &h->busy, busy) {
		if (!c->below || !c->below->st.qlen) {
			list_del_init(&c->busy);
			continue;
		}
		n = far(c, tx);
		if (n > DEPTH || (best && (n > best_n || (n == best_n && c->prio >= best->prio))))
			continue;
		best = c;
		best_n = n;
	}
	*by = best_n;
	return best;
}

static void pay(struct class *c, u64 now, u32 len, bool of_rate)
{
	u64 passed = now - min(c->since, now);
	s64 cost = (s64)qdisc_rate_time(&c->ceil, len);

	c->ceil_tokens =
		max(with_passed(c->ceil_tokens, passed, c->ceil_depth) - cost, 1 - SAVED_MAX);
	c->tokens = with_passed(c->tokens, passed, c->depth);
	if (of_rate)
		c->tokens = max(c->tokens - (s64)qdisc_rate_time(&c->rate, len), 1 - SAVED_MAX);
	c->since = now;
}

/* Charges a packet of @leaf, which was sent with tokens of the ancestor @by levels above. */
static void account(struct class *leaf, u32 by, u64 now, u32 len)
{
	u32 n = 0;

	for (struct class *c = leaf; c; c = c->parent, n++) {
		if (n == by)
			c->lends++;
		else if (n < by)
			c->borrows++;
		pay(c, now, len, n >= by);
		c->st.bytes += len;
		c->st.packets++;
	}
}

static struct sk_buff *dequeue_class(struct qdisc *q, struct qdisc_tx *tx, bool *again)
{
	struct htb *h = HTB(q);
	u32 by;
	struct class *c = choose(h, tx, &by);
	struct sk_buff *skb = c ? qdisc_dequeue(c->below, tx) : NULL;

	*again = false;
	if (!c)
		return NULL;
	/* The leaf's qdisc delays its packets, or has dropped them all. */
	if (!skb) {
		list_del_init(&c->busy);
		*again = true;
		return NULL;
	}
	account(c, by, tx->now, skb_len(skb));
	c->deficit -= (s32)skb_len(skb);
	if (c->deficit < 0) {
		c->deficit += (s32)max(c->quantum, skb_len(skb));
		list_move_tail(&c->busy, &h->busy);
	}
	return skb;
}

static struct sk_buff *dequeue_direct(struct htb *h)
{
	struct sk_buff *skb = list_first_entry_or_null(&h->direct_queue, struct sk_buff, list);

	if (skb) {
		list_del_init(&skb->list);
		h->direct_waiting--;
	}
	return skb;
}

/*
 * Puts classes with packets back on the busy list after this round has skipped them because their
 * qdisc delays packets. The next round tries them again.
 */
static void list_again(struct htb *h)
{
	struct class *c;

	list_for_each_entry(c, &h->all, all)
		if (c->below && c->below->st.qlen && list_empty(&c->busy))
			list_add_tail(&c->busy, &h->busy);
}

static struct sk_buff *htb_dequeue(struct qdisc *q, struct qdisc_tx *tx)
{
	struct htb *h = HTB(q);
	struct sk_buff *skb = dequeue_direct(h);
	bool again = true, passed = false;

	while (!skb && again) {
		skb = dequeue_class(q, tx, &again);
		passed |= again;
	}
	if (passed)
		list_again(h);
	if (!skb)
		q->st.overlimits++;
	return skb;
}

static void htb_reset(struct qdisc *q, struct list_head *drops)
{
	struct htb *h = HTB(q);
	struct class *c;

	list_splice_tail_init(&h->direct_queue, drops);
	h->direct_waiting = 0;
	list_for_each_entry(c, &h->all, all)
		list_del_init(&c->busy);
}

/* ---- classes ---- */

static bool htb_has(const struct qdisc *q, u32 minor)
{
	return find(q, minor);
}

static struct qdisc **htb_leaf(struct qdisc *q, u32 minor)
{
	struct class *c = find(q, minor);

	if (!c)
		return ERR_PTR(-ENOENT);
	return c->level ? ERR_PTR(-EINVAL) : &c->below;
}

static u32 htb_next(const struct qdisc *q, u32 minor)
{
	const struct list_head *all = &HTB(q)->all;
	const struct class *c = minor ? find(q, minor) : NULL;
	const struct list_head *next = c ? c->all.next : all->next;

	return next == all ? 0 : list_entry(next, struct class, all)->minor;
}

static s32 shown_tokens(s64 ns)
{
	s64 ticks = ns >= 0 ? ns >> 6 : -(-ns >> 6);

	return (s32)max(min(ticks, 0x7fffffffL), -0x80000000L);
}

static void htb_fill_class(struct nl_builder *b, struct tcmsg *m, struct qdisc *q, u32 minor)
{
	const struct class *c = find(q, minor);
	struct tc_htb_xstats x = { .lends = c->lends,
		.borrows = c->borrows,
		.tokens = shown_tokens(c->tokens),
		.ctokens = shown_tokens(c->ceil_tokens) };
	struct tc_htb_opt o = { .buffer = qdisc_ns_ticks((u64)c->depth),
		.cbuffer = qdisc_ns_ticks((u64)c->ceil_depth),
		.quantum = c->quantum,
		.level = c->level,
		.prio = c->prio };
	struct qdisc_stats st = c->st;
	u32 at = nl_nest_plain(b, TCA_OPTIONS);

	m->tcm_parent = c->parent ? TC_H_MAKE(q->handle, c->parent->minor) : TC_H_ROOT;
	m->tcm_info = c->below ? c->below->handle : 0;
	qdisc_rate_write(&c->rate, &o.rate);
	qdisc_rate_write(&c->ceil, &o.ceil);
	nl_attr(b, TCA_HTB_PARMS, &o, sizeof(o));
	if (c->rate.bytes >> 32)
		nl_attr(b, TCA_HTB_RATE64, &c->rate.bytes, sizeof(u64));
	if (c->ceil.bytes >> 32)
		nl_attr(b, TCA_HTB_CEIL64, &c->ceil.bytes, sizeof(u64));
	nl_nest_end(b, at);
	if (c->below) {
		st.qlen = c->below->st.qlen;
		st.backlog = c->below->st.backlog;
	}
	qdisc_put_stats(b, &st, &x, sizeof(x));
}

/* Parses the parameters of a class. */
static int parse(const struct htb *h, struct class *c, const void *opt, u32 len)
{
	u32 n;
	const struct tc_htb_opt *o =
		opt ? nl_nested(opt, len, TCA_HTB_PARMS, sizeof(*o), &n) : NULL;

	if (!o || !o->rate.rate || !o->ceil.rate)
		return -EINVAL;
	qdisc_rate_read(&c->rate, &o->rate, nl_nested(opt, len, TCA_HTB_RATE64, sizeof(u64), &n));
	qdisc_rate_read(&c->ceil, &o->ceil, nl_nested(opt, len, TCA_HTB_CEIL64, sizeof(u64), &n));
	c->depth = (s64)qdisc_ticks_ns(o->buffer);
	c->ceil_depth = (s64)qdisc_ticks_ns(o->cbuffer);
	c->quantum = (u32)max(min(c->rate.bytes / h->r2q, (u64)QUANTUM_MAX), (u64)QUANTUM_MIN);
	if (o->quantum)
		c->quantum = min(o->quantum, 0x7fffffffU);
	c->prio = min(o->prio, PRIOS - 1);
	return 0;
}

/*
 * Adds a class with the settings @new below @parent (NULL: at the top). A parent that was a leaf
 * loses its qdisc. Returns 0, -EINVAL, -ENOSPC or -ENOBUFS.
 */
static int make_class(struct qdisc *q, const struct class *new, u32 minor, struct class *parent)
{
	struct htb *h = HTB(q);
	struct qdisc *old = NULL;
	struct class *c;

	if (!minor)
		return -EINVAL;
	if (parent && parent->parent && parent->parent->level < 2)
		return -EINVAL; /* the tree would be too deep */
	if (h->nr >= CLASSES_MAX)
		return -ENOSPC;
	if (!qdisc_charge(q, sizeof(*c)))
		return -ENOBUFS;
	c = kzalloc(sizeof(*c), GFP_KERNEL | __GFP_ACCOUNT);
	if (!c) {
		qdisc_uncharge(q, sizeof(*c));
		return -ENOBUFS;
	}
	*c = *new;
	c->minor = minor;
	c->parent = parent;
	c->tokens = c->depth;
	c->ceil_tokens = c->ceil_depth;
	c->since = ktime_get();
	INIT_LIST_HEAD(&c->busy);
	c->below = qdisc_default(q, minor);
	spin_lock(&q->root->lock);
	if (parent && !parent->level) { /* the parent is a leaf no longer */
		old = parent->below;
		list_del_init(&parent->busy);
		parent->level = (parent->parent ? parent->parent->level : DEPTH) - 1;
	}
	if (parent)
		parent->children++;
	hlist_add_head(&c->hash, &h->hash[minor % HASH]);
	list_add_tail(&c->all, &h->all);
	h->nr++;
	spin_unlock(&q->root->lock);
	if (old)
		qdisc_swap(q, &parent->below, NULL);
	return 0;
}

static int htb_change_class(struct qdisc *q, u32 minor, u32 parent, const void *opt, u32 len)
{
	struct class new = { 0 }, *c = find(q, minor);
	int err = parse(HTB(q), &new, opt, len);

	if (err)
		return err;
	/* as on Linux, an unknown parent is treated as none */
	if (!c)
		return make_class(q, &new, minor, parent ? find(q, parent) : NULL);
	spin_lock(&q->root->lock);
	c->rate = new.rate;
	c->ceil = new.ceil;
	c->depth = new.depth;
	c->ceil_depth = new.ceil_depth;
	if (!c->level) {
		c->quantum = new.quantum;
		c->prio = new.prio;
	}
	spin_unlock(&q->root->lock);
	return 0;
}

/*
 * Removes a class. A parent without other children becomes a leaf again. Returns 0, or -EBUSY if
 * the class has children.
 */
static int htb_remove_class(struct qdisc *q, u32 minor)
{
	struct class *c = find(q, minor), *p = c->parent;

	if (c->children)
		return -EBUSY;
	qdisc_swap(q, &c->below, NULL);
	spin_lock(&q->root->lock);
	list_del_init(&c->busy);
	list_del_init(&c->all);
	hlist_del_init(&c->hash);
	HTB(q)->nr--;
	if (p && !--p->children) { /* the parent becomes a leaf again */
		p->level = 0;
		p->tokens = p->depth;
		p->ceil_tokens = p->ceil_depth;
		p->since = ktime_get();
	}
	spin_unlock(&q->root->lock);
	if (p && !p->children)
		qdisc_swap(q, &p->below, qdisc_default(q, p->minor));
	qdisc_uncharge(q, sizeof(*c));
	kfree(c);
	return 0;
}

static const struct qdisc_class_ops htb_classes = {
	.leaf = htb_leaf,
	.refill = true,
	.has = htb_has,
	.next = htb_next,
	.fill = htb_fill_class,
	.change = htb_change_class,
	.remove = htb_remove_class,
};

const struct qdisc_ops htb_qdisc = {
	.kind = "htb",
	.size = sizeof(struct htb),
	.init = htb_init,
	.destroy = htb_destroy,
	.enqueue = htb_enqueue,
	.dequeue = htb_dequeue,
	.reset = htb_reset,
	.fill = htb_fill,
	.classes = &htb_classes,
};
