/* SPDX-License-Identifier: MIT */
/*
 * tcp_listen.c: listeners and their children.
 *
 *	tcp_make_child (a SYN)   -> syn_q, SYN_RECV -> tcp_offer (the handshake is complete) ->
 *	                         accept_q -> tcp_accept -> a socket's
 *	tcp_forget_child (ended before that): from syn_q it goes away, from accept_q accept(2) takes
 *	it as it is tcp_stop_listening: whoever is in a queue gets a reset
 *
 * A child holds a reference on its listener until it is accepted, a queue one on each child. c.lock
 * of a child is outside its listener's q_lock, which guards the queues and their counts.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>

#include "arch/um/machine/arch.h"
#include "kernel/mm/group/memcg.h"
#include "kernel/net/packet/filter.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/task.h"

/* ---- a SYN comes ---- */

/*
 * Which options are of what a program is told, or of what may be bound: of no weight to the
 * connection itself.
 */
static void inherit_told(struct inet_sock *i, const struct inet_sock *from)
{
	i->pktinfo = from->pktinfo;
	i->recvttl = from->recvttl;
	i->recvtos = from->recvtos;
	i->pktinfo6 = from->pktinfo6;
	i->recvhops = from->recvhops;
	i->recvtclass = from->recvtclass;
	i->recvflow6 = from->recvflow6;
	i->pktinfo6_old = from->pktinfo6_old;
	i->hoplimit_old = from->hoplimit_old;
	i->recverr = from->recverr;
	i->recverr6 = from->recverr6;
	i->origdst = from->origdst;
	i->origdst6 = from->origdst6;
	i->freebind = from->freebind;
	i->bind_no_port = from->bind_no_port;
	i->mc_all = from->mc_all;
	i->mc_all6 = from->mc_all6;
	i->mc_loop = from->mc_loop;
	i->mc_loop6 = from->mc_loop6;
	i->keeps_last = from->keeps_last;
}

/* What a child has from its listener. */
static void inherit(struct tcp_sock *c, struct tcp_sock *l)
{
	struct inet_sock *from = &l->inet;
	struct inet_sock *i = &c->inet;

	sock_init_common(&i->c, from->c.family, SOCK_STREAM, IPPROTO_TCP);
	i->c.sndbuf = from->c.sndbuf;
	i->c.rcvbuf = from->c.rcvbuf;
	i->c.rcvlowat = from->c.rcvlowat;
	i->c.sndtimeo = from->c.sndtimeo;
	i->c.rcvtimeo = from->c.rcvtimeo;
	i->c.reuseaddr = from->c.reuseaddr;
	i->c.reuseport = from->c.reuseport;
	i->c.keepalive = from->c.keepalive;
	i->c.linger = from->c.linger;
	i->c.priority = from->c.priority;
	i->c.mark = from->c.mark;
	i->c.classid = READ_ONCE(from->c.classid);
	i->c.prioidx = READ_ONCE(from->c.prioidx);
	i->v6 = from->v6;
	i->v6only = from->v6only;
	i->ttl = from->ttl;
	i->hops = from->hops;
	i->tos = from->tos;
	i->tclass = from->tclass;
	i->min_ttl = from->min_ttl;
	i->min_hops = from->min_hops;
	i->autolabel = from->autolabel;
	i->autolabel_set = from->autolabel_set;
	i->transparent = from->transparent;
	inherit_told(i, from);
	i->mc_hops = i->mc_ttl = -1;
	i->uid = from->uid;
	i->gid = from->gid;
	i->bound_if = from->bound_if;
	i->port_by_user = from->port_by_user;
	i->accepted = true;
	i->listened_at = from->laddr;
	i->pmtudisc = from->pmtudisc;
	i->pmtudisc6 = from->pmtudisc6;
	i->frag_size6 = from->frag_size6;
	i->addr_prefs = from->addr_prefs;
	i->c.net = i->net = net_get(from->net);
	i->c.filter = filter_get_of(&from->c);
	i->c.rare = from->c.rare;
	i->c.timestamp = from->c.timestamp;
	i->table = from->table;
	c->nodelay = l->nodelay;
	c->user_mss = l->user_mss;
	c->keep_idle = l->keep_idle;
	c->keep_intvl = l->keep_intvl;
	c->keep_cnt = l->keep_cnt;
	c->user_timeout = l->user_timeout;
	c->window_clamp = l->window_clamp;
	c->rcv_wscale = l->rcv_wscale;
	c->sndbuf_fixed = l->sndbuf_fixed;
	c->rcvbuf_fixed = l->rcvbuf_fixed;
	i->c.oobinline = from->c.oobinline;
	c->linger2 = l->linger2;
	c->reno = l->reno;
	c->notsent_lowat = l->notsent_lowat;
	c->defer_tries = l->defer_tries;
	c->thin_linear = l->thin_linear;
	c->reordering = l->reordering;
	c->rto_min = l->rto_min;
	c->rto_max = l->rto_max;
}

/* Many half-open ones, and still room for those that complete: cookies go instead. */
static bool wants_cookie(struct tcp_sock *l)
{
	bool full;

	if (!tcp_net(l)->syncookies)
		return false;
	spin_lock(&l->q_lock);
	full = l->nr_syn > max(l->backlog, 128U) || tcp_net(l)->syncookies == 2;
	full &= l->nr_accept <= l->backlog;
	spin_unlock(&l->q_lock);
	return full;
}

/*
 * Without cookies a quarter of tcp_max_syn_backlog is kept for who is known to be there. q_lock
 * held.
 */
static bool crowded(const struct tcp_sock *l)
{
	int most = READ_ONCE(tcp_net(l)->max_syn_backlog);

	return !tcp_net(l)->syncookies && most - (int)l->nr_syn < most >> 2;
}

/* @proven: its peer has sent back a cookie, and counts against the backlog alone. */
static bool queue_syn(struct tcp_sock *l, struct tcp_sock *c, bool proven)
{
	bool ok;

	spin_lock(&l->q_lock);
	ok = !l->listen_closed && l->nr_accept <= l->backlog &&
	     (proven || (l->nr_syn <= max(l->backlog, 128U) && !crowded(l)));
	if (ok) {
		tcp_get(c);
		tcp_get(l);
		c->listener = l;
		list_add_tail(&c->q_link, &l->syn_q);
		l->nr_syn++;
	} else if (l->nr_accept > l->backlog) {
		TCP_EXT_COUNT(l->inet.net, ListenOverflows);
	}
	spin_unlock(&l->q_lock);
	return ok;
}

/* A child for the peer of @skb, who began with @irs; in no table yet. NULL. */
static struct tcp_sock *child_new(struct net *net, struct tcp_sock *l, const struct sk_buff *skb,
	u32 irs, const struct tcp_opts *o)
{
	struct flow f = { .saddr = skb->ip.daddr, .daddr = skb->ip.saddr, .oif = l->inet.bound_if };
	int link = ip_answer_by(skb);
	struct tcp_sock *c;

	if (!f.oif)
		f.oif = link;
	f.proto = IPPROTO_TCP;
	f.sport = skb->dport;
	f.dport = skb->sport;
	f.mark = l->inet.c.mark;
	f.uid = l->inet.uid;
	f.gid = l->inet.gid;
	f.owned = true;
	if (route_output(net, &f))
		return NULL;
	c = tcp_alloc(GFP_ATOMIC);
	if (!c)
		return NULL;
	tcp_setup(c);
	inherit(c, l);
	c->inet.link_if = link;
	c->flow = f;
	c->inet.reflects_label = l->inet.reflects_label;
	if (c->inet.reflects_label)
		c->inet.flowinfo = skb->ip.label;
	c->flow.label = c->inet.reflects_label || READ_ONCE(net->label_reflect) & REFLECT_FLOWS ?
				skb->ip.label :
				inet_flow_label(&c->inet, &f.daddr);
	c->state = TCP_SYN_RECV;
	c->segs_in = 1;
	c->orphan = true;
	c->irs = irs;
	c->rcv_nxt = c->rcv_wup = c->copied_seq = c->space_seq = c->irs + 1;
	inet_hear(&c->inet.syn, skb);
	if (unlikely(c->inet.keeps_last) && skb->ip.v6)
		c->inet.last = c->inet.syn;
	tcp_take_opts(c, o);
	tcp_ecn_asked(c, skb);
	c->snd_wnd = c->max_window = skb->tcp.window;
	c->snd_wl1 = c->irs;
	c->advmss = tcp_advmss(c, &f);
	tcp_sync_mss(c);
	return c;
}

/*
 * It takes its place among the connections, locked: who finds it there waits until it is whole.
 * False: it has none, and is gone.
 */
static bool child_enter(struct tcp_sock *c, const struct sk_buff *skb)
{
	spin_lock(&c->inet.c.lock);
	if (!inet_enter_child(&c->inet, &skb->ip.daddr, skb->dport, &skb->ip.saddr, skb->sport))
		return true;
	spin_unlock(&c->inet.c.lock);
	tcp_put(c);
	return false;
}

/*
 * For TCP_SAVED_SYN: the network's headers and TCP's, which have just been pulled; no link header
 * is kept.
 */
static void save_syn(struct tcp_sock *c, const struct sk_buff *skb)
{
	u32 n = skb_network_back(skb);

	if (!skb_has_pulled(skb, n))
		return;
	c->saved_syn = kmalloc(n, GFP_ATOMIC);
	if (c->saved_syn) {
		memcpy(c->saved_syn, skb_pulled(skb, n), n);
		c->saved_len = (u16)n;
	}
}

/* A SYN for listener @l: a child in SYN_RECV, which answers, or an answer that remembers for us. */
void tcp_make_child(
	struct net *net, struct tcp_sock *l, struct sk_buff *skb, const struct tcp_opts *o)
{
	struct tcp_sock *c = child_new(net, l, skb, skb->tcp.seq, o);
	bool fast;

	if (!c) {
		TCP_EXT_COUNT(net, ListenDrops);
		return;
	}
	fast = tcp_fast_wanted(l, c, skb, o);
	if (unlikely(!fast && wants_cookie(l))) {
		tcp_send_cookie(c, skb, o);
		tcp_put(c);
		return;
	}
	if (unlikely(l->save_syn))
		save_syn(c, skb);
	if (!child_enter(c, skb))
		return;
	c->iss = c->snd_una = c->snd_nxt = c->write_seq = c->pushed_seq = tcp_new_iss(&c->inet);
	tcp_get(c);
	c->self_ref = true;
	if (!queue_syn(l, c, false)) {
		TCP_EXT_COUNT(net, ListenDrops);
		tcp_done(c);
	} else {
		if (fast) {
			net->stats.tcp.passive++; /* others count at the end of the handshake */
			tcp_fast_accept(l, c, skb);
		}
		tcp_send_syn(c);
		if (fast && tcp_offer(c))
			tcp_offered(c);
		else /* its queue has become full: it is offered as others are, when the handshake is complete */
			tcp_fast_done(c, false);
	}
	spin_unlock(&c->inet.c.lock);
	tcp_put(c);
}

struct tcp_sock *tcp_child_of_cookie(
	struct net *net, struct tcp_sock *l, const struct sk_buff *skb, const struct tcp_opts *o)
{
	struct tcp_opts then;
	struct tcp_sock *c;

	if (!tcp_net(l)->syncookies || skb->tcp.flags & (TH_SYN | TH_RST) ||
		!tcp_cookie_good(net, skb, o, &then))
		return NULL;
	c = child_new(net, l, skb, skb->tcp.seq - 1, &then);
	if (!c || !child_enter(c, skb))
		return ERR_PTR(-ENOBUFS);
	/* no timer counts them: what has no data is accepted, too */
	c->defer_tries = 0;
	c->iss = c->snd_una = skb->tcp.ack_seq - 1;
	c->snd_nxt = c->write_seq = c->pushed_seq = c->iss + 1;
	c->rcv_wnd = min(tcp_window(c), 65535U); /* as the answer to the SYN offered */
	tcp_get(c);
	c->self_ref = true;
	if (!queue_syn(l, c, true))
		tcp_done(c);
	spin_unlock(&c->inet.c.lock);
	return c;
}

/* ---- the queues ---- */

bool tcp_offer(struct tcp_sock *c)
{
	struct tcp_sock *l = c->listener;
	bool ok;

	spin_lock(&l->q_lock);
	ok = !l->listen_closed && l->nr_accept <= l->backlog && !list_empty(&c->q_link);
	if (ok) {
		list_move_tail(&c->q_link, &l->accept_q);
		c->offered = true;
		l->nr_syn--;
		l->nr_accept++;
	}
	spin_unlock(&l->q_lock);
	return ok;
}

/* It stands in the queue, and its state says so. */
void tcp_offered(struct tcp_sock *c)
{
	struct inet_sock *l = c->listener ? &c->listener->inet : NULL;

	if (!l)
		return;
	wake_up_common(&l->c.wait, TASK_NORMAL, 1, EPOLLIN | EPOLLRDNORM);
	inet_sigio(l, EPOLLIN | EPOLLRDNORM);
}

/*
 * A child that ends before it is accepted: one that was not established leaves the queue, another
 * stays for accept(2) to find.
 */
void tcp_forget_child(struct tcp_sock *c)
{
	struct tcp_sock *l = c->listener;
	bool was = false;

	spin_lock(&l->q_lock);
	if (!c->offered && !list_empty(&c->q_link)) {
		list_del_init(&c->q_link);
		l->nr_syn--;
		was = true;
	}
	spin_unlock(&l->q_lock);
	if (was)
		tcp_put(c);
}

static struct tcp_sock *take_child(struct list_head *q, struct tcp_sock *l, bool accepted)
{
	struct tcp_sock *c;

	spin_lock(&l->q_lock);
	c = list_first_entry_or_null(q, struct tcp_sock, q_link);
	if (c) {
		list_del_init(&c->q_link);
		if (accepted)
			l->nr_accept--;
		else
			l->nr_syn--;
	}
	spin_unlock(&l->q_lock);
	return c;
}

/* Nobody will accept it. */
static void kill_child(struct tcp_sock *c)
{
	struct tcp_sock *l;

	spin_lock(&c->inet.c.lock);
	l = c->listener;
	c->listener = NULL;
	if (c->state != TCP_CLOSE) {
		tcp_send_reset(c);
		tcp_done(c);
	}
	spin_unlock(&c->inet.c.lock);
	if (l)
		tcp_put(l);
	tcp_put(c);
}

void tcp_stop_listening(struct tcp_sock *t)
{
	struct tcp_sock *c;

	spin_lock(&t->q_lock);
	t->listen_closed = true;
	spin_unlock(&t->q_lock);
	while ((c = take_child(&t->syn_q, t, false)))
		kill_child(c);
	while ((c = take_child(&t->accept_q, t, true)))
		kill_child(c);
	net_rx_flush();
}

/*
 * Drops the reference to the listener that has given @t. A listener keeps none, else each would
 * keep the one before it, and the end of the last would end them all, one within another.
 */
static void forget_giver(struct tcp_sock *t)
{
	struct tcp_sock *l;

	spin_lock(&t->inet.c.lock);
	l = t->fastopened ? NULL : t->fast_listener;
	if (l)
		t->fast_listener = NULL;
	spin_unlock(&t->inet.c.lock);
	if (l)
		tcp_put(l);
}

static int listen_locked(struct tcp_sock *t, int backlog)
{
	struct inet_sock *i = &t->inet;
	int err;

	if (!tcp_in(t, TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN)) || t->conn != CONN_NONE)
		return -EINVAL;
	WRITE_ONCE(t->backlog, (u32)backlog);
	if (t->state == TCP_LISTEN)
		return 0;
	if (i->lport && !i->in_table)
		inet_forget_peer(i); /* of an attempt that was given up */
	if (!i->lport) {
		err = inet_get_port(i, &i->laddr, 0, false);
		if (err)
			return err;
	}
	err = inet_start_listening(i);
	if (err)
		return err;
	t->listen_closed = false;
	forget_giver(t);
	if (!t->fast_qlen && (READ_ONCE(tcp_net(t)->fastopen) & (FAST_SERVER | FAST_SERVER_ALL)) ==
				     (FAST_SERVER | FAST_SERVER_ALL)) {
		t->fast_qlen = (u32)max(backlog, 0);
		tcp_fast_need_key(i->net);
	}
	spin_lock(&i->c.lock);
	tcp_set_state(t, TCP_LISTEN);
	spin_unlock(&i->c.lock);
	return 0;
}

int tcp_listen(struct socket *s, int backlog)
{
	struct tcp_sock *t = TCP(INET(s));
	int err;

	mutex_lock(&t->inet.op);
	err = listen_locked(t, min(backlog, READ_ONCE(tcp_net(t)->somaxconn)));
	mutex_unlock(&t->inet.op);
	if (!err)
		s->listening = true;
	return err;
}

/* @to's fresh socket gives way to the child, for which its group pays. */
static void graft(struct socket *to, struct tcp_sock *c)
{
	struct inet_sock *fresh = INET(to);
	struct tcp_sock *l;

	spin_lock(&c->inet.c.lock);
	l = c->listener;
	c->listener = NULL;
	c->orphan = false;
	c->conn = CONN_MADE;
	c->inet.sock = to;
	c->inet.c.ino = fresh->c.ino;
	c->payer = TCP(fresh)->payer;
	TCP(fresh)->payer = NULL;
	mem_sock_charge(c->payer, c->mem_pages);
	to->sk = &c->inet.c;
	spin_unlock(&c->inet.c.lock);
	if (l)
		tcp_put(l);
	inet_put(fresh);
}

int tcp_accept(struct socket *s, struct socket *to, enum sock_patience patience)
{
	bool nonblock = patience != SOCK_WAITS;
	struct tcp_sock *t = TCP(INET(s)), *c;
	u64 limit = t->inet.c.rcvtimeo, until = limit && !nonblock ? ktime_get() + limit : ~0UL;
	int err;

	while (t->state == TCP_LISTEN) {
		c = take_child(&t->accept_q, t, true);
		if (c) {
			graft(to, c);
			return 0;
		}
		err = sock_wait_until(&t->inet.c,
			!list_empty(&t->accept_q) || t->state != TCP_LISTEN, nonblock, limit, until,
			0); /* of all: another may take what has come */
		if (err)
			return err;
	}
	return -EINVAL;
}
