/* SPDX-License-Identifier: MIT */
/*
 * tcp_rack.c: RACK-TLP (RFC 8985): losses are found by time. A segment is lost if one that was sent
 * later has arrived, and a little more than a round trip has passed since it was sent. That holds
 * for retransmissions too. If no segment arrives at all, a tail probe makes the peer acknowledge
 * what it has, long before the retransmission timer.
 *
 *     tcp_rack_sent_arrived  for every segment that an ACK or a SACK block covers
 *     tcp_rack_find_lost     once for each ACK; a timer repeats it for segments that may still
 *                            arrive
 *     tcp_rack_arm_probe     after new data and after progress; the timer is set once, and its
 *                            function checks whether a probe is due
 *
 * Locks: c.lock. Each armed timer holds a reference (tcp_timer.c).
 */
#include "arch/um/machine/arch.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"

#define REO_MULT_MAX 20
/* recoveries without a D-SACK after which the reordering window is narrow again */
#define REO_ROUNDS 16
#define PTO_EXTRA (2 * MSEC)
#define EARLY_PROBE 0
#define EARLY_REORDER 1

static bool sent_after(u64 t1, u32 end1, u64 t2, u32 end2)
{
	return t1 > t2 || (t1 == t2 && after(end1, end2));
}

/*
 * Records reordering: a segment has arrived after later data. @distance: bytes from the start of
 * the segment to the end of that data.
 */
static void note_reordering(struct tcp_sock *t, u32 distance)
{
	u32 segs = (distance + t->snd.mss - 1) / t->snd.mss;

	t->loss.rack.reordered = true;
	t->stats.reord_seen++;
	if (segs > t->loss.reordering)
		t->loss.reordering = min(segs, (u32)READ_ONCE(tcp_net(t)->max_reordering));
}

void tcp_rack_sent_arrived(struct tcp_sock *t, const struct sk_buff *skb)
{
	struct rack *r = &t->loss.rack;
	u64 rtt = tcp_now(t) - skb->tcp.sent;

	if (!skb->tcp.sent)
		return;
	/* the first acknowledgement of a connection sets fack */
	if (!r->xmit || after(skb->tcp.end_seq, r->fack))
		r->fack = skb->tcp.end_seq;
	else if (before(skb->tcp.end_seq, r->old_fack) && !skb->tcp.retrans)
		note_reordering(t, r->fack - skb->tcp.seq);
	/* An acknowledgement so soon after a retransmission must be for an earlier transmission. */
	if (skb->tcp.retrans && t->rtt.min && rtt < t->rtt.min)
		return;
	r->rtt = rtt;
	if (sent_after(skb->tcp.sent, skb->tcp.end_seq, r->xmit, r->end_seq)) {
		r->xmit = skb->tcp.sent;
		r->end_seq = skb->tcp.end_seq;
	}
}

/*
 * Records that the peer reported a duplicate up to @end, so a retransmission was too early: widens
 * the reordering window.
 */
void tcp_rack_dsack(struct tcp_sock *t, u32 end)
{
	t->loss.rack.mult = min(t->loss.rack.mult + 1, (u32)REO_MULT_MAX);
	t->loss.rack.rounds = REO_ROUNDS;
	t->loss.tlp_dsacked |= end == t->loss.tlp_high;
}

/* Counts the end of a recovery. */
void tcp_rack_recovered(struct tcp_sock *t)
{
	if (t->loss.rack.rounds && !--t->loss.rack.rounds)
		t->loss.rack.mult = 1;
}

static u64 reorder_window(const struct tcp_sock *t)
{
	const struct rack *r = &t->loss.rack;

	if (!r->reordered && (t->loss.ca != CA_OPEN || t->loss.sacked_out >= t->loss.reordering))
		return 0;
	return min((u64)max(r->mult, 1U) * t->rtt.min / 4, t->rtt.srtt);
}

/*
 * Marks segments that are lost by now, and sets the timer for those that may still arrive. Returns
 * true if any is lost.
 */
bool tcp_rack_find_lost(struct tcp_sock *t)
{
	const struct rack *r = &t->loss.rack;
	u64 now = tcp_now(t), grace = r->rtt + reorder_window(t), wait = 0;
	struct sk_buff *skb;
	bool any = false;

	if (!r->xmit)
		return false;
	list_for_each_entry(skb, &t->snd.wq, list) {
		if (skb == t->snd.head)
			break;
		if (skb->tcp.sacked & SKB_SACKED ||
			(skb->tcp.sacked & SKB_LOST && !(skb->tcp.sacked & SKB_RETRANS)) ||
			!sent_after(r->xmit, r->end_seq, skb->tcp.sent, skb->tcp.end_seq))
			continue;
		if (skb->tcp.sent + grace <= now) {
			tcp_mark_lost(t, skb);
			any = true;
		} else {
			wait = max(wait, skb->tcp.sent + grace - now);
		}
	}
	if (wait) {
		t->loss.early_kind = EARLY_REORDER;
		tcp_arm(t, &t->timers.early, wait + 10000);
	}
	return any;
}

/* ---- tail probes ---- */

static u64 probe_timeout(const struct tcp_sock *t)
{
	u64 pto = t->rtt.srtt ? 2 * t->rtt.srtt : RTO_INIT;

	/* the acknowledgement of a single segment may be delayed */
	pto += t->loss.packets_out == 1 ? t->rtt.rto_min : PTO_EXTRA;
	return min(pto, t->rtt.rto);
}

static bool may_probe(const struct tcp_sock *t)
{
	int early = READ_ONCE(tcp_net(t)->early_retrans);

	return (early == 3 || early == 4) && t->loss.ca == CA_OPEN && t->snd.sack_ok &&
	       t->loss.packets_out && !t->loss.sacked_out && !t->loss.tlp_high &&
	       tcp_in(t,
		       TCPF_SENDING | TCPF(TCP_FIN_WAIT1) | TCPF(TCP_LAST_ACK) | TCPF(TCP_CLOSING));
}

void tcp_rack_arm_probe(struct tcp_sock *t)
{
	u64 in;

	t->loss.progress = tcp_now(t);
	if (!may_probe(t))
		return;
	in = probe_timeout(t);
	if (timer_armed(&t->timers.early) &&
		(t->loss.early_kind != EARLY_PROBE ||
			t->timers.early.expires <= t->loss.progress + in))
		return;
	t->loss.early_kind = EARLY_PROBE;
	tcp_arm(t, &t->timers.early, in);
}

/* Sends new data if the window allows it, else the last segment again. */
static void send_probe(struct tcp_sock *t)
{
	u32 was = t->snd.nxt;
	struct sk_buff *last;

	t->loss.tlp_dsacked = false;
	if (t->snd.head) {
		bool nodelay = t->snd.nodelay, corked = t->snd.corked;
		u32 cwnd = t->cc.cwnd;

		t->cc.cwnd = max(t->cc.cwnd, tcp_in_flight(t) + 1);
		t->snd.nodelay = true; /* sends partial segments too */
		t->snd.corked = false;
		tcp_push(t, false);
		t->snd.nodelay = nodelay;
		t->snd.corked = corked;
		t->cc.cwnd = cwnd;
	}
	t->loss.tlp_retrans = t->snd.nxt == was;
	if (t->loss.tlp_retrans) {
		last = t->snd.head ? list_prev_entry(t->snd.head, list) :
				     list_last_entry(&t->snd.wq, struct sk_buff, list);
		/* The MSS may have grown since the segments of `last` were counted. */
		if (last->tcp.segs > 1 && (last->tcp.segs - 1U) * t->snd.mss < last->len) {
			if (tcp_split(t, last, (last->tcp.segs - 1U) * t->snd.mss))
				return;
			last = list_next_entry(last, list);
		}
		if (tcp_beyond_window(t, last) || tcp_transmit(t, last))
			return;
		last->tcp.retrans++;
		t->stats.bytes_retrans += last->len;
		t->stats.retrans++;
		t->inet.net->stats.tcp.retrans++;
	}
	t->loss.tlp_high = t->snd.nxt;
	tcp_rearm_rtx(t);
}

/*
 * Evaluates an acknowledgement while a probe is outstanding (RFC 8985, 7.4.2). If only the probe's
 * end is acknowledged, the acknowledgement of the original may just have been late. If later data
 * is acknowledged and the peer has reported no duplicate, the original was lost, and cwnd is cut.
 */
void tcp_rack_probe_acked(struct tcp_sock *t, u32 ack, bool twice)
{
	if (!t->loss.tlp_high || before(ack, t->loss.tlp_high))
		return;
	if (t->loss.tlp_retrans && !t->loss.tlp_dsacked && !twice) {
		if (ack == t->loss.tlp_high)
			return;
		if (t->loss.ca == CA_OPEN)
			tcp_reduce(t);
	}
	t->loss.tlp_high = 0;
}

bool tcp_rack_probe_first(struct tcp_sock *t)
{
	if (!timer_armed(&t->timers.early) || t->loss.early_kind != EARLY_PROBE || !may_probe(t) ||
		t->loss.progress + probe_timeout(t) > tcp_now(t) + MSEC)
		return false;
	tcp_disarm(t, &t->timers.early);
	send_probe(t);
	if (!timer_armed(&t->timers.rtx))
		tcp_rearm_rtx(t);
	return true;
}

void tcp_early_timer(struct tcp_sock *t)
{
	u64 due = t->loss.progress + probe_timeout(t), now = ktime_get();

	if (t->loss.early_kind == EARLY_REORDER) {
		if (tcp_rack_find_lost(t))
			tcp_losses_found(t);
		return;
	}
	if (!may_probe(t))
		return;
	if (due > now)
		tcp_arm(t, &t->timers.early, due - now);
	else
		send_probe(t);
}
