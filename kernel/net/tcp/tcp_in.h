/* SPDX-License-Identifier: MIT */
/*
 * tcp_in.h: received segments: tcp_in.c (states), tcp_ack.c (acknowledgements), tcp_queue.c
 * (payload), tcp_ecn.c (congestion marks).
 *
 * Call sequence: tcp_in.c finds the socket and takes its c.lock; then, for a segment in the window,
 * it calls tcp_ack(), tcp_ecn_in() and tcp_take_data(). tcp_rcv_adjust() follows each read by the
 * program. c.lock is held throughout.
 */
#ifndef NESTLING_NET_TCP_IN_H
#define NESTLING_NET_TCP_IN_H

#include "kernel/net/tcp/tcp_sock.h"

/* tcp_in.c: Enters ESTABLISHED: starts keepalive, and wakes up writers. */
void tcp_enter_established(struct tcp_sock *t);
/* Enables the options that both the peer's SYN and our sysctls allow. */
void tcp_take_opts(struct tcp_sock *t, const struct tcp_opts *o);

/* tcp_parse.c */
/*
 * Pulls the TCP header of @skb into skb->tcp, and its options into @o. Returns true if both are
 * well-formed and the checksum is right. Does not free @skb. Needs no lock.
 */
bool tcp_parse(struct net *net, struct sk_buff *skb, struct tcp_opts *o, u16 *urg_ptr);

/* tcp_queue.c */
/* Makes the receiver acknowledge the next segments without delay. */
void tcp_enter_quick(struct tcp_sock *t);
/* Drops the queue of out-of-order data, and the SACK blocks that report it. */
void tcp_drop_ooo(struct tcp_sock *t);
/*
 * Queues payload and FIN of @skb, or drops them if they are duplicates or there is no room.
 * Consumes @skb. Returns true if data or a FIN became available in order.
 */
bool tcp_take_data(struct tcp_sock *t, struct sk_buff *skb);
/*
 * Grows the receive buffer, after the reader has taken @copied bytes, if the reader keeps up with
 * the sender. Announces a larger window.
 */
void tcp_rcv_adjust(struct tcp_sock *t, u32 copied);

/* tcp_ack.c */
/*
 * Processes the acknowledgement of @skb. Returns false if it is invalid: for data that was never
 * sent, or far too old.
 */
bool tcp_ack(struct tcp_sock *t, const struct sk_buff *skb, const struct sack_block *sacks,
	u32 nr_sacks);

/* tcp_ecn.c: Evaluate ECN in the SYN to a listener's child @t, and in the SYN-ACK to a client. */
void tcp_ecn_asked(struct tcp_sock *t, const struct sk_buff *syn);
void tcp_ecn_answered(struct tcp_sock *t, const struct sk_buff *synack);
/*
 * Returns the ECN bits for the IP header of @skb, which is about to be sent, and sets ECE and CWR
 * in its TCP flags.
 */
u8 tcp_ecn_out(struct tcp_sock *t, struct sk_buff *skb);
/* Processes ECN marks and flags of a segment in the window, whose payload is not queued yet. */
void tcp_ecn_in(struct tcp_sock *t, const struct sk_buff *skb);

#endif
