/* SPDX-License-Identifier: MIT */
/*
 * frames.h: the allocator of frames (page_alloc.c, buddy.c), and the size of memory.
 *
 * alloc_pages() returns 2^order contiguous frames with one reference. Small kernel objects come
 * from kernel/lib/alloc.h, whose slabs are made of such frames. At boot arch calls mm_init_frames()
 * once.
 */
#ifndef NESTLING_MM_FRAMES_H
#define NESTLING_MM_FRAMES_H

#include "kernel/lib/alloc.h"
#include "kernel/lib/types.h"

struct page;

/*
 * Sets bit pfn % 8 of @bits[pfn / 8] for each frame on a free list of region 0 (physmem, the
 * guest's memory; region.h has the others): a snapshot need not save it. Frames that were never
 * allocated, or are in a vCPU's cache, are on no free list. Takes zone.lock.
 */
void mm_note_free(u8 *bits);
/*
 * alloc_pages() allocates 2^@order contiguous frames, @order at most MM_MAX_ORDER, with one
 * reference on the first, and returns the first. NULL: no memory. May sleep unless @gfp has
 * GFP_ATOMIC. get_free_pages() returns the frames' address in the direct map (the kernel's mapping
 * of all memory) instead. free_pages() frees the frames whatever the reference count, and does not
 * sleep. free_pages_addr() accepts NULL.
 */
struct page *alloc_pages(gfp_t gfp, u32 order);
void free_pages(struct page *p, u32 order);
#define alloc_page(gfp) alloc_pages(gfp, 0)
void *get_free_pages(gfp_t gfp, u32 order);
void free_pages_addr(void *p, u32 order);
#define get_free_page(gfp) get_free_pages(gfp, 0)
#define free_page_addr(p) free_pages_addr(p, 0)

#define MM_MAX_ORDER 10 /* the largest block: 2^10 frames, 4 MiB */
/*
 * For /proc, in frames. min, low, high: watermarks. cache_max: size of a vCPU's cache; cache_batch:
 * how many frames an empty cache takes at once.
 */
struct mm_zone_info {
	u64 min, low, high;
	u32 cache_max, cache_batch;
};
/* Returns the number of free blocks of 2^@order frames. Walks a list under a spinlock. */
u64 mm_free_blocks(u32 order);
void mm_zone_info(struct mm_zone_info *z);
/* Returns the number of free frames in the cache of vCPU @cpu. Racy. */
u32 mm_cached_frames(int cpu);
/* vm.min_free_kbytes. mm_min_free_changed() applies a new value to the watermarks. */
extern int sysctl_min_free_kbytes;
void mm_min_free_changed(void);

/*
 * Takes over frames [first_free, end) from arch, once the direct map exists. @limit (max_pfn): the
 * frame number that later growth (mm_plug()) may reach.
 */
void mm_init_frames(pfn_t first_free, pfn_t end, pfn_t limit);
/* Returns the present size of memory in frames (MemTotal), at most max_pfn. */
u64 nr_managed_frames(void);
/*
 * plug.c: mm_unplug() takes @n frames from the guest and gives them to the host; mm_plug() does the
 * opposite. They may sleep, reclaim and call the host. Return 0, or -errno with nothing changed.
 * -ENOMEM: only *most frames are possible; -ERANGE: the guest does not have, or cannot spare, so
 * many; other errors are the host's.
 */
int mm_unplug(u64 n, u64 *most);
int mm_plug(u64 n, u64 *most);

#endif
