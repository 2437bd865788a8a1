/* SPDX-License-Identifier: MIT */
/*
 * sock_diag.c: NETLINK_SOCK_DIAG: lists sockets and their state (sock_diag(7)), for ss(8).
 * Families: inet (TCP, UDP, UDP-Lite, raw), unix, netlink; the list of packet sockets is in /proc
 * only. INET_DIAG_REQ_BYTECODE is ignored: ss filters the answers itself, too.
 *
 * A table of inet sockets is walked in portions (ports_walk()): references are taken under
 * table->lock, answers are made without it. The state of a socket is read without the socket's lock
 * and may change meanwhile; only TCP_INFO is filled in with the socket's lock held.
 */
#include <asm/errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink_diag.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/string.h"
#include "kernel/net/netlink/netlink.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/net/unix/unix.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/super.h"

#define BATCH 256

struct query {
	struct nl_sock *n; /* the requester's socket */
	const struct nlmsghdr *req;
	/* the payload of @req: inet for AF_INET and AF_INET6, local for AF_UNIX */
	union {
		const struct inet_diag_req_v2 *inet;
		const struct unix_diag_req *local;
	};
	int err; /* the first error of a dump, or 0 */
};

static void put_cookie(struct sock_common *c, u32 cookie[2])
{
	u64 v = sock_cookie(c);

	cookie[0] = (u32)v;
	cookie[1] = (u32)(v >> 32);
}

static bool cookie_agrees(struct sock_common *c, const u32 cookie[2])
{
	u64 v = sock_cookie(c);

	return (cookie[0] == ~0U && cookie[1] == ~0U) ||
	       (cookie[0] == (u32)v && cookie[1] == (u32)(v >> 32));
}

/* ---- inet ---- */

static struct port_table *table_of(u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP: return &tcp_ports;
	case IPPROTO_UDP: return &udp_ports;
	case IPPROTO_UDPLITE: return &udplite_ports;
	case IPPROTO_RAW: return &raw_socks;
	}
	return NULL;
}

static int state_of(struct inet_sock *i)
{
	if (i->table->stream)
		return tcp_state_of(i);
	/* Tests the peer's address, not its port: raw sockets have no port. */
	return ip_is_any(&i->raddr) ? TCP_CLOSE : TCP_ESTABLISHED;
}

static void put_addr(const struct inet_sock *i, const ip_addr *a, __be32 to[4])
{
	ip_addr shown = ip_is_any(a) ? IP_ANY : *a;

	if (i->v6)
		memcpy(to, &shown, sizeof(shown));
	else
		to[0] = shown.w[3];
}

static u32 ms_left(const struct ktimer *t)
{
	u64 now = ktime_get();

	return timer_armed(t) && t->expires > now ? (u32)((t->expires - now) / NSEC_PER_MSEC) : 0;
}

static void fill_tcp(struct inet_diag_msg *d, struct tcp_sock *t)
{
	d->idiag_retrans = t->timers.retries;
	if (t->state == TCP_LISTEN) {
		d->idiag_rqueue = t->listen.nr_accept;
		d->idiag_wqueue = t->listen.backlog;
		return;
	}
	d->idiag_rqueue = t->rcv.nxt - t->rcv.copied;
	d->idiag_wqueue = t->snd.write_seq - t->snd.una;
	if (t->state == TCP_TIME_WAIT) {
		d->idiag_timer = 3;
		d->idiag_expires = ms_left(&t->timers.keep);
	} else if (timer_armed(&t->timers.rtx)) {
		d->idiag_timer = t->loss.packets_out ? 1 : 4;
		d->idiag_retrans = t->loss.packets_out ? t->timers.retries : t->timers.probes;
		d->idiag_expires = ms_left(&t->timers.rtx);
	} else if (timer_armed(&t->timers.keep)) {
		d->idiag_timer = 2;
		d->idiag_retrans = t->timers.keep_sent;
		d->idiag_expires = ms_left(&t->timers.keep);
	}
}

static void put_tcp_info(struct nl_builder *b, struct tcp_sock *t, u32 ext)
{
	const char *cc = tcp_cc_name(t->cc.reno);
	struct tcp_info_all info;

	if (ext & 1U << (INET_DIAG_INFO - 1)) {
		spin_lock(&t->inet.c.lock);
		tcp_fill_info(t, &info);
		spin_unlock(&t->inet.c.lock);
		nl_attr(b, INET_DIAG_INFO, &info, sizeof(info));
	}
	if (ext & 1U << (INET_DIAG_CONG - 1))
		nl_attr(b, INET_DIAG_CONG, cc, (u32)strlen(cc) + 1);
}

static void put_meminfo(struct nl_builder *b, const struct inet_sock *i, u32 ext)
{
	u32 rmem = i->queue.rmem, wmem = (u32)atomic_read(&i->queue.wmem),
	    sk[SK_MEMINFO_VARS] = { 0 };
	struct inet_diag_meminfo m;

	if (i->table->stream)
		wmem = container_of(i, const struct tcp_sock, inet)->snd.wmem;
	m = (struct inet_diag_meminfo){ .idiag_rmem = rmem, .idiag_tmem = wmem };
	if (ext & 1U << (INET_DIAG_MEMINFO - 1))
		nl_attr(b, INET_DIAG_MEMINFO, &m, sizeof(m));
	sk[SK_MEMINFO_RMEM_ALLOC] = rmem;
	sk[SK_MEMINFO_RCVBUF] = i->c.rcvbuf;
	sk[SK_MEMINFO_WMEM_ALLOC] = i->table->stream ? 0 : wmem;
	sk[SK_MEMINFO_SNDBUF] = i->c.sndbuf;
	sk[SK_MEMINFO_WMEM_QUEUED] = i->table->stream ? wmem : 0;
	sk[SK_MEMINFO_DROPS] = i->queue.drops;
	if (ext & 1U << (INET_DIAG_SKMEMINFO - 1))
		nl_attr(b, INET_DIAG_SKMEMINFO, sk, sizeof(sk));
}

/* Builds the answer for one inet socket (an rtnl_put_fn). @what: struct inet_sock **. */
static void put_inet(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	const struct inet_diag_req_v2 *q = NLMSG_DATA(req);
	struct inet_sock *i = *(struct inet_sock *const *)what;
	struct inet_diag_msg *d = nl_begin(b, req, portid, SOCK_DIAG_BY_FAMILY, flags, sizeof(*d));
	u8 shutdown = (u8)i->c.shutdown;

	d->idiag_family = i->v6 ? AF_INET6 : AF_INET;
	d->idiag_state = (u8)state_of(i);
	d->id.idiag_sport = htons(i->table == &raw_socks ? i->c.protocol : i->lport);
	d->id.idiag_dport = htons(i->rport);
	put_addr(i, &i->saddr, d->id.idiag_src);
	put_addr(i, &i->raddr, d->id.idiag_dst);
	d->id.idiag_if = (u32)i->bound_if;
	put_cookie(&i->c, d->id.idiag_cookie);
	d->idiag_uid = from_kuid_munged(current_user_ns(), i->uid);
	d->idiag_inode = i->sock ? (u32)i->c.ino : 0;
	if (i->table->stream) {
		fill_tcp(d, TCP(i));
	} else {
		d->idiag_rqueue = i->queue.rmem;
		d->idiag_wqueue = (u32)atomic_read(&i->queue.wmem);
	}
	nl_attr(b, INET_DIAG_SHUTDOWN, &shutdown, 1);
	if (q->idiag_ext & 1U << (INET_DIAG_TOS - 1))
		nl_attr(b, INET_DIAG_TOS, &i->opts.tos, 1);
	if (i->v6 && q->idiag_ext & 1U << (INET_DIAG_TCLASS - 1))
		nl_attr(b, INET_DIAG_TCLASS, &i->opts.tclass, 1);
	if (i->v6)
		nl_attr(b, INET_DIAG_SKV6ONLY, &(u8){ i->opts.v6only }, 1);
	if (i->c.mark && net_capable(i->net, CAP_NET_ADMIN))
		nl_attr_u32(b, INET_DIAG_MARK, i->c.mark);
	put_meminfo(b, i, q->idiag_ext);
	if (i->table->stream)
		put_tcp_info(b, TCP(i), q->idiag_ext);
	nl_end(b);
}

static bool inet_wanted(const struct query *q, struct inet_sock *i)
{
	const struct inet_diag_req_v2 *r = q->inet;

	if (i->net != q->n->c.net || i->v6 != (r->sdiag_family == AF_INET6))
		return false;
	/* bound, but neither listening nor connected */
	if (i->table->stream && tcp_state_of(i) == TCP_CLOSE)
		return false;
	if (!(r->idiag_states >> state_of(i) & 1))
		return false;
	return (!r->id.idiag_sport || r->id.idiag_sport == htons(i->lport)) &&
	       (!r->id.idiag_dport || r->id.idiag_dport == htons(i->rport));
}

/* The selected sockets of a portion, with references. */
struct gathered {
	const struct query *q;
	u32 n;
	struct inet_sock *to[BATCH];
};

static void gather(struct inet_sock *i, void *arg)
{
	struct gathered *g = arg;

	if (!inet_wanted(g->q, i))
		return;
	inet_get(i);
	g->to[g->n++] = i;
}

static void answer_all(struct query *q, struct gathered *g)
{
	for (u32 k = 0; k < g->n; k++) {
		if (!q->err)
			q->err = nl_answer(q->n, q->req, put_inet, &g->to[k], NLM_F_MULTI);
		inet_put(g->to[k]);
	}
	g->n = 0;
}

static int dump_inet(struct query *q, struct port_table *t)
{
	struct gathered *g = kzalloc(sizeof(*g), GFP_KERNEL);
	struct port_walk w = { .table = t };
	bool more;

	if (!g)
		return -ENOMEM;
	g->q = q;
	do {
		more = ports_walk(&w, BATCH, gather, g);
		answer_all(q, g);
		cond_resched();
	} while (more && !q->err);
	ports_walk_end(&w);
	kfree(g);
	return q->err ? q->err : nl_done(q->n, q->req);
}

static void read_addr(const struct inet_diag_req_v2 *r, const __be32 from[4], ip_addr *a)
{
	if (r->sdiag_family == AF_INET)
		*a = ip_v4(from[0]);
	else
		memcpy(a, from, sizeof(*a));
}

/*
 * Answers with the socket that has the request's addresses and ports. For UDP the request's source
 * is the peer, as on Linux. Returns 0, -ENOENT, -ESTALE (the cookie) or an error of nl_answer().
 */
static int get_inet(struct query *q, struct port_table *t)
{
	const struct inet_diag_req_v2 *r = q->inet;
	struct net *net = q->n->c.net;
	const bool swapped = t == &udp_ports || t == &udplite_ports;
	u16 lport = ntohs(swapped ? r->id.idiag_dport : r->id.idiag_sport);
	u16 rport = ntohs(swapped ? r->id.idiag_sport : r->id.idiag_dport);
	struct inet_sock *i = NULL;
	ip_addr local, remote;
	int err;

	read_addr(r, swapped ? r->id.idiag_dst : r->id.idiag_src, &local);
	read_addr(r, swapped ? r->id.idiag_src : r->id.idiag_dst, &remote);
	if (t->stream)
		i = inet_lookup_peer(t, net, &local, lport, &remote, rport, (int)r->id.idiag_if);
	if (!i)
		i = inet_lookup_port(t, net, &local, lport, &remote, rport, (int)r->id.idiag_if);
	if (!i)
		return -ENOENT;
	err = cookie_agrees(&i->c, r->id.idiag_cookie) ? nl_answer(q->n, q->req, put_inet, &i, 0) :
							 -ESTALE;
	inet_put(i);
	return err;
}

static int serve_inet(struct query *q)
{
	const struct inet_diag_req_v2 *r = NLMSG_DATA(q->req);
	struct port_table *t;

	if (q->req->nlmsg_len < NLMSG_LENGTH(sizeof(*r)))
		return -EINVAL;
	t = table_of(r->sdiag_protocol);
	if (!t)
		return -ENOENT;
	q->inet = r;
	return q->req->nlmsg_flags & NLM_F_DUMP ? dump_inet(q, t) : get_inet(q, t);
}

/* ---- unix ---- */

static u8 unix_state(const struct unix_sock *u)
{
	if (u->state == UNIX_LISTEN)
		return TCP_LISTEN;
	return u->state == UNIX_CONNECTED ? TCP_ESTABLISHED : TCP_CLOSE;
}

static void put_name(struct nl_builder *b, const struct unix_sock *u, u32 show)
{
	struct unix_diag_vfs vfs;
	const struct dentry *d = READ_ONCE(u->path.dentry); /* freed a grace period later (RCU) */
	const struct sockaddr_buf *name = READ_ONCE(u->name);
	u32 n;

	if (!name || name->len <= sizeof(u16))
		return;
	n = name->len - (u32)sizeof(u16);
	/* a path is reported without its final zero */
	if (name->data[2])
		n = (u32)strnlen((const char *)name->data + 2, n);
	if (show & UDIAG_SHOW_NAME)
		nl_attr(b, UNIX_DIAG_NAME, name->data + 2, n);
	if (show & UDIAG_SHOW_VFS && d) {
		vfs.udiag_vfs_ino = (u32)d_inode(d)->i_ino;
		vfs.udiag_vfs_dev = (u32)d_inode(d)->i_sb->s_dev;
		nl_attr(b, UNIX_DIAG_VFS, &vfs, sizeof(vfs));
	}
}

static void put_queue(struct nl_builder *b, struct unix_sock *u)
{
	struct unix_diag_rqlen q = { unix_inq(u), (u32)unix_wmem(u) };

	if (u->state == UNIX_LISTEN)
		q = (struct unix_diag_rqlen){ u->nr_pending, u->backlog };
	nl_attr(b, UNIX_DIAG_RQLEN, &q, sizeof(q));
}

/* Builds the answer for one unix socket (an rtnl_put_fn). @what: struct unix_sock **. */
static void put_unix(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	const struct unix_diag_req *r = NLMSG_DATA(req);
	struct unix_sock *u = *(struct unix_sock *const *)what, *peer = unix_peer_get(u);
	struct unix_diag_msg *d = nl_begin(b, req, portid, SOCK_DIAG_BY_FAMILY, flags, sizeof(*d));
	u32 mem[SK_MEMINFO_VARS];
	u8 shutdown = (u8)u->c.shutdown;

	d->udiag_family = AF_UNIX;
	d->udiag_type = (u8)u->c.type;
	d->udiag_state = unix_state(u);
	d->udiag_ino = (u32)u->c.ino;
	put_cookie(&u->c, d->udiag_cookie);
	put_name(b, u, r->udiag_show);
	if (r->udiag_show & UDIAG_SHOW_PEER && peer && u->state != UNIX_LISTEN)
		nl_attr_u32(b, UNIX_DIAG_PEER, (u32)peer->c.ino);
	if (r->udiag_show & UDIAG_SHOW_RQLEN)
		put_queue(b, u);
	if (r->udiag_show & UDIAG_SHOW_MEMINFO) {
		sock_meminfo(NULL, &u->c, mem);
		mem[SK_MEMINFO_WMEM_ALLOC] = (u32)unix_wmem(u);
		nl_attr(b, UNIX_DIAG_MEMINFO, mem, sizeof(mem));
	}
	nl_attr(b, UNIX_DIAG_SHUTDOWN, &shutdown, 1);
	if (r->udiag_show & UDIAG_SHOW_UID)
		nl_attr_u32(b, UNIX_DIAG_UID, from_kuid_munged(current_user_ns(), u->uid));
	nl_end(b);
	if (peer)
		unix_put(peer);
}

static int dump_unix(struct query *q)
{
	struct unix_sock **to = kcalloc(BATCH, sizeof(struct unix_sock *), GFP_KERNEL);
	u32 done = 0, n;

	if (!to)
		return -ENOMEM;
	do {
		n = unix_list(q->n->c.net, to, BATCH, done);
		for (u32 k = 0; k < n; k++) {
			if (!q->err && q->local->udiag_states >> unix_state(to[k]) & 1)
				q->err = nl_answer(q->n, q->req, put_unix, &to[k], NLM_F_MULTI);
			unix_put(to[k]);
		}
		done += n;
		cond_resched();
	} while (n == BATCH && !q->err);
	kfree(to);
	return q->err ? q->err : nl_done(q->n, q->req);
}

static int get_unix(struct query *q)
{
	struct unix_sock *u;
	int err = -ESTALE;

	if (!q->local->udiag_ino)
		return -EINVAL;
	u = unix_by_ino(q->n->c.net, q->local->udiag_ino);
	if (!u)
		return -ENOENT;
	if (cookie_agrees(&u->c, q->local->udiag_cookie))
		err = nl_answer(q->n, q->req, put_unix, &u, 0);
	unix_put(u);
	return err;
}

static int serve_unix(struct query *q)
{
	q->local = NLMSG_DATA(q->req);
	if (q->req->nlmsg_len < NLMSG_LENGTH(sizeof(*q->local)))
		return -EINVAL;
	return q->req->nlmsg_flags & NLM_F_DUMP ? dump_unix(q) : get_unix(q);
}

/* ---- netlink ---- */

static void put_netlink(
	struct nl_builder *b, const struct nlmsghdr *req, u32 portid, u16 flags, const void *what)
{
	const struct netlink_diag_msg *from = what;

	memcpy(nl_begin(b, req, portid, SOCK_DIAG_BY_FAMILY, flags, sizeof(*from)), from,
		sizeof(*from));
	nl_end(b);
}

struct netlink_list {
	const struct net *net;
	int protocol;
	u32 n;
	struct netlink_diag_msg *all;
};

static void list_netlink(const struct nl_sock *n, void *arg)
{
	struct netlink_list *l = arg;
	struct netlink_diag_msg *d = &l->all[l->n];

	if (n->c.net != l->net || !n->portid ||
		(l->protocol != NDIAG_PROTO_ALL && l->protocol != n->proto->protocol))
		return;
	l->n++;
	*d = (struct netlink_diag_msg){
		.ndiag_family = AF_NETLINK,
		.ndiag_type = (u8)n->c.type,
		.ndiag_protocol = (u8)n->proto->protocol,
		.ndiag_state = 7,
		.ndiag_portid = n->portid,
		.ndiag_dst_portid = n->dst_portid,
		.ndiag_ino = (u32)n->c.ino,
	};
	put_cookie((struct sock_common *)&n->c, d->ndiag_cookie);
}

static int serve_netlink(struct query *q)
{
	const struct netlink_diag_req *r = NLMSG_DATA(q->req);
	struct netlink_list l = { .net = q->n->c.net };
	struct nl_sock *mark;
	bool more;
	int err = 0;

	if (q->req->nlmsg_len < NLMSG_LENGTH(sizeof(*r)))
		return -EINVAL;
	if (!(q->req->nlmsg_flags & NLM_F_DUMP))
		return -EOPNOTSUPP;
	l.protocol = r->sdiag_protocol;
	l.all = kcalloc(BATCH, sizeof(*l.all), GFP_KERNEL);
	mark = l.all ? nl_walk_begin() : NULL;
	if (!mark) {
		kfree(l.all);
		return -ENOMEM;
	}
	do {
		l.n = 0;
		more = nl_walk(mark, BATCH, list_netlink, &l);
		for (u32 k = 0; k < l.n && !err; k++)
			err = nl_answer(q->n, q->req, put_netlink, &l.all[k], NLM_F_MULTI);
		cond_resched();
	} while (more && !err);
	nl_walk_end(mark);
	kfree(l.all);
	return err ? err : nl_done(q->n, q->req);
}

/* ---- requests ---- */

static int diag_serve(struct nl_sock *n, const struct nlmsghdr *req)
{
	struct query q = { .n = n, .req = req };
	int err;

	if (req->nlmsg_type == SOCK_DESTROY)
		return net_capable(n->c.net, CAP_NET_ADMIN) ? -EOPNOTSUPP : -EPERM;
	if (req->nlmsg_type != SOCK_DIAG_BY_FAMILY || req->nlmsg_len < NLMSG_LENGTH(2))
		return -EINVAL;
	switch (*(const u8 *)NLMSG_DATA(req)) {
	case AF_INET:
	case AF_INET6: err = serve_inet(&q); break;
	case AF_UNIX: err = serve_unix(&q); break;
	case AF_NETLINK: err = serve_netlink(&q); break;
	default: err = -ENOENT;
	}
	if (!err && !(req->nlmsg_flags & NLM_F_DUMP) && req->nlmsg_flags & NLM_F_ACK)
		return 0;
	return err ? err : 1;
}

const struct nl_proto nl_diag = {
	.protocol = NETLINK_SOCK_DIAG,
	.groups = 32,
	.all_recv = true,
	.serve = diag_serve,
};
