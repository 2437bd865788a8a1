/* SPDX-License-Identifier: MIT */
/*
 * fserror.h: how a file system reports to listeners of fanotify (FAN_FS_ERROR) that it is damaged.
 */
#ifndef NESTLING_VFS_FSERROR_H
#define NESTLING_VFS_FSERROR_H

#include "kernel/vfs/vfs.h"

/*
 * Reports an error of a file system to its watchers. @inode: the damaged file, of which only number
 * and generation are used; NULL: no particular file. @error: a positive errno. May sleep.
 */
void fsnotify_fs_error(struct super_block *sb, struct inode *inode, int error);

#endif
