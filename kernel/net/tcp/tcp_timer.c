/* SPDX-License-Identifier: MIT */
/*
 * tcp_timer.c: the timers of a connection: retransmissions and zero-window probes (rtx), delayed
 * acknowledgements (delack), and (keep) keepalive and the end of FIN_WAIT2 and TIME_WAIT. The
 * fourth timer (early) belongs to tcp_rack.c.
 *
 * An armed timer holds a reference, which its function drops. A function that runs too late finds
 * by the state that there is nothing to do.
 * Sources: RFC 6298, 1122 (4.2.3.5, 4.2.3.6), 5482 (user timeout), tcp(7).
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"

#define ORPHAN_RETRIES 8
#define THIN_PACKETS 4
#define THIN_RETRIES 6

atomic_t tcp_time_waits;

struct tcp_limits tcp_limits;

static const int rmem_first[3] = { 4096, 131072, 6291456 },
		 wmem_first[3] = { 4096, 16384, 4194304 };

void tcp_net_init(struct net *net)
{
	net->tcp = (struct tcp_net){
		.max_syn_backlog = max(128, TABLE_SIZE / 128),
		.reordering = 3,
		.max_reordering = 300,
		.min_snd_mss = TCP_SND_MSS_MIN,
		.challenge_limit = 0x7fffffff,
		.ecn_fallback = 1,
		.adv_win_scale = 1,
		.early_retrans = 3,
		.min_rtt_wlen = 300,
		.rto_min_us = (int)(RTO_MIN / USEC),
		.rto_max_ms = (int)(RTO_MAX / MSEC),
		.syn_retries = 6,
		.synack_retries = 5,
		.retries2 = 15,
		.fin_timeout = 60,
		.keep_time = 7200,
		.keep_intvl = 75,
		.keep_probes = 9,
		.max_tw = 16384,
		.somaxconn = 4096,
		.sack = 1,
		.timestamps = 1,
		.window_scaling = 1,
		.syncookies = 1,
		.ecn = 2,
		.invalid_ratelimit = 500,
		.fastopen = FAST_CLIENT,
		.syn_linear = 4,
		.slow_start_after_idle = 1,
		.moderate_rcvbuf = 1,
		.notsent_lowat = ~0U,
		.min_tso_segs = 2,
		.tso_rtt_log = 9,
		.pacing_ss = 200,
		.pacing_ca = 120,
		.pingpong_thresh = 1,
		.tso_win_divisor = 3,
		.base_mss = 1024,
		.mtu_probe_floor = TCP_SND_MSS_MIN,
		.probe_interval = 600,
		.probe_threshold = 8,
		.retries1 = 3,
		.limit_output_bytes = 4 << 20,
	};
	spin_lock_init(&net->tcp.lock);
	/* other namespaces begin with the current sizes of init_net */
	memcpy(net->tcp.rmem, net == &init_net ? rmem_first : init_net.tcp.rmem,
		sizeof(rmem_first));
	memcpy(net->tcp.wmem, net == &init_net ? wmem_first : init_net.tcp.wmem,
		sizeof(wmem_first));
}

void tcp_follow_net(struct tcp_sock *t)
{
	const struct tcp_net *n = &t->inet.net->tcp;

	t->rcv.clamp = (u32)READ_ONCE(n->rmem[2]);
	t->loss.reordering = (u32)READ_ONCE(n->reordering);
	t->rtt.rto_min = (u64)READ_ONCE(n->rto_min_us) * USEC;
	t->rtt.rto_max = (u64)READ_ONCE(n->rto_max_ms) * MSEC;
}

void tcp_arm(struct tcp_sock *t, struct ktimer *k, u64 in)
{
	if (!timer_armed(k))
		tcp_get(t);
	timer_start(k, tcp_now(t) + in);
}

void tcp_disarm(struct tcp_sock *t, struct ktimer *k)
{
	if (timer_cancel(k))
		tcp_put(t);
}

void tcp_timers_off(struct tcp_sock *t)
{
	tcp_disarm(t, &t->timers.rtx);
	tcp_disarm(t, &t->timers.early);
	tcp_disarm(t, &t->timers.delack);
	tcp_disarm(t, &t->timers.keep);
}

/*
 * Shortens a wait so that it ends with the user timeout (TCP_USER_TIMEOUT), which began at @since
 * (0: the timeout has not begun).
 */
static u64 until_given_up(const struct tcp_sock *t, u64 since, u64 wait)
{
	u64 end = since + (u64)t->opts.timeout * MSEC, now = tcp_now(t);

	if (!t->opts.timeout || !since)
		return wait;
	return min(wait, end > now ? end - now : MSEC);
}

static u64 rto_now(const struct tcp_sock *t)
{
	return min(t->rtt.rto << min((u32)t->timers.backoff, 16U), t->rtt.rto_max);
}

/* Restarts the retransmission timer after progress; stops it if nothing is in flight. */
void tcp_rearm_rtx(struct tcp_sock *t)
{
	if (t->loss.packets_out)
		tcp_arm(t, &t->timers.rtx,
			until_given_up(t,
				t->state == TCP_SYN_SENT && !t->timers.retries ?
					0 :
					t->timers.first_failure,
				rto_now(t)));
	else
		tcp_disarm(t, &t->timers.rtx);
}

/* ---- retransmission ---- */

/*
 * True if the peer offers no window, so data in flight is beyond it. A retransmission is then a
 * window probe, and its timeout is no failure.
 */
static bool window_taken_back(const struct tcp_sock *t)
{
	return !t->snd.wnd && !t->life.orphan && tcp_in(t, TCPF_SYNCED);
}

static bool user_gives_up(const struct tcp_sock *t, u64 tried)
{
	return t->opts.timeout && tried >= (u64)t->opts.timeout * MSEC;
}

/*
 * Returns the most retransmissions of a connection without a file; a tcp_orphan_retries of 0 means
 * the default.
 */
static int orphan_retries(const struct tcp_sock *t)
{
	return READ_ONCE(tcp_net(t)->orphan_retries) ?: ORPHAN_RETRIES;
}

/*
 * True if the connection is to be given up: it has used its number of tries, or the user timeout
 * has passed.
 */
static bool given_up(struct tcp_sock *t)
{
	u64 now = ktime_get(), tried = t->timers.first_failure ? now - t->timers.first_failure : 0;

	if (t->state == TCP_SYN_SENT)
		return (t->timers.retries && user_gives_up(t, tried)) ||
		       t->timers.retries >=
			       (t->opts.syn_cnt ? t->opts.syn_cnt : (u32)tcp_net(t)->syn_retries) +
				       (u32)tcp_net(t)->syn_linear;
	if (t->state == TCP_SYN_RECV)
		return t->timers.retries >= (u32)(tcp_net(t)->synack_retries + t->fast.opened) &&
		       (!t->child.defer_acked || t->timers.retries >= t->opts.defer_tries);
	if (t->opts.timeout)
		return user_gives_up(t, tried);
	if (window_taken_back(t)) /* a peer that answers keeps its connection */
		return min(tried, now - max(t->stats.last_ack, t->rcv.last)) > 2 * t->rtt.rto_max;
	return t->timers.retries >=
	       (u32)(t->life.orphan ? orphan_retries(t) : tcp_net(t)->retries2);
}

/*
 * True for a thin stream: so few segments are in flight that longer timeouts delay it more than
 * they relieve the network. Its first timeouts are not doubled (TCP_THIN_LINEAR_TIMEOUTS, or the
 * sysctl).
 */
static bool thin(const struct tcp_sock *t)
{
	return (t->opts.thin_linear || READ_ONCE(tcp_net(t)->thin_linear)) &&
	       t->state == TCP_ESTABLISHED && t->loss.packets_out < THIN_PACKETS &&
	       t->timers.retries <= THIN_RETRIES;
}

static void count_failure(struct tcp_sock *t)
{
	if (!t->timers.retries) {
		t->stats.rto_recoveries++;
		t->stats.rto_at = ktime_get();
	}
	t->stats.rto++;
	t->timers.retries++;
}

/* True for a child in its handshake, whose timeouts Linux does not count. */
static bool is_request(const struct tcp_sock *t)
{
	return t->state == TCP_SYN_RECV && t->child.listener && !t->fast.opened;
}

/* Ends a connection whose peer does not answer, with the error @err. */
static void give_up(struct tcp_sock *t, int err)
{
	if (!is_request(t))
		TCP_EXT_COUNT(t->inet.net, TCPAbortOnTimeout);
	tcp_fail(t, err);
}

/*
 * Handles the retransmission timer: gives the connection up, or retransmits and restarts the timer
 * with a longer timeout. c.lock held.
 */
static void retransmit(struct tcp_sock *t)
{
	bool last;

	if (unlikely(tcp_rack_probe_first(t)))
		return;
	if (!t->timers.first_failure)
		t->timers.first_failure = ktime_get();
	if (!is_request(t) && !window_taken_back(t))
		TCP_EXT_COUNT(t->inet.net, TCPTimeouts);
	last = given_up(t);
	tcp_fast_timeout(t, last);
	if (last) {
		give_up(t, t->inet.c.soft_err ? t->inet.c.soft_err : -ETIMEDOUT);
		return;
	}
	if (likely(!window_taken_back(t)))
		count_failure(t);
	if (t->state != TCP_SYN_SENT ? !thin(t) : t->timers.retries > (u32)tcp_net(t)->syn_linear)
		t->timers.backoff = (u8)min(t->timers.backoff + 1, 16);
	if (t->child.defer_acked &&
		/* TCP_DEFER_ACCEPT: the peer has sent a bare ACK, but no data */
		t->timers.retries < t->opts.defer_tries) {
		tcp_rearm_rtx(t);
		return;
	}
	tcp_enter_loss(t);
	tcp_look(t);
	tcp_retransmit_lost(t);
	tcp_rearm_rtx(t);
}

/* True if window probes are to end. A connection with a file lasts as long as the peer answers. */
static bool probed_enough(const struct tcp_sock *t)
{
	if (user_gives_up(t, ktime_get() - t->timers.closed_at))
		return true;
	return t->timers.probes >= tcp_net(t)->retries2 ||
	       (t->life.orphan && t->timers.backoff >= orphan_retries(t));
}

/*
 * Handles the timer when nothing is in flight but data is queued: sends data that Nagle's rule or
 * TCP_CORK has held back long enough, else a zero-window probe.
 */
static void probe(struct tcp_sock *t)
{
	struct sk_buff *skb = t->snd.head;

	if (!skb)
		return;
	if (t->snd.wnd && after(t->snd.una + t->snd.wnd, skb->tcp.seq)) {
		bool nodelay = t->snd.nodelay, corked = t->snd.corked;

		t->snd.nodelay = true;
		t->snd.corked = false;
		skb->tcp.flags |= TH_PSH; /* no more data may be coming */
		tcp_push(t, false);
		t->snd.nodelay = nodelay;
		t->snd.corked = corked;
		return;
	}
	if (!t->timers.closed_at)
		t->timers.closed_at = ktime_get();
	if (probed_enough(t)) {
		give_up(t, -ETIMEDOUT);
		return;
	}
	TCP_EXT_COUNT(t->inet.net, TCPWinProbe);
	t->timers.probes = (u8)min(t->timers.probes + 1, 200);
	t->timers.backoff = (u8)min(t->timers.backoff + 1, 16);
	tcp_send_probe(t, false);
	tcp_arm(t, &t->timers.rtx, until_given_up(t, t->timers.closed_at, rto_now(t)));
}

/*
 * Ends a timer function, which has locked the connection: delivers packets sent to sockets of this
 * machine, and drops the timer's reference.
 */
static void end_timer(struct tcp_sock *t)
{
	spin_unlock(&t->inet.c.lock);
	net_rx_flush();
	tcp_put(t);
}

/*
 * True if an expired timer has work to do: the connection is alive, and the timer was not armed
 * again.
 */
static bool still_due(const struct tcp_sock *t, const struct ktimer *k)
{
	return !tcp_in(t, TCPF(TCP_CLOSE) | TCPF(TCP_TIME_WAIT) | TCPF(TCP_LISTEN)) &&
	       !timer_armed(k);
}

static void rtx_timer(struct ktimer *k)
{
	struct tcp_sock *t = container_of(k, struct tcp_sock, timers.rtx);

	spin_lock(&t->inet.c.lock);
	if (still_due(t, k)) {
		if (t->loss.packets_out)
			retransmit(t);
		else
			probe(t);
	}
	end_timer(t);
}

static void early_timer(struct ktimer *k)
{
	struct tcp_sock *t = container_of(k, struct tcp_sock, timers.early);

	spin_lock(&t->inet.c.lock);
	if (still_due(t, k) && t->loss.packets_out)
		tcp_early_timer(t);
	end_timer(t);
}

/* ---- acknowledgements ---- */

static void delack_timer(struct ktimer *k)
{
	struct tcp_sock *t = container_of(k, struct tcp_sock, timers.delack);

	spin_lock(&t->inet.c.lock);
	if (t->ack.due && tcp_in(t, TCPF_SYNCED)) {
		t->ack.pingpong = false;
		TCP_EXT_COUNT(t->inet.net, DelayedACKs);
		t->ack.exchanges = 0;
		tcp_send_ack(t);
	}
	end_timer(t);
}

/* ---- keepalive and the last states ---- */

static u64 keep_idle(const struct tcp_sock *t)
{
	return (u64)(t->opts.keep_idle ? t->opts.keep_idle : (u32)tcp_net(t)->keep_time) *
	       NSEC_PER_SEC;
}

static u64 keep_intvl(const struct tcp_sock *t)
{
	return (u64)(t->opts.keep_intvl ? t->opts.keep_intvl : (u32)tcp_net(t)->keep_intvl) *
	       NSEC_PER_SEC;
}

void tcp_arm_keepalive(struct tcp_sock *t)
{
	if (t->inet.c.keepalive && tcp_in(t, TCPF_SYNCED & ~TCPF(TCP_TIME_WAIT)))
		tcp_arm(t, &t->timers.keep, keep_idle(t));
}

static void keepalive(struct tcp_sock *t)
{
	u32 most = t->opts.keep_cnt ? t->opts.keep_cnt : (u32)tcp_net(t)->keep_probes;
	u64 silent = ktime_get() - max(t->rcv.last, t->stats.last_ack);

	if (!t->inet.c.keepalive)
		return;
	if (t->loss.packets_out || t->snd.head || silent < keep_idle(t)) {
		tcp_arm(t, &t->timers.keep,
			silent < keep_idle(t) ? keep_idle(t) - silent : keep_idle(t));
		return;
	}
	if (t->opts.timeout ? silent >= (u64)t->opts.timeout * MSEC && t->timers.keep_sent :
			      t->timers.keep_sent >= most) {
		tcp_send_reset(t);
		give_up(t, -ETIMEDOUT);
		return;
	}
	TCP_EXT_COUNT(t->inet.net, TCPKeepAlive);
	t->timers.keep_sent++;
	tcp_send_probe(t, false);
	tcp_arm(t, &t->timers.keep, keep_intvl(t));
}

static void keep_timer(struct ktimer *k)
{
	struct tcp_sock *t = container_of(k, struct tcp_sock, timers.keep);

	spin_lock(&t->inet.c.lock);
	if (!timer_armed(k)) {
		if (t->state == TCP_TIME_WAIT)
			tcp_done(t);
		else if (t->state == TCP_FIN_WAIT2 && t->life.orphan)
			tcp_done(t);
		else if (tcp_in(t, TCPF_SYNCED))
			keepalive(t);
	}
	end_timer(t);
}

void tcp_time_wait(struct tcp_sock *t, u8 state, u64 len)
{
	tcp_set_state(t, state);
	if (!t->life.waits_out) {
		TCP_EXT_COUNT(t->inet.net, TW);
		t->life.waits_out = true;
		atomic_inc(&tcp_time_waits);
		atomic_inc(&tcp_net(t)->time_waits);
		tcp_orphan_end(t);
		if (atomic_read(&tcp_net(t)->time_waits) > tcp_net(t)->max_tw) {
			tcp_done(t);
			return;
		}
	}
	tcp_arm(t, &t->timers.keep, len);
}

void tcp_timers_setup(struct tcp_sock *t)
{
	timer_setup(&t->timers.rtx, rtx_timer);
	timer_setup(&t->timers.early, early_timer);
	timer_setup(&t->timers.delack, delack_timer);
	timer_setup(&t->timers.keep, keep_timer);
}
