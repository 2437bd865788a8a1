/* SPDX-License-Identifier: MIT */
/*
 * xt_target.c: targets of iptables: MARK, CONNMARK, LOG, NFLOG, REJECT, CT, and those for NAT:
 * MASQUERADE, SNAT, DNAT, REDIRECT, NETMAP.
 */
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_LOG.h>
#include <linux/netfilter/xt_NFLOG.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_mark.h>

#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/netfilter/xt.h"

/* values of `with`: <linux/netfilter_ipv4/ipt_REJECT.h> and _ipv6 */
struct reject_info {
	u32 with;
};

static int target_mark(struct nft_pkt *p, const void *i)
{
	const struct xt_mark_tginfo2 *m = i;

	p->skb->mark = (p->skb->mark & ~m->mask) ^ m->mark;
	return NFT_CONTINUE;
}

static int check_connmark(const void *i)
{
	return ((const struct xt_connmark_tginfo1 *)i)->mode > XT_CONNMARK_RESTORE ? -EINVAL : 0;
}

static int target_connmark(struct nft_pkt *p, const void *i)
{
	const struct xt_connmark_tginfo1 *m = i;
	int info;
	struct nf_conn *ct = nf_ct_get(p->skb, &info);

	if (!ct)
		return NFT_CONTINUE;
	if (m->mode == XT_CONNMARK_SET)
		ct->mark = (ct->mark & ~m->ctmask) ^ m->ctmark;
	else if (m->mode == XT_CONNMARK_SAVE)
		ct->mark = (ct->mark & ~m->ctmask) ^ (p->skb->mark & m->nfmask);
	else
		p->skb->mark = (p->skb->mark & ~m->nfmask) ^ (ct->mark & m->ctmask);
	return NFT_CONTINUE;
}

static int check_log(const void *i)
{
	const struct xt_log_info *m = i;

	return m->level >= 8 || m->prefix[sizeof(m->prefix) - 1] ? -EINVAL : 0;
}

static int target_log(struct nft_pkt *p, const void *i)
{
	const struct xt_log_info *m = i;

	nf_log_packet(p->s, m->level, m->logflags, m->prefix);
	return NFT_CONTINUE;
}

static int check_nflog(const void *i)
{
	const struct xt_nflog_info *m = i;

	return m->flags & ~XT_NFLOG_MASK || m->prefix[sizeof(m->prefix) - 1] ? -EINVAL : 0;
}

static int target_nflog(struct nft_pkt *p, const void *i)
{
	const struct xt_nflog_info *m = i;

	nflog_packet(p, m->group, m->prefix, m->flags & XT_NFLOG_F_COPY_LEN ? m->len : ~0U);
	return NFT_CONTINUE;
}

/* Rejects the packet; `with` is an enum ipt_reject_with or ip6t_reject_with. */
static int target_reject(struct nft_pkt *p, const void *i)
{
	static const u8 code4[] = { 0, 1, 2, 3, 0, 9, 10, 0, 13 },
			code6[] = { 0, 1, 2, 3, 4, 0, 0, 5, 6 };
	u32 with = ((const struct reject_info *)i)->with;
	bool reset = with == (p->v6 ? 6 : 7);

	p->reject = reset ? NFT_REJECT_TCP_RST : NFT_REJECT_ICMP_UNREACH;
	p->reject_code = with < 9 ? (p->v6 ? code6 : code4)[with] : 0;
	return NF_DROP;
}

static int check_reject4(const void *i)
{
	u32 with = ((const struct reject_info *)i)->with;

	return with > 8 || with == 4 ? -EINVAL : 0; /* IPT_ICMP_ECHOREPLY is not supported */
}

static int check_reject6(const void *i)
{
	u32 with = ((const struct reject_info *)i)->with;

	return with > 8 || with == 5 ? -EINVAL : 0;
}

static u8 reject4_needs(const void *i)
{
	return ((const struct reject_info *)i)->with == 7 ? IPPROTO_TCP : 0; /* a TCP reset */
}

static u8 reject6_needs(const void *i)
{
	return ((const struct reject_info *)i)->with == 6 ? IPPROTO_TCP : 0;
}

/* ---- targets for NAT ---- */

static int check_multi(const void *i)
{
	return ((const struct nf_nat_ipv4_multi_range_compat *)i)->rangesize != 1 ? -EINVAL : 0;
}

static struct nf_range range4(const void *i)
{
	const struct nf_nat_ipv4_range *m =
		((const struct nf_nat_ipv4_multi_range_compat *)i)->range;

	return (struct nf_range){ .flags = m->flags,
		.min = ip_v4(m->min_ip),
		.max = ip_v4(m->max_ip),
		.port_min = m->min.all,
		.port_max = m->max.all };
}

/*
 * Reads the range from a struct nf_nat_range2, or a struct nf_nat_range, which lacks the base port.
 */
static struct nf_range range6(const struct nft_pkt *p, const void *i)
{
	const struct nf_nat_range2 *m = i;
	struct nf_range r = {
		.flags = m->flags, .port_min = m->min_proto.all, .port_max = m->max_proto.all
	};

	if (p->v6) {
		memcpy(&r.min, &m->min_addr, 16);
		memcpy(&r.max, &m->max_addr, 16);
	} else {
		r.min = ip_v4(m->min_addr.ip);
		r.max = ip_v4(m->max_addr.ip);
	}
	return r;
}

static int setup(struct nft_pkt *p, const struct nf_range *r, int manip)
{
	int info;
	struct nf_conn *ct = nf_ct_get(p->skb, &info);

	return ct ? (int)nf_nat_setup(ct, r, manip) : NFT_CONTINUE;
}

static int target_masquerade(struct nft_pkt *p, const void *i)
{
	struct nf_range r = p->v6 ? range6(p, i) : range4(i);

	return p->s->hook == NF_INET_POST_ROUTING ? (int)nf_nat_masquerade(p->s, &r) : NFT_CONTINUE;
}

static int target_redirect(struct nft_pkt *p, const void *i)
{
	struct nf_range r = p->v6 ? range6(p, i) : range4(i);

	if (p->s->hook != NF_INET_PRE_ROUTING && p->s->hook != NF_INET_LOCAL_OUT)
		return NFT_CONTINUE;
	return (int)nf_nat_redirect(p->s, &r);
}

static int target_nat4(struct nft_pkt *p, const void *i, int manip)
{
	struct nf_range r = range4(i);

	return setup(p, &r, manip);
}

static int target_nat(struct nft_pkt *p, const void *i, int manip)
{
	struct nf_range r = range6(p, i);

	return setup(p, &r, manip);
}

static int target_snat0(struct nft_pkt *p, const void *i)
{
	return target_nat4(p, i, NF_NAT_SRC);
}

static int target_dnat0(struct nft_pkt *p, const void *i)
{
	return target_nat4(p, i, NF_NAT_DST);
}

static int target_snat(struct nft_pkt *p, const void *i)
{
	return target_nat(p, i, NF_NAT_SRC);
}

static int target_dnat(struct nft_pkt *p, const void *i)
{
	return target_nat(p, i, NF_NAT_DST);
}

/* ---- NETMAP: another network, host part kept ---- */

static int check_netmap4(const void *i)
{
	const struct nf_nat_ipv4_multi_range_compat *m = i;

	return m->rangesize != 1 || !(m->range[0].flags & NF_NAT_RANGE_MAP_IPS) ? -EINVAL : 0;
}

static int check_netmap6(const void *i)
{
	return ((const struct nf_nat_range2 *)i)->flags & NF_NAT_RANGE_MAP_IPS ? 0 : -EINVAL;
}

static int target_netmap(struct nft_pkt *p, const void *i)
{
	bool src = p->s->hook == NF_INET_POST_ROUTING || p->s->hook == NF_INET_LOCAL_IN;
	struct nf_range r = p->v6 ? range6(p, i) : range4(i);

	nf_netmap(p, &r, src ? NF_NAT_SRC : NF_NAT_DST);
	return setup(p, &r, src ? NF_NAT_SRC : NF_NAT_DST);
}

/* ---- CT: --notrack only ---- */

static int check_ct(const void *i)
{
	const struct xt_ct_target_info_v1 *m = i;

	return m->flags & (u16) ~(XT_CT_NOTRACK | XT_CT_NOTRACK_ALIAS) || !m->flags ? -EOPNOTSUPP :
										      0;
}

static int target_ct(struct nft_pkt *p, const void *i)
{
	if (!p->skb->nfct && !p->skb->nf_info)
		p->skb->nf_info = NF_UNTRACKED;
	return NFT_CONTINUE;
}

#define MULTI sizeof(struct nf_nat_ipv4_multi_range_compat)
#define RANGE offsetof(struct nf_nat_range2, base_proto)

const struct xt_kind xt_targets[] = {
	{ "MARK", 2, 0, sizeof(struct xt_mark_tginfo2), .target = target_mark },
	{ "CONNMARK", 1, 0, sizeof(struct xt_connmark_tginfo1), .tracks = true,
		.check = check_connmark, .target = target_connmark },
	{ "LOG", 0, 0, sizeof(struct xt_log_info), .check = check_log, .target = target_log },
	{ "NFLOG", 0, 0, sizeof(struct xt_nflog_info), .check = check_nflog,
		.target = target_nflog },
	{ "REJECT", 0, NFPROTO_IPV4, sizeof(struct reject_info), .check = check_reject4,
		.target = target_reject, .needs = reject4_needs },
	{ "REJECT", 0, NFPROTO_IPV6, sizeof(struct reject_info), .check = check_reject6,
		.target = target_reject, .needs = reject6_needs },
	{ "MASQUERADE", 0, NFPROTO_IPV4, MULTI, true, true, check_multi,
		.target = target_masquerade },
	{ "MASQUERADE", 0, NFPROTO_IPV6, RANGE, true, true, .target = target_masquerade },
	{ "REDIRECT", 0, NFPROTO_IPV4, MULTI, true, true, check_multi, .target = target_redirect },
	{ "REDIRECT", 0, NFPROTO_IPV6, RANGE, true, true, .target = target_redirect },
	{ "SNAT", 0, NFPROTO_IPV4, MULTI, true, true, check_multi, .target = target_snat0 },
	{ "DNAT", 0, NFPROTO_IPV4, MULTI, true, true, check_multi, .target = target_dnat0 },
	{ "SNAT", 1, 0, RANGE, true, true, .target = target_snat },
	{ "DNAT", 1, 0, RANGE, true, true, .target = target_dnat },
	{ "SNAT", 2, 0, sizeof(struct nf_nat_range2), true, true, .target = target_snat },
	{ "DNAT", 2, 0, sizeof(struct nf_nat_range2), true, true, .target = target_dnat },
	{ "NETMAP", 0, NFPROTO_IPV4, MULTI, true, true, check_netmap4, .target = target_netmap },
	{ "NETMAP", 0, NFPROTO_IPV6, RANGE, true, true, check_netmap6, .target = target_netmap },
	{ "CT", 1, 0, sizeof(struct xt_ct_target_info_v1), .check = check_ct, .target = target_ct },
	{ "CT", 2, 0, sizeof(struct xt_ct_target_info_v1), .check = check_ct, .target = target_ct },
	{ NULL },
};
