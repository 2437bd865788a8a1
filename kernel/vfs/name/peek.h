/* SPDX-License-Identifier: MIT */
/* peek.h: lets the kernel itself read a file of an internal mount. */
#ifndef NESTLING_VFS_PEEK_H
#define NESTLING_VFS_PEEK_H

struct file;
struct mount;

/*
 * Opens a file for reading with O_NONBLOCK, for kernel threads. The path @name begins at the root
 * of @mnt (of kern_mount()), stays in @mnt and follows no magic links. May sleep. Returns ERR_PTR
 * on failure.
 */
struct file *mount_open(struct mount *mnt, const char *name);

#endif
