/* SPDX-License-Identifier: MIT */
/*
 * tcp.h: the public header of TCP (RFC 9293): sockets as the rest of the network sees them.
 *
 * What the folder is for: AF_INET and AF_INET6 sockets of type SOCK_STREAM: connections, listeners,
 * and everything between a write() and the IP packet, or back.
 *
 * Headers, one noun each:
 *     tcp_sock.h      struct tcp_sock, its groups of fields, its states
 *     tcp_wire.h      segments: flags, options, sequence numbers
 *     tcp_in.h        received segments
 *     tcp_out.h       sent segments
 *     tcp_listen.h    listeners, children, cookies
 *     tcp_fastopen.h  data in the SYN
 *     tcp_cc.h        congestion
 *     tcp_loss.h      losses
 *     tcp_timer.h     timers
 *     tcp_mem.h       memory, and room to write
 *     tcp_info.h      statistics of a connection
 *     tcp_net.h       sysctls of a namespace
 *
 * Files: tcp.c (sockets: connect, close, poll), tcp_data.c (send and receive), tcp_opt.c (options);
 * the others are named in their headers.
 *
 * Call sequence: af_inet.c calls tcp_create(), which sets proto_ops; from then on socket.c calls
 * tcp_connect(), tcp_sendmsg() and so on. A packet arrives by tcp_rcv() (ip.h), which looks up its
 * socket in tcp_ports.
 *
 * Locks, from the outside: inet.op (mutex), snd.write_mutex (mutex), inet.c.lock (spin), then
 * listen.lock or tcp_ports.lock (spin).
 * References: besides those of inet_sock.h, a connection holds a reference on itself from its first
 * segment to tcp_done().
 * May know: inet/, route/, socket/, and below; nothing of netlink, packet or unix.
 */
#ifndef NESTLING_NET_TCP_H
#define NESTLING_NET_TCP_H

#include "kernel/net/tcp/tcp_cc.h"
#include "kernel/net/tcp/tcp_fastopen.h"
#include "kernel/net/tcp/tcp_in.h"
#include "kernel/net/tcp/tcp_info.h"
#include "kernel/net/tcp/tcp_listen.h"
#include "kernel/net/tcp/tcp_loss.h"
#include "kernel/net/tcp/tcp_mem.h"
#include "kernel/net/tcp/tcp_out.h"
#include "kernel/net/tcp/tcp_sock.h"
#include "kernel/net/tcp/tcp_timer.h"
#include "kernel/net/tcp/tcp_wire.h"

/* Creates a TCP socket; a sock_create_fn with the address family in front. Returns 0 or -ENOMEM. */
int tcp_create(struct socket *s, int family, int type, int protocol);
/* Returns the state of @i, TCP_*. */
int tcp_state_of(struct inet_sock *i);
/*
 * True if the socket's state is one with a peer for getpeername(2): neither CLOSE, LISTEN, SYN_SENT
 * nor TIME_WAIT. Takes no lock.
 */
bool tcp_has_peer(struct inet_sock *i);

/* tcp.c: Returns a socket, all 0 but for locks and lists, with one reference; NULL: no memory. */
struct tcp_sock *tcp_alloc(gfp_t gfp);
/* Prepares TCP's part of a new socket, in state TCP_CLOSE. */
void tcp_setup(struct tcp_sock *t);
/* Copies the namespace's defaults to a new socket. */
void tcp_follow_net(struct tcp_sock *t);
/*
 * Changes the state to TCP_*, and the counters that depend on it. c.lock held, as in the functions
 * below.
 */
void tcp_set_state(struct tcp_sock *t, u8 state);
/*
 * Ends the connection: removes it from the tables, stops its timers, drops its send queue and the
 * data that arrived out of order. The caller holds a reference.
 */
void tcp_done(struct tcp_sock *t);
/* Ends the connection like tcp_done(), with the error @err (-errno) for the program. */
void tcp_fail(struct tcp_sock *t, int err);
/* Wakes up readers, writers and pollers by the EPOLL* events @key, and sends SIGIO. */
void tcp_wake(struct tcp_sock *t, u64 key);
/* Grows the send buffer with cwnd, unless the program has set its size. */
void tcp_grow_sndbuf(struct tcp_sock *t);
/*
 * True if @avail unread bytes are enough to wake up readers: they reach SO_RCVLOWAT, or the window
 * is nearly closed, or the buffer is nearly full.
 */
bool tcp_enough(const struct tcp_sock *t, u32 avail);
/* Sends SIGURG to the owner of the file. */
void tcp_sigurg(struct tcp_sock *t);

/* tcp_connect.c: An operation of struct proto_ops. AF_UNSPEC disconnects. */
int tcp_connect(struct socket *s, struct sockaddr_buf *a, bool nonblock);
/* tcp_data.c: Operations of struct proto_ops. */
ssize_t tcp_sendmsg(struct socket *s, struct msg *m);
ssize_t tcp_recvmsg(struct socket *s, struct msg *m);

/* tcp_opt.c: Operations of struct proto_ops, for all levels. */
int tcp_setsockopt(struct socket *s, int level, int opt, uaddr_t val, u32 len);
int tcp_getsockopt(struct socket *s, int level, int opt, void *val, u32 *len);

#endif
