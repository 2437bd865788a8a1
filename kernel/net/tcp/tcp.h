/* SPDX-License-Identifier: MIT */
/*
 * tcp.h: TCP (RFC 9293) between its files: tcp.c (sockets), tcp_listen.c, tcp_data.c (sending and receiving),
 * tcp_in.c (segments that come), tcp_queue.c (where their payload goes), tcp_out.c (segments that go), tcp_ack.c (acknowledgements),
 * tcp_rack.c and tcp_recover.c (losses), tcp_cc.c (congestion control), tcp_timer.c, tcp_opt.c, tcp_info.c, tcp_fastopen.c.
 *
 *	write queue   skbs from snd_una on: sent ones [head, send_head), then those that wait for window or cwnd
 *	rq            inet.rq: in order, from copied_seq on; readers take from its front
 *	ooo           what came out of order, by sequence number, not overlapping
 *
 * Locks: c.lock (spin) for everything but what is marked. It is never held over a copy to or from a program, and two are
 * never held at once: a child goes into its listener's queue under the listener's q_lock, which is inside c.lock.
 * References: beside the general ones (inet.h), a connection holds one on itself from its first segment to tcp_done().
 */
#ifndef NESTLING_NET_TCP_H
#define NESTLING_NET_TCP_H

#include <linux/tcp.h>

#include "kernel/net/inet/inet.h"
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
/* A program learns of the end of what it has begun by another connect(); it can begin anew only then, or after AF_UNSPEC. */
enum { CONN_NONE, CONN_BEGUN, CONN_MADE, CONN_LOST };
#define TCPF(state) (1U << (state))
#define TCPF_SENDING (TCPF(TCP_ESTABLISHED) | TCPF(TCP_CLOSE_WAIT))
#define TCPF_SYNCED                                                                                \
	(~(TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV) | TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN)))

/* tcp_meta.flags: the bits of the header */
#define TH_FIN 1
#define TH_SYN 2
#define TH_RST 4
#define TH_PSH 8
#define TH_ACK 16
#define TH_URG 32
#define TH_ECE 64
#define TH_CWR 128
/* tcp_meta.sacked */
#define SKB_SACKED 1
#define SKB_LOST 2
#define SKB_RETRANS 4 /* in flight again since it was lost */

#define MSS_DEFAULT 536U
#define MSS_MIN 88U /* of TCP_MAXSEG */
#define INIT_CWND 10
#define MAX_SACKS 4
#define WSCALE_MAX 14
#define TCP_QUICK_ACKS                                                                             \
	16U /* so many segments are acknowledged at once when it is new or has lost some */
#define SEG_MAX                                                                                    \
	65400U /* payload of one skb: with its headers a packet, in a buffer of sixteen pages */
#define SEG_LOCAL                                                                                  \
	32768U /* over lo: the reader begins with the first half while the second is written */

#define MSEC NSEC_PER_MSEC
#define USEC 1000UL
#define RTO_MIN (200 * MSEC)
#define RTO_INIT NSEC_PER_SEC
#define RTO_MAX (120 * NSEC_PER_SEC)
#define ATO_MIN (40 * MSEC)
#define SSTHRESH_INFINITE 0x7fffffffU
#define CORK_MAX (200 * MSEC)
#define TIME_WAIT_LEN (60 * NSEC_PER_SEC)

#define before(a, b) ((s32)((u32)(a) - (u32)(b)) < 0)
#define after(a, b) before(b, a)

struct sack_block {
	u32 start, end;
};

/* A Fast Open cookie. len 0: a request for one. exp: in the experimental option (RFC 6994). */
struct fast_cookie {
	u8 len, val[16];
	bool exp;
};
/* Kinds of options, and the lengths of those that have one fixed. */
#define TCPOPT_END 0
#define TCPOPT_PAD 1
#define TCPOPT_MSS 2
#define TCPOPT_WSCALE 3
#define TCPOPT_SACK_OK 4
#define TCPOPT_SACK 5
#define TCPOPT_STAMPS 8
#define TCPOPT_FASTOPEN 34
#define TCPOPT_EXP 254
#define TCPOLEN_MSS 4
#define TCPOLEN_WSCALE 3
#define TCPOLEN_SACK_OK 2
#define TCPOLEN_STAMPS 10
#define FASTOPEN_MAGIC 0xf989U /* of the experimental option (RFC 6994) */
/* net.ipv4.tcp_fastopen */
#define FAST_CLIENT 1
#define FAST_SERVER 2
#define FAST_CLIENT_NO_COOKIE 4
#define FAST_SERVER_NO_COOKIE 0x200
#define FAST_SERVER_ALL 0x400 /* every listener; its backlog bounds the queue */
#define MSG_FASTOPEN 0x20000000

/* What a segment's options say. */
struct tcp_opts {
	u16 mss; /* 0: not said */
	u8 wscale;
	bool has_wscale, sack_ok, saw_ts, has_cookie;
	struct fast_cookie cookie;
	u32 tsval, tsecr;
	struct sack_block sacks[MAX_SACKS];
	u32 nr_sacks;
};

struct cubic {
	u32 w_max, origin, k; /* segments; k in ms */
	u64 epoch;            /* ns; 0: begins with the next ACK */
	u32 cnt;              /* ACKed segments for one more */
	u32 tcp_cwnd, acked;
};

/* A round trip of slow start: the end of what was in flight when it began, its shortest sample, how many. */
struct hystart {
	u32 round_end, samples;
	u64 least;
};

/* What a sender with data is busy with: sending, waiting for the peer's window, or for room in its buffer. */
enum { CHRONO_NONE, CHRONO_BUSY, CHRONO_WINDOW, CHRONO_BUFFER, CHRONO_KINDS };

/* How it was before a loss, in case that was none. */
struct undo {
	bool on, stamped;
	u32 marker; /* snd_una then */
	int retrans; /* segments that went again and have not arrived twice; below 0: none has gone yet */
	u32 stamp; /* our timestamp of the first one */
	u32 cwnd, ssthresh, w_max;
};

/*
 * What an acknowledgement has brought. @sent, @sacked: when that was sent, if it went only once; 0: nothing tells. What was told of by an
 * earlier SACK has waited since then for a gap to be filled, and says nothing about the way.
 */
struct arrived {
	u64 sent, sacked; /* by the acknowledgement; by SACK */
	u32 acked,
		delivered; /* segments that left the queue; those, and SACKed ones, of which we had not known */
	bool again; /* something that went more than once is acknowledged: when its neighbours came is not known */
	bool sacks, dsack; /* something new was SACKed; something came twice */
	bool orig;         /* something of before high_seq that went only once */
	bool synack;       /* our SYN-ACK is acknowledged, which Linux does not count */
};

/* RFC 8985. */
struct rack {
	u64 xmit,
		rtt; /* of the segment that was sent last of those that have arrived; xmit 0: none */
	u32 end_seq, fack; /* its end; the highest that has arrived */
	u32 mult,
		rounds; /* quarters of a round trip to wait for what is late; for so many recoveries */
	bool reordered;
};

struct tcp_sock {
	struct inet_sock inet;
	u8 state;                     /* read without the lock by who only looks */
	bool counted_orphan, nospace, /* somebody waits for room to write */
		space_due; /* writers are to be told what an acknowledgement has made room for */
	int mem_pages;     /* its share of tcp_mem_used() */
	struct mem_group *payer; /* for these; a reference, NULL: nobody */
	bool orphan, self_ref;   /* no file; holds a reference on itself */
	bool waits_out;          /* counts in tcp_time_waits */
	u8 conn;                 /* what connect() has said so far: CONN_*, under op */
	struct flow flow;
	u8 save_syn;   /* TCP_SAVE_SYN: of its children */
	u8 *saved_syn; /* headers of the SYN that made it, until they are read; NULL */
	u16 saved_len;
	bool thin_linear; /* TCP_THIN_LINEAR_TIMEOUTS */

	/* sending */
	struct list_head wq;
	struct sk_buff *send_head; /* first that was never sent; NULL */
	u32 wmem;                  /* true sizes in wq */
	u32 pushed_seq;            /* end of the last data sent with PSH */
	u32 iss, snd_una, snd_nxt, write_seq, snd_wnd, snd_wl1, max_window, snd_sml, snd_up;
	u16 mss, advmss, user_mss, peer_mss; /* mss: payload of a full segment, options off */
	u8 snd_wscale, rcv_wscale;
	bool wscale_ok, ts_ok, sack_ok, urg_sending, nodelay, corked, sndbuf_fixed, rcvbuf_fixed;
	struct mutex write_mutex; /* one sender at a time */

	/* receiving */
	struct list_head ooo;
	struct rb_root ooo_tree; /* of sk_buff.place: the same, to search */
	u32 irs, rcv_nxt, rcv_wup, rcv_wnd, copied_seq, rcv_mss, window_clamp;
	u32 ts_recent;
	u64 ts_recent_at, last_rcv;
	u32 ooo_mem;
	struct sack_block sacks[MAX_SACKS], dsack; /* newest first; dsack.end 0: none */
	u32 nr_sacks;
	bool ack_now, ack_due, pingpong, fin_seen;
	u8 exchanges;   /* quick answers to received data, until pingpong */
	bool peer_done; /* its FIN has been taken: reading ends there, whatever comes after */
	u32 quick;      /* so many more segments are acknowledged at once */
	bool tell_inq;  /* TCP_INQ */
	u32 urg_seq;
	u8 urg_state, urg_byte; /* URG_* */
	u64 space_at;
	u32 space_copied, space_seq;

	/* round trips, congestion */
	u64 srtt, rttvar, rto; /* ns; srtt 0: none yet */
	u64 rto_min, rto_max;
	u64 min_rtt, min_now,
		min_at; /* of the last tcp_min_rtt_wlen; of its last half, since then */
	u32 reordering; /* so many segments may come before one that was sent earlier */
	u32 cwnd, ssthresh, cwnd_cnt, prior_cwnd;
	u32 packets_out, sacked_out, lost_out, retrans_out, dupacks, high_seq;
	enum { CA_OPEN, CA_RECOVERY, CA_LOSS } ca;
	bool reno;
	struct cubic cubic;
	struct hystart hystart;
	struct undo undo;
	bool frto, cwnd_limited;
	u32 prr_delivered, prr_out;     /* of this recovery, segments */
	u32 max_packets_out, usage_seq; /* of the last window, and its end */
	u64 last_sent;                  /* data, ktime_get() */
	u64 now; /* tcp_now(), while a segment or a push is worked on; else 0 */

	u8 ecn;       /* TCP_ECN_* */
	u32 ecn_high; /* an echo is heard when this has been acknowledged */

	/* RACK-TLP */
	struct rack rack;
	u8 early_kind; /* what the early timer is for: a probe, or reordering */
	bool tlp_retrans, tlp_dsacked;
	u32 tlp_high; /* snd_nxt when a probe was sent; 0: none is out */
	u64 progress; /* when something was sent or acknowledged last */

	/* fast open */
	/* FAST_ASK, FAST_SEND: fast_cookie is in the SYN or SYN-ACK; FAST_BARE: data without it */
	enum { FAST_NO, FAST_ASK, FAST_SEND, FAST_BARE } fast;
	bool fast_syn;     /* our SYN had the Fast Open option */
	bool fast_checked; /* our SYN was sent after a pause of Fast Open */
	u8 fast_fail;      /* TFO_*: why the SYN had no data, or why the data did not arrive */
	struct fast_cookie fast_cookie;
	struct sk_buff *syn_data; /* to go with the SYN; under op */
	bool syn_data_sent, syn_data_acked;
	bool fast_connect,
		defer_connect; /* TCP_FASTOPEN_CONNECT; the SYN waits for the first write */
	bool fast_no_cookie;
	bool offered;                   /* of a child: it was put into the accept queue */
	bool fastopened;                /* accepted before the handshake is complete */
	u32 fast_qlen;                  /* of a listener: limit of Fast Open children */
	atomic_t nr_fast;               /* of a listener: Fast Open children */
	struct tcp_sock *fast_listener; /* of such a child; a reference */
	atomic_t nr_fast_resets;        /* of a listener: children ended by a reset lately */
	u64 fast_reset_at;              /* ktime of the last such reset */
	u64 fast_keys[2][2];            /* TCP_FASTOPEN_KEY, under the namespace's tcp.lock */
	u32 nr_fast_keys;               /* 0: the namespace's keys */
	u32 write_pending;              /* writers that wait for the handshake: racy is fine */

	/* timers */
	struct ktimer early;             /* a probe, or a look at what may be lost */
	struct ktimer rtx, delack, keep; /* keep: keepalive, FIN_WAIT2, TIME_WAIT */
	u8 backoff, retries, probes, keep_sent;
	u64 confirmed;     /* when we said last that the neighbour is there */
	u64 closed_at;     /* when the closed window was probed first; 0: it is open */
	u64 first_failure; /* time of the first retransmission in a row, or of the SYN; 0 */
	u32 keep_idle, keep_intvl, keep_cnt, syn_cnt, user_timeout; /* s, s; ms */
	int linger2;
	u32 defer_tries; /* SYN+ACKs until a child without data is accepted all the same; 0: none */
	bool defer_acked; /* of a child: the bare ACK has come */
	u64 last_odd;     /* when we answered what may be a storm */
	u8 cookie_opts;   /* of a child that only makes a cookie: low bits of its timestamp */
	u32 total_retrans;
	u16 total_rto, rto_recoveries; /* timeouts, and how many of them were the first in a row */
	u32 rto_time;                  /* ms from such a first one to the next progress */
	u64 rto_at;                    /* the first one, while there is none; 0 */
	u64 bytes_acked, bytes_received, segs_in, segs_out;
	u32 notsent_lowat; /* 0: not set */
	u64 bytes_sent, bytes_retrans, last_ack;
	u64 chrono[CHRONO_KINDS], chrono_at; /* ns of each; when the present kind began */
	u8 chrono_kind;
	u32 data_segs_in, data_segs_out, delivered, delivered_ce, dsack_dups, reord_seen,
		ooo_packets;

	/* listening; under q_lock */
	spinlock_t q_lock;
	struct list_head accept_q, syn_q; /* of q_link: a reference each */
	struct list_head q_link;
	u32 nr_accept, nr_syn, backlog;
	bool listen_closed;
	struct tcp_sock *listener; /* of a child that nobody has accepted; a reference */
};
#define URG_NONE 0
#define URG_AWAITED 1 /* announced, the byte is not here yet */
#define URG_HERE 2
#define URG_READ 3

#define TCP_ECN_OK 1 /* both sides can */
#define TCP_ECN_ASKED 2
#define TCP_ECN_DEMAND                                                                             \
	4 /* a mark has come: we echo it until the peer says that it has slowed down */
#define TCP_ECN_QUEUED 8 /* we have slowed down, and are to say so */
#define TCP_ECN_SEEN 16

#define TCP_COOKIE_OPTS 0x80
static inline struct tcp_sock *TCP(struct inet_sock *i)
{
	return container_of(i, struct tcp_sock, inet);
}
/*
 * ktime_get(), which is asked once for a segment that has come, and once for a push: under c.lock, so that nobody has seen a later time
 * of the connection's.
 */
static inline u64 tcp_now(const struct tcp_sock *t)
{
	u64 now = READ_ONCE(t->now);

	return now ? now : ktime_get();
}
/* For tcp_now_end(): false when it had begun before. c.lock held. */
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
static inline bool tcp_in(const struct tcp_sock *t, u32 states)
{
	return TCPF(READ_ONCE(t->state)) & states;
}
/* Writers may go on; those before the handshake is complete, too, where it began with a cookie. */
static inline bool tcp_may_send(const struct tcp_sock *t)
{
	return tcp_in(t, TCPF_SENDING) || (t->fastopened && tcp_in(t, TCPF(TCP_SYN_RECV)));
}
static inline bool tcp_connecting(const struct tcp_sock *t)
{
	return tcp_in(t, TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV));
}
bool tcp_mem_full(void);
/* Limits of the whole machine: net.ipv4.tcp_mem (pages) and tcp_max_orphans. */
extern struct tcp_limits {
	int mem[3], max_orphans;
} tcp_limits;
/* Returns the sysctls of @t's namespace (/proc/sys/net/ipv4/tcp_*). */
static inline struct tcp_net *tcp_net(const struct tcp_sock *t)
{
	return &t->inet.net->tcp;
}
/* Returns the unsent bytes at which writers wait: the socket's limit, or its namespace's. */
static inline u32 tcp_notsent_lowat(const struct tcp_sock *t)
{
	return t->notsent_lowat ? t->notsent_lowat : READ_ONCE(tcp_net(t)->notsent_lowat);
}
/* Writers go on when a third of the buffer is free, and less than notsent_lowat waits to be sent. */
static inline bool tcp_writable(const struct tcp_sock *t)
{
	if (!t->wmem)
		return true;
	return t->wmem + t->wmem / 2 < t->inet.c.sndbuf && !tcp_mem_full() &&
	       t->write_seq - t->snd_nxt < tcp_notsent_lowat(t);
}
/* True if less than half of notsent_lowat is unsent, so that waking writers is worth it. */
static inline bool tcp_worth_waking(const struct tcp_sock *t)
{
	return tcp_writable(t) &&
	       (!t->wmem || (u64)(t->write_seq - t->snd_nxt) * 2 < tcp_notsent_lowat(t));
}
static inline void tcp_get(struct tcp_sock *t)
{
	inet_get(&t->inet);
}
static inline void tcp_put(struct tcp_sock *t)
{
	inet_put(&t->inet);
}

/* What af_inet.c makes. */
int tcp_create(struct socket *s, int family, int type, int protocol);
int udp_create(struct socket *s, int family, int type, int protocol);
int raw_create(struct socket *s, int family, int type, int protocol);
int ping_create(struct socket *s, int family, int type, int protocol);
int udp_push_pending(struct inet_sock *i);
int tcp_state_of(struct inet_sock *i);
bool tcp_has_peer(struct inet_sock *i);

/* tcp.c */
struct tcp_sock *tcp_alloc(gfp_t gfp);
void tcp_setup(struct tcp_sock *t);
void tcp_follow_net(struct tcp_sock *t); /* what its namespace says of new sockets */
void tcp_set_state(struct tcp_sock *t, u8 state);
/* The connection has ended: out of the tables, timers off, queues of the sender empty. c.lock held; the caller has a reference. */
void tcp_done(struct tcp_sock *t);
void tcp_fail(struct tcp_sock *t, int err); /* the same with an error for the program */
void tcp_wake(struct tcp_sock *t, u64 key);
void tcp_grow_sndbuf(struct tcp_sock *t);
void tcp_write_space(struct tcp_sock *t);
/* Is there room to write? Where not, tcp_write_space() wakes who waits or polls, once there is. No lock needed. */
bool tcp_wants_room(struct tcp_sock *t);
/* @avail bytes are as much as SO_RCVLOWAT asks for, or as will come before some are read. */
bool tcp_enough(const struct tcp_sock *t, u32 avail);
void tcp_sigurg(struct tcp_sock *t);

/* tcp_listen.c */
int tcp_listen(struct socket *s, int backlog);
int tcp_accept(struct socket *s, struct socket *to, enum sock_patience patience);
void tcp_stop_listening(struct tcp_sock *l);
/* A SYN for listener @l: a child in SYN_RECV, which answers. */
void tcp_make_child(
	struct net *net, struct tcp_sock *l, struct sk_buff *skb, const struct tcp_opts *o);
/*
 * The third segment of a handshake that only a cookie remembers: a child in SYN_RECV, with a reference. NULL: it is none; ERR_PTR: it is one,
 * but there is no room for a child, or another such segment has just made it.
 */
struct tcp_sock *tcp_child_of_cookie(
	struct net *net, struct tcp_sock *l, const struct sk_buff *skb, const struct tcp_opts *o);
/* A child that is established goes to its listener. False: nobody wants it. c.lock of the child held. */
bool tcp_offer(struct tcp_sock *child);
void tcp_offered(struct tcp_sock *child);
void tcp_forget_child(struct tcp_sock *child);

/* tcp.c */
/* MSG_FASTOPEN, or the first write after a connect() that waits for it: how much went with the SYN. */
ssize_t tcp_fast_sendmsg(struct socket *s, struct msg *m);

/* tcp_data.c */
ssize_t tcp_sendmsg(struct socket *s, struct msg *m);
ssize_t tcp_recvmsg(struct socket *s, struct msg *m);

/* tcp_in.c */
void tcp_enter_established(struct tcp_sock *t);
void tcp_take_opts(struct tcp_sock *t, const struct tcp_opts *o); /* what both sides can do */

/* tcp_queue.c */
void tcp_enter_quick(struct tcp_sock *t); /* the next segments are acknowledged at once */
/* Payload and FIN. Consumes @skb. True: something is new in order. */
bool tcp_take_data(struct tcp_sock *t, struct sk_buff *skb);
void tcp_rcv_adjust(struct tcp_sock *t, u32 copied); /* the reader has taken so many bytes */

/* tcp_ack.c */
/* Takes the acknowledgement of @skb. False: it is about what was never sent. */
bool tcp_ack(struct tcp_sock *t, const struct sk_buff *skb, const struct sack_block *sacks,
	u32 nr_sacks);

/* tcp_cc.c */
void tcp_cc_init(struct tcp_sock *t);
static inline const char *tcp_cc_name(bool reno)
{
	return reno ? "reno" : "cubic";
}
/* 0, or -ENOENT: there is none of that name. */
int tcp_cc_find(const char *name, bool *reno);
void tcp_cwnd_grow(struct tcp_sock *t, u32 acked);
void tcp_cwnd_used(struct tcp_sock *t, bool limited);
void tcp_cwnd_idle(struct tcp_sock *t);
u32 tcp_cut(struct tcp_sock *t);
void tcp_hystart(struct tcp_sock *t, u64 rtt);

/* tcp_recover.c */
void tcp_enter_loss(struct tcp_sock *t);
void tcp_react(struct tcp_sock *t, const struct sk_buff *ack, struct arrived *when, bool dup);
void tcp_forget_retrans(struct tcp_sock *t, struct sk_buff *skb);
void tcp_undo_dsack(struct tcp_sock *t, const struct sack_block *b);
/* The MSS has become smaller: what is in flight and too large goes again. */
void tcp_too_large(struct tcp_sock *t);
void tcp_mark_lost(struct tcp_sock *t, struct sk_buff *skb);
/* Something is lost: recovery begins, unless it is on; what is lost goes again. */
void tcp_losses_found(struct tcp_sock *t);
/* As for a loss, with nothing to send again. */
void tcp_reduce(struct tcp_sock *t);
static inline u32 tcp_in_flight(const struct tcp_sock *t)
{
	return t->packets_out - t->sacked_out - t->lost_out + t->retrans_out;
}

/* tcp_fastopen.c */
/* For a connection to @to that begins: t->fast, and what goes with the SYN, of @m. 0, -ENOBUFS, -EFAULT. op held. */
int tcp_fast_prepare(struct tcp_sock *t, const ip_addr *to, struct msg *m);
void tcp_fast_drop(struct tcp_sock *t);                     /* what was to go with a SYN does not */
bool tcp_fast_known(struct tcp_sock *t, const ip_addr *to); /* data may go with a SYN to @to */
/* The SYN stands in the queue; t->syn_data, which is returned, joins it, and both go as one segment. */
struct sk_buff *tcp_fast_send_syn(struct tcp_sock *t);
/* Handles the SYN-ACK @skb, which may have data, and may acknowledge ours. */
void tcp_fast_answered(struct tcp_sock *t, const struct sk_buff *skb, const struct tcp_opts *o);
void tcp_fast_timeout(struct tcp_sock *t, bool last); /* @last: giving up */
void tcp_fast_ended(struct tcp_sock *t);
void tcp_fast_set_pause(struct net *net, int secs); /* tcp_fastopen_blackhole_timeout_sec */
u8 *tcp_fast_option(struct tcp_sock *t, u8 *p, u32 room);
/* @skb, a SYN for listener @l: may the child @c begin with its data? Else its answer may bear a cookie. */
bool tcp_fast_wanted(struct tcp_sock *l, struct tcp_sock *c, const struct sk_buff *skb,
	const struct tcp_opts *o);
void tcp_fast_accept(struct tcp_sock *l, struct tcp_sock *c, const struct sk_buff *skb);
/* Uncounts a Fast Open child: its handshake is complete, or it ended (@reset: by a reset). */
void tcp_fast_done(struct tcp_sock *c, bool reset);
void tcp_fast_need_key(struct net *net); /* a server begins: there is a key from now on */
/* net.ipv4.tcp_fastopen_key: what is written there; @n as snprintf(). 0 or -EINVAL. */
int tcp_fast_set_keys(struct net *net, const char *text);
int tcp_fast_show_keys(struct net *net, char *buf, size_t n);
/* Sets TCP_FASTOPEN_KEY: @n keys of 16 bytes; the second is the previous key. */
void tcp_fast_set_own_keys(struct tcp_sock *t, const u64 (*keys)[2], u32 n);
u32 tcp_fast_get_keys(struct tcp_sock *t, u64 keys[2][2]);

/* tcp_mem.c */
void tcp_mem_sync(struct tcp_sock *t); /* its queues have changed */
bool tcp_mem_pressure(void);
int tcp_mem_used(void); /* pages */
int tcp_orphans(void);
/* Nobody has it open any more. False: there are too many of those, or is too little memory. */
bool tcp_orphan_begin(struct tcp_sock *t);
void tcp_orphan_end(struct tcp_sock *t);

/* tcp_cookie.c */
u32 tcp_keyed_hash(const u64 *words, u32 n); /* SipHash with a key that nobody knows */
/* Answers the SYN @skb for @c, which is in no table and may be forgotten then. */
void tcp_send_cookie(struct tcp_sock *c, const struct sk_buff *skb, const struct tcp_opts *o);
/* Does @skb bring back a cookie? *o: what its SYN had said. */
bool tcp_cookie_good(
	struct net *net, const struct sk_buff *skb, const struct tcp_opts *now, struct tcp_opts *o);

/* tcp_ecn.c */
void tcp_ecn_asked(struct tcp_sock *t, const struct sk_buff *syn);
void tcp_ecn_answered(struct tcp_sock *t, const struct sk_buff *synack);
/* The flags of @skb, which goes out, and the bits of its IP header. */
u8 tcp_ecn_out(struct tcp_sock *t, struct sk_buff *skb);
/* What a segment in the window says, with its payload still in it. */
void tcp_ecn_in(struct tcp_sock *t, const struct sk_buff *skb);

/* tcp_rack.c */
void tcp_rack_sent_arrived(struct tcp_sock *t, const struct sk_buff *skb);
bool tcp_rack_find_lost(struct tcp_sock *t);
void tcp_rack_dsack(struct tcp_sock *t, u32 end); /* @end: of what came twice */
void tcp_rack_recovered(struct tcp_sock *t);
void tcp_rack_arm_probe(struct tcp_sock *t);
/* @twice: a bare duplicate without SACK says that something came twice, too. */
void tcp_rack_probe_acked(struct tcp_sock *t, u32 ack, bool twice);
void tcp_early_timer(struct tcp_sock *t);
/* True if a probe was due when the retransmission timer expired, and was sent instead. */
bool tcp_rack_probe_first(struct tcp_sock *t);

/* tcp_out.c */
/* Sends what window, cwnd and Nagle allow; @more: hold a segment that is not full. c.lock held. */
void tcp_push(struct tcp_sock *t, bool more);
int tcp_transmit(struct tcp_sock *t, struct sk_buff *skb);
int tcp_send_segment(struct tcp_sock *t, struct sk_buff *skb); /* with its header; consumed */
void tcp_retransmit_lost(struct tcp_sock *t);
bool tcp_beyond_window(const struct tcp_sock *t, const struct sk_buff *skb);
void tcp_send_ack(struct tcp_sock *t);
void tcp_send_reset(struct tcp_sock *t);
void tcp_send_probe(struct tcp_sock *t, bool urgent);
int tcp_send_syn(struct tcp_sock *t);
void tcp_send_synack(struct tcp_sock *t); /* once, without a queue */
void tcp_send_fin(struct tcp_sock *t);
void tcp_queue(struct tcp_sock *t, struct sk_buff *skb);
/* Cuts @skb of the write queue behind @len bytes of payload. 0 or -ENOMEM. */
int tcp_split(struct tcp_sock *t, struct sk_buff *skb, u32 len);
/* The payload of @skb, which is out, has become shorter; @beside: segments that another skb of the same fate has now. */
void tcp_recount(struct tcp_sock *t, struct sk_buff *skb, u16 beside);
void tcp_unqueue(struct tcp_sock *t, struct sk_buff *skb);
/* An answer without a socket: RST for @skb. */
void tcp_refuse(struct net *net, const struct sk_buff *skb);
u16 tcp_advmss(const struct tcp_sock *t, const struct flow *f);
void tcp_sync_mss(struct tcp_sock *t);
/* IPv4's options of the socket are others. */
void tcp_opts_changed(struct inet_sock *i);
/* A router says that the path takes no more than @mtu. */
void tcp_mtu_reduced(struct tcp_sock *t, u32 mtu);
/* Payload of the segments that we make now: no more than half of the peer's largest window. */
u32 tcp_seg_size(const struct tcp_sock *t);
/* Payload of an skb of the write queue that is as large as they get: a segment, or many that the card cuts. */
u32 tcp_seg_goal(const struct tcp_sock *t);
bool tcp_card_cuts(const struct tcp_sock *t);
/* So much of a large write goes at once. */
static inline u32 tcp_burst(const struct tcp_sock *t)
{
	return t->flow.local ? SEG_LOCAL : SEG_MAX;
}
/* Returns cwnd per round trip in bytes/s, times tcp_pacing_*_ratio; ~0: no round trip known. */
u64 tcp_pacing_rate(const struct tcp_sock *t);
u32 tcp_window(struct tcp_sock *t);
u32 tcp_window_step(const struct tcp_sock *t); /* a segment, or half of a buffer that takes none */
u32 tcp_ts(const struct tcp_sock *t);
u32 tcp_new_iss(const struct inet_sock *i);

/* So many segments are @len bytes of payload. */
static inline u16 tcp_segs_of(const struct tcp_sock *t, u32 len)
{
	return len > t->mss ? (u16)((len + t->mss - 1) / t->mss) : 1;
}

/* tcp_timer.c */
void tcp_timers_setup(struct tcp_sock *t);
void tcp_timers_off(struct tcp_sock *t);
void tcp_arm(struct tcp_sock *t, struct ktimer *k, u64 in);
void tcp_disarm(struct tcp_sock *t, struct ktimer *k);
void tcp_rearm_rtx(struct tcp_sock *t);
void tcp_arm_keepalive(struct tcp_sock *t);
/* TIME_WAIT, or FIN_WAIT2 of a socket that nobody has open, for @len. Past tcp_max_tw_buckets it just ends, as on Linux. */
void tcp_time_wait(struct tcp_sock *t, u8 state, u64 len);

/* tcp_opt.c */
int tcp_setsockopt(struct socket *s, int level, int opt, uaddr_t val, u32 len);

/* tcp_info.c; c.lock held */
/* TCP_INFO, with what older headers do not have. */
struct tcp_info_all {
	union {
		struct tcp_info i;
		struct {
			u8 older[232];
			u32 rcv_wnd, rehash;
			u16 total_rto, total_rto_recoveries;
			u32 total_rto_time; /* ms */
		};
	};
};
void tcp_fill_info(struct tcp_sock *t, struct tcp_info_all *i);
#define TCP_STATS_MAX 256U
/* The same as attributes (TCP_NLA_*), of the time that something was stamped; @by: the segment that acknowledged it, or NULL. Returns how many bytes. */
u32 tcp_fill_stats(struct tcp_sock *t, const struct sk_buff *by, u8 *to);
void tcp_chrono(struct tcp_sock *t, int kind);
int tcp_getsockopt(struct socket *s, int level, int opt, void *val, u32 *len);

extern atomic_t tcp_time_waits;

#endif
