/* SPDX-License-Identifier: MIT */
/*
 * icmp.c: ICMP for both versions: echo, errors that this machine sends about packets it received,
 * errors that it receives about packets it sent.
 *
 * An error quotes the packet that it is about. The quote may be forged: only addresses and ports
 * are taken from it, and the error is reported only to a socket that has these.
 * Sources: RFC 792, 1122 (3.2.2), 1812 (4.3), 4443.
 */
#include <asm/errno.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "kernel/lib/printk.h"
#include "kernel/net/inet/icmp.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/neigh/neigh.h"

#define QUOTE4 548U  /* bytes; the message is at most 576 long */
#define QUOTE6 1232U /* bytes; the message is at most 1280 long */

static void icmp_checksum(struct sk_buff *skb, struct icmphdr *h, const struct flow *f)
{
	u32 sum = 0;

	h->checksum = 0;
	if (!ip_is_v4(&f->daddr))
		sum = csum_pseudo(&f->saddr, &f->daddr, IPPROTO_ICMPV6, skb_len(skb));
	h->checksum = csum_fold(skb_sum(skb, 0, skb_len(skb), sum));
}

static bool checksum_good(const struct sk_buff *skb)
{
	u32 sum = 0;

	if (skb->csum_ok)
		return true;
	if (skb->ip.v6)
		sum = csum_pseudo(&skb->ip.saddr, &skb->ip.daddr, IPPROTO_ICMPV6, skb_len(skb));
	return !csum_fold(skb_sum(skb, 0, skb_len(skb), sum));
}

/* ---- echo ---- */

static bool may_echo(const struct net *net, const struct sk_buff *skb)
{
	if (skb->ip.v6)
		return !READ_ONCE(net->icmp.echo6_ignore) &&
		       (!skb->broadcast || !READ_ONCE(net->icmp.echo6_ignore_many));
	return !READ_ONCE(net->icmp.echo_ignore) &&
	       (!skb->broadcast || !READ_ONCE(net->icmp.echo_ignore_many));
}

/* Sends the payload of @skb back in a packet of type @reply. */
static void echo(struct net *net, struct sk_buff *skb, u8 reply)
{
	struct flow f = {
		.saddr = skb->broadcast ? IP_ANY : skb->ip.daddr,
		.daddr = skb->ip.saddr,
		.oif = ip_answer_by(skb),
		.proto = skb->ip.proto,
		.tos = skb->ip.tos,
	};
	struct sk_buff *r = skb_linear(skb, GFP_ATOMIC);
	struct icmphdr *h;

	if (skb->ip.v6 && READ_ONCE(net->ipv6.label_reflect) & REFLECT_ECHOES)
		f.label = skb->ip.label;
	if (!r || route_output(net, &f) || !icmp_may_send(net, &f, skb->ip.v6, reply, 0)) {
		kfree_skb(r);
		return;
	}
	r->mark = r->priority = 0; /* not copied from the request */
	h = (struct icmphdr *)skb_payload(r);
	h->type = reply;
	icmp_checksum(r, h, &f);
	if (!skb->ip.v6 && unlikely(skb->ip.hdr_len > sizeof(struct iphdr)))
		f.opts = ip4_opts_answer(skb);
	ip_send(net, r, &f);
	ip4_opts_put(f.opts);
}

/* ---- errors about received packets ---- */

/*
 * Stores the type of an ICMPv6 message, behind any extension headers, in *kind, or 255 for other
 * packets. Returns false if the packet ends before.
 */
static bool kind_of_ipv6(const struct sk_buff *skb, u8 *kind)
{
	u32 at = skb->ip.hdr_len;
	u8 next, h[2];

	*kind = 255;
	skb_copy(skb, offsetof(struct ipv6hdr, nexthdr), &next, 1);
	while (next == IPPROTO_HOPOPTS || next == IPPROTO_DSTOPTS || next == IPPROTO_ROUTING ||
		next == IPPROTO_FRAGMENT) {
		if (skb_len(skb) < at + sizeof(h))
			return false;
		skb_copy(skb, at, h, sizeof(h));
		at += next == IPPROTO_FRAGMENT ? 8 : (h[1] + 1U) * 8;
		next = h[0];
	}
	if (next != IPPROTO_ICMPV6)
		return true;
	if (skb_len(skb) <= at)
		return false;
	skb_copy(skb, at, kind, 1);
	return true;
}

/*
 * True if an ICMP error about @skb may be sent: not for an ICMP error, a multicast or broadcast, an
 * invalid source address, or a fragment other than the first (RFC 1122, 3.2.2; RFC 4443, 2.4).
 */
static bool may_answer(const struct sk_buff *skb)
{
	u8 kind;

	if (skb->broadcast || (skb->pkt_type != PKT_HOST && skb->pkt_type != PKT_OUTGOING) ||
		ip_is_any(&skb->ip.saddr) || ip_is_multicast(&skb->ip.saddr) || skb->ip.frag_off)
		return false;
	if (skb->ip.v6)
		return kind_of_ipv6(skb, &kind) && kind >= 128 && kind != 137;
	if (skb->ip.proto != IPPROTO_ICMP)
		return true;
	if (skb_len(skb) <= skb->ip.hdr_len)
		return false;
	skb_copy(skb, skb->ip.hdr_len, &kind, sizeof(kind));
	return kind == ICMP_ECHO || kind == ICMP_ECHOREPLY || kind > ICMP_PARAMETERPROB;
}

void icmp_error(struct net *net, struct sk_buff *skb, u8 type, u8 code, u32 word)
{
	struct flow f = { .daddr = skb->ip.saddr,
		.oif = ip_answer_by(skb),
		.proto = skb->ip.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
		/* errors have the precedence "internetwork control" (RFC 1812, 4.3.2.5) */
		.tos = skb->ip.v6 ? 0 : (skb->ip.tos & 0x1e) | 0xc0 };
	u32 quote;
	struct sk_buff *r;
	struct icmphdr *h;

	if (addr_is_local(net, &skb->ip.daddr, 0))
		f.saddr = skb->ip.daddr;
	else if (!skb->ip.v6 && skb->pkt_type != PKT_OUTGOING &&
		 READ_ONCE(net->icmp.errors_by_inbound))
		addr_source(skb->dev, &skb->ip.saddr, &f.saddr);
	if (!may_answer(skb) || route_output(net, &f))
		return;
	if (ip_is_v4(&f.saddr) && ip_is_any(&f.saddr))
		/* the dummy address 192.0.0.8 of a router that has none (RFC 7600) */
		f.saddr = ip_v4(htonl(0xc0000008));
	if (!icmp_may_send(net, &f, skb->ip.v6, type, code))
		return;
	quote = min(skb_len(skb), skb->ip.v6 ? QUOTE6 : QUOTE4);
	r = skb_alloc(quote, GFP_ATOMIC);
	if (!r)
		return;
	skb_copy(skb, 0, r->buf->data, quote);
	r->len = quote;
	h = skb_push(r, sizeof(*h));
	*h = (struct icmphdr){ .type = type, .code = code };
	h->word = htonl(word);
	icmp_checksum(r, h, &f);
	ip_send(net, r, &f);
}

void icmp_unreachable(struct net *net, struct sk_buff *skb, u8 code4, u8 code6)
{
	u32 off = skb->off, len = skb->len;
	u8 head = skb->head;

	ip_rewind(skb);
	icmp_error(net, skb, skb->ip.v6 ? ICMPV6_DEST_UNREACH : ICMP_DEST_UNREACH,
		skb->ip.v6 ? code6 : code4, 0);
	skb->off = off;
	skb->len = len;
	skb->head = head;
}

/* ---- errors about sent packets ---- */

/* Fills in the type, errno and MTU of an ICMP error. */
static void error4(u8 type, u8 code, u32 mtu, struct ip_error *e)
{
	static const struct {
		u8 err;
		bool fatal;
	} of_code[] = {
		{ ENETUNREACH, false },
		{ EHOSTUNREACH, false },
		{ ENOPROTOOPT, true },
		{ ECONNREFUSED, true },
		{ EMSGSIZE, false },
		{ EOPNOTSUPP, false },
		{ ENETUNREACH, true },
		{ EHOSTDOWN, true },
		{ ENONET, true },
		{ ENETUNREACH, true },
		{ EHOSTUNREACH, true },
		{ ENETUNREACH, false },
		{ EHOSTUNREACH, false },
		{ EHOSTUNREACH, true },
		{ EHOSTUNREACH, true },
		{ EHOSTUNREACH, true },
	};

	*e = (struct ip_error){ .type = type, .code = code, .err = EHOSTUNREACH };
	if (type == ICMP_PARAMETERPROB) {
		e->err = EPROTO;
		e->fatal = true;
	} else if (type == ICMP_DEST_UNREACH && code < ARRAY_SIZE(of_code)) {
		e->err = of_code[code].err;
		e->fatal = of_code[code].fatal;
		e->info = code == ICMP_FRAG_NEEDED ? mtu : 0;
	}
}

/*
 * True if the message is reported to sockets. Unknown codes, and the time-out of a reassembly, are
 * not.
 */
static bool is_reported(u8 type, u8 code)
{
	return type == ICMP_DEST_UNREACH  ? code <= 15 :
	       type == ICMP_TIME_EXCEEDED ? code != 1 :
					    true;
}

static void error6(u8 type, u8 code, u32 word, struct ip_error *e)
{
	static const u8 of_code[] = { ENETUNREACH, EACCES, EHOSTUNREACH, EHOSTUNREACH, ECONNREFUSED,
		EACCES, EACCES };

	*e = (struct ip_error){ .type = type, .code = code, .err = EPROTO, .info = word };
	if (type == ICMPV6_DEST_UNREACH && code < ARRAY_SIZE(of_code)) {
		e->err = of_code[code];
		e->fatal = code == 1 || code >= 4;
	} else if (type == ICMPV6_DEST_UNREACH || type == ICMPV6_PARAMPROB) {
		e->fatal = true;
	} else if (type == ICMPV6_PKT_TOOBIG) {
		e->err = EMSGSIZE;
	} else if (type == ICMPV6_TIME_EXCEED) {
		e->err = EHOSTUNREACH;
	}
}

static void notify_transport(struct net *net, u8 proto, const ip_addr *local, const ip_addr *remote,
	const u8 *hdr, const struct ip_error *e)
{
	if (proto == IPPROTO_TCP)
		tcp_err(net, local, remote, hdr, e);
	else if (proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE)
		udp_err(net, proto, local, remote, hdr, e);
	else if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6)
		ping_err(net, local, remote, hdr, e);
	raw_err(net, proto, local, remote, e);
}

/*
 * True for an error about a packet to a broadcast address (RFC 1122, 3.2.2), which the caller
 * drops. As on Linux, such errors are detected and logged only while
 * icmp_ignore_bogus_error_responses is 0.
 */
static bool is_bogus(
	struct net *net, const struct sk_buff *skb, const ip_addr *remote, const struct ip_error *e)
{
	const u8 *a = (const u8 *)&e->offender.w[3], *b = (const u8 *)&remote->w[3];

	if (likely(READ_ONCE(net->icmp.ignore_bogus)) || !addr_is_broadcast(net, remote))
		return false;
	if (net_may_warn())
		printk("\0014%u.%u.%u.%u sent an invalid ICMP type %u, code %u error to a "
		       "broadcast: %u.%u.%u.%u on %s\n",
			a[0], a[1], a[2], a[3], e->type, e->code, b[0], b[1], b[2], b[3],
			skb->dev->name);
	return true;
}

/* Handles an error about the IPv4 packet whose start is @skb. */
static void quoted4(struct net *net, struct sk_buff *skb, struct ip_error *e)
{
	u8 tmp[68];
	const struct iphdr *h = skb_header(skb, sizeof(*h), tmp);
	ip_addr local, remote;
	u32 hlen;
	const u8 *all;

	if (!h || h->version != 4 || h->ihl < 5)
		return;
	hlen = h->ihl * 4U;
	all = skb_header(skb, hlen + 8, tmp);
	if (!all) {
		IP_STATS(net, false).icmp_in_errors++;
		return;
	}
	h = (const struct iphdr *)all;
	local = ip_v4(h->saddr);
	remote = ip_v4(h->daddr);
	if (is_bogus(net, skb, &remote, e))
		return;
	e->quote = skb;
	e->quote_at = hlen;
	notify_transport(net, h->protocol, &local, &remote, all + hlen, e);
}

/*
 * Returns the offset of the transport header, behind all extension headers, in the IPv6 packet at
 * the front of @skb; 0: it is not in the quote. *@next: in, the type of the first header; out, the
 * transport protocol.
 */
static u32 transport_at(const struct sk_buff *skb, u8 *next)
{
	u32 at = sizeof(struct ipv6hdr);
	u8 e[8];

	while (at + sizeof(e) <= skb_len(skb)) {
		if (*next != IPPROTO_HOPOPTS && *next != IPPROTO_ROUTING &&
			*next != IPPROTO_DSTOPTS && *next != IPPROTO_FRAGMENT)
			return at;
		skb_copy(skb, at, e, sizeof(e));
		if (*next == IPPROTO_FRAGMENT && (e[2] || e[3] & 0xf8))
			return 0; /* a fragment other than the first */
		at += *next == IPPROTO_FRAGMENT ? 8 : (e[1] + 1U) * 8;
		*next = e[0];
	}
	return 0;
}

static void quoted6(struct net *net, struct sk_buff *skb, struct ip_error *e)
{
	struct ipv6hdr h;
	ip_addr local, remote;
	u8 transport[8];
	u32 at;

	if (skb_len(skb) < sizeof(h))
		return;
	skb_copy(skb, 0, &h, sizeof(h));
	at = transport_at(skb, &h.nexthdr);
	if (!at || h.version != 6)
		return;
	skb_copy(skb, at, transport, sizeof(transport));
	memcpy(&local, &h.saddr, 16);
	memcpy(&remote, &h.daddr, 16);
	e->quote = skb;
	e->quote_at = at;
	notify_transport(net, h.nexthdr, &local, &remote, transport, e);
}

/*
 * Makes an error that was detected locally look as if it had arrived by lo. Linux sends such an
 * error to itself, so a program sees a message from its own source address. With IPv6 the message
 * comes by @dev.
 */
static void by_lo(struct net *net, struct net_device *dev, struct sk_buff *skb, struct ip_error *e)
{
	struct ipv6hdr v6;
	struct iphdr v4;

	if (skb->protocol == ETH_P_IP && skb_len(skb) >= sizeof(v4)) {
		skb_copy(skb, 0, &v4, sizeof(v4));
		e->offender = ip_v4(v4.saddr);
		skb->ip.ttl = (u8)READ_ONCE(net->ipv4.default_ttl);
		skb->ip.tos = (v4.tos & IPTOS_TOS_MASK) | IPTOS_PREC_INTERNETCONTROL;
	} else if (skb->protocol == ETH_P_IPV6 && skb_len(skb) >= sizeof(v6)) {
		skb_copy(skb, 0, &v6, sizeof(v6));
		memcpy(&e->offender, &v6.saddr, 16);
		skb->ip.ttl = 64;
		skb->ip.tos = 0;
	}
	skb->dev = skb->protocol == ETH_P_IPV6 ? dev : net->lo;
	skb->ip.daddr = e->offender;
	skb->ip.label = 0;
}

void icmp_no_host(struct net *net, struct net_device *dev, struct sk_buff *skb)
{
	struct ip_error e = { .type = ICMP_DEST_UNREACH, .code = 1, .err = EHOSTUNREACH };

	if (skb->protocol == ETH_P_IP) {
		by_lo(net, dev, skb, &e);
		quoted4(net, skb, &e);
	} else if (skb->protocol == ETH_P_IPV6) {
		error6(ICMPV6_DEST_UNREACH, 3, 0, &e);
		by_lo(net, dev, skb, &e);
		quoted6(net, skb, &e);
	}
}

/* ---- in ---- */

/* Returns the header of a received message and counts it; NULL: the message is invalid. */
static const struct icmphdr *header(struct net *net, const struct sk_buff *skb, struct icmphdr *tmp)
{
	const struct icmphdr *h = skb_header(skb, sizeof(*h), tmp);
	struct ip_stats *n = &IP_STATS(net, skb->ip.v6);

	n->icmp_in++;
	if (h && checksum_good(skb)) {
		n->icmp_types_in[h->type]++;
		return h;
	}
	n->icmp_in_errors++;
	n->icmp_csum_errors += h != NULL;
	return NULL;
}

void icmp_rcv(struct net *net, struct sk_buff *skb)
{
	struct icmphdr tmp;
	const struct icmphdr *h = header(net, skb, &tmp);
	struct ip_error e;

	if (!h)
		goto out;
	switch (h->type) {
	case ICMP_ECHO:
		if (may_echo(net, skb))
			echo(net, skb, ICMP_ECHOREPLY);
		break;
	case ICMP_ECHOREPLY: ping_rcv(net, skb); return;
	case ICMP_DEST_UNREACH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		if (!is_reported(h->type, h->code))
			break;
		error4(h->type, h->code, ntohs(h->mtu), &e);
		e.offender = skb->ip.saddr;
		e.ext_at = (ntohl(h->word) >> 16 & 0xff) * 4;
		skb_pull(skb, sizeof(*h));
		quoted4(net, skb, &e);
		break;
	}
out:
	kfree_skb(skb);
}

static void take_ndisc(struct net *net, struct sk_buff *skb)
{
	ndisc_rcv(skb);
}

/* ICMPv6 messages that other files handle. */
static const struct {
	u8 first, last;
	void (*take)(struct net *net, struct sk_buff *skb);
} consumers[] = {
	{ ND_RS, ND_REDIRECT, take_ndisc },
	{ ICMPV6_ECHO_REPLY, ICMPV6_ECHO_REPLY, ping_rcv },
	{ ICMPV6_MGM_QUERY, ICMPV6_MGM_REDUCTION, mld_rcv },
	{ ICMPV6_MLD2_REPORT, ICMPV6_MLD2_REPORT, mld_rcv },
};

void icmp6_rcv(struct net *net, struct sk_buff *skb)
{
	struct icmphdr tmp;
	const struct icmphdr *h = header(net, skb, &tmp);
	struct ip_error e;

	for (u32 i = 0; h && i < ARRAY_SIZE(consumers); i++) {
		if (h->type >= consumers[i].first && h->type <= consumers[i].last) {
			consumers[i].take(net, skb);
			return;
		}
	}
	if (h && h->type == ICMPV6_ECHO_REQUEST) {
		if (may_echo(net, skb))
			echo(net, skb, ICMPV6_ECHO_REPLY);
	} else if (h && !(h->type & ICMPV6_INFOMSG_MASK)) { /* an error, of known type or not */
		error6(h->type, h->code, ntohl(h->word), &e);
		e.offender = skb->ip.saddr;
		if (h->type == ICMPV6_DEST_UNREACH || h->type == ICMPV6_TIME_EXCEED)
			e.ext_at = (ntohl(h->word) >> 24) * 8;
		skb_pull(skb, sizeof(*h));
		quoted6(net, skb, &e);
	}
	kfree_skb(skb);
}
