/* SPDX-License-Identifier: MIT */
/*
 * qdisc_prio.c: bands, each a class with its own qdisc. A band sends only while no earlier band has
 * a packet that may leave. A packet's priority names its class, or else selects a band by the map.
 * Locks: qdisc.h.
 */
#include <asm/errno.h>

#include "kernel/lib/string.h"
#include "kernel/net/sched/qdisc.h"

#define BANDS_MIN 2
#define BANDS_MAX 16

struct prio {
	u32 bands;
	u8 map[TC_PRIO_MAX + 1];
	struct qdisc *band[BANDS_MAX];
};

static struct prio *PRIO(const struct qdisc *q)
{
	return (struct prio *)q->own;
}

/* ---- settings ---- */

static int make_bands(struct qdisc *q, u32 from, u32 to, struct qdisc **made)
{
	for (u32 i = from; i < to; i++) {
		made[i] = qdisc_default(q, i + 1);
		if (made[i])
			continue;
		while (i-- > from)
			qdisc_free(made[i]);
		return -ENOBUFS;
	}
	return 0;
}

/* Sets bands and priorities. A band that is removed loses its qdisc and the packets in it. */
static int prio_change(struct qdisc *q, const void *opt, u32 len)
{
	const struct tc_prio_qopt *o = opt;
	struct qdisc *made[BANDS_MAX] = { NULL };
	struct prio *p = PRIO(q);
	u32 had = p->bands, bands;
	int err;

	if (!opt || len < sizeof(*o) || o->bands < BANDS_MIN || o->bands > BANDS_MAX)
		return -EINVAL;
	bands = (u32)o->bands;
	for (u32 i = 0; i <= TC_PRIO_MAX; i++)
		if (o->priomap[i] >= bands)
			return -EINVAL;
	err = make_bands(q, had, bands, made);
	if (err)
		return err;
	spin_lock(&q->root->lock);
	p->bands = bands;
	memcpy(p->map, o->priomap, sizeof(p->map));
	for (u32 i = had; i < bands; i++)
		p->band[i] = made[i];
	spin_unlock(&q->root->lock);
	for (u32 i = bands; i < had; i++)
		qdisc_swap(q, &p->band[i], NULL);
	return 0;
}

static void prio_fill(struct nl_builder *b, const struct qdisc *q)
{
	struct tc_prio_qopt o = { .bands = (int)PRIO(q)->bands };

	memcpy(o.priomap, PRIO(q)->map, sizeof(o.priomap));
	nl_attr(b, TCA_OPTIONS, &o, sizeof(o));
}

/* ---- packets ---- */

static struct qdisc *band_of(const struct qdisc *q, const struct sk_buff *skb)
{
	const struct prio *p = PRIO(q);
	u32 minor = TC_H_MIN(skb->priority);

	if (TC_H_MAJ(skb->priority) != q->handle)
		return p->band[p->map[skb->priority & TC_PRIO_MAX]];
	return minor && minor <= p->bands ? p->band[minor - 1] : p->band[p->map[0]];
}

static int prio_enqueue(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx)
{
	struct qdisc *to = band_of(q, skb);

	return to ? qdisc_enqueue(to, skb, tx) : qdisc_refuse(skb, tx);
}

static struct sk_buff *prio_dequeue(struct qdisc *q, struct qdisc_tx *tx)
{
	const struct prio *p = PRIO(q);

	for (u32 i = 0; i < p->bands; i++) {
		struct sk_buff *skb = p->band[i] ? qdisc_dequeue(p->band[i], tx) : NULL;

		if (skb)
			return skb;
	}
	return NULL;
}

/* ---- classes ---- */

static bool prio_has(const struct qdisc *q, u32 minor)
{
	return minor && minor <= PRIO(q)->bands;
}

static struct qdisc **prio_leaf(struct qdisc *q, u32 minor)
{
	return prio_has(q, minor) ? &PRIO(q)->band[minor - 1] : ERR_PTR(-ENOENT);
}

static u32 prio_next(const struct qdisc *q, u32 minor)
{
	return minor < PRIO(q)->bands ? minor + 1 : 0;
}

static void prio_fill_class(struct nl_builder *b, struct tcmsg *m, struct qdisc *q, u32 minor)
{
	const struct qdisc *c = PRIO(q)->band[minor - 1];

	m->tcm_info = c ? c->handle : 0;
	qdisc_put_stats(b, c ? &c->st : &qdisc_no_stats, NULL, 0);
}

static const struct qdisc_class_ops prio_classes = {
	.leaf = prio_leaf,
	.refill = true,
	.has = prio_has,
	.next = prio_next,
	.fill = prio_fill_class,
};

const struct qdisc_ops prio_qdisc = {
	.kind = "prio",
	.size = sizeof(struct prio),
	.init = prio_change,
	.change = prio_change,
	.enqueue = prio_enqueue,
	.dequeue = prio_dequeue,
	.fill = prio_fill,
	.classes = &prio_classes,
};
