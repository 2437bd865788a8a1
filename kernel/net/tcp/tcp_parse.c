/* SPDX-License-Identifier: MIT */
/*
 * tcp_parse.c: parses the header of a received segment and its options (RFC 9293, 3.1 and 3.2; RFC
 * 7323, 2018, 7413).
 * Locks: none; the caller owns the segment.
 */
#include "kernel/net/inet/frag.h"
#include "kernel/net/tcp/tcp.h"

static u32 be32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

/*
 * Stores a Fast Open cookie of @len bytes: an even number from 4 to 16, or 0 for a request. Ignores
 * cookies of other lengths.
 */
static void parse_cookie(const u8 *p, u32 len, bool exp, struct tcp_opts *o)
{
	if (len & 1 || len > sizeof(o->cookie.val) || (len && len < 4))
		return;
	o->has_cookie = true;
	o->cookie = (struct fast_cookie){ .len = (u8)len, .exp = exp };
	memcpy(o->cookie.val, p, len);
}

/* Each of these parses an option of @len bytes at @p, including its kind and length. */
static void parse_mss(const u8 *p, u32 len, struct tcp_opts *o)
{
	o->mss = (u16)(p[2] << 8 | p[3]);
}

static void parse_wscale(const u8 *p, u32 len, struct tcp_opts *o)
{
	o->has_wscale = true;
	o->wscale = min(p[2], (u8)WSCALE_MAX);
}

static void parse_sack_ok(const u8 *p, u32 len, struct tcp_opts *o)
{
	o->sack_ok = len == TCPOLEN_SACK_OK;
}

/* Parses only the first SACK option of a segment. */
static void parse_sack(const u8 *p, u32 len, struct tcp_opts *o)
{
	if (o->nr_sacks)
		return;
	for (u32 i = 0; i < MAX_SACKS && 2 + (i + 1) * 8 <= len; i++)
		o->sacks[o->nr_sacks++] =
			(struct sack_block){ be32(p + 2 + i * 8), be32(p + 6 + i * 8) };
}

static void parse_stamps(const u8 *p, u32 len, struct tcp_opts *o)
{
	o->saw_ts = true;
	o->tsval = be32(p + 2);
	o->tsecr = be32(p + 6);
}

static void parse_fastopen(const u8 *p, u32 len, struct tcp_opts *o)
{
	parse_cookie(p + 2, len - 2, false, o);
}

static void parse_experiment(const u8 *p, u32 len, struct tcp_opts *o)
{
	if ((p[2] << 8 | p[3]) == FASTOPEN_MAGIC)
		parse_cookie(p + 4, len - 4, true, o);
}

/* Options that have a length. An option whose length is outside of `least` to `most` is ignored. */
static const struct {
	u8 kind, least, most;
	void (*parse)(const u8 *p, u32 len, struct tcp_opts *o);
} options[] = {
	{ TCPOPT_STAMPS, TCPOLEN_STAMPS, TCPOLEN_STAMPS, parse_stamps },
	{ TCPOPT_SACK, 2, 255, parse_sack },
	{ TCPOPT_MSS, TCPOLEN_MSS, TCPOLEN_MSS, parse_mss },
	{ TCPOPT_WSCALE, TCPOLEN_WSCALE, TCPOLEN_WSCALE, parse_wscale },
	{ TCPOPT_SACK_OK, 2, 255, parse_sack_ok },
	{ TCPOPT_FASTOPEN, 2, 255, parse_fastopen },
	{ TCPOPT_EXP, 4, 255, parse_experiment },
};

static void parse_option(const u8 *p, u32 len, struct tcp_opts *o)
{
	for (u32 i = 0; i < ARRAY_SIZE(options); i++) {
		if (options[i].kind != p[0])
			continue;
		if (len >= options[i].least && len <= options[i].most)
			options[i].parse(p, len, o);
		return;
	}
}

static void parse_options(const u8 *p, u32 n, struct tcp_opts *o)
{
	*o = (struct tcp_opts){ 0 };
	while (n && p[0] != TCPOPT_END) {
		u32 len = p[0] == TCPOPT_PAD ? 1 : n > 1 ? p[1] : 0;

		if (!len || len > n || (p[0] != TCPOPT_PAD && len < 2))
			return;
		if (p[0] != TCPOPT_PAD)
			parse_option(p, len, o);
		p += len;
		n -= len;
	}
}

bool tcp_parse(struct net *net, struct sk_buff *skb, struct tcp_opts *o, u16 *urg_ptr)
{
	u8 tmp[60];
	const struct tcphdr *h = skb_header(skb, sizeof(*h), tmp);
	u32 hlen, len = skb_len(skb);
	const u8 *p;

	if (!h)
		return false;
	hlen = (u32)(((const u8 *)h)[12] >> 4) * 4;
	if (hlen < sizeof(*h) || hlen > len)
		return false;
	if (!skb->csum_ok &&
		csum_fold(skb_sum(skb, 0, len,
			csum_pseudo(&skb->ip.saddr, &skb->ip.daddr, IPPROTO_TCP, len)))) {
		net->stats.tcp.csum_errors++;
		return false;
	}
	p = skb_header(skb, hlen, tmp);
	h = (const struct tcphdr *)p;
	parse_options(p + sizeof(*h), hlen - (u32)sizeof(*h), o);
	skb->sport = ntohs(h->source);
	skb->dport = ntohs(h->dest);
	skb->tcp = (struct tcp_meta){
		.seq = ntohl(h->seq),
		.ack_seq = ntohl(h->ack_seq),
		.flags = p[13],
		.window = ntohs(h->window),
		.tsval = o->tsval,
		.tsecr = o->tsecr,
		.saw_ts = o->saw_ts,
		.hlen = (u8)hlen,
	};
	*urg_ptr = ntohs(h->urg_ptr);
	skb_pull(skb, hlen);
	skb->tcp.end_seq = skb->tcp.seq + skb_len(skb) + !!(skb->tcp.flags & TH_SYN) +
			   !!(skb->tcp.flags & TH_FIN);
	return true;
}
