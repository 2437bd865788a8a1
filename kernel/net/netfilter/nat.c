/* SPDX-License-Identifier: MIT */
/*
 * nat.c: network address translation: for a connection's first packet, the chains of type nat
 * decide to what its source or destination is translated (nf_nat_setup()). This packet and all
 * later ones are rewritten accordingly. In replies, and in the packets that ICMP errors quote, the
 * translation is reversed.
 *
 * The destination is translated at PRE_ROUTING and LOCAL_OUT (priority -100), the source at
 * LOCAL_IN and POST_ROUTING (100). If no chain decides about a connection, it keeps its addresses
 * and ports, unless another connection has them already: then it gets another port.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter/nf_nat.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/conntrack.h"

#define PORT_TRIES 256U

static int manip_of(u8 hook)
{
	return hook == NF_INET_POST_ROUTING || hook == NF_INET_LOCAL_IN ? NF_NAT_SRC : NF_NAT_DST;
}

static u32 done_bit(int manip)
{
	return manip == NF_NAT_SRC ? IPS_SRC_NAT_DONE : IPS_DST_NAT_DONE;
}

/* ---- choice of addresses and ports ---- */

static bool is_taken(struct nf_conn *ct, const struct nf_tuple *t)
{
	struct nf_tuple answer;
	struct nf_conn_dir *d;
	bool other;

	nf_ct_invert(&answer, t);
	d = nf_ct_find(ct->net, &answer);
	if (!d)
		return false;
	other = d->ct != ct;
	nf_conn_put(d->ct);
	return other;
}

static u16 *port_of(struct nf_tuple *t, int manip)
{
	return manip == NF_NAT_SRC ? &t->sport : &t->dport;
}

static void set_port(struct nf_tuple *t, int manip, u16 port)
{
	*port_of(t, manip) = port;
	if (t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6)
		t->sport = t->dport = port;
}

static bool has_ports(u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE ||
	       proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

/*
 * Chooses an address of the range by a hash; with NF_NAT_RANGE_PERSISTENT by the source alone, so a
 * client always gets the same address.
 */
static ip_addr choose_addr(const struct nf_range *r, const struct nf_tuple *t, int manip)
{
	u32 from, to;
	ip_addr a = r->min;

	if (!(r->flags & NF_NAT_RANGE_MAP_IPS))
		return manip == NF_NAT_SRC ? t->src : t->dst;
	from = ntohl(r->min.w[3]);
	to = ntohl(r->max.w[3]);
	if (to > from)
		a.w[3] = htonl(
			from +
			(u32)((u64)(ip_hash(&t->src) ^
				      (r->flags & NF_NAT_RANGE_PERSISTENT ? 0 : ip_hash(&t->dst))) %
				((u64)to - from + 1)));
	return a;
}

static void port_bounds(const struct nf_range *r, u16 port, bool icmp, u32 *lo, u32 *hi)
{
	if (r->flags & NF_NAT_RANGE_PROTO_SPECIFIED) {
		*lo = ntohs(r->port_min);
		*hi = max(ntohs(r->port_max), ntohs(r->port_min));
	} else if (icmp) {
		*lo = 0;
		*hi = 65535;
	} else if (ntohs(port) < 512) {
		*lo = 1;
		*hi = 511;
	} else if (ntohs(port) < 1024) {
		*lo = 600;
		*hi = 1023;
	} else {
		*lo = 1024;
		*hi = 65535;
	}
}

/*
 * Chooses another port if the rule asks for one, or if the tuple is taken by another connection.
 * Returns true if the tuple can be used. A destination that a rule names is kept even if it is
 * taken: the translation of the source gets another port later, or confirm() drops the packet.
 */
static bool choose_port(struct nf_conn *ct, const struct nf_range *r, struct nf_tuple *t, int manip)
{
	bool icmp = t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6;
	bool set = r->flags & NF_NAT_RANGE_PROTO_SPECIFIED;
	bool random = r->flags & (NF_NAT_RANGE_PROTO_RANDOM | NF_NAT_RANGE_PROTO_RANDOM_FULLY);
	u16 port = *port_of(t, manip);
	u32 lo, hi, at, n;

	if (!has_ports(t->proto))
		return !is_taken(ct, t);
	port_bounds(r, port, icmp, &lo, &hi);
	if (!random && (!set || icmp || (ntohs(port) >= lo && ntohs(port) <= hi)) &&
		!is_taken(ct, t))
		return true;
	if (manip == NF_NAT_DST && !random && (!set || (lo == hi && ntohs(port) == lo)))
		return true;
	n = hi - lo + 1;
	arch_random(&at, sizeof(at));
	for (u32 i = 0; i < min(n, PORT_TRIES); i++) {
		set_port(t, manip, htons(lo + (at + i) % n));
		if (!is_taken(ct, t))
			return true;
	}
	return manip == NF_NAT_DST;
}

u32 nf_nat_setup(struct nf_conn *ct, const struct nf_range *r, int manip)
{
	struct nf_ct_net *c = ct->net->nf.ct;
	struct nf_tuple now, want;
	u32 verdict = NF_ACCEPT;

	if (ct->status & (IPS_CONFIRMED | done_bit(manip)))
		return NF_ACCEPT;
	nf_ct_invert(&now, &ct->dir[1].t);
	want = now;
	*(manip == NF_NAT_SRC ? &want.src : &want.dst) = choose_addr(r, &now, manip);
	if (!choose_port(ct, r, &want, manip))
		verdict = NF_DROP;
	spin_lock(&c->lock);
	if (verdict == NF_ACCEPT && memcmp(&now, &want, sizeof(now))) {
		nf_ct_invert(&ct->dir[1].t, &want);
		ct->status |= manip == NF_NAT_SRC ? IPS_SRC_NAT : IPS_DST_NAT;
	}
	ct->status |= done_bit(manip);
	spin_unlock(&c->lock);
	return verdict;
}

u32 nf_nat_masquerade(struct nf_state *s, const struct nf_range *r)
{
	int info;
	struct nf_conn *ct = nf_ct_get(s->skb, &info);
	struct nf_range range = *r;
	ip_addr src, dst;

	if (!ct || !s->out || (info != IP_CT_NEW && info != IP_CT_RELATED))
		return NF_ACCEPT;
	nf_addrs(s->skb, s->v6, &src, &dst);
	if (ip_is_any(&src))
		return NF_ACCEPT;
	if (!addr_source(s->out, &dst, &range.min))
		return NF_DROP;
	range.max = range.min;
	range.flags |= NF_NAT_RANGE_MAP_IPS;
	return nf_nat_setup(ct, &range, NF_NAT_SRC);
}

u32 nf_nat_redirect(struct nf_state *s, const struct nf_range *r)
{
	static const ip_addr lo6 = { { 0, 0, 0, htonl(1) } };
	int info;
	struct nf_conn *ct = nf_ct_get(s->skb, &info);
	struct nf_range range = *r;
	ip_addr src, dst;

	if (!ct)
		return NF_ACCEPT;
	nf_addrs(s->skb, s->v6, &src, &dst);
	if (s->hook == NF_INET_LOCAL_OUT)
		range.min = s->v6 ? lo6 : ip_v4(htonl(0x7f000001));
	else if (!s->in || !addr_source(s->in, &src, &range.min))
		return NF_DROP;
	range.max = range.min;
	range.flags |= NF_NAT_RANGE_MAP_IPS;
	return nf_nat_setup(ct, &range, NF_NAT_DST);
}

/* ---- rewriting packets ---- */

/* Replaces the address at @at. Returns the change of a checksum that covers it. */
static u32 put_addr(u8 *at, const ip_addr *a, bool v6)
{
	const void *new = v6 ? (const void *)a : &a->w[3];
	u32 n = v6 ? 16 : 4, delta = nf_csum_delta(at, new, n);

	memcpy(at, new, n);
	return delta;
}

/*
 * Sets the port in the transport header at offset @at, and updates its checksum, which @delta, the
 * change by the addresses, affects too.
 */
static void put_transport(struct sk_buff *skb, const struct nf_l4 *l4, u32 at,
	const struct nf_tuple *t, int manip, u32 delta)
{
	bool icmp = l4->proto == IPPROTO_ICMP || l4->proto == IPPROTO_ICMPV6;
	u32 field = at + (icmp ? 4 : manip == NF_NAT_SRC ? 0 : 2), sum;
	u16 port = manip == NF_NAT_SRC ? t->sport : t->dport, was;

	if (!has_ports(l4->proto) || field + 2 > skb_len(skb))
		return;
	skb_copy(skb, field, &was, 2);
	if (l4->proto == IPPROTO_ICMP)
		delta = 0; /* its checksum has no pseudo header */
	delta += nf_csum_delta(&was, &port, 2);
	if (!nf_write(skb, field, &port, 2))
		return;
	sum = at + (icmp ? 2 : l4->proto == IPPROTO_TCP ? 16 : 6);
	nf_fix_sum(skb, sum, delta, l4->proto == IPPROTO_UDP);
}

/*
 * Writes the source or destination of @t into the packet whose network header is at offset @base.
 */
static void rewrite(struct sk_buff *skb, bool v6, u32 base, const struct nf_l4 *l4,
	const struct nf_tuple *t, int manip)
{
	u32 hlen = v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr), delta;
	u8 h[sizeof(struct ipv6hdr)];
	u16 old;

	skb_copy(skb, base, h, hlen);
	delta = put_addr(h + (v6 ? 8 : 12) +
				 (manip == NF_NAT_SRC ? 0 :
					 v6           ? 16 :
							4),
		manip == NF_NAT_SRC ? &t->src : &t->dst, v6);
	if (!v6) {
		memcpy(&old, h + 10, 2);
		old = nf_csum_apply(old, delta);
		memcpy(h + 10, &old, 2);
	}
	if (nf_write(skb, base, h, hlen))
		put_transport(skb, l4, base + l4->off, t, manip, delta);
}

static bool wants(const struct nf_conn *ct, int info, int manip)
{
	u32 bit = manip == NF_NAT_SRC ? IPS_SRC_NAT : IPS_DST_NAT;

	if (nf_ct_dir(info) == IP_CT_DIR_REPLY)
		bit ^= IPS_NAT_MASK;
	return ct->status & bit;
}

/*
 * Rewrites an ICMP error: its own address, that of the packet that it quotes, and its checksum.
 * Returns false if the quoted packet is truncated or invalid, or there is no memory.
 */
static bool rewrite_error(
	struct nf_state *s, const struct nf_l4 *l4, const struct nf_conn *ct, int info, int manip)
{
	struct sk_buff *skb = s->skb;
	u32 inner = l4->off + 8, hlen = s->v6 ? 40 : 20, sum = 0;
	const struct nf_tuple *quoted = &ct->dir[!nf_ct_dir(info)].t;
	struct nf_l4 q = { .off = hlen }, outer = { .off = l4->off };
	struct nf_tuple target;
	ip_addr src, dst;
	u16 check = 0;
	u8 h[sizeof(struct ipv6hdr)];

	if (skb_len(skb) < inner + hlen + 8)
		return false;
	skb_copy(skb, inner, h, hlen);
	q.proto = h[s->v6 ? 6 : 9];
	if (!s->v6)
		q.off = (h[0] & 15) * 4U;
	if (q.off < hlen)
		return false;
	rewrite(skb, s->v6, inner, &q, quoted, !manip);
	nf_ct_invert(&target, quoted);
	rewrite(skb, s->v6, 0, &outer, &target, manip);
	if (!nf_write(skb, l4->off + 2, &check, 2))
		return false;
	if (s->v6) {
		nf_addrs(skb, true, &src, &dst);
		sum = csum_pseudo(&src, &dst, IPPROTO_ICMPV6, skb_len(skb) - l4->off);
	}
	check = csum_fold(skb_sum(skb, l4->off, skb_len(skb) - l4->off, sum));
	return nf_write(skb, l4->off + 2, &check, 2);
}

static u32 mangle(struct nf_state *s, struct nf_conn *ct, int info, int manip)
{
	struct nf_tuple target;
	struct nf_l4 l4;

	if (!wants(ct, info, manip))
		return NF_ACCEPT;
	if (!nf_find_l4(s->skb, s->v6, &l4))
		return NF_DROP;
	if (info == IP_CT_RELATED || info == IP_CT_RELATED_REPLY)
		return rewrite_error(s, &l4, ct, info, manip) ? NF_ACCEPT : NF_DROP;
	nf_ct_invert(&target, &ct->dir[!nf_ct_dir(info)].t);
	rewrite(s->skb, s->v6, 0, &l4, &target, manip);
	return NF_ACCEPT;
}

/*
 * Runs the NAT chains for a connection's first packet. If no rule decides, the connection keeps its
 * addresses and ports. Returns NF_*.
 */
static u32 ask_chains(struct nf_state *s, struct nf_conn *ct, int manip)
{
	struct nf_range keep = { 0 };
	u32 verdict = nf_run_nat_chains(s, &ct->status, done_bit(manip));

	if (verdict != NF_ACCEPT || ct->status & done_bit(manip))
		return verdict;
	return nf_nat_setup(ct, &keep, manip);
}

static u32 nat_hook(struct nf_state *s, void *priv)
{
	int info, manip = manip_of(s->hook);
	struct nf_conn *ct = nf_ct_get(s->skb, &info);
	u32 verdict = NF_ACCEPT;

	if (!ct || info < 0)
		return NF_ACCEPT;
	if (info == IP_CT_NEW && !(ct->status & (IPS_CONFIRMED | done_bit(manip))))
		verdict = ask_chains(s, ct, manip);
	return verdict == NF_ACCEPT ? mangle(s, ct, info, manip) : verdict;
}

/* ---- hooks ---- */

static const struct nf_hook_ops nat_hooks[] = {
	{ .fn = nat_hook, .hook = NF_INET_PRE_ROUTING, .priority = NF_PRI_NAT_DST },
	{ .fn = nat_hook, .hook = NF_INET_LOCAL_OUT, .priority = NF_PRI_NAT_DST },
	{ .fn = nat_hook, .hook = NF_INET_LOCAL_IN, .priority = NF_PRI_NAT_SRC },
	{ .fn = nat_hook, .hook = NF_INET_POST_ROUTING, .priority = NF_PRI_NAT_SRC },
};

int nf_nat_get(struct net *net)
{
	int err = nf_ct_use(net);

	if (err)
		return err;
	if (net->nf.ct->nat_users++)
		return 0;
	err = nf_register_both(net, nat_hooks, ARRAY_SIZE(nat_hooks));
	if (err)
		nf_nat_put(net);
	return err;
}

void nf_nat_put(struct net *net)
{
	if (!--net->nf.ct->nat_users)
		nf_unregister_both(net, nat_hooks, ARRAY_SIZE(nat_hooks));
	nf_ct_unuse(net);
}
