/* SPDX-License-Identifier: MIT */
/* internal.h: what the files of kernel/block share. */
#ifndef NESTLING_BLOCK_INTERNAL_H
#define NESTLING_BLOCK_INTERNAL_H

#include "kernel/block/block.h"

/* Makes the inode whose mapping caches the device (bdev.c). Returns 0 or -ENOMEM. */
int bdev_inode_create(struct block_device *b);
void bdev_inode_destroy(struct block_device *b);

/* bdev.c, rw.c: file operations of a device. */
int blkdev_fsync(struct file *f, loff_t start, loff_t end, bool datasync);
ssize_t blkdev_read_iter(struct file *f, struct iov_iter *to, loff_t *pos);
ssize_t blkdev_write_iter(struct file *f, struct iov_iter *from, loff_t *pos);
struct direct_ops;
extern const struct direct_ops blkdev_direct_ops;
int tenant_sync(struct block_device *b); /* writes the tenant's data to disk */

/* genhd.c */
int disk_name(const struct gendisk *d, u32 partno, char *buf, size_t size);

/*
 * Calls found() for each entry of a DOS or GPT table; an unreadable or invalid table has none
 * (partition.c).
 */
void scan_partitions(
	struct gendisk *d, int (*found)(struct gendisk *d, u32 partno, sector_t start, u64 nr));

#endif
