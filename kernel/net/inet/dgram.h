/* SPDX-License-Identifier: MIT */
/*
 * dgram.h: interface that UDP, raw and ping sockets share: the queue of received packets, and
 * sending (dgram.c).
 *
 * Call sequence of receiving: a lookup finds the socket, or a dgram_crowd of them; dgram_queue()
 * queues the packet; dgram_recvmsg() reads it by dgram_wait(). Of sending: dgram_destination(),
 * dgram_wait_wmem(), dgram_charge() of the skb.
 * Locks: c.lock for the queue, queue.read_mutex for readers, op for connect.
 */
#ifndef NESTLING_NET_DGRAM_H
#define NESTLING_NET_DGRAM_H

#include "kernel/net/inet/inet_sock.h"

/* Queues @skb, which is consumed. Returns false if there was no room, and @skb was dropped. */
bool dgram_queue(struct inet_sock *i, struct sk_buff *skb);

/*
 * The sockets that one packet is for. References are taken with the table's lock held, a few in
 * `few`, the rest a page at a time; nothing is copied under the lock. dgram_for_each() then gives
 * each socket a copy, and its reference. Sockets for which there is no page get none.
 */
struct dgram_crowd {
	u32 nr_few;
	struct inet_sock *few[8];
	struct dgram_crowd_page *first, *last;
};
void dgram_crowd_add(struct dgram_crowd *c, struct inet_sock *i);
void dgram_for_each(struct dgram_crowd *c, const struct sk_buff *skb,
	void (*hand_over)(struct inet_sock *i, struct sk_buff *copy));

/* Takes the next packet out of the queue, or with MSG_PEEK a clone of it. ERR_PTR. */
struct sk_buff *dgram_wait(struct inet_sock *i, struct msg *m);
ssize_t dgram_recvmsg(struct socket *s, struct msg *m);
u32 dgram_poll(struct socket *s, struct file *f, struct poll_table *pt);
int dgram_release(struct socket *s);
int dgram_shutdown(struct socket *s, int how);
long dgram_ioctl(struct socket *s, u32 cmd, u64 arg);
int dgram_queued(struct socket *s, u32 cmd);
int dgram_connect(struct socket *s, struct sockaddr_buf *a, bool nonblock);

/* Waits until the unfreed sent bytes leave room for more: 0, -EAGAIN, -ERESTARTSYS. */
int dgram_wait_wmem(struct inet_sock *i, const struct msg *m);
void dgram_charge(struct inet_sock *i, struct sk_buff *skb, const struct flow *f);
/* Finds where a message goes, with a name or without. 0 or -errno. */
int dgram_destination(struct inet_sock *i, struct msg *m, struct flow *f, u16 *port);
/* Requests for @skb, which is about to be sent, the timestamps that the socket has enabled. */
void dgram_want_stamps(struct inet_sock *i, struct sk_buff *skb, const struct msg *m);
/*
 * Queues an error about a packet to @dest. Of the quoted packet @skip bytes from the transport
 * header are no payload.
 */
void dgram_error(
	struct inet_sock *i, const struct ip_error *e, const ip_addr *dest, u16 port, u32 skip);

#endif
