/* SPDX-License-Identifier: MIT */
/*
 * qdisc_fifo.c: plain queues: noqueue, which does not queue; pfifo and bfifo, a queue with a limit
 * in packets or in bytes; pfifo_fast, three queues by priority, each limited to the device's
 * txqlen.
 * Locks: qdisc.h.
 */
#include <asm/errno.h>

#include "kernel/lib/string.h"
#include "kernel/net/sched/qdisc.h"

const struct qdisc_ops noqueue_qdisc = { .kind = "noqueue" };

/* ---- pfifo, bfifo ---- */

struct fifo {
	struct list_head queue;
	u32 limit;
};

static struct fifo *FIFO(const struct qdisc *q)
{
	return (struct fifo *)q->own;
}

void fifo_set_limit(struct qdisc *q, u32 limit)
{
	if (q->ops == &pfifo_qdisc || q->ops == &bfifo_qdisc)
		WRITE_ONCE(FIFO(q)->limit, limit);
}

static int fifo_change(struct qdisc *q, const void *opt, u32 len)
{
	if (len < sizeof(struct tc_fifo_qopt))
		return -EINVAL;
	fifo_set_limit(q, ((const struct tc_fifo_qopt *)opt)->limit);
	return 0;
}

static int fifo_init(struct qdisc *q, const void *opt, u32 len)
{
	struct net_device *dev = q->root->dev;

	INIT_LIST_HEAD(&FIFO(q)->queue);
	FIFO(q)->limit = max(dev->txqlen, 1U);
	if (q->ops == &bfifo_qdisc)
		FIFO(q)->limit *= qdisc_mtu(dev);
	return opt ? fifo_change(q, opt, len) : 0;
}

static int take(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx, bool room)
{
	if (!room)
		return qdisc_refuse(skb, tx);
	list_add_tail(&skb->list, &FIFO(q)->queue);
	return 0;
}

/* Queues a packet, which qlen counts already. */
static int pfifo_enqueue(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx)
{
	return take(q, skb, tx, q->st.qlen <= READ_ONCE(FIFO(q)->limit));
}

static int bfifo_enqueue(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx)
{
	return take(q, skb, tx, q->st.backlog <= READ_ONCE(FIFO(q)->limit));
}

static struct sk_buff *first_of(struct list_head *queue)
{
	struct sk_buff *skb = list_first_entry_or_null(queue, struct sk_buff, list);

	if (skb)
		list_del_init(&skb->list);
	return skb;
}

static struct sk_buff *fifo_dequeue(struct qdisc *q, struct qdisc_tx *tx)
{
	return first_of(&FIFO(q)->queue);
}

static void fifo_reset(struct qdisc *q, struct list_head *drops)
{
	list_splice_tail_init(&FIFO(q)->queue, drops);
}

static void fifo_fill(struct nl_builder *b, const struct qdisc *q)
{
	nl_attr_u32(b, TCA_OPTIONS, FIFO(q)->limit);
}

#define FIFO_OPS(name, enq)                                                                        \
	{                                                                                          \
		.kind = name, .size = sizeof(struct fifo), .init = fifo_init,                      \
		.change = fifo_change, .enqueue = enq, .dequeue = fifo_dequeue,                    \
		.reset = fifo_reset, .fill = fifo_fill                                             \
	}
const struct qdisc_ops pfifo_qdisc = FIFO_OPS("pfifo", pfifo_enqueue);
const struct qdisc_ops bfifo_qdisc = FIFO_OPS("bfifo", bfifo_enqueue);

/* ---- pfifo_fast ---- */

#define BANDS 3

static const u8 band_of[TC_PRIO_MAX + 1] = { 1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1 };

struct bands {
	struct list_head queue[BANDS];
	u32 len[BANDS];
};

static struct bands *BANDS_OF(const struct qdisc *q)
{
	return (struct bands *)q->own;
}

static int fast_init(struct qdisc *q, const void *opt, u32 len)
{
	for (u32 i = 0; i < BANDS; i++)
		INIT_LIST_HEAD(&BANDS_OF(q)->queue[i]);
	return 0;
}

static int fast_enqueue(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx)
{
	u8 n = band_of[skb->priority & TC_PRIO_MAX];

	if (BANDS_OF(q)->len[n] >= max(READ_ONCE(q->root->dev->txqlen), 1U))
		return qdisc_refuse(skb, tx);
	list_add_tail(&skb->list, &BANDS_OF(q)->queue[n]);
	BANDS_OF(q)->len[n]++;
	return 0;
}

static struct sk_buff *fast_dequeue(struct qdisc *q, struct qdisc_tx *tx)
{
	struct bands *b = BANDS_OF(q);

	for (u32 i = 0; i < BANDS; i++) {
		if (!b->len[i])
			continue;
		b->len[i]--;
		return first_of(&b->queue[i]);
	}
	return NULL;
}

static void fast_reset(struct qdisc *q, struct list_head *drops)
{
	for (u32 i = 0; i < BANDS; i++) {
		list_splice_tail_init(&BANDS_OF(q)->queue[i], drops);
		BANDS_OF(q)->len[i] = 0;
	}
}

static void fast_fill(struct nl_builder *b, const struct qdisc *q)
{
	struct tc_prio_qopt opt = { .bands = BANDS };

	memcpy(opt.priomap, band_of, sizeof(band_of));
	nl_attr(b, TCA_OPTIONS, &opt, sizeof(opt));
}

const struct qdisc_ops pfifo_fast_qdisc = {
	.kind = "pfifo_fast",
	.size = sizeof(struct bands),
	.init = fast_init,
	.enqueue = fast_enqueue,
	.dequeue = fast_dequeue,
	.reset = fast_reset,
	.fill = fast_fill,
};
