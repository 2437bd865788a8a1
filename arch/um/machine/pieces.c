/* SPDX-License-Identifier: MIT */
/*
 * pieces.c: bounds the number of host maps that the memory of a restored instance consists of
 * (os-linux/state/base.c).
 *
 * Each frame that is taken alone costs two maps, and the host allows a process some 65,000. At
 * PIECES_MANY maps, a work is queued that merges them (kernel/state/merge.c) until PIECES_FEW
 * remain. At PIECES_MAX, tasks wait for the work.
 */
#include <asm/errno.h>

#include "arch/um/internal.h"
#include "kernel/lib/atomic.h"
#include "kernel/sched/lock.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/timer.h"

#define PIECES_FEW 2048
#define PIECES_MANY 4096
#define PIECES_MAX 16384

static u32 pieces;
static struct work *merge;
static u32 merging; /* true: the work is queued or runs */
static DECLARE_WAIT_QUEUE_HEAD(merged);

void physmem_set_pieces(u32 n)
{
	WRITE_ONCE(pieces, n);
	if (unlikely(n > PIECES_MANY) && merge && !xchg(&merging, 1))
		work_queue(merge);
}

void physmem_in_pieces(struct work *w)
{
	merge = w;
}

void physmem_wait_for_merge(void)
{
	if (unlikely(READ_ONCE(pieces) > PIECES_MAX))
		wait_event(&merged, READ_ONCE(pieces) <= PIECES_MAX || !READ_ONCE(merging));
}

int physmem_merge(void)
{
	int n = os_base_merge();

	if (n == -ENOENT)
		return 0;
	if (n >= 0)
		WRITE_ONCE(pieces, (u32)n);
	return n < PIECES_FEW ? min(n, 0) : n;
}

void physmem_merged(void)
{
	(void)xchg(&merging, 0);
	wake_up_all(&merged);
}
