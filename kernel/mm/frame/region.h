/* SPDX-License-Identifier: MIT */
/*
 * region.h: frames of regions other than the guest's memory: images of disks that the host maps,
 * whose frames the page cache uses in place (region.c, ../file/direct.c).
 */
#ifndef NESTLING_MM_REGION_H
#define NESTLING_MM_REGION_H

#include "kernel/lib/types.h"

struct page;

/* how often the host has failed to give pages of a region: see region_lost() */
extern u32 region_lost_count;
/*
 * Adds a region that arch has set up: @map is all zeros, @lost has a bit for each frame. At boot
 * only.
 */
void mm_add_region(pfn_t start, u64 nr, struct page *map, const u8 *lost);
/* Returns which region a frame belongs to (0: physmem), and its offset in the region's file. */
u32 pfn_region(pfn_t pfn, u64 *offset);
bool pfn_valid(pfn_t pfn);
/*
 * Takes an unused frame of another region for its first user: one reference, PG_direct. NULL: it is
 * in use, or lost.
 */
struct page *region_page_take(pfn_t pfn);
bool region_addr_lost(const void *p);
/*
 * True if bytes that were just read at @p (an address of the direct map) were zeros in place of the
 * file's content, because the host has cut the file or cannot read it. Called after reading; nearly
 * always it is one comparison.
 */
static inline bool region_lost(const void *p)
{
	return unlikely(__atomic_load_n(&region_lost_count, __ATOMIC_ACQUIRE)) &&
	       region_addr_lost(p);
}

#endif
