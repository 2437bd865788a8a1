/* SPDX-License-Identifier: MIT */
/*
 * tcp_push.c: which segments are sent, and when (window, cwnd, Nagle's rule); and the write queue,
 * which keeps them until they are acknowledged. SYN and FIN are in the queue like data. tcp_out.c
 * sends a segment.
 *
 * Sources: RFC 9293; 896 and Minshall's change to it (Nagle); 1122 (4.2.3.4, silly windows).
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/net/tcp/tcp.h"

/* ---- the queue ---- */

void tcp_queue(struct tcp_sock *t, struct sk_buff *skb)
{
	list_add_tail(&skb->list, &t->snd.wq);
	skb->charged = skb_truesize(skb);
	t->snd.wmem += skb->charged;
	if (!t->snd.head)
		t->snd.head = skb;
}

void tcp_unqueue(struct tcp_sock *t, struct sk_buff *skb)
{
	if (t->snd.head == skb)
		t->snd.head = list_is_last_skb(&t->snd.wq, skb) ? NULL : list_next_entry(skb, list);
	list_del_init(&skb->list);
	t->snd.wmem -= min(t->snd.wmem, skb->charged);
	kfree_skb(skb);
}

int tcp_split(struct tcp_sock *t, struct sk_buff *skb, u32 len)
{
	struct sk_buff *rest = skb_clone(skb, GFP_ATOMIC);

	if (!rest)
		return -ENOMEM;
	rest->off += len;
	rest->len -= len;
	rest->tcp.seq += len;
	skb->len = len;
	/* a requested timestamp is for the last byte, which is in `rest` */
	skb->stamp_wanted = 0;
	skb->tcp.end_seq = rest->tcp.seq;
	skb->tcp.flags &= (u8) ~(TH_FIN | TH_PSH);
	skb->tcp.eor = false;
	list_add(&rest->list, &skb->list);
	/* Both skbs share the buffer, which is charged to `rest`. */
	rest->charged = skb->charged;
	skb->charged = sizeof(*skb);
	t->snd.wmem += sizeof(*skb);
	if (before(skb->tcp.seq, t->snd.nxt) && t->snd.head != skb) { /* both skbs are sent */
		rest->tcp.segs = tcp_segs_of(t, rest->len);
		tcp_recount(t, skb, rest->tcp.segs);
	}
	return 0;
}

void tcp_recount(struct tcp_sock *t, struct sk_buff *skb, u16 beside)
{
	/* modulo 2^32, since the difference may be negative */
	u32 more = tcp_segs_of(t, skb->len) + beside - skb->tcp.segs;

	skb->tcp.segs = tcp_segs_of(t, skb->len);
	t->loss.packets_out += more;
	if (skb->tcp.sacked & SKB_LOST)
		t->loss.lost_out += more;
	if (skb->tcp.sacked & SKB_RETRANS)
		t->loss.retrans_out += more;
	if (skb->tcp.sacked & SKB_SACKED)
		t->loss.sacked_out += more;
}

/* ---- new data ---- */

static u32 window_left(const struct tcp_sock *t, const struct sk_buff *skb)
{
	u32 end = t->snd.una + t->snd.wnd;

	return after(end, skb->tcp.seq) ? end - skb->tcp.seq : 0;
}

/*
 * True if the last @len bytes of @skb must wait for more data. TCP_CORK and @more (the caller will
 * add data) hold them always. Otherwise, by Nagle's rule as changed by Minshall, only one segment
 * that is not full may be in flight.
 */
static bool holds_back(const struct tcp_sock *t, const struct sk_buff *skb, u32 len, bool more)
{
	if (len >= tcp_seg_size(t) || skb->tcp.flags & (TH_FIN | TH_SYN) || t->snd.urgent)
		return false;
	if (len >= tcp_burst(t)) /* the largest size of a packet */
		return false;
	if (skb->list.next != &t->snd.wq)
		/* more data is queued behind this segment */
		return false;
	if (more || t->snd.corked)
		return true;
	if (t->snd.nodelay)
		return false;
	return t->loss.packets_out && after(t->snd.sml, t->snd.una) &&
	       !after(t->snd.sml, t->snd.nxt);
}

static void sent_new(struct tcp_sock *t, struct sk_buff *skb)
{
	bool was_idle = !t->loss.packets_out;

	t->snd.head = list_is_last_skb(&t->snd.wq, skb) ? NULL : list_next_entry(skb, list);
	t->snd.nxt = skb->tcp.end_seq;
	skb->tcp.segs = tcp_segs_of(t, skb->len);
	t->loss.packets_out += skb->tcp.segs;
	if (!(skb->tcp.flags & TH_SYN))
		t->inet.net->stats.tcp_ext[TCP_EXT_TCPOrigDataSent] += skb->tcp.segs;
	if (was_idle)
		tcp_rearm_rtx(t);
	tcp_rack_arm_probe(t);
	if (skb->len % t->snd.mss)
		t->snd.sml = skb->tcp.end_seq;
	if (!t->ack.pingpong && t->ack.heard && tcp_now(t) - t->rcv.last < ATO_MIN) {
		t->ack.exchanges = (u8)min(t->ack.exchanges + 1, 255);
		t->ack.pingpong = t->ack.exchanges >= READ_ONCE(tcp_net(t)->pingpong_thresh);
	}
}

u64 tcp_pacing_rate(const struct tcp_sock *t)
{
	const struct tcp_net *n = tcp_net(t);
	u64 rate;

	if (!t->rtt.srtt)
		return ~0UL;
	rate = (u64)t->snd.mss * max(t->cc.cwnd, t->loss.packets_out) * NSEC_PER_SEC / t->rtt.srtt;
	return rate / 100 *
	       (u64)READ_ONCE(*(t->cc.cwnd < t->cc.ssthresh / 2 ? &n->pacing_ss : &n->pacing_ca));
}

/*
 * Returns the number of segments in one TSO packet: what the pacing rate sends in about a
 * millisecond, so that a slow path gets no bursts. A short RTT adds to that. At most SEG_MAX bytes,
 * but at least tcp_min_tso_segs segments.
 */
static u32 tso_segs(const struct tcp_sock *t, u32 seg)
{
	u64 bytes = tcp_pacing_rate(t) >> 10;
	u32 shift = (u32)READ_ONCE(tcp_net(t)->tso_rtt_log);
	u64 r = shift < 64 ? t->rtt.min / USEC >> shift : 0;

	bytes = min(bytes, (u64)SEG_MAX);
	if (r < 32)
		bytes += SEG_MAX >> r;
	return max((u32)min(bytes, (u64)SEG_MAX) / seg, (u32)READ_ONCE(tcp_net(t)->min_tso_segs));
}

/*
 * Returns the bytes that may be sent in one packet: one segment, or a TSO packet of at most half of
 * cwnd, so that one half is acknowledged while the other is in flight. The caller has checked that
 * cwnd allows one segment.
 */
static u32 burst(const struct tcp_sock *t, u32 seg)
{
	u32 n;

	if (!tcp_card_cuts(t))
		return seg;
	n = min(t->cc.cwnd - tcp_in_flight(t), max(t->cc.cwnd / 2, 1U));
	return min(min(n, tso_segs(t, seg)) * seg, SEG_MAX);
}

/*
 * Returns how many bytes of @skb's payload may be sent now, by window, cwnd and segment size. 1 for
 * a FIN without payload that fits into the window; 0: none.
 */
static u32 sendable(struct tcp_sock *t, struct sk_buff *skb, bool more)
{
	u32 left = window_left(t, skb), seg = tcp_seg_size(t), n = min(skb->len, burst(t, seg)),
	    tail;

	if (skb->tcp.end_seq - skb->tcp.seq <= left && skb->len <= seg)
		return max(skb->len, 1U);
	if (n > seg) {
		n = max(min(n, left), seg);
		tail = n % seg;
		if (tail && (n < skb->len || holds_back(t, skb, tail, more)))
			n -= tail;
	}
	if (n <= left)
		return n;
	/*
	 * Send a part of a segment, unless that would be the silly-window syndrome (RFC 1122,
	 * 4.2.3.4).
	 */
	if (left >= seg || (left && left >= t->snd.max_wnd / 2) || (left && !t->loss.packets_out))
		return left;
	return 0;
}

static void note_busy(struct tcp_sock *t, bool closed)
{
	int kind = closed ? CHRONO_WINDOW : CHRONO_BUSY;

	if (t->stats.chrono_kind != kind &&
		!(kind == CHRONO_BUSY && t->stats.chrono_kind == CHRONO_BUFFER))
		tcp_chrono(t, kind);
}

void tcp_push(struct tcp_sock *t, bool more)
{
	bool limited = false, any = false, closed = false, timed = tcp_now_begin(t);

	if (t->snd.head)
		tcp_cwnd_idle(t);
	while (t->snd.head && !tcp_in(t, TCPF(TCP_CLOSE))) {
		struct sk_buff *skb = t->snd.head;
		u32 n;

		limited = tcp_in_flight(t) >= t->cc.cwnd;
		if (limited || holds_back(t, skb, skb->len, more))
			break;
		n = sendable(t, skb, more);
		closed = !n;
		if (!n || (n < skb->len && tcp_split(t, skb, n)))
			break;
		if (tcp_transmit(t, skb) == -ENOBUFS)
			break;
		sent_new(t, skb);
		any = true;
	}
	limited |= tcp_in_flight(t) >= t->cc.cwnd;
	if (any || limited)
		tcp_cwnd_used(t, limited);
	if (!list_empty(&t->snd.wq))
		note_busy(t, closed);
	if (t->snd.head && !t->loss.packets_out && !timer_armed(&t->timers.rtx))
		tcp_arm(t, &t->timers.rtx,
			holds_back(t, t->snd.head, t->snd.head->len, more) ? CORK_MAX : t->rtt.rto);
	tcp_now_end(t, timed);
}

/*
 * True if @skb is beyond the window because the peer has shrunk it. False for the first segment,
 * whose retransmission probes the window.
 */
bool tcp_beyond_window(const struct tcp_sock *t, const struct sk_buff *skb)
{
	return skb->tcp.seq != t->snd.una && !window_left(t, skb);
}

/*
 * Merges a FIN without data into @skb, which precedes it, if both are lost and @skb is not a full
 * segment. So one segment carries both. A FIN beyond the window stays separate.
 */
static void join_fin(struct tcp_sock *t, struct sk_buff *skb)
{
	struct sk_buff *fin;

	if (list_is_last_skb(&t->snd.wq, skb) || !skb->len || skb->len >= t->snd.mss ||
		skb->tcp.eor)
		return;
	fin = list_next_entry(skb, list);
	if (fin == t->snd.head || fin->len || !(fin->tcp.flags & TH_FIN) ||
		!(fin->tcp.sacked & SKB_LOST) || fin->tcp.sacked & (SKB_RETRANS | SKB_SACKED) ||
		tcp_beyond_window(t, fin))
		return;
	skb->tcp.flags |= fin->tcp.flags;
	skb->tcp.end_seq = fin->tcp.end_seq;
	t->loss.packets_out -= fin->tcp.segs;
	t->loss.lost_out -= fin->tcp.segs;
	tcp_unqueue(t, fin);
}

/* Retransmits segments marked as lost, as far as cwnd and the window allow. */
void tcp_retransmit_lost(struct tcp_sock *t)
{
	struct sk_buff *skb;

	if (!t->loss.lost_out)
		return;
	list_for_each_entry(skb, &t->snd.wq, list) {
		if (skb == t->snd.head || tcp_in_flight(t) >= t->cc.cwnd)
			break;
		if (!(skb->tcp.sacked & SKB_LOST) || skb->tcp.sacked & (SKB_RETRANS | SKB_SACKED))
			continue;
		if (tcp_beyond_window(t, skb) ||
			(skb->len > t->snd.mss && tcp_split(t, skb, t->snd.mss)))
			break;
		join_fin(t, skb);
		if (!t->loss.undo.stamped) {
			t->loss.undo.stamped = true;
			t->loss.undo.stamp = tcp_ts(t);
		}
		if (tcp_transmit(t, skb) == -ENOBUFS)
			break;
		t->loss.undo.retrans = max(t->loss.undo.retrans, 0) + 1;
		t->stats.bytes_retrans += skb->len;
		skb->tcp.sacked |= SKB_RETRANS;
		skb->tcp.retrans++;
		t->loss.retrans_out += skb->tcp.segs;
		t->stats.retrans++;
		if (skb->tcp.flags & TH_SYN)
			TCP_EXT_COUNT(t->inet.net, TCPSynRetrans);
		t->inet.net->stats.tcp.retrans++;
	}
}

/* ---- SYN and FIN are queued like data ---- */

int tcp_send_syn(struct tcp_sock *t)
{
	struct sk_buff *skb = skb_alloc(0, GFP_ATOMIC), *data = NULL;

	if (!skb)
		return -ENOBUFS;
	skb->tcp.flags = t->state == TCP_SYN_RECV ? TH_SYN | TH_ACK : TH_SYN;
	skb->tcp.seq = t->snd.iss;
	skb->tcp.end_seq = t->snd.iss + 1;
	t->snd.write_seq = t->snd.pushed = skb->tcp.end_seq;
	tcp_queue(t, skb);
	if (t->state == TCP_SYN_SENT)
		t->timers.first_failure = ktime_get();
	if (unlikely(t->fast.syn_data)) {
		data = tcp_fast_send_syn(t);
		skb->tcp.sent = data->tcp.sent;
	} else {
		tcp_transmit(t, skb);
	}
	sent_new(t, skb);
	if (unlikely(data))
		sent_new(t, data);
	return 0;
}

void tcp_send_synack(struct tcp_sock *t)
{
	struct sk_buff *skb = skb_alloc(0, GFP_ATOMIC);

	if (!skb)
		return;
	skb->tcp.flags = TH_SYN | TH_ACK;
	skb->tcp.seq = t->snd.iss;
	skb->tcp.end_seq = t->snd.iss + 1;
	tcp_send_segment(t, skb);
}

void tcp_send_fin(struct tcp_sock *t)
{
	struct sk_buff *skb =
		t->snd.head ? list_last_entry(&t->snd.wq, struct sk_buff, list) : NULL;

	if (skb) {
		skb->tcp.flags |= TH_FIN | TH_ACK;
		skb->tcp.end_seq++;
	} else {
		skb = skb_alloc(0, GFP_ATOMIC);
		/* without an skb in the queue, no timer would retransmit the FIN */
		if (!skb) {
			tcp_send_reset(t);
			tcp_fail(t, -ENOBUFS);
			return;
		}
		skb->tcp.flags = TH_FIN | TH_ACK;
		skb->tcp.seq = t->snd.write_seq;
		skb->tcp.end_seq = t->snd.write_seq + 1;
		tcp_queue(t, skb);
	}
	t->snd.write_seq++;
	t->snd.corked = false;
	tcp_push(t, false);
}
