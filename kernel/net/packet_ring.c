/* SPDX-License-Identifier: MIT */
/*
 * packet_ring.c: PACKET_RX_RING: packets go into memory that the program has mapped, in the three formats of
 * networking/packet_mmap.rst: frames of a fixed size (V1, V2), or blocks that are handed over when they are full or old (V3).
 *
 *	a frame    KERNEL (0) -> filled: USER -> the program writes 0 again
 *	a block    KERNEL -> being filled -> USER when the next packet does not fit or its time is up -> the program writes 0
 *
 * What the program may write there is only ever compared with KERNEL. Locks: q_lock of the socket for the ring's state; the memory is
 * a shmem file's whose pages are held as long as the ring.
 */
#include <asm/errno.h>

#include "arch/um/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/net/packet.h"
#include "kernel/sched/task.h"
#include "kernel/task/cred.h"

#define RING_MAX (256U << 20)
#define BLOCK_HEADER 48U /* sizeof(struct tpacket_block_desc), aligned */
#define TOV_DEFAULT 8    /* ms */

struct packet_ring {
	struct packet_sock *p; /* immutable, as what follows to the blank line */
	struct file *file;
	struct page **pages;
	u32 nr_pages;
	u32 version, header;
	u32 block_size, block_nr, frame_size, frame_nr, per_block;
	u32 private, tov;
	u64 charged; /* against a quarter of the memory, for the rings of all sockets, and a 16th for those of a user */
	struct user_struct *user;

	u32 head; /* next frame or block */
	/* V3: the block that is being filled */
	bool open;
	u32 at, last; /* in it: where the next frame goes, where the last one is (0: none) */
	u64 seq;
	u32 freezes;
	bool frozen;
	struct ktimer retire;
};

u32 packet_header_size(u32 version)
{
	switch (version) {
	case TPACKET_V1: return sizeof(struct tpacket_hdr);
	case TPACKET_V2: return sizeof(struct tpacket2_hdr);
	}
	return sizeof(struct tpacket3_hdr);
}

/* ---- memory ---- */

static atomic64_t ring_bytes;

static void *ring_at(const struct packet_ring *r, u64 off)
{
	return (u8 *)page_address(r->pages[off >> PAGE_SHIFT]) + (off & (PAGE_SIZE - 1));
}

static void ring_write(struct packet_ring *r, u64 off, const void *data, u32 n)
{
	const u8 *from = data;

	while (n) {
		u32 part = min(n, (u32)(PAGE_SIZE - (off & (PAGE_SIZE - 1))));

		memcpy(ring_at(r, off), from, part);
		off += part;
		from += part;
		n -= part;
	}
}

static void ring_write_skb(struct packet_ring *r, u64 off, const struct sk_buff *skb, u32 n)
{
	for (u32 done = 0; done < n;) {
		u32 part = min(n - done, (u32)(PAGE_SIZE - (off & (PAGE_SIZE - 1))));

		skb_copy(skb, done, ring_at(r, off), part);
		off += part;
		done += part;
	}
}

/* Words are aligned, so they lie in one page. */
static u32 *ring_word(const struct packet_ring *r, u64 off)
{
	return ring_at(r, off);
}

static void retire_timer(struct ktimer *t);

void packet_ring_free(struct packet_ring *r)
{
	if (!r)
		return;
	timer_cancel_sync(&r->retire);
	for (u32 i = 0; i < r->nr_pages; i++)
		put_page(r->pages[i]);
	kfree(r->pages);
	if (r->file)
		fput(r->file);
	atomic_sub((s64)r->charged, &ring_bytes);
	if (r->user) {
		atomic_sub((s64)r->charged, &r->user->packet_rings);
		put_uid_user(r->user);
	}
	kfree(r);
}

static int ring_memory(struct packet_ring *r)
{
	u32 want = (u32)((u64)r->block_size * r->block_nr >> PAGE_SHIFT);
	u64 mine;

	r->charged = (u64)want * (PAGE_SIZE + sizeof(struct page *));
	r->user = current_cred()->user;
	atomic_inc(&r->user->usage);
	mine = (u64)atomic_add_return((s64)r->charged, &r->user->packet_rings);
	if ((u64)atomic_add_return((s64)r->charged, &ring_bytes) >
			nr_managed_frames() * (PAGE_SIZE / 4) ||
		(r->user->uid && mine > nr_managed_frames() * (PAGE_SIZE / 16)))
		return -ENOMEM;

	r->pages = kcalloc(want, sizeof(struct page *), GFP_KERNEL);
	if (!r->pages)
		return -ENOMEM;
	r->file = shmem_file_setup("[packet_ring]", (loff_t)want << PAGE_SHIFT, 0);
	if (IS_ERR(r->file)) {
		int err = (int)PTR_ERR(r->file);

		r->file = NULL;
		return err;
	}
	while (r->nr_pages < want) {
		struct page *page = read_cache_page(r->file->f_mapping, r->nr_pages, r->file);

		if (IS_ERR(page))
			return (int)PTR_ERR(page);
		r->pages[r->nr_pages++] = page;
	}
	return 0;
}

/* ---- making one ---- */

static int check_request(const struct packet_sock *p, const struct tpacket_req3 *q)
{
	u32 header = TPACKET_ALIGN(packet_header_size(p->version)) + sizeof(struct sockaddr_ll);
	u32 per_block;

	if ((s32)q->tp_block_size <= 0 || q->tp_block_size & (PAGE_SIZE - 1))
		return -EINVAL;
	if (p->version == TPACKET_V3 &&
		q->tp_block_size <= (u64)BLOCK_HEADER + q->tp_sizeof_priv + header)
		return -EINVAL;
	if (q->tp_frame_size < (u64)header + p->reserve || q->tp_frame_size % TPACKET_ALIGNMENT)
		return -EINVAL;
	per_block = q->tp_block_size / q->tp_frame_size;
	if (!per_block || (u64)per_block * q->tp_block_nr != q->tp_frame_nr)
		return -EINVAL;
	return (u64)q->tp_block_size * q->tp_block_nr > RING_MAX ? -ENOMEM : 0;
}

static struct packet_ring *ring_new(struct packet_sock *p, const struct tpacket_req3 *q)
{
	struct packet_ring *r = kzalloc(sizeof(*r), GFP_KERNEL);
	int err;

	if (!r)
		return ERR_PTR(-ENOMEM);
	r->p = p;
	r->version = p->version;
	r->header = TPACKET_ALIGN(packet_header_size(p->version)) + sizeof(struct sockaddr_ll);
	r->block_size = q->tp_block_size;
	r->block_nr = q->tp_block_nr;
	r->frame_size = q->tp_frame_size;
	r->frame_nr = q->tp_frame_nr;
	r->per_block = q->tp_block_size / q->tp_frame_size;
	if (p->version == TPACKET_V3) {
		r->private = round_up(q->tp_sizeof_priv, 8);
		r->tov = q->tp_retire_blk_tov ? q->tp_retire_blk_tov : TOV_DEFAULT;
	}
	timer_setup(&r->retire, retire_timer);
	err = ring_memory(r);
	if (!err)
		return r;
	packet_ring_free(r);
	return ERR_PTR(err);
}

/* The ring's own reference, and one of each area. q_lock held. */
static bool is_mapped(const struct packet_sock *p)
{
	return p->ring && atomic_read(&p->ring->file->f_count) > 1;
}

/* @r, or none, takes the place of what there is. */
static int exchange(struct packet_sock *p, struct packet_ring *r)
{
	struct packet_ring *old = NULL;
	int err = -EBUSY;

	spin_lock(&p->q_lock);
	if (!is_mapped(p)) {
		err = 0;
		old = p->ring;
		p->ring = r;
		skb_free_list(&p->rq);
		p->rmem = 0;
	}
	spin_unlock(&p->q_lock);
	packet_ring_free(err ? r : old);
	return err;
}

static bool ring_is_mapped(struct packet_sock *p)
{
	bool mapped;

	spin_lock(&p->q_lock);
	mapped = is_mapped(p);
	spin_unlock(&p->q_lock);
	return mapped;
}

int packet_set_ring(struct packet_sock *p, int opt, uaddr_t val, u32 len)
{
	u32 size =
		p->version == TPACKET_V3 ? sizeof(struct tpacket_req3) : sizeof(struct tpacket_req);
	struct tpacket_req3 q = { 0 };
	struct packet_ring *r = NULL;
	int err;

	if (len < size)
		return -EINVAL;
	if (copy_from_user(&q, val, size))
		return -EFAULT;
	if (ring_is_mapped(p))
		return -EBUSY;
	if (!q.tp_block_nr && q.tp_frame_nr)
		return -EINVAL;
	if (q.tp_block_nr && p->ring)
		return -EBUSY;
	if (q.tp_block_nr) {
		err = check_request(p, &q);
		if (err)
			return err;
		if (opt == PACKET_TX_RING)
			return -EOPNOTSUPP;
		r = ring_new(p, &q);
		if (IS_ERR(r))
			return (int)PTR_ERR(r);
	}
	return exchange(p, r);
}

/* Under mmap_lock: not a task that copies with the socket's mutex held is waited for. */
int packet_mmap(struct socket *s, struct file *f, struct vm_area *v)
{
	struct packet_sock *p = PACKET(s);
	struct file *shared = NULL;
	struct packet_ring *r;

	if (v->vm_pgoff)
		return -EINVAL;
	spin_lock(&p->q_lock);
	r = p->ring;
	if (r && v->vm_end - v->vm_start == (u64)r->nr_pages << PAGE_SHIFT)
		shared = get_file(r->file);
	spin_unlock(&p->q_lock);
	if (!shared)
		return -EINVAL;
	v->vm_file = shared;
	fput(f);
	return 0;
}

/* ---- frames, V1 and V2 ---- */

/* Where what lies in a frame: its network header and where its bytes begin, from the frame's front. */
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
	ring_write(r, frame + TPACKET_ALIGN(packet_header_size(r->version)), from, sizeof(*from));
}

static u64 frame_offset(const struct packet_ring *r, u32 n)
{
	return (u64)(n / r->per_block) * r->block_size + (u64)(n % r->per_block) * r->frame_size;
}

static void put_v1(
	struct packet_ring *r, u64 at, const struct sk_buff *skb, u32 keep, u32 mac, u32 net)
{
	struct tpacket_hdr h = {
		.tp_len = skb->pkt.len,
		.tp_snaplen = keep,
		.tp_mac = (u16)mac,
		.tp_net = (u16)net,
		.tp_sec = (u32)(skb->stamp / NSEC_PER_SEC),
		.tp_usec = (u32)(skb->stamp % NSEC_PER_SEC / 1000),
	};

	ring_write(r, at, &h, sizeof(h));
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

	ring_write(r, at, &h, sizeof(h));
}

static bool put_frame(struct packet_ring *r, const struct sk_buff *skb,
	const struct sockaddr_ll *from, u32 keep, u32 netlen)
{
	u64 at = frame_offset(r, r->head), status = packet_status(skb);
	u32 mac, net = net_offset(r, netlen, &mac);

	if (READ_ONCE(*ring_word(r, at)) != TP_STATUS_KERNEL)
		return false;
	if (mac > r->frame_size)
		return false;
	keep = min(keep, r->frame_size - mac);
	if (r->p->drops)
		status |= TP_STATUS_LOSING;
	ring_write_skb(r, at + mac, skb, keep);
	if (r->version == TPACKET_V1)
		put_v1(r, at, skb, keep, mac, net);
	else
		put_v2(r, at, skb, keep, mac, net);
	put_address(r, at, from);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	WRITE_ONCE(*ring_word(r, at), (u32)status); /* V1's word of 64 bits is zero above */
	r->head = (r->head + 1) % r->frame_nr;
	return true;
}

/* ---- blocks, V3 ---- */

#define BLOCK_STATUS offsetof(struct tpacket_block_desc, hdr.bh1.block_status)

static u64 block_offset(const struct packet_ring *r, u32 n)
{
	return (u64)n * r->block_size;
}

static bool block_free(const struct packet_ring *r, u32 n)
{
	return READ_ONCE(*ring_word(r, block_offset(r, n) + BLOCK_STATUS)) == TP_STATUS_KERNEL;
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
	ring_write(r, block_offset(r, r->head), &d, sizeof(d));
	r->at = BLOCK_HEADER + r->private;
	r->last = 0;
	r->open = true;
	timer_start(&r->retire, ktime_get() + r->tov * NSEC_PER_MSEC);
	return true;
}

/* Hands the block over. */
static void block_end(struct packet_ring *r, u32 status)
{
	u64 b = block_offset(r, r->head);
	struct tpacket_hdr_v1 *h = ring_at(r, b + offsetof(struct tpacket_block_desc, hdr));

	if (r->last)
		*ring_word(r, b + r->last + offsetof(struct tpacket3_hdr, tp_next_offset)) = 0;
	else
		stamp(&h->ts_last_pkt, ktime_get_real());
	h->blk_len = r->at;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	WRITE_ONCE(h->block_status, TP_STATUS_USER | status);
	r->open = false;
	r->head = (r->head + 1) % r->block_nr;
}

static bool put_in_block(struct packet_ring *r, const struct sk_buff *skb,
	const struct sockaddr_ll *from, u32 keep, u32 netlen)
{
	u32 mac, net = net_offset(r, netlen, &mac),
		 room = r->block_size - BLOCK_HEADER - r->private, size;
	struct tpacket_hdr_v1 *h;
	struct tpacket3_hdr f;
	u64 b;

	if (room < 8 || mac >= room - 8)
		return false;
	keep = min(keep, room - mac - 8);
	size = round_up(mac + keep, 8U);
	if (r->open && r->at + size > r->block_size)
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
	ring_write(r, b + r->at, &f, sizeof(f));
	put_address(r, b + r->at, from);
	ring_write_skb(r, b + r->at + mac, skb, keep);
	h = ring_at(r, b + offsetof(struct tpacket_block_desc, hdr));
	h->num_pkts++;
	stamp(&h->ts_last_pkt, skb->stamp);
	r->last = r->at;
	r->at += size;
	h->blk_len = r->at;
	return true;
}

/* A block that has something is not kept longer than the program has said. */
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

/* ---- for the others ---- */

bool packet_ring_put(struct packet_sock *p, const struct sk_buff *skb,
	const struct sockaddr_ll *from, u32 keep, u32 net)
{
	struct packet_ring *r = p->ring;

	assert_spin_held(&p->q_lock);
	if (r->version == TPACKET_V3)
		return put_in_block(r, skb, from, keep, net);
	return put_frame(r, skb, from, keep, net);
}

/* What was filled last is still the program's: it has something to read. */
bool packet_ring_ready(struct packet_sock *p)
{
	struct packet_ring *r;
	bool ready = false;
	u32 last;

	spin_lock(&p->q_lock);
	r = p->ring;
	if (r && r->version == TPACKET_V3) {
		last = (r->head + r->block_nr - 1) % r->block_nr;
		ready = !block_free(r, last) && !(r->block_nr == 1 && r->open);
	} else if (r) {
		last = (r->head + r->frame_nr - 1) % r->frame_nr;
		ready = READ_ONCE(*ring_word(r, frame_offset(r, last))) != TP_STATUS_KERNEL;
	}
	spin_unlock(&p->q_lock);
	return ready;
}

u32 packet_ring_freezes(struct packet_sock *p)
{
	u32 n = p->ring ? p->ring->freezes : 0;

	if (p->ring)
		p->ring->freezes = 0;
	return n;
}
