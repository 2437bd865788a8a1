/* SPDX-License-Identifier: MIT */
/*
 * ip6_ext.c: IPv6 extension headers of sockets (RFC 3542). A datagram socket sends hop-by-hop and
 * destination options with each datagram (setsockopt), or with one message, whose options then
 * replace the socket's. Headers of received packets are returned as control messages.
 *
 * A struct ip6_ext is immutable and refcounted: a socket, a message being sent and a corked
 * datagram each hold a reference. Routing headers are returned, but never sent. Options of
 * fragments are not returned. ip6_options_hold() rejects unknown options, and too many of them
 * (ipv6/max_hbh_opts_number and its relatives): hop-by-hop options in every packet, destination
 * options in packets for this machine.
 */
#include <asm/errno.h>
#include <linux/icmpv6.h>
#include <linux/in6.h>

#include "kernel/lib/string.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/inet/ip.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"

#define OPTS_MAX (8U * 255)

struct ip6_ext {
	atomic_t refs;
	u32 hop, dst; /* bytes; hop-by-hop options come first */
	u8 data[];
};

struct ip6_ext *ip6_ext_get(struct ip6_ext *x)
{
	if (x)
		atomic_inc(&x->refs);
	return x;
}

void ip6_ext_put(struct ip6_ext *x)
{
	if (x && atomic_dec_and_test(&x->refs))
		kfree(x);
}

u32 ip6_ext_len(const struct ip6_ext *x)
{
	return x ? x->hop + x->dst : 0;
}

void ip6_ext_drop(struct msg *m)
{
	ip6_ext_put(m->inet.ext);
	m->inet.ext = NULL;
	ip4_opts_put(m->inet.opts);
	m->inet.opts = NULL;
}

struct ip6_ext *ip6_ext_of(struct inet_sock *i)
{
	struct ip6_ext *x;

	if (likely(!READ_ONCE(i->ext6)))
		return NULL;
	spin_lock(&i->c.lock);
	x = ip6_ext_get(i->ext6);
	spin_unlock(&i->c.lock);
	return x;
}

/*
 * Makes a copy of @old in which @n bytes at @opts replace the hop-by-hop options, or the
 * destination options. *@out is NULL if no options are left.
 */
static int change(const struct ip6_ext *old, bool hop, const u8 *opts, u32 n, struct ip6_ext **out)
{
	u32 had_hop = old ? old->hop : 0, had_dst = old ? old->dst : 0;
	u32 h = hop ? n : had_hop, d = hop ? had_dst : n;
	struct ip6_ext *x;

	*out = NULL;
	if (!h && !d)
		return 0;
	x = kmalloc(sizeof(*x) + h + d, GFP_KERNEL | __GFP_ACCOUNT);
	if (!x)
		return -ENOBUFS;
	atomic_set(&x->refs, 1);
	x->hop = h;
	x->dst = d;
	if (h)
		memcpy(x->data, hop ? opts : old->data, h);
	if (d)
		memcpy(x->data + h, hop ? old->data + had_hop : opts, d);
	*out = x;
	return 0;
}

/* Returns the length that the header states, or -EINVAL if it exceeds @n. */
static int length_of(const u8 *opts, u64 n)
{
	u32 len = n >= 2 ? (opts[1] + 1U) * 8 : 0;

	return len && len <= n && len <= OPTS_MAX ? (int)len : -EINVAL;
}

static int set(struct inet_sock *i, bool hop, const u8 *opts, u32 n)
{
	struct ip6_ext *x, *old = i->ext6; /* stable, since op is held */
	int err = change(old, hop, opts, n, &x);

	if (err)
		return err;
	spin_lock(&i->c.lock);
	i->ext6 = x;
	spin_unlock(&i->c.lock);
	ip6_ext_put(old);
	return 0;
}

int ip6_ext_set(struct inet_sock *i, int opt, uaddr_t val, u32 len)
{
	u8 *opts;
	int n = 0, err = 0;

	if (i->c.type == SOCK_STREAM)
		return -ENOPROTOOPT;
	if (!net_capable(i->net, CAP_NET_RAW))
		return -EPERM;
	if (!len)
		return set(i, opt == IPV6_HOPOPTS, NULL, 0);
	if (len < 8 || len & 7 || len > OPTS_MAX)
		return -EINVAL;
	opts = kmalloc(len, GFP_KERNEL);
	if (!opts)
		return -ENOBUFS;
	if (copy_from_user(opts, val, len))
		err = -EFAULT;
	if (!err)
		n = length_of(opts, len);
	if (!err)
		err = n < 0 ? n : set(i, opt == IPV6_HOPOPTS, opts, (u32)n);
	kfree(opts);
	return err;
}

int ip6_ext_read(struct inet_sock *i, int opt, void *val, u32 *len)
{
	struct ip6_ext *x = ip6_ext_of(i);
	bool hop = opt == IPV6_HOPOPTS;
	u32 n = x ? (hop ? x->hop : x->dst) : 0;

	*len = min(*len, n);
	if (x)
		memcpy(val, x->data + (hop ? 0 : x->hop), *len);
	ip6_ext_put(x);
	return 0;
}

int ip6_ext_cmsg(struct net *net, struct inet_control *c, int type, const void *data, u64 n)
{
	struct ip6_ext *x;
	int len = length_of(data, n), err;

	if (len < 0)
		return len;
	if (!net_capable(net, CAP_NET_RAW))
		return -EPERM;
	err = change(c->ext, type == IPV6_HOPOPTS, data, (u32)len, &x);
	if (err)
		return err;
	ip6_ext_put(c->ext);
	c->ext = x;
	return 0;
}

/* ---- out ---- */

struct sk_buff *ip6_ext_push(struct sk_buff *skb, const struct ip6_ext *x, u8 *next)
{
	u32 n = x->hop + x->dst, len = skb_len(skb);
	struct sk_buff *s = skb_alloc(n + len, GFP_ATOMIC);
	u8 *to;

	if (!s) {
		kfree_skb(skb);
		return NULL;
	}
	to = s->buf->data;
	memcpy(to, x->data, n);
	skb_copy(skb, 0, to + n, len);
	s->len = n + len;
	if (x->dst) {
		to[x->hop] = *next;
		*next = IPPROTO_DSTOPTS;
	}
	if (x->hop) {
		to[0] = *next;
		*next = IPPROTO_HOPOPTS;
	}
	s->mark = skb->mark;
	s->priority = skb->priority;
	s->prioidx = skb->prioidx;
	s->stamp_wanted = skb->stamp_wanted;
	s->stamp_key = skb->stamp_key;
	s->stamp_for = skb->stamp_for;
	s->destructor = skb->destructor; /* the sender's charge moves to the new skb */
	s->owner = skb->owner;
	s->charged = skb->charged;
	skb->destructor = NULL;
	kfree_skb(skb);
	return s;
}

/* ---- in: actions for unknown options (RFC 8200, 4.2) ---- */

#define OPT_PAD1 0
#define OPT_PADN 1
#define OPT_ALERT 5
#define PAD_MAX 7U
#define UNKNOWN_OPTION 2 /* code of ICMPV6_PARAMPROB */

/*
 * Handles the unknown option @kind. Returns true if it may be skipped. Otherwise its action bits
 * decide whether the sender gets an ICMP error about offset @at.
 */
static bool pass_over(struct net *net, struct sk_buff *skb, u8 kind, u32 at)
{
	u8 action = kind >> 6;

	if (!action)
		return true;
	if (action == 2 || (action == 3 && !ip_is_multicast(&skb->ip.daddr))) {
		ip_rewind(skb);
		icmp_error(net, skb, ICMPV6_PARAMPROB, UNKNOWN_OPTION, at);
	}
	return false;
}

/*
 * True for valid padding: @n bytes, zero behind the option's head. Adds @n to *@padding, the bytes
 * of padding in a row, and checks their limit.
 */
static bool pads(const u8 *p, u32 n, u32 *padding)
{
	*padding += n;
	for (u32 i = 2; i < n; i++)
		if (p[i])
			return false;
	return *padding <= PAD_MAX;
}

/*
 * True if the @len bytes of options at @p are acceptable. As on Linux, a negative limit -n allows n
 * options, and no unknown ones.
 */
static bool options_hold(struct net *net, struct sk_buff *skb, const u8 *p, u32 len, bool dst)
{
	int most = READ_ONCE(net->ipv6.opts_max[dst]), seen = 0;
	u32 at = (u32)(p - skb->buf->data) - skb->ip.ext_at + 40, padding = 0, n;
	bool known_only = most < 0;

	if ((s64)len > READ_ONCE(net->ipv6.opts_len[dst]))
		return false;
	most = most == INT32_MIN ? INT32_MAX : known_only ? -most : most;
	for (u32 i = 2; i < len; i += n) {
		n = p[i] == OPT_PAD1 ? 1 : i + 1 < len ? p[i + 1] + 2U : len;
		if (i + n > len)
			return false;
		if (p[i] == OPT_PAD1 || p[i] == OPT_PADN) {
			if (!pads(p + i, n, &padding))
				return false;
			continue;
		}
		padding = 0;
		if (++seen > most)
			return false;
		if (!dst && p[i] == OPT_ALERT && n == 4)
			continue;
		if (known_only || !pass_over(net, skb, p[i], at + i))
			return false;
	}
	return true;
}

bool ip6_options_hold(struct net *net, struct sk_buff *skb, bool dst)
{
	const u8 *p = skb->buf->data + skb->ip.ext_at, *end = p + skb->ip.ext_len;
	u8 kind = skb->ip.ext_first;

	while (end - p >= 8 && (dst || kind == IPPROTO_HOPOPTS)) {
		u32 n = kind == IPPROTO_FRAGMENT ? 8 : (p[1] + 1U) * 8;

		if (n > end - p)
			return false;
		if (kind == (dst ? IPPROTO_DSTOPTS : IPPROTO_HOPOPTS) &&
			!options_hold(net, skb, p, n, dst))
			return false;
		kind = p[0];
		p += n;
		if (!dst)
			break;
	}
	return true;
}

/* ---- in: control messages ---- */

static void put_header(
	struct msg *m, bool wanted, bool wanted_old, int type, int old, const u8 *p, u32 n)
{
	if (wanted)
		msg_put_cmsg(m, SOL_IPV6, type, p, n);
	if (wanted_old)
		msg_put_cmsg(m, SOL_IPV6, old, p, n);
}

void ip6_ext_put_cmsgs(struct inet_sock *i, struct msg *m, const struct sk_buff *skb)
{
	const u8 *p = skb->buf->data + skb->ip.ext_at, *end = p + skb->ip.ext_len;
	u8 kind = skb->ip.ext_first;

	while (end - p >= 8) {
		u32 n = kind == IPPROTO_FRAGMENT ? 8 : (p[1] + 1U) * 8;

		if (n > end - p)
			return;
		switch (kind) {
		case IPPROTO_HOPOPTS:
			put_header(m, i->recv.hopopts, i->recv.hopopts_old, IPV6_HOPOPTS,
				IPV6_2292HOPOPTS, p, n);
			break;
		case IPPROTO_DSTOPTS:
			put_header(m, i->recv.dstopts, i->recv.dstopts_old, IPV6_DSTOPTS,
				IPV6_2292DSTOPTS, p, n);
			break;
		case IPPROTO_ROUTING:
			put_header(m, i->recv.rthdr, i->recv.rthdr_old, IPV6_RTHDR, IPV6_2292RTHDR,
				p, n);
			break;
		}
		kind = p[0];
		p += n;
	}
}
