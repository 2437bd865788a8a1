/* SPDX-License-Identifier: MIT */
/*
 * tcp_cc.c: congestion control: slow start, CUBIC (RFC 9438) or Reno (RFC 5681), and the reduction
 * after a loss.
 *
 *     tcp_cwnd_grow  for acknowledged segments while there is no loss
 *     tcp_cwnd_used  after new data was sent: records whether cwnd limits the connection
 *     tcp_cwnd_idle  before new data is sent: reduces a window that was not used for a while (RFC
 *                    5681, 4.1)
 *     tcp_cut        returns the next ssthresh
 *     tcp_hystart    ends slow start after a round trip that takes longer than earlier ones (the
 *                    delay part of RFC 9406)
 *
 * c.lock is held throughout.
 */
#include "arch/um/machine/arch.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"

#define CUBIC_BETA 717 /* 0.7, in units of 1/1024 */
#define CUBIC_C 410    /* 0.4, in units of 1/1024 */
#define CWND_MAX 0xffffU
#define HYSTART_CWND 16
#define HYSTART_SAMPLES 8

void tcp_cc_init(struct tcp_sock *t)
{
	t->cc.cwnd = INIT_CWND;
	t->cc.ssthresh = 0x7fffffff;
	t->cc.cwnd_cnt = 0;
	t->cc.cubic = (struct cubic){ 0 };
	t->loss.ca = CA_OPEN;
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

/* Begins an epoch: K = cbrt((w_max - cwnd) / C), in ms. */
static void cubic_begin(struct tcp_sock *t)
{
	struct cubic *c = &t->cc.cubic;

	c->epoch = tcp_now(t);
	c->acked = 0;
	c->tcp_cwnd = t->cc.cwnd;
	if (c->w_max > t->cc.cwnd) {
		c->k = cube_root((u64)(c->w_max - t->cc.cwnd) * 1000000000 / CUBIC_C * 1024);
		c->origin = c->w_max;
	} else {
		c->k = 0;
		c->origin = t->cc.cwnd;
	}
}

/* Returns W(t) = C (t - K)^3 + origin for the time one minimum RTT from now. */
static u32 cubic_target(const struct tcp_sock *t)
{
	const struct cubic *c = &t->cc.cubic;
	s64 ms = (s64)((tcp_now(t) - c->epoch + t->rtt.min) / MSEC) - c->k;
	s64 d = min_t(s64, ms < 0 ? -ms : ms, 100000);
	u64 grown = (u64)(d * d / 1000 * d / 1000) * CUBIC_C / 1024 / 1000;

	if (ms < 0)
		return c->origin > grown ? c->origin - (u32)grown : 1;
	return (u32)min_t(u64, c->origin + grown, CWND_MAX);
}

static void cubic_grow(struct tcp_sock *t, u32 acked)
{
	struct cubic *c = &t->cc.cubic;
	u32 target;

	if (!c->epoch)
		cubic_begin(t);
	target = cubic_target(t);
	c->acked += acked;
	/*
	 * Grows at least as fast as a sender that multiplies cwnd by beta after a loss, as CUBIC
	 * does, and has Reno's average throughput. That sender gains 3 (1 - beta) / (1 + beta)
	 * segments a round trip, about 0.53.
	 */
	while (c->acked * 53 > c->tcp_cwnd * 100) {
		c->acked -= min(c->acked, c->tcp_cwnd * 100 / 53);
		c->tcp_cwnd++;
	}
	target = max(target, c->tcp_cwnd);
	c->cnt = target > t->cc.cwnd ? max(t->cc.cwnd / (target - t->cc.cwnd), 2U) :
				       100 * t->cc.cwnd;
}

/*
 * True if cwnd was used up, so that a larger cwnd is likely to be used too. What RFC 7661 adds, to
 * reduce a cwnd that is not used while data flows, is missing (table in docs/net.md).
 */
static bool cwnd_limited(const struct tcp_sock *t)
{
	if (t->cc.cwnd_limited)
		return true;
	return t->cc.cwnd < t->cc.ssthresh && t->cc.cwnd < 2 * t->cc.max_packets_out;
}

void tcp_cwnd_used(struct tcp_sock *t, bool limited)
{
	if (before(t->snd.una, t->cc.usage_seq) && !limited &&
		(t->cc.cwnd_limited || t->loss.packets_out <= t->cc.max_packets_out))
		return;
	t->cc.cwnd_limited = limited;
	t->cc.max_packets_out = t->loss.packets_out;
	t->cc.usage_seq = t->snd.nxt;
}

void tcp_cwnd_idle(struct tcp_sock *t)
{
	u64 idle = t->snd.last ? tcp_now(t) - t->snd.last : 0;
	u32 restart = min(t->cc.cwnd, (u32)INIT_CWND), cwnd = t->cc.cwnd;

	if (t->loss.packets_out || idle < t->rtt.rto || t->cc.cwnd <= restart ||
		!READ_ONCE(tcp_net(t)->slow_start_after_idle))
		return;
	t->cc.ssthresh = max(t->cc.ssthresh, cwnd / 4 * 3);
	for (; idle >= t->rtt.rto && cwnd > restart; idle -= t->rtt.rto)
		cwnd /= 2;
	t->cc.cwnd = max(cwnd, restart);
	t->cc.usage_seq = t->snd.nxt;
	t->cc.cubic.epoch = 0;
}

void tcp_cwnd_grow(struct tcp_sock *t, u32 acked)
{
	if (!cwnd_limited(t))
		return;
	if (t->cc.cwnd < t->cc.ssthresh) {
		u32 n = min(acked, t->cc.ssthresh - t->cc.cwnd);

		t->cc.cwnd = min(t->cc.cwnd + n, CWND_MAX);
		acked -= n;
		if (!acked)
			return;
	}
	if (t->cc.reno)
		t->cc.cubic.cnt = t->cc.cwnd;
	else
		cubic_grow(t, acked);
	t->cc.cwnd_cnt += acked;
	while (t->cc.cwnd_cnt >= max(t->cc.cubic.cnt, 1U)) {
		t->cc.cwnd_cnt -= max(t->cc.cubic.cnt, 1U);
		t->cc.cwnd = min(t->cc.cwnd + 1, CWND_MAX);
	}
}

u32 tcp_cut(struct tcp_sock *t)
{
	t->cc.cubic.epoch = 0;
	t->cc.cubic.w_max = t->cc.cwnd < t->cc.cubic.w_max ?
				    t->cc.cwnd * (1024 + CUBIC_BETA) / 2048 :
				    t->cc.cwnd;
	return max(t->cc.reno ? t->cc.cwnd / 2 : t->cc.cwnd * CUBIC_BETA / 1024, 2U);
}

void tcp_hystart(struct tcp_sock *t, u64 rtt)
{
	struct hystart *h = &t->cc.hystart;

	if (t->cc.reno || t->cc.cwnd >= t->cc.ssthresh || t->cc.cwnd < HYSTART_CWND)
		return;
	if (!h->samples || !before(t->snd.una, h->round_end)) {
		h->round_end = t->snd.nxt;
		h->samples = 0;
		h->least = rtt;
	}
	h->least = min(h->least, rtt);
	if (++h->samples < HYSTART_SAMPLES)
		return;
	if (h->least > t->rtt.min + min(max(t->rtt.min / 8, 4 * MSEC), 16 * MSEC))
		t->cc.ssthresh = t->cc.cwnd;
}
