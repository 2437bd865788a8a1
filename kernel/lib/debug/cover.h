/* SPDX-License-Identifier: MIT */
/*
 * cover.h: counts the executed edges of the code in kernel/fs, for a fuzzer. Only a build with
 * MODE=cover counts.
 *
 * gcc's -fsanitize-coverage=trace-pc calls this code at the beginning of each basic block of
 * kernel/fs. An edge is a pair of basic blocks that a task executes one after the other, as in AFL.
 */
#ifndef NESTLING_LIB_COVER_H
#define NESTLING_LIB_COVER_H

#include "kernel/lib/types.h"

/*
 * Counts edges, from now on, in @len bytes at @map, one byte for each edge. @len is a power of two.
 * A counter that overflows continues at 1. NULL: stops counting. Returns true if edges were counted
 * until now: other vCPUs may still write to the previous map for a grace period.
 */
#ifdef CONFIG_COVER
bool cover_to(u8 *map, u32 len);
#else
static inline bool cover_to(u8 *map, u32 len)
{
	return false;
}
#endif

#endif
