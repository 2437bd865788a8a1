/* SPDX-License-Identifier: MIT */
/*
 * why.h: the interface of cgroup.c for the rest of the host world. The functions read files of
 * /proc and of the host's control groups. A name is cut to @size bytes with its NUL.
 */
#ifndef NESTLING_OS_WHY_H
#define NESTLING_OS_WHY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- cgroup.c ---- */

/*
 * True if a control group of this process is at or near its limit of processes; then sets @name and
 * *@limit to its name and its pids.max.
 */
bool os_cgroup_pids_full(char *name, size_t size, uint64_t *limit);
/*
 * Returns how many processes of this process's control group the host has killed for want of
 * memory; 0 if unknown.
 */
uint64_t os_cgroup_oom_kills(void);
/*
 * True if a control group of this process has a memory limit; then sets @name and *@limit to the
 * name of the innermost such group and to its limit in bytes.
 */
bool os_cgroup_memory_limit(char *name, size_t size, uint64_t *limit);
/*
 * Returns the bytes left under the limits of this process's control groups, which without a limit
 * is UINT64_MAX or (version 1) nearly 2^63.
 */
uint64_t os_cgroup_memory_room(void);

#endif
