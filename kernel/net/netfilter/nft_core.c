/* SPDX-License-Identifier: MIT */
/*
 * nft_core.c: evaluates the rules of a base chain, and of chains it jumps to, for a packet;
 * registers, values and verdicts in messages.
 *
 * The expressions of a rule are evaluated in order until one sets NFT_BREAK (next rule) or a
 * verdict. The answer to a rejected packet is sent after nn->lock is released, since it passes the
 * hooks too. Jumps end, but ten jumps in each of fifteen chains make 10^15 rules. So a packet whose
 * work exceeds NFT_WORK_MAX is dropped.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/nft.h"

/* ---- registers in messages ---- */

static int parse_reg(nla_t a, u32 *at)
{
	u32 reg;

	if (nla_be32(a, &reg))
		return -EINVAL;
	if (reg >= NFT_REG_1 && reg <= NFT_REG_4)
		*at = reg * 4;
	else if (reg >= NFT_REG32_00 && reg <= NFT_REG32_15)
		*at = reg - NFT_REG32_00 + 4;
	else
		return -ERANGE;
	return 0;
}

int nft_reg_load(nla_t a, u8 *reg, u32 len)
{
	u32 at = 0;
	int err = parse_reg(a, &at);

	if (err)
		return err;
	if (!len || len > NFT_REGS * 4 || at * 4 + len > NFT_REGS * 4)
		return -ERANGE;
	*reg = (u8)at;
	return 0;
}

int nft_reg_store(nla_t a, u8 *reg, u32 len)
{
	return nft_reg_load(a, reg, len);
}

void nft_reg_put(struct nfb *b, u16 type, u32 reg)
{
	nfb_be32(b, type, reg % 4 ? reg - 4 + NFT_REG32_00 : reg / 4);
}

/* ---- values and verdicts in messages ---- */

/*
 * Reads NFTA_DATA_VERDICT. Takes a reference to the chain that a jump names. Returns 0, -EINVAL,
 * -EOPNOTSUPP or -ENOENT.
 */
static int get_verdict(struct nft_ctx *c, nla_t a, struct nft_data *d)
{
	nla_t tb[NFTA_VERDICT_MAX + 1];
	u32 code;

	nla_parse_nested(tb, NFTA_VERDICT_MAX, a);
	if (nla_be32(tb[NFTA_VERDICT_CODE], &code))
		return -EINVAL;
	d->is_verdict = true;
	d->len = sizeof(struct nft_verdict);
	d->v.code = (int)code;
	switch ((int)code) {
	case NF_ACCEPT:
	case NF_DROP:
	case NFT_CONTINUE:
	case NFT_BREAK:
	case NFT_RETURN: return 0;
	case NFT_JUMP:
	case NFT_GOTO: break;
	default: return (code & NF_VERDICT_MASK) == NF_QUEUE ? -EOPNOTSUPP : -EINVAL;
	}
	if (!tb[NFTA_VERDICT_CHAIN])
		return tb[NFTA_VERDICT_CHAIN_ID] ? -EOPNOTSUPP : -EINVAL;
	d->v.chain = nft_chain_find(c->table, tb[NFTA_VERDICT_CHAIN]);
	if (!d->v.chain)
		return nfnl_bad(c->r, tb[NFTA_VERDICT_CHAIN], -ENOENT);
	if (d->v.chain->flags & NFT_CHAIN_BASE) {
		d->v.chain = NULL;
		return -EOPNOTSUPP;
	}
	nft_verdict_hold(&d->v);
	return 0;
}

int nft_data_get(struct nft_ctx *c, nla_t a, struct nft_data *d)
{
	nla_t tb[NFTA_DATA_MAX + 1], v;

	memset(d, 0, sizeof(*d));
	if (!a)
		return -EINVAL;
	nla_parse_nested(tb, NFTA_DATA_MAX, a);
	if (tb[NFTA_DATA_VERDICT])
		return get_verdict(c, tb[NFTA_DATA_VERDICT], d);
	v = tb[NFTA_DATA_VALUE];
	if (!v || !nla_len(v) || nla_len(v) > sizeof(d->w))
		return -EINVAL;
	d->len = nla_len(v);
	memcpy(d->w, nla_data(v), d->len);
	return 0;
}

void nft_value_put(struct nfb *b, u16 type, const void *value, u32 len)
{
	u32 nest = nfb_nest(b, type);

	nfb_attr(b, NFTA_DATA_VALUE, value, len);
	nfb_nest_end(b, nest);
}

void nft_data_put(struct nfb *b, u16 type, const struct nft_data *d)
{
	u32 nest, verdict;

	if (!d->is_verdict) {
		nft_value_put(b, type, d->w, d->len);
		return;
	}
	nest = nfb_nest(b, type);
	verdict = nfb_nest(b, NFTA_DATA_VERDICT);
	nfb_be32(b, NFTA_VERDICT_CODE, (u32)d->v.code);
	if (d->v.chain)
		nfb_text(b, NFTA_VERDICT_CHAIN, d->v.chain->name);
	nfb_nest_end(b, verdict);
	nfb_nest_end(b, nest);
}

void nft_verdict_hold(const struct nft_verdict *v)
{
	if (v->chain)
		v->chain->use++;
}

void nft_verdict_drop(const struct nft_verdict *v)
{
	if (v->chain)
		v->chain->use--;
}

/* ---- evaluation ---- */

struct step {
	struct nft_chain *chain;
	struct list_head *at; /* rule to continue with after the jump */
};

static void run_rule(struct nft_rule *rule, struct nft_regs *r, struct nft_pkt *p)
{
	u32 i;

	r->code = NFT_CONTINUE;
	for (i = 0; i < rule->n && r->code == NFT_CONTINUE; i++)
		rule->exprs[i]->type->eval(rule->exprs[i], r, p);
	p->s->work += i + 1;
}

/* Evaluates the rules. Returns the verdict of the base chain, NF_*. nn->lock held. */
static u32 walk(struct nft_chain *base, struct nft_pkt *p)
{
	struct step stack[NFT_DEPTH + 1];
	struct nft_chain *ch = base;
	struct list_head *at = base->rules.next;
	struct nft_regs r;
	u32 depth = 0;

	memset(&r, 0, sizeof(r));
	for (;;) {
		if (at == &ch->rules) {
			if (!depth)
				break;
			depth--;
			ch = stack[depth].chain;
			at = stack[depth].at;
			continue;
		}
		r.code = NFT_CONTINUE;
		if (!(list_entry(at, struct nft_rule, list)->pend & NFT_NEW))
			run_rule(list_entry(at, struct nft_rule, list), &r, p);
		at = at->next;
		if (unlikely(p->s->work > NFT_WORK_MAX))
			return NF_DROP;
		switch (r.code) {
		case NF_ACCEPT:
		case NF_DROP: return (u32)r.code;
		case NFT_JUMP:
			if (depth == NFT_DEPTH)
				return NF_DROP;
			stack[depth++] = (struct step){ ch, at };
			/* fallthrough */
		case NFT_GOTO:
			ch = r.chain;
			at = ch->rules.next;
			break;
		case NFT_RETURN: at = &ch->rules; break;
		default: break; /* NFT_BREAK, NFT_CONTINUE */
		}
	}
	base->packets++;
	base->bytes += skb_len(p->skb);
	return base->policy;
}

static void describe(struct nft_pkt *p, struct nf_state *s)
{
	struct nf_l4 l4;

	*p = (struct nft_pkt){ .s = s, .skb = s->skb, .net = s->net, .v6 = s->v6, .reject = -1 };
	p->l4 = nf_find_l4(s->skb, s->v6, &l4);
	p->proto = l4.proto;
	p->thoff = l4.off;
	p->frag_off = l4.frag_off;
}

static u32 run(struct nf_state *s, struct nft_chain *ch)
{
	struct nft_net *nn = ch->table->nn;
	struct nft_pkt p;
	u32 verdict = NF_ACCEPT;

	describe(&p, s);
	spin_lock(&nn->lock);
	if (!(ch->pend & NFT_NEW) && !(ch->table->flags & NFT_TABLE_F_DORMANT))
		verdict = walk(ch, &p);
	spin_unlock(&nn->lock);
	if (unlikely(p.n_copies))
		nf_send_copies(&p);
	if (p.reject >= 0)
		nf_reject(s, p.reject, p.reject_code);
	return verdict;
}

u32 nft_run(struct nf_state *s, void *chain)
{
	return run(s, chain);
}

u32 nft_run_nat(struct nf_state *s, void *chain)
{
	return run(s, chain);
}
