/* SPDX-License-Identifier: MIT */
/*
 * tcp_out.c: sends a segment: its size, its header, its options. Which segments are sent, and when,
 * is decided in tcp_push.c.
 *
 * Each transmission is a clone of the skb in the queue: it shares the payload, and has a header of
 * its own.
 * Sources: RFC 9293, 7323 (window scale, timestamps), 2018 (SACK).
 */
#include <asm/errno.h>
#include <linux/ip.h>

#include "arch/um/machine/arch.h"
#include "kernel/net/netfilter/netfilter.h"
#include "kernel/net/tcp/tcp.h"

/* ---- timestamps, sequence numbers, MSS ---- */

/*
 * Returns the timestamp for a segment sent now: milliseconds, from a random start for each
 * connection. In a SYN cookie its low bits hold options.
 */
u32 tcp_ts(const struct tcp_sock *t)
{
	u32 now = (u32)(tcp_now(t) / MSEC) + t->snd.iss, said;

	if (likely(!t->child.cookie_opts))
		return now;
	said = (now & ~63U) | (t->child.cookie_opts & 63);
	return after(said, now) ? said - 64 : said;
}

/*
 * Returns an initial sequence number: it advances by one each 4 us, from a secret start for each
 * connection (RFC 6528).
 */
u32 tcp_new_iss(const struct inet_sock *i)
{
	u64 words[5] = { [4] = 1UL << 63 | (u64)i->lport << 16 | i->rport };

	memcpy(&words[0], &i->saddr, 16);
	memcpy(&words[2], &i->raddr, 16);
	return tcp_keyed_hash(words, ARRAY_SIZE(words)) + (u32)(ktime_get() / 4000);
}

static u32 header_size(const struct tcp_sock *t)
{
	return (ip_is_v4(&t->flow.daddr) ? 20U : 40U) + sizeof(struct tcphdr);
}

/*
 * Returns the MSS to announce to the peer: the route's advmss, or else the MTU without headers, but
 * then at least route/min_adv_mss, as the path from the peer may be a better one. TCP_MAXSEG is the
 * upper limit.
 */
u16 tcp_advmss(const struct tcp_sock *t, const struct flow *f)
{
	const struct net *net = t->inet.net;
	bool v4 = ip_is_v4(&f->daddr);
	int said = READ_ONCE(*(v4 ? &net->ipv4.min_adv_mss : &net->ipv6.min_adv_mss));
	u32 headers = v4 ? 40 : 60, least = (u32)clamp(said, 0, 65535 - 40);

	u32 mss = f->advmss ? f->advmss : min(max(f->mtu, headers + least) - headers, 65535U - 40);

	return (u16)(t->snd.user_mss ? min(mss, (u32)t->snd.user_mss) : mss);
}

void tcp_sync_mss(struct tcp_sock *t)
{
	u32 least = (u32)READ_ONCE(tcp_net(t)->min_snd_mss);
	u32 room = max(t->flow.mtu, header_size(t) + least) - header_size(t);
	u32 mss = min(room, (u32)t->snd.peer_mss);

	if (t->snd.user_mss)
		mss = min(mss, (u32)t->snd.user_mss);
	if (ip_is_v4(&t->flow.daddr)) /* options count against the MSS (RFC 6691) */
		mss -= min(mss, ip4_opts_len(t->inet.opts4));
	mss = max(mss, least);
	if (t->snd.ts_ok)
		mss -= TS_SPACE;
	t->snd.mss = (u16)mss;
}

void tcp_opts_changed(struct inet_sock *i)
{
	struct tcp_sock *t = container_of(i, struct tcp_sock, inet);

	spin_lock(&i->c.lock);
	if (t->state != TCP_CLOSE && t->state != TCP_LISTEN)
		tcp_sync_mss(t);
	spin_unlock(&i->c.lock);
}

void tcp_mtu_reduced(struct tcp_sock *t, u32 mtu)
{
	if (mtu >= t->flow.mtu)
		return;
	t->flow.mtu = mtu;
	tcp_sync_mss(t);
	tcp_too_large(t);
}

u32 tcp_seg_size(const struct tcp_sock *t)
{
	u32 most = t->snd.max_wnd > MSS_DEFAULT ? t->snd.max_wnd / 2 : t->snd.max_wnd;

	return most && t->snd.mss > most ? max(most, 48U) : t->snd.mss;
}

/* ---- headers ---- */

static u8 *put_ts(u8 *p, u32 val, u32 echo)
{
	u32 be[2] = { htonl(val), htonl(echo) };

	p[0] = p[1] = TCPOPT_PAD;
	p[2] = TCPOPT_STAMPS;
	p[3] = 10;
	memcpy(p + 4, be, sizeof(be));
	return p + TS_SPACE;
}

/*
 * Writes the options of a SYN, or with @ack of a SYN-ACK, to @p. Returns the position behind them.
 */
static u8 *put_syn_options(struct tcp_sock *t, u8 *p, bool ack)
{
	bool sack = ack ? t->snd.sack_ok : tcp_net(t)->sack,
	     ts = ack ? t->snd.ts_ok : tcp_net(t)->timestamps;
	u16 mss = htons(t->snd.advmss);
	u8 *start = p;

	p[0] = TCPOPT_MSS;
	p[1] = 4;
	memcpy(p + 2, &mss, 2);
	p += 4;
	if (sack) {
		p[0] = p[1] = TCPOPT_PAD;
		p[2] = TCPOPT_SACK_OK;
		p[3] = 2;
	}
	if (ts)
		put_ts(p, tcp_ts(t), ack ? t->rcv.ts_recent : 0);
	/* SACK-permitted takes the place of the timestamp option's padding */
	if (sack && ts) {
		p[0] = TCPOPT_SACK_OK;
		p[1] = 2;
	}
	p += ts ? TS_SPACE : sack ? 4 : 0;
	if (ack ? t->snd.wscale_ok : tcp_net(t)->window_scaling) {
		p[0] = TCPOPT_PAD;
		p[1] = TCPOPT_WSCALE;
		p[2] = 3;
		p[3] = t->snd.rcv_wscale;
		p += 4;
	}
	return tcp_fast_option(t, p, 40 - (u32)(p - start));
}

/*
 * Writes to @p the D-SACK block, which is then dropped, and as many SACK blocks as fit into @room
 * bytes. Returns the position behind them: @p if none fits.
 */
static u8 *put_sacks(struct tcp_sock *t, u8 *p, u32 room)
{
	u32 n = t->rcv.nr_sacks, max = t->snd.ts_ok ? 3 : 4, count = 0;
	u8 *head = p;

	max = min(max, (room - min(room, 4U)) / 8);
	if (!max)
		return p;
	p += 4;
	if (t->rcv.dsack.end) {
		u32 be[2] = { htonl(t->rcv.dsack.start), htonl(t->rcv.dsack.end) };

		memcpy(p, be, 8);
		p += 8;
		count++;
		t->rcv.dsack.end = 0;
	}
	for (u32 i = 0; i < n && count < max; i++, count++) {
		u32 be[2] = { htonl(t->rcv.sacks[i].start), htonl(t->rcv.sacks[i].end) };

		memcpy(p, be, 8);
		p += 8;
	}
	head[0] = head[1] = TCPOPT_PAD;
	head[2] = TCPOPT_SACK;
	head[3] = (u8)(2 + count * 8);
	return p;
}

/*
 * Fills in the checksum, or only the sum of the pseudo header if the card completes it. Leaves it 0
 * for a local flow.
 */
static void checksum(struct tcphdr *h, struct sk_buff *skb, const struct flow *f)
{
	u32 len = skb_len(skb), sum;

	if (f->local)
		return;
	sum = csum_pseudo(&f->saddr, &f->daddr, IPPROTO_TCP, len);
	if (f->dev->csum_out) {
		skb->csum_head = skb->head;
		h->check = (u16)~csum_fold(sum);
	} else {
		h->check = csum_fold(skb_sum(skb, 0, len, sum));
	}
}

static bool has_sacks(const struct tcp_sock *t)
{
	return unlikely(t->rcv.nr_sacks || t->rcv.dsack.end) && t->snd.sack_ok;
}

/*
 * Puts the TCP header in front of @skb's payload. Returns false if SACK blocks were due but did not
 * fit; the segment then does not count as the acknowledgement that was due.
 */
static bool push_header(struct tcp_sock *t, struct sk_buff *skb)
{
	u32 room = t->snd.mss - min(skb->len, (u32)t->snd.mss);
	bool sacks_fit = true;
	u8 opts[40], *end = opts, flags = skb->tcp.flags;
	struct tcphdr *h;
	u32 n;

	if (flags & TH_SYN)
		end = put_syn_options(t, end, flags & TH_ACK);
	else {
		if (t->snd.ts_ok)
			end = put_ts(end, tcp_ts(t), t->rcv.ts_recent);
		if (has_sacks(t)) {
			u8 *before = end;

			end = put_sacks(t, end, room);
			sacks_fit = end != before;
		}
	}
	n = (u32)(end - opts);
	memcpy(skb_push(skb, n), opts, n);
	h = skb_push(skb, sizeof(*h));
	memset(h, 0, sizeof(*h));
	h->source = htons(t->inet.lport);
	h->dest = htons(t->inet.rport);
	h->seq = htonl(skb->tcp.seq);
	h->ack_seq = flags & TH_ACK ? htonl(t->rcv.nxt) : 0;
	if (t->snd.urgent && after(t->snd.up, skb->tcp.seq)) {
		h->urg_ptr = htons(min(t->snd.up - skb->tcp.seq, 65535U));
		flags |= TH_URG;
	}
	/* as on Linux: with PSH, GRO passes the packet on at once */
	if (skb->gso)
		flags |= TH_PSH;
	((u8 *)h)[12] = (u8)((sizeof(*h) + n) << 2);
	((u8 *)h)[13] = flags;
	h->window = htons(tcp_take_window(t, flags & TH_SYN));
	checksum(h, skb, &t->flow);
	return sacks_fit;
}

/*
 * True if the card may cut large packets into segments. False with a packet filter, which must see
 * the packets as they are sent.
 */
bool tcp_card_cuts(const struct tcp_sock *t)
{
	return !t->flow.local && t->flow.dev && t->flow.dev->csum_out && !t->inet.opts4 &&
	       !nf_active(t->inet.net) && tcp_seg_size(t) == t->snd.mss;
}

/*
 * Returns the most payload of a new skb: at most a quarter of the send buffer, so that a small
 * buffer holds more than one packet. Then the program writes a packet while one is in flight. With
 * TCP_NOTSENT_LOWAT also at most half of the peer's window, and what cwnd allows now if nothing is
 * unsent and cwnd has room. At least one segment.
 */
u32 tcp_seg_goal(const struct tcp_sock *t)
{
	u32 most = min(SEG_MAX, t->inet.c.sndbuf / 4), flying = tcp_in_flight(t);

	if (!tcp_card_cuts(t))
		return min(tcp_seg_size(t), tcp_burst(t));
	if (unlikely(tcp_notsent_lowat(t) != ~0U)) {
		most = min(most, max(t->snd.max_wnd / 2, MSS_DEFAULT));
		if (!t->snd.head && flying < t->cc.cwnd)
			most = min(most, (t->cc.cwnd - flying) * t->snd.mss);
	}
	return max(most - most % t->snd.mss, (u32)t->snd.mss);
}

static void ack_sent(struct tcp_sock *t)
{
	t->ack.now = t->ack.due = t->ack.small = false;
	if (t->ack.quick)
		t->ack.quick--;
	if (timer_armed(&t->timers.delack))
		tcp_disarm(t, &t->timers.delack);
}

int tcp_look(struct tcp_sock *t)
{
	struct inet_sock *i = &t->inet;
	int err = route_output(i->net, &t->flow);

	if (err) {
		IP_STATS(i->net, !ip_is_v4(&t->flow.daddr)).out_noroutes++;
		/* makes the next segment look up the route again */
		t->flow.gen--;
		return err;
	}
	if (i->opts.frag_size6 && !ip_is_v4(&t->flow.daddr))
		t->flow.mtu = min(t->flow.mtu, (u32)i->opts.frag_size6);
	tcp_sync_mss(t);
	return 0;
}

int tcp_send_segment(struct tcp_sock *t, struct sk_buff *skb)
{
	struct flow f;
	u8 flags = skb->tcp.flags, ecn = tcp_ecn_out(t, skb);
	u32 len = skb->len;
	bool sacks_fit;

	if (unlikely(route_is_old(t->inet.net, &t->flow)) && tcp_look(t)) {
		kfree_skb(skb);
		return -EHOSTUNREACH;
	}
	f = t->flow;
	if (len) {
		t->stats.data_segs_out += max(skb->tcp.segs, (u16)1);
		t->stats.bytes_sent += len;
		t->snd.last = tcp_now(t);
	}
	skb->gso = len > t->snd.mss && !(flags & TH_SYN) ? t->snd.mss : 0;
	sacks_fit = push_header(t, skb);
	if (t->state != TCP_SYN_RECV ||
		/* as on Linux, TCP_INFO of a child does not count its SYN-ACK */
		!(flags & TH_SYN))
		t->stats.segs_out += max(skb->tcp.segs, (u16)1);
	t->inet.net->stats.tcp.out += max(skb->tcp.segs, (u16)1);
	if (flags & TH_ACK && sacks_fit)
		ack_sent(t);
	f.ttl = (u8)(ip_is_v4(&f.daddr) ? max(t->inet.opts.ttl, 0) : max(t->inet.opts.hops, 0));
	f.tos = (ip_is_v4(&f.daddr) ? t->inet.opts.tos : t->inet.opts.tclass) | ecn;
	f.classid = READ_ONCE(t->inet.c.classid);
	f.prioidx = READ_ONCE(t->inet.c.prioidx);
	f.proto = IPPROTO_TCP;
	f.dont_fragment = true;
	f.opts = ip_is_v4(&f.daddr) ? t->inet.opts4 : NULL;
	return ip_send(t->inet.net, skb, &f);
}

/* Sends a clone of @skb, which is in the write queue. Returns 0 or -errno. */
int tcp_transmit(struct tcp_sock *t, struct sk_buff *skb)
{
	struct sk_buff *c = skb_clone(skb, GFP_ATOMIC);

	if (!c)
		return -ENOBUFS;
	skb->tcp.sent = tcp_now(t);
	if (t->loss.ca == CA_RECOVERY)
		t->loss.prr_out++;
	if (unlikely(skb->stamp_wanted) && !skb->tcp.retrans)
		c->stamp_for = &t->inet.c;
	return tcp_send_segment(t, c);
}

static void send_bare(struct tcp_sock *t, u32 seq, u8 flags)
{
	struct sk_buff *skb = skb_alloc(0, GFP_ATOMIC);

	if (!skb) {
		t->ack.due = true;
		tcp_arm(t, &t->timers.delack, RTO_MIN);
		return;
	}
	skb->tcp.seq = seq;
	skb->tcp.flags = flags;
	tcp_send_segment(t, skb);
}

void tcp_send_ack(struct tcp_sock *t)
{
	if (!tcp_in(t, TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN)))
		send_bare(t, t->snd.nxt, TH_ACK);
}

void tcp_send_reset(struct tcp_sock *t)
{
	t->inet.net->stats.tcp.out_rsts++;
	send_bare(t, t->snd.nxt, TH_RST | TH_ACK);
}

/*
 * Sends a probe: an empty segment whose sequence number is already acknowledged, so that the peer
 * must answer. @urgent: its number is snd.una instead, the first that is not acknowledged.
 */
void tcp_send_probe(struct tcp_sock *t, bool urgent)
{
	send_bare(t, t->snd.una - (urgent ? 0 : 1), TH_ACK);
}

/* ---- resets without a socket ---- */

void tcp_refuse(struct net *net, const struct sk_buff *skb)
{
	struct flow f = { .saddr = skb->ip.daddr,
		.daddr = skb->ip.saddr,
		.oif = ip_answer_by(skb),
		.proto = IPPROTO_TCP,
		.sport = skb->dport,
		.dport = skb->sport };
	bool reflects = READ_ONCE(net->ipv6.label_reflect) & REFLECT_RESETS;
	struct sk_buff *r;
	struct tcphdr *h;
	u8 flags = TH_RST;

	if (skb->tcp.flags & TH_RST || skb->broadcast || route_output(net, &f))
		return;
	r = skb_alloc(0, GFP_ATOMIC);
	if (!r)
		return;
	h = skb_push(r, sizeof(*h));
	memset(h, 0, sizeof(*h));
	h->source = htons(skb->dport);
	h->dest = htons(skb->sport);
	if (skb->tcp.flags & TH_ACK) {
		h->seq = htonl(skb->tcp.ack_seq);
	} else {
		flags |= TH_ACK;
		h->ack_seq = htonl(skb->tcp.end_seq);
	}
	((u8 *)h)[12] = sizeof(*h) << 2;
	((u8 *)h)[13] = flags;
	checksum(h, r, &f);
	net->stats.tcp.out++;
	net->stats.tcp.out_rsts++;
	f.label = reflects ? skb->ip.label : 0;
	ip_send(net, r, &f);
}
