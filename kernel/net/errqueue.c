/* SPDX-License-Identifier: MIT */
/*
 * errqueue.c: the queue of errors and of timestamps of internet sockets. errqueue.h says what is in it.
 *
 * A record counts against SO_RCVBUF with its size; what does not fit is lost, as a packet would be. The pending error (SO_ERROR) follows
 * the first ICMP error of the queue. Sources: ip(7), ipv6(7), networking/timestamping.rst.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>

#include "arch/um/arch.h"
#include "kernel/lib/string.h"
#include "kernel/net/errqueue.h"
#include "kernel/sched/task.h"

#define DATA_MAX 65600U
#define LINK_LEN 14U /* of the link header that a copy of a sent packet begins with */

static bool is_icmp(const struct err_record *r)
{
	return r->ee.ee_origin == SO_EE_ORIGIN_ICMP || r->ee.ee_origin == SO_EE_ORIGIN_ICMP6;
}

/* ---- in ---- */

static struct err_record *record_new(u32 len)
{
	struct err_record *r = kmalloc(sizeof(*r) + len, GFP_ATOMIC);

	if (r) {
		memset(r, 0, sizeof(*r));
		INIT_LIST_HEAD(&r->list);
		r->len = len;
		r->size = (u32)sizeof(*r) + len + 256; /* about what Linux counts for an skb */
	}
	return r;
}

static void record_add(struct inet_sock *i, struct err_record *r)
{
	bool fits;

	spin_lock(&i->err_lock);
	fits = i->err_mem + r->size <= i->c.rcvbuf;
	if (fits) {
		i->err_mem += r->size;
		list_add_tail(&r->list, &i->errq);
	}
	spin_unlock(&i->err_lock);
	if (!fits)
		kfree(r);
	wake_up_common(&i->c.wait, TASK_NORMAL, 0, EPOLLERR);
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
	if (r->len)
		skb_copy(e->quote, from, r->data, r->len);
	record_add(i, r);
}

void errq_local(struct inet_sock *i, int err, const ip_addr *dest, u16 port, u32 info)
{
	struct err_record *r = i->recverr ? record_new(0) : NULL;

	if (!r)
		return;
	r->ee = (struct sock_extended_err){
		.ee_errno = (u32)err,
		.ee_origin = SO_EE_ORIGIN_LOCAL,
		.ee_info = info,
	};
	r->dest = *dest;
	r->port = port;
	record_add(i, r);
}

static void add_stamp(struct inet_sock *i, struct err_record *r, u32 what, u32 key)
{
	r->ee = (struct sock_extended_err){
		.ee_errno = ENOMSG,
		.ee_origin = SO_EE_ORIGIN_TIMESTAMPING,
		.ee_info = what,
		.ee_data = i->c.rare.tsflags & SOF_TIMESTAMPING_OPT_ID ? key : 0,
	};
	r->stamp = ktime_get_real();
	record_add(i, r);
}

/* With the packet, link header first, unless the program wants the time alone. */
void errq_sent(struct sk_buff *skb, u32 what)
{
	struct inet_sock *i = skb->stamp_for;
	u32 n = i->c.rare.tsflags & SOF_TIMESTAMPING_OPT_TSONLY ?
			0 :
			min(skb_len(skb) + LINK_LEN, DATA_MAX);
	struct err_record *r = record_new(n);

	if (!r)
		return;
	r->dest = i->raddr;
	r->port = i->rport;
	if (n) {
		memset(r->data, 0, LINK_LEN);
		r->data[LINK_LEN - 2] = (u8)(skb->protocol >> 8);
		r->data[LINK_LEN - 1] = (u8)skb->protocol;
		skb_copy(skb, 0, r->data + LINK_LEN, n - LINK_LEN);
	}
	add_stamp(i, r, what, skb->stamp_key);
}

void errq_acked(struct inet_sock *i, u32 key)
{
	struct err_record *r = record_new(0);

	if (!r)
		return;
	r->dest = i->raddr;
	r->port = i->rport;
	add_stamp(i, r, SCM_TSTAMP_ACK, key);
}

u8 errq_wanted(const struct inet_sock *i, const struct msg *m)
{
	u32 flags = i->c.rare.tsflags | m->tsflags;

	if (likely(!flags))
		return 0;
	return (flags & SOF_TIMESTAMPING_TX_SOFTWARE ? SKB_STAMP_SENT : 0) |
	       (flags & SOF_TIMESTAMPING_TX_SCHED ? SKB_STAMP_SCHED : 0) |
	       (flags & SOF_TIMESTAMPING_TX_ACK ? SKB_STAMP_ACK : 0);
}

/* ---- out ---- */

bool errq_empty(const struct inet_sock *i)
{
	return list_empty(&i->errq);
}

void errq_free(struct inet_sock *i)
{
	struct err_record *r, *next;

	list_for_each_entry_safe(r, next, &i->errq, list)
		kfree(r);
	INIT_LIST_HEAD(&i->errq);
}

/* The first one, taken out; what is pending becomes what the next ICMP error says. */
static struct err_record *take(struct inet_sock *i)
{
	struct err_record *r, *next = NULL;
	int pending = 1;

	spin_lock(&i->err_lock);
	r = list_first_entry_or_null(&i->errq, struct err_record, list);
	if (r) {
		list_del_init(&r->list);
		i->err_mem -= r->size;
		next = list_first_entry_or_null(&i->errq, struct err_record, list);
	}
	if (next && is_icmp(next))
		pending = -(int)next->ee.ee_errno;
	else if (r && is_icmp(r))
		pending = 0;
	spin_unlock(&i->err_lock);
	if (pending <= 0)
		WRITE_ONCE(i->c.err, pending);
	return r;
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

	if (is_icmp(r)) {
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

	if (is_icmp(r)) {
		c.offender.family = AF_INET6;
		c.offender.addr = r->offender;
	}
	msg_put_cmsg(m, SOL_IPV6, IPV6_RECVERR, &c, sizeof(c));
}

ssize_t errq_recvmsg(struct inet_sock *i, struct msg *m)
{
	struct err_record *r = take(i);
	u32 n;
	ssize_t ret;

	if (!r)
		return -EAGAIN;
	n = (u32)min_t(u64, r->len, m->iter.count);
	ret = copy_to_iter(r->data, n, &m->iter) == n ? (ssize_t)n : -EFAULT;
	if (n < r->len)
		m->out_flags |= MSG_TRUNC;
	if (r->stamp && i->c.rare.tsflags & SOF_TIMESTAMPING_SOFTWARE)
		msg_put_stamping(m, &i->c, r->stamp);
	if (m->name)
		inet_write_addr(i, m->name, &r->dest, r->port);
	if (i->v6)
		put_record6(m, i, r);
	else
		put_record4(m, i, r);
	m->out_flags |= MSG_ERRQUEUE;
	kfree(r);
	return ret;
}
