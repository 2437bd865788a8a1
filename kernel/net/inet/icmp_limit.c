/* SPDX-License-Identifier: MIT */
/*
 * icmp_limit.c: the rate limit of ICMP errors that this machine sends (RFC 1812, 4.3.2.8; RFC 4443,
 * 2.4 f; icmp(7)). Token buckets limit the errors to each destination, and those of a network
 * namespace to all. So
 * neither a sender of bad packets nor the machine whose address it forges is flooded with errors.
 *
 * The types in icmp_ratemask and ipv6/icmp/ratemask are limited. By default these are all errors
 * except "packet too big", on which connections depend. Errors to this machine itself are not
 * limited. The buckets of destinations are in a hash table with one entry for each hash; a new
 * destination replaces the old one there, with a full bucket.
 * Locks: limit_lock (spin).
 */
#include <linux/icmpv6.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/lock.h"
#include "kernel/net/inet/icmp.h"
#include "kernel/net/net.h"

#define ICMP_SOURCE_QUENCH 4
#define PEER_BITS 8
#define PEER_BURST 6U
#define TICK (4 * NSEC_PER_MSEC)

struct icmp_limits icmp_limits = {
	.redirect_load = 5,
	.redirect_number = 9,
	.redirect_silence = 5 << 10,
	.error_cost = 250,
	.error_burst = 5 * 250,
	.message_cost = 5,
	.message_burst = 10,
};

static DEFINE_SPINLOCK(limit_lock);
static struct peer {
	const struct net *net;
	ip_addr addr;
	struct icmp_bucket b;
	u32 redirects; /* redirects sent that had no effect */
	/* ktime_get() of the last redirect, sent or suppressed */
	u64 redirect_at;
} peers[1 << PEER_BITS];

/* Fills @b, at most up to @full. True if it then has @cost. */
static bool has(struct icmp_bucket *b, u64 cost, u64 full, u64 now)
{
	b->saved = min(b->saved + (now - b->at), full);
	b->at = now;
	return b->saved >= cost;
}

static bool take(struct icmp_bucket *b, u64 cost, u64 full, u64 now)
{
	if (!has(b, cost, full, now))
		return false;
	b->saved -= cost;
	return true;
}

/*
 * Takes the cost of a message from the namespace's bucket @all: at random 0, 1 or 2 times @cost, on
 * average @cost. So an attacker that counts errors cannot infer how many went to another
 * destination, a side channel for finding open ports.
 */
static bool take_of_all(struct icmp_bucket *all, u64 cost, u64 full, u64 now)
{
	u32 r;

	if (!has(all, cost, full, now))
		return false;
	arch_random(&r, sizeof(r));
	all->saved -= min(all->saved, cost * (r % 3));
	return true;
}

static u64 ticks(const int *n)
{
	return (u64)max(READ_ONCE(*n), 0) * TICK;
}

/* Returns the entry of destination @to; replaces another destination's. limit_lock held. */
static struct peer *peer_of(const struct net *net, const ip_addr *to, u64 now)
{
	struct peer *p = &peers[(ip_hash(to) ^ (u32)((u64)net >> 8)) >> (32 - PEER_BITS)];

	if (p->net != net || !ip_equal(&p->addr, to))
		*p = (struct peer){ .net = net, .addr = *to, .b = { ~0UL >> 1, now } };
	return p;
}

static bool take_of_peer(const struct net *net, const ip_addr *to, u64 cost, u64 now)
{
	struct peer *p = peer_of(net, to, now);

	return take(&p->b, cost, cost * PEER_BURST, now);
}

void icmp_net_init(struct net *net)
{
	net->icmp.msgs_per_sec = 1000;
	net->icmp.msgs_burst = 50;
	net->icmp.ratelimit = net->icmp.ratelimit6 = 1000;
	net->icmp.ratemask = BIT(ICMP_DEST_UNREACH) | BIT(ICMP_SOURCE_QUENCH) |
			     BIT(ICMP_TIME_EXCEEDED) | BIT(ICMP_PARAMETERPROB);
	net->icmp.ratemask6[0] = ~BIT(ICMPV6_PKT_TOOBIG);
	net->icmp.ratemask6[1] = ~0UL;
}

static bool counts(const struct net *net, bool v6, u8 type, u8 code)
{
	if (v6)
		return READ_ONCE(net->icmp.ratemask6[type / 64]) >> type % 64 & 1;
	return type < 32 && READ_ONCE(net->icmp.ratemask) & (int)BIT(type) &&
	       !(type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED);
}

/*
 * True if the sender @to may get another redirect. Each redirect without effect doubles the time
 * until the next, up to redirect_number of them. After that @to gets one only if it has sent no
 * such packet for redirect_silence.
 */
bool icmp_may_redirect(const struct net *net, const ip_addr *to)
{
	u64 now = ktime_get();
	struct peer *p;
	bool ok = false;

	spin_lock(&limit_lock);
	p = peer_of(net, to, now);
	if (now - p->redirect_at > ticks(&icmp_limits.redirect_silence))
		p->redirects = 0;
	if ((int)p->redirects >= READ_ONCE(icmp_limits.redirect_number)) {
		p->redirect_at = now;
	} else if (!p->redirects || now - p->redirect_at > ticks(&icmp_limits.redirect_load)
								   << min(p->redirects, 31U)) {
		p->redirect_at = now;
		p->redirects++;
		ok = true;
	}
	spin_unlock(&limit_lock);
	return ok;
}

/*
 * True if the rate limit allows a "no route" error to @to. As on Linux, it shares the destination's
 * bucket with other errors.
 */
bool icmp_may_refuse(const struct net *net, const ip_addr *to)
{
	u64 now = ktime_get();
	bool ok;

	spin_lock(&limit_lock);
	ok = take(&peer_of(net, to, now)->b, ticks(&icmp_limits.error_cost),
		ticks(&icmp_limits.error_burst), now);
	spin_unlock(&limit_lock);
	return ok;
}

bool net_may_warn(void)
{
	static u64 begun;
	static int lines;
	u64 now = ktime_get(),
	    span = (u64)max(READ_ONCE(icmp_limits.message_cost), 0) * NSEC_PER_SEC;
	bool ok;

	spin_lock(&limit_lock);
	if (!begun || now - begun > span) {
		begun = now;
		lines = 0;
	}
	ok = !span || lines++ < READ_ONCE(icmp_limits.message_burst);
	spin_unlock(&limit_lock);
	return ok;
}

bool icmp_may_send(struct net *net, const struct flow *f, bool v6, u8 type, u8 code)
{
	u64 now = ktime_get(),
	    peer = (u64)READ_ONCE(*(v6 ? &net->icmp.ratelimit6 : &net->icmp.ratelimit)) *
		   NSEC_PER_MSEC;
	u64 cost = NSEC_PER_SEC / (u64)max(READ_ONCE(net->icmp.msgs_per_sec), 1);
	bool ok;

	if (f->local || f->dev->flags & IFF_LOOPBACK || !counts(net, v6, type, code))
		return true;
	spin_lock(&limit_lock);
	ok = (!peer || take_of_peer(net, &f->daddr, peer, now)) &&
	     take_of_all(&net->icmp.all, cost, cost * (u64)max(READ_ONCE(net->icmp.msgs_burst), 1),
		     now);
	spin_unlock(&limit_lock);
	return ok;
}
