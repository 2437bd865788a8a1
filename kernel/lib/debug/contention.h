/* SPDX-License-Identifier: MIT */
/*
 * contention.h: which locks were waited for, where, how often and how long; counted while contention_counted is set.
 *
 *	u64 since = contention_begin();
 *	... wait ...
 *	contention_end("mutex", ip, since);
 *
 * Only who finds a lock taken comes here, so that taking a free one costs what it did. A place is the address to which the call that takes
 * the lock returns: locks have names in debug builds only.
 */
#ifndef NESTLING_LIB_CONTENTION_H
#define NESTLING_LIB_CONTENTION_H

#include "kernel/lib/atomic.h"
#include "kernel/lib/types.h"

extern bool contention_counted;

u64 contention_now(void);
void contention_add(const char *kind, const void *ip, u64 since);

static inline u64 contention_begin(void)
{
	return unlikely(READ_ONCE(contention_counted)) ? contention_now() : 0;
}

/* @since: 0 when nobody counted then. Any lock may be held. */
static inline void contention_end(const char *kind, const void *ip, u64 since)
{
	if (unlikely(since))
		contention_add(kind, ip, since);
}

void contention_reset(void);
/* Row i as text, "KIND WAITS MICROSECONDS LONGEST PLACE\n"; 0: an empty row, -1: past the last. */
int contention_line(int i, char *buf, size_t size);

#endif
