/* SPDX-License-Identifier: MIT */
/*
 * unix.c: AF_UNIX sockets: stream, datagram and seqpacket, connected and listening. Names are in
 * unix_names.c, polls and the counts of queued bytes in unix_poll.c, data and descriptors in
 * unix_send.c and unix_recv.c, the garbage collection of descriptors in unix_gc.c.
 *
 * States of a stream socket: UNCONNECTED -> LISTEN (listen), UNCONNECTED -> CONNECTED (connect,
 * accept, pair), any -> DEAD (release).
 *
 * Data is put directly into the receiver's queue, and is charged to its sender until it is read. A
 * sender sleeps on its own wait queue while the memory that it is charged reaches its sndbuf. A
 * sender of datagrams whose receiver's queue is full sleeps on the receiver's space queue. A read
 * of a stream ends behind a message with descriptors.
 *
 * Locks: c.lock of a socket for its queue and state (two are taken in the order of their
 * addresses); unix_gc_lock outside them. Data is copied from and to the guest without a spinlock.
 * Source: unix(7).
 */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/eventpoll.h>
#include <linux/sock_diag.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/packet/filter.h"
#include "kernel/net/unix/unix.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/process.h"

int unix_max_dgram_qlen = 512;

static const struct proto_ops unix_stream_ops, unix_dgram_ops, unix_seqpacket_ops;

void unix_get(struct unix_sock *u)
{
	atomic_inc(&u->refs);
}

/*
 * Records the credentials of current, which connects, listens or makes a pair. Those of SO_PEERCRED
 * are replaced each time, those of SO_PEERGROUPS and SO_PEERPIDFD are set once.
 */
static void note_peer(struct unix_sock *u)
{
	u->peercred = current_peercred();
	if (u->peer_ids)
		return;
	u->peer_ids = get_cred(current_cred());
	u->peer_pid = get_pid(current->signal->pids[PIDTYPE_TGID]);
}

static void share_peer(struct unix_sock *u, const struct unix_sock *l)
{
	u->peercred = l->peercred;
	u->peer_ids = l->peer_ids ? get_cred(l->peer_ids) : NULL;
	u->peer_pid = get_pid(l->peer_pid);
}

static void forget_peer_ids(struct unix_sock *u)
{
	if (u->peer_ids)
		put_cred(u->peer_ids);
	put_pid(u->peer_pid);
}

static void put_memory(struct unix_sock *u, u32 n)
{
	if (atomic_sub_return(n, &u->wmem))
		return;
	kfree(u->name);
	forget_peer_ids(u);
	filter_put(u->c.filter);
	net_put(u->net);
	landlock_put(u->landlock);
	kfree(u);
}

void unix_put(struct unix_sock *u)
{
	if (!atomic_dec_and_test(&u->refs))
		return;
	unix_unlist(u);
	put_memory(u, 1);
}

void unix_charge(struct unix_sock *u, struct unix_msg *m)
{
	m->from = u;
	atomic_add(m->truesize, &u->wmem);
}

/*
 * Wakes up the writers of @u if there is room in its send buffer. The caller keeps @u from being
 * freed.
 */
static void wake_writers(struct unix_sock *u)
{
	if (!unix_has_much_room(u))
		return;
	if (waitqueue_active(&u->c.wait))
		wake_up_common(&u->c.wait, TASK_NORMAL, 0, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	if (READ_ONCE(u->nospace) && xchg(&u->nospace, false))
		kill_fasync_list(&u->c.async, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
}

static void uncharge(struct unix_sock *u, u32 n)
{
	atomic_sub(n - 1, &u->wmem);
	wake_writers(u);
	put_memory(u, 1);
}

void unix_msg_free(struct unix_msg *m)
{
	if (m->nr_files)
		unix_notinflight(m);
	while (m->nr_files)
		fput(m->files[--m->nr_files]);
	kfree(m->files);
	if (m->from)
		uncharge(m->from, m->truesize);
	if (m->data != (u8 *)(m + 1))
		kfree(m->data);
	kfree(m);
}

/* ---- wake-ups ---- */

void unix_wake_readers(struct unix_sock *u)
{
	if (waitqueue_active(&u->c.wait))
		wake_up_common(&u->c.wait, TASK_NORMAL, 0, EPOLLIN | EPOLLPRI | EPOLLRDNORM);
	kill_fasync_list(&u->c.async, EPOLLIN | EPOLLRDNORM);
}

/*
 * Wakes up all tasks that wait on @u, and senders that wait for room in its queue. Wakes up pollers
 * of that room only if the queue was full.
 */
static void wake_all(struct unix_sock *u)
{
	bool full = u->nr_queued > UNIX_MAX_DGRAM_QUEUE;

	wake_up_common(&u->c.wait, TASK_NORMAL, 0, EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLRDHUP);
	wake_up_common(&u->space, TASK_NORMAL, 0, full ? EPOLLOUT | EPOLLHUP : EPOLLMSG);
	kill_fasync_list(&u->c.async, EPOLLIN | EPOLLHUP);
}

void unix_wake_space(struct unix_sock *u)
{
	if (waitqueue_active(&u->space))
		wake_up_common(&u->space, TASK_NORMAL, 0, EPOLLOUT | EPOLLWRNORM);
}

/* ---- connecting ---- */

static struct unix_sock *unix_alloc(u16 type, struct net *net)
{
	struct unix_sock *u = kzalloc(sizeof(*u), GFP_KERNEL | __GFP_ACCOUNT);

	if (!u)
		return NULL;
	sock_init_common(&u->c, AF_UNIX, type, 0);
	u->uid = current_euid();
	atomic_set(&u->refs, 1);
	atomic_set(&u->wmem, 1);
	u->c.net = u->net = net_get(net);
	u->landlock = landlock_get(current_cred()->landlock);
	INIT_LIST_HEAD(&u->queue);
	INIT_LIST_HEAD(&u->pending);
	INIT_LIST_HEAD(&u->pending_link);
	INIT_LIST_HEAD(&u->inflight_link);
	init_waitqueue_head(&u->space);
	mutex_init(&u->polled_lock);
	INIT_LIST_HEAD(&u->polled);
	mutex_init(&u->read_mutex);
	unix_enlist(u);
	return u;
}

static void make_pair(struct unix_sock *a, struct unix_sock *b)
{
	unix_get(a);
	unix_get(b);
	a->peer = b;
	b->peer = a;
	a->state = b->state = UNIX_CONNECTED;
}

static int unix_pair(struct socket *s, struct socket *t)
{
	struct unix_sock *a = UNIX(s), *b = UNIX(t);

	note_peer(a);
	note_peer(b);
	make_pair(a, b);
	return 0;
}

/*
 * Ends the connection of @u to @old. Drops the datagrams that @u had received. If there were any,
 * and @old is still connected to @u, sets an error on @old.
 */
static void dgram_left(struct unix_sock *u, struct unix_sock *old)
{
	struct unix_msg *um;
	bool reset;

	/*
	 * A reader may be using a datagram (MSG_PEEK). Then no datagram is dropped, and @old gets
	 * no error.
	 */
	if (!u->nr_queued || !mutex_trylock(&u->read_mutex))
		return;
	while ((um = unix_dequeue(u))) {
		unix_consumed(u, um->len);
		unix_msg_free(um);
	}
	mutex_unlock(&u->read_mutex);
	spin_lock(&old->c.lock);
	reset = old->peer == u && old->state != UNIX_DEAD;
	if (reset)
		WRITE_ONCE(old->c.err, -ECONNRESET);
	spin_unlock(&old->c.lock);
	if (reset)
		wake_up_common(&old->c.wait, TASK_NORMAL, 0, EPOLLERR);
}

/* True if @other accepts datagrams from @u: it is not connected to a third socket. */
static bool takes_from(struct unix_sock *other, const struct unix_sock *u)
{
	bool yes;

	spin_lock(&other->c.lock);
	yes = !other->peer || other->peer == u;
	spin_unlock(&other->c.lock);
	return yes;
}

int unix_dgram_connect(struct socket *s, struct sockaddr_buf *a, bool nonblock)
{
	struct unix_sock *u = UNIX(s), *other = NULL, *old;

	if (a->len >= sizeof(u16) && a->family == AF_UNSPEC) {
		other = NULL;
	} else {
		int err = unix_check_target(a);

		if (!err)
			err = unix_name_asked(u);
		if (err)
			return err;
		other = unix_find_sock(u->net, a, u->c.type);
		if (IS_ERR(other))
			return (int)PTR_ERR(other);
		if (!takes_from(other, u) || !unix_in_scope(other)) {
			unix_put(other);
			return -EPERM;
		}
	}
	spin_lock(&u->c.lock);
	old = u->peer;
	u->peer = other;
	u->state = other ? UNIX_CONNECTED : UNIX_UNCONNECTED;
	spin_unlock(&u->c.lock);
	if (old && old != other)
		dgram_left(u, old);
	if (old)
		unix_put(old);
	return 0;
}

static bool has_backlog(struct unix_sock *l)
{
	bool yes;

	spin_lock(&l->c.lock);
	yes = l->state != UNIX_LISTEN || l->c.shutdown & SHUT_RD || l->nr_pending <= l->backlog;
	spin_unlock(&l->c.lock);
	return yes;
}

/*
 * Gives the server's new socket the listener's options that say which ancillary data it receives.
 * As on Linux since 6.16, connect(2) does so, since data can arrive before accept(2).
 */
static void take_options(struct unix_sock *srv, const struct unix_sock *l)
{
	srv->c.passcred = l->c.passcred;
	srv->c.passsec = l->c.passsec;
	srv->c.rare.passpidfd = l->c.rare.passpidfd;
	srv->c.rare.no_passrights = l->c.rare.no_passrights;
}

/*
 * Connects the client @u and the server's new socket @srv, and adds @srv to the pending list of the
 * listener @l. @u and @l are locked. Returns 0, -ECONNREFUSED, -EAGAIN if the backlog is full,
 * -EISCONN or -EINVAL.
 */
static int join_listener(struct unix_sock *u, struct unix_sock *l, struct unix_sock *srv)
{
	if (l->state != UNIX_LISTEN || l->c.shutdown & SHUT_RD)
		return -ECONNREFUSED;
	if (l->nr_pending > l->backlog)
		return -EAGAIN;
	if (u->state != UNIX_UNCONNECTED)
		return u->state == UNIX_CONNECTED ? -EISCONN : -EINVAL;
	note_peer(srv);
	share_peer(u, l);
	take_options(srv, l);
	make_pair(u, srv);
	list_add_tail(&srv->pending_link, &l->pending);
	l->nr_pending++;
	return 0;
}

/*
 * Waits until there is room at the listener, or until the time @until (SO_SNDTIMEO). Returns 0 if
 * the caller must check again, or -errno.
 */
static int wait_for_backlog(struct unix_sock *l, u64 until)
{
	int err = wait_event_timeout(&l->space, has_backlog(l), until, true);

	if (err == -ETIMEDOUT)
		return -EAGAIN;
	return err == -ERESTARTSYS && until != ~0UL ? -EINTR : err;
}

static int connect_to_itself(const struct unix_sock *u)
{
	bool listens = READ_ONCE(u->state) == UNIX_LISTEN && !(u->c.shutdown & SHUT_RD);

	return listens ? -EINVAL : -ECONNREFUSED;
}

/* proto_ops.connect of streams and seqpackets: queues a new socket at the listener. */
static int stream_connect(struct socket *s, struct sockaddr_buf *a, bool nonblock)
{
	struct unix_sock *u = UNIX(s), *l, *srv;
	u64 until = u->c.sndtimeo ? ktime_get() + u->c.sndtimeo : ~0UL;
	int err = unix_check_target(a);

	if (!err)
		err = unix_name_asked(u);
	if (err)
		return err;
	l = unix_find_sock(u->net, a, u->c.type);
	if (IS_ERR(l))
		return (int)PTR_ERR(l);
	srv = unix_alloc(u->c.type, u->net);
	if (!srv) {
		unix_put(l);
		return -ENOMEM;
	}
	/* name @srv before it can be accepted and bound to another name */
	unix_name_accepted(srv, l);
	for (;;) {
		if (!unix_in_scope(l)) {
			err = -EPERM;
			break;
		}
		if (l == u) {
			err = connect_to_itself(u);
			break;
		}
		spin_lock_two(&u->c.lock, &l->c.lock);
		err = join_listener(u, l, srv);
		spin_unlock_two(&u->c.lock, &l->c.lock);
		if (err != -EAGAIN)
			break;
		if (nonblock)
			break;
		err = wait_for_backlog(l, until);
		if (err)
			break;
	}
	if (!err)
		unix_wake_readers(l);
	else
		unix_put(srv);
	unix_put(l);
	return err;
}

static int unix_listen(struct socket *s, int backlog)
{
	struct unix_sock *u = UNIX(s);
	int err = 0;

	spin_lock(&u->c.lock);
	if (!u->name || (u->state != UNIX_UNCONNECTED && u->state != UNIX_LISTEN)) {
		err = -EINVAL;
	} else {
		u->state = UNIX_LISTEN;
		u->backlog = (u32)backlog;
		note_peer(u);
		s->listening = true;
	}
	spin_unlock(&u->c.lock);
	unix_wake_space(u);
	return err;
}

static bool can_accept(struct unix_sock *u)
{
	return !list_empty(&u->pending) || u->state != UNIX_LISTEN || u->c.shutdown & SHUT_RD;
}

static int unix_accept(struct socket *s, struct socket *to, enum sock_patience patience)
{
	bool nonblock = patience != SOCK_WAITS;
	struct unix_sock *u = UNIX(s), *srv, *fresh = UNIX(to);
	u64 limit = u->c.rcvtimeo, until = limit && !nonblock ? ktime_get() + limit : ~0UL;
	int err;

	for (;;) {
		if (u->state != UNIX_LISTEN)
			return -EINVAL;
		spin_lock(&u->c.lock);
		srv = list_first_entry_or_null(&u->pending, struct unix_sock, pending_link);
		if (srv) {
			list_del_init(&srv->pending_link);
			u->nr_pending--;
		}
		spin_unlock(&u->c.lock);
		if (srv)
			break;
		if (u->c.shutdown & SHUT_RD) /* only when no socket is pending */
			return patience == SOCK_TRIES ? -EAGAIN : -EINVAL;
		err = sock_wait_until(
			&u->c, can_accept(u), nonblock, limit, until, EPOLLIN | EPOLLERR);
		if (err)
			return err;
	}
	srv->file = to->file;
	srv->c.ino = fresh->c.ino;
	to->sk = &srv->c;
	unix_put(fresh);
	unix_wake_space(u);
	return 0;
}

/* ---- closing ---- */

static int unix_shutdown(struct socket *s, int how)
{
	struct unix_sock *u = UNIX(s), *p = unix_peer_get(u);

	spin_lock(&u->c.lock);
	u->c.shutdown |= (u32)how;
	spin_unlock(&u->c.lock);
	if (p && u->c.type != SOCK_DGRAM)
		wake_all(p); /* its waiters test our shutdown flags */
	else if (p)
		/* senders that wait for room at @p */
		wake_up_common(&p->space, TASK_NORMAL, 0, EPOLLMSG);
	wake_all(u);
	if (p)
		unix_put(p);
	return 0;
}

static void drop_queue(struct unix_sock *u)
{
	struct unix_msg *um;

	spin_lock(&u->c.lock);
	u->oob = NULL;
	spin_unlock(&u->c.lock);
	while ((um = unix_dequeue(u)))
		unix_msg_free(um);
}

/*
 * Drops the path of a socket that lookups no longer find. Another task may still read the dentry by
 * sock_diag.
 */
static void drop_path(struct unix_sock *u)
{
	struct path path = u->path;

	if (!path.dentry)
		return;
	WRITE_ONCE(u->path.dentry, NULL);
	u->path.mnt = NULL;
	path_put(&path);
}

/*
 * True if there are unread messages. The first one may be an empty mark: its out-of-band byte was
 * received. u->c.lock held.
 */
static bool has_unread(const struct unix_sock *u)
{
	const struct unix_msg *um = list_first_entry_or_null(&u->queue, struct unix_msg, list);

	return um && (um->done < um->len || um->list.next != &u->queue);
}

/*
 * Ends a socket. The peer of a connection sees end of file, or a reset if data were left unread or
 * the connection was never accepted. Ends the connections that are not accepted yet, too.
 */
static void unix_die(struct unix_sock *u, bool never_accepted)
{
	struct unix_sock *p, *srv;
	bool unread;

	unix_unhash(u);
	spin_lock(&u->c.lock);
	u->state = UNIX_DEAD;
	p = u->peer;
	unread = never_accepted || has_unread(u);
	spin_unlock(&u->c.lock);
	if (p && u->c.type != SOCK_DGRAM) {
		spin_lock(&p->c.lock);
		if (unread)
			p->c.err = -ECONNRESET;
		spin_unlock(&p->c.lock);
		wake_all(p);
	}
	wake_all(u);
	for (;;) {
		spin_lock(&u->c.lock);
		srv = list_first_entry_or_null(&u->pending, struct unix_sock, pending_link);
		if (srv)
			list_del_init(&srv->pending_link);
		spin_unlock(&u->c.lock);
		if (!srv)
			break;
		unix_die(srv, true);
		unix_put(srv);
	}
	drop_queue(u);
	drop_path(u);
	spin_lock(&u->c.lock);
	u->peer = NULL;
	spin_unlock(&u->c.lock);
	if (p)
		unix_put(p);
}

static int unix_release(struct socket *s)
{
	struct unix_sock *u = UNIX(s);

	unix_forget_polled(u);
	unix_die(u, false);
	unix_put(u);
	unix_gc();
	return 0;
}

/* ---- operations ---- */

static void unix_meminfo(struct sock_common *sk, u32 *n)
{
	n[SK_MEMINFO_WMEM_ALLOC] = (u32)unix_wmem(container_of(sk, struct unix_sock, c));
}

static void unix_opened(struct socket *s)
{
	UNIX(s)->file = s->file;
}

static const struct group_info *unix_peer_groups(struct socket *s)
{
	struct unix_sock *u = UNIX(s);

	return u->peer_ids ? u->peer_ids->group_info : NULL;
}

static struct pid *unix_peer_pid(struct socket *s)
{
	return UNIX(s)->peer_pid;
}

/*
 * Returns the credentials for SO_PEERCRED, as the caller sees them: pid 0, uid and gid -1 if none
 * were recorded, such as those of a datagram socket after connect(2).
 */
static struct ucred peer_cred(struct unix_sock *u)
{
	struct ucred cred;
	bool noted;

	spin_lock(&u->c.lock);
	noted = u->peer_ids;
	cred = u->peercred;
	spin_unlock(&u->c.lock);
	return noted ? ucred_to_user(&cred) : (struct ucred){ 0, ~0U, ~0U };
}

static int unix_getsockopt(struct socket *s, int level, int opt, void *val, u32 *len)
{
	struct unix_sock *u = UNIX(s);
	struct ucred cred;

	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (opt != SO_PEERCRED)
		return -ENOPROTOOPT;
	cred = peer_cred(u);
	if (*len > sizeof(cred))
		*len = sizeof(cred);
	memcpy(val, &cred, *len);
	return 0;
}

static int seqpacket_may_send(struct socket *s)
{
	struct unix_sock *u = UNIX(s);
	int err = xchg(&u->c.err, 0);

	return err ? err : u->state == UNIX_CONNECTED ? 0 : -ENOTCONN;
}

static const struct proto_ops unix_stream_ops = {
	.release = unix_release,
	.bind = unix_bind,
	.connect = stream_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.getname = unix_getname,
	.poll = unix_poll,
	.shutdown = unix_shutdown,
	.sendmsg = unix_stream_sendmsg,
	.recvmsg = unix_stream_recvmsg,
	.getsockopt = unix_getsockopt,
	.opened = unix_opened,
	.peer_groups = unix_peer_groups,
	.peer_pid = unix_peer_pid,
	.meminfo = unix_meminfo,
	.ioctl = unix_ioctl,
	.pair = unix_pair,
};
static const struct proto_ops unix_seqpacket_ops = {
	.release = unix_release,
	.bind = unix_bind,
	.connect = stream_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.getname = unix_getname,
	.poll = unix_poll,
	.shutdown = unix_shutdown,
	.sendmsg = unix_dgram_sendmsg,
	.recvmsg = unix_dgram_recvmsg,
	.getsockopt = unix_getsockopt,
	.opened = unix_opened,
	.peer_groups = unix_peer_groups,
	.peer_pid = unix_peer_pid,
	.meminfo = unix_meminfo,
	.ioctl = unix_ioctl,
	.pair = unix_pair,
	.may_send = seqpacket_may_send,
};
static const struct proto_ops unix_dgram_ops = {
	.release = unix_release,
	.bind = unix_bind,
	.connect = unix_dgram_connect,
	.getname = unix_getname,
	.poll = unix_poll,
	.shutdown = unix_shutdown,
	.sendmsg = unix_dgram_sendmsg,
	.recvmsg = unix_dgram_recvmsg,
	.getsockopt = unix_getsockopt,
	.opened = unix_opened,
	.peer_groups = unix_peer_groups,
	.peer_pid = unix_peer_pid,
	.meminfo = unix_meminfo,
	.ioctl = unix_ioctl,
	.pair = unix_pair,
};

struct unix_sock *unix_of_file(struct file *f)
{
	struct socket *s = file_socket(f);

	return s && s->sk && s->sk->family == AF_UNIX ? UNIX(s) : NULL;
}

static int unix_create(struct socket *s, int type, int protocol)
{
	struct unix_sock *u;

	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	switch (type) {
	case SOCK_STREAM: s->ops = &unix_stream_ops; break;
	case SOCK_SEQPACKET: s->ops = &unix_seqpacket_ops; break;
	case SOCK_DGRAM:
	/* As on Linux, SOCK_RAW makes a datagram socket, for old programs. */
	case SOCK_RAW:
		s->ops = &unix_dgram_ops;
		type = SOCK_DGRAM;
		break;
	default: return -ESOCKTNOSUPPORT;
	}
	u = unix_alloc((u16)type, current_net());
	if (!u)
		return -ENOMEM;
	s->sk = &u->c;
	return 0;
}

static int unix_init(void)
{
	unix_names_init();
	sock_register(AF_UNIX, unix_create);
	return 0;
}
INITCALL(2, unix_init);
