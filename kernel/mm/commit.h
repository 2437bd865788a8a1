/* SPDX-License-Identifier: MIT */
/* commit.h: how much memory mappings may reserve (vm.overcommit_memory), and the OOM killer. */
#ifndef NESTLING_MM_COMMIT_H
#define NESTLING_MM_COMMIT_H

#include "kernel/lib/alloc.h"
#include "kernel/lib/types.h"

/* vm.overcommit_memory (0, 1, 2); vm.overcommit_ratio, percent of memory. */
extern int sysctl_overcommit_memory, sysctl_overcommit_ratio;
extern u64 sysctl_overcommit_kbytes; /* KiB; 0: the ratio counts */
extern int sysctl_admin_reserve_kbytes, sysctl_user_reserve_kbytes;
extern u32 sysctl_max_map_count; /* areas of an mm */
/*
 * Counts @pages as committed if vm.overcommit_memory allows that. Returns 0 or -ENOMEM.
 * vm_unacct_memory() subtracts @pages again. Neither sleeps.
 */
int vm_enough_memory(u64 pages);
void vm_unacct_memory(u64 pages);
/* Return the committed pages, and the limit of vm.overcommit_memory=2 in pages. */
u64 vm_committed(void);
u64 vm_commit_limit(void);
/*
 * Kills a process to free memory (mm_task_ops) for an allocation of 2^@order frames. May sleep.
 * Returns true if a process is dying, perhaps an earlier victim.
 */
bool oom_kill(gfp_t gfp, u32 order);

#endif
