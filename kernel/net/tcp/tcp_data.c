/* SPDX-License-Identifier: MIT */
/*
 * tcp_data.c: moves bytes between programs and the queues of a connection: send and receive, and
 * urgent data as programs see it (RFC 6093).
 *
 *     tcp_sendmsg  copies into a new skb with no spinlock held, then queues it under c.lock;
 *                  write_mutex admits one sender at a time
 *     tcp_recvmsg  reads at the front of rq, which only readers shorten; read_mutex admits one
 *                  reader at a time
 *
 * tcp_out.c cuts segments and sends them, tcp_queue.c puts received segments into rq. Locks: tcp.h.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/net/socket/errqueue.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"

/* least size of a buffer, bytes, so that small writes in a row share one */
#define SMALL 1024U

/* ---- sending ---- */

static int send_error(struct tcp_sock *t)
{
	int err = xchg(&t->inet.c.err, 0);

	if (err)
		return err;
	return t->inet.c.shutdown & SHUT_WR || !tcp_may_send(t) ? -EPIPE : 0;
}

static bool may_write(struct tcp_sock *t)
{
	return tcp_wants_room(t) || t->inet.c.err || t->inet.c.shutdown & SHUT_WR ||
	       !tcp_may_send(t);
}

/*
 * Merges the timestamp requests of @from into @to, to which the bytes of @from were appended. A
 * request of @to remains, but its timestamp is for the last byte of @from.
 */
static void join_stamps(struct sk_buff *to, const struct sk_buff *from)
{
	if (likely(!from->stamp_wanted))
		return;
	to->stamp_wanted |= from->stamp_wanted;
	to->stamp_key = from->stamp_key;
}

/*
 * Appends @skb to the last skb of the write queue, if that is unsent and has room. Returns true if
 * @skb was appended.
 */
static bool append_to_last(struct tcp_sock *t, struct sk_buff *skb)
{
	struct sk_buff *last;

	if (!t->snd.head)
		return false;
	last = list_last_entry(&t->snd.wq, struct sk_buff, list);
	if (last->tcp.flags & (TH_SYN | TH_FIN) || last->tcp.eor || !last->buf ||
		skb_tailroom(last) < skb->len ||
		last->len + skb->len > max(tcp_seg_size(t), tcp_seg_goal(t)))
		return false;
	memcpy(skb_payload(last) + last->len, skb_payload(skb), skb->len);
	last->len += skb->len;
	last->tcp.end_seq += skb->len;
	last->tcp.flags = (u8)(last->tcp.flags & ~TH_PSH) | skb->tcp.flags;
	last->tcp.eor = skb->tcp.eor;
	join_stamps(last, skb);
	return true;
}

/*
 * Fills up the last skb of the write queue, if it is unsent and shorter than a segment but its
 * buffer is full: copies it and the front of @skb into a new buffer. Otherwise a short segment
 * would be sent in the middle of the data. Returns true if all of @skb was copied.
 */
static bool fill_last(struct tcp_sock *t, struct sk_buff *skb)
{
	struct sk_buff *last, *fresh;
	u32 seg = tcp_seg_size(t), n;

	if (!t->snd.head)
		return false;
	last = list_last_entry(&t->snd.wq, struct sk_buff, list);
	if (last->tcp.flags & (TH_SYN | TH_FIN) || last->tcp.eor || !last->len || last->len >= seg)
		return false;
	n = min(seg - last->len, skb->len);
	/*
	 * Allocate twice the bytes, so that the next write needs no new buffer. Room for a whole
	 * segment would, over loopback, use up a small send buffer.
	 */
	fresh = skb_alloc(min(seg, 2 * (last->len + n)), GFP_ATOMIC);
	if (!fresh)
		return false;
	memcpy(fresh->buf->data, skb_payload(last), last->len);
	memcpy(fresh->buf->data + last->len, skb_payload(skb), n);
	fresh->len = last->len + n;
	fresh->tcp.flags = TH_ACK;
	fresh->tcp.seq = last->tcp.seq;
	fresh->tcp.end_seq = last->tcp.end_seq + n;
	join_stamps(fresh, last);
	if (n == skb->len) {
		fresh->tcp.flags = skb->tcp.flags;
		fresh->tcp.eor = skb->tcp.eor;
		join_stamps(fresh, skb);
	}
	tcp_unqueue(t, last);
	tcp_queue(t, fresh);
	skb->off += n;
	skb->len -= n;
	skb->tcp.seq += n;
	return !skb->len;
}

/*
 * Queues @skb, whose payload the caller has filled in, and consumes it. @last: it is the end of the
 * message. @push: also sends. Returns 0 or an error of the connection.
 */
static int enqueue(struct tcp_sock *t, struct sk_buff *skb, struct msg *m, bool last, bool push)
{
	int err;

	spin_lock(&t->inet.c.lock);
	err = send_error(t);
	if (err) {
		spin_unlock(&t->inet.c.lock);
		kfree_skb(skb);
		return err;
	}
	skb->tcp.flags = TH_ACK;
	skb->tcp.eor = last && m->flags & MSG_EOR;
	skb->tcp.seq = t->snd.write_seq;
	t->snd.write_seq += skb->len;
	if ((last && !(m->flags & MSG_MORE)) ||
		after(t->snd.write_seq, t->snd.pushed + t->snd.max_wnd / 2)) {
		/*
		 * PSH makes the peer pass data to its reader: set it at the end of a write, and
		 * after half a window.
		 */
		skb->tcp.flags |= TH_PSH;
		t->snd.pushed = t->snd.write_seq;
	}
	skb->tcp.end_seq = t->snd.write_seq;
	if (last) {
		skb->stamp_wanted = errq_wanted(&t->inet.c, m);
		skb->stamp_key = t->snd.write_seq - 1 - t->inet.c.rare.tskey;
	}
	if (append_to_last(t, skb) || fill_last(t, skb))
		kfree_skb(skb);
	else
		tcp_queue(t, skb);
	if (last && m->flags & MSG_OOB) {
		t->snd.up = t->snd.write_seq;
		t->snd.urgent = true;
	}
	if (push)
		tcp_push(t, !last || m->flags & MSG_MORE);
	tcp_mem_sync(t);
	spin_unlock(&t->inet.c.lock);
	if (push)
		net_rx_flush();
	return 0;
}

/*
 * Sends the data that enqueue() has queued without sending it, *@queued bytes, and sets *@queued to
 * 0.
 */
static void push_queued(struct tcp_sock *t, u32 *queued)
{
	if (!*queued)
		return;
	*queued = 0;
	spin_lock(&t->inet.c.lock);
	tcp_push(t, true);
	spin_unlock(&t->inet.c.lock);
	net_rx_flush();
}

/*
 * Sends all that window and cwnd allow, because the writer waits for room and will write no more
 * soon. Data that TCP_CORK or Nagle's rule held back would keep that room occupied.
 */
static void push_for_room(struct tcp_sock *t, u32 *queued)
{
	bool nodelay, corked;

	*queued = 0;
	spin_lock(&t->inet.c.lock);
	if (tcp_mem_full())
		tcp_shrink_sndbuf(t);
	nodelay = t->snd.nodelay;
	corked = t->snd.corked;
	if (t->snd.head) {
		list_last_entry(&t->snd.wq, struct sk_buff, list)->tcp.flags |= TH_PSH;
		t->snd.pushed = t->snd.write_seq;
	}
	t->snd.nodelay = true;
	t->snd.corked = false;
	tcp_push(t, false);
	t->snd.nodelay = nodelay;
	t->snd.corked = corked;
	spin_unlock(&t->inet.c.lock);
	net_rx_flush();
}

static struct sk_buff *build(struct tcp_sock *t, struct msg *m)
{
	u32 seg = tcp_seg_goal(t), n = (u32)min_t(u64, m->iter.count, seg);
	struct sk_buff *skb = NULL;

	while (n > SMALL && !(skb = skb_alloc(n, GFP_KERNEL | __GFP_NOOOM)))
		/* retry with half: memory may be fragmented */
		n /= 2;
	if (!skb)
		skb = skb_alloc(max(n, min(seg, SMALL)), GFP_KERNEL);
	if (!skb)
		return ERR_PTR(-ENOBUFS);
	skb->len = (u32)copy_from_iter(skb->buf->data, n, &m->iter);
	if (!skb->len) {
		kfree_skb(skb);
		return ERR_PTR(-EFAULT);
	}
	return skb;
}

static int wait_writable(struct tcp_sock *t, struct msg *m, bool *held)
{
	struct sock_common *c = &t->inet.c;
	int err = 0;

	if (likely(tcp_writable(t)))
		return 0;
	while (!err && !may_write(t))
		err = sock_wait_aside(
			c, may_write(t), m, c->sndtimeo, &t->snd.write_mutex, held, 0);
	return err;
}

/*
 * Queues the message and sends it, tcp_burst() bytes at a time, which a card takes in one packet.
 */
static ssize_t send_locked(struct tcp_sock *t, struct msg *m, bool *held)
{
	ssize_t done = 0;
	u32 queued = 0;
	int err = 0;

	while (m->iter.count) {
		struct sk_buff *skb;
		bool last;
		u32 n;

		if (unlikely(!tcp_writable(t))) {
			/* push before the wait, since unsent data is never acknowledged */
			push_for_room(t, &queued);
			err = wait_writable(t, m, held);
			if (err)
				break;
		}
		skb = build(t, m);
		if (IS_ERR(skb)) {
			err = (int)PTR_ERR(skb);
			break;
		}
		n = skb->len;
		queued += n;
		last = !m->iter.count;
		err = enqueue(t, skb, m, last, last || queued >= tcp_burst(t));
		if (err)
			break;
		if (queued >= tcp_burst(t) || last)
			queued = 0;
		done += n;
		cond_resched();
	}
	push_queued(t, &queued);
	return done ? done : err;
}

/*
 * Sends data after the handshake, for which it may wait. Takes snd.write_mutex. Returns the number
 * of bytes accepted, also if an error followed them, or -errno.
 */
static ssize_t send_message(struct socket *s, struct msg *m)
{
	struct tcp_sock *t = TCP(INET(s));
	ssize_t n, first = 0;
	bool held = true;
	int err;

	if (unlikely(m->flags & MSG_FASTOPEN || t->fast.defer_connect)) {
		first = tcp_fast_sendmsg(s, m);
		if (first < 0 || (first && (!m->iter.count || tcp_connecting(t))))
			return first;
	}
	if (m->name && m->name->len && t->state == TCP_CLOSE && !t->inet.c.err)
		return -EPIPE;
	if (tcp_connecting(t) && !t->fast.opened) {
		atomic_inc(&t->snd.write_pending);
		err = sock_wait(&t->inet.c, !tcp_connecting(t), m->nonblock, t->inet.c.sndtimeo);
		atomic_dec(&t->snd.write_pending);
		if (err)
			return first ? first : err;
	}
	err = send_error(t);
	if (!err)
		err = m->ctl_err;
	if (err)
		return first ? first : err;
	if (mutex_lock_interruptible(&t->snd.write_mutex))
		return first ? first : -ERESTARTSYS;
	n = send_locked(t, m, &held);
	if (held)
		mutex_unlock(&t->snd.write_mutex);
	return first && n < 0 ? first : first + n;
}

ssize_t tcp_sendmsg(struct socket *s, struct msg *m)
{
	struct err_record *notice = errq_notice_begin(s->sk, m, m->iter.count);
	ssize_t n;

	if (IS_ERR(notice))
		return PTR_ERR(notice);
	n = send_message(s, m);
	errq_notice_end(s->sk, notice, n > 0);
	return n;
}

/* ---- receiving ---- */

static int recv_oob(struct tcp_sock *t, struct msg *m)
{
	int n = 1;

	if (t->inet.c.oobinline || !t->rcv.urg_state || t->rcv.urg_state == URG_READ)
		return -EINVAL;
	if (tcp_in(t, TCPF(TCP_CLOSE)) && !t->rcv.urg_state)
		return -ENOTCONN;
	if (t->rcv.urg_state == URG_AWAITED)
		return -EAGAIN;
	m->out_flags |= MSG_OOB;
	if (!m->iter.count) {
		m->out_flags |= MSG_TRUNC;
		return 0;
	}
	if (!(m->flags & MSG_TRUNC) && copy_to_iter(&t->rcv.urg_byte, 1, &m->iter) != 1)
		return -EFAULT;
	if (!(m->flags & MSG_PEEK))
		t->rcv.urg_state = URG_READ;
	return n;
}

/*
 * Returns the skb that has byte @seq, its offset there in *@off, and the bytes from there on in
 * *@len; NULL: the byte has not arrived yet. The caller holds read_mutex, so the skb stays.
 */
static struct sk_buff *find_byte(struct tcp_sock *t, u32 seq, u32 *off, u32 *len)
{
	struct sk_buff *skb, *found = NULL;

	spin_lock(&t->inet.c.lock);
	list_for_each_entry(skb, &t->inet.queue.rq, list) {
		u32 n = skb_len(skb), at = seq - skb->tcp.seq;

		if (!before(seq, skb->tcp.seq) && at < n) {
			found = skb;
			*off = at;
			*len = n - at;
			break;
		}
	}
	spin_unlock(&t->inet.c.lock);
	return found;
}

/*
 * Marks everything before @seq as read, by a reader that began at @from. Returns the sequence
 * number to read next: @seq, or the start of another connection that has begun meanwhile. If
 * rcv.copied is just one byte beyond @from, pass_old_urgent() has skipped a byte, and the
 * connection is still the same.
 */
static u32 consume(struct tcp_sock *t, u32 from, u32 seq)
{
	struct inet_sock *i = &t->inet;
	u32 front;

	spin_lock(&i->c.lock);
	front = t->rcv.copied;
	if (unlikely(front != from) && (front != from + 1 || before(seq, front))) {
		spin_unlock(&i->c.lock);
		return front;
	}
	t->rcv.copied = seq;
	while (!list_empty(&i->queue.rq)) {
		struct sk_buff *skb = list_first_entry(&i->queue.rq, struct sk_buff, list);

		if (after(skb->tcp.seq + skb_len(skb), seq))
			break;
		list_del_init(&skb->list);
		i->queue.rmem -= min(i->queue.rmem, skb_truesize(skb));
		kfree_skb(skb);
	}
	if (t->rcv.urg_state && after(seq, t->rcv.urg_seq))
		t->rcv.urg_state = URG_NONE;
	tcp_rcv_adjust(t, seq - from);
	tcp_mem_sync(t);
	spin_unlock(&i->c.lock);
	net_rx_flush();
	return seq;
}

/*
 * Makes a read end before the urgent byte, and the next read skip it. Returns true if the read must
 * end at *@seq. @first: the read has no bytes yet.
 */
static bool at_urgent(struct tcp_sock *t, u32 *seq, u32 *n, bool first)
{
	u32 off = t->rcv.urg_seq - *seq;

	if (!t->rcv.urg_state || off >= *n)
		return false;
	if (off) {
		*n = off;
		return false;
	}
	if (!first)
		return true;
	if (t->inet.c.oobinline)
		return false;
	(*seq)++;
	*n = 0;
	return false;
}

static bool readable(struct tcp_sock *t, u32 seq)
{
	return after(t->rcv.nxt - !!(t->inet.c.shutdown & SHUT_RD), seq) || t->inet.c.err ||
	       t->inet.c.shutdown & SHUT_RD ||
	       !tcp_in(t, TCPF_SENDING | TCPF(TCP_FIN_WAIT1) | TCPF(TCP_FIN_WAIT2) |
				  TCPF(TCP_SYN_RECV) | TCPF(TCP_SYN_SENT));
}

/*
 * True if a reader at @seq must look again: data is readable, or rcv.copied is no longer @from,
 * because another reader has read or the connection was established.
 */
static bool may_read(struct tcp_sock *t, u32 from, u32 seq)
{
	return READ_ONCE(t->rcv.copied) != from || readable(t, seq);
}

/* Returns what a read without data gets: 0 to wait, 1 for the end of data, or -errno. */
static int at_end(struct tcp_sock *t)
{
	int err;

	if (t->rcv.peer_done)
		return 1;
	if (t->inet.c.err) {
		err = xchg(&t->inet.c.err, 0);
		if (err)
			return err;
	}
	if (t->inet.c.shutdown & SHUT_RD)
		return 1;
	return tcp_in(t, TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN)) ? -ENOTCONN : 0;
}

static int copy_some(struct tcp_sock *t, struct msg *m, u32 *seq, bool first, bool *stop)
{
	struct sk_buff *skb;
	u32 off, n;

	skb = find_byte(t, *seq, &off, &n);
	if (!skb)
		return 0;
	n = (u32)min_t(u64, n, m->iter.count);
	*stop = at_urgent(t, seq, &n, first);
	if (*stop)
		return 0;
	if (!n)
		return -EAGAIN; /* skipped the urgent byte: retry */
	if (m->flags & MSG_TRUNC)
		iov_iter_advance(&m->iter, n);
	else if (skb_copy_to_iter(skb, off, n, &m->iter))
		return -EFAULT;
	*seq += n;
	m->stamp = skb->stamp;
	cond_resched();
	return (int)n;
}

/* Serves a read of 0 bytes: waits once as if for one byte, and ignores why the wait ended. */
static ssize_t recv_nothing(struct tcp_sock *t, struct msg *m)
{
	int err;

	if (!list_empty(&t->inet.queue.rq) && after(t->rcv.nxt, t->rcv.copied))
		return 0;
	err = at_end(t);
	if (err)
		return err == 1 ? 0 : err;
	if (m->nonblock)
		return -EAGAIN;
	(void)sock_wait(&t->inet.c, readable(t, t->rcv.copied), false, t->inet.c.rcvtimeo);
	return 0;
}

/*
 * Reads data in order until the request is fulfilled. read_mutex is held; *@held becomes false if
 * it could not be taken again after a wait. Returns the number of bytes, 0 at the end, or -errno.
 */
static ssize_t recv_locked(struct tcp_sock *t, struct msg *m, bool *held)
{
	struct sock_common *c = &t->inet.c;
	bool peek = m->flags & MSG_PEEK, stop = false;
	u32 off = peek && c->peek_off > 0 ? (u32)c->peek_off : 0;
	u32 from = READ_ONCE(t->rcv.copied), seq = from + off;
	u64 target = m->flags & MSG_WAITALL ? m->iter.count :
					      min_t(u64, max(c->rcvlowat, 1U), m->iter.count);
	ssize_t done = 0;
	int n, err = 0;

	while (m->iter.count) {
		n = copy_some(t, m, &seq, !done, &stop);
		if (n == -EAGAIN)
			continue;
		if (n < 0) {
			err = n;
			break;
		}
		if (n > 0) {
			done += n;
			if (!peek && seq - from >= c->rcvbuf / 4)
				seq = from = consume(t, from, seq);
			continue;
		}
		if (stop || (u64)done >= target)
			break;
		if (!peek && seq != from)
			seq = from = consume(t, from, seq);
		err = done && (c->err || c->shutdown & SHUT_RD) ? 1 : at_end(t);
		if (!err)
			err = sock_wait_aside(c, may_read(t, from, seq), m, c->rcvtimeo,
				&t->inet.queue.read_mutex, held, 0);
		if (*held && t->rcv.copied != from) {
			from = t->rcv.copied;
			seq = from + off;
		}
		if (err)
			break;
	}
	if (*held && !peek && seq != from)
		consume(t, from, seq);
	if (unlikely(m->stamp) && done)
		msg_put_stamps(m, c, m->stamp);
	sock_peeked(c, peek ? (int)done : -(int)done);
	return done ? done : err == 1 ? 0 : err;
}

/*
 * Reports the number of unread bytes for TCP_INQ. After the peer's FIN it reports at least one, so
 * that the program reads again and finds the end.
 */
static void put_inq(struct tcp_sock *t, struct msg *m)
{
	int left;

	spin_lock(&t->inet.c.lock);
	left = (int)(t->rcv.nxt - t->rcv.copied);
	spin_unlock(&t->inet.c.lock);
	if (t->rcv.peer_done)
		left = max(left, 1);
	msg_put_cmsg(m, SOL_TCP, TCP_CM_INQ, &left, sizeof(left));
}

ssize_t tcp_recvmsg(struct socket *s, struct msg *m)
{
	struct tcp_sock *t = TCP(INET(s));
	bool held = true;
	ssize_t n;

	if (m->flags & MSG_ERRQUEUE)
		return errq_recvmsg(&t->inet, m);
	if (t->state == TCP_LISTEN)
		return -ENOTCONN;
	if (m->name)
		m->name->len = 0;
	if (m->flags & MSG_OOB)
		return recv_oob(t, m);
	if (unlikely(!m->iter.count)) {
		n = recv_nothing(t, m);
	} else {
		if (mutex_lock_interruptible(&t->inet.queue.read_mutex))
			return -ERESTARTSYS;
		n = recv_locked(t, m, &held);
		if (held)
			mutex_unlock(&t->inet.queue.read_mutex);
	}
	if (unlikely(t->rcv.report_inq) && n >= 0)
		put_inq(t, m);
	return n;
}
