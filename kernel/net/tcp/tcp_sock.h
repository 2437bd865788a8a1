/* SPDX-License-Identifier: MIT */
/*
 * tcp_sock.h: struct tcp_sock, a TCP socket: a listener, a connection, or neither yet.
 *
 *     snd                                             the sender, with the write queue: skbs from
 *                                                     snd.una on; [wq, head) are sent, those from
 *                                                     head on wait for window or cwnd
 *     rcv                                             the receiver: inet.queue.rq has data in order
 *                                                     from rcv.copied on, for readers; rcv.ooo has
 *                                                     segments that arrived out of order, by
 *                                                     sequence number, not overlapping
 *     ack                                             when the next acknowledgement is sent
 *     rtt, cc, loss                                   round trips, congestion window, segments
 *                                                     believed lost
 *     timers, stats, opts, fast, listen, child, life  see their comments
 *
 * Call sequence: tcp_alloc() and tcp_setup(), or a child by tcp_make_child(); tcp_set_state() for
 * each change of state; tcp_done() when the connection has ended; tcp_put() of the last reference
 * frees it.
 * Locks: inet.c.lock (spin) protects everything that is not marked otherwise. It is never held over
 * a copy to or from a program. No task holds two of them: a child enters its listener's queue under
 * listen.lock, which is inside of the child's c.lock.
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
 * Values of tcp_life.conn: what connect(2) has reported to the program. After a connection has
 * failed, the next connect(2) returns its error; the one after that, or AF_UNSPEC, starts a new
 * attempt.
 */
enum { CONN_NONE, CONN_BEGUN, CONN_MADE, CONN_LOST };

/* State that decides how long the socket lives. Protected by c.lock, except conn. */
struct tcp_life {
	bool orphan;         /* no file has the socket open */
	bool counted_orphan; /* is counted in tcp_orphans() */
	/* the connection holds a reference on its own socket, until tcp_done() */
	bool self_ref;
	bool waits_out; /* is counted in tcp_time_waits */
	u8 conn;        /* CONN_*; protected by inet.op */
	/* pages of tcp_mem_used() that belong to this socket */
	int mem_pages;
	/* memory cgroup charged with mem_pages: a reference, or NULL; immutable once set */
	struct mem_group *payer;
};

/* The sender. Protected by c.lock; names are RFC 9293's where it has them. */
struct tcp_snd {
	struct list_head wq; /* skbs from una on, the write queue */
	/* the first skb of wq that was never sent, NULL: there is none */
	struct sk_buff *head;
	u32 wmem;   /* bytes, true sizes of the skbs in wq */
	u32 pushed; /* end of the last data with PSH set */
	/* iss: initial sequence number; una: oldest not acknowledged; nxt: next to send */
	u32 iss, una, nxt;
	/* sequence number behind the data that the program has written */
	u32 write_seq;
	/* wnd: the peer's window, bytes; wl1: number of the segment that last updated it */
	u32 wnd, wl1;
	/* largest window the peer has offered, bytes */
	u32 max_wnd;
	/* end of the last segment sent that was not full (Minshall's rule) */
	u32 sml;
	u32 up; /* end of urgent data, while urgent */
	/* bytes of payload in a full segment, without options */
	u16 mss;
	u16 advmss;   /* MSS announced to the peer */
	u16 user_mss; /* TCP_MAXSEG, 0: none */
	u16 peer_mss; /* MSS announced by the peer */
	/* window scales, in bits. wscale: of windows from the peer; rcv_wscale: of ours */
	u8 wscale, rcv_wscale;
	/* options that both sides support */
	bool wscale_ok, ts_ok, sack_ok;
	bool urgent;                     /* `up` is after una */
	bool nodelay, corked;            /* TCP_NODELAY, TCP_CORK */
	bool sndbuf_fixed, rcvbuf_fixed; /* set by SO_SNDBUF, SO_RCVBUF: do not grow */
	/* a writer or poller waits for room; also set without c.lock */
	bool nospace;
	/* an acknowledgement has made room: tcp_write_space() is due before c.lock is released */
	bool space_due;
	struct mutex write_mutex; /* held by a writer; taken before c.lock */
	u64 last;                 /* ktime_get() of the last data sent, ns */
	/* TCP_NOTSENT_LOWAT, bytes, 0: the namespace's */
	u32 notsent_lowat;
	/* number of writers that wait for the handshake; counted without c.lock */
	atomic_t write_pending;
};

/* The receiver. Protected by c.lock. */
struct tcp_rcv {
	/* skbs that arrived out of order, by sequence number */
	struct list_head ooo;
	/* the skbs of ooo, by sk_buff.place, for searches */
	struct rb_root ooo_tree;
	/* irs: the peer's initial sequence number; nxt: next number expected */
	u32 irs, nxt;
	/* wup: nxt when the last window was announced; wnd: that window, bytes */
	u32 wup, wnd;
	u32 copied; /* number of the next byte to read */
	/* estimate of the peer's segment size, bytes */
	u32 mss;
	u32 clamp;     /* TCP_WINDOW_CLAMP: largest window, bytes */
	u32 ts_recent; /* the peer's timestamp to echo */
	/* ns. ts_recent_at: when ts_recent was set; last: when data last arrived in order */
	u64 ts_recent_at, last;
	u32 ooo_mem;                        /* bytes, true sizes of the skbs in ooo */
	struct sack_block sacks[MAX_SACKS]; /* to report, the newest first */
	/* D-SACK: a duplicate block to report once; end 0: none */
	struct sack_block dsack;
	u32 nr_sacks;
	/* the FIN was received in order; take_fin() is due */
	bool fin_seen;
	/*
	 * Linux would use header prediction for the next segment; only count_ack()'s counters use
	 * this flag
	 */
	bool predicted;
	/* the peer's FIN was processed: reads end before its number */
	bool peer_done;
	bool report_inq; /* TCP_INQ */
	/* urg_state: URG_*; urg_byte: the urgent byte, valid from URG_HERE on */
	u8 urg_state, urg_byte;
	u32 urg_seq; /* sequence number of the urgent byte */
	/* auto-tuning of the receive buffer: ns at which the present round trip began */
	u64 space_at;
	u32 space_copied; /* bytes read in that round trip */
};
#define URG_NONE 0
#define URG_AWAITED 1 /* announced, but not received yet */
#define URG_HERE 2
#define URG_READ 3

/* When the next acknowledgement is sent. Protected by c.lock. */
struct tcp_ack_state {
	bool now; /* acknowledge at once */
	/* acknowledge by timers.delack, or with data */
	bool due;
	/* interactive: a reply with data is likely soon and carries the acknowledgement */
	bool pingpong;
	/* number of replies with data soon after received data; enough of them set pingpong */
	u8 exchanges;
	/*
	 * data has arrived in order, or tcp_enter_quick() was called: delayed acknowledgements wait
	 * for ATO_MIN, not ATO_FIN
	 */
	bool heard;
	/*
	 * a segment smaller than the peer's usual ones is not acknowledged yet; probably the end of
	 * a write
	 */
	bool small;
	/* number of further segments that are acknowledged at once */
	u32 quick;
};
/*
 * Most segments that are acknowledged at once: for the first data, after a long silence, and after
 * losses.
 */
#define TCP_QUICK_ACKS 16U

/* Round-trip times. Protected by c.lock; all in ns. */
struct tcp_rtt {
	/* srtt: smoothed RTT, 0: no sample yet; rttvar: its deviation; rto: timeout */
	u64 srtt, rttvar, rto;
	/* bounds of rto */
	u64 rto_min, rto_max;
	u64 min; /* minimum RTT in tcp_min_rtt_wlen */
	/*
	 * min_at: ktime_get() when the current half of tcp_min_rtt_wlen began; min_now: minimum RTT
	 * since then
	 */
	u64 min_now, min_at;
};
#define RTO_MIN (200 * MSEC)
#define RTO_INIT NSEC_PER_SEC
#define RTO_MAX (120 * NSEC_PER_SEC)
#define ATO_MIN (40 * MSEC)
#define ATO_FIN (4 * MSEC) /* for a FIN without data before it */

/* Timers and their counters. Protected by c.lock; times are ktime_get(), ns. */
struct tcp_timers {
	/* a tail loss probe, or a check for lost segments (tcp_rack.c) */
	struct ktimer early;
	/* a retransmission, a zero-window probe, or data held back by TCP_CORK or Nagle's rule */
	struct ktimer rtx;
	/* a delayed acknowledgement, or one for which there was no memory */
	struct ktimer delack;
	struct ktimer keep; /* keepalive, FIN_WAIT2, TIME_WAIT */
	u8 backoff;         /* times that the timeout was doubled */
	u8 retries;         /* retransmissions in a row */
	/* numbers of unanswered probes. probes: of a zero window; keep_sent: keepalive */
	u8 probes, keep_sent;
	u64 confirmed; /* last confirmation of the neighbour */
	/* when the zero window was first probed, 0: the window is open */
	u64 closed_at;
	/* when the first retransmission in a row was sent, or the SYN; 0: none */
	u64 first_failure;
	/* when the last ACK for an invalid segment was sent, for tcp_invalid_ratelimit */
	u64 last_odd;
};
#define CORK_MAX (200 * MSEC)
#define TIME_WAIT_LEN (60 * NSEC_PER_SEC)

/* Options that are read rarely. Protected by c.lock. */
struct tcp_user {
	u32 keep_idle, keep_intvl; /* s, 0: the namespace's default */
	u32 keep_cnt, syn_cnt;     /* tries, 0: the namespace's default */
	u32 timeout;               /* TCP_USER_TIMEOUT, ms, 0: none */
	int linger2;               /* s, 0: the namespace's default, -1: none */
	/* TCP_DEFER_ACCEPT: SYN-ACKs sent until a child without data is accepted, 0: off */
	u32 defer_tries;
	bool thin_linear;    /* TCP_THIN_LINEAR_TIMEOUTS */
	bool save_syn;       /* TCP_SAVE_SYN, for a listener's children */
	bool fast_connect;   /* TCP_FASTOPEN_CONNECT */
	bool fast_no_cookie; /* TCP_FASTOPEN_NO_COOKIE */
};

/*
 * What limits a sender that has data: cwnd or the sender itself, the peer's window, or the send
 * buffer.
 */
enum { CHRONO_NONE, CHRONO_BUSY, CHRONO_WINDOW, CHRONO_BUFFER, CHRONO_KINDS };

/* Counters for TCP_INFO and statistics. Protected by c.lock. */
struct tcp_counts {
	u32 retrans; /* retransmitted segments */
	/* rto: timeouts; rto_recoveries: timeouts that were the first in a row */
	u16 rto, rto_recoveries;
	/* ms from the first timeout of a row to the next progress, summed up */
	u32 rto_time;
	/* ns at which the present row of timeouts began; 0: there is no such row */
	u64 rto_at;
	u64 bytes_acked, bytes_received, bytes_sent, bytes_retrans;
	u64 segs_in, segs_out;
	/* ns at which the last acknowledgement arrived */
	u64 last_ack;
	/* chrono: ns spent in each CHRONO_* kind; chrono_at: ns at which the present kind began */
	u64 chrono[CHRONO_KINDS], chrono_at;
	u8 chrono_kind;                  /* the present kind, CHRONO_* */
	u32 data_segs_in, data_segs_out; /* segments with payload */
	/* sent segments known to have arrived; delivered_ce: those of them that ECN marked */
	u32 delivered, delivered_ce;
	u32 dsack_dups, reord_seen, ooo_packets; /* segments */
};

/* Fast Open (tcp_fastopen.c). Protected by c.lock, unless a comment says otherwise. */
struct tcp_fast {
	/*
	 * FAST_ASK: the SYN requests a cookie, or the SYN-ACK grants one; FAST_SEND: the SYN has
	 * cookie and data; FAST_BARE: the SYN has data without a cookie
	 */
	enum { FAST_NO, FAST_ASK, FAST_SEND, FAST_BARE } mode;
	bool syn; /* our SYN had the option */
	/* the SYN was sent after a pause of Fast Open */
	bool checked;
	/* TFO_*: why the SYN had no data, or failed */
	u8 fail;
	bool data_sent;     /* the SYN had data */
	bool data_acked;    /* the peer has accepted that data */
	bool defer_connect; /* the SYN waits for the first write */
	/* of a child: may be accepted before its handshake is complete */
	bool opened;
	struct fast_cookie cookie;
	/* data for the SYN, NULL: none; protected by inet.op */
	struct sk_buff *syn_data;
	/* of a child: the Fast Open listener, with a reference */
	struct tcp_sock *listener;
	/* the next four are of a listener */
	u32 qlen;           /* TCP_FASTOPEN: most Fast Open children */
	atomic_t nr;        /* present number of Fast Open children */
	atomic_t nr_resets; /* children lately ended by a reset */
	u64 reset_at;       /* ktime_get() of the last such reset, ns */
	/* TCP_FASTOPEN_KEY; protected by the namespace's tcp.lock */
	u64 keys[2][2];
	/* number of keys, 0: use the namespace's; protected as keys are */
	u32 nr_keys;
};

/* A listener's queues. Protected by lock, which is inside of c.lock. */
struct tcp_listen_queues {
	spinlock_t lock;
	/* children to be accepted, by child.link; a reference to each */
	struct list_head accept_q;
	struct list_head syn_q; /* children in handshake, a reference each */
	u32 nr_accept, nr_syn;  /* lengths of the two queues */
	u32 backlog;            /* most children in accept_q */
	bool closed;            /* the listener has ended */
};

/* Fields of a child until it is accepted. */
struct tcp_child {
	/* in a queue of its listener; protected by listen.lock */
	struct list_head link;
	/* a reference; NULL: accepted, or no child; protected by listen.lock */
	struct tcp_sock *listener;
	bool offered;     /* has entered the accept queue */
	bool defer_acked; /* TCP_DEFER_ACCEPT: got a bare ACK */
	/* for a SYN cookie: TCP_COOKIE_OPTS and the low bits of the timestamp; 0: no cookie */
	u8 cookie_opts;
	u16 saved_len; /* bytes at saved_syn */
	/* headers of the SYN (TCP_SAVE_SYN) until the program has read them, or NULL */
	u8 *saved_syn;
};

struct tcp_sock {
	struct inet_sock inet;
	/* TCP_*; also read without the lock, as a hint */
	u8 state;
	struct tcp_life life;
	struct flow flow; /* route to the peer */
	/* tcp_now() while a segment or a push is processed, ns, else 0 */
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

/*
 * flag in child.cookie_opts: the low six bits hold options that do not fit into a cookie
 * (tcp_cookie.c)
 */
#define TCP_COOKIE_OPTS 0x80

/* Returns the structure of a TCP socket, without a reference. */
static inline struct tcp_sock *TCP(struct inet_sock *i)
{
	return container_of(i, struct tcp_sock, inet);
}
/*
 * Returns the time of the segment or push that is being processed, which reads the clock once; else
 * ktime_get(). c.lock is held meanwhile, so no task has seen a later time on this connection.
 */
static inline u64 tcp_now(const struct tcp_sock *t)
{
	u64 now = READ_ONCE(t->now);

	return now ? now : ktime_get();
}
/*
 * Reads the clock for tcp_now(). Returns false if an outer caller has done so; the result is passed
 * to tcp_now_end(). c.lock held.
 */
static inline bool tcp_now_begin(struct tcp_sock *t)
{
	if (t->now)
		return false;
	WRITE_ONCE(t->now, ktime_get());
	return true;
}
/* Ends what tcp_now_begin() has begun. c.lock held. */
static inline void tcp_now_end(struct tcp_sock *t, bool begun)
{
	if (begun)
		WRITE_ONCE(t->now, 0);
}
/* True if the socket's state is one of @states, TCPF() bits. */
static inline bool tcp_in(const struct tcp_sock *t, u32 states)
{
	return TCPF(READ_ONCE(t->state)) & states;
}
/*
 * True if writers may send: the connection is established, or a Fast Open handshake is under way.
 */
static inline bool tcp_may_send(const struct tcp_sock *t)
{
	return tcp_in(t, TCPF_SENDING) || (t->fast.opened && tcp_in(t, TCPF(TCP_SYN_RECV)));
}
/* True during a handshake. */
static inline bool tcp_connecting(const struct tcp_sock *t)
{
	return tcp_in(t, TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV));
}
/* Returns the sysctls of @t's namespace (/proc/sys/net/ipv4/tcp_*). */
static inline struct tcp_net *tcp_net(const struct tcp_sock *t)
{
	return &t->inet.net->tcp;
}
/* Take and drop a reference. */
static inline void tcp_get(struct tcp_sock *t)
{
	inet_get(&t->inet);
}
static inline void tcp_put(struct tcp_sock *t)
{
	inet_put(&t->inet);
}

#endif
