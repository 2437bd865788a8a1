/* SPDX-License-Identifier: MIT */
/*
 * xt_edit.c: targets of iptables that change headers, or metadata of a packet: TTL, HL, TOS, DSCP,
 * ECN, TCPMSS, TCPOPTSTRIP, CHECKSUM, CLASSIFY.
 */
#include <linux/netfilter/xt_CHECKSUM.h>
#include <linux/netfilter/xt_CLASSIFY.h>
#include <linux/netfilter/xt_DSCP.h>
#include <linux/netfilter/xt_TCPMSS.h>
#include <linux/netfilter/xt_TCPOPTSTRIP.h>
#include <linux/netfilter_ipv4/ipt_ECN.h>
#include <linux/netfilter_ipv4/ipt_TTL.h>

#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/netfilter/xt.h"

/*
 * Replaces the 16-bit word at offset @at of the IPv4 header by @new, and updates the header's
 * checksum.
 */
static void set_word4(struct nft_pkt *p, u32 at, const u8 *new)
{
	u8 *w = nf_writable(p->skb, 20) + at;
	u32 delta = nf_csum_delta(w, new, 2);

	memcpy(w, new, 2);
	nf_fix_sum(p->skb, 10, delta, false);
}

/* ---- TTL, HL ---- */

static int check_ttl(const void *i)
{
	const struct ipt_TTL_info *m = i;

	return m->mode > IPT_TTL_MAXMODE || (m->mode != IPT_TTL_SET && !m->ttl) ? -EINVAL : 0;
}

static int target_ttl(struct nft_pkt *p, const void *i)
{
	const struct ipt_TTL_info *m = i;
	u32 at = p->v6 ? 7 : 8;
	u8 w[2];
	int ttl;

	skb_copy(p->skb, at, w, p->v6 ? 1 : 2);
	ttl = m->mode == IPT_TTL_SET ? m->ttl :
	      m->mode == IPT_TTL_INC ? w[0] + m->ttl :
				       w[0] - m->ttl;
	ttl = min(max(ttl, 0), 255);
	if (ttl == w[0])
		return NFT_CONTINUE;
	w[0] = (u8)ttl;
	if (p->v6)
		nf_writable(p->skb, 40)[at] = w[0];
	else
		set_word4(p, at, w);
	return NFT_CONTINUE;
}

/* ---- TOS, DSCP ---- */

static void set_tos(struct nft_pkt *p, u8 tos)
{
	u8 *w, b[2];

	if (tos == xt_tos(p))
		return;
	if (p->v6) {
		w = nf_writable(p->skb, 40);
		w[0] = (u8)((w[0] & 0xf0) | tos >> 4);
		w[1] = (u8)((w[1] & 0x0f) | tos << 4);
		return;
	}
	skb_copy(p->skb, 0, b, 2);
	b[1] = tos;
	set_word4(p, 0, b);
}

static int target_tos(struct nft_pkt *p, const void *i)
{
	const struct xt_tos_target_info *m = i;

	set_tos(p, (u8)((xt_tos(p) & ~m->tos_mask) ^ m->tos_value));
	return NFT_CONTINUE;
}

static int check_dscp(const void *i)
{
	return ((const struct xt_DSCP_info *)i)->dscp > XT_DSCP_MAX ? -EDOM : 0;
}

static int target_dscp(struct nft_pkt *p, const void *i)
{
	const struct xt_DSCP_info *m = i;

	set_tos(p, (u8)((xt_tos(p) & ~XT_DSCP_MASK) | m->dscp << XT_DSCP_SHIFT));
	return NFT_CONTINUE;
}

/* ---- ECN ---- */

#define ECN_TCP (IPT_ECN_OP_SET_ECE | IPT_ECN_OP_SET_CWR)

static int check_ecn(const void *i)
{
	const struct ipt_ECN_info *m = i;

	return m->operation & IPT_ECN_OP_MASK || m->ip_ect & ~3 ? -EINVAL : 0;
}

static u8 ecn_needs(const void *i)
{
	return ((const struct ipt_ECN_info *)i)->operation & ECN_TCP ? IPPROTO_TCP : 0;
}

static int target_ecn(struct nft_pkt *p, const void *i)
{
	const struct ipt_ECN_info *m = i;
	u8 h[20], flags;

	if (m->operation & IPT_ECN_OP_SET_IP)
		set_tos(p, (u8)((xt_tos(p) & ~3) | m->ip_ect));
	if (!(m->operation & ECN_TCP) || p->proto != IPPROTO_TCP || !xt_read_l4(p, h, sizeof(h)))
		return NFT_CONTINUE;
	flags = h[13];
	if (m->operation & IPT_ECN_OP_SET_ECE)
		flags = (u8)((flags & ~0x40) | m->proto.tcp.ece << 6);
	if (m->operation & IPT_ECN_OP_SET_CWR)
		flags = (u8)((flags & ~0x80) | m->proto.tcp.cwr << 7);
	if (flags == h[13])
		return NFT_CONTINUE;
	h[13] = flags;
	nf_set_bytes(p, p->thoff + 12, h + 12, 2, p->thoff + 16);
	return NFT_CONTINUE;
}

/* ---- TCPOPTSTRIP ---- */

/* Strips TCP options by overwriting them with no-ops. */
static int target_tcpoptstrip(struct nft_pkt *p, const void *i)
{
	const struct xt_tcpoptstrip_target_info *m = i;
	u8 h[60], old[40];
	u32 len, n;

	if (p->proto != IPPROTO_TCP || !xt_read_l4(p, h, 20))
		return NFT_CONTINUE;
	len = (h[12] >> 4) * 4U;
	if (len <= 20 || !xt_read_l4(p, h, len))
		return NFT_CONTINUE;
	memcpy(old, h + 20, len - 20);
	for (u32 at = 20; at + 1 < len; at += n) {
		n = h[at] <= 1 || !h[at + 1] ? 1 : h[at + 1];
		if (at + n > len)
			break;
		if (tcpoptstrip_test_bit(m->strip_bmap, h[at]))
			memset(h + at, 1, n);
	}
	if (memcmp(old, h + 20, len - 20))
		nf_set_bytes(p, p->thoff + 20, h + 20, len - 20, p->thoff + 16);
	return NFT_CONTINUE;
}

/* ---- CHECKSUM ---- */

static int check_checksum(const void *i)
{
	return ((const struct xt_CHECKSUM_info *)i)->operation == XT_CHECKSUM_OP_FILL ? 0 : -EINVAL;
}

/*
 * Fills in the checksums that the device would have filled in. A GSO packet gets them when it is
 * cut.
 */
static int target_checksum(struct nft_pkt *p, const void *i)
{
	struct sk_buff *skb = p->skb;

	if (skb->gso || p->frag_off || (skb->foreign && !skb->csum_owed))
		return NFT_CONTINUE;
	nf_fill_checksum(skb);
	skb->csum_owed = false;
	return NFT_CONTINUE;
}

/* ---- TCPMSS ---- */

/*
 * Returns the MSS in bytes that the routes to both ends allow; 0: the smaller MTU leaves no room
 * for data.
 */
u32 nf_path_mss(const struct nft_pkt *p)
{
	u32 headers = p->v6 ? 60 : 40, mtu = 1U << 20;
	ip_addr ends[2];

	nf_addrs(p->skb, p->v6, &ends[0], &ends[1]);
	for (u32 i = 0; i < 2; i++) {
		struct flow f = { .daddr = ends[i] };

		if (!route_output(p->net, &f))
			mtu = min(mtu, f.mtu);
		nf_route_costs(p, f.steps);
	}
	return mtu > headers ? mtu - headers : 0;
}

/*
 * Lowers the MSS option of a TCP header to @mss if it is larger. A SYN without the option is not
 * changed.
 */
void nf_lower_mss(struct nft_pkt *p, u32 mss)
{
	u8 h[60], new[2] = { (u8)(mss >> 8), (u8)mss };
	u32 len, at, end;

	if (p->proto != IPPROTO_TCP || !xt_read_l4(p, h, 20))
		return;
	len = (h[12] >> 4) * 4U;
	end = p->thoff + len;
	if (len < 20 || end > SKB_ROOM - 32 || !xt_read_l4(p, h, len))
		return;
	at = xt_tcp_option(h, len, 2);
	if (!at || at + 4 > len || h[at + 1] != 4 || (u32)(h[at + 2] << 8 | h[at + 3]) <= mss)
		return;
	nf_set_bytes(p, p->thoff + at + 2, new, 2, p->thoff + 16);
}

static int target_tcpmss(struct nft_pkt *p, const void *i)
{
	u32 mss = ((const struct xt_tcpmss_info *)i)->mss;

	if (mss == XT_TCPMSS_CLAMP_PMTU) {
		mss = nf_path_mss(p);
		if (!mss)
			return NF_DROP;
	}
	nf_lower_mss(p, mss);
	return NFT_CONTINUE;
}

/* ---- CLASSIFY ---- */

static int target_classify(struct nft_pkt *p, const void *i)
{
	p->skb->priority = ((const struct xt_classify_target_info *)i)->priority;
	return NFT_CONTINUE;
}

#define OUTWARDS (1U << NF_INET_LOCAL_OUT | 1U << NF_INET_FORWARD | 1U << NF_INET_POST_ROUTING)

const struct xt_kind xt_edit_targets[] = {
	{ "TTL", 0, NFPROTO_IPV4, sizeof(struct ipt_TTL_info), .check = check_ttl,
		.target = target_ttl, .table = "mangle" },
	{ "HL", 0, NFPROTO_IPV6, sizeof(struct ipt_TTL_info), .check = check_ttl,
		.target = target_ttl, .table = "mangle" },
	{ "TOS", 1, 0, sizeof(struct xt_tos_target_info), .target = target_tos, .table = "mangle" },
	{ "DSCP", 0, 0, sizeof(struct xt_DSCP_info), .check = check_dscp, .target = target_dscp,
		.table = "mangle" },
	{ "ECN", 0, NFPROTO_IPV4, sizeof(struct ipt_ECN_info), .check = check_ecn,
		.target = target_ecn, .table = "mangle", .needs = ecn_needs },
	{ "TCPOPTSTRIP", 0, 0, sizeof(struct xt_tcpoptstrip_target_info),
		.target = target_tcpoptstrip, .table = "mangle", .proto = IPPROTO_TCP },
	{ "CHECKSUM", 0, 0, sizeof(struct xt_CHECKSUM_info), .check = check_checksum,
		.target = target_checksum, .table = "mangle" },
	{ "TCPMSS", 0, 0, sizeof(struct xt_tcpmss_info), .target = target_tcpmss,
		.proto = IPPROTO_TCP },
	{ "CLASSIFY", 0, 0, sizeof(struct xt_classify_target_info), .target = target_classify,
		.hooks = OUTWARDS },
	{ NULL },
};
