/* SPDX-License-Identifier: MIT */
/*
 * unix_poll.c: AF_UNIX: polls a socket for reading and writing, and counts the bytes in its queues
 * (FIONREAD, SIOCOUTQ, SIOCATMARK).
 *
 * A poller of a datagram socket is on the wait queue of its socket, and on the space queue of the
 * peer in whose queue it needs room. Pollers of the other types are on the wait queue only.
 * Source: unix(7).
 */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/sockios.h>

#include "kernel/net/unix/unix.h"

/* ---- pollers on a peer's space queue ---- */

/*
 * A peer on whose space queue our pollers may be. It may no longer be our peer, but the reference
 * is kept while a poller is on that queue.
 */
struct unix_polled {
	struct list_head list;
	struct unix_sock *peer; /* a reference */
};

static void forget_polled(struct unix_polled *k)
{
	list_del(&k->list);
	unix_put(k->peer);
	kfree(k);
}

/*
 * True if a task polls @p. Takes the queue's lock, which a task that has just left the queue may
 * still hold.
 */
static bool is_polled(struct unix_sock *p)
{
	bool yes;

	spin_lock(&p->space.lock);
	yes = waitqueue_active(&p->space);
	spin_unlock(&p->space.lock);
	return yes;
}

/*
 * Keeps a reference on @p until @u is closed, or until @u polls another peer while no poller is
 * left on @p's queue. Returns false if there is no memory.
 */
static bool keep_polled(struct unix_sock *u, struct unix_sock *p)
{
	struct unix_polled *k, *next;

	list_for_each_entry_safe(k, next, &u->polled, list) {
		if (k->peer == p)
			return true;
		if (!is_polled(k->peer))
			forget_polled(k);
	}
	k = kmalloc(sizeof(*k), GFP_KERNEL | __GFP_ACCOUNT);
	if (!k)
		return false;
	unix_get(p);
	k->peer = p;
	list_add(&k->list, &u->polled);
	return true;
}

static void poll_space(
	struct unix_sock *u, struct unix_sock *p, struct file *f, struct poll_table *pt)
{
	if (!pt || !pt->queue)
		return;
	mutex_lock(&u->polled_lock);
	if (keep_polled(u, p))
		poll_wait(f, &p->space, pt);
	mutex_unlock(&u->polled_lock);
}

void unix_forget_polled(struct unix_sock *u)
{
	while (!list_empty(&u->polled))
		forget_polled(list_first_entry(&u->polled, struct unix_polled, list));
}

/* ---- polls and counts ---- */

/* True if @u can be written to. @p: the receiver of its datagrams, or NULL. */
static bool writable(struct unix_sock *u, struct unix_sock *p)
{
	bool yes = unix_has_much_room(u);

	if (!yes || !p)
		return yes;
	spin_lock(&p->c.lock);
	yes = p->state == UNIX_DEAD || !unix_queue_full(u, p);
	spin_unlock(&p->c.lock);
	return yes;
}

u32 unix_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct unix_sock *u = UNIX(s), *p;
	bool peer_gone, dgram = u->c.type == SOCK_DGRAM;
	u32 mask = 0, shut;

	poll_wait(f, &u->c.wait, pt);
	if (u->state == UNIX_LISTEN) {
		shut = u->c.shutdown;
		return (list_empty(&u->pending) ? 0 : EPOLLIN | EPOLLRDNORM) |
		       (shut & SHUT_RD ? EPOLLIN | EPOLLRDNORM | EPOLLRDHUP : 0) |
		       (shut == SHUT_BOTH ? EPOLLHUP : 0);
	}
	p = unix_peer_get(u);
	if (p && dgram)
		poll_space(u, p, f, pt);
	peer_gone = !dgram && p && p->state == UNIX_DEAD;
	if (u->c.err)
		mask |= EPOLLERR;
	if (unix_readable(u))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(u->oob))
		mask |= EPOLLPRI;
	shut = u->c.shutdown;
	/* the peer's shutdown of one direction ends the other direction of this socket */
	if (p && !dgram)
		shut |= (p->c.shutdown & SHUT_WR ? SHUT_RD : 0) |
			(p->c.shutdown & SHUT_RD ? SHUT_WR : 0);
	if (shut & SHUT_RD || peer_gone)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if ((shut & SHUT_BOTH) == SHUT_BOTH || peer_gone ||
		(!dgram && u->state == UNIX_UNCONNECTED))
		mask |= EPOLLHUP;
	if (writable(u, dgram ? p : NULL))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	else if (dgram)
		WRITE_ONCE(u->nospace, true);
	if (p)
		unix_put(p);
	return mask;
}

/*
 * True if the front message @um (or NULL) is the out-of-band byte, or the mark of a byte that was
 * received. Such a mark counts only if no byte is pending, or the next message is the pending one.
 * u->c.lock held.
 */
static bool at_mark(const struct unix_sock *u, const struct unix_msg *um)
{
	if (!um || !um->oob)
		return false;
	return um == u->oob || !u->oob || um->list.next == &u->oob->list;
}

u32 unix_inq(struct unix_sock *u)
{
	struct unix_msg *um;
	u32 n;

	spin_lock(&u->c.lock);
	um = list_first_entry_or_null(&u->queue, struct unix_msg, list);
	n = u->c.type != SOCK_DGRAM ? (u32)u->queued : um ? um->len : 0;
	spin_unlock(&u->c.lock);
	return n;
}

long unix_ioctl(struct socket *s, u32 cmd, u64 arg)
{
	struct unix_sock *u = UNIX(s);
	struct unix_msg *um;
	int n = 0;

	switch (cmd) {
	case FIONREAD:
		if (u->state == UNIX_LISTEN)
			return -EINVAL;
		return put_user((int)unix_inq(u), UADDR(arg));
	case SIOCATMARK:
		spin_lock(&u->c.lock);
		um = list_first_entry_or_null(&u->queue, struct unix_msg, list);
		n = at_mark(u, um);
		spin_unlock(&u->c.lock);
		return put_user(n, UADDR(arg));
	case TIOCOUTQ: return put_user((int)unix_wmem(u), UADDR(arg));
	}
	return -ENOTTY;
}
