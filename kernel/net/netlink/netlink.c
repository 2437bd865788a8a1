/* SPDX-License-Identifier: MIT */
/*
 * netlink.c: AF_NETLINK sockets: passes requests to protocols, answers to programs, and messages
 * from one program to another. netlink.h describes the protocols.
 *
 * A request is served at once in the sender's context; answers are put into its queue. Source:
 * netlink(7).
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
#include "kernel/net/netlink/netlink.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/pid_ns.h"

#define PORT_BUCKETS 256U

DEFINE_SPINLOCK(nl_lock);
/* the newest first; also has the marks of walks, which are nl_socks without proto */
static LIST_HEAD(all_sockets);
static struct hlist_head bound[PORT_BUCKETS]; /* by hub and port number */

static struct nl_sock *NL(struct socket *s)
{
	return container_of(s->sk, struct nl_sock, c);
}

struct nl_sock *nl_walk_begin(void)
{
	struct nl_sock *mark = kzalloc(sizeof(*mark), GFP_KERNEL);

	if (!mark)
		return NULL;
	spin_lock(&nl_lock);
	list_add(&mark->all, &all_sockets);
	spin_unlock(&nl_lock);
	return mark;
}

bool nl_walk(
	struct nl_sock *mark, u32 most, void (*fn)(const struct nl_sock *n, void *arg), void *arg)
{
	struct nl_sock *n = mark;
	bool more;

	spin_lock(&nl_lock);
	while (most-- && n->all.next != &all_sockets) {
		n = list_next_entry(n, all);
		if (n->proto)
			fn(n, arg);
	}
	more = n->all.next != &all_sockets;
	if (n != mark)
		list_move(&mark->all, &n->all);
	spin_unlock_yield(&nl_lock);
	return more;
}

void nl_walk_end(struct nl_sock *mark)
{
	spin_lock(&nl_lock);
	list_del(&mark->all);
	spin_unlock(&nl_lock);
	kfree(mark);
}

/* ---- queues ---- */

struct nl_msg *nl_msg_new(const void *data, u32 len, gfp_t gfp)
{
	struct nl_msg *m = kmalloc(sizeof(*m) + len, gfp);

	if (m) {
		memset(m, 0, sizeof(*m));
		m->len = len;
		m->truesize = skb_truesize_of(len);
		memcpy(m->data, data, len);
	}
	return m;
}

static atomic64_t nl_bytes; /* true sizes of all queued messages */

static void msg_free(struct nl_msg *m)
{
	atomic_sub((s64)ksize(m), &nl_bytes);
	kfree(m);
}

/*
 * True if the queue is full. As on Linux, there is room until the queue holds more than rcvbuf. The
 * kernel's own answers (@force) may exceed rcvbuf, since a dump is queued at once, as long as all
 * queues together have less than a sixteenth of the memory. A program that sends requests and never
 * reads loses answers. c.lock held.
 */
static bool is_full(const struct nl_sock *n, const struct nl_msg *m, bool force)
{
	if (n->queued <= n->c.rcvbuf)
		return false;
	return !force ||
	       (u64)atomic_read(&nl_bytes) + ksize(m) > nr_managed_frames() * (PAGE_SIZE / 16);
}

int nl_queue_msg(struct nl_sock *n, struct nl_msg *m, bool force)
{
	bool full;

	if (!sock_filter_bytes(&n->c, m->data, &m->len)) {
		kfree(m);
		return 0;
	}
	spin_lock(&n->c.lock);
	full = is_full(n, m, force);
	if (!full) {
		list_add_tail(&m->list, &n->queue);
		n->queued += m->truesize;
		atomic_add((s64)ksize(m), &nl_bytes);
	} else if (!(n->options & 1U << NETLINK_NO_ENOBUFS)) {
		n->c.err = -ENOBUFS;
	}
	spin_unlock(&n->c.lock);
	if (full)
		kfree(m);
	wake_up_common(&n->c.wait, TASK_NORMAL, 0, EPOLLIN | EPOLLRDNORM);
	kill_fasync_list(&n->c.async, EPOLLIN | EPOLLRDNORM);
	return full ? -ENOBUFS : 0;
}

int nl_queue_bytes(struct nl_sock *n, const void *data, u32 len, bool force)
{
	struct nl_msg *m = nl_msg_new(data, len, GFP_KERNEL);

	if (!m)
		return -ENOBUFS;
	nl_catch_up(n);
	/* a loss is reported by the next call */
	nl_queue_msg(n, m, force);
	return 0;
}

void nl_notify(struct nl_sock *n, const void *data, u32 len)
{
	struct nl_msg *m = nl_msg_new(data, len, GFP_ATOMIC);

	if (m)
		nl_queue_msg(n, m, false);
}

static int nl_queue(struct nl_sock *n, const struct nl_builder *b)
{
	return nl_queue_bytes(n, b->buf, b->len, true);
}

u64 nl_set_word(struct nl_sock *n, u64 word)
{
	u64 old;

	spin_lock(&nl_lock);
	nl_catch_up_locked(n);
	old = n->word;
	n->word = word;
	spin_unlock(&nl_lock);
	return old;
}

/* ---- NETLINK_ROUTE, whose requests rtnl.c serves ---- */

int nl_answer(
	struct nl_sock *n, const struct nlmsghdr *req, rtnl_put_fn put, const void *what, u16 flags)
{
	struct nl_builder *b = kzalloc(sizeof(*b), GFP_KERNEL);
	int err;

	if (!b)
		return -ENOMEM;
	put(b, req, n->portid, flags, what);
	err = b->len ? nl_queue(n, b) : 0; /* empty: the object was removed */
	kfree(b);
	return err;
}

int nl_done_with(struct nl_sock *n, const struct nlmsghdr *req, int failed, u16 flags)
{
	struct nl_builder *b = kzalloc(sizeof(*b), GFP_KERNEL);
	int err;

	if (!b)
		return -ENOMEM;
	*(int *)nl_begin(b, req, n->portid, NLMSG_DONE, NLM_F_MULTI | flags, sizeof(int)) = failed;
	nl_end(b);
	err = nl_queue(n, b);
	kfree(b);
	return err;
}

int nl_done(struct nl_sock *n, const struct nlmsghdr *req)
{
	return nl_done_with(n, req, 0, 0);
}

struct emit {
	struct nl_sock *n;
	const struct nlmsghdr *req;
	u16 flags;
	struct rtnl_dump dump;
};

static int emit(void *arg, rtnl_put_fn put, const void *what)
{
	const struct emit *e = arg;

	return nl_answer(e->n, e->req, put, what, e->flags | e->dump.each);
}

/*
 * Serves a request. Returns 0 if it succeeded and the caller sends a requested acknowledgement, 1
 * if it was answered already, or -errno for the caller's error message.
 */
static int serve_route(struct nl_sock *n, const struct nlmsghdr *req)
{
	struct emit e = { n, req, req->nlmsg_flags & NLM_F_DUMP ? NLM_F_MULTI : 0, { 0 } };
	struct net *net = n->c.net;
	const char *why = NULL;
	int err;

	e.dump.strict = n->options >> NETLINK_GET_STRICT_CHK & 1;

	/* Types come in groups of four: NEW, DEL, GET, SET. Only GET changes nothing. */
	if (req->nlmsg_type % 4 != 2) {
		if (!net_capable(net, CAP_NET_ADMIN))
			return -EPERM;
		err = rtnl_change(net, req, &why);
		if (!err || !why)
			return err;
		err = nl_error(n, req, err, why, 0);
		return err ? err : 1;
	}
	if (req->nlmsg_flags & NLM_F_DUMP) {
		err = rtnl_dump(net, req, &e.dump, emit, &e);
		/* the end of a dump reports its error */
		if (err != -EOPNOTSUPP)
			err = nl_done_with(n, req, err, e.dump.done);
		return err ? err : 1;
	}
	return rtnl_get(net, req, e.dump.strict, emit, &e);
}

/* ---- protocols ---- */

static const struct nl_proto protos[] = {
	{ .protocol = NETLINK_ROUTE,
		.groups = RTNLGRP_MAX,
		.all_recv = true,
		.serve = serve_route },
	{ .protocol = NETLINK_USERSOCK, .groups = 32, .all_send = true },
	{ .protocol = NETLINK_KOBJECT_UEVENT, .groups = 32, .all_recv = true },
};

static const struct nl_proto *find_proto(int protocol)
{
	for (size_t k = 0; k < ARRAY_SIZE(protos); k++)
		if (protos[k].protocol == protocol)
			return &protos[k];
	if (protocol == nl_diag.protocol)
		return &nl_diag;
	if (protocol == nl_netfilter.protocol)
		return &nl_netfilter;
	if (protocol == nl_connector.protocol)
		return &nl_connector;
	return protocol == nl_generic.protocol ? &nl_generic : NULL;
}

static struct hlist_head *port_bucket(const struct nl_hub *hub, u32 portid)
{
	return &bound[hash_u64((u64)hub ^ portid) % PORT_BUCKETS];
}

/* Finds a socket by its port number. nl_lock held. */
static struct nl_sock *by_port(const struct nl_hub *hub, u32 portid)
{
	struct nl_sock *n;

	hlist_for_each_entry(n, port_bucket(hub, portid), port_node)
		if (n->hub == hub && n->portid == portid)
			return n;
	return NULL;
}

/*
 * Binds a socket to the requested port number; 0: to the process id, or if in use, an unused one.
 */
static int take_port(struct nl_sock *n, u32 want)
{
	static u32 next = (u32)-4096;
	u32 id = want ? want : (u32)task_tgid_vnr(current);
	int err = 0;

	spin_lock(&nl_lock);
	if (n->portid)
		err = want && want != n->portid ? -EINVAL : 0;
	else if (want && by_port(n->hub, want))
		err = -EADDRINUSE;
	else {
		while (by_port(n->hub, id))
			id = next--;
		n->portid = id;
		hlist_add_head(&n->port_node, port_bucket(n->hub, id));
	}
	spin_unlock(&nl_lock);
	return err;
}

static bool may(const struct nl_sock *n, bool all)
{
	return all || net_capable(n->c.net, CAP_NET_ADMIN);
}

/* ---- sending ---- */

static int to_program(struct nl_sock *n, struct nl_msg *m, u32 portid)
{
	struct nl_sock *to;
	int err = -ECONNREFUSED;

	spin_lock(&nl_lock);
	to = by_port(n->hub, portid);
	if (to && to != n) {
		nl_catch_up_locked(to);
		err = nl_queue_msg(to, m, false);
	}
	spin_unlock(&nl_lock);
	if (err == -ECONNREFUSED)
		kfree(m);
	return err == -ENOBUFS ? -EAGAIN : err;
}

static int to_programs(
	struct nl_sock *n, const u8 *buf, u32 len, u32 portid, u32 groups, const struct ucred *cred)
{
	struct nl_msg *m = nl_msg_new(buf, len, GFP_KERNEL);

	if (!m)
		return -ENOBUFS;
	m->from = n->portid;
	m->cred = *cred;
	for (u32 g = 0; g < 32; g++)
		if (groups >> g & 1)
			nl_to_group(n->c.net, n->proto->protocol, g + 1, m, n);
	if (portid)
		return to_program(n, m, portid);
	kfree(m);
	return 0;
}

/*
 * Serves the messages in the @len bytes at @buf, and answers those that ask for it or fail. Returns
 * 0, or -errno if there is no room or memory for an answer; -ECONNREFUSED: the protocol takes no
 * requests.
 */
static int to_kernel(struct nl_sock *n, const u8 *buf, size_t len)
{
	size_t off = 0;
	int err = 0;

	if (!n->proto->serve || (n->proto->first_net && n->c.net != &init_net))
		return -ECONNREFUSED;
	while (!err && len - off >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *req = (const void *)(buf + off);
		int r = 0;

		if (req->nlmsg_len < sizeof(*req) || req->nlmsg_len > len - off)
			break;
		if (n->proto->serve_batch) {
			u32 next = n->proto->serve_batch(n, buf, (u32)len, (u32)off);

			if (next != off) {
				off = next;
				continue;
			}
		}
		if (req->nlmsg_flags & NLM_F_REQUEST && req->nlmsg_type >= NLMSG_MIN_TYPE)
			r = n->proto->serve(n, req);
		if (r < 0 || (r == 0 && req->nlmsg_flags & NLM_F_ACK))
			err = nl_error(n, req, r, NULL, 0);
		off += min((size_t)NLMSG_ALIGN(req->nlmsg_len), len - off);
		cond_resched();
	}
	return err;
}

/*
 * Serves a request. A message that was sent without an address may not be meant as a request: a
 * privileged program may write its errors to a socket that it inherited. Such a message is
 * therefore served with the rights of the socket's opener.
 */
static int to_kernel_for(struct socket *s, const struct msg *m, const u8 *buf, size_t len)
{
	const struct cred *opener = s->file ? s->file->f_cred : NULL, *old = NULL;
	struct nl_sock *n = NL(s);
	int err;

	if (opener && !(m->name && m->name->len) && net_capable(n->c.net, CAP_NET_ADMIN) &&
		!cred_ns_capable(opener, n->c.net->ns.owner, CAP_NET_ADMIN))
		old = override_creds(opener);
	err = to_kernel(n, buf, len);
	if (old)
		revert_creds(old);
	return err;
}

static int destination(struct nl_sock *n, const struct msg *m, u32 *portid, u32 *groups)
{
	struct sockaddr_nl a;

	*portid = n->dst_portid;
	*groups = n->dst_groups;
	if (!m->name || !m->name->len)
		return 0;
	if (m->name->len < sizeof(a))
		return -EINVAL;
	memcpy(&a, m->name->data, sizeof(a));
	if (a.nl_family != AF_NETLINK)
		return -EINVAL;
	*portid = a.nl_pid;
	*groups = a.nl_groups;
	return (a.nl_pid || a.nl_groups) && !may(n, n->proto->all_send) ? -EPERM : 0;
}

static ssize_t nl_sendmsg(struct socket *s, struct msg *m)
{
	struct nl_sock *n = NL(s);
	size_t len = m->iter.count;
	u32 portid, groups;
	u8 *buf;
	int err;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (!len)
		return -ENODATA;
	err = destination(n, m, &portid, &groups);
	if (!err)
		err = take_port(n, 0);
	if (err)
		return err;
	if (len > n->c.sndbuf - 32 || len > 1U << 20)
		return -EMSGSIZE;
	buf = kmalloc(len + NLMSG_HDRLEN, GFP_KERNEL);
	if (!buf)
		return -ENOBUFS;
	if (copy_from_iter(buf, len, &m->iter) != len)
		err = -EFAULT;
	else if (portid || groups)
		err = to_programs(n, buf, (u32)len, portid, groups, &m->cred);
	if (!err && !portid)
		err = to_kernel_for(s, m, buf, len);
	kfree(buf);
	nl_help(n);
	return err ? err : (ssize_t)len;
}

/* ---- receiving ---- */

static struct nl_msg *nl_take(struct nl_sock *n, bool peek)
{
	struct nl_msg *m;

	spin_lock(&n->c.lock);
	m = list_first_entry_or_null(&n->queue, struct nl_msg, list);
	if (m && !peek) {
		list_del_init(&m->list);
		n->queued -= m->truesize;
		atomic_sub((s64)ksize(m), &nl_bytes);
	} else if (m) {
		m = kmemdup(m, sizeof(*m) + m->len, GFP_ATOMIC);
		if (!m)
			m = ERR_PTR(-ENOBUFS);
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
		if (nl_catch_up(n))
			continue;
		err = xchg(&n->c.err, 0);
		if (err)
			return err;
		err = sock_wait_again(&n->c, !list_empty(&n->queue) || n->c.err, m, n->c.rcvtimeo);
		if (err)
			return err;
	}
	if (IS_ERR(nm))
		return PTR_ERR(nm);
	take = min_t(size_t, nm->len, m->iter.count);
	ret = (ssize_t)take;
	if (copy_to_iter(nm->data, take, &m->iter) != take)
		ret = -EFAULT;
	if (take < nm->len) {
		m->out_flags |= MSG_TRUNC;
		if (m->flags & MSG_TRUNC && ret >= 0)
			ret = nm->len;
	}
	if (n->options & 1U << NETLINK_PKTINFO)
		msg_put_cmsg(m, SOL_NETLINK, NETLINK_PKTINFO, &nm->group, sizeof(u32));
	m->has_cred = true;
	m->cred = nm->cred;
	if (m->name) {
		struct sockaddr_nl a = {
			.nl_family = AF_NETLINK,
			.nl_pid = nm->from,
			.nl_groups = nm->group && nm->group <= 32 ? 1U << (nm->group - 1) : 0,
		};

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
	int err;

	if (a->len < sizeof(nl))
		return -EINVAL;
	memcpy(&nl, a->data, sizeof(nl));
	if (nl.nl_family != AF_NETLINK)
		return -EINVAL;
	if (nl.nl_groups && !may(n, n->proto->all_recv))
		return -EPERM;
	err = take_port(n, nl.nl_pid);
	if (err)
		return err;
	return nl_set_groups(n, 0xffffffffUL, nl.nl_groups);
}

static int nl_connect(struct socket *s, struct sockaddr_buf *a, bool nonblock)
{
	struct nl_sock *n = NL(s);
	struct sockaddr_nl nl = { 0 };
	int err = 0;

	if (a->len < sizeof(u16))
		return -EINVAL;
	if (a->family != AF_UNSPEC) {
		if (a->family != AF_NETLINK || a->len < sizeof(nl))
			return -EINVAL;
		memcpy(&nl, a->data, sizeof(nl));
		if ((nl.nl_pid || nl.nl_groups) && !may(n, n->proto->all_send))
			return -EPERM;
		err = take_port(n, 0);
	}
	if (err)
		return err;
	spin_lock(&n->c.lock);
	n->dst_portid = nl.nl_pid;
	n->dst_groups = nl.nl_groups;
	spin_unlock(&n->c.lock);
	return 0;
}

static int nl_getname(struct socket *s, struct sockaddr_buf *a, bool peer)
{
	const struct nl_sock *n = NL(s);
	struct sockaddr_nl nl = {
		.nl_family = AF_NETLINK,
		.nl_pid = peer ? n->dst_portid : n->portid,
		.nl_groups = peer ? n->dst_groups : (u32)n->groups,
	};

	memcpy(a->data, &nl, sizeof(nl));
	a->len = sizeof(nl);
	return 0;
}

static u32 nl_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct nl_sock *n = NL(s);

	poll_wait(f, &n->c.wait, pt);
	nl_catch_up_some(n);
	return EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND |
	       (list_empty(&n->queue) ? 0 : EPOLLIN | EPOLLRDNORM) | (n->c.err ? EPOLLERR : 0);
}

/* ---- options ---- */

static int membership(struct nl_sock *n, int opt, u32 group)
{
	u64 bit = 1UL << ((group - 1) % NL_GROUPS_MAX);

	if (!may(n, n->proto->all_recv))
		return -EPERM;
	if (!group || group > n->proto->groups || group > NL_GROUPS_MAX)
		return -EINVAL;
	n->has_groups = true;
	return nl_set_groups(n, bit, opt == NETLINK_ADD_MEMBERSHIP ? bit : 0);
}

/* The boolean options, as bits of nl_sock.options. */
#define FLAG_OPTIONS                                                                               \
	(1U << NETLINK_PKTINFO | 1U << NETLINK_BROADCAST_ERROR | 1U << NETLINK_NO_ENOBUFS |        \
		1U << NETLINK_LISTEN_ALL_NSID | 1U << NETLINK_CAP_ACK | 1U << NETLINK_EXT_ACK |    \
		1U << NETLINK_GET_STRICT_CHK)

static bool is_flag(int opt)
{
	return opt >= 0 && opt < 32 && FLAG_OPTIONS >> opt & 1;
}

static int nl_setsockopt(struct socket *s, int level, int opt, uaddr_t val, u32 len)
{
	struct nl_sock *n = NL(s);
	int v = 0;

	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (len >= sizeof(v) && get_user(v, val))
		return -EFAULT;
	if (opt == NETLINK_ADD_MEMBERSHIP || opt == NETLINK_DROP_MEMBERSHIP)
		return membership(n, opt, (u32)v);
	if (!is_flag(opt))
		return -ENOPROTOOPT;
	if (opt == NETLINK_LISTEN_ALL_NSID && !net_capable(n->c.net, CAP_NET_BROADCAST))
		return -EPERM;
	n->options = v ? n->options | 1U << opt : n->options & ~(1U << opt);
	return 0;
}

static int nl_getsockopt(struct socket *s, int level, int opt, void *val, u32 *len)
{
	const struct nl_sock *n = NL(s);
	u32 size = (u32)round_up(max(n->proto->groups, 32U), 32U) / 8;
	int v;

	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (opt == NETLINK_LIST_MEMBERSHIPS) {
		*len = n->has_groups ? size : 0;
		memcpy(val, &n->groups, min(*len, 8U));
		return 0;
	}
	if (!is_flag(opt))
		return -ENOPROTOOPT;
	if (*len < sizeof(v))
		return -EINVAL;
	v = n->options >> opt & 1;
	memcpy(val, &v, sizeof(v));
	*len = sizeof(v);
	return 0;
}

static void nl_meminfo(struct sock_common *sk, u32 *n)
{
	n[0] = (u32)container_of(sk, struct nl_sock, c)->queued;
}

static int nl_release(struct socket *s)
{
	struct nl_sock *n = NL(s);
	struct nl_msg *m, *next;
	struct nl_hub *hub;

	spin_lock(&nl_lock);
	list_del(&n->all);
	if (n->portid)
		hlist_del_init(&n->port_node);
	hub = nl_hub_leave(n);
	spin_unlock(&nl_lock);
	kfree(hub);
	if (n->proto->release)
		n->proto->release(n);
	list_for_each_entry_safe(m, next, &n->queue, list)
		msg_free(m);
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
	.getsockopt = nl_getsockopt,
	.meminfo = nl_meminfo,
};

int netlink_deliver(struct file *f, const void *data, u32 n)
{
	struct socket *s = file_socket(f);

	if (!s)
		return -ENOTSOCK;
	if (s->ops != &nl_ops)
		return -EINVAL;
	return n ? nl_queue_bytes(NL(s), data, n, false) : 0;
}

static int nl_create(struct socket *s, int type, int protocol)
{
	const struct nl_proto *p = find_proto(protocol);
	struct nl_sock *n;

	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (!p)
		return -EPROTONOSUPPORT;
	n = kzalloc(sizeof(*n), GFP_KERNEL | __GFP_ACCOUNT);
	if (!n)
		return -ENOMEM;
	sock_init_common(&n->c, AF_NETLINK, (u16)type, (u32)protocol);
	/*
	 * The lock has its own class: a send may notify netlink sockets while another socket's
	 * c.lock is held.
	 */
	spin_lock_init(&n->c.lock);
	INIT_LIST_HEAD(&n->queue);
	n->proto = p;
	if (nl_hub_enter(n)) {
		kfree(n);
		return -ENOMEM;
	}
	net_get(n->c.net);
	s->sk = &n->c;
	s->ops = &nl_ops;
	spin_lock(&nl_lock);
	list_add(&n->all, &all_sockets);
	spin_unlock(&nl_lock);
	return 0;
}

static int netlink_init(void)
{
	sock_register(AF_NETLINK, nl_create);
	return 0;
}
INITCALL(2, netlink_init);
