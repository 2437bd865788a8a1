/* SPDX-License-Identifier: MIT */
/*
 * tcp_timer.h: a connection's timers (tcp_timer.c). Each armed timer holds a reference on the
 * socket. c.lock held throughout. No function sleeps.
 */
#ifndef NESTLING_NET_TCP_TIMER_H
#define NESTLING_NET_TCP_TIMER_H

#include "kernel/net/tcp/tcp_sock.h"

/* Number of connections in TIME_WAIT, or in FIN_WAIT2 without a file, of all namespaces. */
extern atomic_t tcp_time_waits;

/* Prepare the timers of a new socket, and disarm all of them. */
void tcp_timers_setup(struct tcp_sock *t);
void tcp_timers_off(struct tcp_sock *t);
/* Arms @k, one of @t's timers, to expire in @in ns, also if it is armed already. */
void tcp_arm(struct tcp_sock *t, struct ktimer *k, u64 in);
/* Disarms @k, and drops its reference. */
void tcp_disarm(struct tcp_sock *t, struct ktimer *k);
/* Restarts the retransmission timer after progress; stops it if nothing is in flight. */
void tcp_rearm_rtx(struct tcp_sock *t);
/* Arms the keepalive timer, if SO_KEEPALIVE is set and the state has keepalive. */
void tcp_arm_keepalive(struct tcp_sock *t);
/*
 * Enters TIME_WAIT, or FIN_WAIT2 of a socket without a file, for @len ns. Beyond tcp_max_tw_buckets
 * of them the connection ends at once, as on Linux.
 */
void tcp_time_wait(struct tcp_sock *t, u8 state, u64 len);

#endif
