/* SPDX-License-Identifier: MIT */
/*
 * qdisc_fq_codel.c: a queue for each flow (RFC 8290), kept short by CoDel (RFC 8289). Flows send in
 * turn, a number of bytes (quantum) each, and new flows before older ones. If all packets of a flow
 * have waited longer than the target for a whole interval, a packet is dropped or marked (ECN), and
 * further ones at shrinking intervals. A hash of addresses, protocol and ports chooses the flow.
 * Beyond the limit the longest flow loses up to half of its packets.
 *
 * Times are in units of 1,024 ns, as Linux keeps and reports them. Locks: qdisc.h.
 */
#include <asm/errno.h>

#include "kernel/lib/string.h"
#include "kernel/net/sched/qdisc.h"

#define FLOWS_MAX 65536U
#define QUANTUM_MIN 256U
#define BATCH 64U
#define MEMORY (32U << 20)
#define TARGET 4882U    /* 5 ms, in units of 1,024 ns */
#define INTERVAL 97656U /* 100 ms, in units of 1,024 ns */
#define NO_CE 0x83ffffffU

enum { IDLE, NEW, OLD };

struct codel_flow {
	/* packets of the flow; its link in `fresh` or `lasting`, unless its state is IDLE */
	struct list_head queue, turn;
	u32 state, packets, backlog;
	s32 deficit;
	/* state of CoDel, with RFC 8289's names */
	bool dropping;
	u32 count, last_count;
	/* units of 1,024 ns; 0: delay is below the target */
	u64 first_above, drop_next;
};

struct fq_codel {
	u32 limit, memory_limit, target, interval, ce_threshold, quantum, batch, nr;
	u8 ce_selector, ce_mask;
	bool ecn;
	u32 seed, memory;
	u32 max_packet, overlimit, overmemory, marks, ce_marks, new_flows;
	struct list_head fresh, lasting;
	struct codel_flow *flows;
};

static struct fq_codel *FQ(const struct qdisc *q)
{
	return (struct fq_codel *)q->own;
}

static u64 units(u64 ns)
{
	return ns >> 10;
}

/* ---- settings ---- */

static bool get(const void *opt, u32 len, u16 type, u32 *to)
{
	u32 n;
	const void *p = nl_nested(opt, len, type, sizeof(*to), &n);

	if (p)
		memcpy(to, p, sizeof(*to));
	return p;
}

static u32 units_of_us(u32 us)
{
	return (u32)units((u64)us * 1000);
}

static u32 us_of_units(u32 n)
{
	return (u32)(((u64)n << 10) / 1000);
}

/* Parses options into @f, a copy of the settings. */
static int parse(struct fq_codel *f, const void *opt, u32 len)
{
	u32 v, n;
	const u8 *byte;

	if (get(opt, len, TCA_FQ_CODEL_FLOWS, &v)) {
		if (f->flows || !v || v > FLOWS_MAX)
			return -EINVAL;
		f->nr = v;
	}
	if (get(opt, len, TCA_FQ_CODEL_QUANTUM, &v)) {
		f->quantum = max(v, QUANTUM_MIN);
		if (f->quantum > FQ_CODEL_QUANTUM_MAX)
			return -EINVAL;
	}
	if (get(opt, len, TCA_FQ_CODEL_TARGET, &v))
		f->target = units_of_us(v);
	if (get(opt, len, TCA_FQ_CODEL_INTERVAL, &v))
		f->interval = units_of_us(v);
	if (get(opt, len, TCA_FQ_CODEL_CE_THRESHOLD, &v))
		f->ce_threshold = units_of_us(v);
	byte = nl_nested(opt, len, TCA_FQ_CODEL_CE_THRESHOLD_SELECTOR, 1, &n);
	f->ce_selector = byte ? *byte : f->ce_selector;
	byte = nl_nested(opt, len, TCA_FQ_CODEL_CE_THRESHOLD_MASK, 1, &n);
	f->ce_mask = byte ? *byte : f->ce_mask;
	if (get(opt, len, TCA_FQ_CODEL_LIMIT, &v))
		f->limit = v;
	if (get(opt, len, TCA_FQ_CODEL_ECN, &v))
		f->ecn = v;
	if (get(opt, len, TCA_FQ_CODEL_DROP_BATCH_SIZE, &v))
		f->batch = max(v, 1U);
	if (get(opt, len, TCA_FQ_CODEL_MEMORY_LIMIT, &v))
		f->memory_limit = min(v, 1U << 31);
	return 0;
}

static int fq_change(struct qdisc *q, const void *opt, u32 len)
{
	struct fq_codel *f = FQ(q), new = *f;
	int err = parse(&new, opt, len);

	if (err)
		return err;
	spin_lock(&q->root->lock);
	f->quantum = new.quantum;
	f->target = new.target;
	f->interval = new.interval;
	f->ce_threshold = new.ce_threshold;
	f->ce_selector = new.ce_selector;
	f->ce_mask = new.ce_mask;
	/* when the next packet arrives, packets beyond the new limit are dropped */
	f->limit = new.limit;
	f->ecn = new.ecn;
	f->batch = new.batch;
	f->memory_limit = new.memory_limit;
	spin_unlock(&q->root->lock);
	return 0;
}

static int fq_init(struct qdisc *q, const void *opt, u32 len)
{
	struct fq_codel *f = FQ(q);
	struct qdisc_chance c;
	int err;

	*f = (struct fq_codel){ .limit = 10240,
		.memory_limit = MEMORY,
		.target = TARGET,
		.interval = INTERVAL,
		.ce_threshold = NO_CE,
		/*
		 * The MTU of lo may be 2 GiB. As a signed 32-bit number such a quantum would be
		 * negative, and the flow would never be served.
		 */
		.quantum = min(qdisc_mtu(q->root->dev), (u32)FQ_CODEL_QUANTUM_MAX),
		.batch = BATCH,
		.nr = 1024,
		.ecn = true };
	INIT_LIST_HEAD(&f->fresh);
	INIT_LIST_HEAD(&f->lasting);
	qdisc_chance_init(&c);
	f->seed = qdisc_chance(&c);
	err = opt ? parse(f, opt, len) : 0;
	if (err)
		return err;
	if (!qdisc_charge(q, (u64)f->nr * sizeof(*f->flows)))
		return -ENOBUFS;
	f->flows = kcalloc(f->nr, sizeof(*f->flows), GFP_KERNEL | __GFP_ACCOUNT);
	if (!f->flows)
		return -ENOMEM;
	for (u32 i = 0; i < f->nr; i++) {
		INIT_LIST_HEAD(&f->flows[i].queue);
		INIT_LIST_HEAD(&f->flows[i].turn);
	}
	return 0;
}

static void fq_destroy(struct qdisc *q)
{
	kfree(FQ(q)->flows);
}

static void fq_fill(struct nl_builder *b, const struct qdisc *q)
{
	const struct fq_codel *f = FQ(q);
	u32 at = nl_nest_plain(b, TCA_OPTIONS);

	nl_attr_u32(b, TCA_FQ_CODEL_TARGET, us_of_units(f->target));
	nl_attr_u32(b, TCA_FQ_CODEL_LIMIT, f->limit);
	nl_attr_u32(b, TCA_FQ_CODEL_INTERVAL, us_of_units(f->interval));
	nl_attr_u32(b, TCA_FQ_CODEL_ECN, f->ecn);
	nl_attr_u32(b, TCA_FQ_CODEL_QUANTUM, f->quantum);
	nl_attr_u32(b, TCA_FQ_CODEL_DROP_BATCH_SIZE, f->batch);
	nl_attr_u32(b, TCA_FQ_CODEL_MEMORY_LIMIT, f->memory_limit);
	nl_attr_u32(b, TCA_FQ_CODEL_FLOWS, f->nr);
	if (f->ce_threshold != NO_CE) {
		nl_attr_u32(b, TCA_FQ_CODEL_CE_THRESHOLD, us_of_units(f->ce_threshold));
		nl_attr(b, TCA_FQ_CODEL_CE_THRESHOLD_SELECTOR, &f->ce_selector, 1);
		nl_attr(b, TCA_FQ_CODEL_CE_THRESHOLD_MASK, &f->ce_mask, 1);
	}
	nl_nest_end(b, at);
}

static u32 length_of(const struct list_head *list)
{
	const struct list_head *p;
	u32 n = 0;

	list_for_each(p, list)
		n++;
	return n;
}

static u32 fq_app(const struct qdisc *q, void *to)
{
	const struct fq_codel *f = FQ(q);
	struct tc_fq_codel_xstats x = { .type = TCA_FQ_CODEL_XSTATS_QDISC };

	x.qdisc_stats = (struct tc_fq_codel_qd_stats){
		.maxpacket = f->max_packet,
		.drop_overlimit = f->overlimit,
		.ecn_mark = f->marks,
		.new_flow_count = f->new_flows,
		.new_flows_len = length_of(&f->fresh),
		.old_flows_len = length_of(&f->lasting),
		.ce_mark = f->ce_marks,
		.memory_usage = f->memory,
		.drop_overmemory = f->overmemory,
	};
	memcpy(to, &x, sizeof(x));
	return sizeof(x);
}
_Static_assert(sizeof(struct tc_fq_codel_xstats) <= QDISC_APP_MAX, "it goes there");

/* ---- classification ---- */

static u32 mix(u32 h, u32 v)
{
	h = (h ^ v) * 0x9e3779b1U;
	return h ^ h >> 15;
}

static u32 mix_bytes(u32 h, const u8 *p, u32 n)
{
	u32 v;

	for (; n >= 4; n -= 4, p += 4) {
		memcpy(&v, p, 4);
		h = mix(h, v);
	}
	return h;
}

static bool has_ports(u8 proto)
{
	return proto == 6 || proto == 17 || proto == 132 || proto == 136;
}

/*
 * Hashes a packet's flow. Only the first fragment of a packet has ports, so ports are left out for
 * all fragments.
 */
static u32 hash_of(const struct fq_codel *f, const struct sk_buff *skb)
{
	u32 at = skb->dev->type == ARPHRD_ETHER ? 14 : 0, h = f->seed, ports = 0;
	u8 ip[40];

	if (skb_len(skb) < at + 20)
		return mix(h, skb->protocol);
	skb_copy(skb, at, ip, 20);
	if (skb->protocol == 0x0800 && ip[0] >> 4 == 4) {
		h = mix_bytes(mix(h, ip[9]), ip + 12, 8);
		if (has_ports(ip[9]) && !((ip[6] & 0x3f) | ip[7]))
			ports = at + (ip[0] & 15) * 4U;
	} else if (skb->protocol == 0x86dd && ip[0] >> 4 == 6 && skb_len(skb) >= at + 40) {
		skb_copy(skb, at, ip, 40);
		h = mix_bytes(mix(h, ip[6]), ip + 8, 32);
		ports = has_ports(ip[6]) ? at + 40 : 0;
	} else {
		return mix(h, skb->protocol);
	}
	if (ports && skb_len(skb) >= ports + 4) {
		skb_copy(skb, ports, ip, 4);
		h = mix_bytes(h, ip, 4);
	}
	return h;
}

/* ---- packets ---- */

static struct sk_buff *flow_take(struct fq_codel *f, struct codel_flow *w)
{
	struct sk_buff *skb = list_first_entry_or_null(&w->queue, struct sk_buff, list);

	if (skb) {
		list_del_init(&skb->list);
		w->packets--;
		w->backlog -= skb_len(skb);
		f->memory -= skb_truesize(skb);
	}
	return skb;
}

static void drop_first(struct qdisc *q, struct codel_flow *w, struct qdisc_tx *tx)
{
	qdisc_drop(q, flow_take(FQ(q), w), tx);
}

/*
 * Drops up to half of the longest flow. That walks all flows, but only beyond the limit, and it
 * drops many packets at a time.
 */
static void drop_longest(struct qdisc *q, struct qdisc_tx *tx, bool memory)
{
	struct fq_codel *f = FQ(q);
	struct codel_flow *w = &f->flows[0];
	u32 half, n = 0;

	for (u32 i = 1; i < f->nr; i++)
		if (f->flows[i].backlog > w->backlog)
			w = &f->flows[i];
	half = w->backlog / 2;
	for (; w->packets && (!n || (w->backlog > half && n < f->batch)); n++)
		drop_first(q, w, tx);
	w->count += n;
	f->overlimit += n;
	if (memory)
		f->overmemory += n;
}

static int fq_enqueue(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx)
{
	struct fq_codel *f = FQ(q);
	struct codel_flow *w = &f->flows[hash_of(f, skb) % f->nr];
	bool memory;

	skb->stamp = max(units(tx->now), 1UL);
	list_add_tail(&skb->list, &w->queue);
	w->packets++;
	w->backlog += skb_len(skb);
	f->memory += skb_truesize(skb);
	if (w->state == IDLE) {
		w->state = NEW;
		w->deficit = (s32)f->quantum;
		list_add_tail(&w->turn, &f->fresh);
		f->new_flows++;
	}
	memory = f->memory > f->memory_limit;
	if (q->st.qlen > f->limit || memory)
		drop_longest(q, tx, memory);
	return 0;
}

/*
 * True if packets of the flow have waited longer than the target for a whole interval (RFC 8289).
 */
static bool waited(
	struct fq_codel *f, struct codel_flow *w, const struct sk_buff *skb, u64 now, u32 mtu)
{
	if (now - min(skb->stamp, now) < f->target || w->backlog <= mtu) {
		w->first_above = 0;
		return false;
	}
	if (!w->first_above) {
		w->first_above = now + f->interval;
		return false;
	}
	return now >= w->first_above;
}

/* Returns the square root of @n in units of 1/256, by Newton's method on n << 16. */
static u32 root_of(u32 n)
{
	u64 v = (u64)n << 16, x = v, y = (x + 1) / 2;

	while (y < x) {
		x = y;
		y = (x + v / x) / 2;
	}
	return (u32)x;
}

static u64 next_drop(const struct fq_codel *f, const struct codel_flow *w, u64 from)
{
	return from + (u64)f->interval * 256 / root_of(max(w->count, 1U));
}

/*
 * Takes the first packet of a flow, NULL if it has none. Sets *@late if packets have waited too
 * long for a whole interval. @now, @mtu: of codel_dequeue().
 */
static struct sk_buff *flow_next(
	struct qdisc *q, struct codel_flow *w, u64 now, u32 mtu, bool *late)
{
	struct sk_buff *skb = flow_take(FQ(q), w);

	*late = skb && waited(FQ(q), w, skb, now, mtu);
	if (!skb)
		w->first_above = 0;
	return skb;
}

/*
 * Marks a packet that has waited too long, and returns true; drops it if it does not support ECN.
 */
static bool mark_or_drop(struct qdisc *q, struct sk_buff *skb, struct qdisc_tx *tx)
{
	if (FQ(q)->ecn && qdisc_mark(skb)) {
		FQ(q)->marks++;
		return true;
	}
	qdisc_drop(q, skb, tx);
	return false;
}

static void begin_dropping(struct fq_codel *f, struct codel_flow *w, u64 now)
{
	u32 more = w->count - w->last_count;

	/* If dropping begins again soon after it ended, the count continues near its old value. */
	w->dropping = true;
	w->count = more > 1 && now - min(w->drop_next, now) < 16UL * f->interval ? more : 1;
	w->last_count = w->count;
	w->drop_next = next_drop(f, w, now);
}

/*
 * Takes the next packet of flow @w, after CoDel has dropped or marked those that waited too long.
 * NULL: the flow is empty.
 */
static struct sk_buff *codel_dequeue(struct qdisc *q, struct codel_flow *w, struct qdisc_tx *tx)
{
	struct fq_codel *f = FQ(q);
	u64 now = units(tx->now);
	u32 mtu = qdisc_mtu(q->root->dev);
	bool late;
	struct sk_buff *skb = flow_next(q, w, now, mtu, &late);

	if (!late) {
		w->dropping = false;
		return skb;
	}
	if (!w->dropping) {
		if (!mark_or_drop(q, skb, tx))
			skb = flow_next(q, w, now, mtu, &late);
		begin_dropping(f, w, now);
		return skb;
	}
	while (late && now >= w->drop_next) {
		w->count++;
		w->drop_next = next_drop(f, w, w->drop_next);
		if (mark_or_drop(q, skb, tx))
			return skb;
		skb = flow_next(q, w, now, mtu, &late);
	}
	w->dropping = late;
	return skb;
}

/* Returns the next flow to serve, or NULL if no flow has packets. */
static struct codel_flow *next_flow(struct fq_codel *f)
{
	for (;;) {
		struct list_head *head = list_empty(&f->fresh) ? &f->lasting : &f->fresh;
		struct codel_flow *w = list_first_entry_or_null(head, struct codel_flow, turn);

		if (!w || w->deficit > 0)
			return w;
		w->deficit += (s32)f->quantum;
		w->state = OLD;
		list_move_tail(&w->turn, &f->lasting);
	}
}

static void flow_ends(struct fq_codel *f, struct codel_flow *w)
{
	/*
	 * an emptied new flow becomes an old one, so that its next packet does not make it new
	 * again
	 */
	if (w->state == NEW && !list_empty(&f->lasting)) {
		w->state = OLD;
		list_move_tail(&w->turn, &f->lasting);
	} else {
		w->state = IDLE;
		list_del_init(&w->turn);
	}
}

static struct sk_buff *fq_dequeue(struct qdisc *q, struct qdisc_tx *tx)
{
	struct fq_codel *f = FQ(q);
	struct codel_flow *w;
	struct sk_buff *skb;

	while ((w = next_flow(f))) {
		skb = codel_dequeue(q, w, tx);
		if (!skb) {
			flow_ends(f, w);
			continue;
		}
		if (f->ce_threshold != NO_CE &&
			units(tx->now) - min(skb->stamp, units(tx->now)) > f->ce_threshold &&
			qdisc_mark(skb))
			f->ce_marks++;
		w->deficit -= (s32)skb_len(skb);
		f->max_packet = max(f->max_packet, skb_len(skb));
		skb->stamp = 0;
		return skb;
	}
	return NULL;
}

static void fq_reset(struct qdisc *q, struct list_head *drops)
{
	struct fq_codel *f = FQ(q);

	for (u32 i = 0; i < f->nr; i++) {
		struct codel_flow *w = &f->flows[i];

		list_splice_tail_init(&w->queue, drops);
		list_del_init(&w->turn);
		w->state = IDLE;
		w->packets = w->backlog = 0;
		w->dropping = false;
		w->count = w->last_count = 0;
		w->first_above = w->drop_next = 0;
	}
	f->memory = 0;
}

const struct qdisc_ops fq_codel_qdisc = {
	.kind = "fq_codel",
	.size = sizeof(struct fq_codel),
	.init = fq_init,
	.change = fq_change,
	.destroy = fq_destroy,
	.enqueue = fq_enqueue,
	.dequeue = fq_dequeue,
	.reset = fq_reset,
	.fill = fq_fill,
	.app = fq_app,
};
