/* SPDX-License-Identifier: MIT */
/*
 * qdisc_tbf.c: a token bucket: packets leave at a rate; unused rate is saved up to a limit (the
 * burst). A second, higher rate may limit the peak, with hardly any burst. The only class holds the
 * queue, a bfifo unless it is replaced. Tokens are nanoseconds of the rate.
 * Locks: qdisc.h.
 */
#include <asm/errno.h>

#include "kernel/lib/string.h"
#include "kernel/net/sched/qdisc.h"

struct bucket {
	struct qdisc_rate rate;
	u64 depth; /* ns of the rate */
	s64 tokens;
};

struct tbf {
	u32 limit, max_size;
	struct bucket rate, peak; /* peak.rate.bytes 0: no peak rate */
	u64 since;                /* ktime_get() when tokens were updated */
	/* NULL: the queue was removed, and packets are refused */
	struct qdisc *queue;
};

static struct tbf *TBF(const struct qdisc *q)
{
	return (struct tbf *)q->own;
}

/* ---- settings ---- */

/*
 * Sets the depth of a bucket: from bytes, or else from ticks. Lowers *@max_size, the largest
 * packet.
 */
static void measure(struct bucket *b, const void *bytes, u32 ticks, u32 *max_size)
{
	u32 n;

	if (bytes) {
		memcpy(&n, bytes, sizeof(n));
		b->depth = qdisc_rate_time(&b->rate, n);
	} else {
		b->depth = qdisc_ticks_ns(ticks);
		n = (u32)min(qdisc_rate_bytes(&b->rate, b->depth), 0xffffffffUL);
	}
	*max_size = min(*max_size, n);
	b->tokens = (s64)b->depth;
}

static int parse(struct tbf *t, const void *opt, u32 len)
{
	u32 n;
	const struct tc_tbf_qopt *o =
		opt ? nl_nested(opt, len, TCA_TBF_PARMS, sizeof(*o), &n) : NULL;

	*t = (struct tbf){ .max_size = ~0U };
	if (!o)
		return -EINVAL;
	t->limit = o->limit;
	qdisc_rate_read(
		&t->rate.rate, &o->rate, nl_nested(opt, len, TCA_TBF_RATE64, sizeof(u64), &n));
	measure(&t->rate, nl_nested(opt, len, TCA_TBF_BURST, sizeof(u32), &n), o->buffer,
		&t->max_size);
	if (o->peakrate.rate) {
		qdisc_rate_read(&t->peak.rate, &o->peakrate,
			nl_nested(opt, len, TCA_TBF_PRATE64, sizeof(u64), &n));
		if (t->peak.rate.bytes <= t->rate.rate.bytes)
			return -EINVAL;
		measure(&t->peak, nl_nested(opt, len, TCA_TBF_PBURST, sizeof(u32), &n), o->mtu,
			&t->max_size);
	}
	return t->max_size ? 0 : -EINVAL;
}

static int commit(struct qdisc *q, struct tbf *new)
{
	struct tbf *t = TBF(q);
	struct qdisc *queue = t->queue, *made = NULL;
	struct tc_fifo_qopt o = { new->limit };

	if (!queue && new->limit) {
		made = qdisc_make(
			q->root, &bfifo_qdisc, q, TC_H_MAKE(q->handle, 1), 0, &o, sizeof(o));
		if (IS_ERR(made))
			return (int)PTR_ERR(made);
	}
	if (queue)
		fifo_set_limit(queue, new->limit);
	spin_lock(&q->root->lock);
	new->queue = made ? made : queue;
	new->since = ktime_get();
	*t = *new;
	spin_unlock(&q->root->lock);
	return 0;
}

static int tbf_change(struct qdisc *q, const void *opt, u32 len)
{
	struct tbf new;
	int err = parse(&new, opt, len);

	return err ? err : commit(q, &new);
}

static void tbf_fill(struct nl_builder *b, const struct qdisc *q)
{
	const struct tbf *t = TBF(q);
	struct tc_tbf_qopt o = { .limit = t->limit, .buffer = qdisc_ns_ticks(t->rate.depth) };
	u32 at = nl_nest_plain(b, TCA_OPTIONS);

	qdisc_rate_write(&t->rate.rate, &o.rate);
	if (t->peak.rate.bytes) {
		qdisc_rate_write(&t->peak.rate, &o.peakrate);
		o.mtu = qdisc_ns_ticks(t->peak.depth);
	}
	nl_attr(b, TCA_TBF_PARMS, &o, sizeof(o));
	if (t->rate.rate.bytes >> 32)
		nl_attr(b, TCA_TBF_RATE64, &t->rate.rate.bytes, sizeof(u64));
	if (t->peak.rate.bytes >> 32)
		nl_attr(b, TCA_TBF_PRATE64, &t->peak.rate.bytes, sizeof(u64));
	nl_nest_end(b, at);
}

/* ---- packets ---- */

static int tbf_enqueue(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx)
{
	struct tbf *t = TBF(q);

	if (!t->queue || skb_len(skb) > t->max_size)
		return qdisc_refuse(skb, tx);
	return qdisc_enqueue(t->queue, skb, tx);
}

/*
 * Returns the tokens of @b in @passed ns from `since`, less the cost of a packet of @len bytes;
 * negative: the ns that the packet must wait. A packet that costs more than the bucket's depth
 * leaves when the bucket is full. Otherwise it would never leave, and the timer would run again and
 * again. (mpu may be above the burst, or the burst was larger when the packet came.)
 */
static s64 tokens_after(const struct bucket *b, u64 passed, u32 len)
{
	u64 most = min(b->depth, 1UL << 61);
	s64 have = min(b->tokens + (s64)min(passed, most), (s64)most);

	return have - (s64)min(qdisc_rate_time(&b->rate, len), most);
}

static struct sk_buff *tbf_dequeue(struct qdisc *q, struct qdisc_tx *tx)
{
	struct tbf *t = TBF(q);
	struct sk_buff *skb = t->queue ? qdisc_peek(t->queue, tx) : NULL;
	u64 passed = tx->now - min(t->since, tx->now);
	s64 left, peak = 0;

	if (!skb)
		return NULL;
	left = tokens_after(&t->rate, passed, skb_len(skb));
	if (t->peak.rate.bytes)
		peak = tokens_after(&t->peak, passed, skb_len(skb));
	if (left < 0 || peak < 0) {
		qdisc_wait(tx, tx->now + (u64)-min(left, peak));
		q->st.overlimits++;
		return NULL;
	}
	t->since = tx->now;
	t->rate.tokens = left;
	t->peak.tokens = peak;
	return qdisc_dequeue(t->queue, tx);
}

static void tbf_reset(struct qdisc *q, struct list_head *drops)
{
	struct tbf *t = TBF(q);

	t->since = ktime_get();
	t->rate.tokens = (s64)t->rate.depth;
	t->peak.tokens = (s64)t->peak.depth;
}

/* ---- the class: there is one, whatever number names it ---- */

static struct qdisc **tbf_leaf(struct qdisc *q, u32 minor)
{
	return &TBF(q)->queue;
}

static bool tbf_has(const struct qdisc *q, u32 minor)
{
	return true;
}

static u32 tbf_next(const struct qdisc *q, u32 minor)
{
	return !minor;
}

static void tbf_fill_class(struct nl_builder *b, struct tcmsg *m, struct qdisc *q, u32 minor)
{
	m->tcm_info = TBF(q)->queue ? TBF(q)->queue->handle : 0;
	qdisc_put_stats(b, &qdisc_no_stats, NULL, 0);
}

static const struct qdisc_class_ops tbf_classes = {
	.leaf = tbf_leaf,
	.has = tbf_has,
	.next = tbf_next,
	.fill = tbf_fill_class,
};

const struct qdisc_ops tbf_qdisc = {
	.kind = "tbf",
	.size = sizeof(struct tbf),
	.init = tbf_change,
	.change = tbf_change,
	.enqueue = tbf_enqueue,
	.dequeue = tbf_dequeue,
	.reset = tbf_reset,
	.fill = tbf_fill,
	.classes = &tbf_classes,
};
