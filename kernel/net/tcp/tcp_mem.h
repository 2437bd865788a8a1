/* SPDX-License-Identifier: MIT */
/*
 * tcp_mem.h: memory of all connections, and connections without a file (tcp_mem.c). The limits are
 * the machine's: net.ipv4.tcp_mem and tcp_max_orphans. Counters are atomic; the share of a socket
 * is under its c.lock.
 */
#ifndef NESTLING_NET_TCP_MEM_H
#define NESTLING_NET_TCP_MEM_H

#include "kernel/net/tcp/tcp_sock.h"

extern struct tcp_limits {
	/* pages below which there is no pressure; at which it begins; and at most */
	int mem[3];
	int max_orphans;
} tcp_limits;

/* Brings life.mem_pages up to date, when the socket's queues have changed. */
void tcp_mem_sync(struct tcp_sock *t);
bool tcp_mem_pressure(void);
bool tcp_mem_full(void);
/* True if @bytes of a queue are within a connection's part: it gets more when all is full. */
bool tcp_mem_fair(u32 bytes);
/* Shrinks a buffer of automatic size, as its writer waits while memory is full. c.lock held. */
void tcp_shrink_sndbuf(struct tcp_sock *t);
/* Returns the pages in use. */
int tcp_mem_used(void);
int tcp_orphans(void);
/*
 * Counts a socket that no file has open any more. Returns false if there are too many, or memory is
 * short.
 */
bool tcp_orphan_begin(struct tcp_sock *t);
void tcp_orphan_end(struct tcp_sock *t);

/* Returns the unsent bytes at which writers wait: the socket's limit, or its namespace's. */
static inline u32 tcp_notsent_lowat(const struct tcp_sock *t)
{
	return t->snd.notsent_lowat ? t->snd.notsent_lowat : READ_ONCE(tcp_net(t)->notsent_lowat);
}
/* True if a third of the buffer is free, and less than notsent_lowat waits to be sent. */
static inline bool tcp_writable(const struct tcp_sock *t)
{
	if (!t->snd.wmem)
		return true;
	return t->snd.wmem + t->snd.wmem / 2 < t->inet.c.sndbuf &&
	       (!tcp_mem_full() || tcp_mem_fair(t->snd.wmem)) &&
	       t->snd.write_seq - t->snd.nxt < tcp_notsent_lowat(t);
}
/* True if less than half of notsent_lowat is unsent, so that waking writers is worth it. */
static inline bool tcp_worth_waking(const struct tcp_sock *t)
{
	return tcp_writable(t) &&
	       (!t->snd.wmem || (u64)(t->snd.write_seq - t->snd.nxt) * 2 < tcp_notsent_lowat(t));
}
/*
 * True if there is room to write. Where there is none, tcp_write_space() wakes writers and pollers
 * once there is. No lock needed.
 */
bool tcp_wants_room(struct tcp_sock *t);
void tcp_write_space(struct tcp_sock *t);

#endif
