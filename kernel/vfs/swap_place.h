/* SPDX-License-Identifier: MIT */
/*
 * swap_place.h: where the slots of a swap area lie on a disk. A slot holds one page.
 *
 *      swap_place_pin(&pl, f);                 from now on no file below moves its blocks
 *      swap_place_map(&pl, f, slots);          finds the slots
 *      swap_extent_at(&pl, slot);              where a slot lies
 *      swap_place_release(&pl);
 *
 * The slots of an area on a loop device, or in a file system on it, are mapped through the file
 * behind that device to the disk below. Requests go to that disk alone: a write through the loop's
 * thread would need locks and memory that the task which waits for it may hold.
 */
#ifndef NESTLING_VFS_SWAP_PLACE_H
#define NESTLING_VFS_SWAP_PLACE_H

#include "kernel/block/block.h"
#include "kernel/lib/types.h"

struct file;

/* Maximum of nested loop devices on the way to the disk. */
#define SWAP_DEPTH 8

struct swap_extent {
	/* First slot and number of slots; in bytes until swap_place_map() has found all of them. */
	u64 slot, n;
	sector_t sector;
};
struct swap_place {
	struct block_device *bdev;   /* the disk of all slots */
	struct swap_extent *extents; /* by slot, without gaps */
	u32 nr_extents, max_extents; /* used and allocated entries */
	/*
	 * The loop devices on the way to the disk, the uppermost first, and the files behind them.
	 */
	struct {
		struct block_device *bdev;
		struct file *f; /* referenced */
		u64 off;        /* byte of @f at which the device begins */
	} under[SWAP_DEPTH];
	u32 nr_under;
};

/*
 * Pins the files behind the loop devices below @f, which is a block device or a file on one.
 * Returns 0, or -errno with nothing pinned; -EINVAL: @f cannot hold a swap area. @pl is zeroed
 * before. May sleep.
 */
int swap_place_pin(struct swap_place *pl, struct file *f);
/*
 * Finds the disk blocks of the first @slots pages of @f, whose dirty pages have been written out.
 * Allocates blocks where the files below have holes. Returns the number of slots found, which may
 * be smaller than @slots, or -errno; -EINVAL: @f itself has a hole. After an error the caller calls
 * swap_place_release(). May sleep.
 */
s64 swap_place_map(struct swap_place *pl, struct file *f, u64 slots);
/* Frees the extents and unpins the files. */
void swap_place_release(struct swap_place *pl);
/* Returns the extent that contains @slot, which must have been found. */
const struct swap_extent *swap_extent_at(const struct swap_place *pl, u64 slot);

#endif
