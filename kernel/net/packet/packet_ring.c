/* SPDX-License-Identifier: MIT */
/*
 * packet_ring.c: PACKET_RX_RING: packets are written to memory that the program has mapped, in the
 * three formats of networking/packet_mmap.rst: frames of a fixed size (V1, V2), or blocks that are
 * handed over when they are full or old (V3). The states, with the values of the status word:
 *
 *     a frame  KERNEL (0) -> filled: USER -> the program writes 0
 *     a block  KERNEL -> being filled -> USER when the next packet does not fit or its time is over
 *              -> the program writes 0
 *
 * A status that the program writes is compared with KERNEL, and not used otherwise.
 * Locks: q_lock of the socket for the ring's state.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/packet/packet_mem.h"
#include "kernel/sched/sched.h"

#define TOV_DEFAULT 8 /* timeout of a block, ms */

struct packet_ring {
	/* immutable, like the members down to the blank line */
	struct packet_sock *p;
	struct ring_mem m;
	u32 header;
	u32 private, tov;

	u32 head; /* the next frame or block to fill */
	/* V3: the block that is being filled */
	bool open;
	/* offsets in the open block: of the next frame, and of the last one (0: none) */
	u32 at, last;
	u64 seq;
	u32 freezes;
	bool frozen;
	struct ktimer retire;
};

static void retire_timer(struct ktimer *t);

void packet_ring_free(struct packet_ring *r)
{
	if (!r)
		return;
	timer_cancel_sync(&r->retire);
	ring_mem_put(&r->m);
	kfree(r);
}

/* ---- making one ---- */

struct packet_ring *packet_ring_new(struct packet_sock *p, const struct tpacket_req3 *q)
{
	struct packet_ring *r = kzalloc(sizeof(*r), GFP_KERNEL);
	int err;

	if (!r)
		return ERR_PTR(-ENOMEM);
	r->p = p;
	r->header = TPACKET_ALIGN(packet_header_size(p->version)) + sizeof(struct sockaddr_ll);
	if (p->version == TPACKET_V3) {
		r->private = round_up(q->tp_sizeof_priv, 8);
		r->tov = q->tp_retire_blk_tov ? q->tp_retire_blk_tov : TOV_DEFAULT;
	}
	timer_setup(&r->retire, retire_timer);
	err = ring_mem_get(&r->m, p, q, false);
	if (!err)
		return r;
	packet_ring_free(r);
	return ERR_PTR(err);
}

/* ---- frames, V1 and V2 ---- */

/* largest value of tp_net; PACKET_RESERVE may be larger */
#define OFFSET_MAX 65535U

/*
 * Returns the offset of the network header in a frame; *@mac becomes the offset of the packet's
 * first byte.
 */
static u32 net_offset(const struct packet_ring *r, u32 net, u32 *mac)
{
	u32 at = TPACKET_ALIGN(r->header) + 16 + r->p->reserve;

	if (net)
		at = TPACKET_ALIGN(r->header + max(net, 16U)) + r->p->reserve;
	*mac = at - net;
	return at;
}

static void put_address(struct packet_ring *r, u64 frame, const struct sockaddr_ll *from)
{
	ring_write(&r->m, frame + TPACKET_ALIGN(packet_header_size(r->m.version)), from,
		sizeof(*from));
}

static void put_v1(
	struct packet_ring *r, u64 at, const struct sk_buff *skb, u32 keep, u32 mac, u32 net)
{
	struct tpacket_hdr h;

	memset(&h, 0, sizeof(h)); /* clears the padding, too */
	h.tp_len = skb->pkt.len;
	h.tp_snaplen = keep;
	h.tp_mac = (u16)mac;
	h.tp_net = (u16)net;
	h.tp_sec = (u32)(skb->stamp / NSEC_PER_SEC);
	h.tp_usec = (u32)(skb->stamp % NSEC_PER_SEC / 1000);
	ring_write(&r->m, at, &h, sizeof(h));
}

static void put_v2(
	struct packet_ring *r, u64 at, const struct sk_buff *skb, u32 keep, u32 mac, u32 net)
{
	struct tpacket2_hdr h = {
		.tp_len = skb->pkt.len,
		.tp_snaplen = keep,
		.tp_mac = (u16)mac,
		.tp_net = (u16)net,
		.tp_sec = (u32)(skb->stamp / NSEC_PER_SEC),
		.tp_nsec = (u32)(skb->stamp % NSEC_PER_SEC),
		.tp_vlan_tci = skb->vlan_proto ? skb->vlan_tci : 0,
		.tp_vlan_tpid = skb->vlan_proto,
	};

	ring_write(&r->m, at, &h, sizeof(h));
}

/* Writes a packet to the next frame (TPACKET_V1, V2), as packet_ring_put() does. q_lock held. */
static bool put_frame(struct packet_ring *r, const struct sk_buff *skb,
	const struct sockaddr_ll *from, u32 keep, u32 netlen, bool whole)
{
	u64 at = ring_frame(&r->m, r->head), status = packet_status(skb);
	u32 mac, net = net_offset(r, netlen, &mac);

	if (READ_ONCE(*ring_word(&r->m, at)) != TP_STATUS_KERNEL)
		return false;
	if (mac > r->m.frame_size || net > OFFSET_MAX)
		return false;
	keep = min(keep, r->m.frame_size - mac);
	if (r->p->drops)
		status |= TP_STATUS_LOSING;
	if (whole)
		status |= TP_STATUS_COPY;
	ring_write_skb(&r->m, at + mac, skb, keep);
	if (r->m.version == TPACKET_V1)
		put_v1(r, at, skb, keep, mac, net);
	else
		put_v2(r, at, skb, keep, mac, net);
	put_address(r, at, from);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	/* the high half of V1's 64 bits is zero */
	WRITE_ONCE(*ring_word(&r->m, at), (u32)status);
	r->head = (r->head + 1) % r->m.frame_nr;
	return true;
}

/* ---- blocks, V3 ---- */

#define BLOCK_STATUS offsetof(struct tpacket_block_desc, hdr.bh1.block_status)

static u64 block_offset(const struct packet_ring *r, u32 n)
{
	return (u64)n * r->m.block_size;
}

static bool block_free(const struct packet_ring *r, u32 n)
{
	return READ_ONCE(*ring_word(&r->m, block_offset(r, n) + BLOCK_STATUS)) == TP_STATUS_KERNEL;
}

static void stamp(struct tpacket_bd_ts *t, u64 ns)
{
	t->ts_sec = (u32)(ns / NSEC_PER_SEC);
	t->ts_nsec = (u32)(ns % NSEC_PER_SEC);
}

static bool block_begin(struct packet_ring *r)
{
	struct tpacket_block_desc d = { .version = TPACKET_V3, .offset_to_priv = BLOCK_HEADER };

	if (!block_free(r, r->head)) {
		if (!r->frozen)
			r->freezes++;
		r->frozen = true;
		return false;
	}
	r->frozen = false;
	d.hdr.bh1.offset_to_first_pkt = BLOCK_HEADER + r->private;
	d.hdr.bh1.blk_len = BLOCK_HEADER + r->private;
	d.hdr.bh1.seq_num = ++r->seq;
	stamp(&d.hdr.bh1.ts_first_pkt, ktime_get_real());
	ring_write(&r->m, block_offset(r, r->head), &d, sizeof(d));
	r->at = BLOCK_HEADER + r->private;
	r->last = 0;
	r->open = true;
	timer_start(&r->retire, ktime_get() + r->tov * NSEC_PER_MSEC);
	return true;
}

/* Hands the block over to the program. */
static void block_end(struct packet_ring *r, u32 status)
{
	u64 b = block_offset(r, r->head);
	struct tpacket_hdr_v1 *h = ring_at(&r->m, b + offsetof(struct tpacket_block_desc, hdr));

	if (r->last)
		*ring_word(&r->m, b + r->last + offsetof(struct tpacket3_hdr, tp_next_offset)) = 0;
	else
		stamp(&h->ts_last_pkt, ktime_get_real());
	h->blk_len = r->at;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	WRITE_ONCE(h->block_status, TP_STATUS_USER | status);
	r->open = false;
	r->head = (r->head + 1) % r->m.block_nr;
}

/*
 * Writes a packet to the open block (TPACKET_V3), or to the next one. q_lock held. Returns false if
 * there is no room.
 */
static bool put_in_block(struct packet_ring *r, const struct sk_buff *skb,
	const struct sockaddr_ll *from, u32 keep, u32 netlen)
{
	u32 mac, net = net_offset(r, netlen, &mac),
		 room = r->m.block_size - BLOCK_HEADER - r->private, size;
	struct tpacket_hdr_v1 *h;
	struct tpacket3_hdr f;
	u64 b;

	if (room < 8 || mac >= room - 8 || net > OFFSET_MAX)
		return false;
	keep = min(keep, room - mac - 8);
	size = round_up(mac + keep, 8U);
	if (r->open && r->at + size > r->m.block_size)
		block_end(r, 0);
	if (!r->open && !block_begin(r))
		return false;
	b = block_offset(r, r->head);
	f = (struct tpacket3_hdr){
		.tp_next_offset = size,
		.tp_sec = (u32)(skb->stamp / NSEC_PER_SEC),
		.tp_nsec = (u32)(skb->stamp % NSEC_PER_SEC),
		.tp_snaplen = keep,
		.tp_len = skb->pkt.len,
		.tp_status = packet_status(skb) | (r->p->drops ? TP_STATUS_LOSING : 0),
		.tp_mac = (u16)mac,
		.tp_net = (u16)net,
		.hv1.tp_vlan_tci = skb->vlan_proto ? skb->vlan_tci : 0,
		.hv1.tp_vlan_tpid = skb->vlan_proto,
	};
	ring_write(&r->m, b + r->at, &f, sizeof(f));
	put_address(r, b + r->at, from);
	ring_write_skb(&r->m, b + r->at + mac, skb, keep);
	h = ring_at(&r->m, b + offsetof(struct tpacket_block_desc, hdr));
	h->num_pkts++;
	stamp(&h->ts_last_pkt, skb->stamp);
	r->last = r->at;
	r->at += size;
	h->blk_len = r->at;
	return true;
}

/* Hands over a block with packets when the time that the program has set is over. */
static void retire_timer(struct ktimer *t)
{
	struct packet_ring *r = container_of(t, struct packet_ring, retire);
	bool wake = false;

	spin_lock(&r->p->q_lock);
	if (r->open && r->last) {
		block_end(r, TP_STATUS_BLK_TMO);
		wake = true;
	} else if (r->open) {
		timer_start(&r->retire, ktime_get() + r->tov * NSEC_PER_MSEC);
	}
	spin_unlock(&r->p->q_lock);
	if (wake)
		wake_up_common(&r->p->c.wait, TASK_NORMAL, 0, 0);
}

/* ---- for the other files ---- */

bool packet_ring_cuts(const struct packet_sock *p, u32 keep, u32 netlen)
{
	u32 mac;

	net_offset(p->ring, netlen, &mac);
	return p->ring->m.version != TPACKET_V3 && mac + keep > p->ring->m.frame_size;
}

bool packet_ring_put(struct packet_sock *p, const struct sk_buff *skb,
	const struct sockaddr_ll *from, u32 keep, u32 net, bool whole)
{
	struct packet_ring *r = p->ring;

	assert_spin_held(&p->q_lock);
	if (r->m.version == TPACKET_V3)
		return put_in_block(r, skb, from, keep, net);
	return put_frame(r, skb, from, keep, net, whole);
}

/*
 * True if the program has a frame or block to read: the last one that was filled is not free yet.
 */
bool packet_ring_ready(struct packet_sock *p)
{
	struct packet_ring *r;
	bool ready = false;
	u32 last;

	spin_lock(&p->q_lock);
	r = p->ring;
	if (r && r->m.version == TPACKET_V3) {
		last = (r->head + r->m.block_nr - 1) % r->m.block_nr;
		ready = !block_free(r, last) && !(r->m.block_nr == 1 && r->open);
	} else if (r) {
		last = (r->head + r->m.frame_nr - 1) % r->m.frame_nr;
		ready = READ_ONCE(*ring_word(&r->m, ring_frame(&r->m, last))) != TP_STATUS_KERNEL;
	}
	spin_unlock(&p->q_lock);
	return ready;
}

bool packet_ring_has_room(const struct packet_ring *r, u32 part)
{
	u32 n = r->m.version == TPACKET_V3 ? r->m.block_nr : r->m.frame_nr;
	u32 at = (r->head + (part ? n / part : 0)) % n;

	if (r->m.version == TPACKET_V3)
		return block_free(r, at);
	return READ_ONCE(*ring_word(&r->m, ring_frame(&r->m, at))) == TP_STATUS_KERNEL;
}

struct ring_mem *packet_ring_mem(struct packet_ring *r)
{
	return &r->m;
}

u32 packet_ring_freezes(struct packet_sock *p)
{
	u32 n = p->ring ? p->ring->freezes : 0;

	if (p->ring)
		p->ring->freezes = 0;
	return n;
}
