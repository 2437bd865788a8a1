/* SPDX-License-Identifier: MIT */
/*
 * rmap.h: what rmap.c offers to file systems.
 */
#ifndef NESTLING_MM_RMAP_H
#define NESTLING_MM_RMAP_H

#include "kernel/lib/types.h"

struct address_space;

/*
 * The next write through a shared mapping to pages [first, last] of the file faults, and asks
 * page_mkwrite() again. May sleep.
 */
void mapping_wrprotect_range(struct address_space *m, u64 first, u64 last);

#endif
