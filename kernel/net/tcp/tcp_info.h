/* SPDX-License-Identifier: MIT */
/*
 * tcp_info.h: the figures of a connection: TCP_INFO, the statistics in timestamps' records, and
 * time by kind (tcp_info.c). c.lock is held.
 */
#ifndef NESTLING_NET_TCP_INFO_H
#define NESTLING_NET_TCP_INFO_H

#include <linux/tcp.h>

#include "kernel/net/tcp/tcp_sock.h"

/* TCP_INFO, with the fields that older headers do not have. */
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
/*
 * Writes statistics as attributes (TCP_NLA_*) to @to, TCP_STATS_MAX bytes, for a timestamp. @by:
 * the segment that acknowledged the stamped data, or NULL. Returns the number of bytes.
 */
u32 tcp_fill_stats(struct tcp_sock *t, const struct sk_buff *by, u8 *to);
/* Counts the time since the last call for the kind then set, and sets @kind, a CHRONO_*. */
void tcp_chrono(struct tcp_sock *t, int kind);

#endif
