/* SPDX-License-Identifier: MIT */
/* mempolicy.h: policies that choose a node of memory, and the nodes of pages (mempolicy.c). */
#ifndef NESTLING_MM_MEMPOLICY_H
#define NESTLING_MM_MEMPOLICY_H

#include "kernel/lib/types.h"

struct mm;

/*
 * Writes a policy (vm_policy, task->mempolicy) to @buf of @size bytes as in /proc/PID/numa_maps,
 * such as "bind=static:0", terminated.
 */
void mm_policy_text(u64 policy, char *buf, size_t size);
/*
 * get_user_nodes() reads a mask of @maxnode - 1 bits from guest memory, as set_mempolicy(2) passes
 * it, into *nodes. Returns 0, -EINVAL or -EFAULT. mm_page_node() returns the node of the page at
 * @addr, which is always 0; -ENOENT: no page yet; -EFAULT: no area. It takes mmap_lock. Both may
 * sleep.
 */
int get_user_nodes(uaddr_t from, u64 maxnode, u64 *nodes);
int mm_page_node(struct mm *mm, u64 addr);

#endif
