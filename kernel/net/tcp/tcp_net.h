/* SPDX-License-Identifier: MIT */
/*
 * tcp_net.h: the TCP sysctls of a network namespace (/proc/sys/net/ipv4/tcp_*). Each is one word,
 * read without a lock. tcp_follow_net() copies those that a socket keeps from its creation on.
 */
#ifndef NESTLING_NET_TCP_NET_H
#define NESTLING_NET_TCP_NET_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/types.h"

/* bytes: a segment has at least this size, even if the MTU or the peer's MSS is smaller */
#define TCP_SND_MSS_MIN 48

struct tcp_net {
	/* tcp_congestion_control: new sockets use Reno instead of CUBIC */
	bool reno;
	int max_syn_backlog, abort_on_overflow;
	/* reordering, max_reordering: segments */
	int reordering, max_reordering, early_retrans, thin_linear;
	int rto_min_us, rto_max_ms, min_rtt_wlen; /* min_rtt_wlen: s */
	/* min_snd_mss: bytes */
	int min_snd_mss, signed_windows;
	int rfc1337, ecn_fallback;
	/* numbers of tries */
	int syn_retries, synack_retries, retries2, orphan_retries, syn_linear;
	/* seconds, except keep_probes (a count) */
	int fin_timeout, keep_time, keep_intvl, keep_probes;
	/*
	 * max_tw: tcp_max_tw_buckets, limit of time_waits; somaxconn: net.core.somaxconn, limit of
	 * a backlog; syncookies, ecn: modes; fastopen: FAST_* bits (tcp_fastopen.h)
	 */
	int max_tw, somaxconn, syncookies, ecn, fastopen;
	int sack, timestamps, window_scaling; /* 0: the option is off in handshakes */
	int invalid_ratelimit;                /* ms */
	int slow_start_after_idle, moderate_rcvbuf;
	int rmem[3], wmem[3]; /* bytes: minimum, default, maximum */
	/* bytes */
	u32 notsent_lowat;
	/* min_tso_segs, tso_rtt_log: for the size of TSO packets (tso_segs()); pacing_*: percent */
	int min_tso_segs, tso_rtt_log, pacing_ss, pacing_ca;
	int pingpong_thresh;
	/*
	 * sysctls without effect: the stack neither defers TSO packets nor probes MTUs, and looks
	 * up the route after each timeout
	 */
	int tso_win_divisor, base_mss, mtu_probe_floor, probe_interval, probe_threshold, retries1,
		limit_output_bytes;
	/* number of connections in TIME_WAIT, or in FIN_WAIT2 without a file */
	atomic_t time_waits;
	int fack, adv_win_scale; /* without effect */
	/*
	 * challenge_limit: challenge ACKs (RFC 5961) a second, 0x7fffffff: no limit.
	 * challenges_left: those left in challenge_second; no lock, as races are harmless
	 */
	int challenge_limit, challenges_left;
	/* ktime_get() in s */
	u64 challenge_second;
	/* protects the members below */
	spinlock_t lock;
	/* keys of Fast Open cookies: the current one and the previous one */
	u64 fast_keys[2][2];
	u32 nr_fast_keys;   /* number of fast_keys, 0: none yet */
	int fast_pause_sec; /* tcp_fastopen_blackhole_timeout_sec */
	u32 fast_pauses;    /* pauses of Fast Open in a row */
	/* ktime_get() at the start of the last pause */
	u64 fast_paused_at;
};

struct net;
/* Sets the defaults of a new namespace. */
void tcp_net_init(struct net *net);

#endif
