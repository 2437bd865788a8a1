/* SPDX-License-Identifier: MIT */
/*
 * unix_recv.c: AF_UNIX: passes messages from the queue to readers, with their descriptors and
 * credentials; peeks.
 *
 * Readers of one socket take turns (read_mutex), so a reader may remove the first message from the
 * queue while it copies. A reader that waits does not hold read_mutex, so that nonblocking readers
 * return at once.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>

#include "kernel/lib/string.h"
#include "kernel/net/unix/unix.h"
#include "kernel/sched/sched.h"

/*
 * True if there is something to read. Tests the queue and in_hand under c.lock, under which a
 * reader removes a message and sets in_hand, or puts the message back. A reader that puts a message
 * back wakes up no other reader.
 */
bool unix_readable(struct unix_sock *u)
{
	bool yes;

	if (!list_empty(&u->queue))
		return true;
	spin_lock(&u->c.lock);
	yes = !list_empty(&u->queue) || u->in_hand;
	spin_unlock(&u->c.lock);
	return yes;
}

/* True if no more data can arrive. */
static bool over(struct unix_sock *u)
{
	return u->c.shutdown & SHUT_RD ||
	       (u->c.type != SOCK_DGRAM &&
		       (!u->peer || u->peer->state == UNIX_DEAD || u->peer->c.shutdown & SHUT_WR));
}

/* Takes references on the message's files for a peek. The message keeps its own references. */
static int peek_files(struct unix_msg *um, struct msg *m)
{
	u32 i;

	m->files = kmemdup(um->files, um->nr_files * sizeof(um->files[0]), GFP_ATOMIC);
	if (!m->files)
		return -ENOMEM;
	for (i = 0; i < um->nr_files; i++)
		get_file(um->files[i]);
	m->nr_files = um->nr_files;
	return 0;
}

static void take_ancillary(const struct sock_common *c, struct unix_msg *um, struct msg *m)
{
	if (c->type != SOCK_STREAM && c->timestamp)
		msg_put_stamps(m, c, um->stamp);
	m->cred = um->cred;
	m->has_cred = true;
	if (!um->nr_files)
		return;
	unix_gc_lock_queue();
	if (m->flags & MSG_PEEK) {
		peek_files(um, m);
	} else {
		unix_notinflight(um);
		m->files = um->files;
		m->nr_files = um->nr_files;
		um->files = NULL;
		um->nr_files = 0;
	}
	unix_gc_unlock_queue();
}

/*
 * True if a read that has data of the sender @m->cred ends before @um: the reader is told senders,
 * and @um has another one.
 */
static bool ends_sender(const struct sock_common *c, const struct unix_msg *um, const struct msg *m)
{
	const struct ucred *a = &um->cred, *b = &m->cred;

	return (c->passcred || c->rare.passpidfd) &&
	       (a->pid != b->pid || a->uid != b->uid || a->gid != b->gid);
}

/*
 * Removes and returns the first message; NULL: there is none. @in_hand: the caller is a reader of a
 * stream, which puts back what it does not read, so pollers still find data. It does not get an
 * out-of-band byte that has arrived since it checked for marks, since the mark must be handled
 * first.
 */
static struct unix_msg *take_first(struct unix_sock *u, bool in_hand)
{
	struct unix_msg *um;

	spin_lock(&u->c.lock);
	um = list_first_entry_or_null(&u->queue, struct unix_msg, list);
	if (um && in_hand && unlikely(um->oob))
		um = NULL;
	if (um) {
		list_del_init(&um->list);
		u->nr_queued--;
		u->in_hand |= in_hand;
	}
	spin_unlock(&u->c.lock);
	return um;
}

struct unix_msg *unix_dequeue(struct unix_sock *u)
{
	return take_first(u, false);
}

static void requeue(struct unix_sock *u, struct unix_msg *um)
{
	spin_lock(&u->c.lock);
	list_add(&um->list, &u->queue);
	u->nr_queued++;
	u->in_hand = false;
	spin_unlock(&u->c.lock);
}

void unix_consumed(struct unix_sock *u, u64 n)
{
	spin_lock(&u->c.lock);
	u->queued -= n;
	spin_unlock(&u->c.lock);
	if (u->c.type == SOCK_DGRAM)
		unix_wake_space(u);
}

/*
 * Copies unread bytes of @um, after the first @skip, to the reader. Returns their number, or
 * -EFAULT.
 */
static ssize_t take_bytes(struct unix_msg *um, struct msg *m, u32 skip)
{
	u32 from = um->done + skip, n = (u32)min_t(u64, um->len - from, m->iter.count);

	if (copy_to_iter(um->data + from, n, &m->iter) != n)
		return -EFAULT;
	return n;
}

/*
 * Reads from the first message, and removes what it has read. @first: the call has no data yet.
 * read_mutex held. Returns the number of bytes, 0 if there is no message or an out-of-band byte has
 * just come to the front, -EAGAIN if the read ends before the message, or -EFAULT.
 */
static ssize_t stream_read_some(struct unix_sock *u, struct msg *m, bool first)
{
	struct unix_msg *um;
	ssize_t n;

	if (unix_oob_stops(u, first))
		return -EAGAIN;
	um = take_first(u, true);
	if (!um)
		return 0;
	/*
	 * A read does not mix senders. It ends behind a message with files, but may begin before
	 * such a message.
	 */
	if (!first && ends_sender(&u->c, um, m)) {
		requeue(u, um);
		return -EAGAIN;
	}
	n = take_bytes(um, m, 0);
	if (n < 0) {
		requeue(u, um);
		return n;
	}
	if (first || um->nr_files)
		take_ancillary(&u->c, um, m);
	um->done += (u32)n;
	if (um->done < um->len) {
		requeue(u, um);
	} else {
		WRITE_ONCE(u->in_hand, false);
		unix_msg_free(um);
	}
	unix_consumed(u, (u64)n);
	sock_peeked(&u->c, -(int)n);
	return n;
}

/*
 * Returns the message behind @um, or the first one. It is not removed meanwhile, since only readers
 * remove messages, and the caller holds read_mutex.
 */
static struct unix_msg *next_msg(struct unix_sock *u, struct unix_msg *um)
{
	struct list_head *at;

	spin_lock(&u->c.lock);
	at = um ? um->list.next : u->queue.next;
	spin_unlock(&u->c.lock);
	return at == &u->queue ? NULL : list_entry(at, struct unix_msg, list);
}

/* Peeks from the offset of SO_PEEK_OFF on, at as many messages as a read would join. */
static ssize_t stream_peek(struct unix_sock *u, struct msg *m)
{
	int off = READ_ONCE(u->c.peek_off);
	u32 skip = off > 0 ? (u32)off : 0;
	struct unix_msg *um = NULL;
	ssize_t done = 0, n;

	while (m->iter.count && (um = next_msg(u, um))) {
		u32 left = um->len - um->done;

		if (um->oob && unix_oob_stops_peek(u, um, done))
			break;
		if (um->oob && !u->c.oobinline)
			continue;
		/* Skips as peek_ready() counts. Otherwise a reader could wait for ever. */
		if (skip >= left) {
			skip -= left;
			continue;
		}
		if (done && ends_sender(&u->c, um, m))
			break;
		n = take_bytes(um, m, skip);
		if (n < 0)
			return done ? done : n;
		if (!done || um->nr_files)
			take_ancillary(&u->c, um, m);
		skip = 0;
		done += n;
		if (um->nr_files)
			break;
	}
	sock_peeked(&u->c, (int)done);
	return done;
}

/* True if there is data behind the peek offset; a peek does not see an out-of-band byte. */
static bool peek_ready(struct unix_sock *u)
{
	u64 n;

	spin_lock(&u->c.lock);
	n = u->queued - (u->oob && !u->c.oobinline);
	spin_unlock(&u->c.lock);
	return n > (u64)max(READ_ONCE(u->c.peek_off), 0);
}

/*
 * True if there is something to read. @part: for a peek at an offset, or a peek of a stream, data
 * before the offset does not count.
 */
static bool something(struct unix_sock *u, bool part)
{
	return part ? peek_ready(u) : unix_readable(u);
}

static int wait_aside(struct unix_sock *u, struct msg *m, bool part, bool *held)
{
	return sock_wait_aside(&u->c, something(u, part) || u->c.err || over(u), m, u->c.rcvtimeo,
		&u->read_mutex, held, EPOLLIN | EPOLLERR);
}

/* Waits for data. Returns 1 at the end of the stream, 0 to try again, or -errno. */
static int stream_wait(struct unix_sock *u, struct msg *m, bool *held)
{
	bool peek = m->flags & MSG_PEEK;
	/* A writer or SO_ERROR may take the error at the same time. */
	int err = READ_ONCE(u->c.err) ? xchg(&u->c.err, 0) : 0;

	if (err)
		return err;
	if (over(u) && !something(u, peek))
		/* the end of the stream */
		return 1;
	return wait_aside(u, m, peek, held);
}

/* Returns the name of the peer, which is the sender on a connected stream. */
static void name_of_peer(struct unix_sock *u, struct sockaddr_buf *name)
{
	struct unix_sock *p = unix_peer_get(u);

	unix_name_reported(p, name);
	if (p)
		unix_put(p);
}

/* Reports end of file, which has no sender: the credentials have process id 0. */
static int report_end(struct msg *m)
{
	m->cred = (struct ucred){ 0 };
	m->has_cred = true;
	return 0;
}

/*
 * Handles a read of no bytes, which waits like other reads. It gets the control messages of the
 * first message, and removes them unless it is a peek.
 */
static ssize_t stream_read_nothing(struct unix_sock *u, struct msg *m, bool *held)
{
	struct unix_msg *um;
	int err = 0;

	while (!err) {
		um = next_msg(u, NULL);
		if (um && !um->oob)
			take_ancillary(&u->c, um, m);
		if (um && m->name)
			name_of_peer(u, m->name);
		if (um)
			return 0;
		err = stream_wait(u, m, held);
	}
	return err == 1 ? report_end(m) : err;
}

/*
 * Reads until the request is fulfilled. read_mutex is held; *@held becomes false if it could not be
 * taken again after a wait. Returns the number of bytes, 0 at the end, or -errno.
 */
static ssize_t stream_recv_locked(struct socket *s, struct msg *m, bool *held)
{
	struct unix_sock *u = UNIX(s);
	bool peek = m->flags & MSG_PEEK;
	size_t target =
		m->flags & MSG_WAITALL ? m->iter.count : min_t(u64, u->c.rcvlowat, m->iter.count);
	ssize_t done = 0, n;
	int err;

	if (!m->iter.count)
		return stream_read_nothing(u, m, held);
	while (m->iter.count) {
		n = peek ? stream_peek(u, m) : stream_read_some(u, m, !done);
		if (n == -EAGAIN)
			break;
		if (n < 0)
			return done ? done : n;
		done += n;
		cond_resched();
		if (n && !peek && !m->nr_files)
			continue;
		if (n || (size_t)done >= max_t(size_t, target, 1) || (done && u->c.err))
			break;
		err = stream_wait(u, m, held);
		if (err)
			return done ? done : err == 1 ? report_end(m) : err;
	}
	return done;
}

ssize_t unix_stream_recvmsg(struct socket *s, struct msg *m)
{
	struct unix_sock *u = UNIX(s);
	bool held = true;
	ssize_t n;

	if (u->state != UNIX_CONNECTED)
		return -EINVAL;
	if (mutex_lock_interruptible(&u->read_mutex))
		return -ERESTARTSYS;
	n = m->flags & MSG_OOB ? unix_oob_recv(u, m) : stream_recv_locked(s, m, &held);
	if (held)
		mutex_unlock(&u->read_mutex);
	if (n > 0 && m->name)
		name_of_peer(u, m->name);
	return n;
}

/*
 * Returns the datagram at the peek offset, and in *skip the offset in it. NULL: no datagram extends
 * beyond the offset.
 */
static struct unix_msg *dgram_at_offset(struct unix_sock *u, u32 *skip)
{
	struct unix_msg *um = NULL;

	while ((um = next_msg(u, um)) && *skip && *skip >= um->len)
		*skip -= um->len;
	return um;
}

/*
 * Returns the next datagram. It is removed from the queue, except for a peek. Returns NULL at end
 * of file, or ERR_PTR(-errno).
 */
static struct unix_msg *wait_dgram(struct unix_sock *u, struct msg *m, u32 *skip, bool *held)
{
	bool peek = m->flags & MSG_PEEK;
	struct unix_msg *um;
	bool part;
	int err;

	for (;;) {
		err = xchg(&u->c.err, 0);
		if (err)
			return ERR_PTR(err);
		*skip = peek ? (u32)max(READ_ONCE(u->c.peek_off), 0) : 0;
		part = *skip;
		um = peek ? dgram_at_offset(u, skip) : unix_dequeue(u);
		if (um)
			return um;
		if (u->c.shutdown & SHUT_RD)
			return m->nonblock && !m->waits_later && u->c.type == SOCK_DGRAM ?
				       ERR_PTR(-EAGAIN) :
				       NULL;
		if (u->c.type == SOCK_SEQPACKET && over(u) && !something(u, part))
			return NULL;
		err = wait_aside(u, m, part, held);
		if (err)
			return ERR_PTR(err);
	}
}

/*
 * Reads or peeks at one datagram. read_mutex and *@held as in stream_recv_locked(). Returns its
 * number of bytes, or -errno.
 */
static ssize_t dgram_recv_locked(struct socket *s, struct msg *m, bool *held)
{
	struct unix_sock *u = UNIX(s);
	bool peek = m->flags & MSG_PEEK;
	struct unix_msg *um;
	u32 skip = 0;
	ssize_t n;

	um = wait_dgram(u, m, &skip, held);
	if (IS_ERR_OR_NULL(um))
		return PTR_ERR(um);
	n = take_bytes(um, m, skip);
	/* As on Linux, the datagram is lost if the reader's memory cannot be written. */
	if (n < 0) {
		if (!peek) {
			unix_consumed(u, um->len);
			unix_msg_free(um);
		}
		return n;
	}
	if (peek)
		sock_peeked(&u->c, (int)n);
	if ((u32)n < um->len - skip) {
		m->out_flags |= MSG_TRUNC;
		if (m->flags & MSG_TRUNC)
			n = um->len - skip;
	}
	take_ancillary(&u->c, um, m);
	if (m->name) {
		if (u->c.type == SOCK_SEQPACKET)
			name_of_peer(u, m->name);
		else
			unix_name_reported(um->from, m->name);
	}
	if (peek)
		return n;
	sock_peeked(&u->c, -(int)um->len);
	unix_consumed(u, um->len);
	unix_msg_free(um);
	return n;
}

ssize_t unix_dgram_recvmsg(struct socket *s, struct msg *m)
{
	struct unix_sock *u = UNIX(s);
	bool held = true;
	ssize_t n;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (u->c.type == SOCK_SEQPACKET && u->state != UNIX_CONNECTED)
		return -ENOTCONN;
	if (mutex_lock_interruptible(&u->read_mutex))
		return -ERESTARTSYS;
	n = dgram_recv_locked(s, m, &held);
	if (held)
		mutex_unlock(&u->read_mutex);
	return n;
}
