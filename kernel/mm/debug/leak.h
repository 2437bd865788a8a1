/* SPDX-License-Identifier: MIT */
/*
 * leak.h: finds kernel objects that no pointer leads to any more, and the callers that allocated
 * them. Debug builds only: other builds have no such functions.
 *
 *	n = leak_scan();                         number of objects that nothing leads to
 *	while (leak_line(i++, buf, size) >= 0)   the table of where they were allocated
 */
#ifndef NESTLING_MM_LEAK_H
#define NESTLING_MM_LEAK_H

#include "kernel/lib/types.h"

#ifdef CONFIG_DEBUG
#define LEAK_SCAN 1
#else
#define LEAK_SCAN 0
#endif

#define LEAK_SITES 5

/* Data behind each object of a slab. */
struct slab_tail {
	/* return addresses of the allocation, the innermost first; site[0] 0: the object is free */
	u64 site[LEAK_SITES];
	u64 link; /* used by the scan */
};

/*
 * Stores up to LEAK_SITES return addresses in @site, beginning with that of the caller's caller.
 * Leaves the other elements unchanged.
 */
void leak_callers(u64 *site);

/*
 * Scans all memory of the kernel; may sleep. Returns the number of leaked objects, whose table
 * stays until the next scan.
 */
u64 leak_scan(void);
/*
 * Prints line @i (from 0), "OBJECTS BYTES CACHE SITE < SITE ...\n", and returns its length; 0: an
 * empty row; -1: @i is past the last line. May sleep.
 */
int leak_line(int i, char *buf, size_t size);
/* Allocates an object and forgets it, for tests. */
void leak_one(void);
/* Scans memory, and reports leaks in the kernel's log. May sleep. */
void leak_report(void);

#endif
