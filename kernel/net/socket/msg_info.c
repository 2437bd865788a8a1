/* SPDX-License-Identifier: MIT */
/*
 * msg_info.c: ancillary data of received packets that options of SOL_SOCKET enable: timestamps,
 * lost packets, mark, priority.
 */
#include <asm/socket.h>
#include <linux/net_tstamp.h>

#include "kernel/net/internal.h"
#include "kernel/net/socket/skb.h"

/*
 * Adds a record of SO_TIMESTAMP or SO_TIMESTAMPNS; the old and new options have one layout on
 * x86-64.
 */
static void put_stamp(struct msg *m, u8 kind, bool new, u64 ns)
{
	static const int types[][2] = {
		[STAMP_USEC] = { SO_TIMESTAMP_OLD, SO_TIMESTAMP_NEW },
		[STAMP_NSEC] = { SO_TIMESTAMPNS_OLD, SO_TIMESTAMPNS_NEW },
	};
	s64 t[2] = { (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC) };

	if (kind == STAMP_USEC)
		t[1] /= 1000;
	msg_put_cmsg(m, SOL_SOCKET, types[kind][new], t, sizeof(t));
}

void msg_put_stamping(struct msg *m, const struct sock_common *c, u64 ns)
{
	s64 t[6] = { (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC) };

	msg_put_cmsg(m, SOL_SOCKET, c->rare.stamps_new ? SO_TIMESTAMPING_NEW : SO_TIMESTAMPING_OLD,
		t, sizeof(t));
}

void msg_put_stamps(struct msg *m, const struct sock_common *c, u64 ns)
{
	u32 want = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE;

	if (c->timestamp)
		put_stamp(m, c->timestamp, c->rare.stamps_new, ns);
	if (unlikely((c->rare.tsflags & want) == want))
		msg_put_stamping(m, c, ns);
}

void msg_put_skb_info(struct msg *m, struct sock_common *c, const struct sk_buff *skb)
{
	if (!c->timestamp)
		c->rare.last_stamp = skb->stamp;
	msg_put_stamps(m, c, skb->stamp);
	if (c->rare.rxq_ovfl && skb->dropped)
		msg_put_cmsg(m, SOL_SOCKET, SO_RXQ_OVFL, &skb->dropped, sizeof(u32));
	if (c->rare.rcvmark)
		msg_put_cmsg(m, SOL_SOCKET, SO_MARK, &skb->mark, sizeof(u32));
	if (c->rare.rcvpriority)
		msg_put_cmsg(m, SOL_SOCKET, SO_PRIORITY, &skb->priority, sizeof(u32));
}
