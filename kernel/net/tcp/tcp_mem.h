/* SPDX-License-Identifier: MIT */
/*
 * tcp_mem.h: memory of all connections, and connections without a file, called orphans (tcp_mem.c).
 * The limits are the machine's: net.ipv4.tcp_mem and tcp_max_orphans. Counters are atomic; a
 * socket's share in them is protected by its c.lock. The caller holds c.lock in functions that
 * change a socket. Predicates need no lock.
 */
#ifndef NESTLING_NET_TCP_MEM_H
#define NESTLING_NET_TCP_MEM_H

#include "kernel/net/tcp/tcp_sock.h"

extern struct tcp_limits {
	/*
	 * net.ipv4.tcp_mem, pages: memory pressure ends below [0] and begins above [1]; [2] is the
	 * limit
	 */
	int mem[3];
	/* limit of tcp_orphans() */
	int max_orphans;
} tcp_limits;

/*
 * Updates life.mem_pages, in steps of a few pages, after the socket's queues have changed. May
 * begin or end memory pressure.
 */
void tcp_mem_sync(struct tcp_sock *t);
/* tcp_mem_pressure() is true under memory pressure, tcp_mem_full() above the limit. */
bool tcp_mem_pressure(void);
bool tcp_mem_full(void);
/*
 * True if a queue of @bytes is within a connection's fair share. Queues may grow up to that share
 * even if memory is full.
 */
bool tcp_mem_fair(u32 bytes);
/*
 * Shrinks an automatically sized send buffer whose writer waits while memory is full. c.lock held.
 */
void tcp_shrink_sndbuf(struct tcp_sock *t);
/* Returns the number of pages in use by all connections. */
int tcp_mem_used(void);
/* Returns the number of orphans. */
int tcp_orphans(void);
/*
 * Counts a socket as an orphan, unless it is counted. Returns false, also with the socket counted,
 * if there are too many orphans, or if memory is full and the write queue exceeds a page; the
 * caller then resets the connection.
 */
bool tcp_orphan_begin(struct tcp_sock *t);
/* Uncounts the socket, if it is counted. */
void tcp_orphan_end(struct tcp_sock *t);

/*
 * Returns the number of unsent bytes at which writers wait: the socket's limit, or its namespace's.
 */
static inline u32 tcp_notsent_lowat(const struct tcp_sock *t)
{
	return t->snd.notsent_lowat ? t->snd.notsent_lowat : READ_ONCE(tcp_net(t)->notsent_lowat);
}
/*
 * True if the write queue is empty, or if a third of the buffer is free, memory is not full and
 * less than notsent_lowat is unsent.
 */
static inline bool tcp_writable(const struct tcp_sock *t)
{
	if (!t->snd.wmem)
		return true;
	return t->snd.wmem + t->snd.wmem / 2 < t->inet.c.sndbuf &&
	       (!tcp_mem_full() || tcp_mem_fair(t->snd.wmem)) &&
	       t->snd.write_seq - t->snd.nxt < tcp_notsent_lowat(t);
}
/*
 * True if a writer can write at least half of notsent_lowat, so that a wake-up is worth its cost.
 */
static inline bool tcp_worth_waking(const struct tcp_sock *t)
{
	return tcp_writable(t) &&
	       (!t->snd.wmem || (u64)(t->snd.write_seq - t->snd.nxt) * 2 < tcp_notsent_lowat(t));
}
/*
 * True if there is room to write. If there is none, sets snd.nospace, so that tcp_write_space()
 * wakes up writers and pollers later. No lock needed.
 */
bool tcp_wants_room(struct tcp_sock *t);
/*
 * Grows the send buffer if it limits the sender, and wakes up writers and pollers that wait for
 * room if there is some.
 */
void tcp_write_space(struct tcp_sock *t);

#endif
