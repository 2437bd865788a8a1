/* SPDX-License-Identifier: MIT */
/*
 * tcp_fastopen.h: data in the SYN (RFC 7413, tcp_fastopen.c).
 *
 * Call sequence of a client: tcp_fast_prepare() (inet.op held), tcp_fast_send_syn(), then
 * tcp_fast_answered() or tcp_fast_timeout(), tcp_fast_ended(). Of a server: tcp_fast_wanted() for a
 * SYN, tcp_fast_accept() for the child, tcp_fast_done() at the end of its handshake or of the
 * child.
 * Locks: c.lock, unless a comment says otherwise; keys are under the namespace's tcp.lock.
 */
#ifndef NESTLING_NET_TCP_FASTOPEN_H
#define NESTLING_NET_TCP_FASTOPEN_H

#include "kernel/net/tcp/tcp_sock.h"

/* net.ipv4.tcp_fastopen */
#define FAST_CLIENT 1
#define FAST_SERVER 2
#define FAST_CLIENT_NO_COOKIE 4
#define FAST_SERVER_NO_COOKIE 0x200
/* every listener; its backlog bounds the queue */
#define FAST_SERVER_ALL 0x400
#define MSG_FASTOPEN 0x20000000

/*
 * Sends by MSG_FASTOPEN, or by the first write after a connect() that waits for it; returns how
 * much went with the SYN.
 */
ssize_t tcp_fast_sendmsg(struct socket *s, struct msg *m);
/*
 * Sets fast.mode, and copies the part of @m that goes with the SYN, for a connection to @to. 0,
 * -ENOBUFS, -EFAULT. op held.
 */
int tcp_fast_prepare(struct tcp_sock *t, const ip_addr *to, struct msg *m);
/* Drops the data that was to go with a SYN. */
void tcp_fast_drop(struct tcp_sock *t);
/* True if data may go with a SYN to @to. */
bool tcp_fast_known(struct tcp_sock *t, const ip_addr *to);
/*
 * Joins fast.syn_data, which is returned, to the SYN in the queue, and sends both as one segment.
 */
struct sk_buff *tcp_fast_send_syn(struct tcp_sock *t);
/* Handles the SYN-ACK @skb, which may have data, and may acknowledge ours. */
void tcp_fast_answered(struct tcp_sock *t, const struct sk_buff *skb, const struct tcp_opts *o);
/* Notes that the SYN was not answered in time. @last: the connection fails. */
void tcp_fast_timeout(struct tcp_sock *t, bool last);
void tcp_fast_ended(struct tcp_sock *t);
/* Sets tcp_fastopen_blackhole_timeout_sec. */
void tcp_fast_set_pause(struct net *net, int secs);
u8 *tcp_fast_option(struct tcp_sock *t, u8 *p, u32 room);
/*
 * True if child @c may begin with the data of @skb, a SYN for listener @l. Else its answer may bear
 * a cookie.
 */
bool tcp_fast_wanted(struct tcp_sock *l, struct tcp_sock *c, const struct sk_buff *skb,
	const struct tcp_opts *o);
void tcp_fast_accept(struct tcp_sock *l, struct tcp_sock *c, const struct sk_buff *skb);
/* Uncounts a Fast Open child: its handshake is complete, or it ended (@reset: by a reset). */
void tcp_fast_done(struct tcp_sock *c, bool reset);
/* Makes the namespace's key, unless there is one, when its first server begins. */
void tcp_fast_need_key(struct net *net);
/*
 * Sets net.ipv4.tcp_fastopen_key from text: 0 or -EINVAL. Shows it in @n bytes, as snprintf() does.
 */
int tcp_fast_set_keys(struct net *net, const char *text);
int tcp_fast_show_keys(struct net *net, char *buf, size_t n);
/* Sets TCP_FASTOPEN_KEY: @n keys of 16 bytes; the second is the previous key. */
void tcp_fast_set_own_keys(struct tcp_sock *t, const u64 (*keys)[2], u32 n);
u32 tcp_fast_get_keys(struct tcp_sock *t, u64 keys[2][2]);

#endif
