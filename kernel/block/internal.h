/* SPDX-License-Identifier: MIT */
/* internal.h: functions shared by the files of kernel/block. */
#ifndef NESTLING_BLOCK_INTERNAL_H
#define NESTLING_BLOCK_INTERNAL_H

#include "kernel/block/block.h"

/*
 * genhd.c: writes the name of partition @partno, or of the disk if it is 0. Returns its length,
 * which may exceed @size as snprintf()'s.
 */
int disk_name(const struct gendisk *d, u32 partno, char *buf, size_t size);

/*
 * Calls @found for each entry of a DOS or GPT partition table, and for none if the table is
 * unreadable or invalid (partition.c). @start and @nr: sectors, which may lie beyond the disk; the
 * result of @found is ignored. May sleep.
 */
void scan_partitions(
	struct gendisk *d, int (*found)(struct gendisk *d, u32 partno, sector_t start, u64 nr));

#endif
