/* SPDX-License-Identifier: MIT */
/*
 * netlink.c: AF_NETLINK sockets, of family route: requests in, answers out. What they are about is in rtnl.c.
 *
 * A request is served at once in the sender's context; answers go into the socket's queue.
 * Locks: the socket's c.lock for its queue. Source: netlink(7).
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <asm/socket.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/filter.h"
#include "kernel/net/internal.h"
#include "kernel/net/rtnl.h"
#include "kernel/sched/task.h"
#include "kernel/task/cred.h"
#include "kernel/task/pid_ns.h"

struct nl_msg {
	struct list_head list;
	u32 len;
	u8 data[];
};
struct nl_sock {
	struct sock_common c;
	u32 portid;             /* under c.lock */
	struct list_head queue; /* of nl_msg, under c.lock */
	u64 queued;
	bool pktinfo; /* own: NETLINK_PKTINFO */
};

static struct nl_sock *NL(struct socket *s)
{
	return container_of(s->sk, struct nl_sock, c);
}

static int nl_queue_bytes(struct nl_sock *n, const void *data, u32 len)
{
	struct nl_msg *m;
	bool full;

	if (!sock_filter_bytes(&n->c, data, &len))
		return 0;
	m = kmalloc(sizeof(*m) + len, GFP_KERNEL);
	if (!m)
		return -ENOBUFS;
	m->len = len;
	memcpy(m->data, data, len);
	spin_lock(&n->c.lock);
	full = n->queued + len > n->c.rcvbuf;
	if (!full) {
		list_add_tail(&m->list, &n->queue);
		n->queued += len;
	} else {
		n->c.err = -ENOBUFS;
	}
	spin_unlock(&n->c.lock);
	if (full)
		kfree(m);
	wake_up_common(&n->c.wait, TASK_NORMAL, 0, EPOLLIN | EPOLLRDNORM);
	kill_fasync_list(&n->c.async, EPOLLIN | EPOLLRDNORM);
	return 0;
}

static int nl_queue(struct nl_sock *n, const struct nl_builder *b)
{
	return nl_queue_bytes(n, b->buf, b->len);
}

/* ---- devices, addresses, routes: rtnl.c says what they are ---- */

static int answer(
	struct nl_sock *n, const struct nlmsghdr *req, rtnl_put_fn put, const void *what, u16 flags)
{
	struct nl_builder *b = kzalloc(sizeof(*b), GFP_KERNEL);
	int err;

	if (!b)
		return -ENOMEM;
	put(b, req, n->portid, flags, what);
	err = nl_queue(n, b);
	kfree(b);
	return err;
}

static int put_done(struct nl_sock *n, const struct nlmsghdr *req)
{
	struct nl_builder *b = kzalloc(sizeof(*b), GFP_KERNEL);
	int err;

	if (!b)
		return -ENOMEM;
	nl_begin(b, req, n->portid, NLMSG_DONE, NLM_F_MULTI, sizeof(int));
	nl_end(b);
	err = nl_queue(n, b);
	kfree(b);
	return err;
}

struct emit {
	struct nl_sock *n;
	const struct nlmsghdr *req;
	u16 flags;
};

static int emit(void *arg, rtnl_put_fn put, const void *what)
{
	const struct emit *e = arg;

	return answer(e->n, e->req, put, what, e->flags);
}

/* 0: served (and acknowledged when asked), or -errno for an error message; 1: served with its own answer. */
static int serve(struct nl_sock *n, const struct nlmsghdr *req)
{
	struct emit e = { n, req, req->nlmsg_flags & NLM_F_DUMP ? NLM_F_MULTI : 0 };
	struct net *net = n->c.net;
	int err;

	if (req->nlmsg_type % 4 !=
		2) /* NEW and DEL; GET is the third of each four, SET the fourth */
		return net_capable(net, CAP_NET_ADMIN) ? rtnl_change(net, req) : -EPERM;
	err = req->nlmsg_flags & NLM_F_DUMP ? rtnl_dump(net, req, emit, &e) :
					      rtnl_get(net, req, emit, &e);
	if (!err && req->nlmsg_flags & NLM_F_DUMP)
		err = put_done(n, req);
	return err ? err : 1;
}

static int put_error(struct nl_sock *n, const struct nlmsghdr *req, int err)
{
	struct nl_builder *b = kzalloc(sizeof(*b), GFP_KERNEL);
	u32 body = err ? min(req->nlmsg_len, 1024U) : (u32)sizeof(*req);
	struct nlmsgerr *e;
	int r;

	if (!b)
		return -ENOMEM;
	e = nl_begin(b, req, n->portid, NLMSG_ERROR, err ? 0 : NLM_F_CAPPED,
		sizeof(int) + max(body, (u32)sizeof(*req)));
	e->error = err;
	memcpy(&e->msg, req, body);
	nl_end(b);
	r = nl_queue(n, b);
	kfree(b);
	return r;
}

/* ---- the socket ---- */

static ssize_t nl_sendmsg(struct socket *s, struct msg *m)
{
	struct nl_sock *n = NL(s);
	size_t len = m->iter.count, off = 0;
	u8 *buf;
	int err = 0;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (n->c.protocol != NETLINK_ROUTE)
		return -ECONNREFUSED; /* nobody in the kernel listens there */
	if (!len)
		return -ENODATA;
	if (len > 65536)
		return -EMSGSIZE;
	buf = kmalloc(len + NLMSG_HDRLEN, GFP_KERNEL);
	if (!buf)
		return -ENOBUFS;
	if (copy_from_iter(buf, len, &m->iter) != len) {
		kfree(buf);
		return -EFAULT;
	}
	spin_lock(&n->c.lock);
	if (!n->portid)
		n->portid = (u32)task_tgid_vnr(current);
	spin_unlock(&n->c.lock);
	while (!err && len - off >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *req = (const void *)(buf + off);
		int r;

		if (req->nlmsg_len < sizeof(*req) || req->nlmsg_len > len - off)
			break;
		if (req->nlmsg_flags & NLM_F_REQUEST && req->nlmsg_type >= NLMSG_MIN_TYPE) {
			r = serve(n, req);
			if (r < 0 || (r == 0 && req->nlmsg_flags & NLM_F_ACK))
				err = put_error(n, req, r);
		}
		off += min((size_t)NLMSG_ALIGN(req->nlmsg_len), len - off);
	}
	kfree(buf);
	return err ? err : (ssize_t)len;
}

static struct nl_msg *nl_take(struct nl_sock *n, bool peek)
{
	struct nl_msg *m;

	spin_lock(&n->c.lock);
	m = list_first_entry_or_null(&n->queue, struct nl_msg, list);
	if (m && !peek) {
		list_del_init(&m->list);
		n->queued -= m->len;
	} else if (m) {
		m = kmemdup(m, sizeof(*m) + m->len, GFP_ATOMIC);
	}
	spin_unlock(&n->c.lock);
	return m;
}

static ssize_t nl_recvmsg(struct socket *s, struct msg *m)
{
	struct nl_sock *n = NL(s);
	struct nl_msg *nm;
	size_t take;
	ssize_t ret;
	int err;

	while (!(nm = nl_take(n, m->flags & MSG_PEEK))) {
		err = xchg(&n->c.err, 0);
		if (err)
			return err;
		err = sock_wait(
			&n->c, !list_empty(&n->queue) || n->c.err, m->nonblock, n->c.rcvtimeo);
		if (err)
			return err;
	}
	take = min_t(size_t, nm->len, m->iter.count);
	ret = (ssize_t)take;
	if (copy_to_iter(nm->data, take, &m->iter) != take)
		ret = -EFAULT;
	if (take < nm->len) {
		m->out_flags |= MSG_TRUNC;
		if (m->flags & MSG_TRUNC && ret >= 0)
			ret = nm->len;
	}
	if (n->pktinfo)
		msg_put_cmsg(m, 270 /* SOL_NETLINK */, NETLINK_PKTINFO, &(u32){ 0 }, sizeof(u32));
	m->has_cred = true;
	m->cred = (struct ucred){ 0, 0, 0 };
	if (m->name) {
		struct sockaddr_nl a = { .nl_family = AF_NETLINK };

		memcpy(m->name->data, &a, sizeof(a));
		m->name->len = sizeof(a);
	}
	kfree(nm);
	return ret;
}

static int nl_bind(struct socket *s, struct sockaddr_buf *a)
{
	struct nl_sock *n = NL(s);
	struct sockaddr_nl nl;

	if (a->len < sizeof(nl))
		return -EINVAL;
	memcpy(&nl, a->data, sizeof(nl));
	if (nl.nl_family != AF_NETLINK)
		return -EINVAL;
	/* no device comes or goes after boot: who waits for events of devices waits for nothing */
	if (nl.nl_groups && n->c.protocol != NETLINK_KOBJECT_UEVENT)
		return -EOPNOTSUPP; /* changes of links are not multicast */
	spin_lock(&n->c.lock);
	n->portid = nl.nl_pid ? nl.nl_pid : (u32)task_tgid_vnr(current);
	spin_unlock(&n->c.lock);
	return 0;
}

static int nl_connect(struct socket *s, struct sockaddr_buf *a, bool nonblock)
{
	if (a->len >= sizeof(u16) && a->family == AF_UNSPEC)
		return 0; /* everything goes to the kernel as it is */
	if (a->family != AF_NETLINK || a->len < sizeof(struct sockaddr_nl))
		return -EINVAL;
	return nl_bind(s,
		&(struct sockaddr_buf){ .len = sizeof(struct sockaddr_nl), .family = AF_NETLINK });
}

static int nl_getname(struct socket *s, struct sockaddr_buf *a, bool peer)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_pid = peer ? 0 : NL(s)->portid };

	memcpy(a->data, &nl, sizeof(nl));
	a->len = sizeof(nl);
	return 0;
}

static u32 nl_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct nl_sock *n = NL(s);

	poll_wait(f, &n->c.wait, pt);
	return EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND |
	       (list_empty(&n->queue) ? 0 : EPOLLIN | EPOLLRDNORM) | (n->c.err ? EPOLLERR : 0);
}

static int get_bool(bool *to, uaddr_t from)
{
	int v;

	if (get_user(v, from))
		return -EFAULT;
	*to = v;
	return 0;
}

static int nl_setsockopt(struct socket *s, int level, int opt, uaddr_t val, u32 len)
{
	struct nl_sock *n = NL(s);

	if (level != 270 /* SOL_NETLINK */)
		return -ENOPROTOOPT;
	switch (opt) {
	case NETLINK_PKTINFO: return len < sizeof(int) ? -EINVAL : get_bool(&n->pktinfo, val);
	case NETLINK_EXT_ACK:
	case NETLINK_CAP_ACK:
	case NETLINK_GET_STRICT_CHK:
	case NETLINK_NO_ENOBUFS:
		return 0; /* permissions to say more or less: what is said stays within both */
	}
	return opt == NETLINK_ADD_MEMBERSHIP || opt == NETLINK_DROP_MEMBERSHIP ? -EOPNOTSUPP :
										 -ENOPROTOOPT;
}

static int nl_release(struct socket *s)
{
	struct nl_sock *n = NL(s);
	struct nl_msg *m, *next;

	list_for_each_entry_safe(m, next, &n->queue, list)
		kfree(m);
	filter_put(n->c.filter);
	net_put(n->c.net);
	kfree(n);
	return 0;
}

static const struct proto_ops nl_ops = {
	.release = nl_release,
	.bind = nl_bind,
	.connect = nl_connect,
	.getname = nl_getname,
	.poll = nl_poll,
	.sendmsg = nl_sendmsg,
	.recvmsg = nl_recvmsg,
	.setsockopt = nl_setsockopt,
};

int netlink_deliver(struct file *f, const void *data, u32 n)
{
	struct socket *s = file_socket(f);

	if (!s)
		return -ENOTSOCK;
	if (s->ops != &nl_ops)
		return -EINVAL;
	return n ? nl_queue_bytes(NL(s), data, n) : 0;
}

static int nl_create(struct socket *s, int type, int protocol)
{
	struct nl_sock *n;

	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (protocol != NETLINK_ROUTE && protocol != NETLINK_KOBJECT_UEVENT)
		return -EPROTONOSUPPORT;
	n = kzalloc(sizeof(*n), GFP_KERNEL);
	if (!n)
		return -ENOMEM;
	sock_init_common(&n->c, AF_NETLINK, (u16)type, (u32)protocol);
	net_get(n->c.net);
	INIT_LIST_HEAD(&n->queue);
	s->sk = &n->c;
	s->ops = &nl_ops;
	return 0;
}

static int netlink_init(void)
{
	sock_register(AF_NETLINK, nl_create);
	return 0;
}
INITCALL(2, netlink_init);
