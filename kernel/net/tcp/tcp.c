/* SPDX-License-Identifier: MIT */
/*
 * tcp.c: a TCP socket as programs see it (tcp(7)): creation, poll, shutdown, close.
 *
 *     connect  CLOSE -> SYN_SENT -> ESTABLISHED
 *     listen   CLOSE -> LISTEN
 *     accept   returns a child of the listener, made in tcp_listen.c
 *     close    FIN_WAIT1 or LAST_ACK as an orphan, which ends without the program; with unread data
 *              or linger 0, a reset
 *
 * Connecting is in tcp_connect.c, listening in tcp_listen.c, sending and receiving in tcp_data.c.
 * Locks: tcp.h.
 */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/sockios.h>

#include "arch/um/machine/arch.h"
#include "kernel/mm/group/memcg.h"
#include "kernel/net/socket/errqueue.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"

/* ---- creation and end ---- */

static void tcp_free(struct inet_sock *i)
{
	struct tcp_sock *t = TCP(i);

	skb_free_list(&t->snd.wq);
	skb_free_list(&t->rcv.ooo);
	t->snd.wmem = t->rcv.ooo_mem = t->inet.queue.rmem = 0;
	tcp_mem_sync(t);
	mem_sock_end(t->life.payer);
	if (t->child.listener)
		tcp_put(t->child.listener);
	if (t->fast.listener)
		tcp_put(t->fast.listener);
	kfree_skb(t->fast.syn_data);
	kfree(t->child.saved_syn);
	kfree(t);
}

struct tcp_sock *tcp_alloc(gfp_t gfp)
{
	struct tcp_sock *t = kzalloc(sizeof(*t), gfp);

	if (!t)
		return NULL;
	t->inet.free = tcp_free;
	atomic_set(&t->inet.refs, 1);
	mutex_init(&t->inet.op);
	mutex_init(&t->inet.queue.read_mutex);
	INIT_LIST_HEAD(&t->inet.queue.rq);
	errq_init(&t->inet.c);
	INIT_LIST_HEAD(&t->inet.mc.members);
	inet_init_ports(&t->inet);
	return t;
}

void tcp_setup(struct tcp_sock *t)
{
	INIT_LIST_HEAD(&t->snd.wq);
	INIT_LIST_HEAD(&t->rcv.ooo);
	INIT_LIST_HEAD(&t->listen.accept_q);
	INIT_LIST_HEAD(&t->listen.syn_q);
	INIT_LIST_HEAD(&t->child.link);
	spin_lock_init(&t->listen.lock);
	mutex_init(&t->snd.write_mutex);
	tcp_timers_setup(t);
	t->state = TCP_CLOSE;
	t->rtt.rto = RTO_INIT;
	t->snd.rcv_wscale = 7;
	t->snd.peer_mss = t->snd.mss = t->rcv.mss = MSS_DEFAULT;
	tcp_cc_init(t);
}

void tcp_set_state(struct tcp_sock *t, u8 state)
{
	if (t->life.waits_out && state == TCP_CLOSE) {
		t->life.waits_out = false;
		atomic_dec(&tcp_time_waits);
		atomic_dec(&tcp_net(t)->time_waits);
	}
	if (state == TCP_CLOSE && tcp_in(t, TCPF(TCP_ESTABLISHED) | TCPF(TCP_CLOSE_WAIT)))
		t->inet.net->stats.tcp.resets++;
	WRITE_ONCE(t->state, state);
}

void tcp_wake(struct tcp_sock *t, u64 key)
{
	if (waitqueue_active(&t->inet.c.wait))
		wake_up_common(&t->inet.c.wait, TASK_NORMAL, 0, key);
	inet_sigio(&t->inet, (int)key);
}

void tcp_sigurg(struct tcp_sock *t)
{
	if (t->inet.sock && t->inet.sock->file)
		file_sigurg(t->inet.sock->file);
}

bool tcp_enough(const struct tcp_sock *t, u32 avail)
{
	const struct inet_sock *i = &t->inet;

	return avail >= max(i->c.rcvlowat, 1U) ||
	       (avail && ((s32)(t->rcv.wup + t->rcv.wnd - t->rcv.nxt) <= (s32)t->rcv.mss ||
				 i->queue.rmem > i->c.rcvbuf - i->c.rcvbuf / 8));
}

static void drop_self(struct tcp_sock *t)
{
	if (!t->life.self_ref)
		return;
	t->life.self_ref = false;
	tcp_put(t);
}

void tcp_done(struct tcp_sock *t)
{
	struct sk_buff *skb, *next;

	if (t->state == TCP_SYN_SENT || (t->state == TCP_SYN_RECV && !t->life.orphan))
		t->inet.net->stats.tcp.fails++;
	tcp_set_state(t, TCP_CLOSE);
	tcp_timers_off(t);
	inet_unhash(&t->inet);
	list_for_each_entry_safe(skb, next, &t->snd.wq, list)
		tcp_unqueue(t, skb);
	t->loss.packets_out = t->loss.sacked_out = t->loss.lost_out = t->loss.retrans_out = 0;
	tcp_fast_ended(t);
	skb_free_list(&t->rcv.ooo);
	t->rcv.ooo_tree = RB_ROOT;
	t->rcv.ooo_mem = t->rcv.nr_sacks = 0;
	t->inet.c.shutdown = SHUT_BOTH;
	tcp_mem_sync(t);
	tcp_orphan_end(t);
	tcp_wake(t, EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLRDHUP | EPOLLERR);
	if (t->child.listener)
		tcp_forget_child(t);
	tcp_fast_done(t, false);
	t->fast.defer_connect = false;
	drop_self(t);
}

void tcp_fail(struct tcp_sock *t, int err)
{
	WRITE_ONCE(t->inet.c.err, err);
	tcp_done(t);
}

int tcp_state_of(struct inet_sock *i)
{
	return READ_ONCE(TCP(i)->state);
}

bool tcp_has_peer(struct inet_sock *i)
{
	return !tcp_in(TCP(i),
		TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN) | TCPF(TCP_SYN_SENT) | TCPF(TCP_TIME_WAIT));
}

/* ---- poll, ioctl ---- */

static u32 tcp_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct tcp_sock *t = TCP(INET(s));
	struct sock_common *c = &t->inet.c;
	u32 mask = 0, state, avail;

	poll_wait(f, &c->wait, pt);
	state = READ_ONCE(t->state);
	if (state == TCP_LISTEN)
		return list_empty(&t->listen.accept_q) ? 0 : EPOLLIN | EPOLLRDNORM;
	if (c->shutdown == SHUT_BOTH || state == TCP_CLOSE)
		mask |= EPOLLHUP;
	if (c->shutdown & SHUT_RD)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (t->fast.defer_connect)
		mask |= EPOLLOUT | EPOLLWRNORM;
	if (state != TCP_SYN_SENT && (state != TCP_SYN_RECV || t->fast.opened)) {
		avail = t->rcv.nxt - t->rcv.copied;
		if (t->rcv.urg_state && !t->inet.c.oobinline && avail == 1 &&
			t->rcv.urg_seq == t->rcv.copied)
			avail = 0;
		if (tcp_enough(t, avail) && !list_empty(&t->inet.queue.rq))
			mask |= EPOLLIN | EPOLLRDNORM;
		if (c->shutdown & SHUT_WR || state == TCP_CLOSE || tcp_wants_room(t))
			mask |= EPOLLOUT | EPOLLWRNORM;
		if (t->rcv.urg_state == URG_HERE)
			mask |= EPOLLPRI;
	}
	if (READ_ONCE(c->err) || !errq_empty(c))
		mask |= EPOLLERR | (c->rare.select_err ? EPOLLPRI : 0);
	return mask;
}

static int tcp_queued(struct socket *s, u32 cmd)
{
	struct tcp_sock *t = TCP(INET(s));
	u32 n = 0;

	if (t->state == TCP_LISTEN && cmd != SIOCATMARK)
		return -EINVAL;
	spin_lock(&t->inet.c.lock);
	switch (cmd) {
	case FIONREAD:
		if (!list_empty(&t->inet.queue.rq))
			n = t->rcv.nxt - t->rcv.copied - t->rcv.peer_done;
		if (t->rcv.urg_state && !t->inet.c.oobinline && t->rcv.urg_seq - t->rcv.copied < n)
			n = t->rcv.urg_seq - t->rcv.copied;
		break;
	case SIOCOUTQ: n = tcp_in(t, TCPF(TCP_CLOSE)) ? 0 : t->snd.write_seq - t->snd.una; break;
	case SIOCOUTQNSD: n = tcp_in(t, TCPF(TCP_CLOSE)) ? 0 : t->snd.write_seq - t->snd.nxt; break;
	case SIOCATMARK: n = t->rcv.urg_state && t->rcv.urg_seq == t->rcv.copied; break;
	}
	spin_unlock(&t->inet.c.lock);
	return (int)min(n, 0x7fffffffU);
}

static long tcp_ioctl(struct socket *s, u32 cmd, u64 arg)
{
	int n;

	if (cmd != FIONREAD && cmd != SIOCOUTQ && cmd != SIOCOUTQNSD && cmd != SIOCATMARK)
		return net_ioctl(s->sk, cmd, arg);
	n = tcp_queued(s, cmd);
	return n < 0 ? n : put_user(n, UADDR(arg));
}

/* ---- shutdown and close ---- */

/* Closes the sending side, with a FIN if there is a connection. c.lock held. */
static void close_write(struct tcp_sock *t)
{
	switch (t->state) {
	case TCP_SYN_RECV:
	case TCP_ESTABLISHED: tcp_set_state(t, TCP_FIN_WAIT1); break;
	case TCP_CLOSE_WAIT: tcp_set_state(t, TCP_LAST_ACK); break;
	default: return;
	}
	tcp_send_fin(t);
}

static int tcp_shutdown(struct socket *s, int how)
{
	struct tcp_sock *t = TCP(INET(s));
	int err = 0;

	mutex_lock(&t->inet.op);
	spin_lock(&t->inet.c.lock);
	/* connect(2) will not report this result any more */
	if (t->life.conn == CONN_BEGUN && t->state != TCP_SYN_SENT)
		t->life.conn = t->state == TCP_CLOSE ? CONN_LOST : CONN_MADE;
	if (t->state != TCP_LISTEN) {
		t->inet.c.shutdown |= (u32)how; /* takes effect even without a connection */
		if (tcp_in(t, TCPF(TCP_CLOSE) | TCPF(TCP_TIME_WAIT)))
			err = -ENOTCONN;
		/* As after connect(2) with AF_UNSPEC, another attempt may begin. */
		if (t->state == TCP_SYN_SENT) {
			tcp_fail(t, -ECONNRESET);
			t->inet.c.shutdown = 0;
			t->life.conn = CONN_NONE;
		} else if (how & SHUT_WR)
			close_write(t);
		tcp_wake(t, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP);
	}
	spin_unlock(&t->inet.c.lock);
	if (t->state == TCP_LISTEN && how & SHUT_RD) {
		s->listening = false;
		spin_lock(&t->inet.c.lock);
		tcp_set_state(t, TCP_CLOSE);
		tcp_wake(t, EPOLLIN | EPOLLHUP);
		spin_unlock(&t->inet.c.lock);
		inet_forget_peer(&t->inet); /* frees a port that the kernel chose */
		inet_stop_listening(&t->inet);
		tcp_stop_listening(t);
	}
	mutex_unlock(&t->inet.op);
	net_rx_flush();
	return err;
}

static bool closing(const struct tcp_sock *t)
{
	return tcp_in(t, TCPF(TCP_FIN_WAIT1) | TCPF(TCP_CLOSING) | TCPF(TCP_LAST_ACK));
}

/* Waits as SO_LINGER demands, until the peer has acknowledged everything or the time is up. */
static void linger(struct tcp_sock *t)
{
	u32 secs = (u32)t->inet.c.linger.secs; /* a negative value waits for decades */
	u64 until = ktime_get() + secs * NSEC_PER_SEC;

	if (t->inet.c.linger.on && secs && !(current->flags & (PF_EXITING | PF_KTHREAD)))
		wait_event_timeout(&t->inet.c.wait, !closing(t), until, true);
}

static bool has_unread(const struct tcp_sock *t)
{
	const struct list_head *rq = &t->inet.queue.rq;
	const struct sk_buff *last = list_last_entry(rq, struct sk_buff, list);

	return !list_empty(rq) && after(last->tcp.seq + skb_len(last), t->rcv.copied);
}

static void tcp_close(struct tcp_sock *t)
{
	struct inet_sock *i = &t->inet;
	bool unread;

	spin_lock(&i->c.lock);
	i->sock = NULL;
	unread = has_unread(t) && tcp_in(t, TCPF_SYNCED | TCPF(TCP_SYN_RECV));
	skb_free_list(&i->queue.rq);
	i->queue.rmem = 0;
	i->c.shutdown |= SHUT_BOTH;
	if (tcp_in(t, TCPF(TCP_SYN_SENT))) {
		/* CLOSE first: otherwise tcp_done() would count a failed connection attempt */
		tcp_set_state(t, TCP_CLOSE);
		tcp_done(t);
	} else if (t->state != TCP_CLOSE && t->state != TCP_TIME_WAIT &&
		   (unread || (i->c.linger.on && !i->c.linger.secs))) {
		if (unread)
			TCP_EXT_COUNT(i->net, TCPAbortOnClose);
		else
			TCP_EXT_COUNT(i->net, TCPAbortOnData);
		tcp_send_reset(t);
		tcp_done(t);
	} else {
		close_write(t);
	}
	spin_unlock(&i->c.lock);
	net_rx_flush();
	linger(t);
	spin_lock(&i->c.lock);
	t->life.orphan = true;
	if (t->state == TCP_FIN_WAIT2) {
		if (t->opts.linger2 < 0) {
			TCP_EXT_COUNT(i->net, TCPAbortOnLinger);
			tcp_send_reset(t);
			tcp_done(t);
		} else {
			tcp_time_wait(t, TCP_FIN_WAIT2,
				(u64)(t->opts.linger2 ? t->opts.linger2 : tcp_net(t)->fin_timeout) *
					NSEC_PER_SEC);
		}
	} else if (t->state == TCP_CLOSE) {
		inet_unhash(i);
	} else if (t->state != TCP_TIME_WAIT && !tcp_orphan_begin(t)) {
		tcp_send_reset(t);
		tcp_done(t);
	}
	tcp_mem_sync(t);
	spin_unlock(&i->c.lock);
	net_rx_flush();
}

static int tcp_release(struct socket *s)
{
	struct tcp_sock *t = TCP(INET(s));

	if (t->state == TCP_LISTEN) {
		spin_lock(&t->inet.c.lock);
		tcp_set_state(t, TCP_CLOSE);
		t->inet.sock = NULL;
		spin_unlock(&t->inet.c.lock);
		inet_unhash(&t->inet);
		tcp_stop_listening(t);
	} else {
		tcp_close(t);
	}
	tcp_put(t);
	return 0;
}

/*
 * Sets the byte that has number 0 with SOF_TIMESTAMPING_OPT_ID: write_seq with OPT_ID_TCP, else
 * snd.una. Returns 0, or -EINVAL without a connection.
 */
static int stamp_start(struct socket *s, u32 flags)
{
	struct tcp_sock *t = TCP(INET(s));

	if (tcp_in(t, TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN)))
		return -EINVAL;
	t->inet.c.rare.tskey = flags & SOF_TIMESTAMPING_OPT_ID_TCP_ ? t->snd.write_seq : t->snd.una;
	return 0;
}

static const struct proto_ops tcp_ops = {
	.late_control = true,
	.release = tcp_release,
	.bind = inet_bind,
	.connect = tcp_connect,
	.listen = tcp_listen,
	.accept = tcp_accept,
	.getname = inet_getname,
	.accept_name = inet_accept_name,
	.poll = tcp_poll,
	.shutdown = tcp_shutdown,
	.sendmsg = tcp_sendmsg,
	.recvmsg = tcp_recvmsg,
	.stamp_start = stamp_start,
	.setsockopt = tcp_setsockopt,
	.getsockopt = tcp_getsockopt,
	.ioctl = tcp_ioctl,
	.queued = tcp_queued,
};

int tcp_create(struct socket *s, int family, int type, int protocol)
{
	struct tcp_sock *t = tcp_alloc(GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	tcp_setup(t);
	inet_init_sock(&t->inet, s, family, type, protocol, &tcp_ports);
	t->cc.reno = READ_ONCE(t->inet.net->tcp.reno);
	tcp_follow_net(t);
	t->life.payer = mem_sock_begin();
	t->inet.sock = s;
	t->inet.c.rcvbuf = (u32)tcp_net(t)->rmem[1];
	t->inet.c.sndbuf = (u32)tcp_net(t)->wmem[1];
	t->snd.rcv_wscale = tcp_choose_wscale(t);
	s->sk = &t->inet.c;
	s->ops = &tcp_ops;
	return 0;
}
