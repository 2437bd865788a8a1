/* SPDX-License-Identifier: MIT */
/*
 * region.h: regions of frames. Region 0, physmem, is the guest's memory. The others are disk images
 * that the host maps; the page cache uses their frames in place (region.c, ../file/direct.c).
 */
#ifndef NESTLING_MM_REGION_H
#define NESTLING_MM_REGION_H

#include "kernel/lib/types.h"

struct page;

/* number of frames that the host has failed to provide: see region_lost() */
extern u32 region_lost_count;
/*
 * Adds a region of @nr frames from @start on that arch has set up. @map: zeroed struct pages;
 * @lost: a bit for each frame. Both stay in use. Called at boot only; panics if there are too many
 * regions.
 */
void mm_add_region(pfn_t start, u64 nr, struct page *map, const u8 *lost);
/*
 * Returns the number of the frame's region (0: physmem), and sets *offset to the frame's offset in
 * the region's file, in bytes. The frame must exist.
 */
u32 pfn_region(pfn_t pfn, u64 *offset);
/* True if a region has a frame of this number. */
bool pfn_valid(pfn_t pfn);
/*
 * Takes an unused frame of a region other than physmem: sets PG_direct and one reference, the
 * caller's. Returns NULL if the frame is in use, lost, or of no such region. Does not sleep.
 */
struct page *region_page_take(pfn_t pfn);
/* The body of region_lost(). */
bool region_addr_lost(const void *p);
/*
 * True if the bytes that were just read at @p, in the direct map, were zeros in place of the file's
 * content, because the host has truncated the file or cannot read it. Call it after the read. It
 * nearly always costs one comparison.
 */
static inline bool region_lost(const void *p)
{
	return unlikely(__atomic_load_n(&region_lost_count, __ATOMIC_ACQUIRE)) &&
	       region_addr_lost(p);
}

#endif
