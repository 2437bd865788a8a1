/* SPDX-License-Identifier: MIT */
/*
 * unix_send.c: AF_UNIX: passes messages from the sender to the receiver's queue, with their
 * descriptors and credentials.
 *
 * A sender waits until the messages that it has sent, and that were not received, take less memory
 * than its SO_SNDBUF. It builds its message with no lock held, then adds it to the receiver's queue
 * under the receiver's c.lock. A sender of a datagram waits on to->space while the queue of its
 * receiver (@to) is full.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>

#include "kernel/net/packet/filter.h"
#include "kernel/net/unix/unix.h"
#include "kernel/sched/sched.h"

/* Bytes that Linux puts into the head of an skb; further bytes are in pages. */
#define STREAM_HEAD 3776
#define DGRAM_HEAD 16064
/* Bytes; larger data has a slab object of its own, usually of whole pages. */
#define APART 1024
/* Most bytes in one message of a stream. */
#define STREAM_CHUNK (STREAM_HEAD + 32768U)

/*
 * Returns the memory, in bytes, that a message of @n bytes (@type: SOCK_*) would take on Linux. It
 * is charged to the sender's SO_SNDBUF, and SIOCOUTQ reports it: programs depend on how many
 * messages fit before EAGAIN.
 */
static u32 truesize_of(int type, u32 n)
{
	u32 most = type == SOCK_STREAM ? STREAM_HEAD : DGRAM_HEAD;
	u32 paged = n > most ? min(n, (u32)PAGE_ALIGN(n - most)) : 0;

	return skb_truesize_of(n - paged) + (u32)PAGE_ALIGN(paged);
}

/*
 * Allocates a message for @n bytes, or for fewer (at least @least) if memory is fragmented; um->len
 * is their number. Returns NULL if memory is short. May sleep.
 */
static struct unix_msg *alloc_msg(size_t n, u32 least)
{
	bool apart = n > APART;
	struct unix_msg *um = kmalloc(sizeof(*um) + (apart ? 0 : n), GFP_KERNEL);

	if (!um)
		return NULL;
	*um = (struct unix_msg){ .len = (u32)n, .data = (u8 *)(um + 1) };
	INIT_LIST_HEAD(&um->list);
	if (!apart)
		return um;
	um->data = kmalloc_most(&n, least, GFP_KERNEL);
	um->len = (u32)n;
	if (um->data)
		return um;
	kfree(um);
	return NULL;
}

/*
 * Returns the credentials to record in a message: the sender's, if either end has an option that
 * requests them, or @to is not accepted yet, or the send has SCM_CREDENTIALS. Otherwise pid 0,
 * and uid and gid -1.
 */
static struct ucred sender(
	const struct unix_sock *u, const struct unix_sock *to, const struct msg *m)
{
	bool noted = m->has_cred || u->c.passcred || u->c.rare.passpidfd || to->c.passcred ||
		     to->c.rare.passpidfd || !READ_ONCE(to->file);

	return noted ? m->cred : (struct ucred){ 0, ~0U, ~0U };
}

/*
 * Builds a message from @u to @to with @n bytes of the iterator, or fewer (at least @least). If
 * @with_files, the message takes over the descriptors of @m. Returns ERR_PTR(-errno) on failure.
 * May sleep.
 */
static struct unix_msg *build_msg(struct unix_sock *u, const struct unix_sock *to, struct msg *m,
	u32 n, u32 least, bool with_files)
{
	struct unix_msg *um;

	if (with_files && m->nr_files && unix_too_many_inflight())
		return ERR_PTR(-ETOOMANYREFS);
	um = alloc_msg(n, least);
	if (!um)
		return ERR_PTR(-ENOBUFS);
	n = um->len;
	um->cred = sender(u, to, m);
	um->stamp = ktime_get_real_coarse();
	um->truesize = truesize_of(u->c.type, n);
	unix_charge(u, um);
	if (copy_from_iter(um->data, n, &m->iter) != n) {
		unix_msg_free(um);
		return ERR_PTR(-EFAULT);
	}
	if (with_files && m->nr_files) {
		um->files = m->files;
		um->nr_files = m->nr_files;
		m->files = NULL;
		m->nr_files = 0;
		unix_inflight(um, to);
	}
	return um;
}

bool unix_queue_full(const struct unix_sock *u, const struct unix_sock *to)
{
	return u->c.type == SOCK_DGRAM && to != u && to->peer != u &&
	       to->nr_queued > UNIX_MAX_DGRAM_QUEUE;
}

bool unix_receiver_gone(const struct unix_sock *to)
{
	return to->state == UNIX_DEAD || to->c.shutdown & SHUT_RD;
}

/* True if @u may send: less than its SO_SNDBUF is in use. The message may exceed SO_SNDBUF. */
static bool has_memory(const struct unix_sock *u)
{
	return unix_wmem(u) < u->c.sndbuf;
}

/*
 * True if a shutdown forbids @u to send, or the receiver @to is gone. @to: the other end of a
 * connection; NULL for datagrams, which may have any receiver.
 */
static bool may_not_send(const struct unix_sock *u, const struct unix_sock *to)
{
	return u->c.shutdown & SHUT_WR || (to && unix_receiver_gone(to));
}

/* Returns the ktime (ns) at which a wait that begins now must end (SO_SNDTIMEO); ~0: never. */
static u64 send_until(const struct unix_sock *u)
{
	return u->c.sndtimeo ? ktime_get() + u->c.sndtimeo : ~0UL;
}

/* Returns the error of sendmsg(2) for the result of a wait: @err, 0 or -errno. */
static int wait_result(const struct unix_sock *u, int err)
{
	if (err == -ETIMEDOUT)
		return -EAGAIN;
	return err == -ERESTARTSYS && u->c.sndtimeo ? -EINTR : err;
}

/*
 * Waits until @u may build one more message. @to: as for may_not_send(). Waits again if another
 * sender has used the room meanwhile. Returns 0; -EPIPE; -EAGAIN for @nonblock or after the time
 * limit; a pending error of the socket, which is cleared; or that of an interrupted wait.
 */
static int wait_for_memory(struct unix_sock *u, const struct unix_sock *to, bool nonblock)
{
	u64 until = 0;
	int err = 0;

	while (!err) {
		err = READ_ONCE(u->c.err) ? xchg(&u->c.err, 0) : 0;
		if (err)
			break;
		if (may_not_send(u, to))
			return -EPIPE;
		if (likely(has_memory(u)))
			break;
		WRITE_ONCE(u->nospace, true);
		if (nonblock)
			return -EAGAIN;
		if (!until)
			until = send_until(u);
		err = wait_result(
			u, wait_event_poll(&u->c.wait,
				   has_memory(u) || READ_ONCE(u->c.err) || may_not_send(u, to),
				   until, EPOLLOUT | EPOLLERR));
	}
	return err;
}

/* True if a wait for room in @to's queue is over: there is room, or @u cannot send any more. */
static bool has_place(struct unix_sock *u, struct unix_sock *to)
{
	bool yes;

	spin_lock(&to->c.lock);
	yes = !unix_queue_full(u, to) || unix_receiver_gone(to);
	spin_unlock(&to->c.lock);
	return yes || u->c.shutdown & SHUT_WR;
}

/*
 * Waits for room for a datagram in @to's queue. *@until: ktime (ns) at which all waits for the
 * message must end; 0 before the first, which sets it. Returns 0 or -errno.
 */
static int wait_for_place(struct unix_sock *u, struct unix_sock *to, bool nonblock, u64 *until)
{
	if (nonblock)
		return -EAGAIN;
	if (!*until)
		*until = send_until(u);
	return wait_result(u, wait_event_timeout(&to->space, has_place(u, to), *until, true));
}

/*
 * Adds @um to @to's queue, which then owns it, and wakes up readers. Takes to->c.lock. Returns 0;
 * -EAGAIN if the queue is full; -ECONNREFUSED if @u sends datagrams and @to is closed; -EPIPE if
 * @to is gone in another way; or -EPERM if @um has descriptors and @to's SO_PASSRIGHTS is off.
 * After an error @um is still the caller's.
 */
static int enqueue(struct unix_sock *u, struct unix_sock *to, struct unix_msg *um)
{
	int err = 0;

	spin_lock(&to->c.lock);
	if (unix_receiver_gone(to))
		err = u->c.type == SOCK_DGRAM && to->state == UNIX_DEAD ? -ECONNREFUSED : -EPIPE;
	else if (um->nr_files && to->c.rare.no_passrights)
		err = -EPERM;
	else if (unix_queue_full(u, to))
		err = -EAGAIN;
	else {
		if (um->oob)
			unix_oob_comes(to, um);
		list_add_tail(&um->list, &to->queue);
		to->queued += um->len;
		to->nr_queued++;
	}
	spin_unlock(&to->c.lock);
	if (!err)
		unix_wake_readers(to);
	return err;
}

struct unix_sock *unix_peer_get(struct unix_sock *u)
{
	struct unix_sock *p;

	spin_lock(&u->c.lock);
	p = u->peer;
	if (p)
		unix_get(p);
	spin_unlock(&u->c.lock);
	return p;
}

/*
 * Adds a message to @to's queue, after waiting for room if necessary. Returns 0, or -errno with the
 * message freed. @until: as for wait_for_place().
 */
static int send_msg(
	struct unix_sock *u, struct unix_sock *to, struct unix_msg *um, bool nonblock, u64 *until)
{
	int err;

	while ((err = u->c.shutdown & SHUT_WR ? -EPIPE : enqueue(u, to, um)) == -EAGAIN) {
		err = wait_for_place(u, to, nonblock, until);
		if (err)
			break;
	}
	if (err)
		unix_msg_free(um);
	return err;
}

/*
 * Sends all data of a stream in pieces; with MSG_OOB, the last byte is a message of its own.
 * Returns the number of bytes sent, or -errno if there is none.
 */
static ssize_t send_pieces(struct unix_sock *u, struct unix_sock *to, struct msg *m)
{
	u64 most = min_t(u64, STREAM_CHUNK, max((s64)u->c.sndbuf / 2 - 64, 1L));
	bool oob = m->flags & MSG_OOB, first = true;
	ssize_t done = 0;
	int err = 0;

	while (m->iter.count && !err) {
		u64 left = m->iter.count - (oob && m->iter.count > 1);
		u32 n = (u32)min(left, most);
		struct unix_msg *um;

		err = wait_for_memory(u, to, m->nonblock);
		if (err)
			break;
		um = build_msg(u, to, m, n, min(n, (u32)APART), first);
		if (IS_ERR(um)) {
			err = (int)PTR_ERR(um);
			break;
		}
		first = false;
		n = um->len;
		um->oob = oob && !m->iter.count;
		err = send_msg(u, to, um, m->nonblock, &m->until);
		if (!err)
			done += n;
		cond_resched();
	}
	return done ? done : err;
}

ssize_t unix_stream_sendmsg(struct socket *s, struct msg *m)
{
	struct unix_sock *u = UNIX(s), *to;
	ssize_t n;

	if (m->flags & MSG_OOB && !m->iter.count)
		return -EOPNOTSUPP;
	if (m->name && m->name->len)
		return u->state == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	to = unix_peer_get(u);
	if (!to)
		return -ENOTCONN;
	n = may_not_send(u, to) ? -EPIPE : send_pieces(u, to, m);
	unix_put(to);
	return n;
}

/*
 * Checks the sender and the length, and waits for memory, before an address is looked up. @to: as
 * for may_not_send(). Returns 0 or -errno.
 */
static int dgram_sender_may(struct unix_sock *u, const struct unix_sock *to, const struct msg *m)
{
	int err = unix_name_asked(u);

	if (err)
		return err;
	if (m->iter.count > u->c.sndbuf - 32)
		return -EMSGSIZE;
	return wait_for_memory(u, to, m->nonblock);
}

/*
 * Returns the receiver, by address or by connection, with a reference, after dgram_sender_may(); or
 * ERR_PTR(-errno).
 */
static struct unix_sock *dgram_receiver(struct unix_sock *u, struct msg *m)
{
	bool named = m->name && m->name->len && u->c.type == SOCK_DGRAM;
	struct unix_sock *to = named ? NULL : unix_peer_get(u);
	int err = 0;

	if (named)
		err = unix_check_target(m->name);
	else if (!to)
		err = u->c.type == SOCK_DGRAM && u->c.shutdown & SHUT_WR ? -EPIPE : -ENOTCONN;
	if (!err)
		err = dgram_sender_may(u, u->c.type == SOCK_DGRAM ? NULL : to, m);
	if (!err && named)
		return unix_find_sock(u->net, m->name, u->c.type);
	if (err && to)
		unix_put(to);
	return err ? ERR_PTR(err) : to;
}

/* proto_ops.sendmsg of datagram and seqpacket sockets. */
ssize_t unix_dgram_sendmsg(struct socket *s, struct msg *m)
{
	struct unix_sock *u = UNIX(s), *to;
	u64 len = m->iter.count;
	struct unix_msg *um;
	int err;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	to = dgram_receiver(u, m);
	if (IS_ERR(to))
		return PTR_ERR(to);
	/* -EPERM: a connected receiver accepts datagrams only from its peer. */
	err = -EPERM;
	if (u->c.type == SOCK_DGRAM && to->peer && to->peer != u)
		goto out;
	if (READ_ONCE(u->peer) != to && !unix_in_scope(to))
		goto out;
	um = build_msg(u, to, m, (u32)len, (u32)len, true);
	err = IS_ERR(um) ? (int)PTR_ERR(um) : 0;
	if (err)
		goto out;
	/* As on Linux, the sender gets no error if the receiver's filter drops the message. */
	if (!sock_filter_bytes(&to->c, um->data, &um->len)) {
		unix_msg_free(um);
		goto out;
	}
	err = send_msg(u, to, um, m->nonblock, &m->until);
	if (err == -ECONNREFUSED && !(m->name && m->name->len)) {
		struct sockaddr_buf unspec = { .len = sizeof(u16), .family = AF_UNSPEC };

		unix_dgram_connect(s, &unspec, false);
	}
out:
	unix_put(to);
	return err ? err : (ssize_t)len;
}
