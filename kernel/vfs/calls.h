/* SPDX-License-Identifier: MIT */
/*
 * calls.h: the bodies of system calls whose files the caller (io_uring) has already looked up. Each
 * is named after its system call, and has its units, flags and results: 0 or -errno. All may sleep,
 * and are called without locks.
 */
#ifndef NESTLING_VFS_CALLS_H
#define NESTLING_VFS_CALLS_H

#include "kernel/vfs/vfs.h"

int vfs_sync_file_range(struct file *f, loff_t off, loff_t n, u32 flags);
int vfs_fadvise(struct file *f, loff_t off, loff_t len, int advice);
int vfs_ftruncate(struct file *f, s64 len);
int vfs_fallocate(struct file *f, int mode, loff_t off, loff_t len);
/*
 * openat2(2) in two parts: read the guest's arguments, then open. get_open_how() copies the @size
 * bytes at @uhow, and returns 0, -EINVAL, -E2BIG or -EFAULT. openat_how() opens the path at the
 * guest address @ua, and returns a descriptor or -errno.
 */
struct open_how;
long get_open_how(struct open_how *h, uaddr_t uhow, size_t size);
long openat_how(int dfd, uaddr_t ua, const struct open_how *h);

#endif
