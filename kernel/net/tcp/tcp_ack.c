/* SPDX-License-Identifier: MIT */
/*
 * tcp_ack.c: processes an acknowledgement: finds out which segments have arrived, and measures
 * round trips. tcp_rack.c and tcp_recover.c decide what is lost, tcp_cc.c how fast to send.
 *
 * Sources: RFC 5681, 6298 (timer), 2018 and 6675 (SACK scoreboard), 2883 (D-SACK), 5961 (which
 * acknowledgements are valid).
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/socket/errqueue.h"
#include "kernel/net/neigh/neigh.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"

/* ---- round trips (RFC 6298) ---- */

/*
 * Updates the minimum RTT of the last tcp_min_rtt_wlen seconds by a sample of @rtt ns. Keeps one
 * minimum for each half of that time, so an old minimum expires when between half and all of that
 * time has passed.
 */
static void note_least(struct tcp_sock *t, u64 rtt)
{
	u64 window = (u64)READ_ONCE(tcp_net(t)->min_rtt_wlen) * NSEC_PER_SEC;
	u64 now = tcp_now(t), before = t->rtt.min;

	if (!t->rtt.min || now - t->rtt.min_at > window / 2) {
		/*
		 * The minimum of the previous half stays valid for one more half, unless that half
		 * is over too.
		 */
		before = !t->rtt.min || now - t->rtt.min_at > window ? rtt : t->rtt.min_now;
		t->rtt.min_now = rtt;
		t->rtt.min_at = now;
	}
	t->rtt.min_now = min(t->rtt.min_now, rtt);
	t->rtt.min = min(before, t->rtt.min_now);
}

static void rtt_sample(struct tcp_sock *t, u64 rtt)
{
	u64 delta;

	rtt = max(rtt, 1UL);
	note_least(t, rtt);
	if (!t->rtt.srtt) {
		t->rtt.srtt = rtt;
		t->rtt.rttvar = rtt / 2;
	} else {
		delta = t->rtt.srtt > rtt ? t->rtt.srtt - rtt : rtt - t->rtt.srtt;
		t->rtt.rttvar = (3 * t->rtt.rttvar + delta) / 4;
		t->rtt.srtt = (7 * t->rtt.srtt + rtt) / 8;
	}
	/* Karn's rule: only a valid sample ends the backoff (RFC 6298, 5.7). */
	t->timers.backoff = 0;
	t->rtt.rto = min(t->rtt.srtt + max(4 * t->rtt.rttvar, t->rtt.rto_min), t->rtt.rto_max);
}

/* ---- acknowledged segments ---- */

static bool sacked_by(const struct sk_buff *skb, const struct sack_block *b, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (!before(skb->tcp.seq, b[i].start) && !after(skb->tcp.end_seq, b[i].end))
			return true;
	return false;
}

/*
 * Splits an skb of several segments of which a SACK block covers a part. If the block begins inside
 * of the skb, the segments before it stay in @skb, the rest follows in the list, and the result is
 * false. If the block covers the first segment, @skb keeps covered segments only, and the result is
 * true. Cuts only between segments, so that a peer cannot cause finer pieces.
 */
static bool cut_out(struct tcp_sock *t, struct sk_buff *skb, const struct sack_block *b, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		u32 from = b[i].start - skb->tcp.seq, to = b[i].end - skb->tcp.seq;

		if (!after(b[i].end, skb->tcp.seq) || !before(b[i].start, skb->tcp.end_seq))
			continue;
		if (!after(b[i].start, skb->tcp.seq)) {
			to -= to % t->snd.mss;
			if (to && to < skb->len)
				return !tcp_split(t, skb, to);
			continue;
		}
		from += t->snd.mss - 1;
		from -= from % t->snd.mss;
		if (from < skb->len && from < to) {
			tcp_split(t, skb, from);
			return false;
		}
	}
	return false;
}

/*
 * Marks the segments that SACK blocks cover, and records them in @when. Blocks outside of the data
 * in flight have no effect.
 */
static void take_sacks(struct tcp_sock *t, const struct sack_block *b, u32 n, struct arrived *when)
{
	struct sk_buff *skb;

	if (!n)
		return;
	list_for_each_entry(skb, &t->snd.wq, list) {
		if (skb == t->snd.head)
			break;
		if (skb->tcp.sacked & SKB_SACKED)
			continue;
		if (!sacked_by(skb, b, n) && !(skb->tcp.segs > 1 && cut_out(t, skb, b, n)))
			continue;
		if (skb->tcp.sacked & SKB_LOST) {
			skb->tcp.sacked &= (u8)~SKB_LOST;
			t->loss.lost_out -= skb->tcp.segs;
		}
		if (!skb->tcp.retrans)
			when->sacked = skb->tcp.sent;
		tcp_rack_sent_arrived(t, skb);
		tcp_forget_retrans(t, skb);
		if (!skb->tcp.retrans && !after(skb->tcp.end_seq, t->loss.high_seq))
			when->orig = true;
		skb->tcp.sacked |= SKB_SACKED;
		t->loss.sacked_out += skb->tcp.segs;
		when->delivered += skb->tcp.segs;
		when->sacks = true;
	}
}

static void forget_counts(struct tcp_sock *t, struct sk_buff *skb)
{
	t->loss.packets_out -= skb->tcp.segs;
	tcp_forget_retrans(t, skb);
	if (skb->tcp.sacked & SKB_SACKED)
		t->loss.sacked_out -= skb->tcp.segs;
	if (skb->tcp.sacked & SKB_LOST)
		t->loss.lost_out -= skb->tcp.segs;
}

/* Records in @when that @n segments of @skb are acknowledged. */
static void note_arrival(
	const struct tcp_sock *t, const struct sk_buff *skb, u32 n, struct arrived *when)
{
	when->acked += n;
	when->synack |= (skb->tcp.flags & (TH_SYN | TH_ACK)) == (TH_SYN | TH_ACK);
	if (skb->tcp.retrans)
		when->again = true;
	else if (!(skb->tcp.sacked & SKB_SACKED))
		when->sent = skb->tcp.sent;
	if (skb->tcp.sacked & SKB_SACKED)
		return;
	when->delivered += n;
	if (!skb->tcp.retrans && !after(skb->tcp.end_seq, t->loss.high_seq))
		when->orig = true;
}

/* Removes the front of @skb that @ack acknowledges, unless @skb has a SYN. */
static void trim_front(struct tcp_sock *t, struct sk_buff *skb, u32 ack, struct arrived *when)
{
	u32 n = ack - skb->tcp.seq, segs = skb->tcp.segs;

	if (skb->tcp.flags & TH_SYN || n > skb->len)
		return;
	skb->off += n;
	skb->len -= n;
	skb->tcp.seq = ack;
	tcp_recount(t, skb, 0);
	if (segs > skb->tcp.segs)
		note_arrival(t, skb, segs - skb->tcp.segs, when);
}

/* Removes everything up to @ack from the write queue. @by: the segment that brought the ACK. */
static void clean_queue(struct tcp_sock *t, const struct sk_buff *by, u32 ack, struct arrived *when)
{
	while (!list_empty(&t->snd.wq)) {
		struct sk_buff *skb = list_first_entry(&t->snd.wq, struct sk_buff, list);

		if (skb == t->snd.head)
			break;
		if (after(skb->tcp.end_seq, ack)) {
			if (after(ack, skb->tcp.seq))
				trim_front(t, skb, ack, when);
			break;
		}
		note_arrival(t, skb, skb->tcp.segs, when);
		if (!(skb->tcp.sacked & SKB_SACKED))
			tcp_rack_sent_arrived(t, skb);
		if (unlikely(skb->stamp_wanted & SKB_STAMP_ACK))
			errq_acked(t, skb, by);
		forget_counts(t, skb);
		tcp_unqueue(t, skb);
	}
}

/*
 * Takes an RTT sample: by Karn's rule from a segment that was sent once, else from the timestamp in
 * @skb if the ACK acknowledges new data (@advanced). RFC 6298, 3; RFC 7323, 4.
 */
static void take_rtt(
	struct tcp_sock *t, const struct sk_buff *skb, const struct arrived *when, bool advanced)
{
	u64 sent = when->sent && !when->again ? when->sent : when->sacked;

	if (sent) {
		rtt_sample(t, tcp_now(t) - sent);
		tcp_hystart(t, tcp_now(t) - sent);
	} else if (advanced && skb->tcp.saw_ts && skb->tcp.tsecr && t->snd.ts_ok) {
		u32 ms = tcp_ts(t) - skb->tcp.tsecr;

		if (ms < 600000)
			rtt_sample(t, (u64)ms * MSEC);
	}
}

/*
 * Updates the window that the peer offers. Returns true if the window has changed. A zero window
 * counts even if no number has advanced: a peer that is short of memory may close a window that it
 * has offered.
 */
static bool update_window(struct tcp_sock *t, const struct sk_buff *skb)
{
	u32 ack = skb->tcp.ack_seq, wnd = skb->tcp.window;

	if (!(after(ack, t->snd.una) || after(skb->tcp.seq, t->snd.wl1) ||
		    (skb->tcp.seq == t->snd.wl1 && (wnd > t->snd.wnd || !wnd))))
		return false;
	t->snd.wl1 = skb->tcp.seq;
	if (wnd == t->snd.wnd)
		return false;
	t->snd.wnd = wnd;
	t->snd.max_wnd = max(t->snd.max_wnd, wnd);
	t->rcv.predicted = true;
	return true;
}

/*
 * Confirms the next hop's neighbour entry, since data that was sent through it has arrived; at most
 * once a second.
 */
static void confirm_way(struct tcp_sock *t)
{
	if (t->flow.local || t->stats.last_ack - t->timers.confirmed < NSEC_PER_SEC)
		return;
	t->timers.confirmed = t->stats.last_ack;
	neigh_confirm(t->flow.dev, &t->flow.next_hop);
}

/* True for an acknowledgement so old that the peer cannot have sent it now (RFC 5961, 5.2). */
static bool too_old(const struct tcp_sock *t, u32 ack)
{
	u64 most = min_t(u64, t->snd.max_wnd, t->stats.bytes_acked);

	return before(ack, t->snd.una - (u32)most);
}

static bool is_valid_block(const struct tcp_sock *t, const struct sack_block *b)
{
	return before(b->start, b->end) && !after(b->end, t->snd.nxt);
}

/*
 * True if the first of the blocks that were received reports duplicate data (RFC 2883): it begins
 * below @ack, or lies inside the second block. No report is about more than a window of data.
 */
static bool is_dsack(const struct tcp_sock *t, u32 ack, const struct sack_block *b, u32 n)
{
	if (!n || !is_valid_block(t, &b[0]) || b[0].end - b[0].start > t->snd.max_wnd)
		return false;
	return before(b[0].start, ack) ||
	       (n > 1 && !before(b[0].start, b[1].start) && !after(b[0].end, b[1].end));
}

/* Copies valid SACK blocks to @to. Returns their number. */
static u32 valid_blocks(
	const struct tcp_sock *t, const struct sack_block *b, u32 n, struct sack_block *to)
{
	u32 nr = 0;

	for (u32 i = 0; i < n && i < MAX_SACKS; i++)
		if (is_valid_block(t, &b[i]))
			to[nr++] = b[i];
	return nr;
}

bool tcp_ack(
	struct tcp_sock *t, const struct sk_buff *skb, const struct sack_block *sacks, u32 nr_sacks)
{
	u32 ack = skb->tcp.ack_seq, was = t->snd.una;
	struct sack_block valid[MAX_SACKS];
	struct arrived when = { 0 };
	bool updated, dup, dsack;

	if (after(ack, t->snd.nxt) || too_old(t, ack))
		return false;
	dsack = unlikely(nr_sacks) && is_dsack(t, ack, sacks, nr_sacks);
	if (unlikely(nr_sacks)) {
		nr_sacks = valid_blocks(t, sacks, nr_sacks, valid);
		sacks = valid;
	}
	t->stats.last_ack = tcp_now(t);
	t->loss.rack.old_fack = t->loss.rack.xmit ? t->loss.rack.fack : was;
	if (before(ack, t->snd.una)) {
		take_sacks(t, sacks, nr_sacks, &when);
		tcp_react(t, skb, &when, false);
		return true;
	}
	updated = update_window(t, skb);
	take_sacks(t, sacks, nr_sacks, &when);
	dup = ack == t->snd.una && t->loss.packets_out && !updated &&
	      skb->tcp.seq == skb->tcp.end_seq;
	t->stats.bytes_acked +=
		ack - was - (was == t->snd.iss && t->state != TCP_SYN_SENT && ack != was);
	t->snd.una = ack;
	clean_queue(t, skb, ack, &when);
	/* Without SACK it is unknown which copy of a segment has arrived. */
	if (!t->snd.sack_ok && when.again)
		when.orig = false;
	if (ack != was || when.sacked)
		take_rtt(t, skb, &when, ack != was);
	if (ack != was) {
		confirm_way(t);
		t->timers.retries = 0;
		if (unlikely(t->stats.rto_at)) {
			t->stats.rto_time += (u32)((tcp_now(t) - t->stats.rto_at) / NSEC_PER_MSEC);
			t->stats.rto_at = 0;
		}
		t->timers.first_failure = 0;
		t->inet.c.soft_err = 0;
		tcp_rearm_rtx(t);
	}
	t->timers.probes = 0;
	if (t->snd.wnd) {
		t->timers.closed_at = 0;
		if (updated && !t->loss.packets_out)
			t->timers.backoff = 0;
	}
	if (t->snd.urgent && !before(ack, t->snd.up))
		t->snd.urgent = false;
	if (unlikely(dsack)) {
		/* sacks[0] is the block that was received first */
		when.dsack = true;
		t->stats.dsack_dups++;
		tcp_undo_dsack(t, &sacks[0]);
		tcp_rack_dsack(t, sacks[0].end);
	}
	if (unlikely(t->loss.tlp_high))
		tcp_rack_probe_acked(t, ack,
			ack == was && !updated && !nr_sacks && skb->tcp.seq == skb->tcp.end_seq);
	tcp_react(t, skb, &when, dup);
	if (list_empty(&t->snd.wq) && t->stats.chrono_kind != CHRONO_NONE)
		tcp_chrono(t, CHRONO_NONE);
	if (ack != was && t->loss.packets_out)
		tcp_rack_arm_probe(t);
	t->snd.space_due |= when.acked || when.sacks;
	return true;
}
