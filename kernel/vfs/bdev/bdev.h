/* SPDX-License-Identifier: MIT */
/*
 * bdev.h: a block device as a file: opened, read and written through a page cache (bdev.c, rw.c).
 * Disks themselves are kernel/block's.
 */
#ifndef NESTLING_VFS_BDEV_H
#define NESTLING_VFS_BDEV_H

#include "kernel/block/block.h"
#include "kernel/vfs/vfs.h"

extern const struct file_operations def_blk_fops;
/* Opens; @holder not NULL: exclusively. 0, -ENXIO, -EBUSY, -EROFS. */
int bdev_open(struct block_device *b, bool write, void *holder);
void bdev_close(struct block_device *b, bool write, void *holder);
int sync_blockdev(struct block_device *b); /* writes its page cache out and waits */
/* Makes a mounted file system, which holds the device, its tenant; @t NULL: ends that. */
void bdev_set_tenant(struct block_device *b, const struct bdev_tenant *t, void *arg, u32 block);
/*
 * Reads @n bytes at byte @pos through the device's page cache, with readahead: for metadata of
 * read-only file systems. 0; -EIO beyond the end; -errno.
 */
int bdev_read_bytes(struct block_device *b, u64 pos, void *buf, size_t n);

/*
 * Examines the @nr pages of the disk from sector @s on, and returns how many of them (1 to @nr) are
 * alike. *pfn: the first of as many consecutive frames that hold the disk's present content and can
 * only be read, or 0: the pages must be read. A write to the disk makes the answer stale, not the
 * frames.
 */
u32 bdev_frames(struct block_device *b, sector_t s, u32 nr, pfn_t *pfn);

#endif
