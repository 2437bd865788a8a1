/* SPDX-License-Identifier: MIT */
/*
 * tcp_connect.c: connect(2) of a TCP socket, also with TCP Fast Open, where the SYN waits for the
 * first data; disconnecting by AF_UNSPEC. Locks: tcp.h.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/vfs/landlock/landlock.h"

u8 tcp_choose_wscale(const struct tcp_sock *t)
{
	u32 space = t->inet.c.rcvbuf / 2;
	u8 scale = 0;

	if (!t->snd.rcvbuf_fixed)
		space = max(space, (u32)max(tcp_net(t)->rmem[2], READ_ONCE(sysctl_rmem_max)));
	space = min(space, t->rcv.clamp);
	while (space > 65535 && scale < WSCALE_MAX) {
		space >>= 1;
		scale++;
	}
	return scale;
}

/*
 * Looks up the route again if routing rules depend on the port that the socket has just got.
 * Returns 0 or -errno.
 */
static int look_with_port(struct tcp_sock *t)
{
	struct inet_sock *i = &t->inet;
	bool look = i->net->route.policy_by_ports && t->flow.sport != i->lport;
	int err;

	t->flow.sport = i->lport;
	err = look ? route_output(i->net, &t->flow) : 0;
	if (err)
		inet_forget_peer(i); /* keeps a port that the program has bound */
	return err;
}

/* Starts a connection attempt. @defer: the SYN waits for the first write. Returns 0 or -errno. */
static int start_connect(struct tcp_sock *t, const ip_addr *to, u16 port, int scope, bool defer)
{
	struct inet_sock *i = &t->inet;
	u32 shut;
	int err, link;

	if (i->v6 && i->opts.v6only && ip_is_v4(to))
		return -ENETUNREACH;
	if (ip_is_multicast(to) || addr_is_broadcast(i->net, to))
		return -ENETUNREACH;
	err = inet_link_of(i, to, scope, &link);
	if (!err && inet_wrong_family(i, to))
		err = -EAFNOSUPPORT;
	if (err)
		return err;
	inet_flow(i, to, &t->flow);
	if (i->opts.flowinfo & 0xfffffU && !ip_is_v4(to))
		t->flow.label = i->opts.flowinfo & 0xfffffU;
	t->flow.saddr = inet_source(i);
	t->flow.dport = port;
	if (link && !t->flow.oif)
		t->flow.oif = link;
	err = route_output(i->net, &t->flow);
	if (err == -ENETUNREACH)
		IP_STATS(i->net, !ip_is_v4(to)).out_noroutes++;
	if (err)
		return err;
	if (i->opts.frag_size6 && !ip_is_v4(to))
		t->flow.mtu = min(t->flow.mtu, (u32)i->opts.frag_size6);
	err = inet_set_peer(i, &t->flow.saddr, &t->flow.daddr, port);
	if (!err)
		err = look_with_port(t);
	if (err)
		return err;
	i->link_if = link;
	spin_lock(&i->c.lock);
	t->snd.rcv_wscale = tcp_choose_wscale(t);
	t->snd.advmss = tcp_advmss(t, &t->flow);
	t->snd.peer_mss = t->snd.advmss;
	tcp_sync_mss(t);
	t->snd.iss = t->snd.una = t->snd.nxt = t->snd.write_seq = t->snd.pushed = tcp_new_iss(i);
	/* Discard measurements of an earlier connection of this socket. */
	t->loss.rack.xmit = 0;
	t->loss.rack.reordered = false;
	t->rtt.min = 0;
	t->loss.tlp_high = 0;
	t->loss.undo.on = t->loss.frto = t->snd.urgent = false;
	t->rcv.nxt = t->rcv.wup = t->rcv.copied = 0;
	t->rtt.rto = RTO_INIT;
	t->rtt.srtt = 0;
	t->timers.retries = t->timers.backoff = 0;
	t->cc.ecn = 0;
	t->timers.first_failure = 0;
	tcp_cc_init(t);
	i->c.err = 0;
	tcp_get(t);
	t->life.self_ref = true;
	tcp_set_state(t, TCP_SYN_SENT);
	i->net->stats.tcp.active++;
	t->fast.defer_connect = defer;
	shut = i->c.shutdown;
	err = defer ? 0 : tcp_send_syn(t);
	if (err) {
		tcp_done(t);
		i->c.shutdown = shut; /* no connection began, so none has ended */
	}
	spin_unlock(&i->c.lock);
	net_rx_flush();
	return err;
}

/*
 * Drops received data and its state. Needs c.lock, and also read_mutex, since a reader copies
 * without c.lock.
 */
static void drop_received(struct tcp_sock *t)
{
	skb_free_list(&t->inet.queue.rq);
	t->inet.queue.rmem = 0;
	t->rcv.peer_done = false;
	t->ack = (struct tcp_ack_state){ 0 };
	t->rcv.urg_state = URG_NONE;
	t->rcv.dsack.end = 0;
	tcp_mem_sync(t);
}

/*
 * Cleans up after a connection that has ended, and frees its port if the kernel chose it. op held.
 * Returns 0 or -ERESTARTSYS.
 */
static int forget_connection(struct tcp_sock *t)
{
	struct inet_sock *i = &t->inet;

	if (mutex_lock_interruptible(&i->queue.read_mutex))
		return -ERESTARTSYS;
	spin_lock(&i->c.lock);
	drop_received(t);
	spin_unlock(&i->c.lock);
	mutex_unlock(&i->queue.read_mutex);
	inet_forget_peer(i);
	return 0;
}

static int disconnect(struct tcp_sock *t)
{
	struct inet_sock *i = &t->inet;
	/*
	 * fresh: the socket was never connected, at most bound; it keeps its port, even one that
	 * the kernel chose
	 */
	bool fresh;
	int err = 0;

	if (mutex_lock_interruptible(&i->queue.read_mutex))
		return -ERESTARTSYS;
	spin_lock(&i->c.lock);
	fresh = t->state == TCP_CLOSE && !i->rport;
	if (!tcp_in(t, TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN) | TCPF(TCP_TIME_WAIT)))
		err = -ECONNRESET;
	if (tcp_in(t, TCPF_SYNCED) && t->state != TCP_TIME_WAIT)
		tcp_send_reset(t);
	if (t->state != TCP_CLOSE)
		tcp_done(t);
	drop_received(t);
	if (err)
		i->c.err = err;
	i->c.shutdown = 0;
	t->life.conn = CONN_NONE;
	spin_unlock(&i->c.lock);
	mutex_unlock(&i->queue.read_mutex);
	if (!fresh)
		inet_forget_peer(i);
	inet_stop_listening(i);
	tcp_stop_listening(t);
	net_rx_flush();
	return 0;
}

/*
 * Returns the result of the connection attempt, which has ended: 0; its error; or -ECONNABORTED if
 * the error was reported before. op held. -ERESTARTSYS: a signal came, and the result is kept.
 */
static int know_end(struct tcp_sock *t)
{
	int err;

	if (t->state != TCP_CLOSE) {
		t->life.conn = CONN_MADE;
		return 0;
	}
	/* the next connect() may start another attempt */
	err = t->life.conn == CONN_BEGUN ? forget_connection(t) : 0;
	if (err)
		return err;
	t->life.conn = CONN_NONE;
	t->inet.c.shutdown = 0;
	err = xchg(&t->inet.c.err, 0);
	return err ? err : -ECONNABORTED;
}

static int finish_connect(struct tcp_sock *t, bool nonblock)
{
	struct inet_sock *i = &t->inet;
	int err = nonblock ? -EINPROGRESS :
			     sock_wait(&i->c, !tcp_connecting(t), false, i->c.sndtimeo);

	if (err)
		return err == -EAGAIN ? -EINPROGRESS : err;
	mutex_lock(&i->op);
	/* Another task may have fetched this result, and started the next attempt. */
	err = !nonblock && tcp_connecting(t) ? -EALREADY : know_end(t);
	mutex_unlock(&i->op);
	return err;
}

/*
 * Starts a connection. @m: the message of MSG_FASTOPEN, whose data goes with the SYN; NULL for
 * connect(2). Returns 0, 1 if the caller need not wait, or -errno.
 */
static int begin_connect(
	struct socket *s, struct tcp_sock *t, struct sockaddr_buf *a, struct msg *m)
{
	struct inet_sock *i = &t->inet;
	ip_addr to;
	u16 port;
	int scope, err;
	bool defer = false;

	if (a->len < sizeof(u16))
		return -EINVAL;
	if (a->family == AF_UNSPEC) {
		err = disconnect(t);
		if (err)
			return err;
		s->listening = false;
		return 1;
	}
	if (t->fast.defer_connect)
		return -EISCONN;
	if (tcp_connecting(t))
		return -EALREADY;
	if (t->life.conn == CONN_BEGUN) {
		err = know_end(t);
		return err ? err : 1;
	}
	if (t->life.conn == CONN_LOST)
		return -EINVAL;
	if (t->life.conn == CONN_MADE || t->state != TCP_CLOSE)
		return -EISCONN;
	err = inet_read_addr(i, a, &to, &port, &scope);
	if (err)
		return err;
	err = i->rport ? forget_connection(t) : 0;
	if (err)
		return err;
	t->fast.mode = FAST_NO;
	t->fast.data_sent = t->fast.data_acked = t->fast.syn = t->fast.checked = false;
	t->fast.fail = TFO_STATUS_UNSPEC;
	t->stats.retrans = 0;
	if (m) {
		err = tcp_fast_prepare(t, &to, m);
		if (err)
			return err;
	} else if (t->opts.fast_connect) {
		defer = tcp_fast_known(t, &to);
	}
	err = flowlabel_named(i, a, &i->opts.flowinfo);
	if (err)
		return err;
	i->opts.flowinfo &= ~(3U << 20); /* the ECN bits are set by TCP */
	err = start_connect(t, &to, port, scope, defer);
	t->life.conn = err ? CONN_NONE : CONN_BEGUN;
	if (err)
		tcp_fast_drop(t);
	return err ? err : defer;
}

int tcp_connect(struct socket *s, struct sockaddr_buf *a, bool nonblock)
{
	struct tcp_sock *t = TCP(INET(s));
	int err;

	mutex_lock(&t->inet.op);
	err = begin_connect(s, t, a, NULL);
	mutex_unlock(&t->inet.op);
	if (err == 1)
		return 0;
	if (err && !(err == -EALREADY && !nonblock))
		return err;
	return finish_connect(t, nonblock);
}

/*
 * Sends the SYN that connect(2) has deferred, with data of @m. op held. Returns 0 or -errno, -EPIPE
 * if the attempt has ended meanwhile.
 */
static int deferred_syn(struct tcp_sock *t, struct msg *m)
{
	int err = tcp_fast_prepare(t, &t->inet.raddr, m);

	if (err)
		return err;
	spin_lock(&t->inet.c.lock);
	err = -EPIPE;
	if (t->state == TCP_SYN_SENT && t->fast.defer_connect) {
		t->fast.defer_connect = false;
		err = tcp_send_syn(t);
		if (err)
			tcp_done(t);
	}
	spin_unlock(&t->inet.c.lock);
	if (err)
		tcp_fast_drop(t);
	net_rx_flush();
	return err;
}

/*
 * Returns the result of an earlier connection attempt, for a MSG_FASTOPEN without an address: 1 if
 * it has succeeded, else -errno, -EINVAL if there was none.
 */
static int nameless_syn(struct tcp_sock *t)
{
	int err;

	if (tcp_connecting(t))
		return -EALREADY;
	if (t->life.conn == CONN_BEGUN) {
		err = know_end(t);
		return err ? err : 1;
	}
	return t->life.conn == CONN_MADE || t->state != TCP_CLOSE ? -EISCONN : -EINVAL;
}

/*
 * Connects as part of a send (MSG_FASTOPEN). Returns what begin_connect() returns, or another error
 * of connect(2).
 */
static int fast_syn(struct socket *s, struct tcp_sock *t, struct msg *m)
{
	struct sockaddr_buf *to = m->name;
	int err = 0;

	if (!(tcp_net(t)->fastopen & FAST_CLIENT) ||
		(to && to->len >= sizeof(u16) && to->family == AF_UNSPEC))
		return -EOPNOTSUPP;
	if (!to)
		return nameless_syn(t);
	if (landlocked())
		err = landlock_tcp(t->inet.c.family, to->data, to->len, true);
	return err ? err : begin_connect(s, t, to, m);
}

ssize_t tcp_fast_sendmsg(struct socket *s, struct msg *m)
{
	struct tcp_sock *t = TCP(INET(s));
	u64 had = m->iter.count;
	bool pending;
	ssize_t n;
	int err;

	mutex_lock(&t->inet.op);
	/* incremented before the SYN is sent, since synsent() reads it */
	atomic_inc(&t->snd.write_pending);
	if (t->fast.defer_connect)
		err = deferred_syn(t, m);
	else
		/* without MSG_FASTOPEN: another task has sent the deferred SYN meanwhile */
		err = m->flags & MSG_FASTOPEN ? fast_syn(s, t, m) : 1;
	mutex_unlock(&t->inet.op);
	pending = !err && m->iter.count;
	if (!pending)
		atomic_dec(&t->snd.write_pending);
	if (err)
		return err == 1 ? 0 : err;
	n = (ssize_t)(had - m->iter.count);
	err = finish_connect(t, m->nonblock);
	if (pending)
		atomic_dec(&t->snd.write_pending);
	return n && (!err || err == -EINPROGRESS || err == -ERESTARTSYS) ? n : err;
}
