/* SPDX-License-Identifier: MIT */
/*
 * tcp_listen.c: listeners and their children.
 *
 *     tcp_make_child      for a SYN: the child enters syn_q in SYN_RECV
 *     tcp_offer           the handshake is complete: syn_q -> accept_q
 *     tcp_accept          accept_q -> the child gets a socket
 *     tcp_forget_child    the child has ended before accept(2): a child in syn_q is removed and
 *                         freed; a child in accept_q stays, and accept(2) returns it in its ended
 *                         state
 *     tcp_stop_listening  every child in a queue is reset
 *
 * A child holds a reference on its listener until it is accepted; a queue holds one on each child.
 * Locks: c.lock of a child is outside of its listener's listen.lock, which protects the queues and
 * their lengths.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>

#include "arch/um/machine/arch.h"
#include "kernel/mm/group/memcg.h"
#include "kernel/net/packet/filter.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"

/* ---- a SYN arrives ---- */

/* Copies the options of control messages and of binding from the listener. */
static void inherit_options(struct inet_sock *i, const struct inet_sock *from)
{
	i->recv.pktinfo = from->recv.pktinfo;
	i->recv.ttl = from->recv.ttl;
	i->recv.tos = from->recv.tos;
	i->recv.pktinfo6 = from->recv.pktinfo6;
	i->recv.hops = from->recv.hops;
	i->recv.tclass = from->recv.tclass;
	i->recv.flow6 = from->recv.flow6;
	i->recv.pktinfo6_old = from->recv.pktinfo6_old;
	i->recv.hops_old = from->recv.hops_old;
	i->opts.recverr = from->opts.recverr;
	i->opts.recverr6 = from->opts.recverr6;
	i->recv.origdst = from->recv.origdst;
	i->recv.origdst6 = from->recv.origdst6;
	i->opts.freebind = from->opts.freebind;
	i->opts.bind_no_port = from->opts.bind_no_port;
	i->mc.all = from->mc.all;
	i->mc.all6 = from->mc.all6;
	i->mc.loop = from->mc.loop;
	i->mc.loop6 = from->mc.loop6;
	i->recv.keeps_last = from->recv.keeps_last;
}

/* Copies the options that a child inherits from its listener. */
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
	i->opts.v6only = from->opts.v6only;
	i->opts.ttl = from->opts.ttl;
	i->opts.hops = from->opts.hops;
	i->opts.tos = from->opts.tos;
	i->opts.tclass = from->opts.tclass;
	i->opts.min_ttl = from->opts.min_ttl;
	i->opts.min_hops = from->opts.min_hops;
	i->opts.autolabel = from->opts.autolabel;
	i->opts.autolabel_set = from->opts.autolabel_set;
	i->opts.transparent = from->opts.transparent;
	inherit_options(i, from);
	i->mc.hops = i->mc.ttl = -1;
	i->uid = from->uid;
	i->gid = from->gid;
	i->bound_if = from->bound_if;
	i->in.by_user = from->in.by_user;
	i->accepted = true;
	i->listened_at = from->laddr;
	i->opts.pmtudisc = from->opts.pmtudisc;
	i->opts.pmtudisc6 = from->opts.pmtudisc6;
	i->opts.frag_size6 = from->opts.frag_size6;
	i->opts.addr_prefs = from->opts.addr_prefs;
	i->c.net = i->net = net_get(from->net);
	i->c.filter = filter_get_of(&from->c);
	i->c.rare = from->c.rare;
	i->c.timestamp = from->c.timestamp;
	i->table = from->table;
	c->snd.nodelay = l->snd.nodelay;
	c->snd.user_mss = l->snd.user_mss;
	c->opts.keep_idle = l->opts.keep_idle;
	c->opts.keep_intvl = l->opts.keep_intvl;
	c->opts.keep_cnt = l->opts.keep_cnt;
	c->opts.timeout = l->opts.timeout;
	c->rcv.clamp = l->rcv.clamp;
	c->snd.rcv_wscale = tcp_choose_wscale(l);
	c->snd.sndbuf_fixed = l->snd.sndbuf_fixed;
	c->snd.rcvbuf_fixed = l->snd.rcvbuf_fixed;
	i->c.oobinline = from->c.oobinline;
	c->opts.linger2 = l->opts.linger2;
	c->cc.reno = l->cc.reno;
	c->snd.notsent_lowat = l->snd.notsent_lowat;
	c->opts.defer_tries = l->opts.defer_tries;
	c->opts.thin_linear = l->opts.thin_linear;
	c->loss.reordering = l->loss.reordering;
	c->rtt.rto_min = l->rtt.rto_min;
	c->rtt.rto_max = l->rtt.rto_max;
}

/*
 * True if a cookie is to be sent: there are too many half-open connections or tcp_syncookies is 2,
 * and the accept queue still has room.
 */
static bool wants_cookie(struct tcp_sock *l)
{
	bool full;

	if (!tcp_net(l)->syncookies)
		return false;
	spin_lock(&l->listen.lock);
	full = l->listen.nr_syn > max(l->listen.backlog, 128U) || tcp_net(l)->syncookies == 2;
	full &= l->listen.nr_accept <= l->listen.backlog;
	spin_unlock(&l->listen.lock);
	return full;
}

/*
 * True if only the last quarter of tcp_max_syn_backlog is left and cookies are off. Linux keeps
 * that quarter for peers it knows; this stack does not remember peers. listen.lock held.
 */
static bool crowded(const struct tcp_sock *l)
{
	int most = READ_ONCE(tcp_net(l)->max_syn_backlog);

	return !tcp_net(l)->syncookies && most - (int)l->listen.nr_syn < most >> 2;
}

/*
 * Adds a child to syn_q. Returns false if there is no room. @proven: the peer has sent back a
 * cookie, so the length of syn_q does not matter.
 */
static bool queue_syn(struct tcp_sock *l, struct tcp_sock *c, bool proven)
{
	bool ok;

	spin_lock(&l->listen.lock);
	ok = !l->listen.closed && l->listen.nr_accept <= l->listen.backlog &&
	     (proven || (l->listen.nr_syn <= max(l->listen.backlog, 128U) && !crowded(l)));
	if (ok) {
		tcp_get(c);
		tcp_get(l);
		c->child.listener = l;
		list_add_tail(&c->child.link, &l->listen.syn_q);
		l->listen.nr_syn++;
	} else if (l->listen.nr_accept > l->listen.backlog) {
		TCP_EXT_COUNT(l->inet.net, ListenOverflows);
	}
	spin_unlock(&l->listen.lock);
	return ok;
}

/*
 * Makes a child for the peer of @skb, whose initial sequence number is @irs. The child is in no
 * table yet. Returns NULL if there is no route or no memory.
 */
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
	c->inet.opts.reflects_label = l->inet.opts.reflects_label;
	if (c->inet.opts.reflects_label)
		c->inet.opts.flowinfo = skb->ip.label;
	c->flow.label =
		c->inet.opts.reflects_label || READ_ONCE(net->ipv6.label_reflect) & REFLECT_FLOWS ?
			skb->ip.label :
			inet_flow_label(&c->inet, &f.daddr);
	c->state = TCP_SYN_RECV;
	c->stats.segs_in = 1;
	c->life.orphan = true;
	c->rcv.irs = irs;
	c->rcv.nxt = c->rcv.wup = c->rcv.copied = c->rcv.irs + 1;
	inet_hear(&c->inet.heard_syn, skb);
	if (unlikely(c->inet.recv.keeps_last) && skb->ip.v6)
		c->inet.heard_last = c->inet.heard_syn;
	tcp_take_opts(c, o);
	tcp_ecn_asked(c, skb);
	c->snd.wnd = c->snd.max_wnd = skb->tcp.window;
	c->snd.wl1 = c->rcv.irs;
	c->snd.advmss = tcp_advmss(c, &f);
	tcp_sync_mss(c);
	return c;
}

/*
 * Enters the child into the table of connections, and returns with its c.lock held, so that a
 * lookup that finds it waits until it is complete. Returns false if another socket has its
 * addresses; the child is then freed.
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
 * Saves the network and TCP headers of the SYN, which have just been pulled, for TCP_SAVED_SYN. The
 * link header is not saved.
 */
static void save_syn(struct tcp_sock *c, const struct sk_buff *skb)
{
	u32 n = skb_network_back(skb);

	if (!skb_has_pulled(skb, n))
		return;
	c->child.saved_syn = kmalloc(n, GFP_ATOMIC);
	if (c->child.saved_syn) {
		memcpy(c->child.saved_syn, skb_pulled(skb, n), n);
		c->child.saved_len = (u16)n;
	}
}

/*
 * Handles a SYN for listener @l: makes a child in SYN_RECV that sends a SYN-ACK, or sends a cookie
 * and keeps no state.
 */
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
	if (unlikely(l->opts.save_syn))
		save_syn(c, skb);
	if (!child_enter(c, skb))
		return;
	c->snd.iss = c->snd.una = c->snd.nxt = c->snd.write_seq = c->snd.pushed =
		tcp_new_iss(&c->inet);
	tcp_get(c);
	c->life.self_ref = true;
	if (!queue_syn(l, c, false)) {
		TCP_EXT_COUNT(net, ListenDrops);
		tcp_done(c);
	} else {
		if (fast) {
			/* children without Fast Open are counted when their handshake completes */
			net->stats.tcp.passive++;
			tcp_fast_accept(l, c, skb);
		}
		if (tcp_send_syn(c)) {
			/* Without an skb no timer would send the SYN-ACK; the peer tries again. */
			TCP_EXT_COUNT(net, ListenDrops);
			tcp_done(c);
		} else if (fast && tcp_offer(c))
			tcp_offered(c);
		else
			/*
			 * The accept queue is full, so the child enters it when the handshake is
			 * complete, as without Fast Open.
			 */
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
	/* These children have no SYN-ACK timer, so TCP_DEFER_ACCEPT does not apply. */
	c->opts.defer_tries = 0;
	c->snd.iss = c->snd.una = skb->tcp.ack_seq - 1;
	c->snd.nxt = c->snd.write_seq = c->snd.pushed = c->snd.iss + 1;
	c->rcv.wnd = tcp_first_window(c); /* as the SYN-ACK offered */
	tcp_get(c);
	c->life.self_ref = true;
	if (!queue_syn(l, c, true))
		tcp_done(c);
	spin_unlock(&c->inet.c.lock);
	return c;
}

/* ---- the queues ---- */

bool tcp_offer(struct tcp_sock *c)
{
	struct tcp_sock *l = c->child.listener;
	bool ok;

	spin_lock(&l->listen.lock);
	ok = !l->listen.closed && l->listen.nr_accept <= l->listen.backlog &&
	     !list_empty(&c->child.link);
	if (ok) {
		list_move_tail(&c->child.link, &l->listen.accept_q);
		c->child.offered = true;
		l->listen.nr_syn--;
		l->listen.nr_accept++;
	}
	spin_unlock(&l->listen.lock);
	return ok;
}

/* Wakes up a task that waits in accept(2), after the child has entered the accept queue. */
void tcp_offered(struct tcp_sock *c)
{
	struct inet_sock *l = c->child.listener ? &c->child.listener->inet : NULL;

	if (!l)
		return;
	wake_up_common(&l->c.wait, TASK_NORMAL, 1, EPOLLIN | EPOLLRDNORM);
	inet_sigio(l, EPOLLIN | EPOLLRDNORM);
}

/*
 * Handles the end of a child before it is accepted: removes it from syn_q if it was not
 * established. In the accept queue it stays for accept(2).
 */
void tcp_forget_child(struct tcp_sock *c)
{
	struct tcp_sock *l = c->child.listener;
	bool was = false;

	spin_lock(&l->listen.lock);
	if (!c->child.offered && !list_empty(&c->child.link)) {
		list_del_init(&c->child.link);
		l->listen.nr_syn--;
		was = true;
	}
	spin_unlock(&l->listen.lock);
	if (was)
		tcp_put(c);
}

static struct tcp_sock *take_child(struct list_head *q, struct tcp_sock *l, bool accepted)
{
	struct tcp_sock *c;

	spin_lock(&l->listen.lock);
	c = list_first_entry_or_null(q, struct tcp_sock, child.link);
	if (c) {
		list_del_init(&c->child.link);
		if (accepted)
			l->listen.nr_accept--;
		else
			l->listen.nr_syn--;
	}
	spin_unlock(&l->listen.lock);
	return c;
}

/* Resets a child that will not be accepted, and drops the queue's reference. */
static void kill_child(struct tcp_sock *c)
{
	struct tcp_sock *l;

	spin_lock(&c->inet.c.lock);
	l = c->child.listener;
	c->child.listener = NULL;
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

	spin_lock(&t->listen.lock);
	t->listen.closed = true;
	spin_unlock(&t->listen.lock);
	while ((c = take_child(&t->listen.syn_q, t, false)))
		kill_child(c);
	while ((c = take_child(&t->listen.accept_q, t, true)))
		kill_child(c);
	net_rx_flush();
}

/*
 * Drops the reference of @t, which begins to listen, on the Fast Open listener that made it.
 * Otherwise a chain of listeners could form, each holding the one before, and freeing the last
 * would free all of them recursively.
 */
static void forget_giver(struct tcp_sock *t)
{
	struct tcp_sock *l;

	spin_lock(&t->inet.c.lock);
	l = t->fast.opened ? NULL : t->fast.listener;
	if (l)
		t->fast.listener = NULL;
	spin_unlock(&t->inet.c.lock);
	if (l)
		tcp_put(l);
}

/*
 * Makes the socket a listener, or changes a listener's backlog. op held. Returns 0, -EINVAL,
 * -EADDRINUSE or -ENOMEM.
 */
static int listen_locked(struct tcp_sock *t, int backlog)
{
	struct inet_sock *i = &t->inet;
	int err;

	if (!tcp_in(t, TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN)) || t->life.conn != CONN_NONE)
		return -EINVAL;
	WRITE_ONCE(t->listen.backlog, (u32)backlog);
	if (t->state == TCP_LISTEN)
		return 0;
	if (i->lport && !i->in.in_table)
		inet_forget_peer(i); /* drops what a failed attempt left */
	if (!i->lport) {
		err = inet_get_port(i, &i->laddr, 0, false);
		if (err)
			return err;
	}
	err = inet_start_listening(i);
	if (err)
		return err;
	t->listen.closed = false;
	forget_giver(t);
	spin_lock(&i->c.lock);
	if (!t->fast.qlen && (READ_ONCE(tcp_net(t)->fastopen) & (FAST_SERVER | FAST_SERVER_ALL)) ==
				     (FAST_SERVER | FAST_SERVER_ALL)) {
		WRITE_ONCE(t->fast.qlen, (u32)max(backlog, 0));
		tcp_fast_need_key(i->net);
	}
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

/*
 * Makes the child the socket of @to, and frees the new sock that @to had. The memory cgroup of the
 * freed sock is charged for the child.
 */
static void graft(struct socket *to, struct tcp_sock *c)
{
	struct inet_sock *fresh = INET(to);
	struct tcp_sock *l;

	spin_lock(&c->inet.c.lock);
	l = c->child.listener;
	c->child.listener = NULL;
	c->life.orphan = false;
	c->life.conn = CONN_MADE;
	c->inet.sock = to;
	c->inet.c.ino = fresh->c.ino;
	c->life.payer = TCP(fresh)->life.payer;
	TCP(fresh)->life.payer = NULL;
	mem_sock_charge(c->life.payer, c->life.mem_pages);
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
		c = take_child(&t->listen.accept_q, t, true);
		if (c) {
			graft(to, c);
			return 0;
		}
		err = sock_wait_until(&t->inet.c,
			!list_empty(&t->listen.accept_q) || t->state != TCP_LISTEN, nonblock, limit,
			/* not exclusive, as another task may take the child */
			until, 0);
		if (err)
			return err;
	}
	return -EINVAL;
}
