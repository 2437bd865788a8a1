/* SPDX-License-Identifier: MIT */
/*
 * pagemap.h: the ioctl of /proc/self/pagemap that lists the pages of a range by their categories,
 * since Linux 6.7 (struct pm_scan_arg and the constants of linux/fs.h, which Debian 12 lacks).
 */
#ifndef NESTLING_OS_STATE_PAGEMAP_H
#define NESTLING_OS_STATE_PAGEMAP_H

#include <stdint.h>
#include <sys/ioctl.h>

struct scan {
	uint64_t size, flags, start, end, walk_end, regions, nr_regions, max_pages;
	uint64_t inverted, all_of, any_of, return_mask;
};
struct region {
	uint64_t start, end, categories;
};
#define SCAN _IOWR('f', 16, struct scan)
/* flags: write-protects the pages that match; fails where userfaultfd does not allow that */
#define SCAN_PROTECT (1UL << 0)
#define SCAN_CHECK_ASYNC (1UL << 1)
/* categories */
#define IS_WRITTEN (1UL << 1) /* not write-protected */
#define IS_FILE (1UL << 2)
#define IS_PRESENT (1UL << 3)
#define IS_SWAPPED (1UL << 4)

#endif
