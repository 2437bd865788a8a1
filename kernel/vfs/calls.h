/* SPDX-License-Identifier: MIT */
/* calls.h: system calls on files that are had already (io_uring): as the calls of that name. */
#ifndef NESTLING_VFS_CALLS_H
#define NESTLING_VFS_CALLS_H

#include "kernel/vfs/vfs.h"

int vfs_sync_file_range(struct file *f, loff_t off, loff_t n, u32 flags);
int vfs_fadvise(struct file *f, loff_t off, loff_t len, int advice);
int vfs_ftruncate(struct file *f, s64 len);
int vfs_fallocate(struct file *f, int mode, loff_t off, loff_t len);

#endif
