/* SPDX-License-Identifier: MIT */
/*
 * tcp_in.h: received segments: tcp_in.c (states), tcp_ack.c (acknowledgements), tcp_queue.c
 * (payload), tcp_ecn.c (marks).
 *
 * Call sequence: tcp_in.c finds the socket and takes its c.lock; then, for a segment in the window,
 * tcp_ecn_in(), tcp_ack() and tcp_take_data(). tcp_rcv_adjust() follows each read of the program.
 * c.lock is held throughout.
 */
#ifndef NESTLING_NET_TCP_IN_H
#define NESTLING_NET_TCP_IN_H

#include "kernel/net/tcp/tcp_sock.h"

/* tcp_in.c */
void tcp_enter_established(struct tcp_sock *t);
/* Enables the options that both the peer's SYN and our sysctls allow. */
void tcp_take_opts(struct tcp_sock *t, const struct tcp_opts *o);

/* tcp_parse.c */
/*
 * Pulls the header of @skb into skb->tcp, its options into @o. Returns true if both are well-formed
 * and the checksum is right.
 */
bool tcp_parse(struct net *net, struct sk_buff *skb, struct tcp_opts *o, u16 *urg_ptr);

/* tcp_queue.c */
/* Acknowledges the next segments at once. */
void tcp_enter_quick(struct tcp_sock *t);
/* Drops the data that came out of order, and the SACK blocks that report it. */
void tcp_drop_ooo(struct tcp_sock *t);
/* Queues payload and FIN of @skb, which is consumed. True if something is new in order. */
bool tcp_take_data(struct tcp_sock *t, struct sk_buff *skb);
/* Grows the receive buffer as the reader, which has taken @copied bytes, keeps up. */
void tcp_rcv_adjust(struct tcp_sock *t, u32 copied);

/* tcp_ack.c */
/* Processes the acknowledgement of @skb. Returns false if it is for data that were never sent. */
bool tcp_ack(struct tcp_sock *t, const struct sk_buff *skb, const struct sack_block *sacks,
	u32 nr_sacks);

/* tcp_ecn.c */
void tcp_ecn_asked(struct tcp_sock *t, const struct sk_buff *syn);
void tcp_ecn_answered(struct tcp_sock *t, const struct sk_buff *synack);
/* Returns the flags of @skb, which goes out, and sets the bits of its IP header. */
u8 tcp_ecn_out(struct tcp_sock *t, struct sk_buff *skb);
/* Takes the marks of a segment in the window, which still has its payload. */
void tcp_ecn_in(struct tcp_sock *t, const struct sk_buff *skb);

#endif
