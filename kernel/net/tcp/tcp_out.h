/* SPDX-License-Identifier: MIT */
/*
 * tcp_out.h: sent segments (tcp_out.c).
 *
 * Call sequence: tcp_queue() appends a filled skb to snd.wq; tcp_push() sends what window, cwnd and
 * Nagle's rule allow; tcp_retransmit_lost() retransmits lost segments; tcp_unqueue() drops
 * acknowledged data. c.lock is held throughout, except in tcp_refuse() and tcp_new_iss(), which
 * need no lock, and in tcp_opts_changed(), which takes it. Nothing sleeps.
 */
#ifndef NESTLING_NET_TCP_OUT_H
#define NESTLING_NET_TCP_OUT_H

#include "kernel/net/tcp/tcp_sock.h"

/*
 * most bytes of payload in one skb: with its headers it fits into one IP packet, and into a buffer
 * of sixteen pages
 */
#define SEG_MAX 65400U
/* most bytes over lo, so that a reader reads one half of a write while the other is written */
#define SEG_LOCAL 32768U

/*
 * Sends the data that window, cwnd and Nagle's rule allow. @more: a segment that is not full waits
 * for more data.
 */
void tcp_push(struct tcp_sock *t, bool more);
/* Sends a clone of @skb, which is in the write queue. Returns 0 or -errno. */
int tcp_transmit(struct tcp_sock *t, struct sk_buff *skb);
/*
 * Adds the TCP header to @skb, sends it, and consumes it. Returns 0 or -errno, -EHOSTUNREACH if
 * there is no route any more.
 */
int tcp_send_segment(struct tcp_sock *t, struct sk_buff *skb);
/* Retransmits segments marked as lost, as far as cwnd and the window allow. */
void tcp_retransmit_lost(struct tcp_sock *t);
/*
 * True if @skb is beyond the window because the peer has shrunk it. False for the first segment,
 * whose retransmission probes the window.
 */
bool tcp_beyond_window(const struct tcp_sock *t, const struct sk_buff *skb);
/* Sends an empty segment with an acknowledgement. Without memory timers.delack tries it again. */
void tcp_send_ack(struct tcp_sock *t);
/* Sends an empty segment with a RST. Without memory nothing is sent. */
void tcp_send_reset(struct tcp_sock *t);
/*
 * Sends an empty segment that the peer must answer. @urgent: its number is snd.una, not the one
 * before.
 */
void tcp_send_probe(struct tcp_sock *t, bool urgent);
/*
 * Queues and sends a SYN, in SYN_RECV a SYN-ACK, with fast.syn_data if there is any. Returns 0 or
 * -errno.
 */
int tcp_send_syn(struct tcp_sock *t);
/* Sends a SYN-ACK without queueing it for retransmission. */
void tcp_send_synack(struct tcp_sock *t);
/* Sends a FIN behind the data of the write queue. Without memory the connection is reset. */
void tcp_send_fin(struct tcp_sock *t);

/* Appends @skb to the write queue, which then owns it, and counts its memory. */
void tcp_queue(struct tcp_sock *t, struct sk_buff *skb);
/*
 * Cuts @skb, which is in the write queue, after @len bytes of payload; the rest follows it in the
 * queue. Returns 0 or -ENOMEM.
 */
int tcp_split(struct tcp_sock *t, struct sk_buff *skb, u32 len);
/*
 * Updates the segment counts of a sent @skb that has become shorter. @beside: segments that were
 * cut off into another skb with the same marks.
 */
void tcp_recount(struct tcp_sock *t, struct sk_buff *skb, u16 beside);
/* Removes @skb from the write queue and frees it. */
void tcp_unqueue(struct tcp_sock *t, struct sk_buff *skb);
/*
 * Answers @skb, for which there is no socket or which is invalid, with a RST, unless @skb is a RST
 * or was sent to a broadcast or multicast address. Does not consume @skb.
 */
void tcp_refuse(struct net *net, const struct sk_buff *skb);

/* Returns the MSS in bytes to announce to the peer over the route @f. */
u16 tcp_advmss(const struct tcp_sock *t, const struct flow *f);
/* Recomputes snd.mss from the route's MTU, the peer's MSS and options. */
void tcp_sync_mss(struct tcp_sock *t);
/* Looks up the route again and updates the MSS. Returns 0, or -errno if there is no route. */
int tcp_look(struct tcp_sock *t);
/* Recomputes the MSS after the socket's IPv4 options have changed. */
void tcp_opts_changed(struct inet_sock *i);
/*
 * Reduces the path MTU to @mtu bytes, after an ICMP error, and retransmits segments that are
 * larger.
 */
void tcp_mtu_reduced(struct tcp_sock *t, u32 mtu);
/*
 * Returns the bytes of payload in a new segment: the MSS, but at most half of the largest window
 * that the peer has offered.
 */
u32 tcp_seg_size(const struct tcp_sock *t);
/*
 * Returns the most bytes of payload in a new skb: one segment, or several that the card cuts (TSO).
 */
u32 tcp_seg_goal(const struct tcp_sock *t);
/* True if the card may cut large packets into segments. */
bool tcp_card_cuts(const struct tcp_sock *t);
/* Returns how many bytes of a large write are queued before they are sent. */
static inline u32 tcp_burst(const struct tcp_sock *t)
{
	return t->flow.local ? SEG_LOCAL : SEG_MAX;
}
/*
 * Returns the pacing rate in bytes/s: cwnd per round trip, times tcp_pacing_*_ratio; ~0 if there is
 * no RTT sample.
 */
u64 tcp_pacing_rate(const struct tcp_sock *t);
/* Returns the window to offer, bytes. It never shrinks what was offered. */
u32 tcp_window(struct tcp_sock *t);
/* Returns the window that a SYN or SYN-ACK offers, bytes. */
u32 tcp_first_window(const struct tcp_sock *t);
/* Returns the window scale that the largest possible window needs. */
u8 tcp_choose_wscale(const struct tcp_sock *t);
/*
 * Records tcp_window() as offered by the segment that is being built. Returns the value for the
 * header, in host byte order.
 */
u16 tcp_take_window(struct tcp_sock *t, bool syn);
/*
 * Returns the smallest growth of the window, in bytes, that is worth announcing: a segment, or a
 * quarter of a small buffer.
 */
u32 tcp_window_step(const struct tcp_sock *t);
/* Returns the timestamp for a segment sent now, in ms. */
u32 tcp_ts(const struct tcp_sock *t);
/* Returns an initial sequence number for the socket's addresses and ports (RFC 6528). */
u32 tcp_new_iss(const struct inet_sock *i);

/* Returns the number of segments for @len bytes of payload. */
static inline u16 tcp_segs_of(const struct tcp_sock *t, u32 len)
{
	return len > t->snd.mss ? (u16)((len + t->snd.mss - 1) / t->snd.mss) : 1;
}
/* Returns the number of segments in flight: sent, and not known to have arrived or to be lost. */
static inline u32 tcp_in_flight(const struct tcp_sock *t)
{
	const struct tcp_loss *l = &t->loss;

	return l->packets_out - l->sacked_out - l->lost_out + l->retrans_out;
}

#endif
