/* SPDX-License-Identifier: MIT */
/*
 * tcp_recover.c: after a loss: what counts as lost, how much may go while it is mended, and whether
 * it was a mistake.
 *
 *	OPEN -> RECOVERY	tcp_losses_found, tcp_react: cwnd goes down to ssthresh as segments
 *	                        arrive (proportional rate reduction, RFC 6937)
 *	OPEN, RECOVERY -> LOSS	tcp_enter_loss: the timer went off; cwnd begins at one
 *	-> OPEN			everything up to high_seq has arrived; or the loss was none (undo)
 *
 * It was none when all that went again has arrived twice (D-SACK, RFC 3708), when what is
 * acknowledged was sent before we sent anything again (timestamps, RFC 3522), or when, after the
 * timer, something arrives that went only once (F-RTO, RFC 5682). cwnd and ssthresh are then as
 * before. c.lock held throughout.
 */
#include "arch/um/machine/arch.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/task.h"

void tcp_forget_retrans(struct tcp_sock *t, struct sk_buff *skb)
{
	if (!(skb->tcp.sacked & SKB_RETRANS))
		return;
	skb->tcp.sacked &= (u8)~SKB_RETRANS;
	t->retrans_out -= skb->tcp.segs;
}

void tcp_mark_lost(struct tcp_sock *t, struct sk_buff *skb)
{
	/* it was sent again, and that was lost, too */
	tcp_forget_retrans(t, skb);
	if (skb->tcp.sacked & (SKB_LOST | SKB_SACKED))
		return;
	skb->tcp.sacked |= SKB_LOST;
	t->lost_out += skb->tcp.segs;
}

/* ---- was it a mistake? ---- */

static void undo_begin(struct tcp_sock *t)
{
	t->undo = (struct undo){ .on = true,
		.marker = t->snd_una,
		.retrans = t->retrans_out ? (int)t->retrans_out : -1,
		.cwnd = t->cwnd,
		.ssthresh = t->ssthresh,
		.w_max = t->cubic.w_max };
}

void tcp_undo_dsack(struct tcp_sock *t, const struct sack_block *b)
{
	if (t->undo.on && t->undo.retrans > 0 && !after(b->end, t->snd_una) &&
		after(b->end, t->undo.marker))
		t->undo.retrans--;
}

static bool may_undo(const struct tcp_sock *t, const struct sk_buff *ack)
{
	if (!t->undo.on)
		return false;
	return !t->undo.retrans ||
	       (t->ts_ok && ack->tcp.saw_ts && ack->tcp.tsecr && t->undo.stamped &&
		       before(ack->tcp.tsecr, t->undo.stamp));
}

static void undo(struct tcp_sock *t)
{
	t->cwnd = max(t->cwnd, t->undo.cwnd);
	t->ssthresh = max(t->ssthresh, t->undo.ssthresh);
	t->cubic.w_max = max(t->cubic.w_max, t->undo.w_max);
	t->undo.on = false;
}

static void unmark(struct tcp_sock *t)
{
	struct sk_buff *skb;

	list_for_each_entry(skb, &t->wq, list) {
		if (skb == t->send_head)
			break;
		skb->tcp.sacked &= (u8)~SKB_LOST;
	}
	t->lost_out = 0;
}

/* ---- the timer ---- */

void tcp_enter_loss(struct tcp_sock *t)
{
	struct sk_buff *skb;
	bool reneged;

	t->frto = t->ca == CA_OPEN || t->retries > 1;
	/* enough had arrived to see the loss, if less reordering were expected */
	if (t->ca == CA_OPEN && t->sacked_out >= (u32)READ_ONCE(tcp_net(t)->reordering))
		t->reordering = min(t->reordering, (u32)READ_ONCE(tcp_net(t)->reordering));
	if (t->ca == CA_OPEN || !after(t->high_seq, t->snd_una) ||
		(t->ca == CA_LOSS && t->retries == 1)) { /* 0: only asked for a window */
		undo_begin(t);
		t->ssthresh = tcp_cut(t);
	}
	t->ca = CA_LOSS;
	t->cwnd = 1;
	t->cwnd_cnt = 0;
	t->high_seq = t->snd_nxt;
	t->dupacks = 0;
	t->tlp_high = 0;
	if (!t->sack_ok)
		t->sacked_out = 0;
	/*
	 * the front was told of, and still is not acknowledged: the peer has thrown away what it
	 * had (RFC 2018, 8)
	 */
	skb = list_first_entry_or_null(&t->wq, struct sk_buff, list);
	reneged = skb && skb != t->send_head && skb->tcp.sacked & SKB_SACKED;
	list_for_each_entry(skb, &t->wq, list) {
		if (skb == t->send_head)
			break;
		if (unlikely(reneged) && skb->tcp.sacked & SKB_SACKED) {
			skb->tcp.sacked &= (u8)~SKB_SACKED;
			t->sacked_out -= skb->tcp.segs;
		}
		tcp_mark_lost(t, skb);
	}
}

/*
 * What is too large for the way goes again in smaller pieces; there is no more in flight for it,
 * and cwnd stays (RFC 1191, 6.5).
 */
void tcp_too_large(struct tcp_sock *t)
{
	struct sk_buff *skb;
	bool any = false;

	list_for_each_entry(skb, &t->wq, list) {
		if (skb == t->send_head)
			break;
		if (skb->len <= t->mss || skb->tcp.sacked & SKB_SACKED)
			continue;
		tcp_mark_lost(t, skb);
		any = true;
	}
	if (!any)
		return;
	if (t->ca != CA_LOSS) {
		t->high_seq = t->snd_nxt;
		t->ssthresh = max(t->ssthresh == SSTHRESH_INFINITE ? t->cwnd : t->ssthresh, 2U);
		t->undo.on = false;
		t->frto = false;
		t->ca = CA_LOSS;
	}
	tcp_retransmit_lost(t);
}

/* ---- recovery ---- */

static void enter_recovery(struct tcp_sock *t)
{
	undo_begin(t);
	t->prior_cwnd = t->cwnd;
	t->ssthresh = tcp_cut(t);
	t->prr_delivered = t->prr_out = 0;
	t->ca = CA_RECOVERY;
	t->high_seq = t->snd_nxt;
	t->tlp_high = 0; /* it has cut already */
}

/*
 * For each segment that arrives, ssthresh of the cwnd before may go; below ssthresh, as in slow
 * start; the first lost one at once.
 */
static void reduce_rate(struct tcp_sock *t, u32 delivered, bool advanced)
{
	s32 in_flight = (s32)tcp_in_flight(t), left = (s32)t->ssthresh - in_flight, n;

	/* it says nothing, and cwnd must not become none */
	if (!delivered)
		return;
	t->prr_delivered += delivered;
	if (left < 0)
		n = (s32)(((u64)t->ssthresh * t->prr_delivered + t->prior_cwnd - 1) /
			    max(t->prior_cwnd, 1U)) -
		    (s32)t->prr_out;
	else
		n = min(left, max((s32)(t->prr_delivered - t->prr_out), (s32)delivered) + advanced);
	n = max(n, t->prr_out ? 0 : 1);
	t->cwnd = (u32)(in_flight + n);
}

void tcp_reduce(struct tcp_sock *t)
{
	t->ssthresh = tcp_cut(t);
	t->cwnd = t->ssthresh;
}

void tcp_losses_found(struct tcp_sock *t)
{
	if (t->ca == CA_OPEN) {
		enter_recovery(t);
		reduce_rate(t, 1, false);
	}
	tcp_retransmit_lost(t);
}

/*
 * Without SACK: three duplicates (tcp_reordering) say that the first is lost, a partial ACK that
 * the next is (RFC 6582).
 */
static void find_lost_reno(struct tcp_sock *t, bool advanced)
{
	struct sk_buff *first = list_first_entry_or_null(&t->wq, struct sk_buff, list);

	if (!first || first == t->send_head)
		return;
	if ((t->dupacks >= t->reordering && t->ca == CA_OPEN) || (advanced && t->ca == CA_RECOVERY))
		tcp_mark_lost(t, first);
}

/* Without SACK each duplicate says that something has arrived, if not what. */
static void count_duplicates(struct tcp_sock *t, u32 acked, bool dup, struct arrived *when)
{
	if (acked)
		t->sacked_out -= min(acked - 1, t->sacked_out);
	else if (dup && t->sacked_out + t->lost_out < t->packets_out) {
		t->sacked_out++;
		when->delivered++;
	}
	t->sacked_out = min(t->sacked_out, t->packets_out - min(t->lost_out, t->packets_out));
}

static void leave(struct tcp_sock *t)
{
	if (t->ca == CA_RECOVERY)
		t->cwnd = max(t->ssthresh, 2U);
	t->ca = CA_OPEN;
	t->dupacks = 0;
	t->frto = false;
	if (!t->sack_ok)
		t->sacked_out = 0;
	tcp_rack_recovered(t);
}

/* After the timer. True: it was a mistake, or new data will tell. */
static bool after_timer(
	struct tcp_sock *t, const struct sk_buff *ack, const struct arrived *when, bool dup)
{
	bool advanced = when->acked, recovered = !before(t->snd_una, t->high_seq);

	if ((advanced && may_undo(t, ack)) || (t->frto && when->orig && t->undo.on)) {
		undo(t);
		unmark(t);
		t->ca = CA_OPEN;
		t->frto = false;
		return true;
	}
	if (!t->frto)
		return false;
	if (after(t->snd_nxt, t->high_seq)) {
		if (when->sacks || dup)
			t->frto = false;
	} else if (advanced && !recovered) {
		t->high_seq = t->snd_nxt;
		if (t->send_head) {
			tcp_push(t, false);
			if (after(t->snd_nxt, t->high_seq))
				return true;
		}
		t->frto = false;
	}
	return false;
}

void tcp_react(struct tcp_sock *t, const struct sk_buff *ack, struct arrived *when, bool dup)
{
	bool wait = false;

	if (when->acked)
		t->dupacks = 0;
	else if (dup)
		t->dupacks++;
	if (!t->sack_ok)
		count_duplicates(t, when->acked, dup, when);
	t->delivered += when->delivered;
	t->inet.net->stats.tcp_ext[TCP_EXT_TCPDelivered] += when->delivered - when->synack;
	if (t->ca == CA_LOSS) {
		if (when->acked)
			tcp_cwnd_grow(t, when->acked);
		wait = after_timer(t, ack, when, dup);
	} else if (when->acked && t->ca == CA_OPEN) {
		tcp_cwnd_grow(t, when->acked);
	}
	if (t->ca != CA_OPEN && !before(t->snd_una, t->high_seq)) {
		leave(t);
		if (may_undo(t, ack))
			undo(t);
	} else if (t->ca == CA_OPEN && when->dsack && t->undo.on && !t->undo.retrans) {
		undo(t);
	}
	if (wait)
		return;
	if (!t->sack_ok)
		find_lost_reno(t, when->acked);
	else if (t->packets_out && (when->sacks || when->acked || t->ca != CA_OPEN))
		tcp_rack_find_lost(t);
	if (t->ca == CA_OPEN && t->lost_out)
		enter_recovery(t);
	if (t->ca == CA_RECOVERY)
		reduce_rate(t, when->delivered, when->acked);
	tcp_retransmit_lost(t);
}
