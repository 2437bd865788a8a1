/* SPDX-License-Identifier: MIT */
/* rmap.h: changes of all mappings of a file's pages (rmap.c), for file systems. */
#ifndef NESTLING_MM_RMAP_H
#define NESTLING_MM_RMAP_H

#include "kernel/lib/types.h"

struct address_space;

/*
 * Write-protects all shared mappings of pages [first, last] of the file: the next write faults and
 * calls page_mkwrite() again. May sleep.
 */
void mapping_wrprotect_range(struct address_space *m, u64 first, u64 last);

#endif
