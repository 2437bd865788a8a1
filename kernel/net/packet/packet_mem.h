/* SPDX-License-Identifier: MIT */
/*
 * packet_mem.h: memory that a socket shares with its program, for the rings of AF_PACKET. It is
 * divided into blocks, and these into frames; no frame crosses the end of its block. Offsets are
 * from the ring's front, and the caller checks them. The program may change the content of the
 * memory at any time.
 */
#ifndef NESTLING_NET_PACKET_MEM_H
#define NESTLING_NET_PACKET_MEM_H

#include "kernel/net/packet/packet.h"

/* sizeof(struct tpacket_block_desc), aligned */
#define BLOCK_HEADER 48U

/* The memory of a ring: all but keep is immutable while the ring is there. */
struct ring_mem {
	struct file *file; /* the socket's */
	struct page **pages;
	u32 nr_pages;
	u32 first; /* page of the file */
	bool keep; /* the socket ends: mappings keep the pages */
	u32 version;
	u32 block_size, block_nr, frame_size, frame_nr, per_block;
	/*
	 * bytes charged: the rings of all sockets may have a quarter of the memory, those of a user
	 * a 16th
	 */
	u64 charged;
	struct user_struct *user;
};

/*
 * Gets zeroed memory for a request that was checked. -ENOMEM: the caller still has to put the part
 * that was allocated. p->op held.
 */
int ring_mem_get(struct ring_mem *m, struct packet_sock *p, const struct tpacket_req3 *q, bool tx);
void ring_mem_put(struct ring_mem *m);

void *ring_at(const struct ring_mem *m, u64 off);
/* Returns a word of the ring. Words are aligned, so they lie in one page. */
static inline u32 *ring_word(const struct ring_mem *m, u64 off)
{
	return ring_at(m, off);
}
void ring_write(const struct ring_mem *m, u64 off, const void *data, u32 n);
void ring_read(const struct ring_mem *m, u64 off, void *data, u32 n);
void ring_write_skb(const struct ring_mem *m, u64 off, const struct sk_buff *skb, u32 n);
static inline u64 ring_frame(const struct ring_mem *m, u32 n)
{
	return (u64)(n / m->per_block) * m->block_size + (u64)(n % m->per_block) * m->frame_size;
}

/* packet_ring.c, packet_tx.c: Make rings: ERR_PTR(-ENOMEM); NULL can be freed. */
struct packet_ring *packet_ring_new(struct packet_sock *p, const struct tpacket_req3 *q);
struct packet_tx *packet_tx_new(struct packet_sock *p, const struct tpacket_req3 *q);
struct ring_mem *packet_ring_mem(struct packet_ring *r);
struct ring_mem *packet_tx_mem(struct packet_tx *t);

#endif
