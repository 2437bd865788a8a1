/* SPDX-License-Identifier: MIT */
/*
 * page_kinds.h: classifies the pages of an address space, in the categories of PAGEMAP_SCAN
 * (linux/fs.h since Linux 6.7).
 */
#ifndef NESTLING_MM_PAGE_KINDS_H
#define NESTLING_MM_PAGE_KINDS_H

#include "kernel/mm/mm.h"

#define PAGE_KIND_WPALLOWED 1 /* the area has UFFD_FEATURE_WP_ASYNC */
/* not write-protected by a userfaultfd; also set for an empty entry of an existing table */
#define PAGE_KIND_WRITTEN 2
#define PAGE_KIND_FILE 4
#define PAGE_KIND_PRESENT 8
#define PAGE_KIND_SWAPPED 0x10 /* in a swap area, or a marker */
/* never set: a page that was only read has a frame of its own */
#define PAGE_KIND_PFNZERO 0x20
#define PAGE_KIND_HUGE 0x40
#define PAGE_KIND_SOFT_DIRTY 0x80 /* never set */
#define PAGE_KIND_GUARD 0x100
#define PAGE_KINDS_ALL 0x1ff

#define PAGE_KINDS_BATCH 64
/*
 * Classifies pages of [va, end), which are page-aligned addresses. Writes the PAGE_KIND_* bits of
 * the first n pages to kinds[0] to kinds[n - 1] and returns n, at most PAGE_KINDS_BATCH, the number
 * of elements of @kinds. 0: all pages up to *next are empty. *next: the address to continue at, at
 * most @end. Under mmap_lock. May sleep.
 */
u32 mm_page_kinds(struct mm *mm, u64 va, u64 end, u32 *kinds, u64 *next);

#endif
