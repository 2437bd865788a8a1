/* SPDX-License-Identifier: MIT */
/*
 * frames.h: physical memory for unit tests of mm: a direct map of FRAMES frames, and fakes of the
 * functions of reclaim and of the host that the frame allocator calls. Only one file of a test may
 * include it. The SOURCES in that file's first comment must have buddy.c, page_alloc.c, page.c,
 * region.c and slab.c of kernel/mm/frame.
 */
#ifndef TESTS_UNIT_FRAMES_H
#define TESTS_UNIT_FRAMES_H

#include "kernel/mm/internal.h"

void *mmap(void *addr, size_t n, int prot, int flags, int fd, long off);
int madvise(void *addr, size_t n, int advice);

#define FRAMES 8192UL   /* 32 MiB */
#define FIRST_FREE 16UL /* frames below are in use */

/* ---- fakes; reclaim frees nothing ---- */

bool oom_kill(gfp_t gfp, u32 order)
{
	return false;
}
/* how often try_to_free_pages() was called */
static u32 reclaim_calls;

u64 try_to_free_pages(gfp_t gfp, u32 order)
{
	reclaim_calls++;
	return 0;
}

void wake_kswapd(void)
{
}

bool out_of_memory(struct mm *mm)
{
	return false;
}

void giveback_kick(void)
{
}

u64 ktime_get(void)
{
	return 0;
}

pfn_t physmem_next(pfn_t pfn, pfn_t end, bool data)
{
	return data ? end : pfn;
}

/* Maps the memory and makes its frames from FIRST_FREE on free. For cmocka: returns 0, or -1. */
static int frames_setup(void **state)
{
	void *map = (void *)KERNEL_MAP_BASE;

	if (mmap(map, FRAMES * PAGE_SIZE, 3, 0x22 | 0x10, -1, 0) != map)
		return -1;
	mm_init_frames(FIRST_FREE, FRAMES, FRAMES);
	return 0;
}

#endif
