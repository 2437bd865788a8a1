/* SPDX-License-Identifier: MIT */
/*
 * xt_proto.c: matches of iptables on protocol headers: ecn, sctp, dccp, ipcomp, and for IPv6 ah,
 * hbh, dst, mh, eui64; bpf, which runs a program; and matches on a packet's history: policy (there
 * is no IPsec, so no packet was decrypted), and physdev (bridged frames do not pass the IP hooks,
 * as on Linux with bridge-nf-call-iptables=0, so no packet has a bridge port).
 */
#include <linux/netfilter/xt_bpf.h>
#include <linux/netfilter/xt_dccp.h>
#include <linux/netfilter/xt_ecn.h>
#include <linux/netfilter/xt_ipcomp.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter_ipv6/ip6t_ah.h>
#include <linux/netfilter_ipv6/ip6t_mh.h>
#include <linux/netfilter_ipv6/ip6t_opts.h>

#include "kernel/net/packet/filter.h"
#include "kernel/net/netfilter/conntrack.h"
#include "kernel/net/netfilter/xt.h"

#define EXT_HOP 0
#define EXT_AH 51
#define EXT_NONE 59
#define EXT_DST 60
#define EXT_MH 135
#define PROTO_COMP 108

static bool port_in(const u8 *be, const u16 *range)
{
	u16 port = (u16)(be[0] << 8 | be[1]);

	return port >= range[0] && port <= range[1];
}

/*
 * True if the rule does not make the test @flag (a bit of @asked), or if the test succeeds: @is, or
 * with @flag in @inverted its negation.
 */
static bool as_asked(bool is, u32 asked, u32 inverted, u32 flag)
{
	return !(asked & flag) || is != !!(inverted & flag);
}

/* ---- ecn ---- */

#define ECN_TCP (XT_ECN_OP_MATCH_ECE | XT_ECN_OP_MATCH_CWR)

static int check_ecn(const void *i)
{
	const struct xt_ecn_info *m = i;

	return m->operation & XT_ECN_OP_MATCH_MASK || m->invert & XT_ECN_OP_MATCH_MASK ? -EINVAL :
											 0;
}

static u8 ecn_needs(const void *i)
{
	return ((const struct xt_ecn_info *)i)->operation & ECN_TCP ? IPPROTO_TCP : 0;
}

static bool match_ecn(const struct nft_pkt *p, const void *i)
{
	const struct xt_ecn_info *m = i;
	u8 h[20];

	if (!as_asked((xt_tos(p) & 3) == m->ip_ect, m->operation, m->invert, XT_ECN_OP_MATCH_IP))
		return false;
	if (!(m->operation & ECN_TCP))
		return true;
	return p->proto == IPPROTO_TCP && xt_read_l4(p, h, sizeof(h)) &&
	       as_asked(h[13] & 0x40, m->operation, m->invert, XT_ECN_OP_MATCH_ECE) &&
	       as_asked(h[13] & 0x80, m->operation, m->invert, XT_ECN_OP_MATCH_CWR);
}

/*
 * Reads the transport header, which only a first fragment has. If it is truncated, marks the packet
 * to be dropped and returns false.
 */
static bool whole_header(const struct nft_pkt *p, void *to, u32 n)
{
	if (p->frag_off)
		return false;
	if (xt_read_l4(p, to, n))
		return true;
	p->s->drop = true;
	return false;
}

/* ---- sctp ---- */

#define CHUNKS (SCTP_CHUNK_MATCH_ANY | SCTP_CHUNK_MATCH_ALL | SCTP_CHUNK_MATCH_ONLY)

static int check_sctp(const void *i)
{
	const struct xt_sctp_info *m = i;

	if ((m->flags | m->invflags) & ~(u32)XT_SCTP_VALID_FLAGS || m->invflags & ~m->flags ||
		m->flag_count < 0 || m->flag_count > XT_NUM_SCTP_FLAGS)
		return -EINVAL;
	return m->flags & XT_SCTP_CHUNK_TYPES && !(m->chunk_match_type & CHUNKS) ? -EINVAL : 0;
}

/* True if the chunk's flags match those that the rule gives for its type. */
static bool chunk_flags(const struct xt_sctp_info *m, const u8 *chunk)
{
	for (int k = 0; k < m->flag_count; k++)
		if (m->flag_info[k].chunktype == chunk[0])
			return (chunk[1] & m->flag_info[k].flag_mask) == m->flag_info[k].flag;
	return true;
}

/* True if the packet has any, all or only chunks of the rule's types, by m->chunk_match_type. */
static bool chunks_match(const struct nft_pkt *p, const struct xt_sctp_info *m)
{
	u32 left[ARRAY_SIZE(m->chunkmap)], len;
	u8 c[4];

	memcpy(left, m->chunkmap, sizeof(left));
	for (u64 at = p->thoff + 12; at < skb_len(p->skb); at += (len + 3U) & ~3U) {
		bool asked, good;

		if (at + 4 > skb_len(p->skb))
			goto broken;
		skb_copy(p->skb, (u32)at, c, 4);
		len = (u32)c[2] << 8 | c[3];
		if (!len)
			goto broken;
		p->s->work++;
		asked = m->chunkmap[c[0] / 32] >> c[0] % 32 & 1;
		good = asked && chunk_flags(m, c);
		if (m->chunk_match_type == SCTP_CHUNK_MATCH_ANY && good)
			return true;
		if (m->chunk_match_type == SCTP_CHUNK_MATCH_ALL && good)
			left[c[0] / 32] &= ~(1U << c[0] % 32);
		if (m->chunk_match_type == SCTP_CHUNK_MATCH_ONLY && !good)
			return false;
	}
	for (u32 k = 0; k < ARRAY_SIZE(left) && m->chunk_match_type == SCTP_CHUNK_MATCH_ALL; k++)
		if (left[k])
			return false;
	return m->chunk_match_type != SCTP_CHUNK_MATCH_ANY;
broken:
	p->s->drop = true;
	return false;
}

static bool match_sctp(const struct nft_pkt *p, const void *i)
{
	const struct xt_sctp_info *m = i;
	u8 h[12];

	if (!whole_header(p, h, sizeof(h)))
		return false;
	if (!as_asked(port_in(h, m->spts), m->flags, m->invflags, XT_SCTP_SRC_PORTS) ||
		!as_asked(port_in(h + 2, m->dpts), m->flags, m->invflags, XT_SCTP_DEST_PORTS))
		return false;
	return !(m->flags & XT_SCTP_CHUNK_TYPES) ||
	       chunks_match(p, m) != !!(m->invflags & XT_SCTP_CHUNK_TYPES);
}

/* ---- dccp ---- */

static int check_dccp(const void *i)
{
	const struct xt_dccp_info *m = i;

	return (m->flags | m->invflags) & ~XT_DCCP_VALID_FLAGS || m->invflags & ~m->flags ?
		       -EINVAL :
		       0;
}

/* Returns the offset of the options in a DCCP packet, by its type (RFC 4340, 5). */
static u32 dccp_header(const u8 *h)
{
	/* by type: request, response, data, ack, dataack, closereq, close, reset, ... */
	static const u8 more[16] = { 4, 12, 0, 8, 8, 8, 8, 12, 8, 8, 8, 8, 8, 8, 8, 8 };

	return 12 + (h[8] & 1 ? 4 : 0) + more[h[8] >> 1 & 15];
}

static bool dccp_option(const struct nft_pkt *p, const u8 *h, u8 want)
{
	u32 at = dccp_header(h), end = h[4] * 4U;
	u8 o[2];

	if (end < at || skb_len(p->skb) < p->thoff + end) {
		p->s->drop = true;
		return false;
	}
	for (; at < end; p->s->work++) {
		skb_copy(p->skb, p->thoff + at, o, min(2U, end - at));
		if (o[0] == want)
			return true;
		if (o[0] < 32 || at + 1 == end) /* the option is one byte */
			at++;
		else
			at += o[1] ? o[1] : 1;
	}
	return false;
}

static bool match_dccp(const struct nft_pkt *p, const void *i)
{
	const struct xt_dccp_info *m = i;
	u8 h[12];

	if (!whole_header(p, h, sizeof(h)))
		return false;
	return as_asked(port_in(h, m->spts), m->flags, m->invflags, XT_DCCP_SRC_PORTS) &&
	       as_asked(port_in(h + 2, m->dpts), m->flags, m->invflags, XT_DCCP_DEST_PORTS) &&
	       as_asked(m->typemask >> (h[8] >> 1 & 15) & 1, m->flags, m->invflags, XT_DCCP_TYPE) &&
	       (!(m->flags & XT_DCCP_OPTION) ||
		       dccp_option(p, h, m->option) != !!(m->invflags & XT_DCCP_OPTION));
}

/* ---- ipcomp, IPv6's ah ---- */

static int check_ipcomp(const void *i)
{
	return ((const struct xt_ipcomp *)i)->invflags & ~XT_IPCOMP_INV_MASK ? -EINVAL : 0;
}

static bool match_ipcomp(const struct nft_pkt *p, const void *i)
{
	const struct xt_ipcomp *m = i;
	u8 h[4];
	u32 cpi;

	if (!whole_header(p, h, sizeof(h)))
		return false;
	cpi = (u32)h[2] << 8 | h[3];
	return (cpi >= m->spis[0] && cpi <= m->spis[1]) != !!(m->invflags & XT_IPCOMP_INV_SPI);
}

static int check_ah6(const void *i)
{
	return ((const struct ip6t_ah *)i)->invflags & ~IP6T_AH_INV_MASK ? -EINVAL : 0;
}

static bool match_ah6(const struct nft_pkt *p, const void *i)
{
	const struct ip6t_ah *m = i;
	u32 off, len, spi;
	u8 h[8];

	if (!nf_find_ext(p, EXT_AH, &off, &len) || len < 8)
		return false;
	skb_copy(p->skb, off, h, 8);
	memcpy(&spi, h + 4, 4);
	spi = ntohl(spi);
	return (spi >= m->spis[0] && spi <= m->spis[1]) != !!(m->invflags & IP6T_AH_INV_SPI) &&
	       (!m->hdrlen || (len == m->hdrlen) != !!(m->invflags & IP6T_AH_INV_LEN)) &&
	       !(m->hdrres && (h[2] || h[3]));
}

/* ---- hbh, dst: options ---- */

static int check_opts(const void *i)
{
	const struct ip6t_opts *m = i;

	return m->invflags & ~IP6T_OPTS_INV_MASK || m->flags & IP6T_OPTS_NSTRICT ||
			       m->optsnr > IP6T_OPTS_OPTSNR ?
		       -EINVAL :
		       0;
}

/*
 * True if the header begins with these options. Each is a type and a length; 0xff stands for any
 * length.
 */
static bool opts_begin(const struct nft_pkt *p, const struct ip6t_opts *m, u32 off, u32 len)
{
	u32 at = 2;
	u8 o[2];

	for (u32 k = 0; k < m->optsnr; k++) {
		if (at >= len)
			return false;
		o[1] = 0;
		skb_copy(p->skb, off + at, o, min(2U, len - at));
		if (o[0] != m->opts[k] >> 8 ||
			((m->opts[k] & 0xff) != 0xff &&
				(at + 1 == len || o[1] != (m->opts[k] & 0xff))))
			return false;
		at += o[0] ? o[1] + 2U : 1;
	}
	return true;
}

static bool match_opts(const struct nft_pkt *p, const struct ip6t_opts *m, u8 type)
{
	u32 off, len;

	return nf_find_ext(p, type, &off, &len) &&
	       as_asked(len == m->hdrlen, m->flags, m->invflags, IP6T_OPTS_LEN) &&
	       (!(m->flags & IP6T_OPTS_OPTS) || opts_begin(p, m, off, len));
}

static bool match_hbh(const struct nft_pkt *p, const void *i)
{
	return match_opts(p, i, EXT_HOP);
}

static bool match_dst(const struct nft_pkt *p, const void *i)
{
	return match_opts(p, i, EXT_DST);
}

/* ---- mh, eui64 ---- */

static int check_mh(const void *i)
{
	return ((const struct ip6t_mh *)i)->invflags & ~IP6T_MH_INV_MASK ? -EINVAL : 0;
}

static bool match_mh(const struct nft_pkt *p, const void *i)
{
	const struct ip6t_mh *m = i;
	u8 h[6];

	if (p->frag_off)
		return false;
	if (!xt_read_l4(p, h, sizeof(h)) || h[0] != EXT_NONE) {
		p->s->drop = true;
		return false;
	}
	return (h[2] >= m->types[0] && h[2] <= m->types[1]) != !!(m->invflags & IP6T_MH_INV_TYPE);
}

/* True if the source address was made from the MAC address of the frame (RFC 4291, appendix A). */
static bool match_eui64(const struct nft_pkt *p, const void *i)
{
	u8 mac_len = p->skb->mac_len, h[40];
	const u8 *mac;

	if (mac_len < ETH_HLEN || skb_headlen(p->skb) || skb_len(p->skb) < 40) {
		/* as on Linux; there, frames on lo have a MAC header of zeros */
		p->s->drop = p->frag_off && !(p->s->in && p->s->in->flags & IFF_LOOPBACK);
		return false;
	}
	mac = skb_payload(p->skb) - mac_len + ETH_ALEN;
	skb_copy(p->skb, 0, h, 40);
	return h[16] == (mac[0] ^ 2) && !memcmp(h + 17, mac + 1, 2) && h[19] == 0xff &&
	       h[20] == 0xfe && !memcmp(h + 21, mac + 3, 3);
}

/* ---- bpf ---- */

static void *open_program(const struct sock_filter *insn, u32 n)
{
	struct sk_filter *f;
	int err = n && n <= XT_BPF_MAX_NUM_INSTR ? bpf_check(insn, n) : -EINVAL;

	if (err)
		return ERR_PTR(err);
	f = kzalloc(sizeof(*f) + n * sizeof(*insn), NFT_GFP);
	if (!f)
		return ERR_PTR(-ENOMEM);
	f->len = n;
	memcpy(f->insn, insn, n * sizeof(*insn));
	return f;
}

static void *open_bpf0(struct nft_ctx *c, const void *i)
{
	const struct xt_bpf_info *m = i;

	return open_program(m->bpf_program, m->bpf_program_num_elem);
}

static void *open_bpf1(struct nft_ctx *c, const void *i)
{
	const struct xt_bpf_info_v1 *m = i;

	return m->mode == XT_BPF_MODE_BYTECODE ?
		       open_program(m->bpf_program, m->bpf_program_num_elem) :
		       ERR_PTR(-EOPNOTSUPP);
}

static void close_bpf(struct nft_net *nn, void *state)
{
	kfree(state);
}

static bool bpf(const struct nft_pkt *p, const void *i, void *state)
{
	struct filter_view v = { .skb = p->skb, .pkt_type = p->skb->pkt_type };

	p->s->work += ((const struct sk_filter *)state)->len / 4;
	return sock_filter_view(state, &v, skb_len(p->skb));
}

/* ---- policy, physdev ---- */

/* <linux/netfilter/xt_policy.h> and xt_physdev.h need libc. */
struct policy_info {
	u8 elems[4][76];
	u16 flags, len;
};
enum { POLICY_IN = 1, POLICY_OUT = 2, POLICY_NONE = 4 };
struct physdev_info {
	char names[4][16]; /* in, its mask, out, its mask */
	u8 invert, bitmask;
};
enum { PHYSDEV_OUT = 2, PHYSDEV_BRIDGED = 4, PHYSDEV_ISOUT = 16, PHYSDEV_ALL = 31 };

#define BIT_OF(hook) (1U << (hook))
#define INWARDS (BIT_OF(NF_INET_PRE_ROUTING) | BIT_OF(NF_INET_LOCAL_IN))
#define OUTWARDS (BIT_OF(NF_INET_POST_ROUTING) | BIT_OF(NF_INET_LOCAL_OUT))

static u32 hook_of(const struct nft_ctx *c)
{
	return c->chain && c->chain->flags & NFT_CHAIN_BASE ? BIT_OF(c->chain->hook) : 0;
}

static void *open_policy(struct nft_ctx *c, const void *i)
{
	const struct policy_info *m = i;

	if (!(m->flags & (POLICY_IN | POLICY_OUT)) || m->len > ARRAY_SIZE(m->elems) ||
		(hook_of(c) & INWARDS && m->flags & POLICY_OUT) ||
		(hook_of(c) & OUTWARDS && m->flags & POLICY_IN))
		return ERR_PTR(-EINVAL);
	return NULL;
}

static void close_nothing(struct nft_net *nn, void *state)
{
}

static bool match_policy(const struct nft_pkt *p, const void *i)
{
	return ((const struct policy_info *)i)->flags & POLICY_NONE;
}

static void *open_physdev(struct nft_ctx *c, const void *i)
{
	const struct physdev_info *m = i;

	if (!(m->bitmask & PHYSDEV_ALL) || m->bitmask & ~PHYSDEV_ALL)
		return ERR_PTR(-EINVAL);
	if (m->bitmask & (PHYSDEV_OUT | PHYSDEV_ISOUT) &&
		(!(m->bitmask & PHYSDEV_BRIDGED) || m->invert & PHYSDEV_BRIDGED) &&
		hook_of(c) & BIT_OF(NF_INET_LOCAL_OUT))
		return ERR_PTR(-EINVAL);
	return NULL;
}

/* True if all tests of the rule are inverted: no packet has a bridge port. */
static bool match_physdev(const struct nft_pkt *p, const void *i)
{
	const struct physdev_info *m = i;

	return !(m->bitmask & ~m->invert);
}

const struct xt_kind xt_proto_matches[] = {
	{ "ecn", 0, 0, sizeof(struct xt_ecn_info), .check = check_ecn, .match = match_ecn,
		.needs = ecn_needs },
	{ "sctp", 0, 0, sizeof(struct xt_sctp_info), .check = check_sctp, .match = match_sctp,
		.proto = IPPROTO_SCTP },
	{ "dccp", 0, 0, sizeof(struct xt_dccp_info), .check = check_dccp, .match = match_dccp,
		.proto = IPPROTO_DCCP },
	{ "ipcomp", 0, 0, sizeof(struct xt_ipcomp), .check = check_ipcomp, .match = match_ipcomp,
		.proto = PROTO_COMP },
	{ "ah", 0, NFPROTO_IPV6, sizeof(struct ip6t_ah), .check = check_ah6, .match = match_ah6 },
	{ "hbh", 0, NFPROTO_IPV6, sizeof(struct ip6t_opts), .check = check_opts,
		.match = match_hbh },
	{ "dst", 0, NFPROTO_IPV6, sizeof(struct ip6t_opts), .check = check_opts,
		.match = match_dst },
	{ "mh", 0, NFPROTO_IPV6, sizeof(struct ip6t_mh), .check = check_mh, .match = match_mh,
		.proto = EXT_MH },
	{ "eui64", 0, NFPROTO_IPV6, 0, .match = match_eui64,
		.hooks = INWARDS | BIT_OF(NF_INET_FORWARD) },
	{ "bpf", 0, 0, sizeof(struct xt_bpf_info), .open = open_bpf0, .close = close_bpf,
		.keeps = bpf },
	{ "bpf", 1, 0, sizeof(struct xt_bpf_info_v1), .open = open_bpf1, .close = close_bpf,
		.keeps = bpf },
	{ "policy", 0, 0, sizeof(struct policy_info), .open = open_policy, .close = close_nothing,
		.match = match_policy },
	{ "physdev", 0, 0, sizeof(struct physdev_info), .open = open_physdev,
		.close = close_nothing, .match = match_physdev },
	{ NULL },
};
