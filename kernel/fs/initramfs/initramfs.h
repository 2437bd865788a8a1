/* SPDX-License-Identifier: MIT */
/* initramfs.h: unpacks the archive of initrd= into the first root. */
#ifndef NESTLING_FS_INITRAMFS_H
#define NESTLING_FS_INITRAMFS_H

#include "kernel/lib/types.h"

/*
 * Unpacks cpio archives (newc, plain or compressed with gzip, zstd or xz), the @n bytes at @buf,
 * into the root directory. Returns 0 or -errno; entries before the error stay. Sleeps.
 */
int unpack_initramfs(const void *buf, size_t n);

#endif
