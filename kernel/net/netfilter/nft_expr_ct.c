/* SPDX-License-Identifier: MIT */
/*
 * nft_expr_ct.c: expressions about connections, and actions on them: ct, notrack, nat, masq, redir;
 * and reject.
 */
#include <linux/netfilter/nf_nat.h>

#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/netfilter/nft.h"
#include "kernel/net/netfilter/nft_expr.h"

/* ---- ct ---- */

struct ct {
	u32 key, len;
	u8 reg, dir;
	bool set, has_dir;
};

/*
 * Returns the length in bytes of the value of @key, 0 if the key is not supported. @family:
 * NFPROTO_* of the table.
 */
static u32 ct_len(u32 key, u8 family)
{
	switch (key) {
	case NFT_CT_STATE:
	case NFT_CT_STATUS:
	case NFT_CT_MARK:
	case NFT_CT_EXPIRATION:
	case NFT_CT_ID: return 4;
	case NFT_CT_DIRECTION:
	case NFT_CT_L3PROTOCOL:
	case NFT_CT_PROTOCOL: return 1;
	case NFT_CT_PROTO_SRC:
	case NFT_CT_PROTO_DST: return 2;
	case NFT_CT_SRC:
	case NFT_CT_DST: return family == NFPROTO_IPV4 ? 4 : family == NFPROTO_IPV6 ? 16 : 0;
	case NFT_CT_SRC_IP:
	case NFT_CT_DST_IP: return 4;
	case NFT_CT_SRC_IP6:
	case NFT_CT_DST_IP6:
	case NFT_CT_LABELS: return 16;
	case NFT_CT_PKTS:
	case NFT_CT_BYTES:
	case NFT_CT_AVGPKT: return 8;
	default: return 0;
	}
}

static bool needs_dir(u32 key)
{
	return key == NFT_CT_SRC || key == NFT_CT_DST || key == NFT_CT_PROTO_SRC ||
	       key == NFT_CT_PROTO_DST || key == NFT_CT_SRC_IP || key == NFT_CT_DST_IP ||
	       key == NFT_CT_SRC_IP6 || key == NFT_CT_DST_IP6;
}

static int ct_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct ct *x = nft_priv(e);
	int err;

	if (nla_be32(tb[NFTA_CT_KEY], &x->key))
		return -EINVAL;
	x->len = ct_len(x->key, c->table->family);
	if (!x->len)
		return -EOPNOTSUPP;
	if (tb[NFTA_CT_DIRECTION]) {
		if (nla_u8(tb[NFTA_CT_DIRECTION], &x->dir) || x->dir > 1)
			return -EINVAL;
		x->has_dir = true;
	} else if (needs_dir(x->key)) {
		return -EINVAL;
	}
	x->set = tb[NFTA_CT_SREG];
	if (x->set && (tb[NFTA_CT_DREG] || (x->key != NFT_CT_MARK && x->key != NFT_CT_LABELS)))
		return tb[NFTA_CT_DREG] ? -EINVAL : -EOPNOTSUPP;
	err = x->set ? nft_reg_load(tb[NFTA_CT_SREG], &x->reg, x->len) :
		       nft_reg_store(tb[NFTA_CT_DREG], &x->reg, x->len);
	/* a rule that tests the counters also turns on their display */
	if (!err && (x->key == NFT_CT_BYTES || x->key == NFT_CT_PKTS || x->key == NFT_CT_AVGPKT))
		WRITE_ONCE(c->net->nf.ct_conf.acct, 1);
	return err ? err : nf_ct_use(c->net);
}

static void ct_destroy(struct net *net, struct nft_expr *e)
{
	nf_ct_unuse(net);
}

/* Returns the packet's bit of `ct state`. */
u32 nf_ct_state_bit(const struct sk_buff *skb)
{
	int info;
	const struct nf_conn *ct = nf_ct_get(skb, &info);

	if (skb->nf_info == NF_UNTRACKED)
		return NF_CT_STATE_UNTRACKED_BIT;
	return ct && info >= 0 ? NF_CT_STATE_BIT(info) : NF_CT_STATE_INVALID_BIT;
}

static void ct_number(const struct ct *x, const struct nf_conn *ct, u32 *to)
{
	u64 n = 0, packets = 0;

	for (u32 d = 0; d < 2; d++) {
		if (x->has_dir && x->dir != d)
			continue;
		packets += ct->dir[d].packets;
		n += x->key == NFT_CT_PKTS ? ct->dir[d].packets : ct->dir[d].bytes;
	}
	if (x->key == NFT_CT_AVGPKT)
		n = packets ? n / packets : 0;
	memcpy(to, &n, 8);
}

/*
 * Loads a field of @ct into the register, or breaks the rule if its addresses are of the other
 * family. Every key except NFT_CT_STATE. @info: of nf_ct_get().
 */
static void ct_read(const struct ct *x, const struct nf_conn *ct, int info, struct nft_regs *r)
{
	const struct nf_tuple *t = &ct->dir[x->dir].t;
	u32 *to = &r->data[x->reg];
	u64 now = ktime_get();

	switch (x->key) {
	case NFT_CT_STATUS: *to = ct->status; return;
	case NFT_CT_MARK: *to = ct->mark; return;
	case NFT_CT_LABELS: memcpy(to, ct->labels, sizeof(ct->labels)); return;
	case NFT_CT_ID: *to = ct->id; return;
	case NFT_CT_EXPIRATION:
		*to = ct->expires > now ? (u32)((ct->expires - now) / NSEC_PER_MSEC) : 0;
		return;
	case NFT_CT_DIRECTION: *to = (u32)nf_ct_dir(info); return;
	case NFT_CT_L3PROTOCOL:
		*to = ip_is_v4(&ct->dir[0].t.src) ? NFPROTO_IPV4 : NFPROTO_IPV6;
		return;
	case NFT_CT_PROTOCOL: *to = ct->dir[0].t.proto; return;
	case NFT_CT_PROTO_SRC: *to = t->sport; return;
	case NFT_CT_PROTO_DST: *to = t->dport; return;
	case NFT_CT_PKTS:
	case NFT_CT_BYTES:
	case NFT_CT_AVGPKT: ct_number(x, ct, to); return;
	}
	if (ip_is_v4(&t->src) != (x->len == 4)) {
		r->code = NFT_BREAK;
		return;
	}
	t = &ct->dir[x->dir].t;
	{
		bool src =
			x->key == NFT_CT_SRC || x->key == NFT_CT_SRC_IP || x->key == NFT_CT_SRC_IP6;
		const ip_addr *a = src ? &t->src : &t->dst;

		memcpy(to, x->len == 4 ? &a->w[3] : &a->w[0], x->len);
	}
}

static void ct_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct ct *x = nft_priv(e);
	int info;
	struct nf_conn *ct = nf_ct_get(p->skb, &info);

	if (x->key == NFT_CT_STATE) {
		r->data[x->reg] = nf_ct_state_bit(p->skb);
		return;
	}
	if (x->set) {
		if (ct && x->key == NFT_CT_LABELS) /* as on Linux, sets labels and clears none */
			nf_ct_set_labels(ct, &r->data[x->reg], &r->data[x->reg]);
		else if (ct)
			WRITE_ONCE(ct->mark, r->data[x->reg]);
		return;
	}
	if (ct)
		ct_read(x, ct, info, r);
	else
		r->code = NFT_BREAK;
}

static void ct_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct ct *x = nft_priv(e);

	nft_reg_put(b, x->set ? NFTA_CT_SREG : NFTA_CT_DREG, x->reg);
	nfb_be32(b, NFTA_CT_KEY, x->key);
	if (x->has_dir)
		nfb_u8(b, NFTA_CT_DIRECTION, x->dir);
}

const struct nft_expr_type nft_ct = { .name = "ct",
	.size = sizeof(struct ct),
	.max = NFTA_CT_MAX,
	.init = ct_init,
	.eval = ct_eval,
	.dump = ct_dump,
	.destroy = ct_destroy };

/* ---- notrack ---- */

static void notrack_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	if (!p->skb->nfct && !p->skb->nf_info)
		p->skb->nf_info = NF_UNTRACKED;
}

const struct nft_expr_type nft_notrack = { .name = "notrack", .eval = notrack_eval };

/* ---- nat, masq, redir ---- */

struct nat {
	u32 type, family, flags;
	u8 addr_min, addr_max, port_min, port_max; /* indices of registers */
	bool has_addr, has_port;
};

/*
 * Allows the expression in base chains only if they are of type nat and at @hooks, where it can
 * translate. Other chains may have it.
 */
static int check_chain(struct nft_ctx *c, u32 hooks)
{
	const struct nft_chain *ch = c->chain;

	if (!ch)
		return -EOPNOTSUPP;
	c->misplaced = ch->flags & NFT_CHAIN_BASE && (!ch->nat || !(hooks >> ch->hook & 1));
	return c->misplaced ? -EOPNOTSUPP : 0;
}

static int port_regs(nla_t min, nla_t max, struct nat *x)
{
	int err;

	if (!min)
		return max ? -EINVAL : 0;
	x->has_port = true;
	err = nft_reg_load(min, &x->port_min, 2);
	x->port_max = x->port_min;
	return err || !max ? err : nft_reg_load(max, &x->port_max, 2);
}

static void nat_ports(const struct nat *x, const struct nft_regs *r, struct nf_range *range)
{
	range->flags |= x->flags;
	if (!x->has_port)
		return;
	range->flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
	range->port_min = (u16)r->data[x->port_min];
	range->port_max = (u16)r->data[x->port_max];
}

static int nat_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct nat *x = nft_priv(e);
	u32 len;
	int err;

	if (nla_be32(tb[NFTA_NAT_TYPE], &x->type) || nla_be32(tb[NFTA_NAT_FAMILY], &x->family) ||
		nla_opt32(tb[NFTA_NAT_FLAGS], &x->flags) || x->type > NFT_NAT_DNAT)
		return -EINVAL;
	if (x->flags &
		~(u32)(NF_NAT_RANGE_PROTO_RANDOM_ALL | NF_NAT_RANGE_PERSISTENT |
			NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_NETMAP | NF_NAT_RANGE_PROTO_SPECIFIED))
		return -EOPNOTSUPP;
	if (c->table->family != NFPROTO_INET && c->table->family != x->family)
		return -EOPNOTSUPP;
	if (x->family != NFPROTO_IPV4 && x->family != NFPROTO_IPV6 &&
		(x->family != NFPROTO_INET || tb[NFTA_NAT_REG_ADDR_MIN]))
		return -EAFNOSUPPORT;
	err = check_chain(c, x->type == NFT_NAT_SNAT ?
				     1 << NF_INET_POST_ROUTING | 1 << NF_INET_LOCAL_IN :
				     1 << NF_INET_PRE_ROUTING | 1 << NF_INET_LOCAL_OUT);
	len = x->family == NFPROTO_IPV4 ? 4 : 16;
	if (!err && tb[NFTA_NAT_REG_ADDR_MIN]) {
		x->has_addr = true;
		err = nft_reg_load(tb[NFTA_NAT_REG_ADDR_MIN], &x->addr_min, len);
		x->addr_max = x->addr_min;
		if (!err && tb[NFTA_NAT_REG_ADDR_MAX])
			err = nft_reg_load(tb[NFTA_NAT_REG_ADDR_MAX], &x->addr_max, len);
	}
	if (!err)
		err = port_regs(tb[NFTA_NAT_REG_PROTO_MIN], tb[NFTA_NAT_REG_PROTO_MAX], x);
	return err ? err : nf_ct_use(c->net);
}

static ip_addr addr_of(const struct nft_regs *r, u8 reg, bool v6)
{
	ip_addr a;

	if (!v6)
		return ip_v4(r->data[reg]);
	memcpy(&a, &r->data[reg], 16);
	return a;
}

void nf_netmap(const struct nft_pkt *p, struct nf_range *r, int manip)
{
	ip_addr src, dst, *a = manip == NF_NAT_SRC ? &src : &dst;

	nf_addrs(p->skb, p->v6, &src, &dst);
	for (u32 i = p->v6 ? 0 : 3; i < 4; i++) {
		u32 mask = ~(r->min.w[i] ^ r->max.w[i]);

		r->min.w[i] = (r->min.w[i] & mask) | (a->w[i] & ~mask);
	}
	r->max = r->min;
}

static void nat_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct nat *x = nft_priv(e);
	struct nf_range range = { 0 };
	int info, manip = x->type == NFT_NAT_SNAT ? NF_NAT_SRC : NF_NAT_DST;
	struct nf_conn *ct = nf_ct_get(p->skb, &info);

	if (!ct || (x->family != NFPROTO_INET && p->v6 != (x->family == NFPROTO_IPV6))) {
		r->code = NFT_BREAK;
		return;
	}
	nat_ports(x, r, &range);
	if (x->has_addr) {
		range.flags |= NF_NAT_RANGE_MAP_IPS;
		range.min = addr_of(r, x->addr_min, p->v6);
		range.max = addr_of(r, x->addr_max, p->v6);
		if (x->flags & NF_NAT_RANGE_NETMAP)
			nf_netmap(p, &range, manip);
	}
	r->code = (int)nf_nat_setup(ct, &range, manip);
}

static void nat_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct nat *x = nft_priv(e);

	nfb_be32(b, NFTA_NAT_TYPE, x->type);
	nfb_be32(b, NFTA_NAT_FAMILY, x->family);
	if (x->has_addr) {
		nft_reg_put(b, NFTA_NAT_REG_ADDR_MIN, x->addr_min);
		nft_reg_put(b, NFTA_NAT_REG_ADDR_MAX, x->addr_max);
	}
	if (x->has_port) {
		nft_reg_put(b, NFTA_NAT_REG_PROTO_MIN, x->port_min);
		nft_reg_put(b, NFTA_NAT_REG_PROTO_MAX, x->port_max);
	}
	if (x->flags)
		nfb_be32(b, NFTA_NAT_FLAGS, x->flags);
}

const struct nft_expr_type nft_nat = { .name = "nat",
	.size = sizeof(struct nat),
	.max = NFTA_NAT_MAX,
	.init = nat_init,
	.eval = nat_eval,
	.dump = nat_dump,
	.destroy = ct_destroy };

static int masq_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct nat *x = nft_priv(e);
	int err;

	if (nla_opt32(tb[NFTA_MASQ_FLAGS], &x->flags))
		return -EINVAL;
	err = check_chain(c, 1 << NF_INET_POST_ROUTING);
	if (!err)
		err = port_regs(tb[NFTA_MASQ_REG_PROTO_MIN], tb[NFTA_MASQ_REG_PROTO_MAX], x);
	return err ? err : nf_ct_use(c->net);
}

static void masq_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	struct nf_range range = { 0 };

	nat_ports(nft_priv(e), r, &range);
	if (p->s->hook == NF_INET_POST_ROUTING)
		r->code = (int)nf_nat_masquerade(p->s, &range);
	else
		r->code = NFT_BREAK;
}

/* Writes the attributes of masq or redir, whose numbers differ only for the flags. */
static void put_simple(const struct nat *x, struct nfb *b, u16 min, u16 max, u16 flags)
{
	if (x->flags)
		nfb_be32(b, flags, x->flags);
	if (x->has_port) {
		nft_reg_put(b, min, x->port_min);
		nft_reg_put(b, max, x->port_max);
	}
}

static void masq_dump(const struct nft_expr *e, struct nfb *b)
{
	put_simple(
		nft_priv(e), b, NFTA_MASQ_REG_PROTO_MIN, NFTA_MASQ_REG_PROTO_MAX, NFTA_MASQ_FLAGS);
}

const struct nft_expr_type nft_masq = { .name = "masq",
	.size = sizeof(struct nat),
	.max = NFTA_MASQ_MAX,
	.init = masq_init,
	.eval = masq_eval,
	.dump = masq_dump,
	.destroy = ct_destroy };

static int redir_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct nat *x = nft_priv(e);
	int err;

	if (nla_opt32(tb[NFTA_REDIR_FLAGS], &x->flags))
		return -EINVAL;
	err = check_chain(c, 1 << NF_INET_PRE_ROUTING | 1 << NF_INET_LOCAL_OUT);
	if (!err)
		err = port_regs(tb[NFTA_REDIR_REG_PROTO_MIN], tb[NFTA_REDIR_REG_PROTO_MAX], x);
	return err ? err : nf_ct_use(c->net);
}

static void redir_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	struct nf_range range = { 0 };

	nat_ports(nft_priv(e), r, &range);
	if (p->s->hook == NF_INET_PRE_ROUTING || p->s->hook == NF_INET_LOCAL_OUT)
		r->code = (int)nf_nat_redirect(p->s, &range);
	else
		r->code = NFT_BREAK;
}

static void redir_dump(const struct nft_expr *e, struct nfb *b)
{
	put_simple(nft_priv(e), b, NFTA_REDIR_REG_PROTO_MIN, NFTA_REDIR_REG_PROTO_MAX,
		NFTA_REDIR_FLAGS);
}

const struct nft_expr_type nft_redir = { .name = "redir",
	.size = sizeof(struct nat),
	.max = NFTA_REDIR_MAX,
	.init = redir_init,
	.eval = redir_eval,
	.dump = redir_dump,
	.destroy = ct_destroy };

/* ---- reject ---- */

struct reject {
	u32 type;
	u8 code;
};

static int reject_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct reject *x = nft_priv(e);

	if (nla_be32(tb[NFTA_REJECT_TYPE], &x->type) || x->type > NFT_REJECT_ICMPX_UNREACH)
		return -EINVAL;
	if (x->type != NFT_REJECT_TCP_RST && nla_u8(tb[NFTA_REJECT_ICMP_CODE], &x->code))
		return -EINVAL;
	if (x->type == NFT_REJECT_ICMPX_UNREACH &&
		(c->table->family != NFPROTO_INET || x->code > NFT_REJECT_ICMPX_MAX))
		return -EINVAL;
	if (c->chain && c->chain->flags & NFT_CHAIN_BASE && c->chain->hook == NF_INET_POST_ROUTING)
		return -EOPNOTSUPP;
	return 0;
}

static void reject_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct reject *x = nft_priv(e);

	p->reject = (int)x->type;
	p->reject_code = x->code;
	r->code = NF_DROP;
}

static void reject_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct reject *x = nft_priv(e);

	nfb_be32(b, NFTA_REJECT_TYPE, x->type);
	if (x->type != NFT_REJECT_TCP_RST)
		nfb_u8(b, NFTA_REJECT_ICMP_CODE, x->code);
}

const struct nft_expr_type nft_reject = { .name = "reject",
	.size = sizeof(struct reject),
	.max = NFTA_REJECT_MAX,
	.init = reject_init,
	.eval = reject_eval,
	.dump = reject_dump };
