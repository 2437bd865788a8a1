/* SPDX-License-Identifier: MIT */
/*
 * tcp_fastopen.c: TCP Fast Open (RFC 7413): data that go with a SYN, for whom a cookie of the server's shows that its address is its own.
 *
 *	a client	sends with MSG_FASTOPEN, or after connect() with TCP_FASTOPEN_CONNECT. With a cookie of that server: SYN, cookie
 *			and data (tcp_fast_send); else the SYN asks for one, and data wait for the handshake
 *	its answer	tcp_fast_answered: the cookie is kept; data that the server has not taken go again
 *	a server	TCP_FASTOPEN on the listener: tcp_fast_wanted looks at the cookie, tcp_fast_accept makes the child one that can be accepted,
 *			read from and written to before the handshake is complete
 *
 * A SYN that has to go again bears neither data nor cookie. net.ipv4.tcp_fastopen: FAST_* bits.
 * Locks: cookie_lock (spin) for the cookies that we were given; c.lock of the socket for the rest, where it is not said otherwise.
 */
#include <asm/errno.h>

#include "arch/um/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/siphash.h"
#include "kernel/lib/string.h"
#include "kernel/net/tcp.h"
#include "kernel/sched/task.h"

#define COOKIES 64
#define COOKIE_SIZE 8 /* of ours */
#define OPTION_ROOM 40

/* One that a server has given us. That a namespace has gone does not matter: a wrong cookie costs nothing but itself. */
struct given {
	const struct net *net; /* NULL: free; compared only */
	ip_addr server;
	u64 used;
	u16 mss;
	struct fast_cookie cookie;
};

static DEFINE_SPINLOCK(cookie_lock);
static struct given given[COOKIES]; /* under cookie_lock */

/* ---- cookies that we were given ---- */

static struct given *find_or_oldest(const struct net *net, const ip_addr *server)
{
	struct given *oldest = &given[0];

	for (u32 i = 0; i < COOKIES; i++) {
		if (given[i].net == net && ip_equal(&given[i].server, server))
			return &given[i];
		if (given[i].used < oldest->used)
			oldest = &given[i];
	}
	return oldest;
}

static void remember(
	const struct net *net, const ip_addr *server, const struct fast_cookie *c, u16 mss)
{
	struct given *g;

	spin_lock(&cookie_lock);
	g = find_or_oldest(net, server);
	*g = (struct given){ net, *server, ktime_get(), mss, *c };
	spin_unlock(&cookie_lock);
}

static bool recall(const struct net *net, const ip_addr *server, struct given *to)
{
	struct given *g;
	bool found;

	spin_lock(&cookie_lock);
	g = find_or_oldest(net, server);
	found = g->net == net && ip_equal(&g->server, server) && g->cookie.len;
	if (found) {
		g->used = ktime_get();
		*to = *g;
	}
	spin_unlock(&cookie_lock);
	return found;
}

/* ---- clients ---- */

void tcp_fast_drop(struct tcp_sock *t)
{
	kfree_skb(t->syn_data);
	t->syn_data = NULL;
}

int tcp_fast_prepare(struct tcp_sock *t, const ip_addr *to, struct msg *m)
{
	u32 room = MSS_DEFAULT, n;
	struct given g = { 0 };
	struct sk_buff *skb;

	t->fast = FAST_ASK;
	t->fast_cookie = (struct fast_cookie){ 0 };
	tcp_fast_drop(t);
	if (recall(t->inet.net, to, &g)) {
		t->fast_cookie = g.cookie;
		room = g.mss;
	} else if (!(tcp_net(t)->fastopen & FAST_CLIENT_NO_COOKIE)) {
		return 0;
	}
	t->fast = FAST_SEND;
	n = (u32)min_t(u64, m->iter.count, max(room, MSS_DEFAULT) - OPTION_ROOM);
	if (!n)
		return 0;
	skb = skb_alloc(n, GFP_KERNEL);
	if (!skb)
		return -ENOBUFS;
	skb->len = (u32)copy_from_iter(skb->buf->data, n, &m->iter);
	if (!skb->len) {
		kfree_skb(skb);
		return -EFAULT;
	}
	t->syn_data = skb;
	return 0;
}

bool tcp_fast_known(struct tcp_sock *t, const ip_addr *to)
{
	struct given g;

	return recall(t->inet.net, to, &g) || tcp_net(t)->fastopen & FAST_CLIENT_NO_COOKIE;
}

struct sk_buff *tcp_fast_send_syn(struct tcp_sock *t)
{
	struct sk_buff *data = t->syn_data, *c;
	u32 len = data->len;

	t->syn_data = NULL;
	data->tcp.flags = TH_ACK | TH_PSH;
	data->tcp.seq = t->iss + 1;
	data->tcp.end_seq = t->write_seq = t->iss + 1 + len;
	tcp_queue(t, data);
	c = skb_clone(data, GFP_ATOMIC);
	data->tcp.sent = ktime_get();
	t->syn_data_sent = true;
	if (!c)
		return data; /* as if it were lost */
	c->tcp.seq = t->iss;
	c->tcp.flags = TH_SYN;
	tcp_send_segment(t, c);
	return data;
}

/* What the server has not taken was never sent. */
static void rewind(struct tcp_sock *t)
{
	struct sk_buff *skb;

	list_for_each_entry(skb, &t->wq, list) {
		if (skb == t->send_head)
			break;
		skb->tcp.sacked = 0;
		skb->tcp.sent = 0;
	}
	t->send_head = list_first_entry_or_null(&t->wq, struct sk_buff, list);
	t->packets_out = t->sacked_out = t->lost_out = t->retrans_out = 0;
	t->snd_nxt = t->snd_una;
	tcp_disarm(t, &t->rtx);
}

void tcp_fast_answered(struct tcp_sock *t, const struct tcp_opts *o)
{
	if (t->fast && o->cookie.len && o->has_cookie)
		remember(t->inet.net, &t->inet.raddr, &o->cookie, o->mss ? o->mss : MSS_DEFAULT);
	t->fast = FAST_NO;
	if (!t->syn_data_sent)
		return;
	t->syn_data_acked = after(t->snd_una, t->iss + 1);
	if (!list_empty(&t->wq))
		rewind(t);
}

u8 *tcp_fast_option(const struct tcp_sock *t, u8 *p, u32 room)
{
	u32 n = 2U + t->fast_cookie.len;

	if (t->fast == FAST_NO || t->retries || round_up(n, 4) > room)
		return p;
	p[0] = TCPOPT_FASTOPEN;
	p[1] = (u8)n;
	memcpy(p + 2, t->fast_cookie.val, t->fast_cookie.len);
	for (; n & 3; n++)
		p[n] = 1;
	return p + n;
}

/* ---- servers ---- */

void tcp_fast_need_key(struct net *net)
{
	struct tcp_net *n = &net->tcp;
	u64 key[2];

	if (likely(READ_ONCE(n->nr_fast_keys)))
		return;
	arch_random(key, sizeof(key));
	spin_lock(&n->lock);
	if (!n->nr_fast_keys) {
		memcpy(n->fast_keys[0], key, sizeof(key));
		n->nr_fast_keys = 1;
	}
	spin_unlock(&n->lock);
}

/* Four words in hexadecimal, with lines between them; what is behind does not matter. */
static bool parse_key(const char *p, u32 word[4])
{
	p += strspn(p, " \t");
	for (u32 i = 0; i < 4; i++) {
		char digits[9];
		u64 v;
		size_t n = strspn(p, "0123456789abcdefABCDEF");

		if (!n || n >= sizeof(digits))
			return false;
		memcpy(digits, p, n);
		digits[n] = 0;
		if (kstrtou64(digits, 16, &v))
			return false;
		word[i] = (u32)v;
		p += n;
		if (i < 3 && *p++ != '-')
			return false;
	}
	return true;
}

int tcp_fast_set_keys(struct net *net, const char *text)
{
	struct tcp_net *n = &net->tcp;
	const char *second = strchr(text, ',');
	u32 word[2][4], nr = second ? 2 : 1;

	if (!parse_key(text, word[0]) || (second && !parse_key(second + 1, word[1])))
		return -EINVAL;
	spin_lock(&n->lock);
	memcpy(n->fast_keys, word, nr * sizeof(n->fast_keys[0]));
	WRITE_ONCE(n->nr_fast_keys, nr);
	spin_unlock(&n->lock);
	return 0;
}

int tcp_fast_show_keys(struct net *net, char *buf, size_t n)
{
	struct tcp_net *t = &net->tcp;
	u32 word[2][4], nr;
	int len = 0;

	spin_lock(&t->lock);
	memcpy(word, t->fast_keys, sizeof(word));
	nr = max(t->nr_fast_keys, 1U);
	spin_unlock(&t->lock);
	for (u32 i = 0; i < nr; i++)
		len += scnprintf(buf + len, n - (size_t)len, "%s%08x-%08x-%08x-%08x", i ? "," : "",
			word[i][0], word[i][1], word[i][2], word[i][3]);
	return len;
}

/* Of the present key, and (false: there is none) of the one before. Servers that share their keys know each other's cookies: Linux's, too. */
static bool own_cookie(struct net *net, const struct sk_buff *skb, u32 which, struct fast_cookie *c)
{
	u64 words[4], key[2], h;
	u32 n = 4, nr;

	spin_lock(&net->tcp.lock);
	nr = net->tcp.nr_fast_keys;
	memcpy(key, net->tcp.fast_keys[which], sizeof(key));
	spin_unlock(&net->tcp.lock);
	memcpy(&words[0], &skb->ip.saddr, 16);
	memcpy(&words[2], &skb->ip.daddr, 16);
	if (!skb->ip.v6) {
		words[0] = (u64)skb->ip.daddr.w[3] << 32 | skb->ip.saddr.w[3];
		n = 1;
	}
	h = siphash(key, words, n);
	c->len = COOKIE_SIZE;
	memcpy(c->val, &h, COOKIE_SIZE);
	return which < nr;
}

static bool same_cookie(const struct fast_cookie *a, const struct fast_cookie *b)
{
	return a->len == b->len && !memcmp(a->val, b->val, a->len);
}

bool tcp_fast_wanted(
	struct tcp_sock *l, struct tcp_sock *c, const struct sk_buff *skb, const struct tcp_opts *o)
{
	bool free_for_all = tcp_net(l)->fastopen & FAST_SERVER_NO_COOKIE || l->fast_no_cookie;
	struct fast_cookie own, before;

	if (!(tcp_net(l)->fastopen & FAST_SERVER) || !READ_ONCE(l->fast_qlen) ||
		(!o->has_cookie && !(free_for_all && skb_len(skb))) ||
		atomic_read(&l->nr_fast) >= (int)l->fast_qlen)
		return false;
	if (free_for_all)
		return true;
	tcp_fast_need_key(l->inet.net);
	own_cookie(l->inet.net, skb, 0, &own);
	if (same_cookie(&o->cookie, &own))
		return true;
	c->fast = FAST_ASK; /* the answer says the right one */
	c->fast_cookie = own;
	return own_cookie(l->inet.net, skb, 1, &before) && same_cookie(&o->cookie, &before);
}

void tcp_fast_accept(struct tcp_sock *l, struct tcp_sock *c, const struct sk_buff *skb)
{
	struct sk_buff *data = skb_len(skb) ? skb_clone(skb, GFP_ATOMIC) : NULL;

	c->fastopened = true;
	c->fast_listener = l;
	tcp_get(l);
	atomic_inc(&l->nr_fast);
	c->last_rcv = c->space_at = ktime_get();
	if (!data)
		return;
	data->tcp.flags &= (u8)~TH_SYN;
	data->tcp.seq++;
	tcp_take_data(c, data);
	c->syn_data_acked = true;
}

void tcp_fast_done(struct tcp_sock *c)
{
	if (!c->fastopened)
		return;
	c->fastopened = false;
	atomic_dec(&c->fast_listener->nr_fast);
}
