/* SPDX-License-Identifier: MIT */
/*
 * xt_more.c: more matches and targets of iptables: connlabel (bits of connections), SNPT and DNPT
 * (translation of IPv6 prefixes, RFC 6296).
 */
#include <linux/ipv6.h>
#include <linux/netfilter/xt_connlabel.h>
#include <linux/netfilter_ipv6/ip6t_NPT.h>

#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/netfilter/xt.h"

/* ---- connlabel ---- */

void nf_ct_set_labels(struct nf_conn *ct, const u32 *value, const u32 *mask)
{
	for (u32 k = 0; k < ARRAY_SIZE(ct->labels); k++) {
		u32 old = READ_ONCE(ct->labels[k]);

		while (!__atomic_compare_exchange_n(&ct->labels[k], &old,
			(old & ~mask[k]) ^ value[k], false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			;
	}
}

static int check_connlabel(const void *i)
{
	const struct xt_connlabel_mtinfo *m = i;

	if (m->options & ~(XT_CONNLABEL_OP_INVERT | XT_CONNLABEL_OP_SET))
		return -EINVAL;
	return m->bit >= 128 ? -ERANGE : 0;
}

static bool match_connlabel(const struct nft_pkt *p, const void *i)
{
	const struct xt_connlabel_mtinfo *m = i;
	bool invert = m->options & XT_CONNLABEL_OP_INVERT;
	u32 set[4] = { 0 };
	int info;
	struct nf_conn *ct = nf_ct_get(p->skb, &info);

	if (!ct)
		return invert;
	set[m->bit / 32] = 1U << m->bit % 32;
	if (m->options & XT_CONNLABEL_OP_SET)
		nf_ct_set_labels(ct, set, set);
	return !!(READ_ONCE(ct->labels[m->bit / 32]) & set[m->bit / 32]) != invert;
}

const struct xt_kind xt_label_matches[] = {
	{ "connlabel", 0, 0, sizeof(struct xt_connlabel_mtinfo), .tracks = true,
		.check = check_connlabel, .match = match_connlabel },
	{ NULL },
};

/* ---- SNPT, DNPT ---- */

/*
 * Returns the mask of a prefix of @len bits for the 16-bit word number @word, in host byte order.
 */
static u32 prefix_mask(u32 word, u32 len)
{
	u32 left = len > word * 16 ? len - word * 16 : 0;

	return left >= 16 ? 0xffff : 0xffff & ~(0xffffU >> left);
}

static bool is_prefix(const union nf_inet_addr *a, u32 len)
{
	const u16 *w = (const u16 *)a;

	for (u32 k = 0; k < 8; k++)
		if (ntohs(w[k]) & ~prefix_mask(k, len))
			return false;
	return true;
}

static int check_npt(const void *i)
{
	const struct ip6t_npt_tginfo *m = i;

	if (m->src_pfx_len > 64 || m->dst_pfx_len > 64 || !is_prefix(&m->src_pfx, m->src_pfx_len) ||
		!is_prefix(&m->dst_pfx, m->dst_pfx_len))
		return -EINVAL;
	return 0;
}

static u32 ones_sum(const u16 *w, u32 n)
{
	u32 sum = 0;

	for (u32 k = 0; k < n; k++)
		sum += ntohs(w[k]);
	return sum % 0xffff;
}

/*
 * Replaces the prefix, and changes one word behind it so that the checksum over the address, and so
 * every checksum in the packet, stays valid (RFC 6296, 3.1). With a prefix of more than 48 bits
 * that word is in the interface identifier, and must not be 0xffff. Returns false if there is no
 * such word.
 */
static bool map_prefix(const struct ip6t_npt_tginfo *m, u16 *addr)
{
	u32 len = max(m->src_pfx_len, m->dst_pfx_len), at = 3, n;
	const u16 *from = (const u16 *)&m->src_pfx, *to = (const u16 *)&m->dst_pfx;

	if (len > 48)
		for (at = 4; at < 8 && addr[at] == 0xffff; at++)
			;
	if (at == 8)
		return false;
	for (u32 k = 0; k < 4; k++) {
		u16 mask = htons(prefix_mask(k, len));

		addr[k] = (u16)((addr[k] & ~mask) | (to[k] & mask));
	}
	n = (ntohs(addr[at]) + ones_sum(from, 8) + 0xffff - ones_sum(to, 8)) % 0xffff;
	addr[at] = htons(n); /* never 0xffff */
	return true;
}

static int npt(struct nft_pkt *p, const void *i, u32 at)
{
	u16 addr[8];

	skb_copy(p->skb, at, addr, sizeof(addr));
	if (!map_prefix(i, addr))
		return NF_DROP;
	memcpy(nf_writable(p->skb, sizeof(struct ipv6hdr)) + at, addr, sizeof(addr));
	return NFT_CONTINUE;
}

static int target_snpt(struct nft_pkt *p, const void *i)
{
	return npt(p, i, offsetof(struct ipv6hdr, saddr));
}

static int target_dnpt(struct nft_pkt *p, const void *i)
{
	return npt(p, i, offsetof(struct ipv6hdr, daddr));
}

const struct xt_kind xt_npt_targets[] = {
	{ "SNPT", 0, NFPROTO_IPV6, sizeof(struct ip6t_npt_tginfo), .check = check_npt,
		.target = target_snpt, .table = "mangle",
		.hooks = 1U << NF_INET_LOCAL_IN | 1U << NF_INET_POST_ROUTING },
	{ "DNPT", 0, NFPROTO_IPV6, sizeof(struct ip6t_npt_tginfo), .check = check_npt,
		.target = target_dnpt, .table = "mangle",
		.hooks = 1U << NF_INET_PRE_ROUTING | 1U << NF_INET_LOCAL_OUT },
	{ NULL },
};
