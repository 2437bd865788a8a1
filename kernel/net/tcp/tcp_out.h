/* SPDX-License-Identifier: MIT */
/*
 * tcp_out.h: sent segments (tcp_out.c).
 *
 * Call sequence: tcp_queue() puts a written skb at the end of snd.wq; tcp_push() sends what window,
 * cwnd and Nagle allow; tcp_retransmit_lost() sends lost segments again; tcp_unqueue() drops
 * acknowledged data. c.lock is held throughout, except in tcp_refuse() and tcp_new_iss(), which
 * need no lock.
 */
#ifndef NESTLING_NET_TCP_OUT_H
#define NESTLING_NET_TCP_OUT_H

#include "kernel/net/tcp/tcp_sock.h"

/*
 * bytes of payload in one skb, at most: with its headers it is a packet, in a buffer of sixteen
 * pages
 */
#define SEG_MAX 65400U
/* bytes at most over lo, where a reader begins with the first half while the second is written */
#define SEG_LOCAL 32768U

/* Sends the data that may be sent. @more: holds back a segment that is not full. */
void tcp_push(struct tcp_sock *t, bool more);
int tcp_transmit(struct tcp_sock *t, struct sk_buff *skb);
/* Sends @skb, which has its header, and consumes it. */
int tcp_send_segment(struct tcp_sock *t, struct sk_buff *skb);
void tcp_retransmit_lost(struct tcp_sock *t);
bool tcp_beyond_window(const struct tcp_sock *t, const struct sk_buff *skb);
void tcp_send_ack(struct tcp_sock *t);
void tcp_send_reset(struct tcp_sock *t);
void tcp_send_probe(struct tcp_sock *t, bool urgent);
int tcp_send_syn(struct tcp_sock *t);
/* Sends a SYN-ACK once, without queueing it. */
void tcp_send_synack(struct tcp_sock *t);
void tcp_send_fin(struct tcp_sock *t);

void tcp_queue(struct tcp_sock *t, struct sk_buff *skb);
/* Cuts @skb of the write queue behind @len bytes of payload. 0 or -ENOMEM. */
int tcp_split(struct tcp_sock *t, struct sk_buff *skb, u32 len);
/*
 * Counts the segments of a sent @skb again after it has become shorter; @beside segments are in
 * another skb with the marks of @skb.
 */
void tcp_recount(struct tcp_sock *t, struct sk_buff *skb, u16 beside);
void tcp_unqueue(struct tcp_sock *t, struct sk_buff *skb);
/* Answers @skb, for which no socket was found, with RST. */
void tcp_refuse(struct net *net, const struct sk_buff *skb);

u16 tcp_advmss(const struct tcp_sock *t, const struct flow *f);
void tcp_sync_mss(struct tcp_sock *t);
/*
 * Looks up the route again and updates the MSS. The socket is locked. Returns 0, or -errno if a
 * segment cannot be sent.
 */
int tcp_look(struct tcp_sock *t);
/* Takes note that the socket's IPv4 options have changed, and so the room in a segment. */
void tcp_opts_changed(struct inet_sock *i);
/* Takes a router's word that the path carries no more than @mtu bytes. */
void tcp_mtu_reduced(struct tcp_sock *t, u32 mtu);
/* Returns bytes of payload of new segments: at most half of the peer's largest window. */
u32 tcp_seg_size(const struct tcp_sock *t);
/* Returns bytes of payload of the largest skb: one segment, or many that the device cuts. */
u32 tcp_seg_goal(const struct tcp_sock *t);
bool tcp_card_cuts(const struct tcp_sock *t);
/* Returns how many bytes of a large write go at once. */
static inline u32 tcp_burst(const struct tcp_sock *t)
{
	return t->flow.local ? SEG_LOCAL : SEG_MAX;
}
/*
 * Returns the pacing rate: cwnd per round trip in bytes/s, times tcp_pacing_*_ratio; ~0 while no
 * round trip is measured.
 */
u64 tcp_pacing_rate(const struct tcp_sock *t);
u32 tcp_window(struct tcp_sock *t);
/* Returns the window that a SYN or the answer to it offers. */
u32 tcp_first_window(const struct tcp_sock *t);
/* Returns the scale that the largest window will need. */
u8 tcp_choose_wscale(const struct tcp_sock *t);
/* Offers tcp_window() in a segment. Returns the header's field, in host order. */
u16 tcp_take_window(struct tcp_sock *t, bool syn);
/* Returns the least growth of the window worth telling: a segment, or half of a small buffer. */
u32 tcp_window_step(const struct tcp_sock *t);
u32 tcp_ts(const struct tcp_sock *t);
u32 tcp_new_iss(const struct inet_sock *i);

/* Returns how many segments @len bytes of payload are. */
static inline u16 tcp_segs_of(const struct tcp_sock *t, u32 len)
{
	return len > t->snd.mss ? (u16)((len + t->snd.mss - 1) / t->snd.mss) : 1;
}
static inline u32 tcp_in_flight(const struct tcp_sock *t)
{
	const struct tcp_loss *l = &t->loss;

	return l->packets_out - l->sacked_out - l->lost_out + l->retrans_out;
}

#endif
