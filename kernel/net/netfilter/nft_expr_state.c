/* SPDX-License-Identifier: MIT */
/*
 * nft_expr_state.c: expressions with state: counter, limit, quota, and objref, which uses named
 * expressions; log; and expressions that use sets: lookup, dynset. State is protected by nn->lock.
 */
#include <linux/netfilter/nf_log.h>

#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/nft.h"
#include "kernel/net/netfilter/nft_expr.h"

/* ---- counter ---- */

struct counter {
	u64 packets, bytes;
};

static int counter_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct counter *x = nft_priv(e);

	if (tb[NFTA_COUNTER_PACKETS] && nla_be64(tb[NFTA_COUNTER_PACKETS], &x->packets))
		return -EINVAL;
	return tb[NFTA_COUNTER_BYTES] ? nla_be64(tb[NFTA_COUNTER_BYTES], &x->bytes) : 0;
}

static void counter_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	struct counter *x = nft_priv(e);

	x->packets++;
	x->bytes += skb_len(p->skb);
}

static void counter_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct counter *x = nft_priv(e);

	nfb_be64(b, NFTA_COUNTER_BYTES, x->bytes);
	nfb_be64(b, NFTA_COUNTER_PACKETS, x->packets);
}

static void counter_reset(struct nft_expr *e)
{
	memset(nft_priv(e), 0, sizeof(struct counter));
}

const struct nft_expr_type nft_counter = { .name = "counter",
	.size = sizeof(struct counter),
	.max = NFTA_COUNTER_MAX,
	.stateful = true,
	.init = counter_init,
	.eval = counter_eval,
	.dump = counter_dump,
	.reset = counter_reset };

/* ---- limit: a token bucket; tokens are ns, and each packet or byte costs some ---- */

struct limit {
	u64 rate, unit;               /* `rate` per `unit` seconds */
	u64 tokens, full, last, cost; /* ns; last: ktime_get() */
	u32 burst, type, flags;
};

static int limit_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct limit *x = nft_priv(e);
	u64 ns, burst, part;

	if (nla_be64(tb[NFTA_LIMIT_RATE], &x->rate) || nla_be64(tb[NFTA_LIMIT_UNIT], &x->unit) ||
		nla_opt32(tb[NFTA_LIMIT_BURST], &x->burst) ||
		nla_opt32(tb[NFTA_LIMIT_TYPE], &x->type) ||
		nla_opt32(tb[NFTA_LIMIT_FLAGS], &x->flags) || x->type > NFT_LIMIT_PKT_BYTES ||
		x->flags & ~(u32)NFT_LIMIT_F_INV)
		return -EINVAL;
	if (!x->rate || !x->unit || __builtin_mul_overflow(x->unit, NSEC_PER_SEC, &ns) ||
		ns > 1UL << 60)
		return -EOVERFLOW;
	if (!x->burst && x->type == NFT_LIMIT_PKTS)
		x->burst = 5;
	burst = x->type == NFT_LIMIT_PKTS ? x->burst : x->rate + x->burst;
	if (__builtin_mul_overflow(ns / x->rate, burst, &x->full) ||
		__builtin_mul_overflow(ns % x->rate, burst, &part))
		return -EOVERFLOW;
	x->full += part / x->rate;
	x->cost = ns / x->rate;
	x->tokens = x->full;
	x->last = ktime_get();
	return 0;
}

static void limit_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	struct limit *x = nft_priv(e);
	u64 now = ktime_get(), cost = x->cost, ns = x->unit * NSEC_PER_SEC;
	bool over;

	if (x->type == NFT_LIMIT_PKT_BYTES)
		cost = ns / x->rate * skb_len(p->skb) + ns % x->rate * skb_len(p->skb) / x->rate;
	x->tokens = min(x->tokens + (now - x->last), x->full);
	x->last = now;
	over = x->tokens < cost;
	if (!over)
		x->tokens -= cost;
	if (over != !!(x->flags & NFT_LIMIT_F_INV))
		r->code = NFT_BREAK;
}

static void limit_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct limit *x = nft_priv(e);

	nfb_be64(b, NFTA_LIMIT_RATE, x->rate);
	nfb_be64(b, NFTA_LIMIT_UNIT, x->unit);
	nfb_be32(b, NFTA_LIMIT_BURST, x->burst);
	nfb_be32(b, NFTA_LIMIT_TYPE, x->type);
	nfb_be32(b, NFTA_LIMIT_FLAGS, x->flags);
}

const struct nft_expr_type nft_limit = { .name = "limit",
	.size = sizeof(struct limit),
	.max = NFTA_LIMIT_MAX,
	.stateful = true,
	.init = limit_init,
	.eval = limit_eval,
	.dump = limit_dump };

/* ---- quota ---- */

struct quota {
	u64 bytes, used;
	u32 flags;
};

static int quota_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct quota *x = nft_priv(e);

	if (nla_be64(tb[NFTA_QUOTA_BYTES], &x->bytes) ||
		nla_opt32(tb[NFTA_QUOTA_FLAGS], &x->flags) ||
		(tb[NFTA_QUOTA_CONSUMED] && nla_be64(tb[NFTA_QUOTA_CONSUMED], &x->used)))
		return -EINVAL;
	if (x->bytes > (u64)INT64_MAX)
		return -EOVERFLOW;
	if (x->flags & NFT_QUOTA_F_DEPLETED)
		return -EINVAL;
	return x->flags & ~(u32)NFT_QUOTA_F_INV ? -EOPNOTSUPP : 0;
}

static void quota_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	struct quota *x = nft_priv(e);
	bool over;

	x->used += skb_len(p->skb);
	over = x->used >= x->bytes;
	if (over != !!(x->flags & NFT_QUOTA_F_INV))
		r->code = NFT_BREAK;
}

static void quota_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct quota *x = nft_priv(e);

	nfb_be64(b, NFTA_QUOTA_BYTES, x->bytes);
	nfb_be64(b, NFTA_QUOTA_CONSUMED, min(x->used, x->bytes));
	nfb_be32(b, NFTA_QUOTA_FLAGS, x->flags | (x->used >= x->bytes ? NFT_QUOTA_F_DEPLETED : 0));
}

static void quota_reset(struct nft_expr *e)
{
	((struct quota *)nft_priv(e))->used = 0;
}

const struct nft_expr_type nft_quota = { .name = "quota",
	.size = sizeof(struct quota),
	.max = NFTA_QUOTA_MAX,
	.stateful = true,
	.init = quota_init,
	.eval = quota_eval,
	.dump = quota_dump,
	.reset = quota_reset };

/* ---- log: to the kernel log, limited in lines a second, or to programs (nflog.c) ---- */

struct log {
	u32 level, flags, snap;
	bool to_group, snaps;
	u16 group, threshold;
	char prefix[NF_LOG_PREFIXLEN];
};

static int log_to_group(struct log *x, nla_t *tb)
{
	if (tb[NFTA_LOG_LEVEL] || tb[NFTA_LOG_FLAGS] || nla_be16(tb[NFTA_LOG_GROUP], &x->group) ||
		nla_opt32(tb[NFTA_LOG_SNAPLEN], &x->snap) ||
		(tb[NFTA_LOG_QTHRESHOLD] && nla_be16(tb[NFTA_LOG_QTHRESHOLD], &x->threshold)))
		return -EINVAL;
	x->to_group = true;
	x->snaps = tb[NFTA_LOG_SNAPLEN];
	return 0;
}

static int log_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct log *x = nft_priv(e);
	int err = 0;

	x->level = NFT_LOGLEVEL_WARNING;
	if (tb[NFTA_LOG_GROUP])
		err = log_to_group(x, tb);
	else if (nla_opt32(tb[NFTA_LOG_LEVEL], &x->level) ||
		 nla_opt32(tb[NFTA_LOG_FLAGS], &x->flags) || x->level > NFT_LOGLEVEL_DEBUG ||
		 x->flags & ~(u32)NF_LOG_MASK)
		err = -EINVAL;
	if (err || !tb[NFTA_LOG_PREFIX])
		return err;
	return nla_text(tb[NFTA_LOG_PREFIX], x->prefix, sizeof(x->prefix));
}

static void log_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct log *x = nft_priv(e);

	if (x->to_group)
		nflog_packet(p, x->group, x->prefix, x->snaps ? x->snap : ~0U);
	else
		nf_log_packet(p->s, x->level, x->flags, x->prefix);
}

static void log_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct log *x = nft_priv(e);

	if (x->prefix[0])
		nfb_text(b, NFTA_LOG_PREFIX, x->prefix);
	if (x->to_group) {
		nfb_be16(b, NFTA_LOG_GROUP, x->group);
		if (x->snaps)
			nfb_be32(b, NFTA_LOG_SNAPLEN, x->snap);
		if (x->threshold)
			nfb_be16(b, NFTA_LOG_QTHRESHOLD, x->threshold);
		return;
	}
	nfb_be32(b, NFTA_LOG_LEVEL, x->level);
	if (x->flags)
		nfb_be32(b, NFTA_LOG_FLAGS, x->flags);
}

const struct nft_expr_type nft_log_expr = { .name = "log",
	.size = sizeof(struct log),
	.max = NFTA_LOG_MAX,
	.init = log_init,
	.eval = log_eval,
	.dump = log_dump };

/* ---- lookup ---- */

struct lookup {
	struct nft_set *set;
	u8 from, to;
	bool has_to, verdict, invert;
};

/* Counts a rule as a user of the set. Returns 0, or -EBUSY if an anonymous set was used before. */
static int bind(struct nft_set *s)
{
	if (s->flags & NFT_SET_ANONYMOUS && s->bound)
		return -EBUSY;
	s->bound = true;
	s->use++;
	return 0;
}

static int lookup_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct lookup *x = nft_priv(e);
	u32 flags = 0, reg = 0;
	struct nft_set *s;
	int err;

	if (!tb[NFTA_LOOKUP_SET] || nla_opt32(tb[NFTA_LOOKUP_FLAGS], &flags) ||
		flags & ~(u32)NFT_LOOKUP_F_INV)
		return -EINVAL;
	s = nft_set_get(c->table, tb[NFTA_LOOKUP_SET], tb[NFTA_LOOKUP_SET_ID]);
	if (IS_ERR(s))
		return nfnl_bad(c->r, tb[NFTA_LOOKUP_SET], PTR_ERR(s));
	err = nft_reg_load(tb[NFTA_LOOKUP_SREG], &x->from, s->key_len);
	if (err)
		return err;
	x->invert = flags & NFT_LOOKUP_F_INV;
	if (tb[NFTA_LOOKUP_DREG]) {
		if (x->invert || !(s->flags & NFT_SET_MAP) || nla_be32(tb[NFTA_LOOKUP_DREG], &reg))
			return -EINVAL;
		x->has_to = true;
		x->verdict = s->data_type == NFT_DATA_VERDICT;
		if (x->verdict != (reg == NFT_REG_VERDICT))
			return -EINVAL;
		err = x->verdict ? 0 : nft_reg_store(tb[NFTA_LOOKUP_DREG], &x->to, s->data_len);
	} else if (s->flags & NFT_SET_MAP) {
		return -EINVAL;
	}
	if (!err)
		err = bind(s);
	x->set = err ? NULL : s;
	return err;
}

static void run_elem(struct nft_elem *el, struct nft_regs *r, struct nft_pkt *p)
{
	for (u32 i = 0; i < el->n_exprs && r->code == NFT_CONTINUE; i++)
		el->exprs[i]->type->eval(el->exprs[i], r, p);
}

/*
 * Looks up the value in register @from in set @s, and adds the cost of the search to the packet's
 * work.
 */
static struct nft_elem *look_into(
	struct nft_set *s, u32 from, const struct nft_regs *r, struct nft_pkt *p)
{
	struct nft_elem *el;

	if (s->flags & NFT_SET_INTERVAL && s->flags & (NFT_SET_CONCAT | NFT_SET_TIMEOUT))
		p->s->work += s->nelems / 16; /* the lookup visits them one by one */
	s->walked = 0;
	el = nft_set_lookup(s, &r->data[from]);
	p->s->work += s->walked / 16;
	return el;
}

static void lookup_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct lookup *x = nft_priv(e);
	struct nft_elem *el = look_into(x->set, x->from, r, p);

	if (!el == !x->invert) {
		r->code = NFT_BREAK;
		return;
	}
	if (!el)
		return;
	run_elem(el, r, p);
	if (r->code != NFT_CONTINUE || !x->has_to || !el->data)
		return;
	if (x->verdict) {
		r->code = el->data->v.code;
		r->chain = el->data->v.chain;
	} else {
		memcpy(&r->data[x->to], el->data->w, el->data->len);
	}
}

static void lookup_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct lookup *x = nft_priv(e);

	nfb_text(b, NFTA_LOOKUP_SET, x->set->name);
	nft_reg_put(b, NFTA_LOOKUP_SREG, x->from);
	if (x->has_to)
		nft_reg_put(b, NFTA_LOOKUP_DREG, x->verdict ? 0 : x->to);
	nfb_be32(b, NFTA_LOOKUP_FLAGS, x->invert ? NFT_LOOKUP_F_INV : 0);
}

static void lookup_deactivate(struct nft_expr *e)
{
	((struct lookup *)nft_priv(e))->set->use--;
}

static void lookup_activate(struct nft_expr *e)
{
	((struct lookup *)nft_priv(e))->set->use++;
}

const struct nft_expr_type nft_lookup = { .name = "lookup",
	.size = sizeof(struct lookup),
	.max = NFTA_LOOKUP_MAX,
	.init = lookup_init,
	.eval = lookup_eval,
	.dump = lookup_dump,
	.deactivate = lookup_deactivate,
	.activate = lookup_activate };

/* ---- objref: a named object, or an object that a map holds ---- */

struct objref {
	struct nft_obj *obj;
	struct nft_set *set;
	u8 from;
};

static int objref_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct objref *x = nft_priv(e);
	struct nft_set *s;
	u32 type;
	int err;

	if (tb[NFTA_OBJREF_IMM_NAME]) {
		if (nla_be32(tb[NFTA_OBJREF_IMM_TYPE], &type))
			return -EINVAL;
		x->obj = nft_obj_find(c->table, tb[NFTA_OBJREF_IMM_NAME], type);
		if (!x->obj)
			return nfnl_bad(c->r, tb[NFTA_OBJREF_IMM_NAME], -ENOENT);
		x->obj->use++;
		return 0;
	}
	if (!tb[NFTA_OBJREF_SET_NAME])
		return -EOPNOTSUPP;
	s = nft_set_get(c->table, tb[NFTA_OBJREF_SET_NAME], tb[NFTA_OBJREF_SET_ID]);
	if (IS_ERR(s))
		return PTR_ERR(s);
	if (!(s->flags & NFT_SET_OBJECT))
		return -EINVAL;
	err = nft_reg_load(tb[NFTA_OBJREF_SET_SREG], &x->from, s->key_len);
	if (!err)
		err = bind(s);
	x->set = err ? NULL : s;
	return err;
}

static void objref_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct objref *x = nft_priv(e);
	struct nft_obj *o = x->obj;

	if (x->set) {
		const struct nft_elem *el = look_into(x->set, x->from, r, p);

		o = el ? el->obj : NULL;
	}
	if (o)
		o->e->type->eval(o->e, r, p);
	else
		r->code = NFT_BREAK;
}

static void objref_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct objref *x = nft_priv(e);

	if (x->set) {
		nft_reg_put(b, NFTA_OBJREF_SET_SREG, x->from);
		nfb_text(b, NFTA_OBJREF_SET_NAME, x->set->name);
		return;
	}
	nfb_be32(b, NFTA_OBJREF_IMM_TYPE, x->obj->type);
	nfb_text(b, NFTA_OBJREF_IMM_NAME, x->obj->name);
}

static void objref_use(struct nft_expr *e, u32 by)
{
	struct objref *x = nft_priv(e);

	if (x->set)
		x->set->use += by;
	else
		x->obj->use += by;
}

static void objref_deactivate(struct nft_expr *e)
{
	objref_use(e, ~0U);
}

static void objref_activate(struct nft_expr *e)
{
	objref_use(e, 1);
}

const struct nft_expr_type nft_objref = { .name = "objref",
	.size = sizeof(struct objref),
	.max = NFTA_OBJREF_MAX,
	.init = objref_init,
	.eval = objref_eval,
	.dump = objref_dump,
	.deactivate = objref_deactivate,
	.activate = objref_activate };

/* ---- dynset: packets add elements ---- */

struct dynset {
	struct nft_set *set;
	u64 timeout; /* ms */
	u32 op, flags;
	u8 key, data;
	bool has_data;
	struct nft_expr *expr;
};

static int dynset_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct dynset *x = nft_priv(e);
	struct nft_set *s;
	nla_t a = tb[NFTA_DYNSET_EXPR], i;
	int err;

	if (!tb[NFTA_DYNSET_SET_NAME] || nla_be32(tb[NFTA_DYNSET_OP], &x->op) ||
		nla_opt32(tb[NFTA_DYNSET_FLAGS], &x->flags))
		return -EINVAL;
	if (x->op > NFT_DYNSET_OP_DELETE || x->flags & ~(u32)(NFT_DYNSET_F_INV | NFT_DYNSET_F_EXPR))
		return -EOPNOTSUPP;
	s = nft_set_get(c->table, tb[NFTA_DYNSET_SET_NAME], tb[NFTA_DYNSET_SET_ID]);
	if (IS_ERR(s))
		return nfnl_bad(c->r, tb[NFTA_DYNSET_SET_NAME], PTR_ERR(s));
	if (s->flags & (NFT_SET_CONSTANT | NFT_SET_INTERVAL))
		return s->flags & NFT_SET_CONSTANT ? -EBUSY : -EOPNOTSUPP;
	/*
	 * References that elements hold are counted under nfnl_mutex, so packets must not free
	 * elements with references.
	 */
	if (s->flags & NFT_SET_OBJECT ||
		(x->op == NFT_DYNSET_OP_UPDATE && !(s->flags & NFT_SET_TIMEOUT)))
		return -EOPNOTSUPP;
	x->timeout = s->timeout;
	if (tb[NFTA_DYNSET_TIMEOUT] &&
		(!(s->flags & NFT_SET_TIMEOUT) || nla_be64(tb[NFTA_DYNSET_TIMEOUT], &x->timeout)))
		return -EOPNOTSUPP;
	if (x->timeout > ~0UL / NSEC_PER_MSEC / 4)
		return -ERANGE;
	err = nft_reg_load(tb[NFTA_DYNSET_SREG_KEY], &x->key, s->key_len);
	if (!err && tb[NFTA_DYNSET_SREG_DATA]) {
		if (!(s->flags & NFT_SET_MAP) || s->data_type == NFT_DATA_VERDICT)
			return -EOPNOTSUPP;
		x->has_data = true;
		err = nft_reg_load(tb[NFTA_DYNSET_SREG_DATA], &x->data, s->data_len);
	} else if (!err && s->flags & NFT_SET_MAP) {
		return -EINVAL;
	}
	if (err)
		return err;
	if (!a && tb[NFTA_DYNSET_EXPRESSIONS])
		nla_for_each(i, tb[NFTA_DYNSET_EXPRESSIONS])
		{
			if (a)
				return -EOPNOTSUPP;
			a = i;
		}
	if (a) {
		x->expr = nft_stateful_new(c, a);
		if (IS_ERR(x->expr))
			return PTR_ERR(x->expr);
	}
	err = bind(s);
	if (!err && !s->max)
		s->max = 65535;
	if (err && x->expr)
		nft_expr_free(c->net, x->expr);
	x->set = s;
	return err;
}

/*
 * Returns the element for the key, or a new one. NULL: there is no room, or a batch changes the
 * element.
 */
static struct nft_elem *reach(const struct dynset *x, struct nft_regs *r, struct nft_pkt *p)
{
	struct nft_set *s = x->set;
	struct nft_elem *el;

	el = nft_elem_find(s, (const u8 *)&r->data[x->key], (const u8 *)&r->data[x->key], false);
	if (el && !nft_elem_expired(el) && !(el->pend & NFT_NEW))
		return el;
	if (el && !el->pend) {
		nft_elem_unlink(el);
		nft_elem_free(p->net, el);
	} else if (el) {
		return NULL; /* a batch is changing the element */
	}
	if (s->max && s->nelems >= s->max)
		nft_set_gc(p->net, s);
	el = nft_elem_dyn(p->net, s, &r->data[x->key], x->has_data ? &r->data[x->data] : NULL,
		x->timeout * NSEC_PER_MSEC);
	if (el && !el->n_exprs && x->expr) {
		el->exprs[0] = kmemdup(x->expr, sizeof(*x->expr) + x->expr->type->size, GFP_ATOMIC);
		el->n_exprs = el->exprs[0] ? 1 : 0;
	}
	return el;
}

/* Adds, updates or deletes the element for a packet's key. nn->lock held. */
static void change_set(const struct dynset *x, struct nft_regs *r, struct nft_pkt *p)
{
	struct nft_elem *el;

	if (x->op == NFT_DYNSET_OP_DELETE) {
		el = nft_elem_find(
			x->set, (const u8 *)&r->data[x->key], (const u8 *)&r->data[x->key], false);
		if (el && !el->pend) {
			nft_elem_unlink(el);
			nft_elem_free(p->net, el);
		} else if (el && el->pend == NFT_UNREPORTED) {
			/* mark it as expired; let_go() removes it after listeners were notified */
			el->expires = 1;
		} else if (!el) {
			r->code = NFT_BREAK;
		}
		return;
	}
	el = reach(x, r, p);
	if (!el) {
		if (!(x->flags & NFT_DYNSET_F_INV))
			r->code = NFT_BREAK;
		return;
	}
	if (x->op == NFT_DYNSET_OP_UPDATE && el->timeout)
		el->expires = ktime_get() + x->timeout * NSEC_PER_MSEC;
	run_elem(el, r, p);
	if (x->flags & NFT_DYNSET_F_INV)
		r->code = NFT_BREAK;
}

static void dynset_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct dynset *x = nft_priv(e);

	x->set->walked = 0;
	change_set(x, r, p);
	p->s->work += x->set->walked / 16;
}

static void dynset_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct dynset *x = nft_priv(e);

	nft_reg_put(b, NFTA_DYNSET_SREG_KEY, x->key);
	if (x->has_data)
		nft_reg_put(b, NFTA_DYNSET_SREG_DATA, x->data);
	nfb_be32(b, NFTA_DYNSET_OP, x->op);
	nfb_text(b, NFTA_DYNSET_SET_NAME, x->set->name);
	if (x->timeout != x->set->timeout)
		nfb_be64(b, NFTA_DYNSET_TIMEOUT, x->timeout);
	if (x->expr)
		nft_expr_put(b, NFTA_DYNSET_EXPR, x->expr);
	if (x->flags)
		nfb_be32(b, NFTA_DYNSET_FLAGS, x->flags);
}

static void dynset_deactivate(struct nft_expr *e)
{
	((struct dynset *)nft_priv(e))->set->use--;
}

static void dynset_activate(struct nft_expr *e)
{
	((struct dynset *)nft_priv(e))->set->use++;
}

static void dynset_destroy(struct net *net, struct nft_expr *e)
{
	const struct dynset *x = nft_priv(e);

	if (x->expr)
		nft_expr_free(net, x->expr);
}

const struct nft_expr_type nft_dynset = { .name = "dynset",
	.size = sizeof(struct dynset),
	.max = NFTA_DYNSET_MAX,
	.init = dynset_init,
	.eval = dynset_eval,
	.dump = dynset_dump,
	.deactivate = dynset_deactivate,
	.activate = dynset_activate,
	.destroy = dynset_destroy };

/* ---- expressions that name sets ---- */

struct nft_set *nft_lookup_set(const struct nft_expr *e)
{
	if (e->type == &nft_lookup)
		return ((const struct lookup *)nft_priv(e))->set;
	if (e->type == &nft_dynset)
		return ((const struct dynset *)nft_priv(e))->set;
	return e->type == &nft_objref ? ((const struct objref *)nft_priv(e))->set : NULL;
}

int nft_expr_jumps(const struct nft_expr *e, int (*fn)(struct nft_chain *to, u32 depth), u32 depth)
{
	struct nft_chain *to = nft_immediate_chain(e);
	struct nft_set *s = e->type == &nft_lookup ? nft_lookup_set(e) : NULL;
	int err = to ? fn(to, depth) : 0;

	if (!s || s->data_type != NFT_DATA_VERDICT || !(s->flags & NFT_SET_MAP))
		return err;
	for (struct rb_node *n = rb_first(&s->elems); n && !err; n = rb_next(n)) {
		const struct nft_elem *el = rb_entry(n, struct nft_elem, node);

		if (el->data && el->data->v.chain && !(el->pend & NFT_DEL))
			err = fn(el->data->v.chain, depth);
	}
	if (!err && s->catchall && s->catchall->data && s->catchall->data->v.chain &&
		!(s->catchall->pend & NFT_DEL))
		err = fn(s->catchall->data->v.chain, depth);
	return err;
}

/* ---- lookup of types by name ---- */

const struct nft_expr_type *nft_expr_type(nla_t name)
{
	static const struct nft_expr_type *const all[] = { &nft_cmp, &nft_range, &nft_bitwise,
		&nft_byteorder, &nft_immediate, &nft_payload, &nft_meta, &nft_exthdr, &nft_fib,
		&nft_numgen, &nft_hash, &nft_counter, &nft_limit, &nft_quota, &nft_log_expr,
		&nft_objref, &nft_lookup, &nft_dynset, &nft_ct, &nft_nat, &nft_masq, &nft_redir,
		&nft_notrack, &nft_reject, &nft_match, &nft_target, &nft_connlimit, &nft_rt,
		&nft_socket, &nft_tproxy, &nft_dup };

	for (u32 i = 0; i < ARRAY_SIZE(all); i++)
		if (nla_is(name, all[i]->name))
			return all[i];
	return NULL;
}
