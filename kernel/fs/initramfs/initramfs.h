/* SPDX-License-Identifier: MIT */
/* initramfs.h: the archive of initrd= as the first root. */
#ifndef NESTLING_FS_INITRAMFS_H
#define NESTLING_FS_INITRAMFS_H

#include "kernel/lib/types.h"

/* Unpacks a cpio archive (newc, plain or gzip) at the root: 0 or -errno. */
int unpack_initramfs(const void *buf, size_t n);

#endif
