/* SPDX-License-Identifier: MIT */
/*
 * nft_expr_data.c: expressions that use registers only: cmp, range, bitwise, byteorder, immediate.
 */
#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/nft.h"
#include "kernel/net/netfilter/nft_expr.h"

/* ---- cmp ---- */

struct cmp {
	struct nft_data d;
	u8 reg, op;
};

static int value_get(struct nft_ctx *c, nla_t a, struct nft_data *d)
{
	int err = nft_data_get(c, a, d);

	if (!err && d->is_verdict) {
		nft_verdict_drop(&d->v);
		return -EINVAL;
	}
	return err;
}

static int cmp_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct cmp *x = nft_priv(e);
	u32 op;
	int err = value_get(c, tb[NFTA_CMP_DATA], &x->d);

	if (!err)
		err = nla_be32(tb[NFTA_CMP_OP], &op);
	if (!err && op > NFT_CMP_GTE)
		err = -EINVAL;
	if (err)
		return err;
	x->op = (u8)op;
	return nft_reg_load(tb[NFTA_CMP_SREG], &x->reg, x->d.len);
}

static void cmp_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct cmp *x = nft_priv(e);
	int d = memcmp(&r->data[x->reg], x->d.w, x->d.len);
	bool ok = false;

	switch (x->op) {
	case NFT_CMP_EQ: ok = !d; break;
	case NFT_CMP_NEQ: ok = d; break;
	case NFT_CMP_LT: ok = d < 0; break;
	case NFT_CMP_LTE: ok = d <= 0; break;
	case NFT_CMP_GT: ok = d > 0; break;
	case NFT_CMP_GTE: ok = d >= 0; break;
	}
	if (!ok)
		r->code = NFT_BREAK;
}

static void cmp_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct cmp *x = nft_priv(e);

	nft_reg_put(b, NFTA_CMP_SREG, x->reg);
	nfb_be32(b, NFTA_CMP_OP, x->op);
	nft_data_put(b, NFTA_CMP_DATA, &x->d);
}

const struct nft_expr_type nft_cmp = { .name = "cmp",
	.size = sizeof(struct cmp),
	.max = NFTA_CMP_MAX,
	.init = cmp_init,
	.eval = cmp_eval,
	.dump = cmp_dump };

/* ---- range ---- */

struct range {
	struct nft_data from, to;
	u8 reg, op;
};

static int range_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct range *x = nft_priv(e);
	u32 op;
	int err = value_get(c, tb[NFTA_RANGE_FROM_DATA], &x->from);

	if (!err)
		err = value_get(c, tb[NFTA_RANGE_TO_DATA], &x->to);
	if (!err)
		err = nla_be32(tb[NFTA_RANGE_OP], &op);
	if (!err && (op > NFT_RANGE_NEQ || x->from.len != x->to.len))
		err = -EINVAL;
	if (err)
		return err;
	x->op = (u8)op;
	return nft_reg_load(tb[NFTA_RANGE_SREG], &x->reg, x->from.len);
}

static void range_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct range *x = nft_priv(e);
	const u32 *v = &r->data[x->reg];
	bool in = memcmp(v, x->from.w, x->from.len) >= 0 && memcmp(v, x->to.w, x->to.len) <= 0;

	if (in != (x->op == NFT_RANGE_EQ))
		r->code = NFT_BREAK;
}

static void range_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct range *x = nft_priv(e);

	nft_reg_put(b, NFTA_RANGE_SREG, x->reg);
	nfb_be32(b, NFTA_RANGE_OP, x->op);
	nft_data_put(b, NFTA_RANGE_FROM_DATA, &x->from);
	nft_data_put(b, NFTA_RANGE_TO_DATA, &x->to);
}

const struct nft_expr_type nft_range = { .name = "range",
	.size = sizeof(struct range),
	.max = NFTA_RANGE_MAX,
	.init = range_init,
	.eval = range_eval,
	.dump = range_dump };

/* ---- bitwise ---- */

struct bitwise {
	struct nft_data mask, xor, shift;
	u32 op, len;
	u8 from, to;
};

static int bitwise_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct bitwise *x = nft_priv(e);
	int err;

	if (nla_be32(tb[NFTA_BITWISE_LEN], &x->len) || nla_opt32(tb[NFTA_BITWISE_OP], &x->op) ||
		!x->len || x->len > NFT_KEY_MAX || x->op > NFT_BITWISE_RSHIFT)
		return -EINVAL;
	err = nft_reg_load(tb[NFTA_BITWISE_SREG], &x->from, x->len);
	if (!err)
		err = nft_reg_store(tb[NFTA_BITWISE_DREG], &x->to, x->len);
	if (err)
		return err;
	if (x->op != NFT_BITWISE_BOOL) {
		err = value_get(c, tb[NFTA_BITWISE_DATA], &x->shift);
		return err ? err : x->shift.len != 4 || x->shift.w[0] >= 32 ? -EINVAL : 0;
	}
	err = value_get(c, tb[NFTA_BITWISE_MASK], &x->mask);
	if (!err)
		err = value_get(c, tb[NFTA_BITWISE_XOR], &x->xor);
	return err ? err : x->mask.len != x->len || x->xor.len != x->len ? -EINVAL : 0;
}

/* Shifts a number of several words, the least significant word last, each in host byte order. */
static void shift(const struct bitwise *x, u32 *v)
{
	u32 n = (x->len + 3) / 4, by = x->shift.w[0], carry = 0;

	for (u32 k = 0; k < n; k++) {
		u32 i = x->op == NFT_BITWISE_LSHIFT ? n - 1 - k : k, w = v[i];

		if (x->op == NFT_BITWISE_LSHIFT) {
			v[i] = w << by | carry;
			carry = by ? w >> (32 - by) : 0;
		} else {
			v[i] = w >> by | carry;
			carry = by ? w << (32 - by) : 0;
		}
	}
}

static void bitwise_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct bitwise *x = nft_priv(e);
	u32 n = (x->len + 3) / 4, v[NFT_KEY_MAX / 4];

	memcpy(v, &r->data[x->from], n * 4);
	if (x->op == NFT_BITWISE_BOOL)
		for (u32 i = 0; i < n; i++)
			v[i] = (v[i] & x->mask.w[i]) ^ x->xor.w[i];
	else
		shift(x, v);
	memcpy(&r->data[x->to], v, n * 4);
}

static void bitwise_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct bitwise *x = nft_priv(e);

	nft_reg_put(b, NFTA_BITWISE_SREG, x->from);
	nft_reg_put(b, NFTA_BITWISE_DREG, x->to);
	nfb_be32(b, NFTA_BITWISE_LEN, x->len);
	nfb_be32(b, NFTA_BITWISE_OP, x->op);
	if (x->op != NFT_BITWISE_BOOL) {
		nft_data_put(b, NFTA_BITWISE_DATA, &x->shift);
		return;
	}
	nft_data_put(b, NFTA_BITWISE_MASK, &x->mask);
	nft_data_put(b, NFTA_BITWISE_XOR, &x->xor);
}

const struct nft_expr_type nft_bitwise = { .name = "bitwise",
	.size = sizeof(struct bitwise),
	.max = NFTA_BITWISE_MAX,
	.init = bitwise_init,
	.eval = bitwise_eval,
	.dump = bitwise_dump };

/* ---- byteorder: on this machine both directions swap bytes ---- */

struct byteorder {
	u32 op, len, size;
	u8 from, to;
};

static int byteorder_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct byteorder *x = nft_priv(e);
	int err;

	if (nla_be32(tb[NFTA_BYTEORDER_OP], &x->op) || nla_be32(tb[NFTA_BYTEORDER_LEN], &x->len) ||
		nla_be32(tb[NFTA_BYTEORDER_SIZE], &x->size) || x->op > NFT_BYTEORDER_HTON ||
		!x->len || x->len > NFT_KEY_MAX || (x->size != 2 && x->size != 4 && x->size != 8))
		return -EINVAL;
	err = nft_reg_load(tb[NFTA_BYTEORDER_SREG], &x->from, x->len);
	return err ? err : nft_reg_store(tb[NFTA_BYTEORDER_DREG], &x->to, x->len);
}

static void byteorder_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct byteorder *x = nft_priv(e);
	u8 v[NFT_KEY_MAX + 8] = { 0 }, out[NFT_KEY_MAX + 8];

	memcpy(v, &r->data[x->from], x->len);
	for (u32 i = 0; i < x->len; i++)
		out[i] = v[i / x->size * x->size + x->size - 1 - i % x->size];
	memcpy(&r->data[x->to], out, x->len);
}

static void byteorder_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct byteorder *x = nft_priv(e);

	nft_reg_put(b, NFTA_BYTEORDER_SREG, x->from);
	nft_reg_put(b, NFTA_BYTEORDER_DREG, x->to);
	nfb_be32(b, NFTA_BYTEORDER_OP, x->op);
	nfb_be32(b, NFTA_BYTEORDER_LEN, x->len);
	nfb_be32(b, NFTA_BYTEORDER_SIZE, x->size);
}

const struct nft_expr_type nft_byteorder = { .name = "byteorder",
	.size = sizeof(struct byteorder),
	.max = NFTA_BYTEORDER_MAX,
	.init = byteorder_init,
	.eval = byteorder_eval,
	.dump = byteorder_dump };

/* ---- immediate ---- */

struct immediate {
	struct nft_data d;
	u8 reg;
};

static int immediate_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct immediate *x = nft_priv(e);
	u32 reg;
	int err;

	if (nla_be32(tb[NFTA_IMMEDIATE_DREG], &reg))
		return -EINVAL;
	err = nft_data_get(c, tb[NFTA_IMMEDIATE_DATA], &x->d);
	if (err)
		return err;
	if (x->d.is_verdict != (reg == NFT_REG_VERDICT)) {
		if (x->d.is_verdict)
			nft_verdict_drop(&x->d.v);
		return -EINVAL;
	}
	return x->d.is_verdict ? 0 : nft_reg_store(tb[NFTA_IMMEDIATE_DREG], &x->reg, x->d.len);
}

static void immediate_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct immediate *x = nft_priv(e);

	if (!x->d.is_verdict) {
		memcpy(&r->data[x->reg], x->d.w, x->d.len);
		return;
	}
	r->code = x->d.v.code;
	r->chain = x->d.v.chain;
}

static void immediate_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct immediate *x = nft_priv(e);

	nft_reg_put(b, NFTA_IMMEDIATE_DREG, x->reg);
	nft_data_put(b, NFTA_IMMEDIATE_DATA, &x->d);
}

static void immediate_deactivate(struct nft_expr *e)
{
	nft_verdict_drop(&((struct immediate *)nft_priv(e))->d.v);
}

static void immediate_activate(struct nft_expr *e)
{
	nft_verdict_hold(&((struct immediate *)nft_priv(e))->d.v);
}

const struct nft_expr_type nft_immediate = { .name = "immediate",
	.size = sizeof(struct immediate),
	.max = NFTA_IMMEDIATE_MAX,
	.init = immediate_init,
	.eval = immediate_eval,
	.dump = immediate_dump,
	.deactivate = immediate_deactivate,
	.activate = immediate_activate };

struct nft_chain *nft_immediate_chain(const struct nft_expr *e)
{
	return e->type == &nft_immediate ? ((const struct immediate *)nft_priv(e))->d.v.chain :
					   NULL;
}
