/* SPDX-License-Identifier: MIT */
/* internal.h: declarations shared by the files of kernel/vfs/bdev only. */
#ifndef NESTLING_VFS_BDEV_INTERNAL_H
#define NESTLING_VFS_BDEV_INTERNAL_H

#include "kernel/vfs/bdev/bdev.h"

/* bdev.c, rw.c: the file operations of a device */
int blkdev_fsync(struct file *f, loff_t start, loff_t end, bool datasync);
ssize_t blkdev_read_iter(struct file *f, struct iov_iter *to, loff_t *pos);
ssize_t blkdev_write_iter(struct file *f, struct iov_iter *from, loff_t *pos);
struct direct_ops;
extern const struct direct_ops blkdev_direct_ops;
/*
 * Writes the tenant's data to the disk. Returns 0, also if there is no tenant, or -errno. Takes
 * tenant_lock for reading, and may sleep.
 */
int tenant_sync(struct block_device *b);

#endif
