/* SPDX-License-Identifier: MIT */
/*
 * dgram.h: what UDP, raw and ping sockets share: the queue of received packets, and sending
 * (dgram.c).
 *
 * Receiving: a lookup finds the socket, or a dgram_crowd of sockets; dgram_queue() queues the
 * packet; dgram_recvmsg() reads it, and waits for it by dgram_wait().
 * Sending: dgram_destination() finds the route, dgram_wait_wmem() waits for room, dgram_charge()
 * counts the skb.
 * Locks: c.lock for the queue, queue.read_mutex for readers, op for connect. Functions take what
 * they need. Those that take a struct socket are operations of struct proto_ops.
 */
#ifndef NESTLING_NET_DGRAM_H
#define NESTLING_NET_DGRAM_H

#include "kernel/net/inet/inet_sock.h"

/*
 * Queues @skb and wakes up a reader. Consumes @skb. Returns false if the queue had no room, so @skb
 * was dropped. Does not sleep.
 */
bool dgram_queue(struct inet_sock *i, struct sk_buff *skb);

/*
 * The sockets that one packet is for. The lookup takes references while it holds the table's lock:
 * the first few are in `few`, the rest in pages. It copies no packet under the lock.
 * dgram_for_each() then gives each socket a copy of the packet, and its reference. Sockets beyond
 * the pages that could be allocated get no copy.
 */
struct dgram_crowd {
	u32 nr_few;
	struct inet_sock *few[8];
	struct dgram_crowd_page *first, *last;
};
/* Adds @i, with a new reference. Called with the table's lock held; does not sleep. */
void dgram_crowd_add(struct dgram_crowd *c, struct inet_sock *i);
/*
 * Calls @hand_over for each socket of @c, with the socket's reference and a copy of @skb, both of
 * which @hand_over consumes. Then frees the pages. Does not consume @skb; does not sleep.
 */
void dgram_for_each(struct dgram_crowd *c, const struct sk_buff *skb,
	void (*hand_over)(struct inet_sock *i, struct sk_buff *copy));

/*
 * Removes the next packet from the queue and returns it, or a clone of it for MSG_PEEK; the caller
 * frees it. Waits if the queue is empty, unless m->nonblock is set. NULL: the socket is shut down
 * for reading. A call that must not wait at all (SOCK_TRIES) gets -EAGAIN instead. On failure
 * returns ERR_PTR(-errno): a pending error, -EAGAIN, or that of sock_wait.h.
 */
struct sk_buff *dgram_wait(struct inet_sock *i, struct msg *m);
/* Operations of struct proto_ops. */
ssize_t dgram_recvmsg(struct socket *s, struct msg *m);
u32 dgram_poll(struct socket *s, struct file *f, struct poll_table *pt);
int dgram_release(struct socket *s);
int dgram_shutdown(struct socket *s, int how);
long dgram_ioctl(struct socket *s, u32 cmd, u64 arg);
int dgram_queued(struct socket *s, u32 cmd);
int dgram_connect(struct socket *s, struct sockaddr_buf *a, bool nonblock);

/*
 * Waits until sent bytes that are not freed yet leave room for more. Returns 0, also if an error is
 * pending or the socket is shut down; or -EAGAIN, -EINTR or -ERESTARTSYS (sock_wait.h).
 */
int dgram_wait_wmem(struct inet_sock *i, const struct msg *m);
/*
 * Charges the sent @skb to the socket until it is freed, and takes a reference to the socket for
 * it. Sets its mark and priority.
 */
void dgram_charge(struct inet_sock *i, struct sk_buff *skb, const struct flow *f);
/*
 * Finds the destination of a message: m->name, or the socket's peer. Fills @f with the route and
 * *@port (host byte order). f->ext and f->opts are references of m->inet, which msg_end() drops.
 * Does not sleep. Returns 0 or -errno, -EDESTADDRREQ if there is no destination.
 */
int dgram_destination(struct inet_sock *i, struct msg *m, struct flow *f, u16 *port);
/* Marks @skb, which is about to be sent, with the timestamps that the socket has enabled. */
void dgram_want_stamps(struct inet_sock *i, struct sk_buff *skb, const struct msg *m);
/*
 * Reports an error about a packet to @dest and @port (host byte order) to the socket. With
 * IP_RECVERR or IPV6_RECVERR, queues @e and sets c.err; without them, sets c.err if @e is fatal and
 * the socket is connected. Then wakes up its tasks. Ignores EMSGSIZE for an IPv4 packet of a UDP or
 * ping socket to which it is not fatal. @skip: bytes of headers, from the transport header on, that
 * precede the payload in the quoted packet. Does not sleep.
 */
void dgram_error(
	struct inet_sock *i, const struct ip_error *e, const ip_addr *dest, u16 port, u32 skip);

#endif
