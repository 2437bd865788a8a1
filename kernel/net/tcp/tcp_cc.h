/* SPDX-License-Identifier: MIT */
/*
 * tcp_cc.h: congestion control: how much a connection may have in flight (tcp_cc.c).
 *
 * Call sequence, c.lock held throughout:
 *     tcp_cc_init    once for a connection
 *     tcp_cwnd_idle  before new data is sent: halves a window that was not used for a while
 *     tcp_cwnd_used  after new data was sent: records whether cwnd limited it
 *     tcp_cwnd_grow  for each acknowledgement while there is no loss
 *     tcp_hystart    for each round trip measured in slow start, which it may end
 *     tcp_cut        after a loss: returns the next ssthresh
 */
#ifndef NESTLING_NET_TCP_CC_H
#define NESTLING_NET_TCP_CC_H

#include "kernel/lib/types.h"

struct tcp_sock;

#define INIT_CWND 10 /* segments */
#define SSTHRESH_INFINITE 0x7fffffffU

/* CUBIC's state (RFC 9438). */
struct cubic {
	u32 w_max, origin; /* segments */
	/* ms from `epoch` until cwnd reaches `origin` again */
	u32 k;
	/* ktime_get() at which this growth began, 0: the next ACK begins it */
	u64 epoch;
	/* acknowledged segments for which cwnd grows by one */
	u32 cnt;
	u32 tcp_cwnd; /* cwnd that Reno would have, segments */
	/* segments acknowledged since tcp_cwnd last grew */
	u32 acked;
};

/* A round trip of slow start, for HyStart. */
struct hystart {
	u32 round_end; /* snd.nxt when the round trip began */
	u32 samples;   /* RTT samples in this round trip */
	u64 least;     /* the shortest of these samples, ns */
};

/* bits of tcp_cc.ecn (RFC 3168) */
#define TCP_ECN_OK 1    /* both sides support ECN */
#define TCP_ECN_ASKED 2 /* our SYN has asked for ECN */
/* a marked packet has arrived; ECE echoes it until the peer sends CWR */
#define TCP_ECN_DEMAND 4
#define TCP_ECN_QUEUED 8 /* cwnd was cut: send CWR with new data */
/* a segment with data and an ECN codepoint has arrived */
#define TCP_ECN_SEEN 16

/* Congestion. Protected by c.lock. */
struct tcp_cc {
	u32 cwnd, ssthresh; /* segments */
	/* segments acknowledged since cwnd last grew by one */
	u32 cwnd_cnt;
	bool reno;           /* RFC 5681 instead of CUBIC */
	bool cwnd_limited;   /* cwnd limited the last window */
	u32 max_packets_out; /* most segments in flight in that window */
	u32 usage_seq;       /* sequence number at that window's end */
	struct cubic cubic;
	struct hystart hystart;
	u8 ecn; /* TCP_ECN_* */
	/* cwnd is not cut again before this sequence number is acknowledged */
	u32 ecn_high;
};

/* Sets cwnd, ssthresh and CUBIC's state for a new connection, and loss.ca to CA_OPEN. */
void tcp_cc_init(struct tcp_sock *t);
/* Returns the algorithm's name, as TCP_CONGESTION has it. */
static inline const char *tcp_cc_name(bool reno)
{
	return reno ? "reno" : "cubic";
}
/*
 * Looks up a congestion control algorithm, and stores in *@reno whether it is Reno. Returns 0, or
 * -ENOENT for an unknown name. Takes no lock.
 */
int tcp_cc_find(const char *name, bool *reno);
/*
 * Grows cwnd after @acked segments were newly acknowledged without a loss. cwnd stays if the
 * connection has not used it up.
 */
void tcp_cwnd_grow(struct tcp_sock *t, u32 acked);
/* Records new data that was sent. @limited: cwnd, not the program, has limited what was sent. */
void tcp_cwnd_used(struct tcp_sock *t, bool limited);
/* Before new data is sent: halves cwnd, not below INIT_CWND, for each rtt.rto without new data. */
void tcp_cwnd_idle(struct tcp_sock *t);
/*
 * Returns the next ssthresh after a loss, in segments, at least 2. Leaves cwnd and ssthresh as they
 * are, but begins a new epoch of CUBIC with the present cwnd.
 */
u32 tcp_cut(struct tcp_sock *t);
/* Evaluates an RTT sample (@rtt, ns) in slow start, and perhaps ends slow start. */
void tcp_hystart(struct tcp_sock *t, u64 rtt);

#endif
