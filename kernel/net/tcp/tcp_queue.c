/* SPDX-License-Identifier: MIT */
/*
 * tcp_queue.c: the queues of a receiver: segments that arrived in order (rq, for the reader) and
 * out of order (ooo).
 *
 *     tcp_take_data   puts payload and FIN of a segment into rq or ooo, or drops them; decides what
 *                     is acknowledged, and how soon
 *     tcp_rcv_adjust  after the reader has taken bytes: enlarges the buffer, announces a window
 *
 * Invariants:
 * 1. rq is [rcv.copied, rcv.nxt) without gaps; a skb whose only byte is a skipped urgent byte may
 *    precede it.
 * 2. ooo is sorted, without overlaps, and all of it lies after rcv.nxt; a tree of its skbs is used
 *    to search it (skb_place()).
 * 3. rmem and ooo_mem are the true sizes of the skbs in rq and ooo; their sum is at most about
 *    twice rcvbuf.
 *
 * c.lock is held throughout.
 */
#include "arch/um/machine/arch.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"

#define COALESCE_MAX 1024U

/* ---- out of order ---- */

/*
 * Updates the list of SACK blocks: first the block with the data [@seq, @end) that has just
 * arrived, then those that changed last (RFC 2018, 4). Merges only with blocks in the list, so that
 * a peer that sends many small pieces cannot cause a walk over all of ooo.
 */
static void note_sack(struct tcp_sock *t, u32 seq, u32 end)
{
	struct sack_block first = { seq, end }, was[MAX_SACKS];
	u32 n = 1, k = t->rcv.nr_sacks;

	memcpy(was, t->rcv.sacks, sizeof(was));
	for (u32 i = 0; i < k;
		/* blocks in the list never touch, so one pass merges all */
		i++) {
		if (before(was[i].end, seq) || after(was[i].start, end))
			continue;
		first.start = before(was[i].start, first.start) ? was[i].start : first.start;
		first.end = after(was[i].end, first.end) ? was[i].end : first.end;
	}
	t->rcv.sacks[0] = first;
	for (u32 i = 0; i < k && n < MAX_SACKS; i++)
		if (before(was[i].end, first.start) || after(was[i].start, first.end))
			t->rcv.sacks[n++] = was[i];
	t->rcv.nr_sacks = n;
}

/*
 * Drops or shortens SACK blocks of data that is now in order, or that was dropped from the end of
 * ooo.
 */
static void forget_sacks(struct tcp_sock *t)
{
	const struct sk_buff *last = list_last_entry(&t->rcv.ooo, struct sk_buff, list);
	u32 n = 0;

	for (u32 i = 0; i < t->rcv.nr_sacks && !list_empty(&t->rcv.ooo); i++) {
		struct sack_block b = t->rcv.sacks[i];

		if (after(b.end, last->tcp.end_seq))
			b.end = last->tcp.end_seq;
		if (after(b.end, t->rcv.nxt) && before(b.start, b.end))
			t->rcv.sacks[n++] = b;
	}
	t->rcv.nr_sacks = n;
}

/* Removes the bytes before @seq from the front of @skb. */
static void cut_front(struct sk_buff *skb, u32 seq)
{
	skb_pull(skb, seq - skb->tcp.seq);
	skb->tcp.seq = seq;
}

static void ooo_remove(struct tcp_sock *t, struct sk_buff *skb)
{
	list_del_init(&skb->list);
	rb_erase(&skb->place, &t->rcv.ooo_tree);
	t->rcv.ooo_mem -= skb_truesize(skb);
}

static void ooo_drop(struct tcp_sock *t, struct sk_buff *skb)
{
	ooo_remove(t, skb);
	kfree_skb(skb);
}

/* Returns the last skb of ooo that begins at or before @seq, or NULL. */
static struct sk_buff *ooo_find(struct tcp_sock *t, u32 seq)
{
	struct rb_node *n = t->rcv.ooo_tree.node;
	struct sk_buff *found = NULL;

	while (n) {
		struct sk_buff *o = rb_entry(n, struct sk_buff, place);

		if (after(o->tcp.seq, seq)) {
			n = n->left;
		} else {
			found = o;
			n = n->right;
		}
	}
	return found;
}

/*
 * Inserts @skb into ooo. Queued data that begins before @skb stays, and @skb is shortened. Queued
 * data that begins later gives way to the bytes of @skb.
 */
static void ooo_insert(struct tcp_sock *t, struct sk_buff *skb)
{
	u32 seq = skb->tcp.seq, end = skb->tcp.end_seq;
	struct sk_buff *o = ooo_find(t, seq), *next;

	if (o && !before(o->tcp.end_seq, end)) { /* @skb is a duplicate */
		t->rcv.dsack = (struct sack_block){ seq, end };
		kfree_skb(skb);
		return;
	}
	if (o && after(o->tcp.end_seq, seq))
		cut_front(skb, o->tcp.end_seq);
	list_add(&skb->list, o ? &o->list : &t->rcv.ooo);
	skb_place(&t->rcv.ooo_tree, skb, o);
	t->rcv.ooo_mem += skb_truesize(skb);
	for (o = list_next_entry(skb, list); &o->list != &t->rcv.ooo; o = next) {
		next = list_next_entry(o, list);
		if (!after(end, o->tcp.seq))
			break;
		if (!before(end, o->tcp.end_seq)) {
			ooo_drop(t, o);
			continue;
		}
		cut_front(o, end);
		break;
	}
	note_sack(t, seq, end);
}

/* ---- in order ---- */

/*
 * Copies a small segment into the buffer of the last skb of rq, unless that buffer is shared. So
 * many small segments take little more memory than their bytes. Returns true if @skb was copied;
 * the caller frees it in either case.
 */
static bool coalesce(struct inet_sock *i, struct sk_buff *skb)
{
	struct sk_buff *last;
	u32 n = skb_len(skb);

	if (list_empty(&i->queue.rq) || n > COALESCE_MAX)
		return false;
	last = list_last_entry(&i->queue.rq, struct sk_buff, list);
	if (skb_tailroom(last) < n || skb_headlen(last))
		return false;
	skb_copy(skb, 0, skb_payload(last) + last->len, n);
	last->len += n;
	last->tcp.end_seq = skb->tcp.end_seq;
	return true;
}

static void take_in_order(struct tcp_sock *t, struct sk_buff *skb)
{
	struct inet_sock *i = &t->inet;
	u32 n = skb_len(skb);

	t->rcv.nxt = skb->tcp.end_seq;
	t->stats.bytes_received += n;
	t->rcv.fin_seen |= skb->tcp.flags & TH_FIN;
	if (!n || coalesce(i, skb)) {
		kfree_skb(skb);
		return;
	}
	if (unlikely(i->c.timestamp || i->c.rare.tsflags))
		skb->stamp = ktime_get_real();
	i->queue.rmem += skb_truesize(skb);
	list_add_tail(&skb->list, &i->queue.rq);
}

/* Makes the next acknowledgement report @start to @end by D-SACK. */
static void note_twice(struct tcp_sock *t, u32 start, u32 end)
{
	struct sack_block *d = &t->rcv.dsack;

	if (!d->end) {
		*d = (struct sack_block){ start, end };
	} else if (!after(start, d->end) && !before(end, d->start)) { /* adjacent or overlapping */
		d->start = before(start, d->start) ? start : d->start;
		d->end = after(end, d->end) ? end : d->end;
	}
}

static void drain_ooo(struct tcp_sock *t)
{
	u32 filled = t->rcv.nxt;

	while (!list_empty(&t->rcv.ooo)) {
		struct sk_buff *skb = list_first_entry(&t->rcv.ooo, struct sk_buff, list);

		if (after(skb->tcp.seq, t->rcv.nxt))
			break;
		if (before(skb->tcp.seq, filled))
			note_twice(t, skb->tcp.seq,
				before(skb->tcp.end_seq, filled) ? skb->tcp.end_seq : filled);
		if (!after(skb->tcp.end_seq, t->rcv.nxt)) {
			ooo_drop(t, skb);
			continue;
		}
		ooo_remove(t, skb);
		if (before(skb->tcp.seq, t->rcv.nxt))
			cut_front(skb, t->rcv.nxt);
		take_in_order(t, skb);
	}
	forget_sacks(t);
}

/* Makes the receiver acknowledge the next segments without delay: half a window of them, or two. */
static void more_quick(struct tcp_sock *t)
{
	u32 n = t->rcv.wnd / (2 * t->rcv.mss);

	t->ack.quick = max(t->ack.quick, min(n ? n : 2, TCP_QUICK_ACKS));
}

void tcp_drop_ooo(struct tcp_sock *t)
{
	while (!list_empty(&t->rcv.ooo))
		ooo_drop(t, list_first_entry(&t->rcv.ooo, struct sk_buff, list));
	t->rcv.nr_sacks = t->rcv.dsack.end = 0;
}

void tcp_enter_quick(struct tcp_sock *t)
{
	more_quick(t);
	t->ack.pingpong = false;
	t->ack.exchanges = 0;
	t->ack.heard = true;
}

/* Records that data has arrived in order. */
static void note_data(struct tcp_sock *t)
{
	u64 now = tcp_now(t);

	if (!t->ack.heard || now - t->rcv.last > t->rtt.rto)
		more_quick(t);
	t->ack.heard = t->rcv.predicted = true;
	t->rcv.last = now;
}

/* Estimates the peer's segment size, for acknowledgements and windows. */
static void measure(struct tcp_sock *t, u32 len)
{
	if (len < t->rcv.mss)
		t->ack.small = true;
	else
		t->rcv.mss = min(len, 65535U);
}

/*
 * True if @skb must be dropped: unread data uses twice the memory that the window offered, or
 * memory is full and this connection has its fair part.
 */
static bool no_room(const struct tcp_sock *t, const struct sk_buff *skb)
{
	/* accept a segment into empty queues, so that even a tiny buffer makes progress */
	if (!t->inet.queue.rmem && !t->rcv.ooo_mem)
		return false;
	if (tcp_mem_full() && !tcp_mem_fair(t->inet.queue.rmem + t->rcv.ooo_mem))
		return true;
	return t->inet.queue.rmem + t->rcv.ooo_mem + skb_truesize(skb) >
	       2 * t->inet.c.rcvbuf + SEG_MAX;
}

/*
 * Makes room for a segment in order by dropping segments out of order, since the reader waits for
 * the segment in order. SACKed data may be dropped (RFC 2018, 8). Returns false if only readers can
 * make room.
 */
static bool make_room(struct tcp_sock *t, const struct sk_buff *skb)
{
	while (no_room(t, skb) && !list_empty(&t->rcv.ooo))
		ooo_drop(t, list_last_entry(&t->rcv.ooo, struct sk_buff, list));
	forget_sacks(t);
	return !no_room(t, skb);
}

bool tcp_take_data(struct tcp_sock *t, struct sk_buff *skb)
{
	if (skb->tcp.seq == skb->tcp.end_seq) {
		kfree_skb(skb);
		return false;
	}
	measure(t, skb->gso ? skb->gso : skb_len(skb));
	if (!after(skb->tcp.end_seq, t->rcv.nxt)) { /* all of @skb is a duplicate */
		t->rcv.dsack = (struct sack_block){ skb->tcp.seq, skb->tcp.end_seq };
		t->ack.now = true;
		tcp_enter_quick(t);
		kfree_skb(skb);
		return false;
	}
	if (no_room(t, skb) && (after(skb->tcp.seq, t->rcv.nxt) || !make_room(t, skb))) {
		t->ack.now = true;
		kfree_skb(skb);
		return false;
	}
	if (after(skb->tcp.seq, t->rcv.nxt)) {
		t->ack.now = true;
		t->stats.ooo_packets++;
		ooo_insert(t, skb);
		return false;
	}
	if (before(skb->tcp.seq, t->rcv.nxt)) {
		t->rcv.dsack = (struct sack_block){ skb->tcp.seq, t->rcv.nxt };
		cut_front(skb, t->rcv.nxt);
	}
	t->ack.due = true;
	if (skb_len(skb))
		note_data(t);
	take_in_order(t, skb);
	/* data behind a FIN is ignored */
	if (!list_empty(&t->rcv.ooo) && !t->rcv.fin_seen) {
		t->ack.now = true; /* fills a gap (RFC 5681, 4.2) */
		drain_ooo(t);
	}
	return true;
}

/* ---- after a read ---- */

/* Grows the receive buffer to four times the bytes read in a round trip, if that is more. */
static void grow_rcvbuf(struct tcp_sock *t, u32 copied)
{
	u64 now = tcp_now(t), rtt = max(t->rtt.srtt, MSEC);

	t->rcv.space_copied += copied;
	if (now - t->rcv.space_at < rtt)
		return;
	if (!t->snd.rcvbuf_fixed && !tcp_mem_pressure() && READ_ONCE(tcp_net(t)->moderate_rcvbuf) &&
		(u64)t->rcv.space_copied * 4 > t->inet.c.rcvbuf) {
		u64 want = min_t(u64, (u64)t->rcv.space_copied * 4, (u64)tcp_net(t)->rmem[2]);

		t->inet.c.rcvbuf = max(t->inet.c.rcvbuf, (u32)want);
		t->rcv.clamp = max(t->rcv.clamp, t->inet.c.rcvbuf);
	}
	t->rcv.space_copied = 0;
	t->rcv.space_at = now;
}

void tcp_rcv_adjust(struct tcp_sock *t, u32 copied)
{
	u32 left = after(t->rcv.wup + t->rcv.wnd, t->rcv.nxt) ?
			   t->rcv.wup + t->rcv.wnd - t->rcv.nxt :
			   0;
	u32 now;

	if (!tcp_in(t, TCPF_SYNCED & ~TCPF(TCP_TIME_WAIT)))
		return;
	grow_rcvbuf(t, copied);
	if (t->inet.c.shutdown & SHUT_RD)
		return;
	now = tcp_window(t);
	if ((now >= 2 * left && now > left && now >= tcp_window_step(t)) ||
		(t->ack.due && !t->ack.pingpong && !t->inet.queue.rmem &&
			(t->ack.small || t->rcv.nxt - t->rcv.wup > t->rcv.mss)))
		tcp_send_ack(t);
}
