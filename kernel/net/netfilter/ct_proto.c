/* SPDX-License-Identifier: MIT */
/*
 * ct_proto.c: how long a connection without packets is remembered, and TCP's states as somebody on the way sees them: by flags alone, no
 * windows are followed. Timeouts are Linux's defaults. ICMP errors belong to the connection that they tell of.
 */
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "kernel/lib/printk.h"
#include "kernel/net/netfilter/conntrack.h"

#define SECONDS(n) ((n)*NSEC_PER_SEC)
#define STREAM_AFTER SECONDS(2UL)
enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static const u32 tcp_timeout[] = {
	[TCP_CONNTRACK_SYN_SENT] = 120,
	[TCP_CONNTRACK_SYN_RECV] = 60,
	[TCP_CONNTRACK_ESTABLISHED] = 432000,
	[TCP_CONNTRACK_FIN_WAIT] = 120,
	[TCP_CONNTRACK_CLOSE_WAIT] = 60,
	[TCP_CONNTRACK_LAST_ACK] = 30,
	[TCP_CONNTRACK_TIME_WAIT] = 120,
	[TCP_CONNTRACK_CLOSE] = 10,
	[TCP_CONNTRACK_SYN_SENT2] = 120,
};

const char *nf_ct_tcp_name(u8 state)
{
	static const char *const names[] = { "NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED",
		"FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2" };

	return state < ARRAY_SIZE(names) ? names[state] : "NONE";
}

static u8 flags_of(const struct sk_buff *skb, const struct nf_l4 *l4)
{
	u8 flags = 0;

	if (skb_len(skb) >= l4->off + 20)
		skb_copy(skb, l4->off + 13, &flags, 1);
	return flags;
}

/* Any TCP packet but those that end one (a connection may be older than our looking at it). */
bool nf_ct_may_begin(const struct sk_buff *skb, const struct nf_l4 *l4)
{
	u8 flags;

	if (l4->proto != IPPROTO_TCP)
		return true;
	flags = flags_of(skb, l4);
	return !(flags & (RST | FIN)) && flags & (SYN | ACK) &&
	       (flags & (SYN | ACK)) != (SYN | ACK);
}

static u8 tcp_next(u8 state, u8 flags, bool reply)
{
	if (flags & RST)
		return TCP_CONNTRACK_CLOSE;
	if (flags & SYN) {
		if (state == TCP_CONNTRACK_NONE)
			return TCP_CONNTRACK_SYN_SENT;
		if (state == TCP_CONNTRACK_SYN_SENT && reply)
			return flags & ACK ? TCP_CONNTRACK_SYN_RECV : TCP_CONNTRACK_SYN_SENT2;
		return state == TCP_CONNTRACK_SYN_SENT2 && flags & ACK ? TCP_CONNTRACK_SYN_RECV :
									 state;
	}
	if (flags & FIN) {
		if (state == TCP_CONNTRACK_ESTABLISHED || state == TCP_CONNTRACK_SYN_RECV)
			return TCP_CONNTRACK_FIN_WAIT;
		return state == TCP_CONNTRACK_FIN_WAIT || state == TCP_CONNTRACK_CLOSE_WAIT ?
			       TCP_CONNTRACK_LAST_ACK :
			       state;
	}
	switch (state) {
	case TCP_CONNTRACK_NONE: return TCP_CONNTRACK_ESTABLISHED;
	case TCP_CONNTRACK_SYN_RECV: return reply ? state : TCP_CONNTRACK_ESTABLISHED;
	case TCP_CONNTRACK_FIN_WAIT: return TCP_CONNTRACK_CLOSE_WAIT;
	case TCP_CONNTRACK_LAST_ACK: return TCP_CONNTRACK_TIME_WAIT;
	default: return state;
	}
}

static u32 tcp_packet(struct nf_conn *ct, u8 flags, int dir)
{
	u8 was = ct->tcp_state, now;

	/* the same numbers again, after one that has ended */
	if ((flags & (SYN | ACK | RST)) == SYN && dir == IP_CT_DIR_ORIGINAL &&
		(was == TCP_CONNTRACK_TIME_WAIT || was == TCP_CONNTRACK_CLOSE ||
			was == TCP_CONNTRACK_LAST_ACK))
		return NF_REPEAT;
	now = tcp_next(was, flags, dir == IP_CT_DIR_REPLY);
	ct->tcp_state = now;
	if (now == TCP_CONNTRACK_ESTABLISHED &&
		(was == TCP_CONNTRACK_SYN_RECV || was == TCP_CONNTRACK_ESTABLISHED) &&
		ct->status & IPS_SEEN_REPLY)
		ct->status |= IPS_ASSURED;
	ct->expires = ktime_get() + SECONDS((u64)tcp_timeout[now]);
	if (now == TCP_CONNTRACK_ESTABLISHED && !(ct->status & IPS_SEEN_REPLY))
		ct->expires = ktime_get() + SECONDS(300UL);
	return NF_ACCEPT;
}

u32 nf_ct_packet(struct nf_conn *ct, const struct sk_buff *skb, const struct nf_l4 *l4, int dir)
{
	u64 now = ktime_get(), timeout = 600;

	switch (l4->proto) {
	case IPPROTO_TCP: return tcp_packet(ct, flags_of(skb, l4), dir);
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		timeout = 30;
		if (ct->status & IPS_SEEN_REPLY && now - ct->started > STREAM_AFTER) {
			timeout = 120;
			ct->status |= IPS_ASSURED;
		}
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6: timeout = 30; break;
	}
	ct->expires = now + SECONDS(timeout);
	return NF_ACCEPT;
}

/* ---- ICMP errors ---- */

static bool is_error(u8 type, bool v6)
{
	return v6 ? type < 128 : type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

bool nf_ct_error(struct nf_state *s, const struct nf_l4 *l4)
{
	struct nf_tuple quoted, t;
	struct nf_conn_dir *d;
	u8 type;

	if (l4->proto != (s->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) || skb_len(s->skb) < l4->off + 8)
		return false;
	skb_copy(s->skb, l4->off, &type, 1);
	if (s->v6 && type >= 130 && type <= 137) {
		s->skb->nf_info = NF_UNTRACKED; /* neighbours, routers */
		return true;
	}
	if (!is_error(type, s->v6))
		return false;
	if (!nf_ct_tuple(s->skb, s->v6, l4->off + 8, &quoted))
		return true;
	nf_ct_invert(&t, &quoted); /* the quoted one went the other way */
	d = nf_ct_find(s->net, &t);
	if (!d)
		return true;
	s->skb->nfct = d->ct;
	s->skb->nf_info =
		1 + IP_CT_RELATED + (d == &d->ct->dir[IP_CT_DIR_REPLY] ? IP_CT_IS_REPLY : 0);
	return true;
}
