/* SPDX-License-Identifier: MIT */
/*
 * xt_head.c: matches of iptables that read headers: ttl, hl, tos, dscp, length, mac, iprange,
 * tcpmss, esp, ah, and for IPv6 rt, frag, ipv6header; and matches on a packet's context: owner,
 * cgroup, rpfilter, time, cpu, connbytes, helper (no connection has a helper).
 */
#include <linux/netfilter/xt_connbytes.h>
#include <linux/netfilter/xt_cpu.h>
#include <linux/netfilter/xt_dscp.h>
#include <linux/netfilter/xt_esp.h>
#include <linux/netfilter/xt_helper.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_length.h>
#include <linux/netfilter/xt_mac.h>
#include <linux/netfilter/xt_owner.h>
#include <linux/netfilter/xt_cgroup.h>
#include <linux/netfilter/xt_rpfilter.h>
#include <linux/netfilter/xt_tcpmss.h>
#include <linux/netfilter/xt_time.h>
#include <linux/netfilter_ipv4/ipt_ah.h>
#include <linux/netfilter_ipv4/ipt_ttl.h>
#include <linux/netfilter_ipv6/ip6t_frag.h>
#include <linux/netfilter_ipv6/ip6t_ipv6header.h>
#include <linux/netfilter_ipv6/ip6t_rt.h>

#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/netfilter/xt.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"

#define EXT_MAX 16
enum {
	EXT_HOP = 0,
	EXT_ROUTING = 43,
	EXT_FRAGMENT = 44,
	EXT_ESP = 50,
	EXT_AH = 51,
	EXT_NONE = 59,
	EXT_DST = 60
};

/* ---- network header ---- */

static bool match_ttl(const struct nft_pkt *p, const void *i)
{
	const struct ipt_ttl_info *m = i; /* struct ip6t_hl_info has its layout */
	u8 ttl;

	skb_copy(p->skb, p->v6 ? 7 : 8, &ttl, 1);
	switch (m->mode) {
	case IPT_TTL_EQ: return ttl == m->ttl;
	case IPT_TTL_NE: return ttl != m->ttl;
	case IPT_TTL_LT: return ttl < m->ttl;
	case IPT_TTL_GT: return ttl > m->ttl;
	default: return false;
	}
}

u8 xt_tos(const struct nft_pkt *p)
{
	u8 b[2];

	skb_copy(p->skb, 0, b, 2);
	return p->v6 ? (u8)(b[0] << 4 | b[1] >> 4) : b[1];
}

static bool match_tos(const struct nft_pkt *p, const void *i)
{
	const struct xt_tos_match_info *m = i;

	return ((xt_tos(p) & m->tos_mask) == m->tos_value) != !!m->invert;
}

static int check_dscp(const void *i)
{
	return ((const struct xt_dscp_info *)i)->dscp > XT_DSCP_MAX ? -EDOM : 0;
}

static bool match_dscp(const struct nft_pkt *p, const void *i)
{
	const struct xt_dscp_info *m = i;

	return (xt_tos(p) >> XT_DSCP_SHIFT == m->dscp) != !!m->invert;
}

static bool match_length(const struct nft_pkt *p, const void *i)
{
	const struct xt_length_info *m = i;
	u32 n = skb_len(p->skb);

	return (n >= m->min && n <= m->max) != m->invert;
}

static bool match_mac(const struct nft_pkt *p, const void *i)
{
	const struct xt_mac_info *m = i;
	u8 mac_len = p->skb->mac_len;

	if (mac_len < ETH_HLEN || skb_headlen(p->skb))
		return false;
	return !memcmp(skb_payload(p->skb) - mac_len + ETH_ALEN, m->srcaddr, ETH_ALEN) !=
	       !!m->invert;
}

static bool addr_between(
	const ip_addr *a, const union nf_inet_addr *min, const union nf_inet_addr *max)
{
	if (ip_is_v4(a))
		return ntohl(a->w[3]) >= ntohl(min->ip) && ntohl(a->w[3]) <= ntohl(max->ip);
	return memcmp(a, min, 16) >= 0 && memcmp(a, max, 16) <= 0;
}

static bool match_iprange(const struct nft_pkt *p, const void *i)
{
	const struct xt_iprange_mtinfo *m = i;
	ip_addr src, dst;

	nf_addrs(p->skb, p->v6, &src, &dst);
	if (m->flags & IPRANGE_SRC &&
		addr_between(&src, &m->src_min, &m->src_max) == !!(m->flags & IPRANGE_SRC_INV))
		return false;
	return !(m->flags & IPRANGE_DST) ||
	       addr_between(&dst, &m->dst_min, &m->dst_max) != !!(m->flags & IPRANGE_DST_INV);
}

/* ---- transport header ---- */

static bool match_tcpmss(const struct nft_pkt *p, const void *i)
{
	const struct xt_tcpmss_match_info *m = i;
	u8 h[60];
	u32 len, at;

	if (p->proto != IPPROTO_TCP || !xt_read_l4(p, h, 20))
		return false;
	len = (h[12] >> 4) * 4U;
	if (len < 20 || !xt_read_l4(p, h, len))
		return false;
	at = xt_tcp_option(h, len, 2);
	if (!at || at + 4 > len || h[at + 1] != 4)
		return m->invert;
	len = (u32)h[at + 2] << 8 | h[at + 3];
	return (len >= m->mss_min && len <= m->mss_max) != !!m->invert;
}

static bool spi_in(u32 be, const u32 *range, bool invert)
{
	return (ntohl(be) >= range[0] && ntohl(be) <= range[1]) != invert;
}

static bool match_esp(const struct nft_pkt *p, const void *i)
{
	const struct xt_esp *m = i;
	u32 spi;

	return p->proto == EXT_ESP && xt_read_l4(p, &spi, 4) &&
	       spi_in(spi, m->spis, m->invflags & XT_ESP_INV_SPI);
}

static bool match_ah(const struct nft_pkt *p, const void *i)
{
	const struct ipt_ah *m = i;
	u32 h[2];

	return p->proto == EXT_AH && xt_read_l4(p, h, sizeof(h)) &&
	       spi_in(h[1], m->spis, m->invflags & IPT_AH_INV_SPI);
}

/* ---- IPv6's extension headers ---- */

/* An extension header. */
struct ext {
	u8 type;      /* type of this header */
	u32 off, len; /* bytes; len 0: no length field */
};

static bool ext_first(const struct nft_pkt *p, struct ext *e)
{
	*e = (struct ext){ .off = 40 };
	if (!p->v6 || skb_len(p->skb) < 40)
		return false;
	skb_copy(p->skb, 6, &e->type, 1);
	return true;
}

/*
 * Sets e->len from the extension header at @e. Returns false if the header has no length or is
 * truncated.
 */
static bool ext_measure(const struct nft_pkt *p, struct ext *e)
{
	u8 h[2];

	e->len = 0;
	if (e->type != EXT_HOP && e->type != EXT_ROUTING && e->type != EXT_FRAGMENT &&
		e->type != EXT_AH && e->type != EXT_DST)
		return false;
	if (skb_len(p->skb) < e->off + 8)
		return false;
	skb_copy(p->skb, e->off, h, 2);
	e->len = e->type == EXT_FRAGMENT ? 8 :
		 e->type == EXT_AH       ? (h[1] + 2U) * 4 :
					   (h[1] + 1U) * 8;
	return skb_len(p->skb) >= e->off + e->len;
}

static void ext_next(const struct nft_pkt *p, struct ext *e)
{
	skb_copy(p->skb, e->off, &e->type, 1);
	e->off += e->len;
}

/* Finds the first extension header of @type. Returns false if it is missing or truncated. */
static bool ext_find(const struct nft_pkt *p, u8 type, struct ext *e)
{
	if (!ext_first(p, e))
		return false;
	for (int n = 0; n < EXT_MAX && ext_measure(p, e); n++) {
		if (e->type == type)
			return true;
		ext_next(p, e);
	}
	return false;
}

bool nf_find_ext(const struct nft_pkt *p, u8 type, u32 *off, u32 *len)
{
	struct ext e;
	bool there = ext_find(p, type, &e);

	*off = e.off;
	*len = e.len;
	return there;
}

static int check_rt(const void *i)
{
	const struct ip6t_rt *m = i;

	if (m->invflags & ~IP6T_RT_INV_MASK || m->addrnr > IP6T_RT_HOPS)
		return -EINVAL;
	if (m->flags & (IP6T_RT_RES | IP6T_RT_FST_MASK) &&
		(!(m->flags & IP6T_RT_TYP) || m->rt_type || m->invflags & IP6T_RT_INV_TYP))
		return -EINVAL;
	return 0;
}

/*
 * True if a routing header of type 0 has the rule's addresses in the rule's order: exactly these,
 * or with IP6T_RT_FST_NSTRICT these among others.
 */
static bool rt_hops(const struct nft_pkt *p, const struct ip6t_rt *m, const struct ext *e)
{
	u32 n = (e->len - 8) / 16, found = 0;
	u8 a[16];

	for (u32 i = 0; i < n && found < m->addrnr; i++) {
		skb_copy(p->skb, e->off + 8 + i * 16, a, 16);
		if (!memcmp(a, &m->addrs[found], 16))
			found++;
		else if (!(m->flags & IP6T_RT_FST_NSTRICT))
			return false;
	}
	return found == m->addrnr && (m->flags & IP6T_RT_FST_NSTRICT || found == n);
}

static bool match_rt(const struct nft_pkt *p, const void *i)
{
	const struct ip6t_rt *m = i;
	struct ext e;
	u8 h[8];
	u32 reserved;

	if (!ext_find(p, EXT_ROUTING, &e))
		return false;
	skb_copy(p->skb, e.off, h, 8);
	memcpy(&reserved, h + 4, 4);
	if (m->flags & IP6T_RT_TYP && (h[2] == m->rt_type) == !!(m->invflags & IP6T_RT_INV_TYP))
		return false;
	if (m->flags & IP6T_RT_SGS && (h[3] >= m->segsleft[0] && h[3] <= m->segsleft[1]) ==
					      !!(m->invflags & IP6T_RT_INV_SGS))
		return false;
	if (m->flags & IP6T_RT_LEN && (e.len == m->hdrlen) == !!(m->invflags & IP6T_RT_INV_LEN))
		return false;
	if (m->flags & IP6T_RT_RES && reserved)
		return false;
	return !(m->flags & IP6T_RT_FST_MASK) || rt_hops(p, m, &e);
}

static int check_frag(const void *i)
{
	return ((const struct ip6t_frag *)i)->invflags & ~IP6T_FRAG_INV_MASK ? -EINVAL : 0;
}

static bool match_frag(const struct nft_pkt *p, const void *i)
{
	const struct ip6t_frag *m = i;
	struct ext e;
	u8 h[8];
	u32 id;
	u16 off;

	if (!ext_find(p, EXT_FRAGMENT, &e))
		return false;
	skb_copy(p->skb, e.off, h, 8);
	memcpy(&id, h + 4, 4);
	off = (u16)(h[2] << 8 | h[3]);
	if (m->flags & IP6T_FRAG_IDS && !spi_in(id, m->ids, m->invflags & IP6T_FRAG_INV_IDS))
		return false;
	if (m->flags & IP6T_FRAG_RES && (h[1] || off & 6))
		return false;
	if (m->flags & IP6T_FRAG_FST && off & 0xfff8)
		return false;
	if (m->flags & IP6T_FRAG_MF && !(off & 1))
		return false;
	return !(m->flags & IP6T_FRAG_NMF && off & 1);
}

static u8 ext_bit(u8 type)
{
	switch (type) {
	case EXT_HOP: return MASK_HOPOPTS;
	case EXT_DST: return MASK_DSTOPTS;
	case EXT_ROUTING: return MASK_ROUTING;
	case EXT_FRAGMENT: return MASK_FRAGMENT;
	case EXT_AH: return MASK_AH;
	case EXT_ESP: return MASK_ESP;
	case EXT_NONE: return MASK_NONE;
	default: return MASK_PROTO;
	}
}

static int check_ipv6header(const void *i)
{
	const struct ip6t_ipv6header_info *m = i;

	return !m->modeflag && m->invflags && m->invflags != 0xff ? -EINVAL : 0;
}

static bool match_ipv6header(const struct nft_pkt *p, const void *i)
{
	const struct ip6t_ipv6header_info *m = i;
	struct ext e;
	u8 seen = 0;

	if (!ext_first(p, &e))
		return false;
	for (int n = 0; n < EXT_MAX; n++) {
		seen |= ext_bit(e.type);
		if (!ext_measure(p, &e))
			break;
		ext_next(p, &e);
	}
	if (m->modeflag) /* soft mode: other headers are allowed */
		return ((seen ^ m->invflags) & m->matchflags) == m->matchflags;
	return (seen == m->matchflags) != !!m->invflags;
}

/* ---- context of the packet ---- */

static int check_owner(const void *i)
{
	const struct xt_owner_match_info *m = i;

	if (m->match & ~XT_OWNER_MASK || m->invert & ~XT_OWNER_MASK)
		return -EINVAL;
	return m->match & XT_OWNER_SUPPL_GROUPS ? -EOPNOTSUPP : 0;
}

static bool match_owner(const struct nft_pkt *p, const void *i)
{
	const struct xt_owner_match_info *m = i;
	const struct sk_buff *skb = p->skb;

	u32 uid, gid;

	if (!skb->owned) /* no socket: sent by the kernel itself */
		return !(m->match ^ m->invert);
	uid = from_kuid_munged(p->net->ns.owner, skb->uid);
	gid = from_kgid_munged(p->net->ns.owner, skb->gid);
	if (m->match & m->invert & XT_OWNER_SOCKET)
		return false;
	if (m->match & XT_OWNER_UID &&
		(uid >= m->uid_min && uid <= m->uid_max) == !!(m->invert & XT_OWNER_UID))
		return false;
	return !(m->match & XT_OWNER_GID) ||
	       (gid >= m->gid_min && gid <= m->gid_max) != !!(m->invert & XT_OWNER_GID);
}

static int check_cgroup0(const void *i)
{
	return ((const struct xt_cgroup_info_v0 *)i)->invert & ~1U ? -EINVAL : 0;
}

static bool match_cgroup0(const struct nft_pkt *p, const void *i)
{
	const struct xt_cgroup_info_v0 *m = i;

	return p->skb->owned && (m->id == p->skb->classid) != m->invert;
}

/* Accepts rules that name a class id only; a path of a version 2 cgroup is not supported. */
static int check_cgroup2(const void *i)
{
	const struct xt_cgroup_info_v2 *m = i;

	if ((m->invert_path | m->invert_classid) & ~1U || !m->has_path == !m->has_classid)
		return -EINVAL;
	return m->has_path ? -EOPNOTSUPP : 0;
}

static bool match_cgroup2(const struct nft_pkt *p, const void *i)
{
	const struct xt_cgroup_info_v2 *m = i;

	return p->skb->owned && (m->classid == p->skb->classid) != m->invert_classid;
}

static int check_rpfilter(const void *i)
{
	return ((const struct xt_rpfilter_info *)i)->flags & ~15 ? -EINVAL : 0;
}

/* True if the route to the packet's source leads through the device by which it came. */
static bool match_rpfilter(const struct nft_pkt *p, const void *i)
{
	const struct xt_rpfilter_info *m = i;
	bool invert = m->flags & XT_RPFILTER_INVERT, good;
	struct flow f = { .mark = m->flags & XT_RPFILTER_VALID_MARK ? p->skb->mark : 0 };
	ip_addr dst;

	if (!p->s->in || p->s->in->flags & IFF_LOOPBACK)
		return !invert;
	nf_addrs(p->skb, p->v6, &f.daddr, &dst);
	if (!p->v6 && ip_is_any(&f.daddr)) /* the sender has no address yet */
		return !invert;
	good = !ip_is_multicast(&f.daddr) && !route_output(p->net, &f) && !f.broadcast &&
	       (!f.local || m->flags & XT_RPFILTER_ACCEPT_LOCAL) &&
	       (f.local || m->flags & XT_RPFILTER_LOOSE || f.dev->ifindex == p->s->in->ifindex);
	nf_route_costs(p, f.steps);
	return good != invert;
}

static int check_time(const void *i)
{
	const struct xt_time_info *m = i;

	if (m->daytime_start > XT_TIME_MAX_DAYTIME || m->daytime_stop > XT_TIME_MAX_DAYTIME)
		return -EDOM;
	if (m->flags & ~XT_TIME_ALL_FLAGS)
		return -EINVAL;
	return m->flags & XT_TIME_CONTIGUOUS && m->daytime_start < m->daytime_stop ? -EINVAL : 0;
}

/* Returns the day of the month (from 1) of @days since 1970. */
static u32 month_day(u32 days)
{
	static const u8 lens[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	u32 y = 1970;

	for (;; y++) {
		bool leap = (!(y % 4) && y % 100) || !(y % 400);
		u32 n = leap ? 366 : 365;

		if (days >= n) {
			days -= n;
			continue;
		}
		for (u32 m = 0; m < 12; m++) {
			n = lens[m] + (leap && m == 1);
			if (days < n)
				return days + 1;
			days -= n;
		}
	}
}

static bool match_time(const struct nft_pkt *p, const void *i)
{
	const struct xt_time_info *m = i;
	u64 now = ktime_get_real() / NSEC_PER_SEC;
	u32 in_day = (u32)(now % 86400), day = (u32)min(now / 86400, 100000UL), week;

	if (now < m->date_start || now > m->date_stop)
		return false;
	if (m->daytime_start < m->daytime_stop) {
		if (in_day < m->daytime_start || in_day > m->daytime_stop)
			return false;
	} else {
		if (in_day < m->daytime_start && in_day > m->daytime_stop)
			return false;
		if (m->flags & XT_TIME_CONTIGUOUS && in_day < m->daytime_stop && day)
			day--; /* the time span began on the day before */
	}
	week = (day + 3) % 7 + 1; /* Monday is 1 */
	return m->weekdays_match >> week & 1 && m->monthdays_match >> month_day(day) & 1;
}

static bool match_cpu(const struct nft_pkt *p, const void *i)
{
	const struct xt_cpu_info *m = i;

	return (m->cpu == (u32)smp_processor_id()) != !!m->invert;
}

static int check_connbytes(const void *i)
{
	const struct xt_connbytes_info *m = i;

	return m->what > XT_CONNBYTES_AVGPKT || m->direction > XT_CONNBYTES_DIR_BOTH ? -EINVAL : 0;
}

static bool match_connbytes(const struct nft_pkt *p, const void *i)
{
	const struct xt_connbytes_info *m = i;
	u64 packets = 0, bytes = 0, n;
	int info;
	const struct nf_conn *ct = nf_ct_get(p->skb, &info);

	if (!ct)
		return false;
	for (u32 d = 0; d < 2; d++) {
		if (m->direction != XT_CONNBYTES_DIR_BOTH && m->direction != d)
			continue;
		packets += ct->dir[d].packets;
		bytes += ct->dir[d].bytes;
	}
	n = m->what == XT_CONNBYTES_PKTS  ? packets :
	    m->what == XT_CONNBYTES_BYTES ? bytes :
	    packets                       ? bytes / packets :
					    0;
	if (m->count.to >= m->count.from)
		return n >= m->count.from && n <= m->count.to;
	return n < m->count.to || n > m->count.from; /* a reversed range matches what is outside */
}

static bool match_helper(const struct nft_pkt *p, const void *i)
{
	int info;

	return nf_ct_get(p->skb, &info) && ((const struct xt_helper_info *)i)->invert;
}

#define IN (1U << NF_INET_PRE_ROUTING | 1U << NF_INET_LOCAL_IN | 1U << NF_INET_FORWARD)
#define OUT (1U << NF_INET_LOCAL_OUT | 1U << NF_INET_POST_ROUTING)

const struct xt_kind xt_head_matches[] = {
	{ "ttl", 0, NFPROTO_IPV4, sizeof(struct ipt_ttl_info), .match = match_ttl },
	{ "hl", 0, NFPROTO_IPV6, sizeof(struct ipt_ttl_info), .match = match_ttl },
	{ "tos", 1, 0, sizeof(struct xt_tos_match_info), .match = match_tos },
	{ "dscp", 0, 0, sizeof(struct xt_dscp_info), .check = check_dscp, .match = match_dscp },
	{ "length", 0, 0, sizeof(struct xt_length_info), .match = match_length },
	{ "mac", 0, 0, sizeof(struct xt_mac_info), .match = match_mac, .hooks = IN },
	{ "iprange", 1, 0, sizeof(struct xt_iprange_mtinfo), .match = match_iprange },
	{ "tcpmss", 0, 0, sizeof(struct xt_tcpmss_match_info), .match = match_tcpmss,
		.proto = IPPROTO_TCP },
	{ "esp", 0, 0, sizeof(struct xt_esp), .match = match_esp, .proto = EXT_ESP },
	{ "ah", 0, NFPROTO_IPV4, sizeof(struct ipt_ah), .match = match_ah, .proto = EXT_AH },
	{ "rt", 0, NFPROTO_IPV6, sizeof(struct ip6t_rt), .check = check_rt, .match = match_rt },
	{ "frag", 0, NFPROTO_IPV6, sizeof(struct ip6t_frag), .check = check_frag,
		.match = match_frag },
	{ "ipv6header", 0, NFPROTO_IPV6, sizeof(struct ip6t_ipv6header_info),
		.check = check_ipv6header, .match = match_ipv6header },
	{ "owner", 1, 0, sizeof(struct xt_owner_match_info), .check = check_owner,
		.match = match_owner, .hooks = OUT },
	{ "cgroup", 0, 0, sizeof(struct xt_cgroup_info_v0), .check = check_cgroup0,
		.match = match_cgroup0, .hooks = OUT | 1U << NF_INET_LOCAL_IN },
	{ "cgroup", 2, 0, sizeof(struct xt_cgroup_info_v2), .check = check_cgroup2,
		.match = match_cgroup2, .hooks = OUT | 1U << NF_INET_LOCAL_IN },
	{ "rpfilter", 0, 0, sizeof(struct xt_rpfilter_info), .check = check_rpfilter,
		.match = match_rpfilter, .hooks = 1U << NF_INET_PRE_ROUTING },
	{ "time", 0, 0, sizeof(struct xt_time_info), .check = check_time, .match = match_time },
	{ "cpu", 0, 0, sizeof(struct xt_cpu_info), .match = match_cpu },
	{ "connbytes", 0, 0, sizeof(struct xt_connbytes_info), .tracks = true,
		.check = check_connbytes, .match = match_connbytes },
	{ "helper", 0, 0, sizeof(struct xt_helper_info), .tracks = true, .match = match_helper },
	{ NULL },
};
