/* SPDX-License-Identifier: MIT */
/*
 * tcp_ack.c: what an acknowledgement says: what has arrived, how long it took, what is lost, and how fast to go on.
 *
 *	OPEN      all is well; cwnd grows (slow start, then CUBIC or Reno)
 *	RECOVERY  a segment is lost, later ones have arrived: it goes again, cwnd was cut, until high_seq is acknowledged
 *	LOSS      the timer went off: everything in flight counts as lost, cwnd begins at one
 *
 * Sources: RFC 5681, 6298 (timer), 6582, 6675 and 8985 (SACK scoreboard, tcp_rack.c), 9438 (CUBIC), 5961 (what an acknowledgement may be).
 */
#include <asm/errno.h>

#include "arch/um/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/errqueue.h"
#include "kernel/net/tcp.h"
#include "kernel/sched/task.h"

#define CUBIC_BETA 717 /* of 1024 */
#define CUBIC_C 410    /* 0.4 of 1024 */
#define CWND_MAX 0xffffU

/* ---- round trips (RFC 6298) ---- */

static void rtt_sample(struct tcp_sock *t, u64 rtt)
{
	u64 delta;

	rtt = max(rtt, 1UL);
	if (!t->min_rtt || rtt < t->min_rtt)
		t->min_rtt = rtt;
	if (!t->srtt) {
		t->srtt = rtt;
		t->rttvar = rtt / 2;
	} else {
		delta = t->srtt > rtt ? t->srtt - rtt : rtt - t->srtt;
		t->rttvar = (3 * t->rttvar + delta) / 4;
		t->srtt = (7 * t->srtt + rtt) / 8;
	}
	t->rto = min(max(t->srtt + max(4 * t->rttvar, RTO_MIN), RTO_MIN), RTO_MAX);
}

/* ---- congestion control ---- */

void tcp_cc_init(struct tcp_sock *t)
{
	t->cwnd = INIT_CWND;
	t->ssthresh = 0x7fffffff;
	t->cwnd_cnt = 0;
	t->cubic = (struct cubic){ 0 };
	t->ca = CA_OPEN;
}

static u32 cube_root(u64 n)
{
	u32 low = 0, high = 2097151;

	while (low < high) {
		u32 mid = low + (high - low + 1) / 2;

		if ((u64)mid * mid * mid <= n)
			low = mid;
		else
			high = mid - 1;
	}
	return low;
}

/* K = cbrt((w_max - cwnd) / C), in milliseconds. */
static void cubic_begin(struct tcp_sock *t)
{
	struct cubic *c = &t->cubic;

	c->epoch = ktime_get();
	c->acked = 0;
	c->tcp_cwnd = t->cwnd;
	if (c->w_max > t->cwnd) {
		c->k = cube_root((u64)(c->w_max - t->cwnd) * 1000000000 / CUBIC_C * 1024);
		c->origin = c->w_max;
	} else {
		c->k = 0;
		c->origin = t->cwnd;
	}
}

/* W(t) = C (t - K)^3 + origin, one round trip from now. */
static u32 cubic_target(const struct tcp_sock *t)
{
	const struct cubic *c = &t->cubic;
	s64 ms = (s64)((ktime_get() - c->epoch + t->min_rtt) / MSEC) - c->k;
	s64 d = min_t(s64, ms < 0 ? -ms : ms, 100000);
	u64 grown = (u64)(d * d / 1000 * d / 1000) * CUBIC_C / 1024 / 1000;

	if (ms < 0)
		return c->origin > grown ? c->origin - (u32)grown : 1;
	return (u32)min_t(u64, c->origin + grown, CWND_MAX);
}

static void cubic_grow(struct tcp_sock *t, u32 acked)
{
	struct cubic *c = &t->cubic;
	u32 target;

	if (!c->epoch)
		cubic_begin(t);
	target = cubic_target(t);
	c->acked += acked;
	/* no slower than Reno would be: 3 (1 - beta) / (1 + beta) segments a round trip, about 0.53 */
	while (c->acked * 53 > c->tcp_cwnd * 100) {
		c->acked -= min(c->acked, c->tcp_cwnd * 100 / 53);
		c->tcp_cwnd++;
	}
	target = max(target, c->tcp_cwnd);
	c->cnt = target > t->cwnd ? max(t->cwnd / (target - t->cwnd), 2U) : 100 * t->cwnd;
}

/* Only a window that was used up tells that more would be good (RFC 7661, the simple part). */
static void cwnd_grow(struct tcp_sock *t, u32 acked, u32 in_flight_before)
{
	if (in_flight_before < t->cwnd &&
		!(t->cwnd < t->ssthresh && in_flight_before * 2 >= t->cwnd))
		return;
	if (t->cwnd < t->ssthresh) {
		t->cwnd = min(t->cwnd + acked, CWND_MAX);
		return;
	}
	if (t->reno)
		t->cubic.cnt = t->cwnd;
	else
		cubic_grow(t, acked);
	t->cwnd_cnt += acked;
	while (t->cwnd_cnt >= max(t->cubic.cnt, 1U)) {
		t->cwnd_cnt -= max(t->cubic.cnt, 1U);
		t->cwnd = min(t->cwnd + 1, CWND_MAX);
	}
}

static u32 cut(struct tcp_sock *t)
{
	t->prior_cwnd = t->cwnd;
	t->cubic.epoch = 0;
	t->cubic.w_max = t->cwnd < t->cubic.w_max ? t->cwnd * (1024 + CUBIC_BETA) / 2048 : t->cwnd;
	return max(t->reno ? t->cwnd / 2 : t->cwnd * CUBIC_BETA / 1024, 2U);
}

/* ---- losses ---- */

static void forget_retrans(struct tcp_sock *t, struct sk_buff *skb)
{
	if (!(skb->tcp.sacked & SKB_RETRANS))
		return;
	skb->tcp.sacked &= (u8)~SKB_RETRANS;
	t->retrans_out--;
}

void tcp_mark_lost(struct tcp_sock *t, struct sk_buff *skb)
{
	forget_retrans(t, skb); /* it was sent again, and that was lost, too */
	if (skb->tcp.sacked & (SKB_LOST | SKB_SACKED))
		return;
	skb->tcp.sacked |= SKB_LOST;
	t->lost_out++;
}

void tcp_enter_loss(struct tcp_sock *t)
{
	struct sk_buff *skb;
	bool reneged;

	if (t->ca != CA_LOSS || t->snd_una == t->high_seq)
		t->ssthresh = cut(t);
	t->ca = CA_LOSS;
	t->cwnd = 1;
	t->cwnd_cnt = 0;
	t->high_seq = t->snd_nxt;
	t->dupacks = 0;
	t->tlp_high = 0;
	/* the front was told of, and still is not acknowledged: the peer has thrown away what it had (RFC 2018, 8) */
	skb = list_first_entry_or_null(&t->wq, struct sk_buff, list);
	reneged = skb && skb != t->send_head && skb->tcp.sacked & SKB_SACKED;
	list_for_each_entry(skb, &t->wq, list) {
		if (skb == t->send_head)
			break;
		if (unlikely(reneged) && skb->tcp.sacked & SKB_SACKED) {
			skb->tcp.sacked &= (u8)~SKB_SACKED;
			t->sacked_out--;
		}
		tcp_mark_lost(t, skb);
	}
}

static void enter_recovery(struct tcp_sock *t)
{
	t->ssthresh = cut(t);
	t->cwnd = t->ssthresh;
	t->ca = CA_RECOVERY;
	t->high_seq = t->snd_nxt;
}

void tcp_reduce(struct tcp_sock *t)
{
	t->ssthresh = cut(t);
	t->cwnd = t->ssthresh;
}

void tcp_losses_found(struct tcp_sock *t)
{
	if (t->ca == CA_OPEN)
		enter_recovery(t);
	tcp_retransmit_lost(t);
}

/* Without SACK: three duplicates say that the first is lost, a partial ACK that the next is (RFC 6582). */
static void find_lost_reno(struct tcp_sock *t, bool advanced)
{
	struct sk_buff *first = list_first_entry_or_null(&t->wq, struct sk_buff, list);

	if (!first || first == t->send_head)
		return;
	if (t->dupacks >= DUP_THRESH || (advanced && t->ca == CA_RECOVERY))
		tcp_mark_lost(t, first);
}

/* ---- what was acknowledged ---- */

static bool sacked_by(const struct sk_buff *skb, const struct sack_block *b, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (!before(skb->tcp.seq, b[i].start) && !after(skb->tcp.end_seq, b[i].end))
			return true;
	return false;
}

/*
 * When what has arrived just now was sent, if it went only once; 0: nothing tells. What was told of by an earlier SACK has waited since
 * then for a gap to be filled, and says nothing about the way.
 */
struct arrived {
	u64 sent, sacked; /* by the acknowledgement; by SACK */
	bool again; /* something that went more than once is acknowledged: when its neighbours came is not known */
};

/* Marks what the blocks cover; blocks outside of what is in flight say nothing. True: something new. */
static bool take_sacks(struct tcp_sock *t, const struct sack_block *b, u32 n, struct arrived *when)
{
	struct sk_buff *skb;
	bool any = false;

	if (!n)
		return false;
	list_for_each_entry(skb, &t->wq, list) {
		if (skb == t->send_head)
			break;
		if (skb->tcp.sacked & SKB_SACKED || !sacked_by(skb, b, n))
			continue;
		if (skb->tcp.sacked & SKB_LOST) {
			skb->tcp.sacked &= (u8)~SKB_LOST;
			t->lost_out--;
		}
		if (!skb->tcp.retrans)
			when->sacked = skb->tcp.sent;
		tcp_rack_sent_arrived(t, skb);
		forget_retrans(t, skb);
		skb->tcp.sacked |= SKB_SACKED;
		t->sacked_out++;
		any = true;
	}
	return any;
}

static void forget_counts(struct tcp_sock *t, struct sk_buff *skb)
{
	t->packets_out--;
	forget_retrans(t, skb);
	if (skb->tcp.sacked & SKB_SACKED)
		t->sacked_out--;
	if (skb->tcp.sacked & SKB_LOST)
		t->lost_out--;
}

/* The front of a segment has arrived. */
static void trim_front(struct sk_buff *skb, u32 ack)
{
	u32 n = ack - skb->tcp.seq;

	if (skb->tcp.flags & TH_SYN || n > skb->len)
		return;
	skb->off += n;
	skb->len -= n;
	skb->tcp.seq = ack;
}

/* Everything up to @ack leaves the queue. So many segments. */
static u32 clean_queue(struct tcp_sock *t, u32 ack, struct arrived *when)
{
	u32 n = 0;

	while (!list_empty(&t->wq)) {
		struct sk_buff *skb = list_first_entry(&t->wq, struct sk_buff, list);

		if (skb == t->send_head)
			break;
		if (after(skb->tcp.end_seq, ack)) {
			if (after(ack, skb->tcp.seq))
				trim_front(skb, ack);
			break;
		}
		if (skb->tcp.retrans)
			when->again = true;
		else if (!(skb->tcp.sacked & SKB_SACKED))
			when->sent = skb->tcp.sent;
		if (!(skb->tcp.sacked & SKB_SACKED))
			tcp_rack_sent_arrived(t, skb);
		if (unlikely(skb->stamp_wanted & SKB_STAMP_ACK))
			errq_acked(&t->inet, skb->stamp_key);
		forget_counts(t, skb);
		tcp_unqueue(t, skb);
		n++;
	}
	return n;
}

/* Karn's rule, and timestamps where it leaves nothing (RFC 6298, 3; RFC 7323, 4). */
static void take_rtt(
	struct tcp_sock *t, const struct sk_buff *skb, const struct arrived *when, bool advanced)
{
	u64 sent = when->sent && !when->again ? when->sent : when->sacked;

	if (sent)
		rtt_sample(t, ktime_get() - sent);
	else if (advanced && skb->tcp.saw_ts && skb->tcp.tsecr && t->ts_ok) {
		u32 ms = tcp_ts(t) - skb->tcp.tsecr;

		if (ms < 600000)
			rtt_sample(t, (u64)ms * MSEC);
	}
}

static bool update_window(struct tcp_sock *t, const struct sk_buff *skb)
{
	u32 ack = skb->tcp.ack_seq, wnd = skb->tcp.window;

	if (!(after(ack, t->snd_una) || after(skb->tcp.seq, t->snd_wl1) ||
		    (skb->tcp.seq == t->snd_wl1 && wnd > t->snd_wnd)))
		return false;
	t->snd_wl1 = skb->tcp.seq;
	if (wnd == t->snd_wnd)
		return false;
	t->snd_wnd = wnd;
	t->max_window = max(t->max_window, wnd);
	return true;
}

static void leave_recovery(struct tcp_sock *t)
{
	if (t->ca == CA_OPEN || before(t->snd_una, t->high_seq))
		return;
	if (t->ca == CA_RECOVERY)
		t->cwnd = min(t->cwnd, max(t->ssthresh, 2U));
	t->ca = CA_OPEN;
	t->dupacks = 0;
	tcp_rack_recovered(t);
}

/* A first block below what is acknowledged, or inside the second, tells of what came twice (RFC 2883). */
static bool is_dsack(u32 ack, const struct sack_block *b, u32 n)
{
	if (!n)
		return false;
	return before(b[0].start, ack) ||
	       (n > 1 && !before(b[0].start, b[1].start) && !after(b[0].end, b[1].end));
}

static void react(struct tcp_sock *t, u32 acked, u32 before_acks, bool dup, bool new_sacks)
{
	if (acked)
		t->dupacks = 0;
	else if (dup)
		t->dupacks++;
	leave_recovery(t);
	if (t->sack_ok) {
		if (t->packets_out && (new_sacks || acked || t->ca != CA_OPEN))
			tcp_rack_find_lost(t);
	} else {
		find_lost_reno(t, acked);
	}
	if (t->ca == CA_OPEN && t->lost_out)
		enter_recovery(t);
	if (acked && t->ca != CA_RECOVERY)
		cwnd_grow(t, acked, before_acks);
}

bool tcp_ack(
	struct tcp_sock *t, const struct sk_buff *skb, const struct sack_block *sacks, u32 nr_sacks)
{
	u32 ack = skb->tcp.ack_seq, in_flight = tcp_in_flight(t), acked, was = t->snd_una;
	bool updated, new_sacks, dup;
	struct arrived when = { 0 };

	if (after(ack, t->snd_nxt))
		return false;
	if (before(ack, t->snd_una)) {
		take_sacks(t, sacks, nr_sacks, &when);
		return true;
	}
	updated = update_window(t, skb);
	new_sacks = take_sacks(t, sacks, nr_sacks, &when);
	dup = ack == t->snd_una && t->packets_out && !updated && skb->tcp.seq == skb->tcp.end_seq;
	t->bytes_acked += ack - was;
	t->snd_una = ack;
	acked = clean_queue(t, ack, &when);
	if (ack != was || when.sacked)
		take_rtt(t, skb, &when, ack != was);
	if (ack != was) {
		t->backoff = t->retries = 0;
		t->first_failure = 0;
		t->soft_err = 0;
		tcp_rearm_rtx(t);
	}
	if (updated && t->snd_wnd) {
		t->probes = 0;
		if (!t->packets_out)
			t->backoff = 0;
	}
	if (t->urg_sending && !before(ack, t->snd_up))
		t->urg_sending = false;
	if (unlikely(is_dsack(ack, sacks, nr_sacks)))
		tcp_rack_dsack(t);
	if (unlikely(t->tlp_high))
		tcp_rack_probe_acked(t, ack);
	react(t, acked, in_flight, dup, new_sacks);
	tcp_retransmit_lost(t);
	if (ack != was && t->packets_out)
		tcp_rack_arm_probe(t);
	if (acked || new_sacks)
		tcp_write_space(t);
	return true;
}
