/* SPDX-License-Identifier: MIT */
/*
 * packet.h: AF_PACKET (packet(7)): packets as devices have them.
 *
 *	packet.c       the sockets: naming, sending, receiving, options
 *	packet_tap.c   where packets are looked at on their way, and put into queues and rings
 *	packet_ring.c  rings in memory shared with the program (PACKET_RX_RING, TPACKET_V1 to V3)
 *
 * Locks: taps_lock (spin) guards the list of sockets that look, and what they look at; a packet is put into queues under it. q_lock of
 * a socket (spin, inside taps_lock) guards its queue, ring and counts. op (mutex) makes changes of options one at a time.
 */
#ifndef NESTLING_NET_PACKET_H
#define NESTLING_NET_PACKET_H

#include <linux/if_packet.h>

#include "kernel/net/filter.h"
#include "kernel/net/internal.h"
#include "kernel/net/skb.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/timer.h"

#define SOL_PACKET 263
#define PACKET_MEMBERS_MAX 32

struct packet_ring;

struct packet_member {
	struct list_head list;
	int ifindex;
	u16 type, alen;
	u8 addr[8];
};

struct packet_sock {
	struct sock_common c;
	atomic_t
		refs; /* the file's, and one of each packet that it has sent and that is on its way */
	struct mutex op;
	bool running; /* it looks; under taps_lock, as what follows */
	struct hlist_node tap;
	u16 proto;   /* host order; 0: looks at nothing */
	int ifindex; /* 0: every device */
	bool ignore_outgoing;

	/* options, under op */
	bool auxdata, origdev, loss, tx_has_off, qdisc_bypass;
	u32 version, reserve, copy_thresh, timestamp;
	struct list_head members; /* of packet_member */

	/* under q_lock */
	spinlock_t q_lock;
	struct list_head rq;
	u32 rmem, packets, drops;
	struct packet_ring *ring;
	atomic_t wmem;
};
void packet_put(struct packet_sock *p);
static inline struct packet_sock *PACKET(struct socket *s)
{
	return container_of(s->sk, struct packet_sock, c);
}

/* packet_tap.c: begins or ends to look, or looks at something else; -ENETDOWN: its device is down. */
int packet_look(struct packet_sock *p, int ifindex, u16 proto);
/* Calls @fn for each that looks, with taps_lock held: for lists. */
void packet_for_each(void (*fn)(const struct packet_sock *p, void *arg), void *arg);
void packet_look_away(struct packet_sock *p);

/* packet_ring.c */
int packet_set_ring(struct packet_sock *p, int opt, uaddr_t val, u32 len);
int packet_mmap(struct socket *s, struct file *f, struct vm_area *v);
void packet_ring_free(struct packet_ring *r);
u32 packet_header_size(u32 version);
/* A packet of @len bytes, of which @keep are wanted; its network header at @net. q_lock held. False: no room. */
bool packet_ring_put(struct packet_sock *p, const struct sk_buff *skb,
	const struct sockaddr_ll *from, u32 keep, u32 net);
bool packet_ring_ready(struct packet_sock *p);
u32 packet_ring_freezes(struct packet_sock *p);
/* The address that a queued packet bears, and what PACKET_AUXDATA says of it. */
void packet_address(const struct sk_buff *skb, struct sockaddr_ll *a);
u32 packet_status(const struct sk_buff *skb);

#endif
