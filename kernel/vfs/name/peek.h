/* SPDX-License-Identifier: MIT */
/* peek.h: the kernel reads a file of an internal mount. */
#ifndef NESTLING_VFS_PEEK_H
#define NESTLING_VFS_PEEK_H

struct file;
struct mount;

/*
 * Opens a file for reading without waiting, by a path that stays in @mnt (kern_mount()): no magic
 * links. For kernel threads. ERR_PTR.
 */
struct file *mount_open(struct mount *mnt, const char *name);

#endif
