/* SPDX-License-Identifier: MIT */
/*
 * tcp_mem.c: limits the memory that the queues of all connections take together.
 *
 * net.ipv4.tcp_mem has three limits in pages: low, pressure, high. Once use exceeds pressure, and
 * until it is below low again, windows stay small. The fair part of a connection, for each
 * direction, is half of high divided by the number of connections that hold memory. Above low, send
 * buffers grow at most to that part. Above high, a connection that has its fair part gets no more
 * memory: writers wait, larger send buffers shrink, and received segments are dropped. So a
 * connection without a reader does not stop the others. If one reader reads two connections in
 * turn, neither waits for retransmissions of the other. All connections together hold at most twice
 * high. net.ipv4.tcp_max_orphans limits the connections without a file (orphans). A connection that
 * would exceed it is reset, and so is one that, while memory is above high, loses its file with
 * more than a page of unacknowledged or unsent data.
 *
 * A connection's share is charged to the memory cgroup of the task that made or accepted it ("sock"
 * in memory.stat), without regard to the cgroup's limits.
 *
 * Every connection may hold one segment in each direction, whatever the sum is, so that all make
 * progress. A connection's share is updated after each segment or call (tcp_mem_sync()), in steps
 * of a few pages.
 * Locks: c.lock is held, except in tcp_mem_pressure(), tcp_mem_full(), and in tcp_mem_used() and
 * tcp_orphans() for /proc.
 */
#include <linux/eventpoll.h>

#include "arch/um/machine/arch.h"
#include "kernel/mm/group/memcg.h"
#include "kernel/net/tcp/tcp.h"
#include "kernel/sched/sched.h"

#define STEP 4 /* pages */
#define PAGES_PER_ORPHAN 46
#define ORPHANS_MIN 1024
#define PAGES_MIN 128

static atomic_t used;    /* pages of all connections */
static atomic_t holders; /* connections with pages */
static bool pressure;    /* not below mem[0] since above mem[1] */
static atomic_t orphans;

void tcp_mem_sync(struct tcp_sock *t)
{
	u32 bytes = t->inet.queue.rmem + t->rcv.ooo_mem + t->snd.wmem;
	int pages = (int)(round_up(bytes, PAGE_SIZE) / PAGE_SIZE), more = pages - t->life.mem_pages,
	    now;

	if (likely(!more || (pages && more < STEP && more > -STEP)))
		return;
	if (!pages != !t->life.mem_pages)
		atomic_add(pages ? 1 : -1, &holders);
	t->life.mem_pages = pages;
	mem_sock_charge(t->life.payer, more);
	atomic_add(more, &used);
	now = atomic_read(&used);
	if (now > READ_ONCE(tcp_limits.mem[1]))
		WRITE_ONCE(pressure, true);
	else if (now < READ_ONCE(tcp_limits.mem[0]))
		WRITE_ONCE(pressure, false);
}

bool tcp_mem_pressure(void)
{
	return READ_ONCE(pressure);
}

bool tcp_mem_full(void)
{
	return unlikely(READ_ONCE(pressure)) && atomic_read(&used) > READ_ONCE(tcp_limits.mem[2]);
}

/* Returns the fair part of a connection, in bytes, for each of its two directions. */
static u64 fair_part(void)
{
	u32 n = (u32)max(atomic_read(&holders), 1);

	return (u64)READ_ONCE(tcp_limits.mem[2]) / 2 * PAGE_SIZE / n;
}

bool tcp_mem_fair(u32 bytes)
{
	return bytes <= fair_part();
}

int tcp_mem_used(void)
{
	return atomic_read(&used);
}

int tcp_orphans(void)
{
	return atomic_read(&orphans);
}

bool tcp_orphan_begin(struct tcp_sock *t)
{
	if (t->life.counted_orphan)
		return true;
	t->life.counted_orphan = true;
	atomic_inc(&orphans);
	if (atomic_read(&orphans) <= READ_ONCE(tcp_limits.max_orphans) &&
		!(tcp_mem_full() && t->snd.wmem > PAGE_SIZE))
		return true;
	return false;
}

void tcp_orphan_end(struct tcp_sock *t)
{
	if (!t->life.counted_orphan)
		return;
	t->life.counted_orphan = false;
	atomic_dec(&orphans);
}

/*
 * Grows the send buffer to twice cwnd, counted by the truesize of its segments: while one window is
 * in flight, the program fills the next. Keeps a size that the program chose.
 */
void tcp_grow_sndbuf(struct tcp_sock *t)
{
	u32 segs = max(t->cc.cwnd, (u32)INIT_CWND), per = 512, one = t->snd.mss + 320U;
	u64 want;

	if (t->snd.sndbuf_fixed)
		return;
	/* Room for three large packets; with one, sender and card would wait for each other. */
	if (tcp_card_cuts(t))
		segs = max(segs, 3 * SEG_MAX / t->snd.mss);
	while (per < one + SKB_OVERHEAD)
		per *= 2;
	want = min_t(u64, 2UL * segs * per, (u64)tcp_net(t)->wmem[2]);
	if (tcp_mem_pressure() || atomic_read(&used) >= READ_ONCE(tcp_limits.mem[0]))
		want = min(want, fair_part());
	t->inet.c.sndbuf = max(t->inet.c.sndbuf, (u32)want);
}

void tcp_shrink_sndbuf(struct tcp_sock *t)
{
	u64 least = max((u64)tcp_net(t)->wmem[0], fair_part());

	if (!t->snd.sndbuf_fixed && t->inet.c.sndbuf > least)
		t->inet.c.sndbuf = (u32)max(least, (u64)t->snd.wmem / 2);
}

bool tcp_wants_room(struct tcp_sock *t)
{
	if (tcp_worth_waking(t))
		return true;
	WRITE_ONCE(t->snd.nospace, true);
	smp_mb(); /* pairs with tcp_write_space() */
	return tcp_worth_waking(t);
}

void tcp_write_space(struct tcp_sock *t)
{
	/* If all is sent and cwnd has room, the buffer limits the sender. */
	if (tcp_in_flight(t) < t->cc.cwnd)
		tcp_grow_sndbuf(t);
	smp_mb(); /* pairs with tcp_wants_room() */
	if (READ_ONCE(t->snd.nospace) && tcp_worth_waking(t)) {
		WRITE_ONCE(t->snd.nospace, false);
		tcp_wake(t, EPOLLOUT | EPOLLWRNORM);
	}
}

static int tcp_mem_init(void)
{
	struct meminfo mi;
	int most;

	si_meminfo(&mi);
	most = (int)min_t(u64, max(mi.total / 16, (u64)PAGES_MIN), 0x3fffffff);
	tcp_limits.mem[0] = most / 4 * 3;
	tcp_limits.mem[1] = most;
	tcp_limits.mem[2] = most / 4 * 6;
	tcp_limits.max_orphans =
		(int)max_t(u64, min_t(u64, mi.total / PAGES_PER_ORPHAN, 131072), ORPHANS_MIN);
	return 0;
}
INITCALL(3, tcp_mem_init);
