/* SPDX-License-Identifier: MIT */
/*
 * tcp_loss.h: the segments in flight, those believed lost, and how a connection recovers
 * (tcp_rack.c, tcp_recover.c).
 *
 * Call sequence, c.lock held throughout:
 *     tcp_rack_sent_arrived  for every segment that an ACK or a SACK block covers
 *     tcp_react              once for each ACK, with its effect (struct arrived); it calls
 *                            tcp_rack_find_lost()
 *     tcp_losses_found       the timer found losses: begins recovery unless one is running
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

/* bits of tcp_meta.sacked */
#define SKB_SACKED 1
#define SKB_LOST 2
#define SKB_RETRANS 4 /* in flight again after a loss */

/* State before a loss. It is restored if later acknowledgements show that nothing was lost. */
struct undo {
	/* on: the state may be restored; stamped: `stamp` is valid */
	bool on, stamped;
	u32 marker; /* snd.una when the loss was detected */
	/*
	 * number of retransmitted segments, minus those that D-SACK has reported as duplicates;
	 * below 0: none was retransmitted
	 */
	int retrans;
	/* our timestamp in the first retransmission */
	u32 stamp;
	u32 cwnd, ssthresh, w_max; /* segments */
};

/*
 * The effect of one acknowledgement. A segment that was SACKed earlier is not used for an RTT
 * sample: its acknowledgement had to wait for a gap to be filled.
 */
struct arrived {
	/*
	 * ns at which a segment was sent that is now acknowledged (sent), or now SACKed (sacked);
	 * 0: there is no such segment, or all were retransmitted
	 */
	u64 sent, sacked;
	u32 acked; /* segments removed from the write queue */
	/* segments newly known to have arrived, by ACK or SACK */
	u32 delivered;
	/*
	 * an acknowledged segment was retransmitted, so the sending time of its neighbours is
	 * ambiguous
	 */
	bool again;
	/* sacks: the ACK has a SACK block for new data; dsack: a block that reports a duplicate */
	bool sacks, dsack;
	/* a segment below high_seq has arrived that was never retransmitted */
	bool orig;
	/* the ACK covers our SYN-ACK, which TCPDelivered does not count, as on Linux */
	bool synack;
};

/* RACK (RFC 8985). */
struct rack {
	/*
	 * Of the delivered segment that was sent last: xmit, ktime_get() when it was sent, 0: none
	 * was delivered yet; rtt, its RTT in ns.
	 */
	u64 xmit, rtt;
	u32 end_seq; /* end of that segment, sequence number */
	u32 fack;    /* highest sequence number that has arrived */
	/* fack before the acknowledgement that is being processed */
	u32 old_fack;
	/* reordering window, in quarters of the minimum RTT */
	u32 mult;
	u32 rounds; /* recoveries until `mult` is 1 again */
	bool reordered;
};

/* Segments in flight, and recovery. Protected by c.lock; counts are segments. */
struct tcp_loss {
	u32 packets_out, sacked_out, lost_out, retrans_out;
	/*
	 * reordering degree: segments that may overtake an earlier one before that counts as lost
	 */
	u32 reordering;
	u32 dupacks;  /* duplicate ACKs in a row */
	u32 high_seq; /* snd.nxt when recovery began */
	enum { CA_OPEN, CA_RECOVERY, CA_LOSS } ca;
	/* F-RTO: the timer has expired, and arrivals may show that nothing was lost */
	bool frto;
	/* segments found lost by the acknowledgement that is being processed */
	u32 newly_lost;
	u32 prior_cwnd; /* cwnd when recovery began */
	/* segments that have arrived, and segments that were sent, in this recovery (RFC 9937) */
	u32 prr_delivered, prr_out;
	struct undo undo;
	struct rack rack;
	/* purpose of the armed timers.early: EARLY_PROBE or EARLY_REORDER */
	u8 early_kind;
	/* tlp_retrans: the tail probe was a retransmission; tlp_dsacked: a D-SACK reported it */
	bool tlp_retrans, tlp_dsacked;
	/* snd.nxt when the tail probe was sent, 0: no probe is outstanding */
	u32 tlp_high;
	/* ns at which new data was last sent or acknowledged */
	u64 progress;
};

/* tcp_recover.c */
/* Enters CA_LOSS after the retransmission timer has expired. */
void tcp_enter_loss(struct tcp_sock *t);
/*
 * Reacts to the ACK @ack, whose effect is *@when: detects losses, and begins, continues or ends
 * recovery. @dup: @ack is a duplicate ACK. Changes *@when.
 */
void tcp_react(struct tcp_sock *t, const struct sk_buff *ack, struct arrived *when, bool dup);
/* Clears SKB_RETRANS of @skb, and uncounts the retransmission. */
void tcp_forget_retrans(struct tcp_sock *t, struct sk_buff *skb);
/* Counts a retransmission that the D-SACK block @b reports as a duplicate. */
void tcp_undo_dsack(struct tcp_sock *t, const struct sack_block *b);
/* Retransmits segments in flight that have become too large for the path, in smaller pieces. */
void tcp_too_large(struct tcp_sock *t);
/* Marks @skb, which is in the write queue, as lost, with its retransmission if there was one. */
void tcp_mark_lost(struct tcp_sock *t, struct sk_buff *skb);
/* Begins recovery unless one is running, and retransmits lost segments. */
void tcp_losses_found(struct tcp_sock *t);
/* Sets ssthresh and cwnd as after a loss, without a retransmission. */
void tcp_reduce(struct tcp_sock *t);

/* tcp_rack.c */
void tcp_rack_sent_arrived(struct tcp_sock *t, const struct sk_buff *skb);
/*
 * Marks segments that are lost by now, and sets the timer for those that may still arrive. Returns
 * true if any is lost.
 */
bool tcp_rack_find_lost(struct tcp_sock *t);
/* Records that the peer has reported data up to @end as a duplicate. */
void tcp_rack_dsack(struct tcp_sock *t, u32 end);
/* Counts the end of a recovery. */
void tcp_rack_recovered(struct tcp_sock *t);
void tcp_rack_arm_probe(struct tcp_sock *t);
/*
 * Processes an acknowledgement while a tail probe is outstanding. @twice: it is a duplicate ACK
 * without SACK, which also shows that the probe's data arrived twice.
 */
void tcp_rack_probe_acked(struct tcp_sock *t, u32 ack, bool twice);
void tcp_early_timer(struct tcp_sock *t);
/*
 * Sends a tail probe instead of a retransmission, if one is due when the retransmission timer
 * expires. Returns true if a probe was sent.
 */
bool tcp_rack_probe_first(struct tcp_sock *t);

#endif
