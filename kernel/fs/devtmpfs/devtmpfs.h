/* SPDX-License-Identifier: MIT */
/* devtmpfs.h: nodes in /dev that the kernel makes and removes. */
#ifndef NESTLING_FS_DEVTMPFS_H
#define NESTLING_FS_DEVTMPFS_H

#include "kernel/lib/types.h"

/*
 * Make and remove the node @name, which may contain directories ("pts/ptmx") and is copied. Missing
 * directories are made. @mode: S_IFCHR or S_IFBLK, and permissions. devtmpfs_remove() returns
 * -ENOENT if @name is no device node. Both return 0 or -errno, and may sleep.
 */
int devtmpfs_create(const char *name, umode_t mode, dev_t dev);
int devtmpfs_remove(const char *name);

#endif
