/* SPDX-License-Identifier: MIT */
/*
 * tcp_window.c: the window that a receiver offers: half of the free room of its buffer, in steps,
 * less while memory is short; an offered window is never withdrawn.
 * Sources: RFC 9293 (3.8.6), 7323 (window scale).
 */
#include "kernel/net/tcp/tcp.h"

#define PRESSURE_SEGMENTS 4U /* least window while memory is short */

/* Returns the size of the receive buffer in bytes; less while memory is short. */
static u32 buffer(const struct tcp_sock *t)
{
	u32 all = t->inet.c.rcvbuf;

	if (unlikely(tcp_mem_pressure()))
		all = min(all, PRESSURE_SEGMENTS * 2 * max((u32)t->rcv.mss, MSS_DEFAULT));
	return all;
}

static u32 rcv_space(const struct tcp_sock *t)
{
	u32 used = t->inet.queue.rmem + t->rcv.ooo_mem, all = buffer(t);

	return used >= all ? 0 : (all - used) / 2;
}

/* Rounds @space down to a multiple of the window's unit, but not to 0. */
static u32 scaled(u32 space, u8 scale)
{
	u32 unit = 1U << scale;

	return space && space < unit ? unit : space & ~(unit - 1);
}

u32 tcp_window_step(const struct tcp_sock *t)
{
	return min((u32)t->rcv.mss, t->inet.c.rcvbuf / 4);
}

/*
 * Returns the largest window without a scale. Some peers take the field for a signed number
 * (tcp_workaround_signed_windows).
 */
static u32 unscaled_max(const struct tcp_sock *t)
{
	return unlikely(READ_ONCE(tcp_net(t)->signed_windows)) ? 32767 : 65535;
}

/*
 * Returns the window to offer, bytes. It grows in steps of tcp_window_step(), and never shrinks
 * what was offered.
 */
u32 tcp_window(struct tcp_sock *t)
{
	u32 offered = t->rcv.wup + t->rcv.wnd, space = min(rcv_space(t), t->rcv.clamp);
	u32 now = after(offered, t->rcv.nxt) ? offered - t->rcv.nxt : 0;
	u32 step = tcp_window_step(t);

	if (space < step && space < now + step)
		space = now;
	if (!t->snd.wscale_ok || !t->snd.rcv_wscale)
		space = min(space, unscaled_max(t));
	else
		space = scaled(min(space, 65535U << t->snd.rcv_wscale), t->snd.rcv_wscale);
	return max(space, round_up(now, 1U << t->snd.rcv_wscale));
}

/*
 * Returns the window for a SYN or SYN-ACK, which has no scale: a whole number of segments, if the
 * buffer holds one.
 */
u32 tcp_first_window(const struct tcp_sock *t)
{
	bool stamps = t->state == TCP_SYN_RECV && t->snd.ts_ok;
	u32 taken = stamps ? TS_SPACE : 0;
	/* a route's advmss may be smaller than the timestamp option */
	u32 mss = t->snd.advmss > taken ? t->snd.advmss - taken : 1;
	u32 space = min(buffer(t) / 2, t->rcv.clamp);

	if (space > mss)
		space -= space % mss;
	return min(space, unscaled_max(t));
}

u16 tcp_take_window(struct tcp_sock *t, bool syn)
{
	u32 w = syn ? tcp_first_window(t) : tcp_window(t);

	if (unlikely(!w != !t->rcv.wnd) && !syn) {
		if (w)
			TCP_EXT_COUNT(t->inet.net, TCPFromZeroWindowAdv);
		else
			TCP_EXT_COUNT(t->inet.net, TCPToZeroWindowAdv);
	}
	t->rcv.wnd = w;
	t->rcv.wup = t->rcv.nxt;
	return (u16)(syn ? w : w >> t->snd.rcv_wscale);
}
