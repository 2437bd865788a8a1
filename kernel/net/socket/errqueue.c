/* SPDX-License-Identifier: MIT */
/*
 * errqueue.c: the queue of errors and of timestamps of internet and packet sockets. errqueue.h
 * describes a record.
 *
 * The size of a record is charged to SO_RCVBUF; a record that does not fit is lost, as a packet
 * would be. A notice of MSG_ZEROCOPY is charged to net.core.optmem_max from before its send until
 * it is read, and is never lost. Reading a record also changes the pending error (take()).
 * Sources: ip(7), ipv6(7), networking/timestamping.rst.
 */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/eventpoll.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/string.h"
#include "kernel/net/socket/errqueue.h"
#include "kernel/net/internal.h"
#include "kernel/net/link/netdev.h"
#include "kernel/net/packet/packet.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"

#define DATA_MAX 65600U
/* extensions begin behind at least that many bytes of a quote (RFC 4884, 4.1) */
#define QUOTE_LEAST 128U
/* bytes of the link header at the start of a copy of a sent packet */
#define LINK_LEN 14U

static bool is_icmp(const struct err_record *r)
{
	return r->ee.ee_origin == SO_EE_ORIGIN_ICMP || r->ee.ee_origin == SO_EE_ORIGIN_ICMP6;
}

/* ---- adding records ---- */

static struct err_record *record_new(u32 len)
{
	struct err_record *r = kmalloc(sizeof(*r) + len, GFP_ATOMIC);

	if (r) {
		memset(r, 0, sizeof(*r));
		INIT_LIST_HEAD(&r->list);
		r->len = len;
		/* about the overhead that Linux charges for an skb */
		r->size = (u32)sizeof(*r) + len + 256;
	}
	return r;
}

void errq_init(struct sock_common *c)
{
	spin_lock_init(&c->errq.lock);
	INIT_LIST_HEAD(&c->errq.list);
}

static void record_add(struct sock_common *c, struct err_record *r)
{
	bool fits;

	spin_lock(&c->errq.lock);
	fits = c->errq.mem + r->size <= c->rcvbuf;
	if (fits) {
		c->errq.mem += r->size;
		list_add_tail(&r->list, &c->errq.list);
	}
	spin_unlock(&c->errq.lock);
	if (!fits)
		kfree(r);
	wake_up_common(&c->wait, TASK_NORMAL, 0, EPOLLERR);
}

/*
 * True if the extensions from @at to the packet's end are well-formed. They may have no checksum.
 * Extensions of an unknown version are always accepted.
 */
static bool extensions_good(const struct sk_buff *skb, u32 at)
{
	u32 end = skb_len(skb);
	u8 h[4];

	if (at + sizeof(h) > end)
		return false;
	skb_copy(skb, at, h, sizeof(h));
	if (h[0] >> 4 != 2)
		return true;
	if ((h[2] || h[3]) && csum_fold(skb_sum(skb, at, end - at, 0)))
		return false;
	for (at += sizeof(h); at < end; at += (u32)h[0] << 8 | h[1]) {
		if (at + sizeof(h) > end)
			return false;
		skb_copy(skb, at, h, sizeof(h));
		if (((u32)h[0] << 8 | h[1]) < sizeof(h) || at + ((u32)h[0] << 8 | h[1]) > end)
			return false;
	}
	return true;
}

/*
 * Returns a value of IP_RECVERR_RFC4884: the position of the extensions in the record's data, which
 * begins at offset @from of the quote; 0: there are none.
 */
static u32 where_extended(const struct ip_error *e, u32 from)
{
	struct sock_ee_data_rfc4884 where = { 0 };
	u32 v;

	if (!e->quote || e->ext_at < QUOTE_LEAST || e->ext_at < from ||
		e->ext_at >= skb_len(e->quote))
		return 0;
	where.len = (u16)(e->ext_at - from);
	if (!extensions_good(e->quote, e->ext_at))
		where.flags = SO_EE_RFC4884_FLAG_INVALID;
	memcpy(&v, &where, sizeof(v));
	return v;
}

void errq_icmp(
	struct inet_sock *i, const struct ip_error *e, const ip_addr *dest, u16 port, u32 skip)
{
	u32 all = e->quote ? skb_len(e->quote) : 0, from = e->quote_at + skip;
	struct err_record *r = record_new(all > from ? all - from : 0);

	if (!r)
		return;
	r->ee = (struct sock_extended_err){
		.ee_errno = (u32)e->err,
		.ee_origin = ip_is_v4(dest) ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6,
		.ee_type = e->type,
		.ee_code = e->code,
		.ee_info = e->info,
	};
	r->offender = e->offender;
	r->dest = *dest;
	r->port = port;
	if (e->quote)
		inet_hear(&r->heard, e->quote);
	if (ip_is_v4(dest) ? i->opts.rfc4884 : i->opts.rfc4884_6)
		r->ee.ee_data = where_extended(e, from);
	if (r->len)
		skb_copy(e->quote, from, r->data, r->len);
	record_add(&i->c, r);
}

void errq_local(struct inet_sock *i, int err, const ip_addr *dest, u16 port, u32 info)
{
	bool asked = ip_is_v4(dest) ? i->opts.recverr : i->opts.recverr6;
	struct err_record *r = asked ? record_new(0) : NULL;

	if (!r)
		return;
	r->ee = (struct sock_extended_err){
		.ee_errno = (u32)err,
		.ee_origin = SO_EE_ORIGIN_LOCAL,
		.ee_info = info,
	};
	r->dest = *dest;
	r->port = port;
	record_add(&i->c, r);
}

/* ---- timestamps ---- */

static void add_stamp(struct sock_common *c, struct err_record *r, u32 what, u32 key)
{
	r->ee = (struct sock_extended_err){
		.ee_errno = ENOMSG,
		.ee_origin = SO_EE_ORIGIN_TIMESTAMPING,
		.ee_info = what,
		.ee_data = c->rare.tsflags & SOF_TIMESTAMPING_OPT_ID ? key : 0,
	};
	r->stamp = ktime_get_real();
	record_add(c, r);
}

/*
 * Fills in the source and destination of a packet whose network header is at @at. Leaves them empty
 * if there is no such header.
 */
static void read_header(
	struct err_record *r, const struct net_device *dev, const struct sk_buff *skb, u32 at)
{
	struct inet_heard *h = &r->heard;
	struct ipv6hdr v6;
	struct iphdr v4;

	if (skb->protocol == ETH_P_IP && skb_len(skb) >= at + sizeof(v4)) {
		skb_copy(skb, at, &v4, sizeof(v4));
		r->offender = ip_v4(v4.saddr);
		*h = (struct inet_heard){ ip_v4(v4.daddr), dev->ifindex, 0, v4.ttl, v4.tos };
	} else if (skb->protocol == ETH_P_IPV6 && skb_len(skb) >= at + sizeof(v6)) {
		skb_copy(skb, at, &v6, sizeof(v6));
		memcpy(&r->offender, &v6.saddr, sizeof(r->offender));
		memcpy(&h->daddr, &v6.daddr, sizeof(h->daddr));
		h->ifindex = dev->ifindex;
		h->ttl = v6.hop_limit;
		h->tos = (u8)(v6.priority << 4 | v6.flow_lbl[0] >> 4);
		h->label = (v6.flow_lbl[0] & 15U) << 16 | v6.flow_lbl[1] << 8 | v6.flow_lbl[2];
	}
}

/*
 * Returns a record with a copy of the packet that begins with its link header. A packet without one
 * (lo) gets a link header of zeros, as on Linux.
 */
static struct err_record *packet_record(const struct net_device *dev, const struct sk_buff *skb)
{
	u32 fake = dev->type == ARPHRD_LOOPBACK ? LINK_LEN : 0,
	    n = min(skb_len(skb) + fake, DATA_MAX);
	struct err_record *r = record_new(n);

	if (!r)
		return NULL;
	if (fake) {
		memset(r->data, 0, LINK_LEN);
		r->data[LINK_LEN - 2] = (u8)(skb->protocol >> 8);
		r->data[LINK_LEN - 1] = (u8)skb->protocol;
	}
	skb_copy(skb, 0, r->data + fake, n - fake);
	read_header(r, dev, skb, dev->type == ARPHRD_ETHER ? LINK_LEN : 0);
	return r;
}

/* Returns a record of a stream's present statistics. */
static struct err_record *stats_record(struct sock_common *c, const struct sk_buff *by)
{
	struct tcp_sock *t = container_of(c, struct tcp_sock, inet.c);
	struct err_record *r = record_new(TCP_STATS_MAX);

	if (r) {
		r->len = tcp_fill_stats(t, by, r->data);
		r->stats = true;
	}
	return r;
}

static bool wants_stats(const struct sock_common *c)
{
	return inet_is_tcp(c) && c->rare.tsflags & SOF_TIMESTAMPING_OPT_STATS;
}

void errq_sent(const struct net_device *dev, struct sk_buff *skb, u32 what)
{
	struct sock_common *c = skb->stamp_for;
	struct err_record *r;

	if (wants_stats(c))
		r = stats_record(c, NULL);
	else if (c->rare.tsflags & SOF_TIMESTAMPING_OPT_TSONLY)
		r = record_new(0);
	else
		r = packet_record(dev, skb);
	if (r)
		add_stamp(c, r, what, skb->stamp_key);
}

void errq_acked(struct tcp_sock *t, const struct sk_buff *skb, const struct sk_buff *by)
{
	struct sock_common *c = &t->inet.c;
	bool alone = c->rare.tsflags & SOF_TIMESTAMPING_OPT_TSONLY;
	struct err_record *r = wants_stats(c) ? stats_record(c, by) :
						record_new(alone ? 0 : min(skb->len, DATA_MAX));

	if (!r)
		return;
	/* @alone may be outdated: another thread may have enabled OPT_STATS meanwhile. */
	if (!alone && !r->stats)
		memcpy(r->data, skb_payload(skb), r->len);
	add_stamp(c, r, SCM_TSTAMP_ACK, skb->stamp_key);
}

u8 errq_wanted(const struct sock_common *c, const struct msg *m)
{
	u32 flags = m->has_tsflags ? m->tsflags : c->rare.tsflags;

	if (likely(!flags))
		return 0;
	/*
	 * Without OPT_TSONLY the packet is returned with its timestamp. While
	 * net.core.tstamp_allow_data is off, that needs CAP_NET_RAW.
	 */
	if (!(flags & SOF_TIMESTAMPING_OPT_TSONLY) && !READ_ONCE(c->net->ipv4.tstamp_allow_data) &&
		!capable(CAP_NET_RAW))
		return 0;
	return (flags & SOF_TIMESTAMPING_TX_SOFTWARE ? SKB_STAMP_SENT : 0) |
	       (flags & SOF_TIMESTAMPING_TX_SCHED ? SKB_STAMP_SCHED : 0) |
	       (flags & SOF_TIMESTAMPING_TX_ACK ? SKB_STAMP_ACK : 0);
}

u32 errq_key(struct sock_common *c, const struct msg *m)
{
	return m->has_ts_id ? m->ts_id : __atomic_fetch_add(&c->rare.tskey, 1, __ATOMIC_RELAXED);
}

/* ---- MSG_ZEROCOPY ---- */

/*
 * bytes of net.core.optmem_max that must be free for a notice, and bytes that it is charged:
 * Linux's numbers for an empty skb
 */
#define NOTICE_NEEDS 576U
#define NOTICE_SIZE 832U

static bool is_notice(const struct err_record *r)
{
	return r->ee.ee_origin == SO_EE_ORIGIN_ZEROCOPY;
}

static bool notice_charge(struct sock_common *c)
{
	bool fits;

	spin_lock(&c->errq.lock);
	fits = (u64)c->errq.notices + NOTICE_NEEDS <= (u64)READ_ONCE(sysctl_optmem_max);
	if (fits)
		c->errq.notices += NOTICE_SIZE;
	spin_unlock(&c->errq.lock);
	return fits;
}

struct err_record *errq_notice_begin(struct sock_common *c, const struct msg *m, size_t len)
{
	struct err_record *r;

	if (likely(!(m->flags & MSG_ZEROCOPY)) || !READ_ONCE(c->rare.zerocopy) || !len)
		return NULL;
	r = record_new(0);
	if (!r)
		return ERR_PTR(-ENOBUFS);
	if (!notice_charge(c)) {
		kfree(r);
		return ERR_PTR(-ENOBUFS);
	}
	r->size = NOTICE_SIZE;
	return r;
}

/*
 * Adds the send with number @n to the last record, if that is the notice of the sends just before.
 * Returns true if the send was added.
 */
static bool extend_last(struct sock_common *c, u32 n)
{
	struct err_record *last;

	if (list_empty(&c->errq.list))
		return false;
	last = list_last_entry(&c->errq.list, struct err_record, list);
	if (!is_notice(last) || last->ee.ee_data + 1 != n || n == last->ee.ee_info)
		return false;
	last->ee.ee_data = n;
	return true;
}

void errq_notice_end(struct sock_common *c, struct err_record *r, bool taken)
{
	bool queued = false;

	if (likely(!r))
		return;
	spin_lock(&c->errq.lock);
	if (taken) {
		u32 n = c->errq.copies++;

		r->ee = (struct sock_extended_err){
			.ee_origin = SO_EE_ORIGIN_ZEROCOPY,
			.ee_code = SO_EE_CODE_ZEROCOPY_COPIED,
			.ee_info = n,
			.ee_data = n,
		};
		queued = !extend_last(c, n);
	}
	if (queued)
		list_add_tail(&r->list, &c->errq.list);
	else
		c->errq.notices -= NOTICE_SIZE;
	spin_unlock(&c->errq.lock);
	if (!queued)
		kfree(r);
	if (taken)
		wake_up_common(&c->wait, TASK_NORMAL, 0, EPOLLERR);
}

/* ---- reading records ---- */

bool errq_empty(const struct sock_common *c)
{
	return list_empty(&c->errq.list);
}

void errq_free(struct sock_common *c)
{
	struct err_record *r, *next;

	list_for_each_entry_safe(r, next, &c->errq.list, list)
		kfree(r);
	INIT_LIST_HEAD(&c->errq.list);
}

void errq_purge(struct sock_common *c)
{
	struct err_record *r, *next;
	LIST_HEAD(all);

	spin_lock(&c->errq.lock);
	list_for_each_entry_safe(r, next, &c->errq.list, list)
		if (!is_notice(r) && !r->stamp) {
			list_move_tail(&r->list, &all);
			c->errq.mem -= r->size;
		}
	spin_unlock(&c->errq.lock);
	list_for_each_entry_safe(r, next, &all, list)
		kfree(r);
}

/*
 * Removes and returns the first record. If the next record is an ICMP error, that error becomes the
 * pending one; else, if the removed record was an ICMP error, no error is pending.
 */
static struct err_record *take(struct sock_common *c)
{
	struct err_record *r, *next = NULL;
	int pending = 1;

	spin_lock(&c->errq.lock);
	r = list_first_entry_or_null(&c->errq.list, struct err_record, list);
	if (r) {
		list_del_init(&r->list);
		*(is_notice(r) ? &c->errq.notices : &c->errq.mem) -= r->size;
		next = list_first_entry_or_null(&c->errq.list, struct err_record, list);
	}
	if (next && is_icmp(next))
		pending = -(int)next->ee.ee_errno;
	else if (r && is_icmp(r))
		pending = 0;
	spin_unlock(&c->errq.lock);
	if (pending <= 0)
		WRITE_ONCE(c->err, pending);
	return r;
}

/* Writes as much of the quoted or stamped packet as the reader has room for, and its timestamp. */
static ssize_t put_data(const struct sock_common *c, struct msg *m, const struct err_record *r)
{
	u32 n = (u32)min_t(u64, r->len, m->iter.count);
	ssize_t ret = copy_to_iter(r->data, n, &m->iter) == n ? (ssize_t)n : -EFAULT;

	if (n < r->len)
		m->out_flags |= MSG_TRUNC;
	m->out_flags |= MSG_ERRQUEUE;
	if (r->stamp && c->rare.tsflags & SOF_TIMESTAMPING_SOFTWARE)
		msg_put_stamping(m, c, r->stamp);
	if (r->stats)
		msg_put_cmsg(m, SOL_SOCKET, SCM_TIMESTAMPING_OPT_STATS, r->data, r->len);
	return ret;
}

/*
 * True if the record has a packet whose sender is reported. For a timestamp, an IPv4 socket gets
 * the sender only if it has set SOF_TIMESTAMPING_OPT_CMSG.
 */
static bool has_sender(const struct inet_sock *i, const struct err_record *r)
{
	if (r->stamp)
		return r->heard.ifindex && (i->v6 || i->c.rare.tsflags & SOF_TIMESTAMPING_OPT_CMSG);
	return is_icmp(r);
}

static void put_record4(struct msg *m, const struct inet_sock *i, const struct err_record *r)
{
	struct {
		struct sock_extended_err ee;
		struct {
			u16 family, port;
			u32 addr;
			u8 zero[8];
		} offender;
	} c = { .ee = r->ee };

	if (has_sender(i, r)) {
		c.offender.family = AF_INET;
		c.offender.addr = r->offender.w[3];
	}
	msg_put_cmsg(m, SOL_IP, IP_RECVERR, &c, sizeof(c));
}

static void put_record6(struct msg *m, const struct inet_sock *i, const struct err_record *r)
{
	struct {
		struct sock_extended_err ee;
		struct {
			u16 family, port;
			u32 flowinfo;
			ip_addr addr;
			u32 scope;
		} offender;
	} c = { .ee = r->ee };

	if (has_sender(i, r)) {
		c.offender.family = AF_INET6;
		c.offender.addr = r->offender;
	}
	msg_put_cmsg(m, SOL_IPV6, IPV6_RECVERR, &c, sizeof(c));
}

ssize_t errq_recvmsg(struct inet_sock *i, struct msg *m)
{
	struct err_record *r = take(&i->c);
	ssize_t ret;

	if (!r)
		return -EAGAIN;
	ret = put_data(&i->c, m, r);
	if (m->name && !r->stamp && !is_notice(r))
		inet_write_addr(i, m->name, &r->dest, r->port, r->heard.ifindex);
	if (has_sender(i, r))
		inet_report_heard(i, m, &r->heard, i->v6 || !r->stamp ? 0 : r->offender.w[3],
			!ip_is_v4(&r->offender));
	if (i->v6)
		put_record6(m, i, r);
	else
		put_record4(m, i, r);
	kfree(r);
	return ret;
}

ssize_t errq_recv_packet(struct sock_common *c, struct msg *m)
{
	struct err_record *r = take(c);
	ssize_t ret;

	if (!r)
		return -EAGAIN;
	ret = put_data(c, m, r);
	msg_put_cmsg(m, SOL_PACKET, PACKET_TX_TIMESTAMP, &r->ee, sizeof(r->ee));
	kfree(r);
	return ret;
}
