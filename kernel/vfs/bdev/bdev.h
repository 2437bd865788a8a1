/* SPDX-License-Identifier: MIT */
/*
 * bdev.h: block devices as files, which are opened, read and written through a page cache (bdev.c,
 * rw.c). The disks themselves belong to kernel/block.
 */
#ifndef NESTLING_VFS_BDEV_H
#define NESTLING_VFS_BDEV_H

#include "kernel/block/block.h"
#include "kernel/vfs/vfs.h"

extern const struct file_operations def_blk_fops;
/* Functions of type int return 0 or -errno. All may sleep. */
/*
 * Opens a device, exclusively unless @holder is NULL; another open with the same @holder succeeds.
 * -ENXIO: the device is gone; -EBUSY: it has another holder; -EROFS; -ENOMEM. bdev_close() gets the
 * same @write and @holder. Both take b->lock.
 */
int bdev_open(struct block_device *b, bool write, void *holder);
void bdev_close(struct block_device *b, bool write, void *holder);
int sync_blockdev(struct block_device *b); /* writes its page cache out and waits */
/*
 * Makes a mounted file system, which holds the device, the device's tenant. @block: bytes of its
 * blocks; @arg: passed to the operations of @t. @t NULL: removes the tenant, and returns when no
 * operation of it runs any more.
 */
void bdev_set_tenant(struct block_device *b, const struct bdev_tenant *t, void *arg, u32 block);
/*
 * Reads @n bytes from byte @pos on through the device's page cache, with readahead, for metadata of
 * read-only file systems. @pos and @n need no alignment. -EIO: the range ends beyond the device.
 */
int bdev_read_bytes(struct block_device *b, u64 pos, void *buf, size_t n);

/*
 * Finds frames that hold the content of the @nr pages from sector @s on. Returns for how many of
 * the pages, 1 to @nr, *pfn is valid. *pfn is 0 if these pages must be read from the disk;
 * otherwise it is the first of as many consecutive frames, which hold the disk's present content
 * and are read-only. A later write to the disk does not change the frames, but makes their content
 * old.
 */
u32 bdev_frames(struct block_device *b, sector_t s, u32 nr, pfn_t *pfn);

#endif
