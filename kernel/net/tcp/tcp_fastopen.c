/* SPDX-License-Identifier: MIT */
/*
 * tcp_fastopen.c: TCP Fast Open (RFC 7413): data in a SYN, if a cookie from the server proves that
 * the client owns its address.
 *
 *     client   sends with MSG_FASTOPEN, or after connect() with TCP_FASTOPEN_CONNECT. With a cookie
 *              of that server it sends SYN, cookie and data (tcp_fast_send_syn). Else the SYN asks
 *              for a cookie, and the data waits for the handshake
 *     SYN-ACK  tcp_fast_answered keeps the cookie; data that the server has not accepted is sent
 *              again
 *     server   TCP_FASTOPEN on the listener: tcp_fast_wanted checks the cookie, tcp_fast_accept
 *              makes a child that can be accepted, read from and written to before the handshake is
 *              complete
 *
 * A retransmitted SYN has neither data nor cookie. net.ipv4.tcp_fastopen: FAST_* bits. If a server
 * gave no cookie, the next SYN asks by the experimental option (kind 254); a SYN-ACK has the option
 * in the form of the request. If a path seems to drop such connections, clients pause Fast Open for
 * tcp_fastopen_blackhole_timeout_sec, and longer for each further pause in a row.
 * Locks: cookie_lock (spin) for the cookies received from servers; c.lock of the socket for the
 * rest, unless a comment says otherwise.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/siphash.h"
#include "kernel/lib/string.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"

#define COOKIES 64
/* bytes of a cookie that this machine grants */
#define COOKIE_SIZE 8
#define OPTION_ROOM 40
/* ns for which a child still counts after a reset has ended it */
#define RESET_COUNTS (60 * NSEC_PER_SEC)
#define PAUSE_DOUBLINGS 6U

/*
 * A cookie from a server. The entry may outlive its namespace, and then match a new one at that
 * address: a wrong cookie only makes Fast Open fail.
 */
struct given {
	const struct net *net; /* NULL: free; not dereferenced */
	ip_addr server;
	u64 used;
	u16 mss;
	/*
	 * 1: the server gave no cookie, so use the experimental option; 2: it gave none for that
	 * option either
	 */
	u8 try_exp;
	struct fast_cookie cookie; /* len 0: no cookie */
};

static DEFINE_SPINLOCK(cookie_lock);
static struct given given[COOKIES]; /* protected by cookie_lock */

/* ---- cookies received from servers ---- */

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

/*
 * Stores a server's cookie. @c: NULL if the server gave none; then given.try_exp is raised to
 * @try_exp, unless an earlier cookie is known.
 */
static void remember(const struct net *net, const ip_addr *server, const struct fast_cookie *c,
	u16 mss, u8 try_exp)
{
	struct given *g, fresh = { net, *server, ktime_get(), mss, 0, { 0 } };

	spin_lock(&cookie_lock);
	g = find_or_oldest(net, server);
	if (g->net == net && ip_equal(&g->server, server)) {
		fresh.cookie = g->cookie;
		fresh.try_exp = g->try_exp;
	}
	if (c)
		fresh.cookie = *c;
	else if (!fresh.cookie.len)
		fresh.try_exp = max(fresh.try_exp, try_exp);
	*g = fresh;
	spin_unlock(&cookie_lock);
}

static bool recall(const struct net *net, const ip_addr *server, struct given *to)
{
	struct given *g;
	bool found;

	spin_lock(&cookie_lock);
	g = find_or_oldest(net, server);
	found = g->net == net && ip_equal(&g->server, server);
	if (found) {
		g->used = ktime_get();
		*to = *g;
	}
	spin_unlock(&cookie_lock);
	return found;
}

/* ---- pauses of clients ---- */

/* Begins a pause of Fast Open, because a path seems to drop such connections. */
static void pause_clients(struct net *net)
{
	struct tcp_net *n = &net->tcp;

	if (!READ_ONCE(n->fast_pause_sec))
		return;
	spin_lock(&n->lock);
	n->fast_pauses += n->fast_pauses < UINT32_MAX;
	n->fast_paused_at = ktime_get();
	spin_unlock(&n->lock);
	TCP_EXT_COUNT(net, TCPFastOpenBlackhole);
}

/* True during a pause of Fast Open. */
static bool paused(struct tcp_sock *t)
{
	struct tcp_net *n = tcp_net(t);
	bool yes = false;
	u64 len;

	if (likely(!READ_ONCE(n->fast_pause_sec) || !READ_ONCE(n->fast_pauses)))
		return false;
	spin_lock(&n->lock);
	if (n->fast_pauses) {
		len = (u64)n->fast_pause_sec << min(n->fast_pauses - 1, PAUSE_DOUBLINGS);
		yes = ktime_get() - n->fast_paused_at < len * NSEC_PER_SEC;
		t->fast.checked = !yes;
	}
	spin_unlock(&n->lock);
	return yes;
}

void tcp_fast_set_pause(struct net *net, int secs)
{
	spin_lock(&net->tcp.lock);
	WRITE_ONCE(net->tcp.fast_pause_sec, secs);
	net->tcp.fast_pauses = 0;
	spin_unlock(&net->tcp.lock);
}

void tcp_fast_timeout(struct tcp_sock *t, bool last)
{
	if (!(t->fast.syn || t->fast.data_sent || t->fast.data_acked) ||
		!(t->timers.retries == 2 || (t->timers.retries < 2 && last)))
		return;
	pause_clients(t->inet.net);
	t->fast.fail = t->state == TCP_SYN_SENT ? TFO_SYN_RETRANSMITTED : TFO_DATA_NOT_ACKED;
}

/*
 * Begins a pause if a FIN arrived without the data before it, which suggests that a middlebox ended
 * the connection. Ends the row of pauses if data has arrived.
 */
void tcp_fast_ended(struct tcp_sock *t)
{
	struct tcp_net *n = tcp_net(t);

	if (likely(!t->fast.syn))
		return;
	if (!t->stats.data_segs_in && !list_empty(&t->rcv.ooo) &&
		t->rcv.ooo.next == t->rcv.ooo.prev &&
		list_first_entry(&t->rcv.ooo, struct sk_buff, list)->tcp.flags & TH_FIN) {
		pause_clients(t->inet.net);
	} else if (t->stats.data_segs_in && t->fast.checked && !t->flow.local) {
		spin_lock(&n->lock);
		n->fast_pauses = 0;
		spin_unlock(&n->lock);
	}
}

/* ---- clients ---- */

/* Returns the FAST_* mode for a connection to @to. *@g: the cookie and MSS known of that server. */
static int way_of(struct tcp_sock *t, const ip_addr *to, struct given *g)
{
	bool known = recall(t->inet.net, to, g);

	t->fast.fail = TFO_STATUS_UNSPEC;
	if (!known)
		*g = (struct given){ 0 };
	if (unlikely(paused(t)))
		return FAST_NO;
	if (tcp_net(t)->fastopen & FAST_CLIENT_NO_COOKIE || t->opts.fast_no_cookie)
		return FAST_BARE;
	if (g->cookie.len)
		return FAST_SEND;
	g->cookie.exp = g->try_exp == 1;
	t->fast.fail = TFO_COOKIE_UNAVAILABLE;
	return FAST_ASK;
}

/*
 * Returns the most bytes of data in a SYN to @to. @said: the server's MSS if it is known, else 0.
 * The route's MTU is a limit, too.
 */
static u32 room_of_syn(struct tcp_sock *t, const ip_addr *to, u16 said)
{
	struct flow f = { 0 };
	u32 mss = MSS_DEFAULT;

	if (t->state == TCP_SYN_SENT) {
		mss = t->snd.advmss;
	} else {
		inet_flow(&t->inet, to, &f);
		f.saddr = inet_source(&t->inet);
		if (!route_output(t->inet.net, &f))
			mss = tcp_advmss(t, &f);
	}
	mss = said ? min(mss, (u32)said) : mss;
	return max(mss, MSS_DEFAULT) - OPTION_ROOM;
}

void tcp_fast_drop(struct tcp_sock *t)
{
	kfree_skb(t->fast.syn_data);
	t->fast.syn_data = NULL;
}

int tcp_fast_prepare(struct tcp_sock *t, const ip_addr *to, struct msg *m)
{
	struct sk_buff *skb;
	struct given g;
	u32 n;

	tcp_fast_drop(t);
	t->fast.mode = way_of(t, to, &g);
	t->fast.cookie = g.cookie;
	if (t->fast.mode != FAST_SEND && t->fast.mode != FAST_BARE)
		return 0;
	n = (u32)min_t(u64, m->iter.count, room_of_syn(t, to, g.mss));
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
	t->fast.syn_data = skb;
	return 0;
}

bool tcp_fast_known(struct tcp_sock *t, const ip_addr *to)
{
	struct given g;

	t->fast.mode = way_of(t, to, &g);
	t->fast.cookie = g.cookie;
	return t->fast.mode == FAST_SEND || t->fast.mode == FAST_BARE;
}

struct sk_buff *tcp_fast_send_syn(struct tcp_sock *t)
{
	struct sk_buff *data = t->fast.syn_data, *c;
	u32 len = data->len;

	t->fast.syn_data = NULL;
	data->tcp.flags = TH_ACK | TH_PSH;
	data->tcp.seq = t->snd.iss + 1;
	data->tcp.end_seq = t->snd.write_seq = t->snd.iss + 1 + len;
	tcp_queue(t, data);
	c = skb_clone(data, GFP_ATOMIC);
	data->tcp.sent = ktime_get();
	t->fast.data_sent = true;
	if (!c)
		/* no memory: the timer retransmits the SYN */
		return data;
	c->tcp.seq = t->snd.iss;
	c->tcp.flags = TH_SYN;
	tcp_send_segment(t, c);
	return data;
}

/* Marks the data that the server has not accepted as unsent. */
static void rewind(struct tcp_sock *t)
{
	struct sk_buff *skb;

	list_for_each_entry(skb, &t->snd.wq, list) {
		if (skb == t->snd.head)
			break;
		skb->tcp.sacked = 0;
		skb->tcp.sent = 0;
	}
	t->snd.head = list_first_entry_or_null(&t->snd.wq, struct sk_buff, list);
	t->loss.packets_out = t->loss.sacked_out = t->loss.lost_out = t->loss.retrans_out = 0;
	t->snd.nxt = t->snd.una;
	tcp_disarm(t, &t->timers.rtx);
}

/* Queues the data of a received SYN. */
static void take_syn_data(struct tcp_sock *t, const struct sk_buff *skb)
{
	struct sk_buff *data = skb_clone(skb, GFP_ATOMIC);

	if (!data)
		return; /* no memory: the peer will retransmit */
	data->tcp.flags &= (u8)~TH_SYN;
	data->tcp.seq++;
	tcp_take_data(t, data);
	t->fast.data_acked = true;
}

static void remember_answer(struct tcp_sock *t, const struct tcp_opts *o)
{
	bool given = o->has_cookie && o->cookie.len;
	u16 mss = o->mss ? o->mss : MSS_DEFAULT;

	if (!t->fast.syn)
		return;
	if (given)
		remember(t->inet.net, &t->inet.raddr, &o->cookie, mss, 0);
	else if (!t->stats.retrans && !o->has_cookie && !t->fast.data_sent)
		remember(t->inet.net, &t->inet.raddr, NULL, mss, t->fast.cookie.exp ? 2 : 1);
}

void tcp_fast_answered(struct tcp_sock *t, const struct sk_buff *skb, const struct tcp_opts *o)
{
	bool fast = t->fast.syn || t->fast.data_sent;

	remember_answer(t, o);
	t->fast.mode = FAST_NO;
	if (!fast)
		return;
	if (t->fast.data_sent && !list_empty(&t->snd.wq)) {
		t->fast.fail = t->stats.retrans ? TFO_SYN_RETRANSMITTED : TFO_DATA_NOT_ACKED;
		TCP_EXT_COUNT(t->inet.net, TCPFastOpenActiveFail);
		rewind(t);
		return;
	}
	t->fast.data_acked = t->fast.data_sent;
	if (t->fast.data_acked)
		TCP_EXT_COUNT(t->inet.net, TCPFastOpenActive);
	if (skb->tcp.end_seq != t->rcv.nxt)
		take_syn_data(t, skb);
}

u8 *tcp_fast_option(struct tcp_sock *t, u8 *p, u32 room)
{
	u32 head = t->fast.cookie.exp ? 4 : 2, n = head + t->fast.cookie.len;

	if (t->fast.mode == FAST_NO || t->fast.mode == FAST_BARE || t->timers.retries ||
		round_up(n, 4) > room)
		return p;
	t->fast.syn |= t->state == TCP_SYN_SENT;
	p[0] = t->fast.cookie.exp ? TCPOPT_EXP : TCPOPT_FASTOPEN;
	p[1] = (u8)n;
	if (t->fast.cookie.exp) {
		p[2] = FASTOPEN_MAGIC >> 8;
		p[3] = FASTOPEN_MAGIC & 255;
	}
	memcpy(p + head, t->fast.cookie.val, t->fast.cookie.len);
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

/*
 * Parses four hexadecimal words separated by dashes, and ignores text behind them. Returns false if
 * @p has another form.
 */
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

void tcp_fast_set_own_keys(struct tcp_sock *t, const u64 (*keys)[2], u32 n)
{
	spin_lock(&tcp_net(t)->lock);
	memcpy(t->fast.keys, keys, n * sizeof(keys[0]));
	t->fast.nr_keys = n;
	spin_unlock(&tcp_net(t)->lock);
}

/* Copies the keys of the listener, or else of its namespace. Returns their number. */
u32 tcp_fast_get_keys(struct tcp_sock *t, u64 keys[2][2])
{
	struct tcp_net *n = tcp_net(t);
	u32 nr;

	spin_lock(&n->lock);
	nr = t->fast.nr_keys ? t->fast.nr_keys : n->nr_fast_keys;
	memcpy(keys, t->fast.nr_keys ? t->fast.keys : n->fast_keys, sizeof(n->fast_keys));
	spin_unlock(&n->lock);
	return nr;
}

/*
 * Computes the cookie for @skb's addresses with the current key (@which 0) or the previous one (1).
 * Returns false if there is no such key. Servers that share keys, Linux's too, accept each other's
 * cookies.
 */
static bool own_cookie(
	struct tcp_sock *l, const struct sk_buff *skb, u32 which, struct fast_cookie *c)
{
	u64 words[4], keys[2][2], h;
	u32 n = 4, nr = tcp_fast_get_keys(l, keys);

	memcpy(&words[0], &skb->ip.saddr, 16);
	memcpy(&words[2], &skb->ip.daddr, 16);
	if (!skb->ip.v6) {
		words[0] = (u64)skb->ip.daddr.w[3] << 32 | skb->ip.saddr.w[3];
		n = 1;
	}
	h = siphash(keys[which], words, n);
	c->len = COOKIE_SIZE;
	memcpy(c->val, &h, COOKIE_SIZE);
	return which < nr;
}

static bool same_cookie(const struct fast_cookie *a, const struct fast_cookie *b)
{
	return a->len == b->len && !memcmp(a->val, b->val, a->len);
}

/*
 * True if the listener takes no more Fast Open children. Children that a reset ended lately still
 * count, so that forged SYNs, which cause resets, do not make room for more forged SYNs at once.
 */
static bool queue_full(struct tcp_sock *l)
{
	int most = (int)READ_ONCE(l->fast.qlen), resets = atomic_read(&l->fast.nr_resets);

	if (!most)
		return true;
	if (resets && ktime_get() - READ_ONCE(l->fast.reset_at) >= RESET_COUNTS) {
		atomic_set(&l->fast.nr_resets, 0);
		resets = 0;
	}
	if (atomic_read(&l->fast.nr) + resets < most)
		return false;
	TCP_EXT_COUNT(l->inet.net, TCPFastOpenListenOverflow);
	return true;
}

bool tcp_fast_wanted(
	struct tcp_sock *l, struct tcp_sock *c, const struct sk_buff *skb, const struct tcp_opts *o)
{
	int bits = READ_ONCE(tcp_net(l)->fastopen);
	struct fast_cookie own = { 0 }, before = { 0 };

	if (o->has_cookie && !o->cookie.len)
		TCP_EXT_COUNT(l->inet.net, TCPFastOpenCookieReqd);
	if (!(bits & FAST_SERVER) || (!o->has_cookie && !skb_len(skb)) || queue_full(l))
		return false;
	if (bits & FAST_SERVER_NO_COOKIE || l->opts.fast_no_cookie)
		return true;
	if (!o->has_cookie)
		return false;
	tcp_fast_need_key(l->inet.net);
	own_cookie(l, skb, 0, &own);
	if (same_cookie(&o->cookie, &own))
		return true;
	c->fast.mode = FAST_ASK; /* the SYN-ACK grants a cookie */
	c->fast.cookie = own;
	c->fast.cookie.exp = o->cookie.exp;
	if (!o->cookie.len)
		return false;
	if (own_cookie(l, skb, 1, &before) && same_cookie(&o->cookie, &before)) {
		TCP_EXT_COUNT(l->inet.net, TCPFastOpenPassiveAltKey);
		return true;
	}
	TCP_EXT_COUNT(l->inet.net, TCPFastOpenPassiveFail);
	return false;
}

void tcp_fast_accept(struct tcp_sock *l, struct tcp_sock *c, const struct sk_buff *skb)
{
	c->fast.opened = true;
	c->fast.listener = l;
	tcp_get(l);
	atomic_inc(&l->fast.nr);
	c->rcv.last = c->rcv.space_at = ktime_get();
	TCP_EXT_COUNT(l->inet.net, TCPFastOpenPassive);
	if (skb->tcp.end_seq != c->rcv.nxt)
		take_syn_data(c, skb);
}

void tcp_fast_done(struct tcp_sock *c, bool reset)
{
	struct tcp_sock *l = c->fast.listener;

	if (!c->fast.opened)
		return;
	c->fast.opened = false;
	atomic_dec(&l->fast.nr);
	if (!reset || c->child.listener ||
		READ_ONCE(l->state) != TCP_LISTEN) /* child not accepted yet, or no listener */
		return;
	WRITE_ONCE(l->fast.reset_at, ktime_get());
	atomic_inc(&l->fast.nr_resets);
}
