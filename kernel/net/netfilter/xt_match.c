/* SPDX-License-Identifier: MIT */
/*
 * xt_match.c: matches of iptables: conntrack, state, addrtype, comment, multiport, mark, connmark,
 * tcp, udp, icmp, pkttype.
 */
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_pkttype.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/netfilter/xt.h"

/* <linux/netfilter_ipv4/ip_tables.h> and the IPv6 header need libc. */
struct icmp_info {
	u8 type, code[2], invflags;
};

/* ---- conntrack ---- */

/* True if port @be, in network byte order, is from @lo to @hi, which are in host byte order. */
static bool ports_in(u16 be, u16 lo, u16 hi)
{
	return ntohs(be) >= lo && ntohs(be) <= hi;
}

/* Compares addresses, ports and protocol with those that the match names. */
static bool conntrack_addrs(
	const struct xt_conntrack_mtinfo3 *m, const struct nf_conn *ct, int info)
{
	const struct nf_tuple *o = &ct->dir[0].t, *r = &ct->dir[1].t;
	const struct {
		u16 flag;
		const ip_addr *a;
		const union nf_inet_addr *addr, *mask;
	} addrs[] = {
		{ XT_CONNTRACK_ORIGSRC, &o->src, &m->origsrc_addr, &m->origsrc_mask },
		{ XT_CONNTRACK_ORIGDST, &o->dst, &m->origdst_addr, &m->origdst_mask },
		{ XT_CONNTRACK_REPLSRC, &r->src, &m->replsrc_addr, &m->replsrc_mask },
		{ XT_CONNTRACK_REPLDST, &r->dst, &m->repldst_addr, &m->repldst_mask },
	};
	const struct {
		u16 flag, port, lo, hi;
	} ports[] = {
		{ XT_CONNTRACK_ORIGSRC_PORT, o->sport, m->origsrc_port, m->origsrc_port_high },
		{ XT_CONNTRACK_ORIGDST_PORT, o->dport, m->origdst_port, m->origdst_port_high },
		{ XT_CONNTRACK_REPLSRC_PORT, r->sport, m->replsrc_port, m->replsrc_port_high },
		{ XT_CONNTRACK_REPLDST_PORT, r->dport, m->repldst_port, m->repldst_port_high },
	};

	for (u32 i = 0; i < ARRAY_SIZE(addrs); i++)
		if (m->match_flags & addrs[i].flag &&
			xt_masked(addrs[i].a, addrs[i].addr, addrs[i].mask) ==
				!!(m->invert_flags & addrs[i].flag))
			return false;
	for (u32 i = 0; i < ARRAY_SIZE(ports); i++)
		if (m->match_flags & ports[i].flag &&
			ports_in(ports[i].port, ports[i].lo, ports[i].hi) ==
				!!(m->invert_flags & ports[i].flag))
			return false;
	if (m->match_flags & XT_CONNTRACK_PROTO &&
		(o->proto == m->l4proto) == !!(m->invert_flags & XT_CONNTRACK_PROTO))
		return false;
	return true;
}

static bool match_conntrack(const struct nft_pkt *p, const void *i)
{
	const struct xt_conntrack_mtinfo3 *m = i;
	int info;
	const struct nf_conn *ct = nf_ct_get(p->skb, &info);
	u64 left;
	u32 bit;

	if (m->match_flags & XT_CONNTRACK_STATE) {
		bit = ct && info >= 0                 ? (u32)XT_CONNTRACK_STATE_BIT(info) :
		      p->skb->nf_info == NF_UNTRACKED ? (u32)XT_CONNTRACK_STATE_UNTRACKED :
							(u32)XT_CONNTRACK_STATE_INVALID;
		if (ct && ct->status & IPS_SRC_NAT)
			bit |= XT_CONNTRACK_STATE_SNAT;
		if (ct && ct->status & IPS_DST_NAT)
			bit |= XT_CONNTRACK_STATE_DNAT;
		if (!!(m->state_mask & bit) == !!(m->invert_flags & XT_CONNTRACK_STATE))
			return false;
	}
	if (!ct)
		return m->match_flags & XT_CONNTRACK_STATE;
	if (m->match_flags & XT_CONNTRACK_DIRECTION &&
		(nf_ct_dir(info) == IP_CT_DIR_ORIGINAL) ==
			!!(m->invert_flags & XT_CONNTRACK_DIRECTION))
		return false;
	if (m->match_flags & XT_CONNTRACK_STATUS &&
		!!(m->status_mask & ct->status) == !!(m->invert_flags & XT_CONNTRACK_STATUS))
		return false;
	left = ct->expires > ktime_get() ? (ct->expires - ktime_get()) / NSEC_PER_SEC : 0;
	if (m->match_flags & XT_CONNTRACK_EXPIRES &&
		(left >= m->expires_min && left <= m->expires_max) ==
			!!(m->invert_flags & XT_CONNTRACK_EXPIRES))
		return false;
	return conntrack_addrs(m, ct, info);
}

static bool match_state(const struct nft_pkt *p, const void *i)
{
	const struct xt_state_info *m = i;
	int info;
	const struct nf_conn *ct = nf_ct_get(p->skb, &info);

	if (ct && info >= 0)
		return m->statemask & XT_STATE_BIT(info);
	return m->statemask &
	       (p->skb->nf_info == NF_UNTRACKED ? XT_STATE_UNTRACKED : XT_STATE_INVALID);
}

/* ---- addresses, marks ---- */

static bool type_in(const struct nft_pkt *p, const ip_addr *a, u16 mask, int ifindex)
{
	u32 type = nf_addr_type(p, a, ifindex);

	if (p->v6 && ip_is_any(a) && mask & XT_ADDRTYPE_UNSPEC)
		return true;
	return mask >> type & 1;
}

static bool match_addrtype(const struct nft_pkt *p, const void *i)
{
	const struct xt_addrtype_info_v1 *m = i;
	int ifindex = 0;
	ip_addr src, dst;

	nf_addrs(p->skb, p->v6, &src, &dst);
	if (m->flags & XT_ADDRTYPE_LIMIT_IFACE_IN && p->s->in)
		ifindex = p->s->in->ifindex;
	else if (m->flags & XT_ADDRTYPE_LIMIT_IFACE_OUT && p->s->out)
		ifindex = p->s->out->ifindex;
	if (m->source &&
		type_in(p, &src, m->source, ifindex) == !!(m->flags & XT_ADDRTYPE_INVERT_SOURCE))
		return false;
	return !m->dest ||
	       type_in(p, &dst, m->dest, ifindex) != !!(m->flags & XT_ADDRTYPE_INVERT_DEST);
}

static bool match_comment(const struct nft_pkt *p, const void *i)
{
	return true;
}

static bool match_mark(const struct nft_pkt *p, const void *i)
{
	const struct xt_mark_mtinfo1 *m = i;

	return ((p->skb->mark & m->mask) == m->mark) != m->invert;
}

static bool match_connmark(const struct nft_pkt *p, const void *i)
{
	const struct xt_connmark_mtinfo1 *m = i;
	int info;
	const struct nf_conn *ct = nf_ct_get(p->skb, &info);

	return ct && ((ct->mark & m->mask) == m->mark) != m->invert;
}

static bool match_pkttype(const struct nft_pkt *p, const void *i)
{
	const struct xt_pkttype_info *m = i;

	return (p->skb->pkt_type == m->pkttype) != !!m->invert;
}

/* ---- ports ---- */

bool xt_read_l4(const struct nft_pkt *p, void *to, u32 n)
{
	if (!p->l4 || p->frag_off || skb_len(p->skb) < p->thoff + n)
		return false;
	skb_copy(p->skb, p->thoff, to, n);
	return true;
}

static bool port_in(u16 port, const u16 *range, bool invert)
{
	return (port >= range[0] && port <= range[1]) != invert;
}

u32 xt_tcp_option(const u8 *opt, u32 len, u8 want)
{
	for (u32 i = 20; i < len && opt[i];) {
		if (opt[i] == want)
			return i;
		if (opt[i] == 1)
			i++;
		else if (i + 1 >= len || opt[i + 1] < 2)
			break;
		else
			i += opt[i + 1];
	}
	return 0;
}

static bool has_option(const struct nft_pkt *p, u8 want, const u8 *tcp)
{
	u32 len = (tcp[12] >> 4) * 4U;
	u8 opt[60];

	return len >= 20 && xt_read_l4(p, opt, len) && xt_tcp_option(opt, len, want);
}

static bool match_tcp(const struct nft_pkt *p, const void *i)
{
	const struct xt_tcp *m = i;
	u8 h[20];

	if (p->proto != IPPROTO_TCP || !xt_read_l4(p, h, sizeof(h)))
		return false;
	if (!port_in((u16)(h[0] << 8 | h[1]), m->spts, m->invflags & XT_TCP_INV_SRCPT) ||
		!port_in((u16)(h[2] << 8 | h[3]), m->dpts, m->invflags & XT_TCP_INV_DSTPT))
		return false;
	if (((h[13] & m->flg_mask) == m->flg_cmp) == !!(m->invflags & XT_TCP_INV_FLAGS))
		return false;
	return !m->option || has_option(p, m->option, h) != !!(m->invflags & XT_TCP_INV_OPTION);
}

static bool match_udp(const struct nft_pkt *p, const void *i)
{
	const struct xt_udp *m = i;
	u8 h[8];

	return p->proto == IPPROTO_UDP && xt_read_l4(p, h, sizeof(h)) &&
	       port_in((u16)(h[0] << 8 | h[1]), m->spts, m->invflags & XT_UDP_INV_SRCPT) &&
	       port_in((u16)(h[2] << 8 | h[3]), m->dpts, m->invflags & XT_UDP_INV_DSTPT);
}

static bool match_icmp(const struct nft_pkt *p, const void *i)
{
	const struct icmp_info *m = i;
	u8 h[4];
	bool ok;

	if (!xt_read_l4(p, h, sizeof(h)))
		return false;
	ok = (!p->v6 && m->type == 0xff) ||
	     (h[0] == m->type && h[1] >= m->code[0] && h[1] <= m->code[1]);
	return ok != !!(m->invflags & 1);
}

static int check_multiport(const void *i)
{
	const struct xt_multiport_v1 *m = i;

	return m->count > XT_MULTI_PORTS || m->flags > XT_MULTIPORT_EITHER ? -EINVAL : 0;
}

static bool multiport_has(const struct xt_multiport_v1 *m, u16 port)
{
	for (u32 k = 0; k < m->count; k++) {
		u16 lo = m->ports[k], hi = lo;

		if (m->pflags[k] && k + 1 < m->count)
			hi = m->ports[++k];
		if (port >= lo && port <= hi)
			return true;
	}
	return false;
}

static bool match_multiport(const struct nft_pkt *p, const void *i)
{
	const struct xt_multiport_v1 *m = i;
	bool ok = false;
	u8 h[4];

	if (!xt_read_l4(p, h, sizeof(h)))
		return false;
	if (m->flags != XT_MULTIPORT_DESTINATION)
		ok = multiport_has(m, (u16)(h[0] << 8 | h[1]));
	if (m->flags != XT_MULTIPORT_SOURCE)
		ok |= multiport_has(m, (u16)(h[2] << 8 | h[3]));
	return ok != m->invert;
}

/*
 * Refuses a match for which an nft expression exists. iptables tries the match first, and then
 * sends the expression.
 */
static int not_here(const void *i)
{
	return -EOPNOTSUPP;
}

const struct xt_kind xt_matches[] = {
	{ "limit", 0, 0, 0, .check = not_here },
	{ "conntrack", 3, 0, sizeof(struct xt_conntrack_mtinfo3), .tracks = true,
		.match = match_conntrack },
	{ "state", 0, 0, sizeof(struct xt_state_info), .tracks = true, .match = match_state },
	{ "addrtype", 1, 0, sizeof(struct xt_addrtype_info_v1), .match = match_addrtype },
	{ "comment", 0, 0, sizeof(struct xt_comment_info), .match = match_comment },
	{ "mark", 1, 0, sizeof(struct xt_mark_mtinfo1), .match = match_mark },
	{ "connmark", 1, 0, sizeof(struct xt_connmark_mtinfo1), .tracks = true,
		.match = match_connmark },
	{ "pkttype", 0, 0, sizeof(struct xt_pkttype_info), .match = match_pkttype },
	{ "tcp", 0, 0, sizeof(struct xt_tcp), .match = match_tcp, .proto = IPPROTO_TCP },
	{ "udp", 0, 0, sizeof(struct xt_udp), .match = match_udp, .proto = IPPROTO_UDP },
	{ "icmp", 0, NFPROTO_IPV4, sizeof(struct icmp_info), .match = match_icmp,
		.proto = IPPROTO_ICMP },
	{ "icmp6", 0, NFPROTO_IPV6, sizeof(struct icmp_info), .match = match_icmp,
		.proto = IPPROTO_ICMPV6 },
	{ "multiport", 1, 0, sizeof(struct xt_multiport_v1), .check = check_multiport,
		.match = match_multiport },
	{ NULL },
};
