/* SPDX-License-Identifier: MIT */
/* mempolicy.h: policies that choose a node of memory, and the nodes of pages (mempolicy.c). */
#ifndef NESTLING_MM_MEMPOLICY_H
#define NESTLING_MM_MEMPOLICY_H

#include "kernel/lib/types.h"

struct mm;

/* mempolicy.c: prints a policy (vm_policy) as in /proc/PID/numa_maps, such as "bind=static:0". */
void mm_policy_text(u64 policy, char *buf, size_t size);
/*
 * mempolicy.c: get_user_nodes() reads a mask of nodes from guest memory: 0, -EINVAL, -EFAULT.
 * mm_page_node() returns the node of a page: 0, -ENOENT (no page yet), -EFAULT.
 */
int get_user_nodes(uaddr_t from, u64 maxnode, u64 *nodes);
int mm_page_node(struct mm *mm, u64 addr);

#endif
