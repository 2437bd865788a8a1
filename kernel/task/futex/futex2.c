/* SPDX-License-Identifier: MIT */
/*
 * futex2.c: futex_wake, futex_wait and futex_requeue, the operations of futex(2) as calls of their
 * own, with flags for each word.
 *
 * A word has 32 bits (FUTEX2_SIZE_U32); other sizes are refused, as Linux does. FUTEX2_NUMA: a
 * second word behind the first has the number of the node whose table is used; the kernel replaces
 * -1 by the node. There is only node 0. FUTEX2_MPOL takes the node from the area's policy, which is
 * node 0 too.
 */
#include <linux/time.h>

#include "gen/syscalls.h"
#include "kernel/task/futex/futex_internal.h"

/* Constants that older headers lack. */
#define FUTEX2_SIZE_MASK_ 0x03
#define FUTEX2_SIZE_U32_ 0x02
#define FUTEX2_NUMA_ 0x04
#define FUTEX2_MPOL_ 0x08
#define NO_NODE 0xffffffffU

bool futex2_right(u32 flags, u64 val)
{
	if (flags & ~(u32)(FUTEX2_SIZE_MASK_ | FUTEX2_NUMA_ | FUTEX2_MPOL_ | FUTEX_PRIVATE_FLAG))
		return false;
	return (flags & FUTEX2_SIZE_MASK_) == FUTEX2_SIZE_U32_ && val <= UINT32_MAX;
}

int futex2_node(uaddr_t addr, u32 flags)
{
	uaddr_t at = uaddr_add(addr, 4);
	u32 node;

	if (!(flags & FUTEX2_NUMA_))
		return 0;
	if (addr.v & 7)
		return -EINVAL;
	if (copy_from_user(&node, at, sizeof(node)))
		return -EFAULT;
	if (node == NO_NODE) {
		node = 0;
		return copy_to_user(at, &node, sizeof(node)) ? -EFAULT : 0;
	}
	return node ? -EINVAL : 0;
}

long sys_futex_wake(uaddr_t addr, unsigned long mask, int nr, uint32_t flags)
{
	long err;

	if (!futex2_right(flags, mask) || !mask)
		return -EINVAL;
	err = futex2_node(addr, flags);
	if (err)
		return err;
	if (!nr) { /* even then the word is checked */
		struct futex_key k;

		err = futex_key_get(addr, flags & FUTEX_PRIVATE_FLAG, &k);
		if (!err)
			futex_key_put(&k);
		return err;
	}
	return futex_wake(addr, flags & FUTEX_PRIVATE_FLAG, nr, (u32)mask);
}

long sys_futex_wait(uaddr_t addr, unsigned long val, unsigned long mask, uint32_t flags,
	uaddr_t timeout, int clock)
{
	struct wait_until until;
	int err;

	if (!futex2_right(flags, val) || !futex2_right(flags, mask))
		return -EINVAL;
	if (timeout.v && clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
		return -EINVAL;
	err = futex_deadline(clock == CLOCK_REALTIME, true, timeout, &until);
	if (err)
		return err;
	if (!mask)
		return -EINVAL;
	err = futex2_node(addr, flags);
	if (err)
		return err;
	return futex_wait_on(addr, flags & FUTEX_PRIVATE_FLAG, (u32)val, until, (u32)mask);
}

long sys_futex_requeue(uaddr_t waiters, uint32_t flags, int nr_wake, int nr_move)
{
	struct futex_waitv w[2];
	u32 cmp;

	if (flags || !waiters.v)
		return -EINVAL;
	if (copy_from_user(w, waiters, sizeof(w)))
		return -EFAULT;
	for (int i = 0; i < 2; i++)
		if (w[i].__reserved || !futex2_right(w[i].flags, w[i].val))
			return -EINVAL;
	if (w[0].flags != w[1].flags)
		return -EINVAL;
	for (int i = 0; i < 2; i++) {
		int err = futex2_node(UADDR(w[i].uaddr), w[i].flags);

		if (err)
			return err;
	}
	cmp = (u32)w[0].val;
	return futex_requeue(UADDR(w[0].uaddr), UADDR(w[1].uaddr), w[0].flags & FUTEX_PRIVATE_FLAG,
		nr_wake, nr_move, &cmp);
}
