/* SPDX-License-Identifier: MIT */
/*
 * gup.h: pages of guest memory for the kernel's own use: direct I/O, ptrace, core dumps (gup.c).
 */
#ifndef NESTLING_MM_GUP_H
#define NESTLING_MM_GUP_H

#include "kernel/lib/types.h"

struct mm;
struct page;

#define FOLL_WRITE 1
#define FOLL_FORCE 2 /* ignores the area's rights */
#define FOLL_DUMP 4  /* NULL for holes, for core dumps */
/* takes anonymous areas only, so that no file has to be read */
#define FOLL_ANON 8
/*
 * Faults in the page at @addr of any mm of which the caller has a use, and returns it with a
 * reference, which the caller puts. Takes mmap_lock, and may sleep. ERR_PTR: -EFAULT, also for
 * secret memory, or another error of the fault. NULL only with FOLL_DUMP.
 */
struct page *get_user_page(struct mm *mm, u64 addr, u32 flags);
/*
 * Takes pages of current from @addr's on, each with a reference that the caller puts, and returns
 * their number. Stops before a page that cannot be accessed, so the number is 1 to @nr; if the
 * first cannot, its error. Takes mmap_lock, and may sleep.
 */
s32 get_user_pages(u64 addr, u32 nr, u32 flags, struct page **pages);

#endif
