/* SPDX-License-Identifier: MIT */
/*
 * tcp_recover.c: recovery from a loss: which segments count as lost, how much may be sent while
 * they are repaired, and whether the loss was spurious.
 *
 *     OPEN -> RECOVERY        tcp_losses_found, tcp_react: cwnd goes down to ssthresh as segments
 *                             arrive (proportional rate reduction, RFC 9937)
 *     OPEN, RECOVERY -> LOSS  tcp_enter_loss: the timer has expired; cwnd begins at one
 *     -> OPEN                 everything up to high_seq has arrived; or the loss was spurious
 *                             (undo)
 *
 * A loss was spurious if all retransmissions were reported as duplicates (D-SACK, RFC 3708), or if
 * the acknowledged segment was sent before the first retransmission (timestamps, RFC 3522), or if,
 * after the timer, a segment arrives that was never retransmitted (F-RTO, RFC 5682). Then cwnd and
 * ssthresh are restored. c.lock is held throughout.
 */
#include "arch/um/machine/arch.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"

void tcp_forget_retrans(struct tcp_sock *t, struct sk_buff *skb)
{
	if (!(skb->tcp.sacked & SKB_RETRANS))
		return;
	skb->tcp.sacked &= (u8)~SKB_RETRANS;
	t->loss.retrans_out -= skb->tcp.segs;
}

void tcp_mark_lost(struct tcp_sock *t, struct sk_buff *skb)
{
	if (!(skb->tcp.sacked & SKB_LOST) || skb->tcp.sacked & SKB_RETRANS)
		t->loss.newly_lost += skb->tcp.segs;
	/* if @skb was retransmitted, the retransmission was lost too */
	tcp_forget_retrans(t, skb);
	if (skb->tcp.sacked & (SKB_LOST | SKB_SACKED))
		return;
	skb->tcp.sacked |= SKB_LOST;
	t->loss.lost_out += skb->tcp.segs;
}

/* ---- spurious losses ---- */

static void undo_begin(struct tcp_sock *t)
{
	t->loss.undo = (struct undo){ .on = true,
		.marker = t->snd.una,
		.retrans = t->loss.retrans_out ? (int)t->loss.retrans_out : -1,
		.cwnd = t->cc.cwnd,
		.ssthresh = t->cc.ssthresh,
		.w_max = t->cc.cubic.w_max };
}

void tcp_undo_dsack(struct tcp_sock *t, const struct sack_block *b)
{
	if (t->loss.undo.on && t->loss.undo.retrans > 0 && !after(b->end, t->snd.una) &&
		after(b->end, t->loss.undo.marker))
		t->loss.undo.retrans--;
}

static bool may_undo(const struct tcp_sock *t, const struct sk_buff *ack)
{
	if (!t->loss.undo.on)
		return false;
	return !t->loss.undo.retrans ||
	       (t->snd.ts_ok && ack->tcp.saw_ts && ack->tcp.tsecr && t->loss.undo.stamped &&
		       before(ack->tcp.tsecr, t->loss.undo.stamp));
}

static void undo(struct tcp_sock *t)
{
	t->cc.cwnd = max(t->cc.cwnd, t->loss.undo.cwnd);
	t->cc.ssthresh = max(t->cc.ssthresh, t->loss.undo.ssthresh);
	t->cc.cubic.w_max = max(t->cc.cubic.w_max, t->loss.undo.w_max);
	t->loss.undo.on = false;
}

static void unmark(struct tcp_sock *t)
{
	struct sk_buff *skb;

	list_for_each_entry(skb, &t->snd.wq, list) {
		if (skb == t->snd.head)
			break;
		skb->tcp.sacked &= (u8)~SKB_LOST;
	}
	t->loss.lost_out = 0;
}

/* ---- the retransmission timer ---- */

void tcp_enter_loss(struct tcp_sock *t)
{
	struct sk_buff *skb;
	bool reneged;

	t->loss.frto = t->loss.ca == CA_OPEN || t->timers.retries > 1;
	/*
	 * So many segments were SACKed that a smaller reordering degree would have shown the loss
	 * before the timeout.
	 */
	if (t->loss.ca == CA_OPEN && t->loss.sacked_out >= (u32)READ_ONCE(tcp_net(t)->reordering))
		t->loss.reordering =
			min(t->loss.reordering, (u32)READ_ONCE(tcp_net(t)->reordering));
	if (t->loss.ca == CA_OPEN || !after(t->loss.high_seq, t->snd.una) ||
		(t->loss.ca == CA_LOSS &&
			t->timers.retries == 1)) { /* 0: only window probes were sent */
		undo_begin(t);
		t->cc.ssthresh = tcp_cut(t);
	}
	t->loss.ca = CA_LOSS;
	t->cc.cwnd = 1;
	t->cc.cwnd_cnt = 0;
	t->loss.high_seq = t->snd.nxt;
	t->loss.dupacks = 0;
	t->loss.tlp_high = 0;
	if (!t->snd.sack_ok)
		t->loss.sacked_out = 0;
	/*
	 * If the first segment was SACKed but is not acknowledged, the peer has discarded the
	 * SACKed data (RFC 2018, 8).
	 */
	skb = list_first_entry_or_null(&t->snd.wq, struct sk_buff, list);
	reneged = skb && skb != t->snd.head && skb->tcp.sacked & SKB_SACKED;
	list_for_each_entry(skb, &t->snd.wq, list) {
		if (skb == t->snd.head)
			break;
		if (unlikely(reneged) && skb->tcp.sacked & SKB_SACKED) {
			skb->tcp.sacked &= (u8)~SKB_SACKED;
			t->loss.sacked_out -= skb->tcp.segs;
		}
		tcp_mark_lost(t, skb);
	}
}

/*
 * Retransmits segments that are too large for the path in smaller pieces. cwnd is not reduced (RFC
 * 1191, 6.5).
 */
void tcp_too_large(struct tcp_sock *t)
{
	struct sk_buff *skb;
	bool any = false;

	list_for_each_entry(skb, &t->snd.wq, list) {
		if (skb == t->snd.head)
			break;
		if (skb->len <= t->snd.mss || skb->tcp.sacked & SKB_SACKED)
			continue;
		tcp_mark_lost(t, skb);
		any = true;
	}
	if (!any)
		return;
	if (t->loss.ca != CA_LOSS) {
		t->loss.high_seq = t->snd.nxt;
		t->cc.ssthresh =
			max(t->cc.ssthresh == SSTHRESH_INFINITE ? t->cc.cwnd : t->cc.ssthresh, 2U);
		t->loss.undo.on = false;
		t->loss.frto = false;
		t->loss.ca = CA_LOSS;
	}
	tcp_retransmit_lost(t);
}

/* ---- recovery ---- */

static void enter_recovery(struct tcp_sock *t)
{
	undo_begin(t);
	t->loss.prior_cwnd = t->cc.cwnd;
	t->cc.ssthresh = tcp_cut(t);
	t->cc.cwnd_cnt = 0;
	t->loss.prr_delivered = t->loss.prr_out = 0;
	t->loss.ca = CA_RECOVERY;
	t->loss.high_seq = t->snd.nxt;
	t->loss.tlp_high = 0; /* cwnd is not cut again for the probe */
}

/*
 * Sets cwnd in recovery (RFC 9937). For each segment that arrives, ssthresh / prior_cwnd segments
 * may be sent. Once less than ssthresh is in flight, as many as have arrived may be sent, and one
 * more if @good: the ACK acknowledges data and shows no further loss. The first lost segment is
 * sent at once.
 */
static void reduce_rate(struct tcp_sock *t, u32 delivered, bool good)
{
	s32 in_flight = (s32)tcp_in_flight(t), left = (s32)t->cc.ssthresh - in_flight, n;

	/* nothing arrived: keep cwnd, which must not become 0 */
	if (!delivered)
		return;
	t->loss.prr_delivered += delivered;
	if (left < 0)
		n = (s32)(((u64)t->cc.ssthresh * t->loss.prr_delivered + t->loss.prior_cwnd - 1) /
			    max(t->loss.prior_cwnd, 1U)) -
		    (s32)t->loss.prr_out;
	else
		n = min(left,
			max((s32)(t->loss.prr_delivered - t->loss.prr_out), (s32)delivered) + good);
	n = max(n, t->loss.prr_out ? 0 : 1);
	t->cc.cwnd = (u32)(in_flight + n);
}

void tcp_reduce(struct tcp_sock *t)
{
	t->cc.ssthresh = tcp_cut(t);
	t->cc.cwnd = t->cc.ssthresh;
}

void tcp_losses_found(struct tcp_sock *t)
{
	if (t->loss.ca == CA_OPEN) {
		enter_recovery(t);
		reduce_rate(t, 1, false);
	}
	tcp_retransmit_lost(t);
}

/*
 * Finds lost segments without SACK: after tcp_reordering (three) duplicate ACKs the first segment
 * is lost, after a partial ACK the next one (RFC 6582).
 */
static void find_lost_reno(struct tcp_sock *t, bool advanced)
{
	struct sk_buff *first = list_first_entry_or_null(&t->snd.wq, struct sk_buff, list);

	if (!first || first == t->snd.head)
		return;
	if ((t->loss.dupacks >= t->loss.reordering && t->loss.ca == CA_OPEN) ||
		(advanced && t->loss.ca == CA_RECOVERY))
		tcp_mark_lost(t, first);
}

/* Counts duplicate ACKs without SACK; each means that one segment has arrived. */
static void count_duplicates(struct tcp_sock *t, u32 acked, bool dup, struct arrived *when)
{
	if (acked) {
		/*
		 * the duplicate ACKs have already counted all but one of the acknowledged segments
		 */
		when->delivered = max(acked - min(acked, t->loss.sacked_out), 1U);
		t->loss.sacked_out -= t->loss.ca == CA_RECOVERY ?
					      min(acked - 1, t->loss.sacked_out) :
					      t->loss.sacked_out;
	} else if (dup && t->loss.sacked_out + t->loss.lost_out < t->loss.packets_out) {
		t->loss.sacked_out++;
		when->delivered++;
	}
	t->loss.sacked_out = min(t->loss.sacked_out,
		t->loss.packets_out - min(t->loss.lost_out, t->loss.packets_out));
}

static void leave(struct tcp_sock *t)
{
	if (t->loss.ca == CA_RECOVERY && t->loss.undo.on)
		t->cc.cwnd = max(t->cc.ssthresh, 2U);
	t->loss.ca = CA_OPEN;
	t->loss.dupacks = 0;
	t->loss.frto = false;
	if (!t->snd.sack_ok)
		t->loss.sacked_out = 0;
	tcp_rack_recovered(t);
}

/*
 * True if recovery must last until data beyond high_seq is acknowledged (RFC 6582, 4.1): without
 * SACK, duplicate ACKs for its last segments would look like a new loss.
 */
static bool must_stay(const struct tcp_sock *t)
{
	return !t->snd.sack_ok && t->snd.una == t->loss.high_seq;
}

enum after_timer { GO_ON, UNDONE, SEND_NEW };

/*
 * Processes an ACK after a timeout. Returns UNDONE if the timeout was spurious, SEND_NEW if new
 * data must be sent to find that out.
 */
static enum after_timer after_timer(
	struct tcp_sock *t, const struct sk_buff *ack, const struct arrived *when, bool dup)
{
	bool advanced = when->acked, recovered = !before(t->snd.una, t->loss.high_seq);

	if ((advanced && may_undo(t, ack)) || (t->loss.frto && when->orig && t->loss.undo.on)) {
		undo(t);
		unmark(t);
		t->loss.ca = CA_OPEN;
		t->loss.frto = false;
		return UNDONE;
	}
	if (!t->loss.frto)
		return GO_ON;
	if (after(t->snd.nxt, t->loss.high_seq)) {
		if (when->sacks || dup)
			t->loss.frto = false;
	} else if (advanced && !recovered) {
		t->loss.high_seq = t->snd.nxt;
		if (t->snd.head)
			return SEND_NEW;
		t->loss.frto = false;
	}
	return GO_ON;
}

/*
 * Called when all data that was in flight at the beginning of recovery has arrived. Ends recovery
 * and returns false, or returns true if recovery must last longer (must_stay()).
 */
static bool all_arrived(struct tcp_sock *t, const struct sk_buff *ack)
{
	bool stay = must_stay(t), spurious = may_undo(t, ack);

	if (stay)
		t->loss.sacked_out = 0;
	else
		leave(t);
	if (spurious)
		undo(t);
	return stay;
}

/* Sets cwnd after the effect of the acknowledgement (@when) is fully known. */
static void set_cwnd(struct tcp_sock *t, const struct arrived *when)
{
	bool some = when->acked ||
		    (when->sacks && t->loss.reordering > (u32)READ_ONCE(tcp_net(t)->reordering));

	if (t->loss.ca == CA_RECOVERY)
		reduce_rate(t, when->delivered, when->acked && !t->loss.newly_lost);
	else if (some)
		tcp_cwnd_grow(t, when->delivered);
}

void tcp_react(struct tcp_sock *t, const struct sk_buff *ack, struct arrived *when, bool dup)
{
	enum after_timer then = GO_ON;
	bool stays = false;

	t->loss.newly_lost = 0;
	if (when->acked)
		t->loss.dupacks = 0;
	else if (dup)
		t->loss.dupacks++;
	if (!t->snd.sack_ok)
		count_duplicates(t, when->acked, dup, when);
	t->stats.delivered += when->delivered;
	t->inet.net->stats.tcp_ext[TCP_EXT_TCPDelivered] += when->delivered - when->synack;
	if (t->loss.ca == CA_LOSS)
		then = after_timer(t, ack, when, dup);
	if (then == SEND_NEW) {
		set_cwnd(t, when);
		tcp_push(t, false);
		if (after(t->snd.nxt, t->loss.high_seq))
			return;
		t->loss.frto = false;
		tcp_retransmit_lost(t);
		return;
	}
	if (t->loss.ca != CA_OPEN && !before(t->snd.una, t->loss.high_seq))
		stays = all_arrived(t, ack);
	else if (t->loss.ca == CA_OPEN && when->dsack && t->loss.undo.on && !t->loss.undo.retrans)
		undo(t);
	if (then == GO_ON && !stays) {
		if (!t->snd.sack_ok)
			find_lost_reno(t, when->acked);
		else if (t->loss.packets_out &&
			 (when->sacks || when->acked || t->loss.ca != CA_OPEN))
			tcp_rack_find_lost(t);
		if (t->loss.ca == CA_OPEN && t->loss.lost_out)
			enter_recovery(t);
	}
	set_cwnd(t, when);
	tcp_retransmit_lost(t);
}
