/* SPDX-License-Identifier: MIT */
/*
 * tcp_fastopen.h: data in the SYN (RFC 7413, tcp_fastopen.c).
 *
 * Call sequence of a client: tcp_fast_prepare() (inet.op held), tcp_fast_send_syn(), then
 * tcp_fast_answered() or tcp_fast_timeout(), and tcp_fast_ended().
 * Call sequence of a server: tcp_fast_wanted() for a SYN, tcp_fast_accept() for the child,
 * tcp_fast_done() at the end of the handshake or of the child.
 * Locks: c.lock, unless a comment says otherwise; keys are protected by the namespace's tcp.lock.
 */
#ifndef NESTLING_NET_TCP_FASTOPEN_H
#define NESTLING_NET_TCP_FASTOPEN_H

#include "kernel/net/tcp/tcp_sock.h"

/* bits of net.ipv4.tcp_fastopen */
#define FAST_CLIENT 1
#define FAST_SERVER 2
#define FAST_CLIENT_NO_COOKIE 4
#define FAST_SERVER_NO_COOKIE 0x200
/* enables Fast Open for every listener; the listener's backlog limits the queue */
#define FAST_SERVER_ALL 0x400
#define MSG_FASTOPEN 0x20000000

/*
 * Sends by MSG_FASTOPEN, or by the first write after a connect(2) that was deferred. Takes op; may
 * sleep. Returns the number of bytes that went with the SYN, or -errno.
 */
ssize_t tcp_fast_sendmsg(struct socket *s, struct msg *m);
/*
 * Sets fast.mode for a connection to @to, and copies the part of @m that goes with the SYN to
 * fast.syn_data. Returns 0, -ENOBUFS or -EFAULT. op held.
 */
int tcp_fast_prepare(struct tcp_sock *t, const ip_addr *to, struct msg *m);
/* Drops fast.syn_data, if there is any. op held. */
void tcp_fast_drop(struct tcp_sock *t);
/* True if data may go with a SYN to @to. Sets fast.mode and fast.cookie. op held. */
bool tcp_fast_known(struct tcp_sock *t, const ip_addr *to);
/*
 * Queues fast.syn_data, which is not NULL, behind the queued SYN, sends both as one segment, and
 * returns the skb of the data, which is in the write queue.
 */
struct sk_buff *tcp_fast_send_syn(struct tcp_sock *t);
/* Handles the SYN-ACK @skb, which may carry data, and may acknowledge ours. */
void tcp_fast_answered(struct tcp_sock *t, const struct sk_buff *skb, const struct tcp_opts *o);
/* Handles a timeout of the SYN or its data. @last: the connection is given up. */
void tcp_fast_timeout(struct tcp_sock *t, bool last);
/* Begins or ends a pause of Fast Open, by how the connection went. */
void tcp_fast_ended(struct tcp_sock *t);
/* Sets the sysctl tcp_fastopen_blackhole_timeout_sec. Takes tcp.lock. */
void tcp_fast_set_pause(struct net *net, int secs);
/*
 * Writes the Fast Open option to @p, if one is due and @room bytes are enough. Returns the position
 * behind it.
 */
u8 *tcp_fast_option(struct tcp_sock *t, u8 *p, u32 room);
/*
 * True if child @c of listener @l may accept the data of @skb, its SYN. Else sets c->fast so that
 * the SYN-ACK grants a cookie, if the SYN asks for one.
 */
bool tcp_fast_wanted(struct tcp_sock *l, struct tcp_sock *c, const struct sk_buff *skb,
	const struct tcp_opts *o);
/*
 * Makes @c a child that may be accepted before its handshake is complete, and queues the data of
 * @skb for it. Takes a reference to @l. Does not consume @skb.
 */
void tcp_fast_accept(struct tcp_sock *l, struct tcp_sock *c, const struct sk_buff *skb);
/*
 * Ends the Fast Open state of child @c: its handshake is complete, or the child has ended (@reset:
 * by a reset).
 */
void tcp_fast_done(struct tcp_sock *c, bool reset);
/*
 * Generates the namespace's key unless there is one. Called when Fast Open is enabled for a
 * listener, and before a cookie is computed.
 */
void tcp_fast_need_key(struct net *net);
/* Sets net.ipv4.tcp_fastopen_key from @text. Takes tcp.lock. Returns 0 or -EINVAL. */
int tcp_fast_set_keys(struct net *net, const char *text);
/*
 * Writes the namespace's keys as text to @buf, at most @n bytes. Takes tcp.lock. Returns the length
 * of the text.
 */
int tcp_fast_show_keys(struct net *net, char *buf, size_t n);
/*
 * Sets TCP_FASTOPEN_KEY: @n keys of 16 bytes, the current key, then the previous one. Takes
 * tcp.lock.
 */
void tcp_fast_set_own_keys(struct tcp_sock *t, const u64 (*keys)[2], u32 n);
/*
 * Copies the keys of the listener, or else of its namespace, to @keys. Takes tcp.lock. Returns
 * their number.
 */
u32 tcp_fast_get_keys(struct tcp_sock *t, u64 keys[2][2]);

#endif
