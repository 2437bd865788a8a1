/* SPDX-License-Identifier: MIT */
/*
 * region.c: regions of frames other than physmem: host files whose pages are frames that can be
 * read and never written.
 *
 * A region consists of:
 * - numbers from REGION_FIRST on, with a gap behind each region, so that no run of frames spans two
 * - the file, mapped read-only at pfn_to_virt() of its first number
 * - a region of skas for that file, from which every mapper can map
 * - an array of struct page in a sparse memory file: only the entries of frames in use are ever
 *   written
 * - behind the array a bit for each frame, set if the host has failed to provide it
 *   (os_fault_guard())
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

#define MAX_REGIONS 15

static pfn_t next_pfn = REGION_FIRST; /* changed at boot only */
static int next_region = 1;
static struct {
	pfn_t first;
	u64 frames;
	/*
	 * array of struct page, and at @lost_at the bits of lost frames: @map_size bytes, in memory
	 * file @map_file
	 */
	void *map;
	u64 map_size, lost_at;
	int map_file;
} regions[MAX_REGIONS + 1];

/* Maps the file, first with PROT_EXEC, to learn whether the host grants that right to guests. */
static int map_file(void *at, u64 size, int file)
{
	int err = os_mem_map(at, size, OS_PROT_READ | OS_PROT_EXEC, file, 0, 0);

	if (err)
		return err == -EACCES ? -EPERM : err;
	return os_mem_protect(at, size, OS_PROT_READ);
}

/* Returns the memory file, or -errno. */
static int map_pages(void *at, u64 size)
{
	int file = os_mem_create("region", size), err;

	if (file < 0)
		return file;
	err = os_mem_map(at, size, OS_PROT_READ | OS_PROT_WRITE, file, 0, 0);
	if (err)
		os_file_close(file);
	return err ? err : file;
}

s64 arch_region_add(int file, u64 frames)
{
	pfn_t first = next_pfn;
	struct page *map =
		(struct page *)(REGION_PAGES_BASE + (first - REGION_FIRST) * sizeof(struct page));
	u64 map_size = PAGE_ALIGN(frames * sizeof(struct page));
	u8 *lost = (u8 *)map + map_size;
	u64 lost_size = PAGE_ALIGN(DIV_ROUND_UP(frames, 8));
	/* reserves numbers for the bits too, so that the arrays of two regions do not overlap */
	u64 used = frames + GAP + DIV_ROUND_UP(lost_size + PAGE_SIZE, sizeof(struct page));
	int err, pages;

	if (next_region > MAX_REGIONS || !frames || frames > REGION_END - REGION_FIRST ||
		used > REGION_END - first)
		return -ENOSPC;
	err = map_file(pfn_to_virt(first), frames << PAGE_SHIFT, file);
	if (err)
		return err;
	pages = map_pages(map, map_size + lost_size);
	err = pages < 0 ? pages : 0;
	if (err)
		goto err_unmap_file;
	err = skas_region_add(next_region, file);
	/* the last step, since it cannot be undone */
	if (!err)
		err = os_fault_guard(
			pfn_to_virt(first), frames << PAGE_SHIFT, lost, &region_lost_count);
	if (err)
		goto err_unmap_pages;
	mm_add_region(first, frames, map, lost);
	next_pfn = first + round_up(used, PAGE_SIZE / sizeof(struct page));
	regions[next_region].first = first;
	regions[next_region].frames = frames;
	regions[next_region].map = map;
	regions[next_region].map_size = map_size + lost_size;
	regions[next_region].lost_at = map_size;
	regions[next_region].map_file = pages;
	next_region++;
	return (s64)first;

err_unmap_pages:
	os_mem_unmap(map, map_size + lost_size);
	os_file_close(pages);
err_unmap_file:
	os_mem_unmap(pfn_to_virt(first), frames << PAGE_SHIFT);
	return err;
}

int arch_region_again(pfn_t first, int file)
{
	for (int i = 1; i < next_region; i++) {
		u8 *lost = (u8 *)regions[i].map + regions[i].lost_at;
		u64 size = regions[i].frames << PAGE_SHIFT;
		int err;

		if (regions[i].first != first)
			continue;
		err = map_file(pfn_to_virt(first), size, file);
		if (!err)
			err = skas_region_add(i, file);
		return err ? err :
			     os_fault_guard(pfn_to_virt(first), size, lost, &region_lost_count);
	}
	return -ENOENT;
}

u32 region_describe(struct os_state *s, struct os_state_map *maps)
{
	u32 n = 0;

	for (int i = 1; i < next_region; i++) {
		s->file[s->nr_files] = regions[i].map_file;
		s->size[s->nr_files] = regions[i].map_size;
		maps[n++] = (struct os_state_map){ .addr = (u64)regions[i].map,
			.len = regions[i].map_size,
			.file = s->nr_files++ };
	}
	return n;
}

void region_restored(const int *files)
{
	for (int i = 1; i < next_region; i++)
		regions[i].map_file = files[i - 1];
}
