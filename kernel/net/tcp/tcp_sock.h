/* SPDX-License-Identifier: MIT */
/*
 * tcp_sock.h: struct tcp_sock, a socket of TCP: a listener, a connection, or neither yet.
 *
 *     snd                                             the sender, with the write queue: skbs from
 *                                                     snd.una on, sent ones [wq, head), then those
 *                                                     that wait for window or cwnd
 *     rcv                                             the receiver: inet.queue.rq has data in order
 *                                                     from rcv.copied on, where readers take it;
 *                                                     rcv.ooo has segments that arrived out of
 *                                                     order, by sequence number, not overlapping
 *     ack                                             when the next acknowledgement is sent
 *     rtt, cc, loss                                   round trips, congestion window, segments
 *                                                     believed lost
 *     timers, stats, opts, fast, listen, child, life  see their comments
 *
 * Call sequence: tcp_alloc() and tcp_setup(), or a child by tcp_make_child(); tcp_set_state() for
 * each change of state; tcp_done() when the connection has ended; tcp_put() of the last reference
 * frees it.
 * Locks: inet.c.lock (spin) protects everything that is not marked otherwise. It is never held over
 * a copy to or from a program. Two are never held at once: a child enters its listener's queue
 * under listen.lock, which is inside of the child's c.lock.
 */
#ifndef NESTLING_NET_TCP_SOCK_H
#define NESTLING_NET_TCP_SOCK_H

#include "kernel/net/inet/inet.h"
#include "kernel/net/tcp/tcp_cc.h"
#include "kernel/net/tcp/tcp_loss.h"
#include "kernel/net/tcp/tcp_wire.h"
#include "kernel/sched/timer.h"

enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
};
#define TCPF(state) (1U << (state))
#define TCPF_SENDING (TCPF(TCP_ESTABLISHED) | TCPF(TCP_CLOSE_WAIT))
#define TCPF_SYNCED                                                                                \
	(~(TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV) | TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN)))

#define MSEC NSEC_PER_MSEC
#define USEC 1000UL

/*
 * tcp_life.conn: the result that connect() has returned to the program. After a connection has
 * ended, the next connect() returns its error; the one after that, or AF_UNSPEC, starts a new
 * attempt.
 */
enum { CONN_NONE, CONN_BEGUN, CONN_MADE, CONN_LOST };

/* The state that keeps the socket alive. Protected by c.lock, except conn. */
struct tcp_life {
	bool orphan;         /* no file has the socket open */
	bool counted_orphan; /* counts in tcp_orphans() */
	/* the connection holds a reference on itself, until tcp_done() */
	bool self_ref;
	bool waits_out; /* counts in tcp_time_waits */
	u8 conn;        /* CONN_*; protected by inet.op */
	/* pages that this socket has of tcp_mem_used() */
	int mem_pages;
	/* memory group that pays for mem_pages: a reference, or NULL; immutable once set */
	struct mem_group *payer;
};

/* The sender. Protected by c.lock; names are RFC 9293's where it has them. */
struct tcp_snd {
	struct list_head wq; /* skbs from una on */
	/* the first skb of wq that was never sent, NULL: there is none */
	struct sk_buff *head;
	u32 wmem;   /* bytes, true sizes of the skbs in wq */
	u32 pushed; /* end of the last data sent with PSH */
	/* the initial number; the oldest not acknowledged; the next to be sent */
	u32 iss, una, nxt;
	/* end of the data that the program has written */
	u32 write_seq;
	/* the peer's window, bytes; the number of the segment that has set it last */
	u32 wnd, wl1;
	/* largest window the peer has offered, bytes */
	u32 max_wnd;
	/* end of the last segment that was sent and was not full */
	u32 sml;
	u32 up; /* end of urgent data, while urgent */
	/* bytes of payload in a full segment, without options */
	u16 mss;
	u16 advmss;   /* MSS announced to the peer */
	u16 user_mss; /* TCP_MAXSEG, 0: none */
	u16 peer_mss; /* MSS announced by the peer */
	/* bits to shift the peer's window by, and ours */
	u8 wscale, rcv_wscale;
	/* options that both sides have agreed on */
	bool wscale_ok, ts_ok, sack_ok;
	bool urgent;                     /* `up` is ahead of una */
	bool nodelay, corked;            /* TCP_NODELAY, TCP_CORK */
	bool sndbuf_fixed, rcvbuf_fixed; /* SO_SNDBUF, SO_RCVBUF were set: no growth */
	/* a writer or poller waits for room; also set without c.lock */
	bool nospace;
	/* an acknowledgement has made room: wake writers before c.lock is released */
	bool space_due;
	struct mutex write_mutex; /* one writer at a time; outside of c.lock */
	u64 last;                 /* ktime_get() of the last data sent, ns */
	/* TCP_NOTSENT_LOWAT, bytes, 0: the namespace's */
	u32 notsent_lowat;
	/* number of writers that wait for the handshake; counted without c.lock */
	atomic_t write_pending;
};

/* The receiver. Protected by c.lock. */
struct tcp_rcv {
	/* skbs that came out of order, by sequence number */
	struct list_head ooo;
	/* the skbs of ooo (sk_buff.place), to search */
	struct rb_root ooo_tree;
	/* peer's initial number; next number expected */
	u32 irs, nxt;
	/* nxt when the last window was announced, and that window in bytes */
	u32 wup, wnd;
	u32 copied; /* next number that the program reads */
	/* estimate of the peer's segment size, bytes */
	u32 mss;
	u32 clamp;     /* TCP_WINDOW_CLAMP: most bytes of window */
	u32 ts_recent; /* timestamp to echo */
	/* ns at which ts_recent was taken, and at which data came last */
	u64 ts_recent_at, last;
	u32 ooo_mem;                        /* bytes, true sizes of the skbs in ooo */
	struct sack_block sacks[MAX_SACKS]; /* blocks to report, the newest first */
	/* a block that arrived twice, to be reported once; end 0: none */
	struct sack_block dsack;
	u32 nr_sacks;
	bool fin_seen; /* the peer's FIN is in order */
	/* the next header can be foretold: counts alone depend on it (count_ack()) */
	bool foretold;
	/* the reader has met the FIN: reading ends there */
	bool peer_done;
	bool tell_inq;          /* TCP_INQ */
	u8 urg_state, urg_byte; /* URG_*; the byte, from URG_HERE on */
	u32 urg_seq;            /* number of the urgent byte */
	/*
	 * for the growth of the buffer: when this round trip began, bytes read in it, its first
	 * number
	 */
	u64 space_at;
	u32 space_copied, space_seq;
};
#define URG_NONE 0
#define URG_AWAITED 1 /* announced, the byte is not received yet */
#define URG_HERE 2
#define URG_READ 3

/* The time of the next acknowledgement. Protected by c.lock. */
struct tcp_ack_state {
	bool now; /* at once */
	bool due; /* by timers.delack, or with data */
	/* data is answered by data soon, and that takes the acknowledgement along */
	bool pingpong;
	/* times that data was answered quickly, until pingpong */
	u8 exchanges;
	/* data has come in order: an acknowledgement may wait for ATO_MIN */
	bool heard;
	/* a small segment waits for its acknowledgement: the end of a write, as it seems */
	bool small;
	/* segments that are still acknowledged at once */
	u32 quick;
};
/*
 * Most segments that are acknowledged at once, when the first data comes, after a long silence,
 * and when some were lost.
 */
#define TCP_QUICK_ACKS 16U

/* Round trips. Protected by c.lock; all in ns. */
struct tcp_rtt {
	/* the smoothed time, 0: there is no sample yet; its deviation; the timeout */
	u64 srtt, rttvar, rto;
	u64 rto_min, rto_max;
	u64 min; /* least of the last tcp_min_rtt_wlen */
	/* least in the half of tcp_min_rtt_wlen that began at min_at */
	u64 min_now, min_at;
};
#define RTO_MIN (200 * MSEC)
#define RTO_INIT NSEC_PER_SEC
#define RTO_MAX (120 * NSEC_PER_SEC)
#define ATO_MIN (40 * MSEC)
#define ATO_FIN (4 * MSEC) /* for a FIN that no data came before */

/* Timers and their counters. Protected by c.lock; times are ktime_get(), ns. */
struct tcp_timers {
	/* for a tail probe, or for a check of segments that may be lost (tcp_rack.c) */
	struct ktimer early;
	/* for a retransmission, or a probe of a closed window */
	struct ktimer rtx;
	/* a delayed acknowledgement, or corked data */
	struct ktimer delack;
	struct ktimer keep; /* keepalive, FIN_WAIT2, TIME_WAIT */
	u8 backoff;         /* doublings of the timeout */
	u8 retries;         /* retransmissions in a row */
	/* probes of a closed window, and of keepalive, without an answer */
	u8 probes, keep_sent;
	u64 confirmed; /* when the neighbour was last confirmed */
	/* when the closed window was first probed, 0: it is open */
	u64 closed_at;
	/* when the first retransmission in a row was sent, or the SYN, 0: none was */
	u64 first_failure;
	/* when a segment that may be part of a storm was last answered */
	u64 last_odd;
};
#define CORK_MAX (200 * MSEC)
#define TIME_WAIT_LEN (60 * NSEC_PER_SEC)

/* Options that are read seldom. Protected by c.lock. */
struct tcp_user {
	u32 keep_idle, keep_intvl; /* s, 0: the namespace's */
	u32 keep_cnt, syn_cnt;     /* tries, 0: the namespace's */
	u32 timeout;               /* TCP_USER_TIMEOUT, ms, 0: none */
	int linger2;               /* s, 0: the namespace's, -1: none */
	/* SYN+ACKs that are sent until a child without data is accepted, 0: none */
	u32 defer_tries;
	bool thin_linear;    /* TCP_THIN_LINEAR_TIMEOUTS */
	bool save_syn;       /* TCP_SAVE_SYN, of a listener's children */
	bool fast_connect;   /* TCP_FASTOPEN_CONNECT */
	bool fast_no_cookie; /* TCP_FASTOPEN_NO_COOKIE */
};

/*
 * Reasons why a sender with data is not done: it is sending, the peer's window is full, or its
 * buffer has no room.
 */
enum { CHRONO_NONE, CHRONO_BUSY, CHRONO_WINDOW, CHRONO_BUFFER, CHRONO_KINDS };

/* Counters, of TCP_INFO and its relatives. Protected by c.lock. */
struct tcp_counts {
	u32 retrans; /* segments sent again */
	/* timeouts; those that were the first in a row */
	u16 rto, rto_recoveries;
	/* ms from such a first timeout to the next progress, in all */
	u32 rto_time;
	/* ns at which that first timeout was, while there is no progress; else 0 */
	u64 rto_at;
	u64 bytes_acked, bytes_received, bytes_sent, bytes_retrans;
	u64 segs_in, segs_out;
	u64 last_ack; /* when an acknowledgement came last, ns */
	/* ns of each kind; when the present one began */
	u64 chrono[CHRONO_KINDS], chrono_at;
	u8 chrono_kind;                  /* CHRONO_* */
	u32 data_segs_in, data_segs_out; /* segments with payload */
	/* segments that arrived; those marked by ECN */
	u32 delivered, delivered_ce;
	u32 dsack_dups, reord_seen, ooo_packets; /* segments */
};

/* Fast Open (tcp_fastopen.c). Protected by c.lock, unless a comment says otherwise. */
struct tcp_fast {
	/*
	 * FAST_ASK, FAST_SEND: the cookie is in the SYN or SYN-ACK; FAST_BARE: data goes without it
	 */
	enum { FAST_NO, FAST_ASK, FAST_SEND, FAST_BARE } mode;
	bool syn; /* our SYN had the option */
	/* our SYN was sent after a pause of Fast Open */
	bool checked;
	/* TFO_*: why the SYN had no data, or did not arrive */
	u8 fail;
	bool data_sent;     /* the SYN had data */
	bool data_acked;    /* and the peer has taken them */
	bool defer_connect; /* the SYN waits for the first write */
	/* a child's: it was accepted before the handshake is complete */
	bool opened;
	struct fast_cookie cookie;
	/* data that goes with the SYN, NULL: none; protected by inet.op */
	struct sk_buff *syn_data;
	/* a child's: its listener, a reference; NULL: the handshake is complete */
	struct tcp_sock *listener;
	/* the next four are a listener's */
	u32 qlen;           /* limit of Fast Open children */
	atomic_t nr;        /* Fast Open children */
	atomic_t nr_resets; /* children ended by a reset lately */
	u64 reset_at;       /* ktime_get() of the last such reset, ns */
	/* TCP_FASTOPEN_KEY; protected by the namespace's tcp.lock */
	u64 keys[2][2];
	/* 0: those of the namespace are used; protected as keys are */
	u32 nr_keys;
};

/* A listener's queues. Protected by lock, which is inside of c.lock. */
struct tcp_listen_queues {
	spinlock_t lock;
	/* children that can be accepted, by child.link: a reference to each */
	struct list_head accept_q;
	struct list_head syn_q; /* children in handshake, as above */
	u32 nr_accept, nr_syn;  /* their numbers */
	u32 backlog;            /* most children in accept_q */
	bool closed;            /* no child enters any more */
};

/* The fields of a child until it is accepted. */
struct tcp_child {
	/* in a queue of its listener, protected by listen.lock */
	struct list_head link;
	/* a reference; NULL: it was accepted, or is no child; protected as link is */
	struct tcp_sock *listener;
	bool offered;     /* it has entered the accept queue */
	bool defer_acked; /* TCP_DEFER_ACCEPT: the bare ACK has come */
	/* low bits of its timestamp, if it is made only for a cookie */
	u8 cookie_opts;
	u16 saved_len; /* bytes of saved_syn */
	/* headers of its SYN (TCP_SAVE_SYN) until they are read, or NULL */
	u8 *saved_syn;
};

struct tcp_sock {
	struct inet_sock inet;
	/* TCP_*; also read without the lock, as a hint */
	u8 state;
	struct tcp_life life;
	struct flow flow; /* route to the peer */
	/* tcp_now() while a segment or a push is served, ns, else 0 */
	u64 now;
	struct tcp_snd snd;
	struct tcp_rcv rcv;
	struct tcp_ack_state ack;
	struct tcp_rtt rtt;
	struct tcp_cc cc;
	struct tcp_loss loss;
	struct tcp_timers timers;
	struct tcp_counts stats;
	struct tcp_user opts;
	struct tcp_fast fast;
	struct tcp_child child;
	struct tcp_listen_queues listen;
};

/* bits of a timestamp that hold the options that do not fit into a cookie (tcp_cookie.c) */
#define TCP_COOKIE_OPTS 0x80

static inline struct tcp_sock *TCP(struct inet_sock *i)
{
	return container_of(i, struct tcp_sock, inet);
}
/*
 * Returns the time of the current segment or push, which is read once for each, or else
 * ktime_get(). Segment and push hold c.lock, so no task has seen a later time of the connection.
 */
static inline u64 tcp_now(const struct tcp_sock *t)
{
	u64 now = READ_ONCE(t->now);

	return now ? now : ktime_get();
}
/*
 * Fixes tcp_now(). Returns false if it was fixed already; the result is for tcp_now_end(). c.lock
 * held.
 */
static inline bool tcp_now_begin(struct tcp_sock *t)
{
	if (t->now)
		return false;
	WRITE_ONCE(t->now, ktime_get());
	return true;
}
static inline void tcp_now_end(struct tcp_sock *t, bool begun)
{
	if (begun)
		WRITE_ONCE(t->now, 0);
}
/* True if the socket is in one of @states, TCPF() bits. */
static inline bool tcp_in(const struct tcp_sock *t, u32 states)
{
	return TCPF(READ_ONCE(t->state)) & states;
}
/* True if writers may send: connected, or in a Fast Open handshake that began with a cookie. */
static inline bool tcp_may_send(const struct tcp_sock *t)
{
	return tcp_in(t, TCPF_SENDING) || (t->fast.opened && tcp_in(t, TCPF(TCP_SYN_RECV)));
}
static inline bool tcp_connecting(const struct tcp_sock *t)
{
	return tcp_in(t, TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV));
}
/* Returns the sysctls of @t's namespace (/proc/sys/net/ipv4/tcp_*). */
static inline struct tcp_net *tcp_net(const struct tcp_sock *t)
{
	return &t->inet.net->tcp;
}
static inline void tcp_get(struct tcp_sock *t)
{
	inet_get(&t->inet);
}
static inline void tcp_put(struct tcp_sock *t)
{
	inet_put(&t->inet);
}

#endif
