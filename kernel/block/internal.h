/* SPDX-License-Identifier: MIT */
/* internal.h: between the files of kernel/block. */
#ifndef NESTLING_BLOCK_INTERNAL_H
#define NESTLING_BLOCK_INTERNAL_H

#include "kernel/block/block.h"

/* bdev.c: the inode whose mapping caches the device. 0 or -ENOMEM. */
int bdev_inode_create(struct block_device *b);
void bdev_inode_destroy(struct block_device *b);

/* genhd.c */
int disk_name(const struct gendisk *d, u32 partno, char *buf, size_t size);

/* partition.c: calls found() for each entry of a DOS or GPT table; unreadable or nonsensical tables have none. */
void scan_partitions(
	struct gendisk *d, int (*found)(struct gendisk *d, u32 partno, sector_t start, u64 nr));

#endif
