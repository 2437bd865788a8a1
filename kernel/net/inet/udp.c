/* SPDX-License-Identifier: MIT */
/*
 * udp.c: UDP (RFC 768; udp(7)) and UDP-Lite (RFC 3828; udplite(7)). The header of UDP-Lite has the
 * checksum coverage in place of the length.
 *
 * Sending a datagram costs one buffer and one copy. If the destination is this machine, the
 * receiver is looked up in the same call, and only a reader is woken up.
 */
#include <asm/errno.h>
#include <linux/udp.h>

#include "kernel/lib/printk.h"
#include "kernel/net/socket/errqueue.h"
#include "kernel/net/packet/filter.h"
#include "kernel/net/inet/frag.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"

#define UDP_MAX 65507U
#define UDP_MAX6 65527U
#define SEGMENTS_MAX 128U /* datagrams of one UDP_SEGMENT message */

/* ---- sending ---- */

static struct udp_stats *udp_stats(struct net *net, const struct port_table *t, bool v6)
{
	return &UDP_STATS(net, t == &udplite_ports, v6);
}

static void push_header(
	struct sk_buff *skb, const struct inet_sock *i, const struct flow *f, u16 port)
{
	u32 len = skb->len + sizeof(struct udphdr), covered = len;
	bool lite = i->table == &udplite_ports;
	struct udphdr *h = skb_push(skb, sizeof(*h));

	*h = (struct udphdr){ .source = htons(i->lport), .dest = htons(port), .len = htons(len) };
	if (lite && i->udp.cov_send && i->udp.cov_send < len) {
		covered = i->udp.cov_send;
		h->len = htons(covered);
	}
	if (!lite &&
		(f->local || i->c.rare.no_check || (i->udp.no_check6_tx && !ip_is_v4(&f->daddr))))
		return;
	/* each datagram gets its own checksum when the message is cut */
	if (skb->gso)
		return;
	h->check = csum_fold(
		skb_sum(skb, 0, covered, csum_pseudo(&f->saddr, &f->daddr, f->proto, len)));
	if (!h->check)
		h->check = 0xffff;
}

/*
 * Returns the error to report to the program. As on Linux, a full queue of the device is reported
 * only with IP_RECVERR, since a datagram may be lost anywhere.
 */
static int reported_err(const struct inet_sock *i, const struct flow *f, int err)
{
	bool wants = ip_is_v4(&f->daddr) ? i->opts.recverr : i->opts.recverr6;

	return err == -ENOBUFS && !wants ? 0 : err;
}

static int transmit(struct inet_sock *i, struct sk_buff *skb, const struct flow *f, u16 port,
	const struct msg *m)
{
	int err;

	if (m)
		dgram_want_stamps(i, skb, m);
	push_header(skb, i, f, port);
	dgram_charge(i, skb, f);
	err = ip_send(i->net, skb, f);
	net_rx_flush();
	if (!err)
		udp_stats(i->net, i->table, !ip_is_v4(&f->daddr))->out++;
	return reported_err(i, f, err);
}

/*
 * Makes room for @n bytes of corked data; begins an empty datagram if there is none. Doubles the
 * room at least, so that many small messages are not copied often. op held.
 */
static bool cork_room(struct inet_sock *i, u32 n)
{
	u32 room = i->cork.data ? i->cork.room : 0;
	u8 *data;

	if (i->cork.data && n <= room)
		return true;
	room = max(n, min(max(room * 2, 128U), UDP_MAX));
	data = krealloc(i->cork.data, room, GFP_KERNEL | __GFP_ACCOUNT);
	if (!data)
		return false;
	if (!i->cork.data)
		i->cork.len = 0;
	i->cork.data = data;
	i->cork.room = room;
	return true;
}

/* Appends the message to the corked data; begins an empty datagram if there is none. op held. */
static int gather(struct inet_sock *i, struct msg *m, size_t len)
{
	size_t all = (i->cork.data ? i->cork.len : 0) + len;

	if (all > (ip_is_v4(&i->cork.flow.daddr) ? UDP_MAX : UDP_MAX6))
		return -EMSGSIZE;
	if (!cork_room(i, (u32)all))
		return -ENOBUFS;
	if (copy_from_iter(i->cork.data + i->cork.len, len, &m->iter) != len)
		return -EFAULT;
	i->cork.len += (u32)len;
	return 0;
}

static void uncork(struct inet_sock *i)
{
	kfree(i->cork.data);
	ip6_ext_put(i->cork.flow.ext);
	i->cork.flow.ext = NULL;
	ip4_opts_put(i->cork.flow.opts);
	i->cork.flow.opts = NULL;
	i->cork.data = NULL;
	i->cork.len = 0;
}

static int send_gathered(struct inet_sock *i)
{
	struct sk_buff *skb = skb_alloc(max(i->cork.len, 1U), GFP_KERNEL);
	int err = -ENOBUFS;

	if (skb) {
		memcpy(skb->buf->data, i->cork.data, i->cork.len);
		skb->len = i->cork.len;
		err = transmit(i, skb, &i->cork.flow, i->cork.port, NULL);
	}
	uncork(i);
	return err;
}

/*
 * Appends a message to the corked datagram, and sends the datagram unless more is to follow. op
 * held.
 */
static int append(struct inet_sock *i, struct msg *m, size_t len)
{
	int err = gather(i, m, len);

	if (err)
		uncork(i);
	else if (!i->udp.corked && !(m->flags & MSG_MORE))
		err = send_gathered(i);
	return err;
}

static ssize_t send_corked(struct inet_sock *i, struct msg *m, const struct flow *f, u16 port)
{
	size_t len = m->iter.count;
	int err;

	mutex_lock(&i->op);
	if (!i->cork.data) {
		i->cork.flow = *f;
		ip6_ext_get(f->ext);
		ip4_opts_get(f->opts);
		i->cork.port = port;
	}
	err = append(i, m, len);
	mutex_unlock(&i->op);
	return err ? err : (ssize_t)len;
}

/*
 * Appends the message to the corked datagram, whatever destination the message has. Returns 0 if
 * there is no corked datagram.
 */
static ssize_t send_pending(struct inet_sock *i, struct msg *m)
{
	size_t len = m->iter.count;
	int err = 0;
	bool begun;

	mutex_lock(&i->op);
	begun = i->cork.data;
	if (begun)
		err = append(i, m, len);
	mutex_unlock(&i->op);
	return err ? err : begun ? (ssize_t)len : 0;
}

/* Sends the corked datagram when UDP_CORK is cleared. op held. */
int udp_push_pending(struct inet_sock *i)
{
	return i->cork.data ? send_gathered(i) : 0;
}

static void too_long(struct inet_sock *i, const struct flow *f, u16 port)
{
	bool v4 = ip_is_v4(&f->daddr);

	errq_local(i, EMSGSIZE, &f->daddr, v4 ? i->rport : port, v4 ? min(f->mtu, 65535U) : f->mtu);
}

/*
 * Returns the payload bytes of each datagram that the message is cut into, 0: it is one datagram.
 * Returns -EMSGSIZE if a datagram exceeds the MTU, or -EINVAL for too many or if checksums are off.
 */
static int segment_of(
	const struct inet_sock *i, const struct msg *m, const struct flow *f, size_t len)
{
	u32 seg = m->inet.has_segment ? m->inet.segment : READ_ONCE(i->udp.segment),
	    heads = (u32)sizeof(struct udphdr) + (ip_is_v4(&f->daddr) ? 20U : 40U) +
		    ip6_ext_len(f->ext) + ip4_opts_len(f->opts),
	    room = f->mtu - min(f->mtu, heads);

	if (likely(!seg) || i->table != &udp_ports)
		return 0;
	if (min((size_t)seg, len) > room)
		return -EMSGSIZE;
	if (len > (size_t)seg * SEGMENTS_MAX || i->c.rare.no_check ||
		(i->udp.no_check6_tx && !ip_is_v4(&f->daddr)))
		return -EINVAL;
	return len > seg ? (int)seg : 0;
}

/*
 * Sends each datagram by itself, because segmentation expects the UDP header right behind the IP
 * header, without options or extension headers.
 */
static ssize_t send_each(
	struct inet_sock *i, struct msg *m, const struct flow *f, u16 port, u32 seg)
{
	size_t all = m->iter.count;
	int err = 0;

	while (!err && m->iter.count) {
		struct sk_buff *skb = skb_from_iter(&m->iter, min((size_t)seg, m->iter.count));

		if (IS_ERR(skb))
			return PTR_ERR(skb);
		err = transmit(i, skb, f, port, m->iter.count ? NULL : m);
	}
	return err ? err : (ssize_t)all;
}

/* Sends the message to its destination, or corks it. */
static ssize_t send_data(struct inet_sock *i, struct msg *m, const struct flow *f, u16 port)
{
	size_t len = m->iter.count;
	struct sk_buff *skb;
	int err, seg;

	if (i->udp.corked || i->cork.data || m->flags & MSG_MORE)
		return send_corked(i, m, f, port);
	seg = segment_of(i, m, f, len);
	if (seg < 0)
		return seg;
	if (seg && (f->ext || f->opts))
		return send_each(i, m, f, port, (u32)seg);
	skb = skb_from_iter(&m->iter, len);
	if (IS_ERR(skb))
		return PTR_ERR(skb);
	skb->gso = (u16)seg;
	err = transmit(i, skb, f, port, m);
	if (err == -EMSGSIZE)
		too_long(i, f, port);
	return err ? err : (ssize_t)len;
}

/*
 * Sends a datagram with a MSG_ZEROCOPY notification, which is due once the data were copied, even
 * if the send failed.
 */
static ssize_t send_noticed(struct inet_sock *i, struct msg *m, const struct flow *f, u16 port)
{
	size_t head = i->cork.data ? 0 :
				     /*
				      * As on Linux, an empty datagram gets a notification for its
				      * header.
				      */
				     sizeof(struct udphdr);
	struct err_record *notice = errq_notice_begin(&i->c, m, m->iter.count + head);
	bool some = m->iter.count;
	ssize_t n;

	if (IS_ERR(notice))
		return PTR_ERR(notice);
	n = send_data(i, m, f, port);
	errq_notice_end(&i->c, notice, n >= 0 || (some && !m->iter.count && n != -EMSGSIZE));
	return n;
}

/*
 * Sends one message, or adds it to the datagram that is being collected. Returns the number of
 * bytes, or -errno.
 */
static ssize_t send(struct socket *s, struct msg *m)
{
	struct inet_sock *i = INET(s);
	size_t len = m->iter.count;
	struct flow f;
	u16 port;
	int err;

	if (m->flags & MSG_OOB && !i->v6)
		return -EOPNOTSUPP;
	if (len > 65535)
		return -EMSGSIZE;
	if (unlikely(i->cork.data) && len && !(m->flags & MSG_ZEROCOPY)) {
		ssize_t n = send_pending(i, m);

		if (n)
			return n;
	}
	/* as on Linux, the socket is bound even if the send fails later */
	err = inet_autobind(i);
	if (!err)
		err = dgram_destination(i, m, &f, &port);
	if (!err && m->flags & MSG_OOB && ip_is_v4(&f.daddr)) /* IPv6 ignores the flag */
		err = -EOPNOTSUPP;
	if (!err && !port && ((m->name && m->name->len) || (i->v6 && ip_is_v4(&f.daddr))))
		err = -EINVAL;
	if (!err && len > (ip_is_v4(&f.daddr) ? UDP_MAX : UDP_MAX6)) {
		too_long(i, &f, port);
		err = -EMSGSIZE;
	}
	if (!err)
		err = xchg(&i->c.err, 0);
	if (!err && i->c.shutdown & SHUT_WR)
		err = -EPIPE;
	if (!err)
		err = dgram_wait_wmem(i, m);
	if (err)
		return err;
	f.proto = (u8)i->c.protocol;
	return send_noticed(i, m, &f, port);
}

static ssize_t udp_sendmsg(struct socket *s, struct msg *m)
{
	ssize_t ret = send(s, m);

	ip6_ext_drop(m);
	return ret;
}

/* ---- receiving ---- */

/*
 * Returns the number of bytes that the checksum covers; for UDP the whole datagram. 0: the length
 * field is invalid.
 */
static u32 covered_by(const struct udphdr *h, u32 len, bool lite)
{
	u32 n = ntohs(h->len);

	if (lite && !n)
		return len;
	return n < sizeof(*h) || n > len ? 0 : n;
}

/* True if @skb is well-formed and its checksum is right; otherwise counts the error in @n. */
static bool parse(struct sk_buff *skb, struct udp_stats *n)
{
	struct udphdr tmp;
	const struct udphdr *h = skb_header(skb, sizeof(*h), &tmp);
	bool lite = skb->ip.proto == IPPROTO_UDPLITE;
	u32 len = skb_len(skb), covered = h ? covered_by(h, len, lite) : 0;

	if (!covered)
		return false;
	skb->sport = ntohs(h->source);
	skb->dport = ntohs(h->dest);
	skb->covered = covered < len && lite ? (u16)covered : 0;
	if (!lite) {
		skb_trim(skb, covered);
		len = covered;
	}
	if (skb->csum_ok || (!h->check && !skb->ip.v6 && !lite))
		return true;
	skb->unsummed = !h->check && !lite;
	/* a zero checksum over IPv6: the receiver may accept it (RFC 6935) */
	if (unlikely(skb->unsummed))
		return true;
	if (!csum_fold(skb_sum(skb, 0, covered,
		    csum_pseudo(&skb->ip.saddr, &skb->ip.daddr, skb->ip.proto, len))))
		return true;
	n->csum_errors++;
	return false;
}

static struct port_table *table_of(u8 proto)
{
	return proto == IPPROTO_UDPLITE ? &udplite_ports : &udp_ports;
}

/*
 * Queues @skb, whose header has been pulled, and consumes it. InDatagrams is counted by the read
 * (dgram.c).
 */
static void enqueue(struct udp_stats *n, struct inet_sock *i, struct sk_buff *skb)
{
	if (!sock_filter_skb(&i->c, skb, sizeof(struct udphdr))) {
		n->in_errors++;
		kfree_skb(skb);
	} else if (!dgram_queue(i, skb)) {
		n->rcvbuf_errors++;
		n->in_errors++;
	}
}

/* Queues one of the copies to its socket, and drops the reference to the socket. */
static void hand_over(struct inet_sock *i, struct sk_buff *skb)
{
	bool wanted = inet_wants_group(i, skb) && (!skb->unsummed || i->udp.no_check6_rx);

	skb_pull(skb, sizeof(struct udphdr));
	if (wanted)
		enqueue(udp_stats(i->net, i->table, skb->ip.v6), i, skb);
	else
		kfree_skb(skb);
	inet_put(i);
}

/* Queues a copy to each socket that receives this multicast or broadcast. */
static void to_many(struct net *net, struct sk_buff *skb)
{
	struct dgram_crowd all = { 0 };

	inet_lookup_all(table_of(skb->ip.proto), net, skb, &all);
	dgram_for_each(&all, skb, hand_over);
	kfree_skb(skb);
}

/* Delivers a datagram to its socket. @skb begins with its header, and is consumed. */
static void deliver(struct udp_stats *n, struct inet_sock *i, struct sk_buff *skb)
{
	skb_pull(skb, sizeof(struct udphdr));
	enqueue(n, i, skb);
}

/*
 * Makes a datagram from @len bytes at offset @off of @skb's payload, with copies of both headers.
 * NULL: no memory.
 */
static struct sk_buff *cut_one(const struct sk_buff *skb, u32 off, u32 len)
{
	u32 net = skb->ip.hdr_len;
	struct sk_buff *s = skb_alloc(net + (u32)sizeof(struct udphdr) + len, GFP_ATOMIC);
	struct udphdr *h;

	if (!s)
		return NULL;
	memcpy(s->buf->data, skb_network(skb), net);
	h = (struct udphdr *)(s->buf->data + net);
	skb_copy(skb, 0, h, sizeof(*h));
	h->len = htons((u32)sizeof(*h) + len);
	skb_copy(skb, (u32)sizeof(*h) + off, h + 1, len);
	s->off = net;
	s->len = (u32)sizeof(*h) + len;
	s->dev = skb->dev;
	s->protocol = skb->protocol;
	s->ip = skb->ip;
	s->ip.ext_len = 0;
	s->ip.front_off = 0;
	s->ip.front_head = SKB_ROOM;
	s->sport = skb->sport;
	s->dport = skb->dport;
	s->stamp = skb->stamp;
	s->mark = skb->mark;
	s->priority = skb->priority;
	s->prioidx = skb->prioidx;
	s->csum_ok = skb->csum_ok;
	return s;
}

/*
 * Delivers a packet of several datagrams (UDP_SEGMENT on this machine) one by one, for a socket
 * without UDP_GRO. Without memory the rest is lost. Consumes @skb.
 */
static void deliver_cut(struct udp_stats *n, struct inet_sock *i, struct sk_buff *skb)
{
	u32 all = skb_len(skb) - (u32)sizeof(struct udphdr), len;

	for (u32 off = 0; off < all; off += len) {
		struct sk_buff *s;

		len = min((u32)skb->gso, all - off);
		s = cut_one(skb, off, len);
		if (!s)
			break;
		deliver(n, i, s);
	}
	kfree_skb(skb);
}

void udp_rcv(struct net *net, struct sk_buff *skb)
{
	struct udp_stats *n = udp_stats(net, table_of(skb->ip.proto), skb->ip.v6);
	struct inet_sock *i;

	if (!parse(skb, n)) {
		n->in_errors++;
		kfree_skb(skb);
		return;
	}
	if (skb->broadcast) {
		to_many(net, skb);
		return;
	}
	i = inet_lookup_packet(table_of(skb->ip.proto), net, skb, sizeof(struct udphdr));
	if (!i) {
		n->noports++;
		icmp_unreachable(net, skb, 3, 4);
		kfree_skb(skb);
		return;
	}
	if ((skb->covered && skb->covered < i->udp.cov_recv) ||
		unlikely(skb->unsummed && !i->udp.no_check6_rx)) {
		n->in_errors++;
		kfree_skb(skb);
		inet_put(i);
		return;
	}
	if (unlikely(skb->gso) && !i->udp.gro)
		deliver_cut(n, i, skb);
	else
		deliver(n, i, skb);
	inet_put(i);
}

void udp_err(struct net *net, u8 proto, const ip_addr *local, const ip_addr *remote, const u8 *hdr,
	const struct ip_error *e)
{
	u16 lport = (u16)(hdr[0] << 8 | hdr[1]), rport = (u16)(hdr[2] << 8 | hdr[3]);
	struct inet_sock *i = inet_lookup_port(
		table_of(proto), net, local, lport, remote, rport, e->quote->dev->ifindex);

	if (!i)
		return;
	if (e->err == EMSGSIZE && e->info)
		pmtu_learn(net, remote, e->info);
	dgram_error(i, e, remote, rport, sizeof(struct udphdr));
	inet_put(i);
}

/* ---- sockets ---- */

static const struct proto_ops udp_ops = {
	.late_control = true,
	.release = dgram_release,
	.bind = inet_bind,
	.connect = dgram_connect,
	.getname = inet_getname,
	.poll = dgram_poll,
	.shutdown = dgram_shutdown,
	.sendmsg = udp_sendmsg,
	.recvmsg = dgram_recvmsg,
	.setsockopt = inet_setsockopt,
	.getsockopt = inet_getsockopt,
	.ioctl = dgram_ioctl,
	.queued = dgram_queued,
	.cmsg = inet_cmsg,
};

int udp_create(struct socket *s, int family, int type, int protocol)
{
	struct inet_sock *i = kzalloc(sizeof(*i), GFP_KERNEL);

	if (!i)
		return -ENOMEM;
	inet_init_sock(i, s, family, type, protocol, table_of((u8)protocol));
	i->sock = s;
	s->sk = &i->c;
	s->ops = &udp_ops;
	return 0;
}
