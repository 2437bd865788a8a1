/* SPDX-License-Identifier: MIT */
/*
 * tcp_loss.h: the segments in flight, those believed lost, and how a connection recovers
 * (tcp_rack.c, tcp_recover.c).
 *
 * Call sequence, c.lock held throughout:
 *     tcp_rack_sent_arrived  for every segment that an ACK or a SACK block covers
 *     tcp_rack_find_lost     once for each ACK, then tcp_react() with its effect (struct
 *                            arrived)
 *     tcp_losses_found       something is lost: begins recovery unless one is running
 *     tcp_enter_loss         the retransmission timer has expired
 *     tcp_rack_arm_probe     after new data and after progress
 *     tcp_early_timer        timers.early has expired
 *
 * States (tcp_loss.ca): OPEN, RECOVERY (cwnd goes down as segments arrive), LOSS (cwnd began at
 * one).
 */
#ifndef NESTLING_NET_TCP_LOSS_H
#define NESTLING_NET_TCP_LOSS_H

#include "kernel/lib/types.h"

struct sack_block;
struct sk_buff;
struct tcp_sock;

/* tcp_meta.sacked */
#define SKB_SACKED 1
#define SKB_LOST 2
#define SKB_RETRANS 4 /* in flight again since it was lost */

/* State before a loss, which is restored if nothing was lost after all. */
struct undo {
	/* the old state may be restored; stamp is valid */
	bool on, stamped;
	u32 marker; /* snd.una then */
	/* segments that were sent again and have not arrived twice; below 0: none was sent again */
	int retrans;
	u32 stamp;                 /* our timestamp of the first of these */
	u32 cwnd, ssthresh, w_max; /* segments */
};

/*
 * The effect of one acknowledgement. A segment that an earlier SACK covered has waited since then
 * for a gap to be filled, so it does not measure the round trip.
 */
struct arrived {
	/* ns at which the segments that it acknowledges, or SACKs, were sent, 0: sent twice */
	u64 sent, sacked;
	u32 acked; /* segments that left the queue */
	/* segments that this acknowledgement shows to have arrived, by ACK or SACK */
	u32 delivered;
	/*
	 * a segment that it acknowledges was sent more than once: the times of its neighbours are
	 * unknown
	 */
	bool again;
	/* it SACKs new data; it reports data that arrived twice */
	bool sacks, dsack;
	/* a segment from before high_seq has arrived that was sent only once */
	bool orig;
	/* it acknowledges our SYN-ACK; not counted, as on Linux */
	bool synack;
};

/* RACK (RFC 8985). */
struct rack {
	/*
	 * of the arrived segments the one sent last: ns at which it was sent, 0: none; and its
	 * round trip, ns
	 */
	u64 xmit, rtt;
	u32 end_seq; /* end of that segment */
	u32 fack;    /* highest number that has arrived */
	/* fack before the acknowledgement that is processed now */
	u32 old_fack;
	/* time to wait for late segments, in quarters of a round trip */
	u32 mult;
	u32 rounds; /* recoveries for which mult stays */
	bool reordered;
};

/* Segments in flight, and recovery. Protected by c.lock; counts are segments. */
struct tcp_loss {
	u32 packets_out, sacked_out, lost_out, retrans_out;
	/* reordering degree: segments that may overtake an earlier one before it counts as lost */
	u32 reordering;
	u32 dupacks;
	u32 high_seq; /* snd.nxt when recovery began */
	enum { CA_OPEN, CA_RECOVERY, CA_LOSS } ca;
	/* the timer has run out, and arrivals may show that nothing was lost */
	bool frto;
	/* segments that the acknowledgement processed now has shown to be lost */
	u32 newly_lost;
	u32 prior_cwnd;             /* cwnd when recovery began */
	u32 prr_delivered, prr_out; /* of this recovery (RFC 6937) */
	struct undo undo;
	struct rack rack;
	/* purpose of timers.early: EARLY_PROBE or EARLY_REORDER */
	u8 early_kind;
	/* the probe was sent data again; it came twice */
	bool tlp_retrans, tlp_dsacked;
	/* snd.nxt when the probe was sent, 0: none is out */
	u32 tlp_high;
	/* ns at which something was last sent or acknowledged */
	u64 progress;
};

/* tcp_recover.c */
void tcp_enter_loss(struct tcp_sock *t);
void tcp_react(struct tcp_sock *t, const struct sk_buff *ack, struct arrived *when, bool dup);
void tcp_forget_retrans(struct tcp_sock *t, struct sk_buff *skb);
void tcp_undo_dsack(struct tcp_sock *t, const struct sack_block *b);
/* Retransmits the segments in flight that are too large, after the MSS has become smaller. */
void tcp_too_large(struct tcp_sock *t);
void tcp_mark_lost(struct tcp_sock *t, struct sk_buff *skb);
/* Begins recovery unless one is running, and retransmits lost segments. */
void tcp_losses_found(struct tcp_sock *t);
/* Slows down as for a loss, with nothing to send again. */
void tcp_reduce(struct tcp_sock *t);

/* tcp_rack.c */
void tcp_rack_sent_arrived(struct tcp_sock *t, const struct sk_buff *skb);
bool tcp_rack_find_lost(struct tcp_sock *t);
/* Takes note that data up to @end came twice. */
void tcp_rack_dsack(struct tcp_sock *t, u32 end);
void tcp_rack_recovered(struct tcp_sock *t);
void tcp_rack_arm_probe(struct tcp_sock *t);
/*
 * Handles the acknowledgement of a tail probe. @twice: a duplicate ACK without SACK also shows that
 * the probe's data arrived twice.
 */
void tcp_rack_probe_acked(struct tcp_sock *t, u32 ack, bool twice);
void tcp_early_timer(struct tcp_sock *t);
/* True if a probe was due when the retransmission timer expired, and was sent instead. */
bool tcp_rack_probe_first(struct tcp_sock *t);

#endif
