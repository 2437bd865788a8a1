/* SPDX-License-Identifier: MIT */
/*
 * packet_mem.c: the memory of AF_PACKET's rings, and the calls that make and map them
 * (packet_mem.h).
 *
 * Both rings of a socket are mapped in one piece, the ring for received packets first. Therefore
 * they are in one shmem file, on either side of a fixed offset, and each is made and freed without
 * moving the other:
 *
 *      file   0 ... MIDDLE - size [ PACKET_RX_RING ] MIDDLE [ PACKET_TX_RING ] MIDDLE + size ...
 *
 * The pages are held as long as their ring exists. While the file is mapped, rings cannot be
 * changed (-EBUSY). When the socket is closed, a mapping keeps the memory, which the kernel no
 * longer writes.
 * Locks: op of the socket for changes, q_lock for the pointers to the rings.
 */
#include "kernel/net/packet/packet_mem.h"

#include <asm/errno.h>
#include <linux/falloc.h>

#include "arch/um/machine/arch.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"

#define RING_MAX (256U << 20)
#define MIDDLE (RING_MAX >> PAGE_SHIFT) /* page in the file */

u32 packet_header_size(u32 version)
{
	switch (version) {
	case TPACKET_V1: return sizeof(struct tpacket_hdr);
	case TPACKET_V2: return sizeof(struct tpacket2_hdr);
	}
	return sizeof(struct tpacket3_hdr);
}

/* ---- bytes ---- */

void *ring_at(const struct ring_mem *m, u64 off)
{
	return (u8 *)page_address(m->pages[off >> PAGE_SHIFT]) + (off & (PAGE_SIZE - 1));
}

/* Returns how many of the @n bytes at @off are in the page of the first. */
static u32 in_page(u64 off, u32 n)
{
	return min(n, (u32)(PAGE_SIZE - (off & (PAGE_SIZE - 1))));
}

void ring_write(const struct ring_mem *m, u64 off, const void *data, u32 n)
{
	for (u32 done = 0, part; done < n; done += part) {
		part = in_page(off + done, n - done);
		memcpy(ring_at(m, off + done), (const u8 *)data + done, part);
	}
}

void ring_read(const struct ring_mem *m, u64 off, void *data, u32 n)
{
	for (u32 done = 0, part; done < n; done += part) {
		part = in_page(off + done, n - done);
		memcpy((u8 *)data + done, ring_at(m, off + done), part);
	}
}

void ring_write_skb(const struct ring_mem *m, u64 off, const struct sk_buff *skb, u32 n)
{
	for (u32 done = 0, part; done < n; done += part) {
		part = in_page(off + done, n - done);
		skb_copy(skb, done, ring_at(m, off + done), part);
	}
}

/* ---- pages ---- */

static atomic64_t ring_bytes;

static int charge(struct ring_mem *m, u32 pages)
{
	u64 mine, frames = nr_managed_frames();

	m->charged = (u64)pages * (PAGE_SIZE + sizeof(struct page *));
	m->user = current_cred()->user;
	atomic_inc(&m->user->usage);
	mine = (u64)atomic_add_return((s64)m->charged, &m->user->packet_rings);
	if ((u64)atomic_add_return((s64)m->charged, &ring_bytes) > frames * (PAGE_SIZE / 4))
		return -ENOMEM;
	return m->user->uid && mine > frames * (PAGE_SIZE / 16) ? -ENOMEM : 0;
}

static int socket_file(struct packet_sock *p)
{
	struct file *f;

	if (p->ring_file)
		return 0;
	f = shmem_file_setup("[packet_ring]", (loff_t)2 * RING_MAX);
	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	p->ring_file = f;
	return 0;
}

int ring_mem_get(struct ring_mem *m, struct packet_sock *p, const struct tpacket_req3 *q, bool tx)
{
	u32 want = (u32)((u64)q->tp_block_size * q->tp_block_nr >> PAGE_SHIFT);
	int err = charge(m, want);

	m->version = p->version;
	m->block_size = q->tp_block_size;
	m->block_nr = q->tp_block_nr;
	m->frame_size = q->tp_frame_size;
	m->frame_nr = q->tp_frame_nr;
	m->per_block = q->tp_block_size / q->tp_frame_size;
	m->first = tx ? MIDDLE : MIDDLE - want;
	if (!err)
		err = socket_file(p);
	if (err)
		return err;
	m->file = p->ring_file;
	m->pages = kcalloc(want, sizeof(struct page *), GFP_KERNEL | __GFP_ACCOUNT);
	if (!m->pages)
		return -ENOMEM;
	while (m->nr_pages < want) {
		struct page *page =
			read_cache_page(m->file->f_mapping, m->first + m->nr_pages, m->file);

		if (IS_ERR(page))
			return (int)PTR_ERR(page);
		m->pages[m->nr_pages++] = page;
	}
	return 0;
}

/* Frees a ring's memory, and discards it in the file, so that the next ring begins with zeros. */
void ring_mem_put(struct ring_mem *m)
{
	loff_t from = (loff_t)m->first << PAGE_SHIFT, len = (loff_t)m->nr_pages << PAGE_SHIFT;

	for (u32 i = 0; i < m->nr_pages; i++)
		put_page(m->pages[i]);
	if (m->nr_pages && !m->keep)
		m->file->f_op->fallocate(
			m->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, len);
	kfree(m->pages);
	atomic_sub((s64)m->charged, &ring_bytes);
	if (!m->user)
		return;
	atomic_sub((s64)m->charged, &m->user->packet_rings);
	put_uid_user(m->user);
}

/* ---- making and mapping ---- */

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

/* True if a mapping, besides the socket, has a reference to the file. q_lock held. */
static bool is_mapped(const struct packet_sock *p)
{
	return p->ring_file && atomic_read(&p->ring_file->f_count) > 1;
}

static bool rings_are_mapped(struct packet_sock *p)
{
	bool mapped;

	spin_lock(&p->q_lock);
	mapped = is_mapped(p);
	spin_unlock(&p->q_lock);
	return mapped;
}

/*
 * Makes a ring for received packets; with @q NULL frees it. op held. Returns 0 or -errno, -EBUSY if
 * a program has mapped the rings.
 */
static int set_rx(struct packet_sock *p, const struct tpacket_req3 *q)
{
	struct packet_ring *r = q ? packet_ring_new(p, q) : NULL, *old = NULL;
	int err = -EBUSY;

	if (IS_ERR(r))
		return (int)PTR_ERR(r);
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

/*
 * Makes a ring of packets to send; with @q NULL frees it. op held; takes tx_op. Returns 0 or
 * -errno, -EBUSY if a program has mapped the rings.
 */
static int set_tx(struct packet_sock *p, const struct tpacket_req3 *q)
{
	struct packet_tx *t, *old = NULL;
	int err;

	/*
	 * A ring to send from has frames of a fixed size in each version, and none of these
	 * options.
	 */
	if (q && (q->tp_retire_blk_tov || q->tp_sizeof_priv || q->tp_feature_req_word))
		return -EINVAL;
	t = q ? packet_tx_new(p, q) : NULL;
	if (IS_ERR(t))
		return (int)PTR_ERR(t);
	/* interruptible, since a sender may hold tx_op for an unlimited time */
	err = mutex_lock_interruptible(&p->tx_op);
	if (err) {
		packet_tx_free(t);
		return err;
	}
	err = -EBUSY;
	spin_lock(&p->q_lock);
	if (!is_mapped(p)) {
		err = 0;
		old = p->tx;
		WRITE_ONCE(p->tx, t);
	}
	spin_unlock(&p->q_lock);
	mutex_unlock(&p->tx_op);
	packet_tx_free(err ? t : old);
	return err;
}

int packet_set_ring(struct packet_sock *p, int opt, uaddr_t val, u32 len)
{
	u32 size =
		p->version == TPACKET_V3 ? sizeof(struct tpacket_req3) : sizeof(struct tpacket_req);
	bool tx = opt == PACKET_TX_RING, have = tx ? !!p->tx : !!p->ring;
	struct tpacket_req3 q = { 0 };
	int err;

	if (len < size)
		return -EINVAL;
	if (copy_from_user(&q, val, size))
		return -EFAULT;
	if (rings_are_mapped(p))
		return -EBUSY;
	if (!q.tp_block_nr && q.tp_frame_nr)
		return -EINVAL;
	if (q.tp_block_nr && p->vnet)
		return -EOPNOTSUPP; /* not supported with rings */
	if (!q.tp_block_nr)
		return tx ? set_tx(p, NULL) : set_rx(p, NULL);
	err = have ? -EBUSY : check_request(p, &q);
	if (err)
		return err;
	return tx ? set_tx(p, &q) : set_rx(p, &q);
}

/*
 * Maps the rings. mmap_lock is held, so this must not wait for a task that copies to or from its
 * memory with op held.
 */
int packet_mmap(struct socket *s, struct file *f, struct vm_area *v)
{
	struct packet_sock *p = PACKET(s);
	const struct ring_mem *first, *tx;
	struct file *shared = NULL;
	u64 pages, at = 0;

	if (v->vm_pgoff)
		return -EINVAL;
	spin_lock(&p->q_lock);
	tx = p->tx ? packet_tx_mem(p->tx) : NULL;
	first = p->ring ? packet_ring_mem(p->ring) : tx;
	pages = first ? first->nr_pages : 0;
	if (tx && tx != first)
		pages += tx->nr_pages;
	if (first && v->vm_end - v->vm_start == pages << PAGE_SHIFT) {
		shared = get_file(p->ring_file);
		at = first->first;
	}
	spin_unlock(&p->q_lock);
	if (!shared)
		return -EINVAL;
	v->vm_file = shared;
	v->vm_pgoff = at;
	fput(f);
	return 0;
}

void packet_rings_end(struct packet_sock *p)
{
	if (p->ring)
		packet_ring_mem(p->ring)->keep = true;
	if (p->tx)
		packet_tx_mem(p->tx)->keep = true;
	packet_ring_free(p->ring);
	packet_tx_free(p->tx);
	p->ring = NULL;
	p->tx = NULL;
	if (p->ring_file)
		fput(p->ring_file);
}
