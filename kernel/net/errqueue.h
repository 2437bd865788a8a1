/* SPDX-License-Identifier: MIT */
/*
 * errqueue.h: what went wrong with packets that were sent, one record each (IP_RECVERR, IPV6_RECVERR), and when they were sent
 * (SO_TIMESTAMPING). recvmsg(MSG_ERRQUEUE) takes them.
 *
 * Lock: err_lock of the socket (spin), innermost of a socket's: records come while c.lock is held.
 */
#ifndef NESTLING_NET_ERRQUEUE_H
#define NESTLING_NET_ERRQUEUE_H

#include <linux/time.h>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

#include "kernel/net/inet.h"

struct err_record {
	struct list_head list;
	struct sock_extended_err ee;
	ip_addr offender, dest; /* who told; to whom the packet was sent */
	u16 port;
	u64 stamp;
	u32 size; /* what it counts */
	u32 len;
	u8 data[]; /* of the packet, as far as it is known */
};

/* An ICMP error about a packet of the socket to @dest and @port. */
void errq_icmp(
	struct inet_sock *i, const struct ip_error *e, const ip_addr *dest, u16 port, u32 skip);
/* One that was found before the packet left. */
void errq_local(struct inet_sock *i, int err, const ip_addr *dest, u16 port, u32 info);
/* @skb, which begins with its network header, leaves (SCM_TSTAMP_*), for the socket that it names. */
void errq_sent(struct sk_buff *skb, u32 what);
/* Of a stream: everything up to @key has arrived. */
void errq_acked(struct inet_sock *i, u32 key);
bool errq_empty(const struct inet_sock *i);
void errq_free(struct inet_sock *i);
ssize_t errq_recvmsg(struct inet_sock *i, struct msg *m);
/* What the socket, or a control message, wants to know of this packet: SKB_STAMP_* bits. */
u8 errq_wanted(const struct inet_sock *i, const struct msg *m);

#endif
