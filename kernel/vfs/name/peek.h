/* SPDX-License-Identifier: MIT */
/* peek.h: the kernel reads a file of a mount of its own. */
#ifndef NESTLING_VFS_PEEK_H
#define NESTLING_VFS_PEEK_H

struct file;
struct mount;

/*
 * To be read without waiting, by a way that stays in @mnt (kern_mount()): no magic links. ERR_PTR.
 * By kernel threads.
 */
struct file *mount_open(struct mount *mnt, const char *name);

#endif
