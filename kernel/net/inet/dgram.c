/* SPDX-License-Identifier: MIT */
/*
 * dgram.c: code that UDP, raw and ping sockets share: the queue of received packets, connect(2),
 * and the limit on sent packets.
 *
 * A received packet counts with its true size against rcvbuf until it is read (queue.rmem); a
 * packet that exceeds rcvbuf is dropped. A sent packet counts against sndbuf until it is freed
 * (queue.wmem); the sender waits for room. On loopback dgram_queue() moves the charge from the
 * sender to the receiver.
 * Locks: c.lock for rq and rmem; queue.read_mutex for readers.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>

#include "kernel/lib/printk.h"
#include "kernel/net/socket/errqueue.h"
#include "kernel/net/inet/inet.h"
#include "kernel/sched/sched.h"

/* ---- the limit on sent packets ---- */

static void wfree(struct sk_buff *skb)
{
	struct inet_sock *i = skb->owner;

	atomic_sub((s32)skb->charged, &i->queue.wmem);
	if (waitqueue_active(&i->c.wait))
		wake_up_common(&i->c.wait, TASK_NORMAL, 0, EPOLLOUT | EPOLLWRNORM);
	inet_put(i);
}

void dgram_charge(struct inet_sock *i, struct sk_buff *skb, const struct flow *f)
{
	inet_get(i);
	skb->owner = i;
	skb->charged = skb_truesize(skb);
	skb->destructor = wfree;
	skb->mark = f->mark;
	skb->priority = i->c.priority;
	atomic_add((s32)skb->charged, &i->queue.wmem);
}

void dgram_want_stamps(struct inet_sock *i, struct sk_buff *skb, const struct msg *m)
{
	skb->stamp_wanted = errq_wanted(&i->c, m);
	if (likely(!skb->stamp_wanted))
		return;
	skb->stamp_for = &i->c;
	skb->stamp_key = errq_key(&i->c, m);
}

static bool may_send(const struct inet_sock *i)
{
	return (u32)atomic_read(&i->queue.wmem) < i->c.sndbuf;
}

int dgram_wait_wmem(struct inet_sock *i, const struct msg *m)
{
	if (likely(may_send(i)))
		return 0;
	return sock_wait(&i->c, may_send(i) || i->c.err || i->c.shutdown & SHUT_WR, m->nonblock,
		i->c.sndtimeo);
}

/* ---- the receive queue ---- */

static void rfree(struct inet_sock *i, u32 n)
{
	spin_lock(&i->c.lock);
	i->queue.rmem -= n;
	spin_unlock(&i->c.lock);
}

bool dgram_queue(struct inet_sock *i, struct sk_buff *skb)
{
	bool fits;
	u32 size;

	if (skb->destructor) {
		skb->destructor(skb);
		skb->destructor = NULL;
	}
	size = skb_truesize(skb);
	if (!skb->stamp)
		skb->stamp = ktime_get_real();
	spin_lock(&i->c.lock);
	/*
	 * An empty queue takes a packet of any size. A queue also takes packets after shutdown(2):
	 * as on Linux, a reader still gets them.
	 */
	fits = !i->queue.rmem || i->queue.rmem + size <= i->c.rcvbuf;
	skb->dropped = i->queue.drops;
	if (i->rport)
		i->c.rare.incoming_cpu = smp_processor_id();
	if (fits) {
		i->queue.rmem += size;
		list_add_tail(&skb->list, &i->queue.rq);
		inet_sigio(i, EPOLLIN | EPOLLRDNORM);
	} else {
		i->queue.drops++;
	}
	spin_unlock(&i->c.lock);
	if (fits)
		wake_up_common(&i->c.wait, TASK_NORMAL, 1, EPOLLIN | EPOLLRDNORM);
	else
		kfree_skb(skb);
	return fits;
}

#define CROWD_PAGE ((PAGE_SIZE - 2 * sizeof(u64)) / sizeof(struct inet_sock *))
struct dgram_crowd_page {
	struct dgram_crowd_page *next;
	u64 n;
	struct inet_sock *sock[CROWD_PAGE];
};
BUILD_BUG_ON(sizeof(struct dgram_crowd_page) != PAGE_SIZE);

static bool crowd_page(struct dgram_crowd *c)
{
	struct dgram_crowd_page *p = get_free_page(GFP_ATOMIC);

	if (!p)
		return false;
	p->next = NULL;
	p->n = 0;
	if (c->last)
		c->last->next = p;
	else
		c->first = p;
	c->last = p;
	return true;
}

void dgram_crowd_add(struct dgram_crowd *c, struct inet_sock *i)
{
	if (c->nr_few < ARRAY_SIZE(c->few)) {
		inet_get(i);
		c->few[c->nr_few++] = i;
		return;
	}
	if ((!c->last || c->last->n == CROWD_PAGE) && !crowd_page(c))
		return;
	inet_get(i);
	c->last->sock[c->last->n++] = i;
}

static void hand_copy(struct inet_sock *i, const struct sk_buff *skb,
	void (*hand_over)(struct inet_sock *i, struct sk_buff *copy))
{
	struct sk_buff *copy = skb_clone(skb, GFP_ATOMIC);

	if (copy)
		hand_over(i, copy);
	else
		inet_put(i);
}

void dgram_for_each(struct dgram_crowd *c, const struct sk_buff *skb,
	void (*hand_over)(struct inet_sock *i, struct sk_buff *copy))
{
	struct dgram_crowd_page *p, *next;

	for (u32 k = 0; k < c->nr_few; k++)
		hand_copy(c->few[k], skb, hand_over);
	for (p = c->first; p; p = next) {
		next = p->next;
		for (u64 k = 0; k < p->n; k++)
			hand_copy(p->sock[k], skb, hand_over);
		free_page_addr(p);
	}
}

/*
 * Finds the packet that MSG_PEEK reads at SO_PEEK_OFF; *@skip: bytes of it before that offset.
 * Returns NULL if all packets lie before the offset. c.lock held.
 */
static struct sk_buff *at_offset(struct inet_sock *i, u32 *skip)
{
	struct sk_buff *skb;

	*skip = (u32)max(i->c.peek_off, 0);
	list_for_each_entry(skb, &i->queue.rq, list) {
		if (!*skip || *skip < skb_len(skb))
			return skb;
		*skip -= skb_len(skb);
	}
	return NULL;
}

/*
 * Removes the next packet and returns it, or a clone for @peek. Returns NULL if there is none, or
 * ERR_PTR if there is no memory for the clone.
 */
static struct sk_buff *take(struct inet_sock *i, bool peek)
{
	struct sk_buff *skb;
	bool more;
	u32 skip = 0;

	spin_lock(&i->c.lock);
	skb = peek ? at_offset(i, &skip) :
		     list_first_entry_or_null(&i->queue.rq, struct sk_buff, list);
	if (skb && peek) {
		skb = skb_clone(skb, GFP_ATOMIC);
		if (!skb)
			skb = ERR_PTR(-ENOBUFS);
		else if (skip)
			skb_pull(skb, skip);
	} else if (skb) {
		list_del_init(&skb->list);
	}
	more = !list_empty(&i->queue.rq);
	spin_unlock(&i->c.lock);
	/*
	 * Each packet wakes up one reader. Packets are left, and another reader may have missed its
	 * wake-up, so wake up the next.
	 */
	if (more)
		wake_up_common(&i->c.wait, TASK_NORMAL, 1, EPOLLIN | EPOLLRDNORM);
	return skb;
}

static bool has_packet(struct inet_sock *i, bool peek)
{
	bool has;
	u32 skip;

	if (!peek || i->c.peek_off <= 0)
		return !list_empty(&i->queue.rq);
	spin_lock(&i->c.lock);
	has = at_offset(i, &skip);
	spin_unlock(&i->c.lock);
	return has;
}

struct sk_buff *dgram_wait(struct inet_sock *i, struct msg *m)
{
	struct sk_buff *skb;
	int err;

	for (;;) {
		err = xchg(&i->c.err, 0);
		if (err)
			return ERR_PTR(err);
		skb = take(i, m->flags & MSG_PEEK);
		if (skb)
			return skb;
		if (i->c.shutdown & SHUT_RD)
			return m->nonblock && !m->waits_later ? ERR_PTR(-EAGAIN) : NULL;
		err = sock_wait_again(&i->c,
			has_packet(i, m->flags & MSG_PEEK) || i->c.err || i->c.shutdown & SHUT_RD,
			m, i->c.rcvtimeo);
		if (err)
			return ERR_PTR(err);
	}
}

static bool is_udp(const struct inet_sock *i)
{
	return i->c.protocol == IPPROTO_UDP || i->c.protocol == IPPROTO_UDPLITE;
}

/* Counts a datagram that is read. UDP's InDatagrams counts reads, not arrivals. */
static void count_read(struct inet_sock *i, const struct sk_buff *skb, bool good)
{
	struct udp_stats *n = &UDP_STATS(i->net, i->c.protocol == IPPROTO_UDPLITE, skb->ip.v6);

	if (is_udp(i) && good)
		n->in++;
	else if (is_udp(i))
		n->in_errors++;
}

/* Counts a lookup that found no route: of UDP sockets for IPv4, of all sockets for IPv6. */
static void count_no_route(struct inet_sock *i, const ip_addr *to, int err)
{
	if (err == -ENETUNREACH && (is_udp(i) || !ip_is_v4(to)))
		IP_STATS(i->net, !ip_is_v4(to)).out_noroutes++;
}

/*
 * Reads one datagram. Returns the number of bytes copied, or with MSG_TRUNC the length of the
 * datagram; 0 after a shutdown; or -errno.
 */
static ssize_t receive(struct inet_sock *i, struct msg *m)
{
	struct sk_buff *skb = dgram_wait(i, m);
	u32 len, n;
	ssize_t ret;

	if (IS_ERR_OR_NULL(skb))
		return PTR_ERR(skb);
	len = skb_len(skb);
	n = (u32)min_t(u64, len, m->iter.count);
	ret = skb_copy_to_iter(skb, 0, n, &m->iter) ? -EFAULT : (ssize_t)n;
	if (n < len) {
		m->out_flags |= MSG_TRUNC;
		if (m->flags & MSG_TRUNC && ret >= 0)
			ret = len;
	}
	if (m->name)
		inet_write_addr(i, m->name, &skb->ip.saddr, skb->sport, skb->dev->ifindex);
	inet_put_cmsgs(i, m, skb);
	if (!(m->flags & MSG_PEEK)) {
		rfree(i, skb_truesize(skb));
		count_read(i, skb, ret >= 0);
	}
	sock_peeked(&i->c, m->flags & MSG_PEEK ? (int)n : -(int)len);
	kfree_skb(skb);
	return ret;
}

ssize_t dgram_recvmsg(struct socket *s, struct msg *m)
{
	if (m->flags & MSG_ERRQUEUE)
		return errq_recvmsg(INET(s), m);
	return receive(INET(s), m);
}

u32 dgram_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	struct inet_sock *i = INET(s);
	u32 mask = 0;

	poll_wait(f, &i->c.wait, pt);
	if (!list_empty(&i->queue.rq))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (i->c.shutdown & SHUT_RD)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (i->c.shutdown == SHUT_BOTH)
		mask |= EPOLLHUP;
	if (READ_ONCE(i->c.err) || !errq_empty(&i->c))
		mask |= EPOLLERR | (i->c.rare.select_err ? EPOLLPRI : 0);
	if (may_send(i))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return mask;
}

/*
 * True if a connected socket gets the error even without IP_RECVERR. It gets EMSGSIZE if it has
 * path MTU discovery enabled (IP_MTU_DISCOVER); the rules depend on the socket's protocol.
 */
static bool is_fatal(const struct inet_sock *i, const struct ip_error *e, bool v4)
{
	if (e->err != EMSGSIZE)
		return e->fatal;
	if (v4)
		return i->opts.pmtudisc != IP_PMTUDISC_DONT;
	if (i->table == &raw_socks)
		return i->opts.pmtudisc6 == IPV6_PMTUDISC_DO;
	return i->c.protocol != IPPROTO_ICMPV6 && i->opts.pmtudisc6 != IPV6_PMTUDISC_DONT;
}

void dgram_error(
	struct inet_sock *i, const struct ip_error *e, const ip_addr *dest, u16 port, u32 skip)
{
	bool raw = i->table == &raw_socks, v4 = ip_is_v4(dest);
	bool connected = i->rport || (raw && !ip_is_any(&i->raddr));
	bool asked = v4 ? i->opts.recverr : i->opts.recverr6, fatal = is_fatal(i, e, v4);

	/* no EMSGSIZE for a socket that has path MTU discovery off */
	if (e->err == EMSGSIZE && v4 && !raw && !fatal)
		return;
	if (!(fatal && connected) && !asked)
		return;
	if (asked)
		errq_icmp(i, e, dest, port, skip);
	WRITE_ONCE(i->c.err, -e->err);
	wake_up_common(&i->c.wait, TASK_NORMAL, 0, EPOLLERR);
}

/* ---- destinations ---- */

/* Returns -EACCES for a broadcast address unless SO_BROADCAST is set. */
static int may_broadcast(const struct inet_sock *i, const ip_addr *a)
{
	return !i->c.broadcast && addr_is_broadcast(i->net, a) ? -EACCES : 0;
}

/*
 * Returns 1 if @m has an address of the destination, 0 if it has none, or -errno. AF_UNSPEC in the
 * address means the socket's family; for UDP over IPv6 it means no address.
 */
static int names_peer(const struct inet_sock *i, const struct msg *m)
{
	struct sockaddr_buf *a = m->name;
	bool raw = i->c.type == SOCK_RAW;

	if (a && !raw && (i->c.protocol == IPPROTO_ICMP || i->c.protocol == IPPROTO_ICMPV6))
		return !i->v6 || a->len >= 28 ? 1 : -EINVAL; /* ping accepts only its own family */
	if (!a || (raw && !i->v6 && !a->len))
		return 0;
	if (!i->v6) {
		if (a->len >= 16 && a->family == AF_UNSPEC)
			a->family = AF_INET;
		return 1;
	}
	if (raw) {
		if (a->len >= SOCKADDR_V6_MIN && a->family == AF_UNSPEC)
			a->family = AF_INET6;
		return 1;
	}
	if (a->len < sizeof(u16) ||
		(a->family != AF_UNSPEC && a->family != AF_INET && a->family != AF_INET6))
		return -EINVAL;
	return a->family != AF_UNSPEC;
}

/*
 * Sets the flow label: from the control message, else from the address, else the socket's. Returns
 * 0, or -EINVAL if the socket may not send the label.
 */
static int label_of(
	const struct inet_sock *i, const struct inet_control *c, u32 flowinfo, struct flow *f)
{
	u32 label = c->has_label ? c->label : flowinfo & 0xfffffU;

	if (label && !ip_is_v4(&f->daddr))
		f->label = label;
	return c->has_label ? flowlabel_may_send(i, label) : 0;
}

int dgram_destination(struct inet_sock *i, struct msg *m, struct flow *f, u16 *port)
{
	const struct inet_control *ic = &m->inet;
	ip_addr to;
	u32 flowinfo = i->opts.flowinfo;
	int scope = 0, err = names_peer(i, m);

	if (err < 0)
		return err;
	if (err) {
		err = inet_read_peer(i, m->name, &to, port, &scope);
		if (!err)
			err = flowlabel_named(i, m->name, &flowinfo);
		if (err)
			return err;
		/* An address for a raw IPv6 socket has the protocol in its port field. */
		if (i->v6 && i->c.type == SOCK_RAW && *port && *port != i->c.protocol &&
			(i->c.protocol != IPPROTO_RAW || *port > 255))
			return -EINVAL;
		if (i->v6 && i->opts.v6only && ip_is_v4(&to))
			return -ENETUNREACH;
		if (!*port && (i->table == &udp_ports || i->table == &udplite_ports))
			return -EINVAL;
	} else if (i->rport || !ip_is_any(&i->raddr)) { /* a socket may be connected to port 0 */
		to = i->raddr;
		*port = i->rport;
	} else {
		return -EDESTADDRREQ;
	}
	if (m->ctl_err)
		return m->ctl_err;
	if (!ic->has_src && inet_wrong_family(i, &to))
		return -EAFNOSUPPORT;
	inet_flow(i, &to, f);
	f->dport = inet_has_ports(i) ? *port : 0;
	err = label_of(i, ic, flowinfo, f);
	if (err)
		return err;
	if (scope && !f->oif)
		f->oif = scope;
	if (ic->has_src && !ip_is_any(&ic->src))
		f->saddr = ic->src;
	if (ic->ifindex)
		f->oif = ic->ifindex;
	if (ic->has_ttl)
		f->ttl = (u8)ic->ttl;
	if (ic->has_tos)
		f->tos = (u8)ic->tos;
	if (ic->has_dontfrag)
		f->no_fragment = ic->dontfrag || (i->opts.pmtudisc6 >= 2 && i->opts.pmtudisc6 <= 4);
	if (m->flags & MSG_DONTROUTE)
		f->dontroute = true;
	if (!ip_is_v4(&to)) {
		if (!m->inet.ext)
			m->inet.ext = ip6_ext_of(i);
		f->ext = m->inet.ext;
	} else {
		if (!m->inet.opts)
			m->inet.opts = ip4_opts_of(i);
		f->opts = m->inet.opts;
	}
	if (ic->has_mark)
		f->mark = ic->mark;
	err = route_output(i->net, f);
	count_no_route(i, &to, err);
	if (!err)
		err = may_broadcast(i, &to);
	if (!err && i->opts.frag_size6 && !ip_is_v4(&f->daddr))
		f->mtu = min(f->mtu, (u32)i->opts.frag_size6);
	return err;
}

static void disconnect(struct inet_sock *i)
{
	i->link_if = 0;
	inet_drop_peer(i);
	/* gives back a port that the kernel chose */
	if (!i->in.by_user && i->lport) {
		inet_unhash(i);
		i->lport = 0;
	}
}

/*
 * Connects to @a: gets a port, and chooses the source address by the route. op held. Returns 0 or
 * -errno.
 */
static int do_connect(struct inet_sock *i, struct sockaddr_buf *a)
{
	struct flow f;
	ip_addr to;
	u16 port;
	u32 flowinfo;
	int err, scope, link;

	/* the socket keeps the port even if connect(2) fails */
	if (!i->lport && i->table != &raw_socks) {
		err = inet_get_port(i, &i->laddr, 0, false);
		if (err)
			return -EAGAIN;
	}
	if (i->v6 && i->c.type == SOCK_RAW && a->len >= sizeof(u16) && a->family != AF_INET6)
		return -EAFNOSUPPORT;
	err = inet_read_peer(i, a, &to, &port, &scope);
	if (!err)
		err = flowlabel_named(i, a, &flowinfo);
	if (err)
		return err;
	if (i->v6 && i->opts.v6only && ip_is_v4(&to))
		return a->family == AF_INET ? -EAFNOSUPPORT : -ENETUNREACH;
	err = inet_link_of(i, &to, scope, &link);
	if (!err && inet_wrong_family(i, &to))
		err = -EAFNOSUPPORT;
	if (err)
		return err;
	inet_flow(i, &to, &f);
	f.dport = inet_has_ports(i) ? port : 0;
	f.saddr = inet_source(i);
	if ((scope || link) && !f.oif)
		f.oif = scope ? scope : link;
	err = route_output(i->net, &f);
	if (!err)
		err = may_broadcast(i, &to);
	if (err)
		return err;
	i->link_if = link;
	i->opts.flowinfo = flowinfo;
	return inet_set_peer(i, &f.saddr, &f.daddr, port);
}

int dgram_connect(struct socket *s, struct sockaddr_buf *a, bool nonblock)
{
	struct inet_sock *i = INET(s);
	int err = 0;

	if (a->len < sizeof(u16))
		return -EINVAL;
	mutex_lock(&i->op);
	if (a->family == AF_UNSPEC)
		disconnect(i);
	else
		err = do_connect(i, a);
	mutex_unlock(&i->op);
	return err;
}

/* ---- shutdown, release, ioctl ---- */

int dgram_shutdown(struct socket *s, int how)
{
	struct inet_sock *i = INET(s);

	spin_lock(&i->c.lock);
	i->c.shutdown |= (u32)how; /* takes effect even without a peer */
	spin_unlock(&i->c.lock);
	wake_up_common(&i->c.wait, TASK_NORMAL, 0, 0);
	return i->rport ? 0 : -ENOTCONN;
}

long dgram_ioctl(struct socket *s, u32 cmd, u64 arg)
{
	struct inet_sock *i = INET(s);

	return skb_queue_ioctl(cmd, arg, &i->queue.rq, &i->c.lock, &i->queue.wmem);
}

int dgram_queued(struct socket *s, u32 cmd)
{
	struct inet_sock *i = INET(s);

	return skb_queue_bytes(cmd, &i->queue.rq, &i->c.lock, &i->queue.wmem);
}

int dgram_release(struct socket *s)
{
	struct inet_sock *i = INET(s);

	spin_lock(&i->c.lock);
	i->sock = NULL;
	spin_unlock(&i->c.lock);
	inet_unhash(i);
	inet_mc_drop(i);
	inet_put(i);
	return 0;
}
