/* SPDX-License-Identifier: MIT */
/*
 * nft_expr_hdr.c: expressions about headers without a fixed offset: exthdr (TCP options, which it
 * can also change, and IPv6 extension headers); and rt, about a packet's route.
 */
#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/netfilter/nft.h"
#include "kernel/net/netfilter/nft_expr.h"

#define OPT_MSS 2

struct exthdr {
	u32 type, offset, len, flags, op;
	u8 reg;
	bool set;
};

static int exthdr_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct exthdr *x = nft_priv(e);
	u8 type;

	if (nla_u8(tb[NFTA_EXTHDR_TYPE], &type) || nla_be32(tb[NFTA_EXTHDR_OFFSET], &x->offset) ||
		nla_be32(tb[NFTA_EXTHDR_LEN], &x->len) ||
		nla_opt32(tb[NFTA_EXTHDR_FLAGS], &x->flags) ||
		nla_opt32(tb[NFTA_EXTHDR_OP], &x->op) || !x->len || x->len > 16 ||
		x->offset > 255 || x->flags & ~(u32)NFT_EXTHDR_F_PRESENT)
		return -EINVAL;
	x->type = type;
	if (x->op != NFT_EXTHDR_OP_TCPOPT && x->op != NFT_EXTHDR_OP_IPV6)
		return -EOPNOTSUPP;
	x->set = tb[NFTA_EXTHDR_SREG];
	if (!x->set)
		return nft_reg_store(tb[NFTA_EXTHDR_DREG], &x->reg, x->len);
	if (tb[NFTA_EXTHDR_DREG] || x->flags || (x->len != 2 && x->len != 4) || x->offset < 2)
		return -EINVAL;
	if (x->op != NFT_EXTHDR_OP_TCPOPT)
		return -EOPNOTSUPP;
	return nft_reg_load(tb[NFTA_EXTHDR_SREG], &x->reg, x->len);
}

/* Finds a complete TCP option: its offset in the packet, and its length. */
static bool find_option(const struct exthdr *x, const struct nft_pkt *p, u32 *off, u32 *n)
{
	u32 len;
	u8 tcp[60];

	if (!p->l4 || p->frag_off || p->proto != IPPROTO_TCP || skb_len(p->skb) < p->thoff + 20)
		return false;
	skb_copy(p->skb, p->thoff, tcp, 20);
	len = (tcp[12] >> 4) * 4U;
	if (len < 20 || skb_len(p->skb) < p->thoff + len)
		return false;
	skb_copy(p->skb, p->thoff, tcp, len);
	for (u32 i = 20; i < len && tcp[i]; i += *n) {
		*n = tcp[i] == 1 ? 1 : i + 1 < len ? tcp[i + 1] : 0;
		if (!*n || (tcp[i] != 1 && *n < 2) || *n > len - i)
			return false;
		*off = p->thoff + i;
		if (tcp[i] == x->type)
			return true;
	}
	return false;
}

static void exthdr_set(const struct exthdr *x, const u32 *from, struct nft_pkt *p)
{
	u32 off, n;

	if (!find_option(x, p, &off, &n) || x->offset + x->len > n)
		return;
	if (x->type == OPT_MSS && x->offset == 2 && x->len == 2)
		nf_lower_mss(p, ntohs((u16)*from));
	else
		nf_set_bytes(p, off + x->offset, from, x->len, p->thoff + 16);
}

static void exthdr_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct exthdr *x = nft_priv(e);
	u32 *reg = &r->data[x->reg], off, n;
	bool there;

	if (x->set) {
		exthdr_set(x, reg, p);
		return;
	}
	memset(reg, 0, round_up(x->len, 4U));
	there = x->op == NFT_EXTHDR_OP_IPV6 ? nf_find_ext(p, (u8)x->type, &off, &n) :
					      find_option(x, p, &off, &n);
	if (x->flags & NFT_EXTHDR_F_PRESENT)
		*reg = there;
	else if (there && x->offset + x->len <= n)
		skb_copy(p->skb, off + x->offset, reg, x->len);
	else
		r->code = NFT_BREAK;
}

static void exthdr_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct exthdr *x = nft_priv(e);

	nft_reg_put(b, x->set ? NFTA_EXTHDR_SREG : NFTA_EXTHDR_DREG, x->reg);
	nfb_u8(b, NFTA_EXTHDR_TYPE, (u8)x->type);
	nfb_be32(b, NFTA_EXTHDR_OFFSET, x->offset);
	nfb_be32(b, NFTA_EXTHDR_LEN, x->len);
	if (!x->set)
		nfb_be32(b, NFTA_EXTHDR_FLAGS, x->flags);
	nfb_be32(b, NFTA_EXTHDR_OP, x->op);
}

const struct nft_expr_type nft_exthdr = { .name = "exthdr",
	.size = sizeof(struct exthdr),
	.max = NFTA_EXTHDR_MAX,
	.init = exthdr_init,
	.eval = exthdr_eval,
	.dump = exthdr_dump };

/* ---- rt ---- */

struct rt {
	u32 key;
	u8 reg;
};

static int rt_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct rt *x = nft_priv(e);

	if (nla_be32(tb[NFTA_RT_KEY], &x->key))
		return -EINVAL;
	if (x->key != NFT_RT_NEXTHOP4 && x->key != NFT_RT_NEXTHOP6 && x->key != NFT_RT_TCPMSS)
		return -EOPNOTSUPP;
	return nft_reg_store(tb[NFTA_RT_DREG], &x->reg,
		x->key == NFT_RT_NEXTHOP6 ? 16 :
		x->key == NFT_RT_NEXTHOP4 ? 4 :
					    2);
}

/*
 * Loads the next hop of the packet's route, or the TCP MSS of its path. For a next hop, the rule
 * does not match (NFT_BREAK) if the packet has no route, or is of the other family.
 */
static void rt_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct rt *x = nft_priv(e);
	u32 *to = &r->data[x->reg], mss;
	bool found;
	ip_addr src;
	struct flow f = { .mark = p->skb->mark };

	if (x->key == NFT_RT_TCPMSS) {
		mss = nf_path_mss(p);
		*to = mss && mss + (p->v6 ? 60 : 40) <= 65535 ? mss :
								/* Linux's result over loopback */
								536;
		return;
	}
	nf_addrs(p->skb, p->v6, &src, &f.daddr);
	found = !route_output(p->net, &f);
	nf_route_costs(p, f.steps);
	if (p->v6 != (x->key == NFT_RT_NEXTHOP6) || !found)
		r->code = NFT_BREAK;
	else if (p->v6)
		memcpy(to, &f.next_hop, 16);
	else
		*to = (ip_is_v4(&f.next_hop) ? f.next_hop : f.daddr).w[3];
}

static void rt_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct rt *x = nft_priv(e);

	nfb_be32(b, NFTA_RT_KEY, x->key);
	nft_reg_put(b, NFTA_RT_DREG, x->reg);
}

const struct nft_expr_type nft_rt = { .name = "rt",
	.size = sizeof(struct rt),
	.max = NFTA_RT_MAX,
	.init = rt_init,
	.eval = rt_eval,
	.dump = rt_dump };
