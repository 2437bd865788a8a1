/* SPDX-License-Identifier: MIT */
/* mempolicy.h: policies that choose a node of memory, and the nodes of pages (mempolicy.c). */
#ifndef NESTLING_MM_MEMPOLICY_H
#define NESTLING_MM_MEMPOLICY_H

#include "kernel/lib/types.h"

struct mm;

/* mempolicy.c: Prints a policy (vm_policy) as in /proc/PID/numa_maps, "bind=static:0". */
void mm_policy_text(u64 policy, char *buf, size_t size);
/*
 * mempolicy.c: get_user_nodes() reads a mask of nodes that a guest names: 0, -EINVAL, -EFAULT.
 * mm_page_node() returns where a page is: 0, -ENOENT (nowhere yet), -EFAULT.
 */
int get_user_nodes(uaddr_t from, u64 maxnode, u64 *nodes);
int mm_page_node(struct mm *mm, u64 addr);

#endif
