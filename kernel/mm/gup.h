/* SPDX-License-Identifier: MIT */
/*
 * gup.h: pages of guest memory for the kernel's own use: direct I/O, ptrace, core dumps (gup.c).
 */
#ifndef NESTLING_MM_GUP_H
#define NESTLING_MM_GUP_H

#include "kernel/lib/types.h"

struct mm;
struct page;

/* Flags of the functions below. */
#define FOLL_WRITE 1 /* the caller writes to the page */
#define FOLL_FORCE 2 /* ignores the area's rights */
#define FOLL_DUMP 4  /* NULL for holes, for core dumps */
/* -EFAULT unless the area is anonymous, so that no file has to be read */
#define FOLL_ANON 8
/*
 * Faults in the page at @addr of @mm, of which the caller has a use (mmget()), and returns the page
 * with a reference, which the caller puts. Takes mmap_lock, and may sleep. ERR_PTR: -EFAULT, also
 * for secret memory (memfd_secret), or another error of the fault. NULL only with FOLL_DUMP.
 */
struct page *get_user_page(struct mm *mm, u64 addr, u32 flags);
/*
 * Stores in @pages the @nr pages of current's memory from that of @addr on, each with a reference
 * that the caller puts. Stops at a page that cannot be accessed. Returns the number of pages, or
 * the error of get_user_page() if that is 0. Takes mmap_lock, and may sleep.
 */
s32 get_user_pages(u64 addr, u32 nr, u32 flags, struct page **pages);

#endif
