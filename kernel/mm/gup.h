/* SPDX-License-Identifier: MIT */
/*
 * gup.h: pages of guest memory for the kernel's own use: direct I/O, ptrace, core dumps (gup.c).
 */
#ifndef NESTLING_MM_GUP_H
#define NESTLING_MM_GUP_H

#include "kernel/lib/types.h"

struct mm;
struct page;

/*
 * Faults in a page of any mm and returns a reference. For access_mm, pin_user_page, core dumps
 * (FOLL_DUMP: NULL for holes).
 */
#define FOLL_WRITE 1
#define FOLL_FORCE 2
#define FOLL_DUMP 4
/* takes anonymous areas only, so that no file has to be read */
#define FOLL_ANON 8
/* Returns a page with a reference. ERR_PTR(-EFAULT), also for secret memory; ... */
struct page *get_user_page(struct mm *mm, u64 addr, u32 flags);
/*
 * Takes pages of current from @addr's on, each with a reference, and returns their number (1 to
 * @nr; less if one cannot be had), or -EFAULT.
 */
s32 get_user_pages(u64 addr, u32 nr, u32 flags, struct page **pages);

#endif
