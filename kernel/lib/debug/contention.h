/* SPDX-License-Identifier: MIT */
/*
 * contention.h: counts waits for locks: where, how often and how long, while contention_counted is
 * set.
 *
 *      u64 since = contention_begin();
 *      ... wait ...
 *      contention_end("mutex", ip, since);
 *
 * Only a task that finds a lock taken calls these functions, so a free lock costs nothing more. A
 * place is the return address of the call that takes the lock: locks have names in debug builds
 * only.
 */
#ifndef NESTLING_LIB_CONTENTION_H
#define NESTLING_LIB_CONTENTION_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/types.h"

/* True while waits are counted. Read and written without a lock. */
extern bool contention_counted;

/*
 * The bodies of contention_begin() and contention_end(). Times are ktime_get() + 1, in nanoseconds.
 */
u64 contention_now(void);
void contention_add(const char *kind, const void *ip, u64 since);

static inline u64 contention_begin(void)
{
	return unlikely(READ_ONCE(contention_counted)) ? contention_now() : 0;
}

/*
 * Counts a wait that began at @since (0: counting was off then). @kind: a constant such as "mutex".
 * @ip: the place. Any lock may be held.
 */
static inline void contention_end(const char *kind, const void *ip, u64 since)
{
	if (unlikely(since))
		contention_add(kind, ip, since);
}

/* Zeroes the counts of all rows. A wait that ends meanwhile may be counted in part. */
void contention_reset(void);
/*
 * Writes row i (from 0) as text, "KIND WAITS MICROSECONDS LONGEST PLACE\n", LONGEST in microseconds
 * too. Returns its length, 0 for an empty row, -1 past the last.
 */
int contention_line(int i, char *buf, size_t size);

#endif
