/* SPDX-License-Identifier: MIT */
/*
 * ct_proto.c: timeouts of connections, and TCP's states as a router sees them: by flags only,
 * windows are not tracked. The defaults are Linux's; one set of values applies to the whole machine
 * (/proc/sys/net/netfilter), except that each namespace has its own timeout for repeated segments
 * (tcp_timeout_max_retrans). An ICMP error belongs to the connection whose packet it quotes.
 */
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/sysctl.h"
#include "kernel/net/netfilter/conntrack.h"

#define SECONDS(n) ((n)*NSEC_PER_SEC)
#define STREAM_AFTER SECONDS(2UL)
enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

/* timeouts in seconds, by state */
static int tcp_timeout[] = {
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
static int unacknowledged = 300, udp_timeout = 30, udp_stream = 120, icmp_timeout = 30,
	   icmpv6_timeout = 30, generic_timeout = 600;

#define TIMEOUT(name, v) SYSCTL_NUM("net/netfilter/nf_conntrack_" name, v, 0, 0x7fffffff / 100)
static const struct sysctl timeouts[] = {
	TIMEOUT("tcp_timeout_syn_sent", tcp_timeout[TCP_CONNTRACK_SYN_SENT]),
	TIMEOUT("tcp_timeout_syn_recv", tcp_timeout[TCP_CONNTRACK_SYN_RECV]),
	TIMEOUT("tcp_timeout_established", tcp_timeout[TCP_CONNTRACK_ESTABLISHED]),
	TIMEOUT("tcp_timeout_fin_wait", tcp_timeout[TCP_CONNTRACK_FIN_WAIT]),
	TIMEOUT("tcp_timeout_close_wait", tcp_timeout[TCP_CONNTRACK_CLOSE_WAIT]),
	TIMEOUT("tcp_timeout_last_ack", tcp_timeout[TCP_CONNTRACK_LAST_ACK]),
	TIMEOUT("tcp_timeout_time_wait", tcp_timeout[TCP_CONNTRACK_TIME_WAIT]),
	TIMEOUT("tcp_timeout_close", tcp_timeout[TCP_CONNTRACK_CLOSE]),
	TIMEOUT("tcp_timeout_unacknowledged", unacknowledged),
	TIMEOUT("udp_timeout", udp_timeout),
	TIMEOUT("udp_timeout_stream", udp_stream),
	TIMEOUT("icmp_timeout", icmp_timeout),
	TIMEOUT("icmpv6_timeout", icmpv6_timeout),
	TIMEOUT("generic_timeout", generic_timeout),
};

static int ct_proto_init(void)
{
	return sysctl_register(timeouts, ARRAY_SIZE(timeouts));
}
INITCALL(3, ct_proto_init);

static u64 from_now(const int *seconds)
{
	return ktime_get() + SECONDS((u64)READ_ONCE(*seconds));
}

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

bool nf_ct_sum_holds(const struct nf_state *s, const struct nf_l4 *l4)
{
	const struct sk_buff *skb = s->skb;
	u32 len = skb_len(skb) - l4->off, sum = 0;
	ip_addr from, to;
	u8 h[8];

	if (skb->csum_ok || len < sizeof(h))
		/* known to be right, or too short for a transport header */
		return true;
	skb_copy(skb, l4->off, h, sizeof(h));
	if (l4->proto == IPPROTO_UDP) {
		if (!s->v6 && !h[6] && !h[7])
			return true;
		len = min(len, (u32)h[4] << 8 | h[5]);
	} else if (l4->proto != IPPROTO_TCP &&
		   l4->proto != (s->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		return true;
	}
	if (l4->proto != IPPROTO_ICMP) {
		nf_addrs(skb, s->v6, &from, &to);
		sum = csum_pseudo(&from, &to, l4->proto, len);
	}
	return !csum_fold(skb_sum(skb, l4->off, len, sum));
}

/*
 * True if the packet may begin a connection. For TCP that is a SYN; with nf_conntrack_tcp_loose
 * also an ACK, since tracking may have begun after the connection.
 */
bool nf_ct_may_begin(const struct net *net, const struct sk_buff *skb, const struct nf_l4 *l4)
{
	u8 flags;

	if (l4->proto != IPPROTO_TCP)
		return true;
	flags = flags_of(skb, l4);
	return !(flags & (RST | FIN)) && flags & (SYN | ACK) &&
	       (flags & (SYN | ACK)) != (SYN | ACK) &&
	       (flags & SYN || READ_ONCE(net->nf.ct_conf.tcp_loose));
}

/*
 * Returns the state of a connection in @state after a segment with @flags; @reply: in the direction
 * of replies.
 */
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

/*
 * Counts equal segments with ACK in a row, with or without data. Their sender repeats them because
 * it gets no answer.
 */
static void count_again(
	struct nf_conn *ct, const struct sk_buff *skb, const struct nf_l4 *l4, int dir)
{
	u32 be[2], seq, ack, end;
	u16 window;
	u8 h[20];

	if (skb_len(skb) < l4->off + sizeof(h))
		return;
	skb_copy(skb, l4->off, h, sizeof(h));
	memcpy(be, h + 4, sizeof(be));
	memcpy(&window, h + 14, sizeof(window));
	seq = ntohl(be[0]);
	ack = ntohl(be[1]);
	end = seq + skb_len(skb) - l4->off - (h[12] >> 4) * 4;
	if (ct->last.dir == dir && ct->last.seq == seq && ct->last.ack == ack &&
		ct->last.end == end && ct->last.window == window) {
		ct->last.times = (u8)min(ct->last.times + 1, 255);
		return;
	}
	ct->last.dir = (u8)dir;
	ct->last.seq = seq;
	ct->last.ack = ack;
	ct->last.end = end;
	ct->last.window = window;
	ct->last.times = 0;
}

static u64 tcp_expires(const struct nf_conn *ct)
{
	const struct nf_ct_conf *conf = &ct->net->nf.ct_conf;
	const int *usual = &tcp_timeout[ct->tcp_state], *again = &conf->tcp_timeout_max_retrans;

	if (ct->last.times >= READ_ONCE(conf->tcp_max_retrans) &&
		READ_ONCE(*usual) > READ_ONCE(*again))
		return from_now(again);
	if (ct->tcp_state == TCP_CONNTRACK_ESTABLISHED && !(ct->status & IPS_SEEN_REPLY))
		return from_now(&unacknowledged);
	return from_now(usual);
}

/* Updates a connection by a segment, like nf_ct_packet(). ct->lock held. */
static u32 tcp_packet(
	struct nf_conn *ct, const struct sk_buff *skb, const struct nf_l4 *l4, int dir)
{
	u8 flags = flags_of(skb, l4), was = ct->tcp_state, now;

	/* a new connection reuses the tuple of one that has ended */
	if ((flags & (SYN | ACK | RST)) == SYN && dir == IP_CT_DIR_ORIGINAL &&
		(was == TCP_CONNTRACK_TIME_WAIT || was == TCP_CONNTRACK_CLOSE ||
			was == TCP_CONNTRACK_LAST_ACK))
		return NF_REPEAT;
	if ((flags & (SYN | ACK | RST | FIN)) == SYN && dir == IP_CT_DIR_ORIGINAL &&
		was == TCP_CONNTRACK_SYN_SENT)
		/*
		 * An unanswered SYN that is repeated does not extend the timeout of the connection
		 * and its NAT.
		 */
		return NF_ACCEPT;
	now = tcp_next(was, flags, dir == IP_CT_DIR_REPLY);
	ct->tcp_state = now;
	if (now == TCP_CONNTRACK_ESTABLISHED &&
		(was == TCP_CONNTRACK_SYN_RECV || was == TCP_CONNTRACK_ESTABLISHED) &&
		ct->status & IPS_SEEN_REPLY)
		ct->status |= IPS_ASSURED;
	if ((flags & (SYN | ACK | RST | FIN)) == ACK)
		count_again(ct, skb, l4, dir);
	ct->expires = tcp_expires(ct);
	return NF_ACCEPT;
}

u32 nf_ct_packet(struct nf_conn *ct, const struct sk_buff *skb, const struct nf_l4 *l4, int dir)
{
	const int *timeout = &generic_timeout;

	switch (l4->proto) {
	case IPPROTO_TCP: return tcp_packet(ct, skb, l4, dir);
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		timeout = &udp_timeout;
		if (ct->status & IPS_SEEN_REPLY && ktime_get() - ct->started > STREAM_AFTER) {
			timeout = &udp_stream;
			ct->status |= IPS_ASSURED;
		}
		break;
	case IPPROTO_ICMP: timeout = &icmp_timeout; break;
	case IPPROTO_ICMPV6: timeout = &icmpv6_timeout; break;
	}
	ct->expires = from_now(timeout);
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
		s->skb->nf_info = NF_UNTRACKED; /* neighbour discovery and router messages */
		return true;
	}
	if (!is_error(type, s->v6))
		return false;
	if (!nf_ct_tuple(s->skb, s->v6, l4->off + 8, &quoted))
		return true;
	/* the quoted packet went in the opposite direction, so look up the inverse */
	nf_ct_invert(&t, &quoted);
	d = nf_ct_find(s->net, &t);
	if (!d)
		return true;
	s->skb->nfct = d->ct;
	s->skb->nf_info =
		1 + IP_CT_RELATED + (d == &d->ct->dir[IP_CT_DIR_REPLY] ? IP_CT_IS_REPLY : 0);
	return true;
}
