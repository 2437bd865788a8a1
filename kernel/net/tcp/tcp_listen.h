/* SPDX-License-Identifier: MIT */
/*
 * tcp_listen.h: listeners and their children: tcp_listen.c, and tcp_cookie.c for handshakes without
 * memory.
 *
 * Call sequence: tcp_listen(); a SYN makes a child in SYN_RECV (tcp_make_child(), or
 * tcp_child_of_cookie() at the third segment), which is in listen.syn_q; tcp_offer() moves it to
 * listen.accept_q once it is established; tcp_accept() removes it. tcp_stop_listening() ends the
 * listener and all children in its queues.
 * Locks: listen.lock of the listener, which is inside of a child's c.lock.
 */
#ifndef NESTLING_NET_TCP_LISTEN_H
#define NESTLING_NET_TCP_LISTEN_H

#include "kernel/net/tcp/tcp_sock.h"

int tcp_listen(struct socket *s, int backlog);
int tcp_accept(struct socket *s, struct socket *to, enum sock_patience patience);
void tcp_stop_listening(struct tcp_sock *l);
/* Makes a child of listener @l from a SYN, in SYN_RECV, and answers. */
void tcp_make_child(
	struct net *net, struct tcp_sock *l, struct sk_buff *skb, const struct tcp_opts *o);
/*
 * Makes a child from the third segment of a handshake that only a cookie remembers: a child in
 * SYN_RECV, with a reference. NULL: the segment is none; ERR_PTR: there is no room for a child, or
 * another such segment has just made it.
 */
struct tcp_sock *tcp_child_of_cookie(
	struct net *net, struct tcp_sock *l, const struct sk_buff *skb, const struct tcp_opts *o);
/*
 * Hands an established child to its listener; true if the listener takes it. c.lock of the child
 * held.
 */
bool tcp_offer(struct tcp_sock *child);
void tcp_offered(struct tcp_sock *child);
void tcp_forget_child(struct tcp_sock *child);

/* tcp_cookie.c */
/* Returns SipHash of @n words with a random key of the machine. */
u32 tcp_keyed_hash(const u64 *words, u32 n);
/* Answers the SYN @skb for @c, which is in no table and may be freed then. */
void tcp_send_cookie(struct tcp_sock *c, const struct sk_buff *skb, const struct tcp_opts *o);
/* True if @skb brings back a valid cookie. *@o: the options of the SYN that the cookie answered. */
bool tcp_cookie_good(
	struct net *net, const struct sk_buff *skb, const struct tcp_opts *now, struct tcp_opts *o);

#endif
