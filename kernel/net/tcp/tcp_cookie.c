/* SPDX-License-Identifier: MIT */
/*
 * tcp_cookie.c: SYN cookies (RFC 4987, 3.6): when a listener's queue of half-open connections is
 * full, a SYN leaves no state. The initial sequence number of the SYN-ACK holds what is needed in a
 * form that no peer can forge. The third segment of the handshake acknowledges that number, and so
 * returns the state:
 *
 *     bits 31..8  SipHash of addresses, ports, the peer's initial sequence number, the time and the
 *                 lower bits, with a secret key
 *     bits 7..3   the minute, modulo 32: a cookie is valid in that minute and the next
 *     bits 2..0   an index of eight MSS values: the largest that is not above the peer's MSS
 *
 * If the SYN had a timestamp, the lowest six bits of our timestamp hold the peer's window scale and
 * whether it supports SACK. net.ipv4.tcp_syncookies: 0 never, 1 when the queue is full, 2 always.
 */
#include "arch/um/machine/arch.h"
#include "kernel/lib/siphash.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"

#define MINUTE (60 * NSEC_PER_SEC)
#define GOOD_FOR 2 /* minutes */
#define LOW_BITS 8
#define OPT_SACK 16
#define NO_WSCALE 15

static const u16 sizes[8] = { 88, 536, 1220, 1300, 1440, 1460, 8960, 65455 };
/* ktime_get() when a cookie was last sent; races are harmless */
static u64 last_sent;

u32 tcp_keyed_hash(const u64 *words, u32 n)
{
	static u64 key[2];
	static u32 boot; /* machine_boot when the key was made */

	while (!READ_ONCE(key[0]) || unlikely(READ_ONCE(boot) != machine_boot)) {
		WRITE_ONCE(boot, machine_boot);
		arch_random(key, sizeof(key));
	}
	return (u32)siphash(key, words, n);
}

/* ---- cookies ---- */

/*
 * Returns the cookie for the connection of @skb. @irs: the peer's initial sequence number; @size:
 * the index of the MSS.
 */
static u32 cookie(const struct sk_buff *skb, u32 irs, u64 minute, u32 size)
{
	u32 low = (u32)(minute & 31) << 3 | size;
	u64 words[6];

	memcpy(&words[0], &skb->ip.saddr, 16);
	memcpy(&words[2], &skb->ip.daddr, 16);
	words[4] = (u64)skb->sport << 48 | (u64)skb->dport << 32 | irs;
	words[5] = minute << 8 | low;
	return tcp_keyed_hash(words, ARRAY_SIZE(words)) << LOW_BITS | low;
}

static u32 size_index(u16 mss)
{
	u32 i = ARRAY_SIZE(sizes) - 1;

	while (i && sizes[i] > mss)
		i--;
	return i;
}

void tcp_send_cookie(struct tcp_sock *c, const struct sk_buff *skb, const struct tcp_opts *o)
{
	u64 minute = ktime_get() / MINUTE;

	c->inet.saddr = skb->ip.daddr;
	c->inet.raddr = skb->ip.saddr;
	c->inet.lport = skb->dport;
	c->inet.rport = skb->sport;
	c->snd.iss = cookie(skb, c->rcv.irs, minute, size_index(o->mss ? o->mss : MSS_DEFAULT));
	c->snd.nxt = c->snd.iss;
	c->cc.ecn = 0;
	if (c->snd.ts_ok)
		c->child.cookie_opts =
			(u8)(TCP_COOKIE_OPTS | (c->snd.sack_ok ? OPT_SACK : 0) |
				(c->snd.wscale_ok ? min(c->snd.wscale, (u8)14) : NO_WSCALE));
	else
		/* without timestamps there is no room for these options */
		c->snd.sack_ok = c->snd.wscale_ok = false;
	last_sent = ktime_get();
	TCP_EXT_COUNT(c->inet.net, SyncookiesSent);
	tcp_send_synack(c);
}

/* Restores the options of the SYN from the cookie's low bits and the timestamp echo in @now. */
static void recall(const struct tcp_opts *now, u32 low, struct tcp_opts *o)
{
	u32 bits = now->tsecr & 63;

	*o = (struct tcp_opts){ .mss = sizes[low & 7] };
	if (!now->saw_ts)
		return;
	o->saw_ts = true;
	o->tsval = now->tsval;
	o->sack_ok = bits & OPT_SACK;
	o->has_wscale = (bits & NO_WSCALE) != NO_WSCALE;
	o->wscale = (u8)(bits & NO_WSCALE);
}

bool tcp_cookie_good(
	struct net *net, const struct sk_buff *skb, const struct tcp_opts *now, struct tcp_opts *o)
{
	u32 isn = skb->tcp.ack_seq - 1, irs = skb->tcp.seq - 1;
	u64 minute = ktime_get() / MINUTE;

	if (!last_sent || ktime_get() - last_sent > (GOOD_FOR + 1) * MINUTE)
		return false;
	for (u32 age = 0; age < GOOD_FOR && age <= minute; age++) {
		if (((minute - age) & 31) != (isn >> 3 & 31))
			continue;
		if (cookie(skb, irs, minute - age, isn & 7) != isn)
			continue;
		recall(now, isn, o);
		TCP_EXT_COUNT(net, SyncookiesRecv);
		return true;
	}
	TCP_EXT_COUNT(net, SyncookiesFailed);
	return false;
}
