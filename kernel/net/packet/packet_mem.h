/* SPDX-License-Identifier: MIT */
/*
 * packet_mem.h: memory that a socket shares with its program, for the rings of AF_PACKET. It is
 * divided into blocks, and a block into frames; no frame crosses the end of its block. Offsets are
 * from the start of the ring; the caller checks them. The program may change the content of the
 * memory at any time. Offsets and sizes are in bytes, pages in units of PAGE_SIZE.
 */
#ifndef NESTLING_NET_PACKET_MEM_H
#define NESTLING_NET_PACKET_MEM_H

#include "kernel/net/packet/packet.h"

/* sizeof(struct tpacket_block_desc), aligned */
#define BLOCK_HEADER 48U

/* The memory of a ring. All members but keep are immutable while the ring exists. */
struct ring_mem {
	struct file *file; /* p->ring_file */
	struct page **pages;
	u32 nr_pages;
	u32 first; /* the ring's first page in the file */
	/*
	 * keeps the pages in the file: set when the socket is closed, since programs may map them
	 */
	bool keep;
	u32 version; /* TPACKET_* */
	/* sizes in bytes, numbers in the whole ring; per_block: frames in a block */
	u32 block_size, block_nr, frame_size, frame_nr, per_block;
	/*
	 * bytes charged: at most a quarter of the memory for the rings of all sockets, a 16th for
	 * those of a user other than root
	 */
	u64 charged;
	/* the user that is charged; a reference */
	struct user_struct *user;
};

/*
 * Allocates zeroed memory for a request that was checked. Returns 0 or -ENOMEM; after -ENOMEM the
 * caller must still call ring_mem_put(), for the part that was allocated. @tx: for PACKET_TX_RING.
 * p->op held; may sleep.
 */
int ring_mem_get(struct ring_mem *m, struct packet_sock *p, const struct tpacket_req3 *q, bool tx);
/* Frees a ring's memory, and unless `keep` is set discards it in the file. May sleep. */
void ring_mem_put(struct ring_mem *m);

/* Returns the address of offset @off, valid to the end of its page. */
void *ring_at(const struct ring_mem *m, u64 off);
/* Returns a word of the ring at @off. Words are aligned, so each is in one page. */
static inline u32 *ring_word(const struct ring_mem *m, u64 off)
{
	return ring_at(m, off);
}
/* Copies @n bytes at @data to offset @off of the ring, across pages. */
void ring_write(const struct ring_mem *m, u64 off, const void *data, u32 n);
/* Copies @n bytes at offset @off of the ring to @data, across pages. */
void ring_read(const struct ring_mem *m, u64 off, void *data, u32 n);
/* Copies the first @n bytes of @skb to offset @off of the ring, across pages. */
void ring_write_skb(const struct ring_mem *m, u64 off, const struct sk_buff *skb, u32 n);
/* Returns the offset of frame @n. */
static inline u64 ring_frame(const struct ring_mem *m, u32 n)
{
	return (u64)(n / m->per_block) * m->block_size + (u64)(n % m->per_block) * m->frame_size;
}

/*
 * Make a ring (packet_ring.c, packet_tx.c) for the request @q, which was checked. p->op held; may
 * sleep. Return the ring, owned by the caller, or ERR_PTR(-ENOMEM).
 */
struct packet_ring *packet_ring_new(struct packet_sock *p, const struct tpacket_req3 *q);
struct packet_tx *packet_tx_new(struct packet_sock *p, const struct tpacket_req3 *q);
/* Return the memory of a ring, which belongs to the ring. */
struct ring_mem *packet_ring_mem(struct packet_ring *r);
struct ring_mem *packet_tx_mem(struct packet_tx *t);

#endif
