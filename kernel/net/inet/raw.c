/* SPDX-License-Identifier: MIT */
/*
 * raw.c: raw sockets (raw(7)), which receive all packets of a protocol and need CAP_NET_RAW; and
 * ping sockets (icmp(7)), which send and receive ICMP echo messages with one identifier, for the
 * groups of net.ipv4.ping_group_range.
 *
 * A raw socket of AF_INET receives packets with their IP header, one of AF_INET6 without it.
 * Locks: raw_socks.lock protects two kinds of lists: that of all sockets, for /proc, and those by
 * namespace and protocol, for received packets.
 */
#include <asm/errno.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "kernel/lib/printk.h"
#include "kernel/net/inet/frag.h"
#include "kernel/net/packet/filter.h"
#include "kernel/net/inet/icmp.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"

/* The identifier of a ping socket is a port of this table. */
struct port_table ping_ids = { .lock = SPINLOCK_INIT(ping_ids.lock) };

/* ---- in ---- */

static bool wants(const struct inet_sock *i, struct net *net, const struct sk_buff *skb)
{
	if (i->net != net || i->v6 != skb->ip.v6 || (i->c.protocol != skb->ip.proto))
		return false;
	if (i->bound_if && i->bound_if != skb->dev->ifindex)
		return false;
	if (!ip_is_any(&i->laddr) && !ip_equal(&i->laddr, &skb->ip.daddr))
		return false;
	return ip_is_any(&i->raddr) || ip_equal(&i->raddr, &skb->ip.saddr);
}

/* True if the socket's filter (ICMP_FILTER, ICMP6_FILTER) rejects the packet's type. */
static bool filtered(const struct inet_sock *i, const struct sk_buff *skb)
{
	u8 type;

	if (skb->ip.proto == IPPROTO_ICMP && !skb->ip.v6 && skb_len(skb) > skb->ip.hdr_len) {
		skb_copy(skb, skb->ip.hdr_len, &type, 1);
		return type < 32 && i->raw.icmp_filter >> type & 1;
	}
	if (skb->ip.proto == IPPROTO_ICMPV6 && skb_len(skb)) {
		skb_copy(skb, 0, &type, 1);
		return i->raw.icmp6_filter[type / 32] >> (type % 32) & 1;
	}
	return false;
}

/* True if the checksum is right, or the socket does not have it checked (IPV6_CHECKSUM). */
static bool checksum_good(const struct inet_sock *i, const struct sk_buff *skb)
{
	u32 len = skb_len(skb);

	if (!skb->ip.v6 || i->raw.csum_at < 0 || skb->csum_ok)
		return true;
	return !csum_fold(skb_sum(
		skb, 0, len, csum_pseudo(&skb->ip.saddr, &skb->ip.daddr, skb->ip.proto, len)));
}

/* Queues a packet to a socket unless the socket rejects it, and drops the socket's reference. */
static void hand_over(struct inet_sock *i, struct sk_buff *skb)
{
	if (!filtered(i, skb) && inet_wants_group(i, skb) && checksum_good(i, skb) &&
		sock_filter_skb(&i->c, skb, 0))
		dgram_queue(i, skb);
	else
		kfree_skb(skb);
	inet_put(i);
}

bool raw_rcv(struct net *net, struct sk_buff *skb)
{
	struct dgram_crowd all = { 0 };
	struct inet_sock *i;
	bool ours = false;

	if (likely(hlist_empty(&raw_socks.raw)))
		return false;
	spin_lock(&raw_socks.lock);
	hlist_for_each_entry(i, inet_raw_bucket(net, skb->ip.proto), in.way.node) {
		if (!wants(i, net, skb))
			continue;
		ours = true;
		dgram_crowd_add(&all, i);
	}
	spin_unlock(&raw_socks.lock);
	dgram_for_each(&all, skb, hand_over);
	return ours;
}

void raw_err(struct net *net, u8 proto, const ip_addr *local, const ip_addr *remote,
	const struct ip_error *e)
{
	/* the error for sockets with IP_HDRINCL, whose quote begins with the network header */
	struct ip_error whole = *e;
	struct inet_sock *i;
	bool ours = false;

	whole.quote_at = 0;

	if (likely(hlist_empty(&raw_socks.raw)))
		return;
	spin_lock(&raw_socks.lock);
	hlist_for_each_entry(i, inet_raw_bucket(net, proto), in.way.node) {
		if (i->net != net || i->v6 == ip_is_v4(remote) || i->c.protocol != proto ||
			(i->bound_if && i->bound_if != e->quote->dev->ifindex))
			continue;
		if ((ip_is_any(&i->laddr) || ip_equal(&i->laddr, local)) &&
			(ip_is_any(&i->raddr) || ip_equal(&i->raddr, remote))) {
			dgram_error(i, i->opts.hdrincl ? &whole : e, remote, 0, 0);
			ours = true;
		}
	}
	spin_unlock(&raw_socks.lock);
	if (ours && e->err == EMSGSIZE)
		pmtu_learn(net, remote, e->info);
}

void ping_err(struct net *net, const ip_addr *local, const ip_addr *remote, const u8 *hdr,
	const struct ip_error *e)
{
	u16 id = (u16)(hdr[4] << 8 | hdr[5]);
	struct inet_sock *i =
		inet_lookup_port(&ping_ids, net, local, id, remote, 0, e->quote->dev->ifindex);

	if (!i)
		return;
	dgram_error(i, e, remote, 0, 0);
	if (e->err == EMSGSIZE)
		pmtu_learn(net, remote, e->info);
	inet_put(i);
}

/* ---- out ---- */

/*
 * Sends a packet whose IPv4 header the program has written. Sets the length and the checksum, and
 * the source address and, without DF, the identification if they are 0.
 */
static int send_with_header(struct inet_sock *i, struct sk_buff *skb, const struct flow *f)
{
	struct iphdr *h = (struct iphdr *)skb_payload(skb);

	if (skb->len < sizeof(*h) || h->ihl < 5 || h->ihl * 4U > skb->len) {
		kfree_skb(skb);
		return -EINVAL;
	}
	h->tot_len = htons(skb->len);
	if (!h->saddr)
		h->saddr = f->saddr.w[3];
	if (!h->id && !(h->frag_off & htons(IP_DF)))
		h->id = htons(ip_next_id());
	h->check = 0;
	h->check = csum_fold(csum_partial(h, h->ihl * 4U, 0));
	return ip_send_raw(i->net, skb, f);
}

/* Sends a packet whose IPv6 header the program has written, unchanged. */
static int send_with_header6(struct inet_sock *i, struct sk_buff *skb, const struct flow *f)
{
	if (skb->len < sizeof(struct ipv6hdr)) {
		kfree_skb(skb);
		return -EINVAL;
	}
	return ip_send_raw(i->net, skb, f);
}

/*
 * Writes the checksum at the socket's offset, which is even. Returns false if the packet is too
 * short for it.
 */
static bool fill_checksum(const struct inet_sock *i, struct sk_buff *skb, const struct flow *f)
{
	int off = READ_ONCE(i->raw.csum_at); /* read once: setsockopt(2) may change it */
	u16 *at;

	if (off < 0)
		return true;
	if ((u32)off + 2 > skb->len)
		return false;
	at = (u16 *)(skb_payload(skb) + off);
	*at = 0;
	*at = csum_fold(
		skb_sum(skb, 0, skb->len, csum_pseudo(&f->saddr, &f->daddr, f->proto, skb->len)));
	return true;
}

static size_t header_len(const struct inet_sock *i)
{
	return i->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
}

/*
 * Sends one packet. Returns the number of bytes, or -errno. The caller drops the references of @m.
 */
static ssize_t raw_send(struct socket *s, struct msg *m)
{
	struct inet_sock *i = INET(s);
	size_t len = m->iter.count;
	struct sk_buff *skb;
	struct flow f;
	u16 port;
	int err;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (len > 65535)
		return -EMSGSIZE;
	err = dgram_destination(i, m, &f, &port);
	if (!err && i->v6 && ip_is_v4(&f.daddr))
		/* an IPv6 raw socket may connect to an IPv4 address, but not send to it */
		err = -ENETUNREACH;
	else if (!err && i->opts.hdrincl && f.opts)
		err = -EINVAL; /* IP_HDRINCL excludes IP options */
	else if (!err && i->opts.hdrincl && i->c.shutdown & SHUT_WR && len >= header_len(i))
		err = -EPIPE; /* as on Linux, only for whole headers */
	if (!err)
		err = dgram_wait_wmem(i, m);
	if (err)
		return err;
	skb = skb_from_iter(&m->iter, len);
	if (IS_ERR(skb))
		return PTR_ERR(skb);
	/* the program has written the transport checksum */
	skb->foreign = true;
	dgram_charge(i, skb, &f);
	dgram_want_stamps(i, skb, m);
	if (i->opts.hdrincl) {
		err = i->v6 ? send_with_header6(i, skb, &f) : send_with_header(i, skb, &f);
	} else {
		if (i->v6 && !fill_checksum(i, skb, &f)) {
			kfree_skb(skb);
			return -EINVAL;
		}
		err = ip_send(i->net, skb, &f);
	}
	net_rx_flush();
	return err ? err : (ssize_t)len;
}

/* Sends a message by @send, and drops its references to extension headers. */
static ssize_t send_and_drop(
	struct socket *s, struct msg *m, ssize_t (*send)(struct socket *s, struct msg *m))
{
	ssize_t ret = send(s, m);

	ip6_ext_drop(m);
	return ret;
}

static ssize_t raw_sendmsg(struct socket *s, struct msg *m)
{
	return send_and_drop(s, m, raw_send);
}

static ssize_t raw_recvmsg(struct socket *s, struct msg *m)
{
	return m->flags & MSG_OOB ? -EOPNOTSUPP : dgram_recvmsg(s, m);
}

/* ---- raw sockets ---- */

/* proto_ops.bind. Returns 0, -EINVAL, -EADDRNOTAVAIL or the errors of inet_read_addr(). */
static int raw_bind(struct socket *s, struct sockaddr_buf *a)
{
	struct inet_sock *i = INET(s);
	ip_addr addr;
	u16 port;
	int scope, err;

	if (i->v6 && a->len >= sizeof(u16) && a->family != AF_INET6)
		return -EINVAL;
	if (!i->v6 && a->len >= sizeof(u16))
		a->family = AF_INET; /* as on Linux, any family is accepted */
	err = inet_read_addr(i, a, &addr, &port, &scope);
	if (err)
		return err;
	if (inet_needs_link(&addr) && !scope && !i->bound_if)
		return -EINVAL;
	if ((i->v6 && ip_is_v4(&addr)) ||
		(!ip_is_any(&addr) && !inet_may_have(i, &addr) && !ip_is_multicast(&addr) &&
			!addr_is_broadcast(i->net, &addr) && !addr_is_local(i->net, &addr, scope)))
		return -EADDRNOTAVAIL;
	spin_lock(&raw_socks.lock);
	i->laddr = i->saddr = ip_is_any(&addr) ? IP_ANY : addr;
	if (scope)
		i->bound_if = scope;
	spin_unlock(&raw_socks.lock);
	return 0;
}

static int raw_getname(struct socket *s, struct sockaddr_buf *a, bool peer)
{
	struct inet_sock *i = INET(s);
	ip_addr addr = peer ? i->raddr : i->saddr;

	if (peer && (ip_is_any(&i->raddr) || !i->rport)) /* as on Linux, port 0 counts as no peer */
		return -ENOTCONN;
	inet_write_addr(i, a, &addr, peer ? i->rport : (u16)i->c.protocol, inet_scope(i));
	return 0;
}

static int raw_shutdown(struct socket *s, int how)
{
	struct inet_sock *i = INET(s);

	spin_lock(&i->c.lock);
	i->c.shutdown |= (u32)how;
	spin_unlock(&i->c.lock);
	wake_up_common(&i->c.wait, TASK_NORMAL, 0, 0);
	return ip_is_any(&i->raddr) ? -ENOTCONN : 0;
}

static const struct proto_ops raw_ops = {
	.release = dgram_release,
	.bind = raw_bind,
	.connect = dgram_connect,
	.getname = raw_getname,
	.poll = dgram_poll,
	.shutdown = raw_shutdown,
	.sendmsg = raw_sendmsg,
	.recvmsg = raw_recvmsg,
	.setsockopt = inet_setsockopt,
	.getsockopt = inet_getsockopt,
	.ioctl = dgram_ioctl,
	.queued = dgram_queued,
	.cmsg = inet_cmsg,
};

int raw_create(struct socket *s, int family, int type, int protocol)
{
	struct inet_sock *i;

	if (!net_capable(current_net(), CAP_NET_RAW))
		return -EPERM;
	/* Sockets of protocols above 255 can send, but never receive. */
	if (!protocol)
		return -EPROTONOSUPPORT;
	i = kzalloc(sizeof(*i), GFP_KERNEL);
	if (!i)
		return -ENOMEM;
	inet_init_sock(i, s, family, type, protocol, &raw_socks);
	i->opts.hdrincl = protocol == IPPROTO_RAW;
	i->c.reuseaddr = true; /* the value that Linux reports */
	i->sock = s;
	s->sk = &i->c;
	s->ops = &raw_ops;
	spin_lock(&raw_socks.lock);
	inet_enter_list(i, &raw_socks.raw);
	hlist_add_head(&i->in.way.node, inet_raw_bucket(i->net, i->c.protocol));
	spin_unlock(&raw_socks.lock);
	return 0;
}

/* ---- ping sockets ---- */

void ping_rcv(struct net *net, struct sk_buff *skb)
{
	struct icmphdr tmp;
	const struct icmphdr *h = skb_header(skb, sizeof(*h), &tmp);
	struct inet_sock *i = inet_lookup_port(
		&ping_ids, net, &skb->ip.daddr, ntohs(h->id), &skb->ip.saddr, 0, skb->dev->ifindex);

	if (!i) {
		kfree_skb(skb);
		return;
	}
	if (sock_filter_skb(&i->c, skb, 0))
		dgram_queue(i, skb);
	else
		kfree_skb(skb);
	inet_put(i);
}

/* Checks that a message is an echo request; ping sockets send nothing else. */
static int check_echo(const struct inet_sock *i, const struct iov_iter *iter)
{
	struct iov_iter first = *iter;
	struct icmphdr h;

	if (iter->count < sizeof(h))
		return -EINVAL;
	if (copy_from_iter(&h, sizeof(h), &first) != sizeof(h))
		return -EFAULT;
	return h.type == (i->v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO) && !h.code ? 0 : -EINVAL;
}

/*
 * Sends one echo request, with the socket's port as its identifier. Returns the number of bytes, or
 * -errno. The caller drops the references of @m.
 */
static ssize_t ping_send(struct socket *s, struct msg *m)
{
	struct inet_sock *i = INET(s);
	size_t len = m->iter.count;
	struct sk_buff *skb;
	struct icmphdr *h;
	struct flow f;
	u16 port;
	/* as on Linux, the socket is bound before all checks */
	int err = inet_autobind(i);

	if (err)
		return err;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (len > 65535)
		return -EMSGSIZE;
	err = check_echo(i, &m->iter);
	if (!err)
		err = dgram_destination(i, m, &f, &port);
	if (!err)
		err = dgram_wait_wmem(i, m);
	if (err)
		return err;
	skb = skb_from_iter(&m->iter, len);
	if (IS_ERR(skb))
		return PTR_ERR(skb);
	h = (struct icmphdr *)skb_payload(skb);
	/* the program may have changed the type after check_echo() */
	h->type = i->v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO;
	h->code = 0;
	h->id = htons(i->lport);
	if (i->v6) {
		fill_checksum(i, skb, &f);
	} else {
		h->checksum = 0;
		h->checksum = csum_fold(csum_partial(h, (u32)len, 0));
	}
	dgram_charge(i, skb, &f);
	dgram_want_stamps(i, skb, m);
	err = ip_send(i->net, skb, &f);
	net_rx_flush();
	return err ? err : (ssize_t)len;
}

static ssize_t ping_sendmsg(struct socket *s, struct msg *m)
{
	return send_and_drop(s, m, ping_send);
}

/* Binds to a unicast address only; an IPv6 socket not to an IPv4 address. */
static int ping_bind(struct socket *s, struct sockaddr_buf *a)
{
	struct inet_sock *i = INET(s);
	ip_addr addr;
	u16 port;
	int scope;

	if (i->v6 && a->len < 28) /* size of a sockaddr_in6 */
		return -EINVAL;
	if (!inet_read_addr(i, a, &addr, &port, &scope)) {
		if (i->v6 && (ip_is_v4(&addr) || ip_is_multicast(&addr)))
			return -EINVAL;
		if (ip_is_multicast(&addr) || addr_is_broadcast(i->net, &addr))
			return -EADDRNOTAVAIL;
	}
	return inet_bind(s, a);
}

static int ping_connect(struct socket *s, struct sockaddr_buf *a, bool nonblock)
{
	struct inet_sock *i = INET(s);

	if (i->v6 && a->len >= sizeof(u16) && a->family != AF_INET6 && a->family != AF_UNSPEC)
		return -EAFNOSUPPORT;
	return dgram_connect(s, a, nonblock);
}

static bool may_ping(const struct net *net)
{
	const struct cred *c = current_cred();
	bool may = net->ipv4.ping_gid_min <= c->egid && c->egid <= net->ipv4.ping_gid_max;

	for (u32 k = 0; k < c->group_info->ngroups; k++)
		may |= net->ipv4.ping_gid_min <= c->group_info->gid[k] &&
		       c->group_info->gid[k] <= net->ipv4.ping_gid_max;
	return may;
}

static const struct proto_ops ping_ops = {
	.release = dgram_release,
	.bind = ping_bind,
	.connect = ping_connect,
	.getname = inet_getname,
	.poll = dgram_poll,
	.shutdown = dgram_shutdown,
	.sendmsg = ping_sendmsg,
	.recvmsg = raw_recvmsg,
	.setsockopt = inet_setsockopt,
	.getsockopt = inet_getsockopt,
	.ioctl = dgram_ioctl,
	.queued = dgram_queued,
	.cmsg = inet_cmsg,
};

int ping_create(struct socket *s, int family, int type, int protocol)
{
	struct inet_sock *i;

	if ((family == AF_INET6) != (protocol == IPPROTO_ICMPV6))
		return -EPROTONOSUPPORT;
	if (!may_ping(current_net()))
		return -EACCES;
	i = kzalloc(sizeof(*i), GFP_KERNEL);
	if (!i)
		return -ENOMEM;
	inet_init_sock(i, s, family, type, protocol, &ping_ids);
	/* an ICMPv6 socket is for IPv6 only */
	i->opts.v6only = family == AF_INET6;
	i->sock = s;
	s->sk = &i->c;
	s->ops = &ping_ops;
	return 0;
}
