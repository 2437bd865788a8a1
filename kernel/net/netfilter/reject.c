/* SPDX-License-Identifier: MIT */
/*
 * reject.c: what the filter sends for rejected packets: ICMP errors and TCP resets. nn->lock is not
 * held, since these packets pass the filter too.
 *
 * Such a packet is itself never rejected with a packet (skb->is_answer), even if a rule has changed
 * it on its way out. Otherwise each answer would cause the next one, by a recursive call.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter/nf_tables.h>

#include "kernel/net/inet/icmp.h"
#include "kernel/net/inet/ip.h"
#include "kernel/net/netfilter/conntrack.h"

#define QUOTE4 548U
#define QUOTE6 1232U

/*
 * True if an ICMP error may be sent to @to, the packet's source, about a packet to @about: not for
 * a multicast or broadcast, a packet without a single sender, a fragment other than the first, or
 * an ICMP error.
 */
static bool may_answer(
	const struct nf_state *s, const ip_addr *to, const ip_addr *about, const struct nf_l4 *l4)
{
	u8 type;

	if (s->skb->pkt_type == PKT_BROADCAST || s->skb->pkt_type == PKT_MULTICAST ||
		ip_is_any(to) || ip_is_multicast(to) || ip_is_multicast(about) ||
		addr_is_broadcast(s->net, about) || l4->frag_off)
		return false;
	if (l4->proto != IPPROTO_ICMP && l4->proto != IPPROTO_ICMPV6)
		return true;
	if (skb_len(s->skb) <= l4->off)
		return false;
	skb_copy(s->skb, l4->off, &type, 1);
	return s->v6 ? type >= 128 : type == 8 || type == 0 || type >= 13;
}

/*
 * Sends an ICMP or ICMPv6 "unreachable" error of @code to the sender of the packet, if an answer is
 * allowed.
 */
static void send_icmp(struct nf_state *s, u8 code)
{
	struct flow f = { .proto = s->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP };
	struct nf_l4 l4;
	ip_addr src, dst;
	struct sk_buff *r;
	struct icmphdr *h;
	u32 n, sum = 0;

	nf_find_l4(s->skb, s->v6, &l4);
	nf_addrs(s->skb, s->v6, &src, &dst);
	if (!may_answer(s, &src, &dst, &l4))
		return;
	f.daddr = src;
	if (s->hook == NF_INET_LOCAL_IN)
		f.saddr = dst;
	if (route_output(s->net, &f))
		return;
	n = min(skb_len(s->skb), s->v6 ? QUOTE6 : QUOTE4);
	r = skb_alloc(n, GFP_ATOMIC);
	if (!r)
		return;
	skb_copy(s->skb, 0, r->buf->data, n);
	r->len = n;
	h = skb_push(r, sizeof(*h));
	*h = (struct icmphdr){ .type = s->v6 ? 1 : ICMP_DEST_UNREACH, .code = code };
	if (s->v6)
		sum = csum_pseudo(&f.saddr, &f.daddr, IPPROTO_ICMPV6, skb_len(r));
	h->checksum = csum_fold(skb_sum(r, 0, skb_len(r), sum));
	r->is_answer = true;
	ip_send(s->net, r, &f);
}

struct reset {
	u16 source, dest;
	u32 seq, ack;
	u8 off, flags;
	u16 window, check, urgent;
};

/* Answers a TCP segment other than a RST with a RST. */
static void send_reset(struct nf_state *s)
{
	struct flow f = { .proto = IPPROTO_TCP, .dont_fragment = true };
	struct reset in, *h;
	struct nf_l4 l4;
	struct sk_buff *r;
	u32 len;

	if (!nf_find_l4(s->skb, s->v6, &l4) || l4.proto != IPPROTO_TCP ||
		skb_len(s->skb) < l4.off + sizeof(in))
		return;
	skb_copy(s->skb, l4.off, &in, sizeof(in));
	if (in.flags & 4)
		return;
	nf_addrs(s->skb, s->v6, &f.daddr, &f.saddr);
	f.sport = ntohs(in.dest);
	f.dport = ntohs(in.source);
	if (ip_is_multicast(&f.saddr) || ip_is_any(&f.daddr) || route_output(s->net, &f))
		return;
	r = skb_alloc(0, GFP_ATOMIC);
	if (!r)
		return;
	len = skb_len(s->skb) - l4.off - (in.off >> 4) * 4U;
	h = skb_push(r, sizeof(*h));
	*h = (struct reset){ .source = in.dest, .dest = in.source, .off = 5 << 4, .flags = 4 };
	if (in.flags & 16) {
		h->seq = in.ack;
	} else {
		h->flags |= 16;
		h->ack = htonl(ntohl(in.seq) + len + !!(in.flags & 2) + (in.flags & 1));
	}
	h->check = csum_fold(skb_sum(
		r, 0, sizeof(*h), csum_pseudo(&f.saddr, &f.daddr, IPPROTO_TCP, sizeof(*h))));
	r->is_answer = true;
	ip_send(s->net, r, &f);
}

void nf_reject(struct nf_state *s, int type, int code)
{
	static const u8 icmpx4[] = { 0, 3, 1, 13 }, icmpx6[] = { 0, 4, 3, 1 };

	if (unlikely(s->skb->is_answer))
		return;
	if (type == NFT_REJECT_TCP_RST)
		send_reset(s);
	else if (type == NFT_REJECT_ICMPX_UNREACH)
		send_icmp(s, (s->v6 ? icmpx6 : icmpx4)[code & 3]);
	else
		send_icmp(s, (u8)code);
}
