/* SPDX-License-Identifier: MIT */
/*
 * tcp_in.c: processes received segments, state by state (RFC 9293, 3.10.7). tcp_queue.c takes their
 * payload. A segment is checked in the RFC's order: timestamps (RFC 7323), sequence numbers, RST,
 * SYN, ACK, urgent data, payload, FIN. Segments that an attacker may forge blindly get a challenge
 * ACK (RFC 5961).
 * Locks: c.lock of the socket that a segment is for, taken in to_socket().
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>

#include "arch/um/machine/arch.h"
#include "kernel/net/socket/errqueue.h"
#include "kernel/net/inet/frag.h"
#include "kernel/net/packet/filter.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"

#define PAWS_IDLE (24UL * 24 * 3600 * NSEC_PER_SEC)

/* ---- acknowledging ---- */

static void schedule_ack(struct tcp_sock *t)
{
	t->ack.due = true;
	if (!timer_armed(&t->timers.delack))
		tcp_arm(t, &t->timers.delack, t->ack.heard ? ATO_MIN : ATO_FIN);
}

/* Sends a due acknowledgement now, or schedules it so that data may carry it. */
static void maybe_ack(struct tcp_sock *t)
{
	if (!t->ack.due && !t->ack.now)
		return;
	if (t->ack.now || t->rcv.nr_sacks ||
		(t->rcv.nxt - t->rcv.wup > t->rcv.mss && tcp_window(t) >= t->rcv.wnd) ||
		(t->ack.quick && !t->ack.pingpong))
		tcp_send_ack(t);
	else
		schedule_ack(t);
}

/*
 * True if the connection has sent an ACK for an invalid segment within tcp_invalid_ratelimit.
 * Without the limit, two ends whose acknowledgements are outside of each other's window would
 * answer each other for ever.
 */
static bool answered_lately(struct tcp_sock *t)
{
	u64 now = ktime_get();

	if (t->timers.last_odd &&
		now - t->timers.last_odd < (u64)tcp_net(t)->invalid_ratelimit * MSEC)
		return true;
	t->timers.last_odd = now;
	return false;
}

/*
 * Sends a challenge ACK, which a blind attacker could provoke: rarely for one connection, and at
 * most tcp_challenge_ack_limit a second in a namespace (RFC 5961, 7). The limit is randomised, so
 * that an attacker cannot infer how many ACKs other connections have used (CVE-2016-5696).
 */
static void challenge(struct tcp_sock *t)
{
	struct tcp_net *n = &t->inet.net->tcp;
	u64 now = ktime_get() / NSEC_PER_SEC;
	u32 r, limit = (u32)READ_ONCE(n->challenge_limit);

	if (answered_lately(t))
		return;
	if (limit < INT32_MAX && now != n->challenge_second) {
		n->challenge_second = now;
		arch_random(&r, sizeof(r));
		n->challenges_left = (int)((limit + 1) / 2 + (limit ? r % limit : 0));
	}
	if (limit == INT32_MAX || n->challenges_left-- > 0)
		tcp_send_ack(t);
}

/*
 * Answers a segment outside of the window with an ACK, which reports data received before by
 * D-SACK.
 */
static void answer_old(struct tcp_sock *t, const struct sk_buff *skb)
{
	u32 seq = skb->tcp.seq, end = skb->tcp.end_seq;

	if (seq == end && answered_lately(t))
		return;
	if (seq != end && before(seq, t->rcv.nxt) && t->state != TCP_TIME_WAIT) {
		tcp_enter_quick(t);
		t->rcv.dsack =
			(struct sack_block){ seq, before(end, t->rcv.nxt) ? end : t->rcv.nxt };
	}
	tcp_send_ack(t);
}

/* ---- urgent data (RFC 6093: one byte, out of band as programs see it) ---- */

/*
 * Skips the last urgent byte if it is the next byte to read: it was out of band, and a newer one
 * has arrived. Its skb stays in the queue, since a reader may be using it (tcp_data.c).
 */
static void pass_old_urgent(struct tcp_sock *t)
{
	if (t->rcv.urg_state && t->rcv.urg_seq == t->rcv.copied && !t->inet.c.oobinline &&
		t->rcv.copied != t->rcv.nxt)
		t->rcv.copied++;
}

static void take_urgent(struct tcp_sock *t, const struct sk_buff *skb, u16 ptr)
{
	u32 at;

	if (!(skb->tcp.flags & TH_URG))
		return;
	at = skb->tcp.seq + (ptr ? ptr - 1U : 0);
	if (before(at, t->rcv.copied) || before(at, t->rcv.nxt))
		return;
	if (t->rcv.urg_state && !after(at, t->rcv.urg_seq))
		return;
	pass_old_urgent(t);
	t->rcv.urg_seq = at;
	t->rcv.urg_state = URG_AWAITED;
	tcp_sigurg(t);
}

static void find_urgent(struct tcp_sock *t, const struct sk_buff *skb)
{
	u32 off = t->rcv.urg_seq - skb->tcp.seq;

	if (t->rcv.urg_state != URG_AWAITED || off >= skb_len(skb))
		return;
	skb_copy(skb, off, &t->rcv.urg_byte, 1);
	t->rcv.urg_state = URG_HERE;
	tcp_wake(t, EPOLLPRI);
}

/*
 * Wakes up pollers and readers if SO_RCVLOWAT bytes are readable. With fewer bytes, wakes up only
 * readers, since a read of few bytes may be complete.
 */
static void wake_reader(struct tcp_sock *t)
{
	if (tcp_enough(t, t->rcv.nxt - t->rcv.copied))
		tcp_wake(t, EPOLLIN | EPOLLRDNORM);
	else if (waitqueue_active(&t->inet.c.wait))
		wake_up_common(&t->inet.c.wait, TASK_NORMAL, 0, EPOLLMSG);
}

/* ---- FIN ---- */

/*
 * Processes the peer's FIN. Its acknowledgement is delayed, since the program is likely to send
 * data or our FIN soon.
 */
static void take_fin(struct tcp_sock *t)
{
	t->rcv.fin_seen = false;
	t->rcv.peer_done = true;
	/* drops data behind the FIN, and a D-SACK of data before it */
	tcp_drop_ooo(t);
	t->ack.due = true;
	t->inet.c.shutdown |= SHUT_RD;
	switch (t->state) {
	case TCP_SYN_RECV:
	case TCP_ESTABLISHED:
		tcp_set_state(t, TCP_CLOSE_WAIT);
		t->ack.pingpong = true;
		break;
	case TCP_FIN_WAIT1:
		tcp_set_state(t, TCP_CLOSING);
		t->ack.now = true;
		break;
	case TCP_FIN_WAIT2:
		tcp_send_ack(t);
		tcp_time_wait(t, TCP_TIME_WAIT, TIME_WAIT_LEN);
		break;
	}
	tcp_wake(t, EPOLLIN | EPOLLRDNORM | EPOLLRDHUP |
			    (t->inet.c.shutdown == SHUT_BOTH ? EPOLLHUP : 0));
}

/*
 * Answers payload that arrives after the FIN. Data before the FIN is acknowledged again, since our
 * acknowledgement of the FIN was lost. Data behind the FIN is invalid and ignored, except in
 * TIME_WAIT, where it is acknowledged.
 */
static void take_behind_fin(struct tcp_sock *t, const struct sk_buff *skb)
{
	u32 seq = skb->tcp.seq, end = skb->tcp.end_seq;

	if (seq == end)
		return;
	if (t->state != TCP_TIME_WAIT && !before(seq, t->rcv.nxt))
		return;
	if (t->state != TCP_TIME_WAIT) {
		t->rcv.dsack =
			(struct sack_block){ seq, before(end, t->rcv.nxt) ? end : t->rcv.nxt };
		tcp_enter_quick(t);
	}
	t->ack.now = true;
}

/* ---- SYNs ---- */

void tcp_take_opts(struct tcp_sock *t, const struct tcp_opts *o)
{
	t->snd.peer_mss = o->mss ? o->mss : MSS_DEFAULT;
	t->snd.ts_ok = o->saw_ts && tcp_net(t)->timestamps;
	t->snd.sack_ok = o->sack_ok && tcp_net(t)->sack;
	t->snd.wscale_ok = o->has_wscale && tcp_net(t)->window_scaling;
	t->snd.wscale = t->snd.wscale_ok ? o->wscale : 0;
	if (!t->snd.wscale_ok)
		t->snd.rcv_wscale = 0;
	if (t->snd.ts_ok) {
		t->rcv.ts_recent = o->tsval;
		t->rcv.ts_recent_at = tcp_now(t);
	}
}

/* ---- SYN_SENT ---- */

/* Handles a segment in SYN_SENT. c.lock held. Does not consume @skb. */
static void synsent(struct tcp_sock *t, struct sk_buff *skb, const struct tcp_opts *o)
{
	u8 fl = skb->tcp.flags;
	bool acks = fl & TH_ACK;

	if (acks && (!after(skb->tcp.ack_seq, t->snd.iss) || after(skb->tcp.ack_seq, t->snd.nxt))) {
		tcp_refuse(t->inet.net, skb);
		if (!t->timers.retries &&
			/* the ACK is for an earlier connection: repeat the SYN soon */
			after(skb->tcp.ack_seq, t->snd.nxt))
			tcp_arm(t, &t->timers.rtx, 2 * MSEC);
		return;
	}
	if (fl & TH_RST) {
		if (acks)
			tcp_fail(t, -ECONNREFUSED);
		return;
	}
	if (!(fl & TH_SYN))
		return;
	t->rcv.irs = skb->tcp.seq;
	t->rcv.nxt = t->rcv.wup = t->rcv.copied = t->rcv.irs + 1;
	tcp_take_opts(t, o);
	t->snd.wl1 = skb->tcp.seq;
	t->snd.wnd = t->snd.max_wnd = skb->tcp.window;
	tcp_sync_mss(t);
	t->rcv.last = tcp_now(t);
	if (acks) {
		tcp_ecn_answered(t, skb);
		tcp_ack(t, skb, NULL, 0);
		t->snd.wnd = t->snd.max_wnd = skb->tcp.window;
		tcp_enter_established(t);
		tcp_fast_answered(t, skb, o);
		if (after(t->rcv.nxt, t->rcv.irs + 1) && t->inet.queue.rmem)
			wake_reader(t);
		if (unlikely(t->rcv.fin_seen))
			take_fin(t);
		if (!t->snd.head && !atomic_read(&t->snd.write_pending)) {
			tcp_send_ack(t);
		} else { /* data carries the acknowledgement */
			tcp_enter_quick(t);
			schedule_ack(t);
			tcp_push(t, false);
		}
		return;
	}
	/* Simultaneous open: sends our SYN again, with an ACK. */
	tcp_set_state(t, TCP_SYN_RECV);
	t->fast.mode = FAST_NO;
	tcp_ecn_asked(t, skb);
	if (!list_empty(&t->snd.wq)) {
		struct sk_buff *syn = list_first_entry(&t->snd.wq, struct sk_buff, list);

		syn->tcp.flags |= TH_ACK;
		tcp_transmit(t, syn);
	}
}

void tcp_enter_established(struct tcp_sock *t)
{
	tcp_set_state(t, TCP_ESTABLISHED);
	t->rcv.last = t->rcv.space_at = tcp_now(t);
	t->rcv.mss = max(min(min((u32)t->snd.advmss, MSS_DEFAULT), t->rcv.wnd / 2), MSS_MIN);
	t->rcv.predicted = t->child.listener || !t->snd.wscale;
	tcp_grow_sndbuf(t);
	tcp_arm_keepalive(t);
	tcp_wake(t, EPOLLOUT | EPOLLWRNORM);
}

/* ---- all other states ---- */

/*
 * True if its timestamp shows that the segment is old (RFC 7323, 5). Not used after a long silence,
 * since timestamps wrap.
 */
static bool paws_rejects(const struct tcp_sock *t, const struct sk_buff *skb)
{
	return t->snd.ts_ok && skb->tcp.saw_ts && before(skb->tcp.tsval, t->rcv.ts_recent) &&
	       tcp_now(t) - t->rcv.ts_recent_at < PAWS_IDLE && !(skb->tcp.flags & TH_RST);
}

static bool in_window(const struct tcp_sock *t, const struct sk_buff *skb)
{
	u32 end = t->rcv.wup + t->rcv.wnd;

	if (before(end, t->rcv.nxt))
		end = t->rcv.nxt;
	return !before(skb->tcp.end_seq, t->rcv.wup) && !after(skb->tcp.seq, end);
}

/*
 * True if a reset has the sequence number of the peer's FIN, which was received. The peer may not
 * have got our acknowledgement of the FIN yet.
 */
static bool reset_before_fin(const struct tcp_sock *t, const struct sk_buff *skb)
{
	return skb->tcp.seq == t->rcv.nxt - 1 &&
	       tcp_in(t, TCPF(TCP_CLOSE_WAIT) | TCPF(TCP_LAST_ACK) | TCPF(TCP_CLOSING));
}

/*
 * True if a reset has the next sequence number expected, or the highest that a SACK block reports
 * (RFC 5961, 3).
 */
static bool reset_fits(const struct tcp_sock *t, const struct sk_buff *skb)
{
	u32 high = t->rcv.nxt;

	for (u32 i = 0; i < t->rcv.nr_sacks; i++)
		if (after(t->rcv.sacks[i].end, high))
			high = t->rcv.sacks[i].end;
	return skb->tcp.seq == t->rcv.nxt || skb->tcp.seq == high || reset_before_fin(t, skb);
}

static void take_reset(struct tcp_sock *t, const struct sk_buff *skb)
{
	if (!reset_fits(t, skb)) {
		challenge(t);
		return;
	}
	tcp_fast_done(t, true);
	switch (t->state) {
	case TCP_SYN_RECV:
		if (t->life.orphan) /* tcp_done() counts sockets with a file */
			t->inet.net->stats.tcp.fails++;
		tcp_fail(t, -ECONNRESET);
		break;
	case TCP_CLOSE_WAIT: tcp_fail(t, -EPIPE); break;
	case TCP_TIME_WAIT:
		/* RFC 1337: the reset may be an old duplicate */
		if (READ_ONCE(tcp_net(t)->rfc1337))
			tcp_time_wait(t, TCP_TIME_WAIT, TIME_WAIT_LEN);
		else
			tcp_done(t);
		break;
	default: tcp_fail(t, -ECONNRESET);
	}
}

static void note_timestamp(struct tcp_sock *t, const struct sk_buff *skb)
{
	if (t->snd.ts_ok && skb->tcp.saw_ts && !after(skb->tcp.seq, t->rcv.wup)) {
		t->rcv.ts_recent = skb->tcp.tsval;
		t->rcv.ts_recent_at = tcp_now(t);
	}
}

/*
 * Completes the handshake of a socket in SYN_RECV. Returns false if the segment does not complete
 * it, or the child cannot be queued.
 */
static bool synrecv_done(struct tcp_sock *t, const struct sk_buff *skb)
{
	if (!after(skb->tcp.ack_seq, t->snd.iss) || after(skb->tcp.ack_seq, t->snd.nxt)) {
		tcp_refuse(t->inet.net, skb);
		return false;
	}
	if (t->child.listener && t->opts.defer_tries && !t->fast.opened &&
		skb->tcp.seq == skb->tcp.end_seq && t->timers.retries < t->opts.defer_tries) {
		t->child.defer_acked = true;
		return false;
	}
	if (t->child.listener && !t->fast.opened && !tcp_offer(t)) { /* the accept queue is full */
		TCP_EXT_COUNT(t->inet.net, ListenOverflows);
		TCP_EXT_COUNT(t->inet.net, ListenDrops);
		if (READ_ONCE(tcp_net(t)->abort_on_overflow)) {
			tcp_refuse(t->inet.net, skb);
			tcp_done(t);
		}
		return false; /* the peer will retransmit */
	}
	if (t->child.listener && !t->fast.opened)
		t->inet.net->stats.tcp.passive++;
	tcp_fast_done(t, false);
	t->snd.wnd = t->snd.max_wnd = skb->tcp.window;
	t->snd.wl1 = skb->tcp.seq;
	tcp_enter_established(t);
	tcp_offered(t);
	return true;
}

/* True if our FIN is acknowledged. */
static bool fin_acked(const struct tcp_sock *t)
{
	return t->snd.una == t->snd.write_seq && list_empty(&t->snd.wq);
}

/* Changes the state if @skb acknowledges our FIN. A FIN in @skb is processed later. */
static void after_ack(struct tcp_sock *t, const struct sk_buff *skb)
{
	u64 len = (u64)(t->opts.linger2 > 0 ? t->opts.linger2 : tcp_net(t)->fin_timeout) *
		  NSEC_PER_SEC;

	if (!fin_acked(t))
		return;
	switch (t->state) {
	case TCP_FIN_WAIT1:
		tcp_set_state(t, TCP_FIN_WAIT2);
		tcp_wake(t, EPOLLOUT);
		if (t->life.orphan && t->opts.linger2 < 0) {
			TCP_EXT_COUNT(t->inet.net, TCPAbortOnLinger);
			tcp_refuse(t->inet.net, skb);
			tcp_done(t);
		} else if (t->life.orphan && skb->tcp.flags & TH_FIN)
			tcp_arm(t, &t->timers.keep, len);
		else if (t->life.orphan)
			tcp_time_wait(t, TCP_FIN_WAIT2, len);
		break;
	case TCP_CLOSING:
		tcp_time_wait(t, TCP_TIME_WAIT, TIME_WAIT_LEN);
		/* wake up close(2), which waits by SO_LINGER */
		wake_up_common(&t->inet.c.wait, TASK_NORMAL, 0, 0);
		break;
	case TCP_LAST_ACK: tcp_done(t); break;
	}
}

/*
 * Resets a connection whose peer sends data that no program will read (RFC 1122, 4.2.2.13). Returns
 * true if the connection was reset.
 */
static bool data_to_nobody(struct tcp_sock *t, const struct sk_buff *skb)
{
	if (!skb_len(skb) || !after(skb->tcp.end_seq - !!(skb->tcp.flags & TH_FIN), t->rcv.nxt))
		return false; /* no data, or only data received before */
	if (tcp_in(t, TCPF(TCP_FIN_WAIT1) | TCPF(TCP_FIN_WAIT2)) ?
			!t->life.orphan && !(t->inet.c.shutdown & SHUT_RD) :
			!t->life.orphan || !tcp_in(t, TCPF(TCP_LAST_ACK) | TCPF(TCP_CLOSING)))
		return false;
	TCP_EXT_COUNT(t->inet.net, TCPAbortOnData);
	tcp_refuse(t->inet.net, skb);
	tcp_fail(t, -ECONNRESET);
	return true;
}

/*
 * True if the peer has retransmitted its SYN because our SYN-ACK was lost. If a Fast Open child has
 * received data in the SYN, the second SYN, without that data, is outside of the window.
 */
static bool is_syn_again(const struct tcp_sock *t, const struct sk_buff *skb)
{
	return t->state == TCP_SYN_RECV && skb->tcp.seq == t->rcv.irs &&
	       (skb->tcp.flags & (TH_SYN | TH_ACK | TH_RST)) == TH_SYN;
}

/*
 * True if header prediction would succeed on Linux: the next sequence number, the window as before,
 * no flags, no rare options. The first data does not count, since Linux has not charged memory for
 * it yet.
 */
static bool expected(const struct tcp_sock *t, const struct sk_buff *skb)
{
	return t->state == TCP_ESTABLISHED && t->rcv.predicted && list_empty(&t->rcv.ooo) &&
	       t->rcv.wnd && t->rcv.urg_state == URG_NONE && (skb->tcp.flags & ~TH_PSH) == TH_ACK &&
	       skb->tcp.seq == t->rcv.nxt && !after(skb->tcp.ack_seq, t->snd.nxt) &&
	       skb->tcp.window == t->snd.wnd &&
	       skb->tcp.hlen == sizeof(struct tcphdr) + (t->snd.ts_ok ? TS_SPACE : 0) &&
	       (skb->tcp.seq == skb->tcp.end_seq || t->ack.heard);
}

/*
 * Updates TcpExt for the acknowledgement @skb. @una: snd.una before it. @fast: header prediction
 * succeeded.
 */
static void count_ack(struct tcp_sock *t, const struct sk_buff *skb, bool fast, u32 una)
{
	bool empty = skb->tcp.seq == skb->tcp.end_seq;

	if (before(skb->tcp.ack_seq, una) || t->state == TCP_TIME_WAIT)
		return;
	if (fast && !empty)
		TCP_EXT_COUNT(t->inet.net, TCPHPHits);
	if (fast && t->snd.una != una)
		TCP_EXT_COUNT(t->inet.net, TCPHPAcks);
	else if (empty)
		TCP_EXT_COUNT(t->inet.net, TCPPureAcks);
}

/*
 * Handles a segment in a state behind SYN_SENT, by the steps of RFC 9293, 3.10.7.4. @urg: the
 * urgent pointer. c.lock held. Consumes @skb.
 */
static void synced(struct tcp_sock *t, struct sk_buff *skb, const struct tcp_opts *o, u16 urg)
{
	u8 fl = skb->tcp.flags;
	u32 una = t->snd.una;
	bool fast = expected(t, skb);

	if (paws_rejects(t, skb)) {
		if (fl & TH_SYN)
			challenge(t);
		else
			answer_old(t, skb);
		goto drop;
	}
	if (!in_window(t, skb)) {
		if (fl & TH_RST && reset_before_fin(t, skb))
			take_reset(t, skb);
		else if (is_syn_again(t, skb))
			tcp_send_synack(t);
		else if (fl & TH_SYN && t->state != TCP_TIME_WAIT)
			challenge(t);
		else if (!(fl & TH_RST)) {
			if (t->state == TCP_TIME_WAIT)
				tcp_time_wait(t, TCP_TIME_WAIT, TIME_WAIT_LEN);
			answer_old(t, skb);
		}
		goto drop;
	}
	if (fl & TH_RST) {
		take_reset(t, skb);
		goto drop;
	}
	if (fl & TH_SYN && !(t->state == TCP_SYN_RECV && skb->tcp.seq == t->rcv.irs)) {
		challenge(t);
		goto drop;
	}
	if (!(fl & TH_ACK)) {
		if (fl & TH_SYN) /* the peer has not got our SYN-ACK */
			tcp_send_synack(t);
		goto drop;
	}
	/* The SYN of a handshake takes one sequence number; payload begins behind it. */
	if (fl & TH_SYN) {
		skb->tcp.seq++;
		skb->tcp.flags &= (u8)~TH_SYN;
		t->ack.now = true;
	}
	if (t->state == TCP_SYN_RECV && !synrecv_done(t, skb))
		goto drop;
	if (!tcp_ack(t, skb, o->sacks, o->nr_sacks)) {
		challenge(t);
		goto drop;
	}
	count_ack(t, skb, fast, una);
	note_timestamp(t, skb);
	tcp_ecn_in(t, skb);
	if (skb_len(skb))
		t->stats.data_segs_in++;
	if (unlikely(t->inet.recv.keeps_last) && skb->ip.v6)
		inet_hear(&t->inet.heard_last, skb);
	t->timers.keep_sent = 0;
	after_ack(t, skb);
	if (tcp_in(t, TCPF(TCP_CLOSE)) || data_to_nobody(t, skb))
		goto drop;
	if (tcp_in(t, TCPF(TCP_ESTABLISHED) | TCPF(TCP_FIN_WAIT1) | TCPF(TCP_FIN_WAIT2))) {
		take_urgent(t, skb, urg);
		find_urgent(t, skb);
		if (tcp_take_data(t, skb) && t->inet.queue.rmem)
			wake_reader(t);
		if (t->rcv.fin_seen)
			take_fin(t);
	} else {
		take_behind_fin(t, skb);
		kfree_skb(skb);
	}
	if (tcp_in(t, TCPF(TCP_CLOSE)))
		return;
	tcp_push(t, false);
	if (t->snd.space_due || unlikely(tcp_notsent_lowat(t) != ~0U)) {
		t->snd.space_due = false;
		tcp_write_space(t);
	}
	maybe_ack(t);
	return;
drop:
	kfree_skb(skb);
}

/* True if a SYN may replace a connection in TIME_WAIT, since it is clearly newer (RFC 6191). */
static bool reopens(struct tcp_sock *t, const struct sk_buff *skb, const struct tcp_opts *o)
{
	if (t->state != TCP_TIME_WAIT || (skb->tcp.flags & (TH_SYN | TH_ACK | TH_RST)) != TH_SYN)
		return false;
	return after(skb->tcp.seq, t->rcv.nxt) ||
	       (t->snd.ts_ok && o->saw_ts && after(o->tsval, t->rcv.ts_recent));
}

/*
 * Passes a parsed segment to a socket, or to the child that it makes. Takes c.lock; the caller
 * holds a reference. Consumes @skb.
 */
static void to_socket(
	struct net *net, struct tcp_sock *t, struct sk_buff *skb, const struct tcp_opts *o, u16 urg)
{
	bool timed;
	u8 state;

	spin_lock(&t->inet.c.lock);
	timed = tcp_now_begin(t);
	t->stats.segs_in++;
	if (t->state != TCP_LISTEN)
		t->inet.c.rare.incoming_cpu = smp_processor_id();
	if (t->state != TCP_LISTEN && !(skb->tcp.flags & TH_SYN))
		skb->tcp.window <<= t->snd.wscale;
	state = t->state;
	if (state == TCP_SYN_SENT)
		synsent(t, skb, o);
	else if (state != TCP_LISTEN && state != TCP_CLOSE)
		synced(t, skb, o, urg);
	tcp_now_end(t, timed);
	tcp_mem_sync(t);
	spin_unlock(&t->inet.c.lock);
	if (state == TCP_LISTEN) {
		struct tcp_sock *c =
			skb->tcp.flags & TH_ACK ? tcp_child_of_cookie(net, t, skb, o) : NULL;

		if (IS_ERR(c)) {
			kfree_skb(skb);
			return;
		}
		if (c) {
			if (READ_ONCE(c->state) != TCP_CLOSE)
				to_socket(net, c, skb, o, urg);
			else
				/* no room in the accept queue: drop the segment */
				kfree_skb(skb);
			spin_lock(&c->inet.c.lock);
			/*
			 * the segment did not complete the handshake, and the child has no timer
			 * that would free it
			 */
			if (c->state == TCP_SYN_RECV)
				tcp_done(c);
			spin_unlock(&c->inet.c.lock);
			tcp_put(c);
			return;
		}
		if (skb->tcp.flags & TH_ACK)
			tcp_refuse(net, skb);
		else if ((skb->tcp.flags & (TH_SYN | TH_RST | TH_FIN)) == TH_SYN)
			tcp_make_child(net, t, skb, o);
	} else if (state == TCP_CLOSE) {
		tcp_refuse(net, skb);
	}
	if (state == TCP_LISTEN || state == TCP_CLOSE || state == TCP_SYN_SENT)
		kfree_skb(skb);
}

/*
 * True if the socket's filter accepts @skb. The filter also sees the header, @hlen bytes, and may
 * shorten the segment.
 */
static bool passes(struct inet_sock *i, struct sk_buff *skb, u32 hlen)
{
	u32 had = skb_len(skb);

	if (!sock_filter_skb(&i->c, skb, hlen))
		return false;
	skb->tcp.end_seq -= had - skb_len(skb);
	return true;
}

void tcp_rcv(struct net *net, struct sk_buff *skb)
{
	struct inet_sock *i;
	struct tcp_opts o;
	u16 urg;
	u32 had = skb_len(skb);

	net->stats.tcp.in++;
	if (skb->broadcast || !tcp_parse(net, skb, &o, &urg)) {
		net->stats.tcp.in_errs++;
		kfree_skb(skb);
		return;
	}
	i = inet_lookup_peer(&tcp_ports, net, &skb->ip.daddr, skb->dport, &skb->ip.saddr,
		skb->sport, skb->dev->ifindex);
	if (i && unlikely(reopens(TCP(i), skb, &o))) {
		spin_lock(&i->c.lock);
		if (TCP(i)->state == TCP_TIME_WAIT)
			tcp_done(TCP(i));
		spin_unlock(&i->c.lock);
		inet_put(i);
		i = NULL;
	}
	if (!i)
		i = inet_lookup_packet(&tcp_ports, net, skb, 0);
	if (!i) {
		tcp_refuse(net, skb);
		kfree_skb(skb);
		return;
	}
	if (unlikely(skb->ip.ttl < (skb->ip.v6 ? i->opts.min_hops : i->opts.min_ttl))) {
		kfree_skb(skb);
		inet_put(i);
		return;
	}
	if (unlikely(i->c.filter) && !passes(i, skb, had - skb_len(skb))) {
		kfree_skb(skb);
		inet_put(i);
		return;
	}
	to_socket(net, TCP(i), skb, &o, urg);
	inet_put(i);
}

void tcp_err(struct net *net, const ip_addr *local, const ip_addr *remote, const u8 *hdr,
	const struct ip_error *e)
{
	u16 lport = (u16)(hdr[0] << 8 | hdr[1]), rport = (u16)(hdr[2] << 8 | hdr[3]);
	struct inet_sock *i = inet_lookup_peer(
		&tcp_ports, net, local, lport, remote, rport, e->quote->dev->ifindex);
	u32 seq = (u32)hdr[4] << 24 | (u32)hdr[5] << 16 | (u32)hdr[6] << 8 | hdr[7];
	struct tcp_sock *t;
	bool asked;

	if (!i)
		return;
	t = TCP(i);
	asked = ip_is_v4(remote) ? i->opts.recverr : i->opts.recverr6;
	spin_lock(&i->c.lock);
	/* @seq is not in flight: ignore the error */
	if (before(seq, t->snd.una) || after(seq, t->snd.nxt)) {
	} else if (e->err == EMSGSIZE) {
		/* not an error: smaller segments are sent */
		if (e->info) {
			pmtu_learn(net, remote, e->info);
			tcp_mtu_reduced(t, pmtu_of(net, remote, t->flow.mtu));
		}
	} else if (t->state == TCP_SYN_SENT ||
		   (t->state == TCP_SYN_RECV && !t->fast.opened == !t->child.listener)) {
		/*
		 * A simultaneous open, and a Fast Open child before accept(2), report the error
		 * too.
		 */
		if (asked)
			errq_icmp(i, e, remote, rport, 0);
		tcp_fail(t, -e->err);
	} else if (asked) {
		WRITE_ONCE(i->c.err, -e->err);
		tcp_wake(t, EPOLLERR);
	} else {
		WRITE_ONCE(i->c.soft_err, -e->err);
	}
	spin_unlock(&i->c.lock);
	inet_put(i);
}
