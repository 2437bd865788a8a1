/* SPDX-License-Identifier: MIT */
/*
 * packet_tx.c: PACKET_TX_RING: a send without data sends the packets that the program has written
 * to frames of shared memory.
 *
 *     a frame  AVAILABLE (0) -> the program fills it: SEND_REQUEST
 *         -> it was copied and sent: AVAILABLE
 *         -> it cannot be sent: WRONG_FORMAT, or with PACKET_LOSS AVAILABLE
 *
 * Frames are sent in the order of the ring; the first without SEND_REQUEST ends the call. The bytes
 * are copied, so the program owns the frame again at once. If the program changes a frame
 * meanwhile, only the sent bytes change: each number of its header is read once.
 * Locks: tx_op of the socket (mutex, outside all others but op): one task sends at a time.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/packet/packet_mem.h"
#include "kernel/net/link/vlan.h"
#include "kernel/sched/sched.h"

/* frames sent between two flushes: the queue of a card has room for them */
#define BURST 32

struct packet_tx {
	struct ring_mem m;
	/* the next frame to send; under tx_op */
	u32 head;
	/* offset of the packet's bytes in a frame whose header has no offset */
	u32 header;
};

struct packet_tx *packet_tx_new(struct packet_sock *p, const struct tpacket_req3 *q)
{
	struct packet_tx *t = kzalloc(sizeof(*t), GFP_KERNEL);
	int err;

	if (!t)
		return ERR_PTR(-ENOMEM);
	t->header = TPACKET_ALIGN(packet_header_size(p->version));
	err = ring_mem_get(&t->m, p, q, true);
	if (!err)
		return t;
	packet_tx_free(t);
	return ERR_PTR(err);
}

void packet_tx_free(struct packet_tx *t)
{
	if (!t)
		return;
	ring_mem_put(&t->m);
	kfree(t);
}

struct ring_mem *packet_tx_mem(struct packet_tx *t)
{
	return &t->m;
}

/* ---- a frame ---- */

static u64 frame_status(const struct packet_tx *t, u32 n)
{
	u64 at = ring_frame(&t->m, n);

	if (t->m.version == TPACKET_V1)
		return READ_ONCE(*(u64 *)ring_at(&t->m, at));
	if (t->m.version == TPACKET_V3)
		at += offsetof(struct tpacket3_hdr, tp_status);
	return READ_ONCE(*ring_word(&t->m, at));
}

static void set_status(const struct packet_tx *t, u32 status)
{
	u64 at = ring_frame(&t->m, t->head);

	if (t->m.version == TPACKET_V3)
		at += offsetof(struct tpacket3_hdr, tp_status);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (t->m.version == TPACKET_V1)
		WRITE_ONCE(*(u64 *)ring_at(&t->m, at), (u64)status);
	else
		WRITE_ONCE(*ring_word(&t->m, at), status);
}

bool packet_tx_room(const struct packet_tx *t)
{
	return frame_status(t, READ_ONCE(t->head)) == TP_STATUS_AVAILABLE;
}

/* The values of a frame's header, as the program has written them. */
struct said {
	u32 len, mac, net, next;
};

static struct said read_header(const struct packet_tx *t)
{
	u64 at = ring_frame(&t->m, t->head);
	struct tpacket3_hdr h3;
	struct tpacket2_hdr h2;
	struct tpacket_hdr h1;

	switch (t->m.version) {
	case TPACKET_V1:
		ring_read(&t->m, at, &h1, sizeof(h1));
		return (struct said){ h1.tp_len, h1.tp_mac, h1.tp_net, 0 };
	case TPACKET_V2:
		ring_read(&t->m, at, &h2, sizeof(h2));
		return (struct said){ h2.tp_len, h2.tp_mac, h2.tp_net, 0 };
	}
	ring_read(&t->m, at, &h3, sizeof(h3));
	return (struct said){ h3.tp_len, h3.tp_mac, h3.tp_net, h3.tp_next_offset };
}

/* Returns the offset of the packet's bytes in the frame, or -errno. */
static int find_bytes(const struct packet_sock *p, const struct packet_tx *t, const struct said *s)
{
	u32 off = t->header;

	/* Frames of variable size, linked by tp_next_offset, are not supported. */
	if (s->next)
		return -EINVAL;
	if (s->len > t->m.frame_size - t->header)
		return -EMSGSIZE;
	if (!p->tx_has_off)
		return (int)off;
	off = p->c.type == SOCK_DGRAM ? s->net : s->mac;
	return off < t->header || off > t->m.frame_size - s->len ? -EINVAL : (int)off;
}

/* Makes a packet from the frame at t->head, or returns ERR_PTR. */
static struct sk_buff *frame_packet(const struct packet_sock *p, const struct packet_tx *t)
{
	struct said s = read_header(t);
	int off = find_bytes(p, t, &s);
	struct sk_buff *skb;

	if (off < 0)
		return ERR_PTR(off);
	skb = skb_alloc(max(s.len, 1U), GFP_KERNEL);
	if (!skb)
		return ERR_PTR(-ENOBUFS);
	ring_read(&t->m, ring_frame(&t->m, t->head) + (u32)off, skb->buf->data, s.len);
	skb->len = s.len;
	return skb;
}

/* ---- sending ---- */

/* Sends the frame at t->head. Returns the number of bytes sent, or -errno. */
static ssize_t send_frame(struct packet_sock *p, struct packet_tx *t, const struct packet_to *to)
{
	struct sk_buff *skb = frame_packet(p, t);
	int err = IS_ERR(skb) ? (int)PTR_ERR(skb) : packet_prepare(p, skb, to, NULL);
	ssize_t len = 0;

	if (err == -ENOBUFS)
		return err;
	if (err && !p->loss) {
		set_status(t, TP_STATUS_WRONG_FORMAT);
		return err;
	}
	if (!err) {
		len = skb_len(skb);
		err = packet_transmit(p, skb, to, 0);
		if (err)
			return err;
	}
	set_status(t, TP_STATUS_AVAILABLE);
	t->head = (t->head + 1) % t->m.frame_nr;
	return len;
}

/*
 * Sends frames until the program has written no more, or a signal is pending. tx_op held. Returns
 * the number of bytes sent. Returns -errno if a frame failed, also after frames that were sent, and
 * if the wait for room failed before the first frame.
 */
static ssize_t send_all(
	struct packet_sock *p, struct packet_tx *t, const struct packet_to *to, bool nonblock)
{
	ssize_t total = 0, n = 0;

	for (u32 i = 1; frame_status(t, t->head) == TP_STATUS_SEND_REQUEST; i++) {
		if (unlikely(!packet_may_send(p))) {
			net_rx_flush();
			n = sock_wait(&p->c, packet_may_send(p), nonblock, p->c.sndtimeo);
			if (n)
				return total ? total : n;
		}
		n = send_frame(p, t, to);
		if (n < 0)
			return n;
		total += n;
		if (i % BURST)
			continue;
		net_rx_flush();
		cond_resched();
		if (signal_pending(current))
			break;
	}
	return total;
}

ssize_t packet_tx_send(struct packet_sock *p, const struct packet_to *to, bool nonblock)
{
	ssize_t ret = mutex_lock_interruptible(&p->tx_op);

	if (ret)
		return ret;
	/* the ring may have been freed before tx_op was taken */
	ret = p->tx ? send_all(p, p->tx, to, nonblock) : -EBUSY;
	mutex_unlock(&p->tx_op);
	net_rx_flush();
	return ret;
}
