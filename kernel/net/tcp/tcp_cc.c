/* SPDX-License-Identifier: MIT */
/*
 * tcp_cc.c: how fast a connection goes: slow start, CUBIC (RFC 9438) or Reno (RFC 5681), and what a
 * loss costs.
 *
 *	tcp_cwnd_grow	segments have arrived, and nothing is wrong
 *	tcp_cwnd_used	after new data has gone: is it cwnd that holds us back?
 *	tcp_cwnd_idle	before new data goes: a window that nobody has used for long says nothing
 *	                (RFC 5681, 4.1)
 *	tcp_cut		the next ssthresh
 *	tcp_hystart	a round trip in slow start that takes longer than others did ends that (the
 *	                delay part of RFC 9406)
 *
 * c.lock held throughout.
 */
#include "arch/um/machine/arch.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/task.h"

#define CUBIC_BETA 717 /* of 1024 */
#define CUBIC_C 410    /* 0.4 of 1024 */
#define CWND_MAX 0xffffU
#define HYSTART_CWND 16
#define HYSTART_SAMPLES 8

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

	c->epoch = tcp_now(t);
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
	s64 ms = (s64)((tcp_now(t) - c->epoch + t->min_rtt) / MSEC) - c->k;
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
	/*
	 * no slower than Reno would be: 3 (1 - beta) / (1 + beta) segments a round trip, about 0.53
	 */
	while (c->acked * 53 > c->tcp_cwnd * 100) {
		c->acked -= min(c->acked, c->tcp_cwnd * 100 / 53);
		c->tcp_cwnd++;
	}
	target = max(target, c->tcp_cwnd);
	c->cnt = target > t->cwnd ? max(t->cwnd / (target - t->cwnd), 2U) : 100 * t->cwnd;
}

/* Only a window that was used up tells that more would be good (RFC 7661, the simple part). */
static bool cwnd_limited(const struct tcp_sock *t)
{
	if (t->cwnd_limited)
		return true;
	return t->cwnd < t->ssthresh && t->cwnd < 2 * t->max_packets_out;
}

void tcp_cwnd_used(struct tcp_sock *t, bool limited)
{
	if (before(t->snd_una, t->usage_seq) && !limited &&
		(t->cwnd_limited || t->packets_out <= t->max_packets_out))
		return;
	t->cwnd_limited = limited;
	t->max_packets_out = t->packets_out;
	t->usage_seq = t->snd_nxt;
}

void tcp_cwnd_idle(struct tcp_sock *t)
{
	u64 idle = t->last_sent ? tcp_now(t) - t->last_sent : 0;
	u32 restart = min(t->cwnd, (u32)INIT_CWND), cwnd = t->cwnd;

	if (t->packets_out || idle < t->rto || t->cwnd <= restart ||
		!READ_ONCE(tcp_net(t)->slow_start_after_idle))
		return;
	t->ssthresh = max(t->ssthresh, cwnd / 4 * 3);
	for (; idle >= t->rto && cwnd > restart; idle -= t->rto)
		cwnd /= 2;
	t->cwnd = max(cwnd, restart);
	t->usage_seq = t->snd_nxt;
	t->cubic.epoch = 0;
}

void tcp_cwnd_grow(struct tcp_sock *t, u32 acked)
{
	if (!cwnd_limited(t))
		return;
	if (t->cwnd < t->ssthresh) {
		u32 n = min(acked, t->ssthresh - t->cwnd);

		t->cwnd = min(t->cwnd + n, CWND_MAX);
		acked -= n;
		if (!acked)
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

u32 tcp_cut(struct tcp_sock *t)
{
	t->cubic.epoch = 0;
	t->cubic.w_max = t->cwnd < t->cubic.w_max ? t->cwnd * (1024 + CUBIC_BETA) / 2048 : t->cwnd;
	return max(t->reno ? t->cwnd / 2 : t->cwnd * CUBIC_BETA / 1024, 2U);
}

void tcp_hystart(struct tcp_sock *t, u64 rtt)
{
	struct hystart *h = &t->hystart;

	if (t->reno || t->cwnd >= t->ssthresh || t->cwnd < HYSTART_CWND)
		return;
	if (!h->samples || !before(t->snd_una, h->round_end)) {
		h->round_end = t->snd_nxt;
		h->samples = 0;
		h->least = rtt;
	}
	h->least = min(h->least, rtt);
	if (++h->samples < HYSTART_SAMPLES)
		return;
	if (h->least > t->min_rtt + min(max(t->min_rtt / 8, 4 * MSEC), 16 * MSEC))
		t->ssthresh = t->cwnd;
}
