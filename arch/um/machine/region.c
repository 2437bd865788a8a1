/* SPDX-License-Identifier: MIT */
/*
 * region.c: regions of frames other than physmem: host files whose pages are frames that can be
 * read and never written.
 *
 * A region consists of:
 * - numbers from REGION_FIRST on, with a gap behind each region, so that no run of frames spans two
 * - the file, mapped read-only at pfn_to_virt() of its first number
 * - a region of skas for that file, from which every mapper can map
 * - an array of struct page in a memory file that is sparse, since only frames in use have theirs
 *   written
 * - behind the array a bit for each frame that the host has failed to give (os_fault_guard())
 *
 * The file cannot be written by way of a region: the descriptor that the mappers and the kernel
 * have is open for reading only.
 */
#include <asm/errno.h>

#include "arch/um/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/mm.h"
#include "skas/skas.h"

#define REGION_FIRST (KERNEL_MAP_SIZE / 2 >> PAGE_SHIFT) /* physmem is below: MEM_MAX */
#define REGION_END (KERNEL_MAP_SIZE >> PAGE_SHIFT)
#define GAP 1

static pfn_t next_pfn = REGION_FIRST; /* boot only */
static int next_region = 1;

/*
 * Maps the file, with the right to execute first, to learn whether the host grants that to guests.
 */
static int map_file(void *at, u64 size, int file)
{
	int err = os_mem_map(at, size, OS_PROT_READ | OS_PROT_EXEC, file, 0, 0);

	if (err)
		return err == -EACCES ? -EPERM : err;
	return os_mem_protect(at, size, OS_PROT_READ);
}

static int map_pages(void *at, u64 size)
{
	int file = os_mem_create("region", size);

	return file < 0 ? file : os_mem_map(at, size, OS_PROT_READ | OS_PROT_WRITE, file, 0, 0);
}

s64 arch_region_add(int file, u64 frames)
{
	pfn_t first = next_pfn;
	struct page *map =
		(struct page *)(REGION_PAGES_BASE + (first - REGION_FIRST) * sizeof(struct page));
	u64 map_size = PAGE_ALIGN(frames * sizeof(struct page));
	u8 *lost = (u8 *)map + map_size;
	u64 lost_size = PAGE_ALIGN(DIV_ROUND_UP(frames, 8));
	/* Uses up numbers for the bits too, so that arrays of regions do not meet. */
	u64 used = frames + GAP + DIV_ROUND_UP(lost_size + PAGE_SIZE, sizeof(struct page));
	int err;

	if (!frames || frames > REGION_END - REGION_FIRST || used > REGION_END - first)
		return -ENOSPC;
	err = map_file(pfn_to_virt(first), frames << PAGE_SHIFT, file);
	if (err)
		return err;
	err = map_pages(map, map_size + lost_size);
	if (err)
		goto err_unmap_file;
	err = skas_region_add(next_region, file);
	if (!err) /* the last step: it cannot be taken back */
		err = os_fault_guard(
			pfn_to_virt(first), frames << PAGE_SHIFT, lost, &region_lost_count);
	if (err)
		goto err_unmap_pages;
	mm_add_region(first, frames, map, lost);
	next_pfn = first + round_up(used, PAGE_SIZE / sizeof(struct page));
	next_region++;
	return (s64)first;

err_unmap_pages:
	os_mem_unmap(map, map_size + lost_size);
err_unmap_file:
	os_mem_unmap(pfn_to_virt(first), frames << PAGE_SHIFT);
	return err;
}
