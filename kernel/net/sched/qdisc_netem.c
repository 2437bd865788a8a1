/* SPDX-License-Identifier: MIT */
/*
 * qdisc_netem.c: emulates a bad line: packets are delayed by varying times, lost, duplicated,
 * corrupted, reordered, or slowed down to a rate (tc-netem(8)).
 *
 * Delayed packets wait in a tree by the time when they may leave (skb->stamp). The only class may
 * have a qdisc, through which they pass afterwards. Probabilities are in units of 2^-32; each event
 * may depend on the last one of its kind (correlation). Delays vary uniformly, or by a table that a
 * program supplies. Not supported: loss models with states, slots (EOPNOTSUPP).
 * Locks: qdisc.h.
 */
#include <asm/errno.h>

#include "kernel/lib/string.h"
#include "kernel/net/sched/qdisc.h"

#define DIST_MAX 16384U
#define DELAY_MOST (3600 * (s64)NSEC_PER_SEC)

/* Probability of an event, with correlation to its last random value. */
struct chance {
	u32 of, last, share;
};

struct settings {
	u32 limit, gap;
	s64 latency, jitter; /* ns */
	struct chance delay, loss, duplicate, reorder, corrupt;
	struct tc_netem_rate rate;
	u64 bytes; /* rate, bytes per second; 0: no limit */
	bool ecn;
	u32 dist_len;
	s16 *dist;
};

struct netem {
	struct settings s;
	/* delayed packets by time; packets of equal time in order of arrival */
	struct rb_root tree;
	u32 waiting; /* number of packets in `tree` */
	u32 counter; /* packets since the last reordered one */
	struct qdisc_chance prng;
	struct qdisc *below; /* qdisc of the class, or NULL */
};

static struct netem *NETEM(const struct qdisc *q)
{
	return (struct netem *)q->own;
}

/* ---- settings ---- */

static s64 bounded(s64 ns)
{
	return ns < 0 ? 0 : min(ns, DELAY_MOST);
}

/* Reads an attribute of @size bytes. Returns false if there is none. */
static bool get(const void *opt, u32 len, u16 type, void *to, u32 size)
{
	u32 n;
	const void *p = nl_nested(opt, len, type, size, &n);

	if (p)
		memcpy(to, p, size);
	return p;
}

static void get_chances(struct settings *s, const void *opt, u32 len)
{
	struct tc_netem_corr corr = { 0 };
	struct tc_netem_reorder reorder;
	struct tc_netem_corrupt corrupt;

	if (get(opt, len, TCA_NETEM_CORR, &corr, sizeof(corr))) {
		s->delay.share = corr.delay_corr;
		s->loss.share = corr.loss_corr;
		s->duplicate.share = corr.dup_corr;
	}
	if (get(opt, len, TCA_NETEM_REORDER, &reorder, sizeof(reorder))) {
		s->reorder.of = reorder.probability;
		s->reorder.share = reorder.correlation;
	}
	if (get(opt, len, TCA_NETEM_CORRUPT, &corrupt, sizeof(corrupt))) {
		s->corrupt.of = corrupt.probability;
		s->corrupt.share = corrupt.correlation;
	}
}

static void get_rate(struct settings *s, const void *opt, u32 len)
{
	u64 more = 0;

	if (!get(opt, len, TCA_NETEM_RATE, &s->rate, sizeof(s->rate)))
		return;
	get(opt, len, TCA_NETEM_RATE64, &more, sizeof(more));
	s->bytes = max((u64)s->rate.rate, more);
}

/* Reads a table of delays: any number of equally likely values. */
static int get_dist(struct settings *s, const void *opt, u32 len)
{
	u32 n;
	const void *p = nl_nested(opt, len, TCA_NETEM_DELAY_DIST, 0, &n);

	if (!p)
		return 0;
	if (n < sizeof(s16) || n / sizeof(s16) > DIST_MAX)
		return -EINVAL;
	s->dist = kmemdup(p, n, GFP_KERNEL);
	s->dist_len = n / (u32)sizeof(s16);
	return s->dist ? 0 : -ENOMEM;
}

/*
 * Reads TCA_OPTIONS into *@s, which begins as a copy of @was. s->dist: a new table, which the
 * caller owns, or NULL. Returns 0, -EINVAL, -EOPNOTSUPP or -ENOMEM.
 */
static int parse(struct settings *s, const void *opt, u32 len, const struct settings *was)
{
	const struct tc_netem_qopt *o = opt;
	u32 n, ecn = 0, fixed = NLA_ALIGN((u32)sizeof(*o));
	const u8 *more = (const u8 *)opt + fixed;
	u32 left = len > fixed ? len - fixed : 0;

	*s = *was;
	s->dist = NULL;
	if (!opt || len < sizeof(*o))
		return -EINVAL;
	if (nl_nested(more, left, TCA_NETEM_LOSS, 0, &n) ||
		nl_nested(more, left, TCA_NETEM_SLOT, 0, &n))
		return -EOPNOTSUPP;
	s->limit = o->limit;
	s->gap = o->gap;
	s->latency = bounded((s64)qdisc_ticks_ns(o->latency));
	s->jitter = bounded((s64)qdisc_ticks_ns(o->jitter));
	s->loss.of = o->loss;
	s->duplicate.of = o->duplicate;
	/* as on Linux, the default with a gap is 100 % */
	s->reorder.of = s->gap ? ~0U : 0;
	get_chances(s, more, left);
	get_rate(s, more, left);
	if (get(more, left, TCA_NETEM_ECN, &ecn, sizeof(ecn)))
		s->ecn = ecn;
	get(more, left, TCA_NETEM_LATENCY64, &s->latency, sizeof(s->latency));
	get(more, left, TCA_NETEM_JITTER64, &s->jitter, sizeof(s->jitter));
	s->latency = bounded(s->latency);
	s->jitter = bounded(s->jitter);
	return get_dist(s, more, left);
}

static int netem_change(struct qdisc *q, const void *opt, u32 len)
{
	struct netem *e = NETEM(q);
	s16 *old = NULL;
	u32 old_len = 0;
	struct settings new;
	int err = parse(&new, opt, len, &e->s);

	if (err)
		return err;
	if (new.dist && !qdisc_charge(q, new.dist_len * sizeof(s16))) {
		kfree(new.dist);
		return -ENOBUFS;
	}
	spin_lock(&q->root->lock);
	if (new.dist) {
		old = e->s.dist;
		old_len = e->s.dist_len;
	} else {
		new.dist = e->s.dist;
	}
	e->s = new;
	e->counter = 0;
	spin_unlock(&q->root->lock);
	qdisc_uncharge(q, old_len * sizeof(s16));
	kfree(old);
	return 0;
}

static int netem_init(struct qdisc *q, const void *opt, u32 len)
{
	qdisc_chance_init(&NETEM(q)->prng);
	WRITE_ONCE(q->root->late, true);
	return netem_change(q, opt, len);
}

static void netem_destroy(struct qdisc *q)
{
	kfree(NETEM(q)->s.dist);
}

static void fill_more(struct nl_builder *b, const struct settings *s)
{
	struct tc_netem_corr corr = { s->delay.share, s->loss.share, s->duplicate.share };
	struct tc_netem_reorder reorder = { s->reorder.of, s->reorder.share };
	struct tc_netem_corrupt corrupt = { s->corrupt.of, s->corrupt.share };
	struct tc_netem_rate rate = s->rate;

	nl_attr(b, TCA_NETEM_LATENCY64, &s->latency, sizeof(s->latency));
	nl_attr(b, TCA_NETEM_JITTER64, &s->jitter, sizeof(s->jitter));
	nl_attr(b, TCA_NETEM_CORR, &corr, sizeof(corr));
	nl_attr(b, TCA_NETEM_REORDER, &reorder, sizeof(reorder));
	nl_attr(b, TCA_NETEM_CORRUPT, &corrupt, sizeof(corrupt));
	rate.rate = (u32)min(s->bytes, 0xffffffffUL);
	if (s->bytes >> 32)
		nl_attr(b, TCA_NETEM_RATE64, &s->bytes, sizeof(s->bytes));
	nl_attr(b, TCA_NETEM_RATE, &rate, sizeof(rate));
	if (s->ecn)
		nl_attr_u32(b, TCA_NETEM_ECN, 1);
}

static void netem_fill(struct nl_builder *b, const struct qdisc *q)
{
	const struct settings *s = &NETEM(q)->s;
	struct tc_netem_qopt o = {
		.latency = (u32)min((u64)s->latency >> 6, 0xffffffffUL),
		.jitter = (u32)min((u64)s->jitter >> 6, 0xffffffffUL),
		.limit = s->limit,
		.loss = s->loss.of,
		.gap = s->gap,
		.duplicate = s->duplicate.of,
	};
	u32 at = b->len;

	nl_attr(b, TCA_OPTIONS, &o, sizeof(o));
	fill_more(b, s);
	nl_nest_end(b, at);
}

/* ---- random events ---- */

static u32 next_value(struct netem *e, struct chance *c)
{
	u64 v = qdisc_chance(&e->prng), share = (u64)c->share + 1;

	if (!c->share)
		return (u32)v;
	/* The shares add up to 2^32, so the sum of both terms is below 2^64. */
	c->last = (u32)((v * ((1UL << 32) - share) + (u64)c->last * share) >> 32);
	return c->last;
}

static bool happens(struct netem *e, struct chance *c)
{
	return c->of && c->of >= next_value(e, c);
}

/* Returns the delay of the next packet, ns. */
static s64 lateness(struct netem *e)
{
	const struct settings *s = &e->s;
	s64 t, x;
	u32 r;

	if (!s->jitter)
		return s->latency;
	r = next_value(e, &e->s.delay);
	if (!s->dist)
		return s->latency - s->jitter + (s64)(r % (u64)(2 * s->jitter));
	t = s->dist[r % s->dist_len];
	x = s->jitter % NETEM_DIST_SCALE * t;
	x += x >= 0 ? NETEM_DIST_SCALE / 2 : -NETEM_DIST_SCALE / 2;
	return x / NETEM_DIST_SCALE + s->jitter / NETEM_DIST_SCALE * t + s->latency;
}

/* Returns how long the line is busy with a frame of @frame bytes, ns. */
static u64 line_time(const struct settings *s, u32 frame)
{
	s64 len = (s64)frame + s->rate.packet_overhead, cells;

	len = len < 0 ? 0 : len;
	if (s->rate.cell_size) {
		cells = (len + s->rate.cell_size - 1) / s->rate.cell_size;
		if (s->rate.cell_overhead >= 0 || -s->rate.cell_overhead < (s64)s->rate.cell_size)
			len = cells * (s->rate.cell_size + (s64)s->rate.cell_overhead);
	}
	return min((u64)len, 1UL << 33) * NSEC_PER_SEC / s->bytes;
}

static void damage(struct netem *e, struct sk_buff *skb)
{
	u32 at = qdisc_chance(&e->prng) % max(skb_len(skb), 1U);
	u8 byte;

	if (!skb_len(skb) || (at >= skb_headlen(skb) && !skb_own_payload(skb)))
		return;
	skb_copy(skb, at, &byte, 1);
	byte ^= (u8)(1U << (qdisc_chance(&e->prng) & 7));
	skb_write(skb, at, &byte, 1);
	/* A checksum that is filled in later would hide the error from the receiver. */
	skb->csum_ok = skb->csum_owed = false;
	skb->csum_head = 0;
	skb->foreign = true;
}

/* ---- packets ---- */

static void place(struct netem *e, struct sk_buff *skb)
{
	struct rb_node **link = &e->tree.node, *up = NULL;

	while (*link) {
		up = *link;
		link = skb->stamp < rb_entry(up, struct sk_buff, place)->stamp ? &up->left :
										 &up->right;
	}
	rb_link_node(&skb->place, up, link);
	rb_insert_color(&skb->place, &e->tree);
	e->waiting++;
}

static struct sk_buff *take(struct netem *e, struct rb_node *n)
{
	struct sk_buff *skb = rb_entry(n, struct sk_buff, place);

	rb_erase(n, &e->tree);
	e->waiting--;
	skb->stamp = 0;
	return skb;
}

/* Returns the time at which @skb may leave. */
static u64 when(struct netem *e, const struct sk_buff *skb, u64 now)
{
	const struct settings *s = &e->s;
	struct rb_node *last = rb_last(&e->tree);
	s64 late = lateness(e);

	if (s->bytes) {
		/* transmission begins after the previous packet's */
		if (last) {
			u64 free_at = rb_entry(last, struct sk_buff, place)->stamp;

			late = max(late - (s64)(free_at - min(free_at, now)), 0L);
			now = max(now, free_at);
		}
		late += (s64)line_time(s, skb_len(skb));
	}
	return now + (u64)bounded(late);
}

static void store(struct netem *e, struct sk_buff *skb, struct qdisc_tx *tx)
{
	const struct settings *s = &e->s;

	if (!s->gap || e->counter < s->gap - 1 || !happens(e, &e->s.reorder)) {
		skb->stamp = when(e, skb, tx->now);
		e->counter++;
	} else { /* the packet overtakes all waiting packets */
		struct rb_node *first = rb_first(&e->tree);

		skb->stamp = tx->now;
		if (first && rb_entry(first, struct sk_buff, place)->stamp <= tx->now)
			skb->stamp = rb_entry(first, struct sk_buff, place)->stamp - 1;
		e->counter = 0;
	}
	place(e, skb);
}

static int netem_enqueue(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx)
{
	struct netem *e = NETEM(q);
	bool twice = happens(e, &e->s.duplicate), lost = happens(e, &e->s.loss);
	struct sk_buff *twin = NULL;

	if (lost && e->s.ecn && qdisc_mark(skb)) {
		q->st.drops++; /* Linux counts a marked packet as dropped */
		lost = false;
	}
	if (lost && !twice) {
		qdisc_lose(q, skb, tx);
		return 0;
	}
	if (e->waiting >= e->s.limit)
		return qdisc_refuse(skb, tx);
	if (twice && !lost)
		twin = skb_clone(skb, GFP_ATOMIC);
	if (twin && e->waiting + 1 < e->s.limit && qdisc_add(q, twin, tx))
		store(e, twin, tx);
	else if (twin && e->waiting + 1 >= e->s.limit)
		kfree_skb(twin); /* a copy: no error is returned for it */
	if (happens(e, &e->s.corrupt))
		damage(e, skb);
	store(e, skb, tx);
	return 0;
}

/* Removes a packet that may leave from the tree and returns it; NULL if there is none. */
static struct sk_buff *due(struct netem *e, struct qdisc_tx *tx)
{
	struct rb_node *first = rb_first(&e->tree);

	if (!first)
		return NULL;
	if (rb_entry(first, struct sk_buff, place)->stamp > tx->now) {
		qdisc_wait(tx, rb_entry(first, struct sk_buff, place)->stamp);
		return NULL;
	}
	return take(e, first);
}

static struct sk_buff *netem_dequeue(struct qdisc *q, struct qdisc_tx *tx)
{
	struct netem *e = NETEM(q);
	struct sk_buff *skb = due(e, tx);

	if (!e->below)
		return skb;
	while (skb) {
		u32 len = skb_len(skb);

		if (qdisc_enqueue(e->below, skb, tx))
			qdisc_forgo(q, len);
		skb = due(e, tx);
	}
	return qdisc_dequeue(e->below, tx);
}

static void netem_reset(struct qdisc *q, struct list_head *drops)
{
	struct netem *e = NETEM(q);
	struct rb_node *n;

	while ((n = rb_first(&e->tree)))
		list_add_tail(&take(e, n)->list, drops);
}

/* ---- the class: there is one, whatever number names it ---- */

static struct qdisc **netem_leaf(struct qdisc *q, u32 minor)
{
	return &NETEM(q)->below;
}

static bool netem_has(const struct qdisc *q, u32 minor)
{
	return minor == 1;
}

static u32 netem_next(const struct qdisc *q, u32 minor)
{
	return !minor && NETEM(q)->below;
}

static void netem_fill_class(struct nl_builder *b, struct tcmsg *m, struct qdisc *q, u32 minor)
{
	m->tcm_info = NETEM(q)->below ? NETEM(q)->below->handle : 0;
	qdisc_put_stats(b, &qdisc_no_stats, NULL, 0);
}

static const struct qdisc_class_ops netem_classes = {
	.leaf = netem_leaf,
	.has = netem_has,
	.next = netem_next,
	.fill = netem_fill_class,
};

const struct qdisc_ops netem_qdisc = {
	.kind = "netem",
	.size = sizeof(struct netem),
	.init = netem_init,
	.change = netem_change,
	.destroy = netem_destroy,
	.enqueue = netem_enqueue,
	.dequeue = netem_dequeue,
	.reset = netem_reset,
	.fill = netem_fill,
	.classes = &netem_classes,
};
