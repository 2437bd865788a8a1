/* SPDX-License-Identifier: MIT */
/*
 * ip4_opt.c: options of the IPv4 header (RFC 791, 2113): those that a socket sends (IP_OPTIONS, or
 * a control message), those that a program receives (IP_RECVOPTS, IP_RETOPTS), and those that every
 * router fills in (record route, timestamp).
 *
 * A struct ip4_opts is immutable and refcounted, like struct ip6_ext: a socket, a message and a
 * corked datagram each hold a reference. Options are checked where they enter, from a program or in
 * a packet, so their lengths are valid afterwards. Packets with a source route are dropped, as on
 * Linux with accept_source_route 0, and sockets cannot send one.
 */
#include <asm/errno.h>
#include <linux/ip.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/string.h"
#include "kernel/net/inet/icmp.h"
#include "kernel/net/inet/inet.h"
#include "kernel/ident/cred.h"

#define HEADER sizeof(struct iphdr)
#define DAY_MS 86400000U
/* least pointer of a route option; a pointer counts bytes from the option's start, from 1 on */
#define FIRST_PTR 4
#define FIRST_TS_PTR 5 /* least pointer of a timestamp option */

struct ip4_opts {
	atomic_t refs;
	u8 len; /* bytes, a multiple of 4 */
	u8 data[IP4_OPTS_MAX];
};

struct ip4_opts *ip4_opts_get(struct ip4_opts *x)
{
	if (x)
		atomic_inc(&x->refs);
	return x;
}

void ip4_opts_put(struct ip4_opts *x)
{
	if (x && atomic_dec_and_test(&x->refs))
		kfree(x);
}

u32 ip4_opts_len(const struct ip4_opts *x)
{
	return x ? x->len : 0;
}

struct ip4_opts *ip4_opts_of(struct inet_sock *i)
{
	struct ip4_opts *x;

	if (likely(!READ_ONCE(i->opts4)))
		return NULL;
	spin_lock(&i->c.lock);
	x = ip4_opts_get(i->opts4);
	spin_unlock(&i->c.lock);
	return x;
}

/* ---- checking ---- */

/* State of a check of options; `bad` is the offset of the first error. */
struct check {
	/* the options are a received packet's: unknown ones are skipped */
	bool packet;
	bool may;                  /* the program has CAP_NET_RAW */
	bool rr, ts, source_route; /* options that were seen */
	u32 bad;
};

/* Returns the length of the option at o[at], which is longer than one byte; 0 if it exceeds @n. */
static u32 length_at(const u8 *o, u32 at, u32 n)
{
	return at + 2 <= n && o[at + 1] >= 2 && o[at + 1] <= n - at ? o[at + 1] : 0;
}

/* check_*() return the offset of an error in the option @o, or 0. */
static u32 check_route(struct check *c, const u8 *o, u32 len)
{
	if (c->source_route)
		return 1;
	c->source_route = true;
	if (len < 3)
		return 1;
	if (o[2] < FIRST_PTR || (!c->packet && (o[2] != FIRST_PTR || len < 7 || (len - 3) & 3)))
		return 2;
	return 0;
}

static u32 check_rr(struct check *c, const u8 *o, u32 len)
{
	if (c->rr || len < 3)
		return 1;
	c->rr = true;
	return o[2] < FIRST_PTR || (o[2] <= len && o[2] + 3U > len) ? 2 : 0;
}

static u32 check_ts(struct check *c, const u8 *o, u32 len)
{
	u32 flag;

	if (c->ts || len < 4)
		return 1;
	c->ts = true;
	flag = o[3] & 15U;
	if (o[2] < FIRST_TS_PTR)
		return 2;
	/* A full option is invalid if its overflow count (4 bits) is full too. */
	if (o[2] > len)
		return flag != IPOPT_TS_PRESPEC && o[3] >> 4 == 15 ? 3 : 0;
	if (o[2] + 3U > len)
		return 2;
	if (flag == IPOPT_TS_TSANDADDR || flag == IPOPT_TS_PRESPEC)
		return o[2] + 7U > len ? 2 : 0;
	return flag != IPOPT_TS_TSONLY && !c->packet && !c->may ? 3 : 0;
}

static u32 check_one(struct check *c, const u8 *o, u32 len)
{
	switch (o[0]) {
	case IPOPT_LSRR:
	case IPOPT_SSRR: return check_route(c, o, len);
	case IPOPT_RR: return check_rr(c, o, len);
	case IPOPT_TIMESTAMP: return check_ts(c, o, len);
	case IPOPT_RA: return len < 4 ? 1 : 0;
	/* CIPSO labels are not configured */
	case IPOPT_CIPSO: return c->packet ? 0 : 1;
	}
	return 0;
}

/* Checks options, and clears the bytes behind IPOPT_END. Returns 0 or -EINVAL. */
static int check(struct check *c, u8 *o, u32 n)
{
	for (u32 at = 0, len; at < n; at += len) {
		u32 bad;

		len = 1;
		if (o[at] == IPOPT_END) {
			memset(o + at, 0, n - at);
			return 0;
		}
		if (o[at] == IPOPT_NOOP)
			continue;
		c->bad = at;
		len = length_at(o, at, n);
		if (!len)
			return -EINVAL;
		bad = check_one(c, o + at, len);
		c->bad = at + bad;
		if (bad)
			return -EINVAL;
		if (c->packet || c->may)
			continue;
		if (!memchr((u8[]){ IPOPT_LSRR, IPOPT_SSRR, IPOPT_RR, IPOPT_TIMESTAMP, IPOPT_RA },
			    o[at], 5))
			return -EINVAL;
	}
	return 0;
}

/* ---- filling in ---- */

static void put_address(u8 *o, u32 addr)
{
	memcpy(o + o[2] - 1, &addr, sizeof(addr));
	o[2] += 4;
}

static void put_time(u8 *o)
{
	u32 ms = htonl((u32)(ktime_get_real() / NSEC_PER_MSEC % DAY_MS));

	put_address(o, ms);
}

/*
 * Adds an entry to a timestamp option that check() has accepted. If the option is full and
 * @arrived, increments its overflow count.
 */
static void stamp(struct net *net, u8 *o, u32 addr, bool arrived)
{
	u32 flag = o[3] & 15U, asked;
	ip_addr a;

	if (o[2] > o[1]) {
		if (arrived && flag != IPOPT_TS_PRESPEC && o[3] >> 4 != 15)
			o[3] += 16;
		return;
	}
	switch (flag) {
	case IPOPT_TS_TSONLY: put_time(o); return;
	case IPOPT_TS_TSANDADDR:
		put_address(o, addr);
		put_time(o);
		return;
	case IPOPT_TS_PRESPEC:
		memcpy(&asked, o + o[2] - 1, sizeof(asked));
		a = ip_v4(asked);
		if (!addr_is_local(net, &a, 0))
			return;
		o[2] += 4;
		put_time(o);
		return;
	}
}

/* Adds this machine to route and timestamp options: @addr to record route, @seen to timestamps. */
static void record(struct net *net, u8 *o, u32 n, u32 addr, u32 seen, bool arrived)
{
	for (u32 at = 0, len; at < n && o[at] != IPOPT_END; at += len) {
		len = 1;
		if (o[at] == IPOPT_NOOP)
			continue;
		len = length_at(o, at, n);
		if (!len)
			return;
		if (o[at] == IPOPT_RR && o[at + 2] <= len)
			put_address(o + at, addr);
		else if (o[at] == IPOPT_TIMESTAMP)
			stamp(net, o + at, seen, arrived);
	}
}

void ip4_opts_push(struct net *net, struct sk_buff *skb, const struct flow *f)
{
	u8 *o = skb_push(skb, f->opts->len);

	memcpy(o, f->opts->data, f->opts->len);
	record(net, o, f->opts->len, f->saddr.w[3], f->saddr.w[3], false);
}

void ip4_opts_later(u8 *o, u32 n)
{
	for (u32 at = 0, len; at < n && o[at] != IPOPT_END; at += len) {
		len = o[at] == IPOPT_NOOP ? 1 : length_at(o, at, n);
		if (!len)
			return;
		if (!IPOPT_COPIED(o[at]))
			memset(o + at, IPOPT_NOOP, len);
	}
}

/* ---- sockets ---- */

/* Makes an ip4_opts of @n bytes from a program, at most IP4_OPTS_MAX. ERR_PTR on failure. */
static struct ip4_opts *make(struct net *net, const void *from, u32 n)
{
	struct check c = { .may = net_capable(net, CAP_NET_RAW) };
	struct ip4_opts *x = kzalloc(sizeof(*x), GFP_KERNEL | __GFP_ACCOUNT);
	int err;

	if (!x)
		return ERR_PTR(-ENOBUFS);
	atomic_set(&x->refs, 1);
	x->len = (u8)((n + 3) & ~3U);
	memcpy(x->data, from, n);
	err = check(&c, x->data, x->len);
	if (!err && c.source_route)
		err = c.may ? -EOPNOTSUPP : -EPERM;
	if (!err)
		return x;
	ip4_opts_put(x);
	return ERR_PTR(err);
}

int ip4_opts_set(struct inet_sock *i, uaddr_t val, u32 len)
{
	struct ip4_opts *x = NULL, *old = i->opts4; /* stable, since op is held */
	u8 from[IP4_OPTS_MAX];

	if (len > sizeof(from))
		return -EINVAL;
	if (copy_from_user(from, val, len))
		return -EFAULT;
	if (len)
		x = make(i->net, from, len);
	if (IS_ERR(x))
		return (int)PTR_ERR(x);
	spin_lock(&i->c.lock);
	i->opts4 = x;
	spin_unlock(&i->c.lock);
	ip4_opts_put(old);
	return 0;
}

void ip4_opts_read(struct inet_sock *i, void *val, u32 *len)
{
	struct ip4_opts *x = ip4_opts_of(i);

	*len = min(*len, ip4_opts_len(x));
	if (x)
		memcpy(val, x->data, *len);
	ip4_opts_put(x);
}

int ip4_opts_cmsg(struct net *net, struct inet_control *c, const void *data, u64 n)
{
	struct ip4_opts *x = make(net, data, (u32)min(n, (u64)IP4_OPTS_MAX));

	if (IS_ERR(x))
		return (int)PTR_ERR(x);
	ip4_opts_put(c->opts);
	c->opts = x;
	return 0;
}

/* ---- in ---- */

/* Copies the first option of @kind to @to. Returns its length, or 0. */
static u32 take(const u8 *o, u32 n, u8 kind, u8 *to)
{
	for (u32 at = 0, len; at < n && o[at] != IPOPT_END; at += len) {
		len = o[at] == IPOPT_NOOP ? 1 : length_at(o, at, n);
		if (!len)
			return 0;
		if (o[at] == kind) {
			memcpy(to, o + at, len);
			return len;
		}
	}
	return 0;
}

/*
 * Makes the options for a reply to @skb at @to, which is IP4_OPTS_MAX zeros. Returns their length.
 */
static u32 answer_to(const struct sk_buff *skb, u8 *to)
{
	const u8 *o = skb_network(skb) + HEADER;
	u32 n = skb->ip.hdr_len - (u32)HEADER, used = take(o, n, IPOPT_RR, to);

	used += take(o, n, IPOPT_TIMESTAMP, to + used);
	return (used + 3) & ~3U;
}

struct ip4_opts *ip4_opts_answer(const struct sk_buff *skb)
{
	struct ip4_opts *x = kzalloc(sizeof(*x), GFP_ATOMIC);
	struct check c = { .packet = true };

	if (!x)
		return NULL;
	atomic_set(&x->refs, 1);
	x->len = (u8)answer_to(skb, x->data);
	if (!check(&c, x->data,
		    /* a filter rule may have changed the received options */
		    x->len))
		return x;
	ip4_opts_put(x);
	return NULL;
}

void ip4_opts_put_cmsgs(struct inet_sock *i, struct msg *m, const struct sk_buff *skb)
{
	u8 back[IP4_OPTS_MAX] = { 0 };

	if (i->recv.opts)
		msg_put_cmsg(m, SOL_IP, IP_RECVOPTS, skb_network(skb) + HEADER,
			skb->ip.hdr_len - (u32)HEADER);
	if (i->recv.retopts)
		msg_put_cmsg(m, SOL_IP, IP_RETOPTS, back, answer_to(skb, back));
}

/* Returns this machine's source address for packets to @peer; 0: there is no route. */
static u32 known_to(struct net *net, u32 peer)
{
	struct flow f = { .daddr = ip_v4(peer) };

	return route_output(net, &f) ? 0 : f.saddr.w[3];
}

/*
 * Copies the IPv4 header at the front of @skb to @h. Returns true if its options are valid and
 * accepted. Sends an ICMP error for invalid options.
 */
static bool read_header(struct net *net, struct sk_buff *skb, u8 *h)
{
	struct check c = { .packet = true };
	u32 n = skb->ip.hdr_len;

	skb_copy(skb, 0, h, n);
	if (!check(&c, h + HEADER, n - (u32)HEADER))
		return !c.source_route;
	icmp_error(net, skb, ICMP_PARAMETERPROB, 0, ((u32)HEADER + c.bad) << 24);
	return false;
}

static void record_in(struct net *net, struct iphdr *h, u32 addr, u32 seen)
{
	u32 n = h->ihl * 4U;

	record(net, (u8 *)(h + 1), n - (u32)HEADER, addr, seen, true);
	h->check = 0;
	h->check = csum_fold(csum_partial(h, n, 0));
}

bool ip4_opts_rcv(struct net *net, struct sk_buff *skb)
{
	u32 h[(HEADER + IP4_OPTS_MAX) / sizeof(u32)], n = skb->ip.hdr_len, addr;

	if (!read_header(net, skb, (u8 *)h))
		return false;
	addr = skb->broadcast ? known_to(net, skb->ip.saddr.w[3]) : skb->ip.daddr.w[3];
	record_in(net, (struct iphdr *)h, addr, addr);
	if (skb_headlen(skb) < n && !skb_own_payload(skb))
		return false;
	skb_write(skb, 0, h, n);
	return true;
}

bool ip4_opts_may_forward(struct net *net, struct sk_buff *skb)
{
	u8 h[HEADER + IP4_OPTS_MAX];

	return read_header(net, skb, h);
}

void ip4_opts_forward(struct net *net, struct iphdr *h, const struct flow *f)
{
	ip_addr addr;

	if (!addr_source(f->dev, ip_is_v4(&f->next_hop) ? &f->next_hop : &f->daddr, &addr))
		addr = ip_v4(0);
	record_in(net, h, addr.w[3], known_to(net, h->saddr));
}
