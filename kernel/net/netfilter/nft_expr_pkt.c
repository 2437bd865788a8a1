/* SPDX-License-Identifier: MIT */
/*
 * nft_expr_pkt.c: expressions that read and write packets: payload, meta, fib; and that generate
 * numbers: numgen, hash.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/link/link.h"
#include "kernel/net/netfilter/nft.h"
#include "kernel/net/netfilter/nft_expr.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"

/* ---- payload ---- */

struct payload {
	u32 base, offset, len, csum_type, csum_offset, csum_flags;
	u8 reg;
	bool set;
};

static int payload_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct payload *x = nft_priv(e);

	if (nla_be32(tb[NFTA_PAYLOAD_BASE], &x->base) ||
		nla_be32(tb[NFTA_PAYLOAD_OFFSET], &x->offset) ||
		nla_be32(tb[NFTA_PAYLOAD_LEN], &x->len) ||
		nla_opt32(tb[NFTA_PAYLOAD_CSUM_TYPE], &x->csum_type) ||
		nla_opt32(tb[NFTA_PAYLOAD_CSUM_OFFSET], &x->csum_offset) ||
		nla_opt32(tb[NFTA_PAYLOAD_CSUM_FLAGS], &x->csum_flags))
		return -EINVAL;
	if (!x->len || x->len > NFT_KEY_MAX || x->offset > 255 || x->csum_offset > 255)
		return -EINVAL;
	if (x->base > NFT_PAYLOAD_TRANSPORT_HEADER || x->csum_type > NFT_PAYLOAD_CSUM_INET)
		return -EOPNOTSUPP;
	x->set = tb[NFTA_PAYLOAD_SREG];
	if (x->set && tb[NFTA_PAYLOAD_DREG])
		return -EINVAL;
	if (x->set && x->base == NFT_PAYLOAD_LL_HEADER)
		return -EOPNOTSUPP;
	return x->set ? nft_reg_load(tb[NFTA_PAYLOAD_SREG], &x->reg, x->len) :
			nft_reg_store(tb[NFTA_PAYLOAD_DREG], &x->reg, x->len);
}

/*
 * Sets *@at to the offset of the bytes in the packet. Returns false if the packet does not have
 * them.
 */
static bool where(const struct payload *x, const struct nft_pkt *p, u32 *at)
{
	if (x->base == NFT_PAYLOAD_TRANSPORT_HEADER && (!p->l4 || p->frag_off))
		return false;
	*at = x->offset + (x->base == NFT_PAYLOAD_TRANSPORT_HEADER ? p->thoff : 0);
	return *at + x->len <= skb_len(p->skb);
}

/*
 * Writes @n bytes at offset @at, and sets *@delta to the change of a checksum that covers them.
 * Returns false if the packet is too short, or there is no memory.
 */
static bool write_bytes(struct nft_pkt *p, u32 at, const void *what, u32 n, u32 *delta)
{
	u32 end = at + n, from = at & ~1U, to = round_up(end, 2U);
	u8 old[NFT_KEY_MAX + 4] = { 0 }, new[NFT_KEY_MAX + 4];

	if (end > skb_len(p->skb))
		return false;
	skb_copy(p->skb, from, old, min(to, skb_len(p->skb)) - from);
	memcpy(new, old, sizeof(new));
	memcpy(new + (at - from), what, n);
	*delta = nf_csum_delta(old, new, to - from);
	return nf_write(p->skb, at, what, n);
}

void nf_set_bytes(struct nft_pkt *p, u32 at, const void *new, u32 n, u32 sum)
{
	u32 delta;

	if (write_bytes(p, at, new, n, &delta) && sum)
		nf_fix_sum(p->skb, sum, delta, false);
}

static void payload_write(
	const struct payload *x, const struct nft_regs *r, struct nft_pkt *p, u32 at)
{
	u32 base = at - x->offset, delta;

	if (!write_bytes(p, at, &r->data[x->reg], x->len, &delta))
		return;
	if (x->csum_type == NFT_PAYLOAD_CSUM_INET)
		nf_fix_sum(p->skb, base + x->csum_offset, delta,
			x->base == NFT_PAYLOAD_TRANSPORT_HEADER && p->proto == IPPROTO_UDP);
	if (x->csum_flags & NFT_PAYLOAD_L4CSUM_PSEUDOHDR && p->l4 && !p->frag_off) {
		if (p->proto == IPPROTO_TCP)
			nf_fix_sum(p->skb, p->thoff + 16, delta, false);
		else if (p->proto == IPPROTO_UDP)
			nf_fix_sum(p->skb, p->thoff + 6, delta, true);
		else if (p->proto == IPPROTO_ICMPV6)
			nf_fix_sum(p->skb, p->thoff + 2, delta, false);
	}
}

/*
 * Copies bytes from the packet to registers, or from registers to the packet if x->set. Breaks the
 * rule if the packet is too short.
 */
static void payload_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct payload *x = nft_priv(e);
	u32 at;

	if (x->base == NFT_PAYLOAD_LL_HEADER) {
		u8 mac_len = p->skb->mac_len;

		if (!mac_len || skb_headlen(p->skb) || x->offset + x->len > mac_len) {
			r->code = NFT_BREAK;
			return;
		}
		r->data[x->reg + (x->len - 1) / 4] = 0;
		memcpy(&r->data[x->reg], skb_payload(p->skb) - mac_len + x->offset, x->len);
		return;
	}
	if (!where(x, p, &at)) {
		r->code = NFT_BREAK;
	} else if (x->set) {
		payload_write(x, r, p, at);
	} else {
		r->data[x->reg + (x->len - 1) / 4] = 0; /* pads the last word with zeros */
		skb_copy(p->skb, at, &r->data[x->reg], x->len);
	}
}

static void payload_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct payload *x = nft_priv(e);

	nft_reg_put(b, x->set ? NFTA_PAYLOAD_SREG : NFTA_PAYLOAD_DREG, x->reg);
	nfb_be32(b, NFTA_PAYLOAD_BASE, x->base);
	nfb_be32(b, NFTA_PAYLOAD_OFFSET, x->offset);
	nfb_be32(b, NFTA_PAYLOAD_LEN, x->len);
	if (!x->set)
		return;
	nfb_be32(b, NFTA_PAYLOAD_CSUM_TYPE, x->csum_type);
	nfb_be32(b, NFTA_PAYLOAD_CSUM_OFFSET, x->csum_offset);
	nfb_be32(b, NFTA_PAYLOAD_CSUM_FLAGS, x->csum_flags);
}

const struct nft_expr_type nft_payload = { .name = "payload",
	.size = sizeof(struct payload),
	.max = NFTA_PAYLOAD_MAX,
	.init = payload_init,
	.eval = payload_eval,
	.dump = payload_dump };

/* ---- meta ---- */

struct meta {
	u32 key;
	u8 reg;
	bool set;
};

/* Returns the length of a key's value in bytes; 0: unknown key. */
static u32 meta_len(u32 key)
{
	switch (key) {
	case NFT_META_IIFNAME:
	case NFT_META_OIFNAME:
	case NFT_META_IIFKIND:
	case NFT_META_OIFKIND: return 16;
	case NFT_META_PROTOCOL:
	case NFT_META_IIFTYPE:
	case NFT_META_OIFTYPE: return 2;
	case NFT_META_NFPROTO:
	case NFT_META_L4PROTO:
	case NFT_META_TIME_DAY:
	case NFT_META_PKTTYPE: return 1;
	case NFT_META_LEN:
	case NFT_META_PRIORITY:
	case NFT_META_MARK:
	case NFT_META_IIF:
	case NFT_META_OIF:
	case NFT_META_SKUID:
	case NFT_META_SKGID:
	case NFT_META_TIME_HOUR:
	case NFT_META_CPU:
	case NFT_META_IIFGROUP:
	case NFT_META_OIFGROUP:
	case NFT_META_CGROUP:
	case NFT_META_PRANDOM: return 4;
	case NFT_META_TIME_NS: return 8;
	default: return 0;
	}
}

static int meta_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct meta *x = nft_priv(e);
	u32 len;

	if (nla_be32(tb[NFTA_META_KEY], &x->key))
		return -EINVAL;
	len = meta_len(x->key);
	x->set = tb[NFTA_META_SREG];
	if (x->set && tb[NFTA_META_DREG])
		return -EINVAL;
	if (x->set && x->key != NFT_META_MARK && x->key != NFT_META_PRIORITY &&
		x->key != NFT_META_NFTRACE && x->key != NFT_META_PKTTYPE)
		return -EOPNOTSUPP;
	if (x->set)
		return nft_reg_load(tb[NFTA_META_SREG], &x->reg, len ? len : 1);
	return len ? nft_reg_store(tb[NFTA_META_DREG], &x->reg, len) : -EOPNOTSUPP;
}

static void meta_set(const struct meta *x, const struct nft_regs *r, struct nft_pkt *p)
{
	u32 v = r->data[x->reg];

	if (x->key == NFT_META_MARK)
		p->skb->mark = v;
	else if (x->key == NFT_META_PRIORITY)
		p->skb->priority = v;
	else if (x->key == NFT_META_PKTTYPE)
		p->skb->pkt_type = (u8)v;
}

static bool dev_value(u32 key, const struct net_device *d, u32 *to)
{
	static const char none[IFNAMSIZ];
	const struct link_type *type = d ? d->ops->type : NULL;

	switch (key) {
	case NFT_META_IIFNAME:
	case NFT_META_OIFNAME:
		memcpy(to, none, IFNAMSIZ);
		strscpy((char *)to, d ? d->name : "", IFNAMSIZ);
		return true;
	case NFT_META_IIF:
	case NFT_META_OIF: *to = d ? (u32)d->ifindex : 0; return true;
	case NFT_META_IIFTYPE:
	case NFT_META_OIFTYPE: *to = d ? d->type : 0; return d;
	case NFT_META_IIFGROUP:
	case NFT_META_OIFGROUP: *to = d ? READ_ONCE(d->group) : 0; return d;
	default: /* the kinds */
		memcpy(to, none, IFNAMSIZ);
		strscpy((char *)to, type ? type->kind : "", IFNAMSIZ);
		return type;
	}
}

static void meta_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct meta *x = nft_priv(e);
	u32 *to = &r->data[x->reg];
	u64 now;

	if (x->set) {
		meta_set(x, r, p);
		return;
	}
	switch (x->key) {
	case NFT_META_LEN: *to = skb_len(p->skb); break;
	case NFT_META_PROTOCOL: *to = htons(p->v6 ? ETH_P_IPV6 : ETH_P_IP); break;
	case NFT_META_NFPROTO: *to = p->v6 ? NFPROTO_IPV6 : NFPROTO_IPV4; break;
	case NFT_META_L4PROTO:
		*to = p->proto;
		if (!p->l4)
			r->code = NFT_BREAK;
		break;
	case NFT_META_PKTTYPE:
		*to = p->s->in && p->s->in->flags & IFF_LOOPBACK ? 0 : p->skb->pkt_type;
		break;
	case NFT_META_PRIORITY: *to = p->skb->priority; break;
	case NFT_META_MARK: *to = p->skb->mark; break;
	case NFT_META_CPU: *to = (u32)smp_processor_id(); break;
	case NFT_META_PRANDOM: arch_random(to, 4); break;
	case NFT_META_TIME_NS:
		now = ktime_get_real();
		memcpy(to, &now, 8);
		break;
	case NFT_META_IIF:
	case NFT_META_IIFNAME:
	case NFT_META_IIFTYPE:
	case NFT_META_IIFGROUP:
	case NFT_META_IIFKIND:
		if (!dev_value(x->key, p->s->in, to))
			r->code = NFT_BREAK;
		break;
	case NFT_META_OIF:
	case NFT_META_OIFNAME:
	case NFT_META_OIFTYPE:
	case NFT_META_OIFGROUP:
	case NFT_META_OIFKIND:
		if (!dev_value(x->key, p->s->out, to))
			r->code = NFT_BREAK;
		break;
	case NFT_META_TIME_DAY:
		*to = (u32)((ktime_get_real() / NSEC_PER_SEC / 86400 + 4) % 7); /* 0: Sunday */
		break;
	case NFT_META_TIME_HOUR: *to = (u32)(ktime_get_real() / NSEC_PER_SEC % 86400); break;
	case NFT_META_SKUID:
	case NFT_META_SKGID:
		if (!p->skb->owned)
			r->code = NFT_BREAK;
		else
			*to = x->key == NFT_META_SKUID ?
				      from_kuid_munged(p->net->ns.owner, p->skb->uid) :
				      from_kgid_munged(p->net->ns.owner, p->skb->gid);
		break;
	case NFT_META_CGROUP:
		if (!p->skb->owned)
			r->code = NFT_BREAK;
		else
			*to = p->skb->classid;
		break;
	default: r->code = NFT_BREAK;
	}
}

static void meta_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct meta *x = nft_priv(e);

	nfb_be32(b, NFTA_META_KEY, x->key);
	nft_reg_put(b, x->set ? NFTA_META_SREG : NFTA_META_DREG, x->reg);
}

const struct nft_expr_type nft_meta = { .name = "meta",
	.size = sizeof(struct meta),
	.max = NFTA_META_MAX,
	.init = meta_init,
	.eval = meta_eval,
	.dump = meta_dump };

/* ---- fib: the result of a route lookup for an address ---- */

struct fib {
	u32 result, flags;
	u8 reg;
};

u32 nf_addr_type(const struct nft_pkt *p, const ip_addr *a, int ifindex)
{
	struct flow f = { .daddr = *a };
	u32 type = RTN_UNICAST;

	if (ip_is_multicast(a))
		return RTN_MULTICAST;
	if (addr_is_broadcast(p->net, a))
		return RTN_BROADCAST;
	if (addr_is_local(p->net, a, ifindex))
		return RTN_LOCAL;
	if (route_output(p->net, &f))
		type = RTN_UNREACHABLE;
	nf_route_costs(p, f.steps);
	return type;
}

void nf_addrs(const struct sk_buff *skb, bool v6, ip_addr *src, ip_addr *dst)
{
	u32 w[8];

	skb_copy(skb, v6 ? 8 : 12, w, v6 ? 32 : 8);
	if (v6) {
		memcpy(src, w, 16);
		memcpy(dst, w + 4, 16);
	} else {
		*src = ip_v4(w[0]);
		*dst = ip_v4(w[1]);
	}
}

static int fib_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct fib *x = nft_priv(e);

	if (nla_be32(tb[NFTA_FIB_RESULT], &x->result) || nla_be32(tb[NFTA_FIB_FLAGS], &x->flags))
		return -EINVAL;
	if (!(x->flags & (NFTA_FIB_F_SADDR | NFTA_FIB_F_DADDR)) ||
		(x->flags & (NFTA_FIB_F_SADDR | NFTA_FIB_F_DADDR)) ==
			(NFTA_FIB_F_SADDR | NFTA_FIB_F_DADDR))
		return -EINVAL;
	if (x->result < NFT_FIB_RESULT_OIF || x->result > NFT_FIB_RESULT_ADDRTYPE)
		return -EINVAL;
	return nft_reg_store(
		tb[NFTA_FIB_DREG], &x->reg, x->result == NFT_FIB_RESULT_OIFNAME ? 16 : 4);
}

/*
 * Loads the type of an address, or the device of the route to it: its name, its ifindex or, with
 * NFTA_FIB_F_PRESENT, 1. Without a route it loads zeros.
 */
static void fib_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct fib *x = nft_priv(e);
	const struct net_device *d = NULL;
	u32 *to = &r->data[x->reg];
	ip_addr src, dst;
	struct flow f = { .mark = x->flags & NFTA_FIB_F_MARK ? p->skb->mark : 0 };
	int ifindex = 0;

	nf_addrs(p->skb, p->v6, &src, &dst);
	f.daddr = x->flags & NFTA_FIB_F_SADDR ? src : dst;
	f.saddr = x->flags & NFTA_FIB_F_SADDR ? dst : src;
	/*
	 * for a forwarded packet, look up the reverse route as if it arrived on the output device
	 */
	if (x->flags & NFTA_FIB_F_SADDR && x->flags & NFTA_FIB_F_IIF &&
		p->s->hook == NF_INET_FORWARD && p->s->out)
		f.iif = p->s->out->ifindex;
	if (x->flags & NFTA_FIB_F_IIF && p->s->in)
		ifindex = p->s->in->ifindex;
	if (x->flags & NFTA_FIB_F_OIF && p->s->out)
		ifindex = p->s->out->ifindex;
	if (x->result == NFT_FIB_RESULT_ADDRTYPE) {
		*to = nf_addr_type(p, &f.daddr, ifindex);
		return;
	}
	if (!route_output(p->net, &f) && (!ifindex || f.dev->ifindex == ifindex || f.local))
		d = f.dev;
	nf_route_costs(p, f.steps);
	if (x->flags & NFTA_FIB_F_PRESENT)
		*to = d ? 1 : 0;
	else if (x->result == NFT_FIB_RESULT_OIF)
		*to = d ? (u32)d->ifindex : 0;
	else
		dev_value(NFT_META_OIFNAME, d, to);
}

static void fib_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct fib *x = nft_priv(e);

	nft_reg_put(b, NFTA_FIB_DREG, x->reg);
	nfb_be32(b, NFTA_FIB_RESULT, x->result);
	nfb_be32(b, NFTA_FIB_FLAGS, x->flags);
}

const struct nft_expr_type nft_fib = { .name = "fib",
	.size = sizeof(struct fib),
	.max = NFTA_FIB_MAX,
	.init = fib_init,
	.eval = fib_eval,
	.dump = fib_dump };

/* ---- numgen, hash ---- */

struct numgen {
	u32 modulus, type, offset, next;
	u8 reg;
};

static int numgen_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct numgen *x = nft_priv(e);

	if (nla_be32(tb[NFTA_NG_MODULUS], &x->modulus) || nla_be32(tb[NFTA_NG_TYPE], &x->type) ||
		nla_opt32(tb[NFTA_NG_OFFSET], &x->offset))
		return -EINVAL;
	if (!x->modulus)
		return -ERANGE;
	if (x->offset + x->modulus - 1 < x->offset)
		return -EOVERFLOW;
	if (x->type > NFT_NG_RANDOM)
		return -EINVAL;
	return nft_reg_store(tb[NFTA_NG_DREG], &x->reg, 4);
}

static void numgen_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	struct numgen *x = nft_priv(e);
	u32 n;

	if (x->type == NFT_NG_RANDOM)
		arch_random(&n, 4);
	else
		n = x->next++;
	if (x->next >= x->modulus)
		x->next = 0;
	r->data[x->reg] = n % x->modulus + x->offset;
}

static void numgen_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct numgen *x = nft_priv(e);

	nft_reg_put(b, NFTA_NG_DREG, x->reg);
	nfb_be32(b, NFTA_NG_MODULUS, x->modulus);
	nfb_be32(b, NFTA_NG_TYPE, x->type);
	nfb_be32(b, NFTA_NG_OFFSET, x->offset);
}

const struct nft_expr_type nft_numgen = { .name = "numgen",
	.size = sizeof(struct numgen),
	.max = NFTA_NG_MAX,
	.init = numgen_init,
	.eval = numgen_eval,
	.dump = numgen_dump };

struct hash {
	u32 len, modulus, seed, offset, type;
	u8 from, to;
	bool auto_seed;
};

static int hash_init(struct nft_ctx *c, struct nft_expr *e, nla_t *tb)
{
	struct hash *x = nft_priv(e);
	int err;

	if (nla_opt32(tb[NFTA_HASH_LEN], &x->len) || nla_be32(tb[NFTA_HASH_MODULUS], &x->modulus) ||
		nla_opt32(tb[NFTA_HASH_SEED], &x->seed) ||
		nla_opt32(tb[NFTA_HASH_OFFSET], &x->offset) ||
		nla_opt32(tb[NFTA_HASH_TYPE], &x->type))
		return -EINVAL;
	if (x->type != NFT_HASH_JENKINS)
		return -EOPNOTSUPP;
	if (!x->modulus || !x->len || x->len > NFT_KEY_MAX)
		return -ERANGE;
	if (x->offset + x->modulus - 1 < x->offset)
		return -EOVERFLOW;
	if (!tb[NFTA_HASH_SEED]) {
		x->auto_seed = true;
		arch_random(&x->seed, 4);
	}
	err = nft_reg_load(tb[NFTA_HASH_SREG], &x->from, x->len);
	return err ? err : nft_reg_store(tb[NFTA_HASH_DREG], &x->to, 4);
}

static void hash_eval(struct nft_expr *e, struct nft_regs *r, struct nft_pkt *p)
{
	const struct hash *x = nft_priv(e);
	const u8 *key = (const u8 *)&r->data[x->from];
	u32 h = x->seed ^ 2166136261U;

	for (u32 i = 0; i < x->len; i++)
		h = (h ^ key[i]) * 16777619U;
	r->data[x->to] = (h ^ h >> 16) % x->modulus + x->offset;
}

static void hash_dump(const struct nft_expr *e, struct nfb *b)
{
	const struct hash *x = nft_priv(e);

	nft_reg_put(b, NFTA_HASH_SREG, x->from);
	nft_reg_put(b, NFTA_HASH_DREG, x->to);
	nfb_be32(b, NFTA_HASH_LEN, x->len);
	nfb_be32(b, NFTA_HASH_MODULUS, x->modulus);
	if (!x->auto_seed)
		nfb_be32(b, NFTA_HASH_SEED, x->seed);
	if (x->offset)
		nfb_be32(b, NFTA_HASH_OFFSET, x->offset);
	nfb_be32(b, NFTA_HASH_TYPE, x->type);
}

const struct nft_expr_type nft_hash = { .name = "hash",
	.size = sizeof(struct hash),
	.max = NFTA_HASH_MAX,
	.init = hash_init,
	.eval = hash_eval,
	.dump = hash_dump };
