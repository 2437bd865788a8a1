/* SPDX-License-Identifier: MIT */
/*
 * tcp_listen.h: listeners and their children: tcp_listen.c, and tcp_cookie.c for handshakes that
 * keep no state.
 *
 * Call sequence: tcp_listen(); a SYN makes a child in SYN_RECV in listen.syn_q, by
 * tcp_make_child(), or at the third segment by tcp_child_of_cookie(). tcp_offer() moves the child
 * to listen.accept_q once it is established; tcp_accept() removes it. tcp_stop_listening() ends the
 * listener and all children in its queues.
 * Locks: listen.lock of the listener, which is inside of a child's c.lock. Functions take it. The
 * listener's c.lock is held in none of them, the child's in tcp_offer(), tcp_offered() and
 * tcp_forget_child(). None sleeps but the two operations of struct proto_ops, tcp_listen() and
 * tcp_accept().
 */
#ifndef NESTLING_NET_TCP_LISTEN_H
#define NESTLING_NET_TCP_LISTEN_H

#include "kernel/net/tcp/tcp_sock.h"

/* Operations of struct proto_ops. */
int tcp_listen(struct socket *s, int backlog);
int tcp_accept(struct socket *s, struct socket *to, enum sock_patience patience);
/*
 * Ends the queues of a listener that packets no longer find: resets all children in them. No
 * spinlock is held.
 */
void tcp_stop_listening(struct tcp_sock *l);
/*
 * Makes a child in SYN_RECV from a SYN to listener @l, and sends the SYN-ACK; or sends a cookie and
 * keeps no child. Does not consume @skb.
 */
void tcp_make_child(
	struct net *net, struct tcp_sock *l, struct sk_buff *skb, const struct tcp_opts *o);
/*
 * Makes a child in SYN_RECV from the third segment of a handshake by cookie, and returns it with a
 * reference. The child is in state TCP_CLOSE if the accept queue is full or the listener has ended.
 * Returns NULL if the segment has no valid cookie; ERR_PTR if there is no route or memory for a
 * child, or another such segment has just made it.
 */
struct tcp_sock *tcp_child_of_cookie(
	struct net *net, struct tcp_sock *l, const struct sk_buff *skb, const struct tcp_opts *o);
/*
 * Moves an established child to its listener's accept queue. Returns false if the queue is full or
 * the listener has ended. The child's c.lock is held.
 */
bool tcp_offer(struct tcp_sock *child);
/* Wakes up a task in accept(2), after tcp_offer() has returned true. */
void tcp_offered(struct tcp_sock *child);
/* Removes a child that has ended from syn_q. In the accept queue it stays for accept(2). */
void tcp_forget_child(struct tcp_sock *child);

/* tcp_cookie.c */
/* Returns SipHash of @n words with a random key of this machine. Takes no lock. */
u32 tcp_keyed_hash(const u64 *words, u32 n);
/*
 * Answers the SYN @skb with a SYN-ACK whose sequence number is a cookie. Uses @c, which is in no
 * table and may be freed afterwards.
 */
void tcp_send_cookie(struct tcp_sock *c, const struct sk_buff *skb, const struct tcp_opts *o);
/*
 * True if @skb acknowledges a valid cookie. *@o: the options of the SYN, as far as the cookie holds
 * them. @now: the options of @skb.
 */
bool tcp_cookie_good(
	struct net *net, const struct sk_buff *skb, const struct tcp_opts *now, struct tcp_opts *o);

#endif
