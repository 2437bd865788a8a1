/* SPDX-License-Identifier: MIT */
/*
 * tcp_info: TCP_INFO field by field, of a socket that is closed, listens, has just been connected,
 * and has sent; SO_INCOMING_CPU. Fields that depend on times, windows and the size of the machine
 * are only compared with a lower bound.
 */
#include "inet.h"

/* <linux/tcp.h> has it longer than older headers do. */
struct info {
	uint8_t state, ca_state, retransmits, probes, backoff, options, wscale, bits;
	uint32_t rto, ato, snd_mss, rcv_mss, unacked, sacked, lost, retrans, fackets,
		last_data_sent, last_ack_sent, last_data_recv, last_ack_recv, pmtu, rcv_ssthresh,
		rtt, rttvar, snd_ssthresh, snd_cwnd, advmss, reordering, rcv_rtt, rcv_space,
		total_retrans;
	uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
	uint32_t segs_out, segs_in, notsent, min_rtt, data_segs_in, data_segs_out;
	uint64_t delivery_rate, busy, rwnd_limited, sndbuf_limited;
	uint32_t delivered, delivered_ce;
	uint64_t bytes_sent, bytes_retrans;
	uint32_t dsack_dups, reord_seen, rcv_ooopack, snd_wnd, rcv_wnd, rehash;
	uint16_t total_rto, total_rto_recoveries;
	uint32_t total_rto_time;
};

static struct info get(int fd)
{
	struct info i;
	socklen_t n = sizeof(i);

	memset(&i, 0x55, sizeof(i));
	NEED(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &n));
	if (n != sizeof(i))
		say("only %d bytes", (int)n);
	return i;
}

static void common(const char *what, const struct info *i)
{
	say("%s: state %d ca %d retransmits %d probes %d backoff %d options %x", what, i->state,
		i->ca_state, i->retransmits, i->probes, i->backoff, i->options & 7);
	/* a host remembers what it has seen of lo: ip-tcp_metrics(8) */
	say(" lost %u retrans %u fackets %u last_ack_sent %u reordering %s total_retrans %u",
		i->lost, i->retrans, i->fackets, i->last_ack_sent,
		i->reordering < 3 ? "below 3" : "from 3 on", i->total_retrans);
	say(" acked %lu received %lu notsent %u data in %u out %u delivered %u ce %u sent %lu "
	    "retrans %lu",
		i->bytes_acked, i->bytes_received, i->notsent, i->data_segs_in, i->data_segs_out,
		i->delivered, i->delivered_ce, i->bytes_sent, i->bytes_retrans);
	say(" dsack %u reord %u ooo %u rehash %u rto %u %u %u", i->dsack_dups, i->reord_seen,
		i->rcv_ooopack, i->rehash, i->total_rto, i->total_rto_recoveries,
		i->total_rto_time);
	say(" max pacing %lx, rwnd_limited %lu, sndbuf_limited %lu", i->max_pacing_rate,
		i->rwnd_limited, i->sndbuf_limited);
}

static void sizes(const struct info *i)
{
	say(" pmtu %u advmss %u rcv_mss %u ssthresh %x", i->pmtu, i->advmss, i->rcv_mss,
		i->snd_ssthresh);
	say(" snd_mss %d cwnd %d rto %d min_rtt %d", i->snd_mss > 20000, i->snd_cwnd >= 10,
		i->rto >= 200000, i->min_rtt < ~0U);
	say(" rcv_ssthresh %d rcv_space %d snd_wnd %d rcv_wnd %d pacing %d",
		i->rcv_ssthresh > 30000, i->rcv_space > 30000, i->snd_wnd > 30000,
		i->rcv_wnd > 30000, i->pacing_rate > 0);
}

static void not_connected(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), l = listener(5);
	struct info i = get(fd);

	common("closed", &i);
	say(" rto %u ato %u snd_mss %u rcv_mss %u unacked %u sacked %u pmtu %u rtt %u", i.rto,
		i.ato, i.snd_mss, i.rcv_mss, i.unacked, i.sacked, i.pmtu, i.rtt);
	say(" ssthresh %x cwnd %u advmss %u rcv_rtt %u rcv_space %u min_rtt %x segs %u %u wnd %u "
	    "%u",
		i.snd_ssthresh, i.snd_cwnd, i.advmss, i.rcv_rtt, i.rcv_space, i.min_rtt, i.segs_out,
		i.segs_in, i.snd_wnd, i.rcv_wnd);
	i = get(l);
	common("listening", &i);
	say(" rto %u ato %u snd_mss %u rcv_mss %u unacked %u sacked %u pmtu %u rtt %u", i.rto,
		i.ato, i.snd_mss, i.rcv_mss, i.unacked, i.sacked, i.pmtu, i.rtt);
	say(" ssthresh %x cwnd %u advmss %u rcv_rtt %u rcv_space %u min_rtt %x segs %u %u wnd %u "
	    "%u",
		i.snd_ssthresh, i.snd_cwnd, i.advmss, i.rcv_rtt, i.rcv_space, i.min_rtt, i.segs_out,
		i.segs_in, i.snd_wnd, i.rcv_wnd);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	NEED(reach(fd, port_of(l)));
	i = get(l);
	say("one waits: %u of %u", i.unacked, i.sacked);
	close(fd);
	close(l);
}

static void connected(void)
{
	char buf[100] = { 0 };
	struct info i;
	int p[2];

	tcp_pair(p);
	for (int k = 0; k < 2; k++) {
		i = get(p[k]);
		common(k ? "accepted" : "connected", &i);
		sizes(&i);
		say(" segs out %u in %u ato %u", i.segs_out, i.segs_in, i.ato);
	}
	say("cpu %d", number(p[1], SOL_SOCKET, SO_INCOMING_CPU) >= 0);
	/*
	 * the answer takes the acknowledgement along; what is acknowledged then, may still be to
	 * come
	 */
	NEED(send(p[0], buf, 100, 0));
	NEED(recv(p[1], buf, 100, MSG_WAITALL));
	NEED(send(p[1], buf, 50, 0));
	NEED(recv(p[0], buf, 50, MSG_WAITALL));
	T_WAIT(get(p[1]).bytes_acked == 50);
	for (int k = 0; k < 2; k++) {
		i = get(p[k]);
		common(k ? "accepted" : "connected", &i);
		sizes(&i);
		say(" unacked %u ato %d busy %d", i.unacked, i.ato > 0, i.busy < 60000000);
	}
	close(p[0]);
	close(p[1]);
}

static void cpu(void)
{
	int a = bound(SOCK_DGRAM, "127.0.0.1"), b = socket(AF_INET, SOCK_DGRAM, 0);
	char c;

	say("cpu of a new one %d", number(a, SOL_SOCKET, SO_INCOMING_CPU));
	NEED(reach(b, port_of(a)));
	NEED(send(b, "x", 1, 0));
	NEED(recv(a, &c, 1, 0));
	say("cpu %d", number(a, SOL_SOCKET, SO_INCOMING_CPU));
	NEED(reach(a, port_of(b)));
	NEED(send(b, "x", 1, 0));
	NEED(recv(a, &c, 1, 0));
	say("cpu of a connected one %d", number(a, SOL_SOCKET, SO_INCOMING_CPU) >= 0);
	close(a);
	close(b);
}

TEST(tcp_info)
{
	lo_up();
	not_connected();
	connected();
	cpu();
}
