/* SPDX-License-Identifier: MIT */
/*
 * tcp_info.c: statistics of a connection in TCP_INFO and inet_diag (tcp(7), <linux/tcp.h>). Times
 * are in microseconds, except the last_* ones, which are in ms. What this stack does not measure
 * (delivery rates) is 0. Segments are not paced: the pacing rate, cwnd per round trip, only sizes
 * bursts, and SO_MAX_PACING_RATE limits the value that is shown. c.lock is held.
 */
#include <linux/netlink.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/string.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"

/* bytes of options in each segment if both sides use timestamps */
#define TS_OPTION 12U
#define CA_STATE_DISORDER 1
#define CA_STATE_RECOVERY 3
#define CA_STATE_LOSS 4
/* an attribute that the build's kernel headers may lack */
#define TCP_NLA_REHASH_ 27

static u8 options(const struct tcp_sock *t)
{
	return (u8)((t->snd.ts_ok ? TCPI_OPT_TIMESTAMPS : 0) |
		    (t->snd.sack_ok ? TCPI_OPT_SACK : 0) |
		    (t->snd.wscale_ok ? TCPI_OPT_WSCALE : 0) |
		    (t->cc.ecn & TCP_ECN_OK ? TCPI_OPT_ECN : 0) |
		    (t->cc.ecn & TCP_ECN_SEEN ? TCPI_OPT_ECN_SEEN : 0) |
		    (t->fast.data_acked ? TCPI_OPT_SYN_DATA : 0));
}

static u32 ms_since(u64 then)
{
	return then ? (u32)((ktime_get() - then) / MSEC) : 0;
}

static u64 busy_for(const struct tcp_sock *t, int kind)
{
	u64 n = t->stats.chrono[kind];

	if (t->stats.chrono_kind == kind ||
		(kind == CHRONO_BUSY && t->stats.chrono_kind != CHRONO_NONE))
		n += ktime_get() - t->stats.chrono_at;
	return n / USEC;
}

/*
 * Ends the period of the current kind and begins one of @kind, a CHRONO_*. Time limited by the
 * window or the buffer also counts as busy.
 */
void tcp_chrono(struct tcp_sock *t, int kind)
{
	u64 now = tcp_now(t), spent = now - t->stats.chrono_at;

	if (t->stats.chrono_kind != CHRONO_NONE) {
		t->stats.chrono[CHRONO_BUSY] += spent;
		if (t->stats.chrono_kind != CHRONO_BUSY)
			t->stats.chrono[t->stats.chrono_kind] += spent;
	}
	t->stats.chrono_kind = (u8)kind;
	t->stats.chrono_at = now;
}

static u64 max_pacing(const struct tcp_sock *t)
{
	return t->inet.c.rare.pacing ? t->inet.c.rare.pacing : ~0UL;
}

static u64 pacing(const struct tcp_sock *t)
{
	return min(tcp_pacing_rate(t), max_pacing(t));
}

static u8 ca_state(const struct tcp_sock *t)
{
	if (t->loss.ca == CA_OPEN)
		return t->loss.sacked_out || t->loss.retrans_out ? CA_STATE_DISORDER : 0;
	return t->loss.ca == CA_RECOVERY ? CA_STATE_RECOVERY : CA_STATE_LOSS;
}

/* Fills in the few fields that a listener has. */
static void fill_listener(struct tcp_sock *t, struct tcp_info *i)
{
	*i = (struct tcp_info){
		.tcpi_state = t->state,
		.tcpi_unacked = t->listen.nr_accept,
		.tcpi_sacked = t->listen.backlog,
		.tcpi_snd_cwnd = t->cc.cwnd,
		.tcpi_reordering = t->loss.reordering,
		.tcpi_pacing_rate = pacing(t),
		.tcpi_max_pacing_rate = max_pacing(t),
	};
}

void tcp_fill_info(struct tcp_sock *t, struct tcp_info_all *all)
{
	struct tcp_info *i = &all->i;
	bool met = t->state != TCP_CLOSE && t->state != TCP_SYN_SENT;

	memset(all, 0, sizeof(*all));
	if (t->state == TCP_LISTEN) {
		fill_listener(t, i);
		return;
	}
	*i = (struct tcp_info){
		.tcpi_state = t->state == TCP_TIME_WAIT ? (u8)TCP_CLOSE : t->state,
		.tcpi_ca_state = ca_state(t),
		.tcpi_retransmits = t->timers.retries,
		.tcpi_probes = t->timers.probes,
		.tcpi_backoff = t->timers.backoff,
		.tcpi_options = options(t),
		.tcpi_snd_wscale = t->snd.wscale & 15,
		.tcpi_rcv_wscale = t->snd.wscale_ok ? t->snd.rcv_wscale & 15 : 0,
		.tcpi_rto = (u32)(t->rtt.rto / USEC),
		.tcpi_ato = t->stats.data_segs_in ? (u32)(ATO_MIN / USEC) : 0,
		.tcpi_snd_mss = t->snd.mss,
		.tcpi_rcv_mss = met ? t->rcv.mss : 0,
		.tcpi_unacked = t->loss.packets_out,
		.tcpi_sacked = t->loss.sacked_out,
		.tcpi_lost = t->loss.lost_out,
		.tcpi_retrans = t->loss.retrans_out,
		.tcpi_last_data_sent = ms_since(t->snd.last),
		.tcpi_last_data_recv = ms_since(t->rcv.last),
		.tcpi_last_ack_recv = ms_since(t->stats.last_ack),
		.tcpi_pmtu = ip_is_v4(&t->flow.daddr) ? min(t->flow.mtu, 65535U) : t->flow.mtu,
		.tcpi_rcv_ssthresh = t->rcv.wnd,
		.tcpi_rtt = (u32)(t->rtt.srtt / USEC),
		.tcpi_rttvar = (u32)(t->rtt.rttvar / USEC),
		.tcpi_snd_ssthresh = t->cc.ssthresh,
		.tcpi_snd_cwnd = t->cc.cwnd,
		.tcpi_advmss =
			t->snd.advmss - (t->snd.ts_ok && t->snd.advmss > TS_OPTION ? TS_OPTION : 0),
		.tcpi_reordering = t->loss.reordering,
		.tcpi_rcv_space = met ? t->inet.c.rcvbuf / 2 : 0,
		.tcpi_total_retrans = t->stats.retrans,
		.tcpi_pacing_rate = pacing(t),
		.tcpi_max_pacing_rate = max_pacing(t),
		.tcpi_bytes_acked = t->stats.bytes_acked,
		.tcpi_bytes_received = t->stats.bytes_received,
		.tcpi_segs_out = (u32)t->stats.segs_out,
		.tcpi_segs_in = (u32)t->stats.segs_in,
		.tcpi_notsent_bytes = t->snd.write_seq - t->snd.nxt,
		.tcpi_min_rtt = t->rtt.min ? (u32)(t->rtt.min / USEC) : ~0U,
		.tcpi_data_segs_in = t->stats.data_segs_in,
		.tcpi_data_segs_out = t->stats.data_segs_out,
		.tcpi_busy_time = busy_for(t, CHRONO_BUSY),
		.tcpi_rwnd_limited = busy_for(t, CHRONO_WINDOW),
		.tcpi_sndbuf_limited = busy_for(t, CHRONO_BUFFER),
		.tcpi_delivered = t->stats.delivered,
		.tcpi_delivered_ce = t->stats.delivered_ce,
		.tcpi_bytes_sent = t->stats.bytes_sent,
		.tcpi_bytes_retrans = t->stats.bytes_retrans,
		.tcpi_dsack_dups = t->stats.dsack_dups,
		.tcpi_reord_seen = t->stats.reord_seen,
		.tcpi_rcv_ooopack = t->stats.ooo_packets,
		.tcpi_snd_wnd = t->snd.wnd,
		.tcpi_fastopen_client_fail = t->fast.fail & 3,
	};
	all->rcv_wnd = t->rcv.wnd;
	all->total_rto = t->stats.rto;
	all->total_rto_recoveries = t->stats.rto_recoveries;
	all->total_rto_time = t->stats.rto_time + ms_since(t->stats.rto_at);
}

/* ---- SCM_TIMESTAMPING_OPT_STATS ---- */

static void put(u8 **to, u16 type, u64 value, u16 size)
{
	struct nlattr a = { (u16)(sizeof(a) + size), type };

	memcpy(*to, &a, sizeof(a));
	memset(*to + sizeof(a), 0, NLA_ALIGN(size));
	memcpy(*to + sizeof(a), &value, size);
	*to += sizeof(a) + NLA_ALIGN(size);
}

u32 tcp_fill_stats(struct tcp_sock *t, const struct sk_buff *by, u8 *to)
{
	u8 *at = to;

	put(&at, TCP_NLA_BUSY, busy_for(t, CHRONO_BUSY), 8);
	put(&at, TCP_NLA_RWND_LIMITED, busy_for(t, CHRONO_WINDOW), 8);
	put(&at, TCP_NLA_SNDBUF_LIMITED, busy_for(t, CHRONO_BUFFER), 8);
	put(&at, TCP_NLA_DATA_SEGS_OUT, t->stats.data_segs_out, 8);
	put(&at, TCP_NLA_TOTAL_RETRANS, t->stats.retrans, 8);
	put(&at, TCP_NLA_PACING_RATE, pacing(t), 8);
	put(&at, TCP_NLA_DELIVERY_RATE, 0, 8);
	put(&at, TCP_NLA_SND_CWND, t->cc.cwnd, 4);
	put(&at, TCP_NLA_REORDERING, t->loss.reordering, 4);
	put(&at, TCP_NLA_MIN_RTT, t->rtt.min ? t->rtt.min / USEC : ~0U, 4);
	put(&at, TCP_NLA_RECUR_RETRANS, t->timers.retries, 1);
	put(&at, TCP_NLA_DELIVERY_RATE_APP_LMT, 0, 1);
	put(&at, TCP_NLA_SND_SSTHRESH, t->cc.ssthresh, 4);
	/* includes the segments that @by acknowledges */
	put(&at, TCP_NLA_DELIVERED, t->stats.delivered + (by ? 1 : 0), 4);
	put(&at, TCP_NLA_DELIVERED_CE, t->stats.delivered_ce, 4);
	put(&at, TCP_NLA_SNDQ_SIZE, t->snd.write_seq - t->snd.una, 4);
	put(&at, TCP_NLA_CA_STATE, ca_state(t), 1);
	put(&at, TCP_NLA_BYTES_SENT, t->stats.bytes_sent, 8);
	put(&at, TCP_NLA_BYTES_RETRANS, t->stats.bytes_retrans, 8);
	put(&at, TCP_NLA_DSACK_DUPS, t->stats.dsack_dups, 4);
	put(&at, TCP_NLA_REORD_SEEN, t->stats.reord_seen, 4);
	put(&at, TCP_NLA_SRTT, t->rtt.srtt / USEC, 4);
	put(&at, TCP_NLA_TIMEOUT_REHASH, 0, 2);
	put(&at, TCP_NLA_BYTES_NOTSENT, t->snd.write_seq - t->snd.nxt, 4);
	put(&at, TCP_NLA_EDT, ktime_get(), 8);
	if (by)
		put(&at, TCP_NLA_TTL, by->ip.ttl, 1);
	put(&at, TCP_NLA_REHASH_, 0, 4);
	return (u32)(at - to);
}
