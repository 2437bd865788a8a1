/* SPDX-License-Identifier: MIT */
/*
 * calls.h: system calls on files that the caller has already looked up (io_uring), each named after
 * its call.
 */
#ifndef NESTLING_VFS_CALLS_H
#define NESTLING_VFS_CALLS_H

#include "kernel/vfs/vfs.h"

int vfs_sync_file_range(struct file *f, loff_t off, loff_t n, u32 flags);
int vfs_fadvise(struct file *f, loff_t off, loff_t len, int advice);
int vfs_ftruncate(struct file *f, s64 len);
int vfs_fallocate(struct file *f, int mode, loff_t off, loff_t len);
/* The two parts of openat2(2): reading the guest's arguments, and opening. */
struct open_how;
long get_open_how(struct open_how *h, uaddr_t uhow, size_t size);
long openat_how(int dfd, uaddr_t ua, const struct open_how *h);

#endif
