/* SPDX-License-Identifier: MIT */
/*
 * tcp_info.h: statistics of a connection: TCP_INFO, the attributes in timestamp messages, and how
 * long the sender was limited by what (tcp_info.c). c.lock is held.
 */
#ifndef NESTLING_NET_TCP_INFO_H
#define NESTLING_NET_TCP_INFO_H

#include <linux/tcp.h>

#include "kernel/net/tcp/tcp_sock.h"

/* struct tcp_info, with fields that older kernel headers lack. */
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
/* Fills *@i, also for a listener or a closed socket. */
void tcp_fill_info(struct tcp_sock *t, struct tcp_info_all *i);
#define TCP_STATS_MAX 256U
/*
 * Writes statistics as netlink attributes (TCP_NLA_*) to @to, TCP_STATS_MAX bytes, for a timestamp
 * message. @by: the segment that acknowledged the stamped data, or NULL. Returns the number of
 * bytes.
 */
u32 tcp_fill_stats(struct tcp_sock *t, const struct sk_buff *by, u8 *to);
/*
 * Adds the time since the last call to the counter of the present kind, and makes @kind, a
 * CHRONO_*, the present kind.
 */
void tcp_chrono(struct tcp_sock *t, int kind);

#endif
