/* SPDX-License-Identifier: MIT */
/* why.h: what cgroup.c tells why.c and space_died.c. Host world. */
#ifndef NESTLING_OS_WHY_H
#define NESTLING_OS_WHY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- cgroup.c ---- */

/*
 * True if a control group of ours has little room for more processes, or none: its name and its
 * pids.max.
 */
bool os_cgroup_pids_full(char *name, size_t size, uint64_t *limit);
/*
 * How often the host has killed a process of our control group for want of memory; 0 where it does
 * not say.
 */
uint64_t os_cgroup_oom_kills(void);
/*
 * True if a control group of ours has a limit of memory: the name of the lowest that has, and the
 * limit in bytes.
 */
bool os_cgroup_memory_limit(char *name, size_t size, uint64_t *limit);

#endif
