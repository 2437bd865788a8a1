/* SPDX-License-Identifier: MIT */
/*
 * errqueue.h: records about packets that an internet or packet socket has sent: errors (IP_RECVERR,
 * IPV6_RECVERR), times of sending (SO_TIMESTAMPING), and notices of memory that is free again
 * (MSG_ZEROCOPY). recvmsg(MSG_ERRQUEUE) reads them.
 *
 * Lock: errq.lock of the socket (spin), innermost of a socket's: records may be added while c.lock
 * is held. Functions that change the queue take it. They allocate with GFP_ATOMIC and do not sleep,
 * except for the two that serve recvmsg(2). A record that does not fit into the receive buffer, or
 * has no memory, is dropped.
 */
#ifndef NESTLING_NET_ERRQUEUE_H
#define NESTLING_NET_ERRQUEUE_H

#include <linux/time.h>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

#include "kernel/net/inet/inet.h"

struct tcp_sock;

struct err_record {
	struct list_head list;
	struct sock_extended_err ee;
	/*
	 * offender: the machine that reported the error, or the sender of the stamped packet. dest:
	 * the destination of the packet that caused the error or was stamped
	 */
	ip_addr offender, dest;
	/* host byte order, 0: dest is not reported */
	u16 port;
	/* data holds the statistics of SOF_TIMESTAMPING_OPT_STATS */
	bool stats;
	/* header values of the received ICMP error, or of the stamped packet */
	struct inet_heard heard;
	/* ktime_get_real() of the event, ns; 0: not a timestamp */
	u64 stamp;
	u32 size; /* bytes charged to the receive buffer */
	/* bytes of data */
	u32 len;
	/* the quoted or stamped packet, perhaps truncated */
	u8 data[];
};

/* Initialises the queue of a new socket. */
void errq_init(struct sock_common *c);
/*
 * Queues an ICMP error about a packet that the socket sent to @dest and @port (host byte order).
 * The quoted bytes from offset @skip behind e->quote_at become the record's data. The caller has
 * checked that the socket wants errors.
 */
void errq_icmp(
	struct inet_sock *i, const struct ip_error *e, const ip_addr *dest, u16 port, u32 skip);
/*
 * Queues the error @err (positive), which was found before the packet was sent, if the socket has
 * set IP_RECVERR or IPV6_RECVERR. @info: ee_info, the MTU for EMSGSIZE.
 */
void errq_local(struct inet_sock *i, int err, const ip_addr *dest, u16 port, u32 info);
/* Reports to the socket in skb->stamp_for that @dev sends @skb (@what: SCM_TSTAMP_*). */
void errq_sent(const struct net_device *dev, struct sk_buff *skb, u32 what);
/* Records that all bytes of a stream's @skb were acknowledged, by the segment @by. Borrows both. */
void errq_acked(struct tcp_sock *t, const struct sk_buff *skb, const struct sk_buff *by);
/*
 * Reserves the notice of a send of @len bytes with MSG_ZEROCOPY (networking/msg_zerocopy.rst), and
 * returns it for errq_notice_end(). NULL: no notice is due. ERR_PTR(-ENOBUFS): the socket's notices
 * exceed net.core.optmem_max, or there is no memory.
 */
struct err_record *errq_notice_begin(struct sock_common *c, const struct msg *m, size_t len);
/*
 * Consumes the notice @r; does nothing if @r is NULL. If the send's data was accepted (@taken),
 * queues the notice, or extends the last queued notice by this send; else frees it. Every send
 * copies its data, so a notice is queued at once, with SO_EE_CODE_ZEROCOPY_COPIED.
 */
void errq_notice_end(struct sock_common *c, struct err_record *r, bool taken);
/* True if the queue has no record. Takes no lock. */
bool errq_empty(const struct sock_common *c);
/* Frees all records of a socket that nothing else uses any more. */
void errq_free(struct sock_common *c);
/*
 * Drops errors when IP_RECVERR is switched off; timestamps and notices are kept. Readers may use
 * the queue meanwhile.
 */
void errq_purge(struct sock_common *c);
/*
 * Serve recvmsg(MSG_ERRQUEUE) of internet and packet sockets: copy the first record to @m and
 * remove it. May sleep. Return the number of bytes of its data, -EAGAIN if the queue is empty, or
 * -EFAULT.
 */
ssize_t errq_recvmsg(struct inet_sock *i, struct msg *m);
ssize_t errq_recv_packet(struct sock_common *c, struct msg *m);
/*
 * Returns which timestamps are taken of the packet @m, as SKB_STAMP_* bits: selected by options of
 * the socket or a control message. 0 if current may not have them.
 */
u8 errq_wanted(const struct sock_common *c, const struct msg *m);
/*
 * Returns the number of the packet (SOF_TIMESTAMPING_OPT_ID): that of the message, or the socket's
 * next.
 */
u32 errq_key(struct sock_common *c, const struct msg *m);

#endif
