/* SPDX-License-Identifier: MIT */
/*
 * stats.h: the counters of one network namespace, which /proc/net/snmp, snmp6 and netstat show
 * (net_snmp.c). RFC 1213, 2013, 4022, 4113 and 4293 define them; those of TcpExt are Linux's. They
 * are updated without a lock, so a count may miss an event.
 */
#ifndef NESTLING_NET_STATS_H
#define NESTLING_NET_STATS_H

#include "kernel/lib/types.h"

struct udp_stats {
	u64 in, noports, in_errors, out, rcvbuf_errors, csum_errors;
};

/* The counters of one address family. */
struct ip_stats {
	u64 forwarded;
	u64 in_receives, in_hdr_errors, in_addr_errors, in_unknown, in_discards, in_delivers,
		out_requests, out_discards, out_noroutes, out_transmits;
	u64 reasm_timeouts, reasm_reqds, reasm_oks, reasm_fails, frag_oks, frag_fails, frag_creates;
	u64 in_octets, out_octets, in_mcast, in_mcast_octets, out_mcast, out_mcast_octets, in_bcast,
		in_bcast_octets, out_bcast, out_bcast_octets;
	u64 in_ecn[4]; /* by value of the ECN field */
	u64 icmp_in, icmp_in_errors, icmp_csum_errors, icmp_out;
	u64 icmp_types_in[256], icmp_types_out[256];
	struct udp_stats udp, udplite;
};

/* TCP's counters; IPv4 and IPv6 count together. */
struct tcp_stats {
	u64 active, passive, fails, resets, in, out, retrans, in_errs, out_rsts, csum_errors;
};

/* TcpExt of /proc/net/netstat: the names of the counters are Linux's, in its order. */
#define TCP_EXT_COUNTERS(X)                                                                        \
	X(SyncookiesSent)                                                                          \
	X(SyncookiesRecv)                                                                          \
	X(SyncookiesFailed)                                                                        \
	X(TW)                                                                                      \
	X(DelayedACKs)                                                                             \
	X(ListenOverflows)                                                                         \
	X(ListenDrops)                                                                             \
	X(TCPHPHits)                                                                               \
	X(TCPPureAcks)                                                                             \
	X(TCPHPAcks)                                                                               \
	X(TCPTimeouts)                                                                             \
	X(TCPAbortOnData)                                                                          \
	X(TCPAbortOnClose)                                                                         \
	X(TCPAbortOnTimeout)                                                                       \
	X(TCPAbortOnLinger)                                                                        \
	X(TCPFastOpenActive)                                                                       \
	X(TCPFastOpenActiveFail)                                                                   \
	X(TCPFastOpenPassive)                                                                      \
	X(TCPFastOpenPassiveFail)                                                                  \
	X(TCPFastOpenListenOverflow)                                                               \
	X(TCPFastOpenCookieReqd)                                                                   \
	X(TCPFastOpenBlackhole)                                                                    \
	X(TCPFromZeroWindowAdv)                                                                    \
	X(TCPToZeroWindowAdv)                                                                      \
	X(TCPSynRetrans)                                                                           \
	X(TCPOrigDataSent)                                                                         \
	X(TCPKeepAlive)                                                                            \
	X(TCPDelivered)                                                                            \
	X(TCPWinProbe)                                                                             \
	X(TCPFastOpenPassiveAltKey)

enum tcp_ext {
#define X(name) TCP_EXT_##name,
	TCP_EXT_COUNTERS(X)
#undef X
		TCP_EXT_NR
};

struct net_stats {
	struct ip_stats ip[2]; /* IPv4's, IPv6's */
	struct tcp_stats tcp;
	u64 tcp_ext[TCP_EXT_NR];
};
#define IP_STATS(net, v6) ((net)->stats.ip[!!(v6)])
#define UDP_STATS(net, lite, v6) (*((lite) ? &IP_STATS(net, v6).udplite : &IP_STATS(net, v6).udp))
#define TCP_EXT_COUNT(net, name) ((net)->stats.tcp_ext[TCP_EXT_##name]++)

#endif
